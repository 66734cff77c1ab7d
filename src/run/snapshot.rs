//! A run as a text that a pull request can show to have changed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::scenario::Scenario;
use crate::trace::{FORMAT, Line};

use super::{Refusal, Report, run_logged};

/// A run with more events is told in outline: what matters of its course, and counts.
pub const WHOLE: usize = 2_000;

/// How many events an outline names.
const NAMED: usize = 200;

const TAKES_ALL: &str = "a string takes all that is written";

/// The log of a run and what came of it, for tests that hold it still: the same text on every
/// machine. `perjury test --bless` keeps it beside a scenario; a test of one's own hands it to
/// `insta::assert_snapshot!`.
///
/// ```
/// let text = "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"put('k','v')\"";
/// let reading = perjury::scenario::read("held still", text.as_bytes(), &Default::default());
/// let scenario = reading.scenario.expect("the text above is a scenario");
/// let snapshot = perjury::run::snapshot(&scenario).expect("it names no choice");
/// assert!(snapshot.contains("client 0: noted answered client=0 request=0 result=\"OK\""));
/// assert!(snapshot.ends_with("verdict: held\n"));
/// ```
///
/// # Errors
/// A scenario that is not run.
pub fn snapshot(scenario: &Scenario) -> Result<String, Refusal> {
    Ok(snapshot_and_report(scenario)?.1)
}

/// The same with what else came of the run.
///
/// # Errors
/// As above.
pub fn snapshot_and_report(scenario: &Scenario) -> Result<(Report, String), Refusal> {
    let mut told = Told::default();
    let report = run_logged(scenario, Some(&mut |line| told.take(&line)))?;
    let text = told.text(&report);
    Ok((report, text))
}

/// What such texts begin with.
pub const SNAPSHOTS_BEGIN: [&str; 2] = ["A run of ", "The outline of a run of "];

/// What is kept of a run until it is known how long it is.
#[derive(Default)]
struct Told {
    events: usize,
    /// The first lines of all, as they print.
    lines: Vec<String>,
    /// The first of those that matter.
    telling: Vec<String>,
    counts: BTreeMap<(&'static str, &'static str), u64>,
}

impl Told {
    fn take(&mut self, line: &Line) {
        self.events += 1;
        *self.counts.entry((line.event, line.kind.unwrap_or_default())).or_insert(0) += 1;
        if self.lines.len() < WHOLE {
            self.lines.push(line.to_string());
        }
        if line.is_telling() && self.telling.len() < NAMED {
            self.telling.push(line.to_string());
        }
    }

    fn text(&self, report: &Report) -> String {
        let mut text = String::new();
        if self.events <= WHOLE {
            let [begin, _] = SNAPSHOTS_BEGIN;
            writeln!(text, "{begin}{} events, format {FORMAT}.\n", self.events).expect(TAKES_ALL);
            self.lines.iter().for_each(|line| writeln!(text, "{line}").expect(TAKES_ALL));
        } else {
            self.outline(&mut text, report);
        }
        text.push('\n');
        for (client, record) in report.clients.iter().enumerate() {
            let (answered, asked) = (record.answered, record.asked);
            writeln!(text, "client {client}: {answered} of {asked} answered").expect(TAKES_ALL);
        }
        for (key, value) in &report.dictionary {
            writeln!(text, "dictionary: {key:?} = {value:?}").expect(TAKES_ALL);
        }
        report.faulty_replicas().for_each(|line| writeln!(text, "{line}").expect(TAKES_ALL));
        for finding in report.rulings.iter().filter_map(|ruling| ruling.finding.as_ref()) {
            let (judge, event) = (finding.judge, finding.event);
            writeln!(text, "broken: {judge}: {} (event {event})", finding.text).expect(TAKES_ALL);
        }
        writeln!(text, "verdict: {}", report.verdict).expect(TAKES_ALL);
        text
    }

    /// The first events that matter, how many there are of each kind, and the digest of all.
    fn outline(&self, text: &mut String, report: &Report) {
        let events = self.events;
        let [_, begin] = SNAPSHOTS_BEGIN;
        writeln!(text, "{begin}{events} events, format {FORMAT}.\n").expect(TAKES_ALL);
        self.telling.iter().for_each(|line| writeln!(text, "{line}").expect(TAKES_ALL));
        text.push('\n');
        for ((event, kind), count) in &self.counts {
            writeln!(text, "{count:8} {event} {kind}").expect(TAKES_ALL);
        }
        writeln!(text, "digest {:#}", report.digest).expect(TAKES_ALL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    fn read(text: &str) -> Scenario {
        let reading = scenario::read("test", text.as_bytes(), &Default::default());
        reading.scenario.expect("it is a scenario")
    }

    #[test]
    fn a_short_run_is_told_whole_and_a_long_one_in_outline() {
        let with = |requests: u32| {
            read(&format!(
                "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"pseudorandom(1,{requests})\"\n"
            ))
        };
        let short = snapshot(&with(3)).unwrap();
        let lines = short.lines().filter(|line| line.contains(" #")).count();
        assert!(short.starts_with(&format!("A run of {lines} events, format 1.\n")), "{short}");
        assert_eq!(short, snapshot(&with(3)).unwrap());
        let long = snapshot(&with(300)).unwrap();
        assert!(long.starts_with("The outline of a run of "), "{long}");
        assert_eq!(long.lines().count(), 235);
        assert!(long.contains(" sent shuttle\n"), "{long}");
        assert!(long.contains("\ndigest ") && long.ends_with("verdict: held\n"), "{long}");
    }

    #[test]
    fn what_breaks_is_in_it() {
        let text = include_str!("../../scenarios/bcr/accepted_operation_lost_under_quorum.toml");
        let snapshot = snapshot(&read(text)).unwrap();
        assert!(snapshot.contains("\nbroken: extension: a client accepted"), "{snapshot}");
        assert!(snapshot.ends_with("verdict: broken\n"), "{snapshot}");
    }
}
