//! Scenario files by other people. They are not part of this project; without them the tests that
//! read them do nothing but say so.

use std::fs;
use std::path::{Path, PathBuf};

use perjury::scenario::ReadOptions;

/// The folder with other people's files, if it is there.
pub(crate) fn corpus() -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "where test data lie changes no run")]
    let named = std::env::var("PERJURY_CORPUS").ok().map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let found = named.unwrap_or(beside).join("bcr");
    if found.is_dir() {
        return Some(found);
    }
    println!("skipped: there is no folder {}", found.display());
    None
}

/// The names and contents of a folder's files.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("it can be read");
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("it can be read").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind != "md"));
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs::read(path).expect("it can be read"))).collect()
}

/// How a file is read that may have slips.
pub(crate) fn lenient() -> ReadOptions {
    ReadOptions { lenient: true, ..ReadOptions::default() }
}
