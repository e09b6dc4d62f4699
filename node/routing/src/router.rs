//! The router: the one state machine. [`Router::apply`] reads as the order of work within one log entry; the rule
//! for each command is in `commands/`, matching in `matching.rs`, rows and indexes in `tables.rs`.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::closures::Closures;
use crate::command::Command;
use crate::companions::Companions;
use crate::contact::{State, Wait};
use crate::directory::Directory;
use crate::effect::{Effect, Outcome, Reply};
use crate::expected_wait::Estimate;
use crate::ids::{Incarnation, LogIndex, Millis, NodeId, QueueId, Timestamp, UnitId};
use crate::legs::Legs;
use crate::limits::TIMERS_PER_ENTRY_MAX;
use crate::memory::{Acquaintance, Deed, Memory, Redialer};
use crate::order::OrderKey;
use crate::plan::Plan;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::reserve::Reservations;
use crate::slots::Slots;
use crate::stranded::MoveStranded;
use crate::supervision::Supervision;
use crate::tables::{Tables, TimerOf};
use crate::triggers::TriggerState;

/// The replicated state of one group, and the rules that change it.
#[derive(Debug)]
pub struct Router {
    pub(crate) index: LogIndex,
    pub(crate) now: Timestamp,
    pub(crate) chain: u128,
    pub(crate) tables: Tables,
    pub(crate) totals: Vec<QueueTotals>,
    pub(crate) jobs: VecDeque<Job>,
    pub(crate) deeds: Memory<Deed>,
    /// The highest format among the commands carried out.
    pub(crate) format: u8,
    /// Assignments so far, for the choice of who was given a contact longest ago.
    pub(crate) turns: u64,
    /// Hashes of who is in the life-support register. Shared with snapshots until it changes.
    pub(crate) life_support: Arc<BTreeSet<u128>>,
    /// Customers who hung up, for credit.
    pub(crate) redials: Memory<Redialer>,
    /// Operators who take nothing behind the contact for which they are kept free.
    pub(crate) reservations: Reservations,
    /// What is measured of queues whose wait is estimated.
    pub(crate) estimates: BTreeMap<QueueId, Estimate>,
    /// Companions that calls have invited.
    pub(crate) companions: Companions,
    /// Queues and units that take no arrivals.
    pub(crate) closures: Closures,
    /// What is kept of the plan's triggers.
    pub(crate) triggers: Vec<TriggerState>,
    /// Breaks wait until their latest moment.
    pub(crate) breaks_deferred: bool,
    /// The plans that were applied last, with their place in the log, oldest first. Logs before format 3 keep none.
    pub(crate) plans: VecDeque<(u64, LogIndex)>,
    /// Who served whom.
    pub(crate) acquaintances: Memory<Acquaintance>,
    /// Open consultations.
    pub(crate) legs: Legs,
    /// Supervisors beside talks, and operators who ask for them.
    pub(crate) supervision: Supervision,
    /// Effects of the entry being applied.
    pub(crate) effects: Vec<Effect>,
    /// What the event being carried out has freed.
    pub(crate) freed: Freed,
    frame: Vec<u8>,
}

/// What has happened in a queue since the cluster began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueTotals {
    /// Contacts that entered, merged orders not counted.
    pub entered: u64,
    /// Contacts connected to an operator; one that was requeued and connected again counts twice.
    pub connected: u64,
    /// Connected within the queue's target time of waiting.
    pub connected_in_target: u64,
    /// True waiting time of the connected ones, in ms.
    pub waited_ms: u64,
    /// Ended as completed.
    pub completed: u64,
    /// Left before being served.
    pub abandoned: u64,
    /// Left within 5 s, which service level does not count.
    pub abandoned_early: u64,
    /// Orders that joined an open one.
    pub merged: u64,
    /// Assignments taken back.
    pub requeued: u64,
    /// Ended because the operator was lost.
    pub lost_operator: u64,
    /// Passed on by an operator, to wherever.
    pub transferred: u64,
    /// Came in from another queue.
    pub moved_in: u64,
    /// Went out into another queue.
    pub moved_out: u64,
    /// Closed by a supervisor.
    pub closed: u64,
    /// Deflected at arrival: call-back, voicemail, message.
    pub deflected: u64,
}

/// Work on many rows, advanced by a bounded number of rows per entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Job {
    LoseSessions(LoseSessions),
    MoveLine(MoveLine),
    MoveStranded(MoveStranded),
}

/// The sessions of a node's earlier runs are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoseSessions {
    pub node: NodeId,
    /// Live sessions of the node up to this run are lost.
    pub incarnation: Incarnation,
    pub gateways: bool,
    pub next_slot: u32,
}

/// The first in line of a queue are moved into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MoveLine {
    pub from: QueueId,
    pub to: QueueId,
    /// Only contacts that had arrived when the supervisor said so.
    pub arrived_by: LogIndex,
    pub remaining: u32,
    /// The last contact looked at.
    pub after: Option<OrderKey>,
}

/// Contacts and operators that must be matched before the event ends.
#[derive(Debug, Default)]
pub(crate) struct Freed {
    pub contacts: Slots,
    /// Of those, the ones whose gateway must hear that they wait.
    pub announce: Slots,
    pub operators: Slots,
    /// Classes whose contacts may be matched by others than before.
    pub lines: Vec<u32>,
    /// An operator has left or was excluded: exclusions of others may have become void.
    pub exclusions: bool,
    /// Operators with rules of time whose own state the event has touched.
    pub looks: Slots,
    /// Teams in which more may be away than before.
    pub teams: BTreeSet<Option<UnitId>>,
}

impl Freed {
    fn rows_are_empty(&self) -> bool {
        self.contacts.is_empty() && self.operators.is_empty() && self.looks.is_empty()
    }

    /// Whether nothing is left to look at.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows_are_empty() && self.teams.is_empty() && self.lines.is_empty() && !self.exclusions
    }
}

/// The chain behind a command: `frames` are its frame and that of its outcome, one behind the other. Who has them
/// from a history can recompute the chain without a state.
#[must_use]
pub fn next_chain(chain: u128, index: LogIndex, now: Timestamp, frames: &[u8]) -> u128 {
    let (index, now) = (index.0.to_le_bytes(), now.0.to_le_bytes());
    crate::ids::hash_parts(&[&chain.to_le_bytes(), &index, &now, frames])
}

impl Default for Router {
    fn default() -> Router {
        Router::new()
    }
}

impl Router {
    /// The state before the first command: no plan, nobody there.
    #[must_use]
    pub fn new() -> Router {
        Router {
            index: LogIndex(0),
            now: Timestamp(0),
            chain: 0,
            tables: Tables::new(Arc::new(Directory::default())),
            totals: Vec::new(),
            jobs: VecDeque::new(),
            deeds: Memory::default(),
            format: 1,
            turns: 0,
            life_support: Arc::new(BTreeSet::new()),
            redials: Memory::default(),
            reservations: Reservations::default(),
            estimates: BTreeMap::new(),
            companions: Companions::default(),
            closures: Closures::new(),
            triggers: Vec::new(),
            breaks_deferred: false,
            plans: VecDeque::new(),
            acquaintances: Memory::default(),
            legs: Legs::default(),
            supervision: Supervision::default(),
            effects: Vec::new(),
            freed: Freed::default(),
            frame: Vec::new(),
        }
    }

    /// Carries out the next command of the log at replicated time `at`. Time never goes back (I12): an earlier
    /// `at` counts as the time of the entry before.
    pub fn apply(&mut self, at: Timestamp, command: &Command) -> Outcome {
        self.index.0 += 1;
        let before = self.now;
        self.now = self.now.max(at);
        self.fire_timers();
        self.climb_ladders();
        self.follow_waits();
        self.look_at_triggers(before);
        self.advance_job();
        let format = self.format;
        // A command is of its own format; one that is refused leaves no trace.
        self.format = format.max(command.format());
        let reply = self.carry_out(command);
        if reply.is_err() {
            self.format = format;
        }
        self.settle();
        if format < 3 && self.format >= 3 {
            // From here on life safety gets through.
            self.freed.lines = self.tables.ix.classes.waiting().iter().collect();
            self.settle();
        }
        self.follow_alarms();
        let outcome = Outcome { reply, effects: core::mem::take(&mut self.effects) };
        self.extend_chain(command, &outcome);
        #[cfg(debug_assertions)]
        self.assert_invariants();
        outcome
    }

    /// The place of the last applied command; 0 before the first.
    #[must_use]
    pub fn index(&self) -> LogIndex {
        self.index
    }

    /// Replicated time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The hash over all commands and outcomes so far; equal on all replicas at the same index (I8).
    #[must_use]
    pub fn chain(&self) -> u128 {
        self.chain
    }

    /// The plan in force.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.tables.directory.plan
    }

    /// Where in the log a version of the plan was applied, if it is one of the last
    /// [`crate::limits::PLANS_REMEMBERED_MAX`] of the rule book's format.
    #[must_use]
    pub fn plan_applied_at(&self, version: u64) -> Option<LogIndex> {
        self.plans.iter().find(|applied| applied.0 == version).map(|applied| applied.1)
    }

    /// When time alone will change the state: then a `Tick` is due unless another command comes first.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if !self.jobs.is_empty() {
            return Some(self.now);
        }
        // A silence may have been too long already when its thread comes into somebody's hands.
        let timer = self.tables.ix.timers.first().map(|timer| timer.0.max(self.now));
        let climb = self.tables.ix.classes.climbs.first_key_value().map(|(climb, _)| climb.0);
        let reserve = self.tables.ix.asking.next_after(self.now);
        let wait = self.tables.waits.next_after(self.now);
        [timer, climb, reserve, wait, self.next_look()].into_iter().flatten().min()
    }

    fn carry_out(&mut self, command: &Command) -> Result<Reply, Refusal> {
        match command {
            Command::Tick => Ok(Reply::Done),
            Command::ApplyPlan(command) => self.apply_plan(command),
            Command::PutOperators(command) => self.put_operators(command),
            Command::OpenSession(command) => self.open_session(command),
            Command::LoseSession(command) => Ok(self.lose_session(command)),
            Command::CloseSession(command) => self.close_session(command),
            Command::NodeStarted(command) => Ok(self.node_started(command)),
            Command::NodeLost(command) => Ok(self.node_lost(command)),
            Command::EnqueueContact(command) => self.enqueue_contact(command),
            Command::UpdateContact(command) => self.update_contact(command),
            Command::AbandonContact(command) => self.abandon_contact(command),
            Command::SetPresence(command) => self.set_presence(command),
            Command::AcceptOffer(command) => self.accept_offer(command),
            Command::DeclineOffer(command) => self.decline_offer(command),
            Command::CompleteContact(command) => self.complete_contact(command),
            Command::ExtendWrapUp(command) => self.extend_wrap_up(command),
            Command::EndWrapUp(command) => self.end_wrap_up(command),
            Command::TransferContact(command) => self.transfer_contact(command),
            Command::HoldContact(command) => self.hold_contact(command),
            Command::Act(command) => self.act(command),
            Command::PutLifeSupport(command) => self.put_life_support(command),
            Command::TakeNext(command) => self.take_next(command),
            Command::AssignContact(command) => self.assign_contact(command),
            Command::AskForBreak(command) => self.ask_for_break(command),
            Command::RequestPerson(command) => self.request_person(command),
            Command::InviteCompanion(command) => self.invite_companion(command),
            Command::Consult(command) => self.consult(command),
            Command::EndConsult(command) => self.end_consult(command),
            Command::JoinConsult(command) => self.join_consult(command),
            Command::DeflectContact(command) => self.deflect_contact(command),
            Command::NoteMessage(command) => self.take_message(command),
            Command::BeginEnquiry(command) => self.begin_enquiry(command),
            Command::FreeCaller(command) => self.free_caller(command),
            Command::CloseEnquiry(command) => self.close_enquiry(command),
            Command::AskForHelp(command) => self.ask_for_help(command),
        }
    }

    /// Fires what is due; what exceeds the limit fires with the next command, so that no entry is long.
    fn fire_timers(&mut self) {
        for _ in 0..TIMERS_PER_ENTRY_MAX {
            let Some(&(at, of, slot)) = self.tables.ix.timers.first() else { return };
            if at > self.now {
                return;
            }
            match of {
                TimerOf::Contact => self.contact_timer(slot, at),
                TimerOf::Operator => self.operator_timer(slot, at),
                TimerOf::Gateway => self.gateway_timer(slot),
                TimerOf::Case => self.case_timer(slot, at),
                TimerOf::Enquiry => self.enquiry_timer(slot, at),
            }
            self.settle();
        }
    }

    /// Matches those who have come to another step of their queue's ladder since the last entry (R3.3). The
    /// foremost of each line stand for those behind them, so that a crowd that climbs together is a few events.
    fn climb_ladders(&mut self) {
        while let Some((at, slot)) = self.tables.ix.classes.pop_climb(self.now) {
            // Who comes to the front by this event is looked at for the same moment.
            self.tables.ix.classes.climbed_until = at.minus(Millis(1));
            self.freed.contacts.insert(slot);
            self.settle();
            let contact = self.tables.contact(slot);
            let (class, key) = (contact.class, contact.order());
            if matches!(contact.state, State::Waiting(Wait::InLine))
                && let Some(class) = class
            {
                let rule = self.tables.directory.rule(contact.queue);
                self.tables.ix.classes.climb_on(class, key, rule, at);
            }
        }
        self.tables.ix.classes.climbed_until = self.now;
    }

    fn extend_chain(&mut self, command: &Command, outcome: &Outcome) {
        if outcome.reply.is_err() && is(Planted::ChainSkipsRefusals) {
            return;
        }
        self.frame.clear();
        command.encode_into(&mut self.frame);
        if !is(Planted::ChainSkipsOutcome) {
            outcome.encode_into(&mut self.frame);
        }
        self.chain = next_chain(self.chain, self.index, self.now, &self.frame);
    }

    pub(crate) fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn totals_of(&mut self, contact: u32) -> &mut QueueTotals {
        let queue = self.tables.contact(contact).queue;
        self.totals_in(queue)
    }

    pub(crate) fn totals_in(&mut self, queue: QueueId) -> &mut QueueTotals {
        let queue = queue.0 as usize;
        if self.totals.len() <= queue {
            self.totals.resize(queue + 1, QueueTotals::default());
        }
        &mut self.totals[queue]
    }
}
