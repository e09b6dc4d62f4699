//! `cluster drain`.

use ringmain_protocol::v1::{DrainNodeRequest, DrainNodeResponse};
use serde_json::json;

use crate::cli::DrainArgs;
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output::{self, Answer, Block};

/// Sends a node's clients elsewhere, or takes them again.
pub(super) async fn run(args: DrainArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let within_ms = args.within.map_or(0, |within| within.as_millis() as u64);
    let request = DrainNodeRequest { node: args.id, undo: args.undo, within_ms, dry_run: args.dry_run };
    let done = clients.cluster.drain_node(request).await.map_err(|error| failed(&error))?;
    let node = args.id;
    let line = match (done.draining, args.dry_run) {
        (true, false) => {
            format!("node {node} drains: {} sessions are still on it; it goes on voting", done.sessions)
        }
        (false, false) => format!("node {node} takes clients"),
        (true, true) => would_drain(&done, node),
        (false, true) => format!("node {node} would take clients; nothing was done (--dry-run)"),
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

fn would_drain(done: &DrainNodeResponse, node: u64) -> String {
    let leads = if done.leader == node { "hand leadership over and " } else { "" };
    format!(
        "node {node} would {leads}send {} sessions elsewhere, and go on voting; nothing was done (--dry-run)",
        done.sessions
    )
}
