//! A run as a file for programs, and as a page for people with pictures beside it.

use std::fmt::{Result, Write};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::figures::{Comeback, Crowd, Furnishing, Joining, NodeSnapshot, Run, Size};
use crate::chart::{Chart, Scale, Series};
use crate::cluster::{Class, Latency};

const PICTURES: [&str; 5] = ["enqueue.svg", "memory.svg", "snapshot.svg", "restart.svg", "decisions.svg"];
const MIB: f64 = 1_048_576.0;

type Page = std::result::Result<String, std::fmt::Error>;

impl Run {
    /// Writes `scale.json`, `scale.md` and the pictures into a folder; their paths.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        fs::create_dir_all(folder).with_context(|| format!("--report: making {}", folder.display()))?;
        let charts = [self.enqueue(), self.memory(), self.snapshots(), self.restarts(), self.decisions()];
        let mut files =
            vec![("scale.json", serde_json::to_string_pretty(self)? + "\n"), ("scale.md", self.page()?)];
        for (name, chart) in PICTURES.into_iter().zip(charts) {
            files.push((name, chart.draw()?));
        }
        let mut written = Vec::new();
        for (name, text) in files {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("--report: writing {}", path.display()))?;
            written.push(path);
        }
        Ok(written)
    }

    fn chart(title: &'static str, scale: Scale, series: Vec<Series>) -> Chart {
        Chart { title, x_name: "contacts waiting", x_scale: Scale::Log, scale, series }
    }

    fn series(&self, name: &'static str, value: impl Fn(&Size) -> f64) -> Series {
        let points = self.sizes.iter().map(|size| (size.waiting as f64, value(size))).collect();
        Series { name: name.into(), points }
    }

    fn enqueue(&self) -> Chart {
        let rates = self.sizes.iter().flat_map(|size| &size.rates);
        let along = Series {
            name: "along the way".into(),
            points: rates.map(|(waiting, rate)| (*waiting as f64, *rate)).collect(),
        };
        let mean = self.series("mean up to a size", Size::accepted_per_s);
        Run::chart("contacts accepted per second", Scale::Linear, vec![along, mean])
    }

    fn memory(&self) -> Chart {
        let node =
            |place: usize| move |size: &Size| size.resident.get(place).map_or(0.0, |of| *of as f64 / MIB);
        let series = ["node 1", "node 2", "node 3"].into_iter().enumerate();
        let series = series.map(|(place, name)| self.series(name, node(place))).collect();
        Run::chart("resident memory of each node, MiB", Scale::Linear, series)
    }

    fn snapshots(&self) -> Chart {
        let series = vec![
            self.series("written, ms", |size| most(size, |one| one.write_ms)),
            self.series("size, MB", |size| most(size, |one| one.bytes as f64 / 1e6)),
            self.series("view, ms", |size| most(size, |one| one.pause_ms)),
            self.series("longest entry, ms", |size| most(size, |one| one.longest_ms)),
        ];
        Run::chart("a snapshot", Scale::Log, series)
    }

    fn restarts(&self) -> Chart {
        let series = vec![
            self.series("serves", |size| size.with_snapshot.serving_s),
            self.series("is level", |size| size.with_snapshot.caught_up_s),
            self.series("serves, log to apply", |size| size.with_log.serving_s),
            self.series("is level, log to apply", |size| size.with_log.caught_up_s),
        ];
        Run::chart("from the start of a killed follower, s", Scale::Linear, series)
    }

    fn decisions(&self) -> Chart {
        let series = vec![
            self.series("p50 to the offer", |size| offer(size).p50_ms),
            self.series("p99 to the offer", |size| offer(size).p99_ms),
            self.series("p50 to the next", |size| size.to_next.p50_ms),
            self.series("p99 to the next", |size| size.to_next.p99_ms),
        ];
        Run::chart("decisions beside those who wait, ms", Scale::Log, series)
    }

    fn page(&self) -> Page {
        let mut page = String::from("# What size does to a cluster\n\n");
        self.summary(&mut page)?;
        self.furnishing.as_ref().map_or(Ok(()), |furnishing| furnished(&mut page, furnishing))?;
        sessions(&mut page, [("gateways", &self.gateways), ("operators", &self.operators)])?;
        waiting(&mut page, &self.sizes)?;
        snapshots(&mut page, &self.sizes)?;
        restarts(&mut page, &self.sizes)?;
        self.joining.as_ref().map_or(Ok(()), |joining| joined(&mut page, joining))?;
        decisions(&mut page, &self.sizes)?;
        self.facts(&mut page)?;
        self.circumstances(&mut page)?;
        Ok(page)
    }

    fn summary(&self, page: &mut String) -> Result {
        let agree = if self.replicas_agree { "agree" } else { "DO NOT AGREE" };
        writeln!(
            page,
            "{} contacts are open by the records of the clients, {:?} by the nodes; the nodes {agree} in the end. The term \
             was {}.\n",
            self.open_expected, self.open, self.terms
        )
    }

    fn facts(&self, page: &mut String) -> Result {
        if self.facts.is_empty() {
            return Ok(());
        }
        writeln!(page, "## What was otherwise\n")?;
        self.facts.iter().try_for_each(|fact| writeln!(page, "* {}: {}", fact.about, fact.words))?;
        writeln!(page)
    }

    fn circumstances(&self, page: &mut String) -> Result {
        let (machine, setup) = (&self.machine, &self.setup);
        let debug = if machine.debug_build { ", built without optimisation" } else { "" };
        writeln!(page, "## Circumstances\n")?;
        writeln!(
            page,
            "* {} processors for nodes and clients together, kernel {}; ringmain {}{debug}; {} nodes on loopback",
            machine.processors, machine.kernel, machine.ringmain, setup.nodes
        )?;
        writeln!(
            page,
            "* {} queues, contacts wait in {} of them; {} operators, {} gateways of which {} push, each with at most {} \
             unanswered; {} clients sign in at a time",
            setup.queues,
            setup.lines,
            setup.operators,
            setup.gateways,
            setup.pushers,
            setup.window,
            setup.at_once
        )?;
        writeln!(
            page,
            "* a snapshot falls due after {} MiB of log, unless the last one is larger; took {:.0} s in all",
            setup.snapshot_log_bytes >> 20,
            self.seconds
        )
    }
}

fn furnished(page: &mut String, furnishing: &Furnishing) -> Result {
    writeln!(page, "## Plan and operators\n")?;
    writeln!(
        page,
        "A plan of {} queues took {:.2} s; {} operators in {} commands {:.2} s: {}. Nodes had {} MiB after that.\n",
        furnishing.queues,
        furnishing.plan_s,
        furnishing.operators,
        furnishing.commands,
        furnishing.operators_s,
        words(&furnishing.command),
        mib(&furnishing.resident)
    )
}

fn sessions(page: &mut String, crowds: [(&str, &Option<Crowd>); 2]) -> Result {
    writeln!(page, "## Sessions\n")?;
    writeln!(
        page,
        "| | online | per second | to online p50 / p99, ms | KiB each in the nodes | KiB each in the clients | nodes, MiB | \
         processors at rest, nodes / clients | ready, s | p99, ms | signed out, s | p99, ms |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for (who, crowd) in crowds {
        let Some(crowd) = crowd else { continue };
        let Crowd { online, wanted, to_online, node_bytes_each, client_bytes_each, .. } = crowd;
        writeln!(
            page,
            "| {who} | {online} of {wanted} | {:.0} | {:.1} / {:.1} | {:.1} | {:.1} | {} | {:.2} / {:.2} | {:.1} | {:.1} | \
             {:.1} | {:.1} |",
            crowd.per_s(),
            to_online.p50_ms,
            to_online.p99_ms,
            node_bytes_each / 1024.0,
            client_bytes_each / 1024.0,
            mib(&crowd.resident),
            crowd.idle_processors,
            crowd.idle_client_processors,
            crowd.ready_s,
            crowd.ready.p99_ms,
            crowd.leave_s,
            crowd.leave.p99_ms
        )?;
    }
    writeln!(page)
}

fn waiting(page: &mut String, sizes: &[Size]) -> Result {
    let [enqueue, memory, ..] = PICTURES;
    writeln!(page, "## Waiting contacts\n\n![accepted per second]({enqueue})\n\n![memory]({memory})\n")?;
    writeln!(
        page,
        "| waiting | accepted per second | to the answer p50 / p99, ms | refused | nodes, MiB |\n\
         | ---: | ---: | ---: | --- | ---: |"
    )?;
    for size in sizes {
        let refused: Vec<String> =
            size.refused.iter().map(|(code, count)| format!("{code} {count}")).collect();
        writeln!(
            page,
            "| {} | {:.0} | {:.1} / {:.1} | {} | {} |",
            size.waiting,
            size.accepted_per_s(),
            size.to_answer.p50_ms,
            size.to_answer.p99_ms,
            if refused.is_empty() { "–".to_owned() } else { refused.join(", ") },
            mib(&size.resident)
        )?;
    }
    writeln!(page)
}

fn snapshots(page: &mut String, sizes: &[Size]) -> Result {
    let [_, _, picture, ..] = PICTURES;
    writeln!(page, "## Snapshots\n\n![a snapshot]({picture})\n")?;
    writeln!(
        page,
        "*View*: how long nothing was applied while the state was looked at. *Longest*: of all entries since the node's \
         start; *slow*: above 16 ms, of those applied while the log was filled and the snapshot written.\n"
    )?;
    writeln!(
        page,
        "| waiting | node | MB | written in, ms | view, ms | longest, ms | slow entries |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for size in sizes {
        for (place, one) in size.snapshots.iter().enumerate() {
            let NodeSnapshot { bytes, write_ms, pause_ms, longest_ms, slow, entries, .. } = one;
            let (waiting, node, mb) = (size.waiting, place + 1, *bytes as f64 / 1e6);
            let times = format!("{write_ms:.0} | {pause_ms:.2} | {longest_ms:.1}");
            writeln!(page, "| {waiting} | {node} | {mb:.1} | {times} | {slow} of {entries} |")?;
        }
    }
    writeln!(page)
}

fn restarts(page: &mut String, sizes: &[Size]) -> Result {
    let [_, _, _, picture, _] = PICTURES;
    writeln!(page, "## Restarts\n\n![from the start of a killed follower]({picture})\n")?;
    writeln!(
        page,
        "| waiting | behind its snapshot | serves, s | level, s | reading, s | MiB | gateways back, s |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for size in sizes {
        for back in [&size.with_log, &size.with_snapshot] {
            let Comeback { serving_s, caught_up_s, read_s, entries_behind, resident, .. } = back;
            let gateways = back.gateways_back_s.map_or("–".to_owned(), |seconds| format!("{seconds:.1}"));
            writeln!(
                page,
                "| {} | {entries_behind} entries | {serving_s:.2} | {caught_up_s:.2} | {read_s:.2} | {:.0} | {gateways} |",
                size.waiting,
                *resident as f64 / MIB
            )?;
        }
    }
    writeln!(page)
}

fn joined(page: &mut String, joining: &Joining) -> Result {
    writeln!(page, "## A fourth node\n")?;
    writeln!(
        page,
        "Admitted after {:.1} s, it voted after {:.1} s and served after {:.1} s, with {:.1} MB of snapshot and {:.1} MB of \
         history sent to it; {:.0} MiB. Calls: {}.",
        joining.admitted_s,
        joining.seconds,
        joining.serving_s,
        joining.snapshot_bytes as f64 / 1e6,
        joining.history_bytes as f64 / 1e6,
        joining.resident as f64 / MIB,
        joining.calls
    )?;
    joining.given_up.iter().try_for_each(|why| writeln!(page, "\n* given up: {why}"))?;
    writeln!(page)
}

fn decisions(page: &mut String, sizes: &[Size]) -> Result {
    let [.., picture] = PICTURES;
    writeln!(page, "## Decisions\n\n![decisions beside those who wait]({picture})\n")?;
    writeln!(
        page,
        "*Offer*: from due to the desktop, in a queue in which nobody waits. *Next*: from an operator's \"complete\" until the \
         desktop shows the next of all that wait. In ms.\n"
    )?;
    writeln!(
        page,
        "| waiting | offer p50 / p99 | contacts | next p50 / p99 | \"complete\" to its answer p50 / p99 | completed |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for size in sizes {
        let (offer, next, done) = (offer(size), &size.to_next, &size.to_completed);
        writeln!(
            page,
            "| {} | {:.1} / {:.1} | {} | {:.1} / {:.1} | {:.1} / {:.1} | {} |",
            size.waiting,
            offer.p50_ms,
            offer.p99_ms,
            offer.count,
            next.p50_ms,
            next.p99_ms,
            done.p50_ms,
            done.p99_ms,
            size.completed
        )?;
    }
    writeln!(page)
}

fn offer(size: &Size) -> Latency {
    size.express.push_to_offer.get(&Class::Others).copied().unwrap_or_default()
}

fn most(size: &Size, of: impl Fn(&NodeSnapshot) -> f64) -> f64 {
    size.snapshots.iter().map(of).fold(0.0, f64::max)
}

fn words(latency: &Latency) -> String {
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms each",
        latency.p50_ms, latency.p99_ms, latency.max_ms
    )
}

fn mib(resident: &[u64]) -> String {
    resident.iter().map(|bytes| format!("{:.0}", *bytes as f64 / MIB)).collect::<Vec<_>>().join(" / ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cluster::{Machine, Step};
    use crate::scale::figures::{Asked, FORMAT, Fact, Setup};

    fn size(waiting: u64) -> Size {
        let latency = Latency { count: 10, p50_ms: 1.5, p99_ms: 9.0, ..Latency::default() };
        let back = Comeback { serving_s: 1.25, entries_behind: 77, ..Comeback::default() };
        let snapshot = NodeSnapshot { built: 1, bytes: 2_500_000, pause_ms: 0.75, ..NodeSnapshot::default() };
        let offers = BTreeMap::from([(Class::Others, latency)]);
        Size {
            waiting,
            accepted: waiting,
            seconds: 2.0,
            rates: vec![(waiting / 2, 40.0), (waiting, 60.0)],
            to_answer: latency,
            refused: BTreeMap::from([("queue-full".to_owned(), 3)]),
            resident: vec![100 << 20; 3],
            with_log: back.clone(),
            filled_bytes: 1,
            snapshots: vec![snapshot; 3],
            with_snapshot: back,
            express: Step { push_to_offer: offers, ..Step::default() },
            completed: 10,
            to_next: latency,
            to_completed: latency,
        }
    }

    fn run() -> Run {
        let asked = Asked { waiting: 1_000, operators: 100, queues: 5_000, gateways: 100 };
        let setup = Setup::of(&asked, false);
        assert_eq!((setup.sizes.as_slice(), setup.lines), ([10, 100, 300, 1_000].as_slice(), 1_992));
        let crowd = Crowd { wanted: 100, online: 100, seconds: 0.5, ..Crowd::default() };
        Run {
            format: FORMAT,
            machine: Machine::here("0.0.0"),
            facts: vec![Fact { about: "lines".to_owned(), words: "fewer than queues".to_owned() }],
            furnishing: Some(Furnishing { queues: 5_000, ..Furnishing::default() }),
            gateways: Some(crowd.clone()),
            operators: Some(crowd),
            sizes: setup.sizes.iter().copied().map(size).collect(),
            setup,
            joining: Some(Joining { calls: 2, given_up: vec!["late".to_owned()], ..Joining::default() }),
            open_expected: 990,
            open: vec![990; 4],
            replicas_agree: true,
            terms: 1,
            seconds: 60.0,
        }
    }

    #[test]
    fn a_report_has_a_section_for_each_part_and_a_curve_for_each_question() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let written = run().write(folder.path()).expect("the folder can be written");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("it was written");
        assert_eq!(written.len(), 2 + PICTURES.len());
        let json: serde_json::Value = serde_json::from_str(&read("scale.json")).expect("it is JSON");
        assert_eq!(json["sizes"][3]["snapshots"][2]["bytes"], 2_500_000);
        let page = read("scale.md");
        for words in [
            "## Plan and operators",
            "| gateways | 100 of 100 | 200 |",
            "| 1000 | 500 | 1.5 / 9.0 | queue-full 3 | 100 / 100 / 100 |",
            "| 300 | 3 | 2.5 | 0 | 0.75 |",
            "| 100 | 77 entries | 1.25 |",
            "## A fourth node",
            "* given up: late",
            "| 10 | 1.5 / 9.0 | 10 |",
            "* lines: fewer than queues",
            "the nodes agree in the end",
        ] {
            assert!(page.contains(words), "{words} is missing in {page}");
        }
        for picture in PICTURES {
            assert!(page.contains(picture) && read(picture).contains("polyline"), "{picture}");
        }
    }

    #[test]
    fn a_run_is_judged_by_its_parts_and_counts_and_not_by_times() {
        let mut run = run();
        let why = |run: &Run| super::super::judge(run).expect_err("something is wrong").to_string();
        run.sizes[0].completed = 0;
        assert!(why(&run).contains("10 wait: 0 completed"), "{}", why(&run));
        run.setup.completions = 0;
        assert!(why(&run).contains("nothing was accepted"), "{}", why(&run));
        run.open[2] = 989;
        run.sizes.clear();
        assert!(why(&run).contains("not every size"), "{}", why(&run));
        run.setup.sizes.clear();
        assert!(why(&run).contains("990 contacts are open by the clients' records"), "{}", why(&run));
        run.open[2] = 990;
        super::super::judge(&run).expect("nothing is wrong");
        run.replicas_agree = false;
        assert!(why(&run).contains("same chain"), "{}", why(&run));
    }
}
