//! The adversary of a protocol for which nobody wrote one.

use crate::crypto::Notary;
use crate::identity::Identity;
use crate::process::{Effect, Input, Protocol};

use super::{Act, Adversary, Failure, Trigger};

/// Knows no lie and no message: its replicas fail in the ways that need no knowledge of a protocol,
/// set off by messages of some kind. Any message may be sent again.
#[derive(Clone, Copy, Debug)]
pub struct NoLies;

/// Why a lie cannot be told.
const WHY: &str = "this protocol knows no such failure";

impl<P: Protocol> Adversary<P> for NoLies {
    fn new(_: &[Failure]) -> NoLies {
        NoLies
    }

    fn trigger(_: Identity, _: &P::Message) -> Option<Trigger> {
        None
    }

    fn is_signed(_: &P::Message) -> bool {
        true
    }

    fn act(&mut self, _: Failure, _: &mut P::Process) -> Act {
        Act::InVain(WHY)
    }

    fn before(&mut self, _: &Input<P>, _: &mut P::Process) {}

    fn after(&mut self, _: &P::Process) {}

    fn tamper(
        &mut self,
        _: Failure,
        _: &mut Vec<Effect<P>>,
        _: &mut P::Process,
        _: &mut Notary,
    ) -> Act {
        Act::InVain(WHY)
    }
}
