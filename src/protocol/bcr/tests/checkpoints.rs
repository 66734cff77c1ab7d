//! Checkpoints.

use super::super::chain::Chain;
use super::super::messages::kind;
use super::super::notes::{Dropped, Note};
use super::super::*;
use super::*;

fn settings(interval: u64) -> Settings {
    Settings { checkpoint_interval: interval, ..Settings::new(1) }
}

fn workload() -> Vec<crate::object::Operation> {
    (0..5).map(|number| put("a", &number.to_string())).collect()
}

/// Everybody's statement goes down the chain, the proof comes back, and only then history is
/// dropped.
#[test]
fn a_completed_checkpoint_drops_history() {
    let mut stage = Stage::new(settings(2), &[&workload()]);
    stage.run();
    assert_eq!(stage.count(kind::CHECKPOINT), 2 * 2);
    assert_eq!(stage.count(kind::COMPLETED_CHECKPOINT), 2 * 2);
    for position in 0..3 {
        assert_eq!(stage.look(replica(position), "history"), "5..=5");
        assert_eq!(stage.look(replica(position), "checkpoint"), "4");
    }
}

/// Without the proof, a replica keeps its history, and the older proof with it.
#[test]
fn history_is_kept_until_the_proof_comes() {
    let mut stage = Stage::new(settings(2), &[&workload()]);
    stage.meddler = Box::new(|_, to, message| {
        let lost = matches!(message, Message::CompletedCheckpoint { slot: 4, .. });
        if lost && to == replica(0) { vec![] } else { vec![message] }
    });
    stage.run();
    assert_eq!(stage.look(replica(0), "history"), "3..=5");
    assert_eq!(stage.look(replica(1), "history"), "5..=5");
}

/// A single replica completes its checkpoints by itself, without a message.
#[test]
fn a_chain_of_one_needs_no_message() {
    let settings = Settings { checkpoint_interval: 2, ..Settings::new(0) };
    let mut stage = Stage::new(settings, &[&workload()]);
    stage.run();
    assert_eq!(stage.count(kind::CHECKPOINT) + stage.count(kind::COMPLETED_CHECKPOINT), 0);
    assert_eq!(stage.look(replica(0), "history"), "5..=5");
}

/// A checkpoint message that overtakes its slot's shuttle waits for it.
#[test]
fn an_early_checkpoint_waits() {
    let mut stage = Stage::new(settings(1), &[&[put("a", "1")]]);
    let (from, to, shuttle) = stage.until(kind::SHUTTLE);
    let (_, _, checkpoint) = stage.until(kind::CHECKPOINT);
    stage.deliver(from, to, checkpoint);
    assert_eq!(stage.count(kind::CHECKPOINT), 1);
    stage.deliver(from, to, shuttle);
    stage.run();
    assert_eq!(stage.look(replica(0), "checkpoint"), "1");
}

/// A proof that lacks a replica's statement fails, even if t + 1 agree, unless t + 1 are to
/// suffice.
#[test]
fn every_replica_must_state_its_checkpoint() {
    let incomplete = |rule| {
        let settings = Settings { checkpoint_proof: rule, ..settings(1) };
        let mut stage = Stage::new(settings, &[&[put("a", "1")]]);
        stage.unheard = true;
        stage.meddler = Box::new(|_, _, message| match message {
            Message::CompletedCheckpoint { slot, statements } => {
                let rest = statements.to_vec().into_iter().skip(1).cloned();
                let statements: Chain<_> = rest.collect();
                vec![Message::CompletedCheckpoint { slot, statements }]
            }
            message => vec![message],
        });
        stage.run();
        stage
    };
    let stage = incomplete(CheckpointProof::Everybody);
    assert_eq!(stage.look(replica(1), "checkpoint"), "0");
    assert_eq!(stage.count(kind::RECONFIGURATION_REQUEST), 1);
    let stage = incomplete(CheckpointProof::Quorum);
    assert_eq!(stage.look(replica(1), "checkpoint"), "1");
}

/// Checkpoint messages count from the predecessor, completed ones from the successor.
#[test]
fn checkpoints_come_from_neighbours() {
    let mut stage = Stage::new(settings(1), &[&[put("a", "1")]]);
    let (_, _, checkpoint) = stage.until(kind::CHECKPOINT);
    stage.deliver(replica(2), replica(1), checkpoint);
    let (_, _, completed) = {
        let mut other = Stage::new(settings(1), &[&[put("a", "1")]]);
        other.until(kind::COMPLETED_CHECKPOINT)
    };
    stage.deliver(replica(0), replica(1), completed);
    let dropped = |note: &Note| matches!(note, Note::Dropped { why: Dropped::WrongSender, .. });
    assert_eq!(stage.noted(replica(1), dropped), 2);
}

/// A minority with another state is put on record and stops nothing; where fewer than t + 1 agree,
/// nothing is completed.
#[test]
fn a_disagreeing_minority_is_only_logged() {
    let with_liars = |liars: &'static [u32]| {
        let mut stage = Stage::new(settings(1), &[&[put("a", "1")]]);
        stage.unheard = true;
        let keys: Vec<_> = liars.iter().map(|liar| stage.key(replica(*liar))).collect();
        let mut notary = stage.notary().clone();
        stage.meddler = Box::new(move |from, _, message| match message {
            Message::Checkpoint { slot, statements } if liars.contains(&from.index) => {
                let key = &keys[liars.iter().position(|liar| *liar == from.index).unwrap()];
                let state = crate::crypto::Digest::from_bytes([from.index as u8; 32]);
                let lie = super::super::statements::CheckpointStatement {
                    state,
                    ..*statements.newest().unwrap().body()
                };
                let lie = crate::crypto::Signed::seal(lie, key, &mut notary);
                vec![Message::Checkpoint { slot, statements: statements.previous().with(lie) }]
            }
            message => vec![message],
        });
        stage.run();
        stage
    };
    let stage = with_liars(&[0]);
    let logged = |note: &Note| matches!(note, Note::CheckpointDisagreement { slot: 1, .. });
    assert_eq!(stage.noted(replica(1), logged) + stage.noted(replica(2), logged), 2);
    assert_eq!(stage.look(replica(2), "checkpoint"), "1");
    assert_eq!(stage.count(kind::RECONFIGURATION_REQUEST), 0);
    let stage = with_liars(&[0, 1]);
    assert_eq!(stage.look(replica(2), "checkpoint"), "0");
    assert_eq!(stage.count(kind::RECONFIGURATION_REQUEST), 1);
}
