//! Retransmission: the cases, by their names, and who may ask for a reconfiguration because of it.

use super::super::messages::kind;
use super::super::notes::{Case, Dropped, Note};
use super::super::statements::Reason;
use super::super::*;
use super::*;
use crate::identity::Identity;
use crate::process::Message as _;

fn one_request() -> Stage {
    Stage::new(Settings::new(1), &[&[put("a", "1")]])
}

fn case_at(stage: &Stage, who: Identity, wanted: Case) -> usize {
    stage.noted(who, |note| matches!(note, Note::Retransmitted { case, .. } if *case == wanted))
}

fn asked(stage: &Stage, who: Identity, wanted: Reason) -> usize {
    let is_it = |note: &Note| match note {
        Note::AsksForReconfiguration { reason, .. } => *reason == wanted,
        _ => false,
    };
    stage.noted(who, is_it)
}

/// Drops the first message of a kind from one to another.
fn lose_first(stage: &mut Stage, from: Identity, to: Identity, kind: crate::choice::Name) {
    let mut lost = false;
    stage.meddler = Box::new(move |by, at, message| {
        if !lost && (by, at) == (from, to) && message.kind() == kind {
            lost = true;
            return vec![];
        }
        vec![message]
    });
}

/// R1 and H1: who has the result cached answers the client, with the proof. The client has asked
/// everybody, and asked Olympus whether the configuration changed.
#[test]
fn r1_and_h1_answer_from_the_cache() {
    let mut stage = one_request();
    lose_first(&mut stage, replica(2), client(0), kind::RESULT);
    stage.run();
    assert_eq!(stage.answers(), [""; 0]);
    stage.fire(client(0), Timer::Client).run();
    assert_eq!(case_at(&stage, replica(0), Case::H1), 1);
    assert_eq!(case_at(&stage, replica(1), Case::R1), 1);
    assert_eq!(case_at(&stage, replica(2), Case::R1), 1);
    assert_eq!(stage.answers(), ["OK"], "further results are of no interest");
    assert_eq!(stage.count(kind::GET_CONFIGURATION), 2);
    assert_eq!(stage.count(kind::FORWARDED_REQUEST), 0);
}

/// H1 for a forwarded request: forwarder and client are both satisfied. The forwarder takes what
/// the head sends as if it came from its successor, stops its timer and answers the client, too;
/// but it does not pass on what came from the head.
#[test]
fn h1_satisfies_the_forwarder_and_the_client() {
    let mut stage = one_request();
    let (from, to, shuttle) = {
        lose_first(&mut stage, replica(1), replica(0), kind::RESULT_SHUTTLE);
        stage.held.insert((replica(2), client(0)));
        stage.held.insert((replica(2), replica(1)));
        stage.run();
        stage.held.remove(&(replica(2), replica(1)));
        stage.until(kind::RESULT_SHUTTLE)
    };
    // The head has the result by another way; the middle replica has not.
    stage.deliver(replica(1), replica(0), shuttle.clone());
    assert_eq!(
        (from, to, stage.look(replica(0), "cached")),
        (replica(2), replica(1), "0/0".into())
    );
    let before = stage.count(kind::RESULT_SHUTTLE);
    stage.fire(client(0), Timer::Client).run();
    assert_eq!(case_at(&stage, replica(1), Case::R3), 1);
    assert_eq!(case_at(&stage, replica(0), Case::H1), 2, "directly, and forwarded by replica 1");
    assert_eq!(stage.count(kind::RESULT_SHUTTLE), before + 1);
    assert_eq!(stage.look(replica(1), "cached"), "0/0");
    let answers = |note: &Note| matches!(note, Note::AnswersClient { .. });
    assert_eq!(stage.noted(replica(1), answers), 1);
    assert_eq!(stage.answers(), ["OK"]);
    assert!(stage.timers.is_empty());
}

/// R3: another replica forwards to the head and waits; the result shuttle stops its timer and it
/// answers the client.
#[test]
fn r3_forwards_and_waits() {
    let mut stage = one_request();
    stage.held.insert((replica(1), replica(2)));
    stage.run();
    stage.fire(client(0), Timer::Client).run();
    let timer = Timer::Nonhead { client: 0, request: 0 };
    assert_eq!(case_at(&stage, replica(1), Case::R3), 1);
    assert_eq!(case_at(&stage, replica(2), Case::R3), 1);
    assert!(stage.timers.contains_key(&(replica(1), timer)));
    stage.held.clear();
    stage.run();
    assert!(stage.timers.is_empty());
    assert_eq!(stage.count(kind::RESULT), 3, "tail, middle and head each answer");
    assert_eq!(stage.answers(), ["OK"]);
}

/// R3, in vain: when its timer runs out, the replica asks for a reconfiguration.
#[test]
fn r3_asks_when_nothing_comes() {
    let mut stage = one_request();
    stage.held.insert((replica(0), replica(1)));
    stage.run();
    stage.fire(client(0), Timer::Client).run();
    stage.fire(replica(1), Timer::Nonhead { client: 0, request: 0 });
    assert_eq!(asked(&stage, replica(1), Reason::TimerExpired), 1);
}

/// H2: an ordered request is never ordered again, and its timer starts once. All 2t forwards of one
/// request land here.
#[test]
fn h2_waits_and_never_orders_again() {
    let mut stage = one_request();
    stage.held.insert((replica(1), replica(2)));
    stage.run();
    stage.fire(client(0), Timer::Client).run();
    assert_eq!(case_at(&stage, replica(0), Case::H2), 3);
    let timer = (replica(0), Timer::Head { client: 0, request: 0 });
    assert!(stage.timers.contains_key(&timer));
    assert_eq!(stage.look(replica(0), "next slot"), "2");
    stage.fire(timer.0, timer.1);
    assert_eq!(asked(&stage, replica(0), Reason::TimerExpired), 1);
}

/// H3: a request that the head does not know is ordered as new, and since it is a retransmission,
/// the head's timer runs; the forwards of the same request find it ordered.
#[test]
fn h3_orders_as_new() {
    let mut stage = one_request();
    lose_first(&mut stage, client(0), replica(0), kind::CLIENT_REQUEST);
    stage.run();
    assert_eq!(stage.look(replica(0), "next slot"), "1");
    stage.fire(client(0), Timer::Client).run();
    assert_eq!(case_at(&stage, replica(0), Case::H3), 1);
    assert_eq!(case_at(&stage, replica(0), Case::H2) + case_at(&stage, replica(0), Case::H1), 2);
    assert_eq!(stage.answers(), ["OK"]);
    assert!(stage.timers.is_empty(), "{:?}", stage.timers);
}

/// A first transmission that the network doubles starts no timer and is ordered once.
#[test]
fn a_doubled_first_transmission_is_nothing() {
    let mut stage = one_request();
    stage.meddler = Box::new(|_, _, message| match message.kind() == kind::CLIENT_REQUEST {
        true => vec![message.clone(), message],
        false => vec![message],
    });
    stage.held.insert((replica(0), replica(1)));
    stage.run();
    assert_eq!(stage.look(replica(0), "next slot"), "2");
    assert!(stage.timers.keys().all(|(who, _)| *who == client(0)));
}

/// A request older than the client's newest one is ignored by everybody: it has been answered.
#[test]
fn an_old_request_is_ignored() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1"), get("a")]]);
    let (from, to, old) = stage.until(kind::CLIENT_REQUEST);
    stage.deliver(from, to, old.clone());
    stage.run();
    for position in 0..3 {
        stage.deliver(client(0), replica(position), old.clone());
        let ignored = |note: &Note| matches!(note, Note::Dropped { why: Dropped::OldRequest, .. });
        assert_eq!(stage.noted(replica(position), ignored), 1);
    }
    assert!(stage.timers.is_empty());
}

/// The timer of a request stops when its client goes on to the next one: it must have its answer.
#[test]
fn a_newer_request_stops_the_timer() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1"), get("a")]]);
    stage.held.insert((replica(2), replica(1)));
    stage.held.insert((replica(2), client(0)));
    stage.run();
    stage.fire(client(0), Timer::Client).run();
    assert!(stage.timers.contains_key(&(replica(1), Timer::Nonhead { client: 0, request: 0 })));
    stage.held.remove(&(replica(2), client(0)));
    stage.run();
    assert_eq!(stage.answers(), ["OK", "1"]);
    assert!(stage.timers.is_empty(), "{:?}", stage.timers);
}

/// A request that its client has not signed has no effect, wherever it comes from directly.
#[test]
fn a_request_without_its_clients_signature_is_nothing() {
    let mut stage = one_request();
    let (from, to, message) = stage.until(kind::CLIENT_REQUEST);
    let Message::ClientRequest { request, retransmitted } = message else { panic!() };
    let request = Arc::new((*request).clone().map_signature(|signature| signature.corrupted()));
    stage.deliver(from, to, Message::ClientRequest { request, retransmitted });
    stage.run();
    assert_eq!(stage.look(replica(0), "next slot"), "1");
    assert_eq!(stage.count(kind::RECONFIGURATION_REQUEST), 0);
}

/// Nobody can speak for another: a request that another client passes on is dropped.
#[test]
fn a_request_comes_from_its_client() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")], &[]]);
    let (_, to, message) = stage.until(kind::CLIENT_REQUEST);
    stage.deliver(client(1), to, message);
    assert_eq!(stage.look(replica(0), "next slot"), "1");
}

/// The cache is looked at before the rule about old ids: a client whose next request is on its way
/// already may still be given the result that it asked for before.
#[test]
fn the_cache_comes_before_the_rule_about_old_ids() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1"), get("a")]]);
    let (from, to, first) = stage.until(kind::CLIENT_REQUEST);
    stage.deliver(from, to, first.clone());
    stage.held.insert((replica(1), replica(2)));
    let shuttle = stage.until(kind::SHUTTLE);
    stage.deliver(shuttle.0, shuttle.1, shuttle.2);
    stage.held.clear();
    stage.until(kind::RESULT_SHUTTLE);
    let mut other = Stage::new(Settings::new(1), &[&[put("a", "1"), get("a")]]);
    let (_, _, result) = other.until(kind::RESULT_SHUTTLE);
    stage.deliver(replica(2), replica(1), result);
    stage.held.insert((replica(1), replica(2)));
    stage.run();
    assert_eq!(stage.look(replica(1), "ordered"), "0/1");
    assert_eq!(stage.look(replica(1), "cached"), "0/0");
    stage.deliver(client(0), replica(1), first);
    assert_eq!(case_at(&stage, replica(1), Case::R1), 1);
}
