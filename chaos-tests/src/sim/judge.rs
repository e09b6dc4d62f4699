//! The judge of the log: the naive model and a core that never crashes apply each command, and must agree.

use ringmain_routing::{Command, Outcome, Router, Timestamp};

use crate::compare::{same_outcome, same_state};
use crate::model::Model;

/// Whole states are compared once in so many commands; outcomes always.
const STATES_EVERY: u64 = 32;

pub(super) struct Judge {
    pub model: Model,
    pub router: Router,
}

impl Judge {
    pub(super) fn new() -> Judge {
        Judge { model: Model::new(), router: Router::new() }
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.router.next_deadline()
    }

    /// Applies a command to both; returns the outcome and the chain that each node must reach.
    pub(super) fn apply(&mut self, at: Timestamp, command: &Command) -> Result<(Outcome, u128), String> {
        let expected = self.model.apply(at, command);
        let outcome = self.router.apply(at, command);
        if !same_outcome(&expected, &outcome) {
            return Err(format!("{command:?}: the rules give {expected:?}, the core gave {outcome:?}"));
        }
        if let Some(breach) = self.model.breaches().first() {
            return Err(format!("{command:?}: {breach}"));
        }
        if self.router.index().0.is_multiple_of(STATES_EVERY) {
            self.compare_states()?;
        }
        Ok((outcome, self.router.chain()))
    }

    pub(super) fn compare_states(&self) -> Result<(), String> {
        same_state(&self.model, &self.router)?;
        self.router.check_invariants().map_err(|violation| format!("{violation:?}"))
    }
}
