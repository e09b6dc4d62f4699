//! Each mistake about enquiries shows in an hour of a small centre. One test alone: a mistake is made in the whole
//! process.
#![cfg(feature = "planted")]

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::planted::{Planted, plant};
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const MINUTE: u64 = 60_000;

fn plan_with(term: u64) -> Plan {
    let mut plan = plan(vec![QueuePlan::named("calls")]);
    plan.queues[0].rules.leads = vec!["lea".into()];
    let addressees = vec![Addressee { name: "dispatcher".into(), term: Millis(term), calendar: None }];
    plan.rules.enquiries = Some(EnquiryRule { keep_for: Millis(MINUTE), remind_percent: 50, addressees });
    plan
}

fn ask(centre: &mut Centre, key: &str, question: &str, call: Option<(&str, u64)>) -> EnquiryId {
    let call = call.map(|(number, at)| PromisedCall {
        order: CallbackOrder { number: number.into(), principals: "grid".into() },
        channel: "voice".into(),
        not_before: Timestamp(at),
        // Who is still in wrap-up is no order to join.
        wrap_up: Some(Millis(if number == "+72" { 5_000 } else { 0 })),
    });
    let (answer, to, question) = (centre.answer(key), "dispatcher".into(), question.into());
    let command = BeginEnquiry { answer, to, question, term: None, call };
    let Reply::Asked { enquiry } = centre.ok(Command::BeginEnquiry(Box::new(command))) else {
        panic!("asked")
    };
    enquiry
}

fn close(centre: &mut Centre, login: &str, enquiry: EnquiryId, answer: Option<&str>) -> String {
    let (operator, epoch) = (centre.operator(login), centre.epoch(login));
    let answer = answer.map(Into::into);
    let command = CloseEnquiry { operator, epoch, enquiry, answer };
    format!("{:?}", centre.apply(Command::CloseEnquiry(Box::new(command))))
}

fn see(centre: &Centre, seen: &mut Vec<String>) {
    let calls: Vec<_> = centre
        .router
        .contacts()
        .map(|contact| (contact.key, contact.state, contact.note, contact.enqueued_at))
        .collect();
    let (enquiries, _) = centre.router.enquiries_from(&EnquiryFilter::default(), 0, 100, 100);
    seen.push(format!("{:?} {calls:?} {enquiries:?}", centre.effects));
}

fn hour() -> Vec<String> {
    let (mut centre, mut seen) = (Centre::new(plan_with(20 * MINUTE)), Vec::new());
    centre.ready(operator("anna"));
    centre.ready(OperatorPlan { unit: Some("north".into()), ..operator("lea") });
    centre.presence("lea", DeclaredPresence::NotReady(1));
    centre.push(contact("1", "calls", 3));
    let first = ask(&mut centre, "1", "when", None);
    ask(&mut centre, "1", "when", None);
    seen.push(close(&mut centre, "lea", first, Some("never")));
    let second = ask(&mut centre, "1", "why", Some(("+71", 50 * MINUTE)));
    close(&mut centre, "anna", first, Some("at six"));
    see(&centre, &mut seen);
    close(&mut centre, "anna", second, None);
    see(&centre, &mut seen);
    centre.complete("1~1");
    let order = CallbackOrder { number: "+72".into(), principals: "grid".into() };
    centre.push(EnqueueContact { callback: Some(order), ..contact("2", "calls", 3) });
    let third = ask(&mut centre, "2", "when", Some(("+72", 40 * MINUTE)));
    see(&centre, &mut seen);
    close(&mut centre, "anna", third, None);
    see(&centre, &mut seen);
    centre.tick(centre.at + 6_000);
    centre.push(contact("3", "calls", 3));
    ask(&mut centre, "3", "when", Some(("+73", 45 * MINUTE)));
    let plan = Plan { version: 2, ..plan_with(15 * MINUTE) };
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
    let (party, epoch) = (Party::Operator(centre.operator("anna")), centre.epoch("anna"));
    centre.ok(Command::CloseSession(CloseSession { party, epoch }));
    for minute in [10, 15, 20, 40, 45, 60] {
        centre.tick(minute * MINUTE + 1_000);
        see(&centre, &mut seen);
    }
    seen
}

#[test]
fn each_mistake_about_enquiries_shows() {
    let sound = hour();
    for mistake in [
        Planted::EnquiryAskedTwice,
        Planted::EnquiryClosedByAnybody,
        Planted::EnquiryFollowsPlan,
        Planted::FreedOrderIsPromise,
        Planted::PromiseAwaitsAnswer,
        Planted::PromiseByFirstAnswer,
        Planted::WithdrawalReleases,
        Planted::AnswerNotNoted,
        Planted::ReminderToNobody,
    ] {
        plant(Some(mistake));
        let made = std::panic::catch_unwind(hour);
        plant(None);
        assert!(made.is_err() || made.is_ok_and(|seen| seen != sound), "{mistake:?} does not show");
    }
}
