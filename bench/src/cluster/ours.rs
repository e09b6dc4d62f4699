//! Our own cluster under load: three nodes, and everybody signed in.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::book::Book;
use super::centre::{self, Seat};
use super::desk::Desk;
use super::figures::{Class, Setup};
use super::gateway::Gateway;
use super::port::Port;
use super::reading::Gauges;
use super::rig::{DRAIN, LOOK_EVERY, Rig};
use super::roll::Roll;
use super::service::Service;
use super::system::{Counters, System};
use crate::nodes::{NODES, Nodes};
use crate::play::Stage;
use crate::usage::Disk;

/// How long everybody may take to sign in.
const SIGN_IN: Duration = Duration::from_secs(60);

/// Nodes with gateways and operators at work. Dropping it ends them all.
pub struct Ours {
    tier_0: Vec<Gateway>,
    others: Vec<Gateway>,
    _desks: Vec<Desk>,
    pub(super) gauges: Gauges,
    /// Dropped last: clients go before the nodes.
    pub(super) nodes: Nodes,
}

impl Rig<Ours> {
    /// Starts the nodes below a folder, tells them plan and operators, and signs everybody in.
    ///
    /// # Errors
    /// A node cannot be started, or ends, or not everybody is there within a minute.
    pub async fn open(
        setup: &Setup,
        service: &Service,
        program: &Path,
        folder: &Path,
        waiting: impl Fn(&str),
    ) -> anyhow::Result<Rig<Ours>> {
        let mut nodes = Nodes::start(program, folder, &centre::tokens(setup))?;
        let admin = centre::admin().token;
        let (plan, operators) = (centre::plan(setup), centre::operator_plans(setup));
        nodes.furnish(&admin, &plan, &operators, || waiting("waiting for a leader")).await?;
        let (stage, book, roll) = (Stage::new(nodes.addresses(), setup.seed), Book::new(), Roll::default());
        let Seats { tier_0, others, desks } = seat_everybody(setup, service, &stage, &book, &roll)?;
        let expected = tier_0.len() + others.len() + desks.len();
        let begin = stage.elapsed();
        while roll.present() < expected {
            nodes.check_running()?;
            let waited = stage.elapsed().saturating_sub(begin);
            ensure!(
                waited < SIGN_IN,
                "{} of {expected} clients have signed in within a minute",
                roll.present()
            );
            waiting("signing in");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let gauges = Gauges::new(&nodes, &admin)?;
        let ours = Ours { tier_0, others, _desks: desks, gauges, nodes };
        Ok(Rig::new(setup.clone(), (stage, book, Disk::below(folder)?), ours))
    }

    /// Whether all nodes come to the same log index, and have the same chain there.
    ///
    /// # Errors
    /// A node has ended.
    pub async fn replicas_agree(&mut self) -> anyhow::Result<bool> {
        let begin = self.stage.elapsed();
        loop {
            if let Some(agree) = self.system.gauges.agree().await {
                return Ok(agree);
            }
            self.system.nodes.check_running()?;
            if self.stage.elapsed().saturating_sub(begin) > DRAIN {
                return Ok(false);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Version of the nodes' program.
    ///
    /// # Errors
    /// No node answers.
    pub async fn version(&self) -> anyhow::Result<String> {
        let statuses = self.system.gauges.statuses.read().await;
        let status = statuses.into_iter().flatten().next();
        Ok(status.context("no node says what it is")?.version)
    }
}

impl System for Ours {
    fn ports(&self, class: Class) -> Vec<Port> {
        let gateways = match class {
            Class::Tier0 => &self.tier_0,
            Class::Others => &self.others,
        };
        gateways.iter().map(Gateway::port).collect()
    }

    fn check_running(&mut self) -> anyhow::Result<()> {
        self.nodes.check_running()
    }

    async fn counters(&self) -> anyhow::Result<Vec<Counters>> {
        self.gauges.read(&self.nodes).await
    }
}

/// All clients.
struct Seats {
    tier_0: Vec<Gateway>,
    others: Vec<Gateway>,
    desks: Vec<Desk>,
}

/// Connects everybody, spread over all nodes.
fn seat_everybody(
    setup: &Setup,
    service: &Service,
    stage: &Stage,
    book: &Book,
    roll: &Roll,
) -> anyhow::Result<Seats> {
    let gateways = |class: Class, first: usize| -> anyhow::Result<Vec<Gateway>> {
        let take = |(place, seat): (usize, Seat)| {
            let config = stage.session(&seat.name, &seat.token, place % NODES);
            Ok(Gateway::take(stage, book, roll, config, ((first + place) as u32, setup.window))?)
        };
        centre::gateways(setup, class).into_iter().enumerate().map(take).collect()
    };
    let desk = |(place, seat): (usize, Seat)| -> anyhow::Result<Desk> {
        let config = stage.session(&seat.name, &seat.token, place % NODES);
        Ok(Desk::take(stage, book, roll, config, (place as u32, setup.capacity, service))?)
    };
    Ok(Seats {
        tier_0: gateways(Class::Tier0, 0)?,
        others: gateways(Class::Others, setup.gateways_of_tier_0)?,
        desks: centre::operators(setup).into_iter().enumerate().map(desk).collect::<Result<_, _>>()?,
    })
}
