//! Hashes, keys and signatures: what makes a statement its signer's own.
//!
//! A [`Statement`] has a content hash in a domain of its own, made by a [`Hasher`]. A [`Notary`],
//! which the runtime gives to a process, makes keys, signs such a [`Digest`] and checks a
//! [`Signature`] of it; [`Signed`] holds a statement with the signature under it.
//!
//! There are two schemes. [`Scheme::Ed25519`] is the real one; [`Scheme::Ideal`] answers alike at
//! a thousandth of the cost and is meant for campaigns inside one process, where the adversary is
//! code that has no way round the notary. Both have the same lengths on the wire, so that a run
//! is the same run under either. On sockets many statements may share one signature, see
//! [`Office`], and those that travel together share what leads to it, see [`Binder`].

mod bundle;
mod bytes;
mod ed25519;
mod gist;
mod hash;
mod ideal;
mod keys;
mod memory;
mod notary;
mod office;
mod sheet;
mod signature;
mod signed;
mod tree;

pub use bundle::{Binder, BundleError, Unbinder};
pub use gist::Gist;
pub use hash::{Digest, Hasher, HiddenDigest};
pub use keys::{PublicKey, Scheme, SecretKey};
pub use memory::Memory;
pub use notary::{Counts, Notary};
pub use office::Office;
pub use signature::Signature;
pub use signed::{Seal, Signed, Statement};
