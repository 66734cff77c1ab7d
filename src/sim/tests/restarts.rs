//! Crashes, and lives after them.

use super::*;
use crate::scenario::{Crash, Party, ProcessTrouble, Restart};
use crate::sim::Action;
use crate::time::MILLISECOND_NS as MS;

/// Persists its first word, counts what it is told, and sets a timer.
fn forgetful(book: &mut Notebook, now: Now, input: In, out: &mut Out) {
    match &input {
        Input::Start { .. } => {
            out.persist(3, *b"word");
            out.set_timer('t', 5 * MS);
        }
        Input::Restart { survived, .. } => {
            book.count = survived.get(&3).map_or(0, |bytes| bytes.len() as u64);
        }
        _ => {}
    }
    scribe(book, now, input, out);
}

fn sends_each_millisecond(book: &mut Notebook, _: Now, input: In, out: &mut Out) {
    if matches!(input, Input::Start { .. } | Input::Timer(_)) && book.count < 6 {
        out.send(toy(0).identity, Ping(book.count));
        out.set_timer('n', MS);
        book.count += 1;
    }
}

fn restarted(with_memory: bool) -> World<Toy> {
    let mut world = world(settings(1, &[forgetful, sends_each_millisecond]), 2);
    world.plan(2 * MS, toy(0), Action::Crash);
    world.plan(4 * MS, toy(0), Action::Restart { with_memory });
    world
}

#[test]
fn a_restart_with_memory_finds_what_was_persisted_and_nothing_else() {
    let mut world = restarted(true);
    let notes = world.notes_after_run(toy(0));
    assert_eq!(notes[0], "restart with {3: [119, 111, 114, 100]} at 4");
    assert_eq!(notes[1], "Ping(4) from other 1 at 4");
    assert!(!notes.iter().any(|note| note.contains("timer")), "timers die with a life");
    assert_eq!(world.process(toy(0)).map(|actor| actor.notebook.count), Some(4));
}

#[test]
fn crashes_of_a_scenario_come_at_their_times() {
    let restart = Some(Restart { after_ns: 2 * MS, with_memory: true });
    let mut trouble = ProcessTrouble::none(Party::All);
    trouble.crashes.push(Crash { at_ns: 2 * MS, restart });
    trouble.crashes.push(Crash { at_ns: 6 * MS, restart: None });
    let settings = settings(1, &[forgetful]);
    let mut world = world(Settings { troubles: vec![trouble], ..settings }, 1);
    let log = log_of(&mut world);
    let lives = log.iter().filter(|line| line.contains("crashed") || line.contains("restarted"));
    let lives: Vec<&str> = lives.map(String::as_str).collect();
    let [first, restarted, last] = lives[..] else {
        panic!("{log:#?}");
    };
    assert!(restarted.starts_with("0.004") && restarted.ends_with("survived=1"), "{log:#?}");
    assert!(first.starts_with("0.002") && last.starts_with("0.006"), "{log:#?}");
    assert!(world.process(toy(0)).is_none());
}

#[test]
fn a_restart_without_memory_finds_nothing() {
    let mut world = restarted(false);
    assert_eq!(world.notes_after_run(toy(0))[0], "restart with {} at 4");
}

#[test]
fn what_arrives_between_two_lives_is_lost_and_said_to_be() {
    let mut world = restarted(true);
    let log = log_of(&mut world);
    let lost: Vec<_> = log.iter().filter(|line| line.contains("lost")).collect();
    assert_eq!(lost.len(), 2, "those of 2 ms and 3 ms: {log:#?}");
    assert!(lost.iter().all(|line| line.contains("other 1: lost") && line.contains("why=gone")));
}

#[test]
fn a_message_on_its_way_over_a_crash_and_a_restart_arrives_at_the_new_life() {
    let mut world = world(settings(1, &[scribe, sends_each_millisecond]), 2);
    world.plan(10_000, toy(0), Action::Crash);
    world.plan(20_000, toy(0), Action::Restart { with_memory: false });
    assert_eq!(world.notes_after_run(toy(0))[1], "Ping(0) from other 1 at 0");
    assert_eq!(world.stats().lost, 0);
}

#[test]
fn what_cannot_be_done_to_a_process_is_said_to_be_in_vain() {
    let stops: Manner = |_, _, input, out| {
        if let Input::Start { .. } = input {
            out.stop();
        }
    };
    let mut world = world(settings(1, &[idle, stops]), 2);
    world.plan(1, toy(0), Action::Restart { with_memory: true });
    world.plan(2, toy(1), Action::Restart { with_memory: true });
    world.plan(3, toy(1), Action::Crash);
    world.plan(4, toy(9), Action::Pause { for_ns: 1 });
    world.command(5, toy(9), "nobody".into());
    let log = log_of(&mut world);
    let vain: Vec<_> = log.iter().filter_map(|line| line.split("in_vain ").nth(1)).collect();
    assert_eq!(
        vain,
        [
            "action=restart whom=other 0",
            "action=restart whom=other 1",
            "action=crash whom=other 1",
            "action=pause whom=other 9",
            "action=a command from outside whom=other 9",
        ]
    );
    assert_eq!(world.stats().in_vain, 5);
}
