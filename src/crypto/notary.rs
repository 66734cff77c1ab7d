//! The notary: the one who makes keys, signs and verifies.
//!
//! Processes get it from the runtime. In effect it is a pure function: what it answers is
//! determined by what it is asked, not by what it was asked before. What it keeps (a memory of good
//! signatures, counters, a directory of the keys made here) alters costs and reports alone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::hash::Digest;
use super::keys::{PublicKey, Scheme, SecretKey};
use super::memory::Memory;
use super::office::{Office, Recall};
use super::signature::{Claim, Signature};
use super::{ed25519, ideal};
use crate::identity::Identity;

/// How often a notary was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Signatures made.
    pub signed: u64,
    /// Signatures checked.
    pub verified: u64,
    /// Those of the checked ones that were answered from memory.
    pub remembered: u64,
}

/// Makes keys, signs and verifies under one scheme.
#[derive(Clone)]
pub struct Notary {
    scheme: Scheme,
    recall: Recall,
    directory: Arc<BTreeMap<Identity, PublicKey>>,
    counts: Counts,
    /// Where it works with others, if others make keys elsewhere.
    office: Option<Office>,
    /// Whether each statement gets a signature of its own all the same.
    signs_singly: bool,
}

impl fmt::Debug for Notary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notary({:?})", self.scheme)
    }
}

impl Notary {
    /// A notary for a scheme. Under the ideal one it remembers nothing: to look would cost more.
    pub fn new(scheme: Scheme, memory: Memory) -> Notary {
        let memory = if scheme == Scheme::Ideal { Memory::None } else { memory };
        Notary {
            scheme,
            recall: Recall::new(memory),
            directory: Arc::default(),
            counts: Counts::default(),
            office: None,
            signs_singly: false,
        }
    }

    /// A notary of one party, for sockets. It knows the keys that were made by it, and of others
    /// that under which it found a signature of theirs to be good. What is signed at its office
    /// under one key is signed together, as far as it can be.
    pub fn of(office: &Office, scheme: Scheme) -> Notary {
        Notary { office: Some(office.clone()), ..Notary::new(scheme, Memory::None) }
    }

    /// The same for a party that may be made to fail: it signs every statement on its own, so that
    /// what is done to the bytes of a message does not depend on what else was signed.
    pub fn of_one_who_may_fail(office: &Office, scheme: Scheme) -> Notary {
        Notary { signs_singly: true, ..Notary::of(office, scheme) }
    }

    /// Whether others make keys elsewhere.
    #[inline]
    pub fn is_on_its_own(&self) -> bool {
        self.office.is_some()
    }

    /// Somebody's signature was good under this key. The first key of a party counts.
    pub(super) fn meet(&mut self, owner: Identity, key: &PublicKey) {
        if !self.directory.contains_key(&owner) {
            Arc::make_mut(&mut self.directory).insert(owner, *key);
        }
    }

    /// The scheme that it works under.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The keys of a party, determined by scheme, entropy and party.
    pub fn keys(&mut self, entropy: &[u8; 32], owner: Identity) -> (SecretKey, PublicKey) {
        let like = self.office.as_ref().map_or(owner, |office| office.like(owner));
        let secret = SecretKey::derive(self.scheme, entropy, owner, like);
        let public = secret.public_key();
        Arc::make_mut(&mut self.directory).insert(owner, public);
        (secret, public)
    }

    /// The signature of a message under a key.
    #[inline]
    pub fn sign(&mut self, key: &SecretKey, message: &Digest) -> Signature {
        self.counts.signed += 1;
        match key.scheme() {
            Scheme::Ideal => key.sign(message),
            Scheme::Ed25519 => self.sign_curve(key, message),
        }
    }

    fn sign_curve(&mut self, key: &SecretKey, message: &Digest) -> Signature {
        if let Some(office) = self.office.as_ref().filter(|_| !self.signs_singly) {
            return Signature::of_line(office.sheets().write(key, message));
        }
        let pen = key.pen(message);
        self.recall.put(&key.public_key(), message, &pen);
        Signature::from_pen(&pen)
    }

    /// Whether a signature is the key's owner's signature of the message.
    #[inline]
    pub fn verify(&mut self, key: &PublicKey, message: &Digest, signature: &Signature) -> bool {
        self.counts.verified += 1;
        match self.scheme {
            Scheme::Ideal => signature.is_tag(ideal::tag(key, message)),
            Scheme::Ed25519 => self.verify_curve(key, message, signature),
        }
    }

    fn verify_curve(&mut self, key: &PublicKey, message: &Digest, signature: &Signature) -> bool {
        let (text, pen) = match signature.claim(key, message) {
            Claim::Pen(text, pen) => (text, pen),
            Claim::Settled(answer) => {
                self.counts.remembered += 1;
                return answer;
            }
        };
        let remembers = self.remembers(key, &text, &pen);
        self.counts.remembered += u64::from(remembers);
        remembers
            || match &self.office {
                Some(office) => office.check(key, &text, &pen),
                None => self.recall.check(key, &text, &pen),
            }
    }

    /// The answer of [`Notary::verify`], leaving no mark on the notary: for those who watch a run.
    pub fn is_valid(&self, key: &PublicKey, message: &Digest, signature: &Signature) -> bool {
        if self.scheme == Scheme::Ideal {
            return signature.is_tag(ideal::tag(key, message));
        }
        match signature.claim(key, message) {
            Claim::Settled(answer) => answer,
            Claim::Pen(text, pen) => {
                let is_good = |point| ed25519::verify(&point, &text, &pen);
                self.remembers(key, &text, &pen) || ed25519::point(key).is_some_and(is_good)
            }
        }
    }

    /// The key last made here for a party, or that it was met with.
    ///
    /// It serves the trace, which shows a signature as its signer and whether it is valid. A
    /// process must not ask: its answers would depend on who made keys before it.
    pub fn public_key_of(&self, owner: Identity) -> Option<PublicKey> {
        self.directory.get(&owner).copied()
    }

    /// Who gets whose key where it works; what it answers when it makes keys depends on that.
    #[cfg(feature = "net")]
    pub(crate) fn sharers(&self) -> Vec<(Identity, Identity)> {
        self.office.as_ref().map(Office::sharers).unwrap_or_default()
    }

    /// How many keys it knows.
    #[cfg(feature = "net")]
    pub(crate) fn keys_known(&self) -> usize {
        self.directory.len()
    }

    /// Learns the keys that another one knows, of parties whom it does not know itself.
    #[cfg(feature = "net")]
    pub(crate) fn learn_from(&mut self, other: &Notary) {
        other.directory.iter().for_each(|(owner, key)| self.meet(*owner, key));
    }

    /// How often it was asked.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn remembers(&self, key: &PublicKey, text: &Digest, pen: &[u8; 64]) -> bool {
        match &self.office {
            Some(office) => office.recall().holds(key, text, pen),
            None => self.recall.holds(key, text, pen),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCHEMES: [Scheme; 2] = [Scheme::Ideal, Scheme::Ed25519];
    const MEMORIES: [Memory; 2] = [Memory::None, Memory::USUAL];

    fn notaries() -> impl Iterator<Item = Notary> {
        SCHEMES.into_iter().flat_map(|scheme| MEMORIES.map(|memory| Notary::new(scheme, memory)))
    }

    fn message(content: u8) -> Digest {
        Digest::from_bytes([content; 32])
    }

    #[test]
    fn a_signature_holds_for_its_key_and_message_alone() {
        for mut notary in notaries() {
            let (key, public) = notary.keys(&[1; 32], Identity::client(1));
            let (_, stranger) = notary.keys(&[1; 32], Identity::client(2));
            let signature = notary.sign(&key, &message(1));
            assert!(notary.verify(&public, &message(1), &signature));
            assert!(!notary.verify(&public, &message(2), &signature), "replayed");
            assert!(!notary.verify(&stranger, &message(1), &signature), "another's");
            assert_eq!(notary.sign(&key, &message(1)), signature, "deterministic");
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_spoils_it() {
        for mut notary in notaries() {
            let (key, public) = notary.keys(&[1; 32], Identity::client(1));
            let signature = notary.sign(&key, &message(1));
            assert!(!notary.verify(&public, &message(1), &signature.corrupted()));
            for byte in 0..64 {
                let flipped = signature.with_bit_flipped(8 * byte + byte % 8);
                assert!(!notary.verify(&public, &message(1), &flipped), "signature {byte}");
            }
            for byte in 0..32 {
                let flip = |bytes: &[u8; 32]| {
                    let mut flipped = *bytes;
                    flipped[byte] ^= 1 << (byte % 8);
                    flipped
                };
                let digest = Digest::from_bytes(flip(message(1).as_bytes()));
                assert!(!notary.verify(&public, &digest, &signature), "digest {byte}");
                let other = PublicKey::from_bytes(flip(public.as_bytes()));
                assert!(!notary.verify(&other, &message(1), &signature), "key {byte}");
            }
        }
    }

    #[test]
    fn schemes_do_not_take_each_others_signatures() {
        for (own, other) in [(SCHEMES[0], SCHEMES[1]), (SCHEMES[1], SCHEMES[0])] {
            let mut notary = Notary::new(own, Memory::USUAL);
            let (key, public) = Notary::new(other, Memory::None).keys(&[1; 32], Identity::OLYMPUS);
            let signature = notary.sign(&key, &message(1));
            assert!(!notary.verify(&public, &message(1), &signature));
        }
    }

    #[test]
    fn an_honest_signature_is_remembered_and_watching_leaves_no_mark() {
        let mut notary = Notary::new(Scheme::Ed25519, Memory::USUAL);
        let (key, public) = notary.keys(&[1; 32], Identity::OLYMPUS);
        let elsewhere = Notary::new(Scheme::Ed25519, Memory::None).sign(&key, &message(2));
        let here = notary.sign(&key, &message(1));
        assert!(notary.verify(&public, &message(1), &here));
        assert!(notary.is_valid(&public, &message(2), &elsewhere));
        assert_eq!(notary.counts(), Counts { signed: 1, verified: 1, remembered: 1 });
        assert!(notary.verify(&public, &message(2), &elsewhere));
        assert!(notary.verify(&public, &message(2), &elsewhere));
        assert!(!notary.verify(&public, &message(2), &here));
        assert_eq!(notary.counts(), Counts { signed: 1, verified: 4, remembered: 2 });
    }

    #[test]
    fn one_on_its_own_learns_the_keys_of_those_whose_signatures_are_good() {
        let olympus = Identity::OLYMPUS;
        let (_, public) = Notary::new(Scheme::Ed25519, Memory::None).keys(&[1; 32], olympus);
        let mut notary = Notary::of(&Office::new(Memory::USUAL), Scheme::Ed25519);
        assert_eq!(notary.public_key_of(olympus), None);
        notary.meet(olympus, &public);
        notary.meet(olympus, &PublicKey::from_bytes([0; 32]));
        assert_eq!(notary.public_key_of(olympus), Some(public));
    }

    #[test]
    fn parties_of_one_place_may_have_one_key() {
        let [one, two, three] = [1, 2, 3].map(Identity::client);
        let office = Office::new(Memory::None);
        let mut notary = Notary::of(&office, Scheme::Ed25519);
        office.share_key(two, one);
        let [first, second, third] = [one, two, three].map(|who| notary.keys(&[1; 32], who));
        assert_eq!((first.1, second.0.owner()), (second.1, two));
        assert_ne!(first.1, third.1);
    }

    #[test]
    fn the_directory_has_the_keys_made_here() {
        let mut notary = Notary::new(Scheme::Ideal, Memory::None);
        let before = notary.clone();
        let (_, public) = notary.keys(&[1; 32], Identity::replica(0, 1));
        assert_eq!(notary.public_key_of(Identity::replica(0, 1)), Some(public));
        assert_eq!(notary.public_key_of(Identity::replica(0, 2)), None);
        assert_eq!(before.public_key_of(Identity::replica(0, 1)), None);
    }

    /// One question to a notary: made by whom, of which message, spoilt at which bit; asked under
    /// whose key, for which message.
    type Question = (usize, u8, Option<usize>, usize, u8);

    fn ask(notary: &mut Notary, keys: &[(SecretKey, PublicKey)], question: &Question) -> bool {
        let (signer, signed, spoilt, asked, shown) = *question;
        let mut signature = notary.sign(&keys[signer].0, &message(signed));
        if let Some(bit) = spoilt {
            signature = signature.with_bit_flipped(bit);
        }
        let answer = notary.verify(&keys[asked].1, &message(shown), &signature);
        assert_eq!(notary.is_valid(&keys[asked].1, &message(shown), &signature), answer);
        answer
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn neither_memory_nor_scheme_changes_an_answer(
            questions in proptest::collection::vec(
                (0..2usize, 0..3u8, proptest::option::of(0..512usize), 0..2usize, 0..3u8),
                1..12,
            ),
        ) {
            let small = Memory::Remember { capacity: 1 };
            let mut notaries: Vec<Notary> = notaries().collect();
            notaries.push(Notary::new(Scheme::Ed25519, small));
            for mut notary in notaries {
                let keys = [1, 2].map(|n| notary.keys(&[7; 32], Identity::client(n)));
                for question in &questions {
                    let (signer, signed, spoilt, asked, shown) = *question;
                    let good = signer == asked && signed == shown && spoilt.is_none();
                    prop_assert_eq!(ask(&mut notary, &keys, question), good);
                }
            }
        }
    }
}
