//! Commands that need no node.

mod support;

use std::collections::BTreeSet;

use ringmain_cluster_config::{RoutingPlan, profiles};
use serde_json::Value;
use support::{fail, free_addresses, run, sample_plan, succeed};

const MORNING: &[&str] =
    &["workload", "generate", "rosseti_siberia", "--seed", "7", "--from", "09:00", "--to", "10:00"];

#[test]
fn every_command_has_help_with_an_example() {
    for words in [
        "",
        "start",
        "probe",
        "simulate",
        "workload generate",
        "queue list",
        "operator list",
        "contact push",
        "contact show",
        "events",
        "cluster status",
        "plan apply",
    ] {
        let words: Vec<&str> = words.split_whitespace().chain(["--help"]).collect();
        let help = succeed(&words);
        assert!(help.contains("Example:\n  ringmain "), "{words:?}: {help}");
        assert!(!help.contains('\u{1b}'), "plain when not a terminal: {help}");
    }
}

#[test]
fn the_same_seed_generates_the_same_bytes_and_they_can_be_simulated() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["a", "b"] {
        succeed(&[MORNING, &["--out", &path(name)]].concat());
    }
    for file in ["contacts.csv", "operators.json"] {
        let read = |name: &str| std::fs::read(folder.path().join(name).join(file)).expect("written");
        assert_eq!(read("a"), read("b"), "{file}");
    }
    let summary = succeed(&["simulate", &path("a"), "--out", &path("a.csv"), "-o", "json"]);
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    let contacts =
        std::fs::read_to_string(folder.path().join("a/contacts.csv")).expect("written").lines().count() - 1;
    assert_eq!(summary["summary"]["total"]["contacts"].as_u64(), Some(contacts as u64));
    succeed(&["simulate", &path("b"), "--out", &path("b.csv")]);
    let result = |name: &str| std::fs::read(folder.path().join(name)).expect("written");
    assert_eq!(result("a.csv"), result("b.csv"));
}

#[test]
fn a_scenario_with_a_plan_is_simulated_by_it_but_its_operators_stand_in_one_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = folder.path().join("s").display().to_string();
    let result = folder.path().join("r.csv").display().to_string();
    succeed(&[MORNING, &["--out", &scenario]].concat());
    let plan = std::fs::read_to_string(sample_plan("rosseti_siberia.toml")).expect("the sample");
    let plan_path = folder.path().join("s/plan.toml");
    std::fs::write(&plan_path, &plan).expect("written");
    let stderr = fail(&["simulate", &scenario, "--out", &result], 2);
    assert!(stderr.contains("error[invalid-scenario]: ") && stderr.contains("operators.json"), "{stderr}");
    let (without_operators, _) = plan.split_once("[[operators]]").expect("operators");
    std::fs::write(&plan_path, without_operators).expect("written");
    succeed(&["simulate", &scenario, "--out", &result]);
    std::fs::write(&plan_path, "queues = 3").expect("written");
    let stderr = fail(&["simulate", &scenario, "--out", &result], 2);
    assert!(stderr.contains("queues: expected a list"), "{stderr}");
}

#[test]
fn a_broken_scenario_or_profile_is_one_clear_error_and_nothing_half_done() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("contacts.csv"), "contact_id,queue\nc1,\n").expect("written");
    let scenario = folder.path().display().to_string();
    let result = folder.path().join("r.csv");
    let stderr = fail(&["simulate", &scenario, "--out", &result.display().to_string()], 2);
    assert!(stderr.contains("operators.json") && stderr.contains("contacts.csv"), "{stderr}");
    assert!(!result.exists());
    let stderr = fail(&["workload", "generate", "atlantis", "--seed", "1", "--out", &scenario], 2);
    assert!(stderr.contains("rosseti_siberia"), "{stderr}");
}

#[test]
fn a_node_that_is_not_there_is_told_from_one_in_trouble() {
    let [nobody] = free_addresses();
    let stderr = fail(&["queue", "list", "--address", &nobody], 4);
    assert!(stderr.starts_with("error[unreachable]: ") && stderr.contains(&nobody), "{stderr}");
    let stderr = fail(&["queue", "list", "--address", "nonsense"], 2);
    assert!(stderr.contains("nonsense"), "{stderr}");
}

#[test]
fn wrong_words_are_refused_with_the_right_ones() {
    let output = run(&["queue", "lst"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("'list'"));
}

/// So that `start --plan` and a generated workload of the same centre fit together.
#[test]
fn operators_of_a_sample_plan_have_the_logins_of_generated_workloads() {
    let folder = tempfile::tempdir().expect("a folder");
    for profile in profiles::ALL {
        let out = folder.path().join(profile.name);
        let out_text = out.display().to_string();
        let words = [
            "workload",
            "generate",
            profile.name,
            "--seed",
            "1",
            "--from",
            "09:00",
            "--to",
            "09:01",
            "--out",
            &out_text,
        ];
        succeed(&words);
        let operators = std::fs::read(out.join("operators.json")).expect("written");
        let operators: Value = serde_json::from_slice(&operators).expect("JSON");
        let drawn: BTreeSet<&str> = operators
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|operator| operator["operator_id"].as_str())
            .collect();
        let text =
            std::fs::read_to_string(sample_plan(&format!("{}.toml", profile.name))).expect("the sample");
        let plan = RoutingPlan::parse(profile.name, &text).unwrap_or_else(|problems| panic!("{problems}"));
        let planned: BTreeSet<&str> = plan.operators.iter().map(|operator| &*operator.login).collect();
        assert_eq!(drawn, planned, "{}", profile.name);
    }
}
