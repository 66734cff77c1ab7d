//! How much memory the nodes have, over time.

use std::collections::BTreeMap;
use std::fs;

/// The most that a node may have, in KiB: room for a frame as long as may be, and as much again as
/// it has when it begins.
const CEILING_KIB: u64 = (64 + 32) << 10;
/// By how much the node that lives all the time may grow in the second half of it, in KiB.
const GROWTH_KIB: u64 = 16 << 10;

/// What was seen of it.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Of each node at most, in any of its lives.
    pub(super) peaks_kib: BTreeMap<usize, u64>,
    /// Of the node that lives all the time, in order.
    first_kib: Vec<u64>,
}

impl Memory {
    /// Looks at the programs of these nodes.
    pub(super) fn look(&mut self, programs: Vec<(usize, u32)>) {
        for (number, program) in programs {
            let Some(kib) = resident_kib(program) else { continue };
            let peak = self.peaks_kib.entry(number).or_default();
            *peak = kib.max(*peak);
            if number == 0 {
                self.first_kib.push(kib);
            }
        }
    }

    /// How much node 0 had in the course of time: the most in each eighth of it.
    pub(super) fn course(&self) -> Vec<u64> {
        let parts = self.first_kib.chunks(self.first_kib.len().div_ceil(8).max(1));
        parts.filter_map(|part| part.iter().max().copied()).collect()
    }

    /// Fails if it was too much.
    pub(super) fn assert_bounded(&self) {
        let over = self.peaks_kib.iter().find(|(_, kib)| **kib > CEILING_KIB);
        assert_eq!(over, None, "a node has more than {CEILING_KIB} KiB");
        let (before, after) = self.first_kib.split_at(self.first_kib.len() / 2);
        let most = |part: &[u64]| part.iter().max().copied().unwrap_or(0);
        let grown = most(after).saturating_sub(most(before));
        assert!(grown <= GROWTH_KIB, "node 0 grows: {:?} KiB", self.course());
    }
}

/// How much memory a program has, where the system tells it.
fn resident_kib(program: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{program}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
