//! The leader is killed again and again under a steady load.
//!
//! Contacts are due at one rate all the time, whoever lives. The node that leads is killed as `kill -9` does, stays down
//! for a while, is started again with what it had, and has to catch up; after a pause the next leader is killed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use serde::Serialize;

use super::book::Page;
use super::figures::{Class, Latency, Machine, Setup, Step, Work, only_centre};
use super::ours::Ours;
use super::pacer::{Pacer, nanos};
use super::rig::{DRAIN, LEAD, Order, Progress, Rig};
use super::schedule::{Arrivals, Course, Leg};
use super::surge::{lost, to_next_offer_ms};
use super::told::Calls;

/// Version of the file.
const FORMAT: u32 = 1;
/// Contacts that are due so soon after a kill have met it.
const STRUCK: Duration = Duration::from_secs(2);

/// How it was set up.
#[derive(Clone, Debug, Serialize)]
pub struct FailoverSetup {
    /// The centre.
    #[serde(serialize_with = "only_centre")]
    pub centre: Setup,
    /// Contacts per second.
    pub rate_per_s: f64,
    /// How often the leader is killed.
    pub kills: u32,
    /// How long it is down, s.
    pub down_s: f64,
    /// From its having caught up to the next kill, s; never less than the time after a kill that is looked at.
    pub calm_s: f64,
}

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Failover {
    /// Version of the file.
    pub format: u32,
    /// On what it ran.
    pub machine: Machine,
    /// How it was set up.
    pub setup: FailoverSetup,
    /// Each death of a leader.
    pub deaths: Vec<Death>,
    /// From the kill until a desktop showed a contact that could not be assigned before, over all deaths.
    pub to_next_offer: Latency,
    /// Contacts that were due within 2 s after a kill.
    pub struck: BTreeMap<Class, Calls>,
    /// All others.
    pub calm: BTreeMap<Class, Calls>,
    /// Contacts that were accepted and of which no end was seen.
    pub lost: u64,
    /// How often something went wrong that never may, such as one assignment with two operators.
    pub problems_count: u64,
    /// The first sentences about it.
    pub problems: Vec<String>,
    /// Terms begun while leaders were killed.
    pub elections: u64,
    /// What servers and load generator did meanwhile. What a killed node did since the last reading is not counted.
    pub work: Work,
    /// Loads under which nobody was killed, and no leader had to be elected.
    pub unharmed: Vec<Step>,
    /// Whether all nodes had the same chain at the same log index in the end.
    pub replicas_agree: bool,
}

/// The death of a leader. Moments are since the first contact, s.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Death {
    /// Which node it was.
    pub node: u64,
    /// When it was killed.
    pub at_s: f64,
    /// From the kill until a desktop showed a contact that could not be assigned before: due after the kill, or assigned to
    /// room that was made after it, ms. Absent when none was.
    pub to_next_offer_ms: Option<f64>,
    /// From due to the offer, of contacts that were due within 2 s after the kill, 99th percentile, ms.
    pub struck_p99_ms: f64,
    /// From its new start until it had applied what the new leader had by then, s. Absent when it took over a minute.
    pub caught_up_s: Option<f64>,
}

/// A death by the stage's clock.
struct Moment {
    node: u64,
    killed: Duration,
    caught_up: Option<Duration>,
}

impl Rig<Ours> {
    /// Kills the leader as often as the setup says.
    ///
    /// # Errors
    /// A node has ended by itself, nobody led for a minute, or the system does not say what processes use.
    pub async fn failover(
        &mut self,
        setup: &FailoverSetup,
        shown: &impl Fn(Progress),
    ) -> anyhow::Result<Failover> {
        self.steps += 1;
        let span = |seconds: f64| Duration::from_secs_f64(seconds);
        // As long as it takes; the schedule is ended by the last death.
        let most = (DRAIN * 2 + span(setup.down_s + setup.calm_s)) * (setup.kills + 1);
        let course = Course::new([Leg::even(most.as_secs_f64(), setup.rate_per_s)]);
        let at_first = self.reading().await?;
        let begin = self.stage.elapsed() + LEAD;
        let usual = (span(setup.down_s + setup.calm_s) + STRUCK) * (setup.kills + 1);
        let bounds = (begin, begin + usual);
        self.book.begin(
            self.steps,
            nanos(begin)..u64::MAX,
            (setup.rate_per_s * usual.as_secs_f64()) as usize,
        );
        let pacer = Pacer::start(&self.stage, &self.book, self.load(Arrivals::Poisson, course, begin));
        let mut moments = Vec::new();
        for _ in 0..setup.kills {
            let calm_until = self.stage.elapsed() + span(setup.calm_s).max(STRUCK);
            self.look_on_until(calm_until, bounds.0, bounds.1, shown).await?;
            moments.push(self.kill_leader(span(setup.down_s), bounds, shown).await?);
        }
        self.look_on_until(self.stage.elapsed() + STRUCK, bounds.0, bounds.1, shown).await?;
        pacer.stopped().await?;
        let now = self.stage.elapsed();
        self.see_the_end((begin, now), shown).await?;
        let work = at_first.until(&self.reading().await?, "while leaders were killed");
        let machine = Machine::here(&self.version().await?);
        let mut page = self.book.page();
        Ok(failover_of(setup, machine, work, &mut page, (begin, &moments)))
    }

    async fn kill_leader(
        &mut self,
        down: Duration,
        bounds: (Duration, Duration),
        shown: &impl Fn(Progress),
    ) -> anyhow::Result<Moment> {
        let leader = self.leader().await?;
        let killed = self.stage.elapsed();
        self.system.nodes.kill(leader)?;
        self.look_on_until(killed + down, bounds.0, bounds.1, shown).await?;
        let goal = self.farthest().await;
        let restarted = self.stage.elapsed();
        self.system.nodes.restart(leader)?;
        let caught_up = self.catch_up(leader, goal, bounds, shown).await?;
        let caught_up = caught_up.map(|moment| moment.saturating_sub(restarted));
        Ok(Moment { node: leader as u64 + 1, killed, caught_up })
    }

    /// A load under which nobody is killed, for so long, s.
    ///
    /// # Errors
    /// A node has ended, or nobody says what processes use.
    pub async fn press(
        &mut self,
        name: String,
        (rate, seconds): (f64, f64),
        shown: &impl Fn(Progress),
    ) -> anyhow::Result<Step> {
        self.setup.measured_s = seconds;
        self.step(&Order { name, arrivals: Arrivals::Poisson, rate }, shown).await
    }
}

fn failover_of(
    setup: &FailoverSetup,
    machine: Machine,
    work: Work,
    page: &mut Page,
    (begin, moments): (Duration, &[Moment]),
) -> Failover {
    let windows: Vec<Range<u64>> =
        moments.iter().map(|moment| nanos(moment.killed)..nanos(moment.killed + STRUCK)).collect();
    let is_struck = |due_ns: u64| windows.iter().any(|window| window.contains(&due_ns));
    let struck = Class::ALL.map(|class| (class, Calls::of(page, class, is_struck)));
    let calm = Class::ALL.map(|class| (class, Calls::of(page, class, |due_ns| !is_struck(due_ns))));
    let deaths: Vec<Death> = moments
        .iter()
        .zip(&windows)
        .map(|(moment, window)| Death {
            node: moment.node,
            at_s: moment.killed.saturating_sub(begin).as_secs_f64(),
            to_next_offer_ms: to_next_offer_ms(page, window.start),
            struck_p99_ms: Calls::of(page, Class::Others, |due_ns| window.contains(&due_ns))
                .push_to_offer
                .p99_ms,
            caught_up_s: moment.caught_up.map(|span| span.as_secs_f64()),
        })
        .collect();
    let to_next_offer = Latency::of_all(deaths.iter().filter_map(|death| death.to_next_offer_ms));
    let (lost, (problems_count, problems)) = (lost(page), page.judge());
    Failover {
        format: FORMAT,
        machine,
        setup: setup.clone(),
        deaths,
        to_next_offer,
        struck: struck.into(),
        calm: calm.into(),
        lost,
        problems_count,
        problems,
        elections: work.elections,
        work,
        unharmed: Vec::new(),
        replicas_agree: false,
    }
}
