//! What other systems do, held against the core. Each test is named after its row in docs/ROUTING.md ("Beside other
//! systems"): the number, then what is expected. Where Ringmain decides otherwise the row says why, and there is no test.

#[path = "../support/mod.rs"]
mod support;

mod arrival;
mod choice;
mod limits;
mod operators;
mod order;
mod states;

use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

/// Queues `a` and `b` without any rule.
fn plain() -> Centre {
    Centre::new(plan(vec![QueuePlan::named("a"), QueuePlan::named("b")]))
}

/// The one queue `a` by these rules.
fn ruled(rules: QueueRules) -> Centre {
    Centre::new(plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }]))
}

/// The one queue `a`, which chooses operators in this way.
fn choosing(choice: Choice) -> Centre {
    ruled(QueueRules { choice, ..QueueRules::default() })
}

/// The one queue `a`, whose operators have 20 s to answer an offer.
fn offering() -> Centre {
    let answer = Answer::Offered { within: Millis(20_000) };
    Centre::new(plan(vec![QueuePlan { answer, ..QueuePlan::named("a") }]))
}

/// An operator who takes at most so many chats at once.
fn chats(login: &str, cap: u16) -> ringmain_routing::command::OperatorPlan {
    let rules = OperatorRules { caps: vec![("chat".into(), cap)], ..OperatorRules::default() };
    ringmain_routing::command::OperatorPlan { rules, capacity: 1_000, ..operator(login) }
}

fn chat(key: &str) -> ringmain_routing::command::EnqueueContact {
    ringmain_routing::command::EnqueueContact { channel: "chat".into(), ..contact(key, "a", 3) }
}
