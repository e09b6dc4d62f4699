//! The repository's files, and just enough reading of Rust to judge them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One text file of the repository.
pub struct Text {
    /// From the top of the repository, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// The top of the repository.
pub fn root() -> PathBuf {
    let server = Path::new(env!("CARGO_MANIFEST_DIR"));
    server.ancestors().nth(2).expect("node/server is two levels down").to_owned()
}

/// One file by its path from the top.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What git tracks and what it would track; outside a checkout, every file but build output.
pub fn paths() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8(output.stdout).expect("file names are UTF-8"));
    let mut paths: Vec<String> = match listed {
        Some(listed) => {
            listed.lines().map(str::to_owned).filter(|path| root().join(path).is_file()).collect()
        }
        None => walk(&root()),
    };
    paths.sort();
    paths.dedup();
    assert!(!paths.is_empty(), "no files found below {}", root().display());
    paths
}

fn walk(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of the repository can be read") {
        let path = entry.expect("an entry of it too").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("file names are UTF-8");
        if name == "target" || name == ".git" {
            continue;
        }
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            let below = path.strip_prefix(root()).expect("the walk began at the root");
            found.push(below.to_str().expect("file names are UTF-8").replace('\\', "/"));
        }
    }
    found
}

/// Every file that is UTF-8.
pub fn texts() -> Vec<Text> {
    paths()
        .into_iter()
        .filter_map(|path| {
            let text = String::from_utf8(std::fs::read(root().join(&path)).ok()?).ok()?;
            Some(Text { path, text })
        })
        .collect()
}

/// Every Rust file that people write: generated code is exempt from the rules of style.
pub fn rust() -> Vec<Text> {
    let is_ours = |file: &Text| file.path.ends_with(".rs") && !file.path.contains("/generated/");
    let files: Vec<Text> = texts().into_iter().filter(is_ours).collect();
    assert!(files.len() > 10, "the list of Rust files is too short to be true");
    files
}

impl Text {
    /// Whether the whole file is test code.
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().expect("a path has a last part");
        self.path.contains("/tests/") || name == "tests.rs" || name.ends_with("_tests.rs")
    }

    /// The file without its test module at the end.
    pub fn without_tests(&self) -> &str {
        match self.tests_start() {
            Some(at) => &self.text[..at],
            None => &self.text,
        }
    }

    /// The test code of the file; empty when it has none.
    pub fn tests(&self) -> &str {
        if self.is_test() {
            return &self.text;
        }
        self.tests_start().map_or("", |at| &self.text[at..])
    }

    /// Tests stand last (rule 11), so the first top-level `cfg(test)` on a module with a body starts them.
    fn tests_start(&self) -> Option<usize> {
        let starts = self.text.match_indices("\n#[cfg(test)]\n");
        starts
            .map(|(at, _)| at + 1)
            .find(|&at| self.text[at..].lines().nth(1).is_some_and(|line| line.trim_end().ends_with('{')))
    }
}

/// The lines of a text that hold code, numbered from 1, without what stands behind `//`.
pub fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter_map(|(number, line)| {
        let code = line.split("//").next().expect("split yields at least one part");
        (!code.trim().is_empty()).then_some((number + 1, code))
    })
}

/// Whether the text stands in the code as a word of its own (`std::` is not in `no_std::`).
pub fn holds_word(code: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(is_part);
        let after = code[at + word.len()..].chars().next().is_some_and(is_part);
        !before && (word.ends_with(':') || !after)
    })
}

/// Fails with every finding at once.
pub fn assert_none(findings: &[String], what_to_do: &str) {
    assert!(findings.is_empty(), "{what_to_do}\n  {}", findings.join("\n  "));
}
