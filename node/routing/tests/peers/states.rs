//! A contact's life: offers that come to nothing, transfers, ends that leave nothing behind, restarts.

use ringmain_routing::command::*;
use ringmain_routing::effect::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;

use super::support::*;
use super::{chat, offering, plain, ruled};

#[test]
fn p037_a_customer_joined_with_somebody_else_by_its_gateway_is_one_completed_contact() {
    let mut centre = plain();
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 3));
    for on in [true, false] {
        let answer = centre.answer("1");
        centre.ok(Command::HoldContact(HoldContact { answer, on }));
    }
    centre.complete("1");
    let totals = centre.router.queues()[0].totals;
    assert_eq!((totals.entered, totals.connected, totals.completed), (1, 1, 1));
    assert_eq!((totals.abandoned, totals.requeued, totals.transferred), (0, 0, 0));
}

#[test]
fn p039_a_contact_that_was_passed_on_and_ended_leaves_nothing_behind() {
    let mut centre = plain();
    centre.ready(operator("anna"));
    centre.ready(operator("boris"));
    centre.push(contact("1", "a", 3));
    let answer = centre.answer("1");
    let to = TransferTarget::Operator { login: "boris".into(), hold: Millis(5_000), queue: None };
    centre.ok(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })));
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
    centre.complete("1");
    centre.at += 3_600_000;
    centre.tick(centre.at);
    assert_eq!(centre.router.contacts().count(), 0, "forgotten after the key window");
    assert_eq!(centre.router.next_deadline(), None, "no timer is left");
    for operator in centre.router.operators() {
        let left = (operator.used, operator.contacts, operator.exclusions, operator.wrap_ups);
        assert_eq!(left, (0, vec![], vec![], vec![]), "{}", operator.login);
    }
    let queue = &centre.router.queues()[0];
    assert_eq!((queue.waiting, queue.offered, queue.handling, queue.wrap_up), (0, 0, 0, 0));
    assert_eq!(centre.router.check_invariants(), Ok(()));
}

#[test]
fn p104_a_customer_who_has_no_answer_yet_is_not_put_on_hold() {
    let thread = Some(ThreadRules::default());
    let mut centre = ruled(QueueRules { thread, ..QueueRules::default() });
    centre.ready(operator("anna"));
    centre.push(chat("1"));
    let (answer, contact) = (centre.answer("1"), centre.view("1").id);
    let hold = HoldContact { answer, on: true };
    let refused = centre.apply(Command::HoldContact(hold.clone()));
    assert_eq!(refused, Err(Refusal::WrongState { contact, state: "unanswered".into() }));
    let (gateway, by) = (centre.gateway, Writer::Operator);
    centre.ok(Command::NoteMessage(NoteMessage { gateway, epoch: Epoch(1), contact, number: 1, by }));
    assert_eq!(centre.ok(Command::HoldContact(hold)), Reply::Done);
}

#[test]
fn p112_an_offer_declined_or_run_out_sends_the_contact_back_to_its_place() {
    for is_declined in [true, false] {
        let mut centre = offering();
        let operator = centre.ready(operator("anna"));
        let contact = centre.push(first());
        if is_declined {
            let answer = centre.answer("1");
            centre.ok(Command::DeclineOffer(answer));
        } else {
            centre.tick(21_000);
        }
        let reason = if is_declined { WithdrawReason::Declined } else { WithdrawReason::Unanswered };
        let (gateway, assignment) = (centre.gateway, AssignmentEpoch(1));
        let withdrawn = Effect::WithdrawAssignment { contact, gateway, operator, assignment, reason };
        assert_eq!(centre.effects[0], withdrawn);
        let view = centre.view("1");
        assert_eq!((view.state, view.enqueued_at), (ContactState::Waiting, Timestamp(1_000)));
    }
}

fn first() -> EnqueueContact {
    contact("1", "a", 3)
}

#[test]
fn p114_what_one_leaves_unanswered_another_may_take() {
    let mut centre = offering();
    centre.ready(operator("anna"));
    let contact = centre.push(contact("1", "a", 3));
    centre.ready(operator("boris"));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
    centre.tick(21_000);
    let (operator, assignment, deadline) = (centre.operator("boris"), AssignmentEpoch(2), Timestamp(41_000));
    let ring =
        Effect::RingOperator { contact, operator, assignment, deadline, mode: effect::OfferMode::Offered };
    assert!(centre.effects.contains(&ring), "{:?}", centre.effects);
}

#[test]
fn p128_who_waits_and_who_talks_is_there_after_a_restart_and_goes_on() {
    let mut centre = plain();
    centre.ready(operator("anna"));
    for key in ["talks", "waits", "later"] {
        centre.push(contact(key, "a", 3));
        centre.at += 1_000;
    }
    let before: Vec<ContactView> = centre.router.contacts().collect();
    centre.router = Router::restore(&centre.router.snapshot().encode()).expect("restores");
    assert_eq!(centre.router.contacts().collect::<Vec<_>>(), before);
    centre.complete("talks");
    let (contact, gateway) = (centre.contacts["waits"], centre.gateway);
    let (operator, assignment) = (centre.operator("anna"), AssignmentEpoch(1));
    let connect = Effect::ConnectContact { contact, gateway, operator, assignment };
    assert_eq!(centre.effects.last(), Some(&connect));
    assert_eq!((centre.with("waits").as_deref(), centre.with("later")), (Some("anna"), None));
}
