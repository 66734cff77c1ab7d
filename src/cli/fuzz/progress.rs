//! How far a campaign is, and when it is to end.

use std::time::Duration;

use crate::cli::bar::{Bar, Moment, rate};
use crate::cli::shell::Shell;
use crate::explore::{Campaign, Tally};

/// When somebody presses Ctrl-C, or at some time.
pub(super) struct Deadline {
    until: Option<Moment>,
}

impl Deadline {
    /// Whether it is there.
    pub(super) fn is_over(&self) -> bool {
        Bar::is_interrupted() || self.until.as_ref().is_some_and(Moment::is_past)
    }
}

/// Shows how far it is, and knows when it is to end.
pub(super) struct Progress {
    bar: Bar,
    for_ns: Option<u64>,
    /// How long the runs took.
    made: Option<Duration>,
    /// Whether Ctrl-C ended the time for them.
    was_interrupted: bool,
}

impl Progress {
    /// For a campaign, which ends after so long if a time is given.
    pub(super) fn new(campaign: &Campaign, for_ns: Option<u64>) -> Progress {
        let length = match for_ns {
            Some(for_ns) => for_ns / 1_000_000_000,
            None => campaign.shard.share(campaign.runs),
        };
        Progress { bar: Bar::new(length), for_ns, made: None, was_interrupted: false }
    }

    /// For a campaign that was run elsewhere.
    pub(super) fn of_shrinking() -> Progress {
        Progress { bar: Bar::new(0), for_ns: None, made: None, was_interrupted: false }
    }

    /// Shows what came so far; says whether more runs are to be made.
    pub(super) fn goes_on(&mut self, tally: &Tally) -> bool {
        let passed = self.bar.passed();
        let coverage = &tally.coverage;
        let message = format!(
            "{} runs, {} a second, {} broke, {} cells, {} bigrams",
            tally.runs,
            rate(tally.runs, passed),
            tally.broke(),
            coverage.cells.len(),
            coverage.bigrams.len(),
        );
        let done = match self.for_ns {
            Some(_) => passed.as_secs(),
            None => tally.runs,
        };
        self.bar.shows(done, message) && !self.deadline().is_over()
    }

    /// When no more runs are to be made, for those who make them.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline { until: self.for_ns.map(|ns| self.bar.after(Duration::from_nanos(ns))) }
    }

    /// Says beside the outcome how fast that was.
    pub(super) fn runs_are_over(&mut self, tally: &Tally, shell: &mut Shell) {
        let passed = self.bar.passed();
        let is_before_time = |ns| passed < Duration::from_nanos(ns);
        self.was_interrupted = Bar::is_interrupted() && self.for_ns.is_some_and(is_before_time);
        self.made = Some(passed);
        self.bar.tells_speed(tally.runs, shell);
    }

    /// Whether Ctrl-C ended runs for which there was more time.
    pub(super) fn was_interrupted(&self) -> bool {
        self.was_interrupted
    }

    /// How fast it was, for people; no part of what came of it.
    pub(super) fn speed(&self, tally: &Tally) -> String {
        match self.made {
            Some(passed) => {
                let (runs, rate) = (tally.runs, rate(tally.runs, passed));
                format!("{runs} runs in {} s, {rate} a second.", passed.as_millis() / 1_000)
            }
            None => "The runs were made elsewhere.".to_owned(),
        }
    }

    /// Shows how many findings are made small.
    pub(super) fn shrinks(&mut self, done: usize, all: usize) {
        self.bar.has_length(all as u64);
        self.bar.shows(done as u64, format!("making finding {} of {all} small", done + 1));
    }

    /// Takes the bar away.
    pub(super) fn is_over(&self) {
        self.bar.ends();
    }
}
