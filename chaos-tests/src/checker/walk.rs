//! Walks over a history and keeps its own books of contacts and operators: from commands what is asked for, from
//! effects what was decided. Each assignment is judged by these books.
//!
//! A record does not say at which moment within a command a silent change took place (a time that came, a hold or an
//! exclusion that ended). The walk therefore takes a contact for passed over only when nothing can have kept the
//! operator from it.

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::command::{Action, EnqueueContact, TransferContact, TransferTarget, UpdateContact};
use ringmain_routing::limits::TIMERS_PER_ENTRY_MAX;
use ringmain_routing::plan::QueuePlan;
use ringmain_routing::{
    Command, ContactId, Effect, Name, OperatorId, Party, Plan, Refusal, Reply, Timestamp,
};

use super::book::{Phase, Row};
use super::cases::Cases;
use super::client_records::HistoryEntry;
use super::effects::contact_of;
use super::line::Lines;
use super::parties::Parties;
use super::roster::Roster;
use super::verdict::Verdict;
use crate::model::says_rules;

/// The books after a walk.
pub(super) struct Books {
    /// All contacts ever.
    pub(super) rows: BTreeMap<ContactId, Row>,
    pub(super) roster: Roster,
    /// Whether what operators have in hand could be added up.
    pub(super) loads_are_known: bool,
}

/// The books during a walk.
pub(super) struct Walk<'a> {
    pub(super) parties: &'a Parties,
    pub(super) verdict: &'a mut Verdict,
    pub(super) plan: Plan,
    pub(super) roster: Roster,
    pub(super) lines: Lines,
    pub(super) rows: BTreeMap<ContactId, Row>,
    /// Gateway name and key → the contact that was brought last under them.
    pub(super) keys: BTreeMap<(Name, Name), ContactId>,
    pub(super) cases: Cases,
    /// Contacts for a later time, by that time.
    later: BTreeSet<(Timestamp, ContactId)>,
    /// Replicated time of each command walked over.
    times: Vec<Timestamp>,
    pub(super) now: Timestamp,
    pub(super) index: u64,
    /// The log says something of the rule book: who fits and who is next is judged by the model's replay alone.
    has_rules: bool,
    /// False once a contact's units are its queue's, for its queue may be an entry rule's; once an operator has units of
    /// its own; once work may be parked; and once anybody is invited, for companions take nothing.
    pub(super) loads_are_known: bool,
    /// Somebody was invited: companions go to whoever has the call, ready or not.
    pub(super) has_invited: bool,
    /// The contact that the present command changes; its order is not judged meanwhile.
    touched: Option<Touched>,
    /// The contact that the present command passes on to the operator who was asked about it.
    pub(super) passed_on: Option<(ContactId, OperatorId)>,
}

/// A contact before the command that changes it.
#[derive(Clone, Copy)]
struct Touched {
    id: ContactId,
    was_due: bool,
}

impl<'a> Walk<'a> {
    /// Walks over a whole history.
    pub(super) fn over(history: &[HistoryEntry], parties: &'a Parties, verdict: &'a mut Verdict) -> Walk<'a> {
        let mut walk = Walk {
            parties,
            verdict,
            plan: Plan::default(),
            roster: Roster::default(),
            lines: Lines::default(),
            rows: BTreeMap::new(),
            keys: BTreeMap::new(),
            cases: Cases::default(),
            later: BTreeSet::new(),
            times: Vec::with_capacity(history.len()),
            now: Timestamp(0),
            index: 0,
            has_rules: false,
            loads_are_known: true,
            has_invited: false,
            touched: None,
            passed_on: None,
        };
        for entry in history {
            walk.step(entry);
        }
        walk
    }

    /// What the walk came to.
    pub(super) fn into_books(self) -> Books {
        Books { rows: self.rows, roster: self.roster, loads_are_known: self.loads_are_known }
    }

    fn step(&mut self, entry: &HistoryEntry) {
        self.now = self.now.max(entry.at);
        self.index = entry.log_index;
        self.times.push(self.now);
        self.ripen();
        let accepted = entry.outcome.reply.as_ref().ok();
        if accepted.is_some() && says_rules(&entry.command) {
            self.leave_judgement();
        }
        let arrived = accepted.and_then(|reply| self.before_effects(&entry.command, *reply));
        for effect in &entry.outcome.effects {
            self.take(*effect);
        }
        self.cases.handed_over = None;
        if let Some(reply) = accepted {
            self.after_effects(&entry.command, *reply, &entry.outcome.effects);
        } else if matches!(&entry.outcome.reply, Err(Refusal::KeyReused { .. })) {
            self.verdict.duplicates_refused += 1;
        }
        for id in arrived.into_iter().chain(self.touched.take().map(|touched| touched.id)) {
            self.place(id);
        }
        self.roster.settle();
    }

    /// From here on nobody's fit and order are judged here.
    fn leave_judgement(&mut self) {
        if std::mem::replace(&mut self.has_rules, true) {
            return;
        }
        let ids: Vec<ContactId> = self.rows.keys().copied().collect();
        for id in ids {
            self.take_out(id);
            if let Some(row) = self.rows.get_mut(&id) {
                (row.order_is_known, row.class_is_known) = (false, false);
            }
        }
    }

    /// What must be known before the effects make sense: a contact's row, an operator's new profile.
    fn before_effects(&mut self, command: &Command, reply: Reply) -> Option<ContactId> {
        self.passed_on = None;
        self.cases.freed = None;
        match command {
            Command::EnqueueContact(command) => return self.enter(command, reply),
            Command::PutOperators(command) => {
                self.loads_are_known &= command.operators.iter().all(|row| row.rules.units.is_empty());
                self.roster.put(&command.operators, &self.plan);
            }
            Command::UpdateContact(command) => self.touch(command.contact),
            Command::TransferContact(command) => self.before_transfer(command),
            Command::Act(command) => self.before_action(&command.action),
            Command::OpenSession(_) => {
                if let Reply::Opened { party: Party::Operator(operator), epoch } = reply
                    && let Some(row) = self.roster.get_mut(self.parties.operator(operator))
                {
                    row.live = Some(epoch);
                }
            }
            Command::BeginEnquiry(command) => {
                self.cases.freed = command.call.as_ref().map(|_| command.answer.contact);
                self.forget_later_times();
            }
            Command::FreeCaller(command) => {
                self.cases.freed = Some(command.answer.contact);
                self.forget_later_times();
            }
            Command::CloseEnquiry(_) => self.forget_later_times(),
            // What is parked takes nothing, and nobody told the checker who may be.
            Command::ApplyPlan(command) => {
                let parks =
                    |queue: &QueuePlan| queue.rules.interruptible.is_some() || queue.rules.thread.is_some();
                self.loads_are_known &= !command.plan.queues.iter().any(parks);
            }
            Command::InviteCompanion(_) => {
                self.has_invited = true;
                self.loads_are_known = false;
            }
            Command::Tick
            | Command::LoseSession(_)
            | Command::CloseSession(_)
            | Command::NodeStarted(_)
            | Command::NodeLost(_)
            | Command::AbandonContact(_)
            | Command::SetPresence(_)
            | Command::AcceptOffer(_)
            | Command::DeclineOffer(_)
            | Command::CompleteContact(_)
            | Command::ExtendWrapUp(_)
            | Command::EndWrapUp(_)
            | Command::HoldContact(_)
            | Command::PutLifeSupport(_)
            | Command::AskForBreak(_)
            | Command::DeflectContact(_)
            | Command::NoteMessage(_)
            | Command::AskForHelp(_)
            | Command::TakeNext(_)
            | Command::AssignContact(_)
            | Command::RequestPerson(_)
            | Command::Consult(_)
            | Command::EndConsult(_)
            | Command::JoinConsult(_) => {}
        }
        None
    }

    fn after_effects(&mut self, command: &Command, reply: Reply, effects: &[Effect]) {
        match command {
            Command::ApplyPlan(command) => {
                self.plan = command.plan.clone();
                self.roster.place_all(&self.plan);
            }
            Command::UpdateContact(command) => self.update(command),
            Command::EnqueueContact(command) => {
                if let Reply::Merged { into, .. } = reply {
                    self.merge(command, into);
                }
            }
            Command::AbandonContact(command) => self.count_repeat(command.contact, effects),
            Command::AcceptOffer(answer) | Command::DeclineOffer(answer) | Command::EndWrapUp(answer) => {
                self.count_repeat(answer.contact, effects);
            }
            Command::CompleteContact(command) => self.count_repeat(command.answer.contact, effects),
            Command::TransferContact(command) => self.count_repeat(command.answer.contact, effects),
            Command::HoldContact(command) => self.count_repeat(command.answer.contact, effects),
            Command::Act(command) => self.lift(&command.action),
            Command::Tick
            | Command::PutOperators(_)
            | Command::OpenSession(_)
            | Command::LoseSession(_)
            | Command::CloseSession(_)
            | Command::NodeStarted(_)
            | Command::NodeLost(_)
            | Command::SetPresence(_)
            | Command::ExtendWrapUp(_)
            | Command::PutLifeSupport(_)
            | Command::AskForBreak(_)
            | Command::InviteCompanion(_)
            | Command::DeflectContact(_)
            | Command::NoteMessage(_)
            | Command::BeginEnquiry(_)
            | Command::FreeCaller(_)
            | Command::CloseEnquiry(_)
            | Command::AskForHelp(_)
            | Command::TakeNext(_)
            | Command::AssignContact(_)
            | Command::RequestPerson(_)
            | Command::Consult(_)
            | Command::EndConsult(_)
            | Command::JoinConsult(_) => {}
        }
    }

    /// What is passed to one operator is kept for that one; its order is not judged any more.
    fn before_transfer(&mut self, command: &TransferContact) {
        if let TransferTarget::BackOffice { .. } = command.to {
            self.cases.handed_over = Some(command.answer.contact);
        }
        if let TransferTarget::Consulted { leg } = command.to {
            let asked = self.rows.get(&leg).filter(|row| row.phase == Phase::Handling);
            self.passed_on = asked.and_then(|row| row.holder).map(|asked| (command.answer.contact, asked));
        }
        if let TransferTarget::Operator { .. } = command.to
            && let Some(row) = self.rows.get_mut(&command.answer.contact)
        {
            row.order_is_known = false;
        }
    }

    fn before_action(&mut self, action: &Action) {
        if let Action::CloseEnquiry { .. } = action {
            self.forget_later_times();
        }
        if let Action::LiftContact { contact, .. } = action {
            self.touch(*contact);
        }
    }

    fn lift(&mut self, action: &Action) {
        let Action::LiftContact { contact, tier, head_start } = action else { return };
        self.take_out(*contact);
        if let Some(row) = self.rows.get_mut(contact) {
            row.tier = tier.unwrap_or(row.tier);
            row.head_start = head_start.unwrap_or(row.head_start);
        }
    }

    /// A command about a contact that was carried out and did nothing to it was a repeat.
    fn count_repeat(&mut self, contact: ContactId, effects: &[Effect]) {
        if !effects.iter().any(|effect| contact_of(effect) == Some(contact)) {
            self.verdict.duplicates_refused += 1;
        }
    }

    fn enter(&mut self, command: &EnqueueContact, reply: Reply) -> Option<ContactId> {
        let (Reply::Enqueued { contact: id } | Reply::Merged { contact: id, .. }) = reply else {
            return None;
        };
        let gateway = Name::from(self.parties.gateway(command.gateway));
        let known = self.keys.get(&(gateway.clone(), command.key.clone())).copied();
        if known == Some(id) {
            self.verdict.duplicates_refused += 1;
            return None;
        }
        let still_known = known.and_then(|known| self.rows.get(&known)).is_some_and(|row| match row.phase {
            Phase::Ended { forget_at } => forget_at > self.now,
            Phase::Waiting | Phase::Offered | Phase::Handling | Phase::WrapUp | Phase::Released => true,
        });
        if still_known || self.rows.contains_key(&id) {
            self.verdict.repeated_effects += 1;
            let (index, key) = (self.index, &command.key);
            self.verdict.tell(|| format!("log index {index}: key {key:?} brought a second contact, {id}"));
        }
        if let Reply::Merged { into, .. } = reply {
            self.touch(into);
        }
        self.keys.insert((gateway.clone(), command.key.clone()), id);
        let row = self.new_row(command, id, gateway);
        self.rows.insert(id, row);
        Some(id)
    }

    fn new_row(&mut self, command: &EnqueueContact, id: ContactId, gateway: Name) -> Row {
        let by_queue = self.plan.queues.iter().any(|queue| !queue.rules.units.is_empty());
        self.loads_are_known &= command.units.is_some() || !by_queue;
        let class = self.lines.class_of(command, &self.plan);
        let later = command.not_before.filter(|&time| time > self.now);
        Row {
            id,
            gateway,
            key: command.key.clone(),
            tier: command.tier,
            head_start: command.head_start,
            enqueued_at: later.unwrap_or(self.now),
            index: self.index,
            class,
            units: self.lines.classes[class].units,
            not_before: command.not_before,
            preferred: command.preferred.clone().filter(|(_, hold)| hold.0 > 0),
            held_until: None,
            exclusions: Vec::new(),
            assignment: 0,
            holder: None,
            phase: Phase::Waiting,
            is_due: later.is_none(),
            in_line: false,
            order_is_known: !self.has_rules,
            was_served: false,
            class_is_known: !self.has_rules,
            wrap_ups: Vec::new(),
        }
    }

    /// Takes a contact out of its line while the command that changes it is walked over.
    fn touch(&mut self, id: ContactId) {
        self.touched = self.rows.get(&id).map(|row| Touched { id, was_due: row.is_due });
        self.take_out(id);
    }

    /// Takes a contact out of its line.
    pub(super) fn take_out(&mut self, id: ContactId) {
        if let Some(row) = self.rows.get_mut(&id)
            && std::mem::replace(&mut row.in_line, false)
        {
            self.lines.leave(row);
        }
    }

    /// Whether the present command changes this contact.
    pub(super) fn is_touched(&self, id: ContactId) -> bool {
        self.touched.is_some_and(|touched| touched.id == id)
    }

    /// Puts a contact where it belongs after a command: into its line, or among those for a later time.
    pub(super) fn place(&mut self, id: ContactId) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        if row.phase != Phase::Waiting || row.in_line || !row.order_is_known {
            return;
        }
        if !row.is_due {
            if let Some(time) = row.not_before {
                self.later.insert((time, id));
            }
            return;
        }
        if row.assignment == 0 && row.tier > 0 && row.held_until.is_none() {
            row.held_until = row.preferred.as_ref().map(|(_, hold)| self.now + *hold);
        }
        row.in_line = true;
        self.lines.join(row);
    }

    /// Contacts whose time has come for certain join their lines.
    fn ripen(&mut self) {
        while let Some(&(time, id)) = self.later.first() {
            if !self.is_past(time) {
                return;
            }
            self.later.remove(&(time, id));
            if let Some(row) = self.rows.get_mut(&id)
                && row.not_before == Some(time)
            {
                row.is_due = true;
            }
            self.place(id);
        }
    }

    /// Whether what was due at a time has been carried out for certain before the present command: each command
    /// carries out a limited number of what is due.
    pub(super) fn is_past(&self, time: Timestamp) -> bool {
        let first = self.times.partition_point(|&at| at < time);
        let backlog = self.rows.len() / TIMERS_PER_ENTRY_MAX;
        first + backlog + 1 < self.times.len()
    }

    fn update(&mut self, command: &UpdateContact) {
        let now = self.now;
        self.take_out(command.contact);
        let was_due = self.touched.is_some_and(|touched| touched.was_due);
        let Some(row) = self.rows.get_mut(&command.contact) else { return };
        row.tier = command.tier.unwrap_or(row.tier);
        let Some(time) = command.not_before else { return };
        if time > now {
            (row.not_before, row.enqueued_at) = (Some(time), time);
            (row.is_due, row.held_until) = (false, None);
        } else if !was_due && row.not_before.is_some_and(|before| before > now) {
            (row.not_before, row.enqueued_at) = (Some(time), now);
            row.is_due = true;
        } else if !was_due {
            row.order_is_known = false;
        }
    }

    fn merge(&mut self, command: &EnqueueContact, into: ContactId) {
        self.take_out(into);
        let Some(row) = self.rows.get_mut(&into) else { return };
        if command.not_before.is_some() || command.head_start > row.head_start {
            row.order_is_known = false;
        }
    }
}
