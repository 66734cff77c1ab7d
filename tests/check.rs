//! A run that is not the same in another process is found out, and the first event that differs is
//! named. The planted faults are the usual ones: the order of a hash map, a clock of the machine.
//!
//! This test program is its own second process: started with a word in its environment, it tells
//! its run instead of testing.

use std::io::{self, BufReader};
use std::process::{Command, Stdio};

use perjury::choice::{Name, Subject};
use perjury::identity::Identity;
use perjury::process::{Input, Message, Note, Outbox, Process, Protocol};
use perjury::sim::{Settings, World};
use perjury::time::Now;
use perjury::twice::{self, Comparison, Difference, Form};
use serde::{Deserialize, Serialize};

/// What is wrong with the process, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Planted {
    Nothing,
    HashMap,
    Clock,
}

impl Planted {
    const ALL: [(&'static str, Planted); 3] =
        [("nothing", Planted::Nothing), ("hash map", Planted::HashMap), ("clock", Planted::Clock)];
}

#[derive(Clone, Copy, Debug)]
struct Counting;

/// A number that goes back and forth.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Count {
    count: u64,
}

#[derive(Clone, Debug, Serialize)]
enum Told {
    Names { names: Vec<u64> },
}

impl Note for Told {}

impl Message for Count {
    fn kind(&self) -> Name {
        const COUNT: Name = Name::new("count");
        COUNT
    }

    fn subject(&self) -> Subject {
        Subject::number(self.count)
    }
}

impl Protocol for Counting {
    const NAME: &'static str = "counting";
    type Message = Count;
    type Timer = ();
    type Note = Told;
    type Birth = Planted;
    type Command = ();
    type Answer = ();
    type Process = Planted;

    fn born(birth: Planted) -> Planted {
        birth
    }
}

/// After so many messages the planted fault shows.
const SHOWS_AT: u64 = 900;

impl Process<Counting> for Planted {
    fn handle(&mut self, _: Now, input: Input<Counting>, out: &mut Outbox<Counting>) {
        let count = match input {
            Input::Start { .. } => 0,
            Input::Message { message, .. } => message.count + 1,
            _ => return,
        };
        if count == SHOWS_AT {
            let names = self.names();
            out.note(|| Told::Names { names });
        }
        if count < 2 * SHOWS_AT {
            out.send(Identity::other(0), Count { count });
        }
    }
}

impl Planted {
    #[expect(clippy::disallowed_types, reason = "this is what must be found out")]
    fn names(self) -> Vec<u64> {
        match self {
            Planted::Nothing => (0..16).collect(),
            Planted::HashMap => {
                let names: std::collections::HashMap<u64, ()> =
                    (0..16).map(|name| (name, ())).collect();
                names.into_keys().collect()
            }
            Planted::Clock => {
                let now = std::time::SystemTime::now();
                let since = now.duration_since(std::time::SystemTime::UNIX_EPOCH);
                vec![since.map_or(0, |since| since.as_nanos() as u64)]
            }
        }
    }
}

fn world(planted: Planted) -> World<Counting> {
    let mut world = World::new(Settings::new(1));
    world.spawn(Identity::other(0), planted);
    world
}

/// The words that make this program the second process.
const WORDS: [&str; 2] = ["PERJURY_TEST_PLANTED", "PERJURY_TEST_FORM"];

/// Not a test of its own: in the second process it tells the run on standard error, where the test
/// harness writes nothing.
#[test]
#[expect(clippy::disallowed_methods, reason = "the second process is told so what to do")]
fn tells_when_asked() {
    let Ok(planted) = std::env::var(WORDS[0]) else {
        return;
    };
    let found = Planted::ALL.into_iter().find(|(name, _)| *name == planted);
    let (_, planted) = found.expect("one of the planted faults");
    let mut told = io::stderr();
    match std::env::var(WORDS[1]).as_deref() {
        Ok("lines") => twice::tell_lines(world(planted), &mut told).ok(),
        _ => twice::tell_digests(world(planted), &mut told).ok(),
    };
}

fn compare(name: &str, planted: Planted) -> Comparison {
    twice::compare(&world(planted), |form| {
        let form = if form == Form::Lines { "lines" } else { "digests" };
        let output = Command::new(std::env::current_exe()?)
            .args(["--exact", "tells_when_asked", "--nocapture", "--test-threads=1"])
            .env(WORDS[0], name)
            .env(WORDS[1], form)
            .stdout(Stdio::null())
            .output()?;
        Ok(BufReader::new(io::Cursor::new(output.stderr)))
    })
    .expect("the second process tells its run")
}

#[test]
fn the_same_run_is_the_same() {
    assert!(matches!(compare("nothing", Planted::Nothing), Comparison::Same(_)));
}

#[test]
fn the_order_of_a_hash_map_and_a_clock_are_found_out() {
    for (name, planted) in &Planted::ALL[1..] {
        let Comparison::Differs(difference) = compare(name, *planted) else {
            panic!("the planted {name} is not found out");
        };
        let Difference { between, first, before } = &difference;
        let Some((Some(here), Some(there))) = first else { panic!("{name}: {difference}") };
        assert_ne!(here, there);
        for line in [here, there] {
            assert!(line.contains("noted Names"), "{name}: {difference}");
        }
        let number = |line: &str| {
            let digits = line.split(['#', ' ']).nth(2).expect("a line has a number");
            digits.parse::<u64>().expect("it is a number")
        };
        assert!(between.0 < number(here) && number(here) <= between.1, "{name}: {difference}");
        assert_eq!(before.len(), 3);
    }
}
