//! Scenarios for proptest: drawn by the generator, made small by the shrinker, under the rules
//! of a test of one's own.
//!
//! When a test fails, proptest prints the smallest scenario that it found as a file, which
//! `perjury run` takes.

use std::fmt;
use std::ops::Deref;

use proptest::prelude::RngExt as _;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::scenario::{Scenario, to_toml};

use super::generate;
use super::shape::Shape;
use super::shrink::Walk;

/// A scenario that was drawn; what prints for debugging is its file.
#[derive(Clone, PartialEq, Eq)]
pub struct Drawn(pub Scenario);

impl Deref for Drawn {
    type Target = Scenario;

    fn deref(&self) -> &Scenario {
        &self.0
    }
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the scenario\n{}", to_toml(&self.0))
    }
}

/// Scenarios of a shape.
///
/// ```
/// use perjury::explore::{Shape, scenarios};
/// use perjury::run;
/// use proptest::prelude::*;
///
/// proptest! {
///     #![proptest_config(ProptestConfig { cases: 20, ..Default::default() })]
///     # /*
///     #[test]
///     # */
///     fn nobody_waits_for_ever(
///         scenario in scenarios(Shape::of("bcr").expect("it is built in").requests(3, 6)),
///     ) {
///         let report = run::run(&scenario).expect("what is drawn can be run");
///         prop_assert!(report.first_broken().is_none(), "{report}");
///     }
/// }
/// # nobody_waits_for_ever();
/// ```
#[must_use]
pub fn scenarios(shape: Shape) -> Scenarios {
    Scenarios { shape }
}

/// See [`scenarios`].
#[derive(Clone, Debug)]
pub struct Scenarios {
    shape: Shape,
}

impl Strategy for Scenarios {
    type Tree = Tree;
    type Value = Drawn;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Scenarios> {
        let scenario = generate::scenario(&self.shape, runner.rng().random());
        Ok(Tree { walk: Walk::new(scenario), proposed: None })
    }
}

/// A scenario on its way to a small one.
#[derive(Clone, Debug)]
pub struct Tree {
    walk: Walk,
    /// What is tried at present; without it, the smallest that failed.
    proposed: Option<Scenario>,
}

impl Tree {
    fn propose(&mut self) -> bool {
        self.proposed = self.walk.propose().cloned();
        self.proposed.is_some()
    }
}

impl ValueTree for Tree {
    type Value = Drawn;

    fn current(&self) -> Drawn {
        Drawn(self.proposed.as_ref().unwrap_or(self.walk.best()).clone())
    }

    /// What was tried fails: it is the smallest now.
    fn simplify(&mut self) -> bool {
        if self.proposed.is_some() {
            self.walk.accept();
        }
        self.propose()
    }

    /// What was tried does not fail: back to what did, and on to the next.
    fn complicate(&mut self) -> bool {
        if self.proposed.is_some() {
            self.walk.reject();
        }
        self.propose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::Size;
    use proptest::test_runner::{Config, TestError};

    #[test]
    fn a_failing_test_is_left_with_the_smallest_scenario() {
        let config = Config { failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, rng());
        let shape = Shape { swarm: false, ..Shape::of("bcr").unwrap() };
        // Two faults and a request are one too many.
        let failed = runner.run(&scenarios(shape), |drawn| {
            let Size { requests, .. } = Size::of(&drawn, 0);
            let fails = drawn.faults.len() >= 2 && requests >= 1;
            proptest::prop_assert!(!fails);
            Ok(())
        });
        let Err(TestError::Fail(_, Drawn(small))) = failed else {
            panic!("it does not fail: {failed:?}");
        };
        assert_eq!(Size::of(&small, 0), Size { troubles: 2, requests: 1, events: 0 });
        assert_eq!(small.network, crate::scenario::Network::default());
    }

    /// The same test on every machine.
    fn rng() -> proptest::test_runner::TestRng {
        use proptest::test_runner::{RngAlgorithm, TestRng};
        TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32])
    }

    #[test]
    fn what_is_printed_is_the_file() {
        let drawn = Drawn(generate::scenario(&Shape::of("bcr").unwrap(), 3));
        let text = format!("{drawn:?}");
        let text = text.split_once('\n').unwrap().1;
        let reading = crate::scenario::read("printed", text.as_bytes(), &Default::default());
        assert_eq!(reading.scenario.as_ref(), Some(&drawn.0));
    }
}
