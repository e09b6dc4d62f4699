//! Two plans over the same contacts, held against figures worked out by hand.

mod common;

use common::{contact, operator, planned, random_scenario};
use ringmain_bench::compare::{Comparing, Comparison};
use ringmain_bench::scenario::{Contact, Operator, Scenario};
use ringmain_routing::plan::{ChannelPlan, QueuePlan, Target};
use ringmain_routing::{Millis, Plan};

/// Targets of 50 ms, and a wrap-up.
fn plan(wrap_up_ms: u64) -> Plan {
    let target = Target { within: Millis(50), percent: 80 };
    let queue = |name: &str| QueuePlan { target, wrap_up: Millis(wrap_up_ms), ..QueuePlan::named(name) };
    Plan {
        version: 1,
        queues: ["line", "side"].map(queue).to_vec(),
        skills: vec!["a".into(), "b".into(), "c".into()],
        channels: vec![ChannelPlan { name: "voice".into(), units: 1 }],
        ..Plan::default()
    }
}

fn under(plan: Plan, contacts: &[Contact]) -> Scenario {
    let operators = vec![operator("day-1", &[])];
    Scenario { contacts: contacts.to_vec(), operators, plan: Some(plan), ..Scenario::default() }
}

fn compare(scenarios: &[[Scenario; 2]]) -> Comparison {
    let mut comparing = Comparing::default();
    for (place, [a, b]) in scenarios.iter().enumerate() {
        comparing.add(&format!("s{place}"), [a, b], &mut |_| {}).expect("the core takes both");
    }
    comparing.finish(["one".into(), "two".into()])
}

/// One operator, four contacts of 100 ms each. Without wrap-up they wait 0, 90, 180 and (leaving at 50) not to the end;
/// with 60 ms of it 0, 150 and 300.
fn queueing() -> Vec<Contact> {
    let side = Contact { queue: "side".into(), priority: 3, ..contact(3, 20, 100) };
    let left = Contact { patience_ms: Some(50), ..contact(4, 30, 100) };
    vec![contact(1, 0, 100), contact(2, 10, 100), side, left]
}

#[test]
fn differences_are_those_worked_out_by_hand() {
    let comparison = compare(&[[under(plan(0), &queueing()), under(plan(60), &queueing())]]);
    let all = &comparison.classes[0];
    assert_eq!((all.class.queue.as_deref(), all.class.tier), (None, None));
    assert_eq!(all.difference.asa_ms, Some((0.0 + 150.0 + 300.0) / 3.0 - (0.0 + 90.0 + 180.0) / 3.0));
    assert_eq!((all.difference.p99_ms, all.difference.abandoned), (Some(120), 0));
    assert_eq!(all.difference.service_level, Some(0.0));
    let paired = &all.paired;
    assert_eq!((paired.compared, paired.better, paired.worse, paired.same), (4, 0, 2, 2));
    assert_eq!((paired.gain_ms, paired.loss_ms), (None, Some((60.0 + 120.0) / 2.0)));
    assert_eq!(paired.wait_ms, None, "one hour is no ten batches");
    let names: Vec<(Option<&str>, Option<u8>)> =
        comparison.classes.iter().map(|one| (one.class.queue.as_deref(), one.class.tier)).collect();
    let (line, side) = (Some("line"), Some("side"));
    assert_eq!(names, [(None, None), (line, None), (side, None), (line, Some(2)), (side, Some(3))]);
    let groups: Vec<&str> = comparison.groups.iter().map(|group| group.a.group.as_str()).collect();
    assert_eq!(groups, ["= all", "day"]);
}

#[test]
fn who_is_answered_in_one_run_alone_fares_better_there() {
    let patient = Contact { patience_ms: Some(120), ..contact(2, 10, 100) };
    let contacts = [contact(1, 0, 100), patient];
    let comparison = compare(&[[under(plan(60), &contacts), under(plan(0), &contacts)]]);
    let paired = &comparison.classes[0].paired;
    assert_eq!((paired.better, paired.worse, paired.same), (1, 0, 1));
    assert_eq!((paired.answered_in_a_alone, paired.answered_in_b_alone), (0, 1));
    assert_eq!((paired.gain_ms, comparison.classes[0].difference.abandoned), (None, -1));
}

/// With the same plan twice nothing differs, whatever happens.
#[test]
fn a_plan_compared_with_itself_makes_no_difference() {
    for seed in 0..5 {
        let scenario = Scenario { plan: Some(random_plan()), ..random_scenario(seed, 200) };
        let comparison = compare(&[[scenario.clone(), scenario.clone()]]);
        for one in &comparison.classes {
            assert_eq!(one.a, one.b, "seed {seed}");
            assert_eq!((one.paired.better, one.paired.worse), (0, 0), "seed {seed}");
        }
        let merged = comparison.classes[0].a.merged;
        assert_eq!(comparison.classes[0].paired.compared + merged, 200, "seed {seed}");
    }
}

fn random_plan() -> Plan {
    let queue = QueuePlan { wrap_up_max: Millis(1_000), ..QueuePlan::named("line") };
    Plan { queues: vec![queue], ..plan(0) }
}

/// Ten scenarios, in each of which the second contact waits 60 ms longer: the interval has no width.
#[test]
fn intervals_rest_on_scenarios_where_there_are_ten() {
    let contacts = [contact(1, 0, 100), contact(2, 10, 100)];
    let pair = [under(plan(0), &contacts), under(plan(60), &contacts)];
    let nine = compare(&vec![pair.clone(); 9]);
    assert_eq!(
        (nine.batches, nine.classes[0].paired.wait_ms.map(|it| it.batches)),
        ("hours of arrival", None)
    );
    let ten = compare(&vec![pair; 10]);
    let wait = ten.classes[0].paired.wait_ms.expect("ten batches");
    assert_eq!((ten.batches, wait.mean, wait.half_width, wait.batches), ("scenarios", 30.0, 0.0, 10));
    assert!(ten.text().contains("waits under B are longer"), "{}", ten.text());
}

/// Twelve hours with two contacts each, of which the second waits 90 ms under A and 150 under B.
#[test]
fn intervals_rest_on_hours_of_arrival_otherwise() {
    const HOUR_MS: u64 = 3_600_000;
    let hour =
        |n: u64| [(2 * n, 0), (2 * n + 1, 10)].map(|(id, at)| contact(id as usize, n * HOUR_MS + at, 100));
    let contacts: Vec<Contact> = (0..12).flat_map(hour).collect();
    let comparison = compare(&[[under(plan(0), &contacts), under(plan(60), &contacts)]]);
    let paired = &comparison.classes[0].paired;
    let wait = paired.wait_ms.expect("twelve batches");
    assert_eq!((wait.mean, wait.half_width, wait.batches), (30.0, 0.0, 12));
    assert_eq!(paired.in_time.map(|it| it.mean), Some(0.0));
    assert_eq!(comparison.hours.iter().filter(|hour| hour.a.contacts == 2).count(), 12);
}

#[test]
fn the_targets_of_the_first_plan_judge_both() {
    let mut strict = plan(0);
    strict.queues[0].target.within = Millis(5);
    let contacts = [contact(1, 0, 100), contact(2, 80, 100)];
    let comparison = compare(&[[under(plan(0), &contacts), under(strict, &contacts)]]);
    assert_eq!(comparison.classes[0].b.service_level, Some(1.0), "20 ms are within A's 50");
    assert!(comparison.notes.iter().any(|note| note.contains("queue line: the plans' targets differ")));
}

#[test]
fn operators_of_a_plan_that_the_scenario_lacks_are_told() {
    let said = |login, capacity| planned(login, &[], capacity, &[]);
    let operators: Vec<Operator> = ["ann", "bob"].map(|name| operator(name, &[])).to_vec();
    let scenario = Scenario { operators, ..Scenario::default() };
    assert!(scenario.staffing(&[]).is_empty());
    assert!(scenario.staffing(&[said("ann", 1), said("bob", 1)]).is_empty());
    let notes = scenario.staffing(&[said("ann", 100), said("eve", 1)]).join("; ");
    for part in
        ["not in operators.json", "(first: eve)", "not in the plan", "(first: bob)", "another capacity"]
    {
        assert!(notes.contains(part), "{part}: {notes}");
    }
}

#[test]
fn the_same_comparison_gives_the_same_files() {
    let pair = [under(plan(0), &queueing()), under(plan(60), &queueing())];
    let read = || {
        let folder = tempfile::tempdir().unwrap();
        let files = compare(std::slice::from_ref(&pair)).write(folder.path()).unwrap();
        files.iter().map(|file| std::fs::read(file).unwrap()).collect::<Vec<_>>()
    };
    let (one, two) = (read(), read());
    assert_eq!(one.len(), 3);
    assert!(one == two);
}
