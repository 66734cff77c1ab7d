//! What led to a violation: its causal past, its shape, and a picture of it.
//!
//! An event is in the past of another if it led to it: through the input that a process handled,
//! through a message, or because it happened to the same process before. Whatever is not in the
//! past of the event that shows a violation had no part in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::identity::{Address, Class};
use crate::judge::Finding;
use crate::run::{self, Digesting, Refusal, Report};
use crate::scenario::Scenario;
use crate::trace::{Line, Lines, Value};

use super::menu::Menu;

/// The events of a run that led to one of them.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The events, in their order; the last one is the one that they led to.
    pub lines: Vec<Line>,
    /// How many events the run had.
    pub of: u64,
}

impl Slice {
    /// Runs a scenario and takes what led to what this judge found, or to the first violation if
    /// nobody is named; none if nothing was found.
    ///
    /// # Errors
    /// A scenario that is not run.
    pub fn of_run(
        scenario: &Scenario,
        judge: Option<&str>,
    ) -> Result<Option<(Report, Finding, Slice)>, Refusal> {
        Slice::of_run_unless(scenario, judge, &|| false)
    }

    /// The same; nothing too if the run was stopped, see [`run::run_unless`].
    ///
    /// # Errors
    /// A scenario that is not run.
    pub fn of_run_unless(
        scenario: &Scenario,
        judge: Option<&str>,
        stops: &dyn Fn() -> bool,
    ) -> Result<Option<(Report, Finding, Slice)>, Refusal> {
        let mut lines = Vec::new();
        let mut keep = Lines::new(|line: Line| lines.push(line));
        let ran = run::run_unless(scenario, &mut keep, Digesting::Yes, stops)?;
        let Some(report) = ran else {
            return Ok(None);
        };
        let is_wanted = |finding: &&Finding| judge.is_none_or(|judge| judge == finding.judge);
        let findings = report.rulings.iter().filter_map(|ruling| ruling.finding.as_ref());
        let found = findings.filter(is_wanted).min_by_key(|finding| finding.event).cloned();
        Ok(found.map(|finding| {
            let slice = Slice::of_finding(&lines, &finding);
            (report, finding, slice)
        }))
    }

    /// What led to a finding in a run whose lines these are: to the event that shows it, and to
    /// those that it contradicts.
    #[must_use]
    pub fn of_finding(lines: &[Line], finding: &Finding) -> Slice {
        Slice::of_events(lines, finding.against.iter().copied().chain([finding.event]))
    }

    /// What led to an event of a run, whose lines these are.
    #[must_use]
    pub fn of_event(lines: &[Line], event: u64) -> Slice {
        Slice::of_events(lines, [event])
    }

    fn of_events(lines: &[Line], events: impl IntoIterator<Item = u64>) -> Slice {
        let past = past(lines, events);
        let lines_of = past.iter().map(|number| lines[*number as usize - 1].clone());
        Slice { lines: lines_of.collect(), of: lines.len() as u64 }
    }

    /// What happened in it, in a few words: findings of one shape are one finding. It names who did
    /// what wrong, and the kinds of message on the straight way to the violation.
    #[must_use]
    pub fn shape(&self, scenario: &Scenario) -> String {
        let menu = Menu::of(&scenario.protocol);
        let injected = self.lines.iter().filter(|line| line.event == "injected");
        let wrongs: BTreeSet<String> = injected
            .map(|line| {
                let pair = field(line, "what").unwrap_or_default();
                let failure = pair.split_once("), ").map_or("", |(_, failure)| failure);
                let failure = failure.split('(').next().unwrap_or_default();
                format!("{} {failure}", menu.role(line.process.identity.index))
            })
            .collect();
        let wrongs: Vec<String> = wrongs.into_iter().collect();
        format!("{}: {}", wrongs.join(", "), self.way())
    }

    /// The kinds of the events on the straight way to the last one, from the last one back, each
    /// kind once.
    fn way(&self) -> String {
        let by_number: BTreeMap<u64, &Line> =
            self.lines.iter().map(|line| (line.number, line)).collect();
        let mut kinds: Vec<&str> = Vec::new();
        let mut at = self.lines.last().map_or(0, |line| line.number);
        while let Some(line) = by_number.get(&at) {
            let kind = line.kind.unwrap_or(line.event);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
            at = sent(line).unwrap_or(line.cause);
        }
        kinds.join(" < ")
    }

    /// A sequence diagram in the notation of Mermaid: who sent what to whom, and what was done
    /// wrong.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut picture = String::from("sequenceDiagram\n");
        for process in self.processes() {
            let name = name(process);
            writeln!(picture, "  participant {name} as {process}").expect(TAKES_ALL);
        }
        let arrows: Vec<String> = self.lines.iter().filter_map(arrow).collect();
        // What led to the end comes last: of a long past the end is shown.
        let hidden = arrows.len().saturating_sub(MOST_ARROWS);
        if let (1.., Some(first)) = (hidden, self.lines.first()) {
            let name = name(first.process);
            writeln!(picture, "  Note over {name}: {hidden} more before this").expect(TAKES_ALL);
        }
        for text in &arrows[hidden..] {
            writeln!(picture, "  {text}").expect(TAKES_ALL);
        }
        if let Some(last) = self.lines.last() {
            let name = name(last.process);
            writeln!(picture, "  Note over {name}: here it shows, event {}", last.number)
                .expect(TAKES_ALL);
        }
        picture
    }

    /// Who takes part: clients, Olympus, then the replicas in their order.
    fn processes(&self) -> Vec<Address> {
        let all: BTreeSet<Address> = self.lines.iter().map(|line| line.process).collect();
        let mut all: Vec<Address> = all.into_iter().collect();
        let rank = |process: &Address| match process.identity.class {
            Class::Client => 0,
            Class::Olympus => 1,
            _ => 2,
        };
        all.sort_by_key(rank);
        all
    }
}

/// How many arrows and notes a picture has at most: more of them nobody reads, nor do most programs
/// that draw them.
const MOST_ARROWS: usize = 250;

const TAKES_ALL: &str = "a string takes all that is written";

/// The numbers of the events that led to some of them, themselves among them.
fn past(lines: &[Line], events: impl IntoIterator<Item = u64>) -> BTreeSet<u64> {
    let before = befores(lines);
    let mut past = BTreeSet::new();
    let last = lines.len() as u64;
    let mut open: Vec<u64> = events.into_iter().map(|event| event.min(last)).collect();
    while let Some(number) = open.pop() {
        if number == 0 || !past.insert(number) {
            continue;
        }
        let line = &lines[number as usize - 1];
        open.extend([line.cause, sent(line).unwrap_or(0), before[number as usize - 1]]);
    }
    past
}

/// For each event the one before it at the same process; 0 for none.
fn befores(lines: &[Line]) -> Vec<u64> {
    let mut last: BTreeMap<Address, u64> = BTreeMap::new();
    let before = lines.iter().map(|line| last.insert(line.process, line.number).unwrap_or(0));
    before.collect()
}

/// The event in which a received message was sent.
fn sent(line: &Line) -> Option<u64> {
    let sent = line.fields.iter().find(|(name, _)| *name == "sent")?;
    match (line.event, &sent.1) {
        ("received", Value::Number(number)) => Some(*number),
        _ => None,
    }
}

/// A field's value, as it prints.
fn field(line: &Line, name: &str) -> Option<String> {
    let (_, value) = line.fields.iter().find(|(known, _)| *known == name)?;
    Some(value.to_string())
}

/// A process's name as Mermaid takes one.
fn name(process: Address) -> String {
    process.to_string().replace([' ', '.'], "_")
}

/// The events that a picture shows, in its notation.
fn arrow(line: &Line) -> Option<String> {
    let at = name(line.process);
    let about = line.kind.unwrap_or(line.event).to_owned() + &details(line);
    Some(match line.event {
        "received" => {
            let from = field(line, "from")?.replace([' ', '.'], "_");
            format!("{from}->>{at}: {about}")
        }
        "injected" => {
            let what = field(line, "what")?;
            format!("Note over {at}: FAULT {}", plain(&what))
        }
        "crashed" | "stopped" | "restarted" | "paused" | "resumed" => {
            format!("Note over {at}: {}", line.event)
        }
        "timer_fired" => {
            format!("Note over {at}: a timer runs out: {}", plain(&field(line, "timer")?))
        }
        "noted" if line.is_telling() => format!("Note over {at}: {about}"),
        _ => return None,
    })
}

/// The short fields of a line, the numbers among them.
fn details(line: &Line) -> String {
    let mut text = String::new();
    for (name, value) in &line.fields {
        let is_short = match value {
            Value::Number(_) => !["sent", "copy"].contains(name),
            Value::Text(_) | Value::Variant(..) => value.to_string().len() <= 40,
            _ => false,
        };
        if is_short && text.len() < 60 {
            write!(text, " {name}={}", plain(&value.to_string())).expect(TAKES_ALL);
        }
    }
    text
}

/// Without the characters that mean something to Mermaid.
fn plain(text: &str) -> String {
    text.replace([';', '#', '\n', '"'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    /// The head of a chain crashes on the first request of a client; another client has other
    /// replicas to ask.
    fn slice_at(pick: impl Fn(&Line) -> bool) -> (Vec<Line>, Slice) {
        let text = "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"put('k','v')\"\n\
                    [[client]]\nworkload = \"get('l')\"\n[[fault]]\nconfiguration = 0\n\
                    replica = 2\nwhen = \"shuttle(0,0)\"\nthen = \"change_result()\"\n";
        let reading = scenario::read("test", text.as_bytes(), &Default::default());
        let mut lines = Vec::new();
        let mut keep = |line: Line| lines.push(line);
        run::run_logged(&reading.scenario.unwrap(), Some(&mut keep)).unwrap();
        let event = lines.iter().find(|line| pick(line)).unwrap().number;
        let slice = Slice::of_event(&lines, event);
        (lines, slice)
    }

    #[test]
    fn the_past_is_closed_and_has_nothing_else_in_it() {
        let (lines, slice) = slice_at(|line| line.kind == Some("answered"));
        let inside: BTreeSet<u64> = slice.lines.iter().map(|line| line.number).collect();
        let leads = |line: &Line| {
            let mut leads = vec![line.cause, sent(line).unwrap_or(0)];
            leads.push(befores(&lines)[line.number as usize - 1]);
            leads
        };
        for line in &slice.lines {
            assert!(leads(line).iter().all(|one| *one == 0 || inside.contains(one)), "{line}");
        }
        let led_to: BTreeSet<u64> = slice.lines.iter().flat_map(leads).collect();
        let last = slice.lines.last().unwrap().number;
        assert!(inside.iter().all(|one| *one == last || led_to.contains(one)));
        assert!(slice.lines.len() < lines.len());
    }

    #[test]
    fn the_first_request_has_no_past_but_its_client_and_olympus() {
        let (_, slice) = slice_at(|line| line.kind == Some("asked"));
        let others =
            slice.lines.iter().filter(|line| line.process.identity.class == Class::Replica);
        assert_eq!(others.count(), 0);
    }

    #[test]
    fn a_picture_has_the_messages_and_the_faults() {
        let (_, slice) = slice_at(|line| line.kind == Some("answered"));
        let picture = slice.to_mermaid();
        for part in [
            "sequenceDiagram\n",
            "  participant replica_0_2 as replica 0.2\n",
            "  replica_0_0->>replica_0_1: shuttle",
            "  Note over replica_0_2: FAULT shuttle(0,0), change_result()\n",
        ] {
            assert!(picture.contains(part), "{part} is not in\n{picture}");
        }
    }
}
