//! The core's deterministic no. A refusal is part of the log's outcome: the same on every replica, and final for
//! this command. Each has a stable code with a page in docs/ERRORS.md.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::ids::{AssignmentEpoch, ContactId, EnquiryId, Epoch, Name};

/// Why the core does not carry out a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// A field is out of its bounds.
    #[error("{field}: {problem}")]
    InvalidField {
        /// The field, as the protocol names it.
        field: Name,
        /// What is wrong and what is right.
        problem: String,
    },
    /// The plan has no such queue.
    #[error("queue: the plan has no queue {0:?}; `ringmain queue list` shows those there are")]
    UnknownQueue(Name),
    /// The plan has no such skill.
    #[error("skills: the plan has no skill {0:?}")]
    UnknownSkill(Name),
    /// The plan has no such channel.
    #[error("channel: the plan has no channel {0:?}")]
    UnknownChannel(Name),
    /// The plan has no such unit.
    #[error("unit: the plan has no org unit {0:?}")]
    UnknownUnit(Name),
    /// No operator of that login.
    #[error("operator: nobody is known as {0:?}; add the operator to the plan first")]
    UnknownOperator(Name),
    /// No such contact (or its memory has ended).
    #[error("contact: {0} is not known; ended contacts are remembered for the key window")]
    UnknownContact(ContactId),
    /// The party has no session row at all.
    #[error("session: this party has never signed in")]
    UnknownParty,
    /// A command of an earlier stream.
    #[error("epoch: this session is now at epoch {current}; open a session and go on with its epoch")]
    StaleEpoch {
        /// The epoch in force.
        current: Epoch,
    },
    /// A live stream holds the session.
    #[error("session: already signed in elsewhere; sign out there or take over")]
    AlreadySignedIn,
    /// The session is not live.
    #[error("session: not signed in; open a session first")]
    NotSignedIn,
    /// The same key with another body.
    #[error("key: this key was used for another contact ({contact}); use a new key for a new contact")]
    KeyReused {
        /// The contact that has the key.
        contact: ContactId,
    },
    /// The queue is closed.
    #[error("queue: {0:?} is closed and takes no new contact")]
    QueueClosed(Name),
    /// Too many wait in the queue.
    #[error("queue: {queue:?} is full ({waiting_max} waiting); try again later or deflect")]
    QueueFull {
        /// Which queue.
        queue: Name,
        /// Its limit.
        waiting_max: u32,
    },
    /// A limit of the whole group is reached.
    #[error("{what}: the limit of {limit} is reached; try again later")]
    LimitReached {
        /// What there is too much of.
        what: Name,
        /// How many there may be.
        limit: u64,
    },
    /// The contact is not in a state that allows it.
    #[error("contact: {contact} is {state}, so this is not possible")]
    WrongState {
        /// Which contact.
        contact: ContactId,
        /// Its state in a word.
        state: Name,
    },
    /// The answer is about another assignment.
    #[error("assignment: {contact} is at assignment {current}, held by somebody else or given anew")]
    StaleAssignment {
        /// Which contact.
        contact: ContactId,
        /// The assignment in force.
        current: AssignmentEpoch,
    },
    /// Automatic answer leaves no right to decline (R3.6).
    #[error("decline: {0} is answered automatically and cannot be declined")]
    CannotDecline(ContactId),
    /// The plan's version is not the next one.
    #[error("version: the plan in force is version {current}; read it and send version {}", current + 1)]
    PlanVersion {
        /// The version in force.
        current: u64,
    },
    /// The plan would break what exists.
    #[error("plan: {0}")]
    PlanConflict(String),
    /// The contact belongs to another gateway.
    #[error("contact: {0} was brought by another gateway")]
    ForeignContact(ContactId),
    /// The same key of the same person with another action.
    #[error("key: {key:?} of {by:?} was used for another action; use a new key for a new action")]
    ActionKeyReused {
        /// Who acts.
        by: Name,
        /// The key.
        key: Name,
    },
    /// The one whom the contact is passed to cannot take it.
    #[error("operator: {0:?} is not ready, or lacks what the contact requires; pass it to a queue")]
    OperatorUnavailable(Name),
    /// The plan has no such company.
    #[error("principal: the plan has no principal {0:?}")]
    UnknownPrincipal(Name),
    /// No entry rule says where the contact goes, and nobody else does.
    #[error("queue: no entry rule matches; name a queue, or give the plan a default queue")]
    NoQueue,
    /// Nobody is there for the queue, and its rule is to refuse.
    #[error("queue: nobody is there for {0:?}, and it refuses contacts then; try again later")]
    NobodyThere(Name),
    /// The plan has no such calendar.
    #[error("hours: the plan has no calendar {0:?}")]
    UnknownCalendar(Name),
    /// Nobody could ever serve those who wait.
    #[error("plan: {contacts} waiting in queue {queue:?} could be served by nobody; move them first")]
    WouldStrand {
        /// Where they wait.
        queue: Name,
        /// How many.
        contacts: u32,
    },
    /// No contact waits that the operator could take.
    #[error(
        "queue: nothing waits that this operator could take; `ringmain operator why` tells what waits and why not"
    )]
    NothingWaits,
    /// Only leads hand out.
    #[error("contact: only a lead of queue {0:?} or a supervisor hands its contacts out")]
    NotALead(Name),
    /// The contact was passed on as often as it may be.
    #[error(
        "contact: {contact} was passed on {passes_max} times already; a supervisor may move or assign it"
    )]
    PassedOften {
        /// Which contact.
        contact: ContactId,
        /// As often as that.
        passes_max: u32,
    },
    /// The plan has no such route.
    #[error("route: the plan has no route {0:?}")]
    UnknownRoute(Name),
    /// Open cases are on the way.
    #[error(
        "routes: {cases} open cases are in stages of route {route:?} that the plan leaves out; keep them"
    )]
    RouteInUse {
        /// Which route.
        route: Name,
        /// How many.
        cases: u32,
    },
    /// No such enquiry (or its memory has ended).
    #[error("enquiry: {0} is not known; closed enquiries are remembered for the key window")]
    UnknownEnquiry(EnquiryId),
    /// The operator has no such break.
    #[error("break: the operator has no break {0:?}; its rules name those it has")]
    UnknownBreak(Name),
}

impl Refusal {
    /// The stable code; docs/ERRORS.md has a page for each.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::InvalidField { .. } => "invalid-field",
            Refusal::UnknownQueue(_) => "unknown-queue",
            Refusal::UnknownSkill(_) => "unknown-skill",
            Refusal::UnknownChannel(_) => "unknown-channel",
            Refusal::UnknownUnit(_) => "unknown-unit",
            Refusal::UnknownOperator(_) => "unknown-operator",
            Refusal::UnknownContact(_) => "unknown-contact",
            Refusal::UnknownParty => "unknown-party",
            Refusal::StaleEpoch { .. } => "stale-epoch",
            Refusal::AlreadySignedIn => "already-signed-in",
            Refusal::NotSignedIn => "not-signed-in",
            Refusal::KeyReused { .. } => "key-reused",
            Refusal::QueueClosed(_) => "queue-closed",
            Refusal::QueueFull { .. } => "queue-full",
            Refusal::LimitReached { .. } => "limit-reached",
            Refusal::WrongState { .. } => "wrong-state",
            Refusal::StaleAssignment { .. } => "stale-assignment",
            Refusal::CannotDecline(_) => "cannot-decline",
            Refusal::PlanVersion { .. } => "plan-version",
            Refusal::PlanConflict(_) => "plan-conflict",
            Refusal::ForeignContact(_) => "foreign-contact",
            Refusal::ActionKeyReused { .. } => "action-key-reused",
            Refusal::OperatorUnavailable(_) => "operator-unavailable",
            Refusal::UnknownPrincipal(_) => "unknown-principal",
            Refusal::NoQueue => "no-queue",
            Refusal::WouldStrand { .. } => "would-strand",
            Refusal::NobodyThere(_) => "nobody-there",
            Refusal::UnknownCalendar(_) => "unknown-calendar",
            Refusal::UnknownEnquiry(_) => "unknown-enquiry",
            Refusal::UnknownBreak(_) => "unknown-break",
            Refusal::NothingWaits => "nothing-waits",
            Refusal::NotALead(_) => "not-a-lead",
            Refusal::PassedOften { .. } => "passed-often",
            Refusal::UnknownRoute(_) => "unknown-route",
            Refusal::RouteInUse { .. } => "route-in-use",
        }
    }

    /// Every code there is, for the test that holds them against the documentation.
    pub const CODES: &'static [&'static str] = &[
        "invalid-field",
        "unknown-queue",
        "unknown-skill",
        "unknown-channel",
        "unknown-unit",
        "unknown-operator",
        "unknown-contact",
        "unknown-party",
        "stale-epoch",
        "already-signed-in",
        "not-signed-in",
        "key-reused",
        "queue-closed",
        "queue-full",
        "limit-reached",
        "wrong-state",
        "stale-assignment",
        "cannot-decline",
        "plan-version",
        "plan-conflict",
        "foreign-contact",
        "action-key-reused",
        "operator-unavailable",
        "unknown-principal",
        "no-queue",
        "would-strand",
        "nobody-there",
        "unknown-calendar",
        "unknown-break",
        "unknown-enquiry",
        "nothing-waits",
        "not-a-lead",
        "passed-often",
        "unknown-route",
        "route-in-use",
    ];
}
