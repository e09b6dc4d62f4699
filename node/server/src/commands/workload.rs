//! `workload generate`: a scenario drawn from a centre's day.

use std::path::Path;

use ringmain_bench::profile::Profile;
use ringmain_bench::scenario::PLAN_FILE;
use ringmain_bench::workload::{Selection, generate};
use ringmain_cluster_config::profiles;
use ringmain_telemetry::codes;

use crate::cli::{GenerateArgs, WorkloadCommand};
use crate::exit::{Failure, FailureKind};
use crate::output;

/// Carries out a command on workloads.
pub(super) fn run(command: &WorkloadCommand) -> Result<(), Failure> {
    match command {
        WorkloadCommand::Generate(args) => generate_scenario(args),
    }
}

/// Draws the scenario and writes its folder.
fn generate_scenario(args: &GenerateArgs) -> Result<(), Failure> {
    let (profile, plan) = read_profile(&args.profile)?;
    let plan = match (args.with_plan, plan) {
        (true, None) => {
            return Err(invalid("--with-plan: only built-in profiles have a plan; put plan.toml there"));
        }
        (is_wanted, plan) => plan.filter(|_| is_wanted),
    };
    let selection =
        Selection { seed: args.seed, days: args.days, from: args.from, to: args.to, scale: args.scale };
    let scenario = generate(&profile, &selection).map_err(invalid)?;
    let write_plan = || plan.map_or(Ok(()), |plan| std::fs::write(args.out.join(PLAN_FILE), plan));
    scenario.write(&args.out).and_then(|()| write_plan()).map_err(|cause| {
        let message = format!("--out: cannot write {}: {cause}", args.out.display());
        Failure::new(FailureKind::Invalid, codes::STORAGE_FAILED.code, message)
    })?;
    output::write_out(&format!(
        "{}: {} contacts, {} operators\n",
        args.out.display(),
        scenario.contacts.len(),
        scenario.operators.len()
    ))
}

/// The profile in a file, else a built-in one by its name with the centre's plan.
fn read_profile(name: &str) -> Result<(Profile, Option<&'static str>), Failure> {
    let path = Path::new(name);
    if path.is_file() {
        return Ok((Profile::read(path).map_err(invalid)?, None));
    }
    match profiles::named(name) {
        Some(profile) => {
            Ok((Profile::parse(profile.json, profile.name).map_err(invalid)?, Some(profile.plan)))
        }
        None => {
            let names: Vec<&str> = profiles::ALL.iter().map(|profile| profile.name).collect();
            Err(invalid(format!("there is no profile {name:?}; give a file or one of {}", names.join(", "))))
        }
    }
}

fn invalid(cause: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Invalid, codes::INVALID_SCENARIO.code, cause)
}
