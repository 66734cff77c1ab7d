//! The state that replicas agree on: an object, and what each client last had executed.
//!
//! A request that comes again gets the reply that it got before and changes nothing, at any
//! replica and in any later configuration, because this memory is part of the state and of its
//! hash.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Answer, Canonical, Dictionary, Digest, MerkleMap, Object};

/// Sets the hash of a state apart from those of its parts.
const DOMAIN: &[u8; 32] = b"perjury 1: a replicated state   ";

/// An object with, for each client, its last executed request and the reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "O: Object", deny_unknown_fields)]
pub struct ReplicatedState<O: Object = Dictionary> {
    object: O,
    sessions: MerkleMap<u32, Session<O::Reply>>,
}

/// The last executed request of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session<R> {
    /// The number that the client gave the request.
    pub id: u64,
    /// What was replied.
    pub reply: R,
}

/// What became of a request that was to be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Executed<R> {
    /// It was carried out now.
    Fresh(R),
    /// It was the client's last one: nothing changed, this is the reply that it had.
    Repeated(R),
    /// The client has had a later one executed: nothing changed, and its reply is gone.
    Stale,
}

impl<R> Executed<R> {
    /// The reply, unless there is none any more.
    pub fn reply(self) -> Option<R> {
        match self {
            Self::Fresh(reply) | Self::Repeated(reply) => Some(reply),
            Self::Stale => None,
        }
    }
}

impl<O: Object> ReplicatedState<O> {
    /// A state in which no client has had anything executed.
    pub fn new(object: O) -> Self {
        Self { object, sessions: MerkleMap::default() }
    }

    /// Carries out request `id` of `client`, unless that or a later one was carried out before.
    pub fn execute(
        &mut self,
        client: u32,
        id: u64,
        operation: &O::Operation,
    ) -> Executed<O::Reply> {
        let Some(last) = self.sessions.get_mut(&client) else {
            let reply = self.object.apply(operation);
            self.sessions.insert(&client, Session { id, reply: reply.clone() });
            return Executed::Fresh(reply);
        };
        match id.cmp(&last.id) {
            Ordering::Less => Executed::Stale,
            Ordering::Equal => Executed::Repeated(last.reply.clone()),
            Ordering::Greater => {
                let reply = self.object.apply(operation);
                *last = Session { id, reply: reply.clone() };
                Executed::Fresh(reply)
            }
        }
    }

    /// The last executed request of `client`.
    pub fn last(&self, client: u32) -> Option<&Session<O::Reply>> {
        self.sessions.get(&client)
    }

    /// The clients that have had a request executed, in their order, with the last one.
    pub fn sessions(&self) -> Vec<(u32, &Session<O::Reply>)> {
        self.sessions.sorted().into_iter().map(|(client, session)| (*client, session)).collect()
    }

    /// The object.
    pub fn object(&self) -> &O {
        &self.object
    }

    /// The object, to be changed past all requests, as a faulty replica does.
    pub fn object_mut(&mut self) -> &mut O {
        &mut self.object
    }

    /// The hash of the object and of all sessions: equal for equal states.
    pub fn state_hash(&self) -> Digest {
        let mut bytes = [0; 2 * size_of::<Digest>()];
        let (object, sessions) = bytes.split_at_mut(size_of::<Digest>());
        object.copy_from_slice(&self.object.state_hash());
        sessions.copy_from_slice(&self.sessions.digest());
        blake3::keyed_hash(DOMAIN, &bytes).into()
    }
}

impl<O: Object> Default for ReplicatedState<O> {
    fn default() -> Self {
        Self::new(O::default())
    }
}

impl<R: Answer> Canonical for Session<R> {
    fn feed(&self, mut sink: impl FnMut(&[u8])) {
        sink(&self.id.to_le_bytes());
        self.reply.feed(sink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Operation, Reply, Text};

    fn reading(text: &str) -> Reply {
        Reply::of(&Text::from(text))
    }

    #[test]
    fn a_request_is_executed_once() {
        let mut state: ReplicatedState = ReplicatedState::default();
        let append = Operation::append("movie", " wars");
        assert_eq!(state.execute(0, 1, &Operation::put("movie", "star")).reply(), Some(Reply::OK));
        assert_eq!(state.execute(0, 2, &append), Executed::Fresh(Reply::OK));
        let hash = state.state_hash();
        assert_eq!(state.execute(0, 2, &append), Executed::Repeated(Reply::OK));
        assert_eq!(state.execute(0, 1, &append), Executed::Stale);
        assert_eq!(state.state_hash(), hash);
        assert_eq!(state.object().get("movie").unwrap().as_str(), "star wars");
    }

    #[test]
    fn a_repeated_request_gets_the_reply_of_its_time() {
        let mut state: ReplicatedState = ReplicatedState::default();
        let get = Operation::get("movie");
        let _ = state.execute(0, 0, &Operation::put("movie", "star"));
        assert_eq!(state.execute(1, 7, &get), Executed::Fresh(reading("star")));
        let _ = state.execute(0, 1, &Operation::put("movie", "stars"));
        assert_eq!(state.execute(1, 7, &get), Executed::Repeated(reading("star")));
        assert_eq!(state.execute(1, 8, &get), Executed::Fresh(reading("stars")));
    }

    #[test]
    fn clients_do_not_share_numbers() {
        let mut state: ReplicatedState = ReplicatedState::default();
        let get = Operation::get("movie");
        for client in [3, 0, u32::MAX] {
            assert_eq!(state.execute(client, 5, &get), Executed::Fresh(Reply::EMPTY));
        }
        let clients: Vec<_> = state.sessions().into_iter().map(|(client, _)| client).collect();
        assert_eq!(clients, [0, 3, u32::MAX]);
    }

    #[test]
    fn the_hash_covers_requests_that_left_the_object_alone() {
        let mut state: ReplicatedState = ReplicatedState::default();
        let mut hashes = vec![state.state_hash()];
        for (client, id) in [(0, 1), (0, 2), (1, 1), (1, 2)] {
            let _ = state.execute(client, id, &Operation::get("movie"));
            assert!(!hashes.contains(&state.state_hash()));
            hashes.push(state.state_hash());
        }
    }

    #[test]
    fn the_order_of_independent_requests_leaves_no_trace() {
        let run = |clients: &[u32]| {
            let mut state: ReplicatedState = ReplicatedState::default();
            for client in clients {
                let key = client.to_string();
                let _ = state.execute(*client, 1, &Operation::put(&key, "value"));
            }
            state
        };
        let forth: Vec<u32> = (0..50).collect();
        let back: Vec<u32> = (0..50).rev().collect();
        assert_eq!(run(&forth).state_hash(), run(&back).state_hash());
        let bytes = postcard::to_stdvec(&run(&forth)).unwrap();
        assert_eq!(postcard::to_stdvec(&run(&back)).unwrap(), bytes);
        let read: ReplicatedState = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(read.state_hash(), run(&back).state_hash());
    }
}
