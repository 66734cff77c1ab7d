//! Everything at once, at random: links that lose, double and reorder datagrams, or streams;
//! partitions, pauses, wrong clocks; and as many faulty replicas in each configuration as the chain
//! bears. Whoever waits repeats its question, so each run must come to its end, and every client
//! must get what it would get in fair weather: its key is its own.

use std::fmt::Write as _;

use perjury::scenario::Verdict;

use super::sweep::{Dice, none};
use super::{Play, Run, play};

const REQUESTS: &str = "put('K','a'); append('K','b'); get('K'); slice('K','0:1'); get('K'); \
                        append('K','c'); get('K')";
const RESULTS: [&str; 7] = ["OK", "OK", "ab", "OK", "a", "OK", "ac"];

/// A storm by its number.
fn storm(number: u64) -> Play {
    let mut dice = Dice::new(number);
    let mut play = play(&[]);
    play.t = 1 + dice.below(3) as u32;
    play.checkpoint = dice.below(4) as u64;
    let clients = 1 + dice.below(4);
    play.clients =
        (0..clients).map(|client| REQUESTS.replace('K', &format!("k{client}"))).collect();
    let size = 2 * play.t as usize + 1;
    for configuration in 0..1 + dice.below(4) {
        let first = dice.below(size);
        for faulty in 0..dice.below(play.t as usize + 1) {
            let who = format!("{configuration}.{}", (first + 2 * faulty) % size);
            dice.faults(&who, &mut play);
        }
    }
    let seed = dice.below(1 << 30);
    play.more = "[limits]\ntime = \"1000h\"\nsteps = 1_000_000\n".to_owned();
    play.more += "[timeouts]\nclient = \"400ms\"\nhead = \"400ms\"\nnonhead = \"400ms\"\n";
    play.more += "olympus = \"300ms\"\n";
    weather(&mut dice, size, &mut play.more);
    play.seed = seed as u64;
    play
}

fn weather(dice: &mut Dice, size: usize, text: &mut String) {
    let links = if dice.below(4) > 0 { "datagram" } else { "stream" };
    let (loss, doubled, reorder) = (dice.below(20), dice.below(15), dice.below(20));
    write!(text, "[network]\nlinks = \"{links}\"\nlatency = \"1ms..8ms\"\nloss = 0.{loss:02}\n")
        .expect("a string takes all");
    if links == "datagram" {
        write!(text, "duplicate = 0.{doubled:02}\nreorder = 0.{reorder:02}\n")
            .expect("a string takes all");
    }
    for _ in 0..dice.below(3) {
        let ((who, others), from) = (somebody(dice, size), dice.below(1_500));
        let until = from + 1 + dice.below(2_500);
        write!(
            text,
            "[[network.partition]]\nfrom = \"{from}ms\"\nuntil = \"{until}ms\"\n\
             groups = [[\"{who}\"], {others}]\n"
        )
        .expect("a string takes all");
    }
    for which in ["olympus", "client 0", &format!("replica 0.{}", dice.below(size))] {
        if dice.below(2) == 0 {
            let (at, long) = (dice.below(2_000), 1 + dice.below(3_000));
            let (rate, offset) = (["0.5", "0.9", "1.1", "2.0"][dice.below(4)], dice.below(9_000));
            write!(
                text,
                "[[process]]\nwhich = \"{which}\"\nclock_rate = {rate}\n\
                 clock_offset = \"-{offset}s\"\n\
                 pauses = [{{ at = \"{at}ms\", for = \"{long}ms\" }}]\n"
            )
            .expect("a string takes all");
        }
    }
}

/// Somebody who is cut off for a while, and from whom: from everybody else, and replicas from those
/// of their own configuration.
fn somebody(dice: &mut Dice, size: usize) -> (String, String) {
    match dice.below(4) {
        0 => ("olympus".to_owned(), "[\"clients\", \"replicas\"]".to_owned()),
        1 => ("client 0".to_owned(), "[\"olympus\", \"replicas\"]".to_owned()),
        configuration => {
            let (configuration, position) = (configuration - 2, dice.below(size));
            let replica = |place| format!("replica {configuration}.{place}");
            let others = (0..size).filter(|place| *place != position);
            let others: Vec<_> = others.map(|place| format!("\"{}\"", replica(place))).collect();
            let others = format!("[\"olympus\", \"clients\", {}]", others.join(", "));
            (replica(position), others)
        }
    }
}

/// How many messages a partition took; where links are streams, it only holds them.
fn taken_by_partitions(run: &Run) -> usize {
    let lost = run.lines.iter().filter(|line| line.event == "lost");
    lost.filter(|line| line.to_string().contains("why=partition")).count()
}

/// What went wrong, if anything did.
fn offence(number: u64, taken: &mut usize) -> Option<String> {
    let play = storm(number);
    let run = play.run_with("ideal");
    *taken += taken_by_partitions(&run);
    let report = &run.report;
    let right = report.clients.iter().all(|client| client.results == RESULTS);
    let is_well = report.verdict == Verdict::Held && !report.is_beyond_tolerance() && right;
    (!is_well).then(|| format!("storm {number}\n{}\n{report}", play.text("ideal")))
}

/// How many storms there are; `PERJURY_STORMS=20000` makes a night of it.
fn count() -> u64 {
    #[allow(clippy::disallowed_methods, reason = "how many runs there are changes none")]
    let named = std::env::var("PERJURY_STORMS").ok();
    named.and_then(|count| count.parse().ok()).unwrap_or(150)
}

#[test]
fn storms_are_weathered() {
    let mut taken = 0;
    let offences = (0..count()).filter_map(|number| offence(number, &mut taken));
    none(&offences.take(5).collect::<Vec<_>>());
    assert!(taken > 0, "no partition has cut anybody off");
}
