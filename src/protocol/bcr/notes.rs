//! What processes put on record: every significant action, with its content. Whoever judges a run
//! reads these and the messages, and nothing else.

use serde::Serialize;

use super::rules::{Ignored, WedgeFlaw};
use super::statements::Reason;
use crate::choice::Name;
use crate::crypto::Digest;
use crate::identity::Identity;
use crate::object::{Operation, Reply};
use crate::process::{self, Milestone};

/// A retransmitted request's case, as the paper numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Case {
    /// Another replica than the head has the result cached: it answers the client.
    R1,
    /// An immutable replica: it says so.
    R2,
    /// Another replica than the head: it forwards the request and waits.
    R3,
    /// The head has the result cached.
    H1,
    /// The head has ordered the request and waits for the result.
    H2,
    /// The head does not know the request: it orders it and waits.
    H3,
}

/// What a replica does at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It waits for its first state.
    Pending,
    /// It orders.
    Active,
    /// It orders nothing more and waits to be replaced.
    Immutable,
}

/// Why a message or a part of one has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// It may not come from this sender.
    WrongSender,
    /// Its signature is invalid.
    BadSignature,
    /// It is about another configuration.
    OtherConfiguration,
    /// A client's request older than its newest one.
    OldRequest,
    /// It was handled before.
    Repeated,
    /// It comes too late to matter.
    Late,
    /// It comes before what it builds on.
    Early,
    /// An immutable replica does not do this.
    Immutable,
    /// A replica that is not immutable does not do this.
    NotImmutable,
    /// Nobody asked for it.
    Unasked,
    /// There is no room to keep it until it can be handled.
    NoRoom,
}

/// A significant action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A client asks.
    Asked {
        /// Which client.
        client: u32,
        /// Its number for the request.
        request: u64,
        /// What is to be done.
        operation: Operation,
    },
    /// A client accepts a result.
    Answered {
        /// Which client.
        client: u32,
        /// Its number for the request.
        request: u64,
        /// The result.
        result: Reply,
        /// The configuration that it comes from.
        configuration: u32,
        /// The slot that the request had there.
        slot: u64,
        /// Who answered.
        from: Identity,
        /// How many statements agree on it.
        agreeing: usize,
        /// How many statements there are.
        statements: usize,
    },
    /// A client has nothing more to ask.
    Finished {
        /// Which client.
        client: u32,
    },
    /// A client does not accept a result.
    Rejected {
        /// Which client.
        client: u32,
        /// Its number for the request.
        request: u64,
        /// Who answered.
        from: Identity,
        /// What is wrong with the result.
        why: &'static str,
    },
    /// A client asks everybody, since no result came in time.
    Retransmits {
        /// Which client.
        client: u32,
        /// Its number for the request.
        request: u64,
        /// The configuration whose replicas it asks.
        configuration: u32,
    },
    /// A client sends its unanswered request to the head of a newer configuration.
    Resends {
        /// Which client.
        client: u32,
        /// Its number for the request.
        request: u64,
        /// The configuration.
        configuration: u32,
    },
    /// A client learns of a configuration.
    Learned {
        /// Which one.
        configuration: u32,
        /// The number of its replicas.
        replicas: usize,
    },

    /// A replica put a request into a slot and executed it.
    Ordered {
        /// In which configuration.
        configuration: u32,
        /// Which slot.
        slot: u64,
        /// Whose request.
        client: u32,
        /// The client's number for it.
        request: u64,
        /// What was done.
        operation: Operation,
        /// What came of it.
        result: Reply,
        /// Whether the state held the request as executed already, so that nothing changed.
        repeated: bool,
    },
    /// A retransmitted request came.
    Retransmitted {
        /// Which case it is.
        case: Case,
        /// Whose request.
        client: u32,
        /// The client's number for it.
        request: u64,
        /// Who sent it: the client, or a replica that forwarded it.
        from: Identity,
    },
    /// A predecessor's result statement differs from the replica's own; it is carried on.
    Disagreement {
        /// In which slot.
        slot: u64,
        /// Whose statement.
        with: Identity,
        /// The other's result hash.
        theirs: Digest,
        /// The replica's own.
        own: Digest,
    },
    /// A replica keeps a result with its proof.
    Cached {
        /// In which configuration.
        configuration: u32,
        /// In which slot.
        slot: u64,
        /// Whose request.
        client: u32,
        /// The client's number for it.
        request: u64,
        /// The result.
        result: Reply,
        /// Whether all statements agree.
        unanimous: bool,
    },
    /// A result proof failed its rule.
    RefusedResult {
        /// Whose request.
        client: u32,
        /// The client's number for it.
        request: u64,
        /// Who sent it.
        from: Identity,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A replica answers a client that retransmitted a request.
    AnswersClient {
        /// Which client.
        client: u32,
        /// The client's number for the request.
        request: u64,
    },
    /// No result came in time for a retransmitted request.
    TimerExpired {
        /// Whose request.
        client: u32,
        /// The client's number for it.
        request: u64,
    },
    /// A replica or a client asks for a reconfiguration.
    AsksForReconfiguration {
        /// Of which configuration.
        configuration: u32,
        /// Why.
        reason: Reason,
        /// Whether the request carries a proof.
        proof: bool,
    },
    /// A process sees proof that somebody lied.
    ProofOfMisbehaviour {
        /// In which slot.
        slot: u64,
        /// Who signed the one statement.
        one: Identity,
        /// Who signed the other.
        other: Identity,
    },
    /// A replica adds its statement to a checkpoint.
    CheckpointTaken {
        /// At which slot.
        slot: u64,
        /// The hash of its state.
        state: Digest,
    },
    /// A replica has the proof of a checkpoint and drops its history up to there.
    CheckpointCompleted {
        /// At which slot.
        slot: u64,
        /// How many statements agree most.
        agreeing: usize,
        /// How many there are.
        statements: usize,
        /// How many slots left the history.
        dropped: usize,
        /// How many remain.
        kept: usize,
    },
    /// A checkpoint statement tells another state than the replica's own; that alone is not
    /// punished.
    CheckpointDisagreement {
        /// At which slot.
        slot: u64,
        /// Whose statement.
        with: Identity,
    },
    /// A completed checkpoint failed its rule.
    RefusedCheckpoint {
        /// At which slot.
        slot: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A replica changes its mode.
    ModeChanged {
        /// Its configuration.
        configuration: u32,
        /// To this.
        mode: Mode,
    },
    /// A message, or a request in it, has no effect.
    Dropped {
        /// What kind of message.
        kind: NoteName,
        /// Who sent it.
        from: Identity,
        /// Why.
        why: Dropped,
    },

    /// Olympus has made a configuration.
    ConfigurationMade {
        /// Which one.
        configuration: u32,
        /// The number of its replicas.
        replicas: usize,
    },
    /// Olympus will replace the current configuration.
    ReconfigurationBegins {
        /// Which one.
        configuration: u32,
        /// Who asked.
        asked_by: Identity,
        /// Why.
        reason: Reason,
    },
    /// Olympus does not act on a reconfiguration request.
    ReconfigurationRequestIgnored {
        /// Who asked.
        from: Identity,
        /// Which configuration should be replaced.
        configuration: u32,
        /// Why it should.
        reason: Reason,
        /// Why it is not.
        why: Ignored,
    },
    /// Olympus tells replicas to become immutable.
    WedgeRequested {
        /// Of which configuration.
        configuration: u32,
        /// Which replicas: at first all, later those that have not answered.
        positions: Vec<u32>,
    },
    /// A replica fixes its wedged message.
    Wedged {
        /// Its configuration.
        configuration: u32,
        /// Its last completed checkpoint.
        checkpoint: u64,
        /// The last slot that it ordered.
        last_slot: u64,
    },
    /// Olympus may use a wedged message.
    WedgeUsable {
        /// Whose.
        position: u32,
        /// The checkpoint that it tells of.
        checkpoint: u64,
        /// The last slot that it tells of.
        last_slot: u64,
    },
    /// Olympus can never use a wedged message.
    WedgeRefused {
        /// Whose.
        position: u32,
        /// Why.
        why: WedgeFlaw,
    },
    /// Olympus tries a quorum.
    QuorumTried {
        /// In which configuration.
        configuration: u32,
        /// Which attempt this is.
        attempt: u32,
        /// The positions of its members.
        quorum: Vec<u32>,
        /// Who has the longest history.
        longest: u32,
        /// The last slot of it.
        last_slot: u64,
        /// How many slots each member lacks.
        lacking: Vec<usize>,
    },
    /// Olympus refuses a quorum for what its members say.
    QuorumRefused {
        /// The positions of its members.
        quorum: Vec<u32>,
        /// Why.
        why: QuorumFlaw,
    },
    /// Olympus gives a quorum up for now, since some member does not answer.
    QuorumSilent {
        /// The positions of its members.
        quorum: Vec<u32>,
        /// Who does not answer.
        silent: Vec<u32>,
    },
    /// Olympus has tried all quorums and begins again, with more patience.
    NewPass {
        /// How many timeouts it waits now for an answer.
        patience: u32,
    },
    /// A replica has executed on a copy what it lacked.
    CaughtUp {
        /// In which attempt.
        attempt: u32,
        /// The last slot that the copy has executed.
        last_slot: u64,
        /// The hash of the copy.
        state: Digest,
        /// How many slots it lacked.
        lacked: usize,
    },
    /// All members of a quorum have the same state.
    QuorumAgrees {
        /// In which attempt.
        attempt: u32,
        /// The positions of its members.
        quorum: Vec<u32>,
        /// The hash of the state.
        state: Digest,
    },
    /// A member of the quorum hands over another state than agreed.
    RunningStateRefused {
        /// Which member.
        position: u32,
        /// The hash of what it hands over.
        state: Digest,
    },
    /// The state of a configuration is settled.
    QuorumFinal {
        /// Which configuration.
        configuration: u32,
        /// In which attempt.
        attempt: u32,
        /// The positions of the quorum's members.
        quorum: Vec<u32>,
        /// The last slot of the configuration.
        last_slot: u64,
        /// The hash of the state.
        state: Digest,
    },
    /// Olympus tells a client a result that all members of a quorum confirm.
    ResultDelivered {
        /// Which client.
        client: u32,
        /// The client's number for the request.
        request: u64,
        /// The result.
        result: Reply,
        /// The slot that the request had.
        slot: u64,
    },
    /// A new replica has its state.
    Acknowledged {
        /// Of which configuration.
        configuration: u32,
        /// At which position.
        position: u32,
        /// How many have.
        acknowledged: usize,
    },
    /// Olympus stops the replicas of an old configuration.
    Stopped {
        /// Which configuration.
        configuration: u32,
    },
}

/// Why Olympus refuses a quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuorumFlaw {
    /// A member's history ends before the longest one begins.
    HistoryTooShort,
    /// A member's answer is not validly signed.
    BadSignature,
    /// A member that has caught up tells another last slot.
    WrongLastSlot,
    /// Members that have caught up have different states.
    StatesDiffer,
    /// No member hands over the agreed state.
    NoRunningState,
}

/// A [`Name`] as a part of a note: its letters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NoteName(pub Name);

impl std::fmt::Debug for NoteName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.text())
    }
}

impl Serialize for NoteName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.text())
    }
}

impl Note {
    /// What all notes are called in the trace.
    pub const NAMES: &[&str] = &[
        "asked",
        "answered",
        "finished",
        "rejected",
        "retransmits",
        "resends",
        "learned",
        "ordered",
        "retransmitted",
        "disagreement",
        "cached",
        "refused_result",
        "answers_client",
        "timer_expired",
        "asks_for_reconfiguration",
        "proof_of_misbehaviour",
        "checkpoint_taken",
        "checkpoint_completed",
        "checkpoint_disagreement",
        "refused_checkpoint",
        "mode_changed",
        "dropped",
        "configuration_made",
        "reconfiguration_begins",
        "reconfiguration_request_ignored",
        "wedge_requested",
        "wedged",
        "wedge_usable",
        "wedge_refused",
        "quorum_tried",
        "quorum_refused",
        "quorum_silent",
        "new_pass",
        "caught_up",
        "quorum_agrees",
        "running_state_refused",
        "quorum_final",
        "result_delivered",
        "acknowledged",
        "stopped",
    ];
}

impl process::Note for Note {
    fn milestone(&self) -> Option<Milestone<'_>> {
        match self {
            Note::Asked { client, request, operation } => {
                Some(Milestone::Asked { client: *client, request: *request, operation })
            }
            Note::Answered { client, request, result, .. } => {
                Some(Milestone::Answered { client: *client, request: *request, result })
            }
            Note::Finished { client } => Some(Milestone::Finished { client: *client }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of a variant as the trace has it: small letters, words parted by `_`.
    fn name(variant: &str) -> String {
        let mut name = String::new();
        for c in variant.chars() {
            if c.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(c.to_lowercase());
        }
        name
    }

    #[test]
    fn every_note_is_named() {
        let text = include_str!("notes.rs");
        let notes = text.split("pub enum Note {").nth(1).expect("the enum is there");
        let notes = notes.split("\n}\n").next().expect("it ends");
        let begins = |line: &&str| {
            let rest = line.strip_prefix("    ").unwrap_or("");
            rest.starts_with(|c: char| c.is_ascii_uppercase())
        };
        let variants = notes.lines().filter(begins);
        let names = variants.map(|line| name(line.trim().trim_end_matches([' ', '{', ','])));
        assert_eq!(names.collect::<Vec<_>>(), Note::NAMES);
        let serialized = serde_json::to_string(&Note::Finished { client: 1 }).unwrap();
        assert!(serialized.contains("\"finished\""), "{serialized}");
    }
}
