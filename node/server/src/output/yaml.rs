//! YAML, made from the JSON of an answer. Readers of version 1.1 of YAML, which are many, take a bare `no` for a truth
//! value, `1e3` for a number and `12:30` for a number of seconds; those of 1.2 do not. So a text stands bare only where it
//! is a plain word for both; everything else is in double quotes, with the escapes of JSON, which both read alike.

use serde_json::Value;

/// Words that some reader takes for something else than a text, in lower case.
const TAKEN: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// The value as a document.
pub(crate) fn yaml(json: &Value) -> String {
    let mut text = String::new();
    if has_members(json) {
        block(&mut text, json, 0);
    } else {
        text.push_str(&scalar(json));
        text.push('\n');
    }
    text
}

/// The members of a list or an object, a line or more each.
fn block(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                text.push_str(&"  ".repeat(depth));
                text.push_str(&word(key));
                text.push(':');
                member(text, value, depth);
            }
        }
        Value::Array(list) => {
            for value in list {
                text.push_str(&"  ".repeat(depth));
                text.push_str("- ");
                in_list(text, value, depth);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&scalar(value)),
    }
}

fn has_members(value: &Value) -> bool {
    match value {
        Value::Object(object) => !object.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// What stands behind a dash: a dash and a blank are as wide as one step further in.
fn in_list(text: &mut String, value: &Value, depth: usize) {
    if has_members(value) {
        let mut below = String::new();
        block(&mut below, value, depth + 1);
        text.push_str(below.trim_start());
    } else {
        text.push_str(&scalar(value));
        text.push('\n');
    }
}

/// What stands behind a key: on the same line, or below it and further in.
fn member(text: &mut String, value: &Value, depth: usize) {
    if has_members(value) {
        text.push('\n');
        block(text, value, depth + 1);
    } else {
        text.push(' ');
        text.push_str(&scalar(value));
        text.push('\n');
    }
}

/// A value without members; JSON writes all but texts as YAML reads them.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

/// A text, bare if no reader can take it for something else.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    let begins_with_letter = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins_with_letter
        && text.chars().all(is_plain)
        && !TAKEN.contains(&text.to_ascii_lowercase().as_str())
    {
        return text.to_owned();
    }
    let mut quoted = String::new();
    for c in Value::from(text).to_string().chars() {
        // What YAML does not let stand in a document, or takes for the end of a line.
        if matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') {
            quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            quoted.push(c);
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_any_reader_could_take_for_something_else_is_quoted() {
        let taken = [
            "no",
            "On",
            "YES",
            "y",
            "N",
            "off",
            "true",
            "Null",
            "~",
            "",
            "1e3",
            "0o7",
            "0x1F",
            "12:30",
            "1_000",
            "-1",
            ".inf",
            ".5",
            "2024-01-01",
            "=",
            "<<",
            "- a",
            "a: b",
            "a #b",
            "@a",
            "*a",
            "&a",
            "!a",
            "%a",
            "[a",
            "{a",
            " a",
            "a ",
            "a\nb",
            "\u{85}",
            "клиент",
        ];
        for text in taken {
            let written = word(text);
            assert!(written.starts_with('"') && written.ends_with('"'), "{text}: {written}");
            let read: Value = serde_yaml_ng::from_str(&written).expect("YAML");
            assert_eq!(read, json!(text));
        }
        for text in ["anna", "c1.0", "node-1", "a/b_c", "nothing", "e3"] {
            assert_eq!(word(text), text);
        }
    }

    #[test]
    fn a_document_is_read_back_as_it_was() {
        let json = json!({
            "list": [{"no": "no", "deep": {"a": [[], {}, [1, -2.5, [null, true]]]}}, "text", "two\nlines: yes"],
            "empty": [], "none": {}, "on": false, "1": "1", "": "", "big": 18_446_744_073_709_551_615_u64,
        });
        let read: Value = serde_yaml_ng::from_str(&yaml(&json)).expect("YAML");
        assert_eq!(read, json);
        assert_eq!(yaml(&json!({"a": [{"b": 1}], "c": "no"})), "a:\n  - b: 1\nc: \"no\"\n");
        assert_eq!((yaml(&json!([])), yaml(&json!("no"))), ("[]\n".to_owned(), "\"no\"\n".to_owned()));
    }
}
