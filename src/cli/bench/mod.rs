//! `perjury bench`: what the protocols cost on real sockets, on this machine.

mod memcached;
mod usage;

use std::future::pending;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::ValueEnum;

use crate::net::{Cluster, Load, Plan, Tally, UserError, load, load_by};
use crate::protocol::bcr;

use super::serve::Signals;
use super::shell::Shell;
use super::{Exit, Failure, Outcome, args};

/// Measure the protocols on real sockets, side by side with what else is installed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  perjury bench
  perjury bench --duration 20s --outstanding 1,64,256
  perjury bench --only solo,bcr

Servers run in processes of their own, one after the other; the load comes from this one, over one
connection with so many requests under way. Half of them put, half get. CPU is what server and load
have used together.")]
pub(super) struct Args {
    /// How long each load is put on.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = args::duration_ns)]
    duration: u64,
    /// How many requests are under way together.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_values_t = [1, 64],
          value_parser = clap::value_parser!(u32).range(1..=256))]
    outstanding: Vec<u32>,
    /// Measure these alone.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<Candidate>,
    /// How long a silent replica is waited for, where the head is killed under load.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = args::duration_ns)]
    timeout: u64,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Candidate {
    /// A memcached, where it is installed: neither replicated nor encrypted.
    Memcached,
    /// One server that is not replicated, over the same links.
    Solo,
    /// The chain that bears one Byzantine replica, with ed25519.
    Bcr,
    /// How long the chain is silent after its head is killed.
    Recovery,
}

/// What puts loads on servers until a signal comes: then those go too.
struct Stage {
    runtime: tokio::runtime::Runtime,
    signals: Signals,
}

impl Stage {
    fn new() -> Result<Stage, Failure> {
        let runtime = super::client::runtime()?;
        let signals = runtime.block_on(async { Signals::new() })?;
        Ok(Stage { runtime, signals })
    }

    fn play<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let signals = &mut self.signals;
        self.runtime.block_on(async {
            tokio::select! {
                done = work => Ok(done),
                () = signals.next() => Err(Failure::Stopped),
            }
        })
    }
}

/// A server in a process of its own, which ends with this.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts this program with `serve`.
    fn serve(protocol: &str) -> Result<Server, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", "--protocol", protocol, "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let told = process.stdout.take().map(BufReader::new);
        let mut lines = told.into_iter().flat_map(|told| told.lines().map_while(Result::ok));
        let address = lines.find_map(|line| line.strip_prefix("gateway ")?.trim().parse().ok());
        let server = Server { process, address: address.unwrap_or(([0, 0, 0, 0], 0).into()) };
        match address {
            Some(_) => Ok(server),
            None => Err(Failure::Usage(format!(
                "`perjury serve --protocol {protocol}` does not start; try it by hand"
            ))),
        }
    }

    fn memcached() -> Result<Server, Failure> {
        let (process, address) = memcached::start()?;
        Ok(Server { process, address })
    }

    /// What this process and the server have used together.
    fn usage(&self) -> Option<Duration> {
        Some(usage::of(self.process.id())? + usage::of(std::process::id())?)
    }

    /// Puts a load on it, after a short one that is not counted.
    fn measure(
        &self,
        candidate: Candidate,
        load: Load,
        stage: &mut Stage,
    ) -> Result<Measured, Failure> {
        let warm = Load { duration: load.duration.min(Duration::from_millis(500)), ..load };
        self.load(candidate, warm, stage)?;
        let before = self.usage();
        let tally = self.load(candidate, load, stage)?;
        let cpu = before.and_then(|before| Some(self.usage()?.saturating_sub(before)));
        Ok(Measured { tally, cpu })
    }

    fn load(&self, candidate: Candidate, load: Load, stage: &mut Stage) -> Result<Tally, Failure> {
        let address = self.address;
        let done = stage.play(async {
            match candidate {
                Candidate::Memcached => {
                    let connect = async || memcached::User::connect(address).await;
                    // The stage itself ends with a signal.
                    load_by(connect, load, |_| {}, pending()).await
                }
                _ => crate::net::load(address, load, |_| {}).await,
            }
        });
        done?.map_err(failed)
    }
}

fn failed(error: UserError) -> Failure {
    Failure::Usage(error.to_string())
}

/// What came of a load.
struct Measured {
    tally: Tally,
    cpu: Option<Duration>,
}

impl Measured {
    /// What a request costs, in microseconds of a processor.
    fn us_a_request(&self) -> Option<f64> {
        let answered = self.tally.answered.max(1) as f64;
        self.cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / answered)
    }
}

pub(super) fn bench(args: &Args, shell: &mut Shell) -> Outcome {
    let all = Candidate::value_variants();
    let asked = if args.only.is_empty() { all } else { &args.only[..] };
    let rows: Vec<Candidate> =
        asked.iter().copied().filter(|one| *one != Candidate::Recovery).collect();
    if !rows.is_empty() {
        writeln!(
            shell,
            "| server | outstanding | requests/s | of solo | CPU us/request | p50 ms | p99 ms \
             | p99.9 ms |\n|---|---:|---:|---:|---:|---:|---:|---:|"
        )?;
    }
    // Before any server runs, so that no signal finds it unprepared.
    let mut stage = Stage::new()?;
    for outstanding in &args.outstanding {
        table(&rows, (*outstanding, Duration::from_nanos(args.duration)), &mut stage, shell)?;
    }
    if asked.contains(&Candidate::Recovery) {
        recovery(Duration::from_nanos(args.timeout), &mut stage, shell)?;
    }
    Ok(Exit::Held)
}

/// One connection, as fast as it is answered.
const LOAD: Load = Load {
    users: 1,
    outstanding: 1,
    rate: None,
    duration: Duration::from_secs(5),
    keys: 1000,
    patience: Duration::from_secs(30),
};

/// The rows of so many outstanding requests, for so long each.
fn table(
    candidates: &[Candidate],
    (outstanding, duration): (u32, Duration),
    stage: &mut Stage,
    shell: &mut Shell,
) -> Result<(), Failure> {
    let load = Load { outstanding, duration, ..LOAD };
    let mut rows = Vec::new();
    for candidate in candidates {
        let (name, server) = match candidate {
            Candidate::Memcached => match memcached::version() {
                Some(version) => (version, Server::memcached()?),
                None => {
                    shell.say("memcached is left out: it is not installed");
                    continue;
                }
            },
            Candidate::Solo => ("solo".to_owned(), Server::serve("solo")?),
            _ => ("bcr, t = 1, ed25519".to_owned(), Server::serve("bcr")?),
        };
        rows.push((*candidate, name, server.measure(*candidate, load, stage)?));
    }
    let solo = rows.iter().find(|(candidate, ..)| *candidate == Candidate::Solo);
    let solo = solo.map(|(.., measured)| measured.tally.per_second());
    for (_, name, measured) in &rows {
        let Measured { tally, .. } = measured;
        let ms = |share| tally.latency_us.value_at_quantile(share) as f64 / 1000.0;
        let of_solo = solo.map(|solo| format!("{:.2}", tally.per_second() / solo));
        let cpu = measured.us_a_request().map(|us| format!("{us:.1}"));
        let [of_solo, cpu] = [of_solo, cpu].map(|told| told.unwrap_or_else(|| "-".to_owned()));
        writeln!(
            shell,
            "| {name} | {outstanding} | {:.0} | {of_solo} | {cpu} | {:.2} | {:.2} | {:.2} |",
            tally.per_second(),
            ms(0.5),
            ms(0.99),
            ms(0.999)
        )?;
        shell.flush()?;
    }
    Ok(())
}

/// Kills the head's node under load, and says how long nobody was answered.
fn recovery(timeout: Duration, stage: &mut Stage, shell: &mut Shell) -> Result<(), Failure> {
    const BEFORE: Duration = Duration::from_secs(2);
    let wrong = |error: crate::net::ClusterError| Failure::Usage(error.to_string());
    let timeout_ns = timeout.as_nanos() as u64;
    let mut plan = Plan::<bcr::Bcr>::new(1);
    plan.settings = plan.settings.with_timeouts(timeout_ns);
    plan.nodes += 1;
    let mut cluster = Cluster::start(&plan).map_err(wrong)?;
    let (gateway, duration) = (cluster.gateway(), BEFORE + 4 * timeout);
    let put_on = Load { outstanding: 64, duration, ..LOAD };
    let (tally, killed) = stage.play(async {
        let kill = async {
            tokio::time::sleep(BEFORE).await;
            // The replicas live on the nodes after the registrar's, the head on the first of them.
            tokio::task::spawn_blocking(move || (cluster.stop_node(1), cluster)).await
        };
        tokio::join!(load(gateway, put_on, |_| {}), kill)
    })?;
    let (stopped, cluster) = killed.map_err(|error| Failure::Usage(error.to_string()))?;
    stopped.map_err(wrong)?;
    let Tally { silence, answered, .. } = tally.map_err(failed)?;
    drop(cluster);
    writeln!(
        shell,
        "\nthe head's node is killed under load: no answer for {:.2} s, {:.2} times the timeout of \
         {timeout:?}; {answered} answers in all",
        silence.as_secs_f64(),
        silence.as_secs_f64() / timeout.as_secs_f64()
    )?;
    Ok(())
}
