//! What may be drawn: the shape of generated scenarios.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::scenario::{Expect, Limits, Scenario};

use super::kinds::Kinds;
use super::menu::Menu;

/// How many replicas may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// In no configuration more than the protocol bears: nothing may break.
    Within,
    /// In some configuration one more at least: what breaks then is no bug, but worth a look.
    Beyond,
}

/// A knob of the cluster that is drawn where the base leaves it as it is without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Knob {
    /// How often there is a checkpoint.
    Checkpoints,
    /// How long a client waits.
    ClientTimeout,
    /// How long the head waits.
    HeadTimeout,
    /// How long any other replica waits.
    NonheadTimeout,
    /// How long Olympus waits.
    OlympusTimeout,
}

impl Knob {
    /// The timeouts.
    pub const TIMEOUTS: [Knob; 4] =
        [Knob::ClientTimeout, Knob::HeadTimeout, Knob::NonheadTimeout, Knob::OlympusTimeout];
}

/// What may be drawn. Ranges have both their ends.
///
/// What the base scenario says of itself stays: its clients, its links and its schedule if it has
/// any of its own, its faults beside those that are drawn. What it says in so many words cannot be
/// told from what it does not say; that is what [kept](Shape::kept) and [kinds](Shape::kinds) are
/// for.
#[derive(Clone, Debug)]
pub struct Shape {
    /// What every scenario begins as.
    pub base: Scenario,
    /// How many faulty replicas a configuration bears.
    pub faulty: (u32, u32),
    /// How many clients there are.
    pub clients: (u32, u32),
    /// How many requests they make in all.
    pub requests: (u64, u64),
    /// The kinds of trouble that may be drawn.
    pub kinds: Kinds,
    /// Whether each scenario leaves a random part of the kinds out (swarm testing): a bug that
    /// needs much of one kind is found sooner where no other kind gets in its way.
    pub swarm: bool,
    /// How many replicas may fail.
    pub tolerance: Tolerance,
    /// In how many configurations, counted from the first, replicas may fail.
    pub configurations: u32,
    /// How many failures a faulty replica has at most.
    pub failures_each: u64,
    /// Knobs that stay as the base has them, even those that are as they are without a word.
    pub kept: BTreeSet<Knob>,
}

/// When a generated run is given up, unless its base says otherwise: far beyond what any needs that
/// comes to an end.
const LIMITS: Limits = Limits { time_ns: Limits::USUAL.time_ns, steps: 50_000 };

impl Shape {
    /// Everything that can be drawn around this scenario. What it expects is left out: it was
    /// expected of other runs.
    #[must_use]
    pub fn around(mut base: Scenario) -> Shape {
        base.expect = Expect::default();
        base.description = String::new();
        base.name = None;
        if base.limits == Limits::default() {
            base.limits = LIMITS;
        }
        let own = Menu::of(&base.protocol).tolerated();
        Shape {
            faulty: (own, own),
            base,
            clients: (1, 3),
            requests: (16, 24),
            kinds: Kinds::all(),
            swarm: true,
            tolerance: Tolerance::Within,
            configurations: 3,
            failures_each: 16,
            kept: BTreeSet::new(),
        }
    }

    /// Everything that can be drawn for the protocol with this name; none if there is no such
    /// protocol.
    #[must_use]
    pub fn of(protocol: &str) -> Option<Shape> {
        let shape = Shape::around(super::menu::plain(protocol)?);
        let can_vary = shape.base.protocol.bcr().is_some();
        Some(if can_vary { shape.faulty(1, 2) } else { shape })
    }

    /// The same for clusters that bear so many faulty replicas.
    #[must_use]
    pub fn faulty(mut self, least: u32, most: u32) -> Shape {
        self.faulty = (least.min(most), most.max(least));
        self
    }

    /// The same with so many requests in all.
    #[must_use]
    pub fn requests(mut self, least: u64, most: u64) -> Shape {
        self.requests = (least.min(most), most.max(least));
        self
    }

    /// The same with so many clients.
    #[must_use]
    pub fn clients(mut self, least: u32, most: u32) -> Shape {
        self.clients = (least.min(most), most.max(least));
        self
    }

    /// The same with these kinds of trouble alone.
    #[must_use]
    pub fn only(mut self, kinds: Kinds) -> Shape {
        self.kinds = kinds;
        self
    }

    /// The same with more failing replicas than the protocol bears.
    #[must_use]
    pub fn beyond(mut self) -> Shape {
        self.tolerance = Tolerance::Beyond;
        self
    }

    /// The same with these knobs as the base has them.
    #[must_use]
    pub fn keeping(mut self, knobs: impl IntoIterator<Item = Knob>) -> Shape {
        self.kept.extend(knobs);
        self
    }

    /// Whether the base brings its own clients.
    pub(super) fn has_clients(&self) -> bool {
        !self.base.clients.is_empty()
    }

    /// The pool that operations are drawn from.
    pub(super) fn pool(&self) -> Arc<crate::object::Pool> {
        Arc::clone(&self.base.pool)
    }
}
