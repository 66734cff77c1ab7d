//! The JSON Schema of scenarios in TOML, for editors that complete and check.

use serde_json::{Map, Value, json};

use super::keys::{self, Form, Shape};

/// The schema, made from the same tables that the reader follows.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = table(&keys::ROOT);
    if let Some(root) = schema.as_object_mut() {
        root.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        root.insert("title".into(), "Perjury scenario".into());
        root.insert("required".into(), json!(["protocol"]));
    }
    schema
}

fn table(shape: &Shape) -> Value {
    let properties: Map<String, Value> = shape
        .keys
        .iter()
        .map(|key| {
            let mut schema = form(&key.form);
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".into(), key.about.into());
            }
            (key.name.to_owned(), schema)
        })
        .collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn text(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

const DURATION: &str = r"^\s*([0-9]+(\.[0-9]+)?\s*(ns|us|µs|ms|s|m|min|h|d)\s*)+$";
const SIGNED: &str = r"^\s*[-+]?\s*([0-9]+(\.[0-9]+)?\s*(ns|us|µs|ms|s|m|min|h|d)\s*)+$";
const BANDWIDTH: &str = r"^\s*[0-9]+(\.[0-9]+)?\s*(B|kB|MB|GB|KiB|MiB|GiB)\s*/s\s*$";
const RANGE: &str = r"^\s*[0-9]*\s*(\.\.\s*[0-9]*)?\s*$";

fn form(form: &Form) -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    match form {
        Form::Number(least, most) => number(*least, *most),
        Form::Bits => json!({ "type": ["integer", "string"] }),
        Form::Text => json!({ "type": "string" }),
        Form::Flag => json!({ "type": "boolean" }),
        Form::OneOf(words) => json!({ "enum": words }),
        Form::Duration => text(DURATION),
        Form::SignedDuration => text(SIGNED),
        Form::Probability => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Form::Rate => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Form::Bandwidth => text(BANDWIDTH),
        Form::Range => json!({ "anyOf": [number(0, u64::MAX), text(RANGE)] }),
        Form::Texts => texts,
        Form::Numbers => numbers(),
        Form::NumberLists => json!({ "type": "array", "items": numbers() }),
        Form::Groups => json!({ "type": "array", "items": texts }),
        Form::TextMap => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        Form::ValueMap => json!({ "type": "object" }),
        Form::ListMap => json!({ "type": "object", "additionalProperties": texts }),
        Form::Table(shape) => table(shape),
        Form::Tables(shape) => json!({ "type": "array", "items": table(shape) }),
        Form::DurationOr(shape) => json!({ "anyOf": [{ "type": "string" }, table(shape)] }),
        Form::WordOr(words, shape) => json!({ "anyOf": [{ "enum": words }, table(shape)] }),
    }
}

fn numbers() -> Value {
    json!({ "type": "array", "items": number(0, u64::from(u32::MAX)) })
}

fn number(least: u64, most: u64) -> Value {
    if most == u64::MAX {
        json!({ "type": "integer", "minimum": least })
    } else {
        json!({ "type": "integer", "minimum": least, "maximum": most })
    }
}
