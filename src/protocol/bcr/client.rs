//! A client: asks for one thing after the other, and believes only what enough replicas vouch for.
//!
//! First it asks for what is in its workload, then for what it is commanded to. Commands that come
//! before their turn wait, in order.

use std::collections::VecDeque;
use std::sync::Arc;

use super::chain::Chain;
use super::messages::{ClientKeys, Message};
use super::notes::{Dropped, Note, NoteName};
use super::proof::Flaw;
use super::rules::Rules;
use super::settings::Settings;
use super::statements::*;
use super::{Answer, Bcr, Command, Out, Timer};
use crate::crypto::Signed;
use crate::identity::Identity;
use crate::object::{Demand, Operation, Reply, Requests, Workload};
use crate::process::{Field, Input, Message as _, Ticket};

/// How many configurations a client keeps: results of older ones may still be on their way.
const KEPT_CONFIGURATIONS: usize = 16;

/// How many commands may wait for their turn.
const MOST_COMMANDS: usize = 1024;

/// A client.
#[derive(Clone, Debug)]
pub struct Client<R: Rules> {
    settings: Settings<R>,
    number: u32,
    requests: Requests,
    keys: Option<Arc<ClientKeys>>,
    /// All that Olympus has told of, the current one last.
    configurations: Vec<Arc<Signed<Configuration>>>,
    outstanding: Option<Arc<Signed<Request>>>,
    next_id: u64,
    /// Whether Olympus was asked for the configuration since the last timeout.
    has_asked: bool,
    /// The configuration in which it has proved a lie.
    has_accused: Option<u32>,
    answered: u64,
    /// Whether its workload is done.
    has_finished: bool,
    /// Commands that wait for their turn.
    commands: VecDeque<(Ticket, Operation)>,
    /// The command that the unanswered request is for, if it is for one.
    commanded: Option<Ticket>,
}

impl<R: Rules> Client<R> {
    /// A client that has done nothing yet.
    pub(super) fn new(settings: Settings<R>, number: u32, workload: &Workload) -> Client<R> {
        Client {
            settings,
            number,
            requests: workload.requests(),
            keys: None,
            configurations: Vec::new(),
            outstanding: None,
            next_id: 0,
            has_asked: false,
            has_accused: None,
            answered: 0,
            has_finished: false,
            commands: VecDeque::new(),
            commanded: None,
        }
    }

    pub(super) fn handle(&mut self, input: Input<Bcr<R>>, out: &mut Out<R>) {
        match input {
            Input::Start { .. } => {
                self.ask_configuration(out);
                self.start_timer(out);
            }
            // Without its memory it would use request ids again: it asks nothing more.
            Input::Restart { .. } => out.stop(),
            Input::Message { from, message } => self.receive(from, message, out),
            Input::Timer(_) => self.on_timeout(out),
            Input::Persisted { .. } => {}
            Input::Command { ticket, command: Command::Ask(operation) } => {
                self.on_command(ticket, operation, out);
            }
        }
    }

    /// Somebody outside asks for an operation: it is executed when what came before is answered.
    fn on_command(&mut self, ticket: Ticket, operation: Operation, out: &mut Out<R>) {
        if self.commands.len() == MOST_COMMANDS {
            return out.answer(ticket, Answer::Busy);
        }
        self.commands.push_back((ticket, operation));
        if self.outstanding.is_none() && self.current().is_some() {
            self.go_on(out);
        }
    }

    fn receive(&mut self, from: Identity, message: Message<R::Object>, out: &mut Out<R>) {
        let kind = message.kind();
        let dropped = match message {
            Message::Result(proven) => self.on_result(from, &proven, out),
            Message::Delivery(delivery) if from == Identity::OLYMPUS => {
                self.on_delivery(&delivery, out)
            }
            Message::Configuration { configuration, keys } if from == Identity::OLYMPUS => {
                self.learn(configuration, keys, out)
            }
            Message::Error(error) => self.on_error(&error, out),
            _ => Some(Dropped::WrongSender),
        };
        if let Some(why) = dropped {
            out.note(|| Note::Dropped { kind: NoteName(kind), from, why });
        }
    }

    /// Olympus tells which configuration is current.
    fn learn(
        &mut self,
        configuration: Arc<Signed<Configuration>>,
        keys: Option<Arc<ClientKeys>>,
        out: &mut Out<R>,
    ) -> Option<Dropped> {
        let Some(keys) = self.keys.clone().or(keys) else {
            return Some(Dropped::Early);
        };
        let is_word_of_olympus = configuration.signer() == Identity::OLYMPUS
            && configuration.verify(&keys.olympus, out.notary());
        if !is_word_of_olympus {
            return Some(Dropped::BadSignature);
        }
        self.has_asked = false;
        let Configuration { number, ref replicas, .. } = *configuration.body();
        if self.current().is_some_and(|current| number <= current.number) {
            return Some(Dropped::Repeated);
        }
        let replicas = replicas.len();
        out.note(|| Note::Learned { configuration: number, replicas });
        self.keys = Some(keys);
        if self.configurations.len() == KEPT_CONFIGURATIONS {
            self.configurations.remove(0);
        }
        self.configurations.push(configuration);
        match self.outstanding.clone() {
            Some(request) => self.resend(request, out),
            None if self.has_finished && self.commands.is_empty() => {}
            None => self.go_on(out),
        }
        None
    }

    /// An unanswered request goes to the head of the new configuration, which has not seen it yet.
    fn resend(&mut self, request: Arc<Signed<Request>>, out: &mut Out<R>) {
        let Some(current) = self.current() else {
            return;
        };
        let (configuration, head) = (current.number, current.replica(0));
        let (client, id) = (self.number, request.body().id);
        out.note(|| Note::Resends { client, request: id, configuration });
        out.send(head, Message::ClientRequest { request, retransmitted: false });
        self.start_timer(out);
    }

    /// Asks for the next thing, if there is one.
    fn go_on(&mut self, out: &mut Out<R>) {
        loop {
            match self.requests.next() {
                Some(Demand::Reconfigure) => self.wish_reconfiguration(out),
                Some(Demand::Execute(operation)) => return self.request(operation, out),
                None => break,
            }
        }
        if let Some((ticket, operation)) = self.commands.pop_front() {
            self.commanded = Some(ticket);
            return self.request(operation, out);
        }
        let client = self.number;
        out.cancel_timer(Timer::Client);
        if !self.has_finished {
            self.has_finished = true;
            out.note(|| Note::Finished { client });
        }
    }

    fn request(&mut self, operation: Operation, out: &mut Out<R>) {
        let (Some(keys), Some(current)) = (&self.keys, self.configurations.last()) else {
            return;
        };
        let (client, id) = (self.number, self.next_id);
        out.note(|| Note::Asked { client, request: id, operation: operation.clone() });
        let request = Request { client, id, operation };
        let request = Arc::new(Signed::seal(request, &keys.own, out.notary()));
        let message = Message::ClientRequest { request: request.clone(), retransmitted: false };
        out.send(current.body().replica(0), message);
        self.next_id += 1;
        self.outstanding = Some(request);
        self.start_timer(out);
    }

    /// No answer in time: perhaps the configuration has changed; if not, perhaps another replica
    /// knows.
    fn on_timeout(&mut self, out: &mut Out<R>) {
        self.ask_configuration(out);
        if let (Some(request), Some(current)) = (&self.outstanding, self.configurations.last()) {
            let current = current.body();
            let (client, id, configuration) = (self.number, request.body().id, current.number);
            out.note(|| Note::Retransmits { client, request: id, configuration });
            for replica in current.members() {
                let request = request.clone();
                out.send(replica, Message::ClientRequest { request, retransmitted: true });
            }
        }
        self.start_timer(out);
    }

    fn on_result(
        &mut self,
        from: Identity,
        proven: &ProvenResult,
        out: &mut Out<R>,
    ) -> Option<Dropped> {
        let request = self.outstanding_as(proven.client, proven.id)?;
        let Some(members) = self.configuration(proven.configuration()) else {
            return Some(Dropped::OtherConfiguration);
        };
        let members = members.clone();
        let judgement = self.settings.rules.judge_result(
            &self.settings,
            members.body(),
            proven,
            request.hash(),
            &Chain::EMPTY,
            out.notary(),
        );
        if let Some(proof) = judgement.contradiction {
            self.accuse(members.body(), *proof, out);
        }
        match judgement.verdict {
            Ok(()) => self.accept(from, proven, out),
            Err(flaw) => self.reject(from, proven, flaw, out),
        }
        None
    }

    /// The unanswered request, if it is this one. Any other has been answered, and a further result
    /// for it is of no interest.
    fn outstanding_as(&self, client: u32, id: u64) -> Option<Arc<Signed<Request>>> {
        let request = self.outstanding.as_ref()?;
        let is_it = (client, id) == (self.number, request.body().id);
        is_it.then(|| request.clone())
    }

    fn reject(&self, from: Identity, proven: &ProvenResult, flaw: Flaw, out: &mut Out<R>) {
        let (client, request, why) = (self.number, proven.id, flaw.text());
        out.note(|| Note::Rejected { client, request, from, why });
    }

    fn accept(&mut self, from: Identity, proven: &ProvenResult, out: &mut Out<R>) {
        let hash = result_hash(&proven.reply);
        out.note(|| Note::Answered {
            client: self.number,
            request: proven.id,
            result: proven.reply.clone(),
            configuration: proven.configuration().unwrap_or_default(),
            slot: proven.slot(),
            from,
            agreeing: proven
                .statements
                .backwards()
                .filter(|statement| statement.body().result == hash)
                .count(),
            statements: proven.statements.len(),
        });
        self.conclude(&proven.reply, out);
    }

    fn conclude(&mut self, reply: &Reply, out: &mut Out<R>) {
        self.outstanding = None;
        self.answered += 1;
        if let Some(ticket) = self.commanded.take() {
            out.answer(ticket, Answer::Result(reply.clone()));
        }
        self.go_on(out);
    }

    /// Olympus tells a result that a reconfiguration saved.
    fn on_delivery(&mut self, signed: &Signed<Delivery>, out: &mut Out<R>) -> Option<Dropped> {
        let delivery = signed.body();
        let request = self.outstanding_as(delivery.client, delivery.id)?;
        let result = delivery.statements.first().map(|statement| statement.body().result)?;
        let keys = self.keys.as_ref()?;
        if signed.signer() != Identity::OLYMPUS || !signed.verify(&keys.olympus, out.notary()) {
            return Some(Dropped::BadSignature);
        }
        let Some(members) = self.configuration(Some(result.configuration)) else {
            return Some(Dropped::OtherConfiguration);
        };
        let statements = delivery.statements.len();
        if !self.settings.rules.accepts_delivery(
            members.body(),
            delivery,
            request.hash(),
            out.notary(),
        ) {
            let (client, request, why) = (self.number, delivery.id, Flaw::TooFewAgree.text());
            let from = Identity::OLYMPUS;
            out.note(|| Note::Rejected { client, request, from, why });
            return None;
        }
        out.note(|| Note::Answered {
            client: self.number,
            request: delivery.id,
            result: delivery.reply.clone(),
            configuration: result.configuration,
            slot: result.slot,
            from: Identity::OLYMPUS,
            agreeing: statements,
            statements,
        });
        self.conclude(&delivery.reply, out);
        None
    }

    /// An immutable replica orders nothing: there is or will soon be another configuration.
    fn on_error(&mut self, error: &Signed<ErrorStatement>, out: &mut Out<R>) -> Option<Dropped> {
        let Some(current) = self.current() else {
            return Some(Dropped::Unasked);
        };
        if error.body().configuration != current.number {
            return Some(Dropped::OtherConfiguration);
        }
        if !current.signed(error, out.notary()) {
            return Some(Dropped::BadSignature);
        }
        if self.outstanding.is_some() && !self.has_asked {
            self.ask_configuration(out);
        }
        None
    }

    fn ask_configuration(&mut self, out: &mut Out<R>) {
        self.has_asked = true;
        let known = self.current().map(|current| current.number);
        out.send(Identity::OLYMPUS, Message::GetConfiguration { known });
    }

    /// Shows Olympus two statements that contradict each other, once a configuration.
    fn accuse(&mut self, members: &Configuration, proof: Contradiction, out: &mut Out<R>) {
        super::replica::note_proof(&proof, out);
        let is_current = self.current().is_some_and(|current| current.number == members.number);
        if is_current && self.has_accused != Some(members.number) {
            self.has_accused = Some(members.number);
            self.ask_reconfiguration(Reason::ContradictingResults, Some(proof), out);
        }
    }

    fn wish_reconfiguration(&self, out: &mut Out<R>) {
        self.ask_reconfiguration(Reason::Wish, None, out);
    }

    fn ask_reconfiguration(&self, reason: Reason, proof: Option<Contradiction>, out: &mut Out<R>) {
        let (Some(keys), Some(current)) = (&self.keys, self.current()) else {
            return;
        };
        let (configuration, has_proof) = (current.number, proof.is_some());
        out.note(|| Note::AsksForReconfiguration { configuration, reason, proof: has_proof });
        let request = ReconfigurationRequest { configuration, reason };
        let request = Signed::seal(request, &keys.own, out.notary());
        let plea = Plea { request, proof };
        out.send(Identity::OLYMPUS, Message::ReconfigurationRequest(Arc::new(plea)));
    }

    fn start_timer(&self, out: &mut Out<R>) {
        out.set_timer(Timer::Client, self.settings.client_timeout_ns);
    }

    fn current(&self) -> Option<&Configuration> {
        self.configurations.last().map(|current| current.body())
    }

    fn configuration(&self, number: Option<u32>) -> Option<&Arc<Signed<Configuration>>> {
        self.configurations.iter().rev().find(|known| Some(known.body().number) == number)
    }

    pub(super) fn look(&self) -> Vec<Field> {
        let waiting = self.outstanding.as_ref();
        let shown = waiting.map_or("none".to_owned(), |request| {
            format!("{}: {}", request.body().id, request.body().operation)
        });
        let configuration = self.current().map_or("unknown".to_owned(), |c| c.number.to_string());
        vec![
            Field::new("configuration", configuration),
            Field::new("request", shown),
            Field::new("answered", self.answered),
        ]
    }
}
