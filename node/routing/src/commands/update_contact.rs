//! A gateway knows more about its contact. Tier and earliest time can change only while it waits, and not of a
//! consultation, which is its operators' own.

use alloc::sync::Arc;

use crate::command::UpdateContact;
use crate::contact::{State, Text, Wait};
use crate::effect::Reply;
use crate::fields::invalid;
use crate::ids::Timestamp;
use crate::limits::TIER_MAX;
use crate::refusal::Refusal;
use crate::router::Router;
use crate::threads::is_asleep;

impl Router {
    pub(crate) fn update_contact(&mut self, command: &UpdateContact) -> Result<Reply, Refusal> {
        self.admit_gateway(command.gateway, command.epoch)?;
        check_update(command)?;
        let contact = self.own_contact(command.contact, command.gateway)?;
        let waits = matches!(contact.state, State::Waiting(_));
        let moves = command.tier.is_some() || command.not_before.is_some();
        if !contact.is_open() || (moves && !waits) {
            return Err(super::wrong_state(contact));
        }
        if moves {
            self.check_no_leg(contact)?;
        }
        let slot = command.contact.slot;
        if let Some(details) = &command.details {
            self.tables.change_contact(slot, |row| {
                row.text = Arc::new(Text { details: details.clone(), ..Text::clone(&row.text) });
            });
        }
        if let Some(tier) = command.tier {
            let tier = self.tier_by_update(tier, self.tables.contact(slot));
            self.set_tier(slot, tier);
        }
        if let Some(not_before) = command.not_before {
            self.reschedule(slot, not_before);
        }
        Ok(Reply::Done)
    }

    pub(crate) fn set_tier(&mut self, slot: u32, tier: u8) {
        let is_held = matches!(self.tables.contact(slot).state, State::Waiting(Wait::Held { .. }));
        let row = self.tables.contact(slot);
        let promote_at = self.next_promotion(row.queue, tier, row.enqueued_at);
        self.tables.change_contact(slot, |row| {
            row.tier = tier;
            row.promoted = 0;
            row.promote_at = promote_at;
        });
        if tier == 0 && is_asleep(self.tables.contact(slot)) {
            self.wake(slot);
        } else if tier == 0 && is_held {
            self.stand_in_line(slot);
        } else if tier == 0 && matches!(self.tables.contact(slot).state, State::Waiting(Wait::InLine)) {
            self.freed.contacts.insert(slot);
        }
        self.follow_thread(slot);
        self.look_again(slot);
    }

    /// A contact that waits has another place from here on, and with it perhaps another step of the ladder; whoever is
    /// reserved for it may take others before it now.
    pub(crate) fn look_again(&mut self, slot: u32) {
        if let Some(operator) = self.reservations.of_contact(slot) {
            self.freed.operators.insert(operator.slot);
        }
        let contact = self.tables.contact(slot);
        // Without steps, without anybody reserved for others, and where nobody is interrupted by tier, another place
        // changes nobody's mind.
        let directory = &self.tables.directory;
        let has_steps = directory.rule(contact.queue).steps.len() > 1;
        if !has_steps && self.reservations.is_empty() && !directory.interrupts {
            return;
        }
        match contact.state {
            State::Waiting(Wait::InLine | Wait::Held { .. }) => self.freed.contacts.insert(slot),
            State::Waiting(Wait::Later | Wait::ForCustomer)
            | State::Offered { .. }
            | State::Handling { .. }
            | State::WrapUp { .. }
            | State::Ended { .. } => {}
        }
    }

    /// Moves a waiting contact to another earliest time: into the future it leaves the line; into the past it
    /// becomes eligible now, unless it was already.
    pub(crate) fn reschedule(&mut self, slot: u32, not_before: Timestamp) {
        let now = self.now;
        let is_later = matches!(self.tables.contact(slot).state, State::Waiting(Wait::Later));
        if not_before > now {
            self.tables.change_contact(slot, |row| {
                row.not_before = Some(not_before);
                row.enqueued_at = not_before;
                row.state = State::Waiting(Wait::Later);
            });
        } else if is_later {
            self.tables.change_contact(slot, |row| {
                row.not_before = Some(not_before);
                row.enqueued_at = now;
            });
            self.become_eligible(slot);
        }
    }
}

fn check_update(command: &UpdateContact) -> Result<(), Refusal> {
    if command.tier.is_some_and(|tier| tier > TIER_MAX) {
        return Err(invalid("tier", "tiers are 0 to 9"));
    }
    if let Some(not_before) = command.not_before {
        super::enqueue_contact::check_time("not_before_ms", not_before)?;
    }
    command.details.as_ref().map_or(Ok(()), super::enqueue_contact::check_details)
}
