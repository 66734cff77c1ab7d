//! Each judge fires, when the trace of a sound run is tampered with on its way to it.

use std::sync::Arc;

use super::*;
use crate::crypto::{Digest, Signed};
use crate::identity::Identity;
use crate::object::{Operation, Reply};
use crate::protocol::bcr::Sound;
use crate::protocol::bcr::statements::{CatchUp, Delivery, ProvenResult, Request, state_hash};
use crate::run::cluster::{self, Bcr as Cluster};
use crate::scenario::ReadOptions;
use crate::sim::World;

/// What a judge is told in place of an event.
enum Told {
    /// The event.
    Same,
    /// Nothing.
    Nothing,
    /// Another note.
    Note(Note),
    /// Another message.
    Message(Message<Dictionary>),
}

/// Stands between a run and its judges.
struct Tampering<F> {
    judges: Judges,
    tell: F,
}

impl<F: FnMut(&Event<'_, Cluster>) -> Told> Watch<Cluster> for Tampering<F> {
    fn see(&mut self, event: &Event<'_, Cluster>, notary: &Notary) {
        let Event { number, at_ns, process, cause, ref what } = *event;
        let mut judge = |what| {
            self.judges.see(&Event::<Bcr<Sound>> { number, at_ns, process, cause, what }, notary);
        };
        match ((self.tell)(event), what) {
            (Told::Nothing, _) => {}
            (Told::Note(note), _) => judge(What::Noted(&note)),
            (Told::Message(message), What::Received { from, sent, .. }) => {
                judge(What::Received { from: *from, sent: *sent, message: &message });
            }
            (Told::Message(message), What::Sent { to, copy, .. }) => {
                judge(What::Sent { to: *to, message: &message, copy: *copy });
            }
            _ => self.judges.see(event, notary),
        }
    }
}

/// Nobody fails; a checkpoint every two slots.
const SOUND: &str = "
    protocol = \"bcr\"
    t = 1
    [checkpoint]
    every = 2
    [[client]]
    workload = \"put('k','v'); append('k','w'); get('k'); put('l','x')\"
";

/// The tail is gone when the second request comes; Olympus delivers its result.
const RECONFIGURED: &str = "
    protocol = \"bcr\"
    t = 1
    [[client]]
    workload = \"put('k','v'); append('k','w'); get('k')\"
    [[fault]]
    replica = 2
    when = \"shuttle(0,1)\"
    then = \"crash()\"
";

fn world(text: &str) -> (World<Cluster>, Judges) {
    let reading = crate::scenario::read("test", text.as_bytes(), &ReadOptions::default());
    let scenario = reading.scenario.expect("it is a scenario");
    let knobs = scenario.protocol.bcr().expect("it is bcr");
    let settings = crate::run::settings(&scenario).expect("no choices");
    (cluster::bcr(&scenario, knobs, Sound, settings), Judges::new(knobs))
}

/// The judges that find something, when they are told this.
fn found(text: &str, tell: impl FnMut(&Event<'_, Cluster>) -> Told) -> Vec<&'static str> {
    let (mut world, judges) = world(text);
    let mut tampering = Tampering { judges, tell };
    assert!(world.run(&mut tampering).is_quiet());
    let rulings = tampering.judges.rulings();
    rulings.into_iter().filter_map(|ruling| Some(ruling.finding?.judge)).collect()
}

/// The judges that find something, when one note, the first that fits, is told in another way.
fn found_by_note(
    text: &str,
    mut change: impl FnMut(Address, &mut Note) -> bool,
) -> Vec<&'static str> {
    let mut changed = false;
    let found = found(text, |event| match &event.what {
        What::Noted(note) if !changed => {
            let mut note = (*note).clone();
            changed = change(event.process, &mut note);
            if changed { Told::Note(note) } else { Told::Same }
        }
        _ => Told::Same,
    });
    assert!(changed, "there is such a note");
    found
}

/// The same with all messages that one process receives, and that are not told if nothing is left
/// of them.
fn found_by_message(
    text: &str,
    to: Identity,
    mut change: impl FnMut(&Message<Dictionary>) -> Option<Told>,
) -> Vec<&'static str> {
    found(text, |event| match &event.what {
        What::Received { message, .. } if event.process.identity == to => {
            change(message).unwrap_or(Told::Same)
        }
        _ => Told::Same,
    })
}

const OTHER: Digest = Digest::from_bytes([7; 32]);

#[test]
fn nobody_fires_when_nothing_is_wrong() {
    for text in [SOUND, RECONFIGURED] {
        let (mut world, mut judges) = world(text);
        assert!(world.run(&mut judges).is_quiet());
        for ruling in judges.rulings() {
            assert_eq!((ruling.finding, ruling.unknown), (None, None));
            let deliveries = text == SOUND && ruling.judge == "deliveries";
            let complaints = text == SOUND && ruling.judge == "complaints";
            let checkpoints = text == RECONFIGURED
                && ["checkpoint proofs", "bounded history"].contains(&ruling.judge);
            let refusals = text == SOUND && ruling.judge == "refusals";
            let untested = deliveries || checkpoints || complaints || refusals;
            assert_eq!(ruling.tested == 0, untested, "{}", ruling.judge);
        }
    }
}

#[test]
fn agreement_fires() {
    let found = found_by_note(SOUND, |who, note| match note {
        Note::Ordered { slot: 2, operation, .. } if who.identity.index == 1 => {
            *operation = Operation::put("k", "other");
            true
        }
        _ => false,
    });
    assert_eq!(found, ["agreement"]);
}

#[test]
fn a_slot_that_nobody_correct_has_breaks_agreement() {
    let found = found_by_note(SOUND, |_, note| match note {
        Note::Ordered { slot, .. } if *slot == 3 => {
            *slot = 9;
            true
        }
        _ => false,
    });
    assert_eq!(found, ["agreement", "exactly once", "bounded history"]);
}

#[test]
fn authenticity_fires() {
    let found = found_by_note(SOUND, |_, note| match note {
        Note::Ordered { slot: 3, operation, .. } => {
            *operation = Operation::get("other");
            true
        }
        _ => false,
    });
    assert_eq!(found, ["authenticity", "agreement", "replay"]);
}

#[test]
fn exactly_once_fires() {
    let found = found_by_note(SOUND, |who, note| match note {
        Note::Ordered { slot: 2, repeated, .. } if who.identity.index == 2 => {
            *repeated = true;
            true
        }
        _ => false,
    });
    assert_eq!(found, ["exactly once"]);
}

#[test]
fn one_slot_each_fires() {
    let found = found_by_note(SOUND, |who, note| match note {
        Note::Ordered { slot: 3, request, .. } if who.identity.index == 0 => {
            *request = 1;
            true
        }
        _ => false,
    });
    assert_eq!(found, ["agreement", "replay", "exactly once", "one slot each"]);
}

#[test]
fn complaints_fires() {
    let found = found_by_note(SOUND, |who, note| match note {
        Note::Ordered { slot: 3, client, .. } if who.identity.index == 1 => {
            *note = Note::TimerExpired { client: *client, request: 1 };
            true
        }
        _ => false,
    });
    assert_eq!(found, ["complaints"]);
}

#[test]
fn replay_and_linearizability_fire() {
    let found = found_by_note(SOUND, |_, note| match note {
        Note::Answered { request: 2, result, .. } => {
            *result = Reply::of(&"v".into());
            true
        }
        _ => false,
    });
    assert_eq!(found, ["replay", "linearizability"]);
}

#[test]
fn extension_fires() {
    let found = found_by_note(RECONFIGURED, |_, note| match note {
        Note::QuorumFinal { last_slot, .. } => {
            *last_slot = 0;
            true
        }
        _ => false,
    });
    assert_eq!(found, ["extension"]);
}

#[test]
fn states_are_held_against_the_slots() {
    let found = found_by_note(SOUND, |who, note| match note {
        Note::CheckpointTaken { state, .. } if who.identity.index == 1 => {
            *state = OTHER;
            true
        }
        _ => false,
    });
    assert_eq!(found, ["state"]);
    let found = found_by_note(RECONFIGURED, |_, note| match note {
        Note::CaughtUp { state, .. } => {
            *state = OTHER;
            true
        }
        _ => false,
    });
    assert_eq!(found, ["state"]);
    let found = found_by_note(RECONFIGURED, |_, note| match note {
        Note::QuorumFinal { state, .. } => {
            *state = OTHER;
            true
        }
        _ => false,
    });
    assert_eq!(found, ["state"]);
}

#[test]
fn a_new_configuration_begins_with_the_agreed_state() {
    let found = found(RECONFIGURED, |event| match &event.what {
        What::Sent { message: Message::NewConfiguration(new), .. } => {
            let body = NewConfiguration { state: Default::default(), ..new.body().clone() };
            let forged = Signed::from_parts(body, new.signer(), new.signature().clone());
            Told::Message(Message::NewConfiguration(forged.into()))
        }
        _ => Told::Same,
    });
    // The judges go on from the state that they were told of, the replicas from another.
    assert_eq!(found, ["replay", "state"]);
}

#[test]
fn bounded_history_fires() {
    let found = found_by_note(SOUND, |_, note| match note {
        Note::CheckpointCompleted { kept, .. } => {
            *kept += 1;
            true
        }
        _ => false,
    });
    assert_eq!(found, ["bounded history"]);
}

#[test]
fn order_proofs_are_checked() {
    let found = found_by_message(SOUND, Identity::replica(0, 1), |message| {
        matches!(message, Message::Shuttle { .. }).then_some(Told::Nothing)
    });
    assert_eq!(found, ["order proofs"], "it is handed no shuttle");
    let found = found_by_message(SOUND, Identity::replica(0, 2), |message| match message {
        Message::Shuttle { request, orders, results } => {
            let mut rest = crate::protocol::bcr::chain::Chain::EMPTY;
            rest = rest.with(orders.newest().expect("there are two").clone());
            let (request, results) = (request.clone(), results.clone());
            Some(Told::Message(Message::Shuttle { request, orders: rest, results }))
        }
        _ => None,
    });
    assert_eq!(found, ["order proofs"], "the head's order is missing");
}

/// The result without the tail's word for it.
fn without_tail(proven: &ProvenResult) -> Arc<ProvenResult> {
    let statements = proven.statements.previous();
    Arc::new(ProvenResult { statements, ..proven.clone() })
}

#[test]
fn result_proofs_are_checked() {
    let client = Identity::client(0);
    let found = found_by_message(SOUND, client, |message| match message {
        Message::Result(proven) => Some(Told::Message(Message::Result(without_tail(proven)))),
        _ => None,
    });
    assert_eq!(found, ["result proofs"]);
    let found = found_by_message(SOUND, client, |message| match message {
        Message::Result(proven) => {
            let reply = Reply::of(&"lie".into());
            let lie = ProvenResult { reply, ..(**proven).clone() };
            Some(Told::Message(Message::Result(Arc::new(lie))))
        }
        _ => None,
    });
    assert_eq!(found, ["result proofs"]);
}

#[test]
fn served_results_are_checked() {
    let found_at_head = found_by_message(SOUND, Identity::replica(0, 0), |message| {
        matches!(message, Message::ResultShuttle(_)).then_some(Told::Nothing)
    });
    assert_eq!(found_at_head, ["served results"], "it is handed none");
    let found = found(SOUND, |event| match &event.what {
        What::Sent { message: Message::Result(proven), .. } => {
            Told::Message(Message::Result(without_tail(proven)))
        }
        _ => Told::Same,
    });
    assert_eq!(found, ["served results"]);
}

#[test]
fn deliveries_are_checked() {
    let client = Identity::client(0);
    let nothing = found_by_message(RECONFIGURED, client, |message| {
        matches!(message, Message::Delivery(_)).then_some(Told::Nothing)
    });
    assert_eq!(nothing, ["deliveries"]);
    let forged = found_by_message(RECONFIGURED, client, |message| match message {
        Message::Delivery(delivery) => {
            let statements = delivery.body().statements[..1].to_vec();
            let body = Delivery { statements, ..delivery.body().clone() };
            let signature = delivery.signature().clone();
            let forged = Signed::from_parts(body, delivery.signer(), signature);
            Some(Told::Message(Message::Delivery(forged.into())))
        }
        _ => None,
    });
    assert_eq!(forged, ["deliveries"]);
}

#[test]
fn checkpoint_proofs_are_checked() {
    let found = found_by_message(SOUND, Identity::replica(0, 0), |message| match message {
        Message::CompletedCheckpoint { slot, statements } => {
            let (slot, statements) = (*slot, statements.previous());
            Some(Told::Message(Message::CompletedCheckpoint { slot, statements }))
        }
        _ => None,
    });
    assert_eq!(found, ["checkpoint proofs"], "a statement is missing");
    let found = found_by_message(SOUND, Identity::replica(0, 1), |message| {
        matches!(message, Message::CompletedCheckpoint { .. }).then_some(Told::Nothing)
    });
    assert_eq!(found, ["checkpoint proofs"], "it is handed none");
}

/// More reconfigurations than the judges remember, for links lose more than they carry.
#[test]
fn nobody_fires_after_many_reconfigurations() {
    let text = "
        protocol = \"bcr\"
        t = 1
        timeouts = { client = \"60ms\", head = \"60ms\", nonhead = \"60ms\", olympus = \"60ms\" }
        network = { links = \"datagram\", latency = \"1ms..3ms\", loss = 0.6 }
        limits = { time = \"1h\" }
        [[client]]
        workload = \"put('k','v'); append('k','w'); get('k'); append('k','w'); get('k'); \
            slice('k','0:1'); append('k','w'); get('k'); append('k','w'); get('k')\"
    ";
    let (mut world, mut judges) = world(text);
    assert!(world.run(&mut judges).is_quiet());
    assert_eq!(judges.reconfigurations(), 39);
    for ruling in judges.rulings() {
        assert_eq!((ruling.finding, ruling.unknown), (None, None));
    }
}

/// One correct replica has a request in a slot, and a quorum without it decides for another.
#[test]
fn a_quorum_may_decide_for_a_request_that_some_do_not_have() {
    let mut histories = Histories::new(5, None);
    let at = Place { event: 1, at_ns: 1 };
    let address = |identity| Address { identity, twin: 0 };
    let middle = address(Identity::replica(0, 1));
    let mut notary = Notary::new(crate::crypto::Scheme::Ideal, crate::crypto::Memory::None);
    let (key, _) = notary.keys(&[7; 32], Identity::client(1));
    let (mine, theirs) = (Operation::put("k", "mine"), Operation::put("k", "theirs"));
    for (client, operation) in [(0, &mine), (1, &theirs)] {
        let asked = Note::Asked { client, request: 0, operation: operation.clone() };
        histories.noted(address(Identity::client(client)), true, &asked, at);
    }
    let ordered = Note::Ordered {
        configuration: 0,
        slot: 1,
        client: 0,
        request: 0,
        operation: mine,
        result: Reply::OK,
        repeated: false,
    };
    histories.noted(middle, true, &ordered, at);
    let body = Request { client: 1, id: 0, operation: theirs.clone() };
    let request = Arc::new(Signed::seal(body, &key, &mut notary));
    histories.told_by_olympus(&CatchUp {
        configuration: 0,
        attempt: 1,
        requests: vec![(1, request)],
    });
    let mut state = crate::object::ReplicatedState::<Dictionary>::default();
    let _ = state.execute(1, 0, &theirs);
    let (attempt, last_slot, hash) = (1, 1, state_hash(&state));
    let caught_up = Note::CaughtUp { attempt, last_slot, state: hash, lacked: 1 };
    histories.noted(address(Identity::replica(0, 2)), true, &caught_up, at);
    let quorum = vec![0, 2, 3];
    let decided = Note::QuorumFinal { configuration: 0, attempt, quorum, last_slot, state: hash };
    histories.noted(address(Identity::OLYMPUS), true, &decided, at);
    histories.handed_over(1, &state, at);
    let answered = Note::Answered {
        client: 1,
        request: 0,
        result: Reply::OK,
        configuration: 0,
        slot: 1,
        from: Identity::OLYMPUS,
        agreeing: 3,
        statements: 3,
    };
    histories.noted(address(Identity::client(1)), true, &answered, at);
    for ruling in histories.rulings() {
        assert_eq!(ruling.finding, None);
    }
    assert_eq!(histories.dictionary(), [("k".to_owned(), "theirs".to_owned())]);
}

/// Histories of three replicas with a checkpoint at every slot, after two clients have asked for
/// one thing each.
fn asked_twice(mine: &Operation, theirs: &Operation) -> Histories {
    let mut histories = Histories::new(3, Some(1));
    for (client, operation) in [(0, mine), (1, theirs)] {
        let asked = Note::Asked { client, request: 0, operation: operation.clone() };
        tell(&mut histories, Identity::client(client), &asked);
    }
    histories
}

fn tell(histories: &mut Histories, who: Identity, note: &Note) {
    histories.noted(Address { identity: who, twin: 0 }, true, note, Place { event: 1, at_ns: 1 });
}

/// A client's first request in the first slot.
fn first_slot(client: u32, operation: &Operation) -> Note {
    Note::Ordered {
        configuration: 0,
        slot: 1,
        client,
        request: 0,
        operation: operation.clone(),
        result: Reply::OK,
        repeated: false,
    }
}

fn findings(histories: &Histories) -> Vec<&'static str> {
    let rulings = histories.rulings();
    rulings.into_iter().filter_map(|ruling| Some(ruling.finding?.judge)).collect()
}

/// The head has a request in a slot that nobody else will ever hear of, and fails.
#[test]
fn what_only_failed_replicas_have_executed_is_taken_back() {
    let (mine, theirs) = (Operation::put("k", "mine"), Operation::put("k", "theirs"));
    let [head, middle] = [0, 1].map(|place| Identity::replica(0, place));
    let mut state = crate::object::ReplicatedState::<Dictionary>::default();
    let _ = state.execute(1, 0, &theirs);
    for fails in [true, false] {
        let mut histories = asked_twice(&mine, &theirs);
        tell(&mut histories, head, &first_slot(0, &mine));
        if fails {
            histories.failed(Address { identity: head, twin: 0 });
            assert_eq!(histories.dictionary(), []);
        }
        tell(&mut histories, middle, &first_slot(1, &theirs));
        let taken = Note::CheckpointTaken { slot: 1, state: state_hash(&state) };
        tell(&mut histories, middle, &taken);
        let wrong: &[&str] = if fails { &[] } else { &["agreement", "state"] };
        assert_eq!(findings(&histories), wrong);
        let left = if fails { "theirs" } else { "mine" };
        assert_eq!(histories.dictionary(), [("k".to_owned(), left.to_owned())]);
    }
}

/// What a correct replica has executed stays, whoever executed it before.
#[test]
fn what_a_correct_replica_has_executed_too_is_not_taken_back() {
    let (mine, theirs) = (Operation::put("k", "mine"), Operation::put("k", "theirs"));
    let mut histories = asked_twice(&mine, &theirs);
    let [head, middle, tail] = [0, 1, 2].map(|place| Identity::replica(0, place));
    tell(&mut histories, head, &first_slot(0, &mine));
    tell(&mut histories, middle, &first_slot(0, &mine));
    histories.failed(Address { identity: head, twin: 0 });
    tell(&mut histories, tail, &first_slot(1, &theirs));
    assert_eq!(findings(&histories), ["agreement"]);
}
