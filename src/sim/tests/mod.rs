//! What a process may rely on, each shown by a world of a few toy processes.
//!
//! A toy is a function: it is handed what a process is handed, with a notebook that is its state.
//! The text of a test is what its toys wrote down, or the run's log.

mod choices;
mod clocks;
mod commands;
mod disk;
mod limits;
mod network;
mod partitions;
mod pauses;
mod rest;
mod restarts;
mod schedules;
mod spawning;
mod stepping;
mod timers;
mod twins;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::choice::{Name, Subject};
use crate::crypto::Digest;
use crate::identity::{Address, Identity};
use crate::process::{Input, Message, Note, Outbox, Process, Protocol};
use crate::time::Now;
use crate::trace::{Fingerprint, Lines};

use super::{Settings, World};

/// The protocol of toys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Toy;

/// What toys say to each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Saying {
    Ping(u64),
    Pong(u64),
}
pub(super) use Saying::{Ping, Pong};

/// What a toy puts on record.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Mark(pub(super) u64);

/// A toy's state.
#[derive(Clone, Debug, Default)]
pub(super) struct Notebook {
    pub(super) lines: Vec<String>,
    pub(super) count: u64,
}

impl Notebook {
    pub(super) fn write(&mut self, line: impl ToString) {
        self.lines.push(line.to_string());
    }
}

pub(super) type In = Input<Toy>;
pub(super) type Out = Outbox<Toy>;
/// How a toy behaves.
pub(super) type Manner = fn(&mut Notebook, Now, In, &mut Out);

#[derive(Clone, Debug)]
pub(super) struct Actor {
    manner: Manner,
    notebook: Notebook,
}

impl Note for Mark {}

impl Message for Saying {
    fn kind(&self) -> Name {
        const NAMES: [Name; 2] = [Name::new("ping"), Name::new("pong")];
        NAMES[usize::from(matches!(self, Pong(_)))]
    }

    fn subject(&self) -> Subject {
        let (Ping(number) | Pong(number)) = self;
        Subject::number(*number)
    }
}

impl Protocol for Toy {
    const NAME: &'static str = "toy";
    type Message = Saying;
    type Timer = char;
    type Note = Mark;
    type Birth = usize;
    type Command = String;
    type Answer = String;
    type Process = Actor;

    /// Manners cannot be sent, so a birth is a number into the table that a test has; see
    /// [`settings`].
    fn born(_: usize) -> Actor {
        Actor { manner: idle, notebook: Notebook::default() }
    }

    /// Nobody waits for a timer called `-`.
    fn is_idle(timer: &char) -> bool {
        *timer == '-'
    }
}

impl Process<Toy> for Actor {
    fn handle(&mut self, now: Now, input: In, out: &mut Out) {
        (self.manner)(&mut self.notebook, now, input, out);
    }
}

/// Does nothing, ever.
pub(super) fn idle(_: &mut Notebook, _: Now, _: In, _: &mut Out) {}

/// Writes down whatever it is told, in short, and the time in milliseconds.
pub(super) fn scribe(book: &mut Notebook, now: Now, input: In, _: &mut Out) {
    let what = match input {
        Input::Message { from, message } => format!("{message:?} from {from}"),
        Input::Timer(name) => format!("timer {name}"),
        Input::Persisted { shelf } => format!("persisted {shelf}"),
        Input::Command { command, .. } => format!("command {command}"),
        Input::Start { .. } => "start".into(),
        Input::Restart { survived, .. } => format!("restart with {survived:?}"),
    };
    book.write(format!("{what} at {}", now.monotonic_ns / 1_000_000));
}

/// Where manners are found by the number of a birth.
pub(super) fn settings(seed: u64, manners: &[Manner]) -> Settings<Toy> {
    let manners = manners.to_vec();
    let actor = move |_: Address, birth: &usize| Actor {
        manner: manners[*birth],
        notebook: Notebook::default(),
    };
    Settings { cradle: Arc::new(actor), ..Settings::new(seed) }
}

/// The first process of the toy with this number.
pub(super) const fn toy(number: u32) -> Address {
    Address::of(Identity::other(number))
}

/// A world in which toy `n` has the `n`-th manner.
pub(super) fn world(settings: Settings<Toy>, toys: usize) -> World<Toy> {
    let mut world = World::new(settings);
    for number in 0..toys {
        world.spawn(toy(number as u32).identity, number);
    }
    world
}

/// Runs to the end; returns the log.
pub(super) fn log_of(world: &mut World<Toy>) -> Vec<String> {
    let mut log = Vec::new();
    world.run(&mut Lines::new(|line| log.push(line.to_string())));
    log
}

/// Runs to the end; returns the digest.
pub(super) fn digest_of(mut world: World<Toy>) -> Digest {
    let mut fingerprint = Fingerprint::new();
    world.run(&mut fingerprint);
    fingerprint.digest()
}

impl World<Toy> {
    /// Runs to the end, unwatched; returns what a toy wrote down.
    pub(super) fn notes_after_run(&mut self, toy: Address) -> Vec<String> {
        self.run(&mut ());
        self.notes(toy)
    }

    /// What a toy wrote down; nothing if it is gone.
    pub(super) fn notes(&self, toy: Address) -> Vec<String> {
        self.process(toy).map(|actor| actor.notebook.lines.clone()).unwrap_or_default()
    }
}
