//! What a run of a campaign costs, everything counted: to draw the scenario, to make the world, to
//! run it under all judges, to tell what came of it.
//!
//! `fuzz RUNS [SEED [KEY=VALUE…]]` makes so many runs on one thread, and prints how many held. The
//! time that the process takes, over RUNS, is the cost of a run; with two numbers under `valgrind
//! --tool=callgrind`, the difference is, in instructions.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use perjury::explore::{Campaign, Shape, Shard};
use perjury::scenario::{self, ReadOptions};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let number = |place: usize| words.get(place).and_then(|word| word.parse().ok());
    let Some(runs) = number(0) else {
        println!("usage: fuzz RUNS [SEED [KEY=VALUE…]]");
        return;
    };
    let set = words.iter().skip(2).filter_map(|word| word.split_once('='));
    let set = set.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let options = ReadOptions { set, ..ReadOptions::default() };
    let reading = scenario::read("bench", b"protocol = \"bcr\"", &options);
    let shape = Shape::around(reading.scenario.expect("a scenario")).faulty(1, 2);
    let seed = number(1).unwrap_or(0);
    let campaign = Campaign { shape, seed, runs, shard: Shard::WHOLE, stop_after: None };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    let tally = pool.install(|| campaign.run(&mut |_| true));
    println!("{} runs: {} held, {} undecided", tally.runs, tally.held, tally.undecided);
    let seen = &tally.coverage;
    println!("{} cells, {} bigrams", seen.cells.len(), seen.bigrams.len());
    for (charge, group) in &tally.groups {
        println!("{charge:?}: {} times, first {}", group.count, group.first);
        for found in &group.kept {
            println!("  {found:?}");
        }
    }
}
