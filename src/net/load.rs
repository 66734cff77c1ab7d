//! Many users at once, to see what a cluster bears.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use super::user::{User, UserError};

/// How latencies are kept: to three digits.
const DIGITS: u8 = 3;
/// Longer latencies count as this one.
const LONGEST_US: u64 = 3_600_000_000;
/// How long one answer may take before the load is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is asked of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// How many users there are; each asks one thing at a time.
    pub users: u32,
    /// How many requests are made each second by all of them; as many as are answered without it.
    pub rate: Option<u32>,
    /// For how long.
    pub duration: Duration,
    /// Over how many keys the requests are spread; every second one is a `get`.
    pub keys: u32,
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
    /// How long answers took, in microseconds. With a rate, counted from when a request was due:
    /// one that had to wait for its turn has waited.
    pub latency_us: Histogram<u64>,
}

impl Tally {
    fn none() -> Tally {
        let latency_us = Histogram::new_with_max(LONGEST_US, DIGITS);
        let latency_us = latency_us.expect("the bounds are within those of the crate");
        Tally { answered: 0, refused: 0, elapsed: Duration::ZERO, latency_us }
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

/// What all users of a load share.
struct Crowd {
    load: Load,
    began: Instant,
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
                let after = Duration::from_secs(1).as_nanos() as u64 / u64::from(rate.max(1));
                self.began + Duration::from_nanos(after.saturating_mul(*begun))
            }
            None => Instant::now(),
        };
        if due.duration_since(self.began) >= self.load.duration {
            return None;
        }
        *begun += 1;
        Some((*begun, due))
    }

    async fn visit(&self, mut user: User) -> Result<(), UserError> {
        while let Some((number, due)) = self.next() {
            tokio::time::sleep_until(due).await;
            let key = number / 2 % u64::from(self.load.keys.max(1));
            let operation = match number % 2 {
                0 => format!("put('key {key}','value {number}')"),
                _ => format!("get('key {key}')"),
            };
            let outcome = user.ask(operation, PATIENCE).await?;
            let latency = due.elapsed();
            let mut tallies = self.tallies.borrow_mut();
            tallies.iter_mut().for_each(|tally| tally.add(latency, outcome.is_ok()));
        }
        Ok(())
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
    mut each_second: impl FnMut(&Tally),
) -> Result<Tally, UserError> {
    let mut users = Vec::new();
    for _ in 0..load.users {
        users.push(User::connect(address).await?);
    }
    let began = Instant::now();
    let tallies = RefCell::new([Tally::none(), Tally::none()]);
    let crowd = Rc::new(Crowd { load, began, begun: RefCell::new(0), tallies });
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
            }
        })
        .await;
    done?;
    let [_, whole] = &*watched.tallies.borrow();
    Ok(Tally { elapsed: began.elapsed(), ..whole.clone() })
}
