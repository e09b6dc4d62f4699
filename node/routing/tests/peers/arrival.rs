//! What an arrival meets: entry rules, and what it gets when nobody can serve it.

use ringmain_routing::command::*;
use ringmain_routing::effect::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;

use super::ruled;
use super::support::*;

fn deflecting(when: DeflectWhen, to: Treatment) -> Centre {
    let deflections = vec![Deflection { when, to }];
    ruled(QueueRules { deflections, ..QueueRules::default() })
}

fn push(centre: &mut Centre, key: &str) -> Result<Reply, Refusal> {
    centre.apply(Command::EnqueueContact(Box::new(contact(key, "a", 3))))
}

/// Queues `first`, `second` and `default`; two rules, the second of which asks for less.
fn entering() -> Centre {
    let queues = ["first", "second", "default"].map(QueuePlan::named);
    let mut plan = plan(queues.to_vec());
    let about = |name: &str, topics: &[&str]| EntryRule {
        name: name.into(),
        when: When { topics: topics.iter().map(|topic| Name::from(*topic)).collect(), ..When::default() },
        then: Then { queue: Some(name.into()), ..Then::default() },
    };
    plan.rules.entry = vec![about("first", &["bill:late"]), about("second", &["bill*"])];
    plan.rules.default_queue = Some("default".into());
    Centre::new(plan)
}

fn about(key: &str, topic: &str) -> EnqueueContact {
    let details = ContactDetails { topic: Some(topic.into()), ..ContactDetails::default() };
    EnqueueContact { details, ..contact(key, "", 3) }
}

#[test]
fn p082_with_everybody_away_a_queue_may_refuse() {
    let mut centre = deflecting(DeflectWhen::NobodyReady, Treatment::Refuse);
    centre.ready(operator("anna"));
    centre.presence("anna", DeclaredPresence::NotReady(3));
    assert_eq!(push(&mut centre, "1"), Err(Refusal::NobodyThere("a".into())));
    assert!(centre.effects.is_empty());
    centre.presence("anna", DeclaredPresence::Ready);
    centre.push(contact("2", "a", 3));
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}

#[test]
fn p084_who_said_ready_and_is_gone_does_not_count() {
    let mut centre = deflecting(DeflectWhen::NobodySignedIn, Treatment::Refuse);
    let anna = centre.ready(operator("anna"));
    let epoch = centre.epoch("anna");
    centre.ok(Command::LoseSession(LoseSession { party: Party::Operator(anna), epoch }));
    centre.tick(1_000 + 15_000);
    assert_eq!(push(&mut centre, "1"), Err(Refusal::NobodyThere("a".into())), "the grace is over");
}

#[test]
fn p106_the_first_rule_that_holds_applies_and_no_other() {
    let mut centre = entering();
    centre.push(about("late", "bill:late"));
    centre.push(about("other", "bill:copy"));
    assert_eq!(["late", "other"].map(|key| centre.view(key).queue.to_string()), ["first", "second"]);
    let why = centre.router.why_contact(centre.contacts["late"]).expect("known");
    assert_eq!(why.rule.as_deref(), Some("first"));
}

#[test]
fn p108_what_no_rule_is_for_goes_to_the_default_queue() {
    let mut centre = entering();
    centre.push(about("1", "meter"));
    let why = centre.router.why_contact(centre.contacts["1"]).expect("known");
    assert_eq!((&*why.contact.queue, why.rule), ("default", None));
}

#[test]
fn p110_nobody_is_sent_away_who_can_be_served_at_once() {
    let mut centre = deflecting(DeflectWhen::NobodyReady, Treatment::Voicemail);
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 3));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
    centre.presence("anna", DeclaredPresence::NotReady(1));
    centre.push(contact("2", "a", 3));
    let reason = EndReason::Deflected(Treatment::Voicemail);
    assert_eq!(centre.view("2").state, ContactState::Ended { at: Timestamp(centre.at), reason });
}

#[test]
fn p126_a_queue_to_which_nobody_is_signed_in_may_refuse_with_a_code_of_its_own() {
    let mut centre = deflecting(DeflectWhen::NobodySignedIn, Treatment::Refuse);
    centre.put(operator("anna"));
    assert_eq!(push(&mut centre, "1").map_err(|refusal| refusal.code()), Err("nobody-there"));
}
