//! Every line of every log is as its schema says.

#[path = "../src/trace/fits.rs"]
mod fits;

use std::collections::BTreeSet;
use std::process::Command;

use fits::fits;
use perjury::trace;
use serde_json::{Value, json};

fn perjury(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_perjury"))
        .args(words)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the program starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What no replica, client or Olympus of bcr does, or what no scenario brings about. The tests of
/// the trace itself hold an event of every word against the schema.
const UNSEEN: [&str; 8] = [
    "answered",
    "clock_set",
    "commanded",
    "held",
    "in_vain",
    "persisted",
    "persisting",
    "unreachable",
];

#[test]
fn logs_are_as_their_schema_says() {
    let schema = trace::json_schema();
    let mut words = BTreeSet::new();
    for name in [
        "first",
        "crashed_replicas_never_come_back",
        "clocks_and_pauses",
        "faults_on_datagrams",
        "partition_that_heals",
        "olympus_crashes",
        "tail_lies_about_result",
        "failure_that_cannot_happen",
        "failure_armed_long_before",
        "accepted_operation_lost_under_quorum",
    ] {
        let path = format!("scenarios/bcr/{name}.toml");
        let log = perjury(&["run", &path, "--log", "json", "--states"]);
        let mut events = 0;
        let mut last = Value::Null;
        for line in log.lines() {
            last = serde_json::from_str(line).expect("a line is JSON");
            assert!(fits(&schema, &last), "{name}: {line}");
            events += u64::from(last["event"].is_string());
            words.extend(last["event"].as_str().map(str::to_owned));
        }
        assert_eq!(last["events"], events, "{name}: the verdict is the last line, and counts");
    }
    let expected = trace::WORDS.iter().filter(|word| !UNSEEN.contains(word));
    assert!(words.iter().eq(expected), "{words:?}");
}

#[test]
fn what_is_no_line_of_a_log_does_not_fit() {
    let schema = trace::json_schema();
    let good = json!({
        "number": 4, "at_ns": 0, "process": "client 0", "cause": 2, "event": "received",
        "kind": "result", "from": "replica 0.2", "sent": 3, "anything": [1],
    });
    assert!(fits(&schema, &good));
    for (name, value) in [
        ("number", json!(-4)),
        ("at_ns", json!("soon")),
        ("event", json!("recieved")),
        ("from", json!(7)),
        ("sent", Value::Null),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert!(!fits(&schema, &bad), "{bad}");
    }
    let mut short = good;
    short.as_object_mut().expect("an object").remove("sent");
    assert!(!fits(&schema, &short));
}

#[test]
fn the_schema_is_printed() {
    let printed: Value = serde_json::from_str(&perjury(&["schema", "log"])).expect("it is JSON");
    assert_eq!(printed, trace::json_schema());
    let scenario: Value = serde_json::from_str(&perjury(&["schema"])).expect("it is JSON");
    assert_eq!(scenario["title"], "Perjury scenario");
}
