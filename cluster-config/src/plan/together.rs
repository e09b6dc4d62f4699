//! People together, and bots, in the plan file: what a shape cannot say.

use crate::problem::Sink;
use crate::section::Section;

/// A bot has no time of people.
pub(super) fn check_bot(operator: &Section<'_>, sink: &mut Sink<'_>) {
    if !operator.flag("bot") {
        return;
    }
    for key in ["breaks", "rests"] {
        if operator.has(key) {
            let hint = "leave it out: a bot has no breaks and no rest";
            sink.add_hint(
                &operator.span_of(key),
                &operator.path_of(key),
                "stands beside `bot`".to_owned(),
                hint,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RoutingPlan, changes};

    const PLAN: &str = r#"
        channels = [{ name = "voice" }, { name = "chat" }]
        queues = [{ name = "bots", people_queue = "people" }, { name = "people" }]
        [[operators]]
        login = "robot"
        bot = true
        capacity = 20_000
    "#;

    #[test]
    fn bots_and_the_queue_of_people_are_read() {
        let read = RoutingPlan::parse("plan.toml", PLAN).expect("it is sound");
        assert_eq!(read.plan.queues[0].rules.people_queue.as_deref(), Some("people"));
        assert!(read.operators[0].rules.bot);
    }

    #[test]
    fn a_bot_with_breaks_and_an_unknown_queue_of_people_are_told_at_once() {
        let wrong = PLAN
            .replace("= \"people\" }, {", "= \"peopel\" }, {")
            .replace("bot = true", "bot = true\nrests = true");
        let problems = RoutingPlan::parse("plan.toml", &wrong).expect_err("two mistakes").to_string();
        assert!(problems.contains("peopel") && problems.contains("no breaks and no rest"), "{problems}");
    }

    #[test]
    fn a_change_of_the_queue_of_people_is_told_in_words() {
        let before = RoutingPlan::parse("plan.toml", PLAN).expect("it is sound").plan;
        let after = PLAN.replace(", people_queue = \"people\"", "");
        let after = RoutingPlan::parse("plan.toml", &after).expect("it is sound").plan;
        assert_eq!(changes(&before, &after), ["queue \"bots\": people \"people\" → none"]);
    }
}
