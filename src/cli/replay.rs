//! `perjury replay`: what was recorded on real sockets, again, under its judges.

use std::fmt::{self, Display};
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::identity::Class;
use crate::net::{Recording, Replayed, ReplayedProcess};
use crate::run::{self, Told};
use crate::scenario::Scenario;
use crate::view::Picture;
use crate::words::counted;

use super::run::{End, Form, header, print, to_json};
use super::shell::Shell;
use super::telling::Form as LogForm;
use super::{Exit, Failure, Outcome, view};

/// Replay what was recorded on real sockets: the same processes are handed the same inputs again,
/// and whatever comes of them is compared with what came then.
#[derive(clap::Args)]
#[command(after_help = "\
Exits with 0 if every process did again what it had done and everything held; 1 if a process and
its recording part, or a property broke; 2 for what cannot be replayed; 3 if the recording does not
tell all; 5 beyond tolerance.

Examples:
  perjury serve --t 1 --record recorded           until it is stopped, or killed
  perjury replay recorded
  perjury replay recorded --log text | grep 'replica 0.1'
  perjury replay recorded --view recorded.html")]
pub(super) struct Args {
    /// The folder that was recorded to.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print every event before the verdict.
    #[arg(long, value_name = "FORM")]
    log: Option<LogForm>,
    /// Put the states of the processes into a log in JSON lines too: what changed after each input.
    #[arg(long)]
    states: bool,
    /// Write a picture of the run to this file, a page for a browser.
    #[arg(long, value_name = "PAGE")]
    view: Option<String>,
    /// Print the verdict as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn replay(args: &Args, shell: &mut Shell) -> Outcome {
    let failed = |error: crate::net::ReplayError| Failure::Usage(error.to_string());
    let wanted = Wanted {
        name: args.folder.display().to_string(),
        log: args.log,
        states: args.states,
        view: args.view.clone(),
        json: args.json,
        compares: true,
    };
    wanted.check()?;
    tell(&Recording::open(&args.folder).map_err(failed)?, &wanted, shell)
}

/// How a replay is told.
#[derive(Clone)]
pub(super) struct Wanted {
    /// What it is called.
    pub(super) name: String,
    /// Whether and how events are printed.
    pub(super) log: Option<LogForm>,
    /// Whether states of processes are, too.
    pub(super) states: bool,
    /// Where a picture goes, if one is drawn.
    pub(super) view: Option<String>,
    /// Whether the verdict is JSON.
    pub(super) json: bool,
    /// Whether it is told how each process compares with its recording, though it does.
    pub(super) compares: bool,
}

impl Wanted {
    /// Whether what is wanted goes together.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.states && self.log != Some(LogForm::Json) {
            let reason = "--states adds to a log in JSON lines; say --log json too";
            return Err(Failure::Usage(reason.to_owned()));
        }
        if self.view.as_deref() == Some("-") {
            let reason = "--view -: the verdict goes to standard output; name a file";
            return Err(Failure::Usage(reason.to_owned()));
        }
        Ok(())
    }
}

/// Replays a recording, and tells what comes of it.
pub(super) fn tell(recording: &Recording, wanted: &Wanted, shell: &mut Shell) -> Outcome {
    let failed = |error: crate::net::ReplayError| Failure::Usage(error.to_string());
    let scenario = recording.scenario().map_err(failed)?;
    let name = &wanted.name;
    let mut picture = Picture::default();
    let replayed = match wanted.log.is_none() && wanted.view.is_none() {
        true => recording.replay().map_err(failed)?,
        false => {
            let mut told = Telling::begin(wanted, scenario, &mut picture, shell)?;
            let states = wanted.states || wanted.view.is_some();
            let replayed = recording.replay_told(states, &mut |one| told.take(one));
            told.done?;
            replayed.map_err(failed)?
        }
    };
    let verdict = verdict_to_json(scenario, &replayed);
    if let Some(page) = &wanted.view {
        picture.take(&verdict).map_err(|unfit| Failure::Usage(unfit.to_string()))?;
        view::write(&picture, page, shell)?;
    }
    match (wanted.json, wanted.log) {
        // A log in JSON lines stays one to its end.
        (_, Some(LogForm::Json)) => writeln!(shell, "{verdict}")?,
        (true, _) => writeln!(shell, "{verdict:#}")?,
        (false, log) => {
            if log == Some(LogForm::Text) {
                writeln!(shell, "{}", End(&replayed.report))?;
            }
            print(name, scenario, &replayed.report, shell)?;
            for otherwise in &replayed.otherwise {
                writeln!(shell, "  otherwise   {otherwise}: that depends on who is faster")?;
            }
            if wanted.compares || !replayed.is_as_recorded() {
                write!(shell, "{}", Compared(&replayed))?;
            }
        }
    }
    Ok(match replayed.is_as_recorded() {
        true => Exit::of(&replayed.report),
        false => Exit::Broken,
    })
}

/// Tells what happens, to all who want to know.
struct Telling<'a> {
    log: Option<Form>,
    states: bool,
    picture: Option<&'a mut Picture>,
    shell: &'a mut Shell,
    done: Result<(), Failure>,
}

impl<'a> Telling<'a> {
    fn begin(
        wanted: &Wanted,
        scenario: &Scenario,
        picture: &'a mut Picture,
        shell: &'a mut Shell,
    ) -> Result<Telling<'a>, Failure> {
        let log = wanted.log.map(|form| match form {
            LogForm::Text => Form::Text,
            LogForm::Json => Form::Json,
        });
        if log == Some(Form::Json) {
            writeln!(shell, "{}", header(scenario))?;
        }
        let mut picture = wanted.view.is_some().then_some(picture);
        if let Some(picture) = &mut picture {
            picture.begin(&wanted.name);
            picture.summary(&run::Summary(scenario).to_string());
            let unfit = picture.take(&header(scenario));
            unfit.map_err(|unfit| Failure::Usage(unfit.to_string()))?;
        }
        Ok(Telling { log, states: wanted.states, picture, shell, done: Ok(()) })
    }

    fn take(&mut self, told: Told) {
        if self.done.is_ok() {
            self.done = self.tell(&told);
        }
    }

    fn tell(&mut self, told: &Told) -> Result<(), Failure> {
        if let Some(picture) = &mut self.picture {
            let unfit = picture.take(&told.to_json());
            unfit.map_err(|unfit| Failure::Usage(unfit.to_string()))?;
        }
        let is_wanted = self.states || matches!(told, Told::Event(_));
        if let Some(form) = self.log.filter(|_| is_wanted && !self.shell.is_closed()) {
            form.print_told(told, self.shell)?;
        }
        Ok(())
    }
}

/// How a replay compares with what was recorded.
struct Compared<'a>(&'a Replayed);

impl Display for Compared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Replayed { processes, lacking, partings, .. } = self.0;
        for process in processes.iter().filter(|one| !is_plain_client(one)) {
            let ReplayedProcess { inputs, events, digest, .. } = process;
            let name = process.process.to_string();
            writeln!(f, "  {name:<11} {inputs} inputs, {events} events, digest {digest:#}")?;
            if let Some(cut) = &process.cut {
                writeln!(f, "              {cut}")?;
            }
            if process.is_gone {
                writeln!(f, "              its node was gone before the others")?;
            }
            if process.is_silent {
                writeln!(f, "              others have from it what is not on record")?;
            }
            if process.is_broken_off {
                writeln!(f, "              it went on after its recording ended: {WENT_ON}")?;
            }
            if process.confirmed < *events {
                let open = counted(events - process.confirmed, "event", "events");
                writeln!(
                    f,
                    "              its end is not on record: no digest tells its last {open}"
                )?;
            }
        }
        let clients = processes.iter().filter(|one| is_plain_client(one));
        let (mut count, mut inputs, mut events) = (0_u64, 0, 0);
        clients.for_each(|one| {
            count += 1;
            inputs += one.inputs;
            events += one.events;
        });
        if count > 0 {
            let clients = counted(count, "client", "clients");
            writeln!(f, "  {clients:<11} {inputs} inputs, {events} events")?;
        }
        for who in lacking {
            writeln!(
                f,
                "  LACKS       {who}: others had something from it, and it is not on record"
            )?;
        }
        for parting in partings {
            writeln!(f, "  PARTED      {parting}")?;
        }
        match partings.len() {
            0 if lacking.is_empty() => {
                writeln!(f, "  replayed    every process as it was recorded")
            }
            0 => {
                writeln!(f, "  replayed    every process of which there is a recording, as it was")
            }
            count => {
                let parted = counted(count, "process parts", "processes part");
                writeln!(f, "  replayed    {parted} from the recording")
            }
        }
    }
}

/// What to do about a recording that ends before its process.
const WENT_ON: &str = "copy all of its files, or make room on its disk and record anew";

/// Whether nothing need be said of a client of its own.
fn is_plain_client(process: &ReplayedProcess) -> bool {
    let ReplayedProcess { cut, is_gone, is_silent, is_broken_off, .. } = process;
    let is_remarkable = cut.is_some() || *is_gone || *is_silent || *is_broken_off;
    process.process.identity.class == Class::Client && !is_remarkable
}

/// What `run` says of a run, and how the processes compare with what was recorded.
fn verdict_to_json(scenario: &Scenario, replayed: &Replayed) -> Value {
    let processes = replayed.processes.iter().map(|process| {
        json!({
            "process": process.process.to_string(),
            "inputs": process.inputs,
            "events": process.events,
            "digest": format!("{:#}", process.digest),
            "confirmed": process.confirmed,
            "cut": process.cut.as_ref().map(ToString::to_string),
            "gone": process.is_gone,
            "silent": process.is_silent,
            "broken_off": process.is_broken_off,
        })
    });
    let partings = replayed.partings.iter().map(|parting| {
        json!({
            "process": parting.process.to_string(),
            "input": parting.input,
            "told": parting.told,
            "at_ns": parting.at_ns,
            "event": parting.event,
            "recorded": parting.recorded,
            "now": parting.now,
        })
    });
    let mut verdict = to_json(scenario, &replayed.report);
    verdict["processes"] = processes.collect();
    verdict["partings"] = partings.collect();
    verdict["lacking"] = replayed.lacking.iter().map(ToString::to_string).collect();
    verdict["otherwise"] = json!(replayed.otherwise);
    verdict
}
