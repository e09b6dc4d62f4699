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
    /// A preview that nobody answers is a missed offer.
    PreviewMissed,
    /// A case goes through the stages of every way of answering.
    EveryAnswerGiven,
    /// Whom nobody could serve stays in spite of what the queue says.
    StrandedStay,
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
    /// A contact stays held for an operator whom a change made unfit for it.
    HeldForUnfit,
    /// A break that was cut short for life safety counts as taken.
    RecallEndsBreak,
    /// Contacts are given to operators whose shift is about to end.
    ShiftEndIgnored,
    /// Operators who must rest get contacts.
    RestIgnored,
    /// A contact for which a person was requested goes to a bot again.
    BackToTheBot,
    /// The time that a contact was with a bot counts as waiting for a person.
    BotTimeCountsAsWaiting,
    /// What becomes of orphans does not depend on their channel.
    ChannelOfOrphanIgnored,
    /// What stays with an operator who is away goes to others when that one leaves again.
    StayEndsWithAbsence,
    /// What a channel costs an operator counts for nothing.
    OwnUnitsIgnored,
    /// Operators take more of a queue than its cap.
    QueueCapIgnored,
    /// Nobody is reserved for those who have waited for long.
    NobodyReserved,
    /// Who comes now does not count among those whom it waits for.
    NewcomerForgotten,
    /// Nobody is deflected for the expected wait.
    ExpectedWaitIgnored,
    /// Gateways do not hear what to tell those who wait.
    BandNotTold,
    /// Snapshots do not have what is measured of queues.
    EstimatesLeftOut,
    /// An invitation stands for ever.
    InvitationNeverLapses,
    /// Snapshots have no invitations.
    InvitationsLeftOut,
    /// An operator's own wrap-up counts for nothing.
    OwnWrapUpIgnored,
    /// Completions need not say what came of it.
    ResultNotAsked,
    /// A consultation goes on when the contact that it is about is over.
    LegOutlivesMatter,
    /// A consultation counts among the customers who were served.
    LegCountsAsCustomer,
    /// Whoever asks a queue may be asked itself.
    AskerIsAsked,
    /// The gateway does not hear of a conference.
    ConferenceNotTold,
    /// Notes of a hand-over are lost.
    NoteOfHandOverLost,
    /// Those who wait are offered the same again and again.
    OfferedAgain,
    /// Life safety leaves by a time limit like everybody.
    LifeSafetyLeaves,
    /// The duty number is called again and again for the same contact.
    DutyCalledAgain,
    /// The alarm of a queue sounds with each entry.
    AlarmRepeated,
    /// A trigger goes off as soon as its figure is no longer bad.
    TriggerWithoutHysteresis,
    /// A trigger does not stay on until its figure has been good for as long as it says.
    TriggerEndsAtOnce,
    /// What triggers have changed is lost when a snapshot is read.
    TriggersLeftOut,
    /// A trigger goes on, and those who wait are not matched again.
    TriggerMatchesNobody,
    /// A contact leaves by what was never offered to it.
    DeflectedUnasked,
    /// Snapshots do not know what was offered to those who wait.
    WaitsLeftOut,
    /// Arrivals get in whatever is closed.
    ClosureIgnored,
    /// The closure of a unit does not count for the units below it.
    ClosureOfUnitAlone,
    /// A closure goes on behind its end.
    ClosureWithoutEnd,
    /// What a supervisor opens stays closed.
    ClosureStays,
    /// Snapshots have no closures.
    ClosuresLeftOut,
    /// Nobody's work is interrupted.
    WorkNotInterrupted,
    /// Work is parked however often it was.
    ParkedForEver,
    /// Parked work never goes on.
    NothingResumed,
    /// Parked work stays with an operator who can never take it up.
    ParkedBeyondCapacity,
    /// An operator who owes a reply for too long keeps the thread.
    SilentKeepsThread,
    /// A thread may come back at once to the operator who owed a reply.
    SilentNotExcluded,
    /// A silent customer's thread goes on taking room.
    ThreadNeverRests,
    /// A customer who writes again waits behind new contacts.
    ThreadBehindNew,
    /// A message that is told again counts again.
    MessageNotedAgain,
    /// A silent customer's thread stands in line when its operator is lost.
    SilentFloodsQueue,
    /// Life safety rests and is closed when the customer is silent.
    LifeSafetySilenced,
    /// A customer who has no answer yet is put on hold.
    HeldUnanswered,
    /// Snapshots have no threads.
    ThreadsLeftOut,
    /// A second delivery asks twice.
    EnquiryAskedTwice,
    /// Anybody closes an enquiry.
    EnquiryClosedByAnybody,
    /// A plan moves the term of an enquiry.
    EnquiryFollowsPlan,
    /// The freed order is taken for its own promise.
    FreedOrderIsPromise,
    /// A promised call waits for the answer for ever.
    PromiseAwaitsAnswer,
    /// The first of two answers brings the promised call forward.
    PromiseByFirstAnswer,
    /// A withdrawal brings the promised call forward though nothing was answered.
    WithdrawalReleases,
    /// An answer is nobody's note.
    AnswerNotNoted,
    /// An asker who has left is reminded, and nobody else.
    ReminderToNobody,
    /// A supervisor keeps its seat when the talk is over.
    SeatOutlivesTalk,
    /// A request for help goes on when the talk is over.
    HelpOutlivesTalk,
    /// Snapshots have no seats and no requests for help.
    SupervisionLeftOut,
}

/// Whether this mistake is made now.
#[cfg(not(feature = "planted"))]
#[inline(always)]
#[must_use]
pub const fn is(_: Planted) -> bool {
    false
}

#[cfg(feature = "planted")]
pub use switch::{is, plant};
#[cfg(feature = "planted")]
pub use table::{ALL, Mistake};

#[cfg(feature = "planted")]
mod table;

#[cfg(feature = "planted")]
mod switch {
    use core::sync::atomic::{AtomicU32, Ordering};

    use super::Planted;

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
