//! The calls of other nodes: who they are, and what they bring.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::Shared;
use crate::net::arrival::{Arrival, Inlet};
use crate::net::bundle;
use crate::net::handshake::{self, Channel, HandshakeError};
use crate::net::link::{hear_hello, take_bundles};
use crate::net::lobby::{Lobby, Place};
use crate::net::numbers::{Incoming, Life};
use crate::net::roster::{NodeNumber, Notice, Peer};
use crate::process::Protocol;

/// How many may be connected who have not proved that they are other nodes.
const MOST_STRANGERS: usize = 128;

/// Takes calls, for ever.
pub(super) async fn take<P: Protocol>(
    plan: Rc<Shared>,
    listener: TcpListener,
    session: u64,
    inlet: Inlet<P>,
) {
    let caller = |peer: &Peer| {
        let is_mortal = peer.number == plan.registrar;
        let incoming = if is_mortal { Incoming::of_a_mortal() } else { Incoming::default() };
        // Whoever calls again has nothing more to say over his earlier connection.
        (peer.number, (RefCell::new(incoming), Lobby::new(1, Duration::ZERO)))
    };
    let callers: Callers = Rc::new(plan.peers.iter().map(caller).collect());
    let lobby = Lobby::new(MOST_STRANGERS, Lobby::GRACE);
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            // Too many files are open, or the caller is gone already.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (plan, callers, inlet) = (plan.clone(), callers.clone(), inlet.clone());
        let place = lobby.enter().await;
        tokio::task::spawn_local(async move {
            let (from, error) = match hear(&plan, stream, place).await {
                Err(error) => (from.to_string(), error),
                Ok(call) => {
                    let from = format!("node {}", call.peer);
                    (from, take_call(&plan, call, session, &callers, &inlet).await)
                }
            };
            if !error.is_end() {
                let (node, why) = (plan.number, error.to_string());
                plan.notices.tell(Notice::Refused { node, from, why });
            }
        });
    }
}

/// What has come from each node, and over which connection it comes now.
type Callers = Rc<BTreeMap<NodeNumber, (RefCell<Incoming>, Lobby)>>;

/// A connection of another node, which has proved who it is.
struct Call {
    peer: NodeNumber,
    session: u64,
    charter: u64,
    channel: Channel,
}

/// Hears who calls, while he has his place in the lobby.
async fn hear(
    plan: &Shared,
    stream: TcpStream,
    (_place, must_go): (Place, impl Future<Output = ()>),
) -> Result<Call, HandshakeError> {
    let known = |key| plan.peers.iter().find(|peer| peer.key == key);
    let hear = async {
        let answered = handshake::answer(stream, &plan.secret, known, plan.limits).await;
        let (peer, mut channel) = answered?;
        let [session, charter] = hear_hello(&mut channel, plan.limits).await?;
        Ok(Call { peer: peer.number, session, charter, channel })
    };
    tokio::select! {
        // In this order, so that nobody has to go who has said it and was not heard.
        biased;
        heard = hear => heard,
        () = must_go => Err(HandshakeError::Crowded),
    }
}

/// Takes what comes over a connection; tells why it ended.
async fn take_call<P: Protocol>(
    plan: &Shared,
    Call { peer, session, charter, channel }: Call,
    own_session: u64,
    callers: &Callers,
    inlet: &Inlet<P>,
) -> HandshakeError {
    tracing::debug!("node {} is called by node {peer}", plan.number);
    let (incoming, lobby) = &callers[&peer];
    if charter != plan.charter {
        if peer == plan.registrar && incoming.borrow().is_another(session) {
            // Whatever its file says now, what it had made is gone.
            let _ = inlet.send(Arrival::Up(peer, Life::Another)).await;
        }
        return incoming.borrow_mut().refuse(session, HandshakeError::Charter);
    }
    if incoming.borrow().is_another(session) && lobby.is_full() {
        // Whoever is there stays: he may be at work, and it is not known who should be.
        return incoming.borrow_mut().refuse(session, HandshakeError::Twin);
    }
    let (_place, must_go) = lobby.enter().await;
    let take = async |bytes: &[u8]| {
        let arrivals = arrivals(peer, bytes, plan.limits.frame);
        // All of them or none, and a node that has stopped takes nothing.
        if let Ok(places) = inlet.reserve_many(arrivals.len()).await {
            places.zip(arrivals).for_each(|(place, arrival)| place.send(arrival));
        }
    };
    let sessions = [session, own_session];
    tokio::select! {
        // First, so that nothing is taken here any more that comes over the new connection too.
        biased;
        () = must_go => HandshakeError::Closed,
        Err(error) = take_bundles(channel, sessions, incoming, plan.limits, take) => error,
    }
}

/// What comes in a peer's bundle.
pub(super) fn arrivals<P: Protocol>(
    peer: NodeNumber,
    bytes: &[u8],
    limit: usize,
) -> Vec<Arrival<P>> {
    match bundle::unpack(bytes, limit) {
        Ok(parcels) => parcels.into_iter().map(|parcel| Arrival::Parcel(peer, parcel)).collect(),
        Err(error) => vec![Arrival::Nonsense(peer, error)],
    }
}
