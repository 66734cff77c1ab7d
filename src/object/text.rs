//! A string value that is shared, grows in place while nobody else holds it, and remembers its
//! hash.
//!
//! The same value travels through a request, the dictionaries of all replicas, replies and saved
//! results. Cloning it costs one counter, and its hash is computed once for all of them.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Canonical, Digest};

/// A shared string with a remembered BLAKE3 hash.
#[derive(Clone, Default)]
pub struct Text(Arc<Content>);

#[derive(Default)]
struct Content {
    text: String,
    digest: OnceLock<Digest>,
}

impl Text {
    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The BLAKE3 hash of the UTF-8 bytes, computed when first asked for.
    pub fn digest(&self) -> Digest {
        let digest = || blake3::hash(self.0.text.as_bytes()).into();
        *self.0.digest.get_or_init(digest)
    }

    /// Adds `more` at the end. Other holders of this value keep what they have.
    pub fn push_str(&mut self, more: &str) {
        if let Some(content) = Arc::get_mut(&mut self.0) {
            content.text.push_str(more);
            content.digest.take();
        } else {
            let mut text = String::with_capacity(self.len() + more.len());
            text.push_str(self);
            text.push_str(more);
            *self = Self::from(text);
        }
    }

    /// The characters number `from` up to, not including, `to`; nothing unless
    /// `from <= to <=` the number of characters.
    pub fn slice(&self, from: u64, to: u64) -> Option<Self> {
        let range = usize::try_from(from).ok()?..usize::try_from(to).ok()?;
        let text = self.as_str();
        let range = if text.is_ascii() { range } else { byte_range(text, range)? };
        text.get(range).map(Self::from)
    }
}

/// The bytes of these characters, if there are so many.
fn byte_range(text: &str, characters: Range<usize>) -> Option<Range<usize>> {
    let mut borders = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let begin = borders.nth(characters.start)?;
    let end = match characters.end.checked_sub(characters.start)? {
        0 => begin,
        count => borders.nth(count - 1)?,
    };
    Some(begin..end)
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        let digest = OnceLock::new();
        Self(Arc::new(Content { text, digest }))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

/// Texts of up to this many bytes are fed as they are; it is also the length of a hash.
const SHORT: usize = size_of::<Digest>();

impl Canonical for Text {
    fn feed(&self, sink: impl FnMut(&[u8])) {
        feed_value(self, || self.digest(), sink);
    }
}

/// Feeds a text of which there may be much, its length first. A hash stands for the characters of
/// a long one, so that it is read once, not once for each change of its surroundings.
pub(super) fn feed_value(text: &str, digest: impl FnOnce() -> Digest, mut sink: impl FnMut(&[u8])) {
    match text.len() {
        short @ 0..=SHORT => {
            sink(&[short as u8]);
            sink(text.as_bytes());
        }
        _ => {
            sink(&[u8::MAX]);
            sink(&digest());
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), formatter)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_leaves_other_holders_alone() {
        let mut grown = Text::from("star");
        let kept = grown.clone();
        grown.push_str(" wars");
        assert_eq!((kept.as_str(), grown.as_str()), ("star", "star wars"));
    }

    #[test]
    fn the_remembered_hash_follows_the_content() {
        let mut text = Text::from("star");
        let before = text.digest();
        text.push_str(" wars");
        assert_ne!(text.digest(), before);
        assert_eq!(text.digest(), *blake3::hash(b"star wars").as_bytes());
    }

    #[test]
    fn slices_count_characters() {
        let text = Text::from("aé漢🎬z");
        let part = |from, to| text.slice(from, to).map(|part| part.to_string());
        assert_eq!(part(1, 4).as_deref(), Some("é漢🎬"));
        assert_eq!(part(0, 5).as_deref(), Some("aé漢🎬z"));
        assert_eq!(part(5, 5).as_deref(), Some(""));
        assert_eq!(part(2, 2).as_deref(), Some(""));
        assert_eq!(part(3, 2), None);
        assert_eq!(part(4, 6), None);
        assert_eq!(part(6, 6), None);
        assert_eq!(part(0, u64::MAX), None);
        assert_eq!(part(u64::MAX, u64::MAX), None);
        assert_eq!(Text::from("star").slice(1, 4), Some(Text::from("tar")));
        assert_eq!(Text::from("star").slice(4, 4), Some(Text::default()));
        assert_eq!(Text::from("star").slice(3, 2), None);
        assert_eq!(Text::from("star").slice(3, 5), None);
    }
}
