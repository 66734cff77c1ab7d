//! Every line of every log is as its schema says.

use std::process::Command;

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

/// Whether a value is as a schema says, as far as these schemas say anything.
fn fits(schema: &Value, value: &Value) -> bool {
    let is_of_type = |name: &Value| match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("null") => value.is_null(),
        other => panic!("{other:?} is not known here"),
    };
    let properties = schema["properties"].as_object();
    let checks = schema.as_object().expect("a schema is an object").iter().map(|(word, is)| {
        match word.as_str() {
            "anyOf" => is.as_array().is_some_and(|all| all.iter().any(|one| fits(one, value))),
            "const" => is == value,
            "type" => match is.as_array() {
                Some(names) => names.iter().any(is_of_type),
                None => is_of_type(is),
            },
            "minimum" => value.as_i64().is_none_or(|number| Some(number) >= is.as_i64()),
            "required" => {
                let names = is.as_array().into_iter().flatten().filter_map(Value::as_str);
                names.into_iter().all(|name| value.get(name).is_some())
            }
            "properties" => properties
                .into_iter()
                .flatten()
                .all(|(name, schema)| value.get(name).is_none_or(|value| fits(schema, value))),
            "additionalProperties" => {
                value.as_object().into_iter().flatten().all(|(_, value)| fits(is, value))
            }
            "$schema" | "title" => true,
            other => panic!("{other} is not known here"),
        }
    });
    checks.into_iter().all(|is_so| is_so)
}

#[test]
fn logs_are_as_their_schema_says() {
    let schema = trace::json_schema();
    let mut words = std::collections::BTreeSet::new();
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
        for line in log.lines() {
            let read: Value = serde_json::from_str(line).expect("a line is JSON");
            assert!(fits(&schema, &read), "{name}: {line}");
            words.extend(read["event"].as_str().map(str::to_owned));
        }
        assert!(log.lines().count() > 30, "{name}");
    }
    assert!(words.len() >= 18, "{words:?}");
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
