//! Many statements under one signature.
//!
//! A signature costs as much as the rest of a request. Who has several statements to sign at once
//! writes them on one sheet and signs that: the sheet is a tree of hashes over its lines, the
//! signature is under the root, and each line carries the way from itself to the root. So it stands
//! alone, like any signed statement, and whoever has checked one line of a sheet need not check the
//! signature for another.
//!
//! A sheet is open until somebody needs the bytes of a signature on it, which is when the first
//! message with one of its lines leaves. No process can tell: it holds signatures and never looks
//! into them. A sheet with one line is no sheet: the line itself is signed, as ever.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::hash::{Digest, Hasher};
use super::keys::{PublicKey, SecretKey};

/// The most lines of a sheet.
const MOST_LINES: usize = 1024;
/// The longest way from a line to the root of such a sheet.
const LONGEST_WAY: usize = MOST_LINES.ilog2() as usize;

/// A signature's own bytes.
const PEN: usize = 64;
/// Where the line stands and of how many, two bytes each.
const PLACE: usize = 4;
/// A hash on the way.
const STEP: usize = 32;

/// The longest form of a signature.
pub(super) const LONGEST: usize = PEN + PLACE + LONGEST_WAY * STEP;

/// Whether a line's signature may have this length.
pub(super) fn is_length(length: usize) -> bool {
    let way = length.checked_sub(PEN + PLACE);
    way.is_some_and(|way| way > 0 && way % STEP == 0 && length <= LONGEST)
}

/// Statements that one party signs together.
pub(super) struct Sheet {
    key: SecretKey,
    /// None once no more may be written.
    lines: Mutex<Option<Vec<Digest>>>,
    sealed: OnceLock<Sealed>,
    /// How many sheets were sealed, with others like this.
    count: Arc<AtomicU64>,
}

/// A sheet that is signed.
struct Sealed {
    pen: [u8; PEN],
    /// The lines, then the hashes of pairs of them, and so on; the last has one hash.
    levels: Vec<Vec<Digest>>,
}

impl Sheet {
    fn new(key: SecretKey, count: Arc<AtomicU64>) -> Sheet {
        Sheet { key, lines: Mutex::new(Some(Vec::new())), sealed: OnceLock::new(), count }
    }

    /// Writes a line; says where it stands. None if the sheet is sealed or full.
    fn write(&self, line: &Digest) -> Option<u32> {
        let mut lines = lock(&self.lines);
        let lines = lines.as_mut().filter(|lines| lines.len() < MOST_LINES)?;
        lines.push(*line);
        Some(lines.len() as u32 - 1)
    }

    /// Whether this key's owner wrote this line, in that place.
    pub(super) fn holds(&self, key: &PublicKey, line: &Digest, place: u32) -> bool {
        let place = place as usize;
        let written = match lock(&self.lines).as_ref() {
            Some(lines) => lines.get(place).copied(),
            None => self.sealed().levels[0].get(place).copied(),
        };
        self.key.public_key() == *key && written == Some(*line)
    }

    /// The signature of a line, put into `room`: its bytes.
    pub(super) fn signature<'a>(&self, place: u32, room: &'a mut [u8; LONGEST]) -> &'a [u8] {
        let Sealed { pen, levels } = self.sealed();
        room[..PEN].copy_from_slice(pen);
        let count = levels[0].len();
        if count == 1 {
            return &room[..PEN];
        }
        room[PEN..PEN + 2].copy_from_slice(&(place as u16).to_le_bytes());
        room[PEN + 2..PEN + PLACE].copy_from_slice(&(count as u16).to_le_bytes());
        let mut end = PEN + PLACE;
        let mut at = place as usize;
        for level in &levels[..levels.len() - 1] {
            if let Some(other) = level.get(at ^ 1) {
                room[end..end + STEP].copy_from_slice(other.as_bytes());
                end += STEP;
            }
            at /= 2;
        }
        &room[..end]
    }

    fn sealed(&self) -> &Sealed {
        self.sealed.get_or_init(|| {
            let lines = lock(&self.lines).take().unwrap_or_default();
            self.count.fetch_add(1, Ordering::Relaxed);
            let mut levels = vec![lines];
            while let Some(last) = levels.last().filter(|last| last.len() > 1) {
                let above = last.chunks(2).map(|pair| match pair {
                    [left, right] => join(left, right),
                    // Who has nobody beside him goes up as he is.
                    rest => rest[0],
                });
                levels.push(above.collect());
            }
            let text = match &levels[..] {
                [lines] => lines[0],
                all => root(all[0].len() as u16, &all[all.len() - 1][0]),
            };
            Sealed { pen: self.key.pen(&text), levels }
        })
    }
}

/// A pair is hashed in one call of the compression function: its left half is the key.
fn join(left: &Digest, right: &Digest) -> Digest {
    Hasher::about(left, "sheet pair").digest(right).finish()
}

fn root(count: u16, top: &Digest) -> Digest {
    Hasher::new("sheet").u32(count.into()).digest(top).finish()
}

/// What the signature in these bytes, of a length that [`is_length`], is under if the line is this:
/// the root of the sheet. None if no line stands there.
pub(super) fn text(line: &Digest, bytes: &[u8]) -> Option<(Digest, [u8; PEN])> {
    let (pen, rest) = bytes.split_first_chunk::<PEN>()?;
    let (place, rest) = rest.split_first_chunk::<2>()?;
    let (count, way) = rest.split_first_chunk::<2>()?;
    let [place, count] = [place, count].map(|number| u16::from_le_bytes(*number));
    let (steps, rest) = way.as_chunks::<STEP>();
    let (mut steps, mut at, mut width) = (steps.iter(), place, count);
    if place >= count || count < 2 || !rest.is_empty() {
        return None;
    }
    let mut top = *line;
    while width > 1 {
        // The last one of an odd number has nobody beside him.
        if at ^ 1 < width {
            let other = Digest::from_bytes(*steps.next()?);
            top = if at % 2 == 0 { join(&top, &other) } else { join(&other, &top) };
        }
        (at, width) = (at / 2, width.div_ceil(2));
    }
    steps.next().is_none().then(|| (root(count, &top), *pen))
}

/// The open sheets of those who sign at one place, by key.
#[derive(Default)]
pub(super) struct Sheets {
    open: Mutex<BTreeMap<PublicKey, Arc<Sheet>>>,
    sealed: Arc<AtomicU64>,
}

impl Sheets {
    /// Writes a statement on the open sheet of a key.
    pub(super) fn write(&self, key: &SecretKey, line: &Digest) -> (Arc<Sheet>, u32) {
        let mut open = lock(&self.open);
        let public = key.public_key();
        loop {
            let fresh = || Arc::new(Sheet::new(key.clone(), self.sealed.clone()));
            let sheet = open.entry(public).or_insert_with(fresh);
            if let Some(place) = sheet.write(line) {
                return (sheet.clone(), place);
            }
            open.remove(&public);
        }
    }

    /// How many sheets were sealed.
    pub(super) fn sealed(&self) -> u64 {
        self.sealed.load(Ordering::Relaxed)
    }
}

/// What is behind a lock stays whole whoever failed with it: it only grows, or is taken.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::{Counts, Memory, Notary, Office, Scheme, Signature};
    use crate::identity::Identity;

    fn line(number: usize) -> Digest {
        Hasher::new("test line").u64(number as u64).finish()
    }

    /// Somebody who signs together what he can.
    fn signer() -> (Notary, SecretKey, PublicKey, Office) {
        let office = Office::new(Memory::None);
        let mut notary = Notary::of(&office, Scheme::Ed25519);
        let (key, public) = notary.keys(&[1; 32], Identity::client(0));
        (notary, key, public, office)
    }

    /// What another reads of a signature.
    fn sent(signature: &Signature) -> Signature {
        signature.with_bytes(Signature::from_bytes).expect("it is a signature")
    }

    #[test]
    fn every_line_stands_alone_on_sheets_of_any_length() {
        for count in (1..=17).chain([31, 32, 33, 1000]) {
            let (mut notary, key, public, office) = signer();
            let signed: Vec<_> = (0..count).map(|n| notary.sign(&key, &line(n))).collect();
            let mut reader = Notary::of(&Office::new(Memory::USUAL), Scheme::Ed25519);
            for (number, signature) in signed.iter().enumerate() {
                let signature = sent(signature);
                assert!(reader.verify(&public, &line(number), &signature), "{number} of {count}");
                assert!(!reader.verify(&public, &line(number + 1), &signature));
            }
            assert_eq!(office.sealed(), 1);
            // A wrong line leads to a root that nobody signed; of one line alone, to itself.
            let Counts { verified, remembered, .. } = reader.counts();
            assert_eq!((verified, remembered), (2 * count as u64, count as u64 - 1), "{count}");
        }
    }

    #[test]
    fn a_sheet_is_closed_when_its_bytes_are_needed_and_another_begun() {
        let (mut notary, key, public, office) = signer();
        let [first, second] = [1, 2].map(|number| notary.sign(&key, &line(number)));
        assert!(notary.verify(&public, &line(1), &first), "its own, still open");
        assert!(!notary.verify(&public, &line(2), &first));
        assert_eq!(format!("{first:?}"), "Signature(line 0)");
        assert_eq!(office.sealed(), 0);
        let early = sent(&second);
        let third = notary.sign(&key, &line(3));
        let all = [first, early, third].map(|signature| sent(&signature));
        assert_eq!(office.sealed(), 2);
        for (number, signature) in (1..).zip(&all) {
            assert!(notary.verify(&public, &line(number), signature));
        }
        let full = MOST_LINES + 1;
        (0..full).for_each(|number| drop(notary.sign(&key, &line(number))));
        sent(&notary.sign(&key, &line(full)));
        assert_eq!(office.sealed(), 3, "the full one was never needed");
    }

    #[test]
    fn keys_have_sheets_of_their_own() {
        let (mut notary, key, public, office) = signer();
        let (other, stranger) = notary.keys(&[1; 32], Identity::client(1));
        let [own, others] = [&key, &other].map(|key| notary.sign(key, &line(1)));
        assert!(notary.verify(&public, &line(1), &own));
        assert!(!notary.verify(&stranger, &line(1), &own));
        assert!(notary.verify(&stranger, &line(1), &sent(&others)));
        sent(&own);
        assert_eq!(office.sealed(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_altered_bit_leaves_a_line_good(
            count in 2..40usize,
            place in any::<prop::sample::Index>(),
            bit in any::<prop::sample::Index>(),
        ) {
            let (mut notary, key, public, _) = signer();
            let signed: Vec<_> = (0..count).map(|n| notary.sign(&key, &line(n))).collect();
            let number = place.index(count);
            let good = sent(&signed[number]);
            let length = good.with_bytes(<[u8]>::len);
            let bad = good.with_bit_flipped(bit.index(8 * length));
            prop_assert!(notary.verify(&public, &line(number), &good));
            prop_assert!(!notary.verify(&public, &line(number), &bad));
            prop_assert!(!notary.is_valid(&public, &line(number), &bad));
        }

        #[test]
        fn bytes_of_a_strangers_making_are_read_without_harm(
            mut bytes in proptest::collection::vec(any::<u8>(), LONGEST),
            steps in 1..=LONGEST_WAY,
            small in any::<bool>(),
        ) {
            bytes.truncate(PEN + PLACE + steps * STEP);
            if small {
                (bytes[PEN + 1], bytes[PEN + 3]) = (0, 0);
            }
            let signature = Signature::from_bytes(&bytes).expect("of that length it is one");
            let (mut notary, _, public, _) = signer();
            prop_assert!(!notary.verify(&public, &line(1), &signature));
        }
    }
}
