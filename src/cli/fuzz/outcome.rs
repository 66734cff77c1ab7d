//! What a campaign came to, as a person reads it, and the files of what it found.

use std::io::Write as _;
use std::path::Path;

use crate::cli::bar::Bar;
use crate::cli::place;
use crate::cli::shell::Shell;
use crate::cli::{Exit, Failure, Outcome};
use crate::explore::record::Record;
use crate::explore::{Charge, Discovery, Found, Size, TWICE_EVERY, Tally, discoveries};
use crate::words::counted;

use super::progress::Progress;

/// Where it is written.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    /// The folder for what was found, if one was named.
    pub(super) out: Option<&'a Path>,
    /// The page, if one is wanted.
    pub(super) report: Option<&'a Path>,
}

/// Tells it, makes small what was found, and writes that to a folder.
pub(super) fn tell(
    record: &Record,
    places: Places<'_>,
    pool: &rayon::ThreadPool,
    progress: &mut Progress,
    shell: &mut Shell,
) -> Outcome {
    let Record { header, tally, scenarios } = record;
    let out = places.folder();
    writeln!(shell, "{}, seed {}: {}", header.target, header.seed, super::counted(tally))?;
    let cut_short = super::cut_short(record, progress);
    if let Some(text) = &cut_short {
        writeln!(shell, "  cut short   {text}")?;
    }
    counts(record, shell)?;
    let scenario_of = |found: &Found| scenarios.get(&found.index).cloned();
    let mut shows = |done, all| progress.shrinks(done, all);
    let found = pool.install(|| discoveries(tally, &scenario_of, &mut shows, &Bar::is_interrupted));
    progress.is_over();
    // What cannot be written does not keep the rest from being told.
    let mut written = Ok(());
    for (charge, group) in &tally.groups {
        let Charge { judge, .. } = charge;
        let (word, runs) = (word(charge), counted(group.count, "run", "runs"));
        writeln!(shell, "{word} {judge}: {runs}, first number {}", group.first)?;
        for one in found.iter().filter(|one| one.charge == *charge) {
            written = written.and(discovery(one, out, shell));
        }
        let is_small = found.iter().any(|one| one.charge == *charge);
        if judge == Charge::PANIC {
            for line in group.kept.iter().take(1).flat_map(|found| found.text.lines()) {
                writeln!(shell, "  {line}")?;
            }
            written = written.and(as_they_are(judge, &group.kept, record, out, shell));
        } else if !is_small {
            writeln!(shell, "  (interrupted before it was made small: see perjury shrink)")?;
            let first = &group.kept[..group.kept.len().min(1)];
            written = written.and(as_they_are(judge, first, record, out, shell));
        } else if group.count > group.kept.len() as u64 {
            writeln!(shell, "  (the {} smallest of them were made small)", group.kept.len())?;
        }
    }
    if let Some(path) = places.report {
        let how = [Some(progress.speed(tally)), cut_short].into_iter().flatten();
        super::report::of_campaign(path, out, record, &found, how)?;
        shell.say(&format!("report: {}", path.display()));
    }
    written.map(|()| exit(tally))
}

impl<'a> Places<'a> {
    /// Finds out before a campaign what could not be written after it. Where no folder is named,
    /// none may be needed: most campaigns find nothing.
    pub(super) fn can_be_written_to(self, shell: &mut Shell) -> Result<(), Failure> {
        match (self.out, place::folder("--out", self.folder())) {
            (None, Err(failure)) => shell.say(&format!(
                "{failure}; whatever is found will be told, but not kept: name a folder with --out"
            )),
            (_, known) => known?,
        }
        self.report.map_or(Ok(()), |report| place::file("--report", report))
    }

    fn folder(self) -> &'a Path {
        self.out.unwrap_or(Path::new("findings"))
    }
}

/// How a campaign with this outcome ends.
pub(super) fn exit(tally: &Tally) -> Exit {
    let any = |within| tally.groups.keys().any(|charge| charge.within_tolerance == within);
    super::exit_of(any(true), any(false), tally)
}

/// How large a scenario and its run are.
pub(super) fn sized(size: &Size) -> String {
    let troubles = counted(size.troubles, "trouble", "troubles");
    let requests = counted(size.requests, "request", "requests");
    format!("{troubles}, {requests}, {}", counted(size.events, "event", "events"))
}

fn word(charge: &Charge) -> &'static str {
    if charge.within_tolerance { "BROKEN " } else { "beyond " }
}

fn counts(Record { header, tally, .. }: &Record, shell: &mut Shell) -> std::io::Result<()> {
    let differing = match tally.differing.as_slice() {
        [] if tally.twice == 0 => "so nothing was compared".to_owned(),
        [] => "all the same run both times".to_owned(),
        numbers => format!("NOT DETERMINISTIC: runs {numbers:?} differ"),
    };
    let demanded = tally.demanded;
    writeln!(shell, "  live        {demanded} of them had to answer everybody in time, and rest")?;
    if tally.runs > 0 {
        writeln!(shell, "  made twice  {} (one in {TWICE_EVERY}), {differing}", tally.twice)?;
    }
    let all = header.cells;
    let seen = tally.coverage.cells.len();
    let bigrams = tally.coverage.bigrams.len();
    writeln!(
        shell,
        "  coverage    {seen} of {all} cells (trigger x failure x place), {bigrams} event bigrams"
    )
}

fn discovery(one: &Discovery, out: &Path, shell: &mut Shell) -> Result<(), Failure> {
    let Discovery { shape, found, size, tries, artefact, .. } = one;
    let text = artefact.toml.lines().map_while(|line| line.strip_prefix("# "));
    for line in text.take_while(|line| !line.is_empty()) {
        writeln!(shell, "  {line}")?;
    }
    writeln!(shell, "  shape  {shape}")?;
    let Size { troubles, requests, events } = found.size;
    writeln!(
        shell,
        "  small  {}; made of run {} with {troubles}, {requests}, {events} in {}",
        sized(size),
        found.index,
        counted(*tries, "try", "tries")
    )?;
    let path = artefact.write_to(out).map_err(Failure::at(out))?;
    writeln!(shell, "  again  perjury run {}", path.display())?;
    Ok(())
}

/// Of a run that panicked, or that there was no time for, the scenario is kept as it is.
fn as_they_are(
    judge: &str,
    kept: &[Found],
    record: &Record,
    out: &Path,
    shell: &mut Shell,
) -> Result<(), Failure> {
    let kept = kept.iter().filter_map(|found| Some((found, record.scenarios.get(&found.index)?)));
    for (found, scenario) in kept {
        let path = out.join(format!("{}-{}.toml", judge.replace(' ', "-"), found.index));
        place::store(&path, &crate::scenario::to_toml(scenario))?;
        writeln!(shell, "  again  perjury run {}", path.display())?;
    }
    Ok(())
}
