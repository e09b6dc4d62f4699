//! One run: nodes and clients start, things go wrong, everything heals, and what was promised is counted.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ringmain_chaos::checker::{NodeScan, Verdict};
use ringmain_chaos::drills::stage::{Stage, set_watch};
use ringmain_cluster_config::Tokens;
use tokio::sync::{oneshot, watch};
use turmoil::Sim;

use crate::nemesis::{Fault, Kind, faults};
use crate::node::{NodeSetup, api_address, dialer, host, serve};

const NODES: usize = 3;
/// Contacts a second.
const RATE: u32 = 60;
/// Nobody is disturbed while the centre opens.
const OPENING: Duration = Duration::from_secs(3);
/// From then on everything works.
const HEALED: Duration = Duration::from_secs(23);
/// Gateways push for that long after healing.
const PUSHING: Duration = Duration::from_secs(3);
/// How long everybody may take to be served after healing, in simulated time.
const SERVED_WITHIN: Duration = Duration::from_secs(120);
/// Answers and events on their way at the end.
const QUIET: Duration = Duration::from_secs(3);
/// Share of the contacts that come due after the opening which must be accepted, through all faults.
const ACCEPTED_PERCENT_MIN: u64 = 50;
const LATENCY_MAX: Duration = Duration::from_millis(3);

/// What came out.
#[derive(Debug)]
pub struct Run {
    verdict: Verdict,
    problems: Vec<String>,
    faults: Vec<Fault>,
    operations: usize,
    simulated: Duration,
}

/// How far a run is; everybody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Opening,
    Work,
    NoMore,
    Leave,
}

impl Run {
    pub fn is_clean(&self) -> bool {
        let breaks = |(name, count): &(&str, u64)| {
            *count > 0 && !(*name == "time_violations" && self.time_was_guessed())
        };
        !self.verdict.violations().iter().any(breaks)
            && self.problems.is_empty()
            && self.verdict.open == 0
            && self.verdict.accepted >= accepted_min()
    }

    /// When all nodes stop at once and wall clocks are off, nobody can know what time it is.
    fn time_was_guessed(&self) -> bool {
        let has = |so: fn(&Kind) -> bool| self.faults.iter().any(|fault| so(&fault.kind));
        has(|kind| matches!(kind, Kind::CrashAll)) && has(|kind| matches!(kind, Kind::Clock { .. }))
    }

    pub fn summary(&self) -> String {
        let Verdict { accepted, ended, open, lost, entries, .. } = self.verdict;
        format!(
            "{} faults in {} s; {} operations, accepted {accepted} (at least {} wanted), ended {ended}, open {open}, lost {lost}, {entries} commands",
            self.faults.len(),
            self.simulated.as_secs(),
            self.operations,
            accepted_min(),
        )
    }

    pub fn trace(&self) -> String {
        let mut text = String::new();
        for fault in &self.faults {
            writeln!(text, "{fault}").expect("a String takes all");
        }
        writeln!(text, "{:#?}\n{:#?}", self.verdict, self.problems).expect("a String takes all");
        text
    }
}

/// Fewer accepted contacts than this share of those that were due are no proof: the cluster did nothing most of the time.
fn accepted_min() -> u64 {
    u64::from(RATE) * (HEALED + PUSHING - OPENING).as_secs() * ACCEPTED_PERCENT_MIN / 100
}

/// Runs one seed with all data below `folder`.
pub fn run(seed: u64, folder: &Path) -> Run {
    let mut world = World::new(seed, folder);
    world.play()
}

struct World<'a> {
    sim: Sim<'a>,
    stage: Stage,
    set_watch: Box<dyn Fn(Duration) + Send + Sync>,
    skews: Vec<Arc<AtomicI64>>,
    phase: watch::Sender<Phase>,
    scans: Option<oneshot::Receiver<Result<Vec<NodeScan>, String>>>,
    faults: Vec<Fault>,
    problems: Vec<String>,
    /// Each scan has a host of its own.
    judges: u32,
}

impl World<'_> {
    fn new(seed: u64, folder: &Path) -> World<'static> {
        let mut sim = turmoil::Builder::new()
            .rng_seed(seed)
            .enable_random_order()
            .simulation_duration(HEALED + SERVED_WITHIN * 3)
            .max_message_latency(LATENCY_MAX)
            .tcp_capacity(8_192)
            .build();
        let (watch, set) = set_watch();
        let addresses = (0..NODES).map(api_address).collect();
        let stage = Stage::new(addresses, seed, RATE, dialer(), Arc::clone(&watch));
        stage.write_tokens(folder).expect("the folder takes a file");
        let text = std::fs::read_to_string(folder.join("tokens.toml")).expect("it was just written");
        let tokens = Tokens::parse("tokens.toml", &text).expect("tokens that a drill wrote");
        let skews: Vec<Arc<AtomicI64>> = (0..NODES).map(|_| Arc::default()).collect();
        for (place, skew) in skews.iter().enumerate() {
            let setup = NodeSetup {
                place,
                nodes: NODES,
                folder: folder.join(host(place)),
                tokens: tokens.clone(),
                watch: Arc::clone(&watch),
                skew_ms: Arc::clone(skew),
            };
            sim.host(host(place), move || serve(setup.clone()));
        }
        let (phase, _) = watch::channel(Phase::Opening);
        let faults = faults(seed, NODES, OPENING, HEALED);
        let set_watch = Box::new(set);
        World { sim, stage, set_watch, skews, phase, scans: None, faults, problems: Vec::new(), judges: 0 }
    }

    fn play(&mut self) -> Run {
        self.open();
        self.step_until(OPENING);
        self.go_wrong();
        self.step_until(HEALED + PUSHING);
        self.phase.send_replace(Phase::NoMore);
        let served_by = HEALED + SERVED_WITHIN;
        // Those whose answer is still under way count as open only when it has come.
        self.step_until(HEALED + PUSHING + QUIET);
        while self.stage.open() > 0 && self.sim.elapsed() < served_by {
            self.step_until(self.sim.elapsed() + Duration::from_millis(100));
        }
        let is_served = self.stage.open() == 0;
        let stuck = if is_served { Vec::new() } else { self.stories_of_stuck() };
        self.step_until(self.sim.elapsed() + QUIET);
        self.phase.send_replace(Phase::Leave);
        self.step_until(self.sim.elapsed() + QUIET * 2);
        let (verdict, problems) = match self.scan() {
            Ok(scans) => self.stage.judge(&scans),
            Err(error) => (Verdict::default(), vec![error]),
        };
        self.problems.extend(problems);
        self.problems.extend(stuck);
        Run {
            verdict,
            problems: std::mem::take(&mut self.problems),
            faults: self.faults.clone(),
            operations: self.stage.operations(),
            simulated: self.sim.elapsed(),
        }
    }

    /// The centre opens, and each region's clients come to work.
    fn open(&mut self) {
        let (stage, phase) = (self.stage.clone(), self.phase.clone());
        self.sim.client("lead", async move {
            while let Err(error) = stage.furnish().await {
                tracing::debug!(%error, "not yet");
            }
            phase.send_replace(Phase::Work);
            Ok(())
        });
        for place in 0..NODES {
            let (stage, mut phase) = (self.stage.clone(), self.phase.subscribe());
            self.sim.client(region(place), async move {
                phase.wait_for(|phase| *phase >= Phase::Work).await?;
                let cast = stage.seat(place)?;
                phase.wait_for(|phase| *phase >= Phase::NoMore).await?;
                cast.stop_pushing().await;
                phase.wait_for(|phase| *phase >= Phase::Leave).await?;
                cast.leave().await;
                Ok(())
            });
        }
    }

    /// What became of those who are not served, while the clients are still at work.
    fn stories_of_stuck(&mut self) -> Vec<String> {
        let told = format!("{} contacts are not served after healing", self.stage.open());
        let stories =
            self.scan().map_or_else(|error| vec![error], |scans| self.stage.stories_of_open(&scans));
        std::iter::once(told).chain(stories).collect()
    }

    fn scan(&mut self) -> Result<Vec<NodeScan>, String> {
        let (told, scans) = oneshot::channel();
        let stage = self.stage.clone();
        self.judges += 1;
        self.sim.client(format!("judge-{}", self.judges), async move {
            let scanned = stage.scan().await.map_err(|error| format!("{error:#}"));
            told.send(scanned).map_err(|_| "nobody wants the scans".into())
        });
        self.scans = Some(scans);
        let deadline = self.sim.elapsed() + SERVED_WITHIN;
        while self.sim.elapsed() < deadline {
            self.step();
            if let Some(Ok(scanned)) = self.scans.as_mut().map(oneshot::Receiver::try_recv) {
                return scanned;
            }
        }
        Err("the nodes were not scanned in time".to_owned())
    }

    fn go_wrong(&mut self) {
        let mut edges: Vec<(Duration, bool, Kind)> = Vec::new();
        for fault in &self.faults {
            edges.push((fault.from, true, fault.kind.clone()));
            edges.push((fault.until, false, fault.kind.clone()));
        }
        edges.sort_by_key(|(at, begins, _)| (*at, *begins));
        for (at, begins, kind) in edges {
            self.step_until(at);
            if begins {
                self.begin(&kind);
            } else {
                self.end(&kind);
            }
        }
        self.heal();
    }

    fn begin(&mut self, kind: &Kind) {
        match kind {
            Kind::Crash(node) => self.sim.crash(host(*node)),
            Kind::CrashAll => (0..NODES).for_each(|node| self.sim.crash(host(node))),
            Kind::Isolate(node) => {
                others(*node).for_each(|other| self.sim.partition(host(*node), host(other)));
            }
            Kind::CutPair(one, two) => self.sim.partition(host(*one), host(*two)),
            Kind::CutOneWay(from, to) => self.sim.partition_oneway(host(*from), host(*to)),
            Kind::Hold(one, two) => self.sim.hold(host(*one), host(*two)),
            Kind::CutClients { region: place, node } => self.sim.partition(region(*place), host(*node)),
            Kind::Slow(max_ms) => self.sim.set_max_message_latency(Duration::from_millis(*max_ms)),
            Kind::Clock { node, by_ms } => self.skews[*node].store(*by_ms, Ordering::Relaxed),
        }
    }

    fn end(&mut self, kind: &Kind) {
        match kind {
            Kind::Crash(node) => self.start(*node),
            Kind::CrashAll => (0..NODES).for_each(|node| self.start(node)),
            Kind::Isolate(node) => {
                others(*node).for_each(|other| self.sim.repair(host(*node), host(other)));
            }
            Kind::CutPair(one, two) => self.sim.repair(host(*one), host(*two)),
            Kind::CutOneWay(from, to) => self.sim.repair_oneway(host(*from), host(*to)),
            Kind::Hold(one, two) => self.sim.release(host(*one), host(*two)),
            Kind::CutClients { region: place, node } => self.sim.repair(region(*place), host(*node)),
            Kind::Slow(_) => self.sim.set_max_message_latency(LATENCY_MAX),
            // A clock that is off stays off until everything heals.
            Kind::Clock { .. } => {}
        }
    }

    /// Two faults may have struck the same link or node, and the end of one is not that of the other.
    fn heal(&mut self) {
        for node in 0..NODES {
            for other in others(node) {
                self.sim.release(host(node), host(other));
                self.sim.repair(host(node), host(other));
            }
            (0..NODES).for_each(|place| self.sim.repair(region(place), host(node)));
            self.start(node);
        }
        self.skews.iter().for_each(|skew| skew.store(0, Ordering::Relaxed));
        self.sim.set_max_message_latency(LATENCY_MAX);
    }

    fn start(&mut self, node: usize) {
        if !self.sim.is_host_running(host(node)) {
            self.sim.bounce(host(node));
        }
    }

    fn step_until(&mut self, at: Duration) {
        while self.sim.elapsed() < at {
            self.step();
        }
    }

    fn step(&mut self) {
        (self.set_watch)(self.sim.elapsed());
        if let Err(error) = self.sim.step() {
            self.problems.push(format!("at {} ms: {error}", self.sim.elapsed().as_millis()));
        }
    }
}

fn region(place: usize) -> String {
    format!("region-{}", place + 1)
}

fn others(node: usize) -> impl Iterator<Item = usize> {
    (0..NODES).filter(move |other| *other != node)
}
