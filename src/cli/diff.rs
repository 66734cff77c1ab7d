//! `perjury diff`: the first event in which two runs part.

use std::collections::VecDeque;
use std::io::Write as _;

use serde_json::Value;

use crate::run;
use crate::time::Instant;
use crate::trace::Line;

use super::args::{Reader, bytes_of};
use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Find the first event in which two runs part. Exits with 0 if they do not, with 1 if they do.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  perjury diff before.toml after.toml
  perjury diff run.jsonl scenarios/bcr/first.toml      a log that `run --log json` wrote
  perjury diff first.toml first.toml --set network.loss=0.1    (options change the second)")]
pub(super) struct Args {
    /// A scenario, or a log in JSON lines.
    #[arg(value_name = "A")]
    a: String,
    /// Another.
    #[arg(value_name = "B")]
    b: String,
    #[command(flatten)]
    reader: Reader,
    /// How many events before the first difference are shown.
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    context: usize,
}

/// An event of either run: what it is told from, and how it is shown.
#[derive(Clone)]
struct Seen {
    json: Value,
    text: String,
}

pub(super) fn diff(args: &Args, shell: &mut Shell) -> Outcome {
    let a = events(&args.a, &Reader::default(), shell)?;
    let b = events(&args.b, &args.reader, shell)?;
    let parted = a.iter().zip(&b).position(|(a, b)| a.json != b.json);
    let place = match parted {
        None if a.len() == b.len() => {
            writeln!(shell, "the same run: {} events", a.len())?;
            return Ok(Exit::Held);
        }
        parted => parted.unwrap_or(a.len().min(b.len())),
    };
    let mut before: VecDeque<&Seen> = a[..place].iter().rev().take(args.context).collect();
    writeln!(shell, "the runs part at event {}:", place + 1)?;
    while let Some(seen) = before.pop_back() {
        writeln!(shell, "  both  {}", seen.text)?;
    }
    for (name, events) in [("A", &a), ("B", &b)] {
        let text = events.get(place).map_or("(the run had ended)", |seen| &seen.text);
        writeln!(shell, "  {name}     {text}")?;
    }
    Ok(Exit::Broken)
}

/// The events of a scenario's run, or of a log.
fn events(path: &str, reader: &Reader, shell: &mut Shell) -> Result<Vec<Seen>, Failure> {
    let bytes = bytes_of(path)?;
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        return logged(path, &bytes);
    }
    let scenario = reader.scenario(path, shell)?;
    let mut events = Vec::new();
    let mut keep = |line: Line| {
        events.push(Seen { json: line.to_json(), text: line.to_string() });
    };
    run::run_logged(&scenario, Some(&mut keep))
        .map_err(|refusal| Failure::Refused { path: path.to_owned(), refusal })?;
    Ok(events)
}

fn logged(path: &str, bytes: &[u8]) -> Result<Vec<Seen>, Failure> {
    let wrong = |line: usize, reason: &str| {
        Failure::Usage(format!(
            "{path}:{line}: {reason}; give a scenario, or what `perjury run --log json` printed"
        ))
    };
    let mut events = Vec::new();
    for (i, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let json: Value =
            serde_json::from_slice(line).map_err(|_| wrong(i + 1, "this is not JSON"))?;
        // The first line states the format, the last one is the verdict.
        if let Some(format) = json.get("format") {
            if *format != crate::trace::FORMAT {
                return Err(wrong(i + 1, &format!("the log's format {format} is not known")));
            }
            continue;
        }
        if json.get("event").is_some() && json.get("number").is_some() {
            let text = shown(&json);
            events.push(Seen { json, text });
        }
    }
    Ok(events)
}

/// A logged event, about as it is printed.
fn shown(json: &Value) -> String {
    let word = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
    let at_ns = json.get("at_ns").and_then(Value::as_u64).unwrap_or_default();
    format!("{} {}: {} {}: {json}", Instant(at_ns), word("process"), word("event"), word("kind"))
}
