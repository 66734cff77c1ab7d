//! Many statements under one signature.
//!
//! A signature costs as much as the rest of a request. Who has several statements to sign at once
//! writes them on one sheet and signs that: the sheet is a tree of hashes over its lines, the
//! signature is under the root, and each line carries the way from itself to the root, or shares it
//! with others that travel with it. So it stands alone, like any signed statement, and whoever has
//! checked one line of a sheet need not check the signature for another.
//!
//! A sheet is open until somebody needs the bytes of a signature on it, which is when the first
//! message with one of its lines leaves. No process can tell: it holds signatures and never looks
//! into them. A sheet with one line is no sheet: the line itself is signed, as ever.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::hash::Digest;
use super::keys::{PublicKey, SecretKey};
use super::office::Strokes;
use super::tree::{LONGEST, MOST_LINES, PEN, Tree};

/// Statements that one party signs together.
pub(super) struct Sheet {
    key: SecretKey,
    /// None once no more may be written.
    lines: Mutex<Option<Vec<Digest>>>,
    sealed: OnceLock<Sealed>,
    /// What signatures cost at its place.
    strokes: Arc<Strokes>,
}

/// What a sheet is once it is signed.
enum Sealed {
    /// One line alone is no sheet: it is signed itself.
    Alone(Digest, [u8; PEN]),
    Together(Tree),
}

impl Sheet {
    fn new(key: SecretKey, strokes: Arc<Strokes>) -> Sheet {
        Sheet { key, lines: Mutex::new(Some(Vec::new())), sealed: OnceLock::new(), strokes }
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
        let open = lock(&self.lines).as_ref().map(|lines| lines.get(place as usize) == Some(line));
        self.key.public_key() == *key
            && open.unwrap_or_else(|| match self.sealed() {
                Sealed::Alone(own, _) => own == line && place == 0,
                Sealed::Together(tree) => tree.holds(line, place),
            })
    }

    /// The signature of a line, put into `room`: its bytes. That seals the sheet.
    pub(super) fn signature<'a>(&self, place: u32, room: &'a mut [u8; LONGEST]) -> &'a [u8] {
        match self.sealed() {
            Sealed::Alone(_, pen) => {
                room[..PEN].copy_from_slice(pen);
                &room[..PEN]
            }
            Sealed::Together(tree) => tree.signature(place, room),
        }
    }

    /// The tree over its lines, if there are several. That seals the sheet.
    pub(super) fn tree(&self) -> Option<&Tree> {
        match self.sealed() {
            Sealed::Alone(..) => None,
            Sealed::Together(tree) => Some(tree),
        }
    }

    fn sealed(&self) -> &Sealed {
        self.sealed.get_or_init(|| {
            let lines = lock(&self.lines).take().unwrap_or_default();
            let sign = |text: &Digest| self.strokes.seal(|| self.key.pen(text));
            match &lines[..] {
                [line] => Sealed::Alone(*line, sign(line)),
                lines => Sealed::Together(Tree::over(lines, sign)),
            }
        })
    }
}

/// The open sheets of those who sign at one place, by key.
pub(super) struct Sheets {
    open: Mutex<BTreeMap<PublicKey, Arc<Sheet>>>,
    strokes: Arc<Strokes>,
}

impl Sheets {
    pub(super) fn new(strokes: Arc<Strokes>) -> Sheets {
        Sheets { open: Mutex::default(), strokes }
    }

    /// Writes a statement on the open sheet of a key.
    pub(super) fn write(&self, key: &SecretKey, line: &Digest) -> (Arc<Sheet>, u32) {
        let mut open = lock(&self.open);
        let public = key.public_key();
        loop {
            let fresh = || Arc::new(Sheet::new(key.clone(), self.strokes.clone()));
            let sheet = open.entry(public).or_insert_with(fresh);
            if let Some(place) = sheet.write(line) {
                return (sheet.clone(), place);
            }
            open.remove(&public);
        }
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
    use crate::crypto::tree;
    use crate::crypto::{Counts, Hasher, Memory, Notary, Office, Scheme, Signature};
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
            length in 0..=LONGEST,
            small in any::<bool>(),
        ) {
            let length = (0..=length).rev().find(|length| tree::is_length(*length));
            bytes.truncate(length.unwrap_or(PEN));
            if small {
                bytes.iter_mut().skip(PEN + 1).step_by(2).take(2).for_each(|byte| *byte = 0);
            }
            let signature = Signature::from_bytes(&bytes).expect("of that length it is one");
            let (mut notary, _, public, _) = signer();
            prop_assert!(!notary.verify(&public, &line(1), &signature));
        }
    }
}
