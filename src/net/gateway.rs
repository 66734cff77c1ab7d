//! The door for users' clients: takes their requests, spreads them over client processes, and
//! brings each its answer.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::identity::Identity;
use crate::object::Operation;
use crate::process::Ticket;
use crate::syntax;
use crate::wire::{self, WireError};

use super::arrival::{Arrival, Inlet};
use super::frame::{FrameError, Frames};
use super::lobby::{Lobby, Place};
use super::report::Board;
use super::roster::{NodeNumber, Notice, Notices};
use super::served::Served;
use super::user::{self, Hello, LONGEST, Request, Response};

/// How many users may be connected.
const MOST_USERS: usize = 1024;
/// How many may be connected beside them who have not said what they speak.
const MOST_STRANGERS: usize = 256;
/// The longest word by which a user says what he speaks.
const LONGEST_HELLO: usize = 64;
/// How many requests of one user may be under way; then nothing more is read of him.
const MOST_OF_ONE: usize = 256;
/// How many requests each client process may have before the gateway takes no more.
const MOST_OF_ONE_CLIENT: usize = 512;
/// How many bytes of requests under way and of results that users have not taken there may be.
const MOST_BYTES: usize = 256 << 20;
/// How many of them may be one user's; then nothing more is read of him.
const MOST_BYTES_OF_ONE: usize = 8 << 20;
/// How many of them may be results of one user's who is slow to take them: more than one who reads
/// at all lets lie.
const MOST_RESULTS_OF_ONE: usize = 64 << 20;
/// Results up to this length always find room, in bytes.
const SHORT: usize = 64;
/// How many bytes of requests that have not come whole there may be.
const MOST_UNFINISHED: usize = 64 << 20;
/// So many of them are always taken of one user.
const UNFINISHED_OF_ONE: usize = 64 << 10;
/// How long a user may take none of his results when the cluster stops.
const UNREAD: Duration = Duration::from_secs(4);
/// How much is told of why something is refused: it may repeat what the user said.
const LONGEST_REFUSAL: usize = 400;

/// Requests that are under way, and which client processes have them.
#[derive(Debug)]
struct Desk {
    /// How many bytes are kept for users.
    bytes: Rc<Cell<usize>>,
    /// How many bytes of requests have come that are not whole.
    unfinished: Rc<Cell<usize>>,
    /// Each client process with how many requests it has, the idlest first.
    idlest: BTreeSet<(usize, u32)>,
    /// How many requests each client process has.
    counts: BTreeMap<u32, usize>,
    pending: BTreeMap<Ticket, Pending>,
    tickets: u64,
    board: Option<Board>,
}

/// A request under way.
#[derive(Debug)]
struct Pending {
    client: u32,
    number: u64,
    user: Reply,
    began: Instant,
    kept: Kept,
}

/// The way back to a user.
#[derive(Clone, Debug)]
struct Reply {
    to: mpsc::UnboundedSender<(Response, Kept)>,
    /// How many bytes are kept for him.
    bytes: Rc<Cell<usize>>,
}

/// Bytes that are kept until this is dropped: of all users, and of one.
#[derive(Debug)]
struct Kept {
    bytes: usize,
    of: [Rc<Cell<usize>>; 2],
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.of.iter().for_each(|sum| sum.set(sum.get() - self.bytes));
    }
}

impl Desk {
    fn new(clients: impl IntoIterator<Item = u32>, board: Option<Board>) -> Desk {
        let counts = clients.into_iter().map(|client| (client, 0)).collect::<BTreeMap<_, _>>();
        let idlest = counts.keys().map(|client| (0, *client)).collect();
        let (bytes, unfinished, pending) = (Rc::default(), Rc::default(), BTreeMap::new());
        Desk { bytes, unfinished, idlest, counts, pending, tickets: 0, board }
    }

    /// So many bytes are kept for a user.
    fn keep(&self, bytes: usize, user: &Reply) -> Kept {
        let of = [self.bytes.clone(), user.bytes.clone()];
        of.iter().for_each(|sum| sum.set(sum.get() + bytes));
        Kept { bytes, of }
    }

    /// A user's request is refused at once, in so many bytes.
    fn turn_away(&self, bytes: usize, user: &Reply) -> Kept {
        self.board.iter().for_each(Board::turned_away);
        self.keep(bytes, user)
    }

    /// A client process has one request more or less.
    fn count(&mut self, client: u32, change: impl FnOnce(&mut usize)) {
        if let Some(count) = self.counts.get_mut(&client) {
            self.idlest.remove(&(*count, client));
            change(count);
            self.idlest.insert((*count, client));
        }
    }

    /// Gives a request of so many bytes to the idlest client process; none if all have enough to
    /// do.
    fn give(&mut self, number: u64, bytes: usize, user: Reply) -> Option<(Ticket, Identity)> {
        let (count, client) = self.idlest.first().copied()?;
        if count == MOST_OF_ONE_CLIENT || self.bytes.get() + bytes > MOST_BYTES {
            return None;
        }
        let kept = self.keep(bytes, &user);
        self.count(client, |count| *count += 1);
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let began = Instant::now();
        self.pending.insert(ticket, Pending { client, number, user, began, kept });
        self.board.iter().for_each(Board::asked);
        Some((ticket, Identity::client(client)))
    }

    /// An answer has come.
    fn take(&mut self, ticket: Ticket, mut outcome: Result<String, String>) {
        let Some(Pending { client, number, user, began, kept }) = self.pending.remove(&ticket)
        else {
            return;
        };
        drop(kept);
        let bytes = outcome.as_ref().map_or(0, String::len);
        let others = [(&self.bytes, MOST_BYTES), (&user.bytes, MOST_RESULTS_OF_ONE)];
        let is_much = bytes > SHORT && others.iter().any(|(sum, most)| sum.get() + bytes > *most);
        if is_much {
            outcome =
                Err("results that nobody takes are in the way; take them, and ask again".into());
        }
        if let Some(board) = &self.board {
            board.answered(began.elapsed(), outcome.is_ok());
        }
        self.count(client, |count| *count -= 1);
        let kept = self.keep(if is_much { 0 } else { bytes }, &user);
        // The user may be gone.
        let _ = user.to.send((Response { number, outcome }, kept));
    }
}

/// Why there is no answer, though there is a result.
const TOO_LONG: &str = "the value is longer than the 1 MiB that an answer holds; it stays as it \
    is, until somebody shortens it with slice()";

/// Why a user is not served any more.
#[derive(Debug, thiserror::Error)]
enum Unserved {
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(
        "it does not speak version {} of the users' protocol; use `perjury client`",
        user::FORMAT
    )]
    Hello,
    #[error("it did not say what it speaks in time; use `perjury client`")]
    Silent,
    #[error("too many call who do not say what they speak; see who that is, and shut them out")]
    Crowded,
    #[error("{MOST_USERS} users are connected, which is all that are served at once; come later")]
    Full,
    #[error("others send requests that are never whole, and so does it; send whole ones")]
    Unfinished,
    #[error("it takes none of its results, and the cluster stops")]
    Unread,
    #[error("the cluster has stopped")]
    Stopped,
}

/// What a gateway is made from.
pub(super) struct Gateway<P: Served> {
    pub(super) listener: std::net::TcpListener,
    /// How long a user may take to say what he speaks.
    pub(super) greeting: Duration,
    pub(super) inlet: Inlet<P>,
    pub(super) answers: mpsc::UnboundedReceiver<(Ticket, Option<P::Answer>)>,
    /// Told which client processes have begun here; before that nobody is served.
    pub(super) begun: oneshot::Receiver<Vec<u32>>,
    /// Becomes true when no new requests are to be taken.
    pub(super) closing: watch::Receiver<bool>,
    pub(super) notices: Notices,
    /// Where it is told what users were told, if anywhere.
    pub(super) board: Option<Board>,
    /// Whose it is.
    pub(super) node: NodeNumber,
}

impl<P: Served> Gateway<P> {
    /// Serves until it is closed and all that was under way is answered.
    pub(super) async fn serve(mut self) -> std::io::Result<()> {
        let listener = TcpListener::from_std(self.listener)?;
        let clients = tokio::select! {
            begun = self.begun => begun.unwrap_or_default(),
            _ = self.closing.wait_for(|closing| *closing) => return Ok(()),
        };
        if clients.is_empty() {
            // Whoever calls learns at once that nobody is there to serve him.
            self.board.iter().for_each(Board::deserted);
            self.notices.tell(Notice::Deserted { node: self.node });
            return Ok(());
        }
        let desk = Rc::new(RefCell::new(Desk::new(clients, self.board.take())));
        let answering = desk.clone();
        let answers = tokio::task::spawn_local(async move {
            while let Some((ticket, answer)) = self.answers.recv().await {
                let gone = || Err("the process that was to ask is gone; ask again".to_owned());
                answering.borrow_mut().take(ticket, answer.map_or_else(gone, P::result));
            }
        });
        let (places, lobby) =
            (Arc::new(Semaphore::new(MOST_USERS)), Lobby::new(MOST_STRANGERS, Lobby::GRACE));
        loop {
            let accept = async {
                let accepted = listener.accept().await?;
                Ok::<_, std::io::Error>((accepted, lobby.enter().await))
            };
            let accepted = tokio::select! {
                accepted = accept => accepted,
                _ = self.closing.wait_for(|closing| *closing) => break,
            };
            let Ok(((stream, from), place)) = accepted else {
                // Too many files are open, or the user is gone already.
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                continue;
            };
            let inlet = self.inlet.clone();
            let greeting = Instant::now() + self.greeting;
            let visit =
                Visit::<P>::new(stream, inlet, desk.clone(), self.closing.clone(), places.clone());
            let notices = self.notices.clone();
            tokio::task::spawn_local(async move {
                if let Err(error) = visit.serve(greeting, place).await
                    // A user who hangs up is not worth a word.
                    && !matches!(error, Unserved::Io(_))
                {
                    let (from, why) = (from.to_string(), error.to_string());
                    notices.tell(Notice::Unserved { from, why });
                }
            });
        }
        drop(listener);
        // Whoever is served still holds a place.
        let _ = places.acquire_many(MOST_USERS as u32).await;
        answers.abort();
        Ok(())
    }
}

/// How many bytes of a request have come that is not whole yet: of one user, and of all.
struct Unfinished {
    own: usize,
    of_all: Rc<Cell<usize>>,
}

impl Unfinished {
    /// So many of them there are now. Where all together are too many, whoever has more than a few
    /// is not served any more.
    fn are(&mut self, own: usize) -> Result<(), Unserved> {
        let of_all = self.of_all.get() - std::mem::replace(&mut self.own, own) + own;
        self.of_all.set(of_all);
        let are_too_many = of_all > MOST_UNFINISHED && own > UNFINISHED_OF_ONE;
        if are_too_many { Err(Unserved::Unfinished) } else { Ok(()) }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.of_all.set(self.of_all.get() - self.own);
    }
}

/// What happens next to a user's connection.
enum Turn {
    /// So many bytes came; none when no more will.
    Came(usize),
    /// So many requests are answered.
    Told(usize),
    /// No new requests are taken any more.
    Closing,
}

/// One user's connection.
struct Visit<P: Served> {
    stream: TcpStream,
    frames: Frames,
    inlet: Inlet<P>,
    desk: Rc<RefCell<Desk>>,
    closing: watch::Receiver<bool>,
    responses: mpsc::UnboundedReceiver<(Response, Kept)>,
    reply: Reply,
    under_way: usize,
    /// How much of his next request has come.
    unfinished: Unfinished,
    /// Where users have their places.
    places: Arc<Semaphore>,
}

impl<P: Served> Visit<P> {
    fn new(
        stream: TcpStream,
        inlet: Inlet<P>,
        desk: Rc<RefCell<Desk>>,
        closing: watch::Receiver<bool>,
        places: Arc<Semaphore>,
    ) -> Visit<P> {
        let (to, responses) = mpsc::unbounded_channel();
        let unfinished = Unfinished { own: 0, of_all: desk.borrow().unfinished.clone() };
        Visit {
            stream,
            frames: Frames::within(LONGEST_HELLO),
            inlet,
            desk,
            closing,
            responses,
            reply: Reply { to, bytes: Rc::default() },
            under_way: 0,
            unfinished,
            places,
        }
    }

    /// Serves a user who has said by then what he speaks, and has a place in the lobby meanwhile.
    async fn serve(
        mut self,
        greeting: Instant,
        (place, must_go): (Place, impl Future<Output = ()>),
    ) -> Result<(), Unserved> {
        self.stream.set_nodelay(true)?;
        let mut closing = self.closing.clone();
        let greeted = tokio::select! {
            // First, so that nobody has to go who has said it and was not heard.
            biased;
            greeted = self.greet() => greeted,
            () = must_go => return Err(Unserved::Crowded),
            () = tokio::time::sleep_until(greeting) => return Err(Unserved::Silent),
            _ = closing.wait_for(|closing| *closing) => return Ok(()),
        };
        drop(place);
        let places = self.places.clone();
        let place = greeted.and_then(|()| places.try_acquire().map_err(|_| Unserved::Full));
        let served = match place {
            Ok(_place) => self.answer().await,
            Err(error) => Err(error),
        };
        if let Err(error) = &served
            && !matches!(error, Unserved::Unread)
        {
            // He is told why, if he still listens.
            let outcome = Err(error.to_string());
            let _ = self.write([&Response { number: u64::MAX, outcome }]).await;
        }
        served
    }

    /// Waits until the user has said what he speaks.
    async fn greet(&mut self) -> Result<(), Unserved> {
        let mut bytes = Vec::with_capacity(LONGEST_HELLO);
        loop {
            let hello = self.frames.next().map_err(|_| Unserved::Hello)?;
            if let Some(hello) = hello.map(|frame| wire::decode::<Hello>(frame, LONGEST_HELLO)) {
                self.frames.widen(LONGEST);
                return if hello == Ok(Hello::OWN) { Ok(()) } else { Err(Unserved::Hello) };
            }
            bytes.clear();
            if self.stream.read_buf(&mut bytes).await? == 0 {
                return Err(Unserved::Silent);
            }
            self.frames.feed(&bytes);
        }
    }

    /// Answers what the user asks, as long as he does.
    async fn answer(&mut self) -> Result<(), Unserved> {
        let mut bytes = Vec::with_capacity(1 << 16);
        let mut told = Vec::new();
        // Whether requests may still come.
        let mut is_open = true;
        // What came right behind his greeting.
        self.take_frames(is_open).await?;
        while is_open || self.under_way > 0 {
            let may_read = is_open && self.may_ask();
            let turn = tokio::select! {
                count = self.stream.read_buf(&mut bytes), if may_read => Turn::Came(count?),
                count = self.responses.recv_many(&mut told, MOST_OF_ONE) => Turn::Told(count),
                _ = self.closing.wait_for(|closing| *closing), if is_open => Turn::Closing,
            };
            match turn {
                Turn::Came(count) => {
                    is_open = count > 0;
                    self.frames.feed(&bytes);
                    bytes.clear();
                }
                Turn::Told(count) => {
                    self.under_way -= count;
                    self.write(told.iter().map(|(response, _)| response)).await?;
                    told.clear();
                }
                Turn::Closing => is_open = false,
            }
            self.take_frames(is_open).await?;
        }
        self.stream.shutdown().await?;
        Ok(())
    }

    async fn write(
        &mut self,
        responses: impl IntoIterator<Item = &Response>,
    ) -> Result<(), Unserved> {
        let mut bytes = Vec::new();
        for response in responses {
            if user::put(&mut bytes, response).is_err() {
                let outcome = Err(TOO_LONG.to_owned());
                user::put(&mut bytes, &Response { number: response.number, outcome })?;
            }
        }
        let mut closing = self.closing.clone();
        let unread = async {
            // Whoever could close the gateway is gone: then it is closed.
            let _ = closing.wait_for(|closing| *closing).await;
            tokio::time::sleep(UNREAD).await;
        };
        tokio::select! {
            written = self.stream.write_all(&bytes) => Ok(written?),
            () = unread => Err(Unserved::Unread),
        }
    }

    /// Whether he may ask for more before something is answered.
    fn may_ask(&self) -> bool {
        self.under_way < MOST_OF_ONE && self.reply.bytes.get() < MOST_BYTES_OF_ONE
    }

    /// Begins the requests that came, as many as may be under way.
    async fn take_frames(&mut self, is_open: bool) -> Result<(), Unserved> {
        while is_open && self.may_ask() {
            let Some(frame) = self.frames.next()? else {
                return self.unfinished.are(self.frames.rest());
            };
            let Request { number, operation } = wire::decode(frame, LONGEST)?;
            self.under_way += 1;
            if let Err(mut why) = self.begin(number, &operation).await? {
                why.truncate(why.floor_char_boundary(LONGEST_REFUSAL));
                // The receiver is this visit itself.
                let kept = self.desk.borrow().turn_away(why.len(), &self.reply);
                let _ = self.reply.to.send((Response { number, outcome: Err(why) }, kept));
            }
        }
        Ok(())
    }

    async fn begin(&mut self, number: u64, text: &str) -> Result<Result<(), String>, Unserved> {
        let operation = match operation(text) {
            Ok(operation) => operation,
            Err(why) => return Ok(Err(why)),
        };
        let given = self.desk.borrow_mut().give(number, text.len(), self.reply.clone());
        let Some((ticket, client)) = given else {
            return Ok(Err("too many requests are under way; ask again later".to_owned()));
        };
        let command = Arrival::Command(client, ticket, P::command(operation));
        self.inlet.send(command).await.map_err(|_| Unserved::Stopped)?;
        Ok(Ok(()))
    }
}

/// The operation that a text is.
///
/// # Errors
///
/// If it is none: why, with what to write instead.
pub fn operation(text: &str) -> Result<Operation, String> {
    let call = syntax::call(text).map_err(|error| format!("{}; {}", error.message, error.help))?;
    let operation = Operation::from_parts(&call.name, &call.texts());
    operation.map_err(|error| format!("{error}; {}", error.remedy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_halves_of_requests_are_too_many_those_of_a_few_bytes_may_go_on() {
        let of_all = Rc::new(Cell::new(0));
        let unfinished = || Unfinished { own: 0, of_all: of_all.clone() };
        let (mut large, mut small) = (unfinished(), unfinished());
        assert!(large.are(MOST_UNFINISHED).is_ok());
        assert!(small.are(UNFINISHED_OF_ONE).is_ok());
        assert!(matches!(small.are(UNFINISHED_OF_ONE + 1), Err(Unserved::Unfinished)));
        drop(large);
        assert!(small.are(UNFINISHED_OF_ONE + 1).is_ok());
        drop(small);
        assert_eq!(of_all.get(), 0);
    }

    #[test]
    fn requests_go_to_the_idlest_client_until_all_have_enough() {
        let mut desk = Desk::new([0, 1], None);
        let (user, mut told) = user();
        let give = |desk: &mut Desk, number| desk.give(number, 1, user.clone());
        let first = give(&mut desk, 7).unwrap();
        let second = give(&mut desk, 8).unwrap();
        assert_eq!([first.1, second.1], [0, 1].map(Identity::client));
        desk.take(second.0, Ok("OK".to_owned()));
        assert_eq!(told.try_recv().unwrap().0.number, 8);
        assert_eq!(give(&mut desk, 9).unwrap().1, Identity::client(1));
        for number in 10..8 + 2 * MOST_OF_ONE_CLIENT as u64 {
            assert!(give(&mut desk, number).is_some(), "{number}");
        }
        assert!(give(&mut desk, 0).is_none());
    }

    fn user() -> (Reply, mpsc::UnboundedReceiver<(Response, Kept)>) {
        let (to, told) = mpsc::unbounded_channel();
        (Reply { to, bytes: Rc::default() }, told)
    }

    #[test]
    fn requests_and_results_are_kept_up_to_so_many_bytes() {
        let mut desk = Desk::new([0], None);
        let ((user, mut told), (other, mut told_other)) = (user(), user());
        let half = MOST_RESULTS_OF_ONE / 2 + 1;
        let [first, second, third, fourth] =
            [0, 1, 2, 3].map(|number| desk.give(number, 10, user.clone()).unwrap().0);
        let fifth = desk.give(0, 10, other).unwrap().0;
        desk.take(first, Ok("x".repeat(half)));
        desk.take(second, Ok("x".repeat(half)));
        desk.take(third, Ok("OK".to_owned()));
        desk.take(fifth, Ok("x".repeat(half)));
        let came = told.try_recv().unwrap();
        assert_eq!(came.0.outcome.as_ref().map(String::len), Ok(half));
        let refused = told.try_recv().unwrap().0.outcome;
        assert!(refused.is_err_and(|why| why.contains("take them, and ask again")));
        assert_eq!(told.try_recv().unwrap().0.outcome, Ok("OK".to_owned()), "it is short");
        let of_other = told_other.try_recv().unwrap();
        assert_eq!(of_other.0.outcome.as_ref().map(String::len), Ok(half), "he has his own");
        assert_eq!(user.bytes.get(), half + 10, "one result and one request");
        drop(came);
        desk.take(fourth, Ok("x".repeat(half)));
        assert_eq!(told.try_recv().unwrap().0.outcome.map(|text| text.len()), Ok(half));
        assert_eq!((user.bytes.get(), desk.bytes.get()), (0, half));
        drop(of_other);
        assert!(desk.give(4, MOST_BYTES, user.clone()).is_some());
        assert!(desk.give(5, 1, user).is_none());
    }

    #[test]
    fn what_is_no_operation_is_refused_with_a_remedy() {
        assert_eq!(operation("put('k','v')"), Ok(Operation::put("k", "v")));
        let refused = ["", "put('k')", "drop('k')", "put('k','v'); get('k')", "get('k"];
        for text in refused {
            assert!(operation(text).is_err_and(|why| why.contains("; ")), "{text}");
        }
    }
}
