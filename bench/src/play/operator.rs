//! An operator of the play: signs in for the shifts, accepts, talks as long as the scenario says, completes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use ringmain_protocol::client::{
    AssignmentOf, BadConfig, OperationError, OperatorAnswer, OperatorClient, OperatorNotice,
    OperatorOperation, PendingAnswer,
};
use ringmain_protocol::v1::operator_event::Event;
use ringmain_protocol::v1::{CaseStep, Contact, ContactState, OperatorEvent};
use ringmain_routing::{Millis, Position};
use tokio::sync::{mpsc, watch};
use tokio::time::Sleep;

use super::Stage;
use super::records::{Answer, Asked, Record, Seen, SeenKind};
use crate::task::Owned;

/// The reason that a simulated operator gives outside the shifts.
const OFF_DUTY: u16 = 1;

/// When an operator works, since the stage was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// From then.
    pub from: Duration,
    /// Until then.
    pub to: Duration,
}

/// One operator: its client and the task that works with it.
pub struct OperatorSeat {
    going_home: watch::Sender<bool>,
    task: Owned,
}

impl OperatorSeat {
    /// Connects; the first node tried is the one at `home`. No shifts means always on duty.
    ///
    /// # Errors
    /// An address or token that no client can be made of.
    pub fn take(
        stage: &Stage,
        login: &str,
        token: &str,
        home: usize,
        shifts: Vec<Shift>,
    ) -> Result<OperatorSeat, BadConfig> {
        let (client, notices) = OperatorClient::connect(stage.session(login, token, home))?;
        let (going_home, goes_home) = watch::channel(false);
        let desk = Desk {
            stage: stage.clone(),
            login: login.into(),
            client,
            shifts,
            on_duty: None,
            in_hand: BTreeMap::new(),
            timers: FuturesUnordered::new(),
            pending: FuturesUnordered::new(),
        };
        Ok(OperatorSeat { going_home, task: Owned::start(desk.work(notices, goes_home)) })
    }

    /// Takes nothing new, completes what is in hand at once, and waits for the answers, at most `patience`.
    pub async fn finish(self, patience: Duration) {
        // A desk that is gone has nothing left to finish.
        let _told = self.going_home.send(true);
        let _in_time = tokio::time::timeout(patience, self.task.ended()).await;
    }
}

type Answered = (Asked, u64, Result<OperatorAnswer, OperationError>);

enum Due {
    Talk(String, u32),
    ShiftChange,
}

struct Desk {
    stage: Stage,
    login: Arc<str>,
    client: OperatorClient,
    shifts: Vec<Shift>,
    on_duty: Option<bool>,
    /// Contact id → the assignment whose talk runs.
    in_hand: BTreeMap<String, Talk>,
    timers: FuturesUnordered<BoxFuture<'static, Due>>,
    pending: FuturesUnordered<BoxFuture<'static, Answered>>,
}

struct Talk {
    assignment: u32,
    wrap_up: Option<Duration>,
}

impl Desk {
    async fn work(
        mut self,
        mut notices: mpsc::Receiver<OperatorNotice>,
        mut goes_home: watch::Receiver<bool>,
    ) {
        let mut leaving = false;
        self.plan_next_change();
        while !(leaving && self.in_hand.is_empty() && self.pending.is_empty()) {
            tokio::select! {
                notice = notices.recv() => match notice {
                    Some(OperatorNotice::Stopped { .. }) | None => return,
                    Some(notice) => self.take_notice(notice, leaving).await,
                },
                Some(due) = self.timers.next(), if !self.timers.is_empty() => match due {
                    Due::Talk(contact, assignment) => self.complete(&contact, assignment).await,
                    Due::ShiftChange => self.change_shift(leaving).await,
                },
                Some(answered) = self.pending.next(), if !self.pending.is_empty() => self.record(answered),
                _ = goes_home.changed(), if !leaving => {
                    leaving = true;
                    self.leave().await;
                }
            }
        }
    }

    async fn take_notice(&mut self, notice: OperatorNotice, leaving: bool) {
        match notice {
            OperatorNotice::Online(_) => {
                // What was declared on an earlier stream may not have arrived: say it again.
                self.on_duty = None;
                self.change_shift(leaving).await;
            }
            OperatorNotice::Event(event) => self.take_event(*event, leaving).await,
            OperatorNotice::Resync(resync) => {
                self.in_hand.retain(|id, talk| {
                    resync.contacts.iter().any(|row| row.contact == *id && row.assignment == talk.assignment)
                });
                for contact in &resync.contacts {
                    self.take_up(contact, leaving).await;
                }
            }
            OperatorNotice::Offline | OperatorNotice::Stopped { .. } => {}
        }
    }

    /// Goes on with a contact that is in hand according to the cluster.
    async fn take_up(&mut self, contact: &Contact, leaving: bool) {
        match contact.state() {
            ContactState::Offered => self.accept(&contact.contact, contact.assignment).await,
            ContactState::Handling => self.talk(contact, contact.assignment, leaving).await,
            ContactState::Unspecified
            | ContactState::Waiting
            | ContactState::WrapUp
            | ContactState::Ended => {}
        }
    }

    async fn take_event(&mut self, event: OperatorEvent, leaving: bool) {
        let log_index = Position::from_cursor(&event.cursor).map_or(0, |position| position.index.0);
        match event.event {
            Some(Event::Ring(ring)) => {
                if let Some(contact) = &ring.contact {
                    self.see(&contact.key, log_index, SeenKind::Offered, ring.assignment);
                    self.accept(&contact.contact, ring.assignment).await;
                }
            }
            Some(Event::Connect(connect)) => {
                if let Some(contact) = &connect.contact {
                    self.see(&contact.key, log_index, SeenKind::Connected, connect.assignment);
                    self.talk(contact, connect.assignment, leaving).await;
                }
            }
            Some(Event::Withdrawn(withdrawn)) => self.let_go(&withdrawn.contact, withdrawn.assignment),
            Some(Event::Released(released)) => self.let_go(&released.contact, released.assignment),
            Some(
                Event::WrapUp(_)
                | Event::Presence(_)
                | Event::Held(_)
                | Event::Consult(_)
                | Event::Parked(_)
                | Event::Thread(_)
                | Event::CaseWatched(_)
                | Event::CompanionInvited(_)
                | Event::Enquiry(_)
                | Event::Help(_)
                | Event::QueueAlarm(_),
            )
            | None => {}
        }
    }

    /// Keeps what was seen; the first sight of a probe contact ends its way from the push.
    fn see(&self, key: &str, log_index: u64, kind: SeenKind, assignment: u32) {
        let at_ns = self.stage.now_ns();
        let mut notes = self.stage.notes();
        let mut offered_after = None;
        if let Some(trace) = notes.trace(key)
            && !std::mem::replace(&mut trace.offered, true)
            && trace.is_probe
        {
            offered_after = Some(at_ns.saturating_sub(trace.due_ns));
        }
        notes.offers_ns.extend(offered_after);
        let (client, key) = (self.login.to_string(), key.to_owned());
        notes.seen.push(Seen { client, log_index, at_ns, key, kind, assignment });
    }

    async fn accept(&mut self, contact: &str, assignment: u32) {
        let asked = Asked::Accept(contact.to_owned(), assignment);
        self.ask(asked, OperatorOperation::Accept(AssignmentOf::new(contact, assignment))).await;
    }

    async fn talk(&mut self, contact: &Contact, assignment: u32, leaving: bool) {
        let known = self.in_hand.get(&contact.contact).is_some_and(|talk| talk.assignment == assignment);
        if known {
            return;
        }
        let (service, wrap_up) =
            self.stage.notes().trace(&contact.key).map_or_else(Default::default, |t| (t.service, t.wrap_up));
        self.in_hand.insert(contact.contact.clone(), Talk { assignment, wrap_up });
        if leaving || service.is_zero() {
            self.complete(&contact.contact, assignment).await;
            return;
        }
        let (id, sleep) = (contact.contact.clone(), sleep(service));
        self.timers.push(Box::pin(async move {
            sleep.await;
            Due::Talk(id, assignment)
        }));
    }

    fn let_go(&mut self, contact: &str, assignment: u32) {
        if self.in_hand.get(contact).is_some_and(|talk| talk.assignment == assignment) {
            self.in_hand.remove(contact);
        }
    }

    async fn complete(&mut self, contact: &str, assignment: u32) {
        if self.in_hand.get(contact).is_none_or(|talk| talk.assignment != assignment) {
            return;
        }
        let Some(talk) = self.in_hand.remove(contact) else { return };
        let wrap_up = talk.wrap_up.map(|span| Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)));
        let asked = Asked::Complete(contact.to_owned(), assignment);
        let of = AssignmentOf::new(contact, assignment);
        self.ask(asked, OperatorOperation::Complete { of, wrap_up, step: CaseStep::Next, result: None })
            .await;
    }

    /// Declares what the shift says now, and plans the next change.
    async fn change_shift(&mut self, leaving: bool) {
        let now = self.stage.elapsed();
        let works = self.shifts.is_empty() || self.shifts.iter().any(|s| s.from <= now && now < s.to);
        self.declare(works && !leaving).await;
    }

    async fn declare(&mut self, ready: bool) {
        if self.on_duty == Some(ready) {
            return;
        }
        self.on_duty = Some(ready);
        let operation = if ready { OperatorOperation::Ready } else { OperatorOperation::NotReady(OFF_DUTY) };
        self.ask(Asked::Presence(ready), operation).await;
    }

    /// One timer for every change of all shifts: a break more or less is not worth more.
    fn plan_next_change(&mut self) {
        let now = self.stage.elapsed();
        for at in self.shifts.iter().flat_map(|shift| [shift.from, shift.to]).filter(|&at| at > now) {
            let sleep = sleep(at - now);
            self.timers.push(Box::pin(async move {
                sleep.await;
                Due::ShiftChange
            }));
        }
    }

    async fn leave(&mut self) {
        self.declare(false).await;
        let in_hand: Vec<(String, u32)> =
            self.in_hand.iter().map(|(contact, talk)| (contact.clone(), talk.assignment)).collect();
        for (contact, assignment) in in_hand {
            self.complete(&contact, assignment).await;
        }
    }

    async fn ask(&mut self, asked: Asked, operation: OperatorOperation) {
        let invoked_ns = self.stage.now_ns();
        match self.client.begin(operation).await {
            Ok(answer) => self.pending.push(Box::pin(wait(asked, invoked_ns, answer))),
            Err(error) => self.record((asked, invoked_ns, Err(error))),
        }
    }

    fn record(&self, (asked, invoked_ns, result): Answered) {
        let returned_ns = self.stage.now_ns();
        let answer = match result {
            Ok(done) => Answer::done(done.receipt.unwrap_or_default(), None),
            Err(error) => Answer::failed(error),
        };
        let client = self.login.to_string();
        self.stage.notes().records.push(Record { client, asked, invoked_ns, returned_ns, answer });
    }
}

async fn wait(asked: Asked, invoked_ns: u64, answer: PendingAnswer<OperatorAnswer>) -> Answered {
    (asked, invoked_ns, answer.await)
}

fn sleep(span: Duration) -> Sleep {
    tokio::time::sleep(span)
}
