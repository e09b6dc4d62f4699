//! A surge as a file for programs, and as a page for people with pictures beside it.

use std::fmt::{Result, Write};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::figures::{Class, Machine, Setup, Work};
use super::page::{cells, node_row, or_dash};
use super::surge::Surge;
use super::told::Second;
use crate::chart::{Chart, Mark, Scale, Series};

const PICTURES: [&str; 3] = ["rates.svg", "waiting.svg", "offers.svg"];

impl Surge {
    /// Writes `surge.json`, `surge.md` and three pictures into a folder; their paths.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        let [rates, waiting, offers] = PICTURES;
        let marks = [
            Mark { at: self.kill.at_s, word: "leader killed" },
            Mark { at: self.kill.restarted_s, word: "" },
        ];
        let files = [
            ("surge.json", serde_json::to_string_pretty(self)? + "\n"),
            ("surge.md", self.page()?),
            (rates, self.rates().draw_marked(&marks)?),
            (waiting, self.waiting().draw_marked(&marks)?),
            (offers, self.offers().draw_marked(&marks)?),
        ];
        write_all(folder, &files)
    }

    fn series(&self, name: &'static str, value: impl Fn(&Second) -> Option<f64>) -> Series {
        let point = |second: &Second| Some((second.at_s as f64, value(second)?));
        Series { name: name.into(), points: self.seconds.iter().filter_map(point).collect() }
    }

    fn rates(&self) -> Chart {
        Chart {
            title: "calls, accepted, refused and offered per second",
            x_name: "seconds since the first call",
            x_scale: Scale::Linear,
            scale: Scale::Linear,
            series: vec![
                self.series("calls", |second| Some(second.calls as f64)),
                self.series("accepted", |second| Some(second.accepted as f64)),
                self.series("refused", |second| Some(second.refused as f64)),
                self.series("offered", |second| Some(second.offered as f64)),
            ],
        }
    }

    fn waiting(&self) -> Chart {
        Chart {
            title: "contacts in line",
            x_name: "seconds since the first call",
            x_scale: Scale::Linear,
            scale: Scale::Linear,
            series: vec![self.series("waiting", |second| Some(second.waiting as f64))],
        }
    }

    fn offers(&self) -> Chart {
        let of = |class: Class| move |second: &Second| second.ready_to_offer_p99_ms.get(&class).copied();
        Chart {
            title: "from contact and room being there to the offer, p99 of each second, ms",
            x_name: "seconds since the first call",
            x_scale: Scale::Linear,
            scale: Scale::Log,
            series: vec![self.series("others", of(Class::Others)), self.series("tier 0", of(Class::Tier0))],
        }
    }

    fn page(&self) -> std::result::Result<String, std::fmt::Error> {
        let mut page = String::from("# A surge\n\n");
        self.summary(&mut page)?;
        let [rates, waiting, offers] = PICTURES;
        writeln!(page, "![calls, accepted, refused and offered]({rates})\n")?;
        writeln!(page, "![contacts in line]({waiting})\n")?;
        writeln!(page, "![from contact and room to the offer]({offers})\n")?;
        self.counts(&mut page)?;
        self.latencies(&mut page)?;
        self.fates(&mut page)?;
        work(&mut page, &self.work)?;
        problems(&mut page, self.problems_count, &self.problems)?;
        self.circumstances(&mut page)?;
        Ok(page)
    }

    fn summary(&self, page: &mut String) -> Result {
        let kill = &self.kill;
        let agree = if self.replicas_agree { "agree" } else { "DO NOT AGREE" };
        let ms = |ms: Option<f64>| ms.map_or("never".to_owned(), |ms| format!("{ms:.0} ms"));
        writeln!(
            page,
            "**{} of the contacts accepted were lost; {} problems; the nodes {agree} in the end.**\n",
            self.lost, self.problems_count
        )?;
        writeln!(page, "* {} stood in line at once, at most", self.waiting_max)?;
        writeln!(
            page,
            "* node {}, the leader, was killed after {:.1} s; {} later the next contact was offered that could not be before; {} elections",
            kill.node,
            kill.at_s,
            ms(kill.to_next_offer_ms),
            self.elections
        )?;
        let caught_up = kill.caught_up_s.map(|at_s| (at_s - kill.restarted_s) * 1e3);
        writeln!(
            page,
            "* it was started again after {:.1} s and had caught up {} later",
            kill.restarted_s,
            ms(caught_up)
        )?;
        writeln!(page, "* {:.1} s after the last scheduled call everything had ended\n", self.drained_s)
    }

    fn counts(&self, page: &mut String) -> Result {
        writeln!(page, "## Calls\n\nBy the part of the surge in which they were due.\n")?;
        writeln!(
            page,
            "| | from, to, s | class | calls | per second | of them again | accepted | refused | unknown | completed |\n\
             | --- | --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |"
        )?;
        for phase in &self.phases {
            for (class, calls) in &phase.calls {
                let refused: Vec<String> =
                    calls.refused.iter().map(|(code, count)| format!("{code} {count}")).collect();
                let per_s = calls.calls as f64 / (phase.to_s - phase.from_s).max(f64::MIN_POSITIVE);
                writeln!(
                    page,
                    "| {} | {:.1}, {:.1} | {} | {} | {per_s:.0} | {} | {} | {} | {} | {} |",
                    phase.name,
                    phase.from_s,
                    phase.to_s,
                    class.word(),
                    calls.calls,
                    calls.redials,
                    calls.accepted,
                    or_dash(refused.join(", ")),
                    calls.unknown,
                    calls.completed
                )?;
            }
        }
        writeln!(page)
    }

    fn latencies(&self, page: &mut String) -> Result {
        writeln!(
            page,
            "## Latencies\n\nIn ms. *Answer* and *offer* count from the moment a call was due, *offer* with the time in line; \
             *its own part* counts from the moment when both the contact and room for it were there, by the part in which that was.\n"
        )?;
        writeln!(
            page,
            "| | class | to | count | p50 | p90 | p99 | p99.9 | max |\n| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        for phase in &self.phases {
            for (class, calls) in &phase.calls {
                for (to, latency) in [
                    ("answer", &calls.push_to_ack),
                    ("offer", &calls.push_to_offer),
                    ("its own part", &calls.ready_to_offer),
                ] {
                    writeln!(page, "| {} | {} | {to} | {} |", phase.name, class.word(), cells(latency))?;
                }
            }
        }
        writeln!(
            page,
            "\nThe load generator was late by {:.1} ms (p99), {:.0} ms at most.\n",
            self.lateness_p99_ms, self.lateness_max_ms
        )
    }

    fn fates(&self, page: &mut String) -> Result {
        writeln!(page, "## Customers whose first call was refused\n")?;
        writeln!(page, "| by | customers | got in later | gave up |\n| --- | ---: | ---: | ---: |")?;
        for (code, fate) in &self.refused_first {
            writeln!(page, "| {code} | {} | {} | {} |", fate.customers, fate.got_in_later, fate.gave_up)?;
        }
        writeln!(page)
    }

    fn circumstances(&self, page: &mut String) -> Result {
        let setup = &self.setup;
        circumstances(page, &self.machine, &setup.centre)?;
        writeln!(
            page,
            "* {:.0} calls a second for {:.0} s, then {:.0} times as many within {:.0} s, for {:.0} s, and back within {:.0} s",
            setup.baseline_per_s, setup.before_s, setup.factor, setup.ramp_s, setup.hold_s, setup.decay_s
        )?;
        writeln!(
            page,
            "* talks of {:.1} s on average, exponentially distributed, until the last call of the schedule; then none",
            setup.talk_s
        )?;
        writeln!(
            page,
            "* who is refused dials again {} times at most, after {:.1} s on average",
            setup.redials.times_max, setup.redials.pause_s
        )
    }
}

/// Writes files into a folder, which is made; their paths.
pub(super) fn write_all(folder: &Path, files: &[(&str, String)]) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).with_context(|| format!("--report: making {}", folder.display()))?;
    let mut written = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("--report: writing {}", path.display()))?;
        written.push(path);
    }
    Ok(written)
}

/// A table of what nodes and load generator did.
pub(super) fn work(page: &mut String, work: &[Work]) -> Result {
    writeln!(
        page,
        "## Nodes\n\nProcessors: how many the process kept busy. Who led at the end is marked.\n"
    )?;
    writeln!(
        page,
        "| | node | processors | syncs | mean sync ms | written MB/s | turned away |\n\
         | --- | --- | ---: | ---: | ---: | ---: | --- |"
    )?;
    for work in work {
        for (node, figures) in &work.nodes {
            node_row(page, (&work.name, work.seconds), *node, figures)?;
            writeln!(page)?;
        }
        writeln!(page, "| {} | load | {:.2} | | | | |", work.name, work.driver_processors)?;
    }
    writeln!(page)
}

/// What went wrong, if anything.
pub(super) fn problems(page: &mut String, count: u64, problems: &[String]) -> Result {
    if count == 0 {
        return Ok(());
    }
    writeln!(page, "## Problems\n\n{count} in all.\n")?;
    problems.iter().try_for_each(|problem| writeln!(page, "* {problem}"))?;
    writeln!(page)
}

/// The machine and the centre.
pub(super) fn circumstances(page: &mut String, machine: &Machine, centre: &Setup) -> Result {
    let debug = if machine.debug_build { ", built without optimisation" } else { "" };
    writeln!(page, "## Circumstances\n")?;
    writeln!(
        page,
        "* {} processors for nodes and load generator together, kernel {}; ringmain {}{debug}; {} nodes on loopback, each with \
         its own data folder on one disk",
        machine.processors, machine.kernel, machine.ringmain, centre.nodes
    )?;
    let Setup { gateways, gateways_of_tier_0, operators, capacity, tier_0_every, window, .. } = centre;
    writeln!(
        page,
        "* {gateways} gateways and {gateways_of_tier_0} of tier 0 with at most {window} unanswered pushes each; {operators} \
         operators of capacity {capacity}; one contact in {tier_0_every} of tier 0; at most {} waiting; seed {}",
        centre.waiting_max, centre.seed
    )
}
