//! What `top` shows at the moment: the latest sample, what went before it, and what the keys have chosen. No
//! terminal is needed for it.

use std::collections::VecDeque;

use super::sample::{OperatorState, QueueSample, Sample};

/// Moments kept for the curves.
const HISTORY_MAX: usize = 400;
/// From this age on figures are shown as old.
pub(super) const OLD_MS: u64 = 2_000;

/// Which list the arrow keys move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Panel {
    Queues,
    Operators,
}

/// How queues are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Plan,
    Waiting,
    Longest,
    Level,
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Panel,
    Order,
    Pause,
    Help,
    Slower,
    Faster,
    Quit,
}

/// What happened in a second, between two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) entered: f64,
    pub(super) connected: f64,
    pub(super) abandoned: f64,
    /// Log entries that were applied.
    pub(super) log: f64,
    pub(super) syncs: f64,
    /// Mean time of those syncs.
    pub(super) sync_ms: Option<f64>,
}

/// One moment of the curves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    pub(super) rates: Rates,
    pub(super) waiting: u64,
}

/// Everything that decides what is drawn.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) latest: Option<Sample>,
    before: Option<Sample>,
    pub(super) history: VecDeque<Moment>,
    /// Why the last try brought nothing.
    pub(super) trouble: Option<String>,
    /// Time of the one who looks.
    pub(super) now_ms: u64,
    pub(super) panel: Panel,
    pub(super) order: Order,
    pub(super) queues_from: usize,
    pub(super) operators_from: usize,
    pub(super) paused: bool,
    pub(super) help: bool,
    pub(super) every_ms: u64,
    pub(super) quit: bool,
}

impl Screen {
    /// Nothing is known yet.
    pub(super) fn new(every_ms: u64) -> Screen {
        Screen {
            latest: None,
            before: None,
            history: VecDeque::new(),
            trouble: None,
            now_ms: 0,
            panel: Panel::Queues,
            order: Order::Plan,
            queues_from: 0,
            operators_from: 0,
            paused: false,
            help: false,
            every_ms,
            quit: false,
        }
    }

    /// A new sample. While the screen is paused it is not looked at.
    pub(super) fn take(&mut self, sample: Sample) {
        self.trouble = None;
        self.now_ms = self.now_ms.max(sample.taken_ms);
        if self.paused {
            return;
        }
        self.before = self.latest.take();
        if let Some(rates) = self.before.as_ref().and_then(|before| rates(before, &sample)) {
            let waiting = sample.queues.iter().map(|queue| queue.waiting).sum();
            self.history.push_back(Moment { rates, waiting });
        }
        while self.history.len() > HISTORY_MAX {
            self.history.pop_front();
        }
        self.latest = Some(sample);
    }

    /// The latest rates.
    pub(super) fn rates(&self) -> Option<Rates> {
        self.history.back().map(|moment| moment.rates)
    }

    /// How old the figures are.
    pub(super) fn age_ms(&self) -> Option<u64> {
        let latest = self.latest.as_ref()?;
        Some(self.now_ms.saturating_sub(latest.taken_ms) + latest.age_ms)
    }

    /// Rates of one queue: entered, connected and abandoned in a second.
    pub(super) fn queue_rates(&self, queue: &QueueSample) -> Option<[f64; 3]> {
        let (before, latest) = (self.before.as_ref()?, self.latest.as_ref()?);
        let then = before.queues.iter().find(|then| then.name == queue.name)?;
        let seconds = seconds_between(before, latest)?;
        let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        Some([
            rate(queue.entered_total, then.entered_total),
            rate(queue.connected_total, then.connected_total),
            rate(queue.abandoned_total, then.abandoned_total),
        ])
    }

    /// The queues in the chosen order.
    pub(super) fn queues(&self) -> Vec<&QueueSample> {
        let mut queues: Vec<&QueueSample> = self.latest.iter().flat_map(|latest| &latest.queues).collect();
        match self.order {
            Order::Plan => {}
            Order::Waiting => queues.sort_by_key(|queue| std::cmp::Reverse(queue.waiting)),
            Order::Longest => queues.sort_by_key(|queue| std::cmp::Reverse(queue.longest_ms)),
            // Furthest below its target first.
            Order::Level => queues.sort_by_key(|queue| {
                queue.level_percent.map_or(i64::MAX, |level| {
                    i64::try_from(level).unwrap_or(i64::MAX) - i64::from(queue.target_percent)
                })
            }),
        }
        queues
    }

    /// How many operators do what, in the order of the states.
    pub(super) fn operator_counts(&self) -> [(OperatorState, usize); 6] {
        let operators = || self.latest.iter().flat_map(|latest| &latest.operators);
        OperatorState::ALL
            .map(|state| (state, operators().filter(|operator| operator.state == state).count()))
    }

    /// What a key changes.
    pub(super) fn press(&mut self, key: Key) {
        match key {
            Key::Up => self.scroll(-1),
            Key::Down => self.scroll(1),
            Key::PageUp => self.scroll(-10),
            Key::PageDown => self.scroll(10),
            Key::Panel => {
                self.panel = match self.panel {
                    Panel::Queues => Panel::Operators,
                    Panel::Operators => Panel::Queues,
                }
            }
            Key::Order => {
                self.order = match self.order {
                    Order::Plan => Order::Waiting,
                    Order::Waiting => Order::Longest,
                    Order::Longest => Order::Level,
                    Order::Level => Order::Plan,
                }
            }
            Key::Pause => self.paused = !self.paused,
            Key::Help => self.help = !self.help,
            Key::Slower => self.every_ms = (self.every_ms * 2).min(60_000),
            Key::Faster => self.every_ms = (self.every_ms / 2).max(250),
            Key::Quit => self.quit = true,
        }
    }

    fn scroll(&mut self, rows: isize) {
        let latest = self.latest.as_ref();
        let (from, count) = match self.panel {
            Panel::Queues => (&mut self.queues_from, latest.map_or(0, |latest| latest.queues.len())),
            Panel::Operators => (&mut self.operators_from, latest.map_or(0, |latest| latest.operators.len())),
        };
        *from = from.saturating_add_signed(rows).min(count.saturating_sub(1));
    }
}

/// Nothing when the samples are not of one node, or no time has passed.
fn rates(before: &Sample, now: &Sample) -> Option<Rates> {
    let seconds = seconds_between(before, now)?;
    let sum = |sample: &Sample, of: fn(&QueueSample) -> u64| sample.queues.iter().map(of).sum::<u64>();
    let rate = |of| sum(now, of).saturating_sub(sum(before, of)) as f64 / seconds;
    let syncs = now.cluster.sync_count.saturating_sub(before.cluster.sync_count);
    let sync_ns = now.cluster.sync_ns_total.saturating_sub(before.cluster.sync_ns_total);
    Some(Rates {
        entered: rate(|queue| queue.entered_total),
        connected: rate(|queue| queue.connected_total),
        abandoned: rate(|queue| queue.abandoned_total),
        log: now.log_index.saturating_sub(before.log_index) as f64 / seconds,
        syncs: syncs as f64 / seconds,
        sync_ms: (syncs > 0).then(|| sync_ns as f64 / syncs as f64 / 1e6),
    })
}

fn seconds_between(before: &Sample, now: &Sample) -> Option<f64> {
    let passed_ms = now.taken_ms.saturating_sub(before.taken_ms);
    (passed_ms > 0 && now.cluster.asked == before.cluster.asked).then(|| passed_ms as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::super::sample::ClusterSample;
    use super::*;

    fn queue(name: &str, waiting: u64, entered_total: u64, level_percent: Option<u64>) -> QueueSample {
        QueueSample {
            name: name.to_owned(),
            open: true,
            waiting,
            longest_ms: (waiting > 0).then_some(waiting * 1_000),
            offered: 0,
            handling: 0,
            parked: 0,
            wrap_up: 0,
            entered_total,
            connected_total: 0,
            abandoned_total: 0,
            mean_wait_ms: None,
            level_percent,
            target_percent: 80,
        }
    }

    fn sample(taken_ms: u64, asked: u64, queues: Vec<QueueSample>) -> Sample {
        let cluster = ClusterSample {
            name: "tests".to_owned(),
            asked,
            leader: 1,
            term: 1,
            read_only: false,
            version: "0.1.0".to_owned(),
            sync_count: taken_ms / 10,
            sync_ns_total: taken_ms / 10 * 2_000_000,
            nodes: Vec::new(),
        };
        Sample {
            taken_ms,
            at_ms: taken_ms,
            age_ms: 0,
            log_index: taken_ms,
            cluster,
            queues,
            operators: Vec::new(),
        }
    }

    #[test]
    fn rates_are_differences_over_the_time_between_two_samples_of_one_node() {
        let mut screen = Screen::new(1_000);
        screen.take(sample(1_000, 1, vec![queue("a", 3, 10, None)]));
        assert_eq!(screen.rates(), None, "one sample says nothing about speed");
        screen.take(sample(3_000, 1, vec![queue("a", 3, 30, None)]));
        let rates = screen.rates().expect("two samples");
        assert_eq!((rates.entered, rates.log, rates.syncs, rates.sync_ms), (10.0, 1000.0, 100.0, Some(2.0)));
        assert_eq!(screen.queue_rates(&queue("a", 3, 30, None)), Some([10.0, 0.0, 0.0]));
        screen.take(sample(4_000, 2, vec![queue("a", 3, 5, None)]));
        assert_eq!(screen.history.len(), 1, "another node counts from another beginning");
    }

    #[test]
    fn the_order_key_goes_round_and_the_worst_stand_first() {
        let mut screen = Screen::new(1_000);
        let queues = vec![queue("a", 1, 0, Some(95)), queue("b", 9, 0, None), queue("c", 4, 0, Some(20))];
        screen.take(sample(1_000, 1, queues));
        let mut seen = Vec::new();
        for _ in 0..4 {
            let names: Vec<&str> = screen.queues().iter().map(|queue| queue.name.as_str()).collect();
            seen.push(names.concat());
            screen.press(Key::Order);
        }
        assert_eq!(seen, ["abc", "bca", "bca", "cab"]);
    }

    #[test]
    fn a_paused_screen_stands_still_and_grows_old() {
        let mut screen = Screen::new(1_000);
        screen.take(sample(1_000, 1, vec![queue("a", 1, 0, None)]));
        screen.press(Key::Pause);
        screen.take(sample(9_000, 1, vec![queue("a", 2, 0, None)]));
        assert_eq!((screen.queues()[0].waiting, screen.age_ms()), (1, Some(8_000)));
    }

    #[test]
    fn scrolling_stays_within_the_list() {
        let mut screen = Screen::new(1_000);
        screen.press(Key::Down);
        screen.take(sample(1_000, 1, vec![queue("a", 1, 0, None), queue("b", 1, 0, None)]));
        screen.press(Key::PageDown);
        assert_eq!(screen.queues_from, 1);
        screen.press(Key::PageUp);
        assert_eq!(screen.queues_from, 0);
    }
}
