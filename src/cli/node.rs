//! `perjury node`: one node of a cluster, for machines that are to serve together.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::net::{
    ClusterError, ClusterFile, Knobs, Member, NodeEntry, NodeSecret, NodeStats, Notice, Notices,
    Plan, Served, read_key,
};
use crate::protocol::bcr::Bcr;
use crate::protocol::solo::Solo;
use crate::words::counted;

use super::serve::Signals;
use super::shell::Shell;
use super::telling::{self, Telling, say};
use super::{Exit, Failure, Outcome, files};

/// How many notices may wait to be written.
const MOST_NOTICES: usize = 4096;

/// Run one node of a cluster: one program a machine, all with the same file.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The cluster's file, the same on all machines.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Which of its nodes this one is.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The node's key; without it NAME.key beside the cluster's file.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    telling: Telling,
}

const AFTER_HELP: &str = "\
Examples:
  perjury keys host1.key                        on each machine, once
  perjury node --config cluster.toml --name host1

A cluster's file:

  format = 1
  protocol = \"bcr\"                # or \"solo\": one server, which bears no fault
  t = 1                           # faulty replicas that are borne; there are 2t + 1
  clients = 64                    # client processes; each has one request at a time
  timeout = \"3s\"                  # how long all wait before they take another for silent
  checkpoint_every = 1024         # slots; 0 for never
  start = \"10s\"                   # how long nodes wait for each other when the cluster begins

  [[node]]                        # numbered from 0, in this order
  name = \"host1\"
  address = \"10.0.0.1:7400\"       # where other nodes call; `listen` where it differs from that
  key = \"…\"                       # as `perjury keys` prints it
  gateway = \"0.0.0.0:7415\"        # where users connect; wherever clients live

  [hosts]                         # all may be left out
  olympus = 0                     # Olympus, and whoever no other place is named for
  clients = [0]                   # client 0 and so on; after the last from the first on again
  replicas = [1, 2, 3]            # those of the first configuration, by position

Nodes whose files disagree refuse each other; addresses alone may differ, and `start`.
New replicas live on nodes that are connected, no two of a configuration on one while others are
free; replicas that live stay where they are. A node that ends is gone with all that lived there;
started again it is empty, and hosts new replicas. Where Olympus's node ends, the cluster is gone:
nothing is kept on disks.

Exits with 0 when a signal stops it, 1 when the cluster is gone, 2 for a file or a key that cannot
be used, 3 if requests had to be given up.";

pub(super) fn node(args: &Args, shell: &mut Shell) -> Outcome {
    let usage = |error: String| Failure::Usage(error);
    let in_file = |error| usage(format!("{}: {error}", args.config.display()));
    let file = ClusterFile::read(&args.config).map_err(in_file)?;
    let entry = file.node(&args.name).map_err(in_file)?;
    let beside = args.config.parent().unwrap_or(Path::new("")).join(format!("{}.key", args.name));
    let key = args.key.as_ref().unwrap_or(&beside);
    let secret = read_key(key).map_err(|error| usage(error.to_string()))?;
    let this = This { args, file: &file, entry, secret };
    match file.protocol {
        Knobs::Bcr(settings) => {
            this.run::<Bcr>(settings, &format!("bcr, t = {}", settings.t), shell)
        }
        Knobs::Solo(settings) => this.run::<Solo>(settings, "solo", shell),
    }
}

/// What this node is made from.
struct This<'a> {
    args: &'a Args,
    file: &'a ClusterFile,
    entry: &'a NodeEntry,
    secret: NodeSecret,
}

/// Why a node ends.
enum End {
    Signal,
    Itself,
}

impl This<'_> {
    fn run<P: Served>(self, settings: P::Settings, what: &str, shell: &mut Shell) -> Outcome {
        let This { args, file, entry, secret } = self;
        let runtime = super::client::runtime()?;
        // Before anything runs, so that no signal finds it unprepared.
        let mut signals = runtime.block_on(async { Signals::new() })?;
        let (tell, mut told) = mpsc::channel(MOST_NOTICES);
        let notices = Notices::to(move |notice| {
            // At the end nobody listens; and where nobody reads what is written, more is of no use.
            let _ = tell.try_send(notice);
        });
        let replicas = P::replicas(&settings);
        let mut plan = Plan { notices, ..Plan::<P>::of(settings) };
        let window = args.telling.begin(&mut plan)?;
        files::widen();
        let started = Member::start(&plan, file, entry, secret);
        let mut member = started.map_err(|error| Failure::Usage(error.to_string()))?;
        self::greet((what, replicas), file, entry, &member, shell)?;
        telling::greet(window.as_ref(), shell)?;
        shell.flush()?;
        let end = runtime.block_on(async {
            loop {
                tokio::select! {
                    () = signals.next() => return Ok(End::Signal),
                    Some(notice) = told.recv() => pass_on(notice, shell)?,
                    () = member.ended() => return Ok::<_, Failure>(End::Itself),
                }
            }
        })?;
        if let End::Signal = end {
            shell.say("stopping: what is in flight is answered first");
        }
        finish(member.stop(), shell)
    }
}

fn greet(
    (what, replicas): (&str, u32),
    file: &ClusterFile,
    entry: &NodeEntry,
    member: &Member,
    shell: &mut Shell,
) -> Result<(), Failure> {
    let (name, number) = (&entry.name, entry.peer.number);
    writeln!(shell, "node {number}    {name} of {what}, listens on {}", member.address())?;
    for NodeEntry { name, peer, .. } in &file.nodes {
        if peer.number != number {
            writeln!(shell, "node {}    {name} at {}", peer.number, peer.address)?;
        }
    }
    if let Some(gateway) = member.gateway() {
        writeln!(shell, "gateway   {gateway}")?;
    }
    shell.flush()?;
    let nodes = file.nodes.len();
    if usize::try_from(replicas).is_ok_and(|replicas| replicas > nodes) {
        shell.say(&format!(
            "{replicas} replicas share {nodes} nodes: one that is gone may take more replicas \
             with it than are borne; add nodes, or lower t"
        ));
    }
    shell.say("SIGINT (Ctrl-C) or SIGTERM stops it");
    Ok(())
}

/// Tells the operator what the node noticed.
fn pass_on(notice: Notice, shell: &mut Shell) -> Result<(), Failure> {
    match notice {
        Notice::Begun { clients, .. } => {
            writeln!(shell, "ready     {} here", counted(clients, "client", "clients"))?;
            shell.flush()?;
        }
        notice => say(&notice),
    }
    Ok(())
}

fn finish(stopped: Result<NodeStats, ClusterError>, shell: &mut Shell) -> Outcome {
    match stopped {
        Ok(NodeStats { received, lost, dropped, signed, sealed, verified, .. }) => {
            writeln!(
                shell,
                "stopped   {received} messages received, {} lost; {signed} statements under \
                 {sealed} signatures, {verified} checked",
                lost + dropped
            )?;
            Ok(Exit::Held)
        }
        Err(error @ ClusterError::Unanswered(_)) => {
            shell.complain(&error.to_string());
            Ok(Exit::Undecided)
        }
        Err(error @ ClusterError::Orphaned) => {
            shell.complain(&error.to_string());
            Ok(Exit::Broken)
        }
        Err(error) => Err(Failure::Usage(error.to_string())),
    }
}
