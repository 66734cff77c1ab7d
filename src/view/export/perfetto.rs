//! Trace events as Chrome writes them and Perfetto opens them.
//!
//! What a process does takes no virtual time, and much of it happens at one instant. The viewer
//! draws slices of the same time upon each other, each in the one before, and so it does with
//! events that take no time at all; a slice that only partly covers another it leaves out. So the
//! events of one process at one instant stand beside each other in their order, a microsecond
//! each, or less where the process's next instant or the arrival of what it sends comes sooner; if
//! it comes within as many nanoseconds as there are events, they are drawn late. When an event
//! happened, its argument `at_ns` tells.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Happened, TAKES_ALL, processes};

/// How much room an event has where nothing is in its way, in nanoseconds.
const ROOM_NS: u64 = 1_000;

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
    for (event, Place { from_ns, room_ns }) in events.iter().zip(places(events)) {
        let tid = track(&event.process);
        let ts = microseconds(from_ns);
        // A viewer that cuts nanoseconds off must not see one slice in another.
        let dur = microseconds(room_ns - u64::from(room_ns > 1));
        let name = format!("{} {}", event.event, event.kind);
        let args = json!({
            "number": event.number, "cause": event.cause, "at_ns": event.at_ns,
            "is": event.details,
        });
        put(&json!({
            "ph": "X", "pid": 1, "tid": tid, "ts": ts, "dur": dur, "cat": event.event,
            "name": name.trim_end(), "args": args,
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

/// Where an event is drawn on its track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    from_ns: u64,
    room_ns: u64,
}

/// The place of every event. No two of a track cover each other, they stand in their order, none
/// stands before its time, and none that was received before the one in which it was sent.
fn places(events: &[Happened]) -> Vec<Place> {
    let mut tracks: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut arrivals: BTreeMap<u64, u64> = BTreeMap::new();
    for (i, event) in events.iter().enumerate() {
        tracks.entry(&event.process).or_default().push(i);
        if event.event == "received" {
            arrivals.entry(event.sent).or_insert(event.at_ns);
        }
    }
    let mut places = vec![Place::default(); events.len()];
    for track in tracks.values() {
        let mut instants = track.chunk_by(|a, b| events[*a].at_ns == events[*b].at_ns).peekable();
        while let Some(instant) = instants.next() {
            let at_ns = events[instant[0]].at_ns;
            let next = instants.peek().map(|next| events[next[0]].at_ns);
            let arrivals = instant.iter().filter_map(|i| arrivals.get(&events[*i].number));
            let end_ns = arrivals.copied().chain(next).min().unwrap_or(u64::MAX);
            let room_ns = end_ns.saturating_sub(at_ns) / instant.len() as u64;
            let room_ns = room_ns.clamp(1, ROOM_NS);
            for (i, before) in instant.iter().zip(0..) {
                let from_ns = at_ns.saturating_add(before * room_ns);
                places[*i] = Place { from_ns, room_ns };
            }
        }
    }
    push_back(events, &mut places);
    places
}

/// Moves events behind what they have to stand behind, if they do not yet.
fn push_back(events: &[Happened], places: &mut [Place]) {
    let mut free: BTreeMap<&str, u64> = BTreeMap::new();
    let mut sent: BTreeMap<u64, u64> = BTreeMap::new();
    for (event, place) in events.iter().zip(places) {
        let free = free.entry(&event.process).or_insert(0);
        place.from_ns = place.from_ns.max(*free);
        match event.event.as_str() {
            "sent" => drop(sent.insert(event.number, place.from_ns)),
            "received" => {
                let sent =
                    sent.get(&event.sent).map_or(0, |from_ns: &u64| from_ns.saturating_add(1));
                place.from_ns = place.from_ns.max(sent);
            }
            _ => {}
        }
        *free = place.from_ns.saturating_add(place.room_ns);
    }
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
