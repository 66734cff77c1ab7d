//! Is a history of clients linearizable? Yes, no with the part that shows it, or unknown.
//!
//! Every operation of the dictionary touches one key, and linearizability is local, so each key is
//! checked by itself. A key's calls and returns are walked in the order of time with the set of all
//! *standings* that are still possible: which of the operations under way have taken effect, and
//! what the value is now. At a return its operation must have taken effect in every standing that
//! is kept; others under way may have taken effect before it, in any order. When no standing is
//! left, the history is not linearizable; when there are too many, the answer is *unknown*.
//!
//! This is the just-in-time search of Lowe's "Testing for linearizability" (2017), breadth first,
//! so that memory is bounded by how much is under way at once and not by the length of the history:
//! a [`Search`] is given a history bit by bit and forgets what is behind it.

mod clients;
mod search;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::object::{Dictionary, Object as _, Operation, Reply};

pub(super) use clients::Linearizable;
pub use search::Search;

/// One operation of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Who asked. A client may have several operations under way.
    pub client: u32,
    /// What was asked.
    pub operation: Operation,
    /// When: any number that rises with time, no two calls or returns alike.
    pub called: u64,
    /// When it was answered, and with what; it may take effect at any time, or never, if it was
    /// not.
    pub returned: Option<(u64, Reply)>,
    /// When it was answered, in nanoseconds, for whoever tells of it.
    pub returned_ns: u64,
}

/// What a history is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Linearizable.
    Yes,
    /// Not linearizable; this is why.
    No(Offence),
    /// More standings of one key were possible at once, or more of its acts had to wait for one
    /// without an answer, than is allowed.
    Unknown {
        /// The key.
        key: Arc<str>,
    },
}

/// Why a history is not linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offence {
    /// The key.
    pub key: Arc<str>,
    /// The operations of that key since the last time when none was under way, up to the one whose
    /// return fits no order; that one is the last.
    pub part: Vec<Act>,
    /// How many of the first of them are left out here.
    pub left_out: usize,
    /// The values that the key may have had when the part began; none stands for an absent key.
    pub values_before: Vec<Option<String>>,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.values_before.iter().map(|value| match value {
            Some(value) => format!("'{value}'"),
            None => "nothing".to_owned(),
        });
        let values: Vec<String> = values.collect();
        write!(f, "no order fits, from {} {}:", self.key, values.join(" or "))?;
        if self.left_out > 0 {
            write!(f, " {} operations;", self.left_out)?;
        }
        for (i, act) in self.part.iter().enumerate() {
            let Act { client, operation, called, returned, .. } = act;
            let gap = if i == 0 { "" } else { ";" };
            write!(f, "{gap} client {client} {operation} in events {called}..")?;
            match returned {
                Some((at, reply)) => write!(f, "{at} gives '{reply}'")?,
                None => f.write_str(" is not answered")?,
            }
        }
        Ok(())
    }
}

/// How many standings of one key are kept before the answer is unknown.
pub const STANDINGS_KEPT: usize = 1 << 16;
/// A linearization in the making: acts are put into it one after the other.
///
/// Whoever knows an order that is likely saves the search for one. An act that is left out has no
/// effect, so none may be left out that was answered.
#[derive(Clone, Debug, Default)]
pub struct Line {
    object: Dictionary,
    latest_call: u64,
    latest_return: u64,
}

impl Line {
    /// Puts an act behind all others; false if it does not fit there.
    pub fn put(&mut self, act: &Act) -> bool {
        let reply = self.object.apply(&act.operation);
        self.latest_call = self.latest_call.max(act.called);
        match &act.returned {
            Some((at, told)) => {
                self.latest_return = self.latest_return.max(*at);
                *told == reply && *at > self.latest_call
            }
            None => true,
        }
    }
}

/// Looks for orders of what comes behind a [`Line`].
///
/// There are two searches. One begins with what the line has made of the keys: what it explains is
/// linearizable. But other lines of the same acts may have made something else of them, so when it
/// finds no order there may be one. The other takes anything for possible before, and for each act
/// that overlaps with the line that it had its effect before the line's end, or will have it: what
/// it cannot explain is not linearizable.
#[derive(Clone, Debug)]
pub struct Behind {
    line: Line,
    yes: Search,
    /// None where nothing is before: then the other is right, whatever it says.
    no: Option<Search>,
    /// The key of an act that does not fit behind the line.
    before: Option<Arc<str>>,
}

impl Behind {
    /// Searches behind this line.
    pub fn new(line: &Line) -> Behind {
        let is_first = line.latest_call == 0 && line.latest_return == 0;
        Behind {
            line: line.clone(),
            yes: Search::after(line.object.clone(), STANDINGS_KEPT),
            no: (!is_first).then(|| Search::after_anything(STANDINGS_KEPT)),
            before: None,
        }
    }

    /// Takes an act. It was not called before the time up to which the searches have gone.
    pub fn take(&mut self, act: Act) {
        let fits = |(at, _): &(u64, Reply)| *at > self.line.latest_call;
        if !act.returned.as_ref().is_none_or(fits) {
            self.before = Some(act.operation.key().into());
        }
        if let Some(no) = &mut self.no {
            let overlaps = act.called < self.line.latest_return;
            no.take(match overlaps {
                true => Act { returned: None, ..act.clone() },
                false => act.clone(),
            });
        }
        self.yes.take(act);
    }

    /// Goes on. `known` tells for a key up to which time all of its acts were taken.
    pub fn go_on(&mut self, known: impl Fn(&str) -> u64) {
        for search in self.no.iter_mut().chain([&mut self.yes]) {
            search.go_on(&known);
        }
    }

    /// Nothing more comes: what the history is, the line and what is behind it.
    pub fn finish(self) -> Answer {
        let is_exact = self.no.is_none();
        if let Some(Answer::No(offence)) = self.no.map(Search::finish) {
            return Answer::No(offence);
        }
        match (self.yes.finish(), self.before) {
            (_, Some(key)) => Answer::Unknown { key },
            (Answer::No(Offence { key, .. }), None) if !is_exact => Answer::Unknown { key },
            (answer, None) => answer,
        }
    }
}

/// Checks a history.
pub fn check(history: &[Act]) -> Answer {
    check_within(history, STANDINGS_KEPT)
}

/// The same with another limit.
pub fn check_within(history: &[Act], standings: usize) -> Answer {
    let mut search = Search::new(standings);
    for act in history {
        search.take(act.clone());
    }
    search.finish()
}
