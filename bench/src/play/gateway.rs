//! A gateway of the play.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use ringmain_protocol::client::{BadConfig, GatewayAnswer, GatewayClient, GatewayNotice, GatewayOperation};
use ringmain_protocol::v1::gateway_event::Event;
use ringmain_protocol::v1::{GatewayAbandon, GatewayEvent, GatewayPush};
use ringmain_routing::Position;
use tokio::sync::{mpsc, oneshot};

use super::records::{Answer, Asked, Record, Seen, SeenKind};
use super::{Stage, Trace};
use crate::task::Owned;

/// Contacts that may be on their way into one gateway's client. The play waits when there are more.
const JOBS_MAX: usize = 4_096;

/// One gateway: its client, and the tasks that speak for it and listen to it.
pub struct GatewaySeat {
    jobs: mpsc::Sender<Job>,
    _speaker: Owned,
    _listener: Owned,
}

enum Ask {
    Push { push: Box<GatewayPush>, invoked_ns: u64 },
    Abandon { key: String },
}

enum Job {
    Ask(Ask),
    /// Nothing more will be asked.
    Finish {
        answered: oneshot::Sender<()>,
    },
}

/// A contact as the play brings it.
pub(super) struct Arrival {
    pub(super) push: GatewayPush,
    pub(super) due_ns: u64,
    pub(super) service: Duration,
    pub(super) wrap_up: Option<Duration>,
    pub(super) is_probe: bool,
}

impl GatewaySeat {
    /// Connects; the first node tried is the one at `home`.
    ///
    /// # Errors
    /// An address or token that no client can be made of.
    pub fn take(stage: &Stage, name: &str, token: &str, home: usize) -> Result<GatewaySeat, BadConfig> {
        let (client, notices) = GatewayClient::connect(stage.session(name, token, home))?;
        let (jobs, inbox) = mpsc::channel(JOBS_MAX);
        let name: Arc<str> = name.into();
        let speaker = Owned::start(speak(stage.clone(), name.clone(), client, inbox));
        let listener = Owned::start(listen(stage.clone(), name, notices));
        Ok(GatewaySeat { jobs, _speaker: speaker, _listener: listener })
    }

    /// Brings a contact. Waits only when thousands are on their way.
    pub(super) async fn bring(&self, stage: &Stage, arrival: Arrival) {
        let key = arrival.push.key.clone();
        let trace = Trace {
            due_ns: arrival.due_ns,
            service: arrival.service,
            wrap_up: arrival.wrap_up,
            is_probe: arrival.is_probe,
            ..Trace::default()
        };
        stage.notes().contacts.entry(key).or_insert(trace);
        self.push_again(stage, arrival.push).await;
    }

    /// Brings the same contact once more, as a gateway that lost the answer does.
    pub(super) async fn push_again(&self, stage: &Stage, push: GatewayPush) {
        let job = Job::Ask(Ask::Push { push: Box::new(push), invoked_ns: stage.now_ns() });
        // A speaker that is gone has ended with the play.
        let _sent = self.jobs.send(job).await;
    }

    /// The customer's patience is over: tells the cluster, unless somebody talks to the customer already.
    pub(super) async fn give_up(&self, stage: &Stage, key: &str) {
        let gone = stage.notes().trace(key).is_some_and(|trace| !trace.connected && !trace.ended);
        if gone {
            let _sent = self.jobs.send(Job::Ask(Ask::Abandon { key: key.to_owned() })).await;
        }
    }

    /// Waits until everything that was asked is answered, at most `patience`; the rest stays unknown.
    pub async fn finish(&self, patience: Duration) {
        let (answered, all_answered) = oneshot::channel();
        let wait = async {
            if self.jobs.send(Job::Finish { answered }).await.is_ok() {
                // The speaker drops its end when it has the last answer.
                let _done = all_answered.await;
            }
        };
        let _in_time = tokio::time::timeout(patience, wait).await;
    }
}

type Answered = (Asked, u64, Answer);

async fn speak(stage: Stage, name: Arc<str>, client: GatewayClient, mut inbox: mpsc::Receiver<Job>) {
    let mut pending: FuturesUnordered<BoxFuture<'static, Answered>> = FuturesUnordered::new();
    let mut finish = None;
    while finish.is_none() || !pending.is_empty() {
        tokio::select! {
            job = inbox.recv(), if finish.is_none() => match job {
                Some(Job::Finish { answered }) => finish = Some(answered),
                Some(Job::Ask(ask)) => {
                    let begun = begin(&stage, &client, ask).await;
                    pending.push(begun);
                }
                None => return,
            },
            Some((asked, invoked_ns, answer)) = pending.next(), if !pending.is_empty() => {
                let returned_ns = stage.now_ns();
                stage.notes().records.push(Record { client: name.to_string(), asked, invoked_ns, returned_ns, answer });
            }
        }
    }
}

async fn begin(stage: &Stage, client: &GatewayClient, ask: Ask) -> BoxFuture<'static, Answered> {
    let (asked, operation, invoked_ns) = match ask {
        Ask::Push { push, invoked_ns } => {
            (Asked::Push(push.key.clone()), GatewayOperation::Push(push), invoked_ns)
        }
        Ask::Abandon { key } => {
            let operation = GatewayOperation::Abandon(GatewayAbandon { op_id: 0, key: key.clone() });
            (Asked::Abandon(key), operation, stage.now_ns())
        }
    };
    match client.begin(operation).await {
        Ok(pending) => Box::pin(async move { (asked, invoked_ns, answer(pending.await)) }),
        Err(error) => Box::pin(async move { (asked, invoked_ns, Answer::failed(error)) }),
    }
}

fn answer(result: Result<GatewayAnswer, ringmain_protocol::client::OperationError>) -> Answer {
    match result {
        Ok(GatewayAnswer::Pushed(pushed)) => {
            Answer::done(pushed.receipt(), Some(pushed.contact().to_owned()))
        }
        Ok(GatewayAnswer::Done(done)) => Answer::done(done.receipt.unwrap_or_default(), None),
        Ok(GatewayAnswer::Report(report)) => Answer::done(report.receipt.unwrap_or_default(), None),
        Err(error) => Answer::failed(error),
    }
}

async fn listen(stage: Stage, name: Arc<str>, mut notices: mpsc::Receiver<GatewayNotice>) {
    while let Some(notice) = notices.recv().await {
        match notice {
            GatewayNotice::Event(event) => note_event(&stage, &name, *event),
            GatewayNotice::Online(_) | GatewayNotice::Resync(_) | GatewayNotice::Offline => {}
            GatewayNotice::Stopped { .. } => return,
        }
    }
}

fn note_event(stage: &Stage, name: &str, event: GatewayEvent) {
    let Some(position) = Position::from_cursor(&event.cursor) else { return };
    let (kind, assignment) = match event.event {
        Some(Event::Connect(connect)) => (SeenKind::Connected, connect.assignment),
        Some(Event::Withdrawn(withdrawn)) => (SeenKind::Withdrawn, withdrawn.assignment),
        Some(Event::Ended(_)) => (SeenKind::Ended, 0),
        Some(
            Event::Queued(_)
            | Event::Assigned(_)
            | Event::Held(_)
            | Event::Consult(_)
            | Event::Parked(_)
            | Event::Thread(_)
            | Event::Moved(_)
            | Event::StageBegun(_)
            | Event::CaseWarned(_)
            | Event::CaseEscalated(_)
            | Event::CaseClosed(_)
            | Event::CompanionInvited(_)
            | Event::ExpectedWait(_)
            | Event::DeflectionOffered(_)
            | Event::Enquiry(_)
            | Event::Supervised(_)
            | Event::DutyCalled(_),
        )
        | None => return,
    };
    let at_ns = stage.now_ns();
    let mut notes = stage.notes();
    if let Some(trace) = notes.trace(&event.key) {
        trace.connected = match kind {
            SeenKind::Connected => true,
            SeenKind::Withdrawn => false,
            SeenKind::Offered | SeenKind::Ended => trace.connected,
        };
        trace.ended |= kind == SeenKind::Ended;
    }
    let (client, key, log_index) = (name.to_owned(), event.key, position.index.0);
    notes.seen.push(Seen { client, log_index, at_ns, key, kind, assignment });
}
