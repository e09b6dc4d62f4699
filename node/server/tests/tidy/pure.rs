//! The core is pure: nothing outside the log may sway a decision.

use std::process::Command;

use crate::source::{Text, assert_none, code_lines, holds_word, paths, read, root, rust};

fn core_files() -> Vec<Text> {
    let files: Vec<Text> = rust()
        .into_iter()
        .filter(|file| file.path.starts_with("node/routing/src/") && !file.is_test())
        .collect();
    assert!(files.len() > 5, "the core's files were not found");
    files
}

/// Words that have no place in the core, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    ("extern crate std", "the core is no_std"),
    ("std::", "the core is no_std: `core::` or `alloc::`"),
    ("f32", "no floats in decisions"),
    ("f64", "no floats in decisions"),
    ("HashMap", "no hash-order iteration: BTreeMap or a slab"),
    ("HashSet", "no hash-order iteration: BTreeSet or a bitset"),
    ("async fn", "no async in the core"),
    ("Instant", "time arrives as `at`"),
    ("SystemTime", "time arrives as `at`"),
    ("rand::", "no randomness in the core"),
];

#[test]
fn the_core_is_declared_no_std() {
    let lib = read("node/routing/src/lib.rs");
    assert!(lib.lines().any(|line| line == "#![no_std]"), "node/routing/src/lib.rs lacks #![no_std]");
}

#[test]
fn the_core_holds_no_clock_no_float_no_hash_order_and_no_async() {
    let mut findings = Vec::new();
    for file in core_files() {
        for (number, code) in code_lines(file.without_tests()) {
            for (word, why) in FORBIDDEN.iter().filter(|(word, _)| holds_word(code, word)) {
                findings.push(format!("{}:{number}: {word}: {why}", file.path));
            }
        }
    }
    assert_none(&findings, "the core must decide the same on every replica:");
}

/// `cargo tree` resolves features for the core alone, as somebody would who uses it without our other crates.
#[test]
fn no_dependency_of_the_core_asks_for_std() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", "ringmain-routing", "-e", "normal,no-proc-macro"])
        .args(["--prefix", "none", "-f", "{p} |{f}"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    assert!(tree.lines().count() > 3, "cargo tree printed too little: {tree}");
    let with_std: Vec<String> = tree
        .lines()
        .filter(|line| {
            let features = line.split('|').nth(1).unwrap_or_default().trim_end_matches(" (*)");
            features.split(',').any(|feature| feature == "std")
        })
        .map(str::to_owned)
        .collect();
    assert_none(&with_std, "take it without default features:");
}

/// Targets without std that a toolchain may have. The check needs one; the three tests above hold without it.
const BARE_TARGETS: &[&str] =
    &["thumbv7em-none-eabihf", "thumbv7m-none-eabi", "riscv32imac-unknown-none-elf"];

#[test]
fn the_core_compiles_for_a_target_without_std_where_one_is_installed() {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc runs");
    let sysroot = String::from_utf8(output.stdout).expect("rustc prints UTF-8");
    let libraries = std::path::Path::new(sysroot.trim()).join("lib/rustlib");
    let Some(target) = BARE_TARGETS.iter().find(|target| libraries.join(target).join("lib").is_dir()) else {
        return;
    };
    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "-p", "ringmain-routing", "--target", target])
        .env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/no_std"))
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Mistakes on purpose are for the tool that must find them. No other crate may name the feature, and no default has it.
#[test]
fn planted_mistakes_are_in_no_program_that_serves_anybody() {
    let allowed = ["node/routing/Cargo.toml", "chaos-tests/Cargo.toml"];
    let mut findings = Vec::new();
    for path in paths().into_iter().filter(|path| path.ends_with("Cargo.toml")) {
        for line in read(&path).lines().filter(|line| line.contains("planted") && !line.starts_with('#')) {
            let is_definition = line.starts_with("planted = [");
            if !allowed.contains(&path.as_str()) || !is_definition {
                findings.push(format!("{path}: {line}"));
            }
        }
    }
    assert_none(&findings, "the feature `planted` is defined in two crates and switched on by hand alone:");
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--workspace", "-e", "features,normal", "--prefix", "none"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    assert!(tree.contains("ringmain-routing"), "cargo tree printed too little: {tree}");
    assert!(!tree.contains("feature \"planted\""), "somebody switches the feature on:\n{tree}");
}
