//! Where a run is given up, and what idle time costs.

use super::*;
use crate::scenario::{Latency, Limits, Link, LinkKind, Network};
use crate::sim::Stop;
use crate::time::{HOUR_NS, MILLISECOND_NS as MS};

/// Answers every saying with the other one, for ever.
fn echoes(_: &mut Notebook, _: Now, input: In, out: &mut Out) {
    match input {
        Input::Message { from, message: Ping(n) } => out.send(from, Pong(n)),
        Input::Message { from, message: Pong(n) } => out.send(from, Ping(n)),
        Input::Start { .. } => out.send(toy(1).identity, Ping(0)),
        _ => {}
    }
}

/// Hears a lot and says nothing.
fn hourly(_: &mut Notebook, _: Now, input: In, out: &mut Out) {
    if matches!(input, Input::Start { .. } | Input::Timer(_)) {
        out.set_timer('h', HOUR_NS);
    }
}

fn limited(time_ns: u64, steps: u64) -> Settings<Toy> {
    Settings { limits: Limits { time_ns, steps }, ..settings(1, &[echoes, echoes]) }
}

#[test]
fn a_limit_on_time_ends_the_run_before_it_is_passed() {
    let mut world = world(limited(10 * MS, u64::MAX), 2);
    assert_eq!(world.run(&mut ()), Stop::TimeLimit(10 * MS));
    assert_eq!(world.now_ns(), 10 * MS);
    let steps = world.stats().steps;
    assert_eq!(world.run(&mut ()), Stop::TimeLimit(10 * MS));
    assert_eq!(world.stats().steps, steps, "what was next is still next");
}

#[test]
fn a_limit_on_steps_ends_the_run_at_the_same_step_watched_or_not() {
    let limited = || world(limited(u64::MAX, 100), 2);
    let mut watched = limited();
    log_of(&mut watched);
    assert_eq!(watched.run(&mut ()), Stop::StepLimit(100));
    assert_eq!(watched.stats().steps, 100);
    let mut unwatched = limited();
    assert_eq!(unwatched.run(&mut ()), Stop::StepLimit(100));
    assert_eq!(unwatched.stats(), watched.stats(), "watching does not make a run shorter");
}

/// Does everything once of which the trace tells.
fn busy(book: &mut Notebook, _: Now, input: In, out: &mut Out) {
    book.count += 1;
    let count = book.count;
    out.note(|| Mark(count));
    if count < 4 {
        out.send(toy(1).identity, Ping(count));
        out.send(toy(9).identity, Ping(count));
        out.set_timer('t', 5);
        out.set_timer('u', 5);
        out.cancel_timer('u');
        out.persist(count, *b"x");
    }
    match input {
        Input::Start { .. } => {
            out.spawn(toy(2).identity, 0);
            out.spawn(toy(1).identity, 0);
        }
        Input::Command { .. } => {
            out.stop();
            out.note(|| Mark(0));
        }
        _ => {}
    }
}

#[test]
fn all_is_counted_alike_whether_anybody_sees_it_or_not() {
    use crate::scenario::Probability;
    use crate::sim::Action;
    let half = Probability::from_bits(1 << 63);
    let link = Link { loss: half, duplicate: half, kind: LinkKind::Datagram, ..Link::default() };
    let run = |watched: bool| {
        let network = Network { link, ..Network::default() };
        let mut world = world(Settings { network, ..settings(3, &[busy, busy]) }, 2);
        world.plan(7, toy(0), Action::Pause { for_ns: 3 });
        world.plan(20, toy(0), Action::SetClock { by_ns: 1 });
        world.plan(90, toy(0), Action::Crash);
        world.plan(99, toy(0), Action::Restart { with_memory: true });
        world.plan(99, toy(7), Action::Crash);
        world.command(100, toy(1), String::new());
        let log = if watched { log_of(&mut world).len() as u64 } else { 0 };
        assert_eq!(world.events(), log, "every event is a line");
        (world.run(&mut ()), world.stats(), log)
    };
    let (stop, stats, log) = run(true);
    assert_eq!(log, 144);
    assert_eq!(run(false), (stop, stats, 0));
}

#[test]
fn a_run_that_ends_at_its_limit_has_ended() {
    let run = |steps| {
        let limits = Limits { steps, ..Limits::default() };
        let mut world = world(Settings { limits, ..settings(1, &[scribe, busy]) }, 2);
        log_of(&mut world);
        (world.stats().steps, world.run(&mut ()))
    };
    let (all, stop) = run(u64::MAX);
    assert_eq!(stop, Stop::Quiet);
    assert_eq!(run(all), (all, Stop::Quiet));
    assert_eq!(run(1).1, Stop::StepLimit(1));
}

fn at_one_instant(manner: Manner) -> Stop {
    let link = Link { latency: Latency::Fixed { ns: 0 }, ..Link::default() };
    let network = Network { link, ..Network::default() };
    let limits = Limits { steps: 100_000, ..Limits::default() };
    let manners = [idle, manner, manner];
    let settings =
        Settings { network, limits, steps_at_one_instant: 10_000, ..settings(1, &manners) };
    let run = |watched: bool| {
        let mut world = world(settings.clone(), 3);
        if watched {
            log_of(&mut world);
        }
        (world.run(&mut ()), world.stats())
    };
    assert_eq!(run(true), run(false), "watching changes nothing");
    run(false).0
}

#[test]
fn much_that_is_new_may_happen_at_one_instant() {
    let counts: Manner = |_, _, input, out| match input {
        Input::Message { from, message: Ping(n) } if n < 20_000 => out.send(from, Ping(n + 1)),
        Input::Start { .. } => out.send(toy(1).identity, Ping(0)),
        _ => {}
    };
    assert_eq!(at_one_instant(counts), Stop::Quiet);
}

#[test]
fn new_messages_without_end_at_one_instant_are_named_at_the_limit() {
    let stop = at_one_instant(|_, _, input, out| match input {
        Input::Message { from, message: Ping(n) } => out.send(from, Ping(n + 1)),
        _ => out.send(toy(1).identity, Ping(0)),
    });
    let text = "the limit on steps was reached (100000), and time stands at 0.000000000: ";
    assert!(stop.to_string().starts_with(text), "{stop}");
    assert!(stop.to_string().ends_with("is handed ping most often"), "{stop}");
}

#[test]
fn notes_and_timers_are_no_progress() {
    let stop = at_one_instant(|book, _, _, out| {
        book.count += 1;
        let count = book.count;
        out.note(|| Mark(count));
        out.set_timer('t', 0);
    });
    assert!(matches!(stop, Stop::Endless { kind: "a timer", .. }), "{stop}");
}

#[test]
fn messages_without_end_at_one_instant_name_process_and_kind() {
    let stop = at_one_instant(|_, _, input, out| match input {
        Input::Message { from, message } => out.send(from, message),
        _ => out.send(toy(1).identity, Pong(3)),
    });
    let text = "events without end at 0.000000000: other 1 is handed pong again and again";
    assert_eq!(stop.to_string(), text);
}

#[test]
fn timers_stalls_and_writes_without_end_are_named_too() {
    let culprit = |manner| match at_one_instant(manner) {
        Stop::Endless { kind, .. } => kind,
        other => panic!("{other}"),
    };
    assert_eq!(culprit(|_, _, _, out| out.set_timer('t', 0)), "a timer");
    assert_eq!(culprit(|_, _, _, out| out.persist(0, *b"x")), "what it persists");
    assert_eq!(culprit(|_, _, input, out| out.stall(0, input)), "what it stood still at");
}

#[test]
fn more_pending_than_allowed_ends_the_run() {
    let floods: Manner = |book, _, _, out| {
        for _ in 0..10 {
            out.send(toy(0).identity, Ping(book.count));
            book.count += 1;
        }
    };
    let settings = Settings { most_pending: 1_000, ..settings(1, &[floods]) };
    let stop = world(settings.clone(), 1).run(&mut ());
    assert!(matches!(stop, Stop::TooMuchPending { most: 1_000, .. }), "{stop}");
    let mut asleep = world(settings, 1);
    asleep.plan(0, toy(0), crate::sim::Action::Pause { for_ns: HOUR_NS });
    for number in 0..2_000 {
        asleep.command(number, toy(0), String::new());
        asleep.step(&mut ());
    }
    assert!(matches!(asleep.run(&mut ()), Stop::TooMuchPending { .. }));
}

#[test]
fn an_idle_day_costs_a_step_for_each_timer() {
    let limits = Limits { time_ns: 24 * HOUR_NS, ..Limits::default() };
    let settings = Settings { limits, ..settings(1, &[hourly as Manner; 100]) };
    let mut world = world(settings, 100);
    assert_eq!(world.run(&mut ()), Stop::TimeLimit(24 * HOUR_NS));
    assert_eq!((world.now_ns(), world.stats().steps), (24 * HOUR_NS, 100 * 25));
}
