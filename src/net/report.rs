//! What a cluster tells of itself while it runs, for whoever watches over it.
//!
//! Each node puts a [`NodeReport`] on the [`Board`] every second, the gateway what it told users.
//! Whoever reads the board sees both; `http` shows it to other programs, to Prometheus as
//! `exposition` writes it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::roster::NodeNumber;
use crate::crypto::Counts;

/// The version of a [`Report`].
pub const REPORT_FORMAT: u32 = 1;

/// A node that has told nothing for so long hangs.
const STALE: Duration = Duration::from_secs(5);
/// After so long without any answer users are not served: longer than a reconfiguration takes.
const UNSERVED: Duration = Duration::from_secs(15);

/// What is known of all nodes of one program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: u32,
    /// The nodes, in the order of their numbers.
    pub nodes: Vec<NodeReport>,
    /// What users were told, where there is a gateway.
    pub users: UsersReport,
}

/// What a node tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Its number.
    pub node: NodeNumber,
    /// When it told this, in nanoseconds since 1970.
    pub wall_ns: u64,
    /// Whether its processes have begun.
    pub has_begun: bool,
    /// What it counted.
    pub stats: NodeStats,
    /// How many things have come and were not taken yet.
    pub coming: u64,
    /// Its links to the others.
    pub links: Vec<LinkReport>,
    /// Its processes.
    pub processes: Vec<ProcessReport>,
}

/// What a node counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStats {
    /// Messages handed to processes here.
    pub received: u64,
    /// Messages sent to processes elsewhere.
    pub sent: u64,
    /// Messages to processes here that have ended.
    pub gone: u64,
    /// Parcels of other nodes that were refused.
    pub refused: u64,
    /// Parcels that found no room on a link, or were on their way to a former life of its node.
    pub lost: u64,
    /// Messages that waited in vain to learn where somebody lives.
    pub dropped: u64,
    /// Statements signed by processes here.
    pub signed: u64,
    /// Signatures made under them, one for as many as left together.
    pub sealed: u64,
    /// Signatures checked by them, without those that they remembered.
    pub verified: u64,
    /// How long making and checking them took, in nanoseconds.
    pub pen_ns: u64,
}

impl NodeStats {
    /// With what the notary of a process was asked.
    pub(super) fn count(&mut self, Counts { signed, verified, remembered }: Counts) {
        self.signed += signed;
        self.verified += verified - remembered;
    }
}

/// A link, from its sender's side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkReport {
    /// To which node.
    pub to: NodeNumber,
    /// Whether it is connected.
    pub is_up: bool,
    /// How many parcels are on their way.
    pub parcels: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

/// A process that lives on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessReport {
    /// Who it is.
    pub process: String,
    /// What it shows.
    pub fields: BTreeMap<String, String>,
}

/// What users were told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UsersReport {
    /// How many requests were answered with a result.
    pub answered: u64,
    /// How many were refused.
    pub refused: u64,
    /// How many were refused before they were under way.
    #[serde(default)]
    pub turned_away: u64,
    /// How many are under way.
    pub under_way: u64,
    /// For how long nobody was answered, though requests are under way, in seconds.
    #[serde(default)]
    pub silence: f64,
    /// Whether there is a gateway without clients, which serves nobody.
    #[serde(default)]
    pub is_deserted: bool,
    /// How long the answers took in all, in seconds.
    pub seconds: f64,
    /// How long they took at most: shares of them, and seconds.
    pub quantiles: Vec<(f64, f64)>,
}

/// The shares of answers of which it is told how long they took.
const SHARES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// Where nodes and gateway put what they tell.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Pinned>>);

#[derive(Debug, Default)]
struct Pinned {
    nodes: BTreeMap<NodeNumber, NodeReport>,
    users: UsersReport,
    /// Since when somebody waits and nobody was answered.
    waits: Option<Instant>,
    latency_us: Option<Histogram<u64>>,
}

impl Board {
    fn pinned(&self) -> MutexGuard<'_, Pinned> {
        // Reports are replaced whole: whoever failed with the lock has left none half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A node tells of itself, instead of what it told before.
    pub(super) fn pin(&self, report: NodeReport) {
        self.pinned().nodes.insert(report.node, report);
    }

    /// A request is under way.
    pub(super) fn asked(&self) {
        let mut pinned = self.pinned();
        pinned.users.under_way += 1;
        pinned.waits.get_or_insert_with(Instant::now);
    }

    /// A request was refused before it was under way.
    pub(super) fn turned_away(&self) {
        self.pinned().users.turned_away += 1;
    }

    /// There is a gateway, and there are no clients.
    pub(super) fn deserted(&self) {
        self.pinned().users.is_deserted = true;
    }

    /// It is answered after so long.
    pub(super) fn answered(&self, after: Duration, is_result: bool) {
        let pinned = &mut *self.pinned();
        let users = &mut pinned.users;
        users.under_way = users.under_way.saturating_sub(1);
        pinned.waits = (users.under_way > 0).then(Instant::now);
        users.answered += u64::from(is_result);
        users.refused += u64::from(!is_result);
        users.seconds += after.as_secs_f64();
        let latency_us = pinned.latency_us.get_or_insert_with(histogram);
        latency_us.saturating_record(u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
    }

    /// All that was told last.
    pub fn report(&self) -> Report {
        let pinned = self.pinned();
        let mut users = pinned.users.clone();
        users.silence = pinned.waits.map_or(0.0, |since| since.elapsed().as_secs_f64());
        if let Some(latency_us) = &pinned.latency_us {
            let seconds = |share| latency_us.value_at_quantile(share) as f64 / 1e6;
            users.quantiles = SHARES.map(|share| (share, seconds(share))).into();
        }
        Report { format: REPORT_FORMAT, nodes: pinned.nodes.values().cloned().collect(), users }
    }
}

fn histogram() -> Histogram<u64> {
    const LONGEST_US: u64 = 3_600_000_000;
    Histogram::new_with_max(LONGEST_US, 3).expect("the bounds are within those of the crate")
}

/// How a program is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What is wrong; nothing, if nothing is.
    pub ills: Vec<String>,
    /// Whether the program does its part nevertheless. One that does not may be started anew.
    pub works: bool,
    /// Whether users get answers. If not, that may be others' fault, and a new start may make it
    /// worse.
    pub serves: bool,
}

impl Report {
    /// How the program is at this time.
    pub fn health(&self, wall_ns: u64) -> Health {
        let mut ills = Vec::new();
        for NodeReport { node, wall_ns: told_ns, has_begun, .. } in &self.nodes {
            let silent = Duration::from_nanos(wall_ns.saturating_sub(*told_ns));
            if silent > STALE {
                ills.push(format!("node {node} has told nothing for {} s", silent.as_secs()));
            } else if !has_begun {
                ills.push(format!("node {node} waits for the others to begin"));
            }
        }
        if self.nodes.is_empty() {
            ills.push("no node has begun".to_owned());
        }
        let works = ills.is_empty();
        let UsersReport { under_way, silence, is_deserted, .. } = &self.users;
        if *is_deserted {
            ills.push("the gateway serves nobody: there are no clients here any more".to_owned());
        }
        if *silence > UNSERVED.as_secs_f64() {
            ills.push(format!("nobody was answered for {silence:.0} s, and {under_way} wait"));
        }
        let serves = ills.is_empty();
        for NodeReport { node, links, .. } in &self.nodes {
            let down = links.iter().filter(|link| !link.is_up);
            ills.extend(down.map(|link| format!("node {node} has no link to node {}", link.to)));
        }
        Health { ills, works, serves }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let board = Board::default();
        let links = vec![LinkReport { to: 1, is_up: false, parcels: 2, bytes: 300 }];
        let fields = [("mode", "active"), ("next slot", "17")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let process = "replica \"0.1\"".to_owned();
        let processes = vec![ProcessReport { process, fields: fields.into() }];
        let stats = NodeStats { received: 5, pen_ns: 1_500_000_000, ..NodeStats::default() };
        let told = NodeReport { wall_ns: 1, has_begun: true, stats, ..NodeReport::default() };
        board.pin(NodeReport { links, processes, ..told });
        board.asked();
        board.asked();
        board.answered(Duration::from_millis(2), true);
        let mut report = board.report();
        report.users.silence = 0.25;
        report
    }

    #[test]
    fn prometheus_reads_every_number() {
        insta::assert_snapshot!(report().to_prometheus());
    }

    #[test]
    fn a_report_travels_as_json() {
        let text = serde_json::to_string(&report()).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report());
    }

    #[test]
    fn who_hangs_or_waits_does_not_serve_and_a_lost_link_is_told() {
        let told = |report: &Report, seconds: u64| {
            let Health { ills, works, serves } = report.health(seconds * 1_000_000_000);
            (ills.join("; "), works, serves)
        };
        let mut report = report();
        let lost = "node 0 has no link to node 1";
        assert_eq!(told(&report, 5), (lost.to_owned(), true, true));
        let hangs = format!("node 0 has told nothing for 6 s; {lost}");
        assert_eq!(told(&report, 7), (hangs, false, false));
        report.users.silence = 16.0;
        let waits = format!("nobody was answered for 16 s, and 1 wait; {lost}");
        assert_eq!(told(&report, 5), (waits, true, false));
        (report.users.silence, report.users.is_deserted) = (15.0, true);
        assert!(told(&report, 5).0.starts_with("the gateway serves nobody"));
        let none = Board::default().report();
        assert_eq!(told(&none, 1), ("no node has begun".to_owned(), false, false));
    }

    #[test]
    fn silence_lasts_while_somebody_waits() {
        let board = Board::default();
        assert!(board.report().users.silence == 0.0);
        board.asked();
        board.asked();
        assert!(board.report().users.silence > 0.0);
        board.answered(Duration::from_millis(1), true);
        assert!(board.report().users.silence > 0.0, "one waits still");
        board.answered(Duration::from_millis(1), true);
        board.turned_away();
        let UsersReport { silence, turned_away, .. } = board.report().users;
        assert!(silence == 0.0 && turned_away == 1);
    }
}
