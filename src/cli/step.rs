//! `perjury step`: a run by hand.
//!
//! What a person lets happen first is no answer to a question of the run (a latency is an answer,
//! but not every latency can be one), so it goes on no tape. What is kept instead are the commands:
//! the same commands make the same run.

use std::fs;
use std::io::{self, BufRead, Write as _};

use crate::identity::Address;
use crate::judge::Judged;
use crate::process::Field;
use crate::run::{self, Visitor};
use crate::scenario::Scenario;
use crate::sim::{Pending, World};
use crate::time::Instant;
use crate::trace::{Line, Lines};

use super::args::Subject;
use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Run a scenario by hand: see what is pending, choose, look at a process.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  perjury step scenarios/bcr/first.toml
  perjury step first.toml < session.txt      again what `save session.txt` wrote")]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
}

const HELP: &str = "\
  (empty) or next   let the next thing happen
  5                 let number 5 of the list happen now
  run 20            let 20 things happen, or all: run
  list              what is pending; list 50 shows 50
  look replica 0.1  look at a process
  who               the processes
  save FILE         write down what was let happen so far: `perjury step SCENARIO < FILE` does it
                    again (no tape can: which message goes first is no answer to a question)
  help, quit";

pub(super) fn step(args: &Args, shell: &mut Shell) -> Outcome {
    let scenario = args.subject.scenario(shell)?;
    let visited = run::visit(&scenario, Stepping { shell });
    visited.map_err(|refusal| Failure::Refused { path: args.subject.file.clone(), refusal })??;
    Ok(Exit::Held)
}

struct Stepping<'a> {
    shell: &'a mut Shell,
}

impl Visitor for Stepping<'_> {
    type Outcome = io::Result<()>;

    fn visit<P: Judged>(self, _: &Scenario, world: World<P>) -> io::Result<()> {
        let mut session = Session { world, shell: self.shell, done: Vec::new() };
        session.list(10)?;
        for line in io::stdin().lock().lines() {
            if !session.obey(line?.trim())? || session.shell.is_closed() {
                break;
            }
            session.shell.flush()?;
        }
        Ok(())
    }
}

/// The number in a command, or what it means without one.
fn number(text: &str, without: u64) -> Option<u64> {
    if text.is_empty() { Some(without) } else { text.parse().ok() }
}

/// A run in the hands of a person.
struct Session<'a, P: Judged> {
    world: World<P>,
    shell: &'a mut Shell,
    /// The commands that let something happen.
    done: Vec<String>,
}

impl<P: Judged> Session<'_, P> {
    /// Does what a line says; returns whether to go on.
    fn obey(&mut self, line: &str) -> io::Result<bool> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let steps = self.world.stats().steps;
        match word {
            "" | "next" => self.happen(1)?,
            "run" => match number(rest, u64::MAX) {
                Some(count) => self.happen(count)?,
                None => writeln!(self.shell, "'{rest}' is no number; 'run 20' lets 20 happen")?,
            },
            "list" => match number(rest, 20) {
                Some(count) => self.list(count as usize)?,
                None => writeln!(self.shell, "'{rest}' is no number; 'list 50' shows 50")?,
            },
            "look" => self.look(rest)?,
            "who" => self.who()?,
            "save" => self.save(rest)?,
            "quit" | "exit" => return Ok(false),
            "help" => writeln!(self.shell, "{HELP}")?,
            number => match number.parse::<usize>() {
                Ok(number) => self.choose(number)?,
                Err(_) => writeln!(self.shell, "'{line}' is no command; these are:\n{HELP}")?,
            },
        }
        if self.world.stats().steps != steps {
            self.done.push(line.to_owned());
        }
        Ok(true)
    }

    /// Writes down what was let happen.
    fn save(&mut self, path: &str) -> io::Result<()> {
        if path.is_empty() {
            return writeln!(self.shell, "say where: save FILE");
        }
        let words = self.done.iter().map(|line| if line.is_empty() { "next" } else { line });
        let text: String = words.map(|line| format!("{line}\n")).collect();
        match fs::write(path, text) {
            Ok(()) => writeln!(self.shell, "{} commands are in {path}", self.done.len()),
            Err(error) => writeln!(self.shell, "{path}: {error}"),
        }
    }

    /// Lets so many things happen, and shows the events.
    fn happen(&mut self, count: u64) -> io::Result<()> {
        for _ in 0..count {
            if self.shell.is_closed() {
                break;
            }
            let mut told: Vec<Line> = Vec::new();
            let stop = self.world.step(&mut Lines::new(|line| told.push(line)));
            for line in told {
                writeln!(self.shell, "{line}")?;
            }
            if let Some(stop) = stop {
                return writeln!(self.shell, "the run is over: {stop}");
            }
        }
        Ok(())
    }

    fn choose(&mut self, number: usize) -> io::Result<()> {
        let pending = self.world.pending();
        match pending.get(number) {
            Some(plan) if self.world.prefer(plan) => self.happen(1),
            Some(_) => writeln!(
                self.shell,
                "number {number} cannot happen now: it is a timer, or its way is blocked"
            ),
            None => writeln!(self.shell, "there is no number {number}; 'list' shows what there is"),
        }
    }

    fn list(&mut self, count: usize) -> io::Result<()> {
        let pending = self.world.pending();
        writeln!(self.shell, "at {}: {} pending", Instant(self.world.now_ns()), pending.len())?;
        for (i, Pending { at_ns, process, text, .. }) in pending.iter().take(count).enumerate() {
            writeln!(self.shell, "{i:4}  {} {process}: {text}", Instant(*at_ns))?;
        }
        Ok(())
    }

    fn who(&mut self) -> io::Result<()> {
        let addresses: Vec<String> =
            self.world.processes().map(|(address, _)| address.to_string()).collect();
        writeln!(self.shell, "{}", addresses.join(", "))
    }

    fn look(&mut self, whom: &str) -> io::Result<()> {
        let Ok(address) = whom.parse::<Address>() else {
            return writeln!(self.shell, "'{whom}' names no process; 'who' lists them");
        };
        if self.world.process(address).is_none() {
            return writeln!(self.shell, "{address} is not there; 'who' lists the processes");
        }
        for Field { name, value } in run::look(&self.world, address) {
            writeln!(self.shell, "  {name:16} {value}")?;
        }
        Ok(())
    }
}
