//! CSV, made from the JSON of an answer, so that every command has it without a word of its own; YAML see below.

use serde_json::{Map, Value};

use crate::exit::{Failure, FailureKind};

/// Columns that say what a row is about: they stand first, the others by the alphabet.
const FIRST: [&str; 10] =
    ["cursor", "name", "contact", "operator", "login", "node", "file", "event", "line", "field"];

/// As CSV with a head. An answer that has exactly one list gives a row for each of its members, else it is one row.
/// Members of members stand in columns like `stamp.node`; a list in a cell is words with blanks between them. The head of
/// a list without members is that of `example`, a member as it would be; without one it is nothing at all.
///
/// # Errors
/// Never for what an answer holds; the library says it can.
pub(crate) fn csv(json: &Value, example: Option<&Value>) -> Result<String, Failure> {
    let rows: Vec<Map<String, Value>> = rows(json);
    let mut like = Map::new();
    if let (Some(example), true) = (example, rows.is_empty()) {
        flatten(&mut like, "", example);
    }
    let mut columns: Vec<&String> = rows.iter().chain([&like]).flat_map(Map::keys).collect();
    columns.sort_by_key(|name| (FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()), *name));
    columns.dedup();
    let records =
        rows.iter().map(|row| columns.iter().map(|name| row.get(*name).map_or(String::new(), cell)));
    lines(
        std::iter::once(columns.iter().map(ToString::to_string).collect())
            .chain(records.map(Iterator::collect)),
    )
}

/// Records as lines of CSV.
///
/// # Errors
/// Never into memory; the library says it can.
pub(crate) fn lines(records: impl IntoIterator<Item = Vec<String>>) -> Result<String, Failure> {
    let broken = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Internal, "internal", error);
    let mut writer = csv::WriterBuilder::new().flexible(false).from_writer(Vec::new());
    for record in records.into_iter().filter(|record| !record.is_empty()) {
        writer.write_record(record).map_err(|error| broken(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| broken(&error))?;
    String::from_utf8(bytes).map_err(|error| broken(&error))
}

/// The one list of an answer, each member flat; else the answer itself, flat.
fn rows(json: &Value) -> Vec<Map<String, Value>> {
    let lists: Vec<(&str, &Vec<Value>)> = match json {
        Value::Array(list) => vec![("value", list)],
        Value::Object(object) => {
            object.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_array()?))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let flat = |name: &str, value: &Value| {
        let mut row = Map::new();
        flatten(&mut row, if value.is_object() { "" } else { name }, value);
        row
    };
    match lists[..] {
        [(name, list)] => list.iter().map(|member| flat(name, member)).collect(),
        _ => vec![flat("value", json)],
    }
}

fn flatten(row: &mut Map<String, Value>, name: &str, value: &Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(row, &name, value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            row.insert(name.to_owned(), value.clone());
        }
    }
}

/// A value as a cell.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) if !list.iter().any(|member| member.is_object() || member.is_array()) => {
            list.iter().map(cell).collect::<Vec<_>>().join(" ")
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_a_row_for_each_member_and_the_name_comes_first() {
        let answer = json!({
            "queues": [{"waiting": 2, "name": "a, b"}, {"name": "c", "waiting": 0, "level": null}],
            "stamp": {"node": 1},
        });
        assert_eq!(csv(&answer, None).expect("CSV"), "name,level,waiting\n\"a, b\",,2\nc,,0\n");
    }

    #[test]
    fn an_answer_without_a_list_is_one_row_with_names_of_names() {
        let answer =
            json!({"contact": {"contact": "c1.0", "skills": [{"name": "ru"}]}, "stamp": {"node": 1}});
        let expected = "contact.contact,contact.skills,stamp.node\nc1.0,\"[{\"\"name\"\":\"\"ru\"\"}]\",1\n";
        assert_eq!(csv(&answer, None).expect("CSV"), expected);
    }

    #[test]
    fn plain_members_stand_below_the_name_of_their_list_and_none_are_nothing() {
        assert_eq!(csv(&json!({"changes": ["a", "b"], "version": 2}), None).expect("CSV"), "changes\na\nb\n");
        assert_eq!(csv(&json!({"changes": [], "version": 2}), None).expect("CSV"), "");
    }

    #[test]
    fn a_list_without_members_has_the_head_of_one_that_has_some() {
        let example = json!({"waiting": 0, "name": "", "stamp": {"node": 1}});
        let empty = csv(&json!({"queues": [], "stamp": 1}), Some(&example)).expect("CSV");
        assert_eq!(empty, "name,stamp.node,waiting\n");
        let one = csv(&json!({"queues": [example]}), Some(&json!({"other": 1}))).expect("CSV");
        assert_eq!(one, "name,stamp.node,waiting\n,1,0\n");
    }
}
