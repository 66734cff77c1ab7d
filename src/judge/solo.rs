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
        Judges {
            once: Property::promise("once", "no request is executed twice"),
            right: Property::promise("right", "every result is that of the requests in order"),
            linearizable: Linearizable::new(),
            last: BTreeMap::new(),
            object: Dictionary::default(),
        }
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
        let at = Place::of(event);
        let What::Noted(note) = event.what else { return };
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
