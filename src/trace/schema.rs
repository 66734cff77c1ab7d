//! The JSON Schema of a log's lines, for those who read logs with programs of their own.

use serde_json::{Map, Value, json};

use super::line::FORMAT;

/// What may stand behind a name.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Count,
    Integer,
    /// A protocol's own.
    Any,
}

use Form::{Any, Count, Integer, Text};

/// The fields that an event of each word has, beside its content; `?` before a name says that it
/// may be absent.
const FIELDS: [(&str, &[(&str, Form)]); 26] = [
    ("answered", &[("ticket", Count)]),
    ("armed", &[("what", Text), ("?detail", Text)]),
    ("born", &[]),
    ("clock_set", &[("ahead_ns", Integer)]),
    ("commanded", &[("ticket", Count)]),
    ("crashed", &[]),
    ("duplicated", &[("sent", Count)]),
    ("held", &[("sent", Count)]),
    ("in_vain", &[("action", Text), ("whom", Text)]),
    ("injected", &[("what", Text), ("?detail", Text)]),
    ("lost", &[("sent", Count), ("why", Text)]),
    ("not_injected", &[("what", Text), ("?detail", Text)]),
    ("noted", &[("?kind", Text)]),
    ("paused", &[("until_ns", Count)]),
    ("persisted", &[("shelf", Count)]),
    ("persisting", &[("shelf", Count), ("bytes", Count)]),
    ("received", &[("kind", Text), ("from", Text), ("sent", Count)]),
    ("restarted", &[("survived", Count)]),
    ("resumed", &[]),
    ("sent", &[("kind", Text), ("to", Text), ("?copy", Count)]),
    ("started", &[]),
    ("stopped", &[]),
    ("timer_cancelled", &[("timer", Any)]),
    ("timer_fired", &[("timer", Any)]),
    ("timer_set", &[("timer", Any), ("due_ns", Count)]),
    ("unreachable", &[("kind", Text), ("to", Text)]),
];

/// The schema of one line: the format, an event, a change of a state, or the verdict.
#[must_use]
pub fn json_schema() -> Value {
    let events = FIELDS.iter().map(|(word, fields)| event(word, fields));
    let header = object(&[("format", json!({ "const": FORMAT })), ("seed", form(Count))]);
    let changes = json!({ "additionalProperties": { "type": ["string", "null"] } });
    let state = object(&[("state", form(Text)), ("after", form(Count)), ("changes", changes)]);
    let verdict = object(&[
        ("format", json!({ "const": FORMAT })),
        ("verdict", form(Text)),
        ("events", form(Count)),
        ("digest", form(Text)),
        ("rulings", json!({ "type": "array" })),
        ("clients", json!({ "type": "array" })),
        ("dictionary", json!({ "type": "object" })),
    ]);
    let lines = [header, state, verdict].into_iter().chain(events);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of a Perjury log",
        "anyOf": lines.collect::<Vec<Value>>(),
    })
}

/// An event of this word. Whatever else stands in it is content.
fn event(word: &str, fields: &[(&str, Form)]) -> Value {
    let frame = [
        ("number", form(Count)),
        ("at_ns", form(Count)),
        ("process", form(Text)),
        ("cause", form(Count)),
        ("event", json!({ "const": word })),
    ];
    let own = fields.iter().map(|(name, of)| (*name, form(*of)));
    object(&frame.into_iter().chain(own).collect::<Vec<_>>())
}

fn form(form: Form) -> Value {
    match form {
        Text => json!({ "type": "string" }),
        Count => json!({ "type": "integer", "minimum": 0 }),
        Integer => json!({ "type": "integer" }),
        Any => json!({}),
    }
}

/// An object with these properties at least.
fn object(fields: &[(&str, Value)]) -> Value {
    let plain = |name: &str| name.trim_start_matches('?').to_owned();
    let properties = fields.iter().map(|(name, schema)| (plain(name), schema.clone()));
    let needed = fields.iter().map(|(name, _)| *name).filter(|name| !name.starts_with('?'));
    json!({
        "type": "object",
        "properties": properties.collect::<Map<_, _>>(),
        "required": needed.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::WORDS;

    #[test]
    fn every_word_is_told() {
        assert_eq!(FIELDS.map(|(word, _)| word).as_slice(), WORDS);
    }
}
