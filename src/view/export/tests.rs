//! What the forms say of a run, counted against its events.

use std::collections::BTreeMap;

use super::*;
use crate::run;
use crate::scenario;

/// The tail crashes on the second shuttle and is replaced.
fn events() -> Vec<Happened> {
    let text = include_str!("../../../scenarios/bcr/tail_crashes_before_result.toml");
    let reading = scenario::read("test", text.as_bytes(), &Default::default());
    let mut events = Vec::new();
    let mut keep = |line: crate::trace::Line| {
        events.push(Happened::from_json(&line.to_json()).expect("it is an event"));
    };
    run::run_logged(&reading.scenario.expect("it is a scenario"), Some(&mut keep))
        .expect("it runs");
    events
}

fn count(events: &[Happened], word: &str) -> usize {
    events.iter().filter(|event| event.event == word).count()
}

#[test]
fn a_terminal_shows_every_arrival_and_every_loss() {
    let events = events();
    let text = write(&events, Form::Sequence);
    let mut lines = text.lines();
    let head = lines.next().expect("there are names");
    assert!(head.trim_start().starts_with("client 0"), "{head}");
    assert!(head.contains("olympus") && head.contains("replica 1.2"), "{head}");
    let arrows = text.lines().filter(|line| line.contains('>') || line.contains('<')).count();
    assert_eq!(arrows, count(&events, "received"), "{text}");
    let losses = text.lines().filter(|line| line.ends_with(" lost")).count();
    assert_eq!(losses, count(&events, "lost"), "{text}");
    assert_eq!(losses, 3, "{text}");
    assert!(text.contains("crashed"), "{text}");
    // Every row has the columns at the same places, as long as their processes live.
    let column = |name: &str| head.find(name).expect("it is there") + name.len() / 2;
    let at = |line: &str, name| line.chars().nth(column(name)).unwrap_or(' ');
    let rows: Vec<&str> = lines.collect();
    assert!(rows.iter().all(|row| at(row, "olympus") != ' '), "{text}");
    let crash = rows.iter().position(|row| row.contains("crashed")).expect("as above");
    let is_empty = |row: &&str| !['|', '!', '*'].contains(&at(row, "replica 0.4"));
    assert!(
        rows[crash + 1..].iter().all(is_empty) && !rows[..crash].iter().any(is_empty),
        "{text}"
    );
    let is_there = |row: &&str| at(row, "replica 1.0") == '|';
    assert!(!is_there(&rows[0]) && rows.iter().any(is_there), "{text}");
}

#[test]
fn markdown_shows_them_too() {
    let events = events();
    let text = write(&events, Form::Mermaid);
    assert!(text.starts_with("sequenceDiagram\n  participant client_0 as client 0\n"), "{text}");
    assert_eq!(text.matches("->>").count(), count(&events, "received"));
    assert_eq!(text.matches("--x").count(), count(&events, "lost") + count(&events, "held"));
    let names = processes(&events).len();
    assert_eq!(text.matches("  participant ").count(), names);
}

/// Host, clock and event of each entry, read as the expression in the first line says.
fn entries(text: &str) -> Vec<(String, BTreeMap<String, u64>, String)> {
    let (expression, rest) = text.split_once("\n\n").expect("the expression stands first");
    assert_eq!(expression, r"(?<host>\S+) (?<clock>\{.*\})\n(?<event>.*)");
    let lines: Vec<&str> = rest.lines().collect();
    let entry = |pair: &[&str]| {
        let (host, clock) = pair[0].split_once(' ').expect("host and clock");
        let clock = serde_json::from_str(clock).expect("the clock is JSON");
        (host.to_owned(), clock, pair[1].to_owned())
    };
    lines.chunks(2).map(entry).collect()
}

#[test]
fn clocks_say_what_led_to_what() {
    let events = events();
    let entries = entries(&write(&events, Form::Shiviz));
    assert_eq!(entries.len(), events.len());
    let mut own: BTreeMap<&str, u64> = BTreeMap::new();
    for ((host, clock, told), event) in entries.iter().zip(&events) {
        assert!(told.starts_with(&format!("#{} {}", event.number, event.event)), "{told}");
        let next = own.entry(host).or_insert(0);
        *next += 1;
        assert_eq!(clock[host], *next, "a process counts its own events one by one");
        let led = [event.sent, event.cause].into_iter().filter(|number| *number > 0);
        for number in led {
            let (other, before, _) = &entries[number as usize - 1];
            let is_told = other == host || events[number as usize - 1].event != "noted";
            let knows = before.iter().all(|(name, count)| clock.get(name) >= Some(count));
            assert!(knows || !is_told, "#{} does not know #{number}", event.number);
        }
    }
}

#[test]
fn tracks_and_flows_are_json() {
    let events = events();
    let read: Value = serde_json::from_str(&write(&events, Form::Perfetto)).expect("it is JSON");
    let all = read["traceEvents"].as_array().expect("there are events");
    let phase = |sign: &str| all.iter().filter(|event| event["ph"] == sign).count();
    assert_eq!(phase("X"), events.len());
    // A message that is lost has no flow.
    assert_eq!((phase("s"), phase("f")), (count(&events, "received"), count(&events, "received")));
    assert_eq!((count(&events, "sent"), count(&events, "received")), (77, 74));
    let begun: Vec<&Value> =
        all.iter().filter(|event| event["ph"] == "s").map(|event| &event["id"]).collect();
    let mut ends = all.iter().filter(|event| event["ph"] == "f");
    assert!(ends.all(|event| begun.contains(&&event["id"])), "no flow ends that did not begin");
    let named = all.iter().filter(|event| event["name"] == "thread_name").count();
    assert_eq!(named, processes(&events).len());
    let last = events.last().expect("there are some");
    let time = &all.last().expect("as many")["ts"];
    assert_eq!(time.as_f64().map(|ts| (ts * 1_000.0).round() as u64), Some(last.at_ns));
}

#[test]
fn details_are_short_and_plain() {
    let line = serde_json::json!({
        "number": 1, "at_ns": 2, "process": "client 0", "cause": 0, "event": "noted",
        "kind": "asked", "operation": "put('k','\u{1b}[31m')", "long": "x".repeat(500),
        "from": "replica 0.1",
    });
    let event = Happened::from_json(&line).expect("it is an event");
    assert_eq!(event.details, "operation=put('k',' [31m')");
    assert_eq!(Happened::from_json(&serde_json::json!({ "verdict": "held" })), None);
}

/// Names and values that mean something to some form, or turn the text around.
#[test]
fn nothing_in_a_run_becomes_a_part_of_its_form() {
    let hostile = "end\nNote over x: \u{2028}{c} \u{202e}; <br/> %%{init}%% #9;";
    let at = |number: u64, event: &str| {
        let line = serde_json::json!({
            "number": number, "at_ns": number, "process": hostile, "cause": number - 1,
            "event": event, "kind": hostile, "from": "client 0", "to": "replica 0.7",
            "sent": 1, "value": hostile,
        });
        Happened::from_json(&line).expect("it is an event")
    };
    let events = [at(1, "sent"), at(2, "received"), at(3, "unreachable"), at(4, "lost")];
    for form in [Form::Sequence, Form::Mermaid, Form::Shiviz] {
        let text = write(&events, form);
        let stray = |c: char| ['\u{2028}', '\u{202e}'].contains(&c);
        assert!(!text.contains(stray), "{form:?}: {text}");
    }
    let mermaid = write(&events, Form::Mermaid);
    assert_eq!(mermaid.lines().count(), 1 + 2 + 3, "{mermaid}");
    assert!(!mermaid.contains('%') && !mermaid.contains('<'), "{mermaid}");
    assert!(mermaid.contains("--xreplica_0_7: unreachable"), "{mermaid}");
    assert_eq!(entries(&write(&events, Form::Shiviz)).len(), 4);
}

/// A log of one process tells of no other, but for what came from them.
#[test]
fn the_log_of_one_process_has_its_arrows() {
    let one: Vec<Happened> =
        events().into_iter().filter(|event| event.process == "replica 0.1").collect();
    let text = write(&one, Form::Sequence);
    let arrows = text.lines().filter(|line| line.contains("->|") || line.contains("|<-")).count();
    assert_eq!(arrows, 7, "{text}");
    let clean = write(&one, Form::Perfetto);
    assert!(!clean.contains("\"ph\":\"f\""), "no flow ends that did not begin");
}

/// Whoever is gone stays so, whatever becomes of what he sent.
#[test]
fn a_loss_brings_nobody_back() {
    let line = |number: u64, process: &str, event: &str, more: Value| {
        let mut line = serde_json::json!({
            "number": number, "at_ns": number, "process": process, "cause": 0, "event": event,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            line[name] = value.clone();
        }
        Happened::from_json(&line).expect("it is an event")
    };
    let none = || serde_json::json!({});
    let events = [
        line(1, "client 0", "started", none()),
        line(2, "replica 0.0", "started", none()),
        line(3, "replica 0.0", "sent", serde_json::json!({ "to": "client 0", "kind": "result" })),
        line(4, "replica 0.0", "stopped", none()),
        line(5, "replica 0.0", "lost", serde_json::json!({ "sent": 3, "why": "link" })),
        line(6, "client 0", "noted", serde_json::json!({ "kind": "answered" })),
    ];
    let text = write(&events, Form::Sequence);
    let last = text.lines().last().expect("there are rows");
    assert!(!last.contains('|'), "{text}");
}
