//! `perjury test`, as a user meets it.

mod shell;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use shell::code;

/// All that it says.
fn out(output: &Output) -> String {
    shell::out(output) + &shell::err(output)
}

/// A scratch folder of a test, with these files.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::remove_dir_all(&folder).ok();
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    folder
}

fn run(folder: &Path, words: &[&str]) -> (i32, String) {
    let path = folder.display().to_string();
    let output = shell::perjury(&[&["test", path.as_str()], words].concat());
    (code(&output), out(&output).replace(&path, "."))
}

const PLAIN: &str =
    "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"put('k','v'); get('k')\"\n";

/// The plain scenario with more to it.
fn plain(more: &str) -> String {
    format!("{PLAIN}{more}")
}

/// One replica crashes on the second shuttle.
const CRASH: &str =
    "[[fault]]\nreplica = 1\nwhen = \"shuttle(0,1)\"\nthen = \"crash()\"\n[expect]\n";

/// Two of three replicas are silent from the first shuttle on: beyond what t = 1 bears.
const TOO_MUCH: &str = "[[fault]]\nreplica = 1\nwhen = \"shuttle(0,0)\"\nthen = \"crash()\"\n\
                        [[fault]]\nreplica = 2\nwhen = \"wedge_request(0)\"\nthen = \"crash()\"\n";

#[test]
fn files_and_folders_are_run_in_their_order_whatever_the_jobs() {
    let folder = folder(
        "suite",
        &[
            ("b/two.toml", &plain("[expect]\nanswered = 2\nresults = { 0 = [\"OK\", \"v\"] }\n")),
            ("a/one.toml", &plain("")),
            ("a/notes.md", "no scenario"),
            (
                "c.config",
                "t = 1\nnum_client = 1\nworkload[0] = put('a','b')\ntest_dict = {'a':'b'}\n",
            ),
        ],
    );
    let (code, text) = run(&folder, &["--jobs", "1"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(
        text,
        "ok       ./a/one.toml: held, 2 of 2 answered\n\
         ok       ./b/two.toml: held, 2 of 2 answered\n\
         ok       ./c.config: held, 1 of 1 answered\n\
         3 scenarios: 3 as expected\n"
    );
    assert_eq!(run(&folder, &["--jobs", "4"]).1, text);
    assert_eq!(run(&folder, &["--quiet"]).1, "3 scenarios: 3 as expected\n");
}

#[test]
fn each_difference_is_shown_with_the_command_that_replays_it() {
    let expect = "[expect]\nverdict = \"broken\"\nanswered = 3\nreconfigurations = 1\n\
                  quorum = [[0, 1]]\ndigest = \"0\"\n\
                  dictionary = { k = \"w\", l = \"x\" }\nresults = { 0 = [\"OK\", \"w\"] }\n\
                  event = [{ kind = \"finished\", count = 2 },\n\
                  { kind=\"ordered\", fields={ slot=2, process=\"replica 0.2\" }, count=0 },\n\
                  { kind = \"shuttle\", fields = { event = \"sent\" }, count = \"1..3\" }]\n";
    let folder = folder("differs", &[("a.toml", &plain(expect))]);
    let (code, text) = run(&folder, &["--seed", "3"]);
    assert_eq!(code, 1, "{text}");
    for line in [
        "FAILED   ./a.toml",
        "the verdict is held, not broken",
        "2 requests are answered, not 3",
        "0 reconfigurations, not 1",
        "no quorum ends configuration 0, not [0, 1]",
        "k is 'v' in the end, not 'w'",
        "l is absent in the end, not 'x'",
        "result 1 of client 0 is 'v', not 'w'",
        "1 events finished, not 2",
        "1 events ordered with process = replica 0.2, slot = 2, not 0",
        "4 events shuttle with event = sent, not 1 to 3",
        "again: perjury run ./a.toml --seed 3",
        "1 scenario: 0 as expected, 1 FAILED",
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
}

#[test]
fn quorums_and_events_of_a_reconfiguration_can_be_expected() {
    let expect = "verdict = \"held\"\nreconfigurations = 1\nquorum = [[0, 2]]\n\
                  event = [{ kind = \"quorum_final\", fields = { quorum = [0, 2] }, count = 1 },\n\
                  { kind = \"crashed\", fields = { process = \"replica 0.1\" }, count = 1 },\n\
                  { kind = \"injected\", fields = { what = \"shuttle(0,1), crash()\" } },\n\
                  { kind = \"shuttle\", fields = { \"request.body.client\" = 0 } }]\n";
    let folder = folder("quorum", &[("a.toml", &plain(&format!("{CRASH}{expect}")))]);
    let (code, text) = run(&folder, &[]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn an_event_that_does_not_exist_is_refused() {
    let expect = "[expect]\nevent = [{ kind = \"quorum_finale\", count = 0 }]\n";
    let folder = folder("event", &[("a.toml", &plain(expect))]);
    let (code, text) = run(&folder, &[]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("did you mean \"quorum_final\"?"), "{text}");
}

#[test]
fn beyond_tolerance_is_no_failure_unless_something_else_was_expected() {
    let expect = "[expect]\nverdict = \"beyond_tolerance\"\n";
    let folder = folder(
        "beyond",
        &[
            ("a.toml", &plain(TOO_MUCH)),
            ("b.toml", &plain(&format!("{TOO_MUCH}{expect}"))),
            ("c.toml", &plain(&format!("{TOO_MUCH}[expect]\nanswered = 2\n"))),
        ],
    );
    let (code, text) = run(&folder, &[]);
    assert_eq!(code, 1, "{text}");
    for line in [
        "beyond   ./a.toml\n           broken beyond tolerance (liveness), 0 of 1 answered",
        "faulty: replica 0.1, replica 0.2 (MORE THAN the tolerated t = 1)",
        "ok       ./b.toml: broken beyond tolerance (liveness)",
        "FAILED   ./c.toml",
        "3 scenarios: 1 as expected, 1 broken beyond tolerance, 1 FAILED",
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    let run = Command::new(env!("CARGO_BIN_EXE_perjury"))
        .args(["run", &folder.join("a.toml").display().to_string()])
        .output()
        .expect("the program starts");
    assert_eq!(code_and_first_line(&run), (5, "broken, beyond what the protocol bears: liveness"));
}

fn code_and_first_line(output: &Output) -> (i32, &str) {
    let text = std::str::from_utf8(&output.stdout).expect("it is text");
    let first = text.lines().next().unwrap_or_default();
    (code(output), first.split_once(": ").map_or("", |(_, rest)| rest))
}

#[test]
fn a_limit_that_is_reached_is_a_failure() {
    let folder = folder("limit", &[("a.toml", &plain("[limits]\nsteps = 10\n"))]);
    let (code, text) = run(&folder, &[]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("undecided: the limit on steps was reached (10)"), "{text}");
}

#[test]
fn what_is_no_scenario_is_refused() {
    let folder = folder("refused", &[("a.toml", "protocol = 7\n"), ("b.toml", PLAIN)]);
    let (code, text) = run(&folder, &[]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("REFUSED  ./a.toml\n           1:12: error: "), "{text}");
    assert!(text.contains("2 scenarios: 1 as expected, 1 REFUSED"), "{text}");
    for (words, told) in [
        (&["no/such/file.toml"][..], "REFUSED  no/such/file.toml\n"),
        (&["src/cli"], "error: src/cli: there is no .toml, .txt, .conf or .config file in"),
        (&[], "error: the following required arguments were not provided:\n  <PATH>"),
    ] {
        let output = shell::perjury(&[&["test"], words].concat());
        assert_eq!(self::code(&output), 2, "{words:?}: {}", out(&output));
        assert!(out(&output).contains(told), "{words:?}: {}", out(&output));
    }
}

#[test]
fn build_servers_are_told_in_xml() {
    let folder = folder(
        "junit",
        &[
            ("a.toml", PLAIN),
            ("b&b.toml", &plain("[expect]\nresults = { 0 = [\"<&\"] }\n")),
            ("c.toml", "protocol = 7\n"),
            ("d.toml", &plain(TOO_MUCH)),
        ],
    );
    let report = folder.join("report.xml");
    let (code, _) = run(&folder, &["--junit", &report.display().to_string()]);
    assert_eq!(code, 1);
    let text = fs::read_to_string(report).expect("it was written");
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites"), "{text}");
    assert!(text.contains("tests=\"4\" failures=\"1\" errors=\"1\""), "{text}");
    assert!(text.contains("result 0 of client 0 is 'OK', not '&lt;&amp;'"), "{text}");
    assert!(text.contains("name=\"b&amp;b.toml\""), "{text}");
    assert!(!text.contains("'<&'"), "{text}");
    let opened = text.matches("<testcase").count() - text.matches("a.toml\"/>").count();
    assert_eq!(opened, text.matches("</testcase>").count());
}

#[test]
fn what_no_scenario_reaches_is_told() {
    let folder = folder("reach", &[("a.toml", &plain(CRASH))]);
    let (code, text) = run(&folder, &["--reach"]);
    assert_eq!(code, 0, "{text}");
    let never: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  never: ")).collect();
    assert!(never.contains(&"a checkpoint is completed"), "{text}");
    assert!(never.contains(&"lie_running_state"), "{text}");
    assert!(!never.contains(&"crash") && !never.contains(&"shuttle"), "{text}");
    assert!(!never.iter().any(|what| what.starts_with("R3: ")), "{text}");
}

#[test]
fn a_recorded_log_is_held_still() {
    let long = "protocol = \"bcr\"\n[[client]]\nworkload = \"pseudorandom(1,400)\"\n";
    let folder = folder("recorded", &[("a.toml", PLAIN), ("long.toml", long)]);
    let (code, text) = run(&folder, &["--bless"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("ok       ./a.toml: held, 2 of 2 answered; recorded"), "{text}");
    let log = fs::read_to_string(folder.join("a.toml.log")).expect("it was written");
    assert!(log.starts_with("A run of ") && log.ends_with("verdict: held\n"), "{log}");
    let outline = fs::read_to_string(folder.join("long.toml.log")).expect("so was this");
    assert!(outline.starts_with("The outline of a run of ") && outline.len() < 40_000, "{outline}");
    assert_eq!(run(&folder, &[]).0, 0);
    // Nothing is new, so nothing is recorded again.
    assert!(!run(&folder, &["--bless"]).1.contains("recorded"));

    fs::write(folder.join("a.toml"), PLAIN.replace("get('k')", "get('l')")).expect("as above");
    let (code, text) = run(&folder, &[]);
    assert_eq!(code, 1, "{text}");
    for part in [
        "FAILED   ./a.toml",
        "the log is another in ",
        "see ./a.toml.log, and record it with --bless if it is right so",
        "- ",
        "+ ",
        "ok       ./long.toml",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    // Other runs than the recorded ones are not held against them, nor recorded.
    assert_eq!(run(&folder, &["--seed", "9", "--quiet"]).0, 0);
    assert_eq!(run(&folder, &["--seed", "9", "--bless"]).0, 2);
    assert_eq!(run(&folder, &["--bless"]).0, 0);
    assert_eq!(run(&folder, &[]).0, 0);
}

#[test]
fn nothing_is_recorded_over_what_is_no_record() {
    let failing = plain("[expect]\nanswered = 9\n");
    let files = [("a.toml", PLAIN), ("a.txt", PLAIN), ("b.toml", PLAIN), ("b.toml.log", "mine\n")];
    let folder = folder("no-record", &[&files[..], &[("c.toml", &failing)]].concat());
    let (code, text) = run(&folder, &["--bless"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("./b.toml.log: this is no recorded log"), "{text}");
    assert!(!folder.join("c.toml.log").exists(), "what fails is not recorded");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("it is there");
    assert_eq!(read("b.toml.log"), "mine\n");
    assert!(folder.join("a.toml.log").exists() && folder.join("a.txt.log").exists());
    // Somebody's own file is not compared with.
    let path = folder.join("b.toml").display().to_string();
    assert_eq!(code_of(&["test", &path]), 0);
}

fn code_of(words: &[&str]) -> i32 {
    code(&shell::perjury(words))
}

/// The annotations that GitHub is given for these files, and how it ends.
fn annotations(name: &str, files: &[(&str, &str)], words: &[&str]) -> (Vec<String>, i32) {
    let folder = folder(name, files);
    let mut command = Command::new(env!("CARGO_BIN_EXE_perjury"));
    command.arg("test").arg(&folder).args(words).env("NO_COLOR", "1").env("GITHUB_ACTIONS", "true");
    let output = command.output().expect("the program starts");
    let text = shell::out(&output).replace(&folder.display().to_string(), ".");
    let lines = text.lines().filter(|line| line.starts_with("::"));
    (lines.map(str::to_owned).collect(), code(&output))
}

#[test]
fn github_is_told_where_something_failed() {
    let files = [
        ("a.toml", plain("[expect]\nanswered = 9\n")),
        ("b.toml", plain("")),
        ("c.toml", plain(TOO_MUCH)),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let (lines, code) = annotations("github", &files, &[]);
    assert_eq!(code, 1, "{lines:?}");
    let [line] = &lines[..] else { panic!("one is wanted: {lines:?}") };
    let begin = "::error file=./a.toml,line=1::held, 2 of 2 answered%0A2 requests are answered, ";
    assert!(line.starts_with(begin), "{line}");
}

/// A file that is refused is shown at the lines for which it is, in either form.
#[test]
fn github_is_told_at_which_lines_a_file_is_refused() {
    let files = [
        (
            "a, b.toml",
            "# What it shows.\nprotocol = \"bcr\"\nt = 1\naccept = \"all\"\nclocks = 1\n",
        ),
        ("broken.toml", "protocol = \"bcr\"\nt = = 1\n"),
        (
            "course.txt",
            "t = 1\nnum_client = 1\nworkload[0] = put('a','b')\nclient_timeout = soon\n",
        ),
        ("good.toml", PLAIN),
    ];
    let (lines, code) = annotations("github-refused", &files, &[]);
    assert_eq!(code, 2, "{lines:?}");
    let begins: Vec<&str> =
        lines.iter().map(|line| line.split(" (help: ").next().unwrap_or(line)).collect();
    let expected = [
        "a%2C b.toml,line=4,col=10::error: `accept` cannot be \"all\"",
        "a%2C b.toml,line=5,col=1::error: there is no key `clocks` in the scenario",
        "broken.toml,line=2,col=5::error: not TOML: extra `=`, expected nothing",
        "course.txt,line=4,col=18::error: a plain number up to 18446744073709 is wanted",
    ];
    assert_eq!(begins, expected.map(|line| format!("::error file=./{line}")));
    assert!(lines.iter().all(|line| line.contains(" (help: ")), "{lines:?}");
    // An option is no line of the file.
    let (lines, code) = annotations("github-option", &[("a.toml", PLAIN)], &["--set", "t=many"]);
    assert_eq!(code, 2, "{lines:?}");
    let [line] = &lines[..] else { panic!("one is wanted: {lines:?}") };
    let begin = "::error file=./a.toml,line=1::--set:1:3: error: `t` must be a whole number ";
    assert!(line.starts_with(begin), "{line}");
}
