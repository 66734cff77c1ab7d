//! Perjury is a deterministic simulator for replicated key-value stores under crash, timing and
//! Byzantine faults. One scenario and one seed give one run, byte for byte, on every machine.
//!
//! ```
//! use perjury::{run, scenario};
//!
//! let text = r#"
//!     protocol = "bcr"
//!     seed = 7
//!     t = 1
//!     [[client]]
//!     workload = "put('movie','star'); append('movie',' wars'); get('movie')"
//! "#;
//! let reading = scenario::read("tour", text.as_bytes(), &Default::default());
//! let scenario = reading.scenario.expect("the text above is a scenario");
//! let report = run::run(&scenario).expect("it names no choice that could be refused");
//! assert_eq!(report.clients[0].results, ["OK", "OK", "star wars"]);
//! assert_eq!(report.dictionary, [("movie".to_owned(), "star wars".to_owned())]);
//! assert_eq!(report.digest, run::run(&scenario).expect("as before").digest);
//! ```
//!
//! # The way data flows
//!
//! ```text
//!  scenario ──► cluster of processes ──► world ──► trace ──► judges ──► report
//!  (a file)     (olympus, replicas,     (virtual   (one      (agreement,  (verdict, digest,
//!                clients)                time)      enum)     replay, …)   exit code)
//! ```
//!
//! From the ground up:
//!
//! * [`time`], [`identity`], [`choice`]: nanoseconds; who is who; every random answer by its name.
//! * [`wire`], [`crypto`], [`object`]: bounded encoding; keys, signatures; what is replicated.
//! * [`process`]: all that a protocol knows of the world.
//! * [`protocol`]: Byzantine chain replication; one server alone, to compare with.
//! * [`syntax`], [`fault`], [`scenario`]: what a file says, and what is wrong with it.
//! * [`trace`]: everything that happens is an event; text, JSON and the digest are made of events.
//! * [`sim`]: the world: virtual time, simulated network, one loop.
//! * [`judge`]: what is right, told from the trace alone.
//! * [`mod@run`], [`twice`]: one scenario, one report, of whatever protocol; is it the same run in
//!   another process?
//!
#![cfg_attr(
    feature = "explore",
    doc = "* [`explore`]: scenarios that nobody wrote, and what breaks in them made small."
)]
#![cfg_attr(feature = "net", doc = "* [`net`]: the same processes on real sockets.")]
#![cfg_attr(feature = "view", doc = "* [`view`]: the picture of a run, one HTML file.")]
#![cfg_attr(feature = "cli", doc = "* [`cli`]: the command line, one file a command.")]
#![cfg_attr(feature = "explore", doc = include_str!("OWN_PROTOCOL.md"))]

pub mod choice;
#[cfg(feature = "cli")]
pub mod cli;
pub mod crypto;
#[cfg(feature = "explore")]
pub mod explore;
pub mod fault;
pub mod identity;
pub mod judge;
#[cfg(feature = "net")]
pub mod net;
pub mod object;
pub mod process;
pub mod protocol;
mod roll;
pub mod run;
pub mod scenario;
pub mod sim;
pub mod syntax;
pub mod time;
pub mod trace;
pub mod twice;
#[cfg(feature = "view")]
pub mod view;
pub mod wire;
mod words;

/// What the README shows is compiled and run.
#[cfg(all(doctest, feature = "explore"))]
#[doc = include_str!("../README.md")]
struct Readme;
