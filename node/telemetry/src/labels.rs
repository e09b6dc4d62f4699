//! Labels of metrics. Each is a bounded set, and says by what it is bounded.

/// One label.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// The name as Prometheus shows it.
    pub name: &'static str,
    /// What values there are.
    pub values: &'static str,
}

macro_rules! labels {
    ($list:ident: $($name:ident = $text:literal, $values:literal;)*) => {
        $(#[doc = $values] pub const $name: &str = $text;)*

        /// Every label of this kind.
        pub const $list: &[Label] = &[$(Label { name: $text, values: $values }),*];
    };
}

// Set once, on the exporter.
labels! { COMMON:
    CLUSTER = "cluster", "the cluster's id";
    GROUP = "group", "the replication group; `0` as long as a cluster has one";
    NODE = "node", "the node's number";
    REGION = "region", "the node's region, from its configuration";
}

labels! { ALL:
    QUEUE = "queue", "names of the plan's queues (at most 5,000)";
    REASON = "reason", "why it ended or was taken back, a closed set in the code";
    COMMAND = "command", "names of the log's commands, a closed set in the code";
    CODE = "code", "`ok` or a stable error code (docs/ERRORS.md)";
    PRESENCE = "presence", "`offline`, `ready`, `not-ready`, `missed`, `break`";
    ROLE = "role", "`gateway`, `operator`, `supervisor`, `admin`";
    ACTOR = "actor", "`operator`, `conversation`, `queue`";
    METHOD = "method", "the RPCs of the protocol";
    PEER = "peer", "numbers of the cluster's other nodes";
    SOURCE = "source", "`built` here or `installed` from the leader";
    FREIGHT = "freight", "`snapshot` or `history`";
    ANSWER = "answer", "`automatic`, `confirmed`, `offered`, `previewed`";
    ALERT = "alert", "names of the alerts in docs/runbooks";
    VERSION = "version", "the version of the binary";
}

/// Values of [`ACTOR`].
pub const ACTORS: &[&str] = &["operator", "conversation", "queue"];
/// Values of [`ROLE`] that hold sessions.
pub const PARTIES: &[&str] = &["gateway", "operator"];
/// Values of [`SOURCE`].
pub const SOURCES: &[&str] = &["built", "installed"];
/// Values of [`FREIGHT`].
pub const FREIGHTS: &[&str] = &["snapshot", "history"];

/// The label of a name, for the list of metrics.
#[must_use]
pub(crate) const fn label(name: &'static str) -> Label {
    let mut at = 0;
    while at < ALL.len() {
        if same(ALL[at].name, name) {
            return ALL[at];
        }
        at += 1;
    }
    panic!("a metric names a label that is not in the list");
}

const fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}
