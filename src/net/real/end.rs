//! How a run on sockets came to its end, and where that is kept beside what its nodes recorded.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::judge::liveness::{self, NoDemand};
use crate::net::standing::Standing;
use crate::run::Rest;
use crate::scenario::Scenario;
use crate::sim::Stop;

/// The file.
const FILE: &str = "end.json";
/// Its version.
const FORMAT: u32 = 1;
/// The longest one.
const LONGEST: u64 = 4096;
/// By how much longer a message may take on sockets of a busy machine than its network says.
const SOCKETS_NS: u64 = 5_000_000;

/// How far a run on sockets has come: at its end, all that there is to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    format: u32,
    /// Whether nothing was left to do.
    pub is_quiet: bool,
    /// When that was.
    pub now_ns: u64,
    /// When the last trouble was over that nobody had planned.
    pub trouble_ns: u64,
}

impl Ended {
    /// What nodes tell who were asked twice, one after the other.
    pub fn of(before: &[Standing], now: &[Standing]) -> Ended {
        let is_still = |(before, now): (&Standing, &Standing)| {
            before.is_quiet && now.is_quiet && before.moves == now.moves
        };
        let latest = |of: fn(&Standing) -> u64| now.iter().map(of).max().unwrap_or(0);
        Ended {
            format: FORMAT,
            is_quiet: before.len() == now.len() && before.iter().zip(now).all(is_still),
            now_ns: latest(|one| one.now_ns),
            trouble_ns: latest(|one| one.trouble_ns),
        }
    }

    /// Why it is over; none, if it goes on.
    pub fn stop(&self, scenario: &Scenario) -> Option<Stop> {
        let limit_ns = scenario.limits.time_ns;
        match self.rest(scenario) {
            _ if self.is_quiet => Some(Stop::Quiet),
            _ if self.now_ns > limit_ns => Some(Stop::TimeLimit(limit_ns)),
            Ok(Rest { since_ns, by_ns }) if self.now_ns > by_ns => {
                Some(Stop::Restless { since_ns, by_ns })
            }
            _ => None,
        }
    }

    /// By when it had to be at rest; or why it had not.
    ///
    /// # Errors
    ///
    /// If nobody can tell.
    pub fn rest(&self, scenario: &Scenario) -> Result<Rest, NoDemand> {
        let patience = liveness::patience_where(scenario, SOCKETS_NS)?;
        let since_ns = self.trouble_ns.max(patience.planned_ns);
        Ok(Rest { since_ns, by_ns: patience.ends_ns(self.trouble_ns) })
    }

    /// Keeps it in the folder in which those of all nodes lie.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn keep(&self, folder: &Path) -> io::Result<()> {
        fs::write(folder.join(FILE), serde_json::to_vec(self)?)
    }

    /// What is kept in a folder, if anything is.
    pub(in crate::net) fn kept(folder: &Path) -> io::Result<Option<Ended>> {
        let mut bytes = Vec::new();
        let path = folder.join(FILE);
        // What else may have that name cannot be read to an end.
        if !path.is_file() {
            return Ok(None);
        }
        File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
        let ended: Ended = serde_json::from_slice(&bytes)?;
        let unknown = || io::Error::other(format!("format {} is not known", ended.format));
        (ended.format == FORMAT).then_some(Some(ended)).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Bcr, Protocol};
    use crate::time::SECOND_NS;

    fn standing(is_quiet: bool, moves: u64) -> Standing {
        Standing { has_begun: true, is_quiet, moves, trouble_ns: SECOND_NS, now_ns: moves }
    }

    #[test]
    fn a_run_is_over_when_all_were_quiet_and_nobody_has_moved_since() {
        let before = [standing(true, 7), standing(true, 8)];
        assert!(Ended::of(&before, &before).is_quiet);
        assert!(!Ended::of(&[], &before).is_quiet, "once is not enough");
        assert!(!Ended::of(&before, &[standing(true, 7), standing(true, 9)]).is_quiet);
        assert!(!Ended::of(&before, &[standing(true, 7), standing(false, 8)]).is_quiet);
    }

    #[test]
    fn who_is_never_quiet_has_his_time() {
        let mut scenario = Scenario::new(Protocol::Bcr(Bcr::default()));
        let mut ended = Ended::of(&[], &[standing(false, 0)]);
        let by_ns = ended.rest(&scenario).unwrap().by_ns;
        // Ten messages of 5.1 ms for each of ten requests, and 21 s for the trouble after one.
        assert_eq!(by_ns, 177 * SECOND_NS + 510_000_000);
        assert_eq!(ended.stop(&scenario), None);
        ended.now_ns = by_ns + 1;
        let restless = Stop::Restless { since_ns: SECOND_NS, by_ns };
        assert_eq!(ended.stop(&scenario), Some(restless));
        scenario.limits.time_ns = SECOND_NS;
        assert_eq!(ended.stop(&scenario), Some(Stop::TimeLimit(SECOND_NS)));
        ended.is_quiet = true;
        assert_eq!(ended.stop(&scenario), Some(Stop::Quiet));
    }
}
