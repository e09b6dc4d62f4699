//! How much an operator has in hand.

use ringmain_routing::plan::*;

use super::support::*;
use super::{chat, chats, plain};

#[test]
fn p059_at_the_limit_somebody_else_gets_it() {
    let mut centre = plain();
    centre.ready(chats("anna", 1));
    centre.push(chat("1"));
    centre.ready(chats("boris", 2));
    centre.at += 1_000;
    centre.push(chat("2"));
    centre.push(chat("3"));
    assert_eq!(["1", "2", "3"].map(|key| centre.with(key).expect("assigned")), ["anna", "boris", "boris"]);
}

#[test]
fn p063_a_plan_that_says_nothing_of_limits_lets_five_be_taken() {
    let mut plan = plan(vec![QueuePlan::named("a")]);
    plan.channels = vec![ChannelPlan { name: "chat".into(), units: 1 }];
    let mut centre = Centre::new(plan);
    let keys = ["1", "2", "3", "4", "5"];
    for key in keys {
        centre.push(chat(key));
    }
    centre.ready(operator("anna"));
    assert!(keys.iter().all(|key| centre.with(key).as_deref() == Some("anna")), "1 unit each, of 100");
}

#[test]
fn p080_with_two_of_two_in_hand_a_third_waits() {
    let mut centre = plain();
    centre.ready(chats("anna", 2));
    for key in ["1", "2", "3"] {
        centre.push(chat(key));
    }
    assert_eq!(["1", "2", "3"].map(|key| centre.with(key).is_some()), [true, true, false]);
}

#[test]
fn p090_a_raised_limit_takes_who_waits() {
    let mut centre = plain();
    centre.ready(chats("anna", 1));
    centre.push(chat("1"));
    centre.push(chat("2"));
    assert_eq!(centre.with("2"), None);
    centre.put(chats("anna", 2));
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}

#[test]
fn p092_a_limit_raised_again_takes_who_waits() {
    let mut centre = plain();
    centre.ready(chats("anna", 2));
    for key in ["1", "2", "3", "4"] {
        centre.push(chat(key));
    }
    assert_eq!((centre.with("3"), centre.with("4")), (None, None));
    centre.put(chats("anna", 3));
    assert_eq!((centre.with("3").as_deref(), centre.with("4")), (Some("anna"), None), "one more, not two");
}
