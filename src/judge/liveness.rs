//! How long a run may take to come to rest: liveness, with a bound.
//!
//! A scenario has two phases. In the first its troubles happen: failures, crashes, partitions. When
//! the last of them is over the second begins, in which every request must be answered and every
//! process come to rest. How long that may take is worked out here, from the scenario alone. It is
//! generous, so that no sound run is blamed, and finite, so that one which goes round in circles
//! is.
//!
//! # The bound
//!
//! With *T* the end of the last trouble, there is time, twice,
//!
//! * *to notice*: a client asks everybody, a replica's timer runs out, its plea is repeated:
//!   2 (client + the longer of head and non-head + Olympus) timeouts;
//! * *to reconfigure*: Olympus tries at most 5 (t + 1) quorums in vain, each for as long as it has
//!   become patient; its patience doubles once for all the time before *T*, so that it is at most
//!   2 (*T* + its timeout);
//!
//! and then for all requests of the client that has most, one after the other, and ten more. A
//! configuration that begins after *T* has no failing replica, so nothing needs to be noticed a
//! third time. Where a delay may by chance be longer than any timeout, each request of every client
//! may need all of that once more.
//!
//! A protocol of one's own says through how many messages an answer comes and how long its
//! processes wait for it, and so does the unreplicated server; twice as many attempts as there are
//! replicas, for each request of all clients and ten more, must then do.
//!
//! # Where nothing is demanded
//!
//! Where a partition never ends, Olympus crashes, datagrams are lost, bandwidth is limited,
//! messages go by priority, or a timeout is not longer than the way through the chain and back at
//! usual delays: those of ninety-nine in a hundred messages. Nor is anything demanded for a client
//! that crashed and does not live again to go on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use crate::choice::exponential;
use crate::identity::Identity;
use crate::scenario::{
    Bcr, Crash, Latency, Link, LinkKind, LinkOverride, Pace, Party, Probability, ProcessTrouble,
    Protocol, Scenario, Schedule,
};
use crate::sim::Patience;
use crate::time::Span;

/// Why no rest is demanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoDemand {
    /// A partition never ends.
    Partition,
    /// Datagrams are lost.
    Loss,
    /// A link carries only so much at a time.
    Bandwidth,
    /// Messages go by priority, not by time.
    Priorities,
    /// Olympus is to crash, who is trusted never to.
    Olympus,
    /// The protocol does not say how soon it answers.
    NoPace,
    /// It ran on sockets, where nobody knows how long anything takes.
    RealTime,
    /// A timeout is over before an answer can be there.
    Timeout {
        /// Whose.
        whose: &'static str,
        /// How long it is.
        timeout_ns: u64,
        /// How long the answer may well take.
        takes_ns: u64,
    },
}

impl Display for NoDemand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoDemand::Partition => f.write_str("a partition never ends"),
            NoDemand::Loss => f.write_str("datagrams are lost"),
            NoDemand::Bandwidth => f.write_str("a link's bandwidth is limited"),
            NoDemand::Olympus => f.write_str("Olympus crashes, who is trusted never to"),
            NoDemand::NoPace => f.write_str("the protocol does not say how soon it answers"),
            NoDemand::RealTime => f.write_str("it ran in real time"),
            NoDemand::Priorities => f.write_str("messages go by priority, whatever time it takes"),
            NoDemand::Timeout { whose, timeout_ns, takes_ns } => {
                let (timeout, takes) = (Span(*timeout_ns), Span(*takes_ns));
                write!(f, "the {whose} timeout ({timeout}) may be over before the answer ({takes})")
            }
        }
    }
}

/// How long a run of this scenario may take to come to rest.
pub fn patience(scenario: &Scenario) -> Result<Patience, NoDemand> {
    patience_where(scenario, 0)
}

/// The same where every message takes so much longer than the scenario's network says.
pub fn patience_where(scenario: &Scenario, longer_ns: u64) -> Result<Patience, NoDemand> {
    let planned_ns = planned_troubles_end(scenario).ok_or(NoDemand::Partition)?;
    let mut delay = delay(scenario)?;
    delay.usual_ns = delay.usual_ns.saturating_add(longer_ns);
    match &scenario.protocol {
        Protocol::Bcr(knobs) => of_bcr(scenario, knobs, planned_ns, delay),
        Protocol::Solo(knobs) => {
            let pace = Pace { trips: 2, timeout_ns: knobs.client_timeout_ns };
            of_own(scenario, Some(pace), planned_ns, delay)
        }
        Protocol::Own(own) => of_own(scenario, own.pace, planned_ns, delay),
    }
}

/// The rates of the slowest and of the fastest clock.
fn rates(scenario: &Scenario) -> (u64, u64) {
    let own = scenario.processes.iter().filter_map(|process| process.clock_rate_ppb);
    let mut all: Vec<u64> = own.chain([ProcessTrouble::TRUE_RATE_PPB]).collect();
    all.sort_unstable();
    (all[0], all[all.len() - 1])
}

/// A time by a clock of this rate, in true time.
fn truly(ns: u64, rate_ppb: u64) -> u64 {
    let product = u128::from(ns) * u128::from(ProcessTrouble::TRUE_RATE_PPB);
    u64::try_from(product / u128::from(rate_ppb.max(1))).unwrap_or(u64::MAX)
}

/// A protocol of one's own says how long an answer takes. Every request of every client may meet
/// each replica in vain, twice, and get in the way of all others.
fn of_own(
    scenario: &Scenario,
    pace: Option<Pace>,
    planned_ns: u64,
    delay: Delay,
) -> Result<Patience, NoDemand> {
    let Pace { trips, timeout_ns } = pace.ok_or(NoDemand::NoPace)?;
    let takes_ns = delay.usual_ns.saturating_mul(u64::from(trips));
    let (slowest, fastest) = rates(scenario);
    let shortest_ns = truly(timeout_ns, fastest);
    if shortest_ns <= takes_ns {
        let (whose, timeout_ns) = ("client", shortest_ns);
        return Err(NoDemand::Timeout { whose, timeout_ns, takes_ns });
    }
    let counts = scenario.clients.iter().map(|client| client.workload.demand_count());
    let requests = counts.fold(10, u64::saturating_add);
    let attempts = requests.saturating_mul(2 * (u64::from(scenario.protocol.replicas()) + 1));
    let attempt_ns = truly(timeout_ns, slowest).saturating_add(takes_ns);
    Ok(Patience { planned_ns, least_ns: attempts.saturating_mul(attempt_ns), growth: 1 })
}

fn of_bcr(
    scenario: &Scenario,
    knobs: &Bcr,
    planned_ns: u64,
    delay: Delay,
) -> Result<Patience, NoDemand> {
    let crashes = |process: &&ProcessTrouble| !process.crashes.is_empty();
    let mut crashing = scenario.processes.iter().filter(crashes);
    if crashing.any(|process| process.which.covers(Identity::OLYMPUS)) {
        return Err(NoDemand::Olympus);
    }
    let (slowest, fastest) = rates(scenario);
    Waits::at_rate(knobs, fastest).outlast(knobs.t, delay)?;
    let slowest = Waits::at_rate(knobs, slowest);
    let counts = scenario.clients.iter().map(|client| client.workload.demand_count());
    let requests = counts.clone().fold(0, u64::max).saturating_add(10);
    let trip_ns = delay.usual_ns.saturating_mul(u64::from(4 * knobs.t + 6));
    let troubles = match delay.is_bounded {
        true => 2,
        false => counts.fold(2, u64::saturating_add),
    };
    let least_ns = requests.saturating_mul(trip_ns);
    let least_ns = least_ns.saturating_add(slowest.trouble_ns(knobs.t).saturating_mul(troubles));
    Ok(Patience { planned_ns, least_ns, growth: 2 * trials(knobs.t) })
}

/// How many quorums may be tried in vain when everybody answers who can.
const fn trials(t: u32) -> u64 {
    5 * (t as u64 + 1)
}

/// When the last partition, pause, crash or step of a clock is over; none if one never is.
fn planned_troubles_end(scenario: &Scenario) -> Option<u64> {
    let mut last_ns = 0;
    for partition in &scenario.network.partitions {
        last_ns = last_ns.max(partition.until_ns?);
    }
    for process in &scenario.processes {
        let crashes = process.crashes.iter().map(Crash::end_ns);
        let pauses = process.pauses.iter().map(|pause| pause.at_ns.saturating_add(pause.for_ns));
        let jumps = process.jumps.iter().map(|jump| jump.at_ns);
        last_ns = pauses.chain(jumps).chain(crashes).fold(last_ns, u64::max);
    }
    Some(last_ns)
}

/// How long messages take.
#[derive(Clone, Copy, Debug)]
struct Delay {
    /// Ninety-nine in a hundred take no longer.
    usual_ns: u64,
    /// Whether none does.
    is_bounded: bool,
}

/// Ninety-nine in a hundred answers are larger.
const RARE: u64 = u64::MAX / 100;

/// The slowest of all links that there are. Where exceptions overlap, a link has the knobs of all
/// that cover it; which these are depends on who is covered by their two ends, and there are far
/// fewer sorts of parties in this than parties.
fn delay(scenario: &Scenario) -> Result<Delay, NoDemand> {
    let network = &scenario.network;
    let sorts: BTreeMap<Vec<[bool; 2]>, Identity> = parties(scenario)
        .map(|who| {
            let covered = |over: &LinkOverride| [over.from.covers(who), over.to.covers(who)];
            (network.overrides.iter().map(covered).collect(), who)
        })
        .collect();
    let mut slowest = Delay { usual_ns: 0, is_bounded: true };
    for from in sorts.values() {
        for to in sorts.values() {
            let delay = link_delay(&network.link(*from, *to), scenario.schedule)?;
            slowest.usual_ns = slowest.usual_ns.max(delay.usual_ns);
            slowest.is_bounded &= delay.is_bounded;
        }
    }
    Ok(slowest)
}

/// Everybody whom an exception could cover in another way than others: replicas of the first
/// configuration, of those that are named, and of one that is not.
fn parties(scenario: &Scenario) -> impl Iterator<Item = Identity> {
    let ends = scenario.network.overrides.iter().flat_map(|over| [over.from, over.to]);
    let named = ends.filter_map(|party| match party {
        Party::Replica { configuration, .. } => Some(configuration),
        _ => None,
    });
    let mut configurations: BTreeSet<u32> = named.chain([0]).collect();
    configurations.extend((0..).find(|number| !configurations.contains(number)));
    let replicas = scenario.protocol.replicas();
    let replicas = configurations.into_iter().flat_map(move |configuration| {
        (0..replicas).map(move |position| Identity::replica(configuration, position))
    });
    let clients = (0..scenario.clients.len() as u32).map(Identity::client);
    std::iter::once(Identity::OLYMPUS).chain(clients).chain(replicas)
}

fn link_delay(link: &Link, schedule: Schedule) -> Result<Delay, NoDemand> {
    if link.bandwidth.is_some() {
        return Err(NoDemand::Bandwidth);
    }
    let chance = |usual_ns| Delay { usual_ns, is_bounded: false };
    let sure = |usual_ns| Delay { usual_ns, is_bounded: true };
    let mut delay = match (schedule, link.latency) {
        (Schedule::Pct { .. }, _) => return Err(NoDemand::Priorities),
        (Schedule::Random { mean_ns }, _) | (_, Latency::Exponential { mean_ns }) => {
            chance(exponential(RARE, mean_ns))
        }
        (_, Latency::Fixed { ns }) => sure(ns),
        (_, Latency::Uniform { high_ns, .. }) => sure(high_ns),
        (_, Latency::LongTail { p99_ns, .. }) => chance(p99_ns),
    };
    if link.loss != Probability::NEVER {
        if link.kind == LinkKind::Datagram {
            return Err(NoDemand::Loss);
        }
        let losses = u64::from(link.loss.run_length(RARE, u32::MAX));
        let repairs_ns = link.retransmit_ns.saturating_mul(losses);
        delay = chance(delay.usual_ns.saturating_add(repairs_ns));
    }
    if link.kind == LinkKind::Datagram && link.reorder != Probability::NEVER {
        delay.usual_ns = delay.usual_ns.saturating_mul(2);
    }
    Ok(delay)
}

/// How long the processes wait.
struct Waits {
    client_ns: u64,
    head_ns: u64,
    nonhead_ns: u64,
    olympus_ns: u64,
}

impl Waits {
    /// In true time, where their clocks run at this rate.
    fn at_rate(knobs: &Bcr, rate_ppb: u64) -> Waits {
        let truly = |ns| truly(ns, rate_ppb);
        Waits {
            client_ns: truly(knobs.client_timeout_ns),
            head_ns: truly(knobs.head_timeout_ns),
            nonhead_ns: truly(knobs.nonhead_timeout_ns),
            olympus_ns: truly(knobs.olympus_timeout_ns),
        }
    }

    /// Whether every answer is usually there before its timeout.
    fn outlast(&self, t: u32, delay: Delay) -> Result<(), NoDemand> {
        for (whose, timeout_ns, hops) in [
            ("client", self.client_ns, 2 * t + 2),
            ("head", self.head_ns, 4 * t),
            ("nonhead", self.nonhead_ns, 4 * t + 1),
            ("olympus", self.olympus_ns, 2),
        ] {
            let takes_ns = delay.usual_ns.saturating_mul(u64::from(hops));
            if timeout_ns <= takes_ns {
                return Err(NoDemand::Timeout { whose, timeout_ns, takes_ns });
            }
        }
        Ok(())
    }

    /// How long it may take to notice what is wrong and to reconfigure, if that had to be done at
    /// the beginning.
    fn trouble_ns(&self, t: u32) -> u64 {
        let waits_ns = self.client_ns.saturating_add(self.head_ns.max(self.nonhead_ns));
        let notice_ns = waits_ns.saturating_add(self.olympus_ns).saturating_mul(2);
        notice_ns.saturating_add(self.olympus_ns.saturating_mul(2 * trials(t)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Workload;
    use crate::scenario::{Client, Cut, LinkChange, Partition, Pause};
    use crate::time::SECOND_NS;

    fn plain() -> Scenario {
        Scenario::new(Protocol::Bcr(Bcr::default()))
    }

    #[test]
    fn the_bound_is_minutes_and_grows_with_the_last_trouble() {
        let patience = patience(&plain()).unwrap();
        // To notice, 18 s; to reconfigure, 60 s; both twice; ten requests of ten messages, 10 ms.
        assert_eq!(patience.ends_ns(0), 156 * SECOND_NS + 10_000_000);
        assert_eq!(patience.ends_ns(SECOND_NS), patience.ends_ns(0) + 21 * SECOND_NS);
    }

    #[test]
    fn what_is_planned_counts_as_trouble() {
        let mut scenario = plain();
        let pauses = vec![Pause { at_ns: 5 * SECOND_NS, for_ns: SECOND_NS }];
        let which = crate::scenario::Party::All;
        scenario.processes.push(ProcessTrouble { pauses, ..ProcessTrouble::none(which) });
        assert_eq!(patience(&scenario).unwrap().planned_ns, 6 * SECOND_NS);
    }

    /// Each of two exceptions is harmless; on links that both cover, messages are lost.
    #[test]
    fn where_exceptions_overlap_both_count() {
        let datagrams = LinkChange { kind: Some(LinkKind::Datagram), ..LinkChange::default() };
        let lossy = LinkChange {
            loss: Some(Probability::from_bits(u64::MAX / 2)),
            retransmit_ns: Some(1),
            ..LinkChange::default()
        };
        let mut scenario = plain();
        let exception = |from, change| LinkOverride { from, to: Party::Olympus, change };
        scenario.network.overrides =
            vec![exception(Party::Clients, datagrams), exception(Party::Position(2), lossy)];
        assert!(patience(&scenario).is_ok());
        scenario.network.overrides[1].from = Party::All;
        assert!(patience(&scenario).is_ok(), "there are no clients");
        let workload = Workload::new(Vec::new(), scenario.pool.clone());
        scenario.clients.push(Client { workload });
        assert_eq!(patience(&scenario), Err(NoDemand::Loss));
    }

    #[test]
    fn nothing_is_demanded_where_nothing_can_be() {
        let refused = |change: fn(&mut Scenario)| {
            let mut scenario = plain();
            change(&mut scenario);
            patience(&scenario).unwrap_err()
        };
        let for_ever = |scenario: &mut Scenario| {
            let cut = Cut::Groups(Vec::new());
            scenario.network.partitions.push(Partition { from_ns: 0, until_ns: None, cut });
        };
        assert_eq!(refused(for_ever), NoDemand::Partition);
        assert_eq!(refused(|s| s.network.link.bandwidth = Some(1)), NoDemand::Bandwidth);
        let by_priority = |s: &mut Scenario| s.schedule = Schedule::Pct { changes: 1, length: 9 };
        assert_eq!(refused(by_priority), NoDemand::Priorities);
        let loses = |s: &mut Scenario| {
            s.network.link.kind = LinkKind::Datagram;
            s.network.link.loss = Probability::from_decimal("0.1").unwrap();
        };
        assert_eq!(refused(loses), NoDemand::Loss);
        let slow = |s: &mut Scenario| s.network.link.latency = Latency::Fixed { ns: SECOND_NS };
        let whose = "client";
        let (timeout_ns, takes_ns) = (3 * SECOND_NS, 4 * SECOND_NS);
        assert_eq!(refused(slow), NoDemand::Timeout { whose, timeout_ns, takes_ns });
    }
}
