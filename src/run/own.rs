//! Protocols that this crate does not bring along.
//!
//! Whoever wrote one says with a [`Cluster`] who takes part in a scenario of it; [`own`] makes of
//! that what a scenario has for its protocol. From then on it is run, fuzzed, shrunk and drawn as
//! the built-in ones are.

use std::sync::Arc;

use crate::choice::Name;
use crate::fault::{BENIGN, Failure};
use crate::judge::Judged;
use crate::process::Protocol as _;
use crate::scenario::{About, Own, Pace, Protocol, Scenario};
use crate::sim::World;

use super::underway::{Stage, Underway};
use super::{Digesting, Refusal, settings};

/// Who takes part in the scenarios of a protocol of one's own, and what it promises.
pub trait Cluster: Send + Sync + 'static {
    /// The protocol.
    type Protocol: Judged;

    /// What scenarios call it. Another name than the protocol's tells a variant from the original.
    fn name(&self) -> &'static str {
        Self::Protocol::NAME
    }

    /// How many replicas there are. Their identities are those of configuration 0, from position 0
    /// on: nobody else can be made to fail.
    fn replicas(&self) -> u32;

    /// How many of them may fail, each in the ways that it [bears](Cluster::failures), without
    /// breaking what is promised.
    fn tolerated(&self) -> u32;

    /// The kinds of message that come to replicas: what failures can be set off by.
    fn kinds(&self) -> &'static [Name];

    /// Puts the processes into a world: the replicas, and for each client of the scenario one of
    /// this number that asks for what its workload says.
    fn populate(&self, scenario: &Scenario, world: &mut World<Self::Protocol>);

    /// The part that the replica at a position plays, in a word.
    fn role(&self, _position: u32) -> &'static str {
        "replica"
    }

    /// The failures that it bears. Without more, those in which nobody says what is wrong.
    fn failures(&self) -> Vec<Failure> {
        BENIGN.to_vec()
    }

    /// Whether a replica that crashes and lives again with what it had persisted is as good as one
    /// that was only slow: then it is not among those that are [tolerated](Cluster::tolerated). If
    /// not, generated scenarios have crashes, and nobody lives again.
    fn recovers(&self) -> bool {
        false
    }

    /// How soon a request is answered when nothing is in the way. Without it nobody is blamed for
    /// being slow, as long as the run ends and everybody is answered.
    fn pace(&self) -> Option<Pace> {
        None
    }
}

/// A protocol of one's own, ready to stand in a scenario.
#[must_use]
pub fn own(cluster: impl Cluster) -> Own {
    let about = About {
        name: cluster.name(),
        roles: (0..cluster.replicas()).map(|position| cluster.role(position)).collect(),
        tolerated: cluster.tolerated(),
        kinds: cluster.kinds().to_vec(),
        failures: cluster.failures(),
        recovers: cluster.recovers(),
        pace: cluster.pace(),
    };
    Own::new(about, Arc::new(Entrance(Box::new(cluster))))
}

/// The world that a scenario describes, for those who know its protocol.
///
/// # Errors
/// A choice that is at no site.
pub fn world<C: Cluster>(cluster: &C, scenario: &Scenario) -> Result<World<C::Protocol>, Refusal> {
    let mut world = World::new(settings(scenario)?);
    cluster.populate(scenario, &mut world);
    Ok(world)
}

/// What stands behind a protocol of one's own in a scenario.
struct Entrance(Box<dyn Begin>);

/// Somebody who can begin a run without being asked for its protocol.
trait Begin: Send + Sync {
    fn begin(
        &self,
        scenario: &Scenario,
        digesting: Digesting,
    ) -> Result<Box<dyn Underway>, Refusal>;
}

impl<C: Cluster> Begin for C {
    fn begin(
        &self,
        scenario: &Scenario,
        digesting: Digesting,
    ) -> Result<Box<dyn Underway>, Refusal> {
        Ok(Box::new(Stage::new(scenario, world(self, scenario)?, digesting)))
    }
}

/// The run of a scenario, if its protocol is one of a user's own.
pub(super) fn begin(
    scenario: &Scenario,
    digesting: Digesting,
) -> Option<Result<Box<dyn Underway>, Refusal>> {
    let Protocol::Own(own) = &scenario.protocol else {
        return None;
    };
    let Entrance(cluster) = own.stage().downcast_ref()?;
    Some(cluster.begin(scenario, digesting))
}
