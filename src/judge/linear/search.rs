//! The search for a linearization, bit by bit: what is behind it is forgotten.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Act, Answer, Offence};
use crate::object::{Dictionary, Operation, Reply, Text};

/// How many operations of one key may be under way at once before the answer is unknown.
const UNDER_WAY_KEPT: usize = 128;
/// How many operations are told of one that fits no order.
const PART_KEPT: usize = 64;

/// The walk over a history, key by key.
///
/// It is handed acts and told up to which time it knows all of them; there it stops, and remembers
/// what is possible then and what is under way.
#[derive(Clone, Debug)]
pub struct Search {
    standings: usize,
    waiting: usize,
    start: Start,
    keys: BTreeMap<Arc<str>, Walk>,
}

/// What the keys are when a search begins.
#[derive(Clone, Debug)]
enum Start {
    /// These values.
    Values(Dictionary),
    /// Anything.
    Any,
}

impl Start {
    fn value(&self, key: &str) -> Value {
        match self {
            Start::Values(values) => values.get(key).cloned().map_or(Value::Absent, Value::Is),
            Start::Any => Value::Any,
        }
    }
}

impl Search {
    /// How many calls and returns of one key may wait for their time before the answer is unknown.
    const WAITING_KEPT: usize = 1 << 18;

    /// A search that has been handed nothing, and that gives up where more standings of one key
    /// are possible. No key is there when it begins.
    pub fn new(standings: usize) -> Search {
        Search::after(Dictionary::default(), standings)
    }

    /// One that begins with these values. It says yes of what can follow them.
    pub fn after(values: Dictionary, standings: usize) -> Search {
        let (waiting, start) = (Search::WAITING_KEPT, Start::Values(values));
        Search { standings, waiting, start, keys: BTreeMap::new() }
    }

    /// One that knows nothing of what the keys were. It says no of what can follow nothing.
    pub fn after_anything(standings: usize) -> Search {
        Search { start: Start::Any, ..Search::new(standings) }
    }

    /// Takes an act. It was not called before the time up to which the search has gone.
    pub fn take(&mut self, act: Act) {
        if let Some(walk) = self.keys.get_mut(act.operation.key()) {
            walk.take(act);
        } else {
            let key: Arc<str> = act.operation.key().into();
            let start = self.start.value(&key);
            self.keys.entry(key).or_insert_with(|| Walk::new(start)).take(act);
        }
    }

    /// Goes on. `known` tells for a key up to which time all of its acts were taken.
    pub fn go_on(&mut self, known: impl Fn(&str) -> u64) {
        for (key, walk) in &mut self.keys {
            walk.go_on(known(key), self.standings);
            if walk.moments.len() > self.waiting {
                walk.give_up();
            }
        }
    }

    /// What the history is so far. It may be the beginning of one that is not linearizable.
    pub fn answer(&self) -> Answer {
        let offence = self.keys.iter().find_map(|(key, walk)| match &walk.state {
            State::Offends(last) => Some(walk.offence(key, last)),
            _ => None,
        });
        let given_up = |walk: &Walk| matches!(walk.state, State::GivenUp);
        let unknown = || self.keys.iter().find(|(_, walk)| given_up(walk));
        match offence {
            Some(offence) => Answer::No(offence),
            None => unknown().map_or(Answer::Yes, |(key, _)| Answer::Unknown { key: key.clone() }),
        }
    }

    /// Nothing more comes: what the history is.
    pub fn finish(mut self) -> Answer {
        self.waiting = usize::MAX;
        self.go_on(|_| u64::MAX);
        self.answer()
    }
}

/// What a key may be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    /// Nobody knows.
    Any,
    Absent,
    Is(Text),
}

impl Value {
    fn told(&self) -> (u8, &str) {
        match self {
            Value::Any => (0, ""),
            Value::Absent => (1, ""),
            Value::Is(text) => (2, text),
        }
    }

    /// For a person; none stands for an absent key.
    fn shown(&self) -> Option<String> {
        match self {
            Value::Any => Some("anything".to_owned()),
            Value::Absent => None,
            Value::Is(text) => Some(text.to_string()),
        }
    }
}

/// One possibility: which operations under way have taken effect, and the value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
    done: u128,
    value: Value,
}

impl Standing {
    fn told(&self) -> (u128, (u8, &str)) {
        (self.done, self.value.told())
    }
}

impl Ord for Standing {
    fn cmp(&self, other: &Standing) -> Ordering {
        self.told().cmp(&other.told())
    }
}

impl PartialOrd for Standing {
    fn partial_cmp(&self, other: &Standing) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A call or a return.
#[derive(Clone, Debug)]
enum Moment {
    Call(Arc<Act>),
    Return(Arc<Act>),
}

/// How far a walk has come.
#[derive(Clone, Debug, Default)]
enum State {
    /// Some order explains all up to here.
    #[default]
    Explained,
    /// None explains the return of this act.
    Offends(Arc<Act>),
    /// There are too many.
    GivenUp,
}

/// The walk over one key.
#[derive(Clone, Debug)]
struct Walk {
    state: State,
    /// The calls and returns that are still ahead.
    moments: Vec<(u64, Moment)>,
    standings: BTreeSet<Standing>,
    /// The operations under way, each in a place of its own.
    under_way: Vec<Option<Arc<Act>>>,
    /// What was called since something is under way; the last of it.
    part: VecDeque<Arc<Act>>,
    /// How much of the part is forgotten.
    left_out: usize,
    /// The values that were possible before the part.
    values_before: Vec<Option<String>>,
}

impl Walk {
    fn new(start: Value) -> Walk {
        Walk {
            state: State::Explained,
            moments: Vec::new(),
            values_before: vec![start.shown()],
            standings: BTreeSet::from([Standing { done: 0, value: start }]),
            under_way: Vec::new(),
            part: VecDeque::new(),
            left_out: 0,
        }
    }

    fn take(&mut self, act: Act) {
        if !matches!(self.state, State::Explained) {
            return;
        }
        let act = Arc::new(act);
        self.moments.push((act.called, Moment::Call(act.clone())));
        if let Some((at, _)) = act.returned {
            self.moments.push((at, Moment::Return(act)));
        }
    }

    fn go_on(&mut self, until: u64, limit: usize) {
        // What returns at the very time of a call was over by then.
        self.moments.sort_by_key(|(at, moment)| (*at, matches!(moment, Moment::Call(_))));
        let count = self.moments.partition_point(|(at, _)| *at < until);
        let ahead = self.moments.split_off(count);
        for (_, moment) in std::mem::replace(&mut self.moments, ahead) {
            match moment {
                Moment::Call(act) => self.call(act),
                Moment::Return(act) => self.come_back(&act, limit),
            }
            if !matches!(self.state, State::Explained) {
                self.moments.clear();
                return;
            }
        }
    }

    fn give_up(&mut self) {
        *self = Walk { state: State::GivenUp, ..Walk::new(Value::Any) };
    }

    /// An operation is under way from now on.
    fn call(&mut self, act: Arc<Act>) {
        if self.under_way.iter().all(Option::is_none) {
            self.part.clear();
            self.left_out = 0;
            let values = self.standings.iter().map(|standing| standing.value.shown());
            self.values_before = values.collect();
        }
        if self.part.len() == PART_KEPT {
            self.part.pop_front();
            self.left_out += 1;
        }
        self.part.push_back(act.clone());
        match self.under_way.iter().position(Option::is_none) {
            Some(free) => self.under_way[free] = Some(act),
            None if self.under_way.len() < UNDER_WAY_KEPT => self.under_way.push(Some(act)),
            None => self.give_up(),
        }
    }

    /// An operation returned: only standings in which it took effect are kept.
    #[expect(clippy::mutable_key_type, reason = "the order looks at a value's characters alone")]
    fn come_back(&mut self, act: &Arc<Act>, limit: usize) {
        let is_it = |other: &Option<Arc<Act>>| other.as_ref().is_some_and(|o| Arc::ptr_eq(o, act));
        let Some(place) = self.under_way.iter().position(is_it) else {
            return;
        };
        let mut kept = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open: Vec<Standing> = std::mem::take(&mut self.standings).into_iter().collect();
        while let Some(standing) = open.pop() {
            let standing = with_readers(&self.under_way, standing);
            if standing.done >> place & 1 == 1 {
                kept.insert(Standing { done: standing.done & !(1 << place), ..standing });
                continue;
            }
            for next in steps(&self.under_way, &standing) {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
            if seen.len() + kept.len() > limit {
                return self.give_up();
            }
        }
        self.under_way[place] = None;
        self.standings = kept;
        if self.standings.is_empty() {
            self.state = State::Offends(act.clone());
        }
    }

    fn offence(&self, key: &Arc<str>, last: &Arc<Act>) -> Offence {
        let others = self.part.iter().filter(|act| !Arc::ptr_eq(act, last));
        let part = others.chain([last]).map(|act| (**act).clone()).collect();
        let (left_out, values_before) = (self.left_out, self.values_before.clone());
        Offence { key: key.clone(), part, left_out, values_before }
    }
}

/// The standing in which all operations under way have taken effect that fit and change nothing.
/// Whatever can follow without them can follow with them, so nothing is lost, and of the many
/// standings that differ in nothing but who has read already, one is left.
fn with_readers(under_way: &[Option<Arc<Act>>], mut standing: Standing) -> Standing {
    for (place, act) in under_way.iter().enumerate() {
        let waiting = act.as_ref().filter(|_| standing.done >> place & 1 == 0);
        if waiting.is_some_and(|act| reads(&standing.value, act)) {
            standing.done |= 1 << place;
        }
    }
    standing
}

/// Whether an act fits here and can have no effect, here or later.
fn reads(value: &Value, act: &Act) -> bool {
    let told = act.returned.as_ref().map(|(_, told)| told.as_str());
    match (&act.operation, value) {
        (Operation::Get { .. }, Value::Any) => told.is_none(),
        (Operation::Get { .. }, Value::Absent) => told.is_none_or(str::is_empty),
        (Operation::Get { .. }, Value::Is(text)) => told.is_none_or(|told| told == text.as_str()),
        // Where nobody was told that it failed, it may do something later.
        (Operation::Append { .. } | Operation::Slice { .. }, Value::Absent) => {
            told == Some(Reply::FAIL.as_str())
        }
        _ => false,
    }
}

/// The standings that follow when one more operation under way takes effect.
fn steps(under_way: &[Option<Arc<Act>>], standing: &Standing) -> impl Iterator<Item = Standing> {
    let Standing { done, value: before } = standing;
    let waiting = under_way.iter().enumerate().filter_map(move |(place, act)| {
        let act = act.as_ref()?;
        (done >> place & 1 == 0).then_some((place, act))
    });
    waiting.filter_map(move |(place, act)| {
        let value = after(before, act)?;
        Some(Standing { done: done | 1 << place, value })
    })
}

/// What an act makes of a value; none if that is not what its client was told.
fn after(before: &Value, act: &Act) -> Option<Value> {
    let told = act.returned.as_ref().map(|(_, told)| told);
    let (value, reply) = match before {
        Value::Any => return Some(after_anything(&act.operation, told)),
        Value::Absent => apply(None, &act.operation),
        Value::Is(text) => apply(Some(text), &act.operation),
    };
    let fits = told.is_none_or(|told| *told == reply);
    fits.then(|| value.map_or(Value::Absent, Value::Is))
}

/// What is known of a value when this was answered of it: no less than can be.
fn after_anything(operation: &Operation, told: Option<&Reply>) -> Value {
    match (operation, told) {
        (Operation::Put { value, .. }, _) => Value::Is(value.clone()),
        (Operation::Get { .. }, Some(told)) if !told.as_str().is_empty() => {
            Value::Is(told.as_str().into())
        }
        (Operation::Append { .. }, Some(told)) if *told == Reply::FAIL => Value::Absent,
        _ => Value::Any,
    }
}

/// What an operation makes of a value, and what it answers.
fn apply(value: Option<&Text>, operation: &Operation) -> (Option<Text>, Reply) {
    let done = |value| (Some(value), Reply::OK);
    let refused = || (value.cloned(), Reply::FAIL);
    match operation {
        Operation::Put { value, .. } => done(value.clone()),
        Operation::Get { .. } => (value.cloned(), value.map_or(Reply::EMPTY, Reply::of)),
        Operation::Append { value: more, .. } => match value.cloned() {
            Some(mut value) => {
                value.push_str(more);
                done(value)
            }
            None => refused(),
        },
        Operation::Slice { from, to, .. } => {
            let part = value.and_then(|value| value.slice(*from, *to));
            part.map_or_else(refused, done)
        }
    }
}
