//! A bit that flips on the disk is noticed at the next start, the file is named, and its content is not served.

use std::fs;
use std::path::Path;

use openraft::storage::RaftLogStorage;
use ringmain_replication::mark::Suspect;
use ringmain_replication::type_config::Vote;

use crate::node::{entry, files, flip, open, open_error};

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
async fn a_flipped_bit_in_the_snapshot_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    lived(dir.path()).await;
    let [file] = &files(dir.path(), "snapshots", "rmp")[..] else { panic!("one snapshot") };
    flip(file, 200, 8);
    let text = open_error(dir.path());
    assert!(text.contains(&file.display().to_string()) && text.contains("damaged"), "{text}");
}

#[tokio::test]
async fn a_flipped_bit_in_history_that_the_snapshot_needs_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    lived(dir.path()).await;
    let [first, second, _] = &files(dir.path(), "history", "rms")[..] else { panic!("three segments") };
    for (file, byte) in [(first, 3), (first, 60), (second, 100)] {
        let sound = fs::read(file).unwrap();
        flip(file, byte, 8);
        let text = open_error(dir.path());
        assert!(text.contains(&file.display().to_string()) && text.contains("damaged"), "{text}");
        fs::write(file, sound).unwrap();
    }
    let seal = fs::metadata(first).unwrap().len() as usize - 4;
    flip(first, seal, 8);
    assert!(open_error(dir.path()).contains("damaged"));
}

#[tokio::test]
async fn missing_history_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    lived(dir.path()).await;
    fs::remove_file(&files(dir.path(), "history", "rms")[0]).unwrap();
    assert!(open_error(dir.path()).contains("segment with record 1 is missing"));
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
