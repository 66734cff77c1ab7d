//! `perjury view`: a run as a page that opens anywhere. Also what `run --view` and `diff --view`
//! need of it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::Value;

use crate::run::{self, Report, Told};
use crate::scenario::{Scenario, Verdict};
use crate::view::Picture;

use super::args::{Bytes, Reader, Subject, open, used};
use super::logged::Logged;
use super::run::{header, to_json};
use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Draw a run: a page of one file, to be opened in a browser.
#[derive(clap::Args)]
#[command(after_help = "\
Exits as `perjury run` does: 0 if everything held, 1 if something broke, 5 beyond tolerance.
States of processes are in the picture of a scenario, and in that of a log that was written with
--states.

Examples:
  perjury view scenarios/bcr/tail_drops_shuttle.toml
  perjury view mine.toml --seed 8 -o eight.html
  perjury run mine.toml --log json --states > run.jsonl; perjury view run.jsonl
  perjury view mine.toml -o - > page.html")]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Where the page goes; `-` is standard output. Without it, a file in this folder that is
    /// called as the one that is drawn.
    #[arg(short, long, value_name = "PAGE")]
    output: Option<String>,
}

pub(super) fn view(args: &Args, shell: &mut Shell) -> Outcome {
    let file = &args.subject.file;
    let output = args.output.clone().unwrap_or_else(|| usual_name(file));
    let mut picture = Picture::default();
    let exit = match open(file)? {
        Bytes::Scenario(bytes) => {
            let scenario = args.subject.understand(&args.subject.with(bytes)?, shell)?;
            let changes = args.subject.changes();
            Exit::of(&draw(&mut picture, (file, &changes), &scenario, &mut |_| Ok(()))?)
        }
        Bytes::Log(lines) => {
            args.subject.reader.has_no_part_in(file)?;
            draw_log(&mut picture, Logged::new(file, lines)?, shell)?
        }
    };
    write(&picture, &output, shell)?;
    Ok(exit)
}

/// The page's name where nobody says one.
fn usual_name(file: &str) -> String {
    let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str());
    format!("{}.html", stem.filter(|_| file != "-").unwrap_or("run"))
}

/// Runs a scenario, from a file and what was changed in it, and adds it to a picture. What is drawn
/// is told, for those who log it.
pub(super) fn draw(
    picture: &mut Picture,
    (file, changes): (&str, &str),
    scenario: &Scenario,
    log: &mut dyn FnMut(Told) -> Result<(), Failure>,
) -> Result<Report, Failure> {
    picture.begin(file);
    picture.changed(changes);
    picture.summary(&run::Summary(scenario).to_string());
    let mut done = add(picture, &header(scenario));
    let report = run::run_told(scenario, &mut |told| {
        if done.is_ok() {
            done = add(picture, &told.to_json()).and_then(|()| log(told));
        }
    });
    let report = report.map_err(|refusal| Failure::Refused { path: file.to_owned(), refusal })?;
    done.and_then(|()| add(picture, &to_json(scenario, &report)))?;
    Ok(report)
}

fn add(picture: &mut Picture, line: &Value) -> Result<(), Failure> {
    picture.take(line).map_err(|unfit| Failure::Usage(unfit.to_string()))
}

/// Adds the run that a log tells. Of a log that breaks off, what stands before is drawn.
fn draw_log(picture: &mut Picture, mut log: Logged, shell: &mut Shell) -> Outcome {
    let before = picture.events();
    picture.begin(log.path());
    add(picture, log.header())?;
    let mut exit = Exit::Held;
    let told = loop {
        match log.line_of_run() {
            Ok(None) => break Ok(()),
            Ok(Some(line)) => {
                exit = told_exit(&line).unwrap_or(exit);
                if let Err(unfit) = picture.take(&line) {
                    break Err(log.wrong(&unfit.to_string()));
                }
            }
            Err(failure) => break Err(failure),
        }
    };
    match told {
        Err(failure) if picture.events() == before => return Err(failure),
        Err(failure) => {
            let remark = format!("what stands before is drawn: {failure}");
            picture.remark(&remark);
            shell.say(&format!("warning: {remark}"));
        }
        Ok(()) if !log.is_over() && log.process().is_none() => {
            let remark = "the log ends before its verdict: what stands before is drawn";
            picture.remark(remark);
            shell.say(&format!("warning: {remark}"));
        }
        Ok(()) => {}
    }
    Ok(exit)
}

/// How `run` ended that wrote this line, if it is the verdict.
fn told_exit(line: &Value) -> Option<Exit> {
    let told = line.get("verdict")?.as_str()?;
    let all = [Verdict::Held, Verdict::Broken, Verdict::BeyondTolerance, Verdict::Undecided];
    let verdict = all.into_iter().find(|verdict| verdict.name() == told)?;
    let missed = line.get("missed").and_then(Value::as_array);
    Some(match Exit::from(verdict) {
        Exit::Held if missed.is_some_and(|missed| !missed.is_empty()) => Exit::Broken,
        exit => exit,
    })
}

/// Adds what a file holds, be it a scenario or a log.
pub(super) fn draw_file(
    picture: &mut Picture,
    file: &str,
    reader: &Reader,
    shell: &mut Shell,
) -> Result<(), Failure> {
    match open(file)? {
        Bytes::Scenario(bytes) => {
            let scenario = used(reader.read_bytes(file, &bytes)?, shell)?;
            draw(picture, (file, &reader.changes()), &scenario, &mut |_| Ok(())).map(drop)
        }
        Bytes::Log(lines) => draw_log(picture, Logged::new(file, lines)?, shell).map(drop),
    }
}

/// Writes the page, and says where it is.
pub(super) fn write(picture: &Picture, output: &str, shell: &mut Shell) -> Result<(), Failure> {
    let page = picture.page();
    if output == "-" {
        return Ok(shell.write_all(page.as_bytes())?);
    }
    let written = File::create(output).and_then(|file| {
        let mut file = BufWriter::new(file);
        file.write_all(page.as_bytes())?;
        file.flush()
    });
    written.map_err(|error| Failure::File { path: output.to_owned(), error })?;
    let events = picture.events();
    shell.say(&format!("picture: {output} ({events} events, {} kB)", page.len().div_ceil(1000)));
    Ok(())
}
