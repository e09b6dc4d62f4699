//! Many sessions at once: each is opened by a real client and then only listened to.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use hdrhistogram::Histogram;
use ringmain_protocol::client::{BadConfig, Notice, SessionConfig};
use tokio::sync::{mpsc, oneshot};

use super::voice::Voice;
use crate::clock::Stopwatch;
use crate::cluster::{Latency, histogram};
use crate::task::Owned;

/// One that is not online by then is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A session that stays open as long as this is kept.
pub(super) struct Member<C> {
    pub(super) client: C,
    _listener: Owned,
}

/// Who is online, and what happened to streams. Clones are the same one.
#[derive(Clone, Default)]
pub(super) struct Presence {
    online: Arc<AtomicUsize>,
    pub(super) lost: Arc<AtomicU64>,
    pub(super) lists: Arc<AtomicU64>,
    stopped: Arc<Mutex<Vec<String>>>,
}

/// Times of many that did the same.
pub(super) struct Times {
    pub(super) count: usize,
    pub(super) seconds: f64,
    pub(super) each: Latency,
    /// The first reason why one did not.
    pub(super) failure: Option<String>,
}

impl Presence {
    pub(super) fn online(&self) -> usize {
        self.online.load(Ordering::Relaxed)
    }

    /// Why clients stopped by themselves.
    pub(super) fn stopped(&self) -> Vec<String> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn listen<W, E, R>(
        self,
        name: String,
        mut notices: mpsc::Receiver<Notice<W, E, R>>,
        mut came: Option<oneshot::Sender<()>>,
    ) {
        let mut is_online = false;
        while let Some(notice) = notices.recv().await {
            match notice {
                Notice::Online(_) => {
                    if !std::mem::replace(&mut is_online, true) {
                        self.online.fetch_add(1, Ordering::Relaxed);
                    }
                    if let Some(came) = came.take() {
                        // Who opened it may have given it up.
                        let _kept = came.send(());
                    }
                }
                Notice::Event(_) => {}
                Notice::Resync(_) => {
                    self.lists.fetch_add(1, Ordering::Relaxed);
                }
                Notice::Offline => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    if std::mem::replace(&mut is_online, false) {
                        self.online.fetch_sub(1, Ordering::Relaxed);
                    }
                }
                Notice::Stopped { reason, error } => {
                    let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
                    stopped.push(format!("{name}: {reason:?} {error:?}"));
                }
            }
        }
        if is_online {
            self.online.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Opens sessions, so many at a time; those that come are kept.
pub(super) async fn gather<C, W, E, R>(
    seats: Vec<SessionConfig>,
    connect: impl Fn(SessionConfig) -> Result<(C, mpsc::Receiver<Notice<W, E, R>>), BadConfig>,
    (at_once, presence, voice): (usize, &Presence, &Voice),
) -> (Vec<Member<C>>, Times)
where
    W: Send + 'static,
    E: Send + 'static,
    R: Send + 'static,
{
    let total = seats.len();
    let open = |seat: SessionConfig| {
        let (name, begun) = (seat.name.clone(), Stopwatch::start());
        let connected = connect(seat);
        async move {
            let (client, notices) = connected.map_err(|error| error.to_string())?;
            let (came, comes) = oneshot::channel();
            let listener = Owned::start(presence.clone().listen(name.clone(), notices, Some(came)));
            match tokio::time::timeout(PATIENCE, comes).await {
                Ok(Ok(())) => Ok((Member { client, _listener: listener }, begun.elapsed())),
                Ok(Err(_)) => Err(format!("{name}: its client stopped")),
                Err(_) => Err(format!("{name}: not online within {} s", PATIENCE.as_secs())),
            }
        }
    };
    let mut members = Vec::with_capacity(total);
    let keep = |member| members.push(member);
    let opening = stream::iter(seats).map(open).buffer_unordered(at_once);
    let times = collect(opening, keep, |count| voice.doing(format!("signing in: {count} of {total}"))).await;
    (members, times)
}

/// Has each member do something, so many at a time.
pub(super) async fn each<'a, C: 'a, A>(
    members: &'a [Member<C>],
    at_once: usize,
    act: impl Fn(&'a C) -> A,
    shown: impl Fn(usize),
) -> Times
where
    A: Future<Output = Result<(), String>>,
{
    let timed = |member: &'a Member<C>| {
        let (begun, acting) = (Stopwatch::start(), act(&member.client));
        async move { acting.await.map(|()| ((), begun.elapsed())) }
    };
    collect(stream::iter(members).map(timed).buffer_unordered(at_once), |()| {}, shown).await
}

async fn collect<T>(
    outcomes: impl stream::Stream<Item = Result<(T, Duration), String>>,
    mut keep: impl FnMut(T),
    shown: impl Fn(usize),
) -> Times {
    let (watch, mut us, mut failure): (_, Histogram<u64>, _) = (Stopwatch::start(), histogram(), None);
    let mut outcomes = std::pin::pin!(outcomes);
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok((kept, took)) => {
                keep(kept);
                us.saturating_record(took.as_micros() as u64);
                if us.len().is_multiple_of(500) {
                    shown(us.len() as usize);
                }
            }
            Err(why) => drop(failure.get_or_insert(why)),
        }
    }
    let seconds = watch.elapsed().as_secs_f64();
    Times { count: us.len() as usize, seconds, each: Latency::of(&us), failure }
}
