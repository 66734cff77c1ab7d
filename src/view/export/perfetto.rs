//! Trace events as Chrome writes them and Perfetto opens them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Happened, TAKES_ALL, processes};

/// How long an event is drawn, in nanoseconds: what processes do takes no virtual time.
const SHOWN_NS: u64 = 1_000;

/// One JSON object: a track a process, an event a slice on it, a message a flow between two.
pub(super) fn write(events: &[Happened]) -> String {
    let names = processes(events);
    let track = |name: &str| names.iter().position(|known| known == name).unwrap_or(0) + 1;
    let mut text = String::from("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
    let mut first = true;
    let mut put = |event: &Value| {
        let gap = if std::mem::take(&mut first) { "" } else { ",\n" };
        write!(text, "{gap}{event}").expect(TAKES_ALL);
    };
    put(&json!({ "ph": "M", "pid": 1, "name": "process_name", "args": { "name": "perjury" } }));
    for name in &names {
        let tid = track(name);
        let args = json!({ "name": name });
        put(&json!({ "ph": "M", "pid": 1, "tid": tid, "name": "thread_name", "args": args }));
        let args = json!({ "sort_index": tid });
        put(&json!({ "ph": "M", "pid": 1, "tid": tid, "name": "thread_sort_index", "args": args }));
    }
    let sent: BTreeSet<u64> = numbers(events, "sent", |event| event.number).collect();
    let mut open: BTreeSet<u64> =
        numbers(events, "received", |event| event.sent).filter(|id| sent.contains(id)).collect();
    let begun = open.clone();
    for event in events {
        let tid = track(&event.process);
        let ts = microseconds(event.at_ns);
        let name = format!("{} {}", event.event, event.kind);
        let args = json!({ "number": event.number, "cause": event.cause, "is": event.details });
        put(&json!({
            "ph": "X", "pid": 1, "tid": tid, "ts": ts, "dur": microseconds(SHOWN_NS),
            "cat": event.event, "name": name.trim_end(), "args": args,
        }));
        let flow = |phase: &str, id: u64| {
            json!({
                "ph": phase, "pid": 1, "tid": tid, "ts": ts, "id": id, "cat": "message",
                "name": event.kind, "bp": "e",
            })
        };
        match event.event.as_str() {
            "sent" if begun.contains(&event.number) => put(&flow("s", event.number)),
            // A flow ends once: a second copy of a message has none of its own.
            "received" if open.remove(&event.sent) => put(&flow("f", event.sent)),
            _ => {}
        }
    }
    text.push_str("\n]}\n");
    text
}

/// A number of each event of this word.
fn numbers<'a>(
    events: &'a [Happened],
    word: &'a str,
    number: impl Fn(&Happened) -> u64 + 'a,
) -> impl Iterator<Item = u64> + 'a {
    events.iter().filter(move |event| event.event == word).map(number)
}

/// A time as trace events have it: a number of microseconds, exact to the nanosecond for the first
/// hundred days.
fn microseconds(ns: u64) -> Value {
    let text = format!("{}.{:03}", ns / 1_000, ns % 1_000);
    serde_json::from_str(&text).unwrap_or(Value::Null)
}
