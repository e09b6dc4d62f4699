//! Whole nodes, their real gRPC, Raft, actors and disks, in one process over simulated TCP, under random faults.
//!
//! **Not reproducible bit for bit**: openraft draws its election timeouts itself, disks answer from threads of their own,
//! and tasks take turns as they like. A seed gives the same faults at the same times, not the same run. What failed
//! leaves its trace and the nodes' folders.
//!
//! `RINGMAIN_TURMOIL_SEEDS=7` or `=1..20` runs other seeds than the fixed ones.

mod nemesis;
mod node;
mod world;

use std::path::{Path, PathBuf};

/// Seeds of every run: what a test says is about the code and not about the draw.
const FIXED: std::ops::RangeInclusive<u64> = 1..=2;

#[test]
fn whole_nodes_keep_every_promise_under_random_faults() {
    for seed in seeds() {
        let folder =
            tempfile::Builder::new().prefix("ringmain-turmoil-").tempdir_in(scratch()).expect("a folder");
        let run = world::run(seed, folder.path());
        println!("seed {seed}: {}", run.summary());
        if !run.is_clean() {
            let kept = folder.keep();
            std::fs::write(kept.join("trace.txt"), run.trace()).expect("the trace is kept");
            panic!("seed {seed} broke a promise: {run:#?}\ntrace and data are in {}", kept.display());
        }
    }
}

fn seeds() -> Vec<u64> {
    let number =
        |text: &str| text.trim().parse::<u64>().expect("RINGMAIN_TURMOIL_SEEDS: a number, or two as 1..20");
    match std::env::var("RINGMAIN_TURMOIL_SEEDS") {
        Ok(text) => match text.split_once("..") {
            Some((from, to)) => (number(from)..=number(to)).collect(),
            None => vec![number(&text)],
        },
        Err(_) => FIXED.collect(),
    }
}

/// Memory, where the machine has a file system in it: simulated time runs faster than a disk syncs.
fn scratch() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}
