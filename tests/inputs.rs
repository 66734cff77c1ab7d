//! Whatever bytes come in, nobody panics, and what is read is what was meant.
//!
//! Inputs begin as something valid and are spoilt in a few places: pieces of other inputs, words
//! and signs that mean something, numbers too great, bytes that are no text. The usual number of
//! cases is small; `PROPTEST_CASES=2500000 cargo test --release --test inputs` makes ten million.
//! What fails is kept in a file beside this one and tried first from then on.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{fmt, fs};

use perjury::crypto::Notary;
use perjury::explore::record::Record;
use perjury::explore::{Campaign, Shape, Shard, Walk};
use perjury::judge::Judged;
use perjury::object::{Dictionary, Operation};
use perjury::protocol::bcr::Message;
use perjury::run::{self, Visitor};
use perjury::scenario::{self, ReadOptions, Scenario};
use perjury::sim::World;
use perjury::trace::{Event, Watch, What};
use perjury::{process, syntax, wire};
use proptest::prelude::*;
use proptest::sample::Index;

/// What parts of campaigns say of themselves, and ways through small worlds.
static RECORDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let base = scenario::read(
        "base",
        b"protocol = \"bcr\"\nquirk = \"small_quorum\"",
        &ReadOptions::default(),
    );
    let shape = Shape::around(base.scenario.expect("it is a scenario")).requests(2, 3);
    let part = |index| {
        let shard = Shard { index, count: 2 };
        let campaign =
            Campaign { shape: shape.clone(), seed: 1, runs: 30, shard, stop_after: None };
        Record::of(&campaign, "bcr", campaign.run(&mut |_| true)).to_lines().into_bytes()
    };
    let ways = ["", "3", "0x3.2.1x2", "1.0.1"].map(|way| way.as_bytes().to_vec());
    [part(0), part(1)].into_iter().chain(ways).collect()
});

/// The course format, with everything that it can say.
const COURSE: &[&str] = &[
    "test_case_name = one\nt = 1\nnum_client = 2\nclient_timeout = 3000\nhead_timeout = 3000\n\
     nonhead_timeout = 3000\ncheckpt_interval = 2\nworkload[0] = pseudorandom(233,5)\n\
     workload[1] = put('movie','star'); append('movie',' wars'); slice('movie','1:3')\n\
     failures[0,1] = client_request(0,1), change_operation(); shuttle(0,2), drop()\n\
     failures[1,0] = wedge_request(0), truncate_history(2)\n",
    "# nothing fails\nt=0\nnum_client=1\nworkload[0]=get('a')\n",
];

/// Words and signs that mean something to some reader.
const WORDS: &[&str] = &[
    "=",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "'",
    "\"",
    "\"\"\"",
    "\\",
    "\\u{0}",
    "(",
    ")",
    ",",
    ";",
    ":",
    "#",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{feff}",
    "é",
    "🦀",
    "-",
    "-1",
    "0",
    "1",
    "1e9",
    "0x10",
    "nan",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999s",
    "1ms",
    "1h",
    "..",
    "0..0",
    "true",
    "t",
    "seed",
    "client",
    "fault",
    "when",
    "then",
    "network",
    "latency",
    "loss",
    "expect",
    "crash()",
    "sleep(1)",
    "shuttle(0,0)",
    "put('k','v')",
    "get('k')",
    "pseudorandom(1,2)",
    "reconfig",
    "workload[0]",
    "failures[0,0]",
    "replica 0",
    "olympus",
    "clients",
    "protocol",
    "format",
];

/// One way to spoil an input.
#[derive(Clone, Debug)]
enum Edit {
    /// Takes a piece out.
    Cut(Index, Index),
    /// Says a piece twice.
    Double(Index, Index),
    /// Puts a word in.
    Word(Index, Index),
    /// Puts a piece of another input in.
    Graft(Index, Index, Index, Index),
    /// Replaces a byte.
    Byte(Index, u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<Index>;
    prop_oneof![
        1 => (index(), index()).prop_map(|(from, to)| Edit::Cut(from, to)),
        1 => (index(), index()).prop_map(|(from, to)| Edit::Double(from, to)),
        4 => (index(), index()).prop_map(|(at, word)| Edit::Word(at, word)),
        1 => (index(), [index(), index(), index()])
            .prop_map(|(at, [of, from, to])| Edit::Graft(at, of, from, to)),
        2 => (index(), any::<u8>()).prop_map(|(at, byte)| Edit::Byte(at, byte)),
    ]
}

/// Part of an input, seldom long.
fn piece(input: &[u8], from: Index, to: Index) -> std::ops::Range<usize> {
    let start = from.index(input.len() + 1);
    let most = (input.len() - start).min(1 << to.index(9));
    start..start + to.index(most + 1)
}

impl Edit {
    fn spoil(&self, input: &mut Vec<u8>, all: &[Vec<u8>]) {
        let put = |input: &mut Vec<u8>, at: Index, piece: &[u8]| {
            let at = at.index(input.len() + 1);
            input.splice(at..at, piece.iter().copied());
        };
        match self {
            Edit::Cut(from, to) => drop(input.drain(piece(input, *from, *to))),
            Edit::Double(from, to) => {
                let range = piece(input, *from, *to);
                let again = input[range.clone()].to_vec();
                input.splice(range.end..range.end, again);
            }
            Edit::Word(at, word) => put(input, *at, word.get(WORDS).as_bytes()),
            Edit::Graft(at, of, from, to) => {
                let other = of.get(all);
                put(input, *at, &other[piece(other, *from, *to)]);
            }
            Edit::Byte(at, byte) if !input.is_empty() => {
                let at = at.index(input.len());
                input[at] = *byte;
            }
            Edit::Byte(..) => input.push(0),
        }
    }
}

/// Bytes that are mostly text.
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// One of these inputs, spoilt in some places or in none.
fn spoilt(all: &'static [Vec<u8>]) -> impl Strategy<Value = Input> {
    (any::<Index>(), proptest::collection::vec(edit(), 0..6)).prop_map(|(which, edits)| {
        let mut input = which.get(all).clone();
        edits.iter().for_each(|edit| edit.spoil(&mut input, all));
        Input(input)
    })
}

static SCENARIOS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    let read = |path: PathBuf| fs::read(path).expect("it can be read");
    let course = COURSE.iter().map(|text| text.as_bytes().to_vec());
    let template = scenario::template("bcr").expect("there is one").as_bytes().to_vec();
    files.into_iter().map(read).chain(course).chain([template]).collect()
});

static CALLS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let texts = [
        "put('movie','star'); append('movie',' wars'); get('movie')",
        r"put('it\'s','a \\ \n\u{1F980}');slice('it\'s','1:3')",
        "shuttle(0,1), change_result(); shuttle(0,1), drop_result_stmt()",
        "pseudorandom(233, 5); reconfig",
    ];
    texts.map(|text| text.as_bytes().to_vec()).into()
});

/// Keeps what is sent, as it would go over the wire.
#[derive(Default)]
struct Sent(Vec<Vec<u8>>);

impl<P: process::Protocol> Watch<P> for Sent {
    fn see(&mut self, event: &Event<'_, P>, _: &Notary) {
        if let What::Sent { message, .. } = &event.what {
            self.0.push(wire::encode(*message));
        }
    }
}

impl Visitor for Sent {
    type Outcome = Vec<Vec<u8>>;

    fn visit<P: Judged>(mut self, _: &Scenario, mut world: World<P>) -> Vec<Vec<u8>> {
        world.run(&mut self);
        self.0
    }
}

static MESSAGES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let text = "protocol = \"bcr\"\n[checkpoint]\nevery = 2\n[[client]]\n\
                workload = \"put('k','v'); append('k','w'); get('k')\"\n[[fault]]\n\
                configuration = 0\nreplica = 2\nwhen = \"shuttle(0,1)\"\n\
                then = \"change_result()\"\n";
    let reading = scenario::read("messages", text.as_bytes(), &ReadOptions::default());
    let scenario = reading.scenario.expect("it is a scenario");
    let mut sent = run::visit(&scenario, Sent::default()).expect("it runs");
    sent.dedup();
    sent
});

/// The largest message that is decoded.
const MOST: usize = 1 << 20;

proptest! {
    /// Both forms of a scenario, strictly and leniently. What is read is written, and read again as
    /// the same; what is not is told, in words that can be shown.
    #[test]
    fn scenarios(input in spoilt(&SCENARIOS), lenient: bool, one: bool, seconds: bool) {
        let options = ReadOptions {
            lenient,
            counter_base_one: one,
            time_unit_seconds: seconds,
            ..ReadOptions::default()
        };
        let reading = scenario::read("input", &input.0, &options);
        for diagnosis in &reading.diagnostics {
            prop_assert!(!diagnosis.compact().is_empty());
        }
        match reading.scenario {
            None => prop_assert!(!reading.diagnostics.is_empty(), "a refusal says why"),
            Some(read) => {
                let text = scenario::to_toml(&read);
                let again = scenario::read("again", text.as_bytes(), &ReadOptions::default());
                prop_assert_eq!(again.scenario.as_ref(), Some(&read), "{}", text);
            }
        }
    }

    /// Calls, and the operations among them: printer and parser are inverse.
    #[test]
    fn calls(input in spoilt(&CALLS)) {
        let text = String::from_utf8_lossy(&input.0);
        for entry in syntax::list(&text).into_iter().flatten() {
            for call in &entry.calls {
                if let Ok(operation) = Operation::from_parts(&call.name, &call.texts()) {
                    let printed = operation.to_string();
                    let again = syntax::call(&printed).map_err(|wrong| wrong.message);
                    let again = again.map(|call| Operation::from_parts(&call.name, &call.texts()));
                    prop_assert_eq!(again, Ok(Ok(operation)), "{}", printed);
                }
            }
        }
    }

    /// Messages from a peer: what is decoded is encoded to what is decoded as the same.
    #[test]
    fn messages(input in spoilt(&MESSAGES)) {
        if let Ok(message) = wire::decode::<Message<Dictionary>>(&input.0, MOST) {
            let again = wire::decode::<Message<Dictionary>>(&wire::encode(&message), MOST);
            prop_assert_eq!(again.as_ref(), Ok(&message));
        }
    }

    /// Parts of campaigns, and what two of them are together; ways through small worlds.
    #[test]
    fn records_and_ways(input in spoilt(&RECORDS), other in spoilt(&RECORDS)) {
        let read = |input: &Input| {
            let text = String::from_utf8_lossy(&input.0).into_owned();
            if let Ok(way) = text.parse::<Walk>() {
                assert_eq!(way.to_string().parse(), Ok(way));
            }
            Record::from_lines(&text, &ReadOptions::default()).ok()
        };
        let parts: Vec<Record> = [read(&input), read(&other)].into_iter().flatten().collect();
        let runs: u64 = parts.iter().map(|part| part.tally.runs).sum();
        if let Ok(whole) = Record::merge(parts) {
            prop_assert_eq!(whole.tally.runs, runs);
        }
    }

    /// Tapes.
    #[test]
    fn tapes(input in spoilt(&SCENARIOS)) {
        let reading = scenario::read_tape("tape", &input.0);
        prop_assert_eq!(reading.choices.is_none(), !reading.diagnostics.is_empty());
    }
}
