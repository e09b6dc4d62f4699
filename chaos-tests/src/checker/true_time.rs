//! Replicated time against that of the clients: a command is stamped between its beginning and its answer, so each
//! answer says between which bounds replicated time is ahead of the clients' clock. All must agree on one such number.

use super::client_records::{ClientOp, HistoryEntry};
use super::log::entry_at;
use super::verdict::Verdict;

/// How far replicated time may be from true time, in ms: timers are that late or early at most.
const OFF_MAX_MS: i128 = 1_000;
const NS_PER_MS: i128 = 1_000_000;

/// Bounds of how far replicated time is ahead of the clients' clock, from one answer.
struct Bounds<'a> {
    op: &'a ClientOp,
    index: u64,
    least_ns: i128,
    most_ns: i128,
}

/// Counts one violation when no single difference of the clocks is within [`OFF_MAX_MS`] of all answers.
pub(super) fn check(ops: &[ClientOp], history: &[HistoryEntry], verdict: &mut Verdict) {
    let bounds = || ops.iter().filter_map(|op| bounds_of(op, history));
    let (Some(least), Some(most)) =
        (bounds().max_by_key(|bounds| bounds.least_ns), bounds().min_by_key(|bounds| bounds.most_ns))
    else {
        return;
    };
    // Stamps are whole milliseconds.
    let apart_ms = (least.least_ns - most.most_ns) / NS_PER_MS - 1;
    if apart_ms > OFF_MAX_MS {
        verdict.time_violations += 1;
        verdict.tell(|| {
            format!(
                "replicated time was {apart_ms} ms off true time: compare log indexes {} ({} {:?}) and {} ({} {:?})",
                least.index, least.op.client, least.op.op, most.index, most.op.client, most.op.op
            )
        });
    }
}

fn bounds_of<'a>(op: &'a ClientOp, history: &[HistoryEntry]) -> Option<Bounds<'a>> {
    let (index, term) = op.result.receipt()?;
    let entry = entry_at(history, index).filter(|entry| entry.term == term)?;
    let at_ns = i128::from(entry.at.0) * NS_PER_MS;
    let (least_ns, most_ns) = (at_ns - i128::from(op.returned_ns), at_ns - i128::from(op.invoked_ns));
    Some(Bounds { op, index, least_ns, most_ns })
}

#[cfg(test)]
mod tests {
    use ringmain_routing::{Command, Outcome, Reply, Timestamp};

    use super::super::client_records::{ClientOpKind, OpResult};
    use super::*;

    const MS: u64 = 1_000_000;

    /// An operation at `begun_ms` of the clients' clock whose command was stamped `at_ms`, answered within 50 ms.
    fn answered(index: u64, begun_ms: u64, at_ms: u64) -> (ClientOp, HistoryEntry) {
        let op = ClientOp {
            client: "g".to_owned(),
            op: ClientOpKind::Push { key: index.to_string() },
            invoked_ns: begun_ms * MS,
            returned_ns: (begun_ms + 50) * MS,
            result: OpResult::Done { log_index: index, term: 1, contact: None },
        };
        let entry = HistoryEntry {
            log_index: index,
            raft_index: index,
            term: 1,
            at: Timestamp(at_ms),
            command: Command::Tick,
            outcome: Outcome { reply: Ok(Reply::Done), effects: Vec::new() },
            chain: 0,
        };
        (op, entry)
    }

    fn violations(of: [(u64, u64); 3]) -> u64 {
        let all = of.into_iter().enumerate();
        let all = all.map(|(place, (begun_ms, at_ms))| answered(place as u64 + 1, begun_ms, at_ms));
        let (ops, history): (Vec<_>, Vec<_>) = all.unzip();
        let mut verdict = Verdict::default();
        check(&ops, &history, &mut verdict);
        verdict.time_violations
    }

    #[test]
    fn time_that_runs_as_the_clients_clock_does_is_right_whatever_it_shows() {
        assert_eq!(violations([(0, 900_000), (10_000, 910_040), (20_000, 920_000)]), 0);
        assert_eq!(violations([(0, 900_000), (10_000, 910_900), (20_000, 920_000)]), 0, "within a second");
    }

    #[test]
    fn time_that_leaps_or_stands_still_is_wrong() {
        assert_eq!(violations([(0, 900_000), (10_000, 4_510_000), (20_000, 4_520_000)]), 1, "an hour ahead");
        assert_eq!(violations([(0, 900_000), (10_000, 908_800), (20_000, 918_800)]), 1, "1.2 s lost");
    }
}
