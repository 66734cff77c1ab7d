//! `perjury shrink`: make a broken scenario small.

use std::io::Write as _;
use std::path::PathBuf;

use crate::explore::shrink::{Shrunk, TRIES, shrink_until};
use crate::explore::{Artefact, Size, Slice};
use crate::run;
use crate::scenario::{Scenario, to_toml};
use crate::words::counted;

use super::args::Subject;
use super::bar::Bar;
use super::place;
use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Make a broken scenario small, as long as the same judge finds fault, and print it.
#[derive(clap::Args)]
#[command(after_help = "\
Faults, clients and requests are left out, many at a time first; then what is left is made weaker,
earlier, shorter and simpler. Ctrl-C ends early, with the smallest so far. Exit codes: 0 if nothing
breaks, whatever the scenario expects; 1 if something does, 3 if that is undecided, 5 beyond
tolerance.

Examples:
  perjury shrink large.toml > small.toml
  perjury shrink large.toml --out findings       a scenario, a test and a picture")]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// What this judge finds, instead of what was found first.
    #[arg(long, value_name = "NAME")]
    judge: Option<String>,
    /// Write it to this folder: a scenario, a test and a picture.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How many smaller scenarios are tried at most.
    #[arg(long, value_name = "NUMBER", default_value_t = TRIES)]
    tries: u64,
    /// How many are tried at a time; one for each processor, without.
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<usize>,
}

pub(super) fn shrink(args: &Args, shell: &mut Shell) -> Outcome {
    let scenario = args.subject.scenario(shell)?;
    let file = &args.subject.file;
    let refused = |refusal| Failure::Refused { path: file.clone(), refusal };
    let report = run::run(&scenario).map_err(refused)?;
    let Some(charge) = super::args::charge(&report, args.judge.as_deref(), file)? else {
        shell.say(&format!("{file}: nothing breaks: {}", report.verdict));
        return Ok(Exit::from(report.verdict));
    };
    args.out.as_deref().map_or(Ok(()), |out| place::folder("--out", out))?;
    let bar = Bar::new(args.tries);
    let mut shows = |tries| {
        bar.shows(tries, format!("{tries} smaller ones tried"));
    };
    let pool = super::pool(args.jobs)?;
    let stops = &Bar::is_interrupted;
    let Shrunk { scenario: smallest, tries, is_finished } =
        pool.install(|| shrink_until(&scenario, &charge, args.tries, &mut shows, stops));
    bar.ends();
    let (before, after) = (Size::of(&scenario, 0), Size::of(&smallest, 0));
    let seconds = bar.passed().as_millis();
    let more = if is_finished { "" } else { "; there is more to try" };
    shell.say(&format!(
        "{file}: {}: {} and {}, made of {} and {} in {} and {seconds} ms{more}",
        charge.judge,
        counted(after.troubles, "trouble", "troubles"),
        counted(after.requests, "request", "requests"),
        before.troubles,
        before.requests,
        counted(tries, "try", "tries")
    ));
    let told = Slice::of_run_unless(&smallest, Some(&charge.judge), stops).map_err(refused)?;
    let Some((small_report, finding, slice)) = told else {
        // There was no time to see what led to it.
        let name = format!("{}-interrupted", charge.judge.replace(' ', "-"));
        return write_as_it_is(args, &smallest, &name, shell).map(|()| Exit::from(report.verdict));
    };
    let artefact = Artefact::of_slice(&smallest, &small_report, &finding, &slice);
    match &args.out {
        None => {
            // Nobody knows what the file is called that this goes to.
            let named = format!("perjury run {}.toml", artefact.name);
            write!(shell, "{}", artefact.toml.replacen(&named, "perjury run, on this file", 1))?;
        }
        Some(folder) => {
            let path = artefact.write_to(folder).map_err(Failure::at(folder))?;
            writeln!(shell, "again: perjury run {}", path.display())?;
        }
    }
    Ok(Exit::from(report.verdict))
}

/// Writes a scenario, and no more, to where the smallest was to go.
fn write_as_it_is(
    args: &Args,
    scenario: &Scenario,
    name: &str,
    shell: &mut Shell,
) -> Result<(), Failure> {
    let text = to_toml(scenario);
    let Some(folder) = &args.out else {
        write!(shell, "{text}")?;
        return Ok(());
    };
    let path = folder.join(format!("{name}.toml"));
    place::store(&path, &text)?;
    writeln!(shell, "again: perjury run {}", path.display())?;
    Ok(())
}
