//! The parts of a scenario that can be left out, by sort.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::fault::{self, Fault};
use crate::object::{Demand, Item, Workload};
use crate::scenario::{Cut, Party, ProcessTrouble, Scenario};

/// A sort of part. The order is that in which they are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Failures, each with its trigger.
    Failures,
    /// Clients, with all their requests.
    Clients,
    /// Requests.
    Requests,
    /// Partitions and exceptions for single links.
    Links,
    /// Pauses and steps of clocks, one by one, and the rest of a clock's trouble.
    Processes,
    /// Answers on the tape: the seed's take their place.
    Choices,
}

impl Sort {
    pub(super) const ALL: [Sort; 6] = [
        Sort::Failures,
        Sort::Clients,
        Sort::Requests,
        Sort::Links,
        Sort::Processes,
        Sort::Choices,
    ];

    /// How many parts of this sort there are that can be left out.
    pub(super) fn count(self, scenario: &Scenario) -> usize {
        match self {
            Sort::Failures => scenario.faults.iter().map(|fault| fault.failures.len()).sum(),
            // Somebody has to ask for something.
            Sort::Clients if scenario.clients.len() == 1 => 0,
            Sort::Clients => scenario.clients.len(),
            Sort::Requests => {
                scenario.clients.iter().map(|client| client.workload.items().len()).sum()
            }
            Sort::Links => scenario.network.partitions.len() + scenario.network.overrides.len(),
            Sort::Processes => scenario.processes.iter().map(troubles).sum(),
            Sort::Choices => scenario.choices.len(),
        }
    }

    /// A part of this sort that is trouble, in words.
    pub(super) fn told(self, scenario: &Scenario, part: usize) -> String {
        let failures =
            || fault::pairs(&scenario.faults).map(|(who, pair)| format!("{pair} of {who}"));
        let told = match self {
            Sort::Failures => failures().nth(part),
            Sort::Links if part < scenario.network.partitions.len() => {
                Some(format!("partition {part}"))
            }
            Sort::Links => Some("the exception for one link".to_owned()),
            Sort::Processes => Some("one trouble of a process".to_owned()),
            Sort::Clients | Sort::Requests | Sort::Choices => None,
        };
        told.unwrap_or_default()
    }

    /// The scenario without these parts.
    pub(super) fn without(self, scenario: &Scenario, parts: Range<usize>) -> Scenario {
        let mut scenario = scenario.clone();
        let mut place = 0;
        // Asked once for each part, in order.
        let mut is_kept = || {
            place += 1;
            !parts.contains(&(place - 1))
        };
        match self {
            Sort::Failures => {
                for fault in &mut scenario.faults {
                    fault.failures.retain(|_| is_kept());
                }
                scenario.faults.retain(|fault| !fault.failures.is_empty());
            }
            Sort::Clients => without_clients(&mut scenario, &parts),
            Sort::Requests => {
                for client in &mut scenario.clients {
                    let items = client.workload.items().iter().filter(|_| is_kept()).cloned();
                    let items: Vec<Item> = items.collect();
                    client.workload = Workload::new(items, Arc::clone(&scenario.pool));
                }
            }
            Sort::Links => {
                scenario.network.partitions.retain(|_| is_kept());
                scenario.network.overrides.retain(|_| is_kept());
            }
            Sort::Processes => {
                scenario.processes.iter_mut().for_each(|process| thin(process, &mut is_kept));
                scenario.processes.retain(|process| troubles(process) > 0);
            }
            Sort::Choices => scenario.choices.retain(|_| is_kept()),
        }
        scenario
    }
}

/// How many parts the trouble of a process has: each crash, pause and step, the clock itself.
fn troubles(process: &ProcessTrouble) -> usize {
    let clock = usize::from(has_wrong_clock(process));
    process.crashes.len() + process.pauses.len() + process.jumps.len() + clock
}

fn has_wrong_clock(process: &ProcessTrouble) -> bool {
    let none = ProcessTrouble::none(process.which);
    process.clock_offset_ns != none.clock_offset_ns || process.clock_rate_ppb != none.clock_rate_ppb
}

fn thin(process: &mut ProcessTrouble, is_kept: &mut impl FnMut() -> bool) {
    process.crashes.retain(|_| is_kept());
    process.pauses.retain(|_| is_kept());
    process.jumps.retain(|_| is_kept());
    if has_wrong_clock(process) && !is_kept() {
        let none = ProcessTrouble::none(process.which);
        process.clock_offset_ns = none.clock_offset_ns;
        process.clock_rate_ppb = none.clock_rate_ppb;
    }
}

/// The others close ranks, and who spoke of them by number speaks of the same ones.
fn without_clients(scenario: &mut Scenario, gone: &Range<usize>) {
    let all = scenario.clients.len();
    let mut kept: Vec<usize> = (0..all).filter(|client| !gone.contains(client)).collect();
    if kept.is_empty() {
        kept.push(0);
    }
    scenario.clients = kept.iter().map(|client| scenario.clients[*client].clone()).collect();
    let now = |client: u32| kept.iter().position(|kept| *kept == client as usize);
    // What waited for a message of theirs waits for one of somebody else.
    for Fault { trigger, .. } in &mut scenario.faults {
        if let Some(client) = trigger.client() {
            *trigger = trigger.with_client(now(client).unwrap_or(0) as u32);
        }
    }
    let rename = |party: &mut Party| {
        if let Party::Client(client) = party {
            *client = now(*client).unwrap_or(all) as u32;
        }
    };
    scenario.processes.iter_mut().for_each(|process| rename(&mut process.which));
    for over in &mut scenario.network.overrides {
        rename(&mut over.from);
        rename(&mut over.to);
    }
    for partition in &mut scenario.network.partitions {
        groups(&mut partition.cut).into_iter().flatten().for_each(rename);
    }
    forget_strangers(scenario);
}

/// The groups of a cut.
pub(super) fn groups(cut: &mut Cut) -> Vec<&mut Vec<Party>> {
    match cut {
        Cut::Groups(groups) => groups.iter_mut().collect(),
        Cut::OneWay { from, to } => vec![from, to],
    }
}

/// Nobody speaks of clients that there are not.
fn forget_strangers(scenario: &mut Scenario) {
    let clients = scenario.clients.len() as u32;
    let is_there = |party: &Party| !matches!(party, Party::Client(client) if *client >= clients);
    scenario.processes.retain(|process| is_there(&process.which));
    scenario.network.overrides.retain(|over| is_there(&over.from) && is_there(&over.to));
    for partition in &mut scenario.network.partitions {
        groups(&mut partition.cut).into_iter().for_each(|group| group.retain(is_there));
    }
    let is_cut = |cut: &mut Cut| groups(cut).iter().all(|group| !group.is_empty());
    scenario.network.partitions.retain_mut(|partition| is_cut(&mut partition.cut));
    let texts: BTreeSet<String> = (clients..clients + 64).map(|c| format!("client {c}")).collect();
    scenario.choices.retain(|choice| !texts.iter().any(|text| choice.site.contains(text)));
}

/// Every request that a workload draws, written out; none if none draws any. The run stays the same
/// but for what the clients are born with.
pub(super) fn written_out(scenario: &Scenario) -> Option<Scenario> {
    let is_drawn = |item: &Item| matches!(item, Item::Pseudorandom { .. });
    let drawn = scenario.clients.iter().any(|client| client.workload.items().iter().any(is_drawn));
    let few = scenario.clients.iter().all(|client| client.workload.demand_count() < 10_000);
    (drawn && few).then(|| {
        let mut scenario = scenario.clone();
        for client in &mut scenario.clients {
            let items = client.workload.requests().map(|demand| match demand {
                Demand::Execute(operation) => Item::Fixed(operation),
                Demand::Reconfigure => Item::Reconfigure,
            });
            let items: Vec<Item> = items.collect();
            client.workload = Workload::new(items, Arc::clone(&scenario.pool));
        }
        scenario
    })
}
