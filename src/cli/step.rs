//! `perjury step`: a run by hand.

use std::io::{self, BufRead, Write as _};

use crate::identity::Address;
use crate::judge::Judged;
use crate::process::{Field, Process as _};
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
#[command(after_help = "Example:\n  perjury step scenarios/bcr/first.toml")]
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
        let mut session = Session { world, shell: self.shell };
        session.list(10)?;
        for line in io::stdin().lock().lines() {
            if !session.obey(line?.trim())? {
                break;
            }
            session.shell.flush()?;
        }
        Ok(())
    }
}

/// A run in the hands of a person.
struct Session<'a, P: Judged> {
    world: World<P>,
    shell: &'a mut Shell,
}

impl<P: Judged> Session<'_, P> {
    /// Does what a line says; returns whether to go on.
    fn obey(&mut self, line: &str) -> io::Result<bool> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" | "next" => self.happen(1)?,
            "run" => self.happen(rest.trim().parse().unwrap_or(u64::MAX))?,
            "list" => self.list(rest.trim().parse().unwrap_or(20))?,
            "look" => self.look(rest.trim())?,
            "who" => self.who()?,
            "quit" | "exit" => return Ok(false),
            "help" => writeln!(self.shell, "{HELP}")?,
            number => match number.parse::<usize>() {
                Ok(number) => self.choose(number)?,
                Err(_) => writeln!(self.shell, "'{line}' is no command; these are:\n{HELP}")?,
            },
        }
        Ok(true)
    }

    /// Lets so many things happen, and shows the events.
    fn happen(&mut self, count: u64) -> io::Result<()> {
        for _ in 0..count {
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
        let Some(process) = self.world.process(address) else {
            return writeln!(self.shell, "{address} is not there; 'who' lists the processes");
        };
        let mut fields = process.look();
        for (timer, due_ns) in self.world.timers(address) {
            fields.push(Field::new("timer", format!("{timer} at {}", Instant(due_ns))));
        }
        for Field { name, value } in fields {
            writeln!(self.shell, "  {name:16} {value}")?;
        }
        Ok(())
    }
}
