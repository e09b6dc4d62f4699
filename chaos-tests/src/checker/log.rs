//! Each node's history by itself, and the nodes' histories against each other: places without gaps, terms and times
//! that never go back, a chain that follows from the records, and the same records everywhere.

use ringmain_routing::{Timestamp, hash_parts};

use super::client_records::{HistoryEntry, NodeScan};
use super::verdict::Verdict;

/// Checks all histories. The longest one is what everything else is held against.
pub(super) fn check<'a>(scans: &'a [NodeScan], verdict: &mut Verdict) -> &'a [HistoryEntry] {
    for scan in scans {
        check_places(scan, verdict);
        check_chain(scan, verdict);
    }
    let longest = scans.iter().max_by_key(|scan| scan.history.len());
    let Some(longest) = longest else { return &[] };
    for scan in scans.iter().filter(|scan| scan.node != longest.node) {
        compare(longest, scan, verdict);
    }
    compare_states(scans, verdict);
    verdict.entries = longest.history.len() as u64;
    &longest.history
}

/// The record at a place of a history that begins with place 1.
pub(super) fn entry_at(history: &[HistoryEntry], index: u64) -> Option<&HistoryEntry> {
    let place = usize::try_from(index.checked_sub(1)?).ok()?;
    history.get(place).filter(|entry| entry.log_index == index)
}

fn check_places(scan: &NodeScan, verdict: &mut Verdict) {
    let mut expected = 1;
    let mut before: Option<&HistoryEntry> = None;
    for entry in &scan.history {
        if entry.log_index != expected {
            verdict.index_violations += 1;
            let (node, found) = (scan.node, entry.log_index);
            verdict.tell(|| format!("node {node}: log index {found} stands where {expected} must be"));
        }
        expected = entry.log_index + 1;
        if let Some(before) = before
            && (entry.term < before.term || entry.at < before.at || entry.raft_index < before.raft_index)
        {
            verdict.index_violations += 1;
            let (node, index) = (scan.node, entry.log_index);
            verdict.tell(|| format!("node {node}: term, time or raft index goes back at log index {index}"));
        }
        before = Some(entry);
    }
    if scan.state.index().0 >= expected {
        verdict.index_violations += 1;
        let (node, state) = (scan.node, scan.state.index());
        verdict.tell(|| {
            format!("node {node}: the state is at log index {state}, the history ends before {expected}")
        });
    }
}

/// Each record's chain is computed anew from the chain before it and from what the record says.
fn check_chain(scan: &NodeScan, verdict: &mut Verdict) {
    let (mut chain, mut now) = (0u128, Timestamp(0));
    for entry in &scan.history {
        now = now.max(entry.at);
        let mut frames = entry.command.encode();
        frames.extend(entry.outcome.encode());
        let (index, at) = (entry.log_index.to_le_bytes(), now.0.to_le_bytes());
        if hash_parts(&[&chain.to_le_bytes(), &index, &at, &frames]) != entry.chain {
            verdict.chain_differences += 1;
            let (node, index) = (scan.node, entry.log_index);
            verdict.tell(|| {
                format!("node {node}: the chain does not follow from the record at log index {index}")
            });
        }
        chain = entry.chain;
    }
    let at_state = entry_at(&scan.history, scan.state.index().0);
    if at_state.is_some_and(|entry| entry.chain != scan.state.chain()) {
        verdict.chain_differences += 1;
        let (node, index) = (scan.node, scan.state.index());
        verdict.tell(|| format!("node {node}: chains of state and history differ at log index {index}"));
    }
}

fn compare(left: &NodeScan, right: &NodeScan, verdict: &mut Verdict) {
    for entry in &right.history {
        let Some(other) = entry_at(&left.history, entry.log_index) else { continue };
        if entry != other {
            verdict.chain_differences += 1;
            let (one, two, index) = (left.node, right.node, entry.log_index);
            verdict.tell(|| format!("nodes {one} and {two} differ at log index {index}"));
        }
    }
}

/// I8: equal bytes at equal index.
fn compare_states(scans: &[NodeScan], verdict: &mut Verdict) {
    let states: Vec<_> =
        scans.iter().map(|scan| (scan.node, scan.state.index(), scan.state.snapshot().encode())).collect();
    for (place, (node, index, bytes)) in states.iter().enumerate() {
        let twin = states[..place].iter().find(|(_, other, _)| other == index);
        if let Some((other, _, _)) = twin.filter(|(_, _, other)| other != bytes) {
            verdict.chain_differences += 1;
            verdict.tell(|| format!("the states of nodes {other} and {node} differ at log index {index}"));
        }
    }
}
