//! Random commands that make sense often enough: a [`Step`] says in small numbers what to try, and is made a
//! command by looking at the naive model's state, so that answers meet open offers, keys repeat and epochs go stale.

mod act;
pub mod cases;
pub mod enquiries;
mod hand_out;
mod resolve;
pub mod rule_book;
pub mod threads;
pub mod time;
pub mod together;
pub mod triggers;
pub mod waiting;
pub mod world;

use ringmain_routing::command::CaseStep;
use ringmain_routing::limits::TIMESTAMP_MS_MAX;
use ringmain_routing::{Command, Timestamp};

use crate::model::Model;
use enquiries::{AskSpec, CloseSpec, FreeSpec};
use rule_book::{FactsSpec, OperatorRuleSpec, PlanRuleSpec, RegisterSpec};
use threads::NoteSpec;
use together::{ConsultSpec, InviteSpec, LegSpec, RequestSpec};
use waiting::DeflectSpec;

/// One thing to try, and when.
#[derive(Clone, Debug)]
pub struct Step {
    /// How time goes on before it.
    pub wait: Wait,
    /// What.
    pub action: Action,
    /// Whether the state is written out and read back before it.
    pub restore: bool,
}

/// How time goes on before a step.
#[derive(Clone, Copy, Debug)]
pub enum Wait {
    /// Not at all.
    No,
    /// By this many milliseconds.
    Ms(u16),
    /// To the next deadline exactly.
    ToDeadline,
    /// To one millisecond before the next deadline.
    JustBefore,
    /// Behind the next deadline by this much, so that several things are due.
    Beyond(u16),
    /// The stamp goes back; replicated time must not.
    Back(u16),
}

/// What to try. Numbers are places in lists, taken modulo their lengths.
#[derive(Clone, Debug)]
pub enum Action {
    /// Nothing but time.
    Tick,
    /// A new plan.
    Plan(Box<PlanChange>),
    /// Operators are added or changed.
    Put(Vec<OperatorSpec>),
    /// A gateway or operator signs in.
    Open(OpenSpec),
    /// A stream is gone.
    Lose(PartySpec),
    /// A party signs out.
    Close(PartySpec),
    /// A node starts.
    NodeStarted(u8, u8),
    /// A node is silent.
    NodeLost(u8, u8),
    /// A contact arrives.
    Enqueue(Box<ContactSpec>),
    /// A gateway changes its contact.
    Update(UpdateSpec),
    /// A customer leaves.
    Abandon(ContactPick),
    /// An operator is ready or not.
    Presence {
        /// Which operator.
        who: u8,
        /// Ready, or the not-ready reason.
        presence: Option<u8>,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// An operator answers.
    Answer {
        /// What.
        kind: AnswerKind,
        /// About which contact.
        pick: ContactPick,
    },
    /// An operator takes the next contact.
    TakeNext(TakeSpec),
    /// A lead hands a contact out.
    HandOut(HandOutSpec),
    /// An operator asks for a break.
    AskForBreak(BreakAskSpec),
    /// An operator asks for help about a contact, or in general, or no longer does.
    Help(HelpSpec),
    /// A supervisor acts.
    Act(ActSpec),
    /// The life-support register changes.
    Register(RegisterSpec),
    /// A customer who waits takes what was offered.
    Deflect(DeflectSpec),
    /// A customer wants a person.
    RequestPerson(RequestSpec),
    /// An operator asks a colleague.
    Consult(ConsultSpec),
    /// A consultation ends, or the customer joins it.
    OfLeg(LegSpec),
    /// An operator invites the customer of a call to write.
    Invite(InviteSpec),
    /// Customer or operator has written.
    Note(NoteSpec),
    /// An operator asks somebody without a seat.
    Ask(AskSpec),
    /// Its caller is freed.
    Free(FreeSpec),
    /// An enquiry is answered or withdrawn.
    CloseEnquiry(CloseSpec),
}

/// An operator takes the next contact.
#[derive(Clone, Copy, Debug)]
pub struct TakeSpec {
    /// Which operator.
    pub who: u8,
    /// Of which queue alone; 4 is an unknown one.
    pub queue: Option<u8>,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// An operator asks for a break.
#[derive(Clone, Copy, Debug)]
pub struct BreakAskSpec {
    /// Which operator.
    pub who: u8,
    /// Which of its breaks, or of all.
    pub name: u8,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// A lead hands a contact out.
#[derive(Clone, Copy, Debug)]
pub struct HandOutSpec {
    /// Which contact.
    pub pick: ContactPick,
    /// Which of the queue's leads, or which operator.
    pub lead: u8,
    /// To whom; beyond the operators to nobody whom anybody knows.
    pub to: u8,
    /// For how long alone.
    pub hold: u8,
}

/// An action of a supervisor.
#[derive(Clone, Copy, Debug)]
pub struct ActSpec {
    /// Few of them, so that they repeat.
    pub key: u8,
    /// Which action.
    pub kind: ActKind,
    /// A contact, where it is about one.
    pub pick: ContactPick,
    /// An operator, where it is about one.
    pub who: u8,
}

/// What a supervisor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActKind {
    /// Ready, or the not-ready reason.
    Force(Option<u8>),
    /// Signs somebody out.
    SignOut,
    /// Takes a contact back.
    Requeue,
    /// Ends a contact.
    Close,
    /// Moves so many contacts, from the one picked on, to this queue.
    Move(u8, u8),
    /// Moves the first in line of one queue to another.
    MoveLine(u8, u8, Option<u8>),
    /// A new tier and head start.
    Lift(Option<u8>, Option<u8>),
    /// Hands a contact out for so long.
    HandOut(u8),
    /// Everything open of one operator, or of this unit, to this one or the line, for so long; with so many notes.
    HandOver(Option<u8>, Option<u8>, u8, u8),
    /// Breaks wait, or no longer do.
    Defer(bool),
    /// Closes a queue (0 to 3; 4 is unknown) or a unit (5 to 8; 9 is unknown), until this time relative to now minus 50.
    CloseEntry(u8, Option<u8>),
    /// Opens it again.
    OpenEntry(u8),
    /// Answers an enquiry, or withdraws it.
    CloseEnquiry(u8, Option<u8>),
    /// Takes part in a talk: in this way, beyond 2 no longer.
    Supervise(u8),
    /// Helps somebody.
    AnswerHelp,
    /// Nothing but a note.
    Note,
}

/// An operator asks for help.
#[derive(Clone, Copy, Debug)]
pub struct HelpSpec {
    /// About which contact, and by whoever has it; who asks in general is picked by its place.
    pub pick: ContactPick,
    /// Whether a contact is named.
    pub about: bool,
    /// Whether help is asked for.
    pub on: bool,
}

/// Where an operator passes a contact to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferSpec {
    /// The queue; beyond the plan's for the contact's own or an unknown one.
    pub queue: u8,
    /// To whom, and for how long alone.
    pub to: Option<(u8, u8)>,
    /// Wrap-up wanted.
    pub wrap_up: Option<u8>,
}

/// Changes the plan in force.
#[derive(Clone, Debug)]
pub struct PlanChange {
    /// Which queue.
    pub queue: u8,
    /// Into what.
    pub spec: world::QueueSpec,
    /// New spans of sessions.
    pub sessions: Option<world::SessionSpec>,
    /// New rules of the plan.
    pub rules: Option<PlanRuleSpec>,
    /// What is wrong with it.
    pub flaw: PlanFlaw,
}

/// What is wrong with a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanFlaw {
    /// Nothing.
    No,
    /// The same as in force.
    Same,
    /// A version that is not the next.
    Version,
    /// A queue is missing.
    Conflict,
    /// A queue requires an unknown skill.
    UnknownSkill,
    /// The default queue is unknown.
    UnknownQueue,
    /// The second step of a ladder is narrower than the first.
    NarrowStep,
    /// Tier 0 for everybody.
    Tier0,
    /// A company is missing.
    Principal,
    /// Opening hours that the plan lacks.
    Hours,
    /// A lead twice.
    Leads,
    /// No time at all to wait for the same person.
    SamePerson,
}

/// An operator to be put.
#[derive(Clone, Debug)]
pub struct OperatorSpec {
    /// Which.
    pub who: u8,
    /// Bits of skills; two bits of level each.
    pub skills: u8,
    /// Units.
    pub capacity: u8,
    /// Unit, if any.
    pub unit: Option<u8>,
    /// Rank of each queue, two bits each.
    pub ranks: u8,
    /// Channels, companies and caps.
    pub rules: Option<OperatorRuleSpec>,
    /// Names a skill that the plan lacks.
    pub unknown_skill: bool,
}

/// An opening of a session.
#[derive(Clone, Copy, Debug)]
pub struct OpenSpec {
    /// Whose.
    pub party: PartyPick,
    /// Node 1 to 3.
    pub node: u8,
    /// Its run, 1 to 3.
    pub incarnation: u8,
    /// Few of them, so that they repeat.
    pub nonce: u8,
    /// Names the present epoch (or, with 2, another).
    pub resume: u8,
    /// Takes over.
    pub takeover: bool,
}

/// A party by number.
#[derive(Clone, Copy, Debug)]
pub enum PartyPick {
    /// A gateway.
    Gateway(u8),
    /// An operator.
    Operator(u8),
}

/// A party and how the command about it is wrong.
#[derive(Clone, Copy, Debug)]
pub struct PartySpec {
    /// Which.
    pub party: PartyPick,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What is wrong with a command of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    No,
    /// Another epoch.
    Epoch,
    /// Another assignment, or an old sequence number.
    Assignment,
    /// Another party.
    Party,
    /// Nobody is known under the id.
    Unknown,
}

/// A contact to be brought.
#[derive(Clone, Debug)]
pub struct ContactSpec {
    /// By which gateway.
    pub gateway: u8,
    /// Under which key.
    pub key: u8,
    /// Into which queue.
    pub queue: u8,
    /// Through which channel.
    pub channel: u8,
    /// Tier; above 9 is out of bounds.
    pub tier: u8,
    /// Head start.
    pub head_start: u8,
    /// Skills by bits; two bits of level each.
    pub skills: u8,
    /// Scope, if any.
    pub scope: Option<u8>,
    /// Units instead of the channel's.
    pub units: Option<u8>,
    /// Earliest time, relative to now minus 50.
    pub not_before: Option<u8>,
    /// Known operator and hold.
    pub preferred: Option<(u8, u8)>,
    /// Dialled number.
    pub callback: Option<u8>,
    /// Who calls.
    pub customer: Option<u8>,
    /// What it is about.
    pub topic: Option<u8>,
    /// What else the gateway knows.
    pub facts: Option<FactsSpec>,
    /// What is wrong.
    pub flaw: ContactFlaw,
}

/// What is wrong with a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactFlaw {
    /// Nothing.
    No,
    /// The body of an earlier contact again, under its key.
    Repeat,
    /// A queue that the plan lacks.
    Queue,
    /// A skill that the plan lacks.
    Skill,
    /// A key that is too long.
    Key,
    /// Too many attributes.
    Attributes,
    /// A wrong epoch.
    Epoch,
    /// No queue at all.
    NoQueue,
    /// A unit among the facts that the plan lacks.
    Unit,
    /// A language that the plan lacks.
    Language,
    /// A company that the plan lacks.
    Principal,
    /// A phone without a digit.
    Phone,
    /// A case without a word.
    Case,
}

/// An update of a contact.
#[derive(Clone, Copy, Debug)]
pub struct UpdateSpec {
    /// Which.
    pub pick: ContactPick,
    /// New details.
    pub details: Option<u8>,
    /// New tier.
    pub tier: Option<u8>,
    /// New earliest time, relative to now minus 50.
    pub not_before: Option<u8>,
}

/// A contact by number.
#[derive(Clone, Copy, Debug)]
pub struct ContactPick {
    /// Which of those in the fitting state.
    pub which: u8,
    /// Any contact, whatever its state.
    pub any: bool,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What an operator answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// Takes the offer.
    Accept,
    /// Does not.
    Decline,
    /// The talk is over; wrap-up wanted, where the case goes, and what it was about and what came of it.
    Complete(Option<u8>, CaseStep, Option<(u8, u8)>),
    /// The talk is over, the rest is a case on this route through this channel.
    BackOffice(u8, u8),
    /// More wrap-up, to this time relative to now minus 50.
    Extend(u8),
    /// Wrap-up is over.
    EndWrapUp,
    /// Passes the customer on.
    Transfer(TransferSpec),
    /// On hold, or not.
    Hold(bool),
}

impl Step {
    /// The command of this step and its stamp, in the model's present state.
    #[must_use]
    pub fn resolve(&self, model: &Model) -> (Timestamp, Command) {
        (self.wait.stamp(model), resolve::command(&self.action, model))
    }
}

impl Wait {
    fn stamp(self, model: &Model) -> Timestamp {
        let now = model.now().0;
        let next = model.next_deadline().filter(|deadline| deadline.0 < TIMESTAMP_MS_MAX);
        // What is kept for good has the last moment for its end: nobody waits for that.
        let next = next.map_or(now + 10, |deadline| deadline.0);
        Timestamp(match self {
            Wait::No => now,
            Wait::Ms(span) => now + u64::from(span),
            Wait::ToDeadline => next,
            Wait::JustBefore => now.max(next.saturating_sub(1)),
            Wait::Beyond(span) => next + u64::from(span),
            Wait::Back(span) => now.saturating_sub(u64::from(span)),
        })
    }
}
