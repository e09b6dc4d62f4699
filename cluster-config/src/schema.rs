//! JSON Schema (draft 2020-12) of our files, made from their shapes. Editors complete and check by it; the rules
//! that join several fields (a scope that must be a unit of the plan) are the parser's alone.

use serde_json::{Map, Value, json};

use crate::shape::{Field, Form, Kind, Need, Shape};

/// The schema of a node's config.
#[must_use]
pub fn node_config() -> Value {
    document("Ringmain node config", &crate::node::FILE)
}

/// The schema of the routing plan.
#[must_use]
pub fn routing_plan() -> Value {
    document("Ringmain routing plan", &crate::plan::FILE)
}

/// The schema of the tokens file.
#[must_use]
pub fn tokens() -> Value {
    document("Ringmain tokens", &crate::tokens::FILE)
}

fn document(title: &str, shape: &Shape) -> Value {
    let mut schema = table(shape);
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!(title));
    Value::Object(schema)
}

fn table(shape: &Shape) -> Map<String, Value> {
    let properties: Map<String, Value> =
        shape.fields.iter().map(|field| (field.name.to_owned(), property(field))).collect();
    let required: Vec<&str> =
        shape.fields.iter().filter(|field| field.need == Need::Required).map(|field| field.name).collect();
    let mut schema = Map::new();
    schema.insert("type".into(), json!("object"));
    schema.insert("description".into(), json!(shape.doc));
    schema.insert("properties".into(), Value::Object(properties));
    schema.insert("additionalProperties".into(), json!(false));
    if shape.exactly_one {
        schema.insert("minProperties".into(), json!(1));
        schema.insert("maxProperties".into(), json!(1));
    } else if !required.is_empty() {
        schema.insert("required".into(), json!(required));
    }
    schema
}

fn property(field: &Field) -> Value {
    let mut schema = kind(&field.kind);
    schema.insert("description".into(), json!(field.doc));
    match field.need {
        Need::Required | Need::Optional => {}
        Need::Number(number) => {
            schema.insert("default".into(), json!(number));
        }
        Need::Flag(flag) => {
            schema.insert("default".into(), json!(flag));
        }
        Need::Word(word) => {
            schema.insert("default".into(), json!(word));
        }
    }
    Value::Object(schema)
}

fn kind(kind: &Kind) -> Map<String, Value> {
    let schema = match kind {
        // maxLength counts characters, our limit bytes: the schema is the looser of the two.
        Kind::Text(max) => json!({"type": "string", "minLength": 1, "maxLength": max}),
        Kind::Formed(form) => formed(form),
        Kind::Address => json!({"type": "string", "pattern": "^.+:[0-9]{1,5}$"}),
        Kind::HttpUrl => json!({"type": "string", "pattern": "^http://[^/ ]+:[0-9]{1,5}$"}),
        Kind::Integer(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Choice(words) => json!({"type": "string", "enum": words}),
        Kind::List(of, max) => json!({"type": "array", "maxItems": max, "items": self::kind(of)}),
        Kind::OneOrMore(form, max) => {
            json!({"anyOf": [formed(form), {"type": "array", "maxItems": max, "items": formed(form)}]})
        }
        Kind::Keyed(key, of, max) => json!({
            "type": "object",
            "maxProperties": max,
            "propertyNames": formed(key),
            "additionalProperties": self::kind(of),
        }),
        Kind::Map(of, max) => {
            json!({"type": "object", "maxProperties": max, "additionalProperties": self::kind(of)})
        }
        Kind::Table(shape) => Value::Object(table(shape)),
        Kind::TextOrTable(text, shape) => json!({"anyOf": [self::kind(text), table(shape)]}),
    };
    match schema {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

fn formed(form: &Form) -> Value {
    json!({"type": "string", "pattern": form.pattern})
}
