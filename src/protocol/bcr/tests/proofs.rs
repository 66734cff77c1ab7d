//! Order proofs and result proofs: what a replica acts on, what a client accepts, what is a reason
//! to ask for a reconfiguration.

use std::sync::Arc;

use super::super::chain::Chain;
use super::super::messages::kind;
use super::super::notes::{Dropped, Note};
use super::super::rules::Ignored;
use super::super::statements::*;
use super::super::*;
use super::*;
use crate::identity::Identity;
use crate::process::Message as _;

fn asked(stage: &Stage, who: Identity) -> Vec<Reason> {
    let reason = |(by, note): &(Identity, Note)| match note {
        Note::AsksForReconfiguration { reason, .. } if *by == who => Some(*reason),
        _ => None,
    };
    stage.notes.iter().filter_map(reason).collect()
}

/// Changes every shuttle from replica 0, with replica 0's key at hand.
fn with_shuttles(mut change: impl FnMut(&SecretKey, &mut Notary, &mut Shuttle) + 'static) -> Stage {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1"), get("a")]]);
    stage.unheard = true;
    let key = stage.key(replica(0));
    let mut notary = stage.notary().clone();
    stage.meddler = Box::new(move |from, _, message| match message {
        Message::Shuttle { request, orders, results } if from == replica(0) => {
            let mut shuttle = Shuttle { request, orders, results };
            change(&key, &mut notary, &mut shuttle);
            let Shuttle { request, orders, results } = shuttle;
            vec![Message::Shuttle { request, orders, results }]
        }
        message => vec![message],
    });
    stage
}

use crate::crypto::{Notary, SecretKey, Signed};

struct Shuttle {
    request: Arc<Signed<Request>>,
    orders: OrderProof,
    results: ResultProof,
}

/// The statements of a request that names another operation, validly signed.
fn other_operation(key: &SecretKey, notary: &mut Notary, shuttle: &mut Shuttle) {
    let other = Request { operation: get("x"), ..shuttle.request.body().clone() };
    let hash = *Signed::seal(other, key, notary).hash();
    let order = *shuttle.orders.newest().unwrap().body();
    let result = *shuttle.results.newest().unwrap().body();
    let order = Signed::seal(Order { request: hash, ..order }, key, notary);
    let result = Signed::seal(ResultStatement { request: hash, ..result }, key, notary);
    shuttle.orders = Chain::EMPTY.with(order);
    shuttle.results = Chain::EMPTY.with(result);
}

/// Order statements must name the client's operation, whatever their signers would like better.
#[test]
fn another_operation_is_not_executed() {
    let mut stage = with_shuttles(other_operation);
    stage.run();
    assert_eq!(asked(&stage, replica(1)), [Reason::WrongOperation]);
    assert_eq!(stage.look(replica(1), "next slot"), "1");
}

/// An invalid signature under an order statement stops the operation.
#[test]
fn an_invalid_order_signature_is_noticed() {
    let mut stage = with_shuttles(|_, _, shuttle| {
        let order = shuttle.orders.newest().unwrap().clone();
        shuttle.orders = Chain::EMPTY.with(order.map_signature(|old| old.corrupted()));
    });
    stage.run();
    assert_eq!(asked(&stage, replica(1)), [Reason::InvalidSignature]);
    assert_eq!(stage.look(replica(1), "next slot"), "1");
}

/// So does an invalid signature under a predecessor's result statement, or a missing one.
#[test]
fn predecessors_must_state_their_results() {
    let mut stage = with_shuttles(|_, _, shuttle| {
        let result = shuttle.results.newest().unwrap().clone();
        shuttle.results = Chain::EMPTY.with(result.map_signature(|old| old.corrupted()));
    });
    stage.run();
    assert_eq!(asked(&stage, replica(1)), [Reason::InvalidSignature]);
    let mut stage = with_shuttles(|_, _, shuttle| shuttle.results = Chain::EMPTY);
    stage.run();
    assert_eq!(asked(&stage, replica(1)), [Reason::MissingStatement]);
}

/// A request without its client's signature in a shuttle is the predecessor's fault.
#[test]
fn a_bad_client_signature_in_a_shuttle_is_noticed() {
    let mut stage = with_shuttles(|_, _, shuttle| {
        let request = (*shuttle.request).clone().map_signature(|old| old.corrupted());
        shuttle.request = Arc::new(request);
    });
    stage.run();
    assert_eq!(asked(&stage, replica(1)), [Reason::BadClientSignature]);
}

/// A slot is ordered only after all lower ones; a gap is noticed at once, and asked about once.
#[test]
fn a_gap_is_noticed() {
    let mut stage =
        Stage::new(Settings::new(1), &[&[put("a", "1")], &[put("b", "1")], &[get("a")]]);
    stage.unheard = true;
    let mut shuttles = 0;
    stage.meddler = Box::new(move |from, _, message| {
        shuttles += usize::from(from == replica(0) && message.kind() == kind::SHUTTLE);
        if shuttles == 1 && message.kind() == kind::SHUTTLE { vec![] } else { vec![message] }
    });
    stage.run();
    assert_eq!(asked(&stage, replica(1)), [Reason::SlotGap]);
    assert_eq!(stage.look(replica(1), "next slot"), "1");
    assert_eq!(stage.count(kind::RECONFIGURATION_REQUEST), 1);
}

/// The same order again, from a network that doubles, is nothing; the predecessor's word for
/// another request in the slot is proof of a lie, and the two statements shown are both its own.
#[test]
fn a_slot_is_ordered_once() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")], &[put("b", "1")]]);
    let (from, to, shuttle) = stage.until(kind::SHUTTLE);
    stage.deliver(from, to, shuttle.clone());
    stage.deliver(from, to, shuttle);
    let repeated = |note: &Note| matches!(note, Note::Dropped { why: Dropped::Repeated, .. });
    assert_eq!(stage.noted(replica(1), repeated), 1);
    let key = stage.key(replica(0));
    let (from, to, other) = stage.until(kind::SHUTTLE);
    let (from, to, other) = if from == replica(0) {
        (from, to, other)
    } else {
        stage.deliver(from, to, other);
        stage.until(kind::SHUTTLE)
    };
    let Message::Shuttle { request, orders, results } = other else { panic!() };
    let order = Order { slot: 1, ..*orders.newest().unwrap().body() };
    let orders = Chain::EMPTY.with(Signed::seal(order, &key, stage.notary()));
    stage.deliver(from, to, Message::Shuttle { request, orders, results });
    assert_eq!(asked(&stage, replica(1)), [Reason::ContradictingOrders]);
    assert_eq!(
        stage.noted(replica(1), |note| {
            let liar = replica(0);
            let proves = |one, other| (one, other) == (liar, liar);
            let Note::ProofOfMisbehaviour { slot: 1, one, other } = note else { return false };
            proves(*one, *other)
        }),
        1
    );
}

/// A shuttle counts from the predecessor alone, and from anybody else it is no reason for anything.
#[test]
fn a_shuttle_comes_from_the_predecessor() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")]]);
    let (_, _, shuttle) = stage.until(kind::SHUTTLE);
    for stranger in [replica(2), Identity::replica(1, 0), client(0), Identity::OLYMPUS] {
        stage.deliver(stranger, replica(1), shuttle.clone());
    }
    let dropped = |note: &Note| matches!(note, Note::Dropped { why: Dropped::WrongSender, .. });
    assert_eq!(stage.noted(replica(1), dropped), 4);
    assert_eq!(stage.look(replica(1), "next slot"), "1");
    assert_eq!(stage.count(kind::RECONFIGURATION_REQUEST), 0);
}

/// Changes what the tail says in results and result shuttles.
fn with_results(
    settings: Settings,
    mut change: impl FnMut(&SecretKey, &mut Notary, &mut Vec<Signed<ResultStatement>>) + 'static,
) -> Stage {
    let mut stage = Stage::new(settings, &[&[put("a", "1"), get("a")]]);
    stage.unheard = true;
    let key = stage.key(replica(2));
    let mut notary = stage.notary().clone();
    let mut changed = move |proven: Arc<ProvenResult>| {
        let mut statements: Vec<_> = proven.statements.to_vec().into_iter().cloned().collect();
        change(&key, &mut notary, &mut statements);
        Arc::new(ProvenResult { statements: statements.into_iter().collect(), ..(*proven).clone() })
    };
    stage.meddler = Box::new(move |from, _, message| match message {
        Message::Result(proven) if from == replica(2) => vec![Message::Result(changed(proven))],
        Message::ResultShuttle(proven) if from == replica(2) => {
            vec![Message::ResultShuttle(changed(proven))]
        }
        message => vec![message],
    });
    stage
}

fn tell_other_result(
    key: &SecretKey,
    notary: &mut Notary,
    statements: &mut Vec<Signed<ResultStatement>>,
) {
    let body = *statements.pop().unwrap().body();
    let result = result_hash(&crate::object::Reply::FAIL);
    statements.push(Signed::seal(ResultStatement { result, ..body }, key, notary));
}

/// A minority that tells another result stops nothing: the client accepts, the replica caches and
/// passes on, and the contradiction goes to Olympus, from each once.
#[test]
fn a_disagreeing_minority_is_accepted_and_reported() {
    let mut stage = with_results(Settings::new(1), tell_other_result);
    stage.run();
    assert_eq!(stage.answers(), ["OK", "1"]);
    assert_eq!(asked(&stage, client(0)), [Reason::ContradictingResults]);
    assert_eq!(asked(&stage, replica(1)), [Reason::ContradictingResults]);
    assert_eq!(stage.look(replica(0), "cached"), "0/1");
}

/// A statement is missing: not accepted by the rule of the whole chain, but by the quorum's.
#[test]
fn the_whole_chain_must_have_spoken() {
    let drop_heads = |_: &SecretKey, _: &mut Notary, all: &mut Vec<_>| drop(all.remove(0));
    let mut stage = with_results(Settings::new(1), drop_heads);
    stage.run();
    assert_eq!(stage.answers(), [""; 0]);
    assert_eq!(asked(&stage, replica(1)), [Reason::BadResultProof]);
    assert_eq!(stage.look(replica(1), "cached"), "", "what fails the rule is not served");
    let settings = Settings { accept: Accept::Quorum, ..Settings::new(1) };
    let mut stage = with_results(settings, drop_heads);
    stage.run();
    assert_eq!(stage.answers(), ["OK", "1"]);
    assert_eq!(asked(&stage, replica(1)), []);
}

/// Fewer than t + 1 that agree prove nothing, under either rule.
#[test]
fn too_few_that_agree_prove_nothing() {
    for accept in [Accept::Chain, Accept::Quorum] {
        let settings = Settings { accept, ..Settings::new(1) };
        let mut stage = with_results(settings, |key, notary, statements| {
            tell_other_result(key, notary, statements);
            statements.remove(0);
        });
        stage.run();
        assert_eq!(stage.answers(), [""; 0]);
        assert_eq!(asked(&stage, replica(1)), [Reason::BadResultProof]);
    }
}

/// A replica counts once, however often its statement stands there; an invalid signature never
/// counts.
#[test]
fn a_replica_counts_once() {
    for accept in [Accept::Chain, Accept::Quorum] {
        let settings = Settings { accept, ..Settings::new(1) };
        let mut stage = with_results(settings, |_, _, all| {
            let tails = all[2].clone();
            *all = vec![tails.clone(), tails.clone(), tails];
        });
        stage.run();
        assert_eq!(stage.answers(), [""; 0]);
        let mut stage = with_results(settings, |_, _, all| {
            for place in [0, 1] {
                all[place] = all[place].clone().map_signature(|old| old.corrupted());
            }
        });
        stage.run();
        assert_eq!(stage.answers(), [""; 0]);
    }
}

/// A proof of another request, however good, answers nothing.
#[test]
fn a_proof_belongs_to_its_request() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1"), put("a", "2")]]);
    let (from, to, message) = stage.until(kind::RESULT);
    let Message::Result(first) = message.clone() else { panic!() };
    stage.deliver(from, to, message);
    let forged = ProvenResult { id: 1, ..(*first).clone() };
    stage.deliver(replica(2), client(0), Message::Result(Arc::new(forged)));
    assert_eq!(stage.answers(), ["OK"]);
    stage.run();
    assert_eq!(stage.answers(), ["OK", "OK"]);
}

/// A replica of the configuration may ask Olympus without proof; a client needs two statements that
/// contradict each other, and whoever asks about another configuration asks in vain.
#[test]
fn olympus_wants_proof_from_strangers() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")]]);
    stage.run();
    let plea = |stage: &mut Stage, who, configuration| {
        let key = stage.key(who);
        let request = ReconfigurationRequest { configuration, reason: Reason::Wish };
        let request = Signed::seal(request, &key, stage.notary());
        let plea = Plea { request, proof: None };
        stage.deliver(who, Identity::OLYMPUS, Message::ReconfigurationRequest(Arc::new(plea)));
    };
    let ignored = |stage: &Stage, wanted: Ignored| {
        let is_it = |note: &Note| why_ignored(note) == Some(wanted);
        stage.noted(Identity::OLYMPUS, is_it)
    };
    plea(&mut stage, client(0), 0);
    assert_eq!(ignored(&stage, Ignored::NoProof), 1);
    plea(&mut stage, Identity::replica(1, 0), 0);
    assert_eq!(ignored(&stage, Ignored::NoProof), 2);
    plea(&mut stage, replica(0), 1);
    assert_eq!(ignored(&stage, Ignored::OtherConfiguration), 1);
    plea(&mut stage, replica(0), 0);
    let begins = |note: &Note| matches!(note, Note::ReconfigurationBegins { .. });
    assert_eq!(stage.noted(Identity::OLYMPUS, begins), 1);
}

/// A statement is bound to its configuration: what replicas of one have signed proves nothing in
/// the next.
#[test]
fn a_proof_belongs_to_its_configuration() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")], &[]]);
    let (_, _, shuttle) = stage.until(kind::SHUTTLE);
    let (_, _, result) = {
        let mut other = Stage::new(Settings::new(1), &[&[put("a", "1")], &[]]);
        other.until(kind::RESULT_SHUTTLE)
    };
    stage.plead(replica(2));
    stage.run();
    stage.unheard = true;
    stage.deliver(successor(0), successor(1), shuttle);
    assert_eq!(asked(&stage, successor(1)), [Reason::MissingStatement]);
    assert_eq!(stage.look(successor(1), "next slot"), "1");
    stage.deliver(successor(2), successor(1), result);
    assert_eq!(stage.look(successor(1), "cached"), "");
}

/// The statements of a result proof may differ in nothing but the result: one about another slot
/// does not count for this one.
#[test]
fn a_result_proof_is_about_one_slot() {
    let mut stage = with_results(Settings::new(1), |key, notary, statements| {
        let body = *statements.pop().unwrap().body();
        statements.push(Signed::seal(ResultStatement { slot: 7, ..body }, key, notary));
    });
    stage.run();
    assert_eq!(stage.answers(), [""; 0]);
    assert_eq!(asked(&stage, replica(1)), [Reason::BadResultProof]);
}

/// A client takes a proof of any configuration that Olympus has told it of, also of one that has
/// been replaced meanwhile.
#[test]
fn a_late_proof_of_an_older_configuration_counts() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")]]);
    stage.held.insert((replica(2), client(0)));
    stage.held.insert((client(0), successor(0)));
    let is_delivery = |message: &Msg| matches!(message, Message::Delivery(_));
    stage.meddler = Box::new(move |_, _, message| match is_delivery(&message) {
        true => vec![],
        false => vec![message],
    });
    stage.run();
    stage.plead(replica(0));
    stage.run();
    let learned = |note: &Note| matches!(note, Note::Learned { configuration: 1, .. });
    assert_eq!((stage.noted(client(0), learned), stage.answers().len()), (1, 0));
    stage.held.remove(&(replica(2), client(0)));
    stage.run();
    assert_eq!(stage.answers(), ["OK"]);
    let answered = |note: &Note| matches!(note, Note::Answered { configuration: 0, .. });
    assert_eq!(stage.noted(client(0), answered), 1);
}

/// A predecessor that states another result does not stop the operation: its statement is carried
/// on, for the finished proof to show.
#[test]
fn another_result_is_carried_on() {
    let mut stage = with_shuttles(|key, notary, shuttle| {
        let body = *shuttle.results.newest().unwrap().body();
        let result = result_hash(&crate::object::Reply::FAIL);
        let lie = Signed::seal(ResultStatement { result, ..body }, key, notary);
        shuttle.results = Chain::EMPTY.with(lie);
    });
    stage.run();
    assert_eq!(stage.answers(), ["OK", "1"]);
    let disagrees = |note: &Note| matches!(note, Note::Disagreement { slot: 1, .. });
    assert_eq!(stage.noted(replica(1), disagrees), 1);
    let shown = |note: &Note| matches!(note, Note::Answered { agreeing: 2, statements: 3, .. });
    assert_eq!(stage.noted(client(0), shown), 2);
}

/// A request that is older than what its client has had executed since comes into no slot again:
/// whoever hands it down the chain has misbehaved.
#[test]
fn an_old_request_in_a_shuttle_is_noticed() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1"), put("a", "2")]]);
    stage.unheard = true;
    let (from, to, first) = stage.until(kind::SHUTTLE);
    stage.deliver(from, to, first.clone());
    stage.run();
    let Message::Shuttle { request, orders, results } = first else { panic!() };
    let key = stage.key(replica(0));
    let order = Order { slot: 3, ..*orders.newest().unwrap().body() };
    let result = ResultStatement { slot: 3, ..*results.newest().unwrap().body() };
    let orders = Chain::EMPTY.with(Signed::seal(order, &key, stage.notary()));
    let results = Chain::EMPTY.with(Signed::seal(result, &key, stage.notary()));
    stage.deliver(from, to, Message::Shuttle { request, orders, results });
    assert_eq!(asked(&stage, replica(1)), [Reason::OldRequest]);
    assert_eq!(stage.look(replica(1), "next slot"), "3");
}

/// A result shuttle counts from the successor and from the head alone.
#[test]
fn a_result_shuttle_comes_from_the_successor_or_the_head() {
    let mut stage = Stage::new(Settings::new(2), &[&[put("a", "1")]]);
    stage.held.insert((replica(4), replica(3)));
    stage.run();
    let (_, _, shuttle) = stage.sent.iter().rfind(|sent| sent.0 == replica(4)).unwrap().clone();
    for stranger in [replica(1), replica(4), client(0), Identity::OLYMPUS] {
        stage.deliver(stranger, replica(2), shuttle.clone());
    }
    let dropped = |note: &Note| matches!(note, Note::Dropped { why: Dropped::WrongSender, .. });
    assert_eq!(stage.noted(replica(2), dropped), 4);
    assert_eq!(stage.count(kind::RECONFIGURATION_REQUEST), 0);
    stage.deliver(replica(0), replica(2), shuttle.clone());
    assert_eq!(stage.look(replica(2), "cached"), "0/0");
    stage.deliver(replica(4), replica(3), shuttle);
    assert_eq!(stage.look(replica(3), "cached"), "0/0");
}

/// An invalid signature never contributes to a proof of misbehaviour, nor do two statements that
/// can both be honest.
#[test]
fn only_signed_contradictions_are_proof() {
    let mut stage = Stage::new(Settings::new(1), &[&[]]);
    stage.run();
    let (key, own) = (stage.key(replica(1)), stage.key(client(0)));
    let digest = |byte| crate::crypto::Digest::from_bytes([byte; 32]);
    let mut order = |slot, byte| {
        let order = Order { configuration: 0, slot, request: digest(byte) };
        Signed::seal(order, &key, stage.notary())
    };
    let (one, other, same, elsewhere) = (order(1, 1), order(1, 2), order(1, 1), order(2, 2));
    let forged = other.clone().map_signature(|old| old.corrupted());
    let body = ReconfigurationRequest { configuration: 0, reason: Reason::ContradictingOrders };
    let request = Signed::seal(body, &own, stage.notary());
    let mut show = |second: Signed<Order>| {
        let proof = Some(Contradiction::Orders(one.clone(), second));
        let plea = Plea { request: request.clone(), proof };
        let message = Message::ReconfigurationRequest(Arc::new(plea));
        stage.deliver(client(0), Identity::OLYMPUS, message);
        let begins = |note: &Note| matches!(note, Note::ReconfigurationBegins { .. });
        stage.noted(Identity::OLYMPUS, begins)
    };
    assert_eq!([show(forged), show(same), show(elsewhere)], [0, 0, 0]);
    assert_eq!(show(other), 1);
}
