//! Content, each piece once.
//!
//! Messages carry proofs that grow as they go, and every event that tells of a message tells all of
//! it. Here a list or a row of fields is a node that names its parts, and equal nodes are one node:
//! what is told often is kept once, and two pieces of content are equal if they are one node.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// The largest number that a script reads exactly; larger ones are kept as text.
const LARGEST: u64 = 1 << 53;

/// A piece of content. Parts are the places of other nodes, which stand before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Nothing,
    Truth(bool),
    Number(i64),
    Text(String),
    List(Vec<u32>),
    /// The place of the names, and the values in their order.
    Fields(u32, Vec<u32>),
}

/// A leaf is itself; a list begins with 0, fields with the place of their names and 1 more.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Nothing => serializer.serialize_unit(),
            Node::Truth(value) => serializer.serialize_bool(*value),
            Node::Number(value) => serializer.serialize_i64(*value),
            Node::Text(text) => serializer.serialize_str(text),
            Node::List(parts) => serializer.collect_seq([&0].into_iter().chain(parts)),
            Node::Fields(names, parts) => {
                serializer.collect_seq([&(names + 1)].into_iter().chain(parts))
            }
        }
    }
}

/// All content of a picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    nodes: Table<Node>,
    shapes: Table<Vec<String>>,
}

impl Pool {
    /// The place of this content.
    pub(super) fn place(&mut self, value: &Value) -> u32 {
        let node = match value {
            Value::Null => Node::Nothing,
            Value::Bool(value) => Node::Truth(*value),
            Value::Number(number) => match number.as_i64() {
                Some(value) if value.unsigned_abs() <= LARGEST => Node::Number(value),
                _ => Node::Text(number.to_string()),
            },
            Value::String(text) => Node::Text(text.clone()),
            Value::Array(values) => {
                Node::List(values.iter().map(|value| self.place(value)).collect())
            }
            Value::Object(fields) => return self.fields(fields.iter()),
        };
        self.nodes.place(node)
    }

    /// The place of the content that has these fields.
    pub(super) fn fields<'a>(
        &mut self,
        fields: impl Iterator<Item = (&'a String, &'a Value)>,
    ) -> u32 {
        let (mut names, mut parts) = (Vec::new(), Vec::new());
        for (name, value) in fields {
            names.push(name.clone());
            parts.push(self.place(value));
        }
        let names = self.shapes.place(names);
        self.nodes.place(Node::Fields(names, parts))
    }

    /// Whether two pieces say the same, whenever it is: moments among their fields may differ.
    pub(super) fn is_like(&self, one: u32, other: u32) -> bool {
        if one == other {
            return true;
        }
        let (Some(Node::Fields(names, parts)), Some(Node::Fields(other_names, others))) =
            (self.nodes.at(one), self.nodes.at(other))
        else {
            return false;
        };
        let Some(shape) = self.shapes.at(*names).filter(|_| names == other_names) else {
            return false;
        };
        let mut pairs = shape.iter().zip(parts.iter().zip(others));
        pairs.all(|(name, (part, other))| part == other || name.ends_with("_ns"))
    }

    /// All pieces, in their order.
    pub(super) fn nodes(&self) -> impl Serialize {
        &self.nodes.all
    }

    /// All rows of names, in their order.
    pub(super) fn shapes(&self) -> impl Serialize {
        &self.shapes.all
    }
}

/// Things numbered in the order in which they came, equal ones once.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    all: Vec<Rc<T>>,
    known: BTreeMap<Rc<T>, u32>,
}

impl<T: Ord> Default for Table<T> {
    fn default() -> Table<T> {
        Table { all: Vec::new(), known: BTreeMap::new() }
    }
}

impl<T: Ord> Table<T> {
    /// The number of this one.
    pub(super) fn place(&mut self, one: T) -> u32 {
        if let Some(place) = self.known.get(&one) {
            return *place;
        }
        let (place, one) = (self.all.len() as u32, Rc::new(one));
        self.all.push(Rc::clone(&one));
        self.known.insert(one, place);
        place
    }

    /// The one with this number.
    pub(super) fn at(&self, place: u32) -> Option<&T> {
        self.all.get(place as usize).map(Rc::as_ref)
    }

    /// All, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.all.iter().map(Rc::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_content_is_kept_once() {
        let mut pool = Pool::default();
        let message = json!({ "slot": 1, "proof": [{ "by": "x" }, { "by": "y" }] });
        let place = pool.place(&message);
        let nodes = pool.nodes.all.len();
        assert_eq!(pool.place(&message), place);
        assert_eq!(pool.nodes.all.len(), nodes);
        pool.place(&json!({ "slot": 1, "proof": [{ "by": "x" }, { "by": "y" }, { "by": "z" }] }));
        assert_eq!(pool.nodes.all.len(), nodes + 4, "\"z\", its fields, the list, the message");
    }

    #[test]
    fn parts_stand_before_the_whole_and_print_by_place() {
        let mut pool = Pool::default();
        pool.place(&json!({ "a": [null, true, -1, "x"], "b": 18446744073709551615_u64 }));
        let printed = serde_json::to_string(&pool.nodes()).unwrap();
        assert_eq!(printed, r#"[null,true,-1,"x",[0,0,1,2,3],"18446744073709551615",[1,4,5]]"#);
        assert_eq!(serde_json::to_string(&pool.shapes()).unwrap(), r#"[["a","b"]]"#);
    }

    #[test]
    fn content_that_differs_in_its_moments_alone_is_alike() {
        let mut pool = Pool::default();
        let early = pool.place(&json!({ "timer": "head", "due_ns": 5 }));
        let late = pool.place(&json!({ "timer": "head", "due_ns": 6 }));
        let other = pool.place(&json!({ "timer": "client", "due_ns": 5 }));
        assert!(pool.is_like(early, late));
        assert!(!pool.is_like(early, other));
    }
}
