//! All that a protocol knows of the world.
//!
//! A process is a value with one function: an input comes in, effects go into an [`Outbox`]. It has
//! no clock, socket, thread, randomness or global; whatever it needs comes in with an input. It may
//! be cloned at any moment. The simulator and the socket runtime both drive it, and it cannot tell
//! which.
//!
//! A [`Protocol`] names the types that belong together: messages, timers, notes, what a process is
//! born from. A party of one's own implements [`Process`]; the crate's front page
//! has a protocol of one's own, whole.

use std::fmt::{Debug, Display};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::choice::{Name, Subject};
use crate::crypto::Notary;
use crate::identity::{Address, Identity};
use crate::time::Now;

/// The types of one protocol, gathered under a name. Implemented by an empty struct.
pub trait Protocol: Copy + Debug + Send + Sync + 'static {
    /// How scenarios call it.
    const NAME: &'static str;
    /// What its processes say to each other.
    type Message: Message;
    /// What its processes wait for: a small enum, a line of purpose each.
    type Timer: Copy + Ord + Debug + Serialize + Send + Sync;
    /// What its processes put on record: a significant action each, with named fields.
    type Note: Note;
    /// What a new process is made from; crosses the network where the process starts elsewhere.
    type Birth: Clone + Debug + Serialize + DeserializeOwned + Send + Sync;
    /// What the outside may ask of a process.
    type Command: Clone + Debug + Serialize + Send + Sync;
    /// What the outside is answered.
    type Answer: Clone + Debug + Serialize + Send + Sync;
    /// Its processes; an enum where there are several roles.
    type Process: Process<Self>;

    /// Makes a process. It has done nothing yet: its first input is [`Input::Start`].
    fn born(birth: Self::Birth) -> Self::Process;

    /// Whether a run is at rest though this timer runs: what it would repeat is owed to nobody who
    /// waits for it.
    fn is_idle(_timer: &Self::Timer) -> bool {
        false
    }
}

/// What one process says to another. Cheap to clone: what is large in it is shared.
pub trait Message: Clone + Debug + Serialize + DeserializeOwned + Send + Sync {
    /// Its kind: one word.
    fn kind(&self) -> Name;

    /// What it is about, within its kind.
    fn subject(&self) -> Subject;
}

/// A significant action that a process puts on record.
pub trait Note: Clone + Debug + Serialize + Send + Sync {
    /// What it tells, where it tells something that any protocol may: see [`Milestone`].
    fn milestone(&self) -> Option<Milestone<'_>> {
        None
    }
}

/// The notes of a protocol of which clients alone put something on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientNote {
    /// See [`Milestone::Asked`].
    Asked {
        /// Which client.
        client: u32,
        /// Its own number for the request.
        request: u64,
        /// The operation in its text form.
        operation: String,
    },
    /// See [`Milestone::Answered`].
    Answered {
        /// Which client.
        client: u32,
        /// Its own number for the request.
        request: u64,
        /// The result.
        result: String,
    },
    /// See [`Milestone::Finished`].
    Finished {
        /// Which client.
        client: u32,
    },
}

impl Note for ClientNote {
    fn milestone(&self) -> Option<Milestone<'_>> {
        Some(match self {
            ClientNote::Asked { client, request, operation } => {
                Milestone::Asked { client: *client, request: *request, operation }
            }
            ClientNote::Answered { client, request, result } => {
                Milestone::Answered { client: *client, request: *request, result }
            }
            ClientNote::Finished { client } => Milestone::Finished { client: *client },
        })
    }
}

/// What a run of any protocol is judged by.
#[derive(Clone, Copy)]
pub enum Milestone<'a> {
    /// A client asks.
    Asked {
        /// Which client.
        client: u32,
        /// Its own number for the request.
        request: u64,
        /// The operation, which prints in its text form.
        operation: &'a dyn Display,
    },
    /// A client accepts an answer.
    Answered {
        /// Which client.
        client: u32,
        /// Its own number for the request.
        request: u64,
        /// The result.
        result: &'a dyn Display,
    },
    /// A client has nothing more to ask.
    Finished {
        /// Which client.
        client: u32,
    },
}

/// The one function of a process.
pub trait Process<P: Protocol>: Clone + Debug + Send {
    /// Takes one input and puts into `out` what comes of it.
    fn handle(&mut self, now: Now, input: Input<P>, out: &mut Outbox<P>);

    /// Its state in named fields, for a person who steps through a run or looks at a picture.
    fn look(&self) -> Vec<Field> {
        Vec::new()
    }

    /// What of that stays short however long it lives, for whoever watches over it all the time.
    fn pulse(&self) -> Vec<Field> {
        Vec::new()
    }
}

/// One named part of a process's state, as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its content.
    pub value: String,
}

impl Field {
    /// A field that shows this value.
    pub fn new(name: &'static str, value: impl ToString) -> Field {
        Field { name, value: value.to_string() }
    }
}

/// Bytes that nobody can guess, fresh for each start of each process.
pub type Entropy = [u8; 32];

/// What a process wrote with [`Outbox::persist`] and found again after a restart, by shelf.
pub type Survived = std::collections::BTreeMap<u64, Arc<[u8]>>;

/// Names a command, so that its answer finds the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Ticket(pub u64);

/// What happens to a process.
#[derive(Clone, Debug)]
pub enum Input<P: Protocol> {
    /// It begins to live.
    Start {
        /// For keys and the like.
        entropy: Entropy,
    },
    /// It lives again, after a crash, as a fresh value made from its birth.
    Restart {
        /// For keys and the like; other than before.
        entropy: Entropy,
        /// What it had persisted and the crash left; empty where its memory is lost.
        survived: Survived,
    },
    /// A message. The link is authenticated: `from` is true.
    Message {
        /// Who sent it.
        from: Identity,
        /// What it says.
        message: P::Message,
    },
    /// A timer that it set ran out.
    Timer(P::Timer),
    /// What it persisted on this shelf is safe. Comes after the effects that waited for it have
    /// left.
    Persisted {
        /// The shelf.
        shelf: u64,
    },
    /// The outside asks something.
    Command {
        /// To be given back with the answer.
        ticket: Ticket,
        /// What is asked.
        command: P::Command,
    },
}

/// What a process wants done.
#[derive(Clone, Debug)]
pub enum Effect<P: Protocol> {
    /// See [`Outbox::send`].
    Send {
        /// To whom.
        to: Identity,
        /// What.
        message: P::Message,
    },
    /// See [`Outbox::set_timer`].
    SetTimer {
        /// Which.
        timer: P::Timer,
        /// From now, on the process's own monotonic clock.
        after_ns: u64,
    },
    /// See [`Outbox::cancel_timer`].
    CancelTimer(P::Timer),
    /// See [`Outbox::spawn`].
    Spawn {
        /// Whom.
        identity: Identity,
        /// From what.
        birth: P::Birth,
    },
    /// See [`Outbox::stop`].
    Stop,
    /// See [`Outbox::persist`].
    Persist {
        /// Where.
        shelf: u64,
        /// What.
        bytes: Arc<[u8]>,
    },
    /// See [`Outbox::answer`].
    Answer {
        /// Which command.
        ticket: Ticket,
        /// With what.
        answer: P::Answer,
    },
    /// See [`Outbox::note`].
    Note(P::Note),
    /// See [`Outbox::injected`].
    Injected(Box<Injection>),
    /// See [`Outbox::crash`].
    Crash,
    /// See [`Outbox::stall`].
    Stall {
        /// How long, on the process's own clock.
        for_ns: u64,
        /// Handed in again when the time is over.
        again: Box<Input<P>>,
    },
}

impl<P: Protocol> Effect<P> {
    /// For runtimes: whether it is felt outside of its process, or must keep its place behind those
    /// that are. Such an effect waits until what was persisted before it is safe.
    pub fn leaves(&self) -> bool {
        matches!(
            self,
            Effect::Send { .. }
                | Effect::Spawn { .. }
                | Effect::Answer { .. }
                | Effect::Stop
                | Effect::Persist { .. }
        )
    }
}

/// What somebody who stands before a process did in its stead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// What, in the words in which it was asked for.
    pub what: String,
    /// Its number among all that were asked for.
    pub number: usize,
    /// How far it has come.
    pub step: InjectionStep,
    /// Anything else that is worth saying; mostly empty.
    pub detail: String,
    /// Whether a process to which it is done counts as faulty.
    pub is_fault: bool,
}

/// How far an injection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectionStep {
    /// It waits for its moment.
    Armed,
    /// It is done.
    Done,
    /// It cannot be done to this process.
    InVain,
}

/// Somebody who stands between a runtime and one process.
///
/// The runtime hands inputs to him instead of to the process. He may keep an input from it, change
/// it, and rewrite what comes of it; a stalled input comes to him a second time.
pub trait Interpose<P: Protocol>: Debug + Send + Sync {
    /// Takes one input for the process and puts into `out` what comes of it.
    fn handle(&mut self, now: Now, input: Input<P>, process: &mut P::Process, out: &mut Outbox<P>);

    /// Another one in the same state.
    fn boxed_clone(&self) -> Box<dyn Interpose<P>>;
}

/// For runtimes: hands an input to a process, or to him who stands before it, and takes out what
/// comes of it. Give the vector back with [`Outbox::reuse`].
#[inline]
pub fn hand<P: Protocol>(
    process: &mut P::Process,
    interposer: &mut Option<Box<dyn Interpose<P>>>,
    (now, input): (Now, Input<P>),
    out: &mut Outbox<P>,
) -> Vec<Effect<P>> {
    match interposer {
        None => process.handle(now, input, out),
        Some(interposer) => interposer.handle(now, input, process, out),
    }
    out.take()
}

impl<P: Protocol> Clone for Box<dyn Interpose<P>> {
    fn clone(&self) -> Box<dyn Interpose<P>> {
        self.boxed_clone()
    }
}

/// Says who stands before a process, if anybody does.
pub type Interposers<P> = Arc<dyn Fn(Address) -> Option<Box<dyn Interpose<P>>> + Send + Sync>;

/// Where a process puts its effects, and where it signs and checks signatures.
///
/// Effects are carried out in the order in which they were put in, after the process's function has
/// returned, each as its method says.
#[derive(Debug)]
pub struct Outbox<P: Protocol> {
    effects: Vec<Effect<P>>,
    notary: Notary,
    watched: bool,
}

impl<P: Protocol> Outbox<P> {
    /// An empty one. `watched` says whether notes are kept.
    pub fn new(notary: Notary, watched: bool) -> Outbox<P> {
        Outbox { effects: Vec::new(), notary, watched }
    }

    /// Sends to an identity. Sends to one identity leave in this order; what the link makes of them
    /// is its own affair. Whoever acts under the identity when the message arrives gets it, be it a
    /// later life than the one it was meant for. Waits for every `persist` that was put in before
    /// it.
    #[inline]
    pub fn send(&mut self, to: Identity, message: P::Message) {
        self.effects.push(Effect::Send { to, message });
    }

    /// Sets a timer, or sets it anew: one of each name runs at most. At once; waits for nothing.
    /// Fires no earlier than `after_ns` from now on the monotonic clock.
    #[inline]
    pub fn set_timer(&mut self, timer: P::Timer, after_ns: u64) {
        self.effects.push(Effect::SetTimer { timer, after_ns });
    }

    /// Cancels a timer. At once: its input comes no more, even if it was due at this instant.
    #[inline]
    pub fn cancel_timer(&mut self, timer: P::Timer) {
        self.effects.push(Effect::CancelTimer(timer));
    }

    /// Starts a new process under an identity that has none. Messages sent to it later in this
    /// outbox find it started. Under an identity that has a process already, nothing happens but an
    /// event that says so. Waits for every `persist` that was put in before it.
    pub fn spawn(&mut self, identity: Identity, birth: P::Birth) {
        self.effects.push(Effect::Spawn { identity, birth });
    }

    /// Ends this process, when everything put in before has left. Nothing reaches it afterwards, no
    /// timer of its runs, and it cannot be restarted.
    pub fn stop(&mut self) {
        self.effects.push(Effect::Stop);
    }

    /// Writes bytes to a shelf, replacing what was there. Whatever is put in after it, by this
    /// input or a later one, and leaves the process (send, spawn, answer, stop) waits until the
    /// bytes are safe; then [`Input::Persisted`] comes. A crash before that may or may not keep
    /// them.
    pub fn persist(&mut self, shelf: u64, bytes: impl Into<Arc<[u8]>>) {
        self.effects.push(Effect::Persist { shelf, bytes: bytes.into() });
    }

    /// Answers a command. At most once for each ticket. Waits for every `persist` before it.
    pub fn answer(&mut self, ticket: Ticket, answer: P::Answer) {
        self.effects.push(Effect::Answer { ticket, answer });
    }

    /// Puts a note on record, at its place between the other effects. The closure is not called
    /// when nobody watches, so it must do nothing but make the note.
    #[inline]
    pub fn note(&mut self, note: impl FnOnce() -> P::Note) {
        if self.watched {
            self.effects.push(Effect::Note(note()));
        }
    }

    /// For fault wrappers alone: puts on record what the wrapper did. Kept even when nobody
    /// watches: a runtime's patience begins anew.
    pub fn injected(&mut self, injection: impl FnOnce() -> Injection) {
        self.effects.push(Effect::Injected(Box::new(injection())));
    }

    /// For fault wrappers alone: the process is gone at once. Effects put in before it are carried
    /// out, but what still waits for a disk is lost.
    pub fn crash(&mut self) {
        self.effects.push(Effect::Crash);
    }

    /// For fault wrappers alone: the whole process stands still for this long, then handles
    /// `again`, then whatever came meanwhile; its timers that ran out meanwhile fire late.
    pub fn stall(&mut self, for_ns: u64, again: Input<P>) {
        self.effects.push(Effect::Stall { for_ns, again: Box::new(again) });
    }

    /// Who signs and checks for the process. In effect a pure function.
    #[inline]
    pub fn notary(&mut self) -> &mut Notary {
        &mut self.notary
    }

    /// The same, to look only.
    pub fn notary_ref(&self) -> &Notary {
        &self.notary
    }

    /// For runtimes and wrappers: takes out what was put in. Give the vector back with
    /// [`Outbox::reuse`] to spare its allocation.
    #[inline]
    pub fn take(&mut self) -> Vec<Effect<P>> {
        std::mem::take(&mut self.effects)
    }

    /// See [`Outbox::take`].
    #[inline]
    pub fn reuse(&mut self, mut emptied: Vec<Effect<P>>) {
        emptied.clear();
        if self.effects.is_empty() {
            self.effects = emptied;
        }
    }

    /// For wrappers: puts back what was taken out, before what was put in since.
    pub fn put_back(&mut self, mut effects: Vec<Effect<P>>) {
        effects.append(&mut self.effects);
        self.effects = effects;
    }

    /// For runtimes and wrappers: whether notes are kept.
    pub fn is_watched(&self) -> bool {
        self.watched
    }

    /// For runtimes: whether notes are kept from now on.
    pub fn set_watched(&mut self, watched: bool) {
        self.watched = watched;
    }
}

impl<P: Protocol> Clone for Outbox<P> {
    fn clone(&self) -> Outbox<P> {
        Outbox { effects: self.effects.clone(), notary: self.notary.clone(), ..*self }
    }
}
