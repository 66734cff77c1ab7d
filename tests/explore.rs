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
    let (code, text) = explore(&[&small("bound.toml", "", ""), "--states", "16"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = explore(&[&small("bound.toml", "", ""), "--states", "15"]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("there are more states: give more with --states"), "{text}");
}

#[test]
fn a_way_that_is_too_long_is_refused() {
    let way = "0.0x18446744073709551615";
    let (code, text) = explore(&[&small("long.toml", "", ""), "--way", way]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("no way has more than 100000 turns"), "{text}");
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

/// The commands of the README's table of small worlds, and how many states it says that they walk.
#[cfg(unix)]
fn table() -> Vec<(String, u64)> {
    let rows = include_str!("../README.md").lines();
    let row = |line: &str| {
        let (command, rest) = line.strip_prefix("| `perjury explore ")?.split_once("` | ")?;
        let states = rest.split(' ').next()?.replace(',', "");
        Some((command.to_owned(), states.parse().ok()?))
    };
    rows.filter_map(row).collect()
}

/// The larger ones take their time in a build that is not optimised, and are no other program.
#[cfg(unix)]
#[test]
fn the_small_worlds_of_the_readme_are_as_large_as_it_says() {
    use std::process::Command;
    let folder = shell::scratch("explore-readme");
    let (_, text) = include_str!("../README.md").split_once("world() {").expect("it is defined");
    let (worlds, _) = text.split_once("```").expect("the block ends");
    let sh = |text: &str| {
        let program = Path::new(env!("CARGO_BIN_EXE_perjury")).parent().expect("a folder");
        let path = format!("PATH=\"{}:$PATH\"; {text}", program.display());
        let mut shell = Command::new("sh");
        shell.args(["-c", &path]).current_dir(&folder).env("NO_COLOR", "1");
        shell.output().expect("there is a shell")
    };
    assert_eq!(shell::code(&sh(&format!("world() {{{worlds}"))), 0);
    let rows = table();
    assert_eq!(rows.len(), 9);
    for (command, states) in rows.iter().filter(|(_, states)| *states < 5_000) {
        let output = sh(&format!("perjury explore {command}"));
        let text = out(&output);
        assert!(text.contains(&format!("  walked      {states} states, ")), "{command}: {text}");
        let expected = if command.contains("--crashes") { 3 } else { 0 };
        assert_eq!(shell::code(&output), expected, "{command}: {text}");
    }
}

#[test]
fn chance_is_refused_with_a_remedy() {
    let (code, text) = explore(&[&small("loss.toml", "", "[network]\nloss = 0.1\n")]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("set network.loss and duplicate to 0"), "{text}");
}
