//! A run as a file for programs, and as a page for people with pictures beside it.

use std::fmt::{Result, Write};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::figures::{Class, Latency, NodeFigures, Run, Setup, Step};
use crate::chart::{Chart, Scale, Series};

const PICTURES: [&str; 3] = ["latency.svg", "throughput.svg", "cpu.svg"];

impl Run {
    /// Writes `cluster.json`, `cluster.md` and three pictures into a folder; their paths.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        fs::create_dir_all(folder).with_context(|| format!("--report: making {}", folder.display()))?;
        let [latency, throughput, cpu] = PICTURES;
        let files = [
            ("cluster.json", serde_json::to_string_pretty(self)? + "\n"),
            ("cluster.md", self.page()?),
            (latency, self.latency().draw()?),
            (throughput, self.throughput().draw()?),
            (cpu, self.cpu().draw()?),
        ];
        let mut written = Vec::new();
        for (name, text) in files {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("--report: writing {}", path.display()))?;
            written.push(path);
        }
        Ok(written)
    }

    fn series(&self, name: &'static str, value: impl Fn(&Step) -> Option<f64>) -> Series {
        let points =
            self.steps.iter().filter_map(|step| Some((step.offered_per_s(), value(step)?))).collect();
        Series { name: name.into(), points }
    }

    fn latency(&self) -> Chart {
        let offer = |class: Class, of: fn(&Latency) -> f64| {
            move |step: &Step| step.push_to_offer.get(&class).filter(|latency| latency.count > 0).map(of)
        };
        let ack =
            |step: &Step| step.push_to_ack.get(&Class::Others).filter(|l| l.count > 0).map(|l| l.p99_ms);
        Chart {
            title: "latency from the moment a contact was due, ms",
            x_name: "offered contacts per second",
            x_scale: Scale::Linear,
            scale: Scale::Log,
            series: vec![
                self.series("p50 to the offer", offer(Class::Others, |latency| latency.p50_ms)),
                self.series("p99 to the offer", offer(Class::Others, |latency| latency.p99_ms)),
                self.series("p99 to the answer", ack),
                self.series("p99 to the offer, tier 0", offer(Class::Tier0, |latency| latency.p99_ms)),
            ],
        }
    }

    fn throughput(&self) -> Chart {
        Chart {
            title: "contacts per second: offered, accepted, served",
            x_name: "offered contacts per second",
            x_scale: Scale::Linear,
            scale: Scale::Linear,
            series: vec![
                self.series("offered", |step| Some(step.offered_per_s())),
                self.series("accepted", |step| Some(step.accepted_per_s())),
                self.series("life cycles", |step| Some(step.life_cycles_per_s)),
            ],
        }
    }

    fn cpu(&self) -> Chart {
        let driver = |step: &Step| {
            (step.life_cycles_per_s > 0.0).then(|| step.driver_processors * 1e3 / step.life_cycles_per_s)
        };
        Chart {
            title: "processor time of one life cycle, ms",
            x_name: "offered contacts per second",
            x_scale: Scale::Linear,
            scale: Scale::Linear,
            series: vec![
                self.series("all nodes", |step| step.cpu_ms_per_life_cycle),
                self.series("load generator", driver),
            ],
        }
    }

    fn page(&self) -> std::result::Result<String, std::fmt::Error> {
        let mut page = String::from("# A cluster under load\n\n");
        self.summary(&mut page)?;
        let [latency, throughput, cpu] = PICTURES;
        writeln!(page, "![latency over the rate]({latency})\n")?;
        writeln!(page, "![offered, accepted and served]({throughput})\n")?;
        writeln!(page, "![processor time of one life cycle]({cpu})\n")?;
        rates(&mut page, &self.steps)?;
        latencies(&mut page, &self.steps)?;
        nodes(&mut page, &self.steps)?;
        problems(&mut page, &self.steps)?;
        circumstances(&mut page, self)?;
        Ok(page)
    }

    fn summary(&self, page: &mut String) -> Result {
        match (self.saturation_per_s, self.is_saturated) {
            (Some(rate), true) => writeln!(page, "**Saturated above {rate:.0} contacts per second.**")?,
            (Some(rate), false) => {
                writeln!(page, "**Held {rate:.0} contacts per second; no more was tried.**")?
            }
            (None, true) => writeln!(page, "**No rate of the search was held.**")?,
            (None, false) => writeln!(page, "Saturation was not looked for.")?,
        }
        let problems: u64 = self.steps.iter().map(|step| step.problems_count).sum();
        let agree = if self.replicas_agree { "agree" } else { "DO NOT AGREE" };
        writeln!(page, "\n{problems} problems; the nodes {agree} in the end.\n")
    }
}

fn rates(page: &mut String, steps: &[Step]) -> Result {
    writeln!(page, "## Rates\n\nContacts per second, and what became of those that were due.\n")?;
    writeln!(
        page,
        "| | arrivals | offered | accepted | life cycles | refused | unknown | tier 0 refused | elections | held |\n\
         | --- | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | --- |"
    )?;
    for step in steps {
        let total = step.total();
        let refused: Vec<String> =
            total.refused.iter().map(|(code, count)| format!("{code} {count}")).collect();
        let tier_0 = step.counts.get(&Class::Tier0).map_or(0, |counts| counts.refused_in_all());
        writeln!(
            page,
            "| {} | {} | {:.1} | {:.1} | {:.1} | {} | {} | {tier_0} | {} | {} |",
            step.name,
            step.arrivals.word(),
            step.offered_per_s(),
            step.accepted_per_s(),
            step.life_cycles_per_s,
            or_dash(refused.join(", ")),
            total.unknown,
            step.elections,
            step.why_not_held.as_ref().map_or("yes".to_owned(), |why| format!("no: {why}"))
        )?;
    }
    writeln!(page)
}

fn latencies(page: &mut String, steps: &[Step]) -> Result {
    writeln!(
        page,
        "## Latencies\n\nIn ms, from the moment a contact was due; *done* from an operator's \"complete\" to its answer. *Lateness* is the load generator's own.\n"
    )?;
    writeln!(
        page,
        "| | class | to | count | p50 | p90 | p99 | p99.9 | max |\n| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for step in steps {
        for class in Class::ALL {
            for (to, of) in [("answer", &step.push_to_ack), ("offer", &step.push_to_offer)] {
                let latency = of.get(&class).copied().unwrap_or_default();
                writeln!(page, "| {} | {} | {to} | {} |", step.name, class.word(), cells(&latency))?;
            }
        }
        writeln!(page, "| {} | all | done | {} |", step.name, cells(&step.complete_to_ack))?;
        writeln!(page, "| {} | all | *lateness* | {} |", step.name, cells(&step.lateness))?;
    }
    writeln!(page)
}

pub(super) fn cells(latency: &Latency) -> String {
    let Latency { count, p50_ms, p90_ms, p99_ms, p999_ms, max_ms } = latency;
    format!("{count} | {p50_ms:.2} | {p90_ms:.2} | {p99_ms:.2} | {p999_ms:.2} | {max_ms:.2}")
}

fn nodes(page: &mut String, steps: &[Step]) -> Result {
    writeln!(
        page,
        "## Nodes\n\nProcessors: how many processors the process kept busy. The leader is marked.\n"
    )?;
    writeln!(
        page,
        "| | node | processors | syncs | mean sync ms | written MB/s | turned away | commands per entry | CPU ms per life cycle |\n\
         | --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |"
    )?;
    for step in steps {
        for (node, figures) in &step.nodes {
            node_row(page, (&step.name, step.seconds), *node, figures)?;
            writeln!(page, " | |")?;
        }
        let (batch, cpu) = (step.commands_per_entry(), step.cpu_ms_per_life_cycle);
        let number = |value: Option<f64>| or_dash(value.map_or(String::new(), |value| format!("{value:.2}")));
        let driver = step.driver_processors;
        writeln!(
            page,
            "| {} | load | {driver:.2} | | | | | {} | {} |",
            step.name,
            number(batch),
            number(cpu)
        )?;
    }
    writeln!(page)
}

/// The cells that every table of nodes has, without the end of the line.
pub(super) fn node_row(
    page: &mut String,
    (name, seconds): (&str, f64),
    node: u64,
    figures: &NodeFigures,
) -> Result {
    let away: Vec<String> =
        figures.turned_away.iter().map(|(code, count)| format!("{code} {count}")).collect();
    write!(
        page,
        "| {name} | {node}{} | {:.2} | {} | {} | {:.2} | {} |",
        if figures.is_leader { " (leader)" } else { "" },
        figures.processors,
        or_dash(figures.syncs.map_or(String::new(), |syncs| syncs.to_string())),
        figures.sync_mean_ms.map_or("–".to_owned(), |ms| format!("{ms:.3}")),
        figures.written_bytes as f64 / 1e6 / seconds.max(f64::MIN_POSITIVE),
        or_dash(away.join(", "))
    )
}

fn problems(page: &mut String, steps: &[Step]) -> Result {
    if steps.iter().all(|step| step.problems_count == 0) {
        return Ok(());
    }
    writeln!(page, "## Problems\n")?;
    for step in steps.iter().filter(|step| step.problems_count > 0) {
        writeln!(page, "* {}: {} in all", step.name, step.problems_count)?;
        step.problems.iter().try_for_each(|problem| writeln!(page, "  * {problem}"))?;
    }
    writeln!(page)
}

fn circumstances(page: &mut String, run: &Run) -> Result {
    let (machine, setup) = (&run.machine, &run.setup);
    let debug = if machine.debug_build { ", built without optimisation" } else { "" };
    writeln!(page, "## Circumstances\n")?;
    writeln!(
        page,
        "* {} processors for nodes and load generator together, kernel {}",
        machine.processors, machine.kernel
    )?;
    writeln!(
        page,
        "* ringmain {}{debug}; {} nodes on loopback, each with its own data folder on one disk",
        machine.ringmain, setup.nodes
    )?;
    let Setup { gateways, gateways_of_tier_0, operators, capacity, tier_0_every, window, .. } = setup;
    writeln!(
        page,
        "* {gateways} gateways and {gateways_of_tier_0} of tier 0 with at most {window} unanswered pushes each; \
         {operators} operators of capacity {capacity}; one contact in {tier_0_every} of tier 0; at most {} waiting",
        setup.waiting_max
    )?;
    writeln!(
        page,
        "* {} s measured after {} s of warm-up; seed {}",
        setup.measured_s, setup.warm_up_s, setup.seed
    )?;
    writeln!(
        page,
        "* held: {:.0} % accepted, p99 to the offer within {} ms; took {:.0} s in all",
        setup.accepted_share_bound * 100.0,
        setup.p99_bound_ms,
        run.seconds
    )
}

pub(super) fn or_dash(text: String) -> String {
    if text.is_empty() { "–".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cluster::figures::{Counts, FORMAT, Machine};
    use crate::cluster::schedule::Arrivals;

    fn setup() -> Setup {
        Setup {
            nodes: 3,
            gateways: 6,
            gateways_of_tier_0: 3,
            operators: 60,
            capacity: 8,
            tier_0_every: 20,
            window: 256,
            waiting_max: 10_000,
            measured_s: 10.0,
            warm_up_s: 1.0,
            p99_bound_ms: 500.0,
            accepted_share_bound: 0.98,
            seed: 1,
        }
    }

    /// A step of which all but `refused` were accepted, and 99 % offered within so many ms.
    fn step(offered: u64, refused: u64, p99_ms: f64) -> Step {
        let accepted = offered - refused;
        let codes = BTreeMap::from([("queue-full".to_owned(), refused)]);
        let counts = Counts { offered, accepted, refused: codes, unknown: 0, completed: accepted };
        let latency = Latency { count: accepted, p50_ms: 3.0, p99_ms, ..Latency::default() };
        let mut step = Step {
            name: format!("search: {}/s", offered / 10),
            arrivals: Arrivals::Poisson,
            seconds: 10.0,
            counts: BTreeMap::from([(Class::Others, counts)]),
            push_to_ack: BTreeMap::from([(Class::Others, latency)]),
            push_to_offer: BTreeMap::from([(Class::Others, latency)]),
            life_cycles_per_s: accepted as f64 / 10.0,
            nodes: BTreeMap::from([(
                1,
                NodeFigures { is_leader: true, syncs: Some(90), ..NodeFigures::default() },
            )]),
            commands: 300,
            entries: 100,
            ..Step::default()
        };
        step.judge(&setup());
        step
    }

    fn run(steps: Vec<Step>) -> Run {
        Run {
            format: FORMAT,
            machine: Machine::here("0.0.0"),
            setup: setup(),
            steps,
            saturation_per_s: Some(100.0),
            is_saturated: true,
            replicas_agree: true,
            seconds: 30.0,
        }
    }

    #[test]
    fn a_rate_is_held_when_enough_is_accepted_and_offered_soon_enough() {
        let why = |step: Step| step.why_not_held;
        assert_eq!(why(step(1_000, 20, 500.0)), None);
        assert_eq!(why(step(1_000, 21, 500.0)), Some("97.9 % accepted".to_owned()));
        assert_eq!(why(step(1_000, 0, 501.0)), Some("p99 501 ms to the offer".to_owned()));
    }

    #[test]
    fn a_report_is_a_file_a_page_and_pictures_that_hold_every_step() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let run = run(vec![step(1_000, 0, 12.0), step(2_000, 300, 900.0)]);
        let written = run.write(folder.path()).expect("the folder can be written");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("it was written");
        assert_eq!(written.len(), 5);
        let json: serde_json::Value = serde_json::from_str(&read("cluster.json")).expect("it is JSON");
        assert_eq!(json["steps"][1]["counts"]["others"]["refused"]["queue-full"], 300);
        let page = read("cluster.md");
        for words in [
            "Saturated above 100",
            "| search: 200/s | Poisson | 200.0 | 170.0 |",
            "queue-full 300",
            "1 (leader)",
        ] {
            assert!(page.contains(words), "{words} is missing in {page}");
        }
        for picture in PICTURES {
            assert!(page.contains(picture) && read(picture).contains("polyline"), "{picture}");
        }
        assert!(!page.contains("## Problems"), "{page}");
    }
}
