//! What was meant by calls whose quotes or commas went wrong.
//!
//! The slips that people make in workloads: a quote left out, a typographic quote from a word
//! processor, a colon for the comma. Whatever is repaired here is shown to its author.

use std::ops::Range;

use crate::syntax;

/// A repaired list of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repaired {
    /// All of it.
    pub(super) text: String,
    /// What was changed.
    pub(super) changes: Vec<Change>,
}

/// One repaired entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Where the entry first differs, in the text as written.
    pub(super) span: Range<usize>,
    /// What was wrong.
    pub(super) what: &'static str,
    /// The entry as it should be.
    pub(super) entry: String,
}

/// How many arguments each operation takes, all in quotes.
const ARGUMENTS: [(&str, usize); 4] = [("put", 2), ("get", 1), ("append", 2), ("slice", 2)];

const TYPOGRAPHIC: [char; 8] = ['‘', '’', '‚', '‛', '“', '”', '´', '`'];

/// The list that was meant, if that is clear.
pub(super) fn workload(text: &str) -> Option<Repaired> {
    let mut repaired = Repaired { text: String::new(), changes: Vec::new() };
    for piece in pieces(text) {
        let written = &text[piece.clone()];
        let good = match syntax::list(written) {
            Ok(entries) if entries.iter().all(is_quoted) => written.to_owned(),
            _ => entry(written)?,
        };
        if good != written {
            repaired.changes.push(change(written, &good, piece.start));
        }
        repaired.text.push_str(&good);
        repaired.text.push(';');
    }
    let sound = syntax::list(&repaired.text).is_ok() && !repaired.changes.is_empty();
    sound.then_some(repaired)
}

/// Whether all operations have their arguments in quotes.
pub(super) fn is_quoted(entry: &syntax::Entry) -> bool {
    let mut calls = entry.calls.iter();
    calls.all(|call| {
        let known = ARGUMENTS.iter().any(|(name, _)| *name == call.name);
        !known || call.arguments.iter().all(|argument| argument.quoted)
    })
}

/// The entries of a list in which quotes cannot be relied upon: a semicolon ends one if a
/// bracket closes before it, or none opened.
fn pieces(text: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(';') {
        let piece = text[start..at].trim_end();
        if piece.ends_with(')') || !piece.contains('(') {
            pieces.push(start..at);
            start = at + 1;
        }
    }
    pieces.push(start..text.len());
    pieces
}

fn entry(written: &str) -> Option<String> {
    let plain: String =
        written.chars().map(|c| if TYPOGRAPHIC.contains(&c) { '\'' } else { c }).collect();
    if matches!(syntax::list(&plain), Ok(entries) if entries.iter().all(is_quoted)) {
        return Some(plain);
    }
    let open = plain.find('(')?;
    let close = plain.rfind(')').filter(|close| open < *close)?;
    let (_, count) = *ARGUMENTS.iter().find(|(name, _)| *name == plain[..open].trim())?;
    let inner = comma_for_colon(&plain[open + 1..close]);
    let arguments: Vec<&str> = inner.split(',').collect();
    if arguments.len() != count {
        return None;
    }
    let arguments: Vec<String> = arguments.into_iter().map(argument).collect();
    let good = format!("{}({}){}", &plain[..open], arguments.join(","), &plain[close + 1..]);
    syntax::list(&good).is_ok().then_some(good)
}

/// `'movie':'4:7'` → `'movie','4:7'`: a colon between two quotes.
fn comma_for_colon(inner: &str) -> String {
    let between = |at: &usize| {
        inner[..*at].trim_end().ends_with('\'') && inner[at + 1..].trim_start().starts_with('\'')
    };
    let mut text = inner.to_owned();
    if let Some(at) = inner.match_indices(':').map(|(at, _)| at).find(between) {
        text.replace_range(at..=at, ",");
    }
    text
}

/// An argument in its quotes, with the white space around it as it was.
fn argument(written: &str) -> String {
    let text = written.trim();
    let before = &written[..written.len() - written.trim_start().len()];
    let after = &written[written.trim_end().len()..];
    let bare = text.strip_prefix('\'').unwrap_or(text);
    let bare = bare.strip_suffix('\'').unwrap_or(bare);
    let escaped = bare.contains('\'') && !bare.contains("\\'");
    let quoted = if escaped { syntax::quote(bare) } else { format!("'{bare}'") };
    format!("{before}{quoted}{after}")
}

fn change(written: &str, good: &str, start: usize) -> Change {
    let same = written.char_indices().zip(good.chars()).find(|((_, a), b)| a != b);
    let at = same.map_or(written.len().min(good.len()), |((at, _), _)| at);
    let found = written[at..].chars().next();
    let what = match found {
        Some(c) if TYPOGRAPHIC.contains(&c) => "a typographic quote stands for a plain one",
        Some(':') => "a colon stands where a comma belongs",
        Some('\'') => "a quote inside the text needs a backslash",
        _ => "a quote is missing here",
    };
    let end = at + found.map_or(0, char::len_utf8);
    Change { span: start + at..start + end, what, entry: good.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(text: &str) -> String {
        workload(text).map_or_else(|| "-".to_owned(), |repaired| repaired.text)
    }

    #[test]
    fn slips_become_what_was_meant() {
        assert_eq!(
            repaired("put('jedi,'luke skywalker'); get('jedi')"),
            "put('jedi','luke skywalker'); get('jedi');"
        );
        assert_eq!(repaired("put('jedi,'luke skywalker)"), "put('jedi','luke skywalker');");
        assert_eq!(repaired("put('a',b')"), "put('a','b');");
        assert_eq!(repaired("slice('movie':'4:7');"), "slice('movie','4:7');;");
        assert_eq!(repaired("append('m3’,’ wars3’)"), "append('m3',' wars3');");
        assert_eq!(repaired("put('k','it's')"), r"put('k','it\'s');");
        assert_eq!(repaired("put(k, v)"), "put('k', 'v');");
    }

    #[test]
    fn what_is_not_clear_stays() {
        assert_eq!(repaired("put('a,b,c')"), "-");
        assert_eq!(repaired("put 'a'"), "-");
        assert_eq!(repaired("put('a','b')"), "-");
        assert_eq!(repaired(")("), "-");
        assert_eq!(repaired("dummy('a)"), "-");
    }

    #[test]
    fn the_caret_is_where_the_mistake_is() {
        let change = workload("get('a'); put('jedi,'luke')").map(|all| all.changes[0].clone());
        let change = change.unwrap();
        assert_eq!(change.span, 19..20);
        assert_eq!(change.what, "a quote is missing here");
    }
}
