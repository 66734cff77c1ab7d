//! The protocol with one decision wrong: what a fuzzer must find, and a lesson in what each
//! decision is for.
//!
//! A quirk is a set of [`Rules`] that answers one question otherwise than [`Sound`] and all others
//! as it does. The processes do not know of quirks.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::chain::Chain;
use super::proof::{self, Flaw, Judgement, OrderFlaw};
use super::rules::{self, Known, Rules, SlotTest, Sound, Standing, WedgeFlaw};
use super::settings::Settings;
use super::statements::*;
use crate::crypto::{Digest, Notary, Signed};
use crate::object::{Dictionary, Object, ReplicatedState};

/// Makes the enum, the list of all, and what each one's name and meaning are.
macro_rules! quirks {
    ($($quirk:ident = $name:literal: $what:literal,)*) => {
        /// A wrong decision.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Quirk {
            $(#[doc = $what] $quirk,)*
        }

        impl Quirk {
            /// All of them.
            pub const ALL: &[Quirk] = &[$(Quirk::$quirk,)*];

            /// The names of all of them, in the same order.
            pub const NAMES: &[&str] = &[$($name,)*];

            /// The name in scenarios and on the command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Quirk::$quirk => $name,)*
                }
            }

            /// What is decided wrongly.
            pub const fn what(self) -> &'static str {
                match self {
                    $(Quirk::$quirk => $what,)*
                }
            }
        }
    };
}

quirks! {
    SmallQuorum = "small_quorum":
        "t replicas are taken for a quorum, where t + 1 are one.",
    HistoriesComparedByPlace = "histories_compared_by_place":
        "Two histories are compared entry by entry, wherever each of them begins.",
    HolesTolerated = "holes_tolerated":
        "A history with a hole, or one that does not begin after its checkpoint, may stand in a \
         quorum.",
    ClientSignaturesUnchecked = "client_signatures_unchecked":
        "Whoever sends a request is believed to have it from the client.",
    OperationsNotCompared = "operations_not_compared":
        "Order statements for one request are taken as proof for another one.",
    CheckpointOfT = "checkpoint_of_t":
        "A completed checkpoint counts with t statements.",
    CheckpointsNotChecked = "checkpoints_not_checked":
        "What the predecessors stated about a checkpoint is carried on unseen.",
    HistoryDroppedEarly = "history_dropped_early":
        "History is dropped when a checkpoint is taken, before there is a proof of it.",
    CatchesUpInPlace = "catches_up_in_place":
        "Catching up changes the running state itself, so that a refused quorum leaves its trace.",
    CatchUpSkipsASlot = "catch_up_skips_a_slot":
        "A member that lacks slots of the longest history is not told the first of them.",
    NothingToCatchUp = "nothing_to_catch_up":
        "Members are not told what they lack of the longest history.",
    ShortestHistory = "shortest_history":
        "Of a quorum's histories the shortest counts as the longest.",
    CaughtUpNotCompared = "caught_up_not_compared":
        "Members of a quorum need not agree on the state after catching up.",
    QuorumNotAwaited = "quorum_not_awaited":
        "Olympus goes on when the first member has caught up.",
    LateCaughtUpAccepted = "late_caught_up_accepted":
        "A member's answer to an earlier attempt counts in the current one.",
    RunningStateUnchecked = "running_state_unchecked":
        "The running state that a member hands over is not compared with the agreed hash.",
    RefusedQuorumsRetried = "refused_quorums_retried":
        "A quorum that was refused for what its members said is tried again, for ever.",
    SessionsLost = "sessions_lost":
        "A new configuration does not know which requests were executed in the old one.",
    SessionsNotHashed = "sessions_not_hashed":
        "The hash of a state leaves out the last results of the clients.",
    DeliversUnconfirmed = "delivers_unconfirmed":
        "Olympus tells a client a result for which one member alone vouches.",
    WedgingDoesNotBind = "wedging_does_not_bind":
        "A replica goes on ordering after it told its history.",
    WedgedUnchecked = "wedged_unchecked":
        "What a replica tells when it is wedged is believed as it is.",
    EntriesUnchecked = "entries_unchecked":
        "The slots of a wedged history need no proofs.",
    OrdersAgain = "orders_again":
        "The head orders a retransmitted request again, though it stands in a slot.",
    ExecutedCountsAsAnswered = "executed_counts_as_answered":
        "A request that was executed in an earlier configuration is dropped as an old one.",
    NewestResultServed = "newest_result_served":
        "A client is served its newest cached result, whatever it asks for.",
    SlotsOrderedTwice = "slots_ordered_twice":
        "A slot that comes again is ordered again.",
    GapsTolerated = "gaps_tolerated":
        "A slot is ordered though lower ones are missing.",
    OrderSignaturesUnchecked = "order_signatures_unchecked":
        "Signatures under order statements are not checked.",
    ResultSignaturesUnchecked = "result_signatures_unchecked":
        "Signatures under result statements are not checked.",
    CheckpointSignaturesUnchecked = "checkpoint_signatures_unchecked":
        "Signatures under checkpoint statements are not checked.",
    ChainNotAwaited = "chain_not_awaited":
        "A result counts when t + 1 agree on it, though others have not ordered the request.",
    DuplicatesCounted = "duplicates_counted":
        "A statement that stands twice in a proof counts twice.",
    OneAgreeing = "one_agreeing":
        "A result counts when all have stated one, though nobody agrees.",
    BadResultsServed = "bad_results_served":
        "A result is cached and passed on whatever its proof is worth.",
    TimersNotCancelled = "timers_not_cancelled":
        "The timer of a retransmitted request runs on after its result has come.",
    StatesNotHashed = "states_not_hashed":
        "The hash of a state leaves out the object.",
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Quirk {
    /// The quirk of this name.
    pub fn find(name: &str) -> Option<Quirk> {
        Quirk::ALL.iter().copied().find(|quirk| quirk.name() == name)
    }

    fn is(self, other: Quirk) -> bool {
        self == other
    }
}

impl Rules for Quirk {
    type Object = Dictionary;

    fn quorum(&self, t: usize) -> usize {
        match self {
            Quirk::SmallQuorum => t.max(1),
            _ => Sound.quorum(t),
        }
    }

    fn is_signed_by_client(
        &self,
        members: &Configuration,
        request: &Signed<Request>,
        notary: &mut Notary,
    ) -> bool {
        match self {
            // Nobody is believed to be a client that there is not.
            Quirk::ClientSignaturesUnchecked => members.has_client(request.body().client),
            _ => Sound.is_signed_by_client(members, request, notary),
        }
    }

    fn standing(&self, id: u64, known: &Known) -> Standing {
        match self {
            Quirk::NewestResultServed if known.cached.is_some() => Standing::Cached,
            Quirk::ExecutedCountsAsAnswered
                if known.executed == Some(id) && known.ordered != Some(id) =>
            {
                Standing::Old
            }
            Quirk::OrdersAgain => match Sound.standing(id, known) {
                Standing::Ordered => Standing::Unknown,
                standing => standing,
            },
            _ => Sound.standing(id, known),
        }
    }

    fn test_slot(&self, next: u64, slot: u64) -> SlotTest {
        match (self, Sound.test_slot(next, slot)) {
            (Quirk::SlotsOrderedTwice, SlotTest::Before)
            | (Quirk::GapsTolerated, SlotTest::Gap) => SlotTest::Next,
            (_, test) => test,
        }
    }

    fn check_orders(
        &self,
        members: &Configuration,
        orders: &OrderProof,
        count: usize,
        slot: u64,
        request: &Digest,
        notary: &mut Notary,
    ) -> Result<(), OrderFlaw> {
        match self {
            Quirk::OperationsNotCompared => {
                let stated = orders.newest().map_or(*request, |order| order.body().request);
                match Sound.check_orders(members, orders, count, slot, &stated, notary) {
                    Err(OrderFlaw::Statements(flaw)) => Err(OrderFlaw::Statements(flaw)),
                    _ => Ok(()),
                }
            }
            Quirk::OrderSignaturesUnchecked => {
                let fits = |order: &Order| {
                    (order.configuration, order.slot) == (members.number, slot)
                        && order.request == *request
                };
                are_there(members, orders, count, fits).map_err(OrderFlaw::Statements)
            }
            _ => Sound.check_orders(members, orders, count, slot, request, notary),
        }
    }

    fn check_results(
        &self,
        members: &Configuration,
        results: &ResultProof,
        count: usize,
        own: &ResultStatement,
        notary: &mut Notary,
    ) -> Result<(), Flaw> {
        match self {
            Quirk::ResultSignaturesUnchecked => {
                are_there(members, results, count, |result| result.is_about_the_same(own))
            }
            _ => Sound.check_results(members, results, count, own, notary),
        }
    }

    fn judge_result(
        &self,
        settings: &Settings<Self>,
        members: &Configuration,
        proven: &ProvenResult,
        request: &Digest,
        known: &ResultProof,
        notary: &mut Notary,
    ) -> Judgement {
        let quorum = self.quorum(members.t());
        let settings = settings.under(Sound);
        match self {
            Quirk::SmallQuorum => {
                proof::judge_whole_chain(members, proven, request, quorum, known, notary)
            }
            Quirk::ChainNotAwaited => {
                proof::judge_agreeing(members, proven, request, quorum, notary)
            }
            Quirk::OneAgreeing => {
                proof::judge_whole_chain(members, proven, request, 1, known, notary)
            }
            Quirk::ResultSignaturesUnchecked | Quirk::DuplicatesCounted => {
                judge_loosely(*self, members, proven, request, notary)
            }
            _ => Sound.judge_result(&settings, members, proven, request, known, notary),
        }
    }

    fn may_serve(&self, judgement: &Judgement) -> bool {
        self.is(Quirk::BadResultsServed) || Sound.may_serve(judgement)
    }

    fn cancels_timer(&self) -> bool {
        !self.is(Quirk::TimersNotCancelled)
    }

    fn state_hash(&self, state: &ReplicatedState<Dictionary>) -> Digest {
        match self {
            Quirk::SessionsNotHashed => Digest::from_bytes(state.object().state_hash()),
            Quirk::StatesNotHashed => {
                let mut without = state.clone();
                *without.object_mut() = Dictionary::default();
                Sound.state_hash(&without)
            }
            _ => Sound.state_hash(state),
        }
    }

    fn check_checkpoint_so_far(
        &self,
        members: &Configuration,
        statements: &CheckpointProof,
        count: usize,
        slot: u64,
        notary: &mut Notary,
    ) -> Result<(), Flaw> {
        match self {
            Quirk::CheckpointsNotChecked => Ok(()),
            Quirk::CheckpointSignaturesUnchecked => {
                are_there(members, statements, count, |statement| statement.slot == slot)
            }
            _ => Sound.check_checkpoint_so_far(members, statements, count, slot, notary),
        }
    }

    fn check_checkpoint(
        &self,
        settings: &Settings<Self>,
        members: &Configuration,
        proof: &CheckpointProof,
        known: &CheckpointProof,
        notary: &mut Notary,
    ) -> Result<(), Flaw> {
        match self {
            Quirk::SmallQuorum => {
                let quorum = self.quorum(members.t());
                proof::check_checkpoint_of_all(members, proof, quorum, known, notary)
            }
            Quirk::CheckpointOfT => {
                proof::check_checkpoint_of_some(members, proof, members.t().max(1), notary)
            }
            Quirk::CheckpointSignaturesUnchecked => {
                let slot = checkpoint_slot(proof);
                are_there(members, proof, members.size(), |statement| statement.slot == slot)?;
                match proof::most_agreeing(proof) >= self.quorum(members.t()) {
                    true => Ok(()),
                    false => Err(Flaw::TooFewAgree),
                }
            }
            _ => Sound.check_checkpoint(&settings.under(Sound), members, proof, known, notary),
        }
    }

    fn droppable(&self, hashed: u64, proven: u64) -> u64 {
        match self {
            Quirk::HistoryDroppedEarly => hashed.max(proven),
            _ => Sound.droppable(hashed, proven),
        }
    }

    fn wedge_makes_immutable(&self) -> bool {
        !self.is(Quirk::WedgingDoesNotBind)
    }

    fn catches_up_on_a_copy(&self) -> bool {
        !self.is(Quirk::CatchesUpInPlace)
    }

    fn check_wedged(
        &self,
        settings: &Settings<Self>,
        members: &Configuration,
        wedged: &Signed<Wedged>,
        notary: &mut Notary,
    ) -> Result<(), WedgeFlaw> {
        match self {
            Quirk::WedgedUnchecked => Ok(()),
            _ => rules::check_wedged(self, settings, members, wedged, notary),
        }
    }

    fn check_slots(&self, wedged: &Wedged) -> Result<(), WedgeFlaw> {
        match self {
            Quirk::HolesTolerated => Ok(()),
            _ => Sound.check_slots(wedged),
        }
    }

    fn check_entry(
        &self,
        members: &Configuration,
        position: u32,
        entry: &Recorded,
        notary: &mut Notary,
    ) -> Result<(), WedgeFlaw> {
        match self {
            Quirk::EntriesUnchecked => Ok(()),
            _ => rules::check_entry(self, members, position, entry, notary),
        }
    }

    fn are_consistent(&self, one: &Wedged, other: &Wedged) -> bool {
        match self {
            Quirk::HistoriesComparedByPlace => {
                let mut places = one.history.iter().zip(&other.history);
                places.all(|(our, their)| our.request.hash() == their.request.hash())
            }
            _ => Sound.are_consistent(one, other),
        }
    }

    fn longest(&self, quorum: &[&Wedged]) -> usize {
        match self {
            Quirk::ShortestHistory => {
                let last = |place: &usize| quorum[*place].last_slot();
                (0..quorum.len()).min_by_key(last).unwrap_or_default()
            }
            _ => Sound.longest(quorum),
        }
    }

    fn missing_part<'a>(&self, longest: &'a Wedged, member: &Wedged) -> Option<&'a [Recorded]> {
        let part = Sound.missing_part(longest, member)?;
        match self {
            Quirk::NothingToCatchUp => Some(&[]),
            Quirk::CatchUpSkipsASlot => Some(part.get(1..).unwrap_or_default()),
            _ => Some(part),
        }
    }

    fn have_caught_up_alike(&self, one: &CaughtUp, other: &CaughtUp) -> bool {
        self.is(Quirk::CaughtUpNotCompared) || Sound.have_caught_up_alike(one, other)
    }

    fn is_of_this_attempt(&self, attempt: u32, current: u32) -> bool {
        self.is(Quirk::LateCaughtUpAccepted) || Sound.is_of_this_attempt(attempt, current)
    }

    fn have_all_caught_up(&self, told: usize, quorum: usize) -> bool {
        self.is(Quirk::QuorumNotAwaited) || Sound.have_all_caught_up(told, quorum)
    }

    fn refuses_for_good(&self) -> bool {
        !self.is(Quirk::RefusedQuorumsRetried)
    }

    fn is_agreed_state(&self, state: &ReplicatedState<Dictionary>, agreed: &Digest) -> bool {
        self.is(Quirk::RunningStateUnchecked) || self.state_hash(state) == *agreed
    }

    fn is_confirmed(&self, quorum: usize, statements: &[Signed<CaughtUpResult>]) -> bool {
        self.is(Quirk::DeliversUnconfirmed) || Sound.is_confirmed(quorum, statements)
    }

    fn hand_over(&self, state: &ReplicatedState<Dictionary>) -> ReplicatedState<Dictionary> {
        match self {
            Quirk::SessionsLost => ReplicatedState::new(state.object().clone()),
            _ => Sound.hand_over(state),
        }
    }

    fn accepts_delivery(
        &self,
        members: &Configuration,
        delivery: &Delivery,
        request: &Digest,
        notary: &mut Notary,
    ) -> bool {
        let quorum = match self {
            Quirk::DeliversUnconfirmed => 1,
            _ => self.quorum(members.t()),
        };
        proof::check_delivery(members, delivery, request, quorum, notary)
    }
}

/// Whether replicas 0 to `count` - 1 are named as the signers of fitting statements.
fn are_there<T>(
    members: &Configuration,
    statements: &Chain<Signed<T>>,
    count: usize,
    fits: impl Fn(&T) -> bool,
) -> Result<(), Flaw> {
    let names_signers = (0..count).rev().zip(statements.backwards()).all(|(place, statement)| {
        statement.signer() == members.replica(place) && fits(statement.body())
    });
    if statements.len() == count && names_signers { Ok(()) } else { Err(Flaw::Missing) }
}

/// Judges a result without asking whether its statements are signed, or by whom each is.
fn judge_loosely(
    quirk: Quirk,
    members: &Configuration,
    proven: &ProvenResult,
    request: &Digest,
    notary: &mut Notary,
) -> Judgement {
    let hash = result_hash(&proven.reply);
    let agrees = |statement: &&Signed<ResultStatement>| {
        let body = statement.body();
        let is_about_it = body.request == *request && body.result == hash;
        let is_signed = match quirk {
            Quirk::DuplicatesCounted => members.signed(statement, notary),
            _ => true,
        };
        is_about_it && is_signed
    };
    let agreeing = proven.statements.backwards().filter(agrees).count();
    let enough = proven.statements.len() == members.size() && agreeing > members.t();
    Judgement {
        verdict: if enough { Ok(()) } else { Err(Flaw::TooFewAgree) },
        contradiction: proof::contradicting_results(members, &proven.statements, notary)
            .map(Box::new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Memory, Scheme};
    use crate::identity::Identity;
    use crate::object::Operation;

    #[test]
    fn names_are_unlike_and_found() {
        for quirk in Quirk::ALL {
            assert_eq!(Quirk::find(quirk.name()), Some(*quirk));
            assert_eq!(serde_json::to_string(quirk).unwrap(), format!("\"{quirk}\""));
            assert!(quirk.what().ends_with('.'), "{quirk}");
        }
        assert_eq!(Quirk::find("sound"), None);
    }

    #[test]
    fn a_client_that_there_is_not_has_signed_nothing() {
        let mut notary = Notary::new(Scheme::Ideal, Memory::None);
        let (key, _) = notary.keys(&[7; 32], Identity::client(0));
        let members =
            Configuration { number: 0, replicas: Vec::new(), clients: vec![key.public_key()] };
        for client in [0, 1, u32::MAX] {
            let body = Request { client, id: 0, operation: Operation::get("k") };
            let request = Signed::seal(body, &key, &mut notary);
            for quirk in Quirk::ALL {
                let believed = quirk.is_signed_by_client(&members, &request, &mut notary);
                assert_eq!(believed, client == 0, "{quirk}: {client}");
            }
        }
    }

    #[test]
    fn the_sound_rules_take_no_room() {
        assert_eq!(size_of::<Sound>(), 0);
        assert_eq!(size_of::<Quirk>(), 1);
    }
}
