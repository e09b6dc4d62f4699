//! Whatever the core decides is clean: the checker finds no breach where there is none.

#[path = "../support/strategies.rs"]
mod strategies;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use ringmain_chaos::checker::{HistoryEntry, NodeScan, judge};
use ringmain_chaos::model::Model;
use ringmain_chaos::steps::rule_book::PlanRuleSpec;
use ringmain_chaos::steps::world::{self, QueueSpec, SessionSpec};
use ringmain_chaos::steps::{Action, Flaw, OpenSpec, OperatorSpec, PartyPick, Step, Wait};
use ringmain_routing::command::ApplyPlan;
use ringmain_routing::{Command, NodeId, Router, Timestamp};

use crate::scene::restored;

fn opening(operators: Vec<OperatorSpec>) -> Vec<Step> {
    let step = |action| Step { wait: Wait::No, action, restore: false };
    let open = |party, node| OpenSpec { party, node, incarnation: 0, nonce: 0, resume: 0, takeover: false };
    let mut steps = vec![step(Action::Put(operators))];
    steps.extend((0..3).map(|n| step(Action::Open(open(PartyPick::Gateway(n), n)))));
    for who in 0..6 {
        steps.push(step(Action::Open(open(PartyPick::Operator(who), who))));
        steps.push(step(Action::Presence { who, presence: None, flaw: Flaw::No }));
    }
    steps
}

fn run(
    queues: &[QueueSpec],
    sessions: SessionSpec,
    rules: Option<&PlanRuleSpec>,
    operators: Vec<OperatorSpec>,
    steps: &[Step],
) -> TestCaseResult {
    let (mut model, mut router, mut history) = (Model::new(), Router::new(), Vec::new());
    let mut apply = |model: &mut Model, at: Timestamp, command: Command| {
        model.apply(at, &command);
        let outcome = router.apply(at, &command);
        let (log_index, at, chain) = (router.index().0, router.now(), router.chain());
        history.push(HistoryEntry { log_index, raft_index: log_index, term: 1, at, command, outcome, chain });
    };
    let plan = world::plan(queues, sessions, rules);
    apply(&mut model, Timestamp(1_000), Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
    for step in opening(operators).iter().chain(steps) {
        let (at, command) = step.resolve(&model);
        apply(&mut model, at, command);
    }
    let scan = |node, history| NodeScan { node: NodeId(node), state: restored(&router), history };
    let verdict = judge(&[], &[], &[scan(1, history.clone()), scan(2, history.clone())]);
    prop_assert!(verdict.is_clean(), "{:#?}\n{:#?}", verdict, history);
    Ok(())
}

proptest! {
    #![proptest_config(strategies::fixed_worlds())]

    #[test]
    fn every_history_of_the_core_is_clean(
        queues in prop::collection::vec(strategies::queue(), 2..=4),
        sessions in strategies::sessions(),
        rules in prop::option::of(strategies::rules_of_worlds::plan()),
        operators in prop::collection::vec(strategies::operator(), 1..8),
        steps in prop::collection::vec(strategies::step(), 1..120),
    ) {
        run(&queues, sessions, rules.as_ref(), operators, &steps)?;
    }
}
