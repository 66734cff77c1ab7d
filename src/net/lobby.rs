//! Those who have called and have not said who they are.
//!
//! Anybody may call a port, and a caller who says nothing keeps his place until his time is up. So
//! when all places are taken, whoever has stood there longest has to go for the next: a crowd that
//! says nothing keeps nobody out who says at once who he is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The places of one port.
#[derive(Clone, Debug)]
pub(super) struct Lobby(Arc<Mutex<Standing>>);

#[derive(Debug)]
struct Standing {
    room: usize,
    /// How many have come so far.
    callers: u64,
    /// Who stands there, by the order in which they came, and how each is told to go.
    places: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A caller's place. Dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    lobby: Lobby,
}

impl Lobby {
    /// One with so many places, at least one.
    pub(super) fn with_room_for(room: usize) -> Lobby {
        Lobby(Arc::new(Mutex::new(Standing { room, callers: 0, places: BTreeMap::new() })))
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        // Every change is whole, whoever failed with the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody comes: his place, and what is over when he has to go.
    pub(super) fn enter(&self) -> (Place, impl Future<Output = ()> + use<>) {
        let mut standing = self.standing();
        if standing.places.len() >= standing.room
            && let Some((_, go)) = standing.places.pop_first()
        {
            // He may be about to go anyway.
            let _ = go.send(());
        }
        standing.callers += 1;
        let (number, (go, told)) = (standing.callers, oneshot::channel());
        standing.places.insert(number, go);
        let must_go = async {
            // Whoever has left his place by himself need not go.
            if told.await.is_err() {
                std::future::pending().await
            }
        };
        (Place { number, lobby: self.clone() }, must_go)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lobby.standing().places.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn is_told(must_go: impl Future<Output = ()>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(must_go).poll(&mut context) == Poll::Ready(())
    }

    #[test]
    fn whoever_has_stood_longest_goes_for_the_next() {
        let lobby = Lobby::with_room_for(2);
        let (_first, first_must_go) = lobby.enter();
        let (_second, second_must_go) = lobby.enter();
        let (_third, third_must_go) = lobby.enter();
        assert!(is_told(first_must_go));
        assert!(!is_told(second_must_go));
        assert!(!is_told(third_must_go));
    }

    #[test]
    fn whoever_leaves_his_place_makes_room_and_is_not_told_to_go() {
        let lobby = Lobby::with_room_for(1);
        let (first, first_must_go) = lobby.enter();
        drop(first);
        let (_second, second_must_go) = lobby.enter();
        assert!(!is_told(first_must_go));
        assert!(!is_told(second_must_go));
    }
}
