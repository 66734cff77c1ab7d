//! Clocks that are ahead, too fast, or set while they run.

use super::*;
use crate::scenario::{Jump, Party, ProcessTrouble};
use crate::time::{SECOND_NS, WALL_START_NS};

/// Writes its two clocks down at each timer, four seconds of its own apart.
fn reads(book: &mut Notebook, now: Now, input: In, out: &mut Out) {
    let ahead_ns = i128::from(now.wall_ns) - i128::from(WALL_START_NS + now.monotonic_ns);
    book.write(format!("{} s, wall {} s", now.monotonic_ns / SECOND_NS, ahead_ns / 1_000_000_000));
    if matches!(input, Input::Start { .. } | Input::Timer(_)) && book.count < 3 {
        book.count += 1;
        out.set_timer('t', 4 * SECOND_NS);
    }
}

fn troubled(change: impl FnOnce(&mut ProcessTrouble)) -> World<Toy> {
    let mut trouble = ProcessTrouble::none(Party::All);
    change(&mut trouble);
    world(Settings { troubles: vec![trouble], ..settings(1, &[reads]) }, 1)
}

#[test]
fn an_offset_shows_on_the_wall_clock_alone() {
    let mut world = troubled(|trouble| trouble.clock_offset_ns = Some(-3_000_000_000));
    let notes = ["0 s, wall -3 s", "4 s, wall -3 s", "8 s, wall -3 s", "12 s, wall -3 s"];
    assert_eq!(world.notes_after_run(toy(0)), notes);
    assert_eq!(world.now_ns(), 12 * SECOND_NS);
}

#[test]
fn a_fast_clock_runs_its_timers_out_early() {
    let mut world = troubled(|trouble| trouble.clock_rate_ppb = Some(2_000_000_000));
    let notes = ["0 s, wall 0 s", "4 s, wall 0 s", "8 s, wall 0 s", "12 s, wall 0 s"];
    assert_eq!(world.notes_after_run(toy(0)), notes);
    assert_eq!(world.now_ns(), 6 * SECOND_NS);
}

#[test]
fn a_later_trouble_changes_only_the_knobs_that_it_names() {
    let rate = Some(2_000_000_000);
    let all = ProcessTrouble { clock_rate_ppb: rate, ..ProcessTrouble::none(Party::All) };
    let offset =
        |ns| ProcessTrouble { clock_offset_ns: Some(ns), ..ProcessTrouble::none(Party::All) };
    let troubles = vec![all, offset(1_000_000_000), offset(2_000_000_000)];
    let mut world = world(Settings { troubles, ..settings(1, &[reads]) }, 1);
    let notes = ["0 s, wall 2 s", "4 s, wall 2 s", "8 s, wall 2 s", "12 s, wall 2 s"];
    assert_eq!(world.notes_after_run(toy(0)), notes);
    assert_eq!(world.now_ns(), 6 * SECOND_NS, "the clock is fast still");
}

#[test]
fn a_jump_moves_the_wall_clock_and_no_timer() {
    let mut world = troubled(|trouble| {
        trouble.jumps.push(Jump { at_ns: 5 * SECOND_NS, by_ns: 3_600_000_000_000 });
        trouble.jumps.push(Jump { at_ns: 9 * SECOND_NS, by_ns: -7_200_000_000_000 });
    });
    let log = log_of(&mut world);
    let notes = ["0 s, wall 0 s", "4 s, wall 0 s", "8 s, wall 3600 s", "12 s, wall -3600 s"];
    assert_eq!(world.notes(toy(0)), notes);
    let set = log.iter().find(|line| line.contains("clock_set")).unwrap();
    assert!(set.ends_with("other 0: clock_set ahead_ns=3600000000000"), "{set}");
}
