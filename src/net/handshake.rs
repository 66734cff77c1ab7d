//! Who is at the other end: a Noise handshake, and the encrypted stream that follows it.
//!
//! Every node has a key, and knows the keys of the others beforehand. The pattern is IK: who calls
//! knows whom he calls, and proves who he is; who is called takes nobody whose key he does not
//! know.
//! What is repeated of an earlier handshake leads nowhere, since whoever repeats it cannot write
//! what comes next.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use snow::params::{DHChoice, NoiseParams};
use snow::resolvers::{CryptoResolver as _, DefaultResolver};
use snow::{Builder, HandshakeState, StatelessTransportState};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::frame::{FrameError, Frames};

static PATTERN: LazyLock<NoiseParams> = LazyLock::new(|| {
    "Noise_IK_25519_ChaChaPoly_BLAKE2s".parse().expect("the name of a pattern that snow has")
});

/// What both sides must agree on before they say anything: the version of all that follows.
const PROLOGUE: &[u8] = b"perjury links 2";

/// The longest piece that Noise encrypts at once.
const PIECE: usize = 65_535;
/// How much room is kept for what leaves.
const ROOM_KEPT: usize = 1 << 20;
/// By how much a piece grows.
const TAG: usize = 16;
/// Both messages of a handshake are shorter.
const LONGEST_GREETING: usize = 128;

/// The half of a node's key that all others know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeKey(pub [u8; 32]);

impl fmt::Display for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Both halves of a node's key.
#[derive(Clone)]
pub struct NodeSecret {
    secret: [u8; 32],
    public: NodeKey,
}

impl fmt::Debug for NodeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeSecret(of {})", self.public)
    }
}

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is 64 hexadecimal digits, as `perjury keys` prints it")]
pub struct NoKey;

impl FromStr for NodeKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<NodeKey, NoKey> {
        let mut key = [0; 32];
        let is_hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.len() != 2 * key.len() || !is_hexadecimal {
            return Err(NoKey);
        }
        for (byte, at) in key.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| NoKey)?;
        }
        Ok(NodeKey(key))
    }
}

impl Serialize for NodeKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NodeKey, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl NodeSecret {
    /// The one with this secret half.
    ///
    /// # Errors
    ///
    /// If the other half cannot be computed.
    pub(super) fn from_bytes(secret: [u8; 32]) -> Result<NodeSecret, HandshakeError> {
        let mut pair = DefaultResolver.resolve_dh(&DHChoice::Curve25519).ok_or(snow::Error::Dh)?;
        pair.set(&secret);
        let public = <[u8; 32]>::try_from(pair.pubkey()).map_err(|_| snow::Error::Dh)?;
        Ok(NodeSecret { secret, public: NodeKey(public) })
    }

    /// The half that nobody else may know.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.secret
    }

    /// A new one.
    ///
    /// # Errors
    ///
    /// If the machine gives no randomness.
    pub fn generate() -> Result<NodeSecret, HandshakeError> {
        let pair = Builder::new(PATTERN.clone()).generate_keypair()?;
        let half = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map_err(|_| snow::Error::Dh);
        Ok(NodeSecret { secret: half(pair.private)?, public: NodeKey(half(pair.public)?) })
    }

    /// The half that others know.
    pub fn public(&self) -> NodeKey {
        self.public
    }
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The other side did not say what it had to say.
    #[error(
        "the handshake failed ({0}); both ends must be nodes of one cluster, of the same version"
    )]
    Noise(#[from] snow::Error),
    /// The other side has a key that nobody knows.
    #[error("no node of this cluster has the key {0}; list it among the nodes and start again")]
    Stranger(NodeKey),
    /// It took too long.
    #[error("the other side did not finish the handshake in {0:?}; is it a node of this cluster?")]
    TooSlow(Duration),
    /// Others have called since, and it had not said who it is.
    #[error("too many call who do not say who they are; see who that is, and shut them out")]
    Crowded,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    /// It sent something of another length than a handshake has.
    #[error("the other side sent no handshake: {0} bytes are announced for it")]
    Length(usize),
    /// A frame on the link is too long.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Nothing comes any more.
    #[error("the other side has been silent for {0:?}")]
    Silent(Duration),
    /// The other side was given another cluster file.
    #[error(
        "its cluster file says another thing; give all machines the same: protocol, t, timeout, \
         checkpoint_every, clients, hosts, and the nodes' names and keys"
    )]
    Charter,
    /// Another program that has the same key is connected.
    #[error(
        "another program is connected that has its key, or that was started anew and its old \
         connection is not known to be gone yet; if this goes on, end one of them"
    )]
    Twin,
    /// The other side has nothing more to say.
    #[error("the other side closed the connection")]
    Closed,
    /// The other side says what cannot be said there.
    #[error("the other side {0}")]
    Said(&'static str),
}

impl HandshakeError {
    /// Whether the connection is merely over, by nobody's fault.
    pub(super) fn is_end(&self) -> bool {
        use HandshakeError::{Closed, Io, Silent};
        matches!(self, Closed | Io(_) | Silent(_))
    }
}

/// Calls a node that has this key.
///
/// # Errors
///
/// If it does not answer in time, or is not the one.
pub(super) async fn call(
    stream: TcpStream,
    own: &NodeSecret,
    whom: NodeKey,
    limits: Limits,
) -> Result<Channel, HandshakeError> {
    let talk = async {
        let mut stream = stream;
        let mut noise = Builder::new(PATTERN.clone())
            .prologue(PROLOGUE)?
            .local_private_key(&own.secret)?
            .remote_public_key(&whom.0)?
            .build_initiator()?;
        greet(&mut stream, &mut noise).await?;
        listen(&mut stream, &mut noise).await?;
        Channel::new(stream, noise, limits.frame)
    };
    in_time(limits.handshake, talk).await
}

/// Takes a call. `known` says which node has a key.
///
/// # Errors
///
/// If nobody known calls, or he is too slow.
pub(super) async fn answer<T>(
    stream: TcpStream,
    own: &NodeSecret,
    known: impl FnOnce(NodeKey) -> Option<T>,
    limits: Limits,
) -> Result<(T, Channel), HandshakeError> {
    let talk = async {
        let mut stream = stream;
        let mut noise = Builder::new(PATTERN.clone())
            .prologue(PROLOGUE)?
            .local_private_key(&own.secret)?
            .build_responder()?;
        listen(&mut stream, &mut noise).await?;
        let key = noise.get_remote_static().and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = NodeKey(key.ok_or(snow::Error::Dh)?);
        let caller = known(key).ok_or(HandshakeError::Stranger(key))?;
        greet(&mut stream, &mut noise).await?;
        Ok((caller, Channel::new(stream, noise, limits.frame)?))
    };
    in_time(limits.handshake, talk).await
}

/// How long a handshake may take, how long frames may be, and after which silence a link is down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) handshake: Duration,
    pub(super) frame: usize,
    pub(super) silence: Duration,
}

async fn in_time<T>(
    limit: Duration,
    talk: impl Future<Output = Result<T, HandshakeError>>,
) -> Result<T, HandshakeError> {
    tokio::time::timeout(limit, talk).await.unwrap_or(Err(HandshakeError::TooSlow(limit)))
}

async fn greet(stream: &mut TcpStream, noise: &mut HandshakeState) -> Result<(), HandshakeError> {
    let mut message = [0; LONGEST_GREETING];
    let length = noise.write_message(&[], &mut message)?;
    stream.write_u16_le(length as u16).await?;
    stream.write_all(&message[..length]).await?;
    Ok(())
}

async fn listen(stream: &mut TcpStream, noise: &mut HandshakeState) -> Result<(), HandshakeError> {
    let length = usize::from(stream.read_u16_le().await?);
    let mut message = [0; LONGEST_GREETING];
    let place = message.get_mut(..length).ok_or(HandshakeError::Length(length))?;
    stream.read_exact(place).await?;
    // Nothing is said in the handshake itself.
    noise.read_message(place, &mut [0; LONGEST_GREETING])?;
    Ok(())
}

/// An encrypted stream of frames in both directions.
///
/// What is written is gathered and encrypted in pieces, each behind its length in two bytes; frames
/// may lie across pieces.
pub(super) struct Channel {
    stream: TcpStream,
    noise: StatelessTransportState,
    written: u64,
    read: u64,
    /// Encrypted bytes that leave, room for which is kept: to give back and ask again for so much
    /// sets the allocator to tidy up each time.
    leaving: Vec<u8>,
    /// Encrypted bytes that came.
    coming: Vec<u8>,
    plain: Vec<u8>,
    frames: Frames,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Channel {
    fn new(
        stream: TcpStream,
        noise: HandshakeState,
        longest_frame: usize,
    ) -> Result<Channel, HandshakeError> {
        stream.set_nodelay(true)?;
        Ok(Channel {
            stream,
            noise: noise.into_stateless_transport_mode()?,
            written: 0,
            read: 0,
            leaving: Vec::new(),
            coming: Vec::with_capacity(2 * PIECE),
            plain: vec![0; PIECE],
            frames: Frames::within(longest_frame),
        })
    }

    /// Sends bytes that are frames. To be awaited to its end.
    pub(super) async fn send(&mut self, frames: &[u8]) -> Result<(), HandshakeError> {
        for piece in frames.chunks(PIECE - TAG) {
            let begin = self.leaving.len();
            let length = piece.len() + TAG;
            self.leaving.extend((length as u16).to_le_bytes());
            self.leaving.resize(begin + 2 + length, 0);
            self.noise.write_message(self.written, piece, &mut self.leaving[begin + 2..])?;
            self.written += 1;
        }
        self.stream.write_all(&self.leaving).await?;
        self.leaving.clear();
        self.leaving.shrink_to(ROOM_KEPT);
        Ok(())
    }

    /// Waits for bytes, and takes those that came. May be given up at any time; nothing is lost.
    pub(super) async fn receive(&mut self) -> Result<(), HandshakeError> {
        if self.stream.read_buf(&mut self.coming).await? == 0 {
            return Err(HandshakeError::Closed);
        }
        let mut taken = 0;
        while let Some((prefix, rest)) = self.coming[taken..].split_first_chunk::<2>() {
            let length = usize::from(u16::from_le_bytes(*prefix));
            let Some(piece) = rest.get(..length) else { break };
            let plain = self.noise.read_message(self.read, piece, &mut self.plain)?;
            self.read += 1;
            self.frames.feed(&self.plain[..plain]);
            taken += 2 + length;
        }
        self.coming.drain(..taken);
        Ok(())
    }

    /// The next frame of those that came.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, FrameError> {
        self.frames.next()
    }
}
