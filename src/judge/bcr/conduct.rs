//! What correct replicas do not do, though nobody would come to harm by it: a bug that does no more
//! than this is still one.

use std::collections::BTreeMap;

use crate::identity::Address;
use crate::protocol::bcr::Note;

use super::{Place, Property, Ruling};

/// The judges of conduct.
#[derive(Clone, Debug)]
pub(super) struct Conduct {
    /// For each replica the newest request of each client that it has done with.
    seats: BTreeMap<Address, Vec<Seat>>,
    orders: Property,
    complaints: Property,
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
            seats: BTreeMap::new(),
            orders: Property::conduct("one slot each", "the head gives each request one slot"),
            complaints: Property::conduct(
                "complaints",
                "replicas ask for others only for want of what they lack",
            ),
        }
    }

    pub(super) fn rulings(&self) -> Vec<Ruling> {
        vec![self.orders.ruling(), self.complaints.ruling()]
    }

    /// A process is no more, or fails: what it has done counts for nothing.
    pub(super) fn gone(&mut self, process: Address) {
        self.seats.remove(&process);
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
            _ => {}
        }
    }
}

fn seat(seats: &mut BTreeMap<Address, Vec<Seat>>, process: Address, client: u32) -> &mut Seat {
    let seats = seats.entry(process).or_default();
    let place = client as usize;
    if place >= seats.len() {
        seats.resize(place + 1, Seat::default());
    }
    &mut seats[place]
}
