//! `perjury fuzz --every-quirk`: which of the seeded bugs the judges find, as a table.

use std::io::Write as _;
use std::path::Path;

use crate::cli::bar::Bar;
use crate::cli::place;
use crate::cli::shell::Shell;
use crate::cli::{Exit, Failure, Outcome};
use crate::explore::Campaign;
use crate::explore::kills::{self, Kills};

/// Prints a row for each seeded bug; `again` is the command that hunts one of them so.
pub(super) fn hunt(
    campaign: &Campaign,
    (words, again): (&str, &str),
    report: Option<&Path>,
    pool: &rayon::ThreadPool,
    shell: &mut Shell,
) -> Outcome {
    let Campaign { seed, runs, .. } = campaign;
    let quirks = kills::count(campaign);
    if quirks == 0 {
        return Err(Failure::Usage(format!(
            "--every-quirk: {} has no seeded bugs to be found; hunt those of bcr, or leave it out",
            campaign.shape.base.protocol.name()
        )));
    }
    report.map_or(Ok(()), |page| place::file("--report", page))?;
    let bar = Bar::new(quirks);
    let mut done = 0;
    let mut goes_on = |kills: &Kills| {
        done += 1;
        bar.shows(done, format!("{}: {} of {runs} runs", kills.quirk, kills.killed))
    };
    let all = pool.install(|| kills::hunt(campaign, &mut goes_on, &Bar::is_interrupted));
    let made = all.iter().map(|kills| kills.runs).sum();
    bar.tells_speed(made, shell);
    bar.ends();
    writeln!(shell, "Every seeded bug of {words}, {runs} runs each, seed {seed}.\n")?;
    writeln!(
        shell,
        "killed: in how many runs a judge found fault; promise: in how many of them a"
    )?;
    writeln!(shell, "promise to users broke; first: the number of the first, and who found it.\n")?;
    writeln!(shell, "{}", Kills::HEAD)?;
    for kills in &all {
        writeln!(shell, "{kills}")?;
    }
    if let Some(path) = report {
        super::report::of_hunt(path, (words, again, *seed), &all, &bar.speed(made))?;
    }
    let found = all.iter().filter(|kills| kills.killed > 0).count();
    let promised = all.iter().filter(|kills| kills.promises > 0).count();
    if all.len() as u64 != quirks {
        let hunted = all.len();
        writeln!(shell, "\nInterrupted: {found} of the first {hunted} of {quirks} are found.")?;
        return Ok(Exit::Undecided);
    }
    writeln!(
        shell,
        "\n{found} of {quirks} are found, {promised} of them by a promise to users that broke."
    )?;
    Ok(if found == all.len() { Exit::Held } else { Exit::Broken })
}
