//! An idle day: a hundred processes, each with a timer that runs out every hour.
//!
//! `idle` runs one day a thousand times and prints what one took; run under
//! `valgrind --tool=callgrind` with `idle 1` for the number of instructions.

use std::time::Duration;

use perjury::choice::{Name, Subject};
use perjury::identity::Identity;
use perjury::process::{Input, Message, Note, Outbox, Process, Protocol};
use perjury::scenario::Limits;
use perjury::sim::{Settings, World};
use perjury::time::{HOUR_NS, Now};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug)]
struct Idle;

/// Nobody says anything.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Nothing {}

impl Note for Nothing {}

impl Message for Nothing {
    fn kind(&self) -> Name {
        match *self {}
    }

    fn subject(&self) -> Subject {
        match *self {}
    }
}

#[derive(Clone, Copy, Debug)]
struct Sleeper;

impl Protocol for Idle {
    const NAME: &'static str = "idle";
    type Message = Nothing;
    type Timer = ();
    type Note = Nothing;
    type Birth = ();
    type Command = ();
    type Answer = ();
    type Process = Sleeper;

    fn born((): ()) -> Sleeper {
        Sleeper
    }
}

impl Process<Idle> for Sleeper {
    fn handle(&mut self, _: Now, _: Input<Idle>, out: &mut Outbox<Idle>) {
        out.set_timer((), HOUR_NS);
    }
}

/// Runs a day; returns how many steps it had.
fn day() -> u64 {
    let limits = Limits { time_ns: 24 * HOUR_NS, ..Limits::default() };
    let mut world = World::new(Settings { limits, ..Settings::<Idle>::new(1) });
    for number in 0..100 {
        world.spawn(Identity::other(number), ());
    }
    world.run(&mut ());
    world.stats().steps
}

/// The time that a run takes is what is measured here.
#[allow(clippy::disallowed_types, clippy::disallowed_methods, clippy::print_stdout)]
fn main() {
    let days: u32 = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1_000);
    let start = std::time::Instant::now();
    let steps: u64 = (0..days).map(|_| day()).sum();
    let each: Duration = start.elapsed() / days.max(1);
    println!(
        "a day of 100 processes with hourly timers: {each:?}, {} steps",
        steps / u64::from(days.max(1))
    );
}
