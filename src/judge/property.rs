//! A property under test: what judges are made of.

use crate::process::Protocol;
use crate::trace::Event;

use super::{Concern, Finding, Ruling};

/// A property under test.
#[derive(Clone, Debug)]
pub struct Property {
    judge: &'static str,
    property: &'static str,
    concern: Concern,
    tested: u64,
    finding: Option<Finding>,
}

impl Property {
    /// Something that users were promised: the judge's name, and the property as a sentence.
    #[must_use]
    pub const fn promise(judge: &'static str, property: &'static str) -> Property {
        Property { judge, property, concern: Concern::Promise, tested: 0, finding: None }
    }

    /// Something by which the protocol keeps its promises.
    #[must_use]
    pub const fn conduct(judge: &'static str, property: &'static str) -> Property {
        Property { judge, property, concern: Concern::Conduct, tested: 0, finding: None }
    }

    /// Tests it once more; the first failure stands.
    #[inline]
    pub fn test(&mut self, holds: bool, at: Place, text: impl FnOnce() -> String) {
        self.test_against(holds, at, [], text);
    }

    /// The same, where it takes more events to break it: this one, and those before it that it
    /// contradicts.
    #[inline]
    pub fn test_against(
        &mut self,
        holds: bool,
        at: Place,
        against: impl IntoIterator<Item = u64>,
        text: impl FnOnce() -> String,
    ) {
        self.tested += 1;
        if !holds {
            self.fails(at, against.into_iter().collect(), text);
        }
    }

    /// Kept apart from where it is tested, which is for every event of a run: what is said of the
    /// few that break it is long.
    #[cold]
    #[inline(never)]
    fn fails(&mut self, at: Place, against: Vec<u64>, text: impl FnOnce() -> String) {
        if self.finding.is_none() {
            let Place { event, at_ns } = at;
            let judge = self.judge;
            self.finding = Some(Finding { judge, event, against, at_ns, text: text() });
        }
    }

    /// What is to be said of it at the end.
    #[must_use]
    pub fn ruling(&self) -> Ruling {
        let Property { judge, property, concern, tested, finding } = self.clone();
        Ruling { judge, property, concern, tested, finding, unknown: None }
    }
}

/// An event's place in the run.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its number.
    pub event: u64,
    /// When it is.
    pub at_ns: u64,
}

impl Place {
    /// The place of this event.
    #[must_use]
    pub fn of<P: Protocol>(event: &Event<'_, P>) -> Place {
        Place { event: event.number, at_ns: event.at_ns }
    }
}
