//! What `pseudorandom(seed, n)` draws from: operations and their weights, keys, lengths.
//!
//! The same pool, seed and number give the same operation on every machine. Every operation
//! takes the same few words from the stream that the seed opens, whatever it turns out to be:
//! with other keys, weights or lengths, the rest of each operation stays what it was.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Operation, Text};

/// Sets the streams of this module apart from others with the same seed.
const DOMAIN: &[u8; 24] = b"perjury 1: pseudorandom ";
const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 16] = b"aaaaeeeeiiioooou";
/// The longest value that may be asked for, in characters.
pub const LENGTH_LIMIT: u32 = 1 << 20;

/// What a pool is made of; it takes effect once [`Pool::new`] accepts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolSettings {
    /// How often each operation is drawn.
    pub weights: Weights,
    /// The keys, each as likely as the others.
    pub keys: Vec<Arc<str>>,
    /// How long the values of `put` are. A slice ends within the longest of them.
    pub put_lengths: Lengths,
    /// How long the values of `append` are.
    pub append_lengths: Lengths,
}

/// How often each operation is drawn, in proportion to the sum.
///
/// Values shrink by puts and slices alone: without either, appends let them grow for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// The weight of `put`.
    pub put: u16,
    /// The weight of `get`.
    pub get: u16,
    /// The weight of `append`.
    pub append: u16,
    /// The weight of `slice`.
    pub slice: u16,
}

/// A range of lengths in characters, both ends included and each length as likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// The least length.
    pub min: u32,
    /// The greatest length.
    pub max: u32,
}

impl Default for PoolSettings {
    fn default() -> Self {
        let keys = ["oath", "witness", "jury", "alibi"];
        Self {
            weights: Weights::default(),
            keys: keys.map(Arc::from).to_vec(),
            put_lengths: Lengths { min: 4, max: 9 },
            append_lengths: Lengths { min: 1, max: 4 },
        }
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self { put: 4, get: 3, append: 2, slice: 1 }
    }
}

impl Weights {
    fn total(self) -> u64 {
        [self.put, self.get, self.append, self.slice].map(u64::from).iter().sum()
    }
}

/// Why nothing can be drawn with these settings.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PoolError {
    /// There is no key.
    #[error("the pool has no keys")]
    NoKeys,
    /// Every weight is zero.
    #[error("all operations of the pool have weight 0")]
    NoWeight,
    /// A range of lengths holds no length.
    #[error("no length lies between {min} and {max}")]
    EmptyLengths {
        /// The least length.
        min: u32,
        /// The greatest length, below the least.
        max: u32,
    },
    /// A length is beyond what may be asked for.
    #[error("values of {max} characters are too long")]
    TooLong {
        /// The greatest length.
        max: u32,
    },
}

impl PoolError {
    /// What to change.
    pub fn remedy(&self) -> String {
        match self {
            Self::NoKeys => "name at least one key, or leave the keys out".to_owned(),
            Self::NoWeight => "give at least one operation a weight above 0".to_owned(),
            Self::EmptyLengths { .. } => "let min be at most max".to_owned(),
            Self::TooLong { .. } => format!("let max be at most {LENGTH_LIMIT}"),
        }
    }
}

impl Lengths {
    fn check(self) -> Result<(), PoolError> {
        let Self { min, max } = self;
        if min > max {
            return Err(PoolError::EmptyLengths { min, max });
        }
        if max > LENGTH_LIMIT {
            return Err(PoolError::TooLong { max });
        }
        Ok(())
    }

    fn value(self, words: &Words) -> Text {
        let length = between(words.length, u64::from(self.min), u64::from(self.max));
        Text::from(pronounceable(length, words.letters))
    }
}

/// Settings from which operations can be drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PoolSettings", into = "PoolSettings")]
pub struct Pool(PoolSettings);

impl TryFrom<PoolSettings> for Pool {
    type Error = PoolError;

    fn try_from(settings: PoolSettings) -> Result<Self, PoolError> {
        Self::new(settings)
    }
}

impl From<Pool> for PoolSettings {
    fn from(pool: Pool) -> Self {
        pool.0
    }
}

impl Pool {
    /// A pool with these settings, if something can be drawn from it.
    pub fn new(settings: PoolSettings) -> Result<Self, PoolError> {
        settings.put_lengths.check()?;
        settings.append_lengths.check()?;
        if settings.keys.is_empty() {
            return Err(PoolError::NoKeys);
        }
        if settings.weights.total() == 0 {
            return Err(PoolError::NoWeight);
        }
        Ok(Self(settings))
    }

    /// The settings.
    pub fn settings(&self) -> &PoolSettings {
        &self.0
    }

    /// The first `count` operations of `seed`, made one by one as they are asked for.
    pub fn draws(self: &Arc<Self>, seed: u64, count: u64) -> Draws {
        let mut key = [0; 32];
        key[..DOMAIN.len()].copy_from_slice(DOMAIN);
        key[DOMAIN.len()..].copy_from_slice(&seed.to_le_bytes());
        Draws { pool: Arc::clone(self), stream: ChaCha8Rng::from_seed(key), left: count }
    }

    fn operation(&self, words: &Words) -> Operation {
        let settings = &self.0;
        let key = below(words.key, settings.keys.len() as u64);
        let key = Arc::clone(&settings.keys[key as usize]);
        let Weights { put, get, append, .. } = settings.weights;
        let (put, get, append) = (u64::from(put), u64::from(get), u64::from(append));
        match below(words.kind, settings.weights.total()) {
            kind if kind < put => Operation::Put { key, value: settings.put_lengths.value(words) },
            kind if kind < put + get => Operation::Get { key },
            kind if kind < put + get + append => {
                Operation::Append { key, value: settings.append_lengths.value(words) }
            }
            _ => {
                let Lengths { min, max } = settings.put_lengths;
                let from = between(words.length, 0, u64::from(min));
                let to = between(words.end, from, u64::from(max));
                Operation::Slice { key, from, to }
            }
        }
    }
}

/// What one operation takes from the stream, used or not.
struct Words {
    kind: u32,
    key: u32,
    length: u32,
    end: u32,
    letters: u64,
}

/// A number below `bound`, each as likely up to one part in 2³².
fn below(word: u32, bound: u64) -> u64 {
    ((u128::from(word) * u128::from(bound)) >> u32::BITS) as u64
}

fn between(word: u32, min: u64, max: u64) -> u64 {
    min + below(word, max - min + 1)
}

/// A word that can be read aloud: consonants and vowels in turn.
fn pronounceable(length: u64, seed: u64) -> String {
    let mut text = String::with_capacity(length as usize);
    let mut bits = 0;
    for at in 0..length {
        if at % 16 == 0 {
            bits = mixed(seed.wrapping_add(at));
        }
        let letters = if at % 2 == 0 { CONSONANTS } else { VOWELS };
        text.push(char::from(letters[(bits % 16) as usize]));
        bits /= 16;
    }
    text
}

/// The finishing step of the SplitMix64 generator: every bit depends on every bit.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The operations of one `pseudorandom(seed, n)`, in order.
#[derive(Clone, Debug)]
pub struct Draws {
    pool: Arc<Pool>,
    stream: ChaCha8Rng,
    left: u64,
}

impl Iterator for Draws {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        self.left = self.left.checked_sub(1)?;
        let words = Words {
            kind: self.stream.next_u32(),
            key: self.stream.next_u32(),
            length: self.stream.next_u32(),
            end: self.stream.next_u32(),
            letters: self.stream.next_u64(),
        };
        Some(self.pool.operation(&words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Dictionary, Object, Reply};
    use std::collections::BTreeMap;

    fn drawn(settings: PoolSettings, seed: u64, count: u64) -> Draws {
        Arc::new(Pool::new(settings).unwrap()).draws(seed, count)
    }

    #[test]
    fn a_seed_always_gives_these_operations() {
        let drawn: Vec<String> =
            drawn(PoolSettings::default(), 233, 5).map(|drawn| drawn.to_string()).collect();
        let expected = [
            "slice('witness','0:8')",
            "put('jury','dimimil')",
            "put('witness','bamofib')",
            "put('oath','belopoj')",
            "get('oath')",
        ];
        assert_eq!(drawn, expected);
    }

    #[test]
    fn a_longer_draw_begins_like_a_shorter_one() {
        let settings = PoolSettings::default;
        let longer: Vec<_> = drawn(settings(), 7, 100).take(40).collect();
        assert_eq!(longer, drawn(settings(), 7, 40).collect::<Vec<_>>());
        assert_ne!(longer, drawn(settings(), 8, 40).collect::<Vec<_>>());
    }

    #[test]
    fn each_operation_comes_as_often_as_its_weight_says() {
        let mut counts = BTreeMap::new();
        for operation in drawn(PoolSettings::default(), 1, 100_000) {
            *counts.entry(operation.name()).or_insert(0u32) += 1;
        }
        let rounded: Vec<_> =
            counts.into_iter().map(|(name, n)| (name, (n + 500) / 1000)).collect();
        assert_eq!(rounded, [("append", 20), ("get", 30), ("put", 40), ("slice", 10)]);
    }

    #[test]
    fn other_keys_leave_the_rest_of_each_operation_as_it_was() {
        let one_key = PoolSettings { keys: vec!["k".into()], ..PoolSettings::default() };
        let changed: Vec<_> = drawn(one_key, 5, 50).map(|drawn| drawn.to_string()).collect();
        let renamed = |operation: Operation| match operation {
            Operation::Put { value, .. } => Operation::put("k", &value),
            Operation::Get { .. } => Operation::get("k"),
            Operation::Append { value, .. } => Operation::append("k", &value),
            Operation::Slice { from, to, .. } => Operation::slice("k", from, to),
        };
        let expected = drawn(PoolSettings::default(), 5, 50).map(|o| renamed(o).to_string());
        assert_eq!(changed, expected.collect::<Vec<_>>());
    }

    #[test]
    fn values_stay_short_however_many_operations_are_drawn() {
        let mut dictionary = Dictionary::default();
        let mut longest = 0;
        let mut slices = BTreeMap::new();
        for operation in drawn(PoolSettings::default(), 2, 100_000) {
            let reply = dictionary.apply(&operation);
            longest = longest.max(dictionary.get(operation.key()).map_or(0, |value| value.len()));
            if operation.name() == "slice" {
                *slices.entry(reply.to_string()).or_insert(0u32) += 1;
            }
        }
        assert!(longest < 64, "a value of {longest} characters");
        let least = |reply: &Reply| slices[reply.as_str()] > 2_000;
        assert!(least(&Reply::OK) && least(&Reply::FAIL), "{slices:?}");
    }

    #[test]
    fn settings_without_anything_to_draw_are_refused() {
        let refused = |settings| Pool::new(settings).unwrap_err();
        let default = PoolSettings::default;
        assert_eq!(refused(PoolSettings { keys: vec![], ..default() }), PoolError::NoKeys);
        let weights = Weights { put: 0, get: 0, append: 0, slice: 0 };
        assert_eq!(refused(PoolSettings { weights, ..default() }), PoolError::NoWeight);
        let put_lengths = Lengths { min: 3, max: 2 };
        let error = refused(PoolSettings { put_lengths, ..default() });
        assert_eq!(error.to_string(), "no length lies between 3 and 2");
        let append_lengths = Lengths { min: 0, max: u32::MAX };
        let error = refused(PoolSettings { append_lengths, ..default() });
        assert_eq!(error.remedy(), "let max be at most 1048576");
    }

    #[test]
    fn settings_are_read_with_defaults_for_what_they_leave_out() {
        let pool: Pool = toml::from_str("keys = ['a']\nweights = { slice = 0 }").unwrap();
        assert_eq!(pool.settings().keys, ["a".into()]);
        assert_eq!(pool.settings().weights, Weights { slice: 0, ..Weights::default() });
        assert!(toml::from_str::<Pool>("keys = []").is_err());
        assert!(toml::from_str::<Pool>("key = ['a']").is_err());
    }
}
