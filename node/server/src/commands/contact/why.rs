//! `contact why`.

use ringmain_protocol::v1::explain_contact_request::Name;
use ringmain_protocol::v1::{ExplainContactRequest, ExplainContactResponse};
use serde_json::json;

use super::view::contact_json;
use super::why_text::{choice_word, side_word, text};
use super::{Named, named};
use crate::cli::ContactWhyArgs;
use crate::commands::stamp::stamp_json;
use crate::commands::why_words::{stamp_line, why_not_json};
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output::{self, Answer, Block};
use crate::words::Language;

/// Says why a contact waits, or why its operator has it.
pub(in crate::commands) async fn why(args: ContactWhyArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let name = match named(args.name) {
        Named::Id(contact) => Name::Contact(contact),
        Named::Key(key) => Name::Key(key),
    };
    let request = ExplainContactRequest { name: Some(name) };
    let why = clients.supervisor.explain_contact(request).await.map_err(|error| failed(&error))?;
    output::print(&answer(&why, Language::or_of_environment(args.lang)), args.node.format, false)
}

fn answer(why: &ExplainContactResponse, language: Language) -> Answer {
    let stamp = why.stamp.unwrap_or_default();
    let mut blocks: Vec<Block> = text(why, language).into_iter().map(Block::Line).collect();
    blocks.push(stamp_line(language, &stamp));
    let json = json!({
        "contact": contact_json(&why.contact.clone().unwrap_or_default()),
        "why": why_json(why),
        "decision": decision_json(why),
        "stamp": stamp_json(&stamp),
    });
    Answer { json, text: blocks }
}

fn why_json(why: &ExplainContactResponse) -> serde_json::Value {
    let kept = why.kept.iter().map(|kept| {
        let mut object = why_not_json(&kept.why_not.clone().unwrap_or_default());
        object["operators"] = json!(kept.operators);
        object
    });
    json!({
        "plan_version": why.plan_version,
        "entry_rule": why.entry_rule,
        "promotions": why.promotions,
        "promote_at_ms": why.promote_at_ms,
        "head_start_ms": why.head_start_ms,
        "step": why.step,
        "steps": why.steps,
        "next_step_at_ms": why.next_step_at_ms,
        "ahead": why.ahead,
        "held_for_login": why.held_for_login,
        "awaits": why.awaits,
        "kept": kept.collect::<Vec<_>>(),
        "kept_unlisted": why.kept_unlisted,
    })
}

fn decision_json(why: &ExplainContactResponse) -> serde_json::Value {
    let Some(decision) = &why.decision else { return json!(null) };
    json!({
        "at_ms": decision.at_ms,
        "log_index": decision.log_index,
        "plan_version": decision.plan_version,
        "operator": decision.operator,
        "operator_login": decision.operator_login,
        "side": side_word(decision.side()),
        "choice": choice_word(decision.choice()),
        "tier": decision.tier,
        "order_ms": decision.order_ms,
        "rank": decision.rank,
        "step": decision.step,
        "idle_since_ms": decision.idle_since_ms,
        "fitting": decision.fitting,
        "available": decision.available,
    })
}
