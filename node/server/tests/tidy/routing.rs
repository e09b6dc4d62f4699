//! docs/ROUTING.md, held against the tests that it names.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{assert_none, paths, read};

/// One row of "Beside other systems".
struct Row {
    id: String,
    ours: String,
    test: String,
}

fn rows() -> Vec<Row> {
    let page = read("docs/ROUTING.md");
    let mut rows = Vec::new();
    for line in page.lines().filter(|line| line.starts_with("| P")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [id, _source, _theirs, ours, test] = cells.as_slice() else { panic!("five cells: {line}") };
        rows.push(Row { id: (*id).to_owned(), ours: (*ours).to_owned(), test: (*test).to_owned() });
    }
    rows
}

/// Names of the tests in a file or folder.
fn tests_in(path: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in paths().iter().filter(|file| file.starts_with(path)) {
        let text = read(file);
        let functions = text.split("#[test]\nfn ").skip(1);
        names.extend(functions.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
    }
    names
}

/// Tests of rows by the row's id: `p001_…` belongs to `P001`.
fn tests_of_rows() -> BTreeMap<String, String> {
    let tests = tests_in("node/routing/tests/peers/");
    assert!(
        tests.iter().all(|name| name.starts_with('p') && name.as_bytes().get(4) == Some(&b'_')),
        "{tests:?}"
    );
    tests.into_iter().map(|name| (name[..4].to_uppercase(), name)).collect()
}

#[test]
fn a_row_that_says_same_has_its_test_and_every_test_has_its_row() {
    let mut tests = tests_of_rows();
    let mut findings = Vec::new();
    for row in rows() {
        let test = tests.remove(&row.id);
        let is_same = row.ours == "same" || row.ours.starts_with("same (");
        let is_right = match (&test, is_same) {
            (Some(test), true) => row.test == format!("`{test}`"),
            (None, false) => matches!(row.ours.as_str(), "otherwise" | "not built") && row.test.len() > 5,
            (Some(_), false) | (None, true) => false,
        };
        if !is_right {
            findings.push(format!("{}: {:?}, {:?}, its test is {test:?}", row.id, row.ours, row.test));
        }
    }
    findings.extend(tests.into_values().map(|name| format!("{name}: no row")));
    assert_none(&findings, "docs/ROUTING.md and node/routing/tests/peers differ:");
}

#[test]
fn every_complaint_has_its_test_and_every_test_its_complaint() {
    let page = read("docs/ROUTING.md");
    let part = page.split("\n## Complaints about other systems\n").nth(1).expect("the part is there");
    let rows = part.lines().filter_map(|line| line.strip_suffix("` |")?.split('`').next_back());
    let named: BTreeSet<String> = rows.map(str::to_owned).collect();
    assert_eq!(named, tests_in("node/routing/tests/complaints.rs"));
}

#[test]
fn a_row_stands_once() {
    let rows = rows();
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!((rows.len(), ids.len()), (67, 67));
}
