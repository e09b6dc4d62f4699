//! `workload generate`: a scenario drawn from a centre's day.

use std::path::Path;

use ringmain_bench::profile::Profile;
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
    let profile = read_profile(&args.profile)?;
    let selection =
        Selection { seed: args.seed, days: args.days, from: args.from, to: args.to, scale: args.scale };
    let scenario = generate(&profile, &selection).map_err(invalid)?;
    scenario.write(&args.out).map_err(|cause| {
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

/// A built-in profile by its name, else the file.
fn read_profile(name: &str) -> Result<Profile, Failure> {
    let path = Path::new(name);
    if path.exists() {
        return Profile::read(path).map_err(invalid);
    }
    match profiles::named(name) {
        Some(profile) => Profile::parse(profile.json, profile.name).map_err(invalid),
        None => {
            let names: Vec<&str> = profiles::ALL.iter().map(|profile| profile.name).collect();
            Err(invalid(format!("there is no profile {name:?}; give a file or one of {}", names.join(", "))))
        }
    }
}

fn invalid(cause: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Invalid, codes::INVALID_SCENARIO.code, cause)
}
