//! History: cut alike everywhere, complete, and readable from any index.

use std::fs;

use ringmain_replication::history::{HistoryError, Retention};
use ringmain_replication::state_machine::StateConfig;
use ringmain_routing::LogIndex;

use crate::node::{SEGMENT_RECORDS, entry, files, open, open_with, state_config};

#[tokio::test]
async fn segments_are_the_same_files_on_every_replica() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (n, dir) in dirs.iter().enumerate() {
        let mut node = open(dir.path()).unwrap();
        // One replica applies in one go, the other restarts in between.
        if n == 0 {
            node.run(1, 30).await;
        } else {
            node.run(1, 13).await;
            node.close();
            node = open(dir.path()).unwrap();
            node.replay().await.unwrap();
            node.run(14, 30).await;
        }
    }
    let contents = dirs.each_ref().map(|dir| {
        let files = files(dir.path(), "history", "rms");
        files.iter().map(|f| (f.file_name().unwrap().to_owned(), fs::read(f).unwrap())).collect::<Vec<_>>()
    });
    assert_eq!(contents[0].len() as u64, 30 / SEGMENT_RECORDS + 1);
    assert_eq!(contents[0], contents[1]);
}

#[tokio::test]
async fn history_is_read_from_any_index_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    node.run(1, 30).await;
    for after in 0..=30 {
        let page = node.machine.history(LogIndex(after), 4).unwrap();
        let expected: Vec<_> = (after + 1..=30).take(4).collect();
        assert_eq!(page.iter().map(|r| r.log_index.0).collect::<Vec<_>>(), expected, "after {after}");
    }
    let record = &node.machine.history(LogIndex(4), 1).unwrap()[0];
    assert_eq!((record.raft_index, record.term, record.at.0), (5, 1, 1_005));
    assert_eq!(record.command, crate::node::open_gateway(5).encode());
}

#[tokio::test]
async fn a_bit_that_flips_while_the_node_runs_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    node.run(1, 30).await;
    let file = &files(dir.path(), "history", "rms")[1];
    crate::node::flip(file, 300, 8);
    let served: Vec<_> = (0..30).filter(|&after| node.machine.history(LogIndex(after), 30).is_ok()).collect();
    let error = node.machine.history(LogIndex(8), 30).unwrap_err().to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
    assert!(served.iter().all(|&after| after >= 16), "{served:?}");
}

#[tokio::test]
async fn the_feed_and_the_history_tell_the_same() {
    use ringmain_replication::feed::FeedRead;
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    let feed = node.machine.feed();
    node.append(vec![entry(1, 1), entry(1, 2)]).await;
    node.apply(vec![entry(1, 1), entry(1, 2)]).await.unwrap();
    let FeedRead::Entries(applied) = feed.since(LogIndex(0), 9) else { panic!("gone") };
    let history = node.machine.history(LogIndex(0), 9).unwrap();
    let told = |one: &ringmain_replication::feed::Applied| (one.index, one.raft_index, one.at, one.chain);
    assert_eq!(
        applied.iter().map(|one| told(one)).collect::<Vec<_>>(),
        history.iter().map(|r| (r.log_index, r.raft_index, r.at, r.chain)).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn old_history_goes_with_a_snapshot_and_its_absence_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { keep_ms: 0, bytes_max: 1 };
    let config = StateConfig { retention, ..state_config(dir.path()) };
    let mut node = open_with(&config).unwrap();
    node.run(1, 20).await;
    assert_eq!(node.history().len(), 20, "nothing goes before a snapshot is there");
    node.snapshot().await;
    let gone = node.machine.history(LogIndex(3), 1).unwrap_err();
    assert!(matches!(gone, HistoryError::Gone { oldest: LogIndex(17), .. }), "{gone}");
    assert_eq!(node.machine.history(LogIndex(16), 9).unwrap().len(), 4);
    node.run(21, 30).await;
    node.close();

    let mut node = open_with(&config).unwrap();
    node.replay().await.unwrap();
    assert_eq!(node.machine.history(LogIndex(16), 99).unwrap().len(), 14);
    assert!(node.machine.absent_history().unwrap().is_empty(), "what was given up is not missed");
    node.snapshot().await;
    assert_eq!(node.machine.history(LogIndex(24), 99).unwrap().len(), 6);
}
