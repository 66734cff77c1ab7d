//! `perjury fuzz`, as a user meets it: the same outcome at any number of jobs and in parts, files
//! that show what was found, exit codes, bad input.

mod shell;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use shell::{code, err, out, program, scratch};

fn perjury(words: &[&str]) -> Output {
    perjury_where(words, &[])
}

/// Runs the program with these variables set, and none of a scheduler's else.
fn perjury_where(words: &[&str], variables: &[(&str, &str)]) -> Output {
    program()
        .args(words)
        .env_remove("SLURM_ARRAY_TASK_ID")
        .env_remove("SLURM_ARRAY_TASK_MIN")
        .env_remove("SLURM_ARRAY_TASK_STEP")
        .env_remove("SLURM_ARRAY_TASK_COUNT")
        .env_remove("JOB_COMPLETION_INDEX")
        .env_remove("HQ_TASK_ID")
        .envs(variables.iter().copied())
        .output()
        .expect("the program starts")
}

/// A rule of the course's under which an accepted operation can be lost.
const UNSOUND: [&str; 8] =
    ["fuzz", "bcr", "--set", "deliver=caught_up", "--seed", "4", "--requests", "4..9"];

/// Fuzzes the unsound rule; what was found is written to a folder.
fn unsound(folder: &Path, more: &[&str]) -> Output {
    let folder = folder.display().to_string();
    perjury(&[&UNSOUND[..], &["--out", &folder], more].concat())
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).expect("the folder is there").flatten();
    let mut files: Vec<(String, String)> = entries
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).expect("it is text");
            (entry.file_name().to_string_lossy().into_owned(), text)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_unreplicated_server_holds_as_long_as_it_lives() {
    let output = perjury(&["fuzz", "solo", "--runs", "300", "--seed", "1"]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    let text = out(&output);
    assert!(text.starts_with("solo, seed 1: 300 runs: 300 held, 0 broke something\n"), "{text}");
    let folder = scratch("solo-beyond");
    let beyond = ["fuzz", "solo", "--runs", "100", "--beyond", "--stop-after", "1", "--out"];
    let output = perjury(&[&beyond[..], &[&folder.display().to_string()]].concat());
    assert_eq!(code(&output), 5, "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("beyond  liveness: "), "{}", out(&output));
}

#[test]
fn the_sound_protocol_holds() {
    let output = perjury(&["fuzz", "bcr", "--runs", "300", "--seed", "1"]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    let text = out(&output);
    assert!(text.starts_with("bcr, seed 1: 300 runs: 300 held, 0 broke something\n"), "{text}");
    assert!(text.contains("made twice  15 (one in 20), all the same run both times"), "{text}");
    assert!(err(&output).contains("300 runs in "), "{}", err(&output));
}

#[test]
fn what_is_found_is_the_same_at_any_number_of_jobs() {
    let (one, three) = (scratch("fuzz-one"), scratch("fuzz-three"));
    let told = |folder: &Path, jobs: &str| {
        let output = unsound(folder, &["--runs", "600", "--jobs", jobs]);
        assert_eq!(code(&output), 1, "{}{}", out(&output), err(&output));
        out(&output).replace(&folder.display().to_string(), "folder")
    };
    let text = told(&one, "1");
    assert_eq!(text, told(&three, "3"));
    assert_eq!(files(&one), files(&three));
    assert!(text.contains("BROKEN "), "{text}");
}

#[test]
fn what_is_found_is_a_scenario_a_test_and_a_picture() {
    let folder = scratch("fuzz-files");
    let output = unsound(&folder, &["--runs", "600", "--stop-after", "1"]);
    assert_eq!(code(&output), 1);
    let names: Vec<String> = files(&folder).into_iter().map(|(name, _)| name).collect();
    let [picture, test, scenario] = &names[..] else {
        panic!("three files are wanted, there are {names:?}");
    };
    assert!(picture.ends_with(".mmd") && test.ends_with(".rs") && scenario.ends_with(".toml"));
    let path = folder.join(scenario).display().to_string();
    assert!(out(&output).contains(&format!("again  perjury run {path}")), "{}", out(&output));
    let again = perjury(&["run", &path]);
    assert_eq!(code(&again), 1, "{}", out(&again));
    let judge = out(&output)
        .lines()
        .find_map(|line| Some(line.strip_prefix("BROKEN  ")?.split(':').next()?.to_owned()));
    let judge = judge.expect("it is named");
    assert!(out(&again).contains(&format!("BROKEN: {judge}")), "{judge}: {}", out(&again));
}

#[test]
fn parts_put_together_are_the_whole() {
    let folder = scratch("fuzz-parts");
    let mut words = vec!["fuzz".to_owned(), "merge".to_owned()];
    for index in [1, 2, 0] {
        let shard = format!("{index}/3");
        let more = ["--runs", "601", "--shard", &shard, "--json"];
        let part = perjury(&[&UNSOUND[..], &more].concat());
        let path = folder.join(format!("{index}.jsonl"));
        fs::write(&path, &part.stdout).expect("a file can be written");
        words.push(path.display().to_string());
    }
    let (whole, merged) = (scratch("fuzz-whole"), scratch("fuzz-merged"));
    words.extend(["--out".to_owned(), merged.display().to_string()]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let together = perjury(&words);
    let at_once = unsound(&whole, &["--runs", "601"]);
    assert_eq!(code(&together), code(&at_once), "{}", err(&together));
    let path = |folder: &Path| folder.display().to_string();
    assert_eq!(
        out(&together).replace(&path(&merged), "folder"),
        out(&at_once).replace(&path(&whole), "folder")
    );
    assert_eq!(files(&merged), files(&whole));
    let missing = perjury(&words[..4]);
    assert_eq!(code(&missing), 2);
    assert!(err(&missing).contains("of 3 parts 1 are missing, part 0 first"), "{}", err(&missing));
}

/// No run of a sound program panics, so one of its findings is made one.
#[test]
fn what_a_panic_said_is_told() {
    let part = out(&perjury(&[&UNSOUND[..], &["--stop-after", "1", "--json"]].concat()));
    let between = |before: &str, after: &str| {
        let (_, rest) = part.split_once(before).expect("it is there");
        rest.split_once(after).expect("it ends").0.to_owned()
    };
    let judge = format!("\"judge\":\"{}\"", between("\"judge\":\"", "\""));
    let text = format!("\"text\":\"{}\"", between("\"text\":\"", "\"},"));
    let panicked = part.replace(&judge, "\"judge\":\"panic\",\"panic\":\"no seven\"");
    let panicked = panicked.replace(&text, "\"text\":\"the run ended in a panic: no seven\"");
    let folder = scratch("fuzz-panic");
    let path = |name: &str| folder.join(name).display().to_string();
    fs::write(path("part.jsonl"), panicked).expect("a file can be written");
    let (lines, page, found) = (path("part.jsonl"), path("page.html"), path("found"));
    let output = perjury(&["fuzz", "merge", &lines, "--out", &found, "--report", &page]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let told = out(&output);
    assert!(told.contains("BROKEN  panic: 1 run, first number "), "{told}");
    assert!(
        told.contains("\n  the run ended in a panic: no seven\n  again  perjury run "),
        "{told}"
    );
    let page = fs::read_to_string(page).expect("it was written");
    assert!(page.contains("<pre>the run ended in a panic: no seven</pre>"), "{page}");
}

#[test]
fn a_scheduler_may_say_which_part_it_is() {
    let words = ["fuzz", "bcr", "--runs", "40", "--json"];
    let shards = [&words[..], &["--shards", "4"]].concat();
    let told = perjury_where(&shards, &[("HQ_TASK_ID", "2")]);
    let asked = perjury(&[&words[..], &["--shard", "2/4"]].concat());
    assert_eq!((code(&told), out(&told)), (0, out(&asked)));
    let unknown = perjury(&shards);
    assert_eq!(code(&unknown), 2);
    assert!(err(&unknown).contains("write --shard INDEX/4"), "{}", err(&unknown));
    let again = [
        ("SLURM_ARRAY_TASK_ID", "2"),
        ("SLURM_ARRAY_TASK_MIN", "2"),
        ("SLURM_ARRAY_TASK_COUNT", "1"),
    ];
    let again = perjury_where(&shards, &again);
    assert_eq!((code(&again), out(&again)), (2, String::new()));
    assert!(err(&again).contains("write --shard INDEX/4"), "{}", err(&again));
}

#[test]
fn beyond_tolerance_is_told_apart() {
    let folder = scratch("fuzz-beyond").display().to_string();
    let words = ["fuzz", "bcr", "--beyond", "--only", "crash", "--runs", "60", "--out", &folder];
    let more = ["--t", "1", "--requests", "3..5"];
    let output = perjury(&[&words[..], &more].concat());
    assert_eq!(code(&output), 5, "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("beyond  liveness: "), "{}", out(&output));
    assert!(out(&output).contains("More replicas fail than the protocol bears."));
}

#[test]
fn a_file_is_varied() {
    let first = "scenarios/bcr/first.toml";
    let printed = perjury(&["fuzz", first, "--print", "7", "--only", "crash"]);
    assert_eq!(code(&printed), 0, "{}", err(&printed));
    let text = out(&printed);
    assert!(text.contains("put('movie','star')") && !text.contains("[expect]"), "{text}");
    let output = perjury(&["fuzz", first, "--runs", "30", "--only", "crash,sleep"]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
}

/// The scenarios of the first runs of a campaign, as they are printed.
fn printed(words: &[&str], count: u64) -> Vec<String> {
    let print = |number: u64| {
        let number = number.to_string();
        let output = perjury(&[words, &["--print", &number]].concat());
        assert_eq!(code(&output), 0, "{}", err(&output));
        out(&output)
    };
    (0..count).map(print).collect()
}

/// Of a scenario what it has once: all but its clients, faults and the like.
fn once(text: &str) -> String {
    let mut is_once = true;
    let mut kept = String::new();
    for line in text.lines() {
        is_once = if line.starts_with('[') { !line.starts_with("[[") } else { is_once };
        if is_once {
            kept += &format!("{line}\n");
        }
    }
    kept
}

/// What a file says in so many words stays, even where it is what it would be without a word; and
/// what it leaves out stays out, but for trouble.
#[test]
fn the_cluster_and_the_links_of_a_file_stay() {
    let folder = scratch("fuzz-base");
    let path = folder.join("base.toml").display().to_string();
    let crash = "[[process]]\nwhich = \"replica 0.1\"\ncrashes = [{ at = \"2ms\" }]\n";
    let text = "protocol = \"bcr\"\nt = 1\n[timeouts]\nclient = \"3s\"\n[network]\n\
                latency = \"100us\"\n[[client]]\nworkload = \"pseudorandom(3,8)\"\n";
    fs::write(&path, format!("{text}{crash}")).expect("it is written");
    for text in printed(&["fuzz", &path], 12) {
        let of_all = once(&text);
        assert_eq!(of_all.matches(" = \"3s\"\n").count(), 4, "{text}");
        assert!(!of_all.contains("[checkpoint]") && !of_all.contains("[network]"), "{text}");
        let has = |part: &str| text.contains(part);
        assert!(has("t = 1\n") && has("workload = \"pseudorandom(3,8)\"") && has(crash), "{text}");
    }
    // Who crashes there is the one who may fail.
    let output = perjury(&["fuzz", &path, "--only", "crash", "--runs", "100"]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
}

#[test]
fn what_is_set_stays_as_it_is_set() {
    for (set, part) in [
        ("t=3", "\nt = 3\n"),
        ("timeouts.client=3s", "\nclient = \"3s\"\n"),
        ("timeouts={ client = \"2s\" }", "\nclient = \"2s\"\nhead = \"3s\"\nnonhead = \"3s\"\n"),
        ("checkpoint.every=5", "\nevery = 5\n"),
        ("checkpoint={ proof = \"quorum\" }", "!\nevery = "),
        ("network.latency=100us", "![network]"),
        ("schedule=timed", "!schedule"),
        ("limits.steps=20000000", "![limits]"),
    ] {
        for text in printed(&["fuzz", "bcr", "--set", set], 8) {
            let of_all = once(&text);
            let (part, is_wanted) = (part.trim_start_matches('!'), !part.starts_with('!'));
            assert_eq!(of_all.contains(part), is_wanted, "{set}: {part} in\n{text}");
        }
    }
    for (words, part) in [
        (&["--set", "seed=9"][..], "write --seed NUMBER"),
        (&["--set", "expect.answered=1"], "--set expect: that is said of one run"),
        (&["--set", "name=x"], "--set name: that is said of one run"),
        (&["--set", "t = 2", "--t", "1..3"], "--t and --set t speak of the same knob"),
        (&["--set", "quirk=small_quorum", "--every-quirk"], "--every-quirk and --set quirk"),
        (&["--set", "quirk=small_quorum", "--quirk", "small_quorum"], "--quirk and --set quirk"),
    ] {
        let output = perjury(&[&["fuzz", "bcr", "--runs", "9"], words].concat());
        assert_eq!(code(&output), 2, "{words:?}: {}", out(&output));
        assert!(err(&output).contains(part), "{words:?}: {}", err(&output));
    }
}

#[test]
fn a_run_by_its_number_is_the_run_of_the_campaign() {
    let folder = scratch("fuzz-number");
    let output = unsound(&folder, &["--runs", "600", "--stop-after", "1"]);
    let number =
        out(&output).lines().find_map(|line| Some(line.split_once("first number ")?.1.to_owned()));
    let number = number.expect("it is told");
    let printed = perjury(&[&UNSOUND[..], &["--print", &number]].concat());
    let path = folder.join("again.toml");
    fs::write(&path, &printed.stdout).expect("a file can be written");
    let again = perjury(&["run", &path.display().to_string()]);
    assert_eq!(code(&again), 1, "{}", out(&again));
}

#[test]
fn what_cannot_be_meant_is_told() {
    for (words, part) in [
        (&["fuzz", "bcr", "--only", "krash"][..], "there is no kind of trouble 'krash'"),
        (&["fuzz", "paxos"], "there is no protocol 'paxos'"),
        (&["fuzz", "solo", "--t", "1"], "--t is a knob of bcr; solo has none: leave it out"),
        (&["fuzz", "bcr", "--t", "3..1"], "e.g. 1..3"),
        (&["fuzz", "bcr", "--for", "soon"], "10min"),
        (&["fuzz", "bcr", "--shard", "4/4"], "from 0, below the count"),
        (&["fuzz", "bcr", "--quirk", "none_such"], "none_such"),
        (&["fuzz", "bcr", "--set", "accept"], "--set key=value"),
        (&["fuzz", "merge", "Cargo.toml"], "line 1 is not one that"),
        (&["fuzz"], "PROTOCOL|FILE"),
    ] {
        let output = perjury(words);
        assert_eq!(code(&output), 2, "{words:?}: {}", err(&output));
        assert!(err(&output).contains(part), "{words:?}: {}", err(&output));
    }
}

/// What the program prints when Ctrl-C comes while it runs, and how it ends.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn interrupted(words: &[&str]) -> (String, Option<i32>) {
    use std::process::Stdio;
    let mut running = program();
    running.args(words).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = running.spawn().expect("the program starts");
    // Before it has a handler, the signal would end it without a word; and it is to have made runs.
    while !has_worked(child.id()) {
        let ended = child.try_wait().expect("it can be asked");
        assert!(ended.is_none(), "{words:?} ended before: {ended:?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    let output = child.wait_with_output().expect("it ends");
    (out(&output), output.status.code())
}

/// Whether a process handles Ctrl-C, and has computed for a second.
#[cfg(target_os = "linux")]
fn has_worked(process: u32) -> bool {
    let about = |what: &str| fs::read_to_string(format!("/proc/{process}/{what}"));
    let (status, stat) = (about("status").expect("it lives"), about("stat").expect("it lives"));
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.expect("it is said").trim(), 16);
    // Signal 2, and hundredths of a second.
    let ticks = stat.split(' ').nth(13).and_then(|ticks| ticks.parse::<u64>().ok());
    caught.expect("a mask") >> 1 & 1 == 1 && ticks.expect("a number") >= 100
}

/// Ctrl-C ends a campaign with the outcome of the runs that were made.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_ends_it_with_the_summary() {
    let (text, code) = interrupted(&["fuzz", "bcr", "--for", "10min", "--jobs", "1"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("bcr, seed 0: ") && text.contains(" runs: "), "{text}");
    assert!(text.contains(" held, 0 broke something\n"), "{text}");
    assert!(text.contains(" runs, before the time was over\n"), "{text}");
}

/// Whoever reads the outcome later learns that there was to be more.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_campaign_says_that_it_is_not_all() {
    let folder = scratch("fuzz-cut");
    let path = |name: &str| folder.join(name).display().to_string();
    let (page, lines) = (path("page.html"), path("cut.jsonl"));
    let words = ["fuzz", "bcr", "--runs", "1000000", "--jobs", "1"];
    let (text, ended) = interrupted(&[&words[..], &["--report", &page]].concat());
    assert_eq!(ended, Some(0), "{text}");
    let line = text.lines().find_map(|line| line.strip_prefix("  cut short   "));
    let line = line.expect("it is told");
    assert!(line.starts_with("stopped after ") && line.ends_with(" of 1000000 runs"), "{line}");
    let page = fs::read_to_string(page).expect("it was written");
    assert!(page.contains(line), "{line} in\n{page}");
    let (text, ended) = interrupted(&[&words[..], &["--json"]].concat());
    assert_eq!(ended, Some(3), "{text}");
    fs::write(&lines, text).expect("a file can be written");
    let merged = perjury(&["fuzz", "merge", &lines, "--out", &path("found")]);
    assert_eq!(code(&merged), 2, "{}", out(&merged));
    assert!(err(&merged).contains("part 0 of 1 was cut short after "), "{}", err(&merged));
}

/// However long one run is: a second signal, or patience, is not needed.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_is_heeded_in_the_middle_of_a_run() {
    let folder = scratch("fuzz-long");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("long.toml").display().to_string();
    let text = "protocol = \"bcr\"\nlimits.steps = 1_000_000_000\n[[client]]\n\
                workload = \"pseudorandom(1,1000000)\"\n";
    fs::write(&path, text).expect("it is written");
    let (text, code) = interrupted(&["fuzz", &path, "--only", "latency", "--jobs", "1"]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains(": 0 runs: 0 held, 0 broke something\n"), "{text}");
}

/// A folder that nobody named may not be needed; one that is named is wanted.
#[test]
fn where_nothing_can_be_kept_a_campaign_runs_all_the_same() {
    let folder = scratch("fuzz-no-folder");
    fs::write(folder.join("findings"), "a file").expect("it is written");
    let run = |more: &[&str]| {
        let words = [&["fuzz", "solo", "--runs", "9"], more].concat();
        program().args(words).current_dir(&folder).output().expect("the program starts")
    };
    let output = run(&[]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    assert!(err(&output).contains("told, but not kept: name a folder"), "{}", err(&output));
    assert!(out(&output).contains("made twice  0 (one in 20), so nothing"), "{}", out(&output));
    assert_eq!(code(&run(&["--out", "findings"])), 2);
}

/// What would make no run, or change nothing, is told before anything is done.
#[test]
fn empty_campaigns_are_refused() {
    let first = "scenarios/bcr/first.toml";
    for (words, part) in [
        (vec!["bcr", "--runs", "0"], "0 is not in 1.."),
        (vec!["bcr", "--for", "0s"], "no time at all; write a longer one"),
        (vec!["bcr", "--stop-after", "0"], "0 is not in 1.."),
        (vec!["bcr", "--shards", "0"], "0 is not in 1.."),
        (vec!["solo", "--every-quirk"], "solo has no seeded bugs to be found; hunt those of bcr"),
        (vec!["bcr", "--every-quirk", "--print", "3"], "cannot be used with"),
        (vec!["bcr", "--every-quirk", "--out", "found"], "cannot be used with"),
        (vec!["bcr", "--json", "--out", "found"], "cannot be used with"),
        (vec!["bcr", "--json", "--print", "3"], "cannot be used with"),
        (vec!["bcr", "--clients", "0..0"], "nobody would ask"),
        (vec!["bcr", "--requests", "0"], "nobody would ask"),
        (vec!["bcr", "--t", "51"], "up to 50"),
        (vec![first, "--clients", "2..3"], "has its own clients"),
        (vec!["bcr", "--runs", "9", "--out", first], "this is a file"),
    ] {
        let words: Vec<&str> = [vec!["fuzz"], words].concat();
        let output = perjury(&words);
        assert_eq!(code(&output), 2, "{words:?}: {}", out(&output));
        assert!(err(&output).contains(part), "{words:?}: {}", err(&output));
    }
}

/// Of what is not drawn nothing is missing.
#[test]
fn what_is_covered_is_told_of_what_can_be() {
    for (words, part) in [
        (["bcr", "--only", "latency"], "  coverage    0 of 0 cells "),
        (["solo", "--without", "latency"], "  coverage    1 of 1 cells "),
    ] {
        let output = perjury(&[&["fuzz"], &words[..], &["--runs", "60"]].concat());
        assert!(out(&output).contains(part), "{words:?}: {}", out(&output));
    }
}

/// Ctrl-C while there is something to be told of.
#[cfg(target_os = "linux")]
#[test]
fn what_was_found_before_an_interruption_is_kept() {
    let folder = scratch("fuzz-interrupted");
    let path = folder.display().to_string();
    let words = ["fuzz", "bcr", "--quirk", "small_quorum", "--for", "10min", "--jobs", "1"];
    let (text, ended) = interrupted(&[&words[..], &["--out", &path]].concat());
    assert_eq!(ended, Some(1), "{text}");
    // How much was found depends on how far it came; of each, what is told is there.
    let told = text.lines().filter_map(|line| line.strip_prefix("  again  perjury run "));
    let told: Vec<&str> = told.collect();
    assert!(!told.is_empty(), "{text}");
    for path in told {
        assert_eq!(code(&perjury(&["run", path])), 1, "{path}");
    }
}

#[test]
fn a_report_tells_what_was_found_with_its_pictures() {
    let folder = scratch("fuzz-report");
    let path = |name: &str| folder.join(name).display().to_string();
    let (page, out_folder) = (path("report.html"), path("found"));
    let words = ["fuzz", "bcr", "--quirk", "small_quorum", "--runs", "60", "--out", &out_folder];
    let output = perjury(&[&words[..], &["--report", &page]].concat());
    assert_eq!(code(&output), 1, "{}", err(&output));
    let text = fs::read_to_string(&page).expect("it was written");
    for part in [
        "<h1>Campaign: bcr with the bug small_quorum, seed 0</h1>",
        "60 runs: ",
        " a second.",
        "cells (trigger x failure x place)",
        "deliveries: ",
        "/found/deliveries-",
        "sequenceDiagram",
    ] {
        assert_eq!(text.contains(part), part != "sequenceDiagram", "{part} in\n{text}");
    }
    let pictures = files(&folder.join("report-pictures"));
    assert!(!pictures.is_empty());
    for (picture, _) in pictures {
        assert!(text.contains(&format!("href=\"report-pictures/{picture}\"")), "{picture}");
    }
    let hunt = path("hunt.html");
    let words = ["fuzz", "bcr", "--every-quirk", "--runs", "3", "--report", &hunt];
    let output = perjury(&[&words[..], &["--set", "accept=quorum", "--t", "1"]].concat());
    assert_eq!(code(&output), 1, "some survive three runs: {}", out(&output));
    let text = fs::read_to_string(&hunt).expect("it was written");
    assert!(text.contains("<td>small_quorum</td>") && text.contains("survived"), "{text}");
    let again =
        "perjury fuzz bcr --t 1..1 --set accept=quorum --quirk NAME --seed 0 --stop-after 1";
    assert!(text.contains(again), "{text}");
}
