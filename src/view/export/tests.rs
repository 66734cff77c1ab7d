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
    let times = all.iter().filter(|event| event["ph"] == "X").map(|event| &event["args"]["at_ns"]);
    assert!(times.eq(events.iter().map(|event| event.at_ns).collect::<Vec<_>>().iter()));
}

/// A trace as Perfetto takes it, by the rules of its importer: in the order of time, a slice ends
/// what is open on its track and over; what is open still has it inside, and if it ends before,
/// the slice is left out. A flow is tied to the innermost slice that was begun on its track.
/// Returns what was drawn, the number of each event and how deep it lies, and what flows tie.
fn as_perfetto(events: &[Happened]) -> (BTreeMap<u64, usize>, Vec<(u64, u64)>) {
    let read: Value = serde_json::from_str(&write(events, Form::Perfetto)).expect("it is JSON");
    let ns = |time: &Value| (time.as_f64().expect("a number") * 1_000.0).round() as u64;
    let mut all: Vec<&Value> = read["traceEvents"].as_array().expect("events").iter().collect();
    all.retain(|event| event["ph"] != "M");
    all.sort_by_key(|event| ns(&event["ts"]));
    let mut open: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
    let (mut begun, mut depths, mut flows) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for event in all {
        let open = open.entry(event["tid"].as_u64().expect("a track")).or_default();
        let number = |open: &[(u64, u64)]| open.last().expect("a slice is open").1;
        match event["ph"].as_str() {
            Some("X") => {
                let (from, length) = (ns(&event["ts"]), ns(&event["dur"]));
                open.retain(|(end, _)| *end > from);
                if open.iter().all(|(end, _)| from + length <= *end) {
                    let number = event["args"]["number"].as_u64().expect("a number");
                    depths.insert(number, open.len());
                    open.push((from + length, number));
                }
            }
            Some("s") => drop(begun.insert(event["id"].as_u64(), number(open))),
            Some("f") => {
                let from = begun.remove(&event["id"].as_u64()).expect("it began before");
                flows.push((from, number(open)));
            }
            other => panic!("{other:?}"),
        }
    }
    (depths, flows)
}

fn ties(events: &[Happened]) -> Vec<(u64, u64)> {
    let received = events.iter().filter(|event| event.event == "received");
    received.map(|event| (event.sent, event.number)).collect()
}

/// A log may say what it will.
#[test]
fn the_end_of_time_is_a_time() {
    let line = |number: u64, event: &str| {
        let line = serde_json::json!({
            "number": number, "at_ns": u64::MAX - number % 2, "process": "client 0", "cause": 0,
            "event": event, "sent": 1,
        });
        Happened::from_json(&line).expect("it is an event")
    };
    let events = [line(1, "sent"), line(2, "received"), line(3, "sent"), line(4, "received")];
    for form in [Form::Sequence, Form::Mermaid, Form::Shiviz, Form::Perfetto] {
        assert!(!write(&events, form).is_empty(), "{form:?}");
    }
}

/// Every event is drawn, none in another, and every message ties the two that it should.
#[test]
fn what_happens_at_one_instant_stands_side_by_side() {
    let (depths, mut flows) = as_perfetto(&events());
    let all: BTreeMap<u64, usize> = events().iter().map(|event| (event.number, 0)).collect();
    assert_eq!(depths, all);
    flows.sort_unstable_by_key(|(_, received)| *received);
    assert_eq!(flows, ties(&events()));
}

/// Messages that take no time or a nanosecond, more events than nanoseconds, and a track's next
/// instant in the midst of them.
#[test]
fn where_there_is_no_room_the_order_stays() {
    let mut events = Vec::new();
    let mut happens = |at_ns: u64, process: &str, event: &str, sent: u64| {
        let number = events.len() as u64 + 1;
        let line = serde_json::json!({
            "number": number, "at_ns": at_ns, "process": process, "cause": 0, "event": event,
            "kind": "ball", "sent": sent,
        });
        events.push(Happened::from_json(&line).expect("it is an event"));
        number
    };
    assert_eq!(happens(0, "other 2", "started", 0), 1);
    for at_ns in [0, 0, 1, 2, 50] {
        let sent: Vec<u64> = (0..6).map(|_| happens(at_ns, "other 0", "sent", 0)).collect();
        happens(at_ns, "other 0", "noted", 0);
        for (place, number) in sent.into_iter().enumerate() {
            let on = happens(at_ns + place as u64 / 5, "other 1", "received", number);
            assert!(on > number);
            let back = happens(at_ns + place as u64 / 5, "other 1", "sent", 0);
            happens(at_ns + place as u64 / 5, "other 0", "received", back);
        }
    }
    let (depths, mut flows) = as_perfetto(&events);
    assert_eq!(depths.len(), 1 + 5 * (7 + 6 * 3));
    assert_eq!(depths.len(), events.len());
    assert!(depths.values().all(|depth| *depth == 0), "{depths:?}");
    flows.sort_unstable_by_key(|(_, received)| *received);
    assert_eq!(flows, ties(&events));
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
