//! `queue list`.

use ringmain_protocol::v1::{ListQueuesRequest, Queue, ReadStamp};
use serde_json::json;

use super::stamp::{stamp_json, stamp_line};
use super::watch;
use crate::cli::{ListArgs, QueueCommand};
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output::{Answer, Block, Column, Rows, span};

/// Carries out a command on queues.
pub(super) fn run(command: QueueCommand) -> Result<(), Failure> {
    match command {
        QueueCommand::List(args) => super::client(list(args)),
    }
}

/// The queues of all pages.
pub(super) async fn list(args: ListArgs) -> Result<(), Failure> {
    watch::show(&args, async |clients: &Clients| {
        let (mut queues, mut cursor) = (Vec::new(), String::new());
        loop {
            let request = ListQueuesRequest { page_size: 0, page_cursor: cursor };
            let page = clients.supervisor.list_queues(request).await.map_err(|error| failed(&error))?;
            queues.extend(page.queues);
            if page.next_page_cursor.is_empty() {
                return Ok(answer(&queues, &page.stamp.unwrap_or_default()));
            }
            cursor = page.next_page_cursor;
        }
    })
    .await
}

/// The queues with how old this is.
pub(super) fn answer(queues: &[Queue], stamp: &ReadStamp) -> Answer {
    let mut rows = Rows::new(&[
        Column::Words("queue"),
        Column::Words("state"),
        Column::Number("waiting"),
        Column::Number("longest"),
        Column::Number("expected"),
        Column::Number("offered"),
        Column::Number("handling"),
        Column::Number("wrap-up"),
        Column::Number("entered"),
        Column::Number("connected"),
        Column::Number("abandoned"),
        Column::Number("ASA"),
        Column::Number("level"),
    ])
    .like(queue_json(&Queue::default()));
    for queue in queues {
        let longest = queue.oldest_enqueued_at_ms.map(|at| span(stamp.at_ms.saturating_sub(at)));
        rows.push([
            queue.name.clone(),
            if queue.open { "open" } else { "closed" }.to_owned(),
            queue.waiting.to_string(),
            longest.unwrap_or_else(|| "–".to_owned()),
            queue.expected_wait_ms.map_or_else(|| "–".to_owned(), span),
            queue.offered.to_string(),
            queue.handling.to_string(),
            queue.wrap_up.to_string(),
            queue.entered_total.to_string(),
            queue.connected_total.to_string(),
            queue.abandoned_total.to_string(),
            mean_wait_ms(queue).map_or_else(|| "–".to_owned(), span),
            level_percent(queue).map_or_else(|| "–".to_owned(), |level| format!("{level} %")),
        ]);
    }
    let list: Vec<_> = queues.iter().map(queue_json).collect();
    Answer {
        json: json!({"queues": list, "stamp": stamp_json(stamp)}),
        text: vec![Block::Rows(rows), stamp_line(stamp)],
    }
}

/// Average speed of answer over all that were connected.
pub(super) fn mean_wait_ms(queue: &Queue) -> Option<u64> {
    queue.answered_wait_ms_total?.checked_div(queue.connected_total)
}

/// Share of the answered and abandoned contacts that was answered within the target.
pub(super) fn level_percent(queue: &Queue) -> Option<u64> {
    queue
        .answered_in_target_total?
        .checked_mul(100)?
        .checked_div(queue.connected_total + queue.abandoned_total)
}

fn queue_json(queue: &Queue) -> serde_json::Value {
    json!({
        "name": queue.name,
        "open": queue.open,
        "waiting": queue.waiting,
        "oldest_enqueued_at_ms": queue.oldest_enqueued_at_ms,
        "expected_wait_ms": queue.expected_wait_ms,
        "wait_band": queue.wait_band,
        "offered": queue.offered,
        "handling": queue.handling,
        "wrap_up": queue.wrap_up,
        "entered_total": queue.entered_total,
        "connected_total": queue.connected_total,
        "completed_total": queue.completed_total,
        "abandoned_total": queue.abandoned_total,
        "merged_total": queue.merged_total,
        "requeued_total": queue.requeued_total,
        "target_within_ms": queue.target_within_ms,
        "target_percent": queue.target_percent,
        "answered_wait_ms_total": queue.answered_wait_ms_total,
        "answered_in_target_total": queue.answered_in_target_total,
    })
}
