//! A scenario on real sockets: its processes on nodes of their own, its failures, its network.
//!
//! Whoever runs one starts a program for each node of its [`Layout`]. Each program has a [`Part`];
//! when all know each other, the parts are played:
//!
//! ```text
//!  scenario ──► fit, layout ──► part, part, … ──► acting ──► recordings ──► replay, judges
//!               (here)          (part: one node's program)
//! ```
//!
//! * `fit`: what such a run cannot honour is refused by name, and what cannot be judged is said;
//! * `part`: one node's share in the run;
//! * `end`: when it is over, and what is known of that;
//! * `trouble`: pauses and crashes at their times, beside the failures that messages set off.

mod end;
mod fit;
mod part;
pub(super) mod trouble;

use crate::scenario::{Protocol, Scenario};

use super::placement::Wishes;
use super::roster::NodeNumber;

pub use end::Ended;
pub(super) use fit::forgive;
pub use fit::{Unfit, fit, unjudged};
pub use part::{Acting, Part, PartError};

/// On how many nodes a scenario runs, and who lives where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How many nodes.
    pub nodes: NodeNumber,
    /// Who lives where.
    pub wishes: Wishes,
}

impl Layout {
    /// As the scenario's hosts have it. Where it names none: Olympus (or the one server) on a node
    /// of its own, all clients on the next, then a node for each replica of a configuration.
    pub fn of(scenario: &Scenario) -> Layout {
        let hosts = &scenario.hosts;
        let number = |host: &u32| NodeNumber::try_from(*host).unwrap_or(NodeNumber::MAX - 1);
        if !hosts.names.is_empty() {
            let wishes = Wishes {
                registrar: hosts.olympus.as_ref().map_or(0, number),
                clients: hosts.clients.iter().map(number).collect(),
                replicas: hosts.replicas.iter().map(number).collect(),
            };
            let named = wishes.clients.iter().chain(&wishes.replicas).chain([&wishes.registrar]);
            let most = named.max().map_or(0, |last| last + 1);
            let nodes = NodeNumber::try_from(hosts.names.len()).unwrap_or(NodeNumber::MAX);
            return Layout { nodes: nodes.max(most), wishes };
        }
        let replicas = match &scenario.protocol {
            // The server is not made by Olympus: it is there from the beginning.
            Protocol::Solo(_) => vec![0],
            protocol => (0..protocol.replicas()).map(|at| number(&at).saturating_add(2)).collect(),
        };
        let nodes = replicas.last().map_or(0, |last: &NodeNumber| *last).max(1).saturating_add(1);
        Layout { nodes, wishes: Wishes { registrar: 0, clients: vec![1], replicas } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Bcr, Hosts, Solo};

    fn layout(protocol: Protocol, hosts: Hosts) -> (NodeNumber, Wishes) {
        let Layout { nodes, wishes } = Layout::of(&Scenario { hosts, ..Scenario::new(protocol) });
        (nodes, wishes)
    }

    #[test]
    fn without_hosts_everybody_has_a_node_who_may_be_gone() {
        let bcr = Protocol::Bcr(Bcr { t: 2, ..Bcr::default() });
        let wishes = Wishes { registrar: 0, clients: vec![1], replicas: vec![2, 3, 4, 5, 6] };
        assert_eq!(layout(bcr, Hosts::default()), (7, wishes));
        let wishes = Wishes { registrar: 0, clients: vec![1], replicas: vec![0] };
        assert_eq!(layout(Protocol::Solo(Solo::default()), Hosts::default()), (2, wishes));
    }

    #[test]
    fn hosts_are_nodes_even_where_they_have_no_name() {
        let hosts = Hosts {
            names: ["a", "b"].map(str::to_owned).into(),
            olympus: Some(1),
            clients: vec![0, 1],
            replicas: vec![0, 3, 1],
        };
        let wishes = Wishes { registrar: 1, clients: vec![0, 1], replicas: vec![0, 3, 1] };
        assert_eq!(layout(Protocol::Bcr(Bcr::default()), hosts), (4, wishes));
    }
}
