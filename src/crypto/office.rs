//! What the notaries of one place share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use ed25519_dalek::VerifyingKey;

use super::ed25519;
use super::hash::Digest;
use super::keys::PublicKey;
use super::memory::{Memory, Table};
use super::sheet::{Sheets, lock};
use crate::identity::Identity;

/// A place where several parties sign and check: the sheets on which statements are signed
/// together, and one memory of signatures that were found to be good.
///
/// Nothing that a party is answered depends on what others at its place have done.
#[derive(Clone)]
pub struct Office(Arc<Desk>);

struct Desk {
    sheets: Sheets,
    strokes: Arc<Strokes>,
    recall: Mutex<Recall>,
    /// Who is given the key of another.
    sharers: Mutex<BTreeMap<Identity, Identity>>,
}

impl Office {
    /// An office with this memory.
    pub fn new(memory: Memory) -> Office {
        Office::with(memory, Strokes::default())
    }

    /// An office that also tells how long its arithmetic took, by a clock in nanoseconds.
    pub fn timed(memory: Memory, clock: fn() -> u64) -> Office {
        Office::with(memory, Strokes { clock: Some(clock), ..Strokes::default() })
    }

    fn with(memory: Memory, strokes: Strokes) -> Office {
        let strokes = Arc::new(strokes);
        Office(Arc::new(Desk {
            sheets: Sheets::new(strokes.clone()),
            strokes,
            recall: Mutex::new(Recall::new(memory)),
            sharers: Mutex::default(),
        }))
    }

    /// How many signatures were made, one for as many statements as were signed together.
    pub fn sealed(&self) -> u64 {
        self.0.strokes.sealed.load(Ordering::Relaxed)
    }

    /// How long signatures took that were made or checked here, in nanoseconds; 0 if nobody has
    /// measured it.
    pub fn took_ns(&self) -> u64 {
        self.0.strokes.took_ns.load(Ordering::Relaxed)
    }

    /// Whether this signature is good, as the curve has it.
    pub(super) fn check(&self, key: &PublicKey, text: &Digest, pen: &[u8; 64]) -> bool {
        self.0.strokes.time(|| self.recall().check(key, text, pen))
    }

    /// When keys are made here, this party gets that of the other: both live at one place, where
    /// each could read what the other holds, and sign together. Their statements say whose they
    /// are.
    pub fn share_key(&self, party: Identity, other: Identity) {
        lock(&self.0.sharers).insert(party, other);
    }

    /// Who gets whose key.
    #[cfg(feature = "net")]
    pub(crate) fn sharers(&self) -> Vec<(Identity, Identity)> {
        lock(&self.0.sharers).iter().map(|(party, other)| (*party, *other)).collect()
    }

    /// Whose key a party gets.
    pub(super) fn like(&self, party: Identity) -> Identity {
        lock(&self.0.sharers).get(&party).copied().unwrap_or(party)
    }

    pub(super) fn sheets(&self) -> &Sheets {
        &self.0.sheets
    }

    pub(super) fn recall(&self) -> MutexGuard<'_, Recall> {
        lock(&self.0.recall)
    }
}

/// What the arithmetic of signatures costs.
#[derive(Default)]
pub(super) struct Strokes {
    /// Tells nanoseconds, where costs are measured.
    clock: Option<fn() -> u64>,
    sealed: AtomicU64,
    took_ns: AtomicU64,
}

impl Strokes {
    /// Makes or checks a signature.
    fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let began_ns = self.clock.map(|clock| clock());
        let done = work();
        if let (Some(clock), Some(began_ns)) = (self.clock, began_ns) {
            self.took_ns.fetch_add(clock().saturating_sub(began_ns), Ordering::Relaxed);
        }
        done
    }

    /// Makes one.
    pub(super) fn seal<T>(&self, work: impl FnOnce() -> T) -> T {
        self.sealed.fetch_add(1, Ordering::Relaxed);
        self.time(work)
    }
}

/// What is kept so as not to be computed twice.
#[derive(Clone)]
pub(super) struct Recall {
    /// Good signatures.
    signatures: Option<Table>,
    /// The points of the curve that public keys stand for: to find one costs an eighth of a check.
    /// None for bytes that are no key.
    points: BTreeMap<PublicKey, Option<VerifyingKey>>,
}

/// So many points are kept at most; then all are found anew.
const MOST_POINTS: usize = 512;

impl Recall {
    pub(super) fn new(memory: Memory) -> Recall {
        let signatures = match memory {
            Memory::None => None,
            Memory::Remember { capacity } => Some(Table::new(capacity)),
        };
        Recall { signatures, points: BTreeMap::new() }
    }

    /// Whether this signature is known to be good.
    pub(super) fn holds(&self, key: &PublicKey, text: &Digest, pen: &[u8; 64]) -> bool {
        self.signatures.as_ref().is_some_and(|memory| memory.holds(key, text, pen))
    }

    /// This signature is good.
    pub(super) fn put(&mut self, key: &PublicKey, text: &Digest, pen: &[u8; 64]) {
        if let Some(memory) = &mut self.signatures {
            memory.put(key, text, pen);
        }
    }

    /// Whether this signature is good, as the curve has it; if so that is kept.
    pub(super) fn check(&mut self, key: &PublicKey, text: &Digest, pen: &[u8; 64]) -> bool {
        if self.points.len() >= MOST_POINTS && !self.points.contains_key(key) {
            self.points.clear();
        }
        let point = self.points.entry(*key).or_insert_with(|| ed25519::point(key));
        let is_good = point.as_ref().is_some_and(|point| ed25519::verify(point, text, pen));
        if is_good {
            self.put(key, text, pen);
        }
        is_good
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Counts, Notary, Scheme};
    use crate::identity::Identity;

    #[test]
    fn what_one_has_checked_nobody_at_the_place_checks_again() {
        let text = Digest::from_bytes([5; 32]);
        let mut elsewhere = Notary::new(Scheme::Ed25519, Memory::None);
        let (key, public) = elsewhere.keys(&[1; 32], Identity::OLYMPUS);
        let signature = elsewhere.sign(&key, &text);
        let office = Office::new(Memory::USUAL);
        let [mut one, mut other] = [0, 1].map(|_| Notary::of(&office, Scheme::Ed25519));
        assert!(one.verify(&public, &text, &signature));
        assert!(other.verify(&public, &text, &signature));
        assert!(!other.verify(&public, &text, &signature.corrupted()));
        assert_eq!(one.counts(), Counts { signed: 0, verified: 1, remembered: 0 });
        assert_eq!(other.counts(), Counts { signed: 0, verified: 2, remembered: 1 });
    }

    #[test]
    fn more_keys_than_are_kept_are_checked_as_well() {
        let mut recall = Recall::new(Memory::None);
        let text = Digest::from_bytes([5; 32]);
        for number in 0..MOST_POINTS as u64 + 2 {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            assert!(!recall.check(&PublicKey::from_bytes(bytes), &text, &[7; 64]));
        }
        assert_eq!(recall.points.len(), 2);
    }
}
