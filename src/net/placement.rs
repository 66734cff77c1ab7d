//! On which node a new process begins to live.

use std::collections::BTreeMap;

use crate::identity::{Class, Identity};

use super::roster::{NodeNumber, REGISTRAR};

/// A node that a process may be placed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its number.
    pub number: NodeNumber,
    /// Whether it is connected now.
    pub is_up: bool,
}

/// Says where new processes live.
pub trait Placement: Send {
    /// The node for a process, one of `hosts`, of which there is at least one.
    fn place(&mut self, identity: Identity, hosts: &[Host]) -> NodeNumber;
}

/// One node after the other, those that are connected before others; never two members of a
/// configuration on one node while another is free, and on the registrar's node last.
#[derive(Clone, Debug, Default)]
pub struct InTurn {
    /// How many members of a configuration a node has; of the newest configuration alone.
    members: BTreeMap<NodeNumber, u32>,
    newest: Option<(Class, u32)>,
    last: NodeNumber,
}

impl Placement for InTurn {
    fn place(&mut self, identity: Identity, hosts: &[Host]) -> NodeNumber {
        let group = (identity.class, identity.configuration);
        if self.newest != Some(group) {
            self.newest = Some(group);
            self.members.clear();
        }
        let rank = |host: &&Host| {
            let members = self.members.get(&host.number).copied().unwrap_or(0);
            let is_behind = host.number <= self.last;
            (!host.is_up, members, host.number == REGISTRAR, is_behind, host.number)
        };
        let chosen = hosts.iter().min_by_key(rank).map_or(REGISTRAR, |host| host.number);
        *self.members.entry(chosen).or_insert(0) += 1;
        self.last = chosen;
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(up: &[bool], policy: &mut InTurn, configuration: u32, count: u32) -> Vec<NodeNumber> {
        let hosts: Vec<Host> =
            (0..).zip(up).map(|(number, is_up)| Host { number, is_up: *is_up }).collect();
        let replica = |position| Identity::replica(configuration, position);
        (0..count).map(|position| policy.place(replica(position), &hosts)).collect()
    }

    #[test]
    fn members_of_a_configuration_live_apart() {
        let mut policy = InTurn::default();
        assert_eq!(places(&[true; 4], &mut policy, 0, 3), [1, 2, 3]);
        assert_eq!(places(&[true; 4], &mut policy, 1, 3), [1, 2, 3]);
        assert_eq!(places(&[true; 6], &mut policy, 2, 3), [4, 5, 1], "in turn");
    }

    #[test]
    fn where_a_node_is_gone_the_registrar_takes_its_part() {
        let mut policy = InTurn::default();
        let up = [true, true, false, true];
        assert_eq!(places(&up, &mut policy, 0, 3), [1, 3, 0]);
        assert_eq!(places(&up, &mut policy, 1, 5), [1, 3, 0, 1, 3], "none is free");
    }

    #[test]
    fn one_node_hosts_all() {
        assert_eq!(places(&[true], &mut InTurn::default(), 0, 3), [0, 0, 0]);
    }
}
