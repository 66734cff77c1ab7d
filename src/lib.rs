//! Perjury is a deterministic simulator for replicated key-value stores under crash, timing and
//! Byzantine faults. One scenario and one seed give one run, byte for byte, on every machine.

pub mod choice;
pub mod crypto;
pub mod fault;
pub mod identity;
pub mod judge;
pub mod object;
pub mod process;
pub mod protocol;
pub mod run;
pub mod scenario;
pub mod sim;
pub mod syntax;
pub mod time;
pub mod trace;
pub mod twice;
pub mod wire;
