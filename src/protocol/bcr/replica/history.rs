//! What a replica has ordered since its last completed checkpoint.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::crypto::Signed;

use super::super::statements::*;

/// One slot.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) slot: u64,
    pub(super) request: Arc<Signed<Request>>,
    /// The order statements up to the replica's own.
    pub(super) orders: OrderProof,
    /// The result statements up to the replica's own.
    pub(super) results: ResultProof,
    /// Whether the result has come back from the tail.
    pub(super) done: bool,
}

/// Slots in rising order.
///
/// What a checkpoint puts behind is let go one by one as new slots come: each then finds the memory
/// that the oldest has just left, where a hundred at once would come back in disorder.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    entries: VecDeque<Entry>,
    /// How many of the first entries are dropped and only wait to be let go.
    behind: usize,
    /// Whether they wait for ever, for somebody who looks at them from outside.
    keeps_all: bool,
}

impl History {
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) {
        if self.behind > 0 && !self.keeps_all {
            self.behind -= 1;
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.behind
    }

    #[inline]
    pub(super) fn at(&mut self, slot: u64) -> Option<&mut Entry> {
        let first = self.entries.get(self.behind)?.slot;
        let ahead = usize::try_from(slot.checked_sub(first)?).ok()?;
        let place = self.behind.saturating_add(ahead);
        // Where slots are consecutive, that is it.
        let place = match self.entries.get(place) {
            Some(entry) if entry.slot == slot => place,
            _ => self.search(slot)?,
        };
        self.entries.get_mut(place)
    }

    /// All of it, as a wedged message tells it.
    pub(super) fn told(&self) -> Vec<Recorded> {
        let tell = |entry: &Entry| Recorded {
            slot: entry.slot,
            request: entry.request.clone(),
            orders: entry.orders.clone(),
        };
        self.entries.iter().skip(self.behind).map(tell).collect()
    }

    fn search(&self, slot: u64) -> Option<usize> {
        let place = self.entries.binary_search_by_key(&slot, |entry| entry.slot);
        place.ok().filter(|place| *place >= self.behind)
    }

    /// Drops what is not after this slot, and says how much that was.
    pub(super) fn drop_up_to(&mut self, slot: u64) -> usize {
        let before = self.behind;
        let behind = self.entries.partition_point(|entry| entry.slot <= slot);
        self.behind = behind.max(before);
        self.behind - before
    }

    /// Lets nothing go from now on, though it is dropped.
    pub(super) fn keep_all(&mut self) {
        self.keeps_all = true;
    }

    /// What was put after this slot and is not let go, dropped or not.
    pub(super) fn after(&self, slot: u64) -> impl Iterator<Item = &Entry> {
        let first = self.entries.partition_point(|entry| entry.slot <= slot);
        self.entries.range(first..)
    }

    /// Lets go what is after this slot.
    pub(super) fn forget_after(&mut self, slot: u64) {
        let kept = self.entries.partition_point(|entry| entry.slot <= slot);
        self.entries.truncate(kept);
        self.behind = self.behind.min(kept);
    }

    /// Takes out the last slot.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        if self.len() > 0 { self.entries.pop_back() } else { None }
    }

    /// First and last slot, for a person.
    pub(super) fn range(&self) -> String {
        match (self.entries.get(self.behind), self.entries.back()) {
            (Some(first), Some(last)) => format!("{}..={}", first.slot, last.slot),
            _ => "none".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Memory, Notary, Scheme};
    use crate::identity::Identity;
    use crate::object::Operation;
    use crate::protocol::bcr::chain::Chain;

    /// Slots from 1 on.
    fn put(history: &mut History, last: u64) {
        let mut notary = Notary::new(Scheme::Ideal, Memory::None);
        let (key, _) = notary.keys(&[7; 32], Identity::client(0));
        for slot in 1..=last {
            let body = Request { client: 0, id: slot, operation: Operation::get("k") };
            let request = Arc::new(Signed::seal(body, &key, &mut notary));
            let (orders, results) = (Chain::EMPTY, Chain::EMPTY);
            history.push(Entry { slot, request, orders, results, done: false });
            history.drop_up_to(slot.saturating_sub(2));
        }
    }

    fn slots<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<u64> {
        entries.map(|entry| entry.slot).collect()
    }

    #[test]
    fn what_is_dropped_is_let_go_as_new_slots_come_or_is_kept() {
        for keeps_all in [false, true] {
            let mut history = History::default();
            if keeps_all {
                history.keep_all();
            }
            put(&mut history, 6);
            let known: &[u64] = if keeps_all { &[1, 2, 3, 4, 5, 6] } else { &[4, 5, 6] };
            assert_eq!(slots(history.after(0)), known);
            let told: Vec<u64> = history.told().iter().map(|entry| entry.slot).collect();
            assert_eq!((told, history.len()), (vec![5, 6], 2));
            assert!(history.at(4).is_none() && history.at(5).is_some());
        }
    }

    #[test]
    fn to_forget_goes_behind_what_is_dropped() {
        let mut history = History::default();
        history.keep_all();
        put(&mut history, 6);
        history.forget_after(3);
        assert_eq!(slots(history.after(0)), [1, 2, 3]);
        assert_eq!(history.len(), 0);
    }
}
