//! What every measurement under load has in common: its options, how it ends, what it shows, what must hold.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use ringmain_bench::cluster::{
    Arrivals, Class, Latency, Order, Ours, Progress, Rig, Service, Setup, Step, System,
};
use ringmain_bench::nodes::{self, NODES};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

/// The slowest p99 from push to offer of a rate that is held, unless another is asked for.
const P99_MS: f64 = 500.0;
/// Part of the offered contacts that must be accepted for a rate to be held.
const ACCEPTED_SHARE: f64 = 0.98;
/// The rate at which most centres are.
pub const USUAL_RATE: f64 = 100.0;
/// Share of the highest rate that was held at which a centre is well loaded.
pub const COMFORT: f64 = 0.7;
/// A gateway of tier 0 at each node, so that life safety does not stand in line behind everything else of one stream.
const TIER_0_GATEWAYS: usize = NODES;

/// What a smoke run has instead of options: seconds measured and before that, window, operators.
const SMOKE: (f64, f64, u32, u32) = (3.0, 1.0, 16, 30);

/// How the load is made.
#[derive(Args)]
pub struct LoadOptions {
    /// How long each rate is measured, in seconds
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// How long each rate runs before it is measured, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=60))]
    warm_up: u32,
    /// A rate with a slower p99 from push to offer is not held, in ms
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    p99: u32,
    /// Gateways, spread over the nodes
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    gateways: u32,
    /// Unanswered pushes that each of them has at most; what is due beyond is refused at once
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    window: u32,
    /// Operators, spread over the nodes
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    operators: u32,
    /// Contacts that each of them may have at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    capacity: u32,
    /// One contact in so many is of tier 0
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    tier_0_every: u32,
    /// Contacts that may wait in the queue
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    waiting_max: u32,
    /// Where the random numbers come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl LoadOptions {
    /// The setup that was asked for; of a smoke run a small one.
    pub fn setup(&self, is_smoke: bool) -> Setup {
        let asked_for = (self.seconds.into(), self.warm_up.into(), self.window, self.operators);
        let (measured_s, warm_up_s, window, operators) = if is_smoke { SMOKE } else { asked_for };
        Setup {
            nodes: NODES,
            gateways: self.gateways as usize,
            gateways_of_tier_0: TIER_0_GATEWAYS,
            operators: operators as usize,
            capacity: self.capacity,
            tier_0_every: self.tier_0_every,
            window,
            waiting_max: self.waiting_max,
            measured_s,
            warm_up_s,
            p99_bound_ms: self.p99.into(),
            accepted_share_bound: ACCEPTED_SHARE,
            seed: self.seed,
        }
    }
}

/// What a measurement runs, where, and where its report goes.
#[derive(Args)]
pub struct Place {
    /// Folder for the report: JSON, page and pictures
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// The program to run as nodes; without it, `ringmain` beside this program
    #[arg(long, value_name = "FILE")]
    ringmain: Option<PathBuf>,
    /// Where the nodes keep their data, a new or empty folder; without it one that goes with the run
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// A program and a folder for its nodes. What is temporary goes when it is dropped.
pub struct Ground {
    _scratch: TempDir,
    folder: PathBuf,
    program: PathBuf,
}

impl Place {
    /// The program, and a folder for the nodes.
    ///
    /// # Errors
    /// There is no such program, or the folder is not empty.
    pub fn ground(&self) -> anyhow::Result<Ground> {
        let scratch = tempfile::Builder::new().prefix("ringmain-bench-").tempdir()?;
        let folder = match &self.data {
            Some(folder) => empty_folder(folder)?,
            None => scratch.path().to_owned(),
        };
        Ok(Ground { _scratch: scratch, folder, program: nodes::program(self.ringmain.as_deref())? })
    }
}

impl Ground {
    /// Three nodes and everybody signed in; shows what is waited for.
    ///
    /// # Errors
    /// A node cannot be started, or ends, or not everybody is there within a minute.
    pub async fn open(&self, centre: &Setup, service: &Service) -> anyhow::Result<Rig<Ours>> {
        let spinner = ProgressBar::new_spinner();
        let waiting = |words: &str| {
            spinner.set_message(words.to_owned());
            spinner.tick();
        };
        let rig = Rig::<Ours>::open(centre, service, &self.program, &self.folder, waiting).await?;
        spinner.finish_and_clear();
        Ok(rig)
    }
}

/// A centre for a measurement that looks for no rate: gateways and their window, operators and their capacity, one contact in
/// so many of tier 0 and how many may wait.
pub fn centre(
    (gateways, window): (u32, u32),
    (operators, capacity): (u32, u32),
    (tier_0_every, waiting_max): (u32, u32),
    seed: u64,
) -> Setup {
    Setup {
        nodes: NODES,
        gateways: gateways as usize,
        gateways_of_tier_0: TIER_0_GATEWAYS,
        operators: operators as usize,
        capacity,
        tier_0_every,
        window,
        waiting_max,
        measured_s: 0.0,
        warm_up_s: 0.0,
        p99_bound_ms: P99_MS,
        accepted_share_bound: ACCEPTED_SHARE,
        seed,
    }
}

/// Runs a measurement until it or somebody ends it; what it has started ends with it.
pub fn run(measurement: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            result = measurement => result,
            _ = tokio::signal::ctrl_c() => bail!("broken off; what was started was ended"),
            _ = terminated.recv() => bail!("told to end; what was started was ended"),
        }
    })
}

/// Loads a system at a rate, with a progress bar, and prints what came of it.
pub async fn step<S: System>(
    rig: &mut Rig<S>,
    name: &str,
    arrivals: Arrivals,
    rate: f64,
) -> anyhow::Result<Step> {
    let name = format!("{name}: {rate:.0}/s");
    let bar = bar_of(&name)?;
    let step = rig.step(&Order { name, arrivals, rate }, &|progress| show(&bar, progress)).await?;
    bar.finish_and_clear();
    println!("{}", line(&step));
    Ok(step)
}

/// What came of a step, in a line.
pub fn line(step: &Step) -> String {
    let offer = offer_of(step);
    let refused = step.total().refused_in_all();
    format!(
        "{:<18} {:>8}: accepted {:>7.1}/s, life cycles {:>7.1}/s, offer p50 {:.1} ms p99 {:.1} ms, refused {refused}{}",
        step.name,
        step.arrivals.word(),
        step.accepted_per_s(),
        step.life_cycles_per_s,
        offer.p50_ms,
        offer.p99_ms,
        step.why_not_held.as_ref().map_or(String::new(), |why| format!("; not held: {why}"))
    )
}

/// From due to shown, of all but tier 0.
pub fn offer_of(step: &Step) -> Latency {
    step.push_to_offer.get(&Class::Others).copied().unwrap_or_default()
}

/// Shows on a bar how far a measurement is.
pub fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length((progress.length_s * 10.0) as u64);
    bar.set_position((progress.elapsed_s * 10.0) as u64);
    bar.set_message(format!("{} due, {} open", progress.due, progress.open));
}

/// A bar with a name before it.
pub fn bar_of(name: &str) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {msg}")?;
    let bar = ProgressBar::new(1).with_style(style).with_prefix(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}

/// A folder that a run may write its data to.
pub fn empty_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("--data: making {}", folder.display()))?;
    if std::fs::read_dir(folder)?.next().is_some() {
        bail!("--data {}: the folder is not empty; name a new one", folder.display());
    }
    Ok(std::fs::canonicalize(folder)?)
}
