//! `cluster transfer-leader`.

use ringmain_protocol::v1::MoveLeaderRequest;
use ringmain_telemetry::codes;
use serde_json::json;

use crate::cli::TransferLeaderArgs;
use crate::connection::{Clients, failed};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block};

/// Hands leadership over and says what came of it.
pub(super) async fn run(args: TransferLeaderArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let request = MoveLeaderRequest { to: args.to.unwrap_or(0), dry_run: args.dry_run };
    let moved = clients.cluster.move_leader(request).await.map_err(|error| failed(&error))?;
    let line = if args.dry_run && moved.from != moved.leader {
        format!("node {} would lead after node {}; nothing was done (--dry-run)", moved.leader, moved.from)
    } else if moved.from == moved.leader {
        format!("node {} leads already, in term {}", moved.leader, moved.term)
    } else {
        format!(
            "node {} leads in term {}, after node {}; nobody led for {} ms",
            moved.leader, moved.term, moved.from, moved.leaderless_ms
        )
    };
    let answer = Answer {
        json: json!({
            "from": moved.from,
            "leader": moved.leader,
            "term": moved.term,
            "leaderless_ms": (!args.dry_run).then_some(moved.leaderless_ms),
            "dry_run": args.dry_run,
        }),
        text: vec![Block::Line(line)],
    };
    output::print(&answer, args.node.format, false)?;
    match args.to.filter(|to| *to != moved.leader) {
        None => Ok(()),
        Some(to) => {
            let message = format!("node {to} was not elected; node {} leads; try again", moved.leader);
            Err(Failure::new(FailureKind::Unavailable, codes::CHANGE_UNFINISHED.code, message))
        }
    }
}
