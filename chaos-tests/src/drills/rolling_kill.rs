//! `kill -9` of each node in turn under load, then of all at once: nothing accepted is lost, nobody misses anything.

use std::time::Duration;

use anyhow::Result;
use ringmain_routing::NodeId;

use super::exercise::{Exercise, Ground, Load, SETTLE};
use super::nodes::NodeOptions;
use super::report::{ALL, FOLLOWER, LEADER, Report};

pub(super) const NAME: &str = "rolling-kill";

const NODES: usize = 3;
const HOW: &str = "kill -9";
const WARM_UP: Duration = Duration::from_secs(3);
/// How long a killed node stays away; the wanderers move half-way.
const AWAY: Duration = Duration::from_secs(3);
const BETWEEN: Duration = Duration::from_secs(2);

/// Runs the drill in a folder and judges it.
pub(super) async fn run(ground: &Ground<'_>) -> Result<Report> {
    let mut exercise = Exercise::prepare(ground, NODES, NodeOptions::default())?;
    exercise.open().await?;
    let load = exercise.seat_everybody(ground.rate)?;
    tokio::time::sleep(WARM_UP).await;
    kill_each(&mut exercise, &load).await?;
    kill_all(&mut exercise, &load).await?;
    tokio::time::sleep(BETWEEN).await;
    exercise.conclude(load).await
}

async fn kill_each(exercise: &mut Exercise, load: &Load) -> Result<()> {
    let (leader, _) = exercise.wait_for_leader().await?;
    let mut order = exercise.ids();
    // The leader first: by its turn a node may have become leader, so that followers are met too.
    order.sort_by_key(|node| (*node != leader, *node));
    for node in order {
        let (leader, term) = exercise.wait_for_leader().await?;
        let role = if node == leader { LEADER } else { FOLLOWER };
        kill(exercise, &[node], role, term)?;
        println!("killed node {node} ({role})");
        tokio::time::sleep(AWAY / 2).await;
        exercise.wander(load, &[node]).await;
        tokio::time::sleep(AWAY / 2).await;
        exercise.restart(&[node], SETTLE).await?;
        tokio::time::sleep(BETWEEN).await;
    }
    Ok(())
}

async fn kill_all(exercise: &mut Exercise, load: &Load) -> Result<()> {
    let (_, term) = exercise.wait_for_leader().await?;
    let nodes = exercise.ids();
    kill(exercise, &nodes, ALL, term)?;
    println!("killed all nodes");
    exercise.restart(&nodes, SETTLE).await?;
    exercise.wait_for_leader().await?;
    exercise.wander(load, &[]).await;
    Ok(())
}

fn kill(exercise: &mut Exercise, nodes: &[NodeId], role: &'static str, term: u64) -> Result<()> {
    exercise.note_kill(nodes, HOW, role, term);
    nodes.iter().try_for_each(|node| exercise.nodes.kill(*node))
}
