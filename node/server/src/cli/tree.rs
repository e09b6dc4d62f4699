//! The tree of commands as data: what each is for, and the pages that are made from it.

use clap::{Arg, Command, CommandFactory};

use super::{CONTEXT_ARG, Cli};
use crate::exit::FailureKind;

/// A command that does something, with the words that lead to it.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// From `ringmain` on.
    pub path: String,
    /// The command.
    pub command: Command,
}

/// What a command does, which decides the flags that it has to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Shows many things: `-o` and `--watch`.
    List,
    /// Shows one thing, or judges: `-o`.
    Show,
    /// Changes something that lasts: `--dry-run`.
    Change,
    /// Runs something, or writes a file for people.
    Run,
}

/// What the last word of a command says about its purpose.
const PURPOSES: &[(Purpose, &[&str])] = &[
    (Purpose::List, &["list", "ls", "status"]),
    (
        Purpose::Show,
        &[
            "show",
            "why",
            "events",
            "inspect",
            "verify",
            "validate",
            "check",
            "quorum-critical",
            "calendar",
            "count",
            "diff",
            "closures",
            "triggers",
        ],
    ),
    (
        Purpose::Change,
        &[
            "push",
            "answer",
            "answer-help",
            "supervise",
            "withdraw",
            "apply",
            "add",
            "select",
            "rm",
            "remove",
            "init",
            "join",
            "drain",
            "transfer-leader",
            "restore",
            "recover",
            "requeue",
            "close",
            "move",
            "lift",
            "transfer",
            "force",
            "sign-out",
            "assign",
            "rollback",
            "defer-breaks",
            "hand-over",
            "close-entry",
            "open-entry",
            "run",
        ],
    ),
    (
        Purpose::Run,
        &[
            "demo",
            "start",
            "simulate",
            "generate",
            "completions",
            "man",
            "schema",
            "top",
            "bundle",
            "save",
            "probe",
        ],
    ),
];

impl Leaf {
    /// What the command does; `None` when nobody has said it of its last word.
    #[must_use]
    pub fn purpose(&self) -> Option<Purpose> {
        let verb = self.path.rsplit(' ').next()?;
        PURPOSES.iter().find(|(_, verbs)| verbs.contains(&verb)).map(|(purpose, _)| *purpose)
    }

    /// Whether it has the long flag.
    #[must_use]
    pub fn has(&self, flag: &str) -> bool {
        self.command.get_arguments().any(|arg| arg.get_long() == Some(flag))
    }
}

/// Every command that does something, in the order of the help.
#[must_use]
pub fn leaves() -> Vec<Leaf> {
    below(&Cli::command(), "ringmain")
}

fn below(command: &Command, path: &str) -> Vec<Leaf> {
    if command.get_subcommands().next().is_none() {
        return vec![Leaf { path: path.to_owned(), command: command.clone() }];
    }
    let visible = command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set());
    visible.flat_map(|sub| below(sub, &format!("{path} {}", sub.get_name()))).collect()
}

/// The commands as a chapter of docs/CLI.md.
#[must_use]
pub fn commands_markdown() -> String {
    let leaves = leaves();
    let mut page = String::from("| command | what it does |\n| --- | --- |\n");
    for leaf in &leaves {
        let words = leaf.path.strip_prefix("ringmain ").unwrap_or(&leaf.path);
        page.push_str(&format!("| [`{words}`](#{}) | {} |\n", anchor(&leaf.path), about(&leaf.command)));
    }
    let shared = shared(&leaves);
    page.push_str("\n### Options that many commands have\n\n");
    page.push_str(&table(shared.iter()));
    for leaf in &leaves {
        page.push_str(&chapter(leaf, &shared));
    }
    page
}

/// The exit codes as a table of docs/CLI.md.
#[must_use]
pub fn exit_codes_markdown() -> String {
    let mut page = String::from(
        "| code | meaning | what a script does |\n| --- | --- | --- |\n| 0 | done | goes on |\n",
    );
    for kind in FailureKind::ALL {
        page.push_str(&format!("| {} | {} | {} |\n", kind.exit_code(), kind.meaning(), kind.advice()));
    }
    page
}

/// Options of at least a third of all commands that talk to a cluster: told once.
fn shared(leaves: &[Leaf]) -> Vec<Arg> {
    let talks = |leaf: &&Leaf| leaf.command.get_arguments().any(|arg| arg.get_id() == CONTEXT_ARG);
    let talking = leaves.iter().filter(talks).count();
    let mut shared: Vec<Arg> = Vec::new();
    for arg in leaves.iter().filter(talks).flat_map(|leaf| leaf.command.get_arguments()) {
        let has_same = |leaf: &&Leaf| leaf.command.get_arguments().any(|other| row(other) == row(arg));
        let count = leaves.iter().filter(has_same).count();
        if arg.get_long().is_some()
            && count * 3 >= talking
            && !shared.iter().any(|known| row(known) == row(arg))
        {
            shared.push(arg.clone());
        }
    }
    shared
}

fn chapter(leaf: &Leaf, shared: &[Arg]) -> String {
    let mut command = leaf.command.clone().bin_name(&leaf.path);
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let example = leaf.command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines: Vec<&str> = example.trim_start_matches("Example:").trim().lines().map(str::trim).collect();
    let example = lines.join("\n");
    let is_own = |arg: &&Arg| !shared.iter().any(|known| row(known) == row(arg));
    let own: Vec<&Arg> = leaf.command.get_arguments().filter(is_own).collect();
    let rows = table(own.into_iter());
    let about = about(&leaf.command);
    format!("\n### `{}`\n\n{about}.\n\n```text\n{usage}\n```\n\n{rows}\n```sh\n{example}\n```\n", leaf.path)
}

fn table<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let rows: Vec<String> = args.filter(|arg| !arg.is_hide_set()).map(row).collect();
    if rows.is_empty() {
        String::new()
    } else {
        format!("| option | what it says |\n| --- | --- |\n{}", rows.concat())
    }
}

fn row(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let takes_value = arg.get_action().takes_values();
    let values: Vec<&str> =
        arg.get_value_names().unwrap_or_default().iter().map(|name| name.as_str()).collect();
    let value = Some(values.join(" ")).filter(|names| takes_value && !names.is_empty());
    let name = match (arg.get_long(), value) {
        (Some(long), Some(value)) => format!("{short}--{long} {value}"),
        (Some(long), None) => format!("{short}--{long}"),
        (None, value) => value.unwrap_or_else(|| arg.get_id().to_string()),
    };
    let mut says = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let possible: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|_| takes_value)
        .map(|value| value.get_name().to_owned())
        .collect();
    if !possible.is_empty() {
        says.push_str(&format!("; one of {}", possible.join(", ")));
    }
    if let Some(name) = arg.get_env() {
        says.push_str(&format!("; or `{}`", name.to_string_lossy()));
    }
    let default: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into()).collect();
    if takes_value && !default.is_empty() {
        says.push_str(&format!("; default `{}`", default.join(",")));
    }
    format!("| `{name}` | {} |\n", says.replace('|', "\\|").replace('\n', " "))
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// The link to a chapter, as Git forges make it from its heading.
fn anchor(path: &str) -> String {
    path.to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(rule: impl Fn(&Leaf) -> Option<String>) -> Vec<String> {
        leaves().iter().filter_map(|leaf| Some(format!("{}: {}", leaf.path, rule(leaf)?))).collect()
    }

    #[test]
    fn every_command_has_a_purpose() {
        let nothing =
            findings(|leaf| leaf.purpose().is_none().then(|| "add its verb to PURPOSES".to_owned()));
        assert_eq!(nothing, [""; 0]);
    }

    #[test]
    fn every_list_has_formats_and_can_be_watched() {
        let lacks = |leaf: &Leaf| ["output", "watch", "every"].into_iter().find(|flag| !leaf.has(flag));
        let is_list = |leaf: &Leaf| leaf.purpose() == Some(Purpose::List);
        let missing = findings(|leaf| is_list(leaf).then(|| lacks(leaf)).flatten().map(str::to_owned));
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn every_show_has_formats() {
        let is_show = |leaf: &Leaf| leaf.purpose() == Some(Purpose::Show);
        let missing = findings(|leaf| (is_show(leaf) && !leaf.has("output")).then(|| "-o".to_owned()));
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn every_change_can_be_tried() {
        let is_change = |leaf: &Leaf| leaf.purpose() == Some(Purpose::Change);
        let missing =
            findings(|leaf| (is_change(leaf) && !leaf.has("dry-run")).then(|| "--dry-run".to_owned()));
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn what_can_be_tried_is_called_a_change() {
        let wrong = findings(|leaf| {
            (leaf.has("dry-run") && leaf.purpose() != Some(Purpose::Change))
                .then(|| "has --dry-run".to_owned())
        });
        assert_eq!(wrong, [""; 0]);
    }

    #[test]
    fn a_format_is_the_same_option_everywhere() {
        for leaf in leaves() {
            for arg in leaf.command.get_arguments().filter(|arg| arg.get_long() == Some("output")) {
                let words: Vec<String> =
                    arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
                assert_eq!(
                    (arg.get_short(), words),
                    (Some('o'), ["table", "json", "yaml", "csv"].map(str::to_owned).to_vec()),
                    "{}",
                    leaf.path
                );
            }
        }
    }
}
