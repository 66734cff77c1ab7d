//! What is left of a scenario when it is small, and what it takes to get there.

use super::*;
use crate::explore::{Shape, Size, generate};
use crate::fault::{Failure, Fault, Trigger};
use crate::scenario::{Client, Crash, Deliver, Party, ProcessTrouble, Restart, Scenario};
use crate::time::SECOND_NS;

/// Walks to the end under a rule of what still fails; returns what is left, and how many proposals
/// that took.
fn walk(scenario: Scenario, fails: impl Fn(&Scenario) -> bool) -> (Scenario, u64) {
    let mut walk = Walk::new(scenario);
    let mut proposals = 0;
    while let Some(proposed) = walk.propose() {
        proposals += 1;
        match fails(proposed) {
            true => walk.accept(),
            false => walk.reject(),
        }
    }
    (walk.into_best(), proposals)
}

fn fault(replica: u32, number: u64, failure: Failure) -> Fault {
    let trigger = Trigger::Shuttle { client: 0, number };
    Fault { configuration: 0, replica, trigger, failures: vec![failure] }
}

/// A scenario of everything, with 200 faults more.
fn crowd() -> Scenario {
    let shape = Shape { swarm: false, ..Shape::of("bcr").unwrap() };
    let mut scenario = generate::scenario(&shape, 11);
    for number in 0..200 {
        scenario.faults.push(fault(1 + number as u32 % 2, number, Failure::ChangeResult));
    }
    scenario
}

#[test]
fn three_of_two_hundred_faults_are_found_in_a_few_hundred_steps() {
    let wanted = [20, 21, 170].map(|number| fault(1 + number as u32 % 2, number, Failure::FlipBit));
    let mut scenario = crowd();
    scenario.faults.splice(77..77, wanted.clone());
    let fails = |s: &Scenario| wanted.iter().all(|fault| s.faults.contains(fault));
    let (small, proposals) = walk(scenario, fails);
    assert_eq!(small.faults, wanted);
    assert_eq!((small.clients.len(), Size::of(&small, 0).requests), (1, 0));
    assert_eq!(Size::of(&small, 0).troubles, 3);
    assert_eq!(small.network, crate::scenario::Network::default());
    assert!(proposals < 600, "{proposals} proposals");
}

#[test]
fn whatever_fails_the_walk_ends() {
    // Nothing fails; everything does; every second thing does.
    assert_eq!(walk(crowd(), |_| false).0, crowd());
    let (smallest, proposals) = walk(crowd(), |_| true);
    assert_eq!(Size::of(&smallest, 0), Size { troubles: 0, requests: 0, events: 0 });
    assert!(proposals < 100, "{proposals} proposals");
    for seed in 0..20 {
        let turn = std::cell::Cell::new(seed);
        let (_, proposals) = walk(crowd(), |_| {
            turn.set((turn.get() * 7 + 3) % 1_009);
            turn.get() % 2 == 0
        });
        assert!(proposals < 3_000, "{proposals} proposals");
    }
}

#[test]
fn crashes_go_down_to_standing_still() {
    let with_crash = |restart| {
        let crashes = vec![Crash { at_ns: 7 * SECOND_NS, restart }];
        let process = ProcessTrouble { crashes, ..ProcessTrouble::none(Party::Position(1)) };
        let mut scenario = crowd();
        scenario.processes = vec![process];
        scenario
    };
    let lost = Some(Restart { after_ns: 3 * SECOND_NS, with_memory: false });
    // Whatever happens to somebody.
    let (small, _) = walk(with_crash(lost), |s| !s.processes.is_empty());
    let process = &small.processes[0];
    assert!(process.crashes.is_empty() && process.pauses.len() == 1, "{process:?}");
    // It has to live again.
    let lives_again = |s: &Scenario| {
        let mut crashes = s.processes.iter().flat_map(|process| &process.crashes);
        crashes.any(|crash| crash.restart.is_some_and(|restart| restart.after_ns >= SECOND_NS))
    };
    let (small, _) = walk(with_crash(lost), lives_again);
    let [Crash { at_ns: 0, restart: Some(restart) }] = small.processes[0].crashes[..] else {
        panic!("{:?}", small.processes);
    };
    assert!(restart.with_memory && restart.after_ns < 2 * SECOND_NS, "{restart:?}");
}

#[test]
fn failures_go_down_their_order() {
    let mut scenario = crowd();
    scenario.faults = vec![fault(1, 9, Failure::ChangeResult)];
    // It only has to be silent at some time.
    let (small, _) = walk(scenario, |s| {
        let silent = [Failure::Crash, Failure::Drop, Failure::ChangeResult];
        s.faults.len() == 1 && s.faults[0].failures.iter().any(|one| silent.contains(one))
    });
    assert_eq!(small.faults, [fault(1, 0, Failure::Crash)]);
}

#[test]
fn clients_close_ranks() {
    let mut scenario = crowd();
    scenario.clients = vec![Client::default(); 4];
    let trigger = Trigger::Shuttle { client: 3, number: 1 };
    let crash = Fault { trigger, ..fault(1, 1, Failure::Crash) };
    scenario.faults = vec![crash.clone()];
    scenario.network.overrides.clear();
    let (small, _) = walk(scenario, |s| s.clients.len() >= 2 && s.faults.len() == 1);
    assert_eq!(small.clients.len(), 2);
    assert!(small.faults[0].trigger.client() < Some(2));
}

/// A rule of the course's under which an accepted operation can be lost.
fn unsound() -> Shape {
    let mut shape = Shape::of("bcr").unwrap().faulty(1, 1);
    let bcr = shape.base.protocol.bcr_mut().unwrap();
    bcr.deliver = Deliver::CaughtUp;
    // The tests below hold this one's first broken scenario to numbers, so how many failures are
    // drawn is said here: what campaigns draw may change with what finds bugs soonest.
    Shape { failures_each: 4, ..shape }
}

/// The first broken scenarios of a shape, with what they are charged with.
fn broken(shape: &Shape) -> impl Iterator<Item = (Scenario, Charge)> {
    let all = (0..).filter_map(|seed| {
        let scenario = generate::scenario(shape, seed);
        let charge = Charge::of(&run::run(&scenario).ok()?)?;
        Some((scenario, charge))
    });
    all.filter(|(_, charge)| charge.judge == "extension")
}

#[test]
fn what_is_left_fails_for_the_same_reason_at_any_number_of_threads() {
    let shape = unsound();
    let (scenario, charge) = broken(&shape).next().expect("there is no end of them");
    let shrunk = |jobs| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().unwrap();
        pool.install(|| shrink(&scenario, &charge, TRIES))
    };
    let (one, three) = (shrunk(1), shrunk(3));
    assert_eq!((&one.scenario, one.tries), (&three.scenario, three.tries));
    assert!(one.is_finished);
    assert!(is_shown(&one.scenario, &charge));
    let (before, after) = (Size::of(&scenario, 0), Size::of(&one.scenario, 0));
    assert_eq!((before.troubles, before.requests), (11, 20));
    // What troubles is left are the two answers that stand in for a seed.
    assert_eq!((after.troubles, after.requests), (2, 6));
    assert_eq!((one.scenario.choices.len(), one.scenario.seed), (MOST_ANSWERS, 0));
}

#[test]
fn the_tries_are_bounded() {
    let shape = unsound();
    let (scenario, charge) = broken(&shape).next().expect("as above");
    let cut = shrink(&scenario, &charge, 5);
    assert_eq!((cut.tries, cut.is_finished), (5, false));
    assert!(is_shown(&cut.scenario, &charge));
}

/// Three faults lose an operation; 197 others stand around them and do nothing of note.
#[test]
fn a_bug_of_three_faults_is_found_among_two_hundred() {
    let text = include_str!("../../../scenarios/bcr/accepted_operation_lost_under_quorum.toml");
    let reading = crate::scenario::read("lost", text.as_bytes(), &Default::default());
    let mut scenario = reading.scenario.expect("it is in the folder of good scenarios");
    scenario.expect = Default::default();
    let sleep = |ms| Failure::Sleep { milliseconds: ms };
    for number in 0..197 {
        let failure = [Failure::ChangeResult, sleep(3), Failure::Drop][number as usize % 3];
        let far = Fault { configuration: 1 + number as u32 % 4, ..fault(1, number, failure) };
        scenario.faults.insert(number as usize % 50, far);
    }
    let charge = Charge::of(&run::run(&scenario).unwrap()).expect("it breaks");
    let Shrunk { scenario, tries, .. } = shrink(&scenario, &charge, TRIES);
    assert_eq!(Size::of(&scenario, 0).troubles, 3);
    assert!(tries < 300, "{tries} tries");
}

/// A scenario with a bug, and what it is charged with.
fn with_bug(text: &str) -> (Scenario, Charge) {
    let text = format!("protocol = \"bcr\"\n{text}");
    let reading = crate::scenario::read("bug", text.as_bytes(), &Default::default());
    let scenario = reading.scenario.expect("it is a scenario");
    let charge = Charge::of(&run::run(&scenario).unwrap()).expect("it breaks");
    (scenario, charge)
}

/// A reconfiguration takes its time, and shows its bugs before it is over.
#[test]
fn what_is_left_holds_when_the_bug_is_mended() {
    let (scenario, charge) = with_bug(
        "quirk = \"small_quorum\"\n[[client]]\nworkload = \"get('k')\"\n\
         [[process]]\nwhich = \"replica 0.2\"\npauses = [{ at = \"0s\", for = \"10s\" }]\n",
    );
    let mut small = shrink(&scenario, &charge, TRIES).scenario;
    assert!(is_shown(&small, &charge));
    small.protocol.bcr_mut().expect("it is one").quirk = None;
    let report = run::run(&small).expect("it can be run");
    assert_eq!(report.verdict, crate::scenario::Verdict::Held, "{report}");
}

/// Two clients of whom one is overtaken, on links that reorder.
const OVERTAKEN: &str = "quirk = \"quorum_not_awaited\"\nt = 2\n\
    [[client]]\nworkload = \"get('alibi')\"\n[[client]]\nworkload = \"get('oath')\"\n\
    [network]\nlinks = \"datagram\"\nlatency = { exponential = \"990us\" }\nreorder = 0.5\n\
    [[fault]]\nreplica = 0\nwhen = \"client_request(0,0)\"\nthen = \"extra_op()\"\n";

#[test]
fn what_is_left_cannot_be_made_smaller() {
    for seed in [13, 171] {
        let (scenario, charge) = with_bug(&format!("seed = {seed}\n{OVERTAKEN}"));
        let small = shrink(&scenario, &charge, TRIES);
        assert!(small.is_finished);
        let again = shrink(&small.scenario, &charge, TRIES);
        assert_eq!(again.scenario, small.scenario, "from seed {seed}");
    }
}

/// A lie that one replica keeps, and then a client takes; a smaller scenario has the client first.
#[test]
fn who_finds_fault_first_stays_the_first() {
    let (scenario, charge) = with_bug(
        "quirk = \"small_quorum\"\nseed = 1\n[checkpoint]\nevery = 5\n\
         [timeouts]\nolympus = \"500ms\"\n[network]\nlatency = \"39ms..195ms\"\n\
         [[client]]\nworkload = \"pseudorandom(1,9)\"\n\
         [[client]]\nworkload = \"pseudorandom(2,9)\"\n\
         [[fault]]\nreplica = 2\nwhen = \"checkpoint(0)\"\nthen = \"lie_result()\"\n",
    );
    assert_eq!(charge.judge, "served results");
    let small = shrink(&scenario, &charge, TRIES).scenario;
    assert_eq!(Charge::of(&run::run(&small).unwrap()), Some(charge.clone()));
    // Somebody else is asked for, who is not the first.
    let replay = Charge { judge: "replay".to_owned(), ..charge };
    assert!(is_shown(&shrink(&scenario, &replay, TRIES).scenario, &replay));
}
