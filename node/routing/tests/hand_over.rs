//! Shift hand-over (R3.11): everything open goes to a colleague or back to the line, with notes.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::effect::WithdrawReason;
use ringmain_routing::plan::*;
use ringmain_routing::*;
use support::*;

/// Anna has two chats in hand; the second needs a skill that only she and clara have.
fn centre() -> Centre {
    let kazakh = QueuePlan { required: vec![("kk".into(), 1)], ..QueuePlan::named("k") };
    let mut centre = Centre::new(plan(vec![QueuePlan::named("a"), kazakh]));
    let skills: Vec<(Name, u8)> = vec![("chat".into(), 5), ("kk".into(), 5)];
    centre.ready(OperatorPlan { skills, unit: Some("north".into()), ..operator("anna") });
    for (key, queue) in [("1", "a"), ("2", "k")] {
        centre.push(EnqueueContact { channel: "chat".into(), ..contact(key, queue, 5) });
    }
    centre
}

fn hand_over(
    centre: &mut Centre,
    from: HandOverFrom,
    to: Option<&str>,
    notes: &[(&str, &str)],
) -> Result<Reply, Refusal> {
    let notes = notes.iter().map(|(key, note)| (centre.view(key).id, Name::from(*note))).collect();
    let hand_over = HandOver { from, to: to.map(Name::from), hold: Millis(60_000), notes };
    let key = format!("{}", centre.router.index().0).as_str().into();
    centre.apply(Command::Act(Box::new(Act {
        by: "sv".into(),
        key,
        action: Action::HandOver(Box::new(hand_over)),
    })))
}

fn anna() -> HandOverFrom {
    HandOverFrom::Operator("anna".into())
}

#[test]
fn r3_11_everything_open_goes_to_the_colleague_who_fits_and_the_rest_to_the_line() {
    let mut centre = centre();
    let boris = centre.ready(operator("boris"));
    centre.presence("anna", DeclaredPresence::NotReady(1));
    let (arrived, first) = (centre.view("1").enqueued_at, centre.view("1").id);
    assert_eq!(hand_over(&mut centre, anna(), Some("boris"), &[]), Ok(Reply::Acted { contacts: 2 }));
    assert_eq!((centre.with("1").as_deref(), centre.with("2")), (Some("boris"), None));
    assert_eq!(centre.view("1").enqueued_at, arrived);
    let told = centre.effects.iter().filter(|effect| {
        matches!(effect, Effect::WithdrawAssignment { reason: WithdrawReason::HandedOver, .. })
    });
    assert_eq!(told.count(), 2);
    let connected = |effect: &Effect| matches!(*effect, Effect::ConnectContact { contact, operator, .. } if contact == first && operator == boris);
    assert!(centre.effects.iter().any(connected));
}

#[test]
fn r3_11_a_colleague_who_is_full_is_waited_for() {
    let mut centre = centre();
    centre.ready(operator("boris"));
    centre.push(contact("busy", "a", 5));
    assert_eq!(centre.with("busy").as_deref(), Some("boris"));
    hand_over(&mut centre, anna(), Some("boris"), &[]).expect("boris is there");
    assert!(centre.view("1").held_for.is_some());
    centre.complete("busy");
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
}

#[test]
fn r3_11_a_unit_hands_over_to_the_line_with_a_note_for_each() {
    let mut centre = centre();
    let notes = [("1", "meter photo is missing"), ("2", "call back in Kazakh")];
    let unit = HandOverFrom::Unit("north".into());
    assert_eq!(hand_over(&mut centre, unit, None, &notes), Ok(Reply::Acted { contacts: 2 }));
    assert_eq!(centre.view("1").note.as_deref(), Some("meter photo is missing"));
    let read = Router::restore(&centre.router.snapshot().encode()).expect("sound");
    assert_eq!(read.contact_by_key("pbx", "2"), Some(centre.view("2")));
}

#[test]
fn r3_11_what_waits_for_the_operator_alone_is_handed_over_too() {
    let mut centre = centre();
    let preferred = Some(("anna".into(), Millis(600_000)));
    let chat = EnqueueContact { channel: "chat".into(), units: Some(100), preferred, ..contact("3", "a", 5) };
    centre.push(chat);
    assert!(centre.view("3").held_for.is_some());
    centre.ready(operator("boris"));
    assert_eq!(hand_over(&mut centre, anna(), None, &[]), Ok(Reply::Acted { contacts: 3 }));
    assert_eq!(centre.view("3").held_for, None);
}

#[test]
fn r3_11_a_hand_over_is_refused_whole() {
    let mut centre = centre();
    centre.ready(operator("boris"));
    let field = |refused: Result<Reply, Refusal>| match refused {
        Err(Refusal::InvalidField { field, .. }) => field.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(field(hand_over(&mut centre, anna(), Some("anna"), &[])), "to");
    centre.push(contact("9", "a", 5));
    assert_eq!(field(hand_over(&mut centre, anna(), None, &[("9", "not hers")])), "notes");
    assert_eq!(field(hand_over(&mut centre, anna(), None, &[("1", "a"), ("1", "b")])), "notes");
    centre.presence("boris", DeclaredPresence::NotReady(1));
    let refused = hand_over(&mut centre, anna(), Some("boris"), &[]);
    assert_eq!(refused, Err(Refusal::OperatorUnavailable("boris".into())));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}
