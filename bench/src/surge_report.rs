//! `ringmain-bench surge`: a national outage on three real nodes, the leader killed at its peak.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use ringmain_bench::cluster::{
    Class, Habit, Hurry, Ours, Phase, Rig, Service, Setup, Surge, SurgeSetup, WINDOW_FULL,
};

use crate::load::{self, Place};

/// Part of the operators' room that talks take on a usual day, unless the length of the talks is given.
const OCCUPANCY: f64 = 0.8;

/// What to run.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    ringmain-bench surge --report surge-report\n  \
    ringmain-bench surge --baseline 20 --factor 50 --waiting-max 20000\n  \
    ringmain-bench surge --smoke\n\n\
    What is measured and how stands in docs/PERFORMANCE.md.")]
pub struct Options {
    /// A short run that checks counts and promises, and no times
    #[arg(long)]
    smoke: bool,
    /// Calls per second on a usual day
    #[arg(long, value_name = "RATE", default_value_t = 77, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    baseline: u32,
    /// At the peak so many times as many, redials included
    #[arg(long, value_name = "TIMES", default_value_t = 130, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    factor: u32,
    /// Usual day before the surge, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=600))]
    before: u32,
    /// From the usual day to the peak, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=600))]
    ramp: u32,
    /// At the peak, in seconds; the leader is killed in the middle
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(2..=600))]
    hold: u32,
    /// From the peak back to the usual day, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=600))]
    decay: u32,
    /// How long the killed leader is down, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=600))]
    down: u32,
    /// Mean of the talks, in seconds; without it, what keeps operators busy for four fifths of a usual day
    #[arg(long, value_name = "SECONDS")]
    talk: Option<f64>,
    /// How often a customer who is refused dials again
    #[arg(long, value_name = "TIMES", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=100))]
    redials: u32,
    /// After a pause of so many seconds on average
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    pause: u32,
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
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tier_0_every: u32,
    /// Contacts that may wait in the queue
    #[arg(long, value_name = "N", default_value_t = 500_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    waiting_max: u32,
    /// Where the random numbers come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    place: Place,
}

impl Options {
    /// The setup that was asked for.
    fn setup(&self) -> SurgeSetup {
        let centre = self.centre();
        let baseline_per_s = f64::from(self.baseline);
        let room = f64::from(self.operators * self.capacity);
        SurgeSetup {
            centre,
            talk_s: self.talk.unwrap_or(OCCUPANCY * room / baseline_per_s),
            baseline_per_s,
            factor: self.factor.into(),
            before_s: self.before.into(),
            ramp_s: self.ramp.into(),
            hold_s: self.hold.into(),
            decay_s: self.decay.into(),
            down_s: self.down.into(),
            redials: Habit { times_max: self.redials, pause_s: self.pause.into() },
        }
    }

    fn centre(&self) -> Setup {
        load::centre(
            (self.gateways, self.window),
            (self.operators, self.capacity),
            (self.tier_0_every, self.waiting_max),
            self.seed,
        )
    }

    /// A small surge: a full queue, customers who dial again, a killed leader, within half a minute.
    fn smoke(&self) -> SurgeSetup {
        SurgeSetup {
            centre: load::centre((6, 16), (20, 2), (20, 150), self.seed),
            talk_s: 4.0,
            baseline_per_s: 8.0,
            factor: 12.0,
            before_s: 2.0,
            ramp_s: 3.0,
            hold_s: 8.0,
            decay_s: 2.0,
            down_s: 1.0,
            redials: Habit { times_max: 2, pause_s: 1.5 },
        }
    }
}

/// Runs the benchmark; the nodes end with it, however it ends.
pub fn run(options: &Options) -> anyhow::Result<()> {
    load::run(measure(options))
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let setup = if options.smoke { options.smoke() } else { options.setup() };
    let (service, hurry) = Service::talking(Duration::from_secs_f64(setup.talk_s), setup.centre.seed);
    let ground = options.place.ground()?;
    let mut rig = ground.open(&setup.centre, &service).await?;
    let surge = surge(&mut rig, &setup, &hurry).await?;
    if let Some(folder) = &options.place.report {
        for path in surge.write(folder)? {
            println!("{}", path.display());
        }
    }
    print(&surge);
    judge(&surge)?;
    if options.smoke {
        smoke(&surge)?;
        println!("smoke: every count adds up and every promise was kept");
    }
    Ok(())
}

async fn surge(rig: &mut Rig<Ours>, setup: &SurgeSetup, hurry: &Hurry) -> anyhow::Result<Surge> {
    let bar = load::bar_of("surge")?;
    let surge = rig.surge(setup, hurry, &|progress| load::show(&bar, progress)).await?;
    bar.finish_and_clear();
    Ok(surge)
}

fn print(surge: &Surge) {
    let header = [
        "",
        "class",
        "calls",
        "again",
        "accepted",
        "refused",
        "p50 offer",
        "p99 offer",
        "own p50",
        "own p99",
    ];
    let mut rows = Vec::new();
    for Phase { name, calls, .. } in &surge.phases {
        for (class, calls) in calls {
            let mut row = vec![name.clone(), class.word().to_owned()];
            row.extend(
                [calls.calls, calls.redials, calls.accepted, calls.refused_in_all()].map(|n| n.to_string()),
            );
            let (offer, own) = (calls.push_to_offer, calls.ready_to_offer);
            row.extend([offer.p50_ms, offer.p99_ms, own.p50_ms, own.p99_ms].map(|ms| format!("{ms:.1} ms")));
            rows.push(row);
        }
    }
    println!("{}", crate::table(&header, rows));
    let kill = &surge.kill;
    let next = kill.to_next_offer_ms.map_or("never".to_owned(), |ms| format!("{ms:.0} ms"));
    println!("node {} led and was killed; from the kill to the next offer: {next}", kill.node);
    for (code, fate) in &surge.refused_first {
        println!("{code}: {} customers, {} got in later", fate.customers, fate.got_in_later);
    }
    println!("in line at most: {}; elections: {}; lost: {}", surge.waiting_max, surge.elections, surge.lost);
}

/// Fails when a promise was broken; says nothing about times.
fn judge(surge: &Surge) -> anyhow::Result<()> {
    let problems = || surge.problems.join("; ");
    ensure!(surge.problems_count == 0, "{} problems, such as: {}", surge.problems_count, problems());
    ensure!(surge.lost == 0, "{} contacts were accepted and are lost", surge.lost);
    ensure!(surge.replicas_agree, "the nodes did not come to the same chain at the same log index");
    ensure!(surge.kill.caught_up_s.is_some(), "node {} did not catch up within a minute", surge.kill.node);
    for phase in &surge.phases {
        for (class, calls) in &phase.calls {
            let answered = calls.accepted + calls.refused_in_all() + calls.unknown;
            let name = format!("{}, {}", phase.name, class.word());
            ensure!(answered == calls.calls, "{name}: {} were due and {answered} answered", calls.calls);
            let by_cluster = calls.refused.keys().find(|code| *code != WINDOW_FULL);
            ensure!(*class != Class::Tier0 || by_cluster.is_none(), "{name}: refused: {by_cluster:?}");
        }
    }
    Ok(())
}

/// What a small surge must have shown, too.
fn smoke(surge: &Surge) -> anyhow::Result<()> {
    let calls = || surge.phases.iter().flat_map(|phase| phase.calls.values());
    // In the last one the schedule is over.
    let (_, scheduled) = surge.phases.split_last().context("parts of the surge")?;
    ensure!(
        scheduled.iter().all(|phase| phase.calls.values().any(|calls| calls.calls > 0)),
        "a part was empty"
    );
    ensure!(calls().map(|calls| calls.redials).sum::<u64>() > 0, "nobody dialled again");
    let full = calls().filter_map(|calls| calls.refused.get("queue-full")).sum::<u64>();
    ensure!(full > 0, "the queue was never full");
    ensure!(surge.elections > 0, "nobody was elected after the kill");
    ensure!(surge.kill.to_next_offer_ms.is_some(), "nothing was offered after the kill");
    let told: u64 = surge.seconds.iter().map(|second| second.calls).sum();
    let counted: u64 = calls().map(|calls| calls.calls).sum();
    ensure!(told == counted, "{told} calls second by second, and {counted} by parts");
    Ok(())
}
