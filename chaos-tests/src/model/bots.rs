//! Bots, and customers who want a person (R3.13).

use ringmain_routing::command::{Context, RequestPerson, Requester};
use ringmain_routing::effect::WithdrawReason;
use ringmain_routing::limits::SLOTS_MAX;
use ringmain_routing::{ContactId, Name, OperatorId, Refusal, Reply, Timestamp};

use super::answers::stale_assignment;
use super::bounds::{check, check_name};
use super::contacts::wrong_state;
use super::ladder::queue_of;
use super::state::{Contact, ContactState, Kept};
use super::{Freed, Model};

impl Model {
    pub(super) fn is_bot(&self, operator: OperatorId) -> bool {
        self.operators[operator.slot as usize].rules.bot
    }

    pub(super) fn request_person(&mut self, command: &RequestPerson) -> Result<Reply, Refusal> {
        match &command.by {
            Requester::Bot(answer) => {
                self.check_operator(answer.operator, answer.epoch)?;
                check_context(command.context.as_ref())?;
                let state = self.check_answer(answer)?;
                check(self.is_bot(answer.operator), "operator")?;
                let contact = self.contact_row(answer.contact);
                match state {
                    ContactState::Handling { .. } => {}
                    ContactState::Waiting if contact.passed => return Ok(Reply::Done),
                    ContactState::Waiting => return Err(stale_assignment(contact)),
                    ContactState::Offered { .. }
                    | ContactState::WrapUp { .. }
                    | ContactState::Ended { .. } => return Err(wrong_state(contact)),
                }
                check(contact.leg.is_none(), "contact")?;
                self.pass_to_people(answer.contact, command.context.as_ref(), command.danger);
            }
            Requester::Gateway { gateway, epoch, contact } => {
                self.check_gateway(*gateway, *epoch)?;
                check_context(command.context.as_ref())?;
                check(!command.danger, "danger")?;
                let contact = self.check_owner(*contact, *gateway)?;
                let id = contact.id;
                if contact.state.is_ended() {
                    return Err(wrong_state(contact));
                }
                check(contact.leg.is_none(), "contact")?;
                let is_asked = contact.state == ContactState::Waiting && contact.wants_people;
                let in_hands = contact.state.holder();
                if is_asked || in_hands.is_some_and(|operator| !self.is_bot(operator)) {
                    self.keep_context(id, command.context.as_ref());
                    self.contact_mut(id).wants_people = true;
                } else {
                    self.pass_to_people(id, command.context.as_ref(), false);
                }
            }
        }
        Ok(Reply::Done)
    }

    fn keep_context(&mut self, id: ContactId, context: Option<&Context>) {
        let contact = self.contact_mut(id);
        contact.context = context.cloned().or(contact.context.take());
    }

    fn pass_to_people(&mut self, id: ContactId, context: Option<&Context>, danger: bool) {
        self.keep_context(id, context);
        let freed = self.turn_to_people(id, danger);
        self.settle(freed);
    }

    /// The contact leaves the bot, or its line, and stands in the people's.
    pub(super) fn turn_to_people(&mut self, id: ContactId, danger: bool) -> Freed {
        let mut freed = Freed::queued(id);
        let contact = self.contact_row(id);
        let (is_first, state) = (!contact.wants_people, contact.state);
        let to = self.queue_of_people(contact);
        if let ContactState::Handling { since, .. } = state {
            self.begin_clock(id, since);
        }
        if let Some(bot) = state.holder() {
            self.totals_mut(id).transferred += 1;
            self.withdraw(id, bot, WithdrawReason::PersonRequested);
            self.operator_mut(bot).idle_since = self.now;
            freed.join(Freed::operator(bot));
            self.contact_mut(id).passed = true;
        }
        let contact = self.contact_mut(id);
        contact.state = ContactState::Waiting;
        contact.wants_people = true;
        contact.held_for = None;
        contact.kept = Kept::WhileAvailable;
        self.begin_for_people(id);
        if danger {
            self.give_tier(id, 0);
        }
        self.set_promotion(id);
        freed.join(self.move_to_queue(id, &to));
        freed.join(self.end_legs(id));
        if is_first && self.contact_row(id).due {
            let held_for = self.known_to(self.contact_row(id));
            self.contact_mut(id).held_for = held_for;
        }
        freed
    }

    /// The clock starts now, and what it was queued for the bot counts.
    fn begin_clock(&mut self, id: ContactId, since: Timestamp) {
        let now = self.now;
        let contact = self.contact_mut(id);
        let queued = since.0.saturating_sub(contact.enqueued_at.0);
        contact.enqueued_at = Timestamp(now.0.saturating_sub(queued));
    }

    fn queue_of_people(&self, contact: &Contact) -> Name {
        let named = queue_of(&self.plan, &contact.queue).rules.people_queue.as_ref();
        let able = named.filter(|queue| self.fits_into(contact, queue));
        able.unwrap_or(&contact.queue).clone()
    }
}

fn check_context(context: Option<&Context>) -> Result<(), Refusal> {
    let Some(context) = context else { return Ok(()) };
    context.intent.as_ref().map_or(Ok(()), |intent| check_name("context.intent", intent))?;
    check(context.slots.len() <= SLOTS_MAX, "context.slots")?;
    for (name, value) in &context.slots {
        check_name("context.slots", name)?;
        check_name("context.slots", value)?;
    }
    context.transcript.as_ref().map_or(Ok(()), |transcript| check_name("context.transcript", transcript))
}
