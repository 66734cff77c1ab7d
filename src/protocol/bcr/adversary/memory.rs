//! What a replica did since its configuration began, so that it can act as if it had done
//! something else.

use std::sync::Arc;

use super::super::messages::Message;
use super::super::notes::Mode;
use super::super::rules::{Replicated, Rules};
use super::super::statements::*;
use super::super::{Bcr, Replica};
use super::extra_operation;
use crate::crypto::Signed;
use crate::object::ReplicatedState;
use crate::process::Input;

/// The first state and everything that was done to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory<O: Replicated> {
    first: Option<ReplicatedState<O>>,
    done: Vec<Done>,
    last_slot: u64,
}

#[derive(Clone, Debug)]
enum Done {
    Ordered(u64, Arc<Signed<Request>>),
    Extra,
}

impl Done {
    fn is_ordered(&self) -> bool {
        matches!(self, Done::Ordered(..))
    }
}

impl<O: Replicated> Memory<O> {
    /// Keeps the first state: the one with which the replica was born, or that Olympus sends.
    pub(super) fn before<R: Rules<Object = O>>(
        &mut self,
        input: &Input<Bcr<R>>,
        replica: &mut Replica<R>,
    ) {
        replica.keep_record();
        match input {
            _ if self.first.is_some() => {}
            Input::Message { message: Message::NewConfiguration(new), .. } => {
                self.first = Some(new.body().state.clone());
            }
            _ if replica.mode() == Mode::Active => self.first = Some(replica.state().clone()),
            _ => {}
        }
    }

    /// Keeps what the replica has ordered since it was last looked at.
    pub(super) fn after<R: Rules<Object = O>>(&mut self, replica: &Replica<R>) {
        for (slot, request) in replica.ordered_after(self.last_slot) {
            self.last_slot = slot;
            self.done.push(Done::Ordered(slot, request));
        }
    }

    /// An operation was executed that nobody ordered.
    pub(super) fn extra(&mut self) {
        self.done.push(Done::Extra);
    }

    /// Takes the last operations back, as if the replica had never heard of them. Says whether
    /// there was anything to take back.
    pub(super) fn roll_back<R: Rules<Object = O>>(
        &mut self,
        operations: u32,
        replica: &mut Replica<R>,
    ) -> bool {
        let before = self.done.len();
        let ordered = self.done.iter().filter(|done| done.is_ordered()).count();
        let mut left = ordered.saturating_sub(operations as usize);
        self.done.retain(|done| {
            let is_kept = left > 0;
            left -= usize::from(is_kept && done.is_ordered());
            is_kept
        });
        let is_less = self.done.len() < before;
        if is_less {
            self.live_again(replica);
        }
        is_less
    }

    /// Acts as if something else had been ordered in a slot.
    pub(super) fn replace<R: Rules<Object = O>>(
        &mut self,
        slot: u64,
        other: &Arc<Signed<Request>>,
        replica: &mut Replica<R>,
    ) {
        for done in &mut self.done {
            if let Done::Ordered(at, request) = done
                && *at == slot
            {
                *request = other.clone();
            }
        }
        self.live_again(replica);
    }

    /// Acts as if nothing had been ordered in a slot.
    pub(super) fn omit<R: Rules<Object = O>>(&mut self, slot: u64, replica: &mut Replica<R>) {
        self.done.retain(|done| !matches!(done, Done::Ordered(at, _) if *at == slot));
        self.live_again(replica);
    }

    /// Does all of it again from the first state on.
    fn live_again<R: Rules<Object = O>>(&mut self, replica: &mut Replica<R>) {
        let Some(mut state) = self.first.clone() else {
            return;
        };
        self.last_slot = 0;
        replica.forget_clients();
        for done in &self.done {
            match done {
                Done::Extra => drop(state.object_mut().apply(&extra_operation())),
                Done::Ordered(slot, request) => {
                    let Request { client, id, operation } = request.body();
                    let _ = state.execute(*client, *id, operation);
                    replica.set_ordered(request, *slot);
                    self.last_slot = *slot;
                }
            }
        }
        *replica.state_mut() = state;
        replica.forget_after(self.last_slot);
    }
}
