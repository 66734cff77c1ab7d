//! What a request costs in Byzantine chain replication, everything counted: the kernel, three or
//! more replicas, the clients.
//!
//! `bcr T CLIENTS REQUESTS WATCH [KEY=VALUE…]` runs once; WATCH is `nobody`, `digest` or `judges`.
//! Run under `valgrind --tool=callgrind` with two numbers of requests: the difference is the cost
//! of a request. With `ed25519` as WATCH nobody watches and the signatures are real.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use perjury::judge::Judged;
use perjury::run::{self, Visitor};
use perjury::scenario::{self, ReadOptions, Scenario};
use perjury::sim::World;
use perjury::trace::Fingerprint;

struct Bench<'a> {
    watch: &'a str,
}

impl Visitor for Bench<'_> {
    type Outcome = (String, u64);

    fn visit<P: Judged>(self, _: &Scenario, mut world: World<P>) -> (String, u64) {
        let stop = match self.watch {
            "digest" => world.run(&mut Fingerprint::new()),
            _ => world.run(&mut ()),
        };
        (stop.to_string(), world.stats().sent)
    }
}

/// `clients` clients with about `requests` requests in all.
fn scenario(t: &str, clients: u64, requests: u64, watch: &str, set: &[String]) -> Scenario {
    let mut text = format!("protocol = \"bcr\"\nt = {t}\nseed = 1\n[checkpoint]\nevery = 100\n");
    for client in 0..clients {
        let share = requests / clients + u64::from(client < requests % clients);
        text += &format!("[[client]]\nworkload = \"pseudorandom({client}, {share})\"\n");
    }
    text +=
        "[network]\nlatency = \"1ms..5ms\"\n[limits]\ntime = \"1000h\"\nsteps = 1_000_000_000\n";
    let mut options = ReadOptions::default();
    if watch == "ed25519" {
        options.set.push(("signatures".to_owned(), "ed25519".to_owned()));
    }
    for set in set {
        let (key, value) = set.split_once('=').expect("KEY=VALUE");
        options.set.push((key.to_owned(), value.to_owned()));
    }
    let reading = scenario::read("bench", text.as_bytes(), &options);
    for found in &reading.diagnostics {
        println!("{}", found.compact());
    }
    reading.scenario.expect("the text above is a scenario")
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [t, clients, requests, watch, set @ ..] = &words[..] else {
        println!("usage: bcr T CLIENTS REQUESTS nobody|digest|judges|ed25519 [KEY=VALUE…]");
        return;
    };
    let clients = clients.parse().expect("a number of clients");
    let requests = requests.parse().expect("a number of requests");
    let scenario = scenario(t, clients, requests, watch, set);
    if watch == "judges" {
        let report = run::run(&scenario).expect("it has no failures");
        let (answered, sent) = (report.answered(), report.stats.sent);
        println!("{answered} answered, {sent} messages: {:?}", report.verdict);
        return;
    }
    let (stop, sent) = run::visit(&scenario, Bench { watch }).expect("it has no failures");
    println!("{requests} requests, {sent} messages: {stop}");
}
