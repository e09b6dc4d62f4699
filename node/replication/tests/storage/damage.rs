//! A bit that flips on the disk is noticed at the next start, the file is named, and its content is not served.

use std::fs;
use std::path::Path;

use openraft::storage::RaftLogStorage;
use ringmain_replication::mark::Suspect;
use ringmain_replication::type_config::Vote;

use ringmain_replication::identity;
use ringmain_replication::state_machine::StateConfig;
use ringmain_replication::verify::{FileKind, FileState, verify};
use ringmain_routing::{Incarnation, LogIndex, NodeId};

use crate::node::{entry, files, flip, meter, open, open_error, open_with, state_config};

/// A node with a vote, 20 entries, of which a snapshot holds 12.
async fn lived(dir: &Path) {
    let mut node = open(dir).unwrap();
    node.log.save_vote(&Vote::new_committed(1, 1)).await.unwrap();
    node.run(1, 12).await;
    node.snapshot().await;
    node.run(13, 20).await;
    node.close();
}

/// The log as it was, without the file that is begun when a tail was cut.
fn restore(dir: &Path, file: &Path, sound: &[u8]) {
    for other in files(dir, "log", "wal") {
        fs::remove_file(other).unwrap();
    }
    fs::write(file, sound).unwrap();
}

#[tokio::test]
async fn every_flipped_byte_of_the_log_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    node.log.save_vote(&Vote::new_committed(1, 1)).await.unwrap();
    node.run(1, 3).await;
    node.close();
    let [file] = &files(dir.path(), "log", "wal")[..] else { panic!("one log file") };
    let sound = fs::read(file).unwrap();
    for byte in 0..sound.len() {
        flip(file, byte, 1 << (byte % 8));
        match open(dir.path()) {
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains(&file.display().to_string()), "byte {byte}: {text}");
            }
            // The hint of what was committed is the last record: cut off like a torn one, it costs nothing.
            Ok(node) if byte + 32 > sound.len() => assert_eq!(node.log.last(), Some(entry(1, 3).log_id)),
            Ok(_) => panic!("byte {byte} of {} went unnoticed", sound.len()),
        }
        restore(dir.path(), file, &sound);
    }
    assert_eq!(open(dir.path()).unwrap().suspect, None);
}

#[tokio::test]
async fn every_flipped_byte_of_the_last_vote_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    node.log.save_vote(&Vote::new(1, 1)).await.unwrap();
    let before = fs::metadata(&files(dir.path(), "log", "wal")[0]).unwrap().len() as usize;
    node.log.save_vote(&Vote::new(7, 3)).await.unwrap();
    node.close();
    let file = &files(dir.path(), "log", "wal")[0];
    let (sound, mark) = (fs::read(file).unwrap(), fs::read(dir.path().join("mark")).unwrap());
    for (byte, mask) in (before..sound.len()).flat_map(|byte| [1, 2, 128].map(|mask| (byte, mask))) {
        flip(file, byte, mask);
        match open(dir.path()) {
            Err(error) => assert!(error.to_string().contains(&file.display().to_string())),
            Ok(node) => assert!(matches!(node.suspect, Some(Suspect::VoteLost { .. })), "byte {byte}"),
        }
        restore(dir.path(), file, &sound);
        fs::write(dir.path().join("mark"), &mark).unwrap();
    }
}

#[tokio::test]
async fn a_damaged_snapshot_is_set_aside_where_the_log_reaches_back_far_enough() {
    let dir = tempfile::tempdir().unwrap();
    lived(dir.path()).await;
    let [file] = &files(dir.path(), "snapshots", "rmp")[..] else { panic!("one snapshot") };
    flip(file, 200, 8);
    let mut node = open(dir.path()).unwrap();
    assert_eq!(files(dir.path(), "snapshots", "damaged").len(), 1);
    assert_eq!(node.machine.index().0, 0, "from the beginning of the log");
    node.replay().await.unwrap();
    assert_eq!(node.history().last().unwrap().0, 20);
}

#[tokio::test]
async fn a_damaged_snapshot_that_the_log_does_not_reach_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    lived(dir.path()).await;
    let [file] = &files(dir.path(), "snapshots", "rmp")[..] else { panic!("one snapshot") };
    flip(file, 200, 8);
    let config = StateConfig { purged: Some(5), ..state_config(dir.path()) };
    let text = open_with(&config).err().unwrap().to_string();
    assert!(text.contains(&file.display().to_string()) && text.contains("damaged"), "{text}");
    assert!(file.exists(), "nothing was changed");
}

#[tokio::test]
async fn damaged_or_missing_history_is_set_aside_and_comes_from_a_peer() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for dir in &dirs {
        lived(dir.path()).await;
    }
    let mut peer = open(dirs[0].path()).unwrap();
    peer.replay().await.unwrap();
    let dir = dirs[1].path();
    let [first, second, _] = &files(dir, "history", "rms")[..] else { panic!("three segments") };
    let whole = fs::read(first).unwrap();
    flip(first, 60, 8);
    flip(second, 100, 8);
    let mut node = open(dir).unwrap();
    assert_eq!(files(dir, "history", "damaged").len(), 1, "a full segment is taken by its seal");
    let unscrubbed = node.machine.history(LogIndex(0), 1).unwrap_err().to_string();
    assert!(unscrubbed.contains("damaged"), "and yet nothing is served that does not fit: {unscrubbed}");
    while node.machine.scrub_next().unwrap() {}
    assert_eq!(files(dir, "history", "damaged").len(), 2);
    let absent = node.machine.absent_history().unwrap();
    assert_eq!(absent.iter().map(|s| (s.first.0, s.last.0)).collect::<Vec<_>>(), [(1, 8), (9, 12)]);
    let error = node.machine.history(LogIndex(0), 1).unwrap_err().to_string();
    assert!(error.contains("lacks the segment at 1"), "{error}");

    let machine = peer.machine.clone();
    node.machine.fetch_with(Box::new(move |piece| {
        let answer = machine.segment_piece(piece).map_err(|error| error.to_string());
        Box::pin(std::future::ready(answer))
    }));
    for segment in absent {
        node.machine.heal(segment).await.unwrap();
    }
    node.replay().await.unwrap();
    assert_eq!(node.history(), peer.history());
    assert_eq!(fs::read(first).unwrap(), whole);
    assert!(node.machine.absent_history().unwrap().is_empty());
    node.close();

    let mut byte_of_seal = fs::read(first).unwrap();
    *byte_of_seal.last_mut().unwrap() ^= 1;
    fs::write(first, byte_of_seal).unwrap();
    let node = open(dir).unwrap();
    assert!(!node.machine.absent_history().unwrap().is_empty(), "a damaged seal is found at the start");
    node.close();
    let node = open(dir).unwrap();
    assert_eq!(node.machine.absent_history().unwrap()[0].first, LogIndex(1));
}

#[tokio::test]
async fn verify_names_each_file_and_what_is_wrong_with_it_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let owner = identity::Owner {
        cluster: "north".into(),
        node: NodeId(1),
        incarnation: Incarnation(1),
        member: true,
        generation: 1,
        format: identity::FORMAT,
    };
    identity::Identity::create(dir.path(), &owner, meter()).unwrap();
    lived(dir.path()).await;
    let sound = verify(dir.path()).unwrap();
    assert_eq!(sound.damaged(), 0, "{sound:?}");
    let of = |kind| sound.findings.iter().filter(|finding| finding.kind == kind).count();
    assert_eq!((of(FileKind::Snapshot), of(FileKind::Segment), of(FileKind::Log)), (1, 3, 1));

    for (folder, extension, byte) in [("snapshots", "rmp", 200), ("history", "rms", 60), ("log", "wal", 40)] {
        let file = files(dir.path(), folder, extension)[0].clone();
        let whole = fs::read(&file).unwrap();
        flip(&file, byte, 8);
        let found = verify(dir.path()).unwrap();
        let wrong: Vec<_> = found.findings.iter().filter(|f| f.state != FileState::Sound).collect();
        assert!(wrong.iter().any(|finding| finding.path == file), "{folder}: {wrong:?}");
        assert!(file.exists(), "{folder}");
        fs::write(&file, whole).unwrap();
    }
    fs::remove_file(&files(dir.path(), "history", "rms")[0]).unwrap();
    assert_eq!(verify(dir.path()).unwrap().damaged(), 1);
}

#[tokio::test]
async fn a_flipped_bit_behind_the_snapshot_is_dropped_and_written_again_by_replay() {
    let dir = tempfile::tempdir().unwrap();
    lived(dir.path()).await;
    let file = files(dir.path(), "history", "rms")[1].clone();
    let sound = fs::read(&file).unwrap();
    // Records 9 to 16; the snapshot needs those up to 12.
    flip(&file, sound.len() - 150, 8);
    let mut node = open(dir.path()).unwrap();
    assert_eq!(node.history().last().unwrap().0, 12, "what is damaged is not served");
    node.replay().await.unwrap();
    assert_eq!(node.history().last().unwrap().0, 20);
    assert_eq!(fs::read(&file).unwrap(), sound);
}

#[tokio::test]
async fn a_log_cut_short_makes_the_node_suspect() {
    let dir = tempfile::tempdir().unwrap();
    lived(dir.path()).await;
    let file = &files(dir.path(), "log", "wal")[0];
    let len = fs::metadata(file).unwrap().len();
    fs::File::options().write(true).open(file).unwrap().set_len(len - 200).unwrap();
    let node = open(dir.path()).unwrap();
    assert!(matches!(node.suspect, Some(Suspect::LogTailLost { .. })), "{:?}", node.suspect);
    node.close();
    assert!(matches!(open(dir.path()).unwrap().suspect, Some(Suspect::FoundBefore { .. })));
}

#[tokio::test]
async fn a_torn_record_that_was_never_acknowledged_is_cut_and_the_node_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    lived(dir.path()).await;
    let file = &files(dir.path(), "log", "wal")[0];
    let mut bytes = fs::read(file).unwrap();
    let torn = bytes[100..160].to_vec();
    bytes.extend_from_slice(&[0, 0, 0, 1]);
    bytes.extend_from_slice(&torn[..5]);
    fs::write(file, bytes).unwrap();
    let mut node = open(dir.path()).unwrap();
    assert_eq!(node.suspect, None);
    assert_eq!(node.log.last(), Some(entry(1, 20).log_id));
    node.replay().await.unwrap();
    node.run(21, 22).await;
    node.close();
    assert_eq!(open(dir.path()).unwrap().log.last(), Some(entry(1, 22).log_id));
}

#[tokio::test]
async fn a_log_that_begins_behind_the_state_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    lived(dir.path()).await;
    let mut node = open(dir.path()).unwrap();
    node.log.purge(entry(1, 12).log_id).await.unwrap();
    node.close();
    fs::remove_file(&files(dir.path(), "snapshots", "rmp")[0]).unwrap();
    assert!(open_error(dir.path()).contains("begins behind entry Some(12)"));
}
