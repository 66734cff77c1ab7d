//! Strangers who call every port and say what nobody should: garbage, the beginnings of what is
//! right, lengths that are too long, what others have said before; or hardly anything, slowly, and
//! in large numbers.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use perjury::net::{Hello, LONGEST, Request};
use perjury::wire;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use super::dice::Dice;

/// What is behind a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Link,
    Gateway,
    Http,
}

const KINDS: [Kind; 3] = [Kind::Link, Kind::Gateway, Kind::Http];

impl Kind {
    /// More than such a port has places for.
    fn crowd(self) -> usize {
        match self {
            Kind::Link => 320,
            Kind::Gateway => 1100,
            Kind::Http => 96,
        }
    }
}

/// Where to call.
#[derive(Clone, Default)]
pub(super) struct Targets(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    ports: BTreeMap<(Kind, usize), SocketAddr>,
    /// What genuine nodes said first to each node.
    said: BTreeMap<usize, Vec<u8>>,
}

impl Targets {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().expect("nobody fails with it")
    }

    pub(super) fn set_gateway(&self, address: SocketAddr) {
        self.known().ports.insert((Kind::Gateway, 0), address);
    }

    pub(super) fn set_node(&self, number: usize, link: SocketAddr, metrics: SocketAddr) {
        let mut known = self.known();
        known.ports.insert((Kind::Link, number), link);
        known.ports.insert((Kind::Http, number), metrics);
    }

    pub(super) fn set_said(&self, number: usize, said: Vec<u8>) {
        if !said.is_empty() {
            self.known().said.insert(number, said);
        }
    }

    /// A port of this kind, and what is said there.
    fn port(&self, kind: Kind, dice: &mut Dice) -> Option<(SocketAddr, Vec<u8>)> {
        let known = self.known();
        let ports = known.ports.iter().filter(|((other, _), _)| *other == kind);
        let ports: Vec<_> = ports.collect();
        if ports.is_empty() {
            return None;
        }
        let ((_, number), address) = dice.pick(&ports);
        let right = match kind {
            Kind::Link => known.said.get(number).cloned().unwrap_or(vec![96; 200]),
            Kind::Gateway => {
                let request = Request { number: 7, operation: "put('attack','x')".to_owned() };
                [frame(&wire::encode(&Hello::OWN)), frame(&wire::encode(&request))].concat()
            }
            Kind::Http => b"GET /status HTTP/1.1\r\nHost: fire\r\n\r\n".to_vec(),
        };
        Some((*address, right))
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_le_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

/// Ways to call.
#[derive(Clone, Copy, Debug)]
enum Way {
    Garbage,
    Truncated,
    Oversized,
    Repeated,
}

const WAYS: [Way; 4] = [Way::Garbage, Way::Truncated, Way::Oversized, Way::Repeated];

impl Way {
    /// What is said, where that would be right.
    fn words(self, kind: Kind, right: &[u8], dice: &mut Dice) -> Vec<u8> {
        let cut = dice.below(right.len());
        match self {
            Way::Garbage => {
                let count = 1 + dice.below(2000);
                dice.bytes(count)
            }
            // A request that is cut asks for nothing.
            Way::Truncated => right[..cut].to_vec(),
            Way::Oversized => {
                let mut words = match (kind, dice.one_in(2)) {
                    // The greeting, and then more than anybody may say.
                    (Kind::Gateway, true) => frame(&wire::encode(&Hello::OWN)),
                    (Kind::Link, true) => right[..right.len().min(98)].to_vec(),
                    (Kind::Http, true) => b"GET /".to_vec(),
                    _ => Vec::new(),
                };
                let over = u32::MAX - (dice.draw() as u32) % (u32::MAX - LONGEST as u32);
                words.extend(over.to_le_bytes());
                words.resize(words.len() + (1 << 20), b'x');
                words
            }
            // All of a request would be a request.
            Way::Repeated if kind == Kind::Gateway => right[..right.len() - 1].to_vec(),
            Way::Repeated => right.to_vec(),
        }
    }
}

/// How often strangers have called.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Calls {
    /// With something wrong.
    pub(super) wrong: u64,
    /// In a crowd, with hardly anything.
    pub(super) crowded: u64,
    /// To say it slowly.
    pub(super) slow: u64,
}

/// Strangers who call, until this is stopped.
pub(super) struct Attack {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Calls>,
}

impl Attack {
    #[expect(clippy::disallowed_methods, reason = "they know nothing of what else happens here")]
    pub(super) fn begin(targets: Targets, mut dice: Dice) -> Attack {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let calls = Arc::new(Mutex::new(Calls::default()));
            let local = LocalSet::new();
            for way in WAYS {
                let stranger = Stranger::new(&targets, &calls, &mut dice);
                local.spawn_local(stranger.call(way));
            }
            for _ in 0..8 {
                local.spawn_local(Stranger::new(&targets, &calls, &mut dice).call_slowly());
            }
            local.spawn_local(Stranger::new(&targets, &calls, &mut dice).call_in_a_crowd());
            local.block_on(&runtime.expect("it can be had"), async {
                while !stopped.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
            *calls.lock().expect("nobody fails with it")
        });
        Attack { stop, thread }
    }

    /// Ends it, and tells how much there was.
    pub(super) fn end(self) -> Calls {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("strangers do not fail")
    }
}

struct Stranger {
    targets: Targets,
    calls: Arc<Mutex<Calls>>,
    dice: Dice,
}

impl Stranger {
    fn new(targets: &Targets, calls: &Arc<Mutex<Calls>>, dice: &mut Dice) -> Stranger {
        let dice = Dice(dice.draw());
        Stranger { targets: targets.clone(), calls: calls.clone(), dice }
    }

    fn count(&self, count: impl FnOnce(&mut Calls)) {
        count(&mut self.calls.lock().expect("nobody fails with it"));
    }

    /// Says what is wrong, and waits a moment for the other to hang up.
    async fn call(mut self, way: Way) {
        loop {
            tokio::time::sleep(self.dice.time(5, 40)).await;
            let kind = self.dice.pick(&KINDS);
            let Some((address, right)) = self.targets.port(kind, &mut self.dice) else { continue };
            let words = way.words(kind, &right, &mut self.dice);
            // A node that is dead or frozen does not listen, and nobody listens to the end.
            let talk = async {
                let mut stream = TcpStream::connect(address).await?;
                stream.write_all(&words).await?;
                stream.read_to_end(&mut Vec::new()).await
            };
            let _ = tokio::time::timeout(Duration::from_millis(100), talk).await;
            self.count(|calls| calls.wrong += 1);
        }
    }

    /// Says what is right, a byte at a time, but not to its end.
    async fn call_slowly(mut self) {
        loop {
            let kind = self.dice.pick(&KINDS);
            tokio::time::sleep(self.dice.time(5, 40)).await;
            let Some((address, right)) = self.targets.port(kind, &mut self.dice) else { continue };
            let Ok(mut stream) = TcpStream::connect(address).await else { continue };
            self.count(|calls| calls.slow += 1);
            for byte in &right[..right.len() - 1] {
                if stream.write_all(&[*byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(self.dice.time(20, 60)).await;
            }
        }
    }

    /// Takes more places at a port than it has, and stays there for a while.
    async fn call_in_a_crowd(mut self) {
        let most = most_connections();
        loop {
            let kind = self.dice.pick(&KINDS);
            tokio::time::sleep(Duration::from_millis(200)).await;
            let Some((address, right)) = self.targets.port(kind, &mut self.dice) else { continue };
            let mut crowd = JoinSet::new();
            let stay = self.dice.time(500, 4000);
            for _ in 0..kind.crowd().min(most) {
                let words = right[..self.dice.below(3)].to_vec();
                crowd.spawn(async move {
                    let mut stream = TcpStream::connect(address).await?;
                    stream.write_all(&words).await?;
                    tokio::time::sleep(stay).await;
                    Ok::<_, std::io::Error>(stream)
                });
            }
            let came = crowd.len();
            self.count(|calls| calls.crowded += came as u64);
            let _ = tokio::time::timeout(2 * stay, crowd.join_all()).await;
        }
    }
}

/// How many connections this program may have without being short of files.
fn most_connections() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    soft.unwrap_or(1024_usize).saturating_sub(600).max(100)
}
