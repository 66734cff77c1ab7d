//! A node: one thread that hosts processes, delivers between them, and keeps links to the others.
//!
//! Messages between processes of one node go from hand to hand; others go over a link. A node takes
//! a message only from the node where its sender lives, and births and announcements only from the
//! registrar.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::Instant;

use crate::crypto::{Counts, Memory, Notary, Office, Scheme};
use crate::identity::{Address, Class, Identity};
use crate::process::{Field, Interposers, Protocol, Ticket};
use crate::trace::What;
use crate::wire::{self, WireError};

use super::clock::{self, Clock};
use super::directory::Directory;
use super::handshake::{self, Limits, NodeSecret};
use super::link::{Incoming, Life, Line, Outgoing, Room, take_parcels};
use super::log::LogFolder;
use super::placement::{Host, Placement};
use super::record::RecordFolder;
use super::report::{Board, NodeReport, ProcessReport};
use super::roster::{NodeNumber, Notice, Notices, Peer};
use super::seat::{Coming, Keep, Leaving, Seat, Watcher};

/// How many signatures a node remembers that it has found to be good.
const MEMORY: Memory = Memory::Remember { capacity: 4096 };
/// How many things that came may wait for a node to take them; then nothing more is read.
const MOST_COMING: usize = 1024;
/// How many things a node takes before it looks after its timers and links.
const TAKEN_AT_ONCE: usize = 256;
/// How often a node tells of itself.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// How many connections from other nodes there may be.
const MOST_CONNECTIONS: usize = 256;

/// What goes from node to node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "P: Protocol")]
pub(super) enum Parcel<P: Protocol> {
    /// A message between processes.
    Message { from: Identity, to: Identity, sent: u64, message: P::Message },
    /// From the registrar: this process begins here.
    Birth { identity: Identity, birth: P::Birth },
    /// From the registrar: this process lives there.
    Lives { identity: Identity, home: NodeNumber },
    /// From the registrar: everybody who lives from the beginning has begun.
    Begun,
}

/// Something that comes to a node.
#[derive(Debug)]
pub(super) enum Arrival<P: Protocol> {
    /// A parcel of a peer's, or why there is none in what he sent.
    Parcel(NodeNumber, Result<Parcel<P>, WireError>),
    /// The link to a peer has come up.
    Up(NodeNumber, Life),
    /// A question to a process here.
    Command(Identity, Ticket, P::Command),
}

/// What a node is made from.
pub(super) struct NodePlan<P: Protocol> {
    pub(super) number: NodeNumber,
    pub(super) secret: NodeSecret,
    /// All other nodes.
    pub(super) peers: Vec<Peer>,
    pub(super) listener: std::net::TcpListener,
    /// The node where processes are placed and announced. Nobody else's word counts in that.
    pub(super) registrar: NodeNumber,
    /// Who lives from the beginning; of the registrar alone, who lets them begin, here or
    /// elsewhere, once all its links are up.
    pub(super) founders: Vec<(Identity, P::Birth)>,
    /// After how long they begin though some links are not up; never, if it does not say.
    pub(super) patience: Option<Duration>,
    pub(super) placement: Box<dyn Placement>,
    pub(super) interposers: Option<Interposers<P>>,
    pub(super) scheme: Scheme,
    pub(super) limits: Limits,
    pub(super) room: Room,
    pub(super) clock: Clock,
    pub(super) log: Option<LogFolder>,
    pub(super) record: Option<RecordFolder>,
    pub(super) notices: Notices,
    /// Where it tells of itself, if anywhere.
    pub(super) board: Option<Board>,
    pub(super) answers: Answers<P>,
    pub(super) signals: Signals,
}

/// What a node and whoever started it tell each other.
pub(super) struct Signals {
    /// Told when everybody who lives from the beginning has begun.
    pub(super) ready: std::sync::mpsc::Sender<()>,
    /// The same for the gateway, if it is here: which clients live here.
    pub(super) begun: oneshot::Sender<Vec<u32>>,
    /// Tells the node to end.
    pub(super) stop: oneshot::Receiver<()>,
}

/// Where answers to commands go; none for a command to a process that is not here any more.
pub(super) type Answers<P> = mpsc::UnboundedSender<(Ticket, Option<<P as Protocol>::Answer>)>;

/// The way to a node from outside of its thread.
pub(super) type Inlet<P> = mpsc::Sender<Arrival<P>>;

/// What came to a node's ear.
pub(super) type Outlet<P> = mpsc::Receiver<Arrival<P>>;

/// The way to a node that is going to run.
pub(super) fn inlet<P: Protocol>() -> (Inlet<P>, Outlet<P>) {
    mpsc::channel(MOST_COMING)
}

/// Why a node does not run, or ended by itself.
#[derive(Debug)]
pub(super) enum NodeError {
    Io(std::io::Error),
    /// The registrar has begun anew.
    Orphaned,
}

impl From<std::io::Error> for NodeError {
    fn from(error: std::io::Error) -> NodeError {
        NodeError::Io(error)
    }
}

/// What a node counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStats {
    /// Messages handed to processes here.
    pub received: u64,
    /// Messages sent to processes elsewhere.
    pub sent: u64,
    /// Messages to processes here that have ended.
    pub gone: u64,
    /// Parcels of other nodes that were refused.
    pub refused: u64,
    /// Parcels that found no room on a link, or were on their way to a former life of its node.
    pub lost: u64,
    /// Messages that waited in vain to learn where somebody lives.
    pub dropped: u64,
    /// Statements signed by processes here.
    pub signed: u64,
    /// Signatures made under them, one for as many as left together.
    pub sealed: u64,
    /// Signatures checked by them, without those that they remembered.
    pub verified: u64,
    /// How long making and checking them took, in nanoseconds.
    pub pen_ns: u64,
}

impl NodeStats {
    fn count(&mut self, Counts { signed, verified, remembered }: Counts) {
        self.signed += signed;
        self.verified += verified - remembered;
    }
}

/// Runs a node until it is told to stop.
pub(super) async fn run<P: Protocol>(
    plan: NodePlan<P>,
    inlet: Inlet<P>,
    outlet: Outlet<P>,
) -> Result<NodeStats, NodeError> {
    let session = getrandom::u64().map_err(std::io::Error::other)?;
    let listener = TcpListener::from_std(plan.listener.try_clone()?)?;
    let local = LocalSet::new();
    let (mut node, stop) = Node::new(plan, session);
    node.keep_links(&local, &inlet);
    node.listen(&local, listener, session, inlet);
    let node = local.run_until(async move {
        node.work(outlet, stop).await;
        node
    });
    let node = node.await;
    if node.is_orphan { Err(NodeError::Orphaned) } else { Ok(node.stats()) }
}

/// Where a message to or from a process of this node is, in the node's own hands.
#[derive(Debug)]
struct Delivery<P: Protocol> {
    to: Identity,
    coming: Coming<P>,
}

struct Node<P: Protocol> {
    plan: Rc<Shared>,
    interposers: Option<Interposers<P>>,
    placement: Box<dyn Placement>,
    scheme: Scheme,
    seats: BTreeMap<Identity, Seat<P>>,
    directory: Directory<Parcel<P>>,
    local: VecDeque<Delivery<P>>,
    /// Room for what leaves a process; empty in between.
    leaving: Vec<Leaving<P>>,
    lines: BTreeMap<NodeNumber, Rc<Line>>,
    /// What leaves when nothing more has come for now. Written out only then, so that all that was
    /// signed meanwhile is signed together.
    unsent: Vec<(NodeNumber, Parcel<P>)>,
    /// Where all processes here sign and check.
    office: Office,
    /// Of each node the first client that lives there.
    first_clients: BTreeMap<NodeNumber, Identity>,
    /// When seats want to be looked after.
    due: BTreeSet<(u64, Identity)>,
    due_of: BTreeMap<Identity, u64>,
    founders: Vec<(Identity, P::Birth)>,
    /// When they begin though some links are not up.
    begins: Option<Instant>,
    /// Whether the registrar has begun anew.
    is_orphan: bool,
    ready: Option<(std::sync::mpsc::Sender<()>, oneshot::Sender<Vec<u32>>)>,
    answers: Answers<P>,
    /// When it tells of itself next.
    reports: Instant,
    stats: NodeStats,
}

/// What a node's tasks share.
struct Shared {
    number: NodeNumber,
    registrar: NodeNumber,
    secret: NodeSecret,
    peers: Vec<Peer>,
    limits: Limits,
    clock: Clock,
    log: Option<LogFolder>,
    record: Option<RecordFolder>,
    notices: Notices,
    board: Option<Board>,
}

impl<P: Protocol> Node<P> {
    fn new(plan: NodePlan<P>, session: u64) -> (Node<P>, oneshot::Receiver<()>) {
        let Signals { ready, begun, stop } = plan.signals;
        let line = |peer: &Peer| {
            let line = Line::new(Outgoing::new(session, plan.room));
            (peer.number, Rc::new(line))
        };
        let node = Node {
            lines: plan.peers.iter().map(line).collect(),
            plan: Rc::new(Shared {
                number: plan.number,
                registrar: plan.registrar,
                secret: plan.secret,
                peers: plan.peers,
                limits: plan.limits,
                clock: plan.clock,
                log: plan.log,
                record: plan.record,
                notices: plan.notices,
                board: plan.board,
            }),
            interposers: plan.interposers,
            placement: plan.placement,
            scheme: plan.scheme,
            seats: BTreeMap::new(),
            office: Office::timed(MEMORY, clock::elapsed_ns),
            first_clients: BTreeMap::new(),
            directory: Directory::default(),
            unsent: Vec::new(),
            local: VecDeque::new(),
            leaving: Vec::new(),
            due: BTreeSet::new(),
            due_of: BTreeMap::new(),
            founders: plan.founders,
            begins: plan.patience.map(|patience| Instant::now() + patience),
            is_orphan: false,
            ready: Some((ready, begun)),
            answers: plan.answers,
            reports: Instant::now(),
            stats: NodeStats::default(),
        };
        (node, stop)
    }

    fn stats(&self) -> NodeStats {
        let lost = self.lines.values().map(|line| line.lost()).sum();
        let (sealed, pen_ns) = (self.office.sealed(), self.office.took_ns());
        let dropped = self.directory.dropped();
        let mut stats = NodeStats { lost, dropped, sealed, pen_ns, ..self.stats };
        self.seats.values().for_each(|seat| stats.count(seat.notary_counts()));
        stats
    }

    /// Calls every other node.
    fn keep_links(&self, local: &LocalSet, inlet: &Inlet<P>) {
        for (index, line) in self.lines.values().enumerate() {
            let (line, plan, inlet) = (line.clone(), self.plan.clone(), inlet.clone());
            local.spawn_local(async move {
                let peer = &plan.peers[index];
                let up = async |life| {
                    // A node that has stopped takes nothing.
                    let _ = inlet.send(Arrival::Up(peer.number, life)).await;
                };
                let own = (plan.number, &plan.secret);
                line.keep(own, peer, plan.limits, &plan.notices, up).await;
            });
        }
    }

    /// Takes the calls of other nodes.
    fn listen(&self, local: &LocalSet, listener: TcpListener, session: u64, inlet: Inlet<P>) {
        let plan = self.plan.clone();
        let incoming = |peer: &Peer| match peer.number == plan.registrar {
            true => (peer.number, RefCell::new(Incoming::of_a_mortal())),
            false => (peer.number, RefCell::default()),
        };
        let incoming: BTreeMap<_, _> = plan.peers.iter().map(incoming).collect();
        let incoming = Rc::new(incoming);
        local.spawn_local(async move {
            let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
            loop {
                let Ok(place) = places.clone().acquire_owned().await else { return };
                let Ok((stream, from)) = listener.accept().await else {
                    // Too many files are open, or the caller is gone already.
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                    continue;
                };
                let (plan, incoming, inlet) = (plan.clone(), incoming.clone(), inlet.clone());
                tokio::task::spawn_local(async move {
                    let _place = place;
                    let peer = |key| plan.peers.iter().find(|peer| peer.key == key);
                    let answered = handshake::answer(stream, &plan.secret, peer, plan.limits).await;
                    let (from, error) = match answered {
                        Err(error) => (from.to_string(), error),
                        Ok((peer, channel)) => {
                            tracing::debug!(
                                "node {} is called by node {}",
                                plan.number,
                                peer.number
                            );
                            let take = async |bytes: &[u8]| {
                                let parcel = wire::decode(bytes, plan.limits.frame);
                                let _ = inlet.send(Arrival::Parcel(peer.number, parcel)).await;
                            };
                            let incoming = &incoming[&peer.number];
                            let Err(error) =
                                take_parcels(channel, session, incoming, plan.limits, take).await;
                            (format!("node {}", peer.number), error)
                        }
                    };
                    if !error.is_end() {
                        let (node, why) = (plan.number, error.to_string());
                        plan.notices.tell(Notice::Refused { node, from, why });
                    }
                });
            }
        });
    }

    /// Takes what comes, until it is told to stop, or nobody is left who could tell it.
    async fn work(&mut self, mut outlet: Outlet<P>, mut stop: oneshot::Receiver<()>) {
        let mut came = Vec::with_capacity(TAKEN_AT_ONCE);
        self.begin_if_ready();
        self.flush_logs();
        while !self.is_orphan {
            self.flush();
            let due = self.due.first().map(|(due_ns, _)| self.plan.clock.at(*due_ns));
            let reports = self.plan.board.is_some().then_some(self.reports);
            let due = [due, self.begins, reports].into_iter().flatten().min();
            tokio::select! {
                biased;
                _ = &mut stop => return,
                count = outlet.recv_many(&mut came, TAKEN_AT_ONCE) => {
                    if count == 0 {
                        return;
                    }
                }
                () = sleep_until(due) => {}
            }
            for arrival in came.drain(..) {
                self.arrive(arrival);
                self.deliver();
            }
            self.begin_in_time();
            self.tick();
            self.report_in_time(outlet.len());
            // Before anybody outside learns what came of it.
            if outlet.is_empty() {
                self.flush_logs();
            }
            // The links have their turn, however much comes.
            tokio::task::yield_now().await;
        }
    }

    /// Tells of itself where that is read, from time to time.
    fn report_in_time(&mut self, coming: usize) {
        let now = Instant::now();
        let Some(board) = self.plan.board.as_ref().filter(|_| self.reports <= now) else { return };
        self.reports = now + REPORT_EVERY;
        let process = |(identity, seat): (&Identity, &Seat<P>)| {
            let fields = seat.pulse().into_iter();
            let fields = fields.map(|Field { name, value }| (name.to_owned(), value)).collect();
            ProcessReport { process: Address::of(*identity).to_string(), fields }
        };
        board.pin(NodeReport {
            node: self.plan.number,
            wall_ns: clock::wall_ns(),
            has_begun: self.ready.is_none(),
            stats: self.stats(),
            coming: coming as u64,
            links: self.lines.iter().map(|(to, line)| line.report(*to)).collect(),
            processes: self.seats.iter().map(process).collect(),
        });
    }

    /// Lets the links send what is there for them.
    fn flush(&mut self) {
        for (to, parcel) in self.unsent.drain(..) {
            if let Some(line) = self.lines.get(&to) {
                line.push(wire::encode(&parcel));
            }
        }
        self.lines.values().for_each(|line| line.flush());
    }

    /// Whoever reads logs and recordings sees everything, whenever there is nothing else to do.
    fn flush_logs(&mut self) {
        if self.plan.log.is_some() || self.plan.record.is_some() {
            self.seats.values_mut().for_each(|seat| seat.flush());
        }
    }

    /// Once all links of the registrar are up, everybody begins who lives from the beginning.
    fn begin_if_ready(&mut self) {
        let is_first = self.plan.number == self.plan.registrar && self.ready.is_some();
        if is_first && self.lines.values().all(|line| line.is_up()) {
            self.begin_all();
        }
    }

    /// Whoever has not come by then may come later.
    fn begin_in_time(&mut self) {
        if self.begins.is_some_and(|begins| begins <= Instant::now()) {
            self.begins = None;
            if self.plan.number == self.plan.registrar && self.ready.is_some() {
                self.begin_all();
            }
        }
    }

    fn begin_all(&mut self) {
        for (identity, birth) in std::mem::take(&mut self.founders) {
            self.settle_down(identity, birth);
        }
        self.deliver();
        self.unsent.extend(self.lines.keys().map(|number| (*number, Parcel::Begun)));
        self.tell_ready();
    }

    /// A link has come up.
    fn on_up(&mut self, peer: NodeNumber, life: Life) {
        self.begin_if_ready();
        if life != Life::Another {
            return;
        }
        if peer == self.plan.registrar {
            self.is_orphan = true;
        } else if self.plan.number == self.plan.registrar && self.ready.is_none() {
            // It knows nothing of what it was told. Those who lived there live nowhere any more;
            // it learns of them, too, so that it drops what is still sent to them.
            for (identity, home) in self.directory.homes() {
                self.unsent.push((peer, Parcel::Lives { identity, home }));
            }
            self.unsent.push((peer, Parcel::Begun));
        }
    }

    /// Whoever waits for that learns that users may ask.
    fn tell_ready(&mut self) {
        let Some((ready, begun)) = self.ready.take() else { return };
        self.reports = Instant::now();
        let clients = self.seats.keys().filter(|identity| identity.class == Class::Client);
        let clients: Vec<u32> = clients.map(|identity| identity.index).collect();
        let (node, count) = (self.plan.number, clients.len());
        self.plan.notices.tell(Notice::Begun { node, clients: count });
        // They may have given up.
        let _ = ready.send(());
        let _ = begun.send(clients);
    }

    fn arrive(&mut self, arrival: Arrival<P>) {
        match arrival {
            Arrival::Parcel(peer, Ok(parcel)) => self.take_parcel(peer, parcel),
            Arrival::Parcel(peer, Err(error)) => self.refuse(peer, &error.to_string()),
            Arrival::Up(peer, life) => self.on_up(peer, life),
            Arrival::Command(to, ticket, command) => {
                self.hand(to, Coming::Command(ticket, command));
            }
        }
    }

    fn refuse(&mut self, peer: NodeNumber, why: &str) {
        self.stats.refused += 1;
        let (node, from) = (self.plan.number, format!("node {peer}"));
        self.plan.notices.tell(Notice::Refused { node, from, why: why.to_owned() });
    }

    fn take_parcel(&mut self, peer: NodeNumber, parcel: Parcel<P>) {
        match parcel {
            Parcel::Message { from, to, .. } => {
                let homes = [from, to].map(|identity| self.directory.home(identity));
                match homes {
                    [None, _] => self.directory.wait(peer, from, parcel),
                    [Some(home), _] if home != peer => {
                        self.refuse(peer, &format!("{from} does not live there"));
                    }
                    [_, None] => self.directory.wait(peer, to, parcel),
                    [_, Some(home)] if home != self.plan.number => {
                        self.refuse(peer, &format!("{to} does not live here"));
                    }
                    _ => self.enqueue(parcel),
                }
            }
            Parcel::Birth { .. } | Parcel::Lives { .. } | Parcel::Begun
                if peer != self.plan.registrar =>
            {
                self.refuse(peer, "only the registrar says who lives where");
            }
            Parcel::Birth { identity, birth } => {
                if self.enter(identity, self.plan.number) {
                    self.begin(identity, birth);
                }
            }
            Parcel::Lives { identity, home } => {
                self.enter(identity, home);
            }
            Parcel::Begun => self.tell_ready(),
        }
    }

    /// A message to a process here, which is known.
    fn enqueue(&mut self, parcel: Parcel<P>) {
        if let Parcel::Message { from, to, sent, message } = parcel {
            let coming = Coming::Message { from, sent, message };
            self.local.push_back(Delivery { to, coming });
        }
    }

    /// Somebody lives there from now on; false if he lives somewhere already. What waited for that
    /// goes on.
    fn enter(&mut self, identity: Identity, home: NodeNumber) -> bool {
        let Some(free) = self.directory.enter(identity, home) else {
            return false;
        };
        for (from, parcel) in free {
            if from == self.plan.number {
                self.route(parcel);
            } else {
                self.take_parcel(from, parcel);
            }
        }
        true
    }

    /// A process begins here.
    fn begin(&mut self, identity: Identity, birth: P::Birth) {
        let address = Address::of(identity);
        let notary = Notary::of(&self.office, self.scheme);
        let interposer = self.interposers.as_ref().and_then(|find| find(address));
        let watch = self.watcher(address);
        let now = self.plan.clock.now();
        let shown = watch.is_some().then(|| birth.clone());
        let mut seat = Seat::new(address, birth, interposer, notary, watch);
        if let Some(birth) = shown {
            seat.emit(now, 0, What::Born { birth: &birth });
        }
        tracing::debug!("{address} begins on node {}", self.plan.number);
        self.seats.insert(identity, seat);
        let mut entropy = [0; 32];
        match getrandom::fill(&mut entropy) {
            // First of all that comes to it: what waited for its birth stands there already.
            Ok(()) => {
                self.local.push_front(Delivery { to: identity, coming: Coming::Start(entropy) });
            }
            Err(error) => {
                self.seats.remove(&identity);
                self.refuse(self.plan.number, &format!("{identity} has no entropy: {error}"));
            }
        }
    }

    /// Who logs and who records it, if anybody does.
    fn watcher(&self, address: Address) -> Watcher<P> {
        let Shared { log, record, clock, notices, .. } = &*self.plan;
        let log = log.as_ref().and_then(|log| {
            let unlogged = |why: std::io::Error| Notice::Unlogged { why: why.to_string() };
            log.open(address, notices).map_err(|why| notices.tell(unlogged(why))).ok()
        });
        let recorder = record.as_ref().and_then(|record| {
            let opened = record.open::<P>(address, self.scheme, *clock, notices);
            let process = address.to_string();
            let unrecorded = |why: std::io::Error| {
                notices.tell(Notice::Unrecorded { process, why: why.to_string() });
            };
            opened.map_err(unrecorded).ok()
        });
        match (log, recorder) {
            (None, None) => None,
            (Some(log), None) => Some(Box::new(log)),
            (None, Some(recorder)) => Some(Box::new(recorder)),
            (Some(log), Some(recorder)) => {
                let both: (Box<dyn Keep<P>>, Box<dyn Keep<P>>) =
                    (Box::new(log), Box::new(recorder));
                Some(Box::new(both))
            }
        }
    }

    /// Hands out what goes from hand to hand, until nothing is left of it.
    fn deliver(&mut self) {
        while let Some(Delivery { to, coming }) = self.local.pop_front() {
            self.hand(to, coming);
        }
    }

    fn hand(&mut self, to: Identity, coming: Coming<P>) {
        let is_message = matches!(coming, Coming::Message { .. });
        if let (Coming::Command(ticket, _), false) = (&coming, self.seats.contains_key(&to)) {
            // Nobody may wait for it any more.
            let _ = self.answers.send((*ticket, None));
        }
        let now = self.plan.clock.now();
        match self.seats.get_mut(&to) {
            Some(seat) => {
                self.stats.received += u64::from(is_message);
                seat.take(now, coming);
                self.settle(to);
            }
            None => self.stats.gone += u64::from(is_message),
        }
    }

    /// Looks after every seat whose time has come.
    fn tick(&mut self) {
        let now = self.plan.clock.now();
        // A timer that runs out sets others; those have their turn when something came meanwhile.
        for _ in 0..self.due.len() {
            let Some(&(due_ns, identity)) = self.due.first() else { return };
            if due_ns > now.monotonic_ns {
                return;
            }
            if let Some(seat) = self.seats.get_mut(&identity) {
                seat.tick(now);
            }
            self.settle(identity);
            self.deliver();
        }
    }

    /// Carries away what has left a process, and notes when it wants to be looked after.
    fn settle(&mut self, identity: Identity) {
        let Some(seat) = self.seats.get_mut(&identity) else { return };
        let mut leaving = std::mem::take(&mut self.leaving);
        seat.take_leaving(&mut leaving);
        let (due_ns, is_over) = (seat.due_ns(), seat.is_over());
        if self.due_of.get(&identity).copied() != due_ns {
            self.look_after(identity, due_ns);
        }
        for leaving in leaving.drain(..) {
            self.carry(identity, leaving);
        }
        self.leaving = leaving;
        if is_over && let Some(seat) = self.seats.remove(&identity) {
            let address = Address::of(identity);
            tracing::debug!("{address} has ended on node {}", self.plan.number);
            self.stats.count(seat.notary_counts());
        }
    }

    /// A seat wants to be looked after then, or not at all.
    fn look_after(&mut self, identity: Identity, due_ns: Option<u64>) {
        let old_ns = match due_ns {
            Some(due_ns) => self.due_of.insert(identity, due_ns),
            None => self.due_of.remove(&identity),
        };
        if let Some(old_ns) = old_ns {
            self.due.remove(&(old_ns, identity));
        }
        self.due.extend(due_ns.map(|due_ns| (due_ns, identity)));
    }

    fn carry(&mut self, identity: Identity, leaving: Leaving<P>) {
        match leaving {
            Leaving::Message { to, sent, message } => {
                self.route(Parcel::Message { from: identity, to, sent, message });
            }
            Leaving::Birth { identity: child, birth, cause } => {
                self.bear(identity, child, birth, cause);
            }
            Leaving::Answer(ticket, answer) => {
                // Nobody may wait for it any more.
                let _ = self.answers.send((ticket, Some(answer)));
            }
            // What a process persists lives as long as its node: it is safe there at once.
            Leaving::Writing => {
                self.local.push_back(Delivery { to: identity, coming: Coming::Written });
            }
        }
    }

    /// Sends a message of a process of this node.
    fn route(&mut self, parcel: Parcel<P>) {
        let Parcel::Message { to, .. } = &parcel else { return };
        match self.directory.home(*to) {
            None => {
                let to = *to;
                self.directory.wait(self.plan.number, to, parcel);
            }
            Some(home) if home == self.plan.number => self.enqueue(parcel),
            Some(home) => {
                self.stats.sent += 1;
                self.unsent.push((home, parcel));
            }
        }
    }

    /// A process makes another: it is placed, and everybody is told. Where this is not the
    /// registrar, or the identity has a process, nothing happens but an event that says so.
    fn bear(&mut self, parent: Identity, child: Identity, birth: P::Birth, cause: u64) {
        let is_known = self.directory.home(child).is_some();
        if self.plan.number != self.plan.registrar || is_known {
            let now = self.plan.clock.now();
            if let Some(seat) = self.seats.get_mut(&parent) {
                let (action, whom) = ("spawn", Address::of(child));
                seat.emit(now, cause, What::InVain { action, whom });
            }
            return;
        }
        self.settle_down(child, birth);
    }

    /// The registrar says where a new process lives, and lets it begin there.
    fn settle_down(&mut self, child: Identity, birth: P::Birth) {
        let others = self.lines.iter().map(|(number, line)| (*number, line.is_fine()));
        let own = [(self.plan.number, true)].into_iter();
        let hosts = own.chain(others).map(|(number, is_up)| Host { number, is_up });
        let hosts: Vec<Host> = hosts.collect();
        let home = self.placement.place(child, &hosts);
        if child.class == Class::Client {
            // Whoever has a node has all its clients.
            let first = *self.first_clients.entry(home).or_insert(child);
            self.office.share_key(child, first);
        }
        let known: Vec<NodeNumber> = self.lines.keys().copied().collect();
        for number in known.into_iter().filter(|number| *number != home) {
            self.unsent.push((number, Parcel::Lives { identity: child, home }));
        }
        if home == self.plan.number {
            self.enter(child, home);
            self.begin(child, birth);
        } else {
            self.unsent.push((home, Parcel::Birth { identity: child, birth }));
            self.enter(child, home);
        }
    }
}

/// Until then; for ever, if there is no such time.
pub(super) async fn sleep_until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::sync::Mutex;

    use super::super::placement::InTurn;
    use super::*;
    use crate::protocol::bcr::{self, Bcr, Birth, Message, Settings};

    type Told = Arc<Mutex<Vec<String>>>;

    /// Node 1 of four, and what it notices.
    fn node() -> (Node<Bcr>, Told) {
        let told = Told::default();
        let ear = told.clone();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let peer = |number| {
            let key = NodeSecret::generate().unwrap().public();
            Peer { number, address, key }
        };
        let (answers, _) = mpsc::unbounded_channel();
        let plan = NodePlan {
            number: 1,
            secret: NodeSecret::generate().unwrap(),
            peers: [0, 2, 3].map(peer).into(),
            listener: std::net::TcpListener::bind(address).unwrap(),
            registrar: 0,
            founders: Vec::new(),
            patience: None,
            placement: Box::new(InTurn::default()),
            interposers: None,
            scheme: Scheme::Ed25519,
            limits: Limits {
                handshake: Duration::from_secs(1),
                frame: 10_000,
                silence: Duration::from_secs(1),
            },
            room: Room { parcels: 100, bytes: 100_000, frame: 10_000 },
            clock: Clock::start(),
            log: None,
            record: None,
            notices: Notices::to(move |notice| ear.lock().unwrap().push(notice.to_string())),
            board: None,
            answers,
            signals: Signals {
                ready: std::sync::mpsc::channel().0,
                begun: oneshot::channel().0,
                stop: oneshot::channel().1,
            },
        };
        let mut node = Node::new(plan, 1).0;
        for identity in [Identity::OLYMPUS, Identity::client(0)] {
            node.enter(identity, 0);
        }
        (node, told)
    }

    impl Node<Bcr> {
        fn gets(&mut self, peer: NodeNumber, parcel: &Parcel<Bcr>) {
            let sent = wire::decode(&wire::encode(parcel), self.plan.limits.frame);
            self.arrive(Arrival::Parcel(peer, sent));
            self.deliver();
        }
    }

    fn stop(from: Identity, to: Identity) -> Parcel<Bcr> {
        let message = Message::Stop { configuration: 0 };
        Parcel::Message { from, to, sent: 0, message }
    }

    fn client(number: u32) -> Parcel<Bcr> {
        let settings = Settings::new(1);
        let birth = Birth::Client { settings, number, workload: Default::default() };
        Parcel::Birth { identity: Identity::client(number), birth }
    }

    #[test]
    fn nobody_speaks_for_others() {
        let (mut node, told) = node();
        node.gets(0, &client(5));
        node.gets(2, &stop(Identity::OLYMPUS, Identity::client(5)));
        node.gets(2, &stop(Identity::client(5), Identity::client(5)));
        node.gets(2, &client(6));
        node.gets(3, &Parcel::Lives { identity: Identity::client(6), home: 3 });
        node.gets(0, &stop(Identity::client(0), Identity::OLYMPUS));
        node.gets(2, &Parcel::Begun);
        node.arrive(Arrival::Parcel(2, wire::decode(&[0, 1, 2, 3], 10_000)));
        assert_eq!((node.stats.refused, node.stats.received), (7, 0));
        assert!(node.ready.is_some());
        let told = told.lock().unwrap();
        assert_eq!(told[0], "node 1 refused node 2: olympus does not live there");
        drop(told);
        assert!(node.seats.contains_key(&Identity::client(5)));
        assert!(!node.seats.contains_key(&Identity::client(6)));
        assert_eq!(node.directory.home(Identity::client(6)), None);
        node.gets(0, &stop(Identity::OLYMPUS, Identity::client(5)));
        assert_eq!((node.stats.refused, node.stats.received), (7, 1));
        node.gets(0, &Parcel::Begun);
        assert!(node.ready.is_none());
    }

    #[test]
    fn what_comes_too_early_waits_for_the_registrar() {
        let (mut node, _) = node();
        let replica = Identity::replica(1, 0);
        node.gets(2, &stop(replica, Identity::client(5)));
        assert_eq!(node.stats.received, 0, "nobody knows either");
        node.gets(0, &Parcel::Lives { identity: replica, home: 2 });
        assert_eq!(node.stats.received, 0, "nobody knows the receiver");
        node.gets(0, &client(5));
        assert_eq!(node.stats.received, 1);
        node.gets(0, &Parcel::Lives { identity: Identity::replica(1, 1), home: 3 });
        node.gets(2, &stop(Identity::replica(1, 1), Identity::client(5)));
        assert_eq!(node.stats.refused, 1, "it lives on node 3");
    }

    #[test]
    fn where_the_registrar_begins_anew_a_node_ends() {
        let (mut node, _) = node();
        for (peer, life, is_orphan) in [
            (0, Life::First, false),
            (0, Life::Same, false),
            (2, Life::Another, false),
            (0, Life::Another, true),
        ] {
            node.arrive(Arrival::Up(peer, life));
            assert_eq!(node.is_orphan, is_orphan);
        }
    }

    #[test]
    fn what_is_asked_of_somebody_who_takes_nothing_is_answered() {
        let (mut node, _) = node();
        let (answers, mut answered) = mpsc::unbounded_channel();
        node.answers = answers;
        let birth = Birth::Olympus { settings: Settings::new(1), clients: 1 };
        node.begin(Identity::OLYMPUS, birth);
        let command = bcr::Command::Ask(crate::object::Operation::get("k"));
        node.arrive(Arrival::Command(Identity::OLYMPUS, Ticket(3), command));
        node.deliver();
        assert_eq!(answered.try_recv(), Ok((Ticket(3), Some(bcr::Answer::NotAClient))));
        let command = bcr::Command::Ask(crate::object::Operation::get("k"));
        node.arrive(Arrival::Command(Identity::client(9), Ticket(4), command));
        assert_eq!(answered.try_recv(), Ok((Ticket(4), None)));
    }
}
