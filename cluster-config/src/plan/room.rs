//! Room: what a channel costs an operator, caps by queue; what completions must say, and what customers hear of the wait.

use ringmain_routing::limits::RESULTS_MAX;
use ringmain_routing::rules::ResultRule;
use ringmain_routing::{Millis, Name};

use super::read::small;
use super::rules::{Known, each_once};
use super::shape::NAME;
use crate::problem::Sink;
use crate::section::Section;
use crate::shape::{Field, Kind, Need, Shape};

pub(super) static RESULTS: Shape = Shape {
    doc: "What a completion must say.",
    exactly_one: false,
    fields: &[
        Field {
            name: "topics",
            kind: Kind::List(&NAME, RESULTS_MAX),
            need: Need::Optional,
            doc: "Topics, one of which it was about; none named allows every topic.",
        },
        Field {
            name: "outcomes",
            kind: Kind::List(&NAME, RESULTS_MAX),
            need: Need::Optional,
            doc: "What may have come of it; none named allows every outcome.",
        },
    ],
};

pub(super) fn read_results(table: &Section<'_>, sink: &mut Sink<'_>) -> ResultRule {
    ResultRule { topics: each_once(table, "topics", sink), outcomes: each_once(table, "outcomes", sink) }
}

/// From which expected waits on which band is told.
pub(super) fn read_bands(section: &Section<'_>, sink: &mut Sink<'_>) -> Vec<Millis> {
    let bands = section.number_list("bands_ms");
    for pair in bands.windows(2).filter(|pair| pair[1].value <= pair[0].value) {
        let message = format!("{} ms is not longer than the band before", pair[1].value);
        sink.add_hint(
            &pair[1].span,
            &pair[1].path,
            message,
            "name the bands from the shortest wait to the longest",
        );
    }
    bands.into_iter().map(|from| Millis(from.value)).collect()
}

pub(super) fn cap(cap: u64) -> u16 {
    u16::try_from(cap).unwrap_or(u16::MAX)
}

/// What channels cost the operator.
pub(super) fn read_units(section: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> Vec<(Name, u32)> {
    let units = section.numbers("units").into_iter();
    let units = units.filter(|(channel, _)| known.channels.resolve(channel, sink));
    units.map(|(channel, units)| (channel.value.into(), small(units))).collect()
}

/// How many contacts of a queue the operator may have.
pub(super) fn read_queue_caps(
    section: &Section<'_>,
    known: &Known<'_>,
    sink: &mut Sink<'_>,
) -> Vec<(Name, u16)> {
    let caps = section.numbers("queue_caps").into_iter();
    let caps = caps.filter(|(queue, _)| known.queues.resolve(queue, sink));
    caps.map(|(queue, own)| (queue.value.into(), cap(own))).collect()
}
