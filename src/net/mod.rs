//! The same processes on real sockets.
//!
//! A [`Cluster`] is a few nodes in one program, each a thread with the processes that live there; a
//! [`Member`] is one such node of a cluster on many machines, made of the same parts. A process is
//! driven as the simulator drives it (`seat`): inputs in, effects out, timers on the real clock. A
//! node delivers between its own processes from hand to hand and sends the rest over links:
//!
//! ```text
//!  user ──► gateway ──► client process ──► node ──► link ══ TCP, Noise ══► node ──► replica
//!           (user)      (seat)             (node)   (link, handshake, frame)
//! ```
//!
//! * `frame`: length-prefixed frames, bounded before anything is kept for them;
//! * `handshake`: who is at the other end, and the encryption of all that follows;
//! * `link`: one way from node to node, in order, without loss or repetition while both live;
//! * `bundle`: what goes over it at one time, with what its signatures have in common;
//! * `station`: one node with its thread, and its gateway where it has one;
//! * `config`, `keyfile`: who belongs to a cluster on many machines, and how nodes prove it;
//! * `directory`, `placement`: who lives where;
//! * `gateway`, `user`: what users' clients say, and who serves them;
//! * `lobby`: who has called and not said who he is;
//! * `load`: many users at once;
//! * `log`: a file a process, in the simulator's lines with the time of the calendar;
//! * `record`, `replay`: what comes to each process, and all of it again in the simulator's terms;
//! * `real`: a scenario with its failures, each node a program of its own;
//! * `weather`, `standing`: the network that it asks for, and how one knows that it is over;
//! * `report`, `exposition`, `http`: what nodes tell of themselves, on a port for Prometheus and
//!   the like.
//!
//! What a process persists lives as long as its node. A node that is gone is gone with all its
//! processes: the protocol replaces them on others.

mod arrival;
mod bundle;
mod clock;
mod cluster;
mod config;
mod directory;
mod exposition;
mod frame;
mod gateway;
mod handshake;
mod http;
mod keyfile;
mod link;
mod load;
mod lobby;
mod log;
mod member;
mod node;
mod numbers;
mod placement;
mod real;
mod record;
mod replay;
mod report;
mod roster;
mod seat;
mod served;
mod standing;
mod station;
mod user;
mod weather;
mod word;

pub use clock::wall_ns;
pub use cluster::{Cluster, ClusterError, MOST_CLIENTS, MOST_NODES, Plan};
pub use config::{ClusterFile, ConfigError, Knobs, NodeEntry};
pub use frame::FrameError;
pub use gateway::operation;
pub use handshake::{HandshakeError, NoKey, NodeKey, NodeSecret};
pub use http::Window;
pub use keyfile::{KeyFileError, make_key, read_key};
pub use load::{Asked, Asks, Load, Tally, load, load_by};
pub use log::{LogFolder, LogForm};
pub use member::Member;
pub use placement::{Host, InTurn, Placement, Wishes};
pub use real::{Acting, Ended, Layout, Part, PartError, Unfit, fit, unjudged};
pub use record::{RECORDING_FORMAT, RecordError, RecordFolder};
pub use replay::{Cut, Parting, Recording, ReplayError, Replayed, ReplayedProcess, replay};
pub use report::{
    Board, LinkReport, NodeReport, NodeStats, ProcessReport, REPORT_FORMAT, Report, UsersReport,
};
pub use roster::{NodeNumber, Notice, Notices, Peer};
pub use served::Served;
pub use standing::Standing;
pub use user::{FORMAT, Hello, LONGEST, Request, Response, User, UserError};
pub use weather::Weather;
