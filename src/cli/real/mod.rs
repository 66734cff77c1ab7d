//! `perjury run --real`: a scenario on real sockets and in real time, each node a program.
//!
//! The programs of the nodes (`part`) are this one once more, driven over pipes (`troupe`,
//! `words`). They record what comes to each process; when the run is over, all of that is replayed
//! before the judges of simulated runs.

pub(super) mod part;
mod troupe;
mod words;

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::net::{self, Ended, Layout, Recording, Standing};
use crate::scenario::{Scenario, to_toml};

use super::serve::Signals;
use super::shell::Shell;
use super::{Exit, Failure, Outcome};
use super::{client, replay};
use troupe::{Troupe, TroupeError};

/// How often nodes are asked how they stand.
const ASKED_EVERY: Duration = Duration::from_millis(20);
/// How long after the nodes know each other time begins: meanwhile they connect.
const OPENING: Duration = Duration::from_millis(200);
/// How long the nodes may take to begin.
const BEGINNING_NS: u64 = 60_000_000_000;

/// What is wanted of a run on sockets.
pub(super) struct Wanted<'a> {
    /// What the scenario is called.
    pub(super) name: &'a str,
    /// Where its recordings stay, if they do.
    pub(super) keep: Option<&'a Path>,
    /// How it is told.
    pub(super) telling: replay::Wanted,
}

/// Runs a scenario on sockets, and prints the verdict.
pub(super) fn run(mut scenario: Scenario, wanted: &Wanted<'_>, shell: &mut Shell) -> Outcome {
    let unfit = net::fit(&scenario);
    if !unfit.is_empty() {
        let unfit: Vec<String> = unfit.iter().map(|one| format!("\n  {one}")).collect();
        let name = wanted.name;
        let why = format!("{name}: real sockets cannot honour all of it:{}", unfit.concat());
        return Err(Failure::Usage(why));
    }
    let unjudged = net::unjudged(&mut scenario.expect);
    if !unjudged.is_empty() {
        shell.say(&format!("not judged on real sockets: expect.{}", unjudged.join(", expect.")));
    }
    let folder = Folder::make(wanted.keep)?;
    let runtime = client::runtime()?;
    // Before anything runs, so that no signal finds it unprepared.
    let mut signals = runtime.block_on(async { Signals::new() })?;
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = play(&scenario, &folder.path) => ended.map(Some).map_err(broken),
            () = signals.next() => Ok::<_, Failure>(None),
        }
    })?;
    let Some(ended) = ended else {
        // Nodes that still run are killed before their folder goes.
        drop(runtime);
        shell.complain("stopped by a signal before the run was over; nothing is judged");
        return Ok(Exit::Undecided);
    };
    // Beside the signals, which end a long judgement too, and one that nobody reads.
    let (path, telling) = (folder.path.clone(), wanted.telling.clone());
    let mut own = shell.lend();
    let judging = runtime.spawn_blocking(move || {
        let outcome = judge(&ended, &path, &telling, &mut own);
        (own, outcome)
    });
    let judged = runtime.block_on(async {
        tokio::select! {
            judged = judging => Some(judged),
            () = signals.next() => None,
        }
    });
    // Whoever still judges ends with the program.
    runtime.shutdown_background();
    match judged {
        Some(Ok((own, outcome))) => {
            *shell = own;
            outcome
        }
        Some(Err(failed)) => panic::resume_unwind(failed.into_panic()),
        None => {
            shell.complain("stopped by a signal before the judges were done; nothing is decided");
            Ok(Exit::Undecided)
        }
    }
}

/// Replays what the nodes in this folder recorded, and tells the verdict.
fn judge(ended: &Ended, folder: &Path, telling: &replay::Wanted, shell: &mut Shell) -> Outcome {
    let failed = |error: net::ReplayError| Failure::Usage(error.to_string());
    ended.keep(folder).map_err(Failure::at(folder))?;
    let recording = Recording::open(folder).map_err(failed)?;
    replay::tell(&recording, telling, shell)
}

fn broken(error: TroupeError) -> Failure {
    Failure::Usage(error.to_string())
}

/// Plays a scenario to its end.
async fn play(scenario: &Scenario, folder: &Path) -> Result<Ended, TroupeError> {
    let Layout { nodes, .. } = Layout::of(scenario);
    let mut troupe = Troupe::start(nodes)?;
    let opening = OPENING + Duration::from_millis(20) * u32::from(nodes);
    troupe.begin(&to_toml(scenario), folder, opening, net::wall_ns).await?;
    let ended = watch(scenario, &mut troupe).await?;
    troupe.stop().await?;
    Ok(ended)
}

/// Waits until nothing is left to do, or for too long.
async fn watch(scenario: &Scenario, troupe: &mut Troupe) -> Result<Ended, TroupeError> {
    let mut before: Vec<Standing> = Vec::new();
    loop {
        let now = troupe.standings().await?;
        let ended = Ended::of(&before, &now);
        if ended.now_ns > BEGINNING_NS && now.iter().any(|one| !one.has_begun) {
            return Err(TroupeError::Apart);
        }
        if ended.stop(scenario).is_some() {
            return Ok(ended);
        }
        before = now;
        tokio::time::sleep(ASKED_EVERY).await;
    }
}

/// Where nodes record. A folder that nobody asked to keep goes with this.
struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Folder {
    fn make(keep: Option<&Path>) -> Result<Folder, Failure> {
        let (path, is_kept) = match keep {
            Some(path) => (path.to_owned(), true),
            None => {
                let number = getrandom::u64().map_err(std::io::Error::other)?;
                (std::env::temp_dir().join(format!("perjury-real-{number:016x}")), false)
            }
        };
        let is_free = fs::read_dir(&path).map_or(true, |mut entries| entries.next().is_none());
        if !is_free {
            let path = path.display();
            let why = format!("--keep {path}: there is something already; name a new folder");
            return Err(Failure::Usage(why));
        }
        let mut making = fs::DirBuilder::new();
        making.recursive(true);
        // What is recorded holds the keys of all processes.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut making, 0o700);
        making.create(&path).map_err(Failure::at(&path))?;
        Ok(Folder { path, is_kept })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept {
            // What is left there harms nobody.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
