//! What keeps a node busy: messages on their way, and how it tells that nothing is left to do.

use tokio::time::Instant;

use super::Node;
use crate::net::arrival::Parcel;
use crate::net::standing::Standing;
use crate::process::Protocol;

impl<P: Protocol> Node<P> {
    /// A message leaves a process here. Where a network is asked for, that has it first.
    pub(super) fn send(&mut self, parcel: Parcel<P>) {
        match &mut self.transit {
            None => self.route(parcel),
            Some(transit) => {
                transit.take(self.plan.clock.now().monotonic_ns, parcel);
                self.travel();
            }
        }
    }

    /// Messages that were long enough on their way go on.
    pub(super) fn travel(&mut self) {
        if self.transit.is_none() {
            return;
        }
        let now_ns = self.plan.clock.now().monotonic_ns;
        while let Some(parcel) = self.transit.as_mut().and_then(|transit| transit.next(now_ns)) {
            self.route(parcel);
        }
    }

    /// When the next of them does, or the clock begins.
    pub(super) fn goes_on(&self) -> Option<Instant> {
        let opening = self.plan.clock.at(0);
        let opening = self.ready.is_some().then_some(opening).filter(|at| *at > Instant::now());
        let due_ns = self.transit.as_ref().and_then(|transit| transit.due_ns());
        [opening, due_ns.map(|due_ns| self.plan.clock.at(due_ns))].into_iter().flatten().min()
    }

    /// Tells those who have asked how the node stands; `is_idle` says whether nothing waits to be
    /// taken.
    pub(super) fn tell_standing(&mut self, is_idle: bool) {
        if self.asked.is_empty() {
            return;
        }
        let is_still = self.unsent.values().all(Vec::is_empty) && self.local.is_empty();
        let is_arrived = self.transit.as_ref().is_none_or(|transit| transit.due_ns().is_none());
        let has_begun = self.ready.is_none();
        let standing = Standing {
            has_begun,
            is_quiet: has_begun
                && is_idle
                && is_still
                && is_arrived
                && self.lines.iter().all(|(to, line)| line.report(*to).parcels == 0)
                && self.seats.values().all(|seat| seat.is_quiet()),
            moves: self.stats.received + self.stats.sent + self.stats.gone,
            trouble_ns: self.trouble_ns,
            now_ns: self.plan.clock.now().monotonic_ns,
        };
        for asked in self.asked.drain(..) {
            // He may have given up.
            let _ = asked.send(standing);
        }
    }
}
