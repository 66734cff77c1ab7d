//! One scenario, one run, one report: the way from the model to the verdict.
//!
//! [`run`] runs a scenario under its judges and reports; [`begin`] hands out the same run to be
//! driven step by step, whatever its protocol. [`visit`] is for those who want the world of a
//! built-in protocol itself. [`own()`] makes a protocol of what somebody else wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use crate::choice::{SiteError, Tape};
use crate::crypto::{Digest, Notary, Scheme};
use crate::fault::{self, Attackable, Pair};
use crate::identity::Identity;
use crate::judge::liveness::{self, NoDemand};
use crate::judge::{self, Bench, ClientRecord, Concern, Counted, Finding, Judged, Outcome, Ruling};
use crate::process::Protocol;
use crate::protocol::bcr::Sound;
use crate::scenario::{self, Expect, Scenario, Signatures, Verdict};
use crate::sim::{Settings, Stats, Stop, World};
use crate::time::Instant;
use crate::trace::{Fingerprint, Line, Lines};
use crate::words::counted;

pub(crate) mod cluster;
mod own;
mod snapshot;
mod states;
mod underway;

pub use own::{Cluster, own, world};
pub use snapshot::{SNAPSHOTS_BEGIN, WHOLE, snapshot, snapshot_and_report};
#[cfg(feature = "net")]
pub(crate) use states::States;
pub use states::{StateChange, Told, run_told};
pub(crate) use underway::Watching;
#[cfg(feature = "cli")]
pub(crate) use underway::look;
pub use underway::{Heard, Nobody, Onlooker, Underway, Way, WaySort, Ways};
use underway::{Stage, Terms};

/// Why a scenario is not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A choice is at no site.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// Only the built-in protocols can be handed to a [`Visitor`].
    #[error(
        "`{0}` is a protocol of one's own, whose world only those can take who know it; build it \
         with run::world, or drive it with run::begin"
    )]
    Own(&'static str),
}

/// Somebody who can take a world of any built-in protocol.
pub trait Visitor {
    /// What comes of the visit.
    type Outcome;

    /// Takes the world that a scenario describes.
    fn visit<P: Judged>(self, scenario: &Scenario, world: World<P>) -> Self::Outcome;
}

/// Builds the world that a scenario describes and shows it to a visitor.
pub fn visit<V: Visitor>(scenario: &Scenario, visitor: V) -> Result<V::Outcome, Refusal> {
    match &scenario.protocol {
        scenario::Protocol::Bcr(bcr) => match bcr.quirk {
            None => {
                let world = cluster::bcr(scenario, bcr, Sound, settings(scenario)?);
                Ok(visitor.visit(scenario, world))
            }
            Some(quirk) => {
                let world = cluster::bcr(scenario, bcr, quirk, settings(scenario)?);
                Ok(visitor.visit(scenario, world))
            }
        },
        scenario::Protocol::Solo(solo) => {
            let world = cluster::solo(scenario, solo, settings(scenario)?);
            Ok(visitor.visit(scenario, world))
        }
        scenario::Protocol::Own(own) => Err(Refusal::Own(own.name)),
    }
}

/// What a scenario wants of the world, whatever its protocol.
pub(crate) fn settings<P: Attackable>(scenario: &Scenario) -> Result<Settings<P>, Refusal> {
    let mut tape = Tape::default();
    for choice in &scenario.choices {
        tape.set(&choice.site, choice.answer)?;
    }
    Ok(Settings {
        tape,
        network: scenario.network.clone(),
        schedule: scenario.schedule,
        troubles: scenario.processes.clone(),
        limits: scenario.limits,
        patience: liveness::patience(scenario).ok(),
        interposers: fault::interposers(&scenario.faults, scenario.seed),
        notary: notary(scenario.signatures),
        ..Settings::new(scenario.seed)
    })
}

fn notary(signatures: Signatures) -> Notary {
    Settings::<cluster::Bcr>::notary(match signatures {
        Signatures::Ideal => Scheme::Ideal,
        Signatures::Ed25519 => Scheme::Ed25519,
    })
}

/// When a run must be at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// When its last trouble was over.
    pub since_ns: u64,
    /// When every request must have been answered, and nothing be left to do.
    pub by_ns: u64,
}

impl Rest {
    /// When this world must be, if it must.
    fn of<P: Protocol>(world: &World<P>) -> Option<Rest> {
        world.rest().map(|(since_ns, by_ns)| Rest { since_ns, by_ns })
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whether what was promised came true.
    pub verdict: Verdict,
    /// Why it stopped.
    pub stop: Stop,
    /// Virtual time at the end.
    pub now_ns: u64,
    /// When the last trouble was over, and by when the run had to be at rest; or why it had not.
    pub rest: Result<Rest, NoDemand>,
    /// What was counted.
    pub stats: Stats,
    /// How many events there were.
    pub events: u64,
    /// The digest over all of them.
    pub digest: Digest,
    /// What the clients got, by client.
    pub clients: Vec<ClientRecord>,
    /// The dictionary in the end.
    pub dictionary: Vec<(String, String)>,
    /// How often the cluster was reconfigured.
    pub reconfigurations: u64,
    /// The quorum that ended each configuration, in order.
    pub quorums: Vec<Vec<u32>>,
    /// The sites of choices that no question of the run had: they changed nothing.
    pub unasked: Vec<String>,
    /// What came of each pair of trigger and failure.
    pub injections: Vec<Outcome>,
    /// The positions of the faulty replicas of each configuration that had any.
    pub faulty: BTreeMap<u32, BTreeSet<u32>>,
    /// Since which event more replicas of some configuration are faulty than the protocol bears.
    pub too_many_since: Option<u64>,
    /// How many faulty replicas the protocol bears in each configuration.
    pub tolerated: u32,
    /// What should be reached by some run of a suite, and was by this one.
    pub reached: BTreeSet<&'static str>,
    /// What the judges say.
    pub rulings: Vec<Ruling>,
    /// What was expected and did not come true, each as a sentence.
    pub missed: Vec<String>,
}

impl Report {
    /// How many requests were answered.
    pub fn answered(&self) -> u64 {
        self.clients.iter().map(|client| client.answered).sum()
    }

    /// How many requests were made.
    pub fn asked(&self) -> u64 {
        self.clients.iter().map(|client| client.asked).sum()
    }

    /// The faulty replicas of each configuration that had any, a line each.
    pub fn faulty_replicas(&self) -> impl Iterator<Item = String> {
        self.faulty.iter().map(|(configuration, positions)| {
            let t = self.tolerated;
            format!("faulty: {}", Faulty { configuration: *configuration, positions, t })
        })
    }

    /// Whether in some configuration more replicas were faulty than the protocol bears.
    pub fn is_beyond_tolerance(&self) -> bool {
        self.too_many_since.is_some()
    }

    /// What was broken while no more replicas were faulty than the protocol bears.
    pub fn broken_within_tolerance(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.rulings.iter().filter_map(|ruling| ruling.finding.as_ref());
        findings.filter(|found| self.too_many_since.is_none_or(|since| found.event < since))
    }

    /// What was broken first, if anything was.
    pub fn first_broken(&self) -> Option<&Finding> {
        let findings = self.rulings.iter().filter_map(|ruling| ruling.finding.as_ref());
        findings.min_by_key(|finding| finding.event)
    }

    /// Why it is not known whether everything held, where nothing was broken.
    pub fn why_undecided(&self) -> Option<String> {
        let is_open = self.verdict == Verdict::Undecided;
        let unknown = || {
            let mut rulings = self.rulings.iter();
            rulings
                .find_map(|ruling| Some(format!("{}: {}", ruling.judge, ruling.unknown.as_ref()?)))
        };
        let why = (!self.stop.is_quiet()).then(|| self.stop.to_string()).or_else(unknown);
        why.filter(|_| is_open)
    }

    /// Whether a suite that this run is a part of may be content: everything expected came true,
    /// and where no verdict is expected, everything held that had to.
    pub fn passes(&self, expect: &Expect) -> bool {
        let sound = matches!(self.verdict, Verdict::Held | Verdict::BeyondTolerance);
        self.missed.is_empty() && (expect.verdict.is_some() || sound)
    }

    /// The failures that never came true.
    pub fn never_fired(&self) -> impl Iterator<Item = &Outcome> {
        self.injections.iter().filter(|outcome| outcome.fired == 0)
    }
}

/// Runs a scenario under its judges.
pub fn run(scenario: &Scenario) -> Result<Report, Refusal> {
    run_logged(scenario, None)
}

/// Somebody who is handed every line of the log.
pub type Log<'a> = &'a mut dyn FnMut(Line);

/// The same, with every event handed to `log` as a line, if there is one. Watching changes nothing.
pub fn run_logged(scenario: &Scenario, log: Option<Log<'_>>) -> Result<Report, Refusal> {
    run_before(scenario, &mut log.map(Lines::new), Digesting::Yes)
}

/// Whether the digest of a run is taken: a good third of what it costs to run and judge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digesting {
    /// It is.
    Yes,
    /// It is not; the report has zeros instead.
    No,
}

/// Runs a scenario under its judges and before somebody who looks on.
pub fn run_before(
    scenario: &Scenario,
    onlooker: &mut dyn Onlooker,
    digesting: Digesting,
) -> Result<Report, Refusal> {
    let mut run = begin(scenario, digesting)?;
    let stop = run.run(onlooker);
    Ok(run.report(stop))
}

/// How many steps a run makes between two questions whether it is to stop: a few milliseconds.
const STEPS_UNASKED: u64 = 4_096;

/// The same, unless it is to stop before its end: `stops` is asked before the run and again and
/// again during it. Nothing is told of a run that was stopped.
pub fn run_unless(
    scenario: &Scenario,
    onlooker: &mut dyn Onlooker,
    digesting: Digesting,
    stops: &dyn Fn() -> bool,
) -> Result<Option<Report>, Refusal> {
    let mut run = begin(scenario, digesting)?;
    Ok(to_end(&mut *run, onlooker, stops).map(|stop| run.report(stop)))
}

fn to_end(
    run: &mut dyn Underway,
    onlooker: &mut dyn Onlooker,
    stops: &dyn Fn() -> bool,
) -> Option<Stop> {
    while !stops() {
        if let Some(stop) = run.run_for(STEPS_UNASKED, onlooker) {
            return Some(stop);
        }
    }
    None
}

/// Every answer of a run, as a tape: the run under its own tape is the same run.
pub fn record_tape(scenario: &Scenario) -> Result<Tape, Refusal> {
    let tape = record_tape_unless(scenario, &|| false)?;
    Ok(tape.unwrap_or_default())
}

/// The same, unless it is to stop before its end; see [`run_unless`].
pub fn record_tape_unless(
    scenario: &Scenario,
    stops: &dyn Fn() -> bool,
) -> Result<Option<Tape>, Refusal> {
    let mut run = begin(scenario, Digesting::No)?;
    run.record_choices();
    Ok(to_end(&mut *run, &mut Nobody, stops).map(|_| run.tape()))
}

/// The run of a scenario, under its judges, at its beginning.
pub fn begin(scenario: &Scenario, digesting: Digesting) -> Result<Box<dyn Underway>, Refusal> {
    struct Beginning(Digesting);
    impl Visitor for Beginning {
        type Outcome = Box<dyn Underway>;

        fn visit<P: Judged>(self, scenario: &Scenario, world: World<P>) -> Self::Outcome {
            Box::new(Stage::new(scenario, world, self.0))
        }
    }
    match own::begin(scenario, digesting) {
        Some(run) => run,
        None => visit(scenario, Beginning(digesting)),
    }
}

/// What is to be said of a run that is over.
fn report<P: Judged>(terms: &Terms, world: &World<P>, stop: Stop, watch: &Watching<P>) -> Report {
    let (now_ns, rest, stats) = (world.now_ns(), terms.rest(world), world.stats());
    let unasked = world.choices().unasked().map(str::to_owned).collect();
    let Terms { tolerated, ref expect, .. } = *terms;
    report_of(Ending { stop, now_ns, rest, stats, unasked, tolerated, expect }, watch)
}

/// How a run came to its end, wherever it ran.
pub(crate) struct Ending<'a> {
    /// See [`Report::stop`].
    pub(crate) stop: Stop,
    /// See [`Report::now_ns`].
    pub(crate) now_ns: u64,
    /// See [`Report::rest`].
    pub(crate) rest: Result<Rest, NoDemand>,
    /// See [`Report::stats`].
    pub(crate) stats: Stats,
    /// See [`Report::unasked`].
    pub(crate) unasked: Vec<String>,
    /// See [`Report::tolerated`].
    pub(crate) tolerated: u32,
    /// What was expected.
    pub(crate) expect: &'a Expect,
}

/// The same, wherever it ran.
pub(crate) fn report_of<P: Judged>(ending: Ending<'_>, watch: &Watching<P>) -> Report {
    let Ending { stop, now_ns, rest, stats, unasked, tolerated, expect } = ending;
    let mut report = Report {
        verdict: Verdict::Held,
        stop,
        now_ns,
        rest,
        stats,
        events: watch.events,
        digest: watch.fingerprint.as_ref().map_or(NO_DIGEST, Fingerprint::digest),
        clients: watch.clients.records().values().cloned().collect(),
        dictionary: watch.bench.dictionary(),
        reconfigurations: watch.bench.reconfigurations(),
        quorums: watch.bench.quorums(),
        unasked,
        injections: watch.injections.outcomes().to_vec(),
        faulty: watch.injections.faulty(),
        too_many_since: watch.injections.too_many_since(tolerated),
        tolerated,
        reached: reached(watch),
        rulings: watch.bench.rulings(),
        missed: Vec::new(),
    };
    report.rulings.push(liveness(&report));
    report.verdict = verdict(&report);
    report.missed = judge::missed(expect, &report);
    report.missed.extend(watch.counted.iter().flat_map(Counted::missed));
    report
}

/// What stands for a digest that was not taken.
const NO_DIGEST: Digest = Digest::from_bytes([0; 32]);

/// What can be reached by some run: what a protocol tells, each failure and each trigger.
pub fn reachable() -> Vec<&'static str> {
    let own = judge::REACHABLE.iter().copied();
    own.chain(fault::text::failure_names()).chain(fault::text::trigger_names()).collect()
}

fn reached<P: Judged>(watch: &Watching<P>) -> BTreeSet<&'static str> {
    let mut reached = watch.bench.reached();
    let done = watch.injections.outcomes().iter().filter(|outcome| outcome.fired > 0);
    reached.extend(done.flat_map(|outcome| {
        let Pair { trigger, failure } = outcome.pair;
        [trigger.name(), failure.name()]
    }));
    reached
}

/// The judge of all protocols.
pub const LIVENESS: &str = "liveness";

/// Whether every client got all its answers, and the run came to rest, in time.
fn liveness(report: &Report) -> Ruling {
    let is_over = report.stop.is_quiet() || matches!(report.stop, Stop::Restless { .. });
    let waiting = report.clients.iter().enumerate().find(|(_, client)| client.is_waiting());
    let text = match waiting {
        _ if !is_over || matches!(report.stop, Stop::Recorded { .. }) => None,
        None if report.stop.is_quiet() => None,
        None => Some("every request is answered, but the processes do not come to rest".to_owned()),
        Some((client, ClientRecord { waits_for: Some(operation), .. })) => {
            Some(format!("client {client} waits for {operation} for ever: {}", report.stop))
        }
        Some((client, _)) => Some(format!("client {client} waits for ever: {}", report.stop)),
    };
    let (judge, event, at_ns) = (LIVENESS, report.events, report.now_ns);
    Ruling {
        judge,
        property: "every request is answered, and then all is quiet, in time",
        concern: Concern::Promise,
        tested: report.asked(),
        finding: text.map(|text| Finding { judge, event, against: Vec::new(), at_ns, text }),
        unknown: (!is_over).then(|| "the run was cut off before that was to be seen".to_owned()),
    }
}

fn verdict(report: &Report) -> Verdict {
    let broken = report.rulings.iter().any(|ruling| ruling.finding.is_some());
    match () {
        () if report.broken_within_tolerance().next().is_some() => Verdict::Broken,
        () if broken => Verdict::BeyondTolerance,
        () if !report.stop.is_quiet() => Verdict::Undecided,
        () if report.rulings.iter().any(|ruling| ruling.unknown.is_some()) => Verdict::Undecided,
        () => Verdict::Held,
    }
}

/// The verdict as a person reads it.
impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { now_ns, stats, events, digest, .. } = self;
        for (i, client) in self.clients.iter().enumerate() {
            writeln!(f, "  client {i}    {}", Results(client))?;
        }
        if !self.dictionary.is_empty() {
            writeln!(f, "  dictionary  {}", Entries(&self.dictionary))?;
        }
        for (configuration, positions) in &self.faulty {
            let faulty = Faulty { configuration: *configuration, positions, t: self.tolerated };
            writeln!(f, "  faulty      {faulty}")?;
        }
        for outcome in self.never_fired() {
            writeln!(f, "  never fired {}", NeverFired(outcome))?;
        }
        for site in self.unasked.iter().take(SHOWN) {
            writeln!(f, "  never asked {site} (this choice changed nothing)")?;
        }
        if self.unasked.len() > SHOWN {
            writeln!(f, "  never asked … {} choices in all", self.unasked.len())?;
        }
        for ruling in &self.rulings {
            write_ruling(f, ruling)?;
        }
        for missed in &self.missed {
            writeln!(f, "  missed      {missed}")?;
        }
        writeln!(f, "  end         {} at {}", self.stop, Instant(*now_ns))?;
        match &self.rest {
            Ok(Rest { since_ns, by_ns }) => {
                let (since, by) = (Instant(*since_ns), Instant(*by_ns));
                writeln!(
                    f,
                    "  rest        due by {by}, since the last trouble was over at {since}"
                )?;
            }
            Err(reason) => writeln!(f, "  rest        at no certain time: {reason}")?,
        }
        write!(f, "  messages    {} sent, {} received", stats.sent, stats.received)?;
        for (count, word) in
            [(stats.lost, "lost"), (stats.duplicated, "doubled"), (stats.held, "held for ever")]
        {
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        writeln!(f, "; {events} events in {} steps", stats.steps)?;
        write!(f, "  digest      {digest:#}")
    }
}

fn write_ruling(f: &mut fmt::Formatter<'_>, ruling: &Ruling) -> fmt::Result {
    if let Some(why) = &ruling.unknown {
        return writeln!(f, "  UNKNOWN     {}: {why}", ruling.property);
    }
    match &ruling.finding {
        Some(finding) => writeln!(
            f,
            "  BROKEN      {}: {} (event {} at {})",
            ruling.judge,
            finding.text,
            finding.event,
            Instant(finding.at_ns)
        ),
        None => writeln!(f, "  held        {} ({} times tested)", ruling.property, ruling.tested),
    }
}

/// The faulty replicas of one configuration.
struct Faulty<'a> {
    configuration: u32,
    positions: &'a BTreeSet<u32>,
    t: u32,
}

impl Display for Faulty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, position) in self.positions.iter().enumerate() {
            let gap = if i == 0 { "" } else { ", " };
            write!(f, "{gap}{}", Identity::replica(self.configuration, *position))?;
        }
        let within = self.positions.len() <= self.t as usize;
        let word = if within { "at most" } else { "MORE THAN the tolerated" };
        write!(f, " ({word} t = {})", self.t)
    }
}

/// A failure that never came true, and why.
struct NeverFired<'a>(&'a Outcome);

impl Display for NeverFired<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { replica, pair, armed, in_vain, .. } = self.0;
        write!(f, "{pair} at {replica}: ")?;
        match in_vain {
            Some(why) => f.write_str(why),
            None if *armed > 0 => f.write_str("armed, but its message was never sent"),
            None => f.write_str("its message never came"),
        }
    }
}

/// What ran, in a line.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a>(pub &'a Scenario);

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary(scenario) = self;
        match &scenario.protocol {
            scenario::Protocol::Bcr(bcr) => {
                let replicas = counted(bcr.replicas(), "replica", "replicas");
                write!(f, "bcr, t = {}: {replicas}, ", bcr.t)?;
                if let Some(quirk) = bcr.quirk {
                    write!(f, "quirk {quirk}, ")?;
                }
            }
            scenario::Protocol::Solo(_) => write!(f, "solo: 1 server, ")?,
            scenario::Protocol::Own(own) => {
                let replicas = counted(own.replicas(), "replica", "replicas");
                write!(f, "{}, {replicas}, bears {}: ", own.name, own.tolerated)?;
            }
        }
        let clients = counted(scenario.clients.len() as u64, "client", "clients");
        write!(f, "{clients}, seed {}", scenario.seed)
    }
}

/// How many results a verdict shows of each client, and how many entries of the dictionary.
const SHOWN: usize = 8;

struct Results<'a>(&'a ClientRecord);

impl Display for Results<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClientRecord { asked, answered, results, waits_for, gone, .. } = self.0;
        write!(f, "{answered} of {asked} answered:")?;
        let kept_all = results.len() as u64 == *answered;
        let (hidden, shown) = match kept_all {
            true => (results.len().saturating_sub(SHOWN), results.len()),
            // The last ones are not known.
            false => (0, results.len().min(SHOWN)),
        };
        if hidden > 0 {
            write!(f, " …")?;
        }
        for result in &results[hidden..shown] {
            write!(f, " {}", Quoted(result))?;
        }
        if !kept_all {
            write!(f, " …")?;
        }
        match waits_for {
            Some(operation) if *gone => write!(f, " crashed, and waits no more for {operation}"),
            Some(operation) => write!(f, " waits for {operation}"),
            None if *gone => write!(f, " crashed"),
            None => Ok(()),
        }
    }
}

struct Entries<'a>(&'a [(String, String)]);

impl Display for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (key, value)) in self.0.iter().take(SHOWN).enumerate() {
            let gap = if i == 0 { "" } else { ", " };
            write!(f, "{gap}{key} = {}", Quoted(value))?;
        }
        match self.0.len() {
            entries if entries > SHOWN => write!(f, ", … {entries} in all"),
            _ => Ok(()),
        }
    }
}

/// A value in quotes, not longer than a line can bear.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 40;
        match self.0.char_indices().nth(LONGEST) {
            Some((end, _)) => write!(f, "'{}…'", &self.0[..end]),
            None => write!(f, "'{}'", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_has_not_held() {
        let text = "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"get('k')\"";
        let reading = scenario::read("test", text.as_bytes(), &Default::default());
        let scenario = reading.scenario.expect("it is a scenario");
        let mut report = run(&scenario).expect("it runs");
        assert_eq!((verdict(&report), report.why_undecided()), (Verdict::Held, None));
        let linear = report.rulings.iter_mut().find(|ruling| ruling.judge == "linearizability");
        linear.expect("it is always judged").unknown = Some("too much".to_owned());
        report.verdict = verdict(&report);
        assert_eq!(report.verdict, Verdict::Undecided);
        assert!(!report.passes(&Expect::default()));
        assert_eq!(report.why_undecided().as_deref(), Some("linearizability: too much"));
        assert!(report.to_string().contains("UNKNOWN"), "{report}");
    }

    #[test]
    fn results_that_are_not_kept_are_not_shown_as_the_last() {
        let results = (0..10).map(|number| number.to_string()).collect();
        let mut record = ClientRecord { answered: 10, results, ..ClientRecord::default() };
        assert!(Results(&record).to_string().ends_with(": … '2' '3' '4' '5' '6' '7' '8' '9'"));
        record.answered = 30;
        assert!(Results(&record).to_string().ends_with(": '0' '1' '2' '3' '4' '5' '6' '7' …"));
    }
}
