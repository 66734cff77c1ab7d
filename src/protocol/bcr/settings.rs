//! The knobs of the protocol, fixed for a run and carried in every birth.

use serde::{Deserialize, Serialize};

use super::rules::{Rules, Sound};
use crate::time::SECOND_NS;

/// What may differ from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "R: Rules")]
pub struct Settings<R: Rules = Sound> {
    /// How many replicas of a configuration may be faulty; it has 2t + 1.
    pub t: u32,
    /// How long a client waits for a result before it asks everybody.
    pub client_timeout_ns: u64,
    /// How long the head waits for the result shuttle of a retransmitted request.
    pub head_timeout_ns: u64,
    /// How long another replica waits for it after it forwarded the request.
    pub nonhead_timeout_ns: u64,
    /// How long Olympus waits for a step of a reconfiguration, and everybody before a question to
    /// or from Olympus is repeated.
    pub olympus_timeout_ns: u64,
    /// A checkpoint is taken every so many slots; 0 for never.
    pub checkpoint_interval: u64,
    /// When a result counts.
    pub accept: Accept,
    /// When a completed checkpoint counts.
    pub checkpoint_proof: CheckpointProof,
    /// When Olympus tells clients the results that a reconfiguration saved.
    pub deliver: Deliver,
    /// By which rules decisions are made.
    pub rules: R,
}

impl Settings {
    /// The protocol as it should run, for chains that bear `t` faulty replicas.
    pub const fn new(t: u32) -> Settings {
        Settings {
            t,
            client_timeout_ns: 3 * SECOND_NS,
            head_timeout_ns: 3 * SECOND_NS,
            nonhead_timeout_ns: 3 * SECOND_NS,
            olympus_timeout_ns: 3 * SECOND_NS,
            checkpoint_interval: 0,
            accept: Accept::Chain,
            checkpoint_proof: CheckpointProof::Everybody,
            deliver: Deliver::Final,
            rules: Sound,
        }
    }
}

impl<R: Rules> Settings<R> {
    /// The same, where whoever is silent for so long is suspected. A client asks all replicas
    /// after half of that, so that a request which a dead head has swallowed is answered in less
    /// than twice the time: they wait for the head from then on.
    pub const fn with_timeouts(mut self, timeout_ns: u64) -> Settings<R> {
        self.client_timeout_ns = timeout_ns / 2;
        self.head_timeout_ns = timeout_ns;
        self.nonhead_timeout_ns = timeout_ns;
        self.olympus_timeout_ns = timeout_ns;
        self
    }

    /// The same under other rules.
    pub fn under<S: Rules>(self, rules: S) -> Settings<S> {
        let Settings {
            t,
            client_timeout_ns,
            head_timeout_ns,
            nonhead_timeout_ns,
            olympus_timeout_ns,
            checkpoint_interval,
            accept,
            checkpoint_proof,
            deliver,
            rules: _,
        } = self;
        Settings {
            t,
            client_timeout_ns,
            head_timeout_ns,
            nonhead_timeout_ns,
            olympus_timeout_ns,
            checkpoint_interval,
            accept,
            checkpoint_proof,
            deliver,
            rules,
        }
    }

    /// The number of replicas of a configuration.
    pub const fn replicas(&self) -> u32 {
        2 * self.t + 1
    }

    /// Whether a checkpoint is taken at this slot.
    pub const fn is_checkpoint(&self, slot: u64) -> bool {
        self.checkpoint_interval > 0 && slot.is_multiple_of(self.checkpoint_interval)
    }
}

/// When a result counts: how many replicas must have stated one, beside the t + 1 that agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accept {
    /// Every replica of the chain has stated a result, so every correct one has ordered the
    /// request.
    Chain,
    /// t + 1 agree. Proves the value, but not that the operation survives a reconfiguration.
    Quorum,
}

/// When a completed checkpoint counts, beside the t + 1 statements that agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointProof {
    /// Every replica has stated the hash of its state.
    Everybody,
    /// t + 1 have. Lets the head drop a history that starved replicas will need.
    Quorum,
}

/// When Olympus tells clients the results that a reconfiguration saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deliver {
    /// When the quorum is final.
    Final,
    /// As soon as the members of a quorum agree, though it may still be given up.
    CaughtUp,
}
