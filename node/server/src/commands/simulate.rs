//! `simulate`: a scenario through the core in virtual time.

use std::path::Path;

use ringmain_bench::report::Summary;
use ringmain_bench::scenario::{PLAN_FILE, Scenario};
use ringmain_bench::{result, simulate};
use ringmain_cluster_config::RoutingPlan;
use ringmain_cluster_config::node::read_file;
use ringmain_routing::Plan;
use ringmain_telemetry::codes;
use serde_json::json;

use crate::cli::{Format, SimulateArgs};
use crate::exit::{Failure, FailureKind};
use crate::output;

/// Reads the scenario, runs it, writes the result and prints a summary.
pub(super) fn run(args: &SimulateArgs) -> Result<(), Failure> {
    let plan = read_plan(&args.scenario)?;
    let scenario =
        Scenario::read(&args.scenario, plan).map_err(|problems| invalid(&args.scenario, problems))?;
    let simulated = simulate::simulate(&scenario, simulate::Options::default(), &mut |_| {})
        .map_err(|cause| invalid(&args.scenario, cause))?;
    result::write(&args.out, &simulated.rows).map_err(|cause| {
        let message = format!("--out: cannot write {}: {cause}", args.out.display());
        Failure::new(FailureKind::Invalid, codes::STORAGE_FAILED.code, message)
    })?;
    let summary = Summary::of(&simulated.rows, scenario.plan.as_ref());
    output::write_out(&match args.format {
        Format::Table => {
            let rejected: String = simulated
                .rejected
                .iter()
                .map(|(code, count)| format!("rejected {count} ({code})\n"))
                .collect();
            format!(
                "{}\n{rejected}{} commands, chain {:032x}, virtual time {}\n{}\n",
                summary.table(),
                simulated.commands,
                simulated.chain,
                output::span(simulated.end_ms),
                args.out.display()
            )
        }
        Format::Json => {
            let json = json!({
                "summary": summary,
                "rejected": simulated.rejected,
                "commands": simulated.commands,
                "chain": format!("{:032x}", simulated.chain),
                "end_ms": simulated.end_ms,
                "out": args.out,
            });
            format!("{json:#}\n")
        }
    })
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
