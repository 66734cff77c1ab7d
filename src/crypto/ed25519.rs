//! The real scheme: Ed25519 of the digest of a statement.
//!
//! Signing is deterministic (RFC 8032). Verification is the strict one: cofactorless, with
//! canonical encodings only and no key or nonce point of small order. So there is no signature that
//! one node takes and another refuses, no second form of a good signature, and no key under which
//! everything is signed.

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

use super::hash::Digest;
use super::keys::PublicKey;

/// The signature of a message, 64 bytes.
pub(super) fn sign(key: &SigningKey, message: &Digest) -> [u8; 64] {
    key.sign(message.as_bytes()).to_bytes()
}

/// The point that a key stands for; none if the bytes are no key.
pub(super) fn point(key: &PublicKey) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(key.as_bytes()).ok()
}

/// Whether these bytes are a signature of the message under the key.
pub(super) fn verify(key: &VerifyingKey, message: &Digest, signature: &[u8; 64]) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    key.verify_strict(message.as_bytes(), &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of the group, little-endian.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    fn verify(key: &PublicKey, message: &Digest, signature: &[u8; 64]) -> bool {
        point(key).is_some_and(|key| super::verify(&key, message, signature))
    }

    fn key() -> (SigningKey, PublicKey) {
        let key = SigningKey::from_bytes(&[42; 32]);
        let public = PublicKey::from_bytes(key.verifying_key().to_bytes());
        (key, public)
    }

    /// OpenSSL makes the same.
    #[test]
    fn golden() {
        let (key, public) = key();
        let message = Digest::from_bytes([9; 32]);
        let signature = sign(&key, &message);
        assert!(verify(&public, &message, &signature));
        let text: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        let (nonce, scalar) = text.split_at(64);
        insta::assert_snapshot!(format!("{nonce}\n{scalar}"), @r"
        a9cd7e324aa55987a0df5ff5978fba7b494e4fc45f46adb7bc65c6d1baa321b7
        d311237382bba7480690f36c4b0591bb9452e90cc000a7ebbb6c0bc587bc660d
        ");
    }

    #[test]
    fn a_good_signature_has_no_second_form() {
        let (key, public) = key();
        let message = Digest::from_bytes([9; 32]);
        let mut signature = sign(&key, &message);
        let mut carry = 0;
        for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
            carry += u16::from(*byte) + u16::from(order);
            *byte = carry as u8;
            carry >>= 8;
        }
        assert!(!verify(&public, &message, &signature));
    }

    #[test]
    fn a_key_of_small_order_signs_nothing() {
        let neutral: [u8; 32] = std::array::from_fn(|place| u8::from(place == 0));
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&neutral);
        let loose = VerifyingKey::from_bytes(&neutral).unwrap();
        let parsed = ed25519_dalek::Signature::from_bytes(&signature);
        for content in 0..10 {
            let message = Digest::from_bytes([content; 32]);
            assert!(ed25519_dalek::Verifier::verify(&loose, message.as_bytes(), &parsed).is_ok());
            assert!(!verify(&PublicKey::from_bytes(neutral), &message, &signature));
        }
    }

    #[test]
    fn bytes_that_are_no_key_sign_nothing() {
        let no_point = (0..=255u8).find(|byte| VerifyingKey::from_bytes(&[*byte; 32]).is_err());
        let key = PublicKey::from_bytes([no_point.unwrap(); 32]);
        assert!(!verify(&key, &Digest::from_bytes([1; 32]), &[1; 64]));
    }
}
