//! What programs that serve tell of themselves: to people on standard error, to files, and on a
//! port for other programs.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::ValueEnum;
use tokio::time::Instant;
use tracing::Level;

use crate::net::{Board, LogFolder, LogForm, Notice, Plan, RecordFolder, Served, Window};

use super::shell::Shell;
use super::{Failure, args};

/// What a program tells of itself.
#[derive(clap::Args)]
pub(super) struct Telling {
    /// Write what happens to each process to a file of its own, in this folder.
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// How that is written.
    #[arg(long, value_name = "FORM", default_value = "text")]
    log_form: Form,
    /// Record what comes to each process, in this folder, for `perjury replay`. What is recorded
    /// holds the keys of all processes.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// How much is kept of each process's recording, in MiB; more drops what is oldest, and then it
    /// cannot be replayed.
    #[arg(long, value_name = "MIB", default_value_t = 1024, requires = "record",
          value_parser = clap::value_parser!(u64).range(1..1 << 30))]
    record_keep: u64,
    /// Show /metrics (for Prometheus), /healthz, /readyz and /status (for `perjury status`) there.
    #[arg(long, value_name = "ADDRESS", value_parser = args::address)]
    metrics: Option<SocketAddr>,
    /// Tell on standard error of what goes well, too.
    #[arg(long, short)]
    verbose: bool,
}

/// How logs of what happened on sockets are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// One line an event.
    Text,
    /// One JSON object a line.
    Json,
}

impl Telling {
    /// Lets a cluster of this plan tell what is asked for, as long as the window is kept.
    pub(super) fn begin<P: Served>(&self, plan: &mut Plan<P>) -> Result<Option<Window>, Failure> {
        let level = if self.verbose { Level::DEBUG } else { Level::WARN };
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_target(false)
            .with_ansi(io::stderr().is_terminal())
            .with_writer(io::stderr)
            .finish();
        // Where somebody listens already, he goes on.
        let _ = tracing::subscriber::set_global_default(subscriber);
        if let Some(folder) = &self.log {
            // Whoever wants logs learns here that there can be none, and not process by process.
            fs::create_dir_all(folder).map_err(Failure::at(folder))?;
        }
        let form = match self.log_form {
            Form::Text => LogForm::Text,
            Form::Json => LogForm::Json,
        };
        plan.log = self.log.clone().map(|folder| LogFolder { folder, form });
        plan.record = self.recording();
        let Some(address) = self.metrics else { return Ok(None) };
        let board = Board::default();
        plan.board = Some(board.clone());
        let window = Window::open(board, address);
        window.map(Some).map_err(|error| Failure::Usage(format!("--metrics {error}")))
    }

    fn recording(&self) -> Option<RecordFolder> {
        self.record.clone().map(|folder| {
            let keep_bytes = self.record_keep << 20;
            let usual = RecordFolder::new(folder);
            let segment_bytes = usual.segment_bytes.min(keep_bytes / 2);
            RecordFolder { keep_bytes, segment_bytes, ..usual }
        })
    }
}

/// Where the window is, for the operator.
pub(super) fn greet(window: Option<&Window>, shell: &mut Shell) -> io::Result<()> {
    use std::io::Write as _;
    match window {
        Some(window) => writeln!(shell, "metrics   http://{}/metrics", window.address()),
        None => Ok(()),
    }
}

/// How many refusals are told in a second: strangers can bring about any number.
const MOST_REFUSALS: u32 = 10;

/// The refusals of a second.
struct Refusals {
    since: Instant,
    told: u32,
    /// How many were not told since one was.
    kept_back: u64,
}

impl Refusals {
    /// Whether one more is told now; if so, how many were not told before it.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.told) = (now, 0);
        }
        if self.told == MOST_REFUSALS {
            self.kept_back += 1;
            return None;
        }
        self.told += 1;
        Some(std::mem::take(&mut self.kept_back))
    }
}

/// Tells the operator what was noticed, from whichever thread.
pub(super) fn say(notice: &Notice) {
    static REFUSALS: Mutex<Option<Refusals>> = Mutex::new(None);
    if matches!(notice, Notice::Refused { .. } | Notice::Unserved { .. }) {
        let now = Instant::now();
        // Whoever failed with the lock left whole numbers.
        let mut refusals = REFUSALS.lock().unwrap_or_else(PoisonError::into_inner);
        let none = Refusals { since: now, told: 0, kept_back: 0 };
        match refusals.get_or_insert(none).admit(now) {
            None => return,
            Some(0) => {}
            Some(more) => tracing::warn!("{more} refusals more were not told"),
        }
    }
    let text = shown(&notice.to_string());
    match notice {
        Notice::Begun { .. } => tracing::info!("{text}"),
        _ => tracing::warn!("{text}"),
    }
}

/// A notice holds what strangers sent: nothing in it moves the cursor of whoever reads it.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for sign in text.chars() {
        match sign {
            '\'' | '"' => shown.push(sign),
            _ => shown.extend(sign.escape_debug()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_shown_as_they_are_and_control_signs_as_what_they_are() {
        assert_eq!(shown("the users' \"own\"\x1b[2J\n"), "the users' \"own\"\\u{1b}[2J\\n");
    }

    #[test]
    fn of_very_many_refusals_few_are_told_and_the_others_counted() {
        let begin = Instant::now();
        let mut refusals = Refusals { since: begin, told: 0, kept_back: 0 };
        let mut at = |ms| refusals.admit(begin + Duration::from_millis(ms));
        assert!((0..10).all(|_| at(0) == Some(0)));
        assert!((0..7).all(|_| at(999).is_none()));
        assert_eq!((at(1000), at(1000), at(9000)), (Some(7), Some(0), Some(0)));
    }
}
