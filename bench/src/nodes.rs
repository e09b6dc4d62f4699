//! Real nodes for a benchmark: three processes of the `ringmain` binary on loopback, each with its own data folder.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use ringmain_protocol::client::{AdminClient, CallConfig};
use ringmain_protocol::plan::{operator_to_message, to_message};
use ringmain_protocol::v1::{ApplyPlanRequest, PutOperatorsRequest};
use ringmain_routing::Plan;
use ringmain_routing::command::OperatorPlan;
use ringmain_routing::limits::OPERATORS_PER_COMMAND_MAX;

use crate::clock::Stopwatch;
use crate::servers::{End, Server};
use crate::usage::Usage;

/// How many nodes.
pub const NODES: usize = 3;
/// Ports are taken from below the range from which systems give ports to outgoing connections.
const PORTS: Range<u16> = 30_000..32_000;
const PORTS_PER_NODE: usize = 3;
/// How long the cluster may take to be ready.
const SETTLE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Running nodes. Dropping it ends the processes that it started, and no others.
pub struct Nodes {
    nodes: Vec<Node>,
}

struct Node {
    listen: Listen,
    server: Server,
}

#[derive(Clone)]
struct Listen {
    api: String,
    peer: String,
    http: String,
}

/// Who may call: role, name, token.
pub type Token = (&'static str, String, String);

impl Nodes {
    /// Writes the configs of the nodes below `folder` and starts `program` for each.
    ///
    /// # Errors
    /// A file cannot be written or a process not started.
    pub fn start(program: &Path, folder: &Path, tokens: &[Token]) -> anyhow::Result<Nodes> {
        let mut text = String::new();
        for (role, name, token) in tokens {
            writeln!(text, "[[tokens]]\ntoken = \"{token}\"\nname = \"{name}\"\nrole = \"{role}\"\n")?;
        }
        fs::write(folder.join("tokens.toml"), text).context("writing tokens.toml")?;
        let listens = listens()?;
        let mut nodes = Nodes { nodes: Vec::new() };
        for (place, listen) in listens.iter().enumerate() {
            let home = folder.join(format!("node-{}", place + 1));
            fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
            let config = home.join("node.toml");
            fs::write(&config, node_config(place, &listens)?).context("writing node.toml")?;
            let mut command = Command::new(program);
            command.args(["start", "--until-stdin-closes", "--config"]).arg(config).stdin(Stdio::piped());
            let server = Server::start(format!("node {}", place + 1), command, &home, End::Kill)
                .context("build it first or name it with --ringmain")?;
            nodes.nodes.push(Node { listen: listen.clone(), server });
        }
        Ok(nodes)
    }

    /// API addresses of all nodes, in the order of their numbers.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.listen.api.clone()).collect()
    }

    /// Where all nodes serve their metrics, in the same order.
    #[must_use]
    pub fn http_addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.listen.http.clone()).collect()
    }

    /// Waits for a leader and puts plan and operators into the empty cluster; calls `waiting` now and then.
    ///
    /// # Errors
    /// A node has ended, or none takes the plan within a minute, or the operators are refused.
    pub async fn furnish(
        &mut self,
        admin_token: &str,
        plan: &Plan,
        operators: &[OperatorPlan],
        waiting: impl Fn(),
    ) -> anyhow::Result<()> {
        let watch = Stopwatch::start();
        let plan = Some(to_message(plan));
        let admin = AdminClient::new(&CallConfig::new(self.addresses(), admin_token))?;
        while let Err(error) = admin.apply_plan(ApplyPlanRequest { plan: plan.clone(), dry_run: false }).await
        {
            self.check_running()?;
            if watch.elapsed() > SETTLE {
                bail!("the cluster took no plan within {} s: {error}", SETTLE.as_secs());
            }
            waiting();
            tokio::time::sleep(LOOK_EVERY).await;
        }
        for part in operators.chunks(OPERATORS_PER_COMMAND_MAX) {
            let operators = part.iter().map(operator_to_message).collect();
            let request = PutOperatorsRequest { operators, dry_run: false };
            admin.put_operators(request).await.context("adding the operators")?;
        }
        Ok(())
    }

    /// Fails with the end of its log when a node has ended by itself.
    ///
    /// # Errors
    /// A node has ended.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        self.nodes.iter_mut().try_for_each(|node| node.server.check_running())
    }

    /// What each node has used.
    ///
    /// # Errors
    /// The system does not say: this needs Linux's /proc.
    pub fn usage(&self) -> anyhow::Result<Vec<Usage>> {
        self.nodes.iter().map(|node| Usage::of(node.server.process())).collect()
    }
}

/// The program of the nodes: as named, or the `ringmain` beside this one.
///
/// # Errors
/// There is none.
pub fn program(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let program = match named {
        Some(program) => program.to_owned(),
        None => {
            std::env::current_exe().context("finding this program's own file")?.with_file_name("ringmain")
        }
    };
    if !program.exists() {
        bail!(
            "{} does not exist; build it with `cargo build --release -p ringmain`, or name it with --ringmain",
            program.display()
        );
    }
    Ok(program)
}

fn node_config(place: usize, listens: &[Listen]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let Listen { api, peer, http } = &listens[place];
    writeln!(
        text,
        "cluster = \"bench\"\nnode = {}\ndata_dir = \"data\"\ntokens = \"../tokens.toml\"\n",
        place + 1
    )?;
    writeln!(text, "[listen]\napi = \"{api}\"\npeer = \"{peer}\"\nhttp = \"{http}\"")?;
    for (place, Listen { api, peer, .. }) in listens.iter().enumerate() {
        let node = place + 1;
        writeln!(
            text,
            "\n[[peers]]\nnode = {node}\nregion = \"region-{node}\"\npeer = \"{peer}\"\napi = \"{api}\""
        )?;
    }
    Ok(text)
}

fn listens() -> anyhow::Result<Vec<Listen>> {
    let ports = free_ports(PORTS_PER_NODE * NODES)?;
    let at = |port: u16| format!("127.0.0.1:{port}");
    let listen = |[api, peer, http]: &[u16; 3]| Listen { api: at(*api), peer: at(*peer), http: at(*http) };
    Ok(ports.as_chunks().0.iter().map(listen).collect())
}

/// Ports that nobody listens on; held all at once, so that they differ. Two benchmarks begin at different places.
pub(crate) fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    let bind = |port: u16| -> io::Result<TcpListener> { TcpListener::bind(("127.0.0.1", port)) };
    let begin = (std::process::id() as usize * 10) % PORTS.len();
    let candidates = PORTS.skip(begin).chain(PORTS.take(begin));
    let held: Vec<TcpListener> = candidates.filter_map(|port| bind(port).ok()).take(count).collect();
    if held.len() < count {
        bail!("no {count} free ports on 127.0.0.1 between {} and {}", PORTS.start, PORTS.end);
    }
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_know_each_other_and_listen_at_different_ports() {
        let listens = listens().expect("there are free ports");
        let config = node_config(1, &listens).expect("a String takes all");
        assert!(config.starts_with("cluster = \"bench\"\nnode = 2\n"), "{config}");
        for Listen { api, peer, http } in &listens {
            assert_eq!(
                config.matches(&format!("\"{api}\"")).count(),
                1 + usize::from(*api == listens[1].api)
            );
            assert!(config.contains(&format!("peer = \"{peer}\"")), "{config}");
            assert!(api != peer && peer != http && api != http);
        }
    }
}
