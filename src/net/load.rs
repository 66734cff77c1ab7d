//! Many users at once, to see what a cluster bears.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::pending;
use std::iter::from_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use super::clock::sleep_until;
use super::user::{Response, User, UserError};

/// How latencies are kept: to three digits.
const DIGITS: u8 = 3;
/// Longer latencies count as this one.
const LONGEST_US: u64 = 3_600_000_000;

/// What is asked of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// How many users there are.
    pub users: u32,
    /// How many requests of each user are under way together.
    pub outstanding: u32,
    /// How many requests are made each second by all of them; as many as are answered without it.
    pub rate: Option<u32>,
    /// For how long.
    pub duration: Duration,
    /// Over how many keys the requests are spread; every second one is a `get`.
    pub keys: u32,
    /// How long a user may be without any answer before the load is given up.
    pub patience: Duration,
}

/// What came of a load, or of a part of it.
#[derive(Clone, Debug)]
pub struct Tally {
    /// How many requests were answered with a result.
    pub answered: u64,
    /// How many were refused.
    pub refused: u64,
    /// How long that took.
    pub elapsed: Duration,
    /// The longest time in which nobody was answered.
    pub silence: Duration,
    /// How long answers took, in microseconds. With a rate, counted from when a request was due:
    /// one that had to wait for its turn has waited.
    pub latency_us: Histogram<u64>,
}

impl Tally {
    fn none() -> Tally {
        let latency_us = Histogram::new_with_max(LONGEST_US, DIGITS);
        let latency_us = latency_us.expect("the bounds are within those of the crate");
        let (elapsed, silence) = (Duration::ZERO, Duration::ZERO);
        Tally { answered: 0, refused: 0, elapsed, silence, latency_us }
    }

    /// Answers in each second.
    pub fn per_second(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    fn add(&mut self, latency: Duration, is_result: bool) {
        self.answered += u64::from(is_result);
        self.refused += u64::from(!is_result);
        self.latency_us.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }
}

/// One request of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Comes back with the response.
    pub number: u64,
    /// About which key.
    pub key: u64,
    /// Whether something is put there; otherwise it is read.
    pub is_put: bool,
}

/// Somebody who puts a load on a server, in whatever words that server takes.
#[expect(async_fn_in_trait, reason = "a load runs on one thread")]
pub trait Asks {
    /// Asks, when [`Asks::flush`] says so.
    ///
    /// # Errors
    ///
    /// If it cannot be asked.
    fn put(&mut self, asked: Asked) -> Result<(), UserError>;

    /// Sends what was put.
    ///
    /// # Errors
    ///
    /// If it cannot be sent.
    async fn flush(&mut self) -> Result<(), UserError>;

    /// Waits for the next response. May be given up at any time; nothing is lost.
    ///
    /// # Errors
    ///
    /// If none comes any more.
    async fn receive(&mut self) -> Result<Response, UserError>;

    /// A response that has come already.
    fn came(&mut self) -> Option<Response>;
}

impl Asks for User {
    fn put(&mut self, Asked { number, key, is_put }: Asked) -> Result<(), UserError> {
        let operation = match is_put {
            true => format!("put('key {key}','value {number}')"),
            false => format!("get('key {key}')"),
        };
        self.put_as(number, operation)
    }

    async fn flush(&mut self) -> Result<(), UserError> {
        User::flush(self).await
    }

    async fn receive(&mut self) -> Result<Response, UserError> {
        User::receive(self).await
    }

    fn came(&mut self) -> Option<Response> {
        User::came(self)
    }
}

/// What all users of a load share.
struct Crowd {
    load: Load,
    began: Instant,
    /// When somebody was answered last.
    answered: Cell<Instant>,
    /// How many requests were begun.
    begun: RefCell<u64>,
    /// Since the last second that was told, and in all.
    tallies: RefCell<[Tally; 2]>,
}

impl Crowd {
    /// The next request, and when it is due; none when time is up.
    fn next(&self) -> Option<(u64, Instant)> {
        let mut begun = self.begun.borrow_mut();
        let due = match self.load.rate {
            Some(rate) => {
                let after_ns = begun.saturating_mul(1_000_000_000) / u64::from(rate.max(1));
                self.began + Duration::from_nanos(after_ns)
            }
            None => Instant::now(),
        };
        if due.duration_since(self.began) >= self.load.duration {
            return None;
        }
        *begun += 1;
        Some((*begun, due))
    }

    /// What one user does until time is up.
    async fn visit(&self, mut user: impl Asks) -> Result<(), UserError> {
        let mut under_way = BTreeMap::new();
        // The next request, if it is not due yet.
        let mut early = None;
        loop {
            while under_way.len() < self.load.outstanding.max(1) as usize {
                let Some((number, due)) = early.take().or_else(|| self.next()) else { break };
                if due > Instant::now() {
                    early = Some((number, due));
                    break;
                }
                let key = number / 2 % u64::from(self.load.keys.max(1));
                user.put(Asked { number, key, is_put: number % 2 == 0 })?;
                under_way.insert(number, due);
            }
            user.flush().await?;
            let wait = early.map(|(_, due)| due);
            let response = tokio::select! {
                response = user.receive(), if !under_way.is_empty() => Some(response?),
                () = sleep_until(wait), if wait.is_some() => None,
                () = tokio::time::sleep(self.load.patience), if !under_way.is_empty() => {
                    return Err(UserError::TooSlow(self.load.patience));
                }
                else => return Ok(()),
            };
            self.add(&mut under_way, response.into_iter().chain(from_fn(|| user.came())));
        }
    }

    fn add(
        &self,
        under_way: &mut BTreeMap<u64, Instant>,
        responses: impl Iterator<Item = Response>,
    ) {
        let mut tallies = self.tallies.borrow_mut();
        for Response { number, outcome } in responses {
            let Some(due) = under_way.remove(&number) else { continue };
            let now = Instant::now();
            let silence = now.duration_since(self.answered.replace(now));
            for tally in tallies.iter_mut() {
                tally.add(now.duration_since(due), outcome.is_ok());
                tally.silence = tally.silence.max(silence);
            }
        }
    }
}

/// Puts a load on the cluster whose gateway is there. `each_second` is told what came of each.
///
/// # Errors
///
/// If a user cannot connect or is not answered any more.
pub async fn load(
    address: SocketAddr,
    load: Load,
    each_second: impl FnMut(&Tally),
) -> Result<Tally, UserError> {
    load_by(async || User::connect(address).await, load, each_second, pending()).await
}

/// Puts a load on any server, by users who are connected to it. When `stop` is over it ends at
/// once, and what has come of it so far is all.
///
/// # Errors
///
/// If a user cannot connect or is not answered any more.
pub async fn load_by<U: Asks + 'static>(
    connect: impl AsyncFn() -> Result<U, UserError>,
    load: Load,
    mut each_second: impl FnMut(&Tally),
    stop: impl Future<Output = ()>,
) -> Result<Tally, UserError> {
    let mut stop = pin!(stop);
    let mut users = Vec::new();
    for _ in 0..load.users {
        users.push(tokio::select! {
            user = connect() => user?,
            () = &mut stop => return Ok(Tally::none()),
        });
    }
    let began = Instant::now();
    let tallies = RefCell::new([Tally::none(), Tally::none()]);
    let answered = Cell::new(began);
    let crowd = Rc::new(Crowd { load, began, answered, begun: RefCell::new(0), tallies });
    let watched = crowd.clone();
    let work = async move {
        let mut visits = JoinSet::new();
        for user in users {
            let crowd = crowd.clone();
            visits.spawn_local(async move { crowd.visit(user).await });
        }
        while let Some(visit) = visits.join_next().await {
            visit.unwrap_or(Err(UserError::Closed))?;
        }
        Ok(())
    };
    let seconds = async {
        let second = Duration::from_secs(1);
        let mut ticks = tokio::time::interval_at(began + second, second);
        loop {
            ticks.tick().await;
            let [last, _] = &mut *watched.tallies.borrow_mut();
            last.elapsed = second;
            each_second(&std::mem::replace(last, Tally::none()));
        }
    };
    let local = LocalSet::new();
    let done: Result<(), UserError> = local
        .run_until(async {
            tokio::select! {
                done = work => done,
                () = seconds => Ok(()),
                () = stop => Ok(()),
            }
        })
        .await;
    done?;
    let [_, whole] = &*watched.tallies.borrow();
    Ok(Tally { elapsed: began.elapsed(), ..whole.clone() })
}
