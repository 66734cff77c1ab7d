//! What comes to a node: parcels of other nodes, links that come up, questions of users.

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::identity::Identity;
use crate::process::{Protocol, Ticket};
use crate::wire::WireError;

use super::numbers::Life;
use super::roster::NodeNumber;
use super::standing::Standing;

/// How many things that came may wait for a node to take them; then nothing more is read.
const MOST_COMING: usize = 1024;

/// What goes from node to node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "P: Protocol")]
pub(super) enum Parcel<P: Protocol> {
    /// A message between processes.
    Message { from: Identity, to: Identity, sent: u64, message: P::Message },
    /// From the registrar: this process begins here.
    Birth { identity: Identity, birth: P::Birth },
    /// From the registrar: this process lives there.
    Lives { identity: Identity, home: NodeNumber },
    /// From the registrar: everybody who lives from the beginning has begun.
    Begun,
}

/// Something that comes to a node.
#[derive(Debug)]
pub(super) enum Arrival<P: Protocol> {
    /// A parcel of a peer's.
    Parcel(NodeNumber, Parcel<P>),
    /// A peer has sent what is no bundle of parcels.
    Nonsense(NodeNumber, WireError),
    /// The link to a peer has come up.
    Up(NodeNumber, Life),
    /// A question to a process here.
    Command(Identity, Ticket, P::Command),
    /// Somebody wants to know how the node stands.
    Asked(oneshot::Sender<Standing>),
}

/// Where answers to commands go; none for a command to a process that is not here any more.
pub(super) type Answers<P> = mpsc::UnboundedSender<(Ticket, Option<<P as Protocol>::Answer>)>;

/// The way to a node from outside of its thread.
pub(super) type Inlet<P> = mpsc::Sender<Arrival<P>>;

/// What came to a node's ear.
pub(super) type Outlet<P> = mpsc::Receiver<Arrival<P>>;

/// The way to a node that is going to run.
pub(super) fn inlet<P: Protocol>() -> (Inlet<P>, Outlet<P>) {
    mpsc::channel(MOST_COMING)
}
