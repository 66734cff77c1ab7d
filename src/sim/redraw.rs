//! The rest of a run, as it might have been.

use crate::process::Protocol;
use crate::scenario::{Latency, Schedule};

use super::world::World;

impl<P: Protocol> World<P> {
    /// From now on the answers are those of another seed. Where no answer of the seed matters,
    /// since every message takes the same time, messages take it on average from now on. What is
    /// on its way already arrives as it would have.
    pub fn redraw(&mut self, seed: u64) {
        self.choices.redraw(seed);
        if let (Schedule::Timed, Latency::Fixed { ns }) = (self.schedule, self.network.link.latency)
        {
            self.schedule = Schedule::Random { mean_ns: ns };
            self.nodes.iter_mut().for_each(|node| node.links.follow(self.schedule));
        }
    }
}
