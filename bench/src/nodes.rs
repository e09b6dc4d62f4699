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
use futures::future::join_all;
use ringmain_protocol::client::{AdminClient, CallConfig};
use ringmain_protocol::plan::{operator_to_message, to_message};
use ringmain_protocol::v1::{
    AddNodeRequest, ApplyPlanRequest, ClusterStatusResponse, NodeRole, PutOperatorsRequest,
};
use ringmain_routing::Plan;
use ringmain_routing::command::OperatorPlan;
use ringmain_routing::limits::OPERATORS_PER_COMMAND_MAX;

use crate::clock::Stopwatch;
use crate::servers::{End, Server};
use crate::usage::{Usage, resident_bytes};

/// How many nodes.
pub const NODES: usize = 3;
/// Ports are taken from below the range from which systems give ports to outgoing connections.
const PORTS: Range<u16> = 30_000..32_000;
const PORTS_PER_NODE: usize = 3;
/// The file of a node's config, in its folder.
const CONFIG: &str = "node.toml";
/// How long the cluster may take to be ready.
const SETTLE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A node that does not say within this time how it is says nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Running nodes. Dropping it ends the processes that it started, and no others.
pub struct Nodes {
    program: PathBuf,
    /// Below which each node has a folder of its own.
    folder: PathBuf,
    /// The end of each node's config.
    more: String,
    nodes: Vec<Node>,
}

struct Node {
    /// Where its config, its data and its log are.
    home: PathBuf,
    listen: Listen,
    /// Absent while it is killed.
    server: Option<Server>,
    /// What its processes have used that are no more.
    spent: Usage,
}

/// One client for each node, which asks that one alone how it is.
pub struct Statuses {
    admins: Vec<AdminClient>,
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
        Nodes::start_with(program, folder, tokens, "")
    }

    /// The same, with more at the end of each node's config.
    ///
    /// # Errors
    /// As for [`Nodes::start`].
    pub fn start_with(program: &Path, folder: &Path, tokens: &[Token], more: &str) -> anyhow::Result<Nodes> {
        let mut text = String::new();
        for (role, name, token) in tokens {
            writeln!(text, "[[tokens]]\ntoken = \"{token}\"\nname = \"{name}\"\nrole = \"{role}\"\n")?;
        }
        fs::write(folder.join("tokens.toml"), text).context("writing tokens.toml")?;
        let listens = listens(NODES)?;
        let (program, more) = (program.to_owned(), more.to_owned());
        let mut nodes = Nodes { program, folder: folder.to_owned(), more, nodes: Vec::new() };
        for (place, listen) in listens.iter().enumerate() {
            nodes.add(listen, &node_config(place, &listens)?)?;
        }
        Ok(nodes)
    }

    /// Starts one more node, which waits to be taken in: its place, and what to ask the cluster for.
    ///
    /// # Errors
    /// A file cannot be written or the process not started.
    pub fn join(&mut self) -> anyhow::Result<(usize, AddNodeRequest)> {
        let place = self.nodes.len();
        let listen = listens(1)?.pop().context("a free place to listen at")?;
        self.add(&listen, &joining_config(place, &listen)?)?;
        let Listen { api, peer, .. } = listen;
        let node = place as u64 + 1;
        let request =
            AddNodeRequest { node, peer_address: peer, api_address: api, region: format!("region-{node}") };
        Ok((place, request))
    }

    /// Writes the config of the next node and starts it.
    fn add(&mut self, listen: &Listen, config: &str) -> anyhow::Result<()> {
        let place = self.nodes.len();
        let home = self.folder.join(format!("node-{}", place + 1));
        fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
        fs::write(home.join(CONFIG), format!("{config}\n{}", self.more)).context("writing node.toml")?;
        self.nodes.push(Node { home, listen: listen.clone(), server: None, spent: Usage::default() });
        self.restart(place).context("build it first or name it with --ringmain")
    }

    /// Ends the process of the node at a place (0 for node 1) at once, as `kill -9` does, and waits until it is gone.
    /// Nothing happens when it is killed already.
    ///
    /// # Errors
    /// The system does not say what it has used.
    pub fn kill(&mut self, place: usize) -> anyhow::Result<()> {
        let node = self.nodes.get_mut(place).with_context(|| format!("there is no node {}", place + 1))?;
        if let Some(server) = node.server.take() {
            node.spent = node.spent.plus(&Usage::of(server.process())?);
        }
        Ok(())
    }

    /// Starts a killed node again with the config and the data that it had. Nothing happens when it runs.
    ///
    /// # Errors
    /// Its process cannot be started.
    pub fn restart(&mut self, place: usize) -> anyhow::Result<()> {
        let node = self.nodes.get_mut(place).with_context(|| format!("there is no node {}", place + 1))?;
        if node.server.is_none() {
            let mut command = Command::new(&self.program);
            command.args(["start", "--until-stdin-closes", "--config"]).arg(node.home.join(CONFIG));
            command.stdin(Stdio::piped());
            let name = format!("node {}", place + 1);
            node.server = Some(Server::start(name, command, &node.home, End::Kill)?);
        }
        Ok(())
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

    /// Fails with the end of its log when a node has ended by itself. One that was killed has not.
    ///
    /// # Errors
    /// A node has ended.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        self.nodes.iter_mut().filter_map(|node| node.server.as_mut()).try_for_each(Server::check_running)
    }

    /// What each node has used, in all its lives.
    ///
    /// # Errors
    /// The system does not say: this needs Linux's /proc.
    pub fn usage(&self) -> anyhow::Result<Vec<Usage>> {
        self.nodes.iter().map(Node::usage).collect()
    }

    /// Memory that each node has in use; 0 of one that is killed.
    ///
    /// # Errors
    /// The system does not say.
    pub fn resident(&self) -> anyhow::Result<Vec<u64>> {
        let of = |node: &Node| node.server.as_ref().map_or(Ok(0), |server| resident_bytes(server.process()));
        self.nodes.iter().map(of).collect()
    }
}

impl Node {
    fn usage(&self) -> anyhow::Result<Usage> {
        let present = self.server.as_ref().map(|server| Usage::of(server.process())).transpose()?;
        Ok(self.spent.plus(&present.unwrap_or_default()))
    }
}

impl Statuses {
    /// Clients of all nodes, by the token of an administrator.
    ///
    /// # Errors
    /// No client can be made of an address or the token.
    pub fn new(nodes: &Nodes, admin_token: &str) -> anyhow::Result<Statuses> {
        let of = |address| {
            AdminClient::new(&CallConfig { timeout: PATIENCE, ..CallConfig::new(vec![address], admin_token) })
        };
        Ok(Statuses { admins: nodes.addresses().into_iter().map(of).collect::<Result<_, _>>()? })
    }

    /// What each node says of itself; `None` for one that does not answer.
    pub async fn read(&self) -> Vec<Option<ClusterStatusResponse>> {
        join_all(self.admins.iter().map(|admin| async { admin.cluster_status().await.ok() })).await
    }

    /// The same of the node at one place.
    pub async fn of(&self, place: usize) -> Option<ClusterStatusResponse> {
        self.admins.get(place)?.cluster_status().await.ok()
    }

    /// The place of the node that leads by its own word, in the latest term of those who do.
    pub async fn leader(&self) -> Option<usize> {
        leader_of(&self.read().await)
    }
}

/// The place of the node that leads by its own word, in the latest term of those who do.
#[must_use]
pub fn leader_of(statuses: &[Option<ClusterStatusResponse>]) -> Option<usize> {
    let leads = |(place, status): (usize, &Option<ClusterStatusResponse>)| {
        let status = status.as_ref().filter(|status| status.role() == NodeRole::Leader)?;
        Some((status.term, place))
    };
    statuses.iter().enumerate().filter_map(leads).max().map(|(_, place)| place)
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
    let mut text = config_head(place, &listens[place], false)?;
    for (place, listen) in listens.iter().enumerate() {
        text += &peer_row(place, listen)?;
    }
    Ok(text)
}

/// A node that joins lists itself alone.
fn joining_config(place: usize, listen: &Listen) -> Result<String, std::fmt::Error> {
    Ok(config_head(place, listen, true)? + &peer_row(place, listen)?)
}

fn config_head(place: usize, listen: &Listen, joins: bool) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let Listen { api, peer, http } = listen;
    writeln!(text, "cluster = \"bench\"\nnode = {}\ndata_dir = \"data\"", place + 1)?;
    writeln!(text, "tokens = \"../tokens.toml\"\njoin = {joins}\n")?;
    writeln!(text, "[listen]\napi = \"{api}\"\npeer = \"{peer}\"\nhttp = \"{http}\"")?;
    Ok(text)
}

fn peer_row(place: usize, listen: &Listen) -> Result<String, std::fmt::Error> {
    let (mut text, node, Listen { api, peer, .. }) = (String::new(), place + 1, listen);
    writeln!(text, "\n[[peers]]\nnode = {node}\nregion = \"region-{node}\"")?;
    writeln!(text, "peer = \"{peer}\"\napi = \"{api}\"")?;
    Ok(text)
}

fn listens(count: usize) -> anyhow::Result<Vec<Listen>> {
    let ports = free_ports(PORTS_PER_NODE * count)?;
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
        let listens = listens(NODES).expect("there are free ports");
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

    #[test]
    fn the_leader_of_the_latest_term_leads() {
        let of = |role: NodeRole, term| {
            Some(ClusterStatusResponse { role: role.into(), term, ..ClusterStatusResponse::default() })
        };
        let (leader, follower) = (NodeRole::Leader, NodeRole::Follower);
        assert_eq!(leader_of(&[of(follower, 3), None, of(leader, 3)]), Some(2));
        assert_eq!(leader_of(&[of(leader, 4), of(follower, 4), of(leader, 3)]), Some(0));
        assert_eq!(leader_of(&[of(follower, 4), of(NodeRole::Candidate, 5), None]), None);
    }

    #[test]
    fn a_killed_node_is_not_missed_and_starts_again_with_what_it_had() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        // Any program will do that waits for the end of its input. Another process writes it: while this one forks, a
        // file that it writes cannot be run.
        let program = folder.path().join("waits");
        let script = "printf '#!/bin/sh\\nread end\\n' > \"$1\" && chmod +x \"$1\"";
        let written = Command::new("sh").args(["-c", script, "sh"]).arg(&program).status();
        assert!(written.is_ok_and(|end| end.success()));
        let mut nodes = Nodes::start(&program, folder.path(), &[]).expect("it can be run");
        let first = nodes.nodes[1].server.as_ref().map(Server::process);
        nodes.kill(1).expect("it runs");
        nodes.kill(1).expect("it is killed already");
        assert!(nodes.nodes[1].server.is_none());
        nodes.check_running().expect("nobody has ended by himself");
        assert_eq!(nodes.usage().expect("there is /proc").len(), NODES);
        nodes.restart(1).expect("it can be run");
        let second = nodes.nodes[1].server.as_ref().map(Server::process);
        assert!(second.is_some() && second != first);
        assert!(nodes.kill(NODES).is_err());
    }
}
