//! The ring: processes that hand tokens on, and nothing else.

use perjury::choice::{Name, Subject};
use perjury::identity::Identity;
use perjury::process::{Input, Message, Note, Outbox, Process, Protocol};
use perjury::scenario::{Latency, Limits, Link, Network};
use perjury::sim::{Settings, World};
use perjury::time::{MILLISECOND_NS, Now};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring;

/// A token, and how many hands it has gone through.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Token {
    token: u32,
    hops: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    next: Identity,
    tokens: u32,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum Nothing {}

impl Note for Nothing {}

impl Message for Token {
    fn kind(&self) -> Name {
        const TOKEN: Name = Name::new("token");
        TOKEN
    }

    fn subject(&self) -> Subject {
        Subject::of(u64::from(self.token), self.hops)
    }
}

impl Protocol for Ring {
    const NAME: &'static str = "ring";
    type Message = Token;
    type Timer = ();
    type Note = Nothing;
    type Birth = Place;
    type Command = ();
    type Answer = ();
    type Process = Place;

    fn born(birth: Place) -> Place {
        birth
    }
}

impl Process<Ring> for Place {
    fn handle(&mut self, _: Now, input: Input<Ring>, out: &mut Outbox<Ring>) {
        match input {
            Input::Start { .. } => {
                for token in 0..self.tokens {
                    out.send(self.next, Token { token, hops: 0 });
                }
            }
            Input::Message { message, .. } => {
                out.send(self.next, Token { hops: message.hops + 1, ..message });
            }
            _ => {}
        }
    }
}

/// A ring, ready to run.
pub(crate) fn ring(processes: u32, tokens: u32, messages: u64) -> World<Ring> {
    let latency = Latency::Uniform { low_ns: MILLISECOND_NS, high_ns: 10 * MILLISECOND_NS };
    let link = Link { latency, ..Link::default() };
    // Each message arrives, each process begins.
    let steps = messages + u64::from(processes);
    let limits = Limits { steps, ..Limits::default() };
    let network = Network { link, ..Network::default() };
    let mut world = World::new(Settings { network, limits, ..Settings::new(1) });
    for place in 0..processes {
        let tokens = share(place, processes, tokens);
        let next = Identity::other((place + 1) % processes);
        world.spawn(Identity::other(place), Place { next, tokens });
    }
    world
}

/// How many of the tokens begin at a place.
pub(crate) fn share(place: u32, processes: u32, tokens: u32) -> u32 {
    tokens / processes + u32::from(place < tokens % processes)
}

/// Runs a ring for so many messages; returns how many were received.
pub(crate) fn run(processes: u32, tokens: u32, messages: u64) -> u64 {
    let mut world = ring(processes, tokens, messages);
    world.run(&mut ());
    world.stats().received
}
