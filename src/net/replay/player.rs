//! One process again: handed the same inputs, and what comes of them compared with what came.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::choice::Name;
use crate::crypto::{Digest, Notary};
use crate::identity::{Address, Identity};
use crate::judge::Judged;
use crate::process::{Field, Interposers, Message as _, Process as _, Protocol, Ticket};
use crate::time::{Instant, Now};
use crate::trace::{Event, Fingerprint, Line, Ordinals, Watch, What};

use super::super::record::format::{Entry, Mark, Readable, Sight};
use super::super::record::state_of;
use super::super::seat::{Coming, Keep, Leaving, Seat};
use super::ReplayError;
use super::scene::Scene;
use super::track::{Reader, Track};

/// Where a recording and the code part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// Whose recording it is.
    pub process: Address,
    /// The number of the input, among the process's own: 1, 2, 3, …
    pub input: u64,
    /// What that is.
    pub told: String,
    /// When it came, by the program's monotonic clock.
    pub at_ns: u64,
    /// The number of the first event that differs, among the process's own.
    pub event: u64,
    /// What was recorded.
    pub recorded: String,
    /// What comes now.
    pub now: String,
    /// The sort of the recorded event, if there was one.
    pub(super) sort: Option<u32>,
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parting { process, input, told, at_ns, event, recorded, now, .. } = self;
        let at = Instant(*at_ns);
        write!(f, "{process}, input {input} ({told}, at {at}), event {event}\n  ")?;
        write!(f, "recorded    {recorded}\n  now         {now}")
    }
}

/// What an input is, in a few words.
#[derive(Clone, Copy)]
enum Told {
    Birth,
    Start,
    Message(Name, Identity),
    Command,
    Written,
    Tick,
    InVain(Identity),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Told::Birth => f.write_str("its birth"),
            Told::Start => f.write_str("its start"),
            Told::Message(kind, from) => write!(f, "{} from {from}", kind.text()),
            Told::Command => f.write_str("a command"),
            Told::Written => f.write_str("what it wrote is safe"),
            Told::Tick => f.write_str("time passed"),
            Told::InVain(whom) => write!(f, "{whom} cannot be made"),
        }
    }
}

/// An input of a process, and what is on record of what came of it.
pub(super) struct Step<P: Protocol> {
    now: Now,
    what: Next<P>,
}

enum Next<P: Protocol> {
    Input {
        input: Readable<P>,
        /// None where the recording breaks off.
        did: Option<Vec<Sight>>,
        marks: Vec<Mark>,
    },
    /// Its node is gone.
    Gone,
}

/// What is compared while an input is handled.
struct Compared {
    fingerprint: Fingerprint,
    /// What is on record for this input, if anything is.
    recorded: Option<Vec<Sight>>,
    /// How many events of this input were seen.
    seen: usize,
    /// Whether nothing more is on record, not even a digest.
    is_over: bool,
    /// The first event that differs: its number, what was recorded, what comes now.
    differs: Option<(u64, Option<Sight>, Option<String>)>,
}

impl Compared {
    fn new() -> Compared {
        let fingerprint = Fingerprint::of_recording();
        Compared { fingerprint, recorded: None, seen: 0, is_over: false, differs: None }
    }

    fn begin(&mut self, recorded: Option<Vec<Sight>>) {
        self.recorded = recorded;
        self.seen = 0;
    }

    fn see<P: Protocol>(&mut self, event: &Event<'_, P>, notary: &Notary) {
        if self.is_over {
            return;
        }
        let sight = Sight::of(event, notary, &mut self.fingerprint);
        let place = self.seen;
        self.seen += 1;
        let Some(recorded) = &self.recorded else { return };
        let recorded = recorded.get(place).copied();
        if recorded != Some(sight) && self.differs.is_none() {
            let line = Line::of(event, notary, &mut Ordinals::default());
            self.differs = Some((event.number, recorded, Some(line.to_string())));
        }
    }

    /// The input is handled: what was recorded and did not come differs too.
    fn end(&mut self) {
        let Some(recorded) = &self.recorded else { return };
        if let (Some(sight), None) = (recorded.get(self.seen), &self.differs) {
            self.differs = Some((self.fingerprint.events() + 1, Some(*sight), None));
        }
    }
}

/// Shows what happens to a process to those who compare, and to the judges of all.
struct Watcher<P: Judged> {
    scene: Rc<RefCell<Scene<P>>>,
    compared: Rc<RefCell<Compared>>,
    later_ns: u64,
}

impl<P: Judged> Watch<P> for Watcher<P> {
    fn see(&mut self, event: &Event<'_, P>, notary: &Notary) {
        self.compared.borrow_mut().see(event, notary);
        self.scene.borrow_mut().see(event, self.later_ns, notary);
    }
}

impl<P: Judged> Keep<P> for Watcher<P> {
    fn flush(&mut self) {}
}

/// A process that is replayed.
pub(super) struct Player<P: Judged> {
    pub(super) track: Arc<Track>,
    reader: Reader,
    /// What was read beyond the next step.
    ahead: Option<(Now, Readable<P>)>,
    /// What comes next.
    pub(super) next: Option<Step<P>>,
    scene: Rc<RefCell<Scene<P>>>,
    compared: Rc<RefCell<Compared>>,
    seat: Option<Seat<P>>,
    /// How much later its clock began than that of others.
    later_ns: u64,
    /// When its node was gone, if that was while others went on.
    gone_ns: Option<u64>,
    pub(super) inputs: u64,
    /// Up to which event digests were compared.
    pub(super) compared_events: u64,
    pub(super) parting: Option<Parting>,
}

impl<P: Judged> Player<P>
where
    P::Command: DeserializeOwned,
{
    pub(super) fn new(
        track: Arc<Track>,
        scene: Rc<RefCell<Scene<P>>>,
        later_ns: u64,
        gone_ns: Option<u64>,
    ) -> Result<Player<P>, ReplayError> {
        let mut player = Player {
            reader: Reader::new(track.clone()),
            track,
            ahead: None,
            next: None,
            scene,
            compared: Rc::new(RefCell::new(Compared::new())),
            seat: None,
            later_ns,
            gone_ns,
            inputs: 0,
            compared_events: 0,
            parting: None,
        };
        player.fetch()?;
        Ok(player)
    }

    /// When its next step is, by a clock that all share.
    pub(super) fn due_ns(&self) -> Option<u64> {
        self.next.as_ref().map(|step| step.now.monotonic_ns.saturating_add(self.later_ns))
    }

    /// The event that must have happened before the next step: of whom, which.
    pub(super) fn waits_for(&self) -> Option<(Identity, u64)> {
        match &self.next.as_ref()?.what {
            Next::Input { input: Entry::Message { from, sent, .. }, .. } => Some((*from, *sent)),
            _ => None,
        }
    }

    /// How many events there were, and the digest of them.
    pub(super) fn digest(&self) -> (u64, Digest) {
        let compared = self.compared.borrow();
        (compared.fingerprint.events(), compared.fingerprint.digest())
    }

    /// Its state, and the timers that run.
    pub(super) fn look(&self) -> Vec<Field> {
        let Some(seat) = &self.seat else { return Vec::new() };
        let later_ns = self.later_ns;
        let timers = seat.timers().map(|(due_ns, timer)| {
            let due = Instant(due_ns.saturating_add(later_ns));
            Field::new("timer", format!("{timer:?} at {due}"))
        });
        seat.process().map(|process| process.look()).into_iter().flatten().chain(timers).collect()
    }

    /// Reads the next step.
    fn fetch(&mut self) -> Result<(), ReplayError> {
        self.next = None;
        let input = loop {
            match self
                .ahead
                .take()
                .map_or_else(|| self.reader.next::<P>().transpose(), |e| Some(Ok(e)))
            {
                None => break None,
                Some(entry) => {
                    let (now, entry) = entry?;
                    if entry.is_input() {
                        break Some((now, entry));
                    }
                }
            }
        };
        let Some((now, input)) = input else {
            let now = |monotonic_ns| Now { monotonic_ns, wall_ns: 0 };
            self.next = self.gone_ns.take().map(|at| Step { now: now(at), what: Next::Gone });
            return Ok(());
        };
        let (mut did, mut marks) = (None, Vec::new());
        while let Some((now, entry)) = self.reader.next::<P>()? {
            match entry {
                Entry::Did(sights) => did = Some(sights),
                Entry::Mark(mark) | Entry::End(mark) => {
                    did.get_or_insert_default();
                    marks.push(mark);
                }
                input => {
                    did.get_or_insert_default();
                    self.ahead = Some((now, input));
                    break;
                }
            }
        }
        self.next = Some(Step { now, what: Next::Input { input, did, marks } });
        Ok(())
    }

    /// Makes the next step. A process that parts from its recording makes no more.
    pub(super) fn play(&mut self, interposers: Option<&Interposers<P>>) -> Result<(), ReplayError> {
        let Some(Step { now, what }) = self.next.take() else { return Ok(()) };
        let (input, did, marks) = match what {
            Next::Gone => {
                self.compared.borrow_mut().is_over = true;
                if let Some(seat) = self.seat.as_mut().filter(|seat| !seat.is_over()) {
                    seat.emit(now, 0, What::Crashed);
                }
                self.seat = None;
                return Ok(());
            }
            Next::Input { input, did, marks } => (input, did, marks),
        };
        self.inputs += 1;
        self.scene.borrow_mut().step();
        self.compared.borrow_mut().begin(did);
        let told = self.hand(now, input, interposers)?;
        self.compared.borrow_mut().end();
        self.follow_leaving();
        self.parting = self.parts(now, told, &marks);
        match self.parting {
            None => self.fetch(),
            Some(_) => Ok(()),
        }
    }

    /// Hands over an input.
    fn hand(
        &mut self,
        now: Now,
        input: Readable<P>,
        interposers: Option<&Interposers<P>>,
    ) -> Result<Told, ReplayError> {
        if let Entry::Born(birth) = input {
            self.bear(now, birth, interposers);
            return Ok(Told::Birth);
        }
        let Some(seat) = &mut self.seat else {
            return Err(ReplayError::Unborn { process: self.track.process.to_string() });
        };
        Ok(match input {
            Entry::Start { entropy, sharers } => {
                let scene = self.scene.borrow();
                sharers.iter().for_each(|(party, other)| scene.office().share_key(*party, *other));
                drop(scene);
                seat.take(now, Coming::Start(entropy));
                Told::Start
            }
            Entry::Message { from, sent, message } => {
                let told = Told::Message(message.kind(), from);
                seat.take(now, Coming::Message { from, sent, message });
                told
            }
            Entry::Command { ticket, command } => {
                seat.take(now, Coming::Command(Ticket(ticket), command));
                Told::Command
            }
            Entry::Written => {
                seat.take(now, Coming::Written);
                Told::Written
            }
            Entry::InVain { cause, whom } => {
                let (action, address) = ("spawn", Address::of(whom));
                seat.emit(now, cause, What::InVain { action, whom: address });
                Told::InVain(whom)
            }
            Entry::Tick | Entry::Born(_) | Entry::Did(_) | Entry::Mark(_) | Entry::End(_) => {
                seat.tick(now);
                Told::Tick
            }
        })
    }

    fn bear(&mut self, now: Now, birth: P::Birth, interposers: Option<&Interposers<P>>) {
        let address = self.track.process;
        let interposer = interposers.and_then(|find| find(address));
        let (scheme, scene) = (self.track.header.scheme, self.scene.borrow());
        let notary = match interposer {
            None => Notary::of(scene.office(), scheme),
            Some(_) => Notary::of_one_who_may_fail(scene.office(), scheme),
        };
        drop(scene);
        let (scene, compared) = (self.scene.clone(), self.compared.clone());
        let watcher = Watcher { scene, compared, later_ns: self.later_ns };
        let watch: Option<Box<dyn Keep<P>>> = Some(Box::new(watcher));
        let mut seat = Seat::new(address, birth.clone(), interposer, notary, watch);
        seat.emit(now, 0, What::Born { birth: &birth });
        self.seat = Some(seat);
    }

    /// Of what leaves the process only those whom it makes are of interest: all else is on record
    /// where it came.
    fn follow_leaving(&mut self) {
        let own = self.track.process.identity;
        let mut all = Vec::new();
        self.seat.iter_mut().for_each(|seat| seat.take_leaving(&mut all));
        for leaving in all {
            if let Leaving::Birth { identity, cause, .. } = leaving {
                self.scene.borrow_mut().spawn(own, cause, identity);
            }
        }
    }

    /// Whether what came of an input is other than what was recorded.
    fn parts(&mut self, now: Now, told: Told, marks: &[Mark]) -> Option<Parting> {
        let differs = self.compared.borrow_mut().differs.take();
        let (event, sort, recorded, now_text) = match differs {
            Some((number, sight, line)) => {
                let scene = self.scene.borrow();
                let sort = sight.map(Sight::sort);
                let recorded = sort.map(|sort| scene.name(sort));
                (number, sort, recorded, line)
            }
            None => {
                let (recorded, now) = marks.iter().find_map(|mark| self.misses(mark))?;
                (self.digest().0, None, Some(recorded), Some(now))
            }
        };
        let nothing = || "nothing more".to_owned();
        Some(Parting {
            process: self.track.process,
            input: self.inputs,
            told: told.to_string(),
            at_ns: now.monotonic_ns,
            event,
            recorded: recorded.unwrap_or_else(nothing),
            now: now_text.unwrap_or_else(nothing),
            sort,
        })
    }

    /// What a mark says and what it would say now, if it would say something else.
    fn misses(&mut self, mark: &Mark) -> Option<(String, String)> {
        let (events, digest) = self.digest();
        if (mark.events, mark.digest) != (events, digest) {
            let told = |events: u64, digest: &Digest| format!("{events} events, digest {digest}");
            return Some((told(mark.events, &mark.digest), told(events, &digest)));
        }
        self.compared_events = events;
        let process = self.seat.as_ref().and_then(Seat::process);
        if mark.is_over != process.is_none() {
            let told = |is_over| if is_over { "it has ended" } else { "it lives" }.to_owned();
            return Some((told(mark.is_over), told(!mark.is_over)));
        }
        let recorded = mark.state.as_ref()?;
        let process = process?;
        let found = state_of::<P>(process);
        let place = (0..recorded.len().max(found.len()))
            .find(|place| recorded.get(*place) != found.get(*place))?;
        let told = |field: Option<&(String, u64)>| match field {
            Some((name, hash)) => format!("a state with {name:?} of hash {hash:016x}"),
            None => "a state with fewer fields".to_owned(),
        };
        let shown = process.look().into_iter().nth(place);
        let shown = shown.map(|Field { name, value }| {
            let value: String = value.chars().take(SHOWN).collect();
            format!("a state with {name:?} = {value}")
        });
        Some((told(recorded.get(place)), shown.unwrap_or_else(|| told(None))))
    }
}

/// How much of a field of a state is shown.
const SHOWN: usize = 200;
