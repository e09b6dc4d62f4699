//! The live view of one queue: what waits, how long, and how well the centre answers. Follows what the node has
//! applied; all its figures come from the replicated state, so that a view made anew shows the same.

use std::collections::VecDeque;
use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use ringmain_routing::plan::Target;
use ringmain_routing::{LogIndex, Millis, QueueTotals, QueueView, Timestamp};
use ringmain_telemetry::{labels, names};
use tokio::sync::watch;

use crate::mailbox::Envelope;
use crate::task::Alive;

/// The span of replicated time that [`QueueLive::recent`] covers.
pub const RECENT: Millis = Millis(15 * 60_000);
/// Time between the samples from which it is computed.
const SAMPLE: Millis = Millis(10_000);
/// Samples kept: one more than fit into the span.
const SAMPLES_MAX: usize = (RECENT.0 / SAMPLE.0) as usize + 1;

/// A queue as its actor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueLive {
    /// The queue in the replicated state.
    pub view: QueueView,
    /// What the centre has promised.
    pub target: Target,
    /// The last command in it.
    pub as_of: LogIndex,
    /// Replicated time of that.
    pub at: Timestamp,
    /// What has happened in the last [`RECENT`], or since this node follows the queue.
    pub recent: QueueTotals,
}

impl QueueLive {
    /// How long the longest waiting contact has waited, as of `at`.
    #[must_use]
    pub fn longest_wait(&self) -> Millis {
        self.view.oldest_enqueued_at.map_or(Millis(0), |oldest| self.at.since(oldest))
    }
}

/// Average speed of answer: mean waiting time of the connected contacts.
#[must_use]
pub fn average_wait(totals: &QueueTotals) -> Option<Millis> {
    totals.waited_ms.checked_div(totals.connected).map(Millis)
}

/// Service level in tenths of a percent: answered in time ÷ (answered + abandoned after more than 5 s).
#[must_use]
pub fn service_level_permille(totals: &QueueTotals) -> Option<u64> {
    let counted = totals.connected + totals.abandoned.saturating_sub(totals.abandoned_early);
    (totals.connected_in_target * 1_000).checked_div(counted)
}

/// Keeps one queue's live view; owns no truth.
pub(crate) struct QueueActor;

/// What a queue's actor is told.
pub(crate) enum QueueMessage {
    /// The queue has changed, or time has passed while contacts wait.
    Refresh(Box<QueueRefresh>),
    #[cfg(test)]
    Panic,
}

/// The queue in the replicated state, as of a command.
#[derive(Clone, Debug)]
pub(crate) struct QueueRefresh {
    pub(crate) view: QueueView,
    pub(crate) target: Target,
    pub(crate) as_of: LogIndex,
    pub(crate) at: Timestamp,
}

/// Where the view is read.
pub(crate) type QueueWindow = Arc<watch::Sender<Option<QueueLive>>>;

pub(crate) struct QueueState {
    window: QueueWindow,
    /// The counts at times past, oldest first.
    samples: VecDeque<(Timestamp, QueueTotals)>,
    counted: Option<QueueTotals>,
    _alive: Alive,
}

impl Actor for QueueActor {
    type Msg = Envelope<QueueMessage>;
    type State = QueueState;
    type Arguments = QueueWindow;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        window: QueueWindow,
    ) -> Result<QueueState, ActorProcessingErr> {
        Ok(QueueState { window, samples: VecDeque::new(), counted: None, _alive: Alive::new("queue") })
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut QueueState,
    ) -> Result<(), ActorProcessingErr> {
        match envelope.message {
            QueueMessage::Refresh(refresh) => state.refresh(*refresh),
            #[cfg(test)]
            QueueMessage::Panic => panic!("asked to"),
        }
        Ok(())
    }
}

impl QueueState {
    fn refresh(&mut self, refresh: QueueRefresh) {
        let QueueRefresh { view, target, as_of, at } = refresh;
        self.sample(at, view.totals);
        let past = self.samples.front().map_or(view.totals, |(_, totals)| *totals);
        let recent = difference(&view.totals, &past);
        let live = QueueLive { view, target, as_of, at, recent };
        self.publish(&live);
        self.window.send_replace(Some(live));
    }

    fn sample(&mut self, at: Timestamp, totals: QueueTotals) {
        let due = self.samples.back().is_none_or(|(last, _)| at.since(*last) >= SAMPLE);
        if due {
            self.samples.push_back((at, totals));
        }
        while self.samples.len() > 1
            && (self.samples.len() > SAMPLES_MAX
                || self.samples.front().is_some_and(|(first, _)| at.since(*first) > RECENT))
        {
            self.samples.pop_front();
        }
    }

    fn publish(&mut self, live: &QueueLive) {
        let name = live.view.name.to_string();
        let oldest_s = live.longest_wait().0 as f64 / 1_000.0;
        metrics::gauge!(names::CONTACTS_WAITING, labels::QUEUE => name.clone())
            .set(f64::from(live.view.waiting));
        metrics::gauge!(names::OLDEST_WAITING, labels::QUEUE => name.clone()).set(oldest_s);
        let alarm_s = live.view.alarm_since.map_or(0.0, |since| live.at.since(since).0 as f64 / 1_000.0);
        metrics::gauge!(names::QUEUE_ALARM, labels::QUEUE => name.clone()).set(alarm_s);
        let target_s = live.target.within.0 as f64 / 1_000.0;
        metrics::gauge!(names::QUEUE_TARGET, labels::QUEUE => name.clone()).set(target_s);
        let news = difference(&live.view.totals, &self.counted.unwrap_or(live.view.totals));
        metrics::counter!(names::CONTACTS_ENQUEUED, labels::QUEUE => name.clone()).increment(news.entered);
        metrics::counter!(names::CONTACTS_REQUEUED, labels::QUEUE => name).increment(news.requeued);
        self.counted = Some(live.view.totals);
    }
}

fn difference(now: &QueueTotals, past: &QueueTotals) -> QueueTotals {
    QueueTotals {
        entered: now.entered.saturating_sub(past.entered),
        connected: now.connected.saturating_sub(past.connected),
        connected_in_target: now.connected_in_target.saturating_sub(past.connected_in_target),
        waited_ms: now.waited_ms.saturating_sub(past.waited_ms),
        completed: now.completed.saturating_sub(past.completed),
        abandoned: now.abandoned.saturating_sub(past.abandoned),
        abandoned_early: now.abandoned_early.saturating_sub(past.abandoned_early),
        merged: now.merged.saturating_sub(past.merged),
        requeued: now.requeued.saturating_sub(past.requeued),
        lost_operator: now.lost_operator.saturating_sub(past.lost_operator),
        transferred: now.transferred.saturating_sub(past.transferred),
        moved_in: now.moved_in.saturating_sub(past.moved_in),
        moved_out: now.moved_out.saturating_sub(past.moved_out),
        closed: now.closed.saturating_sub(past.closed),
        deflected: now.deflected.saturating_sub(past.deflected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_level_leaves_out_those_who_left_at_once() {
        let totals = QueueTotals {
            connected: 90,
            connected_in_target: 72,
            waited_ms: 900_000,
            abandoned: 15,
            abandoned_early: 5,
            ..QueueTotals::default()
        };
        assert_eq!(service_level_permille(&totals), Some(720));
        assert_eq!(average_wait(&totals), Some(Millis(10_000)));
        assert_eq!(service_level_permille(&QueueTotals::default()), None);
        assert_eq!(average_wait(&QueueTotals::default()), None);
    }

    #[test]
    fn recent_figures_forget_what_is_older_than_their_span() {
        let window: QueueWindow = Arc::new(watch::Sender::new(None));
        let (samples, _alive) = (VecDeque::new(), Alive::new("queue"));
        let mut state = QueueState { window: Arc::clone(&window), samples, counted: None, _alive };
        for minute in 0..=60 {
            state.refresh(refresh(minute, minute * 10));
        }
        let live = window.borrow().clone().unwrap();
        assert_eq!(live.recent.entered, 150, "15 minutes at 10 a minute");
        assert_eq!(live.view.totals.entered, 600);
        assert!(state.samples.len() <= SAMPLES_MAX);
    }

    fn refresh(minute: u64, entered: u64) -> QueueRefresh {
        let totals = QueueTotals { entered, ..QueueTotals::default() };
        let view = QueueView {
            id: ringmain_routing::QueueId(0),
            name: "calls".into(),
            waiting: 0,
            oldest_enqueued_at: None,
            expected_wait: None,
            wait_band: None,
            parked: 0,
            for_customer: 0,
            alarm_since: None,
            offered: 0,
            handling: 0,
            wrap_up: 0,
            totals,
        };
        let target = Target { within: Millis(20_000), percent: 80 };
        QueueRefresh { view, target, as_of: LogIndex(minute), at: Timestamp(minute * 60_000) }
    }
}
