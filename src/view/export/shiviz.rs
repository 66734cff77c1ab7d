//! Events with vector clocks, as ShiViz reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::{Happened, TAKES_ALL};

/// What ShiViz is to be given as its log parsing expression; it stands in the first line.
const EXPRESSION: &str = r"(?<host>\S+) (?<clock>\{.*\})\n(?<event>.*)";

/// How often something happened to each process before, as far as it led to an event.
type Clock = BTreeMap<String, u64>;

/// Every event of the run: two lines each.
pub(super) fn write(events: &[Happened]) -> String {
    let mut text = format!("{EXPRESSION}\n\n");
    let mut clocks: BTreeMap<String, Clock> = BTreeMap::new();
    // What others will hear of, until the last of them has.
    let mut sent: BTreeMap<u64, Clock> = BTreeMap::new();
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    for event in events {
        last.extend([event.sent, event.cause].map(|known| (known, event.number)));
    }
    for event in events {
        let host = event.process.replace(' ', "_");
        let clock = clocks.entry(host.clone()).or_default();
        for known in [event.sent, event.cause] {
            for (other, count) in sent.get(&known).into_iter().flatten() {
                let here = clock.entry(other.clone()).or_insert(0);
                *here = (*here).max(*count);
            }
        }
        *clock.entry(host.clone()).or_insert(0) += 1;
        if leads_elsewhere(event) && last.contains_key(&event.number) {
            sent.insert(event.number, clock.clone());
        }
        for known in [event.sent, event.cause] {
            if last.get(&known) == Some(&event.number) {
                sent.remove(&known);
            }
        }
        let told = format!("#{} {} {} {}", event.number, event.event, event.kind, event.details);
        writeln!(text, "{host} {}\n{}", json!(clock), told.trim_end()).expect(TAKES_ALL);
    }
    text
}

/// Whether somebody else's event may follow from it.
fn leads_elsewhere(event: &Happened) -> bool {
    matches!(event.event.as_str(), "sent" | "duplicated" | "received" | "started" | "timer_fired")
}
