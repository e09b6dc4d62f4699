//! What can be asked of the core. Each command is one struct; the rule that carries it out has the same name
//! in `commands/`. Names travel as text and become ids in the core, so that no node decides by a stale plan.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{
    AssignmentEpoch, ContactId, Epoch, GatewayId, Incarnation, Millis, Name, NodeId, OperatorId, Party,
    Timestamp,
};
use crate::plan::Plan;

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
}

/// See [`Command::ApplyPlan`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyPlan {
    /// The new plan; its version is one above the present one. The same plan again changes nothing.
    pub plan: Plan,
}

/// See [`Command::PutOperators`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutOperators {
    /// At most [`crate::limits::OPERATORS_PER_COMMAND_MAX`]. All are put or none.
    pub operators: Vec<OperatorPlan>,
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
    /// Into which queue.
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
