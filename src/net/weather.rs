//! A network between processes that a scenario asks for, made at the sender.
//!
//! Sockets of one machine neither lose messages nor take long. Where something else is asked for,
//! what leaves a process waits here as long as the simulator would have had it under way, is lost
//! or doubled as there, and only then goes its real way. What never befalls a message in the
//! simulator does not here: a stream keeps its order.

use std::collections::BTreeMap;
use std::fmt;

use crate::process::Protocol;
use crate::scenario::{Network, Schedule};
use crate::sim::{Fate, Roads};

use super::arrival::Parcel;

/// The network that is to be between processes.
#[derive(Clone, Debug)]
pub struct Weather {
    /// Its links.
    pub network: Network,
    /// Who says how long messages take; nobody can say by priorities which one is next.
    pub schedule: Schedule,
    /// From which is drawn what befalls messages.
    pub seed: u64,
}

impl Weather {
    pub(super) fn roads(self) -> Roads {
        Roads::new(self.network, self.schedule, self.seed)
    }
}

/// Messages that have left their processes and not their node.
pub(super) struct Transit<P: Protocol> {
    roads: Roads,
    /// By the time when each goes on, and in their order.
    waiting: BTreeMap<(u64, u64), Parcel<P>>,
    count: u64,
    /// How many were lost, or are held for ever.
    lost: u64,
}

impl<P: Protocol> Transit<P> {
    pub(super) fn new(roads: Roads) -> Transit<P> {
        Transit { roads, waiting: BTreeMap::new(), count: 0, lost: 0 }
    }

    /// A message leaves its process.
    pub(super) fn take(&mut self, now_ns: u64, parcel: Parcel<P>) {
        let Parcel::Message { from, to, sent, message } = parcel else { return };
        match self.roads.carry(now_ns, (from, to), &message) {
            Fate::Arrives(first_ns, second_ns) => {
                if let Some(second_ns) = second_ns {
                    let message = message.clone();
                    self.wait(second_ns, Parcel::Message { from, to, sent, message });
                }
                self.wait(first_ns, Parcel::Message { from, to, sent, message });
            }
            Fate::Lost(_) | Fate::Held => self.lost += 1,
        }
    }

    fn wait(&mut self, until_ns: u64, parcel: Parcel<P>) {
        self.count += 1;
        self.waiting.insert((until_ns, self.count), parcel);
    }

    /// When the next one goes on.
    pub(super) fn due_ns(&self) -> Option<u64> {
        self.waiting.first_key_value().map(|((due_ns, _), _)| *due_ns)
    }

    /// The next one that goes on now.
    pub(super) fn next(&mut self, now_ns: u64) -> Option<Parcel<P>> {
        let first = self.waiting.first_entry().filter(|entry| entry.key().0 <= now_ns)?;
        Some(first.remove())
    }

    /// How many were lost.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
}

impl<P: Protocol> fmt::Debug for Transit<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transit").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Probability;
    use crate::identity::Identity;
    use crate::protocol::bcr::{Bcr, Message};
    use crate::scenario::{Cut, Latency, LinkKind, Partition, Party};

    const CLIENT: Identity = Identity::client(0);
    const OLYMPUS: Identity = Identity::OLYMPUS;

    fn transit(network: Network) -> Transit<Bcr> {
        Transit::new(Weather { network, schedule: Schedule::Timed, seed: 1 }.roads())
    }

    fn asks(transit: &mut Transit<Bcr>, now_ns: u64, sent: u64) {
        let message = Message::GetConfiguration { known: None };
        transit.take(now_ns, Parcel::Message { from: CLIENT, to: OLYMPUS, sent, message });
    }

    /// What goes on up to a time: when it was sent.
    fn went(transit: &mut Transit<Bcr>, now_ns: u64) -> Vec<u64> {
        let mut went = Vec::new();
        while let Some(Parcel::Message { sent, .. }) = transit.next(now_ns) {
            went.push(sent);
        }
        went
    }

    #[test]
    fn messages_take_their_time_and_wait_where_nothing_passes() {
        let mut network = Network::default();
        network.link.latency = Latency::Fixed { ns: 100 };
        let cut = Cut::OneWay { from: vec![Party::Clients], to: vec![Party::Olympus] };
        network.partitions.push(Partition { from_ns: 1_000, until_ns: Some(2_000), cut });
        let mut transit = transit(network);
        asks(&mut transit, 0, 1);
        asks(&mut transit, 50, 2);
        assert_eq!(transit.due_ns(), Some(100));
        assert_eq!((went(&mut transit, 99), went(&mut transit, 150)), (vec![], vec![1, 2]));
        asks(&mut transit, 950, 3);
        asks(&mut transit, 1_500, 4);
        assert_eq!(transit.due_ns(), Some(2_100), "what meets a cut starts over when it heals");
        assert_eq!((went(&mut transit, 2_100), transit.due_ns()), (vec![3, 4], None));
        assert_eq!(transit.lost(), 0);
    }

    #[test]
    fn datagrams_are_lost_and_doubled() {
        let mut network = Network::default();
        let certain = Probability::from_bits(u64::MAX);
        network.link.kind = LinkKind::Datagram;
        network.link.duplicate = certain;
        let mut doubles = transit(network.clone());
        asks(&mut doubles, 0, 1);
        assert_eq!(went(&mut doubles, u64::MAX), [1, 1]);
        network.link.loss = certain;
        let mut loses = transit(network);
        asks(&mut loses, 0, 1);
        assert_eq!((went(&mut loses, u64::MAX), loses.lost()), (vec![], 1));
    }
}
