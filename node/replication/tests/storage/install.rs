//! A replica that is far behind takes a snapshot, and the history before it, from the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use openraft::storage::RaftStateMachine;
use ringmain_replication::snapshot_files::SnapshotFile;
use ringmain_replication::state_machine::{FetchSegment, Machine, PrepareError};
use ringmain_routing::LogIndex;

use crate::node::{Node, files, log_id, open};

/// Hands out pieces of `machine`'s segments, a few bytes at a time, and counts them.
fn fetch_from(machine: &Machine, asked: &Arc<AtomicUsize>) -> FetchSegment {
    let (machine, asked) = (machine.clone(), Arc::clone(asked));
    Box::new(move |mut piece| {
        asked.fetch_add(1, Ordering::Relaxed);
        piece.len = piece.len.min(700);
        let answer = machine.segment_piece(piece).map_err(|error| error.to_string());
        Box::pin(std::future::ready(answer))
    })
}

fn send(from: &SnapshotFile, to: &Node) -> SnapshotFile {
    let mut receiver = to.machine.receive_snapshot(from.hash()).unwrap().unwrap();
    while receiver.len() < from.len() {
        receiver.append(&from.read_chunk(receiver.len()).unwrap()).unwrap();
    }
    receiver.finish().unwrap()
}

async fn install(node: &mut Node, snapshot: SnapshotFile) {
    let meta = snapshot.head().meta.clone();
    node.state_machine.install_snapshot(&meta, snapshot).await.unwrap();
}

#[tokio::test]
async fn a_replica_that_is_behind_gets_state_and_history() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut ahead = open(dirs[0].path()).unwrap();
    ahead.run(1, 30).await;
    let snapshot = ahead.snapshot().await;
    ahead.run(31, 35).await;
    let mut behind = open(dirs[1].path()).unwrap();
    behind.run(1, 10).await;
    let asked = Arc::new(AtomicUsize::new(0));
    behind.machine.fetch_with(fetch_from(&ahead.machine, &asked));
    let received = send(&snapshot, &behind);
    behind.machine.prepare(&received).await.unwrap();
    let after_preparing = asked.load(Ordering::Relaxed);
    assert!(after_preparing > 0);
    assert_eq!(behind.machine.index(), LogIndex(10), "preparing changes no state");
    install(&mut behind, received).await;
    assert_eq!(asked.load(Ordering::Relaxed), after_preparing, "what was prepared is not fetched again");
    assert_eq!(behind.state_machine.applied_state().await.unwrap().0, Some(log_id(1, 30)));
    assert_eq!(behind.history(), ahead.history()[..30]);
    let entries = (31..=35).map(|index| crate::node::entry(1, index)).collect();
    behind.apply(entries).await.unwrap();
    assert_eq!((behind.state(), behind.history()), (ahead.state(), ahead.history()));
    let contents = dirs.each_ref().map(|dir| {
        files(dir.path(), "history", "rms").iter().map(|f| std::fs::read(f).unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(contents[0], contents[1]);
}

#[tokio::test]
async fn a_snapshot_of_its_own_leaves_what_was_fetched_for_one_that_comes_in() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut ahead = open(dirs[0].path()).unwrap();
    ahead.run(1, 30).await;
    let snapshot = ahead.snapshot().await;
    let mut behind = open(dirs[1].path()).unwrap();
    behind.run(1, 10).await;
    let asked = Arc::new(AtomicUsize::new(0));
    behind.machine.fetch_with(fetch_from(&ahead.machine, &asked));
    let arrival = behind.machine.arrival();
    let received = send(&snapshot, &behind);
    behind.machine.prepare(&received).await.unwrap();
    let fetched = asked.load(Ordering::Relaxed);
    behind.snapshot().await;
    behind.machine.prepare(&received).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), fetched, "nothing is fetched again");
    drop(arrival);
    behind.run(11, 11).await;
    behind.snapshot().await;
    behind.machine.prepare(&received).await.unwrap();
    assert!(asked.load(Ordering::Relaxed) > fetched, "nobody was coming: what lay about is gone");
}

#[tokio::test]
async fn an_installed_snapshot_is_there_after_a_restart() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut ahead = open(dirs[0].path()).unwrap();
    ahead.run(1, 20).await;
    let snapshot = ahead.snapshot().await;
    let mut behind = open(dirs[1].path()).unwrap();
    behind.machine.fetch_with(fetch_from(&ahead.machine, &Arc::default()));
    let received = send(&snapshot, &behind);
    install(&mut behind, received).await;
    behind.close();
    let behind = open(dirs[1].path()).unwrap();
    assert_eq!((behind.state(), behind.history()), (ahead.state(), ahead.history()));
    assert_eq!(behind.machine.latest_snapshot().map(|s| s.hash()), Some(snapshot.hash()));
}

#[tokio::test]
async fn a_crash_between_history_and_snapshot_harms_nothing() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut ahead = open(dirs[0].path()).unwrap();
    ahead.run(1, 20).await;
    ahead.snapshot().await;
    let mut behind = open(dirs[1].path()).unwrap();
    behind.run(1, 3).await;
    behind.close();
    // All segments are in their places, the snapshot is not.
    for file in files(dirs[0].path(), "history", "rms") {
        std::fs::copy(&file, dirs[1].path().join("history").join(file.file_name().unwrap())).unwrap();
    }
    let mut behind = open(dirs[1].path()).unwrap();
    behind.replay().await.unwrap();
    assert_eq!(behind.history(), ahead.history()[..3]);
    behind.run(4, 20).await;
    assert_eq!((behind.state(), behind.history()), (ahead.state(), ahead.history()));
    assert_eq!(behind.snapshot().await.hash(), ahead.snapshot().await.hash());
}

#[tokio::test]
async fn damaged_history_from_a_peer_is_refused() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut ahead = open(dirs[0].path()).unwrap();
    ahead.run(1, 20).await;
    let snapshot = ahead.snapshot().await;
    let behind = open(dirs[1].path()).unwrap();
    let machine = ahead.machine.clone();
    behind.machine.fetch_with(Box::new(move |piece| {
        let mut answer = machine.segment_piece(piece).map_err(|error| error.to_string());
        if let Ok(bytes) = &mut answer {
            bytes[90] ^= 1;
        }
        Box::pin(std::future::ready(answer))
    }));
    let received = send(&snapshot, &behind);
    let error = behind.machine.prepare(&received).await.unwrap_err();
    assert!(matches!(error, PrepareError::Storage(_)), "{error}");
}

#[tokio::test]
async fn without_peers_a_snapshot_waits() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut ahead = open(dirs[0].path()).unwrap();
    ahead.run(1, 20).await;
    let snapshot = ahead.snapshot().await;
    let behind = open(dirs[1].path()).unwrap();
    behind.machine.fetch_with(Box::new(|_| Box::pin(std::future::ready(Err("nobody there".into())))));
    let received = send(&snapshot, &behind);
    let error = behind.machine.prepare(&received).await.unwrap_err();
    assert!(matches!(&error, PrepareError::Peers { why, .. } if why == "nobody there"), "{error}");
}
