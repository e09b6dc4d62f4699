//! How a drill reaches the machine of a node: by commands of those who run it.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ringmain_replication::Clock;
use ringmain_telemetry::codes;
use serde::Deserialize;

use crate::cli::DrillFault;
use crate::clock::SystemClock;
use crate::exit::{Failure, FailureKind};

/// No hook takes longer; then it is ended.
const HOOK_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const FILE_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct HooksFile {
    drill: DrillSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DrillSection {
    /// Host of each node, by its id.
    #[serde(default)]
    hosts: BTreeMap<String, String>,
    /// Command of each hook.
    #[serde(default)]
    hooks: BTreeMap<String, String>,
}

/// What a shell is told in the beginning and in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hooks {
    pub(super) begin: String,
    pub(super) end: String,
}

/// Names of the hooks of a fault; none for one that the cluster itself carries out.
fn names(fault: DrillFault) -> Option<[&'static str; 2]> {
    match fault {
        DrillFault::Kill => Some(["kill", "revive"]),
        DrillFault::Pause => Some(["pause", "resume"]),
        DrillFault::Partition => Some(["partition", "heal"]),
        DrillFault::Drain => None,
    }
}

const KNOWN: [&str; 6] = ["kill", "revive", "pause", "resume", "partition", "heal"];

impl Hooks {
    /// The hooks for a fault at a node; none where none are needed.
    ///
    /// # Errors
    /// The file cannot be read, or lacks something: the message names the field.
    pub(super) fn load(path: Option<&Path>, fault: DrillFault, node: u64) -> Result<Option<Hooks>, Failure> {
        let Some(names) = names(fault) else { return Ok(None) };
        let Some(path) = path else {
            let [begin, end] = names;
            return Err(invalid(format!(
                "--hooks: is missing; name a file with [drill.hooks] {begin} and {end}"
            )));
        };
        let unreadable = |error| invalid(format!("--hooks: cannot read {}: {error}", path.display()));
        let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
        if bytes > FILE_BYTES_MAX {
            return Err(invalid(format!(
                "--hooks: {} has {bytes} bytes; at most {FILE_BYTES_MAX}",
                path.display()
            )));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Hooks::parse(&path.display().to_string(), &text, names, node).map(Some)
    }

    fn parse(source: &str, text: &str, names: [&str; 2], node: u64) -> Result<Hooks, Failure> {
        let file: HooksFile = toml::from_str(text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            invalid(format!("{source}:{}: {}", before.lines().count().max(1), error.message()))
        })?;
        let DrillSection { hosts, hooks } = file.drill;
        if let Some(strange) = hooks.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            let known = KNOWN.join(", ");
            return Err(invalid(format!("{source}: drill.hooks.{strange}: no such hook; there are {known}")));
        }
        let host = hosts.get(&node.to_string()).ok_or_else(|| {
            invalid(format!(
                "{source}: drill.hosts.{node}: is missing; write {node} = \"name-of-its-machine\""
            ))
        })?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:@[]".contains(c);
        if host.is_empty() || host.starts_with('-') || !host.chars().all(is_plain) {
            let message = "must be a name or an address, without blanks and signs of a shell";
            return Err(invalid(format!("{source}: drill.hosts.{node}: {message}")));
        }
        let of = |name: &str| {
            let hook = hooks.get(name).filter(|hook| !hook.trim().is_empty()).ok_or_else(|| {
                let like = format!("{name} = \"ssh {{host}} ...\"");
                invalid(format!("{source}: drill.hooks.{name}: is missing; write {like}"))
            })?;
            Ok(hook.replace("{host}", host).replace("{node}", &node.to_string()))
        };
        Ok(Hooks { begin: of(names[0])?, end: of(names[1])? })
    }
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, message)
}

/// A hook that runs, in a process group of its own: an impatient Ctrl-C does not reach it. When it is given up before
/// its end, it is ended with all that it has started here, so that nothing of it strikes later.
struct Running {
    child: Child,
    over: bool,
}

impl Running {
    fn start(hook: &str) -> std::io::Result<Running> {
        let mut command = Command::new("sh");
        // Standard output is for the answer of the drill.
        command.args(["-c", hook]).process_group(0).stdin(Stdio::null()).stdout(std::io::stderr());
        Ok(Running { child: command.spawn()?, over: false })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let kill = format!("kill -s KILL -- -{}", self.child.id());
        let mut ending = Command::new("sh");
        ending.args(["-c", &kill]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if !ending.status().is_ok_and(|status| status.success()) {
            // One that has just ended cannot be killed.
            self.child.kill().ok();
        }
        self.child.wait().ok();
    }
}

/// Runs a hook to its end.
///
/// # Errors
/// It cannot be started, fails, or takes too long.
pub(super) async fn run(hook: &str) -> Result<(), Failure> {
    let failed = |why: String| Failure::new(FailureKind::Internal, "internal", format!("{hook}: {why}"));
    let mut running = Running::start(hook).map_err(|error| failed(error.to_string()))?;
    let clock = SystemClock::start();
    loop {
        match running.child.try_wait() {
            Ok(Some(status)) => {
                running.over = true;
                return if status.success() { Ok(()) } else { Err(failed(status.to_string())) };
            }
            Ok(None) if clock.monotonic() < HOOK_MAX => tokio::time::sleep(LOOK_EVERY).await,
            Ok(None) => return Err(failed(format!("not done within {} s", HOOK_MAX.as_secs()))),
            Err(error) => return Err(failed(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[drill.hosts]\n2 = \"node-2.example\"\n3 = \"a b\"\n\n[drill.hooks]\n\
                        pause = \"ssh {host} stop {node}\"\nresume = \"ssh {host} cont {node}\"\n";

    fn parse(text: &str, names: [&str; 2], node: u64) -> Result<Hooks, String> {
        Hooks::parse("drill.toml", text, names, node).map_err(|failure| failure.message)
    }

    #[test]
    fn a_hook_is_a_command_with_host_and_node_filled_in() {
        let hooks = parse(FILE, ["pause", "resume"], 2).unwrap();
        assert_eq!(hooks.begin, "ssh node-2.example stop 2");
        assert_eq!(hooks.end, "ssh node-2.example cont 2");
    }

    #[test]
    fn whatever_is_missing_is_named_before_anything_is_done() {
        let told = |text: &str, names, node| parse(text, names, node).expect_err(text);
        assert!(told(FILE, ["kill", "revive"], 2).contains("drill.hooks.kill: is missing"));
        assert!(told(FILE, ["pause", "resume"], 1).contains("drill.hosts.1: is missing"));
        assert!(told(FILE, ["pause", "resume"], 3).contains("drill.hosts.3: must be a name"));
        assert!(told(&FILE.replace("resume", "cont"), ["pause", "resume"], 2).contains("no such hook"));
        assert!(told("[drill.hook]\n", ["pause", "resume"], 2).contains("unknown field"));
    }

    /// The fifth field of its line in /proc is its group, the third its state.
    #[tokio::test]
    async fn a_hook_runs_in_a_group_of_its_own() {
        run("test \"$(cut -d ' ' -f 5 /proc/$$/stat)\" = $$").await.expect("it leads its group");
        let failure = run("exit 7").await.expect_err("it fails");
        assert!(failure.message.contains("exit 7: exit status: 7"), "{}", failure.message);
    }

    #[tokio::test]
    async fn a_hook_that_is_given_up_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pid");
        let hook = format!("sleep 600 & echo $! > {}; wait", file.display());
        let written = async {
            loop {
                match std::fs::read_to_string(&file).unwrap_or_default().trim().parse::<u32>() {
                    Ok(pid) => return pid,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let pid = tokio::select! {
            ended = run(&hook) => panic!("{ended:?}"),
            pid = written => pid,
        };
        let lives = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.split(' ').nth(2).is_some_and(|state| state != "Z" && state != "X")
        };
        while lives() {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn a_fault_of_the_cluster_itself_needs_no_hooks() {
        assert_eq!(Hooks::load(None, DrillFault::Drain, 1).unwrap(), None);
        assert!(Hooks::load(None, DrillFault::Kill, 1).expect_err("none").message.contains("--hooks"));
    }
}
