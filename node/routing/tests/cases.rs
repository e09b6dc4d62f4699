//! Cases: routes of stages, working time, deadlines, the back office. Each test is named after its rule.

mod support;

use ringmain_routing::calendar::CalendarPlan;
use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const HOUR: u64 = 3_600_000;

fn stage(name: &str, queue: &str, term: u64, warn_before: u64) -> Stage {
    Stage {
        name: name.into(),
        queue: queue.into(),
        term: Millis(term),
        warn_before: Millis(warn_before),
        ..Stage::default()
    }
}

fn route(name: &str, stages: Vec<Stage>) -> Route {
    Route { name: name.into(), stages, term: None, calendar: None }
}

/// Open from 9 to 17 of each day of the scenario.
fn office(name: &str) -> CalendarPlan {
    let day = |day: u64| (Millis((24 * day + 9) * HOUR), Millis((24 * day + 17) * HOUR));
    let (spans, until, week) = (Vec::new(), Timestamp(0), (0..7).map(day).collect());
    CalendarPlan { name: name.into(), spans, until, week }
}

/// Intake, work, answer: 10, 20 and 5 s; two of them warned of 4 s before.
fn claim() -> Route {
    let stages = vec![
        stage("intake", "in", 10_000, 4_000),
        stage("work", "work", 20_000, 4_000),
        stage("answer", "out", 5_000, 0),
    ];
    route("claim", stages)
}

fn centre_with(routes: Vec<Route>, change: impl FnOnce(&mut Plan)) -> Centre {
    let mut plan = plan(["in", "work", "out", "head", "calls"].map(QueuePlan::named).to_vec());
    plan.sessions.key_window = Millis(60_000);
    let name = routes.first().map(|route| route.name.clone());
    plan.rules.entry = vec![EntryRule {
        name: "claims".into(),
        when: When { topics: vec!["claim".into()], ..When::default() },
        then: Then { route: name, ..Then::default() },
    }];
    plan.rules.routes = routes;
    plan.rules.calendars = vec![office("office")];
    change(&mut plan);
    Centre::new(plan)
}

fn centre() -> Centre {
    centre_with(vec![claim()], |_| {})
}

fn change(centre: &mut Centre, change: impl FnOnce(&mut Plan)) -> Result<Reply, Refusal> {
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    change(&mut plan);
    centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: Some("olga".into()) })))
}

fn claim_of(key: &str) -> EnqueueContact {
    let details = ContactDetails { topic: Some("claim".into()), ..ContactDetails::default() };
    EnqueueContact { channel: "chat".into(), details, ..contact(key, "", 4) }
}

fn step(centre: &mut Centre, key: &str, step: CaseStep) -> Result<Reply, Refusal> {
    let answer = centre.answer(key);
    centre.apply(Command::CompleteContact(CompleteContact { answer, wrap_up: None, step, result: None }))
}

fn to_back_office(answer: AnswerOffer, wrap_up: Option<Millis>) -> Command {
    let to = TransferTarget::BackOffice { route: "claim".into(), channel: "chat".into(), reply_by: None };
    Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up }))
}

fn case_of(centre: &Centre, key: &str) -> CaseView {
    centre.router.case(centre.view(key).case.expect("is a case's")).expect("is remembered")
}

fn names(effects: &[Effect]) -> Vec<&'static str> {
    let name = |effect: &Effect| match effect {
        Effect::AnnounceStage { .. } => "stage",
        Effect::WarnCase { .. } => "warn",
        Effect::EscalateCase { contact: Some(_), .. } => "late",
        Effect::EscalateCase { contact: None, .. } => "overdue",
        Effect::AnnounceCaseClosed { .. } => "closed",
        Effect::NotifyWatcher { escalated: true, .. } => "watcher: late",
        Effect::NotifyWatcher { escalated: false, .. } => "watcher: near",
        Effect::AnnounceConsult { .. } => "consult",
        Effect::JoinConsult { .. } => "conference",
        Effect::AnnounceQueued { .. } => "queued",
        Effect::AnnounceMoved { .. } => "moved",
        Effect::ConnectContact { .. } => "connect",
        Effect::ReleaseOperator { .. } => "release",
        Effect::AnnounceEnded { .. } => "ended",
        Effect::StartWrapUp { .. } => "wrap-up",
        Effect::WithdrawAssignment { .. } => "withdrawn",
        Effect::EndStream { .. } => "end of stream",
        Effect::AnnouncePresence { .. } => "presence",
        Effect::RingOperator { .. }
        | Effect::AnnounceAssigned { .. }
        | Effect::ParkContact { .. }
        | Effect::HoldContact { .. }
        | Effect::AnnounceExpectedWait { .. }
        | Effect::OfferDeflection { .. }
        | Effect::CallDuty { .. }
        | Effect::NotifyThread { .. }
        | Effect::AnnounceEnquiry { .. }
        | Effect::NotifyEnquiry { .. }
        | Effect::SuperviseContact { .. }
        | Effect::AnnounceHelp { .. }
        | Effect::AnnounceAlarm { .. }
        | Effect::InviteCompanion { .. } => "other",
    };
    effects.iter().map(name).collect()
}

/// The state is read from its snapshot and goes on alike.
fn restore(centre: &mut Centre) {
    let bytes = centre.router.snapshot().encode();
    centre.router = Router::restore(&bytes).expect("is sound");
    centre.router.check_invariants().expect("holds");
    assert_eq!(centre.router.snapshot().encode(), bytes);
}

#[test]
fn an_arrival_whose_entry_rule_gives_a_route_opens_a_case_at_its_first_stage() {
    let mut centre = centre();
    let contact = centre.push(claim_of("a"));
    assert_eq!(names(&centre.effects), ["stage", "queued"]);
    let case = case_of(&centre, "a");
    let announced = Effect::AnnounceStage {
        case: case.id,
        gateway: centre.gateway,
        contact,
        stage: 0,
        due: Timestamp(11_000),
    };
    assert_eq!(centre.effects[0], announced);
    assert_eq!((&*case.reference, &*case.route, &*case.stage_name), ("a", "claim", "intake"));
    assert_eq!((case.contact, case.opened_by, case.begun), (Some(contact), None, 1));
    assert_eq!(&*centre.view("a").queue, "in");
    let again = centre.ok(Command::EnqueueContact(Box::new(claim_of("a"))));
    assert_eq!((again, centre.effects.len()), (Reply::Enqueued { contact }, 0), "the first answer");
}

#[test]
fn who_is_deflected_merged_or_refused_opens_no_case() {
    let mut centre = centre_with(vec![claim()], |plan| {
        let (when, to) = (DeflectWhen::NobodySignedIn, Treatment::Voicemail);
        plan.queues[0].rules.deflections = vec![Deflection { when, to }];
    });
    centre.push(claim_of("a"));
    assert_eq!((names(&centre.effects), centre.view("a").case), (vec!["ended"], None));
    change(&mut centre, |plan| plan.queues[0].rules.deflections.clear()).expect("applies");
    let order = CallbackOrder { number: "7".into(), principals: "all".into() };
    centre.push(EnqueueContact { callback: Some(order.clone()), ..claim_of("b") });
    let second = EnqueueContact { callback: Some(order), ..claim_of("c") };
    centre.ok(Command::EnqueueContact(Box::new(second)));
    assert_eq!((names(&centre.effects), centre.view("c").case), (vec!["ended"], None));
}

#[test]
fn each_stage_is_a_new_contact_until_the_case_is_done() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    let urgent = Facts { unit: Some("north".into()), ..Facts::default() };
    centre.push(EnqueueContact { facts: urgent, head_start: Millis(300), ..claim_of("a") });
    assert_eq!(names(&centre.effects), ["stage", "connect"]);
    centre.at = 3_000;
    assert_eq!(step(&mut centre, "a", CaseStep::Next), Ok(Reply::Done));
    assert_eq!(names(&centre.effects), ["release", "ended", "stage", "connect"]);
    let (work, case) = (centre.view("a/2"), case_of(&centre, "a"));
    assert_eq!((&*work.queue, &*work.channel, work.tier, work.units), ("work", "chat", 4, 33));
    assert_eq!((work.enqueued_at, work.order), (Timestamp(3_000), Timestamp(3_000)));
    assert_eq!((work.case, case.contact), (Some(case.id), Some(work.id)));
    assert_eq!((case.stage_due, &*case.stage_name), (Timestamp(23_000), "work"));
    step(&mut centre, "a/2", CaseStep::Next).expect("is done");
    centre.at = 4_000;
    step(&mut centre, "a/3", CaseStep::Next).expect("is done");
    let end = CaseEnd::Done;
    let closed = Effect::AnnounceCaseClosed { case: case.id, gateway: centre.gateway, end, in_term: true };
    assert_eq!(centre.effects.last(), Some(&closed));
    let case = centre.router.case(case.id).expect("is remembered");
    let state = CaseState::Closed { at: Timestamp(4_000), why: end, until: Timestamp(64_000) };
    assert_eq!((case.state, case.contact, case.in_term), (state, None, Some(true)));
    let done: Vec<_> = case.history.iter().map(|done| (&*done.name, done.ended.0, done.operator)).collect();
    let anna = Some(centre.operator("anna"));
    assert_eq!(done, [("intake", 3_000, anna), ("work", 3_000, anna), ("answer", 4_000, anna)]);
}

#[test]
fn an_arrival_in_wrap_up_does_not_hold_its_case_up() {
    let mut centre = centre_with(vec![claim()], |plan| plan.queues[0].wrap_up = Millis(5_000));
    centre.ready(operator("anna"));
    centre.push(claim_of("a"));
    step(&mut centre, "a", CaseStep::Next).expect("is done");
    assert_eq!(names(&centre.effects), ["wrap-up", "stage", "connect"], "33 of 100 are in wrap-up");
    assert_eq!(centre.with("a/2").as_deref(), Some("anna"));
    assert_eq!(step(&mut centre, "a", CaseStep::Close), Ok(Reply::Done), "repeated words change nothing");
    centre.tick(6_000);
    assert!(case_of(&centre, "a").contact.is_some());
}

#[test]
fn a_case_goes_back_or_is_closed_by_the_operators_word() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(claim_of("a"));
    let refused = step(&mut centre, "a", CaseStep::Return).expect_err("nothing is before the first");
    assert!(matches!(refused, Refusal::InvalidField { field, .. } if &*field == "step"));
    step(&mut centre, "a", CaseStep::Next).expect("is done");
    step(&mut centre, "a/2", CaseStep::Return).expect("goes back");
    assert_eq!((&*centre.view("a/3").queue, case_of(&centre, "a").stage), ("in", 0));
    step(&mut centre, "a/3", CaseStep::Close).expect("is closed");
    assert_eq!(names(&centre.effects), ["release", "ended", "closed"]);
    assert!(matches!(case_of(&centre, "a").state, CaseState::Closed { why: CaseEnd::ClosedEarly, .. }));
    centre.push(contact("call", "calls", 4));
    let refused = step(&mut centre, "call", CaseStep::Close).expect_err("has no case");
    assert!(matches!(refused, Refusal::InvalidField { field, .. } if &*field == "step"));
}

#[test]
fn warning_and_deadline_are_told_once_whatever_the_contact_does() {
    let mut centre = centre_with(vec![claim()], |plan| {
        plan.rules.routes[0].stages[0].watchers = vec!["boss".into(), "nobody".into(), "away".into()];
        plan.rules.routes[0].term = Some(Millis(12_000));
    });
    centre.put(operator("away"));
    centre.put(operator("boss"));
    centre.ok(Command::OpenSession(open(Role::Operator, "boss", 1)));
    centre.push(claim_of("a"));
    centre.tick(6_999);
    assert_eq!(names(&centre.effects), [""; 0]);
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(7_000)));
    restore(&mut centre);
    centre.ready(operator("anna"));
    centre.tick(7_000);
    assert_eq!(names(&centre.effects), ["warn", "watcher: near"]);
    centre.tick(10_999);
    assert_eq!(names(&centre.effects), [""; 0]);
    centre.tick(11_000);
    assert_eq!(names(&centre.effects), ["late", "watcher: late"]);
    assert!(case_of(&centre, "a").overdue);
    centre.tick(13_000);
    assert_eq!(names(&centre.effects), ["overdue", "watcher: late"]);
    centre.tick(90_000);
    assert_eq!((names(&centre.effects), centre.router.next_deadline()), (vec![], None));
    step(&mut centre, "a", CaseStep::Close).expect("is closed");
    let case = case_of(&centre, "a");
    assert_eq!((case.in_term, case.history[0].escalated), (Some(false), true));
}

#[test]
fn work_that_nobody_has_in_hand_goes_to_the_head_at_its_deadline() {
    let mut centre = centre_with(vec![claim()], |plan| {
        plan.rules.routes[0].stages[0].escalate_to = Some("head".into());
        plan.queues[3].open = false;
    });
    let skills = vec![("voice".into(), 5)];
    centre.push(EnqueueContact { skills, ..claim_of("waits") });
    centre.push(EnqueueContact { not_before: Some(Timestamp(99_000)), ..claim_of("later") });
    centre.ready(OperatorPlan { capacity: 33, skills: vec![], ..operator("anna") });
    centre.push(claim_of("held"));
    assert_eq!(centre.with("held").as_deref(), Some("anna"));
    centre.tick(11_000);
    let told = ["warn", "warn", "warn", "late", "moved", "queued", "late", "moved", "queued", "late"];
    assert_eq!(names(&centre.effects), told);
    let queues = ["waits", "later", "held"].map(|key| centre.view(key).queue.to_string());
    assert_eq!(queues, ["head", "head", "in"]);
    assert_eq!(centre.view("waits").enqueued_at, Timestamp(1_000), "its place in time stays");
}

#[test]
fn terms_are_counted_in_the_working_time_of_the_customers_branch() {
    let eight = route("claim", vec![stage("intake", "in", 10 * HOUR, 3 * HOUR)]);
    let routes = vec![Route { term: Some(Millis(16 * HOUR)), calendar: Some("late".into()), ..eight }];
    let mut centre = centre_with(routes, |plan| {
        let late = (0..7).map(|day| (Millis((24 * day + 12) * HOUR), Millis((24 * day + 20) * HOUR)));
        plan.rules.calendars.push(CalendarPlan { week: late.collect(), ..office("late") });
        plan.units[1].rules.calendar = Some("office".into());
        let parent = Some(UnitId(1));
        plan.units.push(UnitPlan { name: "desk".into(), parent, rules: UnitRules::default() });
    });
    let of = |unit: &str| Facts { unit: Some(unit.into()), ..Facts::default() };
    centre.at = 8 * HOUR;
    for (key, unit) in [("desk", "desk"), ("south", "south")] {
        centre.push(EnqueueContact { facts: of(unit), ..claim_of(key) });
    }
    let dates = |key: &str| {
        let case = case_of(&centre, key);
        (case.stage_due.0 / HOUR, case.due.map(|due| due.0 / HOUR))
    };
    assert_eq!(dates("desk"), (24 + 11, Some(24 + 17)), "9 to 17, of the unit above");
    assert_eq!(dates("south"), (24 + 14, Some(24 + 20)), "12 to 20, the route's");
    centre.tick(16 * HOUR - 1);
    assert_eq!(names(&centre.effects), [""; 0]);
    centre.tick(16 * HOUR);
    assert_eq!(names(&centre.effects), ["warn"], "7 hours from 9");
    centre.tick(19 * HOUR);
    assert_eq!(names(&centre.effects), ["warn"], "7 hours from 12");
}

#[test]
fn a_plan_changes_no_date_of_a_stage_that_has_begun() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(claim_of("a"));
    change(&mut centre, |plan| {
        for stage in &mut plan.rules.routes[0].stages {
            (stage.term, stage.warn_before) = (Millis(1_000), Millis(0));
        }
        plan.rules.routes[0].calendar = Some("office".into());
    })
    .expect("applies");
    let case = case_of(&centre, "a");
    assert_eq!((case.stage_due, centre.router.next_deadline()), (Timestamp(11_000), Some(Timestamp(7_000))));
    step(&mut centre, "a", CaseStep::Next).expect("is done");
    assert_eq!(case_of(&centre, "a").stage_due, Timestamp(9 * HOUR + 1_000), "the next one goes by it");
}

#[test]
fn a_plan_without_a_stage_that_cases_are_in_is_refused() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    for key in ["a", "b"] {
        centre.push(claim_of(key));
    }
    step(&mut centre, "a", CaseStep::Next).expect("is done");
    let shorter = |plan: &mut Plan| plan.rules.routes[0].stages.truncate(1);
    let in_use = |cases| Err(Refusal::RouteInUse { route: "claim".into(), cases });
    assert_eq!(change(&mut centre, shorter), in_use(1));
    let without = |plan: &mut Plan| {
        plan.rules.routes.clear();
        plan.rules.entry.clear();
    };
    assert_eq!(change(&mut centre, without), in_use(2));
    step(&mut centre, "a/2", CaseStep::Return).expect("goes back");
    assert!(change(&mut centre, shorter).is_ok());
    step(&mut centre, "b", CaseStep::Next).expect("is done: there is one stage left");
    step(&mut centre, "a/3", CaseStep::Next).expect("is done");
    assert!(change(&mut centre, without).is_ok(), "closed cases do not need their route");
    assert_eq!(&*case_of(&centre, "a").stage_name, "");
}

#[test]
fn a_customer_who_leaves_withdraws_the_case_and_a_supervisor_closes_it() {
    let mut centre = centre_with(vec![claim()], |plan| {
        plan.rules.redial = Some(Redial { within: Millis(60_000) });
    });
    let customer = |key: &str| {
        let details = ContactDetails { customer: Some("c".into()), ..claim_of(key).details };
        EnqueueContact { details, ..claim_of(key) }
    };
    let (gateway, epoch) = (centre.gateway, Epoch(1));
    let contact = centre.push(customer("a"));
    centre.at = 5_000;
    centre.ok(Command::AbandonContact(AbandonContact { gateway, epoch, contact }));
    assert_eq!(names(&centre.effects), ["ended", "closed"]);
    let case = case_of(&centre, "a");
    assert!(matches!(case.state, CaseState::Closed { why: CaseEnd::Withdrawn, .. }));
    assert_eq!((case.history.len(), case.history[0].operator, case.in_term), (1, None, Some(true)));
    centre.push(customer("b"));
    assert_eq!(centre.view("b").order, Timestamp(5_000), "days of a case are no credit");
    let action = Action::CloseContact { contact: centre.view("b").id, reason: "twice".into() };
    centre.ok(Command::Act(Box::new(Act { by: "olga".into(), key: "1".into(), action })));
    assert_eq!(names(&centre.effects), ["ended", "closed"]);
    assert!(matches!(case_of(&centre, "b").state, CaseState::Closed { why: CaseEnd::ClosedEarly, .. }));
    centre.tick(64_999);
    assert_eq!(centre.router.cases_from(&CaseFilter::default(), 0, 9, 9).0.len(), 2);
    centre.tick(65_000);
    assert_eq!(centre.router.cases_from(&CaseFilter::default(), 0, 9, 9).0.len(), 0, "forgotten");
}

#[test]
fn work_of_a_lost_operator_goes_back_whatever_the_queue_says() {
    let mut centre = centre_with(vec![claim()], |plan| plan.queues[0].orphan = Orphan::Close);
    centre.ready(operator("anna"));
    centre.push(claim_of("a"));
    let (party, epoch) = (Party::Operator(centre.operator("anna")), centre.epoch("anna"));
    centre.ok(Command::CloseSession(CloseSession { party, epoch }));
    assert_eq!((centre.with("a"), centre.view("a").state), (None, ContactState::Waiting));
    assert_eq!(names(&centre.effects), ["end of stream", "withdrawn", "presence", "queued"]);
}

#[test]
fn a_call_is_handed_to_the_back_office_as_a_related_case() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    let facts = Facts { unit: Some("north".into()), ..Facts::default() };
    let call = centre.push(EnqueueContact { facts, ..contact("call", "calls", 3) });
    let answer = centre.answer("call");
    let wrap_up = Some(Millis(2_000));
    centre.ok(to_back_office(answer.clone(), wrap_up));
    assert_eq!(names(&centre.effects), ["wrap-up", "stage", "queued"]);
    let (case, work) = (case_of(&centre, "call"), centre.view("call/1"));
    assert_eq!((&*case.reference, case.opened_by, case.contact), ("call", Some(call), Some(work.id)));
    assert_eq!((&*work.queue, &*work.channel, work.tier, work.units), ("in", "chat", 3, 33));
    assert_eq!(case.unit.as_deref(), Some("north"));
    centre.ok(to_back_office(answer.clone(), wrap_up));
    assert_eq!((centre.effects.len(), case_of(&centre, "call").begun), (0, 1), "once");
    centre.tick(3_000);
    assert_eq!(centre.with("call/1").as_deref(), Some("anna"), "the wrap-up is over");
    centre.ok(to_back_office(answer, wrap_up));
    let refused = centre.apply(to_back_office(centre.answer("call/1"), None)).expect_err("is a case's");
    assert!(matches!(refused, Refusal::InvalidField { field, .. } if &*field == "to.route"));
    step(&mut centre, "call/1", CaseStep::Next).expect("is done");
    assert!(centre.view("call/2").case.is_some());
}

#[test]
fn who_completed_a_call_cannot_hand_it_over_any_more() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(contact("call", "calls", 3));
    let answer = centre.answer("call");
    let mut unknown = to_back_office(answer.clone(), None);
    if let Command::TransferContact(transfer) = &mut unknown {
        transfer.to =
            TransferTarget::BackOffice { route: "no".into(), channel: "chat".into(), reply_by: None };
    }
    assert_eq!(centre.apply(unknown), Err(Refusal::UnknownRoute("no".into())));
    centre.complete("call");
    let refused = centre.apply(to_back_office(answer, None)).expect_err("is over");
    assert!(matches!(refused, Refusal::WrongState { .. }));
}

#[test]
fn a_key_that_is_taken_is_passed_over() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(claim_of("a"));
    centre.push(contact("a/2", "calls", 3));
    step(&mut centre, "a", CaseStep::Next).expect("is done");
    assert_eq!((&*centre.view("a/2").queue, &*centre.view("a/3").queue), ("calls", "work"));
    let again = centre.apply(Command::EnqueueContact(Box::new(claim_of("a/3"))));
    assert!(matches!(again, Err(Refusal::KeyReused { .. })), "no gateway brought it");
}

#[test]
fn a_stage_forgets_promotions_and_keeps_what_a_supervisor_lifted() {
    let mut centre = centre_with(vec![claim()], |plan| {
        plan.queues[0].rules.promote_after = Some(Millis(1_000));
    });
    for key in ["a", "b"] {
        centre.push(claim_of(key));
    }
    let action = Action::LiftContact { contact: centre.view("b").id, tier: Some(2), head_start: None };
    centre.ok(Command::Act(Box::new(Act { by: "olga".into(), key: "1".into(), action })));
    centre.tick(3_000);
    assert_eq!((centre.view("a").tier, centre.view("b").tier), (2, 2));
    centre.ready(operator("anna"));
    for key in ["a", "b"] {
        step(&mut centre, key, CaseStep::Next).expect("is done");
    }
    assert_eq!((centre.view("a/2").tier, centre.view("b/2").tier), (4, 2));
}

#[test]
fn limits_and_hours_of_a_queue_are_not_asked_of_a_case_that_is_in() {
    let mut centre = centre_with(vec![claim()], |plan| {
        plan.queues[1].open = false;
        plan.queues[1].waiting_max = 0;
    });
    centre.ready(operator("anna"));
    centre.push(claim_of("a"));
    centre.presence("anna", DeclaredPresence::NotReady(1));
    step(&mut centre, "a", CaseStep::Next).expect("is done");
    assert_eq!((centre.view("a/2").state, &*centre.view("a/2").queue), (ContactState::Waiting, "work"));
}

#[test]
fn without_a_due_date_a_late_stage_makes_the_case_late() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(claim_of("a"));
    centre.at = 11_000;
    step(&mut centre, "a", CaseStep::Next).expect("is done: in time by a hair");
    centre.at = 31_001;
    step(&mut centre, "a/2", CaseStep::Next).expect("is done: late by a hair");
    step(&mut centre, "a/3", CaseStep::Next).expect("is done");
    assert_eq!(case_of(&centre, "a").in_term, Some(false));
}

#[test]
fn routes_of_a_plan_are_judged() {
    let mut centre = centre();
    let mut refusal =
        |change_it: &dyn Fn(&mut Plan)| change(&mut centre, change_it).expect_err("is refused").code();
    let stages = |plan: &mut Plan, n: usize| {
        plan.rules.routes[0].stages = (0..n).map(|n| stage(&format!("s{n}"), "in", 9, 0)).collect();
    };
    assert_eq!(refusal(&|plan| stages(plan, 0)), "invalid-field");
    assert_eq!(refusal(&|plan| stages(plan, 33)), "invalid-field");
    assert_eq!(refusal(&|plan| plan.rules.routes.push(claim())), "plan-conflict");
    assert_eq!(refusal(&|plan| plan.rules.routes[0].stages[1].name = "intake".into()), "plan-conflict");
    assert_eq!(refusal(&|plan| plan.rules.routes[0].stages[1].queue = "no".into()), "unknown-queue");
    assert_eq!(
        refusal(&|plan| plan.rules.routes[0].stages[1].escalate_to = Some("no".into())),
        "unknown-queue"
    );
    assert_eq!(refusal(&|plan| plan.rules.routes[0].stages[1].term = Millis(0)), "invalid-field");
    assert_eq!(refusal(&|plan| plan.rules.routes[0].stages[0].warn_before = Millis(10_000)), "plan-conflict");
    assert_eq!(refusal(&|plan| plan.rules.routes[0].term = Some(Millis(0))), "invalid-field");
    assert_eq!(refusal(&|plan| plan.rules.routes[0].calendar = Some("no".into())), "unknown-calendar");
    assert_eq!(refusal(&|plan| plan.units[1].rules.calendar = Some("no".into())), "unknown-calendar");
    assert_eq!(refusal(&|plan| plan.rules.entry[0].then.route = Some("no".into())), "unknown-route");
    assert_eq!(refusal(&|plan| plan.rules.entry[0].then.queue = Some("in".into())), "plan-conflict");
    let many: Vec<Name> = (0..9).map(|n| format!("w{n}").into()).collect();
    assert_eq!(refusal(&|plan| plan.rules.routes[0].stages[0].watchers = many.clone()), "invalid-field");
}

#[test]
fn cases_are_listed_and_counted() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    for key in ["a", "b", "c"] {
        centre.push(claim_of(key));
    }
    step(&mut centre, "a", CaseStep::Next).expect("is done");
    step(&mut centre, "b", CaseStep::Close).expect("is done");
    centre.tick(11_000);
    let tally: Vec<_> = centre.router.case_tally();
    let counts: Vec<_> = tally.iter().map(|row| (&*row.stage_name, row.open, row.overdue)).collect();
    assert_eq!(counts, [("intake", 1, 1), ("work", 1, 0)]);
    restore(&mut centre);
    assert_eq!(centre.router.case_tally(), tally);
    let list = |filter: CaseFilter| -> Vec<String> {
        let (found, _) = centre.router.cases_from(&filter, 0, 9, 9);
        found.iter().map(|case| case.reference.to_string()).collect()
    };
    assert_eq!(list(CaseFilter::default()), ["a", "b", "c"]);
    assert_eq!(list(CaseFilter { open: Some(true), ..CaseFilter::default() }), ["a", "c"]);
    assert_eq!(list(CaseFilter { overdue: true, ..CaseFilter::default() }), ["c"]);
    assert_eq!(list(CaseFilter { stage: Some("work".into()), ..CaseFilter::default() }), ["a"]);
    let (first, next) = centre.router.cases_from(&CaseFilter::default(), 0, 2, 9);
    assert_eq!((first.len(), next), (2, Some(2)));
}

#[test]
fn steps_and_the_back_office_are_frames_of_format_3() {
    let answer = AnswerOffer {
        operator: OperatorId { slot: 3, generation: 0 },
        epoch: Epoch(4),
        contact: ContactId { slot: 1, generation: 2 },
        assignment: AssignmentEpoch(5),
    };
    let complete = |step| {
        Command::CompleteContact(CompleteContact {
            answer: answer.clone(),
            wrap_up: None,
            step,
            result: None,
        })
        .encode()
    };
    assert_eq!(complete(CaseStep::Next), [15, 0, 1, 3, 0, 4, 1, 2, 5, 0]);
    assert_eq!(complete(CaseStep::Return), [15, 0, 2, 3, 0, 4, 1, 2, 5, 0, 1, 0]);
    let hand_over = to_back_office(answer.clone(), None);
    let frame = hand_over.encode();
    assert_eq!(frame[..11], [18, 0, 2, 3, 0, 4, 1, 2, 5, 2, 5]);
    assert_eq!(Command::decode(&frame), Ok(hand_over));
    let decoded = Command::decode(&complete(CaseStep::Close));
    assert!(matches!(decoded, Ok(Command::CompleteContact(CompleteContact { step: CaseStep::Close, .. }))));
    let old = [&[18, 0, 1], &frame[3..]].concat();
    assert!(Command::decode(&old).is_err(), "no log of an earlier format says that");
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Something that an operator, a customer or a supervisor might do now.
fn deed(centre: &Centre, dice: &mut Dice, number: u64) -> Command {
    let (gateway, epoch) = (centre.gateway, Epoch(1));
    let open: Vec<ContactView> = centre
        .router
        .contacts()
        .filter(|contact| !matches!(contact.state, ContactState::Ended { .. }))
        .collect();
    let some = open.get(dice.below(open.len().max(1) as u64) as usize);
    let answer = some.and_then(|contact| {
        let epoch = centre.router.operator(contact.holder?)?.epoch;
        Some((contact.holder?, epoch, contact.id, contact.assignment))
    });
    let answer = answer.map(|(operator, epoch, contact, assignment)| AnswerOffer {
        operator,
        epoch,
        contact,
        assignment,
    });
    let wrap_up = Some(Millis(dice.below(3) * 700));
    match (dice.below(12), answer, some) {
        (0..=2, _, _) => {
            let key = format!("n{number}");
            let claim = if dice.below(4) == 0 { contact(&key, "calls", 3) } else { claim_of(&key) };
            Command::EnqueueContact(Box::new(claim))
        }
        (3..=6, Some(answer), _) => {
            let steps = [CaseStep::Next, CaseStep::Next, CaseStep::Next, CaseStep::Return, CaseStep::Close];
            let step = steps[dice.below(5) as usize];
            Command::CompleteContact(CompleteContact { answer, wrap_up, step, result: None })
        }
        (7, Some(answer), _) => to_back_office(answer, wrap_up),
        (8, Some(answer), _) => {
            let to = TransferTarget::Queue("head".into());
            Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up }))
        }
        (9, _, Some(contact)) if dice.below(3) == 0 => {
            Command::AbandonContact(AbandonContact { gateway, epoch, contact: contact.id })
        }
        (10, _, Some(contact)) if dice.below(3) == 0 => {
            let action = Action::CloseContact { contact: contact.id, reason: "stuck".into() };
            Command::Act(Box::new(Act { by: "olga".into(), key: format!("{number}").into(), action }))
        }
        (10, _, _) => {
            let login = if dice.below(2) == 0 { "anna" } else { "boris" };
            let nonce = 100 + number;
            Command::OpenSession(OpenSession { takeover: true, ..open_session(login, nonce) })
        }
        (11, Some(AnswerOffer { operator, epoch, .. }), _) => {
            Command::CloseSession(CloseSession { party: Party::Operator(operator), epoch })
        }
        (_, _, _) => Command::Tick,
    }
}

fn open_session(login: &str, nonce: u64) -> OpenSession {
    open(Role::Operator, login, nonce)
}

#[test]
fn whatever_happens_each_open_case_has_one_contact_and_a_restored_state_goes_on_alike() {
    for seed in 0..10 {
        let mut dice = Dice(seed);
        let mut centre = centre_with(vec![claim()], |plan| {
            plan.rules.routes[0].term = Some(Millis(30_000));
            plan.rules.routes[0].stages[1].escalate_to = Some("head".into());
            plan.queues[1].orphan = Orphan::Close;
            plan.queues[1].rules.promote_after = Some(Millis(2_000));
        });
        for login in ["anna", "boris"] {
            centre.ready(OperatorPlan { capacity: 100, ..operator(login) });
        }
        let (mut other, mut closed) =
            (Router::restore(&centre.router.snapshot().encode()).expect("sound"), 0);
        for number in 0..300 {
            centre.at += dice.below(900);
            let command = deed(&centre, &mut dice, number);
            let outcome = centre.router.apply(Timestamp(centre.at), &command);
            assert_eq!(other.apply(Timestamp(centre.at), &command), outcome, "seed {seed}, {number}");
            closed += names(&outcome.effects).iter().filter(|name| **name == "closed").count();
            if number % 37 == 0 {
                other = Router::restore(&other.snapshot().encode()).expect("sound");
                centre.router.check_invariants().expect("holds");
            }
        }
        assert_eq!(centre.router.chain(), other.chain());
        assert!(closed > 3, "seed {seed}: {closed} cases were closed");
    }
}
