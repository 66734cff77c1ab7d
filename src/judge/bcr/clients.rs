//! The clients' history, for the one judge that looks at it alone: is it linearizable?
//!
//! The replicas say in which slot each request stands, which is most likely an order that explains
//! all answers. Only where it does not, another is searched for.

use crate::judge::linear::{self, Act, Answer, Line};
use crate::object::Operation;
use crate::protocol::bcr::Note;

use super::{Finding, Place, Ruling};

/// What is known of an act beside itself.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Configuration and slot, as replicas say.
    slot: Option<(u32, u64)>,
    /// When it was answered.
    answered_ns: u64,
}

/// The clients' history.
#[derive(Clone, Debug)]
pub(super) struct Linearizable {
    acts: Vec<Act>,
    /// For each act.
    known: Vec<Known>,
    /// What each client waits for: its place among the acts, and the client's number for it.
    open: Vec<Option<(usize, u64)>>,
    /// The acts that are no longer kept, in an order that explains them.
    line: Line,
    /// How many these are.
    settled: u64,
    /// Whether there are more acts than are kept, and no order is known that explains the oldest.
    too_long: bool,
    /// How many acts are kept.
    most: usize,
}

impl Linearizable {
    /// How many acts are kept before the oldest are settled.
    const ACTS_KEPT: usize = 200_000;

    /// Nothing yet.
    pub(super) fn new() -> Linearizable {
        Linearizable::keeping(Linearizable::ACTS_KEPT)
    }

    /// The same, with so many acts kept.
    fn keeping(most: usize) -> Linearizable {
        Linearizable {
            acts: Vec::new(),
            known: Vec::new(),
            open: Vec::new(),
            line: Line::default(),
            settled: 0,
            too_long: false,
            most,
        }
    }

    pub(super) fn noted(&mut self, note: &Note, at: Place) {
        match note {
            Note::Asked { client, request, operation } => {
                self.asked((*client, *request), operation.clone(), at.event);
            }
            Note::Ordered { configuration, slot, client, request, .. } => {
                if let Some(place) = self.find(*client, *request) {
                    self.known[place].slot.get_or_insert((*configuration, *slot));
                }
            }
            Note::Answered { client, request, result, configuration, slot, .. } => {
                if let Some(place) = self.find(*client, *request) {
                    self.acts[place].returned = Some((at.event, result.clone()));
                    let slot = Some((*configuration, *slot));
                    self.known[place] = Known { slot, answered_ns: at.at_ns };
                    self.open[*client as usize] = None;
                }
            }
            _ => {}
        }
    }

    fn asked(&mut self, (client, request): (u32, u64), operation: Operation, now: u64) {
        if self.acts.len() >= self.most {
            self.settle();
        }
        if self.too_long {
            return;
        }
        let at = client as usize;
        if self.open.len() <= at {
            self.open.resize(at + 1, None);
        }
        self.open[at] = Some((self.acts.len(), request));
        self.acts.push(Act { client, operation, called: now, returned: None });
        self.known.push(Known::default());
    }

    /// The place of a request that is not answered yet.
    fn find(&self, client: u32, request: u64) -> Option<usize> {
        let (place, open) = (*self.open.get(client as usize)?)?;
        (open == request).then_some(place)
    }

    /// The places of the acts of which a slot is known, in the order of these.
    fn by_slot(&self) -> Vec<usize> {
        let placed =
            self.known.iter().zip(0..).filter_map(|(known, place)| Some((known.slot?, place)));
        let mut placed: Vec<((u32, u64), usize)> = placed.collect();
        placed.sort_unstable();
        placed.into_iter().map(|(_, place)| place).collect()
    }

    /// Forgets what was answered before anything that is still waited for, if the order of the
    /// slots explains it.
    fn settle(&mut self) {
        let order = self.by_slot();
        let answered = |place: &&usize| self.acts[**place].returned.is_some();
        let settled: Vec<usize> = order.iter().take_while(answered).copied().collect();
        let explained = settled.iter().all(|place| self.line.put(&self.acts[*place]));
        if !explained || settled.len() < self.most / 2 {
            self.too_long = true;
            return;
        }
        self.settled += settled.len() as u64;
        let mut goes = vec![false; self.acts.len()];
        settled.iter().for_each(|place| goes[*place] = true);
        let mut stays = goes.iter();
        self.acts.retain(|_| stays.next() == Some(&false));
        let mut stays = goes.iter();
        self.known.retain(|_| stays.next() == Some(&false));
        for (place, _) in self.open.iter_mut().flatten() {
            *place -= goes[..*place].iter().filter(|goes| **goes).count();
        }
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

    pub(super) fn ruling(&self) -> Ruling {
        let all = self.settled + self.acts.len() as u64;
        let unknown = |why: &str| Err(format!("{why} after {} requests", self.settled));
        let answer = match () {
            () if self.too_long => unknown("the history is too long to be searched"),
            () if self.slots_explain() => Ok(None),
            () if self.settled > 0 => unknown("the order of the slots explains no more"),
            () => match linear::check(&self.acts) {
                Answer::Yes => Ok(None),
                Answer::No(offence) => Ok(Some(self.finding(&offence))),
                Answer::Unknown { key } => Err(format!("too many orders of {key} are possible")),
            },
        };
        Ruling {
            judge: JUDGE,
            property: "the clients' history is linearizable",
            tested: if answer.is_ok() { all } else { 0 },
            unknown: answer.as_ref().err().cloned(),
            finding: answer.ok().flatten(),
        }
    }

    fn finding(&self, offence: &linear::Offence) -> Finding {
        let last = offence.part.last();
        let event = last.and_then(|act| act.returned.as_ref()).map_or(0, |(at, _)| *at);
        let is_last = |act: &Act| act.returned.as_ref().is_some_and(|(at, _)| *at == event);
        let place = self.acts.iter().position(is_last);
        let at_ns = place.map_or(0, |place| self.known[place].answered_ns);
        Finding { judge: JUDGE, event, at_ns, text: offence.to_string() }
    }
}

const JUDGE: &str = "linearizability";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::object::Reply;

    /// Client 0 asks and is answered, so many times; the last answer is `last`.
    fn puts_and_gets(judge: &mut Linearizable, count: u64, last: &str) {
        for request in 0..count {
            let put = request % 2 == 0;
            let operation = if put { Operation::put("k", "v") } else { Operation::get("k") };
            let (client, slot, event) = (0, request + 1, request * 2);
            let place = |event| Place { event, at_ns: event * 10 };
            judge.noted(&Note::Asked { client, request, operation }, place(event));
            let result = if request + 1 == count { last } else { ["OK", "v"][usize::from(!put)] };
            let answered = Note::Answered {
                client,
                request,
                result: Reply::of(&result.into()),
                configuration: 0,
                slot,
                from: Identity::replica(0, 2),
                agreeing: 3,
                statements: 3,
            };
            judge.noted(&answered, place(event + 1));
        }
    }

    #[test]
    fn an_answer_that_no_order_explains_is_found_with_its_time() {
        let mut judge = Linearizable::new();
        puts_and_gets(&mut judge, 4, "w");
        let finding = judge.ruling().finding.unwrap();
        assert_eq!((finding.event, finding.at_ns), (7, 70));
    }

    #[test]
    fn long_histories_are_settled_bit_by_bit() {
        let mut judge = Linearizable::keeping(10);
        puts_and_gets(&mut judge, 1_000, "v");
        let ruling = judge.ruling();
        assert_eq!((ruling.tested, ruling.finding, ruling.unknown), (1_000, None, None));
        assert!(judge.acts.len() <= 10);
        let mut judge = Linearizable::keeping(10);
        puts_and_gets(&mut judge, 1_000, "w");
        let ruling = judge.ruling();
        assert!(ruling.unknown.is_some_and(|why| why.contains("explains no more")));
    }

    #[test]
    fn what_is_too_long_is_unknown() {
        let mut judge = Linearizable::keeping(10);
        for client in 0..20 {
            let operation = Operation::get("k");
            let asked = Note::Asked { client, request: 0, operation };
            judge.noted(&asked, Place { event: u64::from(client), at_ns: 0 });
        }
        assert!(judge.ruling().unknown.is_some_and(|why| why.contains("too long")));
    }
}
