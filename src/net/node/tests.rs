//! Who may say what to a node, and what waits until it is known where it belongs.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use super::*;
use crate::net::numbers::Life;
use crate::net::placement::InTurn;
use crate::process::Ticket;
use crate::protocol::bcr::{self, Bcr, Birth, Message, Settings};

type Told = Arc<Mutex<Vec<String>>>;

/// Node 1 of four, and what it notices.
fn node() -> (Node<Bcr>, Told) {
    let told = Told::default();
    let ear = told.clone();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let peer = |number| {
        let key = NodeSecret::generate().unwrap().public();
        Peer { number, address, key }
    };
    let (answers, _) = mpsc::unbounded_channel();
    let plan = NodePlan {
        number: 1,
        charter: 0,
        secret: NodeSecret::generate().unwrap(),
        peers: [0, 2, 3].map(peer).into(),
        listener: std::net::TcpListener::bind(address).unwrap(),
        registrar: 0,
        founders: Vec::new(),
        patience: None,
        placement: Box::new(InTurn::default()),
        interposers: None,
        roads: None,
        scheme: Scheme::Ed25519,
        limits: Limits {
            handshake: Duration::from_secs(1),
            frame: 10_000,
            silence: Duration::from_secs(1),
        },
        room: Room { parcels: 100, bytes: 100_000, frame: 10_000 },
        clock: Clock::start(),
        log: None,
        record: None,
        notices: Notices::to(move |notice| ear.lock().unwrap().push(notice.to_string())),
        board: None,
        answers,
        signals: Signals {
            ready: std::sync::mpsc::channel().0,
            begun: oneshot::channel().0,
            stop: oneshot::channel().1,
        },
    };
    let mut node = Node::new(plan, 1).0;
    for identity in [Identity::OLYMPUS, Identity::client(0)] {
        node.enter(identity, 0);
    }
    (node, told)
}

impl Node<Bcr> {
    fn gets(&mut self, peer: NodeNumber, parcel: Parcel<Bcr>) {
        let mut bytes = Vec::new();
        Packer::default().pack(&[parcel], |bundle| bytes = bundle.bytes);
        self.gets_bytes(peer, &bytes);
    }

    fn gets_bytes(&mut self, peer: NodeNumber, bytes: &[u8]) {
        for arrival in calls::arrivals(peer, bytes, self.plan.limits.frame) {
            self.arrive(arrival);
            self.deliver();
        }
    }
}

fn stop(from: Identity, to: Identity) -> Parcel<Bcr> {
    let message = Message::Stop { configuration: 0 };
    Parcel::Message { from, to, sent: 0, message }
}

fn client(number: u32) -> Parcel<Bcr> {
    let settings = Settings::new(1);
    let birth = Birth::Client { settings, number, workload: Default::default() };
    Parcel::Birth { identity: Identity::client(number), birth }
}

#[test]
fn nobody_speaks_for_others() {
    let (mut node, told) = node();
    node.gets(0, client(5));
    node.gets(2, stop(Identity::OLYMPUS, Identity::client(5)));
    node.gets(2, stop(Identity::client(5), Identity::client(5)));
    node.gets(2, client(6));
    node.gets(3, Parcel::Lives { identity: Identity::client(6), home: 3 });
    node.gets(0, stop(Identity::client(0), Identity::OLYMPUS));
    node.gets(2, Parcel::Begun);
    node.gets_bytes(2, &[1, 0, 7, 2, 3]);
    assert_eq!((node.stats.refused, node.stats.received), (7, 0));
    assert!(node.ready.is_some());
    let told = told.lock().unwrap();
    assert_eq!(told[0], "node 1 refused node 2: olympus does not live there");
    drop(told);
    assert!(node.seats.contains_key(&Identity::client(5)));
    assert!(!node.seats.contains_key(&Identity::client(6)));
    assert_eq!(node.directory.home(Identity::client(6)), None);
    node.gets(0, stop(Identity::OLYMPUS, Identity::client(5)));
    assert_eq!((node.stats.refused, node.stats.received), (7, 1));
    node.gets(0, Parcel::Begun);
    assert!(node.ready.is_none());
}

#[test]
fn what_comes_too_early_waits_for_the_registrar() {
    let (mut node, _) = node();
    let replica = Identity::replica(1, 0);
    node.gets(2, stop(replica, Identity::client(5)));
    assert_eq!(node.stats.received, 0, "nobody knows either");
    node.gets(0, Parcel::Lives { identity: replica, home: 2 });
    assert_eq!(node.stats.received, 0, "nobody knows the receiver");
    node.gets(0, client(5));
    assert_eq!(node.stats.received, 1);
    node.gets(0, Parcel::Lives { identity: Identity::replica(1, 1), home: 3 });
    node.gets(2, stop(Identity::replica(1, 1), Identity::client(5)));
    assert_eq!(node.stats.refused, 1, "it lives on node 3");
}

#[test]
fn where_the_registrar_begins_anew_a_node_ends() {
    let (mut node, _) = node();
    for (peer, life, is_orphan) in [
        (0, Life::First, false),
        (0, Life::Same, false),
        (2, Life::Another, false),
        (0, Life::Another, true),
    ] {
        node.arrive(Arrival::Up(peer, life));
        assert_eq!(node.is_orphan, is_orphan);
    }
}

#[test]
fn what_is_asked_of_somebody_who_takes_nothing_is_answered() {
    let (mut node, _) = node();
    let (answers, mut answered) = mpsc::unbounded_channel();
    node.answers = answers;
    let birth = Birth::Olympus { settings: Settings::new(1), clients: 1 };
    node.begin(Identity::OLYMPUS, birth);
    let command = bcr::Command::Ask(crate::object::Operation::get("k"));
    node.arrive(Arrival::Command(Identity::OLYMPUS, Ticket(3), command));
    node.deliver();
    assert_eq!(answered.try_recv(), Ok((Ticket(3), Some(bcr::Answer::NotAClient))));
    let command = bcr::Command::Ask(crate::object::Operation::get("k"));
    node.arrive(Arrival::Command(Identity::client(9), Ticket(4), command));
    assert_eq!(answered.try_recv(), Ok((Ticket(4), None)));
}
