//! Which replicas fail, when and how.
//!
//! In each configuration that may have faults some positions are picked to be faulty, and only they
//! are given failures that count as faults: so it is known before the run whether it is within what
//! the protocol bears. To be slow is no fault, and may befall anybody.

use std::collections::BTreeSet;

use crate::choice::{Name, Subject};
use crate::explore::dice::{Dice, Odds};
use crate::explore::kinds::Kinds;
use crate::explore::menu::{Menu, Theme};
use crate::explore::shape::{Shape, Tolerance};
use crate::fault::{Failure, Fault, Trigger};
use crate::scenario::Scenario;

const CONFIGURATIONS: Name = Name::new("configurations with faults");
const FAULTY: Name = Name::new("faulty replicas");
const RANK: Name = Name::new("rank of a replica");
const THEMED: Name = Name::new("failures by theme");
const COUNT: Name = Name::new("failures of a replica");
const TRIGGER: Name = Name::new("trigger");
const CLIENT: Name = Name::new("client of a trigger");
const NUMBER: Name = Name::new("number of a trigger");
const FAILURE: Name = Name::new("failure");
const ARGUMENT: Name = Name::new("argument");
const SLOW: Name = Name::new("slow replicas");
const SLEEPER: Name = Name::new("sleeper");

/// As many faults as most scenarios have.
const USUAL_FAULTS: usize = 12;

/// How long a replica sleeps, in milliseconds: from what nobody notices to what everybody does.
const SLEEPS: [u64; 8] = [1, 20, 400, 2_000, 4_000, 10_000, 60_000, 60_000];

/// Draws the faults, beside those that the base has.
pub(super) fn draw(shape: &Shape, kinds: &Kinds, scenario: &mut Scenario, dice: &mut Dice) {
    let most = u64::from(shape.configurations.max(1));
    // Every further configuration is half as likely.
    let further = dice.answer(CONFIGURATIONS, Subject::default()).leading_zeros();
    let last = match Menu::of(&scenario.protocol).has_olympus() {
        true => u64::from(further).min(most - 1),
        false => 0,
    };
    // Whoever crashes at some time of the clock is as faulty as who fails at a message.
    let already: Vec<BTreeSet<u32>> = (0..=last as u32).map(|of| scenario.faulty(of)).collect();
    let mut faults = std::mem::take(&mut scenario.faults);
    faults.reserve(USUAL_FAULTS);
    let mut drawing = Drawing { shape, kinds, scenario, dice };
    for (configuration, already) in (0..).zip(&already) {
        for position in drawing.faulty_positions(configuration, already) {
            drawing.failures_of(configuration, position, &mut faults);
        }
    }
    drawing.sleepers(last as u32, &mut faults);
    scenario.faults = faults;
}

struct Drawing<'a> {
    shape: &'a Shape,
    kinds: &'a Kinds,
    scenario: &'a Scenario,
    dice: &'a mut Dice,
}

impl Drawing<'_> {
    fn menu(&self) -> Menu<'_> {
        Menu::of(&self.scenario.protocol)
    }

    /// The positions that may get failures which count: those that have one already, and as many
    /// others as there is room for.
    fn faulty_positions(&mut self, configuration: u32, already: &BTreeSet<u32>) -> Vec<u32> {
        let (all, bears) = (self.menu().positions(), self.menu().tolerated());
        let at = Subject::number(u64::from(configuration));
        let most = match self.shape.tolerance {
            // Mostly as many as may be: fewer are a part of that.
            Tolerance::Within if self.dice.chance(FAULTY, at, Odds(3, 4)) => bears,
            Tolerance::Within => bears.saturating_sub(1),
            Tolerance::Beyond if configuration > 0 => bears,
            Tolerance::Beyond => {
                let (least, most) = (u64::from(bears) + 1, u64::from(all));
                self.dice.between(FAULTY, at, (least.min(most), most)) as u32
            }
        };
        let mut ranked: Vec<(bool, u64, u32)> = (0..all)
            .map(|position| {
                let which = Subject::of(u64::from(configuration), u64::from(position));
                (!already.contains(&position), self.dice.answer(RANK, which), position)
            })
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().take(most as usize).map(|(_, _, position)| position).collect()
    }

    /// The failures of one replica: some of each theme of the protocol, or any at all.
    fn failures_of(&mut self, configuration: u32, position: u32, faults: &mut Vec<Fault>) {
        let menu = self.menu();
        let mut offer = Offer {
            place: u64::from(configuration) << 32 | u64::from(position),
            triggers: menu.triggers(configuration, position),
            failures: menu.failures(position),
        };
        offer.failures.retain(|failure| failure.is_fault() && self.kinds.has(failure.name()));
        let themes = menu.themes();
        let which = Subject::number(offer.place);
        let new =
            |(trigger, failures)| Fault { configuration, replica: position, trigger, failures };
        if self.dice.chance(THEMED, which, Odds(1, 2)) {
            let most = self.shape.failures_each.div_ceil(themes.len() as u64);
            for (number, theme) in (0..).zip(themes) {
                let count =
                    self.dice.between(COUNT, Subject::of(offer.place, number + 1), (0, most));
                if count > 0 {
                    let drawn = self.pairs(&offer.about(theme), (number + 1) * 100, count);
                    faults.extend(drawn.into_iter().map(new));
                }
            }
        } else {
            let count = self.dice.between(COUNT, which, (1, self.shape.failures_each));
            faults.extend(self.pairs(&offer, 0, count).into_iter().map(new));
        }
    }

    /// So many pairs of an offer, if it has any.
    fn pairs(&mut self, offer: &Offer, first: u64, count: u64) -> Vec<(Trigger, Vec<Failure>)> {
        if offer.triggers.is_empty() || offer.failures.is_empty() {
            return Vec::new();
        }
        let pair = |number| {
            let at = Subject::of(offer.place, first + number);
            let trigger = self.trigger(&offer.triggers, at);
            let failure = self.dice.pick(FAILURE, at, &offer.failures);
            (trigger, vec![self.with_argument(failure, at)])
        };
        (0..count).map(pair).collect()
    }

    /// Replicas that are only slow, whoever they are: half of them at work, half when they are
    /// replaced.
    fn sleepers(&mut self, last: u32, faults: &mut Vec<Fault>) {
        if !self.kinds.has("sleep") {
            return;
        }
        let all = u64::from(self.menu().positions());
        let sleeps = |failure: &Failure| matches!(failure, Failure::Sleep { .. });
        if all == 0 || !self.menu().failures(0).iter().any(sleeps) {
            return;
        }
        for number in 0..self.dice.between(SLOW, Subject::default(), (0, 3)) {
            let of = |part| Subject::of(number, part);
            let configuration = self.dice.between(SLEEPER, of(0), (0, u64::from(last))) as u32;
            let replica = self.dice.between(SLEEPER, of(1), (0, all - 1)) as u32;
            let themes = self.menu().themes();
            let theme =
                &themes[self.dice.between(SLEEPER, of(2), (0, themes.len() as u64 - 1)) as usize];
            let triggers = about(theme, self.menu().triggers(configuration, replica));
            if triggers.is_empty() {
                continue;
            }
            let at = Subject::of(u64::MAX, number);
            let trigger = self.trigger(&triggers, at);
            let milliseconds = self.dice.pick(ARGUMENT, at, &SLEEPS);
            let failures = vec![Failure::Sleep { milliseconds }];
            faults.push(Fault { configuration, replica, trigger, failures });
        }
    }

    /// The first messages are the likeliest: there are some of every kind.
    fn trigger(&mut self, triggers: &[Trigger], at: Subject) -> Trigger {
        let trigger = self.dice.pick(TRIGGER, at, triggers);
        let Some(_) = trigger.client() else {
            return trigger.with_number(self.dice.pick(NUMBER, at, &[0, 0, 0, 0, 0, 0, 0, 1]));
        };
        let clients = self.scenario.clients.len().max(1) as u64;
        let client = self.dice.between(CLIENT, at, (0, clients - 1)) as u32;
        let workload = self.scenario.clients.get(client as usize).map(|client| &client.workload);
        let requests = workload.map_or(1, |workload| workload.demand_count()).max(1);
        let below = self.dice.pick(CLIENT, Subject { number: at.number + 1_000, ..at }, &[1, 3, 9]);
        let number = self.dice.between(NUMBER, at, (0, requests.min(below) - 1));
        trigger.with_client(client).with_number(number)
    }

    /// Small numbers: histories are short.
    fn with_argument(&mut self, failure: Failure, at: Subject) -> Failure {
        let number = self.dice.pick(ARGUMENT, at, &[0, 1, 1, 2, 3, 10]);
        match failure {
            // To leave out nothing is no lie.
            Failure::TruncateHistory { .. } | Failure::Rollback { .. } => {
                failure.with_argument(number.max(1))
            }
            failure => failure.with_argument(number),
        }
    }
}

/// What can be drawn for one replica.
struct Offer {
    /// Its configuration and position, as one number.
    place: u64,
    triggers: Vec<Trigger>,
    failures: Vec<Failure>,
}

impl Offer {
    /// The part of it that belongs to a theme.
    fn about(&self, theme: &Theme) -> Offer {
        let all = theme.failures.is_empty();
        let belongs = |failure: &&Failure| all || theme.failures.contains(&failure.name());
        let failures = self.failures.iter().filter(belongs).copied().collect();
        Offer { place: self.place, triggers: about(theme, self.triggers.clone()), failures }
    }
}

/// The triggers that belong to a theme.
fn about(theme: &Theme, mut triggers: Vec<Trigger>) -> Vec<Trigger> {
    triggers.retain(|trigger| theme.triggers.contains(&trigger.name()));
    triggers
}
