//! The reference as tests: short scripts, each saying in its own words which rule it shows.

mod checkpoints;
mod flow;
mod proofs;
mod reconfiguration;
mod retransmission;
mod stage;

use stage::*;
