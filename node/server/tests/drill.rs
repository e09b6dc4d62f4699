//! `ringmain drill run` on a cluster of real processes that is in use.

mod support;

use ringmain_cluster_config::Timeouts;
use support::{ADMIN, Node, configs_of, ringmain};

/// Far more looks than anything here takes; each is a process of its own.
const LOOKS_MAX: u32 = 2_000;

/// Patient ones: other tests run beside this one.
fn timeouts() -> Timeouts {
    Timeouts {
        election_min_ms: 1_000,
        election_max_ms: 2_000,
        heartbeat_ms: 300,
        node_lost_ms: 5_000,
        read_only_ms: 5_000,
        stop_ms: 500,
        ..Timeouts::default()
    }
}

fn wait_until_well(node: &Node) {
    for _ in 0..LOOKS_MAX {
        if node.ask("check", ADMIN).status.success() {
            return;
        }
    }
    panic!("the cluster is never well");
}

#[test]
fn a_drill_strikes_one_node_of_a_healthy_cluster_and_undoes_it() {
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().expect("a folder")).collect();
    let mut nodes: Vec<Node> = Vec::new();
    for (folder, mut config) in folders.iter().zip(configs_of::<3>("drilled")) {
        config.timeouts = timeouts();
        nodes.push(Node::start(folder.path(), config, &[]));
    }
    wait_until_well(&nodes[0]);

    let (hooks, abort) = (folders[0].path().join("drill.toml"), folders[0].path().join("abort"));
    let pid = nodes[1].pid();
    let text = format!(
        "[drill.hosts]\n2 = \"here\"\n[drill.hooks]\npause = \"echo noise; kill -STOP {pid}\"\nresume = \"kill -CONT {pid}\"\n"
    );
    std::fs::write(&hooks, text).expect("written");
    let hooks = hooks.display();
    let pause = format!("drill run pause --node 2 --for 1s --leaderless 1m --settle 5m --hooks {hooks}");

    let tried = nodes[0].ask(&format!("{pause} --dry-run"), ADMIN);
    let tried = String::from_utf8(tried.stdout).expect("UTF-8");
    assert!(tried.contains(&format!("would run:       echo noise; kill -STOP {pid}")), "{tried}");
    let done = nodes[0].ask_json(&pause, ADMIN);
    assert!(done["healthy_after_ms"].is_u64() && done["broken_off"].is_null(), "{done}");
    wait_until_well(&nodes[1]);

    let unknown = nodes[0].ask_in_vain(&pause.replace("pause", "kill"), ADMIN, 2);
    assert!(unknown.contains("drill.hooks.kill: is missing"), "{unknown}");
    std::fs::write(&abort, "").expect("written");
    let stopped = nodes[0].ask_in_vain(&format!("{pause} --abort-file {}", abort.display()), ADMIN, 2);
    assert!(stopped.contains("--abort-file"), "{stopped}");

    // Two of three are no cluster to play with.
    nodes.pop().expect("the third").kill();
    let mut refused = String::new();
    for _ in 0..LOOKS_MAX {
        let output = ringmain(&["drill", "run", "drain", "--node", "2", "--dry-run"])
            .args(["--address", &nodes[0].config.listen.api, "--token", ADMIN])
            .output()
            .expect("runs");
        refused = String::from_utf8(output.stderr).expect("UTF-8");
        if output.status.code() == Some(3) {
            break;
        }
    }
    assert!(refused.contains("no drill on a cluster that is not well"), "{refused}");
}
