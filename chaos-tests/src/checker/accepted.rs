//! I1: what gateways were told is in the care of the cluster is there, on every node; and every node's state is what
//! its history led to.

use std::collections::BTreeMap;

use ringmain_routing::ContactId;

use super::book::{Phase, Row};
use super::client_records::{ClientOp, ClientOpKind, HistoryEntry, NodeScan, OpResult};
use super::log::entry_at;
use super::verdict::{DETAILS_MAX, LostContact, Verdict};
use super::walk::Books;

/// Looks for every accepted contact on every node.
pub(super) fn check(ops: &[ClientOp], scans: &[NodeScan], books: &Books, verdict: &mut Verdict) {
    let mut accepted: BTreeMap<ContactId, (&str, &str)> = BTreeMap::new();
    for op in ops {
        if let (ClientOpKind::Push { key }, OpResult::Done { contact: Some(contact), .. }) =
            (&op.op, &op.result)
        {
            accepted.insert(*contact, (&op.client, key));
        }
    }
    verdict.accepted = accepted.len() as u64;
    for (id, (gateway, key)) in accepted {
        let row = books.rows.get(&id).filter(|row| *row.gateway == *gateway && *row.key == *key);
        let lacking = match row {
            None => Some("no history".to_owned()),
            Some(row) => scans.iter().find(|scan| !has(scan, row)).map(|scan| format!("node {}", scan.node)),
        };
        if let Some(lacking) = lacking {
            verdict.lost += 1;
            if verdict.lost_contacts.len() < DETAILS_MAX {
                let (gateway, key) = (gateway.to_owned(), key.to_owned());
                verdict.lost_contacts.push(LostContact { gateway, key });
            }
            verdict.tell(|| format!("{gateway} was told that {key:?} is {id}; {lacking} lacks it"));
        } else if row.is_some_and(Row::is_ended) {
            verdict.ended += 1;
        } else {
            verdict.open += 1;
        }
    }
}

/// The node's history holds the arrival, and its state the contact, unless it was over long enough to be forgotten.
fn has(scan: &NodeScan, row: &Row) -> bool {
    let arrived = entry_at(&scan.history, row.index).is_some();
    let in_state =
        scan.state.contact(row.id).is_some_and(|view| view.key == row.key && view.gateway == row.gateway);
    arrived && (in_state || is_forgotten(scan, row))
}

fn is_forgotten(scan: &NodeScan, row: &Row) -> bool {
    match row.phase {
        Phase::Ended { forget_at } => forget_at <= scan.state.now(),
        Phase::Waiting | Phase::Offered | Phase::Handling | Phase::WrapUp | Phase::Released => false,
    }
}

/// Holds the states that stand at the end of the history against the books.
pub(super) fn compare_states(
    scans: &[NodeScan],
    history: &[HistoryEntry],
    books: &Books,
    verdict: &mut Verdict,
) {
    let end = history.last().map_or(0, |entry| entry.log_index);
    for scan in scans.iter().filter(|scan| scan.state.index().0 == end) {
        for row in books.rows.values() {
            let view = scan.state.contact(row.id);
            let agrees = view.as_ref().map_or_else(|| is_forgotten(scan, row), |view| row.agrees_with(view));
            if !agrees {
                verdict.state_differences += 1;
                verdict.tell(|| {
                    let state = view.as_ref().map(|view| (view.state, view.assignment));
                    format!(
                        "node {}: {} is {:?} by its history, in the state {state:?}",
                        scan.node, row.id, row.phase
                    )
                });
            }
        }
        let stranger = scan.state.contacts().find(|view| !books.rows.contains_key(&view.id));
        if let Some(stranger) = stranger {
            verdict.state_differences += 1;
            verdict.tell(|| format!("node {}: {} is in the state alone", scan.node, stranger.id));
        }
        if books.loads_are_known {
            compare_operators(scan, books, verdict);
        }
    }
}

fn compare_operators(scan: &NodeScan, books: &Books, verdict: &mut Verdict) {
    for view in scan.state.operators() {
        let used = books.roster.get(&view.login).map(|row| row.used);
        if used != Some(u64::from(view.used)) {
            verdict.state_differences += 1;
            let (node, login) = (scan.node, &view.login);
            verdict.tell(|| {
                format!("node {node}: {login} has {used:?} units by its history, in the state {}", view.used)
            });
        }
    }
}
