//! Each mistake about people and bots that the core can be told to make changes what somebody is told.

#![cfg(feature = "planted")]

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::planted::{Planted, plant};
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

/// A queue where bots answer, and one of people, whose steps and hours are of no matter here.
fn plan_with_bot() -> Plan {
    let rules = QueueRules { people_queue: Some("people".into()), ..QueueRules::default() };
    let bots = QueuePlan { rules, required: vec![("chat".into(), 1)], ..QueuePlan::named("bots") };
    let people = QueuePlan { required: vec![("voice".into(), 1)], ..QueuePlan::named("people") };
    plan(vec![bots, people])
}

fn bot(login: &str) -> OperatorPlan {
    let rules = OperatorRules { bot: true, ..OperatorRules::default() };
    OperatorPlan { rules, capacity: 10_000, ..operator(login) }
}

fn person(login: &str) -> OperatorPlan {
    OperatorPlan { skills: vec![("voice".into(), 5)], ..operator(login) }
}

fn centre() -> Centre {
    let mut centre = Centre::new(plan_with_bot());
    centre.ready(bot("robot"));
    centre
}

fn ask(centre: &mut Centre, key: &str, context: Option<Context>, danger: bool) -> Result<Reply, Refusal> {
    let by = Requester::Bot(centre.answer(key));
    centre.apply(Command::RequestPerson(Box::new(RequestPerson { by, context, danger })))
}

fn ask_by_gateway(centre: &mut Centre, key: &str) -> Result<Reply, Refusal> {
    let (gateway, epoch, contact) = (centre.gateway, Epoch(1), centre.view(key).id);
    let by = Requester::Gateway { gateway, epoch, contact };
    centre.apply(Command::RequestPerson(Box::new(RequestPerson { by, context: None, danger: false })))
}

/// A minute with a bot, a person and a request; what everybody was told.
fn minute() -> (Vec<Effect>, u64) {
    let mut centre = centre();
    let mut seen = Vec::new();
    centre.push(contact("1", "bots", 5));
    centre.at += 60_000;
    ask(&mut centre, "1", None, false).expect("always possible");
    seen.append(&mut centre.effects);
    centre.presence("robot", DeclaredPresence::NotReady(1));
    centre.push(contact("2", "people", 5));
    centre.at += 1_000;
    ask_by_gateway(&mut centre, "2").expect("always possible");
    centre.push(EnqueueContact { head_start: Millis(30_000), ..contact("3", "people", 5) });
    centre.ready(person("anna"));
    seen.append(&mut centre.effects);
    (seen, 0)
}

/// A shift ends with a note; how many bytes whoever goes on reads.
fn evening() -> (Vec<Effect>, u64) {
    let mut centre = Centre::new(plan(vec![QueuePlan::named("a")]));
    centre.ready(operator("anna"));
    let notes = vec![(centre.push(contact("1", "a", 5)), "half done".into())];
    let from = HandOverFrom::Operator("anna".into());
    let action = Action::HandOver(Box::new(HandOver { from, to: None, hold: Millis(0), notes }));
    centre.ok(Command::Act(Box::new(Act { by: "sv".into(), key: "k".into(), action })));
    let read = centre.view("1").note.map_or(0, |note| note.len() as u64);
    (core::mem::take(&mut centre.effects), read)
}

/// Anna, for whom a contact waits, loses the skill for it; boris has it.
fn unlearned() -> (Vec<Effect>, u64) {
    let rules = QueueRules { choice: Choice::RoundRobin, ..QueueRules::default() };
    let mut centre = Centre::new(plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }]));
    let skilled = OperatorPlan { skills: vec![("kk".into(), 5)], ..operator("anna") };
    centre.ready(skilled.clone());
    centre.push(contact("busy", "a", 5));
    let preferred = Some(("anna".into(), Millis(600_000)));
    centre.push(EnqueueContact { skills: vec![("kk".into(), 3)], preferred, ..contact("1", "a", 5) });
    centre.ready(OperatorPlan { login: "boris".into(), ..skilled });
    centre.effects.clear();
    centre.put(operator("anna"));
    (core::mem::take(&mut centre.effects), u64::from(centre.with("1").is_some()))
}

/// Somebody asks a queue and lets the customer join; what everybody was told, and how many were connected.
fn question() -> (Vec<Effect>, u64) {
    let mut centre = Centre::new(plan(vec![QueuePlan::named("a")]));
    centre.ready(OperatorPlan { capacity: 300, ..operator("anna") });
    centre.push(contact("1", "a", 5));
    let (answer, to) = (centre.answer("1"), ConsultTarget::Queue("a".into()));
    centre.ok(Command::Consult(Consult { answer, to, units: None }));
    let mut seen = core::mem::take(&mut centre.effects);
    centre.ready(operator("boris"));
    let (answer, leg) = (centre.answer("1"), centre.view("1").legs[0]);
    centre.ok(Command::JoinConsult(JoinConsult { answer, leg, on: true }));
    seen.append(&mut centre.effects);
    centre.complete("1");
    seen.append(&mut centre.effects);
    (seen, centre.router.queues()[0].totals.connected)
}

/// A day that a mistake changes.
type Day = fn() -> (Vec<Effect>, u64);

#[test]
fn every_mistake_about_people_together_shows() {
    let mistakes: [(Planted, Day); 10] = [
        (Planted::HeldForUnfit, unlearned),
        (Planted::BackToTheBot, minute),
        (Planted::BotTimeCountsAsWaiting, minute),
        (Planted::ChannelOfOrphanIgnored, absence),
        (Planted::StayEndsWithAbsence, absence),
        (Planted::LegOutlivesMatter, question),
        (Planted::LegCountsAsCustomer, question),
        (Planted::AskerIsAsked, question),
        (Planted::ConferenceNotTold, question),
        (Planted::NoteOfHandOverLost, evening),
    ];
    for (mistake, day) in mistakes {
        plant(None);
        let right = day();
        plant(Some(mistake));
        // An invariant that is broken shows too.
        let wrong = std::panic::catch_unwind(day);
        assert!(wrong.map_or(true, |seen| seen != right), "{mistake:?}");
    }
    plant(None);
}

/// An operator who is lost, comes back without room, and leaves; what everybody was told.
fn absence() -> (Vec<Effect>, u64) {
    let orphans = vec![("chat".into(), OrphanRule::Stay)];
    let rules = QueueRules { orphans, ..QueueRules::default() };
    let mut centre = Centre::new(plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }]));
    centre.ready(operator("anna"));
    let chat = EnqueueContact { channel: "chat".into(), units: Some(100), ..contact("1", "a", 5) };
    centre.push(chat);
    let mut seen = Vec::new();
    let sign_out = |centre: &mut Centre| {
        let (party, epoch) = (Party::Operator(centre.operator("anna")), centre.epoch("anna"));
        centre.ok(Command::CloseSession(CloseSession { party, epoch }));
    };
    sign_out(&mut centre);
    seen.append(&mut centre.effects);
    centre.put(OperatorPlan { capacity: 50, ..operator("anna") });
    centre.ok(Command::OpenSession(open(Role::Operator, "anna", 8)));
    centre.presence("anna", DeclaredPresence::Ready);
    centre.ready(operator("boris"));
    seen.append(&mut centre.effects);
    sign_out(&mut centre);
    seen.append(&mut centre.effects);
    (seen, 0)
}
