//! Is a history of clients linearizable? Yes, no with the part that shows it, or unknown.
//!
//! Every operation of the dictionary touches one key, and linearizability is local, so each key is
//! checked by itself. A key's calls and returns are walked in the order of time with the set of all
//! *standings* that are still possible: which of the operations under way have taken effect, and
//! what the value is now. At a return its operation must have taken effect in every standing that
//! is kept; others under way may have taken effect before it, in any order. When no standing is
//! left, the history is not linearizable; when there are too many, the answer is *unknown*.
//!
//! This is the just-in-time search of Lowe's "Testing for linearizability" (2017), breadth first,
//! so that memory is bounded by how much is under way at once and not by the length of the history.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::object::{Dictionary, Object as _, Operation, Reply};

/// One operation of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Who asked. A client may have several operations under way.
    pub client: u32,
    /// What was asked.
    pub operation: Operation,
    /// When: any number that rises with time, no two calls or returns alike.
    pub called: u64,
    /// When it was answered, and with what; it may take effect at any time, or never, if it was
    /// not.
    pub returned: Option<(u64, Reply)>,
}

/// What a history is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Linearizable.
    Yes,
    /// Not linearizable; this is why.
    No(Offence),
    /// More standings of one key were possible at once than the limit allows.
    Unknown {
        /// The key.
        key: Arc<str>,
    },
}

/// Why a history is not linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offence {
    /// The key.
    pub key: Arc<str>,
    /// The operations of that key since the last time when none was under way, up to the one whose
    /// return fits no order; that one is the last.
    pub part: Vec<Act>,
    /// The values that the key may have had when the part began; none stands for an absent key.
    pub values_before: Vec<Option<String>>,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.values_before.iter().map(|value| match value {
            Some(value) => format!("'{value}'"),
            None => "nothing".to_owned(),
        });
        let values: Vec<String> = values.collect();
        write!(f, "no order fits, from {} {}:", self.key, values.join(" or "))?;
        for (i, Act { client, operation, called, returned }) in self.part.iter().enumerate() {
            let gap = if i == 0 { "" } else { ";" };
            write!(f, "{gap} client {client} {operation} in events {called}..")?;
            match returned {
                Some((at, reply)) => write!(f, "{at} gives '{reply}'")?,
                None => f.write_str(" is not answered")?,
            }
        }
        Ok(())
    }
}

/// How many standings of one key are kept before the answer is unknown.
pub const STANDINGS_KEPT: usize = 1 << 16;
/// How many operations of one key may be under way at once before the answer is unknown.
const UNDER_WAY_KEPT: usize = 128;

/// A linearization in the making: acts are put into it one after the other.
///
/// Whoever knows an order that is likely saves the search for one. An act that is left out has no
/// effect, so none may be left out that was answered.
#[derive(Clone, Debug, Default)]
pub struct Line {
    object: Dictionary,
    latest_call: u64,
}

impl Line {
    /// Puts an act behind all others; false if it does not fit there.
    pub fn put(&mut self, act: &Act) -> bool {
        let reply = self.object.apply(&act.operation);
        self.latest_call = self.latest_call.max(act.called);
        match &act.returned {
            Some((at, told)) => *told == reply && *at >= self.latest_call,
            None => true,
        }
    }
}

/// Checks a history.
pub fn check(history: &[Act]) -> Answer {
    check_within(history, STANDINGS_KEPT)
}

/// The same with another limit.
pub fn check_within(history: &[Act], standings: usize) -> Answer {
    let mut keys: BTreeMap<&str, Vec<&Act>> = BTreeMap::new();
    for act in history {
        keys.entry(act.operation.key()).or_default().push(act);
    }
    let mut unknown = None;
    for (key, acts) in keys {
        match Search::new(key, acts, standings).run() {
            Answer::Yes => {}
            Answer::No(offence) => return Answer::No(offence),
            other => unknown = unknown.or(Some(other)),
        }
    }
    unknown.unwrap_or(Answer::Yes)
}

/// One possibility: which operations under way have taken effect, and the value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    done: u128,
    value: Option<String>,
}

/// The walk over one key.
struct Search<'h> {
    key: &'h str,
    acts: Vec<&'h Act>,
    standings: BTreeSet<Standing>,
    /// The operations under way, each in a place of its own.
    under_way: Vec<Option<&'h Act>>,
    /// Since when something is under way: the first act of the part, and the values before it.
    part: (usize, Vec<Option<String>>),
    limit: usize,
}

/// A call or a return of the act with this number.
#[derive(Clone, Copy)]
enum Moment {
    Call(usize),
    Return(usize),
}

impl<'h> Search<'h> {
    fn new(key: &'h str, mut acts: Vec<&'h Act>, limit: usize) -> Search<'h> {
        acts.sort_by_key(|act| act.called);
        let start = Standing { done: 0, value: None };
        let part = (0, vec![None]);
        Search { key, acts, standings: BTreeSet::from([start]), under_way: Vec::new(), part, limit }
    }

    fn run(mut self) -> Answer {
        for moment in self.moments() {
            match moment {
                Moment::Call(number) => {
                    if !self.call(number) {
                        return Answer::Unknown { key: self.key.into() };
                    }
                }
                Moment::Return(number) => match self.come_back(number) {
                    None => {
                        return Answer::Unknown { key: self.key.into() };
                    }
                    Some(()) if self.standings.is_empty() => return self.offence(number),
                    Some(()) => {}
                },
            }
        }
        Answer::Yes
    }

    /// The calls and returns in the order of time.
    fn moments(&self) -> Vec<Moment> {
        let mut moments = Vec::with_capacity(self.acts.len() * 2);
        for (number, act) in self.acts.iter().enumerate() {
            moments.push((act.called, Moment::Call(number)));
            if let Some((at, _)) = &act.returned {
                moments.push((*at, Moment::Return(number)));
            }
        }
        moments.sort_by_key(|(at, _)| *at);
        moments.into_iter().map(|(_, moment)| moment).collect()
    }

    /// An operation is under way from now on; false if there are too many.
    fn call(&mut self, number: usize) -> bool {
        if self.under_way.iter().all(Option::is_none) {
            let values = self.standings.iter().map(|standing| standing.value.clone());
            self.part = (number, values.collect::<BTreeSet<_>>().into_iter().collect());
        }
        let free = self.under_way.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.under_way.push(None);
            self.under_way.len() - 1
        });
        self.under_way[place] = Some(self.acts[number]);
        place < UNDER_WAY_KEPT
    }

    /// An operation returned: only standings in which it took effect are kept. None if there are
    /// too many.
    fn come_back(&mut self, number: usize) -> Option<()> {
        let act = self.acts[number];
        let is_it = |other: &Option<&Act>| other.is_some_and(|other| std::ptr::eq(other, act));
        let place = self.under_way.iter().position(is_it)?;
        let mut kept = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open: Vec<Standing> = std::mem::take(&mut self.standings).into_iter().collect();
        while let Some(standing) = open.pop() {
            if standing.done >> place & 1 == 1 {
                kept.insert(Standing { done: standing.done & !(1 << place), ..standing });
                continue;
            }
            for next in self.steps(&standing) {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
            if seen.len() + kept.len() > self.limit {
                return None;
            }
        }
        self.under_way[place] = None;
        self.standings = kept;
        Some(())
    }

    /// The standings that follow when one more operation under way takes effect.
    fn steps(&self, standing: &Standing) -> Vec<Standing> {
        let waiting = self.under_way.iter().enumerate().filter_map(|(place, act)| {
            let act = (*act)?;
            (standing.done >> place & 1 == 0).then_some((place, act))
        });
        let steps = waiting.filter_map(|(place, act)| {
            let (value, reply) = apply(&standing.value, &act.operation);
            let fits = act.returned.as_ref().is_none_or(|(_, told)| *told == reply);
            fits.then(|| Standing { done: standing.done | 1 << place, value })
        });
        steps.collect()
    }

    fn offence(&self, number: usize) -> Answer {
        let last = self.acts[number];
        let end = last.returned.as_ref().map_or(u64::MAX, |(at, _)| *at);
        let (first, values_before) = self.part.clone();
        let others = self.acts[first..].iter().filter(|act| act.called < end);
        let mut part: Vec<Act> =
            others.filter(|act| !std::ptr::eq(**act, last)).map(|act| (*act).clone()).collect();
        part.push(last.clone());
        Answer::No(Offence { key: self.key.into(), part, values_before })
    }
}

/// What an operation makes of a value, and what it answers.
fn apply(value: &Option<String>, operation: &Operation) -> (Option<String>, Reply) {
    let mut dictionary = Dictionary::default();
    if let Some(value) = value {
        let _ = dictionary.apply(&Operation::put(operation.key(), value));
    }
    let reply = dictionary.apply(operation);
    (dictionary.get(operation.key()).map(|value| value.to_string()), reply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Pool;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    fn act(client: u32, operation: Operation, called: u64, returned: Option<(u64, &str)>) -> Act {
        let returned = returned.map(|(at, text)| (at, Reply::of(&text.into())));
        Act { client, operation, called, returned }
    }

    #[test]
    fn a_read_may_not_go_back_in_time() {
        let history = [
            act(0, Operation::put("k", "old"), 0, Some((1, "OK"))),
            act(0, Operation::put("k", "new"), 2, Some((9, "OK"))),
            act(1, Operation::get("k"), 3, Some((4, "new"))),
            act(1, Operation::get("k"), 5, Some((6, "old"))),
        ];
        let Answer::No(offence) = check(&history) else { panic!("it is not linearizable") };
        assert_eq!(offence.values_before, [Some("old".to_owned())]);
        assert_eq!(offence.part.len(), 3, "the first put was over before the part began");
        assert_eq!(offence.part.last(), Some(&history[3]));
        assert_eq!(check(&history[..3]), Answer::Yes);
    }

    /// Whether a history is linearizable by this order of some of its acts.
    fn is_linearized_by(history: &[Act], order: &[usize]) -> bool {
        let mut line = Line::default();
        let all_fit = order.iter().all(|place| line.put(&history[*place]));
        let left_out =
            |(place, act): (usize, &Act)| act.returned.is_some() && !order.contains(&place);
        all_fit && !history.iter().enumerate().any(left_out)
    }

    #[test]
    fn an_order_that_is_given_is_checked_in_full() {
        let history = [
            act(0, Operation::put("k", "v"), 0, Some((5, "OK"))),
            act(1, Operation::get("k"), 1, Some((2, ""))),
            act(1, Operation::get("k"), 3, Some((4, "v"))),
            act(2, Operation::put("k", "lost"), 6, None),
        ];
        assert!(is_linearized_by(&history, &[1, 0, 2]));
        assert!(is_linearized_by(&history, &[1, 0, 2, 3]));
        assert!(!is_linearized_by(&history, &[0, 1, 2]), "a reply does not fit");
        assert!(!is_linearized_by(&history, &[1, 0]), "an answered act is left out");
        let over = [
            act(0, Operation::get("k"), 0, Some((1, ""))),
            act(0, Operation::get("k"), 2, Some((3, ""))),
        ];
        assert!(!is_linearized_by(&over, &[1, 0]), "the first was over when the second began");
    }

    #[test]
    fn an_unanswered_write_may_take_effect_or_not() {
        let lost = act(0, Operation::put("k", "v"), 0, None);
        for seen in ["", "v"] {
            let read = act(1, Operation::get("k"), 5, Some((6, seen)));
            assert_eq!(check(&[lost.clone(), read]), Answer::Yes);
        }
        let back = [
            lost,
            act(1, Operation::get("k"), 5, Some((6, "v"))),
            act(1, Operation::get("k"), 7, Some((8, ""))),
        ];
        assert!(matches!(check(&back), Answer::No(_)));
    }

    #[test]
    fn too_much_at_once_is_unknown() {
        let puts = (0..12).map(|i| {
            act(
                i,
                Operation::put("k", &i.to_string()),
                u64::from(i),
                Some((100 + u64::from(i), "OK")),
            )
        });
        let puts: Vec<Act> = puts.collect();
        assert_eq!(check_within(&puts, 100), Answer::Unknown { key: "k".into() });
        assert_eq!(check(&puts), Answer::Yes);
    }

    /// Tries every order of all operations, whatever it costs.
    fn brute_force(history: &[Act], done: &mut Vec<usize>, state: &Dictionary) -> bool {
        let open: Vec<usize> = (0..history.len()).filter(|i| !done.contains(i)).collect();
        let ends = |i: &usize| history[*i].returned.as_ref().map_or(u64::MAX, |(at, _)| *at);
        if open.iter().all(|i| history[*i].returned.is_none()) {
            return true;
        }
        let earliest_end = open.iter().map(ends).min().unwrap_or(u64::MAX);
        open.iter().filter(|i| history[**i].called < earliest_end).any(|i| {
            let mut state = state.clone();
            let reply = state.apply(&history[*i].operation);
            if history[*i].returned.as_ref().is_some_and(|(_, told)| *told != reply) {
                return false;
            }
            done.push(*i);
            let found = brute_force(history, done, &state);
            done.pop();
            found
        })
    }

    /// A small history of three clients and two keys; about half of them are wrong.
    fn small_history(source: &mut ChaCha8Rng) -> Vec<Act> {
        let mut draw = |end: u64| source.next_u64() % end;
        let mut now = 0;
        let mut history = Vec::new();
        let mut state = Dictionary::default();
        for _ in 0..2 + draw(6) {
            let (client, key) = (draw(3) as u32, ["a", "b"][draw(2) as usize]);
            let operation = match draw(3) {
                0 => Operation::put(key, &draw(3).to_string()),
                1 => Operation::append(key, "x"),
                _ => Operation::get(key),
            };
            let called = now;
            now += 1 + draw(2) * 2;
            let mut reply = state.apply(&operation);
            if draw(8) == 0 {
                reply = Reply::of(&draw(3).to_string().as_str().into());
            }
            let ends = called * 3 + 1 + draw(30);
            let returned = (draw(10) > 0).then_some((ends, reply));
            history.push(Act { client, operation, called: called * 3, returned });
        }
        history
    }

    #[test]
    fn agrees_with_brute_force_on_a_hundred_thousand_small_histories() {
        let mut source = ChaCha8Rng::seed_from_u64(7);
        let mut answers = [0_u32; 2];
        for _ in 0..100_000 {
            let history = small_history(&mut source);
            let expected = brute_force(&history, &mut Vec::new(), &Dictionary::default());
            let found = check(&history);
            assert_eq!(found == Answer::Yes, expected, "{history:#?}\n{found:?}");
            answers[usize::from(expected)] += 1;
        }
        assert!(answers.iter().all(|count| *count > 20_000), "both answers come: {answers:?}");
    }

    #[test]
    fn a_long_history_of_ten_clients_is_checked() {
        let mut state = Dictionary::default();
        let mut history = Vec::new();
        let mut ends = [0_u64; 10];
        let operations = Arc::new(Pool::default()).draws(1, 20_000);
        for (i, operation) in operations.enumerate() {
            // Operation i takes effect at 100 i; it overlaps with about nine others.
            let (client, effect) = (i % 10, 100 * i as u64 + 1_000);
            let called = (ends[client] + 1).max(effect - 450);
            let reply = state.apply(&operation);
            ends[client] = effect + 450 + client as u64;
            let returned = Some((ends[client], reply));
            history.push(Act { client: client as u32, operation, called, returned });
        }
        assert_eq!(check(&history), Answer::Yes);
    }
}
