//! The walk's second half: what effects say. Each assignment is judged here before it is entered.

use ringmain_routing::effect::{PresenceState, WithdrawReason};
use ringmain_routing::{AssignmentEpoch, ContactId, Effect, OperatorId, Party};

use super::book::{Phase, Row};
use super::line;
use super::walk::Walk;

impl Walk<'_> {
    /// Enters one effect.
    pub(super) fn take(&mut self, effect: Effect) {
        if self.is_of_kept_wrap_up(effect) {
            return;
        }
        self.enter_what_begins(&effect);
        if let Some(id) = contact_of(&effect)
            && self.rows.get(&id).is_none_or(Row::is_ended)
        {
            self.verdict.reopened += 1;
            let index = self.index;
            self.verdict.tell(|| format!("log index {index}: {id} is over or unknown, and yet: {effect:?}"));
            return;
        }
        match effect {
            Effect::RingOperator { contact, operator, assignment, .. } => {
                self.assign(contact, operator, assignment, Phase::Offered);
            }
            Effect::ConnectContact { contact, operator, assignment, .. } => {
                self.connect(contact, operator, assignment);
            }
            Effect::WithdrawAssignment { contact, operator, assignment, reason, .. } => {
                self.withdraw(contact, operator, assignment, reason);
            }
            Effect::StartWrapUp { contact, operator, assignment, .. } => {
                self.serve(contact, operator, assignment, Phase::WrapUp);
            }
            Effect::ReleaseOperator { contact, operator, assignment } => {
                self.serve(contact, operator, assignment, Phase::Released);
            }
            Effect::AnnounceEnded { contact, .. } => self.end(contact),
            Effect::AnnouncePresence { operator, presence } => {
                if let Some(row) = self.roster.get_mut(self.parties.operator(operator)) {
                    row.presence = presence;
                }
            }
            Effect::EndStream { party: Party::Operator(operator), epoch } => {
                if let Some(row) = self.roster.get_mut(self.parties.operator(operator)) {
                    row.live = row.live.filter(|live| *live != epoch);
                }
            }
            Effect::ParkContact { contact, operator, assignment, .. }
            | Effect::HoldContact { contact, operator, assignment, .. } => {
                self.is_in_hand(contact, operator, assignment);
            }
            Effect::AnnounceMoved { contact, .. } => {
                self.take_out(contact);
                if let Some(row) = self.rows.get_mut(&contact) {
                    (row.order_is_known, row.class_is_known) = (false, false);
                }
            }
            Effect::AnnounceQueued { .. }
            | Effect::AnnounceAssigned { .. }
            | Effect::AnnounceStage { .. }
            | Effect::WarnCase { .. }
            | Effect::EscalateCase { .. }
            | Effect::AnnounceCaseClosed { .. }
            | Effect::NotifyWatcher { .. }
            | Effect::InviteCompanion { .. }
            | Effect::OfferDeflection { .. }
            | Effect::CallDuty { .. }
            | Effect::AnnounceEnquiry { .. }
            | Effect::NotifyEnquiry { .. }
            | Effect::SuperviseContact { .. }
            | Effect::AnnounceHelp { .. }
            | Effect::NotifyThread { .. }
            | Effect::AnnounceAlarm { .. }
            | Effect::AnnounceConsult { .. }
            | Effect::JoinConsult { .. }
            | Effect::AnnounceExpectedWait { .. }
            | Effect::EndStream { party: Party::Gateway(_), .. } => {}
        }
    }

    /// A contact that no command brought is known from here on.
    fn enter_what_begins(&mut self, effect: &Effect) {
        if let Effect::AnnounceStage { case, contact, .. } = *effect {
            self.begin_stage(case, contact);
        }
        if let Effect::AnnounceConsult { contact, of, .. } = *effect {
            self.begin_consult(contact, of);
        }
        if let Effect::AnnounceQueued { contact, .. } = *effect {
            self.begin_call(contact);
        }
    }

    /// Enters what an effect says about the wrap-up of an operator who passed the contact on: it holds that
    /// operator's units, whatever becomes of the contact.
    fn is_of_kept_wrap_up(&mut self, effect: Effect) -> bool {
        let (contact, operator, assignment, is_over) = match effect {
            Effect::StartWrapUp { contact, operator, assignment, .. } => {
                (contact, operator, assignment, false)
            }
            Effect::ReleaseOperator { contact, operator, assignment } => {
                (contact, operator, assignment, true)
            }
            Effect::AnnounceQueued { .. }
            | Effect::RingOperator { .. }
            | Effect::AnnounceAssigned { .. }
            | Effect::ConnectContact { .. }
            | Effect::WithdrawAssignment { .. }
            | Effect::AnnounceEnded { .. }
            | Effect::AnnouncePresence { .. }
            | Effect::EndStream { .. }
            | Effect::ParkContact { .. }
            | Effect::HoldContact { .. }
            | Effect::AnnounceStage { .. }
            | Effect::WarnCase { .. }
            | Effect::EscalateCase { .. }
            | Effect::AnnounceCaseClosed { .. }
            | Effect::NotifyWatcher { .. }
            | Effect::InviteCompanion { .. }
            | Effect::OfferDeflection { .. }
            | Effect::CallDuty { .. }
            | Effect::AnnounceEnquiry { .. }
            | Effect::NotifyEnquiry { .. }
            | Effect::SuperviseContact { .. }
            | Effect::AnnounceHelp { .. }
            | Effect::NotifyThread { .. }
            | Effect::AnnounceAlarm { .. }
            | Effect::AnnounceConsult { .. }
            | Effect::JoinConsult { .. }
            | Effect::AnnounceExpectedWait { .. }
            | Effect::AnnounceMoved { .. } => return false,
        };
        let Some(row) = self.rows.get_mut(&contact) else { return false };
        let this = (operator, assignment.0);
        let units = u64::from(row.units);
        let is_kept = row.wrap_ups.contains(&this);
        if is_kept && is_over {
            row.wrap_ups.retain(|kept| *kept != this);
            self.let_go(Some(operator), units);
        } else if !is_kept && !is_over && row.phase == Phase::Waiting && row.holder == Some(operator) {
            row.wrap_ups.push(this);
            if let Some(row) = self.roster.get_mut(self.parties.operator(operator)) {
                row.used += units;
            }
            return true;
        }
        is_kept
    }

    fn connect(&mut self, contact: ContactId, operator: OperatorId, assignment: AssignmentEpoch) {
        let Some(row) = self.rows.get_mut(&contact) else { return };
        let same = row.holder == Some(operator) && row.assignment == assignment.0;
        match row.phase {
            Phase::Offered if same => row.phase = Phase::Handling,
            Phase::Handling if same => {
                self.verdict.repeated_effects += 1;
                let index = self.index;
                self.verdict.tell(|| {
                    format!("log index {index}: {contact} is connected to {operator} a second time")
                });
            }
            Phase::Waiting
            | Phase::Offered
            | Phase::Handling
            | Phase::WrapUp
            | Phase::Released
            | Phase::Ended { .. } => self.assign(contact, operator, assignment, Phase::Handling),
        }
    }

    /// Judges an assignment, then enters it.
    fn assign(
        &mut self,
        contact: ContactId,
        operator: OperatorId,
        assignment: AssignmentEpoch,
        phase: Phase,
    ) {
        let Some(row) = self.rows.get(&contact) else { return };
        let index = self.index;
        if row.phase != Phase::Waiting || assignment.0 != row.assignment + 1 {
            self.verdict.double_assigned += 1;
            let (holder, had) = (row.holder, row.assignment);
            self.verdict.tell(|| {
                format!(
                    "log index {index}: {contact} is given to {operator} as assignment {assignment}, while it had \
                     assignment {had} of {holder:?}"
                )
            });
        }
        let taken_from = row.holder.filter(|_| row.is_assigned());
        let units = u64::from(row.units);
        // Who was asked about a contact has it in hand already, whatever its presence says.
        if self.passed_on != Some((contact, operator)) {
            self.judge_fit(contact, operator);
            self.judge_order(contact, operator);
        }
        self.let_go(taken_from, units);
        let login = self.parties.operator(operator);
        if let Some(holder) = self.roster.get_mut(login) {
            holder.used += units;
            if self.loads_are_known && holder.used > holder.capacity() {
                self.verdict.over_capacity += 1;
                let (used, capacity) = (holder.used, holder.capacity());
                self.verdict.tell(|| {
                    format!("log index {index}: {login} has {used} units of {capacity} with {contact}")
                });
            }
        }
        self.take_out(contact);
        let Some(row) = self.rows.get_mut(&contact) else { return };
        row.is_due = true;
        (row.phase, row.holder, row.assignment) = (phase, Some(operator), assignment.0);
        row.held_until = None;
    }

    /// The operator is signed in, ready, has every skill and is within every unit; the contact's time has come.
    fn judge_fit(&mut self, contact: ContactId, operator: OperatorId) {
        let (login, index) = (self.parties.operator(operator), self.index);
        let row = &self.rows[&contact];
        let class = &self.lines.classes[row.class];
        let is_with_it = |row: &Row| row.is_assigned() && row.holder == Some(operator);
        let has_call = self.has_invited && self.rows.values().any(is_with_it);
        let problem = match self.roster.get(login) {
            None => Some("nobody"),
            Some(operator) if operator.live.is_none() => Some("not signed in"),
            Some(operator) if operator.presence != PresenceState::Ready && !has_call => Some("not ready"),
            Some(operator)
                if row.class_is_known && !operator.profiles().any(|profile| profile.fits(class)) =>
            {
                Some("lacks a skill or unit")
            }
            Some(_) if !self.is_touched(contact) && row.not_before.is_some_and(|time| time > self.now) => {
                Some("before its time")
            }
            Some(_) => None,
        };
        if let Some(problem) = problem {
            self.verdict.unfit_assignments += 1;
            self.verdict.tell(|| format!("log index {index}: {contact} is given to {login:?}: {problem}"));
        }
    }

    /// I4: nobody who fits is passed over.
    fn judge_order(&mut self, contact: ContactId, operator: OperatorId) {
        let login = self.parties.operator(operator);
        let given = &self.rows[&contact];
        if self.is_touched(contact) || !given.order_is_known {
            return;
        }
        let Some(holder) = self.roster.get_mut(login) else { return };
        let Some(free) = holder.free() else { return };
        let fitting = holder.fitting(&self.lines.classes).to_vec();
        let queue = &self.lines.classes[given.class].queue;
        let passed_over = |profile| {
            let key = line::key(profile, queue, given.place());
            self.lines.passed_over(&fitting, free, profile, (key, contact), |id| {
                self.may_be_kept_away(id, operator)
            })
        };
        let Some(holder) = self.roster.get(login) else { return };
        let found: Option<Vec<ContactId>> = holder.profiles().map(passed_over).collect();
        if let Some([other, ..]) = found.as_deref() {
            self.verdict.order_violations += 1;
            let index = self.index;
            let (one, two) = (given.place(), self.rows.get(other).map(Row::place));
            self.verdict.tell(|| {
                format!("log index {index}: {login} is given {contact} {one:?} though {other} {two:?} waits and fits")
            });
        }
    }

    /// Whether a hold or an exclusion may keep the operator from a contact.
    fn may_be_kept_away(&self, id: ContactId, operator: OperatorId) -> bool {
        let Some(row) = self.rows.get(&id) else { return true };
        let is_preferred =
            row.preferred.as_ref().is_some_and(|(login, _)| **login == *self.parties.operator(operator));
        let held = row.held_until.is_some_and(|until| !self.is_past(until)) && !is_preferred;
        held || row.exclusions.iter().any(|(excluded, until)| *excluded == operator && !self.is_past(*until))
    }

    fn let_go(&mut self, operator: Option<OperatorId>, units: u64) {
        let login = operator.map(|operator| self.parties.operator(operator));
        if let Some(row) = login.and_then(|login| self.roster.get_mut(login)) {
            row.used = row.used.saturating_sub(units);
        }
    }

    /// Whether the effect is about the assignment in force; counts when it is not.
    fn is_in_hand(&mut self, contact: ContactId, operator: OperatorId, assignment: AssignmentEpoch) -> bool {
        let row = &self.rows[&contact];
        let right = row.is_assigned() && row.holder == Some(operator) && row.assignment == assignment.0;
        if !right {
            self.verdict.double_assigned += 1;
            let (index, row) = (self.index, row.clone());
            self.verdict.tell(|| {
                format!(
                    "log index {index}: {operator} lets go of {contact} by assignment {assignment}, which is {:?} by \
                     assignment {} of {:?}",
                    row.phase, row.assignment, row.holder
                )
            });
        }
        right
    }

    fn withdraw(
        &mut self,
        contact: ContactId,
        operator: OperatorId,
        assignment: AssignmentEpoch,
        reason: WithdrawReason,
    ) {
        if !self.is_in_hand(contact, operator, assignment) {
            return;
        }
        let until = self.now + self.plan.sessions.exclusion;
        let Some(row) = self.rows.get_mut(&contact) else { return };
        row.phase = Phase::Waiting;
        match reason {
            WithdrawReason::Declined
            | WithdrawReason::Unanswered
            | WithdrawReason::Transferred
            | WithdrawReason::Supervisor
            | WithdrawReason::ReplyOverdue
            | WithdrawReason::HandedOver => row.exclusions.push((operator, until)),
            WithdrawReason::Abandoned
            | WithdrawReason::SessionLost
            | WithdrawReason::LifeSafety
            | WithdrawReason::ParkedOften
            | WithdrawReason::NotResumed
            | WithdrawReason::PersonRequested
            | WithdrawReason::ConsultOver => {}
        }
        let units = u64::from(row.units);
        self.let_go(Some(operator), units);
        if reason != WithdrawReason::Abandoned {
            self.place(contact);
        }
    }

    /// The talk is over; the wrap-up may still hold the operator.
    fn serve(&mut self, contact: ContactId, operator: OperatorId, assignment: AssignmentEpoch, next: Phase) {
        if !self.is_in_hand(contact, operator, assignment) {
            return;
        }
        let Some(row) = self.rows.get_mut(&contact) else { return };
        if row.phase == Phase::Handling && std::mem::replace(&mut row.was_served, true) {
            self.verdict.handled_twice += 1;
            let index = self.index;
            self.verdict.tell(|| format!("log index {index}: {contact} was served before"));
        }
        row.phase = next;
        let units = u64::from(row.units);
        if next == Phase::Released {
            self.let_go(Some(operator), units);
        }
    }

    fn end(&mut self, contact: ContactId) {
        let forget_at = self.now + self.plan.sessions.key_window;
        self.take_out(contact);
        let Some(row) = self.rows.get_mut(&contact) else { return };
        let in_hand = row.holder.filter(|_| row.is_assigned());
        row.phase = Phase::Ended { forget_at };
        if let Some(holder) = in_hand {
            let (units, index) = (u64::from(row.units), self.index);
            self.verdict.double_assigned += 1;
            self.verdict
                .tell(|| format!("log index {index}: {contact} is over while {holder} has it in hand"));
            self.let_go(Some(holder), units);
        }
    }
}

/// The contact that an effect is about.
pub(super) fn contact_of(effect: &Effect) -> Option<ContactId> {
    match *effect {
        Effect::AnnounceQueued { contact, .. }
        | Effect::RingOperator { contact, .. }
        | Effect::AnnounceAssigned { contact, .. }
        | Effect::ConnectContact { contact, .. }
        | Effect::WithdrawAssignment { contact, .. }
        | Effect::StartWrapUp { contact, .. }
        | Effect::ReleaseOperator { contact, .. }
        | Effect::ParkContact { contact, .. }
        | Effect::HoldContact { contact, .. }
        | Effect::InviteCompanion { contact, .. }
        | Effect::AnnounceExpectedWait { contact, .. }
        | Effect::OfferDeflection { contact, .. }
        | Effect::CallDuty { contact, .. }
        | Effect::NotifyThread { contact, .. }
        | Effect::AnnounceMoved { contact, .. }
        | Effect::AnnounceEnded { contact, .. } => Some(contact),
        Effect::AnnounceStage { contact, .. } => Some(contact),
        Effect::EscalateCase { contact, .. } => contact,
        Effect::AnnouncePresence { .. }
        | Effect::EndStream { .. }
        | Effect::WarnCase { .. }
        | Effect::AnnounceCaseClosed { .. }
        | Effect::AnnounceAlarm { .. }
        | Effect::AnnounceEnquiry { .. }
        | Effect::NotifyEnquiry { .. }
        | Effect::SuperviseContact { .. }
        | Effect::AnnounceHelp { .. }
        | Effect::NotifyWatcher { .. }
        | Effect::AnnounceConsult { .. }
        | Effect::JoinConsult { .. } => None,
    }
}
