//! Links: what they keep, delay, lose, double and reorder.

use proptest::prelude::*;

use super::*;
use crate::choice::Probability;
use crate::scenario::{
    Cut, Latency, Link, LinkChange, LinkKind, LinkOverride, Network, Partition, Party,
};
use crate::time::{MILLISECOND_NS as MS, SECOND_NS};

/// Sends a numbered word each millisecond, in bursts of three.
pub(super) fn sender(book: &mut Notebook, _: Now, input: In, out: &mut Out) {
    if matches!(input, Input::Start { .. } | Input::Timer(_)) && book.count < 60 {
        for _ in 0..3 {
            out.send(CLIENT.identity, Ping(book.count));
            book.count += 1;
        }
        out.set_timer('n', MS);
    }
}

/// Writes down the numbers that come.
pub(super) fn numbers(book: &mut Notebook, _: Now, input: In, _: &mut Out) {
    if let Input::Message { message: Ping(number), .. } = input {
        book.write(number);
    }
}

pub(super) const REPLICA: Address = Address::of(Identity::replica(0, 0));
pub(super) const CLIENT: Address = Address::of(Identity::client(0));

/// A replica that sends to a client.
pub(super) fn pair(settings: Settings<Toy>) -> World<Toy> {
    let mut world = World::new(settings);
    world.spawn(REPLICA.identity, 0);
    world.spawn(CLIENT.identity, 1);
    world
}

pub(super) fn over(seed: u64, network: Network) -> World<Toy> {
    pair(Settings { network, ..settings(seed, &[sender, numbers]) })
}

pub(super) fn received(mut world: World<Toy>) -> Vec<u64> {
    world.notes_after_run(CLIENT).iter().map(|number| number.parse().unwrap()).collect()
}

fn latency() -> impl Strategy<Value = Latency> {
    prop_oneof![
        (0..9 * MS).prop_map(|ns| Latency::Fixed { ns }),
        (0..MS, MS..20 * MS).prop_map(|(low_ns, high_ns)| Latency::Uniform { low_ns, high_ns }),
        (1..9 * MS).prop_map(|mean_ns| Latency::Exponential { mean_ns }),
        (1..MS, MS..9 * MS).prop_map(|(median_ns, p99_ns)| Latency::LongTail { median_ns, p99_ns }),
    ]
}

fn chance() -> impl Strategy<Value = Probability> {
    prop_oneof![Just(Probability::NEVER), any::<u64>().prop_map(Probability::from_bits)]
}

prop_compose! {
    fn partition()(
        from_ns in 0..30 * MS,
        length_ns in proptest::option::weighted(0.9, 1..20 * MS),
        one_way: bool,
    ) -> Partition {
        let (a, b) = (vec![Party::Replicas], vec![Party::Clients]);
        let cut = if one_way { Cut::OneWay { from: a, to: b } } else { Cut::Groups(vec![a, b]) };
        Partition { from_ns, until_ns: length_ns.map(|length| from_ns + length), cut }
    }
}

prop_compose! {
    pub(super) fn network(kind: LinkKind)(
        latency in latency(), loss in chance(), duplicate in chance(), reorder in chance(),
        retransmit_ns in 0..5 * MS,
        bandwidth in proptest::option::of(1_000..1_000_000_u64),
        partitions in proptest::collection::vec(partition(), 0..4),
    ) -> Network {
        let link = Link { kind, latency, loss, retransmit_ns, duplicate, reorder, bandwidth };
        Network { link, partitions, ..Network::default() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_stream_delivers_in_order_without_gaps(seed: u64, network in network(LinkKind::Stream)) {
        let endless = network.partitions.iter().any(|partition| partition.until_ns.is_none());
        let numbers = received(over(seed, network));
        prop_assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{numbers:?}");
        prop_assert!(endless || numbers.len() == 60, "{} arrived", numbers.len());
    }

    #[test]
    fn each_datagram_arrives_twice_at_most_and_is_accounted_for(
        seed: u64, network in network(LinkKind::Datagram),
    ) {
        let mut world = over(seed, network);
        let numbers = world.notes_after_run(CLIENT);
        let most = (0..60).map(|n| numbers.iter().filter(|m| **m == n.to_string()).count()).max();
        prop_assert!(most <= Some(2));
        let stats = world.stats();
        prop_assert_eq!(stats.received + stats.lost, stats.sent + stats.duplicated);
    }
}

fn plain(kind: LinkKind, change: impl FnOnce(&mut Link)) -> Network {
    let mut link = Link { kind, ..Link::default() };
    change(&mut link);
    Network { link, ..Network::default() }
}

#[test]
fn only_datagrams_are_doubled_and_overtaken() {
    let unruly = |link: &mut Link| {
        link.latency = Latency::Uniform { low_ns: 0, high_ns: 3 * MS };
        link.duplicate = Probability::ALWAYS;
        link.reorder = Probability::ALWAYS;
    };
    assert_eq!(received(over(1, plain(LinkKind::Stream, unruly))), Vec::from_iter(0..60));
    let datagrams = received(over(1, plain(LinkKind::Datagram, unruly)));
    assert_eq!(datagrams.len(), 120);
    assert!(!datagrams.is_sorted());
}

#[test]
fn a_line_with_little_bandwidth_sends_one_after_another() {
    let length = crate::wire::encoded_len(&Ping(0)) as u64;
    let slow = plain(LinkKind::Datagram, |link| link.bandwidth = Some(length * 100));
    let mut world = over(1, slow);
    world.run(&mut ());
    assert_eq!(world.now_ns(), 60 * 10 * MS + 100_000, "10 ms each, and the latency of the last");
}

#[test]
fn a_loss_on_a_stream_is_a_delay() {
    let certain = plain(LinkKind::Stream, |link| link.loss = Probability::ALWAYS);
    let mut world = over(1, certain);
    assert_eq!(world.notes_after_run(CLIENT).len(), 60);
    // The last three are sent at 19 ms, lost as often as anything can be, and then on their way.
    assert_eq!(world.now_ns(), 19 * MS + 64 * (SECOND_NS / 5) + 100_000);
}

#[test]
fn one_link_may_have_rules_of_its_own() {
    let change = LinkChange { loss: Some(Probability::ALWAYS), ..LinkChange::default() };
    let mut network = plain(LinkKind::Datagram, |_| {});
    let other = LinkOverride { from: Party::Clients, to: Party::Replicas, change };
    network.overrides.push(other.clone());
    assert_eq!(received(over(1, network.clone())).len(), 60, "the other way is another link");
    network.overrides.push(LinkOverride { from: other.to, to: other.from, change });
    assert!(received(over(1, network)).is_empty());
}
