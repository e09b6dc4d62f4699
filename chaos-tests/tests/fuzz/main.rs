//! Whatever is read from outside, from a disk or from another node may be anything. Reading it ends in a value or in an
//! error, never in a panic, and what was read can be written and read again.
//!
//! Inputs are samples of the real thing, bent by a script of small changes that is drawn anew each time. `cargo test` runs
//! some thousand cases each; `RINGMAIN_FUZZ_CASES=1000000` runs as many as it says. A script that fails is shrunk and
//! kept in `tests/fuzz/regressions`, and runs every time from then on.

mod bend;
mod calls;
mod requests;
mod samples;
mod shapes;

use std::fs;
use std::path::Path;

use prost::Message;
use ringmain_bench::profile::Profile;
use ringmain_cluster_config::{NodeConfig, RoutingPlan, Tokens};
use ringmain_protocol::plan::{from_message, operator_from_message};
use ringmain_protocol::v1;
use ringmain_replication::HistoryRecord;
use ringmain_replication::type_config::EntryBatch;
use ringmain_replication::verify::verify;
use ringmain_routing::{Command, Outcome, Position, Router, Timestamp};

use bend::bent;
use proptest::prelude::{ProptestConfig, any};
use proptest::test_runner::{FileFailurePersistence, TestRunner};

const CASES: usize = 3_000;
/// A script of changes needs no more.
const SCRIPT_BYTES_MAX: usize = 64;

fn cases() -> usize {
    std::env::var("RINGMAIN_FUZZ_CASES")
        .map_or(CASES, |text| text.parse().expect("RINGMAIN_FUZZ_CASES: a number"))
}

/// Cases that open files take longer.
fn cases_with_files() -> usize {
    cases() / 10
}

/// Reads every sample, then bent ones, until one panics or all cases are done.
fn fuzz(name: &'static str, cases: usize, samples: &[Vec<u8>], read: impl Fn(&[u8])) {
    assert!(!samples.is_empty(), "there is something to bend");
    samples.iter().for_each(|sample| read(sample));
    fuzz_scripts(name, cases, |script| read(&bent(samples, script)));
}

fn fuzz_scripts(name: &'static str, cases: usize, read: impl Fn(&[u8])) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/regressions").join(name);
    let config = ProptestConfig {
        cases: u32::try_from(cases).expect("RINGMAIN_FUZZ_CASES: below 2^32"),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept(file)))),
        ..ProptestConfig::default()
    };
    let scripts = proptest::collection::vec(any::<u8>(), 0..SCRIPT_BYTES_MAX);
    let outcome = TestRunner::new(config).run(&scripts, |script| {
        read(&script);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{name}: {failure}");
    }
}

/// The runner wants the file's name for the whole life of the program.
fn kept(file: std::path::PathBuf) -> &'static str {
    Box::leak(file.display().to_string().into_boxed_str())
}

#[test]
fn commands() {
    fuzz("commands", cases(), &samples::commands(), |bytes: &[u8]| {
        if let Ok(command) = Command::decode(bytes) {
            assert_eq!(Command::decode(&command.encode()).as_ref(), Ok(&command));
        }
    });
}

#[test]
fn outcomes() {
    fuzz("outcomes", cases(), &samples::outcomes(), |bytes: &[u8]| {
        if let Ok(outcome) = Outcome::decode(bytes) {
            assert_eq!(Outcome::decode(&outcome.encode()).as_ref(), Ok(&outcome));
        }
    });
}

#[test]
fn states() {
    fuzz("states", cases(), &samples::states(), |bytes: &[u8]| {
        if let Ok(router) = Router::restore(bytes) {
            let again = router.snapshot().encode();
            assert!(Router::restore(&again).is_ok(), "what was read and written again can be read");
        }
    });
}

#[test]
fn entries_of_the_log() {
    fuzz("batches", cases(), &samples::batches(), |bytes: &[u8]| {
        // Only that it ends: what is in it is decoded command by command.
        let _read = EntryBatch::decode(bytes);
    });
}

#[test]
fn records_of_history() {
    fuzz("records", cases(), &samples::records(), |bytes: &[u8]| {
        if let Ok(record) = HistoryRecord::decode(bytes) {
            let _command = Command::decode(&record.command);
            let _outcome = Outcome::decode(&record.outcome);
        }
    });
}

#[test]
fn messages_of_clients() {
    fuzz("messages", cases(), &samples::messages(), |bytes: &[u8]| {
        let _gateway = v1::GatewayServiceSessionRequest::decode(bytes);
        let _operator = v1::OperatorServiceSessionRequest::decode(bytes);
        if let Ok(v1::ApplyPlanRequest { plan: Some(plan), .. }) = v1::ApplyPlanRequest::decode(bytes) {
            let _plan = from_message(plan);
        }
        if let Ok(v1::PutOperatorsRequest { operators, .. }) = v1::PutOperatorsRequest::decode(bytes) {
            let _operators: Vec<_> =
                operators.into_iter().map(|operator| operator_from_message("operators", operator)).collect();
        }
    });
}

/// Each type by itself: `RINGMAIN_FUZZ_CASES` is how many cases each gets.
#[test]
fn every_message_of_the_protocol() {
    let protocol = shapes::Protocol::read();
    let each = std::env::var("RINGMAIN_FUZZ_CASES").map_or(CASES / 10, |_| cases());
    for row in requests::ROWS {
        fuzz(row.name, each, &protocol.samples(row.name, "session"), row.read);
    }
}

/// The first byte of a script chooses the method; on a stream a sound message comes first and last, so that what
/// comes between is read behind an opening too.
#[test]
fn calls_to_a_node() {
    let node = calls::Node::start();
    for method in 0..node.methods() {
        node.samples(method).iter().for_each(|sample| node.call(method, vec![sample.clone()]));
    }
    node.must_serve();
    fuzz_scripts("calls", cases_with_files(), |script| {
        let Some((method, rest)) = script.split_first() else { return };
        let method = usize::from(*method) % node.methods();
        let samples = node.samples(method);
        let first = samples[rest.first().map_or(0, |byte| usize::from(*byte)) % samples.len()].clone();
        let (one, other) = rest.split_at(rest.len() / 2);
        let mut messages = vec![bent(samples, one), bent(samples, other)];
        if rest.len().is_multiple_of(2) {
            messages.insert(0, first);
        }
        node.call(method, messages);
    });
    node.must_serve();
}

#[test]
fn cursors() {
    fuzz("cursors", cases(), &samples::cursors(), |bytes: &[u8]| {
        if let Some(position) = std::str::from_utf8(bytes).ok().and_then(Position::from_cursor) {
            assert_eq!(Position::from_cursor(&position.to_cursor()), Some(position));
        }
    });
}

#[test]
fn configs_and_plans() {
    fuzz("configs", cases(), &samples::configs(), |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let _config = NodeConfig::parse("node.toml", &text);
        let plan = RoutingPlan::parse("plan.toml", &text);
        for calendar in plan.iter().flat_map(|plan| &plan.calendars) {
            for now in [0, 1 << 35, 1 << 41, u64::MAX].map(Timestamp) {
                if let Ok(expanded) = calendar.expand(now) {
                    assert_eq!(expanded.check(), Ok(()), "the core takes what was expanded");
                }
            }
        }
        let _tokens = Tokens::parse("tokens.toml", &text);
    });
}

#[test]
fn scenarios() {
    fuzz("scenarios", cases(), &samples::scenarios(), |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(scenario) = ringmain_chaos::scenario::read(&text) {
            let again = ringmain_chaos::scenario::read(&ringmain_chaos::scenario::write(&scenario));
            assert_eq!(again.ok().as_ref(), Some(&scenario), "what was read and written again is the same");
        }
    });
}

#[test]
fn profiles() {
    fuzz("profiles", cases(), &samples::profiles(), |bytes: &[u8]| {
        let _profile = Profile::parse(&String::from_utf8_lossy(bytes), "profile.json");
    });
}

/// One file of a stopped node is bent, and all are read; then the node is opened as it is when it starts.
#[test]
fn files_of_a_node() {
    let node = samples::node_folder();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let paths = files_below(node.path());
    let whole: Vec<(std::path::PathBuf, Vec<u8>)> =
        paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("it was just written"))).collect();
    fuzz_scripts("files", cases_with_files(), |script| {
        let Some((first, rest)) = script.split_first() else { return };
        let (path, sample) = &whole[usize::from(*first) % whole.len()];
        fs::write(path, bent(std::slice::from_ref(sample), rest)).expect("the folder takes it");
        let _report = verify(node.path());
        drop(runtime.block_on(samples::open(node.path())));
        // Opening mends and sets aside: the next case begins with the whole folder again.
        samples::put_back(node.path(), &whole);
    });
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}
