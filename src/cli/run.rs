//! `perjury run`: run a scenario, print the verdict.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::identity::{Address, Class};
use crate::judge::ClientRecord;
use crate::run::{self, Report, Told};
use crate::scenario::{Scenario, Verdict};
use crate::time::Instant;
use crate::trace::{FORMAT, Line};
use crate::view::{Picture, export};

use super::args::Subject;
use super::shell::Shell;
use super::{Exit, Failure, Outcome, real, replay, telling, view};

/// Run a scenario and print the verdict.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  perjury run scenarios/bcr/first.toml
  perjury run first.toml --seed 8 --set network.loss=0.2
  perjury run first.toml --log json > run.jsonl
  perjury run first.toml --view first.html
  perjury run first.toml --log-dir logs
  perjury run first.toml --real                  on real sockets, each node a program")]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Print every event before the verdict.
    #[arg(long, value_name = "FORM")]
    log: Option<Form>,
    /// Write every event to a file of its process, in this folder, and what came of the run to a
    /// file `run`. Logs of an earlier run that are there go.
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
    /// Put the states of the processes into a log in JSON lines too: what changed after each event.
    #[arg(long)]
    states: bool,
    /// Write a picture of the run to this file, a page for a browser.
    #[arg(long, value_name = "PAGE")]
    view: Option<String>,
    /// Print the verdict as JSON.
    #[arg(long)]
    json: bool,
    /// Write every answer of the run to this file, as a tape.
    #[arg(long, value_name = "FILE")]
    record_tape: Option<PathBuf>,
    /// Run it on real sockets and in real time instead, each node a program of its own.
    #[arg(long, conflicts_with_all = ["log_dir", "record_tape"])]
    real: bool,
    /// Keep what the nodes of a run on real sockets record, in this new folder, for `perjury
    /// replay`. It holds the keys of all processes.
    #[arg(long, value_name = "DIR", requires = "real")]
    keep: Option<PathBuf>,
}

/// How events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// One line an event.
    Text,
    /// One JSON object a line.
    Json,
    /// A sequence diagram: a column a process.
    Sequence,
}

impl Form {
    /// How the names of files with such events end.
    fn ending(self) -> &'static str {
        match self {
            Form::Text | Form::Sequence => "log",
            Form::Json => "jsonl",
        }
    }

    /// Prints an event.
    pub(super) fn print(self, line: &Line, to: &mut dyn Write) -> io::Result<()> {
        match self {
            Form::Text => writeln!(to, "{line}"),
            Form::Json => writeln!(to, "{}", line.to_json()),
            // It is drawn when all is known.
            Form::Sequence => Ok(()),
        }
    }

    /// Prints what is told of a run. A log of text has no states.
    pub(super) fn print_told(self, told: &Told, to: &mut dyn Write) -> io::Result<()> {
        match (self, told) {
            (_, Told::Event(line)) => self.print(line, to),
            (Form::Text | Form::Sequence, Told::State(_)) => Ok(()),
            (Form::Json, Told::State(change)) => writeln!(to, "{}", change.to_json()),
        }
    }
}

impl Args {
    /// Whether what is wanted goes together.
    fn check(&self) -> Result<(), Failure> {
        let logs = self.log.or(self.log_dir.as_ref().map(|_| Form::Text));
        if self.states && logs != Some(Form::Json) {
            let reason = "--states adds to a log in JSON lines; say --log json too";
            return Err(Failure::Usage(reason.to_owned()));
        }
        if self.log == Some(Form::Sequence) && self.log_dir.is_some() {
            let reason = "a sequence diagram has all processes in it; log text or json to a folder";
            return Err(Failure::Usage(reason.to_owned()));
        }
        if self.view.as_deref() == Some("-") {
            let reason = "--view -: the verdict goes to standard output; name a file, or use \
                          `perjury view -o -`";
            return Err(Failure::Usage(reason.to_owned()));
        }
        Ok(())
    }
}

pub(super) fn run(args: &Args, shell: &mut Shell) -> Outcome {
    let scenario = args.subject.scenario(shell)?;
    args.check()?;
    if args.real {
        return on_sockets(args, scenario, shell);
    }
    // What cannot be written is found out before the run, not after it.
    let tape = args.record_tape.as_deref().map(Output::create).transpose()?;
    let form = args.log.unwrap_or(Form::Text);
    let folder = args.log_dir.as_deref();
    let mut files = folder.map(|folder| LogFiles::new(folder, form, &scenario)).transpose()?;
    let report = logged(args, &scenario, files.as_mut(), shell)?;
    if let Some(files) = files {
        files.finish(&args.subject.file, &scenario, &report)?;
    }
    if let Some(tape) = tape {
        let refused = |refusal| Failure::Refused { path: args.subject.file.clone(), refusal };
        let recorded = run::record_tape(&scenario).map_err(refused)?;
        tape.finish(|file| file.write_all(recorded.to_toml().as_bytes()))?;
    }
    match args.log {
        Some(Form::Text) => writeln!(shell, "{}", End(&report))?,
        Some(Form::Sequence) => {
            let events = super::export::events_of(&scenario, &args.subject.file)?;
            writeln!(shell, "{}", export::write(&events, export::Form::Sequence))?;
        }
        Some(Form::Json) | None => {}
    }
    match (args.json, args.log) {
        // A log in JSON lines stays one to its end.
        (_, Some(Form::Json)) => writeln!(shell, "{}", to_json(&scenario, &report))?,
        (true, _) => writeln!(shell, "{:#}", to_json(&scenario, &report))?,
        (false, _) => print(&args.subject.file, &scenario, &report, shell)?,
    }
    let exit = Exit::of(&report);
    if exit != Exit::Held {
        shell.say(&format!("again: {}", args.subject.replay()));
    }
    Ok(exit)
}

/// Runs it on real sockets.
fn on_sockets(args: &Args, scenario: Scenario, shell: &mut Shell) -> Outcome {
    let log = match args.log {
        None => None,
        Some(Form::Text) => Some(telling::Form::Text),
        Some(Form::Json) => Some(telling::Form::Json),
        Some(Form::Sequence) => {
            let reason = "--log sequence draws a simulated run; log text or json, or --view a page";
            return Err(Failure::Usage(reason.to_owned()));
        }
    };
    let name = args.subject.file.as_str();
    let (states, view, json) = (args.states, args.view.clone(), args.json);
    let telling =
        replay::Wanted { name: name.to_owned(), log, states, view, json, compares: false };
    let wanted = real::Wanted { name, keep: args.keep.as_deref(), telling };
    let exit = real::run(scenario, &wanted, shell)?;
    if exit != Exit::Held {
        shell.say(&format!("again: {} --real", args.subject.replay()));
    }
    Ok(exit)
}

/// Runs, and logs as far as that is wanted.
fn logged(
    args: &Args,
    scenario: &Scenario,
    mut files: Option<&mut LogFiles>,
    shell: &mut Shell,
) -> Result<Report, Failure> {
    let refused = |refusal| Failure::Refused { path: args.subject.file.clone(), refusal };
    if args.log.is_none() && files.is_none() && args.view.is_none() {
        return run::run(scenario).map_err(refused);
    }
    if args.log == Some(Form::Json) {
        writeln!(shell, "{}", header(scenario))?;
    }
    let mut log = |told: &Told, shell: &mut Shell| {
        if let Some(form) = args.log.filter(|_| !shell.is_closed()) {
            form.print_told(told, shell)?;
        }
        files.as_mut().map_or(Ok(()), |files| files.write(told))
    };
    if let Some(page) = &args.view {
        let mut picture = Picture::default();
        let title = (args.subject.file.as_str(), args.subject.changes());
        let report =
            view::draw(&mut picture, (title.0, &title.1), scenario, &mut |told| match told {
                Told::State(_) if !args.states => Ok(()),
                told => log(&told, shell),
            })?;
        view::write(&picture, page, shell)?;
        return Ok(report);
    }
    let mut done = Ok(());
    let mut tell = |told: Told| {
        if done.is_ok() {
            done = log(&told, shell);
        }
    };
    let report = match args.states {
        true => run::run_told(scenario, &mut tell),
        false => run::run_logged(scenario, Some(&mut |line| tell(Told::Event(line)))),
    };
    let report = report.map_err(refused)?;
    done.map(|()| report)
}

/// What a log in JSON lines begins with.
pub(super) fn header(scenario: &Scenario) -> Value {
    json!({ "format": FORMAT, "seed": scenario.seed })
}

/// The last line of a log of text: the whole dictionary, which a verdict shows in part.
pub(super) struct End<'a>(pub(super) &'a Report);

impl Display for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} end: dictionary", Instant(self.0.now_ns))?;
        self.0.dictionary.iter().try_for_each(|(key, value)| write!(f, " {key:?}={value:?}"))
    }
}

/// A file that is being written.
struct Output {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Output {
    fn create(path: &Path) -> Result<Output, Failure> {
        let file = File::create(path).map_err(Failure::at(path))?;
        Ok(Output { path: path.to_owned(), file: BufWriter::new(file) })
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        write(&mut self.file).map_err(Failure::at(&self.path))
    }

    /// Writes the rest.
    fn finish(
        mut self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        self.write(|file| write(file).and_then(|()| file.flush()))
    }
}

/// A file for each process, and one for the run.
struct LogFiles {
    folder: PathBuf,
    form: Form,
    seed: u64,
    run: Output,
    files: BTreeMap<Address, Output>,
}

impl LogFiles {
    /// Makes the folder, and takes out what an earlier run has logged there.
    fn new(folder: &Path, form: Form, scenario: &Scenario) -> Result<LogFiles, Failure> {
        fs::create_dir_all(folder).map_err(Failure::at(folder))?;
        clear(folder)?;
        let mut run = Output::create(&folder.join(format!("run.{}", form.ending())))?;
        if form == Form::Json {
            run.write(|file| writeln!(file, "{}", header(scenario)))?;
        }
        let (folder, seed) = (folder.to_owned(), scenario.seed);
        Ok(LogFiles { folder, form, seed, run, files: BTreeMap::new() })
    }

    fn write(&mut self, told: &Told) -> Result<(), Failure> {
        let process = match told {
            Told::Event(line) => line.process,
            Told::State(change) => change.process,
        };
        let file = match self.files.entry(process) {
            Entry::Occupied(file) => file.into_mut(),
            Entry::Vacant(place) => {
                let name = process.to_string();
                let file = format!("{}.{}", name.replace([' ', '.'], "-"), self.form.ending());
                let mut file = Output::create(&self.folder.join(file))?;
                if self.form == Form::Json {
                    let header = json!({ "format": FORMAT, "seed": self.seed, "process": name });
                    file.write(|file| writeln!(file, "{header}"))?;
                }
                place.insert(file)
            }
        };
        file.write(|file| self.form.print_told(told, file))
    }

    /// Writes what came of the run, and everything to its end.
    fn finish(self, name: &str, scenario: &Scenario, report: &Report) -> Result<(), Failure> {
        self.files.into_values().try_for_each(|file| file.finish(|_| Ok(())))?;
        self.run.finish(|file| match self.form {
            Form::Json => writeln!(file, "{}", to_json(scenario, report)),
            Form::Text | Form::Sequence => {
                writeln!(file, "{}", End(report))?;
                print(name, scenario, report, file)
            }
        })
    }
}

/// Takes those files out of a folder whose names are those of logs.
fn clear(folder: &Path) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    for entry in entries.map_err(Failure::at(folder))? {
        if entry.file_name().to_str().is_some_and(is_log) {
            fs::remove_file(entry.path()).map_err(Failure::at(&entry.path()))?;
        }
    }
    Ok(())
}

/// Whether a file is called as [`LogFiles`] call theirs: `replica-0-1.log`.
fn is_log(name: &str) -> bool {
    let endings = [Form::Text, Form::Json].map(Form::ending);
    let Some((stem, _)) = name.rsplit_once('.').filter(|(_, ending)| endings.contains(ending))
    else {
        return false;
    };
    let mut words = stem.split('-');
    let first = words.next().unwrap_or_default();
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let known = first == "run" || Class::ALL.iter().any(|class| class.name() == first);
    known && words.all(|word| word == "twin" || is_number(word))
}

/// Prints the verdict as a person reads it.
pub(super) fn print(
    name: &str,
    scenario: &Scenario,
    report: &Report,
    out: &mut dyn Write,
) -> io::Result<()> {
    let word = match report.verdict {
        Verdict::Held if report.missed.is_empty() => "held",
        Verdict::Held => "held, but not as expected",
        Verdict::Broken => "BROKEN",
        Verdict::BeyondTolerance => "broken, beyond what the protocol bears",
        Verdict::Undecided => "undecided",
    };
    let first = report.first_broken().map(|finding| finding.judge.to_owned());
    let first = first.or_else(|| report.why_undecided()).map(|why| format!(": {why}"));
    writeln!(out, "{name}: {word}{}", first.unwrap_or_default())?;
    writeln!(out, "  ran         {}", run::Summary(scenario))?;
    writeln!(out, "{report}")
}

fn client_to_json(client: &ClientRecord) -> serde_json::Value {
    json!({
        "asked": client.asked,
        "answered": client.answered,
        "finished": client.finished,
        "crashed": client.gone,
        "waits_for": client.waits_for,
        "results": client.results,
    })
}

pub(super) fn to_json(scenario: &Scenario, report: &Report) -> serde_json::Value {
    let clients = report.clients.iter().map(client_to_json);
    let rulings = report.rulings.iter().map(|ruling| {
        json!({
            "judge": ruling.judge,
            "property": ruling.property,
            "tested": ruling.tested,
            "broken": ruling.finding.as_ref().map(|finding| json!({
                "event": finding.event,
                "at_ns": finding.at_ns,
                "text": finding.text,
            })),
            "unknown": ruling.unknown,
        })
    });
    let injections = report.injections.iter().map(|outcome| {
        json!({
            "replica": outcome.replica.to_string(),
            "what": outcome.pair.to_string(),
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
        "steps": report.stats.steps,
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
        "unasked_choices": report.unasked,
        "injections": injections.collect::<Vec<_>>(),
        "faulty": faulty.collect::<Vec<_>>(),
        "tolerated": report.tolerated,
        "rulings": rulings.collect::<Vec<_>>(),
        "missed": report.missed,
        "digest": format!("{:#}", report.digest),
    })
}
