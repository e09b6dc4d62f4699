//! Streams of gateways and operators: how fast they open, what they cost, how fast operators become ready and leave.

use std::time::Duration;

use ringmain_protocol::client::{GatewayClient, OperatorClient, OperatorOperation, SessionConfig};

use super::crowd::{Member, Presence, Times, each, gather};
use super::figures::{Crowd, Setup};
use super::stand::Stand;
use super::voice::Voice;
use crate::cluster::Seat;
use crate::play::Stage;
use crate::usage::{Usage, resident_bytes};

/// How long a crowd that does nothing is watched.
const WATCHED: Duration = Duration::from_secs(10);
const WATCHED_SMOKE: Duration = Duration::from_secs(1);

/// What nodes and this program have in memory.
struct Memory {
    nodes: Vec<u64>,
    own: u64,
}

/// Where sessions are opened and looked at.
pub(super) struct Place<'a> {
    pub(super) setup: &'a Setup,
    pub(super) stage: &'a Stage,
    pub(super) stand: &'a Stand,
    pub(super) voice: &'a Voice,
    pub(super) is_smoke: bool,
}

impl Place<'_> {
    /// Opens the streams of all gateways.
    pub(super) async fn gateways(
        &self,
        seats: &[Seat],
        presence: &Presence,
    ) -> anyhow::Result<(Vec<Member<GatewayClient>>, Crowd, Option<String>)> {
        let before = self.memory()?;
        let with = (self.setup.at_once, presence, self.voice);
        let (members, times) = gather(self.configs(seats), GatewayClient::connect, with).await;
        let mut crowd = self.crowd(seats.len(), &times, &before)?;
        self.watch_idle(&mut crowd).await?;
        Ok((members, crowd, times.failure))
    }

    /// Signs all operators in, has them ready, and lets them leave.
    pub(super) async fn operators(&self, seats: &[Seat]) -> anyhow::Result<(Crowd, Option<String>)> {
        let (before, presence) = (self.memory()?, Presence::default());
        let with = (self.setup.at_once, &presence, self.voice);
        let (members, times) = gather(self.configs(seats), OperatorClient::connect, with).await;
        let mut crowd = self.crowd(seats.len(), &times, &before)?;
        self.watch_idle(&mut crowd).await?;
        let ready = self.ask_all(&members, OperatorOperation::Ready, "ready").await;
        let leave = self.ask_all(&members, OperatorOperation::SignOut, "signed out").await;
        (crowd.ready, crowd.ready_s) = (ready.each, ready.seconds);
        (crowd.leave, crowd.leave_s) = (leave.each, leave.seconds);
        let stopped = times.failure.or(ready.failure).or(leave.failure);
        Ok((crowd, stopped))
    }

    async fn ask_all(
        &self,
        members: &[Member<OperatorClient>],
        operation: OperatorOperation,
        words: &str,
    ) -> Times {
        let ask = |client: &OperatorClient| {
            let (client, operation) = (client.clone(), operation.clone());
            async move { client.ask(operation).await.map(drop).map_err(|error| error.to_string()) }
        };
        let total = members.len();
        each(members, self.setup.at_once, ask, |count| {
            self.voice.doing(format!("{words}: {count} of {total}"))
        })
        .await
    }

    fn configs(&self, seats: &[Seat]) -> Vec<SessionConfig> {
        let config = |(place, seat): (usize, &Seat)| {
            self.stage.session(&seat.name, &seat.token, place % self.setup.nodes)
        };
        seats.iter().enumerate().map(config).collect()
    }

    fn memory(&self) -> anyhow::Result<Memory> {
        Ok(Memory { nodes: self.stand.nodes.resident()?, own: resident_bytes(std::process::id())? })
    }

    fn crowd(&self, wanted: usize, times: &Times, before: &Memory) -> anyhow::Result<Crowd> {
        let after = self.memory()?;
        let more = |before: u64, after: u64| after as f64 - before as f64;
        let count = times.count.max(1) as f64;
        Ok(Crowd {
            wanted,
            online: times.count,
            seconds: times.seconds,
            to_online: times.each,
            node_bytes_each: more(before.nodes.iter().sum(), after.nodes.iter().sum()) / count,
            client_bytes_each: more(before.own, after.own) / count,
            resident: after.nodes,
            ..Crowd::default()
        })
    }

    /// What it costs when everybody is there and does nothing.
    async fn watch_idle(&self, crowd: &mut Crowd) -> anyhow::Result<()> {
        let length = if self.is_smoke { WATCHED_SMOKE } else { WATCHED };
        self.voice.doing("watching what nobody does");
        let own = || Usage::of(std::process::id());
        let (nodes, mine, begun) = (self.stand.nodes.usage()?, own()?, self.stage.elapsed());
        tokio::time::sleep(length).await;
        let seconds = self.stage.elapsed().saturating_sub(begun).as_secs_f64();
        let after = self.stand.nodes.usage()?;
        let used: f64 = nodes.iter().zip(&after).map(|(before, after)| after.since(before).processor_s).sum();
        crowd.idle_processors = used / seconds;
        crowd.idle_client_processors = own()?.since(&mine).processor_s / seconds;
        Ok(())
    }
}
