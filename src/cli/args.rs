//! What several commands take: a scenario's file, and how to read it.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme};

use crate::scenario::{self, Choice, Diagnosis, ReadOptions, Reading, Scenario};

use super::Failure;
use super::shell::Shell;

/// How scenario files are read.
#[derive(clap::Args, Clone, Debug, Default)]
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

impl Reader {
    /// One that changes the scenario so.
    pub(super) fn setting(set: Vec<String>) -> Reader {
        let (time_unit, counter_base) = ("ms".to_owned(), "0".to_owned());
        Reader { set, time_unit, counter_base, ..Reader::default() }
    }

    /// Reads a scenario that is no file.
    pub(super) fn read_text(&self, name: &str, text: &str) -> Result<Reading, Failure> {
        Ok(scenario::read(name, text.as_bytes(), &self.options()?))
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
        })
    }

    /// Reads a file, whatever is in it. `-` is standard input.
    pub(super) fn read(&self, path: &str) -> Result<Reading, Failure> {
        let bytes = bytes_of(path)?;
        Ok(scenario::read(path, &bytes, &self.options()?))
    }

    /// Reads a scenario that is going to be used; says what is wrong with it.
    pub(super) fn scenario(&self, path: &str, shell: &mut Shell) -> Result<Scenario, Failure> {
        let reading = self.read(path)?;
        report(&reading.diagnostics, shell);
        reading.scenario.ok_or(Failure::Said)
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

/// A file's bytes; `-` is standard input.
pub(super) fn bytes_of(path: &str) -> Result<Vec<u8>, Failure> {
    let read = || {
        if path == "-" {
            let mut bytes = Vec::new();
            return std::io::stdin().read_to_end(&mut bytes).map(|_| bytes);
        }
        fs::read(Path::new(path))
    };
    read().map_err(|error| Failure::File { path: path.to_owned(), error })
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
        shell.say(&text);
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
        let mut scenario = self.reader.scenario(&self.file, shell)?;
        if let Some(path) = &self.tape {
            scenario.choices.extend(tape(path)?);
        }
        Ok(scenario)
    }

    /// The words that name the same run to another process.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = vec![self.file.clone()];
        words.extend(self.reader.words());
        if let Some(tape) = &self.tape {
            words.extend(["--tape".to_owned(), tape.clone()]);
        }
        words
    }

    /// The command that runs it again.
    pub(super) fn replay(&self) -> String {
        run_command(self.words())
    }
}

/// The command that runs a file again, read in this way.
pub(super) fn replay(file: &str, reader: &Reader) -> String {
    let mut words = vec![file.to_owned()];
    words.extend(reader.words());
    run_command(words)
}

fn run_command(words: Vec<String>) -> String {
    command("run", words)
}

/// A command of this program, as a shell takes it.
pub(super) fn command(name: &str, words: Vec<String>) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    format!("perjury {name} {}", quoted.join(" "))
}

/// A word as a shell takes it.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The choices in a tape's file.
fn tape(path: &str) -> Result<Vec<Choice>, Failure> {
    let wrong = |reason: String| {
        Failure::Usage(format!(
            "{path}: {reason}; a tape has entries of the form\n\
             [[choice]]\nsite = \"loss: client 0 -> replica 0.0: client_request 0/3\"\nanswer = 0"
        ))
    };
    let bytes = bytes_of(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let file: TapeFile = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    if file.format.unwrap_or(1) != 1 {
        return Err(wrong("its format is not 1, the only one there is".to_owned()));
    }
    let choices = file.choice.into_iter().map(|entry| {
        let answer = match &entry.answer {
            toml::Value::Integer(answer) => u64::try_from(*answer).ok(),
            toml::Value::String(text) => number(text),
            _ => None,
        };
        let answer = answer.ok_or_else(|| wrong(format!("{} is no answer", entry.answer)))?;
        Ok(Choice { site: entry.site, answer })
    });
    choices.collect()
}

/// A number, decimal or hexadecimal.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct TapeFile {
    format: Option<u32>,
    #[serde(default)]
    choice: Vec<TapeEntry>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct TapeEntry {
    site: String,
    answer: toml::Value,
}
