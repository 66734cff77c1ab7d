//! The table of the README: what a message costs the kernel, and a request the whole of Byzantine
//! chain replication, in instructions.
//!
//! `cargo bench --bench table` builds the other benches and runs each twice under valgrind, with
//! less and with more work, or without and with a failure; the difference is the cost, without
//! start and end.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::io;
use std::process::{Command, ExitCode, Output};

/// A row: what is measured, and how to run it.
struct Row {
    title: &'static str,
    bench: &'static str,
    /// The arguments before and after the amount of work.
    before: &'static [&'static str],
    after: &'static [&'static str],
    /// The two amounts of work.
    amounts: [u64; 2],
}

const CHAIN: Row = Row {
    title: "",
    bench: "bcr",
    before: &["1", "50"],
    after: &["nobody"],
    amounts: [2_000, 12_000],
};

const ROWS: [Row; 7] = [
    Row {
        title: "token ring of 5, a message",
        bench: "ring",
        before: &["5", "100"],
        after: &[],
        amounts: [20_000, 120_000],
    },
    Row {
        title: "token ring of 1,000, a message",
        bench: "ring",
        before: &["1000", "100"],
        after: &[],
        amounts: [20_000, 120_000],
    },
    Row { title: "bcr, nobody watches, a request", ..CHAIN },
    Row { title: "bcr, with the digest", after: &["digest"], ..CHAIN },
    Row { title: "bcr, judged, with the digest", after: &["judges"], ..CHAIN },
    Row {
        title: "bcr, nobody watches, ed25519",
        after: &["ed25519"],
        amounts: [200, 700],
        ..CHAIN
    },
    Row {
        title: "a run of `fuzz bcr`, drawn and judged",
        bench: "fuzz",
        before: &[],
        after: &["5"],
        amounts: [300, 1_300],
    },
];

/// A run at t = 3 in which the tail fails at the last of 1,000 requests, none of which a checkpoint
/// has put behind, so that the reconfiguration has them all to check.
const HISTORY: &[&str] = &["3", "1", "1000", "nobody", "checkpoint.every=1000000"];
const FAILURE: &str = r#"fault=[{replica=6,when="shuttle(0,999)",then="crash()"}]"#;

fn main() -> ExitCode {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not here, which counts the instructions; seconds would not repeat");
        return ExitCode::FAILURE;
    }
    let told = executables().and_then(|executables| {
        println!("| what | instructions | of them a message |\n|---|---:|---:|");
        ROWS.iter().try_for_each(|row| tell(row, &executables))?;
        tell_reconfiguration(&executables)
    });
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Builds the benches; returns their names and paths.
fn executables() -> io::Result<Vec<(String, String)>> {
    let words = "bench --no-run --bench ring --bench bcr --bench fuzz \
                 --message-format json-render-diagnostics";
    let output = Command::new(env!("CARGO"))
        .args(words.split(' '))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = lines.lines().filter_map(|line| serde_json::from_str(line).ok());
    let found = |message: serde_json::Value| {
        let executable = message["executable"].as_str()?.to_owned();
        Some((message["target"]["name"].as_str()?.to_owned(), executable))
    };
    Ok(messages.filter_map(found).collect())
}

fn tell(row: &Row, executables: &[(String, String)]) -> io::Result<()> {
    let path = built(row.bench, executables)?;
    let [less, more] = row.amounts.map(|amount| {
        let amount = amount.to_string();
        count(path, &[row.before, &[amount.as_str()], row.after].concat())
    });
    let (less, more) = (less?, more?);
    let each = (more.instructions - less.instructions) / (row.amounts[1] - row.amounts[0]);
    println!("| {} | {} | {} |", row.title, grouped(each), more.each_message(&less));
    Ok(())
}

/// What a failure adds to a run that is the same without it.
fn tell_reconfiguration(executables: &[(String, String)]) -> io::Result<()> {
    let path = built("bcr", executables)?;
    let (without, with) = (count(path, HISTORY)?, count(path, &[HISTORY, &[FAILURE]].concat())?);
    let all = with.instructions - without.instructions;
    let title = "bcr, t = 3, a reconfiguration, 1,000 slots";
    println!("| {title} | {} | {} |", grouped(all), with.each_message(&without));
    Ok(())
}

fn built<'a>(bench: &str, executables: &'a [(String, String)]) -> io::Result<&'a str> {
    let built = executables.iter().find(|(name, _)| name == bench);
    let (_, path) = built.ok_or_else(|| io::Error::other(format!("no bench {bench}")))?;
    Ok(path)
}

/// What one run came to.
struct Count {
    instructions: u64,
    /// None where the bench does not tell.
    messages: Option<u64>,
}

impl Count {
    /// Its instructions over its messages, less those of the other count.
    fn each_message(&self, less: &Count) -> String {
        let messages = self.messages.zip(less.messages).map(|(more, less)| more - less);
        let each = messages.map(|count| (self.instructions - less.instructions) / count.max(1));
        each.map_or_else(String::new, grouped)
    }
}

fn count(path: &str, arguments: &[&str]) -> io::Result<Count> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", path])
        .args(arguments)
        .output()?;
    let instructions = number_by(&output.stderr, "Collected :", Side::After);
    let messages = number_by(&output.stdout, " messages", Side::Before);
    match instructions {
        Some(instructions) => Ok(Count { instructions, messages }),
        None => Err(failure(&output)),
    }
}

/// On which side of a word its number stands.
#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

/// The number beside a word.
fn number_by(text: &[u8], word: &str, side: Side) -> Option<u64> {
    let text = String::from_utf8_lossy(text);
    let (before, after) = text.split_once(word)?;
    let number = match side {
        Side::Before => before.split_whitespace().next_back(),
        Side::After => after.split_whitespace().next(),
    };
    number?.parse().ok()
}

fn failure(output: &Output) -> io::Error {
    io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// With a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}
