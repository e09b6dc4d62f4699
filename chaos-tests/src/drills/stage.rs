//! The clients of a drill on a stage that somebody else builds: over a network of another kind and in another time, as
//! in the tests that run whole nodes over simulated TCP.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::join_all;
use ringmain_protocol::client::{AdminClient, CallConfig};
use ringmain_protocol::wire::Dialer;
use ringmain_routing::{ContactId, LogIndex, NodeId};

use super::centre::{ADMIN, Centre, Secrets, furnish, gateway_name, login};
use super::gateway::{GatewaySeat, Habits};
use super::journal::Journal;
pub use super::journal::Watch;
use super::operator::OperatorSeat;
use super::scan::scan_over;
use crate::checker::{ClientOpKind, Delivery, NodeScan, OpResult, Verdict, continuity, judge};

/// How long a seat waits for its last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// Attempts to find all nodes at the same log index.
const SCANS_MAX: usize = 10;

/// A centre with its gateways and operators.
#[derive(Clone)]
pub struct Stage {
    addresses: Vec<String>,
    journal: Journal,
    centre: Centre,
    rate: u32,
}

/// Those who sit at one node.
pub struct Cast {
    gateways: Vec<GatewaySeat>,
    operators: Vec<OperatorSeat>,
}

impl Stage {
    /// A centre for nodes with these API addresses, and so many contacts a second of all gateways together.
    #[must_use]
    pub fn new(addresses: Vec<String>, salt: u64, rate: u32, dialer: Dialer, watch: Watch) -> Stage {
        let journal = Journal::over(addresses.clone(), Secrets(salt), Some(dialer), watch);
        let centre = Centre::for_rate(addresses.len(), rate);
        Stage { addresses, journal, centre, rate }
    }

    /// Writes the token file of all nodes into a folder, as `tokens.toml`.
    ///
    /// # Errors
    /// The folder takes no file.
    pub fn write_tokens(&self, folder: &Path) -> Result<()> {
        self.journal.secrets.write(folder, self.centre)
    }

    /// Puts plan and operators into the empty cluster.
    ///
    /// # Errors
    /// No node takes them.
    pub async fn furnish(&self) -> Result<()> {
        furnish(&self.admin(self.addresses.clone())?, self.centre).await
    }

    /// Puts the gateways and operators of one node's region to work.
    ///
    /// # Errors
    /// A client cannot be set up.
    pub fn seat(&self, place: usize) -> Result<Cast> {
        let nodes = self.addresses.len();
        let every = Duration::from_secs(1) * self.centre.gateways() as u32 / self.rate.max(1);
        let here = |other: &usize| other % nodes == place;
        let gateway =
            |other| GatewaySeat::take(&self.journal, &gateway_name(other), place, every, Habits::default());
        let operator = |other| OperatorSeat::take(&self.journal, &login(other), place);
        Ok(Cast {
            gateways: (0..self.centre.gateways()).filter(here).map(gateway).collect::<Result<_>>()?,
            operators: (0..self.centre.operators()).filter(here).map(operator).collect::<Result<_>>()?,
        })
    }

    /// Accepted contacts whose end no gateway has heard of.
    #[must_use]
    pub fn open(&self) -> usize {
        self.journal.notes().open.len()
    }

    /// What the history has of contacts whose end no gateway has heard of, contact by contact.
    #[must_use]
    pub fn stories_of_open(&self, scans: &[NodeScan]) -> Vec<String> {
        let history = scans.first().map_or(&[][..], |scan| &scan.history);
        let notes = self.journal.notes();
        let ids = notes.ops.iter().filter_map(|op| {
            let ClientOpKind::Push { key } = &op.op else { return None };
            let OpResult::Done { contact: Some(contact), .. } = &op.result else { return None };
            notes.open.contains(&(op.client.clone(), key.clone())).then_some((key, *contact))
        });
        let story = |(key, contact): (&String, ContactId)| {
            let id = format!("{contact:?}");
            let lines = history.iter().filter_map(|entry| {
                let line =
                    format!("{} {:?} {:?} {:?}", entry.log_index, entry.at, entry.command, entry.outcome);
                line.contains(&id).then_some(line)
            });
            format!("{key}: {}", lines.collect::<Vec<_>>().join("\n"))
        };
        ids.map(story).collect()
    }

    /// Operations answered so far.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.journal.notes().ops.len()
    }

    /// The highest log index that a node which answers has applied, and the leader that it names.
    pub async fn look(&self) -> Vec<Option<(LogIndex, u64)>> {
        let of = |address: &String| {
            let admin = self.admin(vec![address.clone()]);
            async move {
                let status = admin.ok()?.cluster_status().await.ok()?;
                Some((LogIndex(status.stamp?.log_index), status.leader))
            }
        };
        join_all(self.addresses.iter().map(of)).await
    }

    /// Scans all nodes, at the same log index; nothing may be asked of them meanwhile.
    ///
    /// # Errors
    /// A node does not answer, or they do not come to the same index.
    pub async fn scan(&self) -> Result<Vec<NodeScan>> {
        let token = self.journal.secrets.token("admin", ADMIN);
        let mut goal = LogIndex(0);
        for _ in 0..SCANS_MAX {
            let numbered = (1..).zip(&self.addresses);
            let scan_one = |(node, address): (u64, &String)| {
                let (connections, address, token) =
                    (self.journal.connections(), address.clone(), token.clone());
                async move { scan_over(connections, NodeId(node), &address, &token, goal).await }
            };
            let scans = join_all(numbered.map(scan_one)).await.into_iter().collect::<Result<Vec<_>>>()?;
            let highest = scans.iter().map(|scan| scan.state.index()).max();
            let lowest = scans.iter().map(|scan| scan.state.index()).min();
            if highest == lowest {
                return Ok(scans);
            }
            goal = highest.unwrap_or(goal);
        }
        anyhow::bail!("the nodes do not come to the same log index")
    }

    /// Judges what the clients wrote down by the final states and histories of all nodes; beside the verdict the
    /// sentences about clients that stopped or missed something.
    #[must_use]
    pub fn judge(&self, scans: &[NodeScan]) -> (Verdict, Vec<String>) {
        let notes = self.journal.notes();
        let history = scans.first().map_or(&[][..], |scan| &scan.history);
        let mut problems = notes.clients_stopped.clone();
        let until = scans.first().map_or(LogIndex(0), |scan| scan.state.index());
        for (client, deliveries) in &notes.deliveries {
            let deliveries: &[Delivery] = deliveries;
            let found = continuity(client, deliveries, history, until);
            if found.missed + found.repeated > 0 {
                problems.push(format!("{client}: {found:?}"));
            }
        }
        (judge(&notes.ops, &notes.seen, scans), problems)
    }

    fn admin(&self, addresses: Vec<String>) -> Result<AdminClient> {
        let token = self.journal.secrets.token("admin", ADMIN);
        let config = CallConfig::new(addresses, &token);
        let config = CallConfig { connections: self.journal.connections(), ..config };
        AdminClient::new(&config).context("setting up a client")
    }
}

impl Cast {
    /// No new contacts from here on.
    pub async fn stop_pushing(&self) {
        join_all(self.gateways.iter().map(GatewaySeat::stop_pushing)).await;
    }

    /// Signs everybody out once their last answers are there.
    pub async fn leave(self) {
        join_all(self.operators.into_iter().map(|seat| seat.leave(LAST_ANSWERS))).await;
        join_all(self.gateways.into_iter().map(|seat| seat.leave(LAST_ANSWERS))).await;
    }
}

/// A watch that reads zero at first and moves only when it is set.
pub fn set_watch() -> (Watch, impl Fn(Duration) + Send + Sync) {
    let nanos = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let read = Arc::clone(&nanos);
    let watch: Watch =
        Arc::new(move || Duration::from_nanos(read.load(std::sync::atomic::Ordering::Relaxed)));
    let set = move |elapsed: Duration| {
        nanos.store(elapsed.as_nanos() as u64, std::sync::atomic::Ordering::Relaxed);
    };
    (watch, set)
}
