//! Threads in a simulated centre: what silence means there, who writes, and who does not.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::command::NoteMessage;
use ringmain_routing::rules::{QueueRules, ThreadRules, ThreadTimes, Writer};
use ringmain_routing::{Command, ContactId, ContactView, Epoch, GatewayId, Millis};

use super::Sim;
use super::centre::{CHANNELS, Kind};
use super::events::{Act, Operation};

/// So many messages are written in one go before somebody is silent.
const MESSAGES_MAX: u8 = 4;
/// A customer is silent for so long at most.
const SILENCE_MS: (u64, u64) = (100, 9_000);

/// Contacts of the queue are threads. They end at last when nobody writes, so that everybody is served in the end.
pub(super) fn put_into_queue(rng: &mut ChaCha8Rng, rules: &mut QueueRules) {
    if rng.random_bool(0.25) {
        return;
    }
    let span = |rng: &mut ChaCha8Rng, from: u64, to: u64| Millis(rng.random_range(from..to));
    let target = |rng: &mut ChaCha8Rng| rng.random_bool(0.7).then(|| span(rng, 150, 1_500));
    let (first_reply, next_reply) = (target(rng), target(rng));
    let has_target = first_reply.is_some() || next_reply.is_some();
    let requeue_after = (has_target && rng.random_bool(0.7)).then(|| span(rng, 1, 1_000));
    let park_after = span(rng, 100, 1_500);
    let close_after = Millis(park_after.0 + span(rng, 300, 6_000).0);
    let channel = CHANNELS[rng.random_range(0..CHANNELS.len())];
    let channels = if rng.random_bool(0.4) { vec![channel.into()] } else { Vec::new() };
    let times = ThreadTimes {
        first_reply,
        next_reply,
        warn_before: if has_target { span(rng, 0, 150) } else { Millis(0) },
        requeue_after,
        park_after: rng.random_bool(0.85).then_some(park_after),
        close_after: Some(close_after),
        keep_for: span(rng, 0, 2_500),
    };
    rules.thread = Some(ThreadRules { channels, times });
}

pub(super) fn note(
    (gateway, epoch): (GatewayId, Epoch),
    contact: ContactId,
    (number, by): (u64, Writer),
) -> Command {
    Command::NoteMessage(NoteMessage { gateway, epoch, contact, number, by })
}

impl Sim {
    /// A customer was connected, or is waited for: sooner or later somebody writes.
    pub(super) fn begin_to_write(&mut self, place: usize, contact: ContactId) {
        if !Kind::of(self.plan.seed).has_threads {
            return;
        }
        let delay = self.within(place, 20, 900);
        let messages = self.clients[place].rng.random_range(1..=MESSAGES_MAX);
        self.act_later(place, delay, Act::Write(contact, messages));
    }

    /// A silent customer writes again at last.
    pub(super) fn break_silence(&mut self, place: usize, contact: ContactId) {
        if Kind::of(self.plan.seed).has_threads {
            let delay = self.within(place, SILENCE_MS.0, SILENCE_MS.1);
            self.act_later(place, delay, Act::Write(contact, 0));
        }
    }

    /// One side writes, and perhaps more is written; sometimes the gateway says the same message again. No more
    /// messages are one of a customer who was waited for.
    pub(super) fn write(&mut self, place: usize, contact: ContactId, messages: u8) {
        let is_awaited = messages == 0;
        let is_told_again = !is_awaited && self.is_odd(place, 0.15);
        let row = &mut self.clients[place];
        let number = row.written.entry(contact).or_default();
        *number += u64::from(!is_told_again || *number == 0);
        let number = *number;
        let by = if !is_awaited && row.rng.random_bool(0.5) { Writer::Operator } else { Writer::Customer };
        self.submit(place, Operation::Write(contact, number, by));
        if messages > 1 {
            let delay = self.within(place, 50, 900);
            self.act_later(place, delay, Act::Write(contact, messages - 1));
        }
    }

    /// The gateway's full list has threads that wait for their customers.
    pub(super) fn hear_of_threads(&mut self, place: usize, contacts: &[ContactView]) {
        for view in contacts.iter().filter(|view| view.thread.is_some_and(|thread| thread.rests)) {
            self.break_silence(place, view.id);
        }
    }

    /// How long a talk lasts in which people write.
    pub(super) fn long_talk(&mut self, place: usize) -> Option<u64> {
        let may = Kind::of(self.plan.seed).has_threads && !self.healing;
        (may && self.clients[place].rng.random_bool(0.5)).then(|| self.within(place, 1_500, 9_000))
    }
}
