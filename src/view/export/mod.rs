//! A run in the forms of others: what a terminal, Markdown, ShiViz and Perfetto read.
//!
//! All of them are made of the events of a log in their JSON form, whether they come from a run
//! under way or from a file.

mod mermaid;
mod perfetto;
mod sequence;
mod shiviz;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use crate::identity::{Address, Class};

/// A form that a run can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A sequence diagram for a terminal: a column a process.
    Sequence,
    /// A sequence diagram in the notation of Mermaid, for Markdown.
    Mermaid,
    /// Events with vector clocks; the first line is the expression by which ShiViz reads them.
    Shiviz,
    /// The trace events of Chrome as JSON, which Perfetto opens: a track a process, messages as
    /// flows. What a process does at one instant is drawn side by side, a microsecond each or less.
    Perfetto,
}

/// An event as it is told to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// Its place in the run.
    pub number: u64,
    /// Virtual time.
    pub at_ns: u64,
    /// To whom it happened.
    pub process: String,
    /// The event that led to it; 0 for none.
    pub cause: u64,
    /// What happened, in a word.
    pub event: String,
    /// The word for what it is about, if there is one.
    pub kind: String,
    /// The event in which a message was sent, for what is told of it later; else 0.
    pub sent: u64,
    /// To whom a message was sent, or from whom it came.
    pub peer: String,
    /// The content, in one short line.
    pub details: String,
}

/// How long the details of an event may be, in characters.
const LONGEST: usize = 120;

/// The parts of an event's JSON form that are no content.
const FRAME: [&str; 10] =
    ["number", "at_ns", "process", "cause", "event", "kind", "from", "to", "sent", "copy"];

impl Happened {
    /// The event in this line of a log; none if it is none.
    #[must_use]
    pub fn from_json(line: &Value) -> Option<Happened> {
        let word = |name: &str| in_line(line.get(name).and_then(Value::as_str).unwrap_or_default());
        let number = |name: &str| line.get(name).and_then(Value::as_u64);
        let peer = if word("to").is_empty() { word("from") } else { word("to") };
        Some(Happened {
            number: number("number")?,
            at_ns: number("at_ns")?,
            process: word("process"),
            cause: number("cause").unwrap_or(0),
            event: in_line(line.get("event")?.as_str()?),
            kind: word("kind"),
            sent: number("sent").unwrap_or(0),
            peer,
            details: details(line),
        })
    }

    /// What it is about, or else what happened.
    fn about(&self) -> &str {
        if self.kind.is_empty() { &self.event } else { &self.kind }
    }

    /// Whether a person who looks for the course of a run wants to see it.
    fn is_telling(&self) -> bool {
        match self.event.as_str() {
            "noted" => crate::trace::TELLING_NOTES.contains(&self.kind.as_str()),
            event => crate::trace::TELLING_EVENTS.contains(&event),
        }
    }
}

/// The content of an event in a line: the outermost names with short values.
fn details(line: &Value) -> String {
    let mut text = String::new();
    let fields = line.as_object().into_iter().flatten();
    for (name, value) in fields.filter(|(name, _)| !FRAME.contains(&name.as_str())) {
        let shown = match value {
            Value::String(value) => value.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Object(_) | Value::Array(_) if value.to_string().len() <= 40 => {
                value.to_string().replace('"', "")
            }
            _ => continue,
        };
        let gap = if text.is_empty() { "" } else { " " };
        if text.chars().count() + shown.chars().count() + name.len() < LONGEST {
            write!(text, "{gap}{name}={shown}").expect(TAKES_ALL);
        }
    }
    in_line(&text)
}

/// A text that stays in its line and in its order, whatever shows it.
fn in_line(text: &str) -> String {
    let leads_astray = |c: char| {
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
    };
    text.replace(leads_astray, " ")
}

const TAKES_ALL: &str = "a string takes all that is written";

/// Writes a run in a form.
#[must_use]
pub fn write(events: &[Happened], form: Form) -> String {
    match form {
        Form::Sequence => sequence::write(events),
        Form::Mermaid => mermaid::write(events),
        Form::Shiviz => shiviz::write(events),
        Form::Perfetto => perfetto::write(events),
    }
}

/// Who takes part: clients, Olympus, then the replicas in their order. Of whom a log of one process
/// tells nothing else, he may still have sent something.
fn processes(events: &[Happened]) -> Vec<String> {
    let mut all: BTreeMap<(u8, Option<Address>, String), ()> = BTreeMap::new();
    let names = events.iter().flat_map(|event| [&event.process, &event.peer]);
    let names: BTreeSet<&String> = names.filter(|name| !name.is_empty()).collect();
    for name in names {
        let address = name.parse::<Address>().ok();
        let rank = match address.map(|address| address.identity.class) {
            Some(Class::Client) => 0,
            Some(Class::Olympus) => 1,
            Some(Class::Replica) => 2,
            _ => 3,
        };
        all.insert((rank, address, name.clone()), ());
    }
    all.into_keys().map(|(_, _, name)| name).collect()
}
