//! When a run is at rest, and how long it may take to come there.

use super::*;
use crate::process::{Injection, InjectionStep, Interpose, Interposers};
use crate::sim::{Action, Patience, Stop};
use crate::time::{MILLISECOND_NS as MS, SECOND_NS};

/// Repeats something every second to whom it may concern.
fn repeats(book: &mut Notebook, _: Now, input: In, out: &mut Out) {
    match input {
        Input::Start { .. } | Input::Timer('-') => {
            out.send(toy(1).identity, Ping(book.count));
            book.count += 1;
            out.set_timer('-', SECOND_NS);
        }
        _ => {}
    }
}

/// Is busy for ten seconds.
fn busy(_: &mut Notebook, _: Now, input: In, out: &mut Out) {
    if matches!(input, Input::Start { .. }) {
        out.set_timer('b', 10 * SECOND_NS);
        out.set_timer('c', 60 * SECOND_NS);
        out.cancel_timer('c');
    }
}

#[test]
fn a_timer_that_nobody_waits_for_does_not_keep_a_run_going() {
    let mut alone = world(settings(1, &[repeats, idle]), 2);
    assert_eq!((alone.run(&mut ()), alone.now_ns() < SECOND_NS), (Stop::Quiet, true));
    let mut with_others = world(settings(1, &[repeats, busy]), 2);
    assert_eq!(with_others.run(&mut ()), Stop::Quiet);
    assert_eq!(with_others.now_ns(), 10 * SECOND_NS, "as long as somebody waits, it runs");
}

/// Goes round in circles.
fn restless(_: &mut Notebook, _: Now, input: In, out: &mut Out) {
    if matches!(input, Input::Start { .. } | Input::Timer(_)) {
        out.set_timer('r', 300 * MS);
    }
}

const PATIENCE: Patience = Patience { planned_ns: 0, least_ns: SECOND_NS, growth: 1 };

fn impatient(patience: Patience) -> Settings<Toy> {
    Settings { patience: Some(patience), ..settings(1, &[restless]) }
}

#[test]
fn a_run_that_does_not_come_to_rest_is_given_up() {
    let mut world = world(impatient(PATIENCE), 1);
    let stop = world.run(&mut ());
    assert_eq!(stop, Stop::Restless { since_ns: 0, by_ns: SECOND_NS });
    assert_eq!(stop.to_string(), "no rest for 1s after the last trouble");
    assert!(!stop.is_quiet());
    assert_eq!(world.now_ns(), 900 * MS);
}

#[test]
fn patience_begins_with_the_end_of_the_last_trouble_and_grows_with_it() {
    let planned = Patience { planned_ns: 2 * SECOND_NS, ..PATIENCE };
    let stop = world(impatient(planned), 1).run(&mut ());
    assert_eq!(stop, Stop::Restless { since_ns: 2 * SECOND_NS, by_ns: 5 * SECOND_NS });
    let mut paused = world(impatient(PATIENCE), 1);
    paused.plan(500 * MS, toy(0), Action::Pause { for_ns: 2_500 * MS });
    let stop = paused.run(&mut ());
    assert_eq!(stop, Stop::Restless { since_ns: 3 * SECOND_NS, by_ns: 7 * SECOND_NS });
}

/// Spoils nothing, but says at the second timer that it did.
#[derive(Clone, Debug, Default)]
struct Saboteur(u32);

impl Interpose<Toy> for Saboteur {
    fn handle(&mut self, now: Now, input: In, process: &mut Actor, out: &mut Out) {
        self.0 += 1;
        if self.0 == 3 {
            let step = InjectionStep::Done;
            out.injected(|| Injection {
                what: "a trick".into(),
                number: 0,
                step,
                detail: String::new(),
                is_fault: true,
            });
        }
        process.handle(now, input, out);
    }

    fn boxed_clone(&self) -> Box<dyn Interpose<Toy>> {
        Box::new(self.clone())
    }
}

#[test]
fn a_failure_is_trouble_whether_or_not_anybody_watches() {
    let interposers: Interposers<Toy> = Arc::new(|_| Some(Box::new(Saboteur::default())));
    let settings = Settings { interposers: Some(interposers), ..impatient(PATIENCE) };
    let (mut seen, mut unseen) = (world(settings.clone(), 1), world(settings, 1));
    let stop = Stop::Restless { since_ns: 600 * MS, by_ns: 2_200 * MS };
    assert_eq!(unseen.run(&mut ()), stop);
    assert_eq!(seen.run(&mut Fingerprint::new()), stop);
    assert_eq!(seen.now_ns(), unseen.now_ns());
}
