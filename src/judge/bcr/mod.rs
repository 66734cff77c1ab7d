//! The judges of Byzantine chain replication.
//!
//! They read notes and messages alone. What a faulty replica says of itself proves nothing, so only
//! the notes of replicas that have not failed are held against each other; what was accepted by a
//! client is held against a replay of the slots by an object of the judges' own.

mod conduct;
mod history;
mod proofs;
mod reach;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::crypto::Notary;
use crate::identity::{Address, Class};
use crate::object::Dictionary;
use crate::process::{Injection, InjectionStep};
use crate::protocol::bcr::statements::NewConfiguration;
use crate::protocol::bcr::{Bcr, Message, Note, Rules};
use crate::scenario::{self, Scenario};
use crate::trace::{Event, Watch, What};

use super::linear::Linearizable;
use super::{Bench, Judged, Place, Property, Ruling};
use conduct::Conduct;
use history::Histories;
use proofs::Proofs;
pub use reach::REACHABLE;
use reach::Reach;

impl<R: Rules<Object = Dictionary>> Judged for Bcr<R> {
    type Bench = Judges;

    fn bench(scenario: &Scenario) -> Judges {
        match &scenario.protocol {
            scenario::Protocol::Bcr(knobs) => Judges::new(knobs),
            _ => Judges::new(&scenario::Bcr::default()),
        }
    }
}

/// All judges of a run.
#[derive(Clone, Debug)]
pub struct Judges {
    faulty: BTreeSet<Address>,
    histories: Histories,
    proofs: Proofs,
    conduct: Conduct,
    linearizable: Linearizable,
    /// The quorum that ended each configuration.
    quorums: Vec<Vec<u32>>,
    reach: Reach,
}

impl Judges {
    fn new(knobs: &scenario::Bcr) -> Judges {
        Judges {
            faulty: BTreeSet::new(),
            histories: Histories::new(knobs.replicas(), knobs.checkpoint_every),
            proofs: Proofs::new(knobs),
            conduct: Conduct::new(),
            linearizable: Linearizable::new(),
            quorums: Vec::new(),
            reach: Reach::default(),
        }
    }
}

impl Judges {
    /// A failure came true: from now on what this replica says of itself counts for nothing. Until
    /// then it is as correct as any, whatever waits to be done in its stead.
    fn injected(&mut self, process: Address, injection: &Injection) {
        if injection.is_fault && injection.step == InjectionStep::Done {
            self.fails(process);
        }
    }

    fn fails(&mut self, process: Address) {
        self.faulty.insert(process);
        self.proofs.gone(process);
        self.conduct.gone(process);
        self.histories.failed(process);
    }
}

impl<R: Rules<Object = Dictionary>> Watch<Bcr<R>> for Judges {
    fn see(&mut self, event: &Event<'_, Bcr<R>>, notary: &Notary) {
        let at = Place::of(event);
        match &event.what {
            What::Received { message, .. } if !self.faulty.contains(&event.process) => {
                self.proofs.received(event.process, message);
            }
            What::Sent { message, .. } => self.sent(event.process, message, at, notary),
            What::Noted(note) => self.noted(event.process, note, at, notary),
            What::Injected(injection) => self.injected(event.process, injection),
            What::Crashed if event.process.identity.class == Class::Replica => {
                self.fails(event.process);
            }
            What::Crashed | What::Stopped => {
                self.proofs.gone(event.process);
                self.conduct.gone(event.process);
            }
            _ => {}
        }
    }
}

impl Judges {
    fn sent(&mut self, from: Address, message: &Message<Dictionary>, at: Place, notary: &Notary) {
        match message {
            Message::CatchUp(catch_up) if from.identity.class == Class::Olympus => {
                self.histories.told_by_olympus(catch_up.body());
            }
            Message::NewConfiguration(new) => {
                let NewConfiguration { configuration, state } = new.body();
                self.histories.handed_over(*configuration, state, at);
            }
            _ if !self.faulty.contains(&from) => self.proofs.sent(from, message, at, notary),
            _ => {}
        }
    }

    fn noted(&mut self, process: Address, note: &Note, at: Place, notary: &Notary) {
        let correct = !self.faulty.contains(&process);
        self.histories.noted(process, correct, note, at);
        if correct {
            self.proofs.noted(process, note, at, notary);
            self.conduct.noted(process, note, at);
        }
        follow(&mut self.linearizable, note, at);
        self.reach.noted(note);
        if let Note::QuorumFinal { quorum, .. } = note {
            self.quorums.push(quorum.clone());
        }
    }
}

/// Tells what a note says of the clients' history.
fn follow(history: &mut Linearizable, note: &Note, at: Place) {
    match note {
        Note::Asked { client, request, operation } => {
            history.asked((*client, *request), operation.clone(), at.event);
        }
        Note::Ordered { configuration, slot, client, request, .. } => {
            history.ordered((*client, *request), (*configuration, *slot));
        }
        Note::Answered { client, request, result, configuration, slot, .. } => {
            let slot = Some((*configuration, *slot));
            history.answered((*client, *request), result, slot, at);
        }
        _ => {}
    }
}

impl Bench for Judges {
    fn rulings(&self) -> Vec<Ruling> {
        let mut rulings = self.histories.rulings();
        rulings.extend(self.proofs.rulings());
        rulings.extend(self.conduct.rulings());
        rulings.push(self.linearizable.ruling());
        rulings
    }

    fn dictionary(&self) -> Vec<(String, String)> {
        self.histories.dictionary()
    }

    fn reached(&self) -> BTreeSet<&'static str> {
        self.reach.reached()
    }

    fn quorums(&self) -> Vec<Vec<u32>> {
        self.quorums.clone()
    }

    fn reconfigurations(&self) -> u64 {
        self.histories.reconfigurations()
    }
}
