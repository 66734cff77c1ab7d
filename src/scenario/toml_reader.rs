//! Reads a scenario in TOML: the form in which this project writes them.

use std::sync::Arc;

use super::fields::Fields;
use super::findings::{Findings, Located, Span};
use super::keys;
use super::model::*;
use super::number;
use super::own::Own;
use super::words;
use crate::choice::{SITE_HELP, Tape};
use crate::fault::Fault;
use crate::object::{Lengths, Pool, PoolSettings, Weights, Workload};
use crate::protocol::bcr::{self, Quirk};
use crate::protocol::solo;
use crate::syntax;
use crate::trace;

/// Where the parts of a scenario stand that a lint may have something to say about.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Each client.
    pub(super) clients: Vec<Span>,
    /// Each fault: its whole, its trigger, its failures.
    pub(super) faults: Vec<(Span, Span, Vec<Span>)>,
    /// Each partition.
    pub(super) partitions: Vec<Span>,
    /// Each trouble of processes.
    pub(super) processes: Vec<Span>,
    /// Each word for some processes.
    pub(super) parties: Vec<(Party, Span)>,
    /// The results that are expected.
    pub(super) results: Span,
    /// Each latency.
    pub(super) latencies: Vec<Span>,
    /// What the network does to datagrams alone.
    pub(super) datagram_knobs: Option<Span>,
}

/// The scenario in a table, with defaults for what is absent, and where its parts stand. What is
/// wrong has been reported, and then the scenario is of no use.
pub(super) fn scenario(root: &Fields<'_>, own: &[Own]) -> (Scenario, Places) {
    let mut places = Places::default();
    format(root);
    let mut scenario = Scenario::new(protocol(root, own));
    scenario.name = root.string("name");
    scenario.seed = root.bits("seed").unwrap_or(0);
    if root.one_of("signatures") == Some(1) {
        scenario.signatures = Signatures::Ed25519;
    }
    scenario.schedule = schedule(root).unwrap_or(Schedule::Timed);
    scenario.pool = root.table("pool").and_then(pool).unwrap_or_default();
    scenario.clients = clients(root, &scenario.pool, &mut places);
    if let Some(fields) = root.table("network") {
        scenario.network = network(&fields, &mut places);
    }
    let processes = root.tables("process");
    let processes = processes.iter().filter_map(|fields| process(fields, &mut places));
    scenario.processes = processes.collect();
    if let Some(fields) = root.table("limits") {
        let limits = Limits::default();
        scenario.limits.time_ns = fields.some_time("time").unwrap_or(limits.time_ns);
        scenario.limits.steps = fields.number("steps").unwrap_or(limits.steps);
    }
    for fields in root.tables("fault") {
        scenario.faults.extend(fault(&fields, &scenario.protocol, &mut places));
    }
    scenario.choices = choices(root);
    if let Some(fields) = root.table("expect") {
        scenario.expect = expect(&fields, &scenario.protocol);
        places.results = fields.place("results");
    }
    if let Some(fields) = root.table("hosts") {
        scenario.hosts = hosts(&fields);
    }
    (scenario, places)
}

/// The choices of a tape.
pub(super) fn tape(root: &Fields<'_>) -> Vec<Choice> {
    format(root);
    choices(root)
}

fn format(root: &Fields<'_>) {
    if let Some(format) = root.number("format").filter(|format| *format != keys::FORMAT) {
        let message = format!("format {format} is not known here");
        let help = format!("this version reads format = {}", keys::FORMAT);
        root.findings.error(root.place("format"), message, help);
    }
}

/// The protocol and its knobs.
fn protocol(root: &Fields<'_>, own: &[Own]) -> Protocol {
    root.missing::<()>("protocol", "begin with protocol = \"bcr\"");
    let named = |own: &&Own| root.text("protocol").is_some_and(|name| name.text == own.name);
    if let Some(own) = own.iter().find(named) {
        refuse_knobs(root, own.name, &keys::BCR);
        return Protocol::Own(own.clone());
    }
    match root.one_of("protocol") {
        Some(1) => Protocol::Solo(solo_knobs(root)),
        _ => Protocol::Bcr(bcr_knobs(root)),
    }
}

/// Knobs that the chain alone has.
fn refuse_knobs(fields: &Fields<'_>, protocol: &str, knobs: &[&str]) {
    for knob in knobs.iter().filter(|knob| fields.has(knob)) {
        let message = format!("`{knob}` is a knob of bcr, and the protocol is {protocol}");
        fields.findings.error(fields.place(knob), message, "leave it out");
    }
}

fn solo_knobs(root: &Fields<'_>) -> Solo {
    let foreign = keys::BCR.iter().copied().filter(|knob| *knob != "timeouts");
    refuse_knobs(root, "solo", &foreign.collect::<Vec<_>>());
    let mut solo = Solo::default();
    if let Some(times) = root.table("timeouts") {
        refuse_knobs(&times, "solo", &keys::BCR_TIMEOUTS);
        solo.client_timeout_ns = times.some_time("client").unwrap_or(solo.client_timeout_ns);
    }
    solo
}

fn bcr_knobs(root: &Fields<'_>) -> Bcr {
    let mut bcr = Bcr::default();
    bcr.t = root.small("t").unwrap_or(bcr.t);
    if root.one_of("accept") == Some(1) {
        bcr.accept = Accept::Quorum;
    }
    if root.one_of("deliver") == Some(1) {
        bcr.deliver = Deliver::CaughtUp;
    }
    bcr.quirk = root.one_of("quirk").map(|place| Quirk::ALL[place]);
    if let Some(times) = root.table("timeouts") {
        let time = |name, default| times.some_time(name).unwrap_or(default);
        bcr.client_timeout_ns = time("client", bcr.client_timeout_ns);
        bcr.head_timeout_ns = time("head", bcr.head_timeout_ns);
        bcr.nonhead_timeout_ns = time("nonhead", bcr.nonhead_timeout_ns);
        bcr.olympus_timeout_ns = time("olympus", bcr.olympus_timeout_ns);
    }
    if let Some(checkpoint) = root.table("checkpoint") {
        bcr.checkpoint_every = checkpoint.number("every");
        if checkpoint.one_of("proof") == Some(1) {
            bcr.checkpoint_proof = CheckpointProof::Quorum;
        }
    }
    bcr
}

fn schedule(root: &Fields<'_>) -> Option<Schedule> {
    if !root.has("schedule") || root.is_text("schedule") {
        root.one_of("schedule");
        return None;
    }
    let fields = root.table("schedule")?;
    let (mean, changes) = (fields.some_time("mean"), fields.small("changes"));
    let length = fields.number("length");
    let other = |names: &[&str], kind: &str| {
        for name in names.iter().filter(|name| fields.has(name)) {
            let message = format!("a {kind} schedule has no `{name}`");
            fields.findings.error(fields.span.clone(), message, "leave it out");
        }
    };
    match fields.one_of("kind") {
        None => fields.missing("kind", "write kind = \"random\" or kind = \"pct\""),
        Some(0) => {
            other(&["mean", "changes", "length"], "timed");
            Some(Schedule::Timed)
        }
        Some(1) => {
            other(&["changes", "length"], "random");
            Some(Schedule::Random { mean_ns: mean.unwrap_or(2_000_000) })
        }
        Some(_) => {
            other(&["mean"], "pct");
            let (changes, length) = (changes.unwrap_or(3), length.unwrap_or(1000));
            Some(Schedule::Pct { changes, length })
        }
    }
}

fn pool(fields: Fields<'_>) -> Option<Arc<Pool>> {
    let mut settings = PoolSettings::default();
    if let Some(keys) = fields.texts("keys") {
        settings.keys = keys.iter().map(|key| key.text.into()).collect();
    }
    if let Some(weights) = fields.table("weights") {
        let weight = |name, default| {
            weights.number(name).and_then(|weight| u16::try_from(weight).ok()).unwrap_or(default)
        };
        let Weights { put, get, append, slice } = settings.weights;
        settings.weights = Weights {
            put: weight("put", put),
            get: weight("get", get),
            append: weight("append", append),
            slice: weight("slice", slice),
        };
    }
    settings.put_lengths = lengths(&fields, "put_lengths").unwrap_or(settings.put_lengths);
    settings.append_lengths = lengths(&fields, "append_lengths").unwrap_or(settings.append_lengths);
    match Pool::new(settings) {
        Ok(pool) => Some(Arc::new(pool)),
        Err(error) => {
            fields.findings.error(fields.span.clone(), error.to_string(), error.remedy());
            None
        }
    }
}

fn lengths(fields: &Fields<'_>, name: &str) -> Option<Lengths> {
    let (min, max) = fields.range(name)?;
    let small = |length: u64| u32::try_from(length).unwrap_or(u32::MAX);
    Some(Lengths { min: small(min), max: max.map_or(u32::MAX, small) })
}

fn clients(root: &Fields<'_>, pool: &Arc<Pool>, places: &mut Places) -> Vec<Client> {
    let tables = root.tables("client");
    if tables.len() > Scenario::MAX_CLIENTS as usize {
        let message = format!("more than {} clients are too many", Scenario::MAX_CLIENTS);
        root.findings.error(root.span.clone(), message, "leave some out");
        return Vec::new();
    }
    let client = |fields: &Fields<'_>| {
        let located = fields.text("workload");
        places.clients.push(located.as_ref().map_or(fields.span.clone(), Located::whole));
        let items = located.and_then(|text| words::workload(fields.findings, &text));
        if items.is_none() {
            fields.missing::<()>("workload", "write workload = \"put('movie','star')\"");
        }
        Client { workload: Workload::new(items.unwrap_or_default(), Arc::clone(pool)) }
    };
    tables.iter().map(client).collect()
}

fn network(fields: &Fields<'_>, places: &mut Places) -> Network {
    let link = link_change(fields, places).apply(Link::default());
    let knob = ["duplicate", "reorder"].into_iter().find(|knob| fields.has(knob));
    places.datagram_knobs = knob.map(|knob| fields.place(knob));
    let overrides = fields.tables("link");
    let overrides = overrides.iter().filter_map(|fields| link_override(fields, places)).collect();
    let mut partitions = Vec::new();
    for fields in fields.tables("partition") {
        if let Some(found) = partition(&fields, places) {
            partitions.push(found);
            places.partitions.push(fields.span);
        }
    }
    Network { link, overrides, partitions }
}

fn link_change(fields: &Fields<'_>, places: &mut Places) -> LinkChange {
    if fields.has("latency") {
        places.latencies.push(fields.place("latency"));
    }
    LinkChange {
        kind: fields.one_of("links").map(|place| match place {
            0 => LinkKind::Stream,
            _ => LinkKind::Datagram,
        }),
        latency: latency(fields),
        loss: fields.probability("loss"),
        retransmit_ns: fields.some_time("retransmit"),
        duplicate: fields.probability("duplicate"),
        reorder: fields.probability("reorder"),
        bandwidth: fields.bandwidth("bandwidth"),
    }
}

fn latency(fields: &Fields<'_>) -> Option<Latency> {
    if !fields.has("latency") {
        return None;
    }
    if fields.is_table("latency") {
        return latency_table(&fields.table("latency")?);
    }
    let text = if fields.is_text("latency") { fields.text("latency") } else { None };
    let located = text.unwrap_or(Located::verbatim("", fields.place("latency").start));
    let found = match located.text.split_once("..") {
        None => number::duration(located.text).map(|ns| Latency::Fixed { ns }),
        Some((low, high)) => number::duration(low)
            .zip(number::duration(high))
            .filter(|(low, high)| low <= high)
            .map(|(low_ns, high_ns)| Latency::Uniform { low_ns, high_ns }),
    };
    if found.is_none() {
        let help = "write \"2ms\", \"1ms..5ms\", { exponential = \"2ms\" } or \
                    { long_tail = { median = \"2ms\", p99 = \"40ms\" } }";
        fields.findings.error(fields.place("latency"), "`latency` must be a duration or two", help);
    }
    found
}

fn latency_table(fields: &Fields<'_>) -> Option<Latency> {
    let mean = fields.some_time("exponential");
    let tail = fields.has("long_tail").then(|| fields.table("long_tail")).flatten();
    match (mean, tail) {
        (Some(mean_ns), None) => Some(Latency::Exponential { mean_ns }),
        (None, Some(tail)) => {
            let (median, p99) = (tail.some_time("median"), tail.some_time("p99"));
            if let (Some(median_ns), Some(p99_ns)) = (median, p99)
                && median_ns <= p99_ns
            {
                return Some(Latency::LongTail { median_ns, p99_ns });
            }
            let message = "a long tail has a median and a p99 that is not below it";
            let help = "write { median = \"2ms\", p99 = \"40ms\" }";
            tail.findings.error(tail.span.clone(), message, help);
            None
        }
        _ => {
            let help = "write { exponential = \"2ms\" } or { long_tail = { … } }";
            fields.findings.error(fields.span.clone(), "one kind of latency is wanted", help);
            None
        }
    }
}

fn link_override(fields: &Fields<'_>, places: &mut Places) -> Option<LinkOverride> {
    let change = link_change(fields, places);
    let (from, to) = (party(fields, "from", places), party(fields, "to", places));
    Some(LinkOverride { from: from?, to: to?, change })
}

fn party(fields: &Fields<'_>, name: &str, places: &mut Places) -> Option<Party> {
    match fields.text(name) {
        Some(text) => parties(fields.findings, &[text], places).pop(),
        None => fields.missing(name, "say whom: \"olympus\", \"clients\", \"replica 0\", \"all\""),
    }
}

fn parties(findings: &Findings, texts: &[Located<'_>], places: &mut Places) -> Vec<Party> {
    let parties = texts.iter().filter_map(|text| {
        let party = words::party(findings, text)?;
        places.parties.push((party, text.whole()));
        Some(party)
    });
    parties.collect()
}

fn partition(fields: &Fields<'_>, places: &mut Places) -> Option<Partition> {
    let from_ns = fields.duration("from").unwrap_or(0);
    let until_ns = fields.duration("until");
    if until_ns.is_some_and(|until| until <= from_ns) {
        let help = "let `until` be later than `from`, or leave it out: it then never heals";
        fields.findings.error(fields.span.clone(), "the partition ends before it begins", help);
    }
    let groups = fields.groups("groups");
    let blocked = fields.has("blocked").then(|| fields.table("blocked")).flatten();
    let mut list = |texts: Option<Vec<Located<'_>>>| {
        texts.map(|texts| parties(fields.findings, &texts, places)).unwrap_or_default()
    };
    let cut = match (groups, blocked) {
        (Some(groups), None) => {
            let groups = groups.iter().map(|group| parties(fields.findings, group, places));
            Cut::Groups(groups.collect())
        }
        (None, Some(blocked)) => {
            Cut::OneWay { from: list(blocked.texts("from")), to: list(blocked.texts("to")) }
        }
        _ => {
            let help = "write groups = [[\"replica 0\"], [\"replica 1\", \"clients\"]] or \
                        blocked = { from = [\"replica 0\"], to = [\"all\"] }";
            let message = "a partition has either groups or a blocked direction";
            fields.findings.error(fields.span.clone(), message, help);
            return None;
        }
    };
    Some(Partition { from_ns, until_ns, cut })
}

fn process(fields: &Fields<'_>, places: &mut Places) -> Option<ProcessTrouble> {
    let which = party(fields, "which", places);
    let clock_offset_ns = fields.signed_duration("clock_offset");
    let clock_rate_ppb = fields.rate("clock_rate");
    let jump = |fields: &Fields<'_>| {
        let (at, by) = (fields.duration("at"), fields.signed_duration("by"));
        fields.missing::<()>("at", "write { at = \"2s\", by = \"-1s\" }");
        fields.missing::<()>("by", "write { at = \"2s\", by = \"-1s\" }");
        Some(Jump { at_ns: at?, by_ns: by? })
    };
    let pause = |fields: &Fields<'_>| {
        let (at, long) = (fields.duration("at"), fields.duration("for"));
        fields.missing::<()>("at", "write { at = \"1s\", for = \"500ms\" }");
        fields.missing::<()>("for", "write { at = \"1s\", for = \"500ms\" }");
        Some(Pause { at_ns: at?, for_ns: long? })
    };
    let jumps = fields.tables("jumps").iter().filter_map(jump).collect();
    let pauses = fields.tables("pauses").iter().filter_map(pause).collect();
    let crashes = fields.tables("crashes").iter().filter_map(crash).collect();
    places.processes.push(fields.span.clone());
    Some(ProcessTrouble { which: which?, clock_offset_ns, clock_rate_ppb, jumps, pauses, crashes })
}

fn crash(fields: &Fields<'_>) -> Option<Crash> {
    let at_ns = fields.duration("at");
    fields.missing::<()>("at", "write { at = \"1s\" } or { at = \"1s\", restart = \"500ms\" }");
    let with_memory = fields.one_of("memory") != Some(1);
    let restart = fields.duration("restart");
    if restart.is_none() && fields.has("memory") {
        let message = "it has no use for its memory, since it does not live again";
        let help = "say when with restart = \"500ms\", or leave memory out";
        fields.findings.error(fields.span.clone(), message, help);
    }
    let restart = restart.map(|after_ns| Restart { after_ns, with_memory });
    Some(Crash { at_ns: at_ns?, restart })
}

fn fault(fields: &Fields<'_>, protocol: &Protocol, places: &mut Places) -> Option<Fault> {
    let configuration = fields.small("configuration").unwrap_or(0);
    let replica = fields.small("replica");
    let kinds = protocol.kinds();
    let when = fields.text("when").and_then(|text| words::trigger(fields.findings, &text, kinds));
    let then = fields.text("then").and_then(|text| words::failures(fields.findings, &text));
    fields.missing::<()>("replica", "write replica = 0 for the head");
    fields.missing::<()>("when", "write when = \"shuttle(0,1)\"");
    fields.missing::<()>("then", "write then = \"drop()\"");
    let ((trigger, when), then) = (when?, then?);
    let (failures, spans) = then.into_iter().unzip();
    places.faults.push((fields.span.clone(), when, spans));
    Some(Fault { configuration, replica: replica.unwrap_or(0), trigger, failures })
}

fn choices(root: &Fields<'_>) -> Vec<Choice> {
    root.tables("choice").iter().filter_map(choice).collect()
}

fn choice(fields: &Fields<'_>) -> Option<Choice> {
    let site = fields.text("site").and_then(|located| {
        if let Err(error) = Tape::default().set(located.text, 0) {
            let message = format!("this names no question: {}", error.reason());
            fields.findings.error(located.whole(), message, SITE_HELP);
            return None;
        }
        Some(located.text.to_owned())
    });
    let answer = fields.bits("answer");
    fields.missing::<()>("site", SITE_HELP);
    fields.missing::<()>("answer", "write answer = 0");
    Some(Choice { site: site?, answer: answer? })
}

fn expect(fields: &Fields<'_>, protocol: &Protocol) -> Expect {
    let event = |fields: &Fields<'_>| event(fields, protocol);
    Expect {
        verdict: fields.one_of("verdict").map(|place| match place {
            0 => Verdict::Held,
            1 => Verdict::Broken,
            2 => Verdict::BeyondTolerance,
            _ => Verdict::Undecided,
        }),
        answered: fields.number("answered"),
        reconfigurations: fields.number("reconfigurations"),
        quorums: fields.number_lists("quorum").unwrap_or_default(),
        dictionary: fields.text_map("dictionary"),
        dictionary_exact: fields.flag("dictionary_exact").unwrap_or(false),
        results: fields.list_map("results").unwrap_or_default(),
        digest: fields.string("digest"),
        events: fields.tables("event").iter().filter_map(event).collect(),
    }
}

fn event(fields: &Fields<'_>, protocol: &Protocol) -> Option<ExpectedEvent> {
    let kind = |text: Located<'_>| event_kind(fields.findings, &text, protocol);
    let kind = fields.text("kind").and_then(kind);
    fields.missing::<()>("kind", "name the event as the JSON trace does");
    let fields_wanted = fields.value_map("fields").unwrap_or_default();
    let (least, most) = fields.range("count").unwrap_or((1, None));
    Some(ExpectedEvent { kind: kind?, fields: fields_wanted, count: Count { least, most } })
}

/// All that the JSON trace has as event or kind.
pub(super) fn events() -> impl Iterator<Item = &'static str> + Clone {
    let messages = bcr::messages::kind::ALL.iter().map(|kind| kind.text());
    let notes = bcr::Note::NAMES.iter().chain(solo::Note::NAMES);
    let messages = messages.chain([solo::ASK.text(), solo::TOLD.text()]);
    trace::WORDS.iter().chain(notes).copied().chain(messages)
}

/// What the JSON trace has as event or kind; a slip here would count what never comes. What notes
/// tell in a protocol of one's own is not known here.
fn event_kind(findings: &Findings, located: &Located<'_>, protocol: &Protocol) -> Option<String> {
    if matches!(protocol, Protocol::Own(_)) || events().any(|name| name == located.text) {
        return Some(located.text.to_owned());
    }
    let help = match syntax::nearest(located.text, events()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "perjury run FILE --log json shows what there is".to_owned(),
    };
    findings.error(located.whole(), format!("there is no event \"{}\"", located.text), help);
    None
}

fn hosts(fields: &Fields<'_>) -> Hosts {
    let names = fields.texts("names").unwrap_or_default();
    Hosts {
        names: names.iter().map(|name| name.text.to_owned()).collect(),
        olympus: fields.small("olympus"),
        clients: fields.numbers("clients").unwrap_or_default(),
        replicas: fields.numbers("replicas").unwrap_or_default(),
    }
}

/// The shape of a whole file.
pub(super) const fn root_shape() -> &'static keys::Shape {
    &keys::ROOT
}
