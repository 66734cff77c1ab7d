//! Which process lives on which node, and what waits to learn that.
//!
//! An identity lives on one node for ever. Messages from or to one that is not known yet wait for
//! the registrar's word, so many of each sender; more push the oldest out.

use std::collections::{BTreeMap, VecDeque};

use crate::identity::Identity;

use super::roster::NodeNumber;

/// How many messages of each node may wait.
const MOST_WAITING: usize = 4096;

/// Who lives where.
#[derive(Debug)]
pub(super) struct Directory<T> {
    homes: BTreeMap<Identity, NodeNumber>,
    /// What waits, the oldest first: from which node it is, whom it waits for, what it is.
    waiting: VecDeque<(NodeNumber, Identity, T)>,
    counts: BTreeMap<NodeNumber, usize>,
    /// How many were pushed out.
    dropped: u64,
}

impl<T> Default for Directory<T> {
    fn default() -> Directory<T> {
        Directory {
            homes: BTreeMap::new(),
            waiting: VecDeque::new(),
            counts: BTreeMap::new(),
            dropped: 0,
        }
    }
}

impl<T> Directory<T> {
    /// Where it lives, if that is known.
    pub(super) fn home(&self, identity: Identity) -> Option<NodeNumber> {
        self.homes.get(&identity).copied()
    }

    /// Everybody whose home is known.
    pub(super) fn homes(&self) -> impl Iterator<Item = (Identity, NodeNumber)> {
        self.homes.iter().map(|(identity, home)| (*identity, *home))
    }

    /// It lives there, unless it lives somewhere already. Returns what waited for that, in order;
    /// none if nothing has changed.
    pub(super) fn enter(
        &mut self,
        identity: Identity,
        home: NodeNumber,
    ) -> Option<Vec<(NodeNumber, T)>> {
        if self.homes.contains_key(&identity) {
            return None;
        }
        self.homes.insert(identity, home);
        let mut free = Vec::new();
        let mut still = VecDeque::new();
        for (from, whom, what) in self.waiting.drain(..) {
            if whom == identity {
                free.push((from, what));
            } else {
                still.push_back((from, whom, what));
            }
        }
        self.waiting = still;
        for (from, _) in &free {
            self.counts.entry(*from).and_modify(|count| *count -= 1);
        }
        Some(free)
    }

    /// Something from this node waits until it is known where somebody lives.
    pub(super) fn wait(&mut self, from: NodeNumber, whom: Identity, what: T) {
        let count = self.counts.entry(from).or_insert(0);
        if *count < MOST_WAITING {
            *count += 1;
        } else if let Some(oldest) = self.waiting.iter().position(|(node, ..)| *node == from) {
            self.waiting.remove(oldest);
            self.dropped += 1;
        }
        self.waiting.push_back((from, whom, what));
    }

    /// How many were pushed out while they waited.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_freed_in_order_once_its_home_is_known() {
        let mut directory = Directory::default();
        assert_eq!(directory.enter(Identity::OLYMPUS, 0), Some(Vec::new()));
        assert_eq!(directory.home(Identity::OLYMPUS), Some(0));
        let [first, second] = [0, 1].map(|position| Identity::replica(1, position));
        directory.wait(1, first, 'a');
        directory.wait(2, second, 'b');
        directory.wait(1, first, 'c');
        assert_eq!(directory.enter(first, 3), Some(vec![(1, 'a'), (1, 'c')]));
        assert_eq!(directory.enter(first, 2), None, "it lives on node 3 for ever");
        assert_eq!(directory.home(first), Some(3));
        assert_eq!(directory.enter(second, 3), Some(vec![(2, 'b')]));
    }

    #[test]
    fn who_sends_too_much_pushes_out_his_own() {
        let mut directory = Directory::default();
        directory.wait(2, Identity::client(0), 0);
        for number in 1..=MOST_WAITING + 5 {
            directory.wait(1, Identity::client(0), number);
        }
        assert_eq!(directory.dropped(), 5);
        let freed = directory.enter(Identity::client(0), 0).unwrap();
        assert_eq!((freed.len(), freed[0], freed[1]), (MOST_WAITING + 1, (2, 0), (1, 6)));
    }
}
