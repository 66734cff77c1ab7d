//! The matrix of a sweep as a page: every cell by itself, with what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::explore::Menu;
use crate::explore::sweep::{Cell, Outcome};
use crate::fault::{Trigger, text};
use crate::identity::Identity;
use crate::scenario::Scenario;
use crate::time::Instant;
use crate::view::{Report, escaped};
use crate::words::counted;

use super::matrix::{SYMBOLS, symbol, told};

const TAKES_ALL: &str = "a string takes all that is written";

/// The page, as far as the matrix goes.
pub(super) fn page(file: &str, scenario: &Scenario, cells: &[Cell]) -> Report {
    let mut report = Report::new(&format!("Sweep of {file}"));
    let mut page = format!("<p>{}:", counted(cells.len(), "cell", "cells"));
    for (sign, word) in SYMBOLS {
        let of: Vec<&Cell> = cells.iter().filter(|cell| symbol(&cell.outcome) == sign).collect();
        if let Some(first) = of.first() {
            let class = class(&first.outcome);
            write!(page, " <span class=\"key {class}\">{sign}</span> {} {word}", of.len())
                .expect(TAKES_ALL);
        }
    }
    page.push_str("</p>\n");
    let menu = Menu::of(&scenario.protocol);
    let replicas: BTreeSet<(u32, u32)> =
        cells.iter().flat_map(|cell| &cell.faults).map(|f| (f.configuration, f.replica)).collect();
    for (configuration, position) in replicas {
        let who = Identity::replica(configuration, position);
        writeln!(page, "<h2>{who}, {}</h2>", menu.role(position)).expect(TAKES_ALL);
        let of: Vec<&Cell> = cells
            .iter()
            .filter(|cell| {
                let fault = &cell.faults[0];
                (fault.configuration, fault.replica) == (configuration, position)
            })
            .collect();
        table(&of, &mut page);
    }
    report.raw(&page);
    report
}

/// The cells of one replica: messages downwards, failures to the right. Of pairs the worst stands
/// in the field of the first.
fn table(cells: &[&Cell], page: &mut String) {
    let mut rows: BTreeMap<Trigger, BTreeMap<&str, &Cell>> = BTreeMap::new();
    for cell in cells {
        let fault = &cell.faults[0];
        let field = rows.entry(fault.trigger).or_default();
        let worst = field.entry(fault.failures[0].name()).or_insert(cell);
        if cell.outcome > worst.outcome {
            *worst = cell;
        }
    }
    let failures: Vec<&str> = text::failure_names()
        .filter(|name| rows.values().any(|row| row.contains_key(name)))
        .collect();
    page.push_str("<table>\n<tr><th></th>");
    for name in &failures {
        write!(page, "<th class=\"failure\">{name}</th>").expect(TAKES_ALL);
    }
    page.push_str("</tr>\n");
    for (trigger, row) in rows {
        write!(page, "<tr><th>{trigger}</th>").expect(TAKES_ALL);
        for name in &failures {
            match row.get(name) {
                None => page.push_str("<td></td>"),
                Some(cell) => field(cell, page),
            }
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n");
}

fn field(cell: &Cell, page: &mut String) {
    let shown = match &cell.outcome {
        Outcome::Recovered { reconfigurations, .. } => reconfigurations.to_string(),
        outcome => symbol(outcome).to_string(),
    };
    let title = escaped(&format!("{}: {}", told(&cell.faults), what(&cell.outcome)));
    let class = class(&cell.outcome);
    write!(page, "<td class=\"cell {class}\" title=\"{title}\">{shown}</td>").expect(TAKES_ALL);
}

fn class(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Live { .. } => "live",
        Outcome::Recovered { .. } => "recovered",
        Outcome::Unreachable => "unreachable",
        Outcome::Undecided => "undecided",
        Outcome::Beyond { .. } => "beyond",
        Outcome::Broken { .. } => "broken",
    }
}

/// What came of it, in a few words.
fn what(outcome: &Outcome) -> String {
    let waited = |ns: &u64| format!("the longest wait for one that came took {} s", Instant(*ns));
    match outcome {
        Outcome::Live { outage_ns } => {
            format!("nobody who lives waits for an answer; {}", waited(outage_ns))
        }
        Outcome::Recovered { reconfigurations, outage_ns } => {
            format!(
                "{reconfigurations} more reconfigurations, and nobody who lives waits for an \
                 answer; {}",
                waited(outage_ns)
            )
        }
        Outcome::Unreachable => "never came true".to_owned(),
        Outcome::Undecided => "a limit was reached".to_owned(),
        Outcome::Beyond { judge } => format!("broken beyond tolerance: {judge}"),
        Outcome::Broken { judge } => format!("broken: {judge}"),
    }
}
