//! `cluster transfer-leader`.

use ringmain_protocol::v1::{MoveLeaderRequest, MoveLeaderResponse, TryMoveLeaderRequest};
use ringmain_telemetry::codes;
use serde_json::json;

use crate::cli::TransferLeaderArgs;
use crate::connection::{Clients, failed};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block};

/// Hands leadership over and says what came of it, or would.
pub(super) async fn run(args: TransferLeaderArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let to = args.to.unwrap_or(0);
    if args.dry_run {
        let request = TryMoveLeaderRequest { to };
        let tried = clients.cluster.try_move_leader(request).await.map_err(|error| failed(&error))?;
        let (from, leader, term) = (tried.from, tried.leader, tried.term);
        let line = if from == leader {
            leads_already(leader, term)
        } else {
            format!("node {leader} would lead after node {from}")
        };
        let answer = Answer {
            json: json!({ "from": from, "leader": leader, "term": term, "leaderless_ms": null, "dry_run": true }),
            text: vec![Block::Line(line + "; nothing was done (--dry-run)")],
        };
        return output::print(&answer, args.node.format, false);
    }
    let moved =
        clients.cluster.move_leader(MoveLeaderRequest { to }).await.map_err(|error| failed(&error))?;
    tell(&args, &moved)
}

fn tell(args: &TransferLeaderArgs, moved: &MoveLeaderResponse) -> Result<(), Failure> {
    let line = if moved.from == moved.leader {
        leads_already(moved.leader, moved.term)
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
            "leaderless_ms": moved.leaderless_ms,
            "dry_run": false,
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

fn leads_already(leader: u64, term: u64) -> String {
    format!("node {leader} leads already, in term {term}")
}
