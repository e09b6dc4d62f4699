//! Backups: what an archive holds, and what becomes of it.

use std::path::Path;

use ringmain_replication::archive::{self, Archive, ArchiveError, Restored, Target};
use ringmain_replication::config::Peer;
use ringmain_replication::identity;
use ringmain_replication::recover::{RecoverError, Survivor};
use ringmain_routing::{LogIndex, NodeId};

use crate::node::{Node, files, flip, meter, open};

const WALL_MS: u64 = 1_700_000_000_000;

fn me(node: u64) -> Peer {
    Peer {
        node: NodeId(node),
        peer_addr: "127.0.0.1:7112".into(),
        api_addr: "127.0.0.1:7111".into(),
        region: "north".into(),
    }
}

fn target(dir: &Path) -> Target {
    Target { dir: dir.to_path_buf(), cluster: "north".into(), me: me(9), wall_ms: WALL_MS }
}

fn save(node: &Node, path: &Path, with_history: bool) {
    let mut archive = Archive::of(&node.machine, "north", with_history).unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = archive.next_piece().unwrap() {
        bytes.extend_from_slice(&piece);
    }
    std::fs::write(path, bytes).unwrap();
}

async fn restore(archive: &Path, dir: &Path) -> Result<Restored, ArchiveError> {
    archive::restore(archive, &target(dir), &meter(), &mut |_| {}).await
}

#[tokio::test]
async fn a_restored_folder_has_the_state_and_the_history_of_the_backup() {
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut node = open(there.path()).unwrap();
    node.run(1, 20).await;
    let file = here.path().join("backup.rma");
    save(&node, &file, true);
    assert_eq!(archive::inspect(&file).unwrap().parts.len(), 1 + 3, "the state and three segments");

    let data = here.path().join("data");
    let restored = restore(&file, &data).await.unwrap();
    assert_eq!((restored.head.log_index, restored.generation), (20, WALL_MS));
    let mut again = open(&data).unwrap();
    assert_eq!((again.state(), again.history()), (node.state(), node.history()));
    assert!(again.suspect.is_none());
    again.run(21, 30).await;
    node.run(21, 30).await;
    assert_eq!(again.state(), node.state(), "it goes on as the old one would");
    let owner = identity::owner(&data).unwrap().unwrap();
    assert_eq!((owner.node, owner.member, owner.generation), (NodeId(9), true, WALL_MS));
}

#[tokio::test]
async fn a_backup_without_history_goes_on_from_its_last_segment() {
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut node = open(there.path()).unwrap();
    node.run(1, 20).await;
    let file = here.path().join("backup.rma");
    save(&node, &file, false);
    assert_eq!(archive::inspect(&file).unwrap().history_from, 17);
    let data = here.path().join("data");
    restore(&file, &data).await.unwrap();
    let mut again = open(&data).unwrap();
    again.run(21, 26).await;
    node.run(21, 26).await;
    assert_eq!(again.state(), node.state());
    let gone = again.machine.history(LogIndex(3), 1).unwrap_err().to_string();
    assert!(gone.contains("begins at 17"), "{gone}");
    assert_eq!(again.machine.history(LogIndex(16), 100).unwrap().len(), 10);
    again.close();
    assert_eq!(open(&data).unwrap().machine.index(), LogIndex(20), "it opens again from its snapshot");
}

#[tokio::test]
async fn a_flipped_bit_or_a_missing_end_is_found_and_nothing_is_left_behind() {
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut node = open(there.path()).unwrap();
    node.run(1, 9).await;
    let file = here.path().join("backup.rma");
    save(&node, &file, true);
    let sound = std::fs::read(&file).unwrap();
    let data = here.path().join("data");
    for byte in (0..sound.len()).step_by(7) {
        flip(&file, byte, 32);
        let error = archive::inspect(&file).unwrap_err();
        assert!(matches!(error, ArchiveError::Damaged { .. }), "byte {byte}: {error}");
        std::fs::write(&file, &sound).unwrap();
    }
    for len in [0, 3, 40, sound.len() / 2, sound.len() - 1] {
        std::fs::write(&file, &sound[..len]).unwrap();
        let error = restore(&file, &data).await.unwrap_err();
        assert!(matches!(error, ArchiveError::Damaged { .. }), "cut at {len}: {error}");
        let left: Vec<_> = std::fs::read_dir(here.path()).unwrap().map(|row| row.unwrap().path()).collect();
        assert_eq!(left, std::slice::from_ref(&file), "cut at {len}");
    }
}

#[tokio::test]
async fn a_folder_that_holds_something_is_not_restored_into() {
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut node = open(there.path()).unwrap();
    node.run(1, 3).await;
    let file = here.path().join("backup.rma");
    save(&node, &file, true);
    let data = here.path().join("data");
    std::fs::create_dir(&data).unwrap();
    restore(&file, &data).await.unwrap();
    let error = restore(&file, &data).await.unwrap_err();
    assert!(matches!(error, ArchiveError::NotEmpty { .. }), "{error}");
    open(&data).unwrap();
}

#[tokio::test]
async fn a_survivor_counts_all_its_log_has_and_is_alone() {
    let dir = tempfile::tempdir().unwrap();
    let owner = identity::Owner {
        cluster: "north".into(),
        node: NodeId(1),
        incarnation: ringmain_routing::Incarnation(3),
        member: true,
        generation: 1,
        format: identity::FORMAT,
    };
    identity::Identity::create(dir.path(), &owner, meter()).unwrap();
    let mut node = open(dir.path()).unwrap();
    node.run(1, 5).await;
    node.append((6..=8).map(|index| crate::node::entry(1, index)).collect()).await;
    node.close();

    let survivor = Survivor::open(dir.path(), "north", &me(1), &meter()).await.unwrap();
    let survey = survivor.survey().clone();
    assert_eq!((survey.raft_last, survey.raft_committed), (8, 5));
    assert_eq!(survey.others, [NodeId(9)], "the node whose commands the log holds");
    assert_eq!(survivor.force_new_cluster(WALL_MS).await.unwrap(), WALL_MS);

    let again = Survivor::open(dir.path(), "north", &me(1), &meter()).await.unwrap();
    assert_eq!((again.survey().raft_last, again.survey().generation), (10, WALL_MS));
    drop(again);
    let error = Survivor::open(dir.path(), "south", &me(1), &meter()).await.err().unwrap();
    assert!(matches!(error, RecoverError::Storage(_)), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = Survivor::open(empty.path(), "north", &me(1), &meter()).await.err().unwrap();
    assert!(matches!(error, RecoverError::NoMember { .. }), "{error}");
    assert!(files(dir.path(), "history", "tmp").is_empty());
}
