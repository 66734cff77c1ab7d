//! What connects the nodes: each calls each other over a wire of its own, which can be cut, held up
//! and damaged.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::sync::watch;

use super::dice::Dice;

/// How a wire is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Everything passes.
    Whole,
    /// Connections break, and there are no new ones.
    Cut,
    /// Nothing passes, and nobody is told.
    HeldUp,
}

/// How much is kept of what a caller said over a connection.
const KEPT: usize = 4096;

/// The way from one node to another, and back for the answers.
pub(super) struct Wire {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Where the caller calls.
    pub(super) address: SocketAddr,
    /// Where the called listens, while it lives.
    pub(super) target: Cell<Option<SocketAddr>>,
    state: watch::Sender<State>,
    /// How often what passes is still to be damaged.
    harm: Cell<u32>,
    /// How many connections stand over which something damaged has come.
    hurt: Cell<u32>,
    dice: RefCell<Dice>,
    /// What the caller said first over the latest connection.
    said: RefCell<Vec<u8>>,
}

impl Wire {
    /// A wire at work, for ever.
    pub(super) async fn lay(from: usize, to: usize, dice: Dice) -> Rc<Wire> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let wire = Rc::new(Wire {
            from,
            to,
            address: listener.local_addr().expect("it has one"),
            target: Cell::new(None),
            state: watch::channel(State::Whole).0,
            harm: Cell::new(0),
            hurt: Cell::new(0),
            dice: RefCell::new(dice),
            said: RefCell::default(),
        });
        let laid = wire.clone();
        tokio::task::spawn_local(async move {
            loop {
                let (caller, _) = listener.accept().await.expect("few files are open");
                tokio::task::spawn_local(laid.clone().carry(caller));
            }
        });
        wire
    }

    pub(super) fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    /// Damages what passes next, once.
    pub(super) fn damage(&self) {
        self.harm.set(self.harm.get() + 1);
    }

    /// Damages nothing more.
    pub(super) fn spare(&self) {
        self.harm.set(0);
    }

    /// Whether somebody has yet to notice that what came is damaged.
    pub(super) fn is_hurt(&self) -> bool {
        self.hurt.get() > 0
    }

    /// What was said over it that somebody else might repeat.
    pub(super) fn said(&self) -> Vec<u8> {
        self.said.borrow().clone()
    }

    /// One connection, up to its end.
    async fn carry(self: Rc<Wire>, caller: TcpStream) {
        let Some(target) = self.target.get() else { return };
        let mut state = self.state.subscribe();
        if *state.borrow() == State::Cut {
            return;
        }
        let Ok(called) = TcpStream::connect(target).await else { return };
        let is_set = caller.set_nodelay(true).and(called.set_nodelay(true)).is_ok();
        assert!(is_set, "sockets can be told so");
        self.said.borrow_mut().clear();
        let (from_caller, to_caller) = caller.into_split();
        let (from_called, to_called) = called.into_split();
        let is_hurt = Cell::new(false);
        tokio::select! {
            () = self.pass(from_caller, to_called, true, &is_hurt) => {}
            () = self.pass(from_called, to_caller, false, &is_hurt) => {}
            _ = state.wait_for(|state| *state == State::Cut) => {}
        }
        self.hurt.set(self.hurt.get() - u32::from(is_hurt.get()));
    }

    /// What goes one way.
    async fn pass(
        &self,
        mut from: tcp::OwnedReadHalf,
        mut to: tcp::OwnedWriteHalf,
        is_call: bool,
        is_hurt: &Cell<bool>,
    ) {
        let mut state = self.state.subscribe();
        let mut bytes = Vec::with_capacity(1 << 16);
        while from.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {
            if is_call {
                let mut said = self.said.borrow_mut();
                let room = KEPT - said.len();
                said.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            // The wire outlives all that passes.
            let _ = state.wait_for(|state| *state == State::Whole).await;
            if self.harm.get() > 0 {
                self.harm.set(self.harm.get() - 1);
                self.hurt.set(self.hurt.get() + u32::from(!is_hurt.replace(true)));
                harm(&mut bytes, &mut self.dice.borrow_mut());
            }
            if to.write_all(&bytes).await.is_err() {
                return;
            }
            bytes.clear();
        }
    }
}

/// Changes bytes, leaves some out, or puts others between them.
fn harm(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(bytes.len());
    match dice.below(4) {
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes.truncate(at),
        2 => drop(bytes.splice(at..at, dice.bytes(1 + at % 40))),
        _ => drop(bytes.splice(at.., dice.bytes(300))),
    }
}
