//! Signed statements that travel together, so that the sheets they stand on travel once.
//!
//! Alone, a line of a sheet carries the way to the root. The ways of many lines are nearly one and
//! consist of the lines. So in what is written within a [`Binder`], a signature is the number of
//! its sheet and its place there; behind all that was written follows of each sheet what its lines
//! do not give: the signature under the root, and who else stands beside the ways. Whoever reads
//! it, within an [`Unbinder`], makes the trees again.
//!
//! What stands inside of a signed statement is written as ever: its hash may cover it.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use super::hash::Digest;
use super::signature::Signature;
use super::tree::{self, PEN, STEP, Tree};

/// How many bytes a line's signature has in a bundle: its sheet and its place there.
const LENGTH: usize = 4;

thread_local! {
    /// What is being written or read now. Serde knows no way to hand it on.
    static OPEN: RefCell<Open> = const { RefCell::new(Open::None) };
}

enum Open {
    None,
    Writing(Binder),
    Reading(Unbinder),
}

/// A sheet of which lines came together.
#[derive(Debug, Default)]
pub(super) struct Page(OnceLock<Tree>);

impl Page {
    /// What is known of it. All that has come is known before anybody is given it.
    pub(super) fn tree(&self) -> &Tree {
        self.0.get().expect("nothing of a bundle is given out before all of it is read")
    }
}

/// Binds what is written.
#[derive(Default)]
pub struct Binder {
    /// Of each sheet one of its lines' signatures.
    sheets: Vec<Signature>,
    /// Which lines were written: the number of the sheet, and the place there.
    lines: Vec<(u16, u16)>,
    /// How deep inside of signed statements the writer is.
    depth: usize,
}

impl Binder {
    /// Writes something that is bound with all else.
    pub fn bind<T>(&mut self, write: impl FnOnce() -> T) -> T {
        OPEN.replace(Open::Writing(std::mem::take(self)));
        let written = write();
        if let Open::Writing(binder) = OPEN.replace(Open::None) {
            *self = binder;
        }
        written
    }

    /// How many lines were bound.
    pub fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Only so many of the lines were bound: what was written after them is not kept.
    pub fn cut(&mut self, lines: usize) {
        self.lines.truncate(lines);
        let sheets = self.lines.iter().map(|(sheet, _)| usize::from(*sheet) + 1).max();
        self.sheets.truncate(sheets.unwrap_or(0));
    }

    /// Puts what all the lines have in common behind what was written.
    pub fn finish(self, to: &mut Vec<u8>) {
        let mut places = vec![Vec::new(); self.sheets.len()];
        for (sheet, place) in &self.lines {
            places[usize::from(*sheet)].push(usize::from(*place));
        }
        for (sheet, mut places) in self.sheets.iter().zip(places) {
            let Some((tree, _)) = sheet.line() else { continue };
            places.sort_unstable();
            places.dedup();
            to.extend_from_slice(tree.pen());
            to.extend_from_slice(&tree.count().to_le_bytes());
            for beside in tree::missing(tree.count().into(), places) {
                let node = tree.node(beside).expect("who stands beside a line that is known is");
                to.extend_from_slice(node.as_bytes());
            }
        }
    }

    /// The number of a line's sheet and its place there, if it can be bound.
    fn place(&mut self, signature: &Signature, line: &Digest) -> Option<(u16, u16)> {
        if self.depth > 0 {
            return None;
        }
        let (tree, place) = signature.line().filter(|(tree, place)| tree.holds(line, *place))?;
        let is_that =
            |sheet: &Signature| sheet.line().is_some_and(|(own, _)| std::ptr::eq(own, tree));
        let number = self.sheets.iter().rposition(is_that).unwrap_or(self.sheets.len());
        let found = (u16::try_from(number).ok()?, place as u16);
        if number == self.sheets.len() {
            self.sheets.push(signature.clone());
        }
        self.lines.push(found);
        Some(found)
    }
}

/// Reads what a [`Binder`] bound.
#[derive(Default)]
pub struct Unbinder {
    /// Of each sheet what has come of it.
    sheets: Vec<Coming>,
    /// A signature of which the line has not been read.
    loose: Option<(u16, u16)>,
    depth: usize,
}

/// A sheet of which lines come, each with its place.
type Coming = (Arc<Page>, Vec<(u16, Digest)>);

/// Why a bundle is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// A signature stands alone, or two different lines stand in one place.
    #[error("the lines of a bundle do not fit its sheets; both sides must speak the same version")]
    Lines,
    /// There is no sheet with these lines.
    #[error("the sheets of a bundle are damaged")]
    Sheets,
}

impl Unbinder {
    /// Reads something that was bound. What was read is not to be looked at before
    /// [`Unbinder::finish`].
    pub fn unbind<T>(&mut self, read: impl FnOnce() -> T) -> T {
        OPEN.replace(Open::Reading(std::mem::take(self)));
        let value = read();
        if let Open::Reading(unbinder) = OPEN.replace(Open::None) {
            *self = unbinder;
        }
        value
    }

    /// Reads what all the lines have in common, and leaves what comes behind it.
    ///
    /// # Errors
    ///
    /// If it is not what the lines ask for. All that was read is void then.
    pub fn finish(self, bytes: &mut &[u8]) -> Result<(), BundleError> {
        if self.loose.is_some() {
            return Err(BundleError::Lines);
        }
        for (page, mut lines) in self.sheets {
            lines.sort_unstable_by_key(|(place, _)| *place);
            lines.dedup();
            if lines.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                return Err(BundleError::Lines);
            }
            let pen = take::<PEN>(bytes).ok_or(BundleError::Sheets)?;
            let count = take(bytes).map(u16::from_le_bytes).ok_or(BundleError::Sheets)?;
            let beside = || take::<STEP>(bytes).map(Digest::from_bytes);
            let tree = Tree::with(pen, count, &lines, beside).ok_or(BundleError::Sheets)?;
            // Each page is filled once: it is here once.
            let _ = page.0.set(tree);
        }
        Ok(())
    }

    /// The sheet of this number and the place there; the line is to come.
    fn page(&mut self, (number, place): (u16, u16)) -> Option<(Arc<Page>, u32)> {
        // Sheets are numbered as they are first met.
        let at = usize::from(number);
        if self.depth > 0 || self.loose.is_some() || at > self.sheets.len() {
            return None;
        }
        if at == self.sheets.len() {
            self.sheets.push(Default::default());
        }
        self.loose = Some((number, place));
        Some((self.sheets[at].0.clone(), place.into()))
    }

    /// A line has come, with the signature that came last.
    fn stands(&mut self, line: &Digest) {
        if self.depth == 0
            && let Some((number, place)) = self.loose.take()
        {
            self.sheets[usize::from(number)].1.push((place, *line));
        }
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

/// Goes inside of a signed statement, to write or to read it.
pub(super) fn inside<T>(go: impl FnOnce() -> T) -> T {
    let step = |by: isize| {
        OPEN.with_borrow_mut(|open| match open {
            Open::None => {}
            Open::Writing(Binder { depth, .. }) | Open::Reading(Unbinder { depth, .. }) => {
                *depth = depth.saturating_add_signed(by);
            }
        });
    };
    step(1);
    let done = go();
    step(-1);
    done
}

/// The bytes that stand for the signature of this line where it is written, if it is bound.
pub(super) fn bound(signature: &Signature, line: &Digest) -> Option<[u8; LENGTH]> {
    OPEN.with_borrow_mut(|open| {
        let Open::Writing(binder) = open else { return None };
        let (sheet, place) = binder.place(signature, line)?;
        let [[a, b], [c, d]] = [sheet, place].map(u16::to_le_bytes);
        Some([a, b, c, d])
    })
}

/// What these bytes stand for where they are read, if that is bound.
pub(super) fn read(bytes: &[u8]) -> Option<(Arc<Page>, u32)> {
    let &[a, b, c, d] = <&[u8; LENGTH]>::try_from(bytes).ok()?;
    let [sheet, place] = [[a, b], [c, d]].map(u16::from_le_bytes);
    OPEN.with_borrow_mut(|open| match open {
        Open::Reading(unbinder) => unbinder.page((sheet, place)),
        Open::None | Open::Writing(_) => None,
    })
}

/// The line has been read to which the last signature belongs.
pub(super) fn stands(line: &Digest) {
    OPEN.with_borrow_mut(|open| {
        if let Open::Reading(unbinder) = open {
            unbinder.stands(line);
        }
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::crypto::{Hasher, Memory, Notary, Office, PublicKey, Scheme, Signed, Statement};
    use crate::identity::Identity;
    use crate::wire::{self, WireError};

    /// Something signed, perhaps about something that is.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Claim(u32, Option<Arc<Signed<Claim>>>);

    impl Statement for Claim {
        fn hash(&self) -> Digest {
            let mut hasher = Hasher::new("test claim");
            hasher.u32(self.0);
            if let Some(inner) = &self.1 {
                inner.signature().with_bytes(|bytes| hasher.bytes(bytes));
            }
            hasher.finish()
        }
    }

    /// Claims of two parties, in turns, signed together, and the keys.
    fn claims(count: u32) -> (Vec<Signed<Claim>>, [PublicKey; 2]) {
        let mut notary = Notary::of(&Office::new(Memory::None), Scheme::Ed25519);
        let keys = [0, 1].map(|number| notary.keys(&[1; 32], Identity::client(number)));
        let sign = |number: u32| {
            Signed::seal(Claim(number, None), &keys[number as usize % 2].0, &mut notary)
        };
        ((0..count).map(sign).collect(), keys.map(|(_, public)| public))
    }

    fn write(claims: &[Signed<Claim>]) -> Vec<u8> {
        let (mut binder, mut bytes) = (Binder::default(), Vec::new());
        for claim in claims {
            binder.bind(|| wire::encode_to(&mut bytes, claim));
        }
        binder.finish(&mut bytes);
        bytes
    }

    fn read(bytes: &[u8], count: usize) -> Result<Vec<Signed<Claim>>, WireError> {
        let (mut unbinder, mut rest) = (Unbinder::default(), bytes);
        let claims = (0..count).map(|_| wire::decode_first(&mut rest));
        let claims = unbinder.unbind(|| claims.collect::<Result<Vec<_>, _>>())?;
        let whole = unbinder.finish(&mut rest).and_then(|()| match rest {
            [] => Ok(claims),
            _ => Err(BundleError::Sheets),
        });
        whole.map_err(|error| WireError::Refused(error.to_string()))
    }

    fn good(claims: &[Signed<Claim>], keys: &[PublicKey; 2]) -> Vec<bool> {
        let mut notary = Notary::of(&Office::new(Memory::USUAL), Scheme::Ed25519);
        let key = |claim: &Signed<Claim>| keys[claim.body().0 as usize % 2];
        claims.iter().map(|claim| claim.verify(&key(claim), &mut notary)).collect()
    }

    #[test]
    fn what_was_bound_is_what_it_was() {
        let (all, keys) = claims(100);
        let bytes = write(&all);
        let alone: usize = all.iter().map(|claim| wire::encode(claim).len()).sum();
        assert_eq!((bytes.len(), alone), (1132, 26_316));
        let came = read(&bytes, all.len()).unwrap();
        assert_eq!(came, all);
        assert_eq!(good(&came, &keys), [true; 100]);
        // Handed on, alone and bound again.
        let alone = wire::encode(&came[7]);
        assert_eq!(alone, wire::encode(&all[7]));
        assert_eq!(read(&write(&came[10..20]), 10).unwrap(), all[10..20]);
    }

    #[test]
    fn one_signature_is_checked_of_each_sheet() {
        let (all, keys) = claims(100);
        let came = read(&write(&all), all.len()).unwrap();
        let mut notary = Notary::of(&Office::new(Memory::USUAL), Scheme::Ed25519);
        for claim in &came {
            assert!(claim.verify(&keys[claim.body().0 as usize % 2], &mut notary));
        }
        let counts = notary.counts();
        assert_eq!(counts.verified - counts.remembered, 2);
    }

    #[test]
    fn what_is_signed_itself_is_written_whole() {
        let (all, keys) = claims(4);
        let mut notary = Notary::of(&Office::new(Memory::None), Scheme::Ed25519);
        let (key, public) = notary.keys(&[2; 32], Identity::client(0));
        let about = |claim: &Signed<Claim>| Claim(8, Some(Arc::new(claim.clone())));
        let outer: Vec<_> =
            all.iter().map(|claim| Signed::seal(about(claim), &key, &mut notary)).collect();
        let came = read(&write(&outer), 4).unwrap();
        assert_eq!(came, outer);
        for claim in &came {
            assert!(claim.verify(&public, &mut notary));
            let inner = claim.body().1.as_ref().unwrap();
            assert_eq!(good(&[Signed::clone(inner)], &keys), [true]);
        }
    }

    #[test]
    fn a_line_that_stands_elsewhere_is_written_whole() {
        let (all, keys) = claims(10);
        let stolen = |from: usize, body| {
            Signed::from_parts(Claim(body, None), all[from].signer(), all[from].signature().clone())
        };
        let sent = [all[0].clone(), stolen(0, 2), stolen(2, 4), all[4].clone()];
        let came = read(&write(&sent), 4).unwrap();
        assert_eq!(came, sent);
        assert_eq!(good(&came, &keys), [true, false, false, true]);
    }

    #[test]
    fn what_is_cut_off_is_bound_no_more() {
        let (all, _) = claims(9);
        let (mut binder, mut bytes) = (Binder::default(), Vec::new());
        binder.bind(|| wire::encode_to(&mut bytes, &all[0]));
        let (length, lines) = (bytes.len(), binder.lines());
        binder.bind(|| wire::encode_to(&mut bytes, &all[1]));
        binder.bind(|| wire::encode_to(&mut bytes, &all[2]));
        bytes.truncate(length);
        binder.cut(lines);
        binder.bind(|| wire::encode_to(&mut bytes, &all[3]));
        binder.finish(&mut bytes);
        assert_eq!(bytes, write(&[all[0].clone(), all[3].clone()]));
    }

    #[test]
    fn a_bundle_that_does_not_fit_its_sheets_is_refused() {
        let (all, _) = claims(4);
        let bytes = write(&all);
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length], 4).is_err(), "{length}");
        }
        assert!(read(&[&bytes[..], &[0]].concat(), 4).is_err());
        // Two different lines in one place: the last two bytes of a signature say where.
        let place = wire::encode(&Claim(0, None)).len() + wire::encode(&all[0].signer()).len() + 3;
        let mut twice = write(&[all[0].clone(), all[2].clone()]);
        let second = place + place + 2;
        twice[second] = twice[place];
        assert!(read(&twice, 2).is_err());
        // A place without a sheet.
        let mut none = bytes.clone();
        none[place - 2] = 1;
        assert!(read(&none, 4).is_err());
        // Outside of a bundle nothing is bound.
        assert!(wire::decode::<Signed<Claim>>(&bytes[..place + 2], 100).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn no_altered_bit_makes_another_good_statement(
            count in 2..12u32,
            bit in any::<prop::sample::Index>(),
        ) {
            let (all, keys) = claims(count);
            let mut bytes = write(&all);
            let bit = bit.index(8 * bytes.len());
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(came) = read(&bytes, all.len()) {
                for (claim, is_good) in came.iter().zip(good(&came, &keys)) {
                    // Who is said to have signed is looked up, not signed.
                    let was = all.iter().any(|own| own.body() == claim.body());
                    prop_assert!(!is_good || was, "{claim:?}");
                }
            }
        }
    }
}
