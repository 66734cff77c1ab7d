//! `perjury explore`, as a user meets it.

mod shell;

use std::fs;
use std::path::Path;

use shell::{err, out, perjury};

fn explore(words: &[&str]) -> (Option<i32>, String) {
    let output = perjury(&[&["explore"], words].concat());
    (output.status.code(), out(&output) + &err(&output))
}

/// A file with one request, and more.
fn small(name: &str, head: &str, more: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("explore");
    fs::create_dir_all(&folder).expect("a folder can be made");
    let path = folder.join(name);
    let client = "[[client]]\nworkload = \"put('a','1')\"\n";
    let text = format!("protocol = \"bcr\"\nt = 1\n{head}\n{client}{more}");
    fs::write(&path, text).expect("a file can be written");
    path.display().to_string()
}

fn crash(replica: u32, when: &str) -> String {
    format!("[[fault]]\nreplica = {replica}\nwhen = \"{when}\"\nthen = \"crash()\"\n")
}

#[test]
fn what_holds_in_every_order_holds() {
    let (code, text) = explore(&[&small("sound.toml", "", "")]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(": held\n  walked      16 states, "), "{text}");
}

/// At the bound on timers somebody would ask again: nobody knows whether he would be answered.
#[test]
fn what_a_bound_hides_is_not_told_as_held() {
    let path = small("crash.toml", "", "");
    let (code, text) = explore(&[&path, "--crashes", "1", "--timers", "0"]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains(": undecided\n") && text.contains("somebody would ask again"), "{text}");
}

#[test]
fn a_bug_is_found_with_the_way_that_shows_it() {
    let path = small("lost.toml", "quirk = \"sessions_lost\"", "");
    let (code, text) = explore(&[&path, "--crashes", "1"]);
    assert_eq!(code, Some(1), "{text}");
    let (_, again) = text.split_once("again: perjury explore ").expect("it is told how");
    let words: Vec<&str> = again.split_whitespace().collect();
    let (code, text) = explore(&words);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.lines().any(|line| line.starts_with("BROKEN: state: ")), "{text}");
}

/// Two of three crash: that somebody waits for ever is told, and that it is no bug.
#[test]
fn what_breaks_beyond_tolerance_is_told_as_such() {
    let faults = crash(1, "shuttle(0,0)") + &crash(2, "wedge_request(0)");
    let path = small("beyond.toml", "", &faults);
    let (code, text) = explore(&[&path, "--timers", "2"]);
    // What would come after the second timer is not known, so nothing is told as broken either.
    assert_eq!(code, Some(3), "{text}");
    assert!(!text.contains("BROKEN") && !text.contains(": held"), "{text}");
    let three = "scenarios/bcr/too_many_agree_on_a_wrong_state.toml";
    let (code, text) = explore(&[three, "--timers", "8", "--states", "2000"]);
    assert_eq!(code, Some(5), "{text}");
    assert!(text.contains("broken beyond tolerance: state"), "{text}");
}

#[test]
fn chance_is_refused_with_a_remedy() {
    let (code, text) = explore(&[&small("loss.toml", "", "[network]\nloss = 0.1\n")]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("set network.loss and duplicate to 0"), "{text}");
}
