//! The house rules, carried out. What a reader may rely on everywhere is checked here on every
//! line.
//!
//! The rules are about text, so they are checked on text: a line is judged with its strings and
//! comments as they stand, except where a rule says otherwise.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest line, in characters.
const LONGEST_LINE: usize = 100;
/// Longest function, in lines, from its signature to its closing brace.
const LONGEST_FUNCTION: usize = 70;
/// Most functions are shorter than this: nine out of ten.
const USUAL_FUNCTION: usize = 30;

/// Rooms whose code must be a function of its inputs.
const PURE_ROOMS: [&str; 11] = [
    "src/process.rs",
    "src/choice.rs",
    "src/time.rs",
    "src/identity.rs",
    "src/wire.rs",
    "src/crypto/",
    "src/object/",
    "src/protocol/",
    "src/fault/",
    "src/sim/",
    "src/trace/",
];

/// What would make a run depend on something else than scenario and seed.
const IMPURE: [&str; 9] = [
    "HashMap",
    "HashSet",
    "std::time::",
    "std::thread",
    "std::net",
    "std::fs",
    "std::env",
    "thread_rng",
    "getrandom",
];

/// What nobody may leave behind, anywhere.
const LEFT_BEHIND: [&str; 6] = ["todo!(", "unimplemented!(", "dbg!(", "FIXME", "XXX", "#[ignore"];

struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The text without what is there for tests alone: those lines are empty, so that the others
    /// keep their numbers.
    fn without_tests(&self) -> String {
        let mut kept = String::new();
        let mut cut = Cut::Nothing;
        for line in self.text.lines() {
            let before = cut;
            cut = cut.after(line);
            if before == Cut::Nothing && cut == Cut::Nothing {
                kept.push_str(line);
            }
            kept.push('\n');
        }
        kept
    }
}

/// What is being left out of a source. Relies on rustfmt's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Nothing,
    /// The item that follows an attribute.
    Item,
    /// An item up to the brace that closes it, so many columns from the left.
    Block(usize),
}

impl Cut {
    /// The state behind this line.
    fn after(self, line: &str) -> Cut {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        match self {
            Cut::Nothing if text.starts_with("#[cfg(") && text.contains("test") => Cut::Item,
            Cut::Nothing => Cut::Nothing,
            Cut::Item if text.starts_with("#[") || is_comment(line) => Cut::Item,
            Cut::Item if text.ends_with(['{', '(']) => Cut::Block(indent),
            Cut::Item if text.ends_with([';', '}', ',']) => Cut::Nothing,
            Cut::Item => Cut::Item,
            Cut::Block(column) if indent == column && text.starts_with(['}', ')']) => {
                // The brackets of a signature are followed by its body.
                if text.ends_with('{') { Cut::Block(column) } else { Cut::Nothing }
            }
            Cut::Block(column) => Cut::Block(column),
        }
    }
}

#[test]
fn what_is_for_tests_alone_is_left_out_and_nothing_else() {
    let text = "a;\n#[cfg(test)]\nmod tests;\nb;\n    #[cfg(test)]\n    #[x]\n    fn f(\n        \
                c: u8,\n    ) {\n        d;\n    }\ne;\n#[cfg(test)]\nfn g() {}\n\
                #[cfg(test)]\nmod h {\n    i;\n}\nj;\n";
    let source = Source { path: String::new(), text: text.to_owned() };
    let without = source.without_tests();
    assert_eq!(without.split_whitespace().collect::<Vec<_>>(), ["a;", "b;", "e;", "j;"]);
    assert_eq!(without.lines().count(), text.lines().count());
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below these folders, with paths from the root.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        gather(&root().join(folder), &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no sources below {folders:?}");
    found
}

fn gather(folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            let below = path.strip_prefix(root()).expect("it lies below the root");
            found.push(Source { path: below.to_string_lossy().into_owned(), text });
        }
    }
}

/// Fails with all offences at once.
fn none(what: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{what}:\n{}", offences.join("\n"));
}

/// Lines that contain one of the words, as `path:line: text`.
fn lines_with(path: &str, text: &str, words: &[&str]) -> Vec<String> {
    let offends = |line: &str| words.iter().any(|word| line.contains(word));
    let lines = text.lines().enumerate().filter(|(_, line)| offends(line));
    lines.map(|(i, line)| format!("{path}:{}: {}", i + 1, line.trim())).collect()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[test]
fn lines_are_short() {
    let long = |source: &Source| {
        let lines = source.text.lines().enumerate();
        let long = lines.filter(|(_, line)| line.chars().count() > LONGEST_LINE);
        long.map(|(i, _)| format!("{}:{}", source.path, i + 1)).collect::<Vec<_>>()
    };
    let all = sources(&["src", "tests", "benches"]);
    none("lines over 100 characters", all.iter().flat_map(long).collect());
}

#[test]
fn every_module_begins_with_what_it_is() {
    let mute = |source: &&Source| !source.text.starts_with("//!");
    let all = sources(&["src", "tests", "benches"]);
    none(
        "modules without a first comment",
        all.iter().filter(mute).map(|s| s.path.clone()).collect(),
    );
}

#[test]
fn nothing_is_left_behind() {
    let all = sources(&["src", "tests", "benches"]);
    let others = all.iter().filter(|source| source.path != "tests/tidy.rs");
    let found = others.flat_map(|s| lines_with(&s.path, &s.text, &LEFT_BEHIND));
    none("left behind", found.collect());
}

#[test]
fn pure_rooms_stay_pure() {
    let all = sources(&["src"]);
    let pure = all.iter().filter(|s| PURE_ROOMS.iter().any(|room| s.path.starts_with(room)));
    let offences = pure.flat_map(|source| {
        let code: String = source
            .without_tests()
            .lines()
            .map(|l| if is_comment(l) { "\n" } else { l }.to_owned() + "\n")
            .collect();
        lines_with(&source.path, &code, &IMPURE)
    });
    none(
        "order, clock or machine where the run must be a function of scenario and seed",
        offences.collect(),
    );
}

#[test]
fn pure_rooms_have_no_floats() {
    let all = sources(&["src"]);
    let pure = all.iter().filter(|s| PURE_ROOMS.iter().any(|room| s.path.starts_with(room)));
    let offences = pure.flat_map(|source| {
        let code = source.without_tests();
        let words = [": f64", ": f32", "as f64", "as f32", "<f64>", "<f32>"];
        let found = lines_with(&source.path, &code, &words);
        // A serializer has functions for them, whether anybody calls them or not.
        found.into_iter().filter(|line| !line.contains("fn serialize_f")).collect::<Vec<_>>()
    });
    none("floats, whose last bit differs between machines", offences.collect());
}

#[test]
fn the_library_neither_unwraps_nor_prints() {
    let all = sources(&["src"]);
    let words = [".unwrap()", "println!(", "eprintln!(", "print!(", "eprint!(", "process::exit"];
    let offences = all.iter().filter(|s| !s.path.contains("tests")).flat_map(|source| {
        let found = lines_with(&source.path, &source.without_tests(), &words);
        found.into_iter().filter(|line| !line.contains(": //")).collect::<Vec<_>>()
    });
    none("unwraps and prints", offences.collect());
}

#[test]
fn protocols_import_no_runtime_and_no_fault() {
    let all = sources(&["src/protocol"]);
    let words = ["crate::sim", "crate::scenario", "crate::fault", "crate::net", "crate::trace"];
    let offences = all
        .iter()
        .filter(|s| !s.path.ends_with("adversary.rs"))
        .flat_map(|source| lines_with(&source.path, &source.without_tests(), &words));
    none("imports upwards", offences.collect());
}

/// The functions of a source: name and number of lines. Relies on rustfmt's layout.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().take(6).collect();
        let Some(place) = words.iter().position(|word| *word == "fn") else {
            continue;
        };
        // A function that a macro makes has a name of its own in each place.
        let is_pattern = words.get(place + 1).is_some_and(|name| name.starts_with('$'));
        if is_comment(line) || is_pattern || place > 4 || line.trim_end().ends_with(';') {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(indent));
        let length = lines[i..].iter().position(|line| *line == closing);
        let one_liner = line.trim_end().ends_with('}');
        let length = if one_liner { 1 } else { length.map_or(1, |length| length + 1) };
        let name = words.get(place + 1).copied().unwrap_or_default();
        found.push((name.split('(').next().unwrap_or_default().to_owned(), length));
    }
    found
}

#[test]
fn functions_are_short() {
    let all = sources(&["src"]);
    let mut lengths = Vec::new();
    let mut offences = Vec::new();
    for source in &all {
        for (name, length) in functions(&source.text) {
            lengths.push(length);
            if length > LONGEST_FUNCTION {
                offences.push(format!("{}: fn {name} has {length} lines", source.path));
            }
        }
    }
    none("functions over 70 lines", offences);
    let usual = lengths.iter().filter(|length| **length <= USUAL_FUNCTION).count();
    assert!(usual * 10 >= lengths.len() * 9, "only {usual} of {} are short", lengths.len());
}

#[test]
fn every_scenario_says_first_what_it_shows() {
    let folder = root().join("scenarios");
    let mut mute = Vec::new();
    let mut count = 0;
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "toml") {
                count += 1;
                let text = fs::read_to_string(&path).expect("a scenario is text");
                if !text.starts_with("# ") {
                    mute.push(path.display().to_string());
                }
            }
        }
    }
    none("scenarios without a first comment", mute);
    assert!(count > 0, "no scenarios at all");
}

#[test]
fn the_project_speaks_of_itself_alone() {
    let folders = ["/wo", "rk/"].concat();
    let scratch = ["/t", "mp/"].concat();
    let all = sources(&["src", "tests", "benches"]);
    let words = [folders.as_str(), scratch.as_str(), "crates.io", "pypi.org", "debian.org"];
    let offences = all.iter().flat_map(|s| lines_with(&s.path, &s.text, &words));
    let others = offences.filter(|line| !line.starts_with("tests/tidy.rs"));
    none("machines and hosts", others.collect());
}
