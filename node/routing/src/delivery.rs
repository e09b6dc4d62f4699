//! Who hears of what: routes the effects of applied commands to the parties whose streams a node holds, keeps
//! the recent ones for those who fall behind or come back, and drops repeats on the receiving side. Free of
//! I/O: a node and the simulator run the same logic.
//!
//! **Invariant:** a party's effects are handed over in the order of their positions, without a gap: what cannot
//! be handed over at once stays in the ring, and what the ring has lost is replaced by a resync.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::effect::{Effect, EndReason, PresenceState};
use crate::ids::{ContactId, GatewayId, LogIndex, Name, OperatorId, Party, Position, QueueId, Timestamp};
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::view::{ContactView, OperatorView};

/// One effect on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Where it stands in the log; the receiver's cursor once it has arrived.
    pub position: Position,
    /// Replicated time of the command.
    pub at: Timestamp,
    /// What is to be told.
    pub effect: Effect,
}

/// What became of an effect that was handed to a party's receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handed {
    /// The receiver has it.
    Taken,
    /// The receiver has no room: the party lags and catches up by [`Delivery::pull`].
    Full,
}

/// What a party that lags or comes back gets next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// The next effects after its cursor, oldest first.
    Effects(Vec<Delivered>),
    /// Nothing is missing: from here on effects are handed over as they are applied.
    CaughtUp,
    /// Effects after its cursor are no longer retained: send the list of its live contacts and go on from the
    /// position of that list ([`Delivery::resynced`]).
    TooOld,
    /// The node has no subscription of this party.
    Unknown,
}

/// Drops repeats: lets an effect pass only when it stands after all that passed before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    last: Position,
}

impl Seen {
    /// A receiver that has seen everything up to `last`.
    #[must_use]
    pub fn up_to(last: Position) -> Seen {
        Seen { last }
    }

    /// The cursor: the last position that passed.
    #[must_use]
    pub fn last(&self) -> Position {
        self.last
    }

    /// Whether the effect at `position` is new; it counts as seen afterwards.
    pub fn accept(&mut self, position: Position) -> bool {
        if position <= self.last && !is(Planted::RepeatPassed) {
            return false;
        }
        self.last = position;
        true
    }
}

/// The node's recent effects and how far each of its parties has got.
#[derive(Debug)]
pub struct Delivery {
    ring: Ring,
    subscriptions: BTreeMap<Party, Subscription>,
}

#[derive(Clone, Copy, Debug)]
struct Subscription {
    seen: Seen,
    lagging: bool,
}

impl Delivery {
    /// Retains the last `capacity` effects; all effects after `from` will be told by [`Delivery::applied`].
    #[must_use]
    pub fn new(capacity: usize, from: LogIndex) -> Delivery {
        Delivery { ring: Ring::new(capacity, from), subscriptions: BTreeMap::new() }
    }

    /// The last command told.
    #[must_use]
    pub fn head(&self) -> LogIndex {
        self.ring.head
    }

    /// A party's stream starts here, or starts anew. It lags until [`Delivery::pull`] says that it has caught
    /// up; effects up to `cursor` are taken as seen.
    pub fn subscribe(&mut self, party: Party, cursor: Position) {
        self.subscriptions.insert(party, Subscription { seen: Seen::up_to(cursor), lagging: true });
    }

    /// The party's stream has ended.
    pub fn unsubscribe(&mut self, party: Party) {
        self.subscriptions.remove(&party);
    }

    /// Whether the party must pull before it is handed anything.
    #[must_use]
    pub fn is_lagging(&self, party: Party) -> bool {
        self.subscriptions.get(&party).is_some_and(|subscription| subscription.lagging)
    }

    /// How many parties must pull before they are handed anything.
    #[must_use]
    pub fn lagging(&self) -> usize {
        self.subscriptions.values().filter(|subscription| subscription.lagging).count()
    }

    /// Takes the effects of the command at `index` and hands each to those of its parties that are subscribed
    /// and do not lag. A command told before is dropped; after a gap everybody who waits for effects resyncs.
    pub fn applied(
        &mut self,
        index: LogIndex,
        at: Timestamp,
        effects: &[Effect],
        mut hand: impl FnMut(Party, Delivered) -> Handed,
    ) {
        if index <= self.ring.head {
            return;
        }
        if index.0 > self.ring.head.0 + 1 {
            self.skip_to(LogIndex(index.0 - 1));
        }
        self.ring.head = index;
        for (n, effect) in (0_u32..).zip(effects) {
            let delivered = Delivered { position: Position { index, n }, at, effect: *effect };
            self.ring.push(delivered);
            for party in parties(effect).into_iter().flatten() {
                self.hand_over(party, delivered, &mut hand);
            }
        }
    }

    fn hand_over(
        &mut self,
        party: Party,
        delivered: Delivered,
        hand: &mut impl FnMut(Party, Delivered) -> Handed,
    ) {
        let Some(subscription) = self.subscriptions.get_mut(&party) else { return };
        if subscription.lagging || delivered.position <= subscription.seen.last() {
            return;
        }
        match hand(party, delivered) {
            Handed::Taken => {
                subscription.seen.accept(delivered.position);
            }
            Handed::Full => subscription.lagging = true,
        }
    }

    /// The next effects of a party that lags, at most `max`; they count as handed over.
    pub fn pull(&mut self, party: Party, max: usize) -> Pulled {
        let Some(cursor) = self.subscriptions.get(&party).map(|subscription| subscription.seen.last()) else {
            return Pulled::Unknown;
        };
        let pulled = self.read(party, cursor, max);
        if let Some(subscription) = self.subscriptions.get_mut(&party) {
            subscription.lagging = !matches!(pulled, Pulled::CaughtUp);
            if let Pulled::Effects(effects) = &pulled
                && let Some(last) = effects.last()
            {
                subscription.seen.accept(last.position);
            }
        }
        pulled
    }

    /// The party's next effects after `cursor`, at most `max`, whether it is subscribed or not. Changes nothing: for
    /// clients that ask instead of being told, and may ask again.
    #[must_use]
    pub fn read(&self, party: Party, cursor: Position, max: usize) -> Pulled {
        if cursor < self.ring.floor {
            return Pulled::TooOld;
        }
        let mut effects = self.ring.after(party, cursor, max);
        if is(Planted::EffectSkippedOnResume) && effects.len() > 1 {
            effects.remove(0);
        }
        if effects.is_empty() { Pulled::CaughtUp } else { Pulled::Effects(effects) }
    }

    /// The party was sent its live contacts as of `as_of`: effects up to there count as seen.
    pub fn resynced(&mut self, party: Party, as_of: Position) {
        if let Some(subscription) = self.subscriptions.get_mut(&party) {
            subscription.seen.accept(as_of);
        }
    }

    /// The effects up to `index` will not be told (the node took over a snapshot): nothing before is retained,
    /// and every party must pull, which resyncs those that are behind.
    pub fn skip_to(&mut self, index: LogIndex) {
        if index <= self.ring.head {
            return;
        }
        self.ring = Ring::new(self.ring.capacity, index);
        for subscription in self.subscriptions.values_mut() {
            subscription.lagging |= !is(Planted::GapAtInstallNotTold);
        }
    }
}

/// The parties that must hear of an effect.
fn parties(effect: &Effect) -> [Option<Party>; 2] {
    [effect.gateway().map(Party::Gateway), effect.operator().map(Party::Operator)]
}

/// The last effects in the order of the log. Each party's effects are chained from the newest to the oldest, so
/// that a party that comes back costs as much as it missed, not as much as there is.
#[derive(Debug)]
struct Ring {
    entries: VecDeque<Entry>,
    /// Number of the oldest entry; entries are numbered in the order they came.
    first: u64,
    capacity: usize,
    /// Every effect after this position is retained.
    floor: Position,
    head: LogIndex,
    /// Number of each party's newest entry. Holds only parties with an entry in the ring.
    newest: BTreeMap<Party, u64>,
}

#[derive(Debug)]
struct Entry {
    delivered: Delivered,
    /// Per party of [`parties`]: the number of its entry before this one.
    before: [Option<u64>; 2],
}

impl Ring {
    fn new(capacity: usize, from: LogIndex) -> Ring {
        // Commands are counted from 1, so a ring from 0 lacks nothing.
        let floor = if from.0 == 0 { Position::default() } else { Position::end_of(from) };
        Ring {
            entries: VecDeque::new(),
            first: 0,
            capacity: capacity.max(1),
            floor,
            head: from,
            newest: BTreeMap::new(),
        }
    }

    fn push(&mut self, delivered: Delivered) {
        if self.entries.len() == self.capacity {
            self.drop_oldest();
        }
        let number = self.first + self.entries.len() as u64;
        let before =
            parties(&delivered.effect).map(|party| party.and_then(|party| self.newest.insert(party, number)));
        self.entries.push_back(Entry { delivered, before });
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.floor = oldest.delivered.position;
        for party in parties(&oldest.delivered.effect).into_iter().flatten() {
            if self.newest.get(&party) == Some(&self.first) {
                self.newest.remove(&party);
            }
        }
        self.first += 1;
    }

    /// The party's first `max` effects after `cursor`, oldest first.
    fn after(&self, party: Party, cursor: Position, max: usize) -> Vec<Delivered> {
        let mut found = VecDeque::new();
        let mut next = self.newest.get(&party).copied();
        while let Some(entry) = next.and_then(|number| self.entry(number)) {
            if entry.delivered.position <= cursor {
                break;
            }
            if found.len() == max {
                found.pop_back();
            }
            found.push_front(entry.delivered);
            let side = parties(&entry.delivered.effect).iter().position(|side| *side == Some(party));
            next = side.and_then(|side| entry.before[side]);
        }
        found.into()
    }

    fn entry(&self, number: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }
}

/// What a node must know of a contact to tell others of it, without copying what the gateway said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactBrief {
    /// Its queue.
    pub queue: QueueId,
    /// When it arrived or was due.
    pub enqueued_at: Timestamp,
    /// The log index of its arrival.
    pub index: LogIndex,
    /// Why it is over, if it is.
    pub ended: Option<EndReason>,
}

/// Reads for lists that are told in parts: ids first, then the contacts of each part.
impl Router {
    /// One contact in brief.
    #[must_use]
    pub fn brief(&self, id: ContactId) -> Option<ContactBrief> {
        let row = self.tables.contacts.get(id.slot, id.generation)?;
        let (queue, enqueued_at, index, ended) = (row.queue, row.enqueued_at, row.index, row.end_reason());
        Some(ContactBrief { queue, enqueued_at, index, ended })
    }

    /// The key under which its gateway knows a contact.
    #[must_use]
    pub fn key_of(&self, id: ContactId) -> Option<Name> {
        self.tables.contacts.get(id.slot, id.generation).map(|row| row.text.key.clone())
    }

    /// An operator's login.
    #[must_use]
    pub fn login_of(&self, id: OperatorId) -> Option<Name> {
        self.tables.operators.get(id.slot, id.generation).map(|row| row.login.clone())
    }

    /// How many wait in a queue, those for a later time included.
    #[must_use]
    pub fn waiting_in(&self, queue: QueueId) -> u32 {
        self.tables.ix.gauges.get(queue.0 as usize).map_or(0, |gauges| gauges.waiting)
    }

    /// How many operators are offline, ready, not ready, missed an offer, and on a break, in this order.
    #[must_use]
    pub fn presence_counts(&self) -> [u32; 5] {
        let mut counts = [0; 5];
        for (_, row) in self.tables.operators.iter() {
            let place = match row.presence {
                PresenceState::Offline => 0,
                PresenceState::Ready => 1,
                PresenceState::NotReady(_) => 2,
                PresenceState::Missed { .. } => 3,
                PresenceState::Break { .. } => 4,
            };
            counts[place] += 1;
        }
        counts
    }

    /// The contacts of [`Router::live_contacts`], by slot.
    #[must_use]
    pub fn live_contact_ids(&self, party: Party) -> Vec<ContactId> {
        let id = |slot: u32| self.tables.contact(slot).id;
        match party {
            Party::Gateway(gateway) => {
                let brought = self.tables.ix.brought.range((gateway.slot, 0)..=(gateway.slot, u32::MAX));
                brought.map(|entry| id(entry.1)).collect()
            }
            Party::Operator(operator) => self.tables.in_hand(operator.slot).into_iter().map(id).collect(),
        }
    }

    /// Up to `max` of [`Router::live_contact_ids`], those in slots from `from` on.
    #[must_use]
    pub fn live_contact_ids_from(&self, party: Party, from: u32, max: usize) -> Vec<ContactId> {
        let id = |entry: &(u32, u32)| self.tables.contact(entry.1).id;
        match party {
            Party::Gateway(GatewayId { slot, .. }) => {
                self.tables.ix.brought.range((slot, from)..=(slot, u32::MAX)).take(max).map(id).collect()
            }
            Party::Operator(OperatorId { slot, .. }) => {
                self.tables.ix.in_hand.range((slot, from)..=(slot, u32::MAX)).take(max).map(id).collect()
            }
        }
    }

    /// Contacts in slots from `from` on, looking at `slots_max` slots, and the slot to go on from if there are more.
    #[must_use]
    pub fn contacts_from(&self, from: u32, slots_max: u32) -> (Vec<ContactView>, Option<u32>) {
        let end = self.tables.contacts.slots();
        let until = from.saturating_add(slots_max).min(end);
        let ids = (from..until).filter_map(|slot| self.tables.contacts.at(slot)).map(|row| row.id);
        let contacts = ids.filter_map(|id| self.contact(id)).collect();
        (contacts, (until < end).then_some(until))
    }

    /// Operators in slots from `from` on, looking at `slots_max` slots, and the slot to go on from if there are
    /// more.
    #[must_use]
    pub fn operators_from(&self, from: u32, slots_max: u32) -> (Vec<OperatorView>, Option<u32>) {
        let end = self.tables.operators.slots();
        let until = from.saturating_add(slots_max).min(end);
        let ids = (from..until).filter_map(|slot| self.tables.operators.at(slot)).map(|row| row.id);
        let operators = ids.filter_map(|id| self.operator(id)).collect();
        (operators, (until < end).then_some(until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AssignmentEpoch;
    use alloc::vec;

    const GATEWAY: Party = Party::Gateway(GatewayId { slot: 1, generation: 0 });
    const OPERATOR: Party = Party::Operator(OperatorId { slot: 2, generation: 0 });

    #[test]
    fn an_effect_reaches_each_of_its_parties_at_the_same_position() {
        let mut delivery = live(16);
        let handed = apply(&mut delivery, 1, &[connect(7)]);
        assert_eq!(handed, vec![(GATEWAY, at(1, 0)), (OPERATOR, at(1, 0))]);
    }

    #[test]
    fn an_effect_goes_to_nobody_but_its_parties_on_this_node() {
        let mut delivery = live(16);
        delivery.unsubscribe(GATEWAY);
        assert_eq!(apply(&mut delivery, 1, &[queued(7)]), vec![]);
        assert_eq!(apply(&mut delivery, 2, &[presence()]), vec![(OPERATOR, at(2, 0))]);
    }

    #[test]
    fn who_asks_again_with_the_same_cursor_gets_the_same_effects() {
        let mut delivery = live(2);
        apply(&mut delivery, 1, &[queued(7)]);
        apply(&mut delivery, 2, &[queued(8)]);
        let asked = |delivery: &Delivery| delivery.read(GATEWAY, at(1, 0), 9);
        assert!(matches!(asked(&delivery), Pulled::Effects(effects) if effects[0].position == at(2, 0)));
        assert_eq!(asked(&delivery), asked(&delivery));
        assert_eq!(delivery.read(GATEWAY, at(2, 0), 9), Pulled::CaughtUp);
        assert_eq!(delivery.read(OPERATOR, at(0, 0), 9), Pulled::CaughtUp, "nothing of others");
        apply(&mut delivery, 3, &[queued(9)]);
        assert_eq!(delivery.read(GATEWAY, at(0, 0), 9), Pulled::TooOld);
    }

    #[test]
    fn a_command_told_twice_is_delivered_once() {
        let mut delivery = live(16);
        apply(&mut delivery, 1, &[queued(7)]);
        assert_eq!(apply(&mut delivery, 1, &[queued(7)]), vec![]);
    }

    #[test]
    fn a_full_receiver_lags_and_catches_up_without_a_gap() {
        let mut delivery = live(16);
        delivery.applied(LogIndex(1), Timestamp(0), &[queued(1), queued(2)], |_, delivered| {
            if delivered.position.n == 0 { Handed::Taken } else { Handed::Full }
        });
        assert!(delivery.is_lagging(GATEWAY));
        assert_eq!(apply(&mut delivery, 2, &[queued(3)]), vec![], "while it lags nothing overtakes");
        assert_eq!(pulled(&mut delivery, GATEWAY, 1), vec![at(1, 1)]);
        assert_eq!(pulled(&mut delivery, GATEWAY, 8), vec![at(2, 0)]);
        assert_eq!(delivery.pull(GATEWAY, 8), Pulled::CaughtUp);
        assert_eq!(apply(&mut delivery, 3, &[queued(4)]), vec![(GATEWAY, at(3, 0))]);
    }

    #[test]
    fn a_party_resumes_after_its_cursor() {
        let mut delivery = Delivery::new(16, LogIndex(0));
        apply(&mut delivery, 1, &[connect(1), queued(2)]);
        apply(&mut delivery, 2, &[queued(3), presence(), connect(4)]);
        delivery.subscribe(GATEWAY, at(1, 0));
        assert_eq!(pulled(&mut delivery, GATEWAY, 8), vec![at(1, 1), at(2, 0), at(2, 2)]);
        delivery.subscribe(OPERATOR, Position::default());
        assert_eq!(pulled(&mut delivery, OPERATOR, 8), vec![at(1, 0), at(2, 1), at(2, 2)]);
    }

    #[test]
    fn a_cursor_ahead_of_the_node_drops_what_it_has_seen() {
        let mut delivery = Delivery::new(16, LogIndex(0));
        delivery.subscribe(GATEWAY, at(2, 0));
        assert_eq!(delivery.pull(GATEWAY, 8), Pulled::CaughtUp);
        assert_eq!(apply(&mut delivery, 1, &[queued(1)]), vec![]);
        assert_eq!(apply(&mut delivery, 2, &[queued(2), queued(3)]), vec![(GATEWAY, at(2, 1))]);
    }

    #[test]
    fn a_cursor_older_than_the_ring_is_resynced() {
        let mut delivery = Delivery::new(2, LogIndex(0));
        apply(&mut delivery, 1, &[queued(1), queued(2), queued(3)]);
        delivery.subscribe(GATEWAY, at(1, 0));
        assert_eq!(pulled(&mut delivery, GATEWAY, 8), vec![at(1, 1), at(1, 2)], "the dropped one was seen");
        delivery.subscribe(GATEWAY, Position::default());
        assert_eq!(delivery.pull(GATEWAY, 8), Pulled::TooOld);
        delivery.resynced(GATEWAY, Position::end_of(LogIndex(1)));
        assert_eq!(delivery.pull(GATEWAY, 8), Pulled::CaughtUp);
        assert_eq!(apply(&mut delivery, 2, &[queued(4)]), vec![(GATEWAY, at(2, 0))]);
    }

    #[test]
    fn a_gap_in_what_was_told_makes_everybody_resync() {
        let mut delivery = live(16);
        apply(&mut delivery, 1, &[queued(1)]);
        assert_eq!(apply(&mut delivery, 5, &[queued(2)]), vec![]);
        assert_eq!(delivery.pull(GATEWAY, 8), Pulled::TooOld);
        delivery.resynced(GATEWAY, Position::end_of(LogIndex(4)));
        assert_eq!(pulled(&mut delivery, GATEWAY, 8), vec![at(5, 0)]);
    }

    #[test]
    fn the_ring_forgets_parties_with_their_last_effect() {
        let mut delivery = Delivery::new(4, LogIndex(0));
        for index in 1..=100 {
            let gateway = GatewayId { slot: index as u32, generation: 0 };
            let effect = Effect::AnnounceQueued { contact: contact(1), gateway };
            apply(&mut delivery, index, &[effect]);
        }
        assert_eq!(delivery.ring.entries.len(), 4);
        assert_eq!(delivery.ring.newest.len(), 4);
    }

    #[test]
    fn repeats_and_older_positions_are_dropped_by_the_receiver() {
        let mut seen = Seen::up_to(at(3, 1));
        assert!(!seen.accept(at(3, 1)));
        assert!(!seen.accept(at(2, 9)));
        assert!(seen.accept(at(3, 2)));
        assert!(!seen.accept(at(3, 2)));
        assert_eq!(seen.last(), at(3, 2));
    }

    fn live(capacity: usize) -> Delivery {
        let mut delivery = Delivery::new(capacity, LogIndex(0));
        for party in [GATEWAY, OPERATOR] {
            delivery.subscribe(party, Position::end_of(LogIndex(0)));
            assert_eq!(delivery.pull(party, 1), Pulled::CaughtUp);
        }
        delivery
    }

    fn apply(delivery: &mut Delivery, index: u64, effects: &[Effect]) -> Vec<(Party, Position)> {
        let mut handed = Vec::new();
        delivery.applied(LogIndex(index), Timestamp(index), effects, |party, delivered| {
            handed.push((party, delivered.position));
            Handed::Taken
        });
        handed
    }

    fn pulled(delivery: &mut Delivery, party: Party, max: usize) -> Vec<Position> {
        match delivery.pull(party, max) {
            Pulled::Effects(effects) => effects.iter().map(|delivered| delivered.position).collect(),
            Pulled::CaughtUp | Pulled::TooOld | Pulled::Unknown => Vec::new(),
        }
    }

    fn at(index: u64, n: u32) -> Position {
        Position { index: LogIndex(index), n }
    }

    fn contact(slot: u32) -> ContactId {
        ContactId { slot, generation: 0 }
    }

    fn queued(slot: u32) -> Effect {
        Effect::AnnounceQueued { contact: contact(slot), gateway: GatewayId { slot: 1, generation: 0 } }
    }

    fn connect(slot: u32) -> Effect {
        Effect::ConnectContact {
            contact: contact(slot),
            gateway: GatewayId { slot: 1, generation: 0 },
            operator: OperatorId { slot: 2, generation: 0 },
            assignment: AssignmentEpoch(1),
        }
    }

    fn presence() -> Effect {
        Effect::AnnouncePresence {
            operator: OperatorId { slot: 2, generation: 0 },
            presence: PresenceState::Ready,
        }
    }
}
