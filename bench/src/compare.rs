//! The same contacts under two plans, A and B: figures beside each other, and paired contact by contact.
//!
//! Since a scenario holds every random value, both runs meet the same customers: what differs is what the plans do (common
//! random numbers: A. M. Law, "Simulation Modeling and Analysis", the chapter on variance reduction). Differences are
//! always B − A.
//!
//! Customers who come at one time share their fate, so their differences are not independent. An interval rests on
//! batches: the hours of arrival of all scenarios, or whole scenarios where there are at least [`BATCHES_LEAST`] of them;
//! see [`crate::stats::ratio_of_batches`]. Hours that follow each other are not independent either, least of all under
//! overload; [`Comparison::neighbours`] says how much they go together.

mod pairs;
mod picture;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use ringmain_routing::Plan;
use serde::Serialize;

use crate::report::{Figures, GroupFigures, Report, Tally, Yardstick, put};
use crate::result::ResultRow;
use crate::scenario::{Scenario, Text};
use crate::simulate::{CannotSimulate, Options, simulate};
pub use pairs::Paired;
use pairs::Pairs;

/// The comparison for programs.
pub const JSON_FILE: &str = "compare.json";
/// The comparison for people.
pub const TEXT_FILE: &str = "compare.txt";
/// The comparison as a picture.
pub const PICTURE_FILE: &str = "compare.svg";
/// Fewest batches that an interval of paired differences rests on.
pub const BATCHES_LEAST: usize = 10;
/// How sure the intervals are.
pub const CONFIDENCE: f64 = 0.95;
/// The name of all operators together.
const ALL: &str = "= all";
/// Waits of all those answered are drawn at every whole percent.
const PERCENTS: u64 = 100;

/// One of the two plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    A,
    B,
}

/// What is compared: classes of contacts, from the widest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ClassOf {
    /// The queue; `None` for all contacts.
    pub queue: Option<Text>,
    /// The tier; `None` for all of the queue.
    pub tier: Option<u8>,
}

/// A class under both plans.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassCompared {
    /// Which.
    #[serde(flatten)]
    pub class: ClassOf,
    /// Under the first plan.
    pub a: Figures,
    /// Under the second.
    pub b: Figures,
    /// B − A.
    pub difference: Difference,
    /// Contact by contact.
    pub paired: Paired,
}

/// B − A; `None` where one of them has no such figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Of the mean waits of those answered.
    pub asa_ms: Option<f64>,
    /// Of the 99 % points of those waits.
    pub p99_ms: Option<i64>,
    /// Of the service levels, in parts of 1.
    pub service_level: Option<f64>,
    /// Of the numbers of those who left.
    pub abandoned: i64,
}

/// A group of operators under both plans.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupCompared {
    /// Under the first plan.
    pub a: GroupFigures,
    /// Under the second.
    pub b: GroupFigures,
    /// Occupancy, B − A, in parts of 1.
    pub occupancy: Option<f64>,
}

/// An hour of the day under both plans.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HourCompared {
    /// The hour, 0 to 23.
    pub hour: usize,
    /// Under the first plan.
    pub a: Figures,
    /// Under the second.
    pub b: Figures,
}

/// Everything that two plans differ in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The plans' names, A and B.
    pub plans: [String; 2],
    /// The scenarios' names.
    pub scenarios: Vec<String>,
    /// All contacts, then each queue, then each tier of each queue.
    pub classes: Vec<ClassCompared>,
    /// All operators, then each group.
    pub groups: Vec<GroupCompared>,
    /// The 24 hours of the day, days and scenarios put together.
    pub hours: Vec<HourCompared>,
    /// Waits of those answered at 1, 2, … 100 percent, in ms, under A and B.
    pub percentiles_ms: [Vec<u64>; 2],
    /// What the batches of the intervals are.
    pub batches: &'static str,
    /// Correlation of the wait differences of batches that follow each other, of all contacts; near 0 is good.
    pub neighbours: Option<f64>,
    /// What is to be known besides.
    pub notes: Vec<String>,
}

/// The two runs of all scenarios, added up.
#[derive(Default)]
pub struct Comparing {
    scenarios: Vec<String>,
    classes: BTreeMap<ClassOf, Class>,
    hours: BTreeMap<(usize, Side), Tally>,
    groups: BTreeMap<(String, Side), GroupFigures>,
    waits: [Vec<u64>; 2],
    notes: Vec<String>,
}

/// A class on its way.
#[derive(Default)]
struct Class {
    a: Tally,
    b: Tally,
    pairs: Pairs,
}

impl Comparing {
    /// Runs a scenario under both plans and takes it in. Both runs are judged by the targets of the first plan, queues that it
    /// lacks by those of the second. `progress` hears how many contacts have ended, of twice as many.
    ///
    /// # Errors
    /// When the core does not take one of the plans.
    pub fn add(
        &mut self,
        name: &str,
        under: [&Scenario; 2],
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), CannotSimulate> {
        let [a, b] = under;
        let run_a = simulate(a, Options::default(), progress)?;
        let contacts = a.contacts.len() as u64;
        let run_b = simulate(b, Options::default(), &mut |ended| progress(contacts + ended))?;
        let scenario = self.scenarios.len();
        self.scenarios.push(name.to_owned());
        self.note_targets(a.plan.as_ref(), b.plan.as_ref());
        let yardsticks = [&run_a, &run_b].map(|run| {
            Yardstick::of(&run.rows, a.plan.as_ref()).or(&Yardstick::of(&run.rows, b.plan.as_ref()))
        });
        let reports = [Report::judged(a, &run_a, &yardsticks[0]), Report::judged(b, &run_b, &yardsticks[1])];
        self.add_staff(&reports);
        for (side, rows, yardstick) in
            [(Side::A, &run_a.rows, &yardsticks[0]), (Side::B, &run_b.rows, &yardsticks[1])]
        {
            self.count(side, rows, yardstick, reports[0].begins_at_ms);
        }
        self.pair(scenario, [&run_a.rows, &run_b.rows], &yardsticks[0]);
        Ok(())
    }

    /// Takes a sentence up; the same one only once.
    pub fn note(&mut self, sentence: String) {
        if !self.notes.contains(&sentence) {
            self.notes.push(sentence);
        }
    }

    /// What came of it all.
    #[must_use]
    pub fn finish(self, plans: [String; 2]) -> Comparison {
        let by_scenario = self.scenarios.len() >= BATCHES_LEAST;
        let all = ClassOf { queue: None, tier: None };
        let neighbours = self.classes.get(&all).and_then(|class| class.pairs.neighbours(by_scenario));
        let mut classes: Vec<ClassCompared> =
            self.classes.into_iter().map(|(of, class)| ClassCompared::of(of, class, by_scenario)).collect();
        classes.sort_by_key(|one| (one.class.tier.is_some(), one.class.queue.is_some()));
        let mut hours = self.hours;
        let mut hour = |hour, side| hours.remove(&(hour, side)).unwrap_or_default().figures();
        Comparison {
            plans,
            scenarios: self.scenarios,
            classes,
            groups: groups(self.groups),
            hours: (0..24)
                .map(|at| HourCompared { hour: at, a: hour(at, Side::A), b: hour(at, Side::B) })
                .collect(),
            percentiles_ms: self.waits.map(percentiles),
            batches: if by_scenario { "scenarios" } else { "hours of arrival" },
            neighbours,
            notes: self.notes,
        }
    }

    /// Says where the plans' promises differ: the same wait would be judged in two ways.
    fn note_targets(&mut self, a: Option<&Plan>, b: Option<&Plan>) {
        let (Some(a), Some(b)) = (a, b) else { return };
        for queue in &b.queues {
            let before = a.queues.iter().find(|before| before.name == queue.name);
            if let Some(before) = before.filter(|before| before.target.within != queue.target.within) {
                self.note(format!(
                    "queue {}: the plans' targets differ ({} ms, {} ms); both are judged by A's",
                    queue.name, before.target.within.0, queue.target.within.0
                ));
            }
        }
    }

    fn add_staff(&mut self, reports: &[Report; 2]) {
        for (side, report) in [Side::A, Side::B].into_iter().zip(reports) {
            for operator in &report.staff.operators {
                for group in [ALL, &operator.group] {
                    self.groups.entry((group.to_owned(), side)).or_default().add(operator);
                }
            }
        }
    }

    fn count(&mut self, side: Side, rows: &[ResultRow], yardstick: &Yardstick, begins_at_ms: u64) {
        for row in rows {
            let hour = ((row.arrival_ms + begins_at_ms) / 3_600_000 % 24) as usize;
            self.hours.entry((hour, side)).or_default().count(row, yardstick);
            for of in classes_of(row) {
                let class = self.classes.entry(of).or_default();
                let tally = match side {
                    Side::A => &mut class.a,
                    Side::B => &mut class.b,
                };
                tally.count(row, yardstick);
            }
        }
        let waits = rows.iter().filter(|row| row.outcome.is_final()).filter_map(ResultRow::wait_ms);
        self.waits[side as usize].extend(waits);
    }

    /// Both runs have a final row for each contact.
    fn pair<'r>(&mut self, scenario: usize, rows: [&'r [ResultRow]; 2], yardstick: &Yardstick) {
        let last = |rows: &'r [ResultRow]| rows.iter().filter(|row| row.outcome.is_final());
        let by_contact: HashMap<&str, &ResultRow> =
            last(rows[1]).map(|row| (&*row.contact_id, row)).collect();
        for a in last(rows[0]) {
            let Some(b) = by_contact.get(&*a.contact_id) else { continue };
            for of in classes_of(a) {
                self.classes.entry(of).or_default().pairs.add(scenario, a, b, yardstick);
            }
        }
    }
}

impl Comparison {
    /// Writes the comparison's three files into a folder, which is made if missing; their paths.
    ///
    /// # Errors
    /// What the file system says, with the file.
    pub fn write(&self, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        use anyhow::Context as _;
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let path = |name: &str| folder.join(name);
        put(&path(JSON_FILE), format!("{:#}\n", serde_json::to_value(self)?))?;
        put(&path(TEXT_FILE), self.text())?;
        put(&path(PICTURE_FILE), picture::of(self)?)?;
        Ok([JSON_FILE, TEXT_FILE, PICTURE_FILE].map(path).to_vec())
    }
}

impl ClassCompared {
    fn of(of: ClassOf, class: Class, by_scenario: bool) -> ClassCompared {
        let (a, b) = (class.a.figures(), class.b.figures());
        let difference = Difference::between(&a, &b);
        ClassCompared { class: of, a, b, difference, paired: class.pairs.figures(by_scenario) }
    }
}

impl Difference {
    fn between(a: &Figures, b: &Figures) -> Difference {
        let less = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| b - a);
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Difference {
            asa_ms: less(a.asa_ms, b.asa_ms),
            p99_ms: a.wait_ms.zip(b.wait_ms).map(|(a, b)| count(b.p99) - count(a.p99)),
            service_level: less(a.service_level, b.service_level),
            abandoned: count(b.abandoned) - count(a.abandoned),
        }
    }
}

/// All contacts, the row's queue, and its tier of that.
fn classes_of(row: &ResultRow) -> [ClassOf; 3] {
    let queue = Some(row.queue.clone());
    [
        ClassOf { queue: None, tier: None },
        ClassOf { queue: queue.clone(), tier: None },
        ClassOf { queue, tier: Some(row.priority) },
    ]
}

fn groups(mut sides: BTreeMap<(String, Side), GroupFigures>) -> Vec<GroupCompared> {
    let mut names: Vec<String> = sides.keys().map(|(name, _)| name.clone()).collect();
    names.dedup();
    names.sort_by_key(|name| name != ALL);
    let mut side = |name: &str, side| {
        let mut figures = sides.remove(&(name.to_owned(), side)).unwrap_or_default().with_shares();
        name.clone_into(&mut figures.group);
        figures
    };
    let compared = |name: String| {
        let (a, b) = (side(&name, Side::A), side(&name, Side::B));
        let occupancy = a.occupancy.zip(b.occupancy).map(|(a, b)| b - a);
        GroupCompared { a, b, occupancy }
    };
    names.into_iter().map(compared).collect()
}

fn percentiles(mut waits: Vec<u64>) -> Vec<u64> {
    waits.sort_unstable();
    (1..=PERCENTS)
        .filter_map(|percent| crate::stats::percentile(&waits, percent as f64 / PERCENTS as f64))
        .collect()
}

/// The hours of the day that one of the plans has contacts in.
fn filled(hours: &[HourCompared]) -> impl Iterator<Item = &HourCompared> {
    hours.iter().filter(|hour| hour.a.contacts + hour.b.contacts > 0)
}
