//! Rules of threads as messages, and back.

use ringmain_routing::ids::Millis;
use ringmain_routing::rules::{ThreadRules, ThreadTimes};

use super::{names, texts};
use crate::v1;

pub(super) fn to_message(rule: &ThreadRules) -> v1::ThreadRule {
    let ThreadTimes {
        first_reply,
        next_reply,
        warn_before,
        requeue_after,
        park_after,
        close_after,
        keep_for,
    } = rule.times;
    let ms = |span: Option<Millis>| span.map(|span| span.0);
    v1::ThreadRule {
        channels: texts(&rule.channels),
        first_reply_ms: ms(first_reply),
        next_reply_ms: ms(next_reply),
        warn_before_ms: warn_before.0,
        requeue_after_ms: ms(requeue_after),
        park_after_ms: ms(park_after),
        close_after_ms: ms(close_after),
        keep_for_ms: keep_for.0,
    }
}

pub(super) fn from_message(rule: v1::ThreadRule) -> ThreadRules {
    ThreadRules {
        channels: names(rule.channels),
        times: ThreadTimes {
            first_reply: rule.first_reply_ms.map(Millis),
            next_reply: rule.next_reply_ms.map(Millis),
            warn_before: Millis(rule.warn_before_ms),
            requeue_after: rule.requeue_after_ms.map(Millis),
            park_after: rule.park_after_ms.map(Millis),
            close_after: rule.close_after_ms.map(Millis),
            keep_for: Millis(rule.keep_for_ms),
        },
    }
}
