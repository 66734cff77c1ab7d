//! What a scenario says that its author may not have meant: faults that can never fire, more
//! faults than the protocol bears, partitions that never heal. Warnings only.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Findings, Span};
use super::model::*;
use super::own::About;
use super::toml_reader::Places;
use crate::choice::Name;
use crate::fault::{Failure, Fault, Trigger, text};
use crate::object::Item;
use crate::protocol::bcr::messages::kind;

/// Reports everything that looks unintended.
pub(super) fn lint(findings: &Findings, scenario: &Scenario, places: &Places) {
    let mut lint = Lint {
        findings,
        scenario,
        bcr: scenario.protocol.bcr().cloned().unwrap_or_default(),
        places,
        requests: scenario.clients.iter().map(requests).collect(),
        repeats: repeats(scenario),
        stays_initial: false,
        nobody_times_out: false,
    };
    if scenario.protocol.bcr().is_some_and(|bcr| is_calm(scenario, bcr)) {
        lint.stays_initial = stays_initial(scenario);
        lint.nobody_times_out = scenario.faults.iter().all(needs_timeout);
    }
    lint.clients();
    for (fault, place) in scenario.faults.iter().zip(&places.faults) {
        match &scenario.protocol {
            Protocol::Bcr(_) => lint.fault(fault, place),
            Protocol::Solo(_) => lint.own_fault(Solo::about(), fault, place),
            Protocol::Own(own) => lint.own_fault(own, fault, place),
        }
    }
    lint.tolerance();
    lint.partitions();
    lint.datagram_knobs();
    lint.latencies();
    lint.parties();
}

struct Lint<'a> {
    findings: &'a Findings,
    scenario: &'a Scenario,
    /// The knobs of Byzantine chain replication, where it is that.
    bcr: Bcr,
    places: &'a Places,
    /// How many requests each client makes.
    requests: Vec<u64>,
    /// Whether one request may become two, or a slot be skipped.
    repeats: bool,
    /// Whether nothing in configuration 0 asks for the next.
    stays_initial: bool,
    /// Whether no client ever sends a request again.
    nobody_times_out: bool,
}

impl Lint<'_> {
    fn bcr(&self) -> &Bcr {
        &self.bcr
    }

    fn clients(&self) {
        if self.scenario.clients.is_empty() {
            let help = "add a client with a workload";
            self.findings.warn(0..0, "there are no clients: nothing will happen", help);
        }
        for (number, client) in self.scenario.clients.iter().enumerate() {
            if client.workload.items().is_empty() {
                let span = self.places.clients.get(number).cloned().unwrap_or_default();
                let message = format!("client {number} asks for nothing");
                self.findings.warn(span, message, "give it a workload, or leave it out");
            }
        }
    }

    fn never(&self, span: &Span, reason: &str, help: &str) {
        self.findings.warn(span.clone(), format!("this can never fire: {reason}"), help);
    }

    fn fault(&self, fault: &Fault, (whole, when, then): &(Span, Span, Vec<Span>)) {
        let bcr = self.bcr();
        if fault.replica > bcr.tail() {
            let reason = format!("the chain has the positions 0 to {}", bcr.tail());
            self.never(whole, &reason, "name one of them, or raise t");
            return;
        }
        if let Some((reason, help)) = self.unreachable(fault) {
            self.never(when, &reason, help);
        } else if let Some((reason, help)) = self.unlikely(fault) {
            self.findings.warn(when.clone(), format!("this will hardly fire: {reason}"), help);
        }
        for (failure, span) in fault.failures.iter().zip(then) {
            if let Some((reason, help)) = self.idle(fault, *failure) {
                self.never(span, reason, help);
            }
            if *failure == Failure::OmitSend {
                let message = "omit_send was withdrawn from the specification";
                self.findings.warn(span.clone(), message, "use drop() on the receiving side");
            }
        }
    }

    /// The same in another protocol, of which only is known what it says of itself.
    fn own_fault(&self, own: &About, fault: &Fault, (whole, when, then): &(Span, Span, Vec<Span>)) {
        let name = own.name;
        if fault.replica >= own.replicas() {
            let reason = format!("{name} has the positions 0 to {}", own.replicas().max(1) - 1);
            return self.never(whole, &reason, "name one of them");
        }
        if fault.configuration > 0 {
            let reason = format!("{name} has no configuration but 0");
            self.never(whole, &reason, "leave `configuration` out");
        }
        if !matches!(fault.trigger, Trigger::Received { .. }) {
            let reason = format!("{name} has no messages of the chain");
            self.never(when, &reason, "use received(kind,number)");
        }
        for (failure, span) in fault.failures.iter().zip(then) {
            if own.bears(*failure) {
                continue;
            }
            if !failure.is_general() {
                let reason = format!("{name} knows no {}", failure.name());
                self.never(span, &reason, "use crash(), drop(), sleep(milliseconds) or the like");
            } else {
                let message = format!("{name} does not say that it bears {}", failure.name());
                self.findings.warn(span.clone(), message, "what breaks may be no bug");
            }
        }
    }

    /// Why a message will hardly come, though nothing forbids it.
    fn unlikely(&self, fault: &Fault) -> Option<(String, &'static str)> {
        let reason = match fault.trigger {
            _ if fault.configuration > 0 && self.stays_initial => {
                let number = fault.configuration;
                let reason = format!(
                    "configuration {number} begins after a reconfiguration, and nothing here \
                     leads to one"
                );
                let help = "let a replica of configuration 0 fail, or a client ask with reconfig";
                return Some((reason, help));
            }
            Trigger::NewConfiguration { number: 1.. } => {
                "a replica is made for one configuration and told so once, as number 0"
            }
            Trigger::WedgeRequest { number: 1.. } => {
                "the first wedge request is number 0, and another comes only after a timeout"
            }
            Trigger::ResultShuttle { .. } if fault.replica == self.bcr().tail() => {
                let reason = "result shuttles begin at the tail; one comes to it only when the \
                              head answers what it forwarded";
                return Some((reason.to_owned(), "use shuttle(client,number)"));
            }
            _ if needs_timeout(fault) && self.nobody_times_out => {
                let help = "let another replica fail, or the network be slow";
                return Some(("it takes a client that times out, and none will".to_owned(), help));
            }
            _ => return None,
        };
        Some((reason.to_owned(), "messages are counted from 0 in each configuration"))
    }

    /// Why a message never comes to a replica of this position.
    fn unreachable(&self, fault: &Fault) -> Option<(String, &'static str)> {
        let (head, tail) = (fault.replica == 0, fault.replica == self.bcr().tail());
        let fixed = match of_its_kind(fault.trigger) {
            Trigger::Shuttle { .. } if head => (
                "shuttles begin at the head, who receives none",
                "use client_request(client,number)",
            ),
            Trigger::ResultShuttle { .. } if head && tail => {
                ("a chain of one has no result shuttles", "use client_request(client,number)")
            }
            Trigger::ForwardedRequest { .. } if !head => {
                ("requests are forwarded to the head alone", "use client_request(client,number)")
            }
            Trigger::Checkpoint { .. } if head => (
                "the head does not receive its own checkpoint",
                "use completed_checkpoint(number), which comes back to it",
            ),
            Trigger::CompletedCheckpoint { .. } if tail => (
                "the tail does not receive its own completed checkpoint",
                "use checkpoint(number), which comes to it",
            ),
            Trigger::NewConfiguration { .. } if fault.configuration == 0 => (
                "configuration 0 is there from the start; new_configuration begins later ones",
                "name configuration 1 or a later one",
            ),
            Trigger::Received { kind, .. } if !comes_to_replicas(kind) => {
                let reason = format!("no replica receives {kind}");
                return Some((reason, "name a message that comes to replicas"));
            }
            _ => return self.beyond(fault.trigger),
        };
        Some((fixed.0.to_owned(), fixed.1))
    }

    /// Why there is no message with this number.
    fn beyond(&self, trigger: Trigger) -> Option<(String, &'static str)> {
        let clients = self.scenario.clients.len();
        if let Some(client) = trigger.client().filter(|client| *client as usize >= clients) {
            let reason = format!("there is no client {client}: they are counted from 0");
            return Some((reason, "name a client that there is"));
        }
        let help = "messages are counted from 0 in each configuration";
        match trigger {
            Trigger::Shuttle { client, number } if !self.repeats => {
                let requests = self.requests(client);
                let count = count(requests, "request");
                let reason =
                    || format!("client {client} makes {count}, each shuttled once at most");
                (number >= requests).then(|| (reason(), help))
            }
            Trigger::ClientRequest { client, .. }
            | Trigger::ForwardedRequest { client, .. }
            | Trigger::ResultShuttle { client, .. } => {
                let reason = || format!("client {client} asks for nothing");
                (self.requests(client) == 0).then(|| (reason(), "give it a workload"))
            }
            Trigger::Checkpoint { number } | Trigger::CompletedCheckpoint { number } => {
                self.no_checkpoint(number)
            }
            _ => None,
        }
    }

    fn requests(&self, client: u32) -> u64 {
        self.requests.get(client as usize).copied().unwrap_or(0)
    }

    fn all_requests(&self) -> u64 {
        self.requests.iter().copied().fold(0, u64::saturating_add)
    }

    fn no_checkpoint(&self, number: u64) -> Option<(String, &'static str)> {
        let Some(every) = self.bcr().checkpoint_every else {
            return Some(("there are no checkpoints".to_owned(), "say how often they are taken"));
        };
        let requests = self.all_requests();
        let most = requests / every;
        if number < most || self.repeats {
            return None;
        }
        let (requests, most) = (count(requests, "request"), count(most, "checkpoint"));
        let reason = format!("{requests} make {most} at most, one every {every}");
        Some((reason, "messages are counted from 0 in each configuration"))
    }

    /// Why a failure changes nothing at this position.
    fn idle(&self, fault: &Fault, failure: Failure) -> Option<(&'static str, &'static str)> {
        let tail = fault.replica == self.bcr().tail();
        match failure {
            Failure::IncrementSlot | Failure::Equivocate if fault.replica != 0 => {
                Some(("only the head assigns slots", "put it at replica 0"))
            }
            Failure::ChangeOperation
            | Failure::ChangeOrder
            | Failure::InvalidOrderSig
            | Failure::EarlyReply
                if tail =>
            {
                Some(("it changes the next shuttle, and the tail sends none", "put it elsewhere"))
            }
            Failure::TruncateHistory { entries: 0 } | Failure::Rollback { operations: 0 } => {
                Some(("it leaves out nothing", "say how many, from 1 on"))
            }
            Failure::OmitHistory { .. } if !self.repeats && self.all_requests() < 2 => Some((
                "only a slot that another one follows can be cut out",
                "let clients ask more",
            )),
            Failure::DropCheckptStmts if fault.replica == 0 && !tail => Some((
                "it changes the next completed checkpoint, and the head sends none",
                "put it elsewhere",
            )),
            Failure::EarlyCheckpoint if tail || fault.replica == 0 => Some((
                "only a replica between head and tail can send a checkpoint back early",
                "put it there",
            )),
            Failure::DropCheckptStmts | Failure::EarlyCheckpoint
                if self.bcr().checkpoint_every.is_none() =>
            {
                Some(("there are no checkpoints", "say how often they are taken"))
            }
            _ => None,
        }
    }

    /// Whether the fault is one, as far as can be told before the run.
    fn counts(&self, fault: &Fault) -> bool {
        if let Some(own) = self.scenario.protocol.about() {
            let happens = |failure: Failure| failure.is_general() || own.bears(failure);
            let counts = |failure: &Failure| failure.is_fault() && happens(*failure);
            return fault.replica < own.replicas() && fault.failures.iter().any(counts);
        }
        let lies = |failure: &&Failure| failure.is_fault() && self.idle(fault, **failure).is_none();
        fault.replica <= self.bcr().tail()
            && self.unreachable(fault).is_none()
            && fault.failures.iter().any(|failure| lies(&failure))
    }

    fn tolerance(&self) {
        let t = self.scenario.protocol.tolerated();
        let mut faulty: BTreeMap<u32, (BTreeSet<u32>, &Span)> = BTreeMap::new();
        for (fault, (whole, ..)) in self.scenario.faults.iter().zip(&self.places.faults) {
            if self.counts(fault) {
                let (replicas, last) =
                    faulty.entry(fault.configuration).or_insert_with(|| (BTreeSet::new(), whole));
                replicas.insert(fault.replica);
                *last = whole;
            }
        }
        for (process, whole) in self.scenario.processes.iter().zip(&self.places.processes) {
            // Replicas of later configurations may be there by then, or not.
            let named = match process.which {
                Party::Replica { configuration, .. } => configuration,
                _ => 0,
            };
            let crashing = self.scenario.crashing(std::slice::from_ref(process), named);
            for position in crashing {
                let (replicas, last) =
                    faulty.entry(named).or_insert_with(|| (BTreeSet::new(), whole));
                replicas.insert(position);
                *last = whole;
            }
        }
        for (configuration, (replicas, span)) in faulty {
            if replicas.len() > t as usize {
                let message = format!(
                    "configuration {configuration} has {} and bears {t}: beyond tolerance",
                    count(replicas.len() as u64, "faulty replica")
                );
                let help = match self.scenario.protocol {
                    Protocol::Bcr(_) => "raise t, or let fewer replicas fail",
                    Protocol::Solo(_) | Protocol::Own(_) => "let fewer replicas fail",
                };
                self.findings.warn(span.clone(), message, help);
            }
        }
    }

    fn partitions(&self) {
        let partitions = self.scenario.network.partitions.iter().zip(&self.places.partitions);
        for (partition, span) in partitions {
            if partition.until_ns.is_none() {
                let message = "this partition never heals: requests may wait for ever";
                self.findings.warn(span.clone(), message, "say until when it lasts");
            }
            let (is_idle, help) = match &partition.cut {
                Cut::OneWay { from, to } => {
                    (from.is_empty() || to.is_empty(), "name senders and receivers")
                }
                Cut::Groups(groups) => {
                    let filled = groups.iter().filter(|group| !group.is_empty());
                    let help = "name a second group: who is in none reaches everybody";
                    (filled.count() < 2, help)
                }
            };
            if is_idle {
                self.findings.warn(span.clone(), "this partition blocks nobody", help);
            }
        }
    }

    fn datagram_knobs(&self) {
        let network = &self.scenario.network;
        let link = network.link;
        let knobs = link.duplicate.bits() > 0 || link.reorder.bits() > 0;
        let any = network.overrides.iter().any(|over| over.change.kind == Some(LinkKind::Datagram));
        if knobs && link.kind == LinkKind::Stream && !any {
            let span = self.places.datagram_knobs.clone().unwrap_or_default();
            let message = "`duplicate` and `reorder` mean nothing on streams";
            self.findings.warn(span, message, "write links = \"datagram\"");
        }
    }

    fn latencies(&self) {
        let kind = match self.scenario.schedule {
            Schedule::Timed => return,
            Schedule::Random { .. } => "random",
            Schedule::Pct { .. } => "pct",
        };
        for span in &self.places.latencies {
            let message = format!("a {kind} schedule takes no notice of `latency`");
            let help = "leave it out, or write schedule = \"timed\"";
            self.findings.warn(span.clone(), message, help);
        }
    }

    /// Names of processes that there are in no configuration.
    fn parties(&self) {
        for (party, span) in &self.places.parties {
            if let Some(reason) = self.nobody(*party) {
                let help = "they are counted from 0: name one that there is";
                self.findings.warn(span.clone(), format!("this is nobody: {reason}"), help);
            }
        }
        for client in self.scenario.expect.results.keys() {
            if let Some(reason) = self.nobody(Party::Client(*client)) {
                let message = format!("these results never come: {reason}");
                let help = "clients are counted from 0: name one that there is";
                self.findings.warn(self.places.results.clone(), message, help);
            }
        }
    }

    /// Why a word means no process. Replicas of a later configuration may come to be.
    fn nobody(&self, party: Party) -> Option<String> {
        let (clients, replicas) = (self.scenario.clients.len(), self.scenario.protocol.replicas());
        match party {
            Party::Client(number) if number as usize >= clients => {
                Some(format!("there {} {}", is(clients as u64), count(clients as u64, "client")))
            }
            Party::Olympus if self.scenario.protocol.bcr().is_none() => {
                Some("there is no Olympus".to_owned())
            }
            Party::Clients if clients == 0 => Some("there are no clients".to_owned()),
            Party::Position(position) | Party::Replica { position, .. } if position >= replicas => {
                let replicas = u64::from(replicas);
                let chain = if self.scenario.protocol.bcr().is_some() { " in a chain" } else { "" };
                Some(format!("there {} {}{chain}", is(replicas), count(replicas, "replica")))
            }
            _ => None,
        }
    }
}

fn is(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// `1 request`, `2 requests`.
fn count(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}

fn requests(client: &Client) -> u64 {
    let count = |item: &Item| match item {
        Item::Pseudorandom { count, .. } => *count,
        Item::Fixed(_) => 1,
        Item::Reconfigure => 0,
    };
    let counts = client.workload.items().iter().map(count);
    counts.fold(0, u64::saturating_add)
}

/// Whether a lie or a link may make one request two, or skip a slot.
fn repeats(scenario: &Scenario) -> bool {
    let overrides = scenario.network.overrides.iter();
    let mut duplicates =
        overrides.filter_map(|over| over.change.duplicate).chain([scenario.network.link.duplicate]);
    let odd = |failure: &Failure| {
        let kinds = [Failure::Equivocate, Failure::Replay, Failure::IncrementSlot];
        kinds.contains(failure)
    };
    duplicates.any(|duplicate| duplicate.bits() > 0)
        || scenario.faults.iter().any(|fault| fault.failures.iter().any(odd))
}

/// Whether the network answers well before every timeout.
fn is_calm(scenario: &Scenario, bcr: &Bcr) -> bool {
    let timeouts = [bcr.client_timeout_ns, bcr.head_timeout_ns, bcr.nonhead_timeout_ns];
    scenario.network == Network::default()
        && scenario.processes.is_empty()
        && scenario.schedule == Schedule::Timed
        && scenario.choices.is_empty()
        && timeouts.iter().all(|ns| *ns >= 50_000_000)
}

fn stays_initial(scenario: &Scenario) -> bool {
    let asks = |client: &Client| client.workload.items().contains(&Item::Reconfigure);
    let initial = |fault: &Fault| fault.configuration == 0;
    !scenario.faults.iter().any(initial) && !scenario.clients.iter().any(asks)
}

/// The trigger of this name that messages of a kind have, where there is one.
fn of_its_kind(trigger: Trigger) -> Trigger {
    let Trigger::Received { kind, .. } = trigger else {
        return trigger;
    };
    text::triggers().find(|named| named.name() == kind.text()).unwrap_or(trigger)
}

/// Whether messages of the chain that are of this kind come to replicas.
fn comes_to_replicas(message: Name) -> bool {
    use kind::*;
    let to_others = [
        RESULT,
        ERROR,
        RECONFIGURATION_REQUEST,
        GET_CONFIGURATION,
        CONFIGURATION,
        WEDGED,
        CAUGHT_UP,
        RUNNING_STATE,
        ACKNOWLEDGEMENT,
    ];
    !to_others.contains(&message)
}

/// Whether its message comes only when a client has sent its request to everybody.
fn needs_timeout(fault: &Fault) -> bool {
    match fault.trigger {
        Trigger::ForwardedRequest { .. } => true,
        Trigger::ClientRequest { .. } => fault.replica != 0,
        _ => false,
    }
}
