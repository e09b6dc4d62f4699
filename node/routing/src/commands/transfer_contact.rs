//! The operator passes the customer on (R1.3): a new segment of the same contact, at its old place in time. To a
//! queue, or to one operator alone for a while.

use alloc::sync::Arc;

use crate::command::{TransferContact, TransferTarget};
use crate::contact::{Contact, Need, State, Wait};
use crate::effect::{Effect, Reply, WithdrawReason};
use crate::fields::{check_name, check_span, invalid};
use crate::ids::{Millis, Name, OperatorId, QueueId};
use crate::limits::TRANSFER_HOLD_MS_MAX;
use crate::operator::WrapUp;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

/// Where the contact goes.
struct Way {
    queue: QueueId,
    need: Arc<Need>,
    wait: Wait,
}

impl Router {
    pub(crate) fn transfer_contact(&mut self, command: &TransferContact) -> Result<Reply, Refusal> {
        self.admit_operator(command.answer.operator, command.answer.epoch)?;
        check_transfer(command)?;
        let contact = self.answered_contact(&command.answer)?;
        match &command.to {
            TransferTarget::BackOffice { route, channel, reply_by } => {
                return self.hand_to_back_office(command, (route, channel), reply_by.as_ref());
            }
            TransferTarget::Consulted { leg } => return self.hand_to_asked(command, *leg),
            TransferTarget::Queue(_) | TransferTarget::Operator { .. } => {}
        }
        match contact.state {
            State::Waiting(_) if contact.passed => Ok(Reply::Done),
            State::Waiting(_) => Err(super::answer_offer::stale(contact)),
            State::Offered { .. } | State::WrapUp { .. } | State::Ended { .. } => {
                Err(super::wrong_state(contact))
            }
            State::Handling { operator, .. } => {
                self.check_no_leg(contact)?;
                self.check_passes(contact)?;
                let way = self.way_of(contact, operator, &command.to)?;
                let kept = self.kept_after(contact, command.wrap_up);
                self.pass_on(operator, way, kept);
                Ok(Reply::Done)
            }
        }
    }

    /// The wrap-up of whoever passes a contact on.
    pub(super) fn kept_after(&self, contact: &Contact, wanted: Option<Millis>) -> WrapUp {
        WrapUp {
            contact: contact.id,
            assignment: contact.assignment,
            units: contact.taken(),
            until: self.now + self.wrap_up_after(contact, wanted),
            hard_end: self.now + self.tables.directory.queue(contact.queue).wrap_up_max,
        }
    }

    /// A hard case is passed on so often as its queue allows (R3.8).
    pub(super) fn check_passes(&self, contact: &Contact) -> Result<(), Refusal> {
        match self.tables.directory.queue(contact.queue).rules.passes_max {
            Some(passes_max) if contact.transfers >= passes_max && !is(Planted::PassedForEver) => {
                Err(Refusal::PassedOften { contact: contact.id, passes_max })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn way_of(&self, contact: &Contact, from: OperatorId, to: &TransferTarget) -> Result<Way, Refusal> {
        match to {
            TransferTarget::Queue(queue) => {
                let (queue, need) = self.queue_for(contact, Some(queue))?;
                Ok(Way { queue, need, wait: Wait::InLine })
            }
            TransferTarget::Operator { login, hold, queue } => {
                let operator = self.tables.find_login(login);
                let operator = operator.ok_or_else(|| Refusal::UnknownOperator(login.clone()))?;
                if operator == from {
                    return Err(invalid("to.operator", "the contact is with this operator already"));
                }
                let (queue, need) = self.queue_for(contact, queue.as_ref())?;
                let row = self.tables.operator(operator.slot);
                let fits = row.is_available()
                    && row.could_ever_take(contact, queue)
                    && self.would_fit(row, contact, queue, &need);
                if !fits {
                    return Err(Refusal::OperatorUnavailable(login.clone()));
                }
                Ok(Way { queue, need, wait: Wait::Held { operator, until: self.now + *hold } })
            }
            TransferTarget::BackOffice { .. } | TransferTarget::Consulted { .. } => {
                Err(invalid("to", "this way leads to no line"))
            }
        }
    }

    /// The queue a contact goes to and what it requires there; its own leaves both as they are.
    fn queue_for(&self, contact: &Contact, queue: Option<&Name>) -> Result<(QueueId, Arc<Need>), Refusal> {
        let directory = &self.tables.directory;
        let id = queue.map_or(Ok(contact.queue), |name| directory.find_queue(name).map(|found| found.0))?;
        if id == contact.queue {
            return Ok((id, contact.need.clone()));
        }
        let plan = directory.queue(id);
        if !plan.open {
            return Err(Refusal::QueueClosed(plan.name.clone()));
        }
        Ok((id, self.need_in(contact, id)?))
    }

    fn pass_on(&mut self, operator: OperatorId, way: Way, kept: WrapUp) {
        let (contact, slot) = (kept.contact, kept.contact.slot);
        self.totals_of(slot).transferred += 1;
        let (gateway, assignment) = (self.tables.contact(slot).gateway, kept.assignment);
        let reason = WithdrawReason::Transferred;
        self.emit(Effect::WithdrawAssignment { contact, gateway, operator, assignment, reason });
        let wait = way.wait;
        self.change_queue(slot, way.queue, way.need, State::Waiting(wait));
        self.tables.change_contact(slot, |row| {
            row.transfers = row.transfers.saturating_add(1);
            row.passed = true;
        });
        if let Wait::Held { operator: colleague, .. } = wait {
            self.tables.change_exclusions(colleague.slot, |exclusions| {
                exclusions.retain(|entry| entry.contact != contact);
            });
        }
        self.exclude(operator, contact);
        self.end_talk_of(operator, kept);
        self.end_legs_of(slot);
    }

    /// Whoever passed a contact on writes it up, or is free.
    pub(super) fn end_talk_of(&mut self, operator: OperatorId, kept: WrapUp) {
        if kept.until > self.now {
            self.keep_wrap_up(operator, kept);
            // The wrap-up holds units, but the contact counts no longer against a cap of its channel.
            self.freed.operators.insert(operator.slot);
        } else {
            self.free_operator(operator);
        }
    }
}

fn check_transfer(command: &TransferContact) -> Result<(), Refusal> {
    if let Some(wrap_up) = command.wrap_up {
        check_span("wrap_up_ms", wrap_up)?;
    }
    match &command.to {
        TransferTarget::Queue(queue) => check_name("to.queue", queue),
        TransferTarget::Operator { login, hold: Millis(hold), queue } => {
            check_name("to.operator", login)?;
            if *hold == 0 || *hold > TRANSFER_HOLD_MS_MAX {
                return Err(invalid("to.hold_ms", "1 to 600000 ms"));
            }
            queue.as_ref().map_or(Ok(()), |queue| check_name("to.queue", queue))
        }
        TransferTarget::BackOffice { route, channel, reply_by } => {
            check_name("to.route", route)?;
            check_name("to.channel", channel)?;
            reply_by.as_ref().map_or(Ok(()), |way| check_name("to.reply_by", way))
        }
        TransferTarget::Consulted { .. } => Ok(()),
    }
}
