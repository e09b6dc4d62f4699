//! The actor of one gateway's stream. It passes what the gateway says about a contact to that contact's
//! conversation, which it makes on demand, and puts away when idle.
//!
//! **Invariant:** a conversation goes over to another contact only when nothing said about its contact is under way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use ringmain_replication::{ProposeError, Replica};
use ringmain_routing::{
    ContactId, ContactState, ContactView, LogIndex, Millis, Name, Party, Router, Timestamp,
};
use ringmain_telemetry::{labels, names};

use crate::conversation::{ConversationActor, ConversationArgs, ConversationMessage, GatewayRequest};
use crate::event::{Orphan, ReconcileReport, SessionEvent, Ticket, Unanswered};
use crate::hub::{Hub, Outlet};
use crate::limits;
use crate::mailbox::{Envelope, Mailbox, NotTold};
use crate::offers::OfferTimes;
use crate::session::{Over, Progress, SessionSeed, Stream, StreamMessage, next_part, stop_if_over};

/// Of the oldest conversations so many may be busy before a new one is made: at most one is stuck as a rule.
const BUSY_LOOKED_AT: usize = 2;

/// Holds the stream of one gateway; owns no truth.
pub(crate) struct GatewayActor;

/// What a gateway's actor is told.
pub(crate) enum GatewayMessage {
    /// By the delivery task or the supervisor.
    Stream(StreamMessage),
    /// By the gateway, about one contact.
    Request { ticket: Ticket, request: GatewayRequest },
    /// By the gateway: contacts it has in hand.
    Reconcile { op: u64, keys: Vec<Name>, last: bool },
    /// By the timer: put idle conversations away.
    Sweep,
    #[cfg(test)]
    Panic,
    #[cfg(test)]
    CrashConversation(Name),
}

/// What a gateway's actor starts from.
pub(crate) struct GatewayArgs {
    pub(crate) seed: SessionSeed,
    pub(crate) hub: Hub,
    pub(crate) replica: Replica,
    pub(crate) offers: OfferTimes,
    pub(crate) progress: Arc<Progress>,
}

pub(crate) struct GatewayState {
    stream: Stream,
    replica: Replica,
    offers: OfferTimes,
    conversations: BTreeMap<Name, Conversation>,
    /// Keys of the conversations by their actors, which say by number that they have ended.
    keys: BTreeMap<ActorId, Name>,
    /// Keys of all conversations, those first that have been about their contact for longest; some may be over.
    by_age: VecDeque<Name>,
    /// Keys that the gateway has named so far, and in which operation.
    named: (u64, BTreeSet<Name>),
}

struct Conversation {
    mailbox: Mailbox<ConversationMessage>,
    idle_sweeps: u32,
}

impl Actor for GatewayActor {
    type Msg = Envelope<GatewayMessage>;
    type State = GatewayState;
    type Arguments = GatewayArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        args: GatewayArgs,
    ) -> Result<GatewayState, ActorProcessingErr> {
        let GatewayArgs { seed, hub, replica, offers, progress } = args;
        let outlet = Outlet::Gateway(Mailbox::new(myself, limits::SESSION_EFFECTS_MAX, "conversation"));
        let stream = Stream::open(seed, hub, replica.clone(), offers.clone(), outlet, progress);
        Ok(GatewayState {
            stream,
            replica,
            offers,
            conversations: BTreeMap::new(),
            keys: BTreeMap::new(),
            by_age: VecDeque::new(),
            named: (0, BTreeSet::new()),
        })
    }

    async fn post_start(
        &self,
        myself: ActorRef<Self::Msg>,
        state: &mut GatewayState,
    ) -> Result<(), ActorProcessingErr> {
        myself.send_interval(limits::CONVERSATION_SWEEP, || Envelope {
            message: GatewayMessage::Sweep,
            permit: None,
        });
        let started = state.stream.start().await;
        stop_if_over(&myself, started);
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut GatewayState,
    ) -> Result<(), ActorProcessingErr> {
        let Envelope { message, permit } = envelope;
        let mut heeded = state.heed(message, &myself).await;
        drop(permit);
        if heeded.is_ok() {
            heeded = state.stream.settle().await;
        }
        stop_if_over(&myself, heeded);
        Ok(())
    }

    /// A conversation that failed is forgotten; the next word about its contact makes a new one, which finds the
    /// contact in the replicated state.
    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut GatewayState,
    ) -> Result<(), ActorProcessingErr> {
        let Some(id) = event.actor_id() else { return Ok(()) };
        if let SupervisionEvent::ActorFailed(_, error) = &event {
            metrics::counter!(names::ACTOR_RESTARTS, labels::ACTOR => "conversation").increment(1);
            tracing::error!(actor = "conversation", error = %error, "actor failed");
        }
        if matches!(event, SupervisionEvent::ActorFailed(..) | SupervisionEvent::ActorTerminated(..)) {
            state.forget(id);
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Self::Msg>,
        state: &mut GatewayState,
    ) -> Result<(), ActorProcessingErr> {
        state.stream.close();
        Ok(())
    }
}

impl GatewayState {
    async fn heed(
        &mut self,
        message: GatewayMessage,
        myself: &ActorRef<Envelope<GatewayMessage>>,
    ) -> Result<(), Over> {
        match message {
            GatewayMessage::Stream(message) => self.stream.heed(message).await,
            GatewayMessage::Request { ticket, request } => self.pass_on(ticket, request, myself).await,
            GatewayMessage::Reconcile { op, keys, last } => self.reconcile(op, keys, last).await,
            GatewayMessage::Sweep => {
                self.sweep();
                Ok(())
            }
            #[cfg(test)]
            GatewayMessage::Panic => panic!("asked to"),
            #[cfg(test)]
            GatewayMessage::CrashConversation(key) => {
                let conversation = self.conversations.get(&key).expect("the test knows its conversation");
                conversation.mailbox.try_tell(ConversationMessage::Panic).expect("it has room");
                Ok(())
            }
        }
    }

    async fn pass_on(
        &mut self,
        ticket: Ticket,
        request: GatewayRequest,
        myself: &ActorRef<Envelope<GatewayMessage>>,
    ) -> Result<(), Over> {
        let Some(mailbox) = self.conversation(&request, myself).await else {
            return refuse_overload(ticket).await;
        };
        match mailbox.try_reserve() {
            Ok(room) => {
                // A conversation that ended this moment drops the ticket, which answers "unknown".
                let _ = mailbox.send(ConversationMessage::Request { ticket, request }, room);
                Ok(())
            }
            Err(NotTold::Full | NotTold::Gone) => refuse_overload(ticket).await,
        }
    }

    /// The conversation about the contact of a request: the one that is about it, or one that is idle, or a new one;
    /// `None` when there are too many.
    async fn conversation(
        &mut self,
        request: &GatewayRequest,
        myself: &ActorRef<Envelope<GatewayMessage>>,
    ) -> Option<Mailbox<ConversationMessage>> {
        let key = request.key();
        if let Some(conversation) = self.conversations.get_mut(key) {
            conversation.idle_sweeps = 0;
            return Some(conversation.mailbox.clone());
        }
        let reserve = if request.is_reserved() { limits::CONVERSATIONS_RESERVED } else { 0 };
        let mailbox = match self.take_idle() {
            Some(mailbox) => mailbox,
            None => {
                if self.conversations.len() >= limits::CONVERSATIONS_PER_GATEWAY_MAX {
                    self.put_away(0);
                }
                if self.conversations.len() >= limits::CONVERSATIONS_PER_GATEWAY_MAX + reserve {
                    return None;
                }
                self.new_conversation(myself).await?
            }
        };
        self.keys.insert(mailbox.actor().get_id(), key.clone());
        self.by_age.push_back(key.clone());
        let conversation = Conversation { mailbox: mailbox.clone(), idle_sweeps: 0 };
        self.conversations.insert(key.clone(), conversation);
        Some(mailbox)
    }

    /// Takes a conversation in which nothing is under way from its contact, if one of the oldest is such. Making an
    /// actor costs several times as much as what it then does.
    fn take_idle(&mut self) -> Option<Mailbox<ConversationMessage>> {
        let mut busy = 0;
        while busy < BUSY_LOOKED_AT {
            let key = self.by_age.pop_front()?;
            match self.conversations.get(&key) {
                Some(conversation) if conversation.mailbox.is_idle() => {
                    return self.conversations.remove(&key).map(|conversation| conversation.mailbox);
                }
                Some(_) => {
                    busy += 1;
                    self.by_age.push_back(key);
                }
                None => {}
            }
        }
        None
    }

    async fn new_conversation(
        &self,
        myself: &ActorRef<Envelope<GatewayMessage>>,
    ) -> Option<Mailbox<ConversationMessage>> {
        let seed = &self.stream.seed;
        let Party::Gateway(gateway) = seed.party else { return None };
        let (replica, offers) = (self.replica.clone(), self.offers.clone());
        let (name, epoch) = (seed.name.clone(), seed.epoch);
        let args = ConversationArgs { gateway, name, epoch, replica, offers };
        let spawned = Actor::spawn_linked(None, ConversationActor, args, myself.get_cell()).await;
        let (actor, _) = spawned.ok()?;
        Some(Mailbox::new(actor, limits::CONVERSATION_REQUESTS_MAX, "conversation"))
    }

    fn sweep(&mut self) {
        for conversation in self.conversations.values_mut() {
            if conversation.mailbox.is_idle() {
                conversation.idle_sweeps += 1;
            }
        }
        self.put_away(limits::CONVERSATION_IDLE_SWEEPS);
    }

    /// The conversation's actor has ended, asked to or not. The key may have another one by now.
    fn forget(&mut self, id: ActorId) {
        let Some(key) = self.keys.remove(&id) else { return };
        if self
            .conversations
            .get(&key)
            .is_some_and(|conversation| conversation.mailbox.actor().get_id() == id)
        {
            self.conversations.remove(&key);
        }
    }

    /// Ends the conversations in which nothing is under way and which were idle for so many sweeps.
    fn put_away(&mut self, idle_sweeps_min: u32) {
        self.conversations.retain(|_, conversation| {
            let keep = !conversation.mailbox.is_idle() || conversation.idle_sweeps < idle_sweeps_min;
            if !keep {
                conversation.mailbox.actor().stop(None);
            }
            keep
        });
        let conversations = &self.conversations;
        self.by_age.retain(|key| conversations.contains_key(key));
    }

    async fn reconcile(&mut self, op: u64, keys: Vec<Name>, last: bool) -> Result<(), Over> {
        if self.named.0 != op {
            self.named = (op, BTreeSet::new());
        }
        let room = limits::RECONCILE_KEYS_MAX.saturating_sub(self.named.1.len());
        self.named.1.extend(keys.into_iter().take(room));
        if !last {
            return Ok(());
        }
        let mut named = std::mem::take(&mut self.named).1;
        let party = self.stream.seed.party;
        let (report, mut ids) = self.replica.read(|router| {
            let (as_of, at) = (router.index(), router.now());
            let ids: VecDeque<ContactId> = router.live_contact_ids(party).into();
            (Report { op, as_of, at }, ids)
        });
        while !ids.is_empty() {
            let mut unknown_to_gateway = self.replica.read(|router| next_part(router, &mut ids));
            unknown_to_gateway.retain(|contact| !named.remove(&contact.key));
            if !unknown_to_gateway.is_empty() {
                self.stream.say(report.part(unknown_to_gateway, Vec::new(), false)).await?;
            }
        }
        self.report_unknown(&report, named).await
    }

    /// Reports the named contacts that are not live; the last part says so, even if it is empty.
    async fn report_unknown(&mut self, report: &Report, mut named: BTreeSet<Name>) -> Result<(), Over> {
        let gateway = self.stream.seed.name.clone();
        loop {
            let mut part = Vec::new();
            self.replica.read(|router| {
                while part.len() < ORPHANS_PER_PART {
                    let Some(key) = named.pop_first() else { break };
                    part.extend(orphan(router, &gateway, key));
                }
            });
            let last = named.is_empty();
            self.stream.say(report.part(Vec::new(), part, last)).await?;
            if last {
                return Ok(());
            }
        }
    }
}

/// What all parts of one report have in common.
struct Report {
    op: u64,
    as_of: LogIndex,
    at: Timestamp,
}

impl Report {
    fn part(
        &self,
        unknown_to_gateway: Vec<ContactView>,
        unknown_to_cluster: Vec<Orphan>,
        last: bool,
    ) -> SessionEvent {
        let Report { op, as_of, at } = *self;
        let report = ReconcileReport { op, as_of, at, unknown_to_gateway, unknown_to_cluster, last };
        SessionEvent::Reconciled(Arc::new(report))
    }
}

/// Orphans in one part of a report; with keys of full length a part stays below 1 MiB.
const ORPHANS_PER_PART: usize = 1_000;

/// The contact of a key if it is over or unknown; `None` if it is live (it arrived since the list was taken).
fn orphan(router: &Router, gateway: &str, key: Name) -> Option<Orphan> {
    match router.contact_by_key(gateway, &key) {
        None => Some(Orphan { key, ended: None }),
        Some(contact) => match contact.state {
            ContactState::Ended { reason, .. } => Some(Orphan { key, ended: Some((contact.id, reason)) }),
            ContactState::Waiting
            | ContactState::Offered { .. }
            | ContactState::Handling { .. }
            | ContactState::WrapUp { .. } => None,
        },
    }
}

async fn refuse_overload(ticket: Ticket) -> Result<(), Over> {
    let overloaded = ProposeError::Overloaded { retry_after: Millis(100) };
    Ok(ticket.answer(Err(Unanswered::Propose(overloaded)), 0).await?)
}
