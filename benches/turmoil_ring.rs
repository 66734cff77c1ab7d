//! The ring of `ring.rs` on turmoil, for comparison: `cargo bench --features peers --bench
//! turmoil_ring`.
//!
//! With no numbers it runs both rings, here and there, at 5 and at 100 hosts, and prints what a
//! message takes and the ratio. `turmoil_ring PROCESSES MESSAGES` runs the one on turmoil alone, to
//! be counted by `valgrind --tool=callgrind`. There is one UDP datagram for each message, of 16
//! bytes, with a latency of 1 to 10 ms, and twenty tokens for each process of the smaller ring in
//! both.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use turmoil::net::UdpSocket;

#[path = "support/ring.rs"]
mod support;

const TOKENS: u32 = 100;
const PORT: u16 = 1738;

/// Hands tokens on; stops counting when the run has had enough.
async fn host(
    place: u32,
    processes: u32,
    received: Rc<Cell<u64>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let socket = UdpSocket::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), PORT)).await?;
    let next = (turmoil::lookup(format!("host{}", (place + 1) % processes)), PORT);
    for _ in 0..support::share(place, processes, TOKENS) {
        socket.send_to(&[0; 16], next).await?;
    }
    let mut token = [0; 16];
    loop {
        socket.recv_from(&mut token).await?;
        received.set(received.get() + 1);
        socket.send_to(&token, next).await?;
    }
}

/// Runs the ring until so many messages were received; returns how many.
fn ring(processes: u32, messages: u64) -> u64 {
    let mut builder = turmoil::Builder::new();
    builder
        .rng_seed(1)
        .tick_duration(Duration::from_millis(1))
        .simulation_duration(Duration::from_secs(3600))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(10))
        .udp_capacity(1 << 16);
    let mut sim = builder.build();
    let received = Rc::new(Cell::new(0));
    for place in 0..processes {
        let count = Rc::clone(&received);
        sim.host(format!("host{place}"), move || host(place, processes, Rc::clone(&count)));
    }
    while received.get() < messages {
        sim.step().expect("the hosts of the ring do not fail");
    }
    received.get()
}

/// Nanoseconds for a message, of a run that returns how many it had.
#[allow(clippy::disallowed_types, clippy::disallowed_methods)]
fn time(run: impl FnOnce() -> u64) -> u64 {
    let start = std::time::Instant::now();
    let messages = run();
    (start.elapsed().as_nanos() / u128::from(messages.max(1))) as u64
}

#[allow(clippy::print_stdout)]
fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    if let [processes, messages] = numbers[..] {
        println!("{} messages received", ring(processes as u32, messages));
        return;
    }
    for (processes, messages) in [(5, 200_000), (100, 20_000)] {
        let here = time(|| support::run(processes, TOKENS, 50 * messages));
        let there = time(|| ring(processes, messages));
        let ratio = there / here.max(1);
        println!(
            "{processes} processes: {here} ns a message, on turmoil {there} ns: {ratio} times"
        );
    }
}
