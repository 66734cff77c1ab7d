//! The failure-free flow.

use super::super::messages::kind;
use super::super::*;
use super::*;
use crate::identity::Identity;
use crate::process::Message as _;

/// A request costs 4t + 2 messages: one to the head, 2t shuttles, one result, 2t result shuttles.
#[test]
fn a_request_takes_four_t_plus_two_messages() {
    for t in [0, 1, 2, 3, 50] {
        let mut stage = Stage::new(Settings::new(t), &[&[put("a", "1"), get("a")]]);
        stage.run();
        assert_eq!(stage.answers(), ["OK", "1"]);
        let lookups = 2;
        assert_eq!(stage.sent.len() - lookups, 2 * (4 * t as usize + 2), "t = {t}");
        assert_eq!(stage.timers.len(), 0, "no timer runs on");
    }
}

/// The tail tells the client before its predecessor.
#[test]
fn the_client_hears_first() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1")]]);
    stage.run();
    let kinds: Vec<_> = stage.sent.iter().map(|(_, _, message)| message.kind()).collect();
    let place = |kind| kinds.iter().position(|sent| *sent == kind);
    assert!(place(kind::RESULT) < place(kind::RESULT_SHUTTLE));
}

/// Slots are consecutive from 1, and every replica executes them in the same order.
#[test]
fn slots_are_the_same_everywhere() {
    let a: &[_] = &[put("a", "1"), append("a", "2")];
    let b: &[_] = &[put("b", "1"), append("b", "2"), get("a")];
    let mut stage = Stage::new(Settings::new(2), &[a, b]);
    stage.run();
    let slots = |who| {
        let slot = |(by, note): &(Identity, Note)| match note {
            Note::Ordered { slot, client, request, .. } if *by == who => {
                Some((*slot, *client, *request))
            }
            _ => None,
        };
        stage.notes.iter().filter_map(slot).collect::<Vec<_>>()
    };
    let head = slots(replica(0));
    assert!(head.iter().map(|(slot, _, _)| *slot).eq(1..=5));
    assert!((1..5).all(|position| slots(replica(position)) == head));
}

/// A result shuttle that the next request has overtaken still travels to the head.
#[test]
fn an_overtaken_result_shuttle_travels_on() {
    let mut stage = Stage::new(Settings::new(1), &[&[put("a", "1"), get("a"), get("a")]]);
    stage.held.insert((replica(2), replica(1)));
    stage.run();
    assert_eq!(stage.count(kind::RESULT_SHUTTLE), 3);
    stage.held.clear();
    stage.run();
    assert_eq!(stage.count(kind::RESULT_SHUTTLE), 6);
    assert_eq!(stage.look(replica(0), "cached"), "0/2");
}

/// A message stays small however long the proof in it is.
#[test]
fn messages_are_small() {
    assert!(size_of::<Msg>() <= 32, "{}", size_of::<Msg>());
}

/// What a process says comes out of the wire as it went in.
#[test]
fn every_message_survives_the_wire() {
    let settings = Settings { checkpoint_interval: 1, ..Settings::new(1) };
    let mut stage = Stage::new(settings, &[&[put("a", "1"), get("a")]]);
    stage.run();
    for (_, _, message) in &stage.sent {
        let bytes = crate::wire::encode(message);
        assert_eq!(crate::wire::decode::<Msg>(&bytes, 1 << 20).as_ref(), Ok(message));
    }
}
