//! What the cluster is held against: databases and queues in which the same life cycle can be had, three servers each,
//! set up as their own documentation says one would for durability. docs/PERFORMANCE.md ("Peers") says how and why.

mod clients;
mod etcd;
mod etcd_api;
mod nats;
mod nats_wire;
mod postgres;
mod redis;
mod resp;
mod start;
mod tally;
mod tally_page;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use futures::future::BoxFuture;
use serde::Serialize;

pub use self::tally::{Contender, Medians, Summary, TALLY_FORMAT, Tally, Turn};

use self::clients::{Clients, Shop};
use super::book::Book;
use super::figures::{Class, Setup};
use super::port::Port;
use super::rig::Rig;
use super::system::{Counters, Syncs, System};
use crate::play::Stage;
use crate::servers::Server;
use crate::task::Owned;
use crate::usage::{Disk, Usage};

/// Servers of operators' desktops: one beside each node.
const DESKS: usize = 3;

/// A database or queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// A relational database.
    Postgres,
    /// A store of data structures in memory with a log on disk.
    Redis,
    /// A replicated store of keys, by Raft.
    Etcd,
    /// A message system with replicated streams.
    Nats,
}

/// What a peer keeps of what a cluster of ours promises.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Promise {
    /// What is on which disks when the gateway has its answer.
    pub durable: &'static str,
    /// How a contact comes to one operator.
    pub assignment: &'static str,
    /// In which order contacts are assigned.
    pub order: &'static str,
}

/// What a cluster of ours promises.
pub const OURS: Promise = Promise {
    durable: "on the disks of two of three nodes; a leader is elected by itself",
    assignment: "one step with the push or the completion, by the cluster; the operator is told",
    order: "by tier, then the oldest, exactly",
};

/// A peer with everybody at work. Dropping it ends them all.
pub struct Beside {
    tier_0: Vec<Port>,
    others: Vec<Port>,
    shop: Shop,
    _tasks: Vec<Owned>,
    observer: Option<Box<dyn Observer>>,
    /// Dropped last: clients go before the servers.
    servers: Vec<Server>,
}

/// Servers that run, and connections to them.
struct Opened {
    servers: Vec<Server>,
    clients: Clients,
    observer: Option<Box<dyn Observer>>,
}

/// Asks servers what the system does not say of them.
trait Observer: Send + Sync {
    /// In the order of the servers.
    fn observe(&self) -> BoxFuture<'_, anyhow::Result<Vec<Observed>>>;
}

/// What a server says of itself.
#[derive(Clone, Copy, Debug)]
struct Observed {
    is_leader: bool,
    /// Absent where it does not count them.
    syncs: Option<Syncs>,
}

impl Peer {
    /// All of them.
    pub const ALL: [Peer; 4] = [Peer::Postgres, Peer::Redis, Peer::Etcd, Peer::Nats];

    /// Its name in commands and tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Peer::Postgres => "postgres",
            Peer::Redis => "redis",
            Peer::Etcd => "etcd",
            Peer::Nats => "nats",
        }
    }

    /// The package of the distribution that holds it.
    #[must_use]
    pub fn package(self) -> &'static str {
        match self {
            Peer::Postgres => "postgresql",
            Peer::Redis => "redis-server",
            Peer::Etcd => "etcd-server",
            Peer::Nats => "nats-server",
        }
    }

    /// Its programs on this machine; `None` without them.
    #[must_use]
    pub fn programs(self) -> Option<PathBuf> {
        match self {
            Peer::Postgres => postgres::programs(),
            Peer::Redis => start::find("redis-server"),
            Peer::Etcd => start::find("etcd"),
            Peer::Nats => start::find("nats-server"),
        }
    }

    /// Version of these programs, as they say themselves.
    ///
    /// # Errors
    /// They do not say.
    pub fn version(self, programs: &Path) -> anyhow::Result<String> {
        let program = match self {
            Peer::Postgres => programs.join("postgres"),
            Peer::Redis | Peer::Etcd | Peer::Nats => programs.to_owned(),
        };
        let mut command = start::tied(&program, "KILL", None);
        command.arg("--version");
        let text = start::output(command)?;
        let mut words = text.split_whitespace().map(|word| word.trim_start_matches(['v', '=']));
        let found = words.find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        Ok(found.context("no version in what it prints")?.to_owned())
    }

    /// What it keeps of what a cluster of ours promises.
    #[must_use]
    pub fn promise(self) -> Promise {
        match self {
            Peer::Postgres => Promise {
                durable: "on the primary's disk and one standby's; a new primary needs a tool or a hand",
                assignment: "a transaction of its own after a notification, by whoever asks first",
                order: "by tier, then the oldest, but for rows that another desk has locked",
            },
            Peer::Redis => Promise {
                durable: "on the primary's disk and in one replica's memory; a failover may lose what was confirmed",
                assignment: "one step with the push or the completion, by a script; the operator pops it",
                order: "by tier, then the oldest, exactly",
            },
            Peer::Etcd => Promise {
                durable: "on the disks of two of three members; a leader is elected by itself",
                assignment: "a transaction of its own after a watch, by a dispatcher that has to be elected anew",
                order: "by tier, then the oldest, as the dispatcher has heard of them",
            },
            Peer::Nats => Promise {
                durable: "in files of two of three servers, which sync them every two minutes; a leader is elected by itself",
                assignment: "no step of its own: it is the delivery",
                order: "the oldest; there are no priorities",
            },
        }
    }
}

impl Rig<Beside> {
    /// Starts a peer's servers below a folder and connects everybody.
    ///
    /// # Errors
    /// A server cannot be started, or ends, or is not ready within a minute.
    pub async fn open(
        setup: &Setup,
        peer: Peer,
        programs: &Path,
        folder: &Path,
    ) -> anyhow::Result<Rig<Beside>> {
        let opened = match peer {
            Peer::Postgres => postgres::open(setup, programs, folder).await,
            Peer::Redis => redis::open(setup, programs, folder).await,
            Peer::Etcd => etcd::open(setup, programs, folder).await,
            Peer::Nats => nats::open(setup, programs, folder).await,
        };
        let Opened { servers, clients, observer } = opened.context(peer.word())?;
        let (stage, book) = (Stage::new(Vec::new(), setup.seed), Book::new());
        let shop = Shop::new(&stage, &book, setup);
        let (mut ports, mut tasks) = (Vec::new(), Vec::new());
        for (gate, number) in clients.gates.into_iter().zip(0..) {
            let (port, task) = shop.gateway(gate, (number, setup.window));
            ports.push(port);
            tasks.push(task);
        }
        for (number, desk) in clients.desks.into_iter().enumerate() {
            tasks.extend(shop.desk(desk, number));
        }
        tasks.extend(clients.agents.into_iter().map(|agent| shop.agent(agent)));
        let others = ports.split_off(setup.gateways_of_tier_0);
        let beside = Beside { tier_0: ports, others, shop, _tasks: tasks, observer, servers };
        Ok(Rig::new(setup.clone(), (stage, book, Disk::below(folder)?), beside))
    }
}

impl System for Beside {
    fn ports(&self, class: Class) -> Vec<Port> {
        match class {
            Class::Tier0 => self.tier_0.clone(),
            Class::Others => self.others.clone(),
        }
    }

    fn check_running(&mut self) -> anyhow::Result<()> {
        self.servers.iter_mut().try_for_each(Server::check_running)?;
        self.shop.check()
    }

    async fn counters(&self) -> anyhow::Result<Vec<Counters>> {
        // The first server leads where nobody says otherwise: it was set up so.
        let unasked = |place: usize| Observed { is_leader: place == 0, syncs: None };
        let observed = match &self.observer {
            Some(observer) => observer.observe().await?,
            None => (0..self.servers.len()).map(unasked).collect(),
        };
        let of = |(server, observed): (&Server, Observed)| {
            let Observed { is_leader, syncs } = observed;
            Ok(Counters { usage: Usage::of_tree(server.process())?, is_leader, syncs, ..Counters::default() })
        };
        self.servers.iter().zip(observed).map(of).collect()
    }
}
