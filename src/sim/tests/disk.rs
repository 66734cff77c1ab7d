//! What is persisted: what waits for it, and what a crash leaves.

use super::*;
use crate::sim::Action;
use crate::time::MILLISECOND_NS as MS;

/// Sends 1, persists, sends 2, sets a timer, persists again, sends 3.
fn careful(book: &mut Notebook, now: Now, input: In, out: &mut Out) {
    if let Input::Start { .. } = input {
        out.send(toy(1).identity, Ping(1));
        out.persist(1, *b"a");
        out.send(toy(1).identity, Ping(2));
        out.set_timer('t', MS);
        out.persist(2, *b"b");
        out.send(toy(1).identity, Ping(3));
    }
    scribe(book, now, input, out);
}

fn disk(disk_ms: u64) -> Settings<Toy> {
    Settings { disk_ns: disk_ms * MS, ..settings(1, &[careful, scribe]) }
}

#[test]
fn what_stands_after_persist_waits_and_what_stands_before_does_not() {
    let mut world = world(disk(10), 2);
    let heard = world.notes_after_run(toy(1));
    assert_eq!(
        heard,
        [
            "start at 0",
            "Ping(1) from other 0 at 0",
            "Ping(2) from other 0 at 10",
            "Ping(3) from other 0 at 20",
        ]
    );
    assert_eq!(
        world.notes(toy(0)),
        ["start at 0", "timer t at 1", "persisted 1 at 10", "persisted 2 at 20"]
    );
}

#[test]
fn persisted_comes_after_what_waited_has_left() {
    let log = log_of(&mut world(disk(10), 2));
    let at = |text: &str| log.iter().position(|line| line.contains(text)).unwrap();
    assert!(at("persisted shelf=1") < at("sent ping to=other 1 content=2"));
    assert!(at("sent ping to=other 1 content=2") < at("persisting shelf=2"));
}

#[test]
fn a_crash_before_the_bytes_are_safe_may_or_may_not_keep_them() {
    let kept = |seed| {
        let mut world = world(Settings { seed, ..disk(10) }, 2);
        world.plan(15 * MS, toy(0), Action::Crash);
        world.plan(16 * MS, toy(0), Action::Restart { with_memory: true });
        let note = world.notes_after_run(toy(0))[0].clone();
        assert!(world.notes(toy(1)).len() == 3, "what waited for the second is lost");
        match note.as_str() {
            "restart with {1: [97]} at 16" => 0,
            "restart with {1: [97], 2: [98]} at 16" => 1,
            other => panic!("{other}"),
        }
    };
    let kept: u32 = (0..100).map(kept).sum();
    assert!((30..70).contains(&kept), "{kept} of 100");
}

#[test]
fn nothing_leaves_a_process_that_stands_still_though_its_bytes_are_safe() {
    let mut world = world(disk(10), 2);
    world.plan(5 * MS, toy(0), Action::Pause { for_ns: 10 * MS });
    assert_eq!(world.notes_after_run(toy(1))[2], "Ping(2) from other 0 at 15");
    assert_eq!(world.notes(toy(0))[2], "persisted 1 at 15");
    let mut crashed = super::world(disk(10), 2);
    crashed.plan(5 * MS, toy(0), Action::Pause { for_ns: 10 * MS });
    crashed.plan(12 * MS, toy(0), Action::Crash);
    crashed.plan(13 * MS, toy(0), Action::Restart { with_memory: true });
    assert_eq!(crashed.notes_after_run(toy(0)), ["restart with {1: [97]} at 13"]);
}

#[test]
fn a_stop_waits_for_the_disk() {
    let stops: Manner = |_, _, input, out| {
        if let Input::Start { .. } = input {
            out.persist(1, *b"a");
            out.stop();
        }
    };
    let settings = Settings { disk_ns: MS, ..settings(1, &[stops]) };
    let log = log_of(&mut world(settings, 1));
    assert!(log.last().unwrap().starts_with("0.001000000"), "{log:?}");
    assert!(log.last().unwrap().ends_with("other 0: stopped"), "{log:?}");
}
