//! Somebody with a node's key, who passes for that node while it is dead, and says over its links
//! what no node says: frames and words that are damaged, too long, out of turn, or of others.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use perjury::identity::Identity;
use perjury::net::{ClusterFile, NodeKey};
use perjury::object::Dictionary;
use perjury::protocol::bcr::Message;
use perjury::wire;
use serde::Serialize;
use snow::{Builder, TransportState};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::dice::Dice;
use super::nodes::PATIENCE;

/// Both halves of a node's key.
struct Keys {
    secret: NodeKey,
    public: NodeKey,
}

impl Keys {
    fn of(folder: &Path, number: usize) -> Keys {
        let text = fs::read_to_string(folder.join(format!("node{number}.key")));
        let text = text.expect("it was made");
        let key = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let word = line.and_then(|line| line.split('"').nth(1)).expect("it is there");
            word.parse().expect("it is a key")
        };
        Keys { secret: key("secret"), public: key("public") }
    }
}

/// A connection by which somebody has proved to be a node.
struct Link {
    stream: TcpStream,
    noise: TransportState,
}

impl Link {
    async fn call(address: SocketAddr, own: &Keys, whom: &Keys) -> io::Result<Link> {
        let mut stream = TcpStream::connect(address).await?;
        let pattern = "Noise_IK_25519_ChaChaPoly_BLAKE2s".parse().expect("it is one");
        let noise = Builder::new(pattern)
            .prologue(b"perjury links 2")
            .and_then(|builder| builder.local_private_key(&own.secret.0))
            .and_then(|builder| builder.remote_public_key(&whom.public.0))
            .and_then(Builder::build_initiator);
        let mut noise = noise.expect("it can be begun");
        let mut message = [0; 128];
        let length = noise.write_message(&[], &mut message).expect("it can be said");
        stream.write_u16_le(length as u16).await?;
        stream.write_all(&message[..length]).await?;
        let length = usize::from(stream.read_u16_le().await?);
        stream.read_exact(&mut message[..length]).await?;
        noise.read_message(&message[..length], &mut [0; 128]).expect("he is the one");
        Ok(Link { stream, noise: noise.into_transport_mode().expect("it is done") })
    }

    /// Sends bytes, which need not be frames.
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut piece = vec![0; 65_535];
        for part in bytes.chunks(65_000) {
            let length = self.noise.write_message(part, &mut piece).expect("it is not too long");
            self.stream.write_u16_le(length as u16).await?;
            self.stream.write_all(&piece[..length]).await?;
        }
        Ok(())
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_le_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

/// A word of a kind with a number, and what follows.
fn word(kind: u8, number: u64, rest: &[u8]) -> Vec<u8> {
    frame(&[&[kind], &number.to_le_bytes()[..], rest].concat())
}

/// What nodes send each other, as far as somebody has to imitate it.
#[derive(Serialize)]
#[expect(dead_code, reason = "the kinds are told apart by their places")]
enum Parcel {
    Message { from: Identity, to: Identity, sent: u64, message: Message<Dictionary> },
    Birth,
    Lives { identity: Identity, home: u16 },
    Begun,
}

const HELLO: u8 = 1;
const BUNDLE: u8 = 3;
const BEAT: u8 = 5;

/// How many ways there are to be wrong.
const WAYS: usize = 9;

/// The way in which the registrar's part is played, and what is told of that.
const PRESUMES: usize = 5;
const REFUSAL: &str = "only the registrar says who lives where";

/// What is said in one way, by somebody with this charter.
fn words(way: usize, charter: u64, dice: &mut Dice) -> Vec<u8> {
    let hello = word(HELLO, dice.draw(), &charter.to_le_bytes());
    // A bundle of one, which has nothing in common with others.
    let parcel = |number: u64, parcel: &Parcel| {
        word(BUNDLE, number, &[&1_u16.to_le_bytes()[..], &wire::encode(parcel)].concat())
    };
    let message = |from: Identity, to: Identity| {
        let message = Message::GetConfiguration { known: None };
        Parcel::Message { from, to, sent: 0, message }
    };
    let unknown = Identity::replica(900_000, 0);
    let said = match way {
        0 => vec![0xff; 4000],
        // A frame as long as may be, which never ends.
        1 => [&(64_u32 << 20).to_le_bytes()[..], &vec![7; 8 << 20]].concat(),
        2 => frame(&dice.bytes(200)),
        3 => [word(BUNDLE, 1, &dice.bytes(50)), word(BUNDLE, 7, &[])].concat(),
        4 => (1..300).flat_map(|number| word(BUNDLE, number, &dice.bytes(300))).collect(),
        PRESUMES => {
            let lives = Parcel::Lives { identity: Identity::OLYMPUS, home: 1 };
            [parcel(1, &lives), parcel(2, &Parcel::Begun)].concat()
        }
        6 => {
            let olympus = message(Identity::OLYMPUS, Identity::client(0));
            let nobody = message(unknown, Identity::client(0));
            let many = (2..6000).flat_map(|number| parcel(number, &nobody));
            parcel(1, &olympus).into_iter().chain(many).collect()
        }
        7 => (0..500).flat_map(|number| word(BEAT, number, &[])).collect(),
        // Without a greeting.
        _ => return parcel(1, &Parcel::Begun),
    };
    let cut = if way != PRESUMES && dice.one_in(3) { dice.below(said.len()) } else { said.len() };
    [hello, said[..cut].to_vec()].concat()
}

/// Calls a node in another's name, in every way. `told` is what that node has told so far, while it
/// listens there.
pub(super) async fn visit(
    folder: &Path,
    own: usize,
    whom: (usize, SocketAddr),
    told: impl Fn() -> Option<String>,
    dice: &mut Dice,
) {
    let (number, address) = whom;
    let file = ClusterFile::read(&folder.join(format!("node{own}.toml"))).expect("it was written");
    let charter = file.charter();
    let (own, whom) = (Keys::of(folder, own), Keys::of(folder, number));
    let refusals = || told().map(|told| told.matches(REFUSAL).count());
    for way in 0..WAYS {
        let (before, began) = (refusals(), Instant::now());
        loop {
            let talk = async {
                let mut link = Link::call(address, &own, &whom).await?;
                link.send(&words(way, charter, dice)).await?;
                link.stream.read_to_end(&mut Vec::new()).await
            };
            // He is hung up on or not; the next call ends this one.
            let _ = tokio::time::timeout(Duration::from_millis(100), talk).await;
            // Words that nobody understands would show nothing: these are understood, and refused.
            if way != PRESUMES || refusals().is_none_or(|now| Some(now) > before) {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "node {number} does not tell that it refuses");
        }
    }
}
