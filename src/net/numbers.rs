//! Numbered bundles: what is on its way until it is acknowledged, and what has come.

use std::collections::VecDeque;

use super::bundle::Bundle;
use super::frame::FrameError;
use super::handshake::HandshakeError;
use super::word::Word;

/// How many bytes are sent at once, if there are several bundles.
const BATCH: usize = 256 << 10;

/// What a bundle's frame has beside the bundle.
const HEADER: usize = 9;

/// What is on its way to another node.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) session: u64,
    peer_session: Option<u64>,
    /// Not acknowledged yet, the oldest first.
    pub(super) bundles: VecDeque<Bundle>,
    pub(super) bytes: usize,
    /// How many parcels these are.
    pub(super) parcels: usize,
    /// The number of the first of them.
    pub(super) first: u64,
    /// How many of them left over this connection.
    pub(super) left: usize,
    /// How many of them left over any.
    pub(super) ever_left: usize,
    pub(super) is_up: bool,
    pub(super) lost: u64,
    /// Whether the last bundle found no room.
    is_full: bool,
    room: Room,
}

/// Why a bundle was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Lost {
    #[error(
        "a message of {length} bytes is longer than the {most} that a link carries; keep values \
         and histories shorter (slice them, `checkpoint_every` fewer slots), or the others cannot \
         catch up"
    )]
    TooLong { length: usize, most: usize },
    #[error(
        "{parcels} messages of {bytes} bytes wait for it already, and more are lost; see whether \
         it hangs, and how wide the way to it is"
    )]
    Full { parcels: usize, bytes: usize },
}

/// Which life of its peer a line reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// The first that it knows of.
    First,
    /// The same as before.
    Same,
    /// Another than before: it knows nothing of what the former was told.
    Another,
}

/// How much may wait to be acknowledged, and how large a frame may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) parcels: usize,
    pub(super) bytes: usize,
    pub(super) frame: usize,
}

impl Outgoing {
    pub(super) fn new(session: u64, room: Room) -> Outgoing {
        Outgoing {
            session,
            peer_session: None,
            bundles: VecDeque::new(),
            bytes: 0,
            parcels: 0,
            first: 1,
            left: 0,
            ever_left: 0,
            is_up: false,
            lost: 0,
            is_full: false,
            room,
        }
    }

    /// Puts a bundle last. Where there is no room it is lost, as it may be in any network; why, if
    /// that is news.
    pub(super) fn push(&mut self, bundle: Bundle) -> Option<Lost> {
        let (length, room) = (bundle.bytes.len(), self.room);
        let (bytes, parcels) = (self.bytes + length, self.parcels + bundle.parcels);
        if length + HEADER > room.frame {
            self.lost += bundle.parcels as u64;
            return Some(Lost::TooLong { length, most: room.frame - HEADER });
        }
        if bytes > room.bytes || parcels > room.parcels {
            self.lost += bundle.parcels as u64;
            let is_news = !std::mem::replace(&mut self.is_full, true);
            return is_news.then_some(Lost::Full { parcels: self.parcels, bytes: self.bytes });
        }
        self.is_full = false;
        (self.bytes, self.parcels) = (bytes, parcels);
        self.bundles.push_back(bundle);
        None
    }

    /// The peer has answered a call.
    pub(super) fn welcomed(&mut self, session: u64, received: u64) -> Life {
        let life = match self.peer_session.replace(session) {
            None => Life::First,
            Some(known) if known == session => Life::Same,
            Some(_) => Life::Another,
        };
        if life == Life::Another {
            self.lost += self.forget(self.ever_left) as u64;
        } else {
            self.received(received);
        }
        self.left = 0;
        self.is_up = true;
        life
    }

    /// All up to this number have come.
    pub(super) fn received(&mut self, number: u64) {
        let count = number.saturating_add(1).saturating_sub(self.first) as usize;
        self.forget(count.min(self.ever_left));
    }

    /// The first of them need not be kept; returns how many parcels these were.
    fn forget(&mut self, count: usize) -> usize {
        let before = self.parcels;
        for Bundle { bytes, parcels } in self.bundles.drain(..count) {
            self.bytes -= bytes.len();
            self.parcels -= parcels;
        }
        self.first += count as u64;
        self.left = self.left.saturating_sub(count);
        self.ever_left = self.ever_left.saturating_sub(count);
        before - self.parcels
    }

    /// Puts what has not left over this connection into frames, as much as is sent at once.
    pub(super) fn batch(&mut self, to: &mut Vec<u8>) -> Result<(), FrameError> {
        while to.len() < BATCH
            && let Some(Bundle { bytes, .. }) = self.bundles.get(self.left)
        {
            let number = self.first + self.left as u64;
            Word::Bundle { number, bytes }.put(to, self.room.frame)?;
            self.left += 1;
            self.ever_left = self.ever_left.max(self.left);
        }
        Ok(())
    }

    /// How many parcels were lost for want of room, or with a former life of the peer.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
}

/// What has come from another node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Incoming {
    pub(super) session: Option<u64>,
    /// The last one; none before the first of a session.
    pub(super) last: Option<u64>,
    /// How often the peer has called: what an earlier connection still brings is void.
    pub(super) calls: u64,
    /// Whether the peer is heard in its first life alone.
    is_mortal: bool,
    /// The last one that was refused.
    refused: Option<u64>,
}

/// What to do about a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is the next one.
    New,
    /// It was here before.
    Repeated,
    /// Something is missing before it.
    Early,
}

impl Incoming {
    /// From a peer who is not heard any more once he has begun anew.
    pub(super) fn of_a_mortal() -> Incoming {
        Incoming { is_mortal: true, ..Incoming::default() }
    }

    /// The peer calls; returns up to which bundle everything has come, and the number of the call.
    pub(super) fn called(&mut self, session: u64) -> Result<(u64, u64), HandshakeError> {
        if self.session != Some(session) {
            if self.is_mortal && self.session.is_some() {
                return Err(HandshakeError::Said("has begun anew, and what it had made is gone"));
            }
            (self.session, self.last) = (Some(session), None);
        }
        self.calls += 1;
        Ok((self.last.unwrap_or(0), self.calls))
    }

    /// A life of the peer is refused: for this, the first time that it calls. It goes on calling.
    pub(super) fn refuse(&mut self, session: u64, why: HandshakeError) -> HandshakeError {
        let is_news = self.refused.replace(session) != Some(session);
        if is_news { why } else { HandshakeError::Closed }
    }

    /// Whether the peer has lived before this life.
    pub(super) fn is_another(&self, session: u64) -> bool {
        self.session.is_some_and(|known| known != session)
    }

    pub(super) fn turn(&self, number: u64) -> Turn {
        match self.last {
            None => Turn::New,
            Some(last) if number <= last => Turn::Repeated,
            Some(last) if number == last + 1 => Turn::New,
            Some(_) => Turn::Early,
        }
    }
}
