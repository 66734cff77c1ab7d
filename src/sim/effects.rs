//! What comes of an input: the effects of a process, its timers and its disk.

use std::sync::Arc;

use crate::process::{self, Effect, InjectionStep, Input, Protocol};
use crate::trace::{Watch, What};

use super::node::{Alarm, Waiting};
use super::world::{Act, World, tag};

impl<P: Protocol> World<P> {
    /// Hands an input to a process and carries out what comes of it.
    pub(super) fn hand<W: Watch<P>>(
        &mut self,
        place: u32,
        input: Input<P>,
        cause: u64,
        watch: &mut W,
    ) {
        let node = &mut self.nodes[place as usize];
        let now = node.clock.read(self.now_ns);
        let Some(process) = &mut node.process else {
            return;
        };
        let mut effects =
            process::hand(process, &mut node.interposer, (now, input), &mut self.outbox);
        for effect in effects.drain(..) {
            self.carry_out(place, effect, cause, watch);
        }
        self.outbox.reuse(effects);
    }

    /// Carries out an effect, or holds it back until what was persisted before it is safe.
    fn carry_out<W: Watch<P>>(&mut self, place: u32, effect: Effect<P>, cause: u64, watch: &mut W) {
        let node = &mut self.nodes[place as usize];
        if node.process.is_none() {
            return;
        }
        if node.disk.writing.is_some() && effect.leaves() {
            node.disk.held.push_back((effect, cause));
            self.full |= node.disk.held.len() > self.settings.most_pending;
            return;
        }
        match effect {
            Effect::Send { to, message } => self.send(place, to, message, cause, watch),
            Effect::SetTimer { timer, after_ns } => {
                self.set_timer(place, timer, after_ns, cause, watch);
            }
            Effect::CancelTimer(timer) => {
                if node.timers.cancel(timer) {
                    self.emit(watch, place, cause, What::TimerCancelled { timer });
                }
            }
            Effect::Note(note) => {
                self.emit(watch, place, cause, What::Noted(&note));
            }
            rare => self.carry_out_rare(place, rare, cause, watch),
        }
    }

    #[cold]
    fn carry_out_rare<W: Watch<P>>(
        &mut self,
        place: u32,
        effect: Effect<P>,
        cause: u64,
        watch: &mut W,
    ) {
        match effect {
            Effect::Spawn { identity, birth } => self.bear(place, (identity, birth), cause, watch),
            Effect::Stop => self.stop(place, cause, watch),
            Effect::Persist { shelf, bytes } => self.persist(place, shelf, bytes, cause, watch),
            Effect::Answer { ticket, answer } => {
                self.emit(watch, place, cause, What::Answered { ticket, answer: &answer });
                self.answers.push((ticket, answer));
            }
            Effect::Injected(injection) => {
                if injection.step != InjectionStep::InVain {
                    self.trouble_until(self.now_ns);
                }
                self.emit(watch, place, cause, What::Injected(&injection));
            }
            Effect::Crash => self.crash(place, cause, watch),
            Effect::Stall { for_ns, again } => {
                let node = &mut self.nodes[place as usize];
                let for_ns = node.clock.true_length(for_ns);
                node.backlog.push_front(Waiting::Again(*again, cause));
                self.pause(place, for_ns, cause, watch);
            }
            Effect::Send { .. }
            | Effect::SetTimer { .. }
            | Effect::CancelTimer(_)
            | Effect::Note(_) => {}
        }
    }

    fn set_timer<W: Watch<P>>(
        &mut self,
        place: u32,
        timer: P::Timer,
        after_ns: u64,
        cause: u64,
        watch: &mut W,
    ) {
        let node = &mut self.nodes[place as usize];
        let due_ns = self.now_ns.saturating_add(node.clock.true_length(after_ns));
        if node.timers.set(timer, due_ns) {
            self.plan_alarm(place, timer, due_ns);
        }
        self.emit(watch, place, cause, What::TimerSet { timer, due_ns });
    }

    fn plan_alarm(&mut self, place: u32, timer: P::Timer, due_ns: u64) {
        let life = self.nodes[place as usize].life;
        match self.alarms.put((place, life, timer)) {
            Some(number) => self.queue.push(due_ns, tag::ALARM | number),
            None => self.full = true,
        }
    }

    /// A plan for a timer comes up: whose timer runs out, if one does.
    pub(super) fn alarm(&mut self, number: u64, at_ns: u64) -> Option<(u32, P::Timer)> {
        let (place, life, timer) = self.alarms.take(number)?;
        let node = &mut self.nodes[place as usize];
        if node.life != life {
            return None;
        }
        match node.timers.came_up(timer, at_ns, node.asleep_until_ns) {
            Alarm::Void => None,
            Alarm::Renew(due_ns) => {
                self.plan_alarm(place, timer, due_ns);
                None
            }
            Alarm::Fires => Some((place, timer)),
        }
    }

    /// A timer runs out.
    pub(super) fn ring<W: Watch<P>>(&mut self, place: u32, timer: P::Timer, watch: &mut W) {
        self.blame(place, "a timer");
        let cause = self.emit(watch, place, 0, What::TimerFired { timer });
        self.hand(place, Input::Timer(timer), cause, watch);
    }

    fn persist<W: Watch<P>>(
        &mut self,
        place: u32,
        shelf: u64,
        bytes: Arc<[u8]>,
        cause: u64,
        watch: &mut W,
    ) {
        self.emit(watch, place, cause, What::Persisting { shelf, bytes: bytes.len() });
        let node = &mut self.nodes[place as usize];
        node.disk.writing = Some((shelf, bytes));
        let life = node.life;
        let safe_ns = self.now_ns.saturating_add(self.settings.disk_ns);
        self.act(safe_ns, Act::Written(place, life));
    }

    /// What a process was writing is safe: what waited for it leaves, then the process is told.
    /// While it stands still, nothing of it leaves.
    pub(super) fn written<W: Watch<P>>(&mut self, place: u32, watch: &mut W) {
        let node = &mut self.nodes[place as usize];
        if node.is_asleep() {
            node.disk.safe.extend(node.disk.writing.clone());
            self.wait(place, Waiting::Written);
            return;
        }
        let Some((shelf, bytes)) = node.disk.writing.take() else {
            return;
        };
        node.disk.safe.insert(shelf, bytes);
        self.blame(place, "what it persists");
        let cause = self.emit(watch, place, 0, What::Persisted { shelf });
        while self.nodes[place as usize].disk.writing.is_none() {
            let held = self.nodes[place as usize].disk.held.pop_front();
            let Some((effect, cause)) = held else { break };
            self.carry_out(place, effect, cause, watch);
        }
        self.hand(place, Input::Persisted { shelf }, cause, watch);
    }
}
