//! Mistakes on purpose, to see that they are found. Without the feature `planted` none of this is compiled into
//! anything: [`is`] is `false` for the compiler, and no program that serves anybody has the feature.

/// A mistake. `ringmain-chaos mutants` plants one after the other and must find each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// A contact that goes back to the line is put aside instead.
    RequeueLost,
    /// Nobody is told that an assignment was taken back.
    WithdrawalNotTold,
    /// Contacts stay with an operator who is gone.
    OrphanKept,
    /// An offer stays with an operator whose stream is lost.
    OfferKeptInGrace,
    /// A command of an earlier opening of the session is accepted.
    StaleEpochAccepted,
    /// A session that is opened again keeps its epoch.
    EpochNotRaised,
    /// An answer about an earlier assignment is accepted.
    StaleAssignmentAccepted,
    /// A contact that is assigned again keeps its assignment epoch.
    AssignmentNotRaised,
    /// Sessions of a lost run of a node stay live.
    OldRunAccepted,
    /// An earlier word about presence counts after a later one.
    PresenceOvertaken,
    /// The second in line is taken before the first.
    OrderOffByOne,
    /// A head start counts for nothing.
    HeadStartForgotten,
    /// The order in which profiles are looked at decides who is taken.
    LastFoundWins,
    /// An operator takes one unit more than there is room for.
    CapacityOffByOne,
    /// A contact is not kept for the operator that the customer knows.
    HoldIgnored,
    /// Who passed a contact on, or declined it, may get it again.
    ExclusionForgottenAfterTransfer,
    /// The wrap-up of a contact does not end by itself.
    WrapUpNeverEnds,
    /// The wrap-up of a contact that was passed on does not end by itself.
    KeptWrapUpNeverEnds,
    /// A repeated key makes a second contact.
    KeyForgotten,
    /// A second call-back to the same number is not merged.
    MergeForgotten,
    /// A merged order is not counted.
    MergeLosesSource,
    /// A contact that has ended ends again.
    EndedTwice,
    /// The same action under the same key is carried out again.
    ActionAppliedTwice,
    /// Refused commands leave no mark in the chain.
    ChainSkipsRefusals,
    /// A snapshot leaves out what people did.
    DeedsLeftOut,
    /// A snapshot leaves out the work that goes on over several commands.
    JobsLeftOut,
    /// What was due is forgotten when a state is read.
    TimersLostAtRestore,
    /// A receiver takes in an event twice.
    RepeatPassed,
    /// The first missed event is left out when a party comes back.
    EffectSkippedOnResume,
    /// An operation that was under way when the stream broke is not sent again.
    RetryForgotten,
    /// A client says that it has seen more than it has.
    CursorAhead,
    /// A new leader stamps earlier than what was applied.
    TimeGoesBack,
    /// The leader's wall clock is replicated time.
    WallClockRules,
    /// A command that entered the log twice is applied twice.
    RepeatApplied,
    /// An entry is acknowledged before it is synced.
    AckBeforeSync,
    /// A node that lost part of its log votes and counts.
    SuspectVotes,
    /// Damaged records of the log are used.
    ChecksumIgnored,
    /// A contact is acknowledged before the log has it.
    AnswerBeforeLog,
    /// A node leaves out a command.
    CommandSkipped,
    /// An event is not delivered to a stream that is open.
    EventLost,
    /// A party that comes back too late gets no full list.
    ResyncNotSent,
    /// Nobody ticks when something is due.
    NoTick,
}

/// Whether this mistake is made now.
#[cfg(not(feature = "planted"))]
#[inline(always)]
#[must_use]
pub const fn is(_: Planted) -> bool {
    false
}

#[cfg(feature = "planted")]
pub use switch::{ALL, is, plant};

#[cfg(feature = "planted")]
mod switch {
    use core::sync::atomic::{AtomicU32, Ordering};

    use super::Planted;

    /// All mistakes: where each is made, and what it is.
    pub const ALL: &[(Planted, &str, &str)] = &[
        (Planted::RequeueLost, "the core", "A contact that goes back to the line is put aside instead"),
        (Planted::WithdrawalNotTold, "the core", "Nobody is told that an assignment was taken back"),
        (Planted::OrphanKept, "the core", "Contacts stay with an operator who is gone"),
        (Planted::OfferKeptInGrace, "the core", "An offer stays with an operator whose stream is lost"),
        (
            Planted::StaleEpochAccepted,
            "the core",
            "A command of an earlier opening of the session is accepted",
        ),
        (Planted::EpochNotRaised, "the core", "A session that is opened again keeps its epoch"),
        (Planted::StaleAssignmentAccepted, "the core", "An answer about an earlier assignment is accepted"),
        (
            Planted::AssignmentNotRaised,
            "the core",
            "A contact that is assigned again keeps its assignment epoch",
        ),
        (Planted::OldRunAccepted, "the core", "Sessions of a lost run of a node stay live"),
        (Planted::PresenceOvertaken, "the core", "An earlier word about presence counts after a later one"),
        (Planted::OrderOffByOne, "the core", "The second in line is taken before the first"),
        (Planted::HeadStartForgotten, "the core", "A head start counts for nothing"),
        (
            Planted::LastFoundWins,
            "the core",
            "The order in which profiles are looked at decides who is taken",
        ),
        (Planted::CapacityOffByOne, "the core", "An operator takes one unit more than there is room for"),
        (Planted::HoldIgnored, "the core", "A contact is not kept for the operator that the customer knows"),
        (
            Planted::ExclusionForgottenAfterTransfer,
            "the core",
            "Who passed a contact on, or declined it, may get it again",
        ),
        (Planted::WrapUpNeverEnds, "the core", "The wrap-up of a contact does not end by itself"),
        (
            Planted::KeptWrapUpNeverEnds,
            "the core",
            "The wrap-up of a contact that was passed on does not end by itself",
        ),
        (Planted::KeyForgotten, "the core", "A repeated key makes a second contact"),
        (Planted::MergeForgotten, "the core", "A second call-back to the same number is not merged"),
        (Planted::MergeLosesSource, "the core", "A merged order is not counted"),
        (Planted::EndedTwice, "the core", "A contact that has ended ends again"),
        (Planted::ActionAppliedTwice, "the core", "The same action under the same key is carried out again"),
        (Planted::ChainSkipsRefusals, "the core", "Refused commands leave no mark in the chain"),
        (Planted::DeedsLeftOut, "the core", "A snapshot leaves out what people did"),
        (
            Planted::JobsLeftOut,
            "the core",
            "A snapshot leaves out the work that goes on over several commands",
        ),
        (Planted::TimersLostAtRestore, "the core", "What was due is forgotten when a state is read"),
        (Planted::RepeatPassed, "delivery", "A receiver takes in an event twice"),
        (
            Planted::EffectSkippedOnResume,
            "delivery",
            "The first missed event is left out when a party comes back",
        ),
        (
            Planted::RetryForgotten,
            "the client's logic",
            "An operation that was under way when the stream broke is not sent again",
        ),
        (Planted::CursorAhead, "the client's logic", "A client says that it has seen more than it has"),
        (Planted::TimeGoesBack, "the node's shell", "A new leader stamps earlier than what was applied"),
        (Planted::WallClockRules, "the node's shell", "The leader's wall clock is replicated time"),
        (Planted::RepeatApplied, "the node's shell", "A command that entered the log twice is applied twice"),
        (Planted::AckBeforeSync, "the simulated shell", "An entry is acknowledged before it is synced"),
        (Planted::SuspectVotes, "the simulated shell", "A node that lost part of its log votes and counts"),
        (Planted::ChecksumIgnored, "the simulated shell", "Damaged records of the log are used"),
        (Planted::AnswerBeforeLog, "the simulated shell", "A contact is acknowledged before the log has it"),
        (Planted::CommandSkipped, "the simulated shell", "A node leaves out a command"),
        (Planted::EventLost, "the simulated shell", "An event is not delivered to a stream that is open"),
        (Planted::ResyncNotSent, "the simulated shell", "A party that comes back too late gets no full list"),
        (Planted::NoTick, "the simulated shell", "Nobody ticks when something is due"),
    ];

    /// 0 for none, else the mistake's number and 1.
    static NOW: AtomicU32 = AtomicU32::new(0);

    /// Makes this mistake from here on, in the whole process; `None` makes none.
    pub fn plant(mistake: Option<Planted>) {
        NOW.store(mistake.map_or(0, |mistake| mistake as u32 + 1), Ordering::SeqCst);
    }

    /// Whether this mistake is made now.
    #[must_use]
    pub fn is(mistake: Planted) -> bool {
        NOW.load(Ordering::Relaxed) == mistake as u32 + 1
    }
}
