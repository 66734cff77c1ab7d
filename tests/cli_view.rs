//! `perjury view`, `run --view`, `diff --view`: what is written, how it ends, bad input.

mod shell;

use std::fs;
use std::path::Path;

use serde_json::Value;

use shell::{code, err, out, perjury, scratch};

/// A scenario with a failure and a reconfiguration.
const RECONFIGURED: &str = "scenarios/bcr/tail_drops_shuttle.toml";

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// What a page draws.
fn data(page: &str) -> Value {
    let page = fs::read_to_string(page).expect("the page was written");
    let (_, rest) = page.split_once("id=\"data\">").expect("it has data");
    let (data, _) = rest.split_once("</script>").expect("they end");
    serde_json::from_str(data).expect("they are JSON")
}

fn events(data: &Value, run: usize) -> usize {
    data["runs"][run]["at"].as_array().map_or(0, Vec::len)
}

/// A log with states, in a file.
fn log(folder: &Path) -> (String, String) {
    let output = perjury(&["run", RECONFIGURED, "--log", "json", "--states"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let text = String::from_utf8(output.stdout).expect("a log is text");
    let file = path(folder, "run.jsonl");
    fs::write(&file, &text).expect("a file can be written");
    (file, text)
}

#[test]
fn a_scenario_and_its_log_are_the_same_picture() {
    let folder = scratch("view-same");
    let (log, text) = log(&folder);
    let (one, other) = (path(&folder, "one.html"), path(&folder, "other.html"));
    let drawn = perjury(&["view", RECONFIGURED, "-o", &one]);
    assert_eq!(code(&drawn), 0, "{}", err(&drawn));
    assert!(err(&drawn).contains("one.html (334 events"), "{}", err(&drawn));
    assert!(drawn.stdout.is_empty());
    assert_eq!(code(&perjury(&["view", &log, "-o", &other])), 0);
    let (mut one, mut other) = (data(&one), data(&other));
    assert_eq!(events(&one, 0), text.matches("\"event\":\"").count());
    assert!(!one["runs"][0]["changes"].as_array().expect("a list").is_empty());
    // The name of the file, and what only a scenario tells of the run.
    for data in [&mut one, &mut other] {
        data["runs"][0]["title"].take();
        data["runs"][0]["summary"].take();
    }
    assert_eq!(one, other);
}

#[test]
fn a_run_is_drawn_beside_its_verdict_and_is_the_same_run() {
    let folder = scratch("view-run");
    let page = path(&folder, "page.html");
    let plain = perjury(&["run", RECONFIGURED, "--log", "json"]);
    let drawn = perjury(&["run", RECONFIGURED, "--log", "json", "--view", &page]);
    assert_eq!((code(&drawn), &drawn.stdout), (0, &plain.stdout));
    assert_eq!(events(&data(&page), 0), 334);
}

#[test]
fn a_page_goes_to_standard_output_where_that_is_wanted() {
    let output = perjury(&["view", RECONFIGURED, "-o", "-"]);
    assert_eq!(code(&output), 0);
    assert!(output.stdout.starts_with(b"<!doctype html>"));
    assert!(output.stdout.ends_with(b"</html>\n"));
}

#[test]
fn what_a_judge_finds_decides_how_it_ends() {
    let folder = scratch("view-broken");
    let (page, log) = (path(&folder, "page.html"), path(&folder, "run.jsonl"));
    let scenario = "scenarios/bcr/accepted_operation_lost_under_quorum.toml";
    let run = perjury(&["run", scenario, "--log", "json"]);
    fs::write(&log, &run.stdout).expect("a file can be written");
    for file in [scenario, log.as_str()] {
        assert_eq!(code(&perjury(&["view", file, "-o", &page])), code(&run), "{file}");
        let rulings = &data(&page)["runs"][0]["verdict"]["rulings"];
        let found =
            rulings.as_array().expect("rulings").iter().filter(|one| !one["broken"].is_null());
        assert_eq!(
            found.map(|one| &one["judge"]).collect::<Vec<_>>(),
            ["extension", "linearizability"]
        );
    }
}

#[test]
fn a_picture_says_what_was_changed_in_the_file() {
    let folder = scratch("view-changed");
    let (page, tape) = (path(&folder, "page.html"), path(&folder, "tape.toml"));
    fs::write(&tape, "").expect("a file can be written");
    let changed = ["--seed", "8", "--set", "t=1", "--quirk", "small_quorum", "--tape", &tape];
    for words in [&["view", RECONFIGURED, "-o", &page][..], &["run", RECONFIGURED, "--view", &page]]
    {
        assert_eq!(code(&perjury(words)), 0, "{words:?}");
        assert_eq!(data(&page)["runs"][0]["changed"], "", "{words:?}");
        perjury(&[words, &changed].concat());
        assert_eq!(data(&page)["runs"][0]["changed"], changed.join(" "), "{words:?}");
        assert_eq!(data(&page)["runs"][0]["title"], RECONFIGURED);
    }
}

#[test]
fn two_runs_are_drawn_with_what_differs() {
    let folder = scratch("view-diff");
    let page = path(&folder, "both.html");
    let same = perjury(&["diff", RECONFIGURED, RECONFIGURED, "--view", &page]);
    assert_eq!(code(&same), 0, "{}", err(&same));
    let differing = |data: &Value, run: usize| {
        let beside = &data["runs"][run]["beside"];
        let count = |name: &str| beside[name].as_array().map_or(99, Vec::len);
        count("alone") + count("changed")
    };
    assert_eq!((differing(&data(&page), 0), differing(&data(&page), 1)), (0, 0));
    let words = ["diff", RECONFIGURED, RECONFIGURED, "--set", "fault=[]", "--view", &page];
    let other = perjury(&words);
    assert_eq!(code(&other), 1, "{}", err(&other));
    let data = data(&page);
    assert_eq!((differing(&data, 0), differing(&data, 1)), (254, 47));
    // Each says what it is, and the text what the picture says.
    let titles = [0, 1].map(|run| (&data["runs"][run]["title"], &data["runs"][run]["changed"]));
    assert_eq!(titles[0], (&RECONFIGURED.into(), &"".into()));
    assert_eq!(titles[1], (&RECONFIGURED.into(), &"--set 'fault=[]'".into()));
    let both = format!("{RECONFIGURED} and {RECONFIGURED} --set &#39;fault=[]&#39;");
    let text = fs::read_to_string(&page).expect("it was written");
    assert!(text.contains(&format!("<title>{both}</title>")), "{both}");
    let told = format!("A: {RECONFIGURED}\nB: {RECONFIGURED} --set 'fault=[]'\n");
    assert!(out(&other).starts_with(&told), "{}", out(&other));
    // The first thing that differs is the failure itself.
    assert_eq!(data["runs"][0]["beside"]["alone"][0], 75);
}

#[test]
fn a_log_of_one_process_is_drawn_alone() {
    let folder = scratch("view-alone");
    let logs = path(&folder, "logs");
    let words = ["run", RECONFIGURED, "--log-dir", &logs, "--log", "json", "--states"];
    assert_eq!(code(&perjury(&words)), 0);
    let page = path(&folder, "page.html");
    let drawn = perjury(&["view", &path(&folder, "logs/replica-0-1.jsonl"), "-o", &page]);
    assert_eq!(code(&drawn), 0, "{}", err(&drawn));
    let data = data(&page);
    assert_eq!(data["runs"][0]["alone"], "replica 0.1");
    assert!(data["runs"][0]["number"].is_array(), "its numbers have gaps");
    assert!(!data["runs"][0]["changes"].as_array().expect("a list").is_empty());
}

#[test]
fn of_a_log_that_breaks_off_what_is_there_is_drawn() {
    let folder = scratch("view-cut");
    let (_, text) = log(&folder);
    let page = path(&folder, "page.html");
    for (end, said) in [(0.5, "is not JSON"), (0.5, "before its verdict")] {
        let mut cut = &text[..(text.len() as f64 * end) as usize];
        if said.contains("verdict") {
            cut = &cut[..cut.rfind('\n').expect("it has lines") + 1];
        }
        let file = path(&folder, "cut.jsonl");
        fs::write(&file, cut).expect("a file can be written");
        let drawn = perjury(&["view", &file, "-o", &page]);
        assert_eq!(code(&drawn), 0, "{}", err(&drawn));
        assert!(err(&drawn).contains(said), "{}", err(&drawn));
        let data = data(&page);
        assert_eq!(events(&data, 0), 172);
        let remark = data["runs"][0]["remark"].as_str().expect("a text");
        assert!(remark.contains(said), "{remark}");
    }
}

#[test]
fn what_is_no_log_and_no_scenario_is_refused_with_a_reason() {
    let folder = scratch("view-bad");
    let page = path(&folder, "page.html");
    let cases = [
        ("{\"format\":1,\"seed\":0}\n", "there is no event"),
        ("{\"format\":99}\n", "format 99 is not known"),
        ("{\"number\":1}\n", "begins with its format"),
        ("{\"format\":1}\n{\"number\":2,\"event\":\"sent\"}\n", "event 2 stands behind event 0"),
        ("{\"format\":1}\n{\"number\":1,\"event\":\"sent\"}\n", "names no process"),
        ("{\"format\":1}\nnonsense\n", "is not JSON"),
        ("protocol = \"bcr\"\nt = \"many\"\n", "t"),
    ];
    for (text, reason) in cases {
        let file = path(&folder, "bad");
        fs::write(&file, text).expect("a file can be written");
        let output = perjury(&["view", &file, "-o", &page]);
        assert_eq!(code(&output), 2, "{text}");
        assert!(err(&output).contains(reason), "{text}: {}", err(&output));
        assert!(!Path::new(&page).exists(), "{text}");
    }
    let words = [
        vec!["view", "nobody.toml"],
        vec!["view", RECONFIGURED, "-o", "no/such/folder/page.html"],
        vec!["run", RECONFIGURED, "--states"],
        vec!["run", RECONFIGURED, "--view", "-"],
        vec!["diff", RECONFIGURED, "-", "--view", "page.html"],
    ];
    for words in words {
        assert_eq!(code(&perjury(&words)), 2, "{words:?}");
    }
}

#[test]
fn readers_of_logs_pass_over_states() {
    let folder = scratch("view-states");
    let (log, _) = log(&folder);
    let output = perjury(&["diff", &log, RECONFIGURED]);
    assert_eq!(code(&output), 0, "{}", err(&output));
}

#[test]
fn ten_thousand_events_are_a_page_of_the_size_that_the_readme_tells() {
    let folder = scratch("view-large");
    let page = path(&folder, "page.html");
    let mut text = String::from("protocol = \"bcr\"\nseed = 3\nt = 1\n[checkpoint]\nevery = 50\n");
    for client in 0..4 {
        text += &format!("[[client]]\nworkload = \"pseudorandom({client}, 115)\"\n");
    }
    text += "[[fault]]\nconfiguration = 0\nreplica = 1\n";
    text += "when = \"shuttle(0, 40)\"\nthen = \"crash()\"\n";
    let file = path(&folder, "large.toml");
    fs::write(&file, text).expect("a file can be written");
    let drawn = perjury(&["view", &file, "-o", &page]);
    assert_eq!(code(&drawn), 0, "{}", err(&drawn));
    let (data, bytes) = (data(&page), fs::metadata(&page).expect("it is there").len());
    let events = events(&data, 0) as u64;
    assert_eq!(events, 10_104);
    let each = bytes * 10_000 / events;
    assert!((650_000..700_000).contains(&each), "{bytes} bytes for {events} events");
    assert!(include_str!("../README.md").contains("Ten thousand events take 0.7 MB."));
}
