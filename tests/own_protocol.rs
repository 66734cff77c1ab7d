//! A protocol of one's own, from its first line to the picture of its bug: a counter that three
//! replicas keep.
//!
//! A client asks one replica to add one, the primary of this addition, and the next one if no
//! answer comes. The primary writes down the addition, sends what it has to its backups, and
//! answers when a majority has it. What everybody has is a book: how many additions of each client
//! it knows of. Books are put together by the larger number, so it does no harm if a message comes
//! twice, late or never: the client asks again. Any two majorities have a replica in common, so an
//! answer counts every addition that was answered before. A book is on disk before anybody hears of
//! it, so a replica that crashes and lives again is as good as one that was slow.
//!
//! What can be wrong with it: a hasty primary answers before its backups have the addition; a
//! forgetful replica lives again with an empty book. Both are kept here to be found.
//!
//! What processes say and do takes some 170 lines, what is promised and who takes part a hundred.

use std::collections::{BTreeMap, BTreeSet};

use perjury::choice::{Name, Subject};
use perjury::crypto::Notary;
use perjury::explore::shrink::{self, Shrunk};
use perjury::explore::sweep::Sweep;
use perjury::explore::{Artefact, Campaign, Kinds, Shape, Shard, Size, generate, scenarios};
use perjury::explore::{Bounds, Step, Walk, explain, explore, retrace};
use perjury::explore::{Charge, Found, discoveries};
use perjury::fault::{Attackable, NoLies};
use perjury::identity::Identity;
use perjury::judge::{Bench, Judged, Place, Property, Ruling};
use perjury::process::{self, ClientNote, Input, Outbox, Protocol};
use perjury::run::{self, Cluster};
use perjury::scenario::{self, Pace, ReadOptions, Scenario, Verdict};
use perjury::sim::World;
use perjury::time::{Now, SECOND_NS};
use perjury::trace::{Event, Watch, What};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

// The protocol.

/// How many additions of each client are known.
type Book = BTreeMap<u32, u64>;

/// The `number`-th request of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Request {
    client: u32,
    number: u64,
}

/// What processes say.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Message {
    /// A client to a replica: add one.
    Add(Request),
    /// The primary of a request to the others: this is what there is.
    Keep(Request, Book),
    /// Back to it: now I have it, and this.
    Kept(Request, Book),
    /// The primary to the client: it is done, and so many there are now.
    Answer(Request, u64),
}

const ADD: Name = Name::new("add");
const KEEP: Name = Name::new("keep");
const KEPT: Name = Name::new("kept");
const ANSWER: Name = Name::new("answer");

impl process::Message for Message {
    fn kind(&self) -> Name {
        match self {
            Message::Add(_) => ADD,
            Message::Keep(..) => KEEP,
            Message::Kept(..) => KEPT,
            Message::Answer(..) => ANSWER,
        }
    }

    fn subject(&self) -> Subject {
        let (Message::Add(request)
        | Message::Keep(request, _)
        | Message::Kept(request, _)
        | Message::Answer(request, _)) = self;
        Subject::of(u64::from(request.client), request.number)
    }
}

/// The types of the protocol.
#[derive(Clone, Copy, Debug)]
struct Counting;

type Out = Outbox<Counting>;

impl Protocol for Counting {
    const NAME: &'static str = "counter";
    type Message = Message;
    type Timer = Patience;
    type Note = ClientNote;
    type Birth = Party;
    type Command = ();
    type Answer = ();
    type Process = Party;

    fn born(birth: Party) -> Party {
        birth
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Party {
    Replica(Replica),
    Client(Client),
}

impl process::Process<Counting> for Party {
    fn handle(&mut self, _: Now, input: Input<Counting>, out: &mut Out) {
        match (self, input) {
            (Party::Client(client), input) => client.handle(input, out),
            (Party::Replica(replica), Input::Message { from, message }) => {
                replica.hear(from, message, out);
            }
            (Party::Replica(replica), Input::Restart { survived, .. }) => {
                let book = survived.get(&BOOK).and_then(|bytes| serde_json::from_slice(bytes).ok());
                replica.book = book.unwrap_or_default();
            }
            _ => {}
        }
    }
}

/// What a client waits for: an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
enum Patience {
    Answer,
}

const PATIENCE_NS: u64 = SECOND_NS;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Client {
    replicas: u32,
    /// How many requests are still to be made.
    left: u64,
    /// The last one, and whether it waits for an answer.
    request: Request,
    waits: bool,
    /// The replica that is asked.
    primary: u32,
}

impl Client {
    fn handle(&mut self, input: Input<Counting>, out: &mut Out) {
        match input {
            Input::Start { .. } => self.go_on(out),
            // It does not know what it has asked for.
            Input::Restart { .. } => out.stop(),
            Input::Timer(Patience::Answer) => {
                self.primary = (self.primary + 1) % self.replicas;
                self.ask(out);
            }
            // It may come late, or a second time.
            Input::Message { message: Message::Answer(to, total), .. }
                if self.waits && to == self.request =>
            {
                out.cancel_timer(Patience::Answer);
                let (Request { client, number: request }, result) = (to, total.to_string());
                out.note(|| ClientNote::Answered { client, request, result });
                self.go_on(out);
            }
            _ => {}
        }
    }

    fn go_on(&mut self, out: &mut Out) {
        let client = self.request.client;
        self.waits = self.left > 0;
        if !self.waits {
            return out.note(|| ClientNote::Finished { client });
        }
        self.left -= 1;
        self.request.number += 1;
        let request = self.request.number;
        out.note(|| ClientNote::Asked { client, request, operation: "add".to_owned() });
        self.ask(out);
    }

    fn ask(&self, out: &mut Out) {
        out.send(Identity::replica(0, self.primary), Message::Add(self.request));
        out.set_timer(Patience::Answer, PATIENCE_NS);
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Replica {
    position: u32,
    replicas: u32,
    slip: Option<Slip>,
    book: Book,
    /// The requests whose primary it is, and which others have them.
    open: BTreeMap<Request, BTreeSet<u32>>,
}

/// Where a replica keeps its book.
const BOOK: u64 = 0;

/// What a replica does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Slip {
    /// It answers before its backups have the addition.
    Hasty,
    /// It gives up when it counts to seven.
    Superstitious,
    /// It keeps nothing for the time after a crash.
    Forgetful,
}

impl Replica {
    fn hear(&mut self, from: Identity, message: Message, out: &mut Out) {
        match message {
            Message::Add(request) => {
                self.learn(Book::from([(request.client, request.number)]), out);
                self.open.entry(request).or_default();
                for other in (0..self.replicas).filter(|other| *other != self.position) {
                    let keep = Message::Keep(request, self.book.clone());
                    out.send(Identity::replica(0, other), keep);
                }
                if self.slip == Some(Slip::Hasty) {
                    self.answer(request, out);
                }
            }
            Message::Keep(request, book) => {
                self.learn(book, out);
                out.send(from, Message::Kept(request, self.book.clone()));
            }
            Message::Kept(request, book) => {
                self.learn(book, out);
                let Some(others) = self.open.get_mut(&request) else { return };
                others.insert(from.index);
                if others.len() as u32 >= self.replicas / 2 {
                    self.answer(request, out);
                }
            }
            Message::Answer(..) => {}
        }
    }

    fn learn(&mut self, book: Book, out: &mut Out) {
        let before = self.book.clone();
        for (client, number) in book {
            let known = self.book.entry(client).or_default();
            *known = number.max(*known);
        }
        if self.book != before && self.slip != Some(Slip::Forgetful) {
            out.persist(BOOK, serde_json::to_vec(&self.book).expect("numbers can be written"));
        }
    }

    fn answer(&mut self, request: Request, out: &mut Out) {
        self.open.remove(&request);
        let total = self.book.values().sum();
        assert!(self.slip != Some(Slip::Superstitious) || total != 7, "no replica counts to seven");
        out.send(Identity::client(request.client), Message::Answer(request, total));
    }
}

// What it promises.

impl Attackable for Counting {
    type Adversary = NoLies;
}

impl Judged for Counting {
    type Bench = Referee;

    fn bench(_: &Scenario) -> Referee {
        let lost = "an answer counts itself and whatever was answered before it was asked";
        let made_up = "an answer counts nothing that nobody asked for";
        Referee {
            nothing_lost: Property::promise("nothing lost", lost),
            nothing_made_up: Property::promise("nothing made up", made_up),
            asked: 0,
            answered: 0,
            answered_before: BTreeMap::new(),
        }
    }
}

#[derive(Clone, Debug)]
struct Referee {
    nothing_lost: Property,
    nothing_made_up: Property,
    asked: u64,
    answered: u64,
    /// How many requests had been answered when this client asked.
    answered_before: BTreeMap<u32, u64>,
}

impl Watch<Counting> for Referee {
    fn see(&mut self, event: &Event<'_, Counting>, _: &Notary) {
        match event.what {
            What::Noted(ClientNote::Asked { client, .. }) => {
                self.asked += 1;
                self.answered_before.insert(*client, self.answered);
            }
            What::Noted(ClientNote::Answered { client, result, .. }) => {
                let at = Place::of(event);
                let total: u64 = result.parse().unwrap_or_default();
                let (before, asked) = (self.answered_before[client], self.asked);
                let text = || format!("the total is {total}, and {before} were answered before");
                self.nothing_lost.test(total > before, at, text);
                let text = || format!("the total is {total}, and {asked} were asked for");
                self.nothing_made_up.test(total <= asked, at, text);
                self.answered += 1;
            }
            _ => {}
        }
    }
}

impl Bench for Referee {
    fn rulings(&self) -> Vec<Ruling> {
        vec![self.nothing_lost.ruling(), self.nothing_made_up.ruling()]
    }
}

// Who takes part.

#[derive(Clone, Copy, Debug)]
struct Counter {
    slip: Option<Slip>,
}

const SOUND: Counter = Counter { slip: None };
const HASTY: Counter = Counter { slip: Some(Slip::Hasty) };
const FORGETFUL: Counter = Counter { slip: Some(Slip::Forgetful) };

impl Cluster for Counter {
    type Protocol = Counting;

    fn name(&self) -> &'static str {
        match self.slip {
            None => "counter",
            Some(Slip::Hasty) => "hasty_counter",
            Some(Slip::Superstitious) => "superstitious_counter",
            Some(Slip::Forgetful) => "forgetful_counter",
        }
    }

    fn replicas(&self) -> u32 {
        3
    }

    fn tolerated(&self) -> u32 {
        1
    }

    fn kinds(&self) -> &'static [Name] {
        &[ADD, KEEP, KEPT]
    }

    fn role(&self, position: u32) -> &'static str {
        if position == 0 { "first" } else { "other" }
    }

    fn recovers(&self) -> bool {
        true
    }

    fn pace(&self) -> Option<Pace> {
        Some(Pace { trips: 4, timeout_ns: PATIENCE_NS })
    }

    fn populate(&self, scenario: &Scenario, world: &mut World<Counting>) {
        let (replicas, slip) = (self.replicas(), self.slip);
        for position in 0..replicas {
            let (book, open) = (Book::new(), BTreeMap::new());
            let replica = Replica { position, replicas, slip, book, open };
            world.spawn(Identity::replica(0, position), Party::Replica(replica));
        }
        for (client, wants) in (0..).zip(&scenario.clients) {
            // Whatever the operation is, here it means to add one.
            let left = wants.workload.demand_count();
            let request = Request { client, number: 0 };
            let party = Client { replicas, left, request, waits: false, primary: 0 };
            world.spawn(Identity::client(client), Party::Client(party));
        }
    }
}

// What comes of it.

/// Everything that can be drawn for it, with few requests.
fn shape(counter: Counter) -> Shape {
    Shape::around(Scenario::new(run::own(counter))).requests(4, 12)
}

/// The reader, told of all.
fn options() -> ReadOptions {
    let superstitious = Counter { slip: Some(Slip::Superstitious) };
    let own = [SOUND, HASTY, FORGETFUL, superstitious].map(run::own).to_vec();
    ReadOptions { own, ..ReadOptions::default() }
}

fn read(text: &str) -> Scenario {
    let reading = scenario::read("test", text.as_bytes(), &options());
    let found: Vec<String> = reading.diagnostics.iter().map(|found| found.compact()).collect();
    reading.scenario.unwrap_or_else(|| panic!("{found:?}\n{text}"))
}

const TWO_CLIENTS: &str = r#"
protocol = "counter"
seed = 1
[[client]]
workload = "put('a','1'); put('a','1')"
[[client]]
workload = "pseudorandom(1,3)"
"#;

#[test]
fn it_counts() {
    let report = run::run(&read(TWO_CLIENTS)).expect("it runs");
    assert_eq!((report.verdict, report.answered()), (Verdict::Held, 5), "{report}");
    let last = |client: usize| report.clients[client].results.last().cloned();
    assert_eq!(last(1).as_deref(), Some("5"));
    assert!(report.rest.is_ok(), "rest is demanded: {report}");
    assert!(report.to_string().contains("held        an answer counts itself"), "{report}");
}

#[test]
fn a_crash_of_the_first_replica_is_borne() {
    let crash = "[[fault]]\nreplica = 0\nwhen = \"received(add,1)\"\nthen = \"crash()\"\n";
    let report = run::run(&read(&format!("{TWO_CLIENTS}{crash}"))).expect("it runs");
    assert_eq!((report.verdict, report.answered()), (Verdict::Held, 5), "{report}");
    assert_eq!(report.faulty_replicas().count(), 1);
    assert_eq!(report.never_fired().count(), 0);
}

const BOTH_BACKUPS: &str = r#"
[[process]]
which = "replica 0"
crashes = [{ at = "1ms", restart = "100ms" }, { at = "500ms" }]
[[process]]
which = "replica 1"
crashes = [{ at = "1ms", restart = "100ms" }]
[[process]]
which = "client 1"
crashes = [{ at = "700us", restart = "1ms" }]
"#;

/// Two of three are gone at once, and nothing is lost: each finds its book again.
#[test]
fn who_lives_again_with_its_book_is_not_faulty() {
    let report = run::run(&read(&format!("{TWO_CLIENTS}{BOTH_BACKUPS}"))).expect("it runs");
    assert_eq!(report.verdict, Verdict::Held, "{report}");
    let faulty: Vec<String> = report.faulty_replicas().collect();
    assert_eq!(faulty, ["faulty: replica 0.0 (at most t = 1)"], "the one that stays away");
    // The client does not know what it had asked for: nobody waits for it.
    assert!(report.clients[0].finished && report.clients[1].gone, "{report}");
    assert_eq!(report.clients[1].answered, 1, "{report}");

    let lost = BOTH_BACKUPS.replace("100ms\" }", "100ms\", memory = \"lost\" }");
    let report = run::run(&read(&format!("{TWO_CLIENTS}{lost}"))).expect("it runs");
    assert!(report.is_beyond_tolerance(), "{report}");
}

/// It promises nothing then, but who waits for ever is named all the same.
#[test]
fn without_a_majority_nobody_is_answered() {
    let crash = |replica: u32, when: &str| {
        format!("[[fault]]\nreplica = {replica}\nwhen = \"{when}\"\nthen = \"crash()\"\n")
    };
    let crashes = crash(1, "received(keep,0)") + &crash(2, "received(keep,1)");
    let report = run::run(&read(&format!("{TWO_CLIENTS}{crashes}"))).expect("it runs");
    assert_eq!(report.verdict, Verdict::BeyondTolerance, "{report}");
    assert_eq!(report.first_broken().map(|finding| finding.judge), Some("liveness"), "{report}");
}

#[test]
fn the_sound_one_holds_whatever_happens() {
    let shape = shape(SOUND);
    let campaign = Campaign { shape, seed: 1, runs: 400, shard: Shard::WHOLE, stop_after: None };
    let tally = campaign.run(&mut |_| true);
    assert_eq!((tally.runs, tally.undecided), (400, 0));
    assert_eq!(tally.groups, BTreeMap::new());
    assert_eq!((tally.held, tally.unended), (400, 0));
    for cell in ["add crash first", "keep drop other", "kept replay first"] {
        assert!(tally.coverage.cells.contains(cell), "{cell}: {:?}", tally.coverage.cells);
    }
}

#[test]
fn the_bug_is_found_made_small_and_drawn() {
    let shape = shape(HASTY);
    let campaign = Campaign { shape, seed: 1, runs: 400, shard: Shard::WHOLE, stop_after: Some(1) };
    let tally = campaign.run(&mut |_| true);
    let (charge, group) = tally.groups.first_key_value().expect("it is found");
    assert_eq!((charge.judge.as_str(), charge.within_tolerance), ("nothing lost", true));
    let found = generate::scenario(&campaign.shape, group.kept[0].seed);
    let Shrunk { scenario: small, is_finished, .. } = shrink::shrink(&found, charge, 5_000);
    let Size { troubles, requests, .. } = Size::of(&small, 0);
    assert!(is_finished);
    assert_eq!((troubles, requests), (1, 3), "{}", scenario::to_toml(&small));

    let artefact = Artefact::of(&small, None).expect("it breaks");
    let again = read(&artefact.toml);
    let report = run::run(&again).expect("it runs");
    assert!(charge.is_shown_by(&report), "{report}");
    assert!(artefact.rust.contains("perjury::run::own(hasty_counter())"), "{}", artefact.rust);
    assert!(artefact.mermaid.contains("client_0->>replica_0_1: add"), "{}", artefact.mermaid);

    let why = explain::explain(&small, 8).expect("it runs").expect("it breaks");
    assert_eq!(&why.charge, charge);
    // What is missing from the answer has no part in how it came about.
    assert_eq!(why.is_enough, Some(false));
}

/// A panic is a finding like others, though nothing is made of it.
#[test]
fn a_panic_is_found_and_kept_as_it_is() {
    let shape = shape(Counter { slip: Some(Slip::Superstitious) });
    let campaign = Campaign { shape, seed: 1, runs: 40, shard: Shard::WHOLE, stop_after: None };
    let tally = campaign.run(&mut |_| true);
    let (charge, group) = tally.groups.first_key_value().expect("somebody counts to seven");
    assert_eq!((charge.judge.as_str(), tally.groups.len()), (Charge::PANIC, 1));
    assert_eq!((group.count, tally.held, tally.unended), (20, 20, 0));
    assert_eq!(charge.panic.as_deref(), Some("no replica counts to seven"));
    assert_eq!(group.kept[0].text, "the run ended in a panic: no replica counts to seven");
    let scenario_of = |found: &Found| Some(generate::scenario(&campaign.shape, found.seed));
    assert!(discoveries(&tally, &scenario_of, &mut |_, _| (), &|| false).is_empty());

    let cells =
        Sweep::of(&read(&TWO_CLIENTS.replace("counter", "superstitious_counter")), |_| true);
    let cells = cells.expect("it runs to five").run(&mut |_| true, &|| false);
    assert_eq!(cells.len(), 250);
}

#[test]
fn who_forgets_is_found_by_crashes() {
    let kinds = Kinds::named(["outage", "partition", "burst"]).expect("there are these kinds");
    let shape = Shape { swarm: false, ..shape(FORGETFUL).only(kinds) };
    let campaign = Campaign { shape, seed: 1, runs: 400, shard: Shard::WHOLE, stop_after: Some(1) };
    let tally = campaign.run(&mut |_| true);
    let (charge, group) = tally.groups.first_key_value().expect("it is found");
    assert_eq!((charge.judge.as_str(), charge.within_tolerance), ("nothing lost", true));
    let found = generate::scenario(&campaign.shape, group.kept[0].seed);
    let Shrunk { scenario: small, .. } = shrink::shrink(&found, charge, 5_000);
    let crashes: usize = small.processes.iter().map(|process| process.crashes.len()).sum();
    let Size { troubles, requests, .. } = Size::of(&small, 0);
    assert_eq!((crashes, troubles, requests), (2, 3, 4), "{}", scenario::to_toml(&small));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_lost(scenario in scenarios(shape(SOUND))) {
        let report = run::run(&scenario).expect("it runs");
        prop_assert!(report.first_broken().is_none(), "{report}");
    }
}

#[test]
fn every_single_failure_is_borne_at_every_message() {
    let cells = Sweep::of(&read(TWO_CLIENTS), |_| true).expect("it runs");
    let cells = cells.run(&mut |_| true, &|| false);
    let broken = cells.iter().filter(|cell| format!("{:?}", cell.outcome).contains("Bro"));
    assert_eq!(cells.len(), 250);
    assert_eq!(broken.count(), 0);
}

#[test]
fn every_order_of_a_small_world_is_walked() {
    // A request of each client, and nobody becomes impatient.
    let small = read(&TWO_CLIENTS.replace("; put('a','1')", "").replace("(1,3)", "(1,1)"));
    let bounds = Bounds { timers: 0, ..Bounds::default() };
    let explored = explore(&small, bounds).expect("nothing is left to chance");
    assert!(explored.broken.is_none() && !explored.states_cut, "{explored:?}");
    assert_eq!(explored.states, 1_029);
    let mut told = Vec::new();
    retrace(&small, bounds, &Walk(vec![0; 9]), &mut |step| told.push(step)).expect("as before");
    let adds = |step: &Step| matches!(step, Step::Event(line) if line.kind == Some("add"));
    assert!(told.iter().any(adds) && !told.iter().any(|step| matches!(step, Step::Lost)));
}

#[test]
fn its_world_is_for_those_who_know_it() {
    let scenario = read(TWO_CLIENTS);
    let mut world = run::world(&SOUND, &scenario).expect("it can be built");
    assert!(world.run(&mut ()).is_quiet());
    let books = world.processes().filter_map(|(_, party)| match party {
        Party::Replica(replica) => Some(replica.book.values().sum()),
        Party::Client(_) => None,
    });
    assert_eq!(books.collect::<Vec<u64>>(), [5, 5, 5]);
}

#[test]
fn slips_are_told_with_a_remedy() {
    let told = |text: &str| -> Vec<String> {
        let reading = scenario::read("test", text.as_bytes(), &options());
        reading.diagnostics.iter().map(|found| found.compact()).collect()
    };
    let with = |more: &str| told(&format!("{TWO_CLIENTS}{more}"));
    let fault = |replica: u32, when: &str, then: &str| {
        with(&format!("[[fault]]\nreplica = {replica}\nwhen = \"{when}\"\nthen = \"{then}\"\n"))
    };
    assert_eq!(fault(0, "received(add,0)", "crash()"), Vec::<String>::new());
    for (found, part) in [
        (fault(0, "received(ad,0)", "crash()"), "did you mean `add`?"),
        (fault(3, "received(add,0)", "crash()"), "counter has the positions 0 to 2"),
        (fault(0, "shuttle(0,0)", "crash()"), "counter has no messages of the chain"),
        (fault(0, "received(add,0)", "equivocate()"), "counter knows no equivocate"),
        (fault(0, "received(add,0)", "flip_bit()"), "does not say that it bears flip_bit"),
        (told(&format!("t = 1\n{TWO_CLIENTS}")), "`t` is a knob of bcr"),
        (told(&TWO_CLIENTS.replace("counter", "countre")), "`protocol` cannot be \"countre\""),
    ] {
        assert!(found.iter().any(|line| line.contains(part)), "{part}: {found:?}");
    }
}
