//! The server: executes what comes, in the order in which it comes.

use super::{Answer, Message, Note, Out, Solo};
use crate::identity::{Class, Identity};
use crate::object::{Executed, Operation, ReplicatedState};
use crate::process::{Field, Input};

/// The server.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// The object, and each client's last reply.
    state: ReplicatedState,
    executed: u64,
}

impl Server {
    pub(super) fn handle(&mut self, input: Input<Solo>, out: &mut Out) {
        match input {
            Input::Message { from, message: Message::Ask { request, operation } }
                if from.class == Class::Client =>
            {
                self.execute(from, request, &operation, out);
            }
            // It has forgotten what it promised.
            Input::Restart { .. } => out.stop(),
            Input::Command { ticket, .. } => out.answer(ticket, Answer::NotAClient),
            _ => {}
        }
    }

    fn execute(&mut self, from: Identity, request: u64, operation: &Operation, out: &mut Out) {
        let client = from.index;
        let reply = match self.state.execute(client, request, operation) {
            Executed::Fresh(reply) => {
                self.executed += 1;
                let (number, result) = (self.executed, reply.clone());
                let operation = || operation.clone();
                out.note(|| Note::Executed {
                    number,
                    client,
                    request,
                    operation: operation(),
                    result,
                });
                reply
            }
            Executed::Repeated(reply) => {
                out.note(|| Note::Repeats { client, request });
                reply
            }
            // The client has had this answered, and asked for more since.
            Executed::Stale => return,
        };
        out.send(from, Message::Told { request, reply });
    }

    pub(super) fn look(&self) -> Vec<Field> {
        vec![
            Field::new("executed", self.executed),
            Field::new("state", format!("{:?}", self.state.object())),
        ]
    }
}
