//! Carries the commands of a history out once more, by the naive model, and compares what it decides.

use crate::compare::same_outcome;
use crate::model::Model;

use super::client_records::HistoryEntry;
use super::verdict::Verdict;

/// Rows that the model may look at in one replay. It looks at every contact in memory and every operator several times
/// a command; this is a few seconds of work.
const ROWS_MAX: u64 = 20_000_000;

/// Replays from the first command on until the work is used up. Stops at the first difference: what follows it would
/// differ too.
pub(super) fn check(history: &[HistoryEntry], verdict: &mut Verdict) {
    let (mut model, mut rows, mut arrived) = (Model::new(), 0, 0);
    for entry in history {
        let outcome = model.apply(entry.at, &entry.command);
        verdict.model_checked_entries += 1;
        if !same_outcome(&outcome, &entry.outcome) {
            verdict.model_differences += 1;
            let (index, noted) = (entry.log_index, &entry.outcome);
            verdict.tell(|| {
                format!("log index {index}: the model decides {outcome:?}, the history has {noted:?}")
            });
            return;
        }
        arrived += u64::from(entry.command.name() == "enqueue_contact");
        rows += arrived + model.operators().len() as u64;
        if rows > ROWS_MAX {
            return;
        }
    }
}
