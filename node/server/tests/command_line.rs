//! Commands that need no node.

mod support;

use std::collections::BTreeSet;

use ringmain_cluster_config::{RoutingPlan, profiles};
use serde_json::Value;
use support::{config_of_one, fail, free_addresses, ringmain, run, sample_plan, succeed, write_config};

const MORNING: &[&str] =
    &["workload", "generate", "rosseti_siberia", "--seed", "7", "--from", "09:00", "--to", "10:00"];

#[test]
fn every_command_has_help_with_an_example() {
    for leaf in ringmain::cli::tree::leaves() {
        let words: Vec<&str> = leaf.path.split_whitespace().skip(1).chain(["--help"]).collect();
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
fn a_scenario_with_a_plan_is_simulated_by_it_and_by_what_it_says_of_operators() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = folder.path().join("s").display().to_string();
    let result = folder.path().join("r.csv").display().to_string();
    succeed(&[MORNING, &["--out", &scenario]].concat());
    let plan = std::fs::read_to_string(sample_plan("rosseti_siberia.toml")).expect("the sample");
    let plan_path = folder.path().join("s/plan.toml");
    std::fs::write(&plan_path, &plan).expect("written");
    let text = succeed(&["simulate", &scenario, "--out", &result]);
    assert!(!text.contains("operators.json"), "the same people: {text}");
    std::fs::write(&plan_path, plan.replace("login = \"day\"", "login = \"dusk\"")).expect("written");
    let text = succeed(&["simulate", &scenario, "--out", &result]);
    assert!(text.contains("8 operators of the plan are not in operators.json"), "{text}");
    let (without_operators, _) = plan.split_once("[[operators]]").expect("operators");
    std::fs::write(&plan_path, without_operators).expect("written");
    let text = succeed(&["simulate", &scenario, "--out", &result]);
    assert!(!text.contains("operators.json"), "{text}");
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

/// The command line with contexts of its own.
fn with_contexts(home: &std::path::Path, words: &str) -> (Option<i32>, String, String) {
    let words: Vec<&str> = words.split_whitespace().collect();
    let output = ringmain(&words).env("XDG_CONFIG_HOME", home).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn contexts_are_added_tried_selected_and_forgotten_and_never_show_their_token() {
    let home = tempfile::tempdir().expect("a folder");
    let ask = |words: &str| with_contexts(home.path(), words);
    let file = home.path().join("ringmain/contexts.toml");
    let (code, _, _) = ask("context add siberia --address a:1,b:2 --token secret-of-siberia --dry-run");
    assert_eq!((code, file.exists()), (Some(0), false), "a dry run writes nothing");
    assert_eq!(ask("context add siberia --address a:1,b:2 --token secret-of-siberia").0, Some(0));
    assert_eq!(ask("context add test --address t:1").0, Some(0));
    let (code, _, stderr) = ask("context add test --address t:2");
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("error[invalid-context]: ") && stderr.contains("--replace"), "{stderr}");
    assert_eq!(ask("context select test").0, Some(0));
    let (_, list, _) = ask("context ls -o csv");
    assert_eq!(
        list,
        "name,address,gateway,has_token,in_use\nsiberia,a:1 b:2,,true,false\ntest,t:1,,false,true\n"
    );
    for format in ["table", "json", "yaml"] {
        let (_, list, _) = ask(&format!("context ls -o {format}"));
        assert!(list.contains("siberia") && !list.contains("secret-of-siberia"), "{list}");
    }
    assert_eq!(ask("context rm test --dry-run").0, Some(0));
    assert_eq!(ask("context rm test").0, Some(0));
    let (code, _, stderr) = ask("context select test");
    assert_eq!(code, Some(2));
    assert!(stderr.contains("there are siberia"), "{stderr}");
}

#[test]
fn a_context_says_where_a_command_goes() {
    let home = tempfile::tempdir().expect("a folder");
    let ask = |words: &str| with_contexts(home.path(), words);
    let [nobody, other] = free_addresses();
    assert_eq!(ask(&format!("context add c --address {nobody}")).0, Some(0));
    let (code, _, stderr) = ask("queue list");
    assert!(code == Some(4) && stderr.contains(&nobody), "{stderr}");
    let (code, _, stderr) = ask(&format!("queue list --address {other}"));
    assert!(code == Some(4) && stderr.contains(&other) && !stderr.contains(&nobody), "{stderr}");
    let (code, _, stderr) = ask("queue list --context d");
    assert!(code == Some(2) && stderr.contains("no context \"d\""), "{stderr}");
}

#[test]
fn shells_get_completions_and_manuals_a_page_for_each_command() {
    for (shell, word) in
        [("bash", "complete -F"), ("zsh", "#compdef ringmain"), ("fish", "complete -c ringmain")]
    {
        let script = succeed(&["completions", shell]);
        assert!(script.contains(word) && script.contains("queue"), "{shell}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("man1");
    succeed(&["man", "--out", &out.display().to_string()]);
    for leaf in ringmain::cli::tree::leaves() {
        let page = out.join(format!("{}.1", leaf.path.replace(' ', "-")));
        let text =
            std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(text.contains(".SH NAME"), "{}", leaf.path);
    }
}

#[test]
fn every_problem_of_every_file_is_listed_and_nothing_is_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = write_config(folder.path(), &config_of_one("tests"));
    let plan = sample_plan("rosseti_siberia.toml").display().to_string();
    let good = succeed(&["config", "validate", &config, &plan]);
    assert_eq!(good.matches(": good").count(), 3, "config, its tokens and the plan: {good}");
    let text = std::fs::read_to_string(&config).expect("written");
    std::fs::write(&config, text.replace("node = 1", "node = 0").replace("[limits]", "[limit]"))
        .expect("written");
    let bad_plan = folder.path().join("plan.toml");
    std::fs::write(&bad_plan, "queues = [{ name = \"a\", scope = \"b\" }]\n").expect("written");
    let output = run(&["config", "validate", &config, &bad_plan.display().to_string(), "-o", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let problems = answer["problems"].as_array().expect("a list");
    for (file, field) in [("node.toml", "limit"), ("node.toml", "node"), ("plan.toml", "channels")] {
        let is_it = |problem: &Value| {
            problem["field"] == field && problem["file"].as_str().is_some_and(|name| name.ends_with(file))
        };
        assert!(problems.iter().any(is_it), "{file} {field}: {answer:#}");
    }
    let stderr = fail(&["config", "validate", "nowhere.toml"], 2);
    assert!(stderr.starts_with("error[invalid-config]: "), "{stderr}");
    assert!(!folder.path().join("data").exists());
}

#[test]
fn schemas_are_printed_for_editors() {
    for kind in ["node", "plan", "tokens"] {
        let schema: Value = serde_json::from_str(&succeed(&["config", "schema", kind])).expect("JSON");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{kind}");
    }
}

#[test]
fn a_simulation_is_summed_up_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    succeed(&[MORNING, &["--out", &path("s")]].concat());
    let sum = |format: &str| succeed(&["simulate", &path("s"), "--out", &path("r.csv"), "-o", format]);
    let csv = sum("csv");
    assert!(csv.starts_with("name,abandoned,") && csv.contains("\n= all queues,"), "{csv}");
    assert!(sum("yaml").contains("summary:\n"));
    assert!(sum("table").contains("virtual time"));
}

#[test]
fn a_simulation_is_reported_as_text_json_picture_and_workbook() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    succeed(&[MORNING, &["--out", &path("s")]].concat());
    let stderr = fail(&["simulate", &path("s")], 2);
    assert!(stderr.contains("--out <FILE>"), "without a report a result is wanted: {stderr}");
    let text = succeed(&["simulate", &path("s"), "--report", &path("report")]);
    assert!(text.contains("occupancy") && text.contains("longest wait"), "{text}");
    for name in ["report.txt", "report.json", "report.svg", "report.xlsx"] {
        let file = folder.path().join("report").join(name);
        assert!(text.contains(&file.display().to_string()), "{name} is named: {text}");
        assert!(file.metadata().expect("written").len() > 1_000, "{name}");
    }
    let json = std::fs::read_to_string(folder.path().join("report/report.json")).expect("written");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["hours"].as_array().map(Vec::len), Some(24));
}

#[test]
fn two_plans_are_compared_over_the_same_contacts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    succeed(&[MORNING, &["--out", &path("s")]].concat());
    let plan = std::fs::read_to_string(sample_plan("rosseti_siberia.toml")).expect("the sample");
    std::fs::write(path("longer.toml"), plan.replace("wrap_up_ms = 30_000", "wrap_up_ms = 300_000"))
        .expect("written");
    let plans = [sample_plan("rosseti_siberia.toml").display().to_string(), path("longer.toml")];
    let compare = |rest: &[&str]| {
        succeed(&[&["simulate", "--compare", &plans[0], &plans[1], &path("s"), &path("s")], rest].concat())
    };
    let text = compare(&["--report", &path("report")]);
    assert!(text.contains("fare better under B") && text.starts_with("A: "), "{text}");
    for name in ["compare.txt", "compare.json", "compare.svg"] {
        assert!(folder.path().join("report").join(name).exists(), "{name}");
    }
    let json: Value = serde_json::from_str(&compare(&["-o", "json"])).expect("JSON");
    assert_eq!(json["scenarios"].as_array().map(Vec::len), Some(2));
    assert!(compare(&["-o", "csv"]).starts_with("name,"));
    let own = succeed(&["simulate", "--compare", "own", &plans[0], &path("s")]);
    assert!(own.contains("A: own"), "{own}");
    let stderr = fail(&["simulate", &path("s"), &path("s"), "--out", &path("r.csv")], 2);
    assert!(stderr.contains("--compare PLAN_A PLAN_B"), "{stderr}");
    let stderr = fail(&["simulate", "--compare", "own", &path("none.toml"), &path("s")], 2);
    assert!(stderr.contains("none.toml"), "{stderr}");
}
