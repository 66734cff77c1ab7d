//! The two halves of a key, and the schemes that they belong to.
//!
//! A secret key is a 32-byte seed with its owner's name; all else about it follows from the seed.
//! Olympus makes the keys of new replicas and sends them, so a secret key has a form on the wire;
//! it has none for people: `Debug` and every text format show the owner alone.

use std::fmt;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::hash::{Context, Digest};
use super::signature::{self, Signature};
use super::{ed25519, ideal};
use crate::identity::Identity;

/// How statements are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// A keyed tag that only the notary can make: for simulation, where speed counts.
    Ideal,
    /// Ed25519: for sockets, and for simulations that spare nothing.
    Ed25519,
}

/// The half of a key that everybody may have: it checks signatures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PublicKey(#[serde(with = "super::bytes")] [u8; 32]);

impl PublicKey {
    /// A key from its bytes. Under bytes that are no key, no signature is valid.
    pub const fn from_bytes(bytes: [u8; 32]) -> PublicKey {
        PublicKey(bytes)
    }

    /// The bytes of the key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// The half of a key that its owner keeps: it signs.
#[derive(Clone)]
pub struct SecretKey(Arc<Secret>);

struct Secret {
    owner: Identity,
    seed: [u8; 32],
    public: PublicKey,
    /// Present under [`Scheme::Ed25519`] alone.
    curve: Option<SigningKey>,
}

impl SecretKey {
    /// The key that a party has under a scheme, given entropy that it shares with nobody. `like`
    /// is mostly the party itself; another if it has the same key as that one.
    pub(super) fn derive(
        scheme: Scheme,
        entropy: &[u8; 32],
        owner: Identity,
        like: Identity,
    ) -> SecretKey {
        static CONTEXT: Context = Context::new("perjury 1 secret key");
        let mut hasher = CONTEXT.hasher();
        hasher.update(entropy).update(&like.pack().to_le_bytes());
        SecretKey::from_seed(scheme, *hasher.finalize().as_bytes(), owner)
    }

    fn from_seed(scheme: Scheme, seed: [u8; 32], owner: Identity) -> SecretKey {
        let (public, curve) = match scheme {
            Scheme::Ideal => (ideal::public_key(&seed), None),
            Scheme::Ed25519 => {
                let curve = SigningKey::from_bytes(&seed);
                (curve.verifying_key().to_bytes(), Some(curve))
            }
        };
        SecretKey(Arc::new(Secret { owner, seed, public: PublicKey(public), curve }))
    }

    /// The party whose statements it signs.
    #[inline]
    pub fn owner(&self) -> Identity {
        self.0.owner
    }

    /// The other half.
    pub fn public_key(&self) -> PublicKey {
        self.0.public
    }

    /// The scheme that it signs under.
    pub fn scheme(&self) -> Scheme {
        if self.0.curve.is_some() { Scheme::Ed25519 } else { Scheme::Ideal }
    }

    #[inline]
    pub(super) fn sign(&self, message: &Digest) -> Signature {
        match &self.0.curve {
            Some(curve) => Signature::from_pen(&ed25519::sign(curve, message)),
            None => Signature::from_tag(ideal::tag(&self.0.public, message)),
        }
    }

    /// The bytes of a signature of one message.
    pub(super) fn pen(&self, message: &Digest) -> [u8; 64] {
        match &self.0.curve {
            Some(curve) => ed25519::sign(curve, message),
            None => signature::spread(ideal::tag(&self.0.public, message)),
        }
    }
}

impl PartialEq for SecretKey {
    fn eq(&self, other: &SecretKey) -> bool {
        let same = |key: &SecretKey| (key.0.owner, key.scheme(), key.0.seed);
        Arc::ptr_eq(&self.0, &other.0) || same(self) == same(other)
    }
}

impl Eq for SecretKey {}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.0.owner)
    }
}

/// A secret key on the wire.
#[derive(Serialize, Deserialize)]
#[serde(rename = "SecretKey")]
struct Carried {
    owner: Identity,
    scheme: Scheme,
    #[serde(with = "super::bytes")]
    seed: [u8; 32],
}

/// A secret key as text.
#[derive(Serialize)]
#[serde(rename = "SecretKey")]
struct Shown {
    owner: Identity,
}

impl Serialize for SecretKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Secret { owner, seed, .. } = *self.0;
        if serializer.is_human_readable() {
            return Shown { owner }.serialize(serializer);
        }
        Carried { owner, scheme: self.scheme(), seed }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SecretKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SecretKey, D::Error> {
        if deserializer.is_human_readable() {
            return Err(de::Error::custom(
                "a secret key cannot be read from text, which never holds it; \
                 derive it again from the run's seed",
            ));
        }
        let carried = Carried::deserialize(deserializer)?;
        Ok(SecretKey::from_seed(carried.scheme, carried.seed, carried.owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    fn key(scheme: Scheme, entropy: u8, owner: Identity) -> SecretKey {
        SecretKey::derive(scheme, &[entropy; 32], owner, owner)
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn golden() {
        let owner = Identity::replica(1, 2);
        let ideal = key(Scheme::Ideal, 7, owner);
        let curve = key(Scheme::Ed25519, 7, owner);
        assert_eq!(ideal.0.seed, curve.0.seed);
        let all = [&ideal.0.seed, ideal.0.public.as_bytes(), curve.0.public.as_bytes()];
        insta::assert_snapshot!(all.map(|bytes| hex(bytes)).join("\n"), @r"
        f86cfd0da4d3f648bdf938a601b3b7a60570c6834a95e08f7d1b3503e2724c07
        b70540a67b8300bc66a448c6e2241f99a21727ed87f5ce577a879ea0bd50a532
        3844102dc358bbfa86f8bf189dbc0c2481eea6ba2081be840c1c71ca7644a712
        ");
    }

    #[test]
    fn keys_differ_by_scheme_entropy_and_owner() {
        let mut publics = Vec::new();
        for scheme in [Scheme::Ideal, Scheme::Ed25519] {
            for entropy in [1, 2] {
                for owner in [Identity::OLYMPUS, Identity::client(1), Identity::replica(0, 1)] {
                    publics.push(*key(scheme, entropy, owner).public_key().as_bytes());
                }
            }
        }
        publics.sort_unstable();
        publics.dedup();
        assert_eq!(publics.len(), 12);
    }

    #[test]
    fn a_secret_key_travels_whole_and_with_one_length() {
        let owner = Identity::replica(3, 1);
        let [ideal, curve] = [Scheme::Ideal, Scheme::Ed25519].map(|scheme| key(scheme, 5, owner));
        assert_eq!(wire::encoded_len(&ideal), wire::encoded_len(&curve));
        for sent in [ideal, curve] {
            let read: SecretKey = wire::decode(&wire::encode(&sent), 100).unwrap();
            assert_eq!(read, sent);
            assert_eq!(read.public_key(), sent.public_key());
            assert_ne!(read, key(sent.scheme(), 6, owner));
        }
    }

    #[test]
    fn no_text_shows_a_secret() {
        for scheme in [Scheme::Ideal, Scheme::Ed25519] {
            let key = key(scheme, 5, Identity::client(4));
            assert_eq!(format!("{key:?}"), "SecretKey(client 4)");
            let text = serde_json::to_string(&key).unwrap();
            assert_eq!(text, r#"{"owner":"client 4"}"#);
            assert!(serde_json::from_str::<SecretKey>(&text).is_err());
        }
    }
}
