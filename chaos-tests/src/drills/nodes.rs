//! The drill's cluster: real processes of the `ringmain` binary, on loopback or on hosts of their own, each with its own
//! config, data and log.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use ringmain_routing::NodeId;

use super::disk::succeed;

/// Ports are taken from below the range from which systems give ports to outgoing connections: a node that is started
/// again must find its own ports free.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
const PORTS_PER_NODE: usize = 3;
/// Lines of a node's log that are shown when it ends by itself.
const LOG_LINES_SHOWN: usize = 15;

/// Alerts of a node that it cannot trust its own log; after a crash or lost power it must.
const SUSPICION: &str = "node is suspect";
const PANIC: &str = "panicked at";

/// Ports of a node that has an address of its own: clients, peers, HTTP.
const HOST_PORTS: [u16; PORTS_PER_NODE] = [7_100, 7_101, 7_102];

/// The file that says what a node's wall clock shows.
const CLOCK: &str = "clock";
/// A clock that shows what it is.
pub(super) const CLOCK_IS_RIGHT: &str = "+0";

/// What a drill's nodes have that others have not.
#[derive(Clone, Debug)]
pub(super) struct NodeOptions {
    /// The data folder, relative to the node's own folder.
    pub(super) data_dir: &'static str,
    /// Lines of the config's section of limits.
    pub(super) limits: String,
    /// Whether each node knows itself alone: the first is a cluster of one, the others wait to be taken in.
    pub(super) apart: bool,
    /// How many times longer than usual the nodes wait for each other.
    pub(super) patience: u64,
    /// Regions that the nodes are spread over, in turn; 0 for one each.
    pub(super) regions: usize,
    /// Hosts by place, where nodes have hosts; otherwise they are on loopback.
    pub(super) hosts: Vec<HostAddress>,
    /// The library through which nodes read their wall clocks, where a drill sets these.
    pub(super) faketime: Option<PathBuf>,
}

/// A host for a node.
#[derive(Clone, Debug)]
pub(super) struct HostAddress {
    pub(super) ip: Ipv4Addr,
    /// The file that stands for its network.
    pub(super) network: PathBuf,
}

/// Where a node listens.
#[derive(Clone, Debug)]
struct Listen {
    api: String,
    peer: String,
    http: String,
}

/// The cluster's timeouts as they are when a config does not name them, in milliseconds.
const TIMEOUTS: [(&str, u64); 6] = [
    ("election_min_ms", 100),
    ("election_max_ms", 200),
    ("heartbeat_ms", 30),
    ("ping_ms", 100),
    ("node_lost_ms", 600),
    ("read_only_ms", 1_000),
];

impl Default for NodeOptions {
    fn default() -> Self {
        NodeOptions {
            data_dir: "data",
            limits: String::new(),
            apart: false,
            patience: 1,
            regions: 0,
            hosts: Vec::new(),
            faketime: None,
        }
    }
}

/// One node.
pub(super) struct Node {
    pub(super) node: NodeId,
    /// gRPC for clients.
    pub(super) api: String,
    /// gRPC for other nodes.
    pub(super) peer: String,
    /// HTTP: metrics.
    pub(super) http: String,
    /// The folder of its config, log and data.
    pub(super) home: PathBuf,
    /// The file of its config.
    pub(super) config: PathBuf,
    log: PathBuf,
    network: Option<PathBuf>,
    child: Option<Child>,
    /// Where its log ended when it was last started.
    log_from: u64,
    /// Whether it may end by itself: something is done to it that it should not survive.
    pub(super) may_end: bool,
    /// Whether it may suspect its own log: part of it was taken away.
    pub(super) may_be_suspect: bool,
    /// How its process ended that ended last, by itself.
    ended_with: Option<ExitStatus>,
}

/// All nodes. Dropping it ends the processes that it started, and no others.
pub(super) struct Nodes {
    pub(super) binary: PathBuf,
    nodes: Vec<Node>,
    listens: Vec<Listen>,
    options: NodeOptions,
}

impl Node {
    /// Its process, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What its wall clock shows from now on, as libfaketime has it: `+3600` or `+0 x1.05`.
    pub(super) fn set_clock(&self, to: &str) -> Result<()> {
        let (file, beside) = (self.home.join(CLOCK), self.home.join("clock.new"));
        // Renamed, so that nobody reads half of it.
        fs::write(&beside, to).and_then(|()| fs::rename(&beside, &file)).context("setting a clock")
    }
}

impl Nodes {
    /// Writes the configs of `count` nodes below `folder`; the token file is beside the nodes' folders.
    pub(super) fn prepare(
        folder: &Path,
        binary: &Path,
        count: usize,
        options: &NodeOptions,
    ) -> Result<Nodes> {
        let listens = listens(count, options)?;
        let mut nodes = Vec::new();
        for (place, listen) in listens.iter().enumerate() {
            let home = folder.join(format!("node-{}", place + 1));
            fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
            let (node, Listen { api, peer, http }) = (NodeId(place as u64 + 1), listen.clone());
            nodes.push(Node {
                node,
                api,
                peer,
                http,
                config: home.join("node.toml"),
                log: home.join("node.log"),
                network: options.hosts.get(place).map(|host| host.network.clone()),
                home,
                child: None,
                log_from: 0,
                may_end: false,
                may_be_suspect: false,
                ended_with: None,
            });
        }
        let nodes = Nodes { binary: binary.to_owned(), nodes, listens, options: options.clone() };
        for place in 0..count {
            nodes.write_config(place, options.apart)?;
        }
        Ok(nodes)
    }

    fn write_config(&self, place: usize, apart: bool) -> Result<()> {
        let row = &self.nodes[place];
        let text =
            config_text(place, row.node, &self.listens, &NodeOptions { apart, ..self.options.clone() })?;
        fs::write(&row.config, text).with_context(|| format!("writing {}", row.config.display()))
    }

    /// Gives a node's machine to a new node that is to be taken in: an empty data folder and another id.
    pub(super) fn renew(&mut self, node: NodeId) -> Result<NodeId> {
        let new = NodeId(self.nodes.iter().map(|row| row.node.0).max().unwrap_or_default() + 1);
        let data_dir = self.options.data_dir;
        let row = self.row(node)?;
        let data = row.home.join(data_dir);
        if data.exists() {
            fs::remove_dir_all(&data).with_context(|| format!("emptying {}", data.display()))?;
        }
        row.node = new;
        let place = self.nodes.iter().position(|row| row.node == new).context("the node")?;
        self.write_config(place, true)?;
        Ok(new)
    }

    pub(super) fn all(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.api.clone()).collect()
    }

    /// Starts a node's process on its data.
    pub(super) fn start(&mut self, node: NodeId) -> Result<()> {
        let (binary, faketime) = (self.binary.clone(), self.options.faketime.clone());
        let row = self.row(node)?;
        if row.child.is_some() {
            bail!("node {node} runs already");
        }
        let log = File::options().create(true).append(true).open(&row.log)?;
        row.log_from = log.metadata()?.len();
        let mut command = match &row.network {
            Some(network) => {
                let mut inside = Command::new("nsenter");
                inside.arg(format!("--net={}", network.display())).arg("--").arg(&binary);
                inside
            }
            None => Command::new(&binary),
        };
        if let Some(library) = faketime {
            row.set_clock(CLOCK_IS_RIGHT)?;
            command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", row.home.join(CLOCK));
            command.env("FAKETIME_CACHE_DURATION", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let child = command
            .args(["start", "--until-stdin-closes", "--config"])
            .arg(&row.config)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting node {node} by {}", binary.display()))?;
        row.child = Some(child);
        (row.may_end, row.ended_with) = (false, None);
        Ok(())
    }

    /// Asks a node's process to stop in order; it has ended when [`Nodes::has_ended`] says so.
    pub(super) fn stop(&mut self, node: NodeId) -> Result<()> {
        let row = self.row(node)?;
        let pid = row.pid().with_context(|| format!("node {node} does not run"))?;
        row.may_end = true;
        signal(pid, "TERM")
    }

    /// A node's data folder.
    pub(super) fn data_dir(&self, node: NodeId) -> Result<PathBuf> {
        Ok(self.find(node)?.home.join(self.options.data_dir))
    }

    /// What a node has written to its log since it was last started.
    pub(super) fn said(&self, node: NodeId) -> String {
        let Some(row) = self.nodes.iter().find(|row| row.node == node) else { return String::new() };
        let log = fs::read(&row.log).unwrap_or_default();
        let from = usize::try_from(row.log_from).unwrap_or(usize::MAX).min(log.len());
        String::from_utf8_lossy(&log[from..]).into_owned()
    }

    /// A node of that id, to be told of.
    pub(super) fn find(&self, node: NodeId) -> Result<&Node> {
        self.nodes.iter().find(|row| row.node == node).with_context(|| format!("there is no node {node}"))
    }

    /// Ends a node's process at once, without a word to it.
    pub(super) fn kill(&mut self, node: NodeId) -> Result<()> {
        let row = self.row(node)?;
        let Some(mut child) = row.child.take() else { bail!("node {node} does not run") };
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Whether a node's process has ended, and from then on counts as not running.
    pub(super) fn has_ended(&mut self, node: NodeId) -> bool {
        let Ok(row) = self.row(node) else { return true };
        let has_ended = row.child.as_mut().is_none_or(|child| matches!(child.try_wait(), Ok(Some(_))));
        if let Some(mut child) = row.child.take_if(|_| has_ended) {
            row.ended_with = child.try_wait().ok().flatten();
        }
        has_ended
    }

    /// Whether a node that has ended by itself had no mistake to tell.
    pub(super) fn ended_in_order(&self, node: NodeId) -> bool {
        self.find(node).is_ok_and(|row| row.ended_with.is_some_and(|status| status.success()))
    }

    /// Fails with the end of its log when a node that was not killed has ended.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        for row in &mut self.nodes {
            if row.may_end {
                continue;
            }
            let Some(child) = &mut row.child else { continue };
            if let Some(status) = child.try_wait()? {
                let log = fs::read_to_string(&row.log).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let end = lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n");
                bail!("node {} has ended by itself ({status}); the end of its log:\n{end}", row.node);
            }
        }
        Ok(())
    }

    /// What nodes have written about logs that they cannot trust, and about mistakes of their own making.
    pub(super) fn suspicions(&self) -> Vec<String> {
        let of = |row: &Node| {
            let log = fs::read_to_string(&row.log).unwrap_or_default();
            let line = |words: &str| log.lines().find(|line| line.contains(words)).map(str::to_owned);
            let suspect = line(SUSPICION).filter(|_| !row.may_be_suspect);
            let suspect = suspect.map(|line| format!("node {} suspects its own log: {line}", row.node));
            let panicked = line(PANIC).map(|line| format!("node {} panicked: {line}", row.node));
            suspect.into_iter().chain(panicked).collect::<Vec<_>>()
        };
        self.nodes.iter().flat_map(of).collect()
    }

    pub(super) fn row(&mut self, node: NodeId) -> Result<&mut Node> {
        self.nodes.iter_mut().find(|row| row.node == node).with_context(|| format!("there is no node {node}"))
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for row in &mut self.nodes {
            if let Some(mut child) = row.child.take() {
                // A process that has ended by itself is as good as one ended here.
                let _ended = child.kill().and_then(|()| child.wait());
            }
        }
    }
}

/// Sends a signal to a process of ours.
pub(super) fn signal(pid: u32, name: &str) -> Result<()> {
    succeed(Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()))
}

fn listens(count: usize, options: &NodeOptions) -> Result<Vec<Listen>> {
    let at = |ip: Ipv4Addr, [api, peer, http]: [u16; PORTS_PER_NODE]| Listen {
        api: format!("{ip}:{api}"),
        peer: format!("{ip}:{peer}"),
        http: format!("{ip}:{http}"),
    };
    if !options.hosts.is_empty() {
        return Ok(options.hosts.iter().take(count).map(|host| at(host.ip, HOST_PORTS)).collect());
    }
    let ports = free_ports(count * PORTS_PER_NODE)?;
    Ok(ports.as_chunks().0.iter().map(|ports| at(Ipv4Addr::LOCALHOST, *ports)).collect())
}

fn config_text(place: usize, node: NodeId, listens: &[Listen], options: &NodeOptions) -> Result<String> {
    let Listen { api, peer, http } = &listens[place];
    let is_first = node == NodeId(1);
    let join = if options.apart && !is_first { "join = true\n" } else { "" };
    let mut text = format!(
        "cluster = \"drill\"\nnode = {node}\n{join}data_dir = \"{}\"\ntokens = \"../tokens.toml\"\n\n[listen]\n\
         api = \"{api}\"\npeer = \"{peer}\"\nhttp = \"{http}\"\n",
        options.data_dir
    );
    let known = |other: &usize| !options.apart || *other == place;
    for (other, Listen { api, peer, .. }) in listens.iter().enumerate().filter(|(other, _)| known(other)) {
        let id = if other == place { node } else { NodeId(other as u64 + 1) };
        let regions = if options.regions == 0 { listens.len() } else { options.regions };
        write!(
            text,
            "\n[[peers]]\nnode = {id}\nregion = \"region-{}\"\npeer = \"{peer}\"\napi = \"{api}\"\n",
            other % regions + 1
        )?;
    }
    if options.patience > 1 {
        text += "\n[timeouts]\n";
        TIMEOUTS.iter().try_for_each(|(name, ms)| writeln!(text, "{name} = {}", ms * options.patience))?;
    }
    write!(text, "\n[limits]\n{}", options.limits)?;
    Ok(text)
}

/// Ports that nobody listens on; held all at once, so that they differ. Two drills begin at different places.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let begin = (std::process::id() as usize * 30) % PORTS.len();
    let candidates = PORTS.skip(begin).chain(PORTS.take(begin));
    let held: Vec<TcpListener> = candidates.filter_map(|port| bind(port).ok()).take(count).collect();
    if held.len() < count {
        bail!("no {count} free ports on 127.0.0.1 between {} and {}", PORTS.start, PORTS.end);
    }
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
}
