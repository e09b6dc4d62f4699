//! Whose data folder this is: cluster, node, how often the node has started, whether it takes part, and in which
//! form the folder's files are.
//!
//! **Invariant:** a folder in a newer form is not touched; one in an older form is brought to the present one before
//! anything else in it is read.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ringmain_routing::{Incarnation, NodeId};
use serde::{Deserialize, Serialize};

use crate::files::{StorageError, SyncMeter, put_frame, read_framed_file};
use crate::generation::Generation;

const FILE: &str = "identity";
/// The form of a data folder. 1: before clusters had generations. 2: with the cluster's generation.
pub const FORMAT: u8 = 2;

/// The data folder's owner. Written durably before the node says anything to anybody.
pub struct Identity {
    path: PathBuf,
    meter: SyncMeter,
    record: Mutex<Record>,
    generation: Generation,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    format: u8,
    cluster: String,
    node: NodeId,
    incarnation: Incarnation,
    /// The node has been asked into a new cluster, or let into a running one. One that was not answers no Raft
    /// call: a folder that was wiped must not vote, for it has forgotten what it promised.
    member: bool,
    /// The cluster's; 0 while the node has not been told.
    generation: u64,
}

/// The record of a folder of format 1.
#[derive(Deserialize)]
struct Record1 {
    #[expect(dead_code, reason = "it stands in the record, and was looked at before")]
    format: u8,
    cluster: String,
    node: NodeId,
    incarnation: Incarnation,
    member: bool,
}

/// What a data folder says of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The cluster's name.
    pub cluster: String,
    /// The node.
    pub node: NodeId,
    /// Its last run.
    pub incarnation: Incarnation,
    /// Whether it takes part.
    pub member: bool,
    /// The cluster's generation; 0 while the node has not been told.
    pub generation: u64,
    /// The form that the folder was found in.
    pub format: u8,
}

impl Identity {
    /// Opens the folder's identity, or gives an empty folder one, and counts this start.
    pub fn open(dir: &Path, cluster: &str, node: NodeId, meter: SyncMeter) -> Result<Self, StorageError> {
        meter.create_dir(dir)?;
        let path = dir.join(FILE);
        let mut record = if path.exists() { read_own(&path, cluster, node)? } else { fresh(cluster, node) };
        record.incarnation.0 += 1;
        Self::with(path, meter, record)
    }

    /// Opens the identity of a folder that has one, for work on it while its node does not run: no start is counted.
    pub fn open_stopped(
        dir: &Path,
        cluster: &str,
        node: NodeId,
        meter: SyncMeter,
    ) -> Result<Self, StorageError> {
        let path = dir.join(FILE);
        let record = read_own(&path, cluster, node)?;
        Self::with(path, meter, record)
    }

    /// Gives a new folder to a member of the cluster whose last run was `owner.incarnation`.
    pub fn create(dir: &Path, owner: &Owner, meter: SyncMeter) -> Result<Self, StorageError> {
        let record = Record {
            format: FORMAT,
            cluster: owner.cluster.clone(),
            node: owner.node,
            incarnation: owner.incarnation,
            member: owner.member,
            generation: owner.generation,
        };
        Self::with(dir.join(FILE), meter, record)
    }

    fn with(path: PathBuf, meter: SyncMeter, record: Record) -> Result<Self, StorageError> {
        let generation = Generation::new(record.generation);
        let identity = Self { path, meter, record: Mutex::new(record.clone()), generation };
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

    /// The cluster's generation as this node knows it; clones follow it.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation.clone()
    }

    /// The node takes part from here on; durable on return.
    pub fn become_member(&self) -> Result<(), StorageError> {
        self.change(|record| record.member = true)
    }

    /// The node takes part in the cluster of this generation from here on, unless it knew one before; durable on
    /// return.
    pub fn learn_generation(&self, generation: u64) -> Result<(), StorageError> {
        self.change(|record| {
            if record.generation == 0 {
                record.generation = generation;
            }
        })
    }

    /// The cluster begins anew: what belongs to an earlier generation is none of its own; durable on return.
    pub fn begin_generation(&self, generation: u64) -> Result<(), StorageError> {
        self.change(|record| record.generation = generation)
    }

    fn change(&self, change: impl FnOnce(&mut Record)) -> Result<(), StorageError> {
        let mut record = self.lock();
        let mut changed = record.clone();
        change(&mut changed);
        if changed != *record {
            self.write(&changed)?;
            self.generation.set(changed.generation);
            *record = changed;
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

/// Who owns the folder, if it has an owner. Changes nothing.
pub fn owner(dir: &Path) -> Result<Option<Owner>, StorageError> {
    let path = dir.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let (record, format) = read(&path)?;
    let Record { format: _, cluster, node, incarnation, member, generation } = record;
    Ok(Some(Owner { cluster, node, incarnation, member, generation, format }))
}

fn fresh(cluster: &str, node: NodeId) -> Record {
    let incarnation = Incarnation(0);
    Record { format: FORMAT, cluster: cluster.into(), node, incarnation, member: false, generation: 0 }
}

fn read_own(path: &Path, cluster: &str, node: NodeId) -> Result<Record, StorageError> {
    let (record, _) = read(path)?;
    if record.cluster != cluster || record.node != node {
        return Err(StorageError::Foreign {
            path: path.to_path_buf(),
            found: format!("node {} of cluster {:?}", record.node, record.cluster),
            expected: format!("node {node} of cluster {cluster:?}"),
        });
    }
    Ok(record)
}

/// The record in today's form, and the format of the folder.
fn read(path: &Path) -> Result<(Record, u8), StorageError> {
    let bytes = read_framed_file(path)?;
    let damaged = |error: postcard::Error| StorageError::damaged(path, error.to_string());
    match bytes.first() {
        Some(1) => Ok((from_format_1(postcard::from_bytes(&bytes).map_err(damaged)?), 1)),
        Some(&FORMAT) => Ok((postcard::from_bytes(&bytes).map_err(damaged)?, FORMAT)),
        Some(&found) => Err(StorageError::Newer {
            path: path.to_path_buf(),
            found: u32::from(found),
            known: u32::from(FORMAT),
        }),
        None => Err(StorageError::damaged(path, "it is empty")),
    }
}

/// Clusters without a generation are in their first one; a node that took part in none has yet to be told.
fn from_format_1(record: Record1) -> Record {
    let Record1 { cluster, node, incarnation, member, .. } = record;
    Record { format: FORMAT, cluster, node, incarnation, member, generation: u64::from(member) }
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

    #[test]
    fn a_folder_of_a_newer_form_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path(), "north", 1).unwrap();
        let path = dir.path().join(FILE);
        let mut content = read_framed_file(&path).unwrap();
        content[0] = FORMAT + 1;
        let mut newer = Vec::new();
        put_frame(&mut newer, &content);
        std::fs::write(&path, &newer).unwrap();
        let error = open(dir.path(), "north", 1).err().unwrap();
        assert!(matches!(error, StorageError::Newer { found: 3, known: 2, .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), newer);
    }

    #[test]
    fn a_generation_is_learnt_once_and_begun_at_will() {
        let dir = tempfile::tempdir().unwrap();
        let identity = open(dir.path(), "north", 1).unwrap();
        let generation = identity.generation();
        identity.learn_generation(7).unwrap();
        identity.learn_generation(8).unwrap();
        assert_eq!(generation.get(), 7);
        identity.begin_generation(9).unwrap();
        assert_eq!(open(dir.path(), "north", 1).unwrap().generation().get(), 9);
    }
}
