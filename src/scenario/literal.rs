//! Dictionaries and lists as people write them in expectations: `{'movie':'star'}`, `OK; star`.

use std::collections::BTreeMap;

use crate::syntax;

/// Quotes around the whole and one pair of brackets, if they are there, taken off.
fn unwrap(text: &str, open: char, close: char) -> &str {
    let text = text.trim();
    let inner = |mark: char| {
        let inner = text.strip_prefix(mark)?.strip_suffix(mark)?.trim();
        (inner.starts_with(open) && inner.ends_with(close)).then_some(inner)
    };
    let text = inner('"').or_else(|| inner('\'')).unwrap_or(text);
    let inside = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    inside.unwrap_or(text).trim()
}

/// `{'movie':'star', 'planet':'earth'}`, with either kind of quotes or none.
pub(super) fn dictionary(text: &str) -> Option<BTreeMap<String, String>> {
    let values = syntax::values(unwrap(text, '{', '}'), &[':', ',', ';', '=']).ok()?;
    let mut found = BTreeMap::new();
    let mut values = values.into_iter();
    while let Some((key, colon)) = values.next() {
        if !matches!(colon, Some(':' | '=')) {
            return None;
        }
        let (value, comma) = values.next()?;
        if matches!(comma, Some(':' | '=')) || found.insert(key.text, value.text).is_some() {
            return None;
        }
    }
    Some(found)
}

/// `['OK', 'star']` or `OK; star`: with commas in brackets or between quotes, and semicolons
/// elsewhere.
pub(super) fn list(text: &str) -> Option<Vec<String>> {
    let inner = unwrap(text, '[', ']');
    let commas = inner != text.trim() || !inner.contains(';');
    let separators: &[char] = if commas { &[',', ';'] } else { &[';'] };
    let values = syntax::values(inner, separators).ok()?;
    Some(values.into_iter().map(|(value, _)| value.text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries_come_in_many_dresses() {
        let wanted = BTreeMap::from([
            ("movie".to_owned(), "star wars".to_owned()),
            ("planet".to_owned(), "earth".to_owned()),
        ]);
        for text in [
            "{'movie':'star wars','planet':'earth'}",
            "\"{'movie': 'star wars', 'planet': 'earth'}\"",
            "{\"movie\" : \"star wars\", planet : earth}",
            "movie:star wars; planet:earth;",
        ] {
            assert_eq!(dictionary(text).as_ref(), Some(&wanted), "{text}");
        }
        assert_eq!(dictionary("{}"), Some(BTreeMap::new()));
        for text in ["{'movie'}", "{'a':'b':'c'}", "{'a':'b','a':'c'}", "{'a' 'b'}", "{'a':"] {
            assert_eq!(dictionary(text), None, "{text}");
        }
    }

    #[test]
    fn lists_too() {
        let wanted = Some(vec!["OK".to_owned(), "star".to_owned(), String::new()]);
        assert_eq!(list("['OK', 'star', '']"), wanted);
        assert_eq!(list("OK; star; ''"), wanted);
        assert_eq!(list("\"['OK','star','']\""), wanted);
        assert_eq!(list(""), Some(Vec::new()));
    }
}
