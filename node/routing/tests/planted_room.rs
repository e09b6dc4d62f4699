//! Each mistake about room, companions, wrap-up and results shows in one hour of a small centre. One test alone: a mistake
//! is made in the whole process.
#![cfg(feature = "planted")]

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::planted::{Planted, plant};
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const MINUTE: u64 = 60_000;

fn hour_plan() -> Plan {
    let results = ResultRule { topics: vec![], outcomes: vec!["solved".into()] };
    let calls =
        QueueRules { reserve_after: Some(Millis(MINUTE)), results: Some(results), ..QueueRules::default() };
    let chats = QueueRules { cap: Some(2), ..QueueRules::default() };
    let queue = |name: &str, rules| QueuePlan { rules, ..QueuePlan::named(name) };
    let mut plan = plan(vec![queue("calls", calls), queue("chats", chats), QueuePlan::named("mail")]);
    plan.rules.companion = Some(Millis(10 * MINUTE));
    plan
}

fn from(key: &str, queue: &str, phone: &str) -> EnqueueContact {
    let facts = Facts { phone: Some(phone.into()), ..Facts::default() };
    EnqueueContact { channel: "chat".into(), facts, ..contact(key, queue, 3) }
}

fn complete(centre: &mut Centre, key: &str, result: Option<ContactResult>) -> Result<Reply, Refusal> {
    let answer = centre.answer(key);
    let step = CaseStep::Next;
    centre.apply(Command::CompleteContact(CompleteContact { answer, wrap_up: None, step, result }))
}

/// All that is told in the hour, and who has what at some moments.
fn hour() -> Vec<String> {
    let mut centre = Centre::new(hour_plan());
    let rules = OperatorRules {
        units: vec![("chat".into(), 40)],
        wrap_up: Some(Millis(MINUTE)),
        ..OperatorRules::default()
    };
    centre.ready(OperatorPlan { rules, capacity: 140, ..operator("anna") });
    let mut seen = Vec::new();
    centre.push(EnqueueContact { channel: "voice".into(), ..from("call", "calls", "+1") });
    let (answer, number, channel) = (centre.answer("call"), "+2".into(), "chat".into());
    centre.ok(Command::InviteCompanion(Box::new(InviteCompanion { answer, number, channel })));
    let bytes = centre.router.snapshot().encode();
    centre.router = Router::restore(&bytes).expect("reads what it wrote");
    seen.push(format!("{:?}", centre.view("call").invitation));
    seen.push(format!("{:?}", complete(&mut centre, "call", None)));
    let result = ContactResult { topic: "bill".into(), outcome: "solved".into() };
    let answered = complete(&mut centre, "call", Some(result));
    seen.push(format!("{answered:?} {:?}", centre.view("call").state));
    centre.tick(5 * MINUTE);
    for (n, queue) in ["chats", "chats", "chats", "mail"].into_iter().enumerate() {
        centre.push(from(&format!("chat {n}"), queue, "+3"));
        seen.push(format!("{:?}", centre.with(&format!("chat {n}"))));
    }
    centre.push(EnqueueContact { channel: "voice".into(), ..from("heavy", "calls", "+4") });
    centre.tick(20 * MINUTE);
    let used = centre.router.operator(centre.operator("anna")).expect("known").used;
    seen.push(format!("{used} {:?}", centre.view("heavy").reserved.is_some()));
    centre.push(from("late", "mail", "+2"));
    seen.push(format!("{:?}", centre.view("late").companion_of));
    seen
}

#[test]
fn each_planted_mistake_shows() {
    let sound = hour();
    for mistake in [
        Planted::OwnUnitsIgnored,
        Planted::QueueCapIgnored,
        Planted::NobodyReserved,
        Planted::InvitationNeverLapses,
        Planted::InvitationsLeftOut,
        Planted::OwnWrapUpIgnored,
        Planted::ResultNotAsked,
    ] {
        plant(Some(mistake));
        let seen = std::panic::catch_unwind(hour);
        plant(None);
        assert_ne!(seen.ok(), Some(sound.clone()), "{mistake:?} is not seen");
    }
}
