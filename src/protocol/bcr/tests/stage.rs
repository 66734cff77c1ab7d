//! A small world for scripts: links are FIFO, timers fire when the script says so, and a meddler
//! may change, drop or repeat what is sent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::rules::Ignored;
use super::super::statements::{Plea, Reason, ReconfigurationRequest};
use super::super::*;
use crate::choice::Name;
use crate::crypto::{Memory, Notary, Scheme};
use crate::identity::Identity;
use crate::object::{Dictionary, Item, Operation};
use crate::process::{Effect, Message as _, Process as _};

pub(super) type Msg = Message<Dictionary>;
type Meddler = Box<dyn FnMut(Identity, Identity, Msg) -> Vec<Msg>>;

pub(super) struct Stage {
    processes: BTreeMap<Identity, super::super::Process<Sound>>,
    flights: VecDeque<(Identity, Identity, Msg)>,
    pub(super) held: BTreeSet<(Identity, Identity)>,
    /// Requests for a reconfiguration stay on their way.
    pub(super) unheard: bool,
    pub(super) timers: BTreeMap<(Identity, Timer), u64>,
    pub(super) notes: Vec<(Identity, Note)>,
    pub(super) sent: Vec<(Identity, Identity, Msg)>,
    pub(super) meddler: Meddler,
    out: Outbox<Bcr<Sound>>,
}

const ENTROPY: [u8; 32] = [7; 32];

impl Stage {
    /// Olympus, a configuration, and a client for each workload; nothing is delivered yet.
    pub(super) fn new(settings: Settings, workloads: &[&[Operation]]) -> Stage {
        let mut stage = Stage {
            processes: BTreeMap::new(),
            flights: VecDeque::new(),
            held: BTreeSet::new(),
            unheard: false,
            timers: BTreeMap::new(),
            notes: Vec::new(),
            sent: Vec::new(),
            meddler: Box::new(|_, _, message| vec![message]),
            out: Outbox::new(Notary::new(Scheme::Ideal, Memory::None), true),
        };
        let clients = workloads.len() as u32;
        stage.spawn(Identity::OLYMPUS, Birth::Olympus { settings, clients });
        for (number, operations) in (0..).zip(workloads) {
            let items: Vec<Item> = operations.iter().cloned().map(Item::Fixed).collect();
            let workload = Workload::new(items, Default::default());
            stage.spawn(client(number), Birth::Client { settings, number, workload });
        }
        stage
    }

    fn spawn(&mut self, identity: Identity, birth: Birth<Sound>) {
        self.processes.insert(identity, Bcr::born(birth));
        self.give(identity, Input::Start { entropy: ENTROPY });
    }

    /// Hands a process an input and carries out what comes of it.
    pub(super) fn give(&mut self, who: Identity, input: Input<Bcr<Sound>>) {
        let Some(process) = self.processes.get_mut(&who) else {
            return;
        };
        process.handle(Now::default(), input, &mut self.out);
        for effect in self.out.take() {
            match effect {
                Effect::Send { to, message } => {
                    for message in (self.meddler)(who, to, message) {
                        self.sent.push((who, to, message.clone()));
                        self.flights.push_back((who, to, message));
                    }
                }
                Effect::SetTimer { timer, after_ns } => {
                    self.timers.insert((who, timer), after_ns);
                }
                Effect::CancelTimer(timer) => drop(self.timers.remove(&(who, timer))),
                Effect::Spawn { identity, birth } => self.spawn(identity, birth),
                Effect::Stop => self.crash(who),
                Effect::Note(note) => self.notes.push((who, note)),
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Delivers a message as if this party had sent it.
    pub(super) fn deliver(&mut self, from: Identity, to: Identity, message: Msg) {
        self.give(to, Input::Message { from, message });
    }

    /// Delivers what is under way and not held until a message of this kind comes up; takes that
    /// out.
    pub(super) fn until(&mut self, kind: Name) -> (Identity, Identity, Msg) {
        while let Some(next) = self.next() {
            if next.2.kind() == kind {
                return next;
            }
            self.deliver(next.0, next.1, next.2);
        }
        panic!("no {kind} was sent");
    }

    /// Delivers everything that is not held.
    pub(super) fn run(&mut self) -> &mut Stage {
        while let Some((from, to, message)) = self.next() {
            self.deliver(from, to, message);
        }
        self
    }

    fn next(&mut self) -> Option<(Identity, Identity, Msg)> {
        let (held, unheard) = (&self.held, self.unheard);
        let free = |(from, to, message): &(Identity, Identity, Msg)| {
            let is_plea = matches!(message, Message::ReconfigurationRequest(_));
            !(held.contains(&(*from, *to)) || unheard && is_plea)
        };
        let place = self.flights.iter().position(free)?;
        self.flights.remove(place)
    }

    /// Lets one timer of a process run out.
    pub(super) fn fire(&mut self, who: Identity, timer: Timer) -> &mut Stage {
        assert!(self.timers.remove(&(who, timer)).is_some(), "{timer:?} does not run at {who}");
        self.give(who, Input::Timer(timer));
        self
    }

    /// A replica asks for a reconfiguration.
    pub(super) fn plead(&mut self, who: Identity) {
        let key = self.key(who);
        let configuration = who.configuration;
        let request = ReconfigurationRequest { configuration, reason: Reason::TimerExpired };
        let request = Signed::seal(request, &key, self.notary());
        let plea = Message::ReconfigurationRequest(Arc::new(Plea { request, proof: None }));
        self.deliver(who, Identity::OLYMPUS, plea);
    }

    /// Ends a process, and its timers with it.
    pub(super) fn crash(&mut self, who: Identity) {
        self.processes.remove(&who);
        self.timers.retain(|(owner, _), _| *owner != who);
    }

    pub(super) fn is_alive(&self, who: Identity) -> bool {
        self.processes.contains_key(&who)
    }

    pub(super) fn key(&mut self, who: Identity) -> SecretKey {
        self.out.notary().keys(&ENTROPY, who).0
    }

    pub(super) fn notary(&mut self) -> &mut Notary {
        self.out.notary()
    }

    /// One field of what a person sees of a process.
    pub(super) fn look(&self, who: Identity, field: &str) -> String {
        let fields = self.processes[&who].look();
        fields.into_iter().find(|shown| shown.name == field).expect("a field").value
    }

    pub(super) fn count(&self, kind: Name) -> usize {
        self.sent.iter().filter(|(_, _, message)| message.kind() == kind).count()
    }

    pub(super) fn noted(&self, who: Identity, test: impl Fn(&Note) -> bool) -> usize {
        self.notes.iter().filter(|(by, note)| *by == who && test(note)).count()
    }

    /// What clients accepted, in order.
    pub(super) fn answers(&self) -> Vec<String> {
        let answer = |(_, note): &(Identity, Note)| match note {
            Note::Answered { result, .. } => Some(result.to_string()),
            _ => None,
        };
        self.notes.iter().filter_map(answer).collect()
    }
}

pub(super) fn client(number: u32) -> Identity {
    Identity::client(number)
}

pub(super) fn replica(position: u32) -> Identity {
    Identity::replica(0, position)
}

/// Why Olympus ignores a request for a reconfiguration, if the note tells that.
pub(super) fn why_ignored(note: &Note) -> Option<Ignored> {
    match note {
        Note::ReconfigurationRequestIgnored { why, .. } => Some(*why),
        _ => None,
    }
}

/// A replica of the configuration after the first.
pub(super) fn successor(position: u32) -> Identity {
    Identity::replica(1, position)
}

pub(super) fn put(key: &str, value: &str) -> Operation {
    Operation::put(key, value)
}

pub(super) fn get(key: &str) -> Operation {
    Operation::get(key)
}

pub(super) fn append(key: &str, value: &str) -> Operation {
    Operation::append(key, value)
}
