//! A log in JSON lines, read again a line at a time: what `run --log json` prints, or the file of
//! one process.

use std::fmt::{self, Display};
use std::io::{BufRead, Read as _};

use serde_json::Value;

use crate::time::Instant;
use crate::trace::{FORMAT, Line};

use super::Failure;

/// The longest line that is read.
const LONGEST_LINE: u64 = 1 << 26;

/// An event of a run.
pub(super) enum Seen {
    /// It happened just now.
    Live(Line),
    /// A log tells it.
    Logged(Value),
}

impl Seen {
    /// Whether a log would say the same of both.
    pub(super) fn is_like(&self, other: &Seen) -> bool {
        match (self, other) {
            (Seen::Live(one), Seen::Live(other)) => one == other,
            (Seen::Logged(one), Seen::Logged(other)) => one == other,
            (Seen::Live(line), Seen::Logged(json)) | (Seen::Logged(json), Seen::Live(line)) => {
                line.to_json() == *json
            }
        }
    }

    /// Whether it happened to the process of this name.
    pub(super) fn is_of(&self, process: &str) -> bool {
        match self {
            Seen::Live(line) => line.process.to_string() == process,
            Seen::Logged(json) => word(json, "process") == process,
        }
    }

    /// Its place in the run.
    pub(super) fn number(&self) -> u64 {
        match self {
            Seen::Live(line) => line.number,
            Seen::Logged(json) => number(json, "number"),
        }
    }
}

fn word<'a>(json: &'a Value, name: &str) -> &'a str {
    json.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(json: &Value, name: &str) -> u64 {
    json.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// As it prints in a log of text, or nearly so.
impl Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = match self {
            Seen::Live(line) => return write!(f, "{line}"),
            Seen::Logged(json) => json,
        };
        let at = Instant(number(json, "at_ns"));
        let (process, event, kind) =
            (word(json, "process"), word(json, "event"), word(json, "kind"));
        write!(f, "{at} #{} {process}: {event}", self.number())?;
        if !kind.is_empty() {
            write!(f, " {kind}")?;
        }
        let told = ["number", "at_ns", "process", "event", "kind"];
        let fields = json.as_object().into_iter().flatten();
        for (name, value) in fields.filter(|(name, _)| !told.contains(&name.as_str())) {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

/// A log that is being read.
pub(super) struct Logged {
    path: String,
    lines: Box<dyn BufRead>,
    /// How many lines were read.
    line: u64,
    /// How many events.
    last: u64,
    /// What it begins with.
    header: Value,
    /// Whether the verdict was read: nothing stands behind it.
    over: bool,
}

impl Logged {
    /// Reads the line that every log begins with.
    pub(super) fn new(path: &str, lines: Box<dyn BufRead>) -> Result<Logged, Failure> {
        let (path, header, over) = (path.to_owned(), Value::Null, false);
        let mut log = Logged { path, lines, line: 0, last: 0, header, over };
        log.header = log.line()?.unwrap_or_default();
        match log.header.get("format") {
            Some(format) if *format == FORMAT => Ok(log),
            Some(format) => Err(log.wrong(&format!("the log's format {format} is not known"))),
            None => Err(log.wrong("a log begins with its format")),
        }
    }

    /// Where it is read.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// What it begins with.
    pub(super) fn header(&self) -> &Value {
        &self.header
    }

    /// The process whose log it is; none if it is that of the whole run.
    pub(super) fn process(&self) -> Option<&str> {
        self.header.get("process").and_then(Value::as_str)
    }

    /// Whether its end was read: the verdict.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Result<Option<Seen>, Failure> {
        loop {
            match self.line_of_run()? {
                Some(json) if json.get("event").is_some() => return Ok(Some(Seen::Logged(json))),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next line that tells of the run: an event, a change of a state, the verdict.
    pub(super) fn line_of_run(&mut self) -> Result<Option<Value>, Failure> {
        let Some(json) = self.line()? else {
            return match self.last {
                0 => Err(self.wrong("there is no event in this log")),
                _ => Ok(None),
            };
        };
        if self.over {
            return Err(self.wrong("something stands behind the end of the log"));
        }
        if json.get("event").is_none() {
            self.over = json.get("verdict").is_some() || json.get("dictionary").is_some();
            let is_known = self.over || json.get("state").is_some();
            return if is_known { Ok(Some(json)) } else { Err(self.wrong("this is no event")) };
        }
        let (number, last) = (number(&json, "number"), self.last);
        let whole = self.process().is_none();
        if number <= last || (whole && number != last + 1) {
            return Err(self.wrong(&format!("event {number} stands behind event {last}")));
        }
        self.last = number;
        Ok(Some(json))
    }

    /// The next line that is not empty.
    fn line(&mut self) -> Result<Option<Value>, Failure> {
        loop {
            let mut bytes = Vec::new();
            let mut lines = (&mut self.lines).take(LONGEST_LINE);
            let read = lines.read_until(b'\n', &mut bytes);
            let read =
                read.map_err(|error| Failure::File { path: self.path.clone(), error })? as u64;
            self.line += 1;
            match bytes.trim_ascii() {
                _ if read == 0 => return Ok(None),
                _ if read == LONGEST_LINE => return Err(self.wrong("this line is too long")),
                [] => {}
                text => {
                    let json = serde_json::from_slice(text);
                    return json.map(Some).map_err(|_| self.wrong("this is not JSON"));
                }
            }
        }
    }

    /// What is wrong with the line that was read last.
    pub(super) fn wrong(&self, reason: &str) -> Failure {
        Failure::Usage(format!(
            "{}:{}: {reason}; give a scenario, or what `perjury run --log json` wrote",
            self.path, self.line
        ))
    }
}
