//! Reconfiguration, from the first wedge request to the last old replica that stops.

use std::sync::Arc;

use super::super::chain::Chain;
use super::super::messages::kind;
use super::super::notes::{Case, Dropped, Note, QuorumFlaw};
use super::super::rules::{Ignored, WedgeFlaw};
use super::super::statements::*;
use super::super::*;
use super::*;
use crate::crypto::{Notary, Signed};
use crate::identity::Identity;
use crate::process::Message as _;

const OLYMPUS: Identity = Identity::OLYMPUS;

/// Two requests, after which the chain is at rest.
fn at_rest(settings: Settings) -> Stage {
    let mut stage = Stage::new(settings, &[&[put("a", "1"), append("a", "2")]]);
    stage.run();
    stage
}

/// The quorums that Olympus tried, in order.
fn tried(stage: &Stage) -> Vec<Vec<u32>> {
    let quorum = |(_, note): &(Identity, Note)| match note {
        Note::QuorumTried { quorum, .. } => Some(quorum.clone()),
        _ => None,
    };
    stage.notes.iter().filter_map(quorum).collect()
}

fn final_quorums(stage: &Stage) -> Vec<Vec<u32>> {
    let quorum = |(_, note): &(Identity, Note)| match note {
        Note::QuorumFinal { quorum, .. } => Some(quorum.clone()),
        _ => None,
    };
    stage.notes.iter().filter_map(quorum).collect()
}

fn lacking(stage: &Stage) -> Vec<Vec<usize>> {
    let lacking = |(_, note): &(Identity, Note)| match note {
        Note::QuorumTried { lacking, .. } => Some(lacking.clone()),
        _ => None,
    };
    stage.notes.iter().filter_map(lacking).collect()
}

fn is_refusal(why: WedgeFlaw) -> impl Fn(&Note) -> bool {
    move |note| matches!(note, Note::WedgeRefused { why: found, .. } if *found == why)
}

fn never(_: Identity, _: Identity, message: Msg) -> Vec<Msg> {
    vec![message]
}

/// Lets a replica tell another wedged message than it would, validly signed.
fn with_wedged(
    settings: Settings,
    liar: u32,
    mut change: impl FnMut(&mut Wedged, &mut Notary) + 'static,
) -> Stage {
    let mut stage = at_rest(settings);
    let key = stage.key(replica(liar));
    let mut notary = stage.notary().clone();
    stage.meddler = Box::new(move |from, _, message| match message {
        Message::Wedged(wedged) if from == replica(liar) => {
            let mut body = wedged.body().clone();
            change(&mut body, &mut notary);
            vec![Message::Wedged(Arc::new(Signed::seal(body, &key, &mut notary)))]
        }
        message => vec![message],
    });
    stage
}

/// All of it: a crashed replica stops the chain, a timer runs out, the others are wedged, agree,
/// hand over their state; new replicas take it, the client's request goes to the new head, old ones
/// stop.
#[test]
fn a_crash_is_survived() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1"), append("a", "2"), get("a")]]);
    stage.meddler = Box::new(|from, _, message| match &message {
        Message::Shuttle { request, .. } if from == replica(0) && request.body().id == 1 => vec![],
        _ => vec![message],
    });
    stage.run();
    stage.crash(replica(1));
    stage.fire(client(0), Timer::Client).run();
    assert_eq!(stage.answers(), ["OK"]);
    stage.fire(replica(0), Timer::Head { client: 0, request: 1 }).run();
    assert_eq!(final_quorums(&stage), [[0, 2]]);
    assert_eq!(lacking(&stage), [[0, 1]], "the head has ordered one more than the tail");
    assert_eq!(stage.answers(), ["OK", "OK", "12"]);
    assert!((0..3).all(|position| !stage.is_alive(replica(position))));
    assert!((0..3).all(|position| stage.look(successor(position), "mode") == "active"));
    assert!(stage.timers.is_empty(), "{:?}", stage.timers);
}

/// A request that is executed before a reconfiguration is not executed again after it: the new
/// chain orders it in a slot of its own, changes nothing, and proves the result of its time.
#[test]
fn a_request_is_executed_once_across_configurations() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1"), append("a", "2")]]);
    stage.meddler = Box::new(|_, _, message| match message {
        Message::Result(proven) if proven.id == 1 && proven.configuration() == Some(0) => vec![],
        Message::Delivery(_) => vec![],
        message => vec![message],
    });
    stage.run();
    stage.plead(replica(1));
    stage.run();
    assert_eq!(stage.answers(), ["OK", "OK"]);
    let repeated = |note: &Note| matches!(note, Note::Ordered { slot: 1, repeated: true, .. });
    assert_eq!(stage.noted(successor(0), repeated), 1);
    assert!(stage.look(successor(2), "state").contains("\"12\""));
}

/// What reached a client's chain but not the client, Olympus delivers, once the quorum is final.
#[test]
fn olympus_delivers_what_the_quorum_confirms() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")]]);
    stage.meddler = Box::new(|_, _, message| match message.kind() == kind::RESULT {
        true if matches!(message, Message::Result(_)) => vec![],
        _ => vec![message],
    });
    stage.run();
    stage.plead(replica(0));
    stage.until(kind::GET_RUNNING_STATE);
    assert_eq!(stage.count(kind::RESULT), 0, "not before the quorum is final");
    stage.fire(OLYMPUS, Timer::Step).run();
    assert_eq!(stage.answers(), ["OK"]);
    let delivered =
        |note: &Note| matches!(note, Note::Answered { from: OLYMPUS, agreeing: 2, slot: 1, .. });
    assert_eq!(stage.noted(client(0), delivered), 1);
}

/// The course's rule delivers as soon as the members agree.
#[test]
fn results_may_leave_early_by_another_rule() {
    let settings = Settings { deliver: Deliver::CaughtUp, ..Settings::new(1) };
    let mut stage = at_rest(settings);
    stage.plead(replica(0));
    stage.until(kind::GET_RUNNING_STATE);
    let delivered = |note: &Note| matches!(note, Note::ResultDelivered { .. });
    assert_eq!(stage.noted(OLYMPUS, delivered), 1);
}

/// A wedged replica orders nothing more and takes no checkpoint; it says so to clients (R2), but
/// results it has it serves (R1), and those that still come it caches.
#[test]
fn a_wedged_replica_is_immutable() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")], &[put("b", "1")]]);
    stage.held.insert((replica(2), replica(1)));
    let (from, to, second) = stage.until(kind::CLIENT_REQUEST);
    stage.deliver(from, to, second.clone());
    let (from, to, first) = stage.until(kind::CLIENT_REQUEST);
    let (_, _, shuttle) = stage.until(kind::SHUTTLE);
    stage.deliver(replica(0), replica(1), shuttle.clone());
    stage.run();
    stage.held.insert((replica(0), OLYMPUS));
    stage.held.insert((replica(1), OLYMPUS));
    stage.held.insert((replica(2), OLYMPUS));
    stage.plead(replica(0));
    stage.run();
    assert_eq!(stage.look(replica(0), "mode"), "immutable");
    stage.deliver(from, to, first);
    assert_eq!(stage.look(replica(0), "next slot"), "2");
    stage.run();
    assert_eq!(stage.count(kind::ERROR), 1);
    let r2 = |note: &Note| matches!(note, Note::Retransmitted { case: Case::R2, .. });
    assert_eq!(stage.noted(replica(0), r2), 1);
    stage.held.remove(&(replica(2), replica(1)));
    stage.run();
    assert_eq!(stage.look(replica(0), "cached"), "0/0");
    stage.deliver(client(0), replica(0), second);
    let h1 = |note: &Note| matches!(note, Note::Retransmitted { case: Case::H1, .. });
    assert_eq!(stage.noted(replica(0), h1), 1);
}

/// A client that is told so asks Olympus for the configuration, and is answered with the new one,
/// when there is one.
#[test]
fn a_configuration_asked_for_meanwhile_is_the_new_one() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")], &[put("b", "1")]]);
    let (from, to, request) = stage.until(kind::CLIENT_REQUEST);
    stage.plead(replica(2));
    for position in 0..3 {
        stage.held.insert((replica(position), OLYMPUS));
    }
    stage.run();
    stage.deliver(from, to, request);
    stage.run();
    let told = stage.count(kind::CONFIGURATION);
    assert_eq!(stage.count(kind::GET_CONFIGURATION), 2 + 1, "client 1 was served before");
    stage.held.clear();
    stage.run();
    assert_eq!(stage.count(kind::CONFIGURATION), told + 2);
    assert_eq!(stage.answers(), ["OK", "OK"]);
}

/// The wedged message is fixed by the first wedge request and repeated as it was; Olympus keeps the
/// first from each.
#[test]
fn a_wedged_message_is_fixed() {
    let mut stage = at_rest(Settings::new(1));
    stage.plead(replica(0));
    let (_, to, request) = stage.until(kind::WEDGE_REQUEST);
    let before = stage.sent.len();
    stage.deliver(OLYMPUS, to, request.clone());
    stage.deliver(OLYMPUS, to, request);
    let told: Vec<_> = stage.sent[before..].iter().map(|(_, _, wedged)| wedged.clone()).collect();
    assert_eq!(told[0], told[1]);
    stage.run();
    let repeated = |note: &Note| matches!(note, Note::Dropped { why: Dropped::Repeated, .. });
    let late = |note: &Note| matches!(note, Note::Dropped { why: Dropped::Late, .. });
    assert_eq!((stage.noted(OLYMPUS, repeated), stage.noted(OLYMPUS, late)), (1, 0));
}

/// A wedge request needs the signature of Olympus.
#[test]
fn only_olympus_wedges() {
    let mut stage = at_rest(Settings::new(1));
    let key = stage.key(replica(1));
    let request = Signed::seal(WedgeRequest { configuration: 0 }, &key, stage.notary());
    let request = Message::WedgeRequest(Arc::new(request));
    stage.deliver(OLYMPUS, replica(0), request.clone());
    stage.deliver(replica(1), replica(0), request);
    assert_eq!(stage.look(replica(0), "mode"), "active");
}

/// Whatever is wrong in a wedged message keeps its sender out of every quorum.
#[test]
fn what_is_not_proved_stands_in_no_quorum() {
    type Change = fn(&mut Wedged, &mut Notary);
    let cases: [(WedgeFlaw, Change); 5] = [
        (WedgeFlaw::WrongStart, |wedged, _| drop(wedged.history.remove(0))),
        (WedgeFlaw::BadOrderProof, |wedged, _| wedged.history[0].orders = Chain::EMPTY),
        (WedgeFlaw::BadOrderProof, |wedged, _| {
            wedged.history[1].orders = wedged.history[0].orders.clone();
        }),
        (WedgeFlaw::BadClientSignature, |wedged, _| {
            let request = (*wedged.history[1].request).clone();
            wedged.history[1].request = Arc::new(request.map_signature(|old| old.corrupted()));
        }),
        (WedgeFlaw::BadCheckpoint, |wedged, _| {
            let state = *wedged.history[0].request.hash();
            let lie = CheckpointStatement { configuration: 0, slot: 2, state };
            let (key, _) = Notary::new(crate::crypto::Scheme::Ideal, crate::crypto::Memory::None)
                .keys(&[9; 32], replica(0));
            let mut notary = Notary::new(crate::crypto::Scheme::Ideal, crate::crypto::Memory::None);
            wedged.checkpoint = Chain::EMPTY.with(Signed::seal(lie, &key, &mut notary));
            wedged.history.clear();
        }),
    ];
    for (flaw, change) in cases {
        let mut stage = with_wedged(Settings::new(1), 0, change);
        stage.plead(replica(2));
        stage.run();
        assert_eq!(stage.noted(OLYMPUS, is_refusal(flaw)), 1, "{flaw:?}");
        assert_eq!(final_quorums(&stage), [[1, 2]], "{flaw:?}");
    }
}

/// A hole in a history is refused.
#[test]
fn a_hole_is_refused() {
    let mut stage = with_wedged(Settings::new(1), 0, |wedged, _| {
        let last = wedged.history.pop().unwrap();
        wedged.history.push(Recorded { slot: last.slot + 1, ..last });
    });
    stage.plead(replica(2));
    stage.run();
    assert_eq!(stage.noted(OLYMPUS, is_refusal(WedgeFlaw::Hole)), 1);
}

/// A wedged message that its sender has not signed is refused, too.
#[test]
fn an_unsigned_history_is_refused() {
    let mut stage = at_rest(Settings::new(1));
    stage.meddler = Box::new(|from, _, message| match message {
        Message::Wedged(wedged) if from == replica(0) => {
            let spoilt = (*wedged).clone().map_signature(|old| old.corrupted());
            vec![Message::Wedged(Arc::new(spoilt))]
        }
        message => vec![message],
    });
    stage.plead(replica(2));
    stage.run();
    assert_eq!(stage.noted(OLYMPUS, is_refusal(WedgeFlaw::BadSignature)), 1);
    assert_eq!(final_quorums(&stage), [[1, 2]]);
}

/// Histories are compared by slot: after a checkpoint whose proof did not reach the head, they
/// begin at different slots, and agree none the less.
#[test]
fn histories_of_different_length_agree() {
    let settings = Settings { checkpoint_interval: 2, ..Settings::new(1) };
    let operations: Vec<_> = (0..5).map(|number| put("a", &number.to_string())).collect();
    let mut stage = Stage::new(settings, &[&operations]);
    stage.meddler = Box::new(|_, to, message| {
        let lost = message.kind() == kind::COMPLETED_CHECKPOINT && to == replica(0);
        if lost { vec![] } else { vec![message] }
    });
    stage.run();
    assert_eq!(stage.look(replica(0), "history"), "1..=5");
    assert_eq!(stage.look(replica(1), "history"), "5..=5");
    stage.plead(replica(2));
    stage.run();
    assert_eq!(final_quorums(&stage), [[0, 1]]);
}

/// Two histories that hold different requests in one slot do not stand in one quorum.
#[test]
fn histories_that_contradict_each_other_are_kept_apart() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")], &[put("b", "1")]]);
    let (from, to, shuttle) = stage.until(kind::SHUTTLE);
    let Message::Shuttle { request: first, .. } = &shuttle else { panic!() };
    let first = first.clone();
    stage.deliver(from, to, shuttle);
    stage.run();
    let key = stage.key(replica(0));
    let mut notary = stage.notary().clone();
    stage.meddler = Box::new(move |from, _, message| match message {
        Message::Wedged(wedged) if from == replica(0) => {
            let mut body = wedged.body().clone();
            let other = body.history[1].request.clone();
            assert_ne!(other.hash(), first.hash());
            let order = Order { configuration: 0, slot: 1, request: *other.hash() };
            let orders = Chain::EMPTY.with(Signed::seal(order, &key, &mut notary));
            body.history = vec![Recorded { slot: 1, request: other, orders }];
            vec![Message::Wedged(Arc::new(Signed::seal(body, &key, &mut notary)))]
        }
        message => vec![message],
    });
    stage.plead(replica(1));
    stage.run();
    assert_eq!(tried(&stage), [[1, 2]]);
}

/// A member that hides the end of its history is brought up to date with it: what it has executed
/// already has no effect.
#[test]
fn what_was_executed_already_has_no_effect() {
    let mut stage = with_wedged(Settings::new(1), 0, |wedged, _| drop(wedged.history.pop()));
    stage.plead(replica(2));
    stage.run();
    assert_eq!(lacking(&stage), [[1, 0]]);
    assert_eq!(final_quorums(&stage), [[0, 1]]);
    assert!(stage.look(successor(0), "state").contains("\"12\""));
}

/// Makes a replica lie about the state that it has caught up to.
fn with_caught_up(settings: Settings, liar: u32, change: fn(&mut CaughtUp)) -> Stage {
    let mut stage = at_rest(settings);
    let key = stage.key(replica(liar));
    let mut notary = stage.notary().clone();
    stage.meddler = Box::new(move |from, _, message| match message {
        Message::CaughtUp(told) if from == replica(liar) => {
            let mut body = told.body().clone();
            change(&mut body);
            vec![Message::CaughtUp(Arc::new(Signed::seal(body, &key, &mut notary)))]
        }
        message => vec![message],
    });
    stage
}

/// Members that tell different states after catching up refuse their quorum, and never stand in one
/// again; the next quorum in lexicographic order is tried.
#[test]
fn different_states_refuse_the_quorum() {
    let mut stage =
        with_caught_up(Settings::new(2), 0, |told| told.state = state_hash_of_nothing());
    stage.plead(replica(2));
    stage.run();
    assert_eq!(tried(&stage)[0], [0, 1, 2]);
    assert_eq!(final_quorums(&stage), [[1, 2, 3]]);
    assert!(tried(&stage).iter().skip(1).all(|quorum| !quorum.starts_with(&[0, 1])));
}

fn state_hash_of_nothing() -> crate::crypto::Digest {
    crate::crypto::Digest::from_bytes([0; 32])
}

/// A member that tells a wrong last slot has lied for certain.
#[test]
fn a_wrong_last_slot_is_a_lie() {
    let mut stage = with_caught_up(Settings::new(2), 1, |told| told.last_slot += 1);
    stage.plead(replica(2));
    stage.run();
    let why =
        |note: &Note| matches!(note, Note::QuorumRefused { why: QuorumFlaw::WrongLastSlot, .. });
    assert_eq!(stage.noted(OLYMPUS, why), 1);
    assert_eq!(final_quorums(&stage), [[0, 2, 3]]);
}

/// Catching up happens on a copy: an attempt that fails leaves no trace in the replica, and its
/// copy is not handed over for another attempt.
#[test]
fn a_failed_attempt_leaves_no_trace() {
    let mut stage = at_rest(Settings::new(1));
    stage.plead(replica(2));
    let (_, to, catch_up) = stage.until(kind::CATCH_UP);
    let before = stage.look(to, "state");
    let key = stage.key(OLYMPUS);
    let stranger = stage.key(client(0));
    let body = Request { client: 0, id: 7, operation: put("a", "trace") };
    let request = Arc::new(Signed::seal(body, &stranger, stage.notary()));
    let body = CatchUp { configuration: 0, attempt: 1, requests: vec![(3, request)] };
    let forged = Message::CatchUp(Arc::new(Signed::seal(body, &key, stage.notary())));
    stage.deliver(OLYMPUS, to, forged);
    assert_eq!(stage.look(to, "state"), before);
    assert!(before.contains("\"12\""));
    let get = GetRunningState { configuration: 0, attempt: 2 };
    let get = Message::GetRunningState(Arc::new(Signed::seal(get, &key, stage.notary())));
    stage.deliver(OLYMPUS, to, get);
    assert_eq!(stage.count(kind::RUNNING_STATE), 0);
    drop(catch_up);
}

/// A member that does not answer makes its quorums wait; when no other is left, they are tried
/// again, as new attempts, with twice the patience.
#[test]
fn silence_is_not_held_against_anybody_for_good() {
    let mut stage = at_rest(Settings::new(1));
    stage.crash(replica(2));
    stage.held.insert((replica(1), OLYMPUS));
    stage.plead(replica(0));
    stage.run();
    assert_eq!(tried(&stage), [[0; 0]; 0], "one wedged message is no quorum");
    stage.fire(OLYMPUS, Timer::Step).run();
    assert_eq!(stage.count(kind::WEDGE_REQUEST), 3 + 2, "those that have not answered, again");
    stage.held.remove(&(replica(1), OLYMPUS));
    stage.held.insert((OLYMPUS, replica(1)));
    stage.run();
    assert_eq!(tried(&stage), [[0, 1]], "a late wedged message counts");
    stage.fire(OLYMPUS, Timer::Step).run();
    assert_eq!(tried(&stage), [[0, 1], [0, 1]]);
    let doubled = |note: &Note| matches!(note, Note::NewPass { patience: 2 });
    assert_eq!(stage.noted(OLYMPUS, doubled), 1);
    stage.fire(OLYMPUS, Timer::Step).run();
    assert_eq!(tried(&stage).len(), 2, "the question is repeated before it is given up");
    assert_eq!(stage.count(kind::CATCH_UP), 2 + 2 + 1);
    stage.held.clear();
    stage.run();
    assert_eq!(final_quorums(&stage), [[0, 1]]);
    let attempt = |note: &Note| matches!(note, Note::QuorumFinal { attempt: 2, .. });
    assert_eq!(stage.noted(OLYMPUS, attempt), 1);
}

/// A member that crashes when asked for its state: the next quorum is tried without it.
#[test]
fn silence_about_the_running_state_means_the_next_quorum() {
    let mut stage = at_rest(Settings::new(2));
    stage.crash(replica(0));
    stage.plead(replica(3));
    let (_, to, _) = stage.until(kind::GET_RUNNING_STATE);
    assert_eq!((to, tried(&stage)), (replica(1), vec![vec![1, 2, 3]]));
    stage.crash(replica(1));
    stage.run();
    stage.fire(OLYMPUS, Timer::Step).run();
    assert_eq!(final_quorums(&stage), [[2, 3, 4]]);
}

/// A member that hands over another state than agreed: the next member of the same quorum is asked.
#[test]
fn a_lie_about_the_running_state_is_seen() {
    let mut stage = at_rest(Settings::new(1));
    let key = stage.key(replica(0));
    let mut notary = stage.notary().clone();
    stage.meddler = Box::new(move |from, _, message| match message {
        Message::RunningState(running) if from == replica(0) => {
            let state = Default::default();
            let body = RunningState { state, ..running.body().clone() };
            vec![Message::RunningState(Arc::new(Signed::seal(body, &key, &mut notary)))]
        }
        message => vec![message],
    });
    stage.plead(replica(2));
    stage.run();
    let refused = |note: &Note| matches!(note, Note::RunningStateRefused { position: 0, .. });
    assert_eq!(stage.noted(OLYMPUS, refused), 1);
    assert_eq!(final_quorums(&stage), [[0, 1]]);
    assert!(stage.look(successor(0), "state").contains("\"12\""));
}

/// The new configuration is repeated until it is acknowledged; t + 1 acknowledgements stop all old
/// replicas. A new replica keeps its mail until it has its state.
#[test]
fn a_new_configuration_is_repeated_until_acknowledged() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")], &[put("b", "1")]]);
    stage.held.insert((client(1), replica(0)));
    stage.meddler = Box::new(|_, to, message| {
        let lost = message.kind() == kind::NEW_CONFIGURATION && to != successor(1);
        if lost { vec![] } else { vec![message] }
    });
    stage.run();
    stage.plead(replica(0));
    stage.run();
    assert_eq!(stage.look(successor(0), "mode"), "pending");
    assert_eq!(stage.look(successor(0), "queued"), "1", "client 1 has asked it");
    assert!(stage.is_alive(replica(0)), "one acknowledgement is not enough");
    stage.meddler = Box::new(never);
    stage.fire(OLYMPUS, Timer::Acknowledgements).run();
    assert_eq!(stage.count(kind::NEW_CONFIGURATION), 1 + 2);
    assert!((0..3).all(|position| !stage.is_alive(replica(position))));
    assert_eq!(stage.answers(), ["OK", "OK"]);
    assert!(!stage.timers.contains_key(&(OLYMPUS, Timer::Acknowledgements)));
}

/// A configuration may be replaced before its predecessor's replicas have stopped; they stop when
/// the newer one is acknowledged.
#[test]
fn configurations_follow_each_other() {
    let mut stage = at_rest(Settings::new(1));
    stage.meddler = Box::new(|from, _, message| {
        let lost = message.kind() == kind::ACKNOWLEDGEMENT && from.configuration == 1;
        if lost { vec![] } else { vec![message] }
    });
    stage.plead(replica(0));
    stage.run();
    assert!(stage.is_alive(replica(1)));
    stage.plead(successor(2));
    stage.run();
    assert_eq!(stage.look(OLYMPUS, "configuration"), "2");
    assert!(
        (0..3).all(|place| !stage.is_alive(replica(place)) && !stage.is_alive(successor(place)))
    );
    assert!(stage.look(Identity::replica(2, 1), "state").contains("\"12\""));
    assert!(!stage.timers.contains_key(&(OLYMPUS, Timer::Acknowledgements)));
}

/// A client that has all its answers has finished, and a configuration that it learns of later
/// makes nothing of that.
#[test]
fn a_client_finishes_once() {
    let mut stage = at_rest(Settings::new(1));
    stage.plead(replica(0));
    stage.run();
    let learned = |note: &Note| matches!(note, Note::Learned { configuration: 1, .. });
    let finished = |note: &Note| matches!(note, Note::Finished { .. });
    assert_eq!(stage.noted(client(0), learned), 1);
    assert_eq!(stage.noted(client(0), finished), 1);
}

/// A second request for a reconfiguration is ignored while one is under way, and one from a replica
/// that should have stopped is answered with the order to stop.
#[test]
fn one_reconfiguration_at_a_time() {
    let mut stage = at_rest(Settings::new(1));
    stage.plead(replica(0));
    stage.plead(replica(1));
    let ignored = |wanted: Ignored| move |note: &Note| why_ignored(note) == Some(wanted);
    assert_eq!(stage.noted(OLYMPUS, ignored(Ignored::UnderWay)), 1);
    stage.run();
    let stops = stage.count(kind::STOP);
    stage.plead(replica(1));
    assert_eq!(stage.noted(OLYMPUS, ignored(Ignored::OtherConfiguration)), 1);
    assert_eq!(stage.count(kind::STOP), stops + 1);
}

/// A replica that has asked repeats its question until it is wedged.
#[test]
fn a_question_is_repeated() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")]]);
    stage.held.insert((replica(1), replica(2)));
    stage.run();
    stage.fire(client(0), Timer::Client).run();
    stage.held.insert((OLYMPUS, replica(0)));
    stage.fire(replica(0), Timer::Head { client: 0, request: 0 });
    stage.fire(replica(0), Timer::Plea);
    assert_eq!(stage.count(kind::RECONFIGURATION_REQUEST), 2);
    stage.held.clear();
    stage.run();
    assert!(!stage.timers.contains_key(&(replica(0), Timer::Plea)));
    assert_eq!(stage.answers(), ["OK"]);
}

/// Two statements that contradict each other are proof, from whomever they come.
#[test]
fn a_stranger_with_proof_is_heard() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")]]);
    let key = stage.key(replica(2));
    let mut notary = stage.notary().clone();
    let mut lie = move |proven: &Arc<ProvenResult>| {
        let all = proven.statements.to_vec();
        let body = ResultStatement { result: state_hash_of_nothing(), ..*all[2].body() };
        let lied = Signed::seal(body, &key, &mut notary);
        let statements = all[..2].iter().map(|one| (*one).clone()).chain([lied]).collect();
        Arc::new(ProvenResult { statements, ..(**proven).clone() })
    };
    stage.meddler = Box::new(move |from, _, message| match message {
        Message::Result(proven) if from == replica(2) => vec![Message::Result(lie(&proven))],
        message => vec![message],
    });
    stage.run();
    let begins = |note: &Note| match note {
        Note::ReconfigurationBegins { asked_by, .. } => *asked_by == client(0),
        _ => false,
    };
    assert_eq!(stage.noted(OLYMPUS, begins), 1);
    assert_eq!(stage.answers(), ["OK"]);
    assert_eq!(final_quorums(&stage), [[0, 1]]);
}

/// A chain of one replaces itself.
#[test]
fn a_chain_of_one_is_replaced() {
    let mut stage = at_rest(Settings::new(0));
    stage.plead(replica(0));
    stage.run();
    assert_eq!(final_quorums(&stage), [[0]]);
    assert!(stage.look(successor(0), "state").contains("\"12\""));
}

/// Whatever passes in a reconfiguration comes out of the wire as it went in.
#[test]
fn every_message_of_a_reconfiguration_survives_the_wire() {
    let mut stage = at_rest(Settings { checkpoint_interval: 2, ..Settings::new(1) });
    stage.plead(replica(0));
    stage.run();
    for (_, _, message) in &stage.sent {
        let bytes = crate::wire::encode(message);
        assert_eq!(crate::wire::decode::<Msg>(&bytes, 1 << 20).as_ref(), Ok(message));
    }
    assert_eq!(stage.count(kind::RUNNING_STATE), 1);
}

/// A history that ends before the longest one begins refuses its quorum: what lies between, nobody
/// in it can show.
#[test]
fn a_history_that_is_too_short_refuses_the_quorum() {
    let settings = Settings { checkpoint_interval: 2, ..Settings::new(1) };
    let mut stage = with_wedged(settings, 0, |wedged, _| {
        wedged.checkpoint = Chain::EMPTY;
        wedged.history.clear();
    });
    stage.plead(replica(2));
    stage.run();
    let why =
        |note: &Note| matches!(note, Note::QuorumRefused { why: QuorumFlaw::HistoryTooShort, .. });
    assert_eq!(stage.noted(OLYMPUS, why), 2);
    assert_eq!((tried(&stage), final_quorums(&stage)), (vec![vec![1, 2]], vec![vec![1, 2]]));
    assert!(stage.look(successor(0), "state").contains("\"12\""));
}

/// Olympus delivers a result only if every member of the quorum confirms it; one that does not
/// leaves the client to ask the new head.
#[test]
fn a_result_that_one_member_does_not_confirm_is_not_delivered() {
    let mut stage = with_caught_up(Settings::new(1), 1, |told| told.results.clear());
    stage.plead(replica(2));
    stage.run();
    assert_eq!(final_quorums(&stage), [[0, 1]]);
    let delivered = |note: &Note| matches!(note, Note::ResultDelivered { .. });
    assert_eq!(stage.noted(OLYMPUS, delivered), 0);
}

/// A client takes a delivered result only with the signature of Olympus and the word of t + 1
/// replicas, the same of each, for its own request.
#[test]
fn a_delivery_needs_olympus_and_a_quorum() {
    type Change = fn(&mut Delivery);
    let changes: [(bool, Change); 5] = [
        (true, |_| ()),
        (false, |delivery| drop(delivery.statements.pop())),
        (false, |delivery| delivery.statements[1] = delivery.statements[0].clone()),
        (false, |delivery| delivery.reply = crate::object::Reply::FAIL),
        (false, |delivery| {
            let spoilt = delivery.statements[1].clone().map_signature(|old| old.corrupted());
            delivery.statements[1] = spoilt;
        }),
    ];
    for (counts, change) in changes {
        let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")]]);
        stage.held.insert((client(0), successor(0)));
        let (own, key) = (stage.key(OLYMPUS), stage.key(replica(0)));
        let mut notary = stage.notary().clone();
        stage.meddler = Box::new(move |_, _, message| match message {
            Message::Result(_) => vec![],
            Message::Delivery(delivery) => {
                let mut body = delivery.body().clone();
                change(&mut body);
                let forged = Signed::seal(body.clone(), &key, &mut notary);
                let sealed = Signed::seal(body, &own, &mut notary);
                [forged, sealed].map(|one| Message::Delivery(Arc::new(one))).into()
            }
            message => vec![message],
        });
        stage.run();
        stage.plead(replica(0));
        stage.run();
        assert_eq!(stage.answers().len(), usize::from(counts));
        let unsigned =
            |note: &Note| matches!(note, Note::Dropped { why: Dropped::BadSignature, .. });
        assert_eq!(stage.noted(client(0), unsigned), 1, "Olympus has not signed the first");
    }
}
