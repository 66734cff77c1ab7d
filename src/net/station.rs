//! One node of a cluster at work: a thread of its own, with a gateway where clients live.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::LocalSet;

use crate::object::Workload;

use super::arrival::{self, Answers, Inlet, Outlet};
use super::clock::Clock;
use super::cluster::{ClusterError, Plan};
use super::gateway::Gateway;
use super::handshake::{Limits, NodeSecret};
use super::node::{self, NodeError, NodePlan, Signals};
use super::numbers::Room;
use super::placement::{InTurn, Wishes};
use super::report::NodeStats;
use super::roster::Peer;
use super::served::Served;
use super::standing::{Asking, Standing};
use super::weather::Weather;

/// A node's place in its cluster.
pub(super) struct Place {
    /// As others know it.
    pub(super) own: Peer,
    /// What it has alike with all other nodes; 0 where they cannot but have.
    pub(super) charter: u64,
    pub(super) secret: NodeSecret,
    /// Where other nodes call.
    pub(super) listener: TcpListener,
    /// All other nodes.
    pub(super) peers: Vec<Peer>,
    /// Who lives where.
    pub(super) wishes: Wishes,
    /// Where users connect, if clients live here.
    pub(super) gateway: Option<TcpListener>,
    pub(super) clock: Clock,
    /// After how long everybody begins, though not all nodes are there; never, if it does not say.
    pub(super) patience: Option<Duration>,
}

/// A node that runs. Dropped, it ends without waiting for anything.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) own: Peer,
    pub(super) door: Option<Door>,
    ready: Receiver<()>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<NodeStats, NodeError>>>,
    asking: Asking,
    /// Closed when the thread is over.
    over: oneshot::Receiver<()>,
}

/// The outside of a gateway.
#[derive(Debug)]
pub(super) struct Door {
    closing: watch::Sender<bool>,
    closed: Receiver<()>,
}

impl Station {
    /// Starts the node that has this place.
    pub(super) fn start<P: Served>(plan: &Plan<P>, place: Place) -> Result<Station, ClusterError> {
        let own = place.own.clone();
        let (inlet, outlet) = arrival::inlet();
        let (tell_ready, ready) = std::sync::mpsc::channel();
        let (stop, stopping) = oneshot::channel();
        let (tell_begun, begun) = oneshot::channel();
        let signals = Signals { ready: tell_ready, begun: tell_begun, stop: stopping };
        let (tell_answers, answers) = mpsc::unbounded_channel();
        let (mut door, mut inside) = (None, None);
        if let Some(listener) = &place.gateway {
            let listener = listener.try_clone()?;
            let (tell_closing, closing) = watch::channel(false);
            let (tell_closed, closed) = std::sync::mpsc::channel();
            let (inlet, notices, greeting) = (inlet.clone(), plan.notices.clone(), plan.handshake);
            let board = plan.board.clone();
            let node = own.number;
            let gateway = Gateway {
                listener,
                greeting,
                inlet,
                answers,
                begun,
                closing,
                notices,
                board,
                node,
            };
            inside = Some((gateway, tell_closed));
            door = Some(Door { closing: tell_closing, closed });
        }
        let asking = Asking::through(inlet.clone());
        let node = node_plan(plan, place, tell_answers, signals);
        let (running, over) = oneshot::channel();
        let thread = Some(spawn(node, (inlet, outlet), inside, running)?);
        Ok(Station { own, door, ready, stop: Some(stop), thread, asking, over })
    }

    /// Waits until everybody has begun who lives from the beginning.
    pub(super) fn wait(&self, limit: Duration) -> Result<(), ClusterError> {
        self.ready.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => ClusterError::Apart(limit),
            RecvTimeoutError::Disconnected => ClusterError::Failed(self.own.number),
        })
    }

    /// Waits until the node has ended, told or not.
    pub(super) async fn ended(&mut self) {
        if !self.over.is_terminated() {
            // Nobody ever sends anything.
            let _ = (&mut self.over).await;
        }
    }

    /// How the node stands; none, if it has ended.
    pub(super) fn standing(&self) -> Option<Standing> {
        self.asking.ask()
    }

    pub(super) fn is_running(&self) -> bool {
        self.thread.is_some()
    }

    /// Ends the node, and all processes that live there.
    pub(super) fn stop(&mut self) -> Result<NodeStats, ClusterError> {
        let failed = ClusterError::Failed(self.own.number);
        let Some(thread) = self.thread.take() else {
            return Err(failed);
        };
        // A node that has ended hears nothing.
        let _ = self.stop.take().map(|stop| stop.send(()));
        thread.join().map_err(|_| failed)?.map_err(|error| match error {
            NodeError::Io(error) => ClusterError::Io(error),
            NodeError::Orphaned => ClusterError::Orphaned,
        })
    }
}

impl Door {
    /// Takes no new requests, and waits so long for those in flight.
    pub(super) fn close(&self, limit: Duration) -> Result<(), ClusterError> {
        // Nobody listens any more where the node has ended.
        let _ = self.closing.send(true);
        match self.closed.recv_timeout(limit) {
            Err(RecvTimeoutError::Timeout) => Err(ClusterError::Unanswered(limit)),
            _ => Ok(()),
        }
    }
}

/// What the node is made from.
fn node_plan<P: Served>(
    plan: &Plan<P>,
    place: Place,
    answers: Answers<P>,
    signals: Signals,
) -> NodePlan<P> {
    let Place { own, charter, secret, listener, peers, wishes, clock, patience, gateway: _ } =
        place;
    let is_registrar = own.number == wishes.registrar;
    let workloads = || {
        let mut workloads = plan.workloads.clone();
        workloads.resize_with(plan.clients as usize, Workload::default);
        workloads
    };
    let founders = is_registrar.then(|| P::founders(&plan.settings, workloads()));
    let (longest, (parcels, bytes)) = (plan.longest_message, plan.backlog);
    NodePlan {
        number: own.number,
        charter,
        secret,
        peers,
        listener,
        registrar: wishes.registrar,
        founders: founders.unwrap_or_default(),
        patience,
        placement: Box::new(InTurn::wishing(wishes)),
        interposers: plan.interposers.clone(),
        roads: plan.weather.clone().map(Weather::roads),
        scheme: plan.scheme,
        limits: Limits { handshake: plan.handshake, frame: longest, silence: plan.silence },
        room: Room { parcels, bytes, frame: longest },
        clock,
        log: plan.log.clone(),
        record: plan.record.clone(),
        notices: plan.notices.clone(),
        board: plan.board.clone(),
        answers,
        signals,
    }
}

/// Listens there.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, ClusterError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|error| ClusterError::Listen { address, error })
}

/// A gateway, and who is told when it has closed.
type Inside<P> = (Gateway<P>, std::sync::mpsc::Sender<()>);

fn spawn<P: Served>(
    plan: NodePlan<P>,
    (inlet, outlet): (Inlet<P>, Outlet<P>),
    inside: Option<Inside<P>>,
    running: oneshot::Sender<()>,
) -> io::Result<JoinHandle<Result<NodeStats, NodeError>>> {
    let name = format!("node {}", plan.number);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name(name).spawn(move || {
        let _running = running;
        let local = LocalSet::new();
        if let Some((gateway, tell_closed)) = inside {
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
