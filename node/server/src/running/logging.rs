//! Log output to standard error: lines for people or JSON for programs.

use ringmain_cluster_config::node::{LogConfig, LogFormat};
use ringmain_telemetry::codes;
use tracing_subscriber::EnvFilter;

use crate::exit::{Failure, FailureKind};

/// Begins to write. `RUST_LOG` goes before the config's filter.
///
/// # Errors
/// When the filter is malformed.
pub(crate) fn begin(config: &LogConfig) -> Result<(), Failure> {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| config.filter.clone());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        let message =
            format!("log.filter: {filter:?} is no filter: {error}; write a level or target=level pairs");
        Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, message)
    })?;
    let output = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = match config.format {
        LogFormat::Text => output.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => output.json().flatten_event(true).with_current_span(false).try_init(),
    };
    begun.map_err(|error| Failure::new(FailureKind::Internal, "internal", error))
}
