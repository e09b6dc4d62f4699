//! `start`: one node until it is told to stop.

use std::path::Path;
use std::sync::Arc;

use ringmain_cluster_config::node::{ConfigError, read_file};
use ringmain_cluster_config::{NodeConfig, RoutingPlan};
use ringmain_telemetry::codes;

use crate::cli::StartArgs;
use crate::exit::{Failure, FailureKind};
use crate::running::manager::ServiceManager;
use crate::running::signals::StopSignals;
use crate::running::{Running, logging, memory};

/// Runs the node.
pub(super) fn run(args: &StartArgs) -> Result<(), Failure> {
    memory::ask_for_huge_pages();
    let mut config = load(&args.config)?;
    config.join |= args.join;
    let plan = args.plan.as_deref().map(read_plan).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(FailureKind::Internal, "internal", error))?;
    let traces = {
        let _inside = runtime.enter();
        logging::begin(&config)?
    };
    let ended = runtime.block_on(serve(&config, plan, args.until_stdin_closes));
    traces.end();
    // A thread that still waits for input must not keep the process.
    runtime.shutdown_background();
    ended
}

/// Reads a node's config.
pub(super) fn load(path: &Path) -> Result<NodeConfig, Failure> {
    NodeConfig::load(path).map_err(|error| invalid(&error))
}

/// Reads a plan and says on standard error what looks like a mistake.
pub(super) fn read_plan(path: &Path) -> Result<RoutingPlan, Failure> {
    let text = read_file(path).map_err(|error| invalid(&error))?;
    let source = path.display().to_string();
    let plan = RoutingPlan::parse(&source, &text).map_err(|problems| invalid(&problems.into()))?;
    for warning in &plan.warnings {
        eprintln!("warning: {source}:{warning}");
    }
    Ok(plan)
}

async fn serve(
    config: &NodeConfig,
    plan: Option<RoutingPlan>,
    until_stdin_closes: bool,
) -> Result<(), Failure> {
    let mut signals = StopSignals::listen(until_stdin_closes)?;
    let mut running = Running::start(config, plan).await?;
    let manager = Arc::new(ServiceManager::of_environment());
    running.attend(Arc::clone(&manager));
    manager.ready();
    tracing::info!(
        cluster = config.cluster,
        node = %config.node,
        api = config.listen.api,
        addr = config.listen.peer,
        http = config.listen.http,
        "node serves"
    );
    let failed = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping; a second signal stops at once");
            None
        }
        failure = running.failed() => Some(failure),
    };
    manager.stopping();
    tokio::select! {
        () = running.stop() => {}
        signal = signals.next() => tracing::warn!(signal, "stopped at once"),
    }
    failed.map_or(Ok(()), Err)
}

fn invalid(error: &ConfigError) -> Failure {
    Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, error)
}
