//! What a replica does wrong once its trigger fires. Every kind has one name, one line here.

use std::fmt;

/// One thing that a failing replica does.
///
/// "Next outgoing X" failures are armed by the trigger and used up by the next such message,
/// however much later; arming twice is arming once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The next shuttle's own order and result statements name `get('x')`, validly signed.
    ChangeOperation,
    /// The next shuttle's own order statement names `get('x')`, validly signed; the result
    /// statement stays.
    ChangeOrder,
    /// The next result or result shuttle's own result statement carries `hash('OK')`.
    ChangeResult,
    /// The next result or result shuttle tells a lie for a result, and the own statement with it.
    LieResult,
    /// The next result or result shuttle lacks the head's result statement.
    DropResultStmt,
    /// The process is gone at once.
    Crash,
    /// The next wedged message omits the last `entries` of the history.
    TruncateHistory {
        /// How many entries are left out.
        entries: u32,
    },
    /// The whole process stalls, then handles the message.
    Sleep {
        /// How long it stalls, in milliseconds, as the text says it.
        milliseconds: u64,
    },
    /// The triggering message is ignored.
    Drop,
    /// The head skips a slot before it processes the message.
    IncrementSlot,
    /// `put('a','a')` is applied to the running state and kept out of the history.
    ExtraOp,
    /// The next shuttle's own order statement is signed wrongly.
    InvalidOrderSig,
    /// The next own result statement is signed wrongly.
    InvalidResultSig,
    /// The next completed checkpoint lacks the statements of the first t+1 replicas.
    DropCheckptStmts,
    /// The next outgoing message is not sent. Withdrawn from the course's specification.
    OmitSend,
    /// The next shuttle is not forwarded; the client is answered with the statements so far.
    EarlyReply,
    /// The next checkpoint is not forwarded; it goes back as completed, with the statements so far.
    EarlyCheckpoint,
    /// From the next wedged message on, history and state lack the last `operations`.
    Rollback {
        /// How many operations are taken back.
        operations: u32,
    },
    /// The next wedged message tells, as one entry of its history, a lie that no client signed, and
    /// the state is as if that had been executed in its place.
    ForgeHistory {
        /// Which entry, from 0; the last one, if there are fewer.
        entry: u32,
    },
    /// The next wedged message lacks one entry in the middle of its history and has the later ones,
    /// and the state is as if the one had never been executed.
    OmitHistory {
        /// Which entry, from 0; the last one that has a later one, if there are fewer.
        entry: u32,
    },
    /// The head gives the next slot to two different requests: to that of the next shuttle, and to
    /// that of the shuttle after it. What it does is told when the second one leaves.
    Equivocate,
    /// The oldest signed message that was sent is sent again, to the same receiver; if there is
    /// none yet, at the next occasion.
    Replay,
    /// The right hash in `caught_up`, another state when asked for the running state: one where `x`
    /// has the value of a lie.
    LieRunningState,
    /// One bit of the next outgoing message is flipped, as it is encoded. Which one follows from
    /// the message's kind and subject. What can no longer be decoded is not sent.
    FlipBit,
}

/// Failures that need no knowledge of a protocol, in which nobody says what is wrong; with 1 where
/// a failure takes a number.
pub const BENIGN: [Failure; 5] = [
    Failure::Crash,
    Failure::Drop,
    Failure::OmitSend,
    Failure::Replay,
    Failure::Sleep { milliseconds: 1 },
];

impl Failure {
    /// Whether it can happen to a replica of any protocol.
    #[must_use]
    pub const fn is_general(self) -> bool {
        use Failure::{Crash, Drop, FlipBit, OmitSend, Replay, Sleep};
        matches!(self, Crash | Drop | FlipBit | OmitSend | Replay | Sleep { .. })
    }

    /// The name in the scenario text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChangeOperation => "change_operation",
            Self::ChangeOrder => "change_order",
            Self::ChangeResult => "change_result",
            Self::LieResult => "lie_result",
            Self::DropResultStmt => "drop_result_stmt",
            Self::Crash => "crash",
            Self::TruncateHistory { .. } => "truncate_history",
            Self::Sleep { .. } => "sleep",
            Self::Drop => "drop",
            Self::IncrementSlot => "increment_slot",
            Self::ExtraOp => "extra_op",
            Self::InvalidOrderSig => "invalid_order_sig",
            Self::InvalidResultSig => "invalid_result_sig",
            Self::DropCheckptStmts => "drop_checkpt_stmts",
            Self::OmitSend => "omit_send",
            Self::EarlyReply => "early_reply",
            Self::EarlyCheckpoint => "early_checkpoint",
            Self::Rollback { .. } => "rollback",
            Self::ForgeHistory { .. } => "forge_history",
            Self::OmitHistory { .. } => "omit_history",
            Self::Equivocate => "equivocate",
            Self::Replay => "replay",
            Self::LieRunningState => "lie_running_state",
            Self::FlipBit => "flip_bit",
        }
    }

    /// The number in the brackets, where the failure has one.
    #[must_use]
    pub const fn argument(self) -> Option<u64> {
        match self {
            Self::TruncateHistory { entries: n }
            | Self::Rollback { operations: n }
            | Self::ForgeHistory { entry: n }
            | Self::OmitHistory { entry: n } => Some(n as u64),
            Self::Sleep { milliseconds } => Some(milliseconds),
            _ => None,
        }
    }

    /// Whether a replica with this failure counts as faulty: one that is only slow does not.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        !matches!(self, Self::Sleep { .. })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.argument() {
            Some(n) => write!(f, "{}({n})", self.name()),
            None => write!(f, "{}()", self.name()),
        }
    }
}
