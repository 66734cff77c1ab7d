//! A whole cluster in one program: a thread a node, over loopback, with a gateway for users.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::crypto::Scheme;
use crate::identity::Identity;
use crate::object::Workload;
use crate::process::Interposers;
use crate::protocol::bcr::{Bcr, Birth, Settings, Sound};
use crate::run::cluster::served;

use super::clock::Clock;
use super::gateway::Gateway;
use super::handshake::{HandshakeError, Limits, NodeSecret};
use super::link::Room;
use super::log::LogFolder;
use super::node::{self, Answers, Inlet, NodePlan, NodeStats, Outlet, Signals};
use super::placement::InTurn;
use super::record::{RecordError, RecordFolder};
use super::roster::{NodeNumber, Notice, Notices, Peer, REGISTRAR};

/// The most nodes of one program.
pub const MOST_NODES: NodeNumber = 64;
/// The most client processes.
pub const MOST_CLIENTS: u32 = 1024;

/// How large a cluster is and how it behaves.
#[derive(Clone)]
pub struct Plan {
    /// The protocol's knobs.
    pub settings: Settings,
    /// How many nodes there are; the first hosts Olympus, the clients and the gateway.
    pub nodes: NodeNumber,
    /// How many client processes serve users; each has one request at a time.
    pub clients: u32,
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
    /// How long the nodes may take to find each other.
    pub start: Duration,
    /// How long what is in flight may take when the cluster stops.
    pub stop: Duration,
    /// The longest message between processes.
    pub longest_message: usize,
    /// How many messages to one node may wait to arrive, and how many bytes in all.
    pub backlog: (usize, usize),
    /// Who stands before which process; mostly nobody.
    pub interposers: Option<Interposers<Bcr>>,
    /// Who is told what an operator may want to know.
    pub notices: Notices,
}

impl Plan {
    /// A cluster that bears `t` faulty replicas, each on a node of its own, and tells nobody
    /// anything.
    pub fn new(t: u32) -> Plan {
        let settings = Settings { checkpoint_interval: 1024, ..Settings::new(t) };
        let nodes = settings.replicas().saturating_add(1).min(MOST_NODES.into());
        Plan {
            settings,
            nodes: nodes as NodeNumber,
            clients: 64,
            gateway: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            scheme: Scheme::Ed25519,
            log: None,
            record: None,
            handshake: Duration::from_secs(5),
            start: Duration::from_secs(10),
            stop: Duration::from_secs(10),
            longest_message: 64 << 20,
            backlog: (1 << 16, 256 << 20),
            interposers: None,
            notices: Notices::to(|_| {}),
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
    /// Not all that was in flight was answered.
    #[error("some requests were not answered in {0:?}, and were given up")]
    Unanswered(Duration),
}

/// A cluster that runs. Dropped, it ends without waiting for anything.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<RunningNode>,
    gateway: SocketAddr,
    closing: watch::Sender<bool>,
    closed: Receiver<()>,
    stop: Duration,
    /// Whether the nodes are about to end, so that none is missed any more.
    ending: Arc<AtomicBool>,
}

#[derive(Debug)]
struct RunningNode {
    peer: Peer,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<NodeStats>>>,
}

impl Cluster {
    /// Starts a cluster and waits until its processes run.
    ///
    /// # Errors
    ///
    /// If something that it needs cannot be had.
    pub fn start(plan: &Plan) -> Result<Cluster, ClusterError> {
        check(plan)?;
        let scenario = || served(&plan.settings, plan.clients, plan.scheme);
        plan.record.as_ref().map_or(Ok(()), |record| record.begin(scenario))?;
        let listener = listen(plan.gateway)?;
        let gateway = listener.local_addr()?;
        let (notices, ending) = until_ending(&plan.notices);
        let plan = &Plan { notices, ..plan.clone() };
        let sites = sites(plan.nodes)?;
        let (closing, close) = watch::channel(false);
        let (tell_closed, closed) = std::sync::mpsc::channel();
        let (answers, answered) = mpsc::unbounded_channel();
        let mut door = Some((listener, answered, close, tell_closed));
        let (mut nodes, mut waits) = (Vec::new(), Vec::new());
        let clock = Clock::start();
        for index in 0..sites.len() {
            let (ready, wait) = std::sync::mpsc::channel();
            waits.push(wait);
            let (stop, stopping) = oneshot::channel();
            let (tell_begun, begun) = oneshot::channel();
            let signals = Signals { ready, begun: tell_begun, stop: stopping };
            let own = node_plan(plan, &sites, index, (clock, answers.clone(), signals))?;
            let (inlet, outlet) = node::inlet();
            let gateway = door.take().map(|(listener, answers, closing, tell_closed)| {
                let (inlet, notices) = (inlet.clone(), plan.notices.clone());
                let (clients, greeting) = (plan.clients, plan.handshake);
                let gateway = Gateway {
                    listener,
                    clients,
                    greeting,
                    inlet,
                    answers,
                    begun,
                    closing,
                    notices,
                };
                (gateway, tell_closed)
            });
            let (thread, peer) = (spawn(own, inlet, outlet, gateway)?, sites[index].peer.clone());
            nodes.push(RunningNode { peer, stop: Some(stop), thread: Some(thread) });
        }
        let cluster = Cluster { nodes, gateway, closing, closed, stop: plan.stop, ending };
        wait_for(waits, plan.start)?;
        Ok(cluster)
    }

    /// Where users connect.
    pub fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    /// The nodes, in the order of their numbers.
    pub fn nodes(&self) -> impl Iterator<Item = &Peer> {
        self.nodes.iter().map(|node| &node.peer)
    }

    /// Ends one node, and all processes that live there.
    ///
    /// # Errors
    ///
    /// If there is none of this number that runs, or it has failed.
    pub fn stop_node(&mut self, number: NodeNumber) -> Result<NodeStats, ClusterError> {
        let node = self.nodes.iter_mut().find(|node| node.peer.number == number);
        node.ok_or(ClusterError::Failed(number))?.stop()
    }

    /// Takes no new requests, waits for those in flight, and ends all nodes.
    ///
    /// # Errors
    ///
    /// If some were not answered in time, or a node has failed.
    pub fn stop(mut self) -> Result<Vec<NodeStats>, ClusterError> {
        // Nobody listens any more where the gateway's node has ended.
        let _ = self.closing.send(true);
        let in_time = match self.closed.recv_timeout(self.stop) {
            Err(RecvTimeoutError::Timeout) => Err(ClusterError::Unanswered(self.stop)),
            _ => Ok(()),
        };
        self.ending.store(true, Ordering::Relaxed);
        let running = self.nodes.iter_mut().filter(|node| node.thread.is_some());
        let ended: Vec<_> = running.map(RunningNode::stop).collect();
        in_time.and_then(|()| ended.into_iter().collect())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        for node in self.nodes.iter_mut().filter(|node| node.thread.is_some()) {
            // It has failed, if it has: nobody is left to be told.
            let _ = node.stop();
        }
    }
}

impl RunningNode {
    fn stop(&mut self) -> Result<NodeStats, ClusterError> {
        let failed = ClusterError::Failed(self.peer.number);
        let Some(thread) = self.thread.take() else {
            return Err(failed);
        };
        // A node that has ended hears nothing.
        let _ = self.stop.take().map(|stop| stop.send(()));
        thread.join().map_err(|_| failed)?.map_err(ClusterError::Io)
    }
}

/// Notices that tell of no lost links once the flag is up.
fn until_ending(notices: &Notices) -> (Notices, Arc<AtomicBool>) {
    let ending = Arc::<AtomicBool>::default();
    let (whom, flag) = (notices.clone(), ending.clone());
    let filtered = Notices::to(move |notice| {
        if !(flag.load(Ordering::Relaxed) && matches!(notice, Notice::LinkDown { .. })) {
            whom.tell(notice);
        }
    });
    (filtered, ending)
}

/// A node's place on this machine.
struct Site {
    peer: Peer,
    secret: NodeSecret,
    listener: TcpListener,
}

/// So many places.
fn sites(count: NodeNumber) -> Result<Vec<Site>, ClusterError> {
    let site = |number| {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let secret = NodeSecret::generate()?;
        let address = listener.local_addr()?;
        let peer = Peer { number, address, key: secret.public() };
        Ok(Site { peer, secret, listener })
    };
    (0..count).map(site).collect()
}

/// What one of the nodes is made from.
fn node_plan(
    plan: &Plan,
    sites: &[Site],
    index: usize,
    (clock, answers, signals): (Clock, Answers<Bcr>, Signals),
) -> Result<NodePlan<Bcr>, ClusterError> {
    let Site { peer, secret, listener } = &sites[index];
    let number = peer.number;
    let peers = sites.iter().map(|site| &site.peer).filter(|peer| peer.number != number);
    let (longest, (parcels, bytes)) = (plan.longest_message, plan.backlog);
    Ok(NodePlan {
        number,
        secret: secret.clone(),
        peers: peers.cloned().collect(),
        listener: listener.try_clone()?,
        homes: residents(plan).map(|(identity, _)| (identity, REGISTRAR)).collect(),
        residents: residents(plan).filter(|_| number == REGISTRAR).collect(),
        placement: Box::new(InTurn::default()),
        interposers: plan.interposers.clone(),
        scheme: plan.scheme,
        limits: Limits { handshake: plan.handshake, frame: longest },
        room: Room { parcels, bytes, frame: longest },
        clock,
        log: plan.log.clone(),
        record: plan.record.clone(),
        notices: plan.notices.clone(),
        answers,
        signals,
    })
}

fn check(plan: &Plan) -> Result<(), ClusterError> {
    let refuse = |why: String| Err(ClusterError::Plan(why));
    if plan.nodes == 0 || plan.nodes > MOST_NODES {
        return refuse(format!("{} nodes; take 1 to {MOST_NODES}", plan.nodes));
    }
    if plan.clients == 0 || plan.clients > MOST_CLIENTS {
        return refuse(format!("{} client processes; take 1 to {MOST_CLIENTS}", plan.clients));
    }
    const MOST_T: u32 = 20;
    if plan.settings.t > MOST_T {
        return refuse(format!("t = {}; take 0 to {MOST_T}", plan.settings.t));
    }
    Ok(())
}

/// Who lives at the registrar's from the beginning.
fn residents(plan: &Plan) -> impl Iterator<Item = (Identity, Birth<Sound>)> {
    let (settings, clients) = (plan.settings, plan.clients);
    let olympus = (Identity::OLYMPUS, Birth::Olympus { settings, clients });
    let clients = (0..clients).map(move |number| {
        let workload = Workload::default();
        (Identity::client(number), Birth::Client { settings, number, workload })
    });
    std::iter::once(olympus).chain(clients)
}

fn listen(address: SocketAddr) -> Result<TcpListener, ClusterError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|error| ClusterError::Listen { address, error })
}

type Door<P> = (Gateway<P>, std::sync::mpsc::Sender<()>);

/// A thread for a node, with the gateway on the registrar's.
fn spawn(
    plan: NodePlan<Bcr>,
    inlet: Inlet<Bcr>,
    outlet: Outlet<Bcr>,
    door: Option<Door<Bcr>>,
) -> io::Result<JoinHandle<io::Result<NodeStats>>> {
    let name = format!("node {}", plan.number);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name(name).spawn(move || {
        let local = tokio::task::LocalSet::new();
        if let Some((gateway, tell_closed)) = door {
            local.spawn_local(async move {
                let served = gateway.serve().await;
                // Nobody waits for that where the cluster was dropped.
                let _ = tell_closed.send(());
                served
            });
        }
        runtime.block_on(local.run_until(node::run(plan, inlet, outlet)))
    })
}

/// Waits until all nodes are ready, so long for each.
fn wait_for(waits: Vec<Receiver<()>>, limit: Duration) -> Result<(), ClusterError> {
    for (number, wait) in (0..).zip(waits) {
        wait.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => ClusterError::Apart(limit),
            RecvTimeoutError::Disconnected => ClusterError::Failed(number),
        })?;
    }
    Ok(())
}
