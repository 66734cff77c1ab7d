//! The clients' history, for the one judge that looks at it alone: is it linearizable?
//!
//! The replicas say in which slot each request stands, which is most likely an order that explains
//! all answers. Only where it does not, another is searched for.

use std::collections::BTreeMap;

use crate::judge::{Concern, Finding, Place, Ruling};
use crate::object::{Operation, Reply};

use super::{Act, Answer, Behind, Line, Offence};

/// The clients' history.
///
/// Of a long one, the newest acts alone are kept. The older ones are settled: put behind each other
/// in the order of the slots. Where that explains no more, another order is searched for, of what
/// is kept and, bit by bit, of what comes. So memory does not grow with a history; unknown is what
/// is left where more than one past is possible and they differ.
#[derive(Clone, Debug)]
pub(in crate::judge) struct Linearizable {
    acts: Vec<Act>,
    /// Configuration and slot of each act, as replicas say.
    slots: Vec<Option<(u32, u64)>>,
    /// What each client waits for: its place among the acts, and the client's number for it.
    open: Vec<Option<(usize, u64)>>,
    /// The acts that were settled, in an order that explains them.
    line: Line,
    /// How many these are.
    settled: u64,
    /// The search for another order, from when on that of the slots explained no more.
    search: Option<Behind>,
    /// How many acts are kept.
    most: usize,
}

impl Linearizable {
    /// How many acts are kept before the oldest are settled.
    const ACTS_KEPT: usize = 100_000;

    /// Nothing yet.
    pub(in crate::judge) fn new() -> Linearizable {
        Linearizable::keeping(Linearizable::ACTS_KEPT)
    }

    /// The same, with so many acts kept.
    fn keeping(most: usize) -> Linearizable {
        Linearizable {
            acts: Vec::new(),
            slots: Vec::new(),
            open: Vec::new(),
            line: Line::default(),
            settled: 0,
            search: None,
            most,
        }
    }

    /// Somebody executed a client's request, in this slot of this configuration.
    pub(in crate::judge) fn ordered(&mut self, (client, request): (u32, u64), slot: (u32, u64)) {
        if let Some(place) = self.find(client, request) {
            self.slots[place].get_or_insert(slot);
        }
    }

    /// A client has its answer; where it says so, out of this slot.
    pub(in crate::judge) fn answered(
        &mut self,
        (client, request): (u32, u64),
        result: &Reply,
        slot: Option<(u32, u64)>,
        at: Place,
    ) {
        if let Some(place) = self.find(client, request) {
            let act = &mut self.acts[place];
            act.returned = Some((at.event, result.clone()));
            act.returned_ns = at.at_ns;
            self.slots[place] = slot.or(self.slots[place]);
            self.open[client as usize] = None;
        }
    }

    /// A client asks, in the event with this number.
    pub(in crate::judge) fn asked(
        &mut self,
        (client, request): (u32, u64),
        operation: Operation,
        called: u64,
    ) {
        // Everybody may wait for something, and as much again is to be settled at a time.
        if self.acts.len() >= self.most.max(2 * self.open.len()) {
            self.settle(called);
        }
        let at = client as usize;
        if self.open.len() <= at {
            self.open.resize(at + 1, None);
        }
        self.open[at] = Some((self.acts.len(), request));
        self.acts.push(Act { client, operation, called, returned: None, returned_ns: 0 });
        self.slots.push(None);
    }

    /// The place of a request that is not answered yet.
    fn find(&self, client: u32, request: u64) -> Option<usize> {
        let (place, open) = (*self.open.get(client as usize)?)?;
        (open == request).then_some(place)
    }

    /// The places of the acts of which a slot is known, in the order of these.
    fn by_slot(&self) -> Vec<usize> {
        let placed = self.slots.iter().zip(0..).filter_map(|(slot, place)| Some(((*slot)?, place)));
        let mut placed: Vec<((u32, u64), usize)> = placed.collect();
        placed.sort_unstable();
        placed.into_iter().map(|(_, place)| place).collect()
    }

    /// Forgets the older half, if the order of the slots explains it; else all that was answered,
    /// and searches for another.
    fn settle(&mut self, now: u64) {
        if self.search.is_none() && self.line_on() {
            return;
        }
        let answered: Vec<bool> = self.acts.iter().map(|act| act.returned.is_some()).collect();
        let mut search = self.search.take().unwrap_or_else(|| Behind::new(&self.line));
        self.remove(&answered).into_iter().for_each(|act| search.take(act));
        let mut first: BTreeMap<&str, u64> = BTreeMap::new();
        for act in &self.acts {
            let called = first.entry(act.operation.key()).or_insert(act.called);
            *called = act.called.min(*called);
        }
        search.go_on(|key| first.get(key).copied().unwrap_or(now));
        self.search = Some(search);
    }

    /// Puts the older half behind the line; false if it does not fit, or too much of it waits for
    /// an answer.
    fn line_on(&mut self) -> bool {
        let mut line = self.line.clone();
        let mut order = self.by_slot();
        let is_answered = |place: &usize| self.acts[*place].returned.is_some();
        let answered = order.iter().take_while(|place| is_answered(place)).count();
        order.truncate(answered.min(self.acts.len() / 2));
        let explained = order.iter().all(|place| line.put(&self.acts[*place]));
        if !explained || order.len() < self.acts.len() / 4 {
            return false;
        }
        let mut goes = vec![false; self.acts.len()];
        order.iter().for_each(|place| goes[*place] = true);
        self.line = line;
        drop(self.remove(&goes));
        true
    }

    /// Takes acts out.
    fn remove(&mut self, goes: &[bool]) -> Vec<Act> {
        for (place, _) in self.open.iter_mut().flatten() {
            *place -= goes[..*place].iter().filter(|goes| **goes).count();
        }
        let (acts, slots) = (std::mem::take(&mut self.acts), std::mem::take(&mut self.slots));
        let mut gone = Vec::new();
        for ((act, slot), goes) in acts.into_iter().zip(slots).zip(goes) {
            if *goes {
                gone.push(act);
            } else {
                self.acts.push(act);
                self.slots.push(slot);
            }
        }
        self.settled += gone.len() as u64;
        gone
    }

    /// Whether the order of the slots explains all answers: then no other has to be searched for.
    fn slots_explain(&self) -> bool {
        let mut line = self.line.clone();
        let mut unplaced = self.acts.iter().filter(|act| act.returned.is_some()).count();
        let explained = self.by_slot().into_iter().all(|place| {
            let act = &self.acts[place];
            unplaced -= usize::from(act.returned.is_some());
            line.put(act)
        });
        explained && unplaced == 0
    }

    /// What the search says of the whole history.
    fn searched(&self) -> Answer {
        let mut search = self.search.clone().unwrap_or_else(|| Behind::new(&self.line));
        self.acts.iter().for_each(|act| search.take(act.clone()));
        search.finish()
    }

    pub(in crate::judge) fn ruling(&self) -> Ruling {
        let explained = self.search.is_none() && self.slots_explain();
        let answer = if explained { Answer::Yes } else { self.searched() };
        let (finding, unknown) = match answer {
            Answer::Yes => (None, None),
            Answer::No(offence) => (Some(finding(&offence)), None),
            Answer::Unknown { key } => {
                (None, Some(format!("too many orders of {key} are possible")))
            }
        };
        let all = self.settled + self.acts.len() as u64;
        Ruling {
            judge: JUDGE,
            property: "the clients' history is linearizable",
            concern: Concern::Promise,
            tested: if unknown.is_none() { all } else { 0 },
            finding,
            unknown,
        }
    }
}

fn finding(offence: &Offence) -> Finding {
    let last = offence.part.last();
    let event = last.and_then(|act| act.returned.as_ref()).map_or(0, |(at, _)| *at);
    let at_ns = last.map_or(0, |act| act.returned_ns);
    Finding { judge: JUDGE, event, against: Vec::new(), at_ns, text: offence.to_string() }
}

const JUDGE: &str = "linearizability";

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody asks something and is answered at once, or never.
    fn ask(judge: &mut Linearizable, who: (u32, u64), operation: Operation, event: u64) {
        judge.asked(who, operation, event);
    }

    fn answer(judge: &mut Linearizable, who: (u32, u64), slot: u64, result: &str, event: u64) {
        let place = Place { event, at_ns: event * 10 };
        judge.answered(who, &Reply::of(&result.into()), Some((0, slot)), place);
    }

    /// Client 0 asks and is answered, so many times, in slots that rise or fall; the last answer is
    /// `last`.
    fn puts_and_gets(judge: &mut Linearizable, count: u64, slot: fn(u64) -> u64, last: &str) {
        for request in 0..count {
            let put = request % 2 == 0;
            let operation = if put { Operation::put("k", "v") } else { Operation::get("k") };
            ask(judge, (0, request), operation, request * 2);
            let result = if request + 1 == count { last } else { ["OK", "v"][usize::from(!put)] };
            answer(judge, (0, request), slot(request), result, request * 2 + 1);
        }
    }

    fn rising(request: u64) -> u64 {
        request + 1
    }

    /// Slots in which nothing can have happened.
    fn falling(request: u64) -> u64 {
        1_000_000 - request
    }

    #[test]
    fn an_answer_that_no_order_explains_is_found_with_its_time() {
        for (count, slot) in [(4, rising as fn(u64) -> u64), (1_000, rising), (1_000, falling)] {
            let mut judge = Linearizable::keeping(10);
            puts_and_gets(&mut judge, count, slot, "w");
            let finding = judge.ruling().finding.unwrap();
            assert_eq!((finding.event, finding.at_ns), (count * 2 - 1, count * 20 - 10));
            assert!(finding.text.contains("gives 'w'"), "{}", finding.text);
        }
    }

    #[test]
    fn long_histories_are_settled_bit_by_bit() {
        for slot in [rising, falling] {
            let mut judge = Linearizable::keeping(10);
            puts_and_gets(&mut judge, 1_000, slot, "v");
            let ruling = judge.ruling();
            assert_eq!((ruling.tested, ruling.finding, ruling.unknown), (1_000, None, None));
            assert!(judge.acts.len() <= 10);
        }
    }

    #[test]
    fn who_waits_for_ever_keeps_nobody_else_from_being_judged() {
        let mut judge = Linearizable::keeping(10);
        ask(&mut judge, (7, 0), Operation::put("other", "v"), 0);
        for request in 1..1_000 {
            ask(&mut judge, (0, request), Operation::put("k", "v"), request * 2);
            answer(&mut judge, (0, request), request, "OK", request * 2 + 1);
        }
        ask(&mut judge, (0, 1_000), Operation::get("k"), 2_000);
        answer(&mut judge, (0, 1_000), 1_000, "w", 2_001);
        assert!(judge.acts.len() <= 18, "{}", judge.acts.len());
        assert_eq!(judge.ruling().finding.unwrap().event, 2_001);
    }

    #[test]
    fn too_many_orders_are_unknown() {
        let mut judge = Linearizable::keeping(10);
        for client in 0..20 {
            ask(&mut judge, (client, 0), Operation::put("k", &client.to_string()), client.into());
        }
        for client in 0..20 {
            answer(&mut judge, (client, 0), 9, "OK", 100 + u64::from(client));
        }
        // The slots say that nothing happened in between.
        ask(&mut judge, (0, 1), Operation::get("k"), 200);
        answer(&mut judge, (0, 1), 1, "3", 201);
        let ruling = judge.ruling();
        assert_eq!((ruling.tested, &ruling.finding), (0, &None));
        assert!(ruling.unknown.is_some_and(|why| why.contains("too many orders of k")));
    }
}
