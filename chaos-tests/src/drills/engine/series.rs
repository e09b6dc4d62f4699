//! What clients saw, second by second.

use std::collections::BTreeMap;

use super::record::Second;
use super::watch::Words;
use crate::checker::{ClientOp, ClientOpKind, OpResult, SeenEventKind};
use crate::drills::centre::{WANDERING_GATEWAY, is_life_safety};
use crate::drills::journal::Notes;

/// A second has this many ns.
const SECOND_NS: u64 = 1_000_000_000;
/// An answer that comes with a new stream may be noted before the stream is.
const SLACK_NS: u64 = 200_000_000;

/// When each contact was to be pushed first, and its first assignment, in ns; without those of the wanderer, which wait
/// for one operator.
fn delays(notes: &Notes, is_meant: impl Fn(&str) -> bool) -> Vec<(u64, Option<u64>)> {
    let mut contacts: BTreeMap<&str, (u64, Option<u64>)> = BTreeMap::new();
    for op in notes.ops.iter().filter(|op| op.client != WANDERING_GATEWAY) {
        if let ClientOpKind::Push { key } = &op.op
            && is_meant(key)
        {
            let due_ns = notes.due.get(&**key).copied().unwrap_or(op.invoked_ns);
            contacts.entry(key).or_insert((due_ns, None));
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
    let delays = delays(notes, |_key| true);
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

/// How long contacts waited that were pushed within a span of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Waits {
    pub(super) contacts: usize,
    /// 99 of 100 were assigned within this; one that never was counts as waiting for ever.
    pub(super) p99_ms: Option<f64>,
}

/// The waits of contacts of life safety, over the whole drill.
pub(super) fn life_safety(notes: &Notes) -> Waits {
    Waits::of(delays(notes, is_life_safety))
}

/// The waits of contacts that were to be pushed within a span of time.
pub(super) fn waits(notes: &Notes, from_ms: u64, until_ms: u64) -> Waits {
    let span = from_ms * 1_000_000..until_ms.saturating_mul(1_000_000);
    Waits::of(delays(notes, |_key| true).into_iter().filter(|(due_ns, _)| span.contains(due_ns)))
}

impl Waits {
    fn of(delays: impl IntoIterator<Item = (u64, Option<u64>)>) -> Waits {
        let wait = |(due_ns, assigned_ns): (u64, Option<u64>)| {
            assigned_ns.map_or(u64::MAX, |assigned_ns| assigned_ns.saturating_sub(due_ns))
        };
        let mut waits: Vec<u64> = delays.into_iter().map(wait).collect();
        waits.sort_unstable();
        let p99_ms = quantile_ms(&waits, 0.99).filter(|_| !is_endless(&waits));
        Waits { contacts: waits.len(), p99_ms }
    }
}

/// Whether more than one of 100 waited for ever.
fn is_endless(sorted_ns: &[u64]) -> bool {
    let place = (sorted_ns.len() as f64 * 0.99) as usize;
    sorted_ns.get(place).is_some_and(|ns| *ns == u64::MAX)
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
        assert_eq!(waits(&notes, 0, 2_000), Waits { contacts: 2, p99_ms: Some(500.0) });
        notes.ops.push(push("c", 960, 970));
        assert_eq!(waits(&notes, 0, 2_000), Waits { contacts: 3, p99_ms: None }, "one waits for ever");
        notes.due.insert("b".to_owned(), 800_000_000);
        assert_eq!(waits(&notes, 0, 950).p99_ms, Some(600.0), "counted from when it was due");
    }
}
