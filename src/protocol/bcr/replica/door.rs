//! The narrow door to a replica's inside, for whoever looks at it or plays a failing replica from
//! outside. The protocol does not use it.

use std::sync::Arc;

use super::super::notes::Mode;
use super::super::rules::{Place, Rules};
use super::super::statements::*;
use super::{OrderedRequest, Replica, Seat};
use crate::crypto::{SecretKey, Signed};
use crate::object::ReplicatedState;

impl<R: Rules> Replica<R> {
    /// What it signs with.
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// By which rules it decides.
    pub fn rules(&self) -> R {
        self.settings.rules
    }

    /// Where it stands, and among whom.
    pub fn whereabouts(&self) -> Place<'_> {
        self.place()
    }

    /// What it does at present.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The slot that it will order next.
    pub fn next_slot(&self) -> u64 {
        self.next_slot
    }

    /// Its running state.
    pub fn state(&self) -> &ReplicatedState<R::Object> {
        &self.state
    }

    /// Its running state, to be changed past all requests.
    pub fn state_mut(&mut self) -> &mut ReplicatedState<R::Object> {
        &mut self.state
    }

    /// Leaves out a slot.
    pub fn skip_slot(&mut self) {
        self.next_slot += 1;
    }

    /// What it has ordered since its last completed checkpoint.
    pub fn history(&self) -> Vec<Recorded> {
        self.history.told()
    }

    /// Puts other statements into its own record of a slot: a history holds what was sent.
    pub fn rewrite(&mut self, slot: u64, orders: OrderProof, results: ResultProof) {
        if let Some(entry) = self.history.at(slot) {
            entry.orders = orders;
            entry.results = results;
        }
    }

    /// Has it keep its whole record, so that nothing is missed that it orders and drops at once.
    pub fn keep_record(&mut self) {
        self.history.keep_all();
    }

    /// The requests in its record after this slot, those too that a checkpoint has put behind.
    pub fn ordered_after(&self, slot: u64) -> impl Iterator<Item = (u64, Arc<Signed<Request>>)> {
        let entries = self.history.after(slot);
        entries.map(|entry| (entry.slot, entry.request.clone()))
    }

    /// Puts its last slot's record in the place of an earlier one, and gives the last slot again.
    pub fn move_last(&mut self, to: u64) {
        let Some(mut last) = self.history.pop() else {
            return;
        };
        self.next_slot = last.slot;
        self.set_ordered(&last.request, to);
        last.slot = to;
        if let Some(entry) = self.history.at(to) {
            *entry = last;
        }
    }

    /// Drops its record after this slot, and goes on from there.
    pub fn forget_after(&mut self, slot: u64) {
        self.history.forget_after(slot);
        self.next_slot = slot + 1;
    }

    /// Forgets what it knows of all clients.
    pub fn forget_clients(&mut self) {
        self.seats.fill_with(Seat::default);
    }

    /// Takes this for its client's newest ordered request.
    pub fn set_ordered(&mut self, request: &Signed<Request>, slot: u64) {
        let Request { client, id, .. } = *request.body();
        if let Some(seat) = self.seats.get_mut(client as usize) {
            let request = *request.hash();
            seat.ordered = Some(OrderedRequest { id, slot, request });
        }
    }

    /// What it has answered, and will answer, to wedge requests.
    pub fn set_wedged(&mut self, wedged: Arc<Signed<Wedged>>) {
        self.wedged = Some(wedged);
    }
}
