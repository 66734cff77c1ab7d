//! Time is a count of nanoseconds in a `u64`; names that hold one end in `_ns`.
//!
//! A process is told the time with every input and never asks for it. It is told two: the monotonic
//! one, which timers run on, and the wall clock, which may be skewed or step back and is good for
//! expiry and for stamps, never for measuring.

use std::fmt;

/// One microsecond.
pub const MICROSECOND_NS: u64 = 1_000;
/// One millisecond.
pub const MILLISECOND_NS: u64 = 1_000_000;
/// One second.
pub const SECOND_NS: u64 = 1_000_000_000;
/// One hour.
pub const HOUR_NS: u64 = 3_600 * SECOND_NS;

/// What every wall clock in a simulation shows at virtual time zero: 2020-01-01 00:00:00 UTC.
pub const WALL_START_NS: u64 = 1_577_836_800 * SECOND_NS;

/// The two clocks of a process, as they stand when an input is handed to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Since the process's runtime started; never goes back.
    pub monotonic_ns: u64,
    /// Since 1970, as this process's own calendar clock has it; may be wrong and may go back.
    pub wall_ns: u64,
}

/// A point in virtual time, printed in seconds with all nine digits, so that logs line up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant(pub u64);

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / SECOND_NS, self.0 % SECOND_NS)
    }
}

/// A length of time, printed in the largest unit that holds it exactly: `3s`, `250us`, `1500ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(SECOND_NS, "s"), (MILLISECOND_NS, "ms"), (MICROSECOND_NS, "us")];
        match units.into_iter().find(|(unit, _)| self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}ns", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_print_in_the_largest_exact_unit() {
        let shown = [0, 3 * SECOND_NS, 1_500 * MILLISECOND_NS, 250 * MICROSECOND_NS, 7];
        let shown: Vec<String> = shown.map(|ns| Span(ns).to_string()).into();
        assert_eq!(shown, ["0s", "3s", "1500ms", "250us", "7ns"]);
    }

    #[test]
    fn instants_line_up() {
        assert_eq!(Instant(1_002_000_003).to_string(), "1.002000003");
    }
}
