//! Scenario and result files: what is written is read back, and every broken row is named at once.

mod common;

use std::fs;
use std::path::Path;

use common::{contact, operator, random_scenario};
use ringmain_bench::problem::InvalidInput;
use ringmain_bench::result::{self, ResultOutcome, ResultRow};
use ringmain_bench::scenario::{Contact, Operator, Scenario, Shift};
use ringmain_routing::Plan;
use ringmain_routing::plan::{ChannelPlan, QueuePlan, UnitPlan};

const HEADER: &str = "contact_id,customer_id,queue,channel,priority,required_skills,arrival_ms,service_ms";

fn folder(contacts: &str, operators: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a scratch folder can be made");
    fs::write(folder.path().join("contacts.csv"), contacts).expect("a scratch file can be written");
    fs::write(folder.path().join("operators.json"), operators).expect("a scratch file can be written");
    folder
}

fn read(contacts: &str, operators: &str) -> Result<Scenario, InvalidInput> {
    Scenario::read(folder(contacts, operators).path(), None)
}

/// Each expected problem as "file:line: field", in order.
fn places(invalid: &InvalidInput) -> Vec<String> {
    let place = |p: &ringmain_bench::problem::Problem| {
        let line = p.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: {}", p.file, p.field.as_deref().unwrap_or("-"))
    };
    invalid.problems.iter().map(place).collect()
}

fn full_contact() -> Contact {
    Contact {
        customer_id: "\"Ivanova, Anna\"".into(),
        priority: 0,
        required_skills: ["voice".into(), "ru".into()].into(),
        region: Some("ural".into()),
        patience_ms: Some(0),
        weight: 3,
        preferred_operator: Some("ann".into()),
        sticky_ms: Some(20_000),
        language: Some("kk".into()),
        topic: Some("outage".into()),
        wrap_up_ms: Some(5_000),
        ..contact(2, 17, 300)
    }
}

#[test]
fn scenario_is_read_back_as_it_was_written() {
    let levels = Operator {
        skills: vec![("voice".into(), 1), ("ru".into(), 7)],
        capacity: 100,
        region: Some("ural".into()),
        shifts: Some(vec![Shift { from_ms: 0, to_ms: 10 }, Shift { from_ms: 20, to_ms: 30 }]),
        ..operator("ann", &[])
    };
    let written = Scenario {
        contacts: vec![contact(1, 5, 100), full_contact()],
        operators: vec![levels, operator("боб", &[])],
        plan: None,
        planned: Vec::new(),
        notes: Some(serde_json::json!({"from": "yesterday"})),
    };
    let folder = tempfile::tempdir().unwrap();
    written.write(folder.path()).unwrap();
    assert_eq!(Scenario::read(folder.path(), None).unwrap(), written);
}

#[test]
fn random_scenarios_are_read_back_as_they_were_written() {
    for seed in 0..5 {
        let written = random_scenario(seed, 200);
        let folder = tempfile::tempdir().unwrap();
        written.write(folder.path()).unwrap();
        assert_eq!(Scenario::read(folder.path(), None).unwrap(), written);
    }
}

#[test]
fn result_is_read_back_as_it_was_written() {
    let bare = |id: &str, outcome| ResultRow {
        contact_id: id.into(),
        queue: "line, one".into(),
        priority: 9,
        required_skills: [].into(),
        arrival_ms: 0,
        assigned_ms: None,
        operator_id: None,
        completed_ms: None,
        outcome,
        offered_ms: None,
        released_ms: None,
        eligible_ms: None,
        merged_into: None,
        log_index: None,
    };
    let mut rows: Vec<ResultRow> =
        ResultOutcome::ALL.iter().map(|&outcome| bare(outcome.word(), outcome)).collect();
    rows.push(ResultRow {
        required_skills: ["a".into(), "b".into()].into(),
        assigned_ms: Some(3),
        operator_id: Some("ann".into()),
        completed_ms: Some(4),
        offered_ms: Some(2),
        released_ms: Some(5),
        eligible_ms: Some(1),
        merged_into: Some("k1".into()),
        log_index: Some(u64::MAX),
        ..bare("full", ResultOutcome::Served)
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    result::write(file.path(), &rows).unwrap();
    assert_eq!(result::read(file.path()).unwrap(), rows);
}

#[test]
fn missing_optional_columns_mean_none_and_unknown_columns_are_ignored() {
    let csv = format!("{HEADER},mood\n k1 ,u1,line,voice,2,a|b,0,5,grumpy\n");
    let scenario =
        read(&csv, r#"[{"operator_id": "ann", "skills": ["a", {"name": "b", "level": 7}]}]"#).unwrap();
    let expected = Contact {
        customer_id: "u1".into(),
        required_skills: ["a".into(), "b".into()].into(),
        ..contact(1, 0, 5)
    };
    assert_eq!(scenario.contacts, [expected]);
    let ann = &scenario.operators[0];
    assert_eq!(ann.skills, [("a".into(), 1), ("b".into(), 7)]);
    assert_eq!((ann.capacity, ann.region.clone(), ann.shifts.clone()), (1, None, None));
}

#[test]
fn byte_order_marks_are_no_content() {
    let csv = format!("\u{feff}{HEADER}\nk1,u1,line,voice,2,,0,5\n");
    assert_eq!(read(&csv, "\u{feff}[]").unwrap().contacts.len(), 1);
}

#[test]
fn every_broken_row_is_named_with_line_column_and_remedy() {
    let csv = format!(
        "{HEADER},patience_ms,weight,kind,sticky_ms\n\
         k1,u1,line,voice,2,,0,5,,,,\n\
         ,u2,,voice,10,a||b,-1,1.5,soon,1000001,fax,99999999999999\n\
         k3,u3,line,voice\n\
         k1,u4,line,voice,0,,7,8,,,callback,\n\
         k5,u5,li\u{7}ne,voice,0,,7,8,,,,\n"
    );
    let invalid = read(&csv, "[]").unwrap_err();
    let row = |line: u64, columns: &[&str]| -> Vec<String> {
        columns.iter().map(|column| format!("contacts.csv:{line}: {column}")).collect()
    };
    let broken = [
        "contact_id",
        "queue",
        "priority",
        "required_skills",
        "arrival_ms",
        "service_ms",
        "patience_ms",
        "weight",
        "kind",
        "sticky_ms",
    ];
    let expected = [row(3, &broken), row(4, &["-"]), row(5, &["contact_id"]), row(6, &["queue"])].concat();
    assert_eq!(places(&invalid), expected, "{invalid}");
    let text = invalid.to_string();
    assert!(text.contains("13 problems found"), "{text}");
    assert!(
        text.contains("\"-1\" is out of bounds or no whole number; write a whole number from 0 to"),
        "{text}"
    );
    assert!(
        text.contains("\"k1\" is already the id of line 2; give each contact an id of its own"),
        "{text}"
    );
    assert!(text.contains("\"fax\" is a kind that this build cannot honour; write `callback`"), "{text}");
}

#[test]
fn problems_shown_are_bounded_and_the_rest_is_counted() {
    let rows: String = (0..1_000).map(|i| format!("k{i},u,line,voice,2,,-1,5\n")).collect();
    let invalid = read(&format!("{HEADER}\n{rows}"), "[]").unwrap_err();
    assert_eq!((invalid.problems.len(), invalid.more), (100, 900));
    assert!(invalid.to_string().ends_with("… and 900 more"));
}

#[test]
fn missing_and_doubled_columns_are_named() {
    let invalid =
        read("contact_id,queue,queue,channel,customer_id,priority,required_skills\n", "[]").unwrap_err();
    let expected = ["contacts.csv:1: queue", "contacts.csv:1: arrival_ms", "contacts.csv:1: service_ms"];
    assert_eq!(places(&invalid), expected);
}

#[test]
fn bytes_that_are_no_text_are_a_problem_of_their_row() {
    let folder = folder("", "[]");
    let mut bytes = format!("{HEADER}\nk1,u1,line,voice,2,,0,5\n").into_bytes();
    bytes.extend(b"k2,\xff,line,voice,2,,0,5\nk3,,line,voice,2,,-3,5\n");
    fs::write(folder.path().join("contacts.csv"), bytes).unwrap();
    let invalid = Scenario::read(folder.path(), None).unwrap_err();
    assert_eq!(places(&invalid), ["contacts.csv:3: -", "contacts.csv:4: arrival_ms"]);
}

#[test]
fn every_broken_operator_is_named_with_its_line() {
    let operators = r#"[
  {"operator_id": "ann", "skills": ["a"]},
  {"operator_id": "ann", "skills": [], "capacity": -1, "mood": 3},
  {"operator_id": "", "skills": ["a", "a", {"name": "b", "level": 11, "since": 1}, 7]},
  {"skills": {}, "shifts": [[5, 5], [0, "x"], [-1, 4], [1, 2, 3], 6]},
  "cid",
  {"operator_id": "ann", "skills": []}
]"#;
    let invalid = read(&format!("{HEADER}\n"), operators).unwrap_err();
    let expected = [
        "3: capacity",
        "3: mood",
        "4: operator_id",
        "4: skills[1]",
        "4: skills[2].level",
        "4: skills[2].since",
        "4: skills[3]",
        "5: operator_id",
        "5: skills",
        "5: shifts[0]",
        "5: shifts[1]",
        "5: shifts[2]",
        "5: shifts[3]",
        "5: shifts[4]",
        "6: -",
        "7: operator_id",
    ]
    .map(|place| format!("operators.json:{place}"));
    assert_eq!(places(&invalid), expected, "{invalid}");
}

#[test]
fn broken_json_is_named_with_its_line() {
    let invalid = read(&format!("{HEADER}\n"), "[\n{]").unwrap_err();
    assert_eq!(places(&invalid), ["operators.json:2: -"]);
}

#[test]
fn overlapping_shifts_are_one() {
    let operators =
        r#"[{"operator_id": "ann", "skills": [], "shifts": [[10, 20], [0, 12], [20, 25], [30, 31]]}]"#;
    let shifts = read(&format!("{HEADER}\n"), operators).unwrap().operators[0].shifts.clone().unwrap();
    assert_eq!(shifts, [Shift { from_ms: 0, to_ms: 25 }, Shift { from_ms: 30, to_ms: 31 }]);
}

#[test]
fn missing_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let invalid = Scenario::read(folder.path(), None).unwrap_err();
    assert_eq!(places(&invalid), ["contacts.csv: -", "operators.json: -"]);
    assert!(Scenario::read(Path::new("/nonexistent"), None).is_err());
}

fn plan() -> Plan {
    Plan {
        version: 3,
        queues: vec![QueuePlan::named("line")],
        skills: vec!["a".into()],
        channels: vec![ChannelPlan { name: "voice".into(), units: 100 }],
        units: vec![UnitPlan { name: "ural".into(), parent: None, rules: Default::default() }],
        ..Plan::default()
    }
}

#[test]
fn plan_file_is_refused_by_name_unless_its_content_is_handed_in() {
    let folder = folder(&format!("{HEADER}\nk1,u1,line,voice,2,a,0,5\n"), "[]");
    fs::write(folder.path().join("plan.toml"), "").unwrap();
    let invalid = Scenario::read(folder.path(), None).unwrap_err();
    assert_eq!(places(&invalid), ["plan.toml: -"]);
    assert_eq!(Scenario::read(folder.path(), Some(plan().into())).unwrap().plan, Some(plan()));
}

#[test]
fn names_that_the_plan_does_not_know_are_named_once() {
    let csv = format!(
        "{HEADER},language\nk1,u1,line,voice,2,a,0,5,\nk2,u2,other,fax,2,z,0,5,kk\nk3,u3,other,fax,2,z,0,5,kk\n"
    );
    let operators = r#"[{"operator_id": "ann", "skills": ["y"], "region": "altai"}]"#;
    let invalid = Scenario::read(folder(&csv, operators).path(), Some(plan().into())).unwrap_err();
    let expected = [
        "contacts.csv:3: queue",
        "contacts.csv:3: channel",
        "contacts.csv:3: required_skills",
        "contacts.csv:3: required_skills",
        "operators.json: skills",
        "operators.json: region",
    ];
    assert_eq!(places(&invalid), expected, "{invalid}");
}

#[test]
fn broken_result_rows_are_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let header =
        "contact_id,queue,priority,required_skills,arrival_ms,assigned_ms,operator_id,completed_ms,outcome";
    fs::write(file.path(), format!("{header}\nk1,line,2,,0,,,,lost\nk2,line,2,,x,,,,served\n")).unwrap();
    let invalid = result::read(file.path()).unwrap_err();
    assert_eq!(places(&invalid), ["result:2: outcome", "result:3: arrival_ms"]);
    assert!(result::read(Path::new("/nonexistent")).is_err());
}
