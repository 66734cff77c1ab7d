//! The tree of hashes over the lines of a sheet, and the way from a line to its root.

use super::hash::{Digest, Hasher};

/// The most lines of a sheet.
pub(super) const MOST_LINES: usize = 1024;
/// The longest way from a line to the root of such a sheet.
const LONGEST_WAY: usize = MOST_LINES.ilog2() as usize;

/// A signature's own bytes.
pub(super) const PEN: usize = 64;
/// Where the line stands and of how many, two bytes each.
const PLACE: usize = 4;
/// A hash on the way.
pub(super) const STEP: usize = 32;

/// The longest form of a line's signature.
pub(super) const LONGEST: usize = PEN + PLACE + LONGEST_WAY * STEP;

/// Whether a line's signature may have this length.
pub(super) fn is_length(length: usize) -> bool {
    let way = length.checked_sub(PEN + PLACE);
    way.is_some_and(|way| way > 0 && way % STEP == 0 && length <= LONGEST)
}

/// What is known of the tree of a sheet with several lines: of each line that is known, the way to
/// the root and who stands beside it.
#[derive(Debug)]
pub(super) struct Tree {
    /// The signature under the root.
    pen: [u8; PEN],
    count: u16,
    /// Those that are known of the lines, then of the hashes of pairs of them, and so on up to
    /// one, each behind its place. No room is kept for the others: a few bytes can be about a sheet
    /// of very many lines.
    known: Vec<(u16, Digest)>,
    /// What is signed.
    text: Digest,
}

impl Tree {
    /// The tree over all of these lines, signed.
    pub(super) fn over(lines: &[Digest], sign: impl FnOnce(&Digest) -> [u8; PEN]) -> Tree {
        let places: Vec<usize> = (0..lines.len()).collect();
        let mut nodes = vec![None; size(lines.len())];
        nodes.iter_mut().zip(lines).for_each(|(node, line)| *node = Some(*line));
        let top = rise(&mut nodes, lines.len(), places).expect("all lines are known");
        let text = root(lines.len() as u16, &top);
        Tree { pen: sign(&text), count: lines.len() as u16, known: known(&nodes), text }
    }

    /// The tree with these lines, in the order of their places, of so many, and those beside their
    /// ways, in the order of [`missing`]. None if there is no such tree, or not all of them come.
    pub(super) fn with(
        pen: [u8; PEN],
        count: u16,
        lines: &[(u16, Digest)],
        mut beside: impl FnMut() -> Option<Digest>,
    ) -> Option<Tree> {
        let width = usize::from(count);
        let is_in_order = lines.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let last = lines.last().map(|(place, _)| *place)?;
        if !is_in_order || last >= count || !(2..=MOST_LINES).contains(&width) {
            return None;
        }
        let mut nodes = vec![None; size(width)];
        for (place, line) in lines {
            nodes[usize::from(*place)] = Some(*line);
        }
        let places: Vec<usize> = lines.iter().map(|(place, _)| (*place).into()).collect();
        for place in missing(width, places.clone()) {
            nodes[place] = Some(beside()?);
        }
        let top = rise(&mut nodes, width, places)?;
        Some(Tree { pen, count, known: known(&nodes), text: root(count, &top) })
    }

    pub(super) fn pen(&self) -> &[u8; PEN] {
        &self.pen
    }

    pub(super) fn count(&self) -> u16 {
        self.count
    }

    /// What is signed: whoever signed that, signed every line here.
    pub(super) fn text(&self) -> &Digest {
        &self.text
    }

    /// What stands at this place of [`Tree::missing`].
    pub(super) fn node(&self, place: usize) -> Option<&Digest> {
        let is_there = |(at, _): &&(u16, Digest)| usize::from(*at) == place;
        let found = self.known.get(place).filter(is_there).or_else(|| {
            let at = self.known.binary_search_by_key(&place, |(at, _)| (*at).into()).ok()?;
            self.known.get(at)
        });
        found.map(|(_, node)| node)
    }

    /// Whether this line stands there.
    pub(super) fn holds(&self, line: &Digest, place: u32) -> bool {
        place < self.count.into() && self.node(place as usize) == Some(line)
    }

    /// The signature of a line, put into `room`: its bytes.
    pub(super) fn signature<'a>(&self, place: u32, room: &'a mut [u8; LONGEST]) -> &'a [u8] {
        room[..PEN].copy_from_slice(&self.pen);
        room[PEN..PEN + 2].copy_from_slice(&(place as u16).to_le_bytes());
        room[PEN + 2..PEN + PLACE].copy_from_slice(&self.count.to_le_bytes());
        let mut end = PEN + PLACE;
        for beside in self.way(place) {
            room[end..end + STEP].copy_from_slice(beside.as_bytes());
            end += STEP;
        }
        &room[..end]
    }

    /// Whether the signature of the line in this place is the same as in another tree.
    pub(super) fn is_like(&self, other: &Tree, place: u32) -> bool {
        self.pen == other.pen && self.count == other.count && self.way(place).eq(other.way(place))
    }

    /// Who stands beside the way of a line that is known, from below.
    fn way(&self, place: u32) -> impl Iterator<Item = &Digest> {
        let mut at = place as usize;
        levels(self.count.into()).filter_map(move |(below, width)| {
            let beside = (at ^ 1 < width).then_some(below + (at ^ 1));
            at /= 2;
            self.node(beside?)
        })
    }
}

/// Those that are known, each behind its place: a tree of [`MOST_LINES`] has 2047.
fn known(nodes: &[Option<Digest>]) -> Vec<(u16, Digest)> {
    let mut known = Vec::with_capacity(nodes.iter().flatten().count());
    known.extend((0..).zip(nodes).filter_map(|(place, node)| Some((place, (*node)?))));
    known
}

/// How many hashes a tree has.
fn size(lines: usize) -> usize {
    levels(lines).map(|(_, width)| width).sum()
}

/// The levels of a tree: how many hashes there are below, and how many on it.
fn levels(lines: usize) -> impl Iterator<Item = (usize, usize)> {
    let (mut below, mut next) = (0, Some(lines));
    std::iter::from_fn(move || {
        let width = next?;
        let level = (below, width);
        below += width;
        next = (width > 1).then(|| width.div_ceil(2));
        Some(level)
    })
}

/// Where those stand in a tree who are beside the ways of these lines, in order, and on none. The
/// last one of an odd number has nobody beside him.
pub(super) fn missing(lines: usize, mut places: Vec<usize>) -> Vec<usize> {
    let mut missing = Vec::new();
    for (below, width) in levels(lines) {
        for (index, at) in places.iter().enumerate() {
            let other = at ^ 1;
            let near = if other < *at { index.checked_sub(1) } else { Some(index + 1) };
            let is_here = near.is_some_and(|near| places.get(near) == Some(&other));
            if other < width && !is_here {
                missing.push(below + other);
            }
        }
        up(&mut places);
    }
    missing
}

/// Hashes pairs up to the root, on the ways of the lines in these places; returns that.
fn rise(nodes: &mut [Option<Digest>], lines: usize, mut places: Vec<usize>) -> Option<Digest> {
    for (below, width) in levels(lines).filter(|(_, width)| *width > 1) {
        up(&mut places);
        for above in &places {
            let (left, right) = (below + 2 * above, below + 2 * above + 1);
            nodes[below + width + above] = match (nodes[left]?, 2 * above + 1 < width) {
                (left, true) => Some(join(&left, &nodes[right]?)),
                // Who has nobody beside him goes up as he is.
                (left, false) => Some(left),
            };
        }
    }
    *nodes.last()?
}

/// Places a level higher, each once.
fn up(places: &mut Vec<usize>) {
    places.iter_mut().for_each(|place| *place /= 2);
    places.dedup();
}

/// A pair is hashed in one call of the compression function: its left half is the key.
fn join(left: &Digest, right: &Digest) -> Digest {
    Hasher::about(left, "sheet pair").digest(right).finish()
}

/// What is signed, if this stands above so many lines.
fn root(count: u16, top: &Digest) -> Digest {
    Hasher::new("sheet").u32(count.into()).digest(top).finish()
}

/// What the signature in these bytes, of a length that [`is_length`], is under if the line is this.
/// None if no line stands there.
pub(super) fn text(line: &Digest, bytes: &[u8]) -> Option<(Digest, [u8; PEN])> {
    let (pen, rest) = bytes.split_first_chunk::<PEN>()?;
    let (place, rest) = rest.split_first_chunk::<2>()?;
    let (count, way) = rest.split_first_chunk::<2>()?;
    let [place, count] = [place, count].map(|number| u16::from_le_bytes(*number));
    let (steps, rest) = way.as_chunks::<STEP>();
    let (mut steps, mut at) = (steps.iter(), usize::from(place));
    if place >= count || !(2..=MOST_LINES).contains(&count.into()) || !rest.is_empty() {
        return None;
    }
    let mut top = *line;
    for (_, width) in levels(count.into()) {
        if at ^ 1 < width {
            let other = Digest::from_bytes(*steps.next()?);
            top = if at % 2 == 0 { join(&top, &other) } else { join(&other, &top) };
        }
        at /= 2;
    }
    steps.next().is_none().then(|| (root(count, &top), *pen))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(count: usize) -> Vec<Digest> {
        (0..count as u64).map(|number| Hasher::new("test line").u64(number).finish()).collect()
    }

    fn whole(count: usize) -> Tree {
        Tree::over(&lines(count), |_| [7; PEN])
    }

    #[test]
    fn every_line_leads_to_the_root() {
        for count in (2..=17).chain([31, 32, 33, 1000, MOST_LINES]) {
            let tree = whole(count);
            for (place, line) in (0..).zip(&lines(count)) {
                let mut room = [0; LONGEST];
                let bytes = tree.signature(place, &mut room);
                assert!(is_length(bytes.len()), "{place} of {count}");
                assert_eq!(text(line, bytes), Some((*tree.text(), [7; PEN])), "{place} of {count}");
                assert!(tree.holds(line, place) && !tree.holds(line, place + 1));
            }
        }
    }

    #[test]
    fn no_sheet_is_longer_than_one_may_be() {
        // The last of an odd number has a short way, however many there are.
        let mut bytes = [0; PEN + PLACE + STEP];
        for (count, is_line) in [(3u16, true), (513, true), (1025, false), (32_769, false)] {
            bytes[PEN..PEN + 2].copy_from_slice(&(count - 1).to_le_bytes());
            bytes[PEN + 2..PEN + PLACE].copy_from_slice(&count.to_le_bytes());
            assert_eq!(text(&lines(1)[0], &bytes).is_some(), is_line, "{count}");
        }
    }

    #[test]
    fn what_is_no_tree_is_none() {
        let all: Vec<_> = (0..).zip(lines(4)).collect();
        let none = |count, lines: &[(u16, Digest)]| Tree::with([0; PEN], count, lines, || None);
        assert!(none(4, &all).is_some());
        assert!(none(4, &all[..3]).is_none(), "the fourth does not come");
        assert!(none(3, &all).is_none(), "more than there are");
        assert!(none(4, &[]).is_none());
        assert!(none(4, &[all[1], all[0], all[2], all[3]]).is_none(), "out of order");
        assert!(none(1, &all[..1]).is_none(), "one line is no sheet");
        let other = || Some(lines(1)[0]);
        assert!(Tree::with([0; PEN], 1025, &all, other).is_none());
        assert!(Tree::with([0; PEN], 1024, &all, other).is_some());
    }

    #[test]
    fn no_room_is_kept_for_what_is_not_known() {
        // The last of 513 lines has one step to the root: 100 bytes make a tree of 1034 hashes.
        let line = (512, lines(1)[0]);
        let mut beside = Some(lines(2)[1]);
        let tree = Tree::with([7; PEN], 513, &[line], || beside.take()).unwrap();
        assert_eq!(size(513), 1034);
        // The way of ten steps up to the root, the root, and who stands beside it.
        assert_eq!((tree.known.len(), tree.known.capacity()), (12, 12));
        assert!(tree.holds(&line.1, 512) && !tree.holds(&line.1, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn some_lines_and_those_beside_them_make_the_same_tree(
            count in 2..70usize,
            chosen in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
        ) {
            let tree = whole(count);
            let mut places: Vec<usize> = chosen.iter().map(|index| index.index(count)).collect();
            places.sort_unstable();
            places.dedup();
            let missing = missing(count, places.clone());
            // No more than one beside each step of each way, and none who is on one.
            prop_assert!(missing.windows(2).all(|pair| pair[0] != pair[1]));
            let some: Vec<_> = places.iter().map(|at| (*at as u16, lines(count)[*at])).collect();
            let mut beside = missing.iter().map(|place| *tree.node(*place).unwrap());
            let part = Tree::with([7; PEN], count as u16, &some, || beside.next()).unwrap();
            prop_assert_eq!(part.text(), tree.text());
            for place in places {
                prop_assert!(part.is_like(&tree, place as u32));
                prop_assert!(part.holds(&lines(count)[place], place as u32));
                let (mut one, mut other) = ([0; LONGEST], [0; LONGEST]);
                let place = place as u32;
                prop_assert_eq!(part.signature(place, &mut one), tree.signature(place, &mut other));
            }
        }
    }
}
