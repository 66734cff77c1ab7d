//! When a failure is set off: by which message, counted how.

use super::{Run, play};

/// Whatever the trigger, the message with that number is the one that is ignored.
#[track_caller]
fn drops(who: &str, when: &str, kind: &str, number: usize, more: &[super::Pair<'_>]) -> Run {
    let mut faults = vec![(who, when, "drop()")];
    faults.extend(more);
    let mut play = play(&faults);
    play.checkpoint = 1;
    let run = play.run();
    let process = format!("replica {who}");
    assert_eq!(run.injected().iter().filter(|what| what.ends_with("drop()")).count(), 1);
    let told = format!("{process}: {when}, drop()");
    assert!(run.injected().contains(&told), "{told} not in {:?}", run.injected());
    let dropped = run
        .lines
        .iter()
        .find(|line| line.event == "injected" && line.to_string().contains("drop()"))
        .expect("it was told");
    let cause = run.lines[dropped.cause as usize - 1].to_string();
    assert_eq!(cause, run.received(&process, kind)[number]);
    let caused = run.lines.iter().filter(|line| line.cause == dropped.cause);
    assert_eq!(caused.count(), 1, "nothing else comes of an ignored message");
    run
}

/// At the head, directly from a client.
#[test]
fn client_request() {
    drops("0.0", "client_request(0,1)", "client_request", 1, &[]);
}

/// Retransmissions count too: they are received.
#[test]
fn client_request_sent_again() {
    let slow = ("0.1", "shuttle(0,0)", "sleep(5000)");
    let run = drops("0.0", "client_request(0,1)", "client_request", 1, &[slow]);
    assert!(run.received("replica 0.0", "client_request")[1].contains("retransmitted=true"));
}

/// Another replica passes a retransmitted request to the head.
#[test]
fn forwarded_request() {
    drops(
        "0.0",
        "forwarded_request(0,1)",
        "forwarded_request",
        1,
        &[("0.0", "client_request(0,0)", "sleep(4000)")],
    );
}

#[test]
fn shuttle() {
    drops("0.1", "shuttle(0,1)", "shuttle", 1, &[]);
    drops("0.2", "shuttle(0,0)", "shuttle", 0, &[]);
}

#[test]
fn result_shuttle() {
    drops("0.0", "result_shuttle(0,1)", "result_shuttle", 1, &[]);
    drops("0.1", "result_shuttle(0,2)", "result_shuttle", 2, &[]);
}

/// By its kind alone, whoever is behind it, beside what is counted by client.
#[test]
fn received() {
    drops("0.1", "received(shuttle,1)", "shuttle", 1, &[]);
    drops("0.0", "received(client_request,2)", "client_request", 2, &[]);
    let both = ["shuttle(0,0), sleep(1)", "received(shuttle,0), drop()"];
    let pairs = both.map(|pair| pair.split_once(", ").expect("two"));
    let run = play(&pairs.map(|(when, then)| ("0.1", when, then))).run();
    assert_eq!(run.injected(), both.map(|pair| format!("replica 0.1: {pair}")));
}

#[test]
fn checkpoint() {
    drops("0.1", "checkpoint(1)", "checkpoint", 1, &[]);
    drops("0.2", "checkpoint(0)", "checkpoint", 0, &[]);
}

#[test]
fn completed_checkpoint() {
    drops("0.0", "completed_checkpoint(0)", "completed_checkpoint", 0, &[]);
    drops("0.1", "completed_checkpoint(1)", "completed_checkpoint", 1, &[]);
}

/// The faulty replica is the one that makes Olympus replace the chain, so all is within tolerance.
#[test]
fn wedge_request() {
    let gap = ("0.0", "client_request(0,1)", "increment_slot()");
    drops("0.0", "wedge_request(0)", "wedge_request", 0, &[gap]);
}

#[test]
fn catch_up() {
    let signature = ("0.1", "shuttle(0,1)", "invalid_order_sig()");
    drops("0.0", "catch_up(0)", "catch_up", 0, &[("0.2", "shuttle(0,1)", "sleep(1)"), signature]);
}

#[test]
fn get_running_state() {
    let gap = ("0.2", "shuttle(0,1)", "crash()");
    drops("0.0", "get_running_state(0)", "get_running_state", 0, &[gap]);
}

/// Each replica of a configuration that is not the first is told of it; 0 is the first telling.
#[test]
fn new_configuration() {
    let gap = ("0.0", "client_request(0,1)", "increment_slot()");
    drops("1.2", "new_configuration(0)", "new_configuration", 0, &[gap]);
}

/// The second client's first message has number 0, whatever the first client has sent.
#[test]
fn each_client_is_counted_apart() {
    let mut play = play(&[("0.1", "shuttle(1,0)", "drop()"), ("0.1", "shuttle(1,5)", "drop()")]);
    play.clients.push("put('l','v')".to_owned());
    let run = play.run().held(1);
    assert_eq!(run.injected(), ["replica 0.1: shuttle(1,0), drop()"]);
    assert!(run.cause_of_injection().contains("client=1 id=0"));
}

/// The same trigger fires in each configuration for which it is asked, by that one's own count.
#[test]
fn numbers_begin_anew_in_each_configuration() {
    let run =
        play(&[("0.2", "shuttle(0,0)", "drop()"), ("1.2", "shuttle(0,0)", "drop()")]).run().held(2);
    let both = ["replica 0.2: shuttle(0,0), drop()", "replica 1.2: shuttle(0,0), drop()"];
    assert_eq!(run.injected(), both);
}

/// It is counted when it is received, once; that it was slept over does not count it again.
#[test]
fn a_message_that_is_slept_over_counts_once() {
    let run = play(&[
        ("0.1", "shuttle(0,0)", "sleep(10)"),
        ("0.1", "shuttle(0,1)", "sleep(10)"),
        ("0.1", "shuttle(0,3)", "sleep(10)"),
    ])
    .run()
    .held(0);
    let both = ["replica 0.1: shuttle(0,0), sleep(10)", "replica 0.1: shuttle(0,1), sleep(10)"];
    assert_eq!(run.injected(), both);
}

/// A message that the replica will ignore counts all the same: here a shuttle that it has seen.
#[test]
fn what_has_no_effect_counts_too() {
    let run =
        play(&[("0.0", "client_request(0,1)", "replay()"), ("0.1", "shuttle(0,2)", "sleep(1)")])
            .run()
            .held(0);
    let slept = run.lines.iter().find(|line| line.to_string().contains("what=shuttle(0,2)"));
    let cause = slept.expect("it is told").cause as usize - 1;
    assert!(run.lines[cause].to_string().contains("orders=[{body={configuration=0 slot=1 "));
}

/// One trigger, several failures: all of them happen, in the order in which they stand.
#[test]
fn one_trigger_may_carry_several_failures() {
    let run = play(&[("0.2", "shuttle(0,1)", "sleep(5); change_result(); drop_result_stmt()")])
        .run()
        .held(1);
    let all = [
        "replica 0.2: shuttle(0,1), sleep(5)",
        "replica 0.2: shuttle(0,1), change_result()",
        "replica 0.2: shuttle(0,1), drop_result_stmt()",
    ];
    assert_eq!(run.injected(), all);
    assert_eq!(run.told("armed"), all[1..]);
}

/// Two triggers arm the same failure before its message is sent: it happens once.
#[test]
fn arming_twice_is_arming_once() {
    let mut play = play(&[
        ("0.0", "client_request(0,0)", "truncate_history(1)"),
        ("0.0", "client_request(0,1)", "truncate_history(1)"),
        ("0.2", "shuttle(0,2)", "drop()"),
    ]);
    play.t = 2;
    let run = play.run().held(1);
    assert_eq!(run.told("armed").len(), 2);
    let head = run.injected().into_iter().filter(|what| what.starts_with("replica 0.0"));
    let first = "replica 0.0: client_request(0,0), truncate_history(1)";
    assert_eq!(head.collect::<Vec<_>>(), [first]);
}

/// A failure waits for its message however long that takes, here over three requests.
#[test]
fn an_armed_failure_waits() {
    let run = play(&[("0.1", "shuttle(0,0)", "invalid_order_sig()")]).run().held(1);
    assert_eq!(run.told("armed"), run.injected());
    let mut later = play(&[("0.0", "client_request(0,0)", "drop_result_stmt()")]);
    later.clients = vec!["put('k','v')".to_owned(); 1];
    let run = later.run();
    assert_eq!(run.injected().len(), 0);
    assert_eq!(run.outcome("client_request(0,0), drop_result_stmt()").armed, 1);
}
