//! The judges of the unreplicated server.

use std::collections::BTreeMap;

use crate::crypto::Notary;
use crate::object::{Dictionary, Object as _};
use crate::protocol::solo::{Note, Solo};
use crate::scenario::Scenario;
use crate::trace::{Event, Watch, What};

use super::linear::Linearizable;
use super::{Bench, Judged, Place, Property, Ruling};

impl Judged for Solo {
    type Bench = Judges;

    fn bench(_: &Scenario) -> Judges {
        Judges::new()
    }
}

/// All judges of a run.
#[derive(Clone, Debug)]
pub struct Judges {
    once: Property,
    right: Property,
    linearizable: Linearizable,
    /// The last request of each client that was executed.
    last: BTreeMap<u32, u64>,
    /// The judges' own object, with all that the server executed.
    object: Dictionary,
}

impl Watch<Solo> for Judges {
    fn see(&mut self, event: &Event<'_, Solo>, _: &Notary) {
        if let What::Noted(note) = event.what {
            self.noted(note, Place::of(event));
        }
    }
}

impl Judges {
    fn new() -> Judges {
        Judges {
            once: Property::promise("once", "no request is executed twice"),
            right: Property::promise("right", "every result is that of the requests in order"),
            linearizable: Linearizable::new(),
            last: BTreeMap::new(),
            object: Dictionary::default(),
        }
    }

    fn noted(&mut self, note: &Note, at: Place) {
        match note {
            Note::Asked { client, request, operation } => {
                self.linearizable.asked((*client, *request), operation.clone(), at.event);
            }
            Note::Executed { number, client, request, operation, result } => {
                let who = (*client, *request);
                self.linearizable.ordered(who, (0, *number));
                let before = self.last.insert(*client, *request);
                self.once.test(before.is_none_or(|before| before < *request), at, || {
                    format!("client {client} had request {request} executed before")
                });
                let right = self.object.apply(operation);
                self.right.test(right == *result, at, || {
                    format!("{operation} gives '{right}', and the server says '{result}'")
                });
            }
            Note::Answered { client, request, result } => {
                self.linearizable.answered((*client, *request), result, None, at);
            }
            Note::Finished { .. } | Note::Retransmits { .. } | Note::Repeats { .. } => {}
        }
    }
}

impl Bench for Judges {
    fn rulings(&self) -> Vec<Ruling> {
        vec![self.once.ruling(), self.right.ruling(), self.linearizable.ruling()]
    }

    fn dictionary(&self) -> Vec<(String, String)> {
        let text = |(key, value): (&std::sync::Arc<str>, &crate::object::Text)| {
            (key.to_string(), value.to_string())
        };
        self.object.sorted().into_iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Operation, Reply};

    fn asked(request: u64, operation: &Operation) -> Note {
        Note::Asked { client: 0, request, operation: operation.clone() }
    }

    fn executed(number: u64, request: u64, operation: &Operation, result: &str) -> Note {
        let (operation, result) = (operation.clone(), Reply::of(&result.into()));
        Note::Executed { number, client: 0, request, operation, result }
    }

    fn answered(request: u64, result: &str) -> Note {
        Note::Answered { client: 0, request, result: Reply::of(&result.into()) }
    }

    /// Who finds something in these notes, and in which of them.
    fn found(notes: &[Note]) -> Vec<(&'static str, u64)> {
        let mut judges = Judges::new();
        for (event, note) in (0..).zip(notes) {
            judges.noted(note, Place { event, at_ns: event });
        }
        let findings = judges.rulings().into_iter().filter_map(|ruling| ruling.finding);
        findings.map(|finding| (finding.judge, finding.event)).collect()
    }

    #[test]
    fn every_judge_finds_what_it_is_there_for() {
        let (put, append, get) =
            (Operation::put("k", "v"), Operation::append("k", "w"), Operation::get("k"));
        let mut notes = vec![
            asked(0, &put),
            executed(1, 0, &put, "OK"),
            answered(0, "OK"),
            asked(1, &append),
            executed(2, 1, &append, "OK"),
            answered(1, "OK"),
            asked(2, &get),
            executed(3, 2, &get, "vw"),
            answered(2, "vw"),
        ];
        assert_eq!(found(&notes), []);
        notes[7] = executed(3, 2, &get, "v");
        assert_eq!(found(&notes), [("right", 7)], "the client was told what is right");
        notes[8] = answered(2, "v");
        assert_eq!(found(&notes), [("right", 7), ("linearizability", 8)]);
        notes[7] = executed(3, 1, &append, "OK");
        notes[8] = answered(2, "vww");
        assert_eq!(found(&notes), [("once", 7), ("linearizability", 8)]);
    }
}
