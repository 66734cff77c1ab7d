//! The command line, as a user meets it: output, exit codes, bad input.

mod shell;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use shell::{code, err, out, program, scratch};

/// The first scenario, which the README runs.
const FIRST: &str = "scenarios/bcr/first.toml";

fn perjury(words: &[&str]) -> Output {
    perjury_with(words, "")
}

/// Runs the program in the project's folder, with something on its standard input.
fn perjury_with(words: &[&str], input: &str) -> Output {
    let mut child = program()
        .args(words)
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
    let expected =
        ["client-0", "client-1", "olympus", "replica-0-0", "replica-0-1", "replica-0-2", "run"];
    assert_eq!(names, expected.map(|name| format!("{name}.log")));
    let read = |name: &String| fs::read_to_string(folder.join(name)).expect("a log is text");
    let lines: usize = names.iter().map(|name| events(&read(name))).sum();
    assert_eq!(lines, events(&whole));
    let end = "0.272298298 end: dictionary \"jury\"=\"dimimil\" \"movie\"=\"star wars\" \
               \"oath\"=\"belopoj\" \"witness\"=\"bamofib\"\n";
    let run = fs::read_to_string(folder.join("run.log")).expect("a log is text");
    assert!(run.starts_with(end) && whole.ends_with(&run), "{run}");
}

#[test]
fn the_lines_that_the_page_about_the_log_shows_are_printed_so() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/trace/LOG.md"));
    let page = page.expect("the page is there");
    let log = out(&perjury(&["run", FIRST, "--log", "text"]));
    let blocks: Vec<&str> = page.split("```text\n").skip(1).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let shown = block.split('\n').next().expect("a block has a line");
        let shown = shown.trim_end_matches('…');
        assert!(log.lines().any(|line| line.starts_with(shown)), "{shown} is not printed");
    }
}

#[test]
fn moments_in_json_are_numbers_of_nanoseconds() {
    let log = out(&perjury(&["run", FIRST, "--log", "json"]));
    let set = log.lines().find(|line| line.contains("\"timer_set\"")).expect("a timer is set");
    let set: serde_json::Value = serde_json::from_str(set).expect("it is JSON");
    assert!(set["due_ns"].as_u64() > set["at_ns"].as_u64(), "{set}");
}

fn events(log: &str) -> usize {
    log.lines().filter(|line| line.contains(" #")).count()
}

#[test]
fn logs_in_json_say_their_format_and_replace_those_of_an_earlier_run() {
    let folder = scratch("log-dir-json");
    for name in ["replica-3-1.log", "client-9-twin-1.jsonl", "run.log", "client-notes.log"] {
        write(&folder, name, "of old");
    }
    let path = folder.display().to_string();
    let output = perjury(&["run", FIRST, "--log", "json", "--log-dir", &path]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("the folder is there")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names.len(), 8, "{names:?}");
    assert!(names.contains(&"client-notes.log".to_owned()), "what is no log stays");
    let first = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).expect("a log is text");
        text.lines().next().expect("it has a first line").to_owned()
    };
    let header = "{\"format\":1,\"process\":\"replica 0.1\",\"seed\":7}";
    assert_eq!(first("replica-0-1.jsonl"), header);
    assert_eq!(first("run.jsonl"), "{\"format\":1,\"seed\":7}");
    let run = fs::read_to_string(folder.join("run.jsonl")).expect("a log is text");
    assert!(run.contains("\"movie\":\"star wars\""), "{run}");
}

#[test]
fn what_cannot_be_written_is_named_before_the_run() {
    let folder = scratch("no-folder");
    let file = write(&folder, "file", "");
    let inside = format!("{file}/inside");
    for words in [["--log-dir", &file], ["--log-dir", &inside], ["--record-tape", &inside]] {
        let output = perjury(&[&["run", FIRST][..], &words].concat());
        assert_eq!(code(&output), 2, "{words:?}");
        assert!(err(&output).contains(&file), "{}", err(&output));
        assert_eq!(out(&output), "", "there was no run");
    }
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

/// A file that can be read only once, as the output of another program is.
#[cfg(unix)]
#[test]
fn check_reads_its_input_once() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FIRST));
    let text = text.expect("it is there");
    for name in ["/dev/stdin", "-"] {
        let output = perjury_with(&["check", name, "--seed", "8"], &text);
        assert_eq!(code(&output), 0, "{name}: {}{}", out(&output), err(&output));
        assert!(out(&output).contains("the same run in both processes"), "{}", out(&output));
    }
}

#[test]
fn check_hands_the_tape_over_too() {
    let folder = scratch("check-tape");
    let tape = folder.join("tape.toml").display().to_string();
    perjury(&["run", FIRST, "--record-tape", &tape]);
    let output = perjury(&["check", FIRST, "--seed", "99", "--tape", &tape]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    let plain = digest(&out(&perjury(&["run", FIRST])));
    assert!(out(&output).contains(&plain), "{}", out(&output));
}

#[test]
fn diff_compares_a_process_with_its_own_events_alone() {
    let folder = scratch("diff-process");
    let path = folder.display().to_string();
    perjury(&["run", FIRST, "--log", "json", "--log-dir", &path]);
    let log = |name: &str| folder.join(name).display().to_string();
    let own = perjury(&["diff", &log("client-0.jsonl"), FIRST]);
    assert_eq!(code(&own), 0, "{}{}", out(&own), err(&own));
    let titles = format!("A: {}\nB: {FIRST}\n", log("client-0.jsonl"));
    let expected = format!("{titles}the events of client 0 alone:\nthe same run: 23 events\n");
    assert_eq!(out(&own), expected);
    let changed = perjury(&["diff", &log("client-0.jsonl"), FIRST, "--seed", "8"]);
    assert_eq!(code(&changed), 1, "{}", out(&changed));
    let others = perjury(&["diff", &log("client-0.jsonl"), &log("client-1.jsonl")]);
    assert_eq!(code(&others), 2, "{}", out(&others));
    assert!(err(&others).contains("client 1"), "{}", err(&others));
}

#[test]
fn diff_refuses_what_is_no_log() {
    let folder = scratch("diff-no-log");
    let whole = out(&perjury(&["run", FIRST, "--log", "json"]));
    let (header, rest) = whole.split_once('\n').expect("a log has lines");
    let gap = rest.split_once('\n').expect("a log has lines").1;
    for (name, text, reason) in [
        ("nothing", "{}".to_owned(), "a log begins with its format"),
        ("empty", header.to_owned(), "there is no event"),
        ("later", header.replace('1', "2"), "format 2 is not known"),
        ("headless", rest.to_owned(), "a log begins with its format"),
        ("gap", format!("{header}\n{gap}"), "event 2 stands behind event 0"),
        ("behind", format!("{whole}{gap}"), "behind the end"),
        ("cut", whole[..whole.len() / 2].to_owned(), "this is not JSON"),
    ] {
        let path = write(&folder, name, &text);
        let output = perjury(&["diff", &path, &path]);
        assert_eq!(code(&output), 2, "{name}: {}", out(&output));
        assert!(err(&output).contains(reason), "{name}: {}", err(&output));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_never_ends_is_not_read_to_its_end() {
    for words in [
        &["run", "/dev/zero"][..],
        &["lint", "/dev/zero"],
        &["diff", FIRST, "/dev/zero"],
        &["run", FIRST, "--tape", "/dev/zero"],
    ] {
        let output = perjury(words);
        assert_eq!(code(&output), 2, "{words:?}");
        assert!(err(&output).contains("is larger than"), "{words:?}: {}", err(&output));
    }
}

#[test]
fn diff_names_the_first_event_in_which_runs_part() {
    let same = perjury(&["diff", FIRST, FIRST]);
    assert_eq!(code(&same), 0);
    assert_eq!(out(&same), format!("A: {FIRST}\nB: {FIRST}\nthe same run: 200 events\n"));
    let other = perjury(&["diff", FIRST, FIRST, "--seed", "8", "--set", "network.loss = 0"]);
    assert_eq!(code(&other), 1);
    // Which side is which: what was changed stands beside it.
    let titles = format!("A: {FIRST}\nB: {FIRST} --seed 8 --set 'network.loss = 0'\n");
    let parted = format!("{titles}the runs part at event 21:\n");
    assert!(out(&other).starts_with(&parted), "{}", out(&other));
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
fn what_a_person_chose_can_be_done_again() {
    let folder = scratch("step-save");
    let file = folder.join("session.txt").display().to_string();
    let input = format!("run x\nlist y\nrun 8\nlist\n1\n\n0\nsave {file}\nsave\n");
    let output = perjury_with(&["step", FIRST], &input);
    let text = out(&output);
    for expected in ["'x' is no number", "'y' is no number", "4 commands are in", "say where"] {
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
    let saved = fs::read_to_string(&file).expect("it was saved");
    assert_eq!(saved, "run 8\n1\nnext\n0\n");
    let again = out(&perjury_with(&["step", FIRST], &saved));
    let happened = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains(" #")).map(str::to_owned).collect()
    };
    assert_eq!(happened(&again), happened(&text));
}

#[test]
fn the_command_that_replays_a_run_can_be_given_as_it_stands() {
    let folder = scratch("again");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FIRST));
    let text = text.expect("it is there");
    write(&folder, "-odd name.toml", &text);
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perjury"));
        command.args(words).current_dir(&folder).env("NO_COLOR", "1").output().expect("it starts")
    };
    let set = "expect.answered=9";
    let again = "again: perjury run --set expect.answered=9 -- '-odd name.toml'";
    let output = run(&["run", "--set", set, "--", "-odd name.toml"]);
    assert!(err(&output).contains(again), "{}", err(&output));
    let replayed = run(&["run", "--set", set, "--", "-odd name.toml"]);
    assert_eq!((code(&replayed), out(&replayed)), (1, out(&output)));
    let checked = run(&["check", "--", "-odd name.toml"]);
    assert_eq!(code(&checked), 0, "{}", err(&checked));
    let piped = perjury_with(&["run", "-", "--set", set], &text);
    let again = "again: perjury run - --set expect.answered=9    (with the same standard input)";
    assert!(err(&piped).contains(again), "{}", err(&piped));
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

/// The first scenario with a choice at this site.
fn with_choice(folder: &Path, name: &str, site: &str) -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FIRST));
    let choice = format!("\n[[choice]]\nsite = \"{site}\"\nanswer = \"0xffffffffffffffff\"\n");
    write(folder, name, &(text.expect("it is there") + &choice))
}

/// The site that help texts give as an example.
const SITE: &str = "loss: client 0 -> replica 0.0: client_request 0/2";

#[test]
fn a_choice_at_no_site_is_refused_where_it_stands() {
    let folder = scratch("choice");
    let path = with_choice(&folder, "choice.toml", "luck");
    let tape = write(&folder, "tape.toml", "[[choice]]\nsite = \"luck\"\nanswer = 1\n");
    for words in [&["lint", &path][..], &["convert", &path], &["run", FIRST, "--tape", &tape]] {
        let output = perjury(words);
        assert_eq!(code(&output), 2, "{words:?}");
        let text = err(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        for expected in ["this names no question", "site = \"luck\"", SITE, "--record-tape"] {
            assert!(text.contains(expected), "{words:?}: {expected} is missing in\n{text}");
        }
    }
}

#[test]
fn a_choice_that_is_never_asked_is_named_and_the_example_is_asked() {
    let folder = scratch("unasked");
    let other = SITE.replace("client_request", "request");
    let path = with_choice(&folder, "unasked.toml", &other);
    let told = perjury(&["run", &path]);
    assert_eq!(code(&told), 0, "{}", out(&told));
    assert!(out(&told).contains(&format!("never asked {other}")), "{}", out(&told));
    let json = perjury(&["run", &path, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("it is JSON");
    assert_eq!(json["unasked_choices"], serde_json::json!([other]));
    let asked = with_choice(&folder, "asked.toml", SITE);
    let asked = perjury(&["run", &asked]);
    assert!(!out(&asked).contains("never asked"), "{}", out(&asked));
}

#[test]
fn a_limit_leaves_the_run_undecided() {
    let output = perjury(&["run", FIRST, "--set", "limits.steps=50"]);
    assert_eq!(code(&output), 3, "{}", out(&output));
    assert!(out(&output).contains("the limit on steps was reached (50)"), "{}", out(&output));
    assert!(out(&output).contains(" events in 50 steps"), "{}", out(&output));
    let all = out(&perjury(&["run", FIRST]));
    let (_, steps) = all.split_once(" events in ").expect("steps are counted");
    let steps = steps.split(' ').next().expect("a number");
    let all = perjury(&["run", FIRST, "--set", &format!("limits.steps={steps}")]);
    assert_eq!(code(&all), 0, "it has so many: {}", out(&all));
    assert!(
        err(&output).contains("again: perjury run scenarios/bcr/first.toml"),
        "it can be replayed"
    );
}

#[test]
fn what_a_file_says_reaches_the_terminal_as_text() {
    let folder = scratch("control");
    let evil = "\\u001b[2J\\u009b31m\\u0007";
    let text = format!(
        "protocol = \"bcr\"\n[[client]]\nworkload = \"put('k{evil}','v{evil}'); get('k{evil}')\"\n\
         [expect]\nresults = {{ 0 = [\"{evil}\"] }}\n[[network.partition]]\n\
         groups = [[\"replicas\"], [\"clients\"]]\nfrom = \"1h\"\n"
    );
    let path = write(&folder, "control.toml", &text);
    let raw = write(&folder, "raw.txt", "t = 1\nnum_client = 1\nworkload[0] = gett('\u{1b}[2J')\n");
    for words in [
        &["run", &path][..],
        &["run", &path, "--json"],
        &["run", &path, "--log", "text"],
        &["test", &path],
        &["lint", &raw],
        &["lint", "--short", &raw],
        &["run", "no\u{1b}[2Jfile"],
    ] {
        let output = perjury(words);
        let all = out(&output) + &err(&output);
        let is_obeyed = |c: char| c.is_control() && c != '\n';
        assert!(!all.contains(is_obeyed), "{words:?}: {all:?}");
        assert!(all.len() > 20, "{words:?}: {all}");
    }
    let json = perjury(&["run", &path, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("it is JSON");
    assert_eq!(json["clients"][0]["results"][1], "v\u{1b}[2J\u{9b}31m\u{7}");
}

#[test]
fn a_diagnostic_of_a_long_line_is_short() {
    let folder = scratch("long-line");
    let workload = "gett('k'); ".repeat(90_000);
    let text = format!("protocol = \"bcr\"\n[[client]]\nworkload = \"{workload}\"\n");
    let long = write(&folder, "long.toml", &text);
    let course =
        write(&folder, "long.txt", &format!("t = 1\nnum_client = 1\nworkload[0]={workload}\n"));
    let word = format!("protocol = \"bcr\"\naccept = \"{}\"\n", "x".repeat(900_000));
    let word = write(&folder, "word.toml", &word);
    let far = format!("t = 1\nname = a\n{}name = b\n", "# much\n".repeat(100_000));
    let far = write(&folder, "far.txt", &far);
    for path in [long, course, word, far] {
        for words in [&["lint", &path][..], &["lint", "--short", &path]] {
            let output = perjury(words);
            let text = err(&output);
            assert!((50..20_000).contains(&text.len()), "{words:?}: {} bytes", text.len());
        }
    }
}

#[test]
fn an_expectation_missed_is_named() {
    let output = perjury(&["run", FIRST, "--set", "expect.answered=9"]);
    assert_eq!(code(&output), 1);
    assert!(out(&output).contains("8 requests are answered, not 9"), "{}", out(&output));
}

#[test]
fn a_closed_pipe_changes_no_exit_code() {
    assert_eq!(to_nobody(&["run", FIRST, "--log", "json"]), 0);
    assert_eq!(to_nobody(&["run", FIRST, "--set", "expect.answered=9"]), 1);
    assert_eq!(to_nobody(&["run", FIRST, "--log", "text", "--set", "limits.steps=50"]), 3);
    assert_eq!(to_nobody(&["diff", FIRST, FIRST, "--seed", "8"]), 1);
    assert_eq!(to_nobody(&["test", FIRST, "--set", "expect.answered=9"]), 1);
    assert_eq!(to_nobody(&["convert", FIRST]), 0);
}

/// The exit code where nobody reads the output.
fn to_nobody(words: &[&str]) -> i32 {
    let mut child = program()
        .args(words)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(!err(&output).contains("panicked"), "{}", err(&output));
    code(&output)
}

#[test]
fn help_and_completions_are_there() {
    for (words, part) in [
        (&["--help"][..], "Usage: perjury <COMMAND>\n"),
        (&["run", "--help"], "Usage: perjury run [OPTIONS] <FILE>\n"),
        (&["completions", "bash"], "complete -F _perjury "),
        (&["schema"], "\"title\": \"Perjury scenario\""),
    ] {
        let output = perjury(words);
        assert_eq!(code(&output), 0, "{words:?}");
        assert!(out(&output).contains(part), "{words:?}: {}", out(&output));
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = out(&perjury(&["completions", shell]));
        assert!(script.contains("record-tape") && script.contains("help"), "{shell}");
        assert!(!script.contains("tell") && !script.contains("scenario-bytes"), "{shell}");
    }
    assert!(out(&perjury(&["run", "--help"])).contains("Examples:"));
}
