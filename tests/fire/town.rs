//! The cluster under fire: nodes that are programs, the wires between them, and what they tell.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use perjury::net::{NodeReport, Report};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::attack::Targets;
use super::dice::Dice;
use super::nodes::{Node, PATIENCE};
use super::shell::{code, err, out, perjury};
use super::wires::Wire;

/// How many nodes are free while all replicas of a configuration are somewhere.
const SPARES: usize = 2;

/// What is fixed for a cluster.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// How many faulty replicas it bears.
    pub(super) t: usize,
    pub(super) folder: PathBuf,
    /// Where recordings go, if anywhere.
    pub(super) record: Option<PathBuf>,
}

impl Shape {
    /// One node for Olympus, clients and gateway, which is not hit: the cluster cannot do without
    /// it. The others host replicas.
    pub(super) fn nodes(&self) -> usize {
        1 + 2 * self.t + 1 + SPARES
    }
}

/// A node with its lives.
#[derive(Default)]
struct House {
    node: Option<Node>,
    lives: usize,
    metrics: Option<SocketAddr>,
}

/// The cluster.
pub(super) struct Town {
    pub(super) shape: Shape,
    houses: RefCell<Vec<House>>,
    pub(super) wires: Vec<Rc<Wire>>,
    targets: Targets,
}

impl Town {
    /// Lays the wires, and starts the nodes. Tells where users connect.
    pub(super) async fn build(
        shape: Shape,
        dice: &mut Dice,
        targets: Targets,
    ) -> (Rc<Town>, SocketAddr) {
        let count = shape.nodes();
        let mut wires = Vec::new();
        for from in 0..count {
            for to in (0..count).filter(|to| *to != from) {
                wires.push(Wire::lay(from, to, Dice(dice.draw())).await);
            }
        }
        configure(&shape, &wires);
        let houses = RefCell::new((0..count).map(|_| House::default()).collect());
        let town = Town { shape, houses, wires, targets };
        for number in 0..count {
            town.start(number).await;
        }
        let first = town.houses.borrow_mut()[0].node.take().expect("it was started");
        first.tells("\nready     ").await;
        let gateway = said(&first, "gateway   ").parse().expect("an address");
        town.houses.borrow_mut()[0].node = Some(first);
        town.targets.set_gateway(gateway);
        (Rc::new(town), gateway)
    }

    /// Starts a node, anew if it lived before.
    pub(super) async fn start(&self, number: usize) {
        let life = self.houses.borrow()[number].lives + 1;
        let name = format!("node{number}-{life}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_perjury"));
        command
            .args(["node", "--name", &format!("node{number}"), "--metrics", "127.0.0.1:0"])
            .arg("--config")
            .arg(self.shape.folder.join(format!("node{number}.toml")));
        if let Some(record) = &self.shape.record {
            command.arg("--record").arg(record.join(&name));
        }
        let node = Node::start(command, self.shape.folder.join(format!("{name}.txt")));
        node.tells("metrics ").await;
        let listens = said(&node, "node ").parse().expect("an address");
        let metrics = said(&node, "metrics   ");
        let metrics = metrics.trim_start_matches("http://").trim_end_matches("/metrics");
        let metrics = metrics.parse().expect("an address");
        self.to(number).for_each(|wire| wire.target.set(Some(listens)));
        self.targets.set_node(number, listens, metrics);
        self.houses.borrow_mut()[number] =
            House { node: Some(node), lives: life, metrics: Some(metrics) };
    }

    /// Kills a node.
    pub(super) fn kill(&self, number: usize) {
        let mut node = self.houses.borrow_mut()[number].node.take().expect("it lives");
        node.kill();
        self.to(number).for_each(|wire| wire.target.set(None));
    }

    /// Sends a signal to a node that lives.
    pub(super) fn signal(&self, number: usize, signal: &str) {
        self.houses.borrow()[number].node.as_ref().expect("it lives").signal(signal);
    }

    /// What a node has told so far in this life, if it listens there.
    pub(super) fn told(&self, whom: (usize, SocketAddr)) -> Option<String> {
        let listens = self.listening().contains(&whom);
        let houses = self.houses.borrow();
        houses[whom.0].node.as_ref().filter(|_| listens).map(Node::told)
    }

    /// The numbers of the nodes that live, and of their programs.
    pub(super) fn programs(&self) -> Vec<(usize, u32)> {
        let houses = self.houses.borrow();
        let programs = houses.iter().enumerate();
        programs.filter_map(|(number, house)| Some((number, house.node.as_ref()?.id()))).collect()
    }

    fn to(&self, number: usize) -> impl Iterator<Item = &Rc<Wire>> {
        self.wires.iter().filter(move |wire| wire.to == number)
    }

    /// The nodes that live, and where they listen.
    pub(super) fn listening(&self) -> Vec<(usize, SocketAddr)> {
        let programs = self.programs();
        let target = |(number, _)| {
            let wire = self.to(number).next().expect("all are connected");
            Some((number, wire.target.get()?))
        };
        programs.into_iter().filter_map(target).collect()
    }

    /// The wires to and from a node.
    pub(super) fn around(&self, number: usize) -> Vec<Rc<Wire>> {
        let is_near = |wire: &&Rc<Wire>| wire.from == number || wire.to == number;
        self.wires.iter().filter(is_near).cloned().collect()
    }

    /// What a node tells of itself, if it answers soon and has done so since then.
    async fn report(&self, number: usize, since_ns: u64) -> Result<NodeReport, String> {
        let address = self.houses.borrow()[number].metrics;
        let ask = async {
            let mut stream = TcpStream::connect(address?).await.ok()?;
            stream.write_all(b"GET /status HTTP/1.1\r\n\r\n").await.ok()?;
            let mut page = String::new();
            stream.read_to_string(&mut page).await.ok()?;
            let report: Report = serde_json::from_str(page.split_once("\r\n\r\n")?.1).ok()?;
            report.nodes.into_iter().find(|node| node.wall_ns > since_ns)
        };
        let report = tokio::time::timeout(Duration::from_secs(1), ask).await.ok().flatten();
        report.ok_or_else(|| format!("node {number} tells nothing new"))
    }

    /// The number of the current configuration and who hosts a replica of it, as soon as all is as
    /// it should be: Olympus at rest, every node connected with every other, every replica active.
    pub(super) async fn settled(&self) -> (u32, Vec<usize>) {
        let (began, since_ns) = (Instant::now(), wall_ns());
        loop {
            let state = self.state(since_ns).await;
            match state {
                Ok(state) => return state,
                Err(why) => assert!(began.elapsed() < PATIENCE, "the cluster never rests: {why}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The same now, by what nodes have told since then.
    async fn state(&self, since_ns: u64) -> Result<(u32, Vec<usize>), String> {
        let first = self.report(0, since_ns).await?;
        let olympus = first.processes.iter().find(|process| process.process == "olympus");
        let fields = &olympus.ok_or("Olympus is not there")?.fields;
        if fields["state"] != "at rest" {
            return Err("Olympus is replacing a configuration".to_owned());
        }
        let current: u32 = fields["configuration"].parse().expect("a number");
        let mut homes = Vec::new();
        let prefix = format!("replica {current}.");
        for number in 0..self.shape.nodes() {
            let report = self.report(number, since_ns).await?;
            if let Some(link) = report.links.iter().find(|link| !link.is_up) {
                return Err(format!("node {number} has no link to node {}", link.to));
            }
            let replicas = report.processes.iter();
            let replicas = replicas.filter(|process| process.process.starts_with(&prefix));
            let active = replicas.filter(|replica| replica.fields["mode"] == "active");
            homes.extend(active.map(|_| number));
        }
        match homes.len() == 2 * self.shape.t + 1 {
            true => Ok((current, homes)),
            false => Err(format!("{prefix}* live on {homes:?} alone")),
        }
    }

    /// Tells all to stop, the gateway first; each must do so in order.
    pub(super) fn stop(&self) {
        for house in self.houses.borrow_mut().iter_mut() {
            house.node.as_mut().expect("it lives").stop();
        }
    }

    /// Fails if any node in any of its lives has panicked.
    pub(super) fn assert_calm(&self) {
        for entry in fs::read_dir(&self.shape.folder).expect("it was made").flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|ending| ending == "txt") {
                let told = fs::read_to_string(&path).expect("it is text");
                let panic = told.lines().find(|line| line.contains("panicked"));
                assert_eq!(panic, None, "in {}", path.display());
            }
        }
    }
}

/// What the calendar says.
fn wall_ns() -> u64 {
    #[expect(clippy::disallowed_types, reason = "it is compared with what nodes tell")]
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.expect("it is later than that").as_nanos() as u64
}

/// The last word of the first line that a node has told and that begins so.
fn said(node: &Node, begin: &str) -> String {
    let told = node.told();
    let line = told.lines().find(|line| line.starts_with(begin));
    let word = line.and_then(|line| line.split_whitespace().last());
    word.unwrap_or_else(|| panic!("no line begins with {begin:?} in {told}")).to_owned()
}

/// Makes keys, and a file for each node: by its own file it calls others over its own wires.
fn configure(shape: &Shape, wires: &[Rc<Wire>]) {
    let key = |number: usize| {
        let file = shape.folder.join(format!("node{number}.key"));
        let key = perjury(&["keys", &file.to_string_lossy()]);
        assert_eq!(code(&key), 0, "{}", err(&key));
        out(&key)
    };
    let keys: Vec<String> = (0..shape.nodes()).map(key).collect();
    let head = format!(
        "format = 1\nprotocol = \"bcr\"\nt = {}\nclients = 16\ntimeout = \"500ms\"\n\
         checkpoint_every = 64\nstart = \"1min\"\n",
        shape.t
    );
    for own in 0..shape.nodes() {
        let mut text = head.clone();
        for (number, key) in keys.iter().enumerate() {
            let wire = wires.iter().find(|wire| wire.from == own && wire.to == number);
            // Nobody calls himself.
            let address = wire.map_or("127.0.0.1:9".to_owned(), |wire| wire.address.to_string());
            let listen = "listen = \"127.0.0.1:0\"\n";
            let gateway = if number == 0 { "gateway = \"127.0.0.1:0\"\n" } else { "" };
            let node = format!(
                "\n[[node]]\nname = \"node{number}\"\naddress = \"{address}\"\n{key}{listen}\
                 {gateway}"
            );
            text.write_str(&node).expect("a string takes all that is written");
        }
        let file = shape.folder.join(format!("node{own}.toml"));
        fs::write(file, text).expect("it can be written");
    }
}
