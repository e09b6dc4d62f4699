//! Log output to standard error: lines for people or JSON for programs. Beside it, traces go to a collector where one is
//! named.

use ringmain_cluster_config::NodeConfig;
use ringmain_cluster_config::node::{LogConfig, LogFormat};
use ringmain_telemetry::codes;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use super::traces::Traces;
use crate::exit::{Failure, FailureKind};

/// Whether a span or event may be written at all, whatever the filter says. Each actor is a span of its library, with a number
/// that says nothing, which would be entered and left with every message.
fn tells_something(metadata: &Metadata<'_>) -> bool {
    !(metadata.is_span() && metadata.target().starts_with("ractor"))
}

/// A layer of any kind.
pub(super) type BoxedLayer<S> = Box<dyn Layer<S> + Send + Sync>;

/// Begins to write. `RUST_LOG` goes before the config's filter. To be called within a tokio runtime.
///
/// # Errors
/// When the filter is malformed, or the traces that the config asks for cannot be had.
pub(crate) fn begin(config: &NodeConfig) -> Result<Traces, Failure> {
    let (collected, traces) = Traces::begin(config)?;
    let begun = tracing_subscriber::registry().with(collected).with(lines(&config.log)?).try_init();
    begun.map_err(|error| Failure::new(FailureKind::Internal, "internal", error))?;
    Ok(traces)
}

fn lines<S>(config: &LogConfig) -> Result<BoxedLayer<S>, Failure>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| config.filter.clone());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        let message =
            format!("log.filter: {filter:?} is no filter: {error}; write a level or target=level pairs");
        Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, message)
    })?;
    let filter = filter.and(filter_fn(tells_something));
    let output = fmt::layer().with_writer(std::io::stderr);
    Ok(match config.format {
        LogFormat::Text => {
            output.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).with_filter(filter).boxed()
        }
        LogFormat::Json => {
            output.json().flatten_event(true).with_current_span(false).with_filter(filter).boxed()
        }
    })
}
