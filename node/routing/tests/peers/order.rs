//! Who is served next. Other systems' priorities grow with urgency, our tiers fall with it: priority p is tier 9 − p,
//! and none is tier 9. A position is one more than the contacts of the queue that stand before it.

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;

use super::support::*;
use super::{plain, ruled};

/// The contact's position in its queue, from 1.
fn position(centre: &Centre, key: &str) -> u32 {
    centre.router.why_contact(centre.contacts[key]).expect("known").ahead + 1
}

/// The line of the first system's test, as far as its keys are given, each a second after the one before.
fn line(keys: &[(&str, u8)]) -> Centre {
    let mut centre = plain();
    for (key, priority) in keys {
        centre.at += 1_000;
        centre.push(contact(key, "a", 9 - priority));
    }
    centre
}

#[test]
fn p001_a_contact_without_priority_joins_an_empty_queue_at_its_front() {
    let centre = line(&[("1", 0)]);
    assert_eq!(position(&centre, "1"), 1);
}

#[test]
fn p003_priority_1_joins_before_those_without() {
    let centre = line(&[("1", 0), ("2", 0), ("urgent", 1)]);
    assert_eq!(["urgent", "1", "2"].map(|key| position(&centre, key)), [1, 2, 3]);
}

#[test]
fn p005_priority_2_joins_before_priority_1() {
    let centre = line(&[("1", 0), ("2", 0), ("3", 1), ("4", 1), ("urgent", 2)]);
    assert_eq!(["urgent", "3", "4", "1", "2"].map(|key| position(&centre, key)), [1, 2, 3, 4, 5]);
}

#[test]
fn p009_no_wish_for_a_place_puts_the_more_urgent_behind_the_less_urgent() {
    let mut centre = line(&[("1", 0), ("2", 1), ("3", 2)]);
    centre.at += 1_000;
    centre.push(EnqueueContact { head_start: Millis(900_000), ..contact("early", "a", 9) });
    centre.push(contact("8", "a", 9 - 8));
    assert_eq!(["8", "3", "2", "early", "1"].map(|key| position(&centre, key)), [1, 2, 3, 4, 5]);
}

#[test]
fn p011_a_place_is_bought_inside_the_band_only() {
    let mut centre = line(&[("8", 8), ("2", 2), ("1", 1), ("1b", 1), ("0", 0)]);
    centre.at += 1_000;
    centre.push(EnqueueContact { head_start: Millis(2_500), ..contact("wish", "a", 9 - 1) });
    let places = ["8", "2", "1", "wish", "1b", "0"].map(|key| position(&centre, key));
    assert_eq!(places, [1, 2, 3, 4, 5, 6], "before who came 2 s earlier, behind who came 3 s earlier");
}

#[test]
fn p053_of_two_who_wait_the_one_who_waits_longer() {
    let mut centre = plain();
    centre.push(contact("two hours", "a", 3));
    centre.at += 3_600_000;
    centre.push(contact("one hour", "a", 3));
    centre.at += 3_600_000;
    centre.ready(operator("anna"));
    assert_eq!((centre.with("two hours").as_deref(), centre.with("one hour")), (Some("anna"), None));
}

#[test]
fn p057_who_has_waited_for_30_days_is_served() {
    let mut centre = plain();
    centre.push(contact("old", "a", 3));
    centre.at += 30 * 86_400_000;
    centre.ready(operator("anna"));
    assert_eq!(centre.with("old").as_deref(), Some("anna"));
}

#[test]
fn p116_an_operator_serves_the_queue_of_rank_0_first_and_the_other_when_it_is_empty() {
    let mut centre = Centre::new(plan(vec![QueuePlan::named("sales"), QueuePlan::named("support")]));
    centre.push(contact("support", "support", 3));
    centre.at += 1_000;
    centre.push(contact("sales", "sales", 3));
    centre.ready(OperatorPlan { ranks: vec![("support".into(), 1)], ..operator("anna") });
    assert_eq!((centre.with("sales").as_deref(), centre.with("support")), (Some("anna"), None));
    centre.complete("sales");
    assert_eq!(centre.with("support").as_deref(), Some("anna"), "no sales wait");
}

#[test]
fn p118_rank_goes_before_a_delay_that_is_over() {
    let own = Step { rank_max: 0, ..Step::default() };
    let backup = Step { after: Millis(20_000), rank_max: 1, ..Step::default() };
    let rules = QueueRules { ladder: vec![own, backup], ..QueueRules::default() };
    let third = QueuePlan { rules, ..QueuePlan::named("third") };
    let mut centre = Centre::new(plan(vec![QueuePlan::named("first"), QueuePlan::named("second"), third]));
    centre.push(contact("3", "third", 3));
    centre.tick(31_000);
    centre.push(contact("1", "first", 3));
    centre.push(contact("2", "second", 3));
    centre.push(contact("3 early", "third", 3));
    centre.ready(OperatorPlan { ranks: vec![("third".into(), 1)], ..operator("anna") });
    for key in ["1", "2", "3"] {
        assert_eq!(centre.with(key).as_deref(), Some("anna"), "{key} is next");
        centre.complete(key);
    }
    assert_eq!(centre.with("3 early"), None, "its 20 s are not over, though nobody else waits");
    centre.tick(51_000);
    assert_eq!(centre.with("3 early").as_deref(), Some("anna"));
}

#[test]
fn p122_a_last_step_is_waited_in_for_as_long_as_nobody_qualifies() {
    let mut centre = ruled(QueueRules { ladder: vec![Step::default()], ..QueueRules::default() });
    centre.ready(operator("anna"));
    centre.push(EnqueueContact { skills: vec![("kk".into(), 3)], ..contact("1", "a", 3) });
    assert_eq!(centre.router.next_deadline(), None, "nothing is due");
    centre.tick(7 * 86_400_000);
    let why = centre.router.why_contact(centre.contacts["1"]).expect("known");
    assert_eq!((why.step, why.kept_from), ((0, 1), vec![(WhyNot::Skill("kk".into()), 1)]));
    centre.put(OperatorPlan { skills: vec![("kk".into(), 3)], ..operator("anna") });
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn p124_the_flow_of_higher_priority_goes_first_in_the_line_and_to_the_operator() {
    let to = |queue: &str, tier| EntryRule {
        name: queue.into(),
        when: When { queues: vec![queue.into()], ..When::default() },
        then: Then { tier: Some(tier), ..Then::default() },
    };
    let mut plan = plan(vec![QueuePlan::named("a"), QueuePlan::named("b")]);
    plan.rules.entry = vec![to("a", 4), to("b", 2)];
    let mut centre = Centre::new(plan);
    centre.push(contact("low", "a", 9));
    centre.at += 60_000;
    centre.push(contact("high", "b", 9));
    assert_eq!(["low", "high"].map(|key| centre.view(key).tier), [4, 2]);
    centre.ready(operator("anna"));
    assert_eq!(centre.with("high").as_deref(), Some("anna"));
    centre.complete("high");
    assert_eq!(centre.with("low").as_deref(), Some("anna"));
}

#[test]
fn p130_a_head_start_stands_for_time_waited_elsewhere() {
    let mut centre = plain();
    centre.at = 100_000;
    centre.push(contact("here", "a", 3));
    centre.at = 110_000;
    centre.push(EnqueueContact { head_start: Millis(9_000), ..contact("less", "a", 3) });
    centre.push(EnqueueContact { head_start: Millis(11_000), ..contact("more", "a", 3) });
    assert_eq!(["more", "here", "less"].map(|key| position(&centre, key)), [1, 2, 3]);
    centre.at = 500_000;
    centre.ready(operator("anna"));
    assert_eq!(centre.with("more").as_deref(), Some("anna"), "time passes for all alike: the order stays");
}
