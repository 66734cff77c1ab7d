//! `--set path=value`: one value of the TOML form replaced on the command line.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::diagnosis::Source;
use super::findings::{Findings, Span};

type Value<'a> = Spanned<DeValue<'a>>;

/// No path of the TOML form is longer.
const MOST_STEPS: usize = 8;

/// What is wrong with a path, and what to do.
type Refusal = (String, String);

/// Puts a value at a path like `network.loss` or `client.0.workload`. What cannot be done is
/// reported under the name of the option.
pub(super) fn apply<'a>(
    findings: &mut Findings,
    root: &mut DeTable<'a>,
    path: &'a str,
    value: &'a str,
) {
    let start = findings.append(Source::new("--set", &format!("{path}={value}")));
    let span = start..start + path.len();
    let new = New { value: parse(value, start + path.len() + 1), span: span.clone() };
    let steps: Vec<&str> = path.split('.').map(str::trim).collect();
    let sound = steps.iter().all(|step| !step.is_empty()) && steps.len() <= MOST_STEPS;
    let done = match steps.split_first() {
        Some((first, rest)) if sound => new.into_table(root, first, rest),
        _ => Err((
            "this is no path".to_owned(),
            "write --set network.loss=0.1 or --set \"client.0.workload=get('k')\"".to_owned(),
        )),
    };
    if let Err((message, help)) = done {
        findings.error(span, message, help);
    }
}

/// A TOML value, or else the text as it is.
fn parse(text: &str, start: usize) -> Value<'_> {
    match DeValue::parse(text) {
        Ok(value) => shifted(value, start),
        Err(_) => {
            let value = DeValue::String(Cow::Borrowed(text));
            Spanned::new(start..start + text.len(), value)
        }
    }
}

/// The same value as if it stood further behind.
fn shifted(value: Value<'_>, by: usize) -> Value<'_> {
    let further = |span: Span| span.start + by..span.end + by;
    let span = further(value.span());
    let value = match value.into_inner() {
        DeValue::Array(array) => {
            DeValue::Array(array.into_iter().map(|item| shifted(item, by)).collect())
        }
        DeValue::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| {
                let span = further(key.span());
                (Spanned::new(span, key.into_inner()), shifted(value, by))
            });
            DeValue::Table(entries.collect())
        }
        plain => plain,
    };
    Spanned::new(span, value)
}

struct New<'a> {
    value: Value<'a>,
    /// Where the path stands.
    span: Span,
}

impl<'a> New<'a> {
    fn into_table(
        self,
        table: &mut DeTable<'a>,
        step: &'a str,
        rest: &[&'a str],
    ) -> Result<(), Refusal> {
        let key = Spanned::new(self.span.clone(), Cow::Borrowed(step));
        if rest.is_empty() {
            // The old key goes too: it would keep its old place.
            table.remove(step);
            table.insert(key, self.value);
            return Ok(());
        }
        if !table.contains_key(step) {
            table.insert(key, self.empty(rest));
        }
        match table.get_mut(step) {
            Some(slot) => self.into_value(slot, step, rest),
            None => Ok(()),
        }
    }

    fn into_value(self, slot: &mut Value<'a>, step: &str, rest: &[&'a str]) -> Result<(), Refusal> {
        let Some((next, rest)) = rest.split_first() else {
            *slot = self.value;
            return Ok(());
        };
        match slot.get_mut() {
            DeValue::Table(table) => self.into_table(table, next, rest),
            DeValue::Array(array) => self.into_array(array, next, rest),
            _ => Err((
                format!("`{step}` holds a value and nothing in it"),
                format!("set `{step}` as a whole"),
            )),
        }
    }

    fn into_array(
        self,
        array: &mut DeArray<'a>,
        step: &str,
        rest: &[&'a str],
    ) -> Result<(), Refusal> {
        let count = array.len();
        let place = step.parse::<usize>().ok().filter(|place| *place <= count);
        let Some(place) = place else {
            return Err((
                format!("there is no entry `{step}`"),
                format!("entries are counted from 0, and {count} adds one"),
            ));
        };
        let mut values: Vec<Value<'a>> =
            std::mem::replace(array, DeArray::new()).into_iter().collect();
        if place == count {
            values.push(self.empty(rest));
        }
        let done = self.into_value(&mut values[place], step, rest);
        *array = values.into_iter().collect();
        done
    }

    /// Something that the next step can go into.
    fn empty(&self, rest: &[&str]) -> Value<'a> {
        let numbered = rest.first().is_some_and(|step| step.bytes().all(|b| b.is_ascii_digit()));
        let value = match numbered {
            true => DeValue::Array(DeArray::new()),
            false => DeValue::Table(DeTable::new()),
        };
        Spanned::new(self.span.clone(), value)
    }
}
