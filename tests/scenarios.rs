//! The project's own scenarios: each stands in the table of its folder, the linter has nothing to
//! say that the scenario is not about, and each does what it expects of itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use perjury::run;
use perjury::scenario::{ReadOptions, Reading, Verdict, read, template, to_toml};

/// What the linter may say, and of which scenarios: those that are about it.
const ABOUT: [(&str, &str); 4] = [
    ("_omits_a_message", "omit_send was withdrawn"),
    ("too_many_", "beyond tolerance"),
    ("failure_that_cannot_happen", "only the head assigns slots"),
    ("tail_crashes_on_a_result_shuttle", "this will hardly fire"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/bcr")
}

/// The names of all scenarios, without their ending; with their folder, where they are in one.
fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![folder()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).expect("the folder is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "toml") {
                let name = path.strip_prefix(folder()).expect("it lies below").with_extension("");
                names.insert(name.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    names
}

fn reading(name: &str) -> Reading {
    let bytes = fs::read(folder().join(format!("{name}.toml"))).expect("the file is there");
    read(&format!("{name}.toml"), &bytes, &ReadOptions::default())
}

/// Fails with all offences at once.
fn none(offences: Vec<String>) {
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

#[test]
fn every_scenario_stands_in_the_table() {
    let readme = fs::read_to_string(folder().join("README.md")).expect("the table is there");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| [")?.split_once(']'));
    let mut told = BTreeSet::new();
    for (name, rest) in rows {
        assert!(told.insert(name.to_owned()), "{name} stands in the table twice");
        assert!(rest.starts_with(&format!("({name}.toml) | ")), "{name}: {rest}");
    }
    let names = names();
    let missing: Vec<_> = names.symmetric_difference(&told).cloned().collect();
    assert!(missing.is_empty(), "in the folder or in the table, not in both: {missing:?}");
    assert!(names.len() > 150, "the README says so");
}

#[test]
fn the_linter_has_nothing_to_say() {
    let mut offences = Vec::new();
    for name in names() {
        let is_meant = |text: &str| {
            ABOUT.iter().any(|(part, about)| name.contains(part) && text.contains(about))
        };
        let said = reading(&name).diagnostics;
        let said = said.iter().map(|diagnosis| diagnosis.compact());
        offences.extend(said.filter(|text| !is_meant(text)));
    }
    none(offences);
}

/// What can have no effect, and a part of what is said of it.
const IDLE: [(&str, &str); 6] = [
    ("[[network.partition]]\nuntil = '1s'\ngroups = [['client 0']]", "blocks nobody"),
    ("[[network.partition]]\nuntil = '1s'\ngroups = [['client 0'], []]", "blocks nobody"),
    ("[[network.partition]]\nuntil = '1s'\ngroups = [['client 0'], ['olympus']]", ""),
    ("[[fault]]\nreplica = 0\nwhen = 'wedge_request(0)'\nthen = 'truncate_history(0)'", "never"),
    ("[[fault]]\nreplica = 0\nwhen = 'wedge_request(0)'\nthen = 'rollback(0)'", "never fire"),
    ("[[fault]]\nreplica = 0\nwhen = 'wedge_request(0)'\nthen = 'omit_history(0)'", "never fire"),
];

#[test]
fn what_does_nothing_is_told_before_the_run() {
    for (table, part) in IDLE {
        let text =
            format!("format = 1\nprotocol = 'bcr'\n[[client]]\nworkload = \"get('k')\"\n{table}\n");
        let said = read("idle", text.as_bytes(), &ReadOptions::default()).diagnostics;
        let said: Vec<String> = said.iter().map(|diagnosis| diagnosis.compact()).collect();
        assert_eq!(said.len(), usize::from(!part.is_empty()), "{table}: {said:?}");
        assert!(said.iter().all(|text| text.contains(part)), "{table}: {said:?}");
    }
}

#[test]
fn every_scenario_says_what_it_shows() {
    let mute = |name: &String| {
        let said = reading(name).scenario.map_or(String::new(), |it| it.description);
        // What it shows, and why: two sentences, or one with a reason behind a colon.
        let ends = |word: &&str| word.ends_with(['.', ':']);
        let clauses = said.split_whitespace().filter(ends).count();
        clauses < 2 || said.len() < 100 || !said.trim_end().ends_with('.')
    };
    none(names().into_iter().filter(mute).collect());
}

#[test]
fn every_scenario_does_what_it_expects() {
    let mut offences = Vec::new();
    for name in names() {
        let scenario = reading(&name).scenario.expect("the linter has read it");
        let wanted = scenario.expect.verdict.unwrap_or(Verdict::Held);
        let report = run::run(&scenario).expect("it runs");
        if report.verdict != wanted || !report.missed.is_empty() {
            offences.push(format!("{name} misses {:?}\n{report}", report.missed));
        }
    }
    none(offences);
}

/// Who finds something in which scenario, and nobody else does. The others judge what correct
/// processes do by themselves, which no failure of replicas can make wrong: agreement, for a slot
/// is ordered only with the signatures of all before, the correct ones' among them; that clients
/// asked for what is executed, and that it is executed once after the state that was handed over;
/// order and result proofs; and how a correct replica's history is bounded.
const FOUND: [(&str, &[&str]); 8] = [
    ("checkpoint_of_some_starves_the_tail", &["liveness"]),
    ("too_many_crash", &["liveness"]),
    ("accepted_operation_lost_under_quorum", &["extension", "linearizability"]),
    ("result_lost_when_delivered_early", &["extension", "linearizability"]),
    ("too_many_forget_what_was_accepted", &["extension", "linearizability"]),
    ("too_many_lie_about_a_read", &["replay", "state", "linearizability"]),
    ("too_many_agree_on_a_wrong_state", &["state"]),
    ("too_many_undo_what_all_have_done", &["extension"]),
];

#[test]
fn judges_find_what_they_are_there_for() {
    for (name, wanted) in FOUND {
        let scenario = reading(name).scenario.expect("the linter has read it");
        let report = run::run(&scenario).expect("it runs");
        let found = report.rulings.iter().filter_map(|ruling| ruling.finding.as_ref());
        let judges: Vec<&str> = found.map(|finding| finding.judge).collect();
        assert_eq!(judges, wanted, "{name}");
    }
}

/// With which decision made wrongly a scenario is broken, and which judge finds it: what its liar
/// tells is kept out by that decision alone.
const KEPT_OUT: [(&str, &str, &str); 10] = [
    ("head_forges_its_history", "wedged_unchecked", "linearizability"),
    ("head_forges_its_history", "entries_unchecked", "linearizability"),
    ("head_forges_its_history", "client_signatures_unchecked", "linearizability"),
    ("middle_forges_its_history", "wedged_unchecked", "linearizability"),
    ("middle_forges_its_history", "entries_unchecked", "linearizability"),
    ("head_omits_a_slot_of_its_history", "wedged_unchecked", "state"),
    ("head_omits_a_slot_of_its_history", "holes_tolerated", "state"),
    ("middle_flips_a_bit_of_a_checkpoint", "checkpoints_not_checked", "checkpoint proofs"),
    ("one_member_alone_vouches_for_a_result", "delivers_unconfirmed", "deliveries"),
    ("middle_omits_the_begin_of_its_history", "holes_tolerated", ""),
];

#[test]
fn what_one_decision_keeps_out_comes_in_without_it() {
    for (name, quirk, judge) in KEPT_OUT {
        let set = vec![("quirk".to_owned(), quirk.to_owned())];
        let options = ReadOptions { set, ..ReadOptions::default() };
        let bytes = fs::read(folder().join(format!("{name}.toml"))).expect("the file is there");
        let scenario = read(name, &bytes, &options).scenario.expect("the linter has read it");
        let report = run::run(&scenario).expect("it runs");
        let findings = report.rulings.iter().filter_map(|ruling| ruling.finding.as_ref());
        let judges: Vec<&str> = findings.map(|finding| finding.judge).collect();
        let found = judge.is_empty() || judges.contains(&judge);
        assert!(found, "{name} under {quirk}: {judges:?} find something, not {judge}");
        assert!(!report.missed.is_empty(), "{name} expects nothing that {quirk} makes wrong");
    }
}

/// Scenarios that are about failures which never come true.
const IN_VAIN: [&str; 2] = ["failure_that_cannot_happen", "failure_armed_long_before"];

#[test]
fn no_failure_waits_in_vain() {
    let mut offences = Vec::new();
    for name in names().into_iter().filter(|name| !IN_VAIN.contains(&name.as_str())) {
        let scenario = reading(&name).scenario.expect("the linter has read it");
        let report = run::run(&scenario).expect("it runs");
        let idle = report.never_fired().map(|outcome| format!("{name}: {outcome:?}"));
        offences.extend(idle);
    }
    none(offences);
}

#[test]
fn the_unreplicated_server_has_one_knob_and_knows_no_lies() {
    let told = |text: &str| -> Vec<String> {
        let reading = read("solo", text.as_bytes(), &ReadOptions::default());
        reading.diagnostics.iter().map(|found| found.compact()).collect()
    };
    let plain = template("solo").expect("there is one");
    assert_eq!(told(plain), Vec::<String>::new());
    let scenario = read("solo", plain.as_bytes(), &ReadOptions::default()).scenario;
    let scenario = scenario.expect("it is one");
    let again = read("again", to_toml(&scenario).as_bytes(), &ReadOptions::default());
    assert_eq!(again.scenario, Some(scenario));
    let fault = |when: &str, then: &str| {
        told(&format!("{plain}[[fault]]\nreplica = 0\nwhen = '{when}'\nthen = '{then}'\n"))
    };
    for (found, part) in [
        (told(&plain.replace("seed = 7", "t = 1")), "`t` is a knob of bcr"),
        (told(&plain.replace("seed = 7", "quirk = 'small_quorum'")), "`quirk` is a knob of bcr"),
        (told(&plain.replace("client = \"3s\"", "head = '3s'")), "`head` is a knob of bcr"),
        (fault("received(ask,0)", "crash()"), "bears 0: beyond tolerance"),
        (fault("shuttle(0,0)", "crash()"), "solo has no messages of the chain"),
        (fault("received(told,0)", "crash()"), "told"),
        (fault("received(ask,0)", "equivocate()"), "solo knows no equivocate"),
    ] {
        assert!(found.iter().any(|line| line.contains(part)), "{part}: {found:?}");
    }
}

/// The folder of the unreplicated server: what is in it stands in its table, and comes out as it
/// says.
#[test]
fn so_do_those_of_the_unreplicated_server() {
    let folder = folder().with_file_name("solo");
    let table = fs::read_to_string(folder.join("README.md")).expect("the table is there");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("the folder is there").flatten() {
        let path = entry.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Some(stem) = name.strip_suffix(".toml") else { continue };
        seen += 1;
        assert!(table.contains(&format!("| [{stem}]({name}) | ")), "{name} is not in the table");
        let bytes = fs::read(&path).expect("the file is there");
        let scenario = read(name, &bytes, &ReadOptions::default()).scenario.expect("it is one");
        assert!(scenario.description.len() > 100, "{name} says what it shows");
        let report = run::run(&scenario).expect("it runs");
        assert!(scenario.expect.verdict == Some(report.verdict), "{name}\n{report}");
        assert!(report.missed.is_empty(), "{name} misses {:?}\n{report}", report.missed);
    }
    assert_eq!(seen, table.lines().filter(|line| line.starts_with("| [")).count());
}
