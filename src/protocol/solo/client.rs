//! A client: asks for one thing after the other, and again where no answer comes.
//!
//! First it asks for what is in its workload, then for what it is commanded to. Commands that come
//! before their turn wait, in order.

use std::collections::VecDeque;

use super::{Answer, Command, Message, Note, Out, SERVER, Settings, Solo, Timer};
use crate::identity::Identity;
use crate::object::{Demand, Operation, Reply, Requests, Workload};
use crate::process::{Field, Input, Ticket};

/// How many commands may wait for their turn.
const MOST_COMMANDS: usize = 1024;

/// A client.
#[derive(Clone, Debug)]
pub struct Client {
    settings: Settings,
    number: u32,
    requests: Requests,
    /// The unanswered request.
    outstanding: Option<(u64, Operation)>,
    next_request: u64,
    answered: u64,
    /// Whether its workload is done.
    has_finished: bool,
    /// Commands that wait for their turn.
    commands: VecDeque<(Ticket, Operation)>,
    /// The command that the unanswered request is for, if it is for one.
    commanded: Option<Ticket>,
}

impl Client {
    /// A client that has done nothing yet.
    pub(super) fn new(settings: Settings, number: u32, workload: &Workload) -> Client {
        Client {
            settings,
            number,
            requests: workload.requests(),
            outstanding: None,
            next_request: 0,
            answered: 0,
            has_finished: false,
            commands: VecDeque::new(),
            commanded: None,
        }
    }

    pub(super) fn handle(&mut self, input: Input<Solo>, out: &mut Out) {
        match input {
            Input::Start { .. } => self.go_on(out),
            // Without its memory it would use numbers of requests again: it asks nothing more.
            Input::Restart { .. } => out.stop(),
            Input::Message { from, message: Message::Told { request, reply } } => {
                self.on_told(from, request, reply, out);
            }
            Input::Message { .. } | Input::Persisted { .. } => {}
            Input::Timer(Timer::Client) => self.on_timeout(out),
            Input::Command { ticket, command: Command::Ask(operation) } => {
                self.on_command(ticket, operation, out);
            }
        }
    }

    /// Somebody outside asks for an operation: it is executed when what came before is answered.
    fn on_command(&mut self, ticket: Ticket, operation: Operation, out: &mut Out) {
        if self.commands.len() == MOST_COMMANDS {
            return out.answer(ticket, Answer::Busy);
        }
        self.commands.push_back((ticket, operation));
        if self.outstanding.is_none() {
            self.go_on(out);
        }
    }

    /// Asks for the next thing, if there is one.
    fn go_on(&mut self, out: &mut Out) {
        // There is nobody who could be replaced.
        let next = self.requests.find_map(|demand| match demand {
            Demand::Execute(operation) => Some(operation),
            Demand::Reconfigure => None,
        });
        if let Some(operation) = next {
            return self.ask(operation, out);
        }
        let client = self.number;
        if !self.has_finished {
            self.has_finished = true;
            out.note(|| Note::Finished { client });
        }
        match self.commands.pop_front() {
            Some((ticket, operation)) => {
                self.commanded = Some(ticket);
                self.ask(operation, out);
            }
            None => out.cancel_timer(Timer::Client),
        }
    }

    fn ask(&mut self, operation: Operation, out: &mut Out) {
        let (client, request) = (self.number, self.next_request);
        out.note(|| Note::Asked { client, request, operation: operation.clone() });
        self.next_request += 1;
        self.outstanding = Some((request, operation));
        self.send(out);
    }

    fn send(&self, out: &mut Out) {
        let Some((request, operation)) = self.outstanding.clone() else { return };
        out.send(SERVER, Message::Ask { request, operation });
        out.set_timer(Timer::Client, self.settings.timeout_ns);
    }

    fn on_timeout(&mut self, out: &mut Out) {
        let client = self.number;
        if let Some((request, _)) = self.outstanding {
            out.note(|| Note::Retransmits { client, request });
        }
        self.send(out);
    }

    /// An answer. It may come late, or a second time.
    fn on_told(&mut self, from: Identity, request: u64, reply: Reply, out: &mut Out) {
        let is_outstanding = self.outstanding.as_ref().is_some_and(|(open, _)| *open == request);
        if from != SERVER || !is_outstanding {
            return;
        }
        let client = self.number;
        out.note(|| Note::Answered { client, request, result: reply.clone() });
        self.outstanding = None;
        self.answered += 1;
        if let Some(ticket) = self.commanded.take() {
            out.answer(ticket, Answer::Result(reply));
        }
        self.go_on(out);
    }

    pub(super) fn look(&self) -> Vec<Field> {
        let shown = self
            .outstanding
            .as_ref()
            .map_or("none".to_owned(), |(request, operation)| format!("{request}: {operation}"));
        vec![Field::new("request", shown), Field::new("answered", self.answered)]
    }
}
