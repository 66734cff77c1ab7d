//! Recipes that need other programs. Where one is missing the test says so and does nothing; the
//! variable PERJURY_PYTHON names a Python that has what they need.

use std::fs;
use std::path::Path;
use std::process::Command;

const CAMPAIGN: [&str; 8] =
    ["bcr", "--quirk", "small_quorum", "--requests", "2..4", "--seed", "3", "--runs"];

#[test]
#[expect(clippy::disallowed_methods, reason = "which Python, the machine says")]
fn eight_parts_on_hyperqueue_are_the_whole() {
    let python = std::env::var("PERJURY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_it = Command::new(&python).args(["-c", "import hyperqueue"]).output();
    if !has_it.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} has no hyperqueue (pip install hyperqueue)");
        return;
    }
    let perjury = env!("CARGO_BIN_EXE_perjury");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hyperqueue");
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).expect("a folder can be made");
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recipes/eight_parts.py");
    let parts = Command::new(&python)
        .arg(recipe)
        .args([perjury, &folder.display().to_string()])
        .args(CAMPAIGN)
        .arg("100")
        .env("NO_COLOR", "1")
        .output()
        .expect("it starts");
    let whole = Command::new(perjury)
        .arg("fuzz")
        .args(CAMPAIGN)
        .args(["100", "--out", &folder.join("findings").display().to_string()])
        .env("NO_COLOR", "1")
        .output()
        .expect("it starts");
    let (parts_told, told) =
        (String::from_utf8_lossy(&parts.stdout), String::from_utf8_lossy(&whole.stdout));
    assert!(told.contains("BROKEN "), "{told}");
    // What HyperQueue itself says comes before.
    assert!(parts_told.ends_with(&*told), "{parts_told}\n{told}");
    assert_eq!(parts.status.code(), Some(1), "{}", String::from_utf8_lossy(&parts.stderr));
}
