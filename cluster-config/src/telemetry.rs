//! Where a node sends traces, if anywhere.

use std::fmt::Write as _;

use crate::section::Section;
use crate::shape::{Field, Kind, Need, Shape};

/// Traces by OpenTelemetry. None are made unless an endpoint is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// Where a collector takes OTLP over gRPC, as `http://host:port`.
    pub otlp_endpoint: Option<String>,
    /// Of 1,000 commands so many are traced.
    pub otlp_permille: u64,
}

const PERMILLE: u64 = 10;

impl Default for TelemetryConfig {
    fn default() -> Self {
        TelemetryConfig { otlp_endpoint: None, otlp_permille: PERMILLE }
    }
}

impl TelemetryConfig {
    pub(crate) fn read(section: &Section<'_>) -> TelemetryConfig {
        TelemetryConfig {
            otlp_endpoint: section.text("otlp_endpoint").map(|text| text.value.to_owned()),
            otlp_permille: section.number("otlp_permille"),
        }
    }

    /// The table as it stands in a file; nothing where no endpoint is given.
    pub(crate) fn to_toml(&self) -> String {
        let mut text = String::new();
        if let Some(endpoint) = &self.otlp_endpoint {
            let endpoint = toml::Value::String(endpoint.clone());
            write!(text, "\n[telemetry]\notlp_endpoint = {endpoint}\notlp_permille = {}", self.otlp_permille)
                .expect("a String takes all");
        }
        text
    }
}

pub(crate) static SHAPE: Shape = Shape {
    doc: "Traces.",
    exactly_one: false,
    fields: &[
        Field {
            name: "otlp_endpoint",
            kind: Kind::HttpUrl,
            need: Need::Optional,
            doc: "Where an OpenTelemetry collector takes OTLP over gRPC, as http://host:port. Needs a binary with the feature `otel`.",
        },
        Field {
            name: "otlp_permille",
            kind: Kind::Integer(0, 1_000),
            need: Need::Number(PERMILLE),
            doc: "Of 1,000 commands so many are traced.",
        },
    ],
};
