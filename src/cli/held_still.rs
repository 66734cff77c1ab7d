//! The log of a run beside its scenario: kept by `perjury test --bless`, compared by
//! `perjury test`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{self, Refusal, Report};
use crate::scenario::Scenario;
use crate::words::counted;

/// How many places are shown in which two logs differ, how many lines of each, and how long they
/// may be.
const PLACES: usize = 5;
const LINES: usize = 4;
const WIDTH: usize = 160;

/// Where the log of a scenario's run is kept: no other file has this name.
fn beside(path: &str) -> PathBuf {
    PathBuf::from(format!("{path}.log"))
}

/// Whether a text is a log that was recorded here, and not somebody's own file.
fn is_recorded(text: &str) -> bool {
    run::SNAPSHOTS_BEGIN.iter().any(|words| text.starts_with(words))
}

/// The recorded log of a scenario, if there is one.
pub(super) fn recorded(path: &str) -> Option<String> {
    fs::read_to_string(beside(path)).ok().filter(|text| is_recorded(text))
}

/// A run, and its log.
pub(super) fn told(scenario: &Scenario) -> Result<(Report, String), Refusal> {
    run::snapshot_and_report(scenario)
}

/// Records a log; says whether anything is new.
pub(super) fn bless(path: &str, text: &str) -> Result<bool, String> {
    let beside = beside(path);
    let shown = beside.display();
    if !Path::new(path).is_file() {
        return Err(format!("{path}: only a file can have its log beside it"));
    }
    match fs::read_to_string(&beside) {
        Ok(known) if known == text => return Ok(false),
        Ok(known) if !is_recorded(&known) => {
            return Err(format!("{shown}: this is no recorded log; move it out of the way"));
        }
        _ => {}
    }
    fs::write(&beside, text).map_err(|error| format!("{shown}: {error}"))?;
    Ok(true)
}

/// How a log differs from the one that is recorded, a line each; nothing if it does not.
pub(super) fn differences(path: &str, known: &str, text: &str) -> Vec<String> {
    let (known, text): (Vec<&str>, Vec<&str>) = (known.lines().collect(), text.lines().collect());
    let hunks = hunks(&known, &text);
    let Some(first) = hunks.first() else {
        return Vec::new();
    };
    let (gone, new) = hunks
        .iter()
        .fold((0, 0), |(gone, new), hunk| (gone + hunk.gone.len(), new + hunk.new.len()));
    let shown = beside(path).display().to_string();
    let places = counted(hunks.len(), "place", "places");
    let mut lines = vec![format!(
        "the log is another in {places}, from line {} on: {} gone, {new} new; see {shown}, and \
         record it with --bless if it is right so",
        first.gone.start + 1,
        counted(gone, "line", "lines")
    )];
    for hunk in hunks.iter().take(PLACES) {
        lines.push(format!("@ line {}", hunk.gone.start + 1));
        for (sign, of, range) in [('-', &known, &hunk.gone), ('+', &text, &hunk.new)] {
            let some = of[range.clone()].iter().take(LINES);
            lines.extend(some.map(|line| format!("{sign} {}", fitted(line))));
            if range.len() > LINES {
                lines.push(format!("{sign} … {} more", range.len() - LINES));
            }
        }
    }
    if hunks.len() > PLACES {
        lines.push(format!("… {} more places", hunks.len() - PLACES));
    }
    lines
}

fn fitted(line: &str) -> String {
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Lines of one text, and those that stand for them in the other.
struct Hunk {
    gone: std::ops::Range<usize>,
    new: std::ops::Range<usize>,
}

/// How far is looked for a line on which both texts meet again.
const REACH: usize = 400;

/// Where two texts differ: behind each difference they meet again on the nearest line that both
/// have.
fn hunks(known: &[&str], text: &[&str]) -> Vec<Hunk> {
    let (mut at, mut to) = (0, 0);
    let mut hunks = Vec::new();
    while at < known.len() || to < text.len() {
        if known.get(at) == text.get(to) {
            (at, to) = (at + 1, to + 1);
            continue;
        }
        let meets = |sum: usize| {
            (0..=sum).map(move |gone| (gone, sum - gone)).find(|(gone, new)| {
                let line = known.get(at + gone);
                line.is_some() && line == text.get(to + new)
            })
        };
        let (gone, new) = (1..REACH).find_map(meets).unwrap_or((known.len() - at, text.len() - to));
        hunks.push(Hunk { gone: at..at + gone, new: to..to + new });
        (at, to) = (at + gone, to + new);
    }
    hunks
}

#[cfg(test)]
mod tests {
    use super::differences;

    #[test]
    fn every_difference_is_shown_and_nothing_else() {
        let known = "a\nb\nc\nd\nold 1\nold 2\ny\nz\n";
        assert_eq!(differences("x", known, known), Vec::<String>::new());
        let lines = differences("x", known, "a\nb\nc\nd\nnew\ny\nz\n");
        let first = "the log is another in 1 place, from line 5 on: 2 lines gone, 1 new; see ";
        assert!(lines[0].starts_with(first), "{lines:?}");
        assert_eq!(lines[1..], ["@ line 5", "- old 1", "- old 2", "+ new"]);
        let twice = differences("x", known, "a\nB\nc\nd\nold 1\nold 2\nY\nz\n");
        assert_eq!(twice[1..], ["@ line 2", "- b", "+ B", "@ line 7", "- y", "+ Y"]);
        let shorter = differences("x", known, "a\nb\n");
        assert_eq!(shorter[1..], ["@ line 3", "- c", "- d", "- old 1", "- old 2", "- … 2 more"]);
        let longer = differences("x", "a\n", "a\na\n");
        assert_eq!(longer[1..], ["@ line 2", "+ a"]);
    }

    #[test]
    fn long_lines_and_many_places_are_cut() {
        let known: String = (0..100).map(|n| format!("{n}\nsame {n}\n")).collect();
        let text: String =
            (0..100).map(|n| format!("{n}!{}\nsame {n}\n", "x".repeat(999))).collect();
        let lines = differences("x", &known, &text);
        assert_eq!(lines.last().map(String::as_str), Some("… 95 more places"));
        assert!(lines.iter().all(|line| line.chars().count() < 200), "{lines:?}");
    }
}
