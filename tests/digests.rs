//! Every scenario is one run: under ideal and real signatures, watched or not, in any build.
//!
//! The digests stand in a snapshot. A change of one means that the run changed: that needs a reason
//! in the message of the commit that changes it. The snapshot is read by optimised and other builds
//! alike.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use perjury::judge::Judged;
use perjury::run::{self, Visitor};
use perjury::scenario::{self, ReadOptions, Scenario};
use perjury::sim::{Stats, Stop, World};

/// All scenarios of the project, by path.
fn scenarios() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|ending| ending == "toml") => {
                    found.push(path);
                }
                false => {}
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path, signatures: &str) -> Scenario {
    let set = vec![("signatures".to_owned(), signatures.to_owned())];
    let options = ReadOptions { set, ..ReadOptions::default() };
    let bytes = fs::read(path).expect("the file is there");
    let reading = scenario::read(&path.display().to_string(), &bytes, &options);
    let findings: Vec<String> = reading.diagnostics.iter().map(|found| found.compact()).collect();
    reading.scenario.unwrap_or_else(|| panic!("{}", findings.join("\n")))
}

/// Counts what happens in a run that nobody sees.
struct Unseen;

impl Visitor for Unseen {
    type Outcome = (Stop, Stats);

    fn visit<P: Judged>(self, _: &Scenario, mut world: World<P>) -> (Stop, Stats) {
        (world.run(&mut ()), world.stats())
    }
}

#[test]
fn every_scenario_is_one_run_under_both_schemes_and_watched_or_not() {
    let mut digests = String::new();
    for path in scenarios() {
        let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("it lies below");
        let ideal = run::run(&read(&path, "ideal")).expect("it runs").digest;
        let real = run::run(&read(&path, "ed25519")).expect("it runs").digest;
        assert_eq!(ideal, real, "{} differs under ed25519", name.display());
        let mut lines = 0_u64;
        let mut count = |_| lines += 1;
        let logged = run::run_logged(&read(&path, "ideal"), Some(&mut count)).expect("it runs");
        assert_eq!(logged.digest, ideal, "{} differs when it is logged", name.display());
        assert_eq!(logged.events, lines, "{}: every event is a line", name.display());
        let unseen = run::visit(&read(&path, "ideal"), Unseen).expect("it runs");
        let seen = (logged.stop, logged.stats);
        assert_eq!(unseen, seen, "{}: nobody watches, all is the same", name.display());
        writeln!(digests, "{} {ideal}", name.display()).expect("a string takes all");
    }
    insta::assert_snapshot!(digests);
}
