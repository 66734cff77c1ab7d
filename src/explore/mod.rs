//! Finding what nobody wrote down.

mod small_world;

pub use small_world::{Bounds, Explored, SmallWorld, Step, Unfit, Walk, explore, retrace};
