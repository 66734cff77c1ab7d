//! A replica's part when Olympus replaces its configuration: it becomes immutable and tells its
//! history, executes on a copy what it lacks of the longest one, hands the copy over. And a new
//! replica's part: it takes its first state.

use std::sync::Arc;

use super::super::messages::Message;
use super::super::notes::{Dropped, Mode, Note};
use super::super::rules::{Replicated, Rules};
use super::super::statements::*;
use super::super::{Out, Timer};
use super::{OrderedRequest, Replica};
use crate::crypto::{Signed, Statement};
use crate::identity::Identity;
use crate::object::{Executed, ReplicatedState};
use crate::process::Message as _;

/// The state after catching up, and what was told of it. The replica's own state stays as it was
/// when it was wedged, so that an attempt that fails leaves no trace.
#[derive(Clone, Debug)]
pub(super) struct CaughtUpCopy<O: Replicated> {
    attempt: u32,
    state: ReplicatedState<O>,
    told: Arc<Signed<CaughtUp>>,
}

impl<R: Rules> Replica<R> {
    /// Does what Olympus says, if it is the word of Olympus to this configuration.
    pub(super) fn act_for_olympus(&mut self, message: Message<R::Object>, out: &mut Out<R>) {
        let kind = message.kind();
        let mine = self.members().number;
        let dropped = match message {
            Message::WedgeRequest(request) => self
                .refusal(&request, request.body().configuration, out)
                .or_else(|| self.on_wedge_request(out)),
            Message::CatchUp(catch_up) => self
                .refusal(&catch_up, catch_up.body().configuration, out)
                .or_else(|| self.on_catch_up(catch_up.body(), out)),
            Message::GetRunningState(get) => self
                .refusal(&get, get.body().configuration, out)
                .or_else(|| self.on_get_running_state(get.body(), out)),
            Message::NewConfiguration(new) => self
                .refusal(&new, new.body().configuration, out)
                .or_else(|| self.on_new_configuration(new.body(), out)),
            Message::Stop { configuration } if configuration == mine => {
                out.stop();
                None
            }
            _ => Some(Dropped::Unasked),
        };
        if let Some(why) = dropped {
            self.drop(kind, Identity::OLYMPUS, why, out);
        }
    }

    /// Why this is not the word of Olympus to this configuration, if so.
    fn refusal<T: Statement>(
        &self,
        statement: &Signed<T>,
        configuration: u32,
        out: &mut Out<R>,
    ) -> Option<Dropped> {
        if configuration != self.members().number {
            return Some(Dropped::OtherConfiguration);
        }
        let is_signed = statement.signer() == Identity::OLYMPUS
            && statement.verify(&self.olympus, out.notary());
        (!is_signed).then_some(Dropped::BadSignature)
    }

    /// The first wedge request makes the replica immutable and fixes what it tells; any further one
    /// is answered with the same.
    fn on_wedge_request(&mut self, out: &mut Out<R>) -> Option<Dropped> {
        let wedged = match self.wedged.clone() {
            Some(wedged) => wedged,
            None => self.wedge(out),
        };
        out.send(Identity::OLYMPUS, Message::Wedged(wedged));
        None
    }

    fn wedge(&mut self, out: &mut Out<R>) -> Arc<Signed<Wedged>> {
        let body = Wedged {
            configuration: self.members().number,
            position: self.position as u32,
            checkpoint: self.checkpoints.proof.clone(),
            history: self.history.told(),
        };
        out.note(|| Note::Wedged {
            configuration: body.configuration,
            checkpoint: body.checkpoint_slot(),
            last_slot: body.last_slot(),
        });
        let wedged = Arc::new(Signed::seal(body, &self.key, out.notary()));
        self.wedged = Some(wedged.clone());
        if self.settings.rules.wedge_makes_immutable() {
            self.mode = Mode::Immutable;
            let configuration = self.members().number;
            let refusal = ErrorStatement { configuration, reason: ErrorReason::Immutable };
            self.refusal = Some(Arc::new(Signed::seal(refusal, &self.key, out.notary())));
            self.note_mode(out);
        }
        out.cancel_timer(Timer::Plea);
        wedged
    }

    /// Executes what it lacks, on a copy of the state as of wedging, and tells what came of it.
    fn on_catch_up(&mut self, catch_up: &CatchUp, out: &mut Out<R>) -> Option<Dropped> {
        if self.wedged.is_none() {
            return Some(Dropped::NotImmutable);
        }
        match &self.copy {
            Some(copy) if copy.attempt > catch_up.attempt => return Some(Dropped::Late),
            Some(copy) if copy.attempt == catch_up.attempt => {
                out.send(Identity::OLYMPUS, Message::CaughtUp(copy.told.clone()));
                return None;
            }
            _ => {}
        }
        let (state, body) = self.caught_up(catch_up, out);
        out.note(|| Note::CaughtUp {
            attempt: body.attempt,
            last_slot: body.last_slot,
            state: body.state,
            lacked: catch_up.requests.len(),
        });
        if !self.settings.rules.catches_up_on_a_copy() {
            self.state = state.clone();
        }
        let told = Arc::new(Signed::seal(body, &self.key, out.notary()));
        let attempt = catch_up.attempt;
        self.copy = Some(CaughtUpCopy { attempt, state, told: told.clone() });
        out.send(Identity::OLYMPUS, Message::CaughtUp(told));
        None
    }

    /// The copy with all that was lacking, and the statement about it.
    fn caught_up(
        &self,
        catch_up: &CatchUp,
        out: &mut Out<R>,
    ) -> (ReplicatedState<R::Object>, CaughtUp) {
        let mut state = self.state.clone();
        let mut newest: Vec<_> = self.seats.iter().map(|seat| seat.ordered).collect();
        let mut last_slot = self.next_slot - 1;
        for (slot, request) in &catch_up.requests {
            let Request { client, id, operation } = request.body();
            let executed = state.execute(*client, *id, operation);
            let place = newest.get_mut(*client as usize);
            // One that is older than the client's last executed one has no effect.
            if let (Some(place), Executed::Fresh(_) | Executed::Repeated(_)) = (place, executed) {
                *place = Some(OrderedRequest { id: *id, slot: *slot, request: *request.hash() });
            }
            last_slot = last_slot.max(*slot);
        }
        let results = self.last_results(catch_up.attempt, &state, &newest, out);
        let CatchUp { configuration, attempt, .. } = *catch_up;
        let hash = self.settings.rules.state_hash(&state);
        (state, CaughtUp { configuration, attempt, last_slot, state: hash, results })
    }

    /// For each client that had a request ordered in this configuration, the last result.
    fn last_results(
        &self,
        attempt: u32,
        state: &ReplicatedState<R::Object>,
        newest: &[Option<OrderedRequest>],
        out: &mut Out<R>,
    ) -> Vec<LastResult> {
        let configuration = self.members().number;
        let mut results = Vec::new();
        for (client, newest) in (0..).zip(newest) {
            let (Some(newest), Some(last)) = (newest, state.last(client)) else {
                continue;
            };
            if newest.id != last.id {
                continue;
            }
            let OrderedRequest { id, slot, request } = *newest;
            let result = result_hash(&last.reply);
            let result = ResultStatement { configuration, slot, client, id, request, result };
            let statement = CaughtUpResult { attempt, result };
            let statement = Signed::seal(statement, &self.key, out.notary());
            results.push(LastResult { reply: last.reply.clone(), statement });
        }
        results
    }

    /// Hands over the copy of this attempt; of an earlier or later one there is none.
    fn on_get_running_state(&self, get: &GetRunningState, out: &mut Out<R>) -> Option<Dropped> {
        let Some(copy) = self.copy.as_ref().filter(|copy| copy.attempt == get.attempt) else {
            return Some(Dropped::Unasked);
        };
        let GetRunningState { configuration, attempt } = *get;
        let body = RunningState { configuration, attempt, state: copy.state.clone() };
        let running = Arc::new(Signed::seal(body, &self.key, out.notary()));
        out.send(Identity::OLYMPUS, Message::RunningState(running));
        None
    }

    /// A pending replica takes its state and catches up on its mail; any replica acknowledges.
    fn on_new_configuration(
        &mut self,
        new: &NewConfiguration<R::Object>,
        out: &mut Out<R>,
    ) -> Option<Dropped> {
        let configuration = new.configuration;
        out.send(Identity::OLYMPUS, Message::Acknowledgement { configuration });
        if self.mode != Mode::Pending {
            return Some(Dropped::Repeated);
        }
        self.state = new.state.clone();
        self.mode = Mode::Active;
        self.note_mode(out);
        for (from, message) in std::mem::take(&mut self.queued) {
            self.act(from, message, out);
        }
        None
    }
}
