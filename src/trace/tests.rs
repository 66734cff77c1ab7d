//! Tests of the trace: every kind of event in every form, and what the forms must not show.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::choice::{Name, Subject};
use crate::crypto::{
    Digest, Hasher, HiddenDigest, Memory, PublicKey, Scheme, SecretKey, Signed, Statement,
};
use crate::process::{InjectionStep, Input, Message, Note, Outbox, Process};
use crate::sim::{Settings, World};
use crate::time::{MILLISECOND_NS as MS, Now};

/// A protocol whose values have every shape.
#[derive(Clone, Copy, Debug)]
struct Shapes;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Claim(u64);

impl Statement for Claim {
    fn hash(&self) -> Digest {
        Hasher::new("test claim").u64(self.0).finish()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Letter {
    Empty,
    Sealed(Signed<Claim>),
    Rich {
        hash: Digest,
        block: HiddenDigest,
        key: PublicKey,
        maybe: Option<u64>,
        table: BTreeMap<String, (i32, bool)>,
        wide: u128,
        names: Vec<Identity>,
    },
}

impl Message for Letter {
    fn kind(&self) -> Name {
        const NAMES: [Name; 3] = [Name::new("empty"), Name::new("sealed"), Name::new("rich")];
        match self {
            Letter::Empty => NAMES[0],
            Letter::Sealed(_) => NAMES[1],
            Letter::Rich { .. } => NAMES[2],
        }
    }

    fn subject(&self) -> Subject {
        Subject::default()
    }
}

#[derive(Clone, Debug, Serialize)]
enum Remark {
    Done,
    Decided { slot: u64, value: String },
}

impl Note for Remark {}

/// Signs what it sends, rightly and wrongly, and rests.
#[derive(Clone, Debug)]
struct Signer {
    signs: bool,
    heard: u64,
}

impl Protocol for Shapes {
    const NAME: &'static str = "shapes";
    type Message = Letter;
    type Timer = char;
    type Note = Remark;
    type Birth = u8;
    type Command = Option<String>;
    type Answer = ();
    type Process = Signer;

    fn born(number: u8) -> Signer {
        Signer { signs: number == 0, heard: 0 }
    }
}

impl Process<Shapes> for Signer {
    fn handle(&mut self, _: Now, input: Input<Shapes>, out: &mut Outbox<Shapes>) {
        match input {
            Input::Start { entropy } if self.signs => {
                let (key, public) = out.notary().keys(&entropy, Identity::OLYMPUS);
                for letter in letters(&key, public, out.notary()) {
                    out.send(Identity::OLYMPUS, letter);
                }
                out.set_timer('t', MS);
            }
            Input::Timer(_) => out.note(|| Remark::Done),
            Input::Message { .. } => self.heard += 1,
            _ => {}
        }
    }
}

/// A letter of each shape; in the last, the signature is spoiled.
fn letters(key: &SecretKey, public: PublicKey, notary: &mut Notary) -> [Letter; 4] {
    let good = Signed::seal(Claim(5), key, notary);
    let bad = good.clone().map_signature(|signature| signature.corrupted());
    let block =
        Hasher::new("test block").bytes(&good.signature().with_bytes(<[u8]>::to_vec)).finish();
    let rich = Letter::Rich {
        hash: Claim(1).hash(),
        block: block.into(),
        key: public,
        maybe: Some(3),
        table: [("a".to_owned(), (-1, true)), ("b".to_owned(), (2, false))].into(),
        wide: 1 << 100,
        names: vec![Identity::client(2), Identity::replica(0, 1)],
    };
    [Letter::Empty, Letter::Sealed(good), rich, Letter::Sealed(bad)]
}

fn notary(scheme: Scheme) -> Notary {
    Notary::new(scheme, Memory::None)
}

/// An event of each kind, once.
fn each_kind(see: &mut impl FnMut(What<'_, Shapes>)) {
    let mut notary = notary(Scheme::Ideal);
    let (key, public) = notary.keys(&[1; 32], Identity::OLYMPUS);
    let letters = letters(&key, public, &mut notary);
    let to = Address { identity: Identity::replica(0, 1), twin: 1 };
    see(What::Born { birth: &7 });
    see(What::Started);
    see(What::Restarted { survived: 2 });
    see(What::Stopped);
    see(What::Crashed);
    see(What::Paused { until_ns: 5 * MS });
    see(What::Resumed);
    see(What::ClockSet { ahead_ns: -3 });
    for (copy, message) in (0..).zip(&letters) {
        see(What::Sent { to, message, copy });
    }
    see(What::Unreachable { to: Identity::client(9), message: &letters[0] });
    see(What::Duplicated { sent: 9 });
    for why in [Loss::Link, Loss::Partition, Loss::Gone] {
        see(What::Lost { sent: 9, why });
    }
    see(What::Held { sent: 9 });
    see(What::InVain { action: "restart", whom: to });
    see(What::Received { from: to, sent: 9, message: &letters[0] });
    see(What::TimerSet { timer: 't', due_ns: 1 });
    see(What::TimerCancelled { timer: 't' });
    see(What::TimerFired { timer: 't' });
    see(What::Persisting { shelf: 1, bytes: 20 });
    see(What::Persisted { shelf: 1 });
    see(What::Commanded { ticket: Ticket(1), command: &Some("do".into()) });
    see(What::Commanded { ticket: Ticket(2), command: &None });
    see(What::Answered { ticket: Ticket(1), answer: &() });
    see(What::Noted(&Remark::Done));
    see(What::Noted(&Remark::Decided { slot: 3, value: "two words".into() }));
    for (step, detail) in [
        (InjectionStep::Armed, ""),
        (InjectionStep::Done, "instead of nothing"),
        (InjectionStep::InVain, "it has no state yet"),
    ] {
        let (what, detail) = ("shuttle(0,1), crash()".into(), detail.to_owned());
        see(What::Injected(&Injection { what, number: 0, step, detail, is_fault: true }));
    }
}

/// Shows a watcher an event of each kind.
fn show(watch: &mut impl Watch<Shapes>) {
    let mut notary = notary(Scheme::Ideal);
    notary.keys(&[1; 32], Identity::OLYMPUS);
    let mut number = 0;
    each_kind(&mut |what| {
        number += 1;
        let process = Address::of(Identity::client(0));
        let event = Event { number, at_ns: 2 * MS, process, cause: number / 2, what };
        watch.see(&event, &notary);
    });
}

fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    show(&mut Lines::new(|line| lines.push(line)));
    lines
}

#[test]
fn every_kind_of_event_as_text() {
    let lines: Vec<_> = lines().iter().map(Line::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn every_kind_of_event_is_named() {
    let words: std::collections::BTreeSet<&str> = lines().iter().map(|line| line.event).collect();
    assert!(words.iter().eq(WORDS), "{words:?}");
}

#[test]
fn every_kind_of_event_is_as_the_schema_says() {
    let schema = json_schema();
    for line in lines() {
        assert!(fits::fits(&schema, &line.to_json()), "{line}");
    }
}

#[test]
fn every_kind_of_event_as_json() {
    let lines: Vec<_> = lines().iter().map(|line| line.to_json().to_string()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_digest_of_every_kind_of_event_is_golden_and_each_event_counts() {
    let mut fingerprint = Fingerprint::new();
    show(&mut fingerprint);
    let golden = "593f7958b8e0824a0a31732de6857fdba1ade27956fd9ba31218631781dd9dc8";
    assert_eq!(format!("{:#}", fingerprint.digest()), golden);
    let mut digests = Vec::new();
    let mut part = Fingerprint::new();
    each_kind(&mut |what| {
        let process = Address::of(Identity::client(0));
        let event = Event { number: 0, at_ns: 0, process, cause: 0, what };
        part.see(&event, &notary(Scheme::Ideal));
        digests.push(part.digest());
    });
    let mut distinct = digests.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), digests.len());
}

fn world(scheme: Scheme) -> World<Shapes> {
    let settings = Settings { notary: notary(scheme), ..Settings::new(3) };
    let mut world = World::new(settings);
    world.spawn(Identity::OLYMPUS, 0);
    world.spawn(Identity::client(0), 1);
    world
}

#[test]
fn text_and_digest_are_the_same_under_either_signature_scheme() {
    let shown = |scheme| {
        let (mut lines, mut fingerprint) = (Vec::new(), Fingerprint::new());
        let take = Lines::new(|line: Line| lines.push(line.to_string()));
        world(scheme).run(&mut (take, &mut fingerprint));
        (lines, fingerprint.digest())
    };
    let (ideal, real) = (shown(Scheme::Ideal), shown(Scheme::Ed25519));
    assert_eq!(ideal, real);
    let sealed: Vec<_> = ideal.0.iter().filter(|line| line.contains("received sealed")).collect();
    assert_eq!(sealed.len(), 2);
    assert!(sealed[0].ends_with("body=5 signed by olympus"));
    assert!(sealed[1].ends_with("body=5 falsely signed as olympus"));
}

#[test]
fn watching_changes_nothing() {
    let unwatched = {
        let mut world = world(Scheme::Ideal);
        let stop = world.run(&mut ());
        (stop, format!("{:?}", world.processes().collect::<Vec<_>>()), world.stats())
    };
    let mut lines = 0;
    let mut both = (Lines::new(|_| lines += 1), Fingerprint::with_checkpoints());
    let mut watched = world(Scheme::Ideal);
    let stop = watched.run(&mut both);
    let state = format!("{:?}", watched.processes().collect::<Vec<_>>());
    assert_eq!((stop, state, watched.stats()), unwatched);
    let mut alone = Fingerprint::new();
    world(Scheme::Ideal).run(&mut alone);
    assert_eq!(alone.digest(), both.1.digest());
    assert_eq!(both.1.events(), lines);
}

#[test]
fn checkpoints_are_the_digests_of_beginnings() {
    let started = |count: u64| {
        let mut fingerprint = Fingerprint::with_checkpoints();
        for number in 1..=count {
            let process = Address::of(Identity::client(0));
            let what: What<'_, Shapes> = What::Persisted { shelf: number };
            let event = Event { number, at_ns: 0, process, cause: 0, what };
            fingerprint.see(&event, &notary(Scheme::Ideal));
        }
        fingerprint
    };
    let whole = started(10 * CHECKPOINT_EVERY + 5);
    assert_eq!(whole.checkpoints().len(), 10);
    for (place, checkpoint) in (1..).zip(whole.checkpoints()) {
        assert_eq!(*checkpoint, started(place * CHECKPOINT_EVERY).digest());
    }
}

#[test]
fn a_field_of_the_content_does_not_hide_one_of_the_event() {
    let fields = vec![("number", Value::Number(9)), ("kind", Value::Truth(true))];
    let line = Line { fields, ..lines().swap_remove(9) };
    let json = line.to_json();
    assert_eq!((&json["number"], &json["number_"]), (&10.into(), &9.into()));
    assert_eq!((&json["kind"], &json["kind_"]), (&"sealed".into(), &true.into()));
}

#[test]
fn options_do_not_run_together() {
    let digest = |pair: (Option<u64>, Option<u64>)| {
        let mut form = canonical::Canonical::new("options");
        describe::tell(&pair, &mut form, &notary(Scheme::Ideal), &mut Ordinals::default());
        form.digest()
    };
    assert_ne!(digest((None, Some(0))), digest((Some(0), None)));
}

#[test]
fn every_event_and_every_note_is_documented() {
    let page = include_str!("LOG.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let is_told = |name: &&&str| {
        let quoted = format!("`{name}`");
        rows.iter().any(|row| row.split('|').nth(1).is_some_and(|kind| kind.contains(&quoted)))
    };
    let own = [crate::protocol::bcr::Note::NAMES, crate::protocol::solo::Note::NAMES].concat();
    let names = WORDS.iter().chain(&own);
    let missing: Vec<_> = names.filter(|name| !is_told(name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in LOG.md");
}
