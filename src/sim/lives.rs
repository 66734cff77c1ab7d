//! How processes come, stand still, crash, live again and end.

use crate::choice::{self, Name, Probability};
use crate::identity::{Address, Identity};
use crate::process::{Input, Protocol, Survived, Ticket};
use crate::scenario::Restart;
use crate::trace::{Watch, What};

use super::Action;
use super::node::{Clock, Node, Timers, Waiting};
use super::world::{Act, Birth, World};

const KEPT_BY_DISK: Name = Name::new("kept by the disk");

impl<P: Protocol> World<P> {
    /// Makes a process and its place, without starting it.
    pub(super) fn place(&mut self, identity: Identity, birth: P::Birth) -> u32 {
        let place = self.nodes.len() as u32;
        let mut last = self.directory.enter(identity, place);
        let mut twin = 0_u8;
        while let Some(elder) = last {
            twin = twin.saturating_add(1);
            last = self.nodes[elder as usize].twin;
            if last.is_none() {
                self.nodes[elder as usize].twin = Some(place);
            }
        }
        let address = Address { identity, twin };
        let process = (self.settings.cradle)(address, &birth);
        let mut node = Node::new(address, birth, process);
        node.interposer = self.settings.interposers.as_ref().and_then(|find| find(address));
        self.nodes.push(node);
        self.trouble(place);
        place
    }

    /// Plans the clock and scheduling trouble that the settings have for a new process.
    fn trouble(&mut self, place: u32) {
        let troubles = std::mem::take(&mut self.settings.troubles);
        let address = self.nodes[place as usize].address;
        for trouble in troubles.iter().filter(|t| t.which.covers(address.identity)) {
            let clock = &mut self.nodes[place as usize].clock;
            *clock = Clock {
                rate_ppb: trouble.clock_rate_ppb.unwrap_or(clock.rate_ppb),
                ahead_ns: trouble.clock_offset_ns.unwrap_or(clock.ahead_ns),
            };
            for jump in &trouble.jumps {
                self.plan_if_ahead(jump.at_ns, address, Action::SetClock { by_ns: jump.by_ns });
            }
            for pause in &trouble.pauses {
                self.plan_if_ahead(pause.at_ns, address, Action::Pause { for_ns: pause.for_ns });
            }
            let now_ns = self.now_ns;
            for crash in trouble.crashes.iter().filter(|crash| crash.at_ns >= now_ns) {
                self.plan(crash.at_ns, address, Action::Crash);
                if let Some(Restart { with_memory, .. }) = crash.restart {
                    self.plan(crash.end_ns(), address, Action::Restart { with_memory });
                }
            }
        }
        self.settings.troubles = troubles;
    }

    fn plan_if_ahead(&mut self, at_ns: u64, process: Address, action: Action<P>) {
        if at_ns >= self.now_ns {
            self.plan(at_ns, process, action);
        }
    }

    /// A process makes another. It starts at this instant, after what is due already.
    pub(super) fn bear<W: Watch<P>>(
        &mut self,
        parent: u32,
        (identity, birth): (Identity, P::Birth),
        cause: u64,
        watch: &mut W,
    ) {
        if self.directory.first(identity).is_some() {
            let parent = self.nodes[parent as usize].address;
            self.in_vain(parent, "spawn", Address::of(identity), cause, watch);
            return;
        }
        let shown = self.watched.then(|| birth.clone());
        let child = self.place(identity, birth);
        let told = match shown {
            Some(birth) => self.emit(watch, child, cause, What::Born { birth: &birth }),
            None => 0,
        };
        self.act(self.now_ns, Act::Begin(child, 0, Birth::Told(told)));
    }

    /// Something that was asked for cannot be done.
    fn in_vain<W: Watch<P>>(
        &mut self,
        process: Address,
        action: &'static str,
        whom: Address,
        cause: u64,
        watch: &mut W,
    ) {
        self.stats.in_vain += 1;
        self.tell(watch, process, cause, What::InVain { action, whom });
    }

    /// A plan that is neither a message nor a timer comes up.
    pub(super) fn carry_out_act<W: Watch<P>>(&mut self, number: u64, watch: &mut W) {
        let Some(act) = self.actions.take(number) else {
            return;
        };
        let lives = |world: &World<P>, place: u32, life| world.nodes[place as usize].life == life;
        match act {
            Act::Begin(place, life, birth) if lives(self, place, life) => {
                self.begin(place, birth, watch);
            }
            Act::Written(place, life) if lives(self, place, life) => self.written(place, watch),
            Act::Wake(place, life) if lives(self, place, life) => self.wake(place, watch),
            Act::Begin(..) | Act::Written(..) | Act::Wake(..) => {}
            Act::Does(address, action) => self.suffer(address, action, watch),
        }
    }

    fn begin<W: Watch<P>>(&mut self, place: u32, birth: Birth, watch: &mut W) {
        let cause = match birth {
            Birth::Told(event) => event,
            Birth::Untold if !self.watched => 0,
            Birth::Untold => {
                let birth = self.nodes[place as usize].birth.clone();
                self.emit(watch, place, 0, What::Born { birth: &birth })
            }
        };
        if self.nodes[place as usize].is_asleep() {
            self.wait(place, Waiting::Begin(cause));
        } else {
            self.start(place, cause, watch);
        }
    }

    fn start<W: Watch<P>>(&mut self, place: u32, cause: u64, watch: &mut W) {
        self.blame(place, "start");
        self.nodes[place as usize].begun = true;
        let entropy = self.entropy(place);
        let cause = self.emit(watch, place, cause, What::Started);
        self.hand(place, Input::Start { entropy }, cause, watch);
    }

    /// Fresh for each life of each process.
    fn entropy(&self, place: u32) -> [u8; 32] {
        let node = &self.nodes[place as usize];
        self.choices.entropy(node.address, node.life)
    }

    /// Something is done to a process from outside of it.
    fn suffer<W: Watch<P>>(&mut self, address: Address, action: Action<P>, watch: &mut W) {
        let place = self.find(address).filter(|place| self.can_suffer(*place, &action));
        let Some(place) = place else {
            self.in_vain(address, action.text(), address, 0, watch);
            return;
        };
        let node = &mut self.nodes[place as usize];
        match action {
            Action::Crash => self.crash(place, 0, watch),
            Action::Restart { with_memory } => self.restart(place, with_memory, watch),
            Action::Pause { for_ns } => self.pause(place, for_ns, 0, watch),
            Action::SetClock { by_ns } => {
                node.clock.ahead_ns = node.clock.ahead_ns.saturating_add(by_ns);
                let ahead_ns = node.clock.ahead_ns;
                self.emit(watch, place, 0, What::ClockSet { ahead_ns });
            }
            Action::Command(ticket, command) => {
                if node.is_asleep() {
                    self.wait(place, Waiting::Command(ticket, command));
                } else {
                    self.ask(place, ticket, command, watch);
                }
            }
        }
    }

    fn can_suffer(&self, place: u32, action: &Action<P>) -> bool {
        let node = &self.nodes[place as usize];
        match action {
            Action::Restart { .. } => node.process.is_none() && !node.stopped,
            Action::SetClock { .. } => true,
            Action::Crash | Action::Pause { .. } | Action::Command(..) => node.process.is_some(),
        }
    }

    /// A process is gone: what it was writing may be kept, everything else that it was about is
    /// lost.
    pub(super) fn crash<W: Watch<P>>(&mut self, place: u32, cause: u64, watch: &mut W) {
        self.emit(watch, place, cause, What::Crashed);
        let writing = self.nodes[place as usize].disk.writing.take();
        self.end_life(place, watch);
        if let Some((shelf, bytes)) = writing {
            let node = &mut self.nodes[place as usize];
            let site = choice::about(KEPT_BY_DISK, node.address, u64::from(node.life));
            if Probability::from_bits(1 << 63).happens(self.choices.answer(&site)) {
                node.disk.safe.insert(shelf, bytes);
            }
        }
    }

    /// A process ends of itself.
    pub(super) fn stop<W: Watch<P>>(&mut self, place: u32, cause: u64, watch: &mut W) {
        self.emit(watch, place, cause, What::Stopped);
        self.nodes[place as usize].stopped = true;
        self.end_life(place, watch);
    }

    fn end_life<W: Watch<P>>(&mut self, place: u32, watch: &mut W) {
        let node = &mut self.nodes[place as usize];
        node.process = None;
        node.life += 1;
        node.timers = Timers::none();
        node.asleep_until_ns = None;
        node.disk.held.clear();
        for waiting in std::mem::take(&mut node.backlog) {
            if let Waiting::Flight(flight) = waiting {
                self.lose(&flight, watch);
            }
        }
    }

    fn restart<W: Watch<P>>(&mut self, place: u32, with_memory: bool, watch: &mut W) {
        let node = &mut self.nodes[place as usize];
        node.life += 1;
        node.begun = true;
        node.process = Some((self.settings.cradle)(node.address, &node.birth));
        if !with_memory {
            node.disk.safe = Survived::new();
        }
        let survived = node.disk.safe.clone();
        let entropy = self.entropy(place);
        let what = What::Restarted { survived: survived.len() };
        let cause = self.emit(watch, place, 0, what);
        self.hand(place, Input::Restart { entropy, survived }, cause, watch);
    }

    /// A process stands still; if it does already, for the longer of both times.
    pub(super) fn pause<W: Watch<P>>(
        &mut self,
        place: u32,
        for_ns: u64,
        cause: u64,
        watch: &mut W,
    ) {
        let until_ns = self.now_ns.saturating_add(for_ns);
        let node = &mut self.nodes[place as usize];
        if node.asleep_until_ns.is_some_and(|old| old >= until_ns) {
            return;
        }
        node.asleep_until_ns = Some(until_ns);
        let life = node.life;
        self.trouble_until(until_ns);
        self.emit(watch, place, cause, What::Paused { until_ns });
        self.act(until_ns, Act::Wake(place, life));
    }

    /// Something has to wait until the process goes on.
    pub(super) fn wait(&mut self, place: u32, waiting: Waiting<P>) {
        let backlog = &mut self.nodes[place as usize].backlog;
        backlog.push_back(waiting);
        self.full |= backlog.len() > self.settings.most_pending;
    }

    fn wake<W: Watch<P>>(&mut self, place: u32, watch: &mut W) {
        let node = &mut self.nodes[place as usize];
        if node.asleep_until_ns.is_none_or(|until_ns| until_ns > self.now_ns) {
            return;
        }
        node.asleep_until_ns = None;
        self.blame(place, "what it stood still at");
        self.emit(watch, place, 0, What::Resumed);
        while !self.nodes[place as usize].is_asleep() {
            let Some(waiting) = self.nodes[place as usize].backlog.pop_front() else {
                return;
            };
            match waiting {
                Waiting::Begin(cause) => self.start(place, cause, watch),
                Waiting::Flight(flight) => self.receive(flight, watch),
                Waiting::Command(ticket, command) => self.ask(place, ticket, command, watch),
                Waiting::Written => self.written(place, watch),
                Waiting::Again(input, cause) => self.hand(place, input, cause, watch),
            }
        }
    }

    /// Hands in a command.
    fn ask<W: Watch<P>>(&mut self, place: u32, ticket: Ticket, command: P::Command, watch: &mut W) {
        let cause = self.emit(watch, place, 0, What::Commanded { ticket, command: &command });
        self.hand(place, Input::Command { ticket, command }, cause, watch);
    }

    /// Puts down what a process is handed, if time has stood still for long.
    pub(super) fn blame(&mut self, place: u32, kind: &'static str) {
        if self.guard.is_suspicious() {
            self.guard.blame(self.nodes[place as usize].address, kind);
        }
    }
}
