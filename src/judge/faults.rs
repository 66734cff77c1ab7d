//! What was done to whom: which failures came true, and who is faulty for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::crypto::Notary;
use crate::fault::{self, Pair};
use crate::identity::{Class, Identity};
use crate::process::{Injection, InjectionStep, Protocol};
use crate::scenario::{Party, Scenario};
use crate::trace::{Event, Watch, What};

/// What came of one pair of trigger and failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The replica that it was meant for.
    pub replica: Identity,
    /// The failure and its trigger.
    pub pair: Pair,
    /// How often its trigger fired and it waited for a message to spoil.
    pub armed: u64,
    /// How often it came true.
    pub fired: u64,
    /// Why it cannot happen to this replica, if its trigger fired and it cannot.
    pub in_vain: Option<String>,
}

/// Keeps account of all injections, as a watcher.
#[derive(Clone, Debug, Default)]
pub struct Injections {
    outcomes: Vec<Outcome>,
    /// Where among them each of the scenario's pairs is; who is asked for the same twice has one.
    places: Vec<usize>,
    /// Who is faulty, and since which event.
    faulty: BTreeMap<Identity, u64>,
    /// The crashes that make nobody faulty: whose, and when.
    borne: Vec<(Party, u64)>,
}

impl Injections {
    /// An account that knows what is wanted, so that it can tell what did not come.
    pub fn wanted(scenario: &Scenario) -> Injections {
        let mut account = Injections::default();
        for process in &scenario.processes {
            let borne = process.crashes.iter().filter(|crash| !crash.is_fault(&scenario.protocol));
            account.borne.extend(borne.map(|crash| (process.which, crash.at_ns)));
        }
        for (replica, pair) in fault::pairs(&scenario.faults) {
            // There are few, so that looking through them costs less than an index of them.
            let is_it = |known: &Outcome| known.replica == replica && known.pair == pair;
            let place = account.outcomes.iter().position(is_it);
            account.places.push(place.unwrap_or(account.outcomes.len()));
            if place.is_none() {
                let outcome = Outcome { replica, pair, armed: 0, fired: 0, in_vain: None };
                account.outcomes.push(outcome);
            }
        }
        account
    }

    fn note(&mut self, who: Identity, event: u64, injection: &Injection) {
        if injection.step == InjectionStep::Done && injection.is_fault {
            self.faulty.entry(who).or_insert(event);
        }
        let place = self.places.get(injection.number);
        let Some(outcome) = place.and_then(|place| self.outcomes.get_mut(*place)) else {
            return;
        };
        match injection.step {
            InjectionStep::Armed => outcome.armed += 1,
            InjectionStep::InVain => outcome.in_vain = Some(injection.detail.clone()),
            InjectionStep::Done => outcome.fired += 1,
        }
    }

    fn is_borne(&self, who: Identity, at_ns: u64) -> bool {
        self.borne.iter().any(|(party, when_ns)| *when_ns == at_ns && party.covers(who))
    }

    /// All pairs, in the order of the scenario.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Whether a failure came true at this party.
    pub fn is_faulty(&self, who: Identity) -> bool {
        self.faulty.contains_key(&who)
    }

    /// The positions of the faulty replicas of each configuration that has any.
    pub fn faulty(&self) -> BTreeMap<u32, BTreeSet<u32>> {
        let mut faulty: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for who in self.faulty.keys().filter(|who| who.class == Class::Replica) {
            faulty.entry(who.configuration).or_default().insert(who.index);
        }
        faulty
    }

    /// The first event at which some configuration has more faulty replicas than `tolerated`.
    pub fn too_many_since(&self, tolerated: u32) -> Option<u64> {
        let mut since: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for (who, event) in self.faulty.iter().filter(|(who, _)| who.class == Class::Replica) {
            since.entry(who.configuration).or_default().push(*event);
        }
        let too_many = since.into_values().filter_map(|mut events| {
            events.sort_unstable();
            events.get(tolerated as usize).copied()
        });
        too_many.min()
    }
}

impl<P: Protocol> Watch<P> for Injections {
    #[inline]
    fn see(&mut self, event: &Event<'_, P>, _: &Notary) {
        let who = event.process.identity;
        match event.what {
            What::Injected(injection) => self.note(who, event.number, injection),
            What::Crashed if !self.is_borne(who, event.at_ns) => {
                self.faulty.entry(who).or_insert(event.number);
            }
            _ => {}
        }
    }
}
