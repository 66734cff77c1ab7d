//! Scenario files by other people: each is read, or refused with a place and a remedy.
//!
//! The files are not part of this project; without them these tests do nothing but say so.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it saw")]

mod corpus;

use corpus::{corpus, files, lenient};
use perjury::scenario::{ReadOptions, Reading, Severity, read, to_toml};

fn report(name: &str, reading: &Reading) {
    let state = match (&reading.scenario, reading.is_clean()) {
        (None, _) => "refused",
        (Some(_), true) => "clean",
        (Some(_), false) => "warned",
    };
    println!("== {state} {name}");
    for diagnosis in &reading.diagnostics {
        println!("   {}", diagnosis.compact());
    }
}

/// How many are read without a word, read with warnings, refused.
fn count(files: &[(String, Vec<u8>)], options: &ReadOptions) -> [usize; 3] {
    let mut counts = [0; 3];
    for (name, bytes) in files {
        let reading = read(name, bytes, options);
        report(name, &reading);
        let place = match &reading.scenario {
            None => 2,
            Some(_) => usize::from(!reading.is_clean()),
        };
        counts[place] += 1;
        let refusals = reading.diagnostics.iter().filter(|one| one.severity() == Severity::Error);
        assert_eq!(refusals.clone().count() > 0, reading.scenario.is_none(), "{name}");
        for diagnosis in refusals {
            assert!(!diagnosis.remedy().is_empty(), "{name}: {diagnosis}");
        }
    }
    counts
}

#[test]
fn field_files_are_read_or_refused_with_a_remedy() {
    let Some(corpus) = corpus() else { return };
    let files = files(&corpus.join("field"));
    println!("STRICT");
    let strict = count(&files, &ReadOptions::default());
    println!("LENIENT");
    let lenient = count(&files, &lenient());
    assert_eq!((strict, lenient), ([83, 127, 73], [83, 189, 11]));
}

#[test]
fn converted_files_say_the_same() {
    let Some(corpus) = corpus() else { return };
    let mut converted = 0;
    for (name, bytes) in files(&corpus.join("field")) {
        let Some(scenario) = read(&name, &bytes, &lenient()).scenario else {
            continue;
        };
        let again = read(&name, to_toml(&scenario).as_bytes(), &ReadOptions::default());
        assert_eq!(again.scenario, Some(scenario), "{name}");
        converted += 1;
    }
    assert_eq!(converted, 272);
}

#[test]
fn official_files_are_read() {
    let Some(corpus) = corpus() else { return };
    let files = files(&corpus.join("official"));
    let counts = count(&files, &ReadOptions::default());
    // The one warning: a timeout that is said twice.
    assert_eq!(counts, [7, 1, 0]);
}
