//! The table of which seeded bugs are found. `perjury fuzz bcr --every-quirk --runs 1000` prints it
//! and takes its time in a build that is not optimised; here each bug is only found again where the
//! table says that it is found first.

use std::fs;
use std::path::Path;

use perjury::explore::{Campaign, Shape, Shard, kills, with_quirks};

/// A row: the quirk, the first run in which it is found, and who finds it there.
fn rows() -> Vec<(String, u64, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kills.md");
    let text = fs::read_to_string(path).expect("the table is there");
    let rows = text.lines().filter(|line| line.starts_with("| ")).skip(1);
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let first = cells[4].parse().unwrap_or_else(|_| panic!("{} is not found", cells[1]));
        (cells[1].to_owned(), first, cells[5].to_owned())
    };
    rows.map(row).collect()
}

fn campaign() -> Campaign {
    let shape = Shape::of("bcr").expect("there is such a protocol");
    Campaign { shape, seed: 0, runs: 1_000, shard: Shard::WHOLE, stop_after: None }
}

#[test]
fn every_seeded_bug_is_found_where_the_table_says() {
    let rows = rows();
    let quirks = with_quirks(&campaign().shape.base);
    let named: Vec<&str> = rows.iter().map(|(quirk, ..)| quirk.as_str()).collect();
    assert_eq!(named, quirks.iter().map(|(quirk, _)| *quirk).collect::<Vec<_>>());
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("There are {} such bugs", rows.len())), "{}", rows.len());
    for ((quirk, first, judge), (_, base)) in rows.iter().zip(quirks) {
        let mut campaign = campaign();
        let sound = kills::verdicts(&campaign, *first);
        assert_eq!(sound, kills::Verdicts::default(), "run {first} holds without {quirk}");
        campaign.shape.base = base;
        let verdicts = kills::verdicts(&campaign, *first);
        assert_eq!(verdicts.first, Some(judge.as_str()), "{quirk} in run {first}");
    }
}

#[test]
fn a_short_hunt_is_the_beginning_of_a_long_one() {
    let campaign = Campaign { runs: 12, ..campaign() };
    let mut told = 0;
    let all = kills::hunt(
        &campaign,
        &mut |_| {
            told += 1;
            told < 3
        },
        &|| false,
    );
    assert_eq!(all.len(), 3, "it ends when it is told to");
    for kills in &all {
        let (_, first, _) = rows().into_iter().find(|(quirk, ..)| quirk == kills.quirk).unwrap();
        assert_eq!(kills.first.map(|(index, _)| index), (first < 12).then_some(first));
        assert!(kills.promises <= kills.killed && kills.killed <= kills.runs);
    }
}
