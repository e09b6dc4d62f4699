//! `enquiry list`, `enquiry show`, `enquiry answer`, `enquiry withdraw`.

use ringmain_protocol::v1::{
    CloseEnquiryRequest, Enquiry, EnquiryChanged, EnquiryNews, EnquiryTold, GetEnquiryRequest,
    ListEnquiriesRequest, ReadStamp,
};
use serde_json::{Value, json};

use super::stamp::{stamp_json, stamp_line};
use super::{action, client, watch};
use crate::cli::{ActionArgs, EnquiryCommand, EnquiryListArgs, EnquiryShowArgs};
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output::{self, Answer, Block, Column, Rows, moment};

/// Carries out a command on enquiries.
pub(super) fn run(command: EnquiryCommand) -> Result<(), Failure> {
    match command {
        EnquiryCommand::List(args) => client(list(args)),
        EnquiryCommand::Show(args) => client(show(args)),
        EnquiryCommand::Answer(args) => client(close(args.action, args.enquiry, Some(args.answer))),
        EnquiryCommand::Withdraw(args) => client(close(args.action, args.enquiry, None)),
    }
}

async fn list(args: EnquiryListArgs) -> Result<(), Failure> {
    watch::show(&args.list, async |clients: &Clients| {
        let (mut enquiries, mut page_cursor) = (Vec::new(), String::new());
        loop {
            let request = ListEnquiriesRequest {
                page_size: 0,
                page_cursor,
                asker: args.asker.clone().unwrap_or_default(),
                unit: args.unit.clone().unwrap_or_default(),
                contact: args.contact.clone().unwrap_or_default(),
                open: Some(!args.closed),
                overdue: args.overdue,
            };
            let page = clients.supervisor.list_enquiries(request).await.map_err(|error| failed(&error))?;
            enquiries.extend(page.enquiries);
            if page.next_page_cursor.is_empty() {
                return Ok(list_answer(&enquiries, &page.stamp.unwrap_or_default()));
            }
            page_cursor = page.next_page_cursor;
        }
    })
    .await
}

async fn show(args: EnquiryShowArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let request = GetEnquiryRequest { enquiry: args.enquiry };
    let response = clients.supervisor.enquiry(request).await.map_err(|error| failed(&error))?;
    let stamp = response.stamp.unwrap_or_default();
    let answer = enquiry_answer(&response.enquiry.unwrap_or_default(), &stamp);
    output::print(&answer, args.node.format, false)
}

async fn close(act: ActionArgs, enquiry: String, answer: Option<String>) -> Result<(), Failure> {
    let key = action::key(&act);
    let clients = Clients::open(&act.node).await?;
    let what = format!("{} {enquiry}", if answer.is_some() { "answer" } else { "withdraw" });
    let request = CloseEnquiryRequest { idempotency_key: key.clone(), dry_run: act.dry_run, enquiry, answer };
    let done = clients.action.close_enquiry(request).await.map_err(|error| failed(&error))?;
    let what = if done.calls > 0 { format!("{what}, the promised call is made now") } else { what };
    action::print(&act, &key, &what, None, done.receipt)
}

fn list_answer(enquiries: &[Enquiry], stamp: &ReadStamp) -> Answer {
    let columns = ["enquiry", "asker", "to", "question", "due", "contact", "call", "state"];
    let mut rows = Rows::new(&columns.map(Column::Words)).like(enquiry_json(&Enquiry::default()));
    for enquiry in enquiries {
        rows.push([
            enquiry.enquiry.clone(),
            enquiry.asker_login.clone(),
            enquiry.to.clone(),
            enquiry.question.clone(),
            moment(enquiry.due_ms),
            enquiry.contact.clone(),
            enquiry.call.clone().unwrap_or_else(|| "–".to_owned()),
            state_word(enquiry).to_owned(),
        ]);
    }
    let list: Vec<_> = enquiries.iter().map(enquiry_json).collect();
    Answer {
        json: json!({"enquiries": list, "stamp": stamp_json(stamp)}),
        text: vec![Block::Rows(rows), stamp_line(stamp)],
    }
}

fn enquiry_answer(enquiry: &Enquiry, stamp: &ReadStamp) -> Answer {
    let mut lines = vec![
        ("enquiry", enquiry.enquiry.clone()),
        ("state", state_word(enquiry).to_owned()),
        ("question", enquiry.question.clone()),
        ("to", enquiry.to.clone()),
        ("asker", enquiry.asker_login.clone()),
        ("about", format!("{}, gateway {}", enquiry.contact, enquiry.gateway)),
        ("begun", moment(enquiry.begun_at_ms)),
        ("due", moment(enquiry.due_ms)),
    ];
    lines.extend(enquiry.unit.clone().map(|unit| ("unit", unit)));
    lines.extend(enquiry.call.clone().map(|call| ("call", call)));
    let closed = |at: u64| ("closed", format!("{} by {}", moment(at), enquiry.closed_by));
    lines.extend(enquiry.closed_at_ms.map(closed));
    lines.extend(enquiry.answer.clone().map(|answer| ("answer", answer)));
    let mut text: Vec<Block> =
        lines.into_iter().map(|(name, value)| Block::Line(format!("{name:<10}  {value}"))).collect();
    text.push(stamp_line(stamp));
    Answer { json: json!({"enquiry": enquiry_json(enquiry), "stamp": stamp_json(stamp)}), text }
}

fn state_word(enquiry: &Enquiry) -> &'static str {
    match (&enquiry.closed_at_ms, &enquiry.answer) {
        (Some(_), Some(_)) => "answered",
        (Some(_), None) => "withdrawn",
        (None, _) if enquiry.overdue => "overdue",
        (None, _) if enquiry.reminded => "due soon",
        (None, _) => "open",
    }
}

fn enquiry_json(enquiry: &Enquiry) -> Value {
    json!({
        "enquiry": enquiry.enquiry,
        "contact": enquiry.contact,
        "gateway": enquiry.gateway,
        "asker": enquiry.asker,
        "asker_login": enquiry.asker_login,
        "unit": enquiry.unit,
        "to": enquiry.to,
        "question": enquiry.question,
        "begun_at_ms": enquiry.begun_at_ms,
        "due_ms": enquiry.due_ms,
        "remind_at_ms": enquiry.remind_at_ms,
        "reminded": enquiry.reminded,
        "overdue": enquiry.overdue,
        "call": enquiry.call,
        "closed_at_ms": enquiry.closed_at_ms,
        "closed_by": enquiry.closed_by,
        "answer": enquiry.answer,
    })
}

/// An event of an enquiry: its name, and the rest of its line.
pub(super) fn changed_text(changed: &EnquiryChanged) -> (&'static str, String) {
    let enquiry = changed.enquiry.clone().unwrap_or_default();
    let of = format!("{} to {}", enquiry.enquiry, enquiry.to);
    let rest = match (changed.news(), &enquiry.answer) {
        (EnquiryNews::Answered, Some(answer)) => format!("{of}: {answer}"),
        _ => format!("{of}, due {}", moment(enquiry.due_ms)),
    };
    (news_word(changed.news()), rest)
}

/// Who hears of an enquiry, as a line.
pub(super) fn told_text(told: &EnquiryTold) -> (&'static str, String) {
    let (news, rest) = changed_text(&told.changed.clone().unwrap_or_default());
    ("enquiry-told", format!("{}: {news} {rest}", told.operator_login))
}

/// An event of an enquiry, for programs.
pub(super) fn changed_json(changed: &EnquiryChanged) -> (&'static str, Value) {
    let enquiry = changed.enquiry.clone().unwrap_or_default();
    (news_word(changed.news()), json!({"enquiry": enquiry_json(&enquiry)}))
}

/// Who hears of an enquiry, for programs.
pub(super) fn told_json(told: &EnquiryTold) -> (&'static str, Value) {
    let changed = told.changed.clone().unwrap_or_default();
    let enquiry = enquiry_json(&changed.enquiry.clone().unwrap_or_default());
    let of = json!({
        "operator": told.operator, "operator_login": told.operator_login, "news": news_word(changed.news()),
        "enquiry": enquiry,
    });
    ("enquiry-told", of)
}

fn news_word(news: EnquiryNews) -> &'static str {
    match news {
        EnquiryNews::Unspecified => "enquiry",
        EnquiryNews::Begun => "asked",
        EnquiryNews::Reminded => "answer-due-soon",
        EnquiryNews::Overdue => "answer-overdue",
        EnquiryNews::Answered => "answered",
        EnquiryNews::Withdrawn => "enquiry-withdrawn",
        EnquiryNews::Yours => "enquiry-yours",
    }
}
