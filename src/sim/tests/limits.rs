//! Where a run is given up, and what idle time costs.

use super::*;
use crate::scenario::{Latency, Limits, Link, Network};
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

fn limited(time_ns: u64, events: u64) -> Settings<Toy> {
    Settings { limits: Limits { time_ns, events }, ..settings(1, &[echoes, echoes]) }
}

#[test]
fn a_limit_on_time_ends_the_run_before_it_is_passed() {
    let mut world = world(limited(10 * MS, u64::MAX), 2);
    assert_eq!(world.run(&mut ()), Stop::TimeLimit(10 * MS));
    assert!(world.now_ns() <= 10 * MS);
    let steps = world.stats().steps;
    assert_eq!(world.run(&mut ()), Stop::TimeLimit(10 * MS));
    assert_eq!(world.stats().steps, steps, "what was next is still next");
}

#[test]
fn a_limit_on_events_ends_the_run() {
    let mut world = world(limited(u64::MAX, 100), 2);
    assert_eq!(world.run(&mut ()), Stop::EventLimit(100));
    assert_eq!(world.stats().steps, 100);
}

fn at_one_instant(manner: Manner) -> Stop {
    let link = Link { latency: Latency::Fixed { ns: 0 }, ..Link::default() };
    let network = Network { link, ..Network::default() };
    let settings =
        Settings { network, steps_at_one_instant: 10_000, ..settings(1, &[idle, manner, manner]) };
    world(settings, 3).run(&mut ())
}

#[test]
fn messages_without_end_at_one_instant_name_process_and_kind() {
    let stop = at_one_instant(|_, _, input, out| match input {
        Input::Message { from, message } => out.send(from, message),
        _ => out.send(toy(1).identity, Pong(3)),
    });
    let text = "events without end at 0.000000000: other 1 is handed pong again and again";
    assert!(stop.to_string() == text || stop.to_string() == text.replace("1 is", "2 is"), "{stop}");
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
