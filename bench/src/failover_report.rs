//! `ringmain-bench failover`: the leader is killed again and again under a steady load; and loads under which nobody has
//! to be elected.

use anyhow::ensure;
use clap::Args;
use ringmain_bench::cluster::{Class, Failover, FailoverSetup, Ours, Rig, Service, Setup, Step, WINDOW_FULL};

use crate::load::{self, Place};

/// What to run.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    ringmain-bench failover --rate 1000 --kills 50 --report failover-report\n  \
    ringmain-bench failover --kills 10 --press 0\n  \
    ringmain-bench failover --smoke\n\n\
    What is measured and how stands in docs/PERFORMANCE.md.")]
pub struct Options {
    /// A short run that checks counts and promises, and no times
    #[arg(long)]
    smoke: bool,
    /// Contacts per second
    #[arg(long, value_name = "RATE", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    rate: u32,
    /// How often the leader is killed
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    kills: u32,
    /// How long a killed node is down, in ms
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(0..=60_000))]
    down: u32,
    /// From a node's having caught up to the next kill, in ms; at least 2,000
    #[arg(long, value_name = "MS", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(2_000..=60_000))]
    calm: u32,
    /// Contacts per second of a load near saturation under which nobody is killed; 0 for none
    #[arg(long, value_name = "RATE", default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(0..=50_000))]
    press: u32,
    /// How long that lasts, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    press_for: u32,
    /// Operators, spread over the nodes; each may have 4 contacts at once
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    operators: u32,
    /// Where the random numbers come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    place: Place,
}

impl Options {
    /// How leaders are killed; rate and seconds of the load under which none is.
    fn setup(&self) -> (FailoverSetup, (f64, f64)) {
        if self.smoke {
            let centre = load::centre((3, 64), (10, 4), (10, 10_000), self.seed);
            let setup = FailoverSetup { centre, rate_per_s: 25.0, kills: 2, down_s: 0.5, calm_s: 2.0 };
            return (setup, (50.0, 3.0));
        }
        let setup = FailoverSetup {
            centre: self.centre(),
            rate_per_s: self.rate.into(),
            kills: self.kills,
            down_s: f64::from(self.down) / 1e3,
            calm_s: f64::from(self.calm) / 1e3,
        };
        (setup, (self.press.into(), self.press_for.into()))
    }

    /// As `ringmain-bench cluster` has it, but for the windows: a customer is to wait for the new leader and not to be
    /// turned away, so they hold what is due in some seconds.
    fn centre(&self) -> Setup {
        load::centre((6, 2_048), (self.operators, 4), (20, 100_000), self.seed)
    }
}

/// Runs the benchmark; the nodes end with it, however it ends.
pub fn run(options: &Options) -> anyhow::Result<()> {
    load::run(measure(options))
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let (setup, (press_per_s, press_s)) = options.setup();
    let ground = options.place.ground()?;
    let mut rig = ground.open(&setup.centre, &Service::at_once()).await?;
    let bar = load::bar_of("failover")?;
    let mut failover = rig.failover(&setup, &|progress| load::show(&bar, progress)).await?;
    bar.finish_and_clear();
    print(&failover);
    if press_per_s > 0.0 {
        press(&mut rig, (press_per_s, press_s), &mut failover).await?;
    }
    failover.replicas_agree = rig.replicas_agree().await?;
    if let Some(folder) = &options.place.report {
        for path in failover.write(folder)? {
            println!("{}", path.display());
        }
    }
    judge(&failover)?;
    if options.smoke {
        smoke(&failover)?;
        println!("smoke: every count adds up and every promise was kept");
    }
    Ok(())
}

/// A load under which nobody is killed.
async fn press(rig: &mut Rig<Ours>, load: (f64, f64), failover: &mut Failover) -> anyhow::Result<()> {
    let name = format!("nobody killed: {:.0}/s", load.0);
    let bar = load::bar_of(&name)?;
    let step = rig.press(name, load, &|progress| load::show(&bar, progress)).await?;
    bar.finish_and_clear();
    println!("{}; elections: {}", load::line(&step), step.elections);
    failover.unharmed.push(step);
    Ok(())
}

fn print(failover: &Failover) {
    let next = &failover.to_next_offer;
    println!(
        "{} leaders killed; from the kill to the next offer: median {:.0} ms, p99 {:.0} ms, longest {:.0} ms",
        failover.deaths.len(),
        next.p50_ms,
        next.p99_ms,
        next.max_ms
    );
    for (name, calls) in [("due within 2 s after a kill", &failover.struck), ("all others", &failover.calm)] {
        for (class, calls) in calls {
            let (offer, refused) = (calls.push_to_offer, calls.refused_in_all());
            println!(
                "{name}, {}: {} due, {} accepted, {refused} refused; offer p50 {:.1} ms p99 {:.1} ms longest {:.0} ms",
                class.word(),
                calls.calls,
                calls.accepted,
                offer.p50_ms,
                offer.p99_ms,
                offer.max_ms
            );
        }
    }
    println!(
        "elections: {}; lost: {}; problems: {}",
        failover.elections, failover.lost, failover.problems_count
    );
}

/// Fails when a promise was broken; says nothing about times.
fn judge(failover: &Failover) -> anyhow::Result<()> {
    let problems = || failover.problems.join("; ");
    ensure!(failover.problems_count == 0, "{} problems, such as: {}", failover.problems_count, problems());
    ensure!(failover.lost == 0, "{} contacts were accepted and are lost", failover.lost);
    ensure!(failover.replicas_agree, "the nodes did not come to the same chain at the same log index");
    for (place, death) in failover.deaths.iter().enumerate() {
        let name = format!("death {}, node {}", place + 1, death.node);
        ensure!(death.to_next_offer_ms.is_some(), "{name}: nothing was offered any more");
        ensure!(death.caught_up_s.is_some(), "{name}: it did not catch up within a minute");
    }
    for (class, calls) in failover.struck.iter().chain(&failover.calm) {
        let answered = calls.accepted + calls.refused_in_all() + calls.unknown;
        ensure!(
            answered == calls.calls,
            "{}: {} were due and {answered} answered",
            class.word(),
            calls.calls
        );
        let by_cluster = calls.refused.keys().find(|code| *code != WINDOW_FULL);
        ensure!(*class != Class::Tier0 || by_cluster.is_none(), "tier 0 was refused: {by_cluster:?}");
    }
    failover.unharmed.iter().try_for_each(Step::keeps_promises)
}

/// What a small run must have shown, too.
fn smoke(failover: &Failover) -> anyhow::Result<()> {
    let (deaths, kills) = (failover.deaths.len(), failover.setup.kills);
    ensure!(deaths == kills as usize, "{deaths} leaders were killed and not {kills}");
    ensure!(failover.elections >= kills.into(), "{} elections after {kills} kills", failover.elections);
    ensure!(failover.struck.values().any(|calls| calls.accepted > 0), "no contact was due after a kill");
    ensure!(!failover.unharmed.is_empty(), "there was no load without a kill");
    Ok(())
}
