//! What people read.

use std::collections::BTreeSet;

use ringmain_protocol::v1::{ContactThread, ReadStamp, WhyNot};

use super::*;

const LANGUAGES: [Language; 3] = [Language::En, Language::Ru, Language::Kk];

fn group(reason: WhyNotReason, operators: u64, change: impl FnOnce(&mut WhyNot)) -> KeptOperators {
    let mut why_not = WhyNot { reason: reason.into(), ..WhyNot::default() };
    change(&mut why_not);
    KeptOperators { why_not: Some(why_not), operators }
}

fn waits() -> ExplainContactResponse {
    let contact = Contact {
        contact: "c12.0".into(),
        queue: "outage".into(),
        channel: "voice".into(),
        tier: 3,
        enqueued_at_ms: 1_000,
        state: ContactState::Waiting.into(),
        ..Contact::default()
    };
    ExplainContactResponse {
        contact: Some(contact),
        plan_version: 4,
        entry_rule: Some("no light".into()),
        promotions: 2,
        promote_at_ms: Some(241_000),
        head_start_ms: 30_000,
        step: 2,
        steps: 3,
        next_step_at_ms: Some(166_000),
        ahead: 12,
        kept: vec![
            group(WhyNotReason::NoRoom, 3, |why| why.units = 100),
            group(WhyNotReason::NotSignedIn, 8, |_| ()),
            group(WhyNotReason::Skill, 12, |why| why.name = "kk".into()),
        ],
        stamp: Some(ReadStamp { at_ms: 126_000, ..ReadStamp::default() }),
        ..ExplainContactResponse::default()
    }
}

#[test]
fn a_waiting_contact_is_explained_from_its_place_to_those_kept_from_it() {
    let lines = text(&waits(), Language::En);
    let expected = [
        "c12.0 waits in queue outage, channel voice, for 2 min 5 s.",
        "12 contacts stand before it.",
        "Tier 3. Waiting has taken it up 2 tiers. It goes up the next tier in 1 min 55 s.",
        "Entry rule no light sent it here. It has a head start of 30 s.",
        "Step 2 of 3 of the ladder. The next step comes in 40 s.",
        "Why operators do not take it:",
        "  8 operators who fit are not signed in.",
        "  3 operators who fit have no room for units: 100.",
        "  12 operators lack skill kk.",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_waiting_contact_is_explained_in_russian_and_kazakh() {
    let lines = text(&waits(), Language::Ru);
    assert_eq!(lines[0], "c12.0 ждёт в очереди outage, канал voice, уже 2 мин 5 с.");
    assert_eq!(lines[1], "Перед ним 12 контактов.");
    assert_eq!(lines[6], "  8 подходящих операторов не вошли в систему.");
    let lines = text(&waits(), Language::Kk);
    assert_eq!(lines[0], "c12.0 outage кезегінде, voice арнасында 2 мин 5 с күтіп тұр.");
    assert_eq!(lines[8], "  12 операторда kk дағдысы жоқ.");
}

#[test]
fn that_nobody_fits_is_said_before_all_else() {
    let lonely =
        ExplainContactResponse { kept: vec![group(WhyNotReason::Reach, 2, |_| ())], ahead: 0, ..waits() };
    let lines = text(&lonely, Language::En);
    assert_eq!(lines[1..3], ["Nobody fits at this step of the ladder.", "It is the first of its queue."]);
    let last = ExplainContactResponse { next_step_at_ms: None, kept: Vec::new(), ..lonely };
    let lines = text(&last, Language::En);
    assert!(lines[1].starts_with("Nobody at all fits: "), "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with("It is the last step.")), "{lines:?}");
}

fn decided(side: DecisionSide, choice: OperatorChoice) -> Decision {
    Decision {
        at_ms: 126_000,
        log_index: 77,
        plan_version: 4,
        operator: "o3.0".into(),
        operator_login: "anna".into(),
        side: side.into(),
        choice: choice.into(),
        tier: 3,
        order_ms: 1_000,
        rank: 1,
        step: 2,
        idle_since_ms: 116_000,
        fitting: Some(5),
        available: Some(2),
    }
}

fn rings() -> ExplainContactResponse {
    let contact = Contact {
        state: ContactState::Offered.into(),
        operator_login: Some("anna".into()),
        state_until_ms: Some(136_000),
        ..waits().contact.unwrap_or_default()
    };
    let decision = decided(DecisionSide::Contact, OperatorChoice::LongestIdle);
    ExplainContactResponse { contact: Some(contact), kept: Vec::new(), decision: Some(decision), ..waits() }
}

#[test]
fn an_assigned_contact_is_explained_by_the_record_of_its_decision() {
    let expected = [
        "c12.0 of queue outage is offered to anna; 10 s left to answer.",
        "Why anna:",
        "  Given at 1970-01-01T00:02:06.000Z, log index 77, plan version 4.",
        "  The contact looked for an operator; its queue chooses who has been idle for longest.",
        "  The operator had been idle for 10 s.",
        "  The queue is not the operator's own (rank 1).",
        "  Step 2 of the ladder, tier 3, place in time 1970-01-01T00:00:01.000Z.",
        "  5 operators fitted at that step, available: 2.",
    ];
    assert_eq!(text(&rings(), Language::En), expected);
    let lines = text(&rings(), Language::Ru);
    assert_eq!(lines[7], "  На этой ступени подходили 5 операторов, доступных: 2.");
}

#[test]
fn an_assignment_without_a_record_is_not_taken_for_none() {
    let of = |assignment| {
        let contact = rings().contact.map(|contact| Contact { assignment, ..contact });
        text(&ExplainContactResponse { contact, decision: None, ..rings() }, Language::En)
    };
    assert!(of(1)[1].contains("is not recorded"), "{:?}", of(1));
    assert_eq!(of(0)[1], "It was never given to an operator.");
}

#[test]
fn every_side_and_choice_has_its_own_words_in_every_language() {
    let sides: Vec<_> = (0..).map_while(|number| DecisionSide::try_from(number).ok()).collect();
    let choices: Vec<_> = (1..).map_while(|number| OperatorChoice::try_from(number).ok()).collect();
    for language in LANGUAGES {
        let pairs = sides.iter().flat_map(|&side| choices.iter().map(move |&choice| (side, choice)));
        let said: BTreeSet<String> =
            pairs.map(|(side_of, choice)| language.say(side(&decided(side_of, choice)), &[])).collect();
        assert_eq!(said.len(), choices.len() + sides.len() - 1, "{language:?}: {said:?}");
    }
}

#[test]
fn every_state_and_end_has_words_without_gaps_in_every_language() {
    let states: Vec<_> = (0..).map_while(|number| ContactState::try_from(number).ok()).collect();
    let ends: Vec<_> = (0..).map_while(|number| EndReason::try_from(number).ok()).collect();
    for language in LANGUAGES {
        let mut said = BTreeSet::new();
        for &state in &states {
            for &end in &ends {
                let contact = Contact {
                    state: state.into(),
                    end_reason: end.into(),
                    ..rings().contact.unwrap_or_default()
                };
                let why = ExplainContactResponse { contact: Some(contact), ..rings() };
                said.insert(text(&why, language)[0].clone());
            }
        }
        assert_eq!(said.len(), states.len() + ends.len() - 1, "{language:?}: {said:?}");
        assert!(said.iter().all(|line| line.contains("c12.0") && line.contains("outage")), "{said:?}");
    }
}

#[test]
fn what_is_parked_says_for_whom_and_a_thread_whose_reply_is_owed() {
    let talk = |change: fn(&mut Contact)| {
        let mut contact = Contact {
            contact: "c1.0".into(),
            queue: "chats".into(),
            state: ContactState::Handling.into(),
            operator_login: Some("anna".into()),
            state_since_ms: Some(6_000),
            assignment: 1,
            ..Contact::default()
        };
        change(&mut contact);
        let stamp = Some(ReadStamp { at_ms: 66_000, ..ReadStamp::default() });
        ExplainContactResponse { contact: Some(contact), stamp, ..ExplainContactResponse::default() }
    };
    let said = |why: &ExplainContactResponse| text(why, Language::En)[1].clone();
    let urgent = talk(|contact| contact.parked_since_ms = Some(56_000));
    assert_eq!(said(&urgent), "It is parked and takes no room: somebody more urgent took it 10 s ago.");
    let silent = talk(|contact| {
        let thread = ContactThread { since_ms: 36_000, rests: true, ..Default::default() };
        (contact.parked_since_ms, contact.thread) = (Some(56_000), Some(thread));
    });
    assert_eq!(said(&silent), "It is parked and takes no room: its customer has been silent for 30 s.");
    let owed = talk(|contact| {
        let reply_due_ms = Some(76_000);
        contact.thread = Some(ContactThread { reply_due_ms, ..Default::default() });
    });
    assert_eq!(said(&owed), "Its customer waits for a reply, due in 10 s.");
    for language in LANGUAGES {
        assert_eq!(text(&silent, language).len(), text(&urgent, language).len());
    }
}
