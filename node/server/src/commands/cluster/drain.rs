//! `cluster drain`.

use ringmain_protocol::v1::{DrainNodeRequest, DrainNodeResponse, TryDrainNodeRequest, TryDrainNodeResponse};
use serde_json::json;

use crate::cli::DrainArgs;
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output::{self, Answer, Block};

/// Sends a node's clients elsewhere, or takes them again.
pub(super) async fn run(args: DrainArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let within_ms = args.within.map_or(0, |within| within.as_millis() as u64);
    let (node, undo) = (args.id, args.undo);
    let (done, line) = if args.dry_run {
        let request = TryDrainNodeRequest { node, undo, within_ms };
        let tried = clients.cluster.try_drain_node(request).await.map_err(|error| failed(&error))?;
        let line = would_drain(&tried, node);
        let TryDrainNodeResponse { draining, sessions, leader } = tried;
        (DrainNodeResponse { draining, sessions, leader }, line)
    } else {
        let request = DrainNodeRequest { node, undo, within_ms };
        let done = clients.cluster.drain_node(request).await.map_err(|error| failed(&error))?;
        (done, drains(&done, node))
    };
    let answer = Answer {
        json: json!({
            "node": node,
            "draining": done.draining,
            "sessions": done.sessions,
            "leader": (done.leader != 0).then_some(done.leader),
            "dry_run": args.dry_run,
        }),
        text: vec![Block::Line(line)],
    };
    output::print(&answer, args.node.format, false)
}

fn drains(done: &DrainNodeResponse, node: u64) -> String {
    if done.draining {
        format!("node {node} drains: {} sessions are still on it; it goes on voting", done.sessions)
    } else {
        format!("node {node} takes clients")
    }
}

fn would_drain(tried: &TryDrainNodeResponse, node: u64) -> String {
    if !tried.draining {
        return format!("node {node} would take clients; nothing was done (--dry-run)");
    }
    let leads = if tried.leader == node { "hand leadership over and " } else { "" };
    format!(
        "node {node} would {leads}send {} sessions elsewhere, and go on voting; nothing was done (--dry-run)",
        tried.sessions
    )
}
