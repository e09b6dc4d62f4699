//! One node as a process of its own, and the command line beside it.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ringmain_cluster_config::{
    Listen, LogConfig, NodeConfig, NodeLimits, PeerConfig, TelemetryConfig, Timeouts,
};
use ringmain_routing::NodeId;
use serde_json::Value;

/// Tokens of the tests' clusters.
pub const TOKENS: &str = r#"
[[tokens]]
token = "admin-token-of-tests"
name = "admin"
role = "admin"

[[tokens]]
token = "gateway-token-of-tests"
name = "web"
role = "gateway"

[[tokens]]
token = "operator-token-of-tests"
name = "anna"
role = "operator"
"#;
pub const ADMIN: &str = "admin-token-of-tests";
pub const GATEWAY: &str = "gateway-token-of-tests";
pub const OPERATOR: &str = "operator-token-of-tests";

/// After so long a silence a test gives up and shows what there is, instead of standing still for ever.
const PATIENCE: Duration = Duration::from_secs(120);

/// The binary with some words.
pub fn ringmain(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringmain"));
    for variable in ["RINGMAIN_ADDR", "RINGMAIN_TOKEN", "RINGMAIN_CONTEXT", "RINGMAIN_GATEWAY", "RUST_LOG"] {
        command.env_remove(variable);
    }
    // Contexts of whoever runs the tests are none of theirs.
    command.args(words).env("XDG_CONFIG_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Runs the binary to its end.
pub fn run(words: &[&str]) -> Output {
    ringmain(words).output().expect("the binary runs")
}

/// Runs it, expects success and returns standard output.
pub fn succeed(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Runs it, expects this exit code and returns standard error.
pub fn fail(words: &[&str], code: i32) -> String {
    let output = run(words);
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{words:?}: {stderr}");
    stderr
}

/// A path of the repository's sample plans.
pub fn sample_plan(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cluster-config/samples/plans").join(name)
}

/// Ports that nobody listens on: below those that the system gives to whoever asks for any, and other ones in each process
/// of tests, so that nobody takes them before the node does.
pub fn free_addresses<const N: usize>() -> [String; N] {
    const FIRST: u32 = 10_000;
    const OF_A_PROCESS: u32 = 110;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = FIRST + std::process::id() % 200 * OF_A_PROCESS;
    let mut ports = std::iter::repeat_with(|| begin + NEXT.fetch_add(1, Ordering::Relaxed) % OF_A_PROCESS);
    std::array::from_fn(|_| {
        let addresses = ports.by_ref().take(10_000).map(|port| format!("127.0.0.1:{port}"));
        let mut free = addresses.filter(|address| TcpListener::bind(address).is_ok());
        free.next().expect("one of the ports is free")
    })
}

/// The config of a cluster of one.
pub fn config_of_one(cluster: &str) -> NodeConfig {
    configs_of::<1>(cluster).remove(0)
}

/// The configs of all nodes of a cluster.
pub fn configs_of<const N: usize>(cluster: &str) -> Vec<NodeConfig> {
    let listens: Vec<Listen> = (0..N)
        .map(|_| {
            let [api, peer, http] = free_addresses();
            Listen { api, peer, http }
        })
        .collect();
    let peers: Vec<PeerConfig> = (1..)
        .zip(&listens)
        .map(|(node, listen)| PeerConfig {
            node: NodeId(node),
            region: "test".into(),
            peer: listen.peer.clone(),
            api: listen.api.clone(),
        })
        .collect();
    let config = |(node, listen)| NodeConfig {
        join: false,
        cluster: cluster.to_owned(),
        node: NodeId(node),
        data_dir: "data".into(),
        tokens: "tokens.toml".into(),
        peers: peers.clone(),
        listen,
        timeouts: Timeouts { stop_ms: 500, ..Timeouts::default() },
        limits: NodeLimits::default(),
        log: LogConfig::default(),
        telemetry: TelemetryConfig::default(),
    };
    (1..).zip(listens).map(config).collect()
}

/// Writes config and tokens; returns the config's path.
pub fn write_config(folder: &Path, config: &NodeConfig) -> String {
    std::fs::write(folder.join("tokens.toml"), TOKENS).expect("written");
    let path = folder.join("node.toml");
    std::fs::write(&path, config.to_toml()).expect("written");
    path.display().to_string()
}

/// A running node. Ends with the test.
pub struct Node {
    pub config: NodeConfig,
    child: Child,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
    /// How far the log was looked at.
    seen: usize,
}

/// What a node has written, read as it comes so that the node never waits for a reader.
#[derive(Default)]
struct Log {
    /// The text, and whether it has ended.
    written: Mutex<(String, bool)>,
    changed: Condvar,
}

impl Log {
    fn read_all(&self, from: ChildStderr) {
        let mut from = BufReader::new(from);
        loop {
            let mut line = Vec::new();
            let read = from.read_until(b'\n', &mut line).unwrap_or(0);
            let mut written = self.written.lock().expect("no reader panics");
            written.0.push_str(&String::from_utf8_lossy(&line));
            written.1 = read == 0;
            self.changed.notify_all();
            if written.1 {
                return;
            }
        }
    }
}

impl Node {
    /// Starts the binary with the words behind `start --config`.
    pub fn start(folder: &Path, config: NodeConfig, more: &[&str]) -> Node {
        let path = write_config(folder, &config);
        let mut child = ringmain(&["start", "--config", &path])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let (stderr, log) = (child.stderr.take().expect("piped"), Arc::new(Log::default()));
        let reading = log.clone();
        let reader = Some(std::thread::spawn(move || reading.read_all(stderr)));
        Node { config, child, log, reader, seen: 0 }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a line of the log holds the words.
    pub fn wait_for(&mut self, words: &str) {
        let mut written = self.log.written.lock().expect("no reader panics");
        loop {
            if let Some(found) = written.0[self.seen..].find(words) {
                self.seen += found + words.len();
                return;
            }
            assert!(!written.1, "the node ended before it said {words:?}:\n{}", written.0);
            let (next, waited) = self.log.changed.wait_timeout(written, PATIENCE).expect("no reader panics");
            assert!(!waited.timed_out(), "the node does not say {words:?}:\n{}", next.0);
            written = next;
        }
    }

    /// Waits for what others do with the node; shows the node's log where nothing comes of it.
    pub async fn patiently<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(result) => result,
            Err(_) => {
                panic!("{what} does not end:\n{}", self.log.written.lock().expect("no reader panics").0)
            }
        }
    }

    /// Asks it to stop and returns its exit code.
    pub fn terminate(self) -> Option<i32> {
        self.terminate_with_log().0
    }

    /// Asks it to stop and returns its exit code and all that it wrote.
    pub fn terminate_with_log(mut self) -> (Option<i32>, String) {
        let sent = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(sent.success());
        let code = self.wait_for_its_end();
        self.reader.take().expect("it reads until the end").join().expect("no reader panics");
        let written = self.log.written.lock().expect("no reader panics").0.clone();
        (code, written)
    }

    fn wait_for_its_end(&mut self) -> Option<i32> {
        let mut written = self.log.written.lock().expect("no reader panics");
        while !written.1 {
            let (next, waited) = self.log.changed.wait_timeout(written, PATIENCE).expect("no reader panics");
            assert!(!waited.timed_out(), "the node does not end:\n{}", next.0);
            written = next;
        }
        drop(written);
        self.child.wait().expect("it ends").code()
    }

    /// Ends it at once, as a crash would.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("it ends");
    }

    /// The command line as a client of this node.
    pub fn ask(&self, words: &str, token: &str) -> Output {
        let words: Vec<&str> = words.split_whitespace().collect();
        ringmain(&words)
            .args(["--address", &self.config.listen.api, "--token", token])
            .output()
            .expect("runs")
    }

    /// The command line as a client that goes on.
    pub fn follow(&self, words: &str, token: &str) -> Followed {
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut child = ringmain(&words)
            .args(["--address", &self.config.listen.api, "--token", token])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        Followed { child, lines }
    }

    /// The same; the answer must be good and JSON.
    pub fn ask_json(&self, words: &str, token: &str) -> Value {
        let output = self.ask(&format!("{words} -o json"), token);
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// The same; it must fail with the exit code. Returns standard error.
    pub fn ask_in_vain(&self, words: &str, token: &str, code: i32) -> String {
        let output = self.ask(words, token);
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(code), "{words}: {stderr}");
        stderr
    }

    /// An answer of the HTTP port: status line and body.
    pub fn http(&self, path: &str) -> (String, String) {
        http(&self.config.listen.http, path)
    }
}

/// A command that prints line by line and goes on. Ends with the test.
pub struct Followed {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Followed {
    /// Reads until a line holds the words.
    pub fn line_with(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).expect("text");
            assert!(read > 0, "it ended before it printed {words:?}");
            if line.contains(words) {
                return line;
            }
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer of an HTTP port: status line and body.
pub fn http(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}
