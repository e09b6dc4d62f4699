//! Bots (R3.13): operators that are programs, and the way from them to people.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

/// A queue where bots answer, and one of people, whose steps and hours are of no matter here.
fn plan_with_bot() -> Plan {
    let rules = QueueRules { people_queue: Some("people".into()), ..QueueRules::default() };
    let bots = QueuePlan { rules, required: vec![("chat".into(), 1)], ..QueuePlan::named("bots") };
    let people = QueuePlan { required: vec![("voice".into(), 1)], ..QueuePlan::named("people") };
    plan(vec![bots, people])
}

fn bot(login: &str) -> OperatorPlan {
    let rules = OperatorRules { bot: true, ..OperatorRules::default() };
    OperatorPlan { rules, capacity: 10_000, ..operator(login) }
}

fn person(login: &str) -> OperatorPlan {
    OperatorPlan { skills: vec![("voice".into(), 5)], ..operator(login) }
}

fn centre() -> Centre {
    let mut centre = Centre::new(plan_with_bot());
    centre.ready(bot("robot"));
    centre
}

fn ask(centre: &mut Centre, key: &str, context: Option<Context>, danger: bool) -> Result<Reply, Refusal> {
    let by = Requester::Bot(centre.answer(key));
    centre.apply(Command::RequestPerson(Box::new(RequestPerson { by, context, danger })))
}

fn ask_by_gateway(centre: &mut Centre, key: &str) -> Result<Reply, Refusal> {
    let (gateway, epoch, contact) = (centre.gateway, Epoch(1), centre.view(key).id);
    let by = Requester::Gateway { gateway, epoch, contact };
    centre.apply(Command::RequestPerson(Box::new(RequestPerson { by, context: None, danger: false })))
}

#[test]
fn r3_13_a_request_for_a_person_goes_to_the_queue_of_people_and_to_no_bot() {
    let mut centre = centre();
    centre.push(contact("1", "bots", 5));
    assert_eq!(centre.with("1").as_deref(), Some("robot"));
    let (robot, assignment) = (centre.operator("robot"), centre.view("1").assignment);
    assert_eq!(ask(&mut centre, "1", None, false), Ok(Reply::Done));
    let view = centre.view("1");
    assert_eq!((&*view.queue, view.wants_people, view.transfers), ("people", true, 0));
    assert_eq!(centre.with("1"), None, "the robot has every skill, and may not");
    let (contact, gateway) = (view.id, centre.gateway);
    let reason = effect::WithdrawReason::PersonRequested;
    let told = [
        Effect::WithdrawAssignment { contact, gateway, operator: robot, assignment, reason },
        Effect::AnnounceMoved { contact, gateway, queue: QueueId(1) },
        Effect::AnnounceQueued { contact, gateway },
    ];
    assert_eq!(centre.effects, told);
    centre.ready(person("anna"));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r3_13_the_clock_starts_at_the_request_and_what_was_queued_for_the_bot_counts() {
    let mut centre = Centre::new(plan_with_bot());
    centre.push(contact("1", "bots", 5));
    centre.at += 7_000;
    centre.ready(OperatorPlan { skills: vec![("chat".into(), 5)], ..bot("robot") });
    assert_eq!(centre.with("1").as_deref(), Some("robot"));
    centre.at += 60_000;
    let before = centre.at;
    ask(&mut centre, "1", None, false).expect("always possible");
    assert_eq!(centre.view("1").enqueued_at, Timestamp(before - 7_000));
    // Who came while the robot talked for a minute, and has waited for ten seconds, stands before it.
    centre.push(EnqueueContact { head_start: Millis(10_000), ..contact("2", "people", 5) });
    centre.ready(person("anna"));
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}

#[test]
fn r3_13_a_request_is_told_once_and_repeats_are_done() {
    let mut centre = centre();
    centre.push(contact("1", "bots", 5));
    let answer = centre.answer("1");
    for _ in 0..2 {
        assert_eq!(ask(&mut centre, "1", None, false), Ok(Reply::Done));
    }
    assert_eq!(centre.effects, []);
    assert_eq!(ask_by_gateway(&mut centre, "1"), Ok(Reply::Done));
    assert_eq!(centre.effects, []);
    centre.ready(person("anna"));
    let by = Requester::Bot(answer);
    let again = RequestPerson { by, context: None, danger: false };
    let refusal = centre.apply(Command::RequestPerson(Box::new(again))).expect_err("anna has it");
    assert!(matches!(refusal, Refusal::StaleAssignment { .. }), "{refusal}");
}

#[test]
fn r3_13_a_person_is_always_to_be_had_even_where_the_queue_is_closed_or_full() {
    let mut plan = plan_with_bot();
    plan.queues[1].open = false;
    plan.queues[1].waiting_max = 0;
    let mut centre = Centre::new(plan);
    centre.ready(bot("robot"));
    centre.push(contact("1", "bots", 5));
    assert_eq!(ask(&mut centre, "1", None, false), Ok(Reply::Done));
    assert_eq!(&*centre.view("1").queue, "people");
}

#[test]
fn r3_13_a_person_passes_on_and_it_does_not_come_back_to_the_bot() {
    let mut centre = centre();
    centre.push(contact("1", "bots", 5));
    ask(&mut centre, "1", None, false).expect("always possible");
    centre.ready(person("anna"));
    let (answer, to) = (centre.answer("1"), TransferTarget::Queue("bots".into()));
    centre.ok(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })));
    assert_eq!(centre.with("1"), None, "a bot is no person in the queue of bots either");
    let hold = Millis(1_000);
    let (by, key, to): (Name, Name, Name) = ("sv".into(), "k".into(), "robot".into());
    let action = Action::AssignContact { contact: centre.view("1").id, to: to.clone(), hold };
    let refused = centre.apply(Command::Act(Box::new(Act { by, key, action })));
    assert_eq!(refused, Err(Refusal::OperatorUnavailable(to)));
}

#[test]
fn r3_13_what_the_bot_has_learned_goes_on_to_the_person() {
    let mut centre = centre();
    centre.push(contact("1", "bots", 5));
    let context = Context {
        intent: Some("meter".into()),
        slots: vec![("reading".into(), "4711".into())],
        transcript: Some("talk/1".into()),
    };
    ask(&mut centre, "1", Some(context.clone()), false).expect("always possible");
    centre.ready(person("anna"));
    assert_eq!(centre.view("1").context, Some(context.clone()));
    let read = Router::restore(&centre.router.snapshot().encode()).expect("sound");
    let view = read.contact_by_key("pbx", "1").expect("known");
    assert_eq!((view.context, view.wants_people), (Some(context), true));
    let slots = vec![("a".into(), "b".into()); limits::SLOTS_MAX + 1];
    centre.push(contact("2", "bots", 5));
    let refused = ask(&mut centre, "2", Some(Context { slots, ..Context::default() }), false);
    assert!(matches!(refused, Err(Refusal::InvalidField { ref field, .. }) if &**field == "context.slots"));
}

#[test]
fn r2_2_danger_that_a_bot_hears_is_life_safety() {
    let mut centre = centre();
    centre.push(contact("1", "bots", 5));
    centre.push(contact("2", "people", 2));
    ask(&mut centre, "1", None, true).expect("always possible");
    assert_eq!(centre.view("1").tier, 0);
    centre.ready(person("anna"));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r3_13_a_gateway_asks_for_a_contact_that_waits_for_the_bot() {
    let mut centre = Centre::new(plan_with_bot());
    centre.push(contact("1", "bots", 5));
    centre.at += 3_000;
    let arrived = centre.view("1").enqueued_at;
    assert_eq!(ask_by_gateway(&mut centre, "1"), Ok(Reply::Done));
    centre.ready(bot("robot"));
    assert_eq!((centre.with("1"), centre.view("1").enqueued_at), (None, arrived));
    centre.ready(person("anna"));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
    assert_eq!(ask_by_gateway(&mut centre, "1"), Ok(Reply::Done));
    assert_eq!(centre.with("1").as_deref(), Some("anna"), "a person has it already");
}

#[test]
fn r3_4_who_knows_the_customer_is_waited_for_behind_the_bot() {
    let mut plan = plan_with_bot();
    plan.rules.remember = Remember { customer: Some(Millis(1_000_000)), case: None };
    plan.queues[1].rules.same_person.last_operator = Some(Millis(20_000));
    plan.queues[0].rules.same_person.last_operator = Some(Millis(20_000));
    let mut centre = Centre::new(plan);
    let of_ivan = |key: &str, queue: &str| {
        let details = ContactDetails { customer: Some("ivan".into()), ..ContactDetails::default() };
        EnqueueContact { details, ..contact(key, queue, 5) }
    };
    centre.ready(person("anna"));
    centre.push(of_ivan("1", "people"));
    centre.complete("1");
    centre.at += 1_000;
    centre.ready(person("boris"));
    centre.ready(bot("robot"));
    centre.push(contact("2", "people", 5));
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
    centre.push(of_ivan("3", "bots"));
    ask(&mut centre, "3", None, false).expect("always possible");
    assert_eq!(centre.with("3"), None, "boris is free; anna knows him, the robot does not count");
    centre.complete("2");
    assert_eq!(centre.with("3").as_deref(), Some("anna"));
}

#[test]
fn r3_13_a_bot_has_no_breaks_no_wrap_up_and_is_never_missed() {
    let mut plan = plan_with_bot();
    plan.queues[0].wrap_up = Millis(30_000);
    plan.queues[0].answer = Answer::Offered { within: Millis(5_000) };
    let mut centre = Centre::new(plan);
    let rests = OperatorRules { bot: true, rests: true, ..OperatorRules::default() };
    let operators = vec![OperatorPlan { rules: rests, ..operator("robot") }];
    let refused = centre.apply(Command::PutOperators(PutOperators { operators, by: None }));
    assert!(matches!(refused, Err(Refusal::InvalidField { ref field, .. }) if &**field == "rules.bot"));
    let robot = centre.ready(bot("robot"));
    centre.push(contact("1", "bots", 5));
    centre.tick(centre.at + 5_000);
    let presence = centre.router.operator(robot).expect("known").presence;
    assert_eq!(presence, effect::PresenceState::Ready, "an offer was left unanswered");
    assert_eq!(centre.with("1").as_deref(), Some("robot"), "nobody else fits");
    let answer = centre.answer("1");
    centre.ok(Command::AcceptOffer(answer));
    centre.complete("1");
    assert!(matches!(centre.view("1").state, ContactState::Ended { .. }));
}

#[test]
fn r3_11_bots_are_of_no_team() {
    let mut plan = plan_with_bot();
    plan.rules.breaks.push(BreakRule {
        name: "short".into(),
        reason: 11,
        every: Millis(60_000),
        length: Millis(5_000),
        defer_max: Millis(600_000),
        away_percent_max: 10,
        alone: false,
        on_request: false,
        returns: true,
    });
    let mut centre = Centre::new(plan);
    let breaks = OperatorRules { breaks: vec!["short".into()], ..OperatorRules::default() };
    let anna = centre.ready(OperatorPlan { rules: breaks, ..person("anna") });
    centre.ready(bot("robot"));
    centre.tick(centre.at + 60_000);
    let presence = centre.router.operator(anna).expect("known").presence;
    assert_eq!(presence, effect::PresenceState::Ready, "a robot beside her does not make a team of two");
}

#[test]
fn why_not_says_that_a_person_was_requested() {
    let mut centre = centre();
    centre.push(contact("1", "bots", 5));
    ask(&mut centre, "1", None, false).expect("always possible");
    let why = centre.router.why_contact(centre.view("1").id).expect("known");
    assert_eq!(why.kept_from, [(WhyNot::Bot, 1)]);
}

#[test]
fn a_log_with_bots_is_read_as_it_was_written() {
    let mut centre = centre();
    centre.push(contact("1", "bots", 5));
    let by = Requester::Bot(centre.answer("1"));
    let command = Command::RequestPerson(Box::new(RequestPerson { by, context: None, danger: true }));
    assert_eq!(Command::decode(&command.encode()), Ok(command));
}
