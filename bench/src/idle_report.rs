//! `ringmain-bench idle`: what three real nodes cost when nobody calls, and how fast an offer comes at a steady rate.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use futures::future::{join_all, try_join_all};
use hdrhistogram::Histogram;
use ringmain_bench::clock::Stopwatch;
use ringmain_bench::nodes::{self, NODES, Nodes};
use ringmain_bench::play::{GatewaySeat, OperatorSeat, Probe, ProbeRate, Stage};
use ringmain_bench::usage::Usage;
use ringmain_protocol::client::{AdminClient, CallConfig};
use ringmain_protocol::v1::ClusterStatusResponse;
use ringmain_routing::Plan;
use ringmain_routing::command::OperatorPlan;
use ringmain_routing::plan::{ChannelPlan, QueuePlan};

/// Share of a core that an idle node may use.
const GOAL_CORE_SHARE: f64 = 0.02;
/// How long the last answers are waited for.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// What comes with starting and signing in is over after this time.
const CALM: Duration = Duration::from_secs(3);
/// Operators at each node, each with room for several contacts, so that an offer never waits for a person.
const OPERATORS_PER_NODE: usize = 2;
const CAPACITY: u32 = 20;
const QUEUE: &str = "bench";
const CHANNEL: &str = "bench";

/// What to run.
#[derive(Args)]
pub struct Options {
    /// How long each of the three parts is measured, in seconds
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Contacts per second in the third part
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// The program to run as nodes; without it, `ringmain` beside this program
    #[arg(long, value_name = "FILE")]
    ringmain: Option<PathBuf>,
    /// Where the nodes keep their data; without it a folder that goes with the run
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Starts the nodes and measures them idle, idle with clients, and at a steady rate.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(options))
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let folder = options.data.clone().unwrap_or_else(|| scratch.path().to_owned());
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let tokens: Vec<_> =
        clients().into_iter().map(|(role, name)| (role, name.clone(), token(role, &name))).collect();
    let mut bench = Bench {
        cluster: Nodes::start(&nodes::program(options.ringmain.as_deref())?, &folder, &tokens)?,
        length: Duration::from_secs(options.seconds),
        parts: Vec::new(),
    };
    bench.set_up().await?;
    bench.part("idle, nobody connected").await?;
    let stage = Stage::new(bench.cluster.addresses(), 1);
    let (gateways, operators) = connect(&stage)?;
    let signed_in = format!("idle, {NODES} gateways and {} operators signed in", operators.len());
    bench.part(&signed_in).await?;
    let until = stage.elapsed() + CALM + bench.length + CALM;
    let rate = ProbeRate {
        per_second: options.rate,
        queue: QUEUE.to_owned(),
        channel: CHANNEL.to_owned(),
        service: Duration::ZERO,
    };
    let probe = Probe::start(&stage, gateways.clone(), rate, until);
    bench.part(&format!("{} contacts/s", options.rate)).await?;
    probe.finish().await;
    join_all(operators.into_iter().map(|operator| operator.finish(LAST_ANSWERS))).await;
    join_all(gateways.iter().map(|gateway| gateway.finish(LAST_ANSWERS))).await;
    bench.print();
    print_offers(&stage.notes().offers_ns, options.rate)
}

struct Bench {
    cluster: Nodes,
    length: Duration,
    parts: Vec<Part>,
}

/// What a part of the run took, per node.
struct Part {
    name: String,
    seconds: f64,
    usage: Vec<Usage>,
    log_entries: Vec<u64>,
    syncs: Vec<u64>,
    sync_ns: u64,
}

impl Bench {
    /// Waits for a leader and puts plan and operators.
    async fn set_up(&mut self) -> anyhow::Result<()> {
        let bar = indicatif::ProgressBar::new_spinner().with_message("waiting for a leader");
        let operators: Vec<OperatorPlan> = logins().iter().map(|login| operator(login)).collect();
        let token = token("admin", "bench");
        self.cluster.furnish(&token, &plan(), &operators, || bar.tick()).await?;
        bar.finish_and_clear();
        Ok(())
    }

    /// Lets the cluster come to rest, then measures it.
    async fn part(&mut self, name: &str) -> anyhow::Result<()> {
        tokio::time::sleep(CALM).await;
        let (statuses, usage) = (self.statuses().await?, self.cluster.usage()?);
        let watch = Stopwatch::start();
        self.show_progress(name, &watch).await;
        let seconds = watch.elapsed().as_secs_f64();
        let (usage_after, statuses_after) = (self.cluster.usage()?, self.statuses().await?);
        self.cluster.check_running()?;
        let pairs = || statuses.iter().zip(&statuses_after);
        self.parts.push(Part {
            name: name.to_owned(),
            seconds,
            usage: usage.iter().zip(&usage_after).map(|(before, after)| after.since(before)).collect(),
            log_entries: pairs().map(|(before, after)| after.raft_last_log - before.raft_last_log).collect(),
            syncs: pairs().map(|(before, after)| after.sync_count - before.sync_count).collect(),
            sync_ns: pairs().map(|(before, after)| after.sync_ns_total - before.sync_ns_total).sum(),
        });
        Ok(())
    }

    async fn show_progress(&self, name: &str, watch: &Stopwatch) {
        let bar = crate::progress_bar(self.length.as_secs(), "seconds").with_message(name.to_owned());
        while watch.elapsed() < self.length {
            let rest = self.length.saturating_sub(watch.elapsed());
            tokio::time::sleep(rest.min(Duration::from_secs(1))).await;
            bar.set_position(watch.elapsed().as_secs());
        }
        bar.finish_and_clear();
    }

    async fn statuses(&self) -> anyhow::Result<Vec<ClusterStatusResponse>> {
        try_join_all(self.cluster.addresses().into_iter().map(|address| async move {
            let config = CallConfig::new(vec![address.clone()], &token("admin", "bench"));
            AdminClient::new(&config)?
                .cluster_status()
                .await
                .with_context(|| format!("asking the node at {address}"))
        }))
        .await
    }

    fn print(&self) {
        let rows = self.parts.iter().map(Part::cells).collect();
        let header = ["part", "CPU of a core, per node", "log entries", "syncs", "mean sync", "written"];
        println!("{}", crate::table(&header, rows));
        let idle = self.parts.iter().take(2);
        let cheap = idle.clone().flat_map(Part::core_shares).all(|share| share < GOAL_CORE_SHARE);
        let quiet = idle.flat_map(|part| &part.log_entries).all(|&entries| entries == 0);
        let word = |holds: bool| if holds { "reached" } else { "missed" };
        println!(
            "goals when idle: below 2 % of a core per node: {}; no log writes: {}",
            word(cheap),
            word(quiet)
        );
    }
}

impl Part {
    fn core_shares(&self) -> impl Iterator<Item = f64> + '_ {
        self.usage.iter().map(|usage| usage.processor_s / self.seconds)
    }

    fn cells(&self) -> Vec<String> {
        let shares: Vec<String> = self.core_shares().map(|share| format!("{:.2} %", share * 100.0)).collect();
        let syncs: u64 = self.syncs.iter().sum();
        let written: u64 = self.usage.iter().map(|usage| usage.written_bytes).sum();
        let mean_ms = if syncs == 0 { 0.0 } else { self.sync_ns as f64 / syncs as f64 / 1e6 };
        vec![
            self.name.clone(),
            shares.join("  "),
            self.log_entries.iter().max().copied().unwrap_or_default().to_string(),
            syncs.to_string(),
            format!("{mean_ms:.2} ms"),
            format!("{:.1} KiB", written as f64 / 1024.0),
        ]
    }
}

fn print_offers(offers_ns: &[u64], rate: u32) -> anyhow::Result<()> {
    let mut histogram: Histogram<u64> = Histogram::new(3).map_err(|error| anyhow!("{error}"))?;
    for &ns in offers_ns {
        histogram.record(ns).map_err(|error| anyhow!("{error}"))?;
    }
    let ms = |share: f64| histogram.value_at_quantile(share) as f64 / 1e6;
    println!(
        "{} offers at {rate}/s over real clients, from the moment a contact was due to its offer at the desktop: \
         p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        offers_ns.len(),
        ms(0.5),
        ms(0.99),
        ms(1.0)
    );
    Ok(())
}

fn connect(stage: &Stage) -> anyhow::Result<(Arc<[GatewaySeat]>, Vec<OperatorSeat>)> {
    let gateway = |place: usize| {
        GatewaySeat::take(stage, &gateway_name(place), &token("gateway", &gateway_name(place)), place)
    };
    let gateways = (0..NODES).map(gateway).collect::<Result<Arc<[_]>, _>>()?;
    let seat = |(place, login): (usize, &String)| {
        OperatorSeat::take(stage, login, &token("operator", login), place % NODES, Vec::new())
    };
    let operators = logins().iter().enumerate().map(seat).collect::<Result<Vec<_>, _>>()?;
    Ok((gateways, operators))
}

fn plan() -> Plan {
    Plan {
        version: 1,
        queues: vec![QueuePlan::named(QUEUE)],
        channels: vec![ChannelPlan { name: CHANNEL.into(), units: 1 }],
        ..Plan::default()
    }
}

fn operator(login: &str) -> OperatorPlan {
    OperatorPlan {
        login: login.into(),
        skills: Vec::new(),
        capacity: CAPACITY,
        unit: None,
        ranks: Vec::new(),
        rules: Default::default(),
    }
}

fn logins() -> Vec<String> {
    (0..NODES * OPERATORS_PER_NODE).map(|place| format!("operator-{place}")).collect()
}

fn gateway_name(place: usize) -> String {
    format!("gateway-{place}")
}

/// Everybody who may call, by role.
fn clients() -> Vec<(&'static str, String)> {
    let gateways = (0..NODES).map(|place| ("gateway", gateway_name(place)));
    let operators = logins().into_iter().map(|login| ("operator", login));
    [("admin", "bench".to_owned())].into_iter().chain(gateways).chain(operators).collect()
}

/// Made for one run on one machine: whoever can read the folder may call anyway.
fn token(role: &str, name: &str) -> String {
    format!("bench-{}-{role}-{name}", std::process::id())
}
