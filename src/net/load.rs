//! Many users at once, to see what a cluster bears.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::iter::from_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use super::node::sleep_until;
use super::user::{Response, User, UserError};

/// How latencies are kept: to three digits.
const DIGITS: u8 = 3;
/// Longer latencies count as this one.
const LONGEST_US: u64 = 3_600_000_000;
/// How long one answer may take before the load is given up.
const PATIENCE: Duration = Duration::from_secs(60);

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

    /// What one user does until time is up.
    async fn visit(&self, mut user: User) -> Result<(), UserError> {
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
                under_way.insert(user.put(self.operation(number))?, due);
            }
            user.flush().await?;
            let wait = early.map(|(_, due)| due);
            let response = tokio::select! {
                response = user.receive(), if !under_way.is_empty() => Some(response?),
                () = sleep_until(wait), if wait.is_some() => None,
                () = tokio::time::sleep(PATIENCE), if !under_way.is_empty() => {
                    return Err(UserError::TooSlow(PATIENCE));
                }
                else => return Ok(()),
            };
            self.add(&mut under_way, response.into_iter().chain(from_fn(|| user.came())));
        }
    }

    fn operation(&self, number: u64) -> String {
        let key = number / 2 % u64::from(self.load.keys.max(1));
        match number % 2 {
            0 => format!("put('key {key}','value {number}')"),
            _ => format!("get('key {key}')"),
        }
    }

    fn add(
        &self,
        under_way: &mut BTreeMap<u64, Instant>,
        responses: impl Iterator<Item = Response>,
    ) {
        let mut tallies = self.tallies.borrow_mut();
        for Response { number, outcome } in responses {
            if let Some(due) = under_way.remove(&number) {
                let latency = due.elapsed();
                tallies.iter_mut().for_each(|tally| tally.add(latency, outcome.is_ok()));
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
