//! docs/OPERATIONS.md as it stands, carried out under load: what operators of a cluster are told to do works, and
//! nothing accepted is lost while they do it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use ringmain_routing::{LogIndex, NodeId};

use super::DrillArgs;
use super::centre::{ADMIN, Centre, plan_file};
use super::exercise::{Exercise, Ground, Load};
use super::journal::Notes;
use super::nodes::NodeOptions;
use super::report::{Figure, Report, Step};
use super::scan::scan;
use super::script::{Item, Shell, parse};
use crate::checker::{ClientOp, SeenEventKind, judge};
use crate::clock::Stopwatch;

pub(super) const NAME: &str = "tour";

/// Nodes that the document may start.
const NODES: usize = 5;
const DOCUMENT: &str = "docs/OPERATIONS.md";
/// Snapshots and purges come often, so that nodes that join need more than the log.
const LIMITS: &str = "snapshot_log_bytes = 262144\nentries_kept = 500\n";
/// No block takes longer.
const BLOCK_MAX: Duration = Duration::from_secs(300);
/// Load goes on that long before and after each block.
const BETWEEN: Duration = Duration::from_secs(2);

/// What the drill `tour` can be told.
#[derive(Debug, Args)]
pub struct TourArgs {
    /// What all drills can be told.
    #[command(flatten)]
    pub common: DrillArgs,
    /// The document
    #[arg(long, value_name = "FILE", default_value = DOCUMENT)]
    pub document: PathBuf,
}

impl TourArgs {
    /// What it may take.
    pub(super) fn longest(&self) -> Duration {
        BLOCK_MAX * 10
    }
}

/// Runs the drill in a folder and judges it.
pub(super) async fn run(args: &TourArgs, ground: &Ground<'_>) -> Result<Report> {
    let text = fs::read_to_string(&args.document)
        .with_context(|| format!("--document {}", args.document.display()))?;
    let items = parse(&text).with_context(|| args.document.display().to_string())?;
    let options = NodeOptions { limits: LIMITS.to_owned(), apart: true, ..NodeOptions::default() };
    let exercise = Exercise::prepare(ground, NODES, options)?;
    fs::write(ground.folder.join("plan.toml"), plan_file(Centre::for_rate(NODES, ground.rate)))?;
    let shell = Shell::start(ground.folder, &variables(&exercise, ground.binary)?)?;
    let restored = Restored {
        address: exercise.nodes.all().first().map(|node| node.api.clone()).unwrap_or_default(),
        token: exercise.journal.secrets.token("admin", ADMIN),
        figures: Vec::new(),
        problems: Vec::new(),
    };
    let mut tour = Tour {
        shell,
        exercise: Some(exercise),
        load: None,
        steps: Vec::new(),
        rate: ground.rate,
        saved_ns: None,
        saved_ops: Vec::new(),
        restored,
        report: None,
    };
    for item in items {
        match item {
            Item::Commands { title, line, text } => tour.step(title, line, &text).await?,
            Item::Mark(mark) => tour.mark(&mark).await?,
        }
    }
    tour.report()
}

/// What the document's commands find in their environment.
fn variables(exercise: &Exercise, binary: &Path) -> Result<Vec<(String, String)>> {
    let folder = binary.parent().context("the folder of the binary")?;
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let token = exercise.journal.secrets.token("admin", ADMIN);
    let mut variables = vec![
        ("PATH".to_owned(), path),
        ("RINGMAIN_ADDR".to_owned(), exercise.nodes.addresses().join(",")),
        ("RINGMAIN_TOKEN".to_owned(), token),
    ];
    for node in exercise.nodes.all() {
        variables.push((format!("API_{}", node.node), node.api.clone()));
        variables.push((format!("PEER_{}", node.node), node.peer.clone()));
        variables.push((format!("HTTP_{}", node.node), node.http.clone()));
    }
    Ok(variables)
}

/// The shell comes first: what it has started must have ended before anything else goes.
struct Tour {
    shell: Shell,
    /// Until it is judged.
    exercise: Option<Exercise>,
    load: Option<Load>,
    steps: Vec<Step>,
    rate: u32,
    /// When the backup was begun.
    saved_ns: Option<u64>,
    /// What clients did before.
    saved_ops: Vec<ClientOp>,
    restored: Restored,
    report: Option<Report>,
}

/// How a restored cluster is reached, and what it was found to have.
struct Restored {
    address: String,
    token: String,
    figures: Vec<Figure>,
    problems: Vec<String>,
}

impl Tour {
    async fn step(&mut self, title: String, line: usize, text: &str) -> Result<()> {
        println!("line {line}, {title}");
        let watch = Stopwatch::start();
        let begin_ns = self.now_ns();
        let printed = self.shell.run(text, BLOCK_MAX).await;
        let printed = printed.with_context(|| format!("{DOCUMENT} line {line}, {title}"))?;
        printed.lines().for_each(|line| println!("    {line}"));
        let seconds = watch.elapsed().as_secs_f64();
        if self.load.is_some() {
            tokio::time::sleep(BETWEEN).await;
        }
        let mut step = Step { title, line, seconds, longest_pause_ms: None, slowest_answer_ms: None };
        if let (Some(exercise), Some(_)) = (&self.exercise, &self.load) {
            let (until_ns, notes) = (exercise.journal.now_ns(), exercise.journal.notes());
            step.longest_pause_ms = Some(longest_pause_ms(&notes, begin_ns, until_ns));
            step.slowest_answer_ms = Some(slowest_answer_ms(&notes, begin_ns, until_ns));
        }
        self.steps.push(step);
        Ok(())
    }

    fn now_ns(&self) -> u64 {
        self.exercise.as_ref().map_or(0, |exercise| exercise.journal.now_ns())
    }

    async fn mark(&mut self, mark: &str) -> Result<()> {
        match mark {
            "load" => {
                let exercise = self.exercise.as_ref().context("the load comes before the judgement")?;
                self.load = Some(exercise.seat_everybody(self.rate)?);
                tokio::time::sleep(BETWEEN).await;
                Ok(())
            }
            "saved from here" => {
                self.saved_ns = Some(self.now_ns());
                Ok(())
            }
            "judge" => self.judge().await,
            "restored" => self.check_restored().await,
            other => bail!("{DOCUMENT}: the drill does not know the mark {other:?}"),
        }
    }

    async fn judge(&mut self) -> Result<()> {
        let load = self.load.take().with_context(|| format!("{DOCUMENT} has no mark \"load\" before"))?;
        let mut exercise = self.exercise.take().context("it is judged once")?;
        exercise.scan_those_who_answer().await;
        if let Some(saved_ns) = self.saved_ns {
            let notes = exercise.journal.notes();
            let before = notes.ops.iter().filter(|op| op.returned_ns < saved_ns);
            self.saved_ops = before.cloned().collect();
        }
        self.report = Some(exercise.conclude(load).await?);
        Ok(())
    }

    /// Everything that was acknowledged before the backup was begun is in the cluster that was made from it.
    async fn check_restored(&mut self) -> Result<()> {
        ensure!(!self.saved_ops.is_empty(), "{DOCUMENT}: nothing was saved and judged before");
        let restored = &mut self.restored;
        let found = scan(NodeId(1), &restored.address, &restored.token, LogIndex(0)).await?;
        let verdict = judge(&self.saved_ops, &[], &[found]);
        restored.figures.push(Figure {
            name: "accepted before the backup was begun".to_owned(),
            value: verdict.accepted as f64,
        });
        restored
            .figures
            .push(Figure { name: "of those lost by the restore".to_owned(), value: verdict.lost as f64 });
        if verdict.lost > 0 || verdict.accepted == 0 {
            let (lost, accepted) = (verdict.lost, verdict.accepted);
            restored.problems.push(format!("the restored cluster lacks {lost} of {accepted} contacts"));
        }
        Ok(())
    }

    fn report(self) -> Result<Report> {
        let mut report = self.report.with_context(|| format!("{DOCUMENT} has no mark \"judge\""))?;
        report.steps = self.steps;
        report.figures = self.restored.figures;
        self.restored.problems.into_iter().for_each(|problem| report.add_problem(problem));
        Ok(report)
    }
}

/// Longest time without word of an assignment within a span of time.
fn longest_pause_ms(notes: &Notes, from_ns: u64, until_ns: u64) -> u64 {
    let is_assignment = |kind| matches!(kind, SeenEventKind::Offered | SeenEventKind::Connected);
    let within = notes.seen.iter().filter(|event| (from_ns..until_ns).contains(&event.at_ns));
    let mut moments: Vec<u64> =
        within.filter(|event| is_assignment(event.kind)).map(|event| event.at_ns).collect();
    moments.extend([from_ns, until_ns]);
    moments.sort_unstable();
    moments.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000_000).max().unwrap_or_default()
}

/// Longest time that a client had to wait for the answer to an operation begun within a span of time.
fn slowest_answer_ms(notes: &Notes, from_ns: u64, until_ns: u64) -> u64 {
    let within = notes.ops.iter().filter(|op| (from_ns..until_ns).contains(&op.invoked_ns));
    within.map(|op| (op.returned_ns - op.invoked_ns) / 1_000_000).max().unwrap_or_default()
}
