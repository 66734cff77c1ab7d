//! `perjury serve`: a cluster on this machine, for users' clients.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use crate::net::{Cluster, ClusterError, NodeNumber, NodeStats, Notices, Peer, Plan, Served};
use crate::process::Protocol as _;
use crate::protocol::{bcr, solo};
use crate::words::counted;

use super::shell::Shell;
use super::telling::{self, Telling, say};
use super::{Exit, Failure, Outcome, args, files};

/// Where `serve` listens and `client` calls, if nothing else is said.
pub(super) const USUAL_ADDRESS: &str = "127.0.0.1:7415";

/// Serve a replicated dictionary on real sockets: Olympus, replicas and a gateway in one program.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  perjury serve --protocol bcr --t 1
  perjury serve --t 2 --listen 127.0.0.1:7500 --log logs
  perjury serve --t 1 --record recorded           then perjury replay recorded
  perjury serve --protocol solo
  perjury client \"put('movie','star')\" \"get('movie')\"

SIGINT (Ctrl-C), SIGTERM and SIGHUP stop it: no new requests are taken, those in flight are
answered.")]
pub(super) struct Args {
    /// The protocol: Byzantine chain replication, or one server alone, which bears no fault.
    #[arg(long, value_name = "NAME", value_parser = ["bcr", "solo"], default_value = "bcr")]
    protocol: String,
    /// How many faulty replicas are borne; there are 2t + 1. 1 for bcr, if nothing is said.
    #[arg(long, value_name = "NUMBER")]
    t: Option<u32>,
    /// Where users' clients connect; port 0 for any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = USUAL_ADDRESS,
          value_parser = args::address)]
    listen: SocketAddr,
    /// How many nodes, a thread each; without it one for each replica and one for all else.
    #[arg(long, value_name = "NUMBER")]
    nodes: Option<NodeNumber>,
    /// How many client processes ask for users; each has one request at a time.
    #[arg(long, value_name = "NUMBER", default_value_t = 64)]
    clients: u32,
    /// How long a replica may be silent before it is suspected; clients ask all after half of that.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = args::duration_ns)]
    timeout: u64,
    /// A checkpoint is taken every so many slots, so that history can be dropped; 0 for never.
    /// 1024 for bcr, if nothing is said.
    #[arg(long, value_name = "SLOTS")]
    checkpoint_every: Option<u64>,
    #[command(flatten)]
    telling: Telling,
}

impl Args {
    fn bcr(&self) -> bcr::Settings {
        let t = self.t.unwrap_or(1);
        let usual = Plan::new(t).settings;
        let checkpoint_interval = self.checkpoint_every.unwrap_or(usual.checkpoint_interval);
        bcr::Settings { checkpoint_interval, ..usual }.with_timeouts(self.timeout)
    }

    fn solo(&self) -> Result<solo::Settings, Failure> {
        let knobs =
            [("--t", self.t.is_some()), ("--checkpoint-every", self.checkpoint_every.is_some())];
        match knobs.iter().find(|(_, given)| *given) {
            Some((knob, _)) => Err(Failure::Usage(format!(
                "{knob} is a knob of bcr, and solo is one server that bears no fault; leave it out"
            ))),
            None => Ok(solo::Settings { timeout_ns: self.timeout }),
        }
    }

    fn plan<P: Served>(&self, settings: P::Settings) -> Plan<P> {
        let mut plan = Plan::of(settings);
        plan.nodes = self.nodes.unwrap_or(plan.nodes);
        plan.clients = self.clients;
        plan.gateway = self.listen;
        plan.notices = Notices::to(|notice| say(&notice));
        plan
    }
}

pub(super) fn serve(args: &Args, shell: &mut Shell) -> Outcome {
    match args.protocol.as_str() {
        "solo" => run::<solo::Solo>(args, args.solo()?, "solo", shell),
        _ => {
            let settings = args.bcr();
            run::<bcr::Bcr>(args, settings, &format!("bcr, t = {}", settings.t), shell)
        }
    }
}

fn run<P: Served>(args: &Args, settings: P::Settings, what: &str, shell: &mut Shell) -> Outcome {
    let runtime = super::client::runtime()?;
    // Before anything runs, so that no signal finds it unprepared.
    let mut signals = runtime.block_on(async { Signals::new() })?;
    let mut plan = args.plan::<P>(settings);
    let window = args.telling.begin(&mut plan)?;
    files::widen();
    let cluster = Cluster::start(&plan).map_err(|error| Failure::Usage(error.to_string()))?;
    let (nodes, clients) = (plan.nodes, plan.clients);
    let replicas = counted(P::replicas(&plan.settings), "replica", "replicas");
    let nodes = counted(nodes, "node", "nodes");
    let clients = counted(clients, "client", "clients");
    writeln!(shell, "serving {what}: {replicas} on {nodes}, {clients}")?;
    for Peer { number, address, .. } in cluster.nodes() {
        let who = match (number, P::NAME) {
            (0, solo::Solo::NAME) => "  clients, gateway",
            (0, _) => "  olympus, clients, gateway",
            _ => "",
        };
        writeln!(shell, "node {number}    {address}{who}")?;
    }
    writeln!(shell, "gateway   {}", cluster.gateway())?;
    telling::greet(window.as_ref(), shell)?;
    shell.flush()?;
    shell.say("SIGINT (Ctrl-C) or SIGTERM stops it");
    runtime.block_on(signals.next());
    shell.say("stopping: what is in flight is answered first");
    match cluster.stop() {
        Ok(stats) => {
            let sum = |of: fn(&NodeStats) -> u64| stats.iter().map(of).sum::<u64>();
            let (received, lost) = (sum(|s| s.received), sum(|s| s.lost + s.dropped));
            let (signed, sealed) = (sum(|s| s.signed), sum(|s| s.sealed));
            let verified = sum(|s| s.verified);
            writeln!(
                shell,
                "stopped   {received} messages received, {lost} lost; {signed} statements under \
                 {sealed} signatures, {verified} checked"
            )?;
            Ok(Exit::Held)
        }
        Err(error @ ClusterError::Unanswered(_)) => {
            shell.complain(&error.to_string());
            Ok(Exit::Undecided)
        }
        Err(error) => Err(Failure::Usage(error.to_string())),
    }
}

/// The signals that stop a program.
#[cfg(unix)]
pub(super) struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        // The third comes when a terminal is closed.
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Signals([interrupt?, terminate?, hangup?]))
    }

    /// Waits for one of them.
    pub(super) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// The signals that stop a program.
#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        Ok(Signals)
    }

    /// Waits for one of them; where none can be had, for ever.
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
