//! What a run on real sockets cannot honour, and what cannot be judged of it.

use std::fmt;

use crate::judge;
use crate::net::cluster::{MOST_CLIENTS, MOST_NODES};
use crate::net::served::Served as _;
use crate::protocol::bcr::Bcr;
use crate::run::Report;
use crate::run::cluster::bcr_settings;
use crate::scenario::{Expect, Limits, Protocol, Scenario, Schedule};

use super::Layout;

/// What of a scenario a run on sockets cannot honour: the key, and why, with a remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// The key.
    pub key: String,
    /// Why, and what to do about it.
    pub why: String,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.why)
    }
}

/// What a run of this scenario on sockets cannot honour.
pub fn fit(scenario: &Scenario) -> Vec<Unfit> {
    let mut unfit = Vec::new();
    let mut refuse = |key: &str, why: String| unfit.push(Unfit { key: key.to_owned(), why });
    if let Protocol::Own(own) = &scenario.protocol {
        let why = format!("`{}` is not built in; run it on net::Cluster", own.name);
        refuse("protocol", why);
    }
    if let Protocol::Bcr(knobs) = &scenario.protocol
        && let Err(why) = Bcr::check(&bcr_settings(knobs))
    {
        refuse("t", why);
    }
    match scenario.clients.len() {
        0 => refuse("client", "nobody asks for anything; write a [[client]]".to_owned()),
        count if count > MOST_CLIENTS as usize => {
            refuse("client", format!("{count} are too many; write at most {MOST_CLIENTS}"));
        }
        _ => {}
    }
    let Layout { nodes, .. } = Layout::of(scenario);
    if nodes > MOST_NODES {
        refuse("hosts", format!("{nodes} nodes are too many; name at most {MOST_NODES}"));
    }
    if let Schedule::Pct { .. } = scenario.schedule {
        let why = "what arrives next on sockets goes by time, not by priority; write \
                   schedule = \"timed\", or \"random\" with a mean";
        refuse("schedule", why.to_owned());
    }
    if let Some(choice) = scenario.choices.first() {
        let why = format!(
            "the answer at '{}' would be to a question of the simulator; leave the choices out",
            choice.site
        );
        refuse("choice", why);
    }
    if scenario.limits.steps != Limits::USUAL.steps {
        refuse("limits.steps", "steps are not counted here; write limits.time".to_owned());
    }
    unfit
}

/// Events that no process sees, so that they are not on record.
const UNSEEN: [&str; 6] = ["lost", "held", "duplicated", "unreachable", "clock_set", "restarted"];

/// Takes out what a run on sockets cannot be held to; returns what that is, each by its name.
pub fn unjudged(expect: &mut Expect) -> Vec<String> {
    let mut names = Vec::new();
    if expect.digest.take().is_some() {
        names.push("digest".to_owned());
    }
    expect.events.retain(|event| {
        let is_seen = !UNSEEN.contains(&event.kind.as_str());
        if !is_seen {
            names.push(format!("event {}", event.kind));
        }
        is_seen
    });
    names
}

/// Takes out of what a report misses whatever depends on who is faster, which on sockets is as it
/// may be: how often the cluster is reconfigured, whose quorum that is, what happens on the way.
/// Verdict, answers, results and the dictionary are promised.
pub(in crate::net) fn forgive(expect: &Expect, report: &mut Report) -> Vec<String> {
    let promised = Expect { reconfigurations: None, quorums: Vec::new(), ..expect.clone() };
    let missed = judge::missed(&promised, report);
    let all = std::mem::replace(&mut report.missed, missed);
    all.into_iter().filter(|one| !report.missed.contains(one)).collect()
}
