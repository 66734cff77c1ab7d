//! A cluster on three hosts: network namespaces with a bridge between them, on one machine. A cable
//! is pulled, nodes hang, are killed and started anew under a load, and no acknowledged write is
//! lost.
//!
//! This needs Linux, `ip` (iproute2) and the right to make network namespaces. Without any of these
//! it is skipped and says so; where `PERJURY_NETNS` is set, that is a failure.

#![cfg(unix)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it gives a short account")]

mod book;
mod nodes;
mod shell;

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use book::Book;
use nodes::Node;
use perjury::net::User;
use shell::{code, err, out, perjury, scratch};

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

/// Starts a node in its namespace.
fn start(hosts: &Hosts, folder: &Path, host: u32, life: &str) -> Node {
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", &hosts.space(host), env!("CARGO_BIN_EXE_perjury"), "node"])
        .args(["--name", &format!("host{host}"), "--config"])
        .arg(folder.join("cluster.toml"))
        .arg("--log")
        .arg(folder.join(format!("logs{host}{life}")));
    Node::start(command, folder.join(format!("host{host}{life}.txt")))
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
struct Load {
    book: Book,
    is_over: Cell<bool>,
}

const USERS: u32 = 4;

impl Load {
    /// One user: writes a diary of its own, and quarrels with the others about two keys.
    async fn user(self: Rc<Load>, gateway: SocketAddr, number: u32) -> (u32, String) {
        let mut user = User::connect(gateway).await.expect("the gateway listens");
        let mut diary = String::from("begin");
        self.book.ask(&mut user, number, &format!("put('diary {number}','{diary}')")).await;
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
                    assert_eq!(self.book.ask(&mut user, number, &append).await, "OK");
                    diary.push_str(&entry);
                }
                1 => drop(
                    self.book.ask(&mut user, number, &format!("put('{common}','{step}')")).await,
                ),
                3 => {
                    let append = format!("append('{common}','.{number}')");
                    self.book.ask(&mut user, number, &append).await;
                }
                _ => drop(self.book.ask(&mut user, number, &format!("get('{common}')")).await),
            }
        }
        (number, diary)
    }

    /// Waits until requests are answered again; tells of it.
    async fn goes_on(&self, after: &str) {
        const MORE: u64 = 60;
        self.book.goes_on(MORE, after).await;
        let (longest, _) = self.book.longest();
        let longest = longest.as_secs_f32();
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
    *second = start(hosts, folder, 2, "again");
    second.tells("ready     0 clients here").await;
    first.tells("node 0 has node 1 again, which was started anew and is empty").await;
    load.goes_on("it is started anew").await;
    third.signal("-STOP");
    load.goes_on("host 3 hangs").await;
    first.tells_again("node 0 lost node 2", 2).await;
    third.signal("-CONT");
    first.tells_again("node 0 has node 2 again", 2).await;
    load.goes_on("it is awake again").await;
    second.kill();
    load.goes_on("host 2 is killed again").await;
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
    let mut nodes = HOSTS.map(|host| start(&hosts, &folder, host, ""));
    let gateway = format!("{}:7415", hosts.address(1)).parse().expect("it is an address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let load = Rc::new(Load { book: Book::new(), is_over: Cell::default() });
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
            let kept = load.book.ask(&mut reader, USERS, &format!("get('diary {number}')")).await;
            assert_eq!(kept, diary, "every acknowledged write is there, once");
        }
    });
    println!(
        "  all {} acts are linearizable, and every acknowledged write is there",
        load.book.judge()
    );
    nodes[0].stop();
}

#[expect(clippy::disallowed_methods, reason = "whether it may be skipped, the caller says")]
fn skip(why: &str) {
    assert!(std::env::var_os("PERJURY_NETNS").is_none(), "three hosts cannot be had: {why}");
    eprintln!("skipped: a cluster on three hosts ({why})");
}
