//! What correct replicas do not do, though nobody would come to harm by it: a bug that does no more
//! than this is still one.

use std::collections::BTreeSet;

use crate::identity::Address;
use crate::protocol::bcr::Note;
use crate::roll::Roll;

use super::{Place, Property, Ruling};

/// The judges of conduct.
#[derive(Clone, Debug)]
pub(super) struct Conduct {
    /// For each replica the newest request of each client that it has done with.
    seats: Roll<Vec<Seat>>,
    /// The quorums that were refused since the reconfiguration under way began.
    refused: BTreeSet<Vec<u32>>,
    orders: Property,
    complaints: Property,
    refusals: Property,
}

/// What a replica has done for one client.
#[derive(Clone, Copy, Debug, Default)]
struct Seat {
    /// As the head: the number after that of the last request which it put into a slot.
    ordered: u64,
    /// The number after that of the last request of which it keeps the result.
    cached: u64,
}

impl Conduct {
    pub(super) fn new() -> Conduct {
        Conduct {
            seats: Roll::default(),
            refused: BTreeSet::new(),
            orders: Property::conduct("one slot each", "the head gives each request one slot"),
            complaints: Property::conduct(
                "complaints",
                "replicas ask for others only for want of what they lack",
            ),
            refusals: Property::conduct(
                "refusals",
                "Olympus tries no quorum again that it refused",
            ),
        }
    }

    pub(super) fn rulings(&self) -> Vec<Ruling> {
        vec![self.orders.ruling(), self.complaints.ruling(), self.refusals.ruling()]
    }

    /// A process is no more, or fails: what it has done counts for nothing.
    pub(super) fn gone(&mut self, process: Address) {
        if let Some(seats) = self.seats.get_mut(process.pack()) {
            seats.clear();
        }
    }

    /// A correct process puts something on record.
    pub(super) fn noted(&mut self, process: Address, note: &Note, at: Place) {
        match note {
            Note::Ordered { client, request, slot, .. } if process.identity.index == 0 => {
                let next = &mut seat(&mut self.seats, process, *client).ordered;
                let is_new = *request >= *next;
                *next = (*next).max(request.saturating_add(1));
                self.orders.test(is_new, at, || {
                    format!("{process} puts request {client}/{request} into slot {slot} too")
                });
            }
            Note::Cached { client, request, .. } => {
                let next = &mut seat(&mut self.seats, process, *client).cached;
                *next = (*next).max(request.saturating_add(1));
            }
            Note::TimerExpired { client, request } => {
                let lacks_it = *request >= seat(&mut self.seats, process, *client).cached;
                self.complaints.test(lacks_it, at, || {
                    format!(
                        "{process} gives up waiting for {client}/{request}, whose result it has"
                    )
                });
            }
            Note::ReconfigurationBegins { .. } => self.refused.clear(),
            Note::QuorumRefused { quorum, .. } => {
                self.refused.insert(quorum.clone());
            }
            Note::QuorumTried { quorum, .. } => {
                let is_new = !self.refused.contains(quorum);
                self.refusals.test(is_new, at, || {
                    format!("{process} tries {quorum:?} again, which it refused")
                });
            }
            _ => {}
        }
    }
}

fn seat(seats: &mut Roll<Vec<Seat>>, process: Address, client: u32) -> &mut Seat {
    let seats = seats.entry(process.pack());
    let place = client as usize;
    if place >= seats.len() {
        seats.resize(place + 1, Seat::default());
    }
    &mut seats[place]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::protocol::bcr::notes::QuorumFlaw;
    use crate::protocol::bcr::statements::Reason;

    /// What the judge of refusals says when Olympus puts these on record.
    fn refusals(notes: &[Note]) -> Option<u64> {
        let mut conduct = Conduct::new();
        for (event, note) in (1..).zip(notes) {
            let at = Place { event, at_ns: 0 };
            conduct.noted(Address::of(Identity::OLYMPUS), note, at);
        }
        let rulings = conduct.rulings().into_iter();
        let found = rulings.filter_map(|ruling| ruling.finding).next();
        found.map(|finding| finding.event)
    }

    #[test]
    fn a_refused_quorum_is_not_tried_again_in_the_same_reconfiguration() {
        let begins = Note::ReconfigurationBegins {
            configuration: 0,
            asked_by: Identity::client(0),
            reason: Reason::TimerExpired,
        };
        let tried = |quorum: &[u32]| Note::QuorumTried {
            configuration: 0,
            attempt: 0,
            quorum: quorum.to_vec(),
            longest: 0,
            last_slot: 0,
            lacking: Vec::new(),
        };
        let (quorum, why) = (vec![0, 1], QuorumFlaw::StatesDiffer);
        let refused = Note::QuorumRefused { quorum, why };
        let again = [begins.clone(), tried(&[0, 1]), refused.clone(), tried(&[0, 1])];
        assert_eq!(refusals(&again), Some(4));
        let silent = [begins.clone(), tried(&[0, 1]), tried(&[0, 1])];
        assert_eq!(refusals(&silent), None, "who was silent may be asked again");
        let other = [refused.clone(), tried(&[0, 2]), refused, begins, tried(&[0, 1])];
        assert_eq!(refusals(&other), None);
    }
}
