//! Three real node processes for the idle benchmark, and what the system says of them.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

/// How many nodes.
pub const NODES: usize = 3;
/// Ticks per second of the times in /proc: a constant of Linux for programs outside the kernel.
const TICKS_PER_S: f64 = 100.0;

/// Running nodes. Dropping it ends the processes that it started, and no others.
pub struct IdleCluster {
    nodes: Vec<Node>,
}

struct Node {
    api: String,
    log: PathBuf,
    process: Child,
}

/// What one process has used since it began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time in seconds.
    pub processor_s: f64,
    /// Bytes handed to the disk.
    pub written_bytes: u64,
}

impl IdleCluster {
    /// Writes the configs of the nodes below `folder` and starts `program` for each. `tokens` are (role, name, token).
    ///
    /// # Errors
    /// A file cannot be written or a process not started.
    pub fn start(
        program: &Path,
        folder: &Path,
        tokens: &[(&str, String, String)],
    ) -> anyhow::Result<IdleCluster> {
        let mut text = String::new();
        for (role, name, token) in tokens {
            writeln!(text, "[[tokens]]\ntoken = \"{token}\"\nname = \"{name}\"\nrole = \"{role}\"\n")?;
        }
        fs::write(folder.join("tokens.toml"), text).context("writing tokens.toml")?;
        let ports = free_ports(3 * NODES).context("looking for free ports on 127.0.0.1")?;
        let addresses: Vec<[String; 3]> =
            ports.chunks_exact(3).map(|three| [0, 1, 2].map(|i| format!("127.0.0.1:{}", three[i]))).collect();
        let mut cluster = IdleCluster { nodes: Vec::new() };
        for place in 0..NODES {
            let home = folder.join(format!("node-{}", place + 1));
            fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
            let config = home.join("node.toml");
            fs::write(&config, node_config(place, &addresses)?).context("writing node.toml")?;
            cluster.nodes.push(Node::start(program, &config, &home, addresses[place][0].clone())?);
        }
        Ok(cluster)
    }

    /// API addresses of all nodes.
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.api.clone()).collect()
    }

    /// Fails with the end of its log when a node has ended by itself.
    ///
    /// # Errors
    /// A node has ended.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        for (place, node) in self.nodes.iter_mut().enumerate() {
            if let Some(status) = node.process.try_wait()? {
                let log = fs::read_to_string(&node.log).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let tail = lines[lines.len().saturating_sub(10)..].join("\n");
                bail!("node {} has ended by itself ({status}); the end of its log:\n{tail}", place + 1);
            }
        }
        Ok(())
    }

    /// What each node has used.
    ///
    /// # Errors
    /// The system does not say: this needs Linux's /proc.
    pub fn usage(&self) -> anyhow::Result<Vec<Usage>> {
        self.nodes.iter().map(|node| usage(node.process.id())).collect()
    }
}

impl Drop for IdleCluster {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // A node that has ended by itself is as good as one ended here.
            let _ended = node.process.kill().and_then(|()| node.process.wait());
        }
    }
}

impl Node {
    fn start(program: &Path, config: &Path, home: &Path, api: String) -> anyhow::Result<Node> {
        let log = home.join("node.log");
        let output = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        let process = Command::new(program)
            .args(["start", "--until-stdin-closes", "--config"])
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| {
                format!("starting {}; build it first or name it with --ringmain", program.display())
            })?;
        Ok(Node { api, log, process })
    }
}

fn node_config(place: usize, addresses: &[[String; 3]]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let [api, peer, http] = &addresses[place];
    writeln!(
        text,
        "cluster = \"bench\"\nnode = {}\ndata_dir = \"data\"\ntokens = \"../tokens.toml\"\n",
        place + 1
    )?;
    writeln!(text, "[listen]\napi = \"{api}\"\npeer = \"{peer}\"\nhttp = \"{http}\"")?;
    for (place, [api, peer, _]) in addresses.iter().enumerate() {
        let node = place + 1;
        writeln!(
            text,
            "\n[[peers]]\nnode = {node}\nregion = \"region-{node}\"\npeer = \"{peer}\"\napi = \"{api}\""
        )?;
    }
    Ok(text)
}

/// Ports that nobody listens on now; held all at once, so that they differ.
fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let listeners = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<Vec<_>>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

fn usage(process: u32) -> anyhow::Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{process}/{file}");
        fs::read_to_string(&path).with_context(|| format!("reading {path}"))
    };
    let stat = read("stat")?;
    // The second field is the program's name in brackets and may hold blanks: count from behind it. User and system
    // time are the 14th and 15th field.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |field: usize| fields.get(field).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let io = read("io")?;
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(Usage {
        processor_s: (ticks(11) + ticks(12)) as f64 / TICKS_PER_S,
        written_bytes: written.and_then(|text| text.trim().parse().ok()).unwrap_or_default(),
    })
}
