//! The way from one node to another: what is sent arrives in order, once, as long as both live.
//!
//! Every node calls every other and sends over that connection; what comes back there is what has
//! arrived. Parcels are numbered. What was not acknowledged is kept and sent again over the next
//! connection, and what comes a second time is dropped. A node that starts takes a new session
//! number, so that others notice: what was on its way to its former life is lost.
//!
//! A caller who has nothing to say asks from time to time whether the other is still there. Who is
//! silent for too long counts as gone, though the connection may stand: a node that hangs, or a cut
//! cable, which TCP would notice much later.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::frame::{self, FrameError};
use super::handshake::{self, Channel, HandshakeError, Limits, NodeSecret};
use super::roster::{NodeNumber, Notice, Notices, Peer};

/// How long the longest pause between two calls is; the first is the shortest.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

/// How many bytes are sent at once, if there are several parcels.
const BATCH: usize = 256 << 10;

/// How many parcels come before it is said that they have, if they do not stop coming.
const PARCELS_A_WORD: usize = 256;
/// How many bytes of them.
const BYTES_A_WORD: usize = 1 << 20;
/// How long after the last one it is said otherwise.
const QUIET: Duration = Duration::from_millis(20);

/// What a parcel's frame has beside the parcel.
const HEADER: usize = 9;

/// What nodes say to each other over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// The caller is in this session.
    Hello { session: u64 },
    /// The called is in this session, and has got all parcels of the caller's up to this one.
    Welcome { session: u64, received: u64 },
    /// A parcel.
    Parcel { number: u64, bytes: &'a [u8] },
    /// All parcels up to this one have come.
    Received { number: u64 },
    /// The caller wants to hear which parcel came last: whether the called is still there.
    Beat { number: u64 },
}

impl<'a> Word<'a> {
    fn put(&self, to: &mut Vec<u8>, limit: usize) -> Result<(), FrameError> {
        frame::put(to, limit, |to| match *self {
            Word::Hello { session } => put_numbers(to, 1, &[session]),
            Word::Welcome { session, received } => put_numbers(to, 2, &[session, received]),
            Word::Parcel { number, bytes } => {
                put_numbers(to, 3, &[number]);
                to.extend_from_slice(bytes);
            }
            Word::Received { number } => put_numbers(to, 4, &[number]),
            Word::Beat { number } => put_numbers(to, 5, &[number]),
        })
    }

    /// The word in a frame, if there is one.
    pub(super) fn read(frame: &'a [u8]) -> Option<Word<'a>> {
        let (kind, rest) = frame.split_first()?;
        let (first, rest) =
            rest.split_first_chunk().map(|(n, rest)| (u64::from_le_bytes(*n), rest))?;
        match (kind, rest) {
            (1, []) => Some(Word::Hello { session: first }),
            (2, rest) => {
                let received = u64::from_le_bytes(rest.try_into().ok()?);
                Some(Word::Welcome { session: first, received })
            }
            (3, bytes) => Some(Word::Parcel { number: first, bytes }),
            (4, []) => Some(Word::Received { number: first }),
            (5, []) => Some(Word::Beat { number: first }),
            _ => None,
        }
    }
}

fn put_numbers(to: &mut Vec<u8>, kind: u8, numbers: &[u64]) {
    to.push(kind);
    to.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

/// What is on its way to another node.
#[derive(Debug)]
pub(super) struct Outgoing {
    session: u64,
    peer_session: Option<u64>,
    /// Not acknowledged yet, the oldest first.
    parcels: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The number of the first of them.
    first: u64,
    /// How many of them left over this connection.
    left: usize,
    /// How many of them left over any.
    ever_left: usize,
    is_up: bool,
    lost: u64,
    room: Room,
}

/// Which life of its peer a line reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// The first that it knows of.
    First,
    /// The same as before.
    Same,
    /// Another than before: it knows nothing of what the former was told.
    Another,
}

/// How much may wait to be acknowledged, and how large a frame may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) parcels: usize,
    pub(super) bytes: usize,
    pub(super) frame: usize,
}

impl Outgoing {
    pub(super) fn new(session: u64, room: Room) -> Outgoing {
        Outgoing {
            session,
            peer_session: None,
            parcels: VecDeque::new(),
            bytes: 0,
            first: 1,
            left: 0,
            ever_left: 0,
            is_up: false,
            lost: 0,
            room,
        }
    }

    /// Puts a parcel last. Where there is no room it is lost, as it may be in any network.
    pub(super) fn push(&mut self, parcel: Vec<u8>) {
        let bytes = self.bytes + parcel.len();
        let fits = parcel.len() + HEADER <= self.room.frame;
        if !fits || bytes > self.room.bytes || self.parcels.len() == self.room.parcels {
            self.lost += 1;
            return;
        }
        self.bytes = bytes;
        self.parcels.push_back(parcel);
    }

    /// The peer has answered a call.
    fn welcomed(&mut self, session: u64, received: u64) -> Life {
        let life = match self.peer_session.replace(session) {
            None => Life::First,
            Some(known) if known == session => Life::Same,
            Some(_) => Life::Another,
        };
        if life == Life::Another {
            self.lost += self.ever_left as u64;
            self.forget(self.ever_left);
        } else {
            self.received(received);
        }
        self.left = 0;
        self.is_up = true;
        life
    }

    /// All up to this number have come.
    fn received(&mut self, number: u64) {
        let count = number.saturating_add(1).saturating_sub(self.first) as usize;
        self.forget(count.min(self.ever_left));
    }

    /// The first of them need not be kept.
    fn forget(&mut self, count: usize) {
        let gone = self.parcels.drain(..count).map(|parcel| parcel.len()).sum::<usize>();
        self.bytes -= gone;
        self.first += count as u64;
        self.left = self.left.saturating_sub(count);
        self.ever_left = self.ever_left.saturating_sub(count);
    }

    /// Puts what has not left over this connection into frames, as much as is sent at once.
    fn batch(&mut self, to: &mut Vec<u8>) -> Result<(), FrameError> {
        while to.len() < BATCH
            && let Some(bytes) = self.parcels.get(self.left)
        {
            let number = self.first + self.left as u64;
            Word::Parcel { number, bytes }.put(to, self.room.frame)?;
            self.left += 1;
            self.ever_left = self.ever_left.max(self.left);
        }
        Ok(())
    }

    /// How many parcels were lost for want of room, or with a former life of the peer.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
}

/// What has come from another node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Incoming {
    session: Option<u64>,
    /// The last one; none before the first of a session.
    last: Option<u64>,
    /// How often the peer has called: what an earlier connection still brings is void.
    calls: u64,
    /// Whether the peer is heard in its first life alone.
    is_mortal: bool,
}

/// What to do about a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It is the next one.
    New,
    /// It was here before.
    Repeated,
    /// Something is missing before it.
    Early,
}

impl Incoming {
    /// From a peer who is not heard any more once he has begun anew.
    pub(super) fn of_a_mortal() -> Incoming {
        Incoming { is_mortal: true, ..Incoming::default() }
    }

    /// The peer calls; returns up to which parcel everything has come, and the number of the call.
    fn called(&mut self, session: u64) -> Result<(u64, u64), HandshakeError> {
        if self.session != Some(session) {
            if self.is_mortal && self.session.is_some() {
                return Err(HandshakeError::Said("has begun anew, and what it had made is gone"));
            }
            (self.session, self.last) = (Some(session), None);
        }
        self.calls += 1;
        Ok((self.last.unwrap_or(0), self.calls))
    }

    fn turn(&self, number: u64) -> Turn {
        match self.last {
            None => Turn::New,
            Some(last) if number <= last => Turn::Repeated,
            Some(last) if number == last + 1 => Turn::New,
            Some(_) => Turn::Early,
        }
    }
}

/// One end of the way to a peer, shared by who sends and who keeps the connection.
#[derive(Debug)]
pub(super) struct Line {
    outgoing: RefCell<Outgoing>,
    /// Until when nobody need doubt that the peer is there, if it is connected.
    fine_until: Cell<Option<Instant>>,
    wake: Notify,
}

impl Line {
    pub(super) fn new(outgoing: Outgoing) -> Line {
        let (outgoing, fine_until) = (RefCell::new(outgoing), Cell::new(None));
        Line { outgoing, fine_until, wake: Notify::new() }
    }

    /// Sends a parcel, when [`Line::flush`] says so at the latest.
    pub(super) fn push(&self, parcel: Vec<u8>) {
        self.outgoing.borrow_mut().push(parcel);
    }

    /// Sends what was pushed.
    pub(super) fn flush(&self) {
        let outgoing = self.outgoing.borrow();
        if outgoing.left < outgoing.parcels.len() {
            self.wake.notify_one();
        }
    }

    /// Whether the peer is connected.
    pub(super) fn is_up(&self) -> bool {
        self.outgoing.borrow().is_up
    }

    /// Whether it has said something lately, too.
    pub(super) fn is_fine(&self) -> bool {
        self.is_up() && self.fine_until.get().is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn lost(&self) -> u64 {
        self.outgoing.borrow().lost()
    }

    /// Keeps a connection to the peer, for ever. Tells when it is up.
    pub(super) async fn keep(
        &self,
        own: (NodeNumber, &NodeSecret),
        peer: &Peer,
        limits: Limits,
        notices: &Notices,
        up: impl AsyncFn(Life),
    ) {
        let mut pause = PAUSES[0];
        let told = async |life| {
            if life != Life::First {
                let (from, to, is_restarted) = (own.0, peer.number, life == Life::Another);
                notices.tell(Notice::LinkUp { from, to, is_restarted });
            }
            up(life).await;
        };
        loop {
            let Err(error) = self.talk(own.1, peer, limits, &told).await;
            let was_up = std::mem::replace(&mut self.outgoing.borrow_mut().is_up, false);
            if was_up {
                let (from, to, why) = (own.0, peer.number, error.to_string());
                notices.tell(Notice::LinkDown { from, to, why });
                pause = PAUSES[0];
            }
            tokio::time::sleep(with_jitter(pause)).await;
            pause = (pause * 2).min(PAUSES[1]);
        }
    }

    /// One connection, up to its end.
    async fn talk(
        &self,
        own: &NodeSecret,
        peer: &Peer,
        limits: Limits,
        up: &impl AsyncFn(Life),
    ) -> Result<std::convert::Infallible, HandshakeError> {
        let stream = tokio::time::timeout(limits.handshake, TcpStream::connect(peer.address)).await;
        let stream = stream.map_err(|_| HandshakeError::TooSlow(limits.handshake))??;
        let mut channel = handshake::call(stream, own, peer.key, limits).await?;
        let mut bytes = Vec::new();
        let session = self.outgoing.borrow().session;
        Word::Hello { session }.put(&mut bytes, limits.frame)?;
        channel.send(&bytes).await?;
        let Word::Welcome { session, received } = first_word(&mut channel, limits).await? else {
            return Err(HandshakeError::Said("gave no welcome"));
        };
        let life = self.outgoing.borrow_mut().welcomed(session, received);
        let mut pulse = Pulse::new(limits.silence);
        self.fine_until.set(Some(pulse.heard + limits.silence / 2));
        up(life).await;
        loop {
            bytes.clear();
            self.fine_until.set(Some(pulse.heard + limits.silence / 2));
            self.outgoing.borrow_mut().batch(&mut bytes)?;
            if bytes.is_empty() {
                tokio::select! {
                    biased;
                    came = channel.receive() => pulse.heard(came)?,
                    () = self.wake.notified() => {}
                    () = tokio::time::sleep_until(pulse.next) => {
                        pulse.beat()?;
                        Word::Beat { number: 0 }.put(&mut bytes, limits.frame)?;
                    }
                }
            }
            if !bytes.is_empty() {
                pulse.send(&mut channel, &bytes).await?;
                // What has been acknowledged meanwhile, without waiting for it.
                tokio::select! {
                    biased;
                    came = channel.receive() => pulse.heard(came)?,
                    () = std::future::ready(()) => {}
                }
            }
            while let Some(frame) = channel.next()? {
                let Some(Word::Received { number }) = Word::read(frame) else {
                    return Err(HandshakeError::Said("said what only a caller says"));
                };
                self.outgoing.borrow_mut().received(number);
            }
        }
    }
}

/// Knows whether the other side is still there.
struct Pulse {
    silence: Duration,
    heard: Instant,
    /// When to ask whether it is.
    next: Instant,
}

impl Pulse {
    /// How often it is asked before its silence is too long.
    const BEATS: u32 = 4;
    /// How many bytes a link that is slow and not silent takes in a second at least.
    const SLOWEST: usize = 1 << 18;

    fn new(silence: Duration) -> Pulse {
        let now = Instant::now();
        Pulse { silence, heard: now, next: now + silence / Pulse::BEATS }
    }

    /// Something has come, if it has.
    fn heard(&mut self, came: Result<(), HandshakeError>) -> Result<(), HandshakeError> {
        self.heard = Instant::now();
        came
    }

    /// It is time to ask; an error, if that was done in vain for too long.
    fn beat(&mut self) -> Result<(), HandshakeError> {
        let now = Instant::now();
        if now.duration_since(self.heard) > self.silence {
            return Err(HandshakeError::Silent(self.silence));
        }
        self.next = now + self.silence / Pulse::BEATS;
        Ok(())
    }

    /// Sends, as long as the other side takes it; meanwhile nobody listens what it says.
    async fn send(&mut self, channel: &mut Channel, bytes: &[u8]) -> Result<(), HandshakeError> {
        let limit = self.silence + Duration::from_secs((bytes.len() / Pulse::SLOWEST) as u64);
        let before = Instant::now();
        let sent = tokio::time::timeout(limit, channel.send(bytes)).await;
        sent.map_err(|_| HandshakeError::Silent(limit))??;
        self.heard += before.elapsed();
        Ok(())
    }
}

/// What is said first over a connection, which must not take long.
async fn first_word(
    channel: &mut Channel,
    limits: Limits,
) -> Result<Word<'static>, HandshakeError> {
    let listen = async {
        loop {
            channel.receive().await?;
            if let Some(frame) = channel.next()? {
                return match Word::read(frame) {
                    Some(Word::Hello { session }) => Ok(Word::Hello { session }),
                    Some(Word::Welcome { session, received }) => {
                        Ok(Word::Welcome { session, received })
                    }
                    _ => Err(HandshakeError::Said("did not begin with a greeting")),
                };
            }
        }
    };
    let limit = limits.handshake;
    tokio::time::timeout(limit, listen).await.unwrap_or(Err(HandshakeError::TooSlow(limit)))
}

/// Takes what a peer sends over one connection, up to its end. `take` is handed each parcel once,
/// in order.
pub(super) async fn take_parcels(
    mut channel: Channel,
    own_session: u64,
    incoming: &RefCell<Incoming>,
    limits: Limits,
    take: impl AsyncFn(&[u8]),
) -> Result<std::convert::Infallible, HandshakeError> {
    let Word::Hello { session } = first_word(&mut channel, limits).await? else {
        return Err(HandshakeError::Said("did not say who it is"));
    };
    let (received, call) = incoming.borrow_mut().called(session)?;
    let mut bytes = Vec::new();
    Word::Welcome { session: own_session, received }.put(&mut bytes, limits.frame)?;
    channel.send(&bytes).await?;
    let mut unsaid = Unsaid::default();
    loop {
        while let Some(frame) = channel.next()? {
            let (number, bytes) = match Word::read(frame) {
                Some(Word::Parcel { number, bytes }) => (number, bytes),
                Some(Word::Beat { .. }) => {
                    unsaid.is_asked = true;
                    continue;
                }
                _ => return Err(HandshakeError::Said("sent what is no parcel")),
            };
            if incoming.borrow().calls != call {
                return Err(HandshakeError::Said("has called again since"));
            }
            unsaid.parcels += 1;
            unsaid.bytes += bytes.len();
            let turn = incoming.borrow().turn(number);
            match turn {
                Turn::Early => return Err(HandshakeError::Said("left out a parcel")),
                Turn::Repeated => {}
                Turn::New => {
                    // Noted before it is handed on, so that nothing is taken twice where this is
                    // given up in between.
                    incoming.borrow_mut().last = Some(number);
                    take(bytes).await;
                }
            }
        }
        if unsaid.is_much() || !hears(&mut channel, &unsaid, limits).await? {
            bytes.clear();
            let number = incoming.borrow().last.unwrap_or(0);
            Word::Received { number }.put(&mut bytes, limits.frame)?;
            channel.send(&bytes).await?;
            unsaid = Unsaid::default();
        }
    }
}

/// What came since it was last said what has come.
#[derive(Default)]
struct Unsaid {
    parcels: usize,
    bytes: usize,
    /// Whether the peer asks for it.
    is_asked: bool,
}

impl Unsaid {
    fn is_much(&self) -> bool {
        self.is_asked || self.parcels >= PARCELS_A_WORD || self.bytes >= BYTES_A_WORD
    }
}

/// Waits for more; false if nothing came for a moment after something had.
async fn hears(
    channel: &mut Channel,
    unsaid: &Unsaid,
    limits: Limits,
) -> Result<bool, HandshakeError> {
    let has_come = unsaid.parcels > 0;
    let limit = if has_come { QUIET } else { limits.silence };
    match tokio::time::timeout(limit, channel.receive()).await {
        Ok(came) => came.map(|()| true),
        Err(_) if has_come => Ok(false),
        Err(_) => Err(HandshakeError::Silent(limits.silence)),
    }
}

/// Between a half of it and the whole, so that nodes which lost each other do not call in step.
fn with_jitter(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness the pause is as good, if all machines start at their own times.
    let _ = getrandom::fill(&mut byte);
    pause / 2 + pause / 2 * u32::from(byte[0]) / 255
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::super::handshake::NodeKey;
    use super::*;

    const ROOM: Room = Room { parcels: 100, bytes: 1000, frame: 64 };

    /// A caller and a called, with a connection that breaks.
    struct Pair {
        outgoing: Outgoing,
        incoming: Incoming,
        /// Frames that left and have not come.
        flying: Vec<u8>,
        came: Vec<u8>,
    }

    impl Pair {
        fn connect(&mut self, session: u64) {
            self.flying.clear();
            let (received, _) = self.incoming.called(self.outgoing.session).unwrap();
            self.outgoing.welcomed(session, received);
        }

        fn fly(&mut self) {
            self.outgoing.batch(&mut self.flying).unwrap();
        }

        /// So many of the frames under way arrive; perhaps that is acknowledged.
        fn arrive(&mut self, count: usize, acknowledged: bool) {
            let mut frames = frame::Frames::within(64);
            frames.feed(&self.flying);
            for _ in 0..count {
                let Some(frame) = frames.next().unwrap() else { break };
                let Some(Word::Parcel { number, bytes }) = Word::read(frame) else { panic!() };
                match self.incoming.turn(number) {
                    Turn::New => {
                        self.incoming.last = Some(number);
                        self.came.push(bytes[0]);
                    }
                    turn => assert_eq!(turn, Turn::Repeated),
                }
            }
            let rest: usize = frames.rest();
            self.flying.drain(..self.flying.len() - rest);
            if acknowledged {
                self.outgoing.received(self.incoming.last.unwrap_or(0));
            }
        }
    }

    proptest! {
        #[test]
        fn a_line_that_breaks_loses_and_repeats_nothing(
            steps in prop::collection::vec((0..4u8, 0..5usize, any::<bool>()), 0..60),
        ) {
            let outgoing = Outgoing::new(1, ROOM);
            let incoming = Incoming::default();
            let mut pair = Pair { outgoing, incoming, flying: Vec::new(), came: Vec::new() };
            let mut sent = 0;
            pair.connect(9);
            for (step, count, acknowledged) in steps {
                match step {
                    0 => {
                        pair.outgoing.push(vec![sent]);
                        sent += 1;
                    }
                    1 => pair.fly(),
                    2 => pair.arrive(count, acknowledged),
                    _ => pair.connect(9),
                }
            }
            pair.connect(9);
            pair.fly();
            pair.arrive(usize::MAX, true);
            prop_assert_eq!(pair.came, (0..sent).collect::<Vec<_>>());
            prop_assert!(pair.outgoing.parcels.is_empty());
            prop_assert_eq!((pair.outgoing.bytes, pair.outgoing.lost), (0, 0));
        }

        #[test]
        fn any_frame_is_a_word_or_none(frame in any::<Vec<u8>>()) {
            if let Some(word) = Word::read(&frame) {
                let mut again = Vec::new();
                word.put(&mut again, 1000).unwrap();
                prop_assert_eq!(&again[4..], &frame);
            }
        }
    }

    #[test]
    fn a_new_life_of_the_peer_gets_what_never_left_and_nothing_else() {
        let mut outgoing = Outgoing::new(1, ROOM);
        assert_eq!(outgoing.welcomed(9, 0), Life::First);
        outgoing.push(vec![0]);
        outgoing.batch(&mut Vec::new()).unwrap();
        outgoing.push(vec![1]);
        assert_eq!(outgoing.welcomed(9, 0), Life::Same);
        assert_eq!(outgoing.welcomed(10, 0), Life::Another);
        let mut bytes = Vec::new();
        outgoing.batch(&mut bytes).unwrap();
        assert_eq!(Word::read(&bytes[4..]), Some(Word::Parcel { number: 2, bytes: &[1] }));
        assert_eq!(outgoing.lost(), 1);
    }

    #[test]
    fn a_mortal_is_heard_in_his_first_life_alone() {
        for (mut incoming, hears_again) in
            [(Incoming::default(), true), (Incoming::of_a_mortal(), false)]
        {
            assert_eq!(incoming.called(9).unwrap(), (0, 1));
            assert_eq!(incoming.called(9).unwrap(), (0, 2));
            assert_eq!(incoming.called(10).is_ok(), hears_again);
        }
    }

    #[test]
    fn what_finds_no_room_is_lost_and_counted() {
        let mut outgoing = Outgoing::new(1, Room { parcels: 3, bytes: 60, frame: 50 });
        outgoing.push(vec![0; 42]);
        assert_eq!((outgoing.lost(), outgoing.parcels.len()), (1, 0), "longer than a frame");
        outgoing.push(vec![0; 41]);
        outgoing.push(vec![0; 20]);
        assert_eq!((outgoing.lost(), outgoing.parcels.len()), (2, 1), "too many bytes");
        (0..3).for_each(|_| outgoing.push(vec![0]));
        assert_eq!((outgoing.lost(), outgoing.parcels.len()), (3, 3), "too many parcels");
    }

    #[test]
    fn an_acknowledgement_of_what_never_left_changes_nothing() {
        let mut outgoing = Outgoing::new(1, ROOM);
        outgoing.welcomed(9, 0);
        outgoing.push(vec![0]);
        outgoing.received(u64::MAX - 1);
        assert_eq!(outgoing.parcels.len(), 1);
    }

    /// Passes bytes on until so many of them went to the called; then both connections end.
    async fn pass_on(mut caller: TcpStream, mut called: TcpStream, mut left: usize) {
        let (mut there, mut back) = ([0; 512], [0; 512]);
        while left > 0 {
            tokio::select! {
                read = caller.read(&mut there) => {
                    let Ok(count @ 1..) = read else { return };
                    let count = count.min(left);
                    left -= count;
                    if called.write_all(&there[..count]).await.is_err() {
                        return;
                    }
                }
                read = called.read(&mut back) => {
                    let Ok(count @ 1..) = read else { return };
                    if caller.write_all(&back[..count]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    const PARCELS: u32 = 3000;

    /// Takes calls from somebody with this key, and keeps the parcels that come.
    async fn take_calls(
        listener: TcpListener,
        own: NodeSecret,
        caller: NodeKey,
        came: Rc<RefCell<Vec<u32>>>,
        all: Rc<Notify>,
    ) {
        let incoming = Rc::new(RefCell::new(Incoming::default()));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (own, incoming) = (own.clone(), incoming.clone());
            let (came, all) = (came.clone(), all.clone());
            tokio::task::spawn_local(async move {
                let known = |key| (key == caller).then_some(());
                let Ok(((), channel)) = handshake::answer(stream, &own, known, LIMITS).await else {
                    return;
                };
                let take = async |bytes: &[u8]| {
                    came.borrow_mut().push(u32::from_le_bytes(bytes[..4].try_into().unwrap()));
                    if came.borrow().len() == PARCELS as usize {
                        all.notify_one();
                    }
                };
                let _ = take_parcels(channel, 9, &incoming, LIMITS, take).await;
            });
        }
    }

    const LIMITS: Limits = Limits {
        handshake: Duration::from_secs(30),
        frame: 1000,
        silence: Duration::from_secs(30),
    };

    /// Somebody who greets whoever calls, answers so many questions, and then says nothing.
    async fn answer_some(listener: TcpListener, own: NodeSecret, caller: NodeKey, mut some: u32) {
        let (stream, _) = listener.accept().await.unwrap();
        let known = |key| (key == caller).then_some(());
        let answered = handshake::answer(stream, &own, known, LIMITS).await;
        let ((), mut channel) = answered.unwrap();
        first_word(&mut channel, LIMITS).await.unwrap();
        let mut word = Word::Welcome { session: 9, received: 0 };
        loop {
            let mut bytes = Vec::new();
            word.put(&mut bytes, LIMITS.frame).unwrap();
            channel.send(&bytes).await.unwrap();
            while channel.next().unwrap().map(Word::read) != Some(Some(Word::Beat { number: 0 })) {
                channel.receive().await.unwrap();
            }
            some -= 1;
            if some == 0 {
                return std::future::pending().await;
            }
            word = Word::Received { number: 0 };
        }
    }

    #[test]
    fn who_says_nothing_any_more_counts_as_gone() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let [caller, called] = [0, 1].map(|_| NodeSecret::generate().unwrap());
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let peer = Peer { number: 1, address, key: called.public() };
            tokio::task::spawn_local(answer_some(listener, called, caller.public(), 7));
            let limits = Limits { silence: Duration::from_millis(400), ..LIMITS };
            let line = Line::new(Outgoing::new(5, ROOM));
            let began = Instant::now();
            let talk =
                line.talk(&caller, &peer, limits, &async |life| assert_eq!(life, Life::First));
            let Err(error) = tokio::time::timeout(LIMITS.handshake, talk).await.unwrap();
            assert_eq!(error.to_string(), "the other side has been silent for 400ms");
            // It was asked seven times, every tenth of a second, and answered six of them.
            assert!(began.elapsed() >= Duration::from_millis(6 * 100 + 400));
        });
    }

    #[test]
    fn a_connection_that_is_cut_again_and_again_loses_and_repeats_nothing() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let local = tokio::task::LocalSet::new();
        let came = Rc::new(RefCell::new(Vec::new()));
        let (all, cuts) = (Rc::new(Notify::new()), Rc::new(Cell::new(0)));
        let (came_there, all_came, cuts_made) = (came.clone(), all.clone(), cuts.clone());
        let work = async move {
            let [caller, called] = [0, 1].map(|_| NodeSecret::generate().unwrap());
            let [listener, proxy] =
                [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await]
                    .map(Result::unwrap);
            let [behind, address] = [&listener, &proxy].map(|l| l.local_addr().unwrap());
            let peer = Peer { number: 1, address, key: called.public() };
            let calls = take_calls(listener, called, caller.public(), came_there, all.clone());
            tokio::task::spawn_local(calls);
            tokio::task::spawn_local(async move {
                loop {
                    let (stream, _) = proxy.accept().await.unwrap();
                    let there = TcpStream::connect(behind).await.unwrap();
                    cuts_made.set(cuts_made.get() + 1);
                    pass_on(stream, there, 20_011 * cuts_made.get()).await;
                }
            });
            let room = Room { parcels: 10_000, bytes: 10_000_000, frame: 1000 };
            let line = Rc::new(Line::new(Outgoing::new(5, room)));
            let sender = line.clone();
            tokio::task::spawn_local(async move {
                let notices = Notices::to(|_| {});
                sender.keep((0, &caller), &peer, LIMITS, &notices, async |_| {}).await;
            });
            for number in 0..PARCELS {
                let mut parcel = number.to_le_bytes().to_vec();
                parcel.resize(4 + number as usize % 300, 0);
                line.push(parcel);
                line.flush();
                tokio::task::yield_now().await;
            }
            let limit = Duration::from_secs(60);
            tokio::time::timeout(limit, all_came.notified()).await.expect("all come");
            assert_eq!(line.lost(), 0);
        };
        local.block_on(&runtime, work);
        assert_eq!(*came.borrow(), (0..PARCELS).collect::<Vec<_>>());
        assert!(cuts.get() > 3, "{} connections", cuts.get());
    }
}
