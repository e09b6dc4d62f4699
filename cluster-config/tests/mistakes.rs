//! Every problem of a file is listed at once, with line, field and what to do.

use ringmain_cluster_config::{NodeConfig, Problems, RoutingPlan};

/// Holds `line field` of each problem against what is expected.
fn assert_places(problems: &Problems, expected: &[(usize, &str)]) {
    let found: Vec<(usize, &str)> =
        problems.list.iter().map(|problem| (problem.line, &*problem.field)).collect();
    assert_eq!(found, expected, "{problems}");
}

fn plan_problems(text: &str) -> Problems {
    RoutingPlan::parse("plan.toml", text).expect_err("the plan is wrong")
}

const TEN_MISTAKES: &str = r#"skills = ["voice", "chat", "voice"]
color = "red"

[[channels]]
name = "voice"
units = -1

[[units]]
name = "east"
parent = "compny"

[[queues]]
name = "billing"
answer = { offered_ms = 5_000, confirmed_ms = 3_000 }
wrap_up_ms = 700_000
target = { within_ms = 20_000, percent = 180 }
required = ["voise"]
wait_max = 10

[[queues]]
answer = "automatc"

[[operators]]
login = "anna"
skills = ["voice", { name = "chat", level = 11 }]
"#;

#[test]
fn a_plan_with_ten_mistakes_lists_all_ten_with_their_lines() {
    let problems = plan_problems(TEN_MISTAKES);
    assert_places(
        &problems,
        &[
            (1, "skills[2]"),
            (2, "color"),
            (6, "channels[0].units"),
            (10, "units[0].parent"),
            (14, "queues[0].answer"),
            (15, "queues[0].wrap_up_ms"),
            (16, "queues[0].target.percent"),
            (17, "queues[0].required[0]"),
            (18, "queues[0].wait_max"),
            (20, "queues[1].name"),
            (21, "queues[1].answer"),
            (25, "operators[0].skills[1].level"),
        ],
    );
    let text = problems.to_string();
    for hint in ["did you mean \"voice\"?", "did you mean \"waiting_max\"?", "did you mean \"automatic\"?"] {
        assert!(text.contains(hint), "{hint}: {text}");
    }
    assert!(text.starts_with("plan.toml: 12 problems\n  plan.toml:1:28: skills[2]: "), "{text}");
}

#[test]
fn a_broken_line_is_named_and_nothing_is_guessed_from_the_rest() {
    let problems = plan_problems("skills = [\"voice\"\n\n[[queues]\nname = \"a\"\n");
    assert!(!problems.list.is_empty());
    assert!(problems.list.iter().all(|problem| problem.line <= 4 && problem.field.is_empty()), "{problems}");
}

#[test]
fn units_may_stand_in_any_order_but_not_in_a_circle() {
    let good = "channels = []\nqueues = []\n[[units]]\nname = \"team\"\nparent = \"office\"\n\
                [[units]]\nname = \"office\"\n[[units]]\nname = \"other\"\n";
    let plan = RoutingPlan::parse("plan.toml", good).expect("good").plan;
    let units: Vec<(&str, Option<u32>)> =
        plan.units.iter().map(|unit| (&*unit.name, unit.parent.map(|parent| parent.0))).collect();
    assert_eq!(units, [("office", None), ("other", None), ("team", Some(0))]);
    let circle = "channels = []\nqueues = []\n[[units]]\nname = \"a\"\nparent = \"b\"\n[[units]]\nname = \"b\"\nparent = \"a\"\n\
                  [[units]]\nname = \"c\"\nparent = \"a\"\n";
    assert_places(&plan_problems(circle), &[(5, "units[0].parent"), (8, "units[1].parent")]);
}

#[test]
fn operators_are_spelled_out_and_no_login_comes_twice() {
    let head = "channels = []\nqueues = []\nskills = [\"a\"]\n";
    let plan =
        RoutingPlan::parse("plan.toml", &format!("{head}operators = [{{ login = \"day\", count = 3 }}]"))
            .expect("good");
    let logins: Vec<&str> = plan.operators.iter().map(|operator| &*operator.login).collect();
    assert_eq!(logins, ["day-1", "day-2", "day-3"]);
    let twice =
        format!("{head}[[operators]]\nlogin = \"day\"\ncount = 2\n[[operators]]\nlogin = \"day-2\"\n");
    assert_places(&plan_problems(&twice), &[(8, "operators[1].login")]);
}

#[test]
fn defaults_of_a_queue_are_those_of_the_core() {
    let plan = RoutingPlan::parse("plan.toml", "channels = []\nqueues = [{ name = \"a\" }]\nsessions = {}")
        .expect("good");
    assert_eq!(plan.plan.queues, [ringmain_routing::plan::QueuePlan::named("a")]);
    assert_eq!(plan.plan.sessions, ringmain_routing::plan::SessionPlan::default());
    let target = RoutingPlan::parse("plan.toml", "channels = []\nqueues = [{ name = \"a\", target = {} }]")
        .expect("good");
    assert_eq!(target.plan.queues, plan.plan.queues);
}

#[test]
fn a_queue_that_nobody_can_serve_is_a_warning() {
    let text = "skills = [\"voice\", \"kk\"]\nchannels = []\n[[queues]]\nname = \"kk\"\nrequired = [\"kk\"]\n\
                [[operators]]\nlogin = \"anna\"\nskills = [\"voice\"]\n";
    let warnings = RoutingPlan::parse("plan.toml", text).expect("good").warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings.iter().any(|warning| warning.message.contains("can serve queue \"kk\"")));
}

#[test]
fn a_file_with_very_many_mistakes_is_cut_with_a_count() {
    let text: String = (0..1_000).map(|i| format!("wrong_{i} = 1\n")).collect();
    let problems = plan_problems(&text);
    assert_eq!((problems.list.len(), problems.more), (200, 802));
    assert!(problems.to_string().ends_with("and 802 more"));
}

const NODE_MISTAKES: &str = r#"cluster = ""
node = 4
data_dir = "data"
token = "tokens.toml"

[listen]
api = "127.0.0.1"
peer = "127.0.0.1:7102"
http = "127.0.0.1:7102"

[[peers]]
node = 1
region = "west"
peer = "127.0.0.1:7102"
api = "127.0.0.1:7101"

[[peers]]
node = 1
region = "east"
peer = "127.0.0.1:7102"
api = "127.0.0.1:7105"

[timeouts]
heartbeat_ms = 90

[log]
format = "jsno"
"#;

#[test]
fn a_node_config_lists_all_its_mistakes() {
    let problems = NodeConfig::parse("node.toml", NODE_MISTAKES).expect_err("wrong");
    assert_places(
        &problems,
        &[
            (1, "tokens"),
            (1, "cluster"),
            (2, "node"),
            (4, "token"),
            (7, "listen.api"),
            (9, "listen.http"),
            (18, "peers[1].node"),
            (20, "peers[1].peer"),
            (24, "timeouts.heartbeat_ms"),
            (27, "log.format"),
        ],
    );
    assert!(problems.to_string().contains("did you mean \"tokens\"?"), "{problems}");
}

#[test]
fn paths_of_a_node_config_count_from_its_folder() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/three-nodes");
    let config = NodeConfig::load(&folder.join("node-1.toml")).expect("good");
    assert_eq!(config.data_dir, folder.join("data/node-1"));
    assert_eq!(config.tokens, folder.join("tokens.toml"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = NodeConfig::load(std::path::Path::new("nowhere/node.toml")).expect_err("not there");
    assert!(error.to_string().starts_with("cannot read nowhere/node.toml: "), "{error}");
}

#[test]
fn an_endpoint_that_no_collector_can_have_is_named_before_a_node_starts() {
    let sound = "cluster = \"north\"\nnode = 1\ndata_dir = \"data\"\ntokens = \"tokens.toml\"\n\
                 [listen]\napi = \"127.0.0.1:7111\"\npeer = \"127.0.0.1:7112\"\nhttp = \"127.0.0.1:7113\"\n\
                 [[peers]]\nnode = 1\nregion = \"north\"\npeer = \"127.0.0.1:7112\"\napi = \"127.0.0.1:7111\"\n[telemetry]\n";
    let with =
        |endpoint: &str| NodeConfig::parse("node.toml", &format!("{sound}otlp_endpoint = \"{endpoint}\"\n"));
    with("http://collector.example:4317").expect("it is sound");
    with("http://[::1]:4317").expect("it is sound");
    for endpoint in ["not an address", "collector:4317", "https://collector:4317", "http://collector"] {
        let problems = with(endpoint).expect_err(endpoint);
        assert_places(&problems, &[(15, "telemetry.otlp_endpoint")]);
        assert!(problems.to_string().contains("http://10.0.0.1:4317"), "{problems}");
    }
}

const WRONG_ROUTES: &str = r#"[[channels]]
name = "case"

[[queues]]
name = "checks"

[[routes]]
name = "claims"
term = "3 days"
calendar = "office"

[[routes.stages]]
name = "check"
queue = "cheks"
term = "2h"
warn_before = "2h"
escalate_to = "heads"
watchers = ["anna", "anna"]

[[routes.stages]]
name = "check"
queue = "checks"
term = "0h"

[[routes]]
name = "claims"
stages = []

[[entry]]
name = "claims"
then = { queue = "checks", route = "claims" }

[[entry]]
name = "complaints"
then = { route = "claim" }
"#;

#[test]
fn mistakes_in_routes_of_cases_are_told_with_their_lines() {
    let problems = plan_problems(WRONG_ROUTES);
    assert_places(
        &problems,
        &[
            (9, "routes[0].term"),
            (10, "routes[0].calendar"),
            (14, "routes[0].stages[0].queue"),
            (16, "routes[0].stages[0].warn_before"),
            (17, "routes[0].stages[0].escalate_to"),
            (18, "routes[0].stages[0].watchers[1]"),
            (21, "routes[0].stages[1].name"),
            (23, "routes[0].stages[1].term"),
            (26, "routes[1].name"),
            (27, "routes[1].stages"),
            (31, "entry[0].then.queue"),
            (35, "entry[1].then.route"),
        ],
    );
    let term = problems.list.iter().find(|problem| problem.field == "routes[0].term").expect("is told");
    assert!(term.to_string().contains("like \"16h\""), "{term}");
}

const WAITS: &str = r#"channels = [{ name = "voice", units = 100 }]

[[queues]]
name = "billing"
bands_ms = [60_000, 30_000, 30_000]
deflect = [
  { when = { ewt_above_ms = 600_000, waiting = 3 }, to = "call_back" },
  { when = {}, to = "message" },
]
"#;

#[test]
fn mistakes_about_the_expected_wait_are_told_all_at_once() {
    let problems = plan_problems(WAITS);
    assert_places(
        &problems,
        &[
            (5, "queues[0].bands_ms[1]"),
            (5, "queues[0].bands_ms[2]"),
            (7, "queues[0].deflect[0].when"),
            (8, "queues[0].deflect[1].when"),
        ],
    );
}

const WORK: &str = r#"channels = [{ name = "voice", units = 100 }, { name = "e-mail", units = 50 }]

[[queues]]
name = "letters"
interruptible = { by_tier = 256, by_channels = ["voice", "fax", "voice"], parks_max = 0 }
"#;

#[test]
fn mistakes_about_interruptible_work_are_told_all_at_once() {
    let problems = plan_problems(WORK);
    assert_places(
        &problems,
        &[
            (5, "queues[0].interruptible.by_tier"),
            (5, "queues[0].interruptible.by_channels[1]"),
            (5, "queues[0].interruptible.by_channels[2]"),
            (5, "queues[0].interruptible.parks_max"),
        ],
    );
}

const THREADS: &str = r#"channels = [{ name = "chat", units = 33 }]

[[queues]]
name = "chats"
thread = { channels = ["chat", "fax", "chat"], first_reply_ms = 30_000, warn_before_ms = 30_000, park_after_ms = 0 }
[[queues]]
name = "posts"
thread = { requeue_after_ms = 10_000, park_after_ms = 60_000, close_after_ms = 60_000 }
"#;

#[test]
fn mistakes_about_threads_are_told_all_at_once() {
    let problems = plan_problems(THREADS);
    assert_places(
        &problems,
        &[
            (5, "queues[0].thread.channels[1]"),
            (5, "queues[0].thread.channels[2]"),
            (5, "queues[0].thread.warn_before_ms"),
            (5, "queues[0].thread.park_after_ms"),
            (8, "queues[1].thread.requeue_after_ms"),
            (8, "queues[1].thread.close_after_ms"),
        ],
    );
}
