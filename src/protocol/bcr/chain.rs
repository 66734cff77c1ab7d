//! A list that grows at one end and is shared: how a proof travels down the chain of replicas.
//!
//! Each replica adds its statement by one allocation and sends the whole list by one counter; what
//! its predecessors said is shared by everybody in the process. On the wire and to readers it is a
//! plain sequence, oldest first. It never holds more than [`Chain::LIMIT`] items, so neither
//! dropping nor comparing it goes deep.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::crypto::{Gist, Signed, Statement};

/// A shared list of statements, one a replica, from the head on.
pub struct Chain<T>(Option<Arc<Node<T>>>);

struct Node<T> {
    length: usize,
    /// All items up to this one in two words, for digests of runs, which so take one step for a
    /// proof of any length; none if an item has none.
    gist: Option<Gist>,
    item: T,
    previous: Option<Arc<Node<T>>>,
}

/// What a chain may hold.
pub trait Item {
    /// What it says, in two words, if it can be said so.
    fn gist(&self) -> Option<Gist>;
}

impl<T: Statement> Item for Signed<T> {
    #[inline]
    fn gist(&self) -> Option<Gist> {
        Signed::gist(self)
    }
}

impl<T> Chain<T> {
    /// The most items: one for each replica of the longest chain, at t = 50.
    pub const LIMIT: usize = 101;

    /// The empty list.
    pub const EMPTY: Chain<T> = Chain(None);

    /// How many items it holds.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |node| node.length)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The list with one item more; without a change where it is full. As a function of its own it
    /// would copy each item once more.
    #[inline(always)]
    #[must_use]
    pub fn with(&self, item: T) -> Chain<T>
    where
        T: Item,
    {
        let length = self.len() + 1;
        if length > Chain::<T>::LIMIT {
            return self.clone();
        }
        let gist = match &self.0 {
            None => item.gist(),
            Some(node) => node.gist.zip(item.gist()).map(|(so_far, item)| so_far.then(item)),
        };
        Chain(Some(Arc::new(Node { length, gist, item, previous: self.0.clone() })))
    }

    /// The item that was added last.
    pub fn newest(&self) -> Option<&T> {
        self.0.as_ref().map(|node| &node.item)
    }

    /// The list without the item that was added last.
    #[must_use]
    pub fn previous(&self) -> Chain<T> {
        Chain(self.0.as_ref().and_then(|node| node.previous.clone()))
    }

    /// The item that was added first.
    pub fn oldest(&self) -> Option<&T> {
        self.backwards().last()
    }

    /// The items, newest first.
    pub fn backwards(&self) -> Backwards<'_, T> {
        Backwards(self.0.as_deref())
    }

    /// How many items were added to `base`, if this list grew out of that one in memory.
    pub fn grown_from(&self, base: &Chain<T>) -> Option<usize> {
        let more = self.len().checked_sub(base.len())?;
        let mut node = self.0.as_ref();
        for _ in 0..more {
            node = node?.previous.as_ref();
        }
        let is_base = match (node, &base.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        is_base.then_some(more)
    }

    /// The items, oldest first.
    pub fn to_vec(&self) -> Vec<&T> {
        let mut items: Vec<&T> = Vec::with_capacity(self.len());
        items.extend(self.backwards());
        items.reverse();
        items
    }

    /// Whether both are one list in memory.
    pub fn is_same(&self, other: &Chain<T>) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl<T: PartialEq> Chain<T> {
    /// Whether every item passes. `check` is given each from the newest on, and whether the same
    /// stands at its place in `known`; where the rest of both is one list in memory, it is given
    /// only the first item of that.
    pub fn passes(&self, known: &Chain<T>, mut check: impl FnMut(&T, bool) -> bool) -> bool {
        let mut ours = known.0.as_ref();
        let mut theirs = self.0.as_ref();
        while let Some(node) = theirs {
            while let Some(our) = ours
                && our.length > node.length
            {
                ours = our.previous.as_ref();
            }
            let our = ours.filter(|our| our.length == node.length);
            if our.is_some_and(|our| Arc::ptr_eq(our, node)) {
                return check(&node.item, true);
            }
            if !check(&node.item, our.is_some_and(|our| our.item == node.item)) {
                return false;
            }
            theirs = node.previous.as_ref();
        }
        true
    }
}

/// The items of a [`Chain`], newest first.
pub struct Backwards<'a, T>(Option<&'a Node<T>>);

impl<'a, T> Iterator for Backwards<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        let node = self.0?;
        self.0 = node.previous.as_deref();
        Some(&node.item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let length = self.0.map_or(0, |node| node.length);
        (length, Some(length))
    }
}

impl<T> Clone for Chain<T> {
    fn clone(&self) -> Chain<T> {
        Chain(self.0.clone())
    }
}

impl<T> Default for Chain<T> {
    fn default() -> Chain<T> {
        Chain::EMPTY
    }
}

impl<T: Item> FromIterator<T> for Chain<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Chain<T> {
        items.into_iter().fold(Chain::EMPTY, |chain, item| chain.with(item))
    }
}

impl<T: PartialEq> PartialEq for Chain<T> {
    fn eq(&self, other: &Chain<T>) -> bool {
        self.len() == other.len() && self.passes(other, |_, same| same)
    }
}

impl<T: Eq> Eq for Chain<T> {}

impl<T: fmt::Debug> fmt::Debug for Chain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.to_vec()).finish()
    }
}

impl<T: Serialize> Serialize for Chain<T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_newtype_struct("Chain", &Shown(self));
        }
        serialize_all(self, serializer)
    }
}

/// A chain as readers get it: its items, or, for one who wants no more, its length and gist.
struct Shown<'a, T>(&'a Chain<T>);

impl<T: Serialize> Serialize for Shown<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.0.as_ref().and_then(|node| Some((node.length, node.gist?))) {
            Some((length, gist)) if !serializer.is_human_readable() => {
                serializer.serialize_bytes(&gist.shown(length as u8))
            }
            _ => serialize_all(self.0, serializer),
        }
    }
}

fn serialize_all<T: Serialize, S: Serializer>(
    chain: &Chain<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut sequence = serializer.serialize_seq(Some(chain.len()))?;
    serialize_from_oldest(chain.0.as_deref(), &mut sequence)?;
    sequence.end()
}

/// Goes as deep as the list is long, which is bounded, and needs no second list to turn it round.
fn serialize_from_oldest<T: Serialize, S: SerializeSeq>(
    node: Option<&Node<T>>,
    sequence: &mut S,
) -> Result<(), S::Error> {
    let Some(node) = node else { return Ok(()) };
    serialize_from_oldest(node.previous.as_deref(), sequence)?;
    sequence.serialize_element(&node.item)
}

impl<'de, T: Item + Deserialize<'de>> Deserialize<'de> for Chain<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Chain<T>, D::Error> {
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

struct Items<T>(PhantomData<T>);

impl<'de, T: Item + Deserialize<'de>> Visitor<'de> for Items<T> {
    type Value = Chain<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} statements", Chain::<T>::LIMIT)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Chain<T>, A::Error> {
        let mut chain = Chain::EMPTY;
        while let Some(item) = sequence.next_element()? {
            if chain.len() == Chain::<T>::LIMIT {
                return Err(A::Error::invalid_length(chain.len() + 1, &self));
            }
            chain = chain.with(item);
        }
        Ok(chain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    impl Item for u32 {
        fn gist(&self) -> Option<Gist> {
            None
        }
    }

    #[test]
    fn what_was_checked_before_is_not_checked_again() {
        let ours: Chain<u32> = (0..3).collect();
        let longer = ours.with(3).with(4);
        let mut seen = Vec::new();
        assert!(longer.passes(&ours, |item, known| {
            seen.push((*item, known));
            true
        }));
        assert_eq!(seen, [(4, false), (3, false), (2, true)]);

        let rebuilt: Chain<u32> = [0, 7, 2, 3].into_iter().collect();
        seen.clear();
        assert!(!rebuilt.passes(&longer, |item, known| {
            seen.push((*item, known));
            known
        }));
        assert_eq!(seen, [(3, true), (2, true), (7, false)]);
    }

    #[test]
    fn it_has_grown_from_what_it_shares_memory_with() {
        let base: Chain<u32> = (0..3).collect();
        let longer = base.with(3).with(4);
        assert_eq!(longer.grown_from(&base), Some(2));
        assert_eq!(longer.grown_from(&longer), Some(0));
        assert_eq!(longer.grown_from(&Chain::EMPTY), Some(5));
        assert_eq!(base.grown_from(&longer), None);
        let rebuilt: Chain<u32> = (0..3).collect();
        assert_eq!(longer.grown_from(&rebuilt), None);
    }

    #[test]
    fn it_is_a_bounded_sequence_on_the_wire() {
        let chain: Chain<u32> = (0..101).collect();
        let bytes = wire::encode(&chain);
        assert_eq!(wire::decode::<Chain<u32>>(&bytes, 1000), Ok(chain.clone()));
        assert_eq!(chain.with(7).len(), 101);
        let longer: Vec<u32> = (0..102).collect();
        assert!(wire::decode::<Chain<u32>>(&wire::encode(&longer), 1000).is_err());
    }
}
