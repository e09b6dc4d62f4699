//! The report as text.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::{Figures, QUEUE_COLUMNS, Report, SHORT_ABANDON_MS, STARVED_TARGETS, Shown, Summary, ratio};
use crate::simulate::{CaseFigures, CompanionFigures};

/// Operators who are named one by one in the text; JSON and workbook name all.
const OPERATORS_NAMED: usize = 50;

/// Where the figures' definitions come from, for people.
pub(super) const DEFINITIONS: [&str; 7] = [
    "ASA: mean wait of those answered (Gans, Koole, Mandelbaum, Telephone Call Centers, M&SOM 5(2), 2003).",
    "SL: answered within the queue's target ÷ (answered + abandoned after more than 5 s) (Koole, Call Center Optimization, 2013).",
    "p50, p90, p99, max: of the waits of those answered, by the nearest rank.",
    "longest: the longest wait of anybody, also of those who left or wait still.",
    "starved: waited for more than ten times the queue's target, whatever came of it.",
    "occupancy: time with a contact in handling or wrap-up ÷ time on duty, from the first arrival to the last event; work beyond a shift's end counts as duty.",
    "load: units in hand ÷ capacity, on average over the time on duty.",
];

/// A table whose first column is words and whose others are numbers.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(head.to_vec());
    for row in rows {
        let cells = row.into_iter().enumerate().map(|(place, text)| {
            let cell = Cell::new(text);
            if place == 0 { cell } else { cell.set_alignment(CellAlignment::Right) }
        });
        table.add_row(cells.collect::<Vec<_>>());
    }
    table
}

impl Summary {
    /// The summary as a table for people.
    #[must_use]
    pub fn table(&self) -> String {
        let named = self.queues.iter().map(|(name, figures)| (name.clone(), figures));
        figures_table("queue", named.chain([("= all queues".to_owned(), &self.total)]), true).to_string()
    }
}

/// A table of figures; the short one fits a terminal.
fn figures_table<'f>(
    name: &'static str,
    rows: impl IntoIterator<Item = (String, &'f Figures)>,
    short: bool,
) -> Table {
    let columns: Vec<_> = QUEUE_COLUMNS.iter().filter(|column| column.short || !short).collect();
    let head: Vec<&str> = [name].into_iter().chain(columns.iter().map(|column| column.name)).collect();
    let cells = |(name, figures): (String, &Figures)| -> Vec<String> {
        let values = columns.iter().map(|column| (column.value)(figures).text());
        [name].into_iter().chain(values).collect()
    };
    table(&head, rows.into_iter().map(cells))
}

fn companions_line(companions: &CompanionFigures) -> String {
    format!(
        "companions: {} calls invited, {} customers came, {} straight to the call's operator, {:.1} s on average",
        companions.invited,
        companions.came,
        companions.linked,
        companions.mean_handling_ms() as f64 / 1_000.0
    )
}

fn cases_line(route: &str, cases: &CaseFigures) -> String {
    let closed = cases.done + cases.withdrawn + cases.closed_early;
    let open = if cases.open > 0 { format!(", {} open", cases.open) } else { String::new() };
    format!(
        "cases of {route}: {} opened, {closed} closed ({} done, {} withdrawn, {} early), {} % in term, {} stages, \
         {} warned, {} escalated, {} overdue{open}",
        cases.opened,
        cases.done,
        cases.withdrawn,
        cases.closed_early,
        Shown::Share(ratio(cases.in_term, closed)).text(),
        cases.stages,
        cases.warned,
        cases.escalated,
        cases.overdue
    )
}

impl Report {
    /// The whole report for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut part = |title: &str, table: Table| {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{title}\n{table}\n");
        };
        let all = || ("= all queues".to_owned(), &self.summary.total);
        let queues = self.summary.queues.iter().map(|(name, figures)| (name.clone(), figures));
        part("Queues", figures_table("queue", queues.chain([all()]), false));
        let tiers =
            self.tiers.iter().map(|tier| (format!("{}, tier {}", tier.queue, tier.tier), &tier.figures));
        part("Queues by tier", figures_table("queue, tier", tiers, false));
        let channels = self.channels.iter().map(|(name, figures)| (name.clone(), figures));
        part("Channels", figures_table("channel", channels, false));
        part("Hours of the day", self.hours_table());
        part("Groups of operators", self.groups_table());
        if self.staff.operators.len() <= OPERATORS_NAMED {
            part("Operators", self.operators_table());
        }
        part("Those who waited longest", self.longest_table());
        self.lines().iter().chain(&DEFINITIONS.map(str::to_owned)).for_each(|line| {
            text.push_str(line);
            text.push('\n');
        });
        text
    }

    /// What is to be said beside the tables, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let all = &self.staff.all;
        let share = |share| Shown::Share(share).text();
        let mut lines = vec![format!(
            "{} operators, occupancy {} %, load {} %, {} to {} contacts each",
            all.operators,
            share(all.occupancy),
            share(all.load),
            all.contacts_least,
            all.contacts_most
        )];
        if let Some(longest) = self.longest.first() {
            lines.push(format!(
                "longest wait {:.1} s: contact {} in {}, tier {}, {}",
                longest.waited_ms as f64 / 1_000.0,
                longest.contact_id,
                longest.queue,
                longest.tier,
                longest.outcome
            ));
        }
        let starved = self.tiers.iter().filter(|tier| tier.figures.starved > 0);
        lines.extend(starved.map(|tier| {
            format!(
                "starved: {} of {} in {}, tier {}, waited for more than {STARVED_TARGETS} times the target",
                tier.figures.starved, tier.figures.contacts, tier.queue, tier.tier
            )
        }));
        lines.extend(self.companions.iter().map(companions_line));
        lines.extend(self.cases.iter().map(|(route, cases)| cases_line(route, cases)));
        lines.extend(self.rejected.iter().map(|(code, count)| format!("rejected {count} ({code})")));
        lines.extend(self.breaks.iter().map(|(name, of)| {
            let mean = of.put_off_ms.checked_div(of.begun).unwrap_or_default();
            format!(
                "break {name}: {} begun, put off by {:.1} min on average and {:.1} min at most, {} due and not begun \
                 when a shift ended",
                of.begun,
                mean as f64 / 60_000.0,
                of.put_off_longest_ms as f64 / 60_000.0,
                of.missed
            )
        }));
        if self.rows_left_out > 0 {
            lines.push(format!(
                "the workbook's sheet Contacts lacks the last {} of {} rows: a sheet has room for no more; --out writes \
                 them all",
                self.rows_left_out, self.rows
            ));
        }
        lines
    }

    fn hours_table(&self) -> Table {
        let head = [
            "hour",
            "contacts",
            "served",
            "abandoned",
            "ASA s",
            "p90 s",
            "p99 s",
            "longest s",
            "SL %",
            "on duty",
            "busy",
        ];
        let seen = self.hours.iter().filter(|hour| hour.on_duty.is_some() || hour.figures.contacts > 0);
        table(
            &head,
            seen.map(|hour| {
                let figures = &hour.figures;
                let waits = figures.wait_ms;
                let cells = [
                    Shown::Count(figures.contacts),
                    Shown::Count(figures.served),
                    Shown::Count(figures.abandoned),
                    Shown::Seconds(figures.asa_ms.map(|ms| ms / 1_000.0)),
                    Shown::ms(waits.map(|waits| waits.p90)),
                    Shown::ms(waits.map(|waits| waits.p99)),
                    Shown::ms(figures.longest_ms),
                    Shown::Share(figures.service_level),
                    Shown::Mean(hour.on_duty),
                    Shown::Mean(hour.busy),
                ];
                [format!("{:02}", hour.hour)].into_iter().chain(cells.map(Shown::text)).collect()
            }),
        )
    }

    fn groups_table(&self) -> Table {
        let head = ["group", "operators", "contacts", "least", "most", "on duty h", "occupancy %", "load %"];
        let hours = |ms: u64| format!("{:.1}", ms as f64 / 3_600_000.0);
        table(
            &head,
            self.staff.groups.iter().chain([&self.staff.all]).map(|group| {
                vec![
                    group.group.clone(),
                    group.operators.to_string(),
                    group.contacts.to_string(),
                    group.contacts_least.to_string(),
                    group.contacts_most.to_string(),
                    hours(group.on_duty_ms),
                    Shown::Share(group.occupancy).text(),
                    Shown::Share(group.load).text(),
                ]
            }),
        )
    }

    fn operators_table(&self) -> Table {
        let head = ["operator", "contacts", "on duty h", "occupancy %", "load %"];
        table(
            &head,
            self.staff.operators.iter().map(|operator| {
                vec![
                    operator.login.clone(),
                    operator.contacts.to_string(),
                    format!("{:.1}", operator.on_duty_ms as f64 / 3_600_000.0),
                    Shown::Share(operator.occupancy).text(),
                    Shown::Share(operator.load).text(),
                ]
            }),
        )
    }

    fn longest_table(&self) -> Table {
        let head = ["contact", "queue", "tier", "arrived s", "waited s", "outcome", "starved"];
        table(
            &head,
            self.longest.iter().map(|wait| {
                vec![
                    wait.contact_id.clone(),
                    wait.queue.clone(),
                    wait.tier.to_string(),
                    format!("{:.1}", wait.arrival_ms as f64 / 1_000.0),
                    format!("{:.1}", wait.waited_ms as f64 / 1_000.0),
                    wait.outcome.to_owned(),
                    if wait.is_starved { "yes" } else { "no" }.to_owned(),
                ]
            }),
        )
    }
}

const _: () = assert!(SHORT_ABANDON_MS == 5_000 && STARVED_TARGETS == 10, "the definitions say so in words");
