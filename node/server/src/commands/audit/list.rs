//! `audit list`.

use std::time::{SystemTime, UNIX_EPOCH};

use ringmain_protocol::v1::{AuditRecord, ListAuditRequest};
use serde_json::json;

use crate::cli::AuditListArgs;
use crate::commands::watch;
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output::{Answer, Block, Column, Rows, moment};

/// Shows what people did.
pub(in crate::commands) async fn list(args: AuditListArgs) -> Result<(), Failure> {
    watch::show(&args.list, async |clients: &Clients| Ok(answer(&records(clients, &args).await?))).await
}

async fn records(clients: &Clients, args: &AuditListArgs) -> Result<Vec<AuditRecord>, Failure> {
    let (mut records, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = clients.action.list_audit(request(args, cursor)).await.map_err(|error| failed(&error))?;
        records.extend(page.records);
        if records.len() >= args.limit || page.next_page_cursor.is_empty() {
            break;
        }
        cursor = page.next_page_cursor;
    }
    records.truncate(args.limit);
    Ok(records)
}

fn request(args: &AuditListArgs, page_cursor: String) -> ListAuditRequest {
    ListAuditRequest {
        page_size: 0,
        page_cursor,
        by: args.by.clone().unwrap_or_default(),
        actions: args.actions.clone(),
        since_ms: args.since.map(ms),
        contact: args.contact.clone().unwrap_or_default(),
    }
}

fn ms(time: SystemTime) -> u64 {
    let span = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn answer(records: &[AuditRecord]) -> Answer {
    let mut rows = Rows::new(&[
        Column::Number("index"),
        Column::Words("time"),
        Column::Words("by"),
        Column::Words("action"),
        Column::Words("subject"),
        Column::Words("detail"),
        Column::Words("outcome"),
    ])
    .like(record_json(&AuditRecord::default()));
    for record in records {
        rows.push([
            record.log_index.to_string(),
            moment(record.at_ms),
            record.by.clone(),
            record.action.clone(),
            record.subject.clone(),
            record.detail.clone(),
            outcome(record),
        ]);
    }
    let json = json!({"records": records.iter().map(record_json).collect::<Vec<_>>()});
    Answer { json, text: vec![Block::Rows(rows)] }
}

fn outcome(record: &AuditRecord) -> String {
    match (record.refused.as_str(), record.contacts) {
        ("", 0) => "done".to_owned(),
        ("", contacts) => format!("{contacts} contacts"),
        (code, _) => format!("refused: {code}"),
    }
}

fn record_json(record: &AuditRecord) -> serde_json::Value {
    let chain: String = record.chain.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "log_index": record.log_index,
        "at_ms": record.at_ms,
        "by": record.by,
        "action": record.action,
        "key": record.key,
        "subject": record.subject,
        "detail": record.detail,
        "refused": record.refused,
        "contacts": record.contacts,
        "chain": chain,
    })
}
