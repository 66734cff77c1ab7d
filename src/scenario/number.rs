//! Exact numbers from decimal text: durations in nanoseconds, probabilities in 64-bit fixed point,
//! clock rates, bandwidths.
//!
//! No floats anywhere: the text `0.01` becomes the same 64 bits on every machine.

pub use crate::choice::Probability;

impl Probability {
    /// From a decimal number from 0 to 1, rounded to the nearest.
    #[must_use]
    pub fn from_decimal(text: &str) -> Option<Self> {
        let Decimal { negative: false, digits, places } = Decimal::read(text)? else {
            return None;
        };
        let one = 10_u128.checked_pow(places)?;
        if digits >= one {
            return (digits == one).then_some(Self::ALWAYS);
        }
        let (mut bits, mut rest) = (0_u64, digits);
        for _ in 0..64 {
            rest *= 2;
            bits = bits << 1 | u64::from(rest >= one);
            rest -= if rest >= one { one } else { 0 };
        }
        Some(Self::from_bits(bits.saturating_add(u64::from(rest * 2 >= one))))
    }

    /// The shortest decimal number that reads as this one.
    #[must_use]
    pub fn to_decimal(self) -> String {
        if self == Self::ALWAYS {
            return "1.0".to_owned();
        }
        let rounded = |places: u32| {
            let digits = scaled(self.bits(), places);
            let width = places as usize;
            let whole = if digits >= 10_u128.pow(places) { 1 } else { 0 };
            format!("{whole}.{:0width$}", digits % 10_u128.pow(places))
        };
        (1..=19)
            .map(rounded)
            .find(|text| Self::from_decimal(text) == Some(self))
            .unwrap_or_else(|| exact(self.bits()))
    }
}

/// `bits` · 10^`places` / 2⁶⁴, to the nearest.
fn scaled(bits: u64, places: u32) -> u128 {
    (u128::from(bits) * 10_u128.pow(places) + (1 << 63)) >> 64
}

/// `bits` / 2⁶⁴ with 22 digits behind the point, which is enough to tell all of them apart.
fn exact(bits: u64) -> String {
    let mut digits = String::from("0.");
    let mut rest = u128::from(bits);
    for _ in 0..22 {
        rest *= 10;
        digits.push(char::from(b'0' + u8::try_from(rest >> 64).unwrap_or_default()));
        rest &= (1 << 64) - 1;
    }
    digits
}

/// `digits` / 10^`places`.
struct Decimal {
    negative: bool,
    digits: u128,
    places: u32,
}

impl Decimal {
    /// `12`, `-0.5`, `1e-3`; at most 30 digits.
    fn read(text: &str) -> Option<Self> {
        let (text, negative) = match text.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (text.strip_prefix('+').unwrap_or(text), false),
        };
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let all = format!("{whole}{}", part.trim_end_matches('0'));
        if whole.is_empty() || all.len() > 30 || !all.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits: u128 = all.parse().ok()?;
        let places = i32::try_from(all.len() - whole.len()).ok()? - exponent.clamp(-60, 60);
        if places > 30 {
            return None;
        }
        let up = 10_u128.checked_pow(u32::try_from(-places).unwrap_or(0))?;
        let places = u32::try_from(places).unwrap_or(0);
        Some(Self { negative, digits: digits.checked_mul(up)?, places })
    }

    /// This many units, if that is a whole number.
    fn times(&self, unit: u64) -> Option<u128> {
        let product = self.digits.checked_mul(u128::from(unit))?;
        let one = 10_u128.checked_pow(self.places)?;
        (product % one == 0).then_some(product / one)
    }
}

/// The units of time, longest first, in nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

/// How a duration is written, for help texts.
pub(super) const DURATION_HELP: &str =
    "write a number with a unit, ns us ms s min h or d: \"250ms\", \"1.5s\", \"1h30min\"";

/// Nanoseconds from `250ms`, `1.5s`, `1h30min`.
#[must_use]
pub fn duration(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total = 0_u64;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(end);
        let behind = behind.trim_start();
        let end = behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let unit = if unit == "m" { "min" } else { unit };
        let (_, ns) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let part = Decimal::read(number)?.times(*ns)?;
        total = total.checked_add(u64::try_from(part).ok()?)?;
        rest = behind.trim_start();
        if rest.is_empty() {
            return Some(total);
        }
    }
}

/// A duration that may be negative.
#[must_use]
pub fn signed_duration(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix('-') {
        Some(rest) => i64::try_from(duration(rest)?).ok().map(|ns| -ns),
        None => i64::try_from(duration(text.strip_prefix('+').unwrap_or(text))?).ok(),
    }
}

/// The shortest way to write a duration in one unit up to the second.
#[must_use]
pub fn show_duration(ns: u64) -> String {
    let fits = |(_, unit): &&(&str, u64)| ns.is_multiple_of(*unit);
    let long = ns >= 600_000_000_000;
    let units = if long { &UNITS[1..] } else { &UNITS[3..] };
    let (name, unit) = units.iter().find(fits).copied().unwrap_or(("ns", 1));
    format!("{}{name}", ns / unit)
}

/// The same for one that may be negative.
#[must_use]
pub fn show_signed_duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    format!("{sign}{}", show_duration(ns.unsigned_abs()))
}

/// Parts per 10⁹ from a decimal number, if it is exactly so many.
#[must_use]
pub fn rate_ppb(text: &str) -> Option<u64> {
    let decimal = Decimal::read(text)?;
    let ppb = decimal.times(1_000_000_000)?;
    u64::try_from(ppb).ok().filter(|_| !decimal.negative)
}

/// The decimal number for parts per 10⁹.
#[must_use]
pub fn show_rate(ppb: u64) -> String {
    let digits = format!("{}.{:09}", ppb / 1_000_000_000, ppb % 1_000_000_000);
    let short = digits.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

/// The units of size; longest first where one ends like another.
const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Bytes a second from `10MB/s`, `1.5KiB/s`.
#[must_use]
pub fn bandwidth(text: &str) -> Option<u64> {
    let text = text.trim().strip_suffix("/s")?.trim_end();
    let (number, unit) = SIZES
        .iter()
        .find_map(|(name, unit)| text.strip_suffix(name).map(|number| (number, *unit)))?;
    let decimal = Decimal::read(number.trim_end())?;
    let bytes = u64::try_from(decimal.times(unit)?).ok()?;
    (bytes > 0 && !decimal.negative).then_some(bytes)
}

/// The shortest way to write bytes a second in one unit.
#[must_use]
pub fn show_bandwidth(bytes: u64) -> String {
    let decimal = SIZES[3..].iter().find(|(_, unit)| bytes.is_multiple_of(*unit));
    let (name, unit) = decimal.copied().unwrap_or(("B", 1));
    format!("{}{name}/s", bytes / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn probabilities_have_golden_bits() {
        let bits = |text| Probability::from_decimal(text).map(Probability::bits);
        assert_eq!(bits("0.5"), Some(1 << 63));
        assert_eq!(bits("0.01"), Some(184_467_440_737_095_516));
        assert_eq!(bits("1e-2"), bits("0.01"));
        assert_eq!(bits("0"), Some(0));
        assert_eq!(bits("1.000"), Some(u64::MAX));
        for wrong in ["1.01", "-0.5", "", ".5", "x", "nan", "inf", "1e99", "1e-99"] {
            assert_eq!(bits(wrong), None, "{wrong}");
        }
        assert!(Probability::ALWAYS.happens(u64::MAX) && !Probability::NEVER.happens(0));
        assert_eq!(Probability::from_bits(184_467_440_737_095_516).to_decimal(), "0.01");
    }

    #[test]
    fn durations_are_exact() {
        assert_eq!(duration("1.5s"), Some(1_500_000_000));
        assert_eq!(duration(" 1h 30min "), Some(5_400_000_000_000));
        assert_eq!(duration("2 ms"), Some(2_000_000));
        assert_eq!(duration("3m"), duration("3min"));
        for wrong in ["", "3", "s", "0.5ns", "3 parsecs", "-1s", "1e3s", "999999999999d", "1.2.3s"]
        {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
        assert_eq!(signed_duration("-10s"), Some(-10_000_000_000));
        assert_eq!(show_duration(3_000_000_000), "3s");
        assert_eq!(show_duration(100_000), "100us");
        assert_eq!(show_duration(3_600_000_000_000), "1h");
        assert_eq!(show_duration(0), "0s");
    }

    #[test]
    fn rates_and_bandwidths_are_exact() {
        assert_eq!(rate_ppb("1.001"), Some(1_001_000_000));
        assert_eq!(rate_ppb("1"), Some(1_000_000_000));
        assert_eq!(rate_ppb("1.0000000001"), None);
        assert_eq!(show_rate(1_000_000_000), "1.0");
        assert_eq!(bandwidth("10MB/s"), Some(10_000_000));
        assert_eq!(bandwidth("1.5 KiB/s"), Some(1536));
        assert_eq!(bandwidth("0B/s"), None);
        assert_eq!(bandwidth("10MB"), None);
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(bits: u64, signed in -i64::MAX..) {
            let probability = Probability::from_bits(bits);
            let decimal = probability.to_decimal();
            prop_assert_eq!(Probability::from_decimal(&decimal), Some(probability));
            prop_assert_eq!(duration(&show_duration(bits)), Some(bits));
            prop_assert_eq!(signed_duration(&show_signed_duration(signed)), Some(signed));
            prop_assert_eq!(rate_ppb(&show_rate(bits)), Some(bits));
            prop_assert_eq!(bandwidth(&show_bandwidth(bits.max(1))), Some(bits.max(1)));
        }

        #[test]
        fn no_text_is_too_much(text in "\\PC*") {
            let _ = (Probability::from_decimal(&text), duration(&text), signed_duration(&text));
            let _ = (rate_ppb(&text), bandwidth(&text));
        }
    }
}
