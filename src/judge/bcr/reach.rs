//! What some run of a good suite reaches: a property that no run ever had occasion to break has not
//! been tested.

use std::collections::BTreeSet;

use crate::identity::{Class, Identity};
use crate::protocol::bcr::notes::{Case, Note, QuorumFlaw};
use crate::protocol::bcr::rules::WedgeFlaw;
use crate::protocol::bcr::statements::Reason;

/// What can be reached, in the order in which it is told.
pub const REACHABLE: &[&str] = &[
    R1,
    R2,
    R3,
    H1,
    H2,
    H3,
    EXPIRED,
    REJECTED,
    MINORITY,
    REFUSED_RESULT,
    DISAGREEMENT,
    CONTRADICTION,
    CHECKPOINT,
    CHECKPOINT_MINORITY,
    REFUSED_CHECKPOINT,
    GAP,
    BAD_SIGNATURE,
    MISSING_STATEMENT,
    WRONG_OPERATION,
    CONTRADICTING_ORDERS,
    CONTRADICTING_RESULTS,
    BAD_RESULT_PROOF,
    BAD_CHECKPOINT_PROOF,
    BY_CLIENT,
    IGNORED,
    HOLE,
    BAD_ORDER_PROOF,
    BAD_WEDGE,
    MIXED_CHECKPOINTS,
    LATE_WEDGE,
    LATE_WEDGE_USED,
    CATCH_UP,
    TOO_SHORT,
    STATES_DIFFER,
    SILENT,
    NEW_PASS,
    STATE_REFUSED,
    STATE_SILENT,
    LATER_QUORUM,
    WITHOUT_HEAD,
    DELIVERED,
    FROM_OLYMPUS,
    AGAIN,
    RESENT,
    TWO,
    THREE,
];

const R1: &str = "R1: a replica other than the head answers from its cache";
const R2: &str = "R2: an immutable replica is asked";
const R3: &str = "R3: a replica other than the head forwards a request";
const H1: &str = "H1: the head answers from its cache";
const H2: &str = "H2: the head waits for the result of what it has ordered";
const H3: &str = "H3: the head orders a retransmitted request";
const EXPIRED: &str = "a replica's timer expires";
const REJECTED: &str = "a client rejects a result";
const MINORITY: &str = "a client accepts a result although somebody disagrees";
const REFUSED_RESULT: &str = "a replica refuses a result proof";
const DISAGREEMENT: &str = "a replica finds another result than its predecessor";
const CONTRADICTION: &str = "somebody proves that somebody lied";
const CHECKPOINT: &str = "a checkpoint is completed";
const CHECKPOINT_MINORITY: &str = "a checkpoint is completed although somebody disagrees";
const REFUSED_CHECKPOINT: &str = "a replica refuses a checkpoint proof";
const GAP: &str = "a reconfiguration for a gap";
const BAD_SIGNATURE: &str = "a reconfiguration for an invalid signature";
const MISSING_STATEMENT: &str = "a reconfiguration for a missing statement";
const WRONG_OPERATION: &str = "a reconfiguration for a wrong operation";
const CONTRADICTING_ORDERS: &str = "a reconfiguration for contradicting orders";
const CONTRADICTING_RESULTS: &str = "a reconfiguration for contradicting results";
const BAD_RESULT_PROOF: &str = "a reconfiguration for a bad result proof";
const BAD_CHECKPOINT_PROOF: &str = "a reconfiguration for a bad checkpoint proof";
const BY_CLIENT: &str = "a reconfiguration that a client asked for";
const IGNORED: &str = "Olympus ignores a reconfiguration request";
const HOLE: &str = "Olympus refuses a history with a hole or a wrong start";
const BAD_ORDER_PROOF: &str = "Olympus refuses a history with a bad order proof";
const BAD_WEDGE: &str = "Olympus refuses a history for something else";
const MIXED_CHECKPOINTS: &str = "histories begin at different checkpoints";
const LATE_WEDGE: &str = "a wedged message comes after a quorum was tried";
const LATE_WEDGE_USED: &str = "a quorum with such a late one becomes final";
const CATCH_UP: &str = "a member of a quorum has slots to catch up with";
const TOO_SHORT: &str = "a quorum is refused for a history that is too short";
const STATES_DIFFER: &str = "a quorum is refused for different states";
const SILENT: &str = "a quorum is given up for silence";
const NEW_PASS: &str = "all quorums were silent, and Olympus begins again";
const STATE_REFUSED: &str = "a running state is refused";
const STATE_SILENT: &str = "a running state does not come";
const LATER_QUORUM: &str = "a quorum that was not the first becomes final";
const WITHOUT_HEAD: &str = "a quorum without the head becomes final";
const DELIVERED: &str = "Olympus delivers a result";
const FROM_OLYMPUS: &str = "a client accepts a result from Olympus";
const AGAIN: &str = "a request that was executed before a reconfiguration is ordered again";
const RESENT: &str = "a client sends its request to a new head";
const TWO: &str = "two reconfigurations in a run";
const THREE: &str = "three reconfigurations in a run";

/// What one run has reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    reached: BTreeSet<&'static str>,
    /// What is known of the reconfiguration under way.
    now: Now,
    reconfigurations: u32,
}

/// What is known of the reconfiguration under way.
#[derive(Clone, Debug, Default)]
struct Now {
    /// The checkpoints that usable histories begin at.
    checkpoints: BTreeSet<u64>,
    /// The positions whose histories came after the first quorum was tried.
    late: BTreeSet<u32>,
    attempts: u32,
    /// Whether the members of the quorum under trial agree.
    agreed: bool,
}

impl Reach {
    pub(super) fn reached(&self) -> &BTreeSet<&'static str> {
        &self.reached
    }

    fn reach(&mut self, what: &'static str) {
        self.reached.insert(what);
    }

    fn reach_if(&mut self, holds: bool, what: &'static str) {
        if holds {
            self.reach(what);
        }
    }

    pub(super) fn noted(&mut self, note: &Note) {
        match note {
            // The usual ones first, which mostly reach nothing.
            Note::Asked { .. } | Note::Cached { .. } | Note::Dropped { .. } => {}
            Note::Ordered { repeated, .. } => self.reach_if(*repeated, AGAIN),
            Note::Answered { from, agreeing, statements, .. } => {
                self.reach_if(agreeing < statements, MINORITY);
                self.reach_if(*from == Identity::OLYMPUS, FROM_OLYMPUS);
            }
            Note::Retransmitted { case, .. } => self.reach(case_text(*case)),
            Note::TimerExpired { .. } => self.reach(EXPIRED),
            Note::Rejected { .. } => self.reach(REJECTED),
            Note::RefusedResult { .. } => self.reach(REFUSED_RESULT),
            Note::Disagreement { .. } => self.reach(DISAGREEMENT),
            Note::ProofOfMisbehaviour { .. } => self.reach(CONTRADICTION),
            Note::Resends { .. } => self.reach(RESENT),
            Note::CheckpointCompleted { agreeing, statements, .. } => {
                self.reach(CHECKPOINT);
                self.reach_if(agreeing < statements, CHECKPOINT_MINORITY);
            }
            Note::RefusedCheckpoint { .. } => self.reach(REFUSED_CHECKPOINT),
            other => self.reconfigured(other),
        }
    }

    fn reconfigured(&mut self, note: &Note) {
        match note {
            Note::ReconfigurationBegins { asked_by, reason, .. } => {
                self.now = Now::default();
                self.reach_if(asked_by.class == Class::Client, BY_CLIENT);
                self.reached.extend(reason_text(*reason));
            }
            Note::ReconfigurationRequestIgnored { .. } => self.reach(IGNORED),
            Note::WedgeRefused { why, .. } => self.reach(match why {
                WedgeFlaw::WrongStart | WedgeFlaw::Hole => HOLE,
                WedgeFlaw::BadOrderProof => BAD_ORDER_PROOF,
                _ => BAD_WEDGE,
            }),
            Note::WedgeUsable { position, checkpoint, .. } => {
                self.now.checkpoints.insert(*checkpoint);
                self.reach_if(self.now.checkpoints.len() > 1, MIXED_CHECKPOINTS);
                if self.now.attempts > 0 {
                    self.now.late.insert(*position);
                    self.reach(LATE_WEDGE);
                }
            }
            Note::QuorumTried { lacking, .. } => {
                self.now.attempts += 1;
                self.now.agreed = false;
                self.reach_if(lacking.iter().any(|slots| *slots > 0), CATCH_UP);
            }
            Note::QuorumAgrees { .. } => self.now.agreed = true,
            Note::QuorumRefused { why: QuorumFlaw::HistoryTooShort, .. } => self.reach(TOO_SHORT),
            Note::QuorumRefused { why: QuorumFlaw::StatesDiffer, .. } => self.reach(STATES_DIFFER),
            Note::QuorumSilent { .. } => {
                self.reach(if self.now.agreed { STATE_SILENT } else { SILENT });
            }
            Note::NewPass { .. } => self.reach(NEW_PASS),
            Note::RunningStateRefused { .. } => self.reach(STATE_REFUSED),
            Note::QuorumFinal { quorum, .. } => self.finished(quorum),
            Note::ResultDelivered { .. } => self.reach(DELIVERED),
            _ => {}
        }
    }

    fn finished(&mut self, quorum: &[u32]) {
        self.reconfigurations += 1;
        self.reach_if(self.now.attempts > 1, LATER_QUORUM);
        self.reach_if(!quorum.contains(&0), WITHOUT_HEAD);
        self.reach_if(quorum.iter().any(|one| self.now.late.contains(one)), LATE_WEDGE_USED);
        self.reach_if(self.reconfigurations == 2, TWO);
        self.reach_if(self.reconfigurations == 3, THREE);
    }
}

const fn case_text(case: Case) -> &'static str {
    match case {
        Case::R1 => R1,
        Case::R2 => R2,
        Case::R3 => R3,
        Case::H1 => H1,
        Case::H2 => H2,
        Case::H3 => H3,
    }
}

fn reason_text(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::SlotGap => Some(GAP),
        Reason::InvalidSignature => Some(BAD_SIGNATURE),
        Reason::MissingStatement => Some(MISSING_STATEMENT),
        Reason::WrongOperation => Some(WRONG_OPERATION),
        Reason::ContradictingOrders => Some(CONTRADICTING_ORDERS),
        Reason::ContradictingResults => Some(CONTRADICTING_RESULTS),
        Reason::BadResultProof => Some(BAD_RESULT_PROOF),
        Reason::BadCheckpointProof => Some(BAD_CHECKPOINT_PROOF),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_told_twice() {
        let all: BTreeSet<&str> = REACHABLE.iter().copied().collect();
        assert_eq!(all.len(), REACHABLE.len());
    }

    #[test]
    fn a_late_wedged_message_is_seen() {
        let mut reach = Reach::default();
        let usable = |position| Note::WedgeUsable { position, checkpoint: 0, last_slot: 3 };
        let (configuration, attempt) = (0, 1);
        let tried = Note::QuorumTried {
            configuration,
            attempt,
            quorum: vec![0, 1],
            longest: 0,
            last_slot: 3,
            lacking: vec![0, 1],
        };
        let state = crate::crypto::Digest::from_bytes([0; 32]);
        let quorum = vec![0, 2];
        let ended = Note::QuorumFinal { configuration, attempt, quorum, last_slot: 3, state };
        for note in [usable(0), usable(1), tried, usable(2), ended] {
            reach.noted(&note);
        }
        let expected = [CATCH_UP, LATE_WEDGE, LATE_WEDGE_USED];
        assert_eq!(*reach.reached(), expected.into_iter().collect());
    }
}
