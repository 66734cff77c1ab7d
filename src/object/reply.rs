//! What a client is told, and the hash by which replicas vouch for it.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::feed_value;
use super::{Answer, Canonical, Digest, Text};

const DONE: &str = "OK";
const REFUSED: &str = "fail";

/// The hashes of the constant replies, computed once in the life of the program.
static DONE_DIGEST: LazyLock<Digest> = LazyLock::new(|| blake3::hash(DONE.as_bytes()).into());
static REFUSED_DIGEST: LazyLock<Digest> = LazyLock::new(|| blake3::hash(REFUSED.as_bytes()).into());
static EMPTY_DIGEST: LazyLock<Digest> = LazyLock::new(|| blake3::hash(b"").into());

/// The reply of a [`Dictionary`](super::Dictionary): a text. Two replies are the same if their
/// texts are.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply(Wording);

/// One wording for each text: what reads like a constant is held as the constant.
#[derive(Clone, PartialEq, Eq)]
enum Wording {
    Done,
    Refused,
    Empty,
    Other(Text),
}

impl Reply {
    /// Done: `OK`.
    pub const OK: Self = Self(Wording::Done);
    /// Not done, and nothing changed: `fail`.
    pub const FAIL: Self = Self(Wording::Refused);
    /// The value of an absent key: the empty text.
    pub const EMPTY: Self = Self(Wording::Empty);

    /// The reply that reads `text`.
    pub fn of(text: &Text) -> Self {
        Self(match text.as_str() {
            "" => Wording::Empty,
            DONE => Wording::Done,
            REFUSED => Wording::Refused,
            _ => Wording::Other(text.clone()),
        })
    }

    /// The text that the client reads.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Wording::Done => DONE,
            Wording::Refused => REFUSED,
            Wording::Empty => "",
            Wording::Other(text) => text,
        }
    }

    /// The BLAKE3 hash of the text; looked up for constants, remembered for values.
    pub fn digest(&self) -> Digest {
        match &self.0 {
            Wording::Done => *DONE_DIGEST,
            Wording::Refused => *REFUSED_DIGEST,
            Wording::Empty => *EMPTY_DIGEST,
            Wording::Other(text) => text.digest(),
        }
    }
}

impl Canonical for Reply {
    fn feed(&self, sink: impl FnMut(&[u8])) {
        feed_value(self.as_str(), || self.digest(), sink);
    }
}

impl Answer for Reply {
    fn digest(&self) -> Digest {
        Self::digest(self)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Reply").field(&self.as_str()).finish()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), formatter)
    }
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|text| Self::of(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_its_text_however_it_came_about() {
        for (constant, text) in [(Reply::OK, "OK"), (Reply::FAIL, "fail"), (Reply::EMPTY, "")] {
            assert_eq!(Reply::of(&Text::from(text)), constant);
            assert_eq!(constant.as_str(), text);
        }
    }

    #[test]
    fn the_hash_is_that_of_the_text() {
        for text in ["OK", "fail", "", "star wars", "ok"] {
            let reply = Reply::of(&Text::from(text));
            assert_eq!(reply.digest(), *blake3::hash(text.as_bytes()).as_bytes());
        }
    }

    #[test]
    fn a_decoded_reply_equals_the_sent_one() {
        for text in ["OK", "fail", "", "a'b\n漢"] {
            let reply = Reply::of(&Text::from(text));
            let bytes = postcard::to_stdvec(&reply).unwrap();
            assert_eq!(postcard::from_bytes::<Reply>(&bytes).unwrap(), reply);
        }
    }
}
