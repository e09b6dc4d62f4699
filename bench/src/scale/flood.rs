//! Contacts that nobody takes: pushed as fast as they are accepted, within the windows of the gateways.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{anyhow, ensure};
use futures::future::try_join_all;
use futures::stream::{FuturesUnordered, StreamExt};
use hdrhistogram::Histogram;
use ringmain_protocol::client::{GatewayAnswer, GatewayClient, GatewayOperation, OperationError, Pushed};
use ringmain_protocol::v1::{ContactDetails, GatewayPush, GatewayUpdate};

use super::centre::{UNSERVED, push};
use super::crowd::Member;
use super::figures::Setup;
use super::voice::Voice;
use crate::clock::Stopwatch;
use crate::cluster::{Latency, histogram};

/// More refusals than this share of what is to be accepted end the run: there is something that pushing on does not mend.
const REFUSED_SHARE_MAX: f64 = 0.05;
/// ... but so many may always be refused.
const REFUSED_MIN: u64 = 100;
/// How often the rate is written down.
const SAMPLE_EVERY: Duration = Duration::from_millis(1_000);
/// Bytes that one update of a contact writes to the log.
const FILL_BYTES: usize = 15 * 1024;
/// Contacts that are updated at once.
const FILLERS: usize = 16;

/// Contacts pushed so far. Each number is given once; a refused one is not pushed again.
#[derive(Default)]
pub(super) struct Flood {
    pub(super) accepted: u64,
    next: u64,
}

/// What came of pushing up to a number.
pub(super) struct Poured {
    pub(super) accepted: u64,
    pub(super) seconds: f64,
    pub(super) rates: Vec<(u64, f64)>,
    pub(super) to_answer: Latency,
    pub(super) refused: BTreeMap<String, u64>,
}

/// What the gateways share while they push.
struct Ledger {
    /// Pushes that are still to be made.
    tickets: AtomicU64,
    next: AtomicU64,
    accepted: AtomicU64,
    us: Mutex<Histogram<u64>>,
    refused: Mutex<BTreeMap<String, u64>>,
    rates: Mutex<Vec<(u64, f64)>>,
}

impl Flood {
    /// Pushes until so many more are accepted.
    pub(super) async fn pour(
        &mut self,
        setup: &Setup,
        gateways: &[Member<GatewayClient>],
        more: u64,
        voice: &Voice,
    ) -> anyhow::Result<Poured> {
        let ledger = Ledger::new(more, self.next);
        let watch = Stopwatch::start();
        let pushing = async {
            while ledger.tickets.load(Ordering::Relaxed) > 0 {
                let of = |member: &Member<GatewayClient>| ledger.push_all(setup, member.client.clone());
                try_join_all(gateways.iter().take(setup.pushers).map(of)).await?;
                ledger.check_refusals(more)?;
            }
            anyhow::Ok(())
        };
        let sampling =
            ledger.sample(self.accepted, |accepted| voice.doing(format!("{accepted} of {more} more wait")));
        tokio::select! {
            pushed = pushing => pushed?,
            () = sampling => {}
        }
        let seconds = watch.elapsed().as_secs_f64();
        self.next = ledger.next.load(Ordering::Relaxed);
        let poured = ledger.poured(self.accepted, seconds);
        self.accepted += poured.accepted;
        Ok(poured)
    }

    /// Writes to the log by new details of a few contacts, and changes nothing else, until told to stop; how many bytes.
    pub(super) async fn fill(
        &self,
        gateways: &[Member<GatewayClient>],
        setup: &Setup,
        stop: &AtomicBool,
    ) -> anyhow::Result<u64> {
        let fillers = FILLERS.min(setup.pushers).min(gateways.len());
        let fill = |place: usize| write_details(gateways[place].client.clone(), place, stop);
        Ok(try_join_all((0..fillers).map(fill)).await?.into_iter().sum())
    }

    /// Brings the contacts of [`Flood::fill`], one by each gateway that does it.
    pub(super) async fn bring_fillers(
        &mut self,
        setup: &Setup,
        gateways: &[Member<GatewayClient>],
    ) -> anyhow::Result<()> {
        for (place, member) in gateways.iter().take(FILLERS.min(setup.pushers)).enumerate() {
            let contact =
                GatewayPush { key: filler(place), queue: UNSERVED.to_owned(), ..push(setup, place as u64) };
            member.client.push(contact).await?;
            self.accepted += 1;
        }
        Ok(())
    }
}

fn filler(place: usize) -> String {
    format!("filler-{place}")
}

async fn write_details(client: GatewayClient, place: usize, stop: &AtomicBool) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for round in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let attributes = (0..FILL_BYTES as u64).map(|at| (at * 31 + round * 7) as u8).collect::<Vec<u8>>();
        let details = ContactDetails { attributes: attributes.into(), ..ContactDetails::default() };
        let update = GatewayUpdate { key: filler(place), details: Some(details), ..GatewayUpdate::default() };
        client.update(update).await?;
        bytes += FILL_BYTES as u64;
    }
    Ok(bytes)
}

impl Ledger {
    fn new(more: u64, next: u64) -> Ledger {
        Ledger {
            tickets: AtomicU64::new(more),
            next: AtomicU64::new(next),
            accepted: AtomicU64::new(0),
            us: Mutex::new(histogram()),
            refused: Mutex::default(),
            rates: Mutex::default(),
        }
    }

    /// Pushes through one gateway for as long as there is something to push.
    async fn push_all(&self, setup: &Setup, client: GatewayClient) -> anyhow::Result<()> {
        let mut pending = FuturesUnordered::new();
        loop {
            while pending.len() < setup.window && self.take_ticket() {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                let begun = Stopwatch::start();
                let answer = client.begin(GatewayOperation::Push(Box::new(push(setup, number)))).await?;
                pending.push(async move {
                    let answer = answer.await;
                    (begun.elapsed(), answer)
                });
            }
            match pending.next().await {
                Some((took, answer)) => self.note(took, answer)?,
                None => return Ok(()),
            }
        }
    }

    fn take_ticket(&self) -> bool {
        let less = |tickets: u64| tickets.checked_sub(1);
        self.tickets.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    fn note(&self, took: Duration, answer: Result<GatewayAnswer, OperationError>) -> anyhow::Result<()> {
        match answer {
            Ok(GatewayAnswer::Pushed(Pushed::Accepted(_))) => {
                self.accepted.fetch_add(1, Ordering::Relaxed);
                lock(&self.us).saturating_record(took.as_micros() as u64);
                Ok(())
            }
            Err(OperationError::Refused(refused)) => {
                *lock(&self.refused).entry(refused.error.code).or_default() += 1;
                self.tickets.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Ok(
                GatewayAnswer::Pushed(Pushed::Merged(_)) | GatewayAnswer::Done(_) | GatewayAnswer::Report(_),
            ) => Err(anyhow!("a push was answered as something else")),
            Err(error @ (OperationError::Stopped(_) | OperationError::Mismatched)) => Err(error.into()),
        }
    }

    /// Fails when so much is refused that pushing on does not help.
    fn check_refusals(&self, more: u64) -> anyhow::Result<()> {
        let refused = lock(&self.refused);
        let max = REFUSED_MIN.max((more as f64 * REFUSED_SHARE_MAX) as u64);
        ensure!(refused.values().sum::<u64>() <= max, "too many pushes are refused: {refused:?}");
        Ok(())
    }

    /// Writes down the rate for as long as it is polled.
    async fn sample(&self, before: u64, shown: impl Fn(u64)) {
        let mut last = (Stopwatch::start(), 0);
        loop {
            tokio::time::sleep(SAMPLE_EVERY).await;
            let accepted = self.accepted.load(Ordering::Relaxed);
            let per_s = (accepted - last.1) as f64 / last.0.elapsed().as_secs_f64();
            lock(&self.rates).push((before + accepted, per_s));
            last = (Stopwatch::start(), accepted);
            shown(accepted);
        }
    }

    fn poured(&self, before: u64, seconds: f64) -> Poured {
        let accepted = self.accepted.load(Ordering::Relaxed);
        let mut rates = lock(&self.rates).clone();
        if rates.is_empty() {
            rates.push((before + accepted, accepted as f64 / seconds));
        }
        let (to_answer, refused) = (Latency::of(&lock(&self.us)), lock(&self.refused).clone());
        Poured { accepted, seconds, rates, to_answer, refused }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
