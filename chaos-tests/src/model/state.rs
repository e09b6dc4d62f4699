//! What the model remembers.

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::command::{
    Action, CallbackOrder, ContactDetails, ContactResult, Context, EnqueueContact,
};
use ringmain_routing::effect::{EndReason, OfferMode, PresenceState};
use ringmain_routing::plan::UnitPlan;
use ringmain_routing::rules::{OperatorRules, Treatment};
use ringmain_routing::{
    AssignmentEpoch, CaseId, ContactId, Epoch, GatewayId, Incarnation, LogIndex, Millis, Name, NodeId,
    OperatorId, Reply, Timestamp,
};

use super::consult::Leg;
use super::matching::Key;
use super::rest::RestClock;
use super::threads::Thread;
use super::time::{BreakClock, OnBreak};

/// What a hold does while its operator is not available.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// It ends.
    #[default]
    WhileAvailable,
    /// It began without the operator, and ends when that one was available and is so no longer.
    UntilGoneAgain,
    /// It goes on.
    ForGood,
}

/// One contact.
#[derive(Clone, Debug)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// The order as it came, with epoch 0: what a repeated key is compared with.
    pub body: EnqueueContact,
    /// What the gateway was answered.
    pub first_answer: Reply,
    /// Whom it prefers, and for how long it waits for that one.
    pub preferred: Option<(Name, Millis)>,
    /// The log index that brought it.
    pub index: LogIndex,
    /// 0 to 9; an update, a supervisor or long waiting may change it.
    pub tier: u8,
    /// The tier that entry or somebody gave it; promotions count from there.
    pub tier_given: u8,
    /// When it goes up by a tier.
    pub promote_at: Option<Timestamp>,
    /// Waiting time granted in advance.
    pub head_start: Millis,
    /// Arrival, or the time from which it may be routed.
    pub enqueued_at: Timestamp,
    /// Not to be routed before.
    pub not_before: Option<Timestamp>,
    /// Whether that time has come.
    pub due: bool,
    /// Its time has come in this very event: affinity is for this moment only.
    pub newly_due: bool,
    /// Nobody else may take it until then.
    pub held_for: Option<(OperatorId, Timestamp)>,
    /// What such a hold does while its operator is away.
    pub kept: Kept,
    /// Units of capacity it takes where the operator's rules say nothing else.
    pub units: u32,
    /// Since when it is parked, where it is in handling.
    pub parked: Option<Timestamp>,
    /// How often it was parked.
    pub parks: u16,
    /// What is noted of it as a thread.
    pub thread: Option<Thread>,
    /// Its latest assignment was made in format 3.
    pub is_of_rules: bool,
    /// What its latest assignment took of the operator's capacity.
    pub taken: u32,
    /// Skills it requires, its queue's at its arrival included, the higher level of two. Only of arrivals before
    /// format 3, as are the scopes: what others require is worked out by the plan in force.
    pub required: BTreeMap<Name, u8>,
    /// Units within which its operator must be.
    pub scopes: BTreeSet<Name>,
    /// What is kept for others.
    pub details: ContactDetails,
    /// Where in its life it is.
    pub state: ContactState,
    /// How often it was assigned.
    pub assignment: AssignmentEpoch,
    /// The operator of the latest assignment, also after it was withdrawn.
    pub last_holder: Option<OperatorId>,
    /// How many orders it stands for.
    pub sources: u32,
    /// The queue it is in; an action or a transfer may change it.
    pub queue: Name,
    /// Skills and scope that it asks for itself; not known of arrivals in logs of format 1.
    pub own: Option<(BTreeMap<Name, u8>, BTreeSet<Name>)>,
    /// What else it asks for; not known of arrivals before format 3.
    pub wish: Option<Wish>,
    /// The case that it belongs to.
    pub case: Option<CaseId>,
    /// It was made for a stage, and came from no gateway.
    pub is_made: bool,
    /// It was handed over to the back office.
    pub handed_over: bool,
    /// Who owns what comes in so, by its entry rule.
    pub rule_owner: Option<Name>,
    /// How often it was passed on.
    pub transfers: u32,
    /// Waits because its last holder passed it on.
    pub passed: bool,
    /// Somebody is or was kept away from it.
    pub was_excluded: bool,
    /// What whoever had it wants the next one to know.
    pub note: Option<Name>,
    /// The rule by waiting that was carried out last: after how long.
    pub told: Millis,
    /// What was offered to it while it waited.
    pub offered: BTreeSet<Treatment>,
    /// The duty number was called for it.
    pub duty_called: bool,
    /// It is a consultation.
    pub leg: Option<Leg>,
    /// It is for no bot.
    pub wants_people: bool,
    /// What bot or gateway has learned.
    pub context: Option<Context>,
    /// What it was about and what came of it.
    pub result: Option<ContactResult>,
}

/// What an arrival of format 3 asks for besides skills and scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wish {
    /// A language that the operator must speak.
    pub language: Option<Name>,
    /// The customer has agreed to another one.
    pub any_language: bool,
    /// The company that is meant.
    pub principal: Option<Name>,
}

/// Where in its life a contact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactState {
    /// In its queue.
    Waiting,
    /// An operator is rung.
    Offered {
        /// Who.
        operator: OperatorId,
        /// Since when.
        at: Timestamp,
        /// When silence becomes RONA, or connects them.
        deadline: Timestamp,
        /// What may be answered.
        mode: OfferMode,
        /// The operator's `idle_since` before this offer.
        idle_before: Timestamp,
    },
    /// With an operator.
    Handling {
        /// Who.
        operator: OperatorId,
        /// Since when.
        since: Timestamp,
        /// Since when the customer is on hold.
        on_hold: Option<Timestamp>,
    },
    /// The talk is over, the operator's work is not.
    WrapUp {
        /// Who.
        operator: OperatorId,
        /// Since when.
        since: Timestamp,
        /// When it ends by itself.
        until: Timestamp,
    },
    /// Over, and remembered until `forget_at`.
    Ended {
        /// When it ended.
        at: Timestamp,
        /// Why.
        reason: EndReason,
        /// Whose assignment it ended by, if one.
        by: Option<OperatorId>,
        /// When its key is free again.
        forget_at: Timestamp,
    },
}

impl ContactState {
    /// Who has the contact in hand.
    #[must_use]
    pub fn holder(&self) -> Option<OperatorId> {
        match *self {
            ContactState::Offered { operator, .. }
            | ContactState::Handling { operator, .. }
            | ContactState::WrapUp { operator, .. } => Some(operator),
            ContactState::Waiting | ContactState::Ended { .. } => None,
        }
    }

    /// The state in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            ContactState::Waiting => "waiting",
            ContactState::Offered { .. } => "offered",
            ContactState::Handling { .. } => "handling",
            ContactState::WrapUp { .. } => "wrap-up",
            ContactState::Ended { .. } => "ended",
        }
    }

    /// Whether the contact is over.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self, ContactState::Ended { .. })
    }
}

impl Contact {
    /// The gateway that brought it.
    #[must_use]
    pub fn gateway(&self) -> GatewayId {
        self.body.gateway
    }

    /// The call-back order, if it is one.
    #[must_use]
    pub fn callback(&self) -> Option<&CallbackOrder> {
        self.body.callback.as_ref()
    }

    /// Its channel, where operators may be chosen by it: for arrivals of format 3.
    #[must_use]
    pub fn channel(&self) -> Option<&Name> {
        self.wish.is_some().then_some(&self.body.channel)
    }

    /// `enqueued_at − head_start`, not below 0.
    #[must_use]
    pub fn order(&self) -> Timestamp {
        self.enqueued_at.minus(self.head_start)
    }

    /// What it takes of its operator, while it has one.
    #[must_use]
    pub fn units_shown(&self) -> u32 {
        if self.is_parked() {
            0
        } else if self.state.holder().is_some() {
            self.taken
        } else {
            self.units
        }
    }

    /// In its queue, and its time has come.
    #[must_use]
    pub fn is_eligible(&self) -> bool {
        self.state == ContactState::Waiting && self.due && !self.is_asleep()
    }

    /// Eligible, and kept for nobody.
    #[must_use]
    pub fn is_in_line(&self) -> bool {
        self.is_eligible() && self.held_for.is_none()
    }

    /// When something is due for it.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            ContactState::Waiting => {
                let becomes_due = if self.due { None } else { self.not_before };
                let hold_ends = self.held_for.map(|(_, until)| until);
                becomes_due.into_iter().chain(hold_ends).chain(self.promote_at).min()
            }
            ContactState::Offered { deadline, .. } => Some(deadline),
            ContactState::Handling { .. } => None,
            ContactState::WrapUp { until, .. } => Some(until),
            ContactState::Ended { forget_at, .. } => Some(forget_at),
        }
    }
}

/// One operator.
#[derive(Clone, Debug)]
pub struct Operator {
    /// The id.
    pub id: OperatorId,
    /// Login.
    pub login: Name,
    /// Skills with levels.
    pub skills: Vec<(Name, u8)>,
    /// Units of work at once.
    pub capacity: u32,
    /// The org unit.
    pub unit: Option<Name>,
    /// Rank per queue; others have 0.
    pub ranks: Vec<(Name, u8)>,
    /// Ranks that count instead, by the triggers that are on.
    pub shifted: Vec<(Name, u8)>,
    /// Channels, companies and caps.
    pub rules: OperatorRules,
    /// The session.
    pub session: Session,
    /// Offline, ready and so on.
    pub presence: PresenceState,
    /// The last declaration of presence in this session.
    pub presence_seq: u64,
    /// The last moment of becoming ready, being given a contact or freed of one.
    pub idle_since: Timestamp,
    /// Which of all assignments was its last one; 0 for none.
    pub last_turn: u64,
    /// Contacts that stay away, oldest first.
    pub exclusions: Vec<Exclusion>,
    /// Wrap-ups of contacts that went on without the operator, oldest first.
    pub wrap_ups: Vec<WrapUp>,
    /// The clocks of its breaks, in the order in which its rules name them.
    pub breaks: Vec<BreakClock>,
    /// The break that it is on.
    pub on_break: Option<OnBreak>,
    /// How busy it was, where it rests.
    pub rest: Option<RestClock>,
    /// When something last happened to it.
    pub touched_at: Timestamp,
    /// What it had in hand when that was last looked at.
    pub hands: BTreeSet<(ContactId, AssignmentEpoch)>,
}

/// The wrap-up of a contact that was passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrapUp {
    /// Which contact.
    pub contact: ContactId,
    /// By which of its assignments.
    pub assignment: AssignmentEpoch,
    /// What it takes of the capacity.
    pub units: u32,
    /// When it ends by itself.
    pub until: Timestamp,
    /// The latest end that it may be extended to.
    pub longest: Timestamp,
}

/// A contact that was declined or missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Which.
    pub contact: ContactId,
    /// Until when.
    pub until: Timestamp,
}

impl Operator {
    /// Signed in on a live stream, and ready.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.session.is_live() && self.presence == PresenceState::Ready
    }

    /// The rank of a queue for this operator.
    #[must_use]
    pub fn rank(&self, queue: &str) -> u8 {
        self.shifted.iter().chain(&self.ranks).find(|(name, _)| &**name == queue).map_or(0, |(_, rank)| *rank)
    }

    /// Whether the operator speaks this skill at this level.
    #[must_use]
    pub fn has_skill(&self, skill: &str, level: u8) -> bool {
        self.skills.iter().any(|(name, own)| &**name == skill && *own >= level)
    }

    /// The highest level of a skill; 0 without it.
    #[must_use]
    pub fn level(&self, skill: &str) -> u8 {
        let own = self.skills.iter().filter(|(name, _)| &**name == skill);
        own.map(|(_, level)| *level).max().unwrap_or(0)
    }

    /// Whether the contact has a mark to stay away from this operator, counted or not.
    #[must_use]
    pub fn is_marked(&self, contact: ContactId) -> bool {
        self.exclusions.iter().any(|exclusion| exclusion.contact == contact)
    }

    /// When something is due for this operator.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let grace = self.session.grace_until();
        let missed = match self.presence {
            PresenceState::Missed { until } | PresenceState::Break { until, .. } => Some(until),
            PresenceState::Offline | PresenceState::Ready | PresenceState::NotReady(_) => None,
        };
        let exclusion = self.exclusions.iter().map(|exclusion| exclusion.until).min();
        let wrap_up = self.wrap_ups.iter().map(|wrap_up| wrap_up.until).min();
        grace.into_iter().chain(missed).chain(exclusion).chain(wrap_up).min()
    }
}

/// One gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// The id.
    pub id: GatewayId,
    /// Name.
    pub name: Name,
    /// The session.
    pub session: Session,
}

/// The session of a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Session {
    /// How often it was opened.
    pub epoch: Epoch,
    /// The nonce of the last opening.
    pub nonce: u64,
    /// None, live or in grace.
    pub state: SessionState,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SessionState {
    /// Not signed in.
    #[default]
    None,
    /// A stream is open.
    Live {
        /// Where.
        node: NodeId,
        /// In which of its runs.
        incarnation: Incarnation,
    },
    /// The stream is gone; the party may come back.
    Grace {
        /// Until when.
        until: Timestamp,
    },
}

impl Session {
    /// Whether a stream is open.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.state, SessionState::Live { .. })
    }

    /// The end of the grace, if in grace.
    #[must_use]
    pub fn grace_until(&self) -> Option<Timestamp> {
        match self.state {
            SessionState::Grace { until } => Some(until),
            SessionState::None | SessionState::Live { .. } => None,
        }
    }
}

/// What has happened in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Totals {
    /// Contacts accepted, merged orders not counted.
    pub entered: u64,
    /// Assignments that reached handling.
    pub connected: u64,
    /// Ended as completed.
    pub ended_completed: u64,
    /// Those of them within the queue's target.
    pub connected_in_target: u64,
    /// Ended as abandoned.
    pub abandoned: u64,
    /// Those of them within 5 s.
    pub abandoned_early: u64,
    /// Orders that joined another.
    pub merged: u64,
    /// Times a contact came back to the queue.
    pub requeued: u64,
    /// Times an operator passed a contact on.
    pub transferred: u64,
    /// Contacts that came from another queue.
    pub moved_in: u64,
    /// Contacts that went to another queue.
    pub moved_out: u64,
    /// Contacts that a supervisor closed.
    pub closed: u64,
    /// Arrivals that got something else than a place in line.
    pub deflected: u64,
}

/// Work that goes on over several commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Job {
    Lose(Lose),
    MoveLine(MoveLine),
    MoveStranded(MoveStranded),
}

/// The sessions of a lost node, taken down row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lose {
    pub node: NodeId,
    pub incarnation: Incarnation,
    /// Whether sessions of exactly this incarnation are lost too.
    pub inclusive: bool,
    /// Parties looked at so far: operators first, then gateways.
    pub next_operator: usize,
    pub next_gateway: usize,
}

/// The first in line of a queue go to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MoveLine {
    pub from: Name,
    pub to: Name,
    /// Later arrivals stay.
    pub arrived_by: LogIndex,
    pub remaining: u32,
    /// The place of the last contact looked at.
    pub after: Option<Key>,
}

/// Those whom nobody could serve go where their queues say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MoveStranded {
    /// Later arrivals stay.
    pub arrived_by: LogIndex,
    pub next_slot: u32,
}

/// An action that was carried out, under the name and key of the one who acts.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    pub action: Action,
    pub reply: Reply,
    pub until: Timestamp,
}

impl Lose {
    pub(super) fn takes(&self, session: &Session) -> bool {
        match session.state {
            SessionState::Live { node, incarnation } => {
                let older = incarnation < self.incarnation;
                node == self.node && (older || (self.inclusive && incarnation == self.incarnation))
            }
            SessionState::None | SessionState::Grace { .. } => false,
        }
    }
}

/// Whether `unit` is `scope` or below it.
pub(super) fn is_within(units: &[UnitPlan], unit: &str, scope: &str) -> bool {
    let mut here = units.iter().find(|row| &*row.name == unit);
    while let Some(row) = here {
        if &*row.name == scope {
            return true;
        }
        here = row.parent.and_then(|parent| units.get(parent.0 as usize));
    }
    false
}
