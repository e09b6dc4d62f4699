//! Traces by OpenTelemetry: the ways of commands (`ringmain_replication::way`), to a collector that takes OTLP over gRPC.
//! When the collector is slow or away, traces are dropped and the node goes on.

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use ringmain_cluster_config::NodeConfig;
use ringmain_replication::way;
use ringmain_telemetry::{codes, labels};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::{Layer, Registry};

use super::logging::BoxedLayer;
use crate::exit::{Failure, FailureKind};

/// The traces of this process, if any are made.
pub(crate) struct Traces {
    provider: Option<SdkTracerProvider>,
}

impl Traces {
    /// Begins to collect where the config names a collector. The collector need not be there.
    ///
    /// # Errors
    /// When the endpoint is malformed.
    pub(super) fn begin(config: &NodeConfig) -> Result<(Option<BoxedLayer<Registry>>, Traces), Failure> {
        let Some(endpoint) = &config.telemetry.otlp_endpoint else {
            return Ok((None, Traces { provider: None }));
        };
        let exporter =
            SpanExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(|error| {
                let message =
                    format!("telemetry.otlp_endpoint: {endpoint:?}: {error}; write it as http://host:port");
                Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, message)
            })?;
        let share = Sampler::TraceIdRatioBased(config.telemetry.otlp_permille as f64 / 1_000.0);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            // A trace is whole or not at all.
            .with_sampler(Sampler::ParentBased(Box::new(share)))
            .with_resource(resource(config))
            .build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("ringmain"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        let ways = Targets::new().with_target(way::TARGET, LevelFilter::TRACE);
        Ok((Some(layer.with_filter(ways).boxed()), Traces { provider: Some(provider) }))
    }

    /// Sends what is on its way; the runtime must be there. Waits for a few seconds at most.
    pub(crate) fn end(self) {
        if let Some(Err(error)) = self.provider.map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "the last traces were not taken");
        }
    }
}

/// Says which node it is, as metrics do.
fn resource(config: &NodeConfig) -> Resource {
    let region = config.me().map(|me| me.region.clone()).unwrap_or_default();
    Resource::builder_empty()
        .with_service_name("ringmain")
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", config.node.to_string()),
            KeyValue::new(labels::CLUSTER, config.cluster.clone()),
            KeyValue::new(labels::REGION, region),
        ])
        .build()
}
