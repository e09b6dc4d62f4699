//! A node: the real core and the real delivery, and the little shell between them and the streams.

use std::collections::BTreeMap;

use rand::RngExt;
use ringmain_routing::client::{Failure, Hello, OpId, StreamFailure};
use ringmain_routing::command::{LoseSession, NodeStarted, OpenSession};
use ringmain_routing::delivery::{Delivered, Delivery, Handed, Pulled};
use ringmain_routing::{
    Command, ContactId, Effect, Epoch, Incarnation, LogIndex, Millis, NodeId, Party, Position, Refusal,
    Reply, Router, SessionState,
};

use super::centre;
use super::events::{Down, Event, Operation, Proposal, StreamId, Up};
use super::{Plant, Sim};

/// Effects that a node retains: few, so that some come back too late and get the full list.
const RING: usize = 96;
/// How long a node waits for its proposal.
const PROPOSAL_MS: u64 = 1_500;
/// How long a node takes to notice that a client is gone without a sign.
const STREAM_SILENCE_MS: u64 = 1_500;

/// One machine.
pub(super) struct SimNode {
    place: usize,
    pub is_up: bool,
    pub is_cut_off: bool,
    pub incarnation: Incarnation,
    pub router: Router,
    delivery: Delivery,
    /// The state on disk.
    disk: Vec<u8>,
    streams: BTreeMap<StreamId, Stream>,
    waiting: BTreeMap<u64, Waiting>,
    requests: u64,
}

/// A stream that was welcomed.
#[derive(Clone, Copy, Debug)]
struct Stream {
    party: Party,
    epoch: Epoch,
}

/// Who waits for a proposal.
#[derive(Clone, Copy, Debug)]
enum Waiting {
    Opening(StreamId, Hello),
    Answer(StreamId, OpId),
}

impl SimNode {
    pub(super) fn new(place: usize) -> SimNode {
        let router = Router::new();
        SimNode {
            place,
            is_up: false,
            is_cut_off: false,
            incarnation: Incarnation(0),
            delivery: Delivery::new(RING, router.index()),
            disk: router.snapshot().encode(),
            router,
            streams: BTreeMap::new(),
            waiting: BTreeMap::new(),
            requests: 0,
        }
    }

    pub(super) fn id(&self) -> NodeId {
        NodeId(self.place as u64 + 1)
    }

    pub(super) fn is_in_touch(&self) -> bool {
        self.is_up && !self.is_cut_off
    }

    /// Everything in memory is gone.
    pub(super) fn crash(&mut self) -> Vec<StreamId> {
        self.is_up = false;
        self.waiting.clear();
        let streams = self.streams.keys().copied().collect();
        self.streams.clear();
        streams
    }

    pub(super) fn write_snapshot(&mut self) {
        self.disk = self.router.snapshot().encode();
    }

    fn stream_of(&self, party: Party, epoch: Epoch) -> Option<StreamId> {
        let mut streams = self.streams.iter();
        streams.find(|(_, stream)| stream.party == party && stream.epoch == epoch).map(|(id, _)| *id)
    }
}

impl Sim {
    pub(super) fn node_up(&mut self, node: usize) {
        let row = &mut self.nodes[node];
        if row.is_up {
            return;
        }
        row.is_up = true;
        row.incarnation = Incarnation(row.incarnation.0 + 1);
        row.router = Router::restore(&row.disk).expect("a node reads the snapshot it wrote");
        row.delivery = Delivery::new(RING, row.router.index());
        let started = NodeStarted { node: row.id(), incarnation: row.incarnation };
        self.propose(node, Command::NodeStarted(started), None);
        self.schedule(1, Event::CatchUp(node));
    }

    /// Sends a command to the log. Nobody but the log knows whether it arrived.
    fn propose(&mut self, node: usize, command: Command, waiting: Option<Waiting>) {
        let row = &mut self.nodes[node];
        row.requests += 1;
        let (request, incarnation) = (row.requests, row.incarnation);
        if let Some(waiting) = waiting {
            row.waiting.insert(request, waiting);
            self.schedule(PROPOSAL_MS, Event::ProposalTimeout { node, incarnation, request });
        }
        let is_lost = self.mishap(0.02) || self.nodes[node].is_cut_off;
        if !is_lost {
            let wait = self.log.leaderless_until.saturating_sub(self.now);
            let delay = wait + self.delay();
            let proposal = Proposal { node, incarnation, request, command };
            self.schedule(delay, Event::Append(Box::new(proposal)));
        }
    }

    /// The node does not know what became of its proposal, and says so.
    pub(super) fn give_up(&mut self, node: usize, incarnation: Incarnation, request: u64) {
        let row = &mut self.nodes[node];
        if row.incarnation != incarnation {
            return;
        }
        match row.waiting.remove(&request) {
            Some(Waiting::Opening(stream, _)) => {
                let failure = StreamFailure::Unavailable { retry_after: Millis(50), hint: None };
                self.tell(stream, Down::End(failure));
            }
            Some(Waiting::Answer(stream, op_id)) => {
                self.report.unknown += 1;
                let failure = Failure::Unknown { retry_after: Millis(20) };
                self.tell(stream, Down::Failed { op_id, failure, code: "unknown" });
            }
            None => {}
        }
    }

    /// Applies what is committed, command by command, and tells those who must hear of it.
    pub(super) fn catch_up(&mut self, node: usize) -> Result<(), String> {
        while self.nodes[node].is_in_touch() {
            let index = LogIndex(self.nodes[node].router.index().0 + 1);
            let Some(entry) = self.log.entry(index).cloned() else { break };
            let is_skipped = self.plants(Plant::SkippedCommand, 0.001);
            let row = &mut self.nodes[node];
            let command = if is_skipped { &Command::Tick } else { &entry.command };
            let outcome = row.router.apply(entry.at, command);
            if outcome != entry.outcome || row.router.chain() != entry.chain {
                return Err(format!(
                    "node {} differs at {index}: {outcome:?}, {:?}",
                    row.id(),
                    entry.outcome
                ));
            }
            self.deliver(node, index, &outcome.effects);
            let asked =
                entry.from.filter(|(from, run, _)| *from == node && *run == self.nodes[node].incarnation);
            if let Some((_, _, request)) = asked {
                self.answer(node, index, request, &outcome.reply);
            }
            self.end_streams(node, &outcome.effects);
        }
        if self.mishap(0.002) {
            self.nodes[node].write_snapshot();
        }
        Ok(())
    }

    fn deliver(&mut self, node: usize, index: LogIndex, effects: &[Effect]) {
        let mut handed: Vec<(Party, Delivered)> = Vec::new();
        let is_full = self.mishap(0.02);
        let now = self.nodes[node].router.now();
        self.nodes[node].delivery.applied(index, now, effects, |party, delivered| {
            if is_full {
                return Handed::Full;
            }
            handed.push((party, delivered));
            Handed::Taken
        });
        for (party, delivered) in handed {
            let is_lost = self.plants(Plant::LostEvent, 0.01);
            if let Some(stream) = self.stream_of_party(node, party).filter(|_| !is_lost) {
                self.tell(stream, Down::Event(delivered));
            }
        }
        if is_full {
            let streams: Vec<StreamId> = self.nodes[node].streams.keys().copied().collect();
            for stream in streams {
                let delay = self.delay();
                self.schedule(delay, Event::Pump { node, stream });
            }
        }
    }

    fn stream_of_party(&self, node: usize, party: Party) -> Option<StreamId> {
        let mut streams = self.nodes[node].streams.iter();
        streams.find(|(_, stream)| stream.party == party).map(|(id, _)| *id)
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
                Pulled::TooOld if self.plant == Some(Plant::NoResync) => {
                    let as_of = Position::end_of(self.nodes[node].router.index());
                    self.nodes[node].delivery.resynced(party, as_of);
                }
                Pulled::TooOld => self.resync(node, stream, party),
                Pulled::CaughtUp | Pulled::Unknown => return,
            }
        }
    }

    fn resync(&mut self, node: usize, stream: StreamId, party: Party) {
        self.report.resyncs += 1;
        let row = &mut self.nodes[node];
        let as_of = Position::end_of(row.router.index());
        row.delivery.resynced(party, as_of);
        let contacts = row.router.live_contacts(party);
        self.tell(stream, Down::Resync { as_of, contacts });
    }

    fn answer(&mut self, node: usize, index: LogIndex, request: u64, reply: &Result<Reply, Refusal>) {
        match self.nodes[node].waiting.remove(&request) {
            Some(Waiting::Opening(stream, hello)) => self.opened(node, stream, hello, reply),
            Some(Waiting::Answer(stream, op_id)) => {
                let message = match reply {
                    Ok(reply) => Down::Answer { op_id, index, reply: *reply },
                    Err(refusal) => failed(op_id, refusal),
                };
                if self.mishap(0.01) {
                    self.cut(stream);
                } else {
                    self.tell(stream, message);
                }
            }
            None => self.drop_orphan(node, reply),
        }
    }

    /// A session that was opened for nobody: its stream is gone or was told that it failed.
    fn drop_orphan(&mut self, node: usize, reply: &Result<Reply, Refusal>) {
        if let Ok(Reply::Opened { party, epoch }) = *reply
            && self.nodes[node].stream_of(party, epoch).is_none()
        {
            self.propose(node, Command::LoseSession(LoseSession { party, epoch }), None);
        }
    }

    fn opened(&mut self, node: usize, stream: StreamId, hello: Hello, reply: &Result<Reply, Refusal>) {
        match reply {
            Ok(Reply::Opened { party, epoch }) => {
                let (party, epoch) = (*party, *epoch);
                if epoch.0 > 1 {
                    self.report.resumes += 1;
                }
                let row = &mut self.nodes[node];
                row.streams.insert(stream, Stream { party, epoch });
                row.delivery.subscribe(party, hello.cursor);
                self.tell(stream, Down::Welcome { epoch, party });
                if hello.cursor == Position::default() {
                    self.resync(node, stream, party);
                }
                self.pump(node, stream);
                if self.is_gone(stream) {
                    self.schedule(STREAM_SILENCE_MS, Event::StreamGone { node, stream });
                }
            }
            Ok(
                Reply::Done
                | Reply::Enqueued { .. }
                | Reply::Merged { .. }
                | Reply::PlanApplied { .. }
                | Reply::Acted { .. },
            ) => {}
            Err(Refusal::AlreadySignedIn) => self.tell(stream, Down::End(StreamFailure::AlreadySignedIn)),
            // The centre's first commands may stand behind the first hello.
            Err(_) => {
                let failure = StreamFailure::Unavailable { retry_after: Millis(100), hint: None };
                self.tell(stream, Down::End(failure));
            }
        }
    }

    /// Streams whose session has moved on or was lost come to their end.
    fn end_streams(&mut self, node: usize, effects: &[Effect]) {
        for effect in effects {
            let Effect::EndStream { party, epoch } = *effect else { continue };
            let Some(stream) = self.nodes[node].stream_of(party, epoch) else { continue };
            self.nodes[node].streams.remove(&stream);
            if self.stream_of_party(node, party).is_none() {
                self.nodes[node].delivery.unsubscribe(party);
            }
            let session = self.nodes[node].router.session(party);
            let is_taken = session
                .is_some_and(|view| view.epoch > epoch && matches!(view.state, SessionState::Live { .. }));
            let failure = if is_taken { StreamFailure::TakenOver } else { StreamFailure::Lost };
            self.tell(stream, Down::End(failure));
        }
    }

    pub(super) fn node_hears(&mut self, node: usize, stream: StreamId, message: Up) {
        if self.is_cut(stream) {
            return;
        }
        if !self.nodes[node].is_up {
            return self.refuse_connection(stream);
        }
        match message {
            Up::Hello(hello) => self.hear_hello(node, stream, hello),
            Up::Operation { op_id, seq, operation } => {
                let Some(Stream { party, epoch }) = self.nodes[node].streams.get(&stream).copied() else {
                    let message = Down::Failed { op_id, failure: Failure::SessionOver, code: "no-stream" };
                    return self.tell(stream, message);
                };
                if self.is_leaderless(node) || self.mishap(0.01) {
                    let failure = Failure::Unavailable { retry_after: Millis(30), hint: None };
                    return self.tell(stream, Down::Failed { op_id, failure, code: "unavailable" });
                }
                if let Operation::Bring(_) = operation
                    && self.plants(Plant::AnswerBeforeLog, 0.01)
                {
                    let contact = ContactId { slot: op_id.0 as u32, generation: 99 };
                    let (index, reply) = (self.nodes[node].router.index(), Reply::Enqueued { contact });
                    return self.tell(stream, Down::Answer { op_id, index, reply });
                }
                let command = centre::command(party, epoch, seq, &operation, self.time());
                self.propose(node, command, Some(Waiting::Answer(stream, op_id)));
            }
            Up::Heartbeat => self.tell(stream, Down::Echo),
            Up::Close => self.stream_gone(node, stream),
        }
    }

    /// Nobody is there: mostly the client is told, sometimes there is silence.
    fn refuse_connection(&mut self, stream: StreamId) {
        if self.rng.random_bool(0.7) {
            self.tell(stream, Down::End(StreamFailure::Lost));
        }
    }

    fn hear_hello(&mut self, node: usize, stream: StreamId, hello: Hello) {
        if self.is_leaderless(node) {
            let hint = Some(centre::address((node + 1) % self.nodes.len()));
            let failure = StreamFailure::Unavailable { retry_after: Millis(30), hint };
            return self.tell(stream, Down::End(failure));
        }
        let client = &self.clients[stream.client];
        let command = Command::OpenSession(OpenSession {
            role: client.role,
            name: client.name.clone(),
            node: self.nodes[node].id(),
            incarnation: self.nodes[node].incarnation,
            nonce: hello.nonce,
            resume: hello.resume,
            takeover: hello.takeover,
        });
        self.propose(node, command, Some(Waiting::Opening(stream, hello)));
    }

    fn is_leaderless(&self, node: usize) -> bool {
        self.nodes[node].is_cut_off || self.now < self.log.leaderless_until
    }

    /// The client is gone: its session is lost.
    pub(super) fn stream_gone(&mut self, node: usize, stream: StreamId) {
        let Some(Stream { party, epoch }) = self.nodes[node].streams.remove(&stream) else { return };
        if self.stream_of_party(node, party).is_none() {
            self.nodes[node].delivery.unsubscribe(party);
        }
        self.propose(node, Command::LoseSession(LoseSession { party, epoch }), None);
    }

    /// A node without contact to the others lets its clients go.
    pub(super) fn step_aside(&mut self, node: usize) {
        if !self.nodes[node].is_cut_off {
            return;
        }
        let streams: Vec<StreamId> = self.nodes[node].streams.keys().copied().collect();
        for stream in streams {
            let hint = Some(centre::address((node + 1) % self.nodes.len()));
            self.tell(stream, Down::End(StreamFailure::Unavailable { retry_after: Millis(10), hint }));
        }
    }

    /// A follower that is far behind takes over a whole state instead of the commands.
    pub(super) fn install_snapshot(&mut self, node: usize) {
        let bytes = self.log.judge.router.snapshot().encode();
        let row = &mut self.nodes[node];
        if !row.is_up {
            return;
        }
        row.router = Router::restore(&bytes).expect("a snapshot that was just written can be read");
        row.delivery.skip_to(row.router.index());
        row.disk = bytes;
        let lost: Vec<Waiting> = std::mem::take(&mut row.waiting).into_values().collect();
        for waiting in lost {
            match waiting {
                Waiting::Opening(stream, _) => self.tell(stream, Down::End(StreamFailure::Lost)),
                Waiting::Answer(stream, op_id) => {
                    let failure = Failure::Unknown { retry_after: Millis(20) };
                    self.tell(stream, Down::Failed { op_id, failure, code: "unknown" });
                }
            }
        }
        self.end_stale_streams(node);
    }

    /// Streams whose session ended in what was skipped.
    fn end_stale_streams(&mut self, node: usize) {
        let streams: Vec<(StreamId, Stream)> =
            self.nodes[node].streams.iter().map(|(id, stream)| (*id, *stream)).collect();
        for (id, stream) in streams {
            let session = self.nodes[node].router.session(stream.party);
            let lives = session.is_some_and(|view| {
                view.epoch == stream.epoch && matches!(view.state, SessionState::Live { .. })
            });
            if lives {
                self.pump(node, id);
            } else {
                self.nodes[node].streams.remove(&id);
                self.nodes[node].delivery.unsubscribe(stream.party);
                self.tell(id, Down::End(StreamFailure::Lost));
            }
        }
    }

    /// Sends a message down a stream, behind those sent before.
    pub(super) fn tell(&mut self, stream: StreamId, message: Down) {
        let delay = self.delay();
        let at = self.clients[stream.client].in_order_down(stream, self.now + delay);
        self.queue.push(at, Event::ToClient { stream, message: Box::new(message) });
    }

    pub(super) fn random_node(&mut self) -> usize {
        self.rng.random_range(0..self.nodes.len())
    }
}

fn failed(op_id: OpId, refusal: &Refusal) -> Down {
    let is_over = matches!(refusal, Refusal::StaleEpoch { .. } | Refusal::NotSignedIn);
    let failure = if is_over { Failure::SessionOver } else { Failure::Final };
    Down::Failed { op_id, failure, code: refusal.code() }
}
