//! An operator as a row: skills, capacity, presence, session, and what it is kept away from.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::contact::Contact;
use crate::effect::PresenceState;
use crate::ids::{AssignmentEpoch, ChannelId, ContactId, Millis, Name, OperatorId, QueueId, Timestamp};
use crate::planted::{Planted, is};
use crate::profiles::ProfileKey;
use crate::session::Session;
use crate::time::OperatorTime;

/// One operator. The row is the truth; every index is derived from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Operator {
    pub id: OperatorId,
    pub login: Name,
    pub profile_key: Arc<ProfileKey>,
    /// The interned profile; derived, so not stored.
    #[serde(skip)]
    pub profile: u32,
    pub capacity: u32,
    /// Units of all contacts in hand and of wrap-ups.
    pub used: u32,
    pub presence: PresenceState,
    pub session: Session,
    /// The last moment at which it became ready, was given a contact or was freed of one.
    pub idle_since: Timestamp,
    /// Contacts it declined or missed, oldest first.
    pub exclusions: Vec<Exclusion>,
    /// Wrap-ups of contacts it passed on, oldest first.
    pub wrap_ups: Vec<WrapUp>,
    /// Which of all assignments so far was its last; 0 for none.
    pub turn: u64,
    /// Its breaks, shift and rest, where its rules say anything of them.
    pub time: Option<Box<OperatorTime>>,
    /// Logins of those who stand in for it, first choice first.
    pub deputies: Box<[Name]>,
    /// Its wrap-up instead of the queue's.
    pub wrap_up: Option<Millis>,
    /// Contacts in hand of each channel with a cap, in the order of the profile's caps; derived, so not stored.
    #[serde(skip)]
    pub counts: Vec<u16>,
}

/// The wrap-up of a contact that has gone on without its operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrapUp {
    pub contact: ContactId,
    pub assignment: AssignmentEpoch,
    pub units: u32,
    pub until: Timestamp,
    /// Where all extensions end.
    pub hard_end: Timestamp,
}

/// A contact that an operator is kept away from (R3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exclusion {
    pub contact: ContactId,
    pub until: Timestamp,
}

impl Operator {
    /// Since when it has been on a break.
    pub(crate) fn away_since(&self) -> Option<Timestamp> {
        match self.presence {
            PresenceState::Break { .. } => self.time.as_deref()?.on.as_ref().map(|on| on.since),
            PresenceState::Offline
            | PresenceState::NotReady(_)
            | PresenceState::Ready
            | PresenceState::Missed { .. } => None,
        }
    }

    /// Whether it takes new contacts at all, room aside.
    pub(crate) fn is_available(&self) -> bool {
        self.session.is_live() && self.presence == PresenceState::Ready
    }

    /// Whether a contact of so many units stays within the capacity. One of no units does not, while the load is
    /// beyond a capacity that was lowered.
    pub(crate) fn has_room_for(&self, units: u32) -> bool {
        self.room().is_some_and(|room| units <= room)
    }

    /// Units that a contact may take at most; `None` while the load is beyond the capacity.
    pub(crate) fn room(&self) -> Option<u32> {
        (self.capacity + u32::from(is(Planted::CapacityOffByOne))).checked_sub(self.used)
    }

    /// Which of the channels with a cap are full, a bit for each.
    pub(crate) fn full_channels(&self) -> u32 {
        let caps = self.profile_key.caps.iter().map(|cap| cap.1).zip(&self.counts);
        caps.enumerate().filter(|(_, (cap, count))| *count >= cap).fold(0, |mask, (bit, _)| mask | 1 << bit)
    }

    /// Whether it may take no more contacts of this channel (R3.5).
    pub(crate) fn is_full_of(&self, channel: Option<ChannelId>) -> bool {
        self.profile_key.cap_bit(channel).is_some_and(|bit| self.full_channels() & bit != 0)
            && !is(Planted::CapIgnored)
    }

    /// Whether it may take one more contact of the channel when so many of it have left its hands.
    pub(crate) fn is_below_cap(&self, channel: Option<ChannelId>, left: u16) -> bool {
        let place = self.profile_key.cap_bit(channel).map(|bit| bit.trailing_zeros() as usize);
        place.is_none_or(|place| self.counts[place] - left < self.profile_key.caps[place].1)
    }

    /// Whether it has room for the contact, by units and by channel.
    pub(crate) fn has_room_to_take(&self, contact: &Contact) -> bool {
        self.has_room_for(self.cost_of(contact)) && !self.is_full_of(contact.need.channel)
    }

    /// Units that the contact would take (R3.5).
    pub(crate) fn cost_of(&self, contact: &Contact) -> u32 {
        self.profile_key.cost(contact.need.channel, contact.units)
    }

    /// Whether it has room for the contact in this queue once its hands are empty.
    pub(crate) fn could_ever_take(&self, contact: &Contact, queue: QueueId) -> bool {
        let profile = &self.profile_key;
        let never = profile.caps.iter().any(|cap| cap.1 == 0 && Some(cap.0) == contact.need.channel);
        self.capacity >= self.cost_of(contact) && !never && profile.queue_cap(queue) != Some(0)
    }

    /// Counts a contact that comes or goes, where its channel has a cap.
    pub(crate) fn count_channel(&mut self, channel: Option<ChannelId>, more: bool) {
        let bit = self.profile_key.cap_bit(channel);
        if let Some(count) = bit.and_then(|bit| self.counts.get_mut(bit.trailing_zeros() as usize)) {
            *count = if more { *count + 1 } else { *count - 1 };
        }
    }

    /// Whether it was seen to take nothing but life safety until its timer fires or something touches it.
    pub(crate) fn was_kept(&self) -> bool {
        self.time.as_deref().is_some_and(|time| time.is_kept)
    }

    /// The part of the capacity in use, in thousandths.
    pub(crate) fn load(&self) -> u64 {
        if self.capacity == 0 { 1_000 } else { u64::from(self.used) * 1_000 / u64::from(self.capacity) }
    }

    /// Units it may still take.
    pub(crate) fn free(&self) -> u32 {
        self.capacity.saturating_sub(self.used)
    }

    /// Units that wrap-ups of contacts passed on take.
    pub(crate) fn wrap_up_units(&self) -> u32 {
        self.wrap_ups.iter().map(|wrap_up| wrap_up.units).sum()
    }

    pub(crate) fn excludes(&self, contact: ContactId) -> bool {
        self.exclusions.iter().any(|exclusion| exclusion.contact == contact)
    }

    /// When time alone changes it next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let presence = match self.presence {
            PresenceState::Missed { until } | PresenceState::Break { until, .. } => Some(until),
            PresenceState::Offline | PresenceState::Ready | PresenceState::NotReady(_) => None,
        };
        let exclusion = self.exclusions.iter().map(|exclusion| exclusion.until).min();
        let wrap_ups = self.wrap_ups.iter().filter(|_| !is(Planted::KeptWrapUpNeverEnds));
        let wrap_up = wrap_ups.map(|wrap_up| wrap_up.until).min();
        let look_at = self.time.as_deref().and_then(|time| time.look_at);
        [self.session.deadline(), presence, exclusion, wrap_up, look_at].into_iter().flatten().min()
    }
}
