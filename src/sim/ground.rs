//! What a scenario's network says of one link: the times in which nothing passes.

use crate::identity::Identity;
use crate::scenario::Network;

/// The times, from and until, in which nothing passes from one process to another.
pub(super) fn cuts(network: &Network, from: Identity, to: Identity) -> Vec<(u64, u64)> {
    let blocking = network.partitions.iter().filter(|partition| partition.cut.blocks(from, to));
    blocking.map(|cut| (cut.from_ns, cut.until_ns.unwrap_or(u64::MAX))).collect()
}
