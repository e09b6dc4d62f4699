//! The operators' time (R3.11): breaks, shifts, rest. Each test is named after its rule.

mod support;

use ringmain_routing::calendar::CalendarPlan;
use ringmain_routing::command::*;
use ringmain_routing::effect::{BreakAnswer, PresenceState};
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Five minutes each hour, half an hour later at the latest, alone too.
fn short() -> BreakRule {
    BreakRule {
        name: "short".into(),
        reason: 11,
        every: Millis(HOUR),
        length: Millis(5 * MINUTE),
        defer_max: Millis(30 * MINUTE),
        away_percent_max: 0,
        alone: true,
        on_request: false,
        returns: true,
    }
}

/// Twenty minutes after four hours, after which the operator says when it is ready.
fn lunch() -> BreakRule {
    BreakRule {
        name: "lunch".into(),
        reason: 12,
        every: Millis(4 * HOUR),
        length: Millis(20 * MINUTE),
        defer_max: Millis(HOUR),
        returns: false,
        ..short()
    }
}

fn centre(breaks: Vec<BreakRule>) -> Centre {
    let mut plan = plan(vec![QueuePlan::named("a"), QueuePlan::named("b")]);
    plan.rules.breaks = breaks;
    Centre::new(plan)
}

fn resting(rules: OperatorRules, login: &str) -> OperatorPlan {
    OperatorPlan { rules, ..operator(login) }
}

fn with_breaks(login: &str, breaks: &[&str]) -> OperatorPlan {
    let breaks = breaks.iter().map(|&name| name.into()).collect();
    resting(OperatorRules { breaks, ..OperatorRules::default() }, login)
}

fn presence(centre: &Centre, login: &str) -> PresenceState {
    centre.router.operator(centre.operator(login)).expect("known").presence
}

fn is_away(centre: &Centre, login: &str) -> bool {
    matches!(presence(centre, login), PresenceState::Break { .. })
}

fn away(centre: &Centre, logins: &[&str]) -> Vec<bool> {
    logins.iter().map(|login| is_away(centre, login)).collect()
}

fn ask(centre: &mut Centre, login: &str, name: &str) -> Result<Reply, Refusal> {
    let (operator, epoch) = (centre.operator(login), centre.epoch(login));
    let seq = centre.router.index().0;
    centre.apply(Command::AskForBreak(AskForBreak { operator, epoch, seq, name: name.into() }))
}

fn defer(centre: &mut Centre, on: bool) {
    let key = format!("defer {}", centre.router.index().0).as_str().into();
    centre.ok(Command::Act(Box::new(Act { by: "olga".into(), key, action: Action::DeferBreaks { on } })));
}

fn change(centre: &mut Centre, change: impl FnOnce(&mut Plan)) -> Result<Reply, Refusal> {
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    change(&mut plan);
    centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: Some("olga".into()) })))
}

fn restored(centre: &Centre) -> Router {
    let bytes = centre.router.snapshot().encode();
    let router = Router::restore(&bytes).expect("a snapshot is read");
    assert_eq!(router.snapshot().encode(), bytes);
    assert_eq!(router.next_deadline(), centre.router.next_deadline());
    router
}

#[test]
fn r3_11_a_break_comes_due_begins_and_ends_by_itself() {
    let mut centre = centre(vec![short(), lunch()]);
    let anna = centre.ready(with_breaks("anna", &["short"]));
    let due = 1_000 + HOUR;
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(due)));
    centre.tick(due - 1);
    assert_eq!(presence(&centre, "anna"), PresenceState::Ready);
    centre.tick(due);
    let until = Timestamp(due + 5 * MINUTE);
    let on_break = PresenceState::Break { reason: 11, until };
    assert_eq!(centre.effects, [Effect::AnnouncePresence { operator: anna, presence: on_break }]);
    centre.push(contact("1", "a", 3));
    centre.push(contact("life", "a", 0));
    assert_eq!((centre.with("1"), centre.with("life")), (None, None), "nobody is called back from a break");
    centre.tick(until.0);
    assert_eq!(presence(&centre, "anna"), PresenceState::Ready);
    assert_eq!(centre.with("life").as_deref(), Some("anna"));
}

/// A centre of a queue that calls back after 30 s, with anna on a break since [`HOUR`] and a second.
fn on_break(breaks: &[&str]) -> Centre {
    let mut plan = plan(vec![QueuePlan::named("a")]);
    plan.rules.breaks = vec![short(), lunch()];
    plan.rules.recall_after = Some(Millis(30_000));
    let mut centre = Centre::new(plan);
    centre.ready(with_breaks("anna", breaks));
    centre.tick(1_000 + HOUR);
    assert!(is_away(&centre, "anna"));
    centre
}

#[test]
fn r2_2_life_safety_that_nobody_takes_calls_somebody_back_from_a_break() {
    let mut centre = on_break(&["short"]);
    centre.push(contact("urgent", "a", 1));
    centre.push(contact("life", "a", 0));
    assert_eq!(centre.with("life"), None);
    let moment = centre.at + 30_000;
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(moment)));
    centre.tick(moment - 1);
    assert_eq!(centre.with("life"), None);
    let mut copy = restored(&centre);
    centre.tick(moment);
    copy.apply(Timestamp(moment), &Command::Tick);
    assert_eq!(copy.chain(), centre.router.chain());
    assert_eq!((centre.with("life").as_deref(), centre.with("urgent")), (Some("anna"), None));
    let decision = centre.router.why_contact(centre.view("life").id).expect("it is there").decision;
    assert_eq!(decision.expect("it was given").side, Side::Recalled);
    centre.complete("life");
    let until = Timestamp(centre.at + 5 * MINUTE);
    let again = PresenceState::Break { reason: 11, until };
    assert_eq!(presence(&centre, "anna"), again, "the break counts as not taken, and begins again whole");
}

#[test]
fn r2_2_nobody_is_called_back_for_others_or_for_what_it_cannot_take() {
    let mut centre = on_break(&["short"]);
    centre.push(contact("urgent", "a", 1));
    let speaks = vec![("kk".into(), 1)];
    centre.push(EnqueueContact { skills: speaks, ..contact("kazakh", "a", 0) });
    let (begin, end) = (centre.at, centre.at + 5 * MINUTE);
    for moment in (begin..end).step_by(30_000) {
        centre.tick(moment);
        assert!(is_away(&centre, "anna"));
    }
    centre.tick(end);
    assert_eq!((centre.with("urgent").as_deref(), centre.with("kazakh")), (Some("anna"), None));
}

#[test]
fn r2_2_whose_break_began_first_is_called_back_first() {
    let mut plan = plan(vec![QueuePlan::named("a")]);
    plan.rules.breaks = vec![short()];
    plan.rules.recall_after = Some(Millis(30_000));
    let mut centre = Centre::new(plan);
    let anna = OperatorPlan { unit: Some("north".into()), ..with_breaks("anna", &["short"]) };
    let operators = vec![anna.clone(), with_breaks("boris", &["short"])];
    centre.ok(Command::PutOperators(PutOperators { operators, by: None }));
    centre.ready(with_breaks("boris", &["short"]));
    centre.at += 2 * MINUTE;
    centre.ready(anna);
    centre.tick(1_000 + HOUR);
    centre.tick(centre.at + 2 * MINUTE);
    assert!(is_away(&centre, "anna") && is_away(&centre, "boris"));
    centre.push(contact("life", "a", 0));
    centre.tick(centre.at + 30_000);
    assert_eq!(centre.with("life").as_deref(), Some("boris"));
}

#[test]
fn r3_11_a_break_waits_for_empty_hands_and_from_its_latest_moment_on_they_become_empty() {
    let mut centre = centre(vec![short()]);
    centre.ready(with_breaks("anna", &["short"]));
    centre.at = HOUR;
    centre.push(contact("1", "a", 3));
    centre.push(contact("2", "a", 3));
    centre.at = HOUR + 20 * MINUTE;
    centre.complete("1");
    assert!(is_away(&centre, "anna"), "the break goes before the next contact");
    centre.tick(centre.at + 5 * MINUTE);
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}

#[test]
fn r3_11_who_is_kept_free_for_a_break_takes_only_life_safety() {
    let mut centre = centre(vec![short()]);
    let mut anna = with_breaks("anna", &["short"]);
    anna.capacity = 100;
    centre.ready(anna);
    let chat = |key: &str, tier| EnqueueContact { channel: "chat".into(), ..contact(key, "a", tier) };
    centre.at = HOUR;
    centre.push(chat("1", 3));
    centre.tick(HOUR + 25 * MINUTE);
    centre.push(chat("2", 3));
    assert_eq!(centre.with("2").as_deref(), Some("anna"), "due, but not at its latest");
    centre.tick(1_000 + HOUR + 30 * MINUTE);
    centre.push(chat("3", 3));
    centre.push(chat("life", 0));
    assert_eq!((centre.with("3"), centre.with("life").as_deref()), (None, Some("anna")));
    let id = centre.operator("anna");
    let why = centre.router.why_operator(id).expect("known");
    assert_eq!(why.at_all, Some(WhyNot::BreakDue));
    centre.complete("1");
    centre.complete("2");
    assert!(!is_away(&centre, "anna"));
    centre.complete("life");
    assert!(is_away(&centre, "anna"));
}

#[test]
fn r3_11_of_a_team_only_so_many_are_away_in_the_order_in_which_their_breaks_came_due() {
    let rule = BreakRule { away_percent_max: 50, alone: false, ..short() };
    let mut centre = centre(vec![rule]);
    for login in ["anna", "boris", "clara", "dina"] {
        centre.at += 1_000;
        centre.ready(with_breaks(login, &["short"]));
    }
    let all = ["anna", "boris", "clara", "dina"];
    centre.tick(HOUR + 10_000);
    assert_eq!(away(&centre, &all), [true, true, false, false], "two of four");
    centre.tick(HOUR + 10_000 + 5 * MINUTE);
    assert_eq!(away(&centre, &all), [false, false, true, true], "when others are back");
}

#[test]
fn r3_11_one_may_be_away_where_a_team_has_more_than_one_and_alone_only_where_the_rule_says_so() {
    let rule = BreakRule { alone: false, ..short() };
    let mut centre = centre(vec![rule]);
    centre.ready(with_breaks("anna", &["short"]));
    centre.tick(1_000 + HOUR);
    assert!(!is_away(&centre, "anna"), "nobody would be left");
    centre.at += MINUTE;
    centre.ready(operator("boris"));
    assert!(is_away(&centre, "anna"), "a colleague has signed in");
    let mut north = with_breaks("clara", &["short"]);
    north.unit = Some("north".into());
    centre.ready(north);
    centre.tick(centre.at + HOUR + 29 * MINUTE);
    assert!(!is_away(&centre, "clara"), "another unit is another team");
    centre.tick(centre.at + MINUTE);
    assert!(is_away(&centre, "clara"), "at the latest moment it begins whoever is away");
}

#[test]
fn r3_11_breaks_are_deferred_to_their_latest_moment_and_no_further() {
    let mut centre = centre(vec![short()]);
    centre.ready(with_breaks("anna", &["short"]));
    centre.at += 1_000;
    centre.ready(with_breaks("boris", &["short"]));
    defer(&mut centre, true);
    centre.tick(HOUR + 20 * MINUTE);
    assert_eq!(away(&centre, &["anna", "boris"]), [false, false]);
    let mut copy = restored(&centre);
    assert!(copy.breaks_are_deferred());
    centre.tick(1_000 + HOUR + 30 * MINUTE);
    assert_eq!(away(&centre, &["anna", "boris"]), [true, false]);
    copy.apply(Timestamp(1_000 + HOUR + 30 * MINUTE), &Command::Tick);
    assert_eq!(copy.chain(), centre.router.chain());
    centre.tick(1_000 + HOUR + 30 * MINUTE + 500);
    defer(&mut centre, false);
    assert_eq!(away(&centre, &["anna", "boris"]), [true, false], "anna is away");
}

#[test]
fn r3_11_what_was_deferred_begins_when_it_is_deferred_no_longer() {
    let mut centre = centre(vec![short()]);
    centre.ready(with_breaks("anna", &["short"]));
    defer(&mut centre, true);
    centre.tick(HOUR + 2_000);
    assert!(!is_away(&centre, "anna"));
    defer(&mut centre, false);
    assert!(is_away(&centre, "anna"));
}

#[test]
fn r3_11_a_longer_break_counts_as_the_shorter_ones_too() {
    let lunch = BreakRule { every: Millis(HOUR - 10 * MINUTE), ..lunch() };
    let mut centre = centre(vec![short(), lunch]);
    centre.ready(with_breaks("anna", &["short", "lunch"]));
    centre.tick(1_000 + 50 * MINUTE);
    assert!(is_away(&centre, "anna"));
    let back = 1_000 + 70 * MINUTE;
    centre.tick(back);
    assert_eq!(presence(&centre, "anna"), PresenceState::NotReady(12), "this one does not return by itself");
    centre.presence("anna", DeclaredPresence::Ready);
    let view = centre.router.operator(centre.operator("anna")).expect("known");
    let dues: Vec<_> = view.breaks.iter().map(|clock| clock.due).collect();
    assert_eq!(dues, [Some(Timestamp(back + HOUR)), Some(Timestamp(back + 50 * MINUTE))]);
}

#[test]
fn r3_11_a_short_break_does_not_count_as_lunch() {
    let mut centre = centre(vec![short(), lunch()]);
    centre.ready(with_breaks("anna", &["short", "lunch"]));
    centre.tick(1_000 + HOUR);
    centre.presence("anna", DeclaredPresence::Ready);
    assert_eq!(presence(&centre, "anna"), PresenceState::Ready, "back early");
    let view = centre.router.operator(centre.operator("anna")).expect("known");
    assert_eq!(view.breaks[0].due, Some(Timestamp(1_000 + 2 * HOUR)));
    assert_eq!(view.breaks[1].due, Some(Timestamp(1_000 + 4 * HOUR)));
}

#[test]
fn r3_11_a_lost_stream_does_not_cut_a_break() {
    let mut centre = centre(vec![short()]);
    let anna = centre.ready(with_breaks("anna", &["short"]));
    centre.tick(1_000 + HOUR);
    let before = presence(&centre, "anna");
    let epoch = centre.epoch("anna");
    centre.ok(Command::LoseSession(LoseSession { party: Party::Operator(anna), epoch }));
    assert_eq!(presence(&centre, "anna"), before);
    centre.at += 5_000;
    centre.ok(Command::OpenSession(OpenSession { resume: Some(epoch), ..open(Role::Operator, "anna", 8) }));
    assert_eq!(presence(&centre, "anna"), before, "who resumes keeps the break");
    centre.tick(1_000 + HOUR + 5 * MINUTE);
    assert_eq!(presence(&centre, "anna"), PresenceState::Ready);
}

#[test]
fn r3_11_asking_for_a_break_is_granted_or_waits() {
    let smoke = BreakRule { name: "smoke".into(), every: Millis(0), on_request: true, ..short() };
    let smoke = BreakRule { away_percent_max: 50, alone: false, ..smoke };
    let mut centre = centre(vec![smoke, lunch()]);
    centre.ready(with_breaks("anna", &["smoke"]));
    assert_eq!(ask(&mut centre, "anna", "lunch"), Err(Refusal::UnknownBreak("lunch".into())));
    assert_eq!(ask(&mut centre, "anna", "smoke"), Ok(Reply::Break(BreakAnswer::WhenOthersReturn)));
    centre.at += 1;
    centre.ready(with_breaks("boris", &["smoke"]));
    let until = Timestamp(centre.at + 5 * MINUTE);
    assert_eq!(presence(&centre, "anna"), PresenceState::Break { reason: 11, until });
    assert_eq!(ask(&mut centre, "anna", "smoke"), Ok(Reply::Done), "on one already");
    centre.push(contact("1", "a", 3));
    assert_eq!(ask(&mut centre, "boris", "smoke"), Ok(Reply::Break(BreakAnswer::WhenOthersReturn)));
    centre.tick(until.0);
    assert_eq!(away(&centre, &["anna", "boris"]), [false, false]);
    assert_eq!(ask(&mut centre, "boris", "smoke"), Ok(Reply::Break(BreakAnswer::WhenFree)));
    centre.complete("1");
    assert!(is_away(&centre, "boris"));
    centre.presence("anna", DeclaredPresence::NotReady(3));
    centre.tick(centre.at + 5 * MINUTE);
    let until = Timestamp(centre.at + 5 * MINUTE);
    let begun = Reply::Break(BreakAnswer::Begun { until });
    assert_eq!(ask(&mut centre, "anna", "smoke"), Ok(begun), "from not ready too");
}

#[test]
fn r3_11_a_repeated_request_changes_nothing() {
    let mut centre = centre(vec![short()]);
    let operator = centre.ready(with_breaks("anna", &["short"]));
    let request = AskForBreak { operator, epoch: centre.epoch("anna"), seq: 90, name: "short".into() };
    let begun = centre.ok(Command::AskForBreak(request.clone()));
    assert!(matches!(begun, Reply::Break(BreakAnswer::Begun { .. })));
    centre.presence("anna", DeclaredPresence::Ready);
    assert!(is_away(&centre, "anna"), "that word is older than the request");
    assert_eq!(centre.ok(Command::AskForBreak(request)), Reply::Done);
}

#[test]
fn r3_11_a_plan_without_the_break_keeps_nobody_and_the_break_under_way_goes_on() {
    let mut centre = centre(vec![short()]);
    centre.ready(with_breaks("anna", &["short"]));
    centre.at += 1_000;
    centre.ready(with_breaks("boris", &["short"]));
    centre.tick(1_000 + HOUR + MINUTE);
    assert_eq!(away(&centre, &["anna", "boris"]), [true, false]);
    change(&mut centre, |plan| plan.rules.breaks.clear()).expect("applies");
    assert!(is_away(&centre, "anna"));
    centre.tick(1_000 + HOUR + 6 * MINUTE);
    assert_eq!(away(&centre, &["anna", "boris"]), [false, false]);
    change(&mut centre, |plan| plan.rules.breaks = vec![short()]).expect("applies");
    assert_eq!(away(&centre, &["anna", "boris"]), [false, true], "it kept its name and its clock");
}

#[test]
fn r3_11_breaks_that_make_no_sense_are_refused() {
    let mut centre = centre(vec![]);
    let mut judged = |rule: BreakRule| change(&mut centre, |plan| plan.rules.breaks = vec![rule]).is_ok();
    assert!(!judged(BreakRule { every: Millis(0), ..short() }));
    assert!(!judged(BreakRule { length: Millis(0), ..short() }));
    assert!(!judged(BreakRule { away_percent_max: 101, ..short() }));
    let rest = |window, busy_percent_max| Some(RestRule { window: Millis(window), busy_percent_max });
    for wrong in [rest(59_999, 50), rest(86_400_001, 50), rest(HOUR, 0), rest(HOUR, 101)] {
        assert!(change(&mut centre, |plan| plan.rules.rest = wrong).is_err());
    }
    let unknown =
        Command::PutOperators(PutOperators { operators: vec![with_breaks("anna", &["tea"])], by: None });
    assert_eq!(centre.apply(unknown), Err(Refusal::UnknownBreak("tea".into())));
    let shift = OperatorRules { shift: Some("day".into()), ..OperatorRules::default() };
    let unknown = Command::PutOperators(PutOperators { operators: vec![resting(shift, "anna")], by: None });
    assert_eq!(centre.apply(unknown), Err(Refusal::UnknownCalendar("day".into())));
}

fn shifts(last_start: u64) -> Centre {
    let rules = QueueRules { last_start: Some(Millis(last_start)), ..QueueRules::default() };
    let mut plan = plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }, QueuePlan::named("b")]);
    let spans = vec![(Timestamp(0), Timestamp(HOUR)), (Timestamp(3 * HOUR), Timestamp(5 * HOUR))];
    let day = CalendarPlan { name: "day".into(), spans, until: Timestamp(100 * HOUR), week: vec![] };
    plan.rules.calendars = vec![day];
    let mut centre = Centre::new(plan);
    let rules = OperatorRules { shift: Some("day".into()), ..OperatorRules::default() };
    centre.ready(OperatorPlan { capacity: 1_000, ..resting(rules, "anna") });
    centre
}

#[test]
fn r3_11_no_long_work_near_the_end_of_a_shift() {
    let mut centre = shifts(10 * MINUTE);
    centre.at = 50 * MINUTE - 1;
    centre.push(contact("early", "a", 3));
    assert_eq!(centre.with("early").as_deref(), Some("anna"));
    centre.at = 50 * MINUTE;
    for (key, queue, tier) in [("late", "a", 3), ("short", "b", 3), ("life", "a", 0)] {
        centre.push(contact(key, queue, tier));
    }
    assert_eq!(centre.with("late"), None);
    assert_eq!([centre.with("short").is_some(), centre.with("life").is_some()], [true, true]);
    let (_, kept) = (centre.at, centre.router.why_contact(centre.view("late").id).expect("known").kept_from);
    assert_eq!(kept, [(WhyNot::ShiftEnds, 1)]);
    centre.tick(HOUR + MINUTE);
    assert_eq!(centre.with("late"), None);
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(3 * HOUR)));
    let mut copy = restored(&centre);
    centre.tick(3 * HOUR);
    assert_eq!(centre.with("late").as_deref(), Some("anna"), "the next shift has begun");
    copy.apply(Timestamp(3 * HOUR), &Command::Tick);
    assert_eq!(copy.chain(), centre.router.chain());
}

#[test]
fn r3_11_a_shift_begins_with_who_waits_longest_though_another_becomes_due_at_that_moment() {
    let mut centre = shifts(10 * MINUTE);
    centre.at = 50 * MINUTE;
    centre.push(EnqueueContact { units: Some(1_000), ..contact("first", "a", 3) });
    let not_before = Some(Timestamp(3 * HOUR));
    centre.push(EnqueueContact { units: Some(900), not_before, ..contact("due", "a", 5) });
    centre.tick(3 * HOUR);
    assert_eq!((centre.with("first").as_deref(), centre.with("due")), (Some("anna"), None));
}

#[test]
fn r3_11_a_plan_that_allows_a_later_start_gives_at_once_what_waits() {
    let mut centre = shifts(10 * MINUTE);
    centre.at = 55 * MINUTE;
    centre.push(contact("late", "a", 3));
    assert_eq!(centre.with("late"), None);
    let later = |plan: &mut Plan| plan.queues[0].rules.last_start = Some(Millis(MINUTE));
    change(&mut centre, later).expect("applies");
    assert_eq!(centre.with("late").as_deref(), Some("anna"));
}

fn with_rest(percent: u8) -> Centre {
    let mut plan = plan(vec![QueuePlan::named("a")]);
    plan.rules.rest = Some(RestRule { window: Millis(HOUR), busy_percent_max: percent });
    let mut centre = Centre::new(plan);
    let rules = OperatorRules { rests: true, ..OperatorRules::default() };
    centre.ready(resting(rules, "anna"));
    centre
}

#[test]
fn r3_11_who_was_busy_for_long_rests_until_the_window_ends() {
    let mut centre = with_rest(50);
    centre.at = 1_000 + 10 * MINUTE;
    centre.push(contact("1", "a", 3));
    centre.at += 30 * MINUTE;
    centre.push(contact("2", "a", 3));
    centre.complete("1");
    assert_eq!(centre.with("2"), None, "half an hour of an hour");
    let id = centre.operator("anna");
    let ends = Timestamp(1_000 + HOUR);
    assert_eq!(centre.router.why_operator(id).expect("known").at_all, Some(WhyNot::Resting(ends)));
    assert_eq!(centre.router.operator(id).expect("known").rests_until, Some(ends));
    centre.push(contact("life", "a", 0));
    assert_eq!(centre.with("life").as_deref(), Some("anna"));
    centre.complete("life");
    assert_eq!(centre.router.next_deadline(), Some(ends));
    let mut copy = restored(&centre);
    centre.tick(ends.0);
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
    copy.apply(ends, &Command::Tick);
    assert_eq!(copy.chain(), centre.router.chain());
}

#[test]
fn r3_11_busy_time_is_cut_at_the_window() {
    let mut centre = with_rest(50);
    centre.at = 1_000 + 40 * MINUTE;
    centre.push(contact("1", "a", 3));
    centre.at = 1_000 + 85 * MINUTE;
    centre.complete("1");
    centre.push(contact("2", "a", 3));
    assert_eq!(centre.with("2").as_deref(), Some("anna"), "20 minutes before, 25 in this window");
    centre.at += 5 * MINUTE;
    centre.complete("2");
    centre.push(contact("3", "a", 3));
    assert_eq!(centre.with("3"), None);
    centre.tick(1_000 + 2 * HOUR);
    assert_eq!(centre.with("3").as_deref(), Some("anna"));
}

#[test]
fn r3_11_the_cap_is_reached_in_the_middle_of_chats() {
    let mut centre = with_rest(50);
    let chat = |key: &str| EnqueueContact { channel: "chat".into(), ..contact(key, "a", 3) };
    centre.push(chat("1"));
    centre.at += 30 * MINUTE - 1;
    centre.push(chat("2"));
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
    centre.at += 1;
    centre.push(chat("3"));
    assert_eq!(centre.with("3"), None);
    centre.tick(1_000 + HOUR);
    assert_eq!(centre.with("3").as_deref(), Some("anna"), "the next window, though it was never free");
}

#[test]
fn what_only_format_3_says_of_time_is_written_in_it() {
    let operator = OperatorId { slot: 3, generation: 0 };
    let ask = Command::AskForBreak(AskForBreak { operator, epoch: Epoch(4), seq: 5, name: "tea".into() });
    assert_eq!(ask.encode(), [22, 0, 1, 3, 0, 4, 5, 3, b't', b'e', b'a']);
    assert_eq!(Command::decode(&ask.encode()), Ok(ask));
    let action = Action::DeferBreaks { on: true };
    let act = Command::Act(Box::new(Act { by: "o".into(), key: "k".into(), action }));
    assert_eq!(act.encode(), [20, 0, 2, 1, b'o', 1, b'k', 8, 1]);
    assert_eq!(Command::decode(&act.encode()), Ok(act));
}
