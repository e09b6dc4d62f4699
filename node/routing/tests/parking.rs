//! Work is parked for who is urgent, and goes on afterwards (R3.5, R2.2).

mod support;

use ringmain_routing::command::*;
use ringmain_routing::effect::WithdrawReason;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

/// Calls come to `calls`, letters to `mail` and `more`, where they are connected at once.
fn centre() -> Centre {
    centre_with(Interruptible { by_tier: 1, by_channels: vec!["voice".into()], parks_max: 2 })
}

fn queues(rule: Option<Interruptible>) -> Vec<QueuePlan> {
    let rules = QueueRules { interruptible: rule, ..QueueRules::default() };
    vec![
        QueuePlan { wrap_up: Millis(0), ..QueuePlan::named("calls") },
        QueuePlan { wrap_up: Millis(0), rules, ..QueuePlan::named("mail") },
        QueuePlan { wrap_up: Millis(0), ..QueuePlan::named("chats") },
    ]
}

fn centre_with(rule: Interruptible) -> Centre {
    Centre::new(plan(queues(Some(rule))))
}

fn letter(key: &str, tier: u8) -> EnqueueContact {
    EnqueueContact { channel: "chat".into(), units: Some(50), ..contact(key, "mail", tier) }
}

fn parked(centre: &Centre, key: &str) -> bool {
    centre.view(key).parked.is_some()
}

fn used(centre: &Centre, login: &str) -> u32 {
    let operator = centre.router.operator(centre.operator(login)).expect("known");
    operator.used
}

fn told(centre: &Centre, key: &str, on: bool) -> bool {
    let id = centre.view(key).id;
    let is_told = |effect: &&Effect| matches!(effect, Effect::ParkContact { contact, on: is_on, .. } if *contact == id && *is_on == on);
    centre.effects.iter().filter(is_told).count() == 1
}

#[test]
fn r3_5_a_call_interrupts_a_letter_which_goes_on_afterwards() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    let before = centre.view("letter").assignment;
    centre.push(contact("call", "calls", 5));
    assert_eq!(centre.with("call").as_deref(), Some("anna"));
    assert_eq!(centre.with("letter").as_deref(), Some("anna"), "she keeps it");
    assert!(parked(&centre, "letter") && told(&centre, "letter", true));
    assert_eq!(used(&centre, "anna"), 100);
    centre.complete("call");
    assert!(!parked(&centre, "letter") && told(&centre, "letter", false));
    assert_eq!((used(&centre, "anna"), centre.view("letter").assignment), (50, before));
    centre.complete("letter");
    assert_eq!(used(&centre, "anna"), 0);
}

#[test]
fn r3_5_only_who_is_urgent_or_of_a_stated_channel_interrupts() {
    let mut centre = centre_with(Interruptible { by_tier: 1, by_channels: vec![], parks_max: 2 });
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    centre.push(contact("call", "calls", 2));
    assert_eq!(centre.with("call"), None);
    assert!(!parked(&centre, "letter"));
    centre.push(contact("urgent", "calls", 1));
    assert_eq!(centre.with("urgent").as_deref(), Some("anna"));
    assert!(parked(&centre, "letter"));
}

#[test]
fn r3_5_no_call_interrupts_a_letter_of_a_smaller_tier() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(letter("letter", 3));
    centre.push(contact("call", "calls", 4));
    assert_eq!(centre.with("call"), None);
}

#[test]
fn r3_5_only_as_much_rests_as_is_needed_the_last_first() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(letter("old", 5));
    centre.push(letter("young", 5));
    centre.push(EnqueueContact { units: Some(40), ..contact("call", "calls", 5) });
    assert_eq!(centre.with("call").as_deref(), Some("anna"));
    assert!(parked(&centre, "young") && !parked(&centre, "old"));
}

#[test]
fn r3_5_work_parked_too_often_goes_back_to_its_place() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    let letter = centre.push(letter("letter", 5));
    for call in ["1", "2"] {
        centre.push(contact(call, "calls", 5));
        assert!(parked(&centre, "letter"));
        centre.complete(call);
    }
    centre.push(contact("3", "calls", 5));
    let back = |effect: &Effect| matches!(effect, Effect::WithdrawAssignment { contact, reason: WithdrawReason::ParkedOften, .. } if *contact == letter);
    assert!(centre.effects.iter().any(back), "{:?}", centre.effects);
    assert_eq!((centre.with("letter"), centre.with("3").as_deref()), (None, Some("anna")));
    centre.ready(operator("boris"));
    assert_eq!(centre.with("letter").as_deref(), Some("boris"));
}

#[test]
fn r3_5_own_work_goes_on_before_who_came_later_and_behind_who_may_interrupt_it() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    centre.push(contact("1", "calls", 5));
    centre.push(EnqueueContact { units: Some(60), channel: "chat".into(), ..contact("chat", "chats", 5) });
    centre.push(contact("2", "calls", 5));
    centre.complete("1");
    assert_eq!(centre.with("2").as_deref(), Some("anna"), "a call goes before the letter");
    assert!(parked(&centre, "letter"));
    centre.complete("2");
    assert!(!parked(&centre, "letter"), "the letter came before the chat");
    assert_eq!(centre.with("chat"), None);
}

#[test]
fn r3_5_nobody_begins_with_a_letter_for_which_a_call_would_interrupt_it() {
    let mut centre = centre();
    centre.push(letter("letter", 5));
    centre.push(contact("call", "calls", 5));
    centre.ready(operator("anna"));
    assert_eq!((centre.with("call").as_deref(), centre.with("letter")), (Some("anna"), None));
}

#[test]
fn r3_5_a_letter_that_is_accepted_makes_room_for_a_waiting_call() {
    let mut queues =
        queues(Some(Interruptible { by_channels: vec!["voice".into()], ..Interruptible::default() }));
    queues[1].answer = Answer::Offered { within: Millis(20_000) };
    let mut centre = Centre::new(plan(queues));
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    centre.push(contact("call", "calls", 5));
    assert_eq!(centre.with("call"), None, "an offer is not work yet");
    let answer = centre.answer("letter");
    centre.ok(Command::AcceptOffer(answer));
    assert_eq!(centre.with("call").as_deref(), Some("anna"));
    assert!(parked(&centre, "letter"));
}

#[test]
fn r2_2_life_safety_parks_before_it_ends_wrap_ups() {
    let rule = Interruptible { by_channels: vec![], ..Interruptible::default() };
    let mut queues = queues(Some(rule));
    queues[2].wrap_up = Millis(60_000);
    let mut centre = Centre::new(plan(queues));
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    centre.push(EnqueueContact { units: Some(50), channel: "chat".into(), ..contact("chat", "chats", 5) });
    centre.complete("chat");
    centre.push(EnqueueContact { units: Some(50), ..contact("life", "calls", 0) });
    assert!(parked(&centre, "letter"));
    assert!(matches!(centre.view("chat").state, ContactState::WrapUp { .. }));
    centre.push(EnqueueContact { units: Some(50), ..contact("second", "calls", 0) });
    assert_eq!(centre.with("second").as_deref(), Some("anna"), "then wrap-ups end");
}

#[test]
fn r3_5_parked_work_is_completed_without_taking_room() {
    let mut queues =
        queues(Some(Interruptible { by_channels: vec!["voice".into()], ..Interruptible::default() }));
    queues[1].wrap_up = Millis(60_000);
    let mut centre = Centre::new(plan(queues));
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    centre.push(contact("call", "calls", 5));
    let answer = centre.answer("letter");
    let hold = HoldContact { answer, on: true };
    assert!(matches!(centre.apply(Command::HoldContact(hold)), Err(Refusal::WrongState { .. })));
    centre.complete("letter");
    assert_eq!(used(&centre, "anna"), 100, "its wrap-up takes nothing");
    centre.tick(100_000);
    assert_eq!(used(&centre, "anna"), 100);
}

#[test]
fn r3_5_parked_work_follows_its_operator_out() {
    for closes in [false, true] {
        let mut centre = centre();
        let anna = centre.ready(operator("anna"));
        centre.push(letter("letter", 5));
        centre.push(contact("call", "calls", 5));
        let epoch = centre.epoch("anna");
        let party = Party::Operator(anna);
        if closes {
            centre.ok(Command::CloseSession(CloseSession { party, epoch }));
        } else {
            centre.ok(Command::LoseSession(LoseSession { party, epoch }));
            assert!(parked(&centre, "letter"), "it rests through the grace");
            centre.tick(10_000_000);
        }
        assert_eq!(centre.with("letter"), None);
        assert!(!parked(&centre, "letter"));
        centre.ready(operator("boris"));
        assert_eq!(centre.with("call").as_deref().or(centre.with("letter").as_deref()), Some("boris"));
    }
}

#[test]
fn r3_5_work_goes_on_only_while_its_operator_is_there() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    centre.push(contact("call", "calls", 5));
    centre.presence("anna", DeclaredPresence::NotReady(3));
    centre.complete("call");
    assert!(parked(&centre, "letter"), "she is away");
    centre.presence("anna", DeclaredPresence::Ready);
    assert!(!parked(&centre, "letter") && told(&centre, "letter", false));
}

#[test]
fn r3_5_more_capacity_lets_work_go_on() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    centre.push(contact("call", "calls", 5));
    centre.put(OperatorPlan { capacity: 150, ..operator("anna") });
    assert!(!parked(&centre, "letter"));
    centre.put(OperatorPlan { capacity: 60, ..operator("anna") });
    assert!(!parked(&centre, "letter"), "what goes on is not parked for a lower capacity");
}

#[test]
fn r3_5_parked_work_that_its_operator_can_never_take_up_goes_back() {
    let caps = OperatorRules { caps: vec![("chat".into(), 0)], ..OperatorRules::default() };
    let queue_caps = OperatorRules { queue_caps: vec![("mail".into(), 0)], ..OperatorRules::default() };
    let smaller = OperatorPlan { capacity: 40, ..operator("anna") };
    let capped = [caps, queue_caps].map(|rules| OperatorPlan { rules, ..operator("anna") });
    for changed in [smaller].into_iter().chain(capped) {
        for is_away in [false, true] {
            let mut centre = centre();
            centre.ready(operator("anna"));
            let letter = centre.push(letter("letter", 5));
            centre.push(contact("call", "calls", 5));
            if is_away {
                centre.presence("anna", DeclaredPresence::NotReady(3));
            }
            centre.put(changed.clone());
            let back = |effect: &Effect| matches!(effect, Effect::WithdrawAssignment { contact, reason: WithdrawReason::ParkedOften, .. } if *contact == letter);
            assert!(centre.effects.iter().any(back), "{:?}", centre.effects);
            assert_eq!(centre.with("letter"), None);
        }
    }
}

#[test]
fn r3_5_parked_work_counts_in_no_cap() {
    let rules = OperatorRules {
        caps: vec![("chat".into(), 1)],
        queue_caps: vec![("mail".into(), 1)],
        ..OperatorRules::default()
    };
    let mut centre = centre();
    centre.ready(OperatorPlan { rules, ..operator("anna") });
    centre.push(letter("one", 5));
    centre.push(letter("urgent", 1));
    assert!(parked(&centre, "one"), "there is room by units, and the cap makes it rest");
    assert_eq!(centre.with("urgent").as_deref(), Some("anna"));
    centre.complete("urgent");
    assert!(!parked(&centre, "one"));
}

#[test]
fn r3_5_whose_work_is_interrupted_least_takes_the_call() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(letter("1", 5));
    centre.push(letter("2", 5));
    centre.at += 1_000;
    centre.ready(operator("boris"));
    centre.push(EnqueueContact { units: Some(100), ..letter("3", 5) });
    centre.push(contact("call", "calls", 5));
    assert_eq!(centre.with("call").as_deref(), Some("boris"), "one letter rests and not two");
}

#[test]
fn r3_5_nothing_is_parked_about_which_a_colleague_is_asked_or_that_is_a_consultation() {
    let mut centre = centre();
    let anna = centre.ready(operator("anna"));
    centre.push(EnqueueContact { units: Some(100), ..letter("letter", 5) });
    let boris = centre.ready(OperatorPlan { ranks: vec![("mail".into(), 1)], ..operator("boris") });
    let _ = (anna, boris);
    let answer = centre.answer("letter");
    let to = ConsultTarget::Queue("mail".into());
    centre.ok(Command::Consult(Consult { answer, to, units: None }));
    centre.push(contact("call", "calls", 5));
    assert_eq!(centre.with("call"), None);
    assert!(!parked(&centre, "letter"));
}

#[test]
fn r3_5_a_contact_kept_for_its_operator_interrupts_that_one() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(EnqueueContact { units: Some(40), ..letter("letter", 5) });
    centre.push(EnqueueContact { units: Some(60), ..contact("first", "calls", 5) });
    let call = centre.push(contact("call", "calls", 5));
    let action = Action::AssignContact { contact: call, to: "anna".into(), hold: Millis(60_000) };
    centre.ok(Command::Act(Box::new(Act { by: "olga".into(), key: "k".into(), action })));
    centre.ready(operator("boris"));
    assert_eq!(centre.with("call"), None, "it is kept for anna");
    centre.complete("first");
    assert_eq!(centre.with("call").as_deref(), Some("anna"));
    assert!(parked(&centre, "letter"));
}

#[test]
fn r3_5_a_contact_parked_is_neither_held_nor_asked_about() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    centre.push(contact("call", "calls", 5));
    let answer = centre.answer("letter");
    let to = ConsultTarget::Queue("mail".into());
    let consult = Consult { answer, to, units: None };
    let refused = centre.apply(Command::Consult(consult));
    assert!(matches!(refused, Err(Refusal::WrongState { .. })), "{refused:?}");
    let answer = centre.answer("letter");
    assert_eq!(centre.ok(Command::AcceptOffer(answer)), Reply::Done, "once more changes nothing");
    assert!(parked(&centre, "letter"));
}

#[test]
fn r3_5_who_declined_a_call_is_interrupted_for_it_when_nobody_else_is_left() {
    let rule = Interruptible { by_tier: 1, by_channels: vec!["voice".into()], parks_max: 2 };
    let mut queues = queues(Some(rule));
    queues[0].answer = Answer::Offered { within: Millis(20_000) };
    let mut centre = Centre::new(plan(queues));
    centre.ready(operator("boris"));
    centre.push(contact("other", "chats", 5));
    centre.ready(operator("anna"));
    centre.push(contact("call", "calls", 5));
    let declined = centre.answer("call");
    centre.ok(Command::DeclineOffer(declined));
    centre.presence("anna", DeclaredPresence::Ready);
    centre.push(EnqueueContact { units: Some(100), ..letter("letter", 5) });
    assert_eq!((centre.with("call"), centre.with("letter").as_deref()), (None, Some("anna")));
    let (id, epoch) = (centre.operator("boris"), centre.epoch("boris"));
    centre.ok(Command::LoseSession(LoseSession { party: Party::Operator(id), epoch }));
    assert_eq!(centre.with("call").as_deref(), Some("anna"), "her exclusion counts no longer");
    assert!(parked(&centre, "letter"));
}

#[test]
fn r3_5_a_plan_without_the_rule_interrupts_nobody_and_parked_work_goes_on() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    centre.push(contact("call", "calls", 5));
    let next = Plan { version: 2, ..plan(queues(None)) };
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan: next, by: None })));
    assert!(parked(&centre, "letter"));
    centre.complete("call");
    assert!(!parked(&centre, "letter"));
    centre.push(contact("again", "calls", 5));
    assert_eq!(centre.with("again"), None);
    let rule = Interruptible { by_channels: vec!["voice".into()], ..Interruptible::default() };
    let next = Plan { version: 3, ..plan(queues(Some(rule))) };
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan: next, by: None })));
    assert_eq!(centre.with("again").as_deref(), Some("anna"), "the rule counts at once");
}

#[test]
fn r3_5_who_becomes_urgent_enough_interrupts_at_once() {
    let mut centre = centre_with(Interruptible { by_tier: 1, by_channels: vec![], parks_max: 2 });
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    let call = centre.push(contact("call", "calls", 2));
    let session = contact("call", "calls", 2);
    centre.ok(Command::UpdateContact(Box::new(UpdateContact {
        gateway: session.gateway,
        epoch: session.epoch,
        contact: call,
        details: None,
        tier: Some(1),
        not_before: None,
    })));
    assert_eq!(centre.with("call").as_deref(), Some("anna"));
    assert!(parked(&centre, "letter"));
}

#[test]
fn r3_5_work_assigned_before_the_rule_book_is_not_interrupted() {
    let mut centre = Centre::new(plan(queues(None)));
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    let rule = Interruptible { by_tier: 1, by_channels: vec!["voice".into()], parks_max: 2 };
    let next = Plan { version: 2, ..plan(queues(Some(rule))) };
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan: next, by: None })));
    centre.push(contact("call", "calls", 0));
    assert_eq!((centre.with("call"), used(&centre, "anna")), (None, 50));
    centre.complete("letter");
    assert_eq!(centre.with("call").as_deref(), Some("anna"));
}

#[test]
fn r3_5_a_snapshot_keeps_what_rests() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(letter("letter", 5));
    centre.push(contact("call", "calls", 5));
    centre.router = Router::restore(&centre.router.snapshot().encode()).expect("it reads what it wrote");
    assert!(parked(&centre, "letter"));
    centre.complete("call");
    assert!(!parked(&centre, "letter") && told(&centre, "letter", false));
}

#[test]
fn r3_5_a_supervisor_takes_parked_work_back_or_closes_it() {
    for closes in [false, true] {
        let mut centre = centre();
        centre.ready(operator("anna"));
        let contact_id = centre.push(letter("letter", 5));
        centre.push(contact("call", "calls", 5));
        let action = if closes {
            Action::CloseContact { contact: contact_id, reason: "done".into() }
        } else {
            Action::RequeueContact { contact: contact_id }
        };
        centre.ok(Command::Act(Box::new(Act { by: "olga".into(), key: "k".into(), action })));
        assert_eq!(centre.with("letter"), None);
        assert_eq!(used(&centre, "anna"), 100);
        centre.complete("call");
        assert_eq!(used(&centre, "anna"), if closes { 0 } else { 50 });
    }
}
