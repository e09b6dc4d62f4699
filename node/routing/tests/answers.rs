//! How the customer of a case wants the answer : stages that are there for one way of answering alone.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

fn stage(name: &str, ways: &[&str]) -> Stage {
    let reply_by = ways.iter().map(|way| Name::from(*way)).collect();
    Stage { name: name.into(), queue: name.into(), term: Millis(60_000), reply_by, ..Stage::default() }
}

/// Work; a letter for who wants one, or a call; and a look at all of it.
fn centre() -> Centre {
    let call =
        Stage { channel: Some("voice".into()), call_back: Some("all".into()), ..stage("calls", &["call"]) };
    let stages = vec![stage("work", &[]), stage("letters", &["post", "office"]), call, stage("check", &[])];
    let mut plan =
        plan(["work", "letters", "calls", "check"].map(QueuePlan::named).map(without_wrap_up).to_vec());
    plan.rules.entry = vec![EntryRule {
        name: "claims".into(),
        when: When { channels: vec!["chat".into()], ..When::default() },
        then: Then { route: Some("claim".into()), ..Then::default() },
    }];
    plan.rules.routes = vec![Route { name: "claim".into(), stages, term: None, calendar: None }];
    let mut centre = Centre::new(plan);
    centre.ready(operator("anna"));
    centre
}

fn without_wrap_up(queue: QueuePlan) -> QueuePlan {
    QueuePlan { wrap_up: Millis(0), ..queue }
}

fn claim(key: &str, reply_by: Option<&str>) -> EnqueueContact {
    let facts = Facts { reply_by: reply_by.map(Name::from), phone: Some("+7 1".into()), ..Facts::default() };
    EnqueueContact { channel: "chat".into(), facts, ..contact(key, "", 4) }
}

fn step(centre: &mut Centre, key: &str, step: CaseStep) -> Result<Reply, Refusal> {
    let answer = centre.answer(key);
    centre.apply(Command::CompleteContact(CompleteContact { answer, wrap_up: None, step, result: None }))
}

/// The names of the stages that a case goes through, each completed by anna.
fn way_of(centre: &mut Centre, key: &str) -> Vec<String> {
    let case = centre.view(key).case.expect("it opened one");
    let view = |centre: &Centre| centre.router.case(case).expect("remembered");
    let mut stages = Vec::new();
    while let Some(contact) = view(centre).contact {
        stages.push(view(centre).stage_name.to_string());
        let key = centre.router.contact(contact).expect("known").key.to_string();
        centre.contacts.insert(key.clone(), contact);
        step(centre, &key, CaseStep::Next).expect("it is in hand");
    }
    stages
}

#[test]
fn a_case_goes_through_the_stages_of_the_answer_that_is_wanted() {
    let mut centre = centre();
    for (key, wanted, way) in [
        ("a", Some("post"), vec!["work", "letters", "check"]),
        ("b", Some("office"), vec!["work", "letters", "check"]),
        ("c", Some("call"), vec!["work", "calls", "check"]),
        ("d", Some("pigeon"), vec!["work", "check"]),
        ("e", None, vec!["work", "check"]),
    ] {
        centre.push(claim(key, wanted));
        let case = centre.view(key).case.expect("it opened one");
        assert_eq!(centre.router.case(case).expect("known").reply_by.as_deref(), wanted);
        assert_eq!(way_of(&mut centre, key), way, "{wanted:?}");
    }
}

#[test]
fn the_stage_of_a_call_is_a_call_back_order_of_the_customer() {
    let mut centre = centre();
    centre.push(claim("a", Some("call")));
    step(&mut centre, "a", CaseStep::Next).expect("in hand");
    let case = centre.view("a").case.expect("it opened one");
    let call = centre.router.case(case).expect("open").contact.expect("open");
    let view = centre.router.contact(call).expect("known");
    let order = CallbackOrder { number: "+7 1".into(), principals: "all".into() };
    assert_eq!((view.callback.as_ref(), &*view.channel), (Some(&order), "voice"));
    let again = EnqueueContact { callback: Some(order), ..contact("again", "calls", 4) };
    let merged = centre.ok(Command::EnqueueContact(Box::new(again)));
    assert!(matches!(merged, Reply::Merged { into, .. } if into == call), "{merged:?}");
}

#[test]
fn a_case_returns_to_the_stage_that_it_had_before() {
    let mut centre = centre();
    centre.push(claim("a", None));
    step(&mut centre, "a", CaseStep::Next).expect("in hand");
    let case = centre.view("a").case.expect("it opened one");
    let at = |centre: &Centre| centre.router.case(case).expect("open");
    assert_eq!(&*at(&centre).stage_name, "check");
    centre.contacts.insert("a/2".into(), at(&centre).contact.expect("open"));
    step(&mut centre, "a/2", CaseStep::Return).expect("work stands before it");
    assert_eq!(&*at(&centre).stage_name, "work");
    centre.contacts.insert("a/3".into(), at(&centre).contact.expect("open"));
    let refused = step(&mut centre, "a/3", CaseStep::Return);
    assert!(
        matches!(refused, Err(Refusal::InvalidField { ref field, .. }) if &**field == "step"),
        "{refused:?}"
    );
}

#[test]
fn who_hands_a_call_to_the_back_office_says_how_the_customer_wants_the_answer() {
    let mut centre = centre();
    centre.push(contact("call", "calls", 3));
    let to = TransferTarget::BackOffice {
        route: "claim".into(),
        channel: "chat".into(),
        reply_by: Some("office".into()),
    };
    let answer = centre.answer("call");
    centre.ok(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })));
    let bytes = centre.router.snapshot().encode();
    centre.router = Router::restore(&bytes).expect("a sound snapshot");
    let case = centre.view("call").case.expect("it opened one");
    let work = centre.router.case(case).expect("open").contact.expect("open");
    centre.contacts.insert("call/1".into(), work);
    assert_eq!(centre.router.case(case).expect("open").reply_by.as_deref(), Some("office"));
    assert_eq!(way_of(&mut centre, "call/1"), ["work", "letters", "check"]);
}

#[test]
fn a_stage_of_an_answer_is_judged_with_its_plan() {
    let mut centre = centre();
    let mut refused = |change: &dyn Fn(&mut Plan)| {
        let mut plan = centre.router.plan().clone();
        plan.version += 1;
        change(&mut plan);
        centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None }))).expect_err("is refused")
    };
    let first = refused(&|plan| plan.rules.routes[0].stages[0].reply_by = vec!["post".into()]);
    assert!(matches!(first, Refusal::PlanConflict(_)), "{first}");
    let twice = refused(&|plan| plan.rules.routes[0].stages[1].reply_by = vec!["post".into(), "post".into()]);
    assert!(matches!(twice, Refusal::PlanConflict(_)), "{twice}");
    let channel = refused(&|plan| plan.rules.routes[0].stages[2].channel = Some("smoke".into()));
    assert_eq!(channel, Refusal::UnknownChannel("smoke".into()));
    let principals = refused(&|plan| plan.rules.routes[0].stages[2].call_back = Some("".into()));
    assert!(
        matches!(principals, Refusal::InvalidField { ref field, .. } if &**field == "rules.routes.stages.call_back")
    );
}
