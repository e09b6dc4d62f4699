//! Contacts whom nobody at all could serve, whoever signs in: refused, or taken where their queue says.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

/// Queue a, whose stranded contacts go to b; anna speaks no Kazakh.
fn centre() -> Centre {
    let rules = QueueRules { stranded_to: Some("b".into()), ..QueueRules::default() };
    let mut centre =
        Centre::new(plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }, QueuePlan::named("b")]));
    centre.put(operator("anna"));
    centre
}

fn change(centre: &mut Centre, change: impl FnOnce(&mut Plan)) -> Result<Reply, Refusal> {
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    change(&mut plan);
    centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: Some("olga".into()) })))
}

fn ask_for_kazakh(plan: &mut Plan) {
    plan.queues[0].required = vec![("kk".into(), 1)];
}

fn queue_of(centre: &Centre, key: &str) -> String {
    centre.router.contact(centre.contacts[key]).expect("known").queue.to_string()
}

#[test]
fn those_whom_a_plan_strands_go_where_their_queue_says_and_keep_their_place() {
    let mut centre = centre();
    centre.push(contact("1", "a", 3));
    centre.at += 5_000;
    centre.push(contact("2", "b", 3));
    change(&mut centre, ask_for_kazakh).expect("there is a way out");
    assert_eq!(centre.router.next_deadline(), Some(centre.router.now()), "a job is under way");
    centre.tick(7_000);
    assert_eq!(queue_of(&centre, "1"), "b");
    let moved = |effect: &Effect| matches!(effect, Effect::AnnounceMoved { queue: QueueId(1), .. });
    assert!(centre.effects.iter().any(moved), "the gateway hears of it");
    assert_eq!(centre.router.next_deadline(), None);
    centre.ready(operator("boris"));
    assert_eq!(centre.with("1").as_deref(), Some("boris"), "it came before the other one");
}

#[test]
fn a_way_out_that_leads_to_nobody_is_none() {
    let mut centre = centre();
    let skills = vec![("chat".into(), 3)];
    centre.push(EnqueueContact { skills, ..contact("1", "a", 3) });
    let refused = change(&mut centre, |plan| {
        ask_for_kazakh(plan);
        plan.queues[1].required = vec![("kk".into(), 1)];
    });
    assert_eq!(refused, Err(Refusal::WouldStrand { queue: "a".into(), contacts: 1 }));
}

#[test]
fn what_a_contact_asks_for_itself_holds_in_the_other_queue_too() {
    let mut centre = centre();
    let kazakh = OperatorPlan { skills: vec![("kk".into(), 5)], ..operator("kairat") };
    centre.put(kazakh.clone());
    centre.push(EnqueueContact { skills: vec![("kk".into(), 1)], ..contact("own", "a", 3) });
    change(&mut centre, ask_for_kazakh).expect("kairat could");
    centre.push(contact("by queue", "a", 3));
    centre.put(OperatorPlan { skills: vec![("voice".into(), 5)], ..kazakh });
    centre.tick(2_000);
    assert_eq!((&*queue_of(&centre, "own"), &*queue_of(&centre, "by queue")), ("a", "b"));
}

#[test]
fn the_last_one_with_a_skill_who_leaves_strands_nobody_who_has_a_way_out() {
    let mut centre = centre();
    let skilled = OperatorPlan { skills: vec![("kk".into(), 5)], ..operator("kairat") };
    centre.put(skilled.clone());
    change(&mut centre, ask_for_kazakh).expect("nobody waits");
    let later = EnqueueContact { not_before: Some(Timestamp(60_000)), ..contact("later", "a", 3) };
    centre.push(later);
    let held =
        EnqueueContact { preferred: Some(("kairat".into(), Millis(60_000))), ..contact("held", "a", 3) };
    centre.push(held);
    centre.put(OperatorPlan { skills: vec![], ..skilled });
    centre.push(contact("behind", "a", 3));
    centre.tick(2_000);
    assert_eq!((&*queue_of(&centre, "later"), &*queue_of(&centre, "held")), ("b", "b"));
    assert_eq!(queue_of(&centre, "behind"), "a", "it came when nobody could serve it");
    let row = centre.router.contact(centre.contacts["later"]).expect("known");
    assert_eq!(row.enqueued_at, Timestamp(60_000), "it waits for its time there too");
}

#[test]
fn a_thousand_stranded_contacts_move_some_at_a_time_also_after_a_restart() {
    let mut centre = centre();
    for key in 0..1_200 {
        centre.push(contact(&key.to_string(), "a", 3));
    }
    change(&mut centre, ask_for_kazakh).expect("there is a way out");
    let waiting = |centre: &Centre| centre.router.queues()[1].waiting;
    let mut counts = Vec::new();
    while centre.router.next_deadline().is_some() {
        let bytes = centre.router.snapshot().encode();
        let restored = Router::restore(&bytes).expect("a sound snapshot");
        centre.router = restored;
        centre.ok(Command::Tick);
        counts.push(waiting(&centre));
    }
    assert_eq!(counts, [500, 1_000, 1_200]);
}

#[test]
fn a_queue_that_names_itself_or_nobody_is_refused() {
    let mut centre = centre();
    let itself = change(&mut centre, |plan| plan.queues[0].rules.stranded_to = Some("a".into()));
    assert!(matches!(itself, Err(Refusal::PlanConflict(_))), "{itself:?}");
    let unknown = change(&mut centre, |plan| plan.queues[0].rules.stranded_to = Some("c".into()));
    assert_eq!(unknown, Err(Refusal::UnknownQueue("c".into())));
}
