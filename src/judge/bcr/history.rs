//! Which request stands in which slot, and what follows from it.
//!
//! For each configuration a replica of the judges' own executes every slot when the first correct
//! replica does. What the others say, what clients accept and what a reconfiguration settles is
//! held against that. A replica that fails was honest until then, and is a witness no more: what
//! nobody else had executed by that time is taken back.

use std::collections::BTreeMap;

use crate::crypto::Digest;
use crate::identity::Address;
use crate::object::{Dictionary, Executed, Operation, ReplicatedState, Reply};
use crate::protocol::bcr::Note;
use crate::protocol::bcr::statements::{CatchUp, state_hash};

use super::{Place, Property, Ruling};

type State = ReplicatedState<Dictionary>;

/// A request in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    client: u32,
    request: u64,
    operation: Operation,
}

/// A slot that the judges' replica has executed.
#[derive(Clone, Debug)]
struct Slot {
    entry: Entry,
    reply: Option<Reply>,
    repeated: bool,
}

/// What is known of one configuration.
#[derive(Clone, Debug, Default)]
struct Chain {
    /// The state after the last slot that all replicas have passed.
    settled: State,
    settled_slot: u64,
    /// The state after the last slot that a correct replica has executed.
    ahead: State,
    ahead_slot: u64,
    /// The slots between the two.
    slots: BTreeMap<u64, Slot>,
    /// The slots that the last quorum has decided, where they are others.
    decided: BTreeMap<u64, Slot>,
    /// What replicas said of slots that are faulty, or became so, or Olympus said in an attempt;
    /// attempt 0 is no attempt.
    claimed: BTreeMap<(u64, u32), Entry>,
    /// The hash of the state after a slot, as it was found for an attempt.
    found: Option<(u32, u64, Digest)>,
    /// Its replicas, by position, as far as they were heard of.
    members: Vec<Member>,
    /// The hashes of the state after the newest checkpoint slots.
    checkpoints: BTreeMap<u64, Digest>,
    /// The highest slot of a result that a client accepted, and the event in which it did.
    accepted: (u64, u64),
    /// The hash of the state that it must begin with, until that is seen.
    begins_with: Option<Digest>,
    /// The last slot that the reconfiguration kept, and the event in which that was decided.
    last_slot: Option<(u64, u64)>,
}

/// What is known of a replica.
#[derive(Clone, Copy, Debug, Default)]
struct Member {
    /// The highest slot that it executed; 0 for none.
    executed: u64,
    /// The event in which it did.
    event: u64,
    has_failed: bool,
}

/// How many checkpoints of a configuration are remembered.
const CHECKPOINTS_KEPT: usize = 64;
/// How many slots of a configuration are remembered that only liars have told of.
const CLAIMS_KEPT: usize = 100_000;
/// How many configurations are remembered: as many as clients take late results from.
const CONFIGURATIONS_KEPT: usize = 16;

/// The judges of histories.
#[derive(Clone, Debug)]
pub(super) struct Histories {
    replicas: u32,
    checkpoint_every: Option<u64>,
    chains: BTreeMap<u32, Chain>,
    /// What each client asked last.
    asked: BTreeMap<u32, (u64, Operation)>,
    authentic: Property,
    agreement: Property,
    replay: Property,
    once: Property,
    extension: Property,
    state: Property,
    bounded: Property,
}

impl Histories {
    pub(super) fn new(replicas: u32, checkpoint_every: Option<u64>) -> Histories {
        let (promise, conduct) = (Property::promise, Property::conduct);
        Histories {
            replicas,
            checkpoint_every,
            chains: BTreeMap::from([(0, Chain::default())]),
            asked: BTreeMap::new(),
            authentic: promise("authenticity", "what is executed was asked by its client"),
            agreement: promise("agreement", "no slot holds two requests at correct replicas"),
            replay: promise("replay", "every accepted result is that of the slots in order"),
            once: promise("exactly once", "no request is executed twice"),
            extension: promise(
                "extension",
                "a later configuration keeps what was accepted or passed by all",
            ),
            state: conduct("state", "every state is that of the slots in order"),
            bounded: conduct("bounded history", "history is dropped up to each checkpoint"),
        }
    }

    pub(super) fn rulings(&self) -> Vec<Ruling> {
        let all = [
            &self.authentic,
            &self.agreement,
            &self.replay,
            &self.once,
            &self.extension,
            &self.state,
            &self.bounded,
        ];
        all.map(Property::ruling).into()
    }

    pub(super) fn reconfigurations(&self) -> u64 {
        self.chains.keys().next_back().copied().map_or(0, u64::from)
    }

    pub(super) fn dictionary(&self) -> Vec<(String, String)> {
        let newest = self.chains.values().next_back();
        let entries = newest.into_iter().flat_map(|chain| chain.ahead.object().sorted());
        entries.map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    /// Olympus tells a member of a quorum what it lacks: these requests were put into these slots.
    pub(super) fn told_by_olympus(&mut self, catch_up: &CatchUp) {
        let Some(chain) = self.chains.get_mut(&catch_up.configuration) else {
            return;
        };
        for (slot, request) in &catch_up.requests {
            let request = request.body();
            let (client, operation) = (request.client, request.operation.clone());
            let entry = Entry { client, request: request.id, operation };
            chain.claimed.insert((*slot, catch_up.attempt), entry);
        }
    }

    /// Olympus hands a state to new replicas: it must be the one that the quorum agreed on. The
    /// slots go on from there, whatever it is: what was wrong before is not found again in each.
    pub(super) fn handed_over(&mut self, configuration: u32, state: &State, at: Place) {
        let Some(chain) = self.chains.get_mut(&configuration) else {
            return;
        };
        let Some(expected) = chain.begins_with.take() else {
            return;
        };
        let hash = state_hash(state);
        self.state.test(expected == hash, at, || {
            format!("configuration {configuration} begins with {hash}, not the agreed {expected}")
        });
        (chain.settled, chain.ahead) = (state.clone(), state.clone());
    }

    /// Whether a configuration is so old that nothing is known of it any more. A replica of it may
    /// still wake and order what it was handed long ago; that is not judged.
    fn is_forgotten(&self, configuration: u32) -> bool {
        self.chains.first_key_value().is_some_and(|(oldest, _)| configuration < *oldest)
    }

    pub(super) fn noted(&mut self, process: Address, correct: bool, note: &Note, at: Place) {
        let configuration = match note {
            Note::Asked { client, request, operation } => {
                self.asked.insert(*client, (*request, operation.clone()));
                return;
            }
            Note::Answered { configuration, .. } | Note::QuorumFinal { configuration, .. } => {
                *configuration
            }
            _ => process.identity.configuration,
        };
        if self.is_forgotten(configuration) {
            return;
        }
        match note {
            Note::Ordered { configuration, slot, client, request, operation, repeated, .. } => {
                let (slot, request, repeated) = (*slot, (*client, *request), *repeated);
                let ordered = Ordered { slot, request, operation, repeated, process };
                self.ordered(*configuration, correct, &ordered, at);
            }
            Note::CaughtUp { attempt, last_slot, state, .. } if correct => {
                self.caught_up(process, (*attempt, *last_slot), *state, at);
            }
            Note::Answered { client, request, result, configuration, slot, .. } => {
                let answer = (*client, *request, result);
                self.answered(*configuration, *slot, answer, at);
            }
            Note::CheckpointTaken { slot, state } if correct => {
                self.checkpoint_taken(process, *slot, *state, at);
            }
            Note::CheckpointCompleted { slot, kept, .. } if correct => {
                self.checkpoint_completed(process, *slot, *kept as u64, at);
            }
            Note::QuorumFinal { configuration, attempt, last_slot, state, .. } => {
                self.settled(*configuration, (*attempt, *last_slot), *state, at);
            }
            _ => {}
        }
    }

    /// A replica has failed: it vouches for nothing any more, not even for what it did before.
    pub(super) fn failed(&mut self, process: Address) {
        if let Some(chain) = self.chains.get_mut(&process.identity.configuration) {
            chain.member(process.identity.index).has_failed = true;
            chain.take_back();
        }
    }

    fn ordered(&mut self, configuration: u32, correct: bool, ordered: &Ordered<'_>, at: Place) {
        let Some(chain) = self.chains.get_mut(&configuration) else {
            return;
        };
        let Ordered { slot, repeated, process, .. } = *ordered;
        let member = chain.member(process.identity.index);
        (member.executed, member.event) = (slot, at.event);
        if !correct {
            return chain.claim(slot, ordered.entry());
        }
        if let Some(known) = chain.slots.get(&slot) {
            self.agreement.test(ordered.is(&known.entry), at, || {
                let (own, theirs) = (ordered.operation, &known.entry.operation);
                format!("{process} has {own} in slot {slot}, another correct one {theirs}")
            });
            self.once.test(known.repeated == repeated, at, || ordered.twice());
        } else if slot > chain.settled_slot {
            self.agreement.test(slot == chain.ahead_slot + 1, at, || {
                let ahead = chain.ahead_slot;
                format!("{process} orders slot {slot}, and nobody correct slot {}", ahead + 1)
            });
            let entry = ordered.entry();
            let asked = self.asked.get(&entry.client);
            self.authentic.test(is_asked(asked, &entry), at, || {
                let Entry { client, request, operation } = &entry;
                format!("{process} executes {operation} as request {request} of client {client}")
            });
            let said = chain.execute(slot, entry, self.checkpoint_every);
            self.once.test(said == repeated, at, || ordered.twice());
        }
        chain.settle(self.replicas);
    }

    fn answered(&mut self, configuration: u32, slot: u64, answer: (u32, u64, &Reply), at: Place) {
        let (client, request, result) = answer;
        let Some(chain) = self.chains.get_mut(&configuration) else {
            return;
        };
        if slot > chain.accepted.0 {
            chain.accepted = (slot, at.event);
        }
        let (last, decided) = chain.last_slot.unwrap_or((u64::MAX, 0));
        self.extension.test_against(slot <= last, at, Some(decided), || {
            format!(
                "client {client} accepts a result of slot {slot} of configuration {configuration}, \
                 of which only slots up to {last} were kept"
            )
        });
        let expected = chain.reply(slot, client, request);
        self.replay.test(expected.as_ref() == Some(result), at, || match expected {
            Some(reply) => format!(
                "client {client} accepts '{result}' for its request {request}; \
                 the slots in order give '{reply}'"
            ),
            None => format!(
                "client {client} accepts '{result}' for its request {request}, \
                 which no correct replica has in slot {slot}"
            ),
        });
    }

    #[cold]
    fn checkpoint_taken(&mut self, process: Address, slot: u64, state: Digest, at: Place) {
        let chain = self.chains.get(&process.identity.configuration);
        if let Some(expected) = chain.and_then(|chain| chain.checkpoints.get(&slot)) {
            self.state.test(*expected == state, at, || {
                format!("{process} has {state} after slot {slot}, the slots give {expected}")
            });
        }
    }

    #[cold]
    fn checkpoint_completed(&mut self, process: Address, slot: u64, kept: u64, at: Place) {
        let Some(chain) = self.chains.get(&process.identity.configuration) else {
            return;
        };
        let member = chain.members.get(process.identity.index as usize);
        let reached = member.map_or(0, |member| member.executed);
        self.bounded.test(slot + kept == reached, at, || {
            format!("{process} keeps {kept} slots after slot {slot}, and has ordered {reached}")
        });
    }

    /// A correct replica tells of the copy on which it has caught up.
    #[cold]
    fn caught_up(&mut self, process: Address, of: (u32, u64), state: Digest, at: Place) {
        let Some(chain) = self.chains.get_mut(&process.identity.configuration) else {
            return;
        };
        if let Some(expected) = chain.hash_after(of) {
            self.state.test(expected == state, at, || {
                format!("{process} catches up to {state}, the slots in order give {expected}")
            });
        }
    }

    /// A reconfiguration has decided what becomes of a configuration.
    #[cold]
    fn settled(
        &mut self,
        configuration: u32,
        (attempt, last_slot): (u32, u64),
        state: Digest,
        at: Place,
    ) {
        let Some(chain) = self.chains.get_mut(&configuration) else {
            return;
        };
        chain.last_slot = Some((last_slot, at.event));
        let ((accepted, event), passed) = (chain.accepted, chain.passed(self.replicas));
        let against = match accepted > last_slot {
            true => vec![event],
            false => chain.sound().map(|member| member.event).collect(),
        };
        self.extension.test_against(accepted.max(passed) <= last_slot, at, against, || {
            let lost = match accepted > last_slot {
                true => format!("a client accepted a result of slot {accepted}"),
                false => format!("every correct replica has executed slot {passed}"),
            };
            format!("{lost} of configuration {configuration}, which ends after slot {last_slot}")
        });
        if let Some(expected) = chain.hash_after((attempt, last_slot)) {
            self.state.test(expected == state, at, || {
                format!(
                    "configuration {configuration} ends after slot {last_slot} with the state \
                     {state}; the slots in order give {expected}"
                )
            });
        }
        chain.decide(attempt, last_slot);
        let next = Chain { begins_with: Some(state), ..Chain::default() };
        self.chains.insert(configuration + 1, next);
        while self.chains.len() > CONFIGURATIONS_KEPT {
            self.chains.pop_first();
        }
    }
}

/// Whether a client has asked for this, as its last request or before.
fn is_asked(asked: Option<&(u64, Operation)>, entry: &Entry) -> bool {
    asked.is_some_and(|(newest, operation)| {
        entry.request < *newest || (entry.request == *newest && entry.operation == *operation)
    })
}

/// A replica's note that it executed a request.
struct Ordered<'a> {
    slot: u64,
    /// The client, and the client's number for it.
    request: (u32, u64),
    operation: &'a Operation,
    repeated: bool,
    process: Address,
}

impl Ordered<'_> {
    fn entry(&self) -> Entry {
        let (client, request) = self.request;
        Entry { client, request, operation: self.operation.clone() }
    }

    fn is(&self, entry: &Entry) -> bool {
        self.request == (entry.client, entry.request) && *self.operation == entry.operation
    }

    fn twice(&self) -> String {
        let (Ordered { process, slot, .. }, (client, request)) = (self, self.request);
        let how = if self.repeated { "as executed before" } else { "anew" };
        format!("{process} takes request {request} of client {client} in slot {slot} {how}")
    }
}

impl Chain {
    /// The replica at this position.
    fn member(&mut self, position: u32) -> &mut Member {
        let place = position as usize;
        if place >= self.members.len() {
            self.members.resize(place + 1, Member::default());
        }
        &mut self.members[place]
    }

    /// Executes the next slot; returns whether it had been executed before.
    fn execute(&mut self, slot: u64, entry: Entry, checkpoint_every: Option<u64>) -> bool {
        let executed = self.ahead.execute(entry.client, entry.request, &entry.operation);
        let repeated = matches!(executed, Executed::Repeated(_));
        self.slots.insert(slot, Slot { entry, reply: executed.reply(), repeated });
        self.ahead_slot = slot;
        if checkpoint_every.is_some_and(|every| slot.is_multiple_of(every)) {
            self.checkpoints.insert(slot, state_hash(&self.ahead));
            if self.checkpoints.len() > CHECKPOINTS_KEPT {
                self.checkpoints.pop_first();
            }
        }
        repeated
    }

    /// A replica that may lie says what stands in a slot.
    #[cold]
    fn claim(&mut self, slot: u64, entry: Entry) {
        if slot > self.settled_slot {
            self.claimed.entry((slot, 0)).or_insert(entry);
        }
        // Where nobody is correct, nothing is ever settled.
        if self.claimed.len() > CLAIMS_KEPT {
            self.claimed.pop_first();
        }
    }

    /// Takes back the slots that nobody has executed but replicas that have failed since. A head
    /// may yet give them to other requests: nobody correct would know.
    #[cold]
    fn take_back(&mut self) {
        let vouched = self.sound().map(|member| member.executed).fold(self.settled_slot, u64::max);
        let taken_back = self.slots.split_off(&(vouched + 1));
        if taken_back.is_empty() {
            return;
        }
        for (slot, Slot { entry, .. }) in taken_back {
            self.claim(slot, entry);
        }
        self.checkpoints.retain(|slot, _| *slot <= vouched);
        self.ahead = self.state_after(0, vouched).0;
        self.ahead_slot = vouched;
    }

    /// The last slot that every replica has executed that has not failed. Of each quorum at least
    /// one member has not, so that slot stays.
    fn passed(&self, replicas: u32) -> u64 {
        if self.members.len() < replicas as usize {
            return 0;
        }
        self.sound().map(|member| member.executed).min().unwrap_or(0)
    }

    /// Its replicas that have not failed.
    fn sound(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.has_failed)
    }

    /// Forgets the slots that all replicas have passed.
    fn settle(&mut self, replicas: u32) {
        let passed = self.passed(replicas);
        while let Some(first) = self.slots.first_entry() {
            if *first.key() > passed {
                break;
            }
            let (slot, Slot { entry, .. }) = first.remove_entry();
            let _ = self.settled.execute(entry.client, entry.request, &entry.operation);
            self.settled_slot = slot;
        }
        while let Some(first) = self.claimed.first_entry()
            && first.key().0 <= self.settled_slot
        {
            first.remove();
        }
    }

    /// What the slots in order give for a request.
    fn reply(&self, slot: u64, client: u32, request: u64) -> Option<Reply> {
        let is_it = |known: &&Slot| (known.entry.client, known.entry.request) == (client, request);
        let (decided, known) = (self.decided.get(&slot), self.slots.get(&slot));
        if decided.or(known).is_some() {
            return decided.filter(is_it).or(known.filter(is_it))?.reply.clone();
        }
        let state = match slot <= self.settled_slot {
            true => self.ahead.clone(),
            false => self.state_after(u32::MAX, slot).0,
        };
        let last = state.last(client).filter(|session| session.id == request);
        last.map(|session| session.reply.clone())
    }

    /// What stands in a slot for those who take part in an attempt: what Olympus says in it, if any
    /// of them lacks that slot, for a head that gave it twice may have told somebody else another
    /// request; what a correct replica executed there; what Olympus said before, or a faulty one.
    fn entry(&self, attempt: u32, slot: u64) -> Option<&Entry> {
        let known = || self.slots.get(&slot).map(|known| &known.entry);
        let claims = || self.claimed.range((slot, 0)..=(slot, attempt)).next_back();
        let told = self.claimed.get(&(slot, attempt)).filter(|_| attempt > 0);
        told.or_else(known).or_else(|| claims().map(|(_, entry)| entry))
    }

    /// Keeps the slots that a quorum has decided otherwise than correct replicas outside of it had
    /// them, and all that follow.
    fn decide(&mut self, attempt: u32, last_slot: u64) {
        let differs = |slot: &u64| {
            let known = self.slots.get(slot).map(|known| &known.entry);
            self.entry(attempt, *slot) != known
        };
        let Some(first) = (self.settled_slot + 1..=last_slot).find(differs) else {
            return;
        };
        let (mut state, _) = self.state_after(attempt, first - 1);
        for slot in first..=last_slot {
            let Some(entry) = self.entry(attempt, slot).cloned() else {
                return;
            };
            let executed = state.execute(entry.client, entry.request, &entry.operation);
            let repeated = matches!(executed, Executed::Repeated(_));
            self.decided.insert(slot, Slot { entry, reply: executed.reply(), repeated });
        }
    }

    /// The state after a slot, and whether all of its requests are known.
    fn state_after(&self, attempt: u32, last_slot: u64) -> (State, bool) {
        let mut state = self.settled.clone();
        for slot in self.settled_slot + 1..=last_slot {
            let Some(entry) = self.entry(attempt, slot) else {
                return (state, false);
            };
            let _ = state.execute(entry.client, entry.request, &entry.operation);
        }
        (state, last_slot >= self.settled_slot)
    }

    /// The hash of that state, if it is known.
    fn hash_after(&mut self, (attempt, last_slot): (u32, u64)) -> Option<Digest> {
        if let Some((.., hash)) =
            self.found.filter(|found| (found.0, found.1) == (attempt, last_slot))
        {
            return Some(hash);
        }
        let (state, known) = self.state_after(attempt, last_slot);
        let hash = known.then(|| state_hash(&state))?;
        self.found = Some((attempt, last_slot, hash));
        Some(hash)
    }
}
