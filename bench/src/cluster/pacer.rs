//! Brings contacts when they are due, from a thread of its own: neither the cluster nor the clients hold it up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::{JoinHandle, spawn_blocking};

use super::book::{Answer, Book, Due};
use super::figures::Class;
use super::port::{Arrival, Port};
use super::redial::Call;
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

/// Who calls next.
enum Next {
    /// A new customer, when the schedule says so.
    New(Duration),
    /// One who was refused before.
    Again(Duration),
    /// Nobody for now, but some may dial again when their calls are refused.
    Later,
    Over,
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

    /// Waits until the last contact was brought, those who dial again included.
    pub(super) async fn ended(mut self) -> anyhow::Result<()> {
        (&mut self.thread).await.context("the thread that brings contacts failed")
    }

    /// Brings no more, and waits until that is so.
    pub(super) async fn stopped(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.ended().await
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
    let Load { mut schedule, begin, tier_0_every, tier_0, others } = load;
    let mut gates = Gates { stage, book, tier_0: Turn::new(tier_0), others: Turn::new(others) };
    let (mut new, mut place, mut in_place) = (schedule.next(), 0_u64, 0.0_f64);
    loop {
        match next(book, new.map(|at| begin + at)) {
            Next::New(due) => {
                if !sleep_until(stage, due, stop) {
                    return;
                }
                // Those who dial again are part of the rate: each stands for one new customer.
                if in_place >= 1.0 {
                    in_place -= 1.0;
                } else {
                    gates.bring(due, call_of(place, tier_0_every));
                    place += 1;
                }
                new = schedule.next();
            }
            Next::Again(due) => {
                if !sleep_until(stage, due, stop) {
                    return;
                }
                let Some((at_ns, call)) = book.take_redial(nanos(due)) else { continue };
                // When more dial again than the rate says, they come as they come, and new ones are missed for a second.
                in_place = (in_place + 1.0).min(schedule.rate_at(due.saturating_sub(begin)));
                gates.bring(Duration::from_nanos(at_ns), call);
            }
            Next::Later => {
                if !sleep_until(stage, stage.elapsed() + SLEEP_MAX, stop) {
                    return;
                }
            }
            Next::Over => return,
        }
    }
}

fn next(book: &Book, new: Option<Duration>) -> Next {
    let (again, unanswered) = book.redials();
    match (new, again.map(Duration::from_nanos)) {
        (Some(new), Some(again)) if again < new => Next::Again(again),
        (Some(new), _) => Next::New(new),
        (None, Some(again)) => Next::Again(again),
        (None, None) if unanswered > 0 => Next::Later,
        (None, None) => Next::Over,
    }
}

/// The call of a new customer.
fn call_of(place: u64, tier_0_every: u32) -> Call {
    if (place + 1).is_multiple_of(u64::from(tier_0_every.max(1))) {
        return Call { class: Class::Tier0, ..Call::default() };
    }
    let tier = OTHER_TIERS[place as usize % OTHER_TIERS.len()];
    Call { class: Class::Others, tier, ..Call::default() }
}

/// All gateways.
struct Gates<'a> {
    stage: &'a Stage,
    book: &'a Book,
    tier_0: Turn,
    others: Turn,
}

impl Gates<'_> {
    fn bring(&mut self, due: Duration, call: Call) {
        let turn = match call.class {
            Class::Tier0 => &mut self.tier_0,
            Class::Others => &mut self.others,
        };
        let Some(port) = turn.next_port() else { return };
        let late_ns = nanos(self.stage.elapsed().saturating_sub(due));
        let contact = self.book.due(Due { at_ns: nanos(due), late_ns, call, gateway: port.gateway });
        if !port.bring(Arrival { contact, tier: call.tier }) {
            self.book.answered(contact, self.stage.now_ns(), Answer::Refused(WINDOW_FULL.to_owned()));
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
