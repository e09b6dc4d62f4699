//! One file for each command: what it asks, and how the answer is shown.

mod action;
mod audit;
mod calendar;
mod case;
mod check;
mod cluster;
mod config;
mod contact;
mod context;
mod debug;
mod demo;
mod drill;
mod enquiry;
mod event_view;
mod events;
mod life_support;
mod operator;
mod plan;
mod probe;
mod queue;
mod recover;
mod simulate;
mod snapshot;
mod stamp;
mod start;
mod supervision;
mod tools;
mod top;
mod verify;
mod watch;
mod why_words;
mod workload;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::exit::{Failure, FailureKind};

/// Carries out the command and reports a failure on standard error.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.code == "output-closed" => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => demo::run(args),
        Command::Start(args) => start::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Workload(command) => workload::run(&command),
        Command::Queue(command) => queue::run(command),
        Command::Operator(command) => operator::run(command),
        Command::Contact(command) => contact::run(command),
        Command::Case(command) => case::run(command),
        Command::Enquiry(command) => enquiry::run(command),
        Command::LifeSupport(command) => life_support::run(command),
        Command::Audit(command) => audit::run(command),
        Command::Events(args) => client(events::run(args)),
        Command::Cluster(command) => cluster::run(command),
        Command::Check(args) => check::run(args),
        Command::Plan(command) => plan::run(command),
        Command::Snapshot(command) => snapshot::run(command),
        Command::Verify(args) => verify::run(&args),
        Command::Recover(args) => recover::run(&args),
        Command::Top(args) => client(top::run(args)),
        Command::Drill(command) => drill::run(command),
        Command::Debug(command) => debug::run(command),
        Command::Context(command) => context::run(command),
        Command::Config(command) => config::run(&command),
        Command::Completions(args) => tools::completions(&args),
        Command::Man(args) => tools::man(&args),
    }
}

/// Runs a command that talks to a node.
fn client(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => Err(Failure::new(FailureKind::Internal, "internal", error)),
    }
}
