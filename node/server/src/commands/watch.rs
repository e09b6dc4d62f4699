//! Lists that are shown once, or again and again with --watch.

use crate::cli::ListArgs;
use crate::connection::Clients;
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer};

/// Asks and prints; with --watch until interrupted, over losses of the node too.
pub(super) async fn show(
    args: &ListArgs,
    ask: impl AsyncFn(&Clients) -> Result<Answer, Failure>,
) -> Result<(), Failure> {
    if !args.watch {
        let clients = Clients::open(&args.node).await?;
        return output::print(&ask(&clients).await?, args.node.format, false);
    }
    let mut ticks = tokio::time::interval(args.every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut clients = None;
    loop {
        ticks.tick().await;
        match round(args, &mut clients, &ask).await {
            Ok(answer) => output::print(&answer, args.node.format, true)?,
            Err(failure) if is_passing(&failure) => {
                clients = None;
                eprintln!("{failure}");
            }
            Err(failure) => return Err(failure),
        }
    }
}

async fn round(
    args: &ListArgs,
    clients: &mut Option<Clients>,
    ask: &impl AsyncFn(&Clients) -> Result<Answer, Failure>,
) -> Result<Answer, Failure> {
    let open = match clients.take() {
        Some(open) => open,
        None => Clients::open(&args.node).await?,
    };
    let answer = ask(&open).await?;
    *clients = Some(open);
    Ok(answer)
}

/// Whether the next round may well succeed.
pub(super) fn is_passing(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Unavailable | FailureKind::Unknown)
}
