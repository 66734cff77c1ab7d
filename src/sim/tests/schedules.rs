//! Schedules other than by time.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::network::{CLIENT, network, numbers, pair, received, sender};
use super::*;
use crate::scenario::{Cut, LinkKind, Network, Partition, Party, Schedule};
use crate::time::MILLISECOND_NS as MS;

const RANDOM: Schedule = Schedule::Random { mean_ns: 5 * MS };

/// Four that send one word each to toy 0 and set a timer.
fn order_of_arrival(seed: u64, schedule: Schedule) -> Vec<String> {
    let says: Manner = |_, _, input, out| {
        if let Input::Start { .. } = input {
            out.send(toy(0).identity, Ping(0));
        }
    };
    let settings = Settings { schedule, ..settings(seed, &[scribe, says, says, says, says]) };
    let notes = world(settings, 5).notes_after_run(toy(0));
    notes[1..].iter().map(|note| note.split(" at ").next().unwrap().to_owned()).collect()
}

#[test]
fn random_and_priorities_reach_every_order() {
    for schedule in [RANDOM, Schedule::Pct { changes: 0, length: 100 }] {
        let orders: BTreeSet<_> = (0..400).map(|seed| order_of_arrival(seed, schedule)).collect();
        assert_eq!(orders.len(), 24, "{schedule:?}");
    }
}

/// Two that flood toy 0, which sets a timer of 5 ms.
fn flooded(seed: u64, schedule: Schedule) -> Vec<String> {
    let floods: Manner = |book, _, input, out| {
        if matches!(input, Input::Start { .. } | Input::Timer(_)) && book.count < 100 {
            out.send(toy(0).identity, Ping(book.count));
            out.set_timer('n', 10_000);
            book.count += 1;
        }
    };
    let waits: Manner = |book, now, input, out| {
        if let Input::Start { .. } = input {
            out.set_timer('t', 5 * MS);
        }
        scribe(book, now, input, out);
    };
    let settings = Settings { schedule, ..settings(seed, &[waits, floods, floods]) };
    world(settings, 3).notes_after_run(toy(0))
}

/// By priorities, which change so often.
const fn pct(changes: u32) -> Schedule {
    Schedule::Pct { changes, length: 100 }
}

/// Whether all messages of one link come before all of the other's, but for the very first of all:
/// it may come before the other link has anything to say.
fn one_link_starves(seed: u64, schedule: Schedule) -> bool {
    let notes = flooded(seed, schedule);
    let senders = notes
        .iter()
        .filter_map(|note| ["other 1", "other 2"].into_iter().find(|toy| note.contains(toy)));
    let senders: Vec<&str> = senders.skip(1).collect();
    assert_eq!(senders.len(), 199, "{notes:?}");
    senders.windows(2).filter(|pair| pair[0] != pair[1]).count() == 1
}

#[test]
fn a_link_of_low_priority_starves_while_others_are_pending() {
    for seed in 0..20 {
        assert!(one_link_starves(seed, pct(0)), "seed {seed}");
        for other in [Schedule::Timed, RANDOM] {
            assert!(!one_link_starves(seed, other), "seed {seed}: {other:?}");
        }
    }
}

#[test]
fn a_timer_fires_in_time_whatever_waits() {
    let notes = flooded(1, pct(3));
    assert!(notes.contains(&"timer t at 5".to_owned()), "{notes:?}");
}

#[test]
fn priorities_change_and_each_link_stays_in_order() {
    let mut patterns = BTreeSet::new();
    for seed in 0..30 {
        let notes = flooded(seed, pct(4));
        for toy in ["other 1", "other 2"] {
            let words = notes.iter().filter(|note| note.contains(toy));
            let numbers = words.map(|word| word.split(')').next().unwrap().to_owned());
            assert!(numbers.eq((0..100).map(|n| format!("Ping({n}"))), "{notes:?}");
        }
        let firsts = notes.iter().filter(|note| note.contains("other 1"));
        patterns.insert(firsts.cloned().collect::<Vec<_>>());
    }
    assert!(patterns.len() > 15, "{}", patterns.len());
}

#[test]
fn a_partition_holds_under_priorities_too() {
    let (from, to) = (vec![Party::Replicas], vec![Party::Clients]);
    let cut = Cut::OneWay { from, to };
    let partitions = vec![Partition { from_ns: 0, until_ns: Some(10 * MS), cut }];
    let network = Network { partitions, ..Network::default() };
    let schedule = Schedule::Pct { changes: 2, length: 60 };
    let mut world = pair(Settings { network, schedule, ..settings(1, &[sender, numbers]) });
    while world.now_ns() < 9 * MS {
        world.step(&mut ());
    }
    assert!(world.notes(CLIENT).is_empty());
    assert_eq!(received(world), Vec::from_iter(0..60));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_stream_stays_one_under_any_schedule(
        seed: u64, by_priority: bool, changes in 0..9_u32, network in network(LinkKind::Stream),
    ) {
        let pct = Schedule::Pct { changes, length: 60 };
        let schedule = if by_priority { pct } else { RANDOM };
        let endless = network.partitions.iter().any(|partition| partition.until_ns.is_none());
        let settings = Settings { network, schedule, ..settings(seed, &[sender, numbers]) };
        let numbers = received(pair(settings));
        prop_assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{numbers:?}");
        prop_assert!(endless || numbers.len() == 60, "{} arrived", numbers.len());
    }
}
