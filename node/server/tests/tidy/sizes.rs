//! How long files and functions may be (docs: small enough to be read at one sitting).

use crate::source::{Text, assert_none, read, rust};

const FILE_LINES_MAX: usize = 600;
const FILE_LINES_P90: usize = 350;
const FUNCTION_LINES_P90: usize = 30;

#[test]
fn a_file_is_at_most_600_lines_without_its_tests() {
    let files: Vec<Text> = rust().into_iter().filter(|file| !file.is_test()).collect();
    let too_long: Vec<String> = files
        .iter()
        .map(|file| (file.without_tests().lines().count(), &file.path))
        .filter(|(lines, _)| *lines > FILE_LINES_MAX)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert_none(&too_long, "split it where a reader would:");
}

#[test]
fn nine_files_of_ten_are_at_most_350_lines() {
    let files = rust();
    let lines = files.iter().filter(|file| !file.is_test()).map(|file| file.without_tests().lines().count());
    assert_p90_is_at_most(lines.collect(), FILE_LINES_P90);
}

#[test]
fn nine_functions_of_ten_are_at_most_30_lines() {
    let files = rust();
    let lines =
        files.iter().filter(|file| !file.is_test()).flat_map(|file| function_lengths(file.without_tests()));
    assert_p90_is_at_most(lines.collect(), FUNCTION_LINES_P90);
}

fn assert_p90_is_at_most(mut lengths: Vec<usize>, limit: usize) {
    lengths.sort_unstable();
    let p90 = lengths[lengths.len() * 9 / 10];
    assert!(p90 <= limit, "p90 is {p90} lines over {}, the limit {limit}", lengths.len());
}

/// Lines of each function, both braces included. rustfmt puts the closing brace of a function below the start of
/// its first line, so no parser is needed.
fn function_lengths(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let mut lengths = Vec::new();
    for (start, line) in lines.iter().enumerate().filter(|(_, line)| starts_function(line)) {
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = lines[start..].iter().position(|line| {
            line.strip_prefix(indent)
                .is_some_and(|rest| rest == "}" || (rest.ends_with(';') && !rest.starts_with(' ')))
                || line.starts_with(indent) && line.ends_with('}') && starts_function(line)
        });
        lengths.push(end.map_or(0, |end| end + 1));
    }
    lengths
}

fn starts_function(line: &str) -> bool {
    let mut words = line.trim_start().split(' ');
    words.any(|word| word == "fn") && {
        let before = line.trim_start().split("fn ").next().unwrap_or_default();
        before.split_whitespace().all(|word| {
            word.starts_with("pub")
                || matches!(word, "async" | "const" | "unsafe" | "extern" | "\"C\"" | "in")
        })
    }
}

#[test]
fn lengths_of_functions_are_read_rightly() {
    let text = "pub fn one() {\n    a();\n}\n\nimpl X {\n    fn two(&self) -> u8 {\n        if b {\n        }\n        1\n    }\n\n    fn three() {}\n}\n";
    assert_eq!(function_lengths(text), [3, 5, 1]);
}

#[test]
fn the_hard_cap_of_a_function_is_clippys() {
    assert!(read("clippy.toml").contains("too-many-lines-threshold = 70\n"));
    assert!(read("Cargo.toml").contains("too_many_lines = \"deny\"\n"));
}
