//! A bar that shows how far a long command is, on a terminal; and whether it is to end early.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::shell::Shell;

/// Whether Ctrl-C was pressed.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// A moment of the world outside.
#[expect(clippy::disallowed_types, reason = "it ends --for")]
pub(super) struct Moment(std::time::Instant);

impl Moment {
    /// Whether it is past.
    #[expect(clippy::disallowed_types, reason = "as above")]
    pub(super) fn is_past(&self) -> bool {
        std::time::Instant::now() >= self.0
    }
}

/// A bar, and a stopwatch: how long a command takes is no part of what comes of it.
pub(super) struct Bar {
    bar: ProgressBar,
    #[expect(clippy::disallowed_types, reason = "it is told to a person, and ends --for")]
    start: std::time::Instant,
}

impl Bar {
    /// For so much to do; nothing is shown where nobody looks at a terminal.
    #[expect(clippy::disallowed_types, reason = "as above")]
    pub(super) fn new(length: u64) -> Bar {
        // Without a handler Ctrl-C ends the program at once. With it, whatever is long asks again
        // and again whether it is to end; a second one changes nothing.
        let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
        let bar = ProgressBar::new(length);
        let style = ProgressStyle::with_template("{bar:30} {elapsed_precise} {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Bar { bar, start: std::time::Instant::now() }
    }

    /// So much is done; says whether to go on.
    pub(super) fn shows(&self, done: u64, message: String) -> bool {
        self.bar.set_position(done);
        self.bar.set_message(message);
        !Bar::is_interrupted()
    }

    /// There is so much to do, from now on.
    pub(super) fn has_length(&self, length: u64) {
        self.bar.set_length(length);
    }

    /// So long after it began.
    pub(super) fn after(&self, time: Duration) -> Moment {
        Moment(self.start + time)
    }

    /// How long it has taken so far.
    pub(super) fn passed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Whether somebody wants it to end.
    pub(super) fn is_interrupted() -> bool {
        INTERRUPTED.load(Ordering::Relaxed)
    }

    /// How many runs were made so far, and how fast, for people.
    pub(super) fn speed(&self, runs: u64) -> String {
        let passed = self.passed();
        format!("{runs} runs in {} s, {} a second.", passed.as_millis() / 1_000, rate(runs, passed))
    }

    /// Says beside the output how many runs were made, and how fast.
    pub(super) fn tells_speed(&self, runs: u64, shell: &mut Shell) {
        let passed = self.passed();
        let early = if Bar::is_interrupted() { "interrupted after " } else { "" };
        let (seconds, rate) = (passed.as_millis() / 1_000, rate(runs, passed));
        self.bar.suspend(|| {
            shell.say(&format!("{early}{runs} runs in {seconds} s, {rate} a second"));
        });
    }

    /// It goes away.
    pub(super) fn ends(&self) {
        self.bar.finish_and_clear();
    }
}

/// So many a second.
pub(super) fn rate(runs: u64, passed: Duration) -> u128 {
    u128::from(runs) * 1_000 / passed.as_millis().max(1)
}
