//! Writes a scenario in TOML: what is converted from the course format, what a shrinker leaves,
//! what `perjury new` begins with.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::keys::FORMAT;
use super::model::*;
use super::number::{show_bandwidth, show_duration, show_rate, show_signed_duration};
use super::words::show_party;
use crate::fault::Fault;
use crate::object::{Lengths, Pool};

/// The scenario in TOML. Reading it back gives an equal one.
#[must_use]
pub fn to_toml(scenario: &Scenario) -> String {
    let mut out = Out::default();
    out.description(&scenario.description);
    out.line("format", FORMAT);
    out.line("protocol", quoted(scenario.protocol.name()));
    if let Some(name) = &scenario.name {
        out.line("name", quoted(name));
    }
    out.line("seed", bits(scenario.seed));
    scenario.protocol.bcr().iter().for_each(|bcr| out.bcr_rules(bcr));
    if scenario.signatures == Signatures::Ed25519 {
        out.line("signatures", quoted("ed25519"));
    }
    out.schedule(scenario.schedule);
    scenario.protocol.bcr().iter().for_each(|bcr| out.bcr_times(bcr));
    if let Protocol::Solo(solo) = scenario.protocol {
        out.header("[timeouts]");
        out.duration("client", solo.client_timeout_ns);
    }
    out.pool(&scenario.pool);
    for client in &scenario.clients {
        out.header("[[client]]");
        out.workload(client);
    }
    out.network(&scenario.network);
    scenario.processes.iter().for_each(|process| out.process(process));
    out.limits(scenario.limits);
    scenario.faults.iter().for_each(|fault| out.fault(fault));
    for choice in &scenario.choices {
        out.header("[[choice]]");
        out.line("site", quoted(&choice.site));
        out.line("answer", bits(choice.answer));
    }
    out.expect(&scenario.expect);
    out.hosts(&scenario.hosts);
    out.text
}

#[derive(Default)]
struct Out {
    text: String,
}

impl Out {
    fn description(&mut self, description: &str) {
        for line in description.lines() {
            let sign = if line.is_empty() { "#" } else { "# " };
            self.push(format_args!("{sign}{line}\n"));
        }
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a string takes everything");
    }

    fn line(&mut self, key: &str, value: impl std::fmt::Display) {
        self.push(format_args!("{key} = {value}\n"));
    }

    fn header(&mut self, header: &str) {
        self.push(format_args!("\n{header}\n"));
    }

    fn duration(&mut self, key: &str, ns: u64) {
        self.line(key, quoted(&show_duration(ns)));
    }

    /// A duration, unless it is the default.
    fn other_duration(&mut self, key: &str, ns: u64, default: u64) {
        if ns != default {
            self.duration(key, ns);
        }
    }

    fn schedule(&mut self, schedule: Schedule) {
        match schedule {
            Schedule::Timed => {}
            Schedule::Random { mean_ns } => {
                let mean = show_duration(mean_ns);
                self.line("schedule", format_args!("{{ kind = \"random\", mean = \"{mean}\" }}"));
            }
            Schedule::Pct { changes, length } => {
                let knobs = format_args!("changes = {changes}, length = {length}");
                self.line("schedule", format_args!("{{ kind = \"pct\", {knobs} }}"));
            }
        }
    }

    fn bcr_rules(&mut self, bcr: &Bcr) {
        self.line("t", bcr.t);
        if bcr.accept == Accept::Quorum {
            self.line("accept", quoted("quorum"));
        }
        if bcr.deliver == Deliver::CaughtUp {
            self.line("deliver", quoted("caught_up"));
        }
        if let Some(quirk) = bcr.quirk {
            self.line("quirk", quoted(quirk.name()));
        }
    }

    fn bcr_times(&mut self, bcr: &Bcr) {
        self.header("[timeouts]");
        self.duration("client", bcr.client_timeout_ns);
        self.duration("head", bcr.head_timeout_ns);
        self.duration("nonhead", bcr.nonhead_timeout_ns);
        self.duration("olympus", bcr.olympus_timeout_ns);
        let of_some = bcr.checkpoint_proof == CheckpointProof::Quorum;
        if bcr.checkpoint_every.is_some() || of_some {
            self.header("[checkpoint]");
        }
        if let Some(every) = bcr.checkpoint_every {
            self.line("every", every);
        }
        if of_some {
            self.line("proof", quoted("quorum"));
        }
    }

    fn pool(&mut self, pool: &Pool) {
        if *pool == Pool::default() {
            return;
        }
        let settings = pool.settings();
        self.header("[pool]");
        self.line("keys", texts(settings.keys.iter().map(|key| &**key)));
        let w = settings.weights;
        let weights = [("put", w.put), ("get", w.get), ("append", w.append), ("slice", w.slice)];
        let weights = weights.map(|(name, weight)| format!("{name} = {weight}")).join(", ");
        self.line("weights", format_args!("{{ {weights} }}"));
        let lengths = |Lengths { min, max }| format!("\"{min}..{max}\"");
        self.line("put_lengths", lengths(settings.put_lengths));
        self.line("append_lengths", lengths(settings.append_lengths));
    }

    /// On one line if it fits, and otherwise one operation a line.
    fn workload(&mut self, client: &Client) {
        let text = quoted(&client.workload.to_string());
        if text.len() <= 88 {
            return self.line("workload", text);
        }
        let lines = client.workload.items().iter().map(|item| format!("  {item};\n"));
        let lines: String = lines.collect::<String>().replace('\\', "\\\\").replace('"', "\\\"");
        self.line("workload", format_args!("\"\"\"\n{lines}\"\"\""));
    }

    fn network(&mut self, network: &Network) {
        let link = network.link;
        if link != Link::default() {
            self.header("[network]");
            self.link(&difference(link, Link::default()));
        }
        for over in &network.overrides {
            self.header("[[network.link]]");
            self.line("from", quoted(&show_party(over.from)));
            self.line("to", quoted(&show_party(over.to)));
            self.link(&over.change);
        }
        network.partitions.iter().for_each(|partition| self.partition(partition));
    }

    fn link(&mut self, change: &LinkChange) {
        if let Some(kind) = change.kind {
            let word = if kind == LinkKind::Stream { "stream" } else { "datagram" };
            self.line("links", quoted(word));
        }
        if let Some(latency) = change.latency {
            self.line("latency", show_latency(latency));
        }
        if let Some(loss) = change.loss {
            self.line("loss", loss.to_decimal());
        }
        if let Some(retransmit) = change.retransmit_ns {
            self.duration("retransmit", retransmit);
        }
        if let Some(duplicate) = change.duplicate {
            self.line("duplicate", duplicate.to_decimal());
        }
        if let Some(reorder) = change.reorder {
            self.line("reorder", reorder.to_decimal());
        }
        if let Some(bandwidth) = change.bandwidth {
            self.line("bandwidth", quoted(&show_bandwidth(bandwidth)));
        }
    }

    fn partition(&mut self, partition: &Partition) {
        self.header("[[network.partition]]");
        self.duration("from", partition.from_ns);
        if let Some(until) = partition.until_ns {
            self.duration("until", until);
        }
        match &partition.cut {
            Cut::Groups(groups) => {
                let groups: Vec<String> = groups.iter().map(|group| parties(group)).collect();
                self.line("groups", format_args!("[{}]", groups.join(", ")));
            }
            Cut::OneWay { from, to } => {
                let (from, to) = (parties(from), parties(to));
                self.line("blocked", format_args!("{{ from = {from}, to = {to} }}"));
            }
        }
    }

    fn process(&mut self, process: &ProcessTrouble) {
        self.header("[[process]]");
        self.line("which", quoted(&show_party(process.which)));
        if let Some(offset_ns) = process.clock_offset_ns {
            self.line("clock_offset", quoted(&show_signed_duration(offset_ns)));
        }
        if let Some(rate_ppb) = process.clock_rate_ppb {
            self.line("clock_rate", show_rate(rate_ppb));
        }
        if !process.jumps.is_empty() {
            let jumps = process.jumps.iter().map(|jump| {
                let (at, by) = (show_duration(jump.at_ns), show_signed_duration(jump.by_ns));
                format!("{{ at = \"{at}\", by = \"{by}\" }}")
            });
            let jumps: Vec<String> = jumps.collect();
            self.line("jumps", format_args!("[{}]", jumps.join(", ")));
        }
        if !process.pauses.is_empty() {
            let pauses = process.pauses.iter().map(|pause| {
                let (at, long) = (show_duration(pause.at_ns), show_duration(pause.for_ns));
                format!("{{ at = \"{at}\", for = \"{long}\" }}")
            });
            let pauses: Vec<String> = pauses.collect();
            self.line("pauses", format_args!("[{}]", pauses.join(", ")));
        }
        if !process.crashes.is_empty() {
            let crashes: Vec<String> = process.crashes.iter().map(show_crash).collect();
            self.line("crashes", format_args!("[{}]", crashes.join(", ")));
        }
    }

    fn limits(&mut self, limits: Limits) {
        let default = Limits::default();
        if limits == default {
            return;
        }
        self.header("[limits]");
        self.other_duration("time", limits.time_ns, default.time_ns);
        if limits.steps != default.steps {
            self.line("steps", limits.steps);
        }
    }

    fn fault(&mut self, fault: &Fault) {
        self.header("[[fault]]");
        self.line("configuration", fault.configuration);
        self.line("replica", fault.replica);
        self.line("when", quoted(&fault.trigger.to_string()));
        let then: Vec<String> = fault.failures.iter().map(ToString::to_string).collect();
        self.line("then", quoted(&then.join("; ")));
    }

    fn expect(&mut self, expect: &Expect) {
        if *expect == Expect::default() {
            return;
        }
        self.header("[expect]");
        if let Some(verdict) = expect.verdict {
            self.line("verdict", quoted(verdict.name()));
        }
        if let Some(answered) = expect.answered {
            self.line("answered", answered);
        }
        if let Some(reconfigurations) = expect.reconfigurations {
            self.line("reconfigurations", reconfigurations);
        }
        if !expect.quorums.is_empty() {
            self.line("quorum", format_args!("{:?}", expect.quorums));
        }
        if let Some(dictionary) = &expect.dictionary {
            self.line("dictionary", text_map(dictionary));
        }
        if expect.dictionary_exact {
            self.line("dictionary_exact", true);
        }
        if !expect.results.is_empty() {
            let lists = expect.results.iter().map(|(client, results)| {
                format!("{client} = {}", texts(results.iter().map(String::as_str)))
            });
            let lists: Vec<String> = lists.collect();
            self.line("results", format_args!("{{ {} }}", lists.join(", ")));
        }
        if let Some(digest) = &expect.digest {
            self.line("digest", quoted(digest));
        }
        expect.events.iter().for_each(|event| self.event(event));
    }

    fn event(&mut self, event: &ExpectedEvent) {
        self.header("[[expect.event]]");
        self.line("kind", quoted(&event.kind));
        if !event.fields.is_empty() {
            self.line("fields", text_map(&event.fields));
        }
        let Count { least, most } = event.count;
        let most = most.map(|most| most.to_string()).unwrap_or_default();
        self.line("count", format_args!("\"{least}..{most}\""));
    }

    fn hosts(&mut self, hosts: &Hosts) {
        if *hosts == Hosts::default() {
            return;
        }
        self.header("[hosts]");
        self.line("names", texts(hosts.names.iter().map(String::as_str)));
        if let Some(olympus) = hosts.olympus {
            self.line("olympus", olympus);
        }
        self.line("clients", format_args!("{:?}", hosts.clients));
        self.line("replicas", format_args!("{:?}", hosts.replicas));
    }
}

/// What makes one link out of another.
fn difference(link: Link, from: Link) -> LinkChange {
    fn other<T: PartialEq>(value: T, from: T) -> Option<T> {
        (value != from).then_some(value)
    }
    LinkChange {
        kind: other(link.kind, from.kind),
        latency: other(link.latency, from.latency),
        loss: other(link.loss, from.loss),
        retransmit_ns: other(link.retransmit_ns, from.retransmit_ns),
        duplicate: other(link.duplicate, from.duplicate),
        reorder: other(link.reorder, from.reorder),
        bandwidth: link.bandwidth,
    }
}

fn show_latency(latency: Latency) -> String {
    match latency {
        Latency::Fixed { ns } => quoted(&show_duration(ns)),
        Latency::Uniform { low_ns, high_ns } => {
            quoted(&format!("{}..{}", show_duration(low_ns), show_duration(high_ns)))
        }
        Latency::Exponential { mean_ns } => {
            format!("{{ exponential = \"{}\" }}", show_duration(mean_ns))
        }
        Latency::LongTail { median_ns, p99_ns } => {
            let (median, p99) = (show_duration(median_ns), show_duration(p99_ns));
            format!("{{ long_tail = {{ median = \"{median}\", p99 = \"{p99}\" }} }}")
        }
    }
}

fn show_crash(crash: &Crash) -> String {
    let at = show_duration(crash.at_ns);
    match crash.restart {
        None => format!("{{ at = \"{at}\" }}"),
        Some(Restart { after_ns, with_memory }) => {
            let memory = if with_memory { "" } else { ", memory = \"lost\"" };
            format!("{{ at = \"{at}\", restart = \"{}\"{memory} }}", show_duration(after_ns))
        }
    }
}

fn parties(group: &[Party]) -> String {
    let names: Vec<String> = group.iter().map(|party| show_party(*party)).collect();
    texts(names.iter().map(String::as_str))
}

fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.map(quoted).collect();
    format!("[{}]", texts.join(", "))
}

fn text_map(map: &BTreeMap<String, String>) -> String {
    let bare = |key: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        !key.is_empty() && key.chars().all(plain)
    };
    let entries = map.iter().map(|(key, value)| {
        let key = if bare(key) { key.clone() } else { quoted(key) };
        format!("{key} = {}", quoted(value))
    });
    let entries: Vec<String> = entries.collect();
    format!("{{ {} }}", entries.join(", "))
}

/// A basic string on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A number of 64 bits; in quotes where TOML has no such number.
fn bits(number: u64) -> String {
    match i64::try_from(number) {
        Ok(number) => number.to_string(),
        Err(_) => format!("\"{number}\""),
    }
}
