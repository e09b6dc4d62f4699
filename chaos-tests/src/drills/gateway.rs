//! A gateway of the drill: pushes at a constant rate, some contacts twice.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use ringmain_protocol::client::{
    GatewayAnswer, GatewayClient, GatewayNotice, GatewayOperation, OperationError, Pushed,
};
use ringmain_protocol::v1::gateway_event::Event;
use ringmain_protocol::v1::{EndReason, GatewayEvent, GatewayPush, Receipt};
use ringmain_routing::Epoch;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::centre::{CHANNEL, LIFE_SAFETY, LIFE_SAFETY_EVERY, QUEUES, WANDERING_GATEWAY, WANDERING_QUEUE};
use super::journal::{Bookmark, Journal};
use super::task::Owned;
use crate::checker::{ClientOpKind, Delivery, SeenEventKind};

/// Contacts that wait to be repeated late; beyond that the oldest is forgotten.
const LATE_MAX: usize = 4_096;

/// What a gateway does that makes life hard for a cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// Every so many contacts are pushed a second time at once, as by a gateway that lost the answer.
    pub(super) repeat_every: u64,
    /// The same ones once more after so long, the newer before the older.
    pub(super) repeat_late: Option<Duration>,
}

impl Default for Habits {
    fn default() -> Self {
        Habits { repeat_every: 8, repeat_late: None }
    }
}

/// A gateway at work.
pub(super) struct GatewaySeat {
    orders: mpsc::Sender<Order>,
    task: Owned,
}

enum Order {
    Move { to: usize, pause: Duration },
    Pace(Duration),
    StopPushing,
    Leave,
}

impl GatewaySeat {
    /// Connects and begins to push; the node at `home` is tried first.
    pub(super) fn take(
        journal: &Journal,
        name: &str,
        home: usize,
        every: Duration,
        habits: Habits,
    ) -> Result<GatewaySeat> {
        let (orders, inbox) = mpsc::channel(8);
        let bookmark = Bookmark::default();
        let (client, notices) = GatewayClient::connect(journal.session("gateway", name, home, &bookmark))?;
        let gateway = Gateway {
            journal: journal.clone(),
            name: name.to_owned(),
            client: Some(client),
            is_stopped: false,
            notices,
            bookmark,
            pending: FuturesUnordered::new(),
            pushes: 0,
            is_pushing: true,
            habits,
            late: VecDeque::new(),
        };
        Ok(GatewaySeat { orders, task: Owned::start(gateway.work(inbox, every)) })
    }

    /// Ends the stream without a word, and after a pause goes on at another node where it had ended.
    pub(super) async fn move_to(&self, to: usize, pause: Duration) {
        // A gateway that is gone shows as stopped in the journal.
        let _sent = self.orders.send(Order::Move { to, pause }).await;
    }

    /// From here on a contact comes every so often.
    pub(super) async fn pace(&self, every: Duration) {
        let _sent = self.orders.send(Order::Pace(every)).await;
    }

    pub(super) async fn stop_pushing(&self) {
        let _sent = self.orders.send(Order::StopPushing).await;
    }

    /// Waits for the last answers, at most `patience`.
    pub(super) async fn leave(self, patience: Duration) {
        let _sent = self.orders.send(Order::Leave).await;
        let _in_time = tokio::time::timeout(patience, self.task.ended()).await;
    }
}

struct Answered {
    push: GatewayPush,
    invoked_ns: u64,
    answer: Result<GatewayAnswer, OperationError>,
}

struct Gateway {
    journal: Journal,
    name: String,
    /// Absent while the seat moves.
    client: Option<GatewayClient>,
    is_stopped: bool,
    notices: mpsc::Receiver<GatewayNotice>,
    bookmark: Bookmark,
    pending: FuturesUnordered<BoxFuture<'static, Answered>>,
    pushes: u64,
    is_pushing: bool,
    habits: Habits,
    /// What is to be repeated, and when, in ns of the journal's clock.
    late: VecDeque<(u64, GatewayPush)>,
}

impl Gateway {
    async fn work(mut self, mut inbox: mpsc::Receiver<Order>, every: Duration) {
        let mut pace = Pace::of(every, &self.journal);
        let mut is_leaving = false;
        while !(is_leaving && self.pending.is_empty()) {
            tokio::select! {
                due_ns = pace.next(), if self.is_pushing => self.push_next(due_ns).await,
                Some(answered) = self.pending.next(), if !self.pending.is_empty() => self.record(answered).await,
                notice = self.notices.recv() => match notice {
                    Some(notice) => self.take_notice(notice),
                    None => return self.journal.stopped(&self.name, "no more notices"),
                },
                order = inbox.recv() => match order {
                    Some(Order::Move { to, pause }) => self.move_to(to, pause).await,
                    Some(Order::Pace(every)) => pace = Pace::of(every, &self.journal),
                    Some(Order::StopPushing) => self.is_pushing = false,
                    Some(Order::Leave) | None => is_leaving = true,
                },
            }
        }
    }

    async fn push_next(&mut self, due_ns: u64) {
        self.pushes += 1;
        let queue =
            if self.name == WANDERING_GATEWAY { WANDERING_QUEUE } else { QUEUES[(self.pushes % 2) as usize] };
        let is_urgent = self.pushes.is_multiple_of(LIFE_SAFETY_EVERY);
        let (word, tier) = if is_urgent { (LIFE_SAFETY, 0) } else { ("", 2 + (self.pushes % 3) as u32) };
        let push = GatewayPush {
            key: format!("{}-{word}{}", self.name, self.pushes),
            queue: queue.to_owned(),
            channel: CHANNEL.to_owned(),
            tier,
            ..GatewayPush::default()
        };
        self.journal.was_due(&push.key, due_ns);
        if self.pushes.is_multiple_of(self.habits.repeat_every.max(1)) {
            self.push(push.clone()).await;
            self.note_late(&push);
        }
        self.push(push).await;
        self.repeat_late().await;
    }

    fn note_late(&mut self, push: &GatewayPush) {
        let Some(after) = self.habits.repeat_late else { return };
        if self.late.len() == LATE_MAX {
            self.late.pop_front();
        }
        let due_ns = self.journal.now_ns() + after.as_nanos() as u64;
        self.late.push_back((due_ns, push.clone()));
    }

    /// Repeats what is due, as by a gateway that went through an old list from its end.
    async fn repeat_late(&mut self) {
        let now_ns = self.journal.now_ns();
        let due = self.late.iter().take_while(|(due_ns, _)| *due_ns <= now_ns).count();
        let due: Vec<GatewayPush> = self.late.drain(..due).map(|(_, push)| push).collect();
        for push in due.into_iter().rev() {
            self.push(push).await;
        }
    }

    async fn push(&mut self, push: GatewayPush) {
        let invoked_ns = self.journal.now_ns();
        let Some(client) = &self.client else { return };
        let begun = client.begin(GatewayOperation::Push(Box::new(push.clone()))).await;
        self.pending.push(Box::pin(async move {
            let answer = match begun {
                Ok(pending) => pending.await,
                Err(error) => Err(error),
            };
            Answered { push, invoked_ns, answer }
        }));
    }

    /// What is not known to have been done is asked for again, under the same key.
    async fn record(&mut self, answered: Answered) {
        let Answered { push, invoked_ns, answer } = answered;
        let op = ClientOpKind::Push { key: push.key.clone() };
        let is_over = matches!(&answer, Ok(GatewayAnswer::Pushed(Pushed::Accepted(accepted)))
            if accepted.ended() != EndReason::Unspecified);
        if is_over {
            self.journal.ended(&self.name, &push.key);
        }
        let answer = answer.and_then(receipt_of);
        if !self.journal.answered(&self.name, op, invoked_ns, answer) && !self.is_stopped {
            self.push(push).await;
        }
    }

    fn take_notice(&mut self, notice: GatewayNotice) {
        match notice {
            GatewayNotice::Online(welcome) => {
                self.bookmark.epoch = Some(Epoch(welcome.epoch));
                self.journal.opened(&self.name, welcome.node, welcome.resumed);
            }
            GatewayNotice::Event(event) => self.take_event(*event),
            GatewayNotice::Resync(list) => {
                self.bookmark.cursor.clone_from(&list.as_of);
                self.journal.delivered(&self.name, &list.as_of, Delivery::Resync);
                let keys: BTreeSet<&str> = list.contacts.iter().map(|contact| &*contact.key).collect();
                self.journal.listed(&self.name, &keys);
            }
            GatewayNotice::Offline => {}
            GatewayNotice::Stopped { reason, error } => {
                self.is_stopped = true;
                self.journal.stopped(&self.name, &format!("{reason:?} {error:?}"));
            }
        }
    }

    fn take_event(&mut self, event: GatewayEvent) {
        self.bookmark.cursor.clone_from(&event.cursor);
        self.journal.delivered(&self.name, &event.cursor, Delivery::Event);
        let (kind, assignment) = match event.event {
            Some(Event::Connect(connect)) => (SeenEventKind::Connected, connect.assignment),
            Some(Event::Withdrawn(withdrawn)) => (SeenEventKind::Withdrawn, withdrawn.assignment),
            Some(Event::Ended(_)) => (SeenEventKind::Ended, 0),
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
        self.journal.saw(&self.name, &event.cursor, &event.key, kind, assignment);
    }

    async fn move_to(&mut self, to: usize, pause: Duration) {
        // What has reached this program counts as taken in.
        while let Ok(notice) = self.notices.try_recv() {
            self.take_notice(notice);
        }
        let config = self.journal.session("gateway", &self.name, to, &self.bookmark);
        // Closing ends the old stream here; whatever it still brings is for the next one.
        self.notices.close();
        self.client = None;
        tokio::time::sleep(pause).await;
        match GatewayClient::connect(config) {
            Ok((client, notices)) => (self.client, self.notices) = (Some(client), notices),
            Err(error) => {
                self.is_stopped = true;
                self.journal.stopped(&self.name, &error.to_string());
            }
        }
    }
}

/// When contacts are due.
struct Pace {
    ticks: Interval,
    begun_ns: u64,
    first: Option<Instant>,
}

impl Pace {
    /// One every so often, the first at once.
    fn of(every: Duration, journal: &Journal) -> Pace {
        let mut ticks = interval(every);
        // Callers do not wait for each other: what came due meanwhile comes at once.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Pace { ticks, begun_ns: journal.now_ns(), first: None }
    }

    /// Waits for the next one; says when it was due, in ns of the journal's clock.
    async fn next(&mut self) -> u64 {
        let due = self.ticks.tick().await;
        let since = due.duration_since(*self.first.get_or_insert(due));
        self.begun_ns + since.as_nanos() as u64
    }
}

fn receipt_of(answer: GatewayAnswer) -> Result<(Receipt, Option<String>), OperationError> {
    match answer {
        GatewayAnswer::Pushed(pushed) => Ok((pushed.receipt(), Some(pushed.contact().to_owned()))),
        GatewayAnswer::Done(_) | GatewayAnswer::Report(_) => Err(OperationError::Mismatched),
    }
}
