//! The command line: one file a command.
//!
//! Exit codes: 0 everything held; 1 a property broken or an expectation missed; 2 bad input;
//! 3 undecided, since a limit was reached; 4 not deterministic; 5 broken beyond tolerance.

mod args;
mod bar;
mod bench;
mod check;
mod client;
mod convert;
mod diff;
mod explain;
mod explore;
mod export;
mod files;
mod fuzz;
mod held_still;
mod junit;
mod keys;
mod lint;
mod logged;
mod new;
mod node;
mod pictured;
mod place;
mod real;
mod replay;
mod run;
mod schema;
mod serve;
mod shell;
mod shrink;
mod status;
mod step;
mod sweep;
mod tell;
mod telling;
mod test;
mod view;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::run::{Refusal, Report};
use crate::scenario::Verdict;

use shell::Shell;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Held = 0,
    Broken = 1,
    BadInput = 2,
    Undecided = 3,
    NotDeterministic = 4,
    BeyondTolerance = 5,
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Held => Exit::Held,
            Verdict::Broken => Exit::Broken,
            Verdict::BeyondTolerance => Exit::BeyondTolerance,
            Verdict::Undecided => Exit::Undecided,
        }
    }
}

impl Exit {
    /// How `run` ends after this run.
    fn of(report: &Report) -> Exit {
        match Exit::from(report.verdict) {
            Exit::Held if !report.missed.is_empty() => Exit::Broken,
            exit => exit,
        }
    }
}

/// Why a command was given up.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A file could not be read.
    #[error("{path}: {error}; check the path and the permissions")]
    File {
        path: String,
        #[source]
        error: io::Error,
    },
    /// The scenario is not run.
    #[error("{path}: {refusal}")]
    Refused { path: String, refusal: Refusal },
    /// Somebody does not want it any more.
    #[error("stopped by a signal")]
    Stopped,
    /// What is wrong with the input has been said already.
    #[error("the input was refused")]
    Said,
    /// Anything else that the user can mend.
    #[error("{0}")]
    Usage(String),
}

impl Failure {
    /// What is wrong at this path.
    fn at(path: &Path) -> impl Fn(io::Error) -> Failure {
        move |error| Failure::File { path: path.display().to_string(), error }
    }
}

type Outcome = Result<Exit, Failure>;

/// A deterministic simulator for replicated key-value stores under crash, timing and Byzantine
/// faults: one scenario and one seed are one run, byte for byte.
#[derive(Parser)]
#[command(name = "perjury", version, propagate_version = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  perjury new bcr > mine.toml            a commented scenario to start from
  perjury run mine.toml                  run it and print the verdict
  perjury run mine.toml --log text       the same, with every event
  perjury view mine.toml                 draw it: a page for a browser
  perjury test scenarios                 hold every scenario against what it expects
  perjury fuzz bcr --runs 10000          draw scenarios with faults, and find what breaks
  perjury check mine.toml                is it the same run in another process?
  perjury serve --t 1                    the same protocol on real sockets; then perjury client

Exit codes: 0 everything held; 1 a property broken or an expectation missed; 2 bad input;
3 undecided, since a limit was reached; 4 not deterministic; 5 broken beyond tolerance.";

#[derive(Subcommand)]
enum Command {
    /// Run a scenario and print the verdict.
    Run(run::Args),
    /// Run scenarios, hold each against what it expects.
    Test(test::Args),
    /// Read scenarios and explain what is wrong with them; run nothing.
    Lint(lint::Args),
    /// Draw scenarios with faults, run them, and make small what breaks.
    Fuzz(fuzz::Args),
    /// Run a scenario with every failure at every message and place, as a matrix.
    Sweep(sweep::Args),
    /// Explain a violation: what led to it, and from when on it was unavoidable.
    Explain(explain::Args),
    /// Make a broken scenario small.
    Shrink(shrink::Args),
    /// Print a scenario in its TOML form.
    Convert(convert::Args),
    /// Print a commented scenario to start from.
    New(new::Args),
    /// Run a scenario again in another process, and find the first event that differs.
    Check(check::Args),
    /// Find the first event in which two runs part.
    Diff(diff::Args),
    /// Draw a run: a page of one file, to be opened in a browser.
    View(view::Args),
    /// Write a run in a form that other programs read.
    Export(export::Args),
    /// Walk every order of a small scenario, under its judges.
    Explore(explore::Args),
    /// Run a scenario by hand: see what is pending, choose, look at a process.
    Step(step::Args),
    /// Serve a replicated dictionary on real sockets.
    Serve(serve::Args),
    /// Run one node of a cluster on many machines.
    Node(node::Args),
    /// Make the key of a node.
    Keys(keys::Args),
    /// Ask a cluster that is served: once, by hand, or with a load.
    Client(client::Args),
    /// Show how a cluster is that is being served.
    Status(status::Args),
    /// Replay what was recorded on real sockets, under its judges.
    Replay(replay::Args),
    /// Measure the protocols on real sockets.
    Bench(bench::Args),
    /// Print the JSON Schema of scenarios, for editors, or that of a log's lines.
    Schema(schema::Args),
    /// Print a script that completes commands in a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Tell another process about a run: the other half of `check`.
    #[command(hide = true)]
    Tell(tell::Args),
    /// Play a node's part in a run on real sockets: the other half of `run --real`.
    #[command(hide = true)]
    Part(real::part::Args),
}

/// Runs the command line with this process's arguments and streams.
pub fn main() -> ExitCode {
    ExitCode::from(with_arguments(std::env::args_os()) as u8)
}

fn with_arguments(arguments: impl Iterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let wrong = error.use_stderr();
            // A closed pipe takes the help text from nobody.
            let _ = error.print();
            return if wrong { Exit::BadInput } else { Exit::Held };
        }
    };
    let mut shell = Shell::of_this_process();
    let outcome = cli.command.carry_out(&mut shell);
    let flushed = shell.flush();
    match outcome.and_then(|exit| flushed.map(|()| exit).map_err(Failure::from)) {
        Ok(exit) => exit,
        Err(Failure::Said) => Exit::BadInput,
        Err(failure) => {
            shell.complain(&failure.to_string());
            if matches!(failure, Failure::Stopped) { Exit::Undecided } else { Exit::BadInput }
        }
    }
}

/// A command without its hidden ones, which completions would offer.
fn visible(whole: clap::Command) -> clap::Command {
    let visible = whole.get_subcommands().filter(|one| !one.is_hide_set()).cloned();
    let visible: Vec<clap::Command> = visible.collect();
    let bare = clap::Command::new("perjury").args(whole.get_arguments().cloned());
    bare.version(env!("CARGO_PKG_VERSION")).propagate_version(true).subcommands(visible)
}

/// So many jobs run at a time at most: more would only wait for each other.
const MOST_JOBS: usize = 256;

/// Threads for so many jobs; for 0, or where nothing is said, one for each processor.
fn pool(jobs: Option<usize>) -> Result<rayon::ThreadPool, Failure> {
    let jobs = jobs.unwrap_or(0).min(MOST_JOBS);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build();
    pool.map_err(|error| Failure::Usage(format!("--jobs {jobs}: {error}; ask for less")))
}

impl Command {
    fn carry_out(self, shell: &mut Shell) -> Outcome {
        match self {
            Command::Run(args) => run::run(&args, shell),
            Command::Test(args) => test::test(&args, shell),
            Command::Lint(args) => lint::lint(&args, shell),
            Command::Fuzz(args) => fuzz::fuzz(&args, shell),
            Command::Sweep(args) => sweep::sweep(&args, shell),
            Command::Explain(args) => explain::explain(&args, shell),
            Command::Shrink(args) => shrink::shrink(&args, shell),
            Command::Convert(args) => convert::convert(&args, shell),
            Command::New(args) => new::new(&args, shell),
            Command::Check(args) => check::check(&args, shell),
            Command::Diff(args) => diff::diff(&args, shell),
            Command::View(args) => view::view(&args, shell),
            Command::Export(args) => export::export(&args, shell),
            Command::Explore(args) => explore::explore(&args, shell),
            Command::Step(args) => step::step(&args, shell),
            Command::Serve(args) => serve::serve(&args, shell),
            Command::Node(args) => node::node(&args, shell),
            Command::Keys(args) => keys::keys(&args, shell),
            Command::Client(args) => client::client(&args, shell),
            Command::Status(args) => status::status(&args, shell),
            Command::Replay(args) => replay::replay(&args, shell),
            Command::Bench(args) => bench::bench(&args, shell),
            Command::Schema(args) => schema::schema(&args, shell),
            Command::Completions { shell: kind } => {
                clap_complete::generate(kind, &mut visible(Cli::command()), "perjury", shell);
                Ok(Exit::Held)
            }
            Command::Tell(args) => tell::tell(&args, shell),
            Command::Part(args) => real::part::part(&args, shell),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_more_threads_than_can_be_of_use() {
        let threads = |jobs| pool(Some(jobs)).expect("they can be had").current_num_threads();
        assert_eq!(threads(100_000), MOST_JOBS);
        assert_eq!(threads(4), 4);
    }
}
