//! What generated scenarios are, whatever the seed.

use std::collections::BTreeSet;

use super::scenario;
use crate::explore::{Kinds, Knob, Menu, Shape};
use crate::fault::text;
use crate::scenario::{self as model, Scenario, to_toml};

fn shape() -> Shape {
    Shape::of("bcr").unwrap()
}

fn drawn(shape: &Shape, count: u64) -> impl Iterator<Item = Scenario> {
    (0..count).map(|seed| scenario(shape, seed))
}

#[test]
fn a_seed_is_a_scenario() {
    let shape = shape();
    assert_eq!(scenario(&shape, 5), scenario(&shape, 5));
    let all: BTreeSet<String> = drawn(&shape, 200).map(|drawn| to_toml(&drawn)).collect();
    assert_eq!(all.len(), 200);
}

#[test]
fn every_scenario_can_be_written_and_read_again() {
    for (seed, drawn) in (0..).zip(drawn(&shape(), 500)) {
        let text = to_toml(&drawn);
        let reading = model::read("drawn", text.as_bytes(), &Default::default());
        assert_eq!(reading.scenario.as_ref(), Some(&drawn), "seed {seed}:\n{text}");
    }
}

#[test]
fn within_tolerance_no_configuration_has_too_many_faulty_replicas() {
    for drawn in drawn(&shape(), 1_000) {
        let bears = Menu::of(&drawn.protocol).tolerated() as usize;
        assert!((0..3).all(|c| drawn.faulty(c).len() <= bears), "{}", to_toml(&drawn));
    }
}

/// A crash at some time of the clock takes the room of a failure at a message.
#[test]
fn a_base_with_a_crash_has_no_room_for_another_faulty_replica() {
    let mut base = shape().base;
    let which = model::Party::Replica { configuration: 0, position: 1 };
    let crashes = vec![model::Crash { at_ns: 2_000_000, restart: None }];
    base.processes.push(model::ProcessTrouble { crashes, ..model::ProcessTrouble::none(which) });
    let shape = Shape::around(base);
    for shape in [shape.clone(), shape.only(Kinds::named(["crash"]).unwrap())] {
        let all: Vec<Scenario> = drawn(&shape, 300).collect();
        for drawn in &all {
            assert_eq!(drawn.faulty(0), BTreeSet::from([1]), "{}", to_toml(drawn));
            assert!((1..3).all(|c| drawn.faulty(c).len() <= 1), "{}", to_toml(drawn));
        }
        // It is the one whom more may befall.
        assert!(all.iter().any(|drawn| drawn.faults.iter().any(|fault| fault.configuration == 0)));
    }
}

#[test]
fn outages_come_to_clients_and_to_replicas_for_which_there_is_room() {
    let outages = shape().only(Kinds::named(["outage"]).unwrap());
    let all: Vec<Scenario> = drawn(&Shape { swarm: false, ..outages }, 500).collect();
    let crashes = all.iter().flat_map(|drawn| &drawn.processes);
    let sorts: BTreeSet<_> = crashes
        .map(|process| {
            let restart = process.crashes[0].restart.map(|restart| restart.with_memory);
            (matches!(process.which, model::Party::Client(_)), restart)
        })
        .collect();
    assert_eq!(sorts.len(), 6, "{sorts:?}");
    for drawn in &all {
        let bears = Menu::of(&drawn.protocol).tolerated() as usize;
        assert!((0..3).all(|c| drawn.faulty(c).len() <= bears), "{}", to_toml(drawn));
        let asks_much = |process: &model::ProcessTrouble| {
            process.which == model::Party::Olympus || process.crashes.len() != 1
        };
        assert!(!drawn.processes.iter().any(asks_much), "{}", to_toml(drawn));
    }
}

#[test]
fn beyond_it_the_first_configuration_mostly_has() {
    let shape = shape().beyond();
    let too_many = drawn(&shape, 1_000).filter(|drawn| {
        let bears = Menu::of(&drawn.protocol).tolerated() as usize;
        drawn.faulty(0).len() > bears
    });
    let too_many = too_many.count();
    assert!(too_many > 850, "{too_many} of 1,000");
}

#[test]
fn every_failure_is_drawn_at_every_trigger() {
    let mut seen = BTreeSet::new();
    for drawn in drawn(&shape(), 5_000) {
        for fault in &drawn.faults {
            let names = fault.failures.iter().map(|failure| failure.name());
            seen.extend(names.map(|name| (fault.trigger.name(), name)));
        }
    }
    for trigger in text::triggers().map(|trigger| trigger.name()) {
        for failure in text::failure_names() {
            // What comes to one position alone goes with no failure of the others.
            let nowhere = [("forwarded_request", "early_checkpoint")];
            let is_seen = seen.contains(&(trigger, failure));
            assert!(is_seen || nowhere.contains(&(trigger, failure)) || is_head(trigger, failure));
        }
    }
}

/// Whether only the head has the trigger and it cannot have the failure, or the other way round.
fn is_head(trigger: &str, failure: &str) -> bool {
    match trigger {
        "forwarded_request" => failure == "drop_checkpt_stmts",
        "shuttle" | "checkpoint" => ["increment_slot", "equivocate"].contains(&failure),
        _ => false,
    }
}

#[test]
fn what_is_switched_off_is_not_drawn() {
    let none = shape().only(Kinds::none());
    for drawn in drawn(&none, 100) {
        assert!(drawn.faults.is_empty() && drawn.processes.is_empty());
        assert_eq!(drawn.network, model::Network::default());
        assert_eq!(drawn.schedule, model::Schedule::Timed);
    }
    let crashes = shape().only(Kinds::named(["crash"]).unwrap());
    let mut failures = drawn(&crashes, 100).flat_map(|drawn| drawn.faults);
    assert!(failures.all(|fault| fault.failures == [crate::fault::Failure::Crash]));
}

#[test]
fn switching_a_kind_off_leaves_the_others_as_they_were() {
    let no_swarm = Shape { swarm: false, ..shape() };
    let kinds = Kinds::all().without(&Kinds::named(["latency", "pause"]).unwrap());
    let fewer = Shape { kinds, ..no_swarm.clone() };
    for seed in 0..100 {
        let (all, some) = (scenario(&no_swarm, seed), scenario(&fewer, seed));
        assert_eq!(all.faults, some.faults);
        assert_eq!(all.network.partitions, some.network.partitions);
        assert_eq!(all.clients, some.clients);
    }
}

#[test]
fn a_base_keeps_what_it_says() {
    let text = "protocol = \"bcr\"\nt = 3\n[[client]]\nworkload = \"get('k')\"\n\
                [network]\nlatency = \"7ms\"\n[[fault]]\nconfiguration = 0\nreplica = 2\n\
                when = \"shuttle(0,0)\"\nthen = \"crash()\"\n[expect]\nanswered = 1\n";
    let base = model::read("base", text.as_bytes(), &Default::default()).scenario.unwrap();
    let shape = Shape::around(base.clone());
    for drawn in drawn(&shape, 100) {
        assert_eq!(Menu::of(&drawn.protocol).tolerated(), 3);
        assert_eq!(drawn.clients, base.clients);
        assert_eq!(drawn.network.link, base.network.link);
        assert_eq!(drawn.faults[0], base.faults[0]);
        assert!(drawn.faulty(0).len() <= 3);
        assert_eq!(drawn.expect, model::Expect::default());
    }
}

#[test]
fn knobs_that_are_kept_are_those_of_the_base() {
    let usual = model::Bcr { t: 2, ..model::Bcr::default() };
    let kept = shape().faulty(2, 2).keeping([Knob::Checkpoints]).keeping(Knob::TIMEOUTS);
    for drawn in drawn(&kept, 100) {
        assert_eq!(drawn.protocol.bcr(), Some(&usual));
    }
    let client = shape().keeping([Knob::ClientTimeout]);
    let mut others = 0;
    for (one, all) in drawn(&client, 100).zip(drawn(&shape(), 100)) {
        let (one, all) = (one.protocol.bcr().unwrap(), all.protocol.bcr().unwrap());
        assert_eq!(one.client_timeout_ns, model::Bcr::TIMEOUT_NS);
        assert_eq!(one, &model::Bcr { client_timeout_ns: one.client_timeout_ns, ..all.clone() });
        others += u64::from(one.head_timeout_ns != model::Bcr::TIMEOUT_NS);
    }
    assert!(others > 20, "{others} of 100 have another timeout");
}
