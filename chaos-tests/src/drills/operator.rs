//! An operator of the drill: accepts, talks, completes.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use ringmain_protocol::client::{
    AssignmentOf, OperationError, OperatorAnswer, OperatorClient, OperatorNotice, OperatorOperation,
};
use ringmain_protocol::v1::operator_event::Event;
use ringmain_protocol::v1::{CaseStep, Contact, ContactState, OperatorEvent};
use ringmain_routing::Epoch;
use tokio::sync::mpsc;

use super::centre::SERVICE;
use super::journal::{Bookmark, Journal};
use super::task::Owned;
use crate::checker::{ClientOpKind, Delivery, SeenEventKind};

/// An operator at work.
pub(super) struct OperatorSeat {
    orders: mpsc::Sender<Order>,
    task: Owned,
}

enum Order {
    Move { to: usize, pause: Duration },
    Leave,
}

impl OperatorSeat {
    /// Signs in and becomes ready; the node at `home` is tried first.
    pub(super) fn take(journal: &Journal, login: &str, home: usize) -> Result<OperatorSeat> {
        let (orders, inbox) = mpsc::channel(8);
        let bookmark = Bookmark::default();
        let (client, notices) = OperatorClient::connect(journal.session("operator", login, home, &bookmark))?;
        let desk = Desk {
            journal: journal.clone(),
            login: login.to_owned(),
            client: Some(client),
            is_stopped: false,
            notices,
            bookmark,
            talks: BTreeMap::new(),
            timers: FuturesUnordered::new(),
            pending: FuturesUnordered::new(),
        };
        Ok(OperatorSeat { orders, task: Owned::start(desk.work(inbox)) })
    }

    /// Ends the stream without a word, and after a pause goes on at another node where it had ended.
    pub(super) async fn move_to(&self, to: usize, pause: Duration) {
        // A desk that is gone shows as stopped in the journal.
        let _sent = self.orders.send(Order::Move { to, pause }).await;
    }

    /// Waits for the last answers, at most `patience`.
    pub(super) async fn leave(self, patience: Duration) {
        let _sent = self.orders.send(Order::Leave).await;
        let _in_time = tokio::time::timeout(patience, self.task.ended()).await;
    }
}

struct Answered {
    op: ClientOpKind,
    operation: OperatorOperation,
    invoked_ns: u64,
    answer: Result<OperatorAnswer, OperationError>,
}

struct Desk {
    journal: Journal,
    login: String,
    /// Absent while the seat moves.
    client: Option<OperatorClient>,
    is_stopped: bool,
    notices: mpsc::Receiver<OperatorNotice>,
    bookmark: Bookmark,
    /// Contact id → the assignment whose talk runs.
    talks: BTreeMap<String, u32>,
    timers: FuturesUnordered<BoxFuture<'static, (String, u32)>>,
    pending: FuturesUnordered<BoxFuture<'static, Answered>>,
}

impl Desk {
    async fn work(mut self, mut inbox: mpsc::Receiver<Order>) {
        let mut is_leaving = false;
        while !(is_leaving && self.pending.is_empty()) {
            tokio::select! {
                Some((contact, assignment)) = self.timers.next(), if !self.timers.is_empty() => {
                    self.complete(&contact, assignment).await;
                }
                Some(answered) = self.pending.next(), if !self.pending.is_empty() => self.record(answered).await,
                notice = self.notices.recv() => match notice {
                    Some(notice) => self.take_notice(notice).await,
                    None => return self.journal.stopped(&self.login, "no more notices"),
                },
                order = inbox.recv() => match order {
                    Some(Order::Move { to, pause }) => self.move_to(to, pause).await,
                    Some(Order::Leave) | None => is_leaving = true,
                },
            }
        }
    }

    async fn take_notice(&mut self, notice: OperatorNotice) {
        match notice {
            OperatorNotice::Online(welcome) => {
                self.bookmark.epoch = Some(Epoch(welcome.epoch));
                self.journal.opened(&self.login, welcome.node, welcome.resumed);
                // What was declared on an earlier stream may not have arrived.
                self.ask(ClientOpKind::Presence { ready: true }, OperatorOperation::Ready).await;
            }
            OperatorNotice::Event(event) => self.take_event(*event).await,
            OperatorNotice::Resync(list) => {
                self.bookmark.cursor.clone_from(&list.as_of);
                self.journal.delivered(&self.login, &list.as_of, Delivery::Resync);
                let is_listed = |id: &String, assignment: &mut u32| {
                    list.contacts.iter().any(|row| row.contact == *id && row.assignment == *assignment)
                };
                self.talks.retain(is_listed);
                for contact in &list.contacts {
                    self.take_up(contact).await;
                }
            }
            OperatorNotice::Offline => {}
            OperatorNotice::Stopped { reason, error } => {
                self.is_stopped = true;
                self.journal.stopped(&self.login, &format!("{reason:?} {error:?}"));
            }
        }
    }

    /// Goes on with a contact that is in hand as the cluster has it.
    async fn take_up(&mut self, contact: &Contact) {
        match contact.state() {
            ContactState::Offered => self.accept(&contact.contact, contact.assignment).await,
            ContactState::Handling => self.talk(&contact.contact, contact.assignment),
            ContactState::Unspecified
            | ContactState::Waiting
            | ContactState::WrapUp
            | ContactState::Ended => {}
        }
    }

    async fn take_event(&mut self, event: OperatorEvent) {
        self.bookmark.cursor.clone_from(&event.cursor);
        self.journal.delivered(&self.login, &event.cursor, Delivery::Event);
        let saw = |contact: &Contact, kind, assignment| {
            self.journal.saw(&self.login, &event.cursor, &contact.key, kind, assignment);
        };
        match event.event {
            Some(Event::Ring(ring)) => {
                let contact = ring.contact.unwrap_or_default();
                saw(&contact, SeenEventKind::Offered, ring.assignment);
                self.accept(&contact.contact, ring.assignment).await;
            }
            Some(Event::Connect(connect)) => {
                let contact = connect.contact.unwrap_or_default();
                saw(&contact, SeenEventKind::Connected, connect.assignment);
                self.talk(&contact.contact, connect.assignment);
            }
            Some(Event::Withdrawn(withdrawn)) => self.hang_up(&withdrawn.contact, withdrawn.assignment),
            Some(Event::Released(released)) => self.hang_up(&released.contact, released.assignment),
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

    async fn accept(&mut self, contact: &str, assignment: u32) {
        let op = ClientOpKind::Accept { contact: contact.to_owned(), assignment };
        self.ask(op, OperatorOperation::Accept(AssignmentOf::new(contact, assignment))).await;
    }

    fn talk(&mut self, contact: &str, assignment: u32) {
        if self.talks.insert(contact.to_owned(), assignment) == Some(assignment) {
            return;
        }
        let contact = contact.to_owned();
        self.timers.push(Box::pin(async move {
            tokio::time::sleep(SERVICE).await;
            (contact, assignment)
        }));
    }

    fn hang_up(&mut self, contact: &str, assignment: u32) {
        if self.talks.get(contact) == Some(&assignment) {
            self.talks.remove(contact);
        }
    }

    async fn complete(&mut self, contact: &str, assignment: u32) {
        if self.talks.get(contact) == Some(&assignment) {
            let op = ClientOpKind::Complete { contact: contact.to_owned(), assignment };
            let of = AssignmentOf::new(contact, assignment);
            self.ask(
                op,
                OperatorOperation::Complete { of, wrap_up: None, step: CaseStep::Next, result: None },
            )
            .await;
        }
    }

    async fn ask(&mut self, op: ClientOpKind, operation: OperatorOperation) {
        let invoked_ns = self.journal.now_ns();
        let Some(client) = &self.client else { return };
        let begun = client.begin(operation.clone()).await;
        self.pending.push(Box::pin(async move {
            let answer = match begun {
                Ok(pending) => pending.await,
                Err(error) => Err(error),
            };
            Answered { op, operation, invoked_ns, answer }
        }));
    }

    /// What is not known to have been done is asked for again, unless the contact is no longer in hand.
    async fn record(&mut self, answered: Answered) {
        let Answered { op, operation, invoked_ns, answer } = answered;
        let answer = answer.map(|done| (done.receipt.unwrap_or_default(), None));
        if !self.journal.answered(&self.login, op.clone(), invoked_ns, answer) && !self.is_stopped {
            self.ask(op, operation).await;
        }
    }

    async fn move_to(&mut self, to: usize, pause: Duration) {
        // What has reached this program counts as taken in.
        while let Ok(notice) = self.notices.try_recv() {
            self.take_notice(notice).await;
        }
        let config = self.journal.session("operator", &self.login, to, &self.bookmark);
        // Closing ends the old stream here; whatever it still brings is for the next one.
        self.notices.close();
        self.client = None;
        tokio::time::sleep(pause).await;
        match OperatorClient::connect(config) {
            Ok((client, notices)) => (self.client, self.notices) = (Some(client), notices),
            Err(error) => {
                self.is_stopped = true;
                self.journal.stopped(&self.login, &error.to_string());
            }
        }
    }
}
