//! How replicas of this chain lie: every failure that needs to know the protocol.
//!
//! The liar holds the key and the state of the failing replica and signs what it says properly.
//! What the replica has sent stands in its own history as it was sent, so that a lie told down the
//! chain is told to Olympus again.
//!
//! [`lies`] rewrites messages, [`memory`] is what it takes to have forgotten operations. The
//! replica, Olympus and the clients know of none of this.

mod lies;
mod memory;

use super::messages::Message;
use super::notes::Mode;
use super::rules::Rules;
use super::{Bcr, Process, Replica};
use crate::crypto::Notary;
use crate::fault::{Act, Adversary, Attackable, Failure, Trigger};
use crate::identity::{Class, Identity};
use crate::object::{Object as _, Operation};
use crate::process::{Effect, Input};
use lies::{Given, Lie};
use memory::Memory;

impl<R: Rules> Attackable for Bcr<R> {
    type Adversary = Liar<R>;
}

/// Makes one replica lie.
#[derive(Clone, Debug)]
pub struct Liar<R: Rules> {
    /// What the replica did, where it may be asked to have forgotten it.
    memory: Option<Memory<R::Object>>,
    /// The slot that is to be given away a second time.
    given: Option<Given>,
}

impl<R: Rules> Adversary<Bcr<R>> for Liar<R> {
    fn new(failures: &[Failure]) -> Liar<R> {
        let memory = failures.iter().any(takes_memory).then(Memory::default);
        Liar { memory, given: None }
    }

    fn trigger(from: Identity, message: &Message<R::Object>) -> Option<Trigger> {
        let number = 0;
        Some(match message {
            Message::ClientRequest { .. } if from.class == Class::Client => {
                Trigger::ClientRequest { client: from.index, number }
            }
            Message::ForwardedRequest { request } => {
                Trigger::ForwardedRequest { client: request.body().client, number }
            }
            Message::Shuttle { request, .. } => {
                Trigger::Shuttle { client: request.body().client, number }
            }
            Message::ResultShuttle(proven) => {
                Trigger::ResultShuttle { client: proven.client, number }
            }
            Message::WedgeRequest(_) => Trigger::WedgeRequest { number },
            Message::NewConfiguration(_) => Trigger::NewConfiguration { number },
            Message::Checkpoint { .. } => Trigger::Checkpoint { number },
            Message::CompletedCheckpoint { .. } => Trigger::CompletedCheckpoint { number },
            Message::GetRunningState(_) => Trigger::GetRunningState { number },
            Message::CatchUp(_) => Trigger::CatchUp { number },
            _ => return None,
        })
    }

    fn is_signed(message: &Message<R::Object>) -> bool {
        !matches!(message, Message::Acknowledgement { .. } | Message::ForwardedRequest { .. })
    }

    fn act(&mut self, failure: Failure, process: &mut Process<R>) -> Act {
        let Process::Replica(replica) = process else {
            return Act::InVain("only replicas fail");
        };
        match why_not(failure, replica) {
            Some(why) => Act::InVain(why),
            None => self.act_now(failure, replica),
        }
    }

    fn before(&mut self, input: &Input<Bcr<R>>, process: &mut Process<R>) {
        if let (Some(memory), Process::Replica(replica)) = (&mut self.memory, process) {
            memory.before(input, replica);
        }
    }

    fn after(&mut self, process: &Process<R>) {
        if let (Some(memory), Process::Replica(replica)) = (&mut self.memory, process) {
            memory.after(replica);
        }
    }

    fn tamper(
        &mut self,
        failure: Failure,
        outgoing: &mut Vec<Effect<Bcr<R>>>,
        process: &mut Process<R>,
        notary: &mut Notary,
    ) -> Act {
        let Process::Replica(replica) = process else {
            return Act::InVain("only replicas fail");
        };
        let mut lie = Lie { replica, outgoing, notary };
        let told = match failure {
            Failure::ChangeOperation => lie.change_operation(),
            Failure::ChangeOrder => lie.change_order(),
            Failure::ChangeResult => lie.change_result(),
            Failure::LieResult => lie.lie_about_result(),
            Failure::DropResultStmt => lie.drop_result_statement(),
            Failure::InvalidOrderSig => lie.invalid_order_signature(),
            Failure::InvalidResultSig => lie.invalid_result_signature(),
            Failure::DropCheckptStmts => lie.drop_checkpoint_statements(),
            Failure::EarlyReply => lie.reply_early(),
            Failure::EarlyCheckpoint => lie.complete_checkpoint_early(),
            Failure::Equivocate => lie.equivocate(&mut self.given),
            Failure::LieRunningState => lie.hand_over_another_state(),
            failure => return self.tell_another_history(failure, &mut lie),
        };
        told.map_or(Act::Waits, |()| Act::Done)
    }
}

impl<R: Rules> Liar<R> {
    fn act_now(&mut self, failure: Failure, replica: &mut Replica<R>) -> Act {
        match failure {
            Failure::IncrementSlot => {
                replica.skip_slot();
                Act::Done
            }
            Failure::ExtraOp => {
                let _ = replica.state_mut().object_mut().apply(&extra_operation());
                if let Some(memory) = &mut self.memory {
                    memory.extra();
                }
                Act::Done
            }
            _ => Act::Waits,
        }
    }

    /// The lies about what was ordered. Where the replica acts by the lie, its state is changed
    /// with the message.
    fn tell_another_history(&mut self, failure: Failure, lie: &mut Lie<'_, R>) -> Act {
        let told = match failure {
            Failure::TruncateHistory { entries } => lie.truncate_history(entries),
            Failure::Rollback { operations } => lie.truncate_history(operations).map(|is_short| {
                let memory = self.memory.as_mut();
                memory.is_some_and(|memory| memory.roll_back(operations, lie.replica)) || is_short
            }),
            Failure::ForgeHistory { entry } => lie.forge_history(entry).map(|forged| {
                if let (Some(memory), Some((slot, request))) = (&mut self.memory, &forged) {
                    memory.replace(*slot, request, lie.replica);
                }
                forged.is_some()
            }),
            Failure::OmitHistory { entry } => lie.omit_history(entry).map(|omitted| {
                if let (Some(memory), Some(slot)) = (&mut self.memory, omitted) {
                    memory.omit(slot, lie.replica);
                }
                omitted.is_some()
            }),
            _ => None,
        };
        match told {
            None => Act::Waits,
            Some(true) => Act::Done,
            Some(false) => Act::InVain("its history has nothing that this could change"),
        }
    }
}

/// Whether a failure makes the replica act as if it had done something else.
fn takes_memory(failure: &Failure) -> bool {
    use Failure::{ForgeHistory, OmitHistory, Rollback};
    matches!(failure, Rollback { .. } | ForgeHistory { .. } | OmitHistory { .. })
}

/// What is executed without having been ordered.
fn extra_operation() -> Operation {
    Operation::put("a", "a")
}

/// Why a failure cannot happen where this replica stands, if so.
fn why_not<R: Rules>(failure: Failure, replica: &Replica<R>) -> Option<&'static str> {
    let place = replica.whereabouts();
    match failure {
        Failure::IncrementSlot | Failure::Equivocate if !place.is_head() => {
            Some("only the head gives slots")
        }
        Failure::ChangeOperation
        | Failure::ChangeOrder
        | Failure::InvalidOrderSig
        | Failure::EarlyReply
            if place.is_tail() =>
        {
            Some("the tail sends no shuttle")
        }
        Failure::DropCheckptStmts if place.is_head() => {
            Some("the head sends no completed checkpoint")
        }
        // What it is about to be given takes the place of the state that it has.
        Failure::ExtraOp if replica.mode() == Mode::Pending => Some("it has no state yet"),
        Failure::EarlyCheckpoint if place.is_tail() => Some("the tail sends no checkpoint"),
        Failure::EarlyCheckpoint if place.is_head() => {
            Some("before the head there is nobody who could take a checkpoint for completed")
        }
        _ => None,
    }
}
