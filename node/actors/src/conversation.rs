//! The actor of one contact's conversation with its gateway: puts what the gateway says about this contact to the
//! log in the order it was said. Made when the gateway speaks of the contact, put away or given to another contact when
//! nothing is under way: a contact that waits is a row, not an actor.

use ractor::{Actor, ActorProcessingErr, ActorRef};
use ringmain_replication::{Answer, Replica};
use ringmain_routing::command::{
    AbandonContact, ContactDetails, Context, DeflectContact, EnqueueContact, NoteMessage, RequestPerson,
    Requester, UpdateContact,
};
use ringmain_routing::rules::{Treatment, Writer};
use ringmain_routing::{Command, ContactId, Epoch, GatewayId, Name, Reply, Timestamp};
use tracing::Instrument;

use crate::event::{Ticket, Unanswered};
use crate::mailbox::Envelope;
use crate::observe::waiting_with;
use crate::offers::OfferTimes;
use crate::proposals::propose_timed;
use crate::task::Alive;

/// What a gateway says about one of its contacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayRequest {
    /// A contact arrives.
    Push(Box<EnqueueContact>),
    /// More is known about it.
    Update(Box<UpdateByKey>),
    /// The customer has gone.
    Abandon {
        /// The gateway's key.
        key: Name,
    },
    /// The customer wants a person instead of a bot.
    RequestPerson {
        /// The gateway's key.
        key: Name,
        /// What was learned.
        context: Option<Context>,
    },
    /// The customer takes what was offered to it while it waited.
    Deflect {
        /// The gateway's key.
        key: Name,
        /// What.
        to: Treatment,
    },
    /// Customer or operator has written in a thread.
    NoteMessage {
        /// The gateway's key.
        key: Name,
        /// The gateway's count.
        number: u64,
        /// Who.
        by: Writer,
    },
}

/// See [`GatewayRequest::Update`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateByKey {
    /// The gateway's key.
    pub key: Name,
    /// Replaces the details; `None` leaves them.
    pub details: Option<ContactDetails>,
    /// A new tier.
    pub tier: Option<u8>,
    /// A new earliest time.
    pub not_before: Option<Timestamp>,
}

impl GatewayRequest {
    /// The gateway's key of the contact.
    #[must_use]
    pub fn key(&self) -> &Name {
        match self {
            GatewayRequest::Push(contact) => &contact.key,
            GatewayRequest::Update(update) => &update.key,
            GatewayRequest::Abandon { key }
            | GatewayRequest::Deflect { key, .. }
            | GatewayRequest::NoteMessage { key, .. }
            | GatewayRequest::RequestPerson { key, .. } => key,
        }
    }
}

impl GatewayRequest {
    /// Whether it has room when there is none: life safety, and what ends work.
    pub(crate) fn is_reserved(&self) -> bool {
        match self {
            GatewayRequest::Push(contact) => contact.tier == 0,
            GatewayRequest::Update(_)
            | GatewayRequest::RequestPerson { .. }
            | GatewayRequest::NoteMessage { .. } => false,
            GatewayRequest::Abandon { .. } | GatewayRequest::Deflect { .. } => true,
        }
    }
}

/// Orders the commands about one contact; owns no truth.
pub(crate) struct ConversationActor;

/// What a conversation's actor is told.
pub(crate) enum ConversationMessage {
    /// By the gateway.
    Request { ticket: Ticket, request: GatewayRequest },
    #[cfg(test)]
    Panic,
}

/// What a conversation's actor starts from.
#[derive(Clone)]
pub(crate) struct ConversationArgs {
    pub(crate) gateway: GatewayId,
    pub(crate) name: Name,
    pub(crate) epoch: Epoch,
    pub(crate) replica: Replica,
    pub(crate) offers: OfferTimes,
}

pub(crate) struct ConversationState {
    args: ConversationArgs,
    /// The contact that the last request was about, if it is known; another one may follow.
    contact: Option<(Name, ContactId)>,
    _alive: Alive,
}

impl Actor for ConversationActor {
    type Msg = Envelope<ConversationMessage>;
    type State = ConversationState;
    type Arguments = ConversationArgs;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        args: ConversationArgs,
    ) -> Result<ConversationState, ActorProcessingErr> {
        Ok(ConversationState { args, contact: None, _alive: Alive::new("conversation") })
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut ConversationState,
    ) -> Result<(), ActorProcessingErr> {
        let Envelope { message, permit } = envelope;
        match message {
            ConversationMessage::Request { ticket, request } => {
                let answer = state.carry_out(request).instrument(ticket.span()).await;
                let waiting = state.waiting(&answer);
                // A stream that is gone has nobody to answer; its gateway's actor ends this one.
                let _ = ticket.answer(answer, waiting).await;
            }
            #[cfg(test)]
            ConversationMessage::Panic => panic!("asked to"),
        }
        drop(permit);
        Ok(())
    }
}

impl ConversationState {
    async fn carry_out(&mut self, request: GatewayRequest) -> Result<Answer, Unanswered> {
        let key = request.key().clone();
        let command = self.command(request)?;
        let answer = propose_timed(&self.args.replica, &self.args.offers, &command)?.await?;
        if let Ok(Reply::Enqueued { contact } | Reply::Merged { contact, .. }) = answer.reply {
            self.contact = Some((key, contact));
        }
        Ok(answer)
    }

    fn command(&mut self, request: GatewayRequest) -> Result<Command, Unanswered> {
        let (gateway, epoch) = (self.args.gateway, self.args.epoch);
        match request {
            GatewayRequest::Push(contact) => Ok(Command::EnqueueContact(contact)),
            GatewayRequest::Update(update) => {
                let UpdateByKey { key, details, tier, not_before } = *update;
                let contact = self.contact(&key)?;
                let update = UpdateContact { gateway, epoch, contact, details, tier, not_before };
                Ok(Command::UpdateContact(Box::new(update)))
            }
            GatewayRequest::Abandon { key } => {
                let contact = self.contact(&key)?;
                Ok(Command::AbandonContact(AbandonContact { gateway, epoch, contact }))
            }
            GatewayRequest::Deflect { key, to } => {
                let contact = self.contact(&key)?;
                Ok(Command::DeflectContact(DeflectContact { gateway, epoch, contact, to }))
            }
            GatewayRequest::NoteMessage { key, number, by } => {
                let contact = self.contact(&key)?;
                Ok(Command::NoteMessage(NoteMessage { gateway, epoch, contact, number, by }))
            }
            GatewayRequest::RequestPerson { key, context } => {
                let contact = self.contact(&key)?;
                let by = Requester::Gateway { gateway, epoch, contact };
                Ok(Command::RequestPerson(Box::new(RequestPerson { by, context, danger: false })))
            }
        }
    }

    /// The contact of the key. The session was opened in the log after every push that an earlier session got an
    /// answer to, so this node knows the contact if the cluster does.
    fn contact(&mut self, key: &Name) -> Result<ContactId, Unanswered> {
        if let Some((known, contact)) = &self.contact
            && known == key
        {
            return Ok(*contact);
        }
        let found = self.args.replica.read(|router| router.contact_by_key(&self.args.name, key));
        let contact = found.ok_or(Unanswered::UnknownKey)?.id;
        self.contact = Some((key.clone(), contact));
        Ok(contact)
    }

    fn waiting(&self, answer: &Result<Answer, Unanswered>) -> u64 {
        match answer {
            Ok(Answer { reply: Ok(Reply::Enqueued { contact }), .. }) => {
                waiting_with(&self.args.replica, *contact)
            }
            Ok(_) | Err(Unanswered::UnknownKey | Unanswered::Propose(_)) => 0,
        }
    }
}
