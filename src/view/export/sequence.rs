//! A sequence diagram for a terminal: a column a process, a row an arrival, a loss or what else
//! tells of the course of a run.

use std::fmt::Write as _;

use crate::time::Instant;

use super::mermaid::sending;
use super::{Happened, TAKES_ALL, processes};

/// How wide a column is.
const WIDTH: usize = 16;

/// And the times before them: wide enough for a day.
const TIME: usize = 15;

/// The diagram.
pub(super) fn write(events: &[Happened]) -> String {
    let names = processes(events);
    let column = |name: &str| names.iter().position(|known| known == name);
    let mut text = format!("{:TIME$} ", "");
    for name in &names {
        write!(text, "{:^WIDTH$}", fitted(name, WIDTH - 1)).expect(TAKES_ALL);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    let mut live = vec![false; names.len()];
    for event in events {
        let Some(here) = column(&event.process) else { continue };
        match event.event.as_str() {
            "crashed" | "stopped" => live[here] = false,
            // What the network does to the messages of the dead is no life.
            "lost" | "held" | "duplicated" | "unreachable" | "in_vain" => {}
            _ => live[here] = true,
        }
        let (row, tail) = match event.event.as_str() {
            "received" => match column(&event.peer) {
                Some(from) => (arrow(&live, from, here, event.about(), true), ""),
                None => continue,
            },
            "lost" | "held" => {
                let sent = sending(events, event);
                let to = sent.and_then(|sent| column(&sent.peer)).unwrap_or(here);
                let about = sent.map_or("", Happened::about);
                (arrow(&live, here, to, about, false), event.event.as_str())
            }
            "unreachable" => {
                let to = column(&event.peer).unwrap_or(here);
                (arrow(&live, here, to, event.about(), false), "unreachable")
            }
            "injected" => (mark(&live, here, '!'), event.details.as_str()),
            _ if event.is_telling() => (mark(&live, here, '*'), ""),
            _ => continue,
        };
        let told = match tail {
            "" if event.event != "received" => format!("{} {}", event.about(), event.details),
            tail => tail.to_owned(),
        };
        let at = Instant(event.at_ns).to_string();
        let line = format!("{at:>TIME$} {}  {told}", row.trim_end());
        writeln!(text, "{}", line.trim_end()).expect(TAKES_ALL);
    }
    text
}

/// A text that is no longer than this.
fn fitted(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// The place of a column's line.
const fn middle(column: usize) -> usize {
    column * WIDTH + WIDTH / 2 - 1
}

/// A row with the lines of all who live.
fn lines(live: &[bool]) -> Vec<char> {
    let mut row = vec![' '; live.len() * WIDTH];
    let living = (0..live.len()).filter(|column| live[*column]);
    living.for_each(|column| row[middle(column)] = '|');
    row
}

fn mark(live: &[bool], here: usize, sign: char) -> String {
    let mut row = lines(live);
    row[middle(here)] = sign;
    row.into_iter().collect()
}

/// A message with its kind in its middle; one that does not arrive ends in a cross half the way.
fn arrow(live: &[bool], from: usize, to: usize, kind: &str, arrives: bool) -> String {
    let mut row = lines(live);
    if from == to {
        row[middle(to)] = if arrives { 'o' } else { 'x' };
        return row.into_iter().collect();
    }
    let (left, right) = (middle(from.min(to)), middle(from.max(to)));
    row[left + 1..right].fill('-');
    let room = right - left - 5;
    let kind = fitted(kind, room);
    let begin = left + 1 + (right - left - 1 - kind.chars().count()) / 2;
    for (place, letter) in kind.chars().enumerate() {
        row[begin + place] = letter;
    }
    let (head, sign) = match (arrives, from < to) {
        (true, true) => (right - 1, '>'),
        (true, false) => (left + 1, '<'),
        (false, true) => (right - 1, 'x'),
        (false, false) => (left + 1, 'x'),
    };
    row[head] = sign;
    row.into_iter().collect()
}
