//! Scenario folders: contacts, operators, an optional plan and free notes. Every random value is already in
//! them, so simulating one is deterministic.

mod contacts;
mod operators;
pub(crate) use operators::joined;
mod planned;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use ringmain_routing::Plan;
use ringmain_routing::command::OperatorPlan;
use serde_json::Value;

use crate::problem::{InvalidInput, Place, Problems};

/// The file of contacts in a scenario folder.
pub const CONTACTS_FILE: &str = "contacts.csv";
/// The file of operators in a scenario folder.
pub const OPERATORS_FILE: &str = "operators.json";
/// The optional routing plan in a scenario folder.
pub const PLAN_FILE: &str = "plan.toml";
/// The optional free notes in a scenario folder.
pub const NOTES_FILE: &str = "scenario.json";

/// A text that many rows share.
pub type Text = Arc<str>;

/// A whole scenario. Times are milliseconds from its start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenario {
    /// The contacts in the order of the file.
    pub contacts: Vec<Contact>,
    /// The operators in the order of the file.
    pub operators: Vec<Operator>,
    /// The routing plan; without one the rules of the format apply.
    pub plan: Option<Plan>,
    /// What the plan says of operators of the scenario: it counts in place of their skills, capacity and region.
    pub planned: Vec<OperatorPlan>,
    /// Free notes.
    pub notes: Option<Value>,
}

/// A plan to run a scenario by, with what it says of operators. Of those only the scenario's take part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScenarioPlan {
    /// The plan.
    pub plan: Plan,
    /// Its operators.
    pub operators: Vec<OperatorPlan>,
}

impl From<Plan> for ScenarioPlan {
    fn from(plan: Plan) -> ScenarioPlan {
        ScenarioPlan { plan, operators: Vec::new() }
    }
}

/// One row of contacts.csv.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// One of a kind in the scenario.
    pub contact_id: Text,
    /// May be empty: not every customer is known.
    pub customer_id: Text,
    /// The queue it enters.
    pub queue: Text,
    /// The channel it comes by.
    pub channel: Text,
    /// Tier, 0 is the most urgent.
    pub priority: u8,
    /// Skills that its operator must have.
    pub required_skills: Arc<[Text]>,
    /// Where the customer is; no rule decides by it.
    pub region: Option<Text>,
    /// When it arrives.
    pub arrival_ms: u64,
    /// How long handling takes once assigned.
    pub service_ms: u64,
    /// How long it waits before leaving; `None` for ever.
    pub patience_ms: Option<u64>,
    /// Capacity units it takes.
    pub weight: u32,
    /// Whether it is a call-back order.
    pub kind: Kind,
    /// The operator whom the customer knows.
    pub preferred_operator: Option<Text>,
    /// How long it is held for that operator alone.
    pub sticky_ms: Option<u64>,
    /// A language that must be spoken: a skill of that name.
    pub language: Option<Text>,
    /// What it is about; no rule decides by it.
    pub topic: Option<Text>,
    /// Wrap-up after the talk; `None` for the queue's.
    pub wrap_up_ms: Option<u64>,
}

/// What a contact is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary contact.
    #[default]
    Ordinary,
    /// A call-back order: merged into the same customer's open one.
    Callback,
}

/// One operator of operators.json.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// One of a kind in the scenario.
    pub operator_id: Text,
    /// Skills with levels 1 to 10.
    pub skills: Vec<(Text, u8)>,
    /// Capacity in the unit of the contacts' weights.
    pub capacity: u32,
    /// Where the operator works: with a plan that has org units, the unit.
    pub region: Option<Text>,
    /// When the operator is on duty, `from` included, `to` not, in order and apart; `None` for always.
    pub shifts: Option<Vec<Shift>>,
}

/// One span on duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shift {
    /// The first moment on duty.
    pub from_ms: u64,
    /// The first moment off duty.
    pub to_ms: u64,
}

impl Contact {
    /// A call of nobody in particular that asks for nothing special and never leaves.
    #[must_use]
    pub fn ordinary(contact_id: Text, queue: Text, arrival_ms: u64, service_ms: u64) -> Contact {
        Contact {
            contact_id,
            customer_id: "".into(),
            queue,
            channel: "voice".into(),
            priority: 2,
            required_skills: Arc::from([]),
            region: None,
            arrival_ms,
            service_ms,
            patience_ms: None,
            weight: 1,
            kind: Kind::Ordinary,
            preferred_operator: None,
            sticky_ms: None,
            language: None,
            topic: None,
            wrap_up_ms: None,
        }
    }

    /// All skills that its operator must have: the required ones, and the language where one is given.
    #[must_use]
    pub fn skills_needed(&self) -> Arc<[Text]> {
        match &self.language {
            Some(language) if !self.required_skills.contains(language) => {
                self.required_skills.iter().chain([language]).cloned().collect()
            }
            Some(_) | None => Arc::clone(&self.required_skills),
        }
    }
}

impl Scenario {
    /// Reads a folder. A `plan.toml` is honoured only through `plan`, its parsed content or another plan in its place;
    /// without that it is refused by name.
    ///
    /// # Errors
    /// Every problem of every file with its place and remedy, all at once.
    pub fn read(folder: &Path, plan: Option<ScenarioPlan>) -> Result<Scenario, InvalidInput> {
        let mut problems = Problems::default();
        let rows = read_file(folder, CONTACTS_FILE, &mut problems)
            .map(|bytes| contacts::parse(&bytes, &mut problems))
            .unwrap_or_default();
        let operators = read_file(folder, OPERATORS_FILE, &mut problems)
            .map(|bytes| operators::parse(&bytes, &mut problems))
            .unwrap_or_default();
        let notes = read_notes(folder, &mut problems);
        if plan.is_none() && folder.join(PLAN_FILE).exists() {
            problems.add(
                &Place::file(PLAN_FILE),
                "this reader was given no parsed plan and cannot honour the file",
                "run the scenario with `ringmain simulate`, or remove the file to route without a plan",
            );
        }
        let (plan, planned) = match plan {
            Some(given) => (Some(given.plan), planned::those_of(&operators, given.operators)),
            None => (None, Vec::new()),
        };
        if let Some(plan) = &plan {
            planned::check(&rows, &operators, plan, &planned, &mut problems);
        }
        problems.unless_any(Scenario { contacts: rows.contacts, operators, plan, planned, notes })
    }

    /// What of the operators that a plan names and those of the scenario does not go together, a sentence each.
    #[must_use]
    pub fn staffing(&self, given: &[OperatorPlan]) -> Vec<String> {
        planned::staffing(&self.operators, given)
    }

    /// Writes the folder, which is made if missing. A plan is not written: its text belongs to whoever parsed it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join(CONTACTS_FILE), contacts::format(&self.contacts)?)?;
        fs::write(folder.join(OPERATORS_FILE), operators::format(&self.operators))?;
        if let Some(notes) = &self.notes {
            fs::write(folder.join(NOTES_FILE), format!("{notes:#}\n"))?;
        }
        Ok(())
    }
}

fn read_file(folder: &Path, file: &str, problems: &mut Problems) -> Option<Vec<u8>> {
    match fs::read(folder.join(file)) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            let fix = format!("a scenario is a folder with {CONTACTS_FILE} and {OPERATORS_FILE}");
            problems.add(&Place::file(file), format!("cannot be read: {error}"), fix);
            None
        }
    }
}

fn read_notes(folder: &Path, problems: &mut Problems) -> Option<Value> {
    if !folder.join(NOTES_FILE).exists() {
        return None;
    }
    let bytes = read_file(folder, NOTES_FILE, problems)?;
    match serde_json::from_slice(&bytes) {
        Ok(notes) => Some(notes),
        Err(error) => {
            let at = Place::file(NOTES_FILE).line(error.line() as u64);
            problems.add(&at, format!("is not JSON: {error}"), "write the notes as JSON or remove the file");
            None
        }
    }
}
