//! The operations on a dictionary: how they are made, written and signed.

use std::fmt::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Canonical, Text, feed_str};

/// What a client may ask of a [`Dictionary`](super::Dictionary).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Operation {
    /// `put('movie','star')`: the key has this value from now on. Always `OK`.
    Put {
        /// The key to set.
        key: Arc<str>,
        /// Its new value.
        value: Text,
    },
    /// `get('movie')`: the value, or the empty string if there is none.
    Get {
        /// The key to look up.
        key: Arc<str>,
    },
    /// `append('movie',' wars')`: adds to the value; `fail` if there is none.
    Append {
        /// The key whose value grows.
        key: Arc<str>,
        /// What is added at its end.
        value: Text,
    },
    /// `slice('movie','5:9')`: keeps this part of the value only; `fail`, and no change, unless
    /// there is a value and `0 <= from <= to <=` its number of characters.
    Slice {
        /// The key whose value is cut.
        key: Arc<str>,
        /// The number of the first character kept, from 0.
        from: u64,
        /// The number of the first character after it that is not kept.
        to: u64,
    },
}

/// Why a name and its arguments are no operation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OperationError {
    /// No operation has this name.
    #[error("there is no operation `{name}`")]
    UnknownName {
        /// The name as written.
        name: String,
    },
    /// Too few or too many arguments.
    #[error("`{name}` takes {expected} argument(s), not {found}")]
    WrongCount {
        /// The operation.
        name: &'static str,
        /// How many arguments it takes.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// The second argument of `slice` is not two numbers.
    #[error("`{range}` is not a range")]
    BadRange {
        /// The range as written.
        range: String,
    },
}

impl OperationError {
    /// What to write instead.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::UnknownName { .. } => {
                "the operations are put('key','value'), get('key'), append('key','value') \
                 and slice('key','from:to')"
            }
            Self::WrongCount { name, .. } => usage(name),
            Self::BadRange { .. } => {
                "write both bounds as plain numbers counted from 0, the second excluded: \
                 '0:4' keeps the first four characters"
            }
        }
    }
}

fn usage(name: &str) -> &'static str {
    match name {
        "get" => "write get('key')",
        "put" => "write put('key','value')",
        "append" => "write append('key','value')",
        _ => "write slice('key','from:to')",
    }
}

impl Operation {
    /// The operation called `name` with these arguments, quotes and escapes already taken off.
    pub fn from_parts(name: &str, arguments: &[&str]) -> Result<Self, OperationError> {
        match name {
            "put" => exactly("put", arguments).map(|[key, value]| Self::put(key, value)),
            "get" => exactly("get", arguments).map(|[key]| Self::get(key)),
            "append" => exactly("append", arguments).map(|[key, value]| Self::append(key, value)),
            "slice" => {
                let [key, range] = exactly("slice", arguments)?;
                let (from, to) = bounds(range)?;
                Ok(Self::slice(key, from, to))
            }
            _ => Err(OperationError::UnknownName { name: name.to_owned() }),
        }
    }

    /// `put('key','value')`.
    pub fn put(key: &str, value: &str) -> Self {
        Self::Put { key: key.into(), value: value.into() }
    }

    /// `get('key')`.
    pub fn get(key: &str) -> Self {
        Self::Get { key: key.into() }
    }

    /// `append('key','value')`.
    pub fn append(key: &str, value: &str) -> Self {
        Self::Append { key: key.into(), value: value.into() }
    }

    /// `slice('key','from:to')`.
    pub fn slice(key: &str, from: u64, to: u64) -> Self {
        Self::Slice { key: key.into(), from, to }
    }

    /// The name by which it is written.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Put { .. } => "put",
            Self::Get { .. } => "get",
            Self::Append { .. } => "append",
            Self::Slice { .. } => "slice",
        }
    }

    /// The key it is about.
    pub fn key(&self) -> &str {
        match self {
            Self::Put { key, .. }
            | Self::Get { key }
            | Self::Append { key, .. }
            | Self::Slice { key, .. } => key,
        }
    }
}

fn exactly<'a, const N: usize>(
    name: &'static str,
    arguments: &[&'a str],
) -> Result<[&'a str; N], OperationError> {
    let wrong = |_| OperationError::WrongCount { name, expected: N, found: arguments.len() };
    arguments.try_into().map_err(wrong)
}

fn bounds(range: &str) -> Result<(u64, u64), OperationError> {
    let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse().ok(),
        false => None,
    };
    range
        .split_once(':')
        .and_then(|(from, to)| Some((number(from)?, number(to)?)))
        .ok_or_else(|| OperationError::BadRange { range: range.to_owned() })
}

impl Canonical for Operation {
    fn feed(&self, mut sink: impl FnMut(&[u8])) {
        let sink = &mut sink;
        match self {
            Self::Put { key, value } => feed_tagged(1, [key, value], sink),
            Self::Get { key } => feed_tagged(2, [key], sink),
            Self::Append { key, value } => feed_tagged(3, [key, value], sink),
            Self::Slice { key, from, to } => {
                feed_tagged(4, [key], sink);
                sink(&from.to_le_bytes());
                sink(&to.to_le_bytes());
            }
        }
    }
}

fn feed_tagged<const N: usize>(tag: u8, fields: [&str; N], sink: &mut impl FnMut(&[u8])) {
    sink(&[tag]);
    for field in fields {
        feed_str(field, sink);
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        formatter.write_char('(')?;
        Quoted(self.key()).fmt(formatter)?;
        match self {
            Self::Get { .. } => {}
            Self::Put { value, .. } | Self::Append { value, .. } => {
                formatter.write_char(',')?;
                Quoted(value).fmt(formatter)?;
            }
            Self::Slice { from, to, .. } => write!(formatter, ",'{from}:{to}'")?,
        }
        formatter.write_char(')')
    }
}

/// A string between single quotes, with everything escaped that would end it or a line.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_char('\'')?;
        let mut rest = self.0;
        let breaks = |character: char| matches!(character, '\'' | '\\') || character.is_control();
        while let Some(at) = rest.find(breaks) {
            formatter.write_str(&rest[..at])?;
            rest = escaped(&rest[at..], formatter)?;
        }
        formatter.write_str(rest)?;
        formatter.write_char('\'')
    }
}

/// Writes the first character so that it ends neither string nor line, and returns what follows.
fn escaped<'a>(text: &'a str, formatter: &mut fmt::Formatter<'_>) -> Result<&'a str, fmt::Error> {
    let mut rest = text.chars();
    match rest.next() {
        Some('\n') => formatter.write_str("\\n")?,
        Some('\r') => formatter.write_str("\\r")?,
        Some('\t') => formatter.write_str("\\t")?,
        Some(quote @ ('\'' | '\\')) => write!(formatter, "\\{quote}")?,
        Some(control) => write!(formatter, "{}", control.escape_unicode())?,
        None => {}
    }
    Ok(rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, arguments: &[&str]) -> Result<String, OperationError> {
        Operation::from_parts(name, arguments).map(|operation| operation.to_string())
    }

    fn canonical(operation: &Operation) -> Vec<u8> {
        let mut bytes = Vec::new();
        operation.feed(|piece| bytes.extend_from_slice(piece));
        bytes
    }

    #[test]
    fn operations_are_written_as_they_are_read() {
        assert_eq!(parse("put", &["movie", "star"]).unwrap(), "put('movie','star')");
        assert_eq!(parse("get", &["movie"]).unwrap(), "get('movie')");
        assert_eq!(parse("append", &["movie", " wars"]).unwrap(), "append('movie',' wars')");
        assert_eq!(parse("slice", &["movie", "05:9"]).unwrap(), "slice('movie','5:9')");
        assert_eq!(parse("slice", &["jedi", "5:4"]).unwrap(), "slice('jedi','5:4')");
    }

    #[test]
    fn what_would_break_a_line_or_a_quote_is_escaped() {
        let written = Operation::put("it's", "a\\b\nc\rd\te\u{7}\u{85}é漢").to_string();
        assert_eq!(written, r"put('it\'s','a\\b\nc\rd\te\u{7}\u{85}é漢')");
    }

    #[test]
    fn odd_ranges_are_refused() {
        let odd = ["2:", ":4", "-1:4", "x", "", "1:2:3", "+1:2", "1 : 2", "0:99999999999999999999"];
        for range in odd {
            let error = Operation::from_parts("slice", &["k", range]).unwrap_err();
            assert_eq!(error, OperationError::BadRange { range: range.to_owned() });
            assert!(error.remedy().contains("'0:4'"));
        }
    }

    #[test]
    fn unknown_names_and_wrong_counts_are_refused() {
        let error = Operation::from_parts("dummy", &["r"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no operation `dummy`");
        let error = Operation::from_parts("put", &["k"]).unwrap_err();
        assert_eq!(error.to_string(), "`put` takes 2 argument(s), not 1");
        assert_eq!(error.remedy(), "write put('key','value')");
    }

    #[test]
    fn different_operations_feed_different_bytes() {
        let operations = [
            Operation::put("ab", "c"),
            Operation::put("a", "bc"),
            Operation::append("ab", "c"),
            Operation::get("ab"),
            Operation::get("abc"),
            Operation::slice("ab", 0, 1),
            Operation::slice("ab", 1, 0),
        ];
        for (at, one) in operations.iter().enumerate() {
            for other in &operations[..at] {
                assert!(!canonical(one).starts_with(&canonical(other)), "{one} and {other}");
                assert!(!canonical(other).starts_with(&canonical(one)), "{one} and {other}");
            }
        }
    }

    #[test]
    fn the_wire_and_the_human_forms_bring_back_the_same() {
        for operation in [Operation::put("k", "v"), Operation::slice("k", 1, 300)] {
            let bytes = postcard::to_stdvec(&operation).unwrap();
            assert_eq!(postcard::from_bytes::<Operation>(&bytes).unwrap(), operation);
        }
        let json = serde_json::to_string(&Operation::slice("k", 0, 4)).unwrap();
        assert_eq!(json, r#"{"slice":{"key":"k","from":0,"to":4}}"#);
        assert_eq!(serde_json::from_str::<Operation>(&json).unwrap(), Operation::slice("k", 0, 4));
    }
}
