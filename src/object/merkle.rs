//! A persistent map with a hash that names its content.
//!
//! It is a trie over the keys' placements, four bits a level. A subtree of at most
//! [`LEAF_ENTRIES`] entries is a leaf, a larger one a branch; so the shape follows from the
//! content alone, and equal content has an equal hash whatever operations led to it. Each leaf and
//! branch remembers its hash and forgets it when it changes, so that asking for the hash costs
//! what was changed since it was last asked for, and nothing is hashed if nobody asks.
//! To forge it takes a collision of BLAKE3: the placement only says where an entry stands.
//! Subtrees are shared: a clone costs one counter, and a change copies the path to it at most.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ptr;
use std::sync::{Arc, OnceLock};

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use siphasher::sip::SipHasher13;

use super::{Canonical, Digest, feed_str};

/// The most entries of a leaf that could be divided further.
const LEAF_ENTRIES: usize = 8;
const BITS_PER_LEVEL: u32 = 4;
const CHILDREN: usize = 1 << BITS_PER_LEVEL;
/// Entries whose placements agree in every bit share a leaf of any size at this depth.
const MAX_DEPTH: u32 = u64::BITS / BITS_PER_LEVEL;

/// Sets the hashes of this module apart from all others.
const DOMAIN: &[u8; 32] = b"perjury 1: content of a map     ";
const LEAF_TAG: u8 = 1;
const BRANCH_TAG: u8 = 2;
/// What most nodes fit into: a full branch, or a leaf of small entries.
const USUAL_BYTES: usize = 1 + size_of::<u64>() + CHILDREN * size_of::<Digest>();

/// Where a key stands in the trie. Equal keys stand in the same place, also where one is the
/// borrowed form of the other. That different ones rarely do keeps the map quick; its hash does
/// not rest on it.
pub trait Placed {
    /// The place, of which the low bits count first.
    fn placement(&self) -> u64;
}

impl Placed for str {
    fn placement(&self) -> u64 {
        SipHasher13::new_with_keys(0x7065_726a_7572_7920, 0x706c_6163_6520_2031)
            .hash(self.as_bytes())
    }
}

impl Placed for Arc<str> {
    fn placement(&self) -> u64 {
        str::placement(self)
    }
}

impl Placed for u32 {
    /// Numbers are given out one after the other, so they spread by themselves.
    fn placement(&self) -> u64 {
        u64::from(*self)
    }
}

impl Canonical for Arc<str> {
    fn feed(&self, mut sink: impl FnMut(&[u8])) {
        feed_str(self, &mut sink);
    }
}

impl Canonical for u32 {
    fn feed(&self, mut sink: impl FnMut(&[u8])) {
        sink(&self.to_le_bytes());
    }
}

/// A map that is cloned in constant time and knows the hash of its content.
#[derive(Clone)]
pub struct MerkleMap<K, V> {
    root: Arc<Node<K, V>>,
    len: usize,
}

#[derive(Clone)]
struct Node<K, V> {
    digest: OnceLock<Digest>,
    shape: Shape<K, V>,
}

#[derive(Clone, PartialEq, Eq)]
enum Shape<K, V> {
    /// In the order of keys.
    Leaf(Vec<Entry<K, V>>),
    Branch([Option<Arc<Node<K, V>>>; CHILDREN]),
}

#[derive(Clone)]
struct Entry<K, V> {
    key: K,
    value: V,
}

impl<K, V> MerkleMap<K, V> {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of `key`.
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Placed + Eq + ?Sized,
    {
        let mut way = Way::default();
        let mut node = &self.root;
        loop {
            match &node.shape {
                Shape::Branch(children) => node = children[way.turn(key)].as_ref()?,
                Shape::Leaf(entries) => {
                    return entries.iter().find(|entry| entry.is(key)).map(Entry::value);
                }
            }
        }
    }
}

impl<K: Clone, V: Clone> MerkleMap<K, V> {
    /// The value of `key`, to be changed: it counts as changed from here on.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Placed + Eq + ?Sized,
    {
        let mut way = Way::default();
        let mut node = &mut self.root;
        loop {
            match Node::open(node) {
                Shape::Branch(children) => node = children[way.turn(key)].as_mut()?,
                Shape::Leaf(entries) => {
                    let entry = entries.iter_mut().find(|entry| entry.is(key))?;
                    return Some(&mut entry.value);
                }
            }
        }
    }
}

impl<K: Clone + Ord + Placed, V: Clone> MerkleMap<K, V> {
    /// Gives `key` this value, and returns the one that it had.
    pub fn insert(&mut self, key: &K, value: V) -> Option<V> {
        let mut way = Way::default();
        let mut node = &mut self.root;
        loop {
            let shape = Node::open(node);
            match shape {
                Shape::Branch(children) => {
                    node = children[way.turn(key)].get_or_insert_default();
                }
                Shape::Leaf(entries) => {
                    let replaced = insert_sorted(entries, key, value);
                    if entries.len() > LEAF_ENTRIES {
                        *shape = Shape::of(mem::take(entries), way.depth);
                    }
                    self.len += usize::from(replaced.is_none());
                    return replaced;
                }
            }
        }
    }
}

/// Puts a value into a leaf, and returns the one that it takes the place of.
fn insert_sorted<K: Clone + Ord, V>(
    entries: &mut Vec<Entry<K, V>>,
    key: &K,
    value: V,
) -> Option<V> {
    match entries.binary_search_by(|entry| entry.key.cmp(key)) {
        Ok(at) => Some(mem::replace(&mut entries[at].value, value)),
        Err(at) => {
            let key = key.clone();
            entries.insert(at, Entry { key, value });
            None
        }
    }
}

impl<K: Ord, V> MerkleMap<K, V> {
    /// All entries in the order of their keys.
    pub fn sorted(&self) -> Vec<(&K, &V)> {
        let mut entries = Vec::with_capacity(self.len);
        self.root.collect(&mut entries);
        entries.sort_unstable_by_key(|(key, _)| *key);
        entries
    }
}

impl<K: Canonical, V: Canonical> MerkleMap<K, V> {
    /// The hash of the content, brought up to date.
    pub fn digest(&self) -> Digest {
        *self.root.digest()
    }
}

/// The way of a key from the root. A small map has no branch, and needs no placement.
#[derive(Default)]
struct Way {
    depth: u32,
    placement: u64,
}

impl Way {
    /// The child that `key` stands under, seen from the next branch.
    fn turn<Q: Placed + ?Sized>(&mut self, key: &Q) -> usize {
        if self.depth == 0 {
            self.placement = key.placement();
        }
        let child = child_index(self.placement, self.depth);
        self.depth += 1;
        child
    }
}

/// Which child a placement leads to from a branch at `depth`.
fn child_index(placement: u64, depth: u32) -> usize {
    (placement >> (depth * BITS_PER_LEVEL)) as usize % CHILDREN
}

impl<K, V> Default for Node<K, V> {
    fn default() -> Self {
        Self::new(Shape::Leaf(Vec::new()))
    }
}

impl<K, V> Node<K, V> {
    fn new(shape: Shape<K, V>) -> Self {
        Self { digest: OnceLock::new(), shape }
    }

    fn collect<'a>(&'a self, into: &mut Vec<(&'a K, &'a V)>) {
        match &self.shape {
            Shape::Leaf(entries) => {
                into.extend(entries.iter().map(|entry| (&entry.key, &entry.value)));
            }
            Shape::Branch(children) => {
                for child in children.iter().flatten() {
                    child.collect(into);
                }
            }
        }
    }
}

impl<K: Clone, V: Clone> Node<K, V> {
    /// The shape, to be changed: nobody else's, and its hash forgotten.
    fn open(node: &mut Arc<Self>) -> &mut Shape<K, V> {
        let node = Arc::make_mut(node);
        node.digest.take();
        &mut node.shape
    }
}

impl<K: Canonical, V: Canonical> Node<K, V> {
    fn digest(&self) -> &Digest {
        self.digest.get_or_init(|| {
            let mut bytes = Vec::with_capacity(USUAL_BYTES);
            match &self.shape {
                Shape::Leaf(entries) => feed_leaf(entries, &mut bytes),
                Shape::Branch(children) => feed_branch(children, &mut bytes),
            }
            blake3::keyed_hash(DOMAIN, &bytes).into()
        })
    }
}

/// A leaf is named by its entries: how many, and each as it is.
fn feed_leaf<K: Canonical, V: Canonical>(entries: &[Entry<K, V>], bytes: &mut Vec<u8>) {
    bytes.push(LEAF_TAG);
    bytes.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    for Entry { key, value } in entries {
        key.feed(|piece| bytes.extend_from_slice(piece));
        value.feed(|piece| bytes.extend_from_slice(piece));
    }
}

/// A branch is named by its children: which there are, and the hash of each.
fn feed_branch<K: Canonical, V: Canonical>(
    children: &[Option<Arc<Node<K, V>>>; CHILDREN],
    bytes: &mut Vec<u8>,
) {
    let set = |bits, (at, child): (usize, &Option<_>)| bits | u64::from(child.is_some()) << at;
    bytes.push(BRANCH_TAG);
    bytes.extend_from_slice(&children.iter().enumerate().fold(0, set).to_le_bytes());
    for child in children.iter().flatten() {
        bytes.extend_from_slice(child.digest());
    }
}

impl<K: Placed, V> Shape<K, V> {
    /// The one shape that these entries, in their order, have at this depth.
    fn of(entries: Vec<Entry<K, V>>, depth: u32) -> Self {
        if entries.len() <= LEAF_ENTRIES || depth == MAX_DEPTH {
            return Self::Leaf(entries);
        }
        let mut parts: [Vec<_>; CHILDREN] = Default::default();
        for entry in entries {
            parts[child_index(entry.key.placement(), depth)].push(entry);
        }
        Self::Branch(parts.map(|part| match part.is_empty() {
            true => None,
            false => Some(Arc::new(Node::new(Self::of(part, depth + 1)))),
        }))
    }
}

impl<K, V> Entry<K, V> {
    fn is<Q: Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.key.borrow() == key
    }

    fn value(&self) -> &V {
        &self.value
    }
}

impl<K, V> Default for MerkleMap<K, V> {
    fn default() -> Self {
        Self { root: Arc::default(), len: 0 }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for MerkleMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl<K: Eq, V: Eq> Eq for MerkleMap<K, V> {}

impl<K: PartialEq, V: PartialEq> PartialEq for Node<K, V> {
    /// Equal content has one shape; whether its hash is remembered is no part of it.
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self, other) || self.shape == other.shape
    }
}

impl<K: Eq, V: Eq> Eq for Node<K, V> {}

impl<K: PartialEq, V: PartialEq> PartialEq for Entry<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl<K: Eq, V: Eq> Eq for Entry<K, V> {}

impl<K: fmt::Debug + Ord, V: fmt::Debug> fmt::Debug for MerkleMap<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.sorted()).finish()
    }
}

impl<K: Serialize + Ord, V: Serialize> Serialize for MerkleMap<K, V> {
    /// In the order of keys: one content, one sequence of bytes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.sorted())
    }
}

impl<'de, K, V> Deserialize<'de> for MerkleMap<K, V>
where
    K: Deserialize<'de> + Clone + Ord + Placed,
    V: Deserialize<'de> + Clone,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Reads the entries one by one, so that an announced length reserves nothing.
struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K, V> Visitor<'de> for Entries<K, V>
where
    K: Deserialize<'de> + Clone + Ord + Placed,
    V: Deserialize<'de> + Clone,
{
    type Value = MerkleMap<K, V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map in which no key stands twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = MerkleMap::default();
        while let Some((key, value)) = access.next_entry()? {
            if map.insert(&key, value).is_some() {
                return Err(A::Error::custom("a key stands twice in a map"));
            }
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A key that stands where it says, so that tests can crowd a place.
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct At(u64, u32);

    impl Placed for At {
        fn placement(&self) -> u64 {
            self.0
        }
    }

    impl Canonical for At {
        fn feed(&self, sink: impl FnMut(&[u8])) {
            self.1.feed(sink);
        }
    }

    fn built(entries: impl IntoIterator<Item = (At, u32)>) -> MerkleMap<At, u32> {
        let mut map = MerkleMap::default();
        for (key, value) in entries {
            map.insert(&key, value);
        }
        map
    }

    /// Every subtree has the shape that its entries call for.
    fn assert_shape<K: Ord, V>(node: &Node<K, V>, depth: u32) {
        match &node.shape {
            Shape::Leaf(entries) => {
                assert!(entries.len() <= LEAF_ENTRIES || depth == MAX_DEPTH);
                assert!(entries.is_sorted_by(|one, next| one.key < next.key));
            }
            Shape::Branch(children) => {
                let mut entries = Vec::new();
                node.collect(&mut entries);
                assert!(entries.len() > LEAF_ENTRIES && depth < MAX_DEPTH);
                children.iter().flatten().for_each(|child| assert_shape(child, depth + 1));
            }
        }
    }

    /// Keys that crowd: few places, some of them the same in all but the highest bits.
    fn keys() -> impl Strategy<Value = At> {
        let places = prop_oneof![0u64..4, (0u64..16).prop_map(|high| high << 60), any::<u64>()];
        (places, 0u32..64).prop_map(|(place, number)| At(place, number))
    }

    proptest! {
        #[test]
        fn it_holds_what_a_plain_map_holds(
            entries in prop::collection::vec((keys(), any::<u32>()), 0..200),
        ) {
            let model: BTreeMap<_, _> = entries.iter().cloned().collect();
            let map = built(entries.clone());
            prop_assert_eq!(map.len(), model.len());
            prop_assert_eq!(map.sorted(), model.iter().collect::<Vec<_>>());
            for (key, _) in &entries {
                prop_assert_eq!(map.get(key), model.get(key));
            }
            assert_shape(&map.root, 0);
        }

        #[test]
        fn the_order_of_insertion_leaves_no_trace(
            entries in prop::collection::btree_map(keys(), any::<u32>(), 0..100),
        ) {
            let forth = built(entries.clone());
            let back = built(entries.into_iter().rev());
            prop_assert_eq!(forth.digest(), back.digest());
            prop_assert_eq!(forth, back);
        }

        #[test]
        fn the_hash_follows_every_change(
            entries in prop::collection::vec((keys(), 0u32..4), 1..100),
        ) {
            let mut map = MerkleMap::default();
            let mut model = BTreeMap::new();
            let mut seen = BTreeMap::from([(map.digest(), model.clone())]);
            for (key, value) in entries {
                map.insert(&key, value);
                model.insert(key, value);
                let content = seen.entry(map.digest()).or_insert_with(|| model.clone());
                prop_assert_eq!(content, &model);
                prop_assert_eq!(map.digest(), built(model.clone()).digest());
            }
        }

        #[test]
        fn a_clone_goes_its_own_way(
            entries in prop::collection::vec((keys(), any::<u32>()), 1..100),
            more in prop::collection::vec((keys(), any::<u32>()), 1..20),
        ) {
            let map = built(entries.clone());
            let mut other = map.clone();
            for (key, value) in &more {
                other.insert(key, *value);
                *other.get_mut(key).unwrap() ^= 1;
            }
            prop_assert_eq!(map.digest(), built(entries.clone()).digest());
            let more = more.into_iter().map(|(key, value)| (key, value ^ 1));
            let all = entries.into_iter().chain(more);
            prop_assert_eq!(other, built(all));
        }
    }

    #[test]
    fn keys_in_one_place_share_a_leaf_of_any_size() {
        let map = built((0..100).map(|number| (At(7, number), number)));
        assert_shape(&map.root, 0);
        assert_eq!(map.get(&At(7, 99)), Some(&99));
        assert_eq!(map.get(&At(7, 100)), None);
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        let twice = r#"{"movie":1,"movie":1}"#;
        let error = serde_json::from_str::<MerkleMap<Arc<str>, u32>>(twice).unwrap_err();
        assert!(error.to_string().contains("stands twice"));
    }
}
