//! Backup, restore and forced recovery by the command line, over a node as a process.

mod support;

use std::path::Path;

use ringmain_cluster_config::NodeConfig;
use serde_json::Value;
use support::{ADMIN, GATEWAY, Node, config_of_one, fail, run, sample_plan, succeed, write_config};

const IN_FORCE: &str = "the plan given at the start is in force";
const PUSH: &str = "contact push --gateway web --queue outage --channel voice --key";

fn node_with_plan(folder: &Path) -> Node {
    let plan = sample_plan("rosseti_siberia.toml").display().to_string();
    let mut node = Node::start(folder, config_of_one("tests"), &["--plan", &plan]);
    node.wait_for(IN_FORCE);
    node
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn kept_contact(folder: &Path, config: NodeConfig) -> Value {
    let mut node = Node::start(folder, config, &[]);
    node.wait_for("node serves");
    // Answers once the node leads.
    node.ask_json(&format!("{PUSH} k-2"), GATEWAY);
    let kept = node.ask_json("contact show --gateway web --key k-1", ADMIN);
    assert_eq!(node.terminate(), Some(0));
    kept["contact"].clone()
}

#[test]
fn a_backup_is_saved_checked_and_restored_into_a_new_cluster() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_plan(folder.path());
    let pushed = node.ask_json(&format!("{PUSH} k-1"), GATEWAY);
    let file = folder.path().join("backup.rma");
    let path = file.to_str().expect("UTF-8");
    let saved = node.ask_json(&format!("snapshot save {path}"), ADMIN);
    assert_eq!(saved["archive"]["cluster"], "tests");
    let exists = node.ask_in_vain(&format!("snapshot save {path}"), ADMIN, 2);
    assert!(exists.contains("--overwrite"), "{exists}");
    node.ask_in_vain(&format!("snapshot save {path}.2"), GATEWAY, 6);
    node.kill();

    let seen = json(&succeed(&["snapshot", "inspect", path, "-o", "json"]));
    assert_eq!(seen["archive"]["log_index"], saved["archive"]["log_index"]);
    let new = tempfile::tempdir().expect("a folder");
    let config = config_of_one("tests");
    let config_path = write_config(new.path(), &config);
    let restore = ["snapshot", "restore", path, "--config", &config_path, "-o", "json"];
    let tried = json(&succeed(&[&restore[..], &["--dry-run"]].concat()));
    assert_eq!(tried["log_index"], saved["archive"]["log_index"]);
    assert!(!new.path().join("data").exists(), "a dry run writes nothing");
    let restored = json(&succeed(&restore));
    assert!(restored["generation"].as_u64() > saved["archive"]["generation"].as_u64());
    let again = fail(&["snapshot", "restore", path, "--config", &config_path], 3);
    assert!(again.starts_with("error[data-not-empty]: data_dir: "), "{again}");
    assert_eq!(kept_contact(new.path(), config)["contact"], pushed["contact"]);

    let mut bytes = std::fs::read(&file).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    let damaged = fail(&["snapshot", "inspect", path], 3);
    assert!(damaged.starts_with("error[damaged-backup]: "), "{damaged}");
}

#[test]
fn a_survivor_is_recovered_only_when_that_is_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_with_plan(folder.path());
    let pushed = node.ask_json(&format!("{PUSH} k-1"), GATEWAY);
    let config = node.config.clone();
    let path = folder.path().join("node.toml").display().to_string();
    let words = ["recover", "--force-new-cluster", "--config", &path];
    let running = run(&[&words[..], &["--yes"]].concat());
    assert!(String::from_utf8_lossy(&running.stderr).starts_with("error[data-in-use]: "));
    node.kill();

    let unasked = fail(&words, 3);
    assert!(unasked.contains("--yes"), "{unasked}");
    let looked = json(&succeed(&[&words[..], &["--dry-run", "-o", "json"]].concat()));
    assert_eq!((&looked["changed"], &looked["generation"]), (&Value::from(false), &Value::from(1)));
    let done = json(&succeed(&[&words[..], &["--yes", "-o", "json"]].concat()));
    assert!(done["generation"].as_u64() > Some(1));
    assert_eq!(kept_contact(folder.path(), config)["contact"], pushed["contact"]);
}
