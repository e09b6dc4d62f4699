//! operators.json: a list of operators with skills, capacity and shifts.

use std::collections::HashMap;
use std::fmt::Write as _;

use ringmain_routing::limits::{CAPACITY_MAX, LEVEL_MAX, NAME_BYTES_MAX, OPERATOR_SKILLS_MAX, SPAN_MS_MAX};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{OPERATORS_FILE, Operator, Shift, Text};
use crate::fields::{Fields, is_plain};
use crate::intern::Interner;
use crate::problem::{Place, Problems};

/// Reads the list; operators with problems are reported and left out.
pub(super) fn parse(bytes: &[u8], problems: &mut Problems) -> Vec<Operator> {
    let place = Place::file(OPERATORS_FILE);
    let items = std::str::from_utf8(bytes).map_err(|error| (1, error.to_string())).and_then(|text| {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let items: Result<Vec<&RawValue>, _> = serde_json::from_str(text);
        items.map(|items| (text, items)).map_err(|error| (error.line() as u64, error.to_string()))
    });
    let (text, items) = match items {
        Ok(found) => found,
        Err((line, error)) => {
            problems.add(
                &place.line(line),
                format!("is no list: {error}"),
                "write [ { \"operator_id\": … }, … ]",
            );
            return Vec::new();
        }
    };
    let mut lines = Lines { text, offset: 0, line: 1 };
    let mut names = Interner::default();
    let mut first_lines = HashMap::new();
    let mut operators = Vec::new();
    for item in items {
        let place = place.line(lines.line_of(item.get()));
        let Some(operator) = parse_operator(item, place, &mut names, problems) else { continue };
        if let Some(line) = first_lines.insert(operator.operator_id.clone(), place.line) {
            let problem =
                format!("{:?} is already the id of line {}", operator.operator_id, line.unwrap_or_default());
            problems.add(&place.field("operator_id"), problem, "give each operator an id of its own");
            continue;
        }
        operators.push(operator);
    }
    operators
}

/// Counts lines up to items of a text, each after the last.
struct Lines<'t> {
    text: &'t str,
    offset: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line on which `item`, a part of the text, begins.
    fn line_of(&mut self, item: &str) -> u64 {
        let offset = (item.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let passed = self.text.get(self.offset..offset).unwrap_or_default();
        self.line += passed.bytes().filter(|&byte| byte == b'\n').count() as u64;
        self.offset = offset.max(self.offset);
        self.line
    }
}

fn parse_operator(
    item: &RawValue,
    place: Place<'_>,
    names: &mut Interner,
    problems: &mut Problems,
) -> Option<Operator> {
    let value: Value = match serde_json::from_str(item.get()) {
        Ok(value) => value,
        Err(error) => {
            problems.add(&place, format!("is no operator: {error}"), "write it as { … }");
            return None;
        }
    };
    let before = problems.count();
    let mut fields = Fields::open(&value, place, "", problems)?;
    let operator_id = fields.text("operator_id", problems);
    let operator = Operator {
        operator_id: short(&fields, "operator_id", operator_id, problems).into(),
        skills: parse_skills(&mut fields, names, problems),
        capacity: fields.optional_whole("capacity", (0, u64::from(CAPACITY_MAX)), problems).unwrap_or(1)
            as u32,
        region: fields.optional_text("region", problems).map(|region| {
            let region = short(&fields, "region", Some(region), problems);
            names.text(region)
        }),
        shifts: parse_shifts(&mut fields, problems),
    };
    fields.finish(problems);
    (problems.count() == before).then_some(operator)
}

/// A name within the core's bounds, or a problem and nothing.
fn short<'a>(fields: &Fields<'_>, field: &str, name: Option<&'a str>, problems: &mut Problems) -> &'a str {
    let name = name.unwrap_or_default();
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    let fix = format!("use at most {NAME_BYTES_MAX} bytes");
    fields.problem(field, problems, format!("is {} bytes long", name.len()), &fix);
    ""
}

fn parse_skills(fields: &mut Fields<'_>, names: &mut Interner, problems: &mut Problems) -> Vec<(Text, u8)> {
    let mut skills: Vec<(Text, u8)> = Vec::new();
    for (i, item) in fields.list("skills", problems).unwrap_or_default().iter().enumerate() {
        let path = format!("skills[{i}]");
        let Some((name, level)) = parse_skill(fields, item, &path, problems) else { continue };
        let name = short(fields, &path, Some(name), problems);
        if skills.iter().any(|(known, _)| &**known == name) {
            fields.problem(&path, problems, format!("{name:?} is named twice"), "keep one of them");
        }
        skills.push((names.text(name), level));
    }
    if skills.len() > OPERATOR_SKILLS_MAX {
        let fix = format!("name at most {OPERATOR_SKILLS_MAX}");
        fields.problem("skills", problems, format!("{} skills are too many", skills.len()), &fix);
    }
    skills
}

/// `"name"` stands for level 1.
fn parse_skill<'v>(
    fields: &Fields<'v>,
    item: &'v Value,
    path: &str,
    problems: &mut Problems,
) -> Option<(&'v str, u8)> {
    if let Some(name) = item.as_str() {
        if !is_plain(name.trim()) {
            let fix = "write the skill's name without control characters";
            fields.problem(path, problems, format!("{item} is no name"), fix);
            return None;
        }
        return Some((name.trim(), 1));
    }
    let mut skill = Fields::open(item, fields.place(), path, problems)?;
    let name = skill.text("name", problems);
    let level = skill.optional_whole("level", (1, u64::from(LEVEL_MAX)), problems).unwrap_or(1);
    skill.finish(problems);
    Some((name?, level as u8))
}

fn parse_shifts(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<Shift>> {
    let items = fields.optional_list("shifts", problems)?;
    let mut shifts = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let times: Option<Vec<u64>> =
            item.as_array().map(|pair| pair.iter().filter_map(Value::as_u64).collect());
        match times.as_deref() {
            Some(&[from_ms, to_ms]) if from_ms < to_ms && to_ms <= SPAN_MS_MAX => {
                shifts.push(Shift { from_ms, to_ms });
            }
            Some(_) | None => {
                let fix = "write [from_ms, to_ms], whole milliseconds from 0 to two years, from before to";
                fields.problem(&format!("shifts[{i}]"), problems, format!("{item} is no span of time"), fix);
            }
        }
    }
    Some(joined(shifts))
}

/// The same time on duty as spans in order and apart.
pub(crate) fn joined(mut shifts: Vec<Shift>) -> Vec<Shift> {
    shifts.sort_unstable();
    let mut apart: Vec<Shift> = Vec::with_capacity(shifts.len());
    for shift in shifts {
        match apart.last_mut() {
            Some(last) if shift.from_ms <= last.to_ms => last.to_ms = last.to_ms.max(shift.to_ms),
            Some(_) | None => apart.push(shift),
        }
    }
    apart
}

/// The file's content: one operator per line.
pub(super) fn format(operators: &[Operator]) -> String {
    let mut text = String::from("[");
    for (i, operator) in operators.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}\n  {}", operator_json(operator));
    }
    text.push_str("\n]\n");
    text
}

fn operator_json(operator: &Operator) -> Value {
    let skills: Vec<Value> = operator
        .skills
        .iter()
        .map(
            |(name, level)| {
                if *level == 1 { json!(&**name) } else { json!({"name": &**name, "level": level}) }
            },
        )
        .collect();
    let mut object =
        json!({"operator_id": &*operator.operator_id, "skills": skills, "capacity": operator.capacity});
    if let Some(region) = &operator.region {
        object["region"] = json!(&**region);
    }
    if let Some(shifts) = &operator.shifts {
        object["shifts"] = shifts.iter().map(|shift| json!([shift.from_ms, shift.to_ms])).collect();
    }
    object
}
