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
    /// Operators take contacts of other parts of the company.
    ScopeIgnored,
    /// Call-backs to one number are merged, whoever ordered them.
    PrincipalsIgnored,
    /// A slot is used again under the same id.
    GenerationNotRaised,
    /// A contact that has ended ends again.
    EndedTwice,
    /// The same action under the same key is carried out again.
    ActionAppliedTwice,
    /// Refused commands leave no mark in the chain.
    ChainSkipsRefusals,
    /// What came of a command leaves no mark in the chain.
    ChainSkipsOutcome,
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
    /// A party that misses events behind an installed snapshot is not told.
    GapAtInstallNotTold,
    /// An operation that was under way when the stream broke is not sent again.
    RetryForgotten,
    /// A client says that it has seen more than it has.
    CursorAhead,
    /// A new leader stamps earlier than what was applied.
    TimeGoesBack,
    /// The leader's wall clock is replicated time.
    WallClockRules,
    /// After a full stop time goes on from the last stamp, whatever the wall clocks say.
    WallsIgnoredAfterStop,
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
    /// A cap on the contacts of a channel counts for nothing.
    CapIgnored,
    /// Life safety climbs the ladder like everybody.
    LifeSafetyClimbs,
    /// Another language will do although the customer has not agreed.
    LanguageWithoutConsent,
    /// Operators answer for companies that are lent to them before the ladder says so.
    LentFromTheStart,
    /// Operators get contacts of channels that they do not serve.
    ChannelIgnored,
    /// A gateway's tier 0 counts as life safety.
    LifeSafetyByGateway,
    /// Who hung up gets credit in another tier too.
    CreditAcrossTiers,
    /// Who hung up gets the credit again with each call.
    CreditTwice,
    /// Waiting leads up to tier 1.
    PromotedToUrgent,
    /// A plan may leave those who wait without anybody who could serve them.
    StrandedByPlan,
    /// Life safety is deflected like everybody.
    LifeSafetyDeflected,
    /// Life safety waits for one operator alone.
    LifeSafetyHeld,
    /// Who served whom is left out of a snapshot.
    AcquaintancesLeftOut,
    /// Nobody stands in for an owner who is away.
    DeputyForgotten,
    /// Who handled a case last counts as who handled it first.
    LastHandlerCountsAsFirst,
    /// Every operator may hand contacts out.
    AnybodyHandsOut,
    /// A hard case is passed on for ever.
    PassedForEver,
    /// Life safety waits until wrap-ups are over.
    LifeSafetyWaitsForWrapUp,
    /// Deadlines of cases are forgotten when a state is read.
    CaseTimersLostAtRestore,
    /// A plan changes due dates that were given.
    DueChangedByPlan,
    /// A case skips a stage.
    StageSkipped,
    /// A deadline that has passed is told twice.
    EscalatedTwice,
    /// Nights and holidays count as working time.
    CalendarIgnored,
    /// The work of a case is closed with its operator where the queue says so.
    CaseLostWithOperator,
    /// A case that goes back keeps to its stage.
    ReturnIgnored,
    /// A late stage stays in its queue.
    EscalationNotMoved,
    /// Nobody is told that a case is over.
    CaseEndNotTold,
    /// More of a team go on a break at once than may.
    TeamLimitIgnored,
    /// A lost stream ends the operator's break.
    BreakCutByGrace,
    /// A break that can wait no longer waits.
    LatestIgnored,
    /// A break that is over is due again at once.
    BreakClockRunsOn,
    /// Contacts are given to operators whose shift is about to end.
    ShiftEndIgnored,
    /// Operators who must rest get contacts.
    RestIgnored,
}

/// Whether this mistake is made now.
#[cfg(not(feature = "planted"))]
#[inline(always)]
#[must_use]
pub const fn is(_: Planted) -> bool {
    false
}

#[cfg(feature = "planted")]
pub use switch::{ALL, Mistake, is, plant};

#[cfg(feature = "planted")]
mod switch {
    use core::sync::atomic::{AtomicU32, Ordering};

    use super::Planted;

    /// A mistake and what is known of it.
    #[derive(Clone, Copy, Debug)]
    pub struct Mistake {
        /// Which.
        pub planted: Planted,
        /// Where it is made.
        pub place: &'static str,
        /// What is wrong.
        pub what: &'static str,
        /// The rules that it breaks, by name: to name another one is not to have found it.
        pub breaks: &'static [&'static str],
    }

    const fn mistake(
        planted: Planted,
        place: &'static str,
        what: &'static str,
        breaks: &'static [&'static str],
    ) -> Mistake {
        Mistake { planted, place, what, breaks }
    }

    /// All mistakes.
    pub const ALL: &[Mistake] = &[
        mistake(
            Planted::RequeueLost,
            "the core",
            "A contact that goes back to the line is put aside instead",
            &["I1"],
        ),
        mistake(
            Planted::WithdrawalNotTold,
            "the core",
            "Nobody is told that an assignment was taken back",
            &["I1"],
        ),
        mistake(Planted::OrphanKept, "the core", "Contacts stay with an operator who is gone", &["I1"]),
        mistake(
            Planted::OfferKeptInGrace,
            "the core",
            "An offer stays with an operator whose stream is lost",
            &["I1"],
        ),
        mistake(
            Planted::StaleEpochAccepted,
            "the core",
            "A command of an earlier opening of the session is accepted",
            &["I2"],
        ),
        mistake(
            Planted::EpochNotRaised,
            "the core",
            "A session that is opened again keeps its epoch",
            &["I2"],
        ),
        mistake(
            Planted::StaleAssignmentAccepted,
            "the core",
            "An answer about an earlier assignment is accepted",
            &["I2"],
        ),
        mistake(
            Planted::AssignmentNotRaised,
            "the core",
            "A contact that is assigned again keeps its assignment epoch",
            &["I2"],
        ),
        mistake(
            Planted::OldRunAccepted,
            "the core",
            "Sessions of a lost run of a node stay live",
            &["I2", "I11"],
        ),
        mistake(
            Planted::PresenceOvertaken,
            "the core",
            "An earlier word about presence counts after a later one",
            &["I2", "I11"],
        ),
        mistake(Planted::OrderOffByOne, "the core", "The second in line is taken before the first", &["I4"]),
        mistake(Planted::HeadStartForgotten, "the core", "A head start counts for nothing", &["I4"]),
        mistake(
            Planted::LastFoundWins,
            "the core",
            "The order in which profiles are looked at decides who is taken",
            &["I4"],
        ),
        mistake(
            Planted::CapacityOffByOne,
            "the core",
            "An operator takes one unit more than there is room for",
            &["I3"],
        ),
        mistake(
            Planted::HoldIgnored,
            "the core",
            "A contact is not kept for the operator that the customer knows",
            &["I4"],
        ),
        mistake(
            Planted::ExclusionForgottenAfterTransfer,
            "the core",
            "Who passed a contact on, or declined it, may get it again",
            &["I4"],
        ),
        mistake(
            Planted::WrapUpNeverEnds,
            "the core",
            "The wrap-up of a contact does not end by itself",
            &["I11"],
        ),
        mistake(
            Planted::KeptWrapUpNeverEnds,
            "the core",
            "The wrap-up of a contact that was passed on does not end by itself",
            &["I11"],
        ),
        mistake(Planted::KeyForgotten, "the core", "A repeated key makes a second contact", &["I5"]),
        mistake(
            Planted::MergeForgotten,
            "the core",
            "A second call-back to the same number is not merged",
            &["I6"],
        ),
        mistake(Planted::MergeLosesSource, "the core", "A merged order is not counted", &["I6"]),
        mistake(
            Planted::ScopeIgnored,
            "the core",
            "Operators take contacts of other parts of the company",
            &["I10"],
        ),
        mistake(
            Planted::PrincipalsIgnored,
            "the core",
            "Call-backs to one number are merged, whoever ordered them",
            &["I10"],
        ),
        mistake(Planted::GenerationNotRaised, "the core", "A slot is used again under the same id", &["I9"]),
        mistake(Planted::EndedTwice, "the core", "A contact that has ended ends again", &["I9"]),
        mistake(
            Planted::ActionAppliedTwice,
            "the core",
            "The same action under the same key is carried out again",
            &["I5"],
        ),
        mistake(
            Planted::ChainSkipsRefusals,
            "the core",
            "Refused commands leave no mark in the chain",
            &["I7"],
        ),
        mistake(
            Planted::ChainSkipsOutcome,
            "the core",
            "What came of a command leaves no mark in the chain",
            &["I7"],
        ),
        mistake(Planted::DeedsLeftOut, "the core", "A snapshot leaves out what people did", &["I5", "I8"]),
        mistake(
            Planted::JobsLeftOut,
            "the core",
            "A snapshot leaves out the work that goes on over several commands",
            &["I8"],
        ),
        mistake(
            Planted::TimersLostAtRestore,
            "the core",
            "What was due is forgotten when a state is read",
            &["I8", "I11"],
        ),
        mistake(Planted::RepeatPassed, "delivery", "A receiver takes in an event twice", &["I11"]),
        mistake(
            Planted::EffectSkippedOnResume,
            "delivery",
            "The first missed event is left out when a party comes back",
            &["I11"],
        ),
        mistake(
            Planted::GapAtInstallNotTold,
            "delivery",
            "A party that misses events behind an installed snapshot is not told",
            &["I11"],
        ),
        mistake(
            Planted::RetryForgotten,
            "the client's logic",
            "An operation that was under way when the stream broke is not sent again",
            &["I1", "I11"],
        ),
        mistake(
            Planted::CursorAhead,
            "the client's logic",
            "A client says that it has seen more than it has",
            &["I11"],
        ),
        mistake(
            Planted::TimeGoesBack,
            "the node's shell",
            "A new leader stamps earlier than what was applied",
            &["I12"],
        ),
        mistake(
            Planted::WallClockRules,
            "the node's shell",
            "The leader's wall clock is replicated time",
            &["I12"],
        ),
        mistake(
            Planted::WallsIgnoredAfterStop,
            "the node's shell",
            "After a full stop time goes on from the last stamp, whatever the wall clocks say",
            &["I12"],
        ),
        mistake(
            Planted::RepeatApplied,
            "the node's shell",
            "A command that entered the log twice is applied twice",
            &["I5", "I8"],
        ),
        mistake(
            Planted::AckBeforeSync,
            "the simulated shell",
            "An entry is acknowledged before it is synced",
            &["I5"],
        ),
        mistake(
            Planted::SuspectVotes,
            "the simulated shell",
            "A node that lost part of its log votes and counts",
            &["I5"],
        ),
        mistake(
            Planted::ChecksumIgnored,
            "the simulated shell",
            "Damaged records of the log are used",
            &["I5", "I8"],
        ),
        mistake(
            Planted::AnswerBeforeLog,
            "the simulated shell",
            "A contact is acknowledged before the log has it",
            &["I1", "I5"],
        ),
        mistake(Planted::CommandSkipped, "the simulated shell", "A node leaves out a command", &["I8"]),
        mistake(
            Planted::EventLost,
            "the simulated shell",
            "An event is not delivered to a stream that is open",
            &["I11"],
        ),
        mistake(
            Planted::ResyncNotSent,
            "the simulated shell",
            "A party that comes back too late gets no full list",
            &["I11"],
        ),
        mistake(Planted::NoTick, "the simulated shell", "Nobody ticks when something is due", &["I11"]),
        mistake(
            Planted::CapIgnored,
            "the core",
            "A cap on the contacts of a channel counts for nothing",
            &["I3"],
        ),
        mistake(
            Planted::LifeSafetyClimbs,
            "the core",
            "Life safety climbs the ladder like everybody",
            &["I1", "I4"],
        ),
        mistake(
            Planted::LanguageWithoutConsent,
            "the core",
            "Another language will do although the customer has not agreed",
            &["I4"],
        ),
        mistake(
            Planted::LentFromTheStart,
            "the core",
            "Operators answer for companies that are lent to them before the ladder says so",
            &["I10"],
        ),
        mistake(
            Planted::ChannelIgnored,
            "the core",
            "Operators get contacts of channels that they do not serve",
            &["I4"],
        ),
        mistake(
            Planted::LifeSafetyByGateway,
            "the core",
            "A gateway's tier 0 counts as life safety",
            &["I4"],
        ),
        mistake(
            Planted::CreditAcrossTiers,
            "the core",
            "Who hung up gets credit in another tier too",
            &["I4"],
        ),
        mistake(
            Planted::CreditTwice,
            "the core",
            "Who hung up gets the credit again with each call",
            &["I4"],
        ),
        mistake(Planted::PromotedToUrgent, "the core", "Waiting leads up to tier 1", &["I4"]),
        mistake(
            Planted::StrandedByPlan,
            "the core",
            "A plan may leave those who wait without anybody who could serve them",
            &["I11"],
        ),
        mistake(
            Planted::LifeSafetyDeflected,
            "the core",
            "Life safety is deflected like everybody",
            &["I1", "I4"],
        ),
        mistake(Planted::LifeSafetyHeld, "the core", "Life safety waits for one operator alone", &["I4"]),
        mistake(Planted::AcquaintancesLeftOut, "the core", "A snapshot leaves out who served whom", &["I8"]),
        mistake(Planted::DeputyForgotten, "the core", "Nobody stands in for an owner who is away", &["I4"]),
        mistake(
            Planted::LastHandlerCountsAsFirst,
            "the core",
            "Who handled a case last counts as who handled it first",
            &["I4"],
        ),
        mistake(Planted::AnybodyHandsOut, "the core", "Every operator may hand contacts out", &["I10"]),
        mistake(Planted::PassedForEver, "the core", "A hard case is passed on without end", &["I4"]),
        mistake(
            Planted::LifeSafetyWaitsForWrapUp,
            "the core",
            "Life safety waits until wrap-ups are over",
            &["I1", "I4"],
        ),
        mistake(
            Planted::CaseTimersLostAtRestore,
            "the core",
            "Deadlines of cases are forgotten when a state is read",
            &["I8", "I11"],
        ),
        mistake(
            Planted::DueChangedByPlan,
            "the core",
            "A plan changes due dates that were given",
            &["I8", "I11"],
        ),
        mistake(Planted::StageSkipped, "the core", "A case skips a stage", &["I1"]),
        mistake(Planted::EscalatedTwice, "the core", "A deadline that has passed is told twice", &["I11"]),
        mistake(Planted::CalendarIgnored, "the core", "Nights and holidays count as working time", &["I11"]),
        mistake(
            Planted::CaseLostWithOperator,
            "the core",
            "The work of a case is closed with its operator where the queue says so",
            &["I1"],
        ),
        mistake(Planted::ReturnIgnored, "the core", "A case that goes back keeps to its stage", &["I1"]),
        mistake(Planted::EscalationNotMoved, "the core", "A late stage stays in its queue", &["I11"]),
        mistake(Planted::CaseEndNotTold, "the core", "Nobody is told that a case is over", &["I1"]),
        mistake(
            Planted::TeamLimitIgnored,
            "the core",
            "More of a team go on a break at once than may",
            &["I11"],
        ),
        mistake(Planted::BreakCutByGrace, "the core", "A lost stream ends the operator's break", &["I11"]),
        mistake(Planted::LatestIgnored, "the core", "A break that can wait no longer waits", &["I11"]),
        mistake(Planted::BreakClockRunsOn, "the core", "A break that is over is due again at once", &["I11"]),
        mistake(
            Planted::ShiftEndIgnored,
            "the core",
            "Contacts are given to operators whose shift is about to end",
            &["I4"],
        ),
        mistake(Planted::RestIgnored, "the core", "Operators who must rest get contacts", &["I4"]),
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
