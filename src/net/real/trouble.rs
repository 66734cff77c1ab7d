//! Pauses and crashes that come at a time, not with a message.
//!
//! A process does something only when something comes to it. So whether it is gone, or stands
//! still, matters when the next input comes, and no sooner: then it is found to be so. Crashed
//! processes of built-in protocols never come back, whatever a scenario says of a restart: they
//! would end themselves at once.

use std::sync::Arc;

use crate::fault::{self, Attackable};
use crate::identity::{Class, Identity};
use crate::process::{Input, Interpose, Interposers, Outbox, Process as _, Protocol};
use crate::scenario::{Pause, ProcessTrouble, Scenario};
use crate::time::Now;

/// Who stands before which process, so that a scenario's failures, pauses and crashes happen.
pub(in crate::net) fn interposers<P: Attackable>(scenario: &Scenario) -> Option<Interposers<P>> {
    let failures = fault::interposers::<P>(&scenario.faults, scenario.seed);
    let is_some = |one: &&ProcessTrouble| !(one.crashes.is_empty() && one.pauses.is_empty());
    let troubles: Vec<ProcessTrouble> =
        scenario.processes.iter().filter(is_some).cloned().collect();
    if troubles.is_empty() {
        return failures;
    }
    Some(Arc::new(move |address| {
        let inner = failures.as_ref().and_then(|find| find(address));
        let mut all = troubles.iter().filter(|one| one.which.covers(address.identity)).peekable();
        all.peek()?;
        let (mut crashes, mut pauses) = (Vec::new(), Vec::new());
        for trouble in all {
            crashes.extend(trouble.crashes.iter().map(|crash| crash.at_ns));
            pauses.extend(trouble.pauses.iter().copied());
        }
        let is_founder = is_founder(address.identity);
        Some(Box::new(Troubled::<P> { inner, crashes, pauses, is_founder, has_begun: false }))
    }))
}

/// Whether somebody is there from the beginning, or as good as that.
fn is_founder(identity: Identity) -> bool {
    identity.class != Class::Replica || identity.configuration == 0
}

/// Stands before a process that is paused, or gone, at some time.
#[derive(Debug)]
struct Troubled<P: Protocol> {
    /// Who makes it fail in other ways, if anybody does.
    inner: Option<Box<dyn Interpose<P>>>,
    /// When it is gone.
    crashes: Vec<u64>,
    /// When it stands still.
    pauses: Vec<Pause>,
    is_founder: bool,
    has_begun: bool,
}

impl<P: Protocol> Troubled<P> {
    /// What was to come before a process was there does not come to it.
    fn begin(&mut self, now_ns: u64) {
        if !self.has_begun && !self.is_founder {
            self.crashes.retain(|at_ns| *at_ns >= now_ns);
            self.pauses.retain(|pause| pause.at_ns >= now_ns);
        }
        self.has_begun = true;
    }

    /// How much longer it stands still.
    fn rests_ns(&self, now_ns: u64) -> u64 {
        let met = self.pauses.iter().filter(|pause| pause.at_ns <= now_ns);
        let rest = met.map(|Pause { at_ns, for_ns }| at_ns.saturating_add(*for_ns));
        rest.map(|until_ns| until_ns.saturating_sub(now_ns)).max().unwrap_or(0)
    }
}

impl<P: Protocol> Interpose<P> for Troubled<P> {
    fn handle(&mut self, now: Now, input: Input<P>, process: &mut P::Process, out: &mut Outbox<P>) {
        let now_ns = now.monotonic_ns;
        self.begin(now_ns);
        if self.crashes.iter().any(|at_ns| *at_ns <= now_ns) {
            return out.crash();
        }
        match (self.rests_ns(now_ns), &mut self.inner) {
            (0, None) => process.handle(now, input, out),
            (0, Some(inner)) => inner.handle(now, input, process, out),
            (rests_ns, _) => out.stall(rests_ns, input),
        }
    }

    fn boxed_clone(&self) -> Box<dyn Interpose<P>> {
        let (crashes, pauses) = (self.crashes.clone(), self.pauses.clone());
        Box::new(Troubled { inner: self.inner.clone(), crashes, pauses, ..*self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Memory, Notary, Scheme};
    use crate::identity::Address;
    use crate::process::Effect;
    use crate::protocol::solo::{self, Message, Solo};
    use crate::scenario::{Crash, Party, Solo as Knobs};

    fn troubled(trouble: ProcessTrouble, who: Identity) -> Option<Box<dyn Interpose<Solo>>> {
        let mut scenario = Scenario::new(crate::scenario::Protocol::Solo(Knobs::default()));
        scenario.processes.push(trouble);
        interposers::<Solo>(&scenario).and_then(|find| find(Address::of(who)))
    }

    /// What comes of a question at that time, in a word each.
    fn asked(who: &mut Box<dyn Interpose<Solo>>, at_ns: u64) -> Vec<&'static str> {
        let notary = Notary::new(Scheme::Ideal, Memory::None);
        let (mut process, mut out) = (Solo::born(solo::Birth::Server), Outbox::new(notary, false));
        let message = Message::Ask { request: 0, operation: crate::object::Operation::get("k") };
        let input = Input::Message { from: Identity::client(0), message };
        who.handle(Now { monotonic_ns: at_ns, wall_ns: 0 }, input, &mut process, &mut out);
        let told = |effect: &Effect<Solo>| match effect {
            Effect::Send { .. } => "answers",
            Effect::Crash => "crashes",
            Effect::Stall { for_ns: 30, .. } => "rests for 30",
            _ => "does something else",
        };
        out.take().iter().map(told).collect()
    }

    #[test]
    fn who_is_paused_rests_until_the_pause_is_over() {
        let pauses = vec![Pause { at_ns: 100, for_ns: 50 }];
        let trouble = ProcessTrouble { pauses, ..ProcessTrouble::none(Party::Position(0)) };
        assert!(troubled(trouble.clone(), Identity::client(0)).is_none());
        let mut server = troubled(trouble, solo::SERVER).unwrap();
        let times = [99, 120, 150].map(|at_ns| asked(&mut server, at_ns));
        assert_eq!(times, [["answers"], ["rests for 30"], ["answers"]]);
    }

    #[test]
    fn who_was_to_crash_before_he_was_there_does_not() {
        let crashes = vec![Crash { at_ns: 100, restart: None }];
        let trouble = ProcessTrouble { crashes, ..ProcessTrouble::none(Party::Replicas) };
        let mut first = troubled(trouble.clone(), Identity::replica(0, 0)).unwrap();
        assert_eq!([99, 100].map(|at_ns| asked(&mut first, at_ns)), [["answers"], ["crashes"]]);
        let mut late = troubled(trouble.clone(), Identity::replica(1, 0)).unwrap();
        assert_eq!([101, 102].map(|at_ns| asked(&mut late, at_ns)), [["answers"]; 2]);
        let mut early = troubled(trouble, Identity::replica(1, 0)).unwrap();
        assert_eq!([99, 102].map(|at_ns| asked(&mut early, at_ns)), [["answers"], ["crashes"]]);
    }
}
