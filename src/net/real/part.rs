//! One node's share in a run: a program takes it, tells where it is, and plays when it knows the
//! others.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use crate::crypto::Scheme;
use crate::fault::Attackable;
use crate::net::clock::Clock;
use crate::net::cluster::{ClusterError, Plan};
use crate::net::handshake::NodeSecret;
use crate::net::record::RecordFolder;
use crate::net::report::NodeStats;
use crate::net::roster::{NodeNumber, Notices, Peer};
use crate::net::served::Served;
use crate::net::standing::Standing;
use crate::net::station::{Place, Station, listen};
use crate::net::weather::Weather;
use crate::protocol::bcr::Bcr;
use crate::protocol::solo::{self, Solo};
use crate::run::cluster::bcr_settings;
use crate::scenario::{Network, Protocol, Scenario, Schedule, Signatures};

use super::{Layout, trouble};

/// Why a part is not played.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The node does not run.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Only the built-in protocols run so.
    #[error("`{0}` is not built in; run it on net::Cluster")]
    Own(&'static str),
}

/// A node's share in a scenario: it listens, and does not know the others yet.
#[derive(Debug)]
pub struct Part {
    scenario: Arc<Scenario>,
    layout: Layout,
    folder: PathBuf,
    secret: NodeSecret,
    listener: TcpListener,
    own: Peer,
}

impl Part {
    /// Takes the part of this node, which will record to this folder.
    ///
    /// # Errors
    ///
    /// If nobody can listen, or no key can be made.
    pub fn take(
        scenario: Scenario,
        number: NodeNumber,
        folder: impl Into<PathBuf>,
    ) -> Result<Part, PartError> {
        let layout = Layout::of(&scenario);
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let secret = NodeSecret::generate().map_err(ClusterError::from)?;
        let address = listener.local_addr().map_err(ClusterError::from)?;
        let own = Peer { number, address, key: secret.public() };
        let (scenario, folder) = (Arc::new(scenario), folder.into());
        Ok(Part { scenario, layout, folder, secret, listener, own })
    }

    /// The node, as the others must know it.
    pub fn peer(&self) -> &Peer {
        &self.own
    }

    /// Plays it with these others. Time begins when the calendar says that.
    ///
    /// # Errors
    ///
    /// If something that it needs cannot be had.
    pub fn play(
        self,
        others: Vec<Peer>,
        origin_ns: u64,
        notices: Notices,
    ) -> Result<Acting, PartError> {
        let scenario = self.scenario.clone();
        match &scenario.protocol {
            Protocol::Bcr(knobs) => match knobs.quirk {
                None => self.act::<Bcr>(bcr_settings(knobs), others, origin_ns, notices),
                Some(quirk) => {
                    let settings = bcr_settings(knobs).under(quirk);
                    self.act::<Bcr<_>>(settings, others, origin_ns, notices)
                }
            },
            Protocol::Solo(knobs) => {
                let settings = solo::Settings { timeout_ns: knobs.client_timeout_ns };
                self.act::<Solo>(settings, others, origin_ns, notices)
            }
            Protocol::Own(own) => Err(PartError::Own(own.name)),
        }
    }

    fn act<P: Served + Attackable>(
        self,
        settings: P::Settings,
        others: Vec<Peer>,
        origin_ns: u64,
        notices: Notices,
    ) -> Result<Acting, PartError> {
        let Part { scenario, layout, folder, secret, listener, own } = self;
        let record = RecordFolder { scenario: Some(scenario.clone()), ..RecordFolder::new(folder) };
        let plan = Plan::<P> {
            nodes: layout.nodes,
            clients: scenario.clients.len() as u32,
            workloads: scenario.clients.iter().map(|client| client.workload.clone()).collect(),
            record: Some(record),
            interposers: trouble::interposers(&scenario),
            weather: weather(&scenario),
            scheme: match scenario.signatures {
                Signatures::Ideal => Scheme::Ideal,
                Signatures::Ed25519 => Scheme::Ed25519,
            },
            notices,
            ..Plan::of(settings)
        };
        plan.begin_recording().map_err(ClusterError::from)?;
        let peers = others.into_iter().filter(|peer| peer.number != own.number).collect();
        let clock = Clock::start_at(origin_ns);
        let (wishes, gateway, patience) = (layout.wishes, None, None);
        let place =
            Place { own, charter: 0, secret, listener, peers, wishes, gateway, clock, patience };
        Ok(Acting(Station::start(&plan, place)?))
    }
}

/// The network that a scenario asks for; none, if sockets of one machine are as good.
fn weather(scenario: &Scenario) -> Option<Weather> {
    let Scenario { network, schedule, seed, .. } = scenario;
    let is_plain = *network == Network::default() && *schedule == Schedule::Timed;
    let weather = || Weather { network: network.clone(), schedule: *schedule, seed: *seed };
    (!is_plain).then(weather)
}

/// A part that is played. Dropped, it ends without waiting for anything.
#[derive(Debug)]
pub struct Acting(Station);

impl Acting {
    /// How the node stands; none, if it has ended.
    pub fn standing(&self) -> Option<Standing> {
        self.0.standing()
    }

    /// Ends it, and all processes that live there.
    ///
    /// # Errors
    ///
    /// If it has failed.
    pub fn stop(mut self) -> Result<NodeStats, ClusterError> {
        self.0.stop()
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        if self.0.is_running() {
            // It has failed, if it has: nobody is left to be told.
            let _ = self.0.stop();
        }
    }
}
