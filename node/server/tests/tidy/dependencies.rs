//! What is depended on is used.

use crate::source::{assert_none, holds_word, paths, read, rust};

/// Used by code that a build script writes, which no file of the repository shows.
const USED_BY_GENERATED_CODE: &[(&str, &str)] = &[("protocol/Cargo.toml", "tonic-prost")];

/// Names in the tables of a manifest whose heads the test picks.
fn names(manifest: &str, is_table: impl Fn(&str) -> bool) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if let Some(head) = line.strip_prefix('[') {
            inside = is_table(head.trim_end_matches(']'));
        } else if inside && line.starts_with(|c: char| c.is_ascii_lowercase()) {
            names.push(line.split([' ', '.', '=']).next().expect("split yields a part").to_owned());
        }
    }
    names
}

fn is_dependencies(head: &str) -> bool {
    let target = head.strip_prefix("target.").and_then(|rest| rest.rsplit_once('.')).map(|(_, table)| table);
    ["dependencies", "dev-dependencies", "build-dependencies"].contains(&target.unwrap_or(head))
}

fn manifests() -> Vec<(String, Vec<String>)> {
    let members = paths().into_iter().filter(|path| path.ends_with("/Cargo.toml"));
    members.map(|path| (path.clone(), names(&read(&path), is_dependencies))).collect()
}

#[test]
fn every_dependency_of_the_workspace_is_one_of_a_crate() {
    let used: Vec<String> = manifests().into_iter().flat_map(|(_, names)| names).collect();
    let unused: Vec<String> = names(&read("Cargo.toml"), |head| head == "workspace.dependencies")
        .into_iter()
        .filter(|name| name != "ringmain" && !used.contains(name))
        .collect();
    assert_none(&unused, "take it out of the root Cargo.toml:");
}

#[test]
fn every_dependency_of_a_crate_is_used_by_it() {
    let sources = rust();
    let mut findings = Vec::new();
    for (path, names) in manifests() {
        let folder = path.strip_suffix("Cargo.toml").expect("it is one");
        for name in names.iter().filter(|name| !USED_BY_GENERATED_CODE.contains(&(&path, name))) {
            let word = name.replace('-', "_");
            let mut own = sources.iter().filter(|file| file.path.starts_with(folder));
            if !own.any(|file| holds_word(&file.text, &word)) {
                findings.push(format!("{path}: {name}"));
            }
        }
    }
    assert_none(&findings, "take it out:");
}
