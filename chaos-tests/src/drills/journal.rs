//! What all clients of a drill write down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringmain_protocol::client::{Clock, Connections, OperationError, SessionConfig};
use ringmain_protocol::v1::Receipt;
use ringmain_protocol::wire::Dialer;
use ringmain_routing::{ContactId, Epoch, Position, Timestamp};

use super::centre::Secrets;
use crate::checker::{ClientOp, ClientOpKind, Delivery, OpResult, SeenEvent, SeenEventKind};
use crate::clock::Stopwatch;

/// Notices that may wait for a client's owner.
const NOTICES_MAX: usize = 65_536;

/// Time since the drill began.
pub type Watch = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What clients share: their notes, a clock, addresses.
#[derive(Clone)]
pub(super) struct Journal {
    watch: Watch,
    dialer: Option<Dialer>,
    addresses: Arc<[String]>,
    pub(super) secrets: Secrets,
    notes: Arc<Mutex<Notes>>,
}

/// What was asked, answered and heard so far.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) ops: Vec<ClientOp>,
    pub(super) seen: Vec<SeenEvent>,
    /// What moved each client's cursor, gateways and operators by name.
    pub(super) deliveries: BTreeMap<String, Vec<Delivery>>,
    /// Streams opened: which node, and whether events went on where they had ended.
    pub(super) openings: Vec<Opening>,
    /// Gateway and key of each contact that was accepted and has not ended as far as its gateway knows.
    pub(super) open: BTreeSet<(String, String)>,
    ended: BTreeSet<(String, String)>,
    pub(super) clients_stopped: Vec<String>,
    /// The contact that each key of a gateway stands for, as it was first told.
    contacts: BTreeMap<(String, String), ContactId>,
    /// Keys that were accepted and then, brought again, stood for another contact.
    pub(super) forgotten: u64,
    /// When each contact was to be pushed first, in ns, by key.
    pub(super) due: BTreeMap<String, u64>,
    /// When the last word of an assignment reached a client, in ns.
    pub(super) last_assignment_ns: u64,
    seeds: u64,
}

/// One stream opened by a client.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) client: String,
    pub(super) node: u64,
    pub(super) resumed: bool,
    pub(super) at_ns: u64,
}

/// Where a client goes on after a pause.
#[derive(Clone, Debug, Default)]
pub(super) struct Bookmark {
    pub(super) cursor: String,
    pub(super) epoch: Option<Epoch>,
}

impl Journal {
    pub(super) fn new(addresses: Vec<String>, secrets: Secrets) -> Journal {
        let watch = Stopwatch::start();
        Journal::over(addresses, secrets, None, Arc::new(move || watch.elapsed()))
    }

    /// For clients whose network or time is another one.
    pub(super) fn over(
        addresses: Vec<String>,
        secrets: Secrets,
        dialer: Option<Dialer>,
        watch: Watch,
    ) -> Journal {
        Journal { watch, dialer, addresses: addresses.into(), secrets, notes: Arc::default() }
    }

    /// Connections of a client of its own.
    pub(super) fn connections(&self) -> Connections {
        self.dialer.clone().map_or_else(Connections::default, Connections::by)
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nanoseconds since the drill began.
    pub(super) fn now_ns(&self) -> u64 {
        u64::try_from((self.watch)().as_nanos()).unwrap_or(u64::MAX)
    }

    /// How a client is set up that tries the node at `home` first.
    pub(super) fn session(&self, role: &str, name: &str, home: usize, bookmark: &Bookmark) -> SessionConfig {
        let mut addresses = self.addresses.to_vec();
        let nodes = addresses.len().max(1);
        addresses.rotate_left(home % nodes);
        let seed = {
            let mut notes = self.notes();
            notes.seeds += 1;
            notes.seeds ^ self.secrets.0
        };
        let watch = Arc::clone(&self.watch);
        let clock: Clock =
            Arc::new(move || Timestamp(u64::try_from(watch().as_millis()).unwrap_or(u64::MAX)));
        let token = self.secrets.token(role, name);
        let mut config = SessionConfig::new(addresses, &token, name, clock, seed);
        config.cursor = bookmark.cursor.clone();
        config.resume_epoch = bookmark.epoch.map(|epoch| epoch.0);
        config.notices_max = NOTICES_MAX;
        config.connections = self.connections();
        config
    }

    /// Notes an answer; `receipt` and contact where it was carried out.
    pub(super) fn answered(
        &self,
        client: &str,
        op: ClientOpKind,
        invoked_ns: u64,
        answer: Result<(Receipt, Option<String>), OperationError>,
    ) -> bool {
        let result = match answer {
            Ok((receipt, contact)) => OpResult::Done {
                log_index: receipt.log_index,
                term: receipt.term,
                contact: contact.and_then(|contact| contact.parse().ok()),
            },
            Err(OperationError::Refused(refused)) => OpResult::Refused {
                log_index: refused.receipt.log_index,
                term: refused.receipt.term,
                code: refused.error.code,
            },
            Err(OperationError::Stopped(_) | OperationError::Mismatched) => OpResult::Unknown,
        };
        let (returned_ns, is_known) = (self.now_ns(), result != OpResult::Unknown);
        let mut notes = self.notes();
        if let (ClientOpKind::Push { key }, OpResult::Done { contact: id, .. }) = (&op, &result) {
            let contact = (client.to_owned(), key.clone());
            if let Some(id) = *id {
                let first = *notes.contacts.entry(contact.clone()).or_insert(id);
                notes.forgotten += u64::from(first != id);
            }
            if !notes.ended.contains(&contact) {
                notes.open.insert(contact);
            }
        }
        notes.ops.push(ClientOp { client: client.to_owned(), op, invoked_ns, returned_ns, result });
        is_known
    }

    /// Notes when a contact was to be pushed first.
    pub(super) fn was_due(&self, key: &str, due_ns: u64) {
        self.notes().due.insert(key.to_owned(), due_ns);
    }

    pub(super) fn opened(&self, client: &str, node: u64, resumed: bool) {
        let (client, at_ns) = (client.to_owned(), self.now_ns());
        self.notes().openings.push(Opening { client, node, resumed, at_ns });
    }

    /// Notes that the client has taken something in, up to a cursor.
    pub(super) fn delivered(&self, client: &str, cursor: &str, of: fn(Position) -> Delivery) {
        if let Some(position) = Position::from_cursor(cursor) {
            self.notes().deliveries.entry(client.to_owned()).or_default().push(of(position));
        }
    }

    pub(super) fn saw(&self, client: &str, cursor: &str, key: &str, kind: SeenEventKind, assignment: u32) {
        let Some(position) = Position::from_cursor(cursor) else { return };
        let (client, key, at_ns) = (client.to_owned(), key.to_owned(), self.now_ns());
        let mut notes = self.notes();
        if kind == SeenEventKind::Ended {
            notes.end(client.clone(), key.clone());
        }
        if matches!(kind, SeenEventKind::Offered | SeenEventKind::Connected) {
            notes.last_assignment_ns = at_ns;
        }
        notes.seen.push(SeenEvent { client, log_index: position.index.0, at_ns, key, kind, assignment });
    }

    /// An answer says that the contact is over.
    pub(super) fn ended(&self, gateway: &str, key: &str) {
        self.notes().end(gateway.to_owned(), key.to_owned());
    }

    /// A full list stands for the ends of all accepted contacts that are not on it.
    pub(super) fn listed(&self, gateway: &str, keys: &BTreeSet<&str>) {
        let mut notes = self.notes();
        let gone = notes.open.iter().filter(|(client, key)| client == gateway && !keys.contains(&**key));
        let gone: Vec<_> = gone.cloned().collect();
        gone.into_iter().for_each(|(client, key)| notes.end(client, key));
    }

    pub(super) fn stopped(&self, client: &str, why: &str) {
        self.notes().clients_stopped.push(format!("{client}: {why}"));
    }
}

impl Notes {
    fn end(&mut self, gateway: String, key: String) {
        let contact = (gateway, key);
        self.open.remove(&contact);
        self.ended.insert(contact);
    }
}
