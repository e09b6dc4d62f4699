//! `recover --force-new-cluster`: the last way out when a majority is lost for good.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;

use ringmain_cluster_config::NodeConfig;
use ringmain_replication::Clock;
use ringmain_replication::files::SyncMeter;
use ringmain_replication::recover::{RecoverError, Survey, Survivor};
use ringmain_telemetry::codes;
use serde_json::{Value, json};

use super::client;
use crate::cli::{Format, RecoverArgs};
use crate::clock::SystemClock;
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block, moment};
use crate::running::{peer, storage_failure};

/// What has to be typed to go on.
const CONSENT: &str = "give up the others";

/// Shows what the node has, asks, and does it.
pub(super) fn run(args: &RecoverArgs) -> Result<(), Failure> {
    client(recover(args))
}

async fn recover(args: &RecoverArgs) -> Result<(), Failure> {
    let invalid =
        |error: &dyn std::fmt::Display| Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, error);
    let config = NodeConfig::load(&args.config).map_err(|error| invalid(&error))?;
    let me = config.me().ok_or_else(|| invalid(&"node: is not among the peers"))?;
    let clock = Arc::new(SystemClock::start());
    let wall_ms = clock.wall_ms();
    let meter = SyncMeter::new(clock);
    let survivor =
        Survivor::open(&config.data_dir, &config.cluster, &peer(me), &meter).await.map_err(failed)?;
    let survey = survivor.survey().clone();
    if args.dry_run {
        return show(args.format, &survey, None);
    }
    consent(args, &survey)?;
    let generation = survivor.force_new_cluster(wall_ms).await.map_err(failed)?;
    show(args.format, &survey, Some(generation))
}

fn consent(args: &RecoverArgs, survey: &Survey) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    let refused = |message: &str| Failure::new(FailureKind::Refused, codes::INVALID_REQUEST.code, message);
    if !io::stdin().is_terminal() {
        return Err(refused("nothing was changed: nobody can be asked here; say --yes when this is meant"));
    }
    for line in words(survey) {
        eprintln!("{line}");
    }
    eprint!("Type \"{CONSENT}\" to go on: ");
    let mut typed = String::new();
    let read = io::stderr().flush().and_then(|()| io::stdin().lock().read_line(&mut typed));
    match read {
        Ok(_) if typed.trim() == CONSENT => Ok(()),
        Ok(_) | Err(_) => Err(refused("nothing was changed: not confirmed")),
    }
}

fn words(survey: &Survey) -> Vec<String> {
    let uncertain = survey.raft_last.saturating_sub(survey.raft_committed);
    let others: Vec<String> = survey.others.iter().map(ToString::to_string).collect();
    let mut words = vec![
        format!(
            "this node's log ends at raft entry {} of term {}, replicated time {}",
            survey.raft_last,
            survey.raft_term,
            moment(survey.at.0)
        ),
        format!(
            "it knows of {} entries that a majority had; {uncertain} behind them may never have been acknowledged and \
             will count",
            survey.raft_committed
        ),
        "what was acknowledged after that by other nodes alone is lost: compare with every other survivor, and take \
         the one with the longest log"
            .to_owned(),
        format!(
            "given up: nodes {}; they come back with empty folders, under new ids",
            if others.is_empty() { "none".to_owned() } else { others.join(", ") }
        ),
    ];
    if let Some(suspect) = &survey.suspect {
        words.push(format!("WARNING: {suspect}"));
    }
    words
}

fn show(format: Format, survey: &Survey, generation: Option<u64>) -> Result<(), Failure> {
    let mut text: Vec<Block> = words(survey).into_iter().map(Block::Line).collect();
    text.push(Block::Line(match generation {
        Some(generation) => format!("done: a cluster of one, generation {generation}; start the node"),
        None => "nothing was changed".to_owned(),
    }));
    output::print(&Answer { json: as_json(survey, generation), text }, format, false)
}

fn as_json(survey: &Survey, generation: Option<u64>) -> Value {
    json!({
        "raft_last": survey.raft_last,
        "raft_term": survey.raft_term,
        "raft_committed": survey.raft_committed,
        "snapshot_log_index": survey.snapshot.0,
        "at_ms": survey.at.0,
        "others": survey.others.iter().map(|node| node.0).collect::<Vec<_>>(),
        "suspect": survey.suspect,
        "changed": generation.is_some(),
        "generation": generation.unwrap_or(survey.generation),
    })
}

fn failed(error: RecoverError) -> Failure {
    match error {
        RecoverError::Storage(error) => storage_failure(&error),
        error @ RecoverError::NoMember { .. } => {
            Failure::new(FailureKind::Refused, codes::DAMAGED_DATA.code, error)
        }
    }
}
