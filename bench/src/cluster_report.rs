//! `ringmain-bench cluster`: three real nodes under an open-loop load, up to saturation and beyond.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use ringmain_bench::clock::Stopwatch;
use ringmain_bench::cluster::{
    Arrivals, Class, FORMAT, Latency, Machine, Order, Progress, Rig, Run, Search, Setup, Step, WINDOW_FULL,
};
use ringmain_bench::nodes::{self, NODES};
use tokio::signal::unix::{SignalKind, signal};

/// Part of the offered contacts that must be accepted for a rate to be held.
const ACCEPTED_SHARE: f64 = 0.98;
/// The rate at which most centres are.
const USUAL_RATE: f64 = 100.0;
/// Shares of the highest rate that was held.
const COMFORT: f64 = 0.7;
const OVERLOAD: f64 = 1.2;
/// A gateway of tier 0 at each node, so that life safety does not stand in line behind everything else of one stream.
const TIER_0_GATEWAYS: usize = NODES;

/// What a smoke run has instead of options: seconds measured and before that, window, operators.
const SMOKE: (f64, f64, u32, u32) = (3.0, 1.0, 16, 30);

/// What to run.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    ringmain-bench cluster --report cluster-report\n  \
    ringmain-bench cluster --rates 100,500,1000 --for 30\n  \
    ringmain-bench cluster --smoke\n\n\
    What is measured and how stands in docs/PERFORMANCE.md.")]
pub struct Options {
    /// A short run that checks counts and promises, and no times
    #[arg(long, conflicts_with_all = ["rates", "seconds", "warm_up", "window", "operators"])]
    smoke: bool,
    /// These rates alone, contacts per second, instead of a search for saturation
    #[arg(long, value_name = "RATE,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=50_000))]
    rates: Vec<u32>,
    /// The first rate of the search, contacts per second
    #[arg(long, value_name = "RATE", default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    start: u32,
    /// The search goes no higher, contacts per second
    #[arg(long, value_name = "RATE", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    max: u32,
    /// How often the last distance is halved
    #[arg(long, value_name = "TIMES", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=10))]
    halvings: u32,
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
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    operators: u32,
    /// Contacts that each of them may have at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_000))]
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
    /// Folder for the report: JSON, page and pictures; written anew after each rate
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// The program to run as nodes; without it, `ringmain` beside this program
    #[arg(long, value_name = "FILE")]
    ringmain: Option<PathBuf>,
    /// Where the nodes keep their data, a new or empty folder; without it one that goes with the run
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs the benchmark; the nodes end with it, however it ends.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            result = measure(options) => result,
            _ = tokio::signal::ctrl_c() => bail!("broken off; the nodes were ended"),
            _ = terminated.recv() => bail!("told to end; the nodes were ended"),
        }
    })
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let scratch = tempfile::Builder::new().prefix("ringmain-bench-").tempdir()?;
    let folder = match &options.data {
        Some(folder) => empty_folder(folder)?,
        None => scratch.path().to_owned(),
    };
    let (program, setup) = (nodes::program(options.ringmain.as_deref())?, setup(options));
    let spinner = ProgressBar::new_spinner();
    let waiting = |words: &str| {
        spinner.set_message(words.to_owned());
        spinner.tick();
    };
    let rig = Rig::open(&setup, &program, &folder, waiting).await?;
    spinner.finish_and_clear();
    let machine = Machine::here(&rig.version().await?);
    let mut campaign = Campaign {
        rig,
        report: options.report.clone(),
        watch: Stopwatch::start(),
        run: Run {
            format: FORMAT,
            machine,
            setup,
            steps: Vec::new(),
            saturation_per_s: None,
            is_saturated: false,
            replicas_agree: false,
            seconds: 0.0,
        },
    };
    if options.smoke {
        campaign.smoke().await?;
    } else if options.rates.is_empty() {
        campaign.search(Search::new(options.start.into(), options.max.into(), options.halvings)).await?;
    } else {
        for rate in &options.rates {
            campaign.step("asked for", Arrivals::Poisson, f64::from(*rate)).await?;
        }
    }
    campaign.conclude(options.smoke).await
}

fn setup(options: &Options) -> Setup {
    let asked_for = (options.seconds.into(), options.warm_up.into(), options.window, options.operators);
    let (measured_s, warm_up_s, window, operators) = if options.smoke { SMOKE } else { asked_for };
    Setup {
        nodes: NODES,
        gateways: options.gateways as usize,
        gateways_of_tier_0: TIER_0_GATEWAYS,
        operators: operators as usize,
        capacity: options.capacity,
        tier_0_every: options.tier_0_every,
        window,
        waiting_max: options.waiting_max,
        measured_s,
        warm_up_s,
        p99_bound_ms: options.p99.into(),
        accepted_share_bound: ACCEPTED_SHARE,
        seed: options.seed,
    }
}

/// The rates of a run, one after the other on one cluster.
struct Campaign {
    rig: Rig,
    report: Option<PathBuf>,
    watch: Stopwatch,
    run: Run,
}

impl Campaign {
    /// Looks for saturation, and measures what lies below and above it.
    async fn search(&mut self, mut search: Search) -> anyhow::Result<()> {
        self.step("usual", Arrivals::Poisson, USUAL_RATE).await?;
        self.step("usual", Arrivals::Constant, USUAL_RATE).await?;
        while let Some(rate) = search.next_rate() {
            let is_held = self.step("search", Arrivals::Poisson, rate).await?.is_held;
            search.tried(is_held);
            (self.run.saturation_per_s, self.run.is_saturated) = (search.saturation(), search.is_saturated());
        }
        let Some(saturation) = search.saturation() else { return Ok(()) };
        self.step("70 %", Arrivals::Poisson, saturation * COMFORT).await?;
        self.step("70 %", Arrivals::Constant, saturation * COMFORT).await?;
        self.step("120 %", Arrivals::Poisson, saturation * OVERLOAD).await?;
        Ok(())
    }

    /// Little, much, and far more than gateways with a small window bring in.
    async fn smoke(&mut self) -> anyhow::Result<()> {
        self.step("little", Arrivals::Constant, 20.0).await?;
        self.step("more", Arrivals::Poisson, 80.0).await?;
        self.step("too much", Arrivals::Poisson, 2_000.0).await?;
        Ok(())
    }

    async fn step(&mut self, name: &str, arrivals: Arrivals, rate: f64) -> anyhow::Result<&Step> {
        let name = format!("{name}: {rate:.0}/s");
        let bar = bar_of(&name)?;
        let shown = |progress: Progress| {
            bar.set_length((progress.length_s * 10.0) as u64);
            bar.set_position((progress.elapsed_s * 10.0) as u64);
            bar.set_message(format!("{} due, {} open", progress.due, progress.open));
        };
        let step = self.rig.step(&Order { name, arrivals, rate }, &shown).await?;
        bar.finish_and_clear();
        println!("{}", line(&step));
        self.run.steps.push(step);
        self.write()?;
        self.run.steps.last().context("the step that was just measured")
    }

    async fn conclude(mut self, is_smoke: bool) -> anyhow::Result<()> {
        self.run.replicas_agree = self.rig.replicas_agree().await?;
        self.run.seconds = self.watch.elapsed().as_secs_f64();
        for path in self.write()? {
            println!("{}", path.display());
        }
        print(&self.run);
        judge(&self.run)?;
        if is_smoke {
            println!("smoke: every count adds up and every promise was kept");
        }
        Ok(())
    }

    fn write(&mut self) -> anyhow::Result<Vec<PathBuf>> {
        self.run.seconds = self.watch.elapsed().as_secs_f64();
        self.report.as_deref().map_or(Ok(Vec::new()), |folder| self.run.write(folder))
    }
}

/// Fails when a promise was broken; says nothing about times.
fn judge(run: &Run) -> anyhow::Result<()> {
    for step in &run.steps {
        let (name, total) = (&step.name, step.total());
        ensure!(
            step.problems_count == 0,
            "{name}: {} problems, such as: {}",
            step.problems_count,
            step.problems.join("; ")
        );
        let answered = total.accepted + total.refused_in_all() + total.unknown;
        ensure!(answered == total.offered, "{name}: {} were due and {answered} answered", total.offered);
        ensure!(total.accepted > 0, "{name}: nothing was accepted");
        ensure!(
            total.completed == total.accepted,
            "{name}: {} accepted, {} completed",
            total.accepted,
            total.completed
        );
        let tier_0 = step.counts.get(&Class::Tier0).map(|counts| &counts.refused);
        let by_cluster = tier_0.into_iter().flatten().find(|(code, _)| *code != WINDOW_FULL);
        ensure!(by_cluster.is_none(), "{name}: tier 0 was refused: {by_cluster:?}");
    }
    ensure!(run.replicas_agree, "the nodes did not come to the same chain at the same log index");
    Ok(())
}

fn line(step: &Step) -> String {
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

fn offer_of(step: &Step) -> Latency {
    step.push_to_offer.get(&Class::Others).copied().unwrap_or_default()
}

fn print(run: &Run) {
    let header = [
        "rate",
        "offered/s",
        "accepted/s",
        "p99 answer",
        "p99 offer",
        "syncs",
        "mean sync",
        "batch",
        "CPU/life cycle",
    ];
    let cells = |step: &Step| {
        let ack = step.push_to_ack.get(&Class::Others).copied().unwrap_or_default();
        let syncs: u64 = step.nodes.values().map(|node| node.syncs).sum();
        let sync_ms: f64 =
            step.nodes.values().map(|node| node.sync_mean_ms.unwrap_or_default() * node.syncs as f64).sum();
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
        vec![
            format!("{} {}", step.name, step.arrivals.word()),
            format!("{:.1}", step.offered_per_s()),
            format!("{:.1}", step.accepted_per_s()),
            format!("{:.1} ms", ack.p99_ms),
            format!("{:.1} ms", offer_of(step).p99_ms),
            syncs.to_string(),
            format!("{:.2} ms", sync_ms / syncs.max(1) as f64),
            number(step.commands_per_entry()),
            format!("{} ms", number(step.cpu_ms_per_life_cycle)),
        ]
    };
    println!("{}", crate::table(&header, run.steps.iter().map(cells).collect()));
    match (run.saturation_per_s, run.is_saturated) {
        (Some(rate), true) => println!("saturated above {rate:.0} contacts per second"),
        (Some(rate), false) => println!("held {rate:.0} contacts per second; no more was tried"),
        (None, true) => println!("no rate of the search was held"),
        (None, false) => {}
    }
}

fn bar_of(name: &str) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {msg}")?;
    let bar = ProgressBar::new(1).with_style(style).with_prefix(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}

fn empty_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("--data: making {}", folder.display()))?;
    if std::fs::read_dir(folder)?.next().is_some() {
        bail!("--data {}: the folder is not empty; name a new one", folder.display());
    }
    Ok(std::fs::canonicalize(folder)?)
}
