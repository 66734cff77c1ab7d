//! What a campaign came to, as a page, with a picture of each finding beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::cli::Failure;
use crate::cli::bar::Bar;
use crate::cli::pictured::show;
use crate::cli::place::store;
use crate::explore::kills::Kills;
use crate::explore::record::Record;
use crate::explore::{Discovery, TWICE_EVERY};
use crate::view::Report;
use crate::words::counted;

use super::outcome::sized;

/// Writes the page, and the pictures of the findings to a folder beside it; `how` tells of how the
/// runs were made.
pub(super) fn of_campaign(
    path: &Path,
    out: &Path,
    record: &Record,
    found: &[Discovery],
    how: impl Iterator<Item = String>,
) -> Result<(), Failure> {
    let Record { header, tally, .. } = record;
    let mut report = Report::new(&format!("Campaign: {}, seed {}", header.target, header.seed));
    report.paragraph(&super::counted(tally));
    how.for_each(|line| report.paragraph(&line));
    report.paragraph(&format!(
        "{} of the runs had to answer everybody in time and come to rest; {} were made twice (one \
         in {TWICE_EVERY}), {} of them were another run the second time.",
        tally.demanded,
        tally.twice,
        tally.differing.len()
    ));
    report.heading("Coverage");
    let coverage = &tally.coverage;
    report.share(coverage.cells.len(), header.cells, "cells (trigger x failure x place)");
    report.paragraph(&format!("{} event bigrams", coverage.bigrams.len()));
    let (head, rows) = cells(&coverage.cells);
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    report.hidden_lines("What the table counts", "In how many places each failure came true.");
    report.table(&head, &rows);
    report.heading("Findings");
    if tally.groups.is_empty() {
        report.paragraph("None.");
    }
    for (charge, group) in &tally.groups {
        let bears = if charge.within_tolerance { "within tolerance" } else { "beyond tolerance" };
        let (judge, count) = (&charge.judge, group.count);
        let runs = counted(count, "run", "runs");
        report.heading(&format!("{judge}: {runs}, {bears}, first number {}", group.first));
        let panics = group.kept.iter().filter(|_| charge.panic.is_some()).take(1);
        panics.for_each(|found| report.lines(&found.text));
        for one in found.iter().filter(|one| one.charge == *charge) {
            finding(path, out, one, &mut report)?;
        }
    }
    store(path, &report.page())
}

/// A failure a row, a trigger a column: at how many places it came true.
fn cells(seen: &BTreeSet<String>) -> (Vec<String>, Vec<Vec<String>>) {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for cell in seen {
        let mut words = cell.split(' ');
        if let (Some(trigger), Some(failure)) = (words.next(), words.next()) {
            *counts.entry((failure, trigger)).or_insert(0) += 1;
        }
    }
    let failures: BTreeSet<&str> = counts.keys().map(|(failure, _)| *failure).collect();
    let triggers: BTreeSet<&str> = counts.keys().map(|(_, trigger)| *trigger).collect();
    let head = ["failure"].into_iter().chain(triggers.iter().copied()).map(str::to_owned);
    let row = |failure: &&str| {
        let count = |trigger: &&str| counts.get(&(*failure, *trigger)).copied().unwrap_or(0);
        let counts = triggers.iter().map(|trigger| count(trigger).to_string());
        [(*failure).to_owned()].into_iter().chain(counts).collect()
    };
    (head.collect(), failures.iter().map(row).collect())
}

fn finding(path: &Path, out: &Path, one: &Discovery, report: &mut Report) -> Result<(), Failure> {
    let Discovery { shape, found, size, artefact, scenario, .. } = one;
    let comment = artefact.toml.lines().map_while(|line| line.strip_prefix('#'));
    let told: Vec<&str> = comment.map(str::trim).collect();
    // The scenario lies where the findings are, not where the page is.
    let name = format!("perjury run {}.toml", artefact.name);
    let path_of = out.join(format!("{}.toml", artefact.name));
    report.lines(&told.join("\n").replace(&name, &format!("perjury run {}", path_of.display())));
    let size = sized(size);
    report.paragraph(&format!("{size}; made of run {}. Shape: {shape}", found.index));
    if Bar::is_interrupted() {
        report.paragraph("Interrupted: no picture was drawn.");
        return Ok(());
    }
    show(path, &artefact.name, scenario, report)
}

/// Writes the table of a hunt for seeded bugs as a page.
pub(super) fn of_hunt(
    path: &Path,
    (words, again, seed): (&str, &str, u64),
    all: &[Kills],
    rate: &str,
) -> Result<(), Failure> {
    let mut report = Report::new(&format!("Seeded bugs of {words}, seed {seed}"));
    report.paragraph(rate);
    let found = all.iter().filter(|kills| kills.killed > 0).count();
    report.share(found, all.len(), "seeded bugs are found");
    let rows = all.iter().map(|kills| {
        let (first, by) = match kills.first {
            Some((index, judge)) => (index.to_string(), judge.to_owned()),
            None => ("survived".to_owned(), String::new()),
        };
        let judges = kills.judges.iter().map(|(judge, count)| format!("{judge} {count}"));
        let judges: Vec<String> = judges.collect();
        let (killed, promises) = (kills.killed.to_string(), kills.promises.to_string());
        vec![kills.quirk.to_owned(), killed, promises, first, by, judges.join(", ")]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let head = ["bug", "killed", "by a promise", "first run", "found by", "all judges"];
    report.table(&head, &rows);
    report.paragraph("To see one of them found, made small and drawn:");
    report.lines(&format!("{again} --stop-after 1 --report found.html"));
    store(path, &report.page())
}
