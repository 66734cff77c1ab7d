//! What each failure of the course does.

use perjury::crypto::Statement;
use perjury::object::Operation;
use perjury::protocol::bcr::statements::Request;

use super::{count, play};

/// The hash of the result `OK`, as the log shows it.
const OK: &str = "result=984862d3";

fn request_hash(id: u64, operation: Operation) -> String {
    format!("request={}", Request { client: 0, id, operation }.hash())
}

/// The head's own statements name get('x'), validly signed; the client's request stays as it is.
/// The next replica sees it, and so does Olympus, since the head's history says what was sent.
#[test]
fn change_operation_at_the_head() {
    let run = play(&[("0.0", "client_request(0,0)", "change_operation()")]).run().held(1);
    assert_eq!(run.injected(), ["replica 0.0: client_request(0,0), change_operation()"]);
    let shuttle = &run.sent("replica 0.0", "shuttle")[0];
    let lie = request_hash(0, Operation::get("x"));
    assert_eq!(count(shuttle, &lie), 2, "{shuttle}");
    assert!(shuttle.contains("operation=put{key=\"k\" value=\"v\"}"));
    assert_eq!(count(shuttle, "signed by replica 0.0"), 2);
    assert_eq!(count(shuttle, "falsely"), 0);
    let asks = run.noted("replica 0.1", "asks_for_reconfiguration");
    assert!(asks[0].contains("reason=wrong_operation"), "{asks:?}");
    assert!(run.sent("replica 0.0", "wedged")[0].contains(&lie));
    let refused = run.noted("olympus", "wedge_refused");
    assert!(refused[0].contains("position=0"), "{refused:?}");
    let ordered = |line: &perjury::trace::Line| line.kind == Some("ordered");
    let executed = run.lines.iter().filter(|line| ordered(line));
    assert!(executed.into_iter().all(|line| !line.to_string().contains("key=\"x\"")));
}

/// In the middle it contradicts the head's statement, which is a proof.
#[test]
fn change_operation_in_the_middle() {
    let run = play(&[("0.1", "shuttle(0,1)", "change_operation()")]).run().held(1);
    let shuttle = &run.sent("replica 0.1", "shuttle")[1];
    assert_eq!(count(shuttle, &request_hash(1, Operation::get("x"))), 2);
    assert_eq!(count(shuttle, &request_hash(1, Operation::append("k", "w"))), 2);
    let asks = run.noted("replica 0.2", "asks_for_reconfiguration");
    assert!(asks[0].contains("reason=contradicting_orders proof=true"), "{asks:?}");
}

/// The tail has no successor to lie to.
#[test]
fn change_operation_at_the_tail() {
    let run = play(&[("0.2", "shuttle(0,1)", "change_operation()")]).run().held(0);
    assert_eq!(run.told("not_injected"), ["replica 0.2: shuttle(0,1), change_operation()"]);
    assert!(run.report.faulty.is_empty());
}

/// The tail lies to the client and up the chain; the client believes the other two.
#[test]
fn change_result_at_the_tail() {
    let run = play(&[("0.2", "shuttle(0,2)", "change_result()")]).run().held(1);
    for kind in ["result", "result_shuttle"] {
        let sent = &run.sent("replica 0.2", kind)[2];
        assert_eq!(count(sent, OK), 1, "{sent}");
        assert!(sent.contains(&format!("{OK}}} signed by replica 0.2")), "{sent}");
    }
    assert!(run.noted("client 0", "answered")[2].contains("agreeing=2 statements=3"));
    let asks = run.noted("replica 0.1", "asks_for_reconfiguration");
    assert!(asks[0].contains("reason=contradicting_results proof=true"), "{asks:?}");
}

/// In the middle only what goes up the chain is changed, and nothing that was sent before.
#[test]
fn change_result_in_the_middle() {
    let run = play(&[("0.1", "shuttle(0,2)", "change_result()")]).run().held(1);
    assert_eq!(count(&run.sent("replica 0.1", "shuttle")[2], OK), 0);
    assert_eq!(count(&run.sent("replica 0.2", "result")[2], OK), 0);
    let sent = &run.sent("replica 0.1", "result_shuttle")[2];
    assert!(sent.contains(&format!("{OK}}} signed by replica 0.1")), "{sent}");
    assert_eq!(count(sent, "signed by replica 0.2"), 1);
    let asks = run.noted("replica 0.0", "asks_for_reconfiguration");
    assert!(asks[0].contains("reason=contradicting_results proof=true"), "{asks:?}");
}

/// The head answers a client only when that asks again: here its own result shuttle came late.
#[test]
fn change_result_at_the_head() {
    let mut play = play(&[
        ("0.0", "client_request(0,2)", "change_result()"),
        ("0.1", "result_shuttle(0,2)", "sleep(5000)"),
    ]);
    play.more =
        "[[network.link]]\nfrom = \"replica 2\"\nto = \"clients\"\nlatency = \"4s\"\n".into();
    let run = play.run();
    let sent = run.sent("replica 0.0", "result");
    assert!(sent[0].contains(&format!("{OK}}} signed by replica 0.0")), "{sent:?}");
    assert_eq!(run.results(0), ["OK", "OK", "vw"]);
}

/// The proof that the tail hands out lacks the head's statement: nobody accepts it.
#[test]
fn drop_result_stmt_at_the_tail() {
    let run = play(&[("0.2", "shuttle(0,1)", "drop_result_stmt()")]).run().held(1);
    for kind in ["result", "result_shuttle"] {
        let sent = &run.sent("replica 0.2", kind)[1];
        assert_eq!(count(sent, "signed by replica 0.0"), 0, "{sent}");
        assert_eq!(count(sent, "signed by replica"), 2);
    }
    assert_eq!(run.noted("client 0", "rejected").len(), 1);
    let asks = run.noted("replica 0.1", "asks_for_reconfiguration");
    assert!(asks[0].contains("reason=bad_result_proof"), "{asks:?}");
}

/// In the middle the client has had its answer already; the head does not take the proof.
#[test]
fn drop_result_stmt_in_the_middle() {
    let run = play(&[("0.1", "shuttle(0,1)", "drop_result_stmt()")]).run().held(1);
    assert_eq!(count(&run.sent("replica 0.1", "result_shuttle")[1], "signed by replica 0.0"), 0);
    let asks = run.noted("replica 0.0", "asks_for_reconfiguration");
    assert!(asks[0].contains("reason=bad_result_proof"), "{asks:?}");
}

/// Both, on one trigger: a single statement is left that tells the truth.
#[test]
fn changed_and_dropped_statements_at_once() {
    let run = play(&[("0.2", "shuttle(0,2)", "change_result(); drop_result_stmt()")]).run().held(1);
    let sent = &run.sent("replica 0.2", "result")[2];
    assert_eq!(count(sent, "signed by replica 0.0"), 0);
    assert_eq!(count(sent, OK), 1);
    assert_eq!(count(sent, "signed by"), 2);
}

/// The process is gone in the middle of what it was about to do, and its log ends there.
#[test]
fn crash() {
    let run = play(&[("0.1", "shuttle(0,1)", "crash()")]).run().held(1);
    let of_it = run.lines.iter().filter(|line| line.process.to_string() == "replica 0.1");
    let last: Vec<&str> = of_it.rev().take(3).map(|line| line.event).collect();
    assert_eq!(last, ["crashed", "injected", "received"]);
}

/// The wedged message is short, but the state is not rolled back. Repeats say the same.
#[test]
fn truncate_history() {
    let mut play = play(&[
        ("0.0", "wedge_request(0)", "truncate_history(1)"),
        ("0.2", "shuttle(0,2)", "drop()"),
    ]);
    play.t = 2;
    let run = play.run().held(1);
    let wedged = &run.sent("replica 0.0", "wedged")[0];
    assert_eq!(count(wedged, "slot=1 request={"), 1, "{wedged}");
    assert_eq!(count(wedged, "slot=2 request={"), 1);
    assert_eq!(count(wedged, "slot=3 request={"), 0);
    assert!(run.sent("replica 0.1", "wedged")[0].contains("slot=3 request={"));
}

/// More entries than there are: an empty history.
#[test]
fn truncate_history_further_than_it_goes() {
    let run = play(&[
        ("0.0", "wedge_request(0)", "truncate_history(100)"),
        ("0.0", "client_request(0,1)", "increment_slot()"),
    ])
    .run()
    .held(1);
    assert!(run.sent("replica 0.0", "wedged")[0].contains("history=[]"));
}

/// Where nothing is left out, nobody lied: it is told that it came to nothing, and is no fault.
#[test]
fn truncate_history_of_nothing() {
    let lies = [
        ("0.0", "truncate_history(0)"),
        ("0.0", "rollback(0)"),
        ("0.2", "truncate_history(2)"),
        ("0.2", "rollback(2)"),
        ("0.2", "forge_history(0)"),
        ("0.2", "omit_history(0)"),
    ];
    for (who, lie) in lies {
        let run = play(&[(who, "wedge_request(0)", lie), ("0.2", "shuttle(0,0)", "drop()")]);
        let run = run.run().held(1);
        let never: Vec<_> = run.report.never_fired().map(|never| never.pair.to_string()).collect();
        assert_eq!(never, [format!("wedge_request(0), {lie}")]);
        let told = &run.at(&format!("replica {who}"), "not_injected", "")[0];
        assert!(told.contains("nothing that this could change"), "{told}");
        assert_eq!(run.report.faulty.get(&0), Some(&[2].into()));
    }
}

/// It stands still, then handles the message. It is slow, not faulty.
#[test]
fn sleep() {
    let run = play(&[("0.1", "shuttle(0,1)", "sleep(250)")]).run().held(0);
    assert_eq!(run.told("injected"), ["replica 0.1: shuttle(0,1), sleep(250)"]);
    let at = |event| run.lines.iter().find(|line| line.event == event).expect("it is told").at_ns;
    assert_eq!(at("resumed") - at("injected"), 250_000_000);
    let ordered = run.lines.iter().find(|line| {
        line.kind == Some("ordered")
            && line.process.to_string() == "replica 0.1"
            && line.to_string().contains("slot=2 ")
    });
    assert_eq!(ordered.expect("it goes on").at_ns, at("resumed"));
    assert!(run.report.faulty.is_empty());
}

/// Replica 1 waits for the result of a retransmitted request when it falls asleep: the timer runs
/// out meanwhile and fires late.
#[test]
fn timers_of_a_sleeper_fire_late() {
    let mut play =
        play(&[("0.2", "shuttle(0,0)", "crash()"), ("0.1", "client_request(1,0)", "sleep(20000)")]);
    play.clients.push("put('l','v')".to_owned());
    let run = play.run().held(1);
    let fired = run.at("replica 0.1", "timer_fired", "");
    assert!(fired[0].starts_with("23."), "{fired:?}");
    let set = run.at("replica 0.1", "timer_set", "");
    assert!(set[0].contains("due=6."), "{set:?}");
    let resumed = run.at("replica 0.1", "resumed", "");
    assert!(resumed[0].starts_with("23."), "{resumed:?}");
}

/// The head leaves out slot 2: everybody after it sees the gap, and its history has a hole.
#[test]
fn increment_slot() {
    let run = play(&[("0.0", "client_request(0,1)", "increment_slot()")]).run().held(1);
    assert!(run.sent("replica 0.0", "shuttle")[1].contains("slot=3"));
    let asks = run.noted("replica 0.1", "asks_for_reconfiguration");
    assert!(asks[0].contains("reason=slot_gap"), "{asks:?}");
    let refused = run.noted("olympus", "wedge_refused");
    assert!(refused[0].contains("position=0 why=hole"), "{refused:?}");
}

#[test]
fn increment_slot_elsewhere() {
    let run = play(&[("0.1", "shuttle(0,1)", "increment_slot()")]).run().held(0);
    assert_eq!(run.told("not_injected").len(), 1);
    assert_eq!(run.report.never_fired().count(), 1);
}

/// The head's state gets a key that nobody put; its checkpoint statements show it, its history does
/// not, and no quorum takes its state.
#[test]
fn extra_op() {
    let mut play = play(&[
        ("0.0", "client_request(0,1)", "extra_op()"),
        ("0.0", "client_request(0,2)", "drop()"),
        ("0.2", "shuttle(0,2)", "drop()"),
    ]);
    play.checkpoint = 2;
    play.t = 2;
    play.faults.remove(1);
    let run = play.run().held(1);
    let differs = run.noted("replica 0.1", "checkpoint_disagreement");
    assert!(differs[0].contains("with=replica 0.0"), "{differs:?}");
    assert_eq!(run.report.dictionary, [("k".to_owned(), "vw".to_owned())]);
    let last = run.noted("olympus", "quorum_final");
    assert!(last[0].contains("quorum=[1, "), "{last:?}");
}

/// A replica that waits for its first state has none to which anything could be done. Later it has.
#[test]
fn extra_op_before_the_first_state() {
    let cause = ("0.0", "client_request(0,1)", "increment_slot()");
    let early = ("1.0", "new_configuration(0)", "extra_op(); rollback(9)");
    let run = play(&[cause, early, ("1.2", "shuttle(0,0)", "drop()")]).run();
    let told = &run.at("replica 1.0", "not_injected", "")[0];
    assert!(told.contains("extra_op() detail=it has no state yet"), "{told}");
    assert_eq!(run.outcome("new_configuration(0), extra_op()").fired, 0);
    assert_eq!(run.outcome("new_configuration(0), rollback(9)").fired, 1);
    assert!(run.report.dictionary.iter().all(|(key, _)| key != "a"), "{}", run.report);
    let late = play(&[cause, ("1.0", "client_request(0,0)", "extra_op()")]).run().held(1);
    assert_eq!(late.outcome("client_request(0,0), extra_op()").fired, 1);
}

/// The first byte of a signature is one more: the receiver does not believe it, nor does Olympus.
#[test]
fn invalid_order_sig() {
    for (who, when, next) in
        [("0.0", "client_request(0,1)", "replica 0.1"), ("0.1", "shuttle(0,1)", "replica 0.2")]
    {
        let run = play(&[(who, when, "invalid_order_sig()")]).run().held(1);
        let liar = format!("replica {who}");
        let falsely = format!("falsely signed as {liar}");
        let shuttle = &run.sent(&liar, "shuttle")[1];
        let (orders, results) = shuttle.split_once("results=").expect("both are there");
        assert_eq!((count(orders, &falsely), count(results, "falsely")), (1, 0));
        let asks = run.noted(next, "asks_for_reconfiguration");
        assert!(asks[0].contains("reason=invalid_signature proof=false"), "{asks:?}");
        assert_eq!(count(&run.sent(&liar, "wedged")[0], &falsely), 1, "history as it was sent");
        assert_eq!(run.noted("olympus", "wedge_refused").len(), 1);
    }
}

/// Elsewhere than at the tail it is the next shuttle that is spoilt.
#[test]
fn invalid_result_sig_in_a_shuttle() {
    let run = play(&[("0.1", "shuttle(0,1)", "invalid_result_sig()")]).run().held(1);
    let shuttle = &run.sent("replica 0.1", "shuttle")[1];
    let (orders, results) = shuttle.split_once("results=").expect("both are there");
    assert_eq!(count(orders, "falsely"), 0);
    assert_eq!(count(results, "falsely signed as replica 0.1"), 1);
    let asks = run.noted("replica 0.2", "asks_for_reconfiguration");
    assert!(asks[0].contains("reason=invalid_signature"), "{asks:?}");
}

/// At the tail it is the next message to a client, and not what goes up the chain: the client asks
/// everybody, and is answered from the caches.
#[test]
fn invalid_result_sig_at_the_tail() {
    let run = play(&[("0.2", "shuttle(0,1)", "invalid_result_sig()")]).run().held(0);
    assert_eq!(count(&run.sent("replica 0.2", "result")[1], "falsely signed as replica 0.2"), 1);
    assert_eq!(count(&run.sent("replica 0.2", "result_shuttle")[1], "falsely"), 0);
    assert_eq!(run.noted("client 0", "rejected").len(), 1);
    assert_eq!(run.noted("client 0", "retransmits").len(), 1);
}

/// Of the statements only those of the last t replicas are left.
#[test]
fn drop_checkpt_stmts() {
    for (who, when) in [("0.2", "checkpoint(0)"), ("0.1", "completed_checkpoint(0)")] {
        let mut play = play(&[(who, when, "drop_checkpt_stmts()")]);
        play.checkpoint = 2;
        let run = play.run().held(1);
        let sent = &run.sent(&format!("replica {who}"), "completed_checkpoint")[0];
        assert_eq!(count(sent, "signed by"), 1, "{sent}");
        assert_eq!(count(sent, "signed by replica 0.2"), 1);
        let refused = |line: &&perjury::trace::Line| line.kind == Some("refused_checkpoint");
        assert!(run.lines.iter().any(|line| refused(&line)));
    }
}

/// The head sends no completed checkpoint.
#[test]
fn drop_checkpt_stmts_at_the_head() {
    let mut play = play(&[("0.0", "completed_checkpoint(0)", "drop_checkpt_stmts()")]);
    play.checkpoint = 1;
    assert_eq!(play.run().held(0).told("not_injected").len(), 1);
}

/// The next message of whatever kind is not sent, and the log warns of it: the tail's answer to the
/// client here, while the result goes up the chain.
#[test]
fn omit_send() {
    let run = play(&[("0.2", "shuttle(0,1)", "omit_send()")]).run().held(0);
    let told = &run.at("replica 0.2", "injected", "")[0];
    assert!(told.contains("what=shuttle(0,1), omit_send()"), "{told}");
    assert!(told.contains("detail=a warning"), "{told}");
    let first =
        |kind| run.sent("replica 0.2", kind).iter().filter(|sent| sent.contains(" id=1 ")).count();
    assert_eq!(first("result_shuttle"), 1);
    assert_eq!(run.noted("client 0", "retransmits").len(), 1);
}
