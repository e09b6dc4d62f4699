//! `operator why`.

use ringmain_protocol::v1::{ExplainOperatorRequest, ExplainOperatorResponse, QueueWhyNot};
use serde_json::json;

use super::list::operator_json;
use crate::cli::OperatorWhyArgs;
use crate::commands::stamp::stamp_json;
use crate::commands::why_words::{keeps, stamp_line, why_not_json};
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output::{self, Answer, Block, Column, Rows};
use crate::words::{Key, Language};

/// Says why an operator gets no contacts.
pub(in crate::commands) async fn why(args: OperatorWhyArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let request = ExplainOperatorRequest { login: args.login };
    let why = clients.supervisor.explain_operator(request).await.map_err(|error| failed(&error))?;
    output::print(&answer(&why, Language::or_of_environment(args.lang)), args.node.format, false)
}

fn answer(why: &ExplainOperatorResponse, language: Language) -> Answer {
    let (operator, stamp) = (why.operator.clone().unwrap_or_default(), why.stamp.unwrap_or_default());
    let login = ("login", &operator.login as &dyn std::fmt::Display);
    let first = match &why.at_all {
        None => language.say(Key::OperatorFree, &[login]),
        Some(reason) => language.say(Key::OperatorKept, &[login, ("reason", &keeps(language, reason))]),
    };
    let load = [("used", &operator.used as &dyn std::fmt::Display), ("capacity", &operator.capacity)];
    let mut text = vec![Block::Line(first), Block::Line(language.say(Key::Load, &load))];
    if why.queues.is_empty() {
        text.push(Block::Line(language.say(Key::NoLines, &[])));
    }
    text.push(Block::Rows(rows(&why.queues, language)));
    text.push(stamp_line(language, &stamp));
    let queues: Vec<_> = why.queues.iter().map(queue_json).collect();
    let json = json!({
        "operator": operator_json(&operator),
        "at_all": why.at_all.as_ref().map(why_not_json),
        "queues": queues,
        "stamp": stamp_json(&stamp),
    });
    Answer { json, text }
}

fn rows(queues: &[QueueWhyNot], language: Language) -> Rows {
    let head = [
        Column::Words(language.text(Key::ColumnQueue)),
        Column::Number(language.text(Key::ColumnInLine)),
        Column::Words(language.text(Key::ColumnWhy)),
    ];
    let mut rows = Rows::new(&head).like(queue_json(&QueueWhyNot::default()));
    for queue in queues {
        let reason = keeps(language, &queue.why_not.clone().unwrap_or_default());
        rows.push([queue.queue.clone(), queue.waiting.to_string(), reason]);
    }
    rows
}

fn queue_json(queue: &QueueWhyNot) -> serde_json::Value {
    json!({
        "name": queue.queue,
        "waiting": queue.waiting,
        "why_not": why_not_json(&queue.why_not.clone().unwrap_or_default()),
    })
}
