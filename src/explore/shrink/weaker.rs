//! Changes that make a scenario weaker or simpler, one at a time, the greatest first.
//!
//! Every change goes down an order: of two scenarios, each a change of the other, there is no pair.

use crate::explore::menu;
use crate::fault::{Failure, Trigger};
use crate::object::{Item, Operation, Workload};
use crate::scenario::{
    Crash, Latency, Limits, Link, Network, Partition, Pause, ProcessTrouble, Restart, Scenario,
    Schedule,
};
use crate::time::{MILLISECOND_NS, SECOND_NS};

use super::parts::groups;

/// All scenarios that are one change weaker than this one.
pub(super) fn than(scenario: &Scenario) -> Vec<Scenario> {
    let mut changes = Changes { scenario, weaker: Vec::new() };
    changes.protocol();
    changes.network();
    changes.faults();
    changes.partitions();
    changes.processes();
    changes.workloads();
    changes.rest();
    changes.weaker
}

struct Changes<'a> {
    scenario: &'a Scenario,
    weaker: Vec<Scenario>,
}

impl Changes<'_> {
    fn change(&mut self, change: impl FnOnce(&mut Scenario)) {
        let mut changed = self.scenario.clone();
        change(&mut changed);
        if changed != *self.scenario {
            self.weaker.push(changed);
        }
    }

    fn protocol(&mut self) {
        for simpler in menu::simpler_knobs(&self.scenario.protocol) {
            self.change(|scenario| scenario.protocol = simpler);
        }
    }

    fn network(&mut self) {
        let usual = Link::default();
        self.change(|scenario| scenario.network.link = usual);
        self.change(|scenario| scenario.schedule = Schedule::Timed);
        if let Schedule::Pct { changes: 1.., length } = self.scenario.schedule {
            self.change(|scenario| scenario.schedule = Schedule::Pct { changes: 0, length });
        }
        type Part = fn(&mut Link, Link);
        let parts: [Part; 6] = [
            |link, usual| link.kind = usual.kind,
            |link, usual| link.loss = usual.loss,
            |link, usual| link.duplicate = usual.duplicate,
            |link, usual| link.reorder = usual.reorder,
            |link, usual| link.bandwidth = usual.bandwidth,
            |link, usual| link.latency = usual.latency,
        ];
        for part in parts {
            self.change(|scenario| part(&mut scenario.network.link, usual));
        }
        for latency in simpler_latencies(self.scenario.network.link.latency) {
            self.change(|scenario| scenario.network.link.latency = latency);
        }
        for place in 0..self.scenario.network.overrides.len() {
            self.exception(place);
        }
    }

    /// An exception that changes less, or by a plainer latency.
    fn exception(&mut self, place: usize) {
        let change = self.scenario.network.overrides[place].change;
        if let Some(latency) = change.latency {
            for simpler in simpler_latencies(latency) {
                self.change(|scenario| {
                    scenario.network.overrides[place].change.latency = Some(simpler);
                });
            }
        }
    }

    fn faults(&mut self) {
        for place in 0..self.scenario.faults.len() {
            let fault = &self.scenario.faults[place];
            let failures = fault.failures.clone();
            for earlier in (0..fault.configuration).take(2) {
                self.change(|scenario| scenario.faults[place].configuration = earlier);
            }
            for trigger in earlier(fault.trigger) {
                self.change(|scenario| scenario.faults[place].trigger = trigger);
            }
            for (which, failure) in failures.into_iter().enumerate() {
                for weaker in weaker_failures(failure) {
                    self.change(|scenario| scenario.faults[place].failures[which] = weaker);
                }
            }
        }
    }

    fn partitions(&mut self) {
        for place in 0..self.scenario.network.partitions.len() {
            self.partition(place);
        }
    }

    fn partition(&mut self, place: usize) {
        let Partition { from_ns, until_ns, mut cut } =
            self.scenario.network.partitions[place].clone();
        let mut on = |change: &dyn Fn(&mut Partition)| {
            self.change(|scenario| change(&mut scenario.network.partitions[place]));
        };
        on(&|partition| partition.from_ns = 0);
        for until in shorter(until_ns.unwrap_or(600 * SECOND_NS).saturating_sub(from_ns)) {
            on(&|partition| partition.until_ns = Some(from_ns + until));
        }
        let sizes: Vec<usize> = groups(&mut cut).iter().map(|group| group.len()).collect();
        for (group, size) in sizes.into_iter().enumerate().filter(|(_, size)| *size > 1) {
            for member in 0..size {
                on(&|partition| {
                    groups(&mut partition.cut)[group].remove(member);
                });
            }
        }
    }

    fn processes(&mut self) {
        for place in 0..self.scenario.processes.len() {
            let process = &self.scenario.processes[place];
            let none = ProcessTrouble::none(process.which);
            let pauses = process.pauses.clone();
            let crashes = process.crashes.clone();
            let mut on = |change: &dyn Fn(&mut ProcessTrouble)| {
                self.change(|scenario| change(&mut scenario.processes[place]));
            };
            on(&|process| process.clock_offset_ns = none.clock_offset_ns);
            on(&|process| process.clock_rate_ppb = none.clock_rate_ppb);
            for (which, Crash { at_ns, restart }) in crashes.into_iter().enumerate() {
                // Who stands still has at least not forgotten anything.
                on(&|process| {
                    process.crashes.remove(which);
                    process.pauses.push(Pause { at_ns, for_ns: 60 * SECOND_NS });
                });
                on(&|process| process.crashes[which].at_ns = 0);
                let Some(Restart { after_ns, with_memory }) = restart else {
                    continue;
                };
                on(&|process| process.crashes[which].restart = None);
                for after_ns in shorter(after_ns) {
                    let restart = Restart { after_ns, with_memory };
                    on(&|process| process.crashes[which].restart = Some(restart));
                }
                let restart = Restart { after_ns, with_memory: true };
                on(&|process| process.crashes[which].restart = Some(restart));
            }
            for (which, Pause { for_ns, .. }) in pauses.into_iter().enumerate() {
                on(&|process| process.pauses[which].at_ns = 0);
                for shorter in shorter(for_ns) {
                    on(&|process| process.pauses[which].for_ns = shorter);
                }
            }
        }
    }

    fn workloads(&mut self) {
        for client in 0..self.scenario.clients.len() {
            let items = self.scenario.clients[client].workload.items().to_vec();
            for (place, item) in items.iter().enumerate() {
                for simpler in simpler_items(item) {
                    let mut items = items.clone();
                    items[place] = simpler;
                    self.change(|scenario| {
                        let pool = scenario.pool.clone();
                        scenario.clients[client].workload = Workload::new(items, pool);
                    });
                }
            }
        }
    }

    /// The usual pool and limits, a seed that is easy to remember. Limits are never cut: what is
    /// left has to come to its end when the bug is mended, which may take longer than to show it.
    fn rest(&mut self) {
        if self.scenario.limits.time_ns >= Limits::USUAL.time_ns {
            self.change(|scenario| scenario.limits = Limits::USUAL);
        }
        let is_fixed = |item: &Item| !matches!(item, Item::Pseudorandom { .. });
        if self.scenario.clients.iter().all(|client| client.workload.items().iter().all(is_fixed)) {
            self.change(|scenario| {
                scenario.pool = Default::default();
                for client in &mut scenario.clients {
                    let items = client.workload.items().to_vec();
                    client.workload = Workload::new(items, scenario.pool.clone());
                }
            });
        }
        self.change(|scenario| scenario.seed = 0);
        let Network { link, .. } = &self.scenario.network;
        if link.retransmit_ns != Link::default().retransmit_ns {
            let usual = Link::default().retransmit_ns;
            self.change(|scenario| scenario.network.link.retransmit_ns = usual);
        }
    }
}

/// One delay for all, then one of two digits less.
fn simpler_latencies(latency: Latency) -> Vec<Latency> {
    let fixed = |ns| Latency::Fixed { ns };
    match latency {
        Latency::Fixed { ns } => shorter(ns).map(fixed).collect(),
        Latency::Uniform { low_ns, high_ns } => vec![fixed(low_ns), fixed(high_ns)],
        Latency::Exponential { mean_ns } => vec![fixed(mean_ns)],
        Latency::LongTail { median_ns, p99_ns } => vec![fixed(median_ns), fixed(p99_ns)],
    }
}

/// Shorter times that are easy to read, the shortest first.
fn shorter(ns: u64) -> impl Iterator<Item = u64> {
    let plain = [1, 10, 100, 1_000, 4_000, 10_000, 60_000].map(|ms| ms * MILLISECOND_NS);
    plain.into_iter().filter(move |shorter| *shorter < ns)
}

/// Earlier messages of the same kind, of the same client and of the first.
fn earlier(trigger: Trigger) -> Vec<Trigger> {
    let number = trigger.number();
    let mut earlier: Vec<Trigger> =
        smaller(number).map(|number| trigger.with_number(number)).collect();
    if trigger.client().is_some_and(|client| client > 0) {
        earlier.push(trigger.with_client(0));
    }
    earlier
}

/// Smaller numbers, the smallest first.
fn smaller(number: u64) -> impl Iterator<Item = u64> {
    let first = 0..number.min(4);
    let rest = [number / 2, number.saturating_sub(1)];
    first.chain(rest.into_iter().filter(move |smaller| (4..number).contains(smaller)))
}

/// What is weaker than a failure, the weakest first: to be late for a while, to be gone, to keep
/// silent once, to lie less.
fn weaker_failures(failure: Failure) -> Vec<Failure> {
    let sleeps = [1, 100, 1_000, 4_000, 10_000, 60_000];
    let sleeps = sleeps.map(|milliseconds| Failure::Sleep { milliseconds }).into_iter();
    match failure {
        Failure::Sleep { milliseconds } => {
            let is_less = |sleep: &Failure| sleep.argument().is_some_and(|ms| ms < milliseconds);
            sleeps.filter(is_less).collect()
        }
        Failure::Crash => sleeps.collect(),
        Failure::Drop | Failure::OmitSend => sleeps.chain([Failure::Crash]).collect(),
        lie => {
            let silent = sleeps.chain([Failure::Crash, Failure::Drop]);
            let less = lie.argument().into_iter().flat_map(smaller);
            let less = less.map(|number| lie.with_argument(number));
            silent.chain(less).collect()
        }
    }
}

/// Fewer draws; an operation that changes less, or a shorter value.
fn simpler_items(item: &Item) -> Vec<Item> {
    let operation = match item {
        Item::Fixed(operation) => operation,
        Item::Pseudorandom { seed, count } => {
            let fewer = smaller(*count).map(|count| Item::Pseudorandom { seed: *seed, count });
            return fewer.collect();
        }
        Item::Reconfigure => return Vec::new(),
    };
    let key = operation.key();
    let simpler = match operation {
        Operation::Get { .. } => vec![],
        Operation::Put { value, .. } if value.as_str() == "a" => vec![Operation::get(key)],
        Operation::Put { .. } | Operation::Append { .. } | Operation::Slice { .. } => {
            vec![Operation::get(key), Operation::put(key, "a")]
        }
    };
    simpler.into_iter().map(Item::Fixed).collect()
}
