//! Sequence diagrams in the notation of Mermaid, which Markdown shows where it is shown to people.

use std::fmt::Write as _;

use super::{Happened, TAKES_ALL, processes};

/// The messages that arrived or were lost, and what tells of the course of the run.
pub(super) fn write(events: &[Happened]) -> String {
    let mut text = String::from("sequenceDiagram\n");
    for process in processes(events) {
        writeln!(text, "  participant {} as {}", name(&process), plain(&process)).expect(TAKES_ALL);
    }
    for event in events {
        let at = name(&event.process);
        let about = plain(&format!("{} {}", event.about(), event.details));
        let line = match event.event.as_str() {
            "received" => format!("{}->>{at}: {about}", name(&event.peer)),
            "unreachable" => {
                format!("{at}--x{}: unreachable {about}", name(&event.peer))
            }
            "lost" | "held" => {
                let sending = sending(events, event);
                let to = sending.map_or(at.clone(), |sent| name(&sent.peer));
                let kind = sending.map_or("", Happened::about);
                format!("{at}--x{to}: {} {}", event.event, plain(kind))
            }
            "injected" => format!("Note over {at}: FAULT {}", plain(&event.details)),
            _ if event.is_telling() => format!("Note over {at}: {about}"),
            _ => continue,
        };
        writeln!(text, "  {line}").expect(TAKES_ALL);
    }
    text
}

/// The event in which a message was sent of which something is told.
pub(super) fn sending<'a>(events: &'a [Happened], event: &Happened) -> Option<&'a Happened> {
    let place = events.binary_search_by_key(&event.sent, |other| other.number).ok()?;
    events.get(place)
}

/// A name as Mermaid takes one: letters, digits and lines below.
fn name(process: &str) -> String {
    process.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

/// Without the characters that mean something to Mermaid.
fn plain(text: &str) -> String {
    text.trim().replace([';', '#', '"', '<', '>', '%'], " ")
}
