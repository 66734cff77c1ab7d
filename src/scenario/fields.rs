//! Walks a parsed TOML table key by key, and reports what is unknown or of the wrong kind.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::findings::{Findings, Located, Span};
use super::keys::{Form, Shape};
use super::number::{self, Probability};
use crate::syntax;

type Value<'a> = Spanned<DeValue<'a>>;

/// One table of the file and the keys that it may have.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    pub(super) findings: &'a Findings,
    shape: &'static Shape,
    table: &'a DeTable<'a>,
    /// Where the table stands, or its header.
    pub(super) span: Span,
}

impl<'a> Fields<'a> {
    /// The table; keys that are unknown are reported now.
    pub(super) fn new(
        findings: &'a Findings,
        shape: &'static Shape,
        table: &'a DeTable<'a>,
        span: Span,
    ) -> Self {
        let fields = Self { findings, shape, table, span };
        for key in table.keys() {
            let known = || shape.keys.iter().map(|key| key.name);
            if !findings.is_done() && known().all(|name| name != key.get_ref().as_ref()) {
                fields.unknown(key.get_ref(), key.span(), known());
            }
        }
        fields
    }

    fn unknown(&self, key: &str, span: Span, known: impl Iterator<Item = &'static str> + Clone) {
        let help = match syntax::nearest(key, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the keys are {}", known.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("there is no key `{key}` in {}", self.shape.name);
        self.findings.error(span, message, help);
    }

    /// Whether the key is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn get(&self, name: &str) -> Option<&'a Value<'a>> {
        #[cfg(test)]
        asked::note(self.shape.name, name);
        debug_assert!(self.shape.keys.iter().any(|key| key.name == name), "{name}");
        self.table.get(name)
    }

    fn form(&self, name: &str) -> Option<&'static Form> {
        self.shape.keys.iter().find(|key| key.name == name).map(|key| &key.form)
    }

    fn wrong<T>(&self, name: &str, span: Span, wanted: &str, help: &str) -> Option<T> {
        self.findings.error(span, format!("`{name}` must be {wanted}"), help);
        None
    }

    /// A text, with where it stands.
    pub(super) fn text(&self, name: &str) -> Option<Located<'a>> {
        let value = self.get(name)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Located::quoted(text, value.span(), self.findings)),
            _ => self.wrong(name, value.span(), "a text", "put it in quotes"),
        }
    }

    pub(super) fn string(&self, name: &str) -> Option<String> {
        self.text(name).map(|located| located.text.to_owned())
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.wrong(name, value.span(), "yes or no", "write true or false, without quotes"),
        }
    }

    /// A whole number within the bounds of the key's form.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let value = self.get(name)?;
        let (least, most) = match self.form(name) {
            Some(Form::Number(least, most)) => (*least, *most),
            Some(Form::Version(_)) => (1, u64::MAX),
            _ => (0, u64::MAX),
        };
        let number = integer(value.get_ref());
        if let Some(number) = number.filter(|number| (least..=most).contains(number)) {
            return Some(number);
        }
        let wanted = match most {
            u64::MAX => format!("a whole number from {least} up"),
            _ => format!("a whole number from {least} to {most}"),
        };
        self.wrong(name, value.span(), &wanted, "write it as a plain number, without quotes")
    }

    pub(super) fn small(&self, name: &str) -> Option<u32> {
        self.number(name).and_then(|number| u32::try_from(number).ok())
    }

    /// A whole number of 64 bits; as text, for the writers that know no such number.
    pub(super) fn bits(&self, name: &str) -> Option<u64> {
        let value = self.get(name)?;
        let number = match value.get_ref() {
            DeValue::String(text) => match text.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16).ok(),
                None => text.parse().ok(),
            },
            other => integer(other),
        };
        let help = "write a number, or one in quotes: 7, \"0xffffffffffffffff\"";
        number.or_else(|| self.wrong(name, value.span(), "a whole number of 64 bits", help))
    }

    /// One of the words that the form lists, by its place among them.
    pub(super) fn one_of(&self, name: &str) -> Option<usize> {
        let located = self.text(name)?;
        match self.form(name) {
            Some(Form::OneOf(words) | Form::WordOr(words, _)) => self.word(name, &located, words),
            _ => None,
        }
    }

    fn word(&self, name: &str, located: &Located<'_>, words: &[&str]) -> Option<usize> {
        let place = words.iter().position(|word| *word == located.text);
        if place.is_none() {
            let help = match syntax::nearest(located.text, words.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("it is one of \"{}\"", words.join("\", \"")),
            };
            let message = format!("`{name}` cannot be \"{}\"", located.text);
            self.findings.error(located.whole(), message, help);
        }
        place
    }

    /// A text that another function makes a value from.
    fn parsed<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        wanted: &str,
        help: &str,
    ) -> Option<T> {
        let value = self.get(name)?;
        let parsed = value.get_ref().as_str().and_then(parse);
        parsed.or_else(|| self.wrong(name, value.span(), wanted, help))
    }

    pub(super) fn duration(&self, name: &str) -> Option<u64> {
        self.parsed(name, number::duration, "a duration", number::DURATION_HELP)
    }

    /// A duration above 0.
    pub(super) fn some_time(&self, name: &str) -> Option<u64> {
        let parse = |text: &str| number::duration(text).filter(|ns| *ns > 0);
        self.parsed(name, parse, "a duration above 0", number::DURATION_HELP)
    }

    pub(super) fn signed_duration(&self, name: &str) -> Option<i64> {
        let help = "write a number with a unit, negative for back: \"-10s\", \"250ms\"";
        self.parsed(name, number::signed_duration, "a duration", help)
    }

    pub(super) fn bandwidth(&self, name: &str) -> Option<u64> {
        let help = "write bytes a second above 0: \"10MB/s\", \"64KiB/s\"";
        self.parsed(name, number::bandwidth, "a bandwidth", help)
    }

    pub(super) fn probability(&self, name: &str) -> Option<Probability> {
        let value = self.get(name)?;
        let parsed = decimal(value.get_ref()).and_then(Probability::from_decimal);
        let help = "write a decimal number without quotes: 0.01 is one in a hundred";
        parsed.or_else(|| self.wrong(name, value.span(), "a probability from 0 to 1", help))
    }

    pub(super) fn rate(&self, name: &str) -> Option<u64> {
        let value = self.get(name)?;
        let parsed = decimal(value.get_ref()).and_then(number::rate_ppb).filter(|ppb| *ppb > 0);
        let help = "write a decimal number with at most nine digits behind the point: 1.001";
        parsed.or_else(|| self.wrong(name, value.span(), "a rate above 0", help))
    }

    /// `3`, `"1.."`, `"..4"` or `"2..5"`, both ends included.
    pub(super) fn range(&self, name: &str) -> Option<(u64, Option<u64>)> {
        let value = self.get(name)?;
        let parsed = match value.get_ref() {
            DeValue::String(text) => range(text),
            other => integer(other).map(|number| (number, Some(number))),
        };
        let help = "write a number, or two with dots between: 3, \"1..\", \"..4\", \"2..5\"";
        parsed.or_else(|| self.wrong(name, value.span(), "a range of whole numbers", help))
    }

    /// The values of a list.
    fn list(&self, name: &str, wanted: &str) -> Option<&'a [Value<'a>]> {
        let value = self.get(name)?;
        match value.get_ref().as_array() {
            Some(array) => Some(array),
            None => self.wrong(name, value.span(), wanted, "put it in brackets: [ … ]"),
        }
    }

    /// A list of texts, with where each stands.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<Located<'a>>> {
        let list = self.list(name, "a list of texts")?;
        self.each_text(name, list)
    }

    fn each_text(&self, name: &str, list: &'a [Value<'a>]) -> Option<Vec<Located<'a>>> {
        let texts = list.iter().map(|value| match value.get_ref() {
            DeValue::String(text) => Some(Located::quoted(text, value.span(), self.findings)),
            _ => self.wrong(name, value.span(), "a list of texts", "put each in quotes"),
        });
        texts.collect()
    }

    /// A list of lists of texts.
    pub(super) fn groups(&self, name: &str) -> Option<Vec<Vec<Located<'a>>>> {
        let list = self.list(name, "a list of lists of texts")?;
        let groups = list.iter().map(|value| match value.get_ref().as_array() {
            Some(group) => self.each_text(name, group),
            None => {
                let help = "write [[\"replica 0\"], [\"replica 1\", \"clients\"]]";
                self.wrong(name, value.span(), "a list of lists of texts", help)
            }
        });
        groups.collect()
    }

    pub(super) fn numbers(&self, name: &str) -> Option<Vec<u32>> {
        let list = self.list(name, "a list of numbers")?;
        self.each_number(name, list)
    }

    fn each_number(&self, name: &str, list: &'a [Value<'a>]) -> Option<Vec<u32>> {
        let numbers = list.iter().map(|value| {
            let number = integer(value.get_ref()).and_then(|number| u32::try_from(number).ok());
            let help = "write whole numbers from 0 up: [0, 1, 1]";
            number.or_else(|| self.wrong(name, value.span(), "a list of numbers", help))
        });
        numbers.collect()
    }

    /// A list of lists of numbers.
    pub(super) fn number_lists(&self, name: &str) -> Option<Vec<Vec<u32>>> {
        let list = self.list(name, "a list of lists of numbers")?;
        let lists = list.iter().map(|value| match value.get_ref().as_array() {
            Some(numbers) => self.each_number(name, numbers),
            None => {
                let help = "write [[0, 1], [1, 2]]";
                self.wrong(name, value.span(), "a list of lists of numbers", help)
            }
        });
        lists.collect()
    }

    /// The table behind a key, and what stands there if it is none.
    fn map(&self, name: &str) -> Option<&'a DeTable<'a>> {
        let value = self.get(name)?;
        match value.get_ref().as_table() {
            Some(table) => Some(table),
            None => self.wrong(name, value.span(), "a table", "write { key = \"text\" }"),
        }
    }

    pub(super) fn text_map(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let texts = self.map(name)?.iter().map(|(key, value)| match value.get_ref() {
            DeValue::String(text) => Some((key.get_ref().to_string(), text.to_string())),
            _ => self.wrong(name, value.span(), "a table of texts", "put the text in quotes"),
        });
        texts.collect()
    }

    /// Plain values behind any keys, each as JSON prints it; a text without its quotes.
    pub(super) fn value_map(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let values = self.map(name)?.iter().map(|(key, value)| match plain(value.get_ref()) {
            Some(text) => Some((key.get_ref().to_string(), text)),
            None => {
                let help = "write { slot = 3, quorum = [1, 2], process = \"replica 0.1\" }";
                self.wrong(name, value.span(), "a table of texts, numbers, flags and lists", help)
            }
        });
        values.collect()
    }

    /// Lists of texts behind numbers.
    pub(super) fn list_map(&self, name: &str) -> Option<BTreeMap<u32, Vec<String>>> {
        let lists = self.map(name)?.iter().map(|(key, value)| {
            let number = key.get_ref().parse().ok();
            let number = number.or_else(|| {
                let help = "write the client's number from 0: 0 = [\"OK\"]";
                self.wrong(name, key.span(), "a table with a client for each key", help)
            });
            let list = value.get_ref().as_array();
            let list = list.and_then(|list| {
                list.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
            });
            let list = list.or_else(|| {
                let help = "write 0 = [\"OK\", \"star wars\"]";
                self.wrong(name, value.span(), "a table of lists of texts", help)
            });
            Some((number?, list?))
        });
        lists.collect()
    }

    /// The table behind a key, ready to be walked.
    pub(super) fn table(&self, name: &str) -> Option<Self> {
        let value = self.get(name)?;
        let shape = match self.form(name)? {
            Form::Table(shape) | Form::DurationOr(shape) | Form::WordOr(_, shape) => shape,
            _ => return None,
        };
        match value.get_ref().as_table() {
            Some(table) => Some(Self::new(self.findings, shape, table, value.span())),
            None => {
                let keys: Vec<&str> = shape.keys.iter().map(|key| key.name).collect();
                let help = format!("it has the keys {}", keys.join(", "));
                self.wrong(name, value.span(), "a table", &help)
            }
        }
    }

    /// Whether the key holds a text rather than a table.
    pub(super) fn is_text(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.get_ref().is_str())
    }

    /// Whether the key holds a table.
    pub(super) fn is_table(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.get_ref().is_table())
    }

    /// Where the value of a key stands.
    pub(super) fn place(&self, name: &str) -> Span {
        self.get(name).map_or(self.span.clone(), Value::span)
    }

    /// The tables behind a key, ready to be walked.
    pub(super) fn tables(&self, name: &str) -> Vec<Self> {
        let Some(Form::Tables(shape)) = self.form(name) else {
            return Vec::new();
        };
        let Some(value) = self.get(name) else {
            return Vec::new();
        };
        let help = format!("begin each with [[{name}]]");
        let Some(array) = value.get_ref().as_array() else {
            let found: Option<()> = self.wrong(name, value.span(), "a list of tables", &help);
            return found.map(|()| Vec::new()).unwrap_or_default();
        };
        let tables = array.iter().filter_map(|item| match item.get_ref().as_table() {
            Some(table) => Some(Self::new(self.findings, shape, table, item.span())),
            None => self.wrong(name, item.span(), "a list of tables", &help),
        });
        tables.collect()
    }

    /// Reports a key that has to be there.
    pub(super) fn missing<T>(&self, name: &str, help: &str) -> Option<T> {
        if !self.has(name) {
            let message = format!("{} lacks its `{name}`", self.shape.name);
            self.findings.error(self.span.clone(), message, help);
        }
        None
    }
}

/// A text as it is, anything else as JSON has it.
fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        other => json(other).map(|json| json.to_string()),
    }
}

fn json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    match value {
        DeValue::String(text) => Some(text.as_ref().into()),
        DeValue::Boolean(flag) => Some((*flag).into()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        number => integer(number).map(Into::into),
    }
}

fn integer(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn decimal<'a>(value: &'a DeValue<'_>) -> Option<&'a str> {
    match value {
        DeValue::Float(float) => Some(float.as_str()),
        DeValue::Integer(integer) if integer.radix() == 10 => Some(integer.as_str()),
        _ => None,
    }
}

fn range(text: &str) -> Option<(u64, Option<u64>)> {
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        digits => digits.parse::<u64>().ok().map(Some),
    };
    let (least, most) = match text.split_once("..") {
        Some((least, most)) => (number(least)?, number(most)?),
        None => (Some(number(text)??), number(text)?),
    };
    let least = least.unwrap_or(0);
    most.is_none_or(|most| least <= most).then_some((least, most))
}

/// Which keys the reader has asked for: the test that no table lists a key in vain.
#[cfg(test)]
pub(super) mod asked {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    thread_local! {
        static KEYS: RefCell<BTreeSet<(&'static str, String)>> =
            const { RefCell::new(BTreeSet::new()) };
    }

    pub(super) fn note(shape: &'static str, key: &str) {
        KEYS.with_borrow_mut(|keys| keys.insert((shape, key.to_owned())));
    }

    pub(in super::super) fn all() -> BTreeSet<(&'static str, String)> {
        KEYS.with_borrow(Clone::clone)
    }
}
