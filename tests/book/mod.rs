//! What users of a cluster ask and are told, with the times, for a judge.

#![allow(dead_code, reason = "every test uses a part of it")]

use std::cell::{Cell, RefCell};
use std::time::Duration;

use perjury::judge::linear::{self, Act, Answer};
use perjury::net::{User, operation};
use perjury::object::Reply;
use tokio::time::Instant;

use crate::nodes::PATIENCE;

/// What users have asked and were told so far.
pub(super) struct Book {
    /// A clock that shows another time at every look.
    clock: Cell<u64>,
    acts: RefCell<Vec<Act>>,
    answered: Cell<u64>,
    /// When somebody was answered last.
    latest: Cell<Instant>,
    /// The longest that one of them has waited.
    wait: Cell<Duration>,
    /// The longest time in which nobody was answered.
    silence: Cell<Duration>,
}

impl Book {
    /// Nobody has asked anything.
    pub(super) fn new() -> Book {
        Book {
            clock: Cell::default(),
            acts: RefCell::default(),
            answered: Cell::default(),
            latest: Cell::new(Instant::now()),
            wait: Cell::default(),
            silence: Cell::default(),
        }
    }

    fn tick(&self) -> u64 {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }

    fn note(&self, client: u32, text: &str, called: u64, returned: Option<(u64, Reply)>) {
        let operation = operation(text).expect("it is one");
        self.acts.borrow_mut().push(Act { client, operation, called, returned, returned_ns: 0 });
    }

    /// A user asks, and is told.
    pub(super) async fn ask(&self, user: &mut User, client: u32, text: &str) -> String {
        let (called, began) = (self.tick(), Instant::now());
        let answer = user.ask(text, PATIENCE).await;
        let answer = answer.unwrap_or_else(|why| panic!("{text}: {why}"));
        let told = answer.unwrap_or_else(|why| panic!("{text} is refused: {why}"));
        let returned = Some((self.tick(), Reply::of(&told.as_str().into())));
        self.note(client, text, called, returned);
        self.answered.set(self.answered.get() + 1);
        let now = Instant::now();
        let silence = now.duration_since(self.latest.replace(now));
        self.silence.set(self.silence.get().max(silence));
        self.wait.set(self.wait.get().max(now.duration_since(began)));
        told
    }

    /// A user asks and hangs up: nobody knows whether anything comes of it.
    pub(super) async fn ask_in_vain(&self, mut user: User, client: u32, text: &str) {
        let called = self.tick();
        user.send(text).await.expect("the gateway listens");
        self.note(client, text, called, None);
    }

    /// How many were answered.
    pub(super) fn answered(&self) -> u64 {
        self.answered.get()
    }

    /// The longest that one has waited since this was asked last, and the longest time in which
    /// nobody was answered.
    pub(super) fn longest(&self) -> (Duration, Duration) {
        (self.wait.take(), self.silence.take())
    }

    /// Waits until so many more are answered.
    pub(super) async fn goes_on(&self, more: u64, after: &str) {
        let (wanted, began) = (self.answered.get() + more, Instant::now());
        while self.answered.get() < wanted {
            assert!(began.elapsed() < PATIENCE, "nothing is answered after {after}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Fails if what they were told is not linearizable; tells how many acts that were.
    pub(super) fn judge(&self) -> usize {
        let mut history = self.acts.take();
        history.sort_by_key(|act| act.called);
        assert_eq!(linear::check(&history), Answer::Yes);
        history.len()
    }
}
