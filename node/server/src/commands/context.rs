//! `context`: clusters by name.

use std::io::Read;
use std::path::Path;

use ringmain_telemetry::codes;
use serde_json::json;

use crate::cli::{ContextAddArgs, ContextCommand, ContextLsArgs, ContextNameArgs, Format};
use crate::contexts::{Context, Contexts};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block, Column, Rows};

/// Longest file that is taken for a token.
const TOKEN_BYTES_MAX: u64 = 4_096;

/// Carries out a command on contexts.
pub(super) fn run(command: ContextCommand) -> Result<(), Failure> {
    match command {
        ContextCommand::Add(args) => add(&args),
        ContextCommand::Select(args) => change(&args, "selected", Contexts::select),
        ContextCommand::Ls(args) => list(&args),
        ContextCommand::Rm(args) => change(&args, "removed", Contexts::remove),
    }
}

fn add(args: &ContextAddArgs) -> Result<(), Failure> {
    let token = match &args.token_file {
        Some(path) => Some(read_token(path)?),
        None => args.token.clone(),
    };
    let context = Context { address: args.address.clone(), token, gateway: args.gateway.clone() };
    let mut contexts = Contexts::load()?;
    contexts.add(&args.name, context, args.replace)?;
    if args.select {
        contexts.select(&args.name)?;
    }
    finish(&contexts, &args.name, "added", args.dry_run, args.format)
}

fn change(
    args: &ContextNameArgs,
    done: &str,
    apply: impl Fn(&mut Contexts, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut contexts = Contexts::load()?;
    apply(&mut contexts, &args.name)?;
    finish(&contexts, &args.name, done, args.dry_run, args.format)
}

fn finish(contexts: &Contexts, name: &str, done: &str, dry_run: bool, format: Format) -> Result<(), Failure> {
    let file = if dry_run { None } else { Some(contexts.save()?) };
    let in_use = contexts.in_use.as_deref();
    let end = if dry_run { "; nothing was written (--dry-run)" } else { "" };
    let line = format!("{name} {done}, {} is in use{end}", in_use.unwrap_or("none"));
    let json = json!({"context": name, "done": done, "in_use": in_use, "dry_run": dry_run, "file": file});
    output::print(&Answer { json, text: vec![Block::Line(line)] }, format, false)
}

fn list(args: &ContextLsArgs) -> Result<(), Failure> {
    loop {
        output::print(&answer(&Contexts::load()?), args.format, args.watch.watch)?;
        if !args.watch.watch {
            return Ok(());
        }
        std::thread::sleep(args.watch.every);
    }
}

fn answer(contexts: &Contexts) -> Answer {
    let mut rows = Rows::new(&[
        Column::Words(""),
        Column::Words("context"),
        Column::Words("address"),
        Column::Words("token"),
        Column::Words("gateway"),
    ])
    .like(context_json("", &Context::default(), false));
    let mut list = Vec::new();
    for (name, context) in &contexts.contexts {
        let in_use = contexts.in_use.as_deref() == Some(name);
        rows.push([
            if in_use { "*" } else { "" }.to_owned(),
            name.clone(),
            context.address.join(","),
            if context.token.is_some() { "yes" } else { "no" }.to_owned(),
            context.gateway.clone().unwrap_or_else(|| "–".to_owned()),
        ]);
        list.push(context_json(name, context, in_use));
    }
    Answer { json: json!({"contexts": list, "in_use": contexts.in_use}), text: vec![Block::Rows(rows)] }
}

fn context_json(name: &str, context: &Context, in_use: bool) -> serde_json::Value {
    json!({
        "name": name,
        "address": context.address,
        "has_token": context.token.is_some(),
        "gateway": context.gateway,
        "in_use": in_use,
    })
}

fn read_token(path: &Path) -> Result<String, Failure> {
    let invalid = |cause: &dyn std::fmt::Display| {
        let message = format!("--token-file: {}: {cause}", path.display());
        Failure::new(FailureKind::Invalid, codes::INVALID_CONTEXT.code, message)
    };
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(path).map_err(|error| invalid(&error))?)
    };
    let mut text = String::new();
    source.take(TOKEN_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| invalid(&error))?;
    let token = text.trim();
    if token.is_empty() || text.len() as u64 > TOKEN_BYTES_MAX || token.contains(char::is_whitespace) {
        return Err(invalid(&format!(
            "holds no token: one word of at most {TOKEN_BYTES_MAX} bytes is wanted"
        )));
    }
    Ok(token.to_owned())
}
