//! The command line, as a user meets it: output, exit codes, bad input.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The first scenario, which the README runs.
const FIRST: &str = "scenarios/bcr/first.toml";

fn perjury(words: &[&str]) -> Output {
    perjury_with(words, "")
}

/// Runs the program in the project's folder, with something on its standard input.
fn perjury_with(words: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_perjury"))
        .args(words)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("it has a standard input");
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

/// A scratch folder of this test.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file can be written");
    path.display().to_string()
}

/// The digest in a verdict, whether it is told as text or as JSON.
fn digest(text: &str) -> String {
    let (_, rest) = text.rsplit_once("digest").expect("a verdict has a digest");
    let digits = rest.trim_start_matches(|c: char| !c.is_ascii_hexdigit());
    digits.chars().take_while(char::is_ascii_hexdigit).collect()
}

#[test]
fn the_first_scenario_holds() {
    let output = perjury(&["run", FIRST]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    let readme = include_str!("../README.md");
    assert!(readme.contains(out(&output).trim()), "the README shows another output");
    insta::assert_snapshot!(out(&output));
}

#[test]
fn the_same_run_is_told_as_json() {
    let text = perjury(&["run", FIRST]);
    let json = perjury(&["run", FIRST, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("it is JSON");
    assert_eq!(json["digest"], digest(&out(&text)));
    assert_eq!(json["verdict"], "held");
    assert_eq!(json["clients"][0]["results"], serde_json::json!(["OK", "OK", "star wars"]));
    assert_eq!(json["dictionary"]["movie"], "star wars");
}

#[test]
fn watching_and_signatures_do_not_change_the_run() {
    let plain = digest(&out(&perjury(&["run", FIRST])));
    for words in [
        &["run", FIRST, "--log", "text"][..],
        &["run", FIRST, "--log", "json"],
        &["run", FIRST, "--set", "signatures=ed25519"],
    ] {
        assert_eq!(digest(&out(&perjury(words))), plain, "{words:?}");
    }
}

#[test]
fn another_seed_is_another_run() {
    let plain = digest(&out(&perjury(&["run", FIRST])));
    assert_ne!(digest(&out(&perjury(&["run", FIRST, "--seed", "8"]))), plain);
}

#[test]
fn every_event_goes_to_the_file_of_its_process() {
    let folder = scratch("log-dir");
    let path = folder.display().to_string();
    let whole = out(&perjury(&["run", FIRST, "--log", "text", "--log-dir", &path]));
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("the folder is there")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let expected = ["client-0", "client-1", "olympus", "replica-0-0", "replica-0-1", "replica-0-2"];
    assert_eq!(names, expected.map(|name| format!("{name}.log")));
    let lines: usize = names
        .iter()
        .map(|name| fs::read_to_string(folder.join(name)).expect("a log is text").lines().count())
        .sum();
    assert_eq!(lines, whole.lines().filter(|line| line.contains(" #")).count());
}

#[test]
fn a_run_under_its_own_tape_is_the_same_run() {
    let folder = scratch("tape");
    let tape = folder.join("tape.toml").display().to_string();
    let recorded = perjury(&["run", FIRST, "--record-tape", &tape]);
    let replayed = perjury(&["run", FIRST, "--seed", "99", "--tape", &tape]);
    assert_eq!(digest(&out(&recorded)), digest(&out(&replayed)), "the tape answers everything");
}

#[test]
fn check_finds_the_first_scenario_deterministic() {
    let output = perjury(&["check", FIRST]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let plain = digest(&out(&perjury(&["run", FIRST])));
    assert!(out(&output).contains(&plain), "{}", out(&output));
}

#[test]
fn diff_names_the_first_event_in_which_runs_part() {
    let same = perjury(&["diff", FIRST, FIRST]);
    assert_eq!((code(&same), out(&same).contains("the same run")), (0, true));
    let other = perjury(&["diff", FIRST, FIRST, "--seed", "8"]);
    assert_eq!(code(&other), 1);
    assert!(out(&other).contains("the runs part at event"), "{}", out(&other));
    let folder = scratch("diff");
    let log = perjury(&["run", FIRST, "--log", "json"]);
    let log = write(&folder, "run.jsonl", &out(&log));
    let logged = perjury(&["diff", &log, FIRST]);
    assert_eq!(code(&logged), 0, "{}{}", out(&logged), err(&logged));
}

#[test]
fn a_person_steps_through_a_run() {
    let input = "list\nnext\n0\nwho\nlook client 0\nlook nobody\nfly\nrun\nquit\n";
    let output = perjury_with(&["step", FIRST], input);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let text = out(&output);
    for expected in [
        "pending",
        "olympus: started",
        "client 0, client 1",
        "'nobody' names no process",
        "'fly' is no command",
        "the run is over: nothing was left to do",
    ] {
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
}

#[test]
fn converted_scenarios_run_alike() {
    let folder = scratch("convert");
    let course = "test_case_name = small\nt = 1\nnum_client = 1\nclient_timeout = 3000\n\
                  head_timeout = 3000\nnonhead_timeout = 3000\n\
                  workload[0] = put('movie','star'); get('movie'); pseudorandom(190,10)\n";
    let course = write(&folder, "small.txt", course);
    let converted = perjury(&["convert", &course]);
    assert_eq!(code(&converted), 0, "{}", err(&converted));
    let toml = write(&folder, "small.toml", &out(&converted));
    let (a, b) = (perjury(&["run", &course]), perjury(&["run", &toml]));
    assert_eq!(code(&a), 0, "{}{}", out(&a), err(&a));
    assert_eq!(digest(&out(&a)), digest(&out(&b)));
}

#[test]
fn a_new_scenario_is_clean_and_holds() {
    let folder = scratch("new");
    let template = perjury(&["new", "bcr"]);
    let path = write(&folder, "mine.toml", &out(&template));
    let lint = perjury(&["lint", &path]);
    assert_eq!(code(&lint), 0, "{}", err(&lint));
    assert!(out(&lint).contains("1 accepted, 0 accepted with warnings"), "{}", out(&lint));
    let run = perjury(&["run", &path]);
    assert_eq!(code(&run), 0, "{}{}", out(&run), err(&run));
}

#[test]
fn bad_input_is_a_diagnostic_with_a_remedy() {
    let folder = scratch("bad-input");
    let unknown = write(&folder, "unknown.toml", "protocol = \"bcr\"\nsede = 7\nt = 1\n");
    let output = perjury(&["run", &unknown]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("seed"), "{}", err(&output));
    for words in [
        &["run", "no/such/file.toml"][..],
        &["run", FIRST, "--set", "nothing"],
        &["run", FIRST, "--set", "network.los=1"],
        &["run", FIRST, "--tape", FIRST],
        &["new", "paxos"],
        &["diff", FIRST, "Cargo.lock"],
        &["fly"],
    ] {
        let output = perjury(words);
        assert_eq!(code(&output), 2, "{words:?}: {}{}", out(&output), err(&output));
        assert!(!err(&output).is_empty(), "{words:?} says nothing");
        assert!(!err(&output).contains("panicked"), "{words:?}: {}", err(&output));
    }
}

#[test]
fn a_choice_at_no_site_is_refused() {
    let folder = scratch("choice");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FIRST));
    let text = text.expect("it is there") + "\n[[choice]]\nsite = \"luck\"\nanswer = 1\n";
    let path = write(&folder, "choice.toml", &text);
    let output = perjury(&["run", &path]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("names no question") || err(&output).contains("name a question"));
}

#[test]
fn a_limit_leaves_the_run_undecided() {
    let output = perjury(&["run", FIRST, "--set", "limits.events=50"]);
    assert_eq!(code(&output), 3, "{}", out(&output));
    assert!(out(&output).contains("the limit on events was reached (50)"), "{}", out(&output));
    assert!(
        err(&output).contains("again: perjury run scenarios/bcr/first.toml"),
        "it can be replayed"
    );
}

#[test]
fn an_expectation_missed_is_named() {
    let output = perjury(&["run", FIRST, "--set", "expect.answered=9"]);
    assert_eq!(code(&output), 1);
    assert!(out(&output).contains("8 requests are answered, not 9"), "{}", out(&output));
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_perjury"))
        .args(["run", FIRST, "--log", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(!err(&output).contains("panicked"), "{}", err(&output));
    assert_eq!(code(&output), 0);
}

#[test]
fn help_and_completions_are_there() {
    for words in [&["--help"][..], &["run", "--help"], &["completions", "bash"], &["schema"]] {
        let output = perjury(words);
        assert_eq!(code(&output), 0, "{words:?}");
        assert!(out(&output).len() > 100, "{words:?}");
    }
    assert!(out(&perjury(&["run", "--help"])).contains("Examples:"));
}
