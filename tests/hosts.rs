//! A cluster on three hosts: network namespaces with a bridge between them, on one machine. Links
//! are cut, nodes are killed and started anew under a load, and no acknowledged write is lost.
//!
//! This needs Linux, `ip` (iproute2) and the right to make network namespaces. Without any of these
//! it is skipped and says so; where `PERJURY_NETNS` is set, that is a failure.

#![cfg(unix)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it gives a short account")]

mod shell;

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use perjury::judge::linear::{self, Act, Answer};
use perjury::net::{User, operation};
use perjury::object::Reply;
use shell::{code, err, out, perjury, scratch};
use tokio::time::Instant;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Three namespaces, each with one end of a cable; the other ends are on a bridge of this machine.
struct Hosts {
    /// Tells them from those of other tests.
    id: u32,
}

const HOSTS: [u32; 3] = [1, 2, 3];

impl Hosts {
    fn make() -> Result<Hosts, String> {
        let hosts = Hosts { id: std::process::id() };
        let bridge = hosts.bridge();
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&["addr", "add", &format!("{}/24", hosts.address(254)), "dev", &bridge])?;
        ip(&["link", "set", &bridge, "up"])?;
        for host in HOSTS {
            let (space, cable) = (hosts.space(host), hosts.cable(host));
            ip(&["netns", "add", &space])?;
            let inside = ["peer", "name", "eth0", "netns", &space];
            ip(&[&["link", "add", &cable, "type", "veth"], &inside[..]].concat())?;
            ip(&["link", "set", &cable, "master", &bridge, "up"])?;
            let address = format!("{}/24", hosts.address(host));
            ip(&["-n", &space, "addr", "add", &address, "dev", "eth0"])?;
            ip(&["-n", &space, "link", "set", "eth0", "up"])?;
            ip(&["-n", &space, "link", "set", "lo", "up"])?;
        }
        Ok(hosts)
    }

    fn bridge(&self) -> String {
        format!("pjb{}", self.id)
    }

    fn space(&self, host: u32) -> String {
        format!("perjury-{}-host{host}", self.id)
    }

    fn cable(&self, host: u32) -> String {
        format!("pjc{host}-{}", self.id)
    }

    fn address(&self, host: u32) -> String {
        format!("10.77.{}.{host}", self.id % 256)
    }

    /// Plugs a host's cable in or out.
    fn plug(&self, host: u32, state: &str) {
        ip(&["link", "set", &self.cable(host), state]).expect("cables can be plugged");
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        // Whatever of it was made.
        for host in HOSTS {
            ip(&["link", "del", &self.cable(host)]).ok();
            ip(&["netns", "del", &self.space(host)]).ok();
        }
        ip(&["link", "del", &self.bridge()]).ok();
    }
}

fn ip(words: &[&str]) -> Result<(), String> {
    let told = Command::new("ip").args(words).output();
    let told = told.map_err(|error| format!("ip: {error}; install iproute2"))?;
    match told.status.success() {
        true => Ok(()),
        false => Err(format!("ip {}: {}", words.join(" "), err(&told).trim())),
    }
}

/// A node at work in its namespace. Dropped, it is killed.
struct Node {
    child: Child,
    told: PathBuf,
}

impl Node {
    fn start(hosts: &Hosts, folder: &Path, host: u32, life: &str) -> Node {
        let told = folder.join(format!("host{host}{life}.txt"));
        let file = File::create(&told).expect("it can be made");
        let logs = folder.join(format!("logs{host}{life}"));
        let child = Command::new("ip")
            .args(["netns", "exec", &hosts.space(host), env!("CARGO_BIN_EXE_perjury"), "node"])
            .args(["--name", &format!("host{host}"), "--config"])
            .arg(folder.join("cluster.toml"))
            .arg("--log")
            .arg(&logs)
            .env("NO_COLOR", "1")
            .stdout(file.try_clone().expect("it can be written by both"))
            .stderr(file)
            .stdin(Stdio::null())
            .spawn()
            .expect("it starts");
        Node { child, told }
    }

    /// What it has told so far.
    fn told(&self) -> String {
        fs::read_to_string(&self.told).expect("it was made")
    }

    /// Waits until it has told this; returns how long that took.
    async fn tells(&self, words: &str) -> Duration {
        let began = Instant::now();
        while !self.told().contains(words) {
            assert!(began.elapsed() < PATIENCE, "no {words:?} in {}", self.told());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        began.elapsed()
    }

    /// As if its machine were gone.
    fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Makes the keys and the file of the cluster.
fn configure(hosts: &Hosts, folder: &Path) {
    let mut text = "format = 1\nprotocol = \"bcr\"\nt = 1\nclients = 6\ntimeout = \"500ms\"\n\
                    start = \"1min\"\n"
        .to_owned();
    for host in HOSTS {
        let key = perjury(&["keys", &folder.join(format!("host{host}.key")).to_string_lossy()]);
        assert_eq!(code(&key), 0, "{}", err(&key));
        let (address, key) = (hosts.address(host), out(&key));
        let more = if host == 1 { "gateway = \"0.0.0.0:7415\"\n" } else { "" };
        let write = write!(
            text,
            "\n[[node]]\nname = \"host{host}\"\naddress = \"{address}:7400\"\n{key}{more}"
        );
        write.expect("a string takes all that is written");
    }
    fs::write(folder.join("cluster.toml"), text).expect("it can be written");
}

/// What the users of a cluster see.
#[derive(Default)]
struct Load {
    /// A clock that shows another time at every look.
    clock: Cell<u64>,
    acts: RefCell<Vec<Act>>,
    answered: Cell<u64>,
    longest: Cell<Duration>,
    is_over: Cell<bool>,
}

const USERS: u32 = 4;

impl Load {
    fn tick(&self) -> u64 {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }

    async fn ask(&self, user: &mut User, client: u32, text: &str) -> String {
        let (called, began) = (self.tick(), Instant::now());
        let answer = user.ask(text, PATIENCE).await.expect("the gateway answers");
        let told = answer.unwrap_or_else(|why| panic!("{text} is refused: {why}"));
        let returned = Some((self.tick(), Reply::of(&told.as_str().into())));
        let operation = operation(text).expect("it is one");
        let act = Act { client, operation, called, returned, returned_ns: 0 };
        self.acts.borrow_mut().push(act);
        self.answered.set(self.answered.get() + 1);
        self.longest.set(self.longest.get().max(began.elapsed()));
        told
    }

    /// One user: writes a diary of its own, and quarrels with the others about two keys.
    async fn user(self: Rc<Load>, gateway: SocketAddr, number: u32) -> (u32, String) {
        let mut user = User::connect(gateway).await.expect("the gateway listens");
        let mut diary = String::from("begin");
        self.ask(&mut user, number, &format!("put('diary {number}','{diary}')")).await;
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        for step in 0.. {
            if self.is_over.get() {
                break;
            }
            pace.tick().await;
            let common = ["movie", "moon"][step % 2];
            match step % 5 {
                0 | 2 => {
                    let entry = format!(" {step}");
                    let append = format!("append('diary {number}','{entry}')");
                    assert_eq!(self.ask(&mut user, number, &append).await, "OK");
                    diary.push_str(&entry);
                }
                1 => drop(self.ask(&mut user, number, &format!("put('{common}','{step}')")).await),
                3 => {
                    let append = format!("append('{common}','.{number}')");
                    self.ask(&mut user, number, &append).await;
                }
                _ => drop(self.ask(&mut user, number, &format!("get('{common}')")).await),
            }
        }
        (number, diary)
    }

    /// Waits until so many requests more are answered; tells of it.
    async fn goes_on(&self, after: &str) {
        const MORE: u64 = 60;
        let (wanted, began) = (self.answered.get() + MORE, Instant::now());
        while self.answered.get() < wanted {
            assert!(began.elapsed() < PATIENCE, "nothing is answered after {after}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let longest = self.longest.take().as_secs_f32();
        println!("  {MORE} answers after {after}; the longest wait was {longest:.1} s");
    }
}

/// What happens to the hosts while users ask.
async fn happen(hosts: &Hosts, folder: &Path, [first, second, third]: &mut [Node; 3], load: &Load) {
    load.goes_on("the start").await;
    hosts.plug(3, "down");
    let noticed = first.tells("node 0 lost node 2").await;
    println!("  host 1 misses host 3 {:.1} s after its cable is out", noticed.as_secs_f32());
    load.goes_on("the cable of host 3 is out").await;
    hosts.plug(3, "up");
    first.tells("node 0 has node 2 again").await;
    load.goes_on("it is in again").await;
    second.kill();
    load.goes_on("host 2 is killed").await;
    *second = Node::start(hosts, folder, 2, "again");
    second.tells("ready     0 clients here").await;
    first.tells("node 0 has node 1 again, which was started anew and is empty").await;
    load.goes_on("it is started anew").await;
    third.kill();
    load.goes_on("host 3 is killed").await;
    let logs = fs::read_dir(folder.join("logs2again")).expect("somebody lives there");
    let names: Vec<_> = logs.flatten().map(|entry| entry.file_name()).collect();
    let is_late = |name: &str| name.starts_with("replica-") && !name.starts_with("replica-0-");
    assert!(names.iter().all(|name| is_late(&name.to_string_lossy())), "{names:?}");
    println!("  on host 2 lives, since it was started anew: {names:?}");
}

#[test]
fn three_hosts_lose_nothing_that_was_acknowledged() {
    let hosts = match Hosts::make() {
        Ok(hosts) => hosts,
        Err(why) => return skip(&why),
    };
    let folder = scratch("three-hosts");
    configure(&hosts, &folder);
    let mut nodes = HOSTS.map(|host| Node::start(&hosts, &folder, host, ""));
    let gateway = format!("{}:7415", hosts.address(1)).parse().expect("it is an address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let load = Rc::new(Load::default());
    tokio::task::LocalSet::new().block_on(&runtime.expect("it can be had"), async {
        for node in &nodes {
            node.tells("ready     ").await;
        }
        let user = |number| tokio::task::spawn_local(load.clone().user(gateway, number));
        let users: Vec<_> = (0..USERS).map(user).collect();
        happen(&hosts, &folder, &mut nodes, &load).await;
        load.is_over.set(true);
        let mut reader = User::connect(gateway).await.expect("the gateway listens");
        for user in users {
            let (number, diary) = user.await.expect("it is content");
            let kept = load.ask(&mut reader, USERS, &format!("get('diary {number}')")).await;
            assert_eq!(kept, diary, "every acknowledged write is there, once");
        }
    });
    let mut history = load.acts.take();
    history.sort_by_key(|act| act.called);
    assert_eq!(linear::check(&history), Answer::Yes);
    println!(
        "  all {} acts are linearizable, and every acknowledged write is there",
        history.len()
    );
    stop(&mut nodes[0]);
}

/// A node that is told to stop does so in order.
fn stop(node: &mut Node) {
    let id = node.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("there is kill").success());
    let status = node.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0), "{}", node.told());
    assert!(node.told().contains("\nstopped   "), "{}", node.told());
}

#[expect(clippy::disallowed_methods, reason = "whether it may be skipped, the caller says")]
fn skip(why: &str) {
    assert!(std::env::var_os("PERJURY_NETNS").is_none(), "three hosts cannot be had: {why}");
    eprintln!("skipped: a cluster on three hosts ({why})");
}
