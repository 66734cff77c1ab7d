//! Partitions: who is cut off when, and what becomes of the messages.

use super::network::{CLIENT, REPLICA, over, received};
use super::*;
use crate::scenario::{Cut, Latency, Link, LinkKind, Network, Partition, Party};
use crate::time::MILLISECOND_NS as MS;

fn cut(from_ms: u64, until_ms: Option<u64>, one_way: [Party; 2]) -> Partition {
    let [from, to] = one_way.map(|party| vec![party]);
    let until_ns = until_ms.map(|ms| ms * MS);
    Partition { from_ns: from_ms * MS, until_ns, cut: Cut::OneWay { from, to } }
}

const THERE: [Party; 2] = [Party::Replicas, Party::Clients];
const BACK: [Party; 2] = [Party::Clients, Party::Replicas];

fn cut_off(kind: LinkKind, partitions: Vec<Partition>) -> World<Toy> {
    let link = Link { kind, latency: Latency::Fixed { ns: MS / 2 }, ..Link::default() };
    over(1, Network { link, partitions, ..Network::default() })
}

#[test]
fn a_stream_holds_back_until_the_cut_heals() {
    let mut world = cut_off(LinkKind::Stream, vec![cut(2, Some(30), THERE)]);
    let log = log_of(&mut world);
    let at = |number: u64| {
        let end = format!(" content={number}");
        let came = |line: &&String| line.contains("received ping") && line.ends_with(&end);
        log.iter().find(came).unwrap()[..5].to_owned()
    };
    assert_eq!([at(0), at(3), at(6), at(59)], ["0.000", "0.001", "0.030", "0.030"]);
    assert_eq!(world.notes(CLIENT).len(), 60);
}

#[test]
fn a_datagram_that_meets_a_cut_is_lost() {
    let numbers = received(cut_off(LinkKind::Datagram, vec![cut(2, Some(10), THERE)]));
    let through = (0..6).chain(30..60);
    assert_eq!(numbers, Vec::from_iter(through), "three each millisecond, lost from 2 ms to 9 ms");
}

#[test]
fn a_cut_one_way_leaves_the_other_way_open() {
    assert_eq!(received(cut_off(LinkKind::Datagram, vec![cut(0, None, BACK)])).len(), 60);
    assert!(received(cut_off(LinkKind::Datagram, vec![cut(0, None, THERE)])).is_empty());
}

#[test]
fn cuts_may_overlap() {
    let cuts = vec![cut(2, Some(6), THERE), cut(5, Some(8), THERE), cut(3, Some(4), THERE)];
    assert_eq!(received(cut_off(LinkKind::Stream, cuts.clone())).len(), 60);
    let through = (0..6).chain(24..60);
    assert_eq!(received(cut_off(LinkKind::Datagram, cuts)), Vec::from_iter(through));
}

#[test]
fn what_a_stream_is_held_for_ever_lets_nothing_past() {
    let link = Link { latency: Latency::Uniform { low_ns: 0, high_ns: 9 * MS }, ..Link::default() };
    let partitions = vec![cut(9, None, THERE)];
    for seed in 0..50 {
        let mut world =
            over(seed, Network { link, partitions: partitions.clone(), ..Network::default() });
        let log = log_of(&mut world);
        let held = log.iter().filter(|line| line.contains("replica 0.0: held")).count();
        let came = world.notes(CLIENT).len();
        assert_eq!(held + came, 60);
        assert_eq!(world.notes(CLIENT), Vec::from_iter((0..came).map(|n| n.to_string())));
        assert_eq!(world.stats().held, held as u64);
    }
    assert!(
        log_of(&mut cut_off(LinkKind::Stream, vec![])).iter().all(|line| !line.contains("held"))
    );
}

#[test]
fn groups_cut_each_other_off_and_nobody_else() {
    let groups = Cut::Groups(vec![
        vec![Party::Replica { configuration: 0, position: 0 }],
        vec![Party::Client(1)],
    ]);
    let partition = Partition { from_ns: 0, until_ns: None, cut: groups };
    assert_eq!(
        received(cut_off(LinkKind::Stream, vec![partition])).len(),
        60,
        "client 0 is in none"
    );
    assert_eq!(REPLICA.to_string(), "replica 0.0");
}
