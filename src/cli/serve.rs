//! `perjury serve`: a cluster on this machine, for users' clients.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::net::{
    Cluster, ClusterError, LogFolder, LogForm, NodeNumber, NodeStats, Notice, Notices, Peer, Plan,
    RecordFolder,
};
use crate::protocol::bcr::Settings;

use super::shell::Shell;
use super::{Exit, Failure, Outcome, args};

/// Where `serve` listens and `client` calls, if nothing else is said.
pub(super) const USUAL_ADDRESS: &str = "127.0.0.1:7415";

/// Serve a replicated dictionary on real sockets: Olympus, replicas and a gateway in one program.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  perjury serve --protocol bcr --t 1
  perjury serve --t 2 --listen 127.0.0.1:7500 --log logs
  perjury serve --t 1 --record recorded           then perjury replay recorded
  perjury client \"put('movie','star')\" \"get('movie')\"

SIGINT (Ctrl-C) and SIGTERM stop it: no new requests are taken, those in flight are answered.")]
pub(super) struct Args {
    /// The protocol.
    #[arg(long, value_name = "NAME", value_parser = ["bcr"], default_value = "bcr")]
    protocol: String,
    /// How many faulty replicas are borne; there are 2t + 1.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    t: u32,
    /// Where users' clients connect; port 0 for any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = USUAL_ADDRESS)]
    listen: SocketAddr,
    /// How many nodes, a thread each; without it one for each replica and one for all else.
    #[arg(long, value_name = "NUMBER")]
    nodes: Option<NodeNumber>,
    /// How many client processes ask for users; each has one request at a time.
    #[arg(long, value_name = "NUMBER", default_value_t = 64)]
    clients: u32,
    /// How long clients, replicas and Olympus wait before they take another for silent.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = args::duration_ns)]
    timeout: u64,
    /// A checkpoint is taken every so many slots, so that history can be dropped; 0 for never.
    #[arg(long, value_name = "SLOTS", default_value_t = 1024)]
    checkpoint_every: u64,
    /// Write what happens to each process to a file of its own, in this folder.
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// How that is written.
    #[arg(long, value_name = "FORM", default_value = "text")]
    log_form: Form,
    /// Record what comes to each process, in this folder, for `perjury replay`. What is recorded
    /// holds the keys of all processes.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// How much is kept of each process's recording, in MiB; more drops what is oldest, and then it
    /// cannot be replayed.
    #[arg(long, value_name = "MIB", default_value_t = 1024, requires = "record",
          value_parser = clap::value_parser!(u64).range(1..1 << 30))]
    record_keep: u64,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One line an event.
    Text,
    /// One JSON object a line.
    Json,
}

impl Args {
    fn plan(&self) -> Plan {
        let timeout_ns = self.timeout;
        let mut plan = Plan::new(self.t);
        plan.settings = Settings {
            client_timeout_ns: timeout_ns,
            head_timeout_ns: timeout_ns,
            nonhead_timeout_ns: timeout_ns,
            olympus_timeout_ns: timeout_ns,
            checkpoint_interval: self.checkpoint_every,
            ..plan.settings
        };
        plan.nodes = self.nodes.unwrap_or(plan.nodes);
        plan.clients = self.clients;
        plan.gateway = self.listen;
        let form = match self.log_form {
            Form::Text => LogForm::Text,
            Form::Json => LogForm::Json,
        };
        plan.log = self.log.clone().map(|folder| LogFolder { folder, form });
        plan.record = self.record.clone().map(|folder| {
            let keep_bytes = self.record_keep << 20;
            let usual = RecordFolder::new(folder);
            let segment_bytes = usual.segment_bytes.min(keep_bytes / 2);
            RecordFolder { keep_bytes, segment_bytes, ..usual }
        });
        plan.notices = Notices::to(say);
        plan
    }
}

/// Tells the operator, from whichever thread.
fn say(notice: Notice) {
    // Where nobody listens, nothing is said.
    let _ = writeln!(io::stderr(), "{}", notice.to_string().escape_debug());
}

pub(super) fn serve(args: &Args, shell: &mut Shell) -> Outcome {
    let runtime = super::client::runtime()?;
    // Before anything runs, so that no signal finds it unprepared.
    let mut signals = runtime.block_on(async { Signals::new() })?;
    let plan = args.plan();
    let cluster = Cluster::start(&plan).map_err(|error| Failure::Usage(error.to_string()))?;
    let (t, replicas) = (args.t, plan.settings.replicas());
    let (protocol, nodes, clients) = (&args.protocol, plan.nodes, plan.clients);
    writeln!(
        shell,
        "serving {protocol}, t = {t}: {replicas} replicas on {nodes} nodes, {clients} clients"
    )?;
    for Peer { number, address, .. } in cluster.nodes() {
        let who = if *number == 0 { "  olympus, clients, gateway" } else { "" };
        writeln!(shell, "node {number}    {address}{who}")?;
    }
    writeln!(shell, "gateway   {}", cluster.gateway())?;
    shell.flush()?;
    shell.say("SIGINT (Ctrl-C) or SIGTERM stops it");
    runtime.block_on(signals.next());
    shell.say("stopping: what is in flight is answered first");
    match cluster.stop() {
        Ok(stats) => {
            let sum = |of: fn(&NodeStats) -> u64| stats.iter().map(of).sum::<u64>();
            let (received, lost) = (sum(|s| s.received), sum(|s| s.lost + s.dropped));
            let (signed, verified) = (sum(|s| s.signed), sum(|s| s.verified));
            writeln!(
                shell,
                "stopped   {received} messages received, {lost} lost; \
                 {signed} signatures made, {verified} checked"
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
struct Signals([tokio::signal::unix::Signal; 2]);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]))
    }

    /// Waits for one of them.
    async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// The signals that stop a program.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals)
    }

    /// Waits for one of them; where none can be had, for ever.
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
