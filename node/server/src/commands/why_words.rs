//! What `contact why` and `operator why` have in common: reasons and the age of an answer in words.

use std::fmt::Display;

use ringmain_protocol::v1::{ReadStamp, WhyNot, WhyNotReason};
use serde_json::json;

use crate::output::{Block, moment};
use crate::words::{Key, Language};

/// Why some operators do not take a contact, as a sentence.
pub(super) fn kept(language: Language, why_not: &WhyNot, operators: u64) -> String {
    let until = moment(why_not.until_ms);
    language.count(keys(why_not.reason()).0, operators, &values(why_not, &until))
}

/// What keeps one operator, as the end of a sentence.
pub(super) fn keeps(language: Language, why_not: &WhyNot) -> String {
    let until = moment(why_not.until_ms);
    language.say(keys(why_not.reason()).1, &values(why_not, &until))
}

/// A reason for programs.
pub(super) fn why_not_json(why_not: &WhyNot) -> serde_json::Value {
    let mut object = json!({"reason": word(why_not.reason())});
    match why_not.reason() {
        WhyNotReason::Skill
        | WhyNotReason::Language
        | WhyNotReason::Principal
        | WhyNotReason::Channel
        | WhyNotReason::Cap => object["name"] = json!(why_not.name),
        WhyNotReason::Level => {
            object["name"] = json!(why_not.name);
            object["level"] = json!(why_not.level);
        }
        WhyNotReason::Rank => object["rank"] = json!(why_not.rank),
        WhyNotReason::NotReady => object["not_ready_reason"] = json!(why_not.not_ready_reason),
        WhyNotReason::NoRoom => object["units"] = json!(why_not.units),
        WhyNotReason::OnBreak | WhyNotReason::Resting => object["until_ms"] = json!(why_not.until_ms),
        WhyNotReason::Unspecified
        | WhyNotReason::Bot
        | WhyNotReason::Reach
        | WhyNotReason::NotSignedIn
        | WhyNotReason::StreamLost
        | WhyNotReason::Missed
        | WhyNotReason::QueueCap
        | WhyNotReason::Reserved
        | WhyNotReason::KeptAway
        | WhyNotReason::HeldForAnother
        | WhyNotReason::HandedOut
        | WhyNotReason::NotDue
        | WhyNotReason::CustomerSilent
        | WhyNotReason::NotWaiting
        | WhyNotReason::BreakDue
        | WhyNotReason::ShiftEnds
        | WhyNotReason::Nothing => {}
    }
    object
}

/// Whether operators with this reason fit, but for what they do at the moment.
pub(super) fn fits(reason: WhyNotReason) -> bool {
    match reason {
        WhyNotReason::Unspecified
        | WhyNotReason::Skill
        | WhyNotReason::Level
        | WhyNotReason::Language
        | WhyNotReason::Principal
        | WhyNotReason::Channel
        | WhyNotReason::Bot
        | WhyNotReason::Reach
        | WhyNotReason::Rank => false,
        WhyNotReason::NotSignedIn
        | WhyNotReason::StreamLost
        | WhyNotReason::NotReady
        | WhyNotReason::Missed
        | WhyNotReason::NoRoom
        | WhyNotReason::Cap
        | WhyNotReason::QueueCap
        | WhyNotReason::Reserved
        | WhyNotReason::KeptAway
        | WhyNotReason::HeldForAnother
        | WhyNotReason::HandedOut
        | WhyNotReason::NotDue
        | WhyNotReason::CustomerSilent
        | WhyNotReason::NotWaiting
        | WhyNotReason::OnBreak
        | WhyNotReason::BreakDue
        | WhyNotReason::ShiftEnds
        | WhyNotReason::Resting
        | WhyNotReason::Nothing => true,
    }
}

/// How old an answer is, as a line below it.
pub(super) fn stamp_line(language: Language, stamp: &ReadStamp) -> Block {
    let mut line = language.say(Key::Stamp, &[("node", &stamp.node), ("index", &stamp.log_index)]);
    let age = match stamp.stale_since_ms {
        Some(_) => Some(Key::StampStale),
        None => (stamp.age_ms > 2_000).then_some(Key::StampOld),
    };
    if let Some(age) = age {
        line = format!("{line}, {}", language.say(age, &[("span", &language.span(stamp.age_ms))]));
    }
    Block::Line(line)
}

/// The values that sentences about a reason may have.
fn values<'a>(why_not: &'a WhyNot, until: &'a dyn Display) -> [(&'static str, &'a dyn Display); 6] {
    [
        ("name", &why_not.name),
        ("level", &why_not.level),
        ("rank", &why_not.rank),
        ("reason", &why_not.not_ready_reason),
        ("units", &why_not.units),
        ("until", until),
    ]
}

/// What is said of several operators, and of one.
fn keys(reason: WhyNotReason) -> (Key, Key) {
    match reason {
        WhyNotReason::Unspecified => (Key::KeptUnknown, Key::IsUnknown),
        WhyNotReason::Skill => (Key::KeptSkill, Key::IsSkill),
        WhyNotReason::Level => (Key::KeptLevel, Key::IsLevel),
        WhyNotReason::Language => (Key::KeptLanguage, Key::IsLanguage),
        WhyNotReason::Principal => (Key::KeptPrincipal, Key::IsPrincipal),
        WhyNotReason::Channel => (Key::KeptChannel, Key::IsChannel),
        WhyNotReason::Bot => (Key::KeptBot, Key::IsBot),
        WhyNotReason::Reach => (Key::KeptReach, Key::IsReach),
        WhyNotReason::Rank => (Key::KeptRank, Key::IsRank),
        WhyNotReason::NotSignedIn => (Key::KeptNotSignedIn, Key::IsNotSignedIn),
        WhyNotReason::StreamLost => (Key::KeptStreamLost, Key::IsStreamLost),
        WhyNotReason::NotReady => (Key::KeptNotReady, Key::IsNotReady),
        WhyNotReason::Missed => (Key::KeptMissed, Key::IsMissed),
        WhyNotReason::NoRoom => (Key::KeptNoRoom, Key::IsNoRoom),
        WhyNotReason::Cap => (Key::KeptCap, Key::IsCap),
        WhyNotReason::QueueCap => (Key::KeptQueueCap, Key::IsQueueCap),
        WhyNotReason::Reserved => (Key::KeptReserved, Key::IsReserved),
        WhyNotReason::KeptAway => (Key::KeptKeptAway, Key::IsKeptAway),
        WhyNotReason::HeldForAnother => (Key::KeptHeldForAnother, Key::IsHeldForAnother),
        WhyNotReason::HandedOut => (Key::KeptHandedOut, Key::IsHandedOut),
        WhyNotReason::NotDue => (Key::KeptNotDue, Key::IsNotDue),
        WhyNotReason::CustomerSilent => (Key::KeptCustomerSilent, Key::IsCustomerSilent),
        WhyNotReason::NotWaiting => (Key::KeptNotWaiting, Key::IsNotWaiting),
        WhyNotReason::OnBreak => (Key::KeptOnBreak, Key::IsOnBreak),
        WhyNotReason::BreakDue => (Key::KeptBreakDue, Key::IsBreakDue),
        WhyNotReason::ShiftEnds => (Key::KeptShiftEnds, Key::IsShiftEnds),
        WhyNotReason::Resting => (Key::KeptResting, Key::IsResting),
        WhyNotReason::Nothing => (Key::KeptNothing, Key::IsNothing),
    }
}

fn word(reason: WhyNotReason) -> &'static str {
    match reason {
        WhyNotReason::Unspecified => "unknown",
        WhyNotReason::Skill => "skill",
        WhyNotReason::Level => "level",
        WhyNotReason::Language => "language",
        WhyNotReason::Principal => "principal",
        WhyNotReason::Channel => "channel",
        WhyNotReason::Bot => "bot",
        WhyNotReason::Reach => "reach",
        WhyNotReason::Rank => "rank",
        WhyNotReason::NotSignedIn => "not-signed-in",
        WhyNotReason::StreamLost => "stream-lost",
        WhyNotReason::NotReady => "not-ready",
        WhyNotReason::Missed => "missed",
        WhyNotReason::NoRoom => "no-room",
        WhyNotReason::Cap => "cap",
        WhyNotReason::QueueCap => "queue-cap",
        WhyNotReason::Reserved => "reserved",
        WhyNotReason::KeptAway => "kept-away",
        WhyNotReason::HeldForAnother => "held-for-another",
        WhyNotReason::HandedOut => "handed-out",
        WhyNotReason::NotDue => "not-due",
        WhyNotReason::CustomerSilent => "customer-silent",
        WhyNotReason::NotWaiting => "not-waiting",
        WhyNotReason::OnBreak => "on-break",
        WhyNotReason::BreakDue => "break-due",
        WhyNotReason::ShiftEnds => "shift-ends",
        WhyNotReason::Resting => "resting",
        WhyNotReason::Nothing => "nothing",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LANGUAGES: [Language; 3] = [Language::En, Language::Ru, Language::Kk];

    /// Each reason there is, with a value in every field.
    fn all() -> Vec<WhyNot> {
        let reasons = (0..).map_while(|number| WhyNotReason::try_from(number).ok());
        let filled = |reason: WhyNotReason| WhyNot {
            reason: reason.into(),
            name: "kk".into(),
            level: 4,
            rank: 2,
            not_ready_reason: 31,
            units: 250,
            until_ms: 1_700_000_000_000,
        };
        reasons.map(filled).collect()
    }

    #[test]
    fn every_reason_has_its_own_words_with_its_values_in_every_language() {
        for language in LANGUAGES {
            let (mut sentences, mut ends) = (BTreeSet::new(), BTreeSet::new());
            for why_not in all() {
                let (sentence, end) = (kept(language, &why_not, 7), keeps(language, &why_not));
                assert!(sentence.contains('7'), "{sentence}");
                let json = why_not_json(&why_not);
                let fields = json.as_object().expect("an object").iter().filter(|field| field.0 != "reason");
                for (field, value) in fields {
                    let value = match value.as_u64().filter(|_| field == "until_ms") {
                        Some(until) => moment(until),
                        None => value.as_str().map_or(value.to_string(), str::to_owned),
                    };
                    assert!(sentence.contains(&value) && end.contains(&value), "{sentence} {end}: {value}");
                }
                sentences.insert(sentence);
                ends.insert(end);
            }
            assert_eq!((sentences.len(), ends.len()), (all().len(), all().len()), "{language:?}");
        }
    }

    #[test]
    fn a_stale_answer_says_so_in_every_language() {
        let stamp = ReadStamp { node: 2, log_index: 9, age_ms: 65_000, stale_since_ms: Some(1), at_ms: 1 };
        let lines = LANGUAGES.map(|language| match stamp_line(language, &stamp) {
            Block::Line(line) => line,
            Block::Rows(_) => String::new(),
        });
        assert_eq!(lines[0], "node 2 at log index 9, STALE: without the majority for 1 min 5 s");
        assert_eq!(lines[1], "узел 2, номер в журнале 9, УСТАРЕЛО: без большинства уже 1 мин 5 с");
        assert_eq!(lines[2], "2 түйіні, журналдағы нөмірі 9, ЕСКІРГЕН: көпшіліксіз 1 мин 5 с");
    }
}
