//! What a part of a campaign came to, as JSON lines, so that parts that ran on different machines
//! can be put together again.
//!
//! The first line says of which campaign it is a part, the last one what was counted; between them
//! stand the findings that are kept, each with its scenario.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::crypto::Hasher;
use crate::scenario::{self, ReadOptions, Scenario};

use super::campaign::{Campaign, Group, KEPT, Shard, Tally};
use super::coverage::{Coverage, all_cells};
use super::generate;
use super::shape::Shape;
use super::trial::{Charge, Found};

/// The version of the lines.
pub const FORMAT: u32 = 1;

/// Which campaign, and which part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the lines.
    pub format: u32,
    /// The version of the program.
    pub perjury: String,
    /// What was fuzzed, in the user's words.
    pub target: String,
    /// A hash over all that may be drawn.
    pub shape: String,
    /// What everything was drawn from.
    pub seed: u64,
    /// How many runs there are, over all parts.
    pub runs: u64,
    /// Which part this is.
    pub shard: Shard,
    /// How many cells there are to be seen.
    pub cells: usize,
}

impl Header {
    /// The header of a campaign on something.
    #[must_use]
    pub fn of(campaign: &Campaign, target: &str) -> Header {
        Header {
            format: FORMAT,
            perjury: env!("CARGO_PKG_VERSION").to_owned(),
            target: target.to_owned(),
            shape: hash(&campaign.shape),
            seed: campaign.seed,
            runs: campaign.runs,
            shard: campaign.shard,
            cells: all_cells(&campaign.shape).len(),
        }
    }

    /// The header of the whole, whatever the part.
    fn whole(&self) -> Header {
        Header { shard: Shard::WHOLE, ..self.clone() }
    }

    /// Whether it is of the same campaign, whatever users called it: what may be drawn says which
    /// it is, and a file may be named in more ways than one.
    fn is_of(&self, other: &Header) -> bool {
        Header { target: other.target.clone(), ..self.whole() } == other.whole()
    }
}

fn hash(shape: &Shape) -> String {
    let digest = Hasher::new("shape of a campaign").bytes(format!("{shape:?}").as_bytes()).finish();
    digest.to_string()
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Campaign(Header),
    Finding { charge: Charge, found: Found, scenario: String },
    Tally(Counts),
}

/// What is counted, without the findings.
#[derive(Serialize, Deserialize)]
struct Counts {
    runs: u64,
    held: u64,
    undecided: u64,
    first_undecided: Option<u64>,
    unended: u64,
    demanded: u64,
    twice: u64,
    differing: Vec<u64>,
    charges: Vec<Count>,
    coverage: Coverage,
}

#[derive(Serialize, Deserialize)]
struct Count {
    charge: Charge,
    count: u64,
    first: u64,
}

impl Counts {
    /// Whether what is counted makes as many runs as there were.
    fn add_up(&self) -> Result<(), &'static str> {
        let broke = self.charges.iter().map(|charge| charge.count);
        let parts = [self.held, self.undecided, self.unended, self.differing.len() as u64];
        let sum = parts.into_iter().chain(broke).try_fold(0_u64, u64::checked_add);
        if sum != Some(self.runs) || self.twice > self.runs || self.demanded > self.runs {
            return Err("its numbers do not add up");
        }
        if self.charges.iter().any(|charge| charge.count == 0) {
            return Err("it counts findings that there are not");
        }
        Ok(())
    }
}

/// What a part, or several put together, came to, with the scenarios of what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which campaign.
    pub header: Header,
    /// What was counted.
    pub tally: Tally,
    /// The scenarios of the findings, by the number of their run.
    pub scenarios: BTreeMap<u64, Scenario>,
}

/// Why files do not make a campaign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A line is none of ours.
    #[error("line {line} is not one that `perjury fuzz --json` writes: {reason}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// The first or the last line is missing.
    #[error("{0}; the part did not run to its end: run it again")]
    Cut(&'static str),
    /// Another program wrote it.
    #[error("its format is {0}, and this program knows {FORMAT}; merge with the program that ran")]
    Format(u32),
    /// It is a part of something else.
    #[error(
        "it is a part of another campaign than the first file; every part needs the same program, \
         target, seed, runs and options"
    )]
    OtherCampaign,
    /// A part comes twice.
    #[error("part {0} of {1} is there twice; give each part once")]
    Twice(u64, u64),
    /// A part ended early.
    #[error(
        "part {} of {} was cut short after {runs} of {share} runs; run it again",
        .shard.index,
        .shard.count
    )]
    Short {
        /// Which.
        shard: Shard,
        /// How many runs it has.
        runs: u64,
        /// How many it should have.
        share: u64,
    },
    /// It is one of more or of fewer parts than the first.
    #[error(
        "it is one of {0} parts, and the first file one of {1}; give the parts of one division"
    )]
    OtherDivision(u64, u64),
    /// Not all parts are there.
    #[error("of {count} parts {missing} are missing, part {first} first; give the files of all")]
    Missing {
        /// How many parts there are.
        count: u64,
        /// How many are not there.
        missing: u64,
        /// The first of them.
        first: u64,
    },
}

impl Record {
    /// The record of a campaign that was run here.
    #[must_use]
    pub fn of(campaign: &Campaign, target: &str, tally: Tally) -> Record {
        let kept = tally.groups.values().flat_map(|group| &group.kept);
        let scenarios =
            kept.map(|found| (found.index, generate::scenario(&campaign.shape, found.seed)));
        let mut header = Header::of(campaign, target);
        if campaign.shard == Shard::WHOLE && campaign.is_over(&tally) {
            // One that ended where it was to end is a shorter one; one that was cut short is not.
            header.runs = tally.runs;
        }
        Record { header, scenarios: scenarios.collect(), tally }
    }

    /// Whether its part of the campaign is all there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.share() == self.tally.runs
    }

    /// How many runs its part of the campaign has, made or not.
    #[must_use]
    pub fn share(&self) -> u64 {
        self.header.shard.share(self.header.runs)
    }

    /// The lines.
    #[must_use]
    pub fn to_lines(&self) -> String {
        let mut lines = vec![Line::Campaign(self.header.clone())];
        for (charge, group) in &self.tally.groups {
            lines.extend(group.kept.iter().map(|found| Line::Finding {
                charge: charge.clone(),
                found: found.clone(),
                scenario:
                    self.scenarios.get(&found.index).map(scenario::to_toml).unwrap_or_default(),
            }));
        }
        let tally = &self.tally;
        let charges = tally.groups.iter().map(|(charge, group)| Count {
            charge: charge.clone(),
            count: group.count,
            first: group.first,
        });
        lines.push(Line::Tally(Counts {
            runs: tally.runs,
            held: tally.held,
            undecided: tally.undecided,
            first_undecided: tally.first_undecided,
            unended: tally.unended,
            demanded: tally.demanded,
            twice: tally.twice,
            differing: tally.differing.clone(),
            charges: charges.collect(),
            coverage: tally.coverage.clone(),
        }));
        let json = |line: &Line| serde_json::to_string(line).expect("text and numbers are JSON");
        lines.iter().map(|line| json(line) + "\n").collect()
    }

    /// Reads the lines, and the scenarios in them with these options.
    ///
    /// # Errors
    /// Lines that are none of ours, or not all of them.
    pub fn from_lines(text: &str, options: &ReadOptions) -> Result<Record, RecordError> {
        let mut header = None;
        let mut counts = None;
        let mut findings = Vec::new();
        for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |reason: String| RecordError::Line { line: place + 1, reason };
            let line = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            if counts.is_some() {
                return Err(wrong("the part ended before; give one file a part".to_owned()));
            }
            match line {
                Line::Campaign(Header { format, .. }) if format != FORMAT => {
                    return Err(RecordError::Format(format));
                }
                Line::Campaign(Header { shard, .. }) if shard.index >= shard.count => {
                    return Err(wrong(format!("there is no part {shard:?}")));
                }
                Line::Campaign(_) if header.is_some() => {
                    return Err(wrong("a second part begins; give one file a part".to_owned()));
                }
                Line::Campaign(first) => header = Some(first),
                Line::Tally(last) => {
                    last.add_up().map_err(|reason| wrong(reason.to_owned()))?;
                    counts = Some(last);
                }
                Line::Finding { charge, found, scenario } => {
                    let name = format!("run {}", found.index);
                    let reading = scenario::read(&name, scenario.as_bytes(), options);
                    let scenario = reading.scenario;
                    let scenario = scenario.ok_or_else(|| wrong("no scenario in it".to_owned()))?;
                    findings.push((charge, found, scenario));
                }
            }
        }
        let header = header.ok_or(RecordError::Cut("the first line is missing"))?;
        let counts = counts.ok_or(RecordError::Cut("the last line is missing"))?;
        let record = Record::put_together(header, counts, findings);
        match record.fits_together() {
            true => Ok(record),
            false => Err(RecordError::Cut("findings are missing, or of other runs")),
        }
    }

    /// Whether its findings are those that it counts, as far as that shows.
    fn fits_together(&self) -> bool {
        let Shard { index, count } = self.header.shard;
        let is_ours = |found: &Found| found.index % count == index;
        self.tally.groups.values().all(|group| {
            let kept = group.kept.len() as u64;
            kept == group.count.min(KEPT as u64) && group.kept.iter().all(is_ours)
        })
    }

    fn put_together(
        header: Header,
        counts: Counts,
        findings: Vec<(Charge, Found, Scenario)>,
    ) -> Record {
        let groups = counts.charges.into_iter().map(|Count { charge, count, first }| {
            (charge, Group { count, first, kept: Vec::new() })
        });
        let mut tally = Tally {
            runs: counts.runs,
            held: counts.held,
            undecided: counts.undecided,
            first_undecided: counts.first_undecided,
            unended: counts.unended,
            demanded: counts.demanded,
            twice: counts.twice,
            differing: counts.differing,
            groups: groups.collect(),
            coverage: counts.coverage,
        };
        let mut scenarios = BTreeMap::new();
        for (charge, found, scenario) in findings {
            scenarios.insert(found.index, scenario);
            tally.groups.entry(charge).or_default().kept.push(found);
        }
        Record { header, tally, scenarios }
    }

    /// Puts the parts of a campaign together, in whatever order they come.
    ///
    /// # Errors
    /// The number of the record, from 0, that is no part of the same campaign or a part that is
    /// there already; none if parts are missing.
    pub fn merge(parts: Vec<Record>) -> Result<Record, (Option<usize>, RecordError)> {
        let mut present = BTreeSet::new();
        let mut count_of_all = None;
        let mut merged: Option<Record> = None;
        for (place, part) in parts.into_iter().enumerate() {
            let Shard { index, count } = part.header.shard;
            let whole = part.header.whole();
            if merged.as_ref().is_some_and(|merged| !merged.header.is_of(&whole)) {
                return Err((Some(place), RecordError::OtherCampaign));
            }
            if !part.is_whole() {
                let (shard, runs) = (part.header.shard, part.tally.runs);
                let share = part.share();
                return Err((Some(place), RecordError::Short { shard, runs, share }));
            }
            let first = *count_of_all.get_or_insert(count);
            if first != count {
                return Err((Some(place), RecordError::OtherDivision(count, first)));
            }
            if !present.insert(index) {
                return Err((Some(place), RecordError::Twice(index, count)));
            }
            let merged = merged.get_or_insert_with(|| Record {
                header: whole,
                tally: Tally::default(),
                scenarios: BTreeMap::new(),
            });
            merged.tally.merge(part.tally);
            merged.scenarios.extend(part.scenarios);
        }
        let count = count_of_all.unwrap_or(1);
        let missing = count - present.len() as u64;
        match merged {
            Some(merged) if missing == 0 => Ok(merged.without_strangers()),
            _ => {
                let first = (0..).find(|index| !present.contains(index)).unwrap_or_default();
                Err((None, RecordError::Missing { count, missing, first }))
            }
        }
    }

    /// Without the scenarios of findings that were not kept.
    fn without_strangers(mut self) -> Record {
        let kept = self.tally.groups.values().flat_map(|group| &group.kept);
        let kept: BTreeSet<u64> = kept.map(|found| found.index).collect();
        self.scenarios.retain(|index, _| kept.contains(index));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Deliver;

    fn campaign(shard: Shard) -> Campaign {
        let mut shape = Shape::of("bcr").unwrap().requests(3, 6);
        let bcr = shape.base.protocol.bcr_mut().unwrap();
        bcr.deliver = Deliver::CaughtUp;
        Campaign { shape, seed: 2, runs: 600, shard, stop_after: None }
    }

    fn record(shard: Shard) -> Record {
        let campaign = campaign(shard);
        let tally = campaign.run(&mut |_| true);
        Record::of(&campaign, "bcr", tally)
    }

    fn part(index: u64) -> Record {
        record(Shard { index, count: 2 })
    }

    #[test]
    fn what_is_written_is_read_again() {
        let whole = record(Shard::WHOLE);
        assert!(!whole.scenarios.is_empty(), "nothing was found");
        assert_eq!(Record::from_lines(&whole.to_lines(), &ReadOptions::default()), Ok(whole));
    }

    #[test]
    fn parts_make_the_whole() {
        let parts = [part(1), part(0)]
            .map(|part| Record::from_lines(&part.to_lines(), &ReadOptions::default()).unwrap());
        assert_eq!(Record::merge(parts.to_vec()), Ok(record(Shard::WHOLE)));
    }

    #[test]
    fn a_campaign_is_the_same_under_another_name() {
        let mut parts = [part(0), part(1)];
        parts[1].header.target = "./bcr".to_owned();
        assert_eq!(Record::merge(parts.to_vec()), Ok(record(Shard::WHOLE)));
        parts[1].header.shape = "of something else".to_owned();
        let other = Record::merge(parts.to_vec());
        assert_eq!(other, Err((Some(1), RecordError::OtherCampaign)));
    }

    /// However it came to an end before its runs were made, unless it was to.
    #[test]
    fn a_campaign_that_was_cut_short_is_told_from_a_short_one() {
        let mut batches = 0;
        let mut once = |_: &Tally| {
            batches += 1;
            batches == 1
        };
        let whole = campaign(Shard::WHOLE);
        let cut = Record::of(&whole, "bcr", whole.run(&mut once));
        assert!(!cut.is_whole() && cut.tally.runs < 600, "{} runs", cut.tally.runs);
        let read = Record::from_lines(&cut.to_lines(), &ReadOptions::default()).unwrap();
        let (shard, runs) = (Shard::WHOLE, cut.tally.runs);
        let short = RecordError::Short { shard, runs, share: 600 };
        assert_eq!(Record::merge(vec![read]), Err((Some(0), short)));
        let enough = Campaign { stop_after: Some(1), ..whole };
        let short = Record::of(&enough, "bcr", enough.run(&mut |_| true));
        assert!(short.is_whole() && short.header.runs < 600, "{} runs", short.header.runs);
    }

    #[test]
    fn what_does_not_belong_together_is_not_put_together() {
        let (one, other) = (part(0), part(1));
        let twice = Record::merge(vec![one.clone(), one.clone()]);
        assert_eq!(twice, Err((Some(1), RecordError::Twice(0, 2))));
        let missing = RecordError::Missing { count: 2, missing: 1, first: 1 };
        assert_eq!(Record::merge(vec![one.clone()]), Err((None, missing)));
        let mut third = other.clone();
        third.header.shard.count = 3;
        third.header.runs = 900;
        let mut whole = one.clone();
        whole.header.runs = 900;
        whole.tally.runs = 450;
        let divided = Record::merge(vec![whole, third]);
        assert_eq!(divided, Err((Some(1), RecordError::OtherDivision(3, 2))));
        let mut short = one.clone();
        short.tally.runs = 7;
        let shard = Shard { index: 0, count: 2 };
        let cut = RecordError::Short { shard, runs: 7, share: 300 };
        assert_eq!(Record::merge(vec![short]), Err((Some(0), cut)));
        let mut many = one.clone();
        many.header.shard.count = u64::MAX;
        many.header.runs = 300;
        many.tally.runs = 1;
        let missing = RecordError::Missing { count: u64::MAX, missing: u64::MAX - 1, first: 1 };
        assert_eq!(Record::merge(vec![many]), Err((None, missing)));
        let mut stranger = other;
        stranger.header.seed = 9;
        let strange = Record::merge(vec![one.clone(), stranger]);
        assert_eq!(strange, Err((Some(1), RecordError::OtherCampaign)));
        let lines = one.to_lines();
        let read = |text: &str| Record::from_lines(text, &ReadOptions::default());
        let cut = lines.trim_end().rsplit_once('\n').unwrap().0;
        assert_eq!(read(cut), Err(RecordError::Cut("the last line is missing")));
        assert!(matches!(read("{}"), Err(RecordError::Line { line: 1, .. })));
        let newer = lines.replacen("\"format\":1", "\"format\":2", 1);
        assert_eq!(read(&newer), Err(RecordError::Format(2)));
    }

    #[test]
    fn damaged_lines_are_refused() {
        let lines = part(0).to_lines();
        let read = |text: &str| Record::from_lines(text, &ReadOptions::default());
        let without_finding: String = {
            let finding = lines.lines().position(|line| line.starts_with("{\"finding")).unwrap();
            let kept = lines.lines().enumerate().filter(|(place, _)| *place != finding);
            kept.map(|(_, line)| format!("{line}\n")).collect()
        };
        assert!(matches!(read(&without_finding), Err(RecordError::Cut(_))));
        assert!(matches!(read(&lines.repeat(2)), Err(RecordError::Line { .. })));
        for (from, to) in [
            ("\"count\":2}", "\"count\":0}"),
            ("\"index\":0,\"count\":2}", "\"index\":2,\"count\":2}"),
            ("\"held\":", "\"held\":9"),
            ("\"unended\":", "\"unended\":1844674407370955161"),
        ] {
            let damaged = lines.replacen(from, to, 1);
            assert_ne!(damaged, lines, "{from} is there");
            assert!(matches!(read(&damaged), Err(RecordError::Line { .. })), "{from} -> {to}");
        }
    }
}
