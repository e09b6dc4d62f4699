//! Digital threads (R1.4): targets for replies, silent operators, silent customers.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::effect::{EndReason, ThreadNews, WithdrawReason};
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const HOUR: u64 = 3_600_000;

/// A first reply in 30 s, others in 60 s, said 10 s before; back to the line 20 s behind; rests after 2 minutes and ends
/// after an hour of silence; a customer who writes again waits half a minute for the same operator.
fn times() -> ThreadTimes {
    ThreadTimes {
        first_reply: Some(Millis(30_000)),
        next_reply: Some(Millis(60_000)),
        warn_before: Millis(10_000),
        requeue_after: Some(Millis(20_000)),
        park_after: Some(Millis(120_000)),
        close_after: Some(Millis(HOUR)),
        keep_for: Millis(30_000),
    }
}

fn queue(times: ThreadTimes) -> QueuePlan {
    let thread = Some(ThreadRules { channels: vec!["chat".into()], times });
    let rules = QueueRules { thread, ..QueueRules::default() };
    QueuePlan { wrap_up: Millis(0), rules, ..QueuePlan::named("chats") }
}

fn plan_with(times: ThreadTimes) -> Plan {
    plan(vec![queue(times), QueuePlan { wrap_up: Millis(0), ..QueuePlan::named("calls") }])
}

fn centre() -> Centre {
    Centre::new(plan_with(times()))
}

fn chat(key: &str) -> EnqueueContact {
    EnqueueContact { channel: "chat".into(), units: Some(50), ..contact(key, "chats", 5) }
}

/// Anna has the chat `1` from now on.
fn talk() -> Centre {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(chat("1"));
    centre
}

fn message(centre: &Centre, key: &str, by: Writer) -> NoteMessage {
    let view = centre.view(key);
    let number = view.thread.map_or(0, |thread| thread.messages) + 1;
    NoteMessage { gateway: centre.gateway, epoch: Epoch(1), contact: view.id, number, by }
}

fn writes(centre: &mut Centre, key: &str, by: Writer) {
    let message = message(centre, key, by);
    centre.ok(Command::NoteMessage(message));
}

/// The chat has been answered, and its customer has been silent until it rests.
fn rest() -> Centre {
    let mut centre = talk();
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(centre.at + 120_000);
    assert!(rests(&centre, "1"));
    centre
}

fn rests(centre: &Centre, key: &str) -> bool {
    centre.view(key).thread.is_some_and(|thread| thread.rests)
}

fn used(centre: &Centre, login: &str) -> u32 {
    centre.router.operator(centre.operator(login)).expect("known").used
}

fn news(centre: &Centre) -> Vec<ThreadNews> {
    let news = centre.effects.iter().filter_map(|effect| {
        let Effect::NotifyThread { news, .. } = effect else { return None };
        Some(*news)
    });
    news.collect()
}

fn withdrawn(centre: &Centre, why: WithdrawReason) -> bool {
    centre
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::WithdrawAssignment { reason, .. } if *reason == why))
}

fn parks(centre: &Centre, is_on: bool) -> bool {
    centre.effects.iter().any(|effect| matches!(effect, Effect::ParkContact { on, .. } if *on == is_on))
}

fn sign_out(centre: &mut Centre, login: &str) {
    let (party, epoch) = (Party::Operator(centre.operator(login)), centre.epoch(login));
    centre.ok(Command::CloseSession(CloseSession { party, epoch }));
}

fn back(centre: &mut Centre, login: &str) {
    centre.ok(Command::OpenSession(open(Role::Operator, login, centre.at)));
    centre.presence(login, DeclaredPresence::Ready);
}

fn act(centre: &mut Centre, action: Action) {
    let key = format!("{}", centre.router.index().0).as_str().into();
    centre.ok(Command::Act(Box::new(Act { by: "olga".into(), key, action })));
}

#[test]
fn r1_4_a_silent_operator_is_reminded_and_then_loses_the_thread() {
    let mut centre = talk();
    centre.ready(OperatorPlan { capacity: 10, ..operator("boris") });
    let (start, before) = (centre.at, centre.view("1"));
    centre.tick(start + 19_999);
    assert_eq!(news(&centre), []);
    centre.tick(start + 20_000);
    assert_eq!(news(&centre), [ThreadNews::ReplySoon { due: Timestamp(start + 30_000) }]);
    centre.tick(start + 30_000);
    assert_eq!(news(&centre), [ThreadNews::ReplyOverdue]);
    centre.tick(start + 50_000);
    assert!(withdrawn(&centre, WithdrawReason::ReplyOverdue));
    let after = centre.view("1");
    assert_eq!((centre.with("1"), after.enqueued_at, after.index), (None, before.enqueued_at, before.index));
    let anna = centre.router.operator(centre.operator("anna")).expect("known");
    assert_eq!((anna.presence, anna.exclusions.len()), (effect::PresenceState::Ready, 1), "no miss");
    centre.put(operator("boris"));
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
}

#[test]
fn r1_4_who_alone_could_reply_gets_the_thread_again() {
    let mut centre = talk();
    let before = centre.view("1").assignment;
    centre.tick(centre.at + 50_000);
    assert!(withdrawn(&centre, WithdrawReason::ReplyOverdue));
    assert_eq!((centre.with("1").as_deref(), centre.view("1").assignment.0), (Some("anna"), before.0 + 1));
}

#[test]
fn r1_4_the_next_operator_has_the_time_of_a_first_reply_again() {
    let mut centre = talk();
    centre.ready(operator("boris"));
    centre.tick(centre.at + 50_000);
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
    let due = centre.view("1").thread.and_then(|thread| thread.reply_due);
    assert_eq!(due, Some(Timestamp(centre.at + 30_000)));
}

#[test]
fn r1_4_the_first_reply_has_its_target_and_each_next_one_has_another() {
    let mut centre = talk();
    centre.at += 5_000;
    writes(&mut centre, "1", Writer::Operator);
    centre.at += 5_000;
    writes(&mut centre, "1", Writer::Customer);
    let asked = centre.at;
    centre.at += 5_000;
    writes(&mut centre, "1", Writer::Customer);
    let due = centre.view("1").thread.and_then(|thread| thread.reply_due);
    assert_eq!(due, Some(Timestamp(asked + 60_000)), "who writes again waits since the first question");
    centre.tick(asked + 50_000);
    assert_eq!(news(&centre), [ThreadNews::ReplySoon { due: Timestamp(asked + 60_000) }]);
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(asked + 80_000);
    assert_eq!((news(&centre), centre.with("1").as_deref()), (vec![], Some("anna")));
}

#[test]
fn r1_4_a_silent_customers_thread_leaves_its_operators_room_and_stays_that_ones() {
    let mut centre = talk();
    writes(&mut centre, "1", Writer::Operator);
    let before = centre.view("1").assignment;
    centre.tick(centre.at + 119_999);
    assert_eq!(used(&centre, "anna"), 50);
    centre.push(contact("call", "calls", 5));
    assert_eq!(centre.with("call"), None, "no room yet");
    centre.tick(centre.at + 1);
    assert!(rests(&centre, "1") && parks(&centre, true));
    assert_eq!((centre.with("1").as_deref(), centre.with("call").as_deref()), (Some("anna"), Some("anna")));
    assert_eq!((used(&centre, "anna"), centre.view("1").assignment), (100, before));
}

#[test]
fn r1_4_nobody_goes_on_with_a_thread_whose_customer_is_silent() {
    let mut centre = rest();
    centre.push(contact("call", "calls", 5));
    centre.complete("call");
    centre.presence("anna", DeclaredPresence::NotReady(1));
    centre.presence("anna", DeclaredPresence::Ready);
    assert!(rests(&centre, "1"));
    assert_eq!(used(&centre, "anna"), 0);
}

#[test]
fn r1_4_the_next_message_comes_to_the_same_operator() {
    let mut centre = rest();
    writes(&mut centre, "1", Writer::Customer);
    assert!(!rests(&centre, "1") && parks(&centre, false));
    assert_eq!((centre.with("1").as_deref(), used(&centre, "anna")), (Some("anna"), 50));
    let due = centre.view("1").thread.and_then(|thread| thread.reply_due);
    assert_eq!(due, Some(Timestamp(centre.at + 60_000)));
}

#[test]
fn r1_4_the_next_message_goes_ahead_of_new_contacts_but_not_of_urgent_ones() {
    for (tier, first) in [(2, "1"), (1, "new")] {
        let mut centre = rest();
        centre.push(contact("call", "calls", 5));
        centre.push(contact("new", "calls", tier));
        writes(&mut centre, "1", Writer::Customer);
        assert_eq!(
            centre.view("1").thread.and_then(|thread| thread.wanted_until),
            Some(Timestamp(centre.at + 30_000))
        );
        centre.complete("call");
        let is_resumed = used(&centre, "anna") == 50;
        assert_eq!(is_resumed, first == "1", "tier {tier}");
        assert_eq!(centre.with("new").is_some(), first == "new");
    }
}

#[test]
fn r1_4_a_thread_without_room_in_time_goes_to_the_queue_at_its_place() {
    let mut centre = rest();
    let before = centre.view("1");
    centre.push(contact("call", "calls", 5));
    writes(&mut centre, "1", Writer::Customer);
    centre.tick(centre.at + 29_999);
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
    centre.tick(centre.at + 1);
    assert!(withdrawn(&centre, WithdrawReason::NotResumed));
    let after = centre.view("1");
    assert_eq!((centre.with("1"), after.enqueued_at, after.index), (None, before.enqueued_at, before.index));
    assert_eq!(centre.router.operator(centre.operator("anna")).expect("known").exclusions, []);
    centre.ready(operator("boris"));
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
}

#[test]
fn r1_4_a_customer_who_writes_to_somebody_not_ready_waits_for_the_stated_time() {
    for returns in [true, false] {
        let mut centre = rest();
        centre.presence("anna", DeclaredPresence::NotReady(1));
        writes(&mut centre, "1", Writer::Customer);
        centre.tick(centre.at + 20_000);
        if returns {
            centre.presence("anna", DeclaredPresence::Ready);
            assert_eq!(used(&centre, "anna"), 50);
        } else {
            centre.tick(centre.at + 10_000);
            assert_eq!(centre.with("1"), None);
        }
    }
}

#[test]
fn r1_4_without_a_time_to_wait_the_thread_goes_to_the_queue_at_once() {
    let mut centre = Centre::new(plan_with(ThreadTimes { keep_for: Millis(0), ..times() }));
    centre.ready(operator("anna"));
    centre.push(chat("1"));
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(centre.at + 120_000);
    centre.push(contact("call", "calls", 5));
    writes(&mut centre, "1", Writer::Customer);
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(centre.at)));
    centre.tick(centre.at);
    assert_eq!(centre.with("1"), None);
}

#[test]
fn r1_4_a_thread_ends_when_its_customer_is_silent_for_too_long() {
    let mut centre = talk();
    writes(&mut centre, "1", Writer::Operator);
    let wrote = centre.at;
    centre.tick(wrote + HOUR - 1);
    assert!(rests(&centre, "1"));
    centre.tick(wrote + HOUR);
    assert_eq!(news(&centre), [ThreadNews::Closed]);
    let anna = centre.operator("anna");
    assert!(
        matches!(centre.view("1").state, ContactState::Ended { reason: EndReason::Completed(by), .. } if by == anna)
    );
    assert_eq!(centre.router.queues()[0].totals.completed, 1);
}

#[test]
fn r1_4_another_message_of_the_operator_gives_the_customer_new_time() {
    let mut centre = talk();
    writes(&mut centre, "1", Writer::Operator);
    centre.at += 60_000;
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(centre.at + 119_999);
    assert!(!rests(&centre, "1"));
    centre.tick(centre.at + 1);
    assert!(rests(&centre, "1"));
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(centre.at + HOUR - 1);
    assert!(rests(&centre, "1"), "it rests on, and ends an hour after this message");
}

#[test]
fn r1_4_a_message_told_again_changes_nothing() {
    let mut centre = rest();
    let mut again = message(&centre, "1", Writer::Customer);
    again.number -= 1;
    assert_eq!(centre.ok(Command::NoteMessage(again.clone())), Reply::Done);
    assert!(rests(&centre, "1"));
    centre.complete("1");
    assert_eq!(centre.ok(Command::NoteMessage(again.clone())), Reply::Done, "also behind its end");
    let next = NoteMessage { number: again.number + 1, ..again };
    let refused = centre.apply(Command::NoteMessage(next));
    assert!(matches!(refused, Err(Refusal::WrongState { .. })), "{refused:?}");
}

#[test]
fn r1_4_messages_are_counted_from_one_and_told_by_the_contacts_gateway() {
    let mut centre = talk();
    let message = message(&centre, "1", Writer::Customer);
    let refused = centre.apply(Command::NoteMessage(NoteMessage { number: 0, ..message.clone() }));
    assert!(
        matches!(refused, Err(Refusal::InvalidField { ref field, .. }) if &**field == "number"),
        "{refused:?}"
    );
    let opened = centre.ok(Command::OpenSession(open(Role::Gateway, "other", 2)));
    let Reply::Opened { party: Party::Gateway(gateway), epoch } = opened else { panic!("{opened:?}") };
    let refused = centre.apply(Command::NoteMessage(NoteMessage { gateway, epoch, ..message }));
    assert!(matches!(refused, Err(Refusal::ForeignContact(_))), "{refused:?}");
}

#[test]
fn r1_4_what_is_no_thread_has_no_moments() {
    let mut centre = talk();
    centre.complete("1");
    centre.push(contact("voice", "chats", 5));
    centre.at += HOUR;
    centre.tick(centre.at);
    assert_eq!((news(&centre), centre.with("voice").as_deref()), (vec![], Some("anna")));
    writes(&mut centre, "voice", Writer::Operator);
    centre.tick(centre.at + HOUR);
    assert_eq!((used(&centre, "anna"), centre.view("voice").thread), (100, None));
}

#[test]
fn r1_4_while_it_waits_or_rings_nobody_owes_a_reply() {
    let mut queue = queue(times());
    queue.answer = Answer::Offered { within: Millis(HOUR) };
    let mut centre = Centre::new(plan(vec![queue]));
    centre.push(chat("1"));
    centre.tick(centre.at + HOUR / 2);
    centre.ready(operator("anna"));
    centre.tick(centre.at + 100_000);
    assert_eq!(news(&centre), []);
    let answer = centre.answer("1");
    centre.ok(Command::AcceptOffer(answer));
    let due = centre.view("1").thread.and_then(|thread| thread.reply_due);
    assert_eq!(due, Some(Timestamp(centre.at + 30_000)));
}

#[test]
fn r1_4_a_silence_that_was_too_long_before_it_came_into_hands_is_due_now() {
    let mut queue = queue(times());
    queue.answer = Answer::Offered { within: Millis(HOUR) };
    let mut centre = Centre::new(plan(vec![queue]));
    centre.ready(operator("anna"));
    centre.push(chat("1"));
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(centre.at + 130_000);
    let answer = centre.answer("1");
    centre.ok(Command::AcceptOffer(answer));
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(centre.at)));
    centre.tick(centre.at);
    assert!(rests(&centre, "1"));
}

#[test]
fn r1_4_a_transfer_gives_the_next_operator_its_own_time_and_the_customer_none() {
    let pass = |centre: &mut Centre| {
        centre.ready(operator("boris"));
        let answer = centre.answer("1");
        let to = TransferTarget::Operator { login: "boris".into(), hold: Millis(5_000), queue: None };
        centre.ok(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })));
        assert_eq!(centre.with("1").as_deref(), Some("boris"));
    };
    let mut centre = talk();
    centre.tick(centre.at + 25_000);
    pass(&mut centre);
    let due = centre.view("1").thread.and_then(|thread| thread.reply_due);
    assert_eq!(due, Some(Timestamp(centre.at + 30_000)));
    writes(&mut centre, "1", Writer::Operator);
    let wrote = centre.at;
    centre.tick(wrote + 60_000);
    let answer = centre.answer("1");
    let to = TransferTarget::Operator { login: "anna".into(), hold: Millis(5_000), queue: None };
    centre.ok(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })));
    centre.tick(wrote + 120_000);
    assert!(rests(&centre, "1") && centre.with("1").as_deref() == Some("anna"));
}

#[test]
fn r1_4_a_thread_that_rests_is_transferred_or_completed_like_one_in_hand() {
    let mut centre = rest();
    centre.ready(operator("boris"));
    let answer = centre.answer("1");
    let to = TransferTarget::Queue("chats".into());
    centre.ok(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })));
    assert_eq!((centre.with("1").as_deref(), used(&centre, "boris")), (Some("boris"), 50));
    centre.tick(centre.at);
    assert_eq!(used(&centre, "boris"), 0, "its customer has been silent for long: it rests again");
    centre.complete("1");
    assert!(matches!(centre.view("1").state, ContactState::Ended { .. }));
}

#[test]
fn r1_4_while_a_colleague_is_asked_nothing_is_taken_away() {
    let mut centre = talk();
    centre.put(OperatorPlan { capacity: 0, ..operator("clara") });
    let answer = centre.answer("1");
    let to = ConsultTarget::Queue("calls".into());
    centre.ok(Command::Consult(Consult { answer, to, units: Some(100) }));
    let asked = centre.at;
    centre.tick(asked + 30_000);
    assert!(news(&centre).contains(&ThreadNews::ReplyOverdue));
    centre.tick(asked + 50_000);
    assert_eq!(centre.with("1").as_deref(), Some("anna"), "put off: the clock starts anew");
    let due = centre.view("1").thread.and_then(|thread| thread.reply_due);
    assert_eq!(due, Some(Timestamp(centre.at + 30_000)));
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(centre.at + 120_000);
    assert!(!rests(&centre, "1"));
}

#[test]
fn r1_4_a_lost_operators_silent_thread_waits_for_its_customer_and_floods_no_queue() {
    let mut centre = rest();
    let before = centre.view("1");
    sign_out(&mut centre, "anna");
    assert!(withdrawn(&centre, WithdrawReason::SessionLost));
    assert!(!centre.effects.iter().any(|effect| matches!(effect, Effect::AnnounceQueued { .. })));
    centre.ready(operator("boris"));
    assert_eq!((centre.with("1"), centre.router.queues()[0].waiting), (None, 0));
    assert!(rests(&centre, "1"));
    writes(&mut centre, "1", Writer::Customer);
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
    assert_eq!(centre.view("1").enqueued_at, before.enqueued_at);
}

#[test]
fn r1_4_who_is_back_gets_the_thread_of_the_customer_who_writes_again() {
    let mut centre = rest();
    sign_out(&mut centre, "anna");
    centre.ready(operator("boris"));
    back(&mut centre, "anna");
    centre.push(EnqueueContact { units: Some(80), ..contact("call", "calls", 5) });
    centre.push(EnqueueContact { units: Some(80), ..contact("other", "calls", 5) });
    writes(&mut centre, "1", Writer::Customer);
    assert_eq!(centre.with("1"), None, "kept for anna, who has no room");
    let key = if centre.with("call").as_deref() == Some("anna") { "call" } else { "other" };
    centre.complete(key);
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r1_4_a_thread_that_waits_for_its_customer_ends_too_and_nobody_is_told_to_go_on() {
    let mut centre = rest();
    let wrote = centre.view("1").thread.expect("a thread").since.0;
    sign_out(&mut centre, "anna");
    centre.tick(wrote + HOUR);
    assert_eq!(news(&centre), [ThreadNews::Closed]);
    assert!(matches!(centre.view("1").state, ContactState::Ended { reason: EndReason::Completed(_), .. }));
}

#[test]
fn r1_4_a_lost_operators_thread_goes_by_the_orphan_rule_while_its_customer_waits() {
    let mut centre = talk();
    sign_out(&mut centre, "anna");
    assert_eq!(centre.router.queues()[0].waiting, 1);
    let mut queue = queue(times());
    queue.rules.orphans = vec![("chat".into(), OrphanRule::Close)];
    let mut centre = Centre::new(plan(vec![queue]));
    centre.ready(operator("anna"));
    centre.push(chat("1"));
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(centre.at + 120_000);
    sign_out(&mut centre, "anna");
    assert!(matches!(centre.view("1").state, ContactState::Ended { reason: EndReason::OperatorLost(_), .. }));
}

#[test]
fn r1_4_in_the_grace_moments_go_on_and_nothing_is_resumed() {
    let mut centre = rest();
    let (party, epoch) = (Party::Operator(centre.operator("anna")), centre.epoch("anna"));
    centre.ok(Command::LoseSession(LoseSession { party, epoch }));
    writes(&mut centre, "1", Writer::Customer);
    assert_eq!(used(&centre, "anna"), 0);
    let reopened = OpenSession { resume: Some(epoch), ..open(Role::Operator, "anna", 99) };
    centre.ok(Command::OpenSession(reopened));
    assert_eq!(used(&centre, "anna"), 50, "who comes back goes on");
}

#[test]
fn r2_2_life_safety_never_rests_and_is_never_closed_but_is_taken_from_the_silent() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(EnqueueContact { tier: 0, ..chat("1") });
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(centre.at + 2 * HOUR);
    assert_eq!((centre.with("1").as_deref(), used(&centre, "anna")), (Some("anna"), 50));
    writes(&mut centre, "1", Writer::Customer);
    centre.tick(centre.at + 80_000);
    assert!(withdrawn(&centre, WithdrawReason::ReplyOverdue));
}

#[test]
fn r2_2_a_thread_that_waits_for_its_customer_stands_in_line_once_it_is_life_safety() {
    let mut centre = rest();
    sign_out(&mut centre, "anna");
    let contact = centre.view("1").id;
    act(&mut centre, Action::LiftContact { contact, tier: Some(0), head_start: None });
    assert_eq!((rests(&centre, "1"), centre.router.queues()[0].waiting), (false, 1));
    centre.ready(operator("boris"));
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
}

#[test]
fn r1_4_a_thread_that_waits_for_its_customer_moves_with_its_queue_or_into_line() {
    let mut other = queue(times());
    other.name = "more".into();
    for (to, still) in [("more", true), ("calls", false)] {
        let calls = QueuePlan { wrap_up: Millis(0), ..QueuePlan::named("calls") };
        let mut centre = Centre::new(plan(vec![queue(times()), calls, other.clone()]));
        centre.ready(operator("anna"));
        centre.push(chat("1"));
        writes(&mut centre, "1", Writer::Operator);
        centre.tick(centre.at + 120_000);
        sign_out(&mut centre, "anna");
        let from = MoveFrom::Contacts(vec![centre.view("1").id]);
        act(&mut centre, Action::MoveContacts { from, to: to.into() });
        assert_eq!((centre.view("1").queue.to_string().as_str(), rests(&centre, "1")), (to, still));
        let waiting: u32 = centre.router.queues().iter().map(|queue| queue.waiting).sum();
        assert_eq!(waiting, u32::from(!still));
    }
}

#[test]
fn r1_4_a_shift_is_handed_over_with_what_rests() {
    let mut centre = rest();
    centre.ready(operator("boris"));
    let from = HandOverFrom::Operator("anna".into());
    let hand_over = HandOver { from, to: Some("boris".into()), hold: Millis(60_000), notes: vec![] };
    act(&mut centre, Action::HandOver(Box::new(hand_over)));
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
    centre.tick(centre.at);
    assert!(rests(&centre, "1"), "its customer is still silent");
    writes(&mut centre, "1", Writer::Customer);
    assert_eq!(used(&centre, "boris"), 50);
}

#[test]
fn r1_4_a_break_begins_beside_threads_that_rest() {
    let mut plan = plan_with(times());
    plan.rules.breaks = vec![BreakRule {
        name: "tea".into(),
        reason: 7,
        every: Millis(60_000),
        length: Millis(300_000),
        defer_max: Millis(HOUR),
        away_percent_max: 100,
        alone: true,
        on_request: false,
        returns: true,
    }];
    let mut centre = Centre::new(plan);
    let rules = OperatorRules { breaks: vec!["tea".into()], ..OperatorRules::default() };
    let anna = centre.ready(OperatorPlan { rules, ..operator("anna") });
    centre.push(chat("1"));
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(centre.at + 119_000);
    let presence = |centre: &Centre| centre.router.operator(anna).expect("known").presence;
    assert_eq!(presence(&centre), effect::PresenceState::Ready, "a thread in hand defers it");
    centre.tick(centre.at + 1_000);
    assert!(matches!(presence(&centre), effect::PresenceState::Break { .. }));
    writes(&mut centre, "1", Writer::Customer);
    centre.tick(centre.at + 30_000);
    assert_eq!(centre.with("1"), None, "who is on a break for longer than the stated time loses it");
}

#[test]
fn r1_4_a_plan_begins_with_threads_and_leaves_off_with_them() {
    let without = plan(vec![
        QueuePlan { wrap_up: Millis(0), ..QueuePlan::named("chats") },
        QueuePlan { wrap_up: Millis(0), ..QueuePlan::named("calls") },
    ]);
    let mut centre = Centre::new(without.clone());
    // A rule of whatever kind, so that the log is of format 3.
    centre.put(OperatorPlan {
        rules: OperatorRules { caps: vec![("chat".into(), 9)], ..OperatorRules::default() },
        ..operator("olga")
    });
    centre.ready(operator("anna"));
    centre.push(chat("1"));
    centre.at += HOUR;
    let with = Plan { version: 2, ..plan_with(times()) };
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan: with, by: None })));
    let due = centre.view("1").thread.and_then(|thread| thread.reply_due);
    assert_eq!(due, Some(Timestamp(centre.at + 30_000)), "the time begins with the plan");
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(centre.at + 120_000);
    assert!(rests(&centre, "1"));
    let shorter = ThreadTimes { close_after: Some(Millis(130_000)), ..times() };
    let next = Plan { version: 3, ..plan_with(shorter) };
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan: next, by: None })));
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(centre.at + 10_000)), "moments follow the plan");
    let next = Plan { version: 4, ..without };
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan: next, by: None })));
    assert_eq!((used(&centre, "anna"), centre.view("1").thread), (50, None), "parked work like other work");
}

#[test]
fn r1_4_a_plan_without_threads_leaves_no_one_waiting_for_a_customer() {
    let mut centre = rest();
    sign_out(&mut centre, "anna");
    let next = Plan { version: 2, ..plan_with(times()) };
    let mut next = Plan { queues: next.queues.clone(), ..next };
    next.queues[0].rules.thread = None;
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan: next, by: None })));
    assert_eq!(centre.router.queues()[0].waiting, 1);
}

#[test]
fn r3_5_interrupted_threads_owe_nothing_until_they_go_on() {
    let mut queue = queue(times());
    queue.rules.interruptible =
        Some(Interruptible { by_channels: vec!["voice".into()], ..Default::default() });
    let calls = QueuePlan { wrap_up: Millis(0), ..QueuePlan::named("calls") };
    let mut centre = Centre::new(plan(vec![queue, calls]));
    centre.ready(operator("anna"));
    centre.push(chat("1"));
    centre.push(contact("call", "calls", 5));
    assert!(centre.view("1").parked.is_some() && !rests(&centre, "1"));
    centre.tick(centre.at + HOUR);
    assert_eq!((news(&centre), centre.with("1").as_deref()), (vec![], Some("anna")));
    centre.complete("call");
    let due = centre.view("1").thread.and_then(|thread| thread.reply_due);
    assert_eq!(due, Some(Timestamp(centre.at + 30_000)));
    writes(&mut centre, "1", Writer::Operator);
    centre.push(contact("again", "calls", 5));
    centre.tick(centre.at + 120_000);
    assert!(rests(&centre, "1"), "interrupted, it comes to rest all the same");
    centre.complete("again");
    assert!(rests(&centre, "1"));
}

#[test]
fn r1_4_the_work_of_a_case_rests_but_is_not_closed_by_silence() {
    let stage = |queue: &str| Stage {
        name: queue.into(),
        queue: queue.into(),
        term: Millis(100 * HOUR),
        warn_before: Millis(0),
        ..Stage::default()
    };
    let mut plan = plan_with(times());
    plan.rules.routes =
        vec![Route { name: "meter".into(), calendar: None, term: None, stages: vec![stage("chats")] }];
    plan.rules.entry = vec![EntryRule {
        name: "all".into(),
        when: When::default(),
        then: Then { route: Some("meter".into()), ..Then::default() },
    }];
    let mut centre = Centre::new(plan);
    centre.ready(operator("anna"));
    centre.push(chat("1"));
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(centre.at + 2 * HOUR);
    assert!(rests(&centre, "1") && centre.with("1").as_deref() == Some("anna"));
}

#[test]
fn r1_4_a_snapshot_keeps_what_is_noted() {
    let mut centre = rest();
    let view = centre.view("1").thread;
    centre.router = Router::restore(&centre.router.snapshot().encode()).expect("it reads what it wrote");
    assert_eq!(centre.view("1").thread, view);
    writes(&mut centre, "1", Writer::Customer);
    assert_eq!(used(&centre, "anna"), 50);
}

#[test]
fn r1_4_rules_of_threads_are_within_bounds() {
    let wrong = [
        ThreadTimes { first_reply: Some(Millis(0)), ..times() },
        ThreadTimes { warn_before: Millis(30_000), ..times() },
        ThreadTimes { first_reply: None, next_reply: None, warn_before: Millis(0), ..times() },
        ThreadTimes { close_after: Some(Millis(120_000)), ..times() },
        ThreadTimes { keep_for: Millis(u64::MAX), ..times() },
    ];
    let mut centre = centre();
    for times in wrong {
        let plan = Plan { version: 2, ..plan_with(times) };
        let refused = centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
        assert!(
            matches!(refused, Err(Refusal::InvalidField { ref field, .. }) if &**field == "rules.thread"),
            "{refused:?}"
        );
    }
    let mut plan = Plan { version: 2, ..plan_with(times()) };
    plan.queues[0].rules.thread = Some(ThreadRules { channels: vec!["fax".into()], times: times() });
    let refused = centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
    assert!(matches!(refused, Err(Refusal::UnknownChannel(_))), "{refused:?}");
}

#[test]
fn r1_4_a_bots_threads_are_threads() {
    let mut centre = centre();
    let rules = OperatorRules { bot: true, ..OperatorRules::default() };
    centre.ready(OperatorPlan { rules, ..operator("bot") });
    centre.push(chat("1"));
    centre.ready(operator("anna"));
    centre.tick(centre.at + 50_000);
    assert_eq!(centre.with("1").as_deref(), Some("anna"), "a bot that hangs loses it");
}

#[test]
fn r3_13_a_customer_who_asks_for_a_person_is_silent_no_longer() {
    let mut centre = rest();
    sign_out(&mut centre, "anna");
    let (gateway, contact) = (centre.gateway, centre.view("1").id);
    let by = Requester::Gateway { gateway, epoch: Epoch(1), contact };
    centre.ok(Command::RequestPerson(Box::new(RequestPerson { by, context: None, danger: false })));
    centre.ready(operator("boris"));
    centre.tick(centre.at + 1_000);
    assert_eq!((centre.with("1").as_deref(), rests(&centre, "1")), (Some("boris"), false));
}

#[test]
fn r3_9_a_companion_is_a_thread_that_takes_nothing() {
    let mut plan = plan_with(times());
    plan.rules.companion = Some(Millis(600_000));
    let mut centre = Centre::new(plan);
    centre.ready(operator("anna"));
    centre.push(contact("call", "calls", 5));
    let (answer, number) = (centre.answer("call"), Name::from("+77010000001"));
    let invite = InviteCompanion { answer, number: number.clone(), channel: "chat".into() };
    centre.ok(Command::InviteCompanion(Box::new(invite)));
    let facts = Facts { phone: Some(number), ..Facts::default() };
    centre.push(EnqueueContact { facts, ..chat("1") });
    assert_eq!((centre.with("1").as_deref(), used(&centre, "anna")), (Some("anna"), 100));
    writes(&mut centre, "1", Writer::Operator);
    centre.tick(centre.at + 120_000);
    assert!(rests(&centre, "1"));
    writes(&mut centre, "1", Writer::Customer);
    assert!(!rests(&centre, "1") && centre.view("1").parked.is_none(), "there is always room for nothing");
}
