//! Operators who serve the lines for a while: each completes a contact as soon as it is shown, so that the next one is
//! chosen from all that wait.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::future::{BoxFuture, try_join_all};
use futures::stream::{FuturesUnordered, StreamExt};
use hdrhistogram::Histogram;
use ringmain_protocol::client::{
    AssignmentOf, OperatorClient, OperatorNotice, OperatorOperation, SessionConfig,
};
use ringmain_protocol::v1::operator_event::Event;
use ringmain_protocol::v1::{CaseStep, ContactState, OperatorEvent, OperatorResync};

use crate::clock::Stopwatch;
use crate::cluster::{Latency, histogram};

/// The reason of the centre for taking no more contacts.
const SHIFT_ENDS: u16 = 1;
/// A shift that is not over by then has come to a standstill.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What came of a shift.
pub(super) struct Worked {
    /// Contacts completed, those included with which operators ended their shift.
    pub(super) completed: u64,
    pub(super) to_next: Latency,
    pub(super) to_completed: Latency,
}

/// What all operators of a shift share.
struct Shift {
    left: AtomicI64,
    completed: AtomicU64,
    to_next: Mutex<Histogram<u64>>,
    to_completed: Mutex<Histogram<u64>>,
}

/// A completion that is not answered: how long it takes.
type Completing = BoxFuture<'static, anyhow::Result<Duration>>;

/// One operator.
struct Hand<'a> {
    shift: &'a Shift,
    client: OperatorClient,
    /// When the last completion was asked for, until the next contact is shown.
    asked: Option<Stopwatch>,
    completing: FuturesUnordered<Completing>,
    /// The assignment that was shown last.
    last: Option<(String, u32)>,
    is_leaving: bool,
}

/// Lets operators complete so many contacts, and leave.
pub(super) async fn work(seats: Vec<SessionConfig>, completions: u64) -> anyhow::Result<Worked> {
    let shift = Shift {
        left: AtomicI64::new(i64::try_from(completions)?),
        completed: AtomicU64::new(0),
        to_next: Mutex::new(histogram()),
        to_completed: Mutex::new(histogram()),
    };
    let serving = try_join_all(seats.into_iter().map(|seat| serve(&shift, seat)));
    let left = || shift.left.load(Ordering::Relaxed);
    tokio::time::timeout(PATIENCE, serving).await.with_context(|| {
        format!("{} contacts were not completed within {} s", left(), PATIENCE.as_secs())
    })??;
    Ok(Worked {
        completed: shift.completed.load(Ordering::Relaxed),
        to_next: latency(&shift.to_next),
        to_completed: latency(&shift.to_completed),
    })
}

async fn serve(shift: &Shift, seat: SessionConfig) -> anyhow::Result<()> {
    let name = seat.name.clone();
    let (client, mut notices) = OperatorClient::connect(seat)?;
    let completing = FuturesUnordered::new();
    let mut hand = Hand { shift, client, asked: None, completing, last: None, is_leaving: false };
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            notice = notices.recv() => {
                hand.heed(notice.with_context(|| format!("{name}: its client ended"))?).await?;
            }
            Some(answer) = hand.completing.next(), if !hand.completing.is_empty() => {
                let took = answer.with_context(|| format!("{name}: not completed"))?;
                shift.completed.fetch_add(1, Ordering::Relaxed);
                record(&shift.to_completed, took);
            }
            _ = looks.tick() => {
                if hand.leaves().await? {
                    return Ok(());
                }
            }
        }
    }
}

impl Hand<'_> {
    async fn heed(&mut self, notice: OperatorNotice) -> anyhow::Result<()> {
        match notice {
            OperatorNotice::Online(_) if self.is_leaving => Ok(()),
            OperatorNotice::Online(_) => {
                self.client.ask(OperatorOperation::Ready).await.context("becoming ready")?;
                Ok(())
            }
            OperatorNotice::Event(event) => self.heed_event(*event).await,
            OperatorNotice::Resync(list) => self.heed_list(*list).await,
            OperatorNotice::Offline => Ok(()),
            OperatorNotice::Stopped { reason, error } => bail!("a client stopped: {reason:?} {error:?}"),
        }
    }

    async fn heed_event(&mut self, event: OperatorEvent) -> anyhow::Result<()> {
        match event.event {
            Some(Event::Connect(connect)) => {
                let contact = connect.contact.context("a connection without a contact")?;
                self.shown(contact.contact, connect.assignment).await
            }
            Some(
                Event::Ring(_)
                | Event::Withdrawn(_)
                | Event::WrapUp(_)
                | Event::Released(_)
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
            | None => Ok(()),
        }
    }

    async fn heed_list(&mut self, list: OperatorResync) -> anyhow::Result<()> {
        for contact in list.contacts {
            if contact.state() == ContactState::Handling {
                self.shown(contact.contact, contact.assignment).await?;
            }
        }
        Ok(())
    }

    /// A contact is shown: it is completed at once. Whoever finds enough completed takes no more.
    async fn shown(&mut self, contact: String, assignment: u32) -> anyhow::Result<()> {
        if self.last.as_ref() == Some(&(contact.clone(), assignment)) {
            return Ok(());
        }
        if let Some(asked) = self.asked.take() {
            record(&self.shift.to_next, asked.elapsed());
        }
        if self.shift.left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            self.take_no_more().await?;
        }
        let (of, asked) = (AssignmentOf::new(&contact, assignment), Stopwatch::start());
        self.last = Some((contact, assignment));
        let begun = self
            .client
            .begin(OperatorOperation::Complete { of, wrap_up: None, step: CaseStep::Next, result: None })
            .await?;
        self.asked = (!self.is_leaving).then_some(asked);
        self.completing.push(Box::pin(async move { Ok(begun.await.map(|_| asked.elapsed())?) }));
        Ok(())
    }

    async fn take_no_more(&mut self) -> anyhow::Result<()> {
        if !std::mem::replace(&mut self.is_leaving, true) {
            self.client.ask(OperatorOperation::NotReady(SHIFT_ENDS)).await.context("becoming not ready")?;
        }
        Ok(())
    }

    /// Leaves when enough is completed and nothing is in hand: first it takes no more, and at the next look it goes.
    async fn leaves(&mut self) -> anyhow::Result<bool> {
        if self.shift.left.load(Ordering::Relaxed) > 0 || !self.completing.is_empty() {
            return Ok(false);
        }
        if !self.is_leaving {
            self.take_no_more().await?;
            return Ok(false);
        }
        self.client.ask(OperatorOperation::SignOut).await.context("signing out")?;
        Ok(true)
    }
}

fn record(histogram: &Mutex<Histogram<u64>>, took: Duration) {
    let us = took.as_micros() as u64;
    histogram.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(us);
}

fn latency(histogram: &Mutex<Histogram<u64>>) -> Latency {
    Latency::of(&histogram.lock().unwrap_or_else(PoisonError::into_inner))
}
