//! What a choice is good for: one thing more or less leaves every other answer as it was.

use super::*;
use crate::choice::{Probability, Tape};
use crate::scenario::{Latency, Link, LinkKind, Network};
use crate::time::MILLISECOND_NS as MS;

/// Sends a word to toy 0 each millisecond.
fn chatters(book: &mut Notebook, _: Now, input: In, out: &mut Out) {
    if matches!(input, Input::Start { .. } | Input::Timer(_)) && book.count < 50 {
        out.send(toy(0).identity, Ping(book.count));
        out.set_timer('n', MS);
        book.count += 1;
    }
}

/// The same, with one word of another kind in between.
fn chatters_once_more(book: &mut Notebook, now: Now, input: In, out: &mut Out) {
    if book.count == 20 {
        out.send(toy(0).identity, Pong(0));
    }
    chatters(book, now, input, out);
}

fn unruly() -> Link {
    let tenth = Probability::from_bits(u64::MAX / 10);
    Link {
        kind: LinkKind::Datagram,
        latency: Latency::Exponential { mean_ns: 2 * MS },
        loss: tenth,
        duplicate: tenth,
        reorder: tenth,
        ..Link::default()
    }
}

/// A world of toys with these manners over this link, its answers recorded.
fn recorded(manners: &[Manner], link: Link, tape: Tape) -> World<Toy> {
    let network = Network { link, ..Network::default() };
    let settings = Settings { network, tape, ..settings(5, manners) };
    let mut world = world(settings, manners.len());
    world.record_choices();
    world
}

/// The run's log without what merely counts, and its tape.
fn run(manners: &[Manner], link: Link) -> (Vec<String>, Tape) {
    let mut world = recorded(manners, link, Tape::default());
    let mut log = Vec::new();
    world.run(&mut Lines::new(|line| {
        let fields = line.fields.iter().filter(|(name, _)| *name != "sent");
        let fields: Vec<_> = fields.map(|(name, value)| format!("{name}={value}")).collect();
        let (event, kind) = (line.event, line.kind.unwrap_or_default());
        log.push(format!("{} {} {event} {kind} {fields:?}", line.at_ns, line.process));
    }));
    (log, world.choices().recorded().unwrap().clone())
}

fn assert_answers_kept(before: &Tape, after: &Tape) {
    let after: std::collections::BTreeMap<_, _> = after.iter().collect();
    for (site, answer) in before.iter() {
        assert_eq!(after.get(site), Some(&answer), "{site}");
    }
}

const TWO: [Manner; 2] = [scribe, chatters];

#[test]
fn one_client_more_leaves_answers_and_events_of_the_others_as_they_were() {
    let (log, tape) = run(&TWO, unruly());
    let (more_log, more_tape) = run(&[scribe, chatters, chatters], unruly());
    assert_answers_kept(&tape, &more_tape);
    assert!(more_tape.len() > tape.len());
    let others = |line: &&String| !line.contains("other 2");
    assert!(log.iter().eq(more_log.iter().filter(others)));
}

#[test]
fn one_heartbeat_more_leaves_everything_else_as_it_was() {
    let (log, tape) = run(&TWO, unruly());
    let (more_log, more_tape) = run(&[scribe, chatters_once_more], unruly());
    assert_answers_kept(&tape, &more_tape);
    assert!(more_log.iter().any(|line| line.contains("pong")));
    assert!(log.iter().eq(more_log.iter().filter(|line| !line.contains("pong"))));
}

#[test]
fn without_duplication_every_other_answer_is_as_it_was() {
    let (_, tape) = run(&TWO, unruly());
    let (_, fewer) = run(&TWO, Link { duplicate: Probability::NEVER, ..unruly() });
    assert_answers_kept(&fewer, &tape);
    let left_out = |site: &str| site.contains("duplicate");
    assert_eq!(tape.iter().filter(|(site, _)| !left_out(site)).count(), fewer.len());
    assert!(fewer.len() < tape.len());
}

#[test]
fn a_run_and_the_run_under_its_full_tape_have_one_digest_whatever_the_seed() {
    let mut original = recorded(&TWO, unruly(), Tape::default());
    original.run(&mut ());
    let tape = original.choices().recorded().unwrap().clone();
    let digest = digest_of(recorded(&TWO, unruly(), Tape::default()));
    for seed in [5, 6] {
        let network = Network { link: unruly(), ..Network::default() };
        let again = Settings { network, seed, tape: tape.clone(), ..settings(seed, &TWO) };
        let again = world(again, 2);
        assert_eq!(digest_of(again.clone()), digest);
        let mut again = again;
        again.run(&mut ());
        assert_eq!(again.choices().unasked().count(), 0);
    }
}

#[test]
fn one_entry_on_a_tape_changes_one_fate() {
    let (log, tape) = run(&TWO, unruly());
    let site = "loss: other 1 -> other 0: ping 0/7";
    assert!(tape.iter().any(|(other, _)| other == site), "{}", tape.to_toml());
    let mut one = Tape::default();
    one.set(site, 0).unwrap();
    one.set("loss: other 1 -> other 0: ping 0/999", 0).unwrap();
    let mut world = recorded(&TWO, unruly(), one);
    world.run(&mut ());
    let without: Vec<_> = log.iter().filter(|line| line.contains("received")).collect();
    let missing = without.iter().filter(|line| line.contains("content=7\"")).count();
    assert_eq!(world.stats().received, (without.len() - missing) as u64);
    assert_eq!(missing, 1);
    assert!(!world.notes(toy(0)).iter().any(|note| note.contains("Ping(7)")));
    let unasked: Vec<_> = world.choices().unasked().collect();
    assert_eq!(unasked, ["loss: other 1 -> other 0: ping 0/999"], "it had no effect");
}
