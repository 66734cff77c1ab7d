//! How a replica asks Olympus for a new configuration: at once, once for each reason, and again as
//! long as nothing comes of it.

use std::sync::Arc;

use super::super::messages::Message;
use super::super::notes::{Mode, Note};
use super::super::rules::Rules;
use super::super::statements::*;
use super::super::{Out, Timer};
use super::Replica;
use crate::crypto::Signed;
use crate::identity::Identity;

/// What a replica has asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Pleas {
    /// A bit for each reason.
    made: u16,
    /// The first one, which is repeated.
    first: Option<Arc<Plea>>,
}

impl<R: Rules> Replica<R> {
    /// Asks for a reconfiguration, unless it was asked for this reason before or is under way.
    #[cold]
    pub(super) fn ask(&mut self, reason: Reason, proof: Option<Contradiction>, out: &mut Out<R>) {
        if let Some(proof) = &proof {
            note_proof(proof, out);
        }
        let bit = 1 << reason as u8;
        if self.mode == Mode::Immutable || self.pleas.made & bit != 0 {
            return;
        }
        self.pleas.made |= bit;
        let configuration = self.members().number;
        let has_proof = proof.is_some();
        out.note(|| Note::AsksForReconfiguration { configuration, reason, proof: has_proof });
        let request = ReconfigurationRequest { configuration, reason };
        let request = Signed::seal(request, &self.key, out.notary());
        let plea = Arc::new(Plea { request, proof });
        self.pleas.first.get_or_insert(plea.clone());
        out.send(Identity::OLYMPUS, Message::ReconfigurationRequest(plea));
        out.set_timer(Timer::Plea, self.settings.olympus_timeout_ns);
    }

    /// Olympus has not reacted: perhaps it never heard.
    pub(super) fn repeat_plea(&mut self, out: &mut Out<R>) {
        if let Some(plea) = self.pleas.first.clone()
            && self.mode != Mode::Immutable
        {
            out.send(Identity::OLYMPUS, Message::ReconfigurationRequest(plea));
            out.set_timer(Timer::Plea, self.settings.olympus_timeout_ns);
        }
    }
}

/// Puts a lie on record.
pub(in super::super) fn note_proof<R: Rules>(proof: &Contradiction, out: &mut Out<R>) {
    let (slot, one, other) = match proof {
        Contradiction::Orders(one, other) => (one.body().slot, one.signer(), other.signer()),
        Contradiction::Results(one, other) => (one.body().slot, one.signer(), other.signer()),
    };
    out.note(|| Note::ProofOfMisbehaviour { slot, one, other });
}
