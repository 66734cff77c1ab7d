//! Who belongs to a cluster of nodes, and what nodes notice about each other.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::words::counted;

use super::handshake::NodeKey;

/// The number of a node in its cluster.
pub type NodeNumber = u16;

/// A node, as the others know it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Peer {
    /// Its number.
    pub number: NodeNumber,
    /// Where it listens.
    pub address: SocketAddr,
    /// By what it proves who it is.
    pub key: NodeKey,
}

/// Something that an operator may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A node lost its connection to another, and goes on calling it.
    LinkDown {
        /// Which node.
        from: NodeNumber,
        /// To which.
        to: NodeNumber,
        /// Why.
        why: String,
    },
    /// A node has its connection to another again.
    LinkUp {
        /// Which node.
        from: NodeNumber,
        /// To which.
        to: NodeNumber,
        /// Whether that was started anew meanwhile: all that lived there is gone.
        is_restarted: bool,
    },
    /// What a node sent another is lost.
    Lost {
        /// Which node.
        from: NodeNumber,
        /// To which.
        to: NodeNumber,
        /// Why, with what to do about it.
        why: String,
    },
    /// Everybody who lives from the beginning has begun: users may ask, where there is a gateway.
    Begun {
        /// Which node tells so.
        node: NodeNumber,
        /// How many clients live there.
        clients: usize,
    },
    /// A node refused a connection, or what came over one.
    Refused {
        /// Which node.
        node: NodeNumber,
        /// From where.
        from: String,
        /// Why, with what to do about it.
        why: String,
    },
    /// The gateway refused a connection of a user's client.
    Unserved {
        /// From where.
        from: String,
        /// Why, with what to do about it.
        why: String,
    },
    /// The gateway serves nobody.
    Deserted {
        /// Which node's.
        node: NodeNumber,
    },
    /// A log cannot be written any more.
    Unlogged {
        /// Why.
        why: String,
    },
    /// What comes to a process cannot be recorded any more.
    Unrecorded {
        /// Whose recording ends.
        process: String,
        /// Why.
        why: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::LinkDown { from, to, why } => {
                write!(f, "node {from} lost node {to}: {why}")
            }
            Notice::LinkUp { from, to, is_restarted: false } => {
                write!(f, "node {from} has node {to} again")
            }
            Notice::LinkUp { from, to, is_restarted: true } => {
                write!(f, "node {from} has node {to} again, which was started anew and is empty")
            }
            Notice::Lost { from, to, why } => {
                write!(f, "what node {from} sends node {to} is lost: {why}")
            }
            Notice::Begun { node, clients } => {
                write!(f, "node {node} has begun, with {}", counted(*clients, "client", "clients"))
            }
            Notice::Refused { node, from, why } => write!(f, "node {node} refused {from}: {why}"),
            Notice::Unserved { from, why } => write!(f, "the gateway refused {from}: {why}"),
            Notice::Deserted { node } => write!(
                f,
                "the gateway of node {node} serves nobody: no clients live here, and those who did \
                 went with the node's former life; send users to another gateway, or start the \
                 whole cluster anew"
            ),
            Notice::Unlogged { why } => write!(f, "the log ends here: {why}"),
            Notice::Unrecorded { process, why } => {
                write!(f, "the recording of {process} ends here: {why}; mend that and record anew")
            }
        }
    }
}

/// Who is told of notices, on whichever thread.
#[derive(Clone)]
pub struct Notices(Arc<dyn Fn(Notice) + Send + Sync>);

impl Notices {
    /// This one.
    pub fn to(whom: impl Fn(Notice) + Send + Sync + 'static) -> Notices {
        Notices(Arc::new(whom))
    }

    pub(super) fn tell(&self, notice: Notice) {
        (self.0)(notice);
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notices")
    }
}
