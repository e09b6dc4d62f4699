//! Those who wait (R3.3, R1.3), the duty number (R2.2), the alarm of a queue (R2.1). Each test is named after its rule.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::effect::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const MINUTE: u64 = 60_000;

fn rule(after: u64, to: Treatment, leave: bool) -> WaitRule {
    WaitRule { after: Millis(after), to, leave }
}

/// Call-back is offered after a minute, voicemail after two; after five a contact leaves by a message.
fn rules() -> QueueRules {
    let waits = vec![
        rule(MINUTE, Treatment::CallBack, false),
        rule(2 * MINUTE, Treatment::Voicemail, false),
        rule(5 * MINUTE, Treatment::Message, true),
    ];
    QueueRules { waits, ..QueueRules::default() }
}

fn queue(name: &str, rules: QueueRules) -> QueuePlan {
    QueuePlan { rules, ..QueuePlan::named(name) }
}

fn centre() -> Centre {
    Centre::new(plan(vec![queue("a", rules()), QueuePlan::named("b"), queue("c", rules())]))
}

fn take(centre: &Centre, key: &str, to: Treatment) -> Command {
    let contact = centre.view(key).id;
    Command::DeflectContact(DeflectContact { gateway: centre.gateway, epoch: Epoch(1), contact, to })
}

fn offers(centre: &Centre) -> Vec<Treatment> {
    let offer = |effect: &Effect| {
        let Effect::OfferDeflection { to, .. } = effect else { return None };
        Some(*to)
    };
    centre.effects.iter().filter_map(offer).collect()
}

fn ended(centre: &Centre, key: &str) -> Option<EndReason> {
    let ContactState::Ended { reason, .. } = centre.view(key).state else { return None };
    Some(reason)
}

#[test]
fn r3_3_who_waits_in_line_is_offered_each_thing_once_at_its_time() {
    let mut centre = centre();
    centre.push(contact("1", "a", 3));
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(1_000 + MINUTE)));
    centre.tick(999 + MINUTE);
    assert_eq!(offers(&centre), []);
    centre.tick(1_000 + MINUTE);
    let (contact, gateway) = (centre.view("1").id, centre.gateway);
    assert_eq!(centre.effects, [Effect::OfferDeflection { contact, gateway, to: Treatment::CallBack }]);
    centre.tick(1_500 + MINUTE);
    assert_eq!((offers(&centre), centre.view("1").offered), (vec![], vec![Treatment::CallBack]));
    centre.tick(1_000 + 2 * MINUTE);
    assert_eq!(offers(&centre), [Treatment::Voicemail]);
    assert_eq!(centre.view("1").state, ContactState::Waiting);
}

#[test]
fn r3_3_who_takes_the_offer_ends_as_deflected_and_again_is_done() {
    let mut centre = centre();
    centre.push(contact("1", "a", 3));
    let command = take(&centre, "1", Treatment::CallBack);
    assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
    assert!(matches!(centre.apply(command.clone()), Err(Refusal::InvalidField { .. })), "not offered yet");
    centre.tick(1_000 + MINUTE);
    centre.ok(command.clone());
    let reason = EndReason::Deflected(Treatment::CallBack);
    let (contact, gateway) = (centre.view("1").id, centre.gateway);
    assert_eq!(centre.effects, [Effect::AnnounceEnded { contact, gateway, reason }]);
    assert_eq!((centre.ok(command), centre.effects.len()), (Reply::Done, 0));
    let other = take(&centre, "1", Treatment::Voicemail);
    assert!(matches!(centre.apply(other), Err(Refusal::WrongState { .. })));
    assert_eq!(centre.router.queues()[0].totals.deflected, 1);
}

#[test]
fn r3_3_an_offer_holds_while_somebody_rings_but_not_in_the_talk() {
    let mut plan = plan(vec![queue("a", rules())]);
    plan.queues[0].answer = Answer::Offered { within: Millis(30_000) };
    let mut centre = Centre::new(plan);
    centre.push(contact("1", "a", 3));
    centre.push(contact("2", "a", 3));
    centre.tick(1_000 + MINUTE);
    let anna = centre.ready(operator("anna"));
    let idle = centre.router.operator(anna).expect("known").idle_since;
    let command = take(&centre, "1", Treatment::CallBack);
    centre.at += 1;
    centre.ok(command);
    let reason = WithdrawReason::Abandoned;
    assert!(matches!(centre.effects[0], Effect::WithdrawAssignment { reason: why, .. } if why == reason));
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
    assert!(idle <= centre.router.operator(anna).expect("known").idle_since);
    let answer = centre.answer("2");
    centre.ok(Command::AcceptOffer(answer));
    let command = take(&centre, "2", Treatment::CallBack);
    assert!(matches!(centre.apply(command), Err(Refusal::WrongState { .. })));
}

#[test]
fn r3_3_of_several_that_came_due_in_hand_the_last_is_carried_out_alone() {
    let mut plan = plan(vec![queue("a", rules())]);
    plan.queues[0].answer = Answer::Offered { within: Millis(3 * MINUTE) };
    let mut centre = Centre::new(plan);
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 3));
    centre.tick(1_000 + 2 * MINUTE);
    assert_eq!(offers(&centre), [], "who is offered to somebody is not touched");
    centre.tick(1_000 + 3 * MINUTE);
    assert_eq!(offers(&centre), [Treatment::Voicemail]);
    assert_eq!(centre.view("1").offered, [Treatment::Voicemail]);
}

#[test]
fn r3_3_in_another_queue_the_rules_begin_from_the_first_and_offers_stand() {
    let mut centre = centre();
    let contact = centre.push(contact("1", "a", 3));
    centre.tick(1_000 + MINUTE);
    let act = |centre: &mut Centre, to: &str| {
        let action = Action::MoveContacts { from: MoveFrom::Contacts(vec![contact]), to: to.into() };
        let (by, key) = ("lena".into(), to.into());
        centre.ok(Command::Act(Box::new(Act { by, key, action })));
    };
    act(&mut centre, "b");
    assert_eq!(centre.router.next_deadline(), None, "a queue without rules");
    act(&mut centre, "c");
    assert_eq!(offers(&centre), []);
    centre.tick(2_000 + MINUTE);
    assert_eq!(offers(&centre), [Treatment::CallBack], "that queue's own");
    let command = take(&centre, "1", Treatment::CallBack);
    centre.ok(command);
}

#[test]
fn r2_2_life_safety_is_offered_nothing_and_never_leaves() {
    let mut centre = centre();
    centre.push(contact("1", "a", 0));
    assert_eq!(centre.router.next_deadline(), None);
    centre.tick(10 * MINUTE);
    assert_eq!((centre.effects.len(), centre.view("1").state), (0, ContactState::Waiting));
}

#[test]
fn r3_3_a_plan_that_comes_later_holds_for_those_who_wait() {
    let mut centre = centre();
    centre.push(contact("1", "b", 3));
    centre.tick(10 * MINUTE);
    let mut next = centre.router.plan().clone();
    next.version += 1;
    next.queues[1].rules = rules();
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan: next, by: None })));
    assert_eq!(centre.view("1").state, ContactState::Waiting);
    centre.tick(10 * MINUTE + 1);
    assert_eq!(ended(&centre, "1"), Some(EndReason::Deflected(Treatment::Message)));
}

#[test]
fn r3_3_a_crowd_is_carried_out_in_parts() {
    let mut centre = centre();
    for n in 0..300 {
        centre.push(contact(&n.to_string(), "a", 3));
    }
    centre.tick(1_000 + MINUTE);
    assert_eq!(offers(&centre).len(), limits::WAITS_PER_ENTRY_MAX);
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(1_000 + MINUTE)));
    centre.tick(1_000 + MINUTE);
    assert_eq!(offers(&centre).len(), 300 - limits::WAITS_PER_ENTRY_MAX);
}

#[test]
fn r2_2_the_duty_number_is_called_once_and_the_contact_stays() {
    let mut plan = plan(vec![QueuePlan::named("a")]);
    plan.rules.duty_after = Some(Millis(30_000));
    let mut centre = Centre::new(plan);
    centre.push(contact("1", "a", 0));
    centre.push(contact("2", "a", 1));
    centre.tick(31_000);
    let (contact, gateway) = (centre.view("1").id, centre.gateway);
    assert_eq!(centre.effects, [Effect::CallDuty { contact, gateway }]);
    centre.tick(MINUTE);
    assert_eq!((centre.effects.len(), centre.view("1").state), (0, ContactState::Waiting));
    let lift = Action::LiftContact { contact: centre.view("2").id, tier: Some(0), head_start: None };
    centre.ok(Command::Act(Box::new(Act { by: "lena".into(), key: "1".into(), action: lift })));
    centre.tick(MINUTE);
    assert_eq!(centre.effects, [Effect::CallDuty { contact: centre.view("2").id, gateway }]);
    centre.ready(operator("anna"));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

fn alarmed() -> (Centre, OperatorId) {
    let leads = vec!["nobody".into(), "lead".into()];
    let rules = QueueRules { leads, alarm_after: Some(Millis(MINUTE)), ..QueueRules::default() };
    let mut centre = Centre::new(plan(vec![queue("a", rules)]));
    let lead = centre.ready(operator("lead"));
    centre.presence("lead", DeclaredPresence::NotReady(1));
    centre.push(contact("1", "a", 3));
    centre.at += 30_000;
    centre.push(contact("2", "a", 3));
    (centre, lead)
}

#[test]
fn r2_1_the_leads_hear_once_of_a_wait_that_is_too_long_and_that_it_is_over() {
    let (mut centre, operator) = alarmed();
    let queue = QueueId(0);
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(1_000 + MINUTE)));
    centre.tick(1_000 + MINUTE);
    assert_eq!(centre.effects, [Effect::AnnounceAlarm { operator, queue, trigger: None, on: true }]);
    assert_eq!(centre.router.queues()[0].alarm_since, Some(Timestamp(1_000 + MINUTE)));
    centre.tick(31_000 + MINUTE);
    assert_eq!(centre.effects, [], "the second is too late too: the same alarm");
    for (key, over) in [("1", false), ("2", true)] {
        let contact = centre.view(key).id;
        let (gateway, epoch) = (centre.gateway, Epoch(1));
        centre.ok(Command::AbandonContact(AbandonContact { gateway, epoch, contact }));
        let said =
            centre.effects.contains(&Effect::AnnounceAlarm { operator, queue, trigger: None, on: false });
        assert_eq!(said, over);
    }
    assert_eq!(centre.router.queues()[0].alarm_since, None);
}

#[test]
fn r2_1_a_plan_without_the_rule_ends_the_alarm() {
    let (mut centre, operator) = alarmed();
    centre.tick(1_000 + MINUTE);
    let mut next = centre.router.plan().clone();
    next.version += 1;
    next.queues[0].rules.alarm_after = None;
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan: next, by: None })));
    assert_eq!(
        centre.effects,
        [Effect::AnnounceAlarm { operator, queue: QueueId(0), trigger: None, on: false }]
    );
}

#[test]
fn i8_a_state_that_was_read_goes_on_where_it_was() {
    let (mut centre, _) = alarmed();
    let mut next = centre.router.plan().clone();
    next.version += 1;
    next.queues[0].rules.waits = rules().waits;
    next.rules.duty_after = Some(Millis(MINUTE));
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan: next, by: None })));
    centre.push(contact("3", "a", 0));
    centre.tick(40_000 + MINUTE);
    let bytes = centre.router.snapshot().encode();
    let mut read = Router::restore(&bytes).expect("reads what it wrote");
    assert_eq!(read.snapshot().encode(), bytes);
    for at in [2, 3, 4, 5, 6].map(|minutes| Timestamp(minutes * MINUTE)) {
        let (mine, other) = (centre.router.apply(at, &Command::Tick), read.apply(at, &Command::Tick));
        assert_eq!((mine, centre.router.chain()), (other, read.chain()));
    }
    assert_eq!(ended(&centre, "1"), Some(EndReason::Deflected(Treatment::Message)));
}

#[test]
fn rules_of_waiting_that_make_no_sense_are_refused() {
    let refused = |change: &dyn Fn(&mut Plan)| {
        let mut plan = plan(vec![queue("a", rules())]);
        change(&mut plan);
        let command = Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None }));
        match Router::new().apply(Timestamp(1), &command).reply {
            Err(Refusal::InvalidField { field, .. }) => field.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let waits = |waits: Vec<WaitRule>| refused(&|plan| plan.queues[0].rules.waits = waits.clone());
    let (back, refuse) = (Treatment::CallBack, Treatment::Refuse);
    for wrong in [
        vec![rule(0, back, false)],
        vec![rule(5, back, false), rule(5, back, false)],
        vec![rule(5, back, true), rule(6, back, false)],
        vec![rule(5, refuse, true)],
        vec![rule(5, Treatment::Queue, false)],
        (1..=17).map(|after| rule(after, back, false)).collect(),
    ] {
        assert_eq!(waits(wrong), "rules.waits");
    }
    let alarm = refused(&|plan| plan.queues[0].rules.alarm_after = Some(Millis(0)));
    let duty = refused(&|plan| plan.rules.duty_after = Some(Millis(0)));
    assert_eq!((&*alarm, &*duty), ("rules.alarm_after_ms", "rules.duty_after_ms"));
}
