//! The customer wants a person (R3.13): from here on no bot fits, the waiting clock starts, and what it was queued for
//! the bot counts. Always possible: whatever is open or full where it goes.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::command::{Context, RequestPerson, Requester};
use crate::contact::{Contact, Need, State, Text, Wait};
use crate::effect::{Effect, Reply, WithdrawReason};
use crate::fields::{check_name, invalid};
use crate::ids::{Millis, OperatorId, QueueId};
use crate::limits::SLOTS_MAX;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn request_person(&mut self, command: &RequestPerson) -> Result<Reply, Refusal> {
        match &command.by {
            Requester::Bot(answer) => {
                self.admit_operator(answer.operator, answer.epoch)?;
                check_context(command.context.as_ref())?;
                let contact = self.answered_contact(answer)?;
                if !self.is_bot(answer.operator) {
                    return Err(invalid("operator", "only a bot asks for a person; people transfer"));
                }
                match contact.state {
                    State::Waiting(_) if contact.passed => return Ok(Reply::Done),
                    State::Waiting(_) => return Err(super::answer_offer::stale(contact)),
                    State::Offered { .. } | State::WrapUp { .. } | State::Ended { .. } => {
                        return Err(super::wrong_state(contact));
                    }
                    State::Handling { .. } => {}
                }
                self.check_no_leg(contact)?;
                self.keep_context(answer.contact.slot, command.context.as_ref());
                self.pass_to_people(answer.contact.slot, command.danger);
            }
            Requester::Gateway { gateway, epoch, contact } => {
                self.admit_gateway(*gateway, *epoch)?;
                check_context(command.context.as_ref())?;
                if command.danger {
                    return Err(invalid("danger", "a gateway says so in the facts of the arrival"));
                }
                let row = self.own_contact(*contact, *gateway)?;
                if !row.is_open() {
                    return Err(super::wrong_state(row));
                }
                self.check_no_leg(row)?;
                self.keep_context(contact.slot, command.context.as_ref());
                self.want_people(contact.slot);
            }
        }
        Ok(Reply::Done)
    }

    pub(crate) fn is_bot(&self, operator: OperatorId) -> bool {
        self.tables.operator(operator.slot).profile_key.bot
    }

    /// How long the holder of a contact writes up: as wanted, as its own rules say or as the queue says, bots not at all.
    pub(super) fn wrap_up_after(&self, contact: &Contact, wanted: Option<Millis>) -> Millis {
        let queue = self.tables.directory.queue(contact.queue);
        // Where everybody writes up as the queue says, who has it needs no look.
        let holder = contact.holder.filter(|_| self.tables.ix.own_wrap_ups);
        if holder.is_some_and(|holder| self.is_bot(holder)) {
            return Millis(0);
        }
        let own = holder.and_then(|holder| self.tables.operator(holder.slot).wrap_up);
        let own = own.filter(|_| !is(Planted::OwnWrapUpIgnored));
        wanted.or(own).unwrap_or(queue.wrap_up).min(queue.wrap_up_max)
    }

    fn keep_context(&mut self, slot: u32, context: Option<&Context>) {
        let Some(context) = context.cloned() else { return };
        self.tables.change_contact(slot, |row| {
            row.text = Arc::new(Text { context: Some(Box::new(context)), ..Text::clone(&row.text) });
        });
    }

    /// The gateway asks for its contact: who has it in hand and is a person keeps it.
    fn want_people(&mut self, slot: u32) {
        let contact = self.tables.contact(slot);
        match contact.state {
            State::Waiting(_) if contact.need.people => {}
            State::Offered { operator, .. }
            | State::Handling { operator, .. }
            | State::WrapUp { operator, .. }
                if !self.is_bot(operator) =>
            {
                let need = self.need_of_people(contact, contact.queue, contact.need.clone());
                self.tables.replace_contact(slot, |row| row.need = need);
            }
            State::Waiting(_)
            | State::Offered { .. }
            | State::Handling { .. }
            | State::WrapUp { .. }
            | State::Ended { .. } => self.pass_to_people(slot, false),
        }
    }

    pub(crate) fn pass_to_people(&mut self, slot: u32, danger: bool) {
        let contact = self.tables.contact(slot);
        let (is_first, bot) = (!contact.need.people, contact.operator());
        let (queue, need) = self.place_of_people(contact);
        let wait = match contact.state {
            State::Waiting(Wait::Later) => Wait::Later,
            State::Waiting(Wait::Held { .. } | Wait::InLine | Wait::ForCustomer)
            | State::Offered { .. }
            | State::Handling { .. }
            | State::WrapUp { .. }
            | State::Ended { .. } => Wait::InLine,
        };
        let queued = match contact.state {
            State::Handling { since, .. } => Some(since.since(contact.enqueued_at)),
            State::Waiting(_) | State::Offered { .. } | State::WrapUp { .. } | State::Ended { .. } => None,
        };
        if let Some(bot) = bot {
            self.leave_bot(slot, bot);
        }
        let now = self.now;
        self.tables.change_contact(slot, |row| {
            if let Some(queued) = queued.filter(|_| !is(Planted::BotTimeCountsAsWaiting)) {
                row.enqueued_at = now.minus(queued);
            }
            if danger {
                (row.tier, row.promoted) = (0, 0);
            }
            row.passed |= bot.is_some();
        });
        self.tables.threads.customer_asks(slot, now);
        self.change_queue(slot, queue, need, State::Waiting(wait));
        if let Some(bot) = bot {
            self.free_operator(bot);
            self.end_legs_of(slot);
        }
        let kept_for = (is_first && wait == Wait::InLine).then(|| self.kept_for(self.tables.contact(slot)));
        if let Some((operator, until)) = kept_for.flatten() {
            let held = State::Waiting(Wait::Held { operator, until });
            self.tables.change_contact(slot, |row| row.state = held);
        }
    }

    fn leave_bot(&mut self, slot: u32, operator: OperatorId) {
        self.totals_of(slot).transferred += 1;
        let row = self.tables.contact(slot);
        let (contact, gateway, assignment) = (row.id, row.gateway, row.assignment);
        let reason = WithdrawReason::PersonRequested;
        self.emit(Effect::WithdrawAssignment { contact, gateway, operator, assignment, reason });
    }

    /// Where people take the contact, and what it wants there; where it is, if it would want too much there.
    fn place_of_people(&self, contact: &Contact) -> (QueueId, Arc<Need>) {
        let directory = &self.tables.directory;
        let named = directory.queue(contact.queue).rules.people_queue.as_ref();
        let queue = named.and_then(|name| Some(directory.find_queue(name).ok()?.0)).unwrap_or(contact.queue);
        let there = (queue != contact.queue).then(|| self.need_in(contact, queue).ok()).flatten();
        let (queue, need) = there.map_or((contact.queue, contact.need.clone()), |need| (queue, need));
        let need = self.need_of_people(contact, queue, need);
        (queue, need)
    }

    /// The need without bots, shared with the class that has it.
    fn need_of_people(&self, contact: &Contact, queue: QueueId, need: Arc<Need>) -> Arc<Need> {
        let need = Arc::new(Need { people: true, ..Need::clone(&need) });
        let classes = &self.tables.ix.classes;
        let class = classes.find_key(&(queue, contact.units, need.clone()));
        class.map_or(need, |class| classes.at(class).need.clone())
    }
}

fn check_context(context: Option<&Context>) -> Result<(), Refusal> {
    let Some(context) = context else { return Ok(()) };
    if context.slots.len() > SLOTS_MAX {
        return Err(invalid("context.slots", "at most 16 slots"));
    }
    context.intent.iter().try_for_each(|intent| check_name("context.intent", intent))?;
    let texts = context.slots.iter().flat_map(|(name, value)| [name, value]);
    texts.into_iter().try_for_each(|text| check_name("context.slots", text))?;
    context.transcript.iter().try_for_each(|reference| check_name("context.transcript", reference))
}
