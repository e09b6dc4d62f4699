//! The same log leads to the same state, however often the node starts in between.

use openraft::storage::RaftStateMachine;
use ringmain_replication::state_machine::StateConfig;
use ringmain_routing::{Incarnation, NodeId};

use crate::node::{batch_entry, entry, log_id, open, open_gateway, open_with, origin, state_config};

#[tokio::test]
async fn a_restart_leads_to_the_same_state_with_and_without_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    node.run(1, 10).await;
    let (state, history) = (node.state(), node.history());
    node.close();
    let mut node = open(dir.path()).unwrap();
    assert_eq!(node.machine.index().0, 0);
    node.replay().await.unwrap();
    assert_eq!((node.state(), node.history()), (state, history));
    node.snapshot().await;
    node.run(11, 20).await;
    let (state, history) = (node.state(), node.history());
    node.close();
    let mut node = open(dir.path()).unwrap();
    assert_eq!(node.state_machine.applied_state().await.unwrap().0, Some(log_id(1, 10)));
    node.replay().await.unwrap();
    assert_eq!((node.state(), node.history()), (state, history));
}

#[tokio::test]
async fn replay_that_leads_elsewhere_stops_the_node() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    node.run(1, 4).await;
    node.close();
    let mut node = open(dir.path()).unwrap();
    node.apply(vec![entry(1, 1)]).await.unwrap();
    let other = batch_entry(1, 2, &[(Some(origin(2)), open_gateway(77))]);
    let error = node.apply(vec![other]).await.unwrap_err().to_string();
    assert!(error.contains("record 2 is not what applying the log again leads to"), "{error}");
}

#[tokio::test]
async fn a_proposal_appended_twice_is_applied_once_also_after_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    let twice = |index| {
        batch_entry(1, index, &[(Some(origin(1)), open_gateway(1)), (Some(origin(2)), open_gateway(2))])
    };
    node.append(vec![twice(1), twice(2)]).await;
    node.apply(vec![twice(1), twice(2)]).await.unwrap();
    assert_eq!(node.machine.index().0, 2);
    node.snapshot().await;
    node.close();
    let mut node = open(dir.path()).unwrap();
    let third = batch_entry(1, 3, &[(Some(origin(2)), open_gateway(2)), (Some(origin(3)), open_gateway(3))]);
    node.append(vec![third.clone()]).await;
    node.apply(vec![third]).await.unwrap();
    assert_eq!(node.machine.index().0, 3);
    assert_eq!(node.machine.last_run(NodeId(9)), Some(Incarnation(1)));
}

#[tokio::test]
async fn a_proposal_of_an_earlier_run_comes_too_late() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    let later = ringmain_replication::type_config::Origin { incarnation: Incarnation(2), ..origin(1) };
    let entries =
        vec![batch_entry(1, 1, &[(Some(later), open_gateway(1)), (Some(origin(5)), open_gateway(2))])];
    node.append(entries.clone()).await;
    node.apply(entries).await.unwrap();
    assert_eq!(node.machine.index().0, 1);
}

#[tokio::test]
async fn a_command_that_cannot_be_read_stops_the_node() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path()).unwrap();
    let mut strange = entry(1, 1);
    if let openraft::EntryPayload::Normal(batch) = &mut strange.payload {
        let command =
            ringmain_replication::type_config::ProposedCommand { frame: vec![250].into(), origin: None };
        batch.commands = vec![command].into();
    }
    let error = node.apply(vec![strange]).await.unwrap_err().to_string();
    assert!(error.contains("entry 1 cannot be applied"), "{error}");
}

#[tokio::test]
async fn replicas_take_snapshots_at_the_same_entries_and_their_bytes_are_equal() {
    let mut hashes = Vec::new();
    for pause in [None, Some(9)] {
        let dir = tempfile::tempdir().unwrap();
        let config = StateConfig { snapshot_log_bytes: 1_000, ..state_config(dir.path()) };
        let mut node = open_with(&config).unwrap();
        let due = node.machine.snapshot_due();
        let mut found = Vec::new();
        for index in 1..=60 {
            node.run(index, index).await;
            // One replica is a little late in writing; the state it writes is that of the entry.
            let at = *due.borrow();
            let late = pause.map_or(0, |pause| pause % 2);
            if at.is_some_and(|at| at.index + late == index) {
                let snapshot = node.snapshot().await;
                found.push((at, snapshot.hash(), snapshot.head().meta.last_log_id));
            }
        }
        assert!(found.len() >= 2, "{found:?}");
        assert!(found.iter().all(|(at, _, last)| at == last), "{found:?}");
        hashes.push(found);
    }
    assert_eq!(hashes[0], hashes[1]);
}
