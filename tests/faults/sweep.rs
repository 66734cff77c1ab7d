//! Every failure at every trigger and place, and many at random: nothing panics, nothing runs for
//! ever, and as long as no more replicas fail than the chain bears, the first client gets what it
//! would get if nobody failed. Its key is its own, so nothing depends on how fast anybody is.

use perjury::scenario::Verdict;

use super::{Play, play};

const TRIGGERS: [&str; 10] = [
    "client_request(0,N)",
    "forwarded_request(0,N)",
    "shuttle(0,N)",
    "result_shuttle(0,N)",
    "wedge_request(N)",
    "new_configuration(N)",
    "checkpoint(N)",
    "completed_checkpoint(N)",
    "get_running_state(N)",
    "catch_up(N)",
];

const FAILURES: [&str; 22] = [
    "change_operation()",
    "change_result()",
    "drop_result_stmt()",
    "crash()",
    "truncate_history(1)",
    "sleep(4000)",
    "drop()",
    "increment_slot()",
    "extra_op()",
    "invalid_order_sig()",
    "invalid_result_sig()",
    "drop_checkpt_stmts()",
    "omit_send()",
    "early_reply()",
    "early_checkpoint()",
    "rollback(2)",
    "forge_history(1)",
    "omit_history(0)",
    "equivocate()",
    "replay()",
    "lie_running_state()",
    "flip_bit()",
];

/// A client with seven requests, and checkpoints.
fn stage() -> Play {
    let mut play = play(&[]);
    let workload = "put('k','a'); append('k','b'); get('k'); slice('k','0:1'); get('k'); \
                    append('k','c'); get('k')";
    play.clients = vec![workload.to_owned()];
    play.checkpoint = 2;
    play.more = "[limits]\ntime = \"1h\"\nsteps = 50000\n".to_owned();
    play
}

/// What went wrong in a run that had to go well, if anything did.
fn offence(play: &Play, signatures: &str) -> Option<String> {
    let run = play.run_with(signatures);
    let is_right = run.results(0) == ["OK", "OK", "ab", "OK", "a", "OK", "ac"];
    let report = &run.report;
    let is_held = report.verdict == Verdict::Held && report.missed.is_empty();
    let is_well = is_held && !report.is_beyond_tolerance() && is_right;
    (!is_well).then(|| format!("{:?}\n{report}", play.faults))
}

/// Fails with all offences at once.
pub(super) fn none(offences: &[String]) {
    let count = offences.len();
    assert!(offences.is_empty(), "{count} offences:\n{}", offences.join("\n"));
}

/// A single faulty replica; and a healthy one asks for the chain's replacement, by and by.
fn sweep(configuration: u32) {
    let mut offences = Vec::new();
    for position in 0..3 {
        for trigger in TRIGGERS {
            for failure in FAILURES {
                let number = if trigger.contains('0') { "1" } else { "0" };
                let mut play = stage();
                let who = format!("{configuration}.{position}");
                let when = trigger.replace('N', number);
                play.faults.push((who, when, failure.to_owned()));
                play.clients.push("put('l','v'); reconfig; get('l')".to_owned());
                offences.extend(offence(&play, "ideal"));
            }
        }
    }
    none(&offences);
}

#[test]
fn one_faulty_replica_is_borne_in_the_first_configuration() {
    sweep(0);
}

#[test]
fn one_faulty_replica_is_borne_in_the_second_configuration() {
    sweep(1);
}

/// A few numbers, none of them known beforehand, always the same.
pub(super) struct Dice(u64);

impl Dice {
    /// Dice that fall as nobody else's.
    pub(super) fn new(number: u64) -> Dice {
        let mut dice = Dice(number);
        dice.below(1);
        dice
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((self.0 >> 33) % end as u64) as usize
    }

    /// A replica of this configuration fails up to three times.
    pub(super) fn faults(&mut self, who: &str, play: &mut Play) {
        for _ in 0..=self.below(3) {
            let number = self.below(4).to_string();
            let when = TRIGGERS[self.below(TRIGGERS.len())].replace('N', &number);
            let then = FAILURES[self.below(FAILURES.len())].to_owned();
            play.faults.push((who.to_owned(), when, then));
        }
    }
}

/// Two of five in each of two configurations.
#[test]
fn as_many_as_the_chain_bears_fail_at_random() {
    let mut dice = Dice(1);
    let mut offences = Vec::new();
    for _ in 0..1000 {
        let mut play = stage();
        play.t = 2;
        for configuration in 0..2 {
            let one = dice.below(5);
            let other = (one + 1 + dice.below(4)) % 5;
            for position in [one, other] {
                dice.faults(&format!("{configuration}.{position}"), &mut play);
            }
        }
        offences.extend(offence(&play, "ideal"));
    }
    none(&offences);
}

/// Whatever bit of whatever message: it is the same one under both schemes, and does no harm.
#[test]
fn flipped_bits_are_borne() {
    let mut dice = Dice(7);
    for _ in 0..40 {
        let mut play = stage();
        let who = format!("0.{}", dice.below(3));
        for _ in 0..3 {
            let number = dice.below(5).to_string();
            let when = TRIGGERS[dice.below(TRIGGERS.len())].replace('N', &number);
            play.faults.push((who.clone(), when, "flip_bit()".to_owned()));
        }
        none(offence(&play, "ideal").as_slice());
        play.run();
    }
}

/// The same run with ideal and with real signatures, whatever fails.
#[test]
fn schemes_do_not_differ() {
    let mut dice = Dice(3);
    for failure in FAILURES {
        let mut play = stage();
        let trigger = ["client_request(0,1)", "shuttle(0,1)", "wedge_request(0)"][dice.below(3)];
        let position = dice.below(3);
        play.faults.push((format!("0.{position}"), trigger.to_owned(), failure.to_owned()));
        play.faults.push((format!("0.{position}"), "shuttle(0,3)".to_owned(), "crash()".into()));
        play.run();
    }
}
