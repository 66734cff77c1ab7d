//! Is a run the same run in another process? Digests first; where they part, the first event that
//! does.
//!
//! The other process tells its run on a stream: the digest after every so many events, or, when a
//! difference is to be found, every event. Determinism is checked so for a protocol of one's own
//! too: have a second process call [`tell_digests`] or [`tell_lines`], and [`compare`] with its
//! output.

use std::fmt;
use std::io::{self, BufRead, Write};

use crate::process::Protocol;
use crate::sim::World;
use crate::trace::{CHECKPOINT_EVERY, Fingerprint, Lines};

/// What the other process is asked to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Digests: see [`tell_digests`].
    Digests,
    /// Events: see [`tell_lines`].
    Lines,
}

/// Runs the world and writes its digest after every [`CHECKPOINT_EVERY`] events, then the last one.
pub fn tell_digests<P: Protocol>(world: World<P>, out: &mut dyn Write) -> io::Result<()> {
    digests(world).iter().try_for_each(|digest| writeln!(out, "{digest}"))
}

fn digests<P: Protocol>(mut world: World<P>) -> Vec<String> {
    let mut fingerprint = Fingerprint::with_checkpoints();
    world.run(&mut fingerprint);
    let checkpoints = fingerprint.checkpoints().iter();
    let mut digests: Vec<String> = checkpoints.map(|digest| format!("{digest:#}")).collect();
    digests.push(format!("{:#}", fingerprint.digest()));
    digests
}

/// Runs the world and writes every event as a line of text.
pub fn tell_lines<P: Protocol>(mut world: World<P>, out: &mut dyn Write) -> io::Result<()> {
    let mut written = Ok(());
    world.run(&mut Lines::new(|line| {
        if written.is_ok() {
            written = writeln!(out, "{line}");
        }
    }));
    written
}

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Both runs have this digest.
    Same(String),
    /// They part.
    Differs(Difference),
}

/// Where two runs part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// After how many events the digests still agreed, and by when they had parted.
    pub between: (u64, u64),
    /// The first event that differs, here and there, if a second pair of runs parted too. A line
    /// that is absent: that run had ended.
    pub first: Option<(Option<String>, Option<String>)>,
    /// The last events before it, the same in both.
    pub before: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (after, by) = self.between;
        writeln!(f, "the two runs agree up to event {after} and have parted by event {by}")?;
        let Some((here, there)) = &self.first else {
            return write!(f, "a second pair of runs did not part; run the check again");
        };
        for line in &self.before {
            writeln!(f, "  both   {line}")?;
        }
        let ended = "(the run had ended)";
        writeln!(f, "  here   {}", here.as_deref().unwrap_or(ended))?;
        writeln!(f, "  there  {}", there.as_deref().unwrap_or(ended))?;
        write!(
            f,
            "usual causes: the order of a hash map, a clock of the machine, an address, a thread"
        )
    }
}

/// How many events before the first difference are shown.
const CONTEXT: usize = 3;

/// Compares a world's run with that of another process; `other` starts one that tells its run in
/// the form that is asked for.
pub fn compare<P: Protocol, R: BufRead>(
    world: &World<P>,
    mut other: impl FnMut(Form) -> io::Result<R>,
) -> io::Result<Comparison> {
    let there = other(Form::Digests)?.lines().collect::<io::Result<Vec<String>>>()?;
    let here = digests(world.clone());
    if here == there {
        return Ok(Comparison::Same(here.last().cloned().unwrap_or_default()));
    }
    // Once they part they stay parted, so halving finds the place.
    let both = here.len().min(there.len());
    let agreed = halve(both, |place| here[place] == there[place]) as u64;
    let between = (agreed * CHECKPOINT_EVERY, (agreed + 1) * CHECKPOINT_EVERY);
    let (first, before) = first_difference(world.clone(), other(Form::Lines)?)?;
    Ok(Comparison::Differs(Difference { between, first, before }))
}

/// The first place below `end` where `same` is false, if it never becomes true again.
fn halve(end: usize, same: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        if same(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

type Parted = (Option<(Option<String>, Option<String>)>, Vec<String>);

/// Runs the world beside the lines of another run, until they part.
fn first_difference<P: Protocol>(mut world: World<P>, there: impl BufRead) -> io::Result<Parted> {
    let mut there = there.lines();
    let mut before: Vec<String> = Vec::new();
    let mut parted = None;
    let mut failed = None;
    let mut watch = Lines::new(|line: crate::trace::Line| {
        if parted.is_some() || failed.is_some() {
            return;
        }
        let here = line.to_string();
        match there.next().transpose() {
            Err(error) => failed = Some(error),
            Ok(Some(line)) if line == here => {
                if before.len() == CONTEXT {
                    before.remove(0);
                }
                before.push(here);
            }
            Ok(other) => parted = Some((Some(here), other)),
        }
    });
    while world.step(&mut watch).is_none() {}
    if let Some(error) = failed {
        return Err(error);
    }
    if parted.is_none()
        && let Some(line) = there.next().transpose()?
    {
        parted = Some((None, Some(line)));
    }
    Ok((parted, before))
}

#[cfg(test)]
mod tests {
    use super::halve;

    #[test]
    fn halving_finds_the_first_difference() {
        for end in 0..20 {
            for first in 0..=end {
                assert_eq!(halve(end, |place| place < first), first);
            }
        }
    }
}
