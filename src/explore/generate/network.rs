//! How messages travel: links, schedule, partitions.

use crate::choice::{Name, Subject};
use crate::explore::dice::{Dice, Odds};
use crate::explore::kinds::Kinds;
use crate::explore::menu::Menu;
use crate::scenario::{
    Cut, Latency, Link, LinkChange, LinkKind, LinkOverride, Network, Partition, Party, Probability,
    Scenario, Schedule,
};
use crate::time::{MICROSECOND_NS, MILLISECOND_NS, SECOND_NS};

const LATENCY: Name = Name::new("latency");
const LOSS: Name = Name::new("loss");
const DATAGRAM: Name = Name::new("datagram");
const LINK: Name = Name::new("link");
const PARTITION: Name = Name::new("partition");
const BURST: Name = Name::new("burst");
const SCHEDULE: Name = Name::new("schedule");
const FROM: Name = Name::new("from");
const UNTIL: Name = Name::new("until");
const SIDE: Name = Name::new("side of the cut");
const ONE_WAY: Name = Name::new("one way");

/// Draws what the base leaves open.
pub(super) fn draw(kinds: &Kinds, scenario: &mut Scenario, dice: &mut Dice) {
    if scenario.network.link == Link::default() {
        scenario.network.link = link(kinds, dice);
    }
    if scenario.schedule == Schedule::Timed {
        scenario.schedule = schedule(kinds, dice);
    }
    let parties = parties(scenario);
    let network = &mut scenario.network;
    if kinds.has("link") && dice.chance(LINK, Subject::default(), Odds(1, 2)) {
        network.overrides.push(bad_link(&parties, dice));
    }
    partitions(kinds, &parties, network, dice);
}

fn at(number: u64) -> Subject {
    Subject::number(number)
}

/// Thousandths, fewer than all, as a probability: as if it had been written so.
fn thousandths(some: u64) -> Probability {
    Probability::from_decimal(&format!("0.{some:03}")).unwrap_or_default()
}

fn link(kinds: &Kinds, dice: &mut Dice) -> Link {
    let mut link = Link::default();
    if kinds.has("latency") {
        link.latency = latency(dice, 0);
    }
    if kinds.has("loss") && dice.chance(LOSS, at(0), Odds(1, 2)) {
        link.loss = thousandths(dice.pick(LOSS, at(1), &[5, 20, 100, 300]));
    }
    // No rest can be demanded of datagrams that are lost, so most runs have streams.
    if kinds.has("datagram") && dice.chance(DATAGRAM, at(0), Odds(1, 3)) {
        link.kind = LinkKind::Datagram;
        link.duplicate = thousandths(dice.pick(DATAGRAM, at(1), &[0, 10, 100, 500]));
        link.reorder = thousandths(dice.pick(DATAGRAM, at(2), &[0, 10, 100, 500]));
    }
    link
}

fn latency(dice: &mut Dice, which: u64) -> Latency {
    let of = |part| Subject::of(which + 1, part);
    let ns = dice.time_ns(LATENCY, of(0), (100 * MICROSECOND_NS, 50 * MILLISECOND_NS));
    let ns = round(ns);
    match dice.between(LATENCY, of(1), (0, 3)) {
        0 => Latency::Fixed { ns },
        1 => Latency::Uniform { low_ns: ns, high_ns: 5 * ns },
        2 => Latency::Exponential { mean_ns: ns },
        _ => Latency::LongTail { median_ns: ns, p99_ns: 20 * ns },
    }
}

/// Two digits are as good as nine.
pub(super) fn round(ns: u64) -> u64 {
    let unit = 10_u64.pow(ns.max(1).ilog10().saturating_sub(1));
    ns / unit * unit
}

fn schedule(kinds: &Kinds, dice: &mut Dice) -> Schedule {
    let drawn = dice.between(SCHEDULE, at(0), (0, 5));
    match drawn {
        0 | 1 if kinds.has("random") => {
            let mean_ns = dice.time_ns(SCHEDULE, at(1), (MILLISECOND_NS, 400 * MILLISECOND_NS));
            Schedule::Random { mean_ns: round(mean_ns) }
        }
        2 if kinds.has("pct") => {
            let changes = dice.between(SCHEDULE, at(2), (0, 5)) as u32;
            Schedule::Pct { changes, length: dice.pick(SCHEDULE, at(3), &[100, 300, 1_000]) }
        }
        _ => Schedule::Timed,
    }
}

/// Who may be cut off: everybody by himself.
pub(super) fn parties(scenario: &Scenario) -> Vec<Party> {
    let menu = Menu::of(&scenario.protocol);
    let positions = 0..menu.positions();
    let olympus = menu.has_olympus().then_some(Party::Olympus);
    let clients = 0..scenario.clients.len() as u32;
    let clients = clients.take(8).map(Party::Client);
    olympus.into_iter().chain(positions.map(Party::Position)).chain(clients).collect()
}

fn bad_link(parties: &[Party], dice: &mut Dice) -> LinkOverride {
    let from = dice.pick(LINK, at(1), parties);
    let to = dice.pick(LINK, at(2), &[parties, &[Party::All]].concat());
    let mut change = LinkChange::default();
    match dice.between(LINK, at(3), (0, 1)) {
        0 => change.latency = Some(latency(dice, 1)),
        _ => change.loss = Some(thousandths(dice.pick(LINK, at(4), &[100, 500, 900]))),
    }
    LinkOverride { from, to, change }
}

fn partitions(kinds: &Kinds, parties: &[Party], network: &mut Network, dice: &mut Dice) {
    if kinds.has("partition") {
        for number in 0..dice.between(PARTITION, at(0), (0, 2)) {
            let cut = cut(parties, dice, number);
            network.partitions.push(partition(cut, 30 * SECOND_NS, dice, number));
        }
    }
    if kinds.has("burst") {
        for number in 0..dice.between(BURST, at(0), (0, 3)) {
            let which = |part| Subject::of(number + 1, part);
            let from = vec![dice.pick(BURST, which(0), parties)];
            let to = vec![dice.pick(BURST, which(1), parties)];
            let cut = Cut::OneWay { from, to };
            network.partitions.push(partition(cut, SECOND_NS, dice, 100 + number));
        }
    }
}

fn partition(cut: Cut, longest_ns: u64, dice: &mut Dice, number: u64) -> Partition {
    let from_ns = round(dice.time_ns(FROM, at(number), (MILLISECOND_NS, 20 * SECOND_NS)));
    let lasts_ns = round(dice.time_ns(UNTIL, at(number), (MILLISECOND_NS, longest_ns)));
    Partition { from_ns, until_ns: Some(from_ns + lasts_ns), cut }
}

/// Two groups, neither of them empty; or from the one to the other only.
fn cut(parties: &[Party], dice: &mut Dice, number: u64) -> Cut {
    let mut groups = [Vec::new(), Vec::new()];
    for (place, party) in (0..).zip(parties) {
        let side = dice.between(SIDE, Subject::of(number, place), (0, 1));
        groups[side as usize].push(*party);
    }
    if let Some(empty) = groups.iter().position(Vec::is_empty) {
        let last = groups[1 - empty].pop();
        groups[empty].extend(last);
    }
    let [from, to] = groups;
    match dice.chance(ONE_WAY, at(number), Odds(1, 4)) {
        true => Cut::OneWay { from, to },
        false => Cut::Groups(vec![from, to]),
    }
}
