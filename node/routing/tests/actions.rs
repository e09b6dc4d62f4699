//! Transfer, hold and the actions of supervisors, rule by rule.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::effect::*;
use ringmain_routing::plan::*;
use ringmain_routing::*;
use support::*;

/// Queues `a` (no wrap-up) and `b` (requires Kazakh), and a log of format 2.
fn centre() -> Centre {
    let b = QueuePlan { required: vec![("kk".into(), 1)], ..QueuePlan::named("b") };
    let mut centre = Centre::new(plan(vec![QueuePlan::named("a"), b]));
    act(&mut centre, "format", Action::Note { what: "test".into(), detail: "".into() }).expect("a note");
    centre
}

fn speaks_kazakh(login: &str) -> OperatorPlan {
    OperatorPlan { skills: vec![("voice".into(), 5), ("kk".into(), 5)], ..operator(login) }
}

fn act(centre: &mut Centre, key: &str, action: Action) -> Result<Reply, Refusal> {
    centre.apply(Command::Act(Box::new(Act { by: "olga".into(), key: key.into(), action })))
}

fn transfer(centre: &mut Centre, key: &str, to: TransferTarget) -> Result<Reply, Refusal> {
    let answer = centre.answer(key);
    centre.apply(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })))
}

fn to_queue(queue: &str) -> TransferTarget {
    TransferTarget::Queue(queue.into())
}

fn to_colleague(login: &str, hold: u64) -> TransferTarget {
    TransferTarget::Operator { login: login.into(), hold: Millis(hold), queue: None }
}

#[test]
fn r1_3_a_transfer_keeps_the_contacts_place_in_time() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(contact("passed", "a", 3));
    centre.at = 9_000;
    centre.push(EnqueueContact { skills: vec![("kk".into(), 1)], ..contact("later", "b", 3) });
    assert_eq!(transfer(&mut centre, "passed", to_queue("b")), Ok(Reply::Done));
    let view = centre.view("passed");
    assert_eq!((&*view.queue, view.enqueued_at, view.transfers), ("b", Timestamp(1_000), 1));
    assert_eq!(view.skills, vec![("kk".into(), 1)]);
    centre.ready(speaks_kazakh("boris"));
    assert_eq!(centre.with("passed").as_deref(), Some("boris"), "it goes before who came later");
}

#[test]
fn a_transfer_tells_both_sides_and_frees_the_operator() {
    let mut centre = centre();
    let anna = centre.ready(operator("anna"));
    let id = centre.push(contact("1", "a", 3));
    transfer(&mut centre, "1", to_queue("b")).expect("a transfer");
    let (gateway, assignment) = (centre.gateway, AssignmentEpoch(1));
    let reason = WithdrawReason::Transferred;
    assert_eq!(
        centre.effects,
        [
            Effect::WithdrawAssignment { contact: id, gateway, operator: anna, assignment, reason },
            Effect::AnnounceMoved { contact: id, gateway, queue: QueueId(1) },
            Effect::AnnounceQueued { contact: id, gateway },
        ]
    );
    assert_eq!(centre.router.operator(anna).expect("known").used, 0);
    assert_eq!(transfer(&mut centre, "1", to_queue("b")), Ok(Reply::Done), "the same again changes nothing");
    assert!(centre.effects.is_empty());
}

#[test]
fn a_contact_that_moves_takes_its_own_requirements_along_and_leaves_those_of_its_queue() {
    let mut centre = centre();
    centre.push(EnqueueContact { skills: vec![("chat".into(), 2)], ..contact("1", "b", 3) });
    let contacts = vec![centre.contacts["1"]];
    let action = Action::MoveContacts { from: MoveFrom::Contacts(contacts), to: "a".into() };
    assert_eq!(act(&mut centre, "m", action), Ok(Reply::Acted { contacts: 1 }));
    assert_eq!(centre.view("1").skills, vec![("chat".into(), 2)]);
}

#[test]
fn an_arrival_of_format_1_leaves_what_its_queue_requires() {
    let b = QueuePlan { required: vec![("kk".into(), 1)], ..QueuePlan::named("b") };
    let mut centre = Centre::new(plan(vec![QueuePlan::named("a"), b]));
    centre
        .push(EnqueueContact { skills: vec![("kk".into(), 1), ("chat".into(), 2)], ..contact("1", "b", 3) });
    let contacts = vec![centre.contacts["1"]];
    let action = Action::MoveContacts { from: MoveFrom::Contacts(contacts), to: "a".into() };
    act(&mut centre, "m", action).expect("a move");
    assert_eq!(centre.view("1").skills, vec![("chat".into(), 2)]);
}

#[test]
fn a_contact_passed_to_a_colleague_waits_for_that_one_alone_until_the_hold_ends() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 3));
    centre.ready(operator("boris"));
    centre.push(contact("2", "a", 3));
    transfer(&mut centre, "1", to_colleague("boris", 5_000)).expect("boris is there, if busy");
    let boris = centre.operator("boris");
    assert_eq!(centre.view("1").held_for, Some((boris, Timestamp(6_000))));
    centre.ready(operator("vera"));
    assert_eq!(centre.with("1"), None, "it is not vera's");
    centre.complete("2");
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
    transfer(&mut centre, "1", to_colleague("vera", 5_000)).expect("vera is free");
    assert_eq!(centre.with("1").as_deref(), Some("vera"));
}

#[test]
fn a_contact_passed_back_goes_to_the_one_who_passed_it_before() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 3));
    centre.ready(operator("boris"));
    centre.ready(operator("vera"));
    transfer(&mut centre, "1", to_colleague("boris", 5_000)).expect("boris is free");
    transfer(&mut centre, "1", to_colleague("anna", 5_000)).expect("anna is free");
    assert_eq!(centre.with("1").as_deref(), Some("anna"), "though vera fits too");
}

#[test]
fn a_colleague_who_is_not_there_is_refused_and_the_customer_stays() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 3));
    centre.put(operator("boris"));
    let refused = transfer(&mut centre, "1", to_colleague("boris", 5_000));
    assert_eq!(refused, Err(Refusal::OperatorUnavailable("boris".into())));
    let refused = transfer(&mut centre, "1", to_colleague("nobody", 5_000));
    assert_eq!(refused, Err(Refusal::UnknownOperator("nobody".into())));
    assert_eq!(transfer(&mut centre, "1", to_colleague("anna", 5_000)).unwrap_err().code(), "invalid-field");
    assert_eq!(transfer(&mut centre, "1", to_colleague("boris", 0)).unwrap_err().code(), "invalid-field");
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn the_wrap_up_of_a_contact_passed_on_holds_its_operator_and_ends_by_itself() {
    let wrap_up = Millis(2_000);
    let a = QueuePlan { wrap_up, wrap_up_max: Millis(3_000), ..QueuePlan::named("a") };
    let mut centre = Centre::new(plan(vec![a, QueuePlan::named("b")]));
    let anna = centre.ready(operator("anna"));
    centre.push(contact("1", "a", 3));
    let answer = centre.answer("1");
    transfer(&mut centre, "1", to_queue("b")).expect("a transfer");
    assert_eq!(centre.router.operator(anna).expect("known").used, 100, "anna writes up");
    centre.ready(operator("boris"));
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
    let until = Timestamp(9_000);
    centre.ok(Command::ExtendWrapUp(ExtendWrapUp { answer: answer.clone(), until }));
    let view = centre.router.operator(anna).expect("known");
    assert_eq!(view.wrap_ups, vec![(answer.contact, answer.assignment, Timestamp(4_000))]);
    centre.tick(4_000);
    let AnswerOffer { contact, assignment, .. } = answer;
    assert_eq!(centre.effects, [Effect::ReleaseOperator { contact, operator: anna, assignment }]);
    assert_eq!(centre.router.operator(anna).expect("known").used, 0);
    let restored = Router::restore(&centre.router.snapshot().encode()).expect("written just now");
    assert_eq!(restored.chain(), centre.router.chain());
}

#[test]
fn a_hold_is_told_once_and_ends_with_the_handling() {
    let mut centre = centre();
    let anna = centre.ready(operator("anna"));
    let id = centre.push(contact("1", "a", 3));
    let answer = centre.answer("1");
    let hold = |on| Command::HoldContact(HoldContact { answer: answer.clone(), on });
    centre.ok(hold(true));
    let (gateway, assignment) = (centre.gateway, AssignmentEpoch(1));
    let told = |on| [Effect::HoldContact { contact: id, gateway, operator: anna, assignment, on }];
    assert_eq!(centre.effects, told(true));
    centre.ok(hold(true));
    assert!(centre.effects.is_empty());
    let ContactState::Handling { on_hold, .. } = centre.view("1").state else { panic!("still handling") };
    assert_eq!(on_hold, Some(Timestamp(1_000)));
    centre.ok(hold(false));
    assert_eq!(centre.effects, told(false));
    centre.complete("1");
    assert_eq!(centre.apply(hold(true)).unwrap_err().code(), "wrong-state");
}

#[test]
fn an_action_repeated_under_its_key_gets_the_first_answer_until_the_window_ends() {
    let mut centre = centre();
    centre.push(contact("1", "a", 3));
    let lift = |tier| Action::LiftContact {
        contact: ContactId { slot: 0, generation: 0 },
        tier: Some(tier),
        head_start: None,
    };
    assert_eq!(act(&mut centre, "k", lift(1)), Ok(Reply::Acted { contacts: 1 }));
    assert_eq!(act(&mut centre, "k", lift(1)), Ok(Reply::Acted { contacts: 1 }), "not 0");
    let reused = Refusal::ActionKeyReused { by: "olga".into(), key: "k".into() };
    assert_eq!(act(&mut centre, "k", lift(2)), Err(reused));
    centre.at += SessionPlan::default().key_window.0;
    assert_eq!(act(&mut centre, "k", lift(2)), Ok(Reply::Acted { contacts: 1 }));
    assert_eq!(centre.view("1").enqueued_at, Timestamp(1_000), "true waiting time stays");
}

#[test]
fn a_refused_action_is_not_remembered() {
    let mut centre = centre();
    let action = || Action::SignOut { login: "anna".into() };
    assert_eq!(act(&mut centre, "k", action()), Err(Refusal::UnknownOperator("anna".into())));
    centre.put(operator("anna"));
    assert_eq!(act(&mut centre, "k", action()), Ok(Reply::Acted { contacts: 0 }));
}

#[test]
fn a_dry_run_answers_as_the_action_would_and_changes_nothing() {
    let mut centre = centre();
    for key in ["1", "2", "3"] {
        centre.push(contact(key, "a", 3));
    }
    let from = MoveFrom::Queue { name: "a".into(), count_max: Some(2) };
    let action = Action::MoveContacts { from, to: "b".into() };
    let act = Act { by: "olga".into(), key: "k".into(), action };
    let before = centre.router.snapshot().encode();
    assert_eq!(centre.router.preview(&act), Ok(Reply::Acted { contacts: 2 }));
    assert_eq!(centre.router.snapshot().encode(), before);
    assert_eq!(centre.apply(Command::Act(Box::new(act))), Ok(Reply::Acted { contacts: 2 }));
}

#[test]
fn a_line_is_moved_500_contacts_an_entry_in_the_order_of_service() {
    let mut centre = centre();
    for n in 0..1_203 {
        centre.push(contact(&n.to_string(), "a", if n == 1_202 { 1 } else { 3 }));
    }
    let from = MoveFrom::Queue { name: "a".into(), count_max: Some(1_100) };
    let moved = act(&mut centre, "k", Action::MoveContacts { from, to: "b".into() });
    assert_eq!(moved, Ok(Reply::Acted { contacts: 1_100 }));
    let waiting =
        |centre: &Centre| (centre.router.waiting_in(QueueId(0)), centre.router.waiting_in(QueueId(1)));
    assert_eq!(waiting(&centre), (1_203, 0));
    for expected in [(703, 500), (203, 1_000), (103, 1_100), (103, 1_100)] {
        centre.tick(2_000);
        assert_eq!(waiting(&centre), expected);
    }
    assert_eq!(&*centre.view("1202").queue, "b", "tier 1 stood first");
    assert_eq!((&*centre.view("1098").queue, &*centre.view("1099").queue), ("b", "a"));
    let totals = centre.router.queues();
    assert_eq!((totals[0].totals.moved_out, totals[1].totals.moved_in), (1_100, 1_100));
}

#[test]
fn a_requeued_contact_keeps_away_from_its_operator_who_gets_no_miss() {
    let mut centre = centre();
    let anna = centre.ready(operator("anna"));
    let id = centre.push(contact("1", "a", 3));
    centre.ready(operator("boris"));
    assert_eq!(
        act(&mut centre, "k", Action::RequeueContact { contact: id }),
        Ok(Reply::Acted { contacts: 1 })
    );
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
    assert_eq!(centre.router.operator(anna).expect("known").presence, PresenceState::Ready);
}

#[test]
fn i9_a_closed_contact_stays_ended_and_its_operator_is_free() {
    let mut centre = centre();
    let anna = centre.ready(operator("anna"));
    let id = centre.push(contact("1", "a", 3));
    let answer = centre.answer("1");
    let close = |reason: &str| Action::CloseContact { contact: id, reason: reason.into() };
    assert_eq!(act(&mut centre, "k", close("stuck")), Ok(Reply::Acted { contacts: 1 }));
    let (gateway, assignment, reason) = (centre.gateway, answer.assignment, EndReason::Closed(Some(anna)));
    assert_eq!(
        centre.effects,
        [
            Effect::ReleaseOperator { contact: id, operator: anna, assignment },
            Effect::AnnounceEnded { contact: id, gateway, reason },
        ]
    );
    assert_eq!(act(&mut centre, "l", close("again")), Ok(Reply::Acted { contacts: 0 }));
    assert_eq!(centre.ok(Command::AcceptOffer(answer)), Reply::Done);
    assert_eq!(
        act(&mut centre, "m", Action::RequeueContact { contact: id }).unwrap_err().code(),
        "wrong-state"
    );
}

#[test]
fn presence_is_forced_only_on_somebody_who_is_signed_in() {
    let mut centre = centre();
    centre.put(operator("anna"));
    let force = |presence| Action::ForcePresence { login: "anna".into(), presence };
    assert_eq!(act(&mut centre, "1", force(DeclaredPresence::Ready)), Err(Refusal::NotSignedIn));
    let boris = centre.ready(operator("boris"));
    let action = Action::ForcePresence { login: "boris".into(), presence: DeclaredPresence::NotReady(7) };
    assert_eq!(act(&mut centre, "2", action), Ok(Reply::Acted { contacts: 0 }));
    assert_eq!(centre.router.operator(boris).expect("known").presence, PresenceState::NotReady(7));
    centre.push(contact("1", "a", 3));
    assert_eq!(centre.with("1"), None);
}

fn limit(what: &str, limit: usize) -> Result<Reply, Refusal> {
    Err(Refusal::LimitReached { what: what.into(), limit: limit as u64 })
}

#[test]
fn at_most_64_moves_of_queues_are_under_way() {
    let mut centre = centre();
    for first in (0..2_000).step_by(500) {
        let operators = (first..first + 500).map(|number| operator(&format!("op{number}"))).collect();
        centre.ok(Command::PutOperators(PutOperators { operators, by: None }));
    }
    centre.push(contact("waits", "b", 3));
    // Lost nodes are worked off first, 500 operators with each command: moves stand in line behind them.
    for node in 0..40 {
        centre.ok(Command::NodeLost(NodeLost { node: NodeId(100 + node), incarnation: Incarnation(1) }));
    }
    let all_to_a = || Action::MoveContacts {
        from: MoveFrom::Queue { name: "b".into(), count_max: None },
        to: "a".into(),
    };
    for number in 0..limits::MOVES_MAX {
        assert_eq!(act(&mut centre, &format!("move {number}"), all_to_a()), Ok(Reply::Acted { contacts: 1 }));
    }
    assert_eq!(act(&mut centre, "one more", all_to_a()), limit("moves", limits::MOVES_MAX));
    assert!(centre.effects.is_empty(), "it changes nothing");
    while centre.router.next_deadline() == Some(centre.router.now()) {
        centre.ok(Command::Tick);
    }
    assert_eq!(&*centre.view("waits").queue, "a");
    let again = act(&mut centre, "one more", all_to_a());
    assert_eq!(again, Ok(Reply::Acted { contacts: 0 }), "a refusal binds no key");
}

#[test]
fn the_keys_of_20000_actions_are_remembered_and_then_no_action_is_taken_until_one_is_forgotten() {
    let mut centre = centre();
    let note = || Action::Note { what: "test".into(), detail: "".into() };
    // The centre itself has noted one.
    for number in 1..limits::ACTIONS_MAX {
        act(&mut centre, &format!("key {number}"), note()).expect("there is room");
    }
    assert_eq!(act(&mut centre, "one more", note()), limit("actions", limits::ACTIONS_MAX));
    let again = act(&mut centre, "key 1", note());
    assert_eq!(again, Ok(Reply::Acted { contacts: 0 }), "what is remembered is answered");
    centre.at += centre.router.plan().sessions.key_window.0;
    assert_eq!(act(&mut centre, "one more", note()), Ok(Reply::Acted { contacts: 0 }));
}
