//! `case list`, `case count`, `case show`.

use ringmain_protocol::v1::{
    Case, CaseCount, CaseEnd, CaseStageDone, CountCasesRequest, GetCaseRequest, ListCasesRequest, ReadStamp,
};
use serde_json::{Value, json};

use super::stamp::{stamp_json, stamp_line};
use super::{client, watch};
use crate::cli::{CaseCommand, CaseListArgs, CaseShowArgs, ListArgs};
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output::{self, Answer, Block, Column, Rows, moment};

/// Carries out a command on cases.
pub(super) fn run(command: CaseCommand) -> Result<(), Failure> {
    match command {
        CaseCommand::List(args) => client(list(args)),
        CaseCommand::Count(args) => client(count(args)),
        CaseCommand::Show(args) => client(show(args)),
    }
}

async fn list(args: CaseListArgs) -> Result<(), Failure> {
    watch::show(&args.list, async |clients: &Clients| {
        let (mut cases, mut page_cursor) = (Vec::new(), String::new());
        loop {
            let request = ListCasesRequest {
                page_size: 0,
                page_cursor,
                route: args.route.clone().unwrap_or_default(),
                stage: args.stage.clone().unwrap_or_default(),
                open: Some(!args.closed),
                overdue: args.overdue,
            };
            let page = clients.supervisor.list_cases(request).await.map_err(|error| failed(&error))?;
            cases.extend(page.cases);
            if page.next_page_cursor.is_empty() {
                return Ok(cases_answer(&cases, &page.stamp.unwrap_or_default()));
            }
            page_cursor = page.next_page_cursor;
        }
    })
    .await
}

async fn count(args: ListArgs) -> Result<(), Failure> {
    watch::show(&args, async |clients: &Clients| {
        let counted = clients.supervisor.count_cases(CountCasesRequest {}).await;
        let counted = counted.map_err(|error| failed(&error))?;
        Ok(counts_answer(&counted.counts, &counted.stamp.unwrap_or_default()))
    })
    .await
}

async fn show(args: CaseShowArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let request = GetCaseRequest { case: args.case };
    let response = clients.supervisor.case(request).await.map_err(|error| failed(&error))?;
    let answer = case_answer(&response.case.unwrap_or_default(), &response.stamp.unwrap_or_default());
    output::print(&answer, args.node.format, false)
}

fn cases_answer(cases: &[Case], stamp: &ReadStamp) -> Answer {
    let columns = ["case", "reference", "route", "stage", "contact", "stage due", "due", "state"];
    let mut rows = Rows::new(&columns.map(Column::Words)).like(case_json(&Case::default()));
    for case in cases {
        rows.push([
            case.case.clone(),
            case.reference.clone(),
            case.route.clone(),
            case.stage.clone(),
            case.contact.clone().unwrap_or_else(|| "–".to_owned()),
            moment(case.stage_due_ms),
            case.due_ms.map_or_else(|| "–".to_owned(), moment),
            state_text(case),
        ]);
    }
    let list: Vec<_> = cases.iter().map(case_json).collect();
    Answer {
        json: json!({"cases": list, "stamp": stamp_json(stamp)}),
        text: vec![Block::Rows(rows), stamp_line(stamp)],
    }
}

fn counts_answer(counts: &[CaseCount], stamp: &ReadStamp) -> Answer {
    let columns =
        [Column::Words("route"), Column::Words("stage"), Column::Number("open"), Column::Number("overdue")];
    let mut rows = Rows::new(&columns).like(count_json(&CaseCount::default()));
    for count in counts {
        rows.push([
            count.route.clone(),
            count.stage.clone(),
            count.open.to_string(),
            count.overdue.to_string(),
        ]);
    }
    let list: Vec<_> = counts.iter().map(count_json).collect();
    Answer {
        json: json!({"counts": list, "stamp": stamp_json(stamp)}),
        text: vec![Block::Rows(rows), stamp_line(stamp)],
    }
}

fn case_answer(case: &Case, stamp: &ReadStamp) -> Answer {
    let mut lines = vec![
        ("case", case.case.clone()),
        ("state", state_text(case)),
        ("reference", format!("{}, gateway {}", case.reference, case.gateway)),
        ("route", format!("{}, stage {} ({})", case.route, case.place + 1, case.stage)),
        ("opened", moment(case.opened_at_ms)),
        ("stage due", moment(case.stage_due_ms)),
    ];
    lines.extend(case.due_ms.map(|due| ("due", moment(due))));
    lines.extend(case.unit.clone().map(|unit| ("unit", unit)));
    lines.extend(case.reply_by.clone().map(|way| ("answer by", way)));
    lines.extend(case.contact.clone().map(|contact| ("contact", contact)));
    lines.extend(case.opened_by.clone().map(|contact| ("opened by", contact)));
    lines.extend(case.closed_at_ms.map(|at| ("closed", moment(at))));
    let done = case.history.iter().map(|done| ("done", done_text(done)));
    let lines = lines.into_iter().chain(done);
    let mut text: Vec<Block> =
        lines.map(|(name, value)| Block::Line(format!("{name:<10}  {value}"))).collect();
    text.push(stamp_line(stamp));
    Answer { json: json!({"case": case_json(case), "stamp": stamp_json(stamp)}), text }
}

fn done_text(done: &CaseStageDone) -> String {
    let by = done.operator_login.as_ref().map_or_else(String::new, |login| format!(" by {login}"));
    let late = if done.ended_ms > done.due_ms { ", late" } else { "" };
    format!("{} {}{by}, due {}{late}", done.stage, moment(done.ended_ms), moment(done.due_ms))
}

/// Why a case is over, in words.
pub(super) fn end_word(end: CaseEnd) -> Option<&'static str> {
    match end {
        CaseEnd::Unspecified => None,
        CaseEnd::Done => Some("done"),
        CaseEnd::Withdrawn => Some("withdrawn"),
        CaseEnd::ClosedEarly => Some("closed early"),
    }
}

fn state_text(case: &Case) -> String {
    match (end_word(case.end()), case.in_term) {
        (Some(end), Some(true)) => format!("{end}, in term"),
        (Some(end), _) => format!("{end}, late"),
        (None, _) if case.overdue => "overdue".to_owned(),
        (None, _) if case.warned => "due soon".to_owned(),
        (None, _) => "open".to_owned(),
    }
}

fn case_json(case: &Case) -> Value {
    let done = |done: &CaseStageDone| {
        json!({
            "place": done.place, "stage": done.stage, "since_ms": done.since_ms, "due_ms": done.due_ms,
            "ended_ms": done.ended_ms, "operator_login": done.operator_login, "escalated": done.escalated,
        })
    };
    json!({
        "case": case.case,
        "gateway": case.gateway,
        "reference": case.reference,
        "route": case.route,
        "place": case.place,
        "stage": case.stage,
        "unit": case.unit,
        "reply_by": case.reply_by,
        "opened_at_ms": case.opened_at_ms,
        "due_ms": case.due_ms,
        "stage_since_ms": case.stage_since_ms,
        "stage_due_ms": case.stage_due_ms,
        "warned": case.warned,
        "escalated": case.escalated,
        "overdue": case.overdue,
        "begun": case.begun,
        "contact": case.contact,
        "opened_by": case.opened_by,
        "end": end_word(case.end()),
        "closed_at_ms": case.closed_at_ms,
        "in_term": case.in_term,
        "history": case.history.iter().map(done).collect::<Vec<_>>(),
    })
}

fn count_json(count: &CaseCount) -> Value {
    json!({
        "route": count.route, "place": count.place, "stage": count.stage, "open": count.open,
        "overdue": count.overdue,
    })
}
