//! What stays of what a user says: all of a file, but for the trouble that is added, and what is
//! set by its name.

use crate::cli::Failure;
use crate::explore::{Knob, Shape};
use crate::scenario::Limits;

/// The kinds of trouble that change all links.
const OF_LINKS: [&str; 3] = ["latency", "loss", "datagram"];
/// Those that change in which order messages go.
const OF_SCHEDULE: [&str; 2] = ["random", "pct"];
/// The one that changes how long everybody waits.
const OF_TIMEOUTS: [&str; 1] = ["timeouts"];

/// The same shape around a file whose cluster and links stay.
pub(super) fn file(shape: Shape) -> Shape {
    let shape = shape.keeping(Knob::TIMEOUTS).keeping([Knob::Checkpoints]);
    without(without(shape, &OF_LINKS), &OF_TIMEOUTS)
}

/// The same with what these `--set KEY=VALUE` set as they set it; `limits` are those that were
/// read.
pub(super) fn set(mut shape: Shape, sets: &[String], limits: Limits) -> Result<Shape, Failure> {
    for set in sets {
        shape = one(shape, path(set), limits)?;
    }
    Ok(shape)
}

/// What a `KEY=VALUE` sets.
pub(super) fn path(set: &str) -> &str {
    set.split_once('=').map_or(set, |(path, _)| path).trim()
}

fn one(mut shape: Shape, path: &str, limits: Limits) -> Result<Shape, Failure> {
    let mut steps = path.split('.').map(str::trim);
    let (first, second) = (steps.next().unwrap_or_default(), steps.next());
    let kept = match (first, second) {
        ("seed" | "name" | "expect", _) => return Err(of_one_run(first)),
        ("t", _) => {
            let own = shape.base.protocol.tolerated();
            shape.faulty(own, own)
        }
        ("checkpoint", None | Some("every")) => shape.keeping([Knob::Checkpoints]),
        ("timeouts", None) => without(shape.keeping(Knob::TIMEOUTS), &OF_TIMEOUTS),
        ("timeouts", Some("client")) => shape.keeping([Knob::ClientTimeout]),
        ("timeouts", Some("head")) => shape.keeping([Knob::HeadTimeout]),
        ("timeouts", Some("nonhead")) => shape.keeping([Knob::NonheadTimeout]),
        ("timeouts", Some("olympus")) => shape.keeping([Knob::OlympusTimeout]),
        // Exceptions and partitions come on top of what holds of all links.
        ("network", Some("link" | "partition")) => shape,
        ("network", _) => without(shape, &OF_LINKS),
        ("schedule", _) => without(shape, &OF_SCHEDULE),
        ("limits", _) => {
            shape.base.limits = limits;
            shape
        }
        _ => shape,
    };
    Ok(kept)
}

fn without(mut shape: Shape, kinds: &[&str]) -> Shape {
    shape.kinds = shape.kinds.filter(|kind| !kinds.contains(&kind));
    shape
}

/// What cannot be the same in all runs of a campaign.
fn of_one_run(key: &str) -> Failure {
    Failure::Usage(match key {
        "seed" => "--set seed: every run has a seed of its own; write --seed NUMBER for the \
                   campaign's"
            .to_owned(),
        key => {
            format!("--set {key}: that is said of one run, and a campaign makes many; leave it out")
        }
    })
}
