//! How the API speaks to a session: handles that stay valid when the actor behind them is started again.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ractor::{ActorId, ActorRef, Message};
use ringmain_replication::Replica;
use ringmain_routing::{Command, Millis, Name, Party, Position};
use tokio::sync::{oneshot, watch};

use crate::admission::Credits;
use crate::conversation::GatewayRequest;
use crate::event::Ticket;
use crate::gateway::GatewayMessage;
use crate::hub::{Hub, role_label};
use crate::limits;
use crate::mailbox::{Envelope, Mailbox};
use crate::operator::OperatorMessage;
use crate::poll::{self, LivePart, Polled};
use crate::proposals::lose_session;
use crate::session::SessionSeed;
use crate::supervisor::{Link, SupervisorMessage};
use crate::task::spawn_named;

/// More operations are unanswered than the session has credits for. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more operations are unanswered than there are credits for")]
pub struct NoCredit;

/// The node holds as many sessions as it may, or is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this node takes no more sessions; go to another one")]
pub struct NodeFull;

/// What the handle, the supervisor and the actor's successors share.
pub(crate) struct Shared<M: Message> {
    serial: u64,
    seed: SessionSeed,
    credits: Arc<Credits>,
    requests_max: usize,
    kind: &'static str,
    mailboxes: Mutex<Option<Mailboxes<M>>>,
    over: watch::Sender<bool>,
}

struct Mailboxes<M: Message> {
    requests: Mailbox<M>,
    control: Mailbox<M>,
}

/// Room in a session's mailbox for what needs no credit, or has one of the reserve.
const SPARE_REQUESTS: usize = 16 + limits::RESERVED_CREDITS as usize;
/// Words of the supervisor that an actor has not dealt with yet.
const CONTROL_MESSAGES_MAX: usize = 8;

impl<M: Message> Shared<M> {
    fn new(serial: u64, seed: SessionSeed, credits_max: u32, kind: &'static str) -> Arc<Shared<M>> {
        Arc::new(Shared {
            serial,
            seed,
            credits: Credits::new(credits_max),
            requests_max: credits_max as usize + SPARE_REQUESTS,
            kind,
            mailboxes: Mutex::new(None),
            over: watch::Sender::new(false),
        })
    }

    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    pub(crate) fn seed(&self) -> &SessionSeed {
        &self.seed
    }

    /// From now on this actor is the session's.
    pub(crate) fn attach(&self, actor: ActorRef<Envelope<M>>) -> ActorId {
        let id = actor.get_id();
        let requests = Mailbox::new(actor.clone(), self.requests_max, self.kind);
        let control = Mailbox::new(actor, CONTROL_MESSAGES_MAX, self.kind);
        let mut mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        *mailboxes = Some(Mailboxes { requests, control });
        id
    }

    /// A word of the supervisor. An actor that has not dealt with so many before is ended instead.
    pub(crate) fn control(&self, message: M) {
        let mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Mailboxes { control, .. }) = &*mailboxes else { return };
        if control.try_tell(message).is_err() {
            control.actor().stop(Some("unresponsive".into()));
        }
    }

    /// Grants so many credits, and says so if the actor has room to hear it; what counts is what is granted.
    pub(crate) fn grant(&self, credits: u32, message: M) {
        self.credits.grant(credits);
        let mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Mailboxes { control, .. }) = &*mailboxes {
            // Who is not told is refused what is too much, and told when to come back.
            let _ = control.try_tell(message);
        }
    }

    pub(crate) fn over(&self) {
        self.over.send_replace(true);
    }

    fn ticket(&self, op: u64, key: Option<Name>, reserve: u32) -> Result<Ticket, NoCredit> {
        let credit = self.credits.take(reserve).ok_or(NoCredit)?;
        Ok(Ticket::new(op, key, self.seed.outbox.clone(), credit, role_label(self.seed.party)))
    }

    /// A message that does not reach the actor is dropped; its ticket answers "unknown".
    fn tell(&self, message: M) -> Result<(), NoCredit> {
        let mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Mailboxes { requests, .. }) = &*mailboxes else { return Ok(()) };
        let room = requests.try_reserve().map_err(|_| NoCredit)?;
        let _ = requests.send(message, room);
        Ok(())
    }

    fn until_over(&self) -> impl Future<Output = ()> + Send + use<M> {
        let mut over = self.over.subscribe();
        // It ends when the sender says so, or is gone with the session.
        async move { drop(over.wait_for(|over| *over).await) }
    }
}

/// An operator's session on this node. Dropping it says that the client's stream is gone.
pub struct OperatorSession {
    shared: Arc<Shared<OperatorMessage>>,
    sessions: Sessions,
}

impl OperatorSession {
    /// The session as it was opened.
    #[must_use]
    pub fn seed(&self) -> &SessionSeed {
        self.shared.seed()
    }

    /// Puts a command of the desktop to the log; its answer comes as an event. Commands are carried out in order.
    ///
    /// # Errors
    /// When too many operations are unanswered.
    pub fn request(&self, op: u64, command: Command) -> Result<(), NoCredit> {
        let ticket = self.shared.ticket(op, None, 0)?;
        self.shared.tell(OperatorMessage::Request { ticket, command })
    }

    /// Resolves when the session has ended here.
    pub fn over(&self) -> impl Future<Output = ()> + Send + use<> {
        self.shared.until_over()
    }

    #[cfg(test)]
    pub(crate) fn crash(&self) {
        self.shared.control(OperatorMessage::Panic);
    }
}

impl Drop for OperatorSession {
    fn drop(&mut self) {
        self.sessions.lost(self.shared.seed(), self.shared.serial());
    }
}

/// A gateway's session on this node. Dropping it says that the client's stream is gone.
pub struct GatewaySession {
    shared: Arc<Shared<GatewayMessage>>,
    sessions: Sessions,
}

impl GatewaySession {
    /// The session as it was opened.
    #[must_use]
    pub fn seed(&self) -> &SessionSeed {
        self.shared.seed()
    }

    /// Puts what the gateway says about a contact to the log; the answer comes as an event. What it says about one
    /// contact is carried out in order.
    ///
    /// # Errors
    /// When too many operations are unanswered.
    pub fn request(&self, op: u64, request: GatewayRequest) -> Result<(), NoCredit> {
        let reserve = if request.is_reserved() { limits::RESERVED_CREDITS } else { 0 };
        let ticket = self.shared.ticket(op, Some(request.key().clone()), reserve)?;
        self.shared.tell(GatewayMessage::Request { ticket, request })
    }

    /// How many operations may be unanswered at once, at this moment.
    #[must_use]
    pub fn credits(&self) -> u32 {
        self.shared.credits.granted()
    }

    /// Names contacts that the gateway has in hand; after the last part a report comes as an event.
    ///
    /// # Errors
    /// When the mailbox is full.
    pub fn reconcile(&self, op: u64, keys: Vec<Name>, last: bool) -> Result<(), NoCredit> {
        self.shared.tell(GatewayMessage::Reconcile { op, keys, last })
    }

    /// Resolves when the session has ended here.
    pub fn over(&self) -> impl Future<Output = ()> + Send + use<> {
        self.shared.until_over()
    }

    #[cfg(test)]
    pub(crate) fn crash(&self) {
        self.shared.control(GatewayMessage::Panic);
    }

    #[cfg(test)]
    pub(crate) fn crash_conversation(&self, key: &str) {
        self.shared.control(GatewayMessage::CrashConversation(key.into()));
    }
}

impl Drop for GatewaySession {
    fn drop(&mut self) {
        self.sessions.lost(self.shared.seed(), self.shared.serial());
    }
}

/// The sessions whose streams are on this node.
#[derive(Clone)]
pub struct Sessions {
    supervisor: Mailbox<SupervisorMessage>,
    serials: Arc<AtomicU64>,
    replica: Replica,
    hub: Hub,
    gateway_credits: Arc<AtomicU32>,
}

impl Sessions {
    pub(crate) fn new(
        supervisor: ActorRef<Envelope<SupervisorMessage>>,
        replica: Replica,
        hub: Hub,
        gateway_credits: Arc<AtomicU32>,
    ) -> Sessions {
        let supervisor = Mailbox::new(supervisor, limits::SUPERVISOR_REQUESTS_MAX, "supervisor");
        Sessions { supervisor, serials: Arc::default(), replica, hub, gateway_credits }
    }

    /// Starts the actor of an operator's session that was opened in the log.
    ///
    /// # Errors
    /// When the node takes no more.
    pub async fn start_operator(&self, seed: SessionSeed) -> Result<OperatorSession, NodeFull> {
        let shared = Shared::new(self.serial(), seed, limits::OPERATOR_CREDITS, "operator");
        self.start(Link::Operator(Arc::clone(&shared))).await?;
        Ok(OperatorSession { shared, sessions: self.clone() })
    }

    /// Starts the actor of a gateway's session that was opened in the log.
    ///
    /// # Errors
    /// When the node takes no more.
    pub async fn start_gateway(&self, seed: SessionSeed) -> Result<GatewaySession, NodeFull> {
        let shared = Shared::new(self.serial(), seed, limits::GATEWAY_CREDITS, "conversation");
        self.start(Link::Gateway(Arc::clone(&shared))).await?;
        Ok(GatewaySession { shared, sessions: self.clone() })
    }

    /// What a gateway is granted on this node at present.
    #[must_use]
    pub fn gateway_credits(&self) -> u32 {
        self.gateway_credits.load(Ordering::Relaxed)
    }

    /// What happened to a party behind a cursor, at most `max` effects of it.
    #[must_use]
    pub fn poll(&self, party: Party, after: Position, max: usize) -> Polled {
        poll::poll(&self.hub, party, after, max)
    }

    /// A part of what is live for a party, from slot `from` on: the first with `as_of` absent, the others with the
    /// first one's.
    #[must_use]
    pub fn live_part(&self, party: Party, as_of: Option<Position>, from: u32) -> LivePart {
        poll::live_part(&self.replica, party, as_of, from)
    }

    /// Asks the clients of all sessions to go elsewhere; the streams stay until they are cut.
    pub fn drain(&self, within: Millis) {
        self.tell_now(SupervisorMessage::Drain { within });
    }

    /// Ends all sessions here and takes no new ones. The log learns of it when the node is missed or starts again.
    pub async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        self.tell_now(SupervisorMessage::Stop { done });
        // A supervisor that has ended has no sessions; one whose actors hang is not waited for.
        let _ = tokio::time::timeout(limits::SESSIONS_END_WITHIN, stopped).await;
    }

    /// A session that finds no room here was opened in the log all the same, which must learn that it is lost.
    async fn start(&self, link: Link) -> Result<(), NodeFull> {
        let (party, epoch) = (link.seed().party, link.seed().epoch);
        let (started, is_started) = oneshot::channel();
        let told = self.supervisor.tell(SupervisorMessage::Start { link, started }).await;
        if told.is_ok() && is_started.await.unwrap_or(false) {
            return Ok(());
        }
        spawn_named("lose-session", lose_session(self.replica.clone(), party, epoch));
        Err(NodeFull)
    }

    fn lost(&self, seed: &SessionSeed, serial: u64) {
        self.tell_now(SupervisorMessage::Lost { party: seed.party, serial });
    }

    /// Without a permit: at most one end per session and the node's own few words.
    fn tell_now(&self, message: SupervisorMessage) {
        // A supervisor that has ended has no sessions.
        drop(self.supervisor.actor().send_message(Envelope { message, permit: None }));
    }

    fn serial(&self) -> u64 {
        self.serials.fetch_add(1, Ordering::Relaxed)
    }
}
