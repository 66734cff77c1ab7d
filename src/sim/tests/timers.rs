//! Timers.

use super::*;
use crate::time::MILLISECOND_NS as MS;

/// Sets timers, sets one anew, cancels one; on 'c' cancels another that is due at the same instant.
fn setter(book: &mut Notebook, now: Now, input: In, out: &mut Out) {
    match input {
        Input::Start { .. } => {
            out.set_timer('a', 10 * MS);
            out.set_timer('b', 5 * MS);
            out.set_timer('a', 20 * MS);
            out.cancel_timer('b');
            out.cancel_timer('z');
            out.set_timer('c', 3 * MS);
            out.set_timer('d', 3 * MS);
            out.set_timer('e', 9 * MS);
            out.set_timer('e', 2 * MS);
        }
        Input::Timer('c') => out.cancel_timer('d'),
        _ => {}
    }
    scribe(book, now, input, out);
}

#[test]
fn one_timer_of_a_name_runs_and_a_cancelled_one_does_not_fire() {
    let mut world = world(settings(1, &[setter]), 1);
    let notes = world.notes_after_run(toy(0));
    assert_eq!(notes, ["start at 0", "timer e at 2", "timer c at 3", "timer a at 20"]);
    assert!(world.timers(toy(0)).is_empty());
}

#[test]
fn the_log_tells_of_timers_that_are_set_cancelled_and_fired() {
    let log = log_of(&mut world(settings(1, &[setter]), 1));
    let count = |word: &str| log.iter().filter(|line| line.contains(word)).count();
    assert_eq!(["timer_set", "timer_cancelled", "timer_fired"].map(count), [7, 2, 3]);
}

#[test]
fn running_timers_can_be_looked_at() {
    let mut world = world(settings(1, &[setter]), 1);
    world.step(&mut ());
    let timers: Vec<_> = world.timers(toy(0)).into_iter().collect();
    let due = [("'a'", 20), ("'c'", 3), ("'d'", 3), ("'e'", 2)];
    assert_eq!(timers, due.map(|(name, ms)| (name.to_owned(), ms * MS)));
}

#[test]
fn a_timer_of_no_length_fires_at_once_but_after_what_is_due() {
    let zero: Manner = |book, now, input, out| {
        if let Input::Start { .. } = input {
            out.set_timer('a', 0);
            out.send(toy(0).identity, Ping(1));
        }
        scribe(book, now, input, out);
    };
    let notes = world(settings(1, &[zero]), 1).notes_after_run(toy(0));
    assert_eq!(notes, ["start at 0", "timer a at 0", "Ping(1) from other 0 at 0"]);
}
