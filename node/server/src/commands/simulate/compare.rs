//! `simulate --compare`: the same contacts under two plans.

use std::path::{Path, PathBuf};

use ringmain_bench::compare::{ClassCompared, Comparing, Comparison};
use ringmain_bench::scenario::ScenarioPlan;
use ringmain_telemetry::codes;
use serde_json::{Value, json};

use super::{invalid, not_written, own_plan, read_plan, read_scenario};
use crate::cli::{Format, SimulateArgs};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block, formats};
use crate::progress::Progress;

/// The word for what a scenario says itself.
const OWN: &str = "own";

/// One of the two plans.
enum Side {
    /// The scenario's `plan.toml`, or without one the rules of the format.
    Own,
    /// A file.
    Given(Box<ScenarioPlan>),
}

/// Runs all scenarios by both plans, writes the comparison and prints it.
pub(super) fn run(args: &SimulateArgs, plans: &[PathBuf], scenarios: &[PathBuf]) -> Result<(), Failure> {
    let [a, b] = plans else {
        let message = "--compare: two plans are compared";
        return Err(Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, message));
    };
    let sides = [Side::read(a)?, Side::read(b)?];
    let names = [a, b].map(|path| path.display().to_string());
    let mut comparing = Comparing::default();
    for folder in scenarios {
        add(&mut comparing, folder, &sides, &names)?;
    }
    let comparison = comparing.finish(names);
    let written = match &args.report {
        None => Vec::new(),
        Some(folder) => {
            comparison.write(folder).map_err(|cause| not_written("--report", folder, format!("{cause:#}")))?
        }
    };
    print(args, &comparison, &written)
}

impl Side {
    fn read(path: &Path) -> Result<Side, Failure> {
        if path == Path::new(OWN) {
            return Ok(Side::Own);
        }
        let bad = |cause| Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, cause);
        read_plan(path).map(Box::new).map(Side::Given).map_err(bad)
    }

    fn plan_for(&self, scenario: &Path) -> Result<Option<ScenarioPlan>, Failure> {
        match self {
            Side::Own => own_plan(scenario),
            Side::Given(plan) => Ok(Some((**plan).clone())),
        }
    }
}

fn add(
    comparing: &mut Comparing,
    folder: &Path,
    sides: &[Side; 2],
    names: &[String; 2],
) -> Result<(), Failure> {
    let (under_a, notes_a) = read_scenario(folder, sides[0].plan_for(folder)?)?;
    let (under_b, notes_b) = read_scenario(folder, sides[1].plan_for(folder)?)?;
    let name = folder.display().to_string();
    for (plan, notes) in names.iter().zip([notes_a, notes_b]) {
        notes.into_iter().for_each(|note| comparing.note(format!("{name}, {plan}: {note}")));
    }
    let both = 2 * under_a.contacts.len() as u64;
    let progress = Progress::new("simulating", both);
    comparing
        .add(&name, [&under_a, &under_b], &mut |ended| progress.at(ended, both))
        .map_err(|cause| invalid(folder, cause))
}

fn print(args: &SimulateArgs, comparison: &Comparison, written: &[PathBuf]) -> Result<(), Failure> {
    if args.format == Format::Csv {
        let classes: Vec<Value> = comparison.classes.iter().map(flat).collect();
        return output::write_out(&formats::csv(&json!({ "classes": classes }), None)?);
    }
    let mut json = json!(comparison);
    json["report"] = json!(args.report);
    let mut text = vec![Block::Line(comparison.text().trim_end().to_owned())];
    text.extend(written.iter().map(|path| Block::Line(path.display().to_string())));
    output::print(&Answer { json, text }, args.format, false)
}

/// A class as one row.
fn flat(one: &ClassCompared) -> Value {
    let mut row = json!(one);
    let queue = one.class.queue.as_deref().unwrap_or("= all");
    row["name"] = json!(queue);
    row
}
