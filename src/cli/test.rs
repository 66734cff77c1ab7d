//! `perjury test`: run scenarios, hold each against what it expects.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use crate::run::{self, Report};
use crate::scenario::{Diagnosis, Scenario, Severity, Verdict};
use crate::time::Instant;
use crate::words::counted;

use super::args::{Reader, replay};
use super::held_still;
use super::junit::JUnit;
use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Run scenarios, hold each against what it expects.
#[derive(clap::Args)]
#[command(after_help = "\
A file that says nothing of its verdict must hold, or break beyond what its protocol bears. Where a
log of the run is recorded beside a file, with --bless, the run must be that one, unless options
change it.

Examples:
  perjury test scenarios
  perjury test --lenient old-tests --junit report.xml")]
pub(super) struct Args {
    /// Scenarios, or folders with files that end in .toml, .txt, .conf or .config.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
    #[command(flatten)]
    reader: Reader,
    /// How many run at a time, at most 256; one for each processor, without.
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<usize>,
    /// Write the outcome to this file, in the XML form that build servers read.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Tell what no scenario reached that a good suite reaches.
    #[arg(long)]
    reach: bool,
    /// Record the log of each run beside its scenario, in a file of its name and .log; from then on
    /// a run that differs from it fails. Long runs are recorded in outline, with their digest; runs
    /// that fail are not.
    #[arg(long)]
    bless: bool,
    /// Show those alone that are not as expected, and the summary.
    #[arg(long, short)]
    quiet: bool,
}

/// What came of a file.
pub(super) struct Case {
    /// The file.
    pub(super) path: String,
    /// What came of it.
    pub(super) found: Found,
    /// What it reached.
    pub(super) reached: BTreeSet<&'static str>,
    /// The command that runs it again.
    pub(super) again: String,
}

/// What can come of a file.
pub(super) enum Found {
    /// It did what it had to; in a few words.
    AsExpected(String),
    /// It broke, with more faults than the protocol bears, and says nothing of that; in what.
    BeyondTolerance(Vec<String>),
    /// It differs from what is expected: in this.
    Failed(Vec<String>),
    /// It is no scenario, for these reasons.
    Refused(Vec<Reason>),
    /// A bug of ours.
    Panicked,
}

/// Why a file is no scenario.
pub(super) struct Reason {
    /// The line and column in the file, both from 1, where it has to do with a place in it.
    at: Option<(usize, usize)>,
    /// What is wrong, and what to do.
    what: String,
}

impl Reason {
    /// One that has nothing to do with a place in the file.
    pub(super) fn of_all(what: String) -> Reason {
        Reason { at: None, what }
    }

    /// What was found in this file, or in what it was read with: an option, for instance.
    fn found(found: &Diagnosis, path: &str) -> Reason {
        match found.source().name() == path {
            true => Reason { at: Some(found.line_and_column()), what: found.placeless() },
            false => Reason::of_all(found.compact()),
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some((line, column)) = self.at {
            write!(f, "{line}:{column}: ")?;
        }
        f.write_str(&self.what)
    }
}

impl Case {
    /// Whether a suite fails for it.
    fn is_failure(&self) -> bool {
        !matches!(self.found, Found::AsExpected(_) | Found::BeyondTolerance(_))
    }

    /// What there is to say beside the word, a line each.
    pub(super) fn details(&self) -> String {
        let mut lines = match &self.found {
            Found::AsExpected(_) => return String::new(),
            Found::BeyondTolerance(lines) | Found::Failed(lines) => lines.clone(),
            Found::Refused(reasons) => reasons.iter().map(Reason::to_string).collect(),
            Found::Panicked => vec!["the run ended in a panic; please report it".to_owned()],
        };
        if matches!(self.found, Found::Failed(_) | Found::Panicked) {
            lines.push(format!("again: {}", self.again));
        }
        lines.join("\n")
    }

    fn print(&self, shell: &mut Shell) -> std::io::Result<()> {
        let word = match &self.found {
            Found::AsExpected(what) => return writeln!(shell, "ok       {}: {what}", self.path),
            Found::BeyondTolerance(_) => "beyond  ",
            Found::Failed(_) => "FAILED  ",
            Found::Refused(_) => "REFUSED ",
            Found::Panicked => "PANICKED",
        };
        writeln!(shell, "{word} {}", self.path)?;
        let details = self.details();
        details.lines().try_for_each(|line| writeln!(shell, "           {line}"))
    }
}

pub(super) fn test(args: &Args, shell: &mut Shell) -> Outcome {
    if args.bless && !args.reader.changes_nothing() {
        let reason = "--bless records the runs of files as they are; leave --seed, --set and \
                      --quirk out";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let files = files(&args.paths)?;
    let cases = run_all(args, &files, shell)?;
    if let Some(path) = &args.junit {
        fs::write(path, JUnit(&cases).to_string()).map_err(Failure::at(path))?;
    }
    if is_on_github() {
        cases.iter().try_for_each(|case| annotations(case, shell))?;
    }
    summary(&cases, shell)?;
    if args.reach {
        reach(&cases, shell)?;
    }
    let refused = |case: &Case| matches!(case.found, Found::Refused(_));
    Ok(match () {
        () if cases.iter().any(|case| case.is_failure() && !refused(case)) => Exit::Broken,
        () if cases.iter().any(refused) => Exit::BadInput,
        () => Exit::Held,
    })
}

/// Whether GitHub runs this, which shows annotations at the files that they are of.
#[expect(clippy::disallowed_methods, reason = "how something is told is no part of a run")]
fn is_on_github() -> bool {
    std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true")
}

/// Lines that GitHub takes for annotations, for a case that a suite fails for: where a file is
/// refused one at each place, else one at its beginning.
fn annotations(case: &Case, shell: &mut Shell) -> std::io::Result<()> {
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let path = escaped(&case.path).replace(':', "%3A").replace(',', "%2C");
    let reasons = match &case.found {
        Found::AsExpected(_) | Found::BeyondTolerance(_) => return Ok(()),
        Found::Refused(reasons) => reasons.as_slice(),
        Found::Failed(_) | Found::Panicked => &[Reason::of_all(case.details())],
    };
    reasons.iter().try_for_each(|Reason { at, what }| {
        let place = match at {
            Some((line, column)) => format!("line={line},col={column}"),
            None => "line=1".to_owned(),
        };
        writeln!(shell, "::error file={path},{place}::{}", escaped(what))
    })
}

/// Runs all files, several at a time, and prints what comes of each in the order of the files.
fn run_all(args: &Args, files: &[String], shell: &mut Shell) -> Result<Vec<Case>, Failure> {
    let pool = super::pool(args.jobs.map(|jobs| jobs.min(files.len())))?;
    let (sender, receiver) = mpsc::channel();
    let given_up = &AtomicBool::new(false);
    pool.in_place_scope(|scope| {
        for (place, path) in files.iter().enumerate() {
            let sender = sender.clone();
            scope.spawn(move |_| {
                // Whoever listened may have gone: then nobody wants to know.
                if !given_up.load(Ordering::Relaxed)
                    && sender.send((place, case(args, path))).is_err()
                {
                    given_up.store(true, Ordering::Relaxed);
                }
            });
        }
        drop(sender);
        in_order(receiver, args.quiet, shell)
    })
}

/// Prints cases in their order as they come in any.
fn in_order(
    receiver: mpsc::Receiver<(usize, Case)>,
    quiet: bool,
    shell: &mut Shell,
) -> Result<Vec<Case>, Failure> {
    let mut early = std::collections::BTreeMap::new();
    let mut cases: Vec<Case> = Vec::new();
    for (place, case) in receiver {
        early.insert(place, case);
        while let Some(case) = early.remove(&cases.len()) {
            if !quiet || case.is_failure() {
                case.print(shell)?;
            }
            cases.push(case);
        }
    }
    Ok(cases)
}

/// Reads a file, runs it and holds it against what it expects.
fn case(args: &Args, path: &str) -> Case {
    let reader = &args.reader;
    let found = catch_unwind(AssertUnwindSafe(|| found(args, path)));
    let (found, reached) = found.unwrap_or((Found::Panicked, BTreeSet::new()));
    Case { path: path.to_owned(), found, reached, again: replay(path, reader) }
}

fn found(args: &Args, path: &str) -> (Found, BTreeSet<&'static str>) {
    let reader = &args.reader;
    let refused = |reasons: Vec<Reason>| (Found::Refused(reasons), BTreeSet::new());
    let of_all = |why: String| refused(vec![Reason::of_all(why)]);
    let reading = match reader.read(path) {
        Ok(reading) => reading,
        Err(failure) => return of_all(failure.to_string()),
    };
    let Some(scenario) = reading.scenario else {
        let errors = reading.diagnostics.iter();
        let errors = errors.filter(|found| found.severity() == Severity::Error);
        return refused(errors.map(|found| Reason::found(found, path)).collect());
    };
    let known = held_still::recorded(path).filter(|_| reader.changes_nothing());
    if !args.bless && known.is_none() {
        return match run::run(&scenario) {
            Ok(report) => (judged(&scenario, &report), report.reached),
            Err(refusal) => of_all(refusal.to_string()),
        };
    }
    match held_still::told(&scenario) {
        Ok((report, text)) => {
            let judged = judged(&scenario, &report);
            let found = match args.bless {
                true => blessed(path, &text, judged),
                false => held_still(path, &known.unwrap_or_default(), &text, &report, judged),
            };
            (found, report.reached)
        }
        Err(refusal) => of_all(refusal.to_string()),
    }
}

/// What came of a run whose log is to be recorded: not that of one that is not as it should be.
fn blessed(path: &str, text: &str, judged: Found) -> Found {
    if matches!(judged, Found::Failed(_)) {
        return judged;
    }
    match (held_still::bless(path, text), judged) {
        (Err(reason), _) => Found::Refused(vec![Reason::of_all(reason)]),
        (Ok(true), Found::AsExpected(what)) => Found::AsExpected(format!("{what}; recorded")),
        (Ok(true), Found::BeyondTolerance(mut lines)) => {
            lines.push("recorded".to_owned());
            Found::BeyondTolerance(lines)
        }
        (Ok(_), judged) => judged,
    }
}

/// What came of a run, and whether it is the one that is recorded.
fn held_still(path: &str, known: &str, text: &str, report: &Report, judged: Found) -> Found {
    let differences = held_still::differences(path, known, text);
    match judged {
        judged if differences.is_empty() => judged,
        Found::Failed(lines) => Found::Failed([lines, differences].concat()),
        _ => Found::Failed([vec![told(report)], differences].concat()),
    }
}

fn judged(scenario: &Scenario, report: &Report) -> Found {
    let expected = scenario.expect.verdict.is_some();
    match report.passes(&scenario.expect) {
        false => Found::Failed(differences(report)),
        true if report.verdict == Verdict::BeyondTolerance && !expected => {
            Found::BeyondTolerance(differences(report))
        }
        true => Found::AsExpected(told(report)),
    }
}

/// What came of a run, in a few words.
fn told(report: &Report) -> String {
    let (answered, asked) = (report.answered(), report.asked());
    let word = match report.first_broken() {
        Some(finding) => format!("{} ({})", report.verdict, finding.judge),
        None => report.verdict.to_string(),
    };
    let times = match report.reconfigurations {
        0 => String::new(),
        times => format!(", {}", counted(times, "reconfiguration", "reconfigurations")),
    };
    format!("{word}, {answered} of {asked} answered{times}")
}

/// What is not as it was expected, or what is broken, a line each.
fn differences(report: &Report) -> Vec<String> {
    let mut lines = vec![told(report)];
    lines.extend(report.missed.iter().cloned());
    lines.extend(report.faulty_replicas());
    let findings = report.rulings.iter().filter_map(|ruling| ruling.finding.as_ref());
    lines.extend(findings.map(|finding| {
        let at = Instant(finding.at_ns);
        format!("broken: {}: {} (event {} at {at})", finding.judge, finding.text, finding.event)
    }));
    lines.extend(report.why_undecided().map(|why| format!("undecided: {why}")));
    lines
}

fn summary(cases: &[Case], shell: &mut Shell) -> std::io::Result<()> {
    let count =
        |wanted: fn(&Found) -> bool| cases.iter().filter(|case| wanted(&case.found)).count();
    let expected = count(|found| matches!(found, Found::AsExpected(_)));
    let all = counted(cases.len(), "scenario", "scenarios");
    write!(shell, "{all}: {expected} as expected")?;
    for (count, words) in [
        (count(|found| matches!(found, Found::BeyondTolerance(_))), "broken beyond tolerance"),
        (count(|found| matches!(found, Found::Failed(_))), "FAILED"),
        (count(|found| matches!(found, Found::Refused(_))), "REFUSED"),
        (count(|found| matches!(found, Found::Panicked)), "PANICKED"),
    ] {
        if count > 0 {
            write!(shell, ", {count} {words}")?;
        }
    }
    writeln!(shell)
}

/// Tells what no scenario reached.
fn reach(cases: &[Case], shell: &mut Shell) -> std::io::Result<()> {
    let reached: BTreeSet<_> = cases.iter().flat_map(|case| &case.reached).collect();
    let all = run::reachable();
    let never: Vec<_> = all.iter().filter(|what| !reached.contains(what)).collect();
    writeln!(shell, "{} of {} reached", all.len() - never.len(), all.len())?;
    never.into_iter().try_for_each(|what| writeln!(shell, "  never: {what}"))
}

/// The files that are meant, each once: those named, and those in the folders named.
fn files(paths: &[String]) -> Result<Vec<String>, Failure> {
    let (mut files, mut known) = (Vec::new(), BTreeSet::new());
    for path in paths {
        let mut found = Vec::new();
        match Path::new(path).is_dir() {
            true => gather(Path::new(path), &mut found)?,
            false => found.push(path.clone()),
        }
        if found.is_empty() {
            let reason = "there is no .toml, .txt, .conf or .config file in this folder; name one";
            return Err(Failure::Usage(format!("{path}: {reason}")));
        }
        files.extend(found.into_iter().filter(|file| known.insert(file.clone())));
    }
    Ok(files)
}

/// How the names of scenario files end.
const ENDINGS: [&str; 4] = ["toml", "txt", "conf", "config"];

/// The scenario files of a folder and all folders in it, in the order of their names. Links to
/// folders are not followed.
fn gather(folder: &Path, found: &mut Vec<String>) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).map_err(Failure::at(folder))?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(Failure::at(folder))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type().map_err(Failure::at(folder))?.is_dir() {
            gather(&path, found)?;
        } else if ENDINGS.iter().any(|ending| path.extension().is_some_and(|own| own == *ending)) {
            found.push(path.display().to_string());
        }
    }
    Ok(())
}
