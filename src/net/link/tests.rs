//! A link under cuts, repetition and silence: what comes is what was sent, in order, once.

use std::rc::Rc;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::net::frame;
use crate::net::handshake::NodeKey;
use crate::net::numbers::Room;

/// A bundle of one parcel.
fn one(bytes: Vec<u8>) -> Bundle {
    Bundle { bytes, parcels: 1 }
}

const CHARTER: u64 = 7;

fn papers(secret: &NodeSecret) -> Papers<'_> {
    Papers { number: 0, secret, charter: CHARTER }
}

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
            let Some(Word::Bundle { number, bytes }) = Word::read(frame) else { panic!() };
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
                    pair.outgoing.push(one(vec![sent]));
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
        prop_assert!(pair.outgoing.bundles.is_empty());
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
    outgoing.push(one(vec![0]));
    outgoing.batch(&mut Vec::new()).unwrap();
    outgoing.push(one(vec![1]));
    assert_eq!(outgoing.welcomed(9, 0), Life::Same);
    assert_eq!(outgoing.welcomed(10, 0), Life::Another);
    let mut bytes = Vec::new();
    outgoing.batch(&mut bytes).unwrap();
    assert_eq!(Word::read(&bytes[4..]), Some(Word::Bundle { number: 2, bytes: &[1] }));
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
    let too_long = outgoing.push(one(vec![0; 42]));
    assert_eq!(too_long, Some(Lost::TooLong { length: 42, most: 41 }));
    assert_eq!((outgoing.lost(), outgoing.parcels), (1, 0), "longer than a frame");
    outgoing.push(one(vec![0; 41]));
    outgoing.push(one(vec![0; 20]));
    assert_eq!((outgoing.lost(), outgoing.parcels), (2, 1), "too many bytes");
    assert_eq!([outgoing.push(one(vec![0])), outgoing.push(one(vec![0]))], [None; 2]);
    let full = outgoing.push(one(vec![0]));
    assert_eq!(full, Some(Lost::Full { parcels: 3, bytes: 43 }));
    assert_eq!((outgoing.lost(), outgoing.parcels), (3, 3), "too many parcels");
    assert_eq!(outgoing.push(one(vec![0])), None, "that is no news");
    assert_eq!(outgoing.lost(), 4);
}

#[test]
fn an_acknowledgement_of_what_never_left_changes_nothing() {
    let mut outgoing = Outgoing::new(1, ROOM);
    outgoing.welcomed(9, 0);
    outgoing.push(one(vec![0]));
    outgoing.received(u64::MAX - 1);
    assert_eq!(outgoing.parcels, 1);
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
            let Ok(((), mut channel)) = handshake::answer(stream, &own, known, LIMITS).await else {
                return;
            };
            let Ok([session, CHARTER]) = hear_hello(&mut channel, LIMITS).await else { return };
            let take = async |bytes: &[u8]| {
                came.borrow_mut().push(u32::from_le_bytes(bytes[..4].try_into().unwrap()));
                if came.borrow().len() == PARCELS as usize {
                    all.notify_one();
                }
            };
            let _ = take_bundles(channel, [session, 9], &incoming, LIMITS, take).await;
        });
    }
}

const LIMITS: Limits =
    Limits { handshake: Duration::from_secs(30), frame: 1000, silence: Duration::from_secs(30) };

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

/// Somebody who greets whoever calls, and then says bytes that never become a word.
async fn mumble(listener: TcpListener, own: NodeSecret, caller: NodeKey) {
    let (stream, _) = listener.accept().await.unwrap();
    let stream = stream.into_std().unwrap();
    let mut mouth = TcpStream::from_std(stream.try_clone().unwrap()).unwrap();
    let known = |key| (key == caller).then_some(());
    let stream = TcpStream::from_std(stream).unwrap();
    let ((), mut channel) = handshake::answer(stream, &own, known, LIMITS).await.unwrap();
    first_word(&mut channel, LIMITS).await.unwrap();
    let mut bytes = Vec::new();
    Word::Welcome { session: 9, received: 0 }.put(&mut bytes, LIMITS.frame).unwrap();
    channel.send(&bytes).await.unwrap();
    // The length of the longest piece, and then little of that.
    while mouth.write_all(&[255, 255]).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Calls somebody who answers in this way; tells why the call ends.
fn called<F: Future<Output = ()> + 'static>(
    answer: impl FnOnce(TcpListener, NodeSecret, NodeKey) -> F,
) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let [caller, called] = [0, 1].map(|_| NodeSecret::generate().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = Peer { number: 1, address, key: called.public() };
        tokio::task::spawn_local(answer(listener, called, caller.public()));
        let limits = Limits { silence: Duration::from_secs(2), ..LIMITS };
        let line = Line::new(Outgoing::new(5, ROOM));
        let up = async |life| assert_eq!(life, Life::First);
        let talk = line.talk(papers(&caller), &peer, limits, &up);
        let Err(error) = tokio::time::timeout(LIMITS.handshake, talk).await.expect("it notices");
        error.to_string()
    })
}

#[test]
fn who_says_nothing_that_is_a_word_counts_as_gone_too() {
    assert_eq!(called(mumble), "the other side has been silent for 2s");
}

#[test]
fn who_says_nothing_any_more_counts_as_gone() {
    let began = Instant::now();
    let why = called(|listener, own, caller| answer_some(listener, own, caller, 4));
    assert_eq!(why, "the other side has been silent for 2s");
    // It was asked four times, every half second, and answered three of them.
    assert!(began.elapsed() >= Duration::from_millis(3 * 500 + 2_000));
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
            sender.keep(papers(&caller), &peer, LIMITS, &notices, async |_| {}).await;
        });
        for number in 0..PARCELS {
            let mut parcel = number.to_le_bytes().to_vec();
            parcel.resize(4 + number as usize % 300, 0);
            line.push(one(parcel));
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
