//! Perjury is a deterministic simulator for replicated key-value stores under crash, timing and
//! Byzantine faults. One scenario and one seed give one run, byte for byte, on every machine.

pub mod choice;
pub mod crypto;
pub mod identity;
pub mod object;
pub mod time;
pub mod wire;
