//! The members of a cluster of real processes, changed by the command line.

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use ringmain_cluster_config::{NodeConfig, PeerConfig};
use ringmain_routing::NodeId;
use serde_json::{Value, json};
use support::{ADMIN, Node, config_of_one, fail, ringmain, succeed, write_config};

/// Far more looks than anything here takes; each is a process of its own.
const LOOKS_MAX: u32 = 2_000;

struct Member {
    folder: tempfile::TempDir,
    node: Node,
}

/// A config of the cluster "grown" that lists nobody but the node itself.
fn config(id: u64) -> NodeConfig {
    let mut config = config_of_one("grown");
    config.node = NodeId(id);
    config.peers = vec![PeerConfig { node: NodeId(id), ..config.peers[0].clone() }];
    config
}

fn start(id: u64, more: &[&str]) -> Member {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Node::start(folder.path(), config(id), more);
    node.wait_for("node serves");
    Member { folder, node }
}

fn add(asked: &Node, member: &Member) -> String {
    let me = &member.node.config.peers[0];
    format!("cluster add {} --peer {} --api {} --region test", me.node, me.peer, me.api)
        + &format!(" --timeout 60s --address {}", asked.config.listen.api)
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().chain(["--token", ADMIN]).collect()
}

/// Waits until the status of the node is as wanted.
fn eventually(what: &str, node: &Node, so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..LOOKS_MAX {
        let status = node.ask_json("cluster status", ADMIN);
        if so(&status) {
            return status;
        }
    }
    panic!("never so: {what}");
}

fn voters(status: &Value) -> Vec<u64> {
    let nodes = status["nodes"].as_array().expect("a list");
    let voting = nodes.iter().filter(|node| node["voter"] == json!(true));
    voting.filter_map(|node| node["node"].as_u64()).collect()
}

/// Three nodes, made of a first one and two that joined, each by another command.
fn grown() -> [Member; 3] {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write_config(folder.path(), &config(1));
    let tried = succeed(&["cluster", "init", "--config", &path, "--dry-run"]);
    assert!(tried.contains("would form cluster grown of node 1"), "{tried}");
    assert!(!folder.path().join("data").exists(), "nothing was written");
    let formed = succeed(&["cluster", "init", "--config", &path]);
    assert!(formed.contains("cluster grown is formed of node 1"), "{formed}");
    let again = fail(&["cluster", "init", "--config", &path], 3);
    assert!(again.contains("error[members-refused]: data_dir: "), "{again}");
    assert_eq!(fail(&["cluster", "init", "--config", &path, "--dry-run"], 3), again);
    let written = ringmain_cluster_config::NodeConfig::load(path.as_ref()).expect("the config");
    let kept = NodeConfig { data_dir: "data".into(), tokens: "tokens.toml".into(), ..written };
    let mut node = Node::start(folder.path(), kept, &[]);
    node.wait_for("node serves");
    let first = Member { folder, node };
    eventually("it leads", &first.node, |status| status["leader"] == json!(1));
    let second = start(2, &["--join"]);
    succeed(&words(&add(&first.node, &second)));
    let third = start(3, &["--join"]);
    let path = third.folder.path().join("node.toml").display().to_string();
    let via = second.node.config.listen.api.clone();
    let join = format!("cluster join --config {path} --via {via}");
    let tried = succeed(&words(&format!("{join} --dry-run")));
    assert!(tried.contains("node 3 answers and would be taken in, as one of 3 voters"), "{tried}");
    let joined = succeed(&words(&join));
    assert!(joined.contains("node 3 votes; the cluster has 3 voters"), "{joined}");
    [first, second, third]
}

#[test]
fn a_cluster_grows_moves_its_leader_and_loses_a_node_by_commands_to_any_node() {
    let [first, second, third] = grown();
    let status = eventually("all vote", &third.node, |status| voters(status) == [1, 2, 3]);
    let leader = status["leader"].as_u64().expect("a leader");
    let to = leader % 3 + 1;
    // Asked of a follower, carried out by the leader.
    let moved = third.node.ask_json(&format!("cluster transfer-leader --to {to}"), ADMIN);
    assert_eq!((&moved["from"], &moved["leader"]), (&json!(leader), &json!(to)));
    assert!(moved["leaderless_ms"].as_u64().is_some_and(|ms| ms < 5_000), "{moved}");
    let judged = first.node.ask_json("check quorum-critical 2", ADMIN);
    assert_eq!((&judged["safe"], &judged["majority"]), (&json!(true), &json!(2)));
    let well = second.node.ask_json("check", ADMIN);
    assert_eq!(well["ok"], json!(true), "{well}");

    let audit = || second.node.ask_json("audit list", ADMIN).to_string();
    let before = audit();
    let again = second.node.ask_json(&add(&second.node, &third), ADMIN);
    assert_eq!(again["voters"], json!(3), "the same again changes nothing");
    let same = format!("cluster transfer-leader --to {to}");
    assert_eq!(second.node.ask_json(&same, ADMIN)["leader"], json!(to));
    assert_eq!(audit(), before, "and is not in the audit");
    let removed = second.node.ask_json("cluster remove 3", ADMIN);
    assert_eq!((&removed["removed"], &removed["voters"]), (&json!(true), &json!(2)));
    eventually("it knows", &third.node, |status| status["removed"] == json!(true));
    let (readyz, checks) = third.node.http("/readyz?verbose");
    assert!(readyz.contains("503") && checks.contains("[-] member"), "{readyz} {checks}");
    let critical = second.node.ask_in_vain("check quorum-critical 1", ADMIN, 3);
    assert!(critical.contains("error[quorum-critical]: node 1 must not stop now"), "{critical}");
    let audit = audit();
    let moved = format!("to node {to}: from node {leader} to node {to}");
    for part in
        ["cluster add", "cluster transfer-leader", &moved, "cluster remove", "node 3: begins", "node 3: done"]
    {
        assert!(audit.contains(part), "{part} is not in the audit: {audit}");
    }
    let Member { folder, node } = third;
    assert_eq!(node.terminate(), Some(0));
    let path = folder.path().join("node.toml").display().to_string();
    let refused = fail(&["start", "--config", &path], 7);
    assert!(refused.contains("error[node-removed]: ") && refused.contains("new id"), "{refused}");
}

#[test]
fn a_dry_run_says_what_would_come_of_it_to_any_node_and_changes_nothing() {
    let [first, second, third] = grown();
    let status = eventually("all vote", &third.node, |status| voters(status) == [1, 2, 3]);
    let leader = status["leader"].as_u64().expect("a leader");
    let other = leader % 3 + 1;
    let tried = |words: &str| second.node.ask_json(&format!("{words} --dry-run"), ADMIN);
    let removed = tried(&format!("cluster remove {leader}"));
    assert_eq!((&removed["part"], &removed["voters"]), (&json!("leader"), &json!(2)), "{removed}");
    assert!(removed["heir"].as_u64().is_some_and(|heir| heir != leader), "{removed}");
    let moved = tried(&format!("cluster transfer-leader --to {other}"));
    assert_eq!((&moved["from"], &moved["leader"]), (&json!(leader), &json!(other)), "{moved}");
    let drained = tried(&format!("cluster drain {other}"));
    assert_eq!(drained["draining"], json!(true), "{drained}");
    let added = tried(&add(&second.node, &third));
    assert_eq!((&added["part"], &added["voters"]), (&json!("voter"), &json!(3)), "{added}");
    let refused = second.node.ask_in_vain("cluster remove 7 --dry-run", ADMIN, 3);
    assert!(refused.contains("error[members-refused]: node: 7 is no member"), "{refused}");
    let after = first.node.ask_json("cluster status", ADMIN);
    for key in ["leader", "term"] {
        assert_eq!(after[key], status[key], "{key}");
    }
    assert_eq!(voters(&after), [1, 2, 3]);
    let nodes = after["nodes"].as_array().expect("a list");
    assert!(nodes.iter().all(|node| node["draining"] == json!(false)), "{after}");
    let audit = first.node.ask_json("audit list", ADMIN).to_string();
    assert!(!audit.contains("cluster remove") && !audit.contains("cluster drain"), "{audit}");
}

#[test]
fn a_command_that_was_killed_in_the_middle_is_given_again_and_goes_on() {
    let first = start(1, &[]);
    eventually("it leads", &first.node, |status| status["leader"] == json!(1));
    let second = start(2, &["--join"]);
    let line = add(&first.node, &second);
    let words: Vec<&str> = line.split_whitespace().chain(["--token", ADMIN]).collect();
    let mut child = ringmain(&words).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut told = String::new();
    let mut steps = BufReader::new(child.stderr.take().expect("piped"));
    steps.read_line(&mut told).expect("text");
    assert!(told.contains("node 2 may take part"), "{told}");
    child.kill().expect("it runs or has ended");
    child.wait().expect("it ends");
    // Whoever breaks a change off leaves a trace in the audit of what has begun.
    let audit = first.node.ask_json("audit list", ADMIN).to_string();
    assert!(audit.contains("cluster add") && audit.contains(": begins"), "{audit}");
    let done = first
        .node
        .ask_json(&line.replace(&format!(" --address {}", first.node.config.listen.api), ""), ADMIN);
    assert_eq!((&done["voter"], &done["voters"]), (&json!(true), &json!(2)));
    assert_eq!(voters(&first.node.ask_json("cluster status", ADMIN)), [1, 2]);
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let first = start(1, &[]);
    eventually("it leads", &first.node, |status| status["leader"] == json!(1));
    let refused = |words: &str| first.node.ask_in_vain(words, ADMIN, 3);
    assert!(refused("cluster remove 1").contains("last voter"));
    assert!(refused("cluster remove 7").contains("no member"));
    assert!(refused("cluster drain 7").contains("no member"));
    assert!(refused("cluster transfer-leader").contains("no other voter"));
    assert!(refused("check quorum-critical").contains("only voter"));
    let other = start(2, &[]);
    let formed = refused(
        &add(&first.node, &other).replace(&format!(" --address {}", first.node.config.listen.api), ""),
    );
    assert!(formed.contains("data of a running cluster"), "{formed}");
    let absent = first.node.ask_in_vain(
        "cluster add 3 --peer 127.0.0.1:1 --api 127.0.0.1:2 --region x --timeout 1s",
        ADMIN,
        5,
    );
    assert!(
        absent.contains("error[change-unfinished]: ") && absent.contains("cannot be reached"),
        "{absent}"
    );
}

#[test]
fn a_node_that_drains_is_left_by_its_clients_and_its_leadership_and_comes_back() {
    let members = grown();
    let nodes = || members.iter().map(|member| &member.node);
    let status = eventually("all vote", &members[0].node, |status| voters(status) == [1, 2, 3]);
    let leader = status["leader"].as_u64().expect("a leader");
    // Asked of another node than the one that is to drain.
    let other = &members[(leader % 3) as usize].node;
    let drained = other.ask_json(&format!("cluster drain {leader} --within 1s"), ADMIN);
    assert_eq!(drained["draining"], json!(true));
    let is_drained = |status: &Value| {
        let nodes = status["nodes"].as_array().expect("a list");
        let told = nodes.iter().any(|node| node["node"] == json!(leader) && node["draining"] == json!(true));
        told && status["leader"].as_u64().is_some_and(|now| now != leader)
    };
    for node in nodes() {
        eventually("every node says so", node, is_drained);
    }
    let asked = &members[leader as usize - 1].node;
    assert!(asked.http("/readyz?verbose").1.contains("[-] accepting: draining"));
    let undone = other.ask_json(&format!("cluster drain {leader} --undo"), ADMIN);
    assert_eq!(undone["draining"], json!(false));
    assert!(asked.http("/readyz?verbose").1.contains("[+] accepting"));
}

#[test]
fn a_leader_that_is_asked_to_stop_hands_over_first() {
    let members = grown();
    let status = eventually("all vote", &members[0].node, |status| voters(status) == [1, 2, 3]);
    let leader = status["leader"].as_u64().expect("a leader");
    let term = status["term"].as_u64().expect("a term");
    let (mut stopping, mut staying) = (None, Vec::new());
    for member in members {
        if member.node.config.node == NodeId(leader) {
            stopping = Some(member);
        } else {
            staying.push(member);
        }
    }
    let Member { node, folder: _kept } = stopping.expect("the leader runs");
    let log = node.terminate_with_log().1;
    assert!(log.contains("leadership moved") && log.contains("stopped"), "{log}");
    assert!(!log.contains("ERROR"), "a stop is no error: {log}");
    let next = eventually("another one leads", &staying[0].node, |status| {
        status["leader"].as_u64().is_some_and(|now| now != leader)
    });
    assert_eq!(next["term"].as_u64(), Some(term + 1), "no election was needed but the one of the transfer");
}
