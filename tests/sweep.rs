//! `perjury sweep`, as a user meets it.

mod shell;

use std::fs;
use std::path::Path;
use std::process::Output;

use shell::{err, out, perjury, scratch};

fn sweep(words: &[&str]) -> Output {
    perjury(&[&["sweep"], words].concat())
}

/// A scenario with few requests, and checkpoints.
fn small(folder: &Path, more: &str) -> String {
    let text = format!(
        "protocol = \"bcr\"\nt = 1\n{more}\n[checkpoint]\nevery = 1\n\
         [[client]]\nworkload = \"put('k','v'); get('k')\"\n"
    );
    let path = folder.join("small.toml");
    fs::write(&path, text).expect("a file can be written");
    path.display().to_string()
}

#[test]
fn every_single_fault_is_borne_and_shown() {
    let folder = scratch("sweep-single");
    let page = folder.join("page.html").display().to_string();
    let output = sweep(&[&small(&folder, ""), "--html", &page]);
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    let text = out(&output);
    assert!(text.contains(" live, ") && text.contains(" recovered, "), "{text}");
    assert!(!text.contains("BROKEN  "), "{text}");
    let tail =
        text.lines().find(|line| line.contains("replica 0.2 tail") && line.contains(" shuttle"));
    assert!(tail.is_some_and(|line| line.contains('r')), "{text}");
    let page = fs::read_to_string(&page).expect("the page was written");
    assert!(page.contains("<h2>replica 0.1, middle</h2>"));
    assert!(page.contains("replica 0.2 on shuttle(0,0): crash(): 1 more reconfigurations"));
    assert_eq!(page.matches("<tr>").count(), page.matches("</tr>").count());
}

#[test]
fn a_weak_rule_shows_among_pairs() {
    let folder = scratch("sweep-pairs");
    let found = folder.join("found");
    let weak = "accept = \"quorum\"";
    let path = small(&folder, weak);
    let text = fs::read_to_string(&path).expect("it was written")
        + "[[fault]]\nconfiguration = 0\nreplica = 0\nwhen = \"wedge_request(0)\"\n\
         then = \"sleep(60000)\"\n";
    fs::write(&path, text).expect("a file can be written");
    let words = ["--pairs", "--only", "early_reply,rollback", "--out"];
    let output = sweep(&[&[path.as_str()], &words[..], &[&found.display().to_string()]].concat());
    assert_eq!(output.status.code(), Some(1), "{}{}", out(&output), err(&output));
    let text = out(&output);
    assert!(
        text.contains("BROKEN  extension: replica 0.1 on shuttle(0,0): early_reply()"),
        "{text}"
    );
    let again = text.lines().find_map(|line| line.strip_prefix("  again  perjury run "));
    let again = again.expect("the scenario was written");
    let scenario = fs::read_to_string(again).expect("it is there");
    assert!(scenario.starts_with("# BROKEN extension: "), "{scenario}");
}

#[test]
fn what_cannot_be_swept_is_told() {
    let output = sweep(&["scenarios/bcr/first.toml", "--only", "nothing"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("there is no kind of trouble 'nothing'"), "{}", err(&output));
    let output = sweep(&["no-such.toml"]);
    assert_eq!(output.status.code(), Some(2));
}

/// A page shows what broke, with its picture and the command that runs it again.
#[test]
fn a_page_shows_what_broke() {
    let folder = scratch("sweep-findings");
    let path = |name: &str| folder.join(name).display().to_string();
    let (page, found) = (path("page.html"), path("found"));
    let lost = "scenarios/bcr/accepted_operation_lost_under_quorum.toml";
    let output = sweep(&[lost, "--only", "drop", "--html", &page, "--out", &found]);
    assert_eq!(output.status.code(), Some(1), "{}", out(&output));
    let text = fs::read_to_string(&page).expect("it was written");
    let (_, findings) = text.split_once("<h2>Findings</h2>").expect("there is such a part");
    let count = findings.matches(": extension: ").count();
    assert_eq!(count, 12, "{findings}");
    assert_eq!(findings.matches("found/cell-").count(), count);
    let pictures = fs::read_dir(folder.join("page-pictures")).expect("it was made").count();
    assert_eq!((findings.matches("href=\"page-pictures/cell-").count(), pictures), (count, count));
}

/// The scenario breaks by itself: that is said, and no fault is blamed that never came true.
#[test]
fn a_scenario_that_breaks_by_itself_is_told_apart_from_its_cells() {
    let lost = "scenarios/bcr/accepted_operation_lost_under_quorum.toml";
    let output = sweep(&[lost, "--only", "crash,drop"]);
    assert_eq!(output.status.code(), Some(1), "{}", out(&output));
    assert!(err(&output).contains("broken by itself"), "{}", err(&output));
    assert!(out(&output).contains(" unreachable, "), "{}", out(&output));
}

#[test]
fn a_sweep_of_nothing_is_refused() {
    let folder = scratch("sweep-of-nothing");
    let output = sweep(&[&small(&folder, ""), "--only", "pct"]);
    assert_eq!(output.status.code(), Some(2), "{}", out(&output));
    assert!(err(&output).contains("there is no cell"), "{}", err(&output));
}

#[test]
fn recoveries_are_told_with_the_longest_wait() {
    let folder = scratch("sweep-recoveries");
    let output = sweep(&[&small(&folder, ""), "--only", "crash"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).contains(" recovered with 1 reconfiguration; the longest wait took 6.0"));
}

/// A client who is gone waits for nothing, and was not answered either.
#[test]
fn a_client_who_is_gone_is_not_told_as_answered() {
    let folder = scratch("sweep-gone");
    let path = small(&folder, "");
    let more = "[[client]]\nworkload = \"get('k')\"\n[[process]]\nwhich = \"client 1\"\n\
                crashes = [{ at = \"500us\" }]\n";
    let text = fs::read_to_string(&path).expect("it was written") + more;
    fs::write(&path, text).expect("a file can be written");
    let run = perjury(&["run", &path]);
    assert!(out(&run).contains("0 of 1 answered: crashed"), "{}", out(&run));
    let page = folder.join("page.html").display().to_string();
    let output = sweep(&[&path, "--only", "lie_result", "--html", &page]);
    assert_eq!(output.status.code(), Some(0), "{}", out(&output));
    let page = fs::read_to_string(&page).expect("the page was written");
    assert!(!page.contains("every request"), "{page}");
    let told = "nobody who lives waits for an answer; the longest wait for one that came took ";
    assert!(page.contains(told), "{page}");
}

#[test]
fn what_is_no_failure_of_a_replica_is_said_not_to_be_swept() {
    let folder = scratch("sweep-only");
    let output = sweep(&[&small(&folder, ""), "--only", "drop,processes,latency"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let told = "--only latency: this is no failure of a replica: it is not swept";
    assert!(err(&output).contains(told), "{}", err(&output));
    assert_eq!(err(&output).matches("it is not swept").count(), 1, "{}", err(&output));
}

/// Nothing comes true before the limit, so nothing is known.
#[test]
fn a_scenario_that_is_undecided_by_itself_is_not_told_as_held() {
    let folder = scratch("sweep-undecided");
    let path = small(&folder, "");
    let output = sweep(&[&path, "--only", "crash", "--set", "limits.steps=3"]);
    assert_eq!(output.status.code(), Some(3), "{}{}", out(&output), err(&output));
    assert!(err(&output).contains("undecided by itself"), "{}", err(&output));
}
