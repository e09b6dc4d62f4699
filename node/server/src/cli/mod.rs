//! What can be asked of the binary: one file for each noun. Each command's help ends with an example that a test parses.

mod action;
mod audit;
mod case;
mod check;
mod cluster;
mod config;
mod contact;
mod context;
mod debug;
mod drill;
mod enquiry;
mod events;
mod life_support;
mod operator;
mod parse;
mod plan;
mod probe;
mod queue;
mod recover;
mod shared;
mod snapshot;
mod start;
mod tools;
mod top;
pub mod tree;
mod verify;
mod workload;

use clap::{Parser, Subcommand};

pub use action::ActionArgs;
pub use audit::{AuditCommand, AuditListArgs};
pub use case::{CaseCommand, CaseListArgs, CaseShowArgs};
pub use check::{CheckArgs, CheckCommand, QuorumCriticalArgs};
pub use cluster::{AddArgs, ClusterCommand, DrainArgs, InitArgs, JoinArgs, RemoveArgs, TransferLeaderArgs};
pub use config::{ConfigCommand, FileKind, SchemaArgs, ValidateArgs};
pub use contact::{
    AssignArgs, CloseArgs, ContactCommand, ContactNameArgs, ContactWhyArgs, LiftArgs, MoveArgs, PushArgs,
    RequeueArgs, ShowArgs, SuperviseArgs,
};
pub use context::{ContextAddArgs, ContextCommand, ContextLsArgs, ContextNameArgs};
pub use debug::{BundleArgs, DebugCommand};
pub use drill::{DrillCommand, DrillFault, DrillRunArgs};
pub use enquiry::{EnquiryAnswerArgs, EnquiryCommand, EnquiryListArgs, EnquiryShowArgs, EnquiryWithdrawArgs};
pub use events::EventsArgs;
pub use life_support::{CheckRegisterArgs, LifeSupportCommand, ReferenceArgs, RegisterArgs};
pub use operator::{
    AnswerHelpArgs, DeferBreaksArgs, ForceArgs, HandOverArgs, OperatorCommand, OperatorWhyArgs, SignOutArgs,
    Switch,
};
pub use parse::parse;
pub use plan::{
    PlanApplyArgs, PlanCalendarArgs, PlanCommand, PlanDiffArgs, PlanRollbackArgs, PlanShowArgs,
    PlanValidateArgs,
};
pub use probe::ProbeArgs;
pub use queue::{EntryArgs, QueueCloseArgs, QueueCommand, QueueOpenArgs};
pub use recover::RecoverArgs;
pub(crate) use shared::CONTEXT_ARG;
pub use shared::{DEFAULT_ADDRESS, Format, ListArgs, NodeArgs, WatchArgs};
pub use snapshot::{InspectArgs, RestoreArgs, SaveArgs, SnapshotCommand};
pub use start::StartArgs;
pub use tools::{CompletionsArgs, ManArgs};
pub use top::TopArgs;
pub use verify::VerifyArgs;
pub use workload::{GenerateArgs, SimulateArgs, WorkloadCommand};

/// Ringmain routes every contact to a person, through the loss of any node or region.
#[derive(Debug, Parser)]
#[command(name = "ringmain", version, arg_required_else_help = true, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 done, 2 wrong input, 3 refused, 4 unavailable, 5 outcome unknown, 6 not authorized, \
                        7 node cannot run, 1 anything else.\n\nExample:\n  ringmain queue list --watch"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a cluster of real nodes, play a centre's day on it, break it, and judge it
    #[command(after_help = "Example:\n  ringmain demo --for 60s --kill-leader-at 20s --report report.json")]
    Demo(crate::demo::DemoArgs),
    /// Run a node of a cluster until it is told to stop
    #[command(after_help = "Example:\n  ringmain start --config node-1.toml --plan plan.toml")]
    Start(StartArgs),
    /// Ask a node's HTTP port whether it lives or is ready; the exit code is the answer
    #[command(after_help = "Example:\n  ringmain probe --ready 127.0.0.1:7113")]
    Probe(ProbeArgs),
    /// Run a scenario through the routing core in virtual time
    #[command(
        after_help = "Example:\n  ringmain simulate ./monday --out result.csv --report ./monday-report\n  ringmain simulate ./monday --report ./monday-report --companions 17\n  ringmain simulate --compare own lent.toml ./monday ./tuesday --report ./lent"
    )]
    Simulate(SimulateArgs),
    /// Make scenarios of a centre's day
    #[command(subcommand, arg_required_else_help = true)]
    Workload(WorkloadCommand),
    /// Queues
    #[command(subcommand, arg_required_else_help = true)]
    Queue(QueueCommand),
    /// Operators
    #[command(subcommand, arg_required_else_help = true)]
    Operator(OperatorCommand),
    /// Contacts
    #[command(subcommand, arg_required_else_help = true)]
    Contact(ContactCommand),
    /// Cases: requests that go a route of stages
    #[command(subcommand, arg_required_else_help = true)]
    Case(CaseCommand),
    /// Enquiries: questions of operators to people without a seat
    #[command(subcommand, arg_required_else_help = true)]
    Enquiry(EnquiryCommand),
    /// The register of customers whose life depends on electricity
    #[command(subcommand, arg_required_else_help = true)]
    LifeSupport(LifeSupportCommand),
    /// Who did what by hand
    #[command(subcommand, arg_required_else_help = true)]
    Audit(AuditCommand),
    /// Show what happened, and with --follow what happens
    #[command(after_help = "Example:\n  ringmain events --follow --queue outage -o json")]
    Events(EventsArgs),
    /// The cluster
    #[command(subcommand, arg_required_else_help = true)]
    Cluster(ClusterCommand),
    /// Show whether the cluster is well: exit code 0 yes, 3 something is to be looked at
    #[command(after_help = "Example:\n  ringmain check")]
    Check(CheckArgs),
    /// The routing plan
    #[command(subcommand, arg_required_else_help = true)]
    Plan(PlanCommand),
    /// Backups of the whole cluster
    #[command(subcommand, arg_required_else_help = true)]
    Snapshot(SnapshotCommand),
    /// Read and check every file of a stopped node, changing none; exit code 1 when one is damaged
    #[command(after_help = "Example:\n  ringmain verify --data data-1 -o json")]
    Verify(VerifyArgs),
    /// Make a surviving node a cluster of one after the majority is lost for good; offline
    #[command(after_help = "Example:\n  ringmain recover --force-new-cluster --config node-2.toml")]
    Recover(RecoverArgs),
    /// Show the whole centre on one screen: nodes, traffic, queues, operators
    #[command(after_help = "Example:\n  ringmain top --every 2s")]
    Top(TopArgs),
    /// Drills on this cluster, while it is in use
    #[command(subcommand, arg_required_else_help = true)]
    Drill(DrillCommand),
    /// What somebody else needs to help
    #[command(subcommand, arg_required_else_help = true)]
    Debug(DebugCommand),
    /// Clusters by name
    #[command(subcommand, arg_required_else_help = true)]
    Context(ContextCommand),
    /// Files: configs, plans, tokens
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
    /// Print what a shell needs to complete commands
    #[command(after_help = "Example:\n  ringmain completions bash")]
    Completions(CompletionsArgs),
    /// Write the manual as man pages
    #[command(after_help = "Example:\n  ringmain man --out ./man1")]
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_that_parse() {
        for tree::Leaf { path, command } in tree::leaves() {
            // As it was written: rendered, long lines are broken.
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = help.rsplit("Example:\n").next().expect("a part").trim();
            for example in examples.lines().map(str::trim) {
                assert!(example.starts_with(&path), "{path}: {help}");
                Cli::try_parse_from(example.split_whitespace())
                    .unwrap_or_else(|error| panic!("{example}: {error}"));
            }
        }
    }

    #[test]
    fn wrong_values_are_refused_with_a_word_about_what_is_right() {
        for (line, word) in [
            ("ringmain contact push --gateway g --key k --queue q --channel c --tier 10", "0..=9"),
            ("ringmain contact push --gateway g --key k --queue q --channel c --skill ru:11", "1 to 10"),
            ("ringmain queue list --watch --every 1ms", "at least 100ms"),
            ("ringmain workload generate p --seed 1 --from 25:00 --out d", "HH:MM"),
            ("ringmain contact show", "CONTACT"),
            ("ringmain contact move --to b", "CONTACT"),
            ("ringmain contact lift c1.0", "--tier"),
            ("ringmain operator force anna", "--ready"),
            ("ringmain queue lst", "list"),
        ] {
            let error = Cli::try_parse_from(line.split_whitespace()).expect_err(line).to_string();
            assert!(error.contains(word), "{line}: {error}");
        }
    }
}
