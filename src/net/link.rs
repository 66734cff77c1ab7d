//! The way from one node to another: what is sent arrives in order, once, as long as both live.
//!
//! Every node calls every other and sends over that connection; what comes back there is what has
//! arrived. Bundles are numbered. What was not acknowledged is kept and sent again over the next
//! connection, and what comes a second time is dropped. A node that starts takes a new session
//! number, so that others notice: what was on its way to its former life is lost.
//!
//! A caller who has nothing to say asks from time to time whether the other is still there. Who is
//! silent for too long counts as gone, though the connection may stand: a node that hangs, or a cut
//! cable, which TCP would notice much later.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::bundle::Bundle;
use super::handshake::{self, Channel, HandshakeError, Limits, NodeSecret};
use super::numbers::{Incoming, Life, Lost, Outgoing, Turn};
use super::report::LinkReport;
use super::roster::{NodeNumber, Notice, Notices, Peer};
use super::word::Word;

/// How long the longest pause between two calls is; the first is the shortest.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

/// How many bundles come before it is said that they have, if they do not stop coming.
const BUNDLES_A_WORD: usize = 64;
/// How many bytes of them.
const BYTES_A_WORD: usize = 1 << 20;
/// How long after the last one it is said otherwise.
const QUIET: Duration = Duration::from_millis(20);

/// What a node shows to those whom it calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Papers<'a> {
    pub(super) number: NodeNumber,
    pub(super) secret: &'a NodeSecret,
    /// What all nodes of a cluster have alike.
    pub(super) charter: u64,
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

    /// Sends a bundle, when [`Line::flush`] says so at the latest; why it is lost, if that is news.
    pub(super) fn push(&self, bundle: Bundle) -> Option<Lost> {
        self.outgoing.borrow_mut().push(bundle)
    }

    /// Sends what was pushed.
    pub(super) fn flush(&self) {
        let outgoing = self.outgoing.borrow();
        if outgoing.left < outgoing.bundles.len() {
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

    /// What there is to tell of it.
    pub(super) fn report(&self, to: NodeNumber) -> LinkReport {
        let outgoing = self.outgoing.borrow();
        let (parcels, bytes) = (outgoing.parcels as u64, outgoing.bytes as u64);
        LinkReport { to, is_up: self.is_up(), parcels, bytes }
    }

    /// Keeps a connection to the peer, for ever. Tells when it is up.
    pub(super) async fn keep(
        &self,
        own: Papers<'_>,
        peer: &Peer,
        limits: Limits,
        notices: &Notices,
        up: impl AsyncFn(Life),
    ) {
        let mut pause = PAUSES[0];
        let told = async |life| {
            if life != Life::First {
                let (from, to, is_restarted) = (own.number, peer.number, life == Life::Another);
                notices.tell(Notice::LinkUp { from, to, is_restarted });
            }
            up(life).await;
        };
        loop {
            let Err(error) = self.talk(own, peer, limits, &told).await;
            let was_up = std::mem::replace(&mut self.outgoing.borrow_mut().is_up, false);
            if was_up {
                let (from, to, why) = (own.number, peer.number, error.to_string());
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
        own: Papers<'_>,
        peer: &Peer,
        limits: Limits,
        up: &impl AsyncFn(Life),
    ) -> Result<std::convert::Infallible, HandshakeError> {
        let stream = tokio::time::timeout(limits.handshake, TcpStream::connect(peer.address)).await;
        let stream = stream.map_err(|_| HandshakeError::TooSlow(limits.handshake))??;
        let mut channel = handshake::call(stream, own.secret, peer.key, limits).await?;
        let mut bytes = Vec::new();
        let session = self.outgoing.borrow().session;
        Word::Hello { session, charter: own.charter }.put(&mut bytes, limits.frame)?;
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
                    came = channel.receive() => came?,
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
                    came = channel.receive() => came?,
                    () = std::future::ready(()) => {}
                }
            }
            while let Some(frame) = channel.next()? {
                let Some(Word::Received { number }) = Word::read(frame) else {
                    return Err(HandshakeError::Said("said what only a caller says"));
                };
                // Bytes alone are no sign of life: where one was damaged, they never become a word.
                pulse.heard = Instant::now();
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
                    Some(Word::Hello { session, charter }) => Ok(Word::Hello { session, charter }),
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

/// The session in which a caller is, and his charter. Only he can say it who has the key that the
/// handshake showed: that alone may be somebody's who repeats what he has heard.
pub(super) async fn hear_hello(
    channel: &mut Channel,
    limits: Limits,
) -> Result<[u64; 2], HandshakeError> {
    match first_word(channel, limits).await? {
        Word::Hello { session, charter } => Ok([session, charter]),
        _ => Err(HandshakeError::Said("did not say who it is")),
    }
}

/// Takes what a peer sends over one connection in a session, up to its end. `take` is handed each
/// bundle once, in order. May be given up at any time: a bundle that `take` has not done with
/// counts as one that has not come.
pub(super) async fn take_bundles(
    mut channel: Channel,
    [session, own_session]: [u64; 2],
    incoming: &RefCell<Incoming>,
    limits: Limits,
    take: impl AsyncFn(&[u8]),
) -> Result<std::convert::Infallible, HandshakeError> {
    let (received, call) = incoming.borrow_mut().called(session)?;
    let mut bytes = Vec::new();
    Word::Welcome { session: own_session, received }.put(&mut bytes, limits.frame)?;
    channel.send(&bytes).await?;
    let mut unsaid = Unsaid::default();
    loop {
        while let Some(frame) = channel.next()? {
            let (number, bytes) = match Word::read(frame) {
                Some(Word::Bundle { number, bytes }) => (number, bytes),
                Some(Word::Beat { .. }) => {
                    unsaid.is_asked = true;
                    continue;
                }
                _ => return Err(HandshakeError::Said("sent what is no bundle")),
            };
            if incoming.borrow().calls != call {
                return Err(HandshakeError::Said("has called again since"));
            }
            unsaid.bundles += 1;
            unsaid.bytes += bytes.len();
            let turn = incoming.borrow().turn(number);
            match turn {
                Turn::Early => return Err(HandshakeError::Said("left out a bundle")),
                Turn::Repeated => {}
                Turn::New => {
                    take(bytes).await;
                    incoming.borrow_mut().last = Some(number);
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
    bundles: usize,
    bytes: usize,
    /// Whether the peer asks for it.
    is_asked: bool,
}

impl Unsaid {
    fn is_much(&self) -> bool {
        self.is_asked || self.bundles >= BUNDLES_A_WORD || self.bytes >= BYTES_A_WORD
    }
}

/// Waits for more; false if nothing came for a moment after something had.
async fn hears(
    channel: &mut Channel,
    unsaid: &Unsaid,
    limits: Limits,
) -> Result<bool, HandshakeError> {
    let has_come = unsaid.bundles > 0;
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
