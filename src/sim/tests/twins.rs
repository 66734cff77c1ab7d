//! One identity, two processes.

use super::*;

fn greets_both(_: &mut Notebook, _: Now, input: In, out: &mut Out) {
    if let Input::Start { .. } = input {
        out.send(toy(1).identity, Ping(7));
    }
}

fn twins() -> World<Toy> {
    let mut world = world(settings(1, &[greets_both, scribe]), 2);
    world.spawn(toy(1).identity, 1);
    world
}

#[test]
fn a_message_to_an_identity_reaches_each_of_its_processes() {
    let mut world = twins();
    let second = Address { twin: 1, ..toy(1) };
    assert_eq!(world.notes_after_run(toy(1)), ["start at 0", "Ping(7) from other 0 at 0"]);
    assert_eq!(world.notes(second), world.notes(toy(1)));
    assert_eq!(world.stats().sent, 2);
}

#[test]
fn twins_send_under_one_name_and_the_log_tells_them_apart() {
    let both_send: Manner = |_, _, input, out| {
        if let Input::Start { .. } = input {
            out.send(toy(0).identity, Pong(0));
        }
    };
    let mut world = world(settings(1, &[scribe, both_send]), 2);
    world.spawn(toy(1).identity, 1);
    let log = log_of(&mut world);
    let came = "Pong(0) from other 1 at 0";
    assert_eq!(world.notes(toy(0)), ["start at 0", came, came]);
    let received: Vec<_> = log.iter().filter(|line| line.contains(": received")).collect();
    assert!(received[0].contains("from=other 1 sent="), "{received:?}");
    assert!(received[1].contains("from=other 1 twin 1 sent="), "{received:?}");
}

#[test]
fn twins_crash_apart() {
    let mut world = twins();
    world.plan(0, Address { twin: 1, ..toy(1) }, crate::sim::Action::Crash);
    assert_eq!(world.notes_after_run(toy(1)).len(), 2);
    assert_eq!(world.processes().count(), 2);
    assert_eq!(world.stats().lost, 1);
}

#[test]
fn no_two_lives_and_no_two_twins_have_the_same_entropy() {
    let choices = world(settings(1, &[]), 0).choices().clone();
    let others = world(settings(2, &[]), 0).choices().clone();
    let mut seen = std::collections::BTreeSet::new();
    for identity in [Identity::OLYMPUS, Identity::client(0), Identity::replica(0, 0)] {
        for (twin, life) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (31, 0)] {
            assert!(seen.insert(choices.entropy(Address { identity, twin }, life)));
            assert!(seen.insert(others.entropy(Address { identity, twin }, life)));
        }
    }
}
