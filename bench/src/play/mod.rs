//! Real clients that play a scenario against a running cluster: gateways push contacts when they arrive and give up
//! when the customer's patience ends, operators sign in for their shifts, talk as long as the scenario says and
//! complete. Whatever a client asks and is answered is kept as a [`Record`], for the checker.

mod gateway;
mod operator;
mod probe;
mod records;
mod script;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringmain_protocol::client::{Clock, Connections, SessionConfig};
use ringmain_routing::Timestamp;

use crate::clock::Stopwatch;

pub use gateway::GatewaySeat;
pub use operator::{OperatorSeat, Shift};
pub use probe::{Probe, ProbeRate};
pub use records::{Answer, Asked, Record, Seen, SeenKind};
pub use script::{Playing, play};

/// What all clients of a play share.
#[derive(Clone)]
pub struct Stage {
    shared: Arc<Shared>,
}

struct Shared {
    addresses: Vec<String>,
    watch: Stopwatch,
    seed: u64,
    connections: Vec<Connections>,
    notes: Mutex<Notes>,
}

/// What was asked, answered and seen so far.
#[derive(Debug, Default)]
pub struct Notes {
    /// Every operation of every client, in the order of the answers.
    pub records: Vec<Record>,
    /// Every event that a client was told, in the order of arrival.
    pub seen: Vec<Seen>,
    /// Contacts by key.
    contacts: BTreeMap<String, Trace>,
    /// Clients seated so far.
    seats: u64,
    /// From the push's due time to the offer reaching the operator's desktop, in ns, of probe contacts.
    pub offers_ns: Vec<u64>,
}

/// What the play knows of a contact.
#[derive(Clone, Debug, Default)]
struct Trace {
    due_ns: u64,
    service: Duration,
    wrap_up: Option<Duration>,
    is_probe: bool,
    connected: bool,
    offered: bool,
    ended: bool,
}

impl Stage {
    /// A stage whose clients know these API addresses.
    #[must_use]
    pub fn new(addresses: Vec<String>, seed: u64) -> Stage {
        // A few connections for all clients, as gateways and proxies have: not one for each operator.
        Stage::with_connections(addresses, seed, 4)
    }

    /// A stage whose clients share so many connections to each node.
    #[must_use]
    pub fn with_connections(addresses: Vec<String>, seed: u64, connections: usize) -> Stage {
        let connections = (0..connections.max(1)).map(|_| Connections::default()).collect();
        let (watch, notes) = (Stopwatch::start(), Mutex::default());
        Stage { shared: Arc::new(Shared { addresses, watch, seed, connections, notes }) }
    }

    /// Time since the stage was set.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.shared.watch.elapsed()
    }

    /// The same in nanoseconds: the unit of histories.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// What was asked, answered and seen so far.
    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.shared.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a client is set up that stands nearest to the node at `home`.
    pub(crate) fn session(&self, name: &str, token: &str, home: usize) -> SessionConfig {
        let mut addresses = self.shared.addresses.clone();
        let nodes = addresses.len().max(1);
        addresses.rotate_left(home % nodes);
        let seat = {
            let mut notes = self.notes();
            notes.seats += 1;
            notes.seats
        };
        let watch = self.shared.watch;
        let clock: Clock =
            Arc::new(move || Timestamp(u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX)));
        let mut config =
            SessionConfig::new(addresses, token, name, clock, self.shared.seed.wrapping_add(seat));
        config.connections = self.shared.connections[seat as usize % self.shared.connections.len()].clone();
        config
    }
}

impl Notes {
    fn trace(&mut self, key: &str) -> Option<&mut Trace> {
        self.contacts.get_mut(key)
    }
}
