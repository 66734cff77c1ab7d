//! What a picture is made of: the lines of one run, or of two, taken one by one.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::identity::{Address, Class};

use super::align::{Alignment, Footprint, align};
use super::pool::{Pool, Table};

/// Why a line is no part of a picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing was begun.
    #[error("no run was begun that it could be a part of")]
    NoRun,
    /// It is no event, no change of a state, no header and no verdict.
    #[error("it is neither an event, nor a state, nor a header, nor a verdict")]
    Unknown,
    /// An event has no number that is greater than those before it.
    #[error("event {number} stands behind event {last}")]
    Order {
        /// Its number, 0 for none.
        number: u64,
        /// The greatest one before it.
        last: u64,
    },
    /// An event, or a state, of nobody.
    #[error("it names no process")]
    Nobody,
}

/// A picture of a run, or of two beside each other.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    pub(super) pool: Pool,
    /// Words, kinds and processes' names.
    pub(super) names: Table<String>,
    /// What happened: word and kind, both as names; 0 for no kind, else 1 more.
    pub(super) whats: Table<(u32, u32)>,
    pub(super) runs: Vec<Recording>,
}

/// What is known of one run.
#[derive(Clone, Debug, Default)]
pub(super) struct Recording {
    pub(super) title: String,
    /// What is another than the title says.
    pub(super) changed: String,
    pub(super) summary: String,
    /// What the reader should know of it: that a log ends early, for instance.
    pub(super) remark: String,
    /// The process whose events alone are known, if not everybody's.
    pub(super) alone: Option<String>,
    /// The names of processes, in the order in which they came.
    pub(super) lanes: Vec<u32>,
    places: BTreeMap<u32, u32>,
    pub(super) events: Vec<Entry>,
    /// Which timer was set when, by process and content.
    timers: BTreeMap<(u32, u32), u64>,
    pub(super) fields: Table<String>,
    pub(super) changes: Vec<Change>,
    known: BTreeMap<(u32, u32), Known>,
    injected: BTreeSet<u32>,
    pub(super) verdict: Option<Value>,
}

/// An event. Processes are places among the lanes; 0 stands for none, else 1 more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) at_ns: u64,
    pub(super) process: u32,
    pub(super) what: u32,
    pub(super) cause: u64,
    /// Of what is told of a message, its sending; of a timer's end, its setting.
    pub(super) sent: u64,
    pub(super) peer: u32,
    /// How many of its kind and subject went the same way before.
    pub(super) copy: u32,
    /// 0 for nothing, else 1 more than its place in the pool.
    pub(super) content: u32,
}

/// A field of a state is another than before: so many UTF-16 units of the old text in front and at
/// the back stay, and between them stands a new text. Nothing, if the field is no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    pub(super) process: u32,
    pub(super) after: u64,
    pub(super) field: u32,
    pub(super) front: usize,
    pub(super) back: usize,
    pub(super) text: Option<String>,
}

/// What a field was last.
#[derive(Clone, Debug, Default)]
struct Known {
    text: String,
    /// How often in succession a part of it was told.
    parts: u32,
}

/// After so many parts a text is told whole, so that nobody has to look far back.
const PARTS: u32 = 64;

impl Recording {
    /// What tells it from another: its title, and what was changed.
    pub(super) fn told(&self) -> String {
        let gap = if self.changed.is_empty() { "" } else { " " };
        format!("{}{gap}{}", self.title, self.changed)
    }
}

impl Picture {
    /// Begins a run; what is taken from now on is told of it.
    pub fn begin(&mut self, title: &str) {
        self.runs.push(Recording { title: title.to_owned(), ..Recording::default() });
    }

    /// Says what was changed in what the title names: options, as they were typed.
    pub fn changed(&mut self, changed: &str) {
        if let Some(run) = self.runs.last_mut() {
            changed.clone_into(&mut run.changed);
        }
    }

    /// Says in a line what the run is: protocol, processes, seed.
    pub fn summary(&mut self, summary: &str) {
        if let Some(run) = self.runs.last_mut() {
            summary.clone_into(&mut run.summary);
        }
    }

    /// Says something about the run that its reader should know first.
    pub fn remark(&mut self, remark: &str) {
        if let Some(run) = self.runs.last_mut() {
            remark.clone_into(&mut run.remark);
        }
    }

    /// How many events were taken, of all runs.
    #[must_use]
    pub fn events(&self) -> usize {
        self.runs.iter().map(|run| run.events.len()).sum()
    }

    /// Takes one line of a log in its JSON form: its header, an event, a change of a state, the
    /// verdict.
    ///
    /// # Errors
    /// A line that is none of these, or stands where it cannot stand. The picture is as before.
    pub fn take(&mut self, line: &Value) -> Result<(), Unfit> {
        let run = self.runs.last_mut().ok_or(Unfit::NoRun)?;
        if line.get("event").is_some() {
            return self.event(line);
        }
        if line.get("state").is_some() {
            return self.state(line);
        }
        if line.get("verdict").is_some() || line.get("dictionary").is_some() {
            run.verdict = Some(line.clone());
            return Ok(());
        }
        if line.get("format").is_none() {
            return Err(Unfit::Unknown);
        }
        run.alone = line.get("process").and_then(Value::as_str).map(str::to_owned);
        if let (true, Some(seed)) = (run.summary.is_empty(), line.get("seed")) {
            run.summary = format!("seed {seed}");
        }
        Ok(())
    }

    fn event(&mut self, line: &Value) -> Result<(), Unfit> {
        let number = number(line, "number");
        let run = self.runs.last_mut().ok_or(Unfit::NoRun)?;
        let last = run.events.last().map_or(0, |event| event.number);
        if number <= last {
            return Err(Unfit::Order { number, last });
        }
        let name = word(line, "process").ok_or(Unfit::Nobody)?;
        let event = word(line, "event").unwrap_or_default();
        let own = own_fields(event);
        let process = run.lane(self.names.place(name.to_owned()));
        let peer = own.peer.and_then(|field| word(line, field));
        let peer = peer.map_or(0, |peer| run.lane(self.names.place(peer.to_owned())) + 1);
        let kind = word(line, "kind").map_or(0, |kind| self.names.place(kind.to_owned()) + 1);
        let what = self.whats.place((self.names.place(event.to_owned()), kind));
        let mut content = line.as_object().into_iter().flatten().peekable();
        let is_content = |(name, _): &(&String, &Value)| {
            !EVERYBODYS.contains(&name.as_str()) && !own.all.contains(&name.as_str())
        };
        let content = match content.any(|field| is_content(&field)) {
            false => 0,
            true => {
                let fields = line.as_object().into_iter().flatten().filter(is_content);
                self.pool.fields(fields) + 1
            }
        };
        let sent = match event {
            "timer_set" | "timer_cancelled" | "timer_fired" => {
                let timer = self.pool.place(line.get("timer").unwrap_or(&Value::Null));
                run.timer(event, (process, timer), number)
            }
            _ if own.all.contains(&"sent") => self::number(line, "sent"),
            _ => 0,
        };
        if event == "injected" {
            run.injected.insert(process);
        }
        let before = |other: u64| if other < number { other } else { 0 };
        let cause = before(self::number(line, "cause"));
        let (at_ns, sent) = (self::number(line, "at_ns"), before(sent));
        let copy = if event == "sent" { self::number(line, "copy") } else { 0 };
        let copy = u32::try_from(copy).unwrap_or(u32::MAX);
        run.events.push(Entry { number, at_ns, process, what, cause, sent, peer, copy, content });
        Ok(())
    }

    fn state(&mut self, line: &Value) -> Result<(), Unfit> {
        let run = self.runs.last_mut().ok_or(Unfit::NoRun)?;
        let name = word(line, "state").ok_or(Unfit::Nobody)?;
        let process = run.lane(self.names.place(name.to_owned()));
        let after = number(line, "after");
        let changes = line.get("changes").and_then(Value::as_object).into_iter().flatten();
        for (name, value) in changes {
            let field = run.fields.place(name.clone());
            let text = match value {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            run.change(process, after, field, text);
        }
        Ok(())
    }

    /// How the second run lies beside the first, where there are two.
    pub(super) fn alignment(&self) -> Option<Alignment> {
        let [a, b] = self.runs.as_slice() else {
            return None;
        };
        Some(align(&a.footprints(), &b.footprints()))
    }

    /// Whether two events say the same, whenever they do.
    pub(super) fn says_the_same(&self, one: &Entry, other: &Entry) -> bool {
        match (one.content, other.content) {
            (0, 0) => true,
            (0, _) | (_, 0) => false,
            (one, other) => self.pool.is_like(one - 1, other - 1),
        }
    }
}

impl Recording {
    fn lane(&mut self, name: u32) -> u32 {
        let next = self.lanes.len() as u32;
        let place = *self.places.entry(name).or_insert(next);
        if place == next {
            self.lanes.push(name);
        }
        place
    }

    /// The event in which a timer was set that ends now; none for one that is set.
    fn timer(&mut self, event: &str, timer: (u32, u32), number: u64) -> u64 {
        match event {
            "timer_set" => {
                self.timers.insert(timer, number);
                0
            }
            _ => self.timers.remove(&timer).unwrap_or(0),
        }
    }

    fn change(&mut self, process: u32, after: u64, field: u32, text: Option<String>) {
        let known = self.known.entry((process, field)).or_default();
        let Some(text) = text else {
            self.known.remove(&(process, field));
            self.changes.push(Change { process, after, field, front: 0, back: 0, text: None });
            return;
        };
        let (mut front, mut back, mut new) = (0, 0, text.as_str());
        if known.parts < PARTS {
            (front, back, new) = difference(&known.text, &text);
        }
        known.parts = if front + back == 0 { 0 } else { known.parts + 1 };
        let new = Some(new.to_owned());
        self.changes.push(Change { process, after, field, front, back, text: new });
        known.text = text;
    }

    /// The place of the event with this number, if it is known.
    pub(super) fn place_of(&self, number: u64) -> Option<usize> {
        // Mostly the numbers are 1, 2, 3, …
        let guess = (number as usize).wrapping_sub(1);
        match self.events.get(guess) {
            Some(event) if event.number == number => Some(guess),
            _ => self.events.binary_search_by_key(&number, |event| event.number).ok(),
        }
    }

    fn footprints(&self) -> Vec<Footprint> {
        let name = |lane: u32| self.lanes.get(lane as usize).map_or(0, |name| name + 1);
        let events = self.events.iter().map(|event| {
            let cause = if event.cause > 0 { event.cause } else { event.sent };
            Footprint {
                cause: self.place_of(cause).map(|place| place as u32),
                process: name(event.process),
                what: event.what,
                peer: event.peer.checked_sub(1).map_or(0, name),
                content: event.content,
            }
        });
        events.collect()
    }

    /// The processes that are faulty: those that the verdict names; without one, those to whom
    /// something was done.
    pub(super) fn faulty(&self) -> BTreeSet<String> {
        let told = self.verdict.as_ref().and_then(|verdict| verdict.get("faulty")?.as_array());
        let mut faulty = BTreeSet::new();
        for of in told.into_iter().flatten() {
            let configuration = number(of, "configuration");
            let positions = of.get("replicas").and_then(Value::as_array).into_iter().flatten();
            faulty.extend(positions.map(|position| format!("replica {configuration}.{position}")));
        }
        faulty
    }

    /// Whether something was done to a process, where no verdict says who is faulty.
    pub(super) fn was_injected(&self, lane: usize) -> bool {
        self.verdict.is_none() && self.injected.contains(&(lane as u32))
    }
}

/// How much of an old text stays in front and at the back, in UTF-16 units, and what is new
/// between.
fn difference<'a>(old: &str, new: &'a str) -> (usize, usize, &'a str) {
    let pairs = old.chars().zip(new.chars());
    let same: Vec<char> = pairs.take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    let front: usize = same.iter().map(|c| c.len_utf8()).sum();
    let (old, new) = (&old[front..], &new[front..]);
    let pairs = old.chars().rev().zip(new.chars().rev());
    let last: Vec<char> = pairs.take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    let back: usize = last.iter().map(|c| c.len_utf8()).sum();
    let units = |of: &[char]| of.iter().map(|c| c.len_utf16()).sum();
    (units(&same), units(&last), &new[..new.len() - back])
}

/// The fields that every event has.
const EVERYBODYS: [&str; 6] = ["number", "at_ns", "process", "cause", "event", "kind"];

/// Fields of an event that are no content of it.
struct OwnFields {
    all: &'static [&'static str],
    /// The one that names a process.
    peer: Option<&'static str>,
}

fn own_fields(event: &str) -> OwnFields {
    match event {
        "sent" => OwnFields { all: &["to", "copy"], peer: Some("to") },
        "unreachable" => OwnFields { all: &["to"], peer: Some("to") },
        "received" => OwnFields { all: &["from", "sent"], peer: Some("from") },
        "lost" | "held" | "duplicated" => OwnFields { all: &["sent"], peer: None },
        "in_vain" => OwnFields { all: &[], peer: Some("whom") },
        _ => OwnFields { all: &[], peer: None },
    }
}

/// Where a process stands among the lanes: clients, Olympus, replicas by configuration and
/// position, twins beside each other, then whoever else there is.
pub(super) fn rank(name: &str) -> (u8, u32, u32, u8) {
    let Ok(Address { identity, twin }) = name.parse::<Address>() else {
        return (9, 0, 0, 0);
    };
    let class = match identity.class {
        Class::Client => 0,
        Class::Gateway => 1,
        Class::Olympus => 2,
        Class::Replica => 3,
        Class::Datalet => 4,
        Class::Other => 5,
    };
    (class, identity.configuration, identity.index, twin)
}

fn word<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    line.get(name).and_then(Value::as_str)
}

fn number(line: &Value, name: &str) -> u64 {
    line.get(name).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn taken(lines: &[Value]) -> Picture {
        let mut picture = Picture::default();
        picture.begin("a test");
        for line in lines {
            picture.take(line).unwrap();
        }
        picture
    }

    fn event(number: u64, event: &str, fields: Value) -> Value {
        let mut line = json!({
            "number": number, "at_ns": number * 10, "process": "replica 0.0", "cause": 0,
            "event": event,
        });
        let fields = fields.as_object().cloned().unwrap_or_default();
        line.as_object_mut().unwrap().extend(fields);
        line
    }

    #[test]
    fn what_was_sent_and_what_was_received_share_their_content() {
        let picture = taken(&[
            event(1, "sent", json!({ "to": "replica 0.1", "kind": "shuttle", "slot": 3 })),
            event(
                2,
                "received",
                json!({ "process": "replica 0.1", "from": "replica 0.0", "sent": 1, "cause": 1,
                        "kind": "shuttle", "slot": 3 }),
            ),
        ]);
        let [sent, received] = picture.runs[0].events.as_slice() else { panic!("two events") };
        assert_eq!(sent.content, received.content);
        assert_eq!((received.sent, received.cause, received.peer), (1, 1, 1));
        assert_eq!(picture.runs[0].lanes.len(), 2);
    }

    #[test]
    fn a_timer_that_fires_is_led_back_to_its_setting() {
        let picture = taken(&[
            event(1, "timer_set", json!({ "timer": { "head": { "client": 0 } }, "due_ns": 50 })),
            event(2, "timer_set", json!({ "timer": "plea", "due_ns": 60 })),
            event(3, "timer_fired", json!({ "timer": { "head": { "client": 0 } } })),
        ]);
        assert_eq!(picture.runs[0].events[2].sent, 1);
    }

    #[test]
    fn a_state_is_kept_as_what_changed() {
        let state = |after: u64, text: Value| {
            let changes = json!({ "state": text });
            json!({ "state": "replica 0.0", "after": after, "changes": changes })
        };
        let picture = taken(&[
            state(1, json!("{\"k\": \"über\"}")),
            state(2, json!("{\"k\": \"über 𝛑\"}")),
            state(3, json!("{\"k\": \"über 𝛒\"}")),
            state(4, json!(null)),
        ]);
        let changes = &picture.runs[0].changes;
        let told: Vec<_> =
            changes.iter().map(|one| (one.front, one.back, one.text.as_deref())).collect();
        assert_eq!(
            told,
            [
                (0, 0, Some("{\"k\": \"über\"}")),
                (11, 2, Some(" 𝛑")),
                (12, 2, Some("𝛒")),
                (0, 0, None)
            ]
        );
    }

    #[test]
    fn what_cannot_be_is_refused_and_nothing_breaks() {
        let mut picture = Picture::default();
        assert_eq!(picture.take(&event(1, "started", json!({}))), Err(Unfit::NoRun));
        picture.begin("a test");
        picture.take(&event(5, "started", json!({ "cause": 9 }))).unwrap();
        assert_eq!(picture.runs[0].events[0].cause, 0, "what comes later is no cause");
        let again = picture.take(&event(5, "started", json!({})));
        assert_eq!(again, Err(Unfit::Order { number: 5, last: 5 }));
        assert_eq!(picture.take(&json!({ "event": "sent", "number": 6 })), Err(Unfit::Nobody));
        assert_eq!(picture.take(&json!([1])), Err(Unfit::Unknown));
        assert_eq!(picture.take(&json!({ "state": 5 })), Err(Unfit::Nobody));
        picture.take(&event(7, "sent", json!({ "to": 5, "at_ns": "x", "sent": [] }))).unwrap();
        assert_eq!(picture.events(), 2);
        assert!(picture.page().contains("</html>"));
    }

    #[test]
    fn processes_stand_in_their_order() {
        let mut names =
            ["replica 1.0", "zeus", "replica 0.1 twin 1", "replica 0.1", "olympus", "client 2"];
        names.sort_by_key(|name| rank(name));
        assert_eq!(
            names,
            ["client 2", "olympus", "replica 0.1", "replica 0.1 twin 1", "replica 1.0", "zeus"]
        );
    }
}
