//! Who was there until when, as far as the recordings of all tell.
//!
//! A recording without an end is that of a program that was killed, or it broke off and its process
//! went on: a disk was full, or a file was not copied whole. Who is killed is faulty, and judges
//! bear it; of one who went on unrecorded nobody can tell anything. So it matters to tell them
//! apart. A kill loses what was not written yet, which is little; where others received very much
//! more, or for very much longer, nobody was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::identity::{Class, Identity};

use super::super::record::WRITTEN_WITHIN_NS;
use super::super::record::segments::BUFFER;
use super::Recording;
use super::clocks::Clocks;
use super::track::Track;

/// What others received beyond a recording takes more bytes than a kill loses, if it takes twice
/// as many by the least that events took before.
const LOST_BYTES: u64 = 2 * BUFFER as u64;
/// Others received it later than from somebody who was killed, if that was so much later than what
/// is on record: messages may have been held up on the way for seconds, and their receiver frozen.
const LOST_NS: u64 = 15 * WRITTEN_WITHIN_NS;

/// What others received of a process that is not on record.
#[derive(Clone, Copy, Debug)]
struct Loss {
    /// How much would have been recorded at least.
    bytes: u64,
    /// How much later than what is on record it was received, at least.
    later_ns: Option<i128>,
}

impl Loss {
    fn is_by_a_kill(self) -> bool {
        self.bytes <= LOST_BYTES && self.later_ns.is_none_or(|ns| ns <= i128::from(LOST_NS))
    }
}

/// Of whom it is evident that they went on after their recordings ended.
pub(super) fn who_went_on(tracks: &[Arc<Track>], clocks: &Clocks) -> BTreeSet<Identity> {
    let went_on = |track: &&Arc<Track>| {
        let loss = |other: &Arc<Track>| {
            let heard = other.heard.get(&track.who())?;
            let events = heard.sent.checked_sub(track.events).filter(|events| *events > 0)?;
            let received = (&**other, heard.at_ns);
            let later_ns = clocks.between_ns((track, track.ends_ns), received);
            Some(Loss { bytes: track.bytes_of(events), later_ns })
        };
        let mut losses = tracks.iter().filter_map(loss);
        track.lacks_end() && (track.is_broken_off || losses.any(|loss| !loss.is_by_a_kill()))
    };
    tracks.iter().filter(went_on).map(|track| track.who()).collect()
}

impl Recording {
    /// Whether a process was killed. All of one program are, together: where another one of them
    /// went on to a good end, this one's recording broke off and not its life.
    pub(super) fn is_killed(&self, track: &Track) -> bool {
        let goes_on = |other: &Arc<Track>| {
            let is_fellow = other.header.origin_ns == track.header.origin_ns;
            is_fellow && other.ended.is_some() && other.ends_ns > track.ends_ns
        };
        let went_on = self.went_on.contains(&track.who());
        track.lacks_end() && !went_on && !self.tracks.iter().any(goes_on)
    }

    /// Whether a recording broke off while its process went on: that is evident, or others have
    /// from a process that was not killed what is not on record.
    pub(super) fn broke_off(&self, track: &Track, is_silent: bool) -> bool {
        let is_lost = is_silent && track.lacks_end() && !self.is_killed(track);
        is_lost || self.went_on.contains(&track.who())
    }

    /// When each process's node was gone, if that was while clients still had something come to
    /// them. Who ends after that ends with the run.
    pub(super) fn gone(&self) -> Vec<Option<u64>> {
        let tracks = || self.tracks.iter();
        if self.ended.is_some() {
            return tracks().map(|_| None).collect();
        }
        let mut killed: BTreeMap<u64, u64> = BTreeMap::new();
        for track in tracks().filter(|track| self.is_killed(track)) {
            let last_ns = killed.entry(track.header.origin_ns).or_default();
            *last_ns = track.ends_ns.max(*last_ns);
        }
        // Where the clocks of two are not known well enough, nobody is said to have been first.
        let clients: Vec<_> = tracks().filter(|track| track.who().class == Class::Client).collect();
        let outlives = |client: &Track, track: &Track, end_ns: u64| {
            let last = (client, client.last_input_ns);
            self.clocks.between_ns((track, end_ns), last).is_some_and(|ns| ns > 0)
        };
        let gone = |track: &Arc<Track>| {
            let end_ns = match track.ended {
                Some(true) => return None,
                Some(false) => track.ends_ns,
                None if !self.is_killed(track) => return None,
                None => killed.get(&track.header.origin_ns).copied()?,
            };
            let is_early = clients.iter().any(|client| outlives(client, track, end_ns));
            is_early.then_some(end_ns)
        };
        tracks().map(gone).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_loses_little_of_the_last_moments() {
        let loss = |bytes, later_ns| Loss { bytes, later_ns };
        assert!(loss(BUFFER as u64, Some(6_000_000_000)).is_by_a_kill());
        assert!(loss(BUFFER as u64, None).is_by_a_kill(), "nobody knows how late");
        assert!(!loss(LOST_BYTES + 1, Some(1000)).is_by_a_kill(), "more than was unwritten");
        assert!(!loss(10, Some(16_000_000_000)).is_by_a_kill(), "who is killed says no more");
    }
}
