//! Finding what nobody wrote down: scenarios are drawn, run under all judges, and what breaks is
//! made small.
//!
//! [`generate::scenario`] makes a scenario of a seed, as a [`Shape`] allows; a [`Campaign`] runs
//! many of them; [`shrink::shrink`] makes what they find small. [`scenarios`] is the same for tests
//! of one's own, under proptest. [`sweep::Sweep`] tries every fault of one scenario, and
//! [`explore()`] walks every order of a world that is small already. [`explain::explain`] tells
//! what led to a violation.

mod artefact;
mod campaign;
mod coverage;
mod dice;
mod discovery;
pub mod explain;
pub mod generate;
pub mod kills;
mod kinds;
mod menu;
pub mod record;
mod shape;
pub mod shrink;
mod slice;
mod small_world;
mod strategy;
pub mod sweep;
mod trial;

pub use artefact::Artefact;
pub use campaign::{Campaign, Group, Shard, TWICE_EVERY, Tally};
pub use coverage::{Bigram, Coverage, all_cells};
pub use discovery::{Discovery, discoveries};
pub use kinds::{AROUND, GROUPS, Kinds, UnknownKind};
pub use menu::{Menu, Theme, plain, with_quirks};
pub use shape::{Knob, Shape, Tolerance};
pub use slice::Slice;
pub use small_world::{Bounds, Explored, Step, Unfit, Walk, explore, explore_while, retrace};
pub use strategy::{Drawn, Scenarios, Tree, scenarios};
pub use trial::{Charge, Found, Size};
