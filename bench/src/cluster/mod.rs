//! A cluster of real nodes under an open-loop load, rate by rate.
//!
//! Contacts are due when a schedule says so, whatever the cluster does, and latencies count from that moment: a slow
//! cluster does not slow its own measurement down (no coordinated omission). One life cycle is a push with a
//! priority, the assignment to one operator in the same or a later log entry, and the completion; each step of it is
//! replicated and synced before anybody is told.

mod book;
mod centre;
mod chart;
mod desk;
mod figures;
mod gateway;
mod pacer;
mod page;
mod reading;
mod roll;
mod schedule;
mod search;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use self::book::Book;
use self::centre::Seat;
use self::desk::Desk;
use self::gateway::{Gateway, Port};
use self::pacer::{Load, Pacer, nanos};
use self::reading::{Gauges, Reading, log_index};
use self::roll::Roll;
use crate::nodes::{NODES, Nodes};
use crate::play::Stage;

pub use self::figures::{Class, Counts, FORMAT, Latency, Machine, NodeFigures, Run, Setup, Step};
pub use self::pacer::WINDOW_FULL;
pub use self::schedule::{Arrivals, Schedule};
pub use self::search::Search;

/// How long everybody may take to sign in.
const SIGN_IN: Duration = Duration::from_secs(60);
/// How long what was accepted may take to be completed, and nodes to come to the same log index.
const DRAIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// From the order for a step to its first contact.
const LEAD: Duration = Duration::from_millis(100);

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Order {
    /// What it is for.
    pub name: String,
    /// How contacts follow each other.
    pub arrivals: Arrivals,
    /// Contacts per second.
    pub rate: f64,
}

/// How far a step is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Since its first contact was due, s.
    pub elapsed_s: f64,
    /// Until its last one will be, s.
    pub length_s: f64,
    /// Contacts that were due so far.
    pub due: u64,
    /// Contacts of which something is still to be heard.
    pub open: u64,
}

/// A cluster with everybody at work. Dropping it ends them all.
pub struct Rig {
    setup: Setup,
    stage: Stage,
    book: Book,
    tier_0: Vec<Gateway>,
    others: Vec<Gateway>,
    _desks: Vec<Desk>,
    gauges: Gauges,
    steps: u32,
    /// Dropped last: clients go before the nodes.
    nodes: Nodes,
}

impl Rig {
    /// Starts the nodes below a folder, tells them plan and operators, and signs everybody in.
    ///
    /// # Errors
    /// A node cannot be started, or ends, or not everybody is there within a minute.
    pub async fn open(
        setup: &Setup,
        program: &Path,
        folder: &Path,
        waiting: impl Fn(&str),
    ) -> anyhow::Result<Rig> {
        let mut nodes = Nodes::start(program, folder, &centre::tokens(setup))?;
        let admin = centre::admin().token;
        let (plan, operators) = (centre::plan(setup), centre::operator_plans(setup));
        nodes.furnish(&admin, &plan, &operators, || waiting("waiting for a leader")).await?;
        let (stage, book, roll) = (Stage::new(nodes.addresses(), setup.seed), Book::new(), Roll::default());
        let Seats { tier_0, others, desks } = seat_everybody(setup, &stage, &book, &roll)?;
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
        let setup = setup.clone();
        Ok(Rig { setup, stage, book, tier_0, others, _desks: desks, gauges, steps: 0, nodes })
    }

    /// Loads the cluster at one rate, waits until all of it is done, and says what came of it.
    ///
    /// # Errors
    /// A node has ended, or the system does not say what processes use.
    pub async fn step(&mut self, order: &Order, shown: &impl Fn(Progress)) -> anyhow::Result<Step> {
        self.steps += 1;
        let warm_up = Duration::from_secs_f64(self.setup.warm_up_s);
        let measured = Duration::from_secs_f64(self.setup.measured_s);
        let begin = self.stage.elapsed() + LEAD;
        let (from, until) = (begin + warm_up, begin + warm_up + measured);
        let expected = (order.rate * (until - begin).as_secs_f64() * 1.1) as usize;
        self.book.begin(self.steps, nanos(from)..nanos(until), expected);
        let pacer = Pacer::start(&self.stage, &self.book, self.load(order, begin, until - begin));
        self.look_on_until(from, begin, until, shown).await?;
        let before = self.gauges.read(&self.stage, &self.nodes).await?;
        self.look_on_until(until, begin, until, shown).await?;
        let after = self.gauges.read(&self.stage, &self.nodes).await?;
        pacer.ended().await?;
        let last_due = self.stage.elapsed();
        self.drain(begin, until, shown).await?;
        let drained = self.stage.elapsed().saturating_sub(last_due);
        Ok(self.figures(order, &before, &after, drained))
    }

    /// Whether all nodes come to the same log index, and have the same chain there.
    ///
    /// # Errors
    /// A node has ended.
    pub async fn replicas_agree(&mut self) -> anyhow::Result<bool> {
        let begin = self.stage.elapsed();
        loop {
            let statuses: Vec<_> = self.gauges.statuses().await.into_iter().flatten().collect();
            let at = |place: usize| (log_index(&statuses[place]), &statuses[place].chain);
            let everybody = statuses.len() == NODES;
            if everybody && (1..NODES).all(|place| at(place).0 == at(0).0) {
                return Ok((1..NODES).all(|place| at(place) == at(0)));
            }
            self.nodes.check_running()?;
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
        let statuses = self.gauges.statuses().await;
        let status = statuses.into_iter().flatten().next();
        Ok(status.context("no node says what it is")?.version)
    }

    fn load(&self, order: &Order, begin: Duration, length: Duration) -> Load {
        let ports = |gateways: &[Gateway]| -> Vec<Port> { gateways.iter().map(Gateway::port).collect() };
        let seed = self.setup.seed.wrapping_add(u64::from(self.steps));
        Load {
            schedule: Schedule::new(order.arrivals, order.rate, seed, length),
            begin,
            tier_0_every: self.setup.tier_0_every,
            tier_0: ports(&self.tier_0),
            others: ports(&self.others),
        }
    }

    async fn look_on_until(
        &mut self,
        end: Duration,
        begin: Duration,
        until: Duration,
        shown: &impl Fn(Progress),
    ) -> anyhow::Result<()> {
        loop {
            self.look(begin, until, shown)?;
            let rest = end.saturating_sub(self.stage.elapsed());
            if rest.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(rest.min(LOOK_EVERY)).await;
        }
    }

    fn look(&mut self, begin: Duration, until: Duration, shown: &impl Fn(Progress)) -> anyhow::Result<()> {
        self.nodes.check_running()?;
        let (due, open) = {
            let page = self.book.page();
            (page.due_count(), page.open())
        };
        let elapsed_s = self.stage.elapsed().saturating_sub(begin).as_secs_f64();
        shown(Progress { elapsed_s, length_s: (until - begin).as_secs_f64(), due, open });
        Ok(())
    }

    /// Waits until nothing more is to be heard of any contact. What takes too long shows in the judgement.
    async fn drain(
        &mut self,
        begin: Duration,
        until: Duration,
        shown: &impl Fn(Progress),
    ) -> anyhow::Result<()> {
        let end = self.stage.elapsed() + DRAIN;
        while self.book.page().open() > 0 && self.stage.elapsed() < end {
            self.look(begin, until, shown)?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn figures(&self, order: &Order, before: &Reading, after: &Reading, drained: Duration) -> Step {
        let mut page = self.book.page();
        let classes = Class::ALL.map(|class| (class, page.class(class)));
        let (problems_count, problems) = page.judge();
        let mut step = Step {
            name: order.name.clone(),
            arrivals: order.arrivals,
            rate_per_s: order.rate,
            seconds: self.setup.measured_s,
            counts: classes.iter().map(|(class, found)| (*class, found.0.clone())).collect(),
            push_to_ack: classes.iter().map(|(class, found)| (*class, found.1)).collect(),
            push_to_offer: classes.iter().map(|(class, found)| (*class, found.2)).collect(),
            life_cycles_per_s: page.completed_in_time() as f64 / self.setup.measured_s,
            lateness: page.lateness(),
            complete_to_ack: page.to_done(),
            drained_s: drained.as_secs_f64(),
            problems_count,
            problems,
            ..Step::default()
        };
        before.fill(after, &mut step);
        step.judge(&self.setup);
        step
    }
}

/// All clients.
struct Seats {
    tier_0: Vec<Gateway>,
    others: Vec<Gateway>,
    desks: Vec<Desk>,
}

/// Connects everybody, spread over all nodes.
fn seat_everybody(setup: &Setup, stage: &Stage, book: &Book, roll: &Roll) -> anyhow::Result<Seats> {
    let gateways = |class: Class, first: usize| -> anyhow::Result<Vec<Gateway>> {
        let take = |(place, seat): (usize, Seat)| {
            let config = stage.session(&seat.name, &seat.token, place % NODES);
            Ok(Gateway::take(stage, book, roll, config, ((first + place) as u32, setup.window))?)
        };
        centre::gateways(setup, class).into_iter().enumerate().map(take).collect()
    };
    let desk = |(place, seat): (usize, Seat)| -> anyhow::Result<Desk> {
        let config = stage.session(&seat.name, &seat.token, place % NODES);
        Ok(Desk::take(stage, book, roll, config, place as u32)?)
    };
    Ok(Seats {
        tier_0: gateways(Class::Tier0, 0)?,
        others: gateways(Class::Others, setup.gateways_of_tier_0)?,
        desks: centre::operators(setup).into_iter().enumerate().map(desk).collect::<Result<_, _>>()?,
    })
}
