//! Emergency closure of a queue or a unit: arrivals are kept out, everybody else is served.

mod support;

use ringmain_routing::calendar::CalendarPlan;
use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

fn centre() -> Centre {
    Centre::new(plan(vec![QueuePlan::named("a"), QueuePlan::named("b")]))
}

fn act(centre: &mut Centre, action: Action) -> Result<Reply, Refusal> {
    let key = format!("{}", centre.router.index().0).as_str().into();
    centre.apply(Command::Act(Box::new(Act { by: "olga".into(), key, action })))
}

fn queue(name: &str) -> EntryOf {
    EntryOf::Queue(name.into())
}

fn unit(name: &str) -> EntryOf {
    EntryOf::Unit(name.into())
}

fn close(centre: &mut Centre, of: EntryOf, until: Option<u64>) -> Result<Reply, Refusal> {
    let until = until.map(Timestamp);
    act(centre, Action::CloseEntry(Box::new(CloseEntry { of, why: "fire alarm".into(), until })))
}

fn arrives(centre: &mut Centre, arrival: EnqueueContact) -> Result<(), Refusal> {
    centre.apply(Command::EnqueueContact(Box::new(arrival))).map(drop)
}

fn from(unit: &str, key: &str) -> EnqueueContact {
    EnqueueContact { facts: Facts { unit: Some(unit.into()), ..Facts::default() }, ..contact(key, "a", 3) }
}

#[test]
fn a_closed_queue_takes_no_arrivals_and_serves_those_who_wait() {
    let mut centre = centre();
    centre.push(contact("early", "a", 3));
    assert_eq!(close(&mut centre, queue("a"), None), Ok(Reply::Acted { contacts: 0 }));
    assert_eq!(arrives(&mut centre, contact("late", "a", 3)), Err(Refusal::QueueClosed("a".into())));
    assert_eq!(arrives(&mut centre, contact("early", "a", 3)), Ok(()), "the same key gets its first answer");
    assert_eq!(arrives(&mut centre, contact("other", "b", 3)), Ok(()));
    assert_eq!(arrives(&mut centre, contact("life", "a", 0)), Ok(()), "life safety is let in");
    centre.ready(operator("anna"));
    centre.complete("life");
    assert_eq!(centre.with("early").as_deref(), Some("anna"));
    act(&mut centre, Action::OpenEntry { of: queue("a") }).unwrap();
    assert_eq!(arrives(&mut centre, contact("late", "a", 3)), Ok(()));
}

#[test]
fn a_closed_unit_is_closed_with_all_below_it() {
    let mut centre = centre();
    close(&mut centre, unit("company"), None).unwrap();
    let closed = Err(Refusal::QueueClosed("a".into()));
    assert_eq!(arrives(&mut centre, from("north", "1")), closed);
    assert_eq!(
        arrives(&mut centre, EnqueueContact { scope: Some("north".into()), ..contact("2", "a", 3) }),
        closed
    );
    assert_eq!(arrives(&mut centre, contact("3", "a", 3)), Ok(()), "of no unit");
    act(&mut centre, Action::OpenEntry { of: unit("company") }).unwrap();
    close(&mut centre, unit("north"), None).unwrap();
    assert_eq!(arrives(&mut centre, from("company", "4")), Ok(()), "what is above is open");
    assert_eq!(arrives(&mut centre, from("north", "5")), closed);
}

#[test]
fn a_closure_ends_by_itself_at_its_moment() {
    let mut centre = centre();
    close(&mut centre, queue("a"), Some(60_000)).unwrap();
    centre.at = 59_999;
    assert!(arrives(&mut centre, contact("1", "a", 3)).is_err());
    centre.at = 60_000;
    assert_eq!(arrives(&mut centre, contact("1", "a", 3)), Ok(()));
    assert_eq!(centre.router.closures().count(), 0);
}

#[test]
fn a_closure_tells_who_why_since_when_and_is_in_snapshots_and_outlasts_plans() {
    let mut centre = centre();
    centre.at = 5_000;
    close(&mut centre, queue("a"), None).unwrap();
    centre.at = 6_000;
    close(&mut centre, queue("a"), Some(90_000)).unwrap();
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
    centre.router = Router::restore(&centre.router.snapshot().encode()).expect("reads what it wrote");
    let told: Vec<_> = centre.router.closures().cloned().collect();
    let (since, until) = (Timestamp(6_000), Some(Timestamp(90_000)));
    let known = Closure { of: queue("a"), by: "olga".into(), why: "fire alarm".into(), since, until };
    assert_eq!(told, [known]);
    assert!(arrives(&mut centre, contact("1", "a", 3)).is_err());
}

#[test]
fn a_closure_lets_the_deflections_of_a_closed_queue_hold() {
    let deflections = vec![Deflection { when: DeflectWhen::Closed, to: Treatment::Voicemail }];
    let rules = QueueRules { deflections, ..QueueRules::default() };
    let mut centre = Centre::new(plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }]));
    centre.push(contact("1", "a", 3));
    close(&mut centre, queue("a"), None).unwrap();
    centre.push(contact("2", "a", 3));
    assert_eq!(centre.router.queues()[0].totals.deflected, 1);
}

#[test]
fn a_closure_is_checked() {
    let mut centre = centre();
    let unknown = Err(Refusal::UnknownQueue("x".into()));
    assert_eq!(close(&mut centre, queue("x"), None), unknown);
    assert_eq!(act(&mut centre, Action::OpenEntry { of: queue("x") }), unknown);
    assert_eq!(close(&mut centre, unit("x"), None), Err(Refusal::UnknownUnit("x".into())));
    for until in [centre.at, u64::MAX] {
        let refused = close(&mut centre, queue("a"), Some(until));
        assert!(matches!(refused, Err(Refusal::InvalidField { .. })), "{refused:?}");
    }
    let why = "".into();
    let refused =
        act(&mut centre, Action::CloseEntry(Box::new(CloseEntry { of: queue("a"), why, until: None })));
    assert!(matches!(refused, Err(Refusal::InvalidField { .. })), "{refused:?}");
    act(&mut centre, Action::OpenEntry { of: queue("a") }).unwrap();
}

#[test]
fn closures_have_a_limit_that_those_which_are_over_do_not_fill() {
    let names: Vec<String> = (0..=limits::CLOSURES_MAX).map(|n| format!("q{n:04}")).collect();
    let mut centre = Centre::new(plan(names.iter().map(|name| QueuePlan::named(name)).collect()));
    for name in &names[..limits::CLOSURES_MAX] {
        close(&mut centre, queue(name), Some(90_000)).unwrap();
    }
    let last = queue(&names[limits::CLOSURES_MAX]);
    let refused = close(&mut centre, last.clone(), None);
    assert!(matches!(refused, Err(Refusal::LimitReached { .. })), "{refused:?}");
    close(&mut centre, queue(&names[0]), Some(90_000)).unwrap();
    centre.at = 90_000;
    close(&mut centre, last, None).unwrap();
}

#[test]
fn the_next_opening_is_known_where_somebody_said_it() {
    let mut plan = plan(vec![QueuePlan::named("calls")]);
    let spans = vec![(Timestamp(5_000), Timestamp(9_000)), (Timestamp(20_000), Timestamp(30_000))];
    let until = Timestamp(30_000);
    plan.rules.calendars = vec![CalendarPlan { name: "day".into(), spans, until, week: vec![] }];
    plan.queues[0].rules.hours = Some("day".into());
    let mut centre = Centre::new(plan);
    let opens = |centre: &Centre| centre.router.opens_at(&"calls".into(), None).map(|at| at.0);
    assert_eq!(opens(&centre), Some(5_000));
    centre.tick(6_000);
    assert_eq!(opens(&centre), None, "it is open");
    let close = |until: Option<u64>| {
        let of = EntryOf::Unit("north".into());
        let close = CloseEntry { of, why: "smoke".into(), until: until.map(Timestamp) };
        Action::CloseEntry(Box::new(close))
    };
    let act = |key: &str, action| Command::Act(Box::new(Act { by: "vera".into(), key: key.into(), action }));
    centre.ok(act("1", close(Some(12_000))));
    assert_eq!(opens(&centre), None, "not for the north");
    let north = Name::from("north");
    let at = |centre: &Centre| centre.router.opens_at(&"calls".into(), Some(&north)).map(|at| at.0);
    assert_eq!(at(&centre), Some(20_000), "the calendar is shut when the closure ends");
    centre.ok(act("2", close(None)));
    assert_eq!(at(&centre), None, "nobody knows");
}
