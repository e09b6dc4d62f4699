//! `audit verify`.

use ringmain_protocol::client::CallError;
use ringmain_protocol::v1::VerifyAuditResponse;
use ringmain_telemetry::codes;
use serde_json::json;

use crate::cli::NodeArgs;
use crate::connection::{Clients, failed};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block};

/// Has a node check its history, and says how far it holds.
pub(in crate::commands) async fn verify(args: NodeArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args).await?;
    let mut progress = clients.action.verify_audit().await.map_err(|error| failed(&error))?;
    let mut last = VerifyAuditResponse::default();
    while let Some(next) = progress.message().await.map_err(|status| failed(&CallError::from(status)))? {
        last = next;
    }
    if !last.done {
        let message = "the node ended the check before it was over; ask again";
        return Err(Failure::new(FailureKind::Unavailable, codes::UNAVAILABLE.code, message));
    }
    output::print(&answer(&last), args.format, false)?;
    if last.problem.is_empty() {
        return Ok(());
    }
    let message = format!("behind log index {}: {}", last.verified_log_index, last.problem);
    Err(Failure::new(FailureKind::Internal, codes::HISTORY_CHANGED.code, message))
}

fn answer(last: &VerifyAuditResponse) -> Answer {
    let holds = last.problem.is_empty();
    let json = json!({
        "holds": holds,
        "first_log_index": last.first_log_index,
        "verified_log_index": last.verified_log_index,
        "last_log_index": last.last_log_index,
        "problem": last.problem,
    });
    let line = format!(
        "the chain holds from log index {} to {} of {}",
        last.first_log_index, last.verified_log_index, last.last_log_index
    );
    Answer { json, text: vec![Block::Line(line)] }
}
