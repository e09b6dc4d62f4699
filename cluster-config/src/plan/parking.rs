//! Work that rests for who is urgent, in the plan file.

use ringmain_routing::limits::{BY_CHANNELS_MAX, PARKS_MAX};
use ringmain_routing::rules::Interruptible;

use super::names::Names;
use super::shape::NAME;
use crate::problem::Sink;
use crate::section::Section;
use crate::shape::{Field, Kind, Need, Shape};

pub(super) static INTERRUPTIBLE: Shape = Shape {
    doc: "For whom work in an operator's hands is parked, and how often.",
    exactly_one: false,
    fields: &[
        Field {
            name: "by_tier",
            kind: Kind::Integer(0, u8::MAX as u64),
            need: Need::Number(1),
            doc: "For contacts of this tier and below, of a smaller tier than the work.",
        },
        Field {
            name: "by_channels",
            kind: Kind::List(&NAME, BY_CHANNELS_MAX),
            need: Need::Optional,
            doc: "And for contacts of these channels, of no greater tier than the work, whose own queue cannot be interrupted.",
        },
        Field {
            name: "parks_max",
            kind: Kind::Integer(1, PARKS_MAX as u64),
            need: Need::Number(3),
            doc: "So often one contact is parked; once more, and it goes back to its place in line.",
        },
    ],
};

/// The rule, with each channel known and named once.
pub(super) fn read_interruptible(
    table: &Section<'_>,
    channels: &Names,
    sink: &mut Sink<'_>,
) -> Interruptible {
    let mut rule = Interruptible {
        by_tier: u8::try_from(table.number("by_tier")).unwrap_or(u8::MAX),
        by_channels: Vec::new(),
        parks_max: super::room::cap(table.number("parks_max")),
    };
    for channel in table.texts("by_channels") {
        if rule.by_channels.iter().any(|known| **known == *channel.value) {
            sink.add(&channel.span, &channel.path, format!("names {:?} twice", channel.value));
        } else if channels.resolve(&channel, sink) {
            rule.by_channels.push(channel.value.into());
        }
    }
    rule
}

pub(super) fn interruptible_words(rule: Option<&Interruptible>) -> String {
    let Some(rule) = rule else { return "never".to_owned() };
    let channels: Vec<String> = rule.by_channels.iter().map(|channel| format!("{channel:?}")).collect();
    let channels = if channels.is_empty() { String::new() } else { format!(" and {}", channels.join(" + ")) };
    format!("by tier {}{channels}, parked {} times", rule.by_tier, rule.parks_max)
}
