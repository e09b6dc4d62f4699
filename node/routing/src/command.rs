//! What can be asked of the core. Each command is one struct; the rule that carries it out has the same name
//! in `commands/`. Names travel as text and become ids in the core, so that no node decides by a stale plan.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use crate::action::{Act, Action, CloseEntry, Closure, EntryOf, HandOver, HandOverFrom, MoveFrom};
pub use crate::enquiry::{BeginEnquiry, CloseEnquiry, FreeCaller, PromisedCall};
use crate::ids::{
    AssignmentEpoch, ContactId, Epoch, GatewayId, Incarnation, Millis, Name, NodeId, OperatorId, Party,
    Timestamp,
};
use crate::plan::Plan;
use crate::rules::{Facts, OperatorRules, Treatment, Writer};
pub use crate::together::{
    Consult, ConsultTarget, Context, EndConsult, JoinConsult, RequestPerson, Requester,
};

/// One command of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Nothing but time: fires what is due.
    Tick,
    /// Switches to a new routing plan.
    ApplyPlan(Box<ApplyPlan>),
    /// Adds or changes operators.
    PutOperators(PutOperators),
    /// Opens or resumes the session of a gateway or operator.
    OpenSession(OpenSession),
    /// The party's stream is gone: starts the grace.
    LoseSession(LoseSession),
    /// The party signs out.
    CloseSession(CloseSession),
    /// A node started: sessions of its earlier incarnations are lost.
    NodeStarted(NodeStarted),
    /// A node is silent: its sessions are lost.
    NodeLost(NodeLost),
    /// A contact arrives.
    EnqueueContact(Box<EnqueueContact>),
    /// A gateway knows more about its waiting contact.
    UpdateContact(Box<UpdateContact>),
    /// The customer has gone.
    AbandonContact(AbandonContact),
    /// The operator is ready, or is not and why.
    SetPresence(SetPresence),
    /// The operator takes the offered contact (or the desktop confirms the automatic answer).
    AcceptOffer(AnswerOffer),
    /// The operator does not take it.
    DeclineOffer(AnswerOffer),
    /// The talk is over.
    CompleteContact(CompleteContact),
    /// The operator needs more wrap-up.
    ExtendWrapUp(ExtendWrapUp),
    /// The wrap-up is over.
    EndWrapUp(AnswerOffer),
    /// The operator passes the customer on.
    TransferContact(Box<TransferContact>),
    /// The customer is put on hold, or the talk goes on.
    HoldContact(HoldContact),
    /// A supervisor or administrator acts.
    Act(Box<Act>),
    /// Customers enter or leave the life-support register.
    PutLifeSupport(PutLifeSupport),
    /// The operator takes the next contact of those that nobody is given by itself.
    TakeNext(TakeNext),
    /// A lead hands a waiting contact out.
    AssignContact(AssignContact),
    /// The operator asks for a break.
    AskForBreak(AskForBreak),
    /// The customer wants a person instead of a bot.
    RequestPerson(Box<RequestPerson>),
    /// The operator invites its customer into another channel.
    InviteCompanion(Box<InviteCompanion>),
    /// The operator asks a colleague while the contact stays with it.
    Consult(Consult),
    /// A consultation is over.
    EndConsult(EndConsult),
    /// The customer joins a consultation, or leaves it.
    JoinConsult(JoinConsult),
    /// The customer takes what was offered to it while it waited.
    DeflectContact(DeflectContact),
    /// Customer or operator has written in a thread.
    NoteMessage(NoteMessage),
    /// The operator asks somebody without a seat, and may free the caller.
    BeginEnquiry(Box<BeginEnquiry>),
    /// The caller is freed whose operator has asked.
    FreeCaller(Box<FreeCaller>),
    /// An enquiry is answered, or withdrawn.
    CloseEnquiry(Box<CloseEnquiry>),
    /// The operator asks for help, or no longer does.
    AskForHelp(AskForHelp),
}

/// See [`Command::AskForHelp`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskForHelp {
    /// Who.
    pub operator: OperatorId,
    /// Its session.
    pub epoch: Epoch,
    /// Counts with the declarations of presence; one that is not above the last changes nothing.
    pub seq: u64,
    /// About which contact, which it has in handling; `None` for help in general.
    pub contact: Option<ContactId>,
    /// Whether help is asked for from here on.
    pub on: bool,
}

/// See [`Command::AskForBreak`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskForBreak {
    /// Who.
    pub operator: OperatorId,
    /// Its session.
    pub epoch: Epoch,
    /// Counts with the declarations of presence of one session; one that is not above the last changes nothing.
    pub seq: u64,
    /// Which of its breaks.
    pub name: Name,
}

/// See [`Command::TakeNext`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeNext {
    /// Who.
    pub operator: OperatorId,
    /// Its session.
    pub epoch: Epoch,
    /// Counts with the declarations of presence; one that is not above the last changes nothing.
    pub seq: u64,
    /// Of this queue alone; `None` for the best of all.
    pub queue: Option<Name>,
}

/// See [`Command::AssignContact`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignContact {
    /// The lead.
    pub operator: OperatorId,
    /// Its session.
    pub epoch: Epoch,
    /// Which contact; it waits.
    pub contact: ContactId,
    /// To whom; must be available and fit.
    pub to: Name,
    /// How long nobody else may take it, 1 to [`crate::limits::HAND_OUT_HOLD_MS_MAX`].
    pub hold: Millis,
}

/// See [`Command::PutLifeSupport`]. The core holds who, never why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutLifeSupport {
    /// Who puts them, for the audit.
    pub by: Name,
    /// Hashes of phones, accounts and supply points ([`life_support_hash`]) that enter; with those that leave at
    /// most [`crate::limits::LIFE_SUPPORT_PER_COMMAND_MAX`].
    pub add: Vec<u128>,
    /// Hashes that leave.
    pub remove: Vec<u128>,
}

/// What stands for a phone, account or supply point in the life-support register.
#[must_use]
pub fn life_support_hash(reference: Reference, text: &str) -> u128 {
    let kind: &[u8] = match reference {
        Reference::Phone => b"phone",
        Reference::Account => b"account",
        Reference::SupplyPoint => b"supply_point",
    };
    crate::ids::hash_parts(&[b"life-support", kind, text.as_bytes()])
}

/// By what a customer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// The phone number.
    Phone,
    /// The account with the company.
    Account,
    /// The supply point.
    SupplyPoint,
}

/// See [`Command::ApplyPlan`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyPlan {
    /// The new plan; its version is one above the present one. The same plan again changes nothing.
    pub plan: Plan,
    /// Who applies it, for the audit; `None` in logs of format 1.
    pub by: Option<Name>,
}

/// See [`Command::PutOperators`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutOperators {
    /// At most [`crate::limits::OPERATORS_PER_COMMAND_MAX`]. All are put or none.
    pub operators: Vec<OperatorPlan>,
    /// Who puts them, for the audit; `None` in logs of format 1.
    pub by: Option<Name>,
}

/// An operator as the plan knows one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorPlan {
    /// The name to sign in with, one of a kind.
    pub login: Name,
    /// Skills with levels 1–10.
    pub skills: Vec<(Name, u8)>,
    /// Units of work at once.
    pub capacity: u32,
    /// The org unit; `None` where the centre has none.
    pub unit: Option<Name>,
    /// Rank per queue, 0 first; queues not named have rank 0.
    pub ranks: Vec<(Name, u8)>,
    /// What else the rule book says of it. Logs before format 3 know none.
    #[serde(skip)]
    pub rules: OperatorRules,
}

/// The role a session is opened in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Brings contacts.
    Gateway,
    /// Serves contacts.
    Operator,
}

/// See [`Command::OpenSession`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSession {
    /// Gateway or operator.
    pub role: Role,
    /// The gateway's name (made known by its first session) or the operator's login (must exist).
    pub name: Name,
    /// The node that holds the stream.
    pub node: NodeId,
    /// That node's run.
    pub incarnation: Incarnation,
    /// Chosen anew by the client for each attempt to connect; the same number again gets the same epoch.
    pub nonce: u64,
    /// The epoch of the session that is resumed, if the client had one.
    pub resume: Option<Epoch>,
    /// Take the session over from a stream that still lives (else: refused as already signed in).
    pub takeover: bool,
}

/// See [`Command::LoseSession`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoseSession {
    /// Whose.
    pub party: Party,
    /// Of which opening; another epoch makes it a no-op.
    pub epoch: Epoch,
}

/// See [`Command::CloseSession`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseSession {
    /// Whose.
    pub party: Party,
    /// Of which opening.
    pub epoch: Epoch,
}

/// See [`Command::NodeStarted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStarted {
    /// Which node.
    pub node: NodeId,
    /// Its present run.
    pub incarnation: Incarnation,
}

/// See [`Command::NodeLost`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLost {
    /// Which node.
    pub node: NodeId,
    /// Sessions up to and including this run are lost.
    pub incarnation: Incarnation,
}

/// See [`Command::EnqueueContact`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnqueueContact {
    /// The gateway that brings it.
    pub gateway: GatewayId,
    /// Its session.
    pub epoch: Epoch,
    /// The gateway's own key: the same key again gets the first answer.
    pub key: Name,
    /// Into which queue; where the plan has entry rules it may be empty, and they may choose another.
    pub queue: Name,
    /// Through which channel.
    pub channel: Name,
    /// 0 (life safety) to 9.
    pub tier: u8,
    /// Waiting time granted in advance.
    pub head_start: Millis,
    /// Skills with their least levels.
    pub skills: Vec<(Name, u8)>,
    /// Only operators of this unit or below; `None` for all.
    pub scope: Option<Name>,
    /// Capacity it takes; `None` for the channel's.
    pub units: Option<u32>,
    /// Not to be routed before.
    pub not_before: Option<Timestamp>,
    /// The operator whom the customer knows, and how long to wait for that one alone. An unknown login is
    /// nobody to wait for.
    pub preferred: Option<(Name, Millis)>,
    /// Set for a call-back order: dialled number and principal group. Merged into the open order of the same.
    pub callback: Option<CallbackOrder>,
    /// What the core keeps for others and does not decide by.
    pub details: ContactDetails,
    /// What entry rules and matching decide by. Logs before format 3 know none.
    #[serde(skip)]
    pub facts: Facts,
}

/// What makes two call-back orders one (R4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackOrder {
    /// The number to dial.
    pub number: Name,
    /// The companies on whose behalf one call is enough.
    pub principals: Name,
}

/// What the core keeps for others and does not decide by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactDetails {
    /// The customer, where known.
    pub customer: Option<Name>,
    /// What it is about.
    pub topic: Option<Name>,
    /// The customer's language, for display; a language that must be spoken is a skill.
    pub language: Option<Name>,
    /// Opaque to the core, at most [`crate::limits::ATTRIBUTES_BYTES_MAX`].
    pub attributes: Vec<u8>,
}

/// See [`Command::UpdateContact`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateContact {
    /// The gateway that brought it.
    pub gateway: GatewayId,
    /// Its session.
    pub epoch: Epoch,
    /// Which contact.
    pub contact: ContactId,
    /// Replaces the details; `None` leaves them.
    pub details: Option<ContactDetails>,
    /// A new tier; only a contact that still waits can change it.
    pub tier: Option<u8>,
    /// A new earliest time; only a contact that still waits can change it.
    pub not_before: Option<Timestamp>,
}

/// See [`Command::AbandonContact`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbandonContact {
    /// The gateway that brought it.
    pub gateway: GatewayId,
    /// Its session.
    pub epoch: Epoch,
    /// Which contact.
    pub contact: ContactId,
}

/// What an operator declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeclaredPresence {
    /// Takes contacts.
    Ready,
    /// Takes none; the number is the centre's own not-ready reason (AUX code).
    NotReady(u16),
}

/// See [`Command::SetPresence`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPresence {
    /// Who.
    pub operator: OperatorId,
    /// Its session.
    pub epoch: Epoch,
    /// Counts the declarations of one session from 1; one that is not above the last changes nothing.
    pub seq: u64,
    /// What.
    pub presence: DeclaredPresence,
}

/// An operator's answer about one assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerOffer {
    /// Who.
    pub operator: OperatorId,
    /// Its session.
    pub epoch: Epoch,
    /// Which contact.
    pub contact: ContactId,
    /// Which of its assignments.
    pub assignment: AssignmentEpoch,
}

/// See [`Command::CompleteContact`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompleteContact {
    /// Which assignment, and by whom.
    pub answer: AnswerOffer,
    /// Wrap-up wanted instead of the queue's; cut at the queue's longest.
    pub wrap_up: Option<Millis>,
    /// Where its case goes, if it is the work of one. Logs before format 3 know none.
    #[serde(skip)]
    pub step: CaseStep,
    /// What came of it. Logs before format 3 know none.
    #[serde(skip)]
    pub result: Option<ContactResult>,
}

/// What came of a contact, as its operator says (R1.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactResult {
    /// What it was about.
    pub topic: Name,
    /// What came of it.
    pub outcome: Name,
}

/// See [`Command::DeflectContact`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeflectContact {
    /// Who says so: the gateway that brought it.
    pub gateway: GatewayId,
    /// Its session.
    pub epoch: Epoch,
    /// Which contact.
    pub contact: ContactId,
    /// What the customer takes; must have been offered.
    pub to: Treatment,
}

/// See [`Command::NoteMessage`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteMessage {
    /// Who says so: the gateway that brought the contact.
    pub gateway: GatewayId,
    /// Its session.
    pub epoch: Epoch,
    /// Which contact.
    pub contact: ContactId,
    /// The messages of a contact are counted upwards from 1; one that is not above the last changes nothing.
    pub number: u64,
    /// Who wrote it.
    pub by: Writer,
}

/// See [`Command::InviteCompanion`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteCompanion {
    /// Which assignment, and by whom: the call.
    pub answer: AnswerOffer,
    /// The customer's number in the other channel.
    pub number: Name,
    /// Into which channel.
    pub channel: Name,
}

/// Where a case goes when a stage is completed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaseStep {
    /// To the next stage; behind the last it is done.
    #[default]
    Next,
    /// Back to the stage before.
    Return,
    /// Nowhere: it is closed.
    Close,
}

/// See [`Command::ExtendWrapUp`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendWrapUp {
    /// Which assignment, and by whom.
    pub answer: AnswerOffer,
    /// The new end; cut at the queue's longest, and never earlier than the present one. An end and not a span, so
    /// that the command may be repeated.
    pub until: Timestamp,
}

/// See [`Command::TransferContact`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferContact {
    /// Which assignment, and by whom.
    pub answer: AnswerOffer,
    /// To whom.
    pub to: TransferTarget,
    /// Wrap-up wanted instead of the queue's; cut at the queue's longest.
    pub wrap_up: Option<Millis>,
}

/// Where a contact is passed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferTarget {
    /// Into the line of this queue, which may be its own.
    Queue(Name),
    /// To this operator alone for a while, then into the line of a queue.
    Operator {
        /// Whom; must be available and fit.
        login: Name,
        /// How long nobody else may take it, 1 to [`crate::limits::TRANSFER_HOLD_MS_MAX`].
        hold: Millis,
        /// The queue; `None` for the contact's own.
        queue: Option<Name>,
    },
    /// The talk is over, and a case opens that goes this route. Logs before format 3 know none.
    BackOffice {
        /// Which way it goes.
        route: Name,
        /// The channel of its contacts.
        channel: Name,
        /// How the customer wants the answer; `None` for as was known before.
        reply_by: Option<Name>,
    },
    /// To the colleague who was asked, at once. Logs before format 3 know none.
    Consulted {
        /// The consultation.
        leg: ContactId,
    },
}

/// See [`Command::HoldContact`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldContact {
    /// Which assignment, and by whom.
    pub answer: AnswerOffer,
    /// Whether the customer is on hold from here on.
    pub on: bool,
}

impl Command {
    /// The person behind the command, where one is: these are what the audit lists.
    #[must_use]
    pub fn author(&self) -> Option<&Name> {
        match self {
            Command::ApplyPlan(command) => command.by.as_ref(),
            Command::PutOperators(command) => command.by.as_ref(),
            Command::Act(command) => Some(&command.by),
            Command::PutLifeSupport(command) => Some(&command.by),
            Command::Tick
            | Command::OpenSession(_)
            | Command::LoseSession(_)
            | Command::CloseSession(_)
            | Command::NodeStarted(_)
            | Command::NodeLost(_)
            | Command::EnqueueContact(_)
            | Command::UpdateContact(_)
            | Command::AbandonContact(_)
            | Command::SetPresence(_)
            | Command::AcceptOffer(_)
            | Command::DeclineOffer(_)
            | Command::CompleteContact(_)
            | Command::ExtendWrapUp(_)
            | Command::EndWrapUp(_)
            | Command::TransferContact(_)
            | Command::HoldContact(_)
            | Command::TakeNext(_)
            | Command::AssignContact(_)
            | Command::AskForBreak(_)
            | Command::Consult(_)
            | Command::EndConsult(_)
            | Command::JoinConsult(_)
            | Command::RequestPerson(_)
            | Command::InviteCompanion(_)
            | Command::DeflectContact(_)
            | Command::NoteMessage(_)
            | Command::BeginEnquiry(_)
            | Command::FreeCaller(_)
            | Command::CloseEnquiry(_)
            | Command::AskForHelp(_) => None,
        }
    }
}
