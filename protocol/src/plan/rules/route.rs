//! Routes of cases between their two forms.

use ringmain_routing::rules::{Route, Stage};
use ringmain_routing::{Millis, Name};

use super::{names, text, texts};
use crate::v1;

pub(super) fn to_message(route: &Route) -> v1::Route {
    let stage = |stage: &Stage| v1::RouteStage {
        name: text(&stage.name),
        queue: text(&stage.queue),
        term_ms: stage.term.0,
        warn_before_ms: stage.warn_before.0,
        escalate_to: stage.escalate_to.as_ref().map(text),
        watchers: texts(&stage.watchers),
        reply_by: texts(&stage.reply_by),
        channel: stage.channel.as_ref().map(text),
        call_back: stage.call_back.as_ref().map(text),
    };
    v1::Route {
        name: text(&route.name),
        stages: route.stages.iter().map(stage).collect(),
        term_ms: route.term.map(|term| term.0),
        calendar: route.calendar.as_ref().map(text),
    }
}

pub(super) fn from_message(route: v1::Route) -> Route {
    let stage = |stage: v1::RouteStage| Stage {
        name: stage.name.into(),
        queue: stage.queue.into(),
        term: Millis(stage.term_ms),
        warn_before: Millis(stage.warn_before_ms),
        escalate_to: stage.escalate_to.map(Name::from),
        watchers: names(stage.watchers),
        reply_by: names(stage.reply_by),
        channel: stage.channel.map(Name::from),
        call_back: stage.call_back.map(Name::from),
    };
    Route {
        name: route.name.into(),
        stages: route.stages.into_iter().map(stage).collect(),
        term: route.term_ms.map(Millis),
        calendar: route.calendar.map(Name::from),
    }
}
