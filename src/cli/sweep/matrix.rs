//! The matrix of a sweep on a terminal: places and messages downwards, failures to the right, and
//! in each field the worst that came of any message of that kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use crate::explore::Menu;
use crate::explore::sweep::{Cell, Outcome};
use crate::fault::{Fault, text};
use crate::identity::Identity;
use crate::scenario::Scenario;

/// What stands for an outcome, and in words.
pub(super) const SYMBOLS: [(char, &str); 6] = [
    ('.', "live"),
    ('r', "recovered"),
    ('-', "unreachable"),
    ('?', "undecided"),
    ('!', "broken beyond tolerance"),
    ('X', "BROKEN"),
];

/// What stands for this outcome.
pub(super) fn symbol(outcome: &Outcome) -> char {
    match outcome {
        Outcome::Live { .. } => '.',
        Outcome::Recovered { .. } => 'r',
        Outcome::Unreachable => '-',
        Outcome::Undecided => '?',
        Outcome::Beyond { .. } => '!',
        Outcome::Broken { .. } => 'X',
    }
}

/// Faults in a line.
pub(super) fn told(faults: &[Fault]) -> String {
    let one = |fault: &Fault| {
        let who = Identity::replica(fault.configuration, fault.replica);
        let failures: Vec<String> = fault.failures.iter().map(ToString::to_string).collect();
        format!("{who} on {}: {}", fault.trigger, failures.join("; "))
    };
    faults.iter().map(one).collect::<Vec<_>>().join(", and ")
}

/// One line: a replica, its part, and a kind of message.
type Row = (u32, u32, &'static str);

/// The worst outcome of every field.
pub(super) struct Matrix<'a> {
    scenario: &'a Scenario,
    failures: Vec<&'static str>,
    fields: BTreeMap<Row, BTreeMap<&'static str, &'a Outcome>>,
}

impl<'a> Matrix<'a> {
    /// The matrix of these cells. A pair of faults stands in the fields of both.
    pub(super) fn new(scenario: &'a Scenario, cells: &'a [Cell]) -> Matrix<'a> {
        let mut fields: BTreeMap<Row, BTreeMap<&'static str, &Outcome>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for Cell { faults, outcome } in cells {
            for fault in faults {
                let row = (fault.configuration, fault.replica, fault.trigger.name());
                for failure in &fault.failures {
                    seen.insert(failure.name());
                    let worst = fields.entry(row).or_default();
                    let field = worst.entry(failure.name()).or_insert(outcome);
                    *field = (*field).max(outcome);
                }
            }
        }
        let failures = text::failure_names().filter(|name| seen.contains(name)).collect();
        Matrix { scenario, failures, fields }
    }
}

impl Display for Matrix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = || ('A'..).take(self.failures.len());
        let menu = Menu::of(&self.scenario.protocol);
        writeln!(f, "{:43}{}", "", letters().collect::<String>())?;
        for ((configuration, position, trigger), fields) in &self.fields {
            let who = Identity::replica(*configuration, *position);
            let who = format!("{who} {}", menu.role(*position));
            write!(f, "  {who:20}{trigger:21}")?;
            for failure in &self.failures {
                let field = fields.get(failure).map_or(' ', |outcome| symbol(outcome));
                write!(f, "{field}")?;
            }
            writeln!(f)?;
        }
        let named: Vec<String> = letters()
            .zip(&self.failures)
            .map(|(letter, name)| format!("{letter} {name}"))
            .collect();
        for names in named.chunks(4) {
            writeln!(f, "  {}", names.join(", "))?;
        }
        let symbols = SYMBOLS.map(|(symbol, word)| format!("{symbol} {word}"));
        writeln!(f, "  {}; the worst of each field", symbols.join(", "))
    }
}
