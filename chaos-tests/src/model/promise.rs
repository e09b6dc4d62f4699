//! The promise with which a caller is freed: its handling ends, and the call is found or made (R3.10).

use ringmain_routing::command::{AnswerOffer, EnqueueContact, PromisedCall};
use ringmain_routing::{ContactId, Effect, EnquiryId, Epoch, Millis, Name, OperatorId, Refusal};

use super::bounds::check;
use super::entry::Entrance;
use super::state::{Contact, ContactState};
use super::{Freed, Model};

impl Model {
    pub(super) fn check_freeing(&self, id: ContactId, call: &PromisedCall) -> Result<(), Refusal> {
        let contact = self.contact_row(id);
        check(self.case_of_work(contact).is_none(), "call")?;
        if !self.plan.channels.iter().any(|channel| channel.name == call.channel) {
            return Err(Refusal::UnknownChannel(call.channel.clone()));
        }
        check(call.not_before > self.now, "call.not_before_ms")?;
        self.check_memory(&entrance(contact))
    }

    /// The talk ends, and the customer is called later.
    pub(super) fn free(&mut self, enquiry: EnquiryId, answer: &AnswerOffer, call: &PromisedCall) {
        let (id, operator) = (answer.contact, answer.operator);
        let before = self.contact_row(id).clone();
        let mut freed = self.end_talk(id, operator, call.wrap_up);
        freed.join(self.end_legs(id));
        let promised = match self.promised_already(id, call) {
            Some(found) => {
                let row = self.contact_mut(found);
                row.sources = row.sources.saturating_add(1);
                if row.state == ContactState::Waiting && !row.due {
                    self.move_to(found, call.not_before);
                }
                freed.join(Freed::contact(found));
                found
            }
            None => {
                let keep_for = self.enquiry(enquiry).map_or(Millis(0), |known| known.keep_for);
                self.make_call(&before, (operator, keep_for), call)
            }
        };
        for about in self.open_enquiries_about(id) {
            self.give_call(about, promised);
        }
        self.settle(freed);
    }

    /// An order like the promise that nobody is talking about yet; of several the one that came last.
    fn promised_already(&self, freed: ContactId, call: &PromisedCall) -> Option<ContactId> {
        let is_it = |row: &&Contact| {
            let is_free = match row.state {
                ContactState::Waiting | ContactState::Offered { .. } => true,
                ContactState::Handling { .. } | ContactState::WrapUp { .. } | ContactState::Ended { .. } => {
                    false
                }
            };
            is_free && row.id != freed && row.callback() == Some(&call.order)
        };
        let found = self.contacts.values().filter(is_it);
        found.max_by_key(|row| row.index).map(|row| row.id)
    }

    fn make_call(
        &mut self,
        before: &Contact,
        (asker, keep_for): (OperatorId, Millis),
        call: &PromisedCall,
    ) -> ContactId {
        let gateway = before.gateway();
        let key = |n: u32| Name::from(format!("{}~{n}", before.body.key));
        let is_free = |n: &u32| self.contact_by_key(gateway, &key(*n)).is_none();
        let n = (1..).find(is_free).expect("there are fewer contacts than numbers");
        let login = self.operators[asker.slot as usize].login.clone();
        let entrance = entrance(before);
        let body = EnqueueContact {
            gateway,
            epoch: Epoch(0),
            key: key(n),
            queue: before.queue.clone(),
            channel: call.channel.clone(),
            tier: before.tier_given,
            head_start: Millis(0),
            skills: Vec::new(),
            scope: None,
            units: None,
            not_before: Some(call.not_before),
            preferred: Some((login, keep_for)),
            callback: Some(call.order.clone()),
            details: before.details.clone(),
            facts: before.body.facts.clone(),
        };
        let own = self.asked_for_itself(before);
        let id = self.add_contact(body, &entrance, Millis(0));
        let row = self.contact_mut(id);
        row.own = Some(own);
        row.wish = Some(before.wish.clone().unwrap_or_default());
        row.rule_owner = before.rule_owner.clone();
        row.note = before.note.clone();
        row.wants_people = before.wants_people;
        row.context = before.context.clone();
        row.is_made = true;
        self.totals_mut(id).entered += 1;
        // Told at once, as of every arrival for a later time: nobody can take it yet.
        self.effects.push(Effect::AnnounceQueued { contact: id, gateway });
        id
    }
}

/// As the contact stands, without the tiers that waiting gave it.
fn entrance(contact: &Contact) -> Entrance {
    Entrance {
        queue: contact.queue.clone(),
        tier: contact.tier_given,
        head_start: Millis(0),
        skills: Vec::new(),
        own_unit: false,
        owner: None,
        route: None,
    }
}
