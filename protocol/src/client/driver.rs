//! Runs the client's logic against the network: one task per session, with a stream, timers and bounded channels.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ringmain_routing::client::{
    Action, Client, ConnectionId, Hello, OpId, StopReason, StreamFailure, Verdict,
};
use ringmain_routing::{Cursor, Millis, Position};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Status};

use super::link::{Input, Link, Opening, flush};
use super::outcome::{Notice, OperationError, PendingAnswer, Refused};
use super::role::{self, Incoming, Role};
use super::{BadConfig, Clock, Connections, SessionConfig};
use crate::v1::{Error, ErrorKind, Receipt};
use crate::{MESSAGE_BYTES_MAX, status};

/// Operations on their way into the task, and messages on their way to the node.
const CHANNEL_MESSAGES: usize = 256;

type NoticeOf<R> = Notice<<R as Role>::Welcome, <R as Role>::Event, <R as Role>::Resync>;
type Answering<R> = oneshot::Sender<Result<<R as Role>::Answer, OperationError>>;

pub(super) struct Submit<R: Role> {
    operation: Arc<R::Operation>,
    answering: Answering<R>,
}

/// The owner's end of a session's task. The client stops when the last one is dropped.
pub(super) struct Handle<R: Role> {
    submits: mpsc::Sender<Submit<R>>,
}

impl<R: Role> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Handle { submits: self.submits.clone() }
    }
}

impl<R: Role> Handle<R> {
    /// Waits for room, then has the operation on its way.
    pub(super) async fn submit(
        &self,
        operation: R::Operation,
    ) -> Result<PendingAnswer<R::Answer>, OperationError> {
        let bytes = R::message_bytes(&operation);
        if bytes > MESSAGE_BYTES_MAX {
            return Err(too_large(bytes));
        }
        let (answering, answer) = oneshot::channel();
        let submit = Submit { operation: Arc::new(operation), answering };
        match self.submits.send(submit).await {
            Ok(()) => Ok(PendingAnswer { answer }),
            Err(_) => Err(OperationError::Stopped(StopReason::Asked)),
        }
    }
}

/// No node would read it, on no attempt.
fn too_large(bytes: usize) -> OperationError {
    let message = format!("a message of {bytes} bytes; at most {MESSAGE_BYTES_MAX} are read");
    let error = Error {
        kind: ErrorKind::Invalid.into(),
        code: "message-too-large".to_owned(),
        message,
        ..Error::default()
    };
    OperationError::Refused(Box::new(Refused { receipt: Receipt::default(), error }))
}

/// Starts a session's task; must be called within a tokio runtime.
pub(super) fn start<R: Role>(
    config: SessionConfig,
) -> Result<(Handle<R>, mpsc::Receiver<NoticeOf<R>>), BadConfig> {
    let logic = Client::new(config.logic()?);
    let token: MetadataValue<Ascii> =
        format!("Bearer {}", config.token).parse().map_err(|_| BadConfig::BadToken)?;
    let (submits, submitted) = mpsc::channel(CHANNEL_MESSAGES);
    let (notices, noticed) = mpsc::channel(config.notices_max.max(1));
    let driver = Driver::<R> {
        logic,
        name: config.name,
        capabilities: config.capabilities,
        token,
        clock: config.clock,
        connections: config.connections,
        submitted,
        link: Link::None,
        outbox: VecDeque::new(),
        answering: BTreeMap::new(),
        parts: Parts { resync: None, answers: BTreeMap::new() },
        notices,
        unread: VecDeque::new(),
        online: false,
        last: Cursor::from_text(&config.cursor),
        stopped: None,
        stream_error: None,
    };
    spawn_named("session client", driver.run());
    Ok((Handle { submits }, noticed))
}

#[expect(clippy::disallowed_methods, reason = "the one place where this crate starts tasks")]
fn spawn_named(name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        task.await;
        tracing::debug!(task = name, "task ended");
    });
}

struct Driver<R: Role> {
    logic: Client<Arc<R::Operation>>,
    name: String,
    capabilities: Vec<String>,
    token: MetadataValue<Ascii>,
    clock: Clock,
    connections: Connections,
    submitted: mpsc::Receiver<Submit<R>>,
    link: Link<R>,
    /// Messages for which the stream had no room yet.
    outbox: VecDeque<R::Up>,
    answering: BTreeMap<OpId, Answering<R>>,
    parts: Parts<R>,
    notices: mpsc::Sender<NoticeOf<R>>,
    /// Notices that the owner had no room for yet. While there are some, the stream is not read.
    unread: VecDeque<NoticeOf<R>>,
    online: bool,
    /// The last cursor that a node gave: which log the client's position is a position of.
    last: Option<Cursor>,
    stopped: Option<StopReason>,
    stream_error: Option<Box<Error>>,
}

/// Lists that arrive in parts on the present stream.
struct Parts<R: Role> {
    resync: Option<R::Resync>,
    answers: BTreeMap<OpId, R::Answer>,
}

impl<R: Role> Driver<R> {
    async fn run(mut self) {
        self.logic.tick((self.clock)());
        loop {
            self.act();
            if let Some(reason) = self.stopped {
                return self.finish(reason).await;
            }
            let input = self.next_input().await;
            self.take(input);
        }
    }

    /// Carries out what the logic wants.
    fn act(&mut self) {
        while let Some(action) = self.logic.poll() {
            match action {
                Action::Connect { connection, address, hello } => self.connect(connection, &address, hello),
                Action::Send { op_id, seq, operation } => {
                    R::operation(&operation, op_id.0, seq, &mut self.outbox);
                }
                Action::Heartbeat { seq } => self.outbox.push_back(R::heartbeat(seq)),
                Action::Ack { cursor } => self.outbox.push_back(R::ack(role::cursor_text(cursor, self.last))),
                Action::Close { connection } => self.close(connection),
                Action::Stop { reason } => self.stopped = Some(reason),
            }
        }
        self.send_what_fits();
    }

    fn connect(&mut self, connection: ConnectionId, address: &str, hello: Hello) {
        self.outbox.clear();
        self.parts = Parts { resync: None, answers: BTreeMap::new() };
        let (up, up_messages) = mpsc::channel(CHANNEL_MESSAGES);
        let cursor = role::cursor_text(hello.cursor, self.last);
        self.outbox.push_back(R::hello(&self.name, &self.capabilities, hello, cursor));
        let mut request = Request::new(ReceiverStream::new(up_messages));
        request.metadata_mut().insert("authorization", self.token.clone());
        let channel = self.connections.channel(address);
        let opening: Opening<R> = Box::pin(async move {
            let channel = channel.map_err(|bad| Status::unavailable(bad.to_string()))?;
            Ok(R::open(channel, request).await?.into_inner())
        });
        self.link = Link::Opening { connection, up, opening };
    }

    fn close(&mut self, connection: ConnectionId) {
        if self.link.connection() == Some(connection) {
            self.link = Link::None;
            self.outbox.clear();
        }
        if self.online {
            self.online = false;
            self.tell(Notice::Offline);
        }
    }

    fn send_what_fits(&mut self) {
        let Some(up) = self.link.up() else { return };
        while !self.outbox.is_empty() {
            let Ok(permit) = up.try_reserve() else { return };
            if let Some(message) = self.outbox.pop_front() {
                permit.send(message);
            }
        }
    }

    fn tell(&mut self, notice: NoticeOf<R>) {
        if !self.unread.is_empty() {
            self.unread.push_back(notice);
        } else if let Err(error) = self.notices.try_send(notice) {
            self.unread.push_back(error.into_inner());
        }
    }

    async fn next_input(&mut self) -> Input<R> {
        let deadline = self.logic.next_deadline();
        let wait = deadline.map_or(Millis(0), |deadline| deadline.since((self.clock)()));
        if wait == Millis(0) {
            // What is due goes before what has come: a busy stream must not keep the timers waiting.
            return Input::Due;
        }
        let reading = self.unread.is_empty();
        let taking = self.logic.has_room();
        let up = self.link.up().cloned();
        tokio::select! {
            input = self.link.next(reading) => input,
            submit = self.submitted.recv(), if taking => Input::Submitted(submit),
            input = flush(up, &mut self.outbox, Input::UpClosed) => input,
            input = flush(Some(self.notices.clone()), &mut self.unread, Input::OwnerGone) => input,
            () = self.notices.closed() => Input::OwnerGone,
            () = tokio::time::sleep(Duration::from_millis(wait.0)) => Input::Due,
        }
    }

    fn take(&mut self, input: Input<R>) {
        let now = (self.clock)();
        match input {
            Input::Due => {
                // A stream that is not read for want of room is not silent.
                if let (false, Some(connection)) = (self.unread.is_empty(), self.link.connection()) {
                    self.logic.heard_on(now, connection);
                }
                self.logic.tick(now);
            }
            Input::Submitted(Some(submit)) => self.submit(submit),
            Input::Submitted(None) | Input::OwnerGone => self.logic.stop(StopReason::Asked),
            Input::Opened(Ok(down)) => self.link.opened(down),
            Input::Opened(Err(status)) | Input::Down(Err(status)) => self.lost(Some(&status)),
            Input::Down(Ok(None)) | Input::UpClosed => self.lost(None),
            Input::Down(Ok(Some(down))) => {
                if let Some(connection) = self.link.connection() {
                    self.receive(connection, R::read(down));
                }
            }
            Input::Flushed => {}
        }
    }

    fn submit(&mut self, submit: Submit<R>) {
        let Submit { operation, answering } = submit;
        match self.logic.submit(R::subject(&operation), operation) {
            Ok(op_id) => {
                self.answering.insert(op_id, answering);
            }
            Err(_) => drop(answering.send(Err(OperationError::Stopped(StopReason::Asked)))),
        }
    }

    fn receive(&mut self, connection: ConnectionId, incoming: Incoming<R>) {
        let now = (self.clock)();
        match incoming {
            Incoming::Welcome { welcome, message } => {
                self.logic.welcomed(now, connection, welcome);
                self.online = true;
                self.stream_error = None;
                self.tell(Notice::Online(message));
            }
            Incoming::Answered { op_id, answer, last } => self.answer(op_id, answer, last),
            Incoming::Failed { receipt, error } => self.fail(connection, receipt, error),
            Incoming::Event { cursor, event } => match self.placed(&cursor) {
                Some(position) => {
                    if self.logic.event(now, connection, position) {
                        self.tell(Notice::Event(event));
                    }
                }
                None => self.lost(Some(&Status::internal("the node sent a cursor that is none"))),
            },
            Incoming::Resync { as_of, part, last } => self.resync(connection, &as_of, part, last),
            Incoming::Credits(credits) => self.logic.credits(now, connection, credits),
            Incoming::Drain { within, hint } => self.logic.drain(now, connection, within, hint),
            Incoming::Ended(failure) => self.logic.stream_failed(now, connection, failure),
            Incoming::Heard => self.logic.heard_on(now, connection),
        }
    }

    fn answer(&mut self, op_id: OpId, part: R::Answer, last: bool) {
        let answer = match self.parts.answers.remove(&op_id) {
            Some(mut answer) => {
                R::extend_answer(&mut answer, part);
                answer
            }
            None => part,
        };
        if !last {
            self.parts.answers.insert(op_id, answer);
            return;
        }
        if let Verdict::Settled(operation) = self.logic.answered((self.clock)(), op_id) {
            if let Some(answering) = self.answering.remove(&op_id) {
                // An owner who no longer waits does not need the answer.
                drop(answering.send(Ok(answer)));
            }
            if R::ends_session(&operation) {
                self.logic.stop(StopReason::Asked);
            }
        }
    }

    fn fail(&mut self, connection: ConnectionId, receipt: Receipt, error: Error) {
        let now = (self.clock)();
        if receipt.op_id == 0 {
            let failure = role::stream_failure(&error);
            self.stream_error = Some(Box::new(error));
            return self.logic.stream_failed(now, connection, failure);
        }
        let op_id = OpId(receipt.op_id);
        match self.logic.failed(now, connection, op_id, role::failure(&error)) {
            Verdict::Settled(_) => {
                if let Some(answering) = self.answering.remove(&op_id) {
                    let refused = Box::new(Refused { receipt, error });
                    drop(answering.send(Err(OperationError::Refused(refused))));
                }
            }
            Verdict::Retrying => {
                tracing::debug!(op_id = op_id.0, code = error.code, "operation will be sent again");
            }
            Verdict::NotPending => {}
        }
    }

    fn resync(&mut self, connection: ConnectionId, as_of: &str, part: R::Resync, last: bool) {
        let resync = match self.parts.resync.take() {
            Some(mut resync) => {
                R::extend_resync(&mut resync, part);
                resync
            }
            None => part,
        };
        let now = (self.clock)();
        if !last {
            self.parts.resync = Some(resync);
            return self.logic.heard_on(now, connection);
        }
        let Some(position) = self.placed(as_of) else {
            return self.lost(Some(&Status::internal("the node sent a cursor that is none")));
        };
        if self.logic.resync(now, connection, position) {
            self.tell(Notice::Resync(Box::new(resync)));
        }
    }

    /// The position of a cursor. One of another life of the cluster makes what was seen before worth nothing.
    fn placed(&mut self, text: &str) -> Option<Position> {
        let cursor = Cursor::from_text(text)?;
        let life = |cursor: &Cursor| (cursor.generation, cursor.group);
        if self.last.as_ref().is_some_and(|last| life(last) != life(&cursor)) {
            tracing::info!(generation = cursor.generation, "the cluster began anew");
            self.logic.forget_seen();
        }
        self.last = Some(cursor);
        Some(cursor.position)
    }

    /// The stream could not be opened or has ended.
    fn lost(&mut self, status: Option<&Status>) {
        let Some(connection) = self.link.connection() else { return };
        let failure = match status.map(status::to_error) {
            Some(error) => {
                tracing::debug!(code = error.code, reason = error.message, "stream lost");
                let failure = role::stream_failure(&error);
                self.stream_error = Some(Box::new(error));
                failure
            }
            None => StreamFailure::Lost,
        };
        self.logic.stream_failed((self.clock)(), connection, failure);
    }

    async fn finish(mut self, reason: StopReason) {
        self.link = Link::None;
        self.submitted.close();
        while let Ok(submit) = self.submitted.try_recv() {
            drop(submit.answering.send(Err(OperationError::Stopped(reason))));
        }
        for (_, answering) in std::mem::take(&mut self.answering) {
            drop(answering.send(Err(OperationError::Stopped(reason))));
        }
        let error = if reason == StopReason::Asked { None } else { self.stream_error.take() };
        self.unread.push_back(Notice::Stopped { reason, error });
        for notice in std::mem::take(&mut self.unread) {
            if self.notices.send(notice).await.is_err() {
                return;
            }
        }
    }
}
