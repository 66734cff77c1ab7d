//! What the tests hold a page against: the program's own output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A scenario with a failure and a reconfiguration.
pub(super) const RECONFIGURED: &str = "scenarios/bcr/tail_drops_shuttle.toml";

/// What the program prints.
pub(super) fn perjury(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_perjury"))
        .args(words)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some_and(|code| code != 2), "{words:?}: {said}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The events of a scenario's run, as its log tells them.
pub(super) fn trace(scenario: &str) -> Vec<Value> {
    let log = perjury(&["run", scenario, "--log", "json"]);
    let lines = log.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
    lines.filter(|line: &Value| line.get("event").is_some()).collect()
}

/// The page of a scenario.
pub(super) fn page_of(test: &str, scenario: &str) -> String {
    let page = scratch(test).join("page.html").display().to_string();
    perjury(&["view", scenario, "-o", &page]);
    page
}

/// A scratch folder of a test.
pub(super) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser").join(name);
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

pub(super) fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file can be written");
    path.display().to_string()
}
