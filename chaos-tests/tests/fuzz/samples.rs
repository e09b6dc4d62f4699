//! Sound inputs of every kind, as the program itself writes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use ringmain_chaos::scenario;
use ringmain_protocol::plan::{operator_to_message, to_message};
use ringmain_protocol::v1;
use ringmain_replication::files::{FRAME_HEADER_BYTES, SyncMeter};
use ringmain_replication::recover::{RecoverError, Survivor};
use ringmain_replication::type_config::{EntryBatch, GroupId, Origin, ProposedCommand};
use ringmain_replication::{Clock, HistoryRecord, Peer};
use ringmain_routing::{Command, Incarnation, LogIndex, NodeId, Outcome, Position, Router, Timestamp};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn texts(folder: &str, suffix: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(here(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("it is there")).collect()
}

pub fn scenarios() -> Vec<Vec<u8>> {
    texts("scenarios", ".txt")
}

pub fn profiles() -> Vec<Vec<u8>> {
    texts("../cluster-config/profiles", ".json")
}

pub fn configs() -> Vec<Vec<u8>> {
    [
        texts("../cluster-config/samples/plans", ".toml"),
        texts("../cluster-config/samples/calendars", ".toml"),
        texts("../cluster-config/samples/three-nodes", ".toml"),
    ]
    .concat()
}

/// Every command of every scenario, and what came of it.
fn played() -> Vec<(Timestamp, Command, Outcome)> {
    let mut played = Vec::new();
    for text in scenarios() {
        let text = String::from_utf8(text).expect("scenarios are text");
        let mut router = Router::new();
        for entry in scenario::read(&text).expect("a sound scenario").entries {
            let outcome = router.apply(entry.at, &entry.command);
            played.push((entry.at, entry.command, outcome));
        }
    }
    played
}

pub fn commands() -> Vec<Vec<u8>> {
    played().iter().map(|(_, command, _)| command.encode()).collect()
}

pub fn outcomes() -> Vec<Vec<u8>> {
    played().iter().map(|(_, _, outcome)| outcome.encode()).collect()
}

/// The state in the middle and at the end of each scenario.
pub fn states() -> Vec<Vec<u8>> {
    let mut states = vec![Router::new().snapshot().encode()];
    for text in scenarios() {
        let text = String::from_utf8(text).expect("scenarios are text");
        let entries = scenario::read(&text).expect("a sound scenario").entries;
        let mut router = Router::new();
        for (place, entry) in entries.iter().enumerate() {
            router.apply(entry.at, &entry.command);
            if place * 2 == entries.len() || place + 1 == entries.len() {
                states.push(router.snapshot().encode());
            }
        }
    }
    states
}

pub fn batches() -> Vec<Vec<u8>> {
    let origin = Origin { node: NodeId(2), incarnation: Incarnation(7), seq: 9 };
    let of = |part: &[(Timestamp, Command, Outcome)]| {
        let commands: Vec<ProposedCommand> = part
            .iter()
            .enumerate()
            .map(|(place, (_, command, _))| ProposedCommand {
                frame: Arc::from(command.encode()),
                origin: (place % 2 == 0).then_some(origin),
            })
            .collect();
        EntryBatch { group: GroupId(0), at: part[0].0, commands: commands.into() }.encode()
    };
    played().chunks(5).map(of).collect()
}

pub fn records() -> Vec<Vec<u8>> {
    let of = |(index, (at, command, outcome)): (u64, &(Timestamp, Command, Outcome))| {
        let record = HistoryRecord {
            log_index: LogIndex(index),
            raft_index: index,
            term: 3,
            at: *at,
            command: command.encode(),
            outcome: outcome.encode(),
            chain: u128::from(index) << 64,
        };
        let mut frame = Vec::new();
        record.put(&mut frame);
        let content = frame.split_off(FRAME_HEADER_BYTES);
        assert_eq!(HistoryRecord::decode(&content).ok().as_ref(), Some(&record), "the content begins there");
        content
    };
    (1..).zip(&played()).map(of).collect()
}

pub fn messages() -> Vec<Vec<u8>> {
    use v1::gateway_service_session_request::Message as Gateway;
    use v1::operator_service_session_request::Message as Operator;
    let hello = v1::GatewayHello { gateway: "web".into(), cursor: cursors_text(), ..Default::default() };
    let push =
        v1::GatewayPush { op_id: 1, key: "k".into(), queue: "calls".into(), tier: 5, ..Default::default() };
    let gateway = [Gateway::Hello(hello), Gateway::Push(push)]
        .map(|message| v1::GatewayServiceSessionRequest { message: Some(message) }.encode_to_vec());
    let hello = v1::OperatorHello { login: "anna".into(), ..Default::default() };
    let operator =
        v1::OperatorServiceSessionRequest { message: Some(Operator::Hello(hello)) }.encode_to_vec();
    let plans = played().into_iter().filter_map(|(_, command, _)| {
        if let Command::ApplyPlan(apply) = &command {
            let plan = Some(to_message(&apply.plan));
            return Some(v1::ApplyPlanRequest { plan, dry_run: false }.encode_to_vec());
        }
        let Command::PutOperators(put) = &command else { return None };
        let operators = put.operators.iter().map(operator_to_message).collect();
        Some(v1::PutOperatorsRequest { operators, dry_run: true }.encode_to_vec())
    });
    gateway.into_iter().chain([operator]).chain(plans).collect()
}

fn cursors_text() -> String {
    Position { index: LogIndex(77), n: 3 }.to_cursor()
}

pub fn cursors() -> Vec<Vec<u8>> {
    let of = |index, n| Position { index: LogIndex(index), n }.to_cursor().into_bytes();
    vec![of(0, 0), of(1, 2), of(u64::MAX, u32::MAX), b"g2.00000000000000010000000000000001".to_vec()]
}

/// The folder of a stopped node, of the earliest format that there is: reading it covers what came since.
pub fn node_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&here("../node/replication/tests/fixtures/format-1"), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the fixture is there") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            drop(fs::copy(entry.path(), target))
        }
    }
}

/// Opens and checks all that the stopped node has, by what a start does too.
pub async fn open(folder: &Path) -> Result<Survivor, RecoverError> {
    let me = Peer {
        node: NodeId(1),
        peer_addr: "127.0.0.1:1".into(),
        api_addr: "127.0.0.1:2".into(),
        region: String::new(),
    };
    Survivor::open(folder, "fixture", &me, &SyncMeter::new(Arc::new(Still))).await
}

/// The folder holds these files again, and no others.
pub fn put_back(folder: &Path, files: &[(PathBuf, Vec<u8>)]) {
    fs::remove_dir_all(folder).expect("a folder of ours");
    for (path, content) in files {
        fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
        fs::write(path, content).expect("the folder takes it");
    }
}

/// Time stands still: nothing is measured here.
struct Still;

impl Clock for Still {
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn wall_ms(&self) -> u64 {
        0
    }
}
