//! The same person (R3.4), hard cases (R3.8) and the ways of handing out (R3.7).

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const DAY: Millis = Millis(86_400_000);

fn queue(name: &str, rules: QueueRules) -> QueuePlan {
    QueuePlan { rules, ..QueuePlan::named(name) }
}

/// Two queues with these rules that remember who served whom for a day.
fn remembering(rules: QueueRules) -> Plan {
    let mut plan = plan(vec![queue("a", rules.clone()), queue("b", rules)]);
    plan.rules.remember = Remember { customer: Some(DAY), case: Some(DAY) };
    plan
}

fn waits_for(same_person: SamePerson) -> Centre {
    Centre::new(remembering(QueueRules { same_person, ..QueueRules::default() }))
}

fn of_customer(key: &str, queue: &str, customer: &str) -> EnqueueContact {
    let details = ContactDetails { customer: Some(customer.into()), ..ContactDetails::default() };
    EnqueueContact { details, ..contact(key, queue, 5) }
}

fn of_case(key: &str, queue: &str, case: &str) -> EnqueueContact {
    let facts = Facts { case: Some(case.into()), ..Facts::default() };
    EnqueueContact { facts, ..contact(key, queue, 5) }
}

/// A ladder whose first step, or only one, reaches nobody.
fn by_hand(opens_after: Option<u64>) -> QueueRules {
    let step = |after, reach| Step { after: Millis(after), reach, ..Step::default() };
    let opens = opens_after.map(|after| step(after, Reach::Own));
    let ladder = [step(0, Reach::Nobody)].into_iter().chain(opens).collect();
    QueueRules { ladder, leads: vec!["lena".into()], ..QueueRules::default() }
}

fn take(centre: &mut Centre, login: &str, seq: u64, queue: Option<&str>) -> Result<Reply, Refusal> {
    let (operator, epoch) = (centre.operator(login), centre.epoch(login));
    let queue = queue.map(Name::from);
    centre.apply(Command::TakeNext(TakeNext { operator, epoch, seq, queue }))
}

fn assign(centre: &mut Centre, lead: &str, contact: ContactId, to: &str) -> Result<Reply, Refusal> {
    let (operator, epoch) = (centre.operator(lead), centre.epoch(lead));
    let hold = Millis(60_000);
    centre.apply(Command::AssignContact(AssignContact { operator, epoch, contact, to: to.into(), hold }))
}

fn transfer(centre: &mut Centre, key: &str, queue: &str) -> Result<Reply, Refusal> {
    let (answer, to) = (centre.answer(key), TransferTarget::Queue(queue.into()));
    centre.apply(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })))
}

#[test]
fn r3_4_nothing_stays_held_for_who_is_made_unfit_for_it() {
    let rules = QueueRules { choice: Choice::RoundRobin, ..QueueRules::default() };
    let mut centre = Centre::new(plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }]));
    let skilled = OperatorPlan { skills: vec![("kk".into(), 5)], ..operator("anna") };
    centre.ready(skilled.clone());
    centre.push(EnqueueContact { units: Some(100), ..contact("busy", "a", 3) });
    let kazakh = EnqueueContact {
        skills: vec![("kk".into(), 3)],
        preferred: Some(("anna".into(), Millis(600_000))),
        ..contact("1", "a", 3)
    };
    centre.push(kazakh);
    centre.ready(OperatorPlan { login: "boris".into(), ..skilled });
    assert_eq!(centre.with("1"), None, "it waits for anna alone");
    let operators = vec![operator("anna")];
    let by = Some("olga".into());
    centre.ok(Command::PutOperators(PutOperators { operators, by }));
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
}

#[test]
fn r3_4_a_customer_waits_for_the_last_operator_for_a_while() {
    let mut centre = waits_for(SamePerson { last_operator: Some(Millis(20_000)), ..SamePerson::default() });
    centre.ready(operator("anna"));
    centre.push(of_customer("1", "a", "ivan"));
    centre.complete("1");
    centre.push(of_customer("2", "a", "olga"));
    centre.ready(operator("boris"));
    centre.push(of_customer("3", "a", "ivan"));
    assert_eq!(centre.with("3"), None, "boris is free, and anna is who knows him");
    centre.complete("2");
    assert_eq!(centre.with("3").as_deref(), Some("anna"));
}

#[test]
fn r3_4_the_wait_for_the_last_operator_ends() {
    let mut centre = waits_for(SamePerson { last_operator: Some(Millis(20_000)), ..SamePerson::default() });
    centre.ready(operator("anna"));
    centre.push(of_customer("1", "a", "ivan"));
    centre.complete("1");
    centre.push(of_customer("2", "a", "olga"));
    centre.push(of_customer("3", "a", "ivan"));
    centre.ready(operator("boris"));
    let since = centre.router.now().0;
    centre.tick(since + 19_000);
    assert_eq!(centre.with("3"), None);
    centre.tick(since + 20_000);
    assert_eq!(centre.with("3").as_deref(), Some("boris"));
}

#[test]
fn r3_4_life_safety_waits_for_nobody() {
    let mut centre = waits_for(SamePerson { last_operator: Some(Millis(20_000)), ..SamePerson::default() });
    centre.ready(operator("anna"));
    centre.push(of_customer("1", "a", "ivan"));
    centre.complete("1");
    centre.push(of_customer("2", "a", "olga"));
    centre.ready(operator("boris"));
    centre.push(EnqueueContact { tier: 0, ..of_customer("3", "a", "ivan") });
    assert_eq!(centre.with("3").as_deref(), Some("boris"));
}

#[test]
fn r3_4_a_case_that_returns_goes_to_whom_it_was_with_first_and_then_to_the_deputy() {
    let mut centre = waits_for(SamePerson { first_handler: Some(Millis(20_000)), ..SamePerson::default() });
    let deputies = OperatorRules { deputies: vec!["dina".into()], ..OperatorRules::default() };
    centre.ready(OperatorPlan { rules: deputies, ..operator("anna") });
    centre.push(of_case("1", "a", "case-7"));
    centre.complete("1");
    centre.ready(operator("boris"));
    centre.push(of_case("2", "a", "case-7"));
    assert_eq!(centre.with("2").as_deref(), Some("anna"), "and not boris, who has been idle for longer");
    centre.complete("2");
    centre.presence("anna", DeclaredPresence::NotReady(1));
    centre.ready(operator("dina"));
    centre.push(of_case("3", "a", "case-7"));
    assert_eq!(centre.with("3").as_deref(), Some("dina"));
    centre.push(of_case("4", "b", "case-7"));
    assert_eq!(centre.with("4").as_deref(), Some("boris"), "in another queue nobody has handled it");
}

#[test]
fn r3_4_where_no_deputy_is_there_the_head_of_the_unit_stands_in() {
    let same_person = SamePerson { owner: Some(Millis(20_000)), ..SamePerson::default() };
    let mut plan = remembering(QueueRules { same_person, ..QueueRules::default() });
    plan.units[1].rules.head = Some("head".into());
    let then = Then { owner: Some("nora".into()), ..Then::default() };
    plan.rules.entry = vec![EntryRule { name: "metering".into(), when: When::default(), then }];
    let mut centre = Centre::new(plan);
    centre.put(OperatorPlan { unit: Some("north".into()), ..operator("nora") });
    centre.ready(operator("boris"));
    centre.ready(operator("head"));
    centre.push(contact("1", "a", 5));
    assert_eq!(centre.with("1").as_deref(), Some("head"));
    centre.ready(OperatorPlan { unit: Some("north".into()), ..operator("nora") });
    centre.push(contact("2", "a", 5));
    assert_eq!(
        centre.with("2").as_deref(),
        Some("nora"),
        "the owner by topic, although boris is idle for longer"
    );
}

#[test]
fn r3_8_whoever_takes_a_hard_case_owns_it_and_passes_it_on_no_more() {
    let rules = QueueRules {
        hard: true,
        passes_max: Some(1),
        same_person: SamePerson { owner: Some(Millis(20_000)), ..SamePerson::default() },
        ..QueueRules::default()
    };
    let mut centre = Centre::new(remembering(rules));
    centre.ready(operator("anna"));
    let first = centre.push(of_case("1", "a", "case-7"));
    centre.ready(operator("boris"));
    transfer(&mut centre, "1", "b").expect("the first line passes it once");
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
    assert_eq!(transfer(&mut centre, "1", "a"), Err(Refusal::PassedOften { contact: first, passes_max: 1 }));
    centre.complete("1");
    centre.push(of_case("2", "a", "case-7"));
    assert_eq!(centre.with("2").as_deref(), Some("boris"), "anna is idle for longer; boris owns the case");
}

#[test]
fn r3_7_pull_an_operator_takes_the_next_and_nobody_is_given_any() {
    let mut centre = Centre::new(plan(vec![queue("a", by_hand(None)), queue("b", by_hand(None))]));
    centre.ready(operator("anna"));
    assert_eq!(take(&mut centre, "anna", 7, None), Err(Refusal::NothingWaits));
    centre.push(contact("1", "a", 5));
    let first = centre.push(contact("2", "b", 4));
    assert_eq!((centre.with("1"), centre.with("2")), (None, None));
    assert_eq!(centre.router.next_deadline(), None, "waiting alone changes nothing");
    assert_eq!(take(&mut centre, "anna", 7, None), Ok(Reply::Taken { contact: first }));
    assert_eq!(take(&mut centre, "anna", 7, None), Ok(Reply::Done), "the same word again takes nothing more");
    assert_eq!(take(&mut centre, "anna", 8, None), Err(Refusal::NothingWaits), "her hands are full");
    assert_eq!(take(&mut centre, "anna", 8, Some("nowhere")), Err(Refusal::UnknownQueue("nowhere".into())));
    centre.complete("2");
    assert_eq!(take(&mut centre, "anna", 8, Some("b")), Err(Refusal::NothingWaits));
    assert!(matches!(take(&mut centre, "anna", 8, Some("a")), Ok(Reply::Taken { .. })));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r3_7_who_takes_has_accepted() {
    let answer = Answer::Offered { within: Millis(10_000) };
    let mut centre = Centre::new(plan(vec![QueuePlan { answer, ..queue("a", by_hand(None)) }]));
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 5));
    take(&mut centre, "anna", 7, None).expect("one waits");
    centre.complete("1");
}

#[test]
fn r3_7_life_safety_is_given_out_where_nothing_else_is() {
    let mut centre = Centre::new(plan(vec![queue("a", by_hand(None))]));
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 0));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r3_7_a_lead_hands_out_and_others_do_not() {
    let mut centre = Centre::new(plan(vec![queue("a", by_hand(None)), QueuePlan::named("b")]));
    for login in ["lena", "anna", "boris"] {
        centre.ready(operator(login));
    }
    let first = centre.push(contact("1", "a", 5));
    assert_eq!(assign(&mut centre, "anna", first, "boris"), Err(Refusal::NotALead("a".into())));
    assert_eq!(assign(&mut centre, "lena", first, "nobody"), Err(Refusal::UnknownOperator("nobody".into())));
    assert_eq!(assign(&mut centre, "lena", first, "boris"), Ok(Reply::Done));
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
    assert_eq!(
        assign(&mut centre, "lena", first, "boris"),
        Ok(Reply::Done),
        "the same again changes nothing"
    );
    assert!(matches!(assign(&mut centre, "lena", first, "anna"), Err(Refusal::WrongState { .. })));
    let second = centre.push(contact("2", "a", 5));
    assign(&mut centre, "lena", second, "boris").expect("he is there, if busy");
    assert_eq!(centre.with("2"), None);
    centre.complete("1");
    assert_eq!(centre.with("2").as_deref(), Some("boris"), "it was kept for him");
}

#[test]
fn r3_7_what_no_lead_hands_out_in_time_is_given_out() {
    let mut centre = Centre::new(plan(vec![queue("a", by_hand(Some(60_000)))]));
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 5));
    let since = centre.router.now().0;
    centre.tick(since + 59_999);
    assert_eq!(centre.with("1"), None);
    centre.tick(since + 60_000);
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r3_7_a_supervisor_hands_out_too() {
    let mut centre = Centre::new(plan(vec![queue("a", by_hand(None))]));
    centre.ready(operator("anna"));
    let contact = centre.push(contact("1", "a", 5));
    let action = Action::AssignContact { contact, to: "anna".into(), hold: Millis(1_000) };
    let act = Act { by: "olga".into(), key: "k".into(), action };
    assert_eq!(centre.router.preview(&act), Ok(Reply::Acted { contacts: 1 }));
    assert_eq!(centre.ok(Command::Act(Box::new(act))), Reply::Acted { contacts: 1 });
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r3_4_who_served_whom_outlives_a_restart_from_a_snapshot() {
    let mut centre = waits_for(SamePerson { last_operator: Some(Millis(20_000)), ..SamePerson::default() });
    centre.ready(operator("anna"));
    centre.push(of_customer("1", "a", "ivan"));
    centre.complete("1");
    centre.ready(operator("boris"));
    let bytes = centre.router.snapshot().encode();
    centre.router = Router::restore(&bytes).expect("written just now");
    assert_eq!(centre.router.snapshot().encode(), bytes);
    centre.push(of_customer("2", "a", "ivan"));
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}
