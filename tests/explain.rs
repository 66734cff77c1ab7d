//! `perjury explain` and `perjury shrink`, as a user meets them.

mod shell;

use std::fs;
use std::path::Path;
use std::process::Output;

use shell::{out, perjury};

fn explain(words: &[&str]) -> Output {
    perjury(&[&["explain"], words].concat())
}

const LOST: &str = "scenarios/bcr/accepted_operation_lost_under_quorum.toml";

#[test]
fn a_lost_operation_is_explained_in_the_same_words_at_any_number_of_jobs() {
    let one = explain(&[LOST, "--futures", "8", "--jobs", "1"]);
    assert_eq!(one.status.code(), Some(1), "{}", out(&one));
    let text = out(&one);
    assert!(text.starts_with(&format!("{LOST}: broken: extension: ")), "{text}");
    for part in [
        "with everybody stopped after his part in it, the same breaks",
        "injected what=shuttle(0,0), early_reply()",
        "  decided      ",
        "  unavoidable  ",
        "  nearest      nothing of it breaks in B; the runs part at event 58:\n",
        &format!(
            "    A: {LOST}\n    B: {LOST}, without wedge_request(0), rollback(2) of replica 0.1\n"
        ),
        "  chance       futures of 8 that break",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert_eq!(text, out(&explain(&[LOST, "--futures", "8", "--jobs", "3"])));
}

#[test]
fn the_past_can_be_drawn() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("past.mmd");
    let shown = path.display().to_string();
    let output = explain(&[LOST, "--futures", "1", "--picture", &shown]);
    assert_eq!(output.status.code(), Some(1), "{}", out(&output));
    let picture = fs::read_to_string(&path).expect("it was written");
    assert!(picture.starts_with("sequenceDiagram\n"), "{picture}");
}

#[test]
fn what_holds_is_not_explained() {
    let output = explain(&["scenarios/bcr/first.toml"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(out(&output), "scenarios/bcr/first.toml: nothing breaks: held\n");
}

#[test]
fn a_scenario_is_made_small_and_still_breaks() {
    let lost = "scenarios/bcr/accepted_operation_lost_among_five.toml";
    let output = perjury(&["shrink", lost]);
    assert_eq!(output.status.code(), Some(1), "{}", out(&output));
    let small = Path::new(env!("CARGO_TARGET_TMPDIR")).join("small.toml");
    fs::write(&small, &output.stdout).expect("a file can be written");
    let again = perjury(&["run", &small.display().to_string()]);
    assert_eq!(again.status.code(), Some(1), "{}", out(&again));
    assert!(out(&again).contains("BROKEN: extension"), "{}", out(&again));
    // The sleepers need not sleep for half a minute, and nothing is expected of it.
    let text = out(&output);
    assert!(text.contains("sleep(1)") && !text.contains("30000"), "{text}");
    assert!(!text.contains("[expect]"), "{text}");
    let held = perjury(&["shrink", "scenarios/bcr/first.toml"]);
    assert_eq!((held.status.code(), out(&held)), (Some(0), String::new()));
}

/// A judge is called what the prints call him, or what the files are called after him.
#[test]
fn a_judge_may_be_written_with_hyphens() {
    let folder = shell::scratch("explain-judge");
    let path = folder.join("lie.toml").display().to_string();
    let text = "protocol = \"bcr\"\nquirk = \"small_quorum\"\n[[client]]\n\
                workload = \"get('a'); get('b')\"\n[checkpoint]\nevery = 1\n[[fault]]\n\
                replica = 2\nwhen = \"checkpoint(0)\"\nthen = \"lie_result()\"\n";
    fs::write(&path, text).expect("a file can be written");
    for judge in ["served results", "served-results"] {
        let output = explain(&[&path, "--futures", "1", "--judge", judge]);
        assert_eq!(output.status.code(), Some(1), "{}", shell::err(&output));
        assert!(out(&output).contains(": broken: served results: "), "{}", out(&output));
        let output = perjury(&["shrink", &path, "--judge", judge]);
        assert_eq!(output.status.code(), Some(1), "{}", shell::err(&output));
        assert!(out(&output).starts_with("# Broken: served results: "), "{}", out(&output));
    }
    let output = explain(&[&path, "--judge", "nobody"]);
    assert_eq!(output.status.code(), Some(2), "{}", out(&output));
}

/// What cannot be done is said at once, not after the work.
#[test]
fn what_cannot_be_explained_so_is_refused_before_it_is_begun() {
    let folder = shell::scratch("explain-refused").display().to_string();
    for (words, told) in [
        (["--futures", "0"], "0 is not in 1.."),
        (["--picture", &folder], "this is a folder; name a file"),
        (["--picture", &format!("{LOST}/past.mmd")], "check the path and the permissions"),
    ] {
        let output = explain(&[&[LOST], &words[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", out(&output));
        assert_eq!(out(&output), "", "{words:?}");
        assert!(shell::err(&output).contains(told), "{}", shell::err(&output));
    }
}
