//! What several commands take: a scenario's file, and how to read it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;

use miette::{GraphicalReportHandler, GraphicalTheme};

use crate::explore::Charge;
use crate::run::Report;
use crate::scenario::{self, Diagnosis, ReadOptions, Reading, Scenario};

use super::Failure;
use super::shell::Shell;

/// A length of time as scenarios write it, in nanoseconds.
pub(super) fn duration_ns(text: &str) -> Result<u64, String> {
    match scenario::number::duration(text) {
        None => {
            Err("write a number with a unit, no more than 500 years: 30s, 10min, 2h".to_owned())
        }
        Some(0) => Err("that is no time at all; write a longer one: 30s, 10min, 2h".to_owned()),
        Some(ns) => Ok(ns),
    }
}

/// Where something listens.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an IP address and a port: 127.0.0.1:7415".to_owned())
}

/// How scenario files are read.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Reader {
    /// Draw every answer from this seed instead of the scenario's.
    #[arg(long, value_name = "NUMBER")]
    pub(super) seed: Option<u64>,
    /// Change the scenario: a dotted path of its TOML form and a value, e.g. network.loss=0.1.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Let everybody take one decision of the protocol wrongly: a bug to be found.
    #[arg(long, value_name = "NAME")]
    quirk: Option<String>,
    /// Repair what is plainly a slip in files of the course format.
    #[arg(long)]
    lenient: bool,
    /// The unit of bare times in files of the course format.
    #[arg(long, value_name = "UNIT", value_parser = ["ms", "s"], default_value = "ms")]
    time_unit: String,
    /// Where message counters begin in files of the course format.
    #[arg(long, value_name = "NUMBER", value_parser = ["0", "1"], default_value = "0")]
    counter_base: String,
}

/// One that changes nothing.
impl Default for Reader {
    fn default() -> Reader {
        let (time_unit, counter_base) = ("ms".to_owned(), "0".to_owned());
        Reader { seed: None, set: Vec::new(), quirk: None, lenient: false, time_unit, counter_base }
    }
}

impl Reader {
    /// One that changes the scenario so.
    pub(super) fn setting(set: Vec<String>, lenient: bool) -> Reader {
        Reader { set, lenient, ..Reader::default() }
    }

    /// Reads a scenario that is no file.
    pub(super) fn read_text(&self, name: &str, text: &str) -> Result<Reading, Failure> {
        Ok(scenario::read(name, text.as_bytes(), &self.options()?))
    }

    /// A log is what it is: nothing of a scenario can be changed in it.
    pub(super) fn has_no_part_in(&self, path: &str) -> Result<(), Failure> {
        match self.changes_nothing() {
            true => Ok(()),
            false => Err(Failure::Usage(format!(
                "{path}: a log tells of a run that is over; --seed, --set and --quirk are for \
                 scenarios"
            ))),
        }
    }

    /// Whether files are run as they are.
    pub(super) fn changes_nothing(&self) -> bool {
        self.seed.is_none() && self.set.is_empty() && self.quirk.is_none()
    }

    fn options(&self) -> Result<ReadOptions, Failure> {
        let set = self.set.iter().map(|set| match set.split_once('=') {
            Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
            None => Err(Failure::Usage(format!(
                "--set {set}: there is no '='; write --set key=value, e.g. --set network.loss=0.1"
            ))),
        });
        let quirk = self.quirk.iter().map(|name| Ok(("quirk".to_owned(), name.clone())));
        Ok(ReadOptions {
            lenient: self.lenient,
            time_unit_seconds: self.time_unit == "s",
            counter_base_one: self.counter_base == "1",
            set: set.chain(quirk).collect::<Result<_, _>>()?,
            seed: self.seed,
            own: Vec::new(),
        })
    }

    /// Reads a file, whatever is in it. `-` is standard input.
    pub(super) fn read(&self, path: &str) -> Result<Reading, Failure> {
        self.read_bytes(path, &bytes_of(path)?)
    }

    /// Reads what a file was found to hold.
    pub(super) fn read_bytes(&self, path: &str, bytes: &[u8]) -> Result<Reading, Failure> {
        Ok(scenario::read(path, bytes, &self.options()?))
    }

    /// Reads a scenario that is going to be used; says what is wrong with it.
    pub(super) fn scenario(&self, path: &str, shell: &mut Shell) -> Result<Scenario, Failure> {
        used(self.read(path)?, shell)
    }

    /// What is changed in a file that is read so, as it was typed.
    pub(super) fn changes(&self) -> String {
        quoted(&self.words())
    }

    /// The words that make another process read the same.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(seed) = self.seed {
            words.extend(["--seed".to_owned(), seed.to_string()]);
        }
        for set in &self.set {
            words.extend(["--set".to_owned(), set.clone()]);
        }
        if let Some(quirk) = &self.quirk {
            words.extend(["--quirk".to_owned(), quirk.clone()]);
        }
        if self.lenient {
            words.push("--lenient".to_owned());
        }
        if self.time_unit != "ms" {
            words.extend(["--time-unit".to_owned(), self.time_unit.clone()]);
        }
        if self.counter_base != "0" {
            words.extend(["--counter-base".to_owned(), self.counter_base.clone()]);
        }
        words
    }
}

/// The scenario that was read, once what is to be said of it has been said.
pub(super) fn used(reading: Reading, shell: &mut Shell) -> Result<Scenario, Failure> {
    report(&reading.diagnostics, shell);
    reading.scenario.ok_or(Failure::Said)
}

/// What a file was found to be.
pub(super) enum Bytes {
    /// All of a scenario.
    Scenario(Vec<u8>),
    /// A log in JSON lines, ready to be read.
    Log(Box<dyn BufRead>),
}

/// Opens a scenario or a log; which of them, its first sign says.
pub(super) fn open(path: &str) -> Result<Bytes, Failure> {
    let read = || {
        let mut source = BufReader::new(source(path)?);
        if source.fill_buf()?.trim_ascii_start().first() == Some(&b'{') {
            return Ok(Bytes::Log(Box::new(source)));
        }
        let mut bytes = Vec::new();
        source.take(scenario::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Bytes::Scenario(bytes))
    };
    read().map_err(|error| Failure::File { path: path.to_owned(), error })
}

/// A scenario's bytes; `-` is standard input.
pub(super) fn bytes_of(path: &str) -> Result<Vec<u8>, Failure> {
    at_most(path, scenario::MAX_BYTES)
}

/// A file's bytes. Of a larger one, one byte more than there may be: enough to see that it is.
fn at_most(path: &str, most: usize) -> Result<Vec<u8>, Failure> {
    let read = || {
        let mut bytes = Vec::new();
        source(path)?.take(most as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
    };
    read().map_err(|error| Failure::File { path: path.to_owned(), error })
}

fn source(path: &str) -> io::Result<Box<dyn Read>> {
    Ok(match path {
        "-" => Box::new(io::stdin().lock()),
        path => Box::new(File::open(path)?),
    })
}

/// Prints findings for a person: the place in the file, the reason, the remedy.
pub(super) fn report(diagnostics: &[Diagnosis], shell: &mut Shell) {
    let theme = match shell.colours() {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100);
    for diagnosis in diagnostics {
        let mut text = String::new();
        if handler.render_report(&mut text, diagnosis).is_err() {
            text = diagnosis.compact();
        }
        shell.show(&text);
    }
}

/// One scenario to run.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Subject {
    /// The scenario: TOML, or the course format; `-` reads standard input.
    #[arg(value_name = "FILE")]
    pub(super) file: String,
    #[command(flatten)]
    pub(super) reader: Reader,
    /// Override answers of the seed: a file with [[choice]] entries, as --record-tape writes it.
    #[arg(long, value_name = "FILE")]
    tape: Option<String>,
}

impl Subject {
    /// The scenario, with the tape's answers.
    pub(super) fn scenario(&self, shell: &mut Shell) -> Result<Scenario, Failure> {
        self.understand(&self.given()?, shell)
    }

    /// All the bytes that name the run, each file read once.
    pub(super) fn given(&self) -> Result<Given, Failure> {
        self.with(bytes_of(&self.file)?)
    }

    /// The same, where the scenario's file was read already.
    pub(super) fn with(&self, scenario: Vec<u8>) -> Result<Given, Failure> {
        let tape = self.tape.as_deref().map(|path| at_most(path, scenario::MAX_TAPE_BYTES));
        Ok(Given { scenario, tape: tape.transpose()? })
    }

    /// The scenario in these bytes, with the tape's answers, and what is to be said of them.
    pub(super) fn read(
        &self,
        given: &Given,
    ) -> Result<(Option<Scenario>, Vec<Diagnosis>), Failure> {
        let Reading { mut scenario, mut diagnostics } =
            self.reader.read_bytes(&self.file, &given.scenario)?;
        if let (Some(path), Some(bytes)) = (&self.tape, &given.tape) {
            let tape = scenario::read_tape(path, bytes);
            diagnostics.extend(tape.diagnostics);
            scenario = scenario.zip(tape.choices).map(|(mut scenario, choices)| {
                scenario.choices.extend(choices);
                scenario
            });
        }
        Ok((scenario, diagnostics))
    }

    /// The same, once what is to be said has been said.
    pub(super) fn understand(&self, given: &Given, shell: &mut Shell) -> Result<Scenario, Failure> {
        let (scenario, diagnostics) = self.read(given)?;
        report(&diagnostics, shell);
        scenario.ok_or(Failure::Said)
    }

    /// The words that name the same run to another process.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = self.reader.words();
        if let Some(tape) = &self.tape {
            words.extend(["--tape".to_owned(), tape.clone()]);
        }
        with_file(words, &self.file)
    }

    /// What is changed in the file, as it was typed.
    pub(super) fn changes(&self) -> String {
        let tape = self.tape.iter().flat_map(|tape| ["--tape".to_owned(), tape.clone()]);
        quoted(&self.reader.words().into_iter().chain(tape).collect::<Vec<_>>())
    }

    /// The command that runs it again.
    pub(super) fn replay(&self) -> String {
        run_command(self.words())
    }
}

/// What a run is charged with: by this judge, or by the one who found fault first; none if nothing
/// is broken.
pub(super) fn charge(
    report: &Report,
    judge: Option<&str>,
    file: &str,
) -> Result<Option<Charge>, Failure> {
    let Some(judge) = judge else {
        return Ok(Charge::of(report));
    };
    let found = report.rulings.iter().filter(|ruling| ruling.finding.is_some());
    let found: Vec<&str> = found.map(|ruling| ruling.judge).collect();
    // Files are named after judges, with hyphens.
    let plain = |name: &str| name.replace(['-', '_'], " ");
    let named = found.iter().find(|known| plain(known) == plain(judge));
    if let Some(charge) = named.and_then(|named| Charge::of_judge(report, named)) {
        return Ok(Some(charge));
    }
    let others = match found.as_slice() {
        [] => "nor by anybody else".to_owned(),
        found => format!("but by {}", found.join(", ")),
    };
    Err(Failure::Usage(format!("{file}: --judge {judge}: it found nothing broken, {others}")))
}

/// What a run is read from.
pub(super) struct Given {
    pub(super) scenario: Vec<u8>,
    pub(super) tape: Option<Vec<u8>>,
}

/// Options, and behind them a file; one that looks like an option is said to be none.
fn with_file(mut words: Vec<String>, file: &str) -> Vec<String> {
    if file.starts_with('-') && file != "-" {
        words.push("--".to_owned());
        words.push(file.to_owned());
    } else {
        words.insert(0, file.to_owned());
    }
    words
}

/// The command that runs a file again, read in this way.
pub(super) fn replay(file: &str, reader: &Reader) -> String {
    run_command(with_file(reader.words(), file))
}

fn run_command(words: Vec<String>) -> String {
    command("run", words)
}

/// A command of this program, as a shell takes it.
pub(super) fn command(name: &str, words: Vec<String>) -> String {
    let from_input = words.iter().any(|word| word == "-");
    let note = if from_input { "    (with the same standard input)" } else { "" };
    format!("perjury {name} {}{note}", quoted(&words))
}

/// Which run it is: its file, and what is changed in it.
pub(super) fn titled(file: &str, changes: &str) -> String {
    if changes.is_empty() { file.to_owned() } else { format!("{file} {changes}") }
}

/// Words as a shell takes them.
fn quoted(words: &[String]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
