//! A statement together with its signature.
//!
//! What is signed is the statement's content hash. It is made once and travels with the statement
//! inside a process; it does not travel between processes: who decodes a statement hashes what he
//! read, so a hash that stands in a [`Signed`] is always that of its body.

use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::bundle;
use super::gist::Gist;
use super::hash::Digest;
use super::keys::{PublicKey, SecretKey};
use super::notary::Notary;
use super::signature::{self, Signature};
use crate::identity::Identity;

/// Something that a party may sign.
pub trait Statement {
    /// Whether the hash covers keys, signatures or hashes over them, so that it differs between
    /// schemes. A trace then shows the content, in which such things have ordinals, and never the
    /// hash.
    const OVER_KEYS: bool = false;

    /// The hash of the content, in a domain of this kind of statement.
    ///
    /// It binds everything that the statement says; use a [`super::Hasher`].
    fn hash(&self) -> Digest;
}

impl<T: Statement + ?Sized> Statement for Arc<T> {
    const OVER_KEYS: bool = T::OVER_KEYS;

    fn hash(&self) -> Digest {
        T::hash(self)
    }
}

/// A statement, who is said to have signed it, and the signature, perhaps a bad one.
#[derive(Clone, Debug)]
pub struct Signed<T> {
    body: T,
    hash: Digest,
    signer: Identity,
    signature: Signature,
    /// Whether it was sealed in this process and not altered since: then the trace need not ask
    /// whether the signature is valid. No protocol can see it.
    genuine: bool,
}

impl<T: PartialEq> PartialEq for Signed<T> {
    fn eq(&self, other: &Signed<T>) -> bool {
        self.hash == other.hash
            && self.signer == other.signer
            && self.signature == other.signature
            && self.body == other.body
    }
}

impl<T: Eq> Eq for Signed<T> {}

impl<T: Statement> Signed<T> {
    /// Signs a statement.
    pub fn seal(body: T, key: &SecretKey, notary: &mut Notary) -> Signed<T> {
        let hash = body.hash();
        Signed::seal_hashed(body, hash, key, notary)
    }

    /// Signs a statement that another signed one may equal, whose hash is then used again.
    pub fn seal_like(body: T, other: &Signed<T>, key: &SecretKey, notary: &mut Notary) -> Signed<T>
    where
        T: PartialEq,
    {
        let hash = if body == other.body { other.hash } else { body.hash() };
        Signed::seal_hashed(body, hash, key, notary)
    }

    /// A statement as received or as a liar composes it: nothing is known of the signature.
    pub fn from_parts(body: T, signer: Identity, signature: Signature) -> Signed<T> {
        let hash = body.hash();
        Signed { body, hash, signer, signature, genuine: false }
    }

    fn seal_hashed(body: T, hash: Digest, key: &SecretKey, notary: &mut Notary) -> Signed<T> {
        let signature = notary.sign(key, &hash);
        Signed { body, hash, signer: key.owner(), signature, genuine: true }
    }
}

impl<T> Signed<T> {
    /// The statement.
    pub fn body(&self) -> &T {
        &self.body
    }

    /// Who is said to have signed it.
    pub fn signer(&self) -> Identity {
        self.signer
    }

    /// The statement's content hash.
    pub fn hash(&self) -> &Digest {
        &self.hash
    }

    /// The signature.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The statement alone.
    pub fn into_body(self) -> T {
        self.body
    }

    /// Whether the owner of this key signed the statement.
    ///
    /// The caller looks up the key of [`Signed::signer`] among those that he trusts.
    pub fn verify(&self, key: &PublicKey, notary: &mut Notary) -> bool {
        let is_valid = notary.verify(key, &self.hash, &self.signature);
        if is_valid && notary.is_on_its_own() {
            notary.meet(self.signer, key);
        }
        is_valid
    }

    /// The same statement under another signature: how a liar spoils one.
    #[must_use]
    pub fn map_signature(mut self, change: impl FnOnce(&Signature) -> Signature) -> Signed<T> {
        self.signature = change(&self.signature);
        self.genuine = false;
        self
    }
}

/// Readers of text get body and [`Seal`]; the wire carries body, signer and signature.
impl<T: Statement> Signed<T> {
    /// What is stated and by whom, where the hash tells the former under every scheme and the
    /// signature is known to be the latter's.
    #[inline]
    pub fn gist(&self) -> Option<Gist> {
        let tells = self.genuine && !T::OVER_KEYS;
        tells.then(|| Gist::new(&self.hash, self.signer.pack()))
    }
}

impl<T: Serialize + Statement> Serialize for Signed<T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let name = if T::OVER_KEYS { "SignedOverKeys" } else { "Signed" };
            let mut fields = serializer.serialize_struct(name, 2)?;
            fields.serialize_field("body", &self.body)?;
            fields.serialize_field("seal", &ShownSeal(self))?;
            return fields.end();
        }
        let mut fields = serializer.serialize_struct("Signed", 3)?;
        bundle::inside(|| fields.serialize_field("body", &self.body))?;
        fields.serialize_field("signer", &self.signer)?;
        match bundle::bound(&self.signature, &self.hash) {
            Some(bytes) => fields.serialize_field("signature", &signature::Shown(&bytes))?,
            None => fields.serialize_field("signature", &self.signature)?,
        }
        fields.end()
    }
}

/// Who signed what, as a trace has it of a [`Signed`].
///
/// It shows a signature as the signer and whether it is valid, which no scheme changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Who is said to have signed, as [`Identity::pack`] has it.
    pub signer: u64,
    /// The hash of what is signed.
    pub hash: Digest,
}

impl Seal {
    const LENGTH: usize = 8 + 32;

    /// Reads the bytes as which it is shown. After it stands the signature; nothing does if that is
    /// known to be the signer's own.
    #[inline]
    pub fn from_shown(bytes: &[u8]) -> Option<(Seal, &[u8])> {
        let (signer, rest) = bytes.split_first_chunk()?;
        let (hash, signature) = rest.split_first_chunk()?;
        let (signer, hash) = (u64::from_le_bytes(*signer), Digest::from_bytes(*hash));
        Some((Seal { signer, hash }, signature))
    }

    /// Who is said to have signed.
    pub fn signer(&self) -> Option<Identity> {
        Identity::unpack(self.signer)
    }

    /// Whether this signature is valid under the key that the notary made for the signer. One that
    /// is on its own takes the word of signers whom it has not met.
    #[cold]
    pub fn is_valid(&self, signature: &[u8], notary: &Notary) -> bool {
        let key = self.signer().and_then(|signer| notary.public_key_of(signer));
        if key.is_none() && notary.is_on_its_own() {
            return true;
        }
        let (Some(key), Some(signature)) = (key, Signature::from_bytes(signature)) else {
            return false;
        };
        notary.is_valid(&key, &self.hash, &signature)
    }
}

/// A signed statement's [`Seal`], on its way to a trace.
struct ShownSeal<'a, T>(&'a Signed<T>);

impl<T> Serialize for ShownSeal<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Signed { signer, hash, signature, genuine, .. } = self.0;
        let mut seal = [0; Seal::LENGTH];
        seal[..8].copy_from_slice(&signer.pack().to_le_bytes());
        seal[8..].copy_from_slice(hash.as_bytes());
        match genuine {
            true => serializer.serialize_newtype_struct("Seal", &Shown(&seal)),
            false => {
                let bytes = signature.with_bytes(|signature| [&seal[..], signature].concat());
                serializer.serialize_newtype_struct("Seal", &Shown(&bytes))
            }
        }
    }
}

/// Bytes as bytes.
struct Shown<'a>(&'a [u8]);

impl Serialize for Shown<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// What is read of a signed statement. A hash, which only text has, is passed over.
#[derive(Deserialize)]
#[serde(rename = "Signed", bound(deserialize = "T: Deserialize<'de>"))]
struct Parts<T> {
    #[serde(deserialize_with = "inside")]
    body: T,
    signer: Identity,
    signature: Signature,
}

impl<'de, T: Statement + Deserialize<'de>> Deserialize<'de> for Signed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Signed<T>, D::Error> {
        let Parts { body, signer, signature } = Parts::deserialize(deserializer)?;
        let signed = Signed::from_parts(body, signer, signature);
        bundle::stands(&signed.hash);
        Ok(signed)
    }
}

fn inside<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    bundle::inside(|| T::deserialize(deserializer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Hasher, Memory, Scheme};
    use crate::wire;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Claim(u64);

    impl Statement for Claim {
        fn hash(&self) -> Digest {
            Hasher::new("test claim").u64(self.0).finish()
        }
    }

    fn party(scheme: Scheme) -> (Notary, SecretKey, PublicKey) {
        let mut notary = Notary::new(scheme, Memory::None);
        let (secret, public) = notary.keys(&[1; 32], Identity::replica(0, 1));
        (notary, secret, public)
    }

    #[test]
    fn sealing_signs_the_content() {
        for scheme in [Scheme::Ideal, Scheme::Ed25519] {
            let (mut notary, key, public) = party(scheme);
            let signed = Signed::seal(Claim(5), &key, &mut notary);
            assert_eq!((signed.body(), signed.signer()), (&Claim(5), key.owner()));
            assert_eq!(*signed.hash(), Claim(5).hash());
            assert!(signed.verify(&public, &mut notary));
            let spoilt = signed.clone().map_signature(Signature::corrupted);
            assert!(!spoilt.verify(&public, &mut notary));
            let stolen = Signed::from_parts(Claim(6), key.owner(), signed.signature().clone());
            assert!(!stolen.verify(&public, &mut notary));
        }
    }

    #[test]
    fn a_hash_is_used_again_only_for_an_equal_body() {
        let (mut notary, key, _) = party(Scheme::Ideal);
        let first = Signed::seal(Claim(5), &key, &mut notary);
        let same = Signed::seal_like(Claim(5), &first, &key, &mut notary);
        assert_eq!(same, first);
        let other = Signed::seal_like(Claim(6), &first, &key, &mut notary);
        assert_eq!(other, Signed::seal(Claim(6), &key, &mut notary));
    }

    #[test]
    fn the_wire_carries_no_hash_and_one_length_under_both_schemes() {
        let lengths = [Scheme::Ideal, Scheme::Ed25519].map(|scheme| {
            let (mut notary, key, public) = party(scheme);
            let signed = Signed::seal(Arc::new(Claim(5)), &key, &mut notary);
            let bytes = wire::encode(&signed);
            let read: Signed<Arc<Claim>> = wire::decode(&bytes, 100).unwrap();
            assert_eq!(read, signed);
            assert!(read.verify(&public, &mut notary));
            bytes.len()
        });
        assert_eq!(lengths, [1 + 3 + 65; 2]);
    }

    #[test]
    fn a_body_altered_on_the_wire_has_another_hash() {
        let (mut notary, key, public) = party(Scheme::Ideal);
        let mut bytes = wire::encode(&Signed::seal(Claim(5), &key, &mut notary));
        bytes[0] = 6;
        let read: Signed<Claim> = wire::decode(&bytes, 100).unwrap();
        assert_eq!(*read.hash(), Claim(6).hash());
        assert!(!read.verify(&public, &mut notary));
    }

    #[test]
    fn a_trace_is_shown_who_signed_and_can_tell_whether_that_is_true() {
        for scheme in [Scheme::Ideal, Scheme::Ed25519] {
            let (mut notary, key, public) = party(scheme);
            let signed = Signed::seal(Claim(5), &key, &mut notary);
            let read = Signed::from_parts(Claim(5), signed.signer(), signed.signature().clone());
            let moved = Signed::from_parts(Claim(6), signed.signer(), signed.signature().clone());
            let spoilt = signed.clone().map_signature(Signature::corrupted);
            assert_eq!(signed, read);
            let all = [&signed, &read, &moved, &spoilt];
            assert_eq!(all.map(|signed| signed.genuine), [true, false, false, false]);
            let valid =
                all.map(|signed| notary.is_valid(&public, signed.hash(), &signed.signature));
            assert_eq!(valid, [true, true, false, false]);
        }
    }
}
