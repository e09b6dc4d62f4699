//! Contacts that are made of another one: the work of a case's next stage, a consultation. No gateway brings them.

use alloc::sync::Arc;

use crate::contact::{Contact, Need, State, Text, Wait};
use crate::ids::{AssignmentEpoch, ChannelId, ContactId, Millis, Name, QueueId, hash_parts};
use crate::router::Router;

/// What a contact is made with.
pub(super) struct MadeOf {
    pub queue: QueueId,
    pub channel: ChannelId,
    pub units: u32,
    pub need: Arc<Need>,
    /// The key, and what stands for it.
    pub key: (Name, u128),
}

impl Router {
    /// The first key that no contact of the same gateway has.
    pub(super) fn free_key(&self, before: &Contact, from: u32, key: impl Fn(u32) -> Name) -> (Name, u128) {
        let gateway = &self.tables.gateway(before.gateway.slot).name;
        let keys = (from..=u32::MAX).map(|n| {
            let key = key(n);
            let hash = hash_parts(&[gateway.as_bytes(), key.as_bytes()]);
            (key, hash)
        });
        let mut free = keys.into_iter().filter(|(_, hash)| !self.tables.ix.keys.contains_key(hash));
        free.next().expect("there are fewer contacts than numbers")
    }

    /// A contact that arrives now, with the details, facts and tier of the one before it.
    pub(super) fn made_of(&self, before: &Contact, made: MadeOf) -> Contact {
        let MadeOf { queue, channel, units, need, key: (key, key_hash) } = made;
        let (slot, generation) = self.tables.contacts.next_id();
        let key_of_class = (queue, units, need);
        let classes = &self.tables.ix.classes;
        let class = classes.find_key(&key_of_class);
        let need = class.map_or(key_of_class.2, |class| classes.at(class).need.clone());
        Contact {
            id: ContactId { slot, generation },
            gateway: before.gateway,
            key: key_hash,
            // No command brought it, so that none is the same as it.
            body: 0,
            queue,
            channel,
            tier: before.tier + before.promoted,
            enqueued_at: self.now,
            head_start: Millis(0),
            index: self.index,
            units,
            need,
            class,
            not_before: None,
            state: State::Waiting(Wait::Later),
            assignment: AssignmentEpoch(0),
            holder: None,
            excluded: false,
            callback: None,
            sources: 1,
            transfers: 0,
            passed: false,
            promoted: 0,
            promote_at: None,
            decision: None,
            case: None,
            text: Arc::new(Text {
                key,
                preferred: None,
                callback: None,
                details: before.text.details.clone(),
                own: None,
                result: None,
                facts: before.text.facts.clone(),
                rule: None,
                owner: before.text.owner.clone(),
                context: before.text.context.clone(),
                note: before.text.note.clone(),
            }),
        }
    }

    /// A contact made of the one before it, in a queue and a channel.
    pub(super) fn work_in(
        &self,
        queue: QueueId,
        before: &Contact,
        channel: ChannelId,
        key: (Name, u128),
    ) -> Contact {
        let directory = &self.tables.directory;
        let of_channel = directory.plan.channels[channel.0 as usize].units;
        let units = directory.rule(queue).units_of(channel).unwrap_or(of_channel);
        let need = Arc::new(self.own_need_of(before, channel));
        self.made_of(before, MadeOf { queue, channel, units, need, key })
    }

    /// What a contact asks for itself, as an arrival of format 3 in a channel.
    fn own_need_of(&self, contact: &Contact, channel: ChannelId) -> Need {
        let directory = &self.tables.directory;
        let own = match &contact.text.own {
            _ if contact.need.follows_queue => Need::clone(&contact.need),
            Some(own) => Need::clone(own),
            None => {
                let beyond = directory.need_beyond(directory.queue(contact.queue), &contact.need);
                beyond.unwrap_or_default()
            }
        };
        Need { channel: Some(channel), follows_queue: true, people: contact.need.people, ..own }
    }
}
