//! Checkpoints: when everybody has stated the hash of its state at a slot, the history up to there
//! may go.

use std::collections::{BTreeMap, VecDeque};

use super::super::Out;
use super::super::chain::Chain;
use super::super::messages::{Message, kind};
use super::super::notes::{Dropped, Mode, Note};
use super::super::proof::{Flaw, most_agreeing};
use super::super::rules::Rules;
use super::super::statements::*;
use super::Replica;
use super::ordering::seal;
use crate::crypto::Digest;
use crate::identity::Identity;

/// How many checkpoint messages that came early wait for their slots.
const EARLY_LIMIT: usize = 8;

/// The checkpoints of a replica.
#[derive(Clone, Debug, Default)]
pub(super) struct Checkpoints {
    /// The newest completed one.
    pub(super) proof: CheckpointProof,
    /// Those that are not completed, by rising slot.
    taken: VecDeque<Taken>,
    /// Messages that came before their slot was executed.
    early: BTreeMap<u64, (Identity, CheckpointProof)>,
}

/// The replica's state at a checkpoint.
#[derive(Clone, Debug)]
struct Taken {
    slot: u64,
    state: Digest,
    /// The statements so far, once this replica has added its own.
    statements: CheckpointProof,
}

impl Checkpoints {
    fn taken(&mut self, slot: u64) -> Option<&mut Taken> {
        self.taken.iter_mut().find(|taken| taken.slot == slot)
    }
}

impl<R: Rules> Replica<R> {
    /// Keeps the hash of the state right after a checkpoint slot. The head begins the round, having
    /// sent the slot's shuttle.
    pub(super) fn take_checkpoint(&mut self, slot: u64, out: &mut Out<R>) {
        let state = self.settings.rules.state_hash(&self.state);
        self.checkpoints.taken.push_back(Taken { slot, state, statements: Chain::EMPTY });
        if self.position == 0 {
            self.state_checkpoint(slot, Chain::EMPTY, out);
        } else if let Some((from, statements)) = self.checkpoints.early.remove(&slot) {
            self.on_checkpoint(from, slot, statements, out);
        }
    }

    /// The predecessors state their hashes.
    pub(super) fn on_checkpoint(
        &mut self,
        from: Identity,
        slot: u64,
        statements: CheckpointProof,
        out: &mut Out<R>,
    ) {
        if let Some(why) = self.why_not_checkpoint(slot) {
            return self.drop(kind::CHECKPOINT, from, why, out);
        }
        if slot >= self.next_slot {
            return self.keep_early(from, slot, statements, out);
        }
        let members = self.configuration.body();
        match self.settings.rules.check_checkpoint_so_far(
            members,
            &statements,
            self.position,
            slot,
            out.notary(),
        ) {
            Err(flaw) => self.ask(flaw.into(), None, out),
            Ok(()) => self.state_checkpoint(slot, statements, out),
        }
    }

    /// Why a checkpoint message has no effect, if so.
    fn why_not_checkpoint(&mut self, slot: u64) -> Option<Dropped> {
        if self.mode == Mode::Immutable {
            return Some(Dropped::Immutable);
        }
        if slot <= checkpoint_slot(&self.checkpoints.proof) {
            return Some(Dropped::Late);
        }
        if !self.settings.is_checkpoint(slot) {
            return Some(Dropped::Unasked);
        }
        let stated = |taken: &mut Taken| !taken.statements.is_empty();
        self.checkpoints.taken(slot).is_some_and(stated).then_some(Dropped::Repeated)
    }

    fn keep_early(
        &mut self,
        from: Identity,
        slot: u64,
        statements: CheckpointProof,
        out: &mut Out<R>,
    ) {
        if self.checkpoints.early.len() < EARLY_LIMIT {
            self.checkpoints.early.insert(slot, (from, statements));
        } else {
            self.drop(kind::CHECKPOINT, from, Dropped::NoRoom, out);
        }
    }

    /// Adds this replica's statement and sends all on; the tail turns them round.
    fn state_checkpoint(&mut self, slot: u64, statements: CheckpointProof, out: &mut Out<R>) {
        let configuration = self.members().number;
        let Some(taken) = self.checkpoints.taken(slot) else {
            return;
        };
        let state = taken.state;
        let own = CheckpointStatement { configuration, slot, state };
        note_disagreements(&own, &statements, out);
        let statement = seal(own, statements.newest(), &self.key, out.notary());
        let statements = statements.with(statement);
        if let Some(taken) = self.checkpoints.taken(slot) {
            taken.statements = statements.clone();
        }
        out.note(|| Note::CheckpointTaken { slot, state });
        match self.place().successor() {
            Some(successor) => out.send(successor, Message::Checkpoint { slot, statements }),
            None => self.complete_checkpoint(slot, statements, out),
        }
    }

    /// The proof of a checkpoint comes back from the tail.
    pub(super) fn on_completed_checkpoint(
        &mut self,
        from: Identity,
        slot: u64,
        statements: CheckpointProof,
        out: &mut Out<R>,
    ) {
        if self.mode == Mode::Immutable {
            return self.drop(kind::COMPLETED_CHECKPOINT, from, Dropped::Immutable, out);
        }
        if slot <= checkpoint_slot(&self.checkpoints.proof) {
            return self.drop(kind::COMPLETED_CHECKPOINT, from, Dropped::Late, out);
        }
        self.complete_checkpoint(slot, statements, out);
    }

    fn complete_checkpoint(&mut self, slot: u64, statements: CheckpointProof, out: &mut Out<R>) {
        let taken = self.checkpoints.taken(slot).map(|taken| taken.statements.clone());
        let known = taken.unwrap_or_default();
        if let Err(flaw) = self.check_completed(slot, &statements, &known, out) {
            let why = flaw.text();
            out.note(|| Note::RefusedCheckpoint { slot, why });
            return self.ask(Reason::BadCheckpointProof, None, out);
        }
        if slot >= self.next_slot {
            let from = self.place().successor().unwrap_or(self.key.owner());
            return self.drop(kind::COMPLETED_CHECKPOINT, from, Dropped::Early, out);
        }
        self.keep_checkpoint(slot, statements.clone(), out);
        if let Some(predecessor) = self.place().predecessor() {
            out.send(predecessor, Message::CompletedCheckpoint { slot, statements });
        }
    }

    fn check_completed(
        &self,
        slot: u64,
        statements: &CheckpointProof,
        known: &CheckpointProof,
        out: &mut Out<R>,
    ) -> Result<(), Flaw> {
        if checkpoint_slot(statements) != slot {
            return Err(Flaw::Missing);
        }
        let members = self.members();
        self.settings.rules.check_checkpoint(
            &self.settings,
            members,
            statements,
            known,
            out.notary(),
        )
    }

    /// Keeps the proof and drops the history that it stands for; never before.
    fn keep_checkpoint(&mut self, slot: u64, statements: CheckpointProof, out: &mut Out<R>) {
        let hashed = self.checkpoints.taken.back().map_or(slot, |taken| taken.slot);
        let dropped = self.history.drop_up_to(self.settings.rules.droppable(hashed, slot));
        let kept = self.history.len();
        out.note(|| Note::CheckpointCompleted {
            slot,
            agreeing: most_agreeing(&statements),
            statements: statements.len(),
            dropped,
            kept,
        });
        self.checkpoints.proof = statements;
        self.checkpoints.taken.retain(|taken| taken.slot > slot);
        self.checkpoints.early.retain(|early, _| *early > slot);
    }
}

/// Another state at a checkpoint is only put on record: it does not endanger what is ordered.
fn note_disagreements<R: Rules>(
    own: &CheckpointStatement,
    statements: &CheckpointProof,
    out: &mut Out<R>,
) {
    for statement in statements.backwards() {
        if statement.body().state != own.state {
            let (slot, with) = (own.slot, statement.signer());
            out.note(|| Note::CheckpointDisagreement { slot, with });
        }
    }
}
