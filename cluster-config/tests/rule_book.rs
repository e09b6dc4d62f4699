//! Every example of docs/ROUTING.md is a plan that can be applied, for the parser and for the JSON Schema alike.

mod json_schema;

use ringmain_cluster_config::{RoutingPlan, schema};
use toml::{Table, Value};

/// The page's blocks with this mark, each with its line.
fn blocks(mark: &str) -> Vec<(usize, Table)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ROUTING.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, text) in (1..).zip(page.lines()) {
        match &mut open {
            None if text == format!("```toml {mark}") => open = Some((line, String::new())),
            None => {}
            Some((start, block)) if text == "```" => {
                let table = block.parse().unwrap_or_else(|error| panic!("line {start}: {error}"));
                blocks.push((*start, table));
                open = None;
            }
            Some((_, block)) => *block += &format!("{text}\n"),
        }
    }
    blocks
}

fn name_of(entry: &Value) -> Option<&Value> {
    entry.get("name").or_else(|| entry.get("login"))
}

/// Adds an example to a plan: entries of the same name are changed, others are added.
fn add(plan: &mut Table, example: &Table) {
    for (key, value) in example {
        let (Some(Value::Array(known)), Value::Array(added)) = (plan.get_mut(key), value) else {
            plan.insert(key.clone(), value.clone());
            continue;
        };
        for entry in added {
            let found =
                known.iter_mut().find(|other| name_of(entry).is_some() && name_of(other) == name_of(entry));
            match (found, entry) {
                (Some(Value::Table(known)), Value::Table(fields)) => known.extend(fields.clone()),
                (_, entry) => known.push(entry.clone()),
            }
        }
    }
}

fn parse(line: usize, plan: &Table) -> RoutingPlan {
    let source = format!("docs/ROUTING.md, the example of line {line}");
    let errors =
        json_schema::errors(&schema::routing_plan(), &serde_json::to_value(plan).expect("plain values"));
    assert!(errors.is_empty(), "{source}: {errors:?}");
    let plan = RoutingPlan::parse(&source, &plan.to_string()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(plan.warnings, [], "{source}");
    plan
}

#[test]
fn every_example_of_the_rule_book_is_a_good_plan_and_says_something() {
    let plans = blocks("plan");
    let [(line, base)] = plans.as_slice() else { panic!("one whole plan, not {}", plans.len()) };
    let plain = parse(*line, base);
    let examples = blocks("fragment");
    assert!(examples.len() > 10, "the page has an example for each rule");
    for (line, example) in &examples {
        let mut plan = base.clone();
        add(&mut plan, example);
        let parsed = parse(*line, &plan);
        assert!(is_changed(&plain, &parsed), "the example of line {line} says nothing");
    }
}

fn is_changed(plain: &RoutingPlan, parsed: &RoutingPlan) -> bool {
    plain.plan != parsed.plan || plain.operators != parsed.operators || plain.calendars != parsed.calendars
}

#[test]
fn all_examples_together_are_a_good_plan_too() {
    let mut plan = blocks("plan").remove(0).1;
    for (_, example) in blocks("fragment") {
        add(&mut plan, &example);
    }
    parse(0, &plan);
}
