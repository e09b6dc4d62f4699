//! How long an offer takes: from proposing, on this node, the command that led to it, until it is in the stream of
//! an operator of this node. The command's answer and the offer come by different ways; whichever is second counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringmain_replication::Clock;
use ringmain_routing::LogIndex;
use ringmain_telemetry::names;

/// Commands and offers remembered until their counterpart comes; one that comes later is not measured.
const REMEMBERED_MAX: usize = 1_024;

/// Measures the way of offers on this node.
#[derive(Clone)]
pub(crate) struct OfferTimes {
    clock: Option<Arc<dyn Clock>>,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    /// When the command of this index was proposed.
    proposed: BTreeMap<LogIndex, Duration>,
    /// When the offers of this index were in their streams.
    offered: BTreeMap<LogIndex, Vec<Duration>>,
}

impl OfferTimes {
    /// Without a clock nothing is measured.
    pub(crate) fn new(clock: Option<Arc<dyn Clock>>) -> OfferTimes {
        OfferTimes { clock, open: Arc::default() }
    }

    /// The time now, to be given to [`OfferTimes::proposed`].
    pub(crate) fn now(&self) -> Option<Duration> {
        self.clock.as_ref().map(|clock| clock.monotonic())
    }

    /// A command that was proposed at `at` has this place in the log.
    pub(crate) fn proposed(&self, index: LogIndex, at: Option<Duration>) {
        let Some(at) = at else { return };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for offered_at in open.offered.remove(&index).unwrap_or_default() {
            record(at, offered_at);
        }
        open.proposed.insert(index, at);
        forget_oldest(&mut open.proposed);
    }

    /// An offer that followed from the command of this index is in its stream.
    pub(crate) fn offered(&self, index: LogIndex) {
        let Some(at) = self.now() else { return };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.proposed.get(&index) {
            Some(proposed_at) => record(*proposed_at, at),
            None => {
                open.offered.entry(index).or_default().push(at);
                forget_oldest(&mut open.offered);
            }
        }
    }
}

fn forget_oldest<T>(remembered: &mut BTreeMap<LogIndex, T>) {
    if remembered.len() > REMEMBERED_MAX {
        remembered.pop_first();
    }
}

fn record(from: Duration, to: Duration) {
    metrics::histogram!(names::OFFER_SECONDS).record(to.saturating_sub(from).as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hand(Mutex<Duration>);

    impl Clock for Hand {
        fn monotonic(&self) -> Duration {
            *self.0.lock().unwrap()
        }

        fn wall_ms(&self) -> u64 {
            0
        }
    }

    #[test]
    fn what_waits_for_its_counterpart_is_bounded() {
        let times = OfferTimes::new(Some(Arc::new(Hand(Mutex::new(Duration::ZERO)))));
        for index in 0..5_000 {
            times.offered(LogIndex(index));
            times.proposed(LogIndex(index + 10_000), times.now());
        }
        let open = times.open.lock().unwrap();
        assert_eq!((open.offered.len(), open.proposed.len()), (REMEMBERED_MAX, REMEMBERED_MAX));
    }

    #[test]
    fn an_offer_before_its_commands_answer_is_matched_by_it() {
        let times = OfferTimes::new(Some(Arc::new(Hand(Mutex::new(Duration::ZERO)))));
        times.offered(LogIndex(7));
        times.proposed(LogIndex(7), times.now());
        assert!(times.open.lock().unwrap().offered.is_empty());
    }
}
