//! An operator under load: always ready, and done with each contact when the talk is over, which may be at once.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use ringmain_protocol::client::{
    AssignmentOf, BadConfig, OperationError, OperatorAnswer, OperatorClient, OperatorNotice,
    OperatorOperation, PendingAnswer, SessionConfig,
};
use ringmain_protocol::v1::operator_event::Event;
use ringmain_protocol::v1::{CaseStep, Contact, ContactState, OperatorEvent};
use tokio::sync::mpsc;

use super::book::{Book, Hand};
use super::port::ContactNumber;
use super::roll::Roll;
use super::service::{Service, Talks};
use crate::play::Stage;
use crate::task::Owned;

/// An operator at work. It ends when dropped.
pub(crate) struct Desk {
    _task: Owned,
}

/// What was asked.
enum Asked {
    Ready,
    Complete { held: Held, contact: Option<ContactNumber>, asked_ns: u64 },
}

/// What was asked, and its answer.
type Answered = (Asked, Result<OperatorAnswer, OperationError>);

struct Operator {
    stage: Stage,
    book: Book,
    roll: Roll,
    name: String,
    place: u32,
    client: OperatorClient,
    talks: Talks,
    /// What is in hand until its completion is answered.
    in_hand: BTreeMap<Held, State>,
    /// Talks that run.
    timers: FuturesUnordered<BoxFuture<'static, Held>>,
    /// Since when there is room, by the stage's clock in ns: one for each contact more that would fit.
    room: VecDeque<u64>,
    is_known: bool,
}

/// A contact and the number of its assignment.
type Held = (String, u32);

/// How far a contact in hand is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Talking(Option<ContactNumber>),
    /// Its completion is not answered.
    Completing,
}

/// What an operator wants to ask.
type Wanted = (Asked, OperatorOperation);

impl Desk {
    /// Connects and becomes ready; the operator has a place among all, and room for so many contacts.
    ///
    /// # Errors
    /// An address or token that no client can be made of.
    pub(crate) fn take(
        stage: &Stage,
        book: &Book,
        roll: &Roll,
        config: SessionConfig,
        (place, capacity, service): (u32, u32, &Service),
    ) -> Result<Desk, BadConfig> {
        let name = config.name.clone();
        let (client, notices) = OperatorClient::connect(config)?;
        let operator = Operator {
            stage: stage.clone(),
            book: book.clone(),
            roll: roll.clone(),
            name,
            place,
            client,
            talks: service.talks(place),
            in_hand: BTreeMap::new(),
            timers: FuturesUnordered::new(),
            room: (0..capacity).map(|_| 0).collect(),
            is_known: false,
        };
        Ok(Desk { _task: Owned::start(operator.work(notices)) })
    }
}

impl Operator {
    async fn work(mut self, mut notices: mpsc::Receiver<OperatorNotice>) {
        let mut pending: FuturesUnordered<BoxFuture<'static, Answered>> = FuturesUnordered::new();
        let mut has_hurried = false;
        loop {
            let mut wanted = Vec::new();
            tokio::select! {
                notice = notices.recv() => match notice {
                    Some(notice) => self.heed(notice, &mut wanted),
                    None => return,
                },
                Some((asked, answer)) = pending.next(), if !pending.is_empty() => self.record(asked, answer),
                Some(held) = self.timers.next(), if !self.timers.is_empty() => wanted.extend(self.complete(held)),
                () = self.talks.hurried(), if !has_hurried => {
                    has_hurried = true;
                    self.complete_all(&mut wanted);
                }
            }
            for (asked, operation) in wanted {
                let begun = self.client.begin(operation).await;
                pending.push(Box::pin(wait(asked, begun)));
            }
        }
    }

    fn heed(&mut self, notice: OperatorNotice, wanted: &mut Vec<Wanted>) {
        match notice {
            // What was declared on an earlier stream may not have arrived: say it again.
            OperatorNotice::Online(_) => wanted.push((Asked::Ready, OperatorOperation::Ready)),
            OperatorNotice::Event(event) => wanted.extend(self.heed_event(*event)),
            OperatorNotice::Resync(list) => {
                let in_hand =
                    list.contacts.iter().filter(|contact| contact.state() == ContactState::Handling);
                let in_hand: Vec<&Contact> = in_hand.collect();
                let is_listed = |held: &Held| {
                    in_hand.iter().any(|contact| contact.contact == held.0 && contact.assignment == held.1)
                };
                let gone: Vec<Held> = self.in_hand.keys().filter(|held| !is_listed(held)).cloned().collect();
                gone.iter().for_each(|held| self.let_go(held));
                for contact in in_hand {
                    wanted.extend(self.serve(contact, contact.assignment));
                }
            }
            OperatorNotice::Offline => {}
            OperatorNotice::Stopped { reason, error } => {
                self.book.problem(format!("{}: its client stopped: {reason:?} {error:?}", self.name));
            }
        }
    }

    fn heed_event(&mut self, event: OperatorEvent) -> Option<Wanted> {
        match event.event? {
            Event::Connect(connect) => self.serve(&connect.contact?, connect.assignment),
            Event::Withdrawn(withdrawn) => {
                self.let_go(&(withdrawn.contact, withdrawn.assignment));
                None
            }
            Event::Released(released) => {
                self.let_go(&(released.contact, released.assignment));
                None
            }
            Event::Ring(_)
            | Event::WrapUp(_)
            | Event::Presence(_)
            | Event::Held(_)
            | Event::Consult(_)
            | Event::Parked(_)
            | Event::Thread(_)
            | Event::CaseWatched(_)
            | Event::CompanionInvited(_)
            | Event::Enquiry(_)
            | Event::Help(_)
            | Event::QueueAlarm(_) => None,
        }
    }

    /// The contact is connected: it is completed when the talk is over, which may be at once.
    fn serve(&mut self, contact: &Contact, assignment: u32) -> Option<Wanted> {
        let held = (contact.contact.clone(), assignment);
        if self.in_hand.contains_key(&held) {
            return None;
        }
        let number = ContactNumber::of_key(&contact.key);
        let room_ns = self.room.pop_front().unwrap_or_default();
        if let Some(number) = number {
            let hand = Hand { operator: self.place, assignment };
            self.book.shown(number, (room_ns, self.stage.now_ns()), hand);
        }
        self.in_hand.insert(held.clone(), State::Talking(number));
        match self.talks.next() {
            None => self.complete(held),
            Some(span) => {
                self.timers.push(Box::pin(talk(held, span)));
                None
            }
        }
    }

    /// The talk is over, unless the contact was taken back before or is being completed already.
    fn complete(&mut self, held: Held) -> Option<Wanted> {
        let state = self.in_hand.get_mut(&held)?;
        let State::Talking(number) = *state else { return None };
        *state = State::Completing;
        let asked_ns = self.stage.now_ns();
        self.room.push_back(asked_ns);
        let of = AssignmentOf::new(&held.0, held.1);
        let asked = Asked::Complete { held, contact: number, asked_ns };
        Some((asked, OperatorOperation::Complete { of, wrap_up: None, step: CaseStep::Next, result: None }))
    }

    fn complete_all(&mut self, wanted: &mut Vec<Wanted>) {
        self.timers.clear();
        let held: Vec<Held> = self.in_hand.keys().cloned().collect();
        wanted.extend(held.into_iter().filter_map(|held| self.complete(held)));
    }

    /// The contact is not with this operator any more.
    fn let_go(&mut self, held: &Held) {
        if let Some(State::Talking(_)) = self.in_hand.remove(held) {
            self.room.push_back(self.stage.now_ns());
        }
    }

    fn record(&mut self, asked: Asked, answer: Result<OperatorAnswer, OperationError>) {
        match (asked, answer) {
            (Asked::Ready, Ok(_)) => {
                if !std::mem::replace(&mut self.is_known, true) {
                    self.roll.sign();
                }
            }
            (Asked::Ready, Err(error)) => self.book.problem(format!("{}: not ready: {error}", self.name)),
            (Asked::Complete { held, contact, asked_ns }, answer) => {
                self.in_hand.remove(&held);
                let hand = Hand { operator: self.place, assignment: held.1 };
                match (contact, answer) {
                    (Some(contact), Ok(_)) => {
                        self.book.completed(contact, (asked_ns, self.stage.now_ns()), hand)
                    }
                    (None, Ok(_)) => {}
                    (_, Err(error)) => self.refused(contact, &error),
                }
            }
        }
    }

    /// An assignment that was taken back meanwhile cannot be completed: whoever has the contact now will do it.
    fn refused(&self, contact: Option<ContactNumber>, error: &OperationError) {
        let is_over =
            matches!(error, OperationError::Refused(refused) if refused.error.code == "stale-assignment");
        if let (Some(contact), false) = (contact, is_over) {
            self.book.problem(format!("{}: {} not completed: {error}", self.name, contact.key()));
        }
    }
}

async fn talk(held: Held, span: Duration) -> Held {
    tokio::time::sleep(span).await;
    held
}

async fn wait(asked: Asked, begun: Result<PendingAnswer<OperatorAnswer>, OperationError>) -> Answered {
    match begun {
        Ok(pending) => (asked, pending.await),
        Err(error) => (asked, Err(error)),
    }
}
