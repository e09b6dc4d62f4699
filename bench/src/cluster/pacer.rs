//! Brings contacts when they are due, from a thread of its own: neither the cluster nor the clients hold it up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::{JoinHandle, spawn_blocking};

use super::book::{Answer, Book, Due};
use super::figures::Class;
use super::port::{Arrival, Port};
use super::schedule::Schedule;
use crate::play::Stage;

/// The code of contacts that a gateway refuses itself, because too many of its pushes are unanswered.
pub const WINDOW_FULL: &str = "window-full";
/// The longest sleep: an order to stop is heeded that soon.
const SLEEP_MAX: Duration = Duration::from_millis(50);
/// Tiers of all contacts but those of tier 0, in turn.
const OTHER_TIERS: [u32; 3] = [2, 3, 4];

/// Gateways and who of them brings the next contact.
struct Turn {
    ports: Vec<Port>,
    next: usize,
}

/// What is brought.
pub(super) struct Load {
    pub(super) schedule: Schedule,
    /// When the schedule begins, by the stage's clock.
    pub(super) begin: Duration,
    /// One contact in so many is of tier 0.
    pub(super) tier_0_every: u32,
    /// Gateways of tier 0, and of everything else.
    pub(super) tier_0: Vec<Port>,
    pub(super) others: Vec<Port>,
}

/// The thread that brings contacts. It stops when this is dropped.
pub(super) struct Pacer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Pacer {
    pub(super) fn start(stage: &Stage, book: &Book, load: Load) -> Pacer {
        let stop = Arc::<AtomicBool>::default();
        let (stage, book, stopped) = (stage.clone(), book.clone(), Arc::clone(&stop));
        let thread = spawn_blocking(move || bring_all(&stage, &book, load, &stopped));
        Pacer { stop, thread }
    }

    /// Waits until the last contact was brought.
    pub(super) async fn ended(mut self) -> anyhow::Result<()> {
        (&mut self.thread).await.context("the thread that brings contacts failed")
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Turn {
    fn new(ports: Vec<Port>) -> Turn {
        Turn { ports, next: 0 }
    }

    fn next_port(&mut self) -> Option<&Port> {
        let port = self.ports.get(self.next)?;
        self.next = (self.next + 1) % self.ports.len();
        Some(port)
    }
}

fn bring_all(stage: &Stage, book: &Book, load: Load, stop: &AtomicBool) {
    let Load { schedule, begin, tier_0_every, tier_0, others } = load;
    let (mut tier_0, mut others) = (Turn::new(tier_0), Turn::new(others));
    for (place, at) in schedule.enumerate() {
        let due = begin + at;
        if !sleep_until(stage, due, stop) {
            return;
        }
        let is_urgent = (place as u64 + 1).is_multiple_of(u64::from(tier_0_every.max(1)));
        let (class, turn, tier) = if is_urgent {
            (Class::Tier0, &mut tier_0, 0)
        } else {
            (Class::Others, &mut others, OTHER_TIERS[place % OTHER_TIERS.len()])
        };
        let Some(port) = turn.next_port() else { return };
        let late_ns = nanos(stage.elapsed().saturating_sub(due));
        let contact = book.due(Due { at_ns: nanos(due), late_ns, class, gateway: port.gateway });
        if !port.bring(Arrival { contact, tier }) {
            book.answered(contact, stage.now_ns(), Answer::Refused(WINDOW_FULL.to_owned()));
        }
    }
}

/// Sleeps; `false` when it was told to stop.
fn sleep_until(stage: &Stage, due: Duration, stop: &AtomicBool) -> bool {
    loop {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        let rest = due.saturating_sub(stage.elapsed());
        if rest.is_zero() {
            return true;
        }
        std::thread::sleep(rest.min(SLEEP_MAX));
    }
}

pub(super) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
