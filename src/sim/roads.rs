//! All links of a network, for those who carry messages by another clock than a world's.
//!
//! What befalls a message is the same as in a world of the same seed: the same questions have the
//! same answers.

use std::collections::BTreeMap;

use crate::choice::{About, Choices, Tape};
use crate::identity::{Address, Identity};
use crate::process::Message;
use crate::scenario::{Network, Schedule};
use crate::wire;

use super::ground;
use super::link::{Asking, Fate, Link};

/// The links between all processes, each made when it is first used.
#[derive(Debug)]
pub(crate) struct Roads {
    network: Network,
    schedule: Schedule,
    choices: Choices,
    links: BTreeMap<(Identity, Identity), Link>,
}

impl Roads {
    pub(crate) fn new(network: Network, schedule: Schedule, seed: u64) -> Roads {
        let choices = Choices::new(seed, Tape::default());
        Roads { network, schedule, choices, links: BTreeMap::new() }
    }

    /// Decides what becomes of a message that is sent now.
    pub(crate) fn carry<M: Message>(
        &mut self,
        now_ns: u64,
        (from, to): (Identity, Identity),
        message: &M,
    ) -> Fate {
        let link = self.links.entry((from, to)).or_insert_with(|| {
            let rules = self.network.link(from, to);
            let cuts = ground::cuts(&self.network, from, to);
            let ends = self.choices.ends(Address::of(from), Address::of(to));
            Link::new(rules, cuts, ends, self.schedule)
        });
        let (kind, subject) = (message.kind(), message.subject());
        let about = About { kind, subject, copy: link.count(kind, subject) };
        let mut asking = Asking { about: &about, choices: &mut self.choices };
        link.carry(now_ns, &mut asking, || wire::encoded_len(message))
    }
}
