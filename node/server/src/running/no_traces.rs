//! A binary without the feature `otel` makes no traces, and says so to whoever asks for them.

use ringmain_cluster_config::NodeConfig;
use ringmain_telemetry::codes;
use tracing_subscriber::Registry;

use super::logging::BoxedLayer;
use crate::exit::{Failure, FailureKind};

/// No traces.
pub(crate) struct Traces;

impl Traces {
    /// # Errors
    /// When the config names a collector.
    pub(super) fn begin(config: &NodeConfig) -> Result<(Option<BoxedLayer<Registry>>, Traces), Failure> {
        if config.telemetry.otlp_endpoint.is_none() {
            return Ok((None, Traces));
        }
        let message = "telemetry.otlp_endpoint: this binary makes no traces; take the line out, or use a binary that \
                       was built with `--features otel`";
        Err(Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, message))
    }

    /// Nothing is on its way.
    pub(crate) fn end(self) {}
}
