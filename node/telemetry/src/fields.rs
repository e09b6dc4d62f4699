//! Names of log fields. A log line has a constant message and its facts in these fields, so that lines of all
//! crates can be searched by the same word. No field may hold personal data: the key, number, name or words of a
//! customer are in none of them.

/// One field of log lines.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name in a log line.
    pub name: &'static str,
    /// What it holds.
    pub meaning: &'static str,
}

macro_rules! fields {
    ($($name:literal: $meaning:literal;)*) => {
        /// Every field a log line may have; a test holds the code against it.
        pub const FIELDS: &[Field] = &[$(Field { name: $name, meaning: $meaning }),*];
    };
}

fields! {
    "cluster": "the cluster's id";
    "node": "number of the node that logs";
    "incarnation": "run of a node's process";
    "peer": "number of another node";
    "region": "region of a node";
    "group": "replication group";
    "term": "Raft term";
    "raft_index": "Raft index of an entry";
    "log_index": "log index of a command";
    "leader": "number of the leader";
    "command": "name of a command";
    "commands": "how many commands";
    "entries": "how many entries";
    "contact": "id of a contact";
    "operator": "id of an operator";
    "gateway": "id of a gateway";
    "queue": "name of a queue";
    "offer": "assignment epoch of an offer";
    "epoch": "session epoch";
    "role": "role of a caller";
    "method": "RPC or HTTP route";
    "code": "stable error code";
    "reason": "why, in a word";
    "alert": "name of an alert";
    "error": "text of an error, free of personal data";
    "elapsed_ms": "duration";
    "retry_after_ms": "when to come back";
    "difference_ms": "how far two clocks are apart";
    "status": "gRPC status";
    "damage": "what is wrong with a file";
    "suspect": "why a node must not vote";
    "bytes": "size";
    "count": "how many, where the message says of what";
    "path": "file or folder of the node";
    "addr": "network address of a node";
    "api": "address that clients reach";
    "http": "address of metrics and health";
    "segments": "how many history segments";
    "offset": "where in a file";
    "segment": "number of a history segment";
    "chain": "value of the chain";
    "version": "version of binary, plan or format";
    "task": "name of a background task";
    "actor": "kind of an actor";
    "signal": "name of a signal";
}
