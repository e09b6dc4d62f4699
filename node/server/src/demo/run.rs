//! The course of a demo.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures::future::try_join_all;
use hdrhistogram::Histogram;
use ringmain_bench::play::Stage;
use ringmain_bench::workload::DayTime;
use ringmain_chaos::checker::judge;
use ringmain_protocol::client::{AdminClient, CallConfig};
use ringmain_protocol::v1::{ApplyPlanRequest, PutOperatorsRequest};
use ringmain_routing::NodeId;
use ringmain_routing::limits::OPERATORS_PER_COMMAND_MAX;
use tokio::sync::mpsc;

use super::board::{Board, Figures};
use super::cast::{Cast, GUEST, gateway_names};
use super::cluster::DemoCluster;
use super::failover::{Killing, kill_leader, measure};
use super::keys::{Key, Keyboard};
use super::options::DemoArgs;
use super::report::{Percentiles, Report, Syncs};
use super::scan::{histories, scan};
use super::setup::{Choice, Secrets, Stagecraft, draw, stagecraft};
use super::watcher::{Look, Watcher};

/// How often the board is drawn.
const FRAME: Duration = Duration::from_secs(1);
/// How long the cluster may take to elect its first leader, or to be whole again at the end.
const SETTLE: Duration = Duration::from_secs(60);
/// How long after a scripted killing the node is started again.
const RESTART_AFTER: Duration = Duration::from_secs(10);
/// How much a surge multiplies arrivals.
const SURGE: f64 = 20.0;
/// How long a surge takes.
const SURGE_FOR: Duration = Duration::from_secs(60);
/// A demo without an end ends here.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Plays the demo and judges it. `true` when every promise was kept.
///
/// # Errors
/// The demo could not be played to its end.
pub async fn run(args: DemoArgs, salt: u64) -> Result<bool> {
    let folder = Folder::make(args.data.as_deref(), salt)?;
    let stagecraft = stagecraft(&choice(&args, args.scale, args.seed), args.nodes)?;
    let secrets = Secrets::new(salt);
    let mut gateways = gateway_names(args.nodes);
    gateways.push(GUEST.to_owned());
    secrets.write(&folder.path, &gateways, &stagecraft.operators)?;
    println!("Starting {} nodes in {} …", args.nodes, folder.path.display());
    let cluster = DemoCluster::start(&folder.path, args.nodes)?;
    let mut demo = Demo::new(args, cluster, secrets)?;
    demo.wait_until(Look::is_serving, "a leader").await?;
    demo.set_up(&stagecraft).await?;
    demo.introduce();
    demo.play(&stagecraft).await?;
    let report = demo.judge().await?;
    report.print();
    if let Some(path) = &demo.args.report {
        report.write(path)?;
    }
    if folder.keep {
        println!("Data, configs and logs are in {}", folder.path.display());
    }
    Ok(report.is_clean())
}

struct Demo {
    args: DemoArgs,
    cluster: DemoCluster,
    secrets: Secrets,
    stage: Stage,
    watcher: Watcher,
    look: Look,
    begin: Duration,
    killings: Vec<Killing>,
    restarts: VecDeque<(Duration, NodeId)>,
    offers: Histogram<u64>,
    offers_counted: usize,
    surges: u64,
    news: String,
}

impl Demo {
    fn new(args: DemoArgs, cluster: DemoCluster, secrets: Secrets) -> Result<Demo> {
        let addresses = cluster.addresses();
        let (admin, supervisor) = (secrets.token("admin", "demo"), secrets.token("supervisor", "demo"));
        let watcher = Watcher::new(&addresses, &admin, &supervisor)?;
        let stage = Stage::new(addresses, args.seed);
        Ok(Demo {
            args,
            cluster,
            secrets,
            stage,
            watcher,
            look: Look::default(),
            begin: Duration::ZERO,
            killings: Vec::new(),
            restarts: VecDeque::new(),
            offers: Histogram::new(3).map_err(|error| anyhow!("{error}"))?,
            offers_counted: 0,
            surges: 0,
            news: String::new(),
        })
    }

    async fn wait_until(&mut self, is_so: fn(&Look) -> bool, what: &str) -> Result<()> {
        let until = self.stage.elapsed() + SETTLE;
        loop {
            self.look = self.watcher.look().await;
            if is_so(&self.look) {
                return Ok(());
            }
            if let Some(&node) = self.cluster.stopped().first() {
                bail!(
                    "node {node} has ended by itself; the end of its log:\n{}",
                    self.cluster.log_tail(node)
                );
            }
            if self.stage.elapsed() > until {
                bail!(
                    "no {what} within {SETTLE:?}; the end of node 1's log:\n{}",
                    self.cluster.log_tail(NodeId(1))
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn set_up(&self, stagecraft: &Stagecraft) -> Result<()> {
        let config = CallConfig::new(self.cluster.addresses(), &self.secrets.token("admin", "demo"));
        let admin = AdminClient::new(&config)?;
        let plan = Some(ringmain_protocol::plan::to_message(&stagecraft.plan));
        admin
            .apply_plan(ApplyPlanRequest { plan, dry_run: false })
            .await
            .context("applying the demo's plan")?;
        for some in stagecraft.operators.chunks(OPERATORS_PER_COMMAND_MAX) {
            let operators = some.iter().map(ringmain_protocol::plan::operator_to_message).collect();
            let request = PutOperatorsRequest { operators, dry_run: false };
            admin.put_operators(request).await.context("adding the demo's operators")?;
        }
        Ok(())
    }

    fn introduce(&self) {
        for node in self.cluster.nodes() {
            println!(
                "node {} ({:<6})  gRPC {}  metrics http://{}/metrics  health http://{}/readyz?verbose",
                node.node, node.region, node.api, node.http, node.http
            );
        }
        let addresses = self.cluster.addresses().join(",");
        println!("admin token       {}", self.secrets.token("admin", "demo"));
        println!("supervisor token  {}", self.secrets.token("supervisor", "demo"));
        println!("gateway token     {}  (of the gateway {GUEST:?})", self.secrets.token("gateway", GUEST));
        println!("Try in another terminal:");
        println!("  export RINGMAIN_ADDR={addresses} RINGMAIN_TOKEN={}", self.secrets.token("admin", "demo"));
        println!("  ringmain queue list --watch");
        println!("  ringmain cluster status");
    }

    /// Plays until the time is over or `q` is pressed.
    async fn play(&mut self, stagecraft: &Stagecraft) -> Result<()> {
        let (nodes, speed) = (self.args.nodes, self.args.speed);
        let mut cast = Cast::assemble(&self.stage, &self.secrets, &stagecraft.scenario, nodes, speed)?;
        self.begin = self.stage.elapsed();
        let until = self.begin + self.args.length.unwrap_or(LONGEST);
        cast.play(stagecraft.scenario.clone(), speed, until);
        cast.probe(self.args.probe_rate, until);
        let (keyboard, mut keys) = Keyboard::listen().context("listening to the keyboard")?;
        let regions = self.cluster.nodes().iter().map(|node| node.region).collect();
        let mut board = Board::new(speed, regions);
        while self.stage.elapsed() < until {
            if self.act(&mut cast, &mut keys).await? {
                break;
            }
            self.look = self.watcher.look().await;
            self.count_offers()?;
            let figures = self.figures();
            board.show(&self.look, &figures)?;
        }
        drop(keyboard);
        println!("\nThe day is over: finishing talks, then scanning every node …");
        cast.finish().await;
        Ok(())
    }

    /// Waits for the next frame, doing what keys and script ask for. `true` to end.
    async fn act(&mut self, cast: &mut Cast, keys: &mut mpsc::Receiver<Key>) -> Result<bool> {
        let frame = self.stage.elapsed() + FRAME;
        loop {
            let now = self.stage.elapsed();
            if let Some(&(at, node)) = self.restarts.front()
                && at <= now
            {
                self.restarts.pop_front();
                self.restart(node)?;
            }
            let due = self.args.kill_leader_at.iter().position(|&at| self.begin + at <= now);
            if let Some(place) = due {
                self.args.kill_leader_at.remove(place);
                self.kill(Some(now + RESTART_AFTER)).await?;
            }
            let next = self.next_scripted().map_or(frame, |at| at.min(frame));
            if now >= frame {
                return Ok(false);
            }
            tokio::select! {
                key = keys.recv() => if self.press(key.unwrap_or(Key::Quit), cast).await? { return Ok(true) },
                () = tokio::time::sleep(next.saturating_sub(now)) => {}
            }
        }
    }

    fn next_scripted(&self) -> Option<Duration> {
        let kills = self.args.kill_leader_at.iter().map(|&at| self.begin + at);
        kills.chain(self.restarts.iter().map(|restart| restart.0)).min()
    }

    async fn press(&mut self, key: Key, cast: &mut Cast) -> Result<bool> {
        match key {
            Key::Quit => return Ok(true),
            Key::Help => {
                "s: arrivals ×20 for a minute · k: kill -9 the leader · r: start it again · q: end and judge"
                    .clone_into(&mut self.news);
            }
            Key::Surge => self.surge(cast)?,
            Key::Kill => self.kill(None).await?,
            Key::Restart => {
                for node in self.cluster.stopped() {
                    self.restart(node)?;
                }
            }
        }
        Ok(false)
    }

    /// Kills the leader as the nodes see it at this moment.
    async fn kill(&mut self, restart_at: Option<Duration>) -> Result<()> {
        self.look = self.watcher.look().await;
        match kill_leader(&mut self.cluster, &self.stage, &self.look)? {
            Some(killing) => {
                self.news = format!("killed node {}, the leader", killing.node);
                self.restarts.extend(restart_at.map(|at| (at, killing.node)));
                self.killings.push(killing);
            }
            None => "no leader to kill".clone_into(&mut self.news),
        }
        Ok(())
    }

    fn restart(&mut self, node: NodeId) -> Result<()> {
        self.cluster.restart(node)?;
        self.news = format!("started node {node} again");
        Ok(())
    }

    /// The same part of the day once more, with many more arrivals and nobody more to serve them.
    fn surge(&mut self, cast: &mut Cast) -> Result<()> {
        self.surges += 1;
        let now = self.stage.elapsed() - self.begin;
        let played_ms = (now.as_millis() as f64 * self.args.speed) as u64;
        let at = DayTime::from_ms(self.args.at.ms() + played_ms);
        let length = Duration::from_secs_f64(SURGE_FOR.as_secs_f64() * self.args.speed);
        let to = DayTime::from_ms(at.ms() + u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
        let scale = self.args.scale * (SURGE - 1.0);
        let choice = Choice { at, to, ..choice(&self.args, scale, self.args.seed + self.surges) };
        let mut scenario = draw(&choice)?;
        for contact in &mut scenario.contacts {
            contact.contact_id = format!("surge-{}-{}", self.surges, contact.contact_id).into();
        }
        self.news = format!("surge: {} more contacts within a minute", scenario.contacts.len());
        let until = self.begin + self.args.length.unwrap_or(LONGEST);
        cast.play(Arc::new(scenario), self.args.speed, until);
        Ok(())
    }

    fn count_offers(&mut self) -> Result<()> {
        let notes = self.stage.notes();
        for &ns in &notes.offers_ns[self.offers_counted..] {
            self.offers.record(ns.max(1)).map_err(|error| anyhow!("{error}"))?;
        }
        self.offers_counted = notes.offers_ns.len();
        Ok(())
    }

    fn figures(&mut self) -> Figures {
        Figures {
            elapsed: self.stage.elapsed() - self.begin,
            offers: self.offers.clone(),
            news: std::mem::take(&mut self.news),
        }
    }

    /// Starts what was killed, waits until all nodes have the same, and holds them against the clients' histories.
    async fn judge(&mut self) -> Result<Report> {
        for node in self.cluster.stopped() {
            self.restart(node)?;
        }
        self.wait_until(Look::is_whole, "whole cluster").await?;
        self.count_offers()?;
        let applied =
            self.look.nodes.iter().flatten().filter_map(|status| status.stamp).map(|stamp| stamp.log_index);
        let at_least = applied.max().unwrap_or(0);
        let token = self.secrets.token("admin", "demo");
        let scans = self.cluster.nodes().iter().map(|node| scan(node.node, &node.api, &token, at_least));
        let scans = try_join_all(scans).await?;
        let notes = self.stage.notes();
        let (ops, seen) = histories(&notes);
        let verdict = judge(&ops, &seen, &scans);
        let failovers =
            self.killings.iter().map(|killing| measure(killing, self.begin, &notes, &scans[0])).collect();
        let (count, mean_ms) = self.watcher.syncs();
        let entries = scans[0].history.len() as u64;
        let offers = Percentiles::of(&self.offers);
        Ok(Report::new(verdict, offers, failovers, Syncs { count, mean_ms }, entries))
    }
}

fn choice(args: &DemoArgs, scale: f64, seed: u64) -> Choice<'_> {
    let length = args.length.unwrap_or(LONGEST).as_millis() as f64 * args.speed;
    // An hour more than is played, so that nobody's patience or service is cut by the end of the draw.
    let to = DayTime::from_ms(args.at.ms().saturating_add(length as u64).saturating_add(3_600_000));
    Choice { workload: &args.workload, at: args.at, to, scale, speed: args.speed, seed }
}

/// Where the nodes keep their data; removed at the end unless it was asked for.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn make(asked_for: Option<&Path>, salt: u64) -> Result<Folder> {
        let path = asked_for.map_or_else(
            || std::env::temp_dir().join(format!("ringmain-demo-{salt:016x}")),
            Path::to_path_buf,
        );
        fs::create_dir_all(&path).with_context(|| format!("--data: making {}", path.display()))?;
        if fs::read_dir(&path)?.next().is_some() {
            bail!("--data {}: the folder is not empty; name a new one", path.display());
        }
        Ok(Folder { path: fs::canonicalize(&path)?, keep: asked_for.is_some() })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            eprintln!("{} could not be removed: {error}", self.path.display());
        }
    }
}
