//! The protocol's processes on real sockets: a cluster in this program, asked over TCP.
//!
//! Here alone the clock of the machine is read. Every wait is for an event, with a limit that only
//! an overloaded machine reaches.

use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use perjury::judge::linear::{self, Act, Answer};
use perjury::net::{
    Board, Cluster, ClusterError, ClusterFile, Hello, Knobs, LogFolder, LogForm, Member,
    NodeSecret, Notice, Notices, Peer, Plan, Request, User, UserError, Window, operation,
};
use perjury::object::Reply;
use perjury::protocol::bcr::Bcr;
use perjury::protocol::solo::{self, Solo};
use perjury::wire;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be had").block_on(work)
}

/// A cluster that bears one faulty replica, and takes its time.
fn plan() -> Plan {
    Plan { start: PATIENCE, stop: PATIENCE, ..Plan::new(1) }
}

/// One server, which takes its time too.
fn solo_plan() -> Plan<Solo> {
    Plan { start: PATIENCE, stop: PATIENCE, ..Plan::of(solo::Settings::default()) }
}

async fn user(cluster: &Cluster) -> User {
    User::connect(cluster.gateway()).await.expect("the gateway listens")
}

/// Asks one thing after the other.
async fn ask(user: &mut User, operations: &[&str]) -> Vec<String> {
    let mut told = Vec::new();
    for operation in operations {
        let answer = user.ask(*operation, PATIENCE).await.expect("the gateway answers");
        told.push(answer.unwrap_or_else(|why| format!("refused: {why}")));
    }
    told
}

/// Keeps what a cluster notices.
#[derive(Clone, Default)]
struct Ear(Arc<(Mutex<Vec<Notice>>, Condvar)>);

impl Ear {
    fn notices(&self) -> Notices {
        let ear = self.0.clone();
        Notices::to(move |notice| {
            ear.0.lock().expect("nobody fails with it").push(notice);
            ear.1.notify_all();
        })
    }

    /// Waits until something was noticed whose text has this in it.
    fn wait_for(&self, words: &str) {
        let (notices, changed) = &*self.0;
        let is_missing = |notices: &mut Vec<Notice>| {
            !notices.iter().any(|notice| notice.to_string().contains(words))
        };
        let notices = notices.lock().expect("nobody fails with it");
        let waited = changed.wait_timeout_while(notices, PATIENCE, is_missing);
        let (notices, timeout) = waited.expect("nobody fails with it");
        assert!(!timeout.timed_out(), "nothing with {words:?} in {notices:?}");
    }
}

#[test]
fn a_cluster_answers_every_operation() {
    let cluster = Cluster::start(&plan()).expect("it starts");
    let nonsense = format!("slice('movie','{}')", "5".repeat(100_000));
    let told = block_on(async {
        let operations = [
            "get('movie')",
            "append('movie','x')",
            "put('movie','star')",
            "append('movie',' wars')",
            "get('movie')",
            "slice('movie','5:9')",
            "get('movie')",
            "drop('movie')",
            &nonsense,
        ];
        ask(&mut user(&cluster).await, &operations).await
    });
    assert_eq!(told[..7], ["", "fail", "OK", "OK", "star wars", "OK", "wars"]);
    assert!(told[7].starts_with("refused: there is no operation `drop`; "), "{}", told[7]);
    assert!(told[8].starts_with("refused: "), "{}", told[8]);
    assert!(told[8].len() < 500, "what a user said is not all repeated");
    let stats = cluster.stop().expect("it stops");
    assert!(stats.iter().all(|stats| (stats.lost, stats.refused) == (0, 0)), "{stats:?}");
    assert!(stats[1].received > 0, "replicas live on nodes of their own: {stats:?}");
    // A replica checks each request, and the head what the others say of the result.
    assert!(stats.iter().all(|stats| stats.verified >= 7 && stats.signed >= 7), "{stats:?}");
}

#[test]
fn one_server_serves_without_any_signature() {
    let cluster = Cluster::start(&solo_plan()).expect("it starts");
    assert_eq!(cluster.nodes().count(), 2, "the server has a node of its own");
    let told = block_on(async {
        let operations = ["put('k','v')", "append('k','w')", "get('k')", "append('l','w')"];
        ask(&mut user(&cluster).await, &operations).await
    });
    assert_eq!(told, ["OK", "OK", "vw", "fail"]);
    let stats = cluster.stop().expect("it stops");
    assert_eq!((stats[0].sent, stats[1].sent), (4, 4), "a question and an answer each: {stats:?}");
    assert!(stats.iter().all(|stats| (stats.signed, stats.verified) == (0, 0)), "{stats:?}");
}

#[test]
fn a_user_may_take_his_time_before_he_asks() {
    let ear = Ear::default();
    let handshake = Duration::from_secs(1);
    let plan = Plan { nodes: 1, handshake, notices: ear.notices(), ..solo_plan() };
    let cluster = Cluster::start(&plan).expect("it starts");
    let told = block_on(async {
        let mut user = user(&cluster).await;
        // Who comes after him and says nothing at all has been shown out.
        let _stranger = TcpStream::connect(cluster.gateway()).expect("the gateway listens");
        ear.wait_for("did not say what it speaks in time");
        ask(&mut user, &["put('k','v')"]).await
    });
    assert_eq!(told, ["OK"]);
    cluster.stop().expect("it stops");
}

/// What one user does, with the times when it began and was over by a common clock.
async fn acts(cluster: &Cluster, number: u32, clock: &Cell<u64>) -> Vec<Act> {
    let tick = || {
        clock.set(clock.get() + 1);
        clock.get()
    };
    let mut user = user(cluster).await;
    let mut acts = Vec::new();
    for step in 0..40 {
        let key = ["movie", "moon"][step % 2];
        let text = match step % 5 {
            0 => format!("put('{key}','{number}')"),
            1 | 3 => format!("append('{key}','.{number}-{step}')"),
            2 => format!("get('{key}')"),
            _ => format!("slice('{key}','0:2')"),
        };
        let called = tick();
        let told = ask(&mut user, &[&text]).await.remove(0);
        let returned = Some((tick(), Reply::of(&told.as_str().into())));
        let operation = operation(&text).expect("it is one");
        acts.push(Act { client: number, operation, called, returned, returned_ns: 0 });
    }
    acts
}

#[test]
fn what_users_see_who_ask_at_the_same_time_is_linearizable() {
    let cluster = Cluster::start(&plan()).expect("it starts");
    let clock = Cell::new(0);
    let mut history = block_on(async {
        let [first, second, third] = [0, 1, 2].map(|number| acts(&cluster, number, &clock));
        let (first, second, third) = tokio::join!(first, second, third);
        [first, second, third].concat()
    });
    history.sort_by_key(|act| act.called);
    let overlaps = history.windows(2).any(|pair| {
        pair[0].returned.as_ref().is_some_and(|(returned, _)| *returned > pair[1].called)
    });
    assert!(overlaps, "they ask at the same time");
    assert_eq!(linear::check(&history), Answer::Yes);
    let lie = Some((history[100].called + 1, Reply::of(&"a lie".into())));
    history[100] = Act {
        operation: operation("get('movie')").unwrap(),
        returned: lie,
        ..history[100].clone()
    };
    assert_ne!(linear::check(&history), Answer::Yes, "the judge looks");
}

/// Sends bytes to somebody, and waits until he closes the connection.
fn send(to: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(to).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("it can be limited");
    // He may hang up before he has read everything.
    let _ = stream.write_all(bytes);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}

/// The first message of a handshake, by somebody whom nobody knows.
fn handshake_of_a_stranger(node: &Peer) -> Vec<u8> {
    let pattern = "Noise_IK_25519_ChaChaPoly_BLAKE2s".parse().expect("it is one");
    let own = perjury::net::NodeSecret::generate().expect("it can be made").public();
    let noise = snow::Builder::new(pattern)
        .prologue(b"perjury links 2")
        .and_then(|builder| builder.local_private_key(&own.0))
        .and_then(|builder| builder.remote_public_key(&node.key.0))
        .and_then(snow::Builder::build_initiator);
    let mut message = [0; 128];
    let length = noise.and_then(|mut noise| noise.write_message(&[], &mut message));
    let length = length.expect("it can be said");
    let mut bytes = (length as u16).to_le_bytes().to_vec();
    bytes.extend_from_slice(&message[..length]);
    bytes
}

#[test]
fn strangers_and_garbage_are_refused_and_the_cluster_goes_on() {
    let ear = Ear::default();
    let handshake = Duration::from_millis(500);
    let plan = Plan { notices: ear.notices(), handshake, ..plan() };
    let cluster = Cluster::start(&plan).expect("it starts");
    for node in cluster.nodes() {
        let whom = format!("node {} refused", node.number);
        send(node.address, &[0xff; 300]);
        send(node.address, &[&[96, 0], &[7; 96][..]].concat());
        send(node.address, &handshake_of_a_stranger(node));
        send(node.address, &[96, 0, 1, 2, 3]);
        for why in ["65535 bytes are announced", "the handshake failed", "has the key", "in 500ms"]
        {
            ear.wait_for(why);
        }
        ear.wait_for(&whom);
    }
    let gateway = cluster.gateway();
    send(gateway, &[3]);
    ear.wait_for("did not say what it speaks in time");
    let hello = |format| frame(&wire::encode(&Hello { format, ..Hello::OWN }));
    for words in [&[0xff; 300][..], &[3, 0, 0, 0, 1, 2, 3], &hello(77)] {
        send(gateway, words);
        ear.wait_for("version 1 of the users' protocol");
    }
    send(gateway, &[hello(1), vec![0xff; 300]].concat());
    ear.wait_for("a frame of 4294967295 bytes is longer than 1048576");
    send(gateway, &[hello(1), frame(&[0x80; 20])].concat());
    ear.wait_for("the message is damaged or of another version");
    let told =
        block_on(async { ask(&mut user(&cluster).await, &["put('k','v')", "get('k')"]).await });
    assert_eq!(told, ["OK", "v"]);
    cluster.stop().expect("it stops");
}

/// Calls more often than there are places for those who say nothing, who would be given an hour
/// each; returns once the first of them was hung up on.
fn crowd(address: SocketAddr) -> Vec<TcpStream> {
    let call = |_| TcpStream::connect(address).expect("somebody listens");
    let mut crowd: Vec<TcpStream> = (0..300).map(call).collect();
    crowd[0].set_read_timeout(Some(PATIENCE)).expect("it can be limited");
    assert_eq!(crowd[0].read(&mut [0]).expect("it is hung up on"), 0);
    crowd
}

#[test]
fn a_crowd_that_says_nothing_keeps_nobody_out() {
    let board = Board::default();
    let handshake = Duration::from_secs(3600);
    let plan = Plan { handshake, board: Some(board.clone()), ..plan() };
    let cluster = Cluster::start(&plan).expect("it starts");
    let at_gateway = crowd(cluster.gateway());
    let told = block_on(async { ask(&mut user(&cluster).await, &["put('k','v')"]).await });
    assert_eq!(told, ["OK"]);
    drop(at_gateway);
    let window = Window::open(board, SocketAddr::from(([127, 0, 0, 1], 0))).expect("it opens");
    let at_window = crowd(window.address());
    let mut stream = TcpStream::connect(window.address()).expect("it is open");
    stream.set_read_timeout(Some(PATIENCE)).expect("it can be limited");
    stream.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").expect("it is taken");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("it is answered");
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    drop(at_window);
    let node = cluster.nodes().next().expect("there are nodes").address;
    drop(crowd(node));
    cluster.stop().expect("it stops");
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_le_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

#[test]
fn when_a_replicas_node_is_gone_others_take_its_part() {
    let ear = Ear::default();
    let mut plan = Plan { notices: ear.notices(), ..plan() };
    plan.settings = plan.settings.with_timeouts(300_000_000);
    let mut cluster = Cluster::start(&plan).expect("it starts");
    block_on(async {
        let mut user = user(&cluster).await;
        assert_eq!(ask(&mut user, &["put('k','v')", "append('k','w')"]).await, ["OK", "OK"]);
        cluster.stop_node(2).expect("it stops");
        ear.wait_for("lost node 2");
        assert_eq!(ask(&mut user, &["get('k')", "append('k','x')"]).await, ["vw", "OK"]);
        assert_eq!(ask(&mut user, &["get('k')"]).await, ["vwx"]);
    });
    assert!(cluster.stop_node(2).is_err(), "it runs no more");
    cluster.stop().expect("it stops");
}

#[test]
fn what_is_too_long_for_a_link_is_told_of() {
    let ear = Ear::default();
    let mut plan = Plan { notices: ear.notices(), longest_message: 100_000, ..plan() };
    // Nobody is to hand on what the others have executed before its time.
    plan.settings = plan.settings.with_timeouts(3_000_000_000);
    let mut cluster = Cluster::start(&plan).expect("it starts");
    let put = format!("put('k','{}')", "v".repeat(60_000));
    let told = block_on(async { ask(&mut user(&cluster).await, &[&put, &put]).await });
    assert_eq!(told, ["OK", "OK"]);
    cluster.stop_node(1).expect("it stops");
    // What the others have executed does not go over a link any more, and somebody waits for it.
    let asks = async { user(&cluster).await.send("get('k')").await.expect("it is sent") };
    block_on(asks);
    ear.wait_for("bytes is longer than the 99991 that a link carries; keep values");
}

/// The nodes of a cluster on many machines, all in this program.
struct Machines {
    file: ClusterFile,
    secrets: Vec<NodeSecret>,
    ears: Vec<Ear>,
    members: Vec<Option<Member>>,
}

impl Machines {
    /// So many of them; these have clients and gateways.
    fn start(count: u16, with_clients: &[u16]) -> Machines {
        let mut machines = Machines::ready(count, with_clients, "1min");
        (0..usize::from(count)).for_each(|number| machines.begin(number));
        machines.ears.iter().for_each(|ear| ear.wait_for("has begun, with"));
        machines
    }

    /// The same, of which none has been started yet; they wait so long for each other.
    fn ready(count: u16, with_clients: &[u16], start: &str) -> Machines {
        let secrets = (0..count).map(|_| NodeSecret::generate().expect("it can be made"));
        let secrets: Vec<NodeSecret> = secrets.collect();
        let head = "format = 1\nprotocol = \"bcr\"\nclients = 4\ntimeout = \"300ms\"\n";
        let mut text = format!("{head}start = \"{start}\"\n");
        for (number, secret) in (0..).zip(&secrets) {
            let (address, key) = (free_address(), secret.public());
            text += &format!("[[node]]\nname = \"n{number}\"\naddress = \"{address}\"\n");
            text += &format!("key = \"{key}\"\n");
            if with_clients.contains(&number) {
                text += &format!("gateway = \"{}\"\n", free_address());
            }
        }
        text += &format!("[hosts]\nclients = {with_clients:?}\n");
        let file = ClusterFile::parse(&text).expect("it can be used");
        let ears = secrets.iter().map(|_| Ear::default()).collect();
        let members = secrets.iter().map(|_| None).collect();
        Machines { file, secrets, ears, members }
    }

    /// Starts one of them, with an ear of its own.
    fn begin(&mut self, number: usize) {
        let Knobs::Bcr(settings) = self.file.protocol else { panic!("it is bcr") };
        self.ears[number] = Ear::default();
        let notices = self.ears[number].notices();
        let plan = Plan { start: PATIENCE, stop: PATIENCE, notices, ..Plan::of(settings) };
        let secret = self.secrets[number].clone();
        let member = Member::start::<Bcr>(&plan, &self.file, &self.file.nodes[number], secret);
        self.members[number] = Some(member.expect("it starts"));
    }

    /// As if its machine were gone, but for what it had sent.
    fn end(&mut self, number: usize) {
        self.members[number] = None;
    }

    /// Waits until a node ends because the cluster that it belonged to is gone.
    fn is_orphaned(&mut self, number: usize) {
        let mut orphan = self.members[number].take().expect("it runs");
        block_on(async { tokio::time::timeout(PATIENCE, orphan.ended()).await }).expect("it ends");
        let told = orphan.stop().expect_err("it did not end well");
        assert!(matches!(told, ClusterError::Orphaned), "{told}");
    }

    fn gateway(&self, number: usize) -> SocketAddr {
        self.members[number].as_ref().and_then(Member::gateway).expect("there is one")
    }

    fn ask(&self, gateway: usize, operations: &[&str]) -> Vec<String> {
        block_on(async {
            let user = User::connect(self.gateway(gateway)).await;
            ask(&mut user.expect("the gateway listens"), operations).await
        })
    }
}

/// Where nobody listens, and nobody calls from: a node that is started anew finds it free.
fn free_address() -> SocketAddr {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let from = std::process::id().wrapping_mul(64);
    loop {
        let port = 20_000 + (from.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % 12_000);
        let address = SocketAddr::from(([127, 0, 0, 1], port as u16));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

#[test]
fn a_node_that_is_started_anew_is_empty_and_hosts_new_replicas() {
    let mut machines = Machines::start(3, &[0]);
    assert_eq!(machines.ask(0, &["put('k','v')", "append('k','w')"]), ["OK", "OK"]);
    machines.end(2);
    machines.ears[0].wait_for("node 0 lost node 2");
    assert_eq!(machines.ask(0, &["append('k','x')", "get('k')"]), ["OK", "vwx"]);
    machines.begin(2);
    machines.ears[0].wait_for("node 0 has node 2 again, which was started anew and is empty");
    machines.ears[2].wait_for("node 2 has begun, with 0 clients");
    machines.end(1);
    machines.ears[0].wait_for("node 0 lost node 1");
    assert_eq!(machines.ask(0, &["append('k','y')", "get('k')"]), ["OK", "vwxy"]);
    let second = machines.members[2].take().expect("it runs").stop().expect("it stops");
    assert!(second.received > 0 && second.signed > 0, "replicas live there: {second:?}");
    // The node of Olympus and of most replicas suffices.
    assert_eq!(machines.ask(0, &["get('k')"]), ["vwxy"]);
}

#[test]
fn clients_live_on_several_nodes_and_are_not_there_again_after_a_new_start() {
    let mut machines = Machines::start(4, &[0, 3]);
    assert_eq!(machines.ask(0, &["put('k','v')", "get('k')"]), ["OK", "v"]);
    assert_eq!(machines.ask(3, &["append('k','w')", "get('k')"]), ["OK", "vw"]);
    let gateway = machines.gateway(3);
    machines.end(3);
    assert_eq!(machines.ask(0, &["append('k','x')", "get('k')"]), ["OK", "vwx"]);
    machines.begin(3);
    machines.ears[3].wait_for("node 3 has begun, with 0 clients");
    machines.ears[3].wait_for("the gateway of node 3 serves nobody");
    let asked = block_on(async { User::connect(gateway).await?.ask("get('k')", PATIENCE).await });
    assert!(asked.is_err(), "nobody is there to serve: {asked:?}");
    assert_eq!(machines.ask(0, &["get('k')"]), ["vwx"]);
}

#[test]
fn who_comes_late_is_not_waited_for_and_takes_part_when_he_is_there() {
    let mut machines = Machines::ready(2, &[0, 1], "100ms");
    machines.begin(0);
    machines.ears[0].wait_for("node 0 has begun, with 2 clients");
    assert_eq!(machines.ask(0, &["put('k','v')"]), ["OK"]);
    machines.begin(1);
    machines.ears[1].wait_for("node 1 has begun, with 2 clients");
    assert_eq!(machines.ask(1, &["append('k','w')", "get('k')"]), ["OK", "vw"]);
}

#[test]
fn where_the_registrar_is_started_anew_the_others_end_and_say_why() {
    let mut machines = Machines::start(2, &[0]);
    assert_eq!(machines.ask(0, &["put('k','v')"]), ["OK"]);
    machines.end(0);
    machines.ears[1].wait_for("node 1 lost node 0");
    machines.begin(0);
    machines.is_orphaned(1);
    // Together they are a cluster that knows nothing.
    machines.begin(1);
    machines.ears[0].wait_for("node 0 has begun");
    assert_eq!(machines.ask(0, &["get('k')"]), [""]);
}

#[test]
fn so_they_do_where_it_is_started_with_another_file() {
    let mut machines = Machines::start(2, &[0]);
    machines.end(0);
    machines.ears[1].wait_for("node 1 lost node 0");
    machines.file.clients += 1;
    machines.begin(0);
    machines.ears[1].wait_for("node 1 refused node 0: its cluster file says another thing");
    machines.is_orphaned(1);
}

#[test]
fn of_two_programs_with_one_key_the_first_goes_on() {
    let mut machines = Machines::start(4, &[0]);
    assert_eq!(machines.ask(0, &["put('k','v')"]), ["OK"]);
    let first = machines.members[1].take();
    // It listens elsewhere, and calls as the first does.
    let address = machines.file.nodes[1].listen;
    machines.file.nodes[1].listen = free_address();
    machines.begin(1);
    for other in [0, 2, 3] {
        machines.ears[other].wait_for("refused node 1: another program is connected");
    }
    assert_eq!(machines.ask(0, &["append('k','w')", "get('k')"]), ["OK", "vw"]);
    machines.members[1] = None;
    assert_eq!(machines.ask(0, &["get('k')"]), ["vw"]);
    drop(first);
    machines.ears[0].wait_for("node 0 lost node 1");
    machines.file.nodes[1].listen = address;
    machines.begin(1);
    machines.ears[0].wait_for("node 0 has node 1 again, which was started anew");
    assert_eq!(machines.ask(0, &["get('k')"]), ["vw"]);
}

#[test]
fn who_takes_none_of_his_results_does_not_keep_the_cluster_from_stopping() {
    let cluster = Cluster::start(&solo_plan()).expect("it starts");
    let put = format!("put('k','{}')", "v".repeat(900_000));
    let told = block_on(async { ask(&mut user(&cluster).await, &[&put]).await });
    assert_eq!(told, ["OK"]);
    let mut lazy = TcpStream::connect(cluster.gateway()).expect("the gateway listens");
    let mut bytes = frame(&wire::encode(&Hello::OWN));
    for number in 0..50 {
        let operation = "get('k')".to_owned();
        bytes.extend(frame(&wire::encode(&Request { number, operation })));
    }
    lazy.write_all(&bytes).expect("it is sent");
    lazy.read_exact(&mut [0]).expect("the first is answered");
    cluster.stop().expect("all are answered in time");
}

#[test]
fn who_stops_answers_first_what_is_in_flight() {
    const COUNT: u64 = 200;
    let cluster = Cluster::start(&plan()).expect("it starts");
    let mut stream = TcpStream::connect(cluster.gateway()).expect("the gateway listens");
    let mut bytes = frame(&wire::encode(&Hello::OWN));
    for number in 0..COUNT {
        let operation = format!("put('key {number}','v')");
        bytes.extend(frame(&wire::encode(&Request { number, operation })));
    }
    stream.write_all(&bytes).expect("it is sent");
    let mut first = [0];
    stream.read_exact(&mut first).expect("the first is answered");
    let address = cluster.gateway();
    cluster.stop().expect("all are answered in time");
    let mut told = first.to_vec();
    stream.read_to_end(&mut told).expect("it is closed in order");
    // A frame of four bytes, a number of one or two, and the result.
    let answers = told.windows(2).filter(|pair| pair == b"OK").count();
    assert_eq!(answers as u64, COUNT);
    assert!(matches!(block_on(User::connect(address)), Err(UserError::Connect { .. })));
}

#[test]
fn every_process_has_a_log_of_its_own_with_the_time_of_the_calendar() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("real logs");
    std::fs::remove_dir_all(&folder).ok();
    let log = Some(LogFolder { folder: folder.clone(), form: LogForm::Json });
    let cluster = Cluster::start(&Plan { log, clients: 2, ..plan() }).expect("it starts");
    let told = block_on(async { ask(&mut user(&cluster).await, &["put('k','v')"]).await });
    assert_eq!(told, ["OK"]);
    cluster.stop().expect("it stops");
    let names = ["olympus", "client-0", "client-1", "replica-0-0", "replica-0-1", "replica-0-2"];
    for name in names {
        let text = std::fs::read_to_string(folder.join(format!("{name}.jsonl")));
        let text = text.expect("it was written");
        assert!(!text.contains("falsely"), "{name}: {text}");
        let lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
        let lines: Vec<_> = lines.collect::<Result<_, _>>().expect("it is JSON");
        assert_eq!(lines[0]["format"], 1);
        assert!(lines.len() > 3, "{name}: {text}");
        for (number, line) in (1..).zip(&lines[1..]) {
            assert_eq!(line["number"], number);
            assert!(line["wall_ns"].as_u64() > Some(1_700_000_000_000_000_000), "{line}");
            assert_eq!(line["process"], name.replacen('-', " ", 1).replace('-', "."));
        }
    }
    let tail = std::fs::read_to_string(folder.join("replica-0-2.jsonl")).expect("it was written");
    assert!(tail.contains("\"kind\":\"shuttle\""), "{tail}");
}
