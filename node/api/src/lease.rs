//! Sessions without a stream: the actor of a session is the same, and where a connection would hold it, a lease does.
//! Calls renew it; without one for as long as a stream may be silent, the session is lost as a stream is.
//!
//! **Invariant:** what names a session (its nonce) stays the same on all nodes. A node that does not hold it resumes it,
//! if the log says that it is still this client's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringmain_actors::Manner;
use ringmain_actors::task::spawn_named;
use ringmain_protocol::v1::Error;
use ringmain_routing::{Millis, Name, Party, Position, SessionState};
use ringmain_telemetry::codes;
use tokio::sync::{mpsc, oneshot, watch};

use crate::auth::Caller;
use crate::error;
use crate::leased::{Ask, Call, Leased};
use crate::opening::{Hello, open};
use crate::shared::Shared;
use crate::stream::{Dialect, HEARTBEATS_MISSED_MAX};
use crate::validate::Problems;

/// Polls of one session that wait at once.
const POLLS_MAX: usize = 8;
/// Calls of one session that its task has not looked at yet.
const CALLS_MAX: usize = 64;
/// A call that takes longer has an unknown outcome; longer than the log is asked for any command.
const CALL_WITHIN: Duration = Duration::from_secs(30);

/// The sessions of one role that this node holds without a stream.
pub(crate) struct Leases<D: Dialect> {
    pub(crate) shared: Arc<Shared>,
    held: Arc<Mutex<BTreeMap<Name, Held<D>>>>,
}

/// The way to a session that is held here, or is being resumed here.
pub(crate) struct Held<D: Dialect> {
    nonce: u64,
    calls: mpsc::Sender<Call<D>>,
    /// Polls that wait: the client is there though it says nothing.
    polls: Arc<AtomicUsize>,
    /// The last position that concerns the party.
    pub(crate) news: watch::Receiver<Position>,
    /// Set when the node has asked its clients to go elsewhere.
    pub(crate) drain: watch::Receiver<Option<Millis>>,
}

impl<D: Dialect> Clone for Held<D> {
    fn clone(&self) -> Self {
        Held {
            nonce: self.nonce,
            calls: self.calls.clone(),
            polls: Arc::clone(&self.polls),
            news: self.news.clone(),
            drain: self.drain.clone(),
        }
    }
}

/// What is told to the client that has opened a session.
pub(crate) struct Lease<D: Dialect> {
    pub(crate) session: String,
    pub(crate) lease: Millis,
    /// The welcome, as on a stream.
    pub(crate) first: D::Down,
}

impl<D: Dialect> Leases<D> {
    pub(crate) fn new(shared: Arc<Shared>) -> Leases<D> {
        Leases { shared, held: Arc::default() }
    }

    /// Opens a session that is kept by a lease.
    pub(crate) async fn open(&self, caller: &Caller, hello: &Hello) -> Result<Lease<D>, Box<Error>> {
        if hello.nonce == 0 {
            let mut problems = Problems::default();
            problems.add("hello.nonce", "is 0; choose a random number, it names the session");
            problems.into_result(())?;
        }
        let (news, heard) = watch::channel(Position::default());
        let manner = Manner::Polled { news };
        let (session, mut events) = open::<D>(&self.shared, hello, Some(caller), manner).await?;
        let (held, leased) = self.make(&caller.name, hello.nonce, heard);
        self.lock().insert(caller.name.as_str().into(), held);
        // The first thing that a session says is its welcome.
        let first = events.recv().await.and_then(|event| session.tell(event).into_iter().next());
        spawn_named("session-lease", leased.run(session, events));
        let first = first.ok_or_else(|| Box::new(ended_meanwhile()))?;
        let lease = Millis(self.shared.heartbeat.as_millis() as u64 * u64::from(HEARTBEATS_MISSED_MAX));
        Ok(Lease { session: session_text(hello.nonce), lease, first })
    }

    /// Says something within a session and waits for what it says to that.
    pub(crate) async fn ask(
        &self,
        caller: &Caller,
        session: &str,
        ask: Ask<D>,
    ) -> Result<Option<D::Down>, Box<Error>> {
        self.held(caller, session).await?.ask(ask).await
    }

    /// The session, resumed here if it is not.
    pub(crate) async fn held(&self, caller: &Caller, session: &str) -> Result<Held<D>, Box<Error>> {
        let nonce = read_session(session)?;
        if let Some(held) = self.at_hand(&caller.name, nonce) {
            return Ok(held);
        }
        self.shared.admit()?;
        // What this node has applied may be older than the opening of the session, or than its end.
        let caught_up = self.shared.replica.read_index().await;
        caught_up.map_err(|failed| Box::new(error::not_proposed(&failed, &self.shared.nodes)))?;
        self.check_own(&caller.name, nonce)?;
        Ok(self.resume(caller, nonce))
    }

    /// The party of a caller that has a session.
    pub(crate) fn party(&self, name: &str) -> Result<Party, Box<Error>> {
        let party = self.shared.replica.read(|router| router.party(D::ROLE, name));
        party.ok_or_else(|| Box::new(session_over()))
    }

    /// Whether the log knows the session of this nonce as the party's, live or in its grace.
    pub(crate) fn check_own(&self, name: &str, nonce: u64) -> Result<(), Box<Error>> {
        let party = self.party(name)?;
        let session = self.shared.replica.read(|router| router.session(party));
        match session {
            Some(session) if session.nonce == nonce && session.state != SessionState::None => Ok(()),
            Some(_) | None => Err(Box::new(session_over())),
        }
    }

    fn at_hand(&self, name: &str, nonce: u64) -> Option<Held<D>> {
        let held = self.lock().get(name).cloned()?;
        (held.nonce == nonce && !held.calls.is_closed()).then_some(held)
    }

    /// Calls that come while the session is resumed wait for that.
    fn resume(&self, caller: &Caller, nonce: u64) -> Held<D> {
        let (news, heard) = watch::channel(Position::default());
        let (held, leased) = self.make(&caller.name, nonce, heard);
        let mut all = self.lock();
        if let Some(other) = all.get(caller.name.as_str())
            && other.nonce == nonce
            && !other.calls.is_closed()
        {
            return other.clone();
        }
        all.insert(caller.name.as_str().into(), held.clone());
        drop(all);
        let hello = Hello {
            name: caller.name.clone(),
            cursor: String::new(),
            nonce,
            resume_epoch: None,
            unanswered_nonces: Vec::new(),
            takeover: false,
        };
        let (shared, caller) = (Arc::clone(&self.shared), caller.clone());
        spawn_named("session-lease", async move {
            match open::<D>(&shared, &hello, Some(&caller), Manner::Polled { news }).await {
                Ok((session, events)) => leased.run(session, events).await,
                Err(error) => leased.refuse(resuming_failed(*error)).await,
            }
        });
        held
    }

    fn make(&self, name: &str, nonce: u64, news: watch::Receiver<Position>) -> (Held<D>, Leased<D>) {
        let (calls, asked) = mpsc::channel(CALLS_MAX);
        let (drains, drain) = watch::channel(None);
        let polls = Arc::new(AtomicUsize::new(0));
        let (all, own, name) = (Arc::clone(&self.held), calls.downgrade(), Name::from(name));
        let forget = move || {
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            let is_own = |held: &Held<D>| own.upgrade().is_some_and(|own| own.same_channel(&held.calls));
            if all.get(&name).is_some_and(is_own) {
                all.remove(&name);
            }
        };
        let heartbeat = self.shared.heartbeat;
        let leased = Leased::new(asked, drains, Arc::clone(&polls), heartbeat, Box::new(forget));
        (Held { nonce, calls, polls, news, drain }, leased)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Held<D>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Dialect> Held<D> {
    /// Says something and waits for what the session says to that.
    pub(crate) async fn ask(&self, ask: Ask<D>) -> Result<Option<D::Down>, Box<Error>> {
        let (answer, answered) = oneshot::channel();
        self.calls.try_send(Call { ask, answer }).map_err(|failed| match failed {
            mpsc::error::TrySendError::Full(_) => Box::new(error::no_credit()),
            mpsc::error::TrySendError::Closed(_) => Box::new(ended_meanwhile()),
        })?;
        match tokio::time::timeout(CALL_WITHIN, answered).await {
            Ok(Ok(answer)) => answer,
            // The session has ended, and what was asked may have been carried out before.
            Ok(Err(_)) | Err(_) => Err(Box::new(outcome_unknown())),
        }
    }

    /// Keeps the lease while a poll waits.
    pub(crate) fn polling(&self) -> Result<Polling, Box<Error>> {
        let more = |polls: usize| (polls < POLLS_MAX).then_some(polls + 1);
        let room = self.polls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        room.map_err(|_| Box::new(error::no_credit()))?;
        Ok(Polling { polls: Arc::clone(&self.polls) })
    }
}

/// A poll that waits.
pub(crate) struct Polling {
    polls: Arc<AtomicUsize>,
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.polls.fetch_sub(1, Ordering::Relaxed);
    }
}

fn session_text(nonce: u64) -> String {
    format!("{nonce:016x}")
}

/// What names a session in a call.
pub(crate) fn read_session(text: &str) -> Result<u64, Box<Error>> {
    let read = (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten();
    read.ok_or_else(|| {
        let mut problems = Problems::default();
        problems.add("session", "is no session; give back what OpenSession returned");
        let nothing: Result<(), Error> = problems.into_result(());
        Box::new(nothing.err().unwrap_or_default())
    })
}

/// The session was signed out or taken over, or never was.
pub(crate) fn session_over() -> Error {
    let message = "session: it is over: signed out, taken over by another client, or not known; open one";
    error::of_code(&codes::SESSION_OVER, message)
}

/// The session has ended on this node between two words.
pub(crate) fn ended_meanwhile() -> Error {
    let message = "the session was lost on this node at this moment; nothing was done, call again";
    error::come_back(&codes::UNAVAILABLE, message, Millis(50), "")
}

fn outcome_unknown() -> Error {
    let message = "the session ended before the answer came; ask again with the same key";
    error::come_back(&codes::UNKNOWN_OUTCOME, message, Millis(50), "")
}

/// Another client of the same name was faster.
fn resuming_failed(error: Error) -> Error {
    if error.code == "already-signed-in" { session_over() } else { error }
}
