//! Perjury: a deterministic simulator for replicated key-value stores under crash, timing and Byzantine faults.

pub mod crypto;
pub mod fault;
pub mod object;
pub mod scenario;
pub mod wire;
