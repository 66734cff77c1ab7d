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
}

impl History {
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) {
        if self.behind > 0 {
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

    /// What stands after this slot.
    pub(super) fn after(&self, slot: u64) -> impl Iterator<Item = &Entry> {
        let first = self.entries.partition_point(|entry| entry.slot <= slot);
        self.entries.range(first.max(self.behind)..)
    }

    /// Drops what is after this slot.
    pub(super) fn drop_after(&mut self, slot: u64) {
        let kept = self.entries.partition_point(|entry| entry.slot <= slot);
        self.entries.truncate(kept.max(self.behind));
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
