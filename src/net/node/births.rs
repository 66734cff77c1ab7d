//! Who begins where: those who live from the beginning, and those whom others make.
//!
//! The registrar alone places and announces; all others do as they are told.

use std::mem;

use tokio::time::Instant;

use super::{Delivery, Node, Shared};
use crate::crypto::Notary;
use crate::identity::{Address, Class, Identity};
use crate::net::arrival::Parcel;
use crate::net::numbers::Life;
use crate::net::placement::Host;
use crate::net::roster::{NodeNumber, Notice};
use crate::net::seat::{Coming, Keep, Seat, Watcher};
use crate::process::Protocol;
use crate::trace::What;

impl<P: Protocol> Node<P> {
    /// Once all links of the registrar are up, everybody begins who lives from the beginning.
    pub(super) fn begin_if_ready(&mut self) {
        let is_first = self.plan.number == self.plan.registrar && self.ready.is_some();
        let is_time = self.plan.clock.has_begun();
        if is_first && is_time && self.lines.values().all(|line| line.is_up()) {
            self.begin_all();
        }
    }

    /// Whoever has not come by then may come later.
    pub(super) fn begin_in_time(&mut self) {
        if self.ready.is_some() {
            self.begin_if_ready();
        }
        if self.begins.is_some_and(|begins| begins <= Instant::now()) {
            self.begins = None;
            if self.plan.number == self.plan.registrar && self.ready.is_some() {
                self.begin_all();
            }
        }
    }

    fn begin_all(&mut self) {
        for (identity, birth) in mem::take(&mut self.founders) {
            self.settle_down(identity, birth);
        }
        self.deliver();
        for number in self.lines.keys() {
            self.unsent.entry(*number).or_default().push(Parcel::Begun);
        }
        self.tell_ready();
    }

    /// A link has come up.
    pub(super) fn on_up(&mut self, peer: NodeNumber, life: Life) {
        self.begin_if_ready();
        if life != Life::Another {
            return;
        }
        if peer == self.plan.registrar {
            self.is_orphan = true;
        } else if self.plan.number == self.plan.registrar && self.ready.is_none() {
            // It knows nothing of what it was told. Those who lived there live nowhere any more;
            // it learns of them, too, so that it drops what is still sent to them.
            let lives = |(identity, home)| Parcel::Lives { identity, home };
            let unsent = self.unsent.entry(peer).or_default();
            unsent.extend(self.directory.homes().map(lives));
            unsent.push(Parcel::Begun);
        }
    }

    /// Whoever waits for that learns that users may ask.
    pub(super) fn tell_ready(&mut self) {
        let Some((ready, begun)) = self.ready.take() else { return };
        self.reports = Instant::now();
        let clients = self.seats.keys().filter(|identity| identity.class == Class::Client);
        let clients: Vec<u32> = clients.map(|identity| identity.index).collect();
        let (node, count) = (self.plan.number, clients.len());
        self.plan.notices.tell(Notice::Begun { node, clients: count });
        // They may have given up.
        let _ = ready.send(());
        let _ = begun.send(clients);
    }

    /// Somebody lives there from now on; false if he lives somewhere already. What waited for that
    /// goes on.
    pub(super) fn enter(&mut self, identity: Identity, home: NodeNumber) -> bool {
        let Some(free) = self.directory.enter(identity, home) else {
            return false;
        };
        for (from, parcel) in free {
            if from == self.plan.number {
                self.route(parcel);
            } else {
                self.take_parcel(from, parcel);
            }
        }
        true
    }

    /// A process begins here.
    pub(super) fn begin(&mut self, identity: Identity, birth: P::Birth) {
        let address = Address::of(identity);
        let interposer = self.interposers.as_ref().and_then(|find| find(address));
        let notary = match interposer {
            None => Notary::of(&self.office, self.scheme),
            Some(_) => Notary::of_one_who_may_fail(&self.office, self.scheme),
        };
        let watch = self.watcher(address);
        let now = self.plan.clock.now();
        let shown = watch.is_some().then(|| birth.clone());
        let mut seat = Seat::new(address, birth, interposer, notary, watch);
        if let Some(birth) = shown {
            seat.emit(now, 0, What::Born { birth: &birth });
        }
        tracing::debug!("{address} begins on node {}", self.plan.number);
        self.seats.insert(identity, seat);
        let mut entropy = [0; 32];
        match getrandom::fill(&mut entropy) {
            // First of all that comes to it: what waited for its birth stands there already.
            Ok(()) => {
                self.local.push_front(Delivery { to: identity, coming: Coming::Start(entropy) });
            }
            Err(error) => {
                self.seats.remove(&identity);
                self.refuse(self.plan.number, &format!("{identity} has no entropy: {error}"));
            }
        }
    }

    /// Who logs and who records it, if anybody does.
    fn watcher(&self, address: Address) -> Watcher<P> {
        let Shared { log, record, clock, notices, .. } = &*self.plan;
        let log = log.as_ref().and_then(|log| {
            let unlogged = |why: std::io::Error| Notice::Unlogged { why: why.to_string() };
            log.open(address, notices).map_err(|why| notices.tell(unlogged(why))).ok()
        });
        let recorder = record.as_ref().and_then(|record| {
            let opened = record.open::<P>(address, self.scheme, *clock, notices);
            let process = address.to_string();
            let unrecorded = |why: std::io::Error| {
                notices.tell(Notice::Unrecorded { process, why: why.to_string() });
            };
            opened.map_err(unrecorded).ok()
        });
        match (log, recorder) {
            (None, None) => None,
            (Some(log), None) => Some(Box::new(log)),
            (None, Some(recorder)) => Some(Box::new(recorder)),
            (Some(log), Some(recorder)) => {
                let both: (Box<dyn Keep<P>>, Box<dyn Keep<P>>) =
                    (Box::new(log), Box::new(recorder));
                Some(Box::new(both))
            }
        }
    }

    /// A process makes another: it is placed, and everybody is told. Where this is not the
    /// registrar, or the identity has a process, nothing happens but an event that says so.
    pub(super) fn bear(&mut self, parent: Identity, child: Identity, birth: P::Birth, cause: u64) {
        let is_known = self.directory.home(child).is_some();
        if self.plan.number != self.plan.registrar || is_known {
            let now = self.plan.clock.now();
            if let Some(seat) = self.seats.get_mut(&parent) {
                let (action, whom) = ("spawn", Address::of(child));
                seat.emit(now, cause, What::InVain { action, whom });
            }
            return;
        }
        self.settle_down(child, birth);
    }

    /// The registrar says where a new process lives, and lets it begin there.
    fn settle_down(&mut self, child: Identity, birth: P::Birth) {
        let others = self.lines.iter().map(|(number, line)| (*number, line.is_fine()));
        let own = [(self.plan.number, true)].into_iter();
        let hosts = own.chain(others).map(|(number, is_up)| Host { number, is_up });
        let hosts: Vec<Host> = hosts.collect();
        let home = self.placement.place(child, &hosts);
        if child.class == Class::Client {
            // Whoever has a node has all its clients.
            let first = *self.first_clients.entry(home).or_insert(child);
            self.office.share_key(child, first);
        }
        let known: Vec<NodeNumber> = self.lines.keys().copied().collect();
        for number in known.into_iter().filter(|number| *number != home) {
            self.post(number, Parcel::Lives { identity: child, home });
        }
        if home == self.plan.number {
            self.enter(child, home);
            self.begin(child, birth);
        } else {
            self.post(home, Parcel::Birth { identity: child, birth });
            self.enter(child, home);
        }
    }
}
