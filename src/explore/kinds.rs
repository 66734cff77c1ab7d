//! The kinds of trouble that a generated scenario may have, by name: every failure of a replica,
//! and what befalls links, processes and the order of messages.

use std::fmt;

use crate::fault::{Failure, text};

/// What befalls others than single replicas, and a line on each.
pub const AROUND: [(&str, &str); 13] = [
    ("latency", "messages take their time, by one of several distributions"),
    ("loss", "links lose messages; on streams that is a delay"),
    ("datagram", "links may lose, double and reorder"),
    ("link", "a single link is slow or bad"),
    ("partition", "parts of the cluster cannot reach each other for a while"),
    ("burst", "for a moment nothing passes from some process to another"),
    ("pause", "a process stands still for a while"),
    ("outage", "a process crashes at some time, and may live again"),
    ("clock", "clocks are off, run fast or slow, and jump"),
    ("random", "any pending message may be the next"),
    ("pct", "messages go by priorities, with a few changes"),
    ("reconfig", "a client asks for new replicas"),
    ("timeouts", "timeouts differ from process to process"),
];

/// Names that stand for several kinds.
pub const GROUPS: [(&str, &[&str]); 3] = [
    ("network", &["latency", "loss", "datagram", "link", "partition", "burst"]),
    ("processes", &["pause", "outage", "clock", "timeouts", "sleep", "crash"]),
    ("schedule", &["random", "pct"]),
];

/// The group of all failures that more is needed for than to be silent.
const LIES: &str = "lies";

/// Some kinds of trouble, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds(Vec<&'static str>);

/// A name that no kind of trouble has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no kind of trouble '{name}'; there are: {}", names().join(", "))]
pub struct UnknownKind {
    name: String,
}

/// The names of all kinds and groups.
fn names() -> Vec<&'static str> {
    let around = AROUND.iter().map(|(name, _)| *name);
    let groups = GROUPS.iter().map(|(name, _)| *name).chain([LIES]);
    text::failure_names().chain(around).chain(groups).collect()
}

impl Kinds {
    /// Every kind. Messages that are not sent were withdrawn from the course; they are drawn all
    /// the same, since they are one more way to be silent.
    #[must_use]
    pub fn all() -> Kinds {
        let around = AROUND.iter().map(|(name, _)| *name);
        Kinds::of(text::failure_names().chain(around))
    }

    /// No kind.
    #[must_use]
    pub fn none() -> Kinds {
        Kinds(Vec::new())
    }

    fn of(names: impl IntoIterator<Item = &'static str>) -> Kinds {
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        Kinds(names)
    }

    /// The kinds with these names, or in these groups.
    ///
    /// # Errors
    /// A name that neither a kind nor a group has.
    pub fn named<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Kinds, UnknownKind> {
        let mut kinds = Vec::new();
        for word in words {
            kinds.extend(Kinds::of_word(word)?.0);
        }
        Ok(Kinds::of(kinds))
    }

    fn of_word(word: &str) -> Result<Kinds, UnknownKind> {
        if let Some((_, group)) = GROUPS.iter().find(|(name, _)| *name == word) {
            return Ok(Kinds::of(group.iter().copied()));
        }
        if word == LIES {
            let lies = text::failures().filter(|failure| is_lie(*failure));
            return Ok(Kinds::of(lies.map(Failure::name)));
        }
        let known = Kinds::all().0.into_iter().find(|known| *known == word);
        let known = known.ok_or_else(|| UnknownKind { name: word.to_owned() })?;
        Ok(Kinds(vec![known]))
    }

    /// These without those.
    #[must_use]
    pub fn without(mut self, others: &Kinds) -> Kinds {
        self.0.retain(|kind| !others.has(kind));
        self
    }

    /// Whether this kind is among them.
    #[must_use]
    pub fn has(&self, kind: &str) -> bool {
        self.0.binary_search(&kind).is_ok()
    }

    /// Those for which `keep` says so.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&'static str) -> bool) -> Kinds {
        let mut kept = Vec::with_capacity(self.0.len());
        kept.extend(self.0.iter().copied().filter(|kind| keep(kind)));
        Kinds(kept)
    }

    /// Their names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }
}

/// Whether it takes more than to stop, to wait or to keep silent.
fn is_lie(failure: Failure) -> bool {
    use Failure::{Crash, Drop, OmitSend, Sleep};
    !matches!(failure, Crash | Drop | OmitSend | Sleep { .. })
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, kind) in self.iter().enumerate() {
            let gap = if i == 0 { "" } else { "," };
            write!(f, "{gap}{kind}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stand_for_kinds_that_there_are() {
        for (_, group) in GROUPS {
            assert!(group.iter().all(|kind| Kinds::all().has(kind)), "{group:?}");
        }
        let lies = Kinds::named(["lies"]).unwrap();
        assert!(lies.has("rollback") && !lies.has("crash") && !lies.has("latency"));
    }

    #[test]
    fn kinds_are_taken_away_by_name() {
        let some = Kinds::named(["crash", "schedule"]).unwrap();
        assert_eq!(some.to_string(), "crash,pct,random");
        assert_eq!(some.without(&Kinds::named(["pct"]).unwrap()).to_string(), "crash,random");
    }

    #[test]
    fn a_wrong_name_is_told_with_the_right_ones() {
        let wrong = Kinds::named(["crash", "krash"]).unwrap_err().to_string();
        assert!(wrong.starts_with("there is no kind of trouble 'krash'; there are: "), "{wrong}");
        assert!(wrong.contains("early_reply") && wrong.ends_with("lies"), "{wrong}");
    }
}
