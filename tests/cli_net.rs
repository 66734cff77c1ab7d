//! `perjury serve` and `perjury client`, as a user runs them.

#![cfg(unix)]

mod shell;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use shell::{code, err, out, perjury, program, scratch};

/// A cluster that runs.
struct Served {
    child: Child,
    gateway: String,
    rest: BufReader<std::process::ChildStdout>,
}

impl Served {
    fn start(words: &[&str]) -> Served {
        let mut child = program()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut rest = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        while !line.starts_with("gateway ") {
            line.clear();
            assert!(rest.read_line(&mut line).expect("it is text") > 0, "it ended too early");
        }
        let gateway = line.split_whitespace().last().expect("an address").to_owned();
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

#[test]
fn a_cluster_is_served_asked_and_stopped() {
    let served = Served::start(&["--t", "1", "--clients", "4"]);
    let ask = |words: &[&str]| perjury(&[&["client", "--to", &served.gateway], words].concat());
    let told = ask(&["put('movie','star')", "append('movie',' wars')", "get('movie')"]);
    assert_eq!((code(&told), out(&told).as_str()), (0, "OK\nOK\nstar wars\n"), "{}", err(&told));
    let told = ask(&["get('movie')", "get('movie"]);
    assert_eq!((code(&told), out(&told).as_str()), (1, "star wars\n"));
    assert!(err(&told).starts_with("error: get('movie: "), "{}", err(&told));
    let told = ask(&["--clients", "3", "--rate", "50", "--duration", "1200ms"]);
    assert_eq!(code(&told), 0, "{}", err(&told));
    let lines: Vec<String> = out(&told).lines().map(str::to_owned).collect();
    assert!(lines.len() >= 2 && lines[0].contains("   1s  "), "{lines:?}");
    let last = lines.last().expect("there are some");
    assert!(last.starts_with("  all        60 answered"), "{last}");
    assert!(last.contains("p99 "), "{last}");
    let (code, told, complaints) = served.end("-TERM");
    assert_eq!(code, Some(0), "{complaints}");
    assert!(told.starts_with("stopped   ") && told.contains(", 0 lost"), "{told}");
    assert!(complaints.ends_with("in flight is answered first\n"), "{complaints}");
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
}

/// The section of the README, on another port.
#[test]
fn the_commands_of_the_readme_do_what_they_are_said_to() {
    let readme = include_str!("../README.md");
    let (_, section) = readme.split_once("## On real sockets\n").expect("there is one");
    let (_, block) = section.split_once("```sh\n").expect("with commands");
    let (block, _) = block.split_once("```").expect("which end");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = free.local_addr().expect("it has one").port().to_string();
    drop(free);
    let folder = scratch("real-sockets");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_perjury"));
    let beside = program.parent().expect("it lies in a folder").display();
    let told = Command::new("sh")
        .args(["-ec", &format!("PATH=\"{beside}:$PATH\"; {}", block.replace("7415", &port))])
        .current_dir(&folder)
        .output()
        .expect("there is a shell");
    assert_eq!(code(&told), 0, "{}\n{}", out(&told), err(&told));
    assert!(out(&told).contains("OK\nOK\nstar wars\n"), "{}", out(&told));
    assert!(out(&told).contains("  all       200 answered"), "{}", out(&told));
    assert!(out(&told).contains("stopped   "), "{}", out(&told));
    assert!(folder.join("logs").join("replica-0-2.log").exists());
    assert!(out(&told).contains("\n  replayed    every process as it was recorded\n"));
}
