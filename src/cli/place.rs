//! Where files are written, and whether they can be, found out before long work and not after it.

use std::fs::{self, File};
use std::path::Path;

use super::Failure;

/// Refuses a folder that cannot be made or cannot be written to.
pub(super) fn folder(option: &str, path: &Path) -> Result<(), Failure> {
    if fs::metadata(path).is_ok_and(|found| !found.is_dir()) {
        let path = path.display();
        return Err(Failure::Usage(format!("{option} {path}: this is a file; name a folder")));
    }
    takes_files(path)
}

/// Refuses a file that cannot be written.
pub(super) fn file(option: &str, path: &Path) -> Result<(), Failure> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            let path = path.display();
            Err(Failure::Usage(format!("{option} {path}: this is a folder; name a file")))
        }
        Ok(_) => File::options().append(true).open(path).map(drop).map_err(Failure::at(path)),
        Err(_) => takes_files(path.parent().unwrap_or(path)),
    }
}

/// Tries a file in the folder, or in the nearest one above it that is there.
fn takes_files(folder: &Path) -> Result<(), Failure> {
    let is_there = |folder: &&Path| folder.as_os_str().is_empty() || folder.exists();
    let there = folder.ancestors().find(is_there).unwrap_or(folder);
    let probe = there.join(format!(".perjury-{}", std::process::id()));
    File::create_new(&probe).and_then(|_| fs::remove_file(&probe)).map_err(Failure::at(folder))
}

/// Writes a file, and the folder for it.
pub(super) fn store(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(Failure::at(path))?;
    }
    fs::write(path, text).map_err(Failure::at(path))
}
