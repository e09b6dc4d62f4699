//! What the demo sees of its cluster from outside, once a second: leader, lag, syncs, queues.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use ringmain_protocol::client::{AdminClient, BadConfig, CallConfig, SupervisorClient};
use ringmain_protocol::v1::{ClusterStatusResponse, ListQueuesRequest, Queue};

/// How long a node may take to say how it is.
const PATIENCE: Duration = Duration::from_millis(800);

/// The demo's eyes.
pub struct Watcher {
    admins: Vec<AdminClient>,
    supervisors: Vec<SupervisorClient>,
    /// (node, its run) → syncs and their total time in ns.
    syncs: BTreeMap<(u64, u64), (u64, u64)>,
}

/// One look at the cluster.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// What each node says; `None` for one that does not answer.
    pub nodes: Vec<Option<ClusterStatusResponse>>,
    /// The queues, from the node that is furthest among those that answer.
    pub queues: Vec<Queue>,
}

impl Watcher {
    /// Looks at these nodes.
    ///
    /// # Errors
    /// An address that is none.
    pub fn new(addresses: &[String], admin: &str, supervisor: &str) -> Result<Watcher, BadConfig> {
        let config = |address: &String, token: &str| CallConfig {
            timeout: PATIENCE,
            ..CallConfig::new(vec![address.clone()], token)
        };
        let admins = addresses.iter().map(|address| AdminClient::new(&config(address, admin)));
        let supervisors = addresses.iter().map(|address| SupervisorClient::new(&config(address, supervisor)));
        Ok(Watcher {
            admins: admins.collect::<Result<_, _>>()?,
            supervisors: supervisors.collect::<Result<_, _>>()?,
            syncs: BTreeMap::new(),
        })
    }

    /// Looks once.
    pub async fn look(&mut self) -> Look {
        let nodes: Vec<Option<ClusterStatusResponse>> =
            join_all(self.admins.iter().map(AdminClient::cluster_status))
                .await
                .into_iter()
                .map(Result::ok)
                .collect();
        for status in nodes.iter().flatten() {
            self.syncs.insert((status.node, status.incarnation), (status.sync_count, status.sync_ns_total));
        }
        // The node that has applied most comes first: one that has just started still replays yesterday.
        let looked_at = self.supervisors.iter().zip(&nodes);
        let mut answering: Vec<_> =
            looked_at.filter_map(|(supervisor, status)| Some((supervisor, status.as_ref()?))).collect();
        answering.sort_by_key(|(_, status)| Reverse(status.raft_applied));
        let mut queues = Vec::new();
        for (supervisor, _) in answering {
            if let Ok(page) = supervisor.list_queues(ListQueuesRequest::default()).await {
                queues = page.queues;
                break;
            }
        }
        Look { nodes, queues }
    }

    /// Syncs of all runs of all nodes, and their mean time in ms.
    pub fn syncs(&self) -> (u64, f64) {
        let (count, ns) = self.syncs.values().fold((0, 0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
        let mean_ms = if count == 0 { 0.0 } else { ns as f64 / count as f64 / 1e6 };
        (count, mean_ms)
    }
}

impl Look {
    /// The leader of the highest term that any node knows of, with that term.
    pub fn leader(&self) -> Option<(u64, u64)> {
        let known = self.nodes.iter().flatten().filter(|status| status.leader != 0);
        known.map(|status| (status.term, status.leader)).max().map(|(term, leader)| (leader, term))
    }

    /// Raft entries that a node is behind the furthest one.
    pub fn lag(&self, place: usize) -> Option<u64> {
        let furthest = self.nodes.iter().flatten().map(|status| status.raft_applied).max()?;
        self.nodes.get(place)?.as_ref().map(|status| furthest - status.raft_applied)
    }

    /// Whether all nodes answer, know a leader and have applied the same.
    pub fn is_whole(&self) -> bool {
        let applied = |status: &ClusterStatusResponse| status.stamp.unwrap_or_default().log_index;
        let first = self.nodes.first().and_then(Option::as_ref).map(applied);
        self.nodes.iter().all(|status| {
            status.as_ref().is_some_and(|status| status.leader != 0 && Some(applied(status)) == first)
        })
    }

    /// Whether a majority answers and knows the same leader.
    pub fn is_serving(&self) -> bool {
        let Some((leader, _)) = self.leader() else { return false };
        let agree = self.nodes.iter().flatten().filter(|status| status.leader == leader).count();
        agree > self.nodes.len() / 2
    }
}
