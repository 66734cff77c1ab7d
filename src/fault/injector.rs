//! Carries out failures: counts what one replica receives, sets off what is due, and lets the
//! protocol's adversary do the lying.
//!
//! An [`Injector`] stands before one process. It knows the failures that need no knowledge of a
//! protocol: to crash, to sleep, to ignore a message, to leave one out, to flip a bit, to send an
//! old message again. For all others it turns to the [`Adversary`].

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use crate::crypto::{Hasher, Notary};
use crate::identity::{Address, Identity};
use crate::process::{
    Effect, Injection, InjectionStep, Input, Interpose, Interposers, Message, Outbox, Process,
    Protocol,
};
use crate::time::Now;
use crate::wire;

use super::{Failure, Fault, Pair, Trigger};

/// A protocol whose replicas can be made to fail.
pub trait Attackable: Protocol {
    /// Who makes them fail.
    type Adversary: Adversary<Self>;
}

/// What can be done about a failure at the moment when it is set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is done.
    Done,
    /// It waits for an outgoing message.
    Waits,
    /// It cannot happen to this process, for this reason.
    InVain(&'static str),
}

/// Who makes one process fail in the ways that need knowledge of its protocol.
pub trait Adversary<P: Protocol>: Clone + Debug + Send + Sync + 'static {
    /// One that will be asked for these failures.
    fn new(failures: &[Failure]) -> Self;

    /// The trigger that counts this message, with the number 0; none if no trigger does.
    fn trigger(from: Identity, message: &P::Message) -> Option<Trigger>;

    /// Whether a message carries a signature of its sender.
    fn is_signed(message: &P::Message) -> bool;

    /// Does what can be done before the message that set the failure off is handled.
    fn act(&mut self, failure: Failure, process: &mut P::Process) -> Act;

    /// Sees what the process is about to be handed, and prepares it for being looked at after.
    fn before(&mut self, input: &Input<P>, process: &mut P::Process);

    /// Sees what came of it in the process.
    fn after(&mut self, process: &P::Process);

    /// Spoils the message that the failure waits for, if it is among the outgoing ones. It is done
    /// only if something is now other than it would have been.
    fn tamper(
        &mut self,
        failure: Failure,
        outgoing: &mut Vec<Effect<P>>,
        process: &mut P::Process,
        notary: &mut Notary,
    ) -> Act;
}

/// Who stands before which process, so that these faults happen; nobody, if there are none. What is
/// left open in them follows from the seed.
pub fn interposers<P: Attackable>(faults: &[Fault], seed: u64) -> Option<Interposers<P>> {
    let mut pairs: BTreeMap<Identity, Vec<Asked>> = BTreeMap::new();
    for (number, (who, pair)) in super::pairs(faults).enumerate() {
        pairs.entry(who).or_default().push(Asked { pair, number });
    }
    if pairs.is_empty() {
        return None;
    }
    let pairs: BTreeMap<Identity, Arc<[Asked]>> =
        pairs.into_iter().map(|(who, pairs)| (who, pairs.into())).collect();
    Some(Arc::new(move |address: Address| {
        let pairs = pairs.get(&address.identity)?;
        Some(Box::new(Injector::<P>::new(pairs.clone(), seed)) as Box<dyn Interpose<P>>)
    }))
}

/// One failure with its trigger, as it was asked for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    pair: Pair,
    /// Its number among those of all replicas.
    number: usize,
}

/// Longer than the text of most pairs.
const USUAL_TEXT: usize = 48;

impl Asked {
    fn injection(self, step: InjectionStep, detail: String) -> Injection {
        let Asked { pair, number } = self;
        let mut what = String::with_capacity(USUAL_TEXT);
        write!(what, "{pair}").expect("a string takes all that is written");
        Injection { what, number, step, detail, is_fault: pair.failure.is_fault() }
    }
}

/// Stands before one process and makes it fail.
#[derive(Clone, Debug)]
pub struct Injector<P: Attackable> {
    pairs: Arc<[Asked]>,
    /// How many messages of each class were received; the class is the trigger with number 0.
    received: BTreeMap<Trigger, u64>,
    /// Whether a pair waits for a message by its kind alone.
    counts_kinds: bool,
    /// The pairs that wait for an outgoing message, by their places among all.
    armed: Vec<usize>,
    /// What is still due when the process has slept.
    rest: Option<Due>,
    /// The oldest signed message that was sent, if one may be wanted.
    oldest: Option<(Identity, P::Message)>,
    adversary: P::Adversary,
    seed: u64,
}

/// What became of an armed failure at the messages of one moment.
enum Spoilt {
    /// It spoilt one; with what is to be said of it.
    Done(String),
    /// Its message went out, and nothing about it could be spoilt, for this reason.
    InVain(&'static str),
    /// Its message is not among them.
    NotYet,
}

/// What a message sets off.
#[derive(Clone, Debug, Default)]
struct Due {
    /// The places of the pairs.
    pairs: Vec<usize>,
    /// Whether the message is to be ignored.
    ignored: bool,
}

impl<P: Attackable> Injector<P> {
    fn new(pairs: Arc<[Asked]>, seed: u64) -> Injector<P> {
        let failures: Vec<Failure> = pairs.iter().map(|asked| asked.pair.failure).collect();
        let is_by_kind = |trigger| matches!(trigger, Trigger::Received { .. });
        Injector {
            counts_kinds: pairs.iter().any(|asked| is_by_kind(asked.pair.trigger)),
            pairs,
            received: BTreeMap::new(),
            armed: Vec::new(),
            rest: None,
            oldest: None,
            adversary: P::Adversary::new(&failures),
            seed,
        }
    }

    /// What the input sets off. Every message is counted once, whatever becomes of it.
    fn due(&mut self, input: &Input<P>) -> Due {
        let rest = self.rest.take();
        let Input::Message { from, message } = input else {
            return Due::default();
        };
        if let Some(rest) = rest {
            return rest;
        }
        let named = P::Adversary::trigger(*from, message).map(|class| self.count(class));
        let kind = Trigger::Received { kind: message.kind(), number: 0 };
        let of_kind = self.counts_kinds.then(|| self.count(kind));
        let triggers = [named, of_kind];
        let is_due = |asked: &Asked| triggers.contains(&Some(asked.pair.trigger));
        let pairs = self.pairs.iter().enumerate().filter(|(_, asked)| is_due(asked));
        Due { pairs: pairs.map(|(place, _)| place).collect(), ignored: false }
    }

    /// Counts one more message of a class; returns the trigger that it is.
    fn count(&mut self, class: Trigger) -> Trigger {
        let count = self.received.entry(class).or_insert(0);
        *count += 1;
        class.with_number(*count - 1)
    }

    /// Carries out what is due before the process is handed the message, in the order of the
    /// scenario. Gives the input back if the process is to have it.
    fn set_off(
        &mut self,
        due: Due,
        input: Input<P>,
        process: &mut P::Process,
        out: &mut Outbox<P>,
    ) -> Option<Input<P>> {
        let Due { pairs, mut ignored } = due;
        let mut left = pairs.into_iter();
        while let Some(place) = left.next() {
            let asked = self.pairs[place];
            match asked.pair.failure {
                Failure::Crash => {
                    done(asked, String::new(), out);
                    out.crash();
                    return None;
                }
                Failure::Sleep { milliseconds } => {
                    done(asked, String::new(), out);
                    self.rest = Some(Due { pairs: left.collect(), ignored });
                    out.stall(milliseconds.saturating_mul(1_000_000), input);
                    return None;
                }
                Failure::Drop => {
                    done(asked, String::new(), out);
                    ignored = true;
                }
                Failure::OmitSend | Failure::FlipBit | Failure::Replay => self.arm(place, out),
                failure => match self.adversary.act(failure, process) {
                    Act::Done => done(asked, String::new(), out),
                    Act::Waits => self.arm(place, out),
                    Act::InVain(why) => in_vain(asked, why, out),
                },
            }
        }
        (!ignored).then_some(input)
    }

    /// Arming what is armed changes nothing.
    fn arm(&mut self, place: usize, out: &mut Outbox<P>) {
        let asked = self.pairs[place];
        let is_armed = |armed: &usize| self.pairs[*armed].pair.failure == asked.pair.failure;
        let detail = if self.armed.iter().any(is_armed) {
            "it was armed before".to_owned()
        } else {
            self.armed.push(place);
            String::new()
        };
        out.injected(|| asked.injection(InjectionStep::Armed, detail));
    }

    /// Lets what is armed spoil what goes out. It is put on record before anything else that the
    /// process does at this moment.
    fn tamper(&mut self, process: &mut P::Process, out: &mut Outbox<P>) {
        let mut effects = out.take();
        let is_record = |effect: &Effect<P>| matches!(effect, Effect::Injected(_));
        let process_begins = effects.iter().take_while(|effect| is_record(effect)).count();
        let mut armed = std::mem::take(&mut self.armed);
        armed.sort_by_key(|place| turn(self.pairs[*place].pair.failure));
        for place in armed {
            let asked = self.pairs[place];
            match self.spoil(asked.pair.failure, &mut effects, process, out.notary()) {
                Spoilt::Done(detail) => done(asked, detail, out),
                Spoilt::InVain(why) => in_vain(asked, why, out),
                Spoilt::NotYet => self.armed.push(place),
            }
        }
        self.remember(&effects);
        let said = out.take();
        if !said.is_empty() {
            effects.splice(process_begins..process_begins, said);
        }
        out.put_back(effects);
    }

    fn spoil(
        &mut self,
        failure: Failure,
        effects: &mut Vec<Effect<P>>,
        process: &mut P::Process,
        notary: &mut Notary,
    ) -> Spoilt {
        let detail = match failure {
            Failure::OmitSend => first_send(effects).map(|at| {
                effects.remove(at);
                "a warning: this failure is withdrawn; the message is not sent".to_owned()
            }),
            Failure::FlipBit => flip_bit(effects, self.seed),
            Failure::Replay => self.oldest.clone().map(|(to, message)| {
                effects.push(Effect::Send { to, message });
                String::new()
            }),
            failure => match self.adversary.tamper(failure, effects, process, notary) {
                Act::InVain(why) => return Spoilt::InVain(why),
                Act::Waits => None,
                Act::Done => Some(String::new()),
            },
        };
        detail.map_or(Spoilt::NotYet, Spoilt::Done)
    }

    /// Keeps the first signed message that was sent, where it will be wanted.
    fn remember(&mut self, effects: &[Effect<P>]) {
        if self.oldest.is_none() && self.may_replay() {
            self.oldest = effects.iter().find_map(|effect| match effect {
                Effect::Send { to, message } if P::Adversary::is_signed(message) => {
                    Some((*to, message.clone()))
                }
                _ => None,
            });
        }
    }

    fn may_replay(&self) -> bool {
        self.pairs.iter().any(|asked| asked.pair.failure == Failure::Replay)
    }
}

impl<P: Attackable> Interpose<P> for Injector<P> {
    fn handle(&mut self, now: Now, input: Input<P>, process: &mut P::Process, out: &mut Outbox<P>) {
        let due = self.due(&input);
        let Some(input) = self.set_off(due, input, process, out) else {
            return;
        };
        self.adversary.before(&input, process);
        process.handle(now, input, out);
        self.adversary.after(process);
        self.tamper(process, out);
    }

    fn boxed_clone(&self) -> Box<dyn Interpose<P>> {
        Box::new(self.clone())
    }
}

fn done<P: Protocol>(asked: Asked, detail: String, out: &mut Outbox<P>) {
    out.injected(|| asked.injection(InjectionStep::Done, detail));
}

fn in_vain<P: Protocol>(asked: Asked, why: &str, out: &mut Outbox<P>) {
    out.injected(|| asked.injection(InjectionStep::InVain, why.to_owned()));
}

/// In which order failures spoil the messages of one moment: first what changes which message it
/// is, then what changes its content, then what spoils signatures, at last what befalls any
/// message.
fn turn(failure: Failure) -> u8 {
    match failure {
        Failure::Equivocate => 0,
        Failure::EarlyReply => 1,
        Failure::ChangeOperation | Failure::ChangeOrder => 2,
        Failure::ChangeResult | Failure::LieResult => 2,
        Failure::DropResultStmt => 3,
        Failure::InvalidOrderSig | Failure::InvalidResultSig => 4,
        Failure::OmitSend => 6,
        Failure::FlipBit => 7,
        Failure::Replay => 8,
        _ => 5,
    }
}

fn first_send<P: Protocol>(effects: &[Effect<P>]) -> Option<usize> {
    effects.iter().position(|effect| matches!(effect, Effect::Send { .. }))
}

/// Flips one bit of the first message as it would be encoded. Which one follows from the seed and
/// what the message is about, so it is the same under every signature scheme.
fn flip_bit<P: Protocol>(effects: &mut Vec<Effect<P>>, seed: u64) -> Option<String> {
    let at = first_send(effects)?;
    let Some(Effect::Send { message, .. }) = effects.get_mut(at) else {
        return None;
    };
    let mut bytes = wire::encode(message);
    let bits = bytes.len() as u64 * 8;
    let bit = some_bit(message, seed) % bits.max(1);
    *bytes.get_mut((bit / 8) as usize)? ^= 1 << (bit % 8);
    match wire::decode(&bytes, bytes.len()) {
        Ok(spoilt) => {
            *message = spoilt;
            Some(format!("bit {bit} of {bits}"))
        }
        Err(_) => {
            effects.remove(at);
            Some(format!("bit {bit} of {bits}; what is left is no message and is dropped"))
        }
    }
}

/// A number that depends on the seed and what a message is about, and on nothing else.
fn some_bit<M: Message>(message: &M, seed: u64) -> u64 {
    let subject = message.subject();
    let digest = Hasher::new("flipped bit")
        .bytes(message.kind().text().as_bytes())
        .u64(subject.stream)
        .u64(subject.number)
        .finish();
    let number = digest.as_bytes().first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight));
    number.wrapping_add(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
