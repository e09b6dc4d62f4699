//! An operator under load: always ready, and done with each contact at once, so that the cluster is measured and not
//! people.

use std::collections::BTreeSet;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use ringmain_protocol::client::{
    AssignmentOf, BadConfig, OperationError, OperatorAnswer, OperatorClient, OperatorNotice,
    OperatorOperation, PendingAnswer, SessionConfig,
};
use ringmain_protocol::v1::operator_event::Event;
use ringmain_protocol::v1::{Contact, ContactState, OperatorEvent};
use tokio::sync::mpsc;

use super::book::{Book, ContactNumber, Hand};
use super::roll::Roll;
use crate::play::Stage;
use crate::task::Owned;

/// An operator at work. It ends when dropped.
pub(super) struct Desk {
    _task: Owned,
}

/// What was asked.
enum Asked {
    Ready,
    Complete { id: String, contact: Option<ContactNumber>, hand: Hand, asked_ns: u64 },
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
    /// Completions that are not answered: contact and assignment.
    completing: BTreeSet<(String, u32)>,
    is_known: bool,
}

impl Desk {
    /// Connects and becomes ready.
    ///
    /// # Errors
    /// An address or token that no client can be made of.
    pub(super) fn take(
        stage: &Stage,
        book: &Book,
        roll: &Roll,
        config: SessionConfig,
        place: u32,
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
            completing: BTreeSet::new(),
            is_known: false,
        };
        Ok(Desk { _task: Owned::start(operator.work(notices)) })
    }
}

impl Operator {
    async fn work(mut self, mut notices: mpsc::Receiver<OperatorNotice>) {
        let mut pending: FuturesUnordered<BoxFuture<'static, Answered>> = FuturesUnordered::new();
        loop {
            let mut wanted = Vec::new();
            tokio::select! {
                notice = notices.recv() => match notice {
                    Some(notice) => self.heed(notice, &mut wanted),
                    None => return,
                },
                Some((asked, answer)) = pending.next(), if !pending.is_empty() => self.record(asked, answer),
            }
            for (asked, operation) in wanted {
                let begun = self.client.begin(operation).await;
                pending.push(Box::pin(wait(asked, begun)));
            }
        }
    }

    fn heed(&mut self, notice: OperatorNotice, wanted: &mut Vec<(Asked, OperatorOperation)>) {
        match notice {
            // What was declared on an earlier stream may not have arrived: say it again.
            OperatorNotice::Online(_) => wanted.push((Asked::Ready, OperatorOperation::Ready)),
            OperatorNotice::Event(event) => wanted.extend(self.heed_event(*event)),
            OperatorNotice::Resync(list) => {
                let in_hand =
                    list.contacts.iter().filter(|contact| contact.state() == ContactState::Handling);
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

    fn heed_event(&mut self, event: OperatorEvent) -> Option<(Asked, OperatorOperation)> {
        match event.event? {
            Event::Connect(connect) => self.serve(&connect.contact?, connect.assignment),
            Event::Ring(_)
            | Event::Withdrawn(_)
            | Event::WrapUp(_)
            | Event::Released(_)
            | Event::Presence(_)
            | Event::Held(_) => None,
        }
    }

    /// The contact is connected: it is completed at once, unless that is under way.
    fn serve(&mut self, contact: &Contact, assignment: u32) -> Option<(Asked, OperatorOperation)> {
        let hand = Hand { operator: self.place, assignment };
        let (number, asked_ns) = (ContactNumber::of_key(&contact.key), self.stage.now_ns());
        if let Some(number) = number {
            self.book.shown(number, asked_ns, hand);
        }
        let id = contact.contact.clone();
        if !self.completing.insert((id.clone(), assignment)) {
            return None;
        }
        let of = AssignmentOf::new(&id, assignment);
        let asked = Asked::Complete { id, contact: number, hand, asked_ns };
        Some((asked, OperatorOperation::Complete { of, wrap_up: None }))
    }

    fn record(&mut self, asked: Asked, answer: Result<OperatorAnswer, OperationError>) {
        match (asked, answer) {
            (Asked::Ready, Ok(_)) => {
                if !std::mem::replace(&mut self.is_known, true) {
                    self.roll.sign();
                }
            }
            (Asked::Ready, Err(error)) => self.book.problem(format!("{}: not ready: {error}", self.name)),
            (Asked::Complete { id, contact, hand, asked_ns }, answer) => {
                self.completing.remove(&(id, hand.assignment));
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

async fn wait(asked: Asked, begun: Result<PendingAnswer<OperatorAnswer>, OperationError>) -> Answered {
    match begun {
        Ok(pending) => (asked, pending.await),
        Err(error) => (asked, Err(error)),
    }
}
