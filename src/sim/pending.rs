//! What is pending, for a person who steps through a run, and how to let one message go first.

use std::collections::BTreeMap;

use crate::identity::Address;
use crate::process::{Message, Protocol};

use super::link::Link;
use super::messages::Flight;
use super::queue::Plan;
use super::world::{Act, PRIORITY_STEP_NS, World, tag};

/// A plan, as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    plan: Plan,
    /// When it comes up; for a message that waits for its turn by priority, the earliest time.
    pub at_ns: u64,
    /// Whom it concerns.
    pub process: Address,
    /// What it is.
    pub text: String,
    /// Whether [`World::prefer`] may let it happen first: a message that could arrive now.
    pub preferable: bool,
    /// How many messages wait behind it on the same stream.
    pub behind: u32,
}

impl<P: Protocol> World<P> {
    /// The plans, the next one first. Of the messages on a stream, which cannot overtake each
    /// other, the first alone.
    pub fn pending(&self) -> Vec<Pending> {
        let mut ready: Vec<Plan> = self.ready.iter().collect();
        let mut planned: Vec<Plan> = self.queue.iter().collect();
        ready.sort_unstable();
        planned.sort_unstable();
        let turn_ns = self.now_ns.saturating_add(PRIORITY_STEP_NS);
        let ready = ready.into_iter().map(|plan| (turn_ns, plan));
        let planned = planned.into_iter().map(|plan| (plan.at_ns(), plan));
        let mut pending = Vec::new();
        let mut heads = BTreeMap::new();
        // A stream's messages that wait for their turn were sent before those that are still held
        // up.
        for (at_ns, plan) in ready.chain(planned) {
            self.describe(at_ns, plan, &mut pending, &mut heads);
        }
        pending.sort_by_key(|pending| pending.at_ns);
        pending
    }

    /// Puts a plan down, unless it is void or one on the same stream stands before it.
    fn describe(
        &self,
        at_ns: u64,
        plan: Plan,
        pending: &mut Vec<Pending>,
        heads: &mut BTreeMap<(u32, u32), usize>,
    ) {
        let number = plan.what() & !tag::ALL;
        let found = match plan.what() & tag::ALL {
            tag::FLIGHT | tag::TURN => {
                let Some(flight) = self.flights.get(number) else {
                    return;
                };
                let ends = (flight.from, flight.to);
                if let Some(head) = heads.get(&ends) {
                    pending[*head].behind += 1;
                    return;
                }
                if self.link_of(flight).is_some_and(Link::keeps_order) {
                    heads.insert(ends, pending.len());
                }
                Some((flight.to, self.message_text(flight), at_ns))
            }
            tag::ALARM => self.alarm_text(number, plan.at_ns()),
            _ => match self.act_text(number) {
                Some((process, text)) => {
                    let (preferable, behind) = (false, 0);
                    pending.push(Pending { plan, at_ns, process, text, preferable, behind });
                    return;
                }
                None => None,
            },
        };
        if let Some((place, text, at_ns)) = found {
            let process = self.nodes[place as usize].address;
            let preferable = self.is_preferable(plan);
            pending.push(Pending { plan, at_ns, process, text, preferable, behind: 0 });
        }
    }

    fn link_of(&self, flight: &Flight<P>) -> Option<&Link> {
        self.nodes[flight.from as usize].links.to(flight.to)
    }

    fn message_text(&self, flight: &Flight<P>) -> String {
        let (kind, subject) = (flight.message.kind(), flight.message.subject());
        let from = self.nodes[flight.from as usize].address;
        format!("{kind} {}/{} from {from}", subject.stream, subject.number)
    }

    /// A timer that this plan looks after, and when it runs out.
    fn alarm_text(&self, number: u64, planned_ns: u64) -> Option<(u32, String, u64)> {
        let (place, life, timer) = self.alarms.get(number)?;
        let node = &self.nodes[*place as usize];
        let due_ns = node.timers.due_by_plan(*timer, planned_ns)?;
        (node.life == *life).then(|| (*place, format!("timer {timer:?}"), due_ns))
    }

    fn act_text(&self, number: u64) -> Option<(Address, String)> {
        let (place, life, text) = match self.actions.get(number)? {
            Act::Begin(place, life, _) => (place, life, "start"),
            Act::Written(place, life) => (place, life, "what it writes is safe"),
            Act::Wake(place, life) => (place, life, "goes on"),
            Act::Does(address, action) => return Some((*address, action.text().to_owned())),
        };
        let node = &self.nodes[*place as usize];
        (node.life == *life).then(|| (node.address, text.to_owned()))
    }

    /// Whether it is a message, to a process that has begun, over a link that nothing cuts now.
    fn is_preferable(&self, plan: Plan) -> bool {
        let is_message = matches!(plan.what() & tag::ALL, tag::FLIGHT | tag::TURN);
        let flight = self.flights.get(plan.what() & !tag::ALL).filter(|_| is_message);
        flight.is_some_and(|flight| {
            let cut = self.link_of(flight).is_none_or(|link| link.is_cut(self.now_ns));
            self.nodes[flight.to as usize].begun && !cut
        })
    }

    /// Lets a message arrive now, before everything else. Returns whether it may: it must stand
    /// among what is pending now, marked as preferable. What is behind it on the same stream stays
    /// there.
    pub fn prefer(&mut self, chosen: &Pending) -> bool {
        let is_pending = |other: &Pending| other.plan == chosen.plan && other.preferable;
        if !self.pending().iter().any(is_pending) {
            return false;
        }
        let number = chosen.plan.what() & !tag::ALL;
        self.held_up.remove(&number);
        self.ready.remove(chosen.plan);
        self.queue.remove(chosen.plan);
        self.queue.push_first(self.now_ns, tag::FLIGHT | number);
        true
    }

    /// The timers that run at a process, with the true time when each runs out.
    pub fn timers(&self, address: Address) -> BTreeMap<String, u64> {
        let node = self.find(address).map(|place| &self.nodes[place as usize]);
        let running = node.into_iter().flat_map(|node| node.timers.running());
        running.map(|(timer, due_ns)| (format!("{timer:?}"), due_ns)).collect()
    }
}
