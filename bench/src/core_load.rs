//! A mixed load on the core alone: a centre that keeps a backlog while contacts arrive, are offered, accepted,
//! declined, abandoned, updated, completed and wrapped up, and operators come and go. The commands are recorded
//! once, for they depend on the core's own answers, and replayed on a fresh core under the stopwatch.

mod centre;

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use ringmain_routing::{Command, Effect, Router, Timestamp};

use crate::clock::{self, Stopwatch};
use centre::Centre;

/// Largest latency that the histograms tell apart.
const LATENCY_NS_MAX: u64 = 10_000_000_000;

/// How large the centre is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreLoad {
    /// Operators signed in.
    pub operators: u32,
    /// Queues.
    pub queues: u32,
    /// Skills; each contact needs one or two, each operator has about a third.
    pub skills: u32,
    /// Contacts that the load keeps waiting.
    pub waiting: u32,
    /// Commands measured.
    pub commands: u32,
    /// Where the random numbers come from.
    pub seed: u64,
}

/// A log to replay: setting up (plan, operators, backlog), then the mixed commands.
pub struct Recorded {
    set_up: Vec<(Timestamp, Command)>,
    mixed: Vec<(Timestamp, Command)>,
    chain: u128,
    /// How many of all commands the core refused: 0 unless the centre outgrows a limit.
    pub refused: u64,
}

/// What the core did.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// Mixed commands carried out.
    pub commands: u64,
    /// How long they took together.
    pub elapsed: Duration,
    /// How much of that the thread had a processor; `None` where the system does not say.
    pub processor: Option<Duration>,
    /// Contacts connected to operators by them.
    pub connected: u64,
    /// Contacts waiting at the end.
    pub waiting: u64,
}

/// Time in the core for each kind of command, in ns. Each measurement includes reading the clock.
pub type Latencies = BTreeMap<&'static str, Histogram<u64>>;

/// Records the load. `progress` hears now and then how many commands are recorded.
#[must_use]
pub fn record(load: &CoreLoad, progress: &mut dyn FnMut(u64)) -> Recorded {
    let mut centre = Centre::open(load);
    let set_up = centre.take_log();
    for recorded in 0..load.commands {
        centre.step();
        if recorded.is_multiple_of(8_192) {
            progress(u64::from(recorded));
        }
    }
    Recorded { set_up, mixed: centre.take_log(), chain: centre.chain(), refused: centre.refused() }
}

impl Recorded {
    /// How many commands of each kind are measured.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<&'static str, u64> {
        let mut kinds = BTreeMap::new();
        for (_, command) in &self.mixed {
            *kinds.entry(command.name()).or_default() += 1;
        }
        kinds
    }

    /// Replays the mixed commands as fast as possible.
    ///
    /// # Errors
    /// When the core decides otherwise than at recording: then it is not deterministic.
    pub fn measure(&self) -> Result<Measurement, NotDeterministic> {
        let mut router = self.set_up();
        let mut connected = 0;
        let processor_before = clock::thread_processor_time();
        let watch = Stopwatch::start();
        for (at, command) in &self.mixed {
            let outcome = router.apply(*at, command);
            connected += outcome.effects.iter().filter(|effect| is_connection(effect)).count() as u64;
        }
        let elapsed = watch.elapsed();
        let processor =
            clock::thread_processor_time().zip(processor_before).map(|(after, before)| after - before);
        self.check(&router)?;
        let waiting = router.queues().iter().map(|queue| u64::from(queue.waiting)).sum();
        Ok(Measurement { commands: self.mixed.len() as u64, elapsed, processor, connected, waiting })
    }

    /// Replays the mixed commands one by one under the stopwatch.
    ///
    /// # Errors
    /// When the core decides otherwise than at recording: then it is not deterministic.
    pub fn latencies(&self) -> Result<Latencies, NotDeterministic> {
        let mut router = self.set_up();
        let mut latencies = Latencies::new();
        for (at, command) in &self.mixed {
            let watch = Stopwatch::start();
            let outcome = router.apply(*at, command);
            let elapsed = watch.elapsed();
            drop(outcome);
            let histogram = latencies.entry(command.name()).or_insert_with(new_histogram);
            histogram.saturating_record(elapsed.as_nanos() as u64);
        }
        self.check(&router)?;
        Ok(latencies)
    }

    fn set_up(&self) -> Router {
        let mut router = Router::new();
        for (at, command) in &self.set_up {
            router.apply(*at, command);
        }
        router
    }

    fn check(&self, router: &Router) -> Result<(), NotDeterministic> {
        if router.chain() == self.chain { Ok(()) } else { Err(NotDeterministic) }
    }
}

/// A replay that took other decisions than the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the same commands led to another chain: the core is not deterministic")]
pub struct NotDeterministic;

/// Three significant digits up to [`LATENCY_NS_MAX`].
fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("constant bounds are valid")
}

/// Whether customer and operator were connected.
fn is_connection(effect: &Effect) -> bool {
    matches!(effect, Effect::ConnectContact { .. })
}
