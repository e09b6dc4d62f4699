//! Triggers: a queue's figure changes ranks and ladders, and takes it back (R3.12). Each test is named after its rule.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::effect::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const MINUTE: u64 = 60_000;

fn trigger(measure: Measure) -> Trigger {
    let (name, queue) = ("storm".into(), "a".into());
    Trigger { name, queue, measure, every: Millis(10_000), calm: Millis(0), step: Some(1), ranks: vec![] }
}

fn longest(on: u64, off: u64) -> Measure {
    Measure::LongestWait { on: Millis(on), off: Millis(off) }
}

fn rank(queue: &str, unit: Option<&str>, skill: Option<&str>, rank: u8) -> GroupRank {
    GroupRank { queue: queue.into(), unit: unit.map(Name::from), skill: skill.map(Name::from), rank }
}

/// The first step of queue "a" reaches rank 0 alone, the second all after an hour.
fn plan_with(triggers: Vec<Trigger>) -> Plan {
    let steps = [(0, 0), (60 * MINUTE, 9)];
    let step = |(after, rank_max)| Step { after: Millis(after), rank_max, ..Step::default() };
    let rules =
        QueueRules { ladder: steps.map(step).to_vec(), leads: vec!["lead".into()], ..QueueRules::default() };
    let mut plan = plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }, QueuePlan::named("b")]);
    plan.rules.triggers = triggers;
    plan
}

/// With a lead who is not ready, and a backup for "a" who is.
fn centre(triggers: Vec<Trigger>) -> Centre {
    let mut centre = Centre::new(plan_with(triggers));
    centre.ready(operator("lead"));
    centre.presence("lead", DeclaredPresence::NotReady(1));
    let ranks = vec![("a".into(), 5)];
    centre.ready(OperatorPlan { ranks, unit: Some("north".into()), ..operator("backup") });
    centre
}

fn change(centre: &mut Centre, change: impl Fn(&mut Plan)) -> Result<Reply, Refusal> {
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    change(&mut plan);
    centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })))
}

fn is_on(centre: &Centre) -> bool {
    centre.router.triggers().next().expect("there is one").on_since.is_some()
}

fn leave(centre: &mut Centre, key: &str) {
    let (gateway, contact) = (centre.gateway, centre.view(key).id);
    centre.ok(Command::AbandonContact(AbandonContact { gateway, epoch: Epoch(1), contact }));
}

#[test]
fn r3_12_a_long_wait_opens_the_ladder_at_the_next_look() {
    let mut centre = centre(vec![trigger(longest(30_000, 10_000))]);
    let queue = QueueId(0);
    assert_eq!(centre.router.next_deadline(), None, "nobody waits: nothing is looked at");
    centre.push(contact("1", "a", 3));
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(10_000)));
    for at in [10_000, 20_000, 30_000] {
        centre.tick(at);
        assert!(!is_on(&centre) && centre.effects.is_empty());
    }
    centre.tick(40_000);
    let lead = centre.operator("lead");
    let told = Effect::AnnounceAlarm { operator: lead, queue, trigger: Some(0), on: true };
    assert_eq!((is_on(&centre), &centre.effects[0]), (true, &told));
    assert_eq!(centre.with("1").as_deref(), Some("backup"));
    let decision = centre.router.why_contact(centre.view("1").id).and_then(|why| why.decision);
    assert_eq!(decision.map(|decision| (decision.step, decision.rank)), Some((1, 5)));
    centre.tick(50_000);
    assert_eq!(
        centre.effects,
        [Effect::AnnounceAlarm { operator: lead, queue, trigger: Some(0), on: false }]
    );
    centre.complete("1");
    centre.push(contact("2", "a", 3));
    assert_eq!(centre.with("2"), None, "the ladder is as the plan has it again");
    centre.router.check_invariants().expect("holds");
}

#[test]
fn r3_12_what_is_on_stays_on_until_the_figure_has_been_good_for_so_long() {
    let rule = Trigger { calm: Millis(20_000), ..trigger(Measure::Waiting { on: 3, off: 2 }) };
    let mut centre = centre(vec![rule]);
    centre.presence("backup", DeclaredPresence::NotReady(1));
    for key in ["1", "2", "3"] {
        centre.push(contact(key, "a", 3));
    }
    centre.tick(10_000);
    assert!(is_on(&centre));
    leave(&mut centre, "1");
    centre.tick(20_000);
    assert!(is_on(&centre), "two wait: neither bad nor good");
    leave(&mut centre, "2");
    centre.tick(30_000);
    centre.tick(40_000);
    centre.push(contact("4", "a", 3));
    centre.tick(50_000);
    leave(&mut centre, "4");
    for (at, on) in [(60_000, true), (70_000, true), (80_000, false)] {
        centre.tick(at);
        assert_eq!(is_on(&centre), on, "at {at}");
    }
}

#[test]
fn r3_12_a_group_gets_another_rank_and_its_own_again() {
    let ranks = vec![rank("b", Some("north"), None, 7), rank("b", None, Some("voice"), 3)];
    let rule = Trigger { step: None, ranks, ..trigger(Measure::Waiting { on: 1, off: 0 }) };
    let mut on = rule.clone();
    on.measure = Measure::Waiting { on: 1, off: 0 };
    let mut centre = Centre::new(plan_with(vec![on]));
    let ranks = vec![("a".into(), 0)];
    let (north, other) = (Some("north".into()), None);
    for (login, unit) in [("anna", north), ("boris", other)] {
        centre.ready(OperatorPlan { ranks: ranks.clone(), unit, ..operator(login) });
        centre.presence(login, DeclaredPresence::NotReady(1));
    }
    centre.push(contact("b1", "b", 3));
    centre.at += 1;
    centre.push(contact("a1", "a", 3));
    let first = |centre: &Centre| {
        let mut centre_ = Router::restore(&centre.router.snapshot().encode()).expect("reads");
        let operator = centre.operator("anna");
        let (epoch, seq) = (centre.epoch("anna"), 1_000);
        let presence = DeclaredPresence::Ready;
        let command = Command::SetPresence(SetPresence { operator, epoch, seq, presence });
        centre_.apply(Timestamp(centre.at), &command);
        let contact = centre.view("b1").id;
        centre_.contact(contact).is_some_and(|view| view.state != ContactState::Waiting)
    };
    assert!(first(&centre), "both queues have rank 0 for her: who came first");
    centre.tick(10_000);
    assert!(is_on(&centre) && !first(&centre), "rank 7 of b comes behind rank 0 of a");
    centre.presence("boris", DeclaredPresence::Ready);
    assert_eq!(centre.with("a1").as_deref(), Some("boris"), "rank 3 by the second entry");
    centre.router.check_invariants().expect("holds");
}

#[test]
fn r3_12_service_level_counts_what_came_since_the_last_look() {
    let measure = Measure::ServiceLevel { on: 50, off: 100 };
    let mut centre = centre(vec![trigger(measure)]);
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 3));
    centre.tick(10_000);
    let figure = |centre: &Centre| centre.router.triggers().next().and_then(|view| view.figure);
    assert!(!is_on(&centre) && figure(&centre).is_none(), "100 % of one; none since");
    for key in ["2", "3"] {
        centre.push(contact(key, "a", 3));
    }
    centre.at = 40_000;
    leave(&mut centre, "2");
    assert_eq!(figure(&centre), Some(0));
    centre.tick(50_000);
    assert!(is_on(&centre), "one left after half a minute, none was answered");
    assert_eq!(centre.with("3").as_deref(), Some("backup"));
    centre.tick(60_000);
    assert!(is_on(&centre), "answered too late");
    centre.tick(70_000);
    assert!(is_on(&centre), "nothing has happened: the figure is not known");
    centre.complete("1");
    centre.push(contact("4", "a", 3));
    centre.tick(80_000);
    assert!(!is_on(&centre));
}

#[test]
fn r3_12_an_expected_wait_opens_the_ladder() {
    let measure = Measure::ExpectedWait { on: Millis(MINUTE), off: Millis(30_000) };
    let mut centre = centre(vec![trigger(measure)]);
    centre.ready(operator("anna"));
    for key in ["served", "1", "2"] {
        centre.push(contact(key, "a", 3));
    }
    centre.at = 41_000;
    centre.complete("served");
    assert_eq!(centre.router.expected_wait(QueueId(0)), Some(Millis(80_000)), "one waits, 40 s each");
    centre.tick(50_000);
    assert_eq!((is_on(&centre), centre.with("2").as_deref()), (true, Some("backup")));
}

#[test]
fn r3_12_a_plan_keeps_what_is_on_where_the_trigger_is_the_same() {
    let mut centre = centre(vec![trigger(Measure::Waiting { on: 1, off: 0 })]);
    centre.presence("backup", DeclaredPresence::NotReady(1));
    centre.push(contact("1", "a", 3));
    centre.tick(10_000);
    let since = centre.router.triggers().next().expect("there").on_since;
    change(&mut centre, |plan| plan.rules.triggers[0].calm = Millis(5)).expect("sound");
    assert_eq!(centre.router.triggers().next().expect("there").on_since, since);
    change(&mut centre, |plan| plan.rules.triggers[0].measure = longest(MINUTE, 0)).expect("sound");
    assert!(!is_on(&centre), "another figure: another trigger");
    centre.presence("backup", DeclaredPresence::Ready);
    assert_eq!(centre.with("1"), None);
}

#[test]
fn r3_12_life_safety_needs_no_trigger_and_a_ladder_opened_does_not_close_for_those_who_climbed() {
    let mut centre = centre(vec![trigger(Measure::Waiting { on: 1, off: 0 })]);
    centre.push(contact("urgent", "a", 0));
    assert_eq!(centre.with("urgent").as_deref(), Some("backup"));
    centre.complete("urgent");
    centre.presence("backup", DeclaredPresence::NotReady(1));
    centre.push(contact("1", "a", 3));
    centre.tick(60 * MINUTE + 1_000);
    change(&mut centre, |plan| plan.rules.triggers.clear()).expect("sound");
    centre.presence("backup", DeclaredPresence::Ready);
    assert_eq!(centre.with("1").as_deref(), Some("backup"), "an hour has led there by itself");
}

#[test]
fn i8_a_state_that_was_read_goes_on_where_it_was() {
    let rules = vec![
        trigger(longest(30_000, 10_000)),
        Trigger { name: "level".into(), ..trigger(Measure::ServiceLevel { on: 80, off: 90 }) },
    ];
    let mut centre = centre(rules);
    centre.push(contact("1", "a", 3));
    centre.push(contact("2", "a", 3));
    centre.tick(45_000);
    leave(&mut centre, "2");
    let bytes = centre.router.snapshot().encode();
    let mut read = Router::restore(&bytes).expect("reads what it wrote");
    assert_eq!(read.snapshot().encode(), bytes);
    assert_eq!(read.next_deadline(), centre.router.next_deadline());
    let command = Command::EnqueueContact(Box::new(contact("3", "a", 3)));
    for (at, command) in [(46_000, &command), (50_000, &Command::Tick), (60_000, &Command::Tick)] {
        let (mine, other) = (centre.router.apply(Timestamp(at), command), read.apply(Timestamp(at), command));
        assert_eq!((mine, centre.router.chain()), (other, read.chain()));
    }
}

#[test]
fn r3_12_bad_triggers_are_refused_by_name() {
    type Change = fn(&mut Trigger);
    let refused = |change: Change| {
        let mut rule = trigger(longest(30_000, 10_000));
        change(&mut rule);
        let plan = plan_with(vec![rule]);
        let mut router = Router::new();
        let command = Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None }));
        router.apply(Timestamp(1), &command).reply
    };
    assert!(refused(|_| {}).is_ok());
    let fields: [Change; 8] = [
        |rule| rule.measure = longest(10_000, 10_000),
        |rule| rule.measure = Measure::ServiceLevel { on: 80, off: 80 },
        |rule| rule.measure = Measure::ServiceLevel { on: 80, off: 101 },
        |rule| rule.every = Millis(999),
        |rule| rule.step = Some(2),
        |rule| rule.step = Some(0),
        |rule| rule.step = None,
        |rule| rule.ranks = vec![rank("a", Some("north"), None, 10)],
    ];
    for change in fields {
        let reply = refused(change);
        assert!(
            matches!(&reply, Err(Refusal::InvalidField { field, .. }) if &**field == "rules.triggers"),
            "{reply:?}"
        );
    }
    assert!(matches!(refused(|rule| rule.queue = "x".into()), Err(Refusal::UnknownQueue(_))));
    assert!(matches!(
        refused(|rule| rule.ranks = vec![rank("b", Some("x"), None, 1)]),
        Err(Refusal::UnknownUnit(_))
    ));
}
