//! One direction of a connection: when does what is sent arrive, and how often?
//!
//! The network answers with the times at which copies arrive: none is a loss, two a duplication,
//! one earlier than its predecessor's an overtaking. A stream keeps order and repairs losses, so
//! there a loss is a delay and a partition holds messages back; a datagram does neither.
//!
//! A link joins two addresses, not two lives: a message that is on its way while its receiver
//! crashes and restarts arrives at the new life, as if the connection had been taken up again where
//! it stood. One that arrives in between is lost; what follows it on a stream still comes in order.

use crate::choice::{self, About, Choices, Ends, Name, Probability, Subject};
use crate::scenario::{Latency, Link as Rules, LinkKind, Schedule};
use crate::trace::Loss;

use super::carried::Carried;

const LATENCY: Name = Name::new("latency");
const LOSS: Name = Name::new("loss");
const DUPLICATE: Name = Name::new("duplicate");
const DUPLICATE_LATENCY: Name = Name::new("latency of the duplicate");
const REORDER: Name = Name::new("reorder");
const REORDER_LATENCY: Name = Name::new("latency of the reordering");
const PRIORITY: Name = Name::new("priority");
const CHANGE: Name = Name::new("change of priority");

/// A stream gives up repairing one message after so many losses in a row, and lets it through.
const MOST_LOSSES: u32 = 64;

/// What has gone over one direction of a connection, and by which rules.
#[derive(Clone, Debug)]
pub(super) struct Link {
    road: Road,
    /// Whether any answer of the seed matters here.
    pub(super) asks: bool,
    /// When the last message of a stream arrives; at the end of time, if a partition holds it for
    /// ever.
    last_ns: u64,
    /// When the line is free again, where bandwidth is limited.
    free_ns: u64,
    /// Its priority, for the schedule that has priorities; falls at changes.
    priority: Option<u64>,
    carried: Carried,
}

/// The rules of a link: what does not change while messages go over it.
#[derive(Clone, Debug)]
struct Road {
    rules: Rules,
    /// Times in which nothing passes: from, until.
    cuts: Vec<(u64, u64)>,
    ends: Ends,
    schedule: Schedule,
}

/// A message of which questions are asked, and who answers them.
pub(super) struct Asking<'a> {
    pub(super) about: &'a About,
    pub(super) choices: &'a mut Choices,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives at these times: once, or twice.
    Arrives(u64, Option<u64>),
    /// It does not.
    Lost(Loss),
    /// A partition that does not end holds it.
    Held,
}

impl Link {
    pub(super) fn new(rules: Rules, cuts: Vec<(u64, u64)>, ends: Ends, schedule: Schedule) -> Link {
        let certain = matches!(rules.latency, Latency::Fixed { .. })
            && schedule == Schedule::Timed
            && [rules.loss, rules.duplicate, rules.reorder]
                .iter()
                .all(|p| *p == Probability::NEVER);
        Link {
            road: Road { rules, cuts, ends, schedule },
            asks: !certain,
            last_ns: 0,
            free_ns: 0,
            priority: None,
            carried: Carried::default(),
        }
    }

    /// From now on this schedule says how long messages take.
    fn follows(&mut self, schedule: Schedule) {
        self.road.schedule = schedule;
        self.asks = true;
    }

    /// Counts a message; returns how many of its kind and subject there were before.
    pub(super) fn count(&mut self, kind: Name, subject: Subject) -> u32 {
        self.carried.count(kind, subject)
    }

    /// Decides what becomes of a message that is sent now. `length` is asked only if it matters.
    pub(super) fn carry(
        &mut self,
        now_ns: u64,
        asking: &mut Asking<'_>,
        length: impl FnOnce() -> usize,
    ) -> Fate {
        let departure_ns = match self.road.rules.bandwidth {
            None => now_ns,
            Some(bandwidth) => self.depart(now_ns, length(), bandwidth),
        };
        if self.road.rules.kind == LinkKind::Datagram {
            return self.road.datagram(departure_ns, asking);
        }
        let arrival_ns = self.road.stream(departure_ns, asking);
        self.last_ns = self.last_ns.max(arrival_ns);
        if self.last_ns == u64::MAX { Fate::Held } else { Fate::Arrives(self.last_ns, None) }
    }

    /// When the message has left, where the line carries so many bytes a second.
    fn depart(&mut self, now_ns: u64, length: usize, bandwidth: u64) -> u64 {
        let takes = length as u128 * 1_000_000_000 / u128::from(bandwidth.max(1));
        let begins_ns = self.free_ns.max(now_ns);
        self.free_ns = begins_ns.saturating_add(u64::try_from(takes).unwrap_or(u64::MAX));
        self.free_ns
    }

    /// The link's priority for this message: of all that wait, the highest goes first. At about
    /// `changes` messages in `length` it falls, for good, below every one that has not fallen.
    pub(super) fn priority(
        &mut self,
        (changes, length): (u32, u64),
        asking: &mut Asking<'_>,
    ) -> u64 {
        let link = About { kind: PRIORITY, subject: Subject::default(), copy: 0 };
        let ends = &self.road.ends;
        let start = || asking.choices.answer_on(PRIORITY, ends, &link) | 1 << 63;
        let priority = *self.priority.get_or_insert_with(start);
        let rate = u64::MAX / length.max(1);
        let change = Probability::from_bits(rate.saturating_mul(u64::from(changes)));
        if changes > 0 && change.happens(self.road.answer(CHANGE, asking)) {
            self.priority = Some(priority >> 1);
        }
        self.priority.unwrap_or(priority)
    }

    /// Whether a message may be held up even where priorities, not times, say which goes first.
    pub(super) fn holds_up(&self) -> bool {
        !self.road.cuts.is_empty() || self.road.rules.bandwidth.is_some()
    }

    /// Whether what arrives keeps the order in which it was sent.
    pub(super) fn keeps_order(&self) -> bool {
        self.road.rules.kind == LinkKind::Stream
    }

    /// Whether nothing passes at this time.
    pub(super) fn is_cut(&self, at_ns: u64) -> bool {
        self.road.cuts.iter().any(|(from, until)| *from <= at_ns && at_ns < *until)
    }
}

/// A process's outgoing links.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    links: Vec<Link>,
    /// The place in the world of each receiver, with the place of the link to it, in order.
    to: Vec<(u32, u32)>,
    /// The receiver and the place of the link that was used last, which most often is used next.
    last: Option<(u32, usize)>,
}

impl Links {
    /// Where the link to this receiver stands, if there is one.
    #[inline]
    pub(super) fn find(&mut self, to: u32) -> Option<usize> {
        match self.last {
            Some((last, at)) if last == to => Some(at),
            _ => {
                let at = self.place_of(to)?;
                self.last = Some((to, at));
                Some(at)
            }
        }
    }

    /// Adds the link to a receiver that has none; says where it stands.
    pub(super) fn add(&mut self, to: u32, link: Link) -> usize {
        let at = self.links.len();
        let before = self.to.partition_point(|(other, _)| *other < to);
        self.to.insert(before, (to, at as u32));
        self.links.push(link);
        at
    }

    /// The link that stands there.
    #[inline]
    pub(super) fn at(&mut self, at: usize) -> &mut Link {
        &mut self.links[at]
    }

    /// The link to this receiver.
    pub(super) fn to(&self, to: u32) -> Option<&Link> {
        self.place_of(to).map(|at| &self.links[at])
    }

    /// From now on this schedule says how long messages take.
    pub(super) fn follow(&mut self, schedule: Schedule) {
        self.links.iter_mut().for_each(|link| link.follows(schedule));
    }

    fn place_of(&self, to: u32) -> Option<usize> {
        let found = self.to.binary_search_by_key(&to, |(to, _)| *to).ok()?;
        Some(self.to[found].1 as usize)
    }
}

impl Road {
    /// When a message of a stream arrives, not yet put in order; at the end of time for never.
    fn stream(&self, departure_ns: u64, asking: &mut Asking<'_>) -> u64 {
        let mut takes_ns = self.latency(LATENCY, asking);
        if self.rules.loss != Probability::NEVER {
            let losses = self.rules.loss.run_length(self.answer(LOSS, asking), MOST_LOSSES);
            let repairs_ns = self.rules.retransmit_ns.saturating_mul(u64::from(losses));
            takes_ns = takes_ns.saturating_add(self.unless_by_priority(repairs_ns));
        }
        self.past_cuts(departure_ns, takes_ns)
    }

    /// When something that takes so long arrives, if it starts over after each cut that it meets.
    fn past_cuts(&self, departure_ns: u64, takes_ns: u64) -> u64 {
        let mut departure_ns = departure_ns;
        loop {
            let arrival_ns = departure_ns.saturating_add(takes_ns);
            match self.met(departure_ns, arrival_ns).max() {
                None => return arrival_ns,
                Some(u64::MAX) => return u64::MAX,
                Some(until_ns) => departure_ns = until_ns,
            }
        }
    }

    /// The ends of the cuts that something meets which is on its way between these times.
    fn met(&self, departure_ns: u64, arrival_ns: u64) -> impl Iterator<Item = u64> {
        let met = move |cut: &&(u64, u64)| cut.0 <= arrival_ns && departure_ns < cut.1;
        self.cuts.iter().filter(met).map(|(_, until)| *until)
    }

    fn datagram(&self, departure_ns: u64, asking: &mut Asking<'_>) -> Fate {
        if self.happens(self.rules.loss, LOSS, asking) {
            return Fate::Lost(Loss::Link);
        }
        let mut takes_ns = self.latency(LATENCY, asking);
        if self.happens(self.rules.reorder, REORDER, asking) {
            takes_ns = takes_ns.saturating_add(self.latency(REORDER_LATENCY, asking));
        }
        let arrives = |takes_ns: u64| {
            let arrival_ns = departure_ns.saturating_add(takes_ns);
            self.met(departure_ns, arrival_ns).next().is_none().then_some(arrival_ns)
        };
        let duplicate = self.happens(self.rules.duplicate, DUPLICATE, asking);
        let second = duplicate.then(|| self.latency(DUPLICATE_LATENCY, asking)).and_then(arrives);
        match (arrives(takes_ns), second) {
            (Some(first), second) => Fate::Arrives(first, second),
            (None, Some(second)) => Fate::Arrives(second, None),
            (None, None) => Fate::Lost(Loss::Partition),
        }
    }

    fn answer(&self, purpose: Name, asking: &mut Asking<'_>) -> u64 {
        asking.choices.answer_on(purpose, &self.ends, asking.about)
    }

    /// What never happens is not asked.
    fn happens(&self, chance: Probability, purpose: Name, asking: &mut Asking<'_>) -> bool {
        chance != Probability::NEVER && chance.happens(self.answer(purpose, asking))
    }

    #[inline]
    fn latency(&self, purpose: Name, asking: &mut Asking<'_>) -> u64 {
        match self.schedule {
            Schedule::Timed => {}
            Schedule::Random { mean_ns } => {
                return choice::exponential(self.answer(purpose, asking), mean_ns);
            }
            Schedule::Pct { .. } => return 0,
        }
        match self.rules.latency {
            Latency::Fixed { ns } => ns,
            Latency::Uniform { low_ns, high_ns } => {
                choice::between(self.answer(purpose, asking), low_ns, high_ns)
            }
            Latency::Exponential { mean_ns } => {
                choice::exponential(self.answer(purpose, asking), mean_ns)
            }
            Latency::LongTail { median_ns, p99_ns } => {
                choice::long_tailed(self.answer(purpose, asking), median_ns, p99_ns)
            }
        }
    }

    /// Where priorities say which message goes first, no message takes time of its own.
    fn unless_by_priority(&self, ns: u64) -> u64 {
        if matches!(self.schedule, Schedule::Pct { .. }) { 0 } else { ns }
    }
}
