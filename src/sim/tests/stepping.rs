//! A person who steps through a run: what is pending, what may go first; and clones of a world.

use super::network::{CLIENT, numbers, pair, sender};
use super::*;
use crate::scenario::{Cut, Latency, Link, LinkKind, Network, Partition, Party, Schedule};
use crate::sim::Pending;
use crate::time::MILLISECOND_NS as MS;

/// A world in which three words are under way.
fn under_way(kind: LinkKind, schedule: Schedule) -> World<Toy> {
    let latency = Latency::Uniform { low_ns: MS, high_ns: 9 * MS };
    let network = Network { link: Link { kind, latency, ..Link::default() }, ..Network::default() };
    let mut world = pair(Settings { network, schedule, ..settings(3, &[sender, numbers]) });
    world.step(&mut ());
    world.step(&mut ());
    world
}

fn texts(world: &World<Toy>) -> Vec<String> {
    world.pending().into_iter().map(|pending| pending.text).collect()
}

fn is_message(pending: &&Pending) -> bool {
    pending.text.starts_with("ping")
}

#[test]
fn of_a_stream_the_first_message_alone_can_be_chosen() {
    for schedule in [Schedule::Timed, Schedule::Pct { changes: 1, length: 60 }] {
        let world = under_way(LinkKind::Stream, schedule);
        let pending = world.pending();
        let words: Vec<_> = pending.iter().filter(is_message).collect();
        assert_eq!(words.len(), 1, "{pending:?}");
        assert_eq!((words[0].text.as_str(), words[0].behind), ("ping 0/0 from replica 0.0", 2));
        assert!(texts(&world).contains(&"timer 'n'".to_owned()));
    }
}

#[test]
fn any_datagram_can_go_first() {
    for number in 0..3 {
        let mut world = under_way(LinkKind::Datagram, Schedule::Timed);
        let text = format!("ping 0/{number} from replica 0.0");
        let chosen = world.pending().into_iter().find(|pending| pending.text == text).unwrap();
        assert!(world.prefer(&chosen));
        assert_eq!(texts(&world)[0], text);
        world.step(&mut ());
        assert_eq!(world.notes(CLIENT), [number.to_string()]);
        assert_eq!(world.now_ns(), 0, "no time passes");
        assert!(!world.prefer(&chosen), "it is no more pending");
    }
}

#[test]
fn choosing_again_and_again_keeps_a_stream_in_order() {
    for schedule in [Schedule::Timed, Schedule::Pct { changes: 9, length: 60 }] {
        let mut world = under_way(LinkKind::Stream, schedule);
        let mut steps = 0;
        while let Some(word) = world.pending().iter().find(is_message) {
            steps += 1;
            assert!(steps % 2 == 1 || world.prefer(word));
            world.step(&mut ());
        }
        world.run(&mut ());
        assert_eq!(world.notes(CLIENT), Vec::from_iter((0..60).map(|n| n.to_string())));
    }
}

#[test]
fn timers_and_what_a_partition_holds_cannot_be_chosen() {
    let (from, to) = (vec![Party::All], vec![Party::All]);
    let cut = Cut::OneWay { from, to };
    let partitions = vec![Partition { from_ns: 0, until_ns: Some(50 * MS), cut }];
    let network = Network { partitions, ..Network::default() };
    let mut world = pair(Settings { network, ..settings(3, &[sender, numbers]) });
    let starts = world.pending();
    assert_eq!(starts.len(), 2);
    world.step(&mut ());
    world.step(&mut ());
    for pending in starts.iter().chain(&world.pending()) {
        assert!(!world.clone().prefer(pending), "{pending:?}");
    }
    assert_eq!(world.run(&mut ()).to_string(), "nothing was left to do");
}

#[test]
fn a_cancelled_timer_is_not_pending_and_one_set_anew_is_when_it_is_due() {
    let sets: Manner = |_, _, _, out| {
        out.set_timer('a', MS);
        out.set_timer('a', 2 * MS);
        out.set_timer('b', MS);
        out.cancel_timer('b');
    };
    let mut world = world(settings(1, &[sets]), 1);
    world.step(&mut ());
    let pending = world.pending();
    assert_eq!((texts(&world), pending[0].at_ns), (vec!["timer 'a'".to_owned()], 2 * MS));
}

#[test]
fn a_clone_goes_on_as_the_original_does() {
    for schedule in [Schedule::Timed, Schedule::Pct { changes: 3, length: 60 }] {
        let mut world = under_way(LinkKind::Datagram, schedule);
        for _ in 0..20 {
            world.step(&mut ());
            let (mut twin, digest) = (world.clone(), digest_of(world.clone()));
            assert_eq!(digest_of(world.clone()), digest);
            twin.run(&mut ());
            assert_eq!(digest_of(world.clone()), digest, "a clone's run leaves the other alone");
        }
    }
}
