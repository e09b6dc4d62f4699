//! Holds the core and the naive model together, command by command.

use ringmain_chaos::compare::{same_outcome, same_state};
use ringmain_chaos::model::Model;
use ringmain_chaos::scenario::{Entry, Scenario, outcome_lines};
use ringmain_routing::{Command, Router, Timestamp};

/// The core and the model, and what was asked of them.
pub struct Both {
    pub model: Model,
    pub router: Router,
    /// The commands with the model's trace.
    pub scenario: Scenario,
}

impl Both {
    pub fn new() -> Both {
        Both { model: Model::new(), router: Router::new(), scenario: Scenario::default() }
    }

    /// Applies a command to both.
    ///
    /// # Errors
    /// The first difference in words.
    pub fn apply(&mut self, at: Timestamp, command: &Command) -> Result<(), String> {
        let expected = self.model.apply(at, command);
        let trace = outcome_lines(&expected);
        self.scenario.entries.push(Entry { at, command: command.clone(), trace });
        let outcome = self.router.apply(at, command);
        if !same_outcome(&expected, &outcome) {
            return Err(format!("model {expected:?}\nrouter {outcome:?}"));
        }
        same_state(&self.model, &self.router)?;
        if let Some(breach) = self.model.breaches().first() {
            return Err(format!("the model broke a rule: {breach}"));
        }
        self.router.check_invariants().map_err(|violation| format!("{violation:?}"))
    }

    /// Writes the core's state out and goes on with what was read back.
    ///
    /// # Errors
    /// What differs from before.
    pub fn restore(&mut self) -> Result<(), String> {
        let bytes = self.router.snapshot().encode();
        let restored = Router::restore(&bytes).map_err(|error| error.to_string())?;
        if restored.snapshot().encode() != bytes {
            return Err("a restored state is written differently".to_owned());
        }
        if restored.chain() != self.router.chain() || restored.next_deadline() != self.router.next_deadline()
        {
            return Err("chain or deadline differ after a restore".to_owned());
        }
        self.router = restored;
        Ok(())
    }
}
