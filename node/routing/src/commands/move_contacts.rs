//! Contacts change queues: what they then require, and the job that moves a line. Places in time stay.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::contact::{Contact, Need, State, Wait};
use crate::effect::Effect;
use crate::ids::QueueId;
use crate::limits::JOB_ROWS_PER_ENTRY_MAX;
use crate::order::OrderKey;
use crate::refusal::Refusal;
use crate::router::{MoveLine, Router};

impl Router {
    /// What the contact will require in another queue: what it asks for itself, and what that queue requires.
    pub(crate) fn need_in(&self, contact: &Contact, queue: QueueId) -> Result<Arc<Need>, Refusal> {
        let directory = &self.tables.directory;
        if contact.need.follows_queue {
            directory.check_want(queue, &contact.need)?;
            return Ok(contact.need.clone());
        }
        let need = match &contact.text.own {
            Some(own) => directory.need_in(directory.queue(queue), own)?,
            None => {
                let own = directory.need_beyond(directory.queue(contact.queue), &contact.need)?;
                directory.need_in(directory.queue(queue), &own)?
            }
        };
        let need = Arc::new(Need { people: contact.need.people, ..need });
        let classes = &self.tables.ix.classes;
        let class = classes.find_key(&(queue, contact.units, need.clone()));
        Ok(class.map_or(need, |class| classes.at(class).need.clone()))
    }

    /// Puts the contact into a queue and a state in which it waits; who is free for it is looked for at once.
    pub(crate) fn change_queue(&mut self, slot: u32, to: QueueId, need: Arc<Need>, state: State) {
        let from = self.tables.contact(slot).queue;
        let row = self.tables.contact(slot);
        let promote_at = self.next_promotion(to, row.tier, row.enqueued_at);
        if from != to {
            self.tables.waits.begin_again(slot);
        }
        self.tables.replace_contact(slot, |row| {
            row.queue = to;
            row.need = need;
            row.promote_at = promote_at;
            row.state = state;
        });
        if from != to {
            self.totals_in(from).moved_out += 1;
            self.totals_in(to).moved_in += 1;
            let row = self.tables.contact(slot);
            let (contact, gateway) = (row.id, row.gateway);
            self.emit(Effect::AnnounceMoved { contact, gateway, queue: to });
        }
        self.freed.contacts.insert(slot);
        self.freed.announce.insert(slot);
    }

    /// Moves a waiting contact. One that would require too much in the other queue stays where it is.
    pub(crate) fn move_contact(&mut self, slot: u32, to: QueueId) {
        let contact = self.tables.contact(slot);
        let State::Waiting(wait) = contact.state else { return };
        if contact.queue == to || self.is_leg_to_one(slot) {
            return;
        }
        let Ok(need) = self.need_in(contact, to) else { return };
        let wait = match wait {
            Wait::Later => Wait::Later,
            Wait::ForCustomer if self.tables.directory.thread_times(to, contact.channel).is_some() => {
                Wait::ForCustomer
            }
            Wait::Held { .. } | Wait::InLine | Wait::ForCustomer => Wait::InLine,
        };
        self.change_queue(slot, to, need, State::Waiting(wait));
        if wait == Wait::ForCustomer {
            self.fall_asleep(slot);
        }
    }

    /// How many stand in line in a queue.
    pub(crate) fn in_line(&self, queue: QueueId) -> usize {
        let classes = self.tables.ix.classes.iter().filter(|(_, class)| class.queue == queue);
        classes.map(|(_, class)| class.line.len()).sum()
    }

    /// One step of the job; what is left of it.
    pub(crate) fn move_some(&mut self, mut job: MoveLine) -> Option<MoveLine> {
        let wanted = (job.remaining as usize).min(JOB_ROWS_PER_ENTRY_MAX);
        let found = self.next_in_line(&job, wanted);
        for key in &found {
            self.move_contact(key.slot, job.to);
        }
        job.remaining -= found.len() as u32;
        job.after = found.last().copied().or(job.after);
        (found.len() == wanted && job.remaining > 0).then_some(job)
    }

    /// The next contacts of the job's queue in the order of their keys.
    fn next_in_line(&self, job: &MoveLine, wanted: usize) -> Vec<OrderKey> {
        let is_next =
            |key: &&OrderKey| key.index <= job.arrived_by && job.after.is_none_or(|after| **key > after);
        let mut keys = Vec::new();
        for (_, class) in self.tables.ix.classes.iter().filter(|(_, class)| class.queue == job.from) {
            keys.extend(class.line.iter().filter(is_next).take(wanted).copied());
        }
        keys.sort_unstable();
        keys.truncate(wanted);
        keys
    }
}
