//! What goes to one node at one time: parcels in a bundle, with the sheets of their statements.
//!
//! A bundle is the number of its parcels, the parcels, and what their signatures have in common.

use crate::crypto::{Binder, Unbinder};
use crate::process::Protocol;
use crate::wire::{self, WireError};

use super::arrival::Parcel;

/// The most parcels of a bundle, far fewer than may wait for a node to take them.
const MOST_PARCELS: usize = 256;
/// How long a bundle of several may be; what is longer goes alone.
const LONGEST: usize = 256 << 10;
/// How much room is kept for what is written.
const ROOM_KEPT: usize = 1 << 20;

/// Parcels as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bundle {
    pub(super) bytes: Vec<u8>,
    /// How many parcels these are.
    pub(super) parcels: usize,
}

/// Packs parcels; keeps the room for that.
#[derive(Debug, Default)]
pub(super) struct Packer {
    page: Vec<u8>,
}

impl Packer {
    /// Packs all of them, into as few bundles as may be.
    pub(super) fn pack<P: Protocol>(
        &mut self,
        mut parcels: &[Parcel<P>],
        mut send: impl FnMut(Bundle),
    ) {
        while !parcels.is_empty() {
            let bundle = self.first(parcels);
            parcels = &parcels[bundle.parcels..];
            send(bundle);
        }
        self.page.clear();
        self.page.shrink_to(ROOM_KEPT);
    }

    /// The first of them in a bundle.
    fn first<P: Protocol>(&mut self, parcels: &[Parcel<P>]) -> Bundle {
        let page = &mut self.page;
        page.clear();
        page.extend([0; 2]);
        let (mut binder, mut count) = (Binder::default(), 0u16);
        for parcel in parcels.iter().take(MOST_PARCELS) {
            let (begin, lines) = (page.len(), binder.lines());
            binder.bind(|| wire::encode_to(page, parcel));
            if count > 0 && page.len() > LONGEST {
                page.truncate(begin);
                binder.cut(lines);
                break;
            }
            count += 1;
        }
        binder.finish(page);
        page[..2].copy_from_slice(&count.to_le_bytes());
        Bundle { bytes: page.as_slice().into(), parcels: count.into() }
    }
}

/// The parcels of a bundle.
pub(super) fn unpack<P: Protocol>(bytes: &[u8], limit: usize) -> Result<Vec<Parcel<P>>, WireError> {
    if bytes.len() > limit {
        return Err(WireError::TooLong { length: bytes.len(), limit });
    }
    let count = bytes.split_first_chunk().map(|(count, rest)| (u16::from_le_bytes(*count), rest));
    let Some((count, mut rest)) = count.filter(|(count, _)| usize::from(*count) <= MOST_PARCELS)
    else {
        return Err(WireError::Refused(format!("a bundle has at most {MOST_PARCELS} parcels")));
    };
    let mut unbinder = Unbinder::default();
    let parcels = (0..count).map(|_| wire::decode_first(&mut rest));
    let parcels = unbinder.unbind(|| parcels.collect::<Result<Vec<_>, _>>())?;
    unbinder.finish(&mut rest).map_err(|error| WireError::Refused(error.to_string()))?;
    match rest.len() {
        0 => Ok(parcels),
        extra => Err(WireError::Trailing(extra)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::Identity;
    use crate::object::{Item, Workload};
    use crate::protocol::bcr::{Bcr, Birth, Message, Settings};

    fn parcel(sent: u64) -> Parcel<Bcr> {
        let message = Message::Stop { configuration: 0 };
        Parcel::Message { from: Identity::OLYMPUS, to: Identity::client(0), sent, message }
    }

    /// A parcel that is long.
    fn birth(bytes: usize) -> Parcel<Bcr> {
        let settings = Settings::new(1);
        let put = format!("put('k','{}')", "v".repeat(bytes));
        let items = vec![Item::Fixed(crate::net::operation(&put).unwrap())];
        let workload = Workload::new(items, Default::default());
        let birth = Birth::Client { settings, number: 0, workload };
        Parcel::Birth { identity: Identity::client(0), birth }
    }

    fn packed(parcels: &[Parcel<Bcr>]) -> Vec<Bundle> {
        let mut bundles = Vec::new();
        Packer::default().pack(parcels, |bundle| bundles.push(bundle));
        bundles
    }

    fn shown(parcels: &[Parcel<Bcr>]) -> Vec<String> {
        parcels.iter().map(|parcel| format!("{parcel:?}")).collect()
    }

    #[test]
    fn all_of_them_come_in_order() {
        for count in [0, 1, 2, 256, 257, 1000] {
            let parcels: Vec<_> = (0..count).map(parcel).collect();
            let bundles = packed(&parcels);
            assert_eq!(bundles.len() as u64, count.div_ceil(256));
            let unpacked = |bundle: &Bundle| unpack::<Bcr>(&bundle.bytes, 10_000).unwrap();
            let came: Vec<_> = bundles.iter().flat_map(unpacked).collect();
            assert_eq!(shown(&came), shown(&parcels));
            let counts = bundles.iter().map(|bundle| bundle.parcels as u64);
            assert_eq!(counts.sum::<u64>(), count);
        }
    }

    #[test]
    fn what_is_long_goes_alone() {
        let parcels = [parcel(1), birth(300 << 10), birth(200 << 10), birth(100 << 10), parcel(2)];
        let counts: Vec<_> = packed(&parcels).iter().map(|bundle| bundle.parcels).collect();
        assert_eq!(counts, [1, 1, 1, 2]);
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        let bytes = packed(&[parcel(1), parcel(2)]).remove(0).bytes;
        assert_eq!(unpack::<Bcr>(&bytes, bytes.len()).map(|all| all.len()).ok(), Some(2));
        assert!(unpack::<Bcr>(&bytes, bytes.len() - 1).is_err(), "longer than is allowed");
        for length in 0..bytes.len() {
            assert!(unpack::<Bcr>(&bytes[..length], 10_000).is_err(), "{length}");
        }
        assert!(unpack::<Bcr>(&[&bytes[..], &[0]].concat(), 10_000).is_err());
    }

    proptest! {
        #[test]
        fn bytes_of_a_strangers_making_are_read_without_harm(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            from in 0..300usize,
        ) {
            let _ = unpack::<Bcr>(&bytes, 300);
            let mut spoilt = packed(&[parcel(1), birth(100), parcel(2)]).remove(0).bytes;
            let from = from.min(spoilt.len());
            spoilt[from..].iter_mut().zip(bytes).for_each(|(one, other)| *one = other);
            let _ = unpack::<Bcr>(&spoilt, 10_000);
        }
    }
}
