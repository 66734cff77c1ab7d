//! `perjury run --real`: scenarios on real sockets and in real time, each node a program, come out
//! as they do in the simulator.

#![cfg(unix)]

mod shell;

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use shell::{code, err, out, perjury, program, scratch};

/// How long anything may take that normally takes no time.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a run printed as JSON, and its exit code.
fn ran(words: &[&str]) -> (Value, i32) {
    let told = perjury(&[&["run", "--json"], words].concat());
    let verdict = serde_json::from_str(&out(&told));
    (verdict.unwrap_or_else(|_| panic!("{words:?}: {}", err(&told))), code(&told))
}

/// Runs a scenario in both ways: verdict, exit code, dictionary and results are the same. Returns
/// the run on sockets.
fn both(file: &str, change: &[&str]) -> Value {
    both_keeping(file, change, &[])
}

/// The same, with these words for the run on sockets alone.
fn both_keeping(file: &str, change: &[&str], keep: &[&str]) -> Value {
    let (simulated, simulated_code) = ran(&[&[file], change].concat());
    let (real, real_code) = ran(&[&[file, "--real"], change, keep].concat());
    for key in ["verdict", "first_broken", "dictionary", "faulty"] {
        assert_eq!(real[key], simulated[key], "{key} of {file}: {real:#}");
    }
    if simulated["missed"] == json!([]) {
        assert_eq!(real["missed"], simulated["missed"], "{file}: {real:#}");
    }
    assert_eq!(real_code, simulated_code, "{file}");
    let results = |run: &Value| -> Vec<Value> {
        run["clients"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["results"].clone())
            .collect()
    };
    assert_eq!(results(&real), results(&simulated), "{file}");
    assert_eq!(real["partings"], json!([]), "{file}");
    real
}

fn fired(run: &Value) -> u64 {
    let injections = run["injections"].as_array().expect("a list");
    injections.iter().filter_map(|one| one["fired"].as_u64()).sum()
}

#[test]
fn where_nobody_fails_both_come_to_the_same() {
    for file in ["bcr/nobody_fails", "bcr/chain_of_seven", "solo/first"] {
        let real = both(&format!("scenarios/{file}.toml"), &[]);
        assert_eq!(real["verdict"], "held");
        assert_eq!(real["reconfigurations"], 0, "{file}");
    }
}

#[test]
fn so_they_do_where_a_replica_is_gone_or_lies() {
    let cases = [
        ("head_crashes_on_request", 1),
        ("head_equivocates", 1),
        ("middle_changes_operation", 1),
        ("head_skips_a_slot", 1),
        ("head_flips_a_bit", 1),
    ];
    for (name, reconfigurations) in cases {
        let real = both(&format!("scenarios/bcr/{name}.toml"), &[]);
        let times = real["reconfigurations"].as_u64().expect("a number");
        assert!(times >= reconfigurations, "{name}: {real:#}");
        assert!(fired(&real) > 0, "{name}: {real:#}");
    }
}

#[test]
fn so_they_do_where_the_network_is_bad_and_clocks_are_wrong() {
    let real = both("scenarios/bcr/partition_that_heals.toml", &[]);
    let at_ns = real["virtual_time_ns"].as_u64().expect("a number");
    assert!(at_ns > 2_000_000_000, "nobody is answered while they are apart: {at_ns}");
    both("scenarios/bcr/duplicates_are_harmless.toml", &[]);
    both("scenarios/bcr/clocks_and_pauses.toml", &[]);
    both("scenarios/solo/lost_answers_are_repeated.toml", &[]);
}

/// Every signature is real where the scenario says so, and failures spoil the same bytes again in
/// the replay.
#[test]
fn so_they_do_with_real_signatures() {
    both("scenarios/bcr/real_signatures.toml", &[]);
    for name in ["middle_flips_a_bit", "head_rolls_back"] {
        let words = [&format!("scenarios/bcr/{name}.toml"), "--set", "signatures=ed25519"];
        let (real, _) = ran(&[&words[..], &["--real"]].concat());
        assert_eq!((&real["verdict"], &real["partings"]), (&"held".into(), &json!([])), "{real:#}");
        assert!(fired(&real) > 0, "{name}: {real:#}");
    }
}

/// More liars than are borne, or a decision that everybody takes wrongly: the judges find on
/// sockets what they find in the simulator.
#[test]
fn what_is_broken_is_found_to_be() {
    let real = both("scenarios/bcr/too_many_lie_about_a_read.toml", &[]);
    assert_eq!(real["verdict"], "beyond_tolerance");
    let quirk = &["--quirk", "entries_unchecked"];
    let real = both("scenarios/bcr/middle_forges_its_history.toml", quirk);
    assert_eq!(real["verdict"], "broken");
}

/// Nobody is there to answer: on sockets, too, that is found when patience ends, and again in what
/// was kept of it.
#[test]
fn who_waits_for_ever_is_found_to() {
    let folder = scratch("real-waits");
    let [file, kept] = ["waits.toml", "kept"].map(|name| folder.join(name).display().to_string());
    let text = "protocol = \"solo\"\n[timeouts]\nclient = \"100ms\"\n[[client]]\n\
                workload = \"put('k','v'); get('k')\"\n[[fault]]\nreplica = 0\n\
                when = \"received(ask,1)\"\nthen = \"crash()\"\n";
    fs::write(&file, text).expect("it can be written");
    let (simulated, _) = ran(&[&file]);
    let (real, real_code) = ran(&[&file, "--real", "--keep", &kept]);
    for run in [&simulated, &real] {
        assert_eq!(
            (&run["verdict"], &run["first_broken"]),
            (&json!("beyond_tolerance"), &json!("liveness"))
        );
        assert_eq!(run["clients"][0]["waits_for"], "get('k')");
        assert_eq!(run["dictionary"], json!({ "k": "v" }));
    }
    let again = perjury(&["replay", &kept, "--json"]);
    assert_eq!((code(&again), real_code), (5, 5), "{}", err(&again));
    let again: Value = serde_json::from_str(&out(&again)).expect("it is JSON");
    assert_eq!((&again["digest"], &again["end"]), (&real["digest"], &real["end"]));
}

/// A file of the course format says which hosts there are, and who lives on which.
#[test]
fn hosts_are_nodes_with_whom_they_are_said_to_have() {
    let folder = scratch("real-hosts");
    let [file, kept] = ["hosts.txt", "kept"].map(|name| folder.join(name).display().to_string());
    let text = "test_case_name = hosts\nt = 1\nnum_client = 2\nclient_timeout = 3000\n\
                head_timeout = 3000\nnonhead_timeout = 3000\ncheckpt_interval = 2\n\
                hosts = localhost; localhost; localhost\nclient_hosts = 2; 0\n\
                replica_hosts = 1; 0; 1\nworkload[0] = put('a','1'); append('a','2')\n\
                workload[1] = put('b','1'); get('b')\n\
                failures[0,2] = shuttle(0,1), change_result()\n";
    fs::write(&file, text).expect("it can be written");
    let real = both_keeping(&file, &[], &["--keep", &kept]);
    assert_eq!(real["dictionary"], json!({ "a": "12", "b": "1" }));
    let lives = |node: &str, process: &str| {
        Path::new(&kept).join(node).join(format!("{process}.000000.rec")).exists()
    };
    for (node, process) in [
        ("node-0", "olympus"),
        ("node-2", "client-0"),
        ("node-0", "client-1"),
        ("node-1", "replica-0-0"),
        ("node-0", "replica-0-1"),
        ("node-1", "replica-0-2"),
    ] {
        assert!(lives(node, process), "{process} on {node}");
    }
    assert!(!Path::new(&kept).join("node-3").exists());
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    let told = |words: &[&str]| {
        let told = perjury(&[&["run", "--real"], words].concat());
        assert_eq!(code(&told), 2, "{}", out(&told));
        err(&told)
    };
    let first = "scenarios/bcr/first.toml";
    let tape = scratch("real-refused").join("tape.toml").display().to_string();
    assert_eq!(code(&perjury(&["run", first, "--record-tape", &tape])), 0);
    for (words, part) in [
        (&["scenarios/bcr/priorities_decide.toml"][..], "  schedule: what arrives next on sockets"),
        (&[first, "--tape", &tape], "  choice: the answer at '"),
        (&[first, "--set", "limits.steps=9"], "  limits.steps: steps are not counted here; write"),
        (&[first, "--set", "t=21"], "  t: t = 21; take 0 to 20"),
        (&[first, "--log", "sequence"], "--log sequence draws a simulated run; log text"),
        (&[first, "--keep", "src"], "--keep src: there is something already; name a new folder"),
        (&[first, "--record-tape", "x"], "cannot be used with"),
    ] {
        let told = told(words);
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn what_is_kept_is_replayed_and_what_is_not_judged_is_said() {
    let folder = scratch("real-kept").join("kept").display().to_string();
    let file = scratch("real-digest").join("digest.toml").display().to_string();
    let text = fs::read_to_string("scenarios/bcr/nobody_fails.toml").expect("the file is there");
    let digest = format!("digest = \"{}\"\n", "0".repeat(64));
    fs::write(&file, text.replace("[expect]\n", &format!("[expect]\n{digest}")))
        .expect("it can be");
    let told = perjury(&["run", "--real", &file, "--keep", &folder, "--log", "text"]);
    assert_eq!(code(&told), 0, "{}\n{}", out(&told), err(&told));
    assert!(err(&told).contains("not judged on real sockets: expect.digest"), "{}", err(&told));
    assert!(out(&told).contains(" replica 0.2: received shuttle from=replica 0.1 sent="));
    assert!(out(&told).contains(": held\n  ran         bcr, t = 1: 3 replicas, 1 client"));
    let again = perjury(&["replay", &folder]);
    assert_eq!(code(&again), 0, "{}\n{}", out(&again), err(&again));
    assert!(out(&again).ends_with("  replayed    every process as it was recorded\n"));
}

/// Whatever lacks at the end of a recording may be what a judge would have found, or missed.
#[test]
fn what_lacks_the_end_of_a_recording_is_not_decided() {
    let folder = scratch("real-torn").join("kept");
    let kept = folder.display().to_string();
    ran(&["scenarios/bcr/nobody_fails.toml", "--real", "--keep", &kept]);
    for file in ["node-0/olympus", "node-1/client-0", "node-2/replica-0-0"] {
        let path = folder.join(format!("{file}.000000.rec"));
        let whole = fs::read(&path).expect("it was recorded");
        for lacks in [1, whole.len() / 16, whole.len() / 8, whole.len() / 4] {
            fs::write(&path, &whole[..whole.len() - lacks]).expect("it can be written");
            let told = perjury(&["replay", &kept]);
            assert_eq!(code(&told), 3, "{file} without {lacks} bytes: {}", out(&told));
        }
        fs::write(&path, &whole).expect("it can be written");
    }
    assert_eq!(code(&perjury(&["replay", &kept])), 0);
}

/// A run on sockets that lasts for a while: its head sleeps.
struct Lasting {
    child: Child,
    nodes: Vec<String>,
}

impl Lasting {
    fn start(name: &str) -> Lasting {
        let folder = scratch(name);
        let file = folder.join("sleeper.toml");
        let text = "protocol = \"bcr\"\n[[client]]\nworkload = \"put('k','v')\"\n[[fault]]\n\
                    replica = 1\nwhen = \"shuttle(0,0)\"\nthen = \"sleep(600000)\"\n";
        fs::write(&file, text).expect("it can be written");
        let child = program()
            .args(["run", "--real"])
            .arg(&file)
            .env("TMPDIR", &folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lasting = Lasting { child, nodes: Vec::new() };
        // Olympus, the client, three replicas; they record once they play.
        until("the nodes record", || {
            lasting.nodes = children(lasting.child.id());
            lasting.nodes.len() == 5 && records(&folder) == 5
        });
        lasting
    }

    /// Waits for its end: exit code and complaints.
    fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("it ends");
        let mut complaints = String::new();
        let mut errors = self.child.stderr.take().expect("it is piped");
        errors.read_to_string(&mut complaints).expect("it is text");
        until("its nodes end too", || self.nodes.iter().all(|node| is_gone(node)));
        (status.code(), complaints)
    }
}

/// How many programs have begun to record below a folder.
fn records(folder: &Path) -> usize {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let runs = entries(folder).filter(|entry| entry.path().is_dir());
    let nodes = runs.flat_map(|run| entries(&run.path()).collect::<Vec<_>>());
    nodes.filter(|node| entries(&node.path()).any(|file| file.path().extension().is_some())).count()
}

fn children(id: u32) -> Vec<String> {
    let told = Command::new("ps").args(["-o", "pid=", "--ppid", &id.to_string()]).output();
    let told = told.expect("there is ps");
    out(&told).split_whitespace().map(str::to_owned).collect()
}

fn is_gone(id: &str) -> bool {
    let told = Command::new("ps").args(["-o", "stat=", "-p", id]).output().expect("there is ps");
    let state = out(&told);
    state.trim().is_empty() || state.starts_with('Z')
}

fn signal(name: &str, id: &str) {
    assert!(Command::new("kill").args([name, id]).status().expect("there is kill").success());
}

#[expect(clippy::disallowed_methods, reason = "other processes are waited for")]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let often = Duration::from_millis(20);
    for _ in 0..PATIENCE.as_millis() / often.as_millis() {
        if holds() {
            return;
        }
        std::thread::sleep(often);
    }
    panic!("{what}");
}

#[test]
fn a_node_that_is_killed_is_an_error_that_says_so() {
    let lasting = Lasting::start("real-killed-node");
    signal("-KILL", &lasting.nodes[3]);
    let (code, complaints) = lasting.end();
    assert_eq!(code, Some(2), "{complaints}");
    assert!(complaints.contains("has ended in the middle of the run (signal: 9"), "{complaints}");
}

#[test]
fn no_node_outlives_the_one_who_started_it() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real-killed");
    let lasting = Lasting::start("real-killed");
    signal("-KILL", &lasting.child.id().to_string());
    assert_eq!(lasting.end().0, None);
    // It was killed, and could not take its folder away.
    assert_eq!(records(&folder), 5);
    let lasting = Lasting::start("real-stopped");
    signal("-TERM", &lasting.child.id().to_string());
    let (code, complaints) = lasting.end();
    assert_eq!(code, Some(3), "{complaints}");
    assert!(complaints.contains("stopped by a signal before the run was over"), "{complaints}");
    assert_eq!(records(&folder.with_file_name("real-stopped")), 0);
}

#[test]
fn a_signal_ends_a_run_that_is_told_to_nobody() {
    let folder = scratch("real-unread");
    let mut child = program()
        .args(["run", "--real", "scenarios/bcr/chain_of_seven.toml", "--log", "json", "--states"])
        .env("TMPDIR", &folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // It is judged by then, and has more to tell than a pipe takes.
    let mut told = child.stdout.take().expect("it is piped");
    told.read_exact(&mut [0]).expect("it tells something");
    signal("-TERM", &child.id().to_string());
    let status = child.wait().expect("it ends");
    let mut complaints = String::new();
    let mut errors = child.stderr.take().expect("it is piped");
    errors.read_to_string(&mut complaints).expect("it is text");
    assert_eq!(status.code(), Some(3), "{complaints}");
    assert!(complaints.contains("before the judges were done"), "{complaints}");
    assert_eq!(records(&folder), 0);
    drop(told);
}

#[test]
fn a_run_that_cannot_be_recorded_says_why() {
    let file = scratch("real-unrecorded").join("crowd.toml");
    let client = "[[client]]\nworkload = \"get('k')\"\n";
    let crowd = format!("format = 1\nprotocol = \"bcr\"\nt = 1\n{}", client.repeat(100));
    fs::write(&file, crowd).expect("it can be written");
    let told = Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_perjury")])
        .args(["run", "--real"])
        .arg(&file)
        .output()
        .expect("there is sh");
    assert_eq!(code(&told), 2, "{}{}", out(&told), err(&told));
    assert!(err(&told).contains("the recording of client"), "{}", err(&told));
}
