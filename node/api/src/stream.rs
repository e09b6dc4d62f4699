//! What the streams of gateways and operators have in common: opening, heartbeats, and the way of messages between
//! the client and the session's actor.

use std::sync::Arc;
use std::time::Duration;

use ringmain_actors::task::spawn_named;
use ringmain_actors::{NodeFull, Outbox, SessionEvent, SessionSeed, propose};
use ringmain_protocol::v1::Error;
use ringmain_replication::{Answer, ProposeError};
use ringmain_routing::command::{LoseSession, OpenSession, Role};
use ringmain_routing::{Command, Epoch, Millis, Name, Party, Position, Reply};
use ringmain_telemetry::codes;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::auth::Caller;
use crate::error;
use crate::shared::Shared;
use crate::validate::{Problems, cursor};

/// Messages between a session's task and its client's connection.
const OUTBOUND_MESSAGES_MAX: usize = 32;
/// A client that takes nothing off its connection for so long is given up.
const CLIENT_STUCK: Duration = Duration::from_secs(10);
/// A client that has not said hello by then is let go.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// Heartbeats that may be missed before a stream counts as lost.
const HEARTBEATS_MISSED_MAX: u32 = 3;

/// The stream of answers of a session.
pub(crate) type Outbound<Down> = ReceiverStream<Result<Down, Status>>;

/// The first message of a stream, whoever sent it.
pub(crate) struct Hello {
    pub(crate) name: String,
    pub(crate) cursor: String,
    pub(crate) nonce: u64,
    pub(crate) resume_epoch: Option<u32>,
    pub(crate) takeover: bool,
}

/// What is to be done after a message of the client.
pub(crate) enum Heeded<Down> {
    /// Nothing is to be said at once.
    Nothing,
    /// Say this at once.
    Say(Box<Down>),
    /// The stream cannot go on.
    End(Box<Error>),
}

/// How a gateway's and an operator's stream differ.
pub(crate) trait Dialect: Sized + Send + 'static {
    type Up: Send + 'static;
    type Down: Send + 'static;
    const ROLE: Role;
    const FIELD: &'static str;

    /// The hello, if the message is one.
    fn hello(up: Self::Up) -> Option<Hello>;

    /// Hands the opened session to its actor.
    fn start(
        shared: Arc<Shared>,
        seed: SessionSeed,
        opened: Answer,
    ) -> impl Future<Output = Result<Self, NodeFull>> + Send;

    /// Deals with a message of the client.
    fn heed(&mut self, up: Self::Up) -> Heeded<Self::Down>;

    /// Says what the actor says, in as many messages as it takes.
    fn tell(&self, event: SessionEvent) -> Vec<Self::Down>;

    /// Says that an operation failed; `op_id` 0 speaks of the stream.
    fn failed(op_id: u64, error: Error) -> Self::Down;

    /// Resolves when the session has ended here.
    fn over(&self) -> impl Future<Output = ()> + Send;
}

/// Serves one stream; returns at once with the stream of answers.
pub(crate) fn serve<D: Dialect>(
    shared: Arc<Shared>,
    caller: Option<Caller>,
    inbound: Streaming<D::Up>,
) -> Outbound<D::Down> {
    let (outbound, answers) = mpsc::channel(OUTBOUND_MESSAGES_MAX);
    let connection = Connection::<D> { shared, inbound, outbound };
    spawn_named("session-stream", connection.run(caller));
    ReceiverStream::new(answers)
}

struct Connection<D: Dialect> {
    shared: Arc<Shared>,
    inbound: Streaming<D::Up>,
    outbound: mpsc::Sender<Result<D::Down, Status>>,
}

/// The client has gone or takes nothing.
struct Gone;

impl<D: Dialect> Connection<D> {
    async fn run(mut self, caller: Option<Caller>) {
        match self.open(caller).await {
            Ok((mut session, events)) => {
                // Whoever went first, the session hears that the stream is gone when it is dropped.
                drop(self.talk(&mut session, events).await);
            }
            Err(error) => drop(self.end(*error).await),
        }
    }

    /// Reads the hello and opens the session in the log.
    async fn open(
        &mut self,
        caller: Option<Caller>,
    ) -> Result<(D, mpsc::Receiver<SessionEvent>), Box<Error>> {
        let hello = self.hello().await?;
        self.shared.admit()?;
        let (name, seen) = check_hello::<D>(&hello, caller.as_ref())?;
        let open = self.opening(&hello, name.clone());
        let opened = match propose(&self.shared.replica, Command::OpenSession(open.clone())).await {
            Ok(opened) => opened,
            Err(failed) => {
                if failed == ProposeError::Unknown {
                    spawn_named("settle-opening", settle_opening(Arc::clone(&self.shared), open));
                }
                return Err(Box::new(error::not_proposed(&failed, &self.shared.nodes)));
            }
        };
        let (party, epoch) = match &opened.reply {
            Ok(Reply::Opened { party, epoch }) => (*party, *epoch),
            Ok(Reply::Done | Reply::Enqueued { .. } | Reply::Merged { .. } | Reply::PlanApplied { .. }) => {
                return Err(Box::new(error::of_code(
                    &codes::FATAL,
                    "an opening got another command's reply",
                )));
            }
            Err(refusal) => return Err(Box::new(error::refused(refusal))),
        };
        let (outbox, events) = Outbox::new();
        let seed = SessionSeed { party, name, epoch, opened: opened.index, cursor: seen, outbox };
        let started = D::start(Arc::clone(&self.shared), seed, opened).await;
        let session = started.map_err(|full| {
            let hint = self.shared.nodes.other_than_me();
            Box::new(error::come_back(&codes::OVERLOADED, full.to_string(), Millis(1_000), hint))
        })?;
        Ok((session, events))
    }

    async fn hello(&mut self) -> Result<Hello, Box<Error>> {
        let first = tokio::time::timeout(HELLO_WITHIN, self.inbound.message()).await;
        let message = match first {
            Ok(Ok(Some(message))) => message,
            Ok(Err(status)) => return Err(Box::new(unreadable(&status))),
            Ok(Ok(None)) | Err(_) => return Err(Box::new(no_hello())),
        };
        D::hello(message).ok_or_else(|| Box::new(no_hello()))
    }

    fn opening(&self, hello: &Hello, name: Name) -> OpenSession {
        let status = self.shared.replica.status();
        OpenSession {
            role: D::ROLE,
            name,
            node: status.node,
            incarnation: status.incarnation,
            nonce: hello.nonce,
            resume: hello.resume_epoch.map(Epoch),
            takeover: hello.takeover,
        }
    }

    async fn talk(&mut self, session: &mut D, mut events: mpsc::Receiver<SessionEvent>) -> Result<(), Gone> {
        let mut heartbeats = tokio::time::interval(self.shared.heartbeat);
        // A node that stood still has not listened either: what it missed is not the client's silence.
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent = 0;
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => if self.tell(session, event).await? { return Ok(()) },
                    None => return Ok(()),
                },
                message = self.inbound.message() => {
                    silent = 0;
                    match message {
                        Ok(Some(message)) => self.heed(session, message).await?,
                        Ok(None) => return Ok(()),
                        Err(status) => return self.end(unreadable(&status)).await,
                    }
                }
                _ = heartbeats.tick() => {
                    silent += 1;
                    if silent > HEARTBEATS_MISSED_MAX + 1 {
                        return Ok(());
                    }
                }
                () = session.over() => return self.tell_rest(session, &mut events).await,
            }
        }
    }

    /// Says what the actor had still to say before it ended.
    async fn tell_rest(
        &mut self,
        session: &mut D,
        events: &mut mpsc::Receiver<SessionEvent>,
    ) -> Result<(), Gone> {
        while let Ok(Some(event)) = tokio::time::timeout(CLIENT_STUCK, events.recv()).await {
            if self.tell(session, event).await? {
                break;
            }
        }
        Ok(())
    }

    /// Says what the actor says; `true` when that was the last.
    async fn tell(&mut self, session: &mut D, event: SessionEvent) -> Result<bool, Gone> {
        let last = matches!(event, SessionEvent::Ended { .. });
        for message in session.tell(event) {
            self.say(Ok(message)).await?;
        }
        Ok(last)
    }

    async fn heed(&mut self, session: &mut D, message: D::Up) -> Result<(), Gone> {
        match session.heed(message) {
            Heeded::Nothing => Ok(()),
            Heeded::Say(message) => self.say(Ok(*message)).await,
            Heeded::End(error) => {
                self.end(*error).await?;
                Err(Gone)
            }
        }
    }

    /// Ends the stream with an error: as its last message, for clients of this protocol, and as its status, for any.
    async fn end(&mut self, error: Error) -> Result<(), Gone> {
        let status = error::status(&error);
        self.say(Ok(D::failed(0, error))).await?;
        self.say(Err(status)).await
    }

    async fn say(&mut self, message: Result<D::Down, Status>) -> Result<(), Gone> {
        match tokio::time::timeout(CLIENT_STUCK, self.outbound.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

/// What may be in a hello, and whether this caller may say it.
fn check_hello<D: Dialect>(
    hello: &Hello,
    caller: Option<&Caller>,
) -> Result<(Name, Option<Position>), Box<Error>> {
    let mut problems = Problems::default();
    let name = problems.name(D::FIELD, &hello.name);
    problems.into_result(())?;
    if caller.is_none_or(|caller| caller.name != hello.name) {
        let message = format!("{}: the token speaks for another name", D::FIELD);
        return Err(Box::new(error::of_code(&codes::PERMISSION_DENIED, message)));
    }
    Ok((name, cursor(&hello.cursor)?))
}

fn no_hello() -> Error {
    error::of_code(&codes::UNEXPECTED_MESSAGE, "the first message of a stream must be hello")
}

/// A second hello, or a message without content.
pub(crate) fn unexpected() -> Error {
    error::of_code(&codes::UNEXPECTED_MESSAGE, "this message is not expected here; the stream ends")
}

fn unreadable(status: &Status) -> Error {
    error::of_stream(status).unwrap_or_else(|| error::of_code(&codes::UNAVAILABLE, "the connection was lost"))
}

/// An opening whose outcome is unknown may yet enter the log and leave a session that looks live and has no stream.
/// The same nonce asks for its epoch; then the session is lost, unless a stream has taken it up.
async fn settle_opening(shared: Arc<Shared>, open: OpenSession) {
    let again = OpenSession { resume: None, takeover: false, ..open };
    loop {
        match propose(&shared.replica, Command::OpenSession(again.clone())).await {
            Ok(Answer { reply: Ok(Reply::Opened { party, epoch }), .. }) => {
                return lose(&shared, party, epoch).await;
            }
            Ok(_) | Err(ProposeError::Fatal(_)) => return,
            Err(
                ProposeError::Unavailable { retry_after, .. }
                | ProposeError::Overloaded { retry_after }
                | ProposeError::DiskFull { retry_after },
            ) => {
                tokio::time::sleep(Duration::from_millis(retry_after.0.max(50))).await;
            }
            Err(ProposeError::Unknown) => {}
        }
    }
}

async fn lose(shared: &Shared, party: Party, epoch: Epoch) {
    let command = Command::LoseSession(LoseSession { party, epoch });
    if let Err(error) = propose(&shared.replica, command).await {
        tracing::warn!(error = %error, "an opening without a stream could not be settled");
    }
}
