//! What a client asks for, in order, without holding all of it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Draws, Operation, Pool};

/// One entry of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Item {
    /// One operation, as written.
    Fixed(Operation),
    /// `pseudorandom(seed,count)`: so many operations drawn from the pool.
    Pseudorandom {
        /// Which operations: the same seed draws the same ones.
        seed: u64,
        /// How many.
        count: u64,
    },
    /// `reconfig`: the client asks for a reconfiguration.
    Reconfigure,
}

/// The next thing that a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// That an operation is executed.
    Execute(Operation),
    /// That the replicas are replaced.
    Reconfigure,
}

/// All that one client asks for, and the pool that it draws from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    items: Arc<[Item]>,
    #[serde(default)]
    pool: Arc<Pool>,
}

impl Workload {
    /// These items in their order, drawing from `pool`.
    pub fn new(items: impl Into<Arc<[Item]>>, pool: Arc<Pool>) -> Self {
        Self { items: items.into(), pool }
    }

    /// The items.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The pool that pseudorandom operations are drawn from.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// How many demands there are in all; [`u64::MAX`] if they cannot be counted.
    pub fn demand_count(&self) -> u64 {
        let count = |item: &Item| match item {
            Item::Pseudorandom { count, .. } => *count,
            Item::Fixed(_) | Item::Reconfigure => 1,
        };
        self.items.iter().map(count).fold(0, u64::saturating_add)
    }

    /// The demands from the first on, each made when it is asked for.
    pub fn requests(&self) -> Requests {
        Requests { workload: self.clone(), next_item: 0, drawing: None }
    }
}

/// Where a client stands in its workload: a value of fixed size, which may be cloned at any
/// point and goes on the same way.
#[derive(Clone, Debug)]
pub struct Requests {
    workload: Workload,
    next_item: usize,
    drawing: Option<Draws>,
}

impl Iterator for Requests {
    type Item = Demand;

    fn next(&mut self) -> Option<Demand> {
        loop {
            if let Some(operation) = self.drawing.as_mut().and_then(Draws::next) {
                return Some(Demand::Execute(operation));
            }
            self.drawing = None;
            let item = self.workload.items.get(self.next_item)?;
            self.next_item += 1;
            match item {
                Item::Fixed(operation) => return Some(Demand::Execute(operation.clone())),
                Item::Reconfigure => return Some(Demand::Reconfigure),
                Item::Pseudorandom { seed, count } => {
                    self.drawing = Some(self.workload.pool.draws(*seed, *count));
                }
            }
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(operation) => operation.fmt(formatter),
            Self::Pseudorandom { seed, count } => {
                write!(formatter, "pseudorandom({seed},{count})")
            }
            Self::Reconfigure => formatter.write_str("reconfig"),
        }
    }
}

impl fmt::Display for Workload {
    /// The items as the course format writes them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, item) in self.items.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(formatter, "{separator}{item}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(items: Vec<Item>) -> Workload {
        Workload::new(items, Arc::default())
    }

    fn mixed() -> Workload {
        workload(vec![
            Item::Fixed(Operation::put("movie", "star")),
            Item::Pseudorandom { seed: 1, count: 0 },
            Item::Pseudorandom { seed: 233, count: 3 },
            Item::Reconfigure,
            Item::Fixed(Operation::get("movie")),
        ])
    }

    #[test]
    fn items_come_in_order_and_end() {
        let mut expected = vec![Demand::Execute(Operation::put("movie", "star"))];
        expected.extend(Arc::new(Pool::default()).draws(233, 3).map(Demand::Execute));
        expected.push(Demand::Reconfigure);
        expected.push(Demand::Execute(Operation::get("movie")));
        assert_eq!(mixed().requests().collect::<Vec<_>>(), expected);
        assert_eq!(mixed().demand_count(), 6);
    }

    #[test]
    fn a_clone_goes_on_from_where_it_was_made() {
        let mut requests = mixed().requests();
        requests.nth(2);
        assert_eq!(requests.clone().collect::<Vec<_>>(), requests.collect::<Vec<_>>());
    }

    #[test]
    fn a_workload_is_written_as_in_the_course_format() {
        let written = "put('movie','star'); pseudorandom(1,0); pseudorandom(233,3); reconfig; \
                       get('movie')";
        assert_eq!(mixed().to_string(), written);
    }

    #[test]
    fn counting_does_not_overflow() {
        let endless = Item::Pseudorandom { seed: 0, count: u64::MAX };
        assert_eq!(workload(vec![endless.clone(), endless]).demand_count(), u64::MAX);
    }

    #[test]
    fn a_workload_is_read_back_as_it_was_written_down() {
        let bytes = postcard::to_stdvec(&mixed()).unwrap();
        assert_eq!(postcard::from_bytes::<Workload>(&bytes).unwrap(), mixed());
    }
}
