//! `perjury fuzz`: draw scenarios with faults, run them, and make small what breaks.

mod hunt;
mod kept;
mod merge;
mod outcome;
mod progress;
mod report;
mod shard;

use std::io::Write as _;
use std::path::PathBuf;

use crate::explore::record::Record;
use crate::explore::{self, Campaign, Kinds, Shape, Tally};
use crate::scenario::{self, Severity};

use super::args::{Reader, report};
use super::shell::Shell;
use super::{Exit, Failure, Outcome, args};
use outcome::Places;
use progress::Progress;

/// Draw scenarios with faults, run them under all judges, and make small what breaks.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = AFTER_HELP
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    how: How,
}

const AFTER_HELP: &str = "\
What comes of it depends on the seed, the number of runs and what may be drawn, and on nothing else:
any number of jobs finds the same. Ctrl-C ends early, with the outcome of the runs made so far, and
says that it is not all; what they found is written as it is then, and not made small.
Exit codes: 0 everything held; 1 something broke within tolerance; 3 nothing broke, but some runs
reached a limit, or with --json it was interrupted; 4 a run was not the same run twice; 5 something
broke, all of it beyond tolerance.
With --every-quirk: 0 all are found; 1 some survive; 3 it was interrupted.

Examples:
  perjury fuzz bcr --runs 10000
  perjury fuzz bcr --for 10m --seed 7 --out found
  perjury fuzz bcr --only crash,sleep,partition --t 1..3
  perjury fuzz mine.toml --runs 5000 --without lies
  perjury fuzz bcr --every-quirk --runs 1000
  perjury fuzz bcr --runs 80000 --shard 3/8 --json > part3.jsonl
  perjury fuzz merge part*.jsonl";

#[derive(clap::Subcommand)]
enum Command {
    /// Put the parts of a campaign together, as `--shard … --json` wrote them.
    Merge(merge::Args),
}

/// What is run.
#[derive(clap::Args)]
struct What {
    /// A protocol, or a scenario: its cluster, clients and links stay as they are; faults,
    /// partitions and other trouble of single parts are added.
    #[arg(value_name = "PROTOCOL|FILE", required = true)]
    target: Option<String>,
    /// Draw everything from this seed.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// Draw these kinds of trouble alone: failures by name, or latency, loss, datagram, link,
    /// partition, burst, pause, outage, clock, random, pct, reconfig, timeouts; or network,
    /// processes, schedule, lies for several.
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Draw no trouble of these kinds.
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    without: Vec<String>,
    /// Let more replicas fail than the protocol bears.
    #[arg(long)]
    beyond: bool,
    /// Run a protocol with this seeded bug, which is to be found.
    #[arg(long, value_name = "NAME")]
    quirk: Option<String>,
    /// Run each of the protocol's seeded bugs so often, and print which are found, and by whom.
    #[arg(long, conflicts_with_all = ["quirk", "json", "shard", "shards", "for_ns", "stop_after"])]
    #[arg(conflicts_with_all = ["print", "out"])]
    every_quirk: bool,
    /// How many faulty replicas a configuration bears; 1..2 without, a file's own for a file.
    #[arg(long, value_name = "LEAST..MOST", value_parser = few)]
    t: Option<(u64, u64)>,
    /// How many clients there are, where there is no file with its own; 1..3 without.
    #[arg(long, value_name = "LEAST..MOST", value_parser = range)]
    clients: Option<(u64, u64)>,
    /// How many requests they make in all, where there is no file with its own clients; 16..24
    /// without.
    #[arg(long, value_name = "LEAST..MOST", value_parser = range)]
    requests: Option<(u64, u64)>,
    /// Change every scenario: a dotted path of its TOML form and a value, e.g. accept=quorum. What
    /// is set is not drawn.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Repair what is plainly a slip in a file of the course format.
    #[arg(long)]
    lenient: bool,
}

/// How it is run, and what is written.
#[derive(clap::Args)]
pub(super) struct How {
    /// How many runs are made.
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Run for so long, instead of a number of runs: 90s, 10min.
    #[arg(long = "for", value_name = "TIME", conflicts_with = "runs",
          value_parser = args::duration_ns)]
    for_ns: Option<u64>,
    /// Make no more runs after so many that broke something.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    stop_after: Option<u64>,
    /// How many run at a time; one for each processor, without.
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<usize>,
    /// Run the part INDEX, from 0, of COUNT parts; the runs are numbered over all of them.
    #[arg(long, value_name = "INDEX/COUNT")]
    #[arg(conflicts_with_all = ["shards", "for_ns", "stop_after"])]
    shard: Option<String>,
    /// Run one of so many parts; which, the environment says: HQ_TASK_ID or JOB_COMPLETION_INDEX,
    /// from 0, or else Slurm's array of so many tasks: (SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN)
    /// / SLURM_ARRAY_TASK_STEP. To run a single part again, write --shard.
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["for_ns", "stop_after"])]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    shards: Option<u64>,
    /// Print the scenario of the run with this number, and run nothing.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["json", "out", "report"])]
    print: Option<u64>,
    /// Print the outcome as JSON lines, for `fuzz merge`; nothing is made small.
    #[arg(long, conflicts_with = "out")]
    json: bool,
    /// Write what was found to this folder: a scenario, a test and a picture each; to findings,
    /// without.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the outcome to this file too, as a page for a browser; the pictures of what was found
    /// stand in a folder beside it.
    #[arg(long, value_name = "PAGE", conflicts_with = "json")]
    report: Option<PathBuf>,
}

pub(super) fn fuzz(args: &Args, shell: &mut Shell) -> Outcome {
    match (&args.command, &args.what.target) {
        (Some(Command::Merge(args)), _) => merge::merge(args, shell),
        (None, Some(target)) => run(target, &args.what, &args.how, shell),
        (None, None) => Err(Failure::Usage("name a protocol or a file, e.g. bcr".to_owned())),
    }
}

fn run(target: &str, what: &What, how: &How, shell: &mut Shell) -> Outcome {
    let mut campaign = Campaign {
        shape: what.shape(target, shell)?,
        seed: what.seed,
        runs: if how.for_ns.is_some() { u64::MAX } else { how.runs },
        shard: shard::which(how.shard.as_deref(), how.shards)?,
        stop_after: how.stop_after,
    };
    if let Some(number) = how.print {
        let scenario = explore::generate::scenario(&campaign.shape, campaign.seed_of(number));
        write!(shell, "{}", crate::scenario::to_toml(&scenario))?;
        return Ok(Exit::Held);
    }
    let pool = super::pool(how.jobs)?;
    if what.every_quirk {
        let again = what.again(target);
        let page = how.report.as_deref();
        return hunt::hunt(&campaign, (&what.words(target), &again), page, &pool, shell);
    }
    let places = Places { out: how.out.as_deref(), report: how.report.as_deref() };
    if !how.json {
        places.can_be_written_to(shell)?;
    }
    let mut progress = Progress::new(&campaign, how.for_ns);
    let deadline = progress.deadline();
    let mut goes_on = |tally: &Tally| progress.goes_on(tally);
    let tally = pool.install(|| campaign.run_until(&mut goes_on, &|| deadline.is_over()));
    progress.runs_are_over(&tally, shell);
    if how.for_ns.is_some() {
        // It has as many runs as there was time for.
        campaign.runs = tally.runs;
    }
    let record = Record::of(&campaign, &what.words(target), tally);
    if how.json {
        write!(shell, "{}", record.to_lines())?;
        if !record.is_whole() {
            shell.say("it was cut short and cannot be merged: run it again");
        }
        return Ok(match outcome::exit(&record.tally) {
            Exit::Held if !record.is_whole() => Exit::Undecided,
            exit => exit,
        });
    }
    outcome::tell(&record, places, &pool, &mut progress, shell)
}

impl What {
    /// What may be drawn.
    fn shape(&self, target: &str, shell: &mut Shell) -> Result<Shape, Failure> {
        self.says_nothing_twice()?;
        let is_protocol = explore::plain(target).is_some();
        let base = self.base(target, is_protocol, shell)?;
        let has_clients = !base.clients.is_empty();
        if has_clients && (self.clients.is_some() || self.requests.is_some()) {
            return Err(Failure::Usage(format!(
                "{target} has its own clients, so --clients and --requests would change nothing; \
                 leave them out"
            )));
        }
        let has_t = base.protocol.bcr().is_some();
        if self.t.is_some() && !has_t {
            let name = base.protocol.name();
            return Err(Failure::Usage(format!(
                "--t is a knob of bcr; {name} has none: leave it out"
            )));
        }
        let limits = base.limits;
        let mut shape = Shape::around(base);
        if is_protocol && has_t {
            shape = shape.faulty(1, 2);
        }
        if let Some((least, most)) = self.t {
            shape = shape.faulty(least as u32, most as u32);
        }
        if let Some((least, most)) = self.clients {
            shape = shape.clients(least as u32, most as u32);
        }
        if let Some((least, most)) = self.requests {
            shape = shape.requests(least, most);
        }
        if !has_clients && (shape.clients.1 == 0 || shape.requests.1 == 0) {
            return Err(Failure::Usage("nobody would ask for anything: give more".to_owned()));
        }
        shape = shape.only(self.kinds()?);
        if !is_protocol {
            shape = kept::file(shape);
        }
        shape = kept::set(shape, &self.set, limits)?;
        if shape.kinds.iter().next().is_none() && shape.base.faults.is_empty() {
            shell.say("no kind of trouble is left that could be drawn: nobody will fail");
        }
        Ok(if self.beyond { shape.beyond() } else { shape })
    }

    /// Refuses a knob that an option gives and `--set` gives too: one of them would do nothing.
    fn says_nothing_twice(&self) -> Result<(), Failure> {
        for (is_given, option, key) in [
            (self.t.is_some(), "--t", "t"),
            (self.quirk.is_some(), "--quirk", "quirk"),
            (self.every_quirk, "--every-quirk", "quirk"),
        ] {
            if is_given && self.set.iter().any(|set| kept::path(set) == key) {
                return Err(Failure::Usage(format!(
                    "{option} and --set {key} speak of the same knob: leave one of them out"
                )));
            }
        }
        Ok(())
    }

    /// What every scenario begins as. A seeded bug is a knob of the scenario like others, so that
    /// what is found can be run again.
    fn base(
        &self,
        target: &str,
        is_protocol: bool,
        shell: &mut Shell,
    ) -> Result<crate::scenario::Scenario, Failure> {
        let quirk = self.quirk.iter().map(|quirk| format!("quirk={quirk}"));
        let set = self.set.iter().cloned().chain(quirk).collect();
        let reader = Reader::setting(set, self.lenient);
        let mut reading = match is_protocol {
            true => reader.read_text(target, &format!("protocol = \"{target}\"\n"))?,
            false => reader.read(target).map_err(|failure| unknown(target, failure))?,
        };
        // Without clients nothing would happen; but they are yet to be drawn.
        reading.diagnostics.retain(|one| !is_protocol || one.severity() == Severity::Error);
        report(&reading.diagnostics, shell);
        reading.scenario.ok_or(Failure::Said)
    }

    fn kinds(&self) -> Result<Kinds, Failure> {
        let named = |words: &[String], option: &str| {
            let kinds = Kinds::named(words.iter().map(String::as_str));
            kinds.map_err(|unknown| Failure::Usage(format!("--{option}: {unknown}")))
        };
        let without = named(&self.without, "without")?;
        let kinds = match self.only.is_empty() {
            true => Kinds::all(),
            false => named(&self.only, "only")?,
        };
        Ok(kinds.without(&without))
    }

    /// The command that hunts one of the seeded bugs as they all were hunted.
    fn again(&self, target: &str) -> String {
        let range = |(least, most): (u64, u64)| format!("{least}..{most}");
        let ranges = [("t", self.t), ("clients", self.clients), ("requests", self.requests)];
        let ranges = ranges.map(|(name, given)| (name, given.map(range)));
        let lists = [("only", &self.only), ("without", &self.without)];
        let lists = lists.map(|(name, words)| (name, (!words.is_empty()).then(|| words.join(","))));
        let sets = self.set.iter().map(|set| ("set", Some(set.clone())));
        let mut words = vec![target.to_owned()];
        for (name, given) in ranges.into_iter().chain(lists).chain(sets) {
            words.extend(given.into_iter().flat_map(|value| [format!("--{name}"), value]));
        }
        let flags = [("--beyond", self.beyond), ("--lenient", self.lenient)];
        words.extend(flags.iter().filter(|(_, given)| *given).map(|(name, _)| (*name).to_owned()));
        let seed = ["--quirk", "NAME", "--seed", &self.seed.to_string()].map(str::to_owned);
        args::command("fuzz", words.into_iter().chain(seed).collect())
    }

    /// What is fuzzed, in a few words.
    fn words(&self, target: &str) -> String {
        let set = self.set.iter().map(|set| format!(" with {set}"));
        let quirk = self.quirk.iter().map(|quirk| format!(" with the bug {quirk}"));
        let beyond = if self.beyond { ", beyond tolerance" } else { "" };
        let words: String = set.chain(quirk).collect();
        format!("{target}{words}{beyond}")
    }
}

/// What is wrong with a target that is neither a protocol nor a file that can be read.
fn unknown(target: &str, failure: Failure) -> Failure {
    match failure {
        Failure::File { error, .. } if !target.contains(['.', '/']) => Failure::Usage(format!(
            "there is no protocol '{target}', and no such file ({error}); the protocols are: {}",
            scenario::TEMPLATES.join(", ")
        )),
        failure => failure,
    }
}

/// `2..5`, or one number for both ends.
fn range(text: &str) -> Result<(u64, u64), String> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    match (least.trim().parse(), most.trim().parse()) {
        (Ok(least), Ok(most)) if least <= most && most <= 1_000 => Ok((least, most)),
        _ => Err("write two numbers up to 1000, e.g. 1..3".to_owned()),
    }
}

/// The same, up to what a scenario may say of t.
fn few(text: &str) -> Result<(u64, u64), String> {
    let most = crate::scenario::Bcr::MAX_T;
    match range(text) {
        Ok((least, upper)) if upper <= u64::from(most) => Ok((least, upper)),
        _ => Err(format!("write two numbers up to {most}, e.g. 1..3")),
    }
}

/// How many runs there were, as a person reads it.
fn counted(tally: &Tally) -> String {
    let Tally { runs, held, undecided, .. } = tally;
    let broke = tally.broke();
    let runs = crate::words::counted(*runs, "run", "runs");
    let mut text = format!("{runs}: {held} held, {broke} broke something");
    if let Some(first) = tally.first_undecided {
        text += &format!(", {undecided} reached a limit (first number {first}: see --print)");
    }
    if tally.unended > 0 {
        text += &format!(", {} were cut off and need not have come to rest", tally.unended);
    }
    text
}

/// That not all runs were made, where that is so.
fn cut_short(record: &Record, progress: &Progress) -> Option<String> {
    let runs = record.tally.runs;
    match record.is_whole() {
        false => Some(format!("stopped after {runs} of {} runs", record.share())),
        true if progress.was_interrupted() => {
            Some(format!("stopped after {runs} runs, before the time was over"))
        }
        true => None,
    }
}

/// Findings within tolerance first count, then those beyond it.
fn exit_of(within: bool, beyond: bool, tally: &Tally) -> Exit {
    match () {
        () if !tally.differing.is_empty() => Exit::NotDeterministic,
        () if within => Exit::Broken,
        () if beyond => Exit::BeyondTolerance,
        // Nothing is known of what was not run.
        () if tally.undecided > 0 || tally.runs == 0 => Exit::Undecided,
        () => Exit::Held,
    }
}
