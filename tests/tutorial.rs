//! The five minutes of the README, command by command, as a newcomer types them.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The commands of the section, with the exit codes that it names.
fn commands() -> Vec<(String, i32)> {
    let readme = include_str!("../README.md");
    let (_, section) = readme.split_once("## Five minutes\n").expect("there is such a section");
    let (section, _) = section.split_once("\n## ").expect("another one follows");
    let blocks = section.split("```sh\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines());
    let command = |line: &str| {
        let code = line.split_once("# exits with ").map_or("0", |(_, rest)| rest);
        let code = code.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        (line.to_owned(), code.parse().expect("a number stands there"))
    };
    lines.map(command).collect()
}

/// What the section says, the beginning of the command that it says it of, and what that command
/// prints if it is true.
const CLAIMS: [(&str, &str, &[&str]); 7] = [
    (
        "# held: the lie is seen, the replicas are replaced",
        "perjury run mine.toml  ",
        &["mine.toml: held\n", "faulty      replica 0.2 ", "a whole quorum vouches for (1 times"],
    ),
    (
        "two of the three replicas crash, one more than they bear",
        "perjury run mine.toml --set",
        &["beyond what the protocol bears: liveness\n", "faulty      replica 0.1, replica 0.2 ("],
    ),
    (
        "has one failure and three requests, made of a run with 48 and 19",
        "perjury fuzz bcr",
        &["  small  1 trouble, 3 requests, ", "; made of run 3 with 48, 19, "],
    ),
    (
        "# exits with 1: the small scenario, with the quirk in it",
        "perjury run found/",
        &[": BROKEN: state\n", ", quirk gaps_tolerated, "],
    ),
    (
        "# exits with 1: what led there, and what decided it",
        "perjury explain found/",
        &[" events led to it; ", "\n  decided      by 0."],
    ),
    (
        "# exits with 1: what the fault changed",
        "perjury diff found/",
        &[
            "\nB: found/state-f37e100f.toml --set 'fault=[]'\nthe runs part at event 49:\n",
            "replica 0.1: armed what=checkpoint(0), early_reply()\n",
        ],
    ),
    (
        "# records each log beside its scenario, in NAME.toml.log",
        "perjury test scenarios --bless",
        &["ok       scenarios/mine.toml: held, 8 of 8 answered, 1 reconfiguration; recorded\n"],
    ),
];

#[cfg(unix)]
#[test]
fn every_command_does_what_it_is_said_to() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tutorial");
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).expect("a folder can be made");
    let program = Path::new(env!("CARGO_BIN_EXE_perjury"));
    let beside = program.parent().expect("it lies in a folder").display().to_string();
    let commands = commands();
    assert_eq!(commands.len(), 15, "{commands:?}");
    let mut printed = Vec::new();
    for (line, code) in commands {
        let output = Command::new("sh")
            .args(["-c", &format!("PATH=\"{beside}:$PATH\"; {line}")])
            .current_dir(&folder)
            .env("NO_COLOR", "1")
            .output()
            .expect("there is a shell");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{line}\n{told}");
        printed.push((line, String::from_utf8_lossy(&output.stdout).into_owned()));
    }
    let readme = include_str!("../README.md").replace('\n', " ");
    for (said, command, parts) in CLAIMS {
        assert!(readme.contains(said), "the README does not say: {said}");
        let of = printed.iter().find(|(line, _)| line.starts_with(command));
        let (line, text) = of.unwrap_or_else(|| panic!("there is no {command}"));
        for part in parts {
            assert!(text.contains(part), "{line} does not print {part}:\n{text}");
        }
    }
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("it was written");
    for page in ["mine.html", "broken.html", "report.html", "found.html", "without.html"] {
        assert!(read(page).starts_with("<!doctype html>"), "{page}");
    }
    assert!(read("report.xml").contains("tests=\"2\" failures=\"0\" errors=\"0\""));
    let logs = fs::read_dir(folder.join("scenarios")).expect("it was made").flatten();
    let logs = logs.filter(|entry| entry.path().extension().is_some_and(|end| end == "log"));
    assert_eq!(logs.count(), 2);
}
