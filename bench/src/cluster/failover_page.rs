//! Failovers as a file for programs, and as a page for people with a picture beside it.

use std::fmt::{Result, Write};
use std::path::{Path, PathBuf};

use super::failover::{Death, Failover};
use super::figures::{Class, Step};
use super::page::{cells, or_dash};
use super::surge_page::{circumstances, problems, work, write_all};
use crate::chart::{Chart, Scale, Series};

const PICTURE: &str = "deaths.svg";

impl Failover {
    /// Writes `failover.json`, `failover.md` and a picture into a folder; their paths.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        let files = [
            ("failover.json", serde_json::to_string_pretty(self)? + "\n"),
            ("failover.md", self.page()?),
            (PICTURE, self.picture().draw()?),
        ];
        write_all(folder, &files)
    }

    fn picture(&self) -> Chart {
        let series = |name: &'static str, value: fn(&Death) -> Option<f64>| {
            let point = |(place, death): (usize, &Death)| Some((place as f64 + 1.0, value(death)?));
            Series { name: name.into(), points: self.deaths.iter().enumerate().filter_map(point).collect() }
        };
        Chart {
            title: "after the kill of a leader, ms",
            x_name: "death",
            x_scale: Scale::Linear,
            scale: Scale::Linear,
            series: vec![
                series("to the next offer", |death| death.to_next_offer_ms),
                series("p99 of those due then", |death| Some(death.struck_p99_ms)),
                series("new start to caught up", |death| death.caught_up_s.map(|s| s * 1e3)),
            ],
        }
    }

    fn page(&self) -> std::result::Result<String, std::fmt::Error> {
        let mut page = String::from("# Failover\n\n");
        self.summary(&mut page)?;
        writeln!(page, "![after each kill]({PICTURE})\n")?;
        self.contacts(&mut page)?;
        self.table(&mut page)?;
        self.unharmed(&mut page)?;
        work(&mut page, std::slice::from_ref(&self.work))?;
        problems(&mut page, self.problems_count, &self.problems)?;
        circumstances(&mut page, &self.machine, &self.setup.centre)?;
        let setup = &self.setup;
        writeln!(
            page,
            "* {:.0} contacts a second (Poisson); each killed node was down for {:.1} s; at least {:.1} s of calm before the \
             next kill",
            setup.rate_per_s, setup.down_s, setup.calm_s
        )?;
        Ok(page)
    }

    fn summary(&self, page: &mut String) -> Result {
        let agree = if self.replicas_agree { "agree" } else { "DO NOT AGREE" };
        let next = &self.to_next_offer;
        writeln!(
            page,
            "**{} leaders killed: {} of the contacts accepted were lost, {} problems; the nodes {agree} in the end.**\n",
            self.deaths.len(),
            self.lost,
            self.problems_count
        )?;
        writeln!(
            page,
            "From the kill to the next offer: median {:.0} ms, p99 {:.0} ms, longest {:.0} ms. {} elections.\n",
            next.p50_ms, next.p99_ms, next.max_ms, self.elections
        )
    }

    fn contacts(&self, page: &mut String) -> Result {
        writeln!(
            page,
            "## Contacts\n\nIn ms from the moment a contact was due. *Struck*: due within 2 s after a kill.\n"
        )?;
        writeln!(
            page,
            "| | class | due | accepted | refused | completed | to | count | p50 | p90 | p99 | p99.9 | max |\n\
             | --- | --- | ---: | ---: | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        for (name, calls) in [("struck", &self.struck), ("calm", &self.calm)] {
            for (class, calls) in calls {
                let refused: Vec<String> =
                    calls.refused.iter().map(|(code, count)| format!("{code} {count}")).collect();
                for (to, latency) in [("answer", &calls.push_to_ack), ("offer", &calls.push_to_offer)] {
                    writeln!(
                        page,
                        "| {name} | {} | {} | {} | {} | {} | {to} | {} |",
                        class.word(),
                        calls.calls,
                        calls.accepted,
                        or_dash(refused.join(", ")),
                        calls.completed,
                        cells(latency)
                    )?;
                }
            }
        }
        writeln!(page)
    }

    fn table(&self, page: &mut String) -> Result {
        writeln!(page, "## Deaths\n")?;
        writeln!(
            page,
            "| at s | node | to the next offer ms | p99 of those due within 2 s, ms | from its new start to caught up, s |\n\
             | ---: | ---: | ---: | ---: | ---: |"
        )?;
        for death in &self.deaths {
            let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1}"));
            writeln!(
                page,
                "| {:.1} | {} | {} | {:.1} | {} |",
                death.at_s,
                death.node,
                number(death.to_next_offer_ms),
                death.struck_p99_ms,
                number(death.caught_up_s)
            )?;
        }
        writeln!(page)
    }

    fn unharmed(&self, page: &mut String) -> Result {
        writeln!(
            page,
            "## False elections\n\nLoads under which nobody was killed. Slow syncs are another matter: `ringmain-chaos drill run fsync-slow`.\n"
        )?;
        writeln!(
            page,
            "| | seconds | offered per s | accepted per s | p99 to the offer, ms | processors of nodes, of the load | elections |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        for step in &self.unharmed {
            let offer = step.push_to_offer.get(&Class::Others).map_or(0.0, |latency| latency.p99_ms);
            writeln!(
                page,
                "| {} | {:.0} | {:.0} | {:.0} | {offer:.1} | {:.2}, {:.2} | {} |",
                step.name,
                step.seconds,
                step.offered_per_s(),
                step.accepted_per_s(),
                processors(step),
                step.driver_processors,
                step.elections
            )?;
        }
        writeln!(page)
    }
}

fn processors(step: &Step) -> f64 {
    step.nodes.values().map(|node| node.processors).sum()
}
