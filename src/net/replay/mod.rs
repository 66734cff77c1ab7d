//! Replaying: what was recorded on sockets, again, in the simulator's terms.
//!
//! Every process is made again and handed the same inputs, at the same times by its clocks, with
//! the same entropy. What comes of each of them is compared with what is on record, event by event;
//! where it is something else, the recording and the code part. The processes take turns in the
//! order in which it happened, what was sent before what was received, so that their events are one
//! trace, which the judges of simulated runs judge:
//!
//! ```text
//!  track ──► player ──► seat (the process again) ──► events ──► scene ──► judges, lines
//!  (files)   (one process)                           (compared)  (one order)
//! ```
//!
//! What counts in a comparison is the canonical form of events, in which signatures are who signed
//! what, and whether that is valid.

mod clocks;
mod folder;
mod player;
mod presence;
mod scene;
#[cfg(test)]
mod tests;
mod track;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::crypto::Digest;
use crate::identity::{Address, Identity};
use crate::judge::Judged;
use crate::process::Interposers;
use crate::protocol::bcr::{Bcr, Quirk, Sound};
use crate::protocol::solo::Solo;
use crate::run::{Report, States, Told};
use crate::scenario::{self, Protocol as Runs, Scenario, Verdict};
use crate::trace::{Event, Line, Ordinals, What};

use super::real::{self, Ended, trouble};
use super::record::format::{Header, RECORDING_FORMAT, SCENARIO, Unread};
use clocks::Clocks;
use folder::{Unknown, files_in, parts_of, scenario_of};
pub use player::Parting;
use player::Player;
use scene::Scene;
pub use track::Cut;
use track::Track;

/// Why a recording is not replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file cannot be read.
    #[error("{path}: {error}; check the path and the permissions")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is nothing to replay.
    #[error("{0}: no recording is here; name a folder that `perjury serve --record` wrote")]
    Nothing(PathBuf),
    /// It was written by another version.
    #[error(
        "{file}: a recording of format {found}, and this program reads format {RECORDING_FORMAT}; \
         replay it with the version that recorded it"
    )]
    Format {
        /// Which file.
        file: PathBuf,
        /// Its format.
        found: String,
    },
    /// A file does not begin as one does.
    #[error(
        "{file}: this is no recording of a process, or damaged where it begins; take it out of the \
         folder if it is none"
    )]
    Header {
        /// Which file.
        file: PathBuf,
    },
    /// Something is in it that this program does not know.
    #[error(
        "{file}: what stands at byte {at} is nothing that this program records; replay it with the \
         version that recorded it"
    )]
    Entry {
        /// Which file.
        file: PathBuf,
        /// Where.
        at: u64,
    },
    /// The oldest files of a process were dropped.
    #[error(
        "the recording of {process} begins after its first {inputs} inputs, since older files were \
         dropped, and cannot be replayed; record with more room (`--record-keep`), or for less time"
    )]
    BeginsLater {
        /// Whose.
        process: String,
        /// How many inputs are lost.
        inputs: u64,
    },
    /// A file of a process is missing.
    #[error("file {segment} of {process} is missing; copy the whole folder")]
    Gap {
        /// Whose.
        process: String,
        /// Which.
        segment: u32,
    },
    /// Two recordings lie in one folder.
    #[error("{file} belongs to another recording than {other}; keep each in its own folder")]
    Mixed {
        /// A file of one of them; of the smaller one, where that is known.
        file: PathBuf,
        /// A file of the other one.
        other: PathBuf,
    },
    /// A file was copied twice.
    #[error(
        "file {segment} of {process} is there twice, as {file} and as {other}; take one of them out"
    )]
    Twice {
        /// Whose.
        process: String,
        /// Which.
        segment: u32,
        /// Where it is.
        file: PathBuf,
        /// Where it is too.
        other: PathBuf,
    },
    /// Not all who recorded ran the same.
    #[error(
        "{file} and {other} do not say the same of what was run; keep the recordings of each run \
         in a folder of their own, or mend the one that is wrong"
    )]
    Disagree {
        /// One of them.
        file: PathBuf,
        /// The other one.
        other: PathBuf,
    },
    /// A process is handed something before it was born.
    #[error("the recording of {process} does not begin with its birth; record it again")]
    Unborn {
        /// Whose.
        process: String,
    },
    /// Nobody knows what was run.
    #[error("{path}: {why}; it says what was run, and is written with the recording")]
    Scenario {
        /// Where that should stand.
        path: PathBuf,
        /// Why it is not known.
        why: String,
    },
    /// It is of another protocol.
    #[error("{file}: a recording of protocol `{found}`, not `{wanted}`; {REPLAY_OWN}")]
    Protocol {
        /// Which file.
        file: PathBuf,
        /// Its protocol.
        found: String,
        /// The one by which it was to be replayed.
        wanted: &'static str,
    },
}

/// What to do about a protocol of one's own.
const REPLAY_OWN: &str = "replay a protocol of your own with net::Recording::replay_of";

/// What is wrong with a file that is not read.
fn unread(path: &Path) -> impl Fn(Unread) -> ReplayError {
    move |unread| match unread {
        Unread::Io(error) => ReplayError::File { path: path.to_owned(), error },
        Unread::Format(found) => ReplayError::Format { file: path.to_owned(), found },
        Unread::Header => ReplayError::Header { file: path.to_owned() },
    }
}

/// Replays a recorded folder, as a test does that holds a failure still:
///
/// ```no_run
/// let replayed = perjury::net::replay("recordings/lost-operation").expect("it can be read");
/// assert!(replayed.is_as_recorded(), "{:?}", replayed.partings);
/// assert!(replayed.report.first_broken().is_none(), "{}", replayed.report);
/// ```
///
/// # Errors
///
/// If the folder holds no recording that can be replayed from its beginning.
pub fn replay(folder: impl AsRef<Path>) -> Result<Replayed, ReplayError> {
    Recording::open(folder)?.replay()
}

/// What came of a replay.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// What the judges say of the whole run, as of one that was simulated.
    pub report: Report,
    /// Each process.
    pub processes: Vec<ReplayedProcess>,
    /// Who is not on record at all, though others had something from him.
    pub lacking: Vec<Identity>,
    /// Where processes part from their recordings, in the order in which that happens.
    pub partings: Vec<Parting>,
    /// What came otherwise than its scenario expects, and may on sockets, where it depends on who
    /// is faster. Where it is not known how the run ended, that is among what the report misses.
    pub otherwise: Vec<String>,
}

impl Replayed {
    /// Whether all processes did again what they had done.
    pub fn is_as_recorded(&self) -> bool {
        self.partings.is_empty()
    }
}

/// A process that was replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedProcess {
    /// Which.
    pub process: Address,
    /// How many inputs it was handed.
    pub inputs: u64,
    /// How many events there were.
    pub events: u64,
    /// The digest of them: inputs and outputs, in their canonical form.
    pub digest: Digest,
    /// How many of these events a recorded digest, equal to this one's, confirms.
    pub confirmed: u64,
    /// Where its recording breaks off, if it does.
    pub cut: Option<Cut>,
    /// Whether its node was gone while others went on.
    pub is_gone: bool,
    /// Whether what others had from it is not all on record.
    pub is_silent: bool,
    /// Whether it went on after its recording had ended: what the judges make of the run is
    /// undecided then.
    pub is_broken_off: bool,
}

/// A recorded folder. Where several programs recorded, each to a folder of its own, it is the
/// folder in which all of these lie.
#[derive(Debug)]
pub struct Recording {
    folder: PathBuf,
    scenario: Result<Scenario, Unknown>,
    tracks: Vec<Arc<Track>>,
    clocks: Clocks,
    /// Who is known to have gone on after his recording ended.
    went_on: BTreeSet<Identity>,
    /// How it ended, if that is known: then nobody was gone before.
    ended: Option<Ended>,
}

impl Recording {
    /// Looks through a folder.
    ///
    /// # Errors
    ///
    /// If it holds no recording that can be replayed from its beginning.
    pub fn open(folder: impl AsRef<Path>) -> Result<Recording, ReplayError> {
        let folder = folder.as_ref().to_owned();
        let folders = parts_of(&folder)?;
        let files = files_in(&folders)?;
        if files.is_empty() {
            return Err(ReplayError::Nothing(folder));
        }
        let survey = |(process, files)| Track::survey(process, files).map(Arc::new);
        let tracks = files.into_iter().map(survey).collect::<Result<Vec<_>, _>>()?;
        let clocks = Clocks::of(&tracks)?;
        let went_on = presence::who_went_on(&tracks, &clocks);
        let scenario = scenario_of(&folders);
        let broken = |error| ReplayError::File { path: folder.clone(), error };
        let ended = Ended::kept(&folder).map_err(broken)?;
        Ok(Recording { folder, scenario, tracks, clocks, went_on, ended })
    }

    /// What was run.
    ///
    /// # Errors
    ///
    /// If that is not on record, is of a protocol that is not built in, or not all who recorded say
    /// the same.
    pub fn scenario(&self) -> Result<&Scenario, ReplayError> {
        self.scenario.as_ref().map_err(ReplayError::from)
    }

    /// Replays it.
    ///
    /// # Errors
    ///
    /// If it is not of a built-in protocol, or cannot be read.
    pub fn replay(&self) -> Result<Replayed, ReplayError> {
        self.built_in(Audience::Nobody)
    }

    /// Replays it, and tells every event of the whole run in its order; with `states`, how the
    /// states of processes change too.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn replay_told(
        &self,
        states: bool,
        tell: &mut dyn FnMut(Told),
    ) -> Result<Replayed, ReplayError> {
        self.built_in(Audience::Told { tell, states: states.then(States::default) })
    }

    fn built_in(&self, audience: Audience<'_>) -> Result<Replayed, ReplayError> {
        let scenario = self.scenario()?;
        match &scenario.protocol {
            Runs::Bcr(scenario::Bcr { quirk: None, .. }) => {
                let interposers = trouble::interposers::<Bcr<Sound>>(scenario);
                self.play(scenario, interposers, audience)
            }
            Runs::Bcr(_) => {
                let interposers = trouble::interposers::<Bcr<Quirk>>(scenario);
                self.play(scenario, interposers, audience)
            }
            Runs::Solo(_) => {
                let interposers = trouble::interposers::<Solo>(scenario);
                self.play(scenario, interposers, audience)
            }
            Runs::Own(own) => Err(ReplayError::Scenario {
                path: self.folder.join(SCENARIO),
                why: format!("`{}` is not built in; {REPLAY_OWN}", own.name),
            }),
        }
    }

    /// Replays it by this protocol, with others before its processes than its scenario says, before
    /// the judges of this scenario.
    ///
    /// # Errors
    ///
    /// If it is of another protocol, or cannot be read.
    pub fn replay_of<P: Judged>(
        &self,
        scenario: &Scenario,
        interposers: Option<Interposers<P>>,
    ) -> Result<Replayed, ReplayError>
    where
        P::Command: DeserializeOwned,
    {
        self.play(scenario, interposers, Audience::Nobody)
    }

    fn play<P: Judged>(
        &self,
        scenario: &Scenario,
        interposers: Option<Interposers<P>>,
        mut audience: Audience<'_>,
    ) -> Result<Replayed, ReplayError>
    where
        P::Command: DeserializeOwned,
    {
        let scheme = self.tracks[0].header.scheme;
        for Header { protocol, process, .. } in self.tracks.iter().map(|track| &track.header) {
            if protocol != P::NAME {
                let (file, found) = (self.folder.join(process), protocol.clone());
                return Err(ReplayError::Protocol { file, found, wanted: P::NAME });
            }
        }
        let scene = Rc::new(RefCell::new(Scene::new(scenario, scheme, audience.listens())));
        let mut stage = Stage::<P>::new(self, scene.clone(), interposers)?;
        stage.play(&mut audience)?;
        let killed: BTreeSet<Identity> = self
            .tracks
            .iter()
            .filter(|track| self.is_killed(track))
            .map(|track| track.who())
            .collect();
        // Nodes that all came to a good end have put down the end of every process, too.
        let has_no_end = |track: &Arc<Track>| self.ended.is_some() && track.ended.is_none();
        let is_cut = !self.went_on.is_empty() || self.tracks.iter().any(has_no_end);
        let mut report = scene.borrow().report(scenario, &killed, self.ended, is_cut);
        if self.tracks.iter().any(|track| track.is_spoilt()) || !report_is_whole(&report) {
            // What lacks may be what a judge misses.
            report.verdict = Verdict::Undecided;
        }
        let otherwise = match self.ended {
            Some(_) => real::forgive(&scenario.expect, &mut report),
            None => Vec::new(),
        };
        let partings = stage.partings(&scene.borrow())?;
        let scene = scene.borrow();
        let processes = stage.processes(self, scene.silent());
        let is_here = |who: &Identity| self.tracks.iter().any(|track| track.who() == *who);
        let lacking = scene.silent().iter().copied().filter(|who| !is_here(who)).collect();
        Ok(Replayed { report, processes, lacking, partings, otherwise })
    }
}

/// Whether all that matters of a run is on record.
fn report_is_whole(report: &Report) -> bool {
    !matches!(report.stop, crate::sim::Stop::Recorded { is_whole: false, .. })
}

/// Who is told of a replay.
enum Audience<'a> {
    Nobody,
    Told { tell: &'a mut dyn FnMut(Told), states: Option<States> },
}

impl Audience<'_> {
    fn listens(&self) -> bool {
        matches!(self, Audience::Told { .. })
    }

    /// A process made a step, which began with the event after this one.
    fn hear<P: Judged>(&mut self, scene: &RefCell<Scene<P>>, before: u64, player: &Player<P>)
    where
        P::Command: DeserializeOwned,
    {
        let Audience::Told { tell, states } = self else { return };
        scene.borrow_mut().take_lines().into_iter().for_each(|line| tell(Told::Event(line)));
        let Some(states) = states else { return };
        if let Some(change) = states.change(player.look(), player.track.process, before + 1) {
            tell(Told::State(change));
        }
    }
}

/// All processes, and whose turn it is.
struct Stage<P: Judged> {
    players: Vec<Player<P>>,
    places: BTreeMap<Identity, usize>,
    gone: Vec<bool>,
    scene: Rc<RefCell<Scene<P>>>,
    interposers: Option<Interposers<P>>,
    /// Who may go on, by time.
    ready: BTreeSet<(u64, usize)>,
    /// Who waits for somebody else to send what comes next.
    waiting: BTreeMap<usize, Vec<usize>>,
    /// Those who parted from their recordings, in order.
    parted: Vec<usize>,
}

impl<P: Judged> Stage<P>
where
    P::Command: DeserializeOwned,
{
    fn new(
        recording: &Recording,
        scene: Rc<RefCell<Scene<P>>>,
        interposers: Option<Interposers<P>>,
    ) -> Result<Stage<P>, ReplayError> {
        let gone = recording.gone();
        let player = |(track, gone_ns): (&Arc<Track>, &Option<u64>)| {
            Player::new(track.clone(), scene.clone(), recording.clocks.later_ns(track), *gone_ns)
        };
        let players = recording.tracks.iter().zip(&gone).map(player);
        let players: Vec<Player<P>> = players.collect::<Result<_, _>>()?;
        let place = |(place, player): (usize, &Player<P>)| (player.track.process.identity, place);
        let places = players.iter().enumerate().map(place).collect();
        let due = |(place, player): (usize, &Player<P>)| Some((player.due_ns()?, place));
        let ready = players.iter().enumerate().filter_map(due).collect();
        let gone = gone.iter().map(Option::is_some).collect();
        let (waiting, parted) = (BTreeMap::new(), Vec::new());
        Ok(Stage { players, places, gone, scene, interposers, ready, waiting, parted })
    }

    /// Whom a process waits for before its next step.
    fn waits_for(&self, place: usize) -> Option<usize> {
        let (from, sent) = self.players[place].waits_for()?;
        let sender = *self.places.get(&from)?;
        let is_due = self.scene.borrow().events_of(from) < sent;
        (is_due && self.players[sender].next.is_some()).then_some(sender)
    }

    fn play(&mut self, audience: &mut Audience<'_>) -> Result<(), ReplayError> {
        loop {
            let Some((_, place)) = self.ready.pop_first() else {
                // Only a recording that was meddled with has two that wait for each other.
                let Some((_, waiting)) = self.waiting.pop_first() else { return Ok(()) };
                for place in waiting {
                    self.step(place, audience)?;
                }
                continue;
            };
            match self.waits_for(place) {
                Some(sender) => self.waiting.entry(sender).or_default().push(place),
                None => self.step(place, audience)?,
            }
        }
    }

    /// Lets a process make its next step.
    fn step(&mut self, place: usize, audience: &mut Audience<'_>) -> Result<(), ReplayError> {
        let before = self.scene.borrow().events();
        let player = &mut self.players[place];
        player.play(self.interposers.as_ref())?;
        audience.hear(&self.scene, before, player);
        if player.parting.is_some() {
            self.parted.push(place);
        }
        let due = |place: usize| Some((self.players[place].due_ns()?, place));
        self.ready.extend(due(place));
        let freed = self.waiting.remove(&place).unwrap_or_default();
        self.ready.extend(freed.into_iter().filter_map(due));
        Ok(())
    }

    /// Where processes parted; of messages that somebody received, what they said.
    fn partings(&self, scene: &Scene<P>) -> Result<Vec<Parting>, ReplayError> {
        let parted = self.parted.iter().filter_map(|place| self.players[*place].parting.clone());
        let mut partings: Vec<Parting> = parted.collect();
        for parting in &mut partings {
            if !parting.sort.is_some_and(|sort| scene.name(sort).starts_with("sent")) {
                continue;
            }
            for track in self.players.iter().map(|player| &player.track) {
                let Parting { process, event, at_ns, .. } = *parting;
                if let Some(message) = track.message::<P>(process.identity, event)? {
                    let (to, copy) = (track.process, 0);
                    let what: What<'_, P> = What::Sent { to, message: &message, copy };
                    let event = Event { number: event, at_ns, process, cause: 0, what };
                    let line = Line::of(&event, scene.witness(), &mut Ordinals::default());
                    parting.recorded = line.to_string();
                    break;
                }
            }
        }
        Ok(partings)
    }

    fn processes(
        &self,
        recording: &Recording,
        silent: &BTreeSet<Identity>,
    ) -> Vec<ReplayedProcess> {
        let told = |(player, is_gone): (&Player<P>, &bool)| {
            let (events, digest) = player.digest();
            let process = player.track.process;
            let is_silent = silent.contains(&process.identity);
            ReplayedProcess {
                process,
                inputs: player.inputs,
                events,
                digest,
                confirmed: player.compared_events,
                cut: player.track.cut.clone(),
                is_gone: *is_gone,
                is_silent,
                is_broken_off: recording.broke_off(&player.track, is_silent),
            }
        };
        self.players.iter().zip(&self.gone).map(told).collect()
    }
}
