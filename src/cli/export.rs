//! `perjury export`: a run in the forms that other programs read.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;

use crate::run;
use crate::scenario::Scenario;
use crate::trace::Line;
use crate::view::export::{Form, Happened, write};

use super::args::{Bytes, Subject, open};
use super::logged::{Logged, Seen};
use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Write a run in a form that other programs read.
#[derive(clap::Args)]
#[command(after_help = "\
The forms: shiviz, events with vector clocks, whose first line is the expression to be given to
ShiViz; perfetto, a trace for Perfetto or chrome://tracing, where what a process does at one instant
stands side by side, and `at_ns` tells when it happened; mermaid, a diagram for Markdown; sequence,
the same for a terminal. For JSON lines there is `perjury run --log json`.

Examples:
  perjury export scenarios/bcr/tail_drops_shuttle.toml --to shiviz -o drops.log
  perjury export run.jsonl --to perfetto -o run.json      a log that `run --log json` wrote
  perjury export small.toml --to mermaid >> notes.md")]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// The form.
    #[arg(long, value_name = "FORM")]
    to: To,
    /// Where it goes; standard output, without.
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
}

/// A form by its name.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum To {
    /// Events with vector clocks.
    Shiviz,
    /// Trace events as JSON.
    Perfetto,
    /// A sequence diagram for Markdown.
    Mermaid,
    /// A sequence diagram for a terminal.
    Sequence,
}

pub(super) fn export(args: &Args, shell: &mut Shell) -> Outcome {
    let file = &args.subject.file;
    let events = match open(file)? {
        Bytes::Scenario(bytes) => {
            let scenario = args.subject.understand(&args.subject.with(bytes)?, shell)?;
            events_of(&scenario, file)?
        }
        Bytes::Log(lines) => {
            args.subject.reader.has_no_part_in(file)?;
            events_told(Logged::new(file, lines)?, shell)?
        }
    };
    let form = match args.to {
        To::Shiviz => Form::Shiviz,
        To::Perfetto => Form::Perfetto,
        To::Mermaid => Form::Mermaid,
        To::Sequence => Form::Sequence,
    };
    let text = write(&events, form);
    if form == Form::Shiviz
        && let Some(warning) = too_much(&text)
    {
        shell.say(&warning);
    }
    match args.output.as_deref().filter(|output| *output != "-") {
        None => shell.write_all(text.as_bytes())?,
        Some(path) => {
            fs::write(path, text).map_err(Failure::at(path.as_ref()))?;
            shell.say(&format!("{path}: {} events", events.len()));
        }
    }
    Ok(Exit::Held)
}

/// So many bytes, and so many events, ShiViz reads in a few seconds. What it does first, finding
/// lines and clocks and the parents of each event, took in Node 3 s for 5.9 MB (5,212 events, 104
/// processes), 24 s for 23 MB (10,412 and 204), 140 s and half a gigabyte for 90 MB (20,812 and
/// 404): clocks grow with the processes and the events have them all. With six processes 16,832
/// events took 35 s, since the lines before each event are counted.
const SHIVIZ_BYTES: usize = 5_000_000;
const SHIVIZ_EVENTS: usize = 10_000;

/// What is to be said of a log that ShiViz takes long for, if ever it draws it.
fn too_much(text: &str) -> Option<String> {
    // Behind the expression, two lines an event: process and clock, then what happened.
    let heads = || text.lines().skip(2).step_by(2);
    let events = heads().count();
    let clocks = heads().filter_map(|line| Some(line.split_once(' ')?.1.len())).sum::<usize>();
    let processes = heads().filter_map(|line| Some(line.split_once(' ')?.0));
    let processes = processes.collect::<BTreeSet<&str>>().len();
    let megabytes = |bytes: usize| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
    let why = match (text.len() > SHIVIZ_BYTES, events > SHIVIZ_EVENTS) {
        (false, false) => return None,
        (true, _) if clocks * 2 > text.len() => format!(
            "{} of {} are vector clocks, a number for each of {processes} processes at every event",
            megabytes(clocks),
            megabytes(text.len())
        ),
        (true, _) => format!("these are {}", megabytes(text.len())),
        (false, true) => format!("these are {events} events"),
    };
    Some(format!(
        "warning: {why}; ShiViz takes seconds for 5 MB or 10000 events, and minutes for a few \
         times that. Leave clients or requests out, e.g. with --set, or take --to perfetto or \
         `perjury view`, which have no clocks"
    ))
}

/// The events of a scenario's run.
pub(super) fn events_of(scenario: &Scenario, file: &str) -> Result<Vec<Happened>, Failure> {
    let mut events = Vec::new();
    let mut keep = |line: Line| events.extend(Happened::from_json(&line.to_json()));
    let refused = |refusal| Failure::Refused { path: file.to_owned(), refusal };
    run::run_logged(scenario, Some(&mut keep)).map_err(refused)?;
    Ok(events)
}

/// The events that a log tells.
fn events_told(mut log: Logged, shell: &mut Shell) -> Result<Vec<Happened>, Failure> {
    let mut events = Vec::new();
    loop {
        match log.next() {
            Ok(Some(Seen::Live(line))) => events.extend(Happened::from_json(&line.to_json())),
            Ok(Some(Seen::Logged(json))) => events.extend(Happened::from_json(&json)),
            Ok(None) => return Ok(events),
            Err(failure) if events.is_empty() => return Err(failure),
            // Of a log that breaks off, what stands before is of use.
            Err(failure) => {
                shell.say(&format!("warning: what stands before is exported: {failure}"));
                return Ok(events);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_events_are_too_many_whatever_their_clocks() {
        let log = |events: usize, told: &str| {
            let event = format!("olympus {{\"olympus\":1}}\n{told}\n");
            format!("the expression\n\n{}", event.repeat(events))
        };
        assert_eq!(too_much(&log(SHIVIZ_EVENTS, "#1 started")), None);
        let said = too_much(&log(SHIVIZ_EVENTS + 1, "#1 started")).expect("it is too much");
        assert!(said.starts_with("warning: these are 10001 events; ShiViz takes "), "{said}");
        let said = too_much(&log(50, &"long ".repeat(40_000))).expect("it is too much");
        assert!(said.starts_with("warning: these are 10.0 MB; ShiViz takes "), "{said}");
    }
}
