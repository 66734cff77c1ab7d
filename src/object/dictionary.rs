//! The dictionary: strings by string keys, the object that the course protocols replicate.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Digest, MerkleMap, Object, Operation, Reply, Text};

/// A replicated dictionary from strings to strings.
///
/// ```
/// use perjury::object::{Dictionary, Object, Operation, Reply};
///
/// let mut dictionary = Dictionary::default();
/// assert_eq!(dictionary.apply(&Operation::append("movie", " wars")), Reply::FAIL);
/// assert_eq!(dictionary.apply(&Operation::put("movie", "star")), Reply::OK);
/// assert_eq!(dictionary.apply(&Operation::append("movie", " wars")), Reply::OK);
/// assert_eq!(dictionary.apply(&Operation::slice("movie", 5, 8)), Reply::OK);
/// assert_eq!(dictionary.apply(&Operation::get("movie")).as_str(), "war");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dictionary {
    values: MerkleMap<Arc<str>, Text>,
}

impl Dictionary {
    /// The number of keys.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it holds no key.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Text> {
        self.values.get(key)
    }

    /// All keys, in their order, with their values.
    pub fn sorted(&self) -> Vec<(&Arc<str>, &Text)> {
        self.values.sorted()
    }

    fn append(&mut self, key: &str, more: &str) -> Reply {
        match self.values.get_mut(key) {
            None => Reply::FAIL,
            Some(value) => {
                value.push_str(more);
                Reply::OK
            }
        }
    }

    fn slice(&mut self, key: &Arc<str>, from: u64, to: u64) -> Reply {
        match self.get(key).and_then(|value| value.slice(from, to)) {
            None => Reply::FAIL,
            Some(part) => {
                self.values.insert(key, part);
                Reply::OK
            }
        }
    }
}

impl Object for Dictionary {
    type Operation = Operation;
    type Reply = Reply;

    fn apply(&mut self, operation: &Operation) -> Reply {
        match operation {
            Operation::Put { key, value } => {
                self.values.insert(key, value.clone());
                Reply::OK
            }
            Operation::Get { key } => self.get(key).map_or(Reply::EMPTY, Reply::of),
            Operation::Append { key, value } => self.append(key, value),
            Operation::Slice { key, from, to } => self.slice(key, *from, *to),
        }
    }

    fn state_hash(&self) -> Digest {
        self.values.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The same object, written without a thought for speed.
    #[derive(Default)]
    struct Model(BTreeMap<String, String>);

    impl Model {
        fn apply(&mut self, operation: &Operation) -> String {
            let key = operation.key().to_owned();
            let old = self.0.get(&key).cloned();
            let new = match (operation, &old) {
                (Operation::Get { .. }, _) => return old.unwrap_or_default(),
                (Operation::Put { value, .. }, _) => Some(value.to_string()),
                (Operation::Append { value, .. }, Some(old)) => Some(format!("{old}{value}")),
                (Operation::Slice { from, to, .. }, Some(old)) => {
                    let characters: Vec<char> = old.chars().collect();
                    let range = *from as usize..*to as usize;
                    characters.get(range).map(|part| part.iter().collect())
                }
                (_, None) => None,
            };
            let reply = if new.is_some() { "OK" } else { "fail" };
            self.0.extend(new.map(|new| (key, new)));
            reply.to_owned()
        }
    }

    fn operations() -> impl Strategy<Value = Operation> {
        let key = || prop_oneof!["[a-e]".boxed(), "[a-z]{1,2}".boxed()];
        let value = || "[ab漢🎬]{0,4}";
        prop_oneof![
            (key(), value()).prop_map(|(key, value)| Operation::put(&key, &value)),
            key().prop_map(|key| Operation::get(&key)),
            (key(), value()).prop_map(|(key, value)| Operation::append(&key, &value)),
            (key(), 0u64..6, 0u64..6).prop_map(|(key, from, to)| Operation::slice(&key, from, to)),
        ]
    }

    fn rebuilt(content: &BTreeMap<String, String>) -> Dictionary {
        let mut dictionary = Dictionary::default();
        for (key, value) in content.iter().rev() {
            dictionary.apply(&Operation::put(key, value));
        }
        dictionary
    }

    fn content(dictionary: &Dictionary) -> BTreeMap<String, String> {
        let owned = |(key, value): (&Arc<str>, &Text)| (key.to_string(), value.to_string());
        dictionary.sorted().into_iter().map(owned).collect()
    }

    proptest! {
        #[test]
        fn it_answers_as_the_plain_model_does(
            operations in prop::collection::vec(operations(), 0..200),
            ask_every in 1usize..20,
        ) {
            let mut dictionary = Dictionary::default();
            let mut model = Model::default();
            for (number, operation) in operations.iter().enumerate() {
                let reply = dictionary.apply(operation);
                prop_assert_eq!(reply.as_str(), model.apply(operation), "{}", operation);
                if number % ask_every == 0 {
                    prop_assert_eq!(dictionary.state_hash(), rebuilt(&model.0).state_hash());
                }
            }
            prop_assert_eq!(content(&dictionary), model.0);
        }

        #[test]
        fn hashes_are_equal_exactly_if_the_contents_are(
            first in prop::collection::vec(operations(), 0..12),
            second in prop::collection::vec(operations(), 0..12),
            common in prop::collection::vec(operations(), 0..40),
        ) {
            let after = |operations: &[Operation]| {
                let mut dictionary = Dictionary::default();
                for operation in operations.iter().chain(&common) {
                    dictionary.apply(operation);
                }
                dictionary
            };
            let (one, other) = (after(&first), after(&second));
            let same = content(&one) == content(&other);
            prop_assert_eq!(one.state_hash() == other.state_hash(), same);
            prop_assert_eq!(one == other, same);
        }

        #[test]
        fn what_is_serialised_comes_back_with_its_hash(
            operations in prop::collection::vec(operations(), 0..100),
        ) {
            let mut dictionary = Dictionary::default();
            for operation in &operations {
                dictionary.apply(operation);
            }
            let bytes = postcard::to_stdvec(&dictionary).unwrap();
            let back: Dictionary = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(back.state_hash(), dictionary.state_hash());
            prop_assert_eq!(postcard::to_stdvec(&rebuilt(&content(&back))).unwrap(), bytes);
            prop_assert_eq!(back, dictionary);
        }
    }

    #[test]
    fn a_clone_is_a_snapshot() {
        let mut dictionary = Dictionary::default();
        dictionary.apply(&Operation::put("movie", "star"));
        let snapshot = dictionary.clone();
        let hash = snapshot.state_hash();
        dictionary.apply(&Operation::append("movie", " wars"));
        assert_eq!(snapshot.get("movie").unwrap().as_str(), "star");
        assert_eq!(snapshot.state_hash(), hash);
        assert_ne!(dictionary.state_hash(), hash);
    }

    #[test]
    fn the_hash_of_a_content_never_changes() {
        let mut dictionary = Dictionary::default();
        let hash = |dictionary: &Dictionary| blake3::Hash::from(dictionary.state_hash()).to_hex();
        let empty = "3daacab46d6a439414720eb31755ae17ca3d826f8b23a114c7c8f6ab8227ba4d";
        assert_eq!(hash(&dictionary).as_str(), empty);
        for number in 0..100 {
            dictionary.apply(&Operation::put(&format!("key {number}"), &number.to_string()));
        }
        let hundred = "c1f623e7822b7a06f73ab776c859701c04734ef176e07db231073ebe6c5d5b1f";
        assert_eq!(hash(&dictionary).as_str(), hundred);
    }
}
