//! What follows from a command: one reply for the one who asked, effects for those who must hear of it.
//! Effects repeat (delivery is at least once); each has a [`crate::Position`] by which receivers drop repeats.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::case::CaseEnd;
use crate::enquiry::EnquiryNews;
use crate::ids::{
    AssignmentEpoch, CaseId, ChannelId, ContactId, EnquiryId, Epoch, GatewayId, OperatorId, Party, QueueId,
    Timestamp,
};
use crate::refusal::Refusal;
use crate::rules::Treatment;
use crate::supervision::SupervisedBy;

/// What one command led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// For the one who asked.
    pub reply: Result<Reply, Refusal>,
    /// For those who must hear of it, in order. Holds too what timers did that fired before the command.
    pub effects: Vec<Effect>,
}

/// The answer to an accepted command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Carried out (or already so).
    Done,
    /// The contact is in the care of the cluster.
    Enqueued {
        /// Its id from now on.
        contact: ContactId,
    },
    /// The call-back order joined an open one.
    Merged {
        /// The id under which this order is remembered.
        contact: ContactId,
        /// The open order.
        into: ContactId,
    },
    /// The session is open.
    Opened {
        /// Whose.
        party: Party,
        /// To be carried by each command of the session.
        epoch: Epoch,
    },
    /// The plan applies.
    PlanApplied {
        /// Its version.
        version: u64,
    },
    /// The action is carried out, or under way as a job.
    Acted {
        /// How many contacts it concerns; 0 when there was nothing to change.
        contacts: u32,
    },
    /// The operator has taken a contact and is connected to it.
    Taken {
        /// Which.
        contact: ContactId,
    },
    /// What came of asking for a break.
    Break(BreakAnswer),
    /// Somebody is asked.
    Asked {
        /// The enquiry.
        enquiry: EnquiryId,
    },
}

/// What came of asking for a break (R3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BreakAnswer {
    /// The operator is on a break.
    Begun {
        /// Until then.
        until: Timestamp,
    },
    /// It begins when the operator's hands are empty.
    WhenFree,
    /// It begins when others of the team are back or breaks are deferred no longer, at its latest moment anyway.
    WhenOthersReturn,
}

/// Why a contact ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// Served by this operator.
    Completed(OperatorId),
    /// The customer left before being served.
    Abandoned,
    /// The order joined this open one.
    Merged(ContactId),
    /// Its operator was lost and the queue says to close.
    OperatorLost(OperatorId),
    /// A supervisor closed it; the operator is the one who had it in handling or wrap-up.
    Closed(Option<OperatorId>),
    /// Nobody could serve it as usual, and this is what it gets instead.
    Deflected(Treatment),
    /// A consultation that is over; the operator is the one who had it in handling or wrap-up.
    ConsultOver(Option<OperatorId>),
}

/// Why an offer or assignment was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WithdrawReason {
    /// The customer left.
    Abandoned,
    /// Nobody answered in time (RONA).
    Unanswered,
    /// The operator declined.
    Declined,
    /// The operator's session was lost or closed.
    SessionLost,
    /// The operator passed the customer on.
    Transferred,
    /// A supervisor took the contact back or closed it.
    Supervisor,
    /// Life safety needed the operator.
    LifeSafety,
    /// A person was requested of the bot that had it.
    PersonRequested,
    /// The consultation is over.
    ConsultOver,
    /// It was handed over to a colleague or back to the line.
    HandedOver,
    /// Somebody more urgent needed the operator, and the work had been parked as often as its queue allows.
    ParkedOften,
    /// The operator of a thread owed its customer a reply for too long.
    ReplyOverdue,
    /// The customer of a thread that rested has written, and its operator had no room for it in time.
    NotResumed,
}

/// What happens in a thread (R1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThreadNews {
    /// The customer waits for a reply, which is due then.
    ReplySoon {
        /// When.
        due: Timestamp,
    },
    /// The customer waits for a reply that was due.
    ReplyOverdue,
    /// The customer has been silent for so long that the thread ends.
    Closed,
}

/// What an operator may answer to an offer, and what silence means (R3.6). What logs wrote as yes or no reads as the first two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OfferMode {
    /// Accept or decline; silence is RONA.
    Offered,
    /// The desktop answers by itself, with no right to decline; silence is RONA.
    Confirmed,
    /// Accept or decline; silence connects them.
    Previewed,
}

/// Something to be told to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// A contact waits in its queue (to its gateway; on arrival and whenever it returns).
    AnnounceQueued {
        /// Which.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
    },
    /// Ring: the operator has until `deadline` (to the operator).
    RingOperator {
        /// Which contact.
        contact: ContactId,
        /// Who is rung.
        operator: OperatorId,
        /// To be carried by the answer.
        assignment: AssignmentEpoch,
        /// When silence becomes RONA; of a preview, when they are connected.
        deadline: Timestamp,
        /// What may be answered, and what silence means.
        mode: OfferMode,
    },
    /// The contact has an operator who may have to answer yet (to its gateway).
    AnnounceAssigned {
        /// Which contact.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// Who.
        operator: OperatorId,
        /// Which of its assignments.
        assignment: AssignmentEpoch,
    },
    /// Connect customer and operator (to the contact's gateway and to the operator).
    ConnectContact {
        /// Which contact.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// Who.
        operator: OperatorId,
        /// Which of its assignments.
        assignment: AssignmentEpoch,
    },
    /// The assignment is void (to the contact's gateway and to the operator).
    WithdrawAssignment {
        /// Which contact.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// Who had it.
        operator: OperatorId,
        /// Which of its assignments.
        assignment: AssignmentEpoch,
        /// Why.
        reason: WithdrawReason,
    },
    /// The talk is over, wrap-up runs until `until` (to the operator).
    StartWrapUp {
        /// Which contact.
        contact: ContactId,
        /// Who.
        operator: OperatorId,
        /// Which of its assignments.
        assignment: AssignmentEpoch,
        /// When it ends by itself.
        until: Timestamp,
    },
    /// The operator is free of the contact (to the operator).
    ReleaseOperator {
        /// Which contact.
        contact: ContactId,
        /// Who.
        operator: OperatorId,
        /// Which of its assignments.
        assignment: AssignmentEpoch,
    },
    /// The contact ended (to its gateway).
    AnnounceEnded {
        /// Which.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// Why.
        reason: EndReason,
    },
    /// The operator's presence changed (to the operator).
    AnnouncePresence {
        /// Who.
        operator: OperatorId,
        /// What it is now.
        presence: PresenceState,
    },
    /// Another stream has taken the session over or it was lost: the stream of `epoch` must end (to the party's
    /// stream of that epoch).
    EndStream {
        /// Whose.
        party: Party,
        /// Which opening is over.
        epoch: Epoch,
    },
    /// The customer is put on hold, or the talk goes on (to the contact's gateway and to the operator).
    HoldContact {
        /// Which contact.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// Who put it on hold.
        operator: OperatorId,
        /// Which of its assignments.
        assignment: AssignmentEpoch,
        /// Whether it is on hold from here on.
        on: bool,
    },
    /// The contact is in another queue from here on (to its gateway).
    AnnounceMoved {
        /// Which.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// The queue it is in.
        queue: QueueId,
    },
    /// A stage of a case begins (to the case's gateway).
    AnnounceStage {
        /// Which case.
        case: CaseId,
        /// Whose.
        gateway: GatewayId,
        /// The contact that is its work.
        contact: ContactId,
        /// The stage's place in the route, from 0.
        stage: u16,
        /// When the stage is due.
        due: Timestamp,
    },
    /// A stage's deadline is near (to the case's gateway).
    WarnCase {
        /// Which case.
        case: CaseId,
        /// Whose.
        gateway: GatewayId,
        /// When the stage is due.
        due: Timestamp,
    },
    /// A deadline has passed (to the case's gateway).
    EscalateCase {
        /// Which case.
        case: CaseId,
        /// Whose.
        gateway: GatewayId,
        /// The work that is late; `None` where the case as a whole is.
        contact: Option<ContactId>,
    },
    /// A case is over (to its gateway).
    AnnounceCaseClosed {
        /// Which.
        case: CaseId,
        /// Whose.
        gateway: GatewayId,
        /// Why.
        end: CaseEnd,
        /// Whether it was closed within its term.
        in_term: bool,
    },
    /// A case that the operator watches is near or past a deadline (to the operator).
    NotifyWatcher {
        /// Who watches.
        operator: OperatorId,
        /// Which case.
        case: CaseId,
        /// Whether the deadline has passed; else it is near.
        escalated: bool,
    },
    /// Invite the customer into another channel; the contact's view has the number (to the contact's gateway and to the
    /// operator).
    InviteCompanion {
        /// The call.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// Who invites.
        operator: OperatorId,
        /// Which of the call's assignments.
        assignment: AssignmentEpoch,
        /// Into which channel.
        channel: ChannelId,
    },
    /// A contact is a consultation about another one (to the contact's gateway and to the operator who asks).
    AnnounceConsult {
        /// The consultation.
        contact: ContactId,
        /// What it is about.
        of: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// Who asks.
        operator: OperatorId,
    },
    /// The customer joins a consultation, or leaves it (to the contact's gateway and to the operator who was asked).
    JoinConsult {
        /// The consultation.
        contact: ContactId,
        /// What it is about.
        of: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// Who was asked.
        operator: OperatorId,
        /// Whether all three talk from here on.
        on: bool,
    },
    /// How long a contact that waits is likely to wait, as the queue's plan says it to customers (to its gateway, behind
    /// [`Effect::AnnounceQueued`]).
    AnnounceExpectedWait {
        /// Which.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// How many of the queue's thresholds the expected wait has reached.
        band: u8,
    },
    /// Offer the customer, who waits, something else; it stays in line (to the contact's gateway).
    OfferDeflection {
        /// Which.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// What.
        to: Treatment,
    },
    /// Life safety has waited for so long that the external duty number is called; it stays in line (to the contact's
    /// gateway).
    CallDuty {
        /// Which contact.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
    },
    /// Work of the operator rests because somebody more urgent took its room, or goes on (to the contact's gateway and
    /// to the operator).
    ParkContact {
        /// Which contact.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// In whose hands it stays.
        operator: OperatorId,
        /// Which of its assignments.
        assignment: AssignmentEpoch,
        /// Whether it rests from here on.
        on: bool,
    },
    /// Somebody waits for too long in a queue, or nobody does any more (to a lead of the queue).
    AnnounceAlarm {
        /// The lead.
        operator: OperatorId,
        /// Which queue.
        queue: QueueId,
        /// The trigger that went on or off, by its place in the plan; `None` for the queue's alarm.
        trigger: Option<u32>,
        /// Whether the alarm begins; else it is over.
        on: bool,
    },
    /// A reply is due soon or was, or a silent customer's thread ends (to the contact's gateway and to the operator).
    NotifyThread {
        /// Which contact.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// In whose hands it is, or was last.
        operator: OperatorId,
        /// Which of its assignments.
        assignment: AssignmentEpoch,
        /// What.
        news: ThreadNews,
    },
    /// Something happened to an enquiry; its view has the rest (to the gateway of the contact that it is about).
    AnnounceEnquiry {
        /// Which.
        enquiry: EnquiryId,
        /// What it is about.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// What.
        news: EnquiryNews,
    },
    /// Something happened to an enquiry that concerns the operator (to the operator).
    NotifyEnquiry {
        /// Who is told.
        operator: OperatorId,
        /// Which.
        enquiry: EnquiryId,
        /// What.
        news: EnquiryNews,
    },
    /// A supervisor takes part in a talk from here on, or no longer does; the contact's view says who has the seat (to the
    /// contact's gateway).
    SuperviseContact {
        /// Which contact.
        contact: ContactId,
        /// Whose.
        gateway: GatewayId,
        /// Which of its assignments.
        assignment: AssignmentEpoch,
        /// Which supervisor, by its number at this contact.
        seat: u8,
        /// How.
        how: SupervisedBy,
        /// Whether it does from here on.
        on: bool,
    },
    /// An operator asks for help, or no longer does (to a lead or head, and to who asked when somebody helps).
    AnnounceHelp {
        /// Who is told.
        operator: OperatorId,
        /// Who asked.
        of: OperatorId,
        /// About which contact.
        contact: Option<ContactId>,
        /// Whether help is asked for from here on.
        on: bool,
    },
}

/// An operator's presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PresenceState {
    /// Not signed in.
    Offline,
    /// Takes contacts.
    Ready,
    /// Takes none, for this reason (AUX code).
    NotReady(u16),
    /// Left an offer unanswered: no new offers until then, or a click.
    Missed {
        /// When it ends by itself.
        until: Timestamp,
    },
    /// On a break (R3.11).
    Break {
        /// The reason that the break's rule gives (AUX code).
        reason: u16,
        /// When it ends by itself.
        until: Timestamp,
    },
}

impl Effect {
    /// The gateway that must hear of it, if one must.
    #[must_use]
    pub fn gateway(&self) -> Option<GatewayId> {
        match *self {
            Effect::AnnounceQueued { gateway, .. }
            | Effect::AnnounceAssigned { gateway, .. }
            | Effect::ConnectContact { gateway, .. }
            | Effect::WithdrawAssignment { gateway, .. }
            | Effect::HoldContact { gateway, .. }
            | Effect::ParkContact { gateway, .. }
            | Effect::AnnounceMoved { gateway, .. }
            | Effect::AnnounceEnded { gateway, .. }
            | Effect::AnnounceStage { gateway, .. }
            | Effect::WarnCase { gateway, .. }
            | Effect::EscalateCase { gateway, .. }
            | Effect::AnnounceCaseClosed { gateway, .. }
            | Effect::InviteCompanion { gateway, .. }
            | Effect::AnnounceConsult { gateway, .. }
            | Effect::JoinConsult { gateway, .. }
            | Effect::AnnounceExpectedWait { gateway, .. }
            | Effect::OfferDeflection { gateway, .. }
            | Effect::CallDuty { gateway, .. }
            | Effect::NotifyThread { gateway, .. }
            | Effect::AnnounceEnquiry { gateway, .. }
            | Effect::SuperviseContact { gateway, .. }
            | Effect::EndStream { party: Party::Gateway(gateway), .. } => Some(gateway),
            Effect::NotifyWatcher { .. }
            | Effect::NotifyEnquiry { .. }
            | Effect::AnnounceHelp { .. }
            | Effect::AnnounceAlarm { .. }
            | Effect::RingOperator { .. }
            | Effect::StartWrapUp { .. }
            | Effect::ReleaseOperator { .. }
            | Effect::AnnouncePresence { .. }
            | Effect::EndStream { party: Party::Operator(_), .. } => None,
        }
    }

    /// The operator who must hear of it, if one must.
    #[must_use]
    pub fn operator(&self) -> Option<OperatorId> {
        match *self {
            Effect::RingOperator { operator, .. }
            | Effect::ConnectContact { operator, .. }
            | Effect::WithdrawAssignment { operator, .. }
            | Effect::HoldContact { operator, .. }
            | Effect::ParkContact { operator, .. }
            | Effect::StartWrapUp { operator, .. }
            | Effect::ReleaseOperator { operator, .. }
            | Effect::AnnouncePresence { operator, .. }
            | Effect::NotifyWatcher { operator, .. }
            | Effect::AnnounceAlarm { operator, .. }
            | Effect::InviteCompanion { operator, .. }
            | Effect::AnnounceConsult { operator, .. }
            | Effect::JoinConsult { operator, .. }
            | Effect::NotifyThread { operator, .. }
            | Effect::NotifyEnquiry { operator, .. }
            | Effect::AnnounceHelp { operator, .. }
            | Effect::EndStream { party: Party::Operator(operator), .. } => Some(operator),
            Effect::AnnounceQueued { .. }
            | Effect::AnnounceAssigned { .. }
            | Effect::AnnounceEnded { .. }
            | Effect::AnnounceMoved { .. }
            | Effect::AnnounceStage { .. }
            | Effect::WarnCase { .. }
            | Effect::EscalateCase { .. }
            | Effect::AnnounceCaseClosed { .. }
            | Effect::AnnounceExpectedWait { .. }
            | Effect::OfferDeflection { .. }
            | Effect::CallDuty { .. }
            | Effect::AnnounceEnquiry { .. }
            | Effect::SuperviseContact { .. }
            | Effect::EndStream { party: Party::Gateway(_), .. } => None,
        }
    }
}
