//! `verify`: every file of a stopped node.

use ringmain_replication::verify::{FileState, Finding, Report, verify};
use ringmain_telemetry::codes;
use serde_json::{Value, json};

use crate::cli::VerifyArgs;
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block, Column, Rows};
use crate::running::storage_failure;

/// Shows what was found; damage is a failure.
pub(super) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    if !args.data.is_dir() {
        let message = format!("--data: {} is no folder", args.data.display());
        return Err(Failure::new(FailureKind::Invalid, codes::INVALID_REQUEST.code, message));
    }
    let report = verify(&args.data).map_err(|error| storage_failure(&error))?;
    output::print(&answer(&report), args.format, false)?;
    match report.damaged() {
        0 => Ok(()),
        damaged => {
            let message = format!("{damaged} of {} files are damaged", report.findings.len());
            Err(Failure::new(FailureKind::Internal, codes::DAMAGED_DATA.code, message))
        }
    }
}

fn answer(report: &Report) -> Answer {
    let mut rows = Rows::new(&[
        Column::Words("file"),
        Column::Words("kind"),
        Column::Words("range"),
        Column::Words("state"),
    ]);
    for finding in &report.findings {
        let (word, why) = state_words(&finding.state);
        let state = if why.is_empty() { word.to_owned() } else { format!("{word}: {why}") };
        rows.push([
            finding.path.display().to_string(),
            finding.kind.word().to_owned(),
            finding.range.clone(),
            state,
        ]);
    }
    let files: Vec<Value> = report.findings.iter().map(as_json).collect();
    let json = json!({ "files": files, "damaged": report.damaged() });
    Answer { json, text: vec![Block::Rows(rows)] }
}

fn as_json(finding: &Finding) -> Value {
    let (state, why) = state_words(&finding.state);
    json!({
        "file": finding.path.display().to_string(),
        "kind": finding.kind.word(),
        "range": finding.range,
        "state": state,
        "why": why,
    })
}

fn state_words(state: &FileState) -> (&'static str, &str) {
    match state {
        FileState::Sound => ("sound", ""),
        FileState::Torn(what) => ("torn", what),
        FileState::Damaged(what) => ("damaged", what),
        FileState::NotChecked(why) => ("not checked", why),
    }
}
