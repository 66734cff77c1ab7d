//! `perjury serve` and `perjury client`, as a user runs them.

#![cfg(unix)]

mod shell;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use shell::{code, err, out, perjury, program, scratch};

/// A cluster that runs.
struct Served {
    child: Child,
    gateway: String,
    rest: BufReader<std::process::ChildStdout>,
}

impl Served {
    fn start(words: &[&str]) -> Served {
        let child = program()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Served::of(child, "gateway ")
    }

    /// What runs there, once it has told that it is ready.
    fn of(mut child: Child, ready: &str) -> Served {
        let mut rest = BufReader::new(child.stdout.take().expect("it is piped"));
        let (mut line, mut gateway) = (String::new(), String::new());
        while !line.starts_with(ready) {
            line.clear();
            assert!(rest.read_line(&mut line).expect("it is text") > 0, "it ended too early");
            if line.starts_with("gateway ") {
                gateway = line.split_whitespace().last().expect("an address").to_owned();
            }
        }
        Served { child, gateway, rest }
    }

    /// Sends a signal, and waits for the end: exit code, output, complaints.
    fn end(mut self, signal: &str) -> (Option<i32>, String, String) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("there is kill");
        assert!(sent.success());
        let (mut told, mut complaints) = (String::new(), String::new());
        self.rest.read_to_string(&mut told).expect("it is text");
        let mut errors = self.child.stderr.take().expect("it is piped");
        errors.read_to_string(&mut complaints).expect("it is text");
        let status = self.child.wait().expect("it ends");
        (status.code(), told, complaints)
    }
}

/// Nothing outlives its test, however that ends.
impl Drop for Served {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        self.child.kill().and_then(|()| self.child.wait()).ok();
    }
}

#[test]
fn a_cluster_is_served_asked_and_stopped() {
    let served = Served::start(&["--t", "1", "--clients", "4"]);
    let ask = |words: &[&str]| perjury(&[&["client", "--to", &served.gateway], words].concat());
    let told = ask(&["put('movie','star')", "append('movie',' wars')", "get('movie')"]);
    assert_eq!((code(&told), out(&told).as_str()), (0, "OK\nOK\nstar wars\n"), "{}", err(&told));
    let told = ask(&["put('movie','moon')", "get('movie"]);
    assert_eq!((code(&told), out(&told).as_str()), (2, ""), "nothing is done by half");
    assert!(err(&told).starts_with("error: get('movie: "), "{}", err(&told));
    assert_eq!(out(&ask(&["get('movie')"])), "star wars\n");
    let told = ask(&["--clients", "3", "--rate", "50", "--duration", "1200ms"]);
    assert_eq!(code(&told), 0, "{}", err(&told));
    let lines: Vec<String> = out(&told).lines().map(str::to_owned).collect();
    assert!(lines.len() >= 2 && lines[0].contains("   1s  "), "{lines:?}");
    let last = lines.last().expect("there are some");
    assert!(last.starts_with("  all        60 answered"), "{last}");
    assert!(last.contains("p99 "), "{last}");
    let (code, told, complaints) = served.end("-HUP");
    assert_eq!(code, Some(0), "{complaints}");
    assert!(told.starts_with("stopped   ") && told.contains(", 0 lost"), "{told}");
    assert!(complaints.ends_with("in flight is answered first\n"), "{complaints}");
    assert!(!complaints.contains("refused"), "nobody came who does not greet: {complaints}");
}

#[test]
#[cfg(target_os = "linux")]
fn who_serves_may_open_as_many_files_as_users_may_come() {
    let child = Command::new("sh")
        .args(["-c", "ulimit -Sn 256; exec \"$0\" serve --protocol solo --listen 127.0.0.1:0"])
        .arg(env!("CARGO_BIN_EXE_perjury"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    let served = Served::of(child, "gateway ");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", served.child.id()));
    let limits = limits.expect("it runs");
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let mut numbers = files.expect("there is one").split_whitespace();
    let [soft, hard] = [(); 2].map(|()| numbers.next().and_then(|n| n.parse::<u64>().ok()));
    assert_eq!(soft, hard.map_or(Some(4096), |hard| Some(hard.min(4096))), "{limits}");
    let (code, _, told) = served.end("-TERM");
    assert_eq!((code, told.contains("ulimit -n")), (Some(0), hard.is_some_and(|n| n < 4096)));
}

#[test]
fn a_load_that_is_stopped_tells_what_came_of_it() {
    let served = Served::start(&["--protocol", "solo"]);
    let mut load = program()
        .args(["client", "--to", &served.gateway, "--clients", "2", "--duration", "1h"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut told = BufReader::new(load.stdout.take().expect("it is piped")).lines();
    let mut next = || told.next().expect("there is more").expect("it is text");
    assert!(next().starts_with("   1s  "));
    let sent = Command::new("kill").args(["-INT", &load.id().to_string()]).status();
    assert!(sent.expect("it is there").success());
    let last = std::iter::from_fn(|| Some(next())).find(|line| line.starts_with("  all  "));
    assert!(last.is_some_and(|line| !line.contains(" 0 answered")));
    assert_eq!(load.wait().expect("it ends").code(), Some(0));
    let told = perjury(&["client", "--to", &served.gateway, "get('k');"]);
    assert_eq!(code(&told), 2);
    assert!(err(&told).contains("found `;`; one call stands here"), "{}", err(&told));
}

#[test]
fn a_status_is_told_again_and_again() {
    let at = format!("127.0.0.1:{}1", free_ports());
    let served = Served::start(&["--protocol", "solo", "--metrics", &at]);
    let mut status = program()
        .args(["status", "--at", &at, "--every", "10ms"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let lines = BufReader::new(status.stdout.take().expect("it is piped")).lines();
    let users = lines.map(|line| line.expect("it is text")).filter(|l| l.starts_with("users "));
    let users: Vec<String> = users.take(3).collect();
    assert_eq!(users[0], "users     0 answered, 0 refused, 0 under way");
    assert_eq!(users[1..], ["users     0 answered (0 more), 0 refused, 0 under way"; 2]);
    status.kill().expect("it runs");
    status.wait().expect("it ends");
    assert_eq!(served.end("-TERM").0, Some(0));
}

#[test]
fn who_answers_in_other_words_or_not_at_all_is_told_of() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let to = listener.local_addr().expect("it has one").to_string();
    let shop = move || {
        let mut kept = Vec::new();
        for (customer, stream) in (0..5).zip(listener.incoming()) {
            let mut stream = stream.expect("it is a connection");
            if customer < 3 {
                // Whoever has heard enough may be gone.
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            }
            kept.push(stream);
        }
        kept
    };
    let words = ["client", "--to", &to];
    let load = ["--clients", "2", "--duration", "1s"];
    std::thread::scope(|scope| {
        let _open = scope.spawn(shop);
        let asked = perjury(&[&words[..], &["get('k')"]].concat());
        let loaded = perjury(&[&words[..], &load].concat());
        for told in [asked, loaded] {
            assert_eq!(code(&told), 2, "{}", err(&told));
            assert!(err(&told).contains("is no gateway of perjury"), "{}", err(&told));
        }
        let silent = perjury(&[&words[..], &load, &["--patience", "300ms"]].concat());
        assert_eq!(code(&silent), 3, "{}", err(&silent));
        assert!(err(&silent).contains("no answer in 300ms"), "{}", err(&silent));
    });
}

#[test]
#[cfg(target_os = "linux")]
fn what_is_measured_ends_with_who_measures() {
    let bench = program()
        .args(["bench", "--only", "solo", "--duration", "1h"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let id = bench.id();
    let children = format!("/proc/{id}/task/{id}/children");
    let server = loop {
        let children = std::fs::read_to_string(&children).expect("it runs");
        if let Some(server) = children.split_whitespace().next() {
            break server.to_owned();
        }
    };
    let sent = Command::new("kill").args(["-TERM", &id.to_string()]).status().expect("it is there");
    assert!(sent.success());
    let ended = bench.wait_with_output().expect("it ends");
    assert_eq!(code(&ended), 3, "{}", err(&ended));
    assert_eq!(err(&ended), "error: stopped by a signal\n");
    assert!(!std::path::Path::new(&format!("/proc/{server}")).exists(), "it is gone");
}

#[test]
fn one_server_is_served_too_and_has_no_knobs_of_the_chain() {
    let served = Served::start(&["--protocol", "solo", "--clients", "2"]);
    let told = perjury(&["client", "--to", &served.gateway, "put('k','v')", "get('k')"]);
    assert_eq!((code(&told), out(&told).as_str()), (0, "OK\nv\n"), "{}", err(&told));
    let (status, told, complaints) = served.end("-TERM");
    assert_eq!(status, Some(0), "{complaints}");
    assert!(told.contains("0 lost; 0 statements under 0 signatures, 0 checked"), "{told}");
    for knob in ["--t", "--checkpoint-every"] {
        let told = perjury(&["serve", "--protocol", "solo", knob, "1"]);
        assert_eq!(code(&told), 2);
        assert!(err(&told).contains("is a knob of bcr"), "{}", err(&told));
    }
}

#[test]
fn a_script_is_read_line_by_line_and_kept_as_history() {
    let served = Served::start(&[]);
    let history = scratch("client-history").join("history");
    let mut client = program()
        .args(["client", "--to", &served.gateway, "--history", &history.display().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let script = "put('k','v')\n\n  get('k')\nhelp\nnonsense\nget('k')\nexit\nput('k','w')\n";
    let mut input = client.stdin.take().expect("it is piped");
    input.write_all(script.as_bytes()).expect("it reads");
    drop(input);
    let told = client.wait_with_output().expect("it ends");
    assert_eq!(code(&told), 1, "one line was refused");
    let told = out(&told);
    assert!(told.starts_with("OK\nv\nput('key','value') "), "{told}");
    assert!(told.ends_with("\nv\n"), "{told}");
    let kept = std::fs::read_to_string(history).expect("it was written");
    assert!(kept.contains("put('k','v')") && !kept.contains("exit"), "{kept}");
    assert_eq!(served.end("-INT").0, Some(0));
}

#[test]
fn what_cannot_be_served_or_reached_is_said_with_a_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it has one").to_string();
    let told = perjury(&["serve", "--listen", &address]);
    assert_eq!(code(&told), 2);
    assert!(err(&told).contains("take another address"), "{}", err(&told));
    drop(taken);
    let told = perjury(&["client", "--to", &address, "get('k')"]);
    assert_eq!(code(&told), 2);
    assert!(err(&told).contains("start a cluster with `perjury serve`"), "{}", err(&told));
    for words in [["--t", "21"], ["--nodes", "0"], ["--clients", "0"]] {
        let told = perjury(&["serve", "--listen", "127.0.0.1:0", words[0], words[1]]);
        assert_eq!(code(&told), 2);
        assert!(err(&told).contains("; take "), "{}", err(&told));
    }
    let file = scratch("no-logs").join("a-file-and-no-folder");
    std::fs::write(&file, "").expect("it can be written");
    let logs = file.join("logs");
    let words = ["serve", "--listen", "127.0.0.1:0", "--log", logs.to_str().expect("it is text")];
    let told = perjury(&words);
    assert_eq!(code(&told), 2);
    assert!(err(&told).contains("a-file-and-no-folder/logs"), "{}", err(&told));
}

#[test]
fn what_is_not_answered_is_left_open() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = silent.local_addr().expect("it has one").to_string();
    let told = perjury(&["client", "--to", &address, "--patience", "200ms", "get('k')"]);
    assert_eq!(code(&told), 3);
    assert!(err(&told).contains("no answer in 200ms"), "{}", err(&told));
    let asking = program()
        .args(["client", "--to", &address, "get('k')"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // Who has given up is still in the queue.
    drop((silent.accept(), silent.accept()));
    let told = asking.wait_with_output().expect("it ends");
    assert_eq!(code(&told), 3);
    assert!(err(&told).contains("is the cluster still running?"), "{}", err(&told));
}

/// A folder with the file of a cluster of one node, and its key.
fn one_node(name: &str, gateway: &str) -> std::path::PathBuf {
    let folder = scratch(name);
    let made = perjury(&["keys", &folder.join("host1.key").display().to_string()]);
    assert_eq!(code(&made), 0, "{}", err(&made));
    let address = format!("127.0.0.1:{}1", free_ports());
    let text = format!(
        "format = 1\nprotocol = \"solo\"\n[[node]]\nname = \"host1\"\naddress = \"{address}\"\n\
         {}gateway = \"{gateway}\"\n",
        out(&made)
    );
    std::fs::write(folder.join("cluster.toml"), text).expect("it can be written");
    folder
}

/// What `perjury node` says in such a folder.
fn node_in(folder: &std::path::Path, words: &[&str]) -> (i32, String) {
    let words = [&["node", "--config", "cluster.toml"], words].concat();
    let told = program().args(words).current_dir(folder).output().expect("it starts");
    (code(&told), err(&told))
}

#[test]
fn a_key_is_made_once_and_nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let file = scratch("keys").join("host1.key");
    let path = file.display().to_string();
    let made = perjury(&["keys", &path]);
    assert_eq!(code(&made), 0, "{}", err(&made));
    assert_eq!((out(&made).len(), out(&made).starts_with("key = \"")), (73, true));
    let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(out(&perjury(&["keys", &path, "--show"])), out(&made));
    let again = perjury(&["keys", &path]);
    assert_eq!(code(&again), 2);
    assert!(err(&again).contains("is there already") && err(&again).contains("--force"));
    assert_eq!(out(&perjury(&["keys", &path, "--show"])), out(&made), "it is as it was");
    let other = perjury(&["keys", &path, "--force"]);
    assert_eq!((code(&other), out(&other) == out(&made)), (0, false));
}

#[test]
fn a_node_says_what_is_wrong_with_its_file_or_key() {
    let folder = one_node("wrong-nodes", "127.0.0.1:0");
    let file = std::fs::read_to_string(folder.join("cluster.toml")).expect("it was written");
    let says = |words: &[&str], part: &str| {
        let (code, told) = node_in(&folder, words);
        assert_eq!(code, 2, "{told}");
        assert!(told.contains(part), "{part}: {told}");
    };
    says(&["--name", "host2"], "there is no node \"host2\"; there are: host1");
    says(&["--name", "host1", "--key", "none.key"], "`perjury keys none.key` makes one");
    let other = folder.join("other.key").display().to_string();
    assert_eq!(code(&perjury(&["keys", &other])), 0);
    says(&["--name", "host1", "--key", "other.key"], "this is not the key of host1");
    let open = Command::new("chmod").arg("644").arg(&other).status().expect("there is chmod");
    assert!(open.success());
    says(&["--name", "host1", "--key", "other.key"], "run `chmod 600 other.key`");
    let address = file.split("address = \"").nth(1).and_then(|rest| rest.split('"').next());
    let taken = TcpListener::bind(address.expect("there is one")).expect("it was free");
    says(&["--name", "host1"], "take another address");
    drop(taken);
    for (text, part) in [
        (file.clone() + &file[file.find("[[node]]").expect("there is one")..], "the name host1"),
        (file.replace("solo", "bcr") + "[hosts]\nreplicas = [3]\n", "names node 3"),
        (file.replace("gateway", "gatewy"), "unknown field `gatewy`"),
        ("format = 1\nprotocol = \"solo\"\n".to_owned(), "write a [[node]]"),
    ] {
        std::fs::write(folder.join("cluster.toml"), text).expect("it can be written");
        says(&["--name", "host1"], part);
        says(&["--name", "host1"], "cluster.toml: ");
    }
}

/// The lines of what is said on standard error.
fn complaints(node: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(node.stderr.take().expect("it is piped")).lines();
    lines.map(|line| line.expect("it is text"))
}

#[test]
fn nodes_whose_files_disagree_refuse_each_other() {
    let folder = scratch("two-files");
    let ports = free_ports();
    let mut text = "format = 1\nprotocol = \"bcr\"\nt = 1\n".to_owned();
    for node in 1..3 {
        let made =
            perjury(&["keys", &folder.join(format!("host{node}.key")).display().to_string()]);
        let key = out(&made);
        let address = format!("127.0.0.1:{ports}{node}");
        text += &format!("[[node]]\nname = \"host{node}\"\naddress = \"{address}\"\n{key}");
        text += if node == 1 { "gateway = \"127.0.0.1:0\"\n" } else { "" };
    }
    let start = |node: u32, text: &str| {
        let file = format!("cluster{node}.toml");
        std::fs::write(folder.join(&file), text).expect("it can be written");
        program()
            .args(["node", "--config", &file, "--name", &format!("host{node}")])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    };
    let mut nodes = [start(1, &text), start(2, &text.replace("\nt = 1", "\nt = 2"))];
    for (node, (replicas, other)) in nodes.iter_mut().zip([(3, 1), (5, 0)]) {
        let mut told = complaints(node);
        let shared = format!("{replicas} replicas share 2 nodes");
        assert!(told.any(|line| line.contains(&shared)), "it is told at the beginning");
        let refused = format!("refused node {other}: its cluster file says another thing; give");
        assert!(told.any(|line| line.contains(&refused)), "it is told when that calls");
    }
    for mut node in nodes {
        node.kill().expect("it runs");
        node.wait().expect("it ends");
    }
}

#[test]
fn one_node_serves_and_stops() {
    let folder = one_node("one-node", "127.0.0.1:0");
    let child = program()
        .args(["node", "--config", "cluster.toml", "--name", "host1"])
        .current_dir(&folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let served = Served::of(child, "ready     64 clients here");
    let told = perjury(&["client", "--to", &served.gateway, "put('k','v')", "get('k')"]);
    assert_eq!((code(&told), out(&told).as_str()), (0, "OK\nv\n"), "{}", err(&told));
    let (status, told, complaints) = served.end("-TERM");
    assert_eq!(status, Some(0), "{complaints}");
    assert!(told.contains("stopped   ") && told.contains("0 lost"), "{told}");
}

/// The commands of the section of the README, those with these words.
fn block_of_readme(words: &str) -> &'static str {
    let readme = include_str!("../README.md");
    let (_, section) = readme.split_once("## On real sockets\n").expect("there is one");
    let (section, _) = section.split_once("\n## ").expect("others follow");
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let block = blocks.map(|(block, _)| block).find(|block| block.contains(words));
    block.unwrap_or_else(|| panic!("no commands with {words}"))
}

/// What a shell does with commands that succeed.
fn in_shell(commands: &str, folder: &std::path::Path) -> String {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_perjury"));
    let beside = program.parent().expect("it lies in a folder").display();
    let told = Command::new("sh")
        .args(["-ec", &format!("PATH=\"{beside}:$PATH\"; {commands}")])
        .current_dir(folder)
        .output()
        .expect("there is a shell");
    assert_eq!(code(&told), 0, "{}\n{}", out(&told), err(&told));
    out(&told)
}

/// Nine ports where nobody listens, and nobody calls from, without their last digit: 1 to 9.
fn free_ports() -> String {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let is_free = |port: u32| TcpListener::bind(("127.0.0.1", port as u16)).is_ok();
    let from = std::process::id().wrapping_mul(8);
    loop {
        let tens = 2000 + from.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % 1200;
        if (1..10).all(|digit| is_free(tens * 10 + digit)) {
            return tens.to_string();
        }
    }
}

#[test]
fn the_nodes_of_the_readme_are_a_cluster() {
    let ports = free_ports();
    let block = block_of_readme("perjury node ").replace(":740%s", &format!(":{ports}%s"));
    let told = in_shell(&block.replace(":7415", &format!(":{ports}9")), &scratch("readme-nodes"));
    assert!(told.contains("OK\nstar\n"), "{told}");
    assert_eq!(told.matches("stopped   ").count(), 3, "{told}");
}

#[test]
fn the_commands_of_the_readme_do_what_they_are_said_to() {
    let block = block_of_readme("serve --protocol bcr");
    let folder = scratch("real-sockets");
    let told = in_shell(&block.replace(":7415", &format!(":{}1", free_ports())), &folder);
    assert!(told.contains("OK\nOK\nstar wars\n"), "{told}");
    assert!(told.contains("  all       200 answered"), "{told}");
    assert!(told.contains("stopped   "), "{told}");
    assert!(folder.join("logs").join("replica-0-2.log").exists());
    assert!(told.contains("\n  replayed    every process as it was recorded\n"), "{told}");
}

#[test]
fn the_readme_runs_a_scenario_on_real_sockets() {
    let folder = scratch("readme-real");
    let told = in_shell(block_of_readme("run mine.toml --real"), &folder);
    assert!(told.starts_with("mine.toml: held\n"), "{told}");
    assert!(told.ends_with("\n  replayed    every process as it was recorded\n"), "{told}");
    assert!(folder.join("kept.html").exists());
}

#[test]
fn the_readme_watches_over_a_cluster() {
    let ports = free_ports();
    let block = block_of_readme("perjury status").replace(":7415", &format!(":{ports}1"));
    let told = in_shell(&block.replace(":7416", &format!(":{ports}2")), &scratch("readme-status"));
    for words in ["/s  p50 ", "\nnode 3    up     links 3 of 3", "  replica 0.2    ", "\nusers  "] {
        assert!(told.contains(words), "{words} in {told}");
    }
}

#[test]
fn what_is_measured_comes_as_a_table() {
    let short = ["bench", "--duration", "1s", "--outstanding", "1,8", "--only", "solo,bcr"];
    let told = perjury(&short);
    assert_eq!(code(&told), 0, "{}", err(&told));
    let told = out(&told);
    let rows: Vec<Vec<&str>> =
        told.lines().skip(2).map(|line| line.split('|').map(str::trim).collect()).collect();
    let names: Vec<&[&str]> = rows.iter().map(|row| &row[1..3]).collect();
    let (solo, bcr) = ("solo", "bcr, t = 1, ed25519");
    assert_eq!(names, [[solo, "1"], [bcr, "1"], [solo, "8"], [bcr, "8"]]);
    for row in &rows {
        let number = |place: usize| row[place].parse::<f64>().expect("it is a number");
        assert!(number(3) > 0.0 && number(6) > 0.0 && number(7) >= number(6), "{row:?}");
    }
    assert_eq!(rows[0][4], "1.00", "it is compared with itself");
}

/// What a port answers to `GET`.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("it reads");
    let mut told = String::new();
    stream.read_to_string(&mut told).expect("it answers in text");
    told
}

#[test]
fn whoever_watches_over_a_cluster_is_told_how_it_is() {
    let mut served = Served::start(&["--metrics", "127.0.0.1:0", "--clients", "2", "-v"]);
    let mut line = String::new();
    served.rest.read_line(&mut line).expect("it is text");
    let window = line.trim().strip_prefix("metrics   http://").expect("it says where");
    let window = window.strip_suffix("/metrics").expect("it is that page").to_owned();
    let told = perjury(&["client", "--to", &served.gateway, "put('k','v')", "get('k')"]);
    assert_eq!(out(&told), "OK\nv\n");
    // Nodes tell of themselves every second.
    let seen = |words: &str| {
        let told = perjury(&["status", "--once", "--at", &window]);
        assert_eq!(code(&told), 0, "{}", err(&told));
        (out(&told).matches(words).count() == 3).then(|| out(&told))
    };
    // A program is started for each try: that is a minute at least.
    const TRIES: u32 = 10_000;
    let told = (0..TRIES).find_map(|_| seen("next slot 3")).expect("both slots are told of");
    assert!(told.contains("  2 clients\n") && told.contains("users     2 answered, 0 refused, 0"));
    assert!(told.contains("  replica 0.0    ") && told.contains(", mode active, "), "{told}");
    let health = get(&window, "/healthz");
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n") && health.ends_with("ok\n"), "{health}");
    let metrics = get(&window, "/metrics");
    for sample in [
        "perjury_requests_total{outcome=\"result\"} 2\n",
        "perjury_request_seconds_count 2\n",
        "perjury_node_up{node=\"3\"} 1\n",
        "perjury_link_up{from=\"0\",to=\"1\"} 1\n",
        "perjury_process{node=\"0\",process=\"olympus\",field=\"configuration\"} 0\n",
        "process=\"replica 0.0\",field=\"mode\",value=\"active\"} 1\n",
    ] {
        assert!(metrics.contains(sample), "{sample} in {metrics}");
    }
    let (status, _, complaints) = served.end("-TERM");
    assert_eq!(status, Some(0), "{complaints}");
    assert!(complaints.contains(" DEBUG replica 0.0 begins on node 1"), "{complaints}");
    let told = perjury(&["status", "--once", "--at", &window]);
    assert_eq!(code(&told), 2);
    assert!(err(&told).contains("start a cluster with `perjury serve --metrics"), "{}", err(&told));
}
