//! What the outside asks of processes of Byzantine chain replication, in the simulator.

use perjury::identity::{Address, Identity};
use perjury::object::{Item, Operation, Workload};
use perjury::process::Ticket;
use perjury::protocol::bcr::{Answer, Bcr, Birth, Command, Settings};
use perjury::sim::{self, World};
use perjury::time::MILLISECOND_NS as MS;

/// A world with one client that has this to do of itself.
fn world(workload: &[Operation]) -> World<Bcr> {
    let mut world = World::new(sim::Settings::new(7));
    let settings = Settings::new(1);
    world.spawn(Identity::OLYMPUS, Birth::Olympus { settings, clients: 1 });
    let items: Vec<Item> = workload.iter().cloned().map(Item::Fixed).collect();
    let workload = Workload::new(items, Default::default());
    world.spawn(Identity::client(0), Birth::Client { settings, number: 0, workload });
    world
}

fn ask(world: &mut World<Bcr>, at_ns: u64, who: Identity, operation: Operation) -> Ticket {
    world.command(at_ns, Address::of(who), Command::Ask(operation))
}

fn results(world: &mut World<Bcr>) -> Vec<(Ticket, String)> {
    assert!(world.run(&mut ()).is_quiet());
    let text = |answer| match answer {
        Answer::Result(reply) => reply.to_string(),
        other => format!("{other:?}"),
    };
    world.take_answers().into_iter().map(|(ticket, answer)| (ticket, text(answer))).collect()
}

/// Commands are answered one after the other, in order, behind the workload, whether they come
/// before the client knows anything or when it has long been done.
#[test]
fn commands_wait_for_their_turn() {
    let who = Identity::client(0);
    let mut world = world(&[Operation::put("k", "a")]);
    let early = [0, 1].map(|_| ask(&mut world, 0, who, Operation::append("k", "b")));
    let read = ask(&mut world, 0, who, Operation::get("k"));
    let late = ask(&mut world, 10_000 * MS, who, Operation::append("k", "c"));
    let last = ask(&mut world, 20_000 * MS, who, Operation::get("k"));
    let told = [
        (early[0], "OK".to_owned()),
        (early[1], "OK".to_owned()),
        (read, "abb".to_owned()),
        (late, "OK".to_owned()),
        (last, "abbc".to_owned()),
    ];
    assert_eq!(results(&mut world), told);
}

/// Neither Olympus nor a replica executes what the outside asks: they say so.
#[test]
fn only_clients_take_operations() {
    let mut world = world(&[]);
    let asked = [Identity::OLYMPUS, Identity::replica(0, 1)];
    let tickets = asked.map(|who| ask(&mut world, 100 * MS, who, Operation::get("k")));
    let told = tickets.map(|ticket| (ticket, "NotAClient".to_owned()));
    assert_eq!(results(&mut world), told);
}

/// What is too much is refused at once, and the rest is answered.
#[test]
fn more_commands_than_may_wait_are_refused() {
    let mut world = world(&[]);
    let count = 1100;
    for _ in 0..count {
        ask(&mut world, 0, Identity::client(0), Operation::append("k", "b"));
    }
    let told = results(&mut world);
    let busy = told.iter().filter(|(_, text)| text == "Busy").count();
    assert_eq!((told.len(), busy), (count, count - 1024));
}
