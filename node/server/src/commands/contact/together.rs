//! What bots have learned of a contact, for people and for programs.

use ringmain_protocol::v1::{Contact, ContactContext};
use serde_json::json;

use crate::commands::supervision::seat_text;

/// What was learned, in lines.
pub(super) fn context_lines(contact: &Contact) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if contact.wants_people {
        lines.push(("wants", "a person".to_owned()));
    }
    lines.extend(contact.legs.iter().map(|leg| ("consultation", leg.clone())));
    if let Some(of) = &contact.leg_of {
        let with = if contact.joined { ", with the customer" } else { "" };
        lines.push(("consults about", format!("{of}{with}")));
    }
    lines.extend(contact.note.clone().map(|note| ("note", note)));
    lines.extend(contact.seats.iter().map(|seat| ("supervised", seat_text(seat))));
    lines.extend(contact.enquiries.iter().map(|enquiry| ("enquiry", enquiry.clone())));
    if let Some(context) = &contact.context {
        lines.extend(context.intent.clone().map(|intent| ("intent", intent)));
        let slots = context.slots.iter().map(|slot| format!("{}: {}", slot.name, slot.value));
        lines.extend(slots.map(|slot| ("learned", slot)));
        lines.extend(context.transcript.clone().map(|transcript| ("transcript", transcript)));
    }
    lines
}

pub(super) fn context_json(context: &ContactContext) -> serde_json::Value {
    let slots = context.slots.iter().map(|slot| json!({"name": slot.name, "value": slot.value}));
    json!({
        "intent": context.intent,
        "slots": slots.collect::<Vec<_>>(),
        "transcript": context.transcript,
    })
}
