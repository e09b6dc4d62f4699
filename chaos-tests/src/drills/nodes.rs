//! The drill's cluster: real processes of the `ringmain` binary on loopback, each with its own config, data and log.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use ringmain_routing::NodeId;

/// Ports are taken from below the range from which systems give ports to outgoing connections: a node that is started
/// again must find its own ports free.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
const PORTS_PER_NODE: usize = 3;
/// Lines of a node's log that are shown when it ends by itself.
const LOG_LINES_SHOWN: usize = 15;

/// Alerts of a node that it cannot trust its own log; after a crash or lost power it must.
const SUSPICION: &str = "node is suspect";

/// What a drill's nodes have that others have not.
#[derive(Clone, Debug)]
pub(super) struct NodeOptions {
    /// The data folder, relative to the node's own folder.
    pub(super) data_dir: &'static str,
    /// Lines of the config's section of limits.
    pub(super) limits: &'static str,
    /// Whether each node knows itself alone: the first is a cluster of one, the others wait to be taken in.
    pub(super) apart: bool,
    /// How many times longer than usual the nodes wait for each other.
    pub(super) patience: u64,
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
        NodeOptions { data_dir: "data", limits: "", apart: false, patience: 1 }
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
    config: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

/// All nodes. Dropping it ends the processes that it started, and no others.
pub(super) struct Nodes {
    binary: PathBuf,
    nodes: Vec<Node>,
}

impl Node {
    /// Its process, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
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
        let ports = free_ports(count * PORTS_PER_NODE)?;
        let ports: Vec<[u16; PORTS_PER_NODE]> = ports.as_chunks().0.to_vec();
        let mut nodes = Vec::new();
        for (place, [api, peer, http]) in ports.iter().enumerate() {
            let home = folder.join(format!("node-{}", place + 1));
            fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
            let config = home.join("node.toml");
            let text = config_text(place, &ports, options)?;
            fs::write(&config, text).with_context(|| format!("writing {}", config.display()))?;
            nodes.push(Node {
                node: NodeId(place as u64 + 1),
                api: format!("127.0.0.1:{api}"),
                peer: format!("127.0.0.1:{peer}"),
                http: format!("127.0.0.1:{http}"),
                config,
                log: home.join("node.log"),
                home,
                child: None,
            });
        }
        Ok(Nodes { binary: binary.to_owned(), nodes })
    }

    pub(super) fn all(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.api.clone()).collect()
    }

    /// Starts a node's process on its data.
    pub(super) fn start(&mut self, node: NodeId) -> Result<()> {
        let binary = self.binary.clone();
        let row = self.row(node)?;
        if row.child.is_some() {
            bail!("node {node} runs already");
        }
        let log = File::options().create(true).append(true).open(&row.log)?;
        let child = Command::new(&binary)
            .args(["start", "--until-stdin-closes", "--config"])
            .arg(&row.config)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting node {node} by {}", binary.display()))?;
        row.child = Some(child);
        Ok(())
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
        if has_ended {
            row.child = None;
        }
        has_ended
    }

    /// Fails with the end of its log when a node that was not killed has ended.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        for row in &mut self.nodes {
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

    /// What nodes have written about logs that they cannot trust.
    pub(super) fn suspicions(&self) -> Vec<String> {
        let of = |row: &Node| {
            let log = fs::read_to_string(&row.log).unwrap_or_default();
            let line = log.lines().find(|line| line.contains(SUSPICION))?;
            Some(format!("node {} suspects its own log: {line}", row.node))
        };
        self.nodes.iter().filter_map(of).collect()
    }

    fn row(&mut self, node: NodeId) -> Result<&mut Node> {
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

fn config_text(place: usize, ports: &[[u16; PORTS_PER_NODE]], options: &NodeOptions) -> Result<String> {
    let [api, peer, http] = ports[place];
    let join = if options.apart && place > 0 { "join = true\n" } else { "" };
    let mut text = format!(
        "cluster = \"drill\"\nnode = {}\n{join}data_dir = \"{}\"\ntokens = \"../tokens.toml\"\n\n[listen]\n\
         api = \"127.0.0.1:{api}\"\npeer = \"127.0.0.1:{peer}\"\nhttp = \"127.0.0.1:{http}\"\n",
        place + 1,
        options.data_dir
    );
    let known = |other: &usize| !options.apart || *other == place;
    for (place, [api, peer, _]) in ports.iter().enumerate().filter(|(other, _)| known(other)) {
        write!(
            text,
            "\n[[peers]]\nnode = {}\nregion = \"region-{}\"\npeer = \"127.0.0.1:{peer}\"\napi = \"127.0.0.1:{api}\"\n",
            place + 1,
            place + 1
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
