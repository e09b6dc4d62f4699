//! The demo's cluster: real node processes of this same program, each with its own data folder and ports.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use ringmain_cluster_config::{
    Listen, LogConfig, NodeConfig, NodeLimits, PeerConfig, TelemetryConfig, Timeouts,
};
use ringmain_routing::NodeId;

/// Business regions of the demo's nodes, in the order of the nodes.
pub const REGIONS: [&str; 5] = ["north", "south", "east", "west", "centre"];

/// One node of the demo.
pub struct DemoNode {
    /// Which.
    pub node: NodeId,
    /// Its business region.
    pub region: &'static str,
    /// gRPC for clients.
    pub api: String,
    /// HTTP: metrics, livez, readyz.
    pub http: String,
    config: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

/// All nodes of the demo. Dropping it ends the processes it started, and no others.
pub struct DemoCluster {
    nodes: Vec<DemoNode>,
}

impl DemoCluster {
    /// Writes the configs of `count` nodes below `folder` and starts them.
    ///
    /// # Errors
    /// A folder or file cannot be written, or a process cannot be started.
    pub fn start(folder: &Path, count: usize) -> Result<DemoCluster> {
        let ports = free_ports(count * 3).context("looking for free ports on 127.0.0.1")?;
        let address = |place: usize, of: usize| format!("127.0.0.1:{}", ports[place * 3 + of]);
        let peers: Vec<PeerConfig> = (0..count)
            .map(|place| PeerConfig {
                node: NodeId(place as u64 + 1),
                region: REGIONS[place].to_owned(),
                peer: address(place, 1),
                api: address(place, 0),
            })
            .collect();
        let mut nodes = Vec::with_capacity(count);
        for (place, peer) in peers.iter().enumerate() {
            let home = folder.join(format!("node-{}", peer.node));
            fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
            let listen = Listen { api: peer.api.clone(), peer: peer.peer.clone(), http: address(place, 2) };
            let config = node_config(peer.node, listen, &peers);
            let path = home.join("node.toml");
            fs::write(&path, config.to_toml()).with_context(|| format!("writing {}", path.display()))?;
            nodes.push(DemoNode {
                node: peer.node,
                region: REGIONS[place],
                api: peer.api.clone(),
                http: config.listen.http,
                config: path,
                log: home.join("node.log"),
                child: None,
            });
        }
        let mut cluster = DemoCluster { nodes };
        for place in 0..count {
            cluster.nodes[place].start()?;
        }
        Ok(cluster)
    }

    /// The nodes in the order of their numbers.
    pub fn nodes(&self) -> &[DemoNode] {
        &self.nodes
    }

    /// API addresses of all nodes.
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.api.clone()).collect()
    }

    /// Ends a node's process at once, as a power cut would.
    ///
    /// # Errors
    /// The node is not running.
    pub fn kill(&mut self, node: NodeId) -> Result<()> {
        self.node_mut(node)?.kill()
    }

    /// Starts a node's process again on its data.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn restart(&mut self, node: NodeId) -> Result<()> {
        self.node_mut(node)?.start()
    }

    /// Nodes whose process does not run.
    pub fn stopped(&mut self) -> Vec<NodeId> {
        self.nodes.iter_mut().filter_map(|node| (!node.is_running()).then_some(node.node)).collect()
    }

    /// The end of a log file, for an error message.
    pub fn log_tail(&self, node: NodeId) -> String {
        let path = self.nodes.iter().find(|row| row.node == node).map(|row| row.log.clone());
        let text = path.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    fn node_mut(&mut self, node: NodeId) -> Result<&mut DemoNode> {
        self.nodes
            .iter_mut()
            .find(|row| row.node == node)
            .with_context(|| format!("no node {node} in the demo"))
    }
}

impl Drop for DemoCluster {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // A node that ended by itself is as good as one ended here.
            let _ended = node.kill();
        }
    }
}

impl DemoNode {
    /// Whether its process runs.
    pub fn is_running(&mut self) -> bool {
        self.exit_status().is_none() && self.child.is_some()
    }

    fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }

    fn start(&mut self) -> Result<()> {
        if self.is_running() {
            bail!("node {} runs already", self.node);
        }
        let log = File::options().create(true).append(true).open(&self.log)?;
        let program = std::env::current_exe().context("finding this program's own file")?;
        let child = Command::new(program)
            .args(["start", "--until-stdin-closes", "--config"])
            .arg(&self.config)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting node {}", self.node))?;
        self.child = Some(child);
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { bail!("node {} does not run", self.node) };
        child.kill()?;
        child.wait()?;
        Ok(())
    }
}

fn node_config(node: NodeId, listen: Listen, peers: &[PeerConfig]) -> NodeConfig {
    NodeConfig {
        join: false,
        cluster: "demo".to_owned(),
        node,
        data_dir: PathBuf::from("data"),
        tokens: PathBuf::from("../tokens.toml"),
        listen,
        peers: peers.to_vec(),
        timeouts: Timeouts::default(),
        limits: NodeLimits::default(),
        log: LogConfig::default(),
        telemetry: TelemetryConfig::default(),
    }
}

/// Ports that nobody listens on now; held all at once, so that they differ.
fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let listeners = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<Vec<_>>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}
