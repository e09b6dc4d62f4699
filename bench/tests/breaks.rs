//! A simulated centre takes the breaks that its plan gives.

mod common;

use common::{contact, operator, planned};
use ringmain_bench::report::Report;
use ringmain_bench::scenario::{Operator, Scenario, Shift};
use ringmain_bench::simulate::{Options, Simulated, simulate};
use ringmain_routing::command::OperatorPlan;
use ringmain_routing::plan::{ChannelPlan, QueuePlan};
use ringmain_routing::rules::{BreakRule, OperatorRules};
use ringmain_routing::{Millis, Plan};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn plan() -> Plan {
    let mut plan = Plan {
        version: 1,
        queues: vec![QueuePlan::named("line")],
        channels: vec![ChannelPlan { name: "voice".into(), units: 1 }],
        ..Plan::default()
    };
    plan.rules.breaks = vec![BreakRule {
        name: "short".into(),
        reason: 11,
        every: Millis(HOUR),
        length: Millis(5 * MINUTE),
        defer_max: Millis(30 * MINUTE),
        away_percent_max: 0,
        alone: true,
        on_request: false,
        returns: false,
    }];
    plan
}

fn run(shifts: Vec<Shift>, arrivals: &[(u64, u64)]) -> (Scenario, Simulated) {
    let rules = OperatorRules { breaks: vec!["short".into()], ..OperatorRules::default() };
    let planned = vec![OperatorPlan { rules, ..planned("ann", &[], 1, &[]) }];
    let contacts = (1..).zip(arrivals).map(|(id, &(at, long))| contact(id, at, long)).collect();
    let operators = vec![Operator { shifts: Some(shifts), ..operator("ann", &[]) }];
    let scenario = Scenario { contacts, operators, plan: Some(plan()), planned, ..Scenario::default() };
    let simulated =
        simulate(&scenario, Options::default(), &mut |_| {}).expect("the core takes the scenario");
    (scenario, simulated)
}

fn assigned(simulated: &Simulated) -> Vec<Option<u64>> {
    simulated.rows.iter().map(|row| row.assigned_ms).collect()
}

#[test]
fn breaks_come_due_from_the_beginning_of_the_shift_and_the_operator_comes_back() {
    let shift = Shift { from_ms: 8 * HOUR, to_ms: 12 * HOUR };
    let (_, simulated) = run(vec![shift], &[(8 * HOUR, 10), (9 * HOUR + MINUTE, 10)]);
    assert_eq!(assigned(&simulated), [Some(8 * HOUR), Some(9 * HOUR + 5 * MINUTE)]);
    assert_eq!(simulated.breaks["short"].begun, 1);
    assert_eq!(simulated.breaks["short"].put_off_longest_ms, 0);
}

#[test]
fn a_break_is_put_off_by_a_talk_and_the_report_says_so() {
    let shift = Shift { from_ms: 0, to_ms: 4 * HOUR };
    let arrivals = [(HOUR - MINUTE, 10 * MINUTE), (HOUR + 30 * MINUTE, 10)];
    let (scenario, simulated) = run(vec![shift], &arrivals);
    let of = simulated.breaks["short"];
    assert_eq!((of.begun, of.put_off_longest_ms, of.missed), (1, 9 * MINUTE, 0));
    let lines = Report::of(&scenario, &simulated).lines();
    assert!(
        lines.iter().any(|line| line.starts_with("break short: 1 begun, put off by 9.0 min")),
        "{lines:?}"
    );
}

#[test]
fn pauses_between_shifts_that_are_no_longer_than_a_break_are_none() {
    let shifts = vec![
        Shift { from_ms: 0, to_ms: 30 * MINUTE },
        Shift { from_ms: 35 * MINUTE, to_ms: 2 * HOUR },
        Shift { from_ms: 4 * HOUR, to_ms: 6 * HOUR },
    ];
    let (_, simulated) = run(shifts, &[(32 * MINUTE, 10), (3 * HOUR, 10), (5 * HOUR + MINUTE, 10)]);
    let expected = [Some(32 * MINUTE), Some(4 * HOUR), Some(5 * HOUR + 5 * MINUTE)];
    assert_eq!(assigned(&simulated), expected, "clocks start again with the next shift");
}
