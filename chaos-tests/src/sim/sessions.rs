//! A node and its clients: opening, delivering, answering, and letting go. What of this is free of I/O in the nodes
//! (delivery, the clients' logic) is theirs; the rest does what they do.

use ringmain_routing::client::{Failure, Hello, OpId, StreamFailure};
use ringmain_routing::command::{LoseSession, OpenSession};
use ringmain_routing::delivery::{Delivered, Handed, Pulled};
use ringmain_routing::planted::{Planted, is};
use ringmain_routing::shell::forwarding::GivenUp;
use ringmain_routing::{
    Command, ContactId, Effect, Epoch, LogIndex, Party, Position, Refusal, Reply, SessionState,
};

use rand::RngExt;

use super::Sim;
use super::centre;
use super::events::{Down, Event, Operation, StreamId, Up};
use super::node::Waiting;
use super::schedule::Habit;

/// Rounds of 100 ms between two looks for silent streams: a heartbeat.
const LOOK_TICKS: u64 = 40;
/// Looks without a word from the client after which its stream is gone.
const SILENT_MAX: u32 = 4;

/// A stream that was welcomed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    pub party: Party,
    pub epoch: Epoch,
    /// Looks since the client was heard.
    silent: u32,
    /// It was sent elsewhere.
    is_let_go: bool,
}

impl Sim {
    /// The node does not know what became of its proposal, and says so.
    pub(super) fn give_up(&mut self, node: usize, seq: u64) {
        let row = &mut self.nodes[node];
        let Some(waiting) = row.open.remove(seq) else { return };
        let given_up = row.open.give_up(seq);
        match given_up {
            GivenUp::Sent => self.settle_unseen(node, Some(waiting)),
            GivenUp::NeverSent => self.turn_away(node, waiting),
        }
    }

    /// Nothing was carried out and nothing will be.
    fn turn_away(&mut self, node: usize, waiting: Waiting) {
        let hint = Some(centre::address((node + 1) % self.nodes.len()));
        let retry_after = Sim::retry_after(30);
        match waiting {
            Waiting::Opening(stream, _) => {
                self.tell(stream, Down::End(StreamFailure::Unavailable { retry_after, hint }));
            }
            Waiting::Answer(stream, op_id) => {
                let failure = Failure::Unavailable { retry_after, hint: None };
                self.tell(stream, Down::Failed { op_id, failure, code: "unavailable" });
            }
            Waiting::Lose(party, epoch) => {
                self.nodes[node].losing.insert((party, epoch), false);
            }
            Waiting::Announce => self.nodes[node].is_announced = false,
            Waiting::Settle(open) => self.nodes[node].settling.push(open),
            Waiting::Errand(number, attempt) => self.try_errand_later(number, attempt),
        }
    }

    /// It was decided where this node did not see it, or may yet be.
    pub(super) fn settle_unseen(&mut self, node: usize, waiting: Option<Waiting>) {
        let Some(waiting) = waiting else { return };
        self.report.count("unknown");
        match waiting {
            Waiting::Opening(stream, hello) => {
                // An opening that may yet enter the log must not leave a session without a stream.
                let open = self.opening(node, stream, &hello);
                let open = OpenSession { resume: None, takeover: false, ..open };
                self.nodes[node].settling.push(open);
                let failure = StreamFailure::Unavailable { retry_after: Sim::retry_after(50), hint: None };
                self.tell(stream, Down::End(failure));
            }
            Waiting::Answer(stream, op_id) => {
                let failure = Failure::Unknown { retry_after: Sim::retry_after(20) };
                self.tell(stream, Down::Failed { op_id, failure, code: "unknown" });
            }
            Waiting::Lose(..) | Waiting::Announce | Waiting::Settle(_) | Waiting::Errand(..) => {
                self.turn_away(node, waiting);
            }
        }
    }

    pub(super) fn deliver(&mut self, node: usize, index: LogIndex, effects: &[Effect]) {
        let mut handed: Vec<(Party, Delivered)> = Vec::new();
        let is_full = !effects.is_empty() && self.happens(node, Habit::FullReceivers, 0.02);
        // It may have arrived all the same: then it comes twice.
        let is_repeated = is_full && self.nodes[node].rng.random_bool(0.5);
        let now = self.nodes[node].router.now();
        self.nodes[node].delivery.applied(index, now, effects, |party, delivered| {
            if !is_full || is_repeated {
                handed.push((party, delivered));
            }
            if is_full { Handed::Full } else { Handed::Taken }
        });
        for (party, delivered) in handed {
            let row = &mut self.nodes[node];
            let is_lost = is(Planted::EventLost) && row.rng.random_bool(0.01);
            if let Some(stream) = row.stream_of_party(party).filter(|_| !is_lost) {
                self.tell(stream, Down::Event(delivered));
            }
        }
        if is_full {
            self.pump_all(node);
        }
    }

    fn pump_all(&mut self, node: usize) {
        let run = self.nodes[node].run;
        let streams: Vec<StreamId> = self.nodes[node].streams.keys().copied().collect();
        for stream in streams {
            let delay = self.nodes[node].rng.random_range(1..30);
            self.schedule(delay, Event::Pump { node, run, stream });
        }
    }

    /// Hands over what a party that lags has missed.
    pub(super) fn pump(&mut self, node: usize, stream: StreamId) {
        let Some(Stream { party, .. }) = self.nodes[node].streams.get(&stream).copied() else { return };
        loop {
            match self.nodes[node].delivery.pull(party, 16) {
                Pulled::Effects(effects) => {
                    for delivered in effects {
                        self.tell(stream, Down::Event(delivered));
                    }
                }
                Pulled::TooOld if is(Planted::ResyncNotSent) => {
                    let as_of = Position::end_of(self.nodes[node].router.index());
                    self.nodes[node].delivery.resynced(party, as_of);
                }
                Pulled::TooOld => self.resync(node, stream, party),
                Pulled::CaughtUp | Pulled::Unknown => return,
            }
        }
    }

    fn resync(&mut self, node: usize, stream: StreamId, party: Party) {
        self.report.count("full-lists");
        let row = &mut self.nodes[node];
        let as_of = Position::end_of(row.router.index());
        row.delivery.resynced(party, as_of);
        let contacts = row.router.live_contacts(party);
        self.tell(stream, Down::Resync { as_of, contacts });
    }

    /// A command of this node's was applied here: who waits for it is answered.
    pub(super) fn answer(
        &mut self,
        node: usize,
        index: LogIndex,
        waiting: Waiting,
        reply: &Result<Reply, Refusal>,
    ) {
        match waiting {
            Waiting::Opening(stream, hello) => self.opened(node, stream, hello, reply),
            Waiting::Answer(stream, op_id) => {
                let message = match reply {
                    Ok(reply) => Down::Answer { op_id, index, reply: *reply },
                    Err(refusal) => failed(op_id, refusal),
                };
                if self.happens(node, Habit::LostAnswers, 0.01) {
                    self.cut(stream);
                } else {
                    self.tell(stream, message);
                }
            }
            Waiting::Settle(_) => {
                if let Ok(Reply::Opened { party, epoch }) = *reply
                    && self.nodes[node].stream_of(party, epoch).is_none()
                {
                    self.nodes[node].losing.insert((party, epoch), false);
                }
            }
            Waiting::Errand(number, _) => self.errand_done(number, reply),
            Waiting::Lose(..) | Waiting::Announce => {}
        }
    }

    fn opened(&mut self, node: usize, stream: StreamId, hello: Hello, reply: &Result<Reply, Refusal>) {
        match reply {
            Ok(Reply::Opened { party, epoch }) => {
                let (party, epoch) = (*party, *epoch);
                if epoch.0 > 1 {
                    self.report.count("resumed");
                }
                self.welcome(node, stream, hello, party, epoch);
            }
            Ok(
                Reply::Done
                | Reply::Enqueued { .. }
                | Reply::Merged { .. }
                | Reply::PlanApplied { .. }
                | Reply::Acted { .. }
                | Reply::Asked { .. }
                | Reply::Break(_)
                | Reply::Taken { .. },
            ) => {}
            Err(Refusal::AlreadySignedIn) => match self.epoch_of_own(node, stream, &hello) {
                Some(own) if hello.resume != Some(own) => {
                    self.report.count("own unanswered opening");
                    self.hear_hello(node, stream, Hello { resume: Some(own), ..hello });
                }
                Some(_) | None => self.tell(stream, Down::End(StreamFailure::AlreadySignedIn)),
            },
            // The centre's first commands may stand behind the first hello.
            Err(_) => {
                let failure = StreamFailure::Unavailable { retry_after: Sim::retry_after(100), hint: None };
                self.tell(stream, Down::End(failure));
            }
        }
    }

    /// The epoch of the session, if an attempt of the same client has opened it that nobody answered.
    fn epoch_of_own(&self, node: usize, stream: StreamId, hello: &Hello) -> Option<Epoch> {
        let (client, router) = (&self.clients[stream.client], &self.nodes[node].router);
        let session = router.session(router.party(client.role, &client.name)?)?;
        hello.unanswered.contains(&session.nonce).then_some(session.epoch)
    }

    fn welcome(&mut self, node: usize, stream: StreamId, hello: Hello, party: Party, epoch: Epoch) {
        let row = &mut self.nodes[node];
        row.streams.insert(stream, Stream { party, epoch, silent: 0, is_let_go: false });
        row.delivery.subscribe(party, hello.cursor);
        self.tell(stream, Down::Welcome { epoch, party });
        if hello.cursor == Position::default() {
            self.resync(node, stream, party);
        }
        self.pump(node, stream);
    }

    /// Streams whose session has moved on or was lost come to their end.
    pub(super) fn end_streams(&mut self, node: usize, effects: &[Effect]) {
        for effect in effects {
            let Effect::EndStream { party, epoch } = *effect else { continue };
            let Some(stream) = self.nodes[node].stream_of(party, epoch) else { continue };
            self.let_stream_go(node, stream, party);
            let session = self.nodes[node].router.session(party);
            let failure = match session {
                Some(view) if view.epoch != epoch => StreamFailure::TakenOver,
                Some(view) if view.state == SessionState::None => StreamFailure::SignedOut,
                Some(_) | None => StreamFailure::Lost,
            };
            self.tell(stream, Down::End(failure));
        }
    }

    fn let_stream_go(&mut self, node: usize, stream: StreamId, party: Party) {
        let row = &mut self.nodes[node];
        row.streams.remove(&stream);
        if row.stream_of_party(party).is_none() {
            row.delivery.unsubscribe(party);
        }
    }

    pub(super) fn node_hears(&mut self, node: usize, stream: StreamId, message: Up) {
        if self.is_cut(stream) {
            return;
        }
        if !self.nodes[node].is_up {
            return self.refuse_connection(node, stream);
        }
        if let Some(stream) = self.nodes[node].streams.get_mut(&stream) {
            stream.silent = 0;
        }
        match message {
            Up::Hello(hello) => self.hear_hello(node, stream, hello),
            Up::Operation { op_id, seq, operation } => {
                self.hear_operation(node, stream, (op_id, seq), &operation);
            }
            Up::Heartbeat => self.tell(stream, Down::Echo),
            Up::Close => self.stream_gone(node, stream),
        }
    }

    fn hear_operation(
        &mut self,
        node: usize,
        stream: StreamId,
        (op_id, seq): (OpId, u64),
        operation: &Operation,
    ) {
        let Some(Stream { party, epoch, .. }) = self.nodes[node].streams.get(&stream).copied() else {
            let message = Down::Failed { op_id, failure: Failure::SessionOver, code: "no-stream" };
            return self.tell(stream, message);
        };
        if let Operation::Bring(_) = operation
            && is(Planted::AnswerBeforeLog)
            && self.nodes[node].rng.random_bool(0.01)
        {
            let contact = ContactId { slot: op_id.0 as u32, generation: 99 };
            let (index, reply) = (self.nodes[node].router.index(), Reply::Enqueued { contact });
            return self.tell(stream, Down::Answer { op_id, index, reply });
        }
        let command = centre::command((party, epoch), seq, operation, &self.nodes[node].router);
        if self.propose(node, &command, Waiting::Answer(stream, op_id)).is_err() {
            self.turn_away(node, Waiting::Answer(stream, op_id));
        }
    }

    /// Nobody is there: mostly the client is told, sometimes there is silence.
    fn refuse_connection(&mut self, node: usize, stream: StreamId) {
        if self.nodes[node].rng.random_bool(0.7) {
            self.tell(stream, Down::End(StreamFailure::Lost));
        }
    }

    fn opening(&self, node: usize, stream: StreamId, hello: &Hello) -> OpenSession {
        let client = &self.clients[stream.client];
        OpenSession {
            role: client.role,
            name: client.name.clone(),
            node: self.nodes[node].id(),
            incarnation: self.nodes[node].incarnation(),
            nonce: hello.nonce,
            resume: hello.resume,
            takeover: hello.takeover,
        }
    }

    fn hear_hello(&mut self, node: usize, stream: StreamId, hello: Hello) {
        let command = Command::OpenSession(self.opening(node, stream, &hello));
        if self.propose(node, &command, Waiting::Opening(stream, hello.clone())).is_err() {
            self.turn_away(node, Waiting::Opening(stream, hello));
        }
    }

    /// The client is gone: its session is lost.
    pub(super) fn stream_gone(&mut self, node: usize, stream: StreamId) {
        let Some(Stream { party, epoch, .. }) = self.nodes[node].streams.get(&stream).copied() else {
            return;
        };
        self.let_stream_go(node, stream, party);
        self.nodes[node].losing.insert((party, epoch), false);
        self.lose_streams(node);
    }

    /// Tells the log of streams that are gone, until it knows.
    pub(super) fn lose_streams(&mut self, node: usize) {
        let row = &mut self.nodes[node];
        let Some(router) = row.is_up.then_some(&row.router) else { return };
        row.losing.retain(|(party, epoch), _| {
            router
                .session(*party)
                .is_some_and(|view| view.epoch == *epoch && matches!(view.state, SessionState::Live { .. }))
        });
        let open: Vec<(Party, Epoch)> =
            row.losing.iter().filter(|(_, asked)| !**asked).map(|(key, _)| *key).collect();
        for (party, epoch) in open {
            let command = Command::LoseSession(LoseSession { party, epoch });
            let taken = self.propose(node, &command, Waiting::Lose(party, epoch));
            self.nodes[node].losing.insert((party, epoch), taken.is_ok());
        }
        for open in std::mem::take(&mut self.nodes[node].settling) {
            let command = Command::OpenSession(open.clone());
            if self.propose(node, &command, Waiting::Settle(open.clone())).is_err() {
                self.nodes[node].settling.push(open);
            }
        }
    }

    /// Lets clients go that are not heard, and all of them where the node may be cut off.
    pub(super) fn look_at_streams(&mut self, node: usize) {
        let lets_go = self.is_read_only(node);
        let looks = self.nodes[node].ticks.is_multiple_of(LOOK_TICKS);
        let streams: Vec<(StreamId, Stream)> =
            self.nodes[node].streams.iter().map(|(id, stream)| (*id, *stream)).collect();
        for (id, mut stream) in streams {
            stream.silent += u32::from(looks);
            let tell = lets_go && !stream.is_let_go;
            stream.is_let_go |= lets_go;
            self.nodes[node].streams.insert(id, stream);
            if stream.silent > SILENT_MAX {
                self.stream_gone(node, id);
                self.tell(id, Down::End(StreamFailure::Lost));
            } else if tell {
                let hint = Some(centre::address((node + 1) % self.nodes.len()));
                let failure = StreamFailure::Unavailable { retry_after: Sim::retry_after(10), hint };
                self.tell(id, Down::End(failure));
            }
        }
    }

    /// Streams whose session ended in what was skipped.
    pub(super) fn end_stale_streams(&mut self, node: usize) {
        let streams: Vec<(StreamId, Stream)> =
            self.nodes[node].streams.iter().map(|(id, stream)| (*id, *stream)).collect();
        for (id, stream) in streams {
            let session = self.nodes[node].router.session(stream.party);
            let lives = session.is_some_and(|view| {
                view.epoch == stream.epoch && matches!(view.state, SessionState::Live { .. })
            });
            if lives && is(Planted::GapAtInstallNotTold) {
                continue;
            } else if lives {
                self.pump(node, id);
            } else {
                self.let_stream_go(node, id, stream.party);
                self.tell(id, Down::End(StreamFailure::Lost));
            }
        }
    }

    /// Sends a message down a stream, behind those sent before.
    pub(super) fn tell(&mut self, stream: StreamId, message: Down) {
        let at = self.net.client(self.now, stream.client, false);
        let at = self.clients[stream.client].in_order_down(stream, at);
        self.queue.push(at, Event::ToClient { stream, message: Box::new(message) });
    }
}

fn failed(op_id: OpId, refusal: &Refusal) -> Down {
    let is_over = matches!(refusal, Refusal::StaleEpoch { .. } | Refusal::NotSignedIn);
    let failure = if is_over { Failure::SessionOver } else { Failure::Final };
    Down::Failed { op_id, failure, code: refusal.code() }
}
