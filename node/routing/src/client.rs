//! What a client of the cluster does, free of I/O: a gateway, an operator's desktop and the simulator run the
//! same logic. Time is handed in with each call; what is to be done is taken from [`Client::poll`].
//!
//! * An operation is kept until it is answered, and is sent again under the same number and key after a loss, after
//!   `Unavailable` and after `Unknown`: a timeout means unknown, and the same key tells.
//! * Operations on one subject are sent one after the other, so that a retry never overtakes what came after it.
//! * An attempt to open a session that is not answered may have opened it: the next ones say which attempts those were.
//! * A lost stream is resumed on the next node with the epoch and the cursor of what was taken in.
//! * An event is passed on once, by its position.
//!
//! **Invariant:** nothing is sent on a connection that is not welcomed, and nothing about an earlier connection
//! changes the present one: every input that belongs to a connection carries its number.

mod addresses;
mod interface;
mod pending;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::delivery::Seen;
use crate::ids::{Epoch, LogIndex, Millis, Name, Position, Timestamp, hash_parts};
use crate::planted::{Planted, is};

use addresses::Addresses;
use pending::Pending;

pub use interface::{
    Action, ClientConfig, ClientLimits, ConnectionId, Failure, Hello, NoRoom, OpId, StopReason,
    StreamFailure, Subject, Verdict, Welcome,
};

/// Unanswered attempts that a client tells of; a node reads no more.
pub const UNANSWERED_MAX: usize = 16;

/// The logic of one client with one session.
#[derive(Debug)]
pub struct Client<O> {
    limits: ClientLimits,
    seed: u64,
    takeover: bool,
    addresses: Addresses,
    phase: Phase,
    connections: u64,
    epoch: Option<Epoch>,
    /// Nonces of attempts since the last welcome, the present one included; the oldest are forgotten.
    unanswered: VecDeque<u64>,
    seen: Seen,
    signed_in: Option<SignedInElsewhere>,
    pending: Pending<O>,
    actions: VecDeque<Action<O>>,
}

#[derive(Debug)]
enum Phase {
    /// The next attempt is at `until`.
    Waiting { until: Timestamp },
    /// Hello is on its way.
    Opening { connection: ConnectionId, until: Timestamp },
    /// Welcomed.
    Live(Live),
    /// Given up.
    Stopped,
}

#[derive(Debug)]
struct Live {
    connection: ConnectionId,
    credits: u32,
    heartbeat: Millis,
    heard: Timestamp,
    beat_at: Timestamp,
    beats: u64,
    /// Operations first sent in this opening.
    sent: u64,
    unacked: u32,
    leaving: Option<Leaving>,
}

/// The cluster says that the session is live on another stream.
#[derive(Clone, Copy, Debug)]
struct SignedInElsewhere {
    since: Timestamp,
    times: u32,
}

/// The node drains: nothing new is sent, and the stream is left when all is answered or time is up.
#[derive(Debug)]
struct Leaving {
    until: Timestamp,
    hint: Option<Name>,
}

impl Live {
    fn silent_at(&self) -> Timestamp {
        self.heard + Millis(self.heartbeat.0.saturating_mul(3))
    }

    fn deadline(&self) -> Timestamp {
        let next = self.beat_at.min(self.silent_at());
        self.leaving.as_ref().map_or(next, |leaving| next.min(leaving.until))
    }
}

impl<O: Clone> Client<O> {
    /// A client that begins to connect at its first [`Client::tick`].
    #[must_use]
    pub fn new(config: ClientConfig) -> Client<O> {
        Client {
            limits: config.limits,
            seed: config.seed,
            takeover: config.takeover,
            addresses: Addresses::new(config.addresses),
            phase: Phase::Waiting { until: Timestamp(0) },
            connections: 0,
            epoch: config.resume,
            unanswered: VecDeque::new(),
            seen: Seen::up_to(config.cursor),
            signed_in: None,
            pending: Pending::new(),
            actions: VecDeque::new(),
        }
    }

    /// What is to be done next; `None` until the next input.
    pub fn poll(&mut self) -> Option<Action<O>> {
        self.actions.pop_front()
    }

    /// When [`Client::tick`] is due; `None` when the client has stopped.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Waiting { until } | Phase::Opening { until, .. } => Some(*until),
            Phase::Live(live) => {
                let retry = self.pending.next_retry();
                Some(retry.map_or(live.deadline(), |retry| retry.min(live.deadline())))
            }
            Phase::Stopped => None,
        }
    }

    /// The last event taken in: to be kept by those who want to resume after a restart.
    #[must_use]
    pub fn cursor(&self) -> Position {
        self.seen.last()
    }

    /// The epoch of the last welcome.
    #[must_use]
    pub fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// Whether another operation can be taken.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.pending.len() < self.limits.pending_max && !matches!(self.phase, Phase::Stopped)
    }

    /// Takes what is pending out of a client that stops: nobody knows what becomes of it.
    pub fn take_pending(&mut self) -> Vec<(OpId, O)> {
        self.pending.take_all()
    }

    /// Takes an operation; it is sent as soon as the stream, the credits and earlier operations on the subject allow.
    ///
    /// # Errors
    /// [`NoRoom`] with the operation when too many are pending or the client has stopped.
    pub fn submit(&mut self, subject: Subject, operation: O) -> Result<OpId, NoRoom<O>> {
        if !self.has_room() {
            return Err(NoRoom(operation));
        }
        let op_id = self.pending.add(subject, operation);
        self.send_ready();
        Ok(op_id)
    }

    /// The stream is open: what is pending is sent again in the old order.
    pub fn welcomed(&mut self, now: Timestamp, connection: ConnectionId, welcome: Welcome) {
        if !matches!(&self.phase, Phase::Opening { connection: mine, .. } if *mine == connection) {
            return;
        }
        let heartbeat = Millis(welcome.heartbeat.0.max(1));
        self.phase = Phase::Live(Live {
            connection,
            credits: welcome.credits,
            heartbeat,
            heard: now,
            beat_at: now + heartbeat,
            beats: 0,
            sent: 0,
            unacked: 0,
            leaving: None,
        });
        self.epoch = Some(welcome.epoch);
        self.unanswered.clear();
        self.takeover = false;
        self.signed_in = None;
        self.addresses.learn(welcome.addresses);
        self.pending.restart();
        self.send_ready();
    }

    /// An operation was carried out.
    pub fn answered(&mut self, now: Timestamp, op_id: OpId) -> Verdict<O> {
        self.heard(now);
        let Some(operation) = self.pending.settle(op_id) else { return Verdict::NotPending };
        self.after_answer(now);
        Verdict::Settled(operation)
    }

    /// An operation was not carried out, or it is not known whether it was.
    pub fn failed(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        op_id: OpId,
        failure: Failure,
    ) -> Verdict<O> {
        if !self.is_live(connection) || !self.pending.is_in_flight(op_id) {
            return Verdict::NotPending;
        }
        self.heard(now);
        match failure {
            Failure::Final => return self.answered(now, op_id),
            Failure::Unavailable { retry_after, hint } => {
                self.retry_later(now, op_id, retry_after);
                if self.addresses.is_elsewhere(hint.as_ref()) {
                    self.addresses.leave(hint);
                    // Two nodes that name each other must not make the client run between them.
                    let attempts = self.pending.attempts(op_id);
                    let delay = if attempts <= 1 { Millis(0) } else { self.backoff(attempts, op_id.0) };
                    self.reconnect(now, delay);
                }
            }
            Failure::Unknown { retry_after } => self.retry_later(now, op_id, retry_after),
            Failure::SessionOver => self.reconnect(now, self.backoff(1, op_id.0)),
        }
        self.after_answer(now);
        Verdict::Retrying
    }

    /// An event has come; true when it is new and to be passed on.
    pub fn event(&mut self, now: Timestamp, connection: ConnectionId, position: Position) -> bool {
        if !self.is_live(connection) {
            return false;
        }
        self.heard(now);
        let fresh = self.seen.accept(position);
        if let Phase::Live(live) = &mut self.phase {
            live.unacked = live.unacked.saturating_add(1);
            if live.unacked >= self.limits.ack_every {
                self.ack();
            }
        }
        fresh
    }

    /// The full list of what is live has come; true when it is to replace what the client knew. A list older than
    /// what was taken in already is dropped.
    pub fn resync(&mut self, now: Timestamp, connection: ConnectionId, as_of: Position) -> bool {
        if !self.is_live(connection) {
            return false;
        }
        self.heard(now);
        if as_of < self.seen.last() {
            return false;
        }
        self.seen.accept(as_of);
        self.ack();
        true
    }

    /// The cluster began anew from a backup: what was taken in belongs to a log that no longer exists, and positions
    /// count from the list that comes next.
    pub fn forget_seen(&mut self) {
        self.seen = Seen::default();
    }

    /// Something without consequences has come (an echo, say): the stream lives.
    pub fn heard_on(&mut self, now: Timestamp, connection: ConnectionId) {
        if self.is_live(connection) {
            self.heard(now);
        }
    }

    /// The node changed how much may be under way.
    pub fn credits(&mut self, now: Timestamp, connection: ConnectionId, credits: u32) {
        if !self.is_live(connection) {
            return;
        }
        self.heard(now);
        if let Phase::Live(live) = &mut self.phase {
            live.credits = credits;
        }
        self.send_ready();
    }

    /// The node will cut the stream soon.
    pub fn drain(&mut self, now: Timestamp, connection: ConnectionId, within: Millis, hint: Option<Name>) {
        if !self.is_live(connection) {
            return;
        }
        self.heard(now);
        if let Phase::Live(live) = &mut self.phase {
            live.leaving = Some(Leaving { until: now + Millis(within.0 / 2), hint });
        }
        self.after_answer(now);
    }

    /// The stream could not be opened, or has ended.
    pub fn stream_failed(&mut self, now: Timestamp, connection: ConnectionId, failure: StreamFailure) {
        if self.connection() != Some(connection) {
            return;
        }
        match failure {
            StreamFailure::Lost => self.try_next(now),
            StreamFailure::Unavailable { retry_after, hint } => {
                self.signed_in = None;
                let hinted = self.addresses.leave(hint);
                // It says when to come back to it, not how long to wait for the others.
                let all_failed = self.addresses.rounds_failed() > 0;
                let delay = self.after_rounds();
                self.reconnect(now, if all_failed && !hinted { delay.max(retry_after) } else { delay });
            }
            StreamFailure::AlreadySignedIn => self.signed_in_elsewhere(now),
            StreamFailure::TakenOver => self.stop(StopReason::TakenOver),
            StreamFailure::SignedOut => self.stop(StopReason::Asked),
            StreamFailure::Final => self.stop(StopReason::Refused),
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Timestamp) {
        match &self.phase {
            Phase::Waiting { until } if *until <= now => self.connect(now),
            Phase::Opening { until, .. } if *until <= now => self.try_next(now),
            Phase::Live(live) if live.silent_at() <= now => self.try_next(now),
            Phase::Live(_) => self.tick_live(now),
            Phase::Waiting { .. } | Phase::Opening { .. } | Phase::Stopped => {}
        }
    }

    /// Ends the client. Pending operations stay unknown.
    pub fn stop(&mut self, reason: StopReason) {
        if matches!(self.phase, Phase::Stopped) {
            return;
        }
        self.close();
        self.phase = Phase::Stopped;
        self.actions.push_back(Action::Stop { reason });
    }

    fn tick_live(&mut self, now: Timestamp) {
        self.pending.wake(now);
        self.after_answer(now);
        let Phase::Live(live) = &mut self.phase else { return };
        if live.beat_at <= now {
            // A node that only welcomes and cuts the stream again counts as failed until here.
            self.addresses.succeeded();
            live.beats += 1;
            live.beat_at = now + live.heartbeat;
            self.actions.push_back(Action::Heartbeat { seq: live.beats });
            if live.unacked > 0 {
                self.ack();
            }
        }
    }

    /// Leaves a node that drains once nothing is under way there; else sends what may be sent.
    fn after_answer(&mut self, now: Timestamp) {
        let Phase::Live(live) = &mut self.phase else { return };
        let Some(leaving) = &mut live.leaving else { return self.send_ready() };
        if self.pending.in_flight() > 0 && now < leaving.until {
            return;
        }
        let hint = leaving.hint.take();
        self.addresses.leave(hint);
        self.reconnect(now, self.backoff(1, self.connections));
    }

    fn send_ready(&mut self) {
        let Phase::Live(live) = &mut self.phase else { return };
        if live.leaving.is_some() {
            return;
        }
        while self.pending.in_flight() < live.credits as usize {
            let Some((op_id, seq, operation)) = self.pending.send_next(&mut live.sent) else { return };
            self.actions.push_back(Action::Send { op_id, seq, operation });
        }
    }

    fn retry_later(&mut self, now: Timestamp, op_id: OpId, retry_after: Millis) {
        let attempts = self.pending.attempts(op_id);
        let delay = self.backoff(attempts, op_id.0).max(retry_after);
        self.pending.delay(op_id, now + delay);
    }

    fn ack(&mut self) {
        let Phase::Live(live) = &mut self.phase else { return };
        live.unacked = 0;
        self.actions.push_back(Action::Ack { cursor: self.seen.last() });
    }

    fn heard(&mut self, now: Timestamp) {
        if let Phase::Live(live) = &mut self.phase {
            live.heard = live.heard.max(now);
        }
    }

    fn connect(&mut self, now: Timestamp) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        self.phase = Phase::Opening { connection, until: now + self.limits.opening };
        let nonce = self.mix(self.connections, 0);
        let hello = Hello {
            nonce,
            resume: self.epoch,
            cursor: self.told_cursor(),
            takeover: self.takeover,
            unanswered: self.unanswered.iter().copied().collect(),
        };
        if self.unanswered.len() == UNANSWERED_MAX {
            self.unanswered.pop_front();
        }
        self.unanswered.push_back(nonce);
        let address = self.addresses.present();
        self.actions.push_back(Action::Connect { connection, address, hello });
    }

    fn told_cursor(&self) -> Position {
        let seen = self.seen.last();
        if is(Planted::CursorAhead) {
            return Position::end_of(LogIndex(seen.index.0 + 2));
        }
        seen
    }

    fn reconnect(&mut self, now: Timestamp, delay: Millis) {
        self.close();
        self.phase = Phase::Waiting { until: now + delay };
    }

    fn close(&mut self) {
        let Some(connection) = self.connection() else { return };
        // What was about to be said there has nowhere to go; the operations among it are still pending.
        self.actions.retain(|action| matches!(action, Action::Close { .. }));
        self.actions.push_back(Action::Close { connection });
        self.pending.restart();
    }

    /// The present node failed without a word.
    fn try_next(&mut self, now: Timestamp) {
        self.signed_in = None;
        self.addresses.leave(None);
        self.reconnect(now, self.after_rounds());
    }

    /// Every known node is tried at once, one after the other; only then is there a pause.
    fn after_rounds(&self) -> Millis {
        match self.addresses.rounds_failed() {
            0 => Millis(0),
            rounds => self.backoff(rounds, self.connections),
        }
    }

    /// After a lost stream the cluster may take the own old stream for living until it notices the loss.
    fn signed_in_elsewhere(&mut self, now: Timestamp) {
        let before = self.signed_in.unwrap_or(SignedInElsewhere { since: now, times: 0 });
        if now.since(before.since) >= self.limits.signed_in_patience {
            return self.stop(StopReason::AlreadySignedIn);
        }
        let times = before.times + 1;
        self.signed_in = Some(SignedInElsewhere { times, ..before });
        self.reconnect(now, self.backoff(times, self.connections));
    }

    /// Doubles from the shortest to the longest delay; the upper half of it is jitter.
    fn backoff(&self, attempts: u32, salt: u64) -> Millis {
        let doubled = self.limits.backoff_min.0.saturating_mul(1 << attempts.saturating_sub(1).min(20));
        let full = doubled.clamp(1, self.limits.backoff_max.0.max(1));
        Millis(full - self.mix(salt, u64::from(attempts)) % (full / 2 + 1))
    }

    fn mix(&self, a: u64, b: u64) -> u64 {
        hash_parts(&[&self.seed.to_le_bytes(), &a.to_le_bytes(), &b.to_le_bytes()]) as u64
    }

    fn connection(&self) -> Option<ConnectionId> {
        match &self.phase {
            Phase::Opening { connection, .. } => Some(*connection),
            Phase::Live(live) => Some(live.connection),
            Phase::Waiting { .. } | Phase::Stopped => None,
        }
    }

    fn is_live(&self, connection: ConnectionId) -> bool {
        matches!(&self.phase, Phase::Live(live) if live.connection == connection)
    }
}
