//! How long the search for a linearization takes: 100,000 operations of ten clients, each of which
//! overlaps with about nine others. The budget is ten seconds.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::disallowed_types, reason = "a bench measures the machine's time")]

use std::sync::Arc;
use std::time::Instant;

use perjury::judge::linear::{Act, Answer, check};
use perjury::object::{Dictionary, Object as _, Pool};

/// Operation `i` takes effect at 100 `i`, between its call and its return.
fn history(operations: u64) -> Vec<Act> {
    let mut state = Dictionary::default();
    let mut ends = [0_u64; 10];
    let mut history = Vec::new();
    for (i, operation) in (0..).zip(Arc::new(Pool::default()).draws(1, operations)) {
        let (client, effect) = (i % 10, 100 * i as u64 + 1_000);
        let called = (ends[client] + 1).max(effect - 450);
        let reply = state.apply(&operation);
        ends[client] = effect + 450 + client as u64;
        let returned = Some((ends[client], reply));
        let client = client as u32;
        history.push(Act { client, operation, called, returned, returned_ns: 0 });
    }
    history
}

fn main() {
    let history = history(100_000);
    let begun = Instant::now();
    let answer = check(&history);
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(answer, Answer::Yes);
    println!("100,000 operations of 10 clients: {seconds:.2} s");
    assert!(seconds < 10.0, "the budget is ten seconds");
}
