//! What is replicated: objects that turn ordered operations into replies.
//!
//! A protocol agrees on an order of operations and knows nothing else about them. It holds a
//! [`ReplicatedState`]: an [`Object`] and, for each client, the last executed request with its
//! reply, so that a request is executed at most once. Everything in it is a value: it is cloned
//! in constant time, serialised to the same bytes on every machine, and named by a hash that
//! is brought up to date only when somebody asks for it.
//!
//! The flow inside: [`Workload`] ─► [`Operation`] ─► [`Dictionary`] ─► [`Reply`].

mod dictionary;
mod merkle;
mod operation;
mod pool;
mod reply;
mod state;
mod text;
mod workload;

pub use dictionary::Dictionary;
pub use merkle::{MerkleMap, Placed};
pub use operation::{Operation, OperationError};
pub use pool::{Draws, LENGTH_LIMIT, Lengths, Pool, PoolError, PoolSettings, Weights};
pub use reply::Reply;
pub use state::{Executed, ReplicatedState, Session};
pub use text::Text;
pub use workload::{Demand, Item, Requests, Workload};

use std::fmt::{Debug, Display};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A BLAKE3 hash.
pub type Digest = [u8; 32];

/// Something that can be replicated: a deterministic machine, a pure function of the operations
/// applied to it.
///
/// Whatever an operation depends on is part of the operation. Objects read no clock: one whose
/// entries expire receives the time inside the ordered operation, the same at every replica.
pub trait Object: Clone + Debug + Default + Eq + Serialize + DeserializeOwned {
    /// What can be asked of it.
    type Operation: Canonical + Clone + Debug + Display + Eq + Serialize + DeserializeOwned;
    /// What it answers.
    type Reply: Answer;

    /// Carries out one operation. Every input is legal; what cannot be done is a reply that
    /// says so.
    fn apply(&mut self, operation: &Self::Operation) -> Self::Reply;

    /// The hash of the content: equal for equal content, whatever operations led to it. Only
    /// what changed since it was last asked for is hashed again.
    fn state_hash(&self) -> Digest;
}

/// A reply, as far as a protocol is concerned: a value that can be sent and named by its hash.
pub trait Answer: Canonical + Clone + Debug + Display + Eq + Serialize + DeserializeOwned {
    /// The hash that result statements carry.
    fn digest(&self) -> Digest;
}

/// Values with one unambiguous sequence of bytes, fit for hashing and signing: no two different
/// values feed the same bytes, and none feeds a beginning of what another feeds.
pub trait Canonical {
    /// Hands the bytes to `sink`, in pieces whose borders carry no meaning.
    fn feed(&self, sink: impl FnMut(&[u8]));
}

/// Feeds a string preceded by its length, which mostly takes a byte.
fn feed_str(text: &str, sink: &mut impl FnMut(&[u8])) {
    match u8::try_from(text.len()) {
        Ok(short) if short < u8::MAX => sink(&[short]),
        _ => {
            sink(&[u8::MAX]);
            sink(&(text.len() as u64).to_le_bytes());
        }
    }
    sink(text.as_bytes());
}
