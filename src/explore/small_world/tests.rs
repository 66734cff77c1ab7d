//! Walks against a walker that remembers nothing, and planted bugs.

use super::*;
use crate::scenario::{self, ReadOptions};

const ONE: &str = "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"put('a','1')\"\n";
const TWO: &str = "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"put('a','1')\"\n\
                   [[client]]\nworkload = \"append('a','2')\"\n";

fn read(text: &str) -> Scenario {
    let reading = scenario::read("small.toml", text.as_bytes(), &ReadOptions::default());
    assert_eq!(reading.diagnostics.len(), 0);
    reading.scenario.expect("it is a scenario")
}

fn with(text: &str, line: &str) -> Scenario {
    read(&text.replacen("t = 1\n", &format!("t = 1\n{line}\n"), 1))
}

#[test]
fn a_way_reads_as_it_prints() {
    for (turns, text) in [
        (vec![], ""),
        (vec![3], "3"),
        (vec![0, 0, 0, 2, 1, 1], "0x3.2.1x2"),
        (vec![1, 0, 1], "1.0.1"),
    ] {
        assert_eq!(Walk(turns.clone()).to_string(), text);
        assert_eq!(text.parse(), Ok(Walk(turns)));
    }
    for wrong in ["a", "1x", "x2", "-1", "1x99999999999999999999"] {
        assert!(wrong.parse::<Walk>().is_err(), "{wrong}");
    }
    let longest = "0.0x99999".parse::<Walk>().map(|Walk(turns)| turns.len());
    assert_eq!(longest, Ok(MOST_TURNS));
    for long in ["1x99999999999", "1x100001", "0.0x100000", "0.0x18446744073709551615"] {
        let told = long.parse::<Walk>().expect_err("it is too long");
        assert!(told.contains("no way has more than 100000 turns"), "{told}");
    }
}

/// Walks everywhere without remembering where it was: the states, and how many ways there are.
fn tree(scenario: &Scenario, bounds: Bounds) -> (BTreeSet<u128>, u64) {
    let (mut seen, mut ways) = (BTreeSet::new(), 0);
    let mut open = vec![SmallWorld::new(scenario, bounds).unwrap().begin];
    while let Some(state) = open.pop() {
        seen.insert(state.fingerprint());
        let on = state.ways_on(&bounds);
        assert_eq!(state.broken(&on), None);
        let WaysOn { next, is_quiet, .. } = on;
        ways += u64::from(next.is_empty());
        for way in &next {
            let mut there = state.clone();
            there.follow(way, is_quiet, &mut Nobody);
            open.push(there);
        }
    }
    (seen, ways)
}

#[test]
fn a_walk_that_remembers_sees_what_one_sees_that_does_not() {
    // With one replica alone, the messages of two clients have few enough ways.
    let alone = TWO.replacen("t = 1", "t = 0", 1);
    for (text, crashes, all) in [(ONE, 0, (3, 1)), (ONE, 1, (55, 8)), (&alone, 0, (70, 10))] {
        let scenario = read(text);
        let bounds = Bounds { timers: 0, crashes, ..Bounds::default() };
        let explored = explore(&scenario, bounds).unwrap();
        let (seen, ways) = tree(&scenario, bounds);
        assert_eq!(explored.broken, None);
        assert_eq!(explored.states, seen.len() as u64);
        assert_eq!((ways, explored.ends), all);
    }
}

#[test]
fn a_crash_anywhere_breaks_nothing() {
    let bounds = Bounds { crashes: 1, timers: 2, ..Bounds::default() };
    let explored = explore(&read(ONE), bounds).unwrap();
    assert_eq!(explored.broken, None);
    assert_eq!(explored.states, 7_490);
    assert!(explored.timers_cut && !explored.states_cut, "{explored:?}");
}

#[test]
fn a_planted_bug_is_found_and_its_way_leads_there() {
    let scenario = with(ONE, "quirk = \"sessions_lost\"");
    let bounds = Bounds { crashes: 1, ..Bounds::default() };
    let (finding, way) = explore(&scenario, bounds).unwrap().broken.expect("it is found");
    assert_eq!(finding.judge, "state");
    let mut told = Vec::new();
    retrace(&scenario, bounds, &way, &mut |step| told.push(step)).unwrap();
    let is_it = |step: &Step| matches!(step, Step::Event(line) if line.number == finding.event);
    assert!(told.iter().any(is_it));
    assert!(!told.iter().any(|step| matches!(step, Step::Lost)));
}

#[test]
fn a_way_that_leads_nowhere_is_lost() {
    let mut told = Vec::new();
    let bounds = Bounds::default();
    retrace(&read(ONE), bounds, &Walk(vec![0, 9]), &mut |step| told.push(step)).unwrap();
    assert!(matches!(told.last(), Some(Step::Lost)));
}

#[test]
fn too_many_states_are_no_answer() {
    let bounds = Bounds { states: 10, ..Bounds::default() };
    let explored = explore(&read(TWO), bounds).unwrap();
    assert!(explored.states_cut && explored.states == 10, "{explored:?}");
}

#[test]
fn as_many_states_as_there_are_may_be_walked() {
    let whole = explore(&read(ONE), Bounds::default()).unwrap();
    let at_most = |states| explore(&read(ONE), Bounds { states, ..Bounds::default() }).unwrap();
    let enough = at_most(whole.states);
    assert_eq!(
        (enough.states, enough.steps, enough.states_cut),
        (whole.states, whole.steps, false)
    );
    let one_less = at_most(whole.states - 1);
    assert_eq!((one_less.states, one_less.states_cut), (whole.states - 1, true));
    assert_eq!(at_most(0).states, 0);
}

#[test]
fn chance_has_no_place_in_a_walk() {
    for more in [
        "[network]\nloss = 0.1\n",
        "[[network.partition]]\nfrom = \"1s\"\nuntil = \"2s\"\ngroups = [[\"client 0\"]]\n",
        "[[process]]\nwhich = \"client 0\"\nclock_offset = \"1s\"\n",
    ] {
        let reading = scenario::read(
            "small.toml",
            format!("{ONE}{more}").as_bytes(),
            &ReadOptions::default(),
        );
        let scenario = reading.scenario.expect("it is a scenario");
        let unfit = explore(&scenario, Bounds::default()).err();
        assert!(matches!(unfit, Some(Unfit::Chance(..))), "{more}: {unfit:?}");
    }
}
