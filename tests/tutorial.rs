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

#[cfg(unix)]
#[test]
fn every_command_does_what_it_is_said_to() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tutorial");
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).expect("a folder can be made");
    let program = Path::new(env!("CARGO_BIN_EXE_perjury"));
    let beside = program.parent().expect("it lies in a folder").display().to_string();
    let commands = commands();
    assert!(commands.len() > 12, "{commands:?}");
    for (line, code) in commands {
        let output = Command::new("sh")
            .args(["-c", &format!("PATH=\"{beside}:$PATH\"; {line}")])
            .current_dir(&folder)
            .env("NO_COLOR", "1")
            .output()
            .expect("there is a shell");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{line}\n{told}");
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
