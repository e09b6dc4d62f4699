//! The rule book as data: what a plan says beyond names and times. A plan without any of it routes by tier, then
//! first come first served, to the longest idle operator who fits. The ids in brackets are those of docs/ROUTING.md.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::calendar::CalendarPlan;
pub use crate::enquiry::{Addressee, EnquiryRule};
use crate::ids::{Millis, Name};
pub use crate::route::{Route, Stage};

/// Rules of the whole centre.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRules {
    /// Companies on whose behalf the centre answers; the place in the list is the principal's id.
    pub principals: Vec<Name>,
    /// What maps an arrival to queue, tier and requirements, first match first (R1.2). With none, a contact goes
    /// where its gateway says, with the tier that it says.
    pub entry: Vec<EntryRule>,
    /// Where a contact goes that matches no rule and whose gateway names no queue.
    pub default_queue: Option<Name>,
    /// Credit for those who hung up and call again (R2.3); `None` for none.
    pub redial: Option<Redial>,
    /// After each full span of waiting of a contact of tier 0 in line somebody is called back from a break for it; above
    /// 0 ms, `None` for nobody.
    pub recall_after: Option<Millis>,
    /// Most head start that gateway, rules and credit may grant together.
    pub head_start_max: Option<Millis>,
    /// When somebody is there, by name.
    pub calendars: Vec<CalendarPlan>,
    /// For how long it is remembered who served whom (R3.4).
    pub remember: Remember,
    /// Ways that cases go, by name.
    pub routes: Vec<Route>,
    /// The breaks that there are (R3.11); each operator's rules name its own.
    pub breaks: Vec<BreakRule>,
    /// The occupancy cap of operators who rest; `None` for none.
    pub rest: Option<RestRule>,
    /// For so long after a call is over its companion may come (R3.9); `None` where nobody is invited.
    pub companion: Option<Millis>,
    /// Nobody took a contact of tier 0 for so long: the external duty number is called (R2.2); `None` for never.
    pub duty_after: Option<Millis>,
    /// What changes ranks and ladders while a queue's figure is bad (R3.12).
    pub triggers: Vec<Trigger>,
    /// Questions to people without a seat (R3.10); `None` where nobody begins one.
    pub enquiries: Option<EnquiryRule>,
}

/// While a queue's figure is bad, other ranks count and its ladder is open further (R3.12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its name, one of a kind in the plan.
    pub name: Name,
    /// Whose figure counts.
    pub queue: Name,
    /// Which figure, and where it goes on and off.
    pub measure: Measure,
    /// It is looked at at each full multiple of this time: 1 s to 1 h.
    pub every: Millis,
    /// It goes off when the figure has been good for so long; 0 for at once.
    pub calm: Millis,
    /// The queue's ladder is open to this step, counted from 0; `None` for as far as waiting leads.
    pub step: Option<u8>,
    /// Ranks that count instead of the operators' own.
    pub ranks: Vec<GroupRank>,
}

/// A figure of a queue, and from where to where a trigger is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// Contacts in line: at least `on`, until it is below `off`.
    Waiting {
        /// Goes on.
        on: u32,
        /// Goes off; below `on`.
        off: u32,
    },
    /// The longest true waiting of one in line.
    LongestWait {
        /// Goes on.
        on: Millis,
        /// Goes off; below `on`.
        off: Millis,
    },
    /// How long who comes now is likely to wait.
    ExpectedWait {
        /// Goes on.
        on: Millis,
        /// Goes off; below `on`.
        off: Millis,
    },
    /// Percent answered within the target, since the last look: at most `on`, until it is at least `off`.
    ServiceLevel {
        /// Goes on.
        on: u8,
        /// Goes off; above `on`, at most 100.
        off: u8,
    },
}

/// Another rank of a queue for a group of operators: those of a unit, those with a skill, or those with both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRank {
    /// The queue.
    pub queue: Name,
    /// Of this unit or one below it.
    pub unit: Option<Name>,
    /// With this skill, at whatever level.
    pub skill: Option<Name>,
    /// The rank, at most what the last step of the queue's ladder reaches.
    pub rank: u8,
}

/// A break that comes due by itself, or for which operators ask (R3.11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakRule {
    /// Its name, one of a kind in the plan.
    pub name: Name,
    /// The not-ready reason that it shows.
    pub reason: u16,
    /// Due so long after the session was opened or the last such break was over.
    pub every: Millis,
    /// How long it is.
    pub length: Millis,
    /// It begins at the latest so long after it was due, whoever else is away.
    pub defer_max: Millis,
    /// Before that, so much of the team may be away, and one more where nobody is.
    pub away_percent_max: u8,
    /// Also where the operator is all of the team that is signed in.
    pub alone: bool,
    /// Due only when the operator asks for it.
    pub on_request: bool,
    /// The operator is ready when it is over; otherwise not ready, for the same reason.
    pub returns: bool,
}

/// How busy an operator may be at most (R3.11). Windows follow each other without gap from the opening of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestRule {
    /// The length of a window.
    pub window: Millis,
    /// Who had something in hand for so much of it takes nothing new until it ends, life safety aside.
    pub busy_percent_max: u8,
}

/// For how long it is remembered who served whom; `None` for not at all (R3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remember {
    /// A customer's last operator.
    pub customer: Option<Millis>,
    /// Of a case its owner, and who handled it first in each queue.
    pub case: Option<Millis>,
}

/// Who hung up and calls again within the time gets the time already waited, not the gap (R2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redial {
    /// How long ago that was at most.
    pub within: Millis,
}

/// One entry rule (R1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRule {
    /// Its name, for those who ask why.
    pub name: Name,
    /// Which arrivals it is for.
    pub when: When,
    /// What it gives them.
    pub then: Then,
}

/// A condition: every part that is given must hold; within a part one of its values must.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// The queue that the gateway names.
    pub queues: Vec<Name>,
    /// The channel.
    pub channels: Vec<Name>,
    /// The gateway.
    pub gateways: Vec<Name>,
    /// The company.
    pub principals: Vec<Name>,
    /// The org unit or one above it.
    pub units: Vec<Name>,
    /// The kind of applicant.
    pub applicants: Vec<Applicant>,
    /// The language that must be spoken.
    pub languages: Vec<Name>,
    /// The topic; `power*` means all that begin with it.
    pub topics: Vec<Name>,
    /// What IVR or bot has found out that the customer wants; `*` as for topics.
    pub intents: Vec<Name>,
    /// Attributes that must all be there with these values.
    pub attributes: Vec<(Name, Name)>,
    /// Whether the customer is in the life-support register.
    pub registered: Option<bool>,
    /// Whether IVR or bot has heard of danger to life.
    pub danger: Option<bool>,
    /// Whether this calendar is open at the moment, or is not.
    pub calendar: Option<(Name, bool)>,
}

/// What an entry rule gives. What it does not say stays as the gateway says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Then {
    /// The queue.
    pub queue: Option<Name>,
    /// The tier. 0 only in a rule whose condition asks for danger, or for the register together with topics (R2.2).
    pub tier: Option<u8>,
    /// Skills required besides those that the gateway says.
    pub skills: Vec<(Name, u8)>,
    /// Only operators of the customer's own org unit or below, until the ladder says otherwise.
    pub own_unit: bool,
    /// Waiting time granted in advance, besides what the gateway says.
    pub head_start: Millis,
    /// The operator who owns what comes in so, by topic and branch (R3.7); an unknown login is nobody.
    pub owner: Option<Name>,
    /// The route that it goes as a case, from its first stage's queue on. Not together with `queue`.
    pub route: Option<Name>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Applicant {
    /// A household.
    Home,
    /// A firm.
    Firm,
    /// An authority.
    Official,
}

/// Rules of one queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRules {
    /// Who is chosen of several who fit (R3.2).
    pub choice: Choice,
    /// Whom its contacts may reach, wider step by step (R3.3). With none: whoever fits, at any rank.
    pub ladder: Vec<Step>,
    /// One tier up per so much true waiting, never above tier 2 (R2.4); `None` for never.
    pub promote_after: Option<Millis>,
    /// Units by channel, instead of the channel's own (R3.5).
    pub units: Vec<(Name, u32)>,
    /// The calendar of its opening hours; `None` for always.
    pub hours: Option<Name>,
    /// What becomes of arrivals that cannot be served as usual, first match first. One that matches none waits, but
    /// for a closed queue, which refuses. Tier 0 is let in whatever is said here.
    pub deflections: Vec<Deflection>,
    /// Nothing of the queue is given to an operator whose shift ends within that time; `None` for given all the same.
    pub last_start: Option<Millis>,
    /// Who is waited for before others (R3.4).
    pub same_person: SamePerson,
    /// Operators who may hand its contacts out (R3.7), by login; an unknown login is nobody.
    pub leads: Vec<Name>,
    /// Whoever takes a contact that was passed on into this queue owns its case from then on (R3.8).
    pub hard: bool,
    /// So often may operators pass a contact on, this queue's included; then a supervisor must. `None` for any number.
    pub passes_max: Option<u32>,
    /// Where its contacts go when a person is requested (R3.13); `None` for where they are.
    pub people_queue: Option<Name>,
    /// What becomes of a contact of a channel in handling whose operator is lost for good, instead of what the queue
    /// says.
    pub orphans: Vec<(Name, OrphanRule)>,
    /// At most so many of its contacts in one operator's hands (R3.5); `None` for any number.
    pub cap: Option<u16>,
    /// Who waited in line for so long has an operator reserved (R3.5); `None` for never.
    pub reserve_after: Option<Millis>,
    /// A completion says topic and outcome (R1.4); `None` where it need not.
    pub results: Option<ResultRule>,
    /// Capacity units of a consultation in the queue; `None` for those of a contact.
    pub consult_units: Option<u32>,
    /// From which expected wait on which band is told to customers (R3.3), shortest first; with none, nothing is told.
    pub bands: Vec<Millis>,
    /// What becomes of those who wait in line, by true waiting, sooner first (R3.3).
    pub waits: Vec<WaitRule>,
    /// Its leads hear of it when somebody has waited in line for so long (R2.1); `None` for never.
    pub alarm_after: Option<Millis>,
    /// Its contacts in handling are parked for who is urgent (R3.5); `None` for never.
    pub interruptible: Option<Interruptible>,
    /// Its contacts are threads, with targets for replies (R1.4); `None` for none.
    pub thread: Option<ThreadRules>,
    /// Where its contacts go whom nobody could serve any more, once a plan or other operators are in force; `None` for
    /// nowhere: such a plan is refused.
    pub stranded_to: Option<Name>,
}

impl QueueRules {
    /// Whether waiting alone leads to anything besides another step.
    pub(crate) fn watches_waiting(&self) -> bool {
        !self.waits.is_empty() || self.alarm_after.is_some()
    }
}

/// What a contact in line gets that has waited so long (R3.3). Life safety and the work of cases get nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitRule {
    /// True waiting.
    pub after: Millis,
    /// Call-back, voicemail or message.
    pub to: Treatment,
    /// The contact leaves by it, unasked; otherwise it is offered, and the contact stays in line.
    pub leave: bool,
}

/// For whom work is parked, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interruptible {
    /// For contacts of this tier and below, of a smaller tier than the work.
    pub by_tier: u8,
    /// And for contacts of these channels, of no greater tier than the work, whose own queue cannot be interrupted.
    pub by_channels: Vec<Name>,
    /// So often one contact is parked; once more, and it goes back to its place in line.
    pub parks_max: u16,
}

impl Default for Interruptible {
    fn default() -> Interruptible {
        Interruptible { by_tier: 1, by_channels: Vec::new(), parks_max: 3 }
    }
}

/// Which contacts are threads, and their times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadRules {
    /// Contacts of these channels; none for every channel.
    pub channels: Vec<Name>,
    /// How long what may last.
    pub times: ThreadTimes,
}

/// How long customer and operator of a thread may be silent; `None` where nothing follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadTimes {
    /// The first reply of an operator is due so long after the contact came into its hands.
    pub first_reply: Option<Millis>,
    /// Each next one, so long after the customer wrote.
    pub next_reply: Option<Millis>,
    /// Operator and gateway hear of it so long before; 0 for not at all.
    pub warn_before: Millis,
    /// So long behind its target the contact goes back to its place.
    pub requeue_after: Option<Millis>,
    /// So long after the operator's last message a silent customer's thread rests.
    pub park_after: Option<Millis>,
    /// So long after it the thread ends.
    pub close_after: Option<Millis>,
    /// So long a customer who writes again waits for the same operator.
    pub keep_for: Millis,
}

/// Who wrote in a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Writer {
    /// The customer.
    Customer,
    /// Whoever has the contact, or had it last.
    Operator,
}

/// What becomes of a contact whose operator does not come back within the grace, by its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrphanRule {
    /// Closed with the reason `OperatorLost`; the work of a case goes back instead.
    Close,
    /// Back to the queue at its old place.
    Requeue,
    /// It waits so long for that operator alone, then in line.
    Wait(Millis),
    /// It waits for that operator alone, until somebody gives it to another.
    Stay,
}

/// What a completion must say (R1.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultRule {
    /// Topics, one of which it was about; none named allows every topic.
    pub topics: Vec<Name>,
    /// What may have come of it; none named allows every outcome.
    pub outcomes: Vec<Name>,
}

/// Who is waited for before others, and for how long (R3.4), in this order; `None` for nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamePerson {
    /// The owner of the case, or a deputy.
    pub owner: Option<Millis>,
    /// Who handled the case in this queue first, or a deputy.
    pub first_handler: Option<Millis>,
    /// Who served the customer last.
    pub last_operator: Option<Millis>,
}

/// What becomes of an arrival under a condition: it is never met with silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deflection {
    /// The condition.
    pub when: DeflectWhen,
    /// What becomes of it.
    pub to: Treatment,
}

/// When an arrival is deflected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeflectWhen {
    /// Outside the opening hours, or while the queue is closed by hand.
    Closed,
    /// Nobody who could serve it at the last step of the ladder is signed in.
    NobodySignedIn,
    /// Nobody who could serve it at the last step of the ladder is ready, busy or not.
    NobodyReady,
    /// So many or more wait in the queue already.
    Waiting(u32),
    /// Who comes now is likely to wait for longer.
    ExpectedWait(Millis),
}

/// What an arrival gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Treatment {
    /// It waits in line all the same.
    Queue,
    /// The gateway offers to call back.
    CallBack,
    /// The gateway takes a voicemail.
    Voicemail,
    /// The gateway says that nobody is there, and when.
    Message,
    /// It is refused.
    Refuse,
}

/// Who is chosen of several operators who fit (R3.2). Ties go to the longest idle, then to the smallest id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Choice {
    /// Who has been idle for longest.
    #[default]
    LongestIdle,
    /// Who has the smallest part of the capacity in use, in thousandths.
    LeastOccupied,
    /// Whose levels of the required skills add up to most.
    MostSkilled,
    /// Who was given a contact longest ago.
    RoundRobin,
}

/// A step of the ladder (R3.3). Each allows at least what the one before does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// From so long a place in line on (waiting and head start together). 0 in the first step.
    pub after: Millis,
    /// Whose operators.
    pub reach: Reach,
    /// By so much less than the required level will do, but never without the skill.
    pub levels_lowered: u8,
    /// Operators up to this rank for the queue: 0 are its own, others are its backup.
    pub rank_max: u8,
    /// Also operators to whom the contact's company is only lent.
    pub lent: bool,
    /// Also operators who do not speak the language, where the customer has agreed to that.
    pub any_language: bool,
}

impl Default for Step {
    /// Without a ladder: the own scope, full levels, every rank.
    fn default() -> Step {
        Step {
            after: Millis(0),
            reach: Reach::Own,
            levels_lowered: 0,
            rank_max: u8::MAX,
            lent: false,
            any_language: false,
        }
    }
}

/// How far from its own org unit a contact may go. The scope of its queue is widened alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reach {
    /// Nobody by itself: operators take its contacts (`TakeNext`), or a lead hands them out (R3.7).
    Nobody,
    /// Its own unit and what is below.
    Own,
    /// ... and the unit's neighbours.
    Neighbours,
    /// ... and what is below the unit so many levels above its own.
    Up(u8),
    /// Everybody.
    All,
}

/// Rules of one org unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRules {
    /// Units that help out first.
    pub neighbours: Vec<Name>,
    /// The login of who stands in for the operators of the unit and of those below, where no deputy is there (R3.4).
    pub head: Option<Name>,
    /// What counts as working time for cases of its customers and of units below that say nothing themselves.
    pub calendar: Option<Name>,
}

/// What one operator may be given, besides skills, unit and ranks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRules {
    /// Channels that it serves; none named means all.
    pub channels: Vec<Name>,
    /// Companies for which it answers; none named means all.
    pub principals: Vec<Name>,
    /// Companies for which it answers only where the ladder says so.
    pub lent_principals: Vec<Name>,
    /// At most so many contacts of a channel at once (R3.5).
    pub caps: Vec<(Name, u16)>,
    /// Logins of those who stand in for it, first choice first (R3.4); an unknown one is nobody.
    pub deputies: Vec<Name>,
    /// Its breaks, at most [`crate::limits::BREAKS_PER_OPERATOR_MAX`]; of two that are due at once the first begins.
    pub breaks: Vec<Name>,
    /// The calendar of its shifts; `None` for always.
    pub shift: Option<Name>,
    /// Whether the plan's occupancy cap holds for it.
    pub rests: bool,
    /// It is a program (R3.13): no breaks, no rest, no wrap-up, never marked as missed, and nothing for who asked for a
    /// person.
    pub bot: bool,
    /// What a contact of a channel costs this operator, whatever queue, channel or gateway say (R3.5).
    pub units: Vec<(Name, u32)>,
    /// At most so many contacts of a queue at once, instead of the queue's own cap (R3.5).
    pub queue_caps: Vec<(Name, u16)>,
    /// Its wrap-up instead of the queue's (R3.6).
    pub wrap_up: Option<Millis>,
}

/// What a gateway knows about an arrival and the rule book decides by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The company that is meant.
    pub principal: Option<Name>,
    /// The org unit where the customer belongs.
    pub unit: Option<Name>,
    /// Who asks.
    pub applicant: Option<Applicant>,
    /// A language, as a skill, that the operator must speak.
    pub language: Option<Name>,
    /// The customer has agreed to another language (R3.1).
    pub any_language: bool,
    /// The phone number.
    pub phone: Option<Name>,
    /// The account with the company.
    pub account: Option<Name>,
    /// The supply point.
    pub supply_point: Option<Name>,
    /// What IVR or bot has found out.
    pub intent: Option<Name>,
    /// IVR or bot has heard of danger to life.
    pub danger: bool,
    /// What entry rules may look at, at most [`crate::limits::FACT_ATTRIBUTES_MAX`].
    pub attributes: Vec<(Name, Name)>,
    /// The case that the contact belongs to, by the centre's own reference.
    pub case: Option<Name>,
    /// How the customer wants the answer: a letter, an e-mail, a call, at the office; stages of a case go by it.
    pub reply_by: Option<Name>,
}
