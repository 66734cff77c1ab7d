//! What lies in a recorded folder: whose files, and what was run.
//!
//! Folders are put together by hand, from many machines. What does not belong together is refused,
//! and told by the names of both files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::identity::Address;
use crate::scenario::{self, Scenario};

use super::super::record::format::{Header, SCENARIO, Segment, Unread, file_name};
use super::super::record::segments_in;
use super::{ReplayError, unread};

/// The files of each process, the first one first.
pub(super) type Files = BTreeMap<Address, Vec<(Header, PathBuf)>>;

/// A folder and those in it: each program of a cluster may have recorded to its own.
pub(super) fn parts_of(folder: &Path) -> Result<Vec<PathBuf>, ReplayError> {
    let unreadable = |error| ReplayError::File { path: folder.to_owned(), error };
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            parts.push(path);
        }
    }
    parts.sort();
    parts.insert(0, folder.to_owned());
    Ok(parts)
}

/// The files of recordings in these folders, of one life of each process.
pub(super) fn files_in(parts: &[PathBuf]) -> Result<Files, ReplayError> {
    let mut files = Files::new();
    for part in parts {
        let unreadable = |error| ReplayError::File { path: part.clone(), error };
        for path in segments_in(part).map_err(unreadable)? {
            let header = match Segment::open(&path) {
                // A program was killed as it made the file.
                Err(Unread::Header) if is_empty(&path) => continue,
                segment => segment.map_err(unread(&path))?.header,
            };
            let process = header.process.parse();
            let process = process.map_err(|_| ReplayError::Header { file: path.clone() })?;
            files.entry(process).or_default().push((header, path));
        }
    }
    for of_one in files.values_mut() {
        of_one.sort_by(|(one, path), (other, another)| {
            one.segment.cmp(&other.segment).then_with(|| path.cmp(another))
        });
    }
    files.iter().try_for_each(|(process, of_one)| are_of_one(*process, of_one, &files))?;
    Ok(files)
}

/// Whether not even a header is in a file.
fn is_empty(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap_or_default();
    !bytes.contains(&b'\n')
}

/// Whether the files of a process are those of one recording, each of them once.
fn are_of_one(
    process: Address,
    of_one: &[(Header, PathBuf)],
    all: &Files,
) -> Result<(), ReplayError> {
    let Some((first, path)) = of_one.first() else { return Ok(()) };
    if let Some((other, another)) = of_one.iter().find(|(other, _)| other.life != first.life) {
        // The stranger is who has fewer companions: of his program, of his life.
        let companions = |header: &Header, path: &Path| {
            let headers = all.values().flatten().map(|(header, _)| header);
            let fellows = headers.filter(|one| one.origin_ns == header.origin_ns).count();
            let own = of_one.iter().filter(|(one, _)| one.life == header.life).count();
            (fellows, own, path.ends_with(file_name(process, header.segment)))
        };
        let is_first = companions(first, path) < companions(other, another);
        let (file, rest) = if is_first { (path, another) } else { (another, path) };
        return Err(ReplayError::Mixed { file: file.clone(), other: rest.clone() });
    }
    for pair in of_one.windows(2) {
        if let [(one, path), (next, another)] = pair
            && one.segment == next.segment
        {
            return Err(ReplayError::Twice {
                process: process.to_string(),
                segment: one.segment,
                file: path.clone(),
                other: another.clone(),
            });
        }
    }
    Ok(())
}

/// Why it is not known what was run.
#[derive(Debug)]
pub(super) enum Unknown {
    /// A file does not tell.
    Untold(PathBuf, String),
    /// Two files tell different things.
    Disagree(PathBuf, PathBuf),
}

impl From<&Unknown> for ReplayError {
    fn from(unknown: &Unknown) -> ReplayError {
        match unknown {
            Unknown::Untold(path, why) => {
                ReplayError::Scenario { path: path.clone(), why: why.clone() }
            }
            Unknown::Disagree(one, other) => {
                ReplayError::Disagree { file: one.clone(), other: other.clone() }
            }
        }
    }
}

/// What was run, as all say who recorded to these folders.
pub(super) fn scenario_of(parts: &[PathBuf]) -> Result<Scenario, Unknown> {
    let mut told: Option<(PathBuf, Scenario)> = None;
    for path in parts.iter().map(|part| part.join(SCENARIO)).filter(|path| path.is_file()) {
        let scenario = read(&path)?;
        match &told {
            Some((first, other)) if *other != scenario => {
                return Err(Unknown::Disagree(first.clone(), path));
            }
            Some(_) => {}
            None => told = Some((path, scenario)),
        }
    }
    match told {
        Some((_, scenario)) => Ok(scenario),
        None => read(&parts.first().map(|part| part.join(SCENARIO)).unwrap_or_default()),
    }
}

fn read(path: &Path) -> Result<Scenario, Unknown> {
    let untold = |why: String| Unknown::Untold(path.to_owned(), why);
    let metadata = fs::metadata(path).map_err(|error| untold(error.to_string()))?;
    if !metadata.is_file() {
        return Err(untold("this is no file".to_owned()));
    }
    let bytes = fs::read(path).map_err(|error| untold(error.to_string()))?;
    let reading = scenario::read(&path.display().to_string(), &bytes, &Default::default());
    let why = || reading.diagnostics.iter().map(|found| found.compact()).collect::<Vec<_>>();
    reading.scenario.ok_or_else(|| untold(why().join("; ")))
}
