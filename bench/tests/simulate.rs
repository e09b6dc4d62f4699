//! What a simulation of a scenario without a plan must show, judged from outside.

mod common;

use std::path::Path;

use common::judge::faults;
use common::{contact, operator, planned, random_scenario};
use ringmain_bench::mmc::{Mmc, SERVICE_MS, measure};
use ringmain_bench::profile::Profile;
use ringmain_bench::report::{Report, Summary};
use ringmain_bench::result::{self, ResultOutcome, ResultRow};
use ringmain_bench::scenario::{Contact, Kind, Operator, Scenario, Shift};
use ringmain_bench::simulate::{CannotSimulate, Companions, Options, Simulated, simulate};
use ringmain_bench::workload::{Selection, generate};
use ringmain_routing::command::OperatorPlan;
use ringmain_routing::plan::{Answer, ChannelPlan, QueuePlan};
use ringmain_routing::rules::{EntryRule, ResultRule, Route, Stage, Then, When};
use ringmain_routing::{Millis, Plan};

fn run(scenario: &Scenario) -> Simulated {
    simulate(scenario, Options::default(), &mut |_| {}).expect("the core takes the scenario")
}

fn scenario(contacts: Vec<Contact>, operators: Vec<Operator>) -> Scenario {
    Scenario { contacts, operators, ..Scenario::default() }
}

fn row<'a>(rows: &'a [ResultRow], id: &str) -> &'a ResultRow {
    rows.iter()
        .find(|row| &*row.contact_id == id && row.outcome.is_final())
        .expect("every contact has a final row")
}

fn outcome(simulated: &Simulated, id: &str) -> ResultOutcome {
    row(&simulated.rows, id).outcome
}

#[test]
fn random_centres_keep_every_rule_of_the_format() {
    for seed in 0..25 {
        let scenario = random_scenario(seed, 250);
        let simulated = run(&scenario);
        let faults = faults(&scenario, &simulated.rows);
        assert!(faults.is_empty(), "seed {seed}: {} faults, first {:#?}", faults.len(), &faults[..1]);
        assert_eq!(simulated.rejected.len(), 0);
    }
}

#[test]
fn same_scenario_gives_same_bytes_commands_and_chain() {
    let scenario = random_scenario(7, 400);
    let (one, two) = (run(&scenario), run(&scenario));
    assert_eq!(result::format(&one.rows).unwrap(), result::format(&two.rows).unwrap());
    assert_eq!((one.commands, one.chain, one.end_ms), (two.commands, two.chain, two.end_ms));
}

#[test]
fn first_come_is_first_served_within_a_tier_and_tiers_go_first() {
    let urgent = Contact { priority: 0, ..contact(3, 30, 10) };
    let contacts = vec![contact(1, 0, 100), contact(2, 10, 100), urgent, contact(4, 20, 100)];
    let rows = run(&scenario(contacts, vec![operator("ann", &[])])).rows;
    let order: Vec<&str> = rows.iter().map(|row| &*row.contact_id).collect();
    assert_eq!(order, ["k1", "k3", "k2", "k4"]);
    assert_eq!(row(&rows, "k3").assigned_ms, Some(100));
    assert_eq!(row(&rows, "k2").assigned_ms, Some(110));
}

#[test]
fn longest_idle_operator_is_chosen() {
    let contacts = vec![contact(1, 0, 10), contact(2, 5, 10), contact(3, 100, 10), contact(4, 105, 20)];
    let rows = run(&scenario(contacts, vec![operator("ann", &[]), operator("bob", &[])])).rows;
    let who: Vec<&str> = rows.iter().map(|row| row.operator_id.as_deref().unwrap()).collect();
    assert_eq!(who, ["ann", "bob", "ann", "bob"]);
}

#[test]
fn operator_finishes_what_is_in_hand_when_the_shift_ends() {
    let ann = Operator { shifts: Some(vec![Shift { from_ms: 10, to_ms: 50 }]), ..operator("ann", &[]) };
    let simulated = run(&scenario(vec![contact(1, 0, 100), contact(2, 20, 5)], vec![ann]));
    let served = row(&simulated.rows, "k1");
    assert_eq!(
        (served.assigned_ms, served.completed_ms, served.outcome),
        (Some(10), Some(110), ResultOutcome::Served)
    );
    assert_eq!(outcome(&simulated, "k2"), ResultOutcome::Waiting);
}

#[test]
fn customer_leaves_when_patience_ends() {
    let impatient = Contact { patience_ms: Some(40), ..contact(2, 20, 5) };
    let simulated = run(&scenario(vec![contact(1, 0, 100), impatient], vec![operator("ann", &[])]));
    let left = row(&simulated.rows, "k2");
    assert_eq!(
        (left.outcome, left.completed_ms, left.operator_id.clone()),
        (ResultOutcome::Abandoned, Some(60), None)
    );
}

#[test]
fn second_order_of_a_customer_joins_the_open_one() {
    let order =
        |id, at| Contact { kind: Kind::Callback, customer_id: "ivanova".into(), ..contact(id, at, 50) };
    let simulated = run(&scenario(vec![order(1, 0), order(2, 20), order(3, 80)], vec![operator("ann", &[])]));
    let merged = row(&simulated.rows, "k2");
    assert_eq!((merged.outcome, merged.merged_into.as_deref()), (ResultOutcome::Merged, Some("k1")));
    assert_eq!(outcome(&simulated, "k3"), ResultOutcome::Served);
}

#[test]
fn unknown_customers_orders_never_join() {
    let order = |id, at| Contact { kind: Kind::Callback, customer_id: "".into(), ..contact(id, at, 50) };
    let simulated = run(&scenario(vec![order(1, 0), order(2, 20)], vec![operator("ann", &[])]));
    assert_eq!(outcome(&simulated, "k2"), ResultOutcome::Served);
}

#[test]
fn wrap_up_keeps_the_operator_from_the_next_contact() {
    let first = Contact { wrap_up_ms: Some(700_000), ..contact(1, 0, 100) };
    let rows = run(&scenario(vec![first, contact(2, 10, 5)], vec![operator("ann", &[])])).rows;
    assert_eq!(row(&rows, "k1").completed_ms, Some(100));
    assert_eq!(row(&rows, "k1").released_ms, Some(700_100));
    assert_eq!(row(&rows, "k2").assigned_ms, Some(700_100));
}

#[test]
fn held_contact_waits_for_its_operator_only_so_long() {
    let to_bob = |id, at| Contact {
        preferred_operator: Some("bob".into()),
        sticky_ms: Some(30),
        ..contact(id, at, 50)
    };
    let operators = vec![operator("ann", &[]), operator("bob", &[])];
    let rows = run(&scenario(vec![to_bob(1, 0), to_bob(2, 10), to_bob(3, 45)], operators)).rows;
    let who = |id| (row(&rows, id).operator_id.as_deref().unwrap(), row(&rows, id).assigned_ms.unwrap());
    assert_eq!(who("k1"), ("bob", 0));
    assert_eq!(who("k2"), ("ann", 40), "the hold is over before bob is free");
    assert_eq!(who("k3"), ("bob", 50), "bob is free before the hold is over");
}

#[test]
fn language_is_a_skill_the_operator_must_have() {
    let kazakh = Contact { language: Some("kk".into()), ..contact(1, 0, 5) };
    let rows = run(&scenario(vec![kazakh], vec![operator("ann", &["ru"]), operator("dana", &["kk"])])).rows;
    assert_eq!(rows[0].operator_id.as_deref(), Some("dana"));
    assert_eq!(&*rows[0].required_skills, ["kk".into()]);
}

#[test]
fn nobody_who_can_serve_leaves_the_contact_waiting() {
    let skilled = Contact { required_skills: ["rare".into()].into(), ..contact(1, 0, 5) };
    let heavy = Contact { weight: 2, ..contact(2, 0, 5) };
    let simulated = run(&scenario(vec![skilled, heavy], vec![operator("ann", &[])]));
    assert_eq!(outcome(&simulated, "k1"), ResultOutcome::Waiting);
    assert_eq!(outcome(&simulated, "k2"), ResultOutcome::Waiting);
    assert_eq!(simulated.end_ms, 0, "nothing more can happen");
}

#[test]
fn stopping_the_clock_leaves_contacts_in_service_and_waiting() {
    let given = scenario(vec![contact(1, 0, 100), contact(2, 10, 5)], vec![operator("ann", &[])]);
    let simulated =
        simulate(&given, Options { until_ms: Some(50), ..Options::default() }, &mut |_| {}).unwrap();
    assert_eq!(outcome(&simulated, "k1"), ResultOutcome::InService);
    assert_eq!(outcome(&simulated, "k2"), ResultOutcome::Waiting);
}

#[test]
fn nothing_to_do_is_no_error() {
    assert!(run(&scenario(Vec::new(), Vec::new())).rows.is_empty());
    let alone = run(&scenario(vec![contact(1, 0, 5)], Vec::new()));
    assert_eq!(outcome(&alone, "k1"), ResultOutcome::Waiting);
}

/// Puts a fault into a good result.
type Plant = fn(&mut Vec<ResultRow>);

/// A judge that finds nothing proves nothing: each planted fault must be named.
#[test]
fn judge_catches_planted_faults() {
    let scenario = random_scenario(3, 250);
    let good = run(&scenario).rows;
    let planted: [(&str, Plant); 7] = [
        ("no final row", |rows| drop(rows.remove(10))),
        ("2 final rows", |rows| rows.insert(11, rows[10].clone())),
        ("overtook", |rows| swap_assignments(rows)),
        ("waits at", |rows| delay(rows)),
        ("units in hand", |rows| give_all_to_one(rows)),
        ("stands after a later one", |rows| rows.swap(5, 60)),
        ("joined no open order", |rows| unmerge(rows)),
    ];
    for (word, plant) in planted {
        let mut rows = good.clone();
        plant(&mut rows);
        let found = faults(&scenario, &rows);
        assert!(found.iter().any(|fault| fault.contains(word)), "{word} was not found among {found:?}");
    }
}

/// The served rows that waited.
fn waited(rows: &[ResultRow]) -> Vec<usize> {
    (0..rows.len())
        .filter(|&i| rows[i].outcome == ResultOutcome::Served && rows[i].wait_ms() > Some(50))
        .collect()
}

/// Lets each contact that waited change places with the next one that did.
fn swap_assignments(rows: &mut [ResultRow]) {
    for pair in waited(rows).chunks_exact(2) {
        let (a, b) = (rows[pair[0]].clone(), rows[pair[1]].clone());
        let take = |row: &mut ResultRow, from: &ResultRow| {
            row.assigned_ms = from.assigned_ms;
            row.operator_id = from.operator_id.clone();
            row.released_ms = from.released_ms;
        };
        take(&mut rows[pair[0]], &b);
        take(&mut rows[pair[1]], &a);
    }
}

fn delay(rows: &mut [ResultRow]) {
    for row in rows.iter_mut() {
        for time in [&mut row.assigned_ms, &mut row.completed_ms, &mut row.released_ms] {
            *time = time.map(|ms| ms + 40);
        }
    }
}

fn give_all_to_one(rows: &mut [ResultRow]) {
    rows.iter_mut()
        .filter(|row| row.operator_id.is_some())
        .for_each(|row| row.operator_id = Some("op0".into()));
}

fn unmerge(rows: &mut [ResultRow]) {
    rows.iter_mut().for_each(|row| row.merged_into = None);
}

/// A plan whose queue offers, wraps up and is closed to more than two waiting contacts.
fn offering_plan() -> Plan {
    Plan {
        version: 4,
        queues: vec![QueuePlan {
            answer: Answer::Offered { within: Millis(1_000) },
            wrap_up: Millis(30),
            waiting_max: 2,
            ..QueuePlan::named("line")
        }],
        channels: vec![ChannelPlan { name: "voice".into(), units: 100 }],
        ..Plan::default()
    }
}

#[test]
fn plan_of_the_scenario_rules_offers_wrap_up_and_limits() {
    let contacts = vec![contact(1, 0, 100), contact(2, 10, 5), contact(3, 20, 5), contact(4, 30, 5)];
    let given = Scenario { plan: Some(offering_plan()), ..scenario(contacts, vec![operator("ann", &[])]) };
    let simulated = run(&given);
    let first = row(&simulated.rows, "k1");
    assert_eq!((first.offered_ms, first.assigned_ms), (Some(0), Some(0)));
    assert_eq!((first.completed_ms, first.released_ms), (Some(100), Some(130)));
    assert_eq!(row(&simulated.rows, "k2").assigned_ms, Some(130));
    assert_eq!(outcome(&simulated, "k4"), ResultOutcome::Rejected);
    assert_eq!(simulated.rejected.get("queue-full"), Some(&1));
}

#[test]
fn what_the_plan_says_of_an_operator_counts_in_place_of_the_file() {
    let skilled = |capacity| planned("ann", &["rare"], capacity, &[("other", 0), ("line", 1)]);
    let mut plan = offering_plan();
    plan.queues = ["line", "other"].map(QueuePlan::named).to_vec();
    plan.skills = vec!["rare".into()];
    let rare = Contact { required_skills: ["rare".into()].into(), ..contact(1, 0, 10) };
    let other = Contact { queue: "other".into(), ..contact(3, 6, 10) };
    let contacts = vec![rare, contact(2, 5, 10), other];
    let ran = |planned: Vec<OperatorPlan>| {
        let plan = Some(plan.clone());
        run(&Scenario { plan, planned, ..scenario(contacts.clone(), vec![operator("ann", &[])]) })
    };
    assert_eq!(outcome(&ran(Vec::new()), "k1"), ResultOutcome::Waiting, "by the file ann lacks the skill");
    let simulated = ran(vec![skilled(1)]);
    assert_eq!(row(&simulated.rows, "k1").assigned_ms, Some(0));
    assert_eq!(row(&simulated.rows, "k3").assigned_ms, Some(10), "the queue of the better rank goes first");
    assert_eq!(row(&simulated.rows, "k2").assigned_ms, Some(20));
    assert_eq!(row(&ran(vec![skilled(2)]).rows, "k2").assigned_ms, Some(5), "room for two");
}

#[test]
fn plan_that_the_core_refuses_is_an_error_that_says_why() {
    let mut plan = offering_plan();
    plan.queues.push(QueuePlan::named("line"));
    let given = Scenario { plan: Some(plan), ..scenario(Vec::new(), Vec::new()) };
    let error = simulate(&given, Options::default(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().starts_with("the plan cannot be set up: plan: "), "{error}");
}

#[test]
fn day_of_a_real_centre_keeps_every_rule_of_the_format() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cluster-config/profiles/rosseti_siberia.json");
    let scenario = generate(&Profile::read(&file).unwrap(), &Selection::day(1)).unwrap();
    let simulated = run(&scenario);
    assert_eq!(faults(&scenario, &simulated.rows), Vec::<String>::new());
    let total = Summary::of(&simulated.rows, None).total;
    assert_eq!(total.contacts, scenario.contacts.len() as u64);
    assert_eq!(total.contacts, total.served + total.abandoned + total.merged + total.waiting);
}

#[test]
fn mean_wait_of_m_m_c_is_erlangs() {
    let queue = Mmc { servers: 4, load: 0.7, contacts: 5_000, seed: 1 };
    let measured = measure(&run(&queue.scenario()).rows).unwrap();
    let theory = queue.theory().unwrap();
    let wait_ms = theory.mean_wait() * SERVICE_MS;
    assert!(measured.mean_wait_ms.covers(wait_ms), "{measured:?} against {wait_ms}");
    assert!(measured.wait_probability.covers(theory.wait_probability()), "{measured:?}");
}

/// Two stages of 20 and 30 s, each served by whoever is there, late work at the head's.
fn case_plan() -> Plan {
    let stage = |name: &str, term: u64| Stage {
        name: name.into(),
        queue: name.into(),
        term: Millis(term),
        warn_before: Millis(5_000),
        escalate_to: Some("head".into()),
        ..Stage::default()
    };
    let stages = vec![stage("check", 20_000), stage("answer", 30_000)];
    let route = Route { name: "claims".into(), stages, term: Some(Millis(80_000)), calendar: None };
    let when = When { topics: vec!["claim".into()], ..When::default() };
    let then = Then { route: Some("claims".into()), ..Then::default() };
    let mut plan = Plan {
        version: 1,
        queues: ["line", "check", "answer", "head"].map(QueuePlan::named).to_vec(),
        skills: vec!["s".into()],
        channels: vec![ChannelPlan { name: "voice".into(), units: 1 }],
        ..Plan::default()
    };
    plan.rules.routes = vec![route];
    plan.rules.entry = vec![EntryRule { name: "claims".into(), when, then }];
    plan
}

#[test]
fn a_case_goes_its_stages_and_the_report_says_what_became_of_it() {
    let claim = |id, arrival_ms, service_ms| Contact {
        topic: Some("claim".into()),
        ..contact(id, arrival_ms, service_ms)
    };
    let plain = contact(9, 1_000, 1_000);
    let contacts = vec![claim(1, 0, 30_000), claim(2, 0, 30_000), claim(3, 0, 30_000), plain];
    let ids: Vec<String> = contacts.iter().map(|contact| contact.contact_id.to_string()).collect();
    let given = Scenario { plan: Some(case_plan()), ..scenario(contacts, vec![operator("anna", &[])]) };
    let simulated = run(&given);
    let of = |id: &str| row(&simulated.rows, id);
    let second = format!("{}/2", ids[0]);
    assert_eq!((&*of(&second).queue, of(&second).outcome), ("answer", ResultOutcome::Served));
    assert_eq!(of(&ids[3]).outcome, ResultOutcome::Served);
    assert_eq!(simulated.rows.iter().filter(|row| row.outcome.is_final()).count(), 7);
    let report = Report::of(&given, &simulated);
    let figures = report.cases["claims"];
    assert_eq!((figures.opened, figures.stages, figures.done, figures.open), (3, 6, 3, 0));
    assert_eq!((figures.in_term, figures.overdue), (2, 1), "91 s of work for one operator");
    assert!(figures.warned > 0 && figures.escalated > 0);
    let line = report.lines().into_iter().find(|line| line.starts_with("cases of claims"));
    assert!(line.is_some_and(|line| line.contains("3 opened, 3 closed (3 done")));
}

/// One line of calls, and a messenger into which their customers may be invited; completions must say what came of it.
fn companion_plan() -> Plan {
    let mut plan = Plan {
        version: 1,
        queues: vec![QueuePlan::named("line")],
        channels: ["voice", "messenger"].map(|name| ChannelPlan { name: name.into(), units: 1 }).to_vec(),
        ..Plan::default()
    };
    plan.rules.companion = Some(Millis(600_000));
    plan.queues[0].rules.results = Some(ResultRule { topics: vec![], outcomes: vec!["solved".into()] });
    plan
}

fn with_companions(given: &Scenario, percent: u8, channel: &str) -> Result<Simulated, CannotSimulate> {
    let companions = Some(Companions { percent, channel: channel.into() });
    simulate(given, Options { companions, ..Options::default() }, &mut |_| {})
}

#[test]
fn a_share_of_calls_gets_a_companion_that_goes_to_the_calls_operator() {
    let contacts = (0..200).map(|id| contact(id, id as u64 * 20_000, 30_000)).collect();
    let operators = vec![operator("anna", &[]), operator("boris", &[])];
    let given = Scenario { plan: Some(companion_plan()), ..scenario(contacts, operators) };
    let plain = run(&given);
    assert_eq!((plain.companions.invited, plain.rows.len()), (0, 200));
    let simulated = with_companions(&given, 17, "messenger").expect("the plan has the channel");
    let figures = simulated.companions;
    assert!((20..50).contains(&figures.invited), "{figures:?} of 200 calls, 17 % asked for");
    assert_eq!(figures.came, figures.invited);
    assert!(
        figures.linked * 10 >= figures.came * 8,
        "{figures:?}: most come while the call lasts or the operator is free"
    );
    assert!(figures.mean_handling_ms() > 10_000, "{figures:?}");
    assert_eq!(
        simulated.rows.iter().filter(|row| row.outcome.is_final()).count(),
        200 + figures.came as usize
    );
    let again = with_companions(&given, 17, "messenger").expect("as before");
    assert_eq!((again.chain, again.companions), (simulated.chain, figures), "the same companions each time");
    let call = |id: &str| row(&simulated.rows, id.trim_end_matches("+companion")).operator_id.clone();
    let companions = simulated.rows.iter().filter(|row| row.contact_id.ends_with("+companion"));
    let same = companions.filter(|row| row.operator_id == call(&row.contact_id)).count() as u64;
    assert!(same >= figures.linked);
    let lines = Report::of(&given, &simulated).lines();
    assert!(lines.iter().any(|line| line.starts_with("companions: ")));
}

#[test]
fn companions_need_a_plan_that_invites() {
    let given = Scenario { plan: Some(companion_plan()), ..scenario(vec![], vec![operator("anna", &[])]) };
    let refused = with_companions(&given, 17, "letters").unwrap_err();
    assert_eq!(refused, CannotSimulate::NoCompanions { channel: "letters".into() });
}
