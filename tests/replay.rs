//! What is recorded on real sockets is replayed: in a test of one's own, and by `perjury replay`.

#![cfg(unix)]

mod shell;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use perjury::fault;
use perjury::identity::{Address, Identity};
use perjury::net::{self, Cluster, Notices, Plan, RecordFolder, Recording, User};
use perjury::protocol::bcr::Bcr;
use perjury::scenario::{self, Scenario, Verdict};
use shell::{code, err, out, perjury, program, scratch};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A liar in the first configuration; everybody is asked soon for what lacks.
const SCENARIO: &str = r#"
protocol = "bcr"
t = 1
signatures = "ed25519"
[timeouts]
client = "300ms"
head = "300ms"
nonhead = "300ms"
olympus = "300ms"
[checkpoint]
every = 8
[[client]]
workload = ""
[[client]]
workload = ""
[[fault]]
replica = 1
when = "shuttle(0,3)"
then = "change_result()"
"#;

fn read(text: &str) -> Scenario {
    let reading = scenario::read("test", text.as_bytes(), &Default::default());
    let findings: Vec<String> = reading.diagnostics.iter().map(|found| found.compact()).collect();
    reading.scenario.unwrap_or_else(|| panic!("{}", findings.join("\n")))
}

fn ask(cluster: &Cluster, operations: &[&str]) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be had").block_on(async {
        let mut user = User::connect(cluster.gateway()).await.expect("the gateway listens");
        let mut told = Vec::new();
        for operation in operations {
            let answer = user.ask(*operation, PATIENCE).await.expect("the gateway answers");
            told.push(answer.expect("nothing is refused"));
        }
        told
    })
}

/// Records a cluster with a liar, whose node goes.
fn recorded(folder: &Path) -> Scenario {
    let scenario = read(SCENARIO);
    let lost = Arc::new((Mutex::new(false), Condvar::new()));
    let tell = lost.clone();
    let notices = Notices::to(move |notice| {
        if notice.to_string().contains("lost node 2") {
            *tell.0.lock().expect("nobody fails with it") = true;
            tell.1.notify_all();
        }
    });
    let record = Some(RecordFolder {
        scenario: Some(Arc::new(scenario.clone())),
        segment_bytes: 20_000,
        ..RecordFolder::new(folder)
    });
    let interposers = fault::interposers(&scenario.faults, scenario.seed);
    let mut plan = Plan { record, interposers, notices, clients: 2, ..Plan::new(1) };
    (plan.start, plan.stop) = (PATIENCE, PATIENCE);
    // Nobody but whose node goes is to be thought gone.
    plan.settings = plan.settings.with_timeouts(2_000_000_000);
    plan.settings.checkpoint_interval = 8;
    let mut cluster = Cluster::start(&plan).expect("it starts");
    let first = ["put('k','a')", "append('k','b')", "append('k','c')", "append('k','d')"];
    assert_eq!(ask(&cluster, &first), ["OK"; 4]);
    assert_eq!(ask(&cluster, &["append('k','e')"; 20]), ["OK"; 20]);
    cluster.stop_node(2).expect("it stops");
    let (lost, changed) = &*lost;
    let lost = lost.lock().expect("nobody fails with it");
    let waited = changed.wait_timeout_while(lost, PATIENCE, |lost| !*lost);
    assert!(!waited.expect("nobody fails with it").1.timed_out());
    assert_eq!(ask(&cluster, &["append('k','f')", "slice('k','0:5')", "get('k')"])[2], "abcde");
    cluster.stop().expect("it stops");
    scenario
}

#[test]
fn a_cluster_with_a_liar_whose_node_goes_is_replayed_and_held() {
    let folder = scratch("recorded-cluster");
    let scenario = recorded(&folder);
    let replayed = net::replay(&folder).expect("it can be read");
    assert!(replayed.is_as_recorded(), "{:?}", replayed.partings);
    let report = &replayed.report;
    assert_eq!(report.verdict, Verdict::Held, "{report}");
    assert_eq!(report.answered(), 27);
    assert_eq!(report.dictionary, [("k".to_owned(), "abcde".to_owned())]);
    assert_eq!(report.reconfigurations, 1);
    assert_eq!(report.injections[0].fired, 1);
    assert_eq!(report.faulty, BTreeMap::from([(0, BTreeSet::from([1]))]));
    let linear = report.rulings.iter().find(|ruling| ruling.judge == "linearizability");
    assert_eq!(linear.expect("it is always judged").tested, 27);
    for one in &replayed.processes {
        assert_eq!((one.confirmed, &one.cut), (one.events, &None), "{one:?}");
    }
    let gone = replayed.processes.iter().filter(|one| one.is_gone).map(|one| one.process);
    assert_eq!(gone.collect::<Vec<_>>(), [Address::of(Identity::replica(0, 1))]);
    let again = net::replay(&folder).expect("it can be read");
    assert_eq!(again.report.digest, report.digest, "one recording is one trace");
    // Who does not lie any more does not do what is on record.
    let recording = Recording::open(&folder).expect("it can be read");
    let honest = recording.replay_of::<Bcr>(&scenario, None).expect("it can be read");
    let parting = honest.partings.first().expect("they part");
    assert_eq!(parting.process, Address::of(Identity::replica(0, 1)));
    assert_eq!(parting.told, "shuttle from replica 0.0");
    assert_eq!(parting.recorded, "injected");
    assert!(!honest.is_as_recorded());
    prints_where_they_part(&folder);
}

/// The same from the command line, where the folder says that nobody lies.
fn prints_where_they_part(folder: &Path) {
    let path = folder.join("scenario.toml");
    let text = fs::read_to_string(&path).expect("it was written");
    let honest = text.split("[[fault]]").next().expect("there is something before it");
    let name = folder.display().to_string();
    let told = perjury(&["replay", &name, "--json"]);
    assert_eq!(code(&told), 0, "{}", err(&told));
    let verdict: serde_json::Value = serde_json::from_str(&out(&told)).expect("it is JSON");
    assert_eq!(verdict["verdict"], "held");
    assert_eq!(verdict["partings"], serde_json::json!([]));
    fs::write(&path, honest).expect("it can be written");
    let told = perjury(&["replay", &name]);
    assert_eq!(code(&told), 1, "{}", err(&told));
    let text = out(&told);
    assert!(text.contains("\n  PARTED      replica 0.1, input "), "{text}");
    assert!(text.contains("(shuttle from replica 0.0, at "), "{text}");
    assert!(text.contains("\n  recorded    injected\n  now         "), "{text}");
    assert!(text.ends_with(" from the recording\n"), "{text}");
}

/// A cluster that is served and recorded.
struct Served {
    child: Child,
    gateway: String,
}

impl Served {
    fn start(folder: &Path) -> Served {
        let mut child = program()
            .args(["serve", "--listen", "127.0.0.1:0", "--clients", "3", "--record"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        while !line.starts_with("gateway ") {
            line.clear();
            assert!(lines.read_line(&mut line).expect("it is text") > 0, "it ended too early");
        }
        let gateway = line.split_whitespace().last().expect("an address").to_owned();
        Served { child, gateway }
    }

    fn ask(&self) {
        let told = perjury(&[
            "client",
            "--to",
            &self.gateway,
            "put('movie','star')",
            "append('movie',' wars')",
            "get('movie')",
        ]);
        assert_eq!(
            (code(&told), out(&told).as_str()),
            (0, "OK\nOK\nstar wars\n"),
            "{}",
            err(&told)
        );
    }

    fn end(mut self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("there is kill");
        assert!(sent.success());
        self.child.wait().expect("it ends");
    }
}

fn served(name: &str, signal: &str) -> PathBuf {
    let folder = scratch(name);
    let served = Served::start(&folder);
    served.ask();
    served.end(signal);
    folder
}

#[test]
fn what_was_served_is_replayed_logged_and_drawn() {
    let folder = served("replayed-served", "-TERM");
    let name = folder.display().to_string();
    let told = perjury(&["replay", &name]);
    assert_eq!(code(&told), 0, "{}\n{}", out(&told), err(&told));
    let text = out(&told);
    assert!(text.starts_with(&format!("{name}: held\n")), "{text}");
    assert!(text.contains("\n  dictionary  movie = 'star wars'\n"), "{text}");
    assert!(text.contains("\n  replica 0.1 "), "{text}");
    assert!(text.ends_with("\n  replayed    every process as it was recorded\n"), "{text}");
    let told = perjury(&["replay", &name, "--log", "text"]);
    assert!(out(&told).contains(" replica 0.2: received shuttle from=replica 0.1 sent="));
    let page = folder.join("page.html").display().to_string();
    let told = perjury(&["replay", &name, "--log", "json", "--states", "--view", &page]);
    assert_eq!(code(&told), 0, "{}", err(&told));
    assert!(err(&told).contains("picture: "), "{}", err(&told));
    assert!(fs::read_to_string(&page).expect("it was written").contains("</html>"));
    let log = folder.join("log.jsonl");
    fs::write(&log, out(&told)).expect("it can be written");
    let drawn = folder.join("drawn.html").display().to_string();
    let told = perjury(&["view", &log.display().to_string(), "-o", &drawn]);
    assert_eq!(code(&told), 0, "{}", err(&told));
    assert!(!err(&told).contains("warning"), "{}", err(&told));
    let told = perjury(&["serve", "--listen", "127.0.0.1:0", "--record", &name]);
    assert_eq!(code(&told), 2);
    assert!(err(&told).contains("name another folder"), "{}", err(&told));
}

#[test]
fn what_a_killed_program_recorded_is_replayed() {
    let folder = served("replayed-killed", "-KILL");
    let told = perjury(&["replay", &folder.display().to_string()]);
    assert_eq!(code(&told), 0, "{}\n{}", out(&told), err(&told));
    let text = out(&told);
    assert!(text.contains("\n  client 0    3 of 3 answered: 'OK' 'OK' 'star wars'\n"), "{text}");
    assert!(text.contains("its end is not on record: no digest tells its last "), "{text}");
    assert!(text.ends_with("\n  replayed    every process as it was recorded\n"), "{text}");
    assert!(!text.contains("went on after its recording ended"), "{text}");
    // A program that could record no more left word of that.
    fs::write(folder.join("replica-0-1.broken-off"), "").expect("it can be written");
    let told = perjury(&["replay", &folder.display().to_string()]);
    assert_eq!(code(&told), 3, "{}\n{}", out(&told), err(&told));
    let text = out(&told);
    assert!(text.contains("undecided"), "{text}");
    let remedy = "it went on after its recording ended: copy all of its files, or make room";
    assert_eq!(text.matches(remedy).count(), 1, "{text}");
}

#[test]
fn what_cannot_be_replayed_is_said_with_a_remedy() {
    let folder = scratch("replayed-refused");
    let name = folder.display().to_string();
    let refused = |words: &[&str]| {
        let told = perjury(&[&["replay"], words].concat());
        assert_eq!(code(&told), 2, "{}", out(&told));
        err(&told)
    };
    assert!(refused(&[&name]).contains("perjury serve --record"));
    assert!(refused(&[&name, "--states"]).contains("say --log json too"));
    assert!(refused(&[&name, "--view", "-"]).contains("name a file"));
    let pipes = ["client-0.000000.rec", "scenario.toml", "end.json"].map(|one| folder.join(one));
    let made = Command::new("mkfifo").args(pipes).status().expect("there is mkfifo");
    assert!(made.success());
    assert!(refused(&[&name]).contains("no recording is here"), "nobody writes into a pipe");
    fs::write(folder.join("olympus.000000.rec"), "{\"format\":2}\n").expect("it can be written");
    assert!(refused(&[&name]).contains("a recording of format 2, and this program reads format 1"));
}
