//! Which process lives on which node, and what waits to learn that.
//!
//! An identity lives on one node for ever. Messages from or to one that is not known yet wait for
//! the registrar's word, so many of each sender; more push the oldest out.

use std::collections::{BTreeMap, VecDeque};

use crate::identity::Identity;

use super::roster::NodeNumber;

/// How many messages of each node may wait.
const MOST_WAITING: usize = 4096;
/// How many bytes of them, if they are more than one.
const MOST_BYTES: usize = 16 << 20;

/// Who lives where.
#[derive(Debug)]
pub(super) struct Directory<T> {
    homes: BTreeMap<Identity, NodeNumber>,
    /// What waits, the oldest first.
    waiting: VecDeque<Waiting<T>>,
    /// How many things of each node wait, and how many bytes they have.
    counts: BTreeMap<NodeNumber, (usize, usize)>,
    /// How many were pushed out.
    dropped: u64,
}

/// Something that waits.
#[derive(Debug)]
struct Waiting<T> {
    /// From which node it is.
    from: NodeNumber,
    /// Of whom it is to be known where he lives.
    whom: Identity,
    bytes: usize,
    what: T,
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
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.whom == identity {
                self.uncount(waiting.from, waiting.bytes);
                free.push((waiting.from, waiting.what));
            } else {
                still.push_back(waiting);
            }
        }
        self.waiting = still;
        Some(free)
    }

    /// Something of so many bytes from this node waits until it is known where somebody lives.
    pub(super) fn wait(&mut self, from: NodeNumber, whom: Identity, bytes: usize, what: T) {
        let is_full = |(count, sum): (usize, usize)| count >= MOST_WAITING || sum > MOST_BYTES;
        let (count, sum) = self.counts.get(&from).copied().unwrap_or_default();
        let mut others = (count, sum.saturating_add(bytes));
        while is_full(others)
            && let Some(oldest) = self.waiting.iter().position(|waiting| waiting.from == from)
            && let Some(oldest) = self.waiting.remove(oldest)
        {
            self.uncount(from, oldest.bytes);
            self.dropped += 1;
            others = (others.0 - 1, others.1 - oldest.bytes);
        }
        self.counts.insert(from, (others.0 + 1, others.1));
        self.waiting.push_back(Waiting { from, whom, bytes, what });
    }

    /// Something of this node waits no more.
    fn uncount(&mut self, from: NodeNumber, bytes: usize) {
        if let Some((count, sum)) = self.counts.get_mut(&from) {
            (*count, *sum) = (*count - 1, *sum - bytes);
        }
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
        directory.wait(1, first, 1, 'a');
        directory.wait(2, second, 1, 'b');
        directory.wait(1, first, 1, 'c');
        assert_eq!(directory.enter(first, 3), Some(vec![(1, 'a'), (1, 'c')]));
        assert_eq!(directory.enter(first, 2), None, "it lives on node 3 for ever");
        assert_eq!(directory.home(first), Some(3));
        assert_eq!(directory.enter(second, 3), Some(vec![(2, 'b')]));
    }

    #[test]
    fn who_sends_too_much_pushes_out_his_own() {
        let mut directory = Directory::default();
        directory.wait(2, Identity::client(0), 1, 0);
        for number in 1..=MOST_WAITING + 5 {
            directory.wait(1, Identity::client(0), 1, number);
        }
        assert_eq!(directory.dropped(), 5);
        let freed = directory.enter(Identity::client(0), 0).unwrap();
        assert_eq!((freed.len(), freed[0], freed[1]), (MOST_WAITING + 1, (2, 0), (1, 6)));
    }
    #[test]
    fn what_waits_is_bounded_by_its_bytes_too() {
        let mut directory = Directory::default();
        directory.wait(2, Identity::client(0), MOST_BYTES, 'x');
        for what in ['a', 'b', 'c'] {
            directory.wait(1, Identity::client(0), MOST_BYTES / 2, what);
        }
        assert_eq!(directory.dropped(), 1, "two halves have room, and another node has its own");
        directory.wait(1, Identity::client(0), 10 * MOST_BYTES, 'd');
        directory.wait(1, Identity::client(1), 1, 'e');
        assert_eq!(directory.dropped(), 4, "one has room alone, however large it is");
        assert_eq!(directory.enter(Identity::client(0), 0), Some(vec![(2, 'x')]));
        assert_eq!(directory.enter(Identity::client(1), 0), Some(vec![(1, 'e')]));
    }
}
