//! What users do while all of this happens.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use perjury::net::User;
use tokio::task::JoinHandle;

use super::book::Book;
use super::dice::Dice;

/// How many there are.
const USERS: u32 = 6;
/// How many entries a ledger is for.
const ENTRIES: u64 = 40;
/// How often each asks at most.
const PACE: Duration = Duration::from_millis(15);
/// Whoever reads when all is over.
const READER: u32 = 1000;

/// What became of an entry in a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Acknowledged,
    /// There was no ledger yet.
    Refused,
    /// Nobody was told.
    Unknown,
}

/// All users.
pub(super) struct Crowd {
    pub(super) book: Book,
    gateway: SocketAddr,
    /// The entries made so far, in ledgers that everybody writes to, one after the other.
    entries: Cell<u64>,
    fates: RefCell<BTreeMap<u64, Fate>>,
    is_over: Cell<bool>,
}

impl Crowd {
    /// They begin.
    pub(super) fn begin(gateway: SocketAddr, dice: &mut Dice) -> (Rc<Crowd>, Vec<JoinHandle<()>>) {
        let crowd = Rc::new(Crowd {
            book: Book::new(),
            gateway,
            entries: Cell::default(),
            fates: RefCell::default(),
            is_over: Cell::default(),
        });
        let user = |number| {
            let dice = Dice(dice.draw());
            tokio::task::spawn_local(crowd.clone().user(number, dice))
        };
        let users = (0..USERS).map(user).collect();
        (crowd, users)
    }

    /// Nobody asks for anything more.
    pub(super) fn end(&self) {
        self.is_over.set(true);
    }

    async fn connect(&self) -> User {
        User::connect(self.gateway).await.expect("the gateway listens")
    }

    /// One user: quarrels with the others about two keys, writes to the common ledger, and keeps a
    /// diary.
    async fn user(self: Rc<Crowd>, number: u32, mut dice: Dice) {
        let mut user = self.connect().await;
        let mut diary = "begin".to_owned();
        self.ask(&mut user, number, &format!("put('diary {number}','{diary}')")).await;
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for step in 0.. {
            if self.is_over.get() {
                break;
            }
            pace.tick().await;
            let common = dice.pick(&["movie", "moon"]);
            match dice.below(100) {
                0 => {
                    self.leave(user, number).await;
                    user = self.connect().await;
                }
                1..25 => self.enter(&mut user, number).await,
                25..40 => {
                    let entry = format!(" {step}");
                    let append = format!("append('diary {number}','{entry}')");
                    assert_eq!(self.ask(&mut user, number, &append).await, "OK");
                    diary.push_str(&entry);
                }
                40..55 => {
                    let put = format!("put('{common}','{number}:{step}')");
                    assert_eq!(self.ask(&mut user, number, &put).await, "OK");
                }
                55..65 => {
                    let append = format!("append('{common}','.{number}:{step}')");
                    self.ask(&mut user, number, &append).await;
                }
                65..80 => {
                    self.ask(&mut user, number, &format!("slice('{common}','0:3')")).await;
                }
                _ => drop(self.ask(&mut user, number, &format!("get('{common}')")).await),
            }
        }
        let kept = self.ask(&mut user, number, &format!("get('diary {number}')")).await;
        assert_eq!(kept, diary, "every acknowledged line of a diary is there, once");
    }

    async fn ask(&self, user: &mut User, number: u32, text: &str) -> String {
        self.book.ask(user, number, text).await
    }

    /// The next entry, in which ledger, and as it is written there.
    fn next_entry(&self) -> (u64, u64, String) {
        let entry = self.entries.replace(self.entries.get() + 1);
        (entry, entry / ENTRIES, format!("append('ledger {}',' {entry};')", entry / ENTRIES))
    }

    /// Writes to the ledger, and reads it, which tells the judge the order of those who wrote at
    /// the same time.
    async fn enter(&self, user: &mut User, number: u32) {
        let (entry, ledger, append) = self.next_entry();
        if entry.is_multiple_of(ENTRIES) {
            self.ask(user, number, &format!("put('ledger {ledger}','begin')")).await;
        }
        let fate = match self.ask(user, number, &append).await.as_str() {
            "OK" => Fate::Acknowledged,
            _ => Fate::Refused,
        };
        self.fates.borrow_mut().insert(entry, fate);
        self.ask(user, number, &format!("get('ledger {ledger}')")).await;
    }

    /// Writes to the ledger and hangs up before anything is said of it.
    async fn leave(&self, user: User, number: u32) {
        let (entry, ledger, append) = self.next_entry();
        if entry.is_multiple_of(ENTRIES) {
            // Somebody has to begin it.
            let mut other = self.connect().await;
            self.ask(&mut other, number, &format!("put('ledger {ledger}','begin')")).await;
        }
        self.fates.borrow_mut().insert(entry, Fate::Unknown);
        self.book.ask_in_vain(user, number, &append).await;
    }

    /// Reads all ledgers: what was acknowledged is there once, what was refused is not, and of what
    /// nobody was told there is at most one. Tells how many entries were acknowledged.
    pub(super) async fn audit(&self) -> usize {
        let mut reader = self.connect().await;
        let mut acknowledged = 0;
        let fates = self.fates.borrow().clone();
        for ledger in 0..self.entries.get().div_ceil(ENTRIES) {
            let text = self.ask(&mut reader, READER, &format!("get('ledger {ledger}')")).await;
            for (entry, fate) in fates.range(ledger * ENTRIES..(ledger + 1) * ENTRIES) {
                let count = text.matches(&format!(" {entry};")).count();
                let is_right = match fate {
                    Fate::Acknowledged => count == 1,
                    Fate::Refused => count == 0,
                    Fate::Unknown => count <= 1,
                };
                assert!(is_right, "entry {entry}, {fate:?}, is there {count} times: {text}");
                acknowledged += usize::from(*fate == Fate::Acknowledged);
            }
        }
        acknowledged
    }
}
