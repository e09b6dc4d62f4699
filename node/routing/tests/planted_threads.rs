//! Each mistake about threads shows in an hour of a small centre. One test alone: a mistake is made in the whole process.
#![cfg(feature = "planted")]

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::planted::{Planted, plant};
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

fn chat(key: &str, tier: u8) -> EnqueueContact {
    EnqueueContact { channel: "chat".into(), units: Some(50), ..contact(key, "chats", tier) }
}

fn write(centre: &mut Centre, key: &str, number: u64, by: Writer) -> Result<Reply, Refusal> {
    let (gateway, contact) = (centre.gateway, centre.view(key).id);
    centre.apply(Command::NoteMessage(NoteMessage { gateway, epoch: Epoch(1), contact, number, by }))
}

fn see(centre: &Centre, seen: &mut Vec<String>) {
    let rests = |key: &String| centre.view(key).thread.map(|thread| (thread.rests, thread.since));
    let with: Vec<_> =
        centre.contacts.keys().map(|key| (key.clone(), centre.with(key), rests(key))).collect();
    seen.push(format!("{:?} {with:?}", centre.effects));
}

fn hour() -> Vec<String> {
    let times = ThreadTimes {
        first_reply: Some(Millis(30_000)),
        next_reply: Some(Millis(60_000)),
        warn_before: Millis(10_000),
        requeue_after: Some(Millis(20_000)),
        park_after: Some(Millis(120_000)),
        close_after: Some(Millis(3_000_000)),
        keep_for: Millis(30_000),
    };
    let rules = QueueRules { thread: Some(ThreadRules { channels: vec![], times }), ..QueueRules::default() };
    let chats = QueuePlan { wrap_up: Millis(0), rules, ..QueuePlan::named("chats") };
    let mut centre =
        Centre::new(plan(vec![chats, QueuePlan { wrap_up: Millis(0), ..QueuePlan::named("calls") }]));
    let mut seen = Vec::new();
    centre.ready(operator("anna"));
    centre.push(chat("1", 5));
    centre.ready(OperatorPlan { capacity: 10, ..operator("boris") });
    let answer = centre.answer("1");
    seen.push(format!("{:?}", centre.apply(Command::HoldContact(HoldContact { answer, on: true }))));
    centre.tick(60_000);
    see(&centre, &mut seen);
    centre.put(OperatorPlan { capacity: 50, ..operator("boris") });
    see(&centre, &mut seen);
    let _ = write(&mut centre, "1", 1, Writer::Operator);
    centre.at += 1_000;
    let _ = write(&mut centre, "1", 1, Writer::Operator);
    see(&centre, &mut seen);
    centre.tick(centre.at + 120_000);
    centre.router = Router::restore(&centre.router.snapshot().encode()).expect("it reads what it wrote");
    see(&centre, &mut seen);
    centre.push(EnqueueContact { units: Some(100), ..contact("a", "calls", 5) });
    centre.push(EnqueueContact { units: Some(50), ..contact("b", "calls", 3) });
    centre.push(EnqueueContact { units: Some(50), ..contact("c", "calls", 3) });
    let _ = write(&mut centre, "1", 2, Writer::Customer);
    see(&centre, &mut seen);
    if centre.with("b").is_some() {
        centre.complete("b");
    }
    see(&centre, &mut seen);
    let _ = write(&mut centre, "1", 3, Writer::Operator);
    centre.push(chat("life", 0));
    let _ = write(&mut centre, "life", 1, Writer::Operator);
    centre.tick(centre.at + 121_000);
    see(&centre, &mut seen);
    let (party, epoch) = (Party::Operator(centre.operator("boris")), centre.epoch("boris"));
    centre.ok(Command::CloseSession(CloseSession { party, epoch }));
    see(&centre, &mut seen);
    centre.tick(centre.at + 2_900_000);
    see(&centre, &mut seen);
    seen
}

#[test]
fn each_mistake_about_threads_shows() {
    let sound = hour();
    for mistake in [
        Planted::SilentKeepsThread,
        Planted::SilentNotExcluded,
        Planted::ThreadNeverRests,
        Planted::ThreadBehindNew,
        Planted::MessageNotedAgain,
        Planted::SilentFloodsQueue,
        Planted::LifeSafetySilenced,
        Planted::HeldUnanswered,
        Planted::ThreadsLeftOut,
    ] {
        plant(Some(mistake));
        let made = std::panic::catch_unwind(hour);
        plant(None);
        assert!(made.is_err() || made.is_ok_and(|seen| seen != sound), "{mistake:?} does not show");
    }
}
