//! The page: style, scripts and what they draw, in one file.
//!
//! Whatever comes from a run stands in a block of JSON that has no `<` in it, so that nothing in a
//! run can end the block; the scripts put it into the page as text.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::align::Alignment;
use super::recording::{Change, Entry, Picture, Recording, rank};
use super::report::escaped;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");

/// One scope, in this order: what stands above is used below.
const SCRIPTS: [&str; 8] = [
    include_str!("page/model.js"),
    include_str!("page/past.js"),
    include_str!("page/layout.js"),
    include_str!("page/draw.js"),
    include_str!("page/panel.js"),
    include_str!("page/compare.js"),
    include_str!("page/search.js"),
    include_str!("page/main.js"),
];

impl Picture {
    /// The whole page.
    #[must_use]
    pub fn page(&self) -> String {
        let titles: Vec<String> = self.runs.iter().map(Recording::told).collect();
        let script = format!("(() => {{\n\"use strict\";\n{}}})();\n", SCRIPTS.join("\n"));
        let data = self.data().to_string().replace('<', "\\u003c");
        let fillings = [
            ("title", escaped(&titles.join(" and "))),
            ("style", STYLE.to_owned()),
            ("data", data),
            ("script", script),
        ];
        filled(PAGE, &fillings)
    }

    /// What the scripts draw. Every run's events are columns; `model.js` unpacks them.
    fn data(&self) -> Value {
        let alignment = self.alignment();
        let runs = self.runs.iter().enumerate();
        let runs = runs.map(|(i, run)| self.run(run, alignment.as_ref().map(|all| (all, i))));
        json!({
            "format": 1,
            "names": self.names.iter().collect::<Vec<_>>(),
            "whats": self.whats.iter().collect::<Vec<_>>(),
            "shapes": json(self.pool.shapes()),
            "nodes": json(self.pool.nodes()),
            "runs": runs.collect::<Vec<_>>(),
        })
    }

    fn run(&self, run: &Recording, alignment: Option<(&Alignment, usize)>) -> Value {
        let mut order: Vec<usize> = (0..run.lanes.len()).collect();
        let name =
            |lane: usize| self.names.at(run.lanes[lane]).map(String::as_str).unwrap_or_default();
        order.sort_by_key(|lane| (rank(name(*lane)), *lane));
        let places: BTreeMap<u32, u32> =
            order.iter().zip(0..).map(|(lane, place)| (*lane as u32, place)).collect();
        let place = |lane: u32| places.get(&lane).copied().unwrap_or_default();
        let faulty = run.faulty();
        let lanes = order.iter().map(|lane| {
            let name = name(*lane);
            let (class, configuration, ..) = rank(name);
            let faulty = faulty.contains(name) || run.was_injected(*lane);
            json!({
                "name": name,
                "configuration": (class == 3).then_some(configuration),
                "faulty": faulty,
            })
        });
        let peer = |event: &Entry| event.peer.checked_sub(1).map_or(0, |peer| place(peer) + 1);
        let events = || run.events.iter();
        let numbered = events().zip(1..).all(|(event, number)| event.number == number);
        json!({
            "title": run.title,
            "changed": run.changed,
            "summary": run.summary,
            "remark": run.remark,
            "alone": run.alone,
            "lanes": lanes.collect::<Vec<_>>(),
            "number": (!numbered).then(|| deltas(events().map(|event| event.number))),
            "at": deltas(events().map(|event| event.at_ns)),
            "process": column(events().map(|event| place(event.process))),
            "what": column(events().map(|event| event.what)),
            "cause": column(events().map(|event| back(event, event.cause))),
            "sent": column(events().map(|event| back(event, event.sent))),
            "peer": column(events().map(peer)),
            "content": column(events().map(|event| event.content)),
            "copies": copies(&run.events),
            "fields": run.fields.iter().collect::<Vec<_>>(),
            "changes": changes(&run.changes, place),
            "verdict": run.verdict,
            "beside": alignment.map(|(alignment, which)| self.beside(alignment, which)),
        })
    }

    /// How a run lies beside the other: the row of each event; the events that are there alone, and
    /// those that say something else than their mates; and for the first run the mates.
    fn beside(&self, alignment: &Alignment, which: usize) -> Value {
        let [a, b] = self.runs.as_slice() else {
            return Value::Null;
        };
        let mut has_mate = vec![false; b.events.len()];
        let (mut alone, mut changed) = (Vec::new(), Vec::new());
        for (place, mate) in alignment.mates.iter().enumerate() {
            let Some(mate) = mate.map(|mate| mate as usize) else {
                if which == 0 {
                    alone.push(place as u64);
                }
                continue;
            };
            has_mate[mate] = true;
            if !self.says_the_same(&a.events[place], &b.events[mate]) {
                changed.push(if which == 0 { place } else { mate } as u64);
            }
        }
        if which == 1 {
            changed.sort_unstable();
            let others = has_mate.iter().zip(0..).filter(|(has_mate, _)| !**has_mate);
            alone.extend(others.map(|(_, place)| place));
        }
        json!({
            "row": deltas(alignment.rows[which].iter().map(|row| u64::from(*row))),
            "alone": deltas(alone.into_iter()),
            "changed": deltas(changed.into_iter()),
            "mate": (which == 0).then_some(&alignment.mates),
        })
    }
}

fn json(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// How far back another event stands; 0 for none.
fn back(event: &Entry, other: u64) -> u64 {
    if other == 0 { 0 } else { event.number - other }
}

fn column<T: Into<Value>>(values: impl Iterator<Item = T>) -> Value {
    values.map(Into::into).collect::<Vec<Value>>().into()
}

/// Numbers as steps from each to the next, which are short to print.
fn deltas(values: impl Iterator<Item = u64>) -> Value {
    let mut last = 0;
    column(values.map(|value| {
        let step = i128::from(value) - i128::from(last);
        last = value;
        i64::try_from(step).unwrap_or_default()
    }))
}

/// Changes of states, six numbers or texts each.
fn changes(changes: &[Change], place: impl Fn(u32) -> u32) -> Value {
    let mut row: Vec<Value> = Vec::with_capacity(changes.len() * 6);
    let mut last = 0_i64;
    for Change { process, after, field, front, back, text } in changes {
        let after = i64::try_from(*after).unwrap_or_default();
        row.extend([json!(after - last), json!(place(*process)), json!(field)]);
        row.extend([json!(front), json!(back), json!(text)]);
        last = after;
    }
    row.into()
}

/// The few sendings that repeat others: their places, and how many went before.
fn copies(events: &[Entry]) -> Value {
    let repeated = events.iter().zip(0_u64..).filter(|(event, _)| event.copy > 0);
    column(repeated.flat_map(|(event, place)| [place, u64::from(event.copy)]))
}

/// A text with `{{name}}` filled in, each once, and nothing that is filled in read again.
fn filled(text: &str, fillings: &[(&str, String)]) -> String {
    let mut page = String::new();
    let mut rest = text;
    for (name, filling) in fillings {
        let mark = format!("{{{{{name}}}}}");
        let Some((before, after)) = rest.split_once(&mark) else {
            continue;
        };
        page.push_str(before);
        page.push_str(filling);
        rest = after;
    }
    page.push_str(rest);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile() -> Picture {
        let mut picture = Picture::default();
        picture.begin("</title><script>alert(1)</script> {{data}}");
        let content = "</script><img src=x onerror=alert(1)>\u{2028}\"'&{{script}}";
        picture
            .take(&json!({
                "number": 1, "at_ns": 0, "process": "client 0", "cause": 0, "event": "noted",
                "kind": content, content: content,
            }))
            .unwrap();
        picture
    }

    #[test]
    fn nothing_in_a_run_ends_its_block_or_is_filled_in() {
        let page = hostile().page();
        assert_eq!(page.matches("</script>").count(), PAGE.matches("</script>").count());
        assert_eq!(page.matches("<img").count(), 0);
        assert_eq!(page.matches("<title>").count(), 1);
        assert!(page.contains("&lt;/title&gt;"), "the title is text");
    }

    #[test]
    fn the_data_is_json_again() {
        let page = hostile().page();
        let (_, rest) = page.split_once("id=\"data\">").unwrap();
        let (data, _) = rest.split_once("</script>").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert!(data["names"][1].as_str().unwrap().starts_with("</script>"), "{}", data["names"]);
    }

    #[test]
    fn a_page_loads_nothing() {
        let page = hostile().page();
        for word in ["http://", "https://", "src=\"", "@import", "url("] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(SCRIPTS.iter().all(|script| !script.contains("</script")));
        // And if it wanted to, the browser would not let it.
        assert!(page.contains("content=\"default-src 'none';"));
    }

    #[test]
    fn a_picture_of_nothing_is_a_page_too() {
        assert!(Picture::default().page().contains("</html>"));
    }
}
