//! What the failures beyond the course do.

use super::{count, play};

/// A replica answers the client with what it has and keeps the request to itself. Under the rule
/// that wants a statement of everybody, that is no answer.
#[test]
fn early_reply() {
    let run = play(&[("0.1", "shuttle(0,1)", "early_reply()")]).run().held(1);
    assert_eq!(run.sent("replica 0.1", "shuttle").len(), 1);
    let early = &run.sent("replica 0.1", "result")[0];
    assert!(early.contains("to=client 0") && early.contains("id=1"), "{early}");
    assert_eq!(count(early, "signed by replica"), 2);
    assert_eq!(count(early, "falsely"), 0);
    assert_eq!(run.noted("client 0", "rejected").len(), 1);
}

/// With t + 1 statements for an answer, an accepted operation can be lost: replica 1 answers early,
/// keeps the request, and has forgotten it when the chain is replaced; the head, which knows
/// better, is slow. Where everybody's statement is wanted, the same attack takes nothing.
#[test]
fn rollback_loses_what_too_few_vouched_for() {
    let mut attack = play(&[
        ("0.0", "wedge_request(0)", "sleep(60000)"),
        ("0.1", "shuttle(0,0)", "early_reply()"),
        ("0.1", "wedge_request(0)", "rollback(2)"),
    ]);
    attack.clients = vec!["put('k','v'); get('k')".to_owned()];
    attack.accept = "quorum";
    let run = attack.run();
    assert_eq!(run.results(0), ["OK", ""], "the put is lost");
    assert_eq!(run.report.faulty.len(), 1, "one replica is faulty, the head is only slow");
    assert!(run.sent("replica 0.1", "wedged")[0].contains("history=[]"));
    attack.accept = "chain";
    assert_eq!(attack.run().results(0), ["OK", "v"]);
}

/// History and state lack the same operations; what was done before them stays.
#[test]
fn rollback_takes_back_the_last_operations() {
    let mut play =
        play(&[("0.0", "client_request(0,2)", "rollback(1)"), ("0.2", "shuttle(0,2)", "drop()")]);
    play.t = 2;
    let run = play.run().held(1);
    let wedged = &run.sent("replica 0.0", "wedged")[0];
    assert_eq!(count(wedged, "operation="), 2, "{wedged}");
    let caught_up = run.noted("replica 0.0", "caught_up");
    let honest = run.noted("replica 0.1", "caught_up");
    let state = |line: &str| line.split("state=").nth(1).map(|rest| rest[..8].to_owned());
    assert_eq!(state(&caught_up[0]), state(&honest[0]), "what it lacks, it catches up with");
    assert!(caught_up[0].contains("lacked=1"), "{caught_up:?}");
}

/// A lie in the client's name, with the liar's own order statement alone; all that was before and
/// after stays. Repeats say the same.
#[test]
fn forge_history() {
    for (entry, slot) in [(0, 1), (1, 2), (9, 3)] {
        let then = format!("forge_history({entry})");
        let mut play =
            play(&[("0.1", "wedge_request(0)", &then), ("0.2", "shuttle(0,2)", "drop()")]);
        play.t = 2;
        let run = play.run().held(1);
        let wedged = &run.sent("replica 0.1", "wedged")[0];
        let entries: Vec<&str> = wedged.split("request={").collect();
        assert!(entries[slot].contains("value=\"a lie\""), "{wedged}");
        assert_eq!(count(wedged, "falsely signed as client 0"), 1, "{wedged}");
        let refused = run.noted("olympus", "wedge_refused");
        assert!(refused[0].contains("position=1 why=bad_client_signature"), "{refused:?}");
    }
}

/// One slot is missing, and a later one is there; with one slot alone there is nothing to cut.
#[test]
fn omit_history() {
    for (entry, slot, why) in [(0, 1, "wrong_start"), (1, 2, "hole"), (9, 2, "hole")] {
        let then = format!("omit_history({entry})");
        let mut play =
            play(&[("0.1", "wedge_request(0)", &then), ("0.2", "shuttle(0,2)", "drop()")]);
        play.t = 2;
        let run = play.run().held(1);
        let wedged = &run.sent("replica 0.1", "wedged")[0];
        for other in 1..=3 {
            let told = wedged.contains(&format!("slot={other} request={{"));
            assert_eq!(told, other != slot, "{wedged}");
        }
        let refused = run.noted("olympus", "wedge_refused");
        assert!(refused[0].contains(&format!("position=1 why={why}")), "{refused:?}");
    }
}

/// Two requests in one slot, on two shuttles; the second one contradicts the first.
#[test]
fn equivocate() {
    let mut play = play(&[("0.0", "client_request(0,0)", "equivocate()")]);
    play.clients.push("put('l','v')".to_owned());
    let run = play.run().held(1);
    let shuttles = run.sent("replica 0.0", "shuttle");
    assert!(shuttles[0].contains("slot=1") && shuttles[0].contains("client=0 id=0"));
    assert!(shuttles[1].contains("slot=1") && shuttles[1].contains("client=1 id=0"));
    assert_eq!(count(&shuttles.concat(), "falsely"), 0);
    assert_eq!(run.injected().len(), 1);
    let asks = run.noted("replica 0.1", "asks_for_reconfiguration");
    assert!(asks[0].contains("reason=contradicting_orders proof=true"), "{asks:?}");
    let wedged = &run.sent("replica 0.0", "wedged")[0];
    assert_eq!(count(wedged, "slot=1 request={"), 1, "{wedged}");
    assert!(wedged.contains("client=1 id=0"), "its history keeps the second: {wedged}");
}

/// The oldest signed message goes out once more; its receiver has seen it.
#[test]
fn replay() {
    let run = play(&[("0.0", "client_request(0,2)", "replay()")]).run().held(0);
    let shuttles = run.sent("replica 0.0", "shuttle");
    assert_eq!(shuttles.len(), 4);
    let content = |line: &str| line.split_once("request={").map(|(_, rest)| rest.to_owned());
    assert_eq!(content(&shuttles[3]), content(&shuttles[0]));
    let dropped = run.noted("replica 0.1", "dropped");
    assert!(dropped[0].contains("kind=\"shuttle\"") && dropped[0].contains("why=repeated"));
}

/// Before anything was sent there is nothing to send again: it waits for the next occasion.
#[test]
fn replay_waits_for_something_to_repeat() {
    let run = play(&[("0.0", "client_request(0,0)", "replay()")]).run().held(0);
    let armed = run.lines.iter().find(|line| line.event == "armed");
    let injected = run.lines.iter().find(|line| line.event == "injected");
    assert_ne!(armed.expect("at first").cause, injected.expect("then").cause);
    assert_eq!(run.sent("replica 0.0", "shuttle").len(), 4);
}

/// The hash that it told was right, the state that it hands over is not: Olympus asks the next.
#[test]
fn lie_running_state() {
    let run = play(&[
        ("0.0", "get_running_state(0)", "lie_running_state()"),
        ("0.0", "client_request(0,2)", "increment_slot()"),
    ])
    .run();
    assert_eq!(run.results(0), ["OK", "OK", "vw"]);
    let mut play = play(&[
        ("0.0", "get_running_state(0)", "lie_running_state()"),
        ("0.2", "shuttle(0,1)", "sleep(30000)"),
    ]);
    play.more = "[limits]\ntime = \"5m\"\n".into();
    let run = play.run();
    assert_eq!(run.results(0), ["OK", "OK", "vw"]);
    let refused = run.noted("olympus", "running_state_refused");
    assert_eq!(refused.len(), 1, "{refused:?}");
    let states = run.sent("replica 0.0", "running_state");
    assert!(states[0].contains("a lie"), "{states:?}");
    assert_eq!(count(&states[0], "signed by replica 0.0"), 1);
}

/// One bit is another one, in the same place under both schemes of signatures.
#[test]
fn flip_bit() {
    for number in 0..3 {
        let when = format!("shuttle(0,{number})");
        let run = play(&[("0.1", &when, "flip_bit()")]).run();
        assert_eq!(run.results(0), ["OK", "OK", "vw"]);
        let told = &run.at("replica 0.1", "injected", "")[0];
        assert!(told.contains("detail=bit "), "{told}");
    }
}
