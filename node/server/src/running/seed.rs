//! Gives a new cluster its first plan.

use std::time::Duration;

use ringmain_cluster_config::RoutingPlan;
use ringmain_cluster_config::plan::{place_onto, says_the_same};
use ringmain_replication::{ProposeError, Replica};
use ringmain_routing::command::{ApplyPlan, OperatorPlan, PutOperators, Role};
use ringmain_routing::limits::OPERATORS_PER_COMMAND_MAX;
use ringmain_routing::{Command, Plan, Router};

const PAUSE: Duration = Duration::from_millis(200);

/// Waits for a leader and puts plan and operators, unless the cluster has another plan already. Every node may try at
/// once and again at each start: the plan's version lets one of them win, and operators that are known stay as they
/// are.
pub(super) async fn seed(replica: Replica, wanted: RoutingPlan) {
    let expanded = match wanted.plan_from(crate::clock::wall()) {
        Ok(plan) => plan,
        Err(error) => {
            return tracing::error!(%error, "the calendars of the plan given at the start are of no use");
        }
    };
    let plan = match place_onto(&Plan::default(), &expanded) {
        Ok(plan) => plan,
        Err(error) => return tracing::error!(%error, "the plan given at the start cannot be applied"),
    };
    loop {
        match attempt(&replica, &plan, &wanted.operators).await {
            Ok(()) => return,
            Err(error) => tracing::debug!(%error, "the plan given at the start waits for a leader"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn attempt(replica: &Replica, wanted: &Plan, operators: &[OperatorPlan]) -> Result<(), ProposeError> {
    replica.read_index().await?;
    let present = replica.read(|router| router.plan().version);
    let missing =
        if present == 0 { operators.to_vec() } else { replica.read(|router| unknown(router, operators)) };
    // Calendars are expanded from the day on: what is in force is put again as it is, so that an old one is no conflict.
    let in_force = (present > 0).then(|| replica.read(|router| router.plan().clone()));
    let plan = in_force.as_ref().unwrap_or(wanted);
    if in_force.as_ref().is_some_and(|in_force| !says_the_same(in_force, wanted)) {
        tracing::info!(
            version = present,
            "the cluster has a plan; the one given at the start is not applied"
        );
        return Ok(());
    }
    // In the audit the first plan is the configuration's, not a person's.
    let by = || Some("configuration".into());
    let mut commands = vec![Command::ApplyPlan(Box::new(ApplyPlan { plan: plan.clone(), by: by() }))];
    for part in missing.chunks(OPERATORS_PER_COMMAND_MAX) {
        commands.push(Command::PutOperators(PutOperators { operators: part.to_vec(), by: by() }));
    }
    for command in commands {
        if let Err(refusal) = ringmain_actors::propose(replica, command).await?.reply {
            // Another node may have been first with another plan; otherwise somebody has to change the file.
            tracing::error!(error = %refusal, "the plan given at the start was refused");
            return Ok(());
        }
    }
    tracing::info!(version = plan.version, "the plan given at the start is in force");
    Ok(())
}

fn unknown(router: &Router, operators: &[OperatorPlan]) -> Vec<OperatorPlan> {
    operators
        .iter()
        .filter(|operator| router.party(Role::Operator, &operator.login).is_none())
        .cloned()
        .collect()
}
