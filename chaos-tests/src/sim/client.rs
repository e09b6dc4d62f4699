//! A gateway or an operator: the real client logic, the streams below it, and what it remembers for the verdict.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::client::{
    Action, Client, ClientConfig, ClientLimits, ConnectionId, OpId, StopReason, StreamFailure, Subject,
    Verdict, Welcome,
};
use ringmain_routing::command::Role;
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, Epoch, LogIndex, Millis, Name, Party, Position, Reply, Timestamp,
};

use super::Sim;
use super::centre::{self, Kind};
use super::events::{Act, Down, Event, Operation, Order, StreamId, Up};
use super::net::rng_of;
use super::rules::{Breach, Rule};
use super::schedule;

/// How often a client says that it lives.
const HEARTBEAT_MS: u64 = 400;
/// How long a program that gave up takes to start anew.
const START_ANEW_MS: u64 = 700;

/// One client and its program's memory.
pub(super) struct SimClient {
    pub role: Role,
    pub name: Name,
    pub client: Client<Operation>,
    pub party: Option<Party>,
    /// Which run of the program.
    pub life: u32,
    links: BTreeMap<(u32, ConnectionId), Link>,
    seed: u64,
    pub rng: ChaCha8Rng,
    wake_at: Option<u64>,
    /// Contacts in an operator's hands as the desktop knows them.
    pub hands: BTreeMap<ContactId, AssignmentEpoch>,
    /// Orders of a gateway without an answer.
    pub orders: BTreeMap<Name, Order>,
    /// Contacts that the gateway was promised, and what it had asked for.
    pub promised: BTreeMap<Name, (ContactId, Order)>,
    /// The last message of each thread.
    pub written: BTreeMap<ContactId, u64>,
    /// Keys that were used again for something else.
    pub misused: BTreeSet<Name>,
    /// Unanswered operations and when they were first sent.
    pub open: BTreeMap<OpId, u64>,
    pub answered: Vec<Answered>,
    pub heard: Vec<Heard>,
}

/// A stream as the network knows it.
#[derive(Clone, Copy, Debug)]
struct Link {
    node: usize,
    /// Nothing passes any more.
    is_cut: bool,
    /// The client has let go of it.
    is_closed: bool,
    up_at: u64,
    down_at: u64,
}

/// An operation with its place in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub invoked: u64,
    pub returned: u64,
    pub index: LogIndex,
}

/// What a client took in as new.
#[derive(Clone, Copy, Debug)]
pub(super) enum Heard {
    Born,
    Event(Position),
    Resync(Position),
}

impl SimClient {
    pub(super) fn new(seed: u64, client: &schedule::Client, nodes: usize) -> SimClient {
        let mut rng = rng_of(seed, &format!("client {}", client.name), 0);
        let logic_seed = rng.random();
        let addresses = centre::addresses(&mut rng, nodes);
        SimClient {
            role: client.role,
            name: client.name.clone(),
            client: logic(logic_seed, addresses, false),
            party: None,
            life: 0,
            links: BTreeMap::new(),
            seed: logic_seed,
            rng,
            wake_at: None,
            hands: BTreeMap::new(),
            orders: BTreeMap::new(),
            promised: BTreeMap::new(),
            written: BTreeMap::new(),
            misused: BTreeSet::new(),
            open: BTreeMap::new(),
            answered: Vec::new(),
            heard: vec![Heard::Born],
        }
    }

    /// A stream keeps its order: not before what was sent down it earlier.
    pub(super) fn in_order_down(&mut self, stream: StreamId, at: u64) -> u64 {
        let Some(link) = self.links.get_mut(&(stream.life, stream.connection)) else { return at };
        link.down_at = link.down_at.max(at);
        link.down_at
    }

    fn in_order_up(&mut self, connection: ConnectionId, at: u64) -> (usize, u64) {
        let link = self.links.get_mut(&(self.life, connection)).expect("the client has opened this stream");
        link.up_at = link.up_at.max(at);
        (link.node, link.up_at)
    }

    /// Streams that are open on the client's side.
    pub(super) fn open_links(&self, place: usize) -> Vec<(usize, StreamId)> {
        let open = self.links.iter().filter(|(_, link)| !link.is_cut && !link.is_closed);
        let id = |life: u32, connection| StreamId { client: place, life, connection };
        open.map(|((life, connection), link)| (link.node, id(*life, *connection))).collect()
    }
}

fn logic(seed: u64, addresses: Vec<Name>, takeover: bool) -> Client<Operation> {
    let limits = ClientLimits { signed_in_patience: Millis(6_000), ack_every: 8, ..ClientLimits::default() };
    Client::new(ClientConfig { addresses, seed, takeover, cursor: Position::default(), resume: None, limits })
}

impl Sim {
    fn link(&self, stream: StreamId) -> Option<&Link> {
        self.clients[stream.client].links.get(&(stream.life, stream.connection))
    }

    pub(super) fn is_cut(&self, stream: StreamId) -> bool {
        self.link(stream).is_none_or(|link| link.is_cut)
    }

    /// Nothing passes from here on. Whether the client is told is up to chance; the node notices in the end.
    pub(super) fn cut(&mut self, stream: StreamId) {
        let key = (stream.life, stream.connection);
        let Some(link) = self.clients[stream.client].links.get_mut(&key) else { return };
        if link.is_cut {
            return;
        }
        link.is_cut = true;
        let node = link.node;
        self.report.count("streams-cut");
        let rng = &mut self.clients[stream.client].rng;
        let (is_told, delay) = (rng.random_bool(0.6), rng.random_range(1..2_000));
        if is_told {
            self.tell(stream, Down::End(StreamFailure::Lost));
        }
        let run = self.nodes[node].run;
        self.schedule(delay, Event::StreamGone { node, run, stream });
    }

    pub(super) fn tick_client(&mut self, place: usize) {
        let now = self.time();
        self.clients[place].wake_at = None;
        self.clients[place].client.tick(now);
    }

    /// Does what the clients' logic asks for, and sets their alarms.
    pub(super) fn wake_clients(&mut self) {
        for place in 0..self.clients.len() {
            while let Some(action) = self.clients[place].client.poll() {
                self.do_action(place, action);
            }
            let row = &mut self.clients[place];
            let Some(next) = row.client.next_deadline() else { continue };
            let at = next.0.max(self.now + 1);
            if row.wake_at.is_none_or(|wake_at| at < wake_at) {
                row.wake_at = Some(at);
                self.queue.push(at, Event::Wake(place));
            }
        }
    }

    fn do_action(&mut self, place: usize, action: Action<Operation>) {
        match action {
            Action::Connect { connection, address, hello } => {
                let node = centre::node_at(&address);
                let link = Link { node, is_cut: false, is_closed: false, up_at: 0, down_at: 0 };
                let row = &mut self.clients[place];
                row.links.insert((row.life, connection), link);
                self.say(place, connection, Up::Hello(hello));
            }
            Action::Send { op_id, seq, operation } => {
                self.say_on_newest(place, Up::Operation { op_id, seq, operation });
            }
            Action::Heartbeat { .. } => self.say_on_newest(place, Up::Heartbeat),
            Action::Ack { .. } => {}
            Action::Close { connection } => {
                self.say(place, connection, Up::Close);
                let row = &mut self.clients[place];
                if let Some(link) = row.links.get_mut(&(row.life, connection)) {
                    link.is_closed = true;
                }
            }
            Action::Stop { reason } => {
                let delay = if reason == StopReason::Asked { 1 } else { START_ANEW_MS };
                let life = self.clients[place].life;
                self.schedule(delay, Event::Act { client: place, life, act: Act::StartAnew });
            }
        }
    }

    fn say_on_newest(&mut self, place: usize, message: Up) {
        let row = &self.clients[place];
        let newest = row.links.keys().next_back().map(|(_, connection)| *connection);
        if let Some(connection) = newest {
            self.say(place, connection, message);
        }
    }

    fn say(&mut self, place: usize, connection: ConnectionId, message: Up) {
        let at = self.net.client(self.now, place, true);
        let row = &mut self.clients[place];
        let stream = StreamId { client: place, life: row.life, connection };
        let (node, at) = row.in_order_up(connection, at);
        self.queue.push(at, Event::ToNode { node, stream, message: Box::new(message) });
    }

    pub(super) fn client_hears(&mut self, stream: StreamId, message: Down) {
        let is_loss = matches!(message, Down::End(StreamFailure::Lost));
        if stream.life != self.clients[stream.client].life || (self.is_cut(stream) && !is_loss) {
            return;
        }
        let (now, place, connection) = (self.time(), stream.client, stream.connection);
        let client = &mut self.clients[place].client;
        match message {
            Down::Welcome { epoch, party } => self.welcomed(stream, epoch, party),
            Down::Answer { op_id, index, reply } => {
                if let Verdict::Settled(operation) = client.answered(now, op_id) {
                    self.settled(place, op_id, index, &operation, reply);
                }
            }
            Down::Failed { op_id, failure, code } => {
                if let Verdict::Settled(operation) = client.failed(now, connection, op_id, failure) {
                    self.clients[place].open.remove(&op_id);
                    self.refused(place, &operation, code);
                }
            }
            Down::Event(delivered) => {
                if client.event(now, connection, delivered.position) {
                    self.clients[place].heard.push(Heard::Event(delivered.position));
                    self.react(place, &delivered.effect);
                }
            }
            Down::Resync { as_of, contacts } => {
                if client.resync(now, connection, as_of) {
                    self.clients[place].heard.push(Heard::Resync(as_of));
                    self.replace_hands(place, &contacts);
                }
            }
            Down::Echo => client.heard_on(now, connection),
            Down::End(failure) => client.stream_failed(now, connection, failure),
        }
    }

    fn welcomed(&mut self, stream: StreamId, epoch: Epoch, party: Party) {
        let now = self.time();
        let welcome = Welcome { epoch, heartbeat: Millis(HEARTBEAT_MS), credits: 8, addresses: Vec::new() };
        let row = &mut self.clients[stream.client];
        row.party = Some(party);
        row.client.welcomed(now, stream.connection, welcome);
        if row.role == Role::Operator {
            self.submit(stream.client, Operation::Ready);
        }
    }

    pub(super) fn submit(&mut self, place: usize, operation: Operation) {
        let subject = match &operation {
            Operation::Bring(order) | Operation::Misuse(order) => Subject::Contact(order.key.clone()),
            Operation::Ready
            | Operation::Pause
            | Operation::AskForBreak(_)
            | Operation::SignOut
            | Operation::AskForHelp(..)
            | Operation::TakeNext(_) => Subject::Session,
            Operation::CloseEnquiry(enquiry, _) => Subject::Contact(enquiry.to_string().into()),
            // On a subject of its own, so that it may overtake what makes sense.
            Operation::Garbage(number) => Subject::Contact(format!("garbage-{number}").into()),
            Operation::Abandon(contact)
            | Operation::HandOut(contact, _, _)
            | Operation::Accept(contact, _)
            | Operation::Decline(contact, _)
            | Operation::Complete(contact, _)
            | Operation::Extend(contact, _)
            | Operation::EndWrapUp(contact, _)
            | Operation::Transfer(contact, _, _)
            | Operation::OfCase(contact, _, _)
            | Operation::InTalk(contact, _, _)
            | Operation::WantPerson(contact)
            | Operation::TakeOffer(contact, _)
            | Operation::Write(contact, _, _)
            | Operation::Hold(contact, _) => Subject::Contact(contact.to_string().into()),
        };
        let row = &mut self.clients[place];
        if let Operation::Misuse(order) = &operation {
            row.misused.insert(order.key.clone());
        }
        if let Ok(op_id) = row.client.submit(subject, operation) {
            row.open.insert(op_id, self.now);
        }
    }

    fn settled(&mut self, place: usize, op_id: OpId, index: LogIndex, operation: &Operation, reply: Reply) {
        let returned = self.now;
        let row = &mut self.clients[place];
        if let Some(invoked) = row.open.remove(&op_id) {
            row.answered.push(Answered { invoked, returned, index });
        }
        let Some(order) = operation.order() else { return self.think_of_enquiry(place, operation, reply) };
        let decided = self.official.decided(index).map(|decided| &decided.command);
        if !matches!(decided, Some(Command::EnqueueContact(body)) if body.key == order.key) {
            let what = format!("{order:?} was answered with the index of {decided:?}");
            return self.breach(Breach::new(Rule::I5, what));
        }
        row.orders.remove(&order.key);
        let (Reply::Enqueued { contact } | Reply::Merged { contact, .. }) = reply else {
            let what = format!("{order:?} was answered {reply:?}");
            return self.breach(Breach::new(Rule::I5, what));
        };
        let at = self.official.decided(index).map_or(Timestamp(0), |decided| decided.at);
        let before = row.promised.insert(order.key.clone(), (contact, order.clone()));
        if let Some((before, meant)) = before.filter(|before| *before != (contact, order.clone())) {
            self.report.count("forgotten-keys");
            if before == contact || !self.official.was_forgotten(before, at) {
                let what = format!(
                    "the key of {meant:?}, which is {before}, was used for {order:?} and answered {reply:?}"
                );
                self.breach(Breach::new(Rule::I5, what));
            }
        }
    }

    fn refused(&mut self, place: usize, operation: &Operation, code: &str) {
        // A supervisor has closed the entry; nobody has promised anything.
        if code == "queue-closed" && Kind::of(self.plan.seed).has_rules {
            self.report.count("entry-closed");
            operation.order().iter().for_each(|order| {
                self.clients[place].orders.remove(&order.key);
            });
            return;
        }
        // What was meant by a key may be forgotten, and the key stand for something else, unknown to its owner.
        let may_be_taken = matches!(operation, Operation::Misuse(_)) || self.official.forgets_early();
        let is_expected = operation.order().is_none_or(|order| {
            code == "key-reused" && may_be_taken && self.clients[place].misused.contains(&order.key)
        });
        if !is_expected {
            let what = format!("{}: {operation:?} was refused: {code}", self.clients[place].name);
            self.breach(Breach::new(Rule::I5, what));
        }
    }

    /// The program gave up or was ended: a new run knows nothing but the orders that were never answered.
    pub(super) fn start_anew(&mut self, place: usize) {
        let nodes = self.nodes.len();
        let row = &mut self.clients[place];
        let addresses = centre::addresses(&mut row.rng, nodes);
        for (_, link) in row.links.iter_mut() {
            link.is_closed = true;
        }
        row.life += 1;
        row.client = logic(row.seed.wrapping_add(u64::from(row.life)), addresses, true);
        row.open.clear();
        row.hands.clear();
        row.wake_at = None;
        row.heard.push(Heard::Born);
        let orders: Vec<Order> = row.orders.values().cloned().collect();
        for order in orders {
            self.submit(place, Operation::Bring(Box::new(order)));
        }
        if self.clients[place].role == Role::Operator {
            self.begin_to_browse(place);
        }
        self.clients[place].client.tick(Timestamp(self.now));
    }
}
