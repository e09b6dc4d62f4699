//! A run as a file for programs, and as a page for people with pictures beside it.

use std::fmt::{Result, Write};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::centre::Kind;
use super::figures::{
    CONTACT_BYTES_GOAL, Cell, DECISION_GOAL_NS, GROWTH_GOAL, RESTORE_GOAL_MS, Run, Times, VIEW_GOAL_MS,
};
use crate::chart::{Chart, Scale, Series};

const PICTURES: [&str; 3] = ["arrival.svg", "freed.svg", "memory.svg"];
const MOST_SERIES: usize = 4;

/// A figure beside what was to be reached.
pub struct Goal {
    /// What it is, with its bound.
    pub what: String,
    /// What was measured.
    pub measured: String,
    /// Whether it is within the bound.
    pub is_reached: bool,
}

impl Run {
    /// Writes `core.json`, `core.md` and three pictures into a folder; their paths.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        fs::create_dir_all(folder).with_context(|| format!("--report: making {}", folder.display()))?;
        let [arrival, freed, memory] = PICTURES;
        let files = [
            ("core.json", serde_json::to_string_pretty(self)? + "\n"),
            ("core.md", self.page()?),
            (arrival, self.growth_of("a contact arrives and waits: p99, µs", Kind::ArrivalWaits).draw()?),
            (freed, self.growth_of("a freed operator takes the next: p99, µs", Kind::FreedTakes).draw()?),
            (memory, self.memory().draw()?),
        ];
        let mut written = Vec::new();
        for (name, text) in files {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("--report: writing {}", path.display()))?;
            written.push(path);
        }
        Ok(written)
    }

    /// What was to be reached with the most contacts and operators of the run, and what was.
    #[must_use]
    pub fn goals(&self) -> Vec<Goal> {
        let mut goals = Vec::new();
        let largest = self.largest().and_then(|(operators, classes)| self.series(operators, classes).pop());
        for kind in [Kind::ArrivalWaits, Kind::ArrivalServed, Kind::FreedTakes, Kind::FreedIdles] {
            if let Some(times) = largest.and_then(|cell| cell.kinds.get(&kind)) {
                goals.push(Goal {
                    what: format!("{}: p99 ≤ {} µs", kind.words(), DECISION_GOAL_NS / 1_000),
                    measured: format!("{:.2} µs", times.p99 as f64 / 1e3),
                    is_reached: times.p99 <= DECISION_GOAL_NS,
                });
            }
            if let Some(growth) = self.growth(kind) {
                goals.push(Goal {
                    what: format!("{}: p50 with the most ≤ {GROWTH_GOAL} × with the fewest", kind.words()),
                    measured: format!("{:.2} ×", growth.times()),
                    is_reached: growth.times() <= GROWTH_GOAL,
                });
            }
        }
        self.goals_of_state(&mut goals);
        goals
    }

    fn goals_of_state(&self, goals: &mut Vec<Goal>) {
        if let Some(heap) = &self.heap {
            let bytes = heap.bytes_per_contact;
            goals.push(Goal {
                what: format!("bytes of a waiting contact ≤ {CONTACT_BYTES_GOAL:.0}"),
                measured: format!("{bytes:.0}"),
                is_reached: bytes <= CONTACT_BYTES_GOAL,
            });
        }
        if let Some(view) = self.views.last() {
            let longest = view.take_ms.iter().copied().fold(0.0, f64::max);
            goals.push(Goal {
                what: format!("pause of a view ≤ {VIEW_GOAL_MS:.0} ms"),
                measured: format!("{longest:.2} ms"),
                is_reached: longest <= VIEW_GOAL_MS,
            });
            goals.push(Goal {
                what: format!("reading a snapshot ≤ {RESTORE_GOAL_MS:.0} ms"),
                measured: format!("{:.0} ms", view.restore_ms),
                is_reached: view.restore_ms <= RESTORE_GOAL_MS,
            });
        }
    }

    fn growth_of(&self, title: &'static str, kind: Kind) -> Chart {
        let classes = self.largest().map_or(0, |largest| largest.1);
        let mut operators: Vec<u32> = self.cells.iter().map(|cell| cell.operators).collect();
        operators.sort_unstable();
        operators.dedup();
        let points = |operators: u32| {
            let of = |cell: &&Cell| {
                Some((f64::from(cell.waiting_wanted), cell.kinds.get(&kind)?.p99 as f64 / 1e3))
            };
            self.series(operators, classes).iter().filter_map(of).collect()
        };
        let series = operators.iter().rev().take(MOST_SERIES);
        let series = series.map(|&operators| Series {
            name: format!("{operators} operators").into(),
            points: points(operators),
        });
        Chart {
            title,
            x_name: "contacts that wait",
            x_scale: Scale::Log,
            scale: Scale::Linear,
            series: series.collect(),
        }
    }

    fn memory(&self) -> Chart {
        let over_waiting = |values: &[u64]| {
            let heap = self.heap.iter().flat_map(|heap| &heap.waiting);
            heap.zip(values).map(|(waiting, bytes)| (f64::from(*waiting), *bytes as f64 / 1e6)).collect()
        };
        let of = |values: fn(&super::HeapFigures) -> &[u64]| self.heap.as_ref().map_or(&[][..], values);
        Chart {
            title: "memory, MB",
            x_name: "contacts that wait",
            x_scale: Scale::Linear,
            scale: Scale::Linear,
            series: vec![
                Series { name: "asked for".into(), points: over_waiting(of(|heap| &heap.bytes)) },
                Series { name: "resident".into(), points: over_waiting(of(|heap| &heap.resident)) },
            ],
        }
    }

    fn page(&self) -> std::result::Result<String, std::fmt::Error> {
        let mut page = String::from("# The core alone\n\n| goal | measured | |\n| --- | ---: | --- |\n");
        for Goal { what, measured, is_reached } in self.goals() {
            writeln!(
                page,
                "| {what} | {measured} | {} |",
                if is_reached { "reached" } else { "**missed**" }
            )?;
        }
        let [arrival, freed, memory] = PICTURES;
        writeln!(page, "\n![p99 of an arrival]({arrival})\n\n![p99 of a freed operator]({freed})\n")?;
        if self.heap.is_some() {
            writeln!(page, "![memory]({memory})\n")?;
        }
        self.sizes(&mut page)?;
        self.largest_by_kind(&mut page)?;
        self.state(&mut page)?;
        let machine = &self.machine;
        writeln!(
            page,
            "One thread; {} processors, kernel {}, version {}{}, seed {}; {} pages; reading the clock costs {} ns, which are in \
             every time. The run took {:.0} s.",
            machine.processors,
            machine.kernel,
            machine.ringmain,
            if machine.debug_build { " **without optimisation**" } else { "" },
            self.seed,
            if self.huge_pages { "huge" } else { "small" },
            self.clock_ns,
            self.seconds
        )?;
        Ok(page)
    }

    fn sizes(&self, page: &mut String) -> Result {
        writeln!(
            page,
            "## Each size\n\nIn µs, p50 / p99 / p99.9; commands per second of time in the core.\n"
        )?;
        writeln!(
            page,
            "| waiting | operators | profiles | classes | commands/s | arrival waits | arrival served | freed takes | \
             freed idles |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        for cell in &self.cells {
            let Cell { waiting, operators, profiles, classes, commands_per_s, .. } = cell;
            write!(page, "| {waiting} | {operators} | {profiles} | {classes} | {commands_per_s:.0} |")?;
            for kind in Kind::ALL.into_iter().filter(|kind| kind.is_decision()) {
                let us = |ns: u64| ns as f64 / 1e3;
                match cell.kinds.get(&kind) {
                    Some(Times { p50, p99, p999, .. }) => {
                        write!(page, " {:.1} / {:.1} / {:.1} |", us(*p50), us(*p99), us(*p999))?;
                    }
                    None => write!(page, " – |")?,
                }
            }
            writeln!(page)?;
        }
        writeln!(page)
    }

    fn largest_by_kind(&self, page: &mut String) -> Result {
        let Some(cell) =
            self.largest().and_then(|(operators, classes)| self.series(operators, classes).pop())
        else {
            return Ok(());
        };
        writeln!(page, "## The largest, by kind of command\n\nIn ns.\n")?;
        writeln!(
            page,
            "| command | count | mean | p50 | p99 | p99.9 | max |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        for (kind, Times { count, mean, p50, p99, p999, max }) in &cell.kinds {
            writeln!(page, "| {} | {count} | {mean:.0} | {p50} | {p99} | {p999} | {max} |", kind.words())?;
        }
        writeln!(page)
    }

    fn state(&self, page: &mut String) -> Result {
        writeln!(page, "## Snapshots and memory\n")?;
        for view in &self.views {
            let arrival = view.while_held.get(&Kind::ArrivalWaits).map_or(0, |times| times.p99);
            let longest = view.take_ms.iter().copied().fold(0.0, f64::max);
            writeln!(
                page,
                "* {} waiting, {} operators: a view pauses for {longest:.2} ms at most; while it is held p99 of an \
                 arrival is {:.1} µs; written in {:.0} ms ({} bytes), read in {:.0} ms.",
                view.waiting,
                view.operators,
                arrival as f64 / 1e3,
                view.encode_ms,
                view.bytes,
                view.restore_ms
            )?;
        }
        if let Some(heap) = &self.heap {
            writeln!(
                page,
                "* Bytes asked for: {:.0} for each waiting contact (resident {:.0}), {:.0} for each operator with its \
                 session. A contact has a key of 17 bytes, a customer of 15, one skill or two of 9; one in twenty is a \
                 call-back with a number of 12; no topic, no language, no attributes.",
                heap.bytes_per_contact, heap.resident_per_contact, heap.bytes_per_operator
            )?;
        }
        writeln!(page)
    }
}
