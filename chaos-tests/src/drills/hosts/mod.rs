//! Hosts: every node has a network of its own, clients have one for each region, and a switch in this program is the
//! only way between them.
//!
//! Addresses are of 198.18.0.0/15, which is set aside for tests of networks; there is no way out.

mod device;
mod links;
mod switch;

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Handle, Runtime};

pub(super) use links::{Port, Rule, RuleId};

use super::disk::succeed;
use super::nodes::HostAddress;
use switch::Switch;

/// Where `ip netns` keeps the files that stand for networks.
const NETWORKS: &str = "/run/netns";
const DEVICE: &str = "line";
const MTU: &str = "1500";
/// Third byte of the addresses of nodes, of clients, and of the drill itself.
const NODES: u8 = 0;
const CLIENTS: u8 = 1;
const DRILL: u8 = 2;

/// All hosts of a drill. They are gone with it: they live in networks that only this process and its nodes have.
pub(super) struct Hosts {
    switch: Switch,
    nodes: usize,
    regions: Vec<Region>,
}

/// Clients of a region: a thread on a host of theirs.
struct Region {
    runtime: Option<Runtime>,
}

impl Hosts {
    /// Makes hosts for nodes and regions, and one for the drill itself, whose line never fails.
    pub(super) fn build(nodes: usize, regions: usize, seed: u64) -> Result<Hosts> {
        // Names of networks are files; those of this drill are on a disk in memory that is gone with it.
        succeed(Command::new("mount").args(["-t", "tmpfs", "tmpfs", "/run"]))?;
        fs::create_dir_all(NETWORKS)?;
        succeed(Command::new("ip").args(["link", "set", "lo", "up"]))?;
        let mut lines = Vec::new();
        for place in 0..nodes {
            lines.push(line(NODES, place, Some(&format!("node-{}", place + 1)))?);
        }
        for place in 0..regions {
            lines.push(line(CLIENTS, place, Some(&format!("region-{}", place + 1)))?);
        }
        lines.push(line(DRILL, 0, None)?);
        let switch = Switch::start(lines, seed)?;
        let regions = (0..regions).map(Region::open).collect::<Result<_>>()?;
        Ok(Hosts { switch, nodes, regions })
    }

    /// Where nodes live, by place.
    pub(super) fn addresses(&self) -> Vec<HostAddress> {
        let of = |place| HostAddress {
            ip: address(NODES, place),
            network: PathBuf::from(NETWORKS).join(format!("node-{}", place + 1)),
        };
        (0..self.nodes).map(of).collect()
    }

    /// The place at the switch of a node.
    pub(super) fn node(&self, place: usize) -> Port {
        place
    }

    /// The place at the switch of a region's clients.
    pub(super) fn clients(&self, region: usize) -> Port {
        self.nodes + region
    }

    /// The places of all nodes and clients, without that of the drill.
    pub(super) fn everybody(&self) -> Vec<Port> {
        (0..self.nodes + self.regions.len()).collect()
    }

    /// Regions with clients.
    pub(super) fn regions(&self) -> usize {
        self.regions.len()
    }

    /// What runs there has its sockets on the host of the region's clients.
    pub(super) fn region(&self, region: usize) -> Option<&Handle> {
        self.regions.get(region).and_then(|region| region.runtime.as_ref()).map(Runtime::handle)
    }

    /// Puts a rule in force on the lines.
    pub(super) fn add(&self, rule: Rule) -> RuleId {
        self.switch.add(rule)
    }

    /// Takes a rule away.
    pub(super) fn remove(&self, rule: RuleId) {
        self.switch.remove(rule);
    }

    /// Time of the switch, from which flapping counts.
    pub(super) fn now(&self) -> std::time::Duration {
        self.switch.now()
    }

    /// Packets kept back by cuts, and packets lost on bad lines.
    pub(super) fn kept_back(&self) -> (u64, u64) {
        self.switch.kept_back()
    }
}

fn address(kind: u8, place: usize) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, kind, u8::try_from(place + 1).unwrap_or(u8::MAX))
}

/// A host's device and its address; in a network of that name, or in the drill's own.
fn line(kind: u8, place: usize, network: Option<&str>) -> Result<(Ipv4Addr, File)> {
    let ip = address(kind, place);
    let device = format!("{DEVICE}{kind}-{place}");
    let file = device::make(&device)?;
    let mut inside = Vec::new();
    if let Some(network) = network {
        succeed(Command::new("ip").args(["netns", "add", network]))?;
        succeed(Command::new("ip").args(["link", "set", &device, "netns", network]))?;
        inside = vec!["-n", network];
    }
    let ip_with_net = format!("{ip}/15");
    let run = |words: &[&str]| succeed(Command::new("ip").args(&inside).args(words));
    run(&["link", "set", "lo", "up"])?;
    run(&["addr", "add", &ip_with_net, "dev", &device])?;
    run(&["link", "set", &device, "mtu", MTU, "up"])?;
    Ok((ip, file))
}

impl Region {
    fn open(place: usize) -> Result<Region> {
        let name = format!("region-{}", place + 1);
        let network = PathBuf::from(NETWORKS).join(&name);
        // A thread that cannot move would speak for the wrong host: it must not go on.
        let moves = move || device::move_thread(&network).expect("the region's network exists");
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(&name)
            .on_thread_start(moves)
            .enable_all()
            .build()
            .with_context(|| format!("starting the thread of {name}"))?;
        Ok(Region { runtime: Some(runtime) })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
