//! What a node says at one moment, as far as `top` shows it. A recording is one of these a line.

use ringmain_protocol::v1::{
    ClusterStatusResponse, ListQueuesRequest, NodeStatus, Operator, PresenceKind, Queue, ReadStamp,
    SessionState,
};
use serde::{Deserialize, Serialize};

use crate::commands::{cluster, operator, queue};
use crate::connection::{Clients, failed};
use crate::exit::Failure;

/// One look at a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    /// When it was taken, by the clock of the one who looks; only differences mean something.
    pub(super) taken_ms: u64,
    /// Replicated time.
    pub(super) at_ms: u64,
    /// How long the node had not heard of its leader.
    pub(super) age_ms: u64,
    /// How far the node had applied the log.
    pub(super) log_index: u64,
    /// The nodes.
    pub(super) cluster: ClusterSample,
    /// The queues, in the order of the plan.
    pub(super) queues: Vec<QueueSample>,
    /// The operators, by login.
    pub(super) operators: Vec<OperatorSample>,
}

/// The cluster at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClusterSample {
    pub(super) name: String,
    /// The node that was asked.
    pub(super) asked: u64,
    /// 0 for none.
    pub(super) leader: u64,
    pub(super) term: u64,
    pub(super) read_only: bool,
    pub(super) version: String,
    pub(super) sync_count: u64,
    pub(super) sync_ns_total: u64,
    pub(super) nodes: Vec<NodeSample>,
}

/// A node at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeSample {
    pub(super) node: u64,
    pub(super) region: String,
    pub(super) address: String,
    pub(super) role: String,
    pub(super) lag_entries: Option<u64>,
    pub(super) last_heard_ms: Option<u64>,
}

/// A queue at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueSample {
    pub(super) name: String,
    pub(super) open: bool,
    pub(super) waiting: u64,
    /// How long the first has waited.
    pub(super) longest_ms: Option<u64>,
    pub(super) offered: u64,
    pub(super) handling: u64,
    /// Of those, the ones that take no room.
    #[serde(default)]
    pub(super) parked: u64,
    pub(super) wrap_up: u64,
    pub(super) entered_total: u64,
    pub(super) connected_total: u64,
    pub(super) abandoned_total: u64,
    pub(super) mean_wait_ms: Option<u64>,
    pub(super) level_percent: Option<u64>,
    pub(super) target_percent: u32,
}

/// An operator at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorSample {
    pub(super) login: String,
    pub(super) state: OperatorState,
    /// The reason of a break, or the contacts in hand.
    pub(super) detail: String,
    pub(super) used: u32,
    pub(super) capacity: u32,
    /// The node of the session; 0 for none.
    pub(super) node: u64,
    pub(super) unit: Option<String>,
    pub(super) skills: String,
}

/// What an operator does, in the order in which `top` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OperatorState {
    /// Has contacts.
    Busy,
    /// Could take one.
    Free,
    /// Left an offer unanswered.
    Missed,
    /// On a break.
    NotReady,
    /// The stream is lost and may come back.
    Grace,
    /// Not signed in.
    Offline,
}

impl OperatorState {
    /// All, in order.
    pub(super) const ALL: [OperatorState; 6] = [
        OperatorState::Busy,
        OperatorState::Free,
        OperatorState::Missed,
        OperatorState::NotReady,
        OperatorState::Grace,
        OperatorState::Offline,
    ];

    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            OperatorState::Busy => "busy",
            OperatorState::Free => "free",
            OperatorState::Missed => "missed",
            OperatorState::NotReady => "not ready",
            OperatorState::Grace => "grace",
            OperatorState::Offline => "offline",
        }
    }
}

/// Asks a node for everything that is shown.
///
/// # Errors
/// The first call that fails.
pub(super) async fn take(clients: &Clients, taken_ms: u64) -> Result<Sample, Failure> {
    let status = clients.admin.cluster_status().await.map_err(|error| failed(&error))?;
    let (queues, stamp) = queues(clients).await?;
    let (operators, _) = operator::all(clients).await?;
    let mut operators: Vec<OperatorSample> = operators.iter().map(operator_sample).collect();
    operators.sort_by(|a, b| (a.state, &a.login).cmp(&(b.state, &b.login)));
    Ok(Sample {
        taken_ms,
        at_ms: stamp.at_ms,
        age_ms: stamp.age_ms,
        log_index: stamp.log_index,
        cluster: cluster_sample(&status),
        queues: queues.iter().map(|queue| queue_sample(queue, stamp.at_ms)).collect(),
        operators,
    })
}

async fn queues(clients: &Clients) -> Result<(Vec<Queue>, ReadStamp), Failure> {
    let (mut queues, mut cursor) = (Vec::new(), String::new());
    loop {
        let request = ListQueuesRequest { page_size: 0, page_cursor: cursor };
        let page = clients.supervisor.list_queues(request).await.map_err(|error| failed(&error))?;
        queues.extend(page.queues);
        if page.next_page_cursor.is_empty() {
            return Ok((queues, page.stamp.unwrap_or_default()));
        }
        cursor = page.next_page_cursor;
    }
}

fn cluster_sample(status: &ClusterStatusResponse) -> ClusterSample {
    let node = |node: &NodeStatus| {
        let address = node.address.clone().unwrap_or_default();
        NodeSample {
            node: address.node,
            region: address.region,
            address: address.address,
            role: cluster::node_role(node, status).to_owned(),
            lag_entries: node.lag_entries,
            last_heard_ms: node.last_heard_ms,
        }
    };
    ClusterSample {
        name: status.cluster.clone(),
        asked: status.node,
        leader: status.leader,
        term: status.term,
        read_only: status.read_only,
        version: status.version.clone(),
        sync_count: status.sync_count,
        sync_ns_total: status.sync_ns_total,
        nodes: status.nodes.iter().map(node).collect(),
    }
}

fn queue_sample(queue: &Queue, now_ms: u64) -> QueueSample {
    QueueSample {
        name: queue.name.clone(),
        open: queue.open,
        waiting: queue.waiting,
        longest_ms: queue.oldest_enqueued_at_ms.map(|at| now_ms.saturating_sub(at)),
        offered: queue.offered,
        handling: queue.handling,
        parked: queue.parked,
        wrap_up: queue.wrap_up,
        entered_total: queue.entered_total,
        connected_total: queue.connected_total,
        abandoned_total: queue.abandoned_total,
        mean_wait_ms: queue::mean_wait_ms(queue),
        level_percent: queue::level_percent(queue),
        target_percent: queue.target_percent,
    }
}

fn operator_sample(operator: &Operator) -> OperatorSample {
    let presence = operator.presence.unwrap_or_default();
    let state = match (operator.session(), presence.kind()) {
        (SessionState::Grace, _) => OperatorState::Grace,
        (SessionState::Unspecified | SessionState::None, _) => OperatorState::Offline,
        (SessionState::Live, _) if operator.used > 0 => OperatorState::Busy,
        (SessionState::Live, PresenceKind::Ready) => OperatorState::Free,
        (SessionState::Live, PresenceKind::Missed) => OperatorState::Missed,
        (SessionState::Live, PresenceKind::NotReady | PresenceKind::Break) => OperatorState::NotReady,
        (SessionState::Live, PresenceKind::Offline | PresenceKind::Unspecified) => OperatorState::Offline,
    };
    let detail = match state {
        OperatorState::Busy | OperatorState::Grace => operator::in_hand(operator),
        OperatorState::NotReady if presence.kind() == PresenceKind::Break => {
            format!("break {}", presence.not_ready_reason)
        }
        OperatorState::NotReady => presence.not_ready_reason.to_string(),
        // Parked work leaves an operator free, and is in its hands all the same.
        OperatorState::Free | OperatorState::Missed | OperatorState::Offline => operator::in_hand(operator),
    };
    OperatorSample {
        login: operator.login.clone(),
        state,
        detail,
        used: operator.used,
        capacity: operator.capacity,
        node: operator.node,
        unit: operator.unit.clone(),
        skills: operator::skills_text(&operator.skills),
    }
}
