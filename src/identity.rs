//! Who is who: a party of the system has an [`Identity`], a process that runs has an [`Address`].
//!
//! Keys, signatures and messages name an identity; the runtime maps it to one process, or to
//! several where a party has twins, which addresses tell apart.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// The kind of party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Class {
    /// The configuration service, of which there is one.
    Olympus = 0,
    /// A member of a configuration.
    Replica = 1,
    /// A user of the object.
    Client = 2,
    /// A store that answers later, such as a disk.
    Datalet = 3,
    /// A door through which requests come from outside.
    Gateway = 4,
    /// Whatever a test or an embedding user adds.
    Other = 5,
}

impl Class {
    /// All there are.
    pub const ALL: [Class; 6] = [
        Class::Olympus,
        Class::Replica,
        Class::Client,
        Class::Datalet,
        Class::Gateway,
        Class::Other,
    ];

    /// The word by which texts name the class.
    pub fn name(self) -> &'static str {
        match self {
            Class::Olympus => "olympus",
            Class::Replica => "replica",
            Class::Client => "client",
            Class::Datalet => "datalet",
            Class::Gateway => "gateway",
            Class::Other => "other",
        }
    }
}

/// A party: its class and its numbers.
///
/// Both numbers are at most [`Identity::MAX_NUMBER`]; texts and messages with larger ones are
/// refused. To readers it is text (`olympus`, `client 3`, `replica 0.1`), on the wire a few bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The kind of party.
    pub class: Class,
    /// The configuration that it is a member of; 0 for whoever is a member of none.
    pub configuration: u32,
    /// Its position in the configuration, or its number within the class.
    pub index: u32,
}

impl Identity {
    /// The configuration service.
    pub const OLYMPUS: Identity = Identity::new(Class::Olympus, 0, 0);

    /// The largest configuration or index: what [`Identity::pack`] has room for.
    pub const MAX_NUMBER: u32 = (1 << 28) - 1;

    /// The party with these numbers.
    pub const fn new(class: Class, configuration: u32, index: u32) -> Identity {
        Identity { class, configuration, index }
    }

    /// The client with this number.
    pub const fn client(index: u32) -> Identity {
        Identity::new(Class::Client, 0, index)
    }

    /// The replica at a position of a configuration.
    pub const fn replica(configuration: u32, position: u32) -> Identity {
        Identity::new(Class::Replica, configuration, position)
    }

    /// The party of class [`Class::Other`] with this number.
    pub const fn other(index: u32) -> Identity {
        Identity::new(Class::Other, 0, index)
    }

    /// The identity as one number: class in the top 8 bits, configuration and index in 28 each.
    ///
    /// Within [`Identity::MAX_NUMBER`], numbers are distinct and ordered as the identities are.
    #[inline]
    pub const fn pack(self) -> u64 {
        let configuration = (self.configuration & Identity::MAX_NUMBER) as u64;
        let index = (self.index & Identity::MAX_NUMBER) as u64;
        ((self.class as u64) << 56) | (configuration << 28) | index
    }

    /// The identity that has this number.
    #[inline]
    pub const fn unpack(packed: u64) -> Option<Identity> {
        let class = (packed >> 56) as usize;
        if class >= Class::ALL.len() {
            return None;
        }
        let configuration = (packed >> 28) as u32 & Identity::MAX_NUMBER;
        let index = packed as u32 & Identity::MAX_NUMBER;
        Some(Identity::new(Class::ALL[class], configuration, index))
    }

    /// Configuration and index in one number, whatever they are.
    const fn rank(self) -> u64 {
        (self.configuration as u64) << 32 | self.index as u64
    }

    fn is_packable(self) -> bool {
        self.configuration <= Identity::MAX_NUMBER && self.index <= Identity::MAX_NUMBER
    }
}

/// By class, configuration and index, in two comparisons: parties are looked up for every event.
impl Ord for Identity {
    #[inline]
    fn cmp(&self, other: &Identity) -> Ordering {
        (self.class as u8, self.rank()).cmp(&(other.class as u8, other.rank()))
    }
}

impl PartialOrd for Identity {
    #[inline]
    fn partial_cmp(&self, other: &Identity) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.class.name();
        match (self.class, self.configuration, self.index) {
            (Class::Olympus, 0, 0) => f.write_str(name),
            (Class::Replica, configuration, index) => write!(f, "{name} {configuration}.{index}"),
            (_, 0, index) => write!(f, "{name} {index}"),
            (_, configuration, index) => write!(f, "{name} {configuration}.{index}"),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text names no party.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// The first word is no class.
    #[error("{0:?} is no kind of party; write olympus, replica, client, datalet, gateway or other")]
    Class(String),
    /// What follows the class is not a number within bounds, or not of the form that it needs.
    #[error(
        "{0:?} does not number a party; write for example `client 3`, or `replica 0.1` \
         (configuration.position), with numbers below 268435456"
    )]
    Numbers(String),
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Identity, IdentityError> {
        let (word, numbers) = text.split_once(' ').unwrap_or((text, ""));
        let class = Class::ALL.into_iter().find(|class| class.name() == word);
        let class = class.ok_or_else(|| IdentityError::Class(word.to_owned()))?;
        parse_numbers(class, numbers)
            .map(|(configuration, index)| Identity { class, configuration, index })
            .filter(|identity| identity.is_packable())
            .ok_or_else(|| IdentityError::Numbers(text.to_owned()))
    }
}

/// The configuration and index that follow the class, if they have the form that the class needs.
fn parse_numbers(class: Class, numbers: &str) -> Option<(u32, u32)> {
    match (class, numbers.split_once('.')) {
        (Class::Olympus, None) if numbers.is_empty() => Some((0, 0)),
        (Class::Replica, None) => None,
        (_, None) => Some((0, number(numbers)?)),
        (_, Some((configuration, index))) => Some((number(configuration)?, number(index)?)),
    }
}

/// Decimal digits alone: no sign, no space.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_newtype_struct("Identity", &Named(*self));
        }
        (self.class, self.configuration, self.index).serialize(serializer)
    }
}

/// An identity as readers get it: its name, or, for one who knows what comes, its number.
struct Named(Identity);

impl Serialize for Named {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.collect_str(&self.0),
            false => serializer.serialize_bytes(&self.0.pack().to_le_bytes()),
        }
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Identity, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            return text.parse().map_err(de::Error::custom);
        }
        let (class, configuration, index) = Deserialize::deserialize(deserializer)?;
        let identity = Identity { class, configuration, index };
        if identity.is_packable() {
            return Ok(identity);
        }
        Err(de::Error::custom("the number of a party is out of bounds"))
    }
}

/// A process: the identity it acts under, and which of that identity's processes it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// Under whose name it acts.
    pub identity: Identity,
    /// 0 for the first process of that identity, 1 for its twin, and so on.
    pub twin: u8,
}

impl Address {
    /// The first process of this identity.
    pub const fn of(identity: Identity) -> Address {
        Address { identity, twin: 0 }
    }

    /// In 64 bits; distinct addresses have distinct numbers, as long as no identity has more than
    /// 32 processes.
    pub const fn pack(self) -> u64 {
        self.identity.pack() | (self.twin as u64 & 31) << 59
    }
}

/// By identity, then by the number of the twin.
impl Ord for Address {
    #[inline]
    fn cmp(&self, other: &Address) -> Ordering {
        self.identity.cmp(&other.identity).then(self.twin.cmp(&other.twin))
    }
}

impl PartialOrd for Address {
    #[inline]
    fn partial_cmp(&self, other: &Address) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.identity)?;
        if self.twin == 0 { Ok(()) } else { write!(f, " twin {}", self.twin) }
    }
}

impl FromStr for Address {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Address, IdentityError> {
        let Some((identity, twin)) = text.split_once(" twin ") else {
            return text.parse().map(Address::of);
        };
        let twin = twin.parse().map_err(|_| IdentityError::Numbers(text.to_owned()))?;
        Ok(Address { identity: identity.parse()?, twin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_and_from_str_are_inverse() {
        let cases = [
            (Identity::OLYMPUS, "olympus"),
            (Identity::client(3), "client 3"),
            (Identity::replica(0, 1), "replica 0.1"),
            (Identity::replica(7, 0), "replica 7.0"),
            (Identity::new(Class::Datalet, 2, 5), "datalet 2.5"),
            (Identity::new(Class::Gateway, 0, 0), "gateway 0"),
            (Identity::new(Class::Olympus, 0, 1), "olympus 1"),
            (Identity::other(Identity::MAX_NUMBER), "other 268435455"),
        ];
        for (identity, text) in cases {
            assert_eq!(identity.to_string(), text);
            assert_eq!(text.parse(), Ok(identity));
        }
    }

    #[test]
    fn text_that_names_nobody_is_refused() {
        let classes = ["", "zeus", "Client 3", " client 3"];
        for text in classes {
            assert!(matches!(text.parse::<Identity>(), Err(IdentityError::Class(_))), "{text:?}");
        }
        let numbers = [
            "client",
            "client ",
            "client +3",
            "client 3 ",
            "client -1",
            "client 268435456",
            "replica 1",
            "replica 1.",
            "replica .1",
            "replica 1.2.3",
            "client 99999999999",
        ];
        for text in numbers {
            assert!(matches!(text.parse::<Identity>(), Err(IdentityError::Numbers(_))), "{text:?}");
        }
    }

    #[test]
    fn addresses_are_ordered_by_class_configuration_index_and_twin() {
        let numbers = [0, 1, 300, Identity::MAX_NUMBER, u32::MAX];
        let mut all = Vec::new();
        for class in Class::ALL {
            for configuration in numbers {
                for index in numbers {
                    let identity = Identity { class, configuration, index };
                    all.extend([0, 1, u8::MAX].map(|twin| Address { identity, twin }));
                }
            }
        }
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(all.windows(2).all(|pair| pair[0].identity <= pair[1].identity));
    }

    #[test]
    fn packing_keeps_identities_apart_and_in_order() {
        let mut all = Vec::new();
        for class in Class::ALL {
            for configuration in [0, 1, 300, Identity::MAX_NUMBER] {
                for index in [0, 1, 300, Identity::MAX_NUMBER] {
                    all.push(Identity { class, configuration, index });
                }
            }
        }
        assert!(all.is_sorted());
        assert!(all.windows(2).all(|pair| pair[0].pack() < pair[1].pack()));
        assert_eq!(Identity::replica(2, 3).pack(), 0x0100_0000_2000_0003);
    }
}
