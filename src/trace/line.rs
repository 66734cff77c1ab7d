//! An event as an owned line: its name and its fields, to be printed as text or JSON.

use std::fmt::{self, Display};

use serde_json::json;

use crate::crypto::Notary;
use crate::identity::Address;
use crate::process::{Injection, InjectionStep, Message, Protocol};
use crate::time::Instant;

use super::describe::Ordinals;
use super::happening::Happening;
use super::value::{Value, describe, write_field};
use super::{Event, Watch, What};

/// The version of the JSON form, told in the first line of a log.
pub const FORMAT: u32 = 1;

/// What events are called.
pub const WORDS: &[&str] = &[
    "answered",
    "armed",
    "born",
    "clock_set",
    "commanded",
    "crashed",
    "duplicated",
    "held",
    "in_vain",
    "injected",
    "lost",
    "not_injected",
    "noted",
    "paused",
    "persisted",
    "persisting",
    "received",
    "restarted",
    "resumed",
    "sent",
    "started",
    "stopped",
    "timer_cancelled",
    "timer_fired",
    "timer_set",
    "unreachable",
];

/// An event, ready to be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place in the run.
    pub number: u64,
    /// Virtual time.
    pub at_ns: u64,
    /// To whom it happened.
    pub process: Address,
    /// The number of the event that led to it; 0 for none.
    pub cause: u64,
    /// What happened, in a word.
    pub event: &'static str,
    /// The word for what it is about: the kind of a message, or what a note tells.
    pub kind: Option<&'static str>,
    /// The details.
    pub fields: Vec<(&'static str, Value)>,
}

impl Line {
    /// The line of one event. Keys and the like are numbered in the order in which they appear in
    /// the lines made with the same `ordinals`.
    pub fn of<P: Protocol>(event: &Event<'_, P>, notary: &Notary, ordinals: &mut Ordinals) -> Line {
        let (word, kind, fields) = tell(&event.what, notary, ordinals);
        let Event { number, at_ns, process, cause, .. } = *event;
        Line { number, at_ns, process, cause, event: word, kind, fields }
    }

    /// As one JSON object. A field of the content that is called as one of the event's own has `_`
    /// behind its name.
    pub fn to_json(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        object.insert("number".into(), json!(self.number));
        object.insert("at_ns".into(), json!(self.at_ns));
        object.insert("process".into(), json!(self.process.to_string()));
        object.insert("cause".into(), json!(self.cause));
        object.insert("event".into(), json!(self.event));
        if let Some(kind) = self.kind {
            object.insert("kind".into(), json!(kind));
        }
        for (name, value) in &self.fields {
            let mut name = (*name).to_owned();
            if let Value::Moment(_) = value {
                name.push_str("_ns");
            }
            while object.contains_key(&name) {
                name.push('_');
            }
            object.insert(name, value.to_json());
        }
        object.into()
    }
}

impl Line {
    /// Whether it tells a person what matters in a run: what clients ask and are told, what was
    /// done wrong, who comes and goes, when replicas are replaced.
    #[must_use]
    pub fn is_telling(&self) -> bool {
        match self.event {
            "noted" => self.kind.is_some_and(|kind| TELLING_NOTES.contains(&kind)),
            event => TELLING_EVENTS.contains(&event),
        }
    }
}

/// The events that tell what matters, whatever the protocol.
pub(crate) const TELLING_EVENTS: [&str; 7] =
    ["injected", "crashed", "stopped", "restarted", "paused", "resumed", "clock_set"];

/// The notes that do.
pub(crate) const TELLING_NOTES: [&str; 4] =
    ["asked", "answered", "asks_for_reconfiguration", "quorum_final"];

/// One line of text: time, number, cause, process, event, kind, then `name=value` for each field.
impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}", Instant(self.at_ns), self.number)?;
        if self.cause > 0 {
            write!(f, " <{}", self.cause)?;
        }
        write!(f, " {}: {}", self.process, self.event)?;
        if let Some(kind) = self.kind {
            write!(f, " {kind}")?;
        }
        for (name, value) in &self.fields {
            f.write_str(" ")?;
            write_field(f, name, value)?;
        }
        Ok(())
    }
}

/// Makes lines of events and hands each to a function, as a watcher.
#[derive(Debug)]
pub struct Lines<F> {
    ordinals: Ordinals,
    take: F,
}

impl<F: FnMut(Line)> Lines<F> {
    /// Hands every line to `take`.
    pub fn new(take: F) -> Lines<F> {
        Lines { ordinals: Ordinals::default(), take }
    }

    /// Hands on the line of an event.
    pub fn take(&mut self, event: &dyn Happening) {
        (self.take)(event.line(&mut self.ordinals));
    }
}

impl<P: Protocol, F: FnMut(Line)> Watch<P> for Lines<F> {
    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        (self.take)(Line::of(event, notary, &mut self.ordinals));
    }
}

type Told = (&'static str, Option<&'static str>, Vec<(&'static str, Value)>);

fn shown(value: impl Display) -> Value {
    Value::Shown(value.to_string())
}

fn signed(value: i64) -> Value {
    u64::try_from(value).map_or(Value::Negative(value), Value::Number)
}

/// An event's word, kind and fields.
fn tell<P: Protocol>(what: &What<'_, P>, notary: &Notary, ordinals: &mut Ordinals) -> Told {
    let plain = |word, fields| (word, None, fields);
    match what {
        What::Started => plain("started", vec![]),
        What::Stopped => plain("stopped", vec![]),
        What::Crashed => plain("crashed", vec![]),
        What::Resumed => plain("resumed", vec![]),
        What::Restarted { survived } => {
            plain("restarted", vec![("survived", Value::Number(*survived as u64))])
        }
        What::Paused { until_ns } => plain("paused", vec![("until", Value::Moment(*until_ns))]),
        What::ClockSet { ahead_ns } => plain("clock_set", vec![("ahead_ns", signed(*ahead_ns))]),
        What::Duplicated { sent } => plain("duplicated", vec![("sent", Value::Number(*sent))]),
        What::Lost { sent, why } => {
            plain("lost", vec![("sent", Value::Number(*sent)), ("why", shown(why.text()))])
        }
        What::Held { sent } => plain("held", vec![("sent", Value::Number(*sent))]),
        What::InVain { action, whom } => {
            plain("in_vain", vec![("action", shown(action)), ("whom", shown(whom))])
        }
        What::Persisting { shelf, bytes } => plain(
            "persisting",
            vec![("shelf", Value::Number(*shelf)), ("bytes", Value::Number(*bytes as u64))],
        ),
        What::Persisted { shelf } => plain("persisted", vec![("shelf", Value::Number(*shelf))]),
        What::TimerSet { timer, due_ns } => {
            let timer = describe(timer, notary, ordinals);
            plain("timer_set", vec![("timer", timer), ("due", Value::Moment(*due_ns))])
        }
        What::TimerCancelled { timer } => {
            plain("timer_cancelled", vec![("timer", describe(timer, notary, ordinals))])
        }
        What::TimerFired { timer } => {
            plain("timer_fired", vec![("timer", describe(timer, notary, ordinals))])
        }
        What::Injected(injection) => tell_injection(injection),
        with_content => tell_content(with_content, notary, ordinals),
    }
}

fn tell_injection(injection: &Injection) -> Told {
    let word = match injection.step {
        InjectionStep::Armed => "armed",
        InjectionStep::Done => "injected",
        InjectionStep::InVain => "not_injected",
    };
    let mut fields = vec![("what", shown(&injection.what))];
    if !injection.detail.is_empty() {
        fields.push(("detail", shown(&injection.detail)));
    }
    (word, None, fields)
}

/// The same for events that carry a protocol's own values.
fn tell_content<P: Protocol>(what: &What<'_, P>, notary: &Notary, ordinals: &mut Ordinals) -> Told {
    let inside = |first: Option<(&'static str, Value)>, value: Value| {
        first.into_iter().chain(value.into_fields("content")).collect()
    };
    match what {
        What::Born { birth } => ("born", None, inside(None, describe(birth, notary, ordinals))),
        What::Sent { to, message, copy } => {
            let mut fields = inside(Some(("to", shown(to))), describe(message, notary, ordinals));
            if *copy > 0 {
                fields.insert(1, ("copy", Value::Number(u64::from(*copy))));
            }
            ("sent", Some(message.kind().text()), fields)
        }
        What::Unreachable { to, message } => {
            let fields = inside(Some(("to", shown(to))), describe(message, notary, ordinals));
            ("unreachable", Some(message.kind().text()), fields)
        }
        What::Received { from, sent, message } => {
            let from = Some(("from", shown(from)));
            let mut fields = inside(from, describe(message, notary, ordinals));
            fields.insert(1, ("sent", Value::Number(*sent)));
            ("received", Some(message.kind().text()), fields)
        }
        What::Commanded { ticket, command } => {
            let ticket = Some(("ticket", Value::Number(ticket.0)));
            ("commanded", None, inside(ticket, describe(command, notary, ordinals)))
        }
        What::Answered { ticket, answer } => {
            let ticket = Some(("ticket", Value::Number(ticket.0)));
            ("answered", None, inside(ticket, describe(answer, notary, ordinals)))
        }
        What::Noted(note) => {
            let content = describe(note, notary, ordinals);
            let name = match &content {
                Value::Variant(name, _) => Some(*name),
                _ => None,
            };
            ("noted", name, inside(None, content))
        }
        _ => ("", None, Vec::new()),
    }
}
