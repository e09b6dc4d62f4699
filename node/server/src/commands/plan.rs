//! `plan`: `apply` shows what changes, then switches to the plan and puts its operators; `diff`, `show`, `rollback`.

use std::collections::BTreeMap;
use std::path::Path;

use ringmain_cluster_config::RoutingPlan;
use ringmain_cluster_config::plan::{changes, operator_changes, place_onto};
use ringmain_protocol::plan::{from_message, operator_to_message, to_message};
use ringmain_protocol::v1::{ApplyPlanRequest, Operator, PutOperatorsRequest, SkillLevel};
use ringmain_routing::command::OperatorPlan;
use ringmain_routing::limits::OPERATORS_PER_COMMAND_MAX;
use ringmain_routing::{Name, Plan};
use ringmain_telemetry::codes;
use serde_json::json;

use super::operator;
use super::start::read_plan;
use crate::cli::{PlanApplyArgs, PlanCommand, PlanDiffArgs, PlanRollbackArgs, PlanShowArgs};
use crate::connection::{Clients, failed};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block};

/// Carries out a command on the plan.
pub(super) fn run(command: PlanCommand) -> Result<(), Failure> {
    match command {
        PlanCommand::Apply(args) => super::client(apply(args)),
        PlanCommand::Validate(args) => super::config::validate_plans(args),
        PlanCommand::Diff(args) => match args.other.clone() {
            Some(other) => diff_files(&args, &other),
            None => super::client(diff(args)),
        },
        PlanCommand::Show(args) => super::client(show(args)),
        PlanCommand::Rollback(args) => super::client(rollback(args)),
        PlanCommand::Calendar(args) => super::calendar::run(&args),
    }
}

/// Applies the plan of a file.
pub(super) async fn apply(args: PlanApplyArgs) -> Result<(), Failure> {
    let wanted = read_plan(&args.plan)?;
    let clients = Clients::open(&args.node).await?;
    let current = current_plan(&clients).await?;
    let next = follow(&current, &expanded(&wanted)?)?;
    let mut lines = changes(&current, &next);
    let plan_changes = !lines.is_empty();
    let (known, _) = operator::all(&clients).await?;
    lines.extend(operator_changes(&visible(&known, &wanted.operators), &wanted.operators));
    if plan_changes {
        let request = ApplyPlanRequest { plan: Some(to_message(&next)), dry_run: args.dry_run };
        clients.admin.apply_plan(request).await.map_err(|error| failed(&error))?;
    }
    // All operators are put, changed or not: the same again changes nothing, and ranks are not in the list of operators.
    // A trial of operators would be judged by the plan in force, which may not know their queues and skills yet.
    if !args.dry_run || !plan_changes {
        for part in wanted.operators.chunks(OPERATORS_PER_COMMAND_MAX) {
            let operators = part.iter().map(operator_to_message).collect();
            let request = PutOperatorsRequest { operators, dry_run: args.dry_run };
            clients.admin.put_operators(request).await.map_err(|error| failed(&error))?;
        }
    }
    let version = if plan_changes { next.version } else { current.version };
    output::print(&answer(&lines, version, args.dry_run), args.node.format, false)
}

/// What differs between the plan in force and a file.
async fn diff(args: PlanDiffArgs) -> Result<(), Failure> {
    let wanted = read_plan(&args.plan)?;
    let clients = Clients::open(&args.node).await?;
    let current = current_plan(&clients).await?;
    let mut lines = changes(&current, &follow(&current, &expanded(&wanted)?)?);
    let (known, _) = operator::all(&clients).await?;
    lines.extend(operator_changes(&visible(&known, &wanted.operators), &wanted.operators));
    output::print(&differences(&lines, &format!("version {}", current.version)), args.node.format, false)
}

/// What differs between two files.
fn diff_files(args: &PlanDiffArgs, other: &Path) -> Result<(), Failure> {
    let (one, other) = (read_plan(&args.plan)?, read_plan(other)?);
    let before = expanded(&one)?;
    let mut lines = changes(&before, &follow(&before, &expanded(&other)?)?);
    lines.extend(operator_changes(&one.operators, &other.operators));
    output::print(&differences(&lines, &args.plan.display().to_string()), args.node.format, false)
}

/// What a plan says, as what it changes beside one that says nothing.
async fn show(args: PlanShowArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let plan = match args.version {
        None => current_plan(&clients).await?,
        Some(version) => earlier_plan(&clients, version).await?,
    };
    let lines = changes(&Plan::default(), &plan);
    let json = json!({"version": plan.version, "says": lines});
    let mut text = vec![Block::Line(format!("version {}", plan.version))];
    text.extend(lines.into_iter().map(Block::Line));
    output::print(&Answer { json, text }, args.node.format, false)
}

/// Applies an earlier plan as the next version.
async fn rollback(args: PlanRollbackArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let current = current_plan(&clients).await?;
    let version = args.version.unwrap_or(current.version.saturating_sub(1));
    if version == 0 || version >= current.version {
        let message = format!("--to: {version} is not before version {}, which is in force", current.version);
        return Err(Failure::new(FailureKind::Invalid, codes::INVALID_REQUEST.code, message));
    }
    let next = follow(&current, &earlier_plan(&clients, version).await?)?;
    let lines = changes(&current, &next);
    if !lines.is_empty() {
        let request = ApplyPlanRequest { plan: Some(to_message(&next)), dry_run: args.dry_run };
        clients.admin.apply_plan(request).await.map_err(|error| failed(&error))?;
    }
    let in_force = if lines.is_empty() { current.version } else { next.version };
    output::print(&answer(&lines, in_force, args.dry_run), args.node.format, false)
}

fn expanded(wanted: &RoutingPlan) -> Result<Plan, Failure> {
    let expanded = wanted.plan_from(crate::clock::wall());
    expanded.map_err(|error| Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, error))
}

fn follow(current: &Plan, wanted: &Plan) -> Result<Plan, Failure> {
    place_onto(current, wanted).map_err(|error| Failure::new(FailureKind::Refused, "plan-conflict", error))
}

fn differences(lines: &[String], from: &str) -> Answer {
    let mut text: Vec<Block> = lines.iter().cloned().map(Block::Line).collect();
    text.push(Block::Line(match lines.len() {
        0 => format!("the same as {from}"),
        differences => format!("{differences} differences from {from}"),
    }));
    Answer { json: json!({"from": from, "changes": lines}), text }
}

async fn earlier_plan(clients: &Clients, version: u64) -> Result<Plan, Failure> {
    let found = clients.admin.earlier_plan(version).await.map_err(|error| failed(&error))?;
    understood(found.plan.unwrap_or_default())
}

async fn current_plan(clients: &Clients) -> Result<Plan, Failure> {
    understood(clients.admin.plan().await.map_err(|error| failed(&error))?.plan.unwrap_or_default())
}

fn understood(message: ringmain_protocol::v1::Plan) -> Result<Plan, Failure> {
    from_message(message).map_err(|problems| {
        let problems: Vec<String> =
            problems.iter().map(|problem| format!("{}: {}", problem.field, problem.problem)).collect();
        Failure::new(
            FailureKind::Internal,
            "internal",
            format!("the plan in force cannot be read: {}", problems.join("; ")),
        )
    })
}

/// The operators as the cluster has them, as far as a list tells: ranks and rules are taken for those of the file.
fn visible(known: &[Operator], wanted: &[OperatorPlan]) -> Vec<OperatorPlan> {
    let by_login: BTreeMap<&str, &OperatorPlan> =
        wanted.iter().map(|operator| (&*operator.login, operator)).collect();
    let of_file = |operator: &Operator| by_login.get(operator.login.as_str());
    let seen = |operator: &Operator| OperatorPlan {
        login: operator.login.as_str().into(),
        skills: levels(&operator.skills),
        capacity: operator.capacity,
        unit: operator.unit.as_deref().map(Name::from),
        ranks: of_file(operator).map(|wanted| wanted.ranks.clone()).unwrap_or_default(),
        rules: of_file(operator).map(|wanted| wanted.rules.clone()).unwrap_or_default(),
    };
    known.iter().map(seen).collect()
}

fn levels(skills: &[SkillLevel]) -> Vec<(Name, u8)> {
    skills
        .iter()
        .map(|skill| (Name::from(skill.skill.as_str()), u8::try_from(skill.level).unwrap_or(u8::MAX)))
        .collect()
}

fn answer(lines: &[String], version: u64, dry_run: bool) -> Answer {
    let json = json!({"dry_run": dry_run, "version": version, "changes": lines});
    let mut text: Vec<Block> = lines.iter().cloned().map(Block::Line).collect();
    text.push(Block::Line(match (lines.is_empty(), dry_run) {
        (true, _) => format!("nothing changes; version {version}"),
        (false, true) => format!("{} changes; nothing was applied (--dry-run)", lines.len()),
        (false, false) => format!("{} changes applied; version {version}", lines.len()),
    }));
    Answer { json, text }
}
