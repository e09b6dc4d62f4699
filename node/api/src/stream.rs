//! What the streams of gateways and operators have in common: heartbeats, and the way of messages between the client
//! and the session's actor.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use metrics::Counter;
use ringmain_actors::task::spawn_named;
use ringmain_actors::{Manner, NodeFull, SessionEvent, SessionSeed};
use ringmain_protocol::v1::Error;
use ringmain_replication::Answer;
use ringmain_routing::command::Role;
use ringmain_telemetry::codes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::MissedTickBehavior;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::auth::Caller;
use crate::opening::{Hello, open};
use crate::shared::Shared;
use crate::{error, measure};

/// Messages between a session's task and its client's connection.
const OUTBOUND_MESSAGES_MAX: usize = 32;
/// A client that takes nothing off its connection for so long is given up.
pub(crate) const CLIENT_STUCK: Duration = Duration::from_secs(10);
/// A client that has not said hello by then is let go.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// Heartbeats that may be missed before a stream counts as lost.
pub(crate) const HEARTBEATS_MISSED_MAX: u32 = 3;

/// The stream of answers of a session.
pub(crate) type Outbound<Down> = ReceiverStream<Result<Down, Status>>;

/// What is to be done after a message of the client.
pub(crate) enum Heeded<Down> {
    /// Nothing is to be said at once.
    Nothing,
    /// Say this at once.
    Say(Box<Down>),
    /// The stream cannot go on.
    End(Box<Error>),
}

/// How a gateway's and an operator's session differ.
pub(crate) trait Dialect: Sized + Send + 'static {
    type Up: Send + 'static;
    type Down: Clone + Send + 'static;
    const ROLE: Role;
    /// The field of the hello that names the party.
    const FIELD: &'static str;
    /// The stream, for those who count.
    const METHOD: &'static str;

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

    /// The error, if the message says that something failed.
    fn error(down: &Self::Down) -> Option<&Error>;

    /// Where a message to the node numbers the operation that it asks for; `None` when it asks for none that one
    /// message answers.
    fn op_id(up: &mut Self::Up) -> Option<&mut u64>;

    /// Gives the operation that is answered another number.
    fn renumber(down: &mut Self::Down, op_id: u64);

    /// Resolves when the session has ended here.
    fn over(&self) -> impl Future<Output = ()> + Send + use<Self>;
}

/// Serves one stream; returns at once with the stream of answers.
pub(crate) fn serve<D: Dialect>(
    shared: Arc<Shared>,
    caller: Option<Caller>,
    inbound: Streaming<D::Up>,
) -> Outbound<D::Down> {
    let (outbound, answers) = mpsc::channel(OUTBOUND_MESSAGES_MAX);
    let connection = Connection::<D> { shared, inbound, outbound, answered: measure::successes(D::METHOD) };
    spawn_named("session-stream", connection.run(caller));
    ReceiverStream::new(answers)
}

struct Connection<D: Dialect> {
    shared: Arc<Shared>,
    inbound: Streaming<D::Up>,
    outbound: mpsc::Sender<Result<D::Down, Status>>,
    /// Of operations that were carried out.
    answered: Counter,
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

    /// Reads the hello and opens the session.
    async fn open(
        &mut self,
        caller: Option<Caller>,
    ) -> Result<(D, mpsc::Receiver<SessionEvent>), Box<Error>> {
        let hello = self.hello().await?;
        open(&self.shared, &hello, caller.as_ref(), Manner::Streamed).await
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

    async fn talk(&mut self, session: &mut D, mut events: mpsc::Receiver<SessionEvent>) -> Result<(), Gone> {
        let mut heartbeats = tokio::time::interval(self.shared.heartbeat);
        // A node that stood still has not listened either: what it missed is not the client's silence.
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent = 0;
        let mut over = pin!(session.over());
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
                () = &mut over => return self.tell_rest(session, &mut events).await,
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
        let answered = matches!(event, SessionEvent::Answered { .. });
        for message in session.tell(event) {
            if answered && D::error(&message).is_none() {
                self.answered.increment(1);
            }
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
        if let Ok(message) = &message
            && let Some(error) = D::error(message)
        {
            measure::count(D::METHOD, Some(error));
        }
        // There is room nearly always; then no time is looked at.
        let message = match self.outbound.try_send(message) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(Gone),
            Err(TrySendError::Full(message)) => message,
        };
        match tokio::time::timeout(CLIENT_STUCK, self.outbound.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
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
