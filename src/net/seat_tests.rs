//! A seat means by every effect what the simulator means by it.

use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::*;
use crate::choice::{Name, Subject};
use crate::crypto::{Memory, Scheme};
use crate::process;
use crate::sim::{Settings, World};
use crate::trace::Line;

/// A protocol whose one process does what a message tells it to.
#[derive(Clone, Copy, Debug)]
struct Toy;

/// What it is told to do, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Told(Vec<Deed>);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Deed {
    Send(u32),
    Set(char, u64),
    Cancel(char),
    Persist(u64),
    Answer(u64),
    Note(u32),
    Stall(u64),
    Crash,
    Stop,
}

#[derive(Clone, Debug, Serialize)]
struct Remark(u32);

impl process::Note for Remark {}

impl process::Message for Told {
    fn kind(&self) -> Name {
        Name::new("told")
    }

    fn subject(&self) -> Subject {
        Subject::number(0)
    }
}

#[derive(Clone, Debug)]
struct Obedient {
    first: Vec<Deed>,
}

impl Protocol for Toy {
    const NAME: &'static str = "toy";
    type Message = Told;
    type Timer = char;
    type Note = Remark;
    type Birth = Vec<Deed>;
    type Command = Vec<Deed>;
    type Answer = ();
    type Process = Obedient;

    fn born(first: Vec<Deed>) -> Obedient {
        Obedient { first }
    }
}

const OTHER: Identity = Identity::other(1);

impl process::Process<Toy> for Obedient {
    fn handle(&mut self, _: Now, input: Input<Toy>, out: &mut Outbox<Toy>) {
        let deeds = match input {
            Input::Start { .. } => std::mem::take(&mut self.first),
            Input::Command { command, .. } => command,
            Input::Message { message, .. } => message.0,
            Input::Timer(timer) => vec![Deed::Note(u32::from(timer))],
            Input::Persisted { shelf } => vec![Deed::Note(shelf as u32)],
            Input::Restart { .. } => Vec::new(),
        };
        for deed in deeds {
            match deed {
                Deed::Send(number) => out.send(OTHER, Told(vec![Deed::Note(number)])),
                Deed::Set(timer, after_ns) => out.set_timer(timer, after_ns),
                Deed::Cancel(timer) => out.cancel_timer(timer),
                Deed::Persist(shelf) => out.persist(shelf, [1, 2]),
                Deed::Answer(ticket) => out.answer(Ticket(ticket), ()),
                Deed::Note(number) => out.note(|| Remark(number)),
                Deed::Stall(for_ns) => {
                    let again = Input::Message { from: OTHER, message: Told(vec![Deed::Note(99)]) };
                    out.stall(for_ns, again);
                }
                Deed::Crash => out.crash(),
                Deed::Stop => out.stop(),
            }
        }
    }
}

type Seen = Arc<Mutex<Vec<String>>>;

/// Keeps what happened, without the numbers of events, which differ: a world has others in it. Nor
/// are copies counted in a seat.
struct Witness(Seen);

impl Keep<Toy> for Witness {
    fn flush(&mut self) {}
}

impl Watch<Toy> for Witness {
    fn see(&mut self, event: &Event<'_, Toy>, notary: &Notary) {
        if event.process.identity == OTHER {
            return;
        }
        let line = Line::of(event, notary, &mut Default::default());
        let fields = line.fields.iter().filter(|(name, _)| *name != "copy");
        let fields = fields.map(|(name, value)| format!("{name}={value:?}"));
        let fields: Vec<String> = fields.collect();
        let text = format!("{} {} {}", event.at_ns, line.event, fields.join(" "));
        self.0.lock().expect("nobody fails with it").push(text);
    }
}

fn at(monotonic_ns: u64) -> Now {
    Now { monotonic_ns, wall_ns: 0 }
}

/// What a seat makes of commands at these times, up to this time.
fn in_a_seat(script: &[(u64, &[Deed])], until_ns: u64) -> Vec<String> {
    let seen = Seen::default();
    let notary = Notary::new(Scheme::Ideal, Memory::None);
    let watch: Watcher<Toy> = Some(Box::new(Witness(seen.clone())));
    let address = Address::of(Identity::other(0));
    let mut seat = Seat::<Toy>::new(address, Vec::new(), None, notary, watch);
    seat.emit(at(0), 0, What::Born { birth: &Vec::new() });
    let begin = (0, Coming::Start([0; 32]));
    let commands = (1..).zip(script);
    let commands = commands
        .map(|(ticket, (at_ns, deeds))| (*at_ns, Coming::Command(Ticket(ticket), deeds.to_vec())));
    let mut coming: VecDeque<_> = std::iter::once(begin).chain(commands).collect();
    loop {
        // What is written is safe at once, after what is due at that instant.
        let next_ns = coming.front().map_or(until_ns, |(at_ns, _)| *at_ns);
        match seat.due_ns().filter(|due_ns| *due_ns < next_ns) {
            Some(due_ns) => {
                seat.tick(at(due_ns));
                write(&mut seat, due_ns);
            }
            None => {
                let Some((at_ns, coming)) = coming.pop_front() else { break };
                seat.take(at(at_ns), coming);
                write(&mut seat, at_ns);
            }
        }
    }
    let seen = seen.lock().expect("nobody fails with it");
    seen.clone()
}

fn write(seat: &mut Seat<Toy>, now_ns: u64) {
    let is_writing = |seat: &mut Seat<Toy>| {
        let mut leaving = Vec::new();
        seat.take_leaving(&mut leaving);
        leaving.iter().any(|leaving| matches!(leaving, Leaving::Writing))
    };
    while is_writing(seat) {
        seat.take(at(now_ns), Coming::Written);
    }
}

/// The same in the simulator.
fn in_a_world(script: &[(u64, &[Deed])]) -> Vec<String> {
    let seen = Seen::default();
    let mut world = World::<Toy>::new(Settings::new(0));
    let address = world.spawn(Identity::other(0), Vec::new());
    world.spawn(OTHER, Vec::new());
    for (at_ns, deeds) in script {
        world.command(*at_ns, address, deeds.to_vec());
    }
    assert!(world.run(&mut Witness(seen.clone())).is_quiet());
    let seen = seen.lock().expect("nobody fails with it");
    seen.clone()
}

fn assert_same(script: &[(u64, &[Deed])]) {
    let seat = in_a_seat(script, 1_000_000);
    assert_eq!(seat, in_a_world(script), "of {script:?}");
    assert!(seat.len() > 2 + script.len(), "{seat:?}");
}

#[test]
fn timers_run_out_in_order_and_one_of_each_name() {
    assert_same(&[
        (10, &[Deed::Set('b', 50), Deed::Set('a', 20), Deed::Set('c', 30), Deed::Cancel('x')]),
        (20, &[Deed::Set('b', 5), Deed::Cancel('c')]),
        (70, &[Deed::Note(1)]),
    ]);
}

#[test]
fn what_leaves_waits_for_what_is_persisted_and_the_rest_does_not() {
    assert_same(&[(
        10,
        &[
            Deed::Send(1),
            Deed::Persist(7),
            Deed::Send(2),
            Deed::Note(3),
            Deed::Set('a', 5),
            Deed::Answer(1),
            Deed::Persist(8),
            Deed::Send(4),
        ],
    )]);
}

#[test]
fn who_stands_still_takes_everything_later_in_order() {
    assert_same(&[
        (10, &[Deed::Set('a', 20), Deed::Stall(100), Deed::Note(1), Deed::Send(1)]),
        (20, &[Deed::Note(2)]),
        (30, &[Deed::Note(3)]),
        (200, &[Deed::Note(4)]),
    ]);
}

#[test]
fn who_is_gone_does_nothing_more() {
    for end in [Deed::Stop, Deed::Crash] {
        let script: &[(u64, &[Deed])] =
            &[(10, &[Deed::Set('a', 20), Deed::Send(1), end, Deed::Send(2), Deed::Note(1)])];
        assert_eq!(in_a_seat(script, 1000), in_a_world(script));
    }
}

#[test]
fn a_stop_waits_for_the_disk_and_a_crash_does_not() {
    for end in [Deed::Stop, Deed::Crash] {
        let script: &[(u64, &[Deed])] = &[(10, &[Deed::Persist(1), Deed::Send(1), end])];
        assert_eq!(in_a_seat(script, 1000), in_a_world(script));
    }
}
