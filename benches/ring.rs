//! A ring of processes that hand tokens on: what the kernel alone costs for each message.
//!
//! `ring PROCESSES TOKENS MESSAGES` runs once and prints what was done; run under
//! `valgrind --tool=callgrind` with two counts of messages, the difference is the cost of a
//! message.

#[path = "support/ring.rs"]
mod support;

#[allow(clippy::print_stdout)]
fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let [processes, tokens, messages] = numbers[..] else {
        println!("usage: ring PROCESSES TOKENS MESSAGES");
        return;
    };
    let received = support::run(processes as u32, tokens as u32, messages);
    println!("{processes} processes, {received} messages received");
}
