//! `perjury run`: run a scenario, print the verdict.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::json;

use crate::run::{self, Report};
use crate::scenario::{Scenario, Verdict};
use crate::trace::{FORMAT, Line};

use super::args::Subject;
use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Run a scenario and print the verdict.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  perjury run scenarios/bcr/first.toml
  perjury run first.toml --seed 8 --set network.loss=0.2
  perjury run first.toml --log json > run.jsonl
  perjury run first.toml --log-dir logs")]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Print every event before the verdict.
    #[arg(long, value_name = "FORM")]
    log: Option<Form>,
    /// Write every event to a file of its process, in this folder.
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
    /// Print the verdict as JSON.
    #[arg(long)]
    json: bool,
    /// Write every answer of the run to this file, as a tape.
    #[arg(long, value_name = "FILE")]
    record_tape: Option<PathBuf>,
}

/// How events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// One line an event.
    Text,
    /// One JSON object a line.
    Json,
}

impl Form {
    /// Prints an event.
    pub(super) fn print(self, line: &Line, to: &mut dyn Write) -> io::Result<()> {
        match self {
            Form::Text => writeln!(to, "{line}"),
            Form::Json => writeln!(to, "{}", line.to_json()),
        }
    }
}

pub(super) fn run(args: &Args, shell: &mut Shell) -> Outcome {
    let scenario = args.subject.scenario(shell)?;
    let report = logged(args, &scenario, shell)?;
    if let Some(path) = &args.record_tape {
        record_tape(args, &scenario, path)?;
    }
    match (args.json, args.log) {
        // A log in JSON lines stays one to its end.
        (_, Some(Form::Json)) => writeln!(shell, "{}", to_json(&scenario, &report))?,
        (true, _) => writeln!(shell, "{:#}", to_json(&scenario, &report))?,
        (false, _) => print(args, &scenario, &report, shell)?,
    }
    let exit = match Exit::from(report.verdict) {
        Exit::Held if !report.missed.is_empty() => Exit::Broken,
        exit => exit,
    };
    if exit != Exit::Held {
        shell.say(&format!("again: {}", args.subject.replay()));
    }
    Ok(exit)
}

/// Runs, and logs as far as that is wanted.
fn logged(args: &Args, scenario: &Scenario, shell: &mut Shell) -> Result<Report, Failure> {
    let refused = |refusal| Failure::Refused { path: args.subject.file.clone(), refusal };
    if args.log.is_none() && args.log_dir.is_none() {
        return run::run(scenario).map_err(refused);
    }
    let mut files = args.log_dir.as_deref().map(LogFiles::new).transpose()?;
    if args.log == Some(Form::Json) {
        writeln!(shell, "{}", json!({ "format": FORMAT, "seed": scenario.seed }))?;
    }
    let mut failed = Ok(());
    let mut log = |line: Line| {
        if failed.is_ok() {
            failed = args.log.map_or(Ok(()), |form| form.print(&line, shell));
            if let (Ok(()), Some(files)) = (&failed, &mut files) {
                failed = files.write(&line, args.log.unwrap_or(Form::Text));
            }
        }
    };
    let report = run::run_logged(scenario, Some(&mut log)).map_err(refused)?;
    failed?;
    if let Some(files) = files {
        files.finish()?;
    }
    Ok(report)
}

/// A file for each process.
struct LogFiles {
    folder: PathBuf,
    files: BTreeMap<String, BufWriter<File>>,
}

impl LogFiles {
    fn new(folder: &Path) -> Result<LogFiles, Failure> {
        fs::create_dir_all(folder)
            .map_err(|error| Failure::File { path: folder.display().to_string(), error })?;
        Ok(LogFiles { folder: folder.to_owned(), files: BTreeMap::new() })
    }

    fn write(&mut self, line: &Line, form: Form) -> io::Result<()> {
        let name = line.process.to_string().replace([' ', '.'], "-");
        if !self.files.contains_key(&name) {
            let ending = if form == Form::Json { "jsonl" } else { "log" };
            let file = File::create(self.folder.join(format!("{name}.{ending}")))?;
            self.files.insert(name.clone(), BufWriter::new(file));
        }
        match self.files.get_mut(&name) {
            Some(file) => form.print(line, file),
            None => Ok(()),
        }
    }

    fn finish(self) -> io::Result<()> {
        self.files.into_values().try_for_each(|mut file| file.flush())
    }
}

fn record_tape(args: &Args, scenario: &Scenario, path: &Path) -> Result<(), Failure> {
    let refused = |refusal| Failure::Refused { path: args.subject.file.clone(), refusal };
    let tape = run::record_tape(scenario).map_err(refused)?;
    let wrong = |error| Failure::File { path: path.display().to_string(), error };
    let mut file = BufWriter::new(File::create(path).map_err(wrong)?);
    writeln!(file, "format = 1")?;
    for (site, answer) in tape.iter() {
        writeln!(file, "\n[[choice]]\nsite = \"{site}\"\nanswer = \"{answer:#x}\"")?;
    }
    file.flush().map_err(wrong)
}

fn print(args: &Args, scenario: &Scenario, report: &Report, shell: &mut Shell) -> io::Result<()> {
    let word = match report.verdict {
        Verdict::Held if report.missed.is_empty() => "held",
        Verdict::Held => "held, but not as expected",
        Verdict::Broken => "BROKEN",
        Verdict::BeyondTolerance => "broken, beyond what the protocol bears",
        Verdict::Undecided => "undecided",
    };
    let first = report.first_broken().map(|finding| finding.judge.to_owned());
    let first = first.or_else(|| report.why_undecided()).map(|why| format!(": {why}"));
    writeln!(shell, "{}: {word}{}", args.subject.file, first.unwrap_or_default())?;
    writeln!(shell, "  ran         {}", crate::run::Summary(scenario))?;
    writeln!(shell, "{report}")
}

fn to_json(scenario: &Scenario, report: &Report) -> serde_json::Value {
    let clients = report.clients.iter().map(|client| {
        json!({
            "asked": client.asked,
            "answered": client.answered,
            "finished": client.finished,
            "waits_for": client.waits_for,
            "results": client.results,
        })
    });
    let rulings = report.rulings.iter().map(|ruling| {
        json!({
            "judge": ruling.judge,
            "property": ruling.property,
            "tested": ruling.tested,
            "unknown": ruling.unknown,
            "broken": ruling.finding.as_ref().map(|finding| json!({
                "event": finding.event,
                "at_ns": finding.at_ns,
                "text": finding.text,
            })),
        })
    });
    let injections = report.injections.iter().map(|outcome| {
        json!({
            "replica": outcome.replica.to_string(),
            "what": outcome.pair,
            "armed": outcome.armed,
            "fired": outcome.fired,
            "in_vain": outcome.in_vain,
        })
    });
    let faulty = report.faulty.iter().map(|(configuration, positions)| {
        json!({ "configuration": configuration, "replicas": positions })
    });
    json!({
        "format": FORMAT,
        "verdict": report.verdict.name(),
        "first_broken": report.first_broken().map(|finding| finding.judge),
        "within_tolerance": !report.is_beyond_tolerance(),
        "seed": scenario.seed,
        "end": report.stop.to_string(),
        "virtual_time_ns": report.now_ns,
        "events": report.events,
        "messages": {
            "sent": report.stats.sent,
            "received": report.stats.received,
            "lost": report.stats.lost,
            "duplicated": report.stats.duplicated,
            "held": report.stats.held,
        },
        "rest": match &report.rest {
            Ok(rest) => json!({ "since_ns": rest.since_ns, "by_ns": rest.by_ns }),
            Err(reason) => json!(reason.to_string()),
        },
        "reconfigurations": report.reconfigurations,
        "quorums": report.quorums,
        "clients": clients.collect::<Vec<_>>(),
        "dictionary": report.dictionary.iter().cloned().collect::<BTreeMap<_, _>>(),
        "injections": injections.collect::<Vec<_>>(),
        "faulty": faulty.collect::<Vec<_>>(),
        "tolerated": report.tolerated,
        "rulings": rulings.collect::<Vec<_>>(),
        "missed": report.missed,
        "digest": format!("{:#}", report.digest),
    })
}
