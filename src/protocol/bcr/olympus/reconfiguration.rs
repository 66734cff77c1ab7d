//! How a configuration ends: its replicas become immutable, t + 1 of them are found whose histories
//! are proved and agree, they catch up with the longest one, tell the same state, and hand it over.
//!
//! Quorums are tried in lexicographic order of positions over what has arrived. A member that does
//! not answer makes its quorums wait for the next pass; when no others are left, a new pass begins
//! with twice the patience. What is refused is refused for good: a wedged message that is not
//! proved, a pair of members that contradict each other or told different states after catching up
//! (two correct ones never do), a quorum as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::messages::Message;
use super::super::notes::{Dropped, Note, QuorumFlaw};
use super::super::rules::{Replicated, Rules};
use super::super::settings::Deliver;
use super::super::statements::*;
use super::super::{Out, Timer};
use super::Service;
use super::quorum::first_quorum;
use crate::crypto::{Digest, Signed};
use crate::identity::Identity;

/// The most timeouts that Olympus waits for an answer.
const PATIENCE_LIMIT: u32 = 1 << 30;

/// A reconfiguration under way.
#[derive(Clone, Debug)]
pub(super) struct Reconfiguration<O: Replicated> {
    attempts: u32,
    /// How many timeouts Olympus waits for an answer; each time, it repeats its question.
    patience: u32,
    /// How many of them have passed.
    waited: u32,
    /// What may stand in a quorum, by position: the first wedged message from each.
    usable: BTreeMap<u32, Arc<Signed<Wedged>>>,
    /// Positions that can stand in none.
    unusable: BTreeSet<u32>,
    /// Whether two positions may stand together, where that is known; the lower one first.
    pairs: BTreeMap<(u32, u32), bool>,
    refused: BTreeSet<Vec<u32>>,
    /// Who did not answer in this pass.
    silent: BTreeSet<u32>,
    trial: Option<Trial<O>>,
}

/// A quorum that is tried.
#[derive(Clone, Debug)]
struct Trial<O: Replicated> {
    attempt: u32,
    quorum: Vec<u32>,
    last_slot: u64,
    caught_up: BTreeMap<u32, Arc<Signed<CaughtUp>>>,
    /// Which member is asked for its state, once all agree.
    asked: Option<usize>,
    /// What members are asked at present.
    questions: Vec<(u32, Message<O>)>,
}

impl<O: Replicated> Trial<O> {
    fn agreed(&self) -> Option<Digest> {
        self.caught_up.values().next().map(|caught_up| caught_up.body().state)
    }

    /// Who should answer and has not.
    fn missing(&self) -> Vec<u32> {
        match self.asked {
            Some(place) => self.quorum.get(place..place + 1).unwrap_or_default().to_vec(),
            None => {
                let is_missing = |member: &u32| !self.caught_up.contains_key(member);
                self.quorum.iter().copied().filter(is_missing).collect()
            }
        }
    }
}

impl<O: Replicated> Reconfiguration<O> {
    pub(super) fn new() -> Reconfiguration<O> {
        Reconfiguration {
            attempts: 0,
            patience: 1,
            waited: 0,
            usable: BTreeMap::new(),
            unusable: BTreeSet::new(),
            pairs: BTreeMap::new(),
            refused: BTreeSet::new(),
            silent: BTreeSet::new(),
            trial: None,
        }
    }

    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    fn has_heard(&self, position: u32) -> bool {
        self.usable.contains_key(&position) || self.unusable.contains(&position)
    }

    /// The next quorum of this pass.
    fn next_quorum<R: Rules>(&mut self, rules: R, size: usize) -> Option<Vec<u32>> {
        let may_stand =
            |position: &u32| !self.unusable.contains(position) && !self.silent.contains(position);
        let candidates: Vec<u32> = self.usable.keys().copied().filter(may_stand).collect();
        let (usable, pairs) = (&self.usable, &mut self.pairs);
        first_quorum(&candidates, size, &self.refused, |one, other| {
            let pair = (one.min(other), one.max(other));
            *pairs.entry(pair).or_insert_with(|| {
                rules.are_consistent(usable[&pair.0].body(), usable[&pair.1].body())
            })
        })
    }
}

impl<R: Rules> Service<R> {
    /// Tells replicas to become immutable: at first all, later those that have not answered.
    pub(super) fn request_wedges(&mut self, out: &mut Out<R>) {
        let Some(reconfiguration) = &self.reconfiguration else {
            return;
        };
        let configuration = self.current.body().number;
        let size = self.current.body().size() as u32;
        let missing = |position: &u32| !reconfiguration.has_heard(*position);
        let positions: Vec<u32> = (0..size).filter(missing).collect();
        if positions.is_empty() {
            return;
        }
        let request = Signed::seal(WedgeRequest { configuration }, &self.key, out.notary());
        let request = Arc::new(request);
        for position in &positions {
            let to = Identity::replica(configuration, *position);
            out.send(to, Message::WedgeRequest(request.clone()));
        }
        out.note(|| Note::WedgeRequested { configuration, positions });
    }

    /// A replica is immutable; its first message counts.
    pub(super) fn on_wedged(
        &mut self,
        from: Identity,
        wedged: Arc<Signed<Wedged>>,
        out: &mut Out<R>,
    ) -> Option<Dropped> {
        let members = self.current.body();
        let Some(reconfiguration) = &mut self.reconfiguration else {
            return Some(Dropped::Late);
        };
        if !members.has(from) || wedged.body().configuration != members.number {
            return Some(Dropped::OtherConfiguration);
        }
        let position = from.index;
        if reconfiguration.has_heard(position) {
            return Some(Dropped::Repeated);
        }
        if wedged.body().position != position {
            return Some(Dropped::WrongSender);
        }
        if let Err(why) =
            self.settings.rules.check_wedged(&self.settings, members, &wedged, out.notary())
        {
            reconfiguration.unusable.insert(position);
            out.note(|| Note::WedgeRefused { position, why });
            return None;
        }
        let (checkpoint, last_slot) = (wedged.body().checkpoint_slot(), wedged.body().last_slot());
        out.note(|| Note::WedgeUsable { position, checkpoint, last_slot });
        reconfiguration.usable.insert(position, wedged);
        if reconfiguration.trial.is_none() {
            self.try_next(out);
        }
        None
    }

    /// Tries the next quorum; without one, waits for more wedged messages.
    fn try_next(&mut self, out: &mut Out<R>) {
        let size = self.settings.rules.quorum(self.current.body().t());
        let Some(reconfiguration) = &mut self.reconfiguration else {
            return;
        };
        reconfiguration.trial = None;
        loop {
            match reconfiguration.next_quorum(self.settings.rules, size) {
                Some(quorum) => match plan(self.settings.rules, &reconfiguration.usable, &quorum) {
                    Some(plan) => return self.try_quorum(quorum, plan, out),
                    None => {
                        let why = QuorumFlaw::HistoryTooShort;
                        out.note(|| Note::QuorumRefused { quorum: quorum.clone(), why });
                        reconfiguration.refused.insert(quorum);
                    }
                },
                None if reconfiguration.silent.is_empty() => break,
                None => {
                    reconfiguration.silent.clear();
                    reconfiguration.patience = (reconfiguration.patience * 2).min(PATIENCE_LIMIT);
                    let patience = reconfiguration.patience;
                    out.note(|| Note::NewPass { patience });
                }
            }
        }
        out.set_timer(Timer::Step, self.settings.olympus_timeout_ns);
    }

    /// Sends each member what it lacks of the longest history.
    fn try_quorum(&mut self, quorum: Vec<u32>, plan: Plan, out: &mut Out<R>) {
        let Some(reconfiguration) = &mut self.reconfiguration else {
            return;
        };
        let configuration = self.current.body().number;
        reconfiguration.attempts += 1;
        let attempt = reconfiguration.attempts;
        out.note(|| Note::QuorumTried {
            configuration,
            attempt,
            quorum: quorum.clone(),
            longest: plan.longest,
            last_slot: plan.last_slot,
            lacking: plan.missing.iter().map(Vec::len).collect(),
        });
        let mut questions = Vec::with_capacity(quorum.len());
        for (member, requests) in quorum.iter().zip(plan.missing) {
            let catch_up = CatchUp { configuration, attempt, requests };
            let catch_up = Arc::new(Signed::seal(catch_up, &self.key, out.notary()));
            questions.push((*member, Message::CatchUp(catch_up)));
        }
        reconfiguration.trial = Some(Trial {
            attempt,
            quorum,
            last_slot: plan.last_slot,
            caught_up: BTreeMap::new(),
            asked: None,
            questions,
        });
        self.put_questions(out);
    }

    /// Asks what is to be asked, and begins to wait.
    fn put_questions(&mut self, out: &mut Out<R>) {
        if let Some(reconfiguration) = &mut self.reconfiguration {
            reconfiguration.waited = 0;
        }
        self.repeat_questions(out);
    }

    /// Asks those who have not answered.
    fn repeat_questions(&self, out: &mut Out<R>) {
        let configuration = self.current.body().number;
        if let Some(trial) = self.trial() {
            let missing = trial.missing();
            for (member, question) in &trial.questions {
                if missing.contains(member) {
                    out.send(Identity::replica(configuration, *member), question.clone());
                }
            }
        }
        out.set_timer(Timer::Step, self.settings.olympus_timeout_ns);
    }

    fn trial(&self) -> Option<&Trial<R::Object>> {
        self.reconfiguration.as_ref()?.trial.as_ref()
    }

    /// A member has caught up.
    pub(super) fn on_caught_up(
        &mut self,
        from: Identity,
        told: Arc<Signed<CaughtUp>>,
        out: &mut Out<R>,
    ) -> Option<Dropped> {
        let members = self.current.body();
        let trial = self.reconfiguration.as_mut().and_then(|under_way| under_way.trial.as_mut());
        let Some(trial) = trial.filter(|trial| {
            let CaughtUp { configuration, attempt, .. } = *told.body();
            trial.asked.is_none()
                && configuration == members.number
                && self.settings.rules.is_of_this_attempt(attempt, trial.attempt)
                && members.has(from)
        }) else {
            return Some(Dropped::Late);
        };
        let position = from.index;
        if !trial.quorum.contains(&position) || trial.caught_up.contains_key(&position) {
            return Some(Dropped::Unasked);
        }
        if told.signer() != from || !members.signed(&told, out.notary()) {
            self.exclude(position, QuorumFlaw::BadSignature, out);
        } else if told.body().last_slot != trial.last_slot {
            self.exclude(position, QuorumFlaw::WrongLastSlot, out);
        } else {
            trial.caught_up.insert(position, told);
            self.compare(out);
        }
        None
    }

    /// A member that has lied for certain stands in no quorum any more.
    fn exclude(&mut self, position: u32, why: QuorumFlaw, out: &mut Out<R>) {
        if let Some(reconfiguration) = &mut self.reconfiguration
            && self.settings.rules.refuses_for_good()
        {
            reconfiguration.unusable.insert(position);
        }
        self.refuse(why, out);
    }

    /// All that have caught up must tell the same state.
    fn compare(&mut self, out: &mut Out<R>) {
        let Some(reconfiguration) = &mut self.reconfiguration else {
            return;
        };
        let Some(trial) = &reconfiguration.trial else {
            return;
        };
        let mut told = trial.caught_up.iter();
        let Some((first, word)) = told.next() else {
            return;
        };
        let differing: Vec<(u32, u32)> = told
            .filter(|(_, other)| {
                !self.settings.rules.have_caught_up_alike(word.body(), other.body())
            })
            .map(|(position, _)| (*first, *position))
            .collect();
        if !differing.is_empty() {
            if self.settings.rules.refuses_for_good() {
                reconfiguration.pairs.extend(differing.into_iter().map(|pair| (pair, false)));
            }
            return self.refuse(QuorumFlaw::StatesDiffer, out);
        }
        let (told, quorum) = (trial.caught_up.len(), trial.quorum.len());
        if !self.settings.rules.have_all_caught_up(told, quorum) {
            return;
        }
        let (attempt, state) = (trial.attempt, word.body().state);
        out.note(|| Note::QuorumAgrees { attempt, quorum: trial.quorum.clone(), state });
        if self.settings.deliver == Deliver::CaughtUp {
            self.deliver_results(out);
        }
        self.ask_running_state(0, out);
    }

    /// Refuses the quorum that is tried for what its members said, and goes on to the next.
    fn refuse(&mut self, why: QuorumFlaw, out: &mut Out<R>) {
        let Some(reconfiguration) = &mut self.reconfiguration else {
            return;
        };
        let Some(trial) = reconfiguration.trial.take() else {
            return;
        };
        out.note(|| Note::QuorumRefused { quorum: trial.quorum.clone(), why });
        if self.settings.rules.refuses_for_good() {
            reconfiguration.refused.insert(trial.quorum);
        }
        self.try_next(out);
    }

    /// Asks a member for the state that all agree on.
    fn ask_running_state(&mut self, place: usize, out: &mut Out<R>) {
        let Some(reconfiguration) = &mut self.reconfiguration else {
            return;
        };
        let Some(trial) = &mut reconfiguration.trial else {
            return;
        };
        let Some(member) = trial.quorum.get(place).copied() else {
            return self.refuse(QuorumFlaw::NoRunningState, out);
        };
        trial.asked = Some(place);
        let get =
            GetRunningState { configuration: self.current.body().number, attempt: trial.attempt };
        let get = Arc::new(Signed::seal(get, &self.key, out.notary()));
        trial.questions = vec![(member, Message::GetRunningState(get))];
        self.put_questions(out);
    }

    /// A member hands over its state: if it is the agreed one, the quorum is final.
    pub(super) fn on_running_state(
        &mut self,
        from: Identity,
        running: &Signed<RunningState<R::Object>>,
        out: &mut Out<R>,
    ) -> Option<Dropped> {
        let members = self.current.body();
        let body = running.body();
        let asked = self.trial().and_then(|trial| {
            let place = trial.asked.filter(|_| trial.attempt == body.attempt)?;
            let is_asked = from == members.replica(trial.quorum[place] as usize);
            is_asked.then_some((place, trial.agreed()?))
        });
        let Some((place, agreed)) = asked.filter(|_| body.configuration == members.number) else {
            return Some(Dropped::Late);
        };
        let is_signed = running.signer() == from && members.signed(running, out.notary());
        if is_signed && self.settings.rules.is_agreed_state(&body.state, &agreed) {
            self.settle(&body.state, out);
            return None;
        }
        let (position, state) = (from.index, state_hash(&body.state));
        out.note(|| Note::RunningStateRefused { position, state });
        self.ask_running_state(place + 1, out);
        None
    }

    /// The quorum is final. Only now leaves Olympus what the reconfiguration decided.
    fn settle(&mut self, state: &super::State<R>, out: &mut Out<R>) {
        if let Some(trial) = self.trial() {
            out.note(|| Note::QuorumFinal {
                configuration: self.current.body().number,
                attempt: trial.attempt,
                quorum: trial.quorum.clone(),
                last_slot: trial.last_slot,
                state: trial.agreed().unwrap_or(Digest::from_bytes([0; 32])),
            });
        }
        if self.settings.deliver == Deliver::Final {
            self.deliver_results(out);
        }
        self.reconfiguration = None;
        out.cancel_timer(Timer::Step);
        self.succeed(self.settings.rules.hand_over(state), out);
    }

    /// Tells each client whose last result all members confirm.
    fn deliver_results(&self, out: &mut Out<R>) {
        let Some(trial) = self.trial() else { return };
        let mut told = trial.caught_up.values().map(|told| told.body());
        let Some(first) = told.next() else { return };
        let others: Vec<&CaughtUp> = told.collect();
        for last in &first.results {
            if let Some(statements) = self.confirmed(last, &others, out) {
                self.deliver(last, statements, out);
            }
        }
    }

    /// The statements of all members about a client's last result, if they confirm it.
    fn confirmed(
        &self,
        last: &LastResult,
        others: &[&CaughtUp],
        out: &mut Out<R>,
    ) -> Option<Vec<Signed<CaughtUpResult>>> {
        let members = self.current.body();
        let body = last.statement.body();
        let same = |told: &&CaughtUp| {
            let is_it = |other: &&LastResult| other.statement.body() == body;
            told.results.iter().find(is_it).map(|other| other.statement.clone())
        };
        let mut statements = vec![last.statement.clone()];
        statements.extend(others.iter().filter_map(same));
        statements.retain(|statement| members.signed(statement, out.notary()));
        let vouches = body.result.result == result_hash(&last.reply)
            && body.result.configuration == members.number;
        let quorum = others.len() + 1;
        (vouches && self.settings.rules.is_confirmed(quorum, &statements)).then_some(statements)
    }

    fn deliver(
        &self,
        last: &LastResult,
        statements: Vec<Signed<CaughtUpResult>>,
        out: &mut Out<R>,
    ) {
        let ResultStatement { client, id, slot, .. } = last.statement.body().result;
        let reply = last.reply.clone();
        out.note(|| Note::ResultDelivered { client, request: id, result: reply.clone(), slot });
        let delivery = Delivery { client, id, reply, statements };
        let delivery = Arc::new(Signed::seal(delivery, &self.key, out.notary()));
        out.send(Identity::client(client), Message::Delivery(delivery));
    }

    /// Somebody does not answer: it is asked again, until Olympus loses its patience.
    pub(super) fn on_step_timeout(&mut self, out: &mut Out<R>) {
        self.request_wedges(out);
        let Some(reconfiguration) = &mut self.reconfiguration else {
            return;
        };
        reconfiguration.waited += 1;
        if reconfiguration.trial.is_some() && reconfiguration.waited < reconfiguration.patience {
            return self.repeat_questions(out);
        }
        if let Some(trial) = reconfiguration.trial.take() {
            let silent = trial.missing();
            reconfiguration.silent.extend(&silent);
            out.note(|| Note::QuorumSilent { quorum: trial.quorum, silent });
        }
        self.try_next(out);
    }
}

/// What a quorum is to do.
struct Plan {
    longest: u32,
    last_slot: u64,
    /// What each member lacks.
    missing: Vec<Vec<(u64, Arc<Signed<Request>>)>>,
}

/// Finds the longest history of a quorum and what each member lacks of it; nothing if a history
/// ends before the longest one begins.
fn plan<R: Rules>(
    rules: R,
    usable: &BTreeMap<u32, Arc<Signed<Wedged>>>,
    quorum: &[u32],
) -> Option<Plan> {
    let told: Vec<&Wedged> = quorum.iter().map(|member| usable[member].body()).collect();
    let place = rules.longest(&told);
    let longest = told[place];
    let lacks = |member: &&Wedged| {
        let part = rules.missing_part(longest, member)?;
        Some(part.iter().map(|entry| (entry.slot, entry.request.clone())).collect())
    };
    let missing = told.iter().map(lacks).collect::<Option<_>>()?;
    Some(Plan { longest: quorum[place], last_slot: longest.last_slot(), missing })
}
