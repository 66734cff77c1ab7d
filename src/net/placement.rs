//! On which node a new process begins to live.

use std::collections::BTreeSet;

use crate::identity::{Class, Identity};

use super::roster::NodeNumber;

/// A node that a process may be placed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its number.
    pub number: NodeNumber,
    /// Whether it is connected now, and has said something lately.
    pub is_up: bool,
}

/// Says where new processes live.
pub trait Placement: Send {
    /// The node for a process, one of `hosts`, of which there is at least one.
    fn place(&mut self, identity: Identity, hosts: &[Host]) -> NodeNumber;
}

/// Who is wished to live where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Where Olympus lives, and whoever no other place is wished for. From here it is said where
    /// everybody lives.
    pub registrar: NodeNumber,
    /// Where clients live, one after the other and then from the first on again; with Olympus, if
    /// it is empty.
    pub clients: Vec<NodeNumber>,
    /// Where the replicas of the first configuration live, by position, as far as it goes.
    pub replicas: Vec<NodeNumber>,
}

impl Wishes {
    /// The nodes that have clients, if there are so many of these.
    pub fn client_nodes(&self, clients: u32) -> Vec<NodeNumber> {
        let mut nodes: Vec<NodeNumber> = (0..clients).map(|number| self.client(number)).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// Where a client lives.
    pub(super) fn client(&self, number: u32) -> NodeNumber {
        let turn = (number as usize).checked_rem(self.clients.len());
        turn.map_or(self.registrar, |turn| self.clients[turn])
    }

    fn replica(&self, identity: Identity) -> Option<NodeNumber> {
        let wished = self.replicas.get(identity.index as usize).copied();
        wished.filter(|_| identity.configuration == 0)
    }
}

/// As is wished; without a wish, or where the node is not connected, replicas live on one node
/// after the other, those that are connected before others; never two members of a configuration
/// on one node while another is free.
///
/// The registrar's node is the last that is taken, and where nodes are too few it has more members
/// than one: the cluster cannot do without it anyway, so it still bears that another is lost.
#[derive(Clone, Debug, Default)]
pub struct InTurn {
    wishes: Wishes,
    /// The nodes that have members of the newest configuration.
    members: BTreeSet<NodeNumber>,
    newest: Option<(Class, u32)>,
    last: NodeNumber,
}

impl InTurn {
    /// As is wished, as far as it goes.
    pub fn wishing(wishes: Wishes) -> InTurn {
        let last = wishes.registrar;
        InTurn { wishes, last, ..InTurn::default() }
    }

    fn replica(&mut self, identity: Identity, hosts: &[Host]) -> NodeNumber {
        let group = (identity.class, identity.configuration);
        if self.newest != Some(group) {
            self.newest = Some(group);
            self.members.clear();
        }
        let registrar = self.wishes.registrar;
        let wished = self.wishes.replica(identity);
        let rank = |host: &&Host| {
            let is_free = !self.members.contains(&host.number);
            let is_other = wished != Some(host.number);
            let choice = match (host.number == registrar, is_free) {
                (false, true) => 0,
                (true, _) => 1,
                (false, false) => 2,
            };
            (!host.is_up, is_other, choice, host.number <= self.last, host.number)
        };
        let chosen = hosts.iter().min_by_key(rank).map_or(registrar, |host| host.number);
        self.members.insert(chosen);
        self.last = chosen;
        chosen
    }
}

impl Placement for InTurn {
    fn place(&mut self, identity: Identity, hosts: &[Host]) -> NodeNumber {
        match identity.class {
            Class::Replica => self.replica(identity, hosts),
            Class::Client => self.wishes.client(identity.index),
            _ => self.wishes.registrar,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(up: &[bool]) -> Vec<Host> {
        (0..).zip(up).map(|(number, is_up)| Host { number, is_up: *is_up }).collect()
    }

    fn places(up: &[bool], policy: &mut InTurn, configuration: u32, count: u32) -> Vec<NodeNumber> {
        let replica = |position| Identity::replica(configuration, position);
        (0..count).map(|position| policy.place(replica(position), &hosts(up))).collect()
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
        assert_eq!(places(&up, &mut policy, 1, 5), [1, 3, 0, 0, 0], "none is free");
    }

    #[test]
    fn one_node_hosts_all() {
        assert_eq!(places(&[true], &mut InTurn::default(), 0, 3), [0, 0, 0]);
    }

    #[test]
    fn who_is_wished_somewhere_lives_there_if_he_can() {
        let wishes = Wishes { registrar: 2, clients: vec![0, 1], replicas: vec![1, 1, 0] };
        let mut policy = InTurn::wishing(wishes.clone());
        let mut place = |identity| policy.place(identity, &hosts(&[true; 4]));
        assert_eq!(place(Identity::OLYMPUS), 2);
        assert_eq!([0, 1, 2].map(|number| place(Identity::client(number))), [0, 1, 0]);
        assert_eq!(places(&[true; 4], &mut policy, 0, 4), [1, 1, 0, 3], "the last has no wish");
        assert_eq!(places(&[true; 4], &mut policy, 1, 3), [0, 1, 3], "the first ones alone wish");
        let mut policy = InTurn::wishing(wishes.clone());
        assert_eq!(places(&[true, false, true, true], &mut policy, 0, 3), [3, 0, 0]);
        assert_eq!((wishes.client_nodes(1), wishes.client_nodes(9)), (vec![0], vec![0, 1]));
        assert_eq!(Wishes::default().client_nodes(9), [0]);
    }
}
