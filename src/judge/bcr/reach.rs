//! What some run of a good suite reaches: a property that no run ever had occasion to break has not
//! been tested.

use std::collections::BTreeSet;

use crate::identity::{Class, Identity};
use crate::protocol::bcr::notes::{Case, Note, QuorumFlaw};
use crate::protocol::bcr::rules::WedgeFlaw;
use crate::protocol::bcr::statements::Reason;

/// Names what can be reached, and says it in words.
macro_rules! points {
    ($($name:ident: $text:literal,)*) => {
        /// Something that can be reached.
        #[derive(Clone, Copy, Debug)]
        enum Point {
            $($name,)*
        }

        /// What can be reached, in the order in which it is told.
        pub const REACHABLE: &[&str] = &[$($text,)*];
    };
}

points! {
    R1: "R1: a replica other than the head answers from its cache",
    R2: "R2: an immutable replica is asked",
    R3: "R3: a replica other than the head forwards a request",
    H1: "H1: the head answers from its cache",
    H2: "H2: the head waits for the result of what it has ordered",
    H3: "H3: the head orders a retransmitted request",
    Expired: "a replica's timer expires",
    Rejected: "a client rejects a result",
    Minority: "a client accepts a result although somebody disagrees",
    RefusedResult: "a replica refuses a result proof",
    Disagreement: "a replica finds another result than its predecessor",
    Contradiction: "somebody proves that somebody lied",
    Checkpoint: "a checkpoint is completed",
    CheckpointMinority: "a checkpoint is completed although somebody disagrees",
    RefusedCheckpoint: "a replica refuses a checkpoint proof",
    Gap: "a reconfiguration for a gap",
    BadSignature: "a reconfiguration for an invalid signature",
    MissingStatement: "a reconfiguration for a missing statement",
    WrongOperation: "a reconfiguration for a wrong operation",
    ContradictingOrders: "a reconfiguration for contradicting orders",
    ContradictingResults: "a reconfiguration for contradicting results",
    BadResultProof: "a reconfiguration for a bad result proof",
    BadCheckpointProof: "a reconfiguration for a bad checkpoint proof",
    ByClient: "a reconfiguration that a client asked for",
    Ignored: "Olympus ignores a reconfiguration request",
    Hole: "Olympus refuses a history with a hole or a wrong start",
    BadOrderProof: "Olympus refuses a history with a bad order proof",
    BadWedge: "Olympus refuses a history for something else",
    MixedCheckpoints: "histories begin at different checkpoints",
    LateWedge: "a wedged message comes after a quorum was tried",
    LateWedgeUsed: "a quorum with such a late one becomes final",
    CatchUp: "a member of a quorum has slots to catch up with",
    TooShort: "a quorum is refused for a history that is too short",
    StatesDiffer: "a quorum is refused for different states",
    Silent: "a quorum is given up for silence",
    NewPass: "all quorums were silent, and Olympus begins again",
    StateRefused: "a running state is refused",
    StateSilent: "a running state does not come",
    LaterQuorum: "a quorum that was not the first becomes final",
    WithoutHead: "a quorum without the head becomes final",
    Delivered: "Olympus delivers a result",
    FromOlympus: "a client accepts a result from Olympus",
    Again: "a request that was executed before a reconfiguration is ordered again",
    Resent: "a client sends its request to a new head",
    Two: "two reconfigurations in a run",
    Three: "three reconfigurations in a run",
}

/// What one run has reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    /// A bit for each of [`REACHABLE`].
    reached: u64,
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
    pub(super) fn reached(&self) -> BTreeSet<&'static str> {
        let is_reached = |place: &usize| self.reached >> place & 1 == 1;
        (0..REACHABLE.len()).filter(is_reached).map(|place| REACHABLE[place]).collect()
    }

    fn reach(&mut self, what: Point) {
        self.reached |= 1 << what as u64;
    }

    fn reach_if(&mut self, holds: bool, what: Point) {
        if holds {
            self.reach(what);
        }
    }

    pub(super) fn noted(&mut self, note: &Note) {
        match note {
            // The usual ones first, which mostly reach nothing.
            Note::Asked { .. } | Note::Cached { .. } | Note::Dropped { .. } => {}
            Note::Ordered { repeated, .. } => self.reach_if(*repeated, Point::Again),
            Note::Answered { from, agreeing, statements, .. } => {
                self.reach_if(agreeing < statements, Point::Minority);
                self.reach_if(*from == Identity::OLYMPUS, Point::FromOlympus);
            }
            Note::Retransmitted { case, .. } => self.reach(point_of_case(*case)),
            Note::TimerExpired { .. } => self.reach(Point::Expired),
            Note::Rejected { .. } => self.reach(Point::Rejected),
            Note::RefusedResult { .. } => self.reach(Point::RefusedResult),
            Note::Disagreement { .. } => self.reach(Point::Disagreement),
            Note::ProofOfMisbehaviour { .. } => self.reach(Point::Contradiction),
            Note::Resends { .. } => self.reach(Point::Resent),
            Note::CheckpointCompleted { agreeing, statements, .. } => {
                self.reach(Point::Checkpoint);
                self.reach_if(agreeing < statements, Point::CheckpointMinority);
            }
            Note::RefusedCheckpoint { .. } => self.reach(Point::RefusedCheckpoint),
            other => self.reconfigured(other),
        }
    }

    #[cold]
    fn reconfigured(&mut self, note: &Note) {
        match note {
            Note::ReconfigurationBegins { asked_by, reason, .. } => {
                self.now = Now::default();
                self.reach_if(asked_by.class == Class::Client, Point::ByClient);
                if let Some(point) = point_of_reason(*reason) {
                    self.reach(point);
                }
            }
            Note::ReconfigurationRequestIgnored { .. } => self.reach(Point::Ignored),
            Note::WedgeRefused { why, .. } => self.reach(match why {
                WedgeFlaw::WrongStart | WedgeFlaw::Hole => Point::Hole,
                WedgeFlaw::BadOrderProof => Point::BadOrderProof,
                _ => Point::BadWedge,
            }),
            Note::WedgeUsable { position, checkpoint, .. } => {
                self.now.checkpoints.insert(*checkpoint);
                self.reach_if(self.now.checkpoints.len() > 1, Point::MixedCheckpoints);
                if self.now.attempts > 0 {
                    self.now.late.insert(*position);
                    self.reach(Point::LateWedge);
                }
            }
            Note::QuorumTried { lacking, .. } => {
                self.now.attempts += 1;
                self.now.agreed = false;
                self.reach_if(lacking.iter().any(|slots| *slots > 0), Point::CatchUp);
            }
            Note::QuorumAgrees { .. } => self.now.agreed = true,
            Note::QuorumRefused { why: QuorumFlaw::HistoryTooShort, .. } => {
                self.reach(Point::TooShort)
            }
            Note::QuorumRefused { why: QuorumFlaw::StatesDiffer, .. } => {
                self.reach(Point::StatesDiffer)
            }
            Note::QuorumSilent { .. } => {
                self.reach(if self.now.agreed { Point::StateSilent } else { Point::Silent });
            }
            Note::NewPass { .. } => self.reach(Point::NewPass),
            Note::RunningStateRefused { .. } => self.reach(Point::StateRefused),
            Note::QuorumFinal { quorum, .. } => self.finished(quorum),
            Note::ResultDelivered { .. } => self.reach(Point::Delivered),
            _ => {}
        }
    }

    fn finished(&mut self, quorum: &[u32]) {
        self.reconfigurations += 1;
        self.reach_if(self.now.attempts > 1, Point::LaterQuorum);
        self.reach_if(!quorum.contains(&0), Point::WithoutHead);
        self.reach_if(quorum.iter().any(|one| self.now.late.contains(one)), Point::LateWedgeUsed);
        self.reach_if(self.reconfigurations == 2, Point::Two);
        self.reach_if(self.reconfigurations == 3, Point::Three);
    }
}

const fn point_of_case(case: Case) -> Point {
    match case {
        Case::R1 => Point::R1,
        Case::R2 => Point::R2,
        Case::R3 => Point::R3,
        Case::H1 => Point::H1,
        Case::H2 => Point::H2,
        Case::H3 => Point::H3,
    }
}

fn point_of_reason(reason: Reason) -> Option<Point> {
    match reason {
        Reason::SlotGap => Some(Point::Gap),
        Reason::InvalidSignature => Some(Point::BadSignature),
        Reason::MissingStatement => Some(Point::MissingStatement),
        Reason::WrongOperation => Some(Point::WrongOperation),
        Reason::ContradictingOrders => Some(Point::ContradictingOrders),
        Reason::ContradictingResults => Some(Point::ContradictingResults),
        Reason::BadResultProof => Some(Point::BadResultProof),
        Reason::BadCheckpointProof => Some(Point::BadCheckpointProof),
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
        assert!(all.len() <= u64::BITS as usize, "each has a bit");
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
        let expected = [Point::CatchUp, Point::LateWedge, Point::LateWedgeUsed];
        let expected = expected.map(|point| REACHABLE[point as usize]);
        assert_eq!(reach.reached(), expected.into_iter().collect());
    }
}
