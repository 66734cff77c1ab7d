//! A whole cluster in one program: a thread a node, over loopback, with a gateway for users.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::crypto::Scheme;
use crate::object::Workload;
use crate::process::Interposers;
use crate::protocol::bcr::{Bcr, Settings};
use crate::run::cluster::served;
use crate::time::SECOND_NS;

use super::clock::Clock;
use super::handshake::{HandshakeError, NodeSecret};
use super::log::LogFolder;
use super::placement::Wishes;
use super::record::{RecordError, RecordFolder};
use super::report::{Board, NodeStats};
use super::roster::{NodeNumber, Notice, Notices, Peer};
use super::served::Served;
use super::station::{Place, Station, listen};
use super::weather::Weather;

/// The most nodes of one cluster.
pub const MOST_NODES: NodeNumber = 64;
/// The most client processes.
pub const MOST_CLIENTS: u32 = 1024;

/// How large a cluster is and how it behaves.
pub struct Plan<P: Served = Bcr> {
    /// The protocol's knobs.
    pub settings: P::Settings,
    /// How many nodes there are in one program; the first has the clients, the gateway, and
    /// Olympus, if there is one.
    pub nodes: NodeNumber,
    /// How many client processes serve users; each has one request at a time.
    pub clients: u32,
    /// What the first of them ask for of their own, before they serve anybody.
    pub workloads: Vec<Workload>,
    /// Where users connect; port 0 for any that is free.
    pub gateway: SocketAddr,
    /// How statements are signed.
    pub scheme: Scheme,
    /// Where each process's log goes, if anywhere.
    pub log: Option<LogFolder>,
    /// Where what comes to each process is recorded, if anywhere; see [`super::replay`].
    pub record: Option<RecordFolder>,
    /// How long a connection may take to prove who it is.
    pub handshake: Duration,
    /// After how long a node that says nothing counts as gone.
    pub silence: Duration,
    /// How long the nodes may take to find each other.
    pub start: Duration,
    /// How long what is in flight may take when the cluster stops.
    pub stop: Duration,
    /// The longest message between processes.
    pub longest_message: usize,
    /// How many messages to one node may wait to arrive, and how many bytes in all.
    pub backlog: (usize, usize),
    /// Who stands before which process; mostly nobody.
    pub interposers: Option<Interposers<P>>,
    /// The network that is to be between processes, instead of none but the sockets.
    pub weather: Option<Weather>,
    /// Who is told what an operator may want to know.
    pub notices: Notices,
    /// Where nodes and gateway tell of themselves all the time, if anywhere.
    pub board: Option<Board>,
}

impl Plan {
    /// A cluster of Byzantine chain replication that bears `t` faulty replicas; see [`Plan::of`].
    pub fn new(t: u32) -> Plan {
        let settings = Settings { checkpoint_interval: 1024, ..Settings::new(t) };
        // As everywhere where it is said how long all wait for each other.
        Plan::of(settings.with_timeouts(3 * SECOND_NS))
    }
}

impl<P: Served> Plan<P> {
    /// A cluster of a protocol with these knobs, each replica on a node of its own, that tells
    /// nobody anything.
    pub fn of(settings: P::Settings) -> Plan<P> {
        let nodes = P::replicas(&settings).saturating_add(1).min(MOST_NODES.into());
        Plan {
            settings,
            nodes: nodes as NodeNumber,
            clients: 64,
            workloads: Vec::new(),
            gateway: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            scheme: Scheme::Ed25519,
            log: None,
            record: None,
            handshake: Duration::from_secs(5),
            silence: Duration::from_secs(4),
            start: Duration::from_secs(10),
            stop: Duration::from_secs(10),
            longest_message: 64 << 20,
            backlog: (1 << 16, 256 << 20),
            interposers: None,
            weather: None,
            notices: Notices::to(|_| {}),
            board: None,
        }
    }
}

impl<P: Served> Plan<P> {
    /// Makes the folder for what is recorded, if anything is.
    pub(super) fn begin_recording(&self) -> Result<(), RecordError> {
        let scenario = || served(P::scenario(&self.settings), self.clients, self.scheme);
        self.record.as_ref().map_or(Ok(()), |record| record.begin(scenario))
    }
}

// Not derived: a protocol need not be cloned for that.
impl<P: Served> Clone for Plan<P> {
    fn clone(&self) -> Plan<P> {
        Plan {
            settings: self.settings.clone(),
            log: self.log.clone(),
            record: self.record.clone(),
            workloads: self.workloads.clone(),
            interposers: self.interposers.clone(),
            weather: self.weather.clone(),
            notices: self.notices.clone(),
            board: self.board.clone(),
            ..*self
        }
    }
}

/// Why a cluster does not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The plan asks for what cannot be.
    #[error("{0}")]
    Plan(String),
    /// Nobody can listen there.
    #[error("{address}: {error}; take another address, or port 0 for any that is free")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// Nothing can be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A node has no key.
    #[error(transparent)]
    Key(#[from] HandshakeError),
    /// The machine refuses a thread or a socket.
    #[error("a node cannot run: {0}; check the limits on threads and open files")]
    Io(#[from] io::Error),
    /// The nodes did not find each other.
    #[error("the nodes did not find each other in {0:?}; is the machine overloaded?")]
    Apart(Duration),
    /// A node ended by a mistake in the program.
    #[error("node {0} failed; its thread says why on standard error")]
    Failed(NodeNumber),
    /// The registrar was started anew.
    #[error(
        "the node of Olympus was started anew, and the cluster that this node belonged to is gone; \
         start this one again, and it belongs to the new one"
    )]
    Orphaned,
    /// Not all that was in flight was answered.
    #[error("some requests were not answered in {0:?}, and were given up")]
    Unanswered(Duration),
}

/// A cluster that runs. Dropped, it ends without waiting for anything.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Station>,
    gateway: SocketAddr,
    stop: Duration,
    /// Whether the nodes are about to end, so that none is missed any more.
    ending: Arc<AtomicBool>,
}

impl Cluster {
    /// Starts a cluster and waits until its processes run.
    ///
    /// # Errors
    ///
    /// If something that it needs cannot be had.
    pub fn start<P: Served>(plan: &Plan<P>) -> Result<Cluster, ClusterError> {
        check(plan)?;
        plan.begin_recording()?;
        let listener = listen(plan.gateway)?;
        let gateway = listener.local_addr()?;
        let (notices, ending) = until_ending(&plan.notices);
        let plan = &Plan { notices, ..plan.clone() };
        let mut places = places(plan.nodes)?;
        places[0].gateway = Some(listener);
        let nodes = places.into_iter().map(|place| Station::start(plan, place));
        let nodes = nodes.collect::<Result<_, _>>()?;
        let cluster = Cluster { nodes, gateway, stop: plan.stop, ending };
        cluster.nodes.iter().try_for_each(|node| node.wait(plan.start))?;
        Ok(cluster)
    }

    /// Where users connect.
    pub fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    /// The nodes, in the order of their numbers.
    pub fn nodes(&self) -> impl Iterator<Item = &Peer> {
        self.nodes.iter().map(|node| &node.own)
    }

    /// Ends one node, and all processes that live there.
    ///
    /// # Errors
    ///
    /// If there is none of this number that runs, or it has failed.
    pub fn stop_node(&mut self, number: NodeNumber) -> Result<NodeStats, ClusterError> {
        let node = self.nodes.iter_mut().find(|node| node.own.number == number);
        node.ok_or(ClusterError::Failed(number))?.stop()
    }

    /// Takes no new requests, waits for those in flight, and ends all nodes.
    ///
    /// # Errors
    ///
    /// If some were not answered in time, or a node has failed.
    pub fn stop(mut self) -> Result<Vec<NodeStats>, ClusterError> {
        let mut doors = self.nodes.iter().filter_map(|node| node.door.as_ref());
        let in_time = doors.try_for_each(|door| door.close(self.stop));
        self.ending.store(true, Ordering::Relaxed);
        let running = self.nodes.iter_mut().filter(|node| node.is_running());
        let ended: Vec<_> = running.map(Station::stop).collect();
        in_time.and_then(|()| ended.into_iter().collect())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        for node in self.nodes.iter_mut().filter(|node| node.is_running()) {
            // It has failed, if it has: nobody is left to be told.
            let _ = node.stop();
        }
    }
}

/// Notices that tell of no lost links once the flag is up.
pub(super) fn until_ending(notices: &Notices) -> (Notices, Arc<AtomicBool>) {
    let ending = Arc::<AtomicBool>::default();
    let (whom, flag) = (notices.clone(), ending.clone());
    let filtered = Notices::to(move |notice| {
        if !(flag.load(Ordering::Relaxed) && matches!(notice, Notice::LinkDown { .. })) {
            whom.tell(notice);
        }
    });
    (filtered, ending)
}

/// So many places on this machine.
fn places(count: NodeNumber) -> Result<Vec<Place>, ClusterError> {
    let clock = Clock::start();
    let place = |number| {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let secret = NodeSecret::generate()?;
        let address = listener.local_addr()?;
        let own = Peer { number, address, key: secret.public() };
        let (peers, wishes) = (Vec::new(), Wishes::default());
        let (gateway, patience) = (None, None);
        Ok(Place { own, charter: 0, secret, listener, peers, wishes, gateway, clock, patience })
    };
    let mut places = (0..count).map(place).collect::<Result<Vec<_>, ClusterError>>()?;
    let all: Vec<Peer> = places.iter().map(|place| place.own.clone()).collect();
    for place in &mut places {
        let others = all.iter().filter(|peer| peer.number != place.own.number);
        place.peers = others.cloned().collect();
    }
    Ok(places)
}

pub(super) fn check<P: Served>(plan: &Plan<P>) -> Result<(), ClusterError> {
    let refuse = |why: String| Err(ClusterError::Plan(why));
    if plan.nodes == 0 || plan.nodes > MOST_NODES {
        return refuse(format!("{} nodes; take 1 to {MOST_NODES}", plan.nodes));
    }
    if plan.clients == 0 || plan.clients > MOST_CLIENTS {
        return refuse(format!("{} client processes; take 1 to {MOST_CLIENTS}", plan.clients));
    }
    P::check(&plan.settings).map_err(ClusterError::Plan)
}
