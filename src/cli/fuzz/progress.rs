//! How far a campaign is: a bar on a terminal, and a word from who runs it when it is to end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::shell::Shell;
use crate::explore::{Campaign, Tally};

/// Whether Ctrl-C was pressed.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// A stopwatch: how long a campaign takes is no part of what comes of it.
#[expect(clippy::disallowed_types, reason = "it is told to a person, and ends --for")]
struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_types, reason = "as above")]
    fn start() -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }

    fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Shows how far it is, and knows when it is to end.
pub(super) struct Progress {
    bar: ProgressBar,
    watch: Stopwatch,
    for_ns: Option<u64>,
}

impl Progress {
    /// For a campaign, which ends after so long if a time is given.
    pub(super) fn new(campaign: &Campaign, for_ns: Option<u64>) -> Progress {
        let length = match for_ns {
            Some(for_ns) => for_ns / 1_000_000_000,
            None => campaign.shard.share(campaign.runs),
        };
        Progress { for_ns, ..Progress::of_length(length) }
    }

    /// For a campaign that was run elsewhere.
    pub(super) fn of_shrinking() -> Progress {
        Progress::of_length(0)
    }

    fn of_length(length: u64) -> Progress {
        // Without a handler Ctrl-C ends the program at once, as it always did.
        let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
        let bar = ProgressBar::new(length);
        let style = ProgressStyle::with_template("{bar:30} {elapsed_precise} {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Progress { bar, watch: Stopwatch::start(), for_ns: None }
    }

    /// Shows what came so far; says whether more runs are to be made.
    pub(super) fn goes_on(&mut self, tally: &Tally) -> bool {
        let passed = self.watch.passed();
        self.bar.set_position(match self.for_ns {
            Some(_) => passed.as_secs(),
            None => tally.runs,
        });
        let coverage = &tally.coverage;
        self.bar.set_message(format!(
            "{} runs, {} a second, {} broke, {} cells, {} bigrams",
            tally.runs,
            rate(tally.runs, passed),
            tally.broke(),
            coverage.cells.len(),
            coverage.bigrams.len(),
        ));
        let is_over = self.for_ns.is_some_and(|for_ns| passed >= Duration::from_nanos(for_ns));
        !is_over && !INTERRUPTED.load(Ordering::Relaxed)
    }

    /// Says beside the outcome how fast that was.
    pub(super) fn runs_are_over(&mut self, tally: &Tally, shell: &mut Shell) {
        let passed = self.watch.passed();
        let early = if INTERRUPTED.load(Ordering::Relaxed) { "interrupted after " } else { "" };
        let (seconds, rate) = (passed.as_millis() / 1_000, rate(tally.runs, passed));
        self.bar.suspend(|| {
            shell.say(&format!("{early}{} runs in {seconds} s, {rate} a second", tally.runs));
        });
    }

    /// Shows how many findings are made small; says whether to go on.
    pub(super) fn shrinks(&mut self, done: usize, all: usize) -> bool {
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(format!("making finding {} of {all} small", done + 1));
        !INTERRUPTED.load(Ordering::Relaxed)
    }

    /// Takes the bar away.
    pub(super) fn is_over(&self) {
        self.bar.finish_and_clear();
    }
}

fn rate(runs: u64, passed: Duration) -> u128 {
    u128::from(runs) * 1_000 / passed.as_millis().max(1)
}
