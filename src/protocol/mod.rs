//! The replication protocols, a room for each.
//!
//! A protocol is written as its paper tells it: pure processes, no runtime, no scenario, and not a
//! line about injected faults.

pub mod bcr;
pub mod solo;
mod users;

pub use users::{Answer, Command};
