//! The comparison as text.

use comfy_table::Table;

use super::{BATCHES_LEAST, ClassCompared, ClassOf, Comparison};
use crate::report::{Figures, Shown, table};
use crate::stats::Interval;

/// Neighbouring hours that go together more than this are told.
const NEIGHBOURS_TOLD: f64 = 0.2;

impl Comparison {
    /// The whole comparison for people.
    #[must_use]
    pub fn text(&self) -> String {
        let parts = [
            format!("A: {}\nB: {}\nof: {}", self.plans[0], self.plans[1], self.scenarios.join(", ")),
            format!("Figures\n{}", self.figures_table()),
            format!("Contact by contact\n{}", self.pairs_table()),
            format!("Operators\n{}", self.groups_table()),
            self.lines().join("\n"),
        ];
        parts.join("\n\n") + "\n"
    }

    /// What is to be said beside the tables, a line each.
    fn lines(&self) -> Vec<String> {
        let all = &self.classes[..1.min(self.classes.len())];
        let mut lines: Vec<String> = all.iter().map(verdict).collect();
        lines.push(format!(
            "± is half of a 95 % interval over batches ({}; at least {BATCHES_LEAST} with contacts, else –; Cochran, Sampling \
             Techniques, 1977, ratio over clusters; Student's t).",
            self.batches
        ));
        if let Some(together) = self.neighbours.filter(|together| *together > NEIGHBOURS_TOLD) {
            lines.push(format!(
                "Batches that follow each other go together (correlation {together:.2}), so the intervals are too narrow: \
                 compare more days, or {BATCHES_LEAST} scenarios and more."
            ));
        }
        lines.push("SL and \"in time\" are by the targets of A; Δ is B − A.".to_owned());
        lines.extend(self.notes.iter().cloned());
        lines
    }

    fn figures_table(&self) -> Table {
        let head = [
            "class", "contacts", "ASA s A", "B", "Δ", "SL % A", "B", "Δ", "left A", "B", "Δ", "p99 s A", "B",
            "Δ",
        ];
        table(&head, self.classes.iter().map(figures_row))
    }

    fn pairs_table(&self) -> Table {
        let head = [
            "class",
            "compared",
            "better",
            "worse",
            "same",
            "sooner by s",
            "later by s",
            "Δ wait s",
            "Δ in time pp",
            "Δ left pp",
        ];
        table(&head, self.classes.iter().map(pairs_row))
    }

    fn groups_table(&self) -> Table {
        let head = ["group", "operators", "contacts A", "B", "occupancy % A", "B", "Δ pp"];
        table(
            &head,
            self.groups.iter().map(|group| {
                vec![
                    group.a.group.clone(),
                    group.a.operators.to_string(),
                    group.a.contacts.to_string(),
                    group.b.contacts.to_string(),
                    Shown::Share(group.a.occupancy).text(),
                    Shown::Share(group.b.occupancy).text(),
                    signed(group.occupancy.map(|share| share * 100.0)),
                ]
            }),
        )
    }
}

/// A class in words.
fn name(class: &ClassOf) -> String {
    match (&class.queue, class.tier) {
        (None, _) => "= all".to_owned(),
        (Some(queue), None) => queue.to_string(),
        (Some(queue), Some(tier)) => format!("{queue}, tier {tier}"),
    }
}

fn figures_row(one: &ClassCompared) -> Vec<String> {
    let (a, b, difference) = (&one.a, &one.b, &one.difference);
    let asa = |figures: &Figures| Shown::Seconds(figures.asa_ms.map(|ms| ms / 1_000.0)).text();
    let p99 = |figures: &Figures| Shown::ms(figures.wait_ms.map(|waits| waits.p99)).text();
    let level = |figures: &Figures| Shown::Share(figures.service_level).text();
    vec![
        name(&one.class),
        a.contacts.to_string(),
        asa(a),
        asa(b),
        signed(difference.asa_ms.map(|ms| ms / 1_000.0)),
        level(a),
        level(b),
        signed(difference.service_level.map(|share| share * 100.0)),
        a.abandoned.to_string(),
        b.abandoned.to_string(),
        format!("{:+}", difference.abandoned),
        p99(a),
        p99(b),
        signed(difference.p99_ms.map(|ms| ms as f64 / 1_000.0)),
    ]
}

fn pairs_row(one: &ClassCompared) -> Vec<String> {
    let paired = &one.paired;
    let seconds = |ms: Option<f64>| Shown::Seconds(ms.map(|ms| ms / 1_000.0)).text();
    vec![
        name(&one.class),
        paired.compared.to_string(),
        paired.better.to_string(),
        paired.worse.to_string(),
        paired.same.to_string(),
        seconds(paired.gain_ms),
        seconds(paired.loss_ms),
        interval(paired.wait_ms, 1e-3),
        interval(paired.in_time, 100.0),
        interval(paired.abandoned, 100.0),
    ]
}

/// All contacts in a sentence.
fn verdict(one: &ClassCompared) -> String {
    let paired = &one.paired;
    let sure = match paired.wait_ms {
        None => "too few batches for an interval",
        Some(interval) if interval.mean + interval.half_width < 0.0 => "waits under B are shorter",
        Some(interval) if interval.mean - interval.half_width > 0.0 => "waits under B are longer",
        Some(_) => "no difference of waits that could not be chance",
    };
    format!(
        "{} of {} contacts fare better under B, {} worse, {} as before; {} are answered under A alone, {} under B alone: {sure}.",
        paired.better,
        paired.compared,
        paired.worse,
        paired.same,
        paired.answered_in_a_alone,
        paired.answered_in_b_alone
    )
}

fn signed(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:+.1}"))
}

fn interval(interval: Option<Interval>, unit: f64) -> String {
    interval.map_or_else(
        || "–".to_owned(),
        |interval| format!("{:+.1} ± {:.1}", interval.mean * unit, interval.half_width * unit),
    )
}
