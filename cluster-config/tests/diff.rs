//! What changes from one plan to the next, in words.

use ringmain_cluster_config::RoutingPlan;
use ringmain_cluster_config::plan::{changes, operator_changes, place_onto};

fn plan(text: &str) -> RoutingPlan {
    RoutingPlan::parse("plan.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

const BEFORE: &str = r#"
skills = ["voice", "chat"]
channels = [{ name = "voice" }]
queues = [{ name = "billing" }, { name = "old" }]
units = [{ name = "company" }, { name = "east", parent = "company" }]
operators = [{ login = "anna", skills = ["voice"] }, { login = "olga" }]
"#;

const AFTER: &str = r#"
skills = ["voice", "chat", "kk"]
channels = [{ name = "voice", units = 100 }]
queues = [{ name = "billing", answer = { offered_ms = 15_000 }, wrap_up_ms = 1_500, scope = "east" }, { name = "new" }]
units = [{ name = "company" }, { name = "east", parent = "company" }, { name = "team", parent = "east" }]
sessions = { grace_ms = 20_000 }
operators = [{ login = "anna", skills = ["voice", { name = "kk", level = 4 }] }, { login = "pavel" }]
"#;

#[test]
fn each_change_is_one_line_in_words() {
    let (before, after) = (plan(BEFORE), plan(AFTER));
    let lines = changes(&before.plan, &place_onto(&before.plan, &after.plan).expect("it follows"));
    assert_eq!(
        lines,
        [
            "queue \"billing\": answer automatic → offered for 15 s, wrap-up 0 ms → 1500 ms, scope none → \"east\"",
            "queue \"new\" added",
            "queue \"old\": state open → closed",
            "skill \"kk\" added",
            "channel \"voice\": units 1 → 100",
            "unit \"team\" added",
            "sessions: grace 15 s → 20 s",
        ]
    );
    let operators = operator_changes(&before.operators, &after.operators);
    assert_eq!(operators, ["operator \"anna\": skills voice 1 → kk 4 + voice 1", "operator \"pavel\" added"]);
}

#[test]
fn equal_plans_differ_in_nothing() {
    let before = plan(BEFORE);
    assert_eq!(changes(&before.plan, &before.plan), Vec::<String>::new());
    assert_eq!(operator_changes(&before.operators, &before.operators), Vec::<String>::new());
}

#[test]
fn a_changed_route_is_told_in_words() {
    let with = |stages: &str| {
        let text = format!(
            "channels = [{{ name = \"case\" }}]\nqueues = [{{ name = \"checks\" }}, {{ name = \"heads\" }}]\n\
             routes = [{{ name = \"claims\", term = \"16h\", stages = [{stages}] }}]"
        );
        plan(&text).plan
    };
    let before = with("{ name = \"check\", queue = \"checks\", term = \"8h\" }");
    let after = with(
        "{ name = \"check\", queue = \"checks\", term = \"4h\", warn_before = \"1h\", escalate_to = \"heads\", \
         watchers = [\"olga\"] }",
    );
    let said = changes(&before, &after);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("route \"claims\": stages check "), "{said:?}");
    assert!(said[0].contains("warns") && said[0].contains("then heads, watched by \"olga\""), "{said:?}");
}
