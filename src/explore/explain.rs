//! Why a run broke: what led to the violation, which other run is nearest that does not break, and
//! from which event on it could not be avoided any more.
//!
//! At many points of the run it is gone on with many times, each time under other answers: faults
//! happen as they are written, messages take other times. The share of these futures in which the
//! same judge finds fault is the chance of the violation at that point. Where it jumps is what
//! decided the run; from where it stays at one, nothing could have helped.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::identity::Address;
use crate::judge::Finding;
use crate::run::{self, Digesting, Nobody, Onlooker, Refusal, Report};
use crate::scenario::Scenario;
use crate::trace::{Happening, Line, Lines};

use super::shrink;
use super::slice::Slice;
use super::trial::Charge;

/// At how many points of a run its chance is taken first, at most.
const POINTS: usize = 128;

/// How often the violation comes, from one point of the run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance {
    /// How many steps of the world lie before the point.
    pub steps: u64,
    /// The last event before it.
    pub event: u64,
    /// When that was.
    pub at_ns: u64,
    /// In how many futures the same judge found fault.
    pub broke: u32,
}

/// Where two runs part.
#[derive(Clone, Debug)]
pub struct Parting {
    /// What makes the other run another: a part of the scenario that is left out, or other delays.
    pub without: String,
    /// The first event that differs.
    pub event: u64,
    /// What it is in the run that breaks.
    pub here: Option<Line>,
    /// What it is in the one that does not.
    pub there: Option<Line>,
}

/// Why a run broke.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The run.
    pub report: Report,
    /// What is explained.
    pub finding: Finding,
    /// What broke.
    pub charge: Charge,
    /// What led to it.
    pub past: Slice,
    /// Whether the same breaks when every process stops after its part in that; not tried for
    /// liveness, of which the whole run is a part.
    pub is_enough: Option<bool>,
    /// How many futures were drawn at each point.
    pub futures: u32,
    /// The chances, in the order of the run.
    pub chances: Vec<Chance>,
    /// The event after which the chance rose most, with the chances before and after it; none if it
    /// rose nowhere by a good part.
    pub jump: Option<(Line, u32, u32)>,
    /// The first event after which every future breaks; none if the last one before the violation
    /// still leaves a way out.
    pub unavoidable: Option<Line>,
    /// Where the nearest run parts that does not break: of those with one part of the scenario
    /// less, and of the futures from the last point that leaves a way out, the one that parts last.
    pub nearest: Option<Parting>,
}

/// Explains the first violation of a scenario, with so many futures at each point; none if nothing
/// breaks. Uses the threads of the pool that this is called in.
///
/// # Errors
/// A scenario that is not run.
pub fn explain(scenario: &Scenario, futures: u32) -> Result<Option<Explanation>, Refusal> {
    explain_what(scenario, None, futures)
}

/// The same for what this judge found.
///
/// # Errors
/// A scenario that is not run.
pub fn explain_what(
    scenario: &Scenario,
    judge: Option<&str>,
    futures: u32,
) -> Result<Option<Explanation>, Refusal> {
    let mut lines = Vec::new();
    let mut keep = |line: Line| lines.push(line);
    let report = run::run_logged(scenario, Some(&mut keep))?;
    let is_wanted = |found: &&Finding| judge.is_none_or(|judge| judge == found.judge);
    let findings = report.rulings.iter().filter_map(|ruling| ruling.finding.as_ref());
    let Some(finding) = findings.filter(is_wanted).min_by_key(|found| found.event).cloned() else {
        return Ok(None);
    };
    let Some(charge) = Charge::of_judge(&report, finding.judge) else {
        return Ok(None);
    };
    let event = finding.event;
    let past = Slice::of_finding(&lines, &finding);
    let is_enough = match charge.judge.as_str() {
        run::LIVENESS => None,
        _ => Some(is_enough(scenario, &past, &charge)?),
    };
    let drawing = Drawing { scenario, charge: &charge, futures };
    let chances = drawing.chances(event)?;
    let line_after = |chance: &Chance| lines.get(chance.event as usize).cloned();
    let jump = jump(&chances)
        .filter(|(before, after)| 5 * (after.broke - before.broke) >= futures)
        .and_then(|(before, after)| Some((line_after(&before)?, before.broke, after.broke)));
    let settled = chances.iter().rposition(|chance| chance.broke < futures);
    let unavoidable = match settled {
        Some(place) if place + 1 == chances.len() => None,
        Some(place) => line_after(&chances[place]),
        None => lines.first().cloned(),
    };
    let other_delays = match settled {
        Some(place) => drawing.nearest_future(&chances[place], &lines)?,
        None => None,
    };
    let one_less = drawing.nearest_without_a_part(&lines)?;
    let nearest = one_less.into_iter().chain(other_delays).max_by_key(|parting| parting.event);
    Ok(Some(Explanation {
        report,
        finding,
        charge,
        past,
        is_enough,
        futures,
        chances,
        jump,
        unavoidable,
        nearest,
    }))
}

/// The two neighbours between which the chance rises most.
fn jump(chances: &[Chance]) -> Option<(Chance, Chance)> {
    let pairs = chances.windows(2).map(|pair| (pair[0], pair[1]));
    let rise = |(before, after): &(Chance, Chance)| after.broke.saturating_sub(before.broke);
    let most = pairs.clone().map(|pair| rise(&pair)).max().filter(|most| *most > 0)?;
    pairs.into_iter().find(|pair| rise(pair) == most)
}

/// Draws futures of one run.
struct Drawing<'a> {
    scenario: &'a Scenario,
    charge: &'a Charge,
    futures: u32,
}

impl Drawing<'_> {
    /// The chances at some points before an event: evenly spread first, then at every step between
    /// the two where they rise most, and between the two after which all futures break.
    fn chances(&self, event: u64) -> Result<Vec<Chance>, Refusal> {
        let last = steps_before(self.scenario, event)?;
        let stride = last.div_ceil(POINTS as u64).max(1);
        let spread: Vec<u64> = (0..=last).filter(|step| step.is_multiple_of(stride)).collect();
        let mut chances = self.at(&spread)?;
        if stride > 1 {
            let settled = chances.iter().rposition(|chance| chance.broke < self.futures);
            let settles = settled.and_then(|at| Some((chances[at], *chances.get(at + 1)?)));
            let spans: BTreeSet<(u64, u64)> = [jump(&chances), settles]
                .into_iter()
                .flatten()
                .map(|(before, after)| (before.steps, after.steps))
                .collect();
            for (before, after) in spans {
                let between: Vec<u64> = (before + 1..after).collect();
                chances.extend(self.at(&between)?);
            }
            chances.sort_by_key(|chance| chance.steps);
        }
        Ok(chances)
    }

    fn at(&self, steps: &[u64]) -> Result<Vec<Chance>, Refusal> {
        let chance = |steps: &u64| chance(self.scenario, *steps, self.charge, self.futures);
        steps.par_iter().map(chance).collect()
    }

    /// The future that parts last of those that do not break, from the last point that has one.
    fn nearest_future(&self, from: &Chance, lines: &[Line]) -> Result<Option<Parting>, Refusal> {
        let mut nearest: Option<Parting> = None;
        for number in 0..self.futures {
            let (report, other) = future(self.scenario, from.steps, number)?;
            if !self.charge.is_shown_by(&report) {
                let parting = parting("with other delays".to_owned(), lines, &other);
                nearest = nearest.into_iter().chain([parting]).max_by_key(|one| one.event);
            }
        }
        Ok(nearest)
    }

    /// The run that parts last of those of the scenario with one part less, and do not break.
    fn nearest_without_a_part(&self, lines: &[Line]) -> Result<Option<Parting>, Refusal> {
        let all = shrink::one_part_less(self.scenario);
        let tried = all.into_par_iter().map(|(part, scenario)| {
            let mut other = Vec::new();
            let mut keep = |line: Line| other.push(line);
            let report = run::run_logged(&scenario, Some(&mut keep))?;
            let passes = !self.charge.is_shown_by(&report);
            Ok(passes.then(|| parting(format!("without {part}"), lines, &other)))
        });
        let passing: Vec<Option<Parting>> = tried.collect::<Result<_, Refusal>>()?;
        Ok(passing.into_iter().flatten().max_by_key(|parting| parting.event))
    }
}

/// Where a run parts from another one, which is another for this reason.
fn parting(without: String, lines: &[Line], other: &[Line]) -> Parting {
    let parted = lines.iter().zip(other).position(|(a, b)| a != b);
    let place = parted.unwrap_or(lines.len().min(other.len()));
    let (here, there) = (lines.get(place).cloned(), other.get(place).cloned());
    Parting { without, event: place as u64 + 1, here, there }
}

/// How many steps there are before an event comes.
fn steps_before(scenario: &Scenario, event: u64) -> Result<u64, Refusal> {
    let mut run = run::begin(scenario, Digesting::No)?;
    let mut steps = 0;
    while run.step(&mut Nobody).is_none() && run.events() < event {
        steps += 1;
    }
    Ok(steps)
}

/// The seed of a future; the same one at every point, so that points differ by what happened.
fn seed(future: u32) -> u64 {
    u64::from(future) + 1
}

/// Goes on from one point many times.
fn chance(
    scenario: &Scenario,
    steps: u64,
    charge: &Charge,
    futures: u32,
) -> Result<Chance, Refusal> {
    let mut run = run::begin(scenario, Digesting::No)?;
    run.run_for(steps, &mut Nobody);
    let breaks = |future: &u32| {
        let mut run = run.fork();
        run.redraw(seed(*future));
        let stop = run.run(&mut Nobody);
        charge.is_shown_by(&run.report(stop))
    };
    let broke = (0..futures).filter(breaks).count() as u32;
    Ok(Chance { steps, event: run.events(), at_ns: run.now_ns(), broke })
}

/// Goes on from one point once, and keeps the lines from the beginning on.
fn future(scenario: &Scenario, steps: u64, future: u32) -> Result<(Report, Vec<Line>), Refusal> {
    let mut lines = Vec::new();
    let mut onlooker = Lines::new(|line: Line| lines.push(line));
    let mut run = run::begin(scenario, Digesting::No)?;
    run.run_for(steps, &mut onlooker);
    run.redraw(seed(future));
    let stop = run.run(&mut onlooker);
    Ok((run.report(stop), lines))
}

/// Runs the past of a violation alone: every process stands still after its last event in it.
fn is_enough(scenario: &Scenario, past: &Slice, charge: &Charge) -> Result<bool, Refusal> {
    let mut parts: BTreeMap<Address, u64> = BTreeMap::new();
    for line in &past.lines {
        *parts.entry(line.process).or_insert(0) += 1;
    }
    let mut run = run::begin(scenario, Digesting::No)?;
    let mut played = Parts::default();
    let stop = loop {
        if let Some(stop) = run.step(&mut played) {
            break stop;
        }
        let over = played
            .events
            .iter()
            .filter(|(process, events)| **events >= parts.get(process).copied().unwrap_or(0));
        let over: Vec<Address> = over.map(|(process, _)| *process).collect();
        for process in over {
            played.events.remove(&process);
            played.are_over.push(process);
            run.pause(process, scenario.limits.time_ns);
        }
    };
    Ok(charge.is_shown_by(&run.report(stop)))
}

/// How far each process has come in its part, as an onlooker.
#[derive(Clone, Debug, Default)]
struct Parts {
    events: BTreeMap<Address, u64>,
    are_over: Vec<Address>,
}

impl Onlooker for Parts {
    fn see(&mut self, event: &dyn Happening) {
        if !event.is_pause() && !self.are_over.contains(&event.process()) {
            *self.events.entry(event.process()).or_insert(0) += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(text: &str) -> Scenario {
        let reading = crate::scenario::read("test", text.as_bytes(), &Default::default());
        reading.scenario.expect("it is a scenario")
    }

    fn lost() -> Scenario {
        scenario(include_str!("../../scenarios/bcr/accepted_operation_lost_under_quorum.toml"))
    }

    #[test]
    fn the_past_is_enough_and_the_chance_ends_at_one() {
        let why = explain(&lost(), 16).unwrap().expect("it breaks");
        assert_eq!(why.charge.judge, "extension");
        assert_eq!(why.is_enough, Some(true));
        let last = why.chances.last().expect("there are points");
        assert_eq!(last.broke, 16, "{:?}", why.chances);
        let rising = why.chances.is_sorted_by_key(|chance| (chance.steps, chance.event));
        assert!(rising);
    }

    /// The verdict rests on what each correct replica executed, which none of them told Olympus.
    #[test]
    fn what_all_have_executed_is_in_the_past_of_its_loss() {
        let unbound = scenario(
            "protocol = \"bcr\"\nt = 1\nquirk = \"wedging_does_not_bind\"\n\
             [checkpoint]\nevery = 1\n\
             [[client]]\nworkload = \"get('a'); get('a'); get('j')\"\n\
             [[client]]\nworkload = \"get('o')\"\n\
             [[fault]]\nreplica = 2\nwhen = \"checkpoint(0)\"\nthen = \"lie_result()\"\n",
        );
        let why = explain(&unbound, 1).unwrap().expect("it breaks");
        let lost = "every correct replica has executed slot 4 of configuration 0";
        assert!(why.finding.text.starts_with(lost), "{}", why.finding.text);
        let ordered = |line: &&Line| {
            line.to_string().contains(": noted ordered") && line.to_string().contains(" slot=4 ")
        };
        let by: Vec<String> =
            why.past.lines.iter().filter(ordered).map(|line| line.process.to_string()).collect();
        assert_eq!(by, ["replica 0.0", "replica 0.1"]);
        assert_eq!(why.is_enough, Some(true));
    }

    #[test]
    fn what_decides_a_race_is_named() {
        // Whether the head or replica 2 answers Olympus first decides which quorum is tried.
        let mut race = lost();
        race.faults.retain(|fault| fault.replica != 0);
        race.schedule = crate::scenario::Schedule::Random { mean_ns: 2_000_000 };
        let broken = (0..200).find_map(|seed| {
            let race = Scenario { seed, ..race.clone() };
            explain(&race, 24).unwrap().filter(|why| why.charge.judge == "extension")
        });
        let why = broken.expect("some order breaks it");
        let first = why.chances.first().expect("there are points").broke;
        let (line, before, after) = why.jump.expect("it is decided somewhere");
        // There the head answers, which settles how long its answer takes: longer than the other.
        let decided = "0.015269694 #68 <49 replica 0.0: received wedge_request from=olympus";
        assert!(line.to_string().starts_with(decided), "{line}");
        assert_eq!((first, before, after), (8, 5, 24), "of 24 futures, so many break");
        let nearest = why.nearest.expect("some future passes");
        assert_eq!((nearest.event, nearest.here.is_some()), (72, true));
        let unavoidable = why.unavoidable.expect("it is decided before it shows");
        assert_eq!(unavoidable.number, line.number);
    }

    #[test]
    fn what_holds_needs_no_explanation() {
        let text = "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"get('k')\"\n";
        assert!(explain(&scenario(text), 4).unwrap().is_none());
    }
}
