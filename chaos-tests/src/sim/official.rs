//! The one log that all nodes must agree on, as far as it is committed. The first node that knows an entry to be
//! committed brings it here; then the naive model and a core that never crashes judge its commands, and all other
//! nodes must commit the same and come to the same.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ringmain_routing::shell::forwarding::Origin;
use ringmain_routing::{Command, ContactId, LogIndex, Name, Outcome, Router, Timestamp, hash_parts};

use super::disk::{Batch, Disk, Place};
use super::rules::{Breach, Rule, ended_twice, rule_of_outcome, rule_of_state};
use crate::compare::{same_outcome, same_state};
use crate::model::Model;
use crate::scenario::{self, Scenario};

/// Whole states are compared once in so many commands; outcomes always.
const STATES_EVERY: u64 = 48;
const HOUR_MS: u64 = 3_600_000;
/// Replicated time may be so far from true time.
const TIME_OFF_MS: u64 = 1_000;

/// One applied command.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub at: Timestamp,
    pub command: Command,
    pub outcome: Outcome,
    pub chain: u128,
}

pub(super) struct Official {
    entries: Vec<(Place, Rc<Batch>)>,
    pub decided: Vec<Decided>,
    pub model: Model,
    pub router: Router,
    applied: BTreeSet<Origin>,
    /// Contacts that have ended, and when they may be forgotten.
    ended: BTreeMap<ContactId, Timestamp>,
    /// When each action of a supervisor was decided first, by its key.
    actions: BTreeMap<Name, Timestamp>,
    /// The latest stamp.
    stamp: Timestamp,
    /// How far replicated time is off since nobody could know it: after a full stop, without most clocks being right.
    pub guessed: i64,
    /// The command that broke a rule.
    failed: Option<(Timestamp, Command)>,
}

impl Official {
    pub(super) fn new() -> Official {
        Official {
            entries: Vec::new(),
            decided: Vec::new(),
            model: Model::new(),
            router: Router::new(),
            applied: BTreeSet::new(),
            ended: BTreeMap::new(),
            actions: BTreeMap::new(),
            stamp: Timestamp(0),
            guessed: 0,
            failed: None,
        }
    }

    /// The latest stamp that is committed.
    pub(super) fn stamp(&self) -> Timestamp {
        self.stamp
    }

    /// What was decided at an index of the router's log.
    pub(super) fn decided(&self, index: LogIndex) -> Option<&Decided> {
        self.decided.get((index.0 as usize).checked_sub(1)?)
    }

    /// Whether the contact, and with it its key, was forgotten by the time that this was decided: it had ended, and the
    /// time for which keys are remembered was over.
    pub(super) fn was_forgotten(&self, contact: ContactId, at: Timestamp) -> bool {
        self.ended.get(&contact).is_some_and(|forgotten_at| *forgotten_at <= at)
    }

    /// Whether keys are remembered for a shorter time than what may pass in a run.
    pub(super) fn forgets_early(&self) -> bool {
        self.model.plan().sessions.key_window.0 < HOUR_MS
    }

    /// Whether an action under this key may have been forgotten: it was decided so long ago.
    pub(super) fn may_be_done_again(&self, key: &str) -> bool {
        let window = self.model.plan().sessions.key_window;
        self.actions.get(key).is_some_and(|first| *first + window <= self.model.now())
    }

    /// A node knows that the entry is committed.
    pub(super) fn confirm(
        &mut self,
        node: usize,
        place: Place,
        batch: &Rc<Batch>,
        disks: &[&Disk],
    ) -> Result<(), Breach> {
        let at = place.index as usize;
        if at <= self.entries.len() {
            let (known, held) = &self.entries[at - 1];
            let is_same = *known == place && (Rc::ptr_eq(held, batch) || held == batch);
            if is_same {
                return Ok(());
            }
            let what =
                format!("node {node} commits {place:?} {batch:?} where {known:?} {held:?} was committed");
            return Err(Breach::new(Rule::I5, what));
        }
        if at > self.entries.len() + 1 {
            let what = format!("node {node} commits {place:?} before {} was", self.entries.len() + 1);
            return Err(Breach::new(Rule::I5, what));
        }
        let held = disks.iter().filter(|disk| disk.held(place)).count();
        if held < disks.len() / 2 + 1 {
            let what =
                format!("node {node} commits {place:?}, which {held} of {} disks have held", disks.len());
            return Err(Breach::new(Rule::I5, what));
        }
        self.entries.push((place, Rc::clone(batch)));
        self.judge_batch(batch)
    }

    fn judge_batch(&mut self, batch: &Batch) -> Result<(), Breach> {
        if batch.commands.is_empty() {
            return Ok(());
        }
        if batch.at < self.stamp {
            let what = format!("an entry is stamped {}, the one before it {}", batch.at.0, self.stamp.0);
            return Err(Breach::new(Rule::I12, what));
        }
        self.stamp = batch.at;
        // A leader that knew the time all along may follow one that had to guess.
        let ahead = batch.at.0.cast_signed() - batch.stamped.cast_signed();
        let off =
            [ahead, ahead - self.guessed].into_iter().min_by_key(|off| off.unsigned_abs()).unwrap_or(ahead);
        if off.unsigned_abs() > TIME_OFF_MS {
            let (at, now, guessed) = (batch.at.0, batch.stamped, self.guessed);
            let what = format!(
                "an entry is stamped {at} when it is {now} and time may be off by {guessed}, give or take \
                 {TIME_OFF_MS}"
            );
            return Err(Breach::new(Rule::I12, what));
        }
        for proposed in &batch.commands {
            if proposed.origin.is_some_and(|origin| !self.applied.insert(origin)) {
                continue;
            }
            let command = Command::decode(&proposed.frame)
                .map_err(|error| Breach::new(Rule::I8, format!("an entry cannot be read: {error}")))?;
            self.judge(batch.at, command)?;
        }
        Ok(())
    }

    /// Applies a command to both; each node must reach the same.
    pub(super) fn judge(&mut self, at: Timestamp, command: Command) -> Result<(), Breach> {
        // A core that checks itself may panic: then this is the command that it panicked at.
        self.failed = Some((at, command.clone()));
        let expected = self.model.apply(at, &command);
        let outcome = self.router.apply(at, &command);
        self.judge_outcome(at, &command, &expected, &outcome)?;
        self.failed = None;
        let chain = self.router.chain();
        let latest = self.decided.last().map_or(at, |decided| decided.at.max(at));
        if chain != self.chain_behind(latest, &command, &outcome) {
            let what = format!("{command:?} is not in the chain as it was decided");
            return Err(Breach::new(Rule::I7, what));
        }
        if let Command::Act(act) = &command {
            self.actions.entry(act.key.clone()).or_insert(latest);
        }
        self.decided.push(Decided { at: latest, command, outcome, chain });
        if self.router.index().0.is_multiple_of(STATES_EVERY) {
            self.compare_states()?;
        }
        Ok(())
    }

    fn judge_outcome(
        &mut self,
        at: Timestamp,
        command: &Command,
        expected: &Outcome,
        outcome: &Outcome,
    ) -> Result<(), Breach> {
        if !same_outcome(expected, outcome) {
            let rule = rule_of_outcome((&self.model_before(), &self.model), at, command, expected, outcome);
            let what = format!("{command:?}: the rules give {expected:?}, the core gave {outcome:?}");
            return Err(Breach::new(rule, what));
        }
        if let Some(breach) = self.model.breaches().first() {
            return Err(Breach::new(Rule::I4, format!("{command:?}: {breach}")));
        }
        let forgotten_at = self.model.now() + self.model.plan().sessions.key_window;
        if let Some(contact) = ended_twice(&mut self.ended, forgotten_at, &outcome.effects) {
            return Err(Breach::new(Rule::I9, format!("{contact} ended twice")));
        }
        let (own, other) = (self.model.next_deadline(), self.router.next_deadline());
        // What is due already is due now.
        let due = |deadline: Timestamp| deadline.max(self.router.now());
        if own.map(due) != other.map(due) {
            let what = format!("{command:?}: next is due {own:?} by the rules, {other:?} in the core");
            return Err(Breach::new(Rule::I11, what));
        }
        Ok(())
    }

    /// The chain as anybody can recompute it from the audit, with no function of the core's: the one before, the
    /// place, the time, the command and what came of it.
    fn chain_behind(&self, at: Timestamp, command: &Command, outcome: &Outcome) -> u128 {
        let before = self.decided.last().map_or(0, |decided| decided.chain);
        let index = self.decided.len() as u64 + 1;
        let mut frames = command.encode();
        frames.extend(outcome.encode());
        hash_parts(&[&before.to_le_bytes(), &index.to_le_bytes(), &at.0.to_le_bytes(), &frames])
    }

    /// The naive model before the last command, made anew.
    fn model_before(&self) -> Model {
        let mut model = Model::new();
        for decided in &self.decided {
            model.apply(decided.at, &decided.command);
        }
        model
    }

    pub(super) fn compare_states(&self) -> Result<(), Breach> {
        same_state(&self.model, &self.router)
            .map_err(|difference| Breach::new(rule_of_state(&difference), difference))?;
        self.router.check_invariants().map_err(|violation| {
            Breach::new(Rule::named(violation.invariant).unwrap_or(Rule::I8), violation.to_string())
        })
    }

    /// The log as a scenario, with what the rules say about each command.
    pub(super) fn scenario(&self, about: &str) -> Scenario {
        let decided = self.decided.iter().map(|decided| (decided.at, decided.command.clone()));
        Official::as_scenario(decided.chain(self.failed.clone()), about)
    }

    /// Commands as a scenario, with what the rules say about each.
    pub(super) fn as_scenario(
        commands: impl IntoIterator<Item = (Timestamp, Command)>,
        about: &str,
    ) -> Scenario {
        let entry = |(at, command)| scenario::Entry { at, command, trace: Vec::new() };
        let entries = commands.into_iter().map(entry).collect();
        let bare = Scenario { about: about.lines().map(str::to_owned).collect(), entries };
        let mut model = Model::new();
        bare.retraced(|at, command| model.apply(at, command))
    }
}
