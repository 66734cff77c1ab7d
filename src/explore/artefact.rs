//! What is kept of a finding: a scenario file that says what broke, a test, a picture.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::judge::Finding;
use crate::run::Report;
use crate::scenario::{self, Protocol, Scenario};
use crate::time::Instant;

use super::slice::Slice;

/// A finding, ready to be written to files.
#[derive(Clone, Debug)]
pub struct Artefact {
    /// A name that tells it from others: the judge, and a digest of the scenario.
    pub name: String,
    /// The scenario, with a first comment on what breaks.
    pub toml: String,
    /// A test that fails until the scenario holds.
    pub rust: String,
    /// What led to the violation, as a sequence diagram for Mermaid.
    pub mermaid: String,
}

impl Artefact {
    /// The files of a broken scenario, about what this judge found, or about what was broken first
    /// if nobody is named; none if nothing is broken in it.
    #[must_use]
    pub fn of(scenario: &Scenario, judge: Option<&str>) -> Option<Artefact> {
        let (report, finding, slice) = Slice::of_run(scenario, judge).ok()??;
        Some(Artefact::of_slice(scenario, &report, &finding, &slice))
    }

    /// The files of a broken scenario, whose run came to this.
    #[must_use]
    pub fn of_slice(
        scenario: &Scenario,
        report: &Report,
        finding: &Finding,
        slice: &Slice,
    ) -> Artefact {
        let digest = format!("{:#}", report.digest);
        let name = format!("{}-{}", finding.judge.replace([' ', '_'], "-"), &digest[..8]);
        let description = description(&scenario.protocol, &name, report, finding, slice);
        let told = Scenario { description, ..scenario.clone() };
        let toml = scenario::to_toml(&told);
        let rust = test(&scenario.protocol, &name, report, finding, &toml);
        Artefact { name, rust, mermaid: slice.to_mermaid(), toml }
    }
}

impl Artefact {
    /// Writes it to a folder, which is made if it is not there; returns the path of the scenario.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write_to(&self, folder: &Path) -> io::Result<PathBuf> {
        let path = |ending: &str| folder.join(format!("{}.{ending}", self.name));
        fs::create_dir_all(folder)?;
        fs::write(path("toml"), &self.toml)?;
        fs::write(path("rs"), &self.rust)?;
        fs::write(path("mmd"), &self.mermaid)?;
        Ok(path("toml"))
    }
}

/// What breaks, and how to see it.
fn description(
    protocol: &Protocol,
    name: &str,
    report: &Report,
    finding: &Finding,
    slice: &Slice,
) -> String {
    let beyond = match report.is_beyond_tolerance() {
        true => " More replicas fail than the protocol bears.",
        false => "",
    };
    let at = Instant(finding.at_ns);
    let before = match report.first_broken() {
        Some(first) if first.judge != finding.judge => format!(
            " Before it, in event {}, fault is found by {}: to have this one explained or made \
             small, give --judge {}.",
            first.event,
            first.judge,
            finding.judge.replace([' ', '_'], "-")
        ),
        _ => String::new(),
    };
    let text = format!(
        "Broken: {}: {}.{beyond} It shows in event {} of {}, at {at}; {} events led to it.{before}",
        finding.judge,
        finding.text,
        finding.event,
        report.events,
        slice.lines.len()
    );
    let again = match protocol {
        Protocol::Own(own) => format!("Again: read it with ReadOptions::own, for {}", own.name),
        _ => format!("Again: perjury run {name}.toml"),
    };
    format!("{}\n\n{again}", wrapped(&text, 96))
}

/// A test that runs the scenario and says what is wrong.
fn test(protocol: &Protocol, name: &str, report: &Report, finding: &Finding, toml: &str) -> String {
    let function = name.replace('-', "_");
    let mut hashes = String::from("#");
    while toml.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    let mut text = String::new();
    let bears = match report.is_beyond_tolerance() {
        true => "report.first_broken().is_none()",
        false => "report.verdict == perjury::scenario::Verdict::Held",
    };
    let judge = finding.judge;
    let (options, given) = match protocol {
        Protocol::Own(own) => (
            "&options",
            format!(
                "// A value that implements `perjury::run::Cluster`, by which this was found.\n    \
                 let own = vec![perjury::run::own({}())];\n    \
                 let options = perjury::scenario::ReadOptions {{ own, \
                     ..Default::default() }};\n    ",
                own.name
            ),
        ),
        _ => ("&Default::default()", String::new()),
    };
    let write = writeln!(
        text,
        "/// Found by fuzzing: {judge}.\n\
         #[test]\n\
         fn {function}() {{\n    \
             {given}let text = r{hashes}\"{toml}\"{hashes};\n    \
             let reading = perjury::scenario::read(\"{name}\", text.as_bytes(), \
                 {options});\n    \
             let scenario = reading.scenario.expect(\"it is a scenario\");\n    \
             let report = perjury::run::run(&scenario).expect(\"it can be run\");\n    \
             assert!({bears}, \"{{report}}\");\n\
         }}"
    );
    write.expect("a string takes all that is written");
    text
}

/// Lines of at most so many characters, if the words allow.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let length = lines[last].chars().count();
        if length > 0 && length + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            let gap = if length == 0 { "" } else { " " };
            lines[last].push_str(&format!("{gap}{word}"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> Scenario {
        let text = include_str!("../../scenarios/bcr/accepted_operation_lost_under_quorum.toml");
        let reading = scenario::read("lost", text.as_bytes(), &Default::default());
        let mut scenario = reading.scenario.expect("it is in the folder of good scenarios");
        scenario.expect = Default::default();
        scenario
    }

    #[test]
    fn a_finding_is_a_scenario_that_says_what_breaks() {
        let artefact = Artefact::of(&lost(), None).unwrap();
        assert!(artefact.toml.starts_with("# Broken: "), "{}", artefact.toml);
        assert!(artefact.toml.contains(&format!("# Again: perjury run {}.toml", artefact.name)));
        let reading = scenario::read("again", artefact.toml.as_bytes(), &Default::default());
        let again = reading.scenario.expect("what is written can be read");
        assert_eq!(
            Scenario { description: String::new(), ..again.clone() },
            Scenario { description: String::new(), ..lost() }
        );
        assert!(crate::run::run(&again).unwrap().first_broken().is_some());
    }

    #[test]
    fn a_finding_is_a_test_and_a_picture() {
        let artefact = Artefact::of(&lost(), None).unwrap();
        let function = format!("fn {}()", artefact.name.replace('-', "_"));
        assert!(artefact.rust.contains(&function), "{}", artefact.rust);
        assert!(artefact.rust.contains(&artefact.toml));
        assert!(artefact.mermaid.contains("FAULT shuttle(0,0), early_reply()"));
    }

    #[test]
    fn a_finding_that_is_not_the_first_says_so() {
        let report = crate::run::run(&lost()).unwrap();
        let findings = || report.rulings.iter().filter_map(|ruling| ruling.finding.as_ref());
        let first = report.first_broken().expect("it breaks").judge;
        let other = findings().find(|one| one.judge != first).expect("others find fault too");
        let toml = Artefact::of(&lost(), Some(other.judge)).unwrap().toml.replace("\n# ", " ");
        let told = format!(
            "fault is found by {first}: to have this one explained or made small, give --judge {}.",
            other.judge.replace(' ', "-")
        );
        assert!(toml.contains(&told), "{toml}");
        assert!(!Artefact::of(&lost(), None).unwrap().toml.contains("--judge"));
    }

    #[test]
    fn what_holds_is_no_finding() {
        let text = include_str!("../../scenarios/bcr/first.toml");
        let reading = scenario::read("first", text.as_bytes(), &Default::default());
        assert!(Artefact::of(&reading.scenario.unwrap(), None).is_none());
    }

    #[test]
    fn long_texts_are_wrapped_between_words() {
        assert_eq!(wrapped("one two  three", 7), "one two\nthree");
        assert_eq!(wrapped("incomprehensible", 3), "incomprehensible");
    }
}
