//! Holds what clients were told against what the nodes have: the judge of demo and drills. It computes everything from
//! the records, by bookkeeping of its own; of the core it uses the types, the frames and the reading of a snapshot.

mod accepted;
mod book;
mod cases;
mod client_records;
mod continuity;
mod effects;
mod events;
mod line;
mod log;
mod model_replay;
mod parties;
mod receipts;
mod roster;
mod true_time;
mod verdict;
mod walk;

pub use client_records::{
    ClientOp, ClientOpKind, HistoryEntry, NodeScan, OpResult, SeenEvent, SeenEventKind, from_json_lines,
    to_json_lines,
};
pub use continuity::{Continuity, Delivery, continuity};
pub use verdict::{DETAILS_MAX, LostContact, Verdict};

use parties::Parties;
use walk::Walk;

/// Judges the histories of clients by the final states and histories of all nodes.
#[must_use]
pub fn judge(ops: &[ClientOp], seen: &[SeenEvent], scans: &[NodeScan]) -> Verdict {
    let mut verdict = Verdict::default();
    let history = log::check(scans, &mut verdict);
    let parties = Parties::of(history);
    let books = Walk::over(history, &parties, &mut verdict).into_books();
    accepted::check(ops, scans, &books, &mut verdict);
    accepted::compare_states(scans, history, &books, &mut verdict);
    receipts::check(ops, history, &parties, &books, &mut verdict);
    receipts::check_real_time(ops, &mut verdict);
    true_time::check(ops, history, &mut verdict);
    receipts::count_unknown(ops, history, &parties, &books, &mut verdict);
    events::check(ops, seen, history, &parties, &books, &mut verdict);
    model_replay::check(history, &mut verdict);
    verdict
}
