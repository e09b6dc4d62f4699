//! Whose data folder this is: cluster, node, how often the node has started, and whether it takes part.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ringmain_routing::{Incarnation, NodeId};
use serde::{Deserialize, Serialize};

use crate::files::{StorageError, SyncMeter, put_frame, read_framed_file};

const FILE: &str = "identity";
const VERSION: u8 = 1;

/// The data folder's owner. Written durably before the node says anything to anybody.
pub struct Identity {
    path: PathBuf,
    meter: SyncMeter,
    record: Mutex<Record>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    version: u8,
    cluster: String,
    node: NodeId,
    incarnation: Incarnation,
    /// The node has been asked into a new cluster, or let into a running one. One that was not answers no Raft
    /// call: a folder that was wiped must not vote, for it has forgotten what it promised.
    member: bool,
}

impl Identity {
    /// Opens the folder's identity, or gives an empty folder one, and counts this start.
    pub fn open(dir: &Path, cluster: &str, node: NodeId, meter: SyncMeter) -> Result<Self, StorageError> {
        meter.create_dir(dir)?;
        let path = dir.join(FILE);
        let mut record = if path.exists() { read(&path, cluster, node)? } else { fresh(cluster, node) };
        record.incarnation.0 += 1;
        let identity = Self { path, meter, record: Mutex::new(record.clone()) };
        identity.write(&record)?;
        Ok(identity)
    }

    /// This run of the node.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.lock().incarnation
    }

    /// Whether the node takes part in a cluster.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.lock().member
    }

    /// The node takes part from here on; durable on return.
    pub fn become_member(&self) -> Result<(), StorageError> {
        let mut record = self.lock();
        if !record.member {
            let joined = Record { member: true, ..record.clone() };
            self.write(&joined)?;
            *record = joined;
        }
        Ok(())
    }

    fn write(&self, record: &Record) -> Result<(), StorageError> {
        let encoded = postcard::to_allocvec(record)
            .map_err(|error| StorageError::damaged(&self.path, error.to_string()))?;
        let mut frame = Vec::new();
        put_frame(&mut frame, &encoded);
        self.meter.replace_file(&self.path, &frame)
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fresh(cluster: &str, node: NodeId) -> Record {
    Record { version: VERSION, cluster: cluster.into(), node, incarnation: Incarnation(0), member: false }
}

fn read(path: &Path, cluster: &str, node: NodeId) -> Result<Record, StorageError> {
    let bytes = read_framed_file(path)?;
    let record: Record =
        postcard::from_bytes(&bytes).map_err(|error| StorageError::damaged(path, error.to_string()))?;
    if record.version != VERSION {
        let what = format!("version {}; this program reads version {VERSION}", record.version);
        return Err(StorageError::damaged(path, what));
    }
    if record.cluster != cluster || record.node != node {
        return Err(StorageError::Foreign {
            path: path.to_path_buf(),
            found: format!("node {} of cluster {:?}", record.node, record.cluster),
            expected: format!("node {node} of cluster {cluster:?}"),
        });
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::FrozenClock;

    fn open(dir: &Path, cluster: &str, node: u64) -> Result<Identity, StorageError> {
        Identity::open(dir, cluster, NodeId(node), SyncMeter::new(Arc::new(FrozenClock)))
    }

    #[test]
    fn each_start_is_counted_and_membership_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path(), "north", 1).unwrap();
        assert_eq!((first.incarnation(), first.is_member()), (Incarnation(1), false));
        first.become_member().unwrap();
        let second = open(dir.path(), "north", 1).unwrap();
        assert_eq!((second.incarnation(), second.is_member()), (Incarnation(2), true));
    }

    #[test]
    fn a_folder_of_another_cluster_or_node_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path(), "north", 1).unwrap();
        let error = open(dir.path(), "south", 1).err().unwrap().to_string();
        assert!(error.contains("node 1 of cluster \"north\", not to node 1 of cluster \"south\""), "{error}");
        assert!(matches!(open(dir.path(), "north", 2), Err(StorageError::Foreign { .. })));
        assert_eq!(
            open(dir.path(), "north", 1).unwrap().incarnation(),
            Incarnation(2),
            "a refusal is no start"
        );
    }
}
