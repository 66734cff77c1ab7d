//! A run told whole: its events, and how the states of its processes change.
//!
//! A state is told as what changed since it was told last, so that a long run costs little: see
//! [`Field`] for what a state is made of.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::identity::Address;
use crate::process::Field;
use crate::scenario::Scenario;
use crate::trace::{Happening, Line, Ordinals};

use super::{Digesting, Onlooker, Refusal, Report, begin};

/// Something that is told of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// An event.
    Event(Line),
    /// A process's state is another than before.
    State(StateChange),
}

impl Told {
    /// As a line of a log.
    pub fn to_json(&self) -> Value {
        match self {
            Told::Event(line) => line.to_json(),
            Told::State(change) => change.to_json(),
        }
    }
}

/// What is new in a process's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Whose state.
    pub process: Address,
    /// The number of the event that the process handled, or that was the first of several.
    pub after: u64,
    /// The fields that are others than before; nothing for one that is no more.
    pub changes: BTreeMap<&'static str, Option<String>>,
}

impl StateChange {
    /// As a line of a log: `{"state":"replica 0.1","after":38,"changes":{"mode":"immutable"}}`.
    pub fn to_json(&self) -> Value {
        let changes = self.changes.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        json!({
            "state": self.process.to_string(),
            "after": self.after,
            "changes": changes.collect::<Map<_, _>>(),
        })
    }
}

/// Runs a scenario under its judges, and tells every event and every change of a state. What an
/// event makes of a state is told behind the events of the same step.
///
/// # Errors
/// A scenario that is not run.
pub fn run_told(scenario: &Scenario, tell: &mut dyn FnMut(Told)) -> Result<Report, Refusal> {
    let mut run = begin(scenario, Digesting::Yes)?;
    let mut step = Step::default();
    let mut states = States::default();
    loop {
        let stop = run.step(&mut step);
        let mut touched: BTreeMap<Address, u64> = BTreeMap::new();
        for line in step.lines.drain(..) {
            touched.entry(line.process).or_insert(line.number);
            tell(Told::Event(line));
        }
        for (process, after) in touched {
            if let Some(change) = states.change(run.look(process), process, after) {
                tell(Told::State(change));
            }
        }
        if let Some(stop) = stop {
            return Ok(run.report(stop));
        }
    }
}

/// The lines of one step.
#[derive(Default)]
struct Step {
    ordinals: Ordinals,
    lines: Vec<Line>,
}

impl Onlooker for Step {
    fn see(&mut self, event: &dyn Happening) {
        self.lines.push(event.line(&mut self.ordinals));
    }
}

/// The states as they were told last.
#[derive(Default)]
pub(crate) struct States {
    known: BTreeMap<Address, BTreeMap<&'static str, String>>,
}

impl States {
    /// What is new in the state of a process, if anything is.
    pub(crate) fn change(
        &mut self,
        state: Vec<Field>,
        process: Address,
        after: u64,
    ) -> Option<StateChange> {
        let now = by_name(state);
        let known = self.known.entry(process).or_default();
        let gone = known.keys().filter(|name| !now.contains_key(*name)).map(|name| (*name, None));
        let new = now.iter().filter(|(name, value)| known.get(*name) != Some(value));
        let new = new.map(|(name, value)| (*name, Some(value.clone())));
        let changes: BTreeMap<_, _> = gone.chain(new).collect();
        *known = now;
        (!changes.is_empty()).then_some(StateChange { process, after, changes })
    }
}

/// Fields by name. Several of one name, as timers are, stand behind each other.
fn by_name(fields: Vec<Field>) -> BTreeMap<&'static str, String> {
    let mut named: BTreeMap<&'static str, String> = BTreeMap::new();
    for Field { name, value } in fields {
        let text = named.entry(name).or_default();
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&value);
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run;
    use crate::scenario;

    fn told() -> (Report, Vec<Told>) {
        let text = "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"put('k','v'); get('k')\"\n";
        let reading = scenario::read("test", text.as_bytes(), &Default::default());
        let mut told = Vec::new();
        let mut tell = |one: Told| told.push(one);
        let report = run_told(&reading.scenario.unwrap(), &mut tell).unwrap();
        (report, told)
    }

    #[test]
    fn looking_at_states_does_not_change_the_run() {
        let text = "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"put('k','v'); get('k')\"\n";
        let reading = scenario::read("test", text.as_bytes(), &Default::default());
        let plain = run::run(&reading.scenario.unwrap()).unwrap();
        let (report, told) = told();
        assert_eq!(report.digest, plain.digest);
        let events = told.iter().filter(|one| matches!(one, Told::Event(_)));
        assert_eq!(events.count() as u64, plain.events);
    }

    #[test]
    fn states_are_told_as_they_change_and_end_as_the_dictionary() {
        let (_, told) = told();
        let mut last: BTreeMap<(String, &str), String> = BTreeMap::new();
        for one in told {
            let Told::State(StateChange { process, changes, .. }) = one else { continue };
            for (name, value) in changes {
                let value = value.unwrap_or_default();
                let before = last.insert((process.to_string(), name), value.clone());
                assert_ne!(before, Some(value), "{name} of {process} is told only when it changes");
            }
        }
        let tail = &last[&("replica 0.2".to_owned(), "state")];
        assert!(tail.contains("\"k\": \"v\""), "{tail}");
        assert_eq!(last[&("replica 0.2".to_owned(), "mode")], "active");
    }

    #[test]
    fn a_change_prints_as_a_line_of_a_log() {
        let change = StateChange {
            process: "replica 0.1".parse().unwrap(),
            after: 38,
            changes: BTreeMap::from([("mode", Some("immutable".to_owned())), ("timer", None)]),
        };
        assert_eq!(
            change.to_json().to_string(),
            r#"{"after":38,"changes":{"mode":"immutable","timer":null},"state":"replica 0.1"}"#
        );
    }
}
