//! A node as a process, asked by the command line.

mod support;

use std::io::Read;
use std::net::TcpListener;

use ringmain_cluster_config::NodeConfig;
use serde_json::json;
use support::{
    ADMIN, GATEWAY, Node, config_of_one, configs_of, fail, free_addresses, sample_plan, succeed, write_config,
};

const IN_FORCE: &str = "the plan given at the start is in force";
const PUSH: &str = "contact push --gateway web --queue outage --channel voice --key";

fn node_with_plan(folder: &std::path::Path) -> Node {
    let plan = sample_plan("rosseti_siberia.toml").display().to_string();
    let mut node = Node::start(folder, config_of_one("tests"), &["--plan", &plan]);
    node.wait_for(IN_FORCE);
    node
}

#[test]
fn a_new_node_serves_its_plan_and_keeps_what_was_pushed_through_a_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_plan(folder.path());
    let queues = node.ask_json("queue list", ADMIN);
    let names: Vec<&str> =
        queues["queues"].as_array().expect("a list").iter().filter_map(|q| q["name"].as_str()).collect();
    assert_eq!(names, ["life", "outage", "connection", "quality", "chat", "callback"]);
    let operators = node.ask_json("operator list", ADMIN);
    assert_eq!(operators["operators"].as_array().map(Vec::len), Some(11));

    let pushed = node.ask_json(&format!("{PUSH} k-1 --tier 1 --topic outage"), GATEWAY);
    let contact = pushed["contact"].as_str().expect("an id").to_owned();
    let again = node.ask_json(&format!("{PUSH} k-1 --tier 1 --topic outage"), GATEWAY);
    assert_eq!(again["contact"], pushed["contact"], "the same key gets the first answer");
    let shown = node.ask_json(&format!("contact show {contact}"), ADMIN);
    assert_eq!(shown["contact"]["state"], json!("waiting"));
    assert_eq!(shown["contact"]["topic"], json!("outage"));
    let config = node.config.clone();
    node.kill();

    let mut node = Node::start(folder.path(), config, &[]);
    node.wait_for("node serves");
    let pushed_again = node.ask_json(&format!("{PUSH} k-1 --tier 1 --topic outage"), GATEWAY);
    assert_eq!(pushed_again["contact"], json!(contact), "the key is known after the crash");
    let kept = node.ask_json("contact show --gateway web --key k-1", ADMIN);
    assert_eq!(kept["contact"]["contact"], json!(contact));
    let events = node.ask("events -o json", ADMIN);
    let events = String::from_utf8(events.stdout).expect("UTF-8");
    assert!(events.lines().any(|line| line.contains("\"queued\"") && line.contains(&contact)), "{events}");
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn followed_events_are_printed_as_they_happen() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_plan(folder.path());
    let first = node.ask_json(&format!("{PUSH} k-1"), GATEWAY);
    let listed = node.ask("events -o json", ADMIN);
    let listed = String::from_utf8(listed.stdout).expect("UTF-8");
    let event = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    let of_first = listed.lines().map(event).find(|event| event["contact"] == first["contact"]);
    let cursor = of_first.expect("it is listed")["cursor"].as_str().expect("text").to_owned();
    let mut followed = node.follow(&format!("events --follow -o json --after {cursor}"), ADMIN);
    for key in ["k-2", "k-3"] {
        let pushed = node.ask_json(&format!("{PUSH} {key}"), GATEWAY);
        let line = followed.line_with(pushed["contact"].as_str().expect("an id"));
        assert_eq!(event(&line)["key"], json!(key), "{line}");
    }
}

#[test]
fn refusals_and_rights_have_their_exit_codes() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_plan(folder.path());
    node.ask_json(&format!("{PUSH} k-1"), GATEWAY);
    let reused = node.ask_in_vain(&format!("{PUSH} k-1 --tier 5"), GATEWAY, 3);
    assert!(reused.starts_with("error[key-reused]: "), "{reused}");
    let unknown =
        node.ask_in_vain("contact push --gateway web --queue nowhere --channel voice --key k-2", GATEWAY, 3);
    assert!(unknown.starts_with("error[unknown-queue]: ") && unknown.contains("nowhere"), "{unknown}");
    let missing = node.ask_in_vain("contact show c99.0", ADMIN, 3);
    assert!(missing.starts_with("error[not-found]: "), "{missing}");
    let stranger = node.ask_in_vain("queue list", "nobody-knows-this-token", 6);
    assert!(stranger.starts_with("error[unauthenticated]: "), "{stranger}");
    let forbidden = node.ask_in_vain("queue list", GATEWAY, 6);
    assert!(forbidden.starts_with("error[permission-denied]: "), "{forbidden}");
    let dry = node.ask_json(&format!("{PUSH} k-3 --dry-run"), GATEWAY);
    assert_eq!(dry["dry_run"], json!(true));
    node.ask_in_vain("contact show --gateway web --key k-3", ADMIN, 3);
}

#[test]
fn operations_see_the_cluster_over_grpc_and_http() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_plan(folder.path());
    let status = node.ask_json("cluster status", ADMIN);
    assert_eq!((&status["cluster"], &status["leader"]), (&json!("tests"), &json!(1)));
    assert_eq!(status["role"], json!("leader"));
    let (livez, _) = node.http("/livez");
    assert_eq!(livez, "HTTP/1.1 200 OK");
    let (readyz, checks) = node.http("/readyz?verbose");
    assert_eq!(readyz, "HTTP/1.1 200 OK", "{checks}");
    for question in ["--live", "--ready"] {
        succeed(&["probe", question, &node.config.listen.http]);
    }
    let (_, metrics) = node.http("/metrics");
    for name in ["ringmain_raft_is_leader{", "ringmain_applied_index{", "ringmain_build_info{"] {
        let line = metrics
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{name}: {metrics}"));
        assert!(line.contains("cluster=\"tests\"") && line.contains("node=\"1\""), "{line}");
    }
}

#[test]
fn a_plan_is_tried_then_applied_and_the_same_again_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_plan(folder.path());
    let text = std::fs::read_to_string(sample_plan("rosseti_siberia.toml")).expect("the sample");
    let path = folder.path().join("next.toml");
    let next = text.replace("count = 8", "count = 9") + "\n[[queues]]\nname = \"metering\"\n";
    std::fs::write(&path, next).expect("written");
    let apply = format!("plan apply {}", path.display());
    let tried = node.ask_json(&format!("{apply} --dry-run"), ADMIN);
    assert_eq!(tried["changes"], json!(["queue \"metering\" added", "operator \"day-9\" added"]));
    assert_eq!(node.ask_json("queue list", ADMIN)["queues"].as_array().map(Vec::len), Some(6));
    assert_eq!(node.ask_json(&apply, ADMIN)["version"], json!(2));
    assert_eq!(node.ask_json("queue list", ADMIN)["queues"].as_array().map(Vec::len), Some(7));
    assert_eq!(node.ask_json("operator list", ADMIN)["operators"].as_array().map(Vec::len), Some(12));
    let again = node.ask_json(&apply, ADMIN);
    assert_eq!((&again["changes"], &again["version"]), (&json!([]), &json!(2)));
}

#[test]
fn a_port_in_use_is_named_and_no_data_is_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut config = config_of_one("tests");
    config.listen.http = taken.local_addr().expect("bound").to_string();
    let path = write_config(folder.path(), &config);
    let stderr = fail(&["start", "--config", &path], 7);
    assert!(stderr.starts_with("error[address-in-use]: listen.http: "), "{stderr}");
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_data_folder_of_another_cluster_or_in_use_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Node::start(folder.path(), config_of_one("first"), &[]);
    node.wait_for("node serves");
    let again = write_config(folder.path(), &config_of_one("first"));
    let stderr = fail(&["start", "--config", &again], 7);
    assert!(stderr.contains("error[data-in-use]: "), "{stderr}");
    assert_eq!(node.terminate(), Some(0));
    let other = write_config(folder.path(), &config_of_one("second"));
    let stderr = fail(&["start", "--config", &other], 7);
    assert!(stderr.contains("error[wrong-cluster]: ") && stderr.contains("first"), "{stderr}");
    let moved = NodeConfig { node: ringmain_routing::NodeId(2), ..config_of_one("first") };
    let moved = NodeConfig {
        peers: moved
            .peers
            .iter()
            .map(|peer| ringmain_cluster_config::PeerConfig { node: moved.node, ..peer.clone() })
            .collect(),
        ..moved
    };
    let stderr = fail(&["start", "--config", &write_config(folder.path(), &moved)], 7);
    assert!(stderr.contains("error[wrong-cluster]: "), "{stderr}");
}

#[test]
fn mistakes_of_config_plan_and_tokens_are_all_listed_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write_config(folder.path(), &config_of_one("tests"));
    let good = std::fs::read_to_string(&path).expect("written");
    std::fs::write(&path, good.replace("node = 1", "node = 0").replace("[limits]", "[limit]"))
        .expect("written");
    let stderr = fail(&["start", "--config", &path], 2);
    assert!(stderr.starts_with("error[invalid-config]: "), "{stderr}");
    assert!(stderr.contains("did you mean \"limits\"?") && stderr.contains("0 is out of bounds"), "{stderr}");
    std::fs::write(&path, good).expect("written");
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, "queues = [{ name = \"a\", scope = \"b\" }]\n").expect("written");
    let stderr = fail(&["start", "--config", &path, "--plan", &plan.display().to_string()], 2);
    assert!(stderr.contains("channels: is missing") && stderr.contains("no unit \"b\""), "{stderr}");
    std::fs::write(folder.path().join("tokens.toml"), "tokens = [{ token = \"short\", role = \"king\" }]")
        .expect("written");
    let stderr = fail(&["start", "--config", &path], 2);
    assert!(stderr.contains("tokens[0].name") && stderr.contains("tokens[0].role"), "{stderr}");
    assert!(!stderr.contains("short\""), "{stderr}");
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_node_without_its_majority_lives_and_is_not_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Node::start(folder.path(), configs_of::<3>("alone").remove(0), &[]);
    node.wait_for("node serves");
    succeed(&["probe", "--live", &node.config.listen.http]);
    let stderr = fail(&["probe", "--ready", &node.config.listen.http], 4);
    assert!(stderr.starts_with("error[not-ready]: ") && stderr.contains("leader: none known"), "{stderr}");
    let [nobody] = free_addresses();
    let stderr = fail(&["probe", "--live", &nobody], 4);
    assert!(stderr.starts_with("error[unreachable]: "), "{stderr}");
}

#[test]
fn what_a_supervisor_does_is_tried_out_done_once_and_kept_in_an_audit_that_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_plan(folder.path());
    let pushed = node.ask_json(&format!("{PUSH} k-1"), GATEWAY);
    let contact = pushed["contact"].as_str().expect("an id").to_owned();
    let to_chat = format!("contact move {contact} --to quality --key move-1");
    let would = node.ask_json(&format!("{to_chat} --dry-run"), ADMIN);
    assert_eq!((&would["contacts"], &would["log_index"]), (&json!(1), &json!(null)));
    let shown = node.ask_json(&format!("contact show {contact}"), ADMIN);
    assert_eq!(shown["contact"]["queue"], json!("outage"), "a dry run does nothing");
    let done = node.ask_json(&to_chat, ADMIN);
    let again = node.ask_json(&to_chat, ADMIN);
    assert_eq!((&done["contacts"], &again["contacts"]), (&json!(1), &json!(1)), "the first answer again");
    node.ask_json(&format!("contact lift {contact} --tier 1"), ADMIN);
    let shown = node.ask_json(&format!("contact show {contact}"), ADMIN);
    assert_eq!((&shown["contact"]["queue"], &shown["contact"]["tier"]), (&json!("quality"), &json!(1)));
    node.ask_json(&format!("contact close {contact} --reason stuck"), ADMIN);
    let unknown = node.ask_in_vain("operator sign-out nobody", ADMIN, 3);
    assert!(unknown.starts_with("error[unknown-operator]: "), "{unknown}");

    let audit = node.ask_json(&format!("audit list --contact {contact}"), ADMIN);
    let actions: Vec<&str> = audit["records"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|row| row["action"].as_str())
        .collect();
    assert_eq!(actions, ["move-contacts", "move-contacts", "lift-contact", "close-contact"]);
    let all = node.ask_json("audit list --by configuration", ADMIN);
    assert_eq!(all["records"][0]["action"], json!("apply-plan"), "{all}");
    let verdict = node.ask_json("audit verify", ADMIN);
    assert_eq!((&verdict["holds"], &verdict["first_log_index"]), (&json!(true), &json!(1)));
    assert_eq!(verdict["verified_log_index"], verdict["last_log_index"]);
}

#[test]
fn a_contact_and_an_operator_say_why_in_the_language_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_plan(folder.path());
    let pushed = node.ask_json(&format!("{PUSH} k-1"), GATEWAY);
    let contact = pushed["contact"].as_str().expect("an id");
    let why = node.ask_json(&format!("contact why {contact}"), ADMIN);
    assert_eq!((&why["contact"]["state"], &why["why"]["ahead"]), (&json!("waiting"), &json!(0)));
    let kept = why["why"]["kept"].as_array().expect("a list");
    let counted: u64 = kept.iter().filter_map(|kept| kept["operators"].as_u64()).sum();
    assert_eq!(counted, 11, "every operator of the plan is kept from it: {why:#}");
    let why = node.ask_json("operator why day-1", ADMIN);
    assert_eq!(why["at_all"], json!({"reason": "not-signed-in"}));
    assert_eq!((&why["queues"][0]["name"], &why["queues"][0]["waiting"]), (&json!("outage"), &json!(1)));
    let text = |words: &str| String::from_utf8(node.ask(words, ADMIN).stdout).expect("UTF-8");
    for (lang, waits, lacks) in [
        ("en", "waits in queue outage", "day-1 gets no contacts at all: is not signed in."),
        ("ru", "ждёт в очереди outage", "day-1 совсем не получает контактов: вход в систему не выполнен."),
        ("kk", "outage кезегінде", "day-1 мүлде контакт алмайды: жүйеге кірмеген."),
    ] {
        let said = text(&format!("contact why --gateway web --key k-1 --lang {lang}"));
        assert!(said.contains(waits), "{said}");
        let said = text(&format!("operator why day-1 --lang {lang}"));
        assert!(said.starts_with(lacks), "{said}");
    }
    let unknown = node.ask_in_vain("operator why nobody", ADMIN, 3);
    assert!(unknown.starts_with("error[not-found]: "), "{unknown}");
}

#[test]
fn every_list_and_show_has_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_plan(folder.path());
    node.ask_json(&format!("{PUSH} k-1"), GATEWAY);
    let text = |words: &str| {
        let output = node.ask(words, ADMIN);
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let queues = text("queue list -o csv");
    assert!(queues.starts_with("name,abandoned_total,"), "{queues}");
    assert_eq!(queues.lines().count(), 7, "a head and six queues: {queues}");
    assert_eq!(text("operator list -o csv").lines().count(), 12);
    assert!(text("cluster status -o csv").starts_with("node,address,"));
    assert!(text("contact show --gateway web --key k-1 -o csv").starts_with("contact.assignment,"));
    let events = text("events -o csv");
    assert!(events.starts_with("cursor,event,at_ms,") && events.contains(",queued,"), "{events}");
    let why = text("contact why --gateway web --key k-1 -o csv");
    assert!(why.starts_with("contact.assignment,") && why.contains(",why.kept,"), "{why}");
    assert!(text("operator why day-1 -o csv").starts_with("name,waiting,why_not.reason"));
    for words in [
        "queue list",
        "operator list",
        "cluster status",
        "contact show --gateway web --key k-1",
        "contact why --gateway web --key k-1",
        "operator why day-1",
        "events",
    ] {
        let yaml: serde_json::Value = serde_yaml_ng::from_str(&text(&format!("{words} -o yaml")))
            .unwrap_or_else(|error| panic!("{words}: {error}"));
        assert!(yaml.is_object() || yaml.is_array(), "{words}: {yaml}");
    }
}

#[test]
fn top_draws_a_running_node_and_what_was_recorded_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_plan(folder.path());
    node.ask_json(&format!("{PUSH} k-1"), GATEWAY);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (record, live, replayed) = (path("top.jsonl"), path("live.svg"), path("replayed.svg"));
    let top = "top --every 100ms --samples 3";
    let output = node.ask(&format!("{top} --picture {live} --record {record}"), ADMIN);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = node.ask(&format!("{top} --picture {replayed} --replay {record}"), "no-token-is-needed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let picture = std::fs::read_to_string(&live).expect("drawn");
    for word in [">tests<", "leader 1", ">outage", ">life", "11 offline", "operators", ">day-1 "] {
        assert!(picture.contains(word), "{word}: {picture}");
    }
    assert_eq!(picture, std::fs::read_to_string(&replayed).expect("drawn"), "the recording is what was seen");
    let stderr = node.ask_in_vain("top", ADMIN, 2);
    assert!(stderr.contains("needs a terminal"), "{stderr}");
}

#[test]
fn an_empty_list_has_the_head_of_a_full_one_as_csv() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Node::start(folder.path(), config_of_one("tests"), &[]);
    node.wait_for("node serves");
    for (words, head) in [
        ("queue list", "name,abandoned_total,"),
        ("operator list", "operator,login,node,"),
        ("audit list", "action,at_ms,by,"),
    ] {
        let output = node.ask(&format!("{words} -o csv"), ADMIN);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(text.starts_with(head) && text.lines().count() == 1, "{words}: {text}");
    }
}

#[test]
fn a_debug_bundle_finds_the_metrics_where_the_node_says_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Node::start(folder.path(), config_of_one("tests"), &[]);
    node.wait_for("node serves");
    let told = node.ask_json("cluster status", ADMIN)["http_address"].clone();
    assert_eq!(told, json!(node.config.listen.http));
    let bundle = folder.path().join("bundle.tar.gz");
    let manifest = node.ask_json(&format!("debug bundle {}", bundle.display()), ADMIN);
    let parts = manifest["parts"].to_string();
    assert!(parts.contains("metrics/node-1.txt") && parts.contains("ready/node-1.txt"), "{manifest:#}");
}

const CANARIES: [&str; 6] =
    ["canary-customer", "canary-topic", "canary-language", "canary-attributes", "canary-key", ADMIN];

#[test]
fn a_debug_bundle_and_the_log_hold_nothing_about_people() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = sample_plan("rosseti_siberia.toml").display().to_string();
    let mut config = config_of_one("tests");
    // What is written at the most talkative level is a superset of what is written at any other.
    config.log.filter = "trace".to_owned();
    let mut node = Node::start(folder.path(), config, &["--plan", &plan]);
    node.wait_for(IN_FORCE);
    let details = "--customer canary-customer --topic canary-topic --language canary-language";
    let push = format!("{PUSH} canary-key {details} --attributes canary-attributes");
    let pushed = node.ask_json(&push, GATEWAY);
    let shown = node.ask_json(&format!("contact show {}", pushed["contact"].as_str().expect("an id")), ADMIN);
    assert_eq!(shown["contact"]["customer"], json!("canary-customer"), "the canary is in the cluster");
    let config = node.config.clone();
    let (_, written) = node.terminate_with_log();
    assert!(written.contains(" h2::"), "it wrote about each message: {written}");
    let log = folder.path().join("node.log");
    std::fs::write(&log, written).expect("written");
    let mut node = Node::start(folder.path(), config, &[]);
    node.wait_for("node serves");
    let bundle = folder.path().join("bundle.tar.gz");
    let words = format!(
        "debug bundle {} --config {} --log {}",
        bundle.display(),
        folder.path().join("node.toml").display(),
        log.display()
    );
    let manifest = node.ask_json(&words, ADMIN);
    assert_eq!(manifest["missing"], json!([]), "{manifest:#}");
    let file = std::fs::File::open(&bundle).expect("written");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut names = Vec::new();
    for entry in archive.entries().expect("a tar") {
        let mut entry = entry.expect("whole");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("read");
        let (name, text) =
            (entry.path().expect("a name").display().to_string(), String::from_utf8_lossy(&bytes));
        for canary in CANARIES.iter().chain(&["day-1", GATEWAY]) {
            let hits = text.matches(canary).count();
            assert_eq!(hits, 0, "{name} holds {canary}");
        }
        names.push(name);
    }
    for part in [
        "versions.json",
        "cluster/node-1.json",
        "queues.json",
        "plan.txt",
        "config/node.toml",
        "logs/0-node.log",
    ] {
        assert!(names.iter().any(|name| name.ends_with(part)), "{part}: {names:?}");
    }
    assert!(names.iter().any(|name| name.contains("metrics/")), "{names:?}");
    let again = node.ask_in_vain(&words, ADMIN, 2);
    assert!(again.contains("exists already"), "{again}");
}
