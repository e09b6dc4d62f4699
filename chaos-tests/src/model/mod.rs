//! A second implementation of docs/RULES.md, written for clarity: plain lists, every question answered by looking
//! at everything. It shares the command, plan and effect types with the core and nothing else, so that where the
//! two agree, they agree because both follow the rules.
//!
//! **Invariant:** no index, no cache: what is not in [`state`] is computed each time from what is.

mod actions;
mod answers;
mod bots;
mod bounds;
mod callbacks;
mod cases;
mod choice;
mod closures;
mod companions;
mod consult;
mod contacts;
mod deflection;
mod enquiries;
mod entry;
mod expected_wait;
mod explain;
mod hand_out;
mod hand_over;
mod interrupt;
mod ladder;
mod life_safety;
mod matching;
mod operators;
mod plan;
mod promise;
mod promotion;
mod recall;
mod reserve;
mod rest;
mod room;
mod rule_bounds;
mod same_person;
mod sessions;
mod state;
mod stranded;
mod supervision;
mod threads;
mod time;
mod timers;
mod transfers;
mod triggers;
mod waits;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ringmain_routing::command::{Action, CaseStep, Closure, TransferTarget};
use ringmain_routing::plan::{Answer, QueuePlan, UnitPlan};
use ringmain_routing::rules::{Facts, OperatorRules, PlanRules, QueueRules, UnitRules};
use ringmain_routing::{
    Command, ContactId, Effect, GatewayId, HelpAsked, LogIndex, Millis, Name, OperatorId, Outcome, Plan,
    Refusal, Reply, Timestamp,
};

pub use cases::Case;
use companions::Invitation;
pub use enquiries::Enquiry;
use entry::{Customer, HungUp};
use expected_wait::{Estimate, Lines};
pub use explain::Reason;
use matching::Freed;
use same_person::{Acquaintance, Known};
pub use state::{
    Contact, ContactState, Exclusion, Gateway, Operator, Session, SessionState, Totals, Wish, WrapUp,
};
use state::{Deed, Job};

/// Whether it knows shifts, breaks and rest of operators; before it does, nothing that it judges may use them.
pub const KNOWS_TIME: bool = true;
/// Whether the model carries out cases. Until it does, no run that it judges has any.
pub const KNOWS_CASES: bool = true;

/// The whole state of the naive model.
#[derive(Clone, Debug, Default)]
pub struct Model {
    index: LogIndex,
    now: Timestamp,
    plan: Plan,
    operators: Vec<Operator>,
    gateways: Vec<Gateway>,
    /// Contacts that have not ended, by slot.
    contacts: BTreeMap<u32, Contact>,
    /// Ended contacts, in the order in which they are forgotten, then by slot.
    ended: BTreeMap<(Timestamp, u32), Contact>,
    /// How many contacts each slot has held so far.
    slot_uses: Vec<u32>,
    /// Slots of forgotten contacts; the one freed last is used first.
    free_slots: Vec<u32>,
    jobs: VecDeque<Job>,
    /// What people did, by name and key.
    deeds: BTreeMap<(Name, Name), Deed>,
    /// The format of the log: that of the first accepted command which earlier ones cannot hold.
    format: u8,
    /// The life-support register.
    register: BTreeSet<u128>,
    /// Customers who hung up and may call again.
    hung_up: BTreeMap<Customer, HungUp>,
    /// Who served whom.
    acquaintances: BTreeMap<Acquaintance, Known>,
    /// Cases by slot.
    cases: BTreeMap<u32, Case>,
    /// How many cases each slot has held so far.
    case_slot_uses: Vec<u32>,
    /// Slots of forgotten cases; the one freed last is used first.
    free_case_slots: Vec<u32>,
    /// Enquiries by slot.
    enquiries: BTreeMap<u32, Enquiry>,
    /// How many enquiries each slot has held so far.
    enquiry_slot_uses: Vec<u32>,
    /// Slots of forgotten enquiries; the one freed last is used first.
    free_enquiry_slots: Vec<u32>,
    /// Supervisors beside talks, in the order in which they sat down or changed.
    seats: Vec<supervision::Seated>,
    /// Who asks for help, by slot.
    help: BTreeMap<u32, HelpAsked>,
    /// Queues and units that were closed by hand.
    closures: Vec<Closure>,
    /// What is measured in queues whose expected wait matters.
    estimates: BTreeMap<Name, Estimate>,
    /// Who stood in line behind the last event.
    lines_before: Lines,
    /// Queues in which somebody has waited for too long, and since when.
    alarms: BTreeMap<Name, Timestamp>,
    /// Breaks wait for their latest moment.
    are_breaks_deferred: bool,
    /// Whose breaks this event looks at.
    looks: time::Looks,
    /// For whom operators are kept, in no order that matters.
    reservations: Vec<(ContactId, OperatorId)>,
    /// To what customers were invited, by their calls.
    invitations: BTreeMap<ContactId, Invitation>,
    /// What companions have freed and nobody has looked at yet.
    late: Freed,
    /// How many assignments there were in format 3.
    turns: u64,
    /// What is known of the plan's triggers, in its order.
    triggers: Vec<triggers::Known>,
    /// To which step triggers have opened the ladder of each queue.
    opened: BTreeMap<Name, usize>,
    totals: BTreeMap<Name, Totals>,
    /// What nobody asks for.
    totals_of_legs: Totals,
    /// Effects of the command that is being applied.
    effects: Vec<Effect>,
    /// Breaches of the rules that the model found in its own steps; a mistake in the model or in the rules.
    breaches: Vec<String>,
}

impl Model {
    /// The state before the first command.
    #[must_use]
    pub fn new() -> Model {
        Model::default()
    }

    /// Applies the next command of the log.
    pub fn apply(&mut self, at: Timestamp, command: &Command) -> Outcome {
        self.index = LogIndex(self.index.0 + 1);
        let before = self.now;
        self.now = self.now.max(at);
        self.effects.clear();
        self.fire_due_timers();
        self.climb(before);
        self.carry_out_waits();
        self.look_at_triggers(before);
        self.advance_one_job();
        let format = self.format;
        self.format = format.max(format_of(command));
        let reply = self.carry_out(command);
        if reply.is_err() {
            self.format = format;
        } else if format < 3 && self.format >= 3 {
            let in_line = self.contacts.values().filter(|contact| contact.is_eligible());
            let contacts = in_line.map(|contact| contact.id).collect();
            self.settle(Freed { contacts, ..Freed::default() });
        }
        self.end_event();
        self.look_at_alarms();
        self.end_looks();
        self.judge_work_conserving();
        Outcome { reply, effects: std::mem::take(&mut self.effects) }
    }

    fn carry_out(&mut self, command: &Command) -> Result<Reply, Refusal> {
        match command {
            Command::Tick => Ok(Reply::Done),
            Command::ApplyPlan(command) => self.apply_plan(&command.plan),
            Command::PutOperators(command) => self.put_operators(&command.operators),
            Command::OpenSession(command) => self.open_session(command),
            Command::LoseSession(command) => Ok(self.lose_session_of(command)),
            Command::CloseSession(command) => self.close_session(command),
            Command::NodeStarted(command) => Ok(self.node_started(command)),
            Command::NodeLost(command) => Ok(self.node_lost(command)),
            Command::EnqueueContact(command) => self.enqueue(command),
            Command::UpdateContact(command) => self.update(command),
            Command::AbandonContact(command) => self.abandon(command),
            Command::SetPresence(command) => self.set_presence(command),
            Command::AcceptOffer(command) => self.accept(command),
            Command::DeclineOffer(command) => self.decline(command),
            Command::CompleteContact(command) => self.complete(command),
            Command::ExtendWrapUp(command) => self.extend_wrap_up(command),
            Command::EndWrapUp(command) => self.end_wrap_up(command),
            Command::TransferContact(command) => self.transfer(command),
            Command::HoldContact(command) => self.hold(command),
            Command::Act(command) => self.act(command),
            Command::PutLifeSupport(command) => self.put_life_support(command),
            Command::AskForBreak(command) => self.ask_for_break(command),
            Command::TakeNext(command) => self.take_next(command),
            Command::AssignContact(command) => self.assign_by_lead(command),
            Command::RequestPerson(command) => self.request_person(command),
            Command::DeflectContact(command) => self.deflect_contact(command),
            Command::Consult(command) => self.consult(command),
            Command::EndConsult(command) => self.end_consult(command),
            Command::JoinConsult(command) => self.join_consult(command),
            Command::InviteCompanion(command) => self.invite(command),
            Command::BeginEnquiry(command) => self.begin_enquiry(command),
            Command::FreeCaller(command) => self.free_caller(command),
            Command::CloseEnquiry(command) => self.close_enquiry(command),
            Command::AskForHelp(command) => self.ask_for_help(command),
            Command::NoteMessage(command) => self.note_message(command),
        }
    }

    /// Index of the last applied command; 0 when there was none.
    #[must_use]
    pub fn index(&self) -> LogIndex {
        self.index
    }

    /// Replicated time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The plan in force.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// All operators by slot.
    #[must_use]
    pub fn operators(&self) -> &[Operator] {
        &self.operators
    }

    /// All gateways by slot.
    #[must_use]
    pub fn gateways(&self) -> &[Gateway] {
        &self.gateways
    }

    /// All contacts in memory by slot, ended ones within the key window included.
    pub fn contacts(&self) -> impl Iterator<Item = &Contact> {
        let mut all: Vec<&Contact> = self.contacts.values().chain(self.ended.values()).collect();
        all.sort_by_key(|contact| contact.id.slot);
        all.into_iter()
    }

    /// One contact, if it is in memory.
    #[must_use]
    pub fn contact(&self, id: ContactId) -> Option<&Contact> {
        let live = self.contacts.get(&id.slot).filter(|contact| contact.id == id);
        live.or_else(|| self.ended.values().find(|contact| contact.id == id))
    }

    /// Skills that a contact wants, its queue's included.
    #[must_use]
    pub fn wanted_skills(&self, contact: &Contact) -> BTreeMap<Name, u8> {
        ladder::wanted_skills(&self.plan, contact)
    }

    /// Units within which a contact wants to be served, as far as the ladder does not reach further.
    #[must_use]
    pub fn wanted_scopes(&self, contact: &Contact) -> BTreeSet<Name> {
        ladder::wanted_scopes(&self.plan, contact)
    }

    /// The life-support register, hashed.
    #[must_use]
    pub fn register(&self) -> &BTreeSet<u128> {
        &self.register
    }

    /// What has happened in a queue so far.
    #[must_use]
    pub fn totals(&self, queue: &str) -> Totals {
        self.totals.get(queue).copied().unwrap_or_default()
    }

    /// Breaches of I3, I4 and R2.5 that the model found in its own steps. Must be empty.
    #[must_use]
    pub fn breaches(&self) -> &[String] {
        &self.breaches
    }

    /// When something is due next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if !self.jobs.is_empty() {
            return Some(self.now);
        }
        let timer = self.earliest_timer().map(|timer| timer.deadline.max(self.now));
        let moments = timer.into_iter().chain(self.next_step()).chain(self.next_asking());
        let waits = self.next_of_waits().into_iter().chain(self.next_alarm()).chain(self.next_look());
        moments.chain(waits).min()
    }

    /// Units of the contacts in an operator's hands.
    #[must_use]
    pub fn used_units(&self, operator: OperatorId) -> u64 {
        let in_hand: u64 = self
            .contacts_of(operator)
            .filter(|contact| !contact.is_parked())
            .map(|contact| u64::from(contact.taken))
            .sum();
        let wrap_ups = self.operator_row(operator).map_or(&[][..], |row| &row.wrap_ups);
        in_hand + wrap_ups.iter().map(|wrap_up| u64::from(wrap_up.units)).sum::<u64>()
    }

    /// Contacts in an operator's hands, by slot.
    pub fn contacts_of(&self, operator: OperatorId) -> impl Iterator<Item = &Contact> {
        self.contacts.values().filter(move |contact| contact.state.holder() == Some(operator))
    }

    fn operator_row(&self, id: OperatorId) -> Option<&Operator> {
        self.operators.get(id.slot as usize).filter(|operator| operator.id == id)
    }

    fn gateway_row(&self, id: GatewayId) -> Option<&Gateway> {
        self.gateways.get(id.slot as usize).filter(|gateway| gateway.id == id)
    }

    /// The row of an operator that is known to exist.
    fn operator_mut(&mut self, id: OperatorId) -> &mut Operator {
        &mut self.operators[id.slot as usize]
    }

    /// The row of a contact that is known not to have ended.
    fn contact_mut(&mut self, id: ContactId) -> &mut Contact {
        self.contacts.get_mut(&id.slot).expect("the caller has just read this contact")
    }

    /// The row of a contact that is known to exist.
    fn contact_row(&self, id: ContactId) -> &Contact {
        self.contact(id).expect("the caller has just read this contact")
    }

    /// The figures of the contact's queue; those of consultations are nobody's.
    fn totals_mut(&mut self, contact: ContactId) -> &mut Totals {
        let row = self.contact_row(contact);
        if row.leg.is_some() {
            return &mut self.totals_of_legs;
        }
        let queue = row.queue.clone();
        self.totals.entry(queue).or_default()
    }

    fn span_after_now(&self, span: Millis) -> Timestamp {
        self.now + span
    }
}

/// The earliest format that can say this.
fn format_of(command: &Command) -> u8 {
    let (is_of_2, is_of_3) = match command {
        Command::ApplyPlan(command) => (command.by.is_some(), has_rules(&command.plan)),
        Command::PutOperators(command) => {
            let has_rules = command.operators.iter().any(|row| row.rules != OperatorRules::default());
            (command.by.is_some(), has_rules)
        }
        Command::EnqueueContact(command) => (false, command.facts != Facts::default()),
        Command::Act(command) => (
            true,
            matches!(
                command.action,
                Action::AssignContact { .. }
                    | Action::DeferBreaks { .. }
                    | Action::HandOver(_)
                    | Action::CloseEntry(_)
                    | Action::OpenEntry { .. }
                    | Action::CloseEnquiry { .. }
                    | Action::Supervise { .. }
                    | Action::AnswerHelp { .. }
            ),
        ),
        Command::TransferContact(command) => (true, matches!(command.to, TransferTarget::BackOffice { .. })),
        Command::HoldContact(_) => (true, false),
        Command::CompleteContact(command) => {
            (false, command.step != CaseStep::Next || command.result.is_some())
        }
        Command::PutLifeSupport(_)
        | Command::TakeNext(_)
        | Command::AssignContact(_)
        | Command::AskForBreak(_)
        | Command::Consult(_)
        | Command::EndConsult(_)
        | Command::JoinConsult(_)
        | Command::RequestPerson(_)
        | Command::InviteCompanion(_)
        | Command::DeflectContact(_)
        | Command::BeginEnquiry(_)
        | Command::FreeCaller(_)
        | Command::CloseEnquiry(_)
        | Command::AskForHelp(_)
        | Command::NoteMessage(_) => (true, true),
        Command::Tick
        | Command::OpenSession(_)
        | Command::LoseSession(_)
        | Command::CloseSession(_)
        | Command::NodeStarted(_)
        | Command::NodeLost(_)
        | Command::UpdateContact(_)
        | Command::AbandonContact(_)
        | Command::SetPresence(_)
        | Command::AcceptOffer(_)
        | Command::DeclineOffer(_)
        | Command::ExtendWrapUp(_)
        | Command::EndWrapUp(_) => (false, false),
    };
    match (is_of_2, is_of_3) {
        (_, true) => 3,
        (true, false) => 2,
        (false, false) => 1,
    }
}

/// Whether a command says something of the rule book, so that the log is of format 3 at least.
pub(crate) fn says_rules(command: &Command) -> bool {
    format_of(command) >= 3
}

fn has_rules(plan: &Plan) -> bool {
    let is_previewed = |queue: &QueuePlan| matches!(queue.answer, Answer::Previewed { .. });
    let in_queue = |queue: &QueuePlan| queue.rules != QueueRules::default() || is_previewed(queue);
    let in_unit = |unit: &UnitPlan| unit.rules != UnitRules::default();
    plan.rules != PlanRules::default() || plan.queues.iter().any(in_queue) || plan.units.iter().any(in_unit)
}
