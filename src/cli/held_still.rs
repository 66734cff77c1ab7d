//! The log of a run beside its scenario: kept by `perjury test --bless`, compared by
//! `perjury test`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run;
use crate::scenario::Scenario;

/// How many lines before the first difference are shown, and how many from it on.
const BEFORE: usize = 3;
const AFTER: usize = 4;

/// Where the log of a scenario's run is kept.
fn beside(path: &str) -> PathBuf {
    Path::new(path).with_extension("log")
}

/// Records the run; says whether anything is new.
pub(super) fn bless(path: &str, scenario: &Scenario) -> Result<bool, String> {
    let text = run::snapshot(scenario).map_err(|refusal| refusal.to_string())?;
    let beside = beside(path);
    if fs::read_to_string(&beside).is_ok_and(|known| known == text) {
        return Ok(false);
    }
    fs::write(&beside, text).map_err(|error| format!("{}: {error}", beside.display()))?;
    Ok(true)
}

/// How the run differs from the one that is recorded, a line each; nothing if it does not, or if
/// none is recorded.
pub(super) fn differences(path: &str, scenario: &Scenario) -> Vec<String> {
    let beside = beside(path);
    if !beside.exists() {
        return Vec::new();
    }
    let known = match fs::read_to_string(&beside) {
        Ok(known) => known,
        Err(error) => return vec![format!("{}: {error}", beside.display())],
    };
    match run::snapshot(scenario) {
        Ok(text) => told(&beside.display().to_string(), &known, &text),
        Err(refusal) => vec![refusal.to_string()],
    }
}

fn told(name: &str, known: &str, text: &str) -> Vec<String> {
    let (known, text): (Vec<&str>, Vec<&str>) = (known.lines().collect(), text.lines().collect());
    let same = known.iter().zip(&text).take_while(|(one, other)| one == other).count();
    if same == known.len() && same == text.len() {
        return Vec::new();
    }
    // Behind what is new in the middle there may be much that is not.
    let end = known.iter().rev().zip(text.iter().rev());
    let end = end.take_while(|(one, other)| one == other).count();
    let end = end.min(known.len().min(text.len()) - same);
    let (gone, new) = (&known[same..known.len() - end], &text[same..text.len() - end]);
    let mut lines = vec![format!(
        "the log is another from line {} on: {} lines are gone, {} are new; see {name}, and record \
         it with --bless if it is right so",
        same + 1,
        gone.len(),
        new.len()
    )];
    lines.extend(known[same.saturating_sub(BEFORE)..same].iter().map(|line| format!("  {line}")));
    for (sign, lines_of) in [('-', gone), ('+', new)] {
        lines.extend(lines_of.iter().take(AFTER).map(|line| format!("{sign} {line}")));
        if lines_of.len() > AFTER {
            lines.push(format!("{sign} … {} more", lines_of.len() - AFTER));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn the_first_difference_is_shown_with_what_stands_before_it() {
        let known = "a\nb\nc\nd\nold 1\nold 2\ny\nz\n";
        assert_eq!(told("x.log", known, known), Vec::<String>::new());
        let lines = told("x.log", known, "a\nb\nc\nd\nnew\ny\nz\n");
        assert!(lines[0].starts_with("the log is another from line 5 on: 2 lines are gone, 1 are"));
        assert_eq!(lines[1..], ["  b", "  c", "  d", "- old 1", "- old 2", "+ new"]);
        let shorter = told("x.log", known, "a\nb\n");
        assert_eq!(shorter.len(), 1 + 2 + 5, "{shorter:?}");
        assert!(shorter.last().is_some_and(|last| last == "- … 2 more"), "{shorter:?}");
        let longer = told("x.log", "a\n", "a\na\n");
        assert_eq!(longer[1..], ["  a", "+ a"]);
    }
}
