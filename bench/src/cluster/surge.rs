//! A national outage: calls rise to a multiple within a minute, customers who are refused dial again, and the leader is
//! killed at the peak.
//!
//! Calls are due by a course that is drawn before (open loop), and operators talk for a drawn time, so that contacts stand
//! in line. When the calls are over, operators are done with each contact at once: so the end of everything that was
//! accepted is seen, however many stood in line.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use serde::Serialize;

use super::book::{Answered, Page, Told};
use super::figures::{Class, Machine, Setup, Work, only_centre};
use super::ours::Ours;
use super::pacer::{Pacer, nanos};
use super::reading::log_index;
use super::redial::Habit;
use super::rig::{DRAIN, LEAD, LOOK_EVERY, Progress, Rig};
use super::schedule::{Arrivals, Course, Leg};
use super::service::Hurry;
use super::told::{self, Calls, Fate, Second};

/// Version of the file.
const FORMAT: u32 = 1;
/// Before the kill the counters are read for so long at most.
const READING: Duration = Duration::from_secs(3);

/// How a surge was set up.
#[derive(Clone, Debug, Serialize)]
pub struct SurgeSetup {
    /// The centre.
    #[serde(serialize_with = "only_centre")]
    pub centre: Setup,
    /// Mean of the talks, s.
    pub talk_s: f64,
    /// Calls per second on a usual day.
    pub baseline_per_s: f64,
    /// At the peak they are so many times as many.
    pub factor: f64,
    /// Before the surge, s.
    pub before_s: f64,
    /// Until the peak, s.
    pub ramp_s: f64,
    /// At the peak, s.
    pub hold_s: f64,
    /// Back to the usual day, s.
    pub decay_s: f64,
    /// How long the killed leader is down, s. It is killed in the middle of the peak.
    pub down_s: f64,
    /// How customers dial again.
    pub redials: Habit,
}

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Surge {
    /// Version of the file.
    pub format: u32,
    /// On what it ran.
    pub machine: Machine,
    /// How it was set up.
    pub setup: SurgeSetup,
    /// Parts of the surge, in the order of time.
    pub phases: Vec<Phase>,
    /// The death of the leader.
    pub kill: Kill,
    /// What became of customers whose first call was refused, by the code of that refusal.
    pub refused_first: BTreeMap<String, Fate>,
    /// Contacts that stood in line at once, at most.
    pub waiting_max: u64,
    /// Contacts that were accepted and of which no end was seen.
    pub lost: u64,
    /// Assignments that two operators had, and contacts that two completed, are among these; how often something went wrong
    /// that never may.
    pub problems_count: u64,
    /// The first sentences about it.
    pub problems: Vec<String>,
    /// How late the load generator brought calls to their gateways, 99th percentile and longest, ms.
    pub lateness_p99_ms: f64,
    /// See above.
    pub lateness_max_ms: f64,
    /// From the end of the calls until the last contact was completed, s.
    pub drained_s: f64,
    /// Terms begun, the one after the kill included.
    pub elections: u64,
    /// What servers and load generator did.
    pub work: Vec<Work>,
    /// Second by second, from the first call on.
    pub seconds: Vec<Second>,
    /// Whether all nodes had the same chain at the same log index in the end.
    pub replicas_agree: bool,
}

/// A part of a surge.
#[derive(Clone, Debug, Serialize)]
pub struct Phase {
    /// What it is.
    pub name: String,
    /// Since the first call, s.
    pub from_s: f64,
    /// Until then, s.
    pub to_s: f64,
    /// Calls that were due in it.
    pub calls: BTreeMap<Class, Calls>,
}

/// The death of a leader. Moments are since the first call, s.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Kill {
    /// Which node it was.
    pub node: u64,
    /// When it was killed.
    pub at_s: f64,
    /// When it was started again.
    pub restarted_s: f64,
    /// When it had applied as much as the new leader had when it was started again.
    pub caught_up_s: Option<f64>,
    /// From the kill until a desktop showed a contact that could not be assigned before: due after the kill, or assigned to
    /// room that was made after it, ms.
    pub to_next_offer_ms: Option<f64>,
}

impl SurgeSetup {
    /// The rate over time.
    #[must_use]
    pub fn course(&self) -> Course {
        let (usual, peak) = (self.baseline_per_s, self.baseline_per_s * self.factor);
        Course::new([
            Leg::even(self.before_s, usual),
            Leg { seconds: self.ramp_s, from: usual, to: peak },
            Leg::even(self.hold_s, peak),
            Leg { seconds: self.decay_s, from: peak, to: usual },
        ])
    }

    /// When the leader is to be killed, since the first call.
    fn kill_at(&self) -> Duration {
        Duration::from_secs_f64(self.before_s + self.ramp_s + self.hold_s / 2.0)
    }

    /// Names and bounds of the parts; the leader was killed at a moment.
    fn phases(&self, kill_s: f64, drained_s: f64) -> [(&'static str, f64, f64); 6] {
        let ramp_s = self.before_s + self.ramp_s;
        let (hold_s, end_s) = (ramp_s + self.hold_s, ramp_s + self.hold_s + self.decay_s);
        [
            ("before", 0.0, self.before_s),
            ("ramp", self.before_s, ramp_s),
            ("peak", ramp_s, kill_s),
            ("peak, after the kill", kill_s, hold_s),
            ("decay", hold_s, end_s),
            ("serving the line", end_s, end_s + drained_s),
        ]
    }
}

/// Moments of a run by the stage's clock.
struct Moments {
    begin: Duration,
    killed: Duration,
    restarted: Duration,
    caught_up: Option<Duration>,
}

impl Rig<Ours> {
    /// Lets a surge come over the cluster.
    ///
    /// # Errors
    /// A node has ended by itself, nobody led at the peak, or the system does not say what processes use.
    pub async fn surge(
        &mut self,
        setup: &SurgeSetup,
        hurry: &Hurry,
        shown: &impl Fn(Progress),
    ) -> anyhow::Result<Surge> {
        self.steps += 1;
        let course = setup.course();
        let at_first = self.reading().await?;
        let begin = self.stage.elapsed() + LEAD;
        let end = begin + course.length();
        self.book.begin(self.steps, nanos(begin)..u64::MAX, (course.count() * 1.1) as usize);
        self.book.dial_again(setup.redials, setup.centre.seed);
        let pacer = Pacer::start(&self.stage, &self.book, self.load(Arrivals::Poisson, course, begin));
        let kill_at = begin + setup.kill_at();
        self.look_on_until(kill_at.saturating_sub(READING), begin, end, shown).await?;
        let leader = self.leader().await?;
        let at_peak = self.reading().await?;
        self.look_on_until(kill_at, begin, end, shown).await?;
        let killed = self.stage.elapsed();
        self.system.nodes.kill(leader)?;
        let down = Duration::from_secs_f64(setup.down_s);
        self.look_on_until(killed + down, begin, end, shown).await?;
        let restarted = self.stage.elapsed();
        let goal = self.farthest().await;
        self.system.nodes.restart(leader)?;
        let mut moments = Moments { begin, killed, restarted, caught_up: None };
        moments.caught_up = self.catch_up(leader, goal, (begin, end), shown).await?;
        self.look_on_until(end, begin, end, shown).await?;
        let at_last = self.reading().await?;
        hurry.hurry();
        self.see_the_end((begin, end), shown).await?;
        pacer.ended().await?;
        let drained_s = self.stage.elapsed().saturating_sub(end).as_secs_f64();
        let drained = self.reading().await?;
        let work = vec![
            at_first.until(&at_peak, "until the kill"),
            at_peak.until(&at_last, "from the kill to the end of the calls"),
            at_last.until(&drained, "serving who stood in line"),
        ];
        let machine = Machine::here(&self.version().await?);
        let replicas_agree = self.replicas_agree().await?;
        let elections = at_first.until(&drained, "").elections;
        let base = Surge { drained_s, elections, work, replicas_agree, ..empty(machine, setup) };
        Ok(surge_of(base, &mut self.book.page(), leader, &moments))
    }

    /// The place of the node that leads; asked until one does, for as long as an election may take on a busy machine.
    pub(super) async fn leader(&mut self) -> anyhow::Result<usize> {
        let begin = self.stage.elapsed();
        loop {
            if let Some(place) = self.system.gauges.statuses.leader().await {
                return Ok(place);
            }
            self.system.nodes.check_running()?;
            ensure!(self.stage.elapsed().saturating_sub(begin) < DRAIN, "no node led within a minute");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The farthest log index that a node has applied.
    pub(super) async fn farthest(&self) -> u64 {
        let statuses = self.system.gauges.statuses.read().await;
        statuses.iter().flatten().map(log_index).max().unwrap_or_default()
    }

    /// Waits until a node has applied a log index, a minute at most; when that was.
    pub(super) async fn catch_up(
        &mut self,
        place: usize,
        goal: u64,
        (begin, until): (Duration, Duration),
        shown: &impl Fn(Progress),
    ) -> anyhow::Result<Option<Duration>> {
        let end = self.stage.elapsed() + DRAIN;
        while self.stage.elapsed() < end {
            let status = self.system.gauges.statuses.of(place).await;
            if status.is_some_and(|status| log_index(&status) >= goal) {
                return Ok(Some(self.stage.elapsed()));
            }
            self.look(begin, until, shown)?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(None)
    }

    /// Waits until nothing more is to be heard of any contact, or nothing has been heard for a minute.
    pub(super) async fn see_the_end(
        &mut self,
        (begin, until): (Duration, Duration),
        shown: &impl Fn(Progress),
    ) -> anyhow::Result<()> {
        let (mut known, mut since) = (u64::MAX, self.stage.elapsed());
        loop {
            let open = {
                let page = self.book.page();
                page.open() + page.redials_waiting()
            };
            let now = self.stage.elapsed();
            if open != known {
                (known, since) = (open, now);
            }
            if (open == 0 && now >= until) || now.saturating_sub(since) > DRAIN {
                return Ok(());
            }
            self.look(begin, until, shown)?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn empty(machine: Machine, setup: &SurgeSetup) -> Surge {
    Surge {
        format: FORMAT,
        machine,
        setup: setup.clone(),
        phases: Vec::new(),
        kill: Kill::default(),
        refused_first: BTreeMap::new(),
        waiting_max: 0,
        lost: 0,
        problems_count: 0,
        problems: Vec::new(),
        lateness_p99_ms: 0.0,
        lateness_max_ms: 0.0,
        drained_s: 0.0,
        elections: 0,
        work: Vec::new(),
        seconds: Vec::new(),
        replicas_agree: false,
    }
}

/// Fills in what the records of all calls say.
fn surge_of(mut surge: Surge, page: &mut Page, leader: usize, moments: &Moments) -> Surge {
    let begin_ns = nanos(moments.begin);
    let since = |moment: Duration| moment.saturating_sub(moments.begin).as_secs_f64();
    let of_s = |at_s: f64| begin_ns + nanos(Duration::from_secs_f64(at_s));
    let phases = surge.setup.phases(since(moments.killed), surge.drained_s);
    for (place, (name, from_s, to_s)) in phases.into_iter().enumerate() {
        // The last part is that of those who dial again after the last call of the schedule.
        let to_ns = if place + 1 < phases.len() { of_s(to_s) } else { u64::MAX };
        let due = of_s(from_s)..to_ns;
        let calls = Class::ALL.map(|class| (class, Calls::of(page, class, |at_ns| due.contains(&at_ns))));
        surge.phases.push(Phase { name: name.to_owned(), from_s, to_s, calls: calls.into() });
    }
    surge.kill = Kill {
        node: leader as u64 + 1,
        at_s: since(moments.killed),
        restarted_s: since(moments.restarted),
        caught_up_s: moments.caught_up.map(since),
        to_next_offer_ms: to_next_offer_ms(page, nanos(moments.killed)),
    };
    surge.refused_first = told::fates(page);
    (surge.seconds, surge.waiting_max) = told::seconds(page, begin_ns);
    surge.lost = lost(page);
    let lateness = page.lateness();
    (surge.lateness_p99_ms, surge.lateness_max_ms) = (lateness.p99_ms, lateness.max_ms);
    (surge.problems_count, surge.problems) = page.judge();
    surge
}

/// From a moment until a desktop showed a contact that could not be assigned before.
pub(super) fn to_next_offer_ms(page: &Page, from_ns: u64) -> Option<f64> {
    let after = page.told().filter_map(|told| told.shown).filter(|shown| shown.ready_ns >= from_ns);
    after.map(|shown| shown.at_ns.saturating_sub(from_ns) as f64 / 1e6).min_by(f64::total_cmp)
}

/// Contacts that were accepted and not completed.
pub(super) fn lost(page: &Page) -> u64 {
    let is_lost =
        |told: &Told| matches!(told.answer, Some((_, Answered::Accepted))) && told.completed_ns.is_none();
    page.told().filter(is_lost).count() as u64
}
