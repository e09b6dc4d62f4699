//! Documents that are lists: held against the code that the lists come from.

use std::collections::BTreeSet;

use ringmain_routing::Refusal;
use ringmain_telemetry::alerts::ALERTS;
use ringmain_telemetry::codes::{GrpcStatus, NODE_CODES};
use ringmain_telemetry::{METRICS, metrics_markdown};

use crate::source::{assert_none, holds_word, paths, read, root, rust};

#[test]
fn the_metrics_page_is_the_list() {
    let path = "docs/METRICS.md";
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(root().join(path), metrics_markdown()).expect("docs/ can be written");
    }
    let hint = "UPDATE_DOCS=1 cargo test -p ringmain --test tidy";
    assert!(read(path) == metrics_markdown(), "{path} is not what the list makes; run: {hint}");
}

#[test]
fn metric_names_live_in_telemetry_alone() {
    let mut findings = Vec::new();
    let is_node = |path: &str| path.starts_with("node/") && !path.starts_with("node/telemetry/");
    for file in rust().iter().filter(|file| is_node(&file.path) && !file.is_test()) {
        for name in METRICS.iter().map(|metric| metric.name) {
            if file.without_tests().contains(&format!("\"{name}\"")) {
                findings.push(format!("{}: \"{name}\"", file.path));
            }
        }
        for call in ["counter!(", "gauge!(", "histogram!("] {
            if file.text.contains(&format!("{call}\"")) {
                findings.push(format!("{}: {call}\"…", file.path));
            }
        }
    }
    assert_none(&findings, "use the constant of ringmain_telemetry::names:");
}

#[test]
fn every_metric_and_alert_of_the_list_is_recorded_somewhere() {
    let users: String = rust()
        .iter()
        .filter(|file| file.path.starts_with("node/") && !file.path.starts_with("node/telemetry/"))
        .map(|file| file.without_tests().to_owned())
        .collect();
    let telemetry = read("node/telemetry/src/names.rs") + &read("node/telemetry/src/alerts.rs");
    let listed = METRICS.iter().map(|metric| metric.name).chain(ALERTS.iter().map(|alert| alert.name));
    let unused: Vec<String> =
        listed.filter(|name| !holds_word(&users, constant_of(&telemetry, name))).map(str::to_owned).collect();
    assert_none(&unused, "a metric that nothing records is a promise not kept; record it or take it out:");
}

/// Tools that stand alone know the figures of a node by their text.
#[test]
fn programs_beside_the_node_read_only_metrics_that_exist() {
    let mut findings = Vec::new();
    for file in rust().iter().filter(|file| !file.path.starts_with("node/")) {
        for rest in file.text.split("\"ringmain_").skip(1) {
            let name = format!("ringmain_{}", rest.split('"').next().unwrap_or_default());
            if !METRICS.iter().any(|metric| metric.name == name) {
                findings.push(format!("{}: {name}", file.path));
            }
        }
    }
    assert_none(&findings, "no such metric:");
}

/// The constant that a list gives to a name: `CONSTANT = …, "name", …`.
fn constant_of<'a>(list: &'a str, name: &str) -> &'a str {
    let at = list.find(&format!("\"{name}\"")).unwrap_or_else(|| panic!("{name} stands in its list"));
    let line_start = list[..at].rfind('\n').map_or(0, |newline| newline + 1);
    list[line_start..].split('=').next().expect("split yields a part").trim()
}

/// Section headings of docs/ERRORS.md: `### \`code\``.
fn documented_codes() -> BTreeSet<String> {
    let page = read("docs/ERRORS.md");
    page.lines().filter_map(|line| Some(line.strip_prefix("### `")?.strip_suffix('`')?.to_owned())).collect()
}

#[test]
fn every_error_code_has_its_section_and_every_section_its_code() {
    let refusals = Refusal::CODES.iter().map(|code| (*code).to_owned());
    let codes: BTreeSet<String> =
        refusals.chain(NODE_CODES.iter().map(|entry| entry.code.to_owned())).collect();
    let documented = documented_codes();
    let missing = codes.difference(&documented).map(|code| format!("{code}: no section"));
    let stale = documented.difference(&codes).map(|code| format!("{code}: no such code"));
    assert_none(&missing.chain(stale).collect::<Vec<_>>(), "docs/ERRORS.md:");
}

#[test]
fn refusals_and_node_errors_share_no_code() {
    let shared: Vec<String> = NODE_CODES
        .iter()
        .filter(|entry| Refusal::CODES.contains(&entry.code))
        .map(|entry| entry.code.into())
        .collect();
    assert_none(&shared, "a code means one thing:");
}

#[test]
fn a_section_says_what_the_list_says() {
    let page = read("docs/ERRORS.md");
    let mut findings = Vec::new();
    for entry in NODE_CODES {
        let section = page.split(&format!("### `{}`\n", entry.code)).nth(1).unwrap_or_default();
        let section = section.split("\n### ").next().unwrap_or_default();
        if !section.contains(entry.text) {
            findings.push(format!("{}: its section lacks the sentence {:?}", entry.code, entry.text));
        }
        if entry.status != GrpcStatus::None && !section.contains(entry.status.word()) {
            findings.push(format!("{}: its section lacks {}", entry.code, entry.status.word()));
        }
    }
    assert_none(&findings, "docs/ERRORS.md and node/telemetry/src/codes.rs differ:");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut findings = Vec::new();
    for path in paths().iter().filter(|path| path.ends_with(".md")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in read(path).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || target.contains("://") {
                continue;
            }
            if !root().join(folder).join(file).exists() {
                findings.push(format!("{path}: {target}"));
            }
        }
    }
    assert_none(&findings, "a link leads nowhere:");
}

#[test]
fn documents_name_only_metrics_that_exist() {
    let mut findings = Vec::new();
    for path in paths().iter().filter(|path| path.ends_with(".md")) {
        let text = read(path);
        for (at, _) in text.match_indices("ringmain_") {
            let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let word: String = text[at..].chars().take_while(|c| is_part(*c)).collect();
            let stem = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
            if !METRICS.iter().any(|metric| metric.name == word || Some(metric.name) == stem) {
                findings.push(format!("{path}: {word}"));
            }
        }
    }
    assert_none(&findings, "no such metric:");
}

#[test]
fn a_number_stands_for_one_decision_and_the_list_has_all() {
    let list = read("docs/adr/README.md");
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for path in paths().iter().filter_map(|path| path.strip_prefix("docs/adr/")) {
        let Some(number) = path.get(..4).filter(|number| number.parse::<u32>().is_ok()) else { continue };
        if !seen.insert(number.to_owned()) {
            findings.push(format!("{path}: the number {number} is taken"));
        }
        if !list.contains(&format!("]({path})")) {
            findings.push(format!("{path}: docs/adr/README.md does not list it"));
        }
    }
    assert_none(&findings, "docs/adr:");
}
