//! `queue list`, `close-entry`, `open-entry`, `closures` and `triggers`.

use std::time::UNIX_EPOCH;

use ringmain_protocol::v1::{
    CloseEntryRequest, Closure, ListClosuresRequest, ListQueuesRequest, ListTriggersRequest,
    OpenEntryRequest, Queue, ReadStamp, Trigger, TriggerMeasure, TriggerState,
};
use serde_json::json;

use super::stamp::{stamp_json, stamp_line};
use super::{action, watch};
use crate::cli::{EntryArgs, ListArgs, NodeArgs, QueueCloseArgs, QueueCommand, QueueOpenArgs};
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output::{self, Answer, Block, Column, Rows, moment, span};

/// Carries out a command on queues.
pub(super) fn run(command: QueueCommand) -> Result<(), Failure> {
    match command {
        QueueCommand::List(args) => super::client(list(args)),
        QueueCommand::CloseEntry(args) => super::client(close_entry(args)),
        QueueCommand::OpenEntry(args) => super::client(open_entry(args)),
        QueueCommand::Closures(args) => super::client(closures(args)),
        QueueCommand::Triggers(args) => super::client(triggers(args)),
    }
}

async fn close_entry(args: QueueCloseArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let until = args.until.and_then(|until| until.duration_since(UNIX_EPOCH).ok());
    let request = CloseEntryRequest {
        idempotency_key: key.clone(),
        dry_run: act.dry_run,
        queue: args.entry.queue.clone().unwrap_or_default(),
        unit: args.entry.unit.clone().unwrap_or_default(),
        why: args.why.clone(),
        until_ms: until.map(|until| u64::try_from(until.as_millis()).unwrap_or(u64::MAX)),
    };
    let done = clients.action.close_entry(request).await.map_err(|error| failed(&error))?;
    action::print(act, &key, &format!("close {} for arrivals", words(&args.entry)), None, done.receipt)
}

async fn open_entry(args: QueueOpenArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let request = OpenEntryRequest {
        idempotency_key: key.clone(),
        dry_run: act.dry_run,
        queue: args.entry.queue.clone().unwrap_or_default(),
        unit: args.entry.unit.clone().unwrap_or_default(),
    };
    let done = clients.action.open_entry(request).await.map_err(|error| failed(&error))?;
    action::print(act, &key, &format!("open {} for arrivals", words(&args.entry)), None, done.receipt)
}

fn words(entry: &EntryArgs) -> String {
    let unit = entry.unit.as_ref().map(|unit| format!("unit {unit}"));
    unit.or(entry.queue.as_ref().map(|queue| format!("queue {queue}"))).unwrap_or_default()
}

async fn closures(args: NodeArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args).await?;
    let asked = clients.action.list_closures(ListClosuresRequest {}).await;
    let answer = closures_answer(&asked.map_err(|error| failed(&error))?.closures);
    output::print(&answer, args.format, false)
}

fn closures_answer(closures: &[Closure]) -> Answer {
    let mut rows = Rows::new(&[
        Column::Words("closed"),
        Column::Words("since"),
        Column::Words("until"),
        Column::Words("by"),
        Column::Words("why"),
    ])
    .like(closure_json(&Closure::default()));
    for closure in closures {
        let closed = match closure.unit.as_str() {
            "" => format!("queue {}", closure.queue),
            unit => format!("unit {unit}"),
        };
        let until = closure.until_ms.map_or_else(|| "opened by hand".to_owned(), moment);
        rows.push([closed, moment(closure.since_ms), until, closure.by.clone(), closure.why.clone()]);
    }
    let list: Vec<_> = closures.iter().map(closure_json).collect();
    Answer { json: json!({ "closures": list }), text: vec![Block::Rows(rows)] }
}

fn closure_json(closure: &Closure) -> serde_json::Value {
    json!({
        "queue": closure.queue,
        "unit": closure.unit,
        "since_ms": closure.since_ms,
        "until_ms": closure.until_ms,
        "by": closure.by,
        "why": closure.why,
    })
}

async fn triggers(args: NodeArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args).await?;
    let asked = clients.action.list_triggers(ListTriggersRequest {}).await;
    let answer = triggers_answer(&asked.map_err(|error| failed(&error))?.triggers);
    output::print(&answer, args.format, false)
}

fn triggers_answer(triggers: &[TriggerState]) -> Answer {
    let mut rows = Rows::new(&[
        Column::Words("trigger"),
        Column::Words("queue"),
        Column::Words("measure"),
        Column::Number("now"),
        Column::Number("on at"),
        Column::Number("off at"),
        Column::Words("on since"),
    ])
    .like(trigger_json(&TriggerState::default()));
    for trigger in triggers {
        let rule = trigger.rule.clone().unwrap_or_default();
        let shown = |figure| figure_words(&rule, figure);
        rows.push([
            rule.name.clone(),
            rule.queue.clone(),
            measure_word(rule.measure()).replace('-', " "),
            trigger.figure.map_or_else(|| "–".to_owned(), shown),
            shown(rule.on),
            shown(rule.off),
            trigger.on_since_ms.map_or_else(|| "off".to_owned(), moment),
        ]);
    }
    let list: Vec<_> = triggers.iter().map(trigger_json).collect();
    Answer { json: json!({ "triggers": list }), text: vec![Block::Rows(rows)] }
}

fn figure_words(rule: &Trigger, figure: u64) -> String {
    match rule.measure() {
        TriggerMeasure::Unspecified | TriggerMeasure::Waiting => figure.to_string(),
        TriggerMeasure::LongestWait | TriggerMeasure::ExpectedWait => span(figure),
        TriggerMeasure::ServiceLevel => format!("{figure} %"),
    }
}

fn measure_word(measure: TriggerMeasure) -> &'static str {
    match measure {
        TriggerMeasure::Unspecified => "unknown",
        TriggerMeasure::Waiting => "waiting",
        TriggerMeasure::LongestWait => "longest-wait",
        TriggerMeasure::ExpectedWait => "expected-wait",
        TriggerMeasure::ServiceLevel => "service-level",
    }
}

fn trigger_json(trigger: &TriggerState) -> serde_json::Value {
    let rule = trigger.rule.clone().unwrap_or_default();
    json!({
        "name": rule.name,
        "queue": rule.queue,
        "measure": measure_word(rule.measure()),
        "figure": trigger.figure,
        "on": rule.on,
        "off": rule.off,
        "on_since_ms": trigger.on_since_ms,
    })
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
        Column::Number("parked"),
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
            queue.parked.to_string(),
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
        "parked": queue.parked,
        "for_customer": queue.for_customer,
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
