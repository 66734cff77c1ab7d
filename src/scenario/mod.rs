//! Scenarios: one file says who runs, on what network, with which faults, and what must come of
//! it.
//!
//! The flow: text ─► reader (TOML or the course format) ─► [`Scenario`] ─► lints. What is wrong
//! with a file is a [`Diagnosis`]: file, line, column, reason and remedy, as many as there are.

mod course;
mod course_keys;
mod diagnosis;
mod fields;
mod findings;
mod keys;
mod lint;
mod literal;
mod model;
pub mod number;
mod own;
mod repair;
mod schema;
mod set;
mod template;
#[cfg(test)]
mod tests;
mod toml_reader;
mod words;
mod write;

pub use diagnosis::{Diagnosis, Severity, Source};
pub use model::*;
pub use number::Probability;
pub use own::{About, Own, Pace};
pub use schema::json_schema;
pub use template::{TEMPLATES, template};
pub use write::to_toml;

use toml::de::DeTable;

use fields::Fields;
use findings::Findings;
use toml_reader::Places;

/// The largest file that is read.
pub const MAX_BYTES: usize = 1 << 20;

/// The largest tape that is read.
pub const MAX_TAPE_BYTES: usize = 1 << 26;

/// How a file is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Repair what is clearly a slip, and warn of it.
    pub lenient: bool,
    /// Times of the course format are in seconds, as some of its authors thought.
    pub time_unit_seconds: bool,
    /// Messages of the course format are counted from 1.
    pub counter_base_one: bool,
    /// Values of the TOML form to replace: a path like `network.loss`, and the value.
    pub set: Vec<(String, String)>,
    /// A seed in place of the file's.
    pub seed: Option<u64>,
    /// The protocols that a file may name beside the built-in ones.
    pub own: Vec<Own>,
}

/// What came of reading a file.
#[derive(Debug)]
pub struct Reading {
    /// The scenario, unless there was an error.
    pub scenario: Option<Scenario>,
    /// All that was found, in the order of the file.
    pub diagnostics: Vec<Diagnosis>,
}

impl Reading {
    /// Whether there was no finding at all.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.diagnostics.is_empty()
    }
}

/// Reads a scenario in TOML or in the course format; which of them, its content says.
#[must_use]
pub fn read(name: &str, bytes: &[u8], options: &ReadOptions) -> Reading {
    let remedy = "write long workloads as pseudorandom(seed,count)";
    let text = match decode(name, bytes, (MAX_BYTES, remedy)) {
        Ok(text) => text,
        Err(diagnosis) => return Reading { scenario: None, diagnostics: vec![*diagnosis] },
    };
    let source = Source::new(name, text);
    let mut reading = match is_course(text) {
        true => read_course(source, options),
        false => read_toml(source, options, Origin::File),
    };
    if let (Some(scenario), Some(seed)) = (&mut reading.scenario, options.seed) {
        scenario.seed = seed;
    }
    reading
}

fn decode<'a>(
    name: &str,
    bytes: &'a [u8],
    (most, remedy): (usize, &str),
) -> Result<&'a str, Box<Diagnosis>> {
    let refuse = |text: &str, at: usize, message: String, help: &str| {
        let source = Source::new(name, text);
        Err(Box::new(Diagnosis::new(&source, Severity::Error, at..at, message).help(help)))
    };
    if bytes.len() > most {
        return refuse("", 0, format!("the file is larger than {most} bytes"), remedy);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let at = error.valid_up_to();
            let text = String::from_utf8_lossy(bytes);
            let message = format!("byte {at} is not UTF-8");
            refuse(&text, at, message, "save the file in UTF-8")
        }
    }
}

/// The first line that could stand in one of the formats only decides.
fn is_course(text: &str) -> bool {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            return false;
        }
        let key = line.split_once('=').map_or("", |(key, _)| key.trim());
        if course_keys::is_telling(key.split(['[', '(']).next().unwrap_or_default().trim()) {
            return true;
        }
        if fields_of_root(key) {
            return false;
        }
    }
    false
}

/// Whether a key can only be one of a whole TOML file.
fn fields_of_root(key: &str) -> bool {
    let shared = ["t", "name", "hosts"];
    let first = key.split('.').next().unwrap_or_default().trim();
    !shared.contains(&first) && keys::ROOT.keys.iter().any(|known| known.name == first)
}

fn read_course(source: Source, options: &ReadOptions) -> Reading {
    let findings = Findings::new(source.clone(), options.lenient);
    let (mut scenario, places) = course::read(&findings, options);
    scenario.description = description(source.text());
    if findings.failed() || options.set.is_empty() {
        return finish(findings, scenario, &places);
    }
    // What is set is a path of the TOML form, so that is what it is set in.
    let name = format!("{} (converted)", source.name());
    let converted = Source::new(&name, &to_toml(&scenario));
    let mut reading = read_toml(converted, options, Origin::CourseFormat);
    let mut diagnostics = findings.into_diagnoses();
    diagnostics.append(&mut reading.diagnostics);
    Reading { diagnostics, ..reading }
}

/// Where a text in TOML comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Its author wrote it.
    File,
    /// It was made from a file in the course format, by the options for that.
    CourseFormat,
}

fn read_toml(source: Source, options: &ReadOptions, origin: Origin) -> Reading {
    let mut findings = Findings::new(source.clone(), options.lenient);
    for (set, what) in
        [(options.time_unit_seconds, "--time-unit"), (options.counter_base_one, "--counter-base")]
    {
        if set && origin == Origin::File {
            let message = format!("{what} is for the course format and does nothing here");
            findings.warn(0..0, message, "times in TOML have units, and counters begin at 0");
        }
    }
    let help = "perjury new bcr shows how a scenario is written";
    let mut table = parse(&findings, &source, help);
    if findings.failed() {
        let scenario = Scenario::new(Protocol::Bcr(Bcr::default()));
        return finish(findings, scenario, &Places::default());
    }
    for (path, value) in &options.set {
        set::apply(&mut findings, &mut table, path, value);
    }
    let (mut scenario, places) = {
        let root = Fields::new(&findings, toml_reader::root_shape(), &table, 0..0);
        toml_reader::scenario(&root, &options.own)
    };
    scenario.description = description(source.text());
    finish(findings, scenario, &places)
}

/// The table that a text in TOML is; what is wrong with it is reported.
fn parse<'a>(findings: &Findings, source: &'a Source, help: &str) -> DeTable<'a> {
    let (table, errors) = DeTable::parse_recoverable(source.text());
    let mut last = 0;
    for error in errors.into_iter().take(100) {
        let span = error.span().unwrap_or(0..0);
        let (line, _) = source.line_and_column(span.start);
        // What follows on the same line is mostly an echo of the first.
        if std::mem::replace(&mut last, line) != line {
            findings.error(span, format!("not TOML: {}", error.message()), help);
        }
    }
    table.into_inner()
}

fn finish(findings: Findings, scenario: Scenario, places: &Places) -> Reading {
    if !findings.failed() {
        lint::lint(&findings, &scenario, places);
    }
    let scenario = (!findings.failed()).then_some(scenario);
    Reading { scenario, diagnostics: findings.into_diagnoses() }
}

/// What came of reading a tape.
#[derive(Debug)]
pub struct TapeReading {
    /// Its answers, unless there was an error.
    pub choices: Option<Vec<Choice>>,
    /// All that was found, in the order of the file.
    pub diagnostics: Vec<Diagnosis>,
}

/// Reads a tape: a file of `[[choice]]` tables alone.
#[must_use]
pub fn read_tape(name: &str, bytes: &[u8]) -> TapeReading {
    let remedy = "leave out the answers that the seed would give as well";
    let text = match decode(name, bytes, (MAX_TAPE_BYTES, remedy)) {
        Ok(text) => text,
        Err(diagnosis) => return TapeReading { choices: None, diagnostics: vec![*diagnosis] },
    };
    let source = Source::new(name, text);
    let findings = Findings::new(source.clone(), false);
    let table = parse(&findings, &source, "perjury run FILE --record-tape TAPE writes a tape");
    let mut choices = Vec::new();
    if !findings.failed() {
        let root = Fields::new(&findings, &keys::TAPE, &table, 0..0);
        choices = toml_reader::tape(&root);
    }
    let choices = (!findings.failed()).then_some(choices);
    TapeReading { choices, diagnostics: findings.into_diagnoses() }
}

/// The comment that a file begins with, without the comment signs, and without signs that TOML has
/// no comments with.
fn description(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.split('\n').map(str::trim).skip_while(|line| line.is_empty());
    let comment = lines.map_while(|line| line.strip_prefix('#'));
    let comment = comment.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let comment: Vec<&str> = comment.collect();
    let is_refused = |sign: char| sign.is_ascii_control() && !matches!(sign, '\n' | '\t');
    comment.join("\n").trim_matches('\n').replace(is_refused, "\u{fffd}")
}
