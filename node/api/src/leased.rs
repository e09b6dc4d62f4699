//! The task of a session without a stream: it holds the session as a connection would, and brings each answer to the
//! call that asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ringmain_actors::SessionEvent;
use ringmain_protocol::v1::Error;
use ringmain_routing::Millis;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

use crate::lease::ended_meanwhile;
use crate::stream::{CLIENT_STUCK, Dialect, HEARTBEATS_MISSED_MAX, Heeded};
use crate::validate::Problems;

/// Where the numbers begin under which calls become operations: clients number reconciliations below.
pub(crate) const OWN_OPS: u64 = 1 << 63;
/// Parts of a report that are kept for a client to ask for; each is below the 1 MiB of a message.
const REPORT_PARTS_MAX: usize = 256;

/// What is answered to a call: what the session says, or nothing where it says nothing.
pub(crate) type Answer<D> = Result<Option<<D as Dialect>::Down>, Box<Error>>;

/// What a client says in a call.
pub(crate) enum Ask<D: Dialect> {
    /// A message as on a stream.
    Say(D::Up),
    /// A part of a list to be compared, as on a stream; after the last the first page of the report is the answer.
    Compare { op: u64, up: D::Up, last: bool },
    /// A later page of that report.
    Page { op: u64, page: u32 },
    /// That it lives; is answered once the session is open.
    Touch,
    /// That it goes.
    Leave,
}

/// A call and the way of its answer.
pub(crate) struct Call<D: Dialect> {
    pub(crate) ask: Ask<D>,
    pub(crate) answer: oneshot::Sender<Answer<D>>,
}

/// Holds one session.
pub(crate) struct Leased<D: Dialect> {
    calls: mpsc::Receiver<Call<D>>,
    drain: watch::Sender<Option<Millis>>,
    polls: Arc<AtomicUsize>,
    heartbeat: Duration,
    /// Takes the session off the node's list.
    forget: Box<dyn Fn() + Send>,
    /// Operations under way: the client's number, and who waits.
    waiting: BTreeMap<u64, (u64, oneshot::Sender<Answer<D>>)>,
    operations: u64,
    report: Option<Report<D>>,
}

/// The last report that was asked for.
struct Report<D: Dialect> {
    op: u64,
    parts: Vec<D::Down>,
    /// Who waits for the first page.
    asking: Option<oneshot::Sender<Answer<D>>>,
}

/// Whether the session goes on.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

impl<D: Dialect> Leased<D> {
    pub(crate) fn new(
        calls: mpsc::Receiver<Call<D>>,
        drain: watch::Sender<Option<Millis>>,
        polls: Arc<AtomicUsize>,
        heartbeat: Duration,
        forget: Box<dyn Fn() + Send>,
    ) -> Leased<D> {
        let (waiting, operations, report) = (BTreeMap::new(), 0, None);
        Leased { calls, drain, polls, heartbeat, forget, waiting, operations, report }
    }

    /// Holds the session until it is over, the client goes, or the lease has run out. Dropping it tells the log.
    pub(crate) async fn run(mut self, mut session: D, mut events: mpsc::Receiver<SessionEvent>) {
        let mut heartbeats = tokio::time::interval(self.heartbeat);
        // A node that stood still has not listened either: what it missed is not the client's silence.
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent = 0;
        loop {
            let next = tokio::select! {
                event = events.recv() => event.map_or(Next::End, |event| self.hear(&session, event)),
                call = self.calls.recv() => {
                    silent = 0;
                    call.map_or(Next::End, |call| self.take(&mut session, call))
                }
                _ = heartbeats.tick() => {
                    silent = if self.polls.load(Ordering::Relaxed) > 0 { 0 } else { silent + 1 };
                    if silent > HEARTBEATS_MISSED_MAX + 1 { Next::End } else { Next::GoOn }
                }
                () = session.over() => {
                    self.hear_rest(&mut session, &mut events).await;
                    Next::End
                }
            };
            if next == Next::End {
                break;
            }
        }
        self.refuse(ended_meanwhile()).await;
    }

    /// Answers all calls, those that wait and those that come meanwhile, that there is no session.
    pub(crate) async fn refuse(mut self, error: Error) {
        (self.forget)();
        self.calls.close();
        while let Some(call) = self.calls.recv().await {
            drop(call.answer.send(Err(Box::new(error.clone()))));
        }
    }

    /// What the actor had still to say before it ended.
    async fn hear_rest(&mut self, session: &mut D, events: &mut mpsc::Receiver<SessionEvent>) {
        while let Ok(Some(event)) = tokio::time::timeout(CLIENT_STUCK, events.recv()).await {
            if self.hear(session, event) == Next::End {
                return;
            }
        }
    }

    fn hear(&mut self, session: &D, event: SessionEvent) -> Next {
        match event {
            SessionEvent::Answered { op, .. } => {
                let message = session.tell(event).into_iter().next();
                if let (Some((client_op, answer)), Some(mut message)) = (self.waiting.remove(&op), message) {
                    D::renumber(&mut message, client_op);
                    // A client that no longer waits asks again with the same key.
                    drop(answer.send(outcome::<D>(message)));
                }
            }
            SessionEvent::Reconciled(ref report) => {
                let (op, last) = (report.op, report.last);
                self.reported(op, session.tell(event), last);
            }
            SessionEvent::Drain { within } => {
                self.drain.send_replace(Some(within));
            }

            SessionEvent::Ended { .. } => return Next::End,
            // The welcome was told, or nobody waits for it; what happens is asked for, and credits come with it.
            SessionEvent::Welcome { .. }
            | SessionEvent::Credits(_)
            | SessionEvent::Effect(_)
            | SessionEvent::Resync(_) => {}
        }
        Next::GoOn
    }

    fn take(&mut self, session: &mut D, call: Call<D>) -> Next {
        let Call { ask, answer } = call;
        match ask {
            Ask::Say(up) => self.say(session, up, answer),
            Ask::Compare { op, up, last } => self.compare(session, (op, up, last), answer),
            Ask::Page { op, page } => drop(answer.send(self.page(op, page))),
            Ask::Touch => drop(answer.send(Ok(None))),
            Ask::Leave => {
                drop(answer.send(Ok(None)));
                return Next::End;
            }
        }
        Next::GoOn
    }

    fn say(&mut self, session: &mut D, mut up: D::Up, answer: oneshot::Sender<Answer<D>>) {
        let numbered = D::op_id(&mut up).map(|op| {
            self.operations += 1;
            (std::mem::replace(op, OWN_OPS + self.operations), OWN_OPS + self.operations)
        });
        match (session.heed(up), numbered) {
            (Heeded::Nothing, Some((client_op, op))) => {
                self.waiting.insert(op, (client_op, answer));
            }
            (Heeded::Nothing, None) => drop(answer.send(Ok(None))),
            (Heeded::Say(message), _) => drop(answer.send(outcome::<D>(*message))),
            (Heeded::End(error), _) => drop(answer.send(Err(error))),
        }
    }

    fn compare(&mut self, session: &mut D, part: (u64, D::Up, bool), answer: oneshot::Sender<Answer<D>>) {
        let (op, up, last) = part;
        match session.heed(up) {
            Heeded::Nothing if last => {
                self.report = Some(Report { op, parts: Vec::new(), asking: Some(answer) });
            }
            Heeded::Nothing => drop(answer.send(Ok(None))),
            Heeded::Say(message) => drop(answer.send(outcome::<D>(*message))),
            Heeded::End(error) => drop(answer.send(Err(error))),
        }
    }

    fn reported(&mut self, op: u64, parts: Vec<D::Down>, last: bool) {
        let Some(report) = self.report.as_mut().filter(|report| report.op == op) else { return };
        report.parts.extend(parts);
        if report.parts.len() > REPORT_PARTS_MAX {
            let error = report_too_long();
            if let Some(asking) = self.report.take().and_then(|report| report.asking) {
                drop(asking.send(Err(Box::new(error))));
            }
        } else if last && let Some(asking) = report.asking.take() {
            drop(asking.send(Ok(report.parts.first().cloned())));
        }
    }

    fn page(&self, op: u64, page: u32) -> Answer<D> {
        let report = self.report.as_ref().filter(|report| report.op == op && report.asking.is_none());
        let Some(report) = report else {
            let problem = "no report of this operation is kept here; send the keys again";
            return Err(Box::new(problem_with("reconcile.op_id", problem)));
        };
        let part = usize::try_from(page).ok().and_then(|page| report.parts.get(page)).cloned();
        let beyond = || Box::new(problem_with("page", "the report has no such page"));
        part.map(Some).ok_or_else(beyond)
    }
}

fn outcome<D: Dialect>(message: D::Down) -> Answer<D> {
    match D::error(&message) {
        // The log has ended this opening of the session and refused its command; the next call finds out what is next.
        Some(error) if error.code == "stale-epoch" || error.code == "not-signed-in" => {
            Err(Box::new(ended_meanwhile()))
        }
        Some(error) => Err(Box::new(error.clone())),
        None => Ok(Some(message)),
    }
}

fn report_too_long() -> Error {
    let problem = format!("more is to be reported than {REPORT_PARTS_MAX} pages; reconcile over a stream");
    problem_with("reconcile.keys", &problem)
}

/// One wrong field.
pub(crate) fn problem_with(field: &str, problem: &str) -> Error {
    let mut problems = Problems::default();
    problems.add(field, problem);
    let nothing: Result<(), Error> = problems.into_result(());
    nothing.err().unwrap_or_default()
}
