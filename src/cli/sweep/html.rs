//! The matrix of a sweep as a page: every cell by itself, with what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::explore::Menu;
use crate::explore::sweep::{Cell, Outcome};
use crate::fault::{Trigger, text};
use crate::identity::Identity;
use crate::scenario::Scenario;
use crate::time::Instant;

use super::matrix::{SYMBOLS, symbol, told};

/// Colours by class; nothing is loaded, nothing runs.
const STYLE: &str = "\
body{font:14px sans-serif;margin:2em}table{border-collapse:collapse;margin:0 0 2em}\
th{text-align:left;font-weight:normal;padding:2px 6px}\
th.failure{writing-mode:vertical-rl;transform:rotate(180deg)}\
td{width:1.6em;height:1.4em;text-align:center;border:1px solid #fff;cursor:default}\
.live{background:#cde8cf}.recovered{background:#fbe7a1}.unreachable{background:#eee}\
.undecided{background:#cfd8ff}.beyond{background:#f6c28b}.broken{background:#e0564f;color:#fff}";

const TAKES_ALL: &str = "a string takes all that is written";

/// The page.
pub(super) fn page(file: &str, scenario: &Scenario, cells: &[Cell]) -> String {
    let mut page =
        String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    let file = escaped(file);
    writeln!(page, "<title>Sweep of {file}</title><style>{STYLE}</style></head><body>")
        .expect(TAKES_ALL);
    writeln!(page, "<h1>Sweep of {file}</h1>\n<p>{} cells:", cells.len()).expect(TAKES_ALL);
    for (sign, word) in SYMBOLS {
        let of: Vec<&Cell> = cells.iter().filter(|cell| symbol(&cell.outcome) == sign).collect();
        if let Some(first) = of.first() {
            let class = class(&first.outcome);
            writeln!(page, "<span class=\"{class}\">&nbsp;{sign}&nbsp;</span> {} {word}", of.len())
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
    page.push_str("</body></html>\n");
    page
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
    write!(page, "<td class=\"{class}\" title=\"{title}\">{shown}</td>").expect(TAKES_ALL);
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
    let waited = |ns: &u64| format!("the longest wait took {} s", Instant(*ns));
    match outcome {
        Outcome::Live { outage_ns } => format!("every request answered; {}", waited(outage_ns)),
        Outcome::Recovered { reconfigurations, outage_ns } => {
            format!("{reconfigurations} more reconfigurations; {}", waited(outage_ns))
        }
        Outcome::Unreachable => "never came true".to_owned(),
        Outcome::Undecided => "a limit was reached".to_owned(),
        Outcome::Beyond { judge } => format!("broken beyond tolerance: {judge}"),
        Outcome::Broken { judge } => format!("broken: {judge}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
