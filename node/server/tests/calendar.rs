//! Calendars at the command line, and in a node that is given a plan with them.

mod support;

use serde_json::{Value, json};
use support::{ADMIN, GATEWAY, Node, config_of_one, fail, run, succeed};

const PLAN: &str = r#"
channels = []
queues = []

[[calendars]]
name = "office-ural"
zone = "Asia/Yekaterinburg"
hours = { mon-fri = ["08:00-12:00", "13:00-20:00"] }
holidays = "ru"

[[calendars]]
name = "night"
zone = "Asia/Almaty"
hours = { mon-sun = "20:00-08:00" }
"#;

fn plan_file(folder: &tempfile::TempDir, text: &str) -> String {
    let path = folder.path().join("plan.toml");
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[test]
fn a_calendar_is_shown_day_by_day_in_local_time_and_utc() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = plan_file(&folder, PLAN);
    let text = succeed(&["plan", "calendar", &plan, "office-ural", "--from", "2026-11-03", "--days", "3"]);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["DATE", "DAY", "OPEN", "UTC", "WHY"]);
    assert_eq!(lines[1][..4], ["2026-11-03", "tue", "08:00-12:00,", "13:00-19:00"], "{text}");
    assert_eq!(lines[1][4..], "2026-11-03T03:00Z to 2026-11-03T07:00Z, 2026-11-03T08:00Z to 2026-11-03T14:00Z shorter, before a holiday".split(' ').collect::<Vec<_>>());
    assert_eq!(lines[2], ["2026-11-04", "wed", "closed", "closed", "National", "Unity", "Day"]);
    assert!(text.contains("office-ural (Asia/Yekaterinburg), applied today, is known until 20"), "{text}");

    let answer =
        succeed(&["plan", "calendar", &plan, "night", "--from", "2026-11-03", "--days", "1", "-o", "json"]);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["zone"], json!("Asia/Almaty"));
    let span = &answer["days"][0]["open"][0];
    assert_eq!((&span["opens"], &span["closes"]), (&json!("20:00"), &json!("08:00")));
    assert_eq!(span["from_ms"], json!(1_793_718_000_000_u64), "2026-11-03T15:00:00Z");
    assert!(succeed(&["plan", "calendar", &plan, "night", "-o", "csv"]).starts_with("date,"));
}

#[test]
fn a_calendar_that_cannot_be_shown_says_which_there_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = plan_file(&folder, PLAN);
    let stderr = fail(&["plan", "calendar", &plan], 2);
    assert!(stderr.contains("name one calendar: the plan has office-ural, night"), "{stderr}");
    let stderr = fail(&["plan", "calendar", &plan, "day"], 2);
    assert!(stderr.contains("no calendar \"day\": the plan has office-ural, night"), "{stderr}");
    let stderr = fail(&["plan", "calendar", &plan, "night", "--from", "31.12.2026"], 2);
    assert!(stderr.contains("is no date; write year, month and day"), "{stderr}");
    fail(&["plan", "calendar", &plan, "night", "--days", "1001"], 2);
}

#[test]
fn a_calendar_whose_dates_have_passed_is_a_problem_before_it_is_applied() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = plan_file(
        &folder,
        "channels = []\nqueues = []\n[[calendars]]\nname = \"once\"\nzone = \"UTC\"\nspecial = { 2020-01-02 = \"24h\" }\n",
    );
    let output = run(&["config", "validate", &plan]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("calendar \"once\": it never opens"), "{text}");
    assert!(fail(&["plan", "calendar", &plan], 2).contains("never opens"));
}

/// A plan whose queue `day` is open on the weekdays given.
fn plan_with_hours(days: &str, more: &str) -> String {
    format!(
        "channels = [{{ name = \"voice\" }}]\n[[queues]]\nname = \"day\"\nhours = \"office\"\n\
         [[calendars]]\nname = \"office\"\nzone = \"UTC\"\nhours = {{ {days} = \"24h\" }}\n{more}"
    )
}

/// The day of the week three days from now, in UTC: certainly another one than today's.
fn another_day() -> &'static str {
    // 1 January 1970 was a Thursday.
    let days_since_1970 = ringmain::clock::wall().0 / 86_400_000;
    ["thu", "fri", "sat", "sun", "mon", "tue", "wed"][((days_since_1970 + 3) % 7) as usize]
}

#[test]
fn a_plan_applied_to_a_node_opens_and_closes_its_queues() {
    let folder = tempfile::tempdir().expect("a folder");
    let closed = plan_file(&folder, &plan_with_hours(another_day(), ""));
    let mut node = Node::start(folder.path(), config_of_one("tests"), &["--plan", &closed]);
    node.wait_for("the plan given at the start is in force");
    let push = "contact push --gateway web --queue day --channel voice --tier 3 --key";
    let stderr = node.ask_in_vain(&format!("{push} k-1"), GATEWAY, 3);
    assert!(stderr.contains("queue-closed"), "{stderr}");
    let same = node.ask_json(&format!("plan apply {closed}"), ADMIN);
    assert_eq!(same["changes"], json!([]), "the same hours again");

    let open = plan_file(&folder, &plan_with_hours("mon-sun", "closed = \"2099-01-01\"\n"));
    let tried = node.ask_json(&format!("plan apply {open} --dry-run"), ADMIN);
    let change = tried["changes"][0].as_str().expect("a line").to_owned();
    assert!(change.starts_with("calendar \"office\": hours changed on "), "{change}");
    assert!(change.ends_with(", regular week changed"), "{change}");
    node.ask_json(&format!("plan apply {open}"), ADMIN);
    let pushed = node.ask_json(&format!("{push} k-2"), GATEWAY);
    assert!(pushed["contact"].is_string(), "{pushed}");

    let none = "channels = [{ name = \"voice\" }]\nqueues = [{ name = \"night\" }]\n";
    let left_out = node.ask_json(&format!("plan apply {}", plan_file(&folder, none)), ADMIN);
    assert!(left_out["changes"].to_string().contains("calendar \\\"office\\\" left out"), "{left_out}");
}
