//! What a file may hold, and where.

use std::collections::BTreeSet;

use crate::source::{Text, assert_none, code_lines, paths, root, rust, texts};

/// The fixed top level. Hidden files are for tools.
const TOP_LEVEL: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "bench",
    "chaos-tests",
    "clippy.toml",
    "cluster-config",
    "deny.toml",
    "docs",
    "node",
    "protocol",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

#[test]
fn the_top_level_holds_only_what_belongs_there() {
    let top: BTreeSet<String> = paths()
        .iter()
        .filter_map(|path| path.split('/').next().map(str::to_owned))
        .filter(|name| !name.starts_with('.'))
        .collect();
    let strange: Vec<String> = top.into_iter().filter(|name| !TOP_LEVEL.contains(&name.as_str())).collect();
    assert_none(&strange, "put it into a part of the repository, or into .gitignore when a run made it:");
}

#[test]
fn there_is_exactly_one_clippy_toml() {
    let found: Vec<String> = paths().into_iter().filter(|path| path.ends_with("clippy.toml")).collect();
    assert_eq!(found, ["clippy.toml"], "a nested clippy.toml silently replaces the root's bans");
}

#[test]
fn no_text_names_a_path_of_somebodys_machine() {
    // Put together, so that this file does not hold them.
    let folders = ["work", "farm", "root", "home", "Users", "mnt"].map(|name| format!("/{name}/"));
    let scratch = format!("/{}/", "tmp");
    let is_path = |line: &str, folder: &str| {
        line.match_indices(folder).any(|(at, _)| {
            // Behind a word it goes on with a path of ours; behind a blank or a quote it starts at a machine's root.
            !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "._-/)}".contains(c))
        })
    };
    let mut findings = Vec::new();
    for file in texts().iter().filter(|file| file.path != "Cargo.lock") {
        for (number, line) in file.text.lines().enumerate() {
            if folders.iter().chain([&scratch]).any(|folder| is_path(line, folder)) {
                findings.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    assert_none(&findings, "a path of one machine means nothing on another:");
}

#[test]
fn no_test_is_ignored_and_none_sleeps() {
    let ignored = format!("#[{}", "ignore");
    let sleep = format!("{}(", "sleep");
    let mut findings = Vec::new();
    for file in rust() {
        for (number, line) in code_lines(&file.text).filter(|(_, line)| line.contains(&ignored)) {
            findings.push(format!("{}:{number}: {}", file.path, line.trim()));
        }
        for (_, line) in code_lines(file.tests()).filter(|(_, line)| line.contains(&sleep)) {
            findings.push(format!("{}: {}", file.path, line.trim()));
        }
    }
    assert_none(&findings, "time is a number in a test; an ignored test is no test:");
}

/// Calls that read a clock.
const CLOCK_CALLS: &[&str] = &["Instant::now(", "SystemTime::now("];

#[test]
fn only_the_clock_of_the_server_and_of_the_tools_reads_time() {
    // One file each, in the programs that stand alone: everything else is handed a clock.
    // Tests of the real stack run on the real clock, which their harness hands in.
    let places = ["node/server/src/clock.rs", "bench/src/clock.rs", "chaos-tests/src/clock.rs"];
    let mut findings = Vec::new();
    for file in rust().iter().filter(|file| !places.contains(&file.path.as_str()) && !is_tidy(file)) {
        let is_harness = file.is_test() || file.path.ends_with("/testing.rs");
        for (number, code) in code_lines(&file.text).filter(|_| !is_harness) {
            if CLOCK_CALLS.iter().any(|call| code.contains(call)) {
                findings.push(format!("{}:{number}: {}", file.path, code.trim()));
            }
        }
    }
    assert_none(&findings, "only a clock.rs reads time; take a clock as an argument:");
}

#[test]
fn protobuf_types_stand_beside_domain_types_only_at_the_edges() {
    // What speaks to other nodes: the messages' bytes, connections, forwarding, the peer service.
    let peers = ["wire", "links", "forward", "peer", "forming", "install", "network", "nodes", "replica"];
    let peer_files = peers.map(|name| format!("node/replication/src/{name}"));
    let mut findings = Vec::new();
    for file in rust().iter().filter(|file| !is_tidy(file) && !file.is_test()) {
        let is_edge = ["node/api/", "node/server/", "bench/", "chaos-tests/", "protocol/"]
            .iter()
            .any(|part| file.path.starts_with(part))
            || peer_files.iter().any(|peer| file.path.starts_with(peer));
        for (number, code) in code_lines(&file.text).filter(|_| !is_edge) {
            if code.contains("ringmain_protocol") || code.contains("prost::") {
                findings.push(format!("{}:{number}: {}", file.path, code.trim()));
            }
        }
    }
    assert_none(&findings, "protobuf belongs to api and to replication's peer module:");
}

fn is_tidy(file: &Text) -> bool {
    file.path.starts_with("node/server/tests/tidy/")
}

/// A log line's fields are words of the list, so that lines of all crates can be searched by the same word.
#[test]
fn log_fields_are_those_of_telemetry() {
    let known: BTreeSet<&str> = ringmain_telemetry::fields::FIELDS.iter().map(|field| field.name).collect();
    let mut findings = Vec::new();
    for file in rust().iter().filter(|file| file.path.starts_with("node/") && !is_tidy(file)) {
        for (line, field) in log_fields(file.without_tests()) {
            if !known.contains(field.as_str()) {
                findings.push(format!("{}:{line}: {field}", file.path));
            }
        }
    }
    assert_none(&findings, "use a field of node/telemetry/src/fields.rs, or add one there:");
}

/// Fields of `tracing` events and spans: (line, name).
fn log_fields(text: &str) -> Vec<(usize, String)> {
    let mut fields = Vec::new();
    for macro_name in ["trace!(", "debug!(", "info!(", "warn!(", "error!(", "_span!("] {
        for (at, _) in text.match_indices(macro_name) {
            let arguments = balanced(&text[at + macro_name.len()..]);
            let line = text[..at].lines().count().max(1);
            fields.extend(
                split_arguments(arguments)
                    .iter()
                    .filter_map(|part| field_name(part))
                    .map(|name| (line, name)),
            );
        }
    }
    fields
}

/// The text up to the parenthesis that closes the one before it.
fn balanced(text: &str) -> &str {
    let mut depth = 1;
    let mut in_text = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            '(' | '[' | '{' if !in_text => depth += 1,
            ')' | ']' | '}' if !in_text => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

fn split_arguments(arguments: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut in_text, mut start) = (0, false, 0);
    for (at, c) in arguments.char_indices() {
        match c {
            '"' => in_text = !in_text,
            '(' | '[' | '{' if !in_text => depth += 1,
            ')' | ']' | '}' if !in_text => depth -= 1,
            ',' if !in_text && depth == 0 => {
                parts.push(arguments[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(arguments[start..].trim());
    parts
}

/// The name of a field, or nothing when the part is the message or `target:` and the like.
fn field_name(part: &str) -> Option<String> {
    // `parent: &span` and the like say how a span is made, not what it holds.
    if ["parent:", "target:", "name:"].iter().any(|word| part.starts_with(word)) {
        return None;
    }
    let name = match part.split_once('=') {
        Some((name, value)) if !value.starts_with('=') && !part.starts_with('"') => name.trim(),
        _ => part.trim_start_matches(['%', '?']),
    };
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_name = !last.is_empty() && last.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_constant = last.chars().all(|c| !c.is_ascii_lowercase());
    (is_name && !is_constant && !part.starts_with('"')).then(|| last.to_owned())
}

#[test]
fn fields_of_a_log_line_are_read_rightly() {
    let text = "    tracing::warn!(parent: &way.x, node = %id, code = codes::FATAL.code, ?error, \"it (stops), says x = 1\");\n";
    let names: Vec<String> = log_fields(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["node", "code", "error"]);
}

#[test]
fn the_readme_starts_with_the_two_commands() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("there is a README");
    assert!(readme.contains("cargo run --release -- demo"));
    assert!(readme.contains("cargo test"));
}
