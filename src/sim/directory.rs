//! Which process stands for an identity: a table by class, configuration and index.

use std::collections::BTreeMap;

use crate::identity::Identity;

/// Places in the world, by identity.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    /// Of identities with small numbers, by class, configuration and index.
    table: Vec<Vec<Vec<u32>>>,
    /// Of the others, so that a large number does not make a large table.
    others: BTreeMap<Identity, u32>,
}

const NOBODY: u32 = u32::MAX;
const CONFIGURATIONS: u32 = 1 << 12;
const INDICES: u32 = 1 << 16;

impl Directory {
    /// The place of the first process of this identity.
    pub(super) fn first(&self, identity: Identity) -> Option<u32> {
        let Identity { class, configuration, index } = identity;
        let row = self.table.get(class as usize).and_then(|rows| rows.get(configuration as usize));
        match row.and_then(|row| row.get(index as usize)) {
            Some(place) if *place != NOBODY => Some(*place),
            _ if is_small(identity) => None,
            _ => self.others.get(&identity).copied(),
        }
    }

    /// Enters a process; if the identity has one already, returns that one's place instead.
    pub(super) fn enter(&mut self, identity: Identity, place: u32) -> Option<u32> {
        let first = self.first(identity);
        if first.is_none() {
            *self.entry(identity) = place;
        }
        first
    }

    fn entry(&mut self, identity: Identity) -> &mut u32 {
        if !is_small(identity) {
            return self.others.entry(identity).or_insert(NOBODY);
        }
        let configurations = grown(&mut self.table, identity.class as usize);
        let places = grown(configurations, identity.configuration as usize);
        let index = identity.index as usize;
        if places.len() <= index {
            places.resize(index + 1, NOBODY);
        }
        &mut places[index]
    }
}

fn is_small(identity: Identity) -> bool {
    identity.configuration < CONFIGURATIONS && identity.index < INDICES
}

fn grown<T: Default>(rows: &mut Vec<T>, at: usize) -> &mut T {
    while rows.len() <= at {
        rows.push(T::default());
    }
    &mut rows[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_found_and_cost_no_table() {
        let mut directory = Directory::default();
        let far = Identity::replica(Identity::MAX_NUMBER, Identity::MAX_NUMBER);
        for (place, identity) in [Identity::client(3), far, Identity::OLYMPUS].iter().enumerate() {
            assert_eq!(directory.first(*identity), None);
            assert_eq!(directory.enter(*identity, place as u32), None);
            assert_eq!(directory.enter(*identity, 9), Some(place as u32));
            assert_eq!(directory.first(*identity), Some(place as u32));
        }
        assert_eq!(directory.first(Identity::client(2)), None);
        assert_eq!(directory.others.len(), 1);
    }
}
