//! The parts of a scenario that are text with a syntax of their own: workloads, faults, parties.
//! Both readers hand them here.

use std::sync::Arc;

use super::findings::{Findings, Located, Span};
use super::model::Party;
use super::repair;
use crate::choice::Name;
use crate::fault::{CallError, Failure, Spelled, Trigger, text};
use crate::object::{Item, Operation};
use crate::protocol::bcr::messages::kind;
use crate::syntax::{self, Call, Entry};

/// The most operations that one `pseudorandom` may ask for.
const MAX_COUNT: u64 = 1_000_000_000;

/// The items of a workload; nothing where the text is refused.
pub(super) fn workload(findings: &Findings, located: &Located<'_>) -> Option<Arc<[Item]>> {
    let entries = match syntax::list(located.text) {
        Ok(entries) if entries.iter().all(repair::is_quoted) => entries,
        other => return repaired(findings, located, other.err()),
    };
    items(findings, located, &entries)
}

fn items(findings: &Findings, located: &Located<'_>, entries: &[Entry]) -> Option<Arc<[Item]>> {
    let items = entries.iter().map(|entry| item(findings, located, entry));
    // Every entry is looked at, so that all mistakes are reported at once.
    let items: Vec<Option<Item>> = items.collect();
    items.into_iter().collect()
}

fn repaired(
    findings: &Findings,
    located: &Located<'_>,
    error: Option<syntax::SyntaxError>,
) -> Option<Arc<[Item]>> {
    let Some(repaired) = repair::workload(located.text) else {
        match error {
            Some(error) => located.syntax_error(findings, error),
            None => {
                let message = "the arguments of an operation stand in quotes";
                findings.error(located.whole(), message, "write put('key','value')");
            }
        }
        return None;
    };
    for change in &repaired.changes {
        let span = located.part(change.span.clone());
        findings.slip(span, change.what, format!("write {}", change.entry));
    }
    let entries = syntax::list(&repaired.text).ok()?;
    items(findings, &located.instead(&repaired.text), &entries)
}

fn item(findings: &Findings, located: &Located<'_>, entry: &Entry) -> Option<Item> {
    let [call] = entry.calls.as_slice() else {
        let span = located.part(entry.span.clone());
        findings.error(
            span,
            "two operations are joined by a comma",
            "part them by a semicolon `;`",
        );
        return None;
    };
    match text::snake(&call.name).as_str() {
        "pseudorandom" => pseudorandom(findings, located, call),
        "reconfig" | "reconfigure" if call.arguments.is_empty() => Some(Item::Reconfigure),
        name => operation(findings, located, name, call).map(Item::Fixed),
    }
}

fn operation(
    findings: &Findings,
    located: &Located<'_>,
    name: &str,
    call: &Call,
) -> Option<Operation> {
    let error = match Operation::from_parts(name, &call.texts()) {
        Ok(operation) => return Some(operation),
        Err(error) => error,
    };
    let known = ["put", "get", "append", "slice", "pseudorandom", "reconfig"];
    let unknown = !known.contains(&name);
    let span = if unknown { call.name_span.clone() } else { call.span.clone() };
    let help = match syntax::nearest(name, known).filter(|_| unknown) {
        Some(near) => format!("did you mean `{near}`?"),
        None => error.remedy().to_owned(),
    };
    findings.error(located.part(span), error.to_string(), help);
    None
}

fn pseudorandom(findings: &Findings, located: &Located<'_>, call: &Call) -> Option<Item> {
    let numbers: Vec<Option<u64>> = call.texts().iter().map(|text| text.parse().ok()).collect();
    let span = located.part(call.span.clone());
    match numbers.as_slice() {
        [Some(seed), Some(count)] if *count <= MAX_COUNT => {
            Some(Item::Pseudorandom { seed: *seed, count: *count })
        }
        [Some(_), Some(_)] => {
            let message = format!("more than {MAX_COUNT} operations are too many");
            findings.error(span, message, "ask for fewer");
            None
        }
        _ => {
            let help = "write pseudorandom(seed,count), for example pseudorandom(233,5)";
            findings.error(span, "`pseudorandom` takes two plain numbers", help);
            None
        }
    }
}

/// A trigger with its place, where messages are of these kinds.
pub(super) fn trigger(
    findings: &Findings,
    at: &Located<'_>,
    kinds: &[Name],
) -> Option<(Trigger, Span)> {
    let call = match syntax::call(at.text) {
        Ok(call) => call,
        Err(error) => {
            at.syntax_error(findings, error);
            return None;
        }
    };
    let span = at.part(call.span.clone());
    spelled(findings, at, &call, Trigger::from_call(&call, kinds)).map(|trigger| (trigger, span))
}

/// Failures that are parted by semicolons, with their places.
pub(super) fn failures(findings: &Findings, at: &Located<'_>) -> Option<Vec<(Failure, Span)>> {
    let entries = match syntax::list(at.text) {
        Ok(entries) => entries,
        Err(error) => {
            at.syntax_error(findings, error);
            return None;
        }
    };
    if entries.is_empty() {
        findings.error(at.whole(), "no failure is named", "name one, for example \"crash()\"");
        return None;
    }
    let calls = entries.iter().flat_map(|entry| &entry.calls);
    let found = calls.map(|call| {
        let span = at.part(call.span.clone());
        spelled(findings, at, call, Failure::from_call(call)).map(|failure| (failure, span))
    });
    let found: Vec<Option<_>> = found.collect();
    found.into_iter().collect()
}

/// A pair of the course format, with the places of its halves.
pub(super) type Pair = ((Trigger, Span), (Failure, Span));

/// The pairs of the course format: `trigger, failure; trigger, failure`.
pub(super) fn pairs(findings: &Findings, at: &Located<'_>) -> Option<Vec<Pair>> {
    let entries = match syntax::list(at.text) {
        Ok(entries) => entries,
        Err(mut error) => {
            error.help = "write pairs like shuttle(0,1), drop(); shuttle(0,2), crash()".to_owned();
            at.syntax_error(findings, error);
            return None;
        }
    };
    let pairs: Vec<Option<Pair>> = entries.iter().map(|entry| pair(findings, at, entry)).collect();
    pairs.into_iter().collect()
}

fn pair(findings: &Findings, at: &Located<'_>, entry: &Entry) -> Option<Pair> {
    let [when, then] = entry.calls.as_slice() else {
        let message = match entry.calls.len() {
            1 => "a failure belongs to each trigger",
            _ => "a trigger and one failure make a pair",
        };
        let help = "write trigger, failure; the next pair stands behind a semicolon";
        findings.error(at.part(entry.span.clone()), message, help);
        return None;
    };
    let trigger = spelled(findings, at, when, Trigger::from_call(when, kind::ALL));
    let failure = spelled(findings, at, then, Failure::from_call(then));
    let (when, then) = (at.part(when.span.clone()), at.part(then.span.clone()));
    Some(((trigger?, when), (failure?, then)))
}

fn spelled<T: ToString>(
    findings: &Findings,
    at: &Located<'_>,
    call: &Call,
    result: Result<Spelled<T>, CallError<T>>,
) -> Option<T> {
    let Spelled { value, alias } = match result {
        Ok(spelled) => spelled,
        Err(error) => return at.call_error(findings, error),
    };
    if let Some(alias) = alias {
        let span = at.part(call.name_span.clone());
        let message = format!("`{alias}` is another spelling");
        findings.warn(span, message, format!("write {}", value.to_string()));
    }
    Some(value)
}

/// What a party may be called.
const PARTIES: &str = "write olympus, clients, client 3, replicas, replica 0 (in every \
     configuration), replica 1.0 (configuration 1, position 0) or all";

/// Some processes, in a word.
pub(super) fn party(findings: &Findings, at: &Located<'_>) -> Option<Party> {
    let found = parse_party(at.text);
    if found.is_none() {
        findings.error(at.whole(), format!("nobody is called `{}`", at.text), PARTIES);
    }
    found
}

fn parse_party(text: &str) -> Option<Party> {
    let mut words = text.split_whitespace();
    let (kind, number) = (words.next()?, words.next());
    if words.next().is_some() {
        return None;
    }
    match (kind, number) {
        ("all", None) => Some(Party::All),
        ("olympus", None) => Some(Party::Olympus),
        ("clients", None) => Some(Party::Clients),
        ("replicas", None) => Some(Party::Replicas),
        ("client", Some(number)) => Some(Party::Client(plain(number)?)),
        ("replica", Some(number)) => match number.split_once('.') {
            None => Some(Party::Position(plain(number)?)),
            Some((configuration, position)) => Some(Party::Replica {
                configuration: plain(configuration)?,
                position: plain(position)?,
            }),
        },
        _ => None,
    }
}

fn plain(digits: &str) -> Option<u32> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// How a party is written.
pub(super) fn show_party(party: Party) -> String {
    match party {
        Party::All => "all".to_owned(),
        Party::Olympus => "olympus".to_owned(),
        Party::Clients => "clients".to_owned(),
        Party::Client(number) => format!("client {number}"),
        Party::Replicas => "replicas".to_owned(),
        Party::Position(position) => format!("replica {position}"),
        Party::Replica { configuration, position } => {
            format!("replica {configuration}.{position}")
        }
    }
}
