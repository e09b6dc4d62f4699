//! What running nodes tell about themselves: every metric of the list, and nothing about customers.

#[path = "support/parties.rs"]
mod parties;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::process::Stdio;

use parties::{IN_FORCE, PLAN, Parties, call, patient, personal, traces_of};
use ringmain_cluster_config::{LogConfig, LogFormat, NodeConfig};
use ringmain_protocol::v1::{CallbackOrder, GatewayPush, GatewayUpdate};
use ringmain_telemetry::{Kind, METRICS, Metric, labels};
use support::{ADMIN, GATEWAY, Node, OPERATOR, config_of_one, configs_of, ringmain, write_config};

/// Names of metrics with the labels of their series, as the text of `/metrics` shows them.
fn series(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (name, rest) = line.split_once('{').expect("every series has the labels of its node");
        let labels =
            rest.split("=\"").map(|part| part.rsplit([',', '"']).next().expect("split yields a part"));
        let with_value: Vec<&str> = labels.collect();
        let labels = with_value[..with_value.len() - 1].iter().map(|label| (*label).to_owned());
        found.entry(name.to_owned()).or_default().extend(labels);
    }
    found
}

fn shown_as(metric: &Metric) -> String {
    match metric.kind {
        Kind::Counter | Kind::Gauge => metric.name.to_owned(),
        Kind::Histogram(_) => format!("{}_bucket", metric.name),
    }
}

/// Starts all; the first brings the plan.
fn start_all(folders: &[tempfile::TempDir], configs: Vec<NodeConfig>) -> Vec<Node> {
    let plan = folders[0].path().join("plan.toml");
    std::fs::write(&plan, PLAN).expect("written");
    let plan = plan.display().to_string();
    let mut nodes = Vec::new();
    for (folder, config) in folders.iter().zip(configs) {
        let more: &[&str] = if nodes.is_empty() { &["--plan", &plan] } else { &[] };
        nodes.push(Node::start(folder.path(), config, more));
    }
    nodes[0].wait_for(IN_FORCE);
    for node in &mut nodes[1..] {
        node.wait_for("node serves");
    }
    nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_nodes_serve_every_metric_of_the_list_with_its_labels_and_no_other() {
    let folders: Vec<tempfile::TempDir> = (0..3).map(|_| tempfile::tempdir().expect("a folder")).collect();
    let configs = configs_of::<3>("metrics").into_iter().map(patient).collect();
    let nodes = start_all(&folders, configs);
    let addresses: Vec<String> = nodes.iter().map(|node| node.config.listen.api.clone()).collect();
    let mut parties = nodes[0].patiently("signing in", Parties::sign_in(addresses)).await;
    nodes[0].patiently("a contact's way", parties.work(call)).await;
    nodes[0].ask_json("queue list", ADMIN);

    // What follows the log counts a moment after the answers are out.
    let missing = |found: &BTreeMap<String, BTreeSet<String>>| -> Vec<String> {
        METRICS.iter().map(shown_as).filter(|name| !found.contains_key(name)).collect()
    };
    let mut found = BTreeMap::new();
    for _ in 0..2_000 {
        found.clear();
        for node in &nodes {
            for (name, labels) in series(&node.http("/metrics").1) {
                found.entry(name).or_insert_with(BTreeSet::new).extend(labels);
            }
        }
        if missing(&found).is_empty() {
            break;
        }
    }
    assert_eq!(missing(&found), Vec::<String>::new(), "no node shows these");

    let of_all: Vec<&str> = labels::COMMON.iter().map(|label| label.name).collect();
    for (name, shown) in &found {
        let stem =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let metric = METRICS.iter().find(|metric| metric.name == name || metric.name == stem);
        let metric = metric.unwrap_or_else(|| panic!("{name} is not in the list"));
        let mut known: BTreeSet<&str> =
            metric.labels.iter().map(|label| label.name).chain(of_all.clone()).collect();
        known.extend(name.ends_with("_bucket").then_some("le"));
        let shown: BTreeSet<&str> = shown.iter().map(String::as_str).collect();
        assert_eq!(shown, known, "labels of {name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_personal_data_is_logged_at_any_level_nor_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, PLAN).expect("written");
    let log = LogConfig { format: LogFormat::Text, filter: "trace".to_owned() };
    let config = NodeConfig { log, ..patient(config_of_one("canary")) };
    let path = write_config(folder.path(), &config);
    let log_path = folder.path().join("log");
    let output = File::create(&log_path).expect("created");
    let mut child = ringmain(&["start", "--config", &path, "--plan", &plan.display().to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::from(output))
        .spawn()
        .expect("the binary runs");
    let read_log = || String::from_utf8_lossy(&std::fs::read(&log_path).expect("written")).into_owned();
    while !read_log().contains(IN_FORCE) {
        assert!(child.try_wait().expect("it is ours").is_none(), "{}", read_log());
    }

    let mut parties = Parties::sign_in(vec![config.listen.api.clone()]).await;
    parties.work(personal).await;
    let callback =
        CallbackOrder { number: "+7canary-number".to_owned(), principals: "canary-principal".to_owned() };
    let order = GatewayPush { queue: "callback".to_owned(), callback: Some(callback), ..personal("k-4") };
    parties.gateway.push(order.clone()).await.expect("it is taken");
    let update = GatewayUpdate {
        key: order.key.clone(),
        details: personal("k-5").details,
        ..GatewayUpdate::default()
    };
    parties.gateway.update(update).await.expect("it waits");
    parties
        .gateway
        .push(GatewayPush { tier: 9, ..order.clone() })
        .await
        .expect_err("another body under the key");
    let too_long = GatewayPush { key: "canary-key".repeat(1_000), ..personal("k-6") };
    parties.gateway.push(too_long).await.expect_err("too long a key");
    parties.gateway.reconcile(vec![order.key.clone()]).await.expect("an answer");
    let show = ["contact", "show", "--gateway", "web", "--key", &order.key, "--token", ADMIN];
    let shown = ringmain(&show).args(["--address", &config.listen.api]).output().expect("runs");
    assert!(String::from_utf8_lossy(&shown.stdout).contains("canary-customer"), "who may see it sees it");
    let node = support::http(&config.listen.http, "/metrics").1;
    child.kill().expect("it runs");
    child.wait().expect("it ends");

    let log = read_log();
    assert!(log.contains("TRACE") && log.lines().count() > 1_000, "the log is not at its lowest level");
    for canary in ["canary-", GATEWAY, OPERATOR, ADMIN] {
        for trace in traces_of(canary) {
            for text in [&log, &node] {
                let line = text.lines().find(|line| line.contains(&trace));
                assert_eq!(line, None, "{canary} leaked");
            }
        }
    }
}
