//! A run of several systems in turns as a file for programs, and as a page for people.

use std::fmt::{Result, Write};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::tally::{Medians, Summary, Tally};

/// A figure, how it is read from a summary, and how many places it is shown with.
struct Row {
    /// With its unit.
    name: &'static str,
    read: fn(&Summary) -> Option<f64>,
    places: usize,
}

const ROWS: [Row; 15] = [
    Row { name: "life cycles/s, the highest rate held", read: |it| it.life_cycles_per_s, places: 0 },
    Row { name: "100/s: p50 to the offer, ms", read: |it| it.usual.p50_ms, places: 2 },
    Row { name: "100/s: p99 to the offer, ms", read: |it| it.usual.p99_ms, places: 2 },
    Row { name: "100/s: CPU of the servers per life cycle, ms", read: |it| it.usual.cpu_ms, places: 2 },
    Row { name: "100/s: written to the disk per life cycle, kB", read: |it| it.usual.written_kb, places: 1 },
    Row { name: "100/s: flushes of the disk per life cycle", read: |it| it.usual.flushes, places: 2 },
    Row { name: "100/s: syncs counted per life cycle", read: |it| it.usual.syncs, places: 2 },
    Row { name: "70 %: contacts/s", read: |it| it.comfort.rate_per_s, places: 0 },
    Row { name: "70 %: p50 to the offer, ms", read: |it| it.comfort.p50_ms, places: 2 },
    Row { name: "70 %: p99 to the offer, ms", read: |it| it.comfort.p99_ms, places: 2 },
    Row { name: "70 %: CPU of the servers per life cycle, ms", read: |it| it.comfort.cpu_ms, places: 3 },
    Row {
        name: "70 %: CPU of the load generator per life cycle, ms",
        read: |it| it.comfort.driver_ms,
        places: 3,
    },
    Row { name: "70 %: written to the disk per life cycle, kB", read: |it| it.comfort.written_kb, places: 1 },
    Row { name: "70 %: flushes of the disk per life cycle", read: |it| it.comfort.flushes, places: 2 },
    Row { name: "70 %: syncs counted per life cycle", read: |it| it.comfort.syncs, places: 3 },
];

impl Tally {
    /// Writes `peers.json` and `peers.md` into a folder; their paths.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        fs::create_dir_all(folder).with_context(|| format!("--report: making {}", folder.display()))?;
        let files = [("peers.json", serde_json::to_string_pretty(self)? + "\n"), ("peers.md", self.page()?)];
        let mut written = Vec::new();
        for (name, text) in files {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("--report: writing {}", path.display()))?;
            written.push(path);
        }
        Ok(written)
    }

    /// Names of all systems, with their versions.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.contenders.iter().map(|it| format!("{} {}", it.name, it.version)).collect()
    }

    /// Medians, a row for each figure: its name and a cell for each system, from the second on with its ratio to the
    /// first.
    #[must_use]
    pub fn rows(&self) -> Vec<Vec<String>> {
        let summaries: Vec<Summary> = self.contenders.iter().map(|it| it.summary()).collect();
        ROWS.iter()
            .map(|row| {
                let ours = summaries.first().and_then(row.read);
                let cells = summaries
                    .iter()
                    .enumerate()
                    .map(|(place, summary)| row.cell((row.read)(summary), ours.filter(|_| place > 0)));
                [row.name.to_owned()].into_iter().chain(cells).collect()
            })
            .collect()
    }

    fn page(&self) -> std::result::Result<String, std::fmt::Error> {
        let mut page = String::from("# The same work by others\n\n");
        writeln!(
            page,
            "Medians of {} rounds in turns; in brackets, how many times ours. Fewer milliseconds and more life cycles \
             are better.\n",
            self.rounds
        )?;
        writeln!(page, "| | {} |", self.names().join(" | "))?;
        writeln!(page, "| --- |{}", " ---: |".repeat(self.contenders.len()))?;
        self.rows().iter().try_for_each(|row| writeln!(page, "| {} |", row.join(" | ")))?;
        self.promises(&mut page)?;
        self.turns(&mut page)?;
        self.circumstances(&mut page)?;
        Ok(page)
    }

    fn promises(&self, page: &mut String) -> Result {
        writeln!(
            page,
            "\n## What each promises\n\n| | durable | assignment | order |\n| --- | --- | --- | --- |"
        )?;
        for it in &self.contenders {
            let promise = &it.promise;
            writeln!(
                page,
                "| {} | {} | {} | {} |",
                it.name, promise.durable, promise.assignment, promise.order
            )?;
        }
        Ok(())
    }

    fn turns(&self, page: &mut String) -> Result {
        writeln!(page, "\n## All turns\n")?;
        writeln!(
            page,
            "| | round | saturation /s | life cycles/s | 100/s p50 | 100/s p99 | 70 % p50 | 70 % p99 | problems |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        for it in &self.contenders {
            for (turn, round) in it.turns.iter().zip(1..) {
                let (usual, comfort) = (Medians::of(turn.usual.iter()), Medians::of(turn.comfort.iter()));
                let problems: u64 = turn.steps().map(|step| step.problems_count).sum();
                writeln!(
                    page,
                    "| {} | {round} | {} | {} | {} | {} | {} | {} | {problems} |",
                    it.name,
                    number(turn.saturation_per_s, 0),
                    number(turn.life_cycles_per_s(), 0),
                    number(usual.p50_ms, 2),
                    number(usual.p99_ms, 2),
                    number(comfort.p50_ms, 2),
                    number(comfort.p99_ms, 2),
                )?;
            }
        }
        Ok(())
    }

    fn circumstances(&self, page: &mut String) -> Result {
        let (machine, setup) = (&self.machine, &self.setup);
        let debug = if machine.debug_build { "; built without optimisation" } else { "" };
        writeln!(page, "\n## Circumstances\n")?;
        writeln!(
            page,
            "* {} processors for three servers and the load generator together, kernel {}, one disk{debug}; what the disk \
             did is all that the machine did to it",
            machine.processors, machine.kernel
        )?;
        writeln!(
            page,
            "* {} gateways and {} of tier 0 with at most {} unanswered pushes each; {} operators of capacity {}; one \
             contact in {} of tier 0; at most {} waiting",
            setup.gateways,
            setup.gateways_of_tier_0,
            setup.window,
            setup.operators,
            setup.capacity,
            setup.tier_0_every,
            setup.waiting_max
        )?;
        writeln!(
            page,
            "* {} s measured after {} s of warm-up; held: {:.0} % accepted, p99 to the offer within {} ms; took {:.0} s",
            setup.measured_s,
            setup.warm_up_s,
            setup.accepted_share_bound * 100.0,
            setup.p99_bound_ms,
            self.seconds
        )
    }
}

impl Row {
    fn cell(&self, value: Option<f64>, ours: Option<f64>) -> String {
        let text = number(value, self.places);
        match (value, ours.filter(|ours| *ours > 0.0)) {
            (Some(value), Some(ours)) => format!("{text} ({:.2})", value / ours),
            (Some(_), None) | (None, _) => text,
        }
    }
}

fn number(value: Option<f64>, places: usize) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.places$}"))
}
