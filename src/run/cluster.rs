//! The processes that a scenario describes, put into a world.

#[cfg(feature = "net")]
use crate::crypto::Scheme;
use crate::identity::Identity;
#[cfg(feature = "net")]
use crate::object::Workload;
use crate::protocol::bcr::{self, Birth, Rules, Sound};
use crate::protocol::solo::{self, Solo};
use crate::scenario::{self, Scenario};
#[cfg(feature = "net")]
use crate::scenario::{Client, Signatures};
use crate::sim::{Settings, World};

/// Byzantine chain replication, by the sound rules.
pub(crate) type Bcr = bcr::Bcr<Sound>;

/// Olympus and the clients; Olympus makes the replicas.
pub(crate) fn bcr<R: Rules>(
    scenario: &Scenario,
    knobs: &scenario::Bcr,
    rules: R,
    settings: Settings<bcr::Bcr<R>>,
) -> World<bcr::Bcr<R>> {
    let mut world = World::new(settings);
    let settings = bcr_settings(knobs).under(rules);
    let clients = scenario.clients.len() as u32;
    world.spawn(Identity::OLYMPUS, Birth::Olympus { settings, clients });
    for (number, client) in (0..).zip(&scenario.clients) {
        let workload = client.workload.clone();
        world.spawn(Identity::client(number), Birth::Client { settings, number, workload });
    }
    world
}

/// The knobs of a scenario that these settings stand for.
#[cfg(feature = "net")]
pub(crate) fn knobs<R: Rules>(settings: &bcr::Settings<R>) -> scenario::Bcr {
    scenario::Bcr {
        t: settings.t,
        client_timeout_ns: settings.client_timeout_ns,
        head_timeout_ns: settings.head_timeout_ns,
        nonhead_timeout_ns: settings.nonhead_timeout_ns,
        olympus_timeout_ns: settings.olympus_timeout_ns,
        checkpoint_every: Some(settings.checkpoint_interval).filter(|slots| *slots > 0),
        accept: match settings.accept {
            bcr::Accept::Chain => scenario::Accept::Chain,
            bcr::Accept::Quorum => scenario::Accept::Quorum,
        },
        deliver: match settings.deliver {
            bcr::Deliver::Final => scenario::Deliver::Final,
            bcr::Deliver::CaughtUp => scenario::Deliver::CaughtUp,
        },
        checkpoint_proof: match settings.checkpoint_proof {
            bcr::CheckpointProof::Everybody => scenario::CheckpointProof::Everybody,
            bcr::CheckpointProof::Quorum => scenario::CheckpointProof::Quorum,
        },
        quirk: None,
    }
}

/// What runs where these processes serve users, as a scenario whose clients ask for nothing of
/// their own.
#[cfg(feature = "net")]
pub(crate) fn served(protocol: scenario::Protocol, clients: u32, scheme: Scheme) -> Scenario {
    let mut scenario = Scenario::new(protocol);
    scenario.description = "A cluster that served users on real sockets.".to_owned();
    scenario.signatures = match scheme {
        Scheme::Ideal => Signatures::Ideal,
        Scheme::Ed25519 => Signatures::Ed25519,
    };
    let client = Client { workload: Workload::default() };
    scenario.clients = vec![client; clients as usize];
    scenario
}

/// What these knobs stand for, by the sound rules.
pub(crate) fn bcr_settings(knobs: &scenario::Bcr) -> bcr::Settings {
    bcr::Settings {
        client_timeout_ns: knobs.client_timeout_ns,
        head_timeout_ns: knobs.head_timeout_ns,
        nonhead_timeout_ns: knobs.nonhead_timeout_ns,
        olympus_timeout_ns: knobs.olympus_timeout_ns,
        checkpoint_interval: knobs.checkpoint_every.unwrap_or(0),
        accept: match knobs.accept {
            scenario::Accept::Chain => bcr::Accept::Chain,
            scenario::Accept::Quorum => bcr::Accept::Quorum,
        },
        deliver: match knobs.deliver {
            scenario::Deliver::Final => bcr::Deliver::Final,
            scenario::Deliver::CaughtUp => bcr::Deliver::CaughtUp,
        },
        checkpoint_proof: match knobs.checkpoint_proof {
            scenario::CheckpointProof::Everybody => bcr::CheckpointProof::Everybody,
            scenario::CheckpointProof::Quorum => bcr::CheckpointProof::Quorum,
        },
        ..bcr::Settings::new(knobs.t)
    }
}

/// The server and the clients.
pub(crate) fn solo(
    scenario: &Scenario,
    knobs: &scenario::Solo,
    settings: Settings<Solo>,
) -> World<Solo> {
    let mut world = World::new(settings);
    let settings = solo::Settings { timeout_ns: knobs.client_timeout_ns };
    world.spawn(solo::SERVER, solo::Birth::Server);
    for (number, client) in (0..).zip(&scenario.clients) {
        let workload = client.workload.clone();
        let birth = solo::Birth::Client { settings, number, workload };
        world.spawn(Identity::client(number), birth);
    }
    world
}
