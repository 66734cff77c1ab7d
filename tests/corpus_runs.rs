//! Scenario files by other people, run: the official ones do what their authors say, all others
//! end, and are safe and live where they stay within what the protocol bears.

#![allow(clippy::print_stdout, reason = "a test says what it saw")]

mod corpus;

use std::collections::BTreeMap;

use corpus::{corpus, files, lenient};
use perjury::run::{self, Report};
use perjury::scenario::{Expect, ReadOptions, Scenario, Verdict, read};

/// What must come of an official file, in the words of a scenario's `[expect]`.
const OUTCOMES: &[(&str, &str)] = &[
    (
        "head_change_op",
        r#"
        answered = 2
        reconfigurations = 1
        quorum = [[1, 2]]
        dictionary = { movie = "star" }
        event = [
          { kind = "ordered", fields = { operation = "get('x')" }, count = 0 },
          { kind = "reconfiguration_begins", fields = { reason = "wrong_operation" }, count = 1 },
        ]"#,
    ),
    (
        "tail_change_result",
        r#"
        answered = 3
        reconfigurations = 1
        dictionary = { movie = "star wars" }
        event = [
          { kind = "answered", fields = { request = 1, agreeing = 2, statements = 3 }, count = 1 },
          { kind = "reconfiguration_begins", fields = { reason = "contradicting_results" } },
        ]"#,
    ),
    (
        "tail_double_fail",
        r#"
        answered = 3
        reconfigurations = 1
        dictionary = { movie = "star wars" }
        event = [
          { kind = "rejected", fields = { request = 1 } },
          { kind = "answered", fields = { request = 1, from = "olympus" }, count = 1 },
        ]"#,
    ),
    (
        "stress10",
        r#"
        answered = 100
        reconfigurations = 0
        event = [
          { kind = "result", fields = { event = "sent", process = "replica 0.4" }, count = 100 },
          { kind = "result", fields = { event = "sent" }, count = 100 },
          { kind = "retransmits", count = 0 },
        ]"#,
    ),
    (
        "extra_op_drop_shuttle",
        r#"
        answered = 9
        reconfigurations = 1
        quorum = [[1, 2, 3]]
        dictionary = { k = "r00r01r02r03r04r05r20r21" }
        event = [
          { kind = "checkpoint_completed", fields = { process = "replica 0.0" }, count = 2 },
          { kind = "result_delivered", fields = { request = 5, slot = 6 }, count = 1 },
          { kind = "answered", fields = { request = 5, from = "olympus" }, count = 1 },
          { kind = "quorum_tried", fields = { quorum = [1,2,3], lacking = [0,0,1] }, count = 1 },
          { kind = "caught_up", fields = { event = "noted", lacked = 1 } },
        ]"#,
    ),
    (
        "get_running_state_crash",
        r#"
        answered = 5
        reconfigurations = 1
        quorum = [[2, 3, 4]]
        dictionary = { k = "r00r01r20r21" }
        event = [
          { kind = "quorum_agrees", fields = { quorum = [1, 2, 3] }, count = 1 },
          { kind = "quorum_silent", fields = { quorum = [1, 2, 3], silent = [1] }, count = 1 },
          { kind = "crashed", fields = { process = "replica 0.1" }, count = 1 },
        ]"#,
    ),
    (
        "increment_slot_invalid_order_sig",
        r#"
        answered = 7
        reconfigurations = 2
        quorum = [[1, 2, 3], []]
        dictionary = { k = "r00r10r11r12r20r21" }
        event = [
          { kind = "result_delivered", fields = { request = 1 }, count = 0 },
          { kind = "answered", fields = { request = 1, configuration = 1 }, count = 1 },
          { kind = "answered", fields = { request = 3, from = "olympus" }, count = 1 },
          { kind = "reconfiguration_begins", fields = { reason = "slot_gap" }, count = 1 },
          { kind = "reconfiguration_begins", fields = { asked_by = "replica 1.4" }, count = 1 },
        ]"#,
    ),
    (
        "perform900",
        r#"
        answered = 900
        reconfigurations = 0
        event = [
          { kind = "checkpoint_completed", fields = { process = "replica 0.0" }, count = 100 },
          { kind = "checkpoint_completed", fields = { process = "replica 0.4" }, count = 100 },
        ]"#,
    ),
];

fn expectation(text: &str) -> Expect {
    let text = format!("protocol = \"bcr\"\n[expect]\ndictionary_exact = true\n{text}");
    let text = match text.contains("dictionary =") {
        true => text,
        false => text.replace("dictionary_exact = true", ""),
    };
    let reading = read("outcome", text.as_bytes(), &ReadOptions::default());
    let said: Vec<String> = reading.diagnostics.iter().map(|found| found.compact()).collect();
    reading.scenario.unwrap_or_else(|| panic!("{said:?}")).expect
}

#[test]
fn official_files_do_what_their_authors_say() {
    let Some(corpus) = corpus() else { return };
    let files: BTreeMap<String, Vec<u8>> = files(&corpus.join("official")).into_iter().collect();
    assert_eq!(files.len(), OUTCOMES.len());
    for (name, outcome) in OUTCOMES {
        let bytes = files.get(&format!("{name}.txt")).expect("the file is there");
        let reading = read(name, bytes, &ReadOptions::default());
        let mut scenario = reading.scenario.expect("it is read");
        scenario.expect = expectation(outcome);
        let report = run::run(&scenario).expect("it is run");
        assert_eq!((report.verdict, report.missed.len()), (Verdict::Held, 0), "{name}\n{report}");
        println!("{name}: {}", summary(&report));
    }
}

fn summary(report: &Report) -> String {
    let (answered, times) = (report.answered(), report.reconfigurations);
    format!("{answered} answered, {times} reconfigurations, quorums {:?}", report.quorums)
}

/// Files that are read in some way: their number by verdict, those beyond tolerance apart.
fn outcomes(files: &[(String, Vec<u8>)], options: &ReadOptions) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for (name, bytes) in files {
        let Some(scenario) = read(name, bytes, options).scenario else {
            *counts.entry("refused".to_owned()).or_insert(0) += 1;
            continue;
        };
        let report = run::run(&scenario).expect("it is run");
        let beyond = if report.is_beyond_tolerance() { ", beyond tolerance" } else { "" };
        let outcome = format!("{}{beyond}", report.verdict);
        *counts.entry(outcome).or_insert(0) += 1;
        within_tolerance_all_holds(name, &scenario, &report);
    }
    counts
}

fn within_tolerance_all_holds(name: &str, scenario: &Scenario, report: &Report) {
    let may_break = report.is_beyond_tolerance();
    let fine = match (report.verdict, &report.rest) {
        (Verdict::Held, _) => true,
        // A file in seconds may ask for more patience than a run has: then it is given that.
        (Verdict::Undecided, Ok(rest)) if rest.by_ns > scenario.limits.time_ns => {
            may_break || holds_with_time(scenario, rest.by_ns)
        }
        // Where messages may go on for ever, nothing but the limit ends a run.
        (Verdict::Undecided, Err(_)) => !report.stop.is_quiet(),
        _ => may_break,
    };
    assert!(fine, "{name}: {}\n{report}", run::Summary(scenario));
    let missed = &report.missed;
    assert!(missed.is_empty() || may_break, "{name}: {missed:?}");
}

/// Whether a run holds that may take so long.
fn holds_with_time(scenario: &Scenario, time_ns: u64) -> bool {
    let mut patient = scenario.clone();
    patient.limits.time_ns = time_ns;
    run::run(&patient).expect("it is run").verdict == Verdict::Held
}

#[test]
fn field_files_are_safe_and_live_within_tolerance() {
    let Some(corpus) = corpus() else { return };
    let files = files(&corpus.join("field"));
    let seconds = ReadOptions { time_unit_seconds: true, ..lenient() };
    let from_one = ReadOptions { counter_base_one: true, ..lenient() };
    for (how, options) in [
        ("strict", ReadOptions::default()),
        ("lenient", lenient()),
        ("lenient, in seconds", seconds),
        ("lenient, counted from 1", from_one),
    ] {
        println!("{how}: {:?}", outcomes(&files, &options));
    }
}
