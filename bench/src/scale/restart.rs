//! A follower that is killed and comes back, and a node that joins.

use std::time::Duration;

use anyhow::{bail, ensure};
use ringmain_protocol::client::{CallConfig, ClusterClient};
use ringmain_protocol::v1::{AddNodeRequest, AddStage};

use super::crowd::Presence;
use super::figures::{Comeback, Joining};
use super::gauge::{labelled, value};
use super::stand::{LOOK_EVERY, Stand};
use super::voice::Voice;
use crate::clock::Stopwatch;
use crate::cluster::{http, log_index};

/// How long a node may take to come back, or to catch up.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long gateways may take to be online again until no more is waited for.
const GATEWAYS: Duration = Duration::from_secs(60);
/// Between two calls to take a node in.
const CALL_AGAIN: Duration = Duration::from_millis(500);

impl Stand {
    /// Kills a follower, starts it again at once, and waits until it has caught up and all gateways are online.
    pub(super) async fn kill_a_follower(
        &mut self,
        round: usize,
        presence: &Presence,
        voice: &Voice,
    ) -> anyhow::Result<Comeback> {
        let (leader, led) = self.leader().await?;
        let others: Vec<usize> = (0..self.nodes.addresses().len()).filter(|place| *place != leader).collect();
        let place = others[round % others.len()];
        let snapshot = self.statuses().await?[place].raft_snapshot;
        let (goal, gateways) = (log_index(&led), presence.online());
        voice.doing(format!("killing node {}, and starting it again", place + 1));
        self.nodes.kill(place)?;
        let watch = Stopwatch::start();
        self.nodes.restart(place)?;
        let serving_s = self.until_ready(place, &watch).await?;
        let caught_up_s = self.until_applied(place, goal, &watch).await?;
        let metrics = http(&self.nodes.http_addresses()[place], "/metrics").await?;
        Ok(Comeback {
            node: place as u64 + 1,
            serving_s,
            caught_up_s,
            read_s: value(&metrics, "ringmain_start_read_seconds").unwrap_or_default(),
            entries_behind: led.raft_applied.saturating_sub(snapshot),
            resident: self.nodes.resident()?[place],
            gateways_back_s: until_online(presence, gateways, &watch).await,
        })
    }

    /// Until the node says that clients may come.
    async fn until_ready(&mut self, place: usize, watch: &Stopwatch) -> anyhow::Result<f64> {
        let address = self.nodes.http_addresses()[place].clone();
        loop {
            // One that is not up yet refuses the connection.
            let answer = http(&address, "/readyz").await.unwrap_or_default();
            if answer.split_whitespace().nth(1) == Some("200") {
                return Ok(watch.elapsed().as_secs_f64());
            }
            self.look_on(watch, "ready").await?;
        }
    }

    /// Until the node answers at all.
    async fn until_up(&mut self, place: usize, watch: &Stopwatch) -> anyhow::Result<()> {
        let address = self.nodes.http_addresses()[place].clone();
        while http(&address, "/livez").await.is_err() {
            self.look_on(watch, "up").await?;
        }
        Ok(())
    }

    async fn until_applied(&mut self, place: usize, goal: u64, watch: &Stopwatch) -> anyhow::Result<f64> {
        loop {
            let statuses = self.gauges.statuses.read().await;
            let applied = statuses.get(place).and_then(Option::as_ref).map_or(0, log_index);
            if applied >= goal {
                return Ok(watch.elapsed().as_secs_f64());
            }
            self.look_on(watch, "level with the leader").await?;
        }
    }

    async fn look_on(&mut self, watch: &Stopwatch, what: &str) -> anyhow::Result<()> {
        self.nodes.check_running()?;
        ensure!(watch.elapsed() < PATIENCE, "the node is not {what} within {} s", PATIENCE.as_secs());
        tokio::time::sleep(LOOK_EVERY).await;
        Ok(())
    }

    /// Starts one more node and has the cluster take it in.
    pub(super) async fn take_one_in(&mut self, token: &str, voice: &Voice) -> anyhow::Result<Joining> {
        let before = self.freight().await?;
        let client = ClusterClient::new(&CallConfig::new(self.nodes.addresses(), token))?;
        let watch = Stopwatch::start();
        let (place, request) = self.nodes.join()?;
        self.until_up(place, &watch).await?;
        let mut joining = Joining::default();
        while let Err(why) = call(&client, &request, &mut joining, (&watch, voice)).await {
            joining.given_up.push(why.clone());
            if watch.elapsed() > PATIENCE {
                bail!("the cluster did not take a fourth node in: {why}");
            }
            self.look_on(&watch, "a voter").await?;
            tokio::time::sleep(CALL_AGAIN).await;
        }
        joining.seconds = watch.elapsed().as_secs_f64();
        self.look_at_all()?;
        joining.serving_s = self.until_ready(place, &watch).await?;
        let after = self.freight().await?;
        (joining.snapshot_bytes, joining.history_bytes) =
            (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
        joining.resident = self.nodes.resident()?[place];
        Ok(joining)
    }

    /// Bytes of snapshots and of history that all nodes have sent.
    async fn freight(&self) -> anyhow::Result<(u64, u64)> {
        let pages = self.metrics().await?;
        let sum = |label: &str| {
            let of =
                |page: &String| labelled(page, "ringmain_transfer_bytes_total", label).unwrap_or_default();
            pages.iter().map(of).sum::<f64>() as u64
        };
        Ok((sum("freight=\"snapshot\""), sum("freight=\"history\"")))
    }
}

/// One call; it says why it was given up.
async fn call(
    client: &ClusterClient,
    request: &AddNodeRequest,
    joining: &mut Joining,
    (watch, voice): (&Stopwatch, &Voice),
) -> Result<(), String> {
    joining.calls += 1;
    let step = client.add_node(request.clone(), |step| match step.stage() {
        AddStage::Admitted => joining.admitted_s = watch.elapsed().as_secs_f64(),
        AddStage::CatchingUp => voice.doing(format!("a fourth node lacks {} entries", step.lag_entries)),
        AddStage::Voter | AddStage::Unspecified => {}
    });
    let last = step.await.map_err(|error| error.to_string())?;
    match last.stage() {
        AddStage::Voter => Ok(()),
        AddStage::Unspecified | AddStage::Admitted | AddStage::CatchingUp => {
            Err(format!("the call ended at {:?}", last.stage()))
        }
    }
}

async fn until_online(presence: &Presence, gateways: usize, watch: &Stopwatch) -> Option<f64> {
    let begin = watch.elapsed();
    while presence.online() < gateways {
        if watch.elapsed().saturating_sub(begin) > GATEWAYS {
            return None;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Some(watch.elapsed().as_secs_f64())
}
