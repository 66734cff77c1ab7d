//! The JSON Schema of scenarios in TOML, for editors that complete and check.

use serde_json::{Map, Value, json};

use crate::object::LENGTH_LIMIT;

use super::keys::{self, Form, Key, Rule, Shape};
use super::toml_reader::events;

/// The schema, made from the same tables that the reader follows.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = table(&keys::ROOT);
    if let Some(root) = schema.as_object_mut() {
        root.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        root.insert("title".into(), "Perjury scenario".into());
    }
    schema
}

fn table(shape: &Shape) -> Value {
    let property = |key: &Key| {
        let mut schema = form(&key.form);
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".into(), key.about.into());
        }
        (key.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = shape.keys.iter().map(property).collect();
    let needed = shape.keys.iter().filter(|key| key.is_needed).map(|key| key.name);
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "required": needed.collect::<Vec<_>>(),
    });
    if let (Some(schema), Some((word, rule))) = (schema.as_object_mut(), rule(&shape.rule)) {
        schema.insert(word.into(), rule);
    }
    schema
}

/// Which keys go together, and the word under which a schema says it.
fn rule(rule: &Rule) -> Option<(&'static str, Value)> {
    match rule {
        Rule::Any => None,
        Rule::OneOf(names) => {
            let each = names.iter().map(|name| json!({ "required": [name] }));
            Some(("oneOf", each.collect()))
        }
        Rule::ByKind(kinds) => {
            let each = kinds.iter().map(|(kind, others)| {
                let all = kinds.iter().flat_map(|(_, others)| others.iter());
                let foreign = all.filter(|name| !others.contains(name));
                let mut properties: Map<String, Value> =
                    foreign.map(|name| ((*name).to_owned(), json!(false))).collect();
                properties.insert("kind".into(), json!({ "const": kind }));
                json!({ "properties": properties })
            });
            Some(("oneOf", each.collect()))
        }
    }
}

fn text(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

/// One or more numbers with their units.
const TIME: &str = r"\s*([0-9]+(\.[0-9]+)?\s*(ns|us|µs|ms|s|m|min|h|d)\s*)+";
const BANDWIDTH: &str = r"^\s*[0-9]*[1-9]?[0-9]*(\.[0-9]+)?\s*(B|kB|MB|GB|KiB|MiB|GiB)\s*/s\s*$";
const RANGE: &str = r"^\s*([0-9]+|[0-9]*\s*\.\.\s*[0-9]*)\s*$";
const LENGTHS: &str = r"^\s*([0-9]*\s*\.\.\s*)?[0-9]{1,7}\s*$";
const BITS: &str = "^(0x[0-9a-fA-F]+|[0-9]+)$";
const PARTY: &str =
    r"^\s*(all|olympus|clients|replicas|client\s+[0-9]+|replica\s+[0-9]+(\.[0-9]+)?)\s*$";
const SITE: &str = r"^[^:]*:[^:]*->[^:]*:.*\s[0-9]+/[0-9]+(\s+copy\s+[0-9]+)?\s*$";

/// Somewhere there is a digit that is not 0.
fn above_zero(pattern: &str) -> Value {
    text(&format!("^(?=.*[1-9]){}", pattern.trim_start_matches('^')))
}

fn form(form: &Form) -> Value {
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    let parties = || json!({ "type": "array", "items": text(PARTY) });
    match form {
        Form::Number(least, most) => number(*least, *most),
        Form::Version(version) => json!({ "const": version }),
        Form::Bits => json!({ "anyOf": [number(0, u64::MAX), text(BITS)] }),
        Form::Text => json!({ "type": "string" }),
        Form::Party => text(PARTY),
        Form::Parties => parties(),
        Form::Site => text(SITE),
        Form::Event => json!({ "enum": events().collect::<Vec<_>>() }),
        Form::Flag => json!({ "type": "boolean" }),
        Form::OneOf(words) => json!({ "enum": words }),
        Form::Duration => text(&format!("^{TIME}$")),
        Form::SomeTime => above_zero(&format!("^{TIME}$")),
        Form::SignedDuration => text(&format!(r"^\s*[-+]?{TIME}$")),
        Form::Probability => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Form::Rate => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Form::Bandwidth => above_zero(BANDWIDTH),
        Form::Range => json!({ "anyOf": [number(0, u64::MAX), text(RANGE)] }),
        Form::Lengths => {
            json!({ "anyOf": [number(0, u64::from(LENGTH_LIMIT)), text(LENGTHS)] })
        }
        Form::Texts => texts(),
        Form::SomeTexts => {
            json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 })
        }
        Form::Numbers => numbers(),
        Form::NumberLists => json!({ "type": "array", "items": numbers() }),
        Form::Groups => json!({ "type": "array", "items": parties() }),
        Form::TextMap => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        Form::ValueMap => json!({ "type": "object" }),
        Form::ListMap => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[0-9]+$" },
            "additionalProperties": texts(),
        }),
        Form::Table(shape) => table(shape),
        Form::Tables(shape) => json!({ "type": "array", "items": table(shape) }),
        Form::DurationOr(shape) => {
            json!({ "anyOf": [text(&format!(r"^{TIME}(\.\.{TIME})?$")), table(shape)] })
        }
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
