//! `simulate`: a scenario through the core in virtual time.

use std::path::Path;

use ringmain_bench::report::{Figures, Summary};
use ringmain_bench::scenario::{PLAN_FILE, Scenario};
use ringmain_bench::{result, simulate};
use ringmain_cluster_config::RoutingPlan;
use ringmain_cluster_config::node::read_file;
use ringmain_routing::Plan;
use ringmain_telemetry::codes;
use serde_json::json;

use crate::cli::{Format, SimulateArgs};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block, formats};
use crate::progress::Progress;

/// Reads the scenario, runs it, writes the result and prints a summary.
pub(super) fn run(args: &SimulateArgs) -> Result<(), Failure> {
    let plan = read_plan(&args.scenario)?;
    let scenario =
        Scenario::read(&args.scenario, plan).map_err(|problems| invalid(&args.scenario, problems))?;
    let contacts = scenario.contacts.len() as u64;
    let progress = Progress::new("simulating", contacts);
    let simulated = simulate::simulate(&scenario, simulate::Options::default(), &mut |ended| {
        progress.at(ended, contacts)
    })
    .map_err(|cause| invalid(&args.scenario, cause))?;
    drop(progress);
    result::write(&args.out, &simulated.rows).map_err(|cause| {
        let message = format!("--out: cannot write {}: {cause}", args.out.display());
        Failure::new(FailureKind::Invalid, codes::STORAGE_FAILED.code, message)
    })?;
    let summary = Summary::of(&simulated.rows, scenario.plan.as_ref());
    if args.format == Format::Csv {
        return output::write_out(&formats::csv(&by_queue(&summary), None)?);
    }
    let json = json!({
        "summary": summary,
        "rejected": simulated.rejected,
        "commands": simulated.commands,
        "chain": format!("{:032x}", simulated.chain),
        "end_ms": simulated.end_ms,
        "out": args.out,
    });
    let mut text = vec![Block::Line(summary.table())];
    text.extend(
        simulated.rejected.iter().map(|(code, count)| Block::Line(format!("rejected {count} ({code})"))),
    );
    text.push(Block::Line(format!(
        "{} commands, chain {:032x}, virtual time {}",
        simulated.commands,
        simulated.chain,
        output::span(simulated.end_ms)
    )));
    text.push(Block::Line(args.out.display().to_string()));
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

/// The scenario's own plan, if it has one. Who serves is said by operators.json, so a plan that names operators too
/// would be heard only in part and is refused.
fn read_plan(scenario: &Path) -> Result<Option<Plan>, Failure> {
    let path = scenario.join(PLAN_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let text = read_file(&path).map_err(|cause| invalid(scenario, cause))?;
    let plan =
        RoutingPlan::parse(&path.display().to_string(), &text).map_err(|cause| invalid(scenario, cause))?;
    if !plan.operators.is_empty() {
        let message = format!(
            "{}: operators: a scenario's operators stand in operators.json; remove them from the plan",
            path.display()
        );
        return Err(invalid(scenario, message));
    }
    Ok(Some(plan.plan))
}

fn invalid(scenario: &Path, cause: impl std::fmt::Display) -> Failure {
    let message = format!("scenario {}: {cause}", scenario.display());
    Failure::new(FailureKind::Invalid, codes::INVALID_SCENARIO.code, message)
}
