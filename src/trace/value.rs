//! Content as a tree of values: what text and JSON are made of.

use std::fmt::{self, Display};

use serde::Serialize;
use serde_json::json;

use crate::crypto::{Digest, Notary, Seal};
use crate::identity::Identity;
use crate::time::Instant;

use super::describe::{Ordinals, Sink, tell};

/// A piece of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An absent thing.
    Nothing,
    /// Yes or no.
    Truth(bool),
    /// A number.
    Number(u64),
    /// A negative number.
    Negative(i64),
    /// A moment of virtual time, in nanoseconds: seconds in text; in JSON a number, and its name
    /// ends in `_ns`.
    Moment(u64),
    /// A text, as it is.
    Text(String),
    /// Something that prints in a form of its own, without quotes.
    Shown(String),
    /// The signature under something: whose, and whether it is valid.
    Seal {
        /// Who is said to have signed.
        signer: Identity,
        /// Whether that is true.
        valid: bool,
    },
    /// A row.
    List(Vec<Value>),
    /// A variant's name, and what is in it.
    Variant(&'static str, Box<Value>),
    /// Named values.
    Fields(Vec<(&'static str, Value)>),
}

/// What is in a value. The notary tells which signatures are valid.
pub fn describe<T: Serialize + ?Sized>(
    value: &T,
    notary: &Notary,
    ordinals: &mut Ordinals,
) -> Value {
    let mut tree = Tree::default();
    tell(value, &mut tree, notary, ordinals);
    tree.done
}

impl Value {
    /// The named values in it, without a variant's name; itself under `name` if it has none.
    pub fn into_fields(self, name: &'static str) -> Vec<(&'static str, Value)> {
        match self {
            Value::Variant(_, content) => content.into_fields(name),
            Value::Fields(fields) => fields,
            Value::Nothing => Vec::new(),
            other => vec![(name, other)],
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Nothing => serde_json::Value::Null,
            Value::Truth(value) => json!(value),
            Value::Number(value) | Value::Moment(value) => json!(value),
            Value::Negative(value) => json!(value),
            Value::Text(text) | Value::Shown(text) => json!(text),
            Value::Seal { signer, valid } => {
                json!({ "signer": signer.to_string(), "valid": valid })
            }
            Value::List(values) => values.iter().map(Value::to_json).collect(),
            Value::Variant(name, content) if **content == Value::Nothing => json!(name),
            Value::Variant(name, content) => json!({ *name: content.to_json() }),
            Value::Fields(fields) => fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nothing => f.write_str("-"),
            Value::Truth(value) => write!(f, "{value}"),
            Value::Number(value) => write!(f, "{value}"),
            Value::Moment(at_ns) => write!(f, "{}", Instant(*at_ns)),
            Value::Negative(value) => write!(f, "{value}"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Shown(text) => f.write_str(text),
            Value::Seal { signer, valid: true } => write!(f, "signed by {signer}"),
            Value::Seal { signer, valid: false } => write!(f, "falsely signed as {signer}"),
            Value::List(values) => write_row(f, values),
            Value::Variant(name, content) if **content == Value::Nothing => f.write_str(name),
            Value::Variant(name, content) => write!(f, "{name}{content}"),
            Value::Fields(fields) => {
                f.write_str("{")?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    let gap = if i == 0 { "" } else { " " };
                    write!(f, "{gap}")?;
                    write_field(f, name, value)?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, values: &[Value]) -> fmt::Result {
    f.write_str("[")?;
    for (i, value) in values.iter().enumerate() {
        let gap = if i == 0 { "" } else { ", " };
        write!(f, "{gap}{value}")?;
    }
    f.write_str("]")
}

/// `name=value`; a seal says what it is by itself.
pub(super) fn write_field(f: &mut impl fmt::Write, name: &str, value: &Value) -> fmt::Result {
    match value {
        Value::Seal { .. } => write!(f, "{value}"),
        _ => write!(f, "{name}={value}"),
    }
}

/// Builds the tree of a value.
struct Tree {
    done: Value,
    open: Vec<Open>,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree { done: Value::Nothing, open: Vec::new() }
    }
}

/// Something whose content is still to come.
enum Open {
    List(Vec<Value>),
    Fields(Vec<(&'static str, Value)>),
    Field(&'static str),
    Variant(&'static str),
}

impl Tree {
    /// A value is complete: it goes where one was expected.
    fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            None => self.done = value,
            Some(Open::List(values)) => values.push(value),
            Some(Open::Fields(fields)) => fields.push(("", value)),
            Some(&mut Open::Variant(name)) => {
                self.open.pop();
                self.put(Value::Variant(name, Box::new(value)));
            }
            Some(&mut Open::Field(name)) => {
                self.open.pop();
                if let Some(Open::Fields(fields)) = self.open.last_mut() {
                    fields.push((name, value));
                }
            }
        }
    }
}

impl Sink for Tree {
    fn nothing(&mut self) {
        self.put(Value::Nothing);
    }

    fn truth(&mut self, value: bool) {
        self.put(Value::Truth(value));
    }

    fn number(&mut self, value: u64) {
        self.put(Value::Number(value));
    }

    fn signed_number(&mut self, value: i64) {
        self.put(u64::try_from(value).map_or(Value::Negative(value), Value::Number));
    }

    fn text(&mut self, value: &str) {
        self.put(Value::Text(value.to_owned()));
    }

    fn shown(&mut self, value: &dyn Display) {
        self.put(Value::Shown(value.to_string()));
    }

    fn bytes(&mut self, value: &[u8]) {
        let digits = value.iter().map(|byte| format!("{byte:02x}"));
        self.put(Value::Shown(digits.collect()));
    }

    fn digest(&mut self, value: &Digest) {
        self.put(Value::Shown(value.to_string()));
    }

    fn seal(&mut self, seal: &Seal, valid: bool, _: bool) {
        self.put(match seal.signer() {
            Some(signer) => Value::Seal { signer, valid },
            None => Value::Nothing,
        });
    }

    fn ordinal(&mut self, ordinal: u32) {
        self.put(Value::Shown(format!("#{ordinal}")));
    }

    fn variant(&mut self, _: u32, name: &'static str) {
        self.open.push(Open::Variant(name));
    }

    fn list(&mut self, length: usize) {
        self.open.push(Open::List(Vec::with_capacity(length)));
    }

    fn fields(&mut self) {
        self.open.push(Open::Fields(Vec::new()));
    }

    fn field(&mut self, name: &'static str) {
        self.open.push(Open::Field(name));
    }

    fn end(&mut self) {
        match self.open.pop() {
            Some(Open::List(values)) => self.put(Value::List(values)),
            Some(Open::Fields(fields)) => self.put(Value::Fields(fields)),
            Some(Open::Field(_) | Open::Variant(_)) | None => {}
        }
    }
}
