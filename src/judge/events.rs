//! Events that must happen, or must not, counted.
//!
//! An expected event is held against the JSON form of the trace. That form is dear, so it is made
//! for those events alone whose kind is asked for.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::crypto::Notary;
use crate::process::{Message as _, Protocol};
use crate::scenario::{Count, ExpectedEvent};
use crate::trace::{Event, Line, Ordinals, Watch, What};

/// Counts the events that a scenario speaks of, as a watcher.
#[derive(Clone, Debug)]
pub struct Counted {
    counts: Vec<(Wanted, u64)>,
    /// Of each of them, the fields that events of its kind lack, if there were any such events.
    unknown: Vec<Option<BTreeSet<String>>>,
    ordinals: Ordinals,
}

impl Counted {
    /// Nothing counted yet; none if nothing is to be counted.
    pub fn new(events: &[ExpectedEvent]) -> Option<Counted> {
        let counts: Vec<_> = events.iter().map(|event| (Wanted::new(event), 0)).collect();
        let unknown = vec![None; counts.len()];
        (!counts.is_empty()).then(|| Counted { counts, unknown, ordinals: Ordinals::default() })
    }

    /// The expectations that did not come true, each as a sentence.
    pub fn missed(&self) -> Vec<String> {
        let missed = |(wanted, count): &(Wanted, u64)| {
            let Count { least, most } = wanted.event.count;
            let holds = *count >= least && most.is_none_or(|most| *count <= most);
            (!holds).then(|| wanted.told(*count))
        };
        let unknown = self.counts.iter().zip(&self.unknown).flat_map(|((wanted, _), fields)| {
            let fields = fields.iter().flatten();
            fields.map(|field| format!("no event {} has a field {field}", wanted.event.kind))
        });
        self.counts.iter().filter_map(missed).chain(unknown).collect()
    }

    fn asks_for(&self, word: &str) -> bool {
        self.counts.iter().any(|(wanted, _)| wanted.event.kind == word)
    }

    /// Whether an event may be one of those, told without looking into it.
    fn may_be<P: Protocol>(&self, what: &What<'_, P>) -> bool {
        let message = |word, message: &P::Message| {
            self.asks_for(word) || self.asks_for(message.kind().text())
        };
        match what {
            What::Sent { message: content, .. } => message("sent", content),
            What::Received { message: content, .. } => message("received", content),
            What::TimerSet { .. } => self.asks_for("timer_set"),
            What::TimerCancelled { .. } => self.asks_for("timer_cancelled"),
            What::TimerFired { .. } => self.asks_for("timer_fired"),
            _ => true,
        }
    }
}

impl<P: Protocol> Watch<P> for Counted {
    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        if !self.may_be(&event.what) {
            return;
        }
        let line = Line::of(event, notary, &mut self.ordinals);
        if self.asks_for(line.event) || line.kind.is_some_and(|kind| self.asks_for(kind)) {
            let json = line.to_json();
            for ((wanted, count), unknown) in self.counts.iter_mut().zip(&mut self.unknown) {
                if wanted.is_of_kind(&json) {
                    *count += u64::from(wanted.is(&json));
                    wanted.look_for_fields(&json, unknown);
                }
            }
        }
    }
}

/// An expected event, ready to be compared.
#[derive(Clone, Debug)]
struct Wanted {
    event: ExpectedEvent,
    /// The values of its fields, where they are JSON and no mere text.
    values: Vec<Option<Value>>,
}

impl Wanted {
    fn new(event: &ExpectedEvent) -> Wanted {
        let values = event.fields.values().map(|text| serde_json::from_str(text).ok());
        Wanted { values: values.collect(), event: event.clone() }
    }

    fn is_of_kind(&self, line: &Value) -> bool {
        let is_kind = |name| line.get(name).and_then(Value::as_str) == Some(&self.event.kind);
        is_kind("event") || is_kind("kind")
    }

    /// Whether its fields are those of an event of its kind.
    fn is(&self, line: &Value) -> bool {
        let mut fields = self.event.fields.iter().zip(&self.values);
        fields.all(|((name, text), value)| match find(line, name) {
            Some(Value::String(found)) => found == text,
            Some(found) => Some(found) == value.as_ref(),
            None => false,
        })
    }

    /// Leaves those of the fields that no event of this kind was seen to have. Of a path the first
    /// step alone is looked for: what lies further down may be absent now and then.
    fn look_for_fields(&self, line: &Value, unknown: &mut Option<BTreeSet<String>>) {
        let all = || self.event.fields.keys().cloned().collect();
        let first = |field: &str| field.split('.').next().unwrap_or(field).to_owned();
        unknown
            .get_or_insert_with(all)
            .retain(|field| find(line, field).is_none() && line.get(first(field)).is_none());
    }

    fn told(&self, count: u64) -> String {
        let ExpectedEvent { kind, fields, count: Count { least, most } } = &self.event;
        let mut text = format!("{count} events {kind}");
        for (i, (name, value)) in fields.iter().enumerate() {
            let word = if i == 0 { " with" } else { "," };
            write!(text, "{word} {name} = {value}").expect("a string takes all that is written");
        }
        text.push_str(&match (least, most) {
            (least, None) => format!(", not at least {least}"),
            (least, Some(most)) if least == most => format!(", not {least}"),
            (0, Some(most)) => format!(", not at most {most}"),
            (least, Some(most)) => format!(", not {least} to {most}"),
        });
        text
    }
}

/// A field by its name, or by a path with dots.
fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(found) = value.get(path) {
        return Some(found);
    }
    let step = |value: &'a Value, name: &str| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    };
    path.split('.').try_fold(value, step)
}
