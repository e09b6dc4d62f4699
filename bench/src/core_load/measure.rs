//! The stopwatch beside the core: each command by itself, then snapshots, then memory.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use ringmain_routing::{Outcome, Router};

use super::centre::{Centre, Kind};
use super::figures::{Cell, HeapFigures, Times, ViewFigures};
use super::shape::Size;
use crate::clock::Stopwatch;

/// Largest time that the histograms tell apart.
const TIME_NS_MAX: u64 = 10_000_000_000;
/// Views taken, to see how the pause varies.
const VIEWS: u32 = 9;
const PAGE_BYTES: u64 = 4_096;

/// Lets so many wait and measures commands of the mix one by one, after a tenth of them to warm up.
#[must_use]
pub fn measure_cell(centre: &mut Centre, size: Size, waiting: u32, commands: u32) -> Cell {
    centre.grow(waiting);
    steps(centre, commands / 10);
    let kinds = steps(centre, commands);
    let busy_ns: f64 = kinds.values().map(|times| times.mean * times.count as f64).sum();
    Cell {
        waiting: centre.waiting(),
        waiting_wanted: waiting,
        operators: size.operators,
        profiles: size.profiles(),
        classes: size.classes,
        commands: u64::from(commands),
        commands_per_s: f64::from(commands) * 1e9 / busy_ns.max(1.0),
        kinds,
        chain: format!("{:032x}", centre.router().chain()),
    }
}

/// Carries out commands of the mix under the stopwatch.
fn steps(centre: &mut Centre, commands: u32) -> BTreeMap<Kind, Times> {
    let mut kinds: BTreeMap<Kind, Histogram<u64>> = BTreeMap::new();
    for _ in 0..commands {
        let mut elapsed = 0;
        let kind = centre.step(&mut |_, router, at, command| -> Outcome {
            let watch = Stopwatch::start();
            let outcome = router.apply(at, command);
            elapsed = watch.elapsed().as_nanos() as u64;
            outcome
        });
        let histogram = kinds.entry(kind).or_insert_with(new_histogram);
        histogram.saturating_record(elapsed);
    }
    kinds.iter().map(|(&kind, ns)| (kind, Times::of(ns))).collect()
}

/// Takes views of the state, goes on beside one, writes it as bytes and reads them back.
///
/// # Errors
/// The bytes cannot be read, or give another state.
pub fn measure_views(centre: &mut Centre, size: Size, commands: u32) -> anyhow::Result<ViewFigures> {
    let mut take_ms = Vec::new();
    for _ in 0..VIEWS {
        let watch = Stopwatch::start();
        let view = centre.router().snapshot();
        take_ms.push(watch.elapsed().as_secs_f64() * 1e3);
        drop(view);
    }
    let view = centre.router().snapshot();
    let while_held = steps(centre, commands);
    let watch = Stopwatch::start();
    let bytes = view.encode();
    let encode_ms = watch.elapsed().as_secs_f64() * 1e3;
    let watch = Stopwatch::start();
    let restored = Router::restore(&bytes)?;
    let restore_ms = watch.elapsed().as_secs_f64() * 1e3;
    anyhow::ensure!(
        (restored.index(), restored.chain()) == (view.index(), view.chain()),
        "the state that was read is another than the one that was written"
    );
    let (waiting, operators) = (centre.waiting(), size.operators);
    Ok(ViewFigures {
        waiting,
        operators,
        take_ms,
        while_held,
        encode_ms,
        bytes: bytes.len() as u64,
        restore_ms,
    })
}

/// Lets more and more contacts wait and asks after each step what the heap holds.
#[must_use]
pub fn measure_heap(size: Size, steps: &[u32], heap_bytes: &dyn Fn() -> u64) -> HeapFigures {
    let before = heap_bytes();
    let mut centre = Centre::open(size);
    let held = |centre: &Centre| heap_bytes().saturating_sub(before + centre.own_bytes() as u64);
    let bytes_per_operator = held(&centre) as f64 / centre.operators().max(1) as f64;
    let (mut waiting, mut bytes, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for step in steps {
        centre.grow(*step);
        waiting.push(centre.waiting());
        bytes.push(held(&centre));
        resident.push(resident_bytes().saturating_sub(centre.own_bytes() as u64));
    }
    let more = waiting.last().zip(waiting.first()).map_or(0, |(last, first)| last - first);
    let grown = |of: &[u64]| of.last().zip(of.first()).map_or(0, |(last, first)| last.saturating_sub(*first));
    let per_contact = |of: &[u64]| grown(of) as f64 / f64::from(more.max(1));
    HeapFigures {
        operators: size.operators,
        profiles: size.profiles(),
        classes: size.classes,
        bytes_per_operator,
        bytes_per_contact: per_contact(&bytes),
        resident_per_contact: per_contact(&resident),
        waiting,
        bytes,
        resident,
    }
}

/// Resident memory of this process; 0 where the system does not say.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .map_or(0, |pages: u64| pages * PAGE_BYTES)
}

/// Three significant digits up to [`TIME_NS_MAX`].
fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, TIME_NS_MAX, 3).expect("constant bounds are valid")
}
