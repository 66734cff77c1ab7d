//! Processes that make processes.

use super::*;

/// Makes a child, writes to it, and tries to make it a second time.
fn parent(_: &mut Notebook, _: Now, input: In, out: &mut Out) {
    if let Input::Start { .. } = input {
        out.spawn(toy(5).identity, 1);
        out.send(toy(5).identity, Ping(1));
        out.spawn(toy(5).identity, 1);
    }
}

#[test]
fn a_child_is_started_before_it_gets_what_was_sent_after_its_birth() {
    let mut world = world(settings(1, &[parent, scribe]), 1);
    let child = world.notes_after_run(toy(5));
    assert_eq!(child, ["start at 0", "Ping(1) from other 0 at 0"]);
}

#[test]
fn births_stand_in_the_log_and_a_second_one_is_in_vain() {
    let log = log_of(&mut world(settings(1, &[parent, idle]), 1));
    let log: Vec<_> = log.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(
        log,
        [
            "#1 other 0: born content=0",
            "#2 <1 other 0: started",
            "#3 <2 other 5: born content=1",
            "#4 <2 other 0: sent ping to=other 5 content=1",
            "#5 <2 other 0: in_vain action=spawn whom=other 5",
            "#6 <3 other 5: started",
            "#7 <4 other 5: received ping from=other 0 sent=4 content=1",
        ]
    );
}

/// Makes the next one, as long as there are numbers.
fn begets(book: &mut Notebook, _: Now, input: In, out: &mut Out) {
    match input {
        Input::Start { .. } => out.send(toy(0).identity, Ping(1)),
        Input::Message { .. } => {
            book.count += 1;
            if book.count < 50_000 {
                out.spawn(toy(book.count as u32).identity, 0);
            }
        }
        _ => {}
    }
}

/// Makes one with the next number at once when it starts.
fn chain(_: &mut Notebook, now: Now, input: In, out: &mut Out) {
    if let Input::Start { entropy } = input
        && entropy[0] != 0
    {
        let number = u32::from_le_bytes([entropy[1], entropy[2], entropy[3], 0]);
        out.spawn(toy(number + now.monotonic_ns as u32).identity, 0);
    }
}

#[test]
fn long_lines_of_descent_need_no_deep_stack() {
    let mut world = world(settings(1, &[begets]), 1);
    assert!(world.run(&mut ()).is_quiet());
    assert_eq!(world.processes().count(), 50_000);
    for seed in 0..20 {
        let stop = super::world(settings(seed, &[chain]), 1).run(&mut ());
        assert!(stop.is_quiet(), "{stop}");
    }
}
