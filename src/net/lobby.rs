//! Those who have called and have not said who they are.
//!
//! Anybody may call a port, and a caller who says nothing keeps his place until his time is up. So
//! when all places are taken, whoever has stood there longest has to go for the next, once he has
//! had time to say something: a crowd that says nothing keeps nobody out who says at once who he
//! is, however many of them come together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// The places of one port.
#[derive(Clone, Debug)]
pub(super) struct Lobby(Arc<Room>);

#[derive(Debug)]
struct Room {
    places: usize,
    /// For how long nobody has to go.
    grace: Duration,
    standing: Mutex<Standing>,
    /// Told when somebody has left.
    left: Notify,
}

#[derive(Debug, Default)]
struct Standing {
    /// How many have come so far.
    callers: u64,
    /// Who stands there, by the order in which they came: since when, and how he is told to go.
    there: BTreeMap<u64, (Instant, oneshot::Sender<()>)>,
}

/// A caller's place. Dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    lobby: Lobby,
}

impl Lobby {
    /// How long a stranger may take at least to say who he is: a program that shares its processor
    /// with others may be away for a tenth of a second, and a packet that is lost comes again after
    /// two. The longer it is, the fewer it takes to keep others waiting.
    pub(super) const GRACE: Duration = Duration::from_millis(250);

    /// One with so many places, at least one, where nobody has to go before he has stood there for
    /// so long.
    pub(super) fn new(places: usize, grace: Duration) -> Lobby {
        Lobby(Arc::new(Room { places, grace, standing: Mutex::default(), left: Notify::new() }))
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        // Every change is whole, whoever failed with the lock.
        self.0.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody comes, and waits until there is a place: that, and what is over when he has to go.
    pub(super) async fn enter(&self) -> (Place, impl Future<Output = ()> + use<>) {
        if self.is_full() {
            // Whoever stands there may have said who he is while this program had no processor.
            tokio::task::yield_now().await;
        }
        loop {
            let left = self.0.left.notified();
            let (place, told) = match self.admit() {
                Ok(admitted) => admitted,
                Err(until) => {
                    tokio::select! {
                        () = left => {}
                        () = tokio::time::sleep_until(until) => {}
                    }
                    continue;
                }
            };
            let must_go = async {
                // Whoever has left his place by himself need not go.
                if told.await.is_err() {
                    std::future::pending().await
                }
            };
            return (place, must_go);
        }
    }

    /// Whether all places are taken.
    pub(super) fn is_full(&self) -> bool {
        self.standing().there.len() >= self.0.places
    }

    /// A place, if there is one now; otherwise until when nobody has to go.
    fn admit(&self) -> Result<(Place, oneshot::Receiver<()>), Instant> {
        let (mut standing, now) = (self.standing(), Instant::now());
        if standing.there.len() >= self.0.places
            && let Some(oldest) = standing.there.first_entry()
        {
            let until = oldest.get().0 + self.0.grace;
            if now < until {
                return Err(until);
            }
            // He may be about to go anyway.
            let _ = oldest.remove().1.send(());
        }
        standing.callers += 1;
        let (number, (go, told)) = (standing.callers, oneshot::channel());
        standing.there.insert(number, (now, go));
        Ok((Place { number, lobby: self.clone() }, told))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lobby.standing().there.remove(&self.number);
        self.lobby.0.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(work)
    }

    #[test]
    fn whoever_has_stood_longest_goes_for_the_next() {
        block_on(async {
            let lobby = Lobby::new(2, Duration::ZERO);
            let (_first, first_must_go) = lobby.enter().await;
            let (_second, second_must_go) = lobby.enter().await;
            let (_third, third_must_go) = lobby.enter().await;
            assert_eq!(poll(first_must_go), Poll::Ready(()));
            assert_eq!(poll(second_must_go), Poll::Pending);
            assert_eq!(poll(third_must_go), Poll::Pending);
        });
    }

    #[test]
    fn whoever_leaves_his_place_makes_room_and_is_not_told_to_go() {
        block_on(async {
            let lobby = Lobby::new(1, Duration::ZERO);
            let (first, first_must_go) = lobby.enter().await;
            drop(first);
            let (_second, second_must_go) = lobby.enter().await;
            assert_eq!(poll(first_must_go), Poll::Pending);
            assert_eq!(poll(second_must_go), Poll::Pending);
        });
    }

    #[test]
    fn whoever_has_just_come_may_stay_and_the_next_waits_until_somebody_leaves() {
        block_on(async {
            let lobby = Lobby::new(1, HOUR);
            let (first, first_must_go) = lobby.enter().await;
            let mut second = pin!(lobby.enter());
            assert!(poll(second.as_mut()).is_pending());
            assert_eq!(poll(first_must_go), Poll::Pending);
            drop(first);
            assert!(poll(second).is_ready());
        });
    }
}
