//! What clients saw, second by second.

use std::collections::BTreeMap;

use super::record::Second;
use super::watch::Words;
use crate::checker::{ClientOp, ClientOpKind, OpResult, SeenEventKind};
use crate::drills::centre::WANDERING_GATEWAY;
use crate::drills::journal::Notes;

/// A second has this many ns.
const SECOND_NS: u64 = 1_000_000_000;
/// An answer that comes with a new stream may be noted before the stream is.
const SLACK_NS: u64 = 200_000_000;

/// First push and first assignment of each contact, in ns; without those of the wanderer, which wait for one operator.
fn delays(notes: &Notes) -> Vec<(u64, Option<u64>)> {
    let mut contacts: BTreeMap<&str, (u64, Option<u64>)> = BTreeMap::new();
    for op in notes.ops.iter().filter(|op| op.client != WANDERING_GATEWAY) {
        if let ClientOpKind::Push { key } = &op.op {
            let first = contacts.entry(key).or_insert((op.invoked_ns, None));
            first.0 = first.0.min(op.invoked_ns);
        }
    }
    for event in &notes.seen {
        let is_assignment = matches!(event.kind, SeenEventKind::Offered | SeenEventKind::Connected);
        if let Some(contact) = contacts.get_mut(&*event.key).filter(|_| is_assignment) {
            contact.1 = Some(contact.1.map_or(event.at_ns, |at_ns| at_ns.min(event.at_ns)));
        }
    }
    contacts.into_values().collect()
}

/// One row for each second of the drill.
pub(super) fn seconds(notes: &Notes, words: &Words) -> Vec<Second> {
    let delays = delays(notes);
    let last_ns = notes.seen.iter().map(|event| event.at_ns).max().unwrap_or_default();
    let count = last_ns / SECOND_NS + 1;
    let mut rows: Vec<Second> = (0..count).map(|second| Second { second, ..Second::default() }).collect();
    let mut waits: Vec<Vec<u64>> = vec![Vec::new(); rows.len()];
    let place = |ns: u64| usize::try_from(ns / SECOND_NS).unwrap_or(usize::MAX);
    for (pushed_ns, assigned_ns) in &delays {
        if let Some(row) = rows.get_mut(place(*pushed_ns)) {
            row.pushed += 1;
        }
        let Some(assigned_ns) = assigned_ns else { continue };
        if let Some(row) = rows.get_mut(place(*assigned_ns)) {
            row.assigned += 1;
        }
        if let Some(waits) = waits.get_mut(place(*pushed_ns)) {
            waits.push(assigned_ns.saturating_sub(*pushed_ns));
        }
    }
    for (row, waits) in rows.iter_mut().zip(&mut waits) {
        waits.sort_unstable();
        (row.p50_ms, row.p99_ms) = (quantile_ms(waits, 0.5), quantile_ms(waits, 0.99));
    }
    for (row, leader) in rows.iter_mut().zip(words.leaders(count)) {
        (row.leader, row.term) = leader.unwrap_or_default();
    }
    rows
}

/// 99 of 100 contacts were assigned within this, in ms, over the whole drill.
pub(super) fn p99_ms(notes: &Notes) -> Option<f64> {
    let delays = delays(notes);
    let waits =
        delays.iter().filter_map(|(pushed, assigned)| Some(assigned.as_ref()?.saturating_sub(*pushed)));
    let mut waits: Vec<u64> = waits.collect();
    waits.sort_unstable();
    quantile_ms(&waits, 0.99)
}

fn quantile_ms(sorted_ns: &[u64], share: f64) -> Option<f64> {
    let place = (sorted_ns.len() as f64 * share) as usize;
    sorted_ns.get(place.min(sorted_ns.len().checked_sub(1)?)).map(|ns| *ns as f64 / 1e6)
}

/// Commands that all clients gave within a span of time, and those acknowledged before its end.
pub(super) fn answered(notes: &Notes, from_ms: u64, until_ms: u64) -> (u64, u64) {
    let (from_ns, until_ns) = (from_ms * 1_000_000, until_ms.saturating_mul(1_000_000));
    let asked = || notes.ops.iter().filter(|op| (from_ns..until_ns).contains(&op.invoked_ns));
    let is_done = |op: &&ClientOp| matches!(op.result, OpResult::Done { .. }) && op.returned_ns < until_ns;
    (asked().count() as u64, asked().filter(is_done).count() as u64)
}

/// Commands that clients of some nodes gave within a span of time, and those acknowledged before its end. What was
/// given on a stream that ended meanwhile may have been answered by another node, and does not count.
pub(super) fn answered_by(notes: &Notes, nodes: &[u64], from_ms: u64, until_ms: u64) -> (u64, u64) {
    let (from_ns, until_ns) = (from_ms * 1_000_000, until_ms.saturating_mul(1_000_000));
    let mut streams: BTreeMap<&str, Vec<(u64, u64)>> = BTreeMap::new();
    for opening in &notes.openings {
        streams.entry(&opening.client).or_default().push((opening.at_ns, opening.node));
    }
    let (mut asked, mut acknowledged) = (0, 0);
    for op in notes.ops.iter().filter(|op| (from_ns..until_ns).contains(&op.invoked_ns)) {
        let Some(streams) = streams.get(&*op.client) else { continue };
        let place = streams.partition_point(|(at_ns, _)| *at_ns <= op.invoked_ns);
        let is_theirs = place.checked_sub(1).is_some_and(|place| nodes.contains(&streams[place].1));
        if !is_theirs {
            continue;
        }
        asked += 1;
        let moved = streams.get(place).is_some_and(|(at_ns, _)| *at_ns <= op.returned_ns + SLACK_NS);
        let is_done = matches!(op.result, OpResult::Done { .. });
        acknowledged += u64::from(is_done && !moved && op.returned_ns < until_ns);
    }
    (asked, acknowledged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::SeenEvent;
    use crate::drills::journal::Opening;

    fn push(key: &str, invoked_ms: u64, returned_ms: u64) -> ClientOp {
        ClientOp {
            client: "g".to_owned(),
            op: ClientOpKind::Push { key: key.to_owned() },
            invoked_ns: invoked_ms * 1_000_000,
            returned_ns: returned_ms * 1_000_000,
            result: OpResult::Done { log_index: 1, term: 1, contact: None },
        }
    }

    fn opening(at_ms: u64, node: u64) -> Opening {
        Opening { client: "g".to_owned(), node, resumed: true, at_ns: at_ms * 1_000_000 }
    }

    #[test]
    fn an_answer_counts_for_the_node_that_held_the_stream_all_the_time() {
        let mut notes = Notes::default();
        notes.ops = vec![push("a", 100, 150), push("b", 1_100, 1_150), push("c", 1_200, 2_100)];
        notes.openings = vec![opening(0, 1), opening(2_000, 2)];
        assert_eq!(answered_by(&notes, &[1], 1_000, 5_000), (2, 1), "a came before, c went on at node 2");
        assert_eq!(answered_by(&notes, &[2], 1_000, 5_000), (0, 0));
    }

    #[test]
    fn a_second_has_what_came_and_how_long_it_waited() {
        let seen = |key: &str, at_ms: u64| SeenEvent {
            client: "o".to_owned(),
            log_index: 1,
            at_ns: at_ms * 1_000_000,
            key: key.to_owned(),
            kind: SeenEventKind::Offered,
            assignment: 1,
        };
        let mut notes = Notes::default();
        notes.ops = vec![push("a", 100, 150), push("b", 900, 950), push("a", 950, 960)];
        notes.seen = vec![seen("a", 110), seen("a", 500), seen("b", 1_400)];
        let rows = seconds(&notes, &Words::default());
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].pushed, rows[0].assigned, rows[1].assigned), (2, 1, 1));
        assert_eq!((rows[0].p50_ms, rows[0].p99_ms), (Some(500.0), Some(500.0)));
        assert_eq!(p99_ms(&notes), Some(500.0));
    }
}
