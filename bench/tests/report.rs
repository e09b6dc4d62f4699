//! What a report says, held against figures worked out by hand.

mod common;

use std::fs;

use common::{contact, operator, random_scenario};
use ringmain_bench::report::{Report, group_of};
use ringmain_bench::scenario::{Contact, Operator, Scenario, Shift};
use ringmain_bench::simulate::{Options, Simulated, simulate};
use ringmain_routing::plan::{ChannelPlan, QueuePlan, Target};
use ringmain_routing::{Millis, Plan};
use serde_json::json;

fn run(scenario: &Scenario) -> Simulated {
    simulate(scenario, Options::default(), &mut |_| {}).expect("the core takes the scenario")
}

fn report(scenario: &Scenario) -> Report {
    Report::of(scenario, &run(scenario))
}

fn scenario(contacts: Vec<Contact>, operators: Vec<Operator>) -> Scenario {
    Scenario { contacts, operators, ..Scenario::default() }
}

/// A target of 10 ms; who waits for more than 100 ms starves.
fn impatient_plan() -> Plan {
    let target = Target { within: Millis(10), percent: 80 };
    Plan {
        version: 1,
        queues: vec![QueuePlan { target, ..QueuePlan::named("line") }],
        channels: ["voice", "chat"].map(|name| ChannelPlan { name: name.into(), units: 1 }).to_vec(),
        ..Plan::default()
    }
}

/// One operator; arrivals at 0, 10, 20 and 30 ms, the second of them leaving after 40 ms. Waits of those answered are
/// 0, 80 and 170 ms.
fn four_contacts() -> Scenario {
    let left = Contact { patience_ms: Some(40), ..contact(2, 10, 1) };
    let chat = Contact { channel: "chat".into(), priority: 3, ..contact(4, 30, 50) };
    let contacts = vec![contact(1, 0, 100), left, contact(3, 20, 100), chat];
    Scenario { plan: Some(impatient_plan()), ..scenario(contacts, vec![operator("day-1", &[])]) }
}

#[test]
fn figures_are_those_worked_out_by_hand() {
    let report = report(&four_contacts());
    let total = &report.summary.total;
    assert_eq!((total.contacts, total.served, total.abandoned, total.abandoned_early), (4, 3, 1, 1));
    assert_eq!(total.asa_ms, Some((0.0 + 80.0 + 170.0) / 3.0));
    let waits = total.wait_ms.unwrap();
    assert_eq!((waits.p50, waits.p90, waits.p99, waits.max), (80, 170, 170, 170));
    assert_eq!(total.service_level, Some(1.0 / 3.0), "who left within 5 s does not count");
    assert_eq!((total.longest_ms, total.starved), (Some(170), 1));
    assert_eq!(total.talk_ms, Some(250.0 / 3.0));
}

#[test]
fn classes_are_queue_tier_and_channel() {
    let report = report(&four_contacts());
    let tiers: Vec<_> =
        report.tiers.iter().map(|tier| (tier.queue.as_str(), tier.tier, tier.figures.contacts)).collect();
    assert_eq!(tiers, [("line", 2, 3), ("line", 3, 1)]);
    let channels: Vec<_> =
        report.channels.iter().map(|(name, figures)| (name.as_str(), figures.contacts)).collect();
    assert_eq!(channels, [("chat", 1), ("voice", 3)]);
    assert_eq!((report.longest[0].contact_id.as_str(), report.longest[0].is_starved), ("k4", true));
    let waited: Vec<u64> = report.longest.iter().map(|wait| wait.waited_ms).collect();
    assert_eq!(waited, [170, 80, 40], "who was answered at once did not wait");
}

#[test]
fn a_customer_who_waits_at_the_end_has_waited_until_then() {
    let rare = Contact { required_skills: ["rare".into()].into(), ..contact(1, 0, 5) };
    let report = report(&scenario(vec![rare, contact(2, 10, 90)], vec![operator("ann", &[])]));
    assert_eq!(report.summary.total.longest_ms, Some(100));
    assert_eq!((report.longest[0].outcome, report.longest[0].waited_ms), ("waiting", 100));
}

/// On duty from 0 to 100 ms with a talk from 50 to 150 and a wrap-up to 170: work beyond the shift counts as duty.
#[test]
fn occupancy_is_handling_and_wrap_up_over_time_on_duty() {
    let shift = |from_ms, to_ms| Some(vec![Shift { from_ms, to_ms }]);
    let ann = Operator { shifts: shift(0, 100), ..operator("day-1", &[]) };
    let bob = Operator { shifts: shift(0, 400), ..operator("day-2", &["other"]) };
    let opening = Contact { required_skills: ["other".into()].into(), ..contact(1, 0, 50) };
    let hers =
        Contact { wrap_up_ms: Some(20), required_skills: ["hers".into()].into(), ..contact(2, 50, 100) };
    let ann = Operator { skills: vec![("hers".into(), 1)], ..ann };
    let last = Contact { required_skills: ["other".into()].into(), ..contact(3, 200, 50) };
    let report = report(&scenario(vec![opening, hers, last], vec![ann, bob]));
    let [ann, bob] = &report.staff.operators[..] else { panic!("two operators") };
    assert_eq!((ann.handling_ms, ann.wrap_up_ms, ann.busy_ms, ann.on_duty_ms), (100, 20, 120, 170));
    assert_eq!(ann.occupancy, Some(120.0 / 170.0));
    assert_eq!((bob.busy_ms, bob.on_duty_ms), (100, 250), "the run ends at 250 ms");
    let group = &report.staff.groups[..];
    assert_eq!(group.len(), 1, "both are of the group day");
    assert_eq!((group[0].operators, group[0].contacts_least, group[0].contacts_most), (2, 1, 2));
    assert_eq!(report.staff.all.occupancy, Some(220.0 / 420.0));
}

#[test]
fn load_differs_from_occupancy_where_several_contacts_are_in_hand() {
    let chatty = Operator { capacity: 4, ..operator("ann", &[]) };
    let report = report(&scenario(vec![contact(1, 0, 100), contact(2, 50, 50)], vec![chatty]));
    let ann = &report.staff.operators[0];
    assert_eq!((ann.occupancy, ann.load), (Some(1.0), Some(150.0 / 400.0)));
}

#[test]
fn hours_are_those_of_the_day_the_scenario_notes() {
    const HOUR_MS: u64 = 3_600_000;
    let contacts =
        vec![contact(1, 0, HOUR_MS / 2), contact(2, HOUR_MS + 5, 10), contact(3, 24 * HOUR_MS, 10)];
    let notes = Some(json!({"from": "09:00"}));
    let report = report(&Scenario { notes, ..scenario(contacts, vec![operator("ann", &[])]) });
    let came: Vec<(usize, u64)> = report
        .hours
        .iter()
        .filter(|hour| hour.figures.contacts > 0)
        .map(|hour| (hour.hour, hour.figures.contacts))
        .collect();
    assert_eq!(came, [(9, 2), (10, 1)], "the day after counts to the same hour");
    assert_eq!(report.hours.len(), 24);
    assert_eq!(report.hours[10].on_duty, Some(1.0));
    let busy = report.hours[9].busy.unwrap();
    assert!((busy - 0.5).abs() < 1e-5, "half an hour in one, 10 ms of another: {busy}");
    assert_eq!(report.queue_hours.len(), 2);
}

#[test]
fn the_same_scenario_gives_the_same_files_byte_by_byte() {
    let scenario = random_scenario(11, 300);
    let read = || {
        let folder = tempfile::tempdir().unwrap();
        let simulated = run(&scenario);
        let files =
            Report::of(&scenario, &simulated).write(folder.path(), &scenario, &simulated.rows).unwrap();
        files.iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>()
    };
    let (one, two) = (read(), read());
    assert_eq!(one.len(), 4);
    assert!(one == two, "which differ: {:?}", one.iter().zip(&two).map(|(a, b)| a != b).collect::<Vec<_>>());
    assert!(one[3].starts_with(b"PK"), "a workbook is an archive");
}

/// Whatever is counted by class is counted in all.
#[test]
fn classes_add_up_to_all() {
    for seed in 0..5 {
        let report = report(&random_scenario(seed, 250));
        let total = report.summary.total.contacts;
        assert_eq!(report.summary.queues.values().map(|figures| figures.contacts).sum::<u64>(), total);
        assert_eq!(report.tiers.iter().map(|tier| tier.figures.contacts).sum::<u64>(), total);
        assert_eq!(report.channels.values().map(|figures| figures.contacts).sum::<u64>(), total);
        assert_eq!(report.hours.iter().map(|hour| hour.figures.contacts).sum::<u64>(), total);
        assert_eq!(report.queue_hours.iter().map(|hour| hour.figures.contacts).sum::<u64>(), total);
        let served: u64 = report.staff.operators.iter().map(|operator| operator.contacts).sum();
        assert_eq!(served, report.summary.total.served + report.summary.total.in_service);
        assert!(report.staff.operators.iter().all(|operator| operator.busy_ms <= operator.on_duty_ms));
    }
}

#[test]
fn nothing_to_report_is_no_error() {
    let empty = scenario(Vec::new(), Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let report = report(&empty);
    report.write(folder.path(), &empty, &[]).unwrap();
    assert_eq!((report.summary.total.contacts, report.staff.all.occupancy), (0, None));
}

#[test]
fn the_group_of_an_operator_is_the_login_without_its_number() {
    for (login, group) in [("day-07", "day"), ("day_1", "day"), ("op17", "op"), ("ann", "ann"), ("12", "12")]
    {
        assert_eq!(group_of(login), group);
    }
}
