//! Tests of choices: exact answers, which no machine and no release may change, and distributions.

use proptest::prelude::*;

use super::*;
use crate::identity::Identity;

const REQUEST: Name = Name::new("request");

fn site(number: u64) -> Site {
    Site {
        purpose: Name::new("loss"),
        from: Address::of(Identity::client(0)),
        to: Address { identity: Identity::replica(0, 1), twin: 1 },
        kind: REQUEST,
        subject: Subject::of(3, number),
        copy: 2,
    }
}

/// Many answers of one seed, for counting.
fn answers() -> impl Iterator<Item = u64> {
    let mut choices = Choices::new(7, Tape::default());
    (0..COUNT).map(move |number| choices.answer(&site(number)))
}

const COUNT: u64 = 100_000;

/// Whether so many of [`COUNT`] answers are within five standard deviations of `per_mille`.
fn assert_about(per_mille: u64, pick: impl Fn(u64) -> bool) {
    let count = answers().filter(|answer| pick(*answer)).count() as u64;
    let expected = COUNT * per_mille / 1000;
    let deviation = (COUNT * per_mille * (1000 - per_mille) / 1_000_000).isqrt();
    assert!(count.abs_diff(expected) <= 5 * deviation, "{count} where {expected} were due");
}

#[test]
fn golden_answers() {
    let mut choices = Choices::new(1, Tape::default());
    let others = [
        Site { purpose: Name::new("latency"), ..site(0) },
        Site { copy: 3, ..site(0) },
        Site { subject: Subject::of(4, 0), ..site(0) },
        Site { to: Address::of(Identity::replica(0, 1)), ..site(0) },
        Site { kind: Name::new("reply"), ..site(0) },
    ];
    let sites = [site(0), site(1)].into_iter().chain(others);
    let mut all: Vec<String> =
        sites.map(|site| format!("{:016x}", choices.answer(&site))).collect();
    let entropy = choices.entropy(Address::of(Identity::OLYMPUS), 0);
    all.push(entropy.iter().map(|byte| format!("{byte:02x}")).collect());
    all.push(format!("{:016x}", REQUEST.code()));
    insta::assert_snapshot!(all.join("\n"), @r"
    adf28c187a7a7c78
    9b6ddf6720d079da
    79e4aa208e29d90c
    e1959b6437fa8905
    ab8e462c4e1dd436
    d03822acd98a1a53
    1cddc823bb0695f6
    85a4814ee7461e8fe02a2dcb08b368a2df979f097d61b754b192f7563d2e5aeb
    6f4743b8bc5b4eb2
    ");
}

#[test]
fn golden_distributions() {
    let answers = [0, 1, 1 << 32, u64::MAX / 100, u64::MAX / 2, 1 << 63, u64::MAX - 1, u64::MAX];
    let half = Probability::from_bits(1 << 63);
    let rows = answers.map(|answer| {
        let low = between(answer, 10, 19);
        let whole = between(answer, 0, u64::MAX) == answer;
        let exponential = exponential(answer, 1_000_000);
        let long = long_tailed(answer, 1_000_000, 20_000_000);
        format!("{low} {whole} {exponential} {long} {}", half.run_length(answer, 64))
    });
    insta::assert_snapshot!(rows.join("\n"), @r"
    10 true 44361419 1696 64
    10 true 44361419 1707 63
    10 true 22180709 1707 31
    10 true 4605170 649510 6
    14 true 693147 264724963 1
    15 true 693147 3777 0
    19 true 0 585793293 0
    19 true 0 589468406 0
    ");
}

/// What is looked up and summed is what the plain ways give, which take a step for each bit. They
/// differ in the last bit for a few of some hundred million fractions, where the plain product of
/// roots has lost it.
#[test]
fn logarithms_and_powers_are_those_of_the_plain_ways() {
    let edges = [0, 1, 1 << 55, (1 << 55) - 1, u64::MAX >> 1, u64::MAX];
    for answer in answers().chain(edges) {
        let mantissa = answer | 1 << 63;
        assert_eq!(log2_of_mantissa(mantissa), log2_by_squaring(mantissa, POINT), "{mantissa:#x}");
        let part = answer >> (64 - POINT);
        let plain = exp2_by_roots(part, POINT) >> (62 - POINT);
        assert_eq!(u128::from(exp2_of_part(part)), plain, "{part:#x}");
    }
}

#[test]
fn extremes_do_no_harm() {
    for answer in [0, 1, u64::MAX / 3, u64::MAX] {
        for size in [0, 1, u64::MAX] {
            let _ = exponential(answer, size);
            assert_eq!(between(answer, size, size), size);
            assert_eq!(between(answer, size, 0), size, "an empty range is its beginning");
            for p99 in [0, size, u64::MAX] {
                let _ = long_tailed(answer, size, p99);
            }
        }
        assert_eq!(long_tailed(answer, 500, 500), 500);
        assert_eq!(Probability::ALWAYS.run_length(answer, 9), 9);
        assert_eq!(Probability::NEVER.run_length(answer, 9), 0);
    }
}

#[test]
fn numbers_between_two_ends_are_equally_likely() {
    for end in 0..10 {
        assert_about(100, |answer| between(answer, 0, 9) == end);
    }
}

#[test]
fn chances_are_what_they_say() {
    assert_about(250, |answer| Probability::from_bits(1 << 62).happens(answer));
    let half = Probability::from_bits(1 << 63);
    assert_about(500, |answer| half.run_length(answer, 64) == 0);
    assert_about(125, |answer| half.run_length(answer, 64) == 2);
}

#[test]
fn exponential_numbers_have_their_mean_and_their_shape() {
    let mean = answers().map(|answer| exponential(answer, 1_000_000)).sum::<u64>() / COUNT;
    assert!(mean.abs_diff(1_000_000) < 16_000, "{mean}");
    assert_about(368, |answer| exponential(answer, 1_000_000) > 1_000_000);
    assert_about(135, |answer| exponential(answer, 1_000_000) > 2_000_000);
}

#[test]
fn long_tails_have_their_median_and_their_hundredth() {
    assert_about(500, |answer| long_tailed(answer, 1_000_000, 20_000_000) < 1_000_000);
    assert_about(10, |answer| long_tailed(answer, 1_000_000, 20_000_000) > 20_000_000);
    assert_about(990, |answer| long_tailed(answer, 1_000_000, 20_000_000) > 50_000);
}

#[test]
fn each_bit_of_an_answer_is_as_likely_as_not_and_follows_each_word_of_the_site() {
    for bit in 0..64 {
        assert_about(500, |answer| answer >> bit & 1 == 1);
    }
    let mut choices = Choices::new(7, Tape::default());
    let turned: u32 = (0..1_000)
        .map(|number| {
            let near = [site(number), site(number ^ 1)].map(|site| choices.answer(&site));
            (near[0] ^ near[1]).count_ones()
        })
        .sum();
    assert!((31_000..33_000).contains(&turned), "{turned} of 64,000 bits");
}

fn address() -> impl Strategy<Value = Address> {
    let numbers = (0..4_u32, 0..=Identity::MAX_NUMBER, 0..32_u8);
    numbers.prop_map(|(kind, index, twin)| {
        let identity = match kind {
            0 => Identity::OLYMPUS,
            1 => Identity::client(index),
            2 => Identity::replica(index / 2, index),
            _ => Identity::other(index),
        };
        Address { identity, twin }
    })
}

prop_compose! {
    fn any_site()(
        purpose in 0..3_usize, kind in 0..2_usize,
        from in address(), to in address(), stream: u64, number: u64, copy: u32,
    ) -> Site {
        let words = ["loss", "latency of the duplicate", "kept by the disk", "x-1"].map(Name::new);
        let (purpose, kind) = (words[purpose], words[kind + 2]);
        Site { purpose, from, to, kind, subject: Subject::of(stream, number), copy }
    }
}

proptest! {
    #[test]
    fn the_text_of_a_site_names_it(site in any_site()) {
        prop_assert_eq!(site.to_string().parse::<SiteKey>(), Ok(site.key()));
    }

    #[test]
    fn both_ways_to_ask_give_one_answer(site in any_site(), seed: u64) {
        let mut choices = Choices::new(seed, Tape::default());
        let Site { purpose, from, to, kind, subject, copy } = site;
        let about = About { kind, subject, copy };
        let ends = choices.ends(from, to);
        prop_assert_eq!(choices.answer_on(purpose, &ends, &about), choices.answer(&site));
    }

    #[test]
    fn no_text_does_harm(text in "\\PC*") {
        let _ = Tape::default().set(&text, 0);
    }
}

#[test]
fn a_text_that_names_no_site_is_told_why() {
    let texts = [
        "",
        "loss: client 0: request 0/3",
        "loss: client 0 -> nobody: request 0/3",
        "loss: client 0 -> client 1: request",
        "loss: client 0 -> client 1: request 3",
        "loss: client 0 -> client 1: request 0/3 copy x",
    ];
    let reasons = texts.map(|text| {
        let error = Tape::default().set(text, 0).unwrap_err().to_string();
        error.split_once("question: ").unwrap().1.split(';').next().unwrap().to_owned()
    });
    insta::assert_snapshot!(reasons.join("\n"), @r"
    it has not three parts, parted by ':'
    the link has no '->'
    an end of the link is no process
    the message has no subject
    the subject is not two numbers, parted by '/'
    the copy is no number
    ");
}

#[test]
fn a_tape_is_written_as_tables_in_a_stable_order_and_read_again() {
    let mut tape = Tape::default();
    tape.set("loss: client 0 -> replica 0.0: request 0/3 copy 1", u64::MAX).unwrap();
    tape.set("latency: client 0 -> replica 0.0: request 0/3", 7).unwrap();
    insta::assert_snapshot!(tape.to_toml(), @r#"
    format = 1

    [[choice]]
    site = "latency: client 0 -> replica 0.0: request 0/3"
    answer = "0x7"

    [[choice]]
    site = "loss: client 0 -> replica 0.0: request 0/3 copy 1"
    answer = "0xffffffffffffffff"
    "#);
    let mut read = Tape::default();
    let reading = crate::scenario::read_tape("tape", tape.to_toml().as_bytes());
    for choice in reading.choices.unwrap() {
        read.set(&choice.site, choice.answer).unwrap();
    }
    assert_eq!(read, tape);
}
