//! A gateway under load: brings what is due at once, and writes down how it is answered.

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use ringmain_protocol::client::{
    BadConfig, GatewayAnswer, GatewayClient, GatewayNotice, GatewayOperation, OperationError, PendingAnswer,
    Pushed, SessionConfig,
};
use ringmain_protocol::v1::gateway_event::Event;
use ringmain_protocol::v1::{EndReason, GatewayEvent, GatewayPush};
use tokio::sync::mpsc;

use super::book::{Answer, Book};
use super::centre::{CHANNEL, QUEUE};
use super::port::ContactNumber;
use super::port::{Arrival, Port};
use super::roll::Roll;
use crate::play::Stage;
use crate::task::Owned;

/// A gateway at work. It ends when dropped.
pub(crate) struct Gateway {
    port: Port,
    _speaker: Owned,
    _listener: Owned,
}

impl Gateway {
    /// Connects; the gateway has a number and a window.
    ///
    /// # Errors
    /// An address or token that no client can be made of.
    pub(crate) fn take(
        stage: &Stage,
        book: &Book,
        roll: &Roll,
        config: SessionConfig,
        (gateway, window): (u32, u32),
    ) -> Result<Gateway, BadConfig> {
        let name = config.name.clone();
        let (client, notices) = GatewayClient::connect(config)?;
        let (port, inbox) = Port::new(gateway, window);
        let speaker = speak(stage.clone(), book.clone(), client, inbox, port.clone());
        let listener = listen(book.clone(), roll.clone(), (gateway, name), notices);
        Ok(Gateway { port, _speaker: Owned::start(speaker), _listener: Owned::start(listener) })
    }

    pub(crate) fn port(&self) -> Port {
        self.port.clone()
    }
}

async fn speak(
    stage: Stage,
    book: Book,
    client: GatewayClient,
    mut inbox: mpsc::Receiver<Arrival>,
    port: Port,
) {
    let mut pending: FuturesUnordered<BoxFuture<'static, Answered>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            arrival = inbox.recv() => {
                let Some(arrival) = arrival else { return };
                let begun = client.begin(GatewayOperation::Push(Box::new(push_of(arrival)))).await;
                pending.push(Box::pin(wait(arrival.contact, begun)));
            }
            Some((contact, answer, is_over)) = pending.next(), if !pending.is_empty() => {
                port.answered();
                book.answered(contact, stage.now_ns(), answer);
                if let Some(is_completed) = is_over {
                    book.ended(contact, is_completed);
                }
            }
        }
    }
}

/// How a push was answered; if the answer says that the contact is over already, whether it was served.
type Answered = (ContactNumber, Answer, Option<bool>);

async fn wait(
    contact: ContactNumber,
    begun: Result<PendingAnswer<GatewayAnswer>, OperationError>,
) -> Answered {
    let answer = match begun {
        Ok(pending) => pending.await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(GatewayAnswer::Pushed(Pushed::Accepted(accepted))) => {
            let is_over = accepted.ended() != EndReason::Unspecified;
            (contact, Answer::Accepted, is_over.then(|| accepted.ended() == EndReason::Completed))
        }
        Err(OperationError::Refused(refused)) => (contact, Answer::Refused(refused.error.code), None),
        Ok(GatewayAnswer::Pushed(Pushed::Merged(_)) | GatewayAnswer::Done(_) | GatewayAnswer::Report(_))
        | Err(OperationError::Stopped(_) | OperationError::Mismatched) => (contact, Answer::Unknown, None),
    }
}

fn push_of(arrival: Arrival) -> GatewayPush {
    GatewayPush {
        key: arrival.contact.key(),
        queue: QUEUE.to_owned(),
        channel: CHANNEL.to_owned(),
        tier: arrival.tier,
        ..GatewayPush::default()
    }
}

async fn listen(
    book: Book,
    roll: Roll,
    (gateway, name): (u32, String),
    mut notices: mpsc::Receiver<GatewayNotice>,
) {
    let mut is_known = false;
    while let Some(notice) = notices.recv().await {
        match notice {
            GatewayNotice::Online(_) => {
                if !std::mem::replace(&mut is_known, true) {
                    roll.sign();
                }
            }
            GatewayNotice::Event(event) => note(&book, &event),
            GatewayNotice::Resync(list) => {
                let listed = list.contacts.iter().filter_map(|contact| ContactNumber::of_key(&contact.key));
                book.listed(gateway, &listed.collect());
            }
            GatewayNotice::Offline => {}
            GatewayNotice::Stopped { reason, error } => {
                book.problem(format!("{name}: its client stopped: {reason:?} {error:?}"));
                return;
            }
        }
    }
}

fn note(book: &Book, event: &GatewayEvent) {
    let Some(contact) = ContactNumber::of_key(&event.key) else { return };
    match &event.event {
        Some(Event::Ended(ended)) => book.ended(contact, ended.reason() == EndReason::Completed),
        Some(
            Event::Queued(_)
            | Event::Assigned(_)
            | Event::Connect(_)
            | Event::Withdrawn(_)
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
        | None => {}
    }
}
