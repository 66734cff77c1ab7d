//! One node of a cluster on many machines: a program of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::clock::Clock;
use super::cluster::{ClusterError, Plan, check, until_ending};
use super::config::{ClusterFile, NodeEntry};
use super::handshake::NodeSecret;
use super::report::NodeStats;
use super::roster::Peer;
use super::served::Served;
use super::station::{Place, Station, listen};

/// A node that runs. Dropped, it ends without waiting for anything.
#[derive(Debug)]
pub struct Member {
    station: Station,
    address: SocketAddr,
    gateway: Option<SocketAddr>,
    stop: Duration,
    /// Whether the node is about to end, so that no other is missed any more.
    ending: Arc<AtomicBool>,
}

impl Member {
    /// Starts the node with this entry in the cluster's file, whose key this is. How many clients
    /// there are and how long nodes wait for each other is as the file has it; the plan's notices
    /// are told when users may ask.
    ///
    /// # Errors
    ///
    /// If something that it needs cannot be had, or the key is another node's.
    pub fn start<P: Served>(
        plan: &Plan<P>,
        file: &ClusterFile,
        entry: &NodeEntry,
        secret: NodeSecret,
    ) -> Result<Member, ClusterError> {
        let NodeEntry { name, peer: own, listen: address, gateway } = entry;
        if secret.public() != own.key {
            return Err(ClusterError::Plan(format!(
                "this is not the key of {name}: the cluster's file has {}, and this one is {}; \
                 give the other key file, or write this key into the file on all machines",
                own.key,
                secret.public()
            )));
        }
        let (notices, ending) = until_ending(&plan.notices);
        let nodes = file.nodes.len() as u16;
        let plan = Plan { notices, nodes, clients: file.clients, ..plan.clone() };
        check(&plan)?;
        plan.begin_recording()?;
        let listener = listen(*address)?;
        let door = gateway.map(listen).transpose()?;
        let (address, gateway) = (listener.local_addr()?, door.as_ref().map(|d| d.local_addr()));
        let others = file.nodes.iter().map(|node| &node.peer);
        let peers: Vec<Peer> = others.filter(|peer| peer.number != own.number).cloned().collect();
        let place = Place {
            own: own.clone(),
            charter: file.charter(),
            secret,
            listener,
            peers,
            wishes: file.wishes.clone(),
            gateway: door,
            clock: Clock::start(),
            patience: Some(file.start),
        };
        let station = Station::start(&plan, place)?;
        Ok(Member { station, address, gateway: gateway.transpose()?, stop: plan.stop, ending })
    }

    /// Where other nodes call.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where users connect, if clients live here.
    pub fn gateway(&self) -> Option<SocketAddr> {
        self.gateway
    }

    /// Waits until the node ends by itself. It does so if the registrar was started anew; [`stop`]
    /// tells the reason.
    ///
    /// [`stop`]: Member::stop
    pub async fn ended(&mut self) {
        self.station.ended().await;
    }

    /// Takes no new requests, waits for those in flight, and ends the node.
    ///
    /// # Errors
    ///
    /// If some were not answered in time, or the node has failed.
    pub fn stop(mut self) -> Result<NodeStats, ClusterError> {
        let in_time = self.station.door.as_ref().map_or(Ok(()), |door| door.close(self.stop));
        self.ending.store(true, Ordering::Relaxed);
        let stats = self.station.stop()?;
        in_time.map(|()| stats)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        if self.station.is_running() {
            // It has failed, if it has: nobody is left to be told.
            let _ = self.station.stop();
        }
    }
}
