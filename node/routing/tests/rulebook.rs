//! The rule book: entry, ladders, choices, caps, promotion, life safety. Each test is named after its rule.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

fn queue(name: &str, rules: QueueRules) -> QueuePlan {
    QueuePlan { rules, ..QueuePlan::named(name) }
}

fn centre(rules: QueueRules) -> Centre {
    Centre::new(plan(vec![queue("a", rules), QueuePlan::named("b")]))
}

fn step(after: u64, reach: Reach) -> Step {
    Step { after: Millis(after), reach, ..Step::default() }
}

fn ladder(steps: &[Step]) -> QueueRules {
    QueueRules { ladder: steps.to_vec(), ..QueueRules::default() }
}

fn choice(choice: Choice) -> QueueRules {
    QueueRules { choice, ..QueueRules::default() }
}

fn of_unit(login: &str, unit: &str) -> OperatorPlan {
    OperatorPlan { unit: Some(unit.into()), ..operator(login) }
}

fn entry(name: &str, when: When, then: Then) -> EntryRule {
    EntryRule { name: name.into(), when, then }
}

fn entering(rules: Vec<EntryRule>) -> Plan {
    let mut plan = plan(vec![QueuePlan::named("a"), QueuePlan::named("b"), QueuePlan::named("life")]);
    plan.rules.entry = rules;
    plan
}

fn change(centre: &mut Centre, change: impl FnOnce(&mut Plan)) -> Result<Reply, Refusal> {
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    change(&mut plan);
    centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: Some("olga".into()) })))
}

#[test]
fn r3_3_a_contact_reaches_further_the_longer_it_waits() {
    let mut centre = centre(ladder(&[step(0, Reach::Own), step(30_000, Reach::All)]));
    centre.ready(of_unit("nora", "north"));
    centre.push(EnqueueContact { scope: Some("south".into()), ..contact("1", "a", 3) });
    assert_eq!(centre.with("1"), None);
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(31_000)));
    centre.tick(30_999);
    assert_eq!(centre.with("1"), None);
    centre.tick(31_000);
    assert_eq!(centre.with("1").as_deref(), Some("nora"));
}

#[test]
fn r3_3_who_stands_behind_the_first_of_a_line_climbs_with_it() {
    let mut centre = centre(ladder(&[step(0, Reach::Own), step(30_000, Reach::All)]));
    for key in ["1", "2", "3"] {
        centre.at += 1_000;
        centre.push(EnqueueContact { scope: Some("south".into()), ..contact(key, "a", 3) });
    }
    centre.ready(OperatorPlan { capacity: 200, ..of_unit("nora", "north") });
    centre.tick(32_000);
    assert_eq!([centre.with("1").is_some(), centre.with("2").is_some()], [true, false]);
    centre.tick(34_000);
    assert_eq!([centre.with("2").is_some(), centre.with("3").is_some()], [true, false], "only two fit");
    centre.complete("1");
    assert!(centre.with("3").is_some(), "its step had come without an event of its own");
}

#[test]
fn r3_3_a_freed_operator_takes_only_whom_the_ladder_gives() {
    let mut centre = centre(ladder(&[step(0, Reach::Own), step(30_000, Reach::All)]));
    centre.push(EnqueueContact { scope: Some("south".into()), ..contact("far", "a", 2) });
    centre.at += 1;
    centre.push(EnqueueContact { scope: Some("north".into()), ..contact("near", "a", 5) });
    centre.ready(of_unit("nora", "north"));
    assert_eq!(centre.with("near").as_deref(), Some("nora"));
    centre.at += 40_000;
    centre.complete("near");
    assert_eq!(centre.with("far").as_deref(), Some("nora"));
}

#[test]
fn r3_3_lower_levels_and_backup_ranks_come_by_steps() {
    let own = Step { rank_max: 0, ..step(0, Reach::All) };
    let backup = Step { rank_max: 1, levels_lowered: 3, ..step(10_000, Reach::All) };
    let mut centre = centre(ladder(&[own, backup]));
    centre.ready(OperatorPlan { ranks: vec![("a".into(), 1)], ..operator("backup") });
    centre.push(EnqueueContact { skills: vec![("voice".into(), 8)], ..contact("1", "a", 3) });
    assert_eq!(centre.with("1"), None);
    centre.tick(11_000);
    assert_eq!(centre.with("1").as_deref(), Some("backup"), "voice 5 will do for 8 - 3");
}

#[test]
fn r3_3_neighbours_help_before_the_region() {
    let steps = [step(0, Reach::Own), step(10_000, Reach::Neighbours), step(20_000, Reach::Up(1))];
    let mut centre = centre(ladder(&steps));
    change(&mut centre, |plan| plan.units[1].rules.neighbours = vec!["south".into()]).expect("applies");
    centre.ready(of_unit("sara", "south"));
    centre.ready(of_unit("kim", "company"));
    for key in ["1", "2"] {
        centre.push(EnqueueContact { scope: Some("north".into()), ..contact(key, "a", 3) });
    }
    centre.tick(11_000);
    assert_eq!((centre.with("1").as_deref(), centre.with("2")), (Some("sara"), None));
    centre.tick(21_000);
    assert_eq!(centre.with("2").as_deref(), Some("kim"));
}

#[test]
fn r3_1_a_language_is_relaxed_only_with_the_customers_consent() {
    let any = Step { any_language: true, ..step(5_000, Reach::All) };
    let mut centre = centre(ladder(&[step(0, Reach::All), any]));
    centre.ready(OperatorPlan { capacity: 300, ..operator("anna") });
    let kazakh = |any_language| Facts { language: Some("kk".into()), any_language, ..Facts::default() };
    centre.push(EnqueueContact { facts: kazakh(false), ..contact("firm", "a", 3) });
    centre.push(EnqueueContact { facts: kazakh(true), ..contact("agreed", "a", 3) });
    centre.tick(60_000);
    assert_eq!((centre.with("firm"), centre.with("agreed").as_deref()), (None, Some("anna")));
}

#[test]
fn r3_3_other_companies_help_where_their_operators_are_lent() {
    let lent = Step { lent: true, ..step(5_000, Reach::All) };
    let mut plan = plan(vec![queue("a", ladder(&[step(0, Reach::All), lent]))]);
    plan.rules.principals = vec!["gas".into(), "water".into()];
    let mut centre = Centre::new(plan);
    let rules = OperatorRules {
        principals: vec!["gas".into()],
        lent_principals: vec!["water".into()],
        ..OperatorRules::default()
    };
    centre.ready(OperatorPlan { rules, ..operator("anna") });
    let facts = Facts { principal: Some("water".into()), ..Facts::default() };
    centre.push(EnqueueContact { facts, ..contact("1", "a", 3) });
    assert_eq!(centre.with("1"), None);
    centre.tick(6_000);
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r3_1_an_operator_gets_only_channels_that_it_serves() {
    let mut centre = centre(QueueRules::default());
    let rules = OperatorRules { channels: vec!["chat".into()], ..OperatorRules::default() };
    centre.ready(OperatorPlan { rules, ..operator("anna") });
    centre.push(contact("call", "a", 3));
    centre.push(EnqueueContact { channel: "chat".into(), ..contact("chat", "a", 3) });
    assert_eq!((centre.with("call"), centre.with("chat").as_deref()), (None, Some("anna")));
}

#[test]
fn r3_5_a_cap_keeps_room_for_other_channels() {
    let mut centre = centre(QueueRules::default());
    let rules = OperatorRules { caps: vec![("chat".into(), 2)], ..OperatorRules::default() };
    centre.ready(OperatorPlan { rules, capacity: 200, ..operator("anna") });
    for key in ["1", "2", "3"] {
        centre.push(EnqueueContact { channel: "chat".into(), ..contact(key, "a", 3) });
    }
    centre.push(contact("call", "a", 5));
    assert_eq!((centre.with("3"), centre.with("call").as_deref()), (None, Some("anna")));
    centre.complete("1");
    assert_eq!(centre.with("3").as_deref(), Some("anna"), "the third chat has room now");
}

#[test]
fn r3_5_a_queue_says_what_a_channel_costs_there() {
    let units = vec![("voice".into(), 34)];
    let mut centre = centre(QueueRules { units, ..QueueRules::default() });
    centre.ready(operator("anna"));
    centre.push(contact("call", "a", 3));
    centre.push(EnqueueContact { channel: "chat".into(), ..contact("chat", "a", 3) });
    assert_eq!(centre.with("chat").as_deref(), Some("anna"), "a chat beside a call, where that is allowed");
}

#[test]
fn r3_2_the_least_occupied_by_share_of_capacity() {
    let mut centre = centre(choice(Choice::LeastOccupied));
    centre.ready(OperatorPlan { capacity: 200, ..operator("small") });
    centre.ready(OperatorPlan { capacity: 1_000, ..operator("large") });
    for (key, expected) in [("1", "small"), ("2", "large"), ("3", "large")] {
        centre.at += 1;
        centre.push(contact(key, "a", 3));
        assert_eq!(centre.with(key).as_deref(), Some(expected), "{key}");
    }
}

#[test]
fn r3_2_the_most_skilled_then_the_longest_idle() {
    let mut centre = centre(choice(Choice::MostSkilled));
    centre.ready(operator("anna"));
    centre.at += 1;
    centre.ready(OperatorPlan { skills: vec![("voice".into(), 9), ("chat".into(), 1)], ..operator("boris") });
    centre.at += 1;
    centre.ready(OperatorPlan { skills: vec![("voice".into(), 9)], ..operator("clara") });
    for (key, expected) in [("1", "boris"), ("2", "clara"), ("3", "anna")] {
        centre.push(EnqueueContact { skills: vec![("voice".into(), 2)], ..contact(key, "a", 3) });
        assert_eq!(centre.with(key).as_deref(), Some(expected), "{key}");
    }
}

#[test]
fn r3_2_round_robin_goes_by_the_last_contact_given() {
    let mut centre = centre(choice(Choice::RoundRobin));
    for login in ["anna", "boris", "clara"] {
        centre.ready(operator(login));
    }
    for (key, expected) in [("1", "anna"), ("2", "boris"), ("3", "clara")] {
        centre.push(contact(key, "a", 3));
        assert_eq!(centre.with(key).as_deref(), Some(expected), "{key}");
        centre.complete(key);
    }
    centre.presence("anna", DeclaredPresence::NotReady(1));
    centre.push(contact("4", "a", 3));
    assert_eq!(centre.with("4").as_deref(), Some("boris"), "others keep their order");
    centre.presence("anna", DeclaredPresence::Ready);
    centre.push(contact("5", "a", 3));
    assert_eq!(centre.with("5").as_deref(), Some("anna"));
}

#[test]
fn r2_4_waiting_leads_one_tier_up_at_a_time_and_never_above_tier_2() {
    let mut centre = centre(QueueRules { promote_after: Some(Millis(60_000)), ..QueueRules::default() });
    centre.push(contact("1", "a", 4));
    for (at, tier) in [(60_999, 4), (61_000, 3), (121_000, 2), (999_000, 2)] {
        centre.tick(at);
        assert_eq!(centre.view("1").tier, tier, "at {at}");
    }
    assert_eq!(centre.view("1").enqueued_at, Timestamp(1_000), "true waiting time stays");
}

#[test]
fn r2_4_a_promoted_contact_goes_before_its_old_tier() {
    let mut centre = centre(QueueRules { promote_after: Some(Millis(60_000)), ..QueueRules::default() });
    centre.push(contact("old", "a", 4));
    centre.at += 30_000;
    centre.push(contact("new", "a", 3));
    centre.tick(62_000);
    centre.ready(operator("anna"));
    assert_eq!(centre.with("old").as_deref(), Some("anna"), "both in tier 3, and it came first");
}

#[test]
fn r2_5_a_lowered_requirement_matches_those_who_wait() {
    let mut plan = plan(vec![QueuePlan { required: vec![("kk".into(), 3)], ..QueuePlan::named("a") }]);
    plan.rules.principals = vec!["gas".into()];
    let mut centre = Centre::new(plan);
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 3));
    centre.push(contact("2", "a", 3));
    assert_eq!(centre.with("1"), None);
    change(&mut centre, |plan| plan.queues[0].required.clear()).expect("applies");
    assert_eq!((centre.with("1").as_deref(), centre.with("2")), (Some("anna"), None));
}

#[test]
fn a_plan_that_strands_those_who_wait_is_refused() {
    let mut centre = centre(choice(Choice::RoundRobin));
    centre.put(operator("anna"));
    centre.push(contact("1", "a", 3));
    let refused = change(&mut centre, |plan| plan.queues[0].required = vec![("kk".into(), 1)]);
    assert_eq!(refused, Err(Refusal::WouldStrand { queue: "a".into(), contacts: 1 }));
    centre.put(OperatorPlan { skills: vec![("kk".into(), 1)], ..operator("kairat") });
    assert!(change(&mut centre, |plan| plan.queues[0].required = vec![("kk".into(), 1)]).is_ok());
}

#[test]
fn r1_2_the_first_rule_that_holds_applies_then_the_default_queue() {
    let topics =
        |topics: &[&str]| When { topics: topics.iter().map(|t| Name::from(*t)).collect(), ..When::default() };
    let to = |queue: &str, tier| Then { queue: Some(queue.into()), tier: Some(tier), ..Then::default() };
    let rules = vec![
        entry("outages", topics(&["outage*"]), to("b", 1)),
        entry("never asked for outages", topics(&["outage*", "bill"]), to("a", 5)),
    ];
    let mut plan = entering(rules);
    plan.rules.default_queue = Some("a".into());
    let mut centre = Centre::new(plan);
    let about = |key: &str, topic: &str| {
        let details = ContactDetails { topic: Some(topic.into()), ..ContactDetails::default() };
        EnqueueContact { details, ..contact(key, "", 7) }
    };
    for (key, topic) in [("1", "outage:street"), ("2", "bill"), ("3", "meter")] {
        centre.push(about(key, topic));
    }
    let placed = |key: &str| (centre.view(key).queue.to_string(), centre.view(key).tier);
    assert_eq!(placed("1"), ("b".to_owned(), 1));
    assert_eq!(placed("2"), ("a".to_owned(), 5));
    assert_eq!(placed("3"), ("a".to_owned(), 7));
}

#[test]
fn r2_2_a_gateway_never_grants_tier_0_and_the_register_does_in_an_outage() {
    let when = When { registered: Some(true), topics: vec!["outage".into()], ..When::default() };
    let then = Then { queue: Some("life".into()), tier: Some(0), ..Then::default() };
    let mut centre = Centre::new(entering(vec![entry("life support", when, then)]));
    let add = vec![life_support_hash(Reference::Phone, "+7701")];
    centre.ok(Command::PutLifeSupport(PutLifeSupport { by: "olga".into(), add, remove: vec![] }));
    let from = |key: &str, phone: &str, topic: &str| EnqueueContact {
        details: ContactDetails { topic: Some(topic.into()), ..ContactDetails::default() },
        facts: Facts { phone: Some(phone.into()), ..Facts::default() },
        ..contact(key, "a", 0)
    };
    for (key, phone, topic) in
        [("hint", "+7702", "outage"), ("life", "+7701", "outage"), ("other", "+7701", "bill")]
    {
        centre.push(from(key, phone, topic));
    }
    assert_eq!(["hint", "life", "other"].map(|key| centre.view(key).tier), [1, 0, 1]);
    assert_eq!(&*centre.view("life").queue, "life");
}

#[test]
fn r2_2_a_rule_that_grants_tier_0_without_cause_is_refused() {
    let then = Then { tier: Some(0), ..Then::default() };
    let mut centre = centre(QueueRules::default());
    let vip = When { attributes: vec![("vip".into(), "yes".into())], ..When::default() };
    let refused = change(&mut centre, |plan| plan.rules.entry = vec![entry("vip", vip, then.clone())]);
    assert!(matches!(refused, Err(Refusal::PlanConflict(_))), "{refused:?}");
    let danger = When { danger: Some(true), ..When::default() };
    assert!(change(&mut centre, |plan| plan.rules.entry = vec![entry("danger", danger, then)]).is_ok());
}

#[test]
fn r2_2_life_safety_opens_all_steps_at_once() {
    let mut centre = centre(ladder(&[step(0, Reach::Own), step(600_000, Reach::All)]));
    centre.ready(of_unit("nora", "north"));
    centre.push(EnqueueContact { scope: Some("south".into()), ..contact("1", "a", 3) });
    assert_eq!(centre.with("1"), None);
    let action = Action::LiftContact { contact: centre.contacts["1"], tier: Some(0), head_start: None };
    centre.ok(Command::Act(Box::new(Act { by: "olga".into(), key: "k".into(), action })));
    assert_eq!(centre.with("1").as_deref(), Some("nora"));
}

#[test]
fn r2_3_who_hung_up_and_calls_again_gets_the_time_waited_once() {
    let mut plan = plan(vec![QueuePlan::named("a")]);
    plan.rules.redial = Some(Redial { within: Millis(300_000) });
    let mut centre = Centre::new(plan);
    let of = |key: &str, tier| EnqueueContact {
        facts: Facts { phone: Some("+7".into()), ..Facts::default() },
        ..contact(key, "a", tier)
    };
    centre.push(of("1", 3));
    centre.at += 90_000;
    let (gateway, epoch, contact) = (centre.gateway, Epoch(1), centre.contacts["1"]);
    centre.ok(Command::AbandonContact(AbandonContact { gateway, epoch, contact }));
    centre.at += 60_000;
    let (now, waited) = (centre.at, 90_000);
    centre.push(of("another tier", 4));
    centre.push(of("2", 3));
    centre.push(of("3", 3));
    let order = |key: &str| centre.view(key).order.0;
    assert_eq!([order("another tier"), order("2"), order("3")], [now, now - waited, now]);
    assert_eq!(centre.view("2").enqueued_at.0, now, "true waiting time is not altered");
}

#[test]
fn a_snapshot_keeps_the_rule_book() {
    let steps = [step(0, Reach::Own), step(30_000, Reach::All)];
    let rules =
        QueueRules { choice: Choice::RoundRobin, promote_after: Some(Millis(50_000)), ..ladder(&steps) };
    let mut centre = centre(rules);
    centre.ready(of_unit("nora", "north"));
    for key in ["1", "2"] {
        centre.push(EnqueueContact { scope: Some("south".into()), ..contact(key, "a", 4) });
    }
    let mut restored = Router::restore(&centre.router.snapshot().encode()).expect("restores");
    assert_eq!(restored.plan(), centre.router.plan());
    for at in [31_000, 51_000, 200_000] {
        assert_eq!(restored.next_deadline(), centre.router.next_deadline());
        let outcome = restored.apply(Timestamp(at), &Command::Tick);
        assert_eq!(outcome, centre.router.apply(Timestamp(at), &Command::Tick));
        assert_eq!(restored.snapshot().encode(), centre.router.snapshot().encode(), "at {at}");
    }
    assert_eq!(centre.with("1").as_deref(), Some("nora"));
}

#[test]
fn why_still_waiting_is_counted_by_reason() {
    let mut centre = centre(ladder(&[step(0, Reach::Own), step(30_000, Reach::All)]));
    centre.ready(of_unit("sara", "south"));
    centre.ready(of_unit("nora", "north"));
    centre.put(of_unit("away", "south"));
    centre.ready(OperatorPlan { skills: vec![("chat".into(), 1)], ..of_unit("chatty", "south") });
    let need = |key: &str| EnqueueContact {
        scope: Some("south".into()),
        skills: vec![("voice".into(), 2)],
        ..contact(key, "a", 3)
    };
    centre.push(need("1"));
    centre.at += 1;
    centre.push(need("2"));
    let why = centre.router.why_contact(centre.contacts["2"]).expect("known");
    let skill = WhyNot::Skill("voice".into());
    let counted = [(skill, 1), (WhyNot::Reach, 1), (WhyNot::NotSignedIn, 1), (WhyNot::NoRoom(100), 1)];
    assert_eq!(why.kept_from, counted);
    assert_eq!((why.step, why.next_step_at), ((0, 2), Some(Timestamp(31_001))));
    let decided = centre.router.why_contact(centre.contacts["1"]).and_then(|why| why.decision);
    let decision = decided.expect("it was assigned");
    assert_eq!((decision.fitting, decision.available), (Some(2), Some(1)), "sara and away");
    assert_eq!(decision.side, Side::Contact(Choice::LongestIdle));
    let why = centre.router.why_operator(centre.operator("nora")).expect("known");
    assert_eq!((why.at_all, why.queues), (None, vec![("a".into(), 1, WhyNot::Reach)]));
}

fn deflecting(deflections: &[(DeflectWhen, Treatment)]) -> QueueRules {
    let deflections = deflections.iter().map(|&(when, to)| Deflection { when, to }).collect();
    QueueRules { deflections, ..QueueRules::default() }
}

fn ended(centre: &Centre, key: &str) -> Option<effect::EndReason> {
    match centre.view(key).state {
        ContactState::Ended { reason, .. } => Some(reason),
        ContactState::Waiting
        | ContactState::Offered { .. }
        | ContactState::Handling { .. }
        | ContactState::WrapUp { .. } => None,
    }
}

#[test]
fn r1_3_nobody_there_is_answered_by_a_rule_and_never_by_silence() {
    let rules = deflecting(&[
        (DeflectWhen::NobodySignedIn, Treatment::Voicemail),
        (DeflectWhen::Waiting(1), Treatment::CallBack),
    ]);
    let mut centre = centre(rules);
    centre.put(operator("anna"));
    centre.push(contact("night", "a", 3));
    assert_eq!(ended(&centre, "night"), Some(effect::EndReason::Deflected(Treatment::Voicemail)));
    centre.push(contact("life", "a", 0));
    assert_eq!(ended(&centre, "life"), None, "life safety is let in");
    centre.ok(Command::OpenSession(open(Role::Operator, "anna", 7)));
    centre.push(contact("day", "a", 3));
    assert_eq!(ended(&centre, "day"), Some(effect::EndReason::Deflected(Treatment::CallBack)), "one waits");
    assert_eq!(centre.router.queues()[0].totals.deflected, 2);
}

#[test]
fn r2_2_opening_hours_refuse_unless_a_rule_says_otherwise_and_let_life_safety_in() {
    let open_from = |from, to| calendar::CalendarPlan {
        name: "office".into(),
        spans: vec![(Timestamp(from), Timestamp(to))],
        until: Timestamp(to),
        week: vec![],
    };
    let mut plan =
        plan(vec![queue("a", QueueRules { hours: Some("office".into()), ..QueueRules::default() })]);
    plan.rules.calendars = vec![open_from(10_000, 20_000)];
    let mut centre = Centre::new(plan);
    let closed = centre.apply(Command::EnqueueContact(Box::new(contact("early", "a", 3))));
    assert_eq!(closed, Err(Refusal::QueueClosed("a".into())));
    centre.push(contact("life", "a", 0));
    centre.at = 10_000;
    centre.push(contact("in time", "a", 3));
    centre.at = 20_000;
    let closed = centre.apply(Command::EnqueueContact(Box::new(contact("late", "a", 3))));
    assert_eq!(closed, Err(Refusal::QueueClosed("a".into())));
    centre.ready(operator("anna"));
    assert_eq!(centre.with("life").as_deref(), Some("anna"));
    centre.complete("life");
    assert_eq!(centre.with("in time").as_deref(), Some("anna"), "who waits is served after hours");
}

#[test]
fn r2_2_a_gateway_grants_no_tier_0_by_an_update_either() {
    let then = Then { tier: Some(3), ..Then::default() };
    let mut centre = Centre::new(entering(vec![entry("all", When::default(), then)]));
    centre.push(contact("1", "a", 0));
    let update = |tier| UpdateContact {
        gateway: GatewayId { slot: 0, generation: 0 },
        epoch: Epoch(1),
        contact: ContactId { slot: 0, generation: 0 },
        details: None,
        tier: Some(tier),
        not_before: None,
    };
    centre.ok(Command::UpdateContact(Box::new(update(0))));
    assert_eq!(centre.view("1").tier, 1);
}

#[test]
fn r2_2_a_gateways_later_word_does_not_take_life_safety_away() {
    let when = When { danger: Some(true), ..When::default() };
    let then = Then { tier: Some(0), ..Then::default() };
    let mut centre = Centre::new(entering(vec![entry("danger", when, then)]));
    let facts = Facts { danger: true, ..Facts::default() };
    let contact = centre.push(EnqueueContact { facts, ..contact("1", "a", 5) });
    centre.ok(Command::UpdateContact(Box::new(UpdateContact {
        gateway: GatewayId { slot: 0, generation: 0 },
        epoch: Epoch(1),
        contact,
        details: None,
        tier: Some(5),
        not_before: None,
    })));
    assert_eq!(centre.view("1").tier, 0);
}

#[test]
fn r2_5_a_plan_that_asks_for_less_matches_who_is_held_for_one_operator_too() {
    let mut centre = centre(choice(Choice::RoundRobin));
    centre.ready(operator("anna"));
    centre.put(OperatorPlan { skills: vec![("voice".into(), 6)], ..operator("boris") });
    centre.push(contact("1", "a", 5));
    let preferred = Some(("anna".into(), Millis(60_000)));
    centre.push(EnqueueContact { preferred, ..contact("2", "a", 5) });
    change(&mut centre, |plan| plan.queues[0].required = vec![("voice".into(), 6)]).expect("boris could");
    centre.complete("1");
    assert_eq!(centre.with("2"), None, "anna is not good enough any more");
    change(&mut centre, |plan| plan.queues[0].required.clear()).expect("it asks for less");
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}

fn previewed() -> Centre {
    let answer = Answer::Previewed { within: Millis(15_000) };
    Centre::new(plan(vec![QueuePlan { answer, wrap_up: Millis(0), ..QueuePlan::named("a") }]))
}

#[test]
fn r3_6_what_is_previewed_is_connected_by_its_time() {
    let mut centre = previewed();
    centre.ready(operator("anna"));
    let contact = centre.push(contact("1", "a", 3));
    let rings = |effect: &Effect| {
        matches!(
            effect,
            Effect::RingOperator { mode: effect::OfferMode::Previewed, deadline: Timestamp(16_000), .. }
        )
    };
    assert!(centre.effects.iter().any(rings), "{:?}", centre.effects);
    centre.tick(15_999);
    assert!(matches!(centre.view("1").state, ContactState::Offered { .. }));
    let bytes = centre.router.snapshot().encode();
    centre.router = Router::restore(&bytes).expect("a sound snapshot");
    centre.tick(16_000);
    assert!(matches!(centre.view("1").state, ContactState::Handling { since: Timestamp(16_000), .. }));
    let connects =
        |effect: &&Effect| matches!(effect, Effect::ConnectContact { contact: is, .. } if *is == contact);
    assert_eq!(centre.effects.iter().filter(connects).count(), 1);
    centre.complete("1");
}

#[test]
fn r3_6_what_is_previewed_begins_sooner_or_is_declined() {
    let mut centre = previewed();
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 3));
    centre.at += 5_000;
    let answer = centre.answer("1");
    centre.ok(Command::AcceptOffer(answer.clone()));
    assert!(matches!(centre.view("1").state, ContactState::Handling { since: Timestamp(6_000), .. }));
    centre.ok(Command::AcceptOffer(answer));
    centre.complete("1");
    centre.push(contact("2", "a", 3));
    let answer = centre.answer("2");
    centre.ok(Command::DeclineOffer(answer));
    assert_eq!(centre.with("2"), None);
    centre.tick(60_000);
    assert_eq!(centre.with("2"), None, "the time of a preview that was declined connects nobody");
}
