//! The rules of routing one by one, named after their ids.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::effect::*;
use ringmain_routing::plan::*;
use ringmain_routing::*;
use support::*;

fn automatic() -> Centre {
    Centre::new(plan(vec![QueuePlan::named("a"), QueuePlan::named("b")]))
}

fn offering(within: u64) -> Centre {
    let answer = Answer::Offered { within: Millis(within) };
    Centre::new(plan(vec![QueuePlan { answer, ..QueuePlan::named("a") }]))
}

#[test]
fn r2_1_tiers_are_strict_and_first_come_first_served_within() {
    let mut centre = automatic();
    for (key, tier) in [("late-life", 0), ("first", 2), ("second", 2), ("urgent", 1)] {
        centre.push(contact(key, "a", tier));
    }
    centre.ready(operator("anna"));
    for key in ["late-life", "urgent", "first", "second"] {
        assert_eq!(centre.with(key).as_deref(), Some("anna"), "{key} is next");
        centre.complete(key);
    }
}

#[test]
fn r2_1_ranks_go_before_tiers_but_not_before_urgency() {
    let mut centre = automatic();
    centre.push(contact("backup", "b", 2));
    centre.push(contact("urgent", "b", 1));
    centre.push(contact("primary", "a", 5));
    centre.ready(OperatorPlan { ranks: vec![("b".into(), 1)], ..operator("anna") });
    for key in ["urgent", "primary", "backup"] {
        assert_eq!(centre.with(key).as_deref(), Some("anna"), "{key} is next");
        centre.complete(key);
    }
}

#[test]
fn r2_3_a_head_start_counts_within_the_tier_only() {
    let mut centre = automatic();
    centre.at = 50_000;
    centre.push(contact("plain", "a", 3));
    centre.push(EnqueueContact { head_start: Millis(10_000), ..contact("vip", "a", 3) });
    centre.push(EnqueueContact { head_start: Millis(40_000), ..contact("lower", "a", 4) });
    centre.ready(operator("anna"));
    for key in ["vip", "plain", "lower"] {
        assert_eq!(centre.with(key).as_deref(), Some("anna"), "{key} is next");
        centre.complete(key);
    }
}

#[test]
fn r2_5_an_arrival_takes_the_longest_idle_operator_in_its_own_entry() {
    let mut centre = automatic();
    for login in ["anna", "boris"] {
        centre.at += 1;
        centre.ready(operator(login));
    }
    centre.push(contact("1", "a", 2));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
    let (contact, operator) = (centre.contacts["1"], centre.operator("anna"));
    let (gateway, assignment) = (centre.gateway, AssignmentEpoch(1));
    assert_eq!(centre.effects, [Effect::ConnectContact { contact, gateway, operator, assignment }]);
}

#[test]
fn r2_5_a_raised_limit_takes_waiting_work_without_a_new_arrival() {
    let mut centre = automatic();
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 2));
    centre.push(contact("2", "a", 2));
    assert_eq!(centre.with("2"), None);
    centre.put(OperatorPlan { capacity: 200, ..operator("anna") });
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}

#[test]
fn r3_1_a_changed_skill_takes_waiting_work_without_a_new_arrival() {
    let mut centre = automatic();
    centre.ready(operator("anna"));
    centre.push(EnqueueContact { skills: vec![("kk".into(), 3)], ..contact("1", "a", 2) });
    assert_eq!(centre.with("1"), None);
    let skills = vec![("kk".into(), 3)];
    centre.put(OperatorPlan { skills, ..operator("anna") });
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r3_1_an_unanswered_offer_goes_back_to_its_old_place() {
    let mut centre = offering(20_000);
    centre.ready(operator("anna"));
    let first = centre.push(contact("1", "a", 2));
    centre.push(contact("2", "a", 2));
    centre.tick(20_999);
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
    centre.tick(21_000);
    let (operator, gateway) = (centre.operator("anna"), centre.gateway);
    let assignment = AssignmentEpoch(1);
    let reason = WithdrawReason::Unanswered;
    let presence = PresenceState::Missed { until: Timestamp(81_000) };
    assert_eq!(
        centre.effects,
        [
            Effect::WithdrawAssignment { contact: first, gateway, operator, assignment, reason },
            Effect::AnnouncePresence { operator, presence },
            Effect::AnnounceQueued { contact: first, gateway },
        ]
    );
    centre.ready(operator_named("boris"));
    assert_eq!(centre.with("1").as_deref(), Some("boris"), "the old place goes before the newer contact");
}

fn operator_named(login: &str) -> OperatorPlan {
    operator(login)
}

#[test]
fn r3_1_a_declined_contact_keeps_away_from_the_operator_while_somebody_else_fits() {
    let mut centre = offering(20_000);
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    plan.sessions.missed = Millis(0);
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
    centre.ready(operator("anna"));
    centre.at += 1;
    centre.ready(operator("boris"));
    centre.push(contact("1", "a", 2));
    let answer = centre.answer("1");
    centre.ok(Command::DeclineOffer(answer.clone()));
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
    assert_eq!(centre.ok_answer("1", Command::AcceptOffer), Reply::Done);
    assert_eq!(
        centre.apply(Command::AcceptOffer(answer)),
        Err(Refusal::StaleAssignment { contact: centre.contacts["1"], current: AssignmentEpoch(2) })
    );
}

impl Centre {
    fn ok_answer(&mut self, key: &str, command: fn(AnswerOffer) -> Command) -> Reply {
        let answer = self.answer(key);
        self.ok(command(answer))
    }
}

#[test]
fn r3_1_an_exclusion_ends_when_nobody_else_fits() {
    let mut centre = offering(20_000);
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    plan.sessions.missed = Millis(0);
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
    centre.ready(operator("anna"));
    centre.push(contact("0", "a", 2));
    centre.ok_answer("0", Command::AcceptOffer);
    centre.ready(operator("boris"));
    centre.push(contact("1", "a", 2));
    centre.ok_answer("1", Command::DeclineOffer);
    assert_eq!(centre.with("1"), None, "anna is there and fits, though busy");
    centre.presence("anna", DeclaredPresence::NotReady(4));
    assert_eq!(centre.with("1").as_deref(), Some("boris"), "nobody else is left");
}

#[test]
fn r3_4_the_known_operator_is_waited_for_and_nobody_else_takes_the_contact() {
    let mut centre = automatic();
    let preferred = Some((Name::from("anna"), Millis(30_000)));
    centre.ready(operator("anna"));
    centre.push(contact("busy", "a", 2));
    centre.ready(operator("boris"));
    centre.push(EnqueueContact { preferred: preferred.clone(), ..contact("1", "a", 2) });
    assert_eq!(centre.with("1"), None);
    centre.complete("busy");
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
    centre.push(EnqueueContact { preferred: preferred.clone(), ..contact("2", "a", 2) });
    centre.tick(31_000);
    assert_eq!(centre.with("2").as_deref(), Some("boris"), "the hold is over");
}

#[test]
fn r3_5_load_stays_within_capacity_and_what_fits_is_taken() {
    let mut centre = automatic();
    centre.ready(operator("anna"));
    for key in ["1", "2", "3", "4"] {
        centre.push(EnqueueContact { channel: "chat".into(), ..contact(key, "a", 3) });
    }
    assert_eq!(centre.with("3").as_deref(), Some("anna"));
    assert_eq!(centre.with("4"), None);
    centre.push(contact("call", "a", 1));
    centre.complete("1");
    assert_eq!(centre.with("call"), None, "a call needs all 100 units");
    assert_eq!(centre.with("4").as_deref(), Some("anna"), "a chat fits beside chats");
}

#[test]
fn r3_6_wrap_up_blocks_the_units_it_used_and_has_a_hard_end() {
    let queue = QueuePlan { wrap_up: Millis(10_000), wrap_up_max: Millis(25_000), ..QueuePlan::named("a") };
    let mut centre = Centre::new(plan(vec![queue]));
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 2));
    centre.push(contact("2", "a", 2));
    centre.complete("1");
    assert_eq!(centre.with("2"), None);
    let answer = centre.answer("1");
    centre.ok(Command::ExtendWrapUp(ExtendWrapUp { answer, until: Timestamp(61_000) }));
    centre.tick(25_999);
    assert_eq!(centre.with("2"), None);
    centre.tick(26_000);
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}

#[test]
fn r3_6_automatic_answer_cannot_be_declined() {
    let answer = Answer::Confirmed { within: Millis(3_000) };
    let mut centre = Centre::new(plan(vec![QueuePlan { answer, ..QueuePlan::named("a") }]));
    centre.ready(operator("anna"));
    let id = centre.push(contact("1", "a", 2));
    let answer = centre.answer("1");
    assert_eq!(centre.apply(Command::DeclineOffer(answer)), Err(Refusal::CannotDecline(id)));
}

#[test]
fn r4_1_a_second_order_of_the_same_number_joins_the_open_one() {
    let mut centre = automatic();
    let callback = Some(CallbackOrder { number: "+77010000000".into(), principals: "all".into() });
    let open = centre.push(EnqueueContact { callback: callback.clone(), ..contact("1", "a", 3) });
    let again = EnqueueContact { callback: callback.clone(), ..contact("2", "b", 3) };
    let reply = centre.ok(Command::EnqueueContact(Box::new(again.clone())));
    let Reply::Merged { contact: merged, into } = reply else { panic!("{reply:?}") };
    assert_eq!(into, open);
    assert_eq!(centre.view("1").sources, 2);
    assert_eq!(centre.ok(Command::EnqueueContact(Box::new(again))), Reply::Merged { contact: merged, into });
    centre.ready(operator("anna"));
    centre.complete("1");
    centre.push(EnqueueContact { callback, ..contact("3", "a", 3) });
}

#[test]
fn promise_3_the_same_key_gets_the_first_answer_and_another_body_is_refused() {
    let mut centre = automatic();
    let id = centre.push(contact("1", "a", 2));
    assert_eq!(centre.push(contact("1", "a", 2)), id);
    assert_eq!(
        centre.apply(Command::EnqueueContact(Box::new(contact("1", "a", 3)))),
        Err(Refusal::KeyReused { contact: id })
    );
    centre.ok(Command::AbandonContact(AbandonContact {
        gateway: centre.gateway,
        epoch: Epoch(1),
        contact: id,
    }));
    centre.tick(1_000 + 3_599_999);
    assert_eq!(centre.push(contact("1", "a", 2)), id, "remembered for the key window");
    centre.tick(1_000 + 3_600_000);
    assert_ne!(centre.push(contact("1", "a", 2)), id, "then the key is free");
}

#[test]
fn a_customer_who_leaves_while_it_rings_costs_the_operator_no_place() {
    let mut centre = offering(20_000);
    centre.ready(operator("anna"));
    centre.at += 1;
    centre.ready(operator("boris"));
    centre.at += 1;
    let contact_id = centre.push(contact("1", "a", 2));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
    let gateway = centre.gateway;
    centre.ok(Command::AbandonContact(AbandonContact { gateway, epoch: Epoch(1), contact: contact_id }));
    centre.push(contact("2", "a", 2));
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}

#[test]
fn a_lost_stream_sends_offers_back_at_once_and_talks_after_the_grace() {
    let mut centre = offering(20_000);
    centre.ready(OperatorPlan { capacity: 200, ..operator("anna") });
    centre.push(contact("talk", "a", 2));
    centre.ok_answer("talk", Command::AcceptOffer);
    centre.push(contact("ring", "a", 2));
    let (party, epoch) = (Party::Operator(centre.operator("anna")), centre.epoch("anna"));
    centre.ok(Command::LoseSession(LoseSession { party, epoch }));
    assert_eq!(centre.with("ring"), None);
    assert_eq!(centre.with("talk").as_deref(), Some("anna"));
    centre.tick(15_999);
    assert_eq!(centre.with("talk").as_deref(), Some("anna"));
    centre.tick(16_000);
    assert_eq!(centre.with("talk"), None);
    assert_eq!(
        centre.router.operator(centre.operator("anna")).expect("known").presence,
        PresenceState::Offline
    );
}

#[test]
fn a_resumed_session_keeps_its_talks_and_fences_the_old_stream() {
    let mut centre = automatic();
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 2));
    let old = centre.answer("1");
    let party = Party::Operator(centre.operator("anna"));
    centre.ok(Command::NodeLost(NodeLost { node: NodeId(1), incarnation: Incarnation(1) }));
    centre.tick(1_001);
    let resumed =
        OpenSession { node: NodeId(2), nonce: 8, resume: Some(Epoch(1)), ..open(Role::Operator, "anna", 8) };
    assert_eq!(centre.ok(Command::OpenSession(resumed.clone())), Reply::Opened { party, epoch: Epoch(2) });
    assert_eq!(centre.ok(Command::OpenSession(resumed)), Reply::Opened { party, epoch: Epoch(2) });
    let complete = |answer| {
        Command::CompleteContact(CompleteContact {
            answer,
            wrap_up: None,
            step: CaseStep::Next,
            result: None,
        })
    };
    assert_eq!(centre.apply(complete(old.clone())), Err(Refusal::StaleEpoch { current: Epoch(2) }));
    centre.ok(complete(AnswerOffer { epoch: Epoch(2), ..old }));
}

#[test]
fn p041_an_operator_who_is_signed_in_cannot_sign_in_twice() {
    let mut centre = automatic();
    centre.ready(operator("anna"));
    assert_eq!(
        centre.apply(Command::OpenSession(open(Role::Operator, "anna", 9))),
        Err(Refusal::AlreadySignedIn)
    );
    assert_eq!(
        centre.apply(Command::OpenSession(open(Role::Operator, "zoya", 9))),
        Err(Refusal::UnknownOperator("zoya".into()))
    );
}

#[test]
fn i12_time_never_goes_back() {
    let mut centre = automatic();
    centre.tick(5_000);
    centre.tick(4_000);
    assert_eq!(centre.router.now(), Timestamp(5_000));
}

#[test]
fn no_entry_fires_more_than_256_timers() {
    let mut centre = automatic();
    for n in 0..600 {
        centre.push(EnqueueContact { not_before: Some(Timestamp(9_000)), ..contact(&n.to_string(), "a", 2) });
    }
    centre.tick(9_000);
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(9_000)));
    centre.tick(9_000);
    centre.tick(9_000);
    assert_eq!(centre.router.next_deadline(), None);
}

#[test]
fn a_snapshot_continues_bit_for_bit() {
    let mut centre = offering(20_000);
    centre.ready(operator("anna"));
    for n in 0..100 {
        centre.push(contact(&n.to_string(), "a", (n % 5 + 2) as u8));
    }
    let snapshot = centre.router.snapshot();
    let bytes = snapshot.encode();
    let mut restored = Router::restore(&bytes).expect("encoded just now");
    assert_eq!(restored.snapshot().encode(), bytes);
    centre.tick(30_000);
    restored.apply(Timestamp(30_000), &Command::Tick);
    assert_eq!(restored.chain(), centre.router.chain());
    assert_eq!(restored.snapshot().encode(), centre.router.snapshot().encode());
    assert_eq!(snapshot.encode(), bytes, "a view does not see what came later");
}

#[test]
fn a_damaged_snapshot_is_never_served() {
    let mut centre = automatic();
    centre.push(contact("1", "a", 2));
    let bytes = centre.router.snapshot().encode();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        assert!(Router::restore(&flipped).is_err(), "a flipped bit in byte {at} goes unseen");
    }
    assert_eq!(Router::restore(&bytes[..10]).err(), Some(SnapshotError::Foreign));
}

#[test]
fn bad_fields_are_refused_by_name_and_nothing_is_half_done() {
    let mut centre = automatic();
    let long = "k".repeat(257);
    let cases: Vec<(EnqueueContact, &str)> = vec![
        (contact("", "a", 2), "key: is empty"),
        (contact(&long, "a", 2), "key: has 257 bytes; at most 256 are allowed"),
        (contact("1", "a", 10), "tier: tiers are 0 to 9"),
        (EnqueueContact { skills: vec![("voice".into(), 11)], ..contact("1", "a", 2) }, "skills: level 11"),
        (EnqueueContact { not_before: Some(Timestamp(u64::MAX)), ..contact("1", "a", 2) }, "not_before_ms: "),
        (EnqueueContact { head_start: Millis(u64::MAX), ..contact("1", "a", 2) }, "head_start_ms: "),
        (contact("1", "none", 2), "queue: the plan has no queue"),
        (
            EnqueueContact { channel: "fax".into(), ..contact("1", "a", 2) },
            "channel: the plan has no channel",
        ),
        (
            EnqueueContact { skills: vec![("x".into(), 1)], ..contact("1", "a", 2) },
            "skills: the plan has no skill",
        ),
        (
            EnqueueContact { scope: Some("moon".into()), ..contact("1", "a", 2) },
            "unit: the plan has no org unit",
        ),
    ];
    for (command, message) in cases {
        let refusal = centre.apply(Command::EnqueueContact(Box::new(command))).expect_err(message);
        assert!(refusal.to_string().starts_with(message), "{refusal}");
    }
    assert_eq!(centre.router.contacts().count(), 0);
}
