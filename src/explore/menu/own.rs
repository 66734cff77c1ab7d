//! What can go wrong at the replicas of a protocol of one's own: what it says that it bears, at any
//! message that comes to it.

use super::Theme;
use crate::fault::Trigger;
use crate::scenario::About;

/// One for all: nothing is known of what belongs together.
pub(super) const THEMES: [Theme; 1] = [Theme { triggers: &["received"], failures: &[] }];

/// What part the replica at a position plays.
pub(super) fn role(own: &About, position: u32) -> &'static str {
    own.roles.get(position as usize).copied().unwrap_or("replica")
}

/// The messages that come, as triggers for the first of them. There is one configuration.
pub(super) fn triggers(own: &About, configuration: u32) -> Vec<Trigger> {
    let kinds = own.kinds.iter().filter(|_| configuration == 0);
    kinds.map(|kind| Trigger::Received { kind: *kind, number: 0 }).collect()
}
