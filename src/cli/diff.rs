//! `perjury diff`: the first event in which two runs part.
//!
//! Both runs go on side by side, an event at a time, so that a long run costs no more memory than a
//! short one.

use std::collections::VecDeque;
use std::io::Write as _;

use crate::crypto::Notary;
use crate::judge::Judged;
use crate::process::Protocol;
use crate::run::{self, Visitor};
use crate::scenario::Scenario;
use crate::sim::World;
use crate::trace::{Event, Line, Ordinals, Watch};
use crate::view::Picture;
use crate::words::counted;

use super::args::{Bytes, Reader, open, titled, used};
use super::logged::{Logged, Seen};
use super::shell::Shell;
use super::{Exit, Failure, Outcome, view};

/// Find the first event in which two runs part. Exits with 0 if they do not, with 1 if they do.
#[derive(clap::Args)]
#[command(after_help = "\
A log of one process, from --log-dir, is compared with that process's events alone.

Examples:
  perjury diff before.toml after.toml
  perjury diff run.jsonl scenarios/bcr/first.toml      a log that `run --log json` wrote
  perjury diff first.toml first.toml --set network.loss=0.1    (options change the second)
  perjury diff with_fault.toml without.toml --view both.html   (what did the fault change?)")]
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
    /// Draw both runs beside each other to this file, a page for a browser: aligned by what led to
    /// what, with the differences marked.
    #[arg(long, value_name = "PAGE")]
    view: Option<String>,
}

pub(super) fn diff(args: &Args, shell: &mut Shell) -> Outcome {
    let exit = compare(args, shell)?;
    if let Some(page) = &args.view {
        draw(args, page, shell)?;
    }
    Ok(exit)
}

/// Draws both runs. They are made, or read, once more: comparing them goes no further than to the
/// first difference.
fn draw(args: &Args, page: &str, shell: &mut Shell) -> Result<(), Failure> {
    let mut picture = Picture::default();
    view::draw_file(&mut picture, &args.a, &Reader::default(), shell)?;
    view::draw_file(&mut picture, &args.b, &args.reader, shell)?;
    view::write(&picture, page, shell)
}

fn compare(args: &Args, shell: &mut Shell) -> Outcome {
    if args.view.is_some() && [&args.a, &args.b].contains(&&"-".to_owned()) {
        let reason = "--view reads each run twice, and standard input is there once; give files";
        return Err(Failure::Usage(reason.to_owned()));
    }
    if args.view.as_deref() == Some("-") {
        let reason = "--view -: the first difference goes to standard output; name a file";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let mut a = Run::of(&args.a, &Reader::default(), shell)?;
    let mut b = Run::of(&args.b, &args.reader, shell)?;
    if args.view.is_some() && (a.process().is_some() || b.process().is_some()) {
        let reason = "--view compares whole runs, and a log of one process tells of no other; give \
                      scenarios, or what `run --log json` wrote";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let process = match (a.process(), b.process()) {
        (Some(one), Some(other)) if one != other => {
            let reason = format!("{}: of {one}; {}: of {other}", args.a, args.b);
            return Err(Failure::Usage(format!("{reason}; compare logs of the same process")));
        }
        (one, other) => one.or(other).map(str::to_owned),
    };
    writeln!(shell, "A: {}", args.a)?;
    writeln!(shell, "B: {}", titled(&args.b, &args.reader.changes()))?;
    if let Some(process) = &process {
        writeln!(shell, "the events of {process} alone:")?;
    }
    let (mut before, mut events) = (VecDeque::new(), 0_u64);
    loop {
        let pair = (a.next(process.as_deref())?, b.next(process.as_deref())?);
        match pair {
            (None, None) => {
                writeln!(shell, "the same run: {}", counted(events, "event", "events"))?;
                return Ok(Exit::Held);
            }
            (Some(one), Some(other)) if one.is_like(&other) => {
                events += 1;
                before.push_back(one);
                if before.len() > args.context {
                    before.pop_front();
                }
            }
            (one, other) => {
                tell(&before, [one, other], shell)?;
                return Ok(Exit::Broken);
            }
        }
    }
}

/// Shows where the runs part.
fn tell(
    before: &VecDeque<Seen>,
    parted: [Option<Seen>; 2],
    shell: &mut Shell,
) -> std::io::Result<()> {
    let place = parted.iter().flatten().map(Seen::number).min().unwrap_or_default();
    writeln!(shell, "the runs part at event {place}:")?;
    for seen in before {
        writeln!(shell, "  both  {seen}")?;
    }
    for (name, event) in ["A", "B"].into_iter().zip(parted) {
        match event {
            Some(seen) => writeln!(shell, "  {name}     {seen}")?,
            None => writeln!(shell, "  {name}     (the run had ended)")?,
        }
    }
    Ok(())
}

/// A run, an event at a time.
enum Run {
    /// Being made.
    Live(Box<dyn Going>),
    /// Written down.
    Logged(Logged),
}

impl Run {
    /// The run of a scenario, or the one that a log tells.
    fn of(path: &str, reader: &Reader, shell: &mut Shell) -> Result<Run, Failure> {
        let bytes = match open(path)? {
            Bytes::Scenario(bytes) => bytes,
            Bytes::Log(lines) => {
                reader.has_no_part_in(path)?;
                return Ok(Run::Logged(Logged::new(path, lines)?));
            }
        };
        let scenario = used(reader.read_bytes(path, &bytes)?, shell)?;
        let going = run::visit(&scenario, Starting);
        let refused = |refusal| Failure::Refused { path: path.to_owned(), refusal };
        Ok(Run::Live(going.map_err(refused)?))
    }

    /// Whose events alone are told, if not everybody's.
    fn process(&self) -> Option<&str> {
        match self {
            Run::Live(_) => None,
            Run::Logged(log) => log.process(),
        }
    }

    /// The next event, of this process if one is named.
    fn next(&mut self, process: Option<&str>) -> Result<Option<Seen>, Failure> {
        loop {
            let next = match self {
                Run::Live(going) => going.next().map(Seen::Live),
                Run::Logged(log) => log.next()?,
            };
            let is_other = |seen: &Seen| process.is_some_and(|process| !seen.is_of(process));
            match next {
                Some(seen) if is_other(&seen) => {}
                next => return Ok(next),
            }
        }
    }
}

/// A run that is made as far as somebody wants to see it.
trait Going {
    /// The next event; none when the run is over.
    fn next(&mut self) -> Option<Line>;
}

struct Starting;

impl Visitor for Starting {
    type Outcome = Box<dyn Going>;

    fn visit<P: Judged>(self, _: &Scenario, world: World<P>) -> Box<dyn Going> {
        Box::new(Stepped { world, seen: Ready::default() })
    }
}

/// A world, and what was seen of its last step.
struct Stepped<P: Judged> {
    world: World<P>,
    seen: Ready,
}

impl<P: Judged> Going for Stepped<P> {
    fn next(&mut self) -> Option<Line> {
        while self.seen.lines.is_empty() {
            if self.world.step(&mut self.seen).is_some() {
                break;
            }
        }
        self.seen.lines.pop_front()
    }
}

/// Keeps the lines of what it sees until they are taken.
#[derive(Default)]
struct Ready {
    ordinals: Ordinals,
    lines: VecDeque<Line>,
}

impl<P: Protocol> Watch<P> for Ready {
    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        self.lines.push_back(Line::of(event, notary, &mut self.ordinals));
    }
}
