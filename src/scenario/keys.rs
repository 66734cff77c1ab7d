//! Every key that a scenario in TOML may have, with what it means and what may stand there.
//!
//! The reader and the JSON Schema both follow these tables: there is no key that only one knows.

use super::model::Verdict;
use crate::protocol::bcr::Quirk;

/// A table of the file: what it is for and which keys it may have.
#[derive(Debug)]
pub(super) struct Shape {
    /// What the table is called in messages.
    pub(super) name: &'static str,
    pub(super) keys: &'static [Key],
    pub(super) rule: Rule,
}

/// Which keys of a table go together.
#[derive(Debug)]
pub(super) enum Rule {
    /// Any.
    Any,
    /// One of these is there, and no second one.
    OneOf(&'static [&'static str]),
    /// What the `kind` says decides which of the others may be there.
    ByKind(&'static [(&'static str, &'static [&'static str])]),
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// What it means, in a sentence.
    pub(super) about: &'static str,
    pub(super) form: Form,
    /// Whether it has to be there.
    pub(super) is_needed: bool,
}

/// What may stand behind a key.
#[derive(Debug)]
pub(super) enum Form {
    /// A whole number between two, both included.
    Number(u64, u64),
    /// A whole number of 64 bits, as a number or as text.
    Bits,
    /// The version of the format: one number.
    Version(u64),
    Text,
    /// Some processes, in a word.
    Party,
    /// A list of such words.
    Parties,
    /// A question of a run.
    Site,
    /// What the JSON trace has as event or kind.
    Event,
    Flag,
    OneOf(&'static [&'static str]),
    /// `250ms`
    Duration,
    /// The same, above 0.
    SomeTime,
    /// `-10s`
    SignedDuration,
    /// From 0 to 1.
    Probability,
    /// A decimal number above 0.
    Rate,
    /// `10MB/s`
    Bandwidth,
    /// `4..9`, or one number.
    Range,
    /// A range of lengths, with an end: `4..9`, or one number.
    Lengths,
    /// A list of texts.
    Texts,
    /// The same, not empty.
    SomeTexts,
    /// A list of whole numbers.
    Numbers,
    /// A list of lists of whole numbers.
    NumberLists,
    /// A list of lists of words for processes.
    Groups,
    /// Any keys, texts behind them.
    TextMap,
    /// Any keys, plain values or lists of them behind them.
    ValueMap,
    /// Any numbers for keys, lists of texts behind them.
    ListMap,
    Table(&'static Shape),
    Tables(&'static Shape),
    /// `2ms`, `1ms..5ms` or a table.
    DurationOr(&'static Shape),
    /// A word or a table.
    WordOr(&'static [&'static str], &'static Shape),
}

const fn key(name: &'static str, form: Form, about: &'static str) -> Key {
    Key { name, about, form, is_needed: false }
}

/// A key that has to be there.
const fn needed(name: &'static str, form: Form, about: &'static str) -> Key {
    Key { name, about, form, is_needed: true }
}

const TIMES: Form = Form::Number(0, u64::MAX);
const INDEX: Form = Form::Number(0, u32::MAX as u64);

/// The newest format of scenario files.
pub(super) const FORMAT: u64 = 1;

pub(super) static ROOT: Shape = Shape {
    name: "the scenario",
    keys: &[
        key("format", Form::Version(FORMAT), "The version of this format."),
        needed(
            "protocol",
            Form::OneOf(&["bcr", "solo"]),
            "Who runs: Byzantine chain replication, or one server alone.",
        ),
        key("name", Form::Text, "A short name for reports."),
        key("seed", Form::Bits, "What every answer is drawn from."),
        key(
            "t",
            Form::Number(0, super::model::Bcr::MAX_T as u64),
            "Faulty replicas that a configuration bears, of 2t+1.",
        ),
        key("accept", Form::OneOf(&["chain", "quorum"]), "When a client believes a result."),
        key(
            "deliver",
            Form::OneOf(&["final", "caught_up"]),
            "When Olympus tells clients the results that a reconfiguration saved.",
        ),
        key(
            "quirk",
            Form::OneOf(Quirk::NAMES),
            "A decision of the protocol that is taken wrongly.",
        ),
        key("signatures", Form::OneOf(&["ideal", "ed25519"]), "How statements are signed."),
        key(
            "schedule",
            Form::WordOr(&["timed"], &SCHEDULE),
            "Who decides in which order messages arrive.",
        ),
        key("timeouts", Form::Table(&TIMEOUTS), "How long each waits before it acts."),
        key(
            "checkpoint",
            Form::Table(&CHECKPOINT),
            "When replicas agree on a state and drop history.",
        ),
        key("pool", Form::Table(&POOL), "What pseudorandom workloads draw from."),
        key("client", Form::Tables(&CLIENT), "The clients, numbered from 0 in this order."),
        key("network", Form::Table(&NETWORK), "The links between processes and what befalls them."),
        key(
            "process",
            Form::Tables(&PROCESS),
            "Trouble of some processes: clocks, pauses, crashes.",
        ),
        key("limits", Form::Table(&LIMITS), "Where the run is given up, undecided."),
        key("fault", Form::Tables(&FAULT), "Replicas that lie, crash or stall."),
        key("choice", Form::Tables(&CHOICE), "Answers that replace those of the seed."),
        key("expect", Form::Table(&EXPECT), "What must come of the run."),
        key("hosts", Form::Table(&HOSTS), "Where processes run on real sockets."),
    ],
    rule: Rule::Any,
};

pub(super) static SCHEDULE: Shape = Shape {
    name: "schedule",
    keys: &[
        needed(
            "kind",
            Form::OneOf(&["timed", "random", "pct"]),
            "The network's latencies, random delays, or priorities.",
        ),
        key("mean", Form::SomeTime, "Random: the mean delay of a message."),
        key("changes", INDEX, "Pct: how often a priority changes in a run."),
        key("length", Form::Number(1, u64::MAX), "Pct: over about how many steps."),
    ],
    rule: Rule::ByKind(&[("timed", &[]), ("random", &["mean"]), ("pct", &["changes", "length"])]),
};

/// The keys that are knobs of Byzantine chain replication.
pub(super) const BCR: [&str; 6] = ["t", "accept", "deliver", "quirk", "timeouts", "checkpoint"];

/// Those among the timeouts.
pub(super) const BCR_TIMEOUTS: [&str; 3] = ["head", "nonhead", "olympus"];

pub(super) static TIMEOUTS: Shape = Shape {
    name: "timeouts",
    keys: &[
        key("client", Form::SomeTime, "A client asks all replicas after it."),
        key("head", Form::SomeTime, "The head asks for a reconfiguration after it."),
        key("nonhead", Form::SomeTime, "Any other replica asks for a reconfiguration after it."),
        key("olympus", Form::SomeTime, "Olympus tries another quorum after it."),
    ],
    rule: Rule::Any,
};

pub(super) static CHECKPOINT: Shape = Shape {
    name: "checkpoint",
    keys: &[
        key("every", Form::Number(1, u64::MAX), "A checkpoint every so many slots."),
        key(
            "proof",
            Form::OneOf(&["everybody", "quorum"]),
            "Whose statements a completed checkpoint needs.",
        ),
    ],
    rule: Rule::Any,
};

pub(super) static POOL: Shape = Shape {
    name: "pool",
    keys: &[
        key("keys", Form::SomeTexts, "The keys, each as likely as the others."),
        key("weights", Form::Table(&WEIGHTS), "How often each operation is drawn."),
        key("put_lengths", Form::Lengths, "How many characters the values of put have."),
        key("append_lengths", Form::Lengths, "How many characters the values of append have."),
    ],
    rule: Rule::Any,
};

const WEIGHT: Form = Form::Number(0, u16::MAX as u64);

pub(super) static WEIGHTS: Shape = Shape {
    name: "weights",
    keys: &[
        key("put", WEIGHT, "The weight of put."),
        key("get", WEIGHT, "The weight of get."),
        key("append", WEIGHT, "The weight of append."),
        key("slice", WEIGHT, "The weight of slice."),
    ],
    rule: Rule::Any,
};

pub(super) static CLIENT: Shape = Shape {
    name: "client",
    keys: &[needed("workload", Form::Text, "Its requests, parted by semicolons.")],
    rule: Rule::Any,
};

const LINKS: Form = Form::OneOf(&["stream", "datagram"]);
const LATENCY: Form = Form::DurationOr(&LATENCIES);

pub(super) static NETWORK: Shape = Shape {
    name: "network",
    keys: &[
        key("links", LINKS, "Whether links keep order and repair losses."),
        key("latency", LATENCY, "How long a message is on its way."),
        key("loss", Form::Probability, "How likely a message is lost; on a stream, delayed."),
        key("retransmit", Form::SomeTime, "How long a stream takes to repair a loss."),
        key("duplicate", Form::Probability, "How likely a datagram arrives twice."),
        key(
            "reorder",
            Form::Probability,
            "How likely a datagram is held back by a second latency.",
        ),
        key("bandwidth", Form::Bandwidth, "How much a link carries, if there is a limit."),
        key("link", Form::Tables(&LINK), "Exceptions for some links."),
        key("partition", Form::Tables(&PARTITION), "Times when some cannot reach others."),
    ],
    rule: Rule::Any,
};

pub(super) static LINK: Shape = Shape {
    name: "network.link",
    keys: &[
        needed("from", Form::Party, "The senders."),
        needed("to", Form::Party, "The receivers."),
        key("links", LINKS, "Whether these links keep order and repair losses."),
        key("latency", LATENCY, "How long a message is on its way."),
        key("loss", Form::Probability, "How likely a message is lost; on a stream, delayed."),
        key("retransmit", Form::SomeTime, "How long a stream takes to repair a loss."),
        key("duplicate", Form::Probability, "How likely a datagram arrives twice."),
        key(
            "reorder",
            Form::Probability,
            "How likely a datagram is held back by a second latency.",
        ),
        key("bandwidth", Form::Bandwidth, "How much each of these links carries."),
    ],
    rule: Rule::Any,
};

pub(super) static LATENCIES: Shape = Shape {
    name: "latency",
    keys: &[
        key("exponential", Form::SomeTime, "The mean of an exponential delay."),
        key("long_tail", Form::Table(&LONG_TAIL), "Most messages about alike, a few very late."),
    ],
    rule: Rule::OneOf(&["exponential", "long_tail"]),
};

pub(super) static LONG_TAIL: Shape = Shape {
    name: "long_tail",
    keys: &[
        needed("median", Form::SomeTime, "Half of all messages are faster."),
        needed("p99", Form::SomeTime, "One in a hundred is slower."),
    ],
    rule: Rule::Any,
};

pub(super) static PARTITION: Shape = Shape {
    name: "network.partition",
    keys: &[
        key("from", Form::Duration, "When it begins; at once, without."),
        key("until", Form::Duration, "When it heals; never, without."),
        key("groups", Form::Groups, "Members of different groups cannot reach each other."),
        key("blocked", Form::Table(&BLOCKED), "One way: nothing passes from these to those."),
    ],
    rule: Rule::OneOf(&["groups", "blocked"]),
};

pub(super) static BLOCKED: Shape = Shape {
    name: "blocked",
    keys: &[
        key("from", Form::Parties, "The senders whose messages are held up."),
        key("to", Form::Parties, "The receivers who do not get them."),
    ],
    rule: Rule::Any,
};

pub(super) static PROCESS: Shape = Shape {
    name: "process",
    keys: &[
        needed("which", Form::Party, "Whose trouble it is."),
        key("clock_offset", Form::SignedDuration, "How far the wall clock is ahead at the start."),
        key("clock_rate", Form::Rate, "How fast the clocks run; 1.0 is true."),
        key("jumps", Form::Tables(&JUMP), "Steps of the wall clock."),
        key("pauses", Form::Tables(&PAUSE), "Times when the process does nothing."),
        key("crashes", Form::Tables(&CRASH), "Times when the process is gone."),
    ],
    rule: Rule::Any,
};

pub(super) static JUMP: Shape = Shape {
    name: "jumps",
    keys: &[
        needed("at", Form::Duration, "When, in true time."),
        needed("by", Form::SignedDuration, "How far forward; back, if negative."),
    ],
    rule: Rule::Any,
};

pub(super) static PAUSE: Shape = Shape {
    name: "pauses",
    keys: &[
        needed("at", Form::Duration, "When it begins, in true time."),
        needed("for", Form::Duration, "How long it lasts."),
    ],
    rule: Rule::Any,
};

pub(super) static CRASH: Shape = Shape {
    name: "crashes",
    keys: &[
        needed("at", Form::Duration, "When, in true time."),
        key("restart", Form::Duration, "How long after it the process lives again."),
        key("memory", Form::OneOf(&["kept", "lost"]), "What becomes of what it had persisted."),
    ],
    rule: Rule::Any,
};

pub(super) static LIMITS: Shape = Shape {
    name: "limits",
    keys: &[
        key("time", Form::SomeTime, "Virtual time."),
        key("steps", Form::Number(1, u64::MAX), "Messages that arrive, timers that come up."),
    ],
    rule: Rule::Any,
};

pub(super) static FAULT: Shape = Shape {
    name: "fault",
    keys: &[
        key("configuration", INDEX, "The configuration, from 0."),
        needed("replica", INDEX, "The position in the chain, from 0: the head."),
        needed(
            "when",
            Form::Text,
            "The message that sets it off, for example shuttle(0,1), or received(shuttle,3).",
        ),
        needed("then", Form::Text, "What happens, for example change_result(); drop()."),
    ],
    rule: Rule::Any,
};

/// A tape: what `run --record-tape` writes.
pub(super) static TAPE: Shape = Shape {
    name: "the tape",
    keys: &[
        key("format", Form::Version(FORMAT), "The version of this format."),
        key("choice", Form::Tables(&CHOICE), "Answers that replace those of the seed."),
    ],
    rule: Rule::Any,
};

pub(super) static CHOICE: Shape = Shape {
    name: "choice",
    keys: &[
        needed(
            "site",
            Form::Site,
            "Which question, for example 'loss: client 0 -> replica 0.0: client_request 0/2'; \
             run --record-tape writes all that a run asks.",
        ),
        needed("answer", Form::Bits, "Its answer."),
    ],
    rule: Rule::Any,
};

pub(super) static EXPECT: Shape = Shape {
    name: "expect",
    keys: &[
        key("verdict", Form::OneOf(VERDICTS), "How the run ends."),
        key("answered", TIMES, "How many requests are answered."),
        key("reconfigurations", TIMES, "How often the cluster is reconfigured."),
        key("quorum", Form::NumberLists, "The quorum that ends each configuration; [] for any."),
        key("dictionary", Form::TextMap, "What these keys hold in the end."),
        key("dictionary_exact", Form::Flag, "Whether there are no other keys."),
        key("results", Form::ListMap, "The results that each client receives, in order."),
        key("digest", Form::Text, "The run's digest."),
        key("event", Form::Tables(&EVENT), "What must happen, or must not, how often."),
    ],
    rule: Rule::Any,
};

pub(super) const VERDICTS: &[&str] = &[
    Verdict::Held.name(),
    Verdict::Broken.name(),
    Verdict::BeyondTolerance.name(),
    Verdict::Undecided.name(),
];

pub(super) static EVENT: Shape = Shape {
    name: "expect.event",
    keys: &[
        needed(
            "kind",
            Form::Event,
            "What the JSON trace has as event or kind: crashed, quorum_final.",
        ),
        key("fields", Form::ValueMap, "Fields that must have these values, by name or path."),
        key("count", Form::Range, "How many: 0, 3, 1.. or 2..5; at least one, without."),
    ],
    rule: Rule::Any,
};

pub(super) static HOSTS: Shape = Shape {
    name: "hosts",
    keys: &[
        key("names", Form::Texts, "Names or addresses."),
        key("olympus", INDEX, "Which of them Olympus runs on, from 0."),
        key("clients", Form::Numbers, "Which of them each client runs on."),
        key("replicas", Form::Numbers, "Which of them each position runs on."),
    ],
    rule: Rule::Any,
};
