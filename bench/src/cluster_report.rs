//! `ringmain-bench cluster`: three real nodes under an open-loop load, up to saturation and beyond.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;
use ringmain_bench::clock::Stopwatch;
use ringmain_bench::cluster::{Arrivals, Class, FORMAT, Machine, Ours, Rig, Run, Search, Service, Step};

use crate::load::{self, COMFORT, LoadOptions, Place, USUAL_RATE};

/// More than the highest rate that was held.
const OVERLOAD: f64 = 1.2;
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
    #[command(flatten)]
    load: LoadOptions,
    #[command(flatten)]
    place: Place,
}

/// Runs the benchmark; the nodes end with it, however it ends.
pub fn run(options: &Options) -> anyhow::Result<()> {
    load::run(measure(options))
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let setup = options.load.setup(options.smoke);
    let ground = options.place.ground()?;
    let rig = ground.open(&setup, &Service::at_once()).await?;
    let machine = Machine::here(&rig.version().await?);
    let mut campaign = Campaign {
        rig,
        report: options.place.report.clone(),
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

/// The rates of a run, one after the other on one cluster.
struct Campaign {
    rig: Rig<Ours>,
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
        let step = load::step(&mut self.rig, name, arrivals, rate).await?;
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
    run.steps.iter().try_for_each(Step::keeps_promises)?;
    ensure!(run.replicas_agree, "the nodes did not come to the same chain at the same log index");
    Ok(())
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
        let syncs: u64 = step.nodes.values().filter_map(|node| node.syncs).sum();
        let sync_ms: f64 =
            step.nodes.values().filter_map(|node| Some(node.sync_mean_ms? * node.syncs? as f64)).sum();
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
        vec![
            format!("{} {}", step.name, step.arrivals.word()),
            format!("{:.1}", step.offered_per_s()),
            format!("{:.1}", step.accepted_per_s()),
            format!("{:.1} ms", ack.p99_ms),
            format!("{:.1} ms", load::offer_of(step).p99_ms),
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
