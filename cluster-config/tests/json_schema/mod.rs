//! The part of JSON Schema that our schemas use. A keyword it does not know is an error, so that no rule of a schema
//! goes unchecked.

use serde_json::Value;

/// Where and how the instance breaks the schema.
pub fn errors(schema: &Value, instance: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, instance, "", &mut found);
    found
}

fn check(schema: &Value, instance: &Value, path: &str, found: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        let holds = match keyword.as_str() {
            "$schema" | "title" | "description" | "default" => true,
            "type" => has_type(instance, rule.as_str().expect("one type")),
            "enum" => rule.as_array().expect("a list").contains(instance),
            "minimum" => instance.as_i64().is_none_or(|n| n >= rule.as_i64().expect("a number")),
            "maximum" => instance.as_i64().is_none_or(|n| n <= rule.as_i64().expect("a number")),
            "minLength" => instance.as_str().is_none_or(|text| text.chars().count() >= size(rule)),
            "maxLength" => instance.as_str().is_none_or(|text| text.chars().count() <= size(rule)),
            // The one pattern in use: something, a colon, one to five digits.
            "pattern" => rule == "^.+:[0-9]{1,5}$" && instance.as_str().is_none_or(is_address),
            "maxItems" => instance.as_array().is_none_or(|list| list.len() <= size(rule)),
            "minProperties" => instance.as_object().is_none_or(|table| table.len() >= size(rule)),
            "maxProperties" => instance.as_object().is_none_or(|table| table.len() <= size(rule)),
            "required" => {
                let names =
                    rule.as_array().expect("a list").iter().map(|name| name.as_str().expect("a name"));
                instance.as_object().is_none_or(|table| names.clone().all(|name| table.contains_key(name)))
            }
            "anyOf" => rule.as_array().expect("a list").iter().any(|one| errors(one, instance).is_empty()),
            "items" => {
                for (i, item) in instance.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &format!("{path}[{i}]"), found);
                }
                true
            }
            "properties" | "additionalProperties" => true,
            other => panic!("keyword {other:?} is not known here"),
        };
        if !holds {
            found.push(format!("{path}: {keyword} {rule}"));
        }
    }
    check_properties(schema, instance, path, found);
}

fn check_properties(schema: &Value, instance: &Value, path: &str, found: &mut Vec<String>) {
    for (key, value) in instance.as_object().into_iter().flatten() {
        let here = format!("{path}.{key}");
        match (schema["properties"].get(key), schema.get("additionalProperties")) {
            (Some(rule), _) => check(rule, value, &here, found),
            (None, Some(Value::Bool(false))) => found.push(format!("{here}: not a property")),
            (None, Some(rule)) => check(rule, value, &here, found),
            (None, None) => {}
        }
    }
}

fn has_type(instance: &Value, name: &str) -> bool {
    match name {
        "object" => instance.is_object(),
        "array" => instance.is_array(),
        "string" => instance.is_string(),
        "integer" => instance.is_i64() || instance.is_u64(),
        "boolean" => instance.is_boolean(),
        other => panic!("type {other:?} is not known here"),
    }
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    !host.is_empty() && (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn size(rule: &Value) -> usize {
    rule.as_u64().and_then(|n| usize::try_from(n).ok()).expect("a size")
}
