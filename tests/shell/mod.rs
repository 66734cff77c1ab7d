//! The program as tests of its commands start it.

#![allow(dead_code, reason = "every test uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program, in the project's folder, without colours.
pub(super) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perjury"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1");
    command
}

/// Runs it with these words.
pub(super) fn perjury(words: &[&str]) -> Output {
    program().args(words).output().expect("the program starts")
}

pub(super) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(super) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(super) fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

/// An empty folder for a test.
pub(super) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}
