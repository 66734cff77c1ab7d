//! Processes that stand still.

use super::*;
use crate::scenario::{Party, Pause, ProcessTrouble};
use crate::sim::Action;
use crate::time::MILLISECOND_NS as MS;

fn ticks(book: &mut Notebook, _: Now, input: In, out: &mut Out) {
    if matches!(input, Input::Start { .. } | Input::Timer(_)) && book.count < 5 {
        out.send(toy(1).identity, Ping(book.count));
        out.set_timer('n', MS);
        book.count += 1;
    }
}

/// Sets one timer, then writes everything down.
fn waits(book: &mut Notebook, now: Now, input: In, out: &mut Out) {
    if let Input::Start { .. } = input {
        out.set_timer('t', 3 * MS);
    }
    scribe(book, now, input, out);
}

#[test]
fn what_came_meanwhile_is_taken_in_order_and_timers_fire_late() {
    let mut world = world(settings(1, &[ticks, waits]), 2);
    world.plan(MS, toy(1), Action::Pause { for_ns: 9 * MS });
    let mut expected = vec!["start at 0".to_owned(), "Ping(0) from other 0 at 0".to_owned()];
    expected.extend((1..5).map(|n| format!("Ping({n}) from other 0 at 10")));
    expected.push("timer t at 10".to_owned());
    assert_eq!(world.notes_after_run(toy(1)), expected);
}

#[test]
fn the_backlog_goes_before_a_timer_that_is_due_at_the_instant_of_waking() {
    let mut world = world(settings(1, &[ticks, waits]), 2);
    world.plan(MS, toy(1), Action::Pause { for_ns: 2 * MS });
    let notes = world.notes_after_run(toy(1));
    assert_eq!(notes[2..4], ["Ping(1) from other 0 at 3", "Ping(2) from other 0 at 3"]);
    assert_eq!(notes[4], "timer t at 3");
}

#[test]
fn the_longer_of_two_pauses_counts() {
    let mut world = world(settings(1, &[ticks, waits]), 2);
    world.plan(MS, toy(1), Action::Pause { for_ns: 9 * MS });
    world.plan(2 * MS, toy(1), Action::Pause { for_ns: 2 * MS });
    world.plan(3 * MS, toy(1), Action::Pause { for_ns: 17 * MS });
    assert_eq!(world.notes_after_run(toy(1))[2], "Ping(1) from other 0 at 20");
}

#[test]
fn a_crash_ends_a_pause_and_loses_the_backlog() {
    let mut world = world(settings(1, &[ticks, waits]), 2);
    world.plan(0, toy(1), Action::Pause { for_ns: 9 * MS });
    world.plan(2 * MS + MS / 2, toy(1), Action::Crash);
    world.plan(3 * MS, toy(1), Action::Restart { with_memory: true });
    let notes = world.notes_after_run(toy(1));
    assert_eq!(notes[0], "restart with {} at 3");
    assert_eq!(notes[1..], ["Ping(3) from other 0 at 3", "Ping(4) from other 0 at 4"]);
    assert_eq!(world.stats().lost, 3);
}

#[test]
fn a_process_that_stands_still_from_the_beginning_starts_when_it_goes_on() {
    let mut trouble = ProcessTrouble::none(Party::All);
    trouble.pauses.push(Pause { at_ns: 0, for_ns: 4 * MS });
    let settings = Settings { troubles: vec![trouble], ..settings(1, &[waits]) };
    let notes = world(settings, 1).notes_after_run(toy(0));
    assert_eq!(notes, ["start at 4", "timer t at 7"]);
}

#[test]
fn a_stalled_input_is_taken_up_again_before_what_came_meanwhile_and_told_once() {
    let stalls: Manner = |book, now, input, out| {
        book.count += 1;
        match input {
            Input::Message { .. } if book.count == 3 => {
                book.write("stalls");
                out.stall(20 * MS, input);
            }
            _ => scribe(book, now, input, out),
        }
    };
    let mut world = world(settings(1, &[ticks, stalls]), 2);
    let log = log_of(&mut world);
    let mut expected = vec!["start at 0".into(), "Ping(0) from other 0 at 0".into()];
    expected.push("stalls".to_owned());
    expected.extend((1..5).map(|n| format!("Ping({n}) from other 0 at 21")));
    assert_eq!(world.notes(toy(1)), expected);
    assert_eq!(log.iter().filter(|line| line.contains("received ping")).count(), 5);
}
