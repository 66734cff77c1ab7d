//! The simulator: virtual time, a simulated network, and one loop that hands inputs to processes.
//!
//! [`World`] runs the processes of one [`Protocol`]. What is random in it is asked of
//! [`crate::choice`]; what is wanted of it is said in [`Settings`].

mod branch;
mod carried;
mod directory;
mod effects;
mod ground;
mod link;
mod lives;
mod messages;
mod node;
mod pending;
mod queue;
mod redraw;
#[cfg(feature = "net")]
mod roads;
mod slab;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::choice::{Name, Subject, Tape};
use crate::crypto::{Counts, Memory, Notary, Scheme};
use crate::identity::Address;
use crate::process::{Interposers, Protocol, Ticket};
use crate::scenario::{Limits, Network, ProcessTrouble, Schedule};

use carried::Carried;

pub use branch::{Branches, Next, NextWhat};
#[cfg(feature = "net")]
pub(crate) use link::Fate;
#[cfg(feature = "net")]
pub(crate) use node::Clock;
pub use pending::Pending;
#[cfg(feature = "net")]
pub(crate) use roads::Roads;
pub use world::World;

/// Makes a process from its birth.
pub type Cradle<P> =
    Arc<dyn Fn(Address, &<P as Protocol>::Birth) -> <P as Protocol>::Process + Send + Sync>;

/// What is wanted of a world.
#[derive(Clone)]
pub struct Settings<P: Protocol> {
    /// Where answers come from.
    pub seed: u64,
    /// Answers that replace the seed's.
    pub tape: Tape,
    /// The links.
    pub network: Network,
    /// In which order messages arrive.
    pub schedule: Schedule,
    /// Trouble with clocks and pauses.
    pub troubles: Vec<ProcessTrouble>,
    /// Where the run is given up.
    pub limits: Limits,
    /// How long the run may take to come to rest when nothing troubles it any more; none for as
    /// long as the limits allow.
    pub patience: Option<Patience>,
    /// How many plans may be carried out at one instant, with no message among them that was not
    /// sent before, until the run is called endless.
    pub steps_at_one_instant: u64,
    /// How many messages, timers and other plans each may be pending, at most 2²⁴; with more the
    /// run is given up.
    pub most_pending: usize,
    /// How long it takes until what a process persists is safe.
    pub disk_ns: u64,
    /// Who signs and checks.
    pub notary: Notary,
    /// Makes processes.
    pub cradle: Cradle<P>,
    /// Who stands before which process; without one, nobody.
    pub interposers: Option<Interposers<P>>,
}

/// How many ed25519 signatures a simulation remembers, so as not to check what it made itself.
const SIGNATURES_REMEMBERED: usize = 1 << 14;

impl<P: Protocol> Settings<P> {
    /// A fast, faultless network, and everything else as scenarios have it by default.
    pub fn new(seed: u64) -> Settings<P> {
        Settings {
            seed,
            tape: Tape::default(),
            network: Network::default(),
            schedule: Schedule::Timed,
            troubles: Vec::new(),
            limits: Limits::default(),
            patience: None,
            steps_at_one_instant: 1_000_000,
            most_pending: 1 << 24,
            disk_ns: 0,
            notary: Settings::<P>::notary(Scheme::Ideal),
            cradle: Arc::new(|_, birth| P::born(birth.clone())),
            interposers: None,
        }
    }

    /// A notary that remembers what was signed in the run.
    pub fn notary(scheme: Scheme) -> Notary {
        Notary::new(scheme, Memory::Remember { capacity: SIGNATURES_REMEMBERED })
    }
}

impl<P: Protocol> fmt::Debug for Settings<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// How long a run may take to come to rest, counted from its last trouble: when a failure was
/// carried out or armed, or a pause ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// When the last trouble that is planned is over.
    pub planned_ns: u64,
    /// How long at least.
    pub least_ns: u64,
    /// How much more for each nanosecond before the last trouble: who was kept waiting may have
    /// become patient himself.
    pub growth: u64,
}

impl Patience {
    /// When the run must be at rest, if this was the last trouble.
    #[must_use]
    pub fn ends_ns(&self, trouble_ns: u64) -> u64 {
        let since_ns = trouble_ns.max(self.planned_ns);
        let grown_ns = since_ns.saturating_mul(self.growth);
        since_ns.saturating_add(self.least_ns).saturating_add(grown_ns)
    }
}

/// What can be done to a process from outside of it.
#[derive(Clone, Debug)]
pub enum Action<P: Protocol> {
    /// It is gone, from one moment to the next. What arrives before it lives again is lost.
    Crash,
    /// After a crash it lives again, made anew from its birth. What is on its way to it arrives.
    /// Nothing happens to a process that runs, or that stopped of itself.
    Restart {
        /// Whether it finds what it had persisted.
        with_memory: bool,
    },
    /// It stands still for this long: it takes nothing in, sends nothing, and its timers fire late.
    /// Then it takes what came meanwhile, in order. A crash ends the pause.
    Pause {
        /// How long, in true time.
        for_ns: u64,
    },
    /// Its wall clock steps.
    SetClock {
        /// How far forward; back, if negative.
        by_ns: i64,
    },
    /// It is asked something.
    Command(Ticket, P::Command),
}

impl<P: Protocol> Action<P> {
    /// In a few words.
    fn text(&self) -> &'static str {
        match self {
            Action::Crash => "crash",
            Action::Restart { .. } => "restart",
            Action::Pause { .. } => "pause",
            Action::SetClock { .. } => "the clock is set",
            Action::Command(..) => "a command from outside",
        }
    }
}

/// Why a run stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nothing is left to do: no message on its way, no timer running that anybody waits for.
    Quiet,
    /// It did not come to rest for too long after its last trouble.
    Restless {
        /// When the last trouble was over.
        since_ns: u64,
        /// When it should have been at rest.
        by_ns: u64,
    },
    /// The limit on virtual time was reached.
    TimeLimit(u64),
    /// The limit on steps was reached.
    StepLimit(u64),
    /// The same, after time had long stood still.
    Standstill {
        /// The limit.
        steps: u64,
        /// When.
        at_ns: u64,
        /// The process that is handed most.
        process: Option<Address>,
        /// What it is handed.
        kind: &'static str,
    },
    /// More was pending than the run's settings allow.
    TooMuchPending {
        /// When.
        at_ns: u64,
        /// How much may be.
        most: usize,
    },
    /// It goes on for ever at one instant.
    Endless {
        /// Which.
        at_ns: u64,
        /// The process that is handed most.
        process: Option<Address>,
        /// What it is handed: a kind of message, or a timer.
        kind: &'static str,
    },
    /// It ran on sockets, and somebody stopped it, or it broke down.
    Recorded {
        /// How many requests were not answered yet.
        open: u64,
        /// Whether all that matters of it is on record.
        is_whole: bool,
    },
}

impl Stop {
    /// Whether the run came to its own end, with nothing left to do.
    pub fn is_quiet(&self) -> bool {
        matches!(self, Stop::Quiet | Stop::Recorded { open: 0, is_whole: true })
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Quiet => f.write_str("nothing was left to do"),
            Stop::Restless { since_ns, by_ns } => {
                let span = crate::time::Span(by_ns.saturating_sub(*since_ns));
                write!(f, "no rest for {span} after the last trouble")
            }
            Stop::TimeLimit(ns) => {
                write!(f, "the limit on time was reached ({})", crate::time::Span(*ns))
            }
            Stop::StepLimit(steps) => write!(f, "the limit on steps was reached ({steps})"),
            Stop::Standstill { steps, at_ns, process, kind } => {
                let at = crate::time::Instant(*at_ns);
                write!(f, "the limit on steps was reached ({steps}), and time stands at {at}: ")?;
                match process {
                    Some(process) => write!(f, "{process} is handed {kind} most often"),
                    None => write!(f, "{kind}"),
                }
            }
            Stop::Recorded { is_whole: false, .. } => f.write_str("parts of the recording lack"),
            Stop::Recorded { open: 0, .. } => f.write_str("the recording ends, all is answered"),
            Stop::Recorded { open: 1, .. } => {
                f.write_str("the recording ends before a request is answered")
            }
            Stop::Recorded { open, .. } => {
                write!(f, "the recording ends before {open} requests are answered")
            }
            Stop::TooMuchPending { at_ns, most } => {
                let at = crate::time::Instant(*at_ns);
                write!(f, "more than {most} messages or timers were pending at {at}")
            }
            Stop::Endless { at_ns, process, kind } => {
                let at = crate::time::Instant(*at_ns);
                write!(f, "events without end at {at}: ")?;
                match process {
                    Some(process) => write!(f, "{process} is handed {kind} again and again"),
                    None => write!(f, "{kind}"),
                }
            }
        }
    }
}

/// What is counted in any run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Plans carried out.
    pub steps: u64,
    /// Messages sent, each copy for a twin counted.
    pub sent: u64,
    /// Messages received.
    pub received: u64,
    /// Messages lost.
    pub lost: u64,
    /// Messages that the network doubled.
    pub duplicated: u64,
    /// Messages that a partition without end holds.
    pub held: u64,
    /// Messages to identities that no process has.
    pub unreachable: u64,
    /// Births, crashes, commands and the like that could not be carried out.
    pub in_vain: u64,
    /// Signatures made and checked.
    pub notary: Counts,
}

/// Notices when virtual time stands still, and who is to blame.
///
/// Much may happen at one instant and come to an end: where messages take no time, a whole run.
/// What tells it from a loop is that it sends messages that it did not send before. Messages are
/// there whether anybody watches or not.
#[derive(Clone, Debug)]
struct Guard {
    most: u64,
    steps_at_instant: u64,
    /// How many of them since the last message that was new.
    stale_steps: u64,
    blamed: BTreeMap<(Address, &'static str), u64>,
    /// What was sent over each link at this instant, since it became suspicious.
    carried: BTreeMap<(u32, u32), Carried>,
}

impl Guard {
    fn new(most: u64) -> Guard {
        let (blamed, carried) = (BTreeMap::new(), BTreeMap::new());
        Guard { most, steps_at_instant: 0, stale_steps: 0, blamed, carried }
    }

    #[inline]
    fn tick(&mut self, time_moved: bool) {
        if time_moved {
            if self.is_suspicious() {
                self.blamed.clear();
                self.carried.clear();
            }
            (self.steps_at_instant, self.stale_steps) = (0, 0);
        }
        self.steps_at_instant += 1;
        self.stale_steps += 1;
    }

    /// A message is sent, at a suspicious instant. If it is new, what was before it is forgiven.
    fn sent(&mut self, ends: (u32, u32), kind: Name, subject: Subject) {
        if self.carried.entry(ends).or_default().count(kind, subject) == 0 {
            self.stale_steps = self.stale_steps.min(self.most / 2);
        }
    }

    /// Whether too much has happened at one instant, and nothing new.
    fn is_up(&self) -> bool {
        self.stale_steps > self.most
    }

    /// Whether too much has happened at one instant, new or not.
    fn is_overdue(&self) -> bool {
        self.steps_at_instant > self.most
    }

    /// From half of the allowed steps on, it takes names.
    fn is_suspicious(&self) -> bool {
        self.steps_at_instant > self.most / 2
    }

    fn blame(&mut self, process: Address, kind: &'static str) {
        *self.blamed.entry((process, kind)).or_insert(0) += 1;
    }

    fn culprit(&self) -> (Option<Address>, &'static str) {
        let most = self.blamed.iter().max_by_key(|(_, count)| **count);
        most.map_or((None, "nothing that a process is handed"), |((process, kind), _)| {
            (Some(*process), kind)
        })
    }
}
