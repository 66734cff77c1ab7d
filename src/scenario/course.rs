//! Reads a scenario in the course format: `key = value` lines, comments only on lines of their
//! own.
//!
//! Its authors were many, and each had habits. What is clear is read, with a warning; what is a
//! slip is an error that shows the repaired text, or, for a lenient reader, a warning.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ReadOptions;
use super::course_keys::{self, Meaning};
use super::diagnosis::Severity;
use super::findings::{Findings, Located, Span};
use super::model::*;
use super::toml_reader::Places;
use super::{literal, words};
use crate::fault::{Failure, Fault, Trigger, text::MAX_SLEEP};
use crate::object::Workload;
use crate::syntax;

/// A line of the file.
struct Line<'a> {
    text: &'a str,
    start: usize,
}

/// The value of a key.
struct Entry<'a> {
    value: Located<'a>,
    /// The whole line, without the white space around it.
    span: Span,
}

impl Entry<'_> {
    fn text(&self) -> &str {
        self.value.text
    }

    fn value_span(&self) -> Span {
        self.value.whole()
    }
}

type Entries<'a> = BTreeMap<(Meaning, Vec<u32>), Entry<'a>>;

/// Reads the file of `findings`.
pub(super) fn read(findings: &Findings, options: &ReadOptions) -> (Scenario, Places) {
    let text = findings.source().text();
    let mut entries = Entries::new();
    for line in lines(text) {
        entry(findings, &line, &mut entries);
    }
    let reader = Reader { findings, options, entries };
    let mut places = Places::default();
    let scenario = reader.scenario(&mut places);
    (scenario, places)
}

/// The lines, whatever ends them.
fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    text.split(['\n', '\r']).map(move |line| {
        let here = start;
        start += line.len() + 1;
        let body = line.trim_start_matches('\u{feff}');
        let trimmed = body.trim_start();
        let begin = here + line.len() - trimmed.len();
        Line { text: trimmed.trim_end(), start: begin }
    })
}

fn entry<'a>(findings: &Findings, line: &Line<'a>, entries: &mut Entries<'a>) {
    if line.text.is_empty() || line.text.starts_with('#') {
        return;
    }
    let span = line.start..line.start + line.text.len();
    let Some((key, value)) = line.text.split_once('=') else {
        let help = "write key = value, or begin the line with # to make it a comment";
        findings.slip(span, "the line is neither a comment nor key = value", help);
        return;
    };
    let key_span = line.start..line.start + key.trim_end().len();
    let value_start = span.end - value.trim_start().len();
    let value = Located::verbatim(value.trim(), value_start);
    let Some((meaning, indices)) = known_key(findings, key.trim(), key_span) else {
        return;
    };
    let entry = Entry { value, span };
    let Some(first) = entries.get(&(meaning, indices.clone())) else {
        entries.insert((meaning, indices), entry);
        return;
    };
    if findings.is_done() {
        return;
    }
    let both = (first.span.clone(), entry.span.clone());
    let line_of = |span: &Span| findings.source().line_and_column(span.start).0;
    let (one, two) = (line_of(&both.0), line_of(&both.1));
    let key = key.trim();
    if first.text() == entry.text() {
        let message = format!("`{key}` is said twice, in lines {one} and {two}");
        findings.twice(Severity::Warning, both, message, "leave one of them out");
    } else {
        let message = format!("`{key}` is said twice and differently, in lines {one} and {two}");
        findings.twice(Severity::Error, both, message, "leave the one out that is not meant");
    }
}

/// What a key means and its indices; nothing, reported, if it means nothing here.
fn known_key(findings: &Findings, written: &str, span: Span) -> Option<(Meaning, Vec<u32>)> {
    let (name, rest) = match written.find(['[', '(']) {
        Some(at) => written.split_at(at),
        None => (written, ""),
    };
    let name = name.trim_end();
    let Some(found) = course_keys::find(name) else {
        unknown_key(findings, name, span);
        return None;
    };
    if let Meaning::Ignored = found.key.meaning {
        findings.warn(span, format!("`{name}` is not used"), found.key.about);
        return None;
    }
    let indices = indices(rest);
    let Some(indices) = indices.filter(|indices| found.key.indices.contains(&indices.len())) else {
        let message = format!("`{written}` does not say what it is for");
        findings.error(span, message, format!("write {}", found.key.usage));
        return None;
    };
    if found.is_alias {
        let message = format!("`{name}` is another spelling");
        let help = format!("write {}", found.key.name);
        findings.warn(span, message, help);
    }
    Some((found.key.meaning, indices))
}

fn unknown_key(findings: &Findings, name: &str, span: Span) {
    if findings.is_done() {
        return;
    }
    let message = format!("there is no key `{name}`");
    match syntax::nearest(name, course_keys::names()) {
        Some(near) => findings.slip(span, message, format!("did you mean `{near}`?")),
        None => {
            let help = "it is not used; leave it out, or turn the line into a comment";
            findings.warn(span, message, help);
        }
    }
}

/// `[0,1]`, nothing for nothing.
fn indices(text: &str) -> Option<Vec<u32>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Vec::new());
    }
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .or_else(|| text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')))?;
    inner.split(',').map(|number| plain(number.trim())).collect()
}

fn plain<T: std::str::FromStr>(digits: &str) -> Option<T> {
    let sound = digits.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| digits.parse().ok()).flatten()
}

struct Reader<'a> {
    findings: &'a Findings,
    options: &'a ReadOptions,
    entries: Entries<'a>,
}

impl<'a> Reader<'a> {
    fn get(&self, meaning: Meaning) -> Option<&Entry<'a>> {
        self.entries.get(&(meaning, Vec::new()))
    }

    fn all(&self, meaning: Meaning) -> impl Iterator<Item = (&[u32], &Entry<'a>)> {
        let of = self.entries.iter().filter(move |((found, _), _)| *found == meaning);
        of.map(|((_, indices), entry)| (indices.as_slice(), entry))
    }

    fn scenario(&self, places: &mut Places) -> Scenario {
        let mut scenario = Scenario::new(Protocol::Bcr(self.bcr()));
        scenario.name = self.get(Meaning::Name).map(|entry| entry.text().to_owned());
        scenario.name = scenario.name.filter(|name| !name.is_empty());
        scenario.clients = self.clients(&scenario, places);
        scenario.faults = self.faults(places);
        scenario.expect = self.expect();
        scenario.hosts = self.hosts();
        scenario
    }

    fn bcr(&self) -> Bcr {
        let mut bcr = Bcr::default();
        match self.get(Meaning::T) {
            Some(entry) => bcr.t = self.number(entry, Bcr::MAX_T.into()).unwrap_or(0),
            None => {
                let help = "add a line like t = 1: the chain has 2t+1 replicas";
                self.findings.error(0..0, "the file does not say `t`", help);
            }
        }
        let time = |meaning| self.time(meaning).unwrap_or(Bcr::TIMEOUT_NS);
        bcr.client_timeout_ns = time(Meaning::ClientTimeout);
        bcr.head_timeout_ns = time(Meaning::HeadTimeout);
        bcr.nonhead_timeout_ns = time(Meaning::NonheadTimeout);
        bcr.olympus_timeout_ns = time(Meaning::OlympusTimeout);
        bcr.checkpoint_every = self.checkpoint();
        self.check_replicas(&bcr);
        bcr
    }

    fn checkpoint(&self) -> Option<u64> {
        let entry = self.get(Meaning::Checkpoint)?;
        let every: u64 = self.number(entry, u64::MAX)?;
        if every == 0 {
            let help = "leave the line out: without it there are none";
            self.findings.warn(entry.value_span(), "an interval of 0 means no checkpoints", help);
        }
        (every > 0).then_some(every)
    }

    fn check_replicas(&self, bcr: &Bcr) {
        let Some(entry) = self.get(Meaning::Replicas) else {
            return;
        };
        let chain = bcr.replicas();
        if plain::<u32>(entry.text()) != Some(chain) {
            let message = format!("with t = {} the chain has {chain} replicas", bcr.t);
            self.findings.warn(entry.value_span(), message, "leave the line out: it is not used");
        }
    }

    /// A plain number up to `most`.
    fn number<T: TryFrom<u64>>(&self, entry: &Entry<'_>, most: u64) -> Option<T> {
        let digits = entry.text().split(['#', ';']).next().unwrap_or_default().trim();
        let number = plain::<u64>(digits).filter(|number| *number <= most);
        let converted = number.and_then(|number| T::try_from(number).ok());
        if converted.is_none() {
            let wanted = match most {
                u64::MAX => "a plain number is wanted".to_owned(),
                _ => format!("a plain number up to {most} is wanted"),
            };
            let help = "write digits alone, without a unit";
            self.findings.error(entry.value_span(), wanted, help);
        } else if digits != entry.text() {
            let message = "only a number can stand here; comments have lines of their own";
            self.findings.slip(entry.value_span(), message, format!("write {digits}"));
        }
        converted
    }

    /// A timeout in nanoseconds.
    fn time(&self, meaning: Meaning) -> Option<u64> {
        let entry = self.get(meaning)?;
        let (unit, most) = match self.options.time_unit_seconds {
            true => (1_000_000_000, u64::MAX / 1_000_000_000),
            false => (1_000_000, MAX_SLEEP),
        };
        let time: u64 = self.number(entry, most)?;
        if time == 0 {
            let message = "a timeout of 0 ends before any answer can come";
            self.findings.slip(entry.value_span(), message, "write 3000");
            return None;
        }
        if unit == 1_000_000 && time < 50 {
            let message = format!("{time} milliseconds are very short: were seconds meant?");
            let help = format!("write {}, or read the file with --time-unit s", time * 1000);
            self.findings.warn(entry.value_span(), message, help);
        }
        Some(time * unit)
    }

    /// How many clients there are: said, or seen from their workloads.
    fn client_count(&self) -> u32 {
        if let Some(entry) = self.get(Meaning::Clients) {
            return self.number(entry, Scenario::MAX_CLIENTS.into()).unwrap_or(0);
        }
        let last = self.all(Meaning::Workload).filter_map(|(indices, _)| indices.first()).max();
        let count = last.map_or(0, |last| last.saturating_add(1)).min(Scenario::MAX_CLIENTS);
        let help = format!("add the line num_client = {count}");
        self.findings.warn(0..0, "the file does not say `num_client`", help);
        count
    }

    fn clients(&self, scenario: &Scenario, places: &mut Places) -> Vec<Client> {
        let count = self.client_count();
        let mut workloads = BTreeMap::new();
        for (indices, entry) in self.all(Meaning::Workload) {
            let number = indices.first().copied().unwrap_or(0);
            let Some(items) = words::workload(self.findings, &entry.value) else {
                continue;
            };
            if number >= count {
                let message = format!("there is no client {number}: num_client is {count}");
                let help = "raise num_client, or leave the workload out";
                self.findings.warn(entry.span.clone(), message, help);
            }
            workloads.insert(number, (items, entry.span.clone()));
        }
        let client = |number| {
            let (items, span) = workloads.remove(&number).unwrap_or_default();
            places.clients.push(span);
            Client { workload: Workload::new(items, Arc::clone(&scenario.pool)) }
        };
        (0..count).map(client).collect()
    }

    fn faults(&self, places: &mut Places) -> Vec<Fault> {
        let mut faults: Vec<Fault> = Vec::new();
        for (indices, entry) in self.all(Meaning::Failures) {
            let &[configuration, replica] = indices else {
                continue;
            };
            let mut known: BTreeMap<Trigger, usize> = BTreeMap::new();
            for pair in words::pairs(self.findings, &entry.value).unwrap_or_default() {
                let Some(((trigger, when), (failure, then))) = self.adjust(pair) else {
                    continue;
                };
                // Pairs with the same trigger are one fault that does several things.
                if let Some(at) = known.get(&trigger).copied() {
                    faults[at].failures.push(failure);
                    places.faults[at].2.push(then);
                    continue;
                }
                known.insert(trigger, faults.len());
                let failures = vec![failure];
                faults.push(Fault { configuration, replica, trigger, failures });
                places.faults.push((entry.span.clone(), when, vec![then]));
            }
        }
        faults
    }

    /// A pair with its counter from 0 and its sleep in milliseconds.
    fn adjust(&self, pair: words::Pair) -> Option<words::Pair> {
        let ((trigger, when), (failure, then)) = pair;
        let trigger = self.counted_from_zero(trigger, &when)?;
        let Failure::Sleep { milliseconds } = failure else {
            return Some(((trigger, when), (failure, then)));
        };
        let factor = if self.options.time_unit_seconds { 1000 } else { 1 };
        let longer = milliseconds.checked_mul(factor).filter(|ms| *ms <= MAX_SLEEP);
        let Some(milliseconds) = longer else {
            self.findings.error(then, "the sleep is too long", "write a shorter one");
            return None;
        };
        if milliseconds < 50 {
            let message =
                format!("{milliseconds} milliseconds are very short: were seconds meant?");
            let help = format!("write sleep({}), or use --time-unit s", milliseconds * 1000);
            self.findings.warn(then.clone(), message, help);
        }
        Some(((trigger, when), (Failure::Sleep { milliseconds }, then)))
    }

    fn counted_from_zero(&self, trigger: Trigger, span: &Span) -> Option<Trigger> {
        if !self.options.counter_base_one {
            return Some(trigger);
        }
        let earlier = trigger.number().checked_sub(1).map(|number| trigger.with_number(number));
        if earlier.is_none() {
            let message = "message 0 does not exist when messages are counted from 1";
            let help = "count from 1, or leave out --counter-base 1";
            self.findings.error(span.clone(), message, help);
        }
        earlier
    }

    fn expect(&self) -> Expect {
        let mut expect = Expect::default();
        for (_, entry) in self.all(Meaning::Dictionary) {
            match literal::dictionary(entry.text()) {
                Some(found) => {
                    expect.dictionary.get_or_insert_default().extend(found);
                    expect.dictionary_exact = true;
                }
                None => {
                    let message = "this is no dictionary";
                    self.findings.slip(entry.value_span(), message, "write {'movie':'star'}");
                }
            }
        }
        for (indices, entry) in self.all(Meaning::Results) {
            let client = indices.first().copied().unwrap_or(0);
            match literal::list(entry.text()) {
                Some(found) => {
                    expect.results.insert(client, found);
                }
                None => {
                    let message = "this is no list of results";
                    self.findings.slip(entry.value_span(), message, "write OK; OK; star wars");
                }
            }
        }
        expect
    }

    fn hosts(&self) -> Hosts {
        let names = self.get(Meaning::Hosts).map_or("", |entry| entry.text());
        let names: Vec<String> = parts(names).map(str::to_owned).collect();
        let indices = |meaning| self.host_indices(meaning, names.len());
        Hosts {
            olympus: indices(Meaning::OlympusHost).first().copied(),
            clients: indices(Meaning::ClientHosts),
            replicas: indices(Meaning::ReplicaHosts),
            names,
        }
    }

    fn host_indices(&self, meaning: Meaning, hosts: usize) -> Vec<u32> {
        let Some(entry) = self.get(meaning) else {
            return Vec::new();
        };
        let indices: Option<Vec<u32>> = parts(entry.text()).map(plain).collect();
        let Some(indices) = indices else {
            let help = "write places in the list of hosts, from 0: 0; 1; 2";
            self.findings.slip(entry.value_span(), "these are no numbers of hosts", help);
            return Vec::new();
        };
        if indices.iter().any(|index| *index as usize >= hosts) {
            let message = format!("there are {hosts} hosts, counted from 0");
            let help = "a simulation does not look at hosts; real sockets need them right";
            self.findings.warn(entry.value_span(), message, help);
        }
        indices
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty())
}
