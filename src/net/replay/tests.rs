//! Recordings without sockets: the processes of a cluster, handed what the others send.

use std::collections::VecDeque;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::runtime::Runtime;

use super::super::clock::Clock;
use super::super::record::RecordFolder;
use super::super::record::format::{Entry, Mark, Readable, file_name};
use super::super::record::tests::{Scratch, rewrite, rewrite_ahead};
use super::super::roster::{Notice, Notices};
use super::super::seat::{Coming, Keep, Leaving, Seat};
use super::*;
use crate::crypto::{Memory, Notary, Office, Scheme};
use crate::fault;
use crate::identity::Class;
use crate::object::Operation;
use crate::process::{Input, Interpose, Outbox, Process as _, Protocol as _, Ticket};
use crate::protocol::bcr::{self, Birth, Settings};
use crate::time::Now;

fn scratch(name: &str) -> Scratch {
    Scratch::new(&format!("replay-{name}"))
}

/// One client that asks for nothing of its own, and these failures.
fn scenario_of(faults: &str) -> Scenario {
    let text = format!("protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"\"\n{faults}");
    let reading = scenario::read("a hall", text.as_bytes(), &Default::default());
    reading.scenario.expect("it is a scenario")
}

/// How long a message is on its way.
const WAY: Duration = Duration::from_micros(50);

/// The processes of a cluster, and what is on its way between them. Its time goes on as messages
/// arrive, however long the machine takes.
struct Hall {
    time: Runtime,
    seats: BTreeMap<Identity, Seat<Bcr>>,
    coming: VecDeque<(Identity, Coming<Bcr>)>,
    record: RecordFolder,
    interposers: Option<Interposers<Bcr>>,
    office: Office,
    clock: Clock,
    answered: usize,
}

impl Hall {
    /// One in which these failures happen.
    fn open(record: RecordFolder, faults: &str) -> Hall {
        let scenario = scenario_of(faults);
        let interposers = fault::interposers(&scenario.faults, scenario.seed);
        Hall::behind(record, scenario, interposers)
    }

    /// One with these before its processes.
    fn behind(
        record: RecordFolder,
        scenario: Scenario,
        interposers: Option<Interposers<Bcr>>,
    ) -> Hall {
        record.begin(|| scenario).expect("the folder can be written");
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let time = builder.enable_time().start_paused(true).build().expect("it can be had");
        let (seats, coming, office) = (BTreeMap::new(), VecDeque::new(), Office::new(Memory::None));
        let clock = time.block_on(async { Clock::start() });
        let mut hall =
            Hall { time, seats, coming, record, interposers, office, clock, answered: 0 };
        let settings = Settings::new(1);
        hall.bear(Identity::OLYMPUS, Birth::Olympus { settings, clients: 1 });
        let (number, workload) = (0, Default::default());
        hall.bear(Identity::client(0), Birth::Client { settings, number, workload });
        hall.settle();
        hall
    }

    /// From now on it is so much later.
    fn pass(&self, length: Duration) {
        self.time.block_on(tokio::time::advance(length));
    }

    fn bear(&mut self, identity: Identity, birth: Birth<Sound>) {
        let (address, scheme) = (Address::of(identity), Scheme::Ideal);
        let interposer = self.interposers.as_ref().and_then(|find| find(address));
        let notices = Notices::to(|notice| {
            let is_of_files = matches!(notice, Notice::Unrecorded { .. });
            assert!(is_of_files, "{notice}");
        });
        let time = self.time.handle().clone();
        let _inside = time.enter();
        let recorder = self.record.open::<Bcr>(address, scheme, self.clock, &notices);
        let watch: Option<Box<dyn Keep<Bcr>>> = Some(Box::new(recorder.unwrap()));
        let notary = Notary::of(&self.office, scheme);
        let mut seat = Seat::new(address, birth.clone(), interposer, notary, watch);
        seat.emit(self.clock.now(), 0, What::Born { birth: &birth });
        self.seats.insert(identity, seat);
        self.coming.push_front((identity, Coming::Start([identity.index as u8; 32])));
    }

    /// Hands out what is on its way, until nothing is.
    fn settle(&mut self) {
        let time = self.time.handle().clone();
        let _inside = time.enter();
        while let Some((to, coming)) = self.coming.pop_front() {
            self.pass(WAY);
            let Some(seat) = self.seats.get_mut(&to) else { continue };
            seat.take(self.clock.now(), coming);
            let mut all = Vec::new();
            seat.take_leaving(&mut all);
            for leaving in all {
                match leaving {
                    Leaving::Message { to: whom, sent, message } => {
                        self.coming.push_back((whom, Coming::Message { from: to, sent, message }));
                    }
                    Leaving::Birth { identity, birth, .. } => self.bear(identity, birth),
                    Leaving::Answer(..) => self.answered += 1,
                    Leaving::Writing => self.coming.push_back((to, Coming::Written)),
                }
            }
        }
    }

    /// Asks for so many things.
    fn ask(&mut self, count: usize) {
        for number in 0..count {
            let command = bcr::Command::Ask(Operation::put(["k0", "k1", "k2"][number % 3], "v"));
            let ticket = Ticket(number as u64);
            self.coming.push_back((Identity::client(0), Coming::Command(ticket, command)));
            self.settle();
        }
    }

    /// The program of one process is killed. Before the others go on there is more time than any
    /// message takes.
    fn kill_one(&mut self, whom: Identity) {
        let mut seat = self.seats.remove(&whom).expect("it is there");
        seat.flush();
        std::mem::forget(seat);
        self.pass(1_000 * WAY);
    }

    /// The program is killed: nothing is put down that is not yet, or only what was flushed.
    fn kill(mut self) {
        self.seats.values_mut().for_each(Seat::flush);
        std::mem::take(&mut self.seats).into_values().for_each(std::mem::forget);
    }
}

impl Drop for Hall {
    /// Processes put down when they end.
    fn drop(&mut self) {
        let _inside = self.time.enter();
        self.seats.clear();
    }
}

/// Records a hall in which so much is asked for.
fn recorded(name: &str, count: usize, faults: &str) -> Scratch {
    let folder = scratch(name);
    let mut hall = Hall::open(RecordFolder::new(&*folder), faults);
    hall.ask(count);
    assert_eq!(hall.answered, count);
    folder
}

const LIE: &str = "[[fault]]\nreplica = 1\nwhen = \"shuttle(0,2)\"\nthen = \"change_result()\"\n";

fn process<'a>(replayed: &'a Replayed, name: &str) -> &'a ReplayedProcess {
    let mut processes = replayed.processes.iter();
    processes.find(|one| one.process.to_string() == name).expect("it was recorded")
}

#[test]
fn every_process_does_again_what_it_did() {
    let folder = recorded("again", 5, "");
    let replayed = replay(&folder).expect("it can be read");
    assert_eq!(replayed.partings, []);
    assert_eq!(replayed.report.verdict, Verdict::Held, "{}", replayed.report);
    assert_eq!(replayed.report.clients[0].results, ["OK"; 5]);
    assert_eq!(replayed.report.dictionary.len(), 3);
    assert_eq!(replayed.processes.len(), 5, "Olympus, a client, three replicas");
    for one in &replayed.processes {
        assert_eq!((one.confirmed, &one.cut, one.is_gone), (one.events, &None, false), "{one:?}");
    }
    let all: u64 = replayed.processes.iter().map(|one| one.events).sum();
    assert_eq!(replayed.report.events, all);
    let again = replay(&folder).expect("it can be read twice");
    assert_eq!(again.report.digest, replayed.report.digest);
    assert_eq!(again.processes, replayed.processes);
}

#[test]
fn events_have_one_order_in_which_nothing_is_received_before_it_is_sent() {
    let folder = recorded("order", 3, "");
    let recording = Recording::open(&folder).expect("it can be read");
    let mut lines: Vec<Line> = Vec::new();
    let mut states = 0;
    let replayed = recording.replay_told(true, &mut |told| match told {
        Told::Event(line) => lines.push(line),
        Told::State(_) => states += 1,
    });
    assert_eq!(replayed.expect("it can be read").report.events, lines.len() as u64);
    assert!(states > 10, "{states}");
    let mut received = 0;
    for (number, line) in (1..).zip(&lines) {
        assert_eq!(line.number, number);
        assert!(line.cause < number, "{line}");
        if line.event == "received" {
            let sent = &lines[line.cause as usize - 1];
            assert_eq!((sent.event, sent.kind), ("sent", line.kind), "{line}");
            assert!(sent.at_ns <= line.at_ns, "{line}");
            received += 1;
        }
        if line.event == "born" && line.process.identity.class == Class::Replica {
            assert_eq!(lines[line.cause as usize - 1].process.identity, Identity::OLYMPUS);
        }
        assert!(!line.to_string().contains("falsely"), "{line}");
    }
    assert_eq!(received, 3 * 6 + 2, "of three requests, and of the configuration");
}

#[test]
fn a_lie_is_told_again_and_who_does_not_tell_it_parts() {
    let folder = recorded("lie", 4, LIE);
    let replayed = replay(&folder).expect("it can be read");
    assert_eq!(replayed.partings, []);
    assert_eq!(replayed.report.verdict, Verdict::Held, "{}", replayed.report);
    assert_eq!(replayed.report.injections[0].fired, 1);
    let recording = Recording::open(&folder).expect("it can be read");
    let scenario = recording.scenario().expect("it is built in");
    let honest = recording.replay_of::<Bcr>(scenario, None).expect("it can be read");
    let parting = honest.partings.first().expect("somebody no more lies");
    assert_eq!(honest.partings.len(), 1);
    assert_eq!(parting.process, Address::of(Identity::replica(0, 1)));
    assert_eq!(parting.told, "shuttle from replica 0.0");
    assert_eq!(parting.recorded, "injected");
    assert!(parting.now.contains(": noted ordered "), "{parting}");
}

/// The first parting of the middle replica, where its recording says something else.
fn parting(name: &str, change: impl Fn(&mut Readable<Bcr>)) -> Parting {
    let folder = recorded(name, 2, "");
    let middle = Address::of(Identity::replica(0, 1));
    rewrite::<Bcr>(&folder, middle, change);
    let mut replayed = replay(&folder).expect("it can be read");
    assert!(!replayed.is_as_recorded());
    assert_eq!(replayed.partings.len(), 1, "{:?}", replayed.partings);
    let parting = replayed.partings.remove(0);
    assert_eq!(parting.process, middle);
    parting
}

#[test]
fn a_state_that_differs_is_told_by_its_field() {
    let parting = parting("state", |entry| {
        if let Entry::End(Mark { state: Some(state), .. }) = entry {
            state[1].1 ^= 1;
        }
    });
    assert!(parting.recorded.starts_with("a state with \"next slot\" of hash "), "{parting}");
    assert_eq!(parting.now, "a state with \"next slot\" = 3");
}

#[test]
fn a_digest_that_differs_is_told_where_every_event_is_alike() {
    let parting = parting("digest", |entry| {
        if let Entry::End(mark) = entry {
            mark.digest = Digest::from_bytes([0; 32]);
        }
    });
    assert!(parting.recorded.ends_with(" events, digest 00000000"), "{parting}");
    assert_eq!(parting.recorded.split(',').next(), parting.now.split(',').next());
}

#[test]
fn an_event_too_few_or_too_many_is_told() {
    let few = parting("few", |entry| {
        if let Entry::Did(sights) = entry
            && sights.len() == 3
        {
            sights.pop();
        }
    });
    assert_eq!(few.recorded, "nothing more");
    assert!(few.now.contains("replica 0.1: sent shuttle to=replica 0.2"), "{few}");
    let many = parting("many", |entry| {
        if let Entry::Did(sights) = entry
            && sights.len() == 3
        {
            sights.push(sights[0]);
        }
    });
    assert_eq!((many.recorded.as_str(), many.now.as_str()), ("received shuttle", "nothing more"));
}

#[test]
fn what_a_message_said_is_known_from_its_receiver() {
    let folder = recorded("content", 2, "");
    let recording = Recording::open(&folder).expect("it can be read");
    let scenario = recording.scenario().expect("it is built in");
    let liar = scenario_of(
        "[[fault]]\nreplica = 0\nwhen = \"client_request(0,1)\"\nthen = \"change_operation()\"\n",
    );
    let interposers = fault::interposers::<Bcr>(&liar.faults, 0);
    let replayed = recording.replay_of::<Bcr>(scenario, interposers).expect("it can be read");
    let parting = replayed.partings.first().expect("the head lies now");
    assert_eq!(parting.process, Address::of(Identity::replica(0, 0)));
    assert!(parting.told.starts_with("client_request from client 0"), "{parting}");
    assert!(parting.to_string().contains("\n  recorded    "), "{parting}");
    assert_ne!(parting.recorded, parting.now);
}

#[test]
fn who_is_killed_leaves_what_was_flushed() {
    let folder = scratch("killed");
    let mut hall = Hall::open(RecordFolder::new(&*folder), "");
    hall.ask(3);
    hall.kill();
    let path = folder.join(file_name(Address::of(Identity::replica(0, 1)), 0));
    let bytes = fs::read(&path).expect("it was written");
    fs::write(&path, &bytes[..bytes.len() - 5]).expect("it can be written");
    let replayed = replay(&folder).expect("it can be read");
    assert_eq!(replayed.partings, []);
    assert_eq!(replayed.report.verdict, Verdict::Held, "{}", replayed.report);
    let middle = process(&replayed, "replica 0.1");
    let cut = middle.cut.as_ref().expect("its last record is torn");
    assert!(!cut.is_spoilt && cut.to_string().contains("breaks off in its last record"), "{cut}");
    assert!(replayed.processes.iter().all(|one| !one.is_gone), "all of them are, at one time");
    assert!(replayed.processes.iter().all(|one| one.confirmed == 0), "nothing has an end");
}

/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// What is said of a run whose processes recorded on machines of which these are ahead: the
/// verdict, who was faulty, and whose node was gone.
fn told_of(whole: &Path, ahead: &[(Identity, i64)]) -> String {
    let folder = scratch("ahead");
    fs::create_dir_all(&*folder).expect("it can be made");
    for file in fs::read_dir(whole).expect("it was written") {
        let file = file.expect("it was written");
        fs::copy(file.path(), folder.join(file.file_name())).expect("it can be copied");
    }
    for (who, ahead_ns) in ahead {
        rewrite_ahead::<Bcr>(&folder, Address::of(*who), *ahead_ns);
    }
    let replayed = replay(&folder).expect("it can be read");
    assert_eq!(replayed.partings, []);
    let Report { verdict, faulty, .. } = &replayed.report;
    let gone = replayed.processes.iter().filter(|one| one.is_gone);
    let gone: Vec<String> = gone.map(|one| one.process.to_string()).collect();
    format!("{verdict:?}, faulty {faulty:?}, gone {gone:?}")
}

/// Two runs, one of which stops in the middle of what is asked.
#[test]
fn clocks_of_other_machines_change_nothing_of_what_is_said() {
    let all_well = recorded("clocks-well", 4, "");
    let one_gone = scratch("clocks-gone");
    let mut hall = Hall::open(RecordFolder::new(&*one_gone), "");
    hall.ask(4);
    hall.kill_one(Identity::replica(0, 1));
    hall.ask(2);
    drop(hall);
    let [head, middle, tail] = [0, 1, 2].map(|place| Identity::replica(0, place));
    let (olympus, client) = (Identity::OLYMPUS, Identity::client(0));
    for (folder, as_it_was) in [
        (&all_well, "Held, faulty {}, gone []"),
        (&one_gone, "Undecided, faulty {0: {1}}, gone [\"replica 0.1\"]"),
    ] {
        // Programs that began at one instant would be one.
        assert_eq!(told_of(folder, &[(middle, 1)]), as_it_was);
        for seconds in [-60, -3, 3, 60] {
            for who in [olympus, client, middle] {
                let told = told_of(folder, &[(middle, 1), (who, seconds * SECOND)]);
                assert_eq!(told, as_it_was, "where {who} is {seconds} s ahead");
            }
        }
        let ahead = [(olympus, 3), (client, -60), (head, 60), (middle, -3), (tail, 7)];
        assert_eq!(told_of(folder, &ahead.map(|(who, s)| (who, s * SECOND))), as_it_was);
    }
}

#[test]
fn messages_are_received_later_than_they_are_sent_though_a_clock_is_behind() {
    let folder = recorded("clocks-causal", 3, "");
    rewrite_ahead::<Bcr>(&folder, Address::of(Identity::replica(0, 1)), -60 * SECOND);
    let recording = Recording::open(&folder).expect("it can be read");
    let mut last_ns = 0;
    let replayed = recording.replay_told(false, &mut |told| {
        if let Told::Event(line) = told {
            last_ns = line.at_ns;
        }
    });
    assert_eq!(replayed.expect("it can be read").partings, []);
    assert!(last_ns < 30 * SECOND as u64, "the minute is none: {last_ns}");
}

#[test]
fn where_a_recording_breaks_off_and_its_process_does_not_nobody_is_blamed() {
    let folder = recorded("broken-off", 3, "");
    let path = folder.join(file_name(Address::of(Identity::replica(0, 1)), 0));
    let bytes = fs::read(&path).expect("it was written");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("it can be written");
    let replayed = replay(&folder).expect("it can be read");
    assert_eq!(replayed.partings, []);
    let middle = process(&replayed, "replica 0.1");
    assert!(middle.is_silent && !middle.is_gone && middle.cut.is_some(), "{middle:?}");
    assert_eq!(replayed.report.faulty, BTreeMap::new());
    assert_eq!(replayed.report.verdict, Verdict::Undecided, "{}", replayed.report);
}

/// Of a recording in which the middle replica's program is another one's, and what is on record of
/// it ends: whether it went on, whether it is gone, and what is said of the run.
fn middle_of(folder: &Path) -> (bool, bool, Verdict, Vec<u32>) {
    let replayed = replay(folder).expect("it can be read");
    assert_eq!(replayed.partings, []);
    let middle = process(&replayed, "replica 0.1");
    let Report { verdict, faulty, .. } = &replayed.report;
    let faulty = faulty.values().flatten().copied().collect();
    (middle.is_broken_off, middle.is_gone, *verdict, faulty)
}

const MIDDLE: Address = Address::of(Identity::replica(0, 1));

#[test]
fn who_could_not_be_recorded_further_is_not_taken_for_killed() {
    let folder = scratch("disk-full");
    let record = RecordFolder { segment_bytes: 2_000, ..RecordFolder::new(&*folder) };
    let hall = Hall::open(record, "");
    // Nothing can be written there.
    fs::create_dir(folder.join(file_name(MIDDLE, 1))).expect("it can be made");
    let mut hall = hall;
    hall.ask(30);
    assert_eq!(hall.answered, 30);
    drop(hall);
    let taken = RecordFolder::new(&*folder).begin(|| panic!("there is one already"));
    assert!(taken.unwrap_err().to_string().contains("name another folder"));
    rewrite_ahead::<Bcr>(&folder, MIDDLE, 1);
    assert_eq!(middle_of(&folder), (true, false, Verdict::Undecided, vec![]));
    let word = folder.join("replica-0-1.broken-off");
    assert_eq!(fs::read(&word).expect("it was left"), b"");
    fs::remove_file(word).expect("it is there");
    assert_eq!(middle_of(&folder), (false, true, Verdict::Held, vec![1]), "as if killed");
}

#[test]
fn a_file_that_is_cut_short_by_more_than_a_kill_loses_blames_nobody() {
    let folder = recorded("cut-short", 1_000, "");
    rewrite_ahead::<Bcr>(&folder, MIDDLE, 1);
    let path = folder.join(file_name(MIDDLE, 0));
    let bytes = fs::read(&path).expect("it was written");
    fs::write(&path, &bytes[..bytes.len() / 5]).expect("it can be written");
    assert_eq!(middle_of(&folder), (true, false, Verdict::Undecided, vec![]));
    fs::write(&path, &bytes[..bytes.len() - 60_000]).expect("it can be written");
    assert_eq!(middle_of(&folder), (false, true, Verdict::Held, vec![1]), "as if killed");
}

#[test]
fn what_comes_after_a_while_is_written_at_once_however_busy_a_node_is() {
    let folder = scratch("written");
    let mut hall = Hall::open(RecordFolder::new(&*folder), "");
    let path = folder.join(file_name(Address::of(Identity::client(0)), 0));
    let written = || fs::metadata(&path).expect("it is there").len();
    let (mut before, mut grew) = (written(), Vec::new());
    for pause_ms in [0, 990, 20, 900, 100] {
        hall.pass(Duration::from_millis(pause_ms));
        hall.ask(1);
        grew.push(written() > before);
        before = written();
    }
    assert_eq!(grew, [false, false, true, false, true]);
}

#[test]
fn whose_recording_is_not_there_is_named() {
    let folder = recorded("not-there", 3, "");
    let middle = Identity::replica(0, 1);
    assert_eq!(replay(&folder).expect("it can be read").lacking, []);
    fs::remove_file(folder.join(file_name(Address::of(middle), 0))).expect("it is there");
    let replayed = replay(&folder).expect("it can be read");
    assert_eq!((replayed.lacking, replayed.partings), (vec![middle], vec![]));
    assert_eq!(replayed.report.verdict, Verdict::Undecided, "{}", replayed.report);
}

/// A process with a mistake in it: it fails at its fifth input.
#[derive(Clone, Debug)]
struct Mistaken(u32);

impl Interpose<Bcr> for Mistaken {
    fn handle(
        &mut self,
        now: Now,
        input: Input<Bcr>,
        process: &mut bcr::Process<Sound>,
        out: &mut Outbox<Bcr>,
    ) {
        self.0 += 1;
        assert!(self.0 < 5, "the mistake");
        process.handle(now, input, out);
    }

    fn boxed_clone(&self) -> Box<dyn Interpose<Bcr>> {
        Box::new(self.clone())
    }
}

#[test]
fn the_input_at_which_a_process_failed_is_on_record() {
    let tail = Address::of(Identity::replica(0, 2));
    let mistaken: Interposers<Bcr> = Arc::new(move |address| {
        (address == tail).then(|| Box::new(Mistaken(0)) as Box<dyn Interpose<Bcr>>)
    });
    let folder = scratch("failed");
    let record = RecordFolder::new(&*folder);
    let mut hall = Hall::behind(record, scenario_of(""), Some(mistaken.clone()));
    let asked = catch_unwind(AssertUnwindSafe(|| hall.ask(9)));
    assert!(asked.is_err());
    drop(hall);
    let recording = Recording::open(&folder).expect("it can be read");
    let scenario = recording.scenario().expect("it is built in");
    let again = AssertUnwindSafe(|| recording.replay_of::<Bcr>(scenario, Some(mistaken)));
    let told = catch_unwind(again).expect_err("it fails again");
    assert_eq!(told.downcast_ref::<&str>(), Some(&"the mistake"));
    let mended = recording.replay().expect("it can be read");
    let parting = mended.partings.first().expect("it does not fail any more");
    assert_eq!((parting.process, parting.recorded.as_str()), (tail, "nothing more"));
    assert_eq!(parting.told, "shuttle from replica 0.1");
    assert_eq!(process(&mended, "replica 0.2").inputs, parting.input);
}

#[test]
fn a_recording_in_many_files_is_one() {
    let folder = scratch("files");
    let record = RecordFolder { segment_bytes: 2_000, ..RecordFolder::new(&*folder) };
    let mut hall = Hall::open(record, "");
    hall.ask(12);
    drop(hall);
    let second = folder.join(file_name(Address::of(Identity::replica(0, 1)), 1));
    assert!(second.exists());
    let replayed = replay(&folder).expect("it can be read");
    assert_eq!((replayed.partings, replayed.report.verdict), (Vec::new(), Verdict::Held));
    let again = RecordFolder::new(&*folder).begin(|| panic!("there is one already"));
    assert!(again.unwrap_err().to_string().contains("name another folder"));
    fs::remove_file(&second).expect("it is there");
    let error = replay(&folder).expect_err("a file is missing").to_string();
    assert_eq!(error, "file 1 of replica 0.1 is missing; copy the whole folder");
}

#[test]
fn what_several_programs_recorded_is_replayed_from_one_folder() {
    let folder = recorded("several", 2, "");
    for (part, process) in [("a", Identity::replica(0, 1)), ("b", Identity::OLYMPUS)] {
        let file = file_name(Address::of(process), 0);
        fs::create_dir(folder.join(part)).expect("it can be made");
        fs::rename(folder.join(&file), folder.join(part).join(&file)).expect("it can be moved");
    }
    fs::rename(folder.join(SCENARIO), folder.join("b").join(SCENARIO)).expect("it can be moved");
    let replayed = replay(&folder).expect("it can be read");
    assert_eq!((replayed.partings, replayed.report.verdict), (Vec::new(), Verdict::Held));
}

/// A folder for each of two recordings of one process, the second one of no other.
fn put_together(name: &str, own: &Path, foreign: &Path) -> (Scratch, PathBuf) {
    let folder = scratch(name);
    let (all, one) = (folder.join("z"), folder.join("a"));
    fs::create_dir_all(&all).and_then(|()| fs::create_dir_all(&one)).expect("they can be made");
    for file in fs::read_dir(own).expect("it was written") {
        let file = file.expect("it was written");
        fs::copy(file.path(), all.join(file.file_name())).expect("it can be copied");
    }
    let name = file_name(MIDDLE, 0);
    fs::copy(foreign.join(&name), one.join(&name)).expect("it can be copied");
    (folder, one.join(name))
}

#[test]
fn what_does_not_belong_together_is_told_by_both_names() {
    let refused = |folder: &Path| replay(folder).expect_err("it is refused").to_string();
    let (own, other) = (recorded("together-own", 2, ""), recorded("together-other", 2, ""));
    let (folder, stranger) = put_together("together-mixed", &own, &other);
    let rest = folder.join("z").join(file_name(MIDDLE, 0));
    let [stranger, rest] = [stranger, rest].map(|path| path.display().to_string());
    let told = refused(&folder);
    assert!(told.starts_with(&format!("{stranger} belongs to another recording than {rest};")));
    let (folder, copy) = put_together("together-twice", &own, &own);
    let [copy, rest] =
        [copy, folder.join("z").join(file_name(MIDDLE, 0))].map(|path| path.display().to_string());
    let told = format!("file 0 of replica 0.1 is there twice, as {copy} and as {rest}; ");
    assert!(refused(&folder).starts_with(&told));
}

#[test]
fn those_who_recorded_agree_on_what_was_run() {
    let folder = recorded("agree", 2, "");
    let (first, second) = (folder.join(SCENARIO), folder.join("b").join(SCENARIO));
    let text = fs::read_to_string(&first).expect("it was written");
    fs::create_dir(folder.join("b")).expect("it can be made");
    fs::write(&second, &text).expect("it can be written");
    assert_eq!(replay(&folder).expect("it can be read").report.verdict, Verdict::Held);
    let other = text.replace("\nt = 1\n", "\nt = 2\n");
    assert_ne!(other, text);
    fs::write(&second, other).expect("it can be written");
    let told = replay(&folder).expect_err("it is refused").to_string();
    let (first, second) = (first.display(), second.display());
    let disagree = format!("{first} and {second} do not say the same of what was run; ");
    assert!(told.starts_with(&disagree), "{told}");
}

#[test]
fn what_lost_its_beginning_is_refused() {
    let folder = scratch("later");
    let usual = RecordFolder::new(&*folder);
    let mut hall =
        Hall::open(RecordFolder { segment_bytes: 2_000, keep_bytes: 10_000, ..usual }, "");
    hall.ask(30);
    drop(hall);
    let error = replay(&folder).expect_err("the beginning is lost").to_string();
    assert!(error.starts_with("the recording of replica 0.0 begins after its first "), "{error}");
    assert!(error.contains("--record-keep"), "{error}");
}

#[test]
fn what_is_no_recording_is_refused_with_a_remedy() {
    let refused = |folder: &Path| replay(folder).expect_err("it is refused").to_string();
    let folder = recorded("refused", 1, "");
    let path = folder.join(file_name(Address::of(Identity::OLYMPUS), 0));
    let bytes = fs::read(&path).expect("it was written");
    let text = |old: &str, new: &str| {
        let end = bytes.iter().position(|byte| *byte == b'\n').expect("it has a header");
        let header = String::from_utf8_lossy(&bytes[..end]).replace(old, new).into_bytes();
        fs::write(&path, [&header, &bytes[end..]].concat()).expect("it can be written");
    };
    text("\"format\":1", "\"format\":7");
    assert!(refused(&folder).contains("a recording of format 7, and this program reads format 1"));
    text("\"bcr\"", "\"counter\"");
    assert!(refused(&folder).contains("a recording of protocol `counter`, not `bcr`"));
    text("olympus", "client 0");
    let client = folder.join(file_name(Address::of(Identity::client(0)), 0));
    let [odd, rest] = [&path, &client].map(|path| path.display().to_string());
    let told = format!("{odd} belongs to another recording than {rest}; keep each in its own");
    assert!(refused(&folder).starts_with(&told), "it has another one's name");
    fs::write(&path, "nothing\n").expect("it can be written");
    assert!(refused(&folder).contains("take it out of the folder"));
    fs::remove_file(&path).expect("it is there");
    let replayed = replay(&folder).expect("the others can be read");
    assert_eq!(replayed.partings, []);
    assert_eq!(replayed.report.verdict, Verdict::Undecided, "nobody knows all keys");
    fs::remove_file(folder.join(SCENARIO)).expect("it is there");
    assert!(refused(&folder).contains("it says what was run"));
    let empty = scratch("empty");
    assert!(refused(&empty).contains("check the path"));
    fs::create_dir_all(&*empty).expect("it can be made");
    assert!(refused(&empty).contains("no recording is here"));
}

/// What may befall a file.
#[derive(Clone, Debug)]
enum Mishap {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
}

fn mishap() -> impl Strategy<Value = Mishap> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        (place(), 1..=255_u8).prop_map(|(place, change)| Mishap::Flip(place, change)),
        place().prop_map(Mishap::Cut),
        (place(), any::<Vec<u8>>()).prop_map(|(place, bytes)| Mishap::Insert(place, bytes)),
        (place(), 1..40_usize).prop_map(|(place, count)| Mishap::Remove(place, count)),
    ]
}

impl Mishap {
    fn befall(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        if length == 0 {
            return;
        }
        match self {
            Mishap::Flip(place, change) => bytes[place.index(length)] ^= change,
            Mishap::Cut(place) => bytes.truncate(place.index(length)),
            Mishap::Insert(place, inserted) => {
                let place = place.index(length);
                bytes.splice(place..place, inserted.iter().copied());
            }
            Mishap::Remove(place, count) => {
                let place = place.index(length);
                bytes.drain(place..length.min(place + count));
            }
        }
    }
}

/// Whatever befalls a file: it is refused, or read as far as it is good, and no process does
/// anything else than it did.
#[test]
fn a_spoilt_recording_makes_nobody_part() {
    let whole = recorded("spoilt-whole", 2, "");
    let mut files: Vec<_> = fs::read_dir(&*whole).unwrap().map(|one| one.unwrap()).collect();
    files.sort_by_key(|one| one.file_name());
    let mishaps = (any::<prop::sample::Index>(), proptest::collection::vec(mishap(), 1..4));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) };
    let tried = TestRunner::new(config).run(&mishaps, |(file, mishaps)| {
        let folder = scratch("spoilt");
        fs::create_dir_all(&*folder).unwrap();
        let chosen = file.index(files.len());
        for (place, one) in files.iter().enumerate() {
            let mut bytes = fs::read(one.path()).unwrap();
            if place == chosen {
                mishaps.iter().for_each(|mishap| mishap.befall(&mut bytes));
            }
            fs::write(folder.join(one.file_name()), bytes).unwrap();
        }
        if let Ok(replayed) = replay(&folder) {
            prop_assert_eq!(replayed.partings, []);
            // By other rules than those of the run it may well be broken.
            let is_judged_alike = files[chosen].file_name() != SCENARIO;
            prop_assert!(!is_judged_alike || replayed.report.verdict != Verdict::Broken);
        }
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn the_protocol_has_the_name_that_recordings_tell() {
    assert_eq!(Bcr::<Sound>::NAME, Bcr::<Quirk>::NAME);
}
