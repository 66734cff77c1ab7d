//! What a scenario says, after all reading is done: plain data, every default filled in.
//!
//! Times are nanoseconds (`u64`), probabilities 64-bit fixed point, rates parts per 10⁹: nothing
//! here depends on how a machine rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use crate::choice::Name;
use crate::fault::{BENIGN, Fault};
use crate::identity::{Class, Identity};
use crate::object::{Pool, Workload};
use crate::protocol::bcr::{self, Quirk};
use crate::protocol::solo;

use super::number::Probability;
use super::own::{About, Own};

/// One run, but for the program that runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What it shows: the file's first comment, without the comment signs.
    pub description: String,
    /// A short name, where the file gives one.
    pub name: Option<String>,
    /// What every answer is drawn from that no tape replaces.
    pub seed: u64,
    /// Who runs: the protocol and its own knobs.
    pub protocol: Protocol,
    /// Real signatures, or an ideal scheme for speed.
    pub signatures: Signatures,
    /// Who decides in which order messages arrive.
    pub schedule: Schedule,
    /// The clients, in the order of their numbers.
    pub clients: Vec<Client>,
    /// What pseudorandom workloads draw from.
    pub pool: Arc<Pool>,
    /// The links between processes and what befalls them.
    pub network: Network,
    /// Clock and scheduling trouble of single processes.
    pub processes: Vec<ProcessTrouble>,
    /// Where the run is given up.
    pub limits: Limits,
    /// Replicas that lie, crash or stall.
    pub faults: Vec<Fault>,
    /// Answers that replace those of the seed.
    pub choices: Vec<Choice>,
    /// What must come of the run.
    pub expect: Expect,
    /// Where processes run on real sockets; a simulation does not look at it.
    pub hosts: Hosts,
}

impl Scenario {
    /// The most clients that a scenario may have.
    pub const MAX_CLIENTS: u32 = 10_000;

    /// A run of this protocol with nothing special about it, and nobody who asks for anything.
    #[must_use]
    pub fn new(protocol: impl Into<Protocol>) -> Self {
        Self {
            description: String::new(),
            name: None,
            seed: 0,
            protocol: protocol.into(),
            signatures: Signatures::Ideal,
            schedule: Schedule::Timed,
            clients: Vec::new(),
            pool: Arc::new(Pool::default()),
            network: Network::default(),
            processes: Vec::new(),
            limits: Limits::default(),
            faults: Vec::new(),
            choices: Vec::new(),
            expect: Expect::default(),
            hosts: Hosts::default(),
        }
    }

    /// The positions of a configuration that count as faulty: one that is only slow does not.
    #[must_use]
    pub fn faulty(&self, configuration: u32) -> BTreeSet<u32> {
        let of = self.faults.iter().filter(|fault| fault.configuration == configuration);
        of.filter(|fault| fault.failures.iter().any(|failure| failure.is_fault()))
            .map(|fault| fault.replica)
            .chain(self.crashing(&self.processes, configuration))
            .collect()
    }

    /// The positions of a configuration that one of these troubles makes faulty by a crash, if it
    /// comes while they live.
    pub(super) fn crashing(
        &self,
        troubles: &[ProcessTrouble],
        configuration: u32,
    ) -> impl Iterator<Item = u32> {
        let counts = |crash: &Crash| crash.is_fault(&self.protocol);
        let some = |process: &&ProcessTrouble| process.crashes.iter().any(counts);
        let some: Vec<_> = troubles.iter().filter(some).collect();
        let replicas = if some.is_empty() { 0 } else { self.protocol.replicas() };
        (0..replicas).filter(move |position| {
            let who = Identity::replica(configuration, *position);
            some.iter().any(|process| process.which.covers(who))
        })
    }
}

/// A protocol and the knobs that only it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Byzantine chain replication.
    Bcr(Bcr),
    /// One server, unreplicated.
    Solo(Solo),
    /// One that this crate does not bring along.
    Own(Own),
}

impl Protocol {
    /// What scenarios call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bcr(_) => "bcr",
            Self::Solo(_) => "solo",
            Self::Own(own) => own.name,
        }
    }

    /// How many faulty replicas a configuration bears.
    #[must_use]
    pub fn tolerated(&self) -> u32 {
        match self {
            Self::Bcr(bcr) => bcr.t,
            Self::Solo(_) => 0,
            Self::Own(own) => own.tolerated,
        }
    }

    /// Whether a replica that crashes and lives again with its memory is as good as one that was
    /// only slow.
    #[must_use]
    pub fn recovers(&self) -> bool {
        match self {
            Self::Bcr(_) | Self::Solo(_) => false,
            Self::Own(own) => own.recovers,
        }
    }

    /// How many replicas a configuration has.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        match self {
            Self::Bcr(bcr) => bcr.replicas(),
            Self::Solo(_) => 1,
            Self::Own(own) => own.replicas(),
        }
    }

    /// The kinds of its messages; of a protocol of one's own, those that come to replicas.
    #[must_use]
    pub fn kinds(&self) -> &[Name] {
        match self {
            Self::Bcr(_) => bcr::messages::kind::ALL,
            Self::Solo(_) => &Solo::about().kinds,
            Self::Own(own) => &own.kinds,
        }
    }

    /// The knobs of Byzantine chain replication, if it is that.
    #[must_use]
    pub fn bcr(&self) -> Option<&Bcr> {
        match self {
            Self::Bcr(bcr) => Some(bcr),
            Self::Solo(_) | Self::Own(_) => None,
        }
    }

    /// What is said of any other protocol.
    #[must_use]
    pub fn about(&self) -> Option<&About> {
        match self {
            Self::Bcr(_) => None,
            Self::Solo(_) => Some(Solo::about()),
            Self::Own(own) => Some(own),
        }
    }

    /// The knobs of Byzantine chain replication, to be changed.
    pub fn bcr_mut(&mut self) -> Option<&mut Bcr> {
        match self {
            Self::Bcr(bcr) => Some(bcr),
            Self::Solo(_) | Self::Own(_) => None,
        }
    }
}

impl From<Own> for Protocol {
    fn from(own: Own) -> Self {
        Self::Own(own)
    }
}

/// The knobs of Byzantine chain replication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bcr {
    /// How many faulty replicas a configuration bears; the chain has 2t+1. At most [`Bcr::MAX_T`].
    pub t: u32,
    /// When a client believes a result.
    pub accept: Accept,
    /// When Olympus tells clients the results that a reconfiguration saved.
    pub deliver: Deliver,
    /// How long a client waits for an answer before it asks all replicas.
    pub client_timeout_ns: u64,
    /// How long the head waits for the result of a retransmitted request.
    pub head_timeout_ns: u64,
    /// How long any other replica waits for the result of a request that it forwarded.
    pub nonhead_timeout_ns: u64,
    /// How long Olympus waits for a quorum before it tries the next.
    pub olympus_timeout_ns: u64,
    /// A checkpoint every so many slots, never 0; none without.
    pub checkpoint_every: Option<u64>,
    /// When a completed checkpoint counts.
    pub checkpoint_proof: CheckpointProof,
    /// The decision that everybody takes wrongly, if there is one.
    pub quirk: Option<Quirk>,
}

impl Bcr {
    /// The largest `t` that a scenario may ask for.
    pub const MAX_T: u32 = 50;
    /// What every timeout is when nothing is said.
    pub const TIMEOUT_NS: u64 = 3_000_000_000;

    /// The number of replicas in a chain.
    #[must_use]
    pub const fn replicas(&self) -> u32 {
        2 * self.t + 1
    }

    /// The position of the tail.
    #[must_use]
    pub const fn tail(&self) -> u32 {
        2 * self.t
    }
}

impl Default for Bcr {
    fn default() -> Self {
        Self {
            t: 1,
            accept: Accept::Chain,
            deliver: Deliver::Final,
            client_timeout_ns: Self::TIMEOUT_NS,
            head_timeout_ns: Self::TIMEOUT_NS,
            nonhead_timeout_ns: Self::TIMEOUT_NS,
            olympus_timeout_ns: Self::TIMEOUT_NS,
            checkpoint_every: None,
            checkpoint_proof: CheckpointProof::Everybody,
            quirk: None,
        }
    }
}

/// The knobs of the unreplicated server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solo {
    /// How long a client waits for an answer before it asks again.
    pub client_timeout_ns: u64,
}

impl Default for Solo {
    fn default() -> Self {
        Self { client_timeout_ns: Bcr::TIMEOUT_NS }
    }
}

impl Solo {
    /// What is said of it: it bears nothing, and knows no lies.
    #[must_use]
    pub fn about() -> &'static About {
        static ABOUT: LazyLock<About> = LazyLock::new(|| About {
            name: "solo",
            roles: vec!["server"],
            tolerated: 0,
            kinds: vec![solo::ASK],
            failures: BENIGN.to_vec(),
            recovers: false,
            pace: None,
        });
        &ABOUT
    }
}

/// When a client of the chain believes a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// A statement from every replica, t+1 of them for this result.
    Chain,
    /// t+1 statements for this result: the course's rule, which can lose an operation.
    Quorum,
}

/// When Olympus tells clients the results that a reconfiguration saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// When the quorum is final.
    Final,
    /// When its members have caught up alike: the course's rule, which can lose an operation.
    CaughtUp,
}

/// When a completed checkpoint counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointProof {
    /// A statement from every replica, t+1 of them alike.
    Everybody,
    /// t+1 statements that are alike: the course's rule, after which a reconfiguration may never
    /// find a quorum.
    Quorum,
}

/// How statements are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// A keyed tag under a secret that no protocol sees.
    Ideal,
    /// Real signatures.
    Ed25519,
}

/// Who decides in which order messages arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// The network's latencies.
    Timed,
    /// An exponential delay for each message: any pending one may be next.
    Random {
        /// The mean delay.
        mean_ns: u64,
    },
    /// Priorities with a few changes: finds bugs that need few, but certain, inversions.
    Pct {
        /// How often a priority changes in a run.
        changes: u32,
        /// Over about how many steps the changes are spread.
        length: u64,
    },
}

/// A client and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Client {
    /// Its requests, one outstanding at a time.
    pub workload: Workload,
}

/// The links between processes and what befalls them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Network {
    /// What holds where nothing else is said.
    pub link: Link,
    /// Exceptions; where several cover a link, a later one wins, knob by knob.
    pub overrides: Vec<LinkOverride>,
    /// Times when parts of the cluster cannot reach each other.
    pub partitions: Vec<Partition>,
}

/// The knobs of a link, one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whether the link keeps order and repairs losses.
    pub kind: LinkKind,
    /// How long a message is on its way.
    pub latency: Latency,
    /// How likely a message is lost; on a stream: delayed by `retransmit_ns`, each time anew.
    pub loss: Probability,
    /// How long a stream takes to notice a loss and send again.
    pub retransmit_ns: u64,
    /// How likely a datagram arrives twice, the second after a latency of its own.
    pub duplicate: Probability,
    /// How likely a datagram is held back by a second latency, so that later ones overtake it.
    pub reorder: Probability,
    /// Bytes a second, if the link has a limit; never 0.
    pub bandwidth: Option<u64>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            kind: LinkKind::Stream,
            latency: Latency::Fixed { ns: 100_000 },
            loss: Probability::NEVER,
            retransmit_ns: 200_000_000,
            duplicate: Probability::NEVER,
            reorder: Probability::NEVER,
            bandwidth: None,
        }
    }
}

/// Whether a link keeps order and repairs losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// In order, each message once; a loss is a delay, a partition holds messages back.
    Stream,
    /// May lose, duplicate and reorder.
    Datagram,
}

/// How long a message is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    /// Always the same.
    Fixed {
        /// The delay.
        ns: u64,
    },
    /// Any value from `low_ns` to `high_ns`, both included, equally likely.
    Uniform {
        /// The least delay.
        low_ns: u64,
        /// The greatest delay, not below the least.
        high_ns: u64,
    },
    /// Exponential: short delays are likely, any length is possible.
    Exponential {
        /// The mean delay.
        mean_ns: u64,
    },
    /// Log-normal: most messages are about alike, a few are very late.
    LongTail {
        /// Half of all messages are faster.
        median_ns: u64,
        /// One in a hundred is slower; not below the median.
        p99_ns: u64,
    },
}

/// Exceptions for the links from some processes to others, one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkOverride {
    /// The senders.
    pub from: Party,
    /// The receivers.
    pub to: Party,
    /// What differs on those links.
    pub change: LinkChange,
}

/// The knobs of a link that an exception changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LinkChange {
    /// See [`Link::kind`].
    pub kind: Option<LinkKind>,
    /// See [`Link::latency`].
    pub latency: Option<Latency>,
    /// See [`Link::loss`].
    pub loss: Option<Probability>,
    /// See [`Link::retransmit_ns`].
    pub retransmit_ns: Option<u64>,
    /// See [`Link::duplicate`].
    pub duplicate: Option<Probability>,
    /// See [`Link::reorder`].
    pub reorder: Option<Probability>,
    /// See [`Link::bandwidth`].
    pub bandwidth: Option<u64>,
}

impl LinkChange {
    /// The link with these changes.
    #[must_use]
    pub fn apply(&self, link: Link) -> Link {
        Link {
            kind: self.kind.unwrap_or(link.kind),
            latency: self.latency.unwrap_or(link.latency),
            loss: self.loss.unwrap_or(link.loss),
            retransmit_ns: self.retransmit_ns.unwrap_or(link.retransmit_ns),
            duplicate: self.duplicate.unwrap_or(link.duplicate),
            reorder: self.reorder.unwrap_or(link.reorder),
            bandwidth: self.bandwidth.or(link.bandwidth),
        }
    }
}

impl Network {
    /// The knobs of the link from one process to another.
    #[must_use]
    pub fn link(&self, from: Identity, to: Identity) -> Link {
        self.overrides
            .iter()
            .filter(|over| over.from.covers(from) && over.to.covers(to))
            .fold(self.link, |link, over| over.change.apply(link))
    }
}

/// A time when parts of the cluster cannot reach each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// When it begins.
    pub from_ns: u64,
    /// When it heals, after the beginning; never, without.
    pub until_ns: Option<u64>,
    /// Who cannot reach whom.
    pub cut: Cut,
}

impl Partition {
    /// Whether it is in force at that time.
    #[must_use]
    pub fn is_active(&self, now_ns: u64) -> bool {
        self.from_ns <= now_ns && self.until_ns.is_none_or(|until| now_ns < until)
    }
}

/// Who cannot reach whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Members of different groups cannot reach each other; who is in none reaches everybody.
    Groups(Vec<Vec<Party>>),
    /// One way: nothing passes from these to those.
    OneWay {
        /// The senders whose messages are held up.
        from: Vec<Party>,
        /// The receivers who do not get them.
        to: Vec<Party>,
    },
}

impl Cut {
    /// Whether a message from one process to another is held up. Who is in two groups at once
    /// reaches both.
    #[must_use]
    pub fn blocks(&self, from: Identity, to: Identity) -> bool {
        let holds = |group: &[Party], who| group.iter().any(|party| party.covers(who));
        match self {
            Self::OneWay { from: a, to: b } => holds(a, from) && holds(b, to),
            Self::Groups(groups) => {
                let grouped = |who| groups.iter().any(|group| holds(group, who));
                let together = groups.iter().any(|group| holds(group, from) && holds(group, to));
                grouped(from) && grouped(to) && !together
            }
        }
    }
}

/// Some processes, in a word: `olympus`, `clients`, `client 3`, `replicas`, `replica 0` (that
/// position in every configuration), `replica 1.0` (configuration 1, position 0), `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// Everybody.
    All,
    /// The trusted one.
    Olympus,
    /// All clients.
    Clients,
    /// One client.
    Client(u32),
    /// All replicas of all configurations.
    Replicas,
    /// The replicas at one position, in every configuration.
    Position(u32),
    /// One replica.
    Replica {
        /// Its configuration, from 0.
        configuration: u32,
        /// Its position, from 0.
        position: u32,
    },
}

impl Party {
    /// Whether this process is one of them.
    #[must_use]
    pub fn covers(self, who: Identity) -> bool {
        let is = |class| who.class == class;
        match self {
            Self::All => true,
            Self::Olympus => is(Class::Olympus),
            Self::Clients => is(Class::Client),
            Self::Client(number) => who == Identity::client(number),
            Self::Replicas => is(Class::Replica),
            Self::Position(position) => is(Class::Replica) && who.index == position,
            Self::Replica { configuration, position } => {
                who == Identity::replica(configuration, position)
            }
        }
    }
}

/// Clock and scheduling trouble of some processes, and their crashes. Where several cover one,
/// a later one wins, knob by knob; jumps, pauses and crashes come on top of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessTrouble {
    /// Whose.
    pub which: Party,
    /// How far the wall clock is ahead at the start; behind, if negative.
    pub clock_offset_ns: Option<i64>,
    /// How fast both clocks run: local nanoseconds per true second, 10⁹ for a true clock; never 0.
    pub clock_rate_ppb: Option<u64>,
    /// Steps of the wall clock.
    pub jumps: Vec<Jump>,
    /// Times when the process does nothing.
    pub pauses: Vec<Pause>,
    /// When the process is gone.
    pub crashes: Vec<Crash>,
}

impl ProcessTrouble {
    /// The rate of a true clock.
    pub const TRUE_RATE_PPB: u64 = 1_000_000_000;

    /// No trouble yet.
    #[must_use]
    pub const fn none(which: Party) -> Self {
        Self {
            which,
            clock_offset_ns: None,
            clock_rate_ppb: None,
            jumps: Vec::new(),
            pauses: Vec::new(),
            crashes: Vec::new(),
        }
    }
}

/// A step of a wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// When, in true time.
    pub at_ns: u64,
    /// How far forward; back, if negative.
    pub by_ns: i64,
}

/// A time when a process does nothing, though its timers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// When it begins, in true time.
    pub at_ns: u64,
    /// How long it lasts.
    pub for_ns: u64,
}

/// A process is gone from one moment to the next, with all that it had not persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// When, in true time. Nothing happens to a process that is not there then.
    pub at_ns: u64,
    /// How it lives again, if it does.
    pub restart: Option<Restart>,
}

/// How a process lives again after a crash. What that means is the protocol's affair: a replica of
/// a chain never comes back as the one that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// How long after the crash.
    pub after_ns: u64,
    /// Whether it finds what it had persisted.
    pub with_memory: bool,
}

impl Crash {
    /// Whether a replica that crashes so is a faulty one.
    #[must_use]
    pub fn is_fault(&self, protocol: &Protocol) -> bool {
        let comes_back = self.restart.is_some_and(|restart| restart.with_memory);
        !(comes_back && protocol.recovers())
    }

    /// When it is over: when the process lives again, or is known to be gone.
    #[must_use]
    pub fn end_ns(&self) -> u64 {
        self.at_ns.saturating_add(self.restart.map_or(0, |restart| restart.after_ns))
    }
}

/// Where a run is given up: what is undecided then stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Virtual time.
    pub time_ns: u64,
    /// Steps: a message that arrives, a timer that comes up, anything else that was planned. They
    /// are the same whether anybody watches or not.
    pub steps: u64,
}

impl Limits {
    /// What holds where nothing is said.
    pub const USUAL: Self = Self { time_ns: 3_600_000_000_000, steps: 20_000_000 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::USUAL
    }
}

/// An answer that replaces the seed's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Which question, in the words of the choice module.
    pub site: String,
    /// The answer, all 64 bits.
    pub answer: u64,
}

/// What must come of a run; what is not said may be anything.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Expect {
    /// How the run ends; without it, everything must hold.
    pub verdict: Option<Verdict>,
    /// How many requests are answered, over all clients.
    pub answered: Option<u64>,
    /// How often the cluster is reconfigured.
    pub reconfigurations: Option<u64>,
    /// The positions of the quorum that ended each configuration, in order; none where it may be
    /// any.
    pub quorums: Vec<Vec<u32>>,
    /// What the dictionary says in the end, key by key.
    pub dictionary: Option<BTreeMap<String, String>>,
    /// Whether it says nothing else.
    pub dictionary_exact: bool,
    /// The results that a client receives, in the order of its requests.
    pub results: BTreeMap<u32, Vec<String>>,
    /// The run's digest.
    pub digest: Option<String>,
    /// What must happen, or must not, how often.
    pub events: Vec<ExpectedEvent>,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that was promised came true.
    Held,
    /// Something that was promised did not.
    Broken,
    /// Something broke, with more faults than the protocol bears.
    BeyondTolerance,
    /// A limit was reached first.
    Undecided,
}

impl Verdict {
    /// As a scenario says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::BeyondTolerance => "beyond_tolerance",
            Self::Undecided => "undecided",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::BeyondTolerance => "broken beyond tolerance",
            Self::Undecided => "undecided",
        })
    }
}

/// Events of one kind, and how many of them there must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedEvent {
    /// The event, or what it is about: what the JSON trace has as `event` or as `kind`.
    pub kind: String,
    /// Fields that must have these values, as the JSON trace prints them. A name may be a path:
    /// `request.body.client`.
    pub fields: BTreeMap<String, String>,
    /// How many.
    pub count: Count,
}

/// A number of events, from `least` to `most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// At least so many.
    pub least: u64,
    /// At most so many, not below the least; any number, without.
    pub most: Option<u64>,
}

/// Where processes run on real sockets.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Hosts {
    /// Names or addresses.
    pub names: Vec<String>,
    /// Which of them Olympus runs on, from 0.
    pub olympus: Option<u32>,
    /// Which of them each client runs on.
    pub clients: Vec<u32>,
    /// Which of them each position runs on.
    pub replicas: Vec<u32>,
}
