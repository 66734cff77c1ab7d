//! Pauses and crashes that come at a time, not with a message, and clocks that run wrong.
//!
//! A process does something only when something comes to it. So whether it is gone, or stands
//! still, matters when the next input comes, and no sooner: then it is found to be so. Crashed
//! processes of built-in protocols never come back, whatever a scenario says of a restart: they
//! would end themselves at once. What a process is told of the time, and how long its timers run,
//! is bent by whoever stands before it.

use std::sync::Arc;

use crate::fault::{self, Attackable};
use crate::identity::{Class, Identity};
use crate::process::{Effect, Input, Interpose, Interposers, Outbox, Process as _, Protocol};
use crate::scenario::{Jump, Pause, ProcessTrouble, Scenario};
use crate::sim::Clock;
use crate::time::{Now, WALL_START_NS};

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
        if all.peek().is_none() {
            return inner;
        }
        let mut troubled = Troubled::<P> {
            inner,
            crashes: Vec::new(),
            pauses: Vec::new(),
            jumps: Vec::new(),
            clock: Clock::TRUE,
            is_founder: is_founder(address.identity),
            has_begun: false,
        };
        all.for_each(|trouble| troubled.meets(trouble));
        Some(Box::new(troubled))
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
    /// When its wall clock is set.
    jumps: Vec<Jump>,
    clock: Clock,
    is_founder: bool,
    has_begun: bool,
}

impl<P: Protocol> Troubled<P> {
    /// This befalls it too.
    fn meets(&mut self, trouble: &ProcessTrouble) {
        self.crashes.extend(trouble.crashes.iter().map(|crash| crash.at_ns));
        self.pauses.extend(&trouble.pauses);
        self.jumps.extend(&trouble.jumps);
        self.clock = Clock {
            rate_ppb: trouble.clock_rate_ppb.unwrap_or(self.clock.rate_ppb),
            ahead_ns: trouble.clock_offset_ns.unwrap_or(self.clock.ahead_ns),
        };
    }

    /// What was to come before a process was there does not come to it.
    fn begin(&mut self, now_ns: u64) {
        if !self.has_begun && !self.is_founder {
            self.crashes.retain(|at_ns| *at_ns >= now_ns);
            self.pauses.retain(|pause| pause.at_ns >= now_ns);
            self.jumps.retain(|jump| jump.at_ns >= now_ns);
        }
        self.has_begun = true;
    }

    /// How much longer it stands still.
    fn rests_ns(&self, now_ns: u64) -> u64 {
        let met = self.pauses.iter().filter(|pause| pause.at_ns <= now_ns);
        let rest = met.map(|Pause { at_ns, for_ns }| at_ns.saturating_add(*for_ns));
        rest.map(|until_ns| until_ns.saturating_sub(now_ns)).max().unwrap_or(0)
    }

    /// What its clocks show.
    fn reads(&self, now: Now) -> Now {
        let Now { monotonic_ns, wall_ns } = now;
        let past = self.jumps.iter().filter(|jump| jump.at_ns <= monotonic_ns);
        let jumped_ns = past.fold(0_i64, |sum, jump| sum.saturating_add(jump.by_ns));
        let shown = self.clock.read(monotonic_ns);
        // How much the calendar was ahead of a true clock's beginning, in the simulator's terms.
        let since_ns = shown.wall_ns.saturating_sub(WALL_START_NS.saturating_add(monotonic_ns));
        let behind_ns = WALL_START_NS.saturating_add(monotonic_ns).saturating_sub(shown.wall_ns);
        let wall_ns = wall_ns.saturating_add(since_ns).saturating_sub(behind_ns);
        Now { monotonic_ns: shown.monotonic_ns, wall_ns: wall_ns.saturating_add_signed(jumped_ns) }
    }

    /// What it waits for takes as long as its clock says.
    fn stretch(&self, out: &mut Outbox<P>) {
        if self.clock.rate_ppb == Clock::TRUE.rate_ppb {
            return;
        }
        let mut effects = out.take();
        for effect in &mut effects {
            if let Effect::SetTimer { after_ns: ns, .. } | Effect::Stall { for_ns: ns, .. } = effect
            {
                *ns = self.clock.true_length(*ns);
            }
        }
        out.put_back(effects);
    }
}

impl<P: Protocol> Interpose<P> for Troubled<P> {
    fn handle(&mut self, now: Now, input: Input<P>, process: &mut P::Process, out: &mut Outbox<P>) {
        let now_ns = now.monotonic_ns;
        self.begin(now_ns);
        if self.crashes.iter().any(|at_ns| *at_ns <= now_ns) {
            return out.crash();
        }
        let rests_ns = self.rests_ns(now_ns);
        if rests_ns > 0 {
            return out.stall(rests_ns, input);
        }
        let now = self.reads(now);
        match &mut self.inner {
            None => process.handle(now, input, out),
            Some(inner) => inner.handle(now, input, process, out),
        }
        self.stretch(out);
    }

    fn boxed_clone(&self) -> Box<dyn Interpose<P>> {
        let (crashes, pauses) = (self.crashes.clone(), self.pauses.clone());
        let (inner, jumps) = (self.inner.clone(), self.jumps.clone());
        Box::new(Troubled { inner, crashes, pauses, jumps, ..*self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Memory, Notary, Scheme};
    use crate::identity::Address;
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
    fn wrong_clocks_show_wrong_times_and_stretch_timers() {
        let mut troubled = Troubled::<Solo> {
            inner: None,
            crashes: Vec::new(),
            pauses: Vec::new(),
            jumps: Vec::new(),
            clock: Clock::TRUE,
            is_founder: true,
            has_begun: false,
        };
        let now = Now { monotonic_ns: 1_000, wall_ns: 50_000 };
        assert_eq!(troubled.reads(now), now);
        troubled.meets(&ProcessTrouble {
            clock_offset_ns: Some(-7_000),
            clock_rate_ppb: Some(ProcessTrouble::TRUE_RATE_PPB / 2),
            jumps: vec![Jump { at_ns: 1_000, by_ns: 90 }, Jump { at_ns: 1_001, by_ns: 1 }],
            ..ProcessTrouble::none(Party::All)
        });
        let shown = Now { monotonic_ns: 500, wall_ns: 50_000 - 500 - 7_000 + 90 };
        assert_eq!(troubled.reads(now), shown);
        let mut out = Outbox::new(Notary::new(Scheme::Ideal, Memory::None), false);
        out.set_timer(solo::Timer::Client, 1_000);
        troubled.stretch(&mut out);
        assert!(matches!(out.take()[..], [Effect::SetTimer { after_ns: 2_000, .. }]));
    }

    #[test]
    fn who_is_in_no_trouble_fails_as_ever() {
        let mut scenario = Scenario::new(crate::scenario::Protocol::Solo(Knobs::default()));
        let crashes = vec![Crash { at_ns: 100, restart: None }];
        let trouble = ProcessTrouble { crashes, ..ProcessTrouble::none(Party::Clients) };
        scenario.processes.push(trouble);
        scenario.faults.push(fault::Fault {
            configuration: 0,
            replica: 0,
            trigger: fault::Trigger::Received { kind: solo::ASK, number: 0 },
            failures: vec![fault::Failure::Drop],
        });
        let find = interposers::<Solo>(&scenario).unwrap();
        let mut server = find(Address::of(solo::SERVER)).unwrap();
        assert_eq!(asked(&mut server, 100), ["does something else"], "it is put on record");
        assert!(find(Address::of(Identity::replica(0, 1))).is_none());
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
