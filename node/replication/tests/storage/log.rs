//! openraft's own expectations of a log store.

use openraft::storage::RaftLogStorage;
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::{RaftLogReader, StorageError, StorageHelper};
use ringmain_replication::log_store::LogStore;
use ringmain_replication::state_machine::StateMachine;
use ringmain_replication::type_config::{TypeConfig, Vote};
use tempfile::TempDir;

use crate::node::{entry, log_id, open};

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, StateMachine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().unwrap();
        let node = open(dir.path()).unwrap();
        Ok((dir, node.log, node.state_machine))
    }
}

#[tokio::test]
async fn openraft_finds_the_log_store_to_be_what_it_needs() {
    Suite::test_all(Builder).await.unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    node.log.save_vote(&Vote::new(1, 3)).await.unwrap();
    node.log.save_vote(&Vote::new_committed(1, 2)).await.unwrap();
    let entries: Vec<_> = (1..=5).map(|index| entry(1, index)).collect();
    node.append(entries.clone()).await;
    node.log.truncate_after(Some(log_id(1, 4))).await.unwrap();
    node.append(vec![entry(2, 5)]).await;
    node.log.save_committed(Some(log_id(1, 3))).await.unwrap();
    node.apply(entries[..3].to_vec()).await.unwrap();
    node.snapshot().await;
    node.log.purge(log_id(1, 2)).await.unwrap();
    node.close();
    let mut node = open(dir.path()).unwrap();
    assert_eq!(node.suspect, None);
    assert_eq!(node.log.read_vote().await.unwrap(), Some(Vote::new_committed(1, 2)));
    assert_eq!(node.log.read_committed().await.unwrap(), Some(log_id(1, 3)));
    let state = node.log.get_log_state().await.unwrap();
    assert_eq!((state.last_purged_log_id, state.last_log_id), (Some(log_id(1, 2)), Some(log_id(2, 5))));
    let read = node.log.try_get_log_entries(0..100).await.unwrap();
    assert_eq!(read, [entry(1, 3), entry(1, 4), entry(2, 5)]);
}

/// A follower applies what a majority has on disk, perhaps before its own disk has it, and may write a snapshot of that: after
/// a power failure the log ends before the snapshot. Nothing is lost then.
#[tokio::test]
async fn a_log_that_ends_before_the_snapshot_goes_on_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    let entries: Vec<_> = (1..=5).map(|index| entry(1, index)).collect();
    node.append(entries[..3].to_vec()).await;
    node.apply(entries).await.unwrap();
    node.snapshot().await;
    node.close();

    let mut node = open(dir.path()).unwrap();
    assert_eq!(node.suspect, None);
    let mut helper = StorageHelper::new(&mut node.log, &mut node.state_machine).with_id(1);
    helper.get_initial_state().await.unwrap();
    assert_eq!(node.log.last(), Some(log_id(1, 5)));
    node.append(vec![entry(1, 6)]).await;
    node.close();

    let node = open(dir.path()).unwrap();
    assert_eq!(node.suspect, None);
    assert_eq!((node.log.purged(), node.log.last()), (Some(log_id(1, 5)), Some(log_id(1, 6))));
}

#[tokio::test]
async fn a_long_read_is_cut_into_pages_that_leave_nothing_out() {
    use futures::StreamExt;
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    let big = |index| {
        let mut command = crate::node::open_gateway(index);
        if let ringmain_routing::Command::OpenSession(open) = &mut command {
            open.name = "n".repeat(900 << 10).into();
        }
        crate::node::batch_entry(1, index, &[(None, command)])
    };
    let entries: Vec<_> = (1..=5).map(big).collect();
    node.append(entries.clone()).await;
    assert_eq!(node.log.limited_get_log_entries(1, 6).await.unwrap(), entries[..2]);
    let read: Vec<_> = node.log.entries_stream(1..6).await.map(|e| e.unwrap()).collect().await;
    assert_eq!(read, entries);
}
