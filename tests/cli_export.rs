//! `perjury export` and `--log sequence`, as a user meets them.

mod shell;

use std::fs;
use std::process::Output;

use shell::{perjury, scratch};

/// What it prints when all is well.
fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", shell::err(output));
    shell::out(output)
}

const DROPS: &str = "scenarios/bcr/tail_drops_shuttle.toml";

#[test]
fn a_scenario_and_its_log_are_exported_alike() {
    let folder = scratch("export");
    let log = folder.join("run.jsonl");
    fs::write(&log, out(&perjury(&["run", DROPS, "--log", "json"]))).expect("it can be written");
    for (form, first) in [
        ("shiviz", r"(?<host>\S+) (?<clock>\{.*\})\n(?<event>.*)"),
        ("perfetto", "{\"displayTimeUnit\":\"ns\",\"traceEvents\":["),
        ("mermaid", "sequenceDiagram"),
        ("sequence", "                    client 0        olympus"),
    ] {
        let text = out(&perjury(&["export", DROPS, "--to", form]));
        assert!(text.lines().next().is_some_and(|line| line.starts_with(first)), "{form}: {text}");
        let path = folder.join(form);
        let words = ["export", &log.display().to_string(), "--to", form, "-o"];
        let words = [&words[..], &[path.to_str().expect("it is text")]].concat();
        assert_eq!(out(&perjury(&words)), "");
        assert_eq!(fs::read_to_string(&path).expect("it was written"), text, "{form}");
    }
}

#[test]
fn a_run_is_drawn_in_the_terminal() {
    let text = out(&perjury(&["run", DROPS, "--log", "sequence"]));
    let (diagram, verdict) = text.split_once("\n\n").expect("the verdict stands behind it");
    assert!(diagram.contains("|--------client_request-------->|"), "{diagram}");
    assert!(diagram.contains("!  what=shuttle(0,"), "{diagram}");
    assert!(verdict.starts_with(&format!("{DROPS}: held\n")), "{verdict}");
}

#[test]
fn bad_input_is_told() {
    for (words, part) in [
        (vec!["export", DROPS, "--to", "svg"], "invalid value 'svg'"),
        (vec!["export", "nowhere.toml", "--to", "shiviz"], "nowhere.toml"),
        (vec!["run", DROPS, "--log", "sequence", "--log-dir", "logs"], "all processes in it"),
    ] {
        let output = perjury(&words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(part), "{words:?}: {text}");
    }
}

/// With many processes most of it is vector clocks, and nothing would draw it.
#[test]
fn what_shiviz_would_not_draw_is_warned_of_with_a_remedy() {
    let folder = scratch("export-clocks");
    let exported = |clients: u32, requests: u32, form: &str| {
        let client =
            |number| format!("[[client]]\nworkload = \"pseudorandom({number},{requests})\"\n");
        let text = format!("protocol = \"bcr\"\n{}", (0..clients).map(client).collect::<String>());
        let file = folder.join("many.toml");
        fs::write(&file, text).expect("a file can be written");
        let to = folder.join("many.out");
        let (file, to) = (file.display().to_string(), to.display().to_string());
        let output = perjury(&["export", &file, "--to", form, "-o", &to]);
        assert_eq!(shell::code(&output), 0);
        shell::err(&output).replace(&to, "many.out")
    };
    let said = exported(100, 2, "shiviz");
    let (warning, rest) = said.split_once('\n').expect("two lines");
    assert_eq!(rest, "many.out: 5212 events\n");
    let why = "warning: 5.4 MB of 5.8 MB are vector clocks, a number for each of 104 processes at \
               every event; ShiViz takes ";
    assert!(warning.starts_with(why), "{warning}");
    assert!(warning.contains("or take --to perfetto or `perjury view`"), "{warning}");
    assert_eq!(exported(20, 2, "shiviz"), "many.out: 1052 events\n");
    assert_eq!(exported(100, 2, "perfetto"), "many.out: 5212 events\n");
}
