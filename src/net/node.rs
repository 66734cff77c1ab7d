//! A node: one thread that hosts processes, delivers between them, and keeps links to the others.
//!
//! Messages between processes of one node go from hand to hand; others go over a link. A node takes
//! a message only from the node where its sender lives, and births and announcements only from the
//! registrar.

mod births;
mod calls;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio::time::Instant;

use crate::crypto::{Memory, Office, Scheme};
use crate::identity::{Address, Identity};
use crate::process::{Field, Interposers, Protocol};
use crate::sim::Roads;
use crate::wire;

use super::arrival::{Answers, Arrival, Inlet, Outlet, Parcel};
use super::bundle::Packer;
use super::clock::{self, Clock, sleep_until};
use super::directory::Directory;
use super::handshake::{Limits, NodeSecret};
use super::link::{Line, Papers};
use super::log::LogFolder;
use super::numbers::{Outgoing, Room};
use super::placement::Placement;
use super::record::RecordFolder;
use super::report::{Board, NodeReport, NodeStats, ProcessReport};
use super::roster::{NodeNumber, Notice, Notices, Peer};
use super::seat::{Coming, Leaving, Seat};
use super::standing::Standing;
use super::weather::Transit;

/// How many signatures a node remembers that it has found to be good.
const MEMORY: Memory = Memory::Remember { capacity: 4096 };
/// How many things a node takes before it looks after its timers and links. What came of them
/// leaves then, under signatures of its own: a few more of those cost less than to let the next
/// node wait.
const TAKEN_AT_ONCE: usize = 64;
/// How often a node tells of itself.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// What a node is made from.
pub(super) struct NodePlan<P: Protocol> {
    pub(super) number: NodeNumber,
    /// What it has alike with all other nodes; whoever has another is refused.
    pub(super) charter: u64,
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
    /// The network between processes, if one is asked for.
    pub(super) roads: Option<Roads>,
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
    local.spawn_local(calls::take(node.plan.clone(), listener, session, inlet));
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
    /// Where messages are that the network keeps on their way, if one is asked for.
    transit: Option<Transit<P>>,
    /// What leaves when nothing more has come for now. Written out only then, so that all that was
    /// signed meanwhile is signed together.
    unsent: BTreeMap<NodeNumber, Vec<Parcel<P>>>,
    packer: Packer,
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
    /// Who wants to know how the node stands.
    asked: Vec<oneshot::Sender<Standing>>,
    /// When a failure was last set off here, or somebody woke.
    trouble_ns: u64,
    /// When it tells of itself next.
    reports: Instant,
    stats: NodeStats,
}

/// What a node's tasks share.
struct Shared {
    number: NodeNumber,
    charter: u64,
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
                charter: plan.charter,
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
            transit: plan.roads.map(Transit::new),
            placement: plan.placement,
            scheme: plan.scheme,
            seats: BTreeMap::new(),
            office: Office::timed(MEMORY, clock::elapsed_ns),
            first_clients: BTreeMap::new(),
            directory: Directory::default(),
            unsent: BTreeMap::new(),
            packer: Packer::default(),
            local: VecDeque::new(),
            leaving: Vec::new(),
            due: BTreeSet::new(),
            due_of: BTreeMap::new(),
            founders: plan.founders,
            begins: plan.patience.map(|patience| Instant::now() + patience),
            is_orphan: false,
            ready: Some((ready, begun)),
            answers: plan.answers,
            asked: Vec::new(),
            trouble_ns: 0,
            reports: Instant::now(),
            stats: NodeStats::default(),
        };
        (node, stop)
    }

    fn stats(&self) -> NodeStats {
        let lost = self.lines.values().map(|line| line.lost()).sum::<u64>();
        let lost = lost + self.transit.as_ref().map_or(0, Transit::lost);
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
                let (number, charter) = (plan.number, plan.charter);
                let own = Papers { number, secret: &plan.secret, charter };
                line.keep(own, peer, plan.limits, &plan.notices, up).await;
            });
        }
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
            let due = [due, self.begins, reports, self.goes_on()].into_iter().flatten().min();
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
            self.travel();
            self.deliver();
            self.report_in_time(outlet.len());
            self.tell_standing(outlet.is_empty());
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
        for (to, parcels) in &mut self.unsent {
            if let Some(line) = self.lines.get(to) {
                self.packer.pack(parcels, |bundle| {
                    if let Some(why) = line.push(bundle) {
                        let (from, to, why) = (self.plan.number, *to, why.to_string());
                        self.plan.notices.tell(Notice::Lost { from, to, why });
                    }
                });
            }
            parcels.clear();
        }
        self.lines.values().for_each(|line| line.flush());
    }

    /// Whoever reads logs and recordings sees everything, whenever there is nothing else to do.
    fn flush_logs(&mut self) {
        if self.plan.log.is_some() || self.plan.record.is_some() {
            self.seats.values_mut().for_each(|seat| seat.flush());
        }
    }

    fn arrive(&mut self, arrival: Arrival<P>) {
        match arrival {
            Arrival::Parcel(peer, parcel) => self.take_parcel(peer, parcel),
            Arrival::Nonsense(peer, error) => self.refuse(peer, &error.to_string()),
            Arrival::Up(peer, life) => self.on_up(peer, life),
            Arrival::Command(to, ticket, command) => {
                self.hand(to, Coming::Command(ticket, command));
            }
            Arrival::Asked(answer) => self.asked.push(answer),
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
                    [None, _] => self.wait(peer, from, parcel),
                    [Some(home), _] if home != peer => {
                        self.refuse(peer, &format!("{from} does not live there"));
                    }
                    [_, None] => self.wait(peer, to, parcel),
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

    /// It waits until it is known where somebody lives.
    fn wait(&mut self, from: NodeNumber, whom: Identity, parcel: Parcel<P>) {
        let bytes = wire::encoded_len(&parcel);
        self.directory.wait(from, whom, bytes, parcel);
    }

    /// A message to a process here, which is known.
    fn enqueue(&mut self, parcel: Parcel<P>) {
        if let Parcel::Message { from, to, sent, message } = parcel {
            let coming = Coming::Message { from, sent, message };
            self.local.push_back(Delivery { to, coming });
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
        self.trouble_ns = self.trouble_ns.max(seat.trouble_ns());
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
                self.send(Parcel::Message { from: identity, to, sent, message });
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

    /// Sends a parcel to another node, with all that goes there.
    fn post(&mut self, to: NodeNumber, parcel: Parcel<P>) {
        self.unsent.entry(to).or_default().push(parcel);
    }

    /// Sends a message of a process of this node.
    fn route(&mut self, parcel: Parcel<P>) {
        let Parcel::Message { to, .. } = &parcel else { return };
        match self.directory.home(*to) {
            None => {
                let to = *to;
                self.wait(self.plan.number, to, parcel);
            }
            Some(home) if home == self.plan.number => self.enqueue(parcel),
            Some(home) => {
                self.stats.sent += 1;
                self.post(home, parcel);
            }
        }
    }
}
