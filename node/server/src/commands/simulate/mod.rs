//! `simulate`: a scenario through the core in virtual time.

mod compare;

use std::path::{Path, PathBuf};

use ringmain_bench::report::{Figures, Report, Summary};
use ringmain_bench::scenario::{PLAN_FILE, Scenario, ScenarioPlan};
use ringmain_bench::{result, simulate};
use ringmain_cluster_config::RoutingPlan;
use ringmain_cluster_config::node::read_file;
use ringmain_routing::Timestamp;
use ringmain_telemetry::codes;
use serde_json::json;

use crate::cli::{Format, SimulateArgs};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block, formats};
use crate::progress::Progress;

/// Runs a scenario, or some by two plans.
pub(super) fn run(args: &SimulateArgs) -> Result<(), Failure> {
    match (&args.compare, &args.scenarios[..]) {
        (Some(plans), scenarios) => compare::run(args, plans, scenarios),
        (None, [folder]) => run_one(args, folder),
        (None, _) => {
            let message = "SCENARIO: one is simulated at a time; several are for --compare PLAN_A PLAN_B";
            Err(Failure::new(FailureKind::Invalid, codes::INVALID_SCENARIO.code, message))
        }
    }
}

/// Reads the scenario, runs it, writes the result and prints a summary.
fn run_one(args: &SimulateArgs, folder: &Path) -> Result<(), Failure> {
    let (scenario, notes) = read_scenario(folder, own_plan(folder)?)?;
    let contacts = scenario.contacts.len() as u64;
    let progress = Progress::new("simulating", contacts);
    let companions = args
        .companions
        .map(|percent| simulate::Companions { percent, channel: args.companion_channel.clone() });
    let options = simulate::Options { companions, ..simulate::Options::default() };
    let simulated = simulate::simulate(&scenario, options, &mut |ended| progress.at(ended, contacts))
        .map_err(|cause| invalid(folder, cause))?;
    drop(progress);
    let report = Report::of(&scenario, &simulated);
    let mut written: Vec<PathBuf> = Vec::new();
    if let Some(out) = &args.out {
        result::write(out, &simulated.rows).map_err(|cause| not_written("--out", out, cause))?;
        written.push(out.clone());
    }
    if let Some(folder) = &args.report {
        let files = report.write(folder, &scenario, &simulated.rows);
        written.extend(files.map_err(|cause| not_written("--report", folder, format!("{cause:#}")))?);
    }
    print(args, &report, &notes, &written)
}

fn print(args: &SimulateArgs, report: &Report, notes: &[String], written: &[PathBuf]) -> Result<(), Failure> {
    if args.format == Format::Csv {
        return output::write_out(&formats::csv(&by_queue(&report.summary), None)?);
    }
    let json = json!({
        "summary": report.summary,
        "staff": report.staff.all,
        "longest": report.longest.first(),
        "rejected": report.rejected,
        "breaks": report.breaks,
        "cases": report.cases,
        "companions": report.companions,
        "notes": notes,
        "rows_left_out": report.rows_left_out,
        "commands": report.commands,
        "chain": report.chain,
        "end_ms": report.end_ms,
        "out": args.out,
        "report": args.report,
    });
    let mut text = vec![Block::Line(report.summary.table())];
    text.extend(report.lines().into_iter().chain(notes.iter().cloned()).map(Block::Line));
    text.push(Block::Line(format!(
        "{} commands, chain {}, virtual time {}",
        report.commands,
        report.chain,
        output::span(report.end_ms)
    )));
    text.extend(written.iter().map(|path| Block::Line(path.display().to_string())));
    output::print(&Answer { json, text }, args.format, false)
}

/// The figures as one list: a row for each queue, and the sum.
fn by_queue(summary: &Summary) -> serde_json::Value {
    let named = summary.queues.iter().map(|(name, figures)| (name.as_str(), figures));
    let row = |(name, figures): (&str, &Figures)| {
        let mut row = json!(figures);
        row["name"] = json!(name);
        row
    };
    json!({"queues": named.chain([("= all queues", &summary.total)]).map(row).collect::<Vec<_>>()})
}

/// A scenario with the plan that it runs by, and what is to be said about its operators.
fn read_scenario(folder: &Path, plan: Option<ScenarioPlan>) -> Result<(Scenario, Vec<String>), Failure> {
    let named = plan.as_ref().map(|plan| plan.operators.clone()).unwrap_or_default();
    let scenario = Scenario::read(folder, plan).map_err(|problems| invalid(folder, problems))?;
    let notes = scenario.staffing(&named);
    Ok((scenario, notes))
}

/// The scenario's own plan, if it has one.
fn own_plan(scenario: &Path) -> Result<Option<ScenarioPlan>, Failure> {
    let path = scenario.join(PLAN_FILE);
    if !path.exists() {
        return Ok(None);
    }
    read_plan(&path).map(Some).map_err(|cause| invalid(scenario, cause))
}

/// A plan file; the error is a text that names the place.
fn read_plan(path: &Path) -> Result<ScenarioPlan, String> {
    let text = read_file(path).map_err(|cause| cause.to_string())?;
    let read = RoutingPlan::parse(&path.display().to_string(), &text).map_err(|cause| cause.to_string())?;
    // A scenario's times count from 0, which calendars take for the first moment of 1970, by the clock on the wall.
    let read = read.in_scenario_time();
    let plan = read.plan_from(Timestamp(0)).map_err(|cause| cause.to_string())?;
    Ok(ScenarioPlan { plan, operators: read.operators })
}

fn not_written(option: &str, path: &Path, cause: impl std::fmt::Display) -> Failure {
    let message = format!("{option}: cannot write {}: {cause}", path.display());
    Failure::new(FailureKind::Invalid, codes::STORAGE_FAILED.code, message)
}

fn invalid(scenario: &Path, cause: impl std::fmt::Display) -> Failure {
    let message = format!("scenario {}: {cause}", scenario.display());
    Failure::new(FailureKind::Invalid, codes::INVALID_SCENARIO.code, message)
}
