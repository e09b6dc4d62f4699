//! `plan`; `plan apply`: shows what changes, then switches to the plan and puts its operators.

use std::collections::BTreeMap;

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
use crate::cli::{PlanApplyArgs, PlanCommand};
use crate::connection::{Clients, failed};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block};

/// Carries out a command on the plan.
pub(super) fn run(command: PlanCommand) -> Result<(), Failure> {
    match command {
        PlanCommand::Apply(args) => super::client(apply(args)),
        PlanCommand::Calendar(args) => super::calendar::run(&args),
    }
}

/// Applies the plan of a file.
pub(super) async fn apply(args: PlanApplyArgs) -> Result<(), Failure> {
    let wanted = read_plan(&args.plan)?;
    let clients = Clients::open(&args.node).await?;
    let current = current_plan(&clients).await?;
    let expanded = wanted
        .plan_from(crate::clock::wall())
        .map_err(|error| Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, error))?;
    let next = place_onto(&current, &expanded)
        .map_err(|error| Failure::new(FailureKind::Refused, "plan-conflict", error))?;
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

async fn current_plan(clients: &Clients) -> Result<Plan, Failure> {
    let message = clients.admin.plan().await.map_err(|error| failed(&error))?.plan.unwrap_or_default();
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

/// The operators as the cluster has them, as far as a list tells: ranks are taken for those of the file.
fn visible(known: &[Operator], wanted: &[OperatorPlan]) -> Vec<OperatorPlan> {
    let ranks: BTreeMap<&str, &OperatorPlan> =
        wanted.iter().map(|operator| (&*operator.login, operator)).collect();
    let seen = |operator: &Operator| OperatorPlan {
        login: operator.login.as_str().into(),
        skills: levels(&operator.skills),
        capacity: operator.capacity,
        unit: operator.unit.as_deref().map(Name::from),
        ranks: ranks.get(operator.login.as_str()).map(|wanted| wanted.ranks.clone()).unwrap_or_default(),
        rules: Default::default(),
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
