//! What is said in the first page, line by line.

use super::*;
use crate::crypto::{Memory, Notary, Scheme};
use crate::process::{Effect, Process as _, Ticket};
use crate::time::Now;

/// A process with an outbox, and what leaves it.
struct Stage {
    process: Process,
    out: Out,
}

impl Stage {
    fn new(birth: Birth) -> Stage {
        let notary = Notary::new(Scheme::Ideal, Memory::None);
        Stage { process: Solo::born(birth), out: Outbox::new(notary, false) }
    }

    fn client(workload: Workload) -> Stage {
        let settings = Settings::default();
        let mut stage = Stage::new(Birth::Client { settings, number: 7, workload });
        assert!(stage.takes(Input::Start { entropy: [0; 32] }).is_empty());
        stage
    }

    fn takes(&mut self, input: Input<Solo>) -> Vec<Effect<Solo>> {
        self.process.handle(Now { monotonic_ns: 0, wall_ns: 0 }, input, &mut self.out);
        let is_timer = |effect: &Effect<Solo>| {
            matches!(effect, Effect::SetTimer { .. } | Effect::CancelTimer(_))
        };
        self.out.take().into_iter().filter(|effect| !is_timer(effect)).collect()
    }

    fn hears(&mut self, from: Identity, message: Message) -> Vec<Effect<Solo>> {
        self.takes(Input::Message { from, message })
    }

    /// The reply to this request of a client's.
    fn told(&mut self, client: u32, request: u64, operation: &Operation) -> Option<Reply> {
        let operation = operation.clone();
        let effects = self.hears(Identity::client(client), Message::Ask { request, operation });
        let reply = |effect| match effect {
            Effect::Send { to, message: Message::Told { request: told, reply } } => {
                assert_eq!((to, told), (Identity::client(client), request));
                reply
            }
            other => panic!("{other:?}"),
        };
        effects.into_iter().map(reply).next()
    }
}

fn ok(request: u64) -> Message {
    Message::Told { request, reply: Reply::OK }
}

fn asked(effects: &[Effect<Solo>]) -> Option<u64> {
    match effects {
        [Effect::Send { to: SERVER, message: Message::Ask { request, .. } }] => Some(*request),
        [] => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_comes_twice_is_executed_once_and_answered_as_before() {
    let mut server = Stage::new(Birth::Server);
    let append = Operation::append("k", "w");
    assert_eq!(server.told(0, 0, &Operation::put("k", "v")), Some(Reply::OK));
    assert_eq!(server.told(0, 1, &append), Some(Reply::OK));
    assert_eq!(server.told(0, 1, &append), Some(Reply::OK));
    assert_eq!(server.told(1, 0, &Operation::get("k")), Some(Reply::of(&"vw".into())));
    assert_eq!(server.told(0, 0, &append), None, "it was answered long ago");
    assert_eq!(server.told(1, 1, &Operation::get("k")), Some(Reply::of(&"vw".into())));
}

#[test]
fn nobody_but_a_client_is_served() {
    let mut server = Stage::new(Birth::Server);
    let ask = Message::Ask { request: 0, operation: Operation::put("k", "v") };
    assert!(server.hears(Identity::other(0), ask).is_empty());
    assert_eq!(server.told(0, 0, &Operation::get("k")), Some(Reply::EMPTY));
    let restart = Input::Restart { entropy: [0; 32], survived: Default::default() };
    assert!(matches!(server.takes(restart)[..], [Effect::Stop]));
}

#[test]
fn a_client_asks_again_until_it_is_answered_and_believes_the_server_alone() {
    let mut client = Stage::client(Workload::default());
    let command = |operation| Command::Ask(operation);
    let first = Input::Command { ticket: Ticket(1), command: command(Operation::get("k")) };
    assert_eq!(asked(&client.takes(first)), Some(0));
    let second = Input::Command { ticket: Ticket(2), command: command(Operation::get("l")) };
    assert_eq!(asked(&client.takes(second)), None, "one at a time");
    assert_eq!(asked(&client.takes(Input::Timer(Timer::Client))), Some(0));
    assert!(client.hears(Identity::replica(0, 1), ok(0)).is_empty());
    assert!(client.hears(SERVER, ok(1)).is_empty());
    let effects = client.hears(SERVER, ok(0));
    let [Effect::Answer { ticket: Ticket(1), answer: Answer::Result(Reply::OK) }, rest @ ..] =
        &effects[..]
    else {
        panic!("{effects:?}");
    };
    assert_eq!(asked(rest), Some(1));
    assert!(client.hears(SERVER, ok(0)).is_empty(), "it comes a second time");
}
