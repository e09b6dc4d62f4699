//! Each ban bites: clippy ignores an unknown path in clippy.toml silently, so every ban and every denied lint is
//! broken once, in a crate of its own, and clippy must say so.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use crate::source::{assert_none, read};

/// One line that breaks each ban of clippy.toml.
const BANS: &[(&str, &str)] = &[
    ("std::time::Instant::now", "pub fn b() -> std::time::Instant { std::time::Instant::now() }"),
    (
        "std::time::Instant::elapsed",
        "pub fn b(at: std::time::Instant) -> std::time::Duration { at.elapsed() }",
    ),
    ("std::time::SystemTime::now", "pub fn b() -> std::time::SystemTime { std::time::SystemTime::now() }"),
    (
        "std::time::SystemTime::elapsed",
        "pub fn b(at: std::time::SystemTime) -> bool { at.elapsed().is_ok() }",
    ),
    ("tokio::time::Instant::now", "pub fn b() -> tokio::time::Instant { tokio::time::Instant::now() }"),
    (
        "tokio::time::Instant::elapsed",
        "pub fn b(at: tokio::time::Instant) -> std::time::Duration { at.elapsed() }",
    ),
    ("tokio::spawn", "pub fn b() { drop(tokio::spawn(async {})); }"),
    ("tokio::runtime::Handle::spawn", "pub fn b(on: &tokio::runtime::Handle) { drop(on.spawn(async {})); }"),
    ("tokio::task::JoinSet::spawn", "pub fn b(set: &mut tokio::task::JoinSet<()>) { set.spawn(async {}); }"),
    (
        "tokio::sync::mpsc::unbounded_channel",
        "pub fn b() { drop(tokio::sync::mpsc::unbounded_channel::<u8>()); }",
    ),
    ("futures::channel::mpsc::unbounded", "pub fn b() { drop(futures::channel::mpsc::unbounded::<u8>()); }"),
    ("std::sync::mpsc::channel", "pub fn b() { drop(std::sync::mpsc::channel::<u8>()); }"),
    ("rand::rng", "pub fn b() { drop(rand::rng()); }"),
    ("rand::random", "pub fn b() -> u8 { rand::random() }"),
];

/// One line that breaks each lint that the workspace denies, but for the two lints that make the bans.
const LINTS: &[(&str, &str)] = &[
    ("unsafe_code", "pub fn b(at: &u8) -> u8 { unsafe { *std::ptr::from_ref(at) } }"),
    ("unused_must_use", "pub fn b(of: Result<u8, u8>) { of.map(|x| x + 1); }"),
    (
        "iter_over_hash_type",
        "pub fn b(of: &std::collections::HashSet<u8>) -> u8 { let mut sum = 0; for x in of { sum += x; } sum }",
    ),
    ("unwrap_used", "pub fn b(of: Option<u8>) -> u8 { of.unwrap() }"),
    ("wildcard_enum_match_arm", "pub fn b(of: Three) -> bool { match of { Three::A => true, _ => false } }"),
    (
        "await_holding_lock",
        "pub async fn b(of: &std::sync::Mutex<u8>) { let held = of.lock().expect(\"poisoned\"); std::future::ready(()).await; drop(held); }",
    ),
    ("dbg_macro", "pub fn b() -> u8 { dbg!(1) }"),
    ("todo", "pub fn b() { todo!() }"),
    ("unimplemented", "pub fn b() { unimplemented!() }"),
];

fn banned_paths() -> BTreeSet<String> {
    let config = read("clippy.toml");
    let after = config.split("path = \"").skip(1);
    after.map(|rest| rest.split('"').next().expect("the path is quoted").to_owned()).collect()
}

/// The workspace's lints as a crate of its own has them, and their names.
fn lints() -> (String, BTreeSet<String>) {
    let manifest = read("Cargo.toml");
    let start = manifest.find("[workspace.lints.rust]").expect("the workspace has lints");
    let end = manifest[start..].find("\n[profile").map_or(manifest.len(), |at| start + at);
    let section = manifest[start..end].replace("[workspace.lints", "[lints");
    let denied =
        section.lines().filter_map(|line| line.strip_suffix(" = \"deny\"")).map(str::to_owned).collect();
    (section, denied)
}

#[test]
fn every_ban_and_every_denied_lint_is_tried() {
    let tried: BTreeSet<String> = BANS.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(tried, banned_paths(), "BANS and clippy.toml differ");
    let (_, denied) = lints();
    let mut tried: BTreeSet<String> = LINTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    // The first by BANS; the second has no entry in clippy.toml; the third below, for it takes many lines.
    tried.extend(["disallowed_methods", "disallowed_types", "too_many_lines"].map(str::to_owned));
    assert_eq!(tried, denied, "LINTS and Cargo.toml differ");
}

/// The source, and what clippy must say: (line, a word of it).
fn offending_source() -> (String, Vec<(usize, String)>) {
    let mut source = String::from("//! Breaks every ban once.\npub enum Three { A, B, C }\n");
    let mut expected = Vec::new();
    let all =
        BANS.iter().map(|(path, line)| (path, line, true)).chain(LINTS.iter().map(|(n, l)| (n, l, false)));
    for (number, (name, line, is_ban)) in all.enumerate() {
        let line = line.replacen("fn b(", &format!("fn b{number}("), 1);
        writeln!(source, "{line}").expect("writing to a String does not fail");
        let word = if is_ban { format!("`{name}`") } else { String::new() };
        expected.push((source.lines().count(), word));
    }
    writeln!(source, "pub fn long() -> u8 {{\n    let mut x = 0;")
        .expect("writing to a String does not fail");
    expected.push((source.lines().count() - 1, "too many lines".to_owned()));
    source.push_str(&"    x ^= 1;\n".repeat(70));
    source.push_str("    x\n}\n");
    (source, expected)
}

fn write_crate(folder: &Path, source: &str) {
    std::fs::create_dir_all(folder.join("src")).expect("the target folder can be written");
    let version = |name: &str| {
        let manifest = read("Cargo.toml");
        let line =
            manifest.lines().find(|line| line.starts_with(&format!("{name} = "))).expect("a dependency");
        line.split('"').nth(1).expect("a version").to_owned()
    };
    let manifest = format!(
        "[package]\nname = \"bans\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         tokio = {{ version = \"{}\", default-features = false, features = [\"rt\", \"sync\", \"time\"] }}\n\
         futures = {{ version = \"{}\", default-features = false, features = [\"std\"] }}\n\
         rand = {{ version = \"{}\", default-features = false, features = [\"std\", \"thread_rng\"] }}\n\n{}",
        version("tokio"),
        version("futures"),
        version("rand"),
        lints().0
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("the target folder can be written");
    std::fs::write(folder.join("clippy.toml"), read("clippy.toml"))
        .expect("the target folder can be written");
    // The workspace's lock file has every version that is needed, so nothing is asked of the registry.
    std::fs::write(folder.join("Cargo.lock"), read("Cargo.lock")).expect("the target folder can be written");
    std::fs::write(folder.join("src/lib.rs"), source).expect("the target folder can be written");
}

#[test]
fn each_ban_and_each_denied_lint_bites() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bans");
    let (source, expected) = offending_source();
    write_crate(&folder, &source);
    let output = Command::new(env!("CARGO"))
        .args(["clippy", "--offline", "--message-format", "short"])
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env_remove("RUSTFLAGS")
        .current_dir(&folder)
        .output()
        .expect("cargo runs");
    let said = String::from_utf8(output.stderr).expect("cargo prints UTF-8");
    let silent: Vec<String> = expected
        .iter()
        .filter(|(line, word)| {
            let place = format!("src/lib.rs:{line}:");
            !said
                .lines()
                .any(|said| said.starts_with(&place) && said.contains(" error") && said.contains(word))
        })
        .map(|(line, _)| source.lines().nth(line - 1).expect("the line exists").to_owned())
        .collect();
    assert_none(&silent, &format!("clippy said:\n{said}\nand was silent about:"));
}
