//! What is to happen, by time; what is due at one instant, in the order in which it was planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A plan in one number, so that a comparison is one and a heap of them is small: the time in the
/// upper 64 bits, then its place in the order of planning, then what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Plan(u128);

/// Bits for what a plan is about: 2² sorts of 2²⁴ things each can be pending.
const WHAT_BITS: u32 = 26;
/// The bits above what a plan is about, within a sort.
pub(super) const SORT_SHIFT: u32 = WHAT_BITS - 2;

impl Plan {
    /// When.
    pub(super) const fn at_ns(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// Its place in the order of planning.
    pub(super) const fn order(self) -> u64 {
        self.0 as u64 >> WHAT_BITS
    }

    /// What.
    pub(super) const fn what(self) -> u64 {
        self.0 as u64 & ((1 << WHAT_BITS) - 1)
    }
}

/// The plans of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Plan>>,
    planned: u64,
}

impl Queue {
    /// Plans `what` for the time `at_ns`, after everything already planned for that time.
    pub(super) fn push(&mut self, at_ns: u64, what: u64) {
        self.planned += 1;
        let order = self.planned << WHAT_BITS | what;
        self.heap.push(Reverse(Plan(u128::from(at_ns) << 64 | u128::from(order))));
    }

    /// The next plan.
    pub(super) fn peek(&self) -> Option<Plan> {
        self.heap.peek().map(|Reverse(plan)| *plan)
    }

    /// Takes the next plan.
    pub(super) fn pop(&mut self) -> Option<Plan> {
        self.heap.pop().map(|Reverse(plan)| plan)
    }

    /// Whether so much was planned that the order of planning has no room left.
    pub(super) fn is_spent(&self) -> bool {
        self.planned >> (64 - WHAT_BITS) != 0
    }

    /// Whether nothing is planned.
    pub(super) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// All plans, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Plan> {
        self.heap.iter().map(|Reverse(plan)| *plan)
    }

    /// Takes out one plan, wherever it stands.
    pub(super) fn remove(&mut self, plan: Plan) {
        self.heap.retain(|Reverse(other)| *other != plan);
    }

    /// Plans `what` for the time `at_ns`, before everything already planned for that time.
    pub(super) fn push_first(&mut self, at_ns: u64, what: u64) {
        self.heap.push(Reverse(Plan(u128::from(at_ns) << 64 | u128::from(what))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plans_come_by_time_and_then_in_the_order_of_planning(
            times in proptest::collection::vec(0..20_u64, 0..200),
        ) {
            let mut queue = Queue::default();
            for (i, at) in times.iter().enumerate() {
                queue.push(*at, i as u64);
            }
            let mut expected: Vec<_> = times.iter().copied().zip(0_u64..).collect();
            expected.sort_by_key(|(at, _)| *at);
            let popped = std::iter::from_fn(|| queue.pop());
            let popped: Vec<_> = popped.map(|plan| (plan.at_ns(), plan.what())).collect();
            prop_assert_eq!(popped, expected);
        }
    }
}
