//! Drills: real nodes, real clients, real kills, and a verdict computed from the records of both sides.
//!
//! Most are files (`chaos-tests/drills`), carried out by `engine`; those that are scripts of their own kind are Rust.

mod away;
mod centre;
mod cgroup;
mod disk;
pub mod engine;
mod exercise;
pub mod file;
mod gateway;
mod hosts;
mod inject;
mod journal;
mod meter;
mod nodes;
mod operator;
mod report;
mod rot;
pub mod scan;
mod script;
pub mod stage;
mod task;
mod tour;
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};

pub use away::AwayArgs;
pub use report::{Figure, Kill, NodeWork, Phase, Report, Step, Streams, Wanderer};
pub use tour::TourArgs;

use exercise::Ground;
use file::{Drill, Need};
use world::World;

/// No drill takes longer, beside what it was told to take.
const LONGEST: Duration = Duration::from_secs(240);
/// Contacts a second of drills that are scripts.
const SCRIPT_RATE: u32 = 60;

/// Commands on drills.
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// List the drills
    #[command(after_help = "Example:\n  ringmain-chaos drill list")]
    List,
    /// Run drills; exit code 0 only when no promise was broken, 3 when the machine lacks what a drill needs
    #[command(
        arg_required_else_help = true,
        args_conflicts_with_subcommands = true,
        subcommand_negates_reqs = true
    )]
    #[command(
        after_help = "Example:\n  ringmain-chaos drill run rolling-kill --nodes 5 --report report.json\n  \
                            ringmain-chaos drill run ./my.yaml"
    )]
    Run(Box<RunArgs>),
    /// Make page and picture of a report again, beside its file
    #[command(after_help = "Example:\n  ringmain-chaos drill report report.json")]
    Report(ReportArgs),
}

/// Which report.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// What `drill run --report` wrote
    pub file: PathBuf,
}

/// What is run.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A drill that is a script.
    #[command(subcommand)]
    pub script: Option<Script>,
    /// Names of drills, files like ./my.yaml, or `all`
    #[arg(value_name = "DRILL", required = true)]
    pub drills: Vec<String>,
    /// How many nodes, where the file allows several numbers
    #[arg(long, value_name = "N")]
    pub nodes: Option<usize>,
    /// Where chance comes from; without it another one each time
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// What all drills can be told.
    #[command(flatten)]
    pub common: DrillArgs,
}

/// Drills that are scripts of their own kind.
#[derive(Debug, Subcommand)]
pub enum Script {
    /// A node is away for minutes under load and comes back: how fast the others route, how soon it has caught up
    #[command(after_help = "Example:\n  ringmain-chaos drill run away --rate 500 --seconds 300")]
    Away(AwayArgs),
    /// docs/OPERATIONS.md, block by block, under load
    #[command(after_help = "Example:\n  ringmain-chaos drill run tour --document docs/OPERATIONS.md")]
    Tour(TourArgs),
}

/// What all drills can be told.
#[derive(Debug, Args)]
pub struct DrillArgs {
    /// The node's binary; without it the `ringmain` beside this program
    #[arg(long, value_name = "PATH")]
    pub ringmain: Option<PathBuf>,
    /// Where the report goes, as JSON, page and picture beside it; of several drills, each beside it under its own name
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Where configs, data and logs of the nodes go, and stay; without it they go with the drill
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Contacts that all gateways together bring per second; without it what the drill says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2_000))]
    pub rate: Option<u32>,
    /// Multiplies the timeouts of the nodes and the times that must hold, for a machine that is busy with other things
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=30))]
    pub patience: u64,
}

/// How drills ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// No promise was broken.
    Clean,
    /// At least one was.
    Broken,
    /// Nothing was found, but a drill could not be run here.
    Skipped,
}

/// Carries out a command on drills.
///
/// # Errors
/// A drill could not be run to its end.
pub async fn carry_out(command: DrillCommand) -> Result<Ending> {
    match command {
        DrillCommand::List => list(),
        DrillCommand::Run(args) => match &args.script {
            Some(script) => run_script(script).await,
            None => run_files(&args).await,
        },
        DrillCommand::Report(args) => {
            let record = engine::Record::read(&args.file)?;
            let [page, picture] = record.write_page(&args.file)?;
            println!("{}\n{}", page.display(), picture.display());
            Ok(ending(record.is_clean()))
        }
    }
}

fn list() -> Result<Ending> {
    for drill in file::shipped()? {
        let needs = world::lacking(&drill.needs).map(|lacking| format!(" [here: {lacking}]"));
        let nodes: Vec<String> = drill.nodes.iter().map(ToString::to_string).collect();
        let (name, hypothesis, seconds) = (&drill.name, &drill.hypothesis, drill.length().0.as_secs());
        println!("{name} ({} nodes, {seconds} s){}", nodes.join(" or "), needs.unwrap_or_default());
        println!("    {hypothesis}");
    }
    let scripts = Script::augment_subcommands(clap::Command::new("run"));
    for script in scripts.get_subcommands() {
        println!("{}\n    {}", script.get_name(), script.get_about().unwrap_or_default());
    }
    Ok(Ending::Clean)
}

impl Script {
    fn common(&self) -> &DrillArgs {
        match self {
            Script::Away(args) => &args.common,
            Script::Tour(args) => &args.common,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Script::Away(_) => away::NAME,
            Script::Tour(_) => tour::NAME,
        }
    }

    fn longest(&self) -> Duration {
        LONGEST
            + match self {
                Script::Away(args) => args.longest(),
                Script::Tour(args) => args.longest(),
            }
    }

    async fn run(&self, ground: &Ground<'_>) -> Result<Report> {
        match self {
            Script::Away(args) => away::run(args, ground).await,
            Script::Tour(args) => tour::run(args, ground).await,
        }
    }
}

async fn run_script(script: &Script) -> Result<Ending> {
    let args = script.common();
    let binary = binary(args.ringmain.as_deref())?;
    let scratch = tempfile::Builder::new().prefix("ringmain-drill-").tempdir()?;
    let folder = match &args.data {
        Some(folder) => empty_folder(folder)?,
        None => scratch.path().to_owned(),
    };
    let (salt, patience) = (u64::from(std::process::id()), args.patience);
    let rate = args.rate.unwrap_or(SCRIPT_RATE);
    let ground = Ground { drill: script.name(), binary: &binary, folder: &folder, salt, rate, patience };
    let longest = script.longest();
    let report = within(longest, script.run(&ground)).await?;
    report.print();
    if let Some(path) = &args.report {
        write_json(path, &report)?;
    }
    Ok(ending(report.clean))
}

async fn run_files(args: &RunArgs) -> Result<Ending> {
    let drills = match &args.drills[..] {
        [all] if all == "all" => file::shipped()?,
        names => names.iter().map(|name| file::find(name)).collect::<Result<_>>()?,
    };
    if let [drill] = &drills[..] {
        return run_file(args, drill).await;
    }
    let mut endings = Vec::new();
    for drill in &drills {
        println!("=== {}", drill.name);
        let ending = run_again(args, &drill.name)?;
        println!("=== {}: {ending:?}", drill.name);
        endings.push(ending);
    }
    let counted = |wanted| endings.iter().filter(|ending| **ending == wanted).count();
    println!(
        "{} clean, {} broken, {} skipped",
        counted(Ending::Clean),
        counted(Ending::Broken),
        counted(Ending::Skipped)
    );
    let worst = [Ending::Broken, Ending::Skipped].into_iter().find(|ending| endings.contains(ending));
    Ok(worst.unwrap_or(Ending::Clean))
}

/// Each of several drills has a process of its own, so that nothing of one is left in the next.
fn run_again(args: &RunArgs, name: &str) -> Result<Ending> {
    let own = std::env::current_exe().context("finding this program's own file")?;
    let mut command = std::process::Command::new(own);
    command.args(["drill", "run", name, "--patience", &args.common.patience.to_string()]);
    let mut option = |name: &str, value: Option<String>| {
        value.into_iter().for_each(|value| {
            command.args([name, &value]);
        });
    };
    let beside = |path: &PathBuf| path.with_file_name(format!("{name}.json")).display().to_string();
    option("--report", args.common.report.as_ref().map(beside));
    option("--data", args.common.data.as_ref().map(|path| path.join(name).display().to_string()));
    option("--ringmain", args.common.ringmain.as_ref().map(|path| path.display().to_string()));
    option("--rate", args.common.rate.map(|rate| rate.to_string()));
    option("--seed", args.seed.map(|seed| seed.to_string()));
    let allows = |nodes: &usize| file::find(name).is_ok_and(|drill| drill.nodes.contains(nodes));
    option("--nodes", args.nodes.filter(allows).map(|nodes| nodes.to_string()));
    Ok(Ending::of_code(command.status()?.code()))
}

impl Ending {
    /// The exit code of a run that ended so; 2 is for what could not be run.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Ending::Clean => 0,
            Ending::Broken => 1,
            Ending::Skipped => 3,
        }
    }

    fn of_code(code: Option<i32>) -> Ending {
        match code {
            Some(0) => Ending::Clean,
            Some(3) => Ending::Skipped,
            Some(_) | None => Ending::Broken,
        }
    }
}

async fn run_file(args: &RunArgs, drill: &Drill) -> Result<Ending> {
    let nodes = args.nodes.or(drill.nodes.first().copied()).unwrap_or_default();
    ensure!(drill.nodes.contains(&nodes), "--nodes {nodes}: {} is for {:?} nodes", drill.name, drill.nodes);
    if let Some(lacking) = world::lacking(&drill.needs) {
        println!("skipped: {} {lacking}", drill.name);
        return Ok(Ending::Skipped);
    }
    let binary = binary(args.common.ringmain.as_deref())?;
    if drill.needs.contains(&Need::Root) {
        match world::enter().await? {
            World::Here => {}
            World::WasInside(status) => match status.code() {
                Some(2) | None => anyhow::bail!("the drill did not come to its end ({status})"),
                code => return Ok(Ending::of_code(code)),
            },
        }
    }
    let scratch = tempfile::Builder::new()
        .prefix("run-")
        .tempdir_in(world::scratch().unwrap_or_else(std::env::temp_dir))?;
    let folder = match &args.common.data {
        Some(folder) => empty_folder(folder)?,
        None => scratch.path().to_owned(),
    };
    let salt = args.seed.unwrap_or_else(clock_seed);
    let (rate, patience) = (args.common.rate.unwrap_or(drill.load.rate), args.common.patience);
    let most = drill.load.surges.iter().map(|surge| surge.times).max().unwrap_or(1);
    let peak = rate.saturating_mul(most);
    let ground = Ground { drill: &drill.name, binary: &binary, folder: &folder, salt, rate: peak, patience };
    println!("{}: {nodes} nodes, {rate} contacts/s, seed {salt}", drill.name);
    let longest = drill.length().0 * 3 + LONGEST * u32::try_from(patience).unwrap_or(1);
    let record = within(longest, engine::run(drill, nodes, rate, &ground)).await?;
    record.print();
    if let Some(path) = &args.common.report {
        record.write(path)?;
    }
    Ok(ending(record.is_clean()))
}

fn clock_seed() -> u64 {
    crate::clock::unix_seconds()
}

fn ending(clean: bool) -> Ending {
    if clean { Ending::Clean } else { Ending::Broken }
}

async fn within<T>(longest: Duration, run: impl Future<Output = Result<T>>) -> Result<T> {
    let in_time = tokio::time::timeout(longest, run).await;
    in_time.with_context(|| format!("the drill was not over within {} s", longest.as_secs()))?
}

fn write_json(path: &Path, report: &impl serde::Serialize) -> Result<()> {
    let json = serde_json::to_string_pretty(report)?;
    fs::write(path, json + "\n").with_context(|| format!("--report: writing {}", path.display()))
}

fn binary(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = given {
        ensure!(path.is_file(), "--ringmain {}: there is no such file", path.display());
        return path.canonicalize().with_context(|| format!("--ringmain {}", path.display()));
    }
    let own = std::env::current_exe().context("finding this program's own file")?;
    let beside = own.with_file_name(format!("ringmain{}", std::env::consts::EXE_SUFFIX));
    ensure!(
        beside.is_file(),
        "{} is not there: run `cargo build --release` first, or name the binary by --ringmain",
        beside.display()
    );
    Ok(beside)
}

/// Data of an earlier run would be taken for this one's.
fn empty_folder(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("--data: making {}", folder.display()))?;
    let is_empty = fs::read_dir(folder)?.next().is_none();
    ensure!(is_empty, "--data {}: must be empty", folder.display());
    Ok(folder.canonicalize()?)
}
