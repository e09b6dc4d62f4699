//! `life-support`: who is in the register.

use std::path::Path;

use ringmain_protocol::v1::life_support_reference::Reference;
use ringmain_protocol::v1::{CheckLifeSupportRequest, LifeSupportReference, PutLifeSupportRequest};
use ringmain_telemetry::codes;
use serde_json::json;

use super::client;
use crate::cli::{CheckRegisterArgs, LifeSupportCommand, ReferenceArgs, RegisterArgs};
use crate::connection::{Clients, failed};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block};
use crate::progress::Progress;

/// References in one call.
const CALL_MAX: usize = 2_000;
/// Mistakes of a file that are listed.
const MISTAKES_SHOWN: usize = 20;

/// Carries out a command on the register.
pub(super) fn run(command: LifeSupportCommand) -> Result<(), Failure> {
    match command {
        LifeSupportCommand::Add(args) => client(change(args, true)),
        LifeSupportCommand::Remove(args) => client(change(args, false)),
        LifeSupportCommand::Check(args) => client(check(args)),
    }
}

async fn change(args: RegisterArgs, enter: bool) -> Result<(), Failure> {
    let mut whom = named(&args.references);
    if let Some(file) = &args.file {
        whom.extend(read(file)?);
    }
    if whom.is_empty() {
        return Err(invalid("nobody is named; give --phone, --account, --supply-point or --file"));
    }
    let clients = Clients::open(&args.node).await?;
    let progress = Progress::new("references", whom.len() as u64);
    let (mut done, mut size, mut log_index) = (0, 0, None);
    for part in whom.chunks(CALL_MAX) {
        let (add, remove) = if enter { (part.to_vec(), vec![]) } else { (vec![], part.to_vec()) };
        let request = PutLifeSupportRequest { add, remove, dry_run: args.dry_run };
        let put = clients.life_support.put(request).await.map_err(|error| stopped(failed(&error), done))?;
        done += part.len();
        progress.at(done as u64, whom.len() as u64);
        (size, log_index) = (put.size, put.receipt.map(|receipt| receipt.log_index));
    }
    drop(progress);
    let what = if enter { "in" } else { "out" };
    let json = json!({
        "dry_run": args.dry_run, "what": what, "references": done, "size": size, "log_index": log_index,
    });
    let line = match log_index {
        Some(index) => format!("{done} references {what}; the register holds {size}; log index {index}"),
        // A dry run of several calls judges each by itself.
        None => format!("{done} references {what}; nothing was done (--dry-run)"),
    };
    output::print(&Answer { json, text: vec![Block::Line(line)] }, args.node.format, false)
}

/// What went before stays; the same file again takes up the rest.
fn stopped(failure: Failure, done: usize) -> Failure {
    if done == 0 {
        return failure;
    }
    let message = format!("{}; {done} references are done, the same command again goes on", failure.message);
    Failure { message, ..failure }
}

async fn check(args: CheckRegisterArgs) -> Result<(), Failure> {
    let references = ReferenceArgs {
        phone: args.phone.into_iter().collect(),
        account: args.account.into_iter().collect(),
        supply_point: args.supply_point.into_iter().collect(),
    };
    let clients = Clients::open(&args.node).await?;
    let request = CheckLifeSupportRequest { reference: named(&references).pop() };
    let checked = clients.life_support.check(request).await.map_err(|error| failed(&error))?;
    let log_index = checked.receipt.map(|receipt| receipt.log_index);
    let json = json!({"registered": checked.registered, "log_index": log_index});
    let word = if checked.registered { "in the register" } else { "not in the register" };
    let line = format!("{word}; the question stands in the audit");
    output::print(&Answer { json, text: vec![Block::Line(line)] }, args.node.format, false)
}

fn named(args: &ReferenceArgs) -> Vec<LifeSupportReference> {
    let each = |list: &[String], make: fn(String) -> Reference| -> Vec<LifeSupportReference> {
        list.iter().map(|text| LifeSupportReference { reference: Some(make(text.clone())) }).collect()
    };
    let mut all = each(&args.phone, Reference::Phone);
    all.extend(each(&args.account, Reference::Account));
    all.extend(each(&args.supply_point, Reference::SupplyPoint));
    all
}

/// The references of a file; all mistakes at once, with their lines.
fn read(path: &Path) -> Result<Vec<LifeSupportReference>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| invalid(format!("--file: cannot read {}: {cause}", path.display())))?;
    let (mut found, mut mistakes) = (Vec::new(), Vec::new());
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.split('#').next().unwrap_or_default().trim();
        if text.is_empty() {
            continue;
        }
        match reference(text) {
            Some(reference) => found.push(LifeSupportReference { reference: Some(reference) }),
            None => mistakes.push(line),
        }
    }
    if mistakes.is_empty() {
        return Ok(found);
    }
    let shown: Vec<String> = mistakes.iter().take(MISTAKES_SHOWN).map(ToString::to_string).collect();
    let more = if mistakes.len() > MISTAKES_SHOWN { " and more" } else { "" };
    Err(invalid(format!(
        "--file {}: line {}{more}: write `phone NUMBER`, `account ACCOUNT` or `supply-point POINT`",
        path.display(),
        shown.join(", ")
    )))
}

fn reference(line: &str) -> Option<Reference> {
    let (kind, text) = line.split_once(char::is_whitespace)?;
    let text = text.trim().to_owned();
    match kind {
        "phone" => Some(Reference::Phone(text)),
        "account" => Some(Reference::Account(text)),
        "supply-point" => Some(Reference::SupplyPoint(text)),
        _ => None,
    }
}

fn invalid(message: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Invalid, codes::INVALID_REQUEST.code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_a_kind_and_a_reference() {
        assert_eq!(reference("phone  +7 912 1"), Some(Reference::Phone("+7 912 1".to_owned())));
        assert_eq!(reference("supply-point RU-1"), Some(Reference::SupplyPoint("RU-1".to_owned())));
        assert_eq!((reference("phone"), reference("mail a")), (None, None));
    }
}
