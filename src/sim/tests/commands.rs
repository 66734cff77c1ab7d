//! Questions from outside, and processes that answer later.

use super::*;
use crate::process::Ticket;
use crate::sim::Action;
use crate::time::MILLISECOND_NS as MS;

/// A door: asks the store on a command, and answers when the store has.
fn gateway(book: &mut Notebook, now: Now, input: In, out: &mut Out) {
    match input {
        Input::Command { ticket, .. } => out.send(toy(1).identity, Ping(ticket.0)),
        Input::Message { message: Pong(ticket), .. } => {
            out.answer(Ticket(ticket), format!("stored by {} ms", now.monotonic_ns / MS));
        }
        _ => book.count += 1,
    }
}

/// A store that takes its time: it is a process like any other, at an address.
fn slow_store(book: &mut Notebook, _: Now, input: In, out: &mut Out) {
    match input {
        Input::Message { message: Ping(number), .. } => {
            book.count = number;
            out.set_timer('d', 20 * MS);
        }
        Input::Timer('d') => out.send(toy(0).identity, Pong(book.count)),
        _ => {}
    }
}

#[test]
fn a_command_is_answered_under_its_ticket_by_way_of_a_process_that_waits() {
    let mut world = world(settings(1, &[gateway, slow_store]), 2);
    let first = world.command(3 * MS, toy(0), "store".into());
    let second = world.command(50 * MS, toy(0), "store".into());
    assert!(world.run(&mut ()).is_quiet());
    let answers = [(first, "stored by 23 ms".into()), (second, "stored by 70 ms".into())];
    assert_eq!(world.take_answers(), answers);
    assert_eq!(world.take_answers(), []);
}

#[test]
fn a_command_and_its_answer_are_events() {
    let echo: Manner = |_, _, input, out| {
        if let Input::Command { ticket, command } = input {
            out.answer(ticket, command);
        }
    };
    let mut world = world(settings(1, &[echo]), 1);
    world.command(1, toy(0), "hello".into());
    let log = log_of(&mut world);
    assert_eq!(
        log[2..],
        [
            "0.000000001 #3 other 0: commanded ticket=1 content=\"hello\"",
            "0.000000001 #4 <3 other 0: answered ticket=1 content=\"hello\"",
        ]
    );
}

#[test]
fn a_command_waits_for_a_process_that_stands_still() {
    let mut world = world(settings(1, &[scribe]), 1);
    world.plan(MS, toy(0), Action::Pause { for_ns: 10 * MS });
    world.command(2 * MS, toy(0), "later".into());
    assert_eq!(world.notes_after_run(toy(0)), ["start at 0", "command later at 11"]);
}
