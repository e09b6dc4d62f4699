//! A system under an open-loop load, one rate after the other.

use std::time::Duration;

use super::book::Book;
use super::figures::{Class, Setup, Step};
use super::pacer::{Load, Pacer, nanos};
use super::reading::Reading;
use super::schedule::{Arrivals, Course, Leg, Schedule};
use super::system::System;
use crate::play::Stage;
use crate::usage::Disk;

/// How long what was accepted may take to be completed.
pub(super) const DRAIN: Duration = Duration::from_secs(60);
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);
/// From the order for a step to its first contact.
pub(super) const LEAD: Duration = Duration::from_millis(100);

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

/// A system with everybody at work. Dropping it ends them all.
pub struct Rig<S> {
    pub(super) setup: Setup,
    pub(crate) stage: Stage,
    pub(super) book: Book,
    pub(super) disk: Disk,
    pub(super) steps: u32,
    pub(crate) system: S,
}

impl<S: System> Rig<S> {
    /// Everybody is at work on this stage and writes into this book; servers keep their data on this disk.
    pub(crate) fn new(setup: Setup, (stage, book, disk): (Stage, Book, Disk), system: S) -> Rig<S> {
        Rig { setup, stage, book, disk, steps: 0, system }
    }

    /// Loads the system at one rate, waits until all of it is done, and says what came of it.
    ///
    /// # Errors
    /// A server has ended, or nobody says what processes use.
    pub async fn step(&mut self, order: &Order, shown: &impl Fn(Progress)) -> anyhow::Result<Step> {
        self.steps += 1;
        let warm_up = Duration::from_secs_f64(self.setup.warm_up_s);
        let measured = Duration::from_secs_f64(self.setup.measured_s);
        let begin = self.stage.elapsed() + LEAD;
        let (from, until) = (begin + warm_up, begin + warm_up + measured);
        let expected = (order.rate * (until - begin).as_secs_f64() * 1.1) as usize;
        self.book.begin(self.steps, nanos(from)..nanos(until), expected);
        let course = Course::new([Leg::even((until - begin).as_secs_f64(), order.rate)]);
        let pacer = Pacer::start(&self.stage, &self.book, self.load(order.arrivals, course, begin));
        self.look_on_until(from, begin, until, shown).await?;
        let before = self.reading().await?;
        self.look_on_until(until, begin, until, shown).await?;
        let after = self.reading().await?;
        pacer.ended().await?;
        let last_due = self.stage.elapsed();
        self.drain(begin, until, shown).await?;
        let drained = self.stage.elapsed().saturating_sub(last_due);
        Ok(self.figures(order, &before, &after, drained))
    }

    pub(super) fn load(&self, arrivals: Arrivals, course: Course, begin: Duration) -> Load {
        let seed = self.setup.seed.wrapping_add(u64::from(self.steps));
        Load {
            schedule: Schedule::new(arrivals, course, seed),
            begin,
            tier_0_every: self.setup.tier_0_every,
            tier_0: self.system.ports(Class::Tier0),
            others: self.system.ports(Class::Others),
        }
    }

    /// What everybody has done so far.
    pub(super) async fn reading(&self) -> anyhow::Result<Reading> {
        Reading::take(&self.stage, &self.disk, &self.system).await
    }

    pub(super) async fn look_on_until(
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

    pub(super) fn look(
        &mut self,
        begin: Duration,
        until: Duration,
        shown: &impl Fn(Progress),
    ) -> anyhow::Result<()> {
        self.system.check_running()?;
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
