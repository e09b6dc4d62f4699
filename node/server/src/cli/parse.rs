//! From words to a command, with what the context in use fills in.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::{CONTEXT_ARG, Cli};
use crate::contexts::{Context, Contexts};
use crate::exit::Failure;

/// Reads the words of a command line. A context fills in what flags and variables leave open; one that is named on
/// the command line goes before the variables, so that a change never reaches another cluster than the one named.
/// Ends the process, as help does, when the words are no command.
///
/// # Errors
/// When the context named does not exist, or the contexts cannot be read.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, Failure> {
    let words: Vec<OsString> = words.into_iter().collect();
    match read(&words, Contexts::load)? {
        Ok(cli) => Ok(cli),
        Err(error) => error.exit(),
    }
}

/// Which context a command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    /// None: the command talks to no cluster, or is told which.
    None,
    /// The one in use, if any.
    InUse,
    /// One by name; on the command line, or by a variable.
    Named { name: String, on_command_line: bool },
}

fn read(
    words: &[OsString],
    contexts: impl FnOnce() -> Result<Contexts, Failure>,
) -> Result<Result<Cli, clap::Error>, Failure> {
    // What is wrong with the words is said below, by the command as it is.
    let choice = match nothing_required(Cli::command()).try_get_matches_from(words) {
        Ok(matches) => choice(&matches),
        Err(_) => Choice::None,
    };
    let command = match choice {
        Choice::None => Cli::command(),
        Choice::InUse => match contexts()?.in_use() {
            Some(context) => filled(Cli::command(), context, false),
            None => Cli::command(),
        },
        Choice::Named { name, on_command_line } => {
            filled(Cli::command(), contexts()?.named(&name)?, on_command_line)
        }
    };
    Ok(command.try_get_matches_from(words).and_then(|matches| Cli::from_arg_matches(&matches)))
}

fn nothing_required(command: Command) -> Command {
    command.mut_args(|arg| arg.required(false)).mut_subcommands(nothing_required)
}

fn choice(matches: &ArgMatches) -> Choice {
    let mut leaf = matches;
    while let Some((_, below)) = leaf.subcommand() {
        leaf = below;
    }
    let Ok(name) = leaf.try_get_one::<String>(CONTEXT_ARG) else { return Choice::None };
    let is_said =
        |id| matches!(leaf.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable));
    match name {
        Some(name) if leaf.value_source(CONTEXT_ARG) == Some(ValueSource::CommandLine) => {
            Choice::Named { name: name.clone(), on_command_line: true }
        }
        _ if is_said("address") => Choice::None,
        Some(name) => Choice::Named { name: name.clone(), on_command_line: false },
        None => Choice::InUse,
    }
}

/// The command with the context's values as defaults.
fn filled(command: Command, context: &Context, without_variables: bool) -> Command {
    let talks = command.get_arguments().any(|arg| arg.get_id() == CONTEXT_ARG);
    let fill = |arg: Arg| {
        let values: Vec<OsString> = match arg.get_env().and_then(OsStr::to_str) {
            Some("RINGMAIN_ADDR") => context.address.iter().map(OsString::from).collect(),
            Some("RINGMAIN_TOKEN") => context.token.iter().map(OsString::from).collect(),
            Some("RINGMAIN_GATEWAY") => context.gateway.iter().map(OsString::from).collect(),
            Some(_) | None => return arg,
        };
        let arg = if without_variables { arg.env(Resettable::Reset) } else { arg };
        if values.is_empty() {
            arg
        } else {
            arg.required(false).default_values(values).hide_default_value(true)
        }
    };
    let command = if talks { command.mut_args(fill) } else { command };
    command.mut_subcommands(|sub| filled(sub, context, without_variables))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command as Asked, ContactCommand, NodeArgs, QueueCommand};

    fn contexts() -> Contexts {
        let text = "in_use = \"siberia\"\n\n[contexts.siberia]\naddress = [\"a:1\", \"b:2\"]\ntoken = \"s\"\ngateway = \"web\"\n\n\
                    [contexts.test]\naddress = [\"t:1\"]\n";
        Contexts::parse("contexts.toml", text).expect("good")
    }

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn node(line: &str) -> NodeArgs {
        let cli = read(&words(line), || Ok(contexts())).expect("a context").expect("a command");
        if let Asked::Queue(QueueCommand::List(args)) = cli.command {
            return args.node;
        }
        let Asked::Contact(ContactCommand::Push(args)) = cli.command else {
            panic!("{line}: another command")
        };
        assert_eq!(args.gateway, "web");
        args.node
    }

    #[test]
    fn the_context_in_use_fills_in_what_is_not_said() {
        let args = node("ringmain queue list");
        assert_eq!(
            (args.address, args.token.as_deref()),
            (vec!["a:1".to_owned(), "b:2".to_owned()], Some("s"))
        );
        let args = node("ringmain contact push --key k --queue q --channel c");
        assert_eq!(args.token.as_deref(), Some("s"), "a required argument may come from the context");
    }

    #[test]
    fn a_named_context_goes_before_the_one_in_use_and_brings_no_token_of_another() {
        let args = node("ringmain queue list --context test");
        assert_eq!((args.address, args.token), (vec!["t:1".to_owned()], None));
        let args = node("ringmain queue list --context test --token mine");
        assert_eq!(args.token.as_deref(), Some("mine"));
    }

    #[test]
    fn an_address_on_the_command_line_never_gets_the_token_of_a_context() {
        let args = node("ringmain queue list --address x:9");
        assert_eq!((args.address, args.token), (vec!["x:9".to_owned()], None));
    }

    #[test]
    fn a_context_that_does_not_exist_is_refused_with_those_that_do() {
        let failure = read(&words("ringmain queue list --context tset"), || Ok(contexts()))
            .expect_err("no such context");
        assert!(failure.message.contains("siberia, test"), "{failure}");
    }

    #[test]
    fn a_command_for_no_cluster_asks_for_no_context() {
        let never = || -> Result<Contexts, Failure> { panic!("the contexts were read") };
        assert!(read(&words("ringmain start --config c.toml"), never).expect("no context").is_ok());
    }
}
