//! Who may depend on whom.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::source::{assert_none, read, root};

/// The arrows of docs/ARCHITECTURE.md. A crate exists only to forbid a dependency, so a new arrow is a decision:
/// write an ADR, then change it here.
const ARROWS: &[(&str, &[&str])] = &[
    ("ringmain-routing", &[]),
    ("ringmain-telemetry", &[]),
    ("ringmain-protocol", &["ringmain-routing"]),
    ("ringmain-cluster-config", &["ringmain-routing"]),
    ("ringmain-replication", &["ringmain-protocol", "ringmain-routing", "ringmain-telemetry"]),
    ("ringmain-actors", &["ringmain-replication", "ringmain-routing", "ringmain-telemetry"]),
    (
        "ringmain-api",
        &[
            "ringmain-actors",
            "ringmain-cluster-config",
            "ringmain-protocol",
            "ringmain-replication",
            "ringmain-routing",
            "ringmain-telemetry",
        ],
    ),
    ("ringmain-bench", &["ringmain-protocol", "ringmain-routing"]),
    ("ringmain-chaos", &["ringmain-protocol", "ringmain-routing"]),
    (
        "ringmain",
        &[
            "ringmain-actors",
            "ringmain-api",
            "ringmain-bench",
            "ringmain-chaos",
            "ringmain-cluster-config",
            "ringmain-protocol",
            "ringmain-replication",
            "ringmain-routing",
            "ringmain-telemetry",
        ],
    ),
];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    metadata["packages"].as_array().expect("metadata has packages").clone()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is a text in {value}"))
}

/// Dependencies on our own crates. Build and ordinary ones are arrows; those of tests are looked at apart.
fn own_dependencies(package: &Value, of_tests: bool) -> BTreeSet<String> {
    let dependencies = package["dependencies"].as_array().expect("a package lists its dependencies");
    dependencies
        .iter()
        .filter(|dependency| (dependency["kind"].as_str() == Some("dev")) == of_tests)
        .map(|dependency| text(dependency, "name").to_owned())
        .filter(|name| name.starts_with("ringmain"))
        .collect()
}

#[test]
fn crates_depend_on_each_other_exactly_as_drawn() {
    let drawn: BTreeMap<&str, BTreeSet<String>> =
        ARROWS.iter().map(|(from, to)| (*from, to.iter().map(|name| (*name).to_owned()).collect())).collect();
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for package in packages() {
        let name = text(&package, "name").to_owned();
        let Some(expected) = drawn.get(name.as_str()) else {
            findings.push(format!("{name}: no such crate is drawn"));
            continue;
        };
        let actual = own_dependencies(&package, false);
        findings.extend(actual.difference(expected).map(|to| format!("{name} → {to}: not drawn")));
        findings
            .extend(expected.difference(&actual).map(|to| format!("{name} → {to}: drawn, but not there")));
        seen.insert(name);
    }
    findings
        .extend(drawn.keys().filter(|name| !seen.contains(**name)).map(|name| format!("{name}: missing")));
    assert_none(&findings, "crate arrows differ from ARROWS (an arrow changes with an ADR):");
}

#[test]
fn tests_of_a_crate_know_no_crate_above_it() {
    let order: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let place = |name: &str| order.iter().position(|known| *known == name).expect("every crate is drawn");
    // The naive model judges the core, and the simulator lives beside it.
    let allowed = [("ringmain-routing", "ringmain-chaos")];
    let mut findings = Vec::new();
    for package in packages() {
        let name = text(&package, "name");
        for to in own_dependencies(&package, true) {
            let is_allowed = allowed.contains(&(name, to.as_str()));
            if place(&to) > place(name) && !is_allowed {
                findings.push(format!("{name} → {to} in tests"));
            }
        }
    }
    assert_none(&findings, "a test that needs the crate above belongs there:");
}

#[test]
fn plain_cargo_run_and_cargo_test_do_the_right_thing() {
    let manifest: Vec<String> = read("Cargo.toml").lines().map(str::to_owned).collect();
    let members = list_after(&manifest, "members = [");
    assert_eq!(members, list_after(&manifest, "default-members = ["), "every member is a default member");
    let with_default_run: Vec<String> = packages()
        .iter()
        .filter(|package| package["default_run"].is_string())
        .map(|package| text(package, "name").to_owned())
        .collect();
    assert_eq!(with_default_run, ["ringmain"]);
}

fn list_after(lines: &[String], opening: &str) -> Vec<String> {
    let start =
        lines.iter().position(|line| line == opening).unwrap_or_else(|| panic!("{opening} in Cargo.toml"));
    let body: String = lines[start + 1..].iter().take_while(|line| *line != "]").cloned().collect();
    body.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

#[test]
fn every_crate_takes_lints_and_shared_versions_from_the_workspace() {
    let shared = workspace_dependencies();
    let mut findings = Vec::new();
    for package in packages() {
        let name = text(&package, "name");
        let path = text(&package, "manifest_path");
        let manifest = std::fs::read_to_string(path).expect("cargo has just read it");
        if !manifest.contains("[lints]\nworkspace = true") {
            findings.push(format!("{name}: no `[lints] workspace = true`"));
        }
        for line in dependency_lines(&manifest).filter(|line| !line.contains("workspace = true")) {
            if shared.iter().any(|shared| dependency_name(shared) == dependency_name(line)) {
                findings.push(format!("{name}: `{line}`: the workspace has it"));
            } else if !line.contains(" # ") {
                findings.push(format!("{name}: `{line}`: no sentence says what it is for"));
            }
        }
    }
    assert_none(&findings, "lints and shared versions stand once, in the workspace's Cargo.toml:");
}

fn dependency_name(line: &str) -> &str {
    line.split([' ', '.', '=']).next().expect("split yields a part")
}

fn dependency_lines(manifest: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    manifest.lines().filter(move |line| {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
            return false;
        }
        inside && line.contains('=') && !line.starts_with('#')
    })
}

fn workspace_dependencies() -> Vec<String> {
    dependency_lines(&read("Cargo.toml")).map(str::to_owned).collect()
}

#[test]
fn every_dependency_of_the_workspace_has_a_sentence() {
    let findings: Vec<String> = workspace_dependencies()
        .into_iter()
        .filter(|line| !line.contains("path = ") && !line.contains(" # "))
        .collect();
    assert_none(&findings, "a dependency says in Cargo.toml what it is for:");
}
