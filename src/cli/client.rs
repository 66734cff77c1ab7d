//! `perjury client`: asks a cluster that is served: a few things, a person's, or very many.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, Helper};

use crate::net::{self, Load, Tally, User, UserError};

use super::serve::{Signals, USUAL_ADDRESS};
use super::shell::Shell;
use super::{Exit, Failure, Outcome, args};

/// Ask a cluster that `perjury serve` runs: once, by hand, or with a load.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  perjury client                                       by hand: put('movie','star'), help, exit
  perjury client \"put('movie','star')\" \"get('movie')\"  once; prints a result a line
  perjury client --clients 64 --duration 10s           as much as 64 users can ask
  perjury client --clients 1 --outstanding 64          as much as one can who does not wait
  perjury client --clients 64 --rate 1000              1000 requests a second, for 10 seconds

Ctrl-C ends a load before its time, with the sum so far.

Exits with 1 if a request was refused, with 2 if it is none or nobody is there to ask, with 3 if it
was not answered.")]
pub(super) struct Args {
    /// Operations in their text form; without any, they are read line by line.
    #[arg(value_name = "OPERATION")]
    operations: Vec<String>,
    /// The gateway of the cluster.
    #[arg(long, value_name = "ADDRESS", default_value = USUAL_ADDRESS,
          value_parser = args::address)]
    to: SocketAddr,
    /// How long an answer may take.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = args::duration_ns)]
    patience: u64,
    /// Keep what is typed in this file, and begin with what is there.
    #[arg(long, value_name = "FILE", conflicts_with = "operations")]
    history: Option<PathBuf>,
    /// A load: so many users, each with a connection.
    #[arg(long, value_name = "NUMBER", conflicts_with = "operations",
          value_parser = clap::value_parser!(u32).range(1..=1024))]
    clients: Option<u32>,
    /// A load: so many requests of each user are under way together.
    #[arg(long, value_name = "NUMBER", conflicts_with = "operations",
          value_parser = clap::value_parser!(u32).range(1..=256))]
    outstanding: Option<u32>,
    /// A load: so many requests a second; without it, as many as are answered.
    #[arg(long, value_name = "NUMBER", conflicts_with = "operations",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// A load: for this long.
    #[arg(long, value_name = "TIME", conflicts_with = "operations",
          value_parser = args::duration_ns)]
    duration: Option<u64>,
}

pub(super) fn client(args: &Args, shell: &mut Shell) -> Outcome {
    let numbers = [args.clients, args.outstanding, args.rate];
    let is_load = numbers.iter().any(Option::is_some) || args.duration.is_some();
    let done = match () {
        () if is_load => load(args, shell)?,
        () if args.operations.is_empty() => by_hand(args, shell)?,
        () => once(args, shell)?,
    };
    done.or_else(|error| match error {
        // The cluster was there, and nobody knows what it has done.
        UserError::TooSlow(_) | UserError::Io(_) | UserError::Closed => {
            shell.complain(&error.to_string());
            Ok(Exit::Undecided)
        }
        UserError::Connect { .. } | UserError::Stranger | UserError::Frame(_) => {
            Err(Failure::Usage(error.to_string()))
        }
    })
}

/// What runs a command's own connections.
pub(super) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// What came of talking to a cluster.
type Talk = Result<Result<Exit, UserError>, Failure>;

/// Connects; tries it again for a while, since a cluster that was just started takes a moment.
async fn connect(address: SocketAddr) -> Result<User, UserError> {
    const PAUSE: Duration = Duration::from_millis(50);
    const TRIES: u32 = 40;
    for _ in 1..TRIES {
        match User::connect(address).await {
            Err(UserError::Connect { error, .. })
                if error.kind() == io::ErrorKind::ConnectionRefused =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            connected => return connected,
        }
    }
    User::connect(address).await
}

fn once(args: &Args, shell: &mut Shell) -> Talk {
    // Before anything is asked, so that a slip in the last leaves nothing half done.
    for text in &args.operations {
        net::operation(text).map_err(|why| Failure::Usage(format!("{text}: {why}")))?;
    }
    runtime()?.block_on(async {
        let mut user = match connect(args.to).await {
            Ok(user) => user,
            Err(error) => return Ok(Err(error)),
        };
        let mut exit = Exit::Held;
        for operation in &args.operations {
            match user.ask(operation, Duration::from_nanos(args.patience)).await {
                Ok(Ok(result)) => writeln!(shell, "{result}")?,
                Ok(Err(why)) => {
                    shell.complain(&format!("{operation}: {why}"));
                    exit = Exit::Broken;
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(exit))
    })
}

fn load(args: &Args, shell: &mut Shell) -> Talk {
    const USUAL: Duration = Duration::from_secs(10);
    const KEYS: u32 = 1000;
    let load = Load {
        users: args.clients.unwrap_or(16),
        outstanding: args.outstanding.unwrap_or(1),
        rate: args.rate,
        duration: args.duration.map_or(USUAL, Duration::from_nanos),
        keys: KEYS,
        patience: Duration::from_nanos(args.patience),
    };
    let mut second = 0;
    let each_second = |tally: &Tally| {
        second += 1;
        // Whoever closed the output learns the sum alone, if anything.
        let _ = writeln!(shell, "{second:>4}s  {}", Told(tally)).and_then(|()| shell.flush());
    };
    let tally = runtime()?.block_on(async {
        let mut signals = Signals::new()?;
        let users = async || connect(args.to).await;
        Ok::<_, Failure>(net::load_by(users, load, each_second, signals.next()).await)
    });
    let tally = match tally? {
        Ok(tally) => tally,
        Err(error) => return Ok(Err(error)),
    };
    writeln!(shell, "  all  {}", Told(&tally))?;
    if tally.refused > 0 {
        shell.complain(&format!("{} requests were refused", tally.refused));
        return Ok(Ok(Exit::Broken));
    }
    Ok(Ok(Exit::Held))
}

/// A tally in one line.
struct Told<'a>(&'a Tally);

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Tally { answered, latency_us, .. } = self.0;
        write!(f, "{answered:>8} answered  {:>8.0}/s", self.0.per_second())?;
        for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)] {
            let ms = latency_us.value_at_quantile(share) as f64 / 1000.0;
            write!(f, "  {name} {ms:.2} ms")?;
        }
        write!(f, "  max {:.2} ms", latency_us.max() as f64 / 1000.0)
    }
}

/// A person's words, or those of a script, line by line.
fn by_hand(args: &Args, shell: &mut Shell) -> Talk {
    let runtime = runtime()?;
    let mut user = match runtime.block_on(connect(args.to)) {
        Ok(user) => user,
        Err(error) => return Ok(Err(error)),
    };
    let mut editor = Editor::<Words, DefaultHistory>::new().map_err(unreadable)?;
    editor.set_helper(Some(Words::default()));
    if let Some(file) = &args.history {
        // Whoever wants it kept learns here that it cannot be, and not when all is typed.
        fs::OpenOptions::new().append(true).create(true).open(file).map_err(Failure::at(file))?;
        editor.load_history(file).map_err(unkept(file))?;
    }
    let mut exit = Exit::Held;
    loop {
        let line = match editor.readline("perjury> ") {
            Ok(line) => line,
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => break,
            Err(error) => return Err(Failure::Usage(format!("{error}; type text in UTF-8"))),
        };
        let line = line.trim();
        match line {
            "" => continue,
            "exit" | "quit" => break,
            "help" => writeln!(shell, "{HELP}")?,
            operation => {
                match runtime.block_on(user.ask(operation, Duration::from_nanos(args.patience))) {
                    Ok(Ok(result)) => writeln!(shell, "{result}")?,
                    Ok(Err(why)) => {
                        shell.complain(&why);
                        exit = Exit::Broken;
                    }
                    Err(error @ UserError::Frame(_)) => {
                        shell.complain(&error.to_string());
                        exit = Exit::Broken;
                    }
                    Err(error) => return Ok(Err(error)),
                }
            }
        }
        shell.flush()?;
        editor.add_history_entry(line).map_err(unreadable)?;
        if let Some(words) = editor.helper_mut() {
            words.learn(line);
        }
    }
    if let Some(file) = &args.history {
        editor.save_history(file).map_err(unkept(file))?;
    }
    // What a person mistyped is no failure of the session.
    Ok(Ok(if io::IsTerminal::is_terminal(&io::stdin()) { Exit::Held } else { exit }))
}

fn unreadable(error: ReadlineError) -> Failure {
    Failure::Usage(format!("{error}; give the operations as arguments instead"))
}

fn unkept(history: &Path) -> impl Fn(ReadlineError) -> Failure {
    move |error| Failure::Usage(format!("--history {}: {error}; name another", history.display()))
}

const HELP: &str = "\
put('key','value')      the key has this value from now on
get('key')              its value, or nothing
append('key','more')    adds to the value; `fail` if there is none
slice('key','from:to')  keeps this part of the value; `fail` if it is not there
exit                    ends this";

/// The beginnings of what can be typed, and the keys that were.
#[derive(Default)]
struct Words {
    keys: std::collections::BTreeSet<String>,
}

const BEGINNINGS: [&str; 6] = ["append('", "exit", "get('", "help", "put('", "slice('"];

impl Words {
    /// Keys that were used are offered from then on.
    fn learn(&mut self, line: &str) {
        if let Ok(operation) = net::operation(line) {
            self.keys.insert(operation.key().to_owned());
        }
    }

    /// Where the word begins that is being typed, and how it may go on.
    fn offers(&self, typed: &str) -> (usize, Vec<String>) {
        match typed.find("('") {
            None => {
                let fits = BEGINNINGS.into_iter().filter(|word| word.starts_with(typed));
                (0, fits.map(str::to_owned).collect())
            }
            Some(place) => {
                let begin = place + 2;
                let key = &typed[begin..];
                let fits = self.keys.iter().filter(|known| known.starts_with(key));
                (begin, fits.map(|known| format!("{known}'")).collect())
            }
        }
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        place: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.offers(line.get(..place).unwrap_or_default()))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_and_keys_that_were_used_are_offered() {
        let mut words = Words::default();
        words.learn("put('movie','star')");
        words.learn("get('moon')");
        words.learn("nonsense");
        assert_eq!(words.offers("p"), (0, vec!["put('".to_owned()]));
        let keys = ["moon'", "movie'"].map(str::to_owned);
        assert_eq!(words.offers("get('mo"), (5, keys.to_vec()));
        assert_eq!(words.offers("get('x"), (5, vec![]));
    }
}
