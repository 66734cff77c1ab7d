//! The file that tells every node of a cluster who belongs to it: `cluster.toml`.
//!
//! All nodes read the same file; each is told its own name, and has its own key.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::protocol::bcr::{self, Bcr};
use crate::protocol::solo::{self, Solo};
use crate::scenario::number;

use super::cluster::{MOST_CLIENTS, MOST_NODES, Plan};
use super::handshake::NodeKey;
use super::placement::Wishes;
use super::roster::{NodeNumber, Peer};
use super::served::Served as _;

/// The version of cluster files.
const FORMAT: u32 = 1;
/// The longest cluster file.
const LONGEST: u64 = 1 << 20;
/// The longest name of a node.
const LONGEST_NAME: usize = 64;

/// Why a cluster file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{error}; name the cluster's file, and check its permissions")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not of the form that it must have.
    #[error("{0}`perjury node --help` shows a cluster file")]
    Form(toml::de::Error),
    /// What it says cannot be.
    #[error("{0}")]
    Wrong(String),
}

/// Who belongs to a cluster, and what it serves.
#[derive(Clone, Debug)]
pub struct ClusterFile {
    /// What is served.
    pub protocol: Knobs,
    /// How many client processes there are in all.
    pub clients: u32,
    /// How long the nodes wait for each other when the cluster begins; then it begins with those
    /// that are there.
    pub start: Duration,
    /// The nodes; their places here are their numbers.
    pub nodes: Vec<NodeEntry>,
    /// Who lives where.
    pub wishes: Wishes,
}

/// A protocol with its knobs.
#[derive(Clone, Copy, Debug)]
pub enum Knobs {
    /// Byzantine chain replication.
    Bcr(bcr::Settings),
    /// One server, unreplicated.
    Solo(solo::Settings),
}

/// A node, as the file has it.
#[derive(Clone, Debug)]
pub struct NodeEntry {
    /// What people call it.
    pub name: String,
    /// As other nodes know it.
    pub peer: Peer,
    /// Where it listens, if that is not where others call.
    pub listen: SocketAddr,
    /// Where users connect, if clients live there.
    pub gateway: Option<SocketAddr>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    protocol: Protocol,
    t: Option<u32>,
    checkpoint_every: Option<u64>,
    timeout: Option<Length>,
    start: Option<Length>,
    clients: Option<u32>,
    #[serde(default)]
    node: Vec<WrittenNode>,
    #[serde(default)]
    hosts: WrittenHosts,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    Bcr,
    Solo,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenNode {
    name: String,
    address: SocketAddr,
    key: NodeKey,
    listen: Option<SocketAddr>,
    gateway: Option<SocketAddr>,
}

/// As in a scenario: numbers of nodes, from 0.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHosts {
    #[serde(default)]
    olympus: NodeNumber,
    #[serde(default)]
    clients: Vec<NodeNumber>,
    #[serde(default)]
    replicas: Vec<NodeNumber>,
}

/// A length of time in its text form.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Length(u64);

impl TryFrom<String> for Length {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Length, &'static str> {
        let ns = number::duration(&text).filter(|ns| *ns > 0);
        ns.map(Length).ok_or("a number with a unit is wanted, as \"3s\" or \"500ms\"")
    }
}

impl ClusterFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// If it is of no use: why, with what to do about it.
    pub fn read(path: &Path) -> Result<ClusterFile, ConfigError> {
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
        read.map_err(|error| ConfigError::Io { path: path.to_owned(), error })?;
        ClusterFile::parse(&text)
    }

    /// The same from a text.
    ///
    /// # Errors
    ///
    /// If it is of no use: why, with what to do about it.
    pub fn parse(text: &str) -> Result<ClusterFile, ConfigError> {
        let written: Written = toml::from_str(text).map_err(ConfigError::Form)?;
        let wrong = ConfigError::Wrong;
        if written.format != FORMAT {
            let format = written.format;
            return Err(wrong(format!("format {format} is not known; write format = {FORMAT}")));
        }
        let protocol = knobs(&written).map_err(wrong)?;
        let clients = written.clients.unwrap_or(64);
        if clients == 0 || clients > MOST_CLIENTS {
            let why = format!("clients = {clients}; take 1 to {MOST_CLIENTS}");
            return Err(wrong(why));
        }
        let WrittenHosts { olympus: registrar, clients: client_hosts, replicas } = written.hosts;
        let wishes = Wishes { registrar, clients: client_hosts, replicas };
        let nodes = (0..).zip(written.node).map(|(number, node)| node.entry(number)).collect();
        let start = Duration::from_nanos(written.start.map_or(10_000_000_000, |length| length.0));
        let file = ClusterFile { protocol, clients, start, nodes, wishes };
        file.check().map_err(wrong)?;
        Ok(file)
    }

    /// The node that people call so.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn node(&self, name: &str) -> Result<&NodeEntry, ConfigError> {
        let found = self.nodes.iter().find(|node| node.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
            let names = names.join(", ");
            ConfigError::Wrong(format!("there is no node {name:?}; there are: {names}"))
        })
    }

    /// A number that is the same on all machines, if their files say the same of all that they must
    /// agree in. Addresses may differ: how a machine is reached depends on from where.
    pub fn charter(&self) -> u64 {
        let ClusterFile { protocol, clients, start: _, nodes, wishes } = self;
        let mut text = format!("{clients} clients, olympus {}", wishes.registrar);
        // Said or left out, what comes to the same is the same.
        text.extend((0..*clients).map(|number| format!(" {}", wishes.client(number))));
        text.extend(wishes.replicas.iter().map(|node| format!(", replica {node}")));
        text.extend(nodes.iter().map(|node| format!(", {} {}", node.name, node.peer.key)));
        match protocol {
            Knobs::Solo(solo::Settings { timeout_ns }) => text += &format!(", solo {timeout_ns}"),
            Knobs::Bcr(settings) => {
                let bcr::Settings { t, checkpoint_interval, head_timeout_ns, .. } = settings;
                text += &format!(", bcr {t} {checkpoint_interval} {head_timeout_ns}");
            }
        }
        let mut number = [0; 8];
        blake3::Hasher::new().update(text.as_bytes()).finalize_xof().fill(&mut number);
        u64::from_le_bytes(number)
    }

    fn check(&self) -> Result<(), String> {
        if self.nodes.is_empty() || self.nodes.len() > usize::from(MOST_NODES) {
            let count = self.nodes.len();
            return Err(format!(
                "{count} nodes; write a [[node]] with name, address and key for each, 1 to \
                 {MOST_NODES}"
            ));
        }
        self.nodes.iter().try_for_each(NodeEntry::check)?;
        self.distinct("name", |node| node.name.clone())?;
        self.distinct("address", |node| node.peer.address.to_string())?;
        self.distinct("key", |node| node.peer.key.to_string())?;
        self.check_hosts()?;
        self.check_gateways()
    }

    /// No two nodes have the same.
    fn distinct(&self, what: &str, of: impl Fn(&NodeEntry) -> String) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        match self.nodes.iter().map(of).find(|value| !seen.insert(value.clone())) {
            Some(value) => Err(format!("two nodes have the {what} {value}; each needs its own")),
            None => Ok(()),
        }
    }

    fn check_hosts(&self) -> Result<(), String> {
        let Wishes { registrar, clients, replicas } = &self.wishes;
        let named = [(&[*registrar][..], "olympus"), (clients, "clients"), (replicas, "replicas")];
        for (numbers, key) in named {
            let count = self.nodes.len();
            if let Some(number) = numbers.iter().find(|number| usize::from(**number) >= count) {
                return Err(format!(
                    "[hosts] {key} names node {number}, and there are {count}, counted from 0"
                ));
            }
        }
        Ok(())
    }

    /// Users are served where clients live, and nowhere else.
    fn check_gateways(&self) -> Result<(), String> {
        let with_clients = self.wishes.client_nodes(self.clients);
        for node in &self.nodes {
            let (has_clients, name) = (with_clients.contains(&node.peer.number), &node.name);
            match (has_clients, node.gateway) {
                (true, None) => {
                    return Err(format!(
                        "clients live on {name}, and users must reach them; give it a line as \
                         gateway = \"0.0.0.0:7415\""
                    ));
                }
                (false, Some(_)) => {
                    return Err(format!(
                        "no clients live on {name}, so its gateway would serve nobody; leave it \
                         out, or name the node in [hosts] clients"
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn knobs(written: &Written) -> Result<Knobs, String> {
    let timeout_ns = written.timeout.as_ref().map(|length| length.0);
    match written.protocol {
        Protocol::Bcr => {
            let mut settings = Plan::new(written.t.unwrap_or(1)).settings;
            if let Some(timeout_ns) = timeout_ns {
                settings = settings.with_timeouts(timeout_ns);
            }
            let checkpoints = written.checkpoint_every.unwrap_or(settings.checkpoint_interval);
            settings.checkpoint_interval = checkpoints;
            Bcr::check(&settings).map(|()| Knobs::Bcr(settings))
        }
        Protocol::Solo => {
            let foreign = [
                ("t", written.t.is_some()),
                ("checkpoint_every", written.checkpoint_every.is_some()),
            ];
            if let Some((knob, _)) = foreign.iter().find(|(_, given)| *given) {
                return Err(format!("{knob} is a knob of bcr; leave it out"));
            }
            let usual = solo::Settings::default();
            let settings = solo::Settings { timeout_ns: timeout_ns.unwrap_or(usual.timeout_ns) };
            Solo::check(&settings).map(|()| Knobs::Solo(settings))
        }
    }
}

impl WrittenNode {
    fn entry(self, number: NodeNumber) -> NodeEntry {
        let WrittenNode { name, address, key, listen, gateway } = self;
        let peer = Peer { number, address, key };
        NodeEntry { name, peer, listen: listen.unwrap_or(address), gateway }
    }
}

impl NodeEntry {
    fn check(&self) -> Result<(), String> {
        let NodeEntry { name, peer: Peer { address, .. }, .. } = self;
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
            return Err(format!(
                "{name:?} is no name for a node; take up to {LONGEST_NAME} letters, digits, \
                 '-', '_' and '.'"
            ));
        }
        if address.port() == 0 || address.ip().is_unspecified() {
            return Err(format!(
                "{name} has the address {address}, where nobody can call it; write the address \
                 and port by which other machines reach it (and where it listens behind \
                 `listen`, if that differs)"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "format = 1\nprotocol = \"bcr\"\n";

    fn node(number: u8, more: &str) -> String {
        let key = NodeKey([number; 32]);
        format!(
            "[[node]]\nname = \"host{number}\"\naddress = \"10.0.0.{number}:7400\"\n\
             key = \"{key}\"\n{more}\n"
        )
    }

    const GATEWAY: &str = "gateway = \"0.0.0.0:7415\"";

    fn refused(text: &str) -> String {
        ClusterFile::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn nodes_have_their_numbers_by_their_order() {
        let text = format!("{HEAD}t = 2\ntimeout = \"500ms\"\n{}{}", node(1, GATEWAY), node(2, ""));
        let file = ClusterFile::parse(&text).unwrap();
        let Knobs::Bcr(settings) = file.protocol else { panic!("{:?}", file.protocol) };
        assert_eq!((settings.t, settings.head_timeout_ns), (2, 500_000_000));
        let second = file.node("host2").unwrap();
        assert_eq!((second.peer.number, second.gateway), (1, None));
        assert_eq!(file.nodes[0].gateway, Some("0.0.0.0:7415".parse().unwrap()));
        assert_eq!((file.wishes, file.clients), (Wishes::default(), 64));
        let hosts = "[hosts]\nolympus = 1\nclients = [0, 0]\nreplicas = [1, 0]\n";
        let wishes = ClusterFile::parse(&format!("{text}{hosts}")).unwrap().wishes;
        let wanted = Wishes { registrar: 1, clients: vec![0, 0], replicas: vec![1, 0] };
        assert_eq!(wishes, wanted);
    }

    #[test]
    fn who_is_called_elsewhere_has_the_same_charter_and_who_serves_otherwise_has_not() {
        let text = format!("{HEAD}{}{}", node(1, GATEWAY), node(2, ""));
        let charter = |text: &str| ClusterFile::parse(text).unwrap().charter();
        let own = charter(&text);
        let told = "t = 1\ntimeout = \"3s\"\nclients = 64\ncheckpoint_every = 1024\n\
                    hosts.olympus = 0\nhosts.clients = [0]\nstart = \"1s\"\n[[";
        for (from, to) in [("10.0.0.2", "10.1.0.2"), ("7415", "7416"), ("[[", told)] {
            assert_eq!(charter(&text.replacen(from, to, 1)), own, "{to}");
        }
        let key = |number| NodeKey([number; 32]).to_string();
        let hosts = "protocol = \"bcr\"\nhosts.replicas = [1]";
        for (from, to) in [
            ("protocol = \"bcr\"", "protocol = \"solo\""),
            ("protocol = \"bcr\"", "protocol = \"bcr\"\nt = 2"),
            ("protocol = \"bcr\"", "protocol = \"bcr\"\ntimeout = \"1s\""),
            ("protocol = \"bcr\"", "protocol = \"bcr\"\nclients = 1"),
            ("protocol = \"bcr\"", hosts),
            ("host2", "host3"),
            (&key(2), &key(3)),
        ] {
            assert_ne!(charter(&text.replacen(from, to, 1)), own, "{to}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named_by_whoever_asked_for_it() {
        let told = ClusterFile::read(Path::new("no/cluster.toml")).unwrap_err().to_string();
        assert!(told.ends_with("; name the cluster's file, and check its permissions"), "{told}");
        assert!(!told.contains("cluster.toml"), "{told}");
    }

    #[test]
    fn what_is_wrong_is_said_with_a_remedy() {
        let two = node(1, GATEWAY) + &node(2, "");
        let renamed = two.replace("host2", "host1");
        let same_key = two.replace(&NodeKey([2; 32]).to_string(), &NodeKey([1; 32]).to_string());
        for (text, part) in [
            (format!("format = 2\nprotocol = \"bcr\"\n{two}"), "write format = 1"),
            (format!("{HEAD}{renamed}"), "two nodes have the name host1; each needs its own"),
            (format!("{HEAD}{same_key}"), "two nodes have the key 0101"),
            (format!("{HEAD}{}", two.replace("0.2:", "0.1:")), "two nodes have the address"),
            (HEAD.to_owned(), "0 nodes; write a [[node]]"),
            (format!("{HEAD}t = 21\n{two}"), "t = 21; take 0 to 20"),
            (format!("{HEAD}clients = 0\n{two}"), "clients = 0; take 1 to 1024"),
            (format!("{HEAD}{}", two.replace("7400", "0")), "where nobody can call it; write"),
            (format!("{HEAD}{}", two.replace("host2", "host 2")), "is no name for a node; take"),
            (format!("{HEAD}{two}[hosts]\nclients = [2]"), "names node 2, and there are 2"),
            (format!("{HEAD}{two}[hosts]\nclients = [1]"), "no clients live on host1"),
            (format!("{HEAD}{two}[hosts]\nclients = [0, 1]"), "clients live on host2, and users"),
            (format!("{HEAD}tt = 1\n{two}"), "unknown field `tt`"),
            (format!("{HEAD}timeout = \"3\"\n{two}"), "a number with a unit is wanted"),
            (format!("{HEAD}{}", two.replace("01\"", "0g\"")), "64 hexadecimal digits"),
            (format!("format = 1\nprotocol = \"solo\"\nt = 1\n{two}"), "t is a knob of bcr"),
            (format!("format = 1\nprotocol = \"paxos\"\n{two}"), "unknown variant `paxos`"),
        ] {
            let told = refused(&text);
            assert!(told.contains(part), "{part}: {told}");
        }
        let file = ClusterFile::parse(&format!("{HEAD}{two}")).unwrap();
        let told = file.node("host3").unwrap_err().to_string();
        assert_eq!(told, "there is no node \"host3\"; there are: host1, host2");
    }
}
