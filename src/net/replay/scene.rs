//! All processes of a recording before their judges, as one run.
//!
//! Each process numbers its own events. Here they have one order: they are numbered as the
//! simulator would, and what refers to an event refers to it by that number.

use std::collections::{BTreeMap, BTreeSet};

use super::super::real::Ended;
use crate::crypto::{Memory, Notary, Office, Scheme};
use crate::identity::{Class, Identity};
use crate::judge::Judged;
use crate::judge::liveness::NoDemand;
use crate::run::{Digesting, Ending, Report, Watching, report_of};
use crate::scenario::Scenario;
use crate::sim::{Stats, Stop};
use crate::trace::{Event, Happening as _, Line, Ordinals, What, Witnessed, word_of};

/// How many signatures are remembered; that changes nothing but the time it takes.
const SIGNATURES_REMEMBERED: usize = 1 << 16;

/// One run, made of what happened to all of its processes.
pub(super) struct Scene<P: Judged> {
    watch: Watching<P>,
    /// Where all processes sign and check: what one has made or found to be good, nobody checks
    /// again.
    office: Office,
    /// Knows the keys that any process knows.
    witness: Notary,
    keys_learned: BTreeMap<Identity, usize>,
    events: u64,
    now_ns: u64,
    /// The numbers here of each process's events.
    numbers: BTreeMap<Identity, Vec<u64>>,
    /// Who was made, and the event that led to it.
    spawned: BTreeMap<Identity, u64>,
    /// Those who sent what they are not known to have sent.
    silent: BTreeSet<Identity>,
    stats: Stats,
    /// What events of each sort are called.
    names: BTreeMap<u32, String>,
    /// The lines of events, if somebody wants them.
    lines: Option<(Ordinals, Vec<Line>)>,
}

impl<P: Judged> Scene<P> {
    pub(super) fn new(scenario: &Scenario, scheme: Scheme, is_told: bool) -> Scene<P> {
        let memory = Memory::Remember { capacity: SIGNATURES_REMEMBERED };
        let office = Office::new(memory);
        Scene {
            watch: Watching::new(scenario, Digesting::Yes),
            witness: Notary::of(&office, scheme),
            office,
            keys_learned: BTreeMap::new(),
            events: 0,
            now_ns: 0,
            numbers: BTreeMap::new(),
            spawned: BTreeMap::new(),
            silent: BTreeSet::new(),
            stats: Stats::default(),
            names: BTreeMap::new(),
            lines: is_told.then(Default::default),
        }
    }

    /// Something happened to a process, whose own clock began so much later than that of others.
    pub(super) fn see(&mut self, event: &Event<'_, P>, later_ns: u64, own: &Notary) {
        let who = event.process.identity;
        let known = self.keys_learned.entry(who).or_default();
        if own.keys_known() > *known {
            *known = own.keys_known();
            self.witness.learn_from(own);
        }
        self.events += 1;
        self.now_ns = self.now_ns.max(event.at_ns.saturating_add(later_ns));
        let mut what = event.what.clone();
        let cause = self.refer(event, &mut what, later_ns);
        let (number, at_ns, process) = (self.events, self.now_ns, event.process);
        self.numbers.entry(who).or_default().push(number);
        let event = Event { number, at_ns, process, cause, what };
        self.count(&event.what);
        self.watch.see(&event, &self.witness, own);
        let sort = Witnessed { event: &event, notary: &self.witness }.sort();
        if self.names.contains_key(&sort) && self.lines.is_none() {
            return;
        }
        let (ordinals, lines) = match &mut self.lines {
            Some((ordinals, lines)) => (ordinals, Some(lines)),
            None => (&mut Ordinals::default(), None),
        };
        let line = Line::of(&event, &self.witness, ordinals);
        self.names.entry(sort).or_insert_with(|| match line.kind {
            Some(kind) => format!("{} {kind}", line.event),
            None => line.event.to_owned(),
        });
        lines.into_iter().for_each(|lines| lines.push(line.clone()));
    }

    /// The event that led to it, by its number here; so are those that it speaks of.
    fn refer(&mut self, event: &Event<'_, P>, what: &mut What<'_, P>, later_ns: u64) -> u64 {
        let who = event.process.identity;
        let own = |number: u64| self.number(who, number).unwrap_or(0);
        match what {
            What::Born { .. } => self.spawned.get(&who).copied().unwrap_or(0),
            What::Started => own(1),
            What::Received { from, sent, .. } => {
                let number = self.number(from.identity, *sent);
                if number.is_none() {
                    self.silent.insert(from.identity);
                }
                *sent = number.unwrap_or(0);
                *sent
            }
            What::TimerSet { due_ns: ns, .. } | What::Paused { until_ns: ns } => {
                *ns = ns.saturating_add(later_ns);
                own(event.cause)
            }
            _ => own(event.cause),
        }
    }

    /// The number here of a process's event.
    fn number(&self, who: Identity, number: u64) -> Option<u64> {
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        self.numbers.get(&who)?.get(place).copied()
    }

    fn count(&mut self, what: &What<'_, P>) {
        match what {
            What::Sent { .. } => self.stats.sent += 1,
            What::Received { .. } => self.stats.received += 1,
            What::InVain { .. } => self.stats.in_vain += 1,
            _ => {}
        }
    }

    /// Where all processes sign and check.
    pub(super) fn office(&self) -> &Office {
        &self.office
    }

    /// An input was handed to a process.
    pub(super) fn step(&mut self) {
        self.stats.steps += 1;
    }

    /// How many events of a process there were.
    pub(super) fn events_of(&self, who: Identity) -> u64 {
        self.numbers.get(&who).map_or(0, |numbers| numbers.len() as u64)
    }

    /// How many there were of all.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// A process made another, for this reason.
    pub(super) fn spawn(&mut self, parent: Identity, cause: u64, child: Identity) {
        let cause = self.number(parent, cause).unwrap_or(0);
        self.spawned.entry(child).or_insert(cause);
    }

    /// What events of a sort are called.
    pub(super) fn name(&self, sort: u32) -> String {
        self.names.get(&sort).cloned().unwrap_or_else(|| word_of(sort).to_owned())
    }

    /// Takes out the lines since the last time.
    pub(super) fn take_lines(&mut self) -> Vec<Line> {
        self.lines.as_mut().map(|(_, lines)| std::mem::take(lines)).unwrap_or_default()
    }

    /// Who tells which signatures are valid.
    pub(super) fn witness(&self) -> &Notary {
        &self.witness
    }

    /// Who sent something that they are not known to have sent.
    pub(super) fn silent(&self) -> &BTreeSet<Identity> {
        &self.silent
    }

    /// What is to be said of the run, if this is its end, and these processes were killed;
    /// `is_cut` says that the end of a recording lacks.
    pub(super) fn report(
        &self,
        scenario: &Scenario,
        killed: &BTreeSet<Identity>,
        ended: Option<Ended>,
        is_cut: bool,
    ) -> Report {
        let records = self.watch.clients.records().values();
        let open = records.filter(|client| client.waits_for.is_some() && !client.gone).count();
        // A replica that was killed may have said more than is on record: that makes it faulty, and
        // the judges bear it. Of all others every word counts.
        let bears = |who: &Identity| who.class == Class::Replica && killed.contains(who);
        let is_whole = !is_cut && self.silent.iter().all(bears);
        let is_seen = ended.is_some();
        let ended = ended.filter(|_| is_whole);
        let stop = ended.and_then(|ended| ended.stop(scenario));
        let ending = Ending {
            stop: stop.unwrap_or(Stop::Recorded { open: open as u64, is_whole }),
            now_ns: self.now_ns,
            rest: ended.map_or(Err(NoDemand::RealTime), |ended| ended.rest(scenario)),
            stats: self.stats,
            unasked: Vec::new(),
            tolerated: scenario.protocol.tolerated(),
            expect: &scenario.expect,
        };
        let mut report = report_of(ending, &self.watch);
        let is_unused = |report: &Report| report.clients.last().is_some_and(|last| last.asked == 0);
        while !is_seen && is_unused(&report) {
            report.clients.pop();
        }
        report
    }
}
