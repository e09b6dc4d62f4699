//! `config validate`: every problem of every file, and nothing is started.

use std::path::Path;

use ringmain_cluster_config::node::read_file;
use ringmain_cluster_config::plan::place_onto;
use ringmain_cluster_config::shape::Shape;
use ringmain_cluster_config::{NodeConfig, Problem, Problems, RoutingPlan, Tokens, node, plan, tokens};
use ringmain_routing::command::{ApplyPlan, OperatorPlan, PutOperators};
use ringmain_routing::limits::OPERATORS_PER_COMMAND_MAX;
use ringmain_routing::{Command, Plan, Router};
use ringmain_telemetry::codes;
use serde_json::{Value, json};

use crate::cli::{FileKind, ValidateArgs};
use crate::clock::wall;
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block, Column, Rows};

/// What was found in one file.
struct Found {
    file: String,
    kind: Option<FileKind>,
    errors: Vec<Problem>,
    /// Errors that are not listed any more.
    more: usize,
    warnings: Vec<Problem>,
}

/// Checks the files, prints what was found, and fails when a file would be refused.
pub(super) fn run(args: &ValidateArgs) -> Result<(), Failure> {
    let found: Vec<Found> = args.files.iter().flat_map(|path| check(path, args.kind)).collect();
    output::print(&answer(&found), args.format, false)?;
    let wrong: usize = found.iter().map(|file| file.errors.len() + file.more).sum();
    if wrong == 0 {
        return Ok(());
    }
    let files = found.iter().filter(|file| !file.errors.is_empty()).count();
    let message = format!("{wrong} problems in {files} of {} files", found.len());
    Err(Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, message))
}

/// The file; with a node's config the tokens that it names too, because a node does not start without them.
fn check(path: &Path, kind: Option<FileKind>) -> Vec<Found> {
    let file = path.display().to_string();
    let mut found = Found { file, kind, errors: Vec::new(), more: 0, warnings: Vec::new() };
    let text = match read_file(path) {
        Ok(text) => text,
        Err(error) => {
            found.errors.push(whole_file(error.to_string(), "give a file that can be read"));
            return vec![found];
        }
    };
    found.kind = kind.or_else(|| guess(&text));
    let mut tokens = None;
    let read = match found.kind {
        None => {
            found.errors.push(whole_file("no key of it is known".to_owned(), "say what it is with --as"));
            return vec![found];
        }
        Some(FileKind::Node) => NodeConfig::parse(&found.file, &text).map(|config| {
            if config.telemetry.otlp_endpoint.is_some() && !cfg!(feature = "otel") {
                found.warnings.push(untraced());
            }
            tokens = Some(path.parent().unwrap_or(Path::new("")).join(config.tokens));
        }),
        Some(FileKind::Plan) => RoutingPlan::parse(&found.file, &text).map(|plan| {
            match plan.plan_from(wall()) {
                Err(error) => found.errors.push(unexpanded(error.to_string())),
                Ok(expanded) => found.errors.extend(refused_by_the_core(&expanded, &plan.operators)),
            }
            found.warnings = plan.warnings;
        }),
        Some(FileKind::Tokens) => Tokens::parse(&found.file, &text).map(|_| ()),
    };
    if let Err(Problems { list, more, .. }) = read {
        (found.errors, found.more) = (list, more);
    }
    let below = tokens.map(|path| check(&path, Some(FileKind::Tokens)));
    [found].into_iter().chain(below.into_iter().flatten()).collect()
}

/// What a new cluster would say to the plan and its operators: the core has the last word.
fn refused_by_the_core(plan: &Plan, operators: &[OperatorPlan]) -> Option<Problem> {
    let first = place_onto(&Plan::default(), plan).map_err(|error| error.to_string());
    let judged = first.and_then(|plan| {
        let mut router = Router::new();
        let mut put = |command: &Command| {
            router.apply(wall(), command).reply.map_err(|refusal| refusal.to_string()).map(drop)
        };
        put(&Command::ApplyPlan(Box::new(ApplyPlan { plan, by: Some("validate".into()) })))?;
        operators.chunks(OPERATORS_PER_COMMAND_MAX).try_for_each(|part| {
            put(&Command::PutOperators(PutOperators {
                operators: part.to_vec(),
                by: Some("validate".into()),
            }))
        })
    });
    judged.err().map(|message| whole_file(message, "a cluster would refuse the plan with these words"))
}

/// The file is sound, and a plan with such calendars cannot be applied today.
fn unexpanded(message: String) -> Problem {
    Problem {
        field: "calendars".to_owned(),
        ..whole_file(message, "a calendar needs regular hours, or dates within the next 400 days")
    }
}

/// The file is sound, and a node of this very program would not start with it.
fn untraced() -> Problem {
    Problem {
        field: "telemetry.otlp_endpoint".to_owned(),
        ..whole_file(
            "this program makes no traces, and does not start with an endpoint".to_owned(),
            "take the line out, or start the node with one that was built with `--features otel`",
        )
    }
}

fn whole_file(message: String, hint: &str) -> Problem {
    Problem { line: 1, column: 1, field: String::new(), message, hint: Some(hint.to_owned()) }
}

/// What a file is by its top-level keys. They are looked for line by line, so that a file with a slip is known too.
fn guess(text: &str) -> Option<FileKind> {
    let keys = top_level_keys(text);
    let known = |shape: &Shape| keys.iter().filter(|key| shape.field(key).is_some()).count();
    let kinds =
        [(FileKind::Tokens, &tokens::FILE), (FileKind::Plan, &plan::FILE), (FileKind::Node, &node::FILE)];
    let mut best = (0, None);
    for (kind, shape) in kinds {
        // A node's config names a file of tokens; a file of tokens has nothing else.
        if known(shape) > best.0 {
            best = (known(shape), Some(kind));
        }
    }
    best.1
}

fn top_level_keys(text: &str) -> Vec<&str> {
    let mut in_table = false;
    let mut keys = Vec::new();
    for line in text.lines().map(str::trim) {
        let is_head = line.starts_with('[');
        in_table |= is_head;
        if is_head || !in_table {
            let key =
                line.trim_start_matches('[').split(['=', '.', ']', ' ', '#']).next().unwrap_or_default();
            keys.push(key.trim());
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn answer(found: &[Found]) -> Answer {
    let mut rows = Rows::new(&[
        Column::Words("place"),
        Column::Words("weight"),
        Column::Words("field"),
        Column::Words("problem"),
        Column::Words("what to do"),
    ]);
    let mut list = Vec::new();
    let mut lines = Vec::new();
    for file in found {
        let weighed = [("error", &file.errors), ("warning", &file.warnings)];
        for (weight, problem) in
            weighed.iter().flat_map(|(weight, list)| list.iter().map(move |one| (*weight, one)))
        {
            rows.push([
                format!("{}:{}:{}", file.file, problem.line, problem.column),
                weight.to_owned(),
                if problem.field.is_empty() { "–".to_owned() } else { problem.field.clone() },
                problem.message.clone(),
                problem.hint.clone().unwrap_or_else(|| "–".to_owned()),
            ]);
            list.push(problem_json(&file.file, weight, problem));
        }
        lines.push(Block::Line(verdict(file)));
    }
    let mut text = if list.is_empty() { Vec::new() } else { vec![Block::Rows(rows)] };
    text.extend(lines);
    let unlisted: usize = found.iter().map(|file| file.more).sum();
    Answer { json: json!({"problems": list, "files": found.len(), "unlisted": unlisted}), text }
}

fn verdict(file: &Found) -> String {
    let kind = file.kind.map_or("?", FileKind::word);
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    match (file.errors.len() + file.more, file.warnings.len()) {
        (0, 0) => format!("{} ({kind}): good", file.file),
        (0, warnings) => format!("{} ({kind}): good, {}", file.file, count(warnings, "warning")),
        (errors, warnings) => {
            format!("{} ({kind}): {}, {}", file.file, count(errors, "problem"), count(warnings, "warning"))
        }
    }
}

fn problem_json(file: &str, weight: &str, problem: &Problem) -> Value {
    json!({
        "file": file,
        "line": problem.line,
        "column": problem.column,
        "weight": weight,
        "field": problem.field,
        "problem": problem.message,
        "hint": problem.hint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_keys_even_when_it_is_broken() {
        assert_eq!(guess("cluster = \"c\"\nnode = 1\ntokens = \"t.toml\"\n"), Some(FileKind::Node));
        assert_eq!(guess("[[tokens]]\ntoken = \"t\"\nname = \"n\"\n"), Some(FileKind::Tokens));
        assert_eq!(guess("[[queues]]\nname = = \"q\"\n"), Some(FileKind::Plan));
        assert_eq!(guess("colour = 1\n"), None);
    }
}
