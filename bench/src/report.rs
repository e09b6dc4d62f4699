//! What a result says: by queue, tier, channel and hour, and of the operators; as text, JSON, picture and workbook.

mod columns;
mod day;
mod figures;
mod picture;
mod spans;
mod staff;
mod text;
mod workbook;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ringmain_routing::Plan;
use serde::Serialize;

use crate::result::ResultRow;
use crate::scenario::{Contact, Scenario};
use crate::simulate::{BreakFigures, CaseFigures, CompanionFigures, Simulated};
use columns::QUEUE_COLUMNS;
pub(crate) use columns::Shown;
pub use day::{HourFigures, QueueHour};
pub(crate) use figures::Tally;
use figures::ratio;
pub use figures::{Figures, SHORT_ABANDON_MS, STARVED_TARGETS, TARGET_MS, Waits, Yardstick};
pub use staff::{GroupFigures, OperatorFigures, Staff};
pub(crate) use text::table;

/// The report for programs.
pub const JSON_FILE: &str = "report.json";
/// The report for people.
pub const TEXT_FILE: &str = "report.txt";
/// The day as a picture.
pub const PICTURE_FILE: &str = "report.svg";
/// The report as a workbook.
pub const WORKBOOK_FILE: &str = "report.xlsx";
/// How many of those who waited longest are named.
const LONGEST_NAMED: usize = 20;

/// The figures of a whole result.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// All queues together.
    pub total: Figures,
    /// Each queue, by name.
    pub queues: BTreeMap<String, Figures>,
}

/// Everything that a run says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The first arrival; time on duty is counted from here.
    pub from_ms: u64,
    /// The last event; time on duty is counted up to here.
    pub end_ms: u64,
    /// The time of day at which the scenario begins, in ms since midnight.
    pub begins_at_ms: u64,
    /// All contacts, and each queue.
    pub summary: Summary,
    /// Each tier of each queue.
    pub tiers: Vec<TierFigures>,
    /// Each channel, by name.
    pub channels: BTreeMap<String, Figures>,
    /// The 24 hours of the day, days put together.
    pub hours: Vec<HourFigures>,
    /// The hours of each queue in which contacts came.
    pub queue_hours: Vec<QueueHour>,
    /// Those who serve.
    pub staff: Staff,
    /// Those who waited longest, longest first, whatever came of it.
    pub longest: Vec<LongWait>,
    /// Why contacts were rejected: how many by each code.
    pub rejected: BTreeMap<&'static str, u64>,
    /// How breaks were kept, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub breaks: BTreeMap<String, BreakFigures>,
    /// Cases by route.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cases: BTreeMap<String, CaseFigures>,
    /// Companions of calls; nothing where nobody was invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub companions: Option<CompanionFigures>,
    /// Commands carried out.
    pub commands: u64,
    /// The core's hash over all commands and outcomes, in hexadecimal.
    pub chain: String,
    /// Rows of the result, attempts without service included.
    pub rows: u64,
    /// Rows that the workbook's sheet has no room for.
    pub rows_left_out: u64,
}

/// The figures of one tier of one queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TierFigures {
    /// The queue.
    pub queue: String,
    /// The tier, 0 the most urgent.
    pub tier: u8,
    /// What is said of it.
    pub figures: Figures,
}

/// Somebody who waited long.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LongWait {
    /// The contact.
    pub contact_id: String,
    /// Its queue.
    pub queue: String,
    /// Its tier.
    pub tier: u8,
    /// When it came.
    pub arrival_ms: u64,
    /// How long it waited.
    pub waited_ms: u64,
    /// What came of it.
    pub outcome: &'static str,
    /// Whether that is more than [`STARVED_TARGETS`] times the target.
    pub is_starved: bool,
}

impl Summary {
    /// Counts a result. Targets are the plan's; without a plan, [`TARGET_MS`].
    #[must_use]
    pub fn of(rows: &[ResultRow], plan: Option<&Plan>) -> Summary {
        Summary::judged(rows, &Yardstick::of(rows, plan))
    }

    /// Counts a result by a yardstick.
    #[must_use]
    pub fn judged(rows: &[ResultRow], yardstick: &Yardstick) -> Summary {
        let queues = tally_by(rows, yardstick, |row| Some(row.queue.clone()));
        let mut total = Tally::default();
        rows.iter().for_each(|row| total.count(row, yardstick));
        Summary {
            total: total.figures(),
            queues: queues.into_iter().map(|(name, figures)| (name.to_string(), figures)).collect(),
        }
    }
}

impl Report {
    /// Judges a run of a scenario by its own plan.
    #[must_use]
    pub fn of(scenario: &Scenario, simulated: &Simulated) -> Report {
        Report::judged(scenario, simulated, &Yardstick::of(&simulated.rows, scenario.plan.as_ref()))
    }

    /// Judges a run of a scenario by a yardstick.
    #[must_use]
    pub fn judged(scenario: &Scenario, simulated: &Simulated, yardstick: &Yardstick) -> Report {
        let rows = &simulated.rows;
        let contacts = contacts_by_id(scenario);
        let tiers = tally_by(rows, yardstick, |row| Some((row.queue.clone(), row.priority)));
        let channels = tally_by(rows, yardstick, |row| {
            contacts.get(&*row.contact_id).map(|contact| contact.channel.clone())
        });
        let window = day::Window::of(scenario, yardstick.end_ms);
        let (staff, presence) = staff::of(scenario, rows, &contacts, &window);
        Report {
            from_ms: window.from_ms,
            end_ms: window.end_ms,
            begins_at_ms: window.begins_at_ms,
            summary: Summary::judged(rows, yardstick),
            tiers: tiers
                .into_iter()
                .map(|((queue, tier), figures)| TierFigures { queue: queue.to_string(), tier, figures })
                .collect(),
            channels: channels.into_iter().map(|(name, figures)| (name.to_string(), figures)).collect(),
            hours: day::hours(rows, yardstick, &window, &presence),
            queue_hours: day::queue_hours(rows, yardstick, &window),
            staff,
            longest: longest(rows, yardstick),
            rejected: simulated.rejected.clone(),
            breaks: simulated.breaks.clone(),
            cases: simulated.cases.clone(),
            companions: Some(simulated.companions).filter(|companions| companions.invited > 0),
            commands: simulated.commands,
            chain: format!("{:032x}", simulated.chain),
            rows: rows.len() as u64,
            rows_left_out: (rows.len() as u64).saturating_sub(workbook::ROWS_MAX),
        }
    }

    /// Writes the report's four files into a folder, which is made if missing; their paths.
    ///
    /// # Errors
    /// What the file system or the workbook's writer says, with the file.
    pub fn write(
        &self,
        folder: &Path,
        scenario: &Scenario,
        rows: &[ResultRow],
    ) -> anyhow::Result<Vec<PathBuf>> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let path = |name: &str| folder.join(name);
        put(&path(JSON_FILE), format!("{:#}\n", serde_json::to_value(self)?))?;
        put(&path(TEXT_FILE), self.text())?;
        put(&path(PICTURE_FILE), picture::of(self)?)?;
        let file = path(WORKBOOK_FILE);
        workbook::write(self, &contacts_by_id(scenario), rows, &file)
            .with_context(|| file.display().to_string())?;
        Ok([JSON_FILE, TEXT_FILE, PICTURE_FILE, WORKBOOK_FILE].map(path).to_vec())
    }
}

/// Writes a file; the error names it.
pub(crate) fn put(path: &Path, content: String) -> anyhow::Result<()> {
    fs::write(path, content).with_context(|| path.display().to_string())
}

fn contacts_by_id(scenario: &Scenario) -> HashMap<&str, &Contact> {
    scenario.contacts.iter().map(|contact| (&*contact.contact_id, contact)).collect()
}

/// The figures of each class; rows without one are left out.
fn tally_by<K: Ord>(
    rows: &[ResultRow],
    yardstick: &Yardstick,
    class: impl Fn(&ResultRow) -> Option<K>,
) -> BTreeMap<K, Figures> {
    let mut tallies: BTreeMap<K, Tally> = BTreeMap::new();
    for row in rows {
        if let Some(class) = class(row) {
            tallies.entry(class).or_default().count(row, yardstick);
        }
    }
    tallies.into_iter().map(|(class, tally)| (class, tally.figures())).collect()
}

/// Those who waited longest; of equal waits the earlier arrival first.
fn longest(rows: &[ResultRow], yardstick: &Yardstick) -> Vec<LongWait> {
    let mut waits: Vec<(u64, &ResultRow)> = rows
        .iter()
        .filter(|row| row.outcome.is_final())
        .filter_map(|row| yardstick.waited_ms(row).filter(|&waited| waited > 0).map(|waited| (waited, row)))
        .collect();
    let order = |a: &(u64, &ResultRow), b: &(u64, &ResultRow)| {
        (b.0, a.1.arrival_ms, &a.1.contact_id).cmp(&(a.0, b.1.arrival_ms, &b.1.contact_id))
    };
    if waits.len() > LONGEST_NAMED {
        waits.select_nth_unstable_by(LONGEST_NAMED, order);
        waits.truncate(LONGEST_NAMED);
    }
    waits.sort_unstable_by(order);
    waits.into_iter().map(|(waited_ms, row)| long_wait(row, waited_ms, yardstick)).collect()
}

fn long_wait(row: &ResultRow, waited_ms: u64, yardstick: &Yardstick) -> LongWait {
    LongWait {
        contact_id: row.contact_id.to_string(),
        queue: row.queue.to_string(),
        tier: row.priority,
        arrival_ms: row.arrival_ms,
        waited_ms,
        outcome: row.outcome.word(),
        is_starved: yardstick.is_starved(row),
    }
}

/// The group of an operator: the login without the number behind it, as plans and profiles number the members of a
/// group.
#[must_use]
pub fn group_of(login: &str) -> &str {
    let stem = login.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = stem.trim_end_matches(['-', '_']);
    if stem.is_empty() { login } else { stem }
}
