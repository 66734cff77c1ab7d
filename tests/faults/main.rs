//! Failures, one by one: what sets them off, what they do, what the log says of them. Runs are made
//! twice, with ideal and with real signatures, and must be the same run.

mod counting;
mod failures;
mod liars;
mod reports;
mod storms;
mod sweep;

use perjury::judge::Outcome;
use perjury::run::{self, Report};
use perjury::scenario;
use perjury::trace::Line;

/// A scenario: a chain that bears `t` faulty replicas, its clients, and who fails when and how.
#[derive(Clone)]
struct Play {
    t: u32,
    seed: u64,
    checkpoint: u64,
    accept: &'static str,
    clients: Vec<String>,
    faults: Vec<(String, String, String)>,
    more: String,
}

/// Replica, trigger, failures.
type Pair<'a> = (&'a str, &'a str, &'a str);

/// Three replicas; one client that puts, appends and gets.
fn play(faults: &[Pair<'_>]) -> Play {
    Play {
        t: 1,
        seed: 0,
        checkpoint: 0,
        accept: "chain",
        clients: vec!["put('k','v'); append('k','w'); get('k')".to_owned()],
        faults: faults
            .iter()
            .map(|(who, when, then)| (who.to_string(), when.to_string(), then.to_string()))
            .collect(),
        more: String::new(),
    }
}

impl Play {
    fn text(&self, signatures: &str) -> String {
        let Play { t, seed, accept, more, .. } = self;
        let mut text = format!(
            "format = 1\nprotocol = \"bcr\"\nt = {t}\nseed = {seed}\naccept = \"{accept}\"\n\
             signatures = \"{signatures}\"\n"
        );
        if self.checkpoint > 0 {
            text += &format!("[checkpoint]\nevery = {}\n", self.checkpoint);
        }
        for client in &self.clients {
            text += &format!("[[client]]\nworkload = \"{client}\"\n");
        }
        for (who, when, then) in &self.faults {
            let (configuration, replica) = who.split_once('.').expect("a place");
            text += &format!(
                "[[fault]]\nconfiguration = {configuration}\nreplica = {replica}\n\
                 when = \"{when}\"\nthen = \"{then}\"\n"
            );
        }
        text + more
    }

    fn run(&self) -> Run {
        let ideal = self.run_with("ideal");
        let real = self.run_with("ed25519");
        assert_eq!(ideal.report.digest, real.report.digest, "schemes differ");
        ideal
    }

    fn run_with(&self, signatures: &str) -> Run {
        let text = self.text(signatures);
        let reading = scenario::read("play", text.as_bytes(), &Default::default());
        let said: Vec<String> = reading.diagnostics.iter().map(|found| found.compact()).collect();
        let scenario = reading.scenario.unwrap_or_else(|| panic!("{said:?}\n{text}"));
        let mut lines = Vec::new();
        let mut log = |line: Line| lines.push(line);
        let report = run::run_logged(&scenario, Some(&mut log)).expect("it can be run");
        Run { report, lines }
    }
}

/// A run with its log.
struct Run {
    report: Report,
    lines: Vec<Line>,
}

impl Run {
    /// The events of one sort at one process, as text.
    fn at(&self, process: &str, event: &str, kind: &str) -> Vec<String> {
        let fits = |line: &&Line| {
            line.process.to_string() == process
                && line.event == event
                && (kind.is_empty() || line.kind == Some(kind))
        };
        self.lines.iter().filter(fits).map(ToString::to_string).collect()
    }

    fn sent(&self, process: &str, kind: &str) -> Vec<String> {
        self.at(process, "sent", kind)
    }

    fn received(&self, process: &str, kind: &str) -> Vec<String> {
        self.at(process, "received", kind)
    }

    fn noted(&self, process: &str, kind: &str) -> Vec<String> {
        self.at(process, "noted", kind)
    }

    /// Events of one sort, each as `process: what`.
    fn told(&self, event: &str) -> Vec<String> {
        let lines = self.lines.iter().filter(|line| line.event == event);
        lines
            .map(|line| {
                let what = line.fields.iter().find(|(name, _)| *name == "what");
                let what = what.map_or(String::new(), |(_, what)| what.to_string());
                format!("{}: {what}", line.process)
            })
            .collect()
    }

    fn injected(&self) -> Vec<String> {
        self.told("injected")
    }

    /// The event that the first injection follows from, as text.
    fn cause_of_injection(&self) -> String {
        let injected = self.lines.iter().find(|line| line.event == "injected");
        let cause = injected.expect("something is injected").cause;
        self.lines[cause as usize - 1].to_string()
    }

    fn results(&self, client: usize) -> &[String] {
        &self.report.clients[client].results
    }

    fn outcome(&self, pair: &str) -> &Outcome {
        let mut outcomes = self.report.injections.iter();
        outcomes.find(|outcome| outcome.pair.to_string() == pair).expect("a pair")
    }

    /// Everything held, with this many reconfigurations, and the client was told right.
    fn held(self, reconfigurations: u64) -> Run {
        let report = &self.report;
        assert_eq!(report.verdict, scenario::Verdict::Held, "{report}");
        assert_eq!(report.reconfigurations, reconfigurations, "{report}");
        assert_eq!(self.results(0), ["OK", "OK", "vw"]);
        self
    }
}

/// How often a text stands in another.
fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}
