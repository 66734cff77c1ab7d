//! Every choice of a run is the answer to a named question.
//!
//! A question is named by its [`Site`]: what is asked (loss, latency, …), on which link, about
//! which kind of message and which subject of that kind, and about which copy of it. It is never
//! "the next draw": a message more or less somewhere else moves no answer here. That is what lets a
//! fault be left out, a client be added or the code be changed, and everything else stay as it was.
//!
//! An answer is 64 bits, computed from the seed and the site through keys that ChaCha derives from
//! the seed; nothing is drawn, so there is no state. It is used without rejection. A [`Tape`]
//! overrides single answers: scenario, seed and tape name a run completely.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::identity::Address;

/// A fixed word, for instance a kind of message, with a code that depends on its letters alone.
///
/// The code is what goes into a site, so that a renamed or reordered enum elsewhere changes
/// nothing.
#[derive(Clone, Copy)]
pub struct Name {
    text: &'static str,
    code: u64,
}

impl Name {
    /// The name with these letters. Make constants of it: the code is then computed at build time.
    pub const fn new(text: &'static str) -> Name {
        Name { text, code: letters(text.as_bytes()) }
    }

    /// The letters.
    pub const fn text(self) -> &'static str {
        self.text
    }

    /// The code of the letters.
    pub const fn code(self) -> u64 {
        self.code
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.code == other.code
    }
}

impl Eq for Name {}

/// By code: an order, and no particular one.
impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        self.code.cmp(&other.code)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// FNV-1a, 64 bits: good enough to tell words apart, and computable in a constant.
const fn letters(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

/// What a message is about, in its own kind: the slot, the request, the round.
///
/// `number` should be dense and mostly rising within a `stream` (a client's requests are a stream,
/// so are a configuration's slots): the network then remembers what it has carried in a few bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// Which row of numbers this one belongs to, for instance the client.
    pub stream: u64,
    /// The place in the row, for instance the request id.
    pub number: u64,
}

impl Subject {
    /// Number `number` of the only row there is.
    pub const fn number(number: u64) -> Subject {
        Subject { stream: 0, number }
    }

    /// Number `number` in the row `stream`.
    pub const fn of(stream: u64, number: u64) -> Subject {
        Subject { stream, number }
    }
}

/// The name of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// What is asked.
    pub purpose: Name,
    /// The link's sending end, or the process that the question is about.
    pub from: Address,
    /// The link's receiving end, or again the process.
    pub to: Address,
    /// The kind of message.
    pub kind: Name,
    /// What the message is about.
    pub subject: Subject,
    /// How many messages of this kind and subject this link carried before.
    pub copy: u32,
}

impl Site {
    fn key(&self) -> SiteKey {
        SiteKey {
            purpose: self.purpose.code,
            from: self.from.pack(),
            to: self.to.pack(),
            kind: self.kind.code,
            subject: self.subject,
            copy: self.copy,
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Site { purpose, from, to, kind, subject, copy } = self;
        write!(f, "{purpose}: {from} -> {to}: {kind} {}/{}", subject.stream, subject.number)?;
        if *copy > 0 { write!(f, " copy {copy}") } else { Ok(()) }
    }
}

/// A site without its letters: what answers are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SiteKey {
    purpose: u64,
    from: u64,
    to: u64,
    kind: u64,
    subject: Subject,
    copy: u32,
}

/// A text that should name a site and does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' names no question: {reason}; {SITE_HELP}")]
pub struct SiteError {
    text: String,
    reason: &'static str,
}

impl SiteError {
    /// What is wrong with the text.
    pub const fn reason(&self) -> &'static str {
        self.reason
    }
}

/// How a site is written, and where to find those of a run.
pub const SITE_HELP: &str = "write what is asked, the link and the message, for example \
     'loss: client 0 -> replica 0.0: client_request 0/2', with ' copy 1' behind it when it is sent \
     again; perjury run FILE --record-tape TAPE writes every site of a run";

impl FromStr for SiteKey {
    type Err = SiteError;

    fn from_str(text: &str) -> Result<SiteKey, SiteError> {
        let fail = |reason| SiteError { text: text.to_owned(), reason };
        let mut parts = text.splitn(3, ':').map(str::trim);
        let (Some(purpose), Some(link), Some(message)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(fail("it has not three parts, parted by ':'"));
        };
        let (from, to) = link.split_once("->").ok_or_else(|| fail("the link has no '->'"))?;
        let address = |text: &str| {
            text.trim().parse::<Address>().map_err(|_| fail("an end of the link is no process"))
        };
        let (from, to) = (address(from)?.pack(), address(to)?.pack());
        let (message, copy) = match message.split_once(" copy ") {
            Some((message, copy)) => {
                (message, copy.trim().parse().map_err(|_| fail("the copy is no number"))?)
            }
            None => (message, 0),
        };
        let (kind, subject) =
            message.trim().rsplit_once(' ').ok_or_else(|| fail("the message has no subject"))?;
        let subject = subject
            .split_once('/')
            .and_then(|(stream, number)| {
                Some(Subject::of(stream.parse().ok()?, number.parse().ok()?))
            })
            .ok_or_else(|| fail("the subject is not two numbers, parted by '/'"))?;
        let code = |word: &str| letters(word.trim().as_bytes());
        Ok(SiteKey { purpose: code(purpose), from, to, kind: code(kind), subject, copy })
    }
}

/// Answers that override the seed's, each at its own site; most runs have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tape {
    answers: BTreeMap<SiteKey, (String, u64)>,
}

impl Tape {
    /// Puts `answer` at the site that `site` names, as it is printed.
    pub fn set(&mut self, site: &str, answer: u64) -> Result<(), SiteError> {
        let key = site.parse()?;
        self.answers.insert(key, (site.to_owned(), answer));
        Ok(())
    }

    /// The sites, as printed, and their answers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.answers.values().map(|(site, answer)| (site.as_str(), *answer))
    }

    /// A tape file: a table for each answer, in the order of the sites' text.
    pub fn to_toml(&self) -> String {
        let mut answers: Vec<_> = self.iter().collect();
        answers.sort_unstable();
        let tables = answers.into_iter().map(|(site, answer)| {
            let site = toml::Value::from(site);
            format!("\n[[choice]]\nsite = {site}\nanswer = \"{answer:#x}\"\n")
        });
        std::iter::once("format = 1\n".to_owned()).chain(tables).collect()
    }

    /// How many answers it holds.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}

/// Both ends of a link, or twice the process that a question is about, with their share in every
/// answer worked out.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    from: Address,
    to: Address,
    code: u64,
}

/// What a question is about: a [`Site`] without purpose and link.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The kind of message.
    pub kind: Name,
    /// What the message is about.
    pub subject: Subject,
    /// How many messages of this kind and subject this link carried before.
    pub copy: u32,
}

/// Who answers the questions of one run.
#[derive(Clone, Debug)]
pub struct Choices {
    seed: u64,
    keys: [u64; 8],
    tape: Tape,
    /// The tape's entries that were asked for.
    used: BTreeSet<SiteKey>,
    recorded: Option<Tape>,
    /// Neither a tape nor a recording: the seed's answers are all that there is.
    plain: bool,
}

impl Choices {
    /// The seed's answers, except where the tape has others.
    pub fn new(seed: u64, tape: Tape) -> Choices {
        let keys = keys_of(seed);
        let plain = tape.is_empty();
        Choices { seed, keys, tape, used: BTreeSet::new(), recorded: None, plain }
    }

    /// From now on answers as this seed would; entropy stays that of the first.
    pub fn redraw(&mut self, seed: u64) {
        self.keys = keys_of(seed);
    }

    /// From now on keeps every question that is asked, with its answer. Costs memory for each.
    pub fn record(&mut self) {
        self.recorded.get_or_insert_default();
        self.plain = false;
    }

    /// What was kept since [`Choices::record`].
    pub fn recorded(&self) -> Option<&Tape> {
        self.recorded.as_ref()
    }

    /// The entries of the tape, as they are written, that nothing has asked for so far: in a run
    /// that is over they had no effect, and a person should hear of it.
    pub fn unasked(&self) -> impl Iterator<Item = &str> {
        let unused = self.tape.answers.iter().filter(|(key, _)| !self.used.contains(key));
        unused.map(|(_, (site, _))| site.as_str())
    }

    /// The ends of a link, for [`Choices::answer_on`].
    pub fn ends(&self, from: Address, to: Address) -> Ends {
        let code = fold(from.pack() ^ self.keys[2], to.pack() ^ self.keys[3]);
        Ends { from, to, code }
    }

    /// The answer at this site.
    pub fn answer(&mut self, site: &Site) -> u64 {
        let Site { purpose, from, to, kind, subject, copy } = *site;
        self.answer_on(purpose, &self.ends(from, to), &About { kind, subject, copy })
    }

    /// The answer at the site that has these parts: the same as [`Choices::answer`] gives, in less
    /// time.
    pub fn answer_on(&mut self, purpose: Name, ends: &Ends, about: &About) -> u64 {
        let drawn = self.drawn(purpose.code, ends.code, about);
        if self.plain { drawn } else { self.overridden(purpose, ends, about, drawn) }
    }

    /// Looks into the tape, and records.
    #[cold]
    fn overridden(&mut self, purpose: Name, ends: &Ends, about: &About, drawn: u64) -> u64 {
        let Ends { from, to, .. } = *ends;
        let About { kind, subject, copy } = *about;
        let site = Site { purpose, from, to, kind, subject, copy };
        let key = site.key();
        let answer = self.tape.answers.get(&key).map_or(drawn, |(_, answer)| *answer);
        if self.tape.answers.contains_key(&key) {
            self.used.insert(key);
        }
        if let Some(recorded) = &mut self.recorded {
            recorded.answers.insert(key, (site.to_string(), answer));
        }
        answer
    }

    /// Four keyed folded multiplications over the site's eight words, and two to finish.
    fn drawn(&self, purpose: u64, link: u64, about: &About) -> u64 {
        let k = &self.keys;
        let asked = fold(purpose ^ k[0], u64::from(about.copy) ^ k[1]);
        let kind = fold(about.kind.code ^ k[4], about.subject.stream ^ k[5]);
        let number = fold(about.subject.number ^ k[6], asked ^ k[7]);
        fold(fold(link ^ k[1], number ^ k[6]) ^ k[5], kind ^ number.rotate_left(29) ^ k[0])
    }

    /// Entropy for one life of the process at this address: from the seed and these alone.
    pub fn entropy(&self, address: Address, life: u32) -> [u8; 32] {
        let mut source = ChaCha20Rng::seed_from_u64(self.seed);
        source.set_stream(address.pack());
        source.set_word_pos((u128::from(life) + 1) << 8);
        let mut bytes = [0; 32];
        source.fill_bytes(&mut bytes);
        bytes
    }
}

/// What answers are computed with.
fn keys_of(seed: u64) -> [u64; 8] {
    let mut source = ChaCha20Rng::seed_from_u64(seed);
    std::array::from_fn(|_| source.next_u64())
}

/// Both halves of the 128-bit product, folded into 64 bits.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// A probability in units of 2⁻⁶⁴; the largest value means certainty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probability(u64);

impl Probability {
    /// Never.
    pub const NEVER: Probability = Probability(0);
    /// Always.
    pub const ALWAYS: Probability = Probability(u64::MAX);

    /// From the threshold itself: so many of 2⁶⁴ answers, and all of them for the greatest.
    pub const fn from_bits(bits: u64) -> Probability {
        Probability(bits)
    }

    /// The threshold itself.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether a thing of this probability happens under this answer.
    pub const fn happens(self, answer: u64) -> bool {
        answer < self.0 || self.0 == u64::MAX
    }

    /// How many times in a row it happens, at most `most` times, under one answer.
    pub fn run_length(self, answer: u64, most: u32) -> u32 {
        let mut bar = self;
        let mut times = 0;
        while times < most && bar.happens(answer) {
            times += 1;
            if bar != Probability::ALWAYS {
                bar = Probability(high(bar.0, self.0));
            }
        }
        times
    }
}

/// The upper half of a product: scales the answer `a` (a fraction of 2⁶⁴) to `0..b`.
fn high(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

/// A whole number from `low` to `high`, both possible, evenly by the answer.
pub fn between(answer: u64, low: u64, high_end: u64) -> u64 {
    let width = high_end.saturating_sub(low);
    if width == u64::MAX { answer } else { low + high(answer, width + 1) }
}

/// Bits behind the point in the logarithms below.
const POINT: u32 = 32;
/// The natural logarithm of two, with [`POINT`] bits.
const LN_2: u128 = 2_977_044_472;

/// −log₂ of the answer taken as a fraction in (0, 1], with 32 bits behind the point; integers
/// alone.
fn minus_log2(answer: u64) -> u64 {
    let whole = u64::from(answer.leading_zeros().min(63));
    let mantissa = ((answer | 1) << whole) | 1 << 63;
    ((whole + 1) << POINT) - log2_of_mantissa(mantissa)
}

/// log₂ of m·2⁻⁶³ for m with its top bit set: in [0, 1), cut off behind [`POINT`] bits.
///
/// The highest bits are looked up; for the rest r, log₂(1 + r) is the series of the natural
/// logarithm, whose seventh term is too small to matter.
fn log2_of_mantissa(mantissa: u64) -> u64 {
    let step = (mantissa >> (63 - STEP_BITS)) as usize % STEPS;
    let base = mantissa >> (63 - STEP_BITS) << (63 - STEP_BITS);
    let r = high(mantissa - base, RECIPROCALS[step]) << 1;
    let [half, third, fourth, fifth, sixth] = PARTS_OF_ONE;
    let series = [fifth, fourth, third, half].iter().fold(sixth, |sum, part| part - high(r, sum));
    let natural = r - high(r, high(r, series));
    let rest = natural + high(natural, LOG2_E_LESS_1);
    LOGARITHMS[step].saturating_add(rest) >> (64 - POINT)
}

/// How many bits of a mantissa or an exponent are looked up.
const STEP_BITS: u32 = 8;
const STEPS: usize = 1 << STEP_BITS;

/// 1/2 to 1/6, with 64 bits behind the point.
const PARTS_OF_ONE: [u64; 5] = {
    let mut parts = [1 << 63; 5];
    let mut place = 1;
    while place < parts.len() {
        parts[place] = ((1_u128 << 64) / (place as u128 + 2)) as u64;
        place += 1;
    }
    parts
};

/// The binary logarithm of e less 1, and the natural one of 2, with 64 bits behind the point.
const LOG2_E_LESS_1: u64 = 0x7154_7652_b82f_e177;
const LN_2_LONG: u64 = 0xb172_17f7_d1cf_79ab;

/// What divides by a mantissa of which all but the highest bits are zero.
const RECIPROCALS: [u64; STEPS] = {
    let mut all = [u64::MAX; STEPS];
    let mut step = 1;
    while step < STEPS {
        all[step] = ((1_u128 << 127) / mantissa_of(step) as u128) as u64;
        step += 1;
    }
    all
};

/// The logarithms of such mantissas, with 64 bits behind the point, the last of which is not known.
const LOGARITHMS: [u64; STEPS] = {
    let mut all = [0; STEPS];
    let mut step = 0;
    while step < STEPS {
        all[step] = log2_by_squaring(mantissa_of(step), 63) << 1;
        step += 1;
    }
    all
};

const fn mantissa_of(step: usize) -> u64 {
    (STEPS + step) as u64 * (1 << (63 - STEP_BITS))
}

/// log₂ of m·2⁻⁶³ for m with its top bit set, with so many bits behind the point, by repeated
/// squaring.
const fn log2_by_squaring(mantissa: u64, bits: u32) -> u64 {
    let mut m = mantissa;
    let mut result = 0;
    let mut bit = bits;
    while bit > 0 {
        bit -= 1;
        let square = ((m as u128) * (m as u128)) >> 63;
        if square >> 64 != 0 {
            result |= 1 << bit;
            m = (square >> 1) as u64;
        } else {
            m = square as u64;
        }
    }
    result
}

/// An exponentially distributed number with this mean.
pub fn exponential(answer: u64, mean: u64) -> u64 {
    let natural = (u128::from(minus_log2(answer)) * LN_2) >> POINT;
    ((natural * u128::from(mean)) >> POINT).min(u128::from(u64::MAX)) as u64
}

/// Eight dice of 256 sides sum up to this on average, and to so much more in one of a hundred
/// throws.
const THROW: (u64, u64) = (1_020, 479);

/// A long-tailed number: half are below `median`, one in a hundred is above `p99`.
///
/// Log-normal, as near as the sum of the answer's eight bytes is to a normal number: beyond some
/// five standard deviations there is nothing, so no message is late by an hour because seconds are
/// rare.
pub fn long_tailed(answer: u64, median: u64, p99: u64) -> u64 {
    let spread = u128::from(log2(p99.max(median).max(1)) - log2(median.max(1)));
    let thrown: u64 = answer.to_le_bytes().iter().map(|die| u64::from(*die)).sum();
    let distance = u128::from(thrown.abs_diff(THROW.0)) * spread / u128::from(THROW.1);
    let (whole, part) = ((distance >> POINT) as u32, distance as u64 & ((1 << POINT) - 1));
    let factor = u128::from(exp2_of_part(part)) << whole.min(30);
    let scaled = match thrown > THROW.0 {
        true => (u128::from(median) * factor) >> POINT,
        false => (u128::from(median) << POINT) / factor,
    };
    scaled.min(u128::from(u64::MAX)) as u64
}

/// log₂ of a number from 1, with [`POINT`] bits.
fn log2(number: u64) -> u64 {
    let zeros = number.leading_zeros();
    (u64::from(63 - zeros) << POINT) + log2_of_mantissa(number << zeros)
}

/// 2 to the power of a fraction with 32 bits, as a number in [1, 2) with 32 bits.
///
/// The highest bits are looked up; for the rest it is the series of the exponential function, up to
/// its fifth power.
fn exp2_of_part(part: u64) -> u64 {
    let step = (part >> (POINT - STEP_BITS)) as usize % STEPS;
    let z = high(part << (64 - POINT) << STEP_BITS >> STEP_BITS, LN_2_LONG);
    // 1 + z/5, then 1 + z/4 of that, …: what is left of 1 + z is less than a hundredth.
    let series = [5, 4, 3, 2].iter().fold(0, |sum, power| (z + high(z, sum)) / power);
    let rest = z + high(z, series);
    let power = POWERS[step];
    (power + high(power, rest)) >> (63 - POINT)
}

/// 2 to the power of 0, 1/256, 2/256, …, with 63 bits behind the point.
const POWERS: [u64; STEPS] = {
    let mut all = [0; STEPS];
    let mut step = 0;
    while step < STEPS {
        all[step] = (exp2_by_roots(step as u64, STEP_BITS) << 1) as u64;
        step += 1;
    }
    all
};

/// 2 to the power of a fraction with so many bits, with 62 bits behind the point: a product of
/// roots.
const fn exp2_by_roots(part: u64, bits: u32) -> u128 {
    let mut value = 1_u128 << 62;
    let mut root = 2_u128 << 62;
    let mut bit = bits;
    while bit > 0 {
        bit -= 1;
        // 2^(1/2), 2^(1/4), … each the square root of the one before.
        root = (root << 62).isqrt();
        if part >> bit & 1 == 1 {
            value = (value * root) >> 62;
        }
    }
    value
}

/// A question about a process alone, not about a message.
pub fn about(purpose: Name, process: Address, number: u64) -> Site {
    let subject = Subject::number(number);
    Site { purpose, from: process, to: process, kind: purpose, subject, copy: 0 }
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
